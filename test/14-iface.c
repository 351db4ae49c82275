/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Interface tables: what crosses a boundary is what was sent, or an error. */
#include "t.h"

#include <pthread.h>
#include <stdlib.h>
#include <msgport/iface_table.h>

struct pair {
	uint32_t a;
	uint32_t b;
};

struct wide {
	struct mp_msg msg;
	struct {
		uint64_t id;
		uint64_t off;
		uint32_t flags;
		uint32_t kind;
		uint32_t mode;
		uint32_t nsec;
		uint8_t byte;
		uint8_t zero_bytes[1];
		uint16_t half;
		uint32_t zero;
		uint32_t name_len;
		uint32_t pairs;
		char name[16];
		struct pair pair[4];
	} in;
	struct {
		uint64_t value;
		uint32_t reserved;
		uint32_t text_len;
		char text[8];
	} out;
	struct mp_buf buf;
	struct mp_handle handle;
};

struct plain {
	struct mp_msg msg;
	struct {
		uint64_t a;
		uint64_t b;
	} in;
};

#define F(m, kind, known) \
	MP_IFACE_FIELD(struct wide, in, m, MP_FIELD_##kind, known, NULL)

static const struct mp_iface_field wide_field[] = {
	F(id, ID, 0),
	F(off, OFFSET, 0),
	F(flags, FLAGS, 0x5),
	F(kind, ENUM, 0x6),
	F(mode, OCTAL, 0777),
	F(nsec, NSEC, 0),
	F(byte, U8, 0),
	F(half, U16, 0),
	F(zero, ZERO, 0),
	F(name_len, COUNT, 0),
	F(pairs, COUNT, 0),
	F(name, TEXT, 0),
	F(pair, ITEMS, 0),
	MP_IFACE_FIELD(struct wide, out, value, MP_FIELD_ID, 0, NULL),
};

static const struct mp_iface_op ops[] = {
	{
		.name = "wide",
		.op = MP_IFACE_OP_FIRST(9),
		.size = sizeof(struct wide),
		.fields = sizeof(wide_field) / sizeof(wide_field[0]),
		.field = wide_field,
		.in = MP_IFACE_PART2(
			struct wide, in,
			MP_IFACE_TAIL(struct wide, in, name_len, name, 1,
				      ENAMETOOLONG),
			name,
			MP_IFACE_TAIL(struct wide, in, pairs, pair, 0, E2BIG),
			pair),
		.out = MP_IFACE_PART1(struct wide, out, text_len, text, 1,
				      ERANGE),
		.buf = { .off = offsetof(struct wide, buf),
			 .dir = MP_BUF_IN,
			 .over = EFBIG,
			 .min = 4,
			 .max = 100 },
		.handle_off = offsetof(struct wide, handle),
	},
	{
		.name = "plain",
		.op = MP_IFACE_OP_FIRST(9) + 1,
		.size = sizeof(struct plain),
		.in = MP_IFACE_PART(struct plain, in),
	},
};

static const struct mp_iface iface = {
	.name = "test",
	.version = 1,
	.class_id = 9,
	.ops = 2,
	.op = ops,
};

enum {
	FIXED = offsetof(struct wide, in.name) - offsetof(struct wide, in),
	WIDE_MAX = MP_IFACE_HEAD + sizeof(((struct wide *)0)->in),
	NAME_LEN_AT = MP_IFACE_HEAD + offsetof(struct wide, in.name_len) -
		      offsetof(struct wide, in),
};

static char lent[100];

static struct wide
good(void)
{
	struct wide m = {
		.msg = MP_MSG(MP_IFACE_OP_FIRST(9)),
		.in = { .id = 7,
			.off = 5,
			.flags = 4,
			.kind = 2,
			.mode = 0644,
			.nsec = 999999999,
			.byte = 0xfe,
			.half = 0xfedc,
			.name_len = 5,
			.pairs = 2,
			.name = "hello",
			.pair = { { 1, 2 }, { 3, 4 } } },
		.out = { .value = 11, .text_len = 3, .text = "abc" },
		.buf = { .base = lent, .len = 10, .dir = MP_BUF_IN },
	};

	return m;
}

static int
check(const struct wide *m)
{
	return mp_iface_check(&iface, &m->msg);
}

/* The head of packed bytes, and the word at a place of the fixed part. */
static void
set_word(unsigned char *packed, size_t at, uint32_t v)
{
	memcpy(packed + at, &v, sizeof(v));
}

TEST(operations_are_found_by_number_and_no_others)
{
	CHECK(mp_iface_op_find(&iface, MP_IFACE_OP_FIRST(9)) == &ops[0]);
	CHECK(mp_iface_op_find(&iface, MP_IFACE_OP_FIRST(9) + 1) == &ops[1]);
	CHECK(mp_iface_op_find(&iface, MP_IFACE_OP_FIRST(9) + 2) == NULL);
	CHECK(mp_iface_op_find(&iface, MP_IFACE_OP_FIRST(9) - 1) == NULL);
	CHECK(mp_iface_op_find(&iface, MP_IFACE_OP_FIRST(8)) == NULL);
	CHECK(mp_iface_op_find(&iface, 0) == NULL);
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
	BAD(EINVAL, m.in.kind = 32 + 1);
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
	BAD(0, m.handle.kind = MP_HANDLE_PORT; m.handle.port = (void *)lent);
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

TEST(only_live_bytes_cross)
{
	unsigned char bytes[WIDE_MAX];
	struct wide m = good();

	CHECK_EQ(mp_iface_pack_in(&ops[0], &m.msg, bytes, sizeof(bytes)),
		 MP_IFACE_HEAD + FIXED + 5 + 2 * sizeof(struct pair));
	m.in.name_len = 0;
	m.in.pairs = 0;
	CHECK_EQ(mp_iface_pack_in(&ops[0], &m.msg, bytes, sizeof(bytes)),
		 MP_IFACE_HEAD + FIXED);
	CHECK_EQ(mp_iface_pack_out(&ops[0], &m.msg, bytes, sizeof(bytes)),
		 MP_IFACE_HEAD + 16 + 3);
	CHECK_EQ(mp_iface_pack_out(&ops[1], &m.msg, bytes, sizeof(bytes)), 0);
}

TEST(what_was_packed_is_what_is_unpacked)
{
	unsigned char bytes[WIDE_MAX];
	struct wide m = good();
	struct wide got;
	int n = mp_iface_pack_in(&ops[0], &m.msg, bytes, sizeof(bytes));

	memset(&got, 0xee, sizeof(got));
	CHECK_EQ(mp_iface_unpack_in(&ops[0], &got.msg, bytes, (uint32_t)n), 0);
	CHECK(memcmp(&got.in, &m.in, FIXED) == 0);
	CHECK_STR(got.in.name, "hello");
	CHECK(memcmp(got.in.pair, m.in.pair, 2 * sizeof(struct pair)) == 0);
	CHECK_EQ((unsigned char)got.in.name[6], 0xee);
	CHECK_EQ(got.in.pair[2].a, 0xeeeeeeee);

	n = mp_iface_pack_out(&ops[0], &m.msg, bytes, sizeof(bytes));
	CHECK_EQ(mp_iface_unpack_out(&ops[0], &got.msg, bytes, (uint32_t)n), 0);
	CHECK_EQ(got.out.value, 11);
	CHECK_STR(got.out.text, "abc");
}

/* An answer must not carry what an earlier message left in the same memory. */
TEST(unpacking_a_request_clears_the_answer)
{
	unsigned char bytes[WIDE_MAX];
	struct wide m = good();
	struct wide got;
	int n = mp_iface_pack_in(&ops[0], &m.msg, bytes, sizeof(bytes));

	memset(&got, 0xee, sizeof(got));
	CHECK_EQ(mp_iface_unpack_in(&ops[0], &got.msg, bytes, (uint32_t)n), 0);
	CHECK_EQ(got.out.value, 0);
	CHECK_EQ(got.out.reserved, 0);
	CHECK_EQ(got.out.text_len, 0);
}

TEST(packing_never_writes_past_its_room)
{
	unsigned char bytes[WIDE_MAX];
	struct wide m = good();
	uint32_t need = MP_IFACE_HEAD + FIXED + 5 + 2 * sizeof(struct pair);

	for (uint32_t cap = 0; cap < need; cap++) {
		memset(bytes, 0xee, sizeof(bytes));
		CHECK_EQ(mp_iface_pack_in(&ops[0], &m.msg, bytes, cap),
			 -EMSGSIZE);
		for (size_t i = 0; i < sizeof(bytes); i++)
			CHECK_EQ(bytes[i], 0xee);
	}
	CHECK_EQ(mp_iface_pack_in(&ops[0], &m.msg, bytes, need), need);
}

TEST(a_count_over_its_bound_is_not_packed_nor_copied)
{
	unsigned char bytes[WIDE_MAX];
	struct wide m = good();
	struct wide to = good();

	m.in.name_len = 16;
	CHECK_EQ(mp_iface_pack_in(&ops[0], &m.msg, bytes, sizeof(bytes)),
		 -ENAMETOOLONG);
	CHECK_EQ(mp_iface_copy_in(&ops[0], &to.msg, &m.msg), -ENAMETOOLONG);
	m = good();
	m.in.pairs = UINT32_MAX;
	CHECK_EQ(mp_iface_pack_in(&ops[0], &m.msg, bytes, sizeof(bytes)),
		 -E2BIG);
	CHECK_EQ(mp_iface_copy_in(&ops[0], &to.msg, &m.msg), -E2BIG);
	m.out.text_len = 8;
	CHECK_EQ(mp_iface_pack_out(&ops[0], &m.msg, bytes, sizeof(bytes)),
		 -ERANGE);
	CHECK_EQ(mp_iface_copy_out(&ops[0], &to.msg, &m.msg), -ERANGE);
}

/* The bytes stand at the end of their memory, so that a step too far shows. */
static int
unpack_exactly(const unsigned char *bytes, uint32_t len)
{
	unsigned char *own = malloc(len + 1);
	struct wide got = good();
	int code;

	memcpy(own + 1, bytes, len);
	code = mp_iface_unpack_in(&ops[0], &got.msg, own + 1, len);
	free(own);
	if (code == 0) {
		CHECK(got.in.name_len < 16 && got.in.pairs <= 4);
		CHECK_EQ(got.in.name[got.in.name_len], 0);
	}
	return code;
}

TEST(truncated_bytes_are_a_breach)
{
	unsigned char bytes[WIDE_MAX];
	struct wide m = good();
	uint32_t n = (uint32_t)mp_iface_pack_in(&ops[0], &m.msg, bytes,
						sizeof(bytes));

	CHECK_EQ(unpack_exactly(bytes, n), 0);
	for (uint32_t len = 1; len < n; len++)
		CHECK_EQ(unpack_exactly(bytes, len), -EPROTO);
}

TEST(bytes_that_contradict_themselves_are_a_breach)
{
	unsigned char bytes[WIDE_MAX + 64] = { 0 };
	struct wide m = good();
	uint32_t n = (uint32_t)mp_iface_pack_in(&ops[0], &m.msg, bytes,
						sizeof(bytes));

	CHECK_EQ(unpack_exactly(bytes, n + 1), -EPROTO);
	set_word(bytes, 4, 22);
	CHECK_EQ(unpack_exactly(bytes, n + 1), -EPROTO);
	set_word(bytes, 4, 21);
	set_word(bytes, NAME_LEN_AT, 4);
	CHECK_EQ(unpack_exactly(bytes, n), -EPROTO);
	set_word(bytes, NAME_LEN_AT, 16);
	CHECK_EQ(unpack_exactly(bytes, n), -EPROTO);
	set_word(bytes, NAME_LEN_AT, UINT32_MAX);
	CHECK_EQ(unpack_exactly(bytes, n), -EPROTO);
	set_word(bytes, NAME_LEN_AT, 5);
	CHECK_EQ(unpack_exactly(bytes, n), 0);
	set_word(bytes, NAME_LEN_AT + 4, 3);
	CHECK_EQ(unpack_exactly(bytes, n), -EPROTO);
	set_word(bytes, NAME_LEN_AT + 4, 0x20000001);
	CHECK_EQ(unpack_exactly(bytes, n), -EPROTO);
	set_word(bytes, NAME_LEN_AT + 4, 2);
	set_word(bytes, 0, UINT32_MAX);
	CHECK_EQ(unpack_exactly(bytes, n), -EPROTO);
	set_word(bytes, 0, FIXED + 1);
	CHECK_EQ(unpack_exactly(bytes, n), -EPROTO);
}

TEST(nothing_at_all_is_a_part_of_zeros)
{
	struct wide got;

	memset(&got, 0xee, sizeof(got));
	CHECK_EQ(mp_iface_unpack_in(&ops[0], &got.msg, "", 0), 0);
	CHECK_EQ(got.in.id, 0);
	CHECK_EQ(got.in.name_len, 0);
	CHECK_STR(got.in.name, "");
	CHECK_EQ(mp_iface_unpack_out(&ops[1], &got.msg, "", 0), 0);
}

TEST(an_older_peers_missing_bytes_read_as_zero)
{
	unsigned char bytes[MP_IFACE_HEAD + 8] = { 8 };
	struct plain got = { .in = { 1, 2 } };

	set_word(bytes, MP_IFACE_HEAD, 77);
	CHECK_EQ(mp_iface_unpack_in(&ops[1], &got.msg, bytes, sizeof(bytes)),
		 0);
	CHECK_EQ(got.in.a, 77);
	CHECK_EQ(got.in.b, 0);
}

TEST(a_newer_peers_extra_bytes_are_accepted_when_zero)
{
	unsigned char bytes[MP_IFACE_HEAD + 24] = { 24 };
	struct plain got = { .in = { 1, 2 } };

	set_word(bytes, MP_IFACE_HEAD + 8, 78);
	CHECK_EQ(mp_iface_unpack_in(&ops[1], &got.msg, bytes, sizeof(bytes)),
		 0);
	CHECK_EQ(got.in.a, 0);
	CHECK_EQ(got.in.b, 78);
	for (size_t i = 0; i < 8; i++) {
		bytes[MP_IFACE_HEAD + 16 + i] = 1;
		CHECK_EQ(mp_iface_unpack_in(&ops[1], &got.msg, bytes,
					    sizeof(bytes)),
			 -EMSGSIZE);
		bytes[MP_IFACE_HEAD + 16 + i] = 0;
	}
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
	CHECK(to.buf.base == lent && to.buf.len == 10);
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

#ifndef __SANITIZE_THREAD__ /* a race on purpose */
static unsigned char shared[WIDE_MAX];
static int stop;

static void *
scribble(void *count)
{
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		__atomic_store_n((uint32_t *)count, 1000000, __ATOMIC_RELAXED);
		__atomic_store_n((uint32_t *)count, 5, __ATOMIC_RELAXED);
	}
	return NULL;
}

/* What was checked is what is used, though the peer goes on writing. */
TEST(bytes_that_change_while_they_are_read_do_no_harm)
{
	struct wide m = good();
	struct wide got;
	pthread_t thread;
	int n = mp_iface_pack_in(&ops[0], &m.msg, shared, sizeof(shared));

	CHECK_EQ(pthread_create(&thread, NULL, scribble, shared + NAME_LEN_AT),
		 0);
	for (int i = 0; i < 200000; i++) {
		if (mp_iface_unpack_in(&ops[0], &got.msg, shared,
				       (uint32_t)n) == 0)
			CHECK_EQ(got.in.name_len, 5);
	}
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
}
#endif

TEST(random_bytes_never_make_a_message_that_is_out_of_bounds)
{
	unsigned char bytes[WIDE_MAX + 16];
	uint64_t x = 88172645463325252ull;

	for (int i = 0; i < 100000; i++) {
		uint32_t len = (uint32_t)(x % sizeof(bytes));

		for (size_t j = 0; j < sizeof(bytes); j++) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
			bytes[j] = x >> 60 > 10 ? (unsigned char)x : 0;
		}
		if (len >= MP_IFACE_HEAD + FIXED) {
			set_word(bytes, 0, FIXED);
			set_word(bytes, 4, len - MP_IFACE_HEAD - FIXED);
		}
		(void)unpack_exactly(bytes, len);
	}
}
