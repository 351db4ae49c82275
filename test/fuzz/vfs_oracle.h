/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef VFS_ORACLE_H
#define VFS_ORACLE_H

/* What the headers of class vfs promise, said without a look at class/. */

#include "feed.h"

/* The driver's functions: a name and the message's type. */
#define SLOTS(X)                                   \
	X(lookup, mp_vfs_lookup)                   \
	X(forget, mp_vfs_forget)                   \
	X(getattr, mp_vfs_getattr)                 \
	X(setattr, mp_vfs_setattr)                 \
	X(readlink, mp_vfs_readlink)               \
	X(mknod, mp_vfs_mknod)                     \
	X(mkdir, mp_vfs_mkdir)                     \
	X(unlink, mp_vfs_unlink)                   \
	X(rmdir, mp_vfs_unlink)                    \
	X(symlink, mp_vfs_symlink)                 \
	X(rename, mp_vfs_rename)                   \
	X(link, mp_vfs_link)                       \
	X(open, mp_vfs_open)                       \
	X(read, mp_vfs_read)                       \
	X(write, mp_vfs_write)                     \
	X(flush, mp_vfs_release)                   \
	X(release, mp_vfs_release)                 \
	X(fsync, mp_vfs_fsync)                     \
	X(opendir, mp_vfs_open)                    \
	X(readdir, mp_vfs_readdir)                 \
	X(readdirplus, mp_vfs_readdir)             \
	X(releasedir, mp_vfs_release)              \
	X(fsyncdir, mp_vfs_fsync)                  \
	X(statfs, mp_vfs_statfs)                   \
	X(setxattr, mp_vfs_setxattr)               \
	X(getxattr, mp_vfs_getxattr)               \
	X(listxattr, mp_vfs_listxattr)             \
	X(removexattr, mp_vfs_removexattr)         \
	X(access, mp_vfs_access)                   \
	X(create, mp_vfs_create)                   \
	X(fallocate, mp_vfs_fallocate)             \
	X(lseek, mp_vfs_lseek)                     \
	X(copy_file_range, mp_vfs_copy_file_range) \
	X(syncfs, mp_vfs_syncfs)                   \
	X(attach, mp_vfs_attach)                   \
	X(detach, mp_vfs_detach)

#define MEMBER(slot, type) struct type slot;
union vfs_msg {
	struct mp_msg msg;
	SLOTS(MEMBER)
	struct mp_vfs_inval_inode inval_inode;
	struct mp_vfs_inval_entry inval_entry;
};

static uint32_t
count_of(const struct mp_iface_tail *t, const union vfs_msg *m)
{
	uint32_t n;

	memcpy(&n, (const char *)m + t->count_off, sizeof(n));
	return n;
}

static bool
answers_entry(uint32_t op)
{
	return op == MP_VFS_LOOKUP || op == MP_VFS_MKNOD ||
	       op == MP_VFS_MKDIR || op == MP_VFS_SYMLINK ||
	       op == MP_VFS_LINK || op == MP_VFS_CREATE;
}

/* How many open files a successful answer leaves behind: 0 or 1. */
static uint32_t
answers_open(const union vfs_msg *m)
{
	return m->msg.op == MP_VFS_OPEN || m->msg.op == MP_VFS_OPENDIR ||
	       (m->msg.op == MP_VFS_CREATE && m->create.out.entry.id != 0);
}

/* A type that is right in the answer. */
static uint32_t
type_of_op(const union vfs_msg *m)
{
	switch (m->msg.op) {
	case MP_VFS_MKNOD:
		return m->mknod.in.mode & MP_S_IFMT;
	case MP_VFS_MKDIR:
		return MP_S_IFDIR;
	case MP_VFS_SYMLINK:
		return MP_S_IFLNK;
	default:
		return MP_S_IFREG;
	}
}

static bool
is_dots(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* The buffer is all there, and what the driver may do to it can be done. */
static void
buffer_is_good(const struct mp_iface_op *op, const union vfs_msg *m)
{
	volatile unsigned char sum = 0;
	struct mp_buf b;

	memcpy(&b, (const char *)m + op->buf.off, sizeof(b));
	MUST(b.dir == op->buf.dir && b.len <= op->buf.max);
	for (uint64_t i = 0; i < b.len; i++)
		sum = (unsigned char)(sum + ((unsigned char *)b.base)[i]);
	if (b.dir == MP_BUF_OUT && b.len > 0)
		((unsigned char *)b.base)[b.len - 1] = 'x';
}

static void
field_is_good(const struct mp_iface_field *f, const union vfs_msg *m)
{
	uint64_t v = mp_iface_get(f, &m->msg);

	switch (f->kind) {
	case MP_FIELD_ID:
		MUST(v != 0);
		break;
	case MP_FIELD_OFFSET:
		MUST((int64_t)v >= 0);
		break;
	case MP_FIELD_ZERO:
		MUST(v == 0);
		break;
	case MP_FIELD_NSEC:
		MUST(v <= 999999999);
		break;
	case MP_FIELD_FLAGS:
	case MP_FIELD_OCTAL:
		MUST((v | f->known) == f->known);
		break;
	default:
		break;
	}
}

static void
names_are_good(const struct mp_iface_op *op, const union vfs_msg *m)
{
	for (uint32_t i = 0; i < op->in.tails; i++) {
		const struct mp_iface_tail *t = &op->in.tail[i];
		const char *name = (const char *)m + t->off;
		bool xattr = strstr(op->name, "xattr") != NULL;

		MUST(count_of(t, m) >= 1 && count_of(t, m) <= t->max);
		if (!t->text)
			continue;
		MUST(strnlen(name, 256) == count_of(t, m));
		MUST(xattr || strchr(name, '/') == NULL);
		MUST(xattr || op->op == MP_VFS_LOOKUP || !is_dots(name));
	}
}

static void
range_is_good(uint64_t offset, uint64_t length)
{
	int64_t end;

	MUST(!__builtin_add_overflow(offset, length, &end));
}

static void
device_is_good(uint32_t mode, uint32_t major, uint32_t minor)
{
	if ((mode & MP_S_IFMT) == MP_S_IFCHR ||
	    (mode & MP_S_IFMT) == MP_S_IFBLK)
		MUST(major <= 0xfff && minor <= 0xfffff);
	else
		MUST(major == 0 && minor == 0);
}

static void
copy_is_good(const struct mp_vfs_copy_file_range *m)
{
	uint64_t low = m->in.offset, high = m->in.to_offset;

	if (low > high) {
		low = m->in.to_offset;
		high = m->in.offset;
	}
	range_is_good(high, m->in.length);
	MUST(m->in.node != m->in.to_node || low + m->in.length <= high ||
	     m->in.length == 0);
}

static void
mknod_is_good(const struct mp_vfs_mknod *m)
{
	uint32_t type = m->in.mode & MP_S_IFMT;

	MUST(type == MP_S_IFREG || type == MP_S_IFIFO || type == MP_S_IFSOCK ||
	     type == MP_S_IFCHR || type == MP_S_IFBLK);
	device_is_good(type, m->in.rdev_major, m->in.rdev_minor);
}

static void
particulars_are_good(const union vfs_msg *m)
{
	uint32_t n;

	switch (m->msg.op) {
	case MP_VFS_FORGET:
		for (n = m->forget.in.items; n > 0; n--) {
			MUST(m->forget.in.item[n - 1].id != 0);
			MUST(m->forget.in.item[n - 1].count != 0);
		}
		break;
	case MP_VFS_MKNOD:
		mknod_is_good(&m->mknod);
		break;
	case MP_VFS_SYMLINK:
		n = (uint32_t)m->symlink.buf.len;
		MUST(n >= 1 && n <= 4095);
		MUST(strnlen(m->symlink.buf.base, n) == n);
		break;
	case MP_VFS_RENAME:
		MUST(m->rename.in.flags != 3);
		break;
	case MP_VFS_OPEN:
	case MP_VFS_OPENDIR:
		MUST((m->open.in.flags & 3) != 3);
		MUST(m->msg.op == MP_VFS_OPEN || (m->open.in.flags & 3) == 0);
		break;
	case MP_VFS_CREATE:
		MUST((m->create.in.flags & 3) != 3);
		break;
	case MP_VFS_READ:
		range_is_good(m->read.in.offset, m->read.buf.len);
		break;
	case MP_VFS_WRITE:
		range_is_good(m->write.in.offset, m->write.buf.len);
		break;
	case MP_VFS_READLINK:
		MUST(m->readlink.buf.len >= 4095);
		break;
	case MP_VFS_READDIR:
	case MP_VFS_READDIRPLUS:
		MUST(m->readdir.buf.len >= 24 + 152 + 256);
		break;
	case MP_VFS_FALLOCATE:
		range_is_good(m->fallocate.in.offset, m->fallocate.in.length);
		n = m->fallocate.in.mode;
		MUST((n & 2) == 0 || n == 3);
		MUST((n & (8 | 32)) == 0 || n == 8 || n == 32);
		break;
	case MP_VFS_LSEEK:
		MUST(m->lseek.in.whence == 3 || m->lseek.in.whence == 4);
		break;
	case MP_VFS_COPY_FILE_RANGE:
		copy_is_good(&m->copy_file_range);
		break;
	case MP_VFS_ATTACH:
		MUST(m->attach.in.io_max != 0);
		break;
	default:
		break;
	}
}

static void
request_is_good(const struct mp_iface_op *op, const union vfs_msg *m)
{
	for (uint32_t i = 0; i < op->fields; i++) {
		if (op->field[i].off < op->in.off + op->in.size)
			field_is_good(&op->field[i], m);
	}
	names_are_good(op, m);
	if (op->buf.dir != 0)
		buffer_is_good(op, m);
	particulars_are_good(m);
}

static void
code_is_good(int code)
{
	MUST(code <= 0 && code >= -4095);
	MUST(code != -EAGAIN && code != -EPIPE && code != -EOWNERDEAD);
	MUST(code != -ETIME && code != -EPROTO && code != -EDEADLK);
	MUST(code != -EBUSY && code != -ECANCELED);
}

static void
attr_is_good(const struct mp_vfs_attr *a)
{
	uint32_t type = a->mode & MP_S_IFMT;

	MUST(type == MP_S_IFDIR || type == MP_S_IFREG || type == MP_S_IFLNK ||
	     type == MP_S_IFCHR || type == MP_S_IFBLK || type == MP_S_IFIFO ||
	     type == MP_S_IFSOCK);
	MUST((a->mode & ~(MP_S_IFMT | 07777u)) == 0);
	device_is_good(type, a->rdev_major, a->rdev_minor);
	MUST(a->ino != 0 && (int64_t)a->size >= 0 && a->blksize != 0);
	MUST(a->atime.nsec <= 999999999 && a->mtime.nsec <= 999999999);
	MUST(a->ctime.nsec <= 999999999 && a->btime.nsec <= 999999999);
	MUST(a->flags <= 1);
}

static void
entry_is_good(const union vfs_msg *m, const struct mp_vfs_entry *e)
{
	uint32_t type = e->attr.mode & MP_S_IFMT;

	if (m->msg.op == MP_VFS_LOOKUP && e->id == 0) {
		MUST(m->lookup.in.flags == MP_VFS_LOOKUP_NEGATIVE);
		return;
	}
	attr_is_good(&e->attr);
	if (m->msg.op == MP_VFS_LOOKUP && is_dots(m->lookup.in.name)) {
		MUST(type == MP_S_IFDIR && e->id != 0);
		return;
	}
	MUST(e->id > 1);
	if (m->msg.op == MP_VFS_LINK)
		MUST(e->id == m->link.in.node && type != MP_S_IFDIR);
	else if (m->msg.op != MP_VFS_LOOKUP)
		MUST(type == type_of_op(m));
}

/* Walks the bytes itself. */
static void
records_are_good(const struct mp_vfs_readdir *m)
{
	bool plus = m->msg.op == MP_VFS_READDIRPLUS;
	const char *at = m->buf.base;
	const char *end = at + m->out.count;
	uint64_t cookie = m->in.cookie;

	MUST(m->out.count <= m->buf.len);
	while (at < end) {
		struct mp_vfs_dirent d;
		struct mp_vfs_entry e;
		char name[256] = "";

		MUST((size_t)(end - at) >= sizeof(d));
		memcpy(&d, at, sizeof(d));
		at += sizeof(d);
		if (plus) {
			memcpy(&e, at, sizeof(e));
			at += sizeof(e);
		}
		MUST(d.name_len >= 1 && d.name_len <= 255);
		memcpy(name, at, d.name_len);
		for (at += d.name_len; ((uintptr_t)at & 7) != 0; at++)
			MUST(*at == 0);
		MUST(at <= end);
		MUST(strlen(name) == d.name_len && strchr(name, '/') == NULL);
		MUST(d.ino != 0 && (int64_t)d.next_cookie > 0);
		MUST(d.next_cookie != cookie);
		MUST(d.type <= 12 && (d.type % 2 == 0 || d.type == 1));
		cookie = d.next_cookie;
		if (plus && e.id != 0) {
			attr_is_good(&e.attr);
			MUST(e.id > 1 && !is_dots(name));
			MUST(d.type == 0 || d.type == e.attr.mode >> 12);
		}
	}
}

static void
list_is_good(const struct mp_vfs_listxattr *m)
{
	const char *at = m->buf.base;
	uint32_t left = m->out.count;

	MUST(left <= 65536);
	while (m->buf.len != 0 && left > 0) {
		size_t len = strnlen(at, left);

		MUST(len >= 1 && len <= 255 && len < left);
		at += len + 1;
		left -= (uint32_t)len + 1;
	}
}

static void
file_answer_is_good(const union vfs_msg *m)
{
	switch (m->msg.op) {
	case MP_VFS_OPEN:
	case MP_VFS_OPENDIR:
		MUST((m->open.out.flags & ~0x2fu) == 0);
		break;
	case MP_VFS_CREATE:
		MUST((m->create.out.flags & ~0x2fu) == 0);
		break;
	case MP_VFS_WRITE:
		MUST(m->write.out.count != 0 || m->write.buf.len == 0);
		break;
	case MP_VFS_READDIR:
	case MP_VFS_READDIRPLUS:
		records_are_good(&m->readdir);
		break;
	case MP_VFS_LISTXATTR:
		list_is_good(&m->listxattr);
		break;
	case MP_VFS_LSEEK:
		MUST(m->lseek.out.offset >= m->lseek.in.offset);
		MUST((int64_t)m->lseek.out.offset >= 0);
		break;
	case MP_VFS_COPY_FILE_RANGE:
		MUST(m->copy_file_range.out.count <=
		     m->copy_file_range.in.length);
		break;
	case MP_VFS_ATTACH:
		MUST((m->attach.out.caps | m->attach.in.caps) ==
		     m->attach.in.caps);
		MUST(m->attach.out.io_max <= m->attach.in.io_max);
		MUST(m->attach.out.io_max != 0);
		break;
	default:
		break;
	}
}

static void
answer_is_good(const struct mp_iface_op *op, const union vfs_msg *m)
{
	const void *out = (const char *)m + op->out.off;
	uint32_t live = 0;
	struct mp_buf b;

	if (op->buf.live_off != 0) {
		memcpy(&live, (const char *)m + op->buf.live_off, 4);
		memcpy(&b, (const char *)m + op->buf.off, sizeof(b));
		MUST(live <= b.len || (b.len == 0 && live <= 65536));
	}
	if (answers_entry(op->op))
		entry_is_good(m, out);
	if (op->op == MP_VFS_GETATTR)
		attr_is_good(&m->getattr.out.attr);
	if (op->op == MP_VFS_SETATTR)
		attr_is_good(&m->setattr.out.attr);
	if (op->op == MP_VFS_READLINK)
		MUST(live != 0 && live <= 4095 &&
		     strnlen(b.base, live) == live);
	file_answer_is_good(m);
}

#endif
