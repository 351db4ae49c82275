/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Hostile front-ends and wrong drivers, from the interface table.
 *
 * An input is a good request with some of its fields, names and bytes changed,
 * then a good answer changed in the same way.  The driver aborts if it sees a
 * request that its header rules out, the caller if it sees such an answer; both
 * look with code of their own.  Lookups are counted: what the caller was not
 * given was given back.  Every buffer has its exact size, so a touch behind it
 * shows.  One input in four comes as bytes from a wire.
 */
#include <msgport/agent.h>
#include <msgport/vfs.h>

#include "vfs_oracle.h"

enum { BUF_MAX = 128 * 1024, CHANGES_MAX = 8 };

struct run {
	struct feed feed;
	struct mp_port port;
	struct mp_vfs vfs;
	union vfs_msg *asked; /* what the driver was sent */
	uint32_t asked_count;
	uint32_t lookups; /* answered by the driver, less those forgotten */
	uint32_t opens;
	uint32_t attached;
	bool async;
	bool counts; /* the answer is one whose lookups can be told */
};

static uint64_t
take_any(struct feed *f, uint64_t now, uint64_t known)
{
	switch (take(f, 1) % 12) {
	case 0:
		return 0;
	case 1:
		return 1;
	case 2:
		return UINT64_MAX;
	case 3:
		return known;
	case 4:
		return 1ull << take(f, 1) % 64;
	case 5:
		return now + 1;
	case 6:
		return now - 1;
	case 7:
		return INT64_MAX;
	case 8:
		return take(f, 1);
	case 9:
		return take(f, 2);
	case 10:
		return now ^ 1ull << take(f, 1) % 64;
	default:
		return take(f, 8);
	}
}

static struct mp_buf *
buf_of(const struct mp_iface_op *op, union vfs_msg *m)
{
	return op->buf.dir != 0 ?
		       (struct mp_buf *)(void *)((char *)m + op->buf.off) :
		       NULL;
}

/* A length that is refused needs no memory; any other has exactly its own. */
static void
set_buf(const struct mp_iface_op *op, union vfs_msg *m, uint64_t len)
{
	struct mp_buf *b = buf_of(op, m);

	free(b->base);
	b->len = len <= op->buf.max && len > BUF_MAX ? BUF_MAX : len;
	b->base = malloc(b->len <= BUF_MAX ? b->len : 1);
	if (b->len <= BUF_MAX)
		memset(b->base, 'x', b->len);
}

static void
change_buf(struct feed *f, const struct mp_iface_op *op, union vfs_msg *m)
{
	struct mp_buf *b = buf_of(op, m);
	uint64_t at = take(f, 2);

	switch (take(f, 1) % 8) {
	case 0:
		set_buf(op, m, take_any(f, b->len, op->buf.max));
		break;
	case 1:
		b->dir = (uint32_t)take(f, 1);
		break;
	case 2:
		free(b->base);
		b->base = NULL;
		break;
	default:
		if (b->base != NULL && b->len <= BUF_MAX && at < b->len)
			((char *)b->base)[at] = (char)take(f, 1);
		break;
	}
}

static void
change_field(struct feed *f, const struct mp_iface_field *field,
	     union vfs_msg *m)
{
	char *at = (char *)m + field->off;
	uint64_t v;

	if (field->kind == MP_FIELD_TEXT || field->kind == MP_FIELD_ITEMS) {
		at[take(f, 1) % field->size] = (char)take(f, 1);
		return;
	}
	v = take_any(f, mp_iface_get(field, &m->msg), field->known);
	memcpy(at, &v, field->size);
}

/* Changes what belongs to one part, or what is in the buffer. */
static void
change(struct feed *f, const struct mp_iface_op *op,
       const struct mp_iface_part *part, union vfs_msg *m)
{
	for (uint64_t n = take(f, 1) % CHANGES_MAX; n > 0; n--) {
		const struct mp_iface_field *field =
			&op->field[take(f, 1) % op->fields];

		if (field->off >= part->off &&
		    field->off < part->off + part->size)
			change_field(f, field, m);
		else if (op->buf.dir != 0 && part == &op->in)
			change_buf(f, op, m);
		else if (op->buf.dir == MP_BUF_OUT && buf_of(op, m)->len > 0)
			((char *)buf_of(op, m)
				 ->base)[take(f, 2) % buf_of(op, m)->len] =
				(char)take(f, 1);
	}
}

static void
good_request(const struct mp_iface_op *op, union vfs_msg *m)
{
	table_request(op, &m->msg, sizeof(*m));
	if (op->buf.dir != 0) {
		buf_of(op, m)->dir = op->buf.dir;
		set_buf(op, m, op->op == MP_VFS_SYMLINK ? 9 : 4200);
	}
	if (op->op == MP_VFS_MKNOD)
		m->mknod.in.mode = MP_S_IFIFO;
	if (op->op == MP_VFS_LSEEK)
		m->lseek.in.whence = MP_VFS_SEEK_DATA;
	if (op->op == MP_VFS_ATTACH)
		m->attach.in.io_max = m->attach.in.caps = 7;
	if (op->op == MP_VFS_DELETE)
		m->inval_entry.in.node = 9;
	if (op->op == MP_VFS_FORGET) {
		m->forget.in.items = 1;
		m->forget.in.item[0].id = m->forget.in.item[0].count = 3;
	}
}

static void
good_attr(struct mp_vfs_attr *a, uint32_t type)
{
	memset(a, 0, sizeof(*a));
	a->mode = type | 0644;
	a->ino = a->blksize = 7;
}

static void
good_records(struct mp_vfs_readdir *m)
{
	struct mp_vfs_dirent d = { 1, 1, MP_S_IFREG >> 12, 1 };
	struct mp_vfs_entry e = { .id = 11 };

	good_attr(&e.attr, MP_S_IFREG);
	m->out.count = 0;
	for (; d.name_len < 40; d.name_len += 13) {
		(void)mp_vfs_dirent_put(m, &d,
					"a name of a file, as long as "
					"this is, or shorter",
					&e);
		d.next_cookie++;
		e.id++;
	}
}

static void
good_answer(const struct mp_iface_op *op, union vfs_msg *m)
{
	uint32_t type = type_of_op(m);
	void *out = (char *)m + op->out.off;

	memset(out, 0, op->out.size);
	if (answers_entry(op->op)) {
		((struct mp_vfs_entry *)out)->id = 12;
		good_attr(&((struct mp_vfs_entry *)out)->attr, type);
	}
	switch (op->op) {
	case MP_VFS_LINK:
		m->link.out.entry.id = m->link.in.node;
		break;
	case MP_VFS_GETATTR:
	case MP_VFS_SETATTR:
		good_attr(&m->getattr.out.attr, type);
		if (op->op == MP_VFS_SETATTR)
			good_attr(&m->setattr.out.attr, type);
		break;
	case MP_VFS_READLINK:
		m->readlink.out.count = 3;
		break;
	case MP_VFS_WRITE:
		m->write.out.count = m->write.buf.len != 0;
		break;
	case MP_VFS_READDIR:
	case MP_VFS_READDIRPLUS:
		good_records(&m->readdir);
		break;
	case MP_VFS_STATFS:
		m->statfs.out.info.bsize = m->statfs.out.info.frsize = 1;
		m->statfs.out.info.name_max = 255;
		break;
	case MP_VFS_LSEEK:
		m->lseek.out.offset = m->lseek.in.offset;
		break;
	case MP_VFS_ATTACH:
		m->attach.out.io_max = m->attach.out.time_gran_ns = 1;
		break;
	default:
		break;
	}
}

static struct run run;

static bool
is_never_taken(uint32_t op)
{
	return op == MP_VFS_FORGET || op == MP_VFS_RELEASE ||
	       op == MP_VFS_RELEASEDIR || op == MP_VFS_DETACH;
}

/* The driver: aborts on a bad request, then answers with anything. */
static int
drive(void *fs, void *msg)
{
	const struct mp_iface_op *op;
	union vfs_msg *m = msg;
	int code;

	(void)fs;
	op = mp_iface_op_find(&mp_vfs_iface, m->msg.op);
	MUST(op != NULL && (op->flags & MP_IFACE_UPWARD) == 0);
	request_is_good(op, m);
	if (m != run.asked) {
		/* A lookup, a handle, an attach that the class gives back. */
		MUST(is_never_taken(op->op));
		if (op->op == MP_VFS_FORGET)
			run.lookups--;
		else if (op->op == MP_VFS_DETACH)
			run.attached--;
		else
			run.opens--;
		return 0;
	}
	run.asked_count++;
	good_answer(op, m);
	change(&run.feed, op, &op->out, m);
	code = take(&run.feed, 1) % 4 != 0 ? 0 : (int32_t)take(&run.feed, 4);
	if (code == EASYNC)
		code = 0;
	if (code == 0 && answers_entry(op->op))
		run.lookups += ((struct mp_vfs_entry *)(void *)((char *)m +
								op->out.off))
				       ->id > MP_VFS_ROOT;
	if (code == 0) {
		run.opens += answers_open(m);
		run.attached += op->op == MP_VFS_ATTACH;
	}
	if (!run.async || is_never_taken(op->op))
		return code;
	mp_msg_take(&m->msg);
	mp_vfs_reply(&m->msg, code);
	return EASYNC;
}

#define SLOT(slot, type)                                  \
	static int drive_##slot(void *fs, struct type *m) \
	{                                                 \
		return drive(fs, m);                      \
	}
SLOTS(SLOT)

static const struct mp_vfs_ops ops = {
#define ASSIGN(slot, type) .slot = drive_##slot,
	SLOTS(ASSIGN)
};

static void
send(const struct mp_iface_op *op, union vfs_msg *m)
{
	int code;

	run.asked = m;
	mp_port_init_call(&run.port, mp_vfs_handle, &run.vfs);
	code = mp_call(&run.port, &m->msg);
	MUST(run.asked_count <= 1);
	if (run.asked_count == 0) {
		MUST(code < 0);
		return;
	}
	code_is_good(code);
	MUST(run.attached == (code == 0 && op->op == MP_VFS_ATTACH));
	if (code != 0) {
		MUST(!answers_entry(op->op) || run.lookups == 0);
		return;
	}
	answer_is_good(op, m);
	if (answers_entry(op->op))
		MUST(run.lookups <= 1);
}

/* As bytes: unpacked, checked against the table, then asked. */
static void
send_wire(const struct mp_iface_op *op, union vfs_msg *m)
{
	static char bytes[4096];
	struct feed *f = &run.feed;
	union vfs_msg got = *m;
	int code, len;
	char *exact;

	memset(bytes, 0, sizeof(bytes));
	len = mp_iface_pack_in(op, &m->msg, bytes, sizeof(bytes));
	if (len < 0)
		return;
	for (uint64_t n = take(f, 1) % CHANGES_MAX; n > 0; n--)
		bytes[take(f, 1) % (8u + op->in.fixed)] = (char)take(f, 1);
	len += (int)(take(f, 2) % 600) - 8;
	if (len < MP_IFACE_HEAD)
		len = 0;
	/* Mostly the head fits, or nothing else would be looked at. */
	if (len >= MP_IFACE_HEAD + op->in.fixed && take(f, 1) % 8 != 0) {
		uint32_t head[] = { op->in.fixed,
				    (uint32_t)len - op->in.fixed - 8 };

		memcpy(bytes, head, sizeof(head));
	}
	exact = malloc((size_t)len);
	memcpy(exact, bytes, (size_t)len);
	code = mp_iface_unpack_in(op, &got.msg, exact, (uint32_t)len);
	free(exact);
	if (code != 0)
		return;
	for (uint32_t i = 0; i < op->in.tails; i++)
		MUST(count_of(&op->in.tail[i], &got) <= op->in.tail[i].max);
	send(op, &got);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct mp_iface_op *op;
	union vfs_msg m;
	uint64_t how;

	memset(&run, 0, sizeof(run));
	run.feed.at = data;
	run.feed.left = size;
	run.vfs.ops = &ops;
	op = &mp_vfs_iface.op[take(&run.feed, 1) % mp_vfs_iface.ops];
	how = take(&run.feed, 1);
	run.async = (how & 1) != 0;
	good_request(op, &m);
	change(&run.feed, op, &op->in, &m);
	if ((how & 6) == 6)
		send_wire(op, &m);
	else
		send(op, &m);
	if (op->buf.dir != 0)
		free(buf_of(op, &m)->base);
	return 0;
}
