/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Messages in words, by the interface's table. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "show.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX 1024

/* The n-th of the words, or NULL if it has none. */
static const char *
word_of(const char *words, uint32_t n, int *len)
{
	for (; words != NULL && *words != '\0'; n--) {
		*len = (int)strcspn(words, " ");
		if (n == 0)
			return *words == '-' ? NULL : words;
		words += *len;
		words += *words == ' ';
	}
	return NULL;
}

static void
append(char text[TEXT_MAX], const char *fmt, int len, const char *word)
{
	size_t at = strlen(text);

	(void)snprintf(text + at, TEXT_MAX - at, fmt, len, word);
}

static void
show_flags(struct emit *e, const struct mp_iface_field *f, uint64_t v)
{
	char text[TEXT_MAX] = "", rest[32];
	const char *word;
	int len = 0;

	for (uint32_t i = 0; i < 64; i++) {
		if ((v >> i & 1) == 0)
			continue;
		word = word_of(f->words, i, &len);
		if (word == NULL)
			continue;
		append(text, text[0] != '\0' ? "|%.*s" : "%.*s", len, word);
		v &= ~(1ull << i);
	}
	(void)snprintf(rest, sizeof(rest), "0x%" PRIx64, v);
	if (v != 0)
		append(text, text[0] != '\0' ? "|%.*s" : "%.*s", 31, rest);
	emit_text(e, f->name, text[0] != '\0' ? text : "0");
}

static void
show_enum(struct emit *e, const struct mp_iface_field *f, uint64_t v)
{
	char text[TEXT_MAX];
	int len = 0;
	const char *word = v < 64 ? word_of(f->words, (uint32_t)v, &len) : NULL;

	(void)snprintf(text, sizeof(text), "%.*s", len,
		       word != NULL ? word : "");
	if (word == NULL)
		(void)snprintf(text, sizeof(text), "%" PRIu64, v);
	emit_text(e, f->name, text);
}

static void
show_hex(struct emit *e, const char *name, const unsigned char *at, size_t n)
{
	char *text = malloc(2 * n + 5);

	if (text == NULL)
		return;
	memcpy(text, "hex:", sizeof("hex:"));
	for (size_t i = 0; i < n; i++)
		(void)snprintf(text + 4 + 2 * i, 3, "%02x", at[i]);
	emit_text(e, name, text);
	free(text);
}

static void
show_tail(struct emit *e, const struct mp_iface_field *f,
	  const struct mp_iface_part *part, const struct mp_msg *m)
{
	const struct mp_iface_tail *t = part->tail;
	const char *at = (const char *)m + f->off;
	uint32_t n = 0;

	while (t < part->tail + part->tails && t->off != f->off)
		t++;
	if (t == part->tail + part->tails)
		return;
	memcpy(&n, (const char *)m + t->count_off, sizeof(n));
	n = n < t->max ? n : t->max;
	if (f->kind == MP_FIELD_TEXT)
		emit_bytes(e, f->name, at, n);
	else
		show_hex(e, f->name, (const unsigned char *)at,
			 (size_t)n * t->item);
}

static void
show_value(struct emit *e, const struct mp_iface_field *f,
	   const struct mp_iface_part *part, const struct mp_msg *m)
{
	uint64_t v = mp_iface_get(f, m);
	char text[32];

	switch (f->kind) {
	case MP_FIELD_TEXT:
	case MP_FIELD_ITEMS:
		show_tail(e, f, part, m);
		return;
	case MP_FIELD_FLAGS:
		show_flags(e, f, v);
		return;
	case MP_FIELD_ENUM:
		show_enum(e, f, v);
		return;
	case MP_FIELD_OCTAL:
		(void)snprintf(text, sizeof(text), "0%" PRIo64, v);
		emit_text(e, f->name, v != 0 ? text : "0");
		return;
	case MP_FIELD_I32:
		emit_int(e, f->name, (int32_t)v);
		return;
	case MP_FIELD_I64:
		emit_int(e, f->name, (int64_t)v);
		return;
	default:
		emit_uint(e, f->name, v);
	}
}

void
show_part(struct emit *e, const struct mp_iface_op *op,
	  const struct mp_iface_part *part, const struct mp_msg *m, bool all)
{
	const struct mp_iface_field *f;

	for (uint32_t i = 0; i < op->fields; i++) {
		f = &op->field[i];
		if (f->off < part->off || f->off >= part->off + part->size ||
		    f->kind == MP_FIELD_ZERO || f->kind == MP_FIELD_COUNT)
			continue;
		if (all || f->kind >= MP_FIELD_TEXT || mp_iface_get(f, m) != 0)
			show_value(e, f, part, m);
	}
}

const char *
show_error(int32_t result)
{
	return result < 0 && result > -4096 ? strerrorname_np(-result) : NULL;
}

void
show_result(struct emit *e, int32_t result)
{
	const char *name = show_error(result);

	if (result == EASYNC)
		emit_raw(e, "result", "null");
	else
		emit_int(e, "result", result);
	if (name != NULL)
		emit_text(e, "error", name);
}

void
show_buf(struct emit *e, const void *bytes, size_t there, uint64_t count)
{
	emit_uint(e, "buf_bytes", count);
	if (there == 0)
		return;
	if (e->style == EMIT_JSON)
		show_hex(e, "buf", bytes, there);
	else
		emit_bytes(e, "buf", bytes, there);
	if (e->style == EMIT_LINE && there < count)
		fputs("...", e->to);
}
