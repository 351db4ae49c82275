/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The arena: pieces of whole pages, first fit from where the last search
 * ended.
 *
 * A piece is free when nobody uses it any more: who has it by mp_buf_get(), and
 * each slot whose server may still be at it.  So one whose message is over but
 * not answered is given away only when it is.  Pieces that people keep lie in
 * the upper half; whatever they do, a buffer that is copied and fits into the
 * lower half gets there when those before it are gone.
 */
#include "link.h"
#include "step.h"

#include <errno.h>
#include <stdlib.h>

/* A page, and at a piece's first page the piece. */
struct page {
	uint32_t first; /* 1 + that of its piece; 0: free */
	uint32_t pages;
	uint32_t uses;
	bool kept; /* by whoever got it, until he puts it */
};

int
arena_open(struct arena *a, uint64_t bytes)
{
	a->pages = (uint32_t)(bytes / WIRE_PAGE);
	a->hint = 0;
	os_lock_init(&a->lock);
	a->page = calloc((size_t)a->pages + 1, sizeof(*a->page));
	return a->page != NULL ? 0 : -ENOMEM;
}

void
arena_close(struct arena *a)
{
	free(a->page);
	a->page = NULL;
}

/* A run of n free pages in from..to, or false. */
static bool
find(const struct arena *a, uint32_t from, uint32_t to, uint32_t n,
     uint32_t *at)
{
	uint32_t page = from;
	uint32_t run = 0;

	while (page < to && run < n) {
		if (a->page[page].first == 0) {
			run++;
			page++;
		} else {
			run = 0;
			page = a->page[page].first - 1;
			page += a->page[page].pages;
		}
	}
	*at = page - run;
	return run == n;
}

static void
take(struct arena *a, uint32_t at, uint32_t n, bool keep)
{
	for (uint32_t i = at; i < at + n; i++)
		a->page[i].first = at + 1;
	a->page[at].pages = n;
	a->page[at].uses = 1;
	a->page[at].kept = keep;
}

static uint32_t
pages_of(uint64_t len)
{
	return (uint32_t)((len + WIRE_PAGE - 1) / WIRE_PAGE);
}

bool
arena_get(struct arena *a, uint64_t len, uint64_t *off)
{
	uint32_t n = pages_of(len);
	uint32_t at = 0;
	bool found;

	os_lock(&a->lock);
	STEP(arena_find);
	found = find(a, a->hint, a->pages, n, &at) ||
		find(a, 0, a->pages, n, &at);
	if (found) {
		take(a, at, n, false);
		a->hint = at + n;
	} else {
		os_store(&a->starved, 1);
	}
	os_unlock(&a->lock);
	if (found)
		*off = (uint64_t)at * WIRE_PAGE;
	return found;
}

int
arena_keep(struct arena *a, uint64_t len, uint64_t *off)
{
	uint32_t half = a->pages - a->pages / 2;
	uint32_t at = 0;
	bool found;

	if (len > (uint64_t)(a->pages / 2) * WIRE_PAGE)
		return -EMSGSIZE;
	os_lock(&a->lock);
	found = find(a, half, a->pages, pages_of(len), &at);
	if (found)
		take(a, at, pages_of(len), true);
	os_unlock(&a->lock);
	if (!found)
		return -EAGAIN;
	*off = (uint64_t)at * WIRE_PAGE;
	return 0;
}

/* The piece that the byte lies in, if somebody keeps it. */
static struct page *
kept_at(const struct arena *a, uint64_t off)
{
	uint32_t first = a->page[off / WIRE_PAGE].first;

	return first != 0 && a->page[first - 1].kept ? &a->page[first - 1] :
						       NULL;
}

bool
arena_use(struct arena *a, uint64_t off, uint64_t len)
{
	struct page *p;
	uint64_t end = 0;

	os_lock(&a->lock);
	p = kept_at(a, off);
	if (p != NULL)
		end = (uint64_t)(p - a->page + p->pages) * WIRE_PAGE;
	if (off + len <= end)
		p->uses++;
	os_unlock(&a->lock);
	return off + len <= end;
}

/* Under the lock. */
static void
unuse(struct arena *a, uint64_t off)
{
	uint32_t at = a->page[off / WIRE_PAGE].first - 1;
	uint32_t end = at + a->page[at].pages;

	if (--a->page[at].uses != 0)
		return;
	for (uint32_t i = at; i < end; i++)
		a->page[i].first = 0;
	if (at < a->pages / 2)
		a->hint = at;
	os_store(&a->starved, 0);
}

void
arena_put(struct arena *a, uint64_t off)
{
	os_lock(&a->lock);
	STEP(arena_put);
	unuse(a, off);
	os_unlock(&a->lock);
}

bool
arena_unkeep(struct arena *a, uint64_t off)
{
	struct page *p;

	os_lock(&a->lock);
	p = kept_at(a, off);
	if (p != NULL) {
		p->kept = false;
		unuse(a, off);
	}
	os_unlock(&a->lock);
	return p != NULL;
}
