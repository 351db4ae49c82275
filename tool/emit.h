/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef TOOL_EMIT_H
#define TOOL_EMIT_H

/*
 * Output of names and values, for people or as JSON, by the same calls.
 *
 *	EMIT_ROWS	name value, one a line; what is inside is indented, and
 *			an object of a list is one line
 *	EMIT_LINE	name=value, separated by commas
 *	EMIT_JSON	one value, on one line
 *
 * Bytes that are no UTF-8 are in JSON the surrogates dc80 to dcff, so that
 * they can be told from characters.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum emit_style {
	EMIT_ROWS,
	EMIT_LINE,
	EMIT_JSON,
};

struct emit {
	FILE *to;
	enum emit_style style;

	/* Private from here on. */
	uint32_t depth;
	uint32_t lists; /* a bit a depth: that is a list */
	bool some;	/* something stands before, on this line or level */
	bool inline_;	/* an object of a list, in rows */
};

/* tool/emit.c: the name is NULL for what is in a list, and for the whole */
void emit_begin(struct emit *, const char *name, bool list);
/* The end of the whole also ends the line. */
void emit_end(struct emit *);
void emit_text(struct emit *, const char *name, const char *);
void emit_bytes(struct emit *, const char *name, const void *, size_t);
void emit_uint(struct emit *, const char *name, uint64_t);
void emit_int(struct emit *, const char *name, int64_t);
/* A value that is the same in every style. */
void emit_raw(struct emit *, const char *name, const char *);
/* In quotes, as C has them. */
void emit_quoted(FILE *, const void *, size_t);

#endif
