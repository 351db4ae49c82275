/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef FEED_H
#define FEED_H

/*
 * What the harnesses share: an input read as numbers, good requests from the
 * table of class vfs, and a count of descriptors.
 */

#include <msgport/vfs.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FDS_MAX 48 /* numbers that a leak would show in */
#define MUST(x) ((x) ? (void)0 : broken(#x, __LINE__))

/* Any message of the table. */
union table_msg {
	struct mp_msg msg;
	uint64_t room[1024];
};

struct feed {
	const uint8_t *at;
	size_t left;
};

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void __attribute__((noreturn)) broken(const char *what, int line)
{
	fprintf(stderr, "broken promise, line %d: %s\n", line, what);
	abort();
}

static uint64_t
take(struct feed *f, uint32_t bytes)
{
	uint64_t v = 0;

	for (; bytes > 0 && f->left > 0; bytes--, f->left--)
		v = v << 8 | *f->at++;
	return v;
}

/* What is there now, or a number that is nearly that, a limit, or any. */
static inline uint64_t
take_value(struct feed *f, uint64_t now)
{
	switch (take(f, 1) % 8) {
	case 0:
		return 0;
	case 1:
		return UINT64_MAX >> take(f, 1) % 64;
	case 2:
		return 1ull << take(f, 1) % 64;
	case 3:
		return now + 1;
	case 4:
		return now - 1;
	case 5:
		return now ^ 1ull << take(f, 1) % 64;
	case 6:
		return take(f, 8);
	default:
		return now;
	}
}

/* Some bytes of it become others. */
static inline void
take_changes(struct feed *f, void *data, size_t size)
{
	for (uint64_t n = take(f, 1) % 8; n > 0; n--)
		((uint8_t *)data)[take(f, 2) % size] = (uint8_t)take(f, 1);
}

static inline uint32_t
count_fds(void)
{
	uint32_t n = 0;

	for (int fd = 0; fd < FDS_MAX; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* Its buffer has a length and no memory. */
static inline void
table_request(const struct mp_iface_op *op, struct mp_msg *m, size_t size)
{
	memset(m, 0, size);
	m->op = op->op;
	for (uint32_t i = 0; i < op->fields; i++) {
		const struct mp_iface_field *f = &op->field[i];
		uint64_t id = 5 + i;

		if (f->off < op->in.off + op->in.size && f->kind == MP_FIELD_ID)
			memcpy((char *)m + f->off, &id, sizeof(id));
	}
	for (uint32_t i = 0; i < op->in.tails && op->in.tail[i].text; i++) {
		memcpy((char *)m + op->in.tail[i].count_off, "\4\0\0", 4);
		memcpy((char *)m + op->in.tail[i].off, "name", 5);
	}
}

/* The counts are the table's, and texts end where they say. */
static inline void
tails_are_good(const struct mp_iface_part *part, const union table_msg *m)
{
	for (uint32_t i = 0; i < part->tails; i++) {
		const struct mp_iface_tail *t = &part->tail[i];

		uint32_t n;

		memcpy(&n, (const char *)m + t->count_off, sizeof(n));
		MUST(n <= t->max);
		MUST(!t->text || ((const char *)m)[t->off + n] == 0);
	}
}

#endif
