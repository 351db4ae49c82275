/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef RECORD_H
#define RECORD_H

/*
 * Traces of a vfs port that can be compared byte by byte: of each message what
 * was asked and, unless it failed, what was answered, with the bytes of its
 * buffer.  Nodes and generations are numbered as they appear, since what they
 * are called is the business of an instance.
 */

#include <msgport/vfs.h>

#define RECORD_IDS 65536u

struct record_names {
	uint64_t id[RECORD_IDS];
	uint32_t number[RECORD_IDS];
	uint32_t used;
};

struct record {
	/* NULL: this is the first trace; else what it must be like. */
	const struct record *like;

	/* Private from here on; zero. */
	struct record_names nodes, generations;
	unsigned char *bytes;
	size_t size, room;
	uint64_t messages;
};

/* test/record.c */
/* Fails, with both messages in words, at the first that is not alike. */
void record_add(struct record *, const struct mp_msg *, int code);
/* Fails if the other one had more. */
void record_end(const struct record *);
uint64_t record_digest(const struct record *);
void record_fini(struct record *);

#endif
