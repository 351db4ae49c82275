/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What a hostile peer writes: single bytes and words anywhere; entries of the
 * rings that are almost right; words and lengths of slots at their limits.  Now
 * and then it takes a page away, whose bytes are zeroes then; the memory cannot
 * be made smaller, which is tried once.
 */
#define _GNU_SOURCE
#include "hostile.h"
#include "../core/os.h"
#include "t.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>

#define PUNCH_EVERY 4096u /* writes */

uint64_t
hostile_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static uint64_t
at_a_limit(uint64_t r)
{
	static const uint64_t limit[] = {
		0,	    1,		7,	    0x7fffffff,
		0x80000000, 0xffffffff, 1ull << 63, UINT64_MAX,
	};

	return limit[r % 8] + (r >> 8) % 3 - 1;
}

static void
write_word(uint32_t *at, uint64_t value)
{
	__atomic_store_n(at, (uint32_t)value, __ATOMIC_RELAXED);
}

static void
forge_entry(const struct memory *m, uint64_t r)
{
	uint32_t places = m->layout.slots * WIRE_ASKED_A_SLOT;
	uint32_t place = (uint32_t)(r % places);
	bool done = (r >> 20 & 1) != 0;
	uint64_t *at =
		done ? &m->done[place % m->layout.slots] : &m->asked[place];
	uint64_t e = __atomic_load_n(at, __ATOMIC_RELAXED);

	e ^= 1ull << (r >> 24 & 63);
	if ((r >> 30 & 1) != 0)
		e = wire_entry((uint32_t)(r >> 40) & 0xff, (r >> 32 & 3) + 1,
			       (uint32_t)(r >> 34 & 0x3f)) |
		    (uint64_t)(r >> 50 & 0xff) << WIRE_LAP_SHIFT;
	__atomic_store_n(at, e, __ATOMIC_RELAXED);
}

static void
forge_slot(const struct memory *m, uint64_t r)
{
	uint32_t slot = (uint32_t)(r % m->layout.slots);
	char *at = (r >> 20 & 1) != 0 ? (char *)memory_request(m, slot) :
					(char *)memory_reply(m, slot);
	uint32_t off = (uint32_t)(r >> 24) % 24 * 4;

	write_word((uint32_t *)(void *)(at + off), at_a_limit(r >> 32));
}

static void
forge_anything(const struct memory *m, uint64_t r)
{
	size_t off = (size_t)(r % m->size) & ~(size_t)3;

	write_word((uint32_t *)(void *)(m->base + off), r >> 32);
}

static void
punch(const struct memory *m, uint64_t r)
{
	size_t off = (size_t)(r % m->size) & ~(size_t)(WIRE_PAGE - 1);

	CHECK(madvise(m->base + off, WIRE_PAGE, MADV_REMOVE) == 0);
}

/* By a way to the file that only root has: its own descriptor is closed. */
static void
truncate_it(const struct memory *m)
{
	char path[64];
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/self/map_files/%lx-%lx",
		       (unsigned long)(uintptr_t)m->base,
		       (unsigned long)(uintptr_t)(m->base + m->size));
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return;
	CHECK(ftruncate(fd, 0) != 0);
	CHECK(ftruncate(fd, (off_t)(m->size + WIRE_PAGE)) != 0);
	close(fd);
}

static void
write_on(void *arg)
{
	struct hostile *h = arg;
	uint64_t r;

	while (os_load(&h->stop) == 0) {
		r = hostile_random(&h->seed);
		if (r % 4 == 0)
			forge_entry(&h->memory, r >> 2);
		else if (r % 4 == 1)
			forge_slot(&h->memory, r >> 2);
		else
			forge_anything(&h->memory, r >> 2);
		if (h->writes++ % PUNCH_EVERY == 0)
			punch(&h->memory, r >> 2);
		for (uint64_t i = 0; i < r % 256; i++)
			os_relax();
	}
}

/* The same pages, which stay when the link does not. */
static void
map_again(struct memory *to, const struct memory *m)
{
	ptrdiff_t by;

	*to = *m;
	to->base = mremap(m->base, 0, m->size, MREMAP_MAYMOVE);
	CHECK(to->base != MAP_FAILED);
	by = to->base - m->base;
	to->asked = (uint64_t *)(void *)((char *)m->asked + by);
	to->done = (uint64_t *)(void *)((char *)m->done + by);
	to->request = m->request + by;
	to->reply = m->reply + by;
}

void
hostile_start(struct hostile *h, const struct memory *m, uint64_t seed)
{
	*h = (struct hostile){ .seed = seed | 1 };
	map_again(&h->memory, m);
	truncate_it(&h->memory);
	CHECK(os_thread_start(&h->thread, write_on, h) == 0);
}

void
hostile_stop(struct hostile *h)
{
	os_store(&h->stop, 1);
	os_thread_join(&h->thread);
	munmap(h->memory.base, h->memory.size);
}
