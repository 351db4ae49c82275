/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Traces that can be compared: see record.h. */
#define _GNU_SOURCE
#include "record.h"
#include "t.h"

#include "../tool/show.h"
#include "../tool/tool.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define BUF_MAX 131072u /* bytes of a buffer that are kept */

/* Before the message, which has op->size bytes, and the buffer. */
struct head {
	uint32_t size; /* of all three, a multiple of 8 */
	uint32_t op;
	int32_t code;
	uint32_t msg; /* bytes; 0: unknown operation */
	uint32_t buf_len;
	uint32_t buf_there;
};

/* Of tool/msgport.c, which is the command itself. */
void
tool_error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
}

/* No node is 0, and the root has the same id everywhere. */
static uint64_t
number_of(struct record_names *n, uint64_t id)
{
	uint32_t at = (uint32_t)(id * 0x9e3779b97f4a7c15u >> 48) % RECORD_IDS;

	if (id <= MP_VFS_ROOT)
		return id;
	while (n->id[at] != 0 && n->id[at] != id)
		at = (at + 1) % RECORD_IDS;
	if (n->id[at] == 0) {
		CHECK(n->used < RECORD_IDS / 2);
		n->id[at] = id;
		n->number[at] = (uint32_t)MP_VFS_ROOT + ++n->used;
	}
	return n->number[at];
}

static void
rename_at(struct record_names *n, void *at)
{
	uint64_t id;

	memcpy(&id, at, sizeof(id));
	id = number_of(n, id);
	memcpy(at, &id, sizeof(id));
}

static bool
is_node(const char *field)
{
	static const char *const names[] = { "node", "parent", "new_parent",
					     "to_node", "entry.id" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(field, names[i]) == 0)
			return true;
	}
	return false;
}

static void
rename_fields(struct record *r, const struct mp_iface_op *op, char *m)
{
	const struct mp_iface_field *f = op->field;
	struct mp_vfs_forget *forget = (struct mp_vfs_forget *)(void *)m;

	for (; f < op->field + op->fields; f++) {
		if (is_node(f->name))
			rename_at(&r->nodes, m + f->off);
		else if (strcmp(f->name, "entry.generation") == 0)
			rename_at(&r->generations, m + f->off);
	}
	if (op->op != MP_VFS_FORGET)
		return;
	for (uint32_t i = 0; i < MP_VFS_FORGET_MAX; i++)
		rename_at(&r->nodes, &forget->in.item[i].id);
}

/* What counts of a part: all that is fixed, and as much of its tails. */
static void
copy_part(const struct mp_iface_part *p, char *to, const char *from)
{
	memcpy(to + p->off, from + p->off, p->fixed);
	for (uint32_t i = 0; i < p->tails; i++) {
		const struct mp_iface_tail *t = &p->tail[i];
		uint32_t n;

		memcpy(&n, from + t->count_off, sizeof(n));
		n = n < t->max ? n : t->max;
		memcpy(to + t->off, from + t->off, (size_t)n * t->item);
	}
}

static uint32_t
buf_live(const struct mp_iface_op *op, const char *m, const struct mp_buf *b,
	 int code)
{
	uint32_t n;

	if (b->len > BUF_MAX)
		return 0;
	if (op->buf.dir == MP_BUF_IN)
		return (uint32_t)b->len;
	if (code != 0)
		return 0;
	memcpy(&n, m + op->buf.live_off, sizeof(n));
	return n < b->len ? n : (uint32_t)b->len;
}

/* The ids in records of a readdirplus. */
static void
rename_entries(struct record *r, char *buf, uint32_t len)
{
	struct mp_vfs_dirent d;
	char *end = buf + len;
	char *entry;

	for (; buf < end; buf += MP_VFS_RECORD_SIZE(d.name_len, true)) {
		memcpy(&d, buf, sizeof(d));
		entry = buf + sizeof(d);
		rename_at(&r->nodes, entry + offsetof(struct mp_vfs_entry, id));
		rename_at(&r->generations,
			  entry + offsetof(struct mp_vfs_entry, generation));
	}
}

static void
fill(struct record *r, struct head *h, const struct mp_iface_op *op,
     const char *m)
{
	char *to = (char *)(h + 1);
	struct mp_buf b;

	copy_part(&op->in, to, m);
	if (h->code == 0)
		copy_part(&op->out, to, m);
	rename_fields(r, op, to);
	if (op->buf.dir == 0)
		return;
	memcpy(&b, m + op->buf.off, sizeof(b));
	h->buf_len = (uint32_t)b.len;
	h->buf_there = buf_live(op, m, &b, h->code);
	if (h->buf_there == 0)
		return;
	memcpy(to + op->size, b.base, h->buf_there);
	if (op->op == MP_VFS_READDIRPLUS)
		rename_entries(r, to + op->size, h->buf_there);
}

static void
words(FILE *to, const char *which, const struct head *h)
{
	struct line l = { .domain = which,
			  .number = h->op,
			  .op = mp_iface_op_find(&mp_vfs_iface, h->op),
			  .result = h->code,
			  .answered = h->code == 0,
			  .buf_len = h->buf_len,
			  .buf_count = h->buf_there };

	if (l.op != NULL) {
		l.msg = (const void *)(h + 1);
		l.buf = (const char *)(h + 1) + l.op->size;
		l.buf_there = h->buf_there < LINE_BUF_MAX ? h->buf_there :
							    LINE_BUF_MAX;
	}
	line_print(to, &l, false);
}

static void
differ(const struct record *r, const struct head *is, const struct head *was)
{
	char *text = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&text, &size);

	CHECK(to != NULL);
	if (was != NULL)
		words(to, "first", was);
	words(to, "second", is);
	fclose(to);
	t_fail(__FILE__, __LINE__, "message %" PRIu64 " differs:\n%s",
	       r->messages, text);
}

static void
compare(struct record *r, const struct head *h)
{
	const struct record *like = r->like;
	const struct head *was = NULL;

	if (r->size < like->size)
		was = (const void *)(like->bytes + r->size);
	if (was == NULL || was->size != h->size || memcmp(was, h, h->size) != 0)
		differ(r, h, was);
	r->size += h->size;
}

void
record_add(struct record *r, const struct mp_msg *m, int code)
{
	const struct mp_iface_op *op = mp_iface_op_find(&mp_vfs_iface, m->op);
	static uint64_t room[(2048 + BUF_MAX) / 8];
	struct head *h = (void *)room;
	size_t msg = op != NULL ? op->size : 0;

	memset(h, 0, sizeof(*h) + msg);
	h->op = m->op;
	h->code = code;
	h->msg = (uint32_t)msg;
	if (op != NULL)
		fill(r, h, op, (const void *)m);
	h->size = (uint32_t)(sizeof(*h) + msg + h->buf_there + 7) & ~7u;
	memset((char *)(h + 1) + msg + h->buf_there, 0,
	       h->size - sizeof(*h) - msg - h->buf_there);
	if (r->like != NULL) {
		compare(r, h);
	} else {
		if (r->size + h->size > r->room) {
			r->room = 2 * (r->size + h->size);
			r->bytes = realloc(r->bytes, r->room);
			CHECK(r->bytes != NULL);
		}
		memcpy(r->bytes + r->size, h, h->size);
		r->size += h->size;
	}
	r->messages++;
}

void
record_end(const struct record *r)
{
	if (r->like != NULL)
		CHECK_EQ(r->messages, r->like->messages);
}

/* FNV-1a, of words. */
uint64_t
record_digest(const struct record *r)
{
	uint64_t word, hash = 0xcbf29ce484222325u;

	for (size_t i = 0; i < r->size; i += sizeof(word)) {
		memcpy(&word, r->bytes + i, sizeof(word));
		hash = (hash ^ word) * 0x100000001b3u;
		hash ^= hash >> 32;
	}
	return hash;
}

void
record_fini(struct record *r)
{
	free(r->bytes);
	memset(r, 0, sizeof(*r));
}
