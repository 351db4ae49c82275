/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef TOOL_SHOW_H
#define TOOL_SHOW_H

/* Messages in words, and words as messages, by the interface's table. */

#include "emit.h"
#include <msgport/iface.h>

/* tool/show.c */
/*
 * The fields of a part that say something: no counts, nothing reserved, and
 * unless all are wanted none that are 0.
 */
void show_part(struct emit *, const struct mp_iface_op *,
	       const struct mp_iface_part *, const struct mp_msg *, bool all);
/* A result, and the name of an error. */
void show_result(struct emit *, int32_t result);
/* The name of an error, or NULL. */
const char *show_error(int32_t result);
/* Bytes of a buffer: so many are there of so many that count. */
void show_buf(struct emit *, const void *bytes, size_t there, uint64_t count);

/* tool/line.c */
#define LINE_BUF_MAX 64u /* bytes of a buffer that are worth showing */
/* A message that is over, as a line tells it. */
struct line {
	const char *domain;
	int pid;	/* of the client */
	uint64_t at_ns; /* when it began: ns since 1970 */
	uint64_t took_ns;
	uint32_t number;	      /* of the operation; */
	const struct mp_iface_op *op; /* NULL: unknown */
	const struct mp_msg *msg;     /* op->size bytes, or NULL: unknown */
	int32_t result;
	bool answered; /* `out' is there */
	uint64_t buf_len;
	uint64_t buf_count;
	const void *buf; /* buf_there bytes of it */
	size_t buf_there;
};

void line_print(FILE *, const struct line *, bool json);
/*
 * Sets the bits of the operations, whose names are separated by commas: TOOL_OK
 * or an error that was printed.
 */
int line_wanted(const struct mp_iface *, const char *names, uint32_t *wanted);

/* tool/value.c */
#define VALUE_RANGE_MAX 1024u
/* What a field that is no tail may be, in words. */
void value_range(char to[VALUE_RANGE_MAX], const struct mp_iface_field *);
/* False: the field cannot be that. */
bool value_read(const char *, const struct mp_iface_field *, uint64_t *);
/* Allocated bytes, at most max + 1 of a file; NULL and an error printed. */
char *value_bytes(const char *key, const char *text, size_t max, size_t *len);

/* tool/parse.c */
struct parse {
	const struct mp_iface_op *op;
	struct mp_msg *msg; /* op->size bytes and a buffer, to be freed */
	char *buf;
	uint64_t buf_len;
	uint64_t given; /* a bit a field; the last is the buffer */
};

/* TOOL_OK, or an error that was printed. */
int parse_begin(struct parse *, const struct mp_iface *, const char *op);
/* key=value */
int parse_word(struct parse *, const char *);
/* What must be there is; a buffer to be filled is there if it was not asked. */
int parse_end(struct parse *);
void parse_free(struct parse *);
/* The operations and what each takes. */
void parse_list(FILE *, const struct mp_iface *);

#endif
