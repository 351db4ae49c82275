/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Interface tables: a message is what its table says, and copied as that. */
#include "iface_wide.h"

static int
check(const struct wide *m)
{
	return mp_iface_check(&wide_iface, &m->msg);
}

TEST(operations_are_found_by_number_and_no_others)
{
	CHECK(mp_iface_op_find(&wide_iface, MP_IFACE_OP_FIRST(9)) == &ops[0]);
	CHECK(mp_iface_op_find(&wide_iface, MP_IFACE_OP_FIRST(9) + 1) ==
	      &ops[1]);
	CHECK(mp_iface_op_find(&wide_iface, MP_IFACE_OP_FIRST(9) + 2) == NULL);
	CHECK(mp_iface_op_find(&wide_iface, MP_IFACE_OP_FIRST(9) - 1) == NULL);
	CHECK(mp_iface_op_find(&wide_iface, MP_IFACE_OP_FIRST(8)) == NULL);
	CHECK(mp_iface_op_find(&wide_iface, 0) == NULL);
}

TEST(a_good_message_passes_the_check)
{
	struct wide m = good();

	CHECK_EQ(check(&m), 0);
	m.msg.op++;
	CHECK_EQ(check(&m), 0);
	m.msg.op++;
	CHECK_EQ(check(&m), -ENOSYS);
}

#define BAD(error, ...)                        \
	do {                                   \
		struct wide m = good();        \
		__VA_ARGS__;                   \
		CHECK_EQ(check(&m), -(error)); \
	} while (0)

TEST(what_the_table_does_not_allow_is_refused)
{
	BAD(EINVAL, m.in.id = 0);
	BAD(EINVAL, m.in.off = 1ull << 63);
	BAD(EINVAL, m.in.flags = 2);
	BAD(EINVAL, m.in.kind = 0);
	BAD(EINVAL, m.in.kind = 64 + 1);
	BAD(EINVAL, m.in.mode = 01000);
	BAD(EINVAL, m.in.nsec = 1000000000);
	BAD(EINVAL, m.in.zero = 1);
	BAD(EINVAL, m.in.name[5] = 'x');
	BAD(ENAMETOOLONG, m.in.name_len = 16);
	BAD(E2BIG, m.in.pairs = 5);
	BAD(0, m.out.value = 0; m.out.text_len = 99);
}

TEST(a_buffer_or_handle_the_table_does_not_allow_is_refused)
{
	BAD(EINVAL, m.buf.dir = MP_BUF_OUT);
	BAD(EINVAL, m.buf.base = NULL);
	BAD(EINVAL, m.buf.len = 3);
	BAD(EFBIG, m.buf.len = 101);
	BAD(0, m.buf.len = 100);
	BAD(EINVAL, m.handle.kind = MP_HANDLE_PORT);
	BAD(0, m.handle.kind = MP_HANDLE_PORT;
	    m.handle.port = (void *)wide_lent);
	BAD(EINVAL, m.handle.kind = MP_HANDLE_FD; m.handle.fd = -1);
	BAD(0, m.handle.kind = MP_HANDLE_FD);
	BAD(EINVAL, m.handle.kind = 3);
}

TEST(fields_are_read_at_their_size)
{
	struct wide m = good();

	CHECK_EQ(mp_iface_get(&wide_field[0], &m.msg), 7);
	CHECK_EQ(mp_iface_get(&wide_field[2], &m.msg), 4);
	CHECK_EQ(mp_iface_get(&wide_field[6], &m.msg), 0xfe);
	CHECK_EQ(mp_iface_get(&wide_field[7], &m.msg), 0xfedc);
	CHECK_EQ(mp_iface_get(&wide_field[11], &m.msg), 0);
}

TEST(a_copy_has_the_live_bytes_and_the_loans)
{
	struct wide m = good();
	struct wide to;

	m.handle.kind = MP_HANDLE_FD;
	m.handle.fd = 9;
	memset(&to, 0xee, sizeof(to));
	CHECK_EQ(mp_iface_copy_in(&ops[0], &to.msg, &m.msg), 0);
	CHECK(memcmp(&to.in, &m.in, FIXED) == 0);
	CHECK_STR(to.in.name, "hello");
	CHECK_EQ((unsigned char)to.in.name[6], 0xee);
	CHECK_EQ(to.in.pair[1].b, 4);
	CHECK_EQ(to.in.pair[2].a, 0xeeeeeeee);
	CHECK(to.buf.base == wide_lent && to.buf.len == 10);
	CHECK_EQ(to.handle.fd, 9);
	CHECK_EQ(to.out.text_len, 0xeeeeeeee);
	CHECK_EQ(to.msg.op, 0xeeeeeeee);

	CHECK_EQ(mp_iface_copy_out(&ops[0], &to.msg, &m.msg), 0);
	CHECK_EQ(to.out.value, 11);
	CHECK_STR(to.out.text, "abc");
	CHECK_EQ((unsigned char)to.out.text[4], 0xee);
	CHECK_EQ(mp_iface_copy_in(&ops[1], &to.msg, &m.msg), 0);
	CHECK_EQ(mp_iface_copy_out(&ops[1], &to.msg, &m.msg), 0);
}
