/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Words as messages: key=value, typed and bounded by the interface's table.
 * A tail's count follows from what is in it.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "show.h"
#include "tool.h"
#include <stdlib.h>
#include <string.h>

#define BUF_BIT 63u /* of `given' */
#define BUF_FILLED 4096u

static bool
is_asked(const struct mp_iface_op *op, const struct mp_iface_field *f)
{
	return f->off >= op->in.off && f->off < op->in.off + op->in.size &&
	       f->kind != MP_FIELD_ZERO && f->kind != MP_FIELD_COUNT;
}

static void
list_op(FILE *to, const struct mp_iface_op *op)
{
	fprintf(to, "  %s", op->name);
	for (uint32_t i = 0; i < op->fields; i++)
		if (is_asked(op, &op->field[i]))
			fprintf(to, " %s", op->field[i].name);
	fputs(op->buf.dir != 0 ? " buf\n" : "\n", to);
}

void
parse_list(FILE *to, const struct mp_iface *iface)
{
	for (uint32_t i = 0; i < iface->ops; i++)
		list_op(to, &iface->op[i]);
}

static int
take_number(struct parse *p, const struct mp_iface_field *f, const char *text)
{
	char range[VALUE_RANGE_MAX];
	uint64_t v;

	if (value_read(text, f, &v)) {
		memcpy((char *)p->msg + f->off, &v, f->size);
		return TOOL_OK;
	}
	value_range(range, f);
	tool_error("bad value '%s' of '%s': %s", text, f->name, range);
	return TOOL_USAGE;
}

static int
take_tail(struct parse *p, const struct mp_iface_field *f, const char *text)
{
	const struct mp_iface_tail *t = p->op->in.tail;
	size_t max, len;
	uint32_t count;
	char *bytes;

	while (t->off != f->off)
		t++;
	max = (size_t)t->max * t->item;
	bytes = value_bytes(f->name, text, max, &len);
	if (bytes == NULL)
		return TOOL_USAGE;
	if (len > max || len % t->item != 0) {
		tool_error("bad length of '%s': %zu bytes, 0..%zu in units of "
			   "%u",
			   f->name, len, max, t->item);
		free(bytes);
		return TOOL_USAGE;
	}
	count = (uint32_t)(len / t->item);
	memcpy((char *)p->msg + t->count_off, &count, sizeof(count));
	memcpy((char *)p->msg + t->off, bytes, len);
	free(bytes);
	return TOOL_OK;
}

static int
take_buf(struct parse *p, const char *text)
{
	const struct mp_iface_buf *b = &p->op->buf;
	const struct mp_iface_field number = { .kind = MP_FIELD_U32,
					       .size = 4 };
	uint64_t len = UINT64_MAX;
	size_t n;

	if (b->dir == MP_BUF_IN) {
		p->buf = value_bytes("buf", text, b->max, &n);
		if (p->buf == NULL)
			return TOOL_USAGE;
		len = n;
	} else if (!value_read(text, &number, &len)) {
		len = UINT64_MAX;
	}
	if (len < b->min || len > b->max) {
		tool_error("bad buffer '%.64s': %u..%u bytes", text, b->min,
			   b->max);
		return TOOL_USAGE;
	}
	if (b->dir != MP_BUF_IN)
		p->buf = calloc(1, len + 1);
	p->buf_len = len;
	return p->buf != NULL ? TOOL_OK : TOOL_FAILED;
}

int
parse_begin(struct parse *p, const struct mp_iface *iface, const char *op)
{
	*p = (struct parse){ .op = NULL };
	for (uint32_t i = 0; i < iface->ops; i++)
		if (strcmp(iface->op[i].name, op) == 0)
			p->op = &iface->op[i];
	if (p->op == NULL) {
		tool_error("%s has no operation '%s'; there are:", iface->name,
			   op);
		parse_list(stderr, iface);
		return TOOL_USAGE;
	}
	p->msg = calloc(1, p->op->size);
	if (p->msg == NULL)
		return TOOL_FAILED;
	mp_msg_init(p->msg, p->op->op);
	return TOOL_OK;
}

static bool
is_new(struct parse *p, uint32_t bit, const char *text)
{
	bool again = (p->given >> bit & 1) != 0;

	p->given |= 1ull << bit;
	if (again)
		tool_error("'%s' comes twice", text);
	return !again;
}

int
parse_word(struct parse *p, const char *text)
{
	size_t n = strcspn(text, "=");
	const struct mp_iface_field *f;

	for (uint32_t i = 0; i < p->op->fields && text[n] != '\0'; i++) {
		f = &p->op->field[i];
		if (!is_asked(p->op, f) || strlen(f->name) != n ||
		    memcmp(f->name, text, n) != 0)
			continue;
		if (!is_new(p, i, f->name))
			return TOOL_USAGE;
		return f->kind >= MP_FIELD_TEXT ?
			       take_tail(p, f, text + n + 1) :
			       take_number(p, f, text + n + 1);
	}
	if (p->op->buf.dir != 0 && strncmp(text, "buf=", 4) == 0)
		return is_new(p, BUF_BIT, "buf") ? take_buf(p, text + 4) :
						   TOOL_USAGE;
	tool_error("bad argument '%s'; there are, each with =:", text);
	list_op(stderr, p->op);
	return TOOL_USAGE;
}

/* The buffer as the table wants it, if only its length is to be had. */
static int
end_buf(struct parse *p)
{
	const struct mp_iface_buf *b = &p->op->buf;
	uint64_t len = b->min > BUF_FILLED ? b->min : BUF_FILLED;
	struct mp_buf buf;

	if (p->buf == NULL && b->dir != MP_BUF_IN) {
		p->buf_len = len < b->max ? len : b->max;
		p->buf = calloc(1, p->buf_len + 1);
		if (p->buf == NULL)
			return TOOL_FAILED;
	}
	buf = (struct mp_buf){ .base = p->buf,
			       .len = p->buf_len,
			       .dir = b->dir };
	memcpy((char *)p->msg + b->off, &buf, sizeof(buf));
	return TOOL_OK;
}

int
parse_end(struct parse *p)
{
	const struct mp_iface_field *f;
	char range[VALUE_RANGE_MAX];

	for (uint32_t i = 0; i < p->op->fields; i++) {
		f = &p->op->field[i];
		if (!is_asked(p->op, f) || (p->given >> i & 1) != 0)
			continue;
		if (f->kind != MP_FIELD_ID &&
		    (f->kind != MP_FIELD_ENUM || (f->known & 1) != 0))
			continue;
		value_range(range, f);
		tool_error("'%s' is missing: %s", f->name, range);
		return TOOL_USAGE;
	}
	return p->op->buf.dir != 0 ? end_buf(p) : TOOL_OK;
}

void
parse_free(struct parse *p)
{
	free(p->msg);
	free(p->buf);
}
