/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The arena's pages: first fit from where the last search ended. */
#include "link.h"

#include <errno.h>
#include <stdlib.h>

int
arena_open(struct arena *a, uint64_t bytes)
{
	a->pages = (uint32_t)(bytes / WIRE_PAGE);
	a->hint = 0;
	os_lock_init(&a->lock);
	a->used = calloc(a->pages / 64 + 1, sizeof(*a->used));
	return a->used != NULL ? 0 : -ENOMEM;
}

void
arena_close(struct arena *a)
{
	free(a->used);
	a->used = NULL;
}

static bool
is_used(const struct arena *a, uint32_t page)
{
	return (a->used[page / 64] >> (page % 64) & 1) != 0;
}

static void
mark(struct arena *a, uint32_t from, uint32_t n, bool used)
{
	for (uint32_t page = from; page < from + n; page++) {
		if (used)
			a->used[page / 64] |= 1ull << (page % 64);
		else
			a->used[page / 64] &= ~(1ull << (page % 64));
	}
}

/* A run of n free pages in from..to, or false. */
static bool
find(const struct arena *a, uint32_t range[2], uint32_t n, uint32_t *at)
{
	uint32_t run = 0;

	for (uint32_t page = range[0]; page < range[1]; page++) {
		run = is_used(a, page) ? 0 : run + 1;
		if (run == n) {
			*at = page + 1 - n;
			return true;
		}
	}
	return false;
}

static uint32_t
pages_of(uint64_t len)
{
	return (uint32_t)((len + WIRE_PAGE - 1) / WIRE_PAGE);
}

bool
arena_get(struct arena *a, uint64_t len, uint64_t *off)
{
	uint32_t n, at = 0;
	bool found;

	if (len == 0 || len > (uint64_t)a->pages * WIRE_PAGE)
		return false;
	n = pages_of(len);
	os_lock(&a->lock);
	found = find(a, (uint32_t[]){ a->hint, a->pages }, n, &at) ||
		find(a, (uint32_t[]){ 0, a->pages }, n, &at);
	if (found) {
		mark(a, at, n, true);
		a->hint = at + n;
	} else {
		os_store(&a->starved, 1);
	}
	os_unlock(&a->lock);
	if (found)
		*off = (uint64_t)at * WIRE_PAGE;
	return found;
}

void
arena_put(struct arena *a, uint64_t off, uint64_t len)
{
	os_lock(&a->lock);
	mark(a, (uint32_t)(off / WIRE_PAGE), pages_of(len), false);
	a->hint = (uint32_t)(off / WIRE_PAGE);
	os_store(&a->starved, 0);
	os_unlock(&a->lock);
}
