/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Interface tables: what crosses a boundary is what was sent, or an error. */
#include "iface_wide.h"

#include <pthread.h>
#include <stdlib.h>

/* The head of packed bytes, and the word at a place of the fixed part. */
static void
set_word(unsigned char *packed, size_t at, uint32_t v)
{
	memcpy(packed + at, &v, sizeof(v));
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

TEST(full_tails_cross_whole)
{
	unsigned char bytes[WIDE_MAX];
	struct wide m = good();
	struct wide got;
	int n;

	m.in.name_len = 15;
	m.in.pairs = 4;
	memset(m.in.name, 'n', 15);
	CHECK_EQ(mp_iface_check(&wide_iface, &m.msg), 0);
	n = mp_iface_pack_in(&ops[0], &m.msg, bytes, sizeof(bytes));
	CHECK_EQ(n, WIDE_MAX - 1);
	CHECK_EQ(mp_iface_unpack_in(&ops[0], &got.msg, bytes, (uint32_t)n), 0);
	CHECK(memcmp(&got.in, &m.in, sizeof(m.in)) == 0);
	CHECK_EQ(mp_iface_copy_in(&ops[0], &got.msg, &m.msg), 0);
	CHECK(memcmp(&got.in, &m.in, sizeof(m.in)) == 0);
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
	CHECK_EQ(mp_iface_unpack_in(&ops[0], &got.msg, "\0\0\0\0\0\0\0", 8), 0);
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
