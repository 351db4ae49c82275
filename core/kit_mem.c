/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The kit's memory in a program: malloc, a pool of pages, failures on demand.
 *
 * Pages come from slabs of 2 MiB, mapped at a multiple of their size so that a
 * page's slab is found by masking its address.  The first page of a slab is its
 * header.  A slab without a page in use is unmapped when another one has pages
 * left.  Under AddressSanitizer pages are plain allocations, which it checks.
 */
#define _GNU_SOURCE
#include <msgport/kit.h>
#include <msgport/kit_tree.h>

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define SLAB_SIZE ((size_t)2 << 20)
#define SLAB_PAGES (SLAB_SIZE / MP_PAGE_SIZE - 1)

#if defined(__SANITIZE_ADDRESS__)
#define PAGES_BY_MALLOC 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define PAGES_BY_MALLOC 1
#endif
#endif
#ifndef PAGES_BY_MALLOC
#define PAGES_BY_MALLOC 0
#endif

static uint64_t fail_at; /* atomic: the n-th allocation from now, or 0 */
static uint64_t live;	 /* atomic */

static bool
fails(void)
{
	if (!__atomic_load_n(&fail_at, __ATOMIC_RELAXED))
		return false;
	return !__atomic_sub_fetch(&fail_at, 1, __ATOMIC_RELAXED);
}

void
mp_mem_fail_at(uint64_t n)
{
	__atomic_store_n(&fail_at, n, __ATOMIC_RELAXED);
}

uint64_t
mp_mem_fail_left(void)
{
	return __atomic_load_n(&fail_at, __ATOMIC_RELAXED);
}

uint64_t
mp_mem_live(void)
{
	return __atomic_load_n(&live, __ATOMIC_RELAXED);
}

static void *
counted(void *p)
{
	if (p)
		(void)__atomic_add_fetch(&live, 1, __ATOMIC_RELAXED);
	return p;
}

void *
mp_mem_alloc(size_t size)
{
	mp_sleep_check(NULL);
	return fails() ? NULL : counted(malloc(size));
}

void *
mp_mem_zalloc(size_t size)
{
	mp_sleep_check(NULL);
	return fails() ? NULL : counted(calloc(1, size));
}

void *
mp_mem_nowait(size_t size)
{
	return fails() ? NULL : counted(malloc(size));
}

void
mp_mem_free(void *p)
{
	if (!p)
		return;
	(void)__atomic_sub_fetch(&live, 1, __ATOMIC_RELAXED);
	free(p);
}

struct slab {
	struct mp_list link; /* in pool.slabs while it has a free page */
	void *freed;	     /* pages given back, linked by their first word */
	uint32_t fresh;	     /* pages never used: the last ones of the slab */
	uint32_t used;
};

static struct {
	struct mp_spin lock;
	struct mp_list slabs; /* those with a free page */
	uint32_t empty;	      /* of them, those with no page in use */
} pool = { .slabs = { &pool.slabs, &pool.slabs } };

static struct slab *
slab_map(void)
{
	size_t size = 2 * SLAB_SIZE;
	char *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	struct slab *s;
	size_t head;

	if (p == MAP_FAILED)
		return NULL;
	head = -(uintptr_t)p & (SLAB_SIZE - 1);
	if (head)
		munmap(p, head);
	munmap(p + head + SLAB_SIZE, SLAB_SIZE - head);
	s = (struct slab *)(void *)(p + head);
	s->fresh = SLAB_PAGES;
	return s;
}

/* Takes a page of the pool; *zeroed if nobody has used it before. */
static void *
pool_take(bool *zeroed)
{
	struct slab *s = MP_CONTAINER(pool.slabs.next, struct slab, link);
	void *page = s->freed;

	*zeroed = !page;
	if (page)
		s->freed = *(void **)page;
	else
		page = (char *)s +
		       (SLAB_PAGES + 1 - s->fresh--) * (size_t)MP_PAGE_SIZE;
	if (!s->used++)
		pool.empty--;
	if (s->used == SLAB_PAGES)
		mp_list_remove(&s->link);
	return page;
}

static void *
pool_get(bool *zeroed)
{
	struct slab *s = NULL;
	void *page = NULL;

	for (;;) {
		mp_spin_lock(&pool.lock);
		if (s) {
			mp_list_append(&pool.slabs, &s->link);
			pool.empty++;
		}
		if (!mp_list_empty(&pool.slabs))
			page = pool_take(zeroed);
		mp_spin_unlock(&pool.lock);
		if (page)
			return page;
		s = slab_map();
		if (!s)
			return NULL;
	}
}

static void
pool_put(void *page)
{
	struct slab *s =
		(struct slab *)((uintptr_t)page & ~(uintptr_t)(SLAB_SIZE - 1));
	bool unmap = false;

	mp_spin_lock(&pool.lock);
	*(void **)page = s->freed;
	s->freed = page;
	if (s->used-- == SLAB_PAGES)
		mp_list_append(&pool.slabs, &s->link);
	if (!s->used) {
		unmap = pool.empty != 0;
		if (unmap)
			mp_list_remove(&s->link);
		else
			pool.empty++;
	}
	mp_spin_unlock(&pool.lock);
	if (unmap)
		munmap(s, SLAB_SIZE);
}

void *
mp_page_alloc(bool zero)
{
	bool zeroed = false;
	void *page;

	mp_sleep_check(NULL);
	if (fails())
		return NULL;
	if (PAGES_BY_MALLOC)
		page = aligned_alloc(MP_PAGE_SIZE, MP_PAGE_SIZE);
	else
		page = pool_get(&zeroed);
	if (page && zero && !zeroed)
		memset(page, 0, MP_PAGE_SIZE);
	return counted(page);
}

void
mp_page_free(void *page)
{
	if (!page)
		return;
	(void)__atomic_sub_fetch(&live, 1, __ATOMIC_RELAXED);
	if (PAGES_BY_MALLOC)
		free(page);
	else
		pool_put(page);
}

uint64_t
mp_mem_total(void)
{
	return (uint64_t)sysconf(_SC_PHYS_PAGES) *
	       (uint64_t)sysconf(_SC_PAGESIZE);
}
