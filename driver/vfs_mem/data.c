/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The data of files: a radix tree of pages, a missing page is a hole.
 *
 * To write, pages are found or made first and written afterwards.  A page that
 * was made for a write carries a tag in the lowest bit of its pointer until
 * the write has passed over it; if there is no room for all, the tag says
 * which ones to take away again.  Tags are seen under rw (write) only.
 *
 * Bytes of a page beyond the end of the file are always zero.
 */
#include "mem.h"

#define SHIFT 12u
#define TAG 1u

MP_STATIC_ASSERT(1u << SHIFT == MP_PAGE_SIZE, "the two agree");

static char *
page_of(void *slot)
{
	return (char *)((uintptr_t)slot & ~(uintptr_t)TAG);
}

static bool
is_new(const void *slot)
{
	return (uintptr_t)slot & TAG;
}

static uint64_t
least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static int
page_make(struct mem_fs *fs, struct mem_node *n, uint64_t index, bool zero)
{
	void *page;
	int error;

	error = mem_charge(fs, n->quota, 1);
	if (error)
		return error;
	page = mp_page_alloc(zero);
	error = page ? mp_radix_insert(&n->pages, index, (char *)page + TAG) :
		       -ENOMEM;
	if (error) {
		mp_page_free(page);
		mem_uncharge(fs, n->quota, 1);
	}
	return error;
}

/* Takes the new pages from first up to end away again. */
static void
unfill(struct mem_fs *fs, struct mem_node *n, uint64_t first, uint64_t end)
{
	uint64_t index = first, undone = 0;
	void *slot;

	for (; index < end; index++) {
		slot = mp_radix_next(&n->pages, &index);
		if (!slot || index >= end)
			break;
		if (!is_new(slot))
			continue;
		(void)mp_radix_remove(&n->pages, index);
		mp_page_free(page_of(slot));
		undone++;
	}
	mem_uncharge(fs, n->quota, undone);
}

static void
blocks_add(struct mem_node *n, uint64_t more)
{
	if (!more)
		return;
	mp_spin_lock(&n->spin);
	n->blocks += more;
	mp_spin_unlock(&n->spin);
}

int
mem_data_fill(struct mem_fs *fs, struct mem_node *n, struct mem_span *span)
{
	uint64_t end = span->offset + span->len;
	uint64_t first = span->offset >> SHIFT, last = (end - 1) >> SHIFT;
	uint64_t index, start, added = 0;
	bool zero;
	int error = 0;

	for (index = first; index <= last; index++) {
		if (mp_radix_slot(&n->pages, index))
			continue;
		start = index << SHIFT;
		zero = !span->overwrite || start < span->offset ||
		       start + MP_PAGE_SIZE > end;
		error = page_make(fs, n, index, zero);
		if (error)
			break;
		added++;
	}
	if (error && (span->whole || index == first)) {
		unfill(fs, n, first, index);
		return error;
	}
	if (error)
		span->len = (index << SHIFT) - span->offset;
	span->added = added;
	blocks_add(n, added);
	return 0;
}

void
mem_data_settle(struct mem_node *n, const struct mem_span *span)
{
	uint64_t end = span->offset + span->len, index = span->offset >> SHIFT;
	void **slot;

	for (; span->added && index << SHIFT < end; index++) {
		slot = mp_radix_slot(&n->pages, index);
		*slot = page_of(*slot);
	}
}

void
mem_data_write(struct mem_node *n, uint64_t offset, const char *from,
	       uint64_t len)
{
	uint64_t at, part;
	void **slot;

	for (; len; offset += part, from += part, len -= part) {
		at = offset & (MP_PAGE_SIZE - 1);
		part = least(len, MP_PAGE_SIZE - at);
		slot = mp_radix_slot(&n->pages, offset >> SHIFT);
		*slot = page_of(*slot);
		memcpy((char *)*slot + at, from, (size_t)part);
	}
}

void
mem_data_read(const struct mem_node *n, uint64_t offset, char *to, uint64_t len)
{
	uint64_t at, part;
	void **slot;

	for (; len; offset += part, to += part, len -= part) {
		at = offset & (MP_PAGE_SIZE - 1);
		part = least(len, MP_PAGE_SIZE - at);
		slot = mp_radix_slot(&n->pages, offset >> SHIFT);
		if (slot)
			memcpy(to, (char *)*slot + at, (size_t)part);
		else
			memset(to, 0, (size_t)part);
	}
}

static void
zero_part(struct mem_node *n, uint64_t offset, uint64_t end)
{
	char *page = mp_radix_find(&n->pages, offset >> SHIFT);

	if (page && offset < end)
		memset(page + (offset & (MP_PAGE_SIZE - 1)), 0,
		       (size_t)(end - offset));
}

void
mem_data_zero(struct mem_node *n, uint64_t offset, uint64_t end)
{
	uint64_t index, start;

	for (index = offset >> SHIFT; mp_radix_next(&n->pages, &index);
	     index++) {
		start = index << SHIFT;
		if (start >= end)
			return;
		zero_part(n, start > offset ? start : offset,
			  least(start + MP_PAGE_SIZE, end));
	}
}

void
mem_data_punch(struct mem_fs *fs, struct mem_node *n, uint64_t offset,
	       uint64_t end)
{
	uint64_t first = (offset + MP_PAGE_SIZE - 1) >> SHIFT;
	uint64_t last = end >> SHIFT, index, freed = 0;
	void *page;

	if (first > last) {
		zero_part(n, offset, end);
		return;
	}
	zero_part(n, offset, first << SHIFT);
	zero_part(n, last << SHIFT, end);
	for (index = first; index < last; index++) {
		page = mp_radix_next(&n->pages, &index);
		if (!page || index >= last)
			break;
		(void)mp_radix_remove(&n->pages, index);
		mp_page_free(page);
		freed++;
	}
	mem_uncharge(fs, n->quota, freed);
	blocks_add(n, -freed);
}

void
mem_data_fini(struct mem_node *n)
{
	uint64_t index = 0;
	void *page;

	while ((page = mp_radix_next(&n->pages, &index)) != NULL) {
		(void)mp_radix_remove(&n->pages, index);
		mp_page_free(page);
	}
}

uint64_t
mem_data_next(const struct mem_node *n, uint64_t offset)
{
	uint64_t index = offset >> SHIFT;

	if (!mp_radix_next(&n->pages, &index))
		return MEM_NEVER;
	return index << SHIFT > offset ? index << SHIFT : offset;
}

uint64_t
mem_data_hole(const struct mem_node *n, uint64_t offset)
{
	uint64_t index = offset >> SHIFT;

	if (!mp_radix_slot(&n->pages, index))
		return offset;
	while (mp_radix_slot(&n->pages, index))
		index++;
	return index << SHIFT;
}

const char *
mem_data_at(const struct mem_node *n, uint64_t offset)
{
	void *slot = mp_radix_find(&n->pages, offset >> SHIFT);

	return page_of(slot) + (offset & (MP_PAGE_SIZE - 1));
}
