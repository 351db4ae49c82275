/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The kit: memory, structures, time and bytes. */
#include "t.h"

#include <msgport/kit.h>
#include <msgport/kit_tree.h>

#include <stdlib.h>
#include <string.h>

#define KEYS 4000

struct item {
	struct mp_list link;
	struct mp_hnode hash;
	int n;
};

TEST(lists_keep_their_order)
{
	struct item it[5];
	struct mp_list head, *l, *safe;
	int i, n = 0;

	mp_list_init(&head);
	CHECK(mp_list_empty(&head));
	for (i = 0; i < 5; i++) {
		it[i].n = i;
		mp_list_append(&head, &it[i].link);
	}
	mp_list_remove(&it[2].link);
	MP_LIST_EACH_SAFE(&head, l, safe)
	{
		n = n * 10 + MP_CONTAINER(l, struct item, link)->n;
		mp_list_remove(l);
	}
	CHECK_EQ(n, 134);
	CHECK(mp_list_empty(&head));
}

static struct item *
hash_find(const struct mp_htab *t, uint64_t hash, int n)
{
	struct mp_hnode *h = mp_htab_first(t, hash);

	while (h && MP_CONTAINER(h, struct item, hash)->n != n)
		h = mp_htab_next(h);
	return h ? MP_CONTAINER(h, struct item, hash) : NULL;
}

/* Hashes of three kinds: all alike, in the low bits alike, spread. */
TEST(a_table_finds_what_it_holds)
{
	static struct item it[KEYS];
	struct mp_htab t = { .slot = NULL };
	int i, kind;

	for (kind = 0; kind < 3; kind++) {
		for (i = 0; i < KEYS; i++) {
			it[i].n = i;
			it[i].hash.hash = mp_hash_bytes(1, &i, sizeof(i));
			if (kind == 1)
				it[i].hash.hash <<= 32;
			else if (kind == 2)
				it[i].hash.hash = (uint64_t)(i / 50);
			CHECK_EQ(mp_htab_reserve(&t), 0);
			mp_htab_insert(&t, &it[i].hash);
		}
		CHECK_EQ(t.count, KEYS);
		for (i = 0; i < KEYS; i++) {
			CHECK(hash_find(&t, it[i].hash.hash, i) == &it[i]);
			if (i % 3)
				mp_htab_remove(&t, &it[i].hash);
		}
		for (i = 0; i < KEYS; i++)
			CHECK(!hash_find(&t, it[i].hash.hash, i) == !!(i % 3));
		for (i = 0; i < KEYS; i += 3)
			mp_htab_remove(&t, &it[i].hash);
		CHECK_EQ(t.count, 0);
	}
	mp_htab_fini(&t);
	CHECK_EQ(mp_mem_live(), 0);
}

TEST(a_table_that_cannot_grow_still_works)
{
	static struct item it[100];
	struct mp_htab t = { .slot = NULL };
	int i;

	mp_mem_fail_at(1);
	CHECK_EQ(mp_htab_reserve(&t), -ENOMEM);
	for (i = 0; i < 100; i++) {
		it[i].n = i;
		it[i].hash.hash = (uint64_t)i;
		CHECK_EQ(mp_htab_reserve(&t), 0);
		mp_mem_fail_at(1);
		mp_htab_insert(&t, &it[i].hash);
	}
	mp_mem_fail_at(0);
	for (i = 0; i < 100; i++)
		CHECK(hash_find(&t, (uint64_t)i, i) == &it[i]);
	mp_htab_fini(&t);
}

TEST(hashes_differ_by_seed_and_length)
{
	const char zero[32] = { 0 };
	uint64_t h[33];
	int i, j;

	for (i = 0; i < 33; i++)
		h[i] = mp_hash_bytes(7, zero, (size_t)i);
	for (i = 0; i < 33; i++)
		for (j = 0; j < i; j++)
			CHECK(h[i] != h[j]);
	CHECK(mp_hash_bytes(8, zero, 5) != h[5]);
}

static uint64_t
key_of(uint64_t i, int kind)
{
	switch (kind) {
	case 0:
		return i;
	case 1:
		return i * 0x9e3779b97f4a7c15u;
	case 2:
		return ~i;
	default:
		return i << 40;
	}
}

/* Against the keys in order; kinds: dense, anywhere, at the top, far apart. */
TEST(a_radix_tree_is_a_map_in_order)
{
	static uint64_t key[KEYS];
	struct mp_radix r = { .root = NULL };
	uint64_t i, j, k, last;
	int kind;
	void *p;

	for (kind = 0; kind < 4; kind++) {
		for (i = 0; i < KEYS; i++) {
			key[i] = key_of(i, kind);
			CHECK(!mp_radix_find(&r, key[i]));
			CHECK_EQ(mp_radix_insert(&r, key[i], &key[i]), 0);
			CHECK_EQ(mp_radix_insert(&r, key[i], &key[i]), -EEXIST);
		}
		for (i = 0; i < KEYS; i++)
			CHECK(mp_radix_find(&r, key[i]) == &key[i]);
		last = k = 0;
		for (i = 0; (p = mp_radix_next(&r, &k)) != NULL; i++, k++) {
			CHECK(*(uint64_t *)p == k);
			CHECK(!i || k > last);
			last = k;
			if (k == UINT64_MAX) {
				i++;
				break;
			}
		}
		CHECK_EQ(i, KEYS);
		for (i = 0; i < KEYS; i++) {
			j = i * 2654435761u % KEYS;
			CHECK(mp_radix_remove(&r, key[j]) == &key[j]);
			CHECK(!mp_radix_remove(&r, key[j]));
		}
		CHECK(!r.root && !r.height);
	}
	CHECK_EQ(mp_mem_live(), 0);
}

TEST(a_radix_tree_without_memory_is_unchanged)
{
	struct mp_radix r = { .root = NULL };
	static const uint64_t key[] = { 5, 70, 1ull << 40, UINT64_MAX };
	uint64_t live, n, k;
	unsigned int i;

	for (i = 0; i < 4; i++) {
		live = mp_mem_live();
		for (n = 1;; n++) {
			mp_mem_fail_at(n);
			if (!mp_radix_insert(&r, key[i], &r))
				break;
			CHECK_EQ(mp_mem_live(), live);
			CHECK(!mp_radix_find(&r, key[i]));
			for (k = 0; k < i; k++)
				CHECK(mp_radix_find(&r, key[k]) == &r);
		}
		mp_mem_fail_at(0);
		CHECK(n > 1);
	}
	for (i = 0; i < 4; i++)
		CHECK(mp_radix_remove(&r, key[i]));
	CHECK_EQ(mp_mem_live(), 0);
}

TEST(bytes_have_their_order)
{
	uint8_t b[9] = { 0 };

	mp_le16_put(b + 1, 0x1234);
	CHECK_EQ(b[1], 0x34);
	CHECK_EQ(mp_le16_get(b + 1), 0x1234);
	mp_le32_put(b + 1, 0xfedcba98u);
	CHECK_EQ(b[4], 0xfe);
	CHECK_EQ(mp_le32_get(b + 1), 0xfedcba98u);
	mp_le64_put(b + 1, 0xfedcba9876543210u);
	CHECK_EQ(b[1], 0x10);
	CHECK(mp_le64_get(b + 1) == 0xfedcba9876543210u);
	mp_be32_put(b + 1, 0xfedcba98u);
	CHECK_EQ(b[1], 0xfe);
	CHECK_EQ(mp_be32_get(b + 1), 0xfedcba98u);
	mp_be64_put(b + 1, 0xfedcba9876543210u);
	CHECK_EQ(b[8], 0x10);
	CHECK(mp_be64_get(b + 1) == 0xfedcba9876543210u);
}

TEST(crc32c_is_castagnolis)
{
	CHECK_EQ(mp_crc32c(0, "123456789", 9), 0xe3069283u);
	CHECK_EQ(mp_crc32c(mp_crc32c(0, "12345", 5), "6789", 4), 0xe3069283u);
	CHECK_EQ(mp_crc32c(0, "", 0), 0);
}

TEST(pages_are_aligned_and_ones_own)
{
	static unsigned char *page[2000];
	unsigned int i, j;

	for (i = 0; i < 2000; i++) {
		page[i] = mp_page_alloc(i % 2);
		CHECK(page[i] && (uintptr_t)page[i] % MP_PAGE_SIZE == 0);
		for (j = 0; i % 2 && j < MP_PAGE_SIZE; j += 512)
			CHECK_EQ(page[i][j], 0);
		memset(page[i], (int)(i % 251), MP_PAGE_SIZE);
	}
	for (i = 0; i < 2000; i++)
		for (j = 0; j < MP_PAGE_SIZE; j += 511)
			CHECK_EQ(page[i][j], i % 251);
	for (i = 0; i < 2000; i += 2)
		mp_page_free(page[i]);
	for (i = 0; i < 2000; i += 2) {
		page[i] = mp_page_alloc(true);
		CHECK(page[i] && !page[i][0] && !page[i][100]);
	}
	for (i = 0; i < 2000; i++)
		mp_page_free(page[i]);
	mp_page_free(NULL);
	CHECK_EQ(mp_mem_live(), 0);
}

TEST(the_nth_allocation_fails_once)
{
	void *a, *b;

	mp_mem_fail_at(2);
	a = mp_mem_alloc(1);
	CHECK(a);
	CHECK(!mp_page_alloc(false));
	b = mp_mem_zalloc(1);
	CHECK(b);
	CHECK_EQ(mp_mem_live(), 2);
	mp_mem_free(a);
	mp_mem_free(b);
	mp_mem_free(NULL);
	CHECK_EQ(mp_mem_live(), 0);
}

TEST(references_end_once_and_stick_at_the_top)
{
	struct mp_ref ref;

	mp_ref_init(&ref, 1);
	mp_ref_get(&ref);
	CHECK(!mp_ref_put(&ref));
	CHECK(mp_ref_tryget(&ref));
	CHECK(!mp_ref_put(&ref));
	CHECK(mp_ref_put(&ref));
	CHECK(!mp_ref_tryget(&ref));
	CHECK_ABORTS(mp_ref_get(&ref));
	CHECK_ABORTS((void)mp_ref_put(&ref));
	mp_ref_init(&ref, UINT32_MAX);
	mp_ref_get(&ref);
	CHECK_EQ(ref.n, UINT32_MAX);
	CHECK(!mp_ref_put(&ref));
	CHECK_EQ(ref.n, UINT32_MAX);
}

TEST(a_stepped_clock_stands_still)
{
	struct mp_wall a, b;

	mp_clock_wall(&a);
	CHECK(a.sec > 1600000000 && a.nsec < 1000000000);
	mp_clock_step(1);
	mp_clock_wall(&a);
	mp_clock_wall(&b);
	CHECK_EQ(a.sec, 1000000000);
	CHECK_EQ(a.nsec, 0);
	CHECK_EQ(b.nsec, 0);
	mp_clock_step(1500000000);
	mp_clock_wall(&b);
	CHECK_EQ(b.sec, 1000000001);
	CHECK_EQ(b.nsec, 500000000);
	mp_clock_step(0);
	mp_clock_wall(&b);
	CHECK(b.sec > 1600000000);
}

TEST(random_bytes_differ)
{
	uint8_t a[64] = { 0 }, b[64] = { 0 };

	mp_random_fill(a, 63);
	mp_random_fill(b, 63);
	CHECK(memcmp(a, b, 63));
	CHECK_EQ(a[63], 0);
}

TEST(atomic_words_do_as_they_say)
{
	uint64_t w = 5;

	CHECK_EQ(mp_atomic_add(&w, -2), 3);
	CHECK(!mp_atomic_cas(&w, 5, 6));
	CHECK(mp_atomic_cas(&w, 3, 9));
	CHECK_EQ(mp_atomic_load(&w), 9);
	mp_atomic_store(&w, 1);
	CHECK_EQ(w, 1);
	CHECK(mp_mem_total() > 1 << 20);
}
