/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Names and values, for people or as JSON. */
#include "emit.h"
#include <inttypes.h>
#include <string.h>

static void
indent(const struct emit *e)
{
	for (uint32_t i = 1; i < e->depth; i++)
		fputs("  ", e->to);
}

/* What stands before a value. */
static void
lead(struct emit *e, const char *name)
{
	if (e->style == EMIT_JSON) {
		fputs(e->some ? "," : "", e->to);
		if (name != NULL)
			fprintf(e->to, "\"%s\":", name);
	} else if (e->style == EMIT_LINE) {
		fprintf(e->to, "%s%s%s", e->some ? ", " : "",
			name != NULL ? name : "", name != NULL ? "=" : "");
	} else {
		if (!e->inline_)
			indent(e);
		else if (e->some)
			fputs("  ", e->to);
		if (name != NULL)
			fprintf(e->to, "%s ", name);
	}
	e->some = true;
}

/* And after it. */
static void
trail(const struct emit *e)
{
	if (e->style == EMIT_ROWS && !e->inline_)
		fputc('\n', e->to);
}

static bool
is_list(const struct emit *e)
{
	return (e->lists >> e->depth & 1) != 0;
}

void
emit_begin(struct emit *e, const char *name, bool list)
{
	bool row = e->style == EMIT_ROWS && is_list(e);

	if (e->style == EMIT_JSON) {
		lead(e, name);
		fputc(list ? '[' : '{', e->to);
	} else if (e->style == EMIT_ROWS && name != NULL) {
		indent(e);
		fprintf(e->to, "%s:\n", name);
	}
	if (row)
		indent(e);
	e->depth++;
	e->lists &= ~(1u << e->depth);
	if (list)
		e->lists |= 1u << e->depth;
	e->inline_ = row;
	e->some = false;
}

void
emit_end(struct emit *e)
{
	if (e->style == EMIT_JSON)
		fputc(is_list(e) ? ']' : '}', e->to);
	if (e->inline_ || (e->depth == 1 && e->style != EMIT_ROWS))
		fputc('\n', e->to);
	e->inline_ = false;
	e->some = e->depth > 1;
	e->depth--;
}

/* How many bytes of UTF-8 begin here; 0: these are none. */
static size_t
utf8(const unsigned char *at, size_t left)
{
	size_t n = at[0] < 0xc2 ? 0 : at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : 4;

	if (n == 0 || at[0] > 0xf4 || n > left)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((at[i] & 0xc0) != 0x80)
			return 0;
	/* Too long for what it is, a surrogate, or past the last. */
	if ((at[0] == 0xe0 && at[1] < 0xa0) ||
	    (at[0] == 0xed && at[1] > 0x9f) ||
	    (at[0] == 0xf0 && at[1] < 0x90) || (at[0] == 0xf4 && at[1] > 0x8f))
		return 0;
	return n;
}

static void
json_text(FILE *to, const unsigned char *at, size_t left)
{
	size_t n;

	fputc('"', to);
	for (; left > 0; at += n, left -= n) {
		n = at[0] < 0x80 ? 1 : utf8(at, left);
		if (n == 1 && (at[0] < ' ' || at[0] == 0x7f))
			fprintf(to, "\\u%04x", at[0]);
		else if (n == 1 && (at[0] == '"' || at[0] == '\\'))
			fprintf(to, "\\%c", at[0]);
		else if (n != 0)
			fwrite(at, 1, n, to);
		else
			fprintf(to, "\\udc%02x", at[0]);
		n = n != 0 ? n : 1;
	}
	fputc('"', to);
}

void
emit_quoted(FILE *to, const void *bytes, size_t left)
{
	const unsigned char *at = bytes;

	fputc('"', to);
	for (; left > 0; at++, left--) {
		if (*at == '\n')
			fputs("\\n", to);
		else if (*at == '"' || *at == '\\')
			fprintf(to, "\\%c", *at);
		else if (*at < ' ' || *at > '~')
			fprintf(to, "\\%03o", *at);
		else
			fputc(*at, to);
	}
	fputc('"', to);
}

void
emit_bytes(struct emit *e, const char *name, const void *bytes, size_t len)
{
	lead(e, name);
	if (e->style == EMIT_JSON)
		json_text(e->to, bytes, len);
	else
		emit_quoted(e->to, bytes, len);
	trail(e);
}

void
emit_text(struct emit *e, const char *name, const char *text)
{
	lead(e, name);
	if (e->style == EMIT_JSON)
		json_text(e->to, (const unsigned char *)text, strlen(text));
	else
		fputs(text, e->to);
	trail(e);
}

void
emit_uint(struct emit *e, const char *name, uint64_t value)
{
	lead(e, name);
	fprintf(e->to, "%" PRIu64, value);
	trail(e);
}

void
emit_int(struct emit *e, const char *name, int64_t value)
{
	lead(e, name);
	fprintf(e->to, "%" PRId64, value);
	trail(e);
}

void
emit_raw(struct emit *e, const char *name, const char *value)
{
	lead(e, name);
	fputs(value, e->to);
	trail(e);
}
