/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The handler of a vfs port: check, call, check.
 *
 * The calls are typed, one by one, because the kernel's control flow integrity
 * refuses a function called by another type than its own.
 *
 * An answer that is refused may have given something: a lookup, or an open
 * file.  The sender will never know of it, so it is given back here, by the
 * messages that the sender would have used.
 *
 * Reading the table costs some ten instructions a field, so what is asked most
 * is looked at by hand first.  That look may only say "surely good"; whatever
 * it does not like is left to the full checks, which know the errors.
 */

#include "vfs_check.h"

#define M(type) ((const struct mp_vfs_##type *)m)
/* Flags of a create that can stand beside any other. */
#define PLAIN_CREATE (MP_O_ACCMODE | MP_O_EXCL | MP_O_TRUNC | MP_O_APPEND)
/* What a setattr can set without a rule that binds two of them. */
#define PLAIN_SET                                                \
	(MP_VFS_SET_MODE | MP_VFS_SET_ATIME | MP_VFS_SET_MTIME | \
	 MP_VFS_SET_CTIME | MP_VFS_SET_FH)
/* A regular file's mode less a directory's, and permissions. */
#define PLAIN_MODE (MP_S_IFREG - MP_S_IFDIR + MP_S_IPERM)
/* Errors that may be passed on whatever the message is. */
#define PLAIN_ERRORS                                                          \
	(1ull << ENOENT | 1ull << EACCES | 1ull << EEXIST | 1ull << EPERM |   \
	 1ull << ENOTDIR | 1ull << EISDIR | 1ull << ENOSPC | 1ull << ERANGE | \
	 1ull << ENOTEMPTY | 1ull << ENODATA)

#define CALL(OP, slot, type)            \
	case MP_VFS_##OP:               \
		if (ops->slot == NULL)  \
			return -ENOSYS; \
		return ops->slot(vfs->fs, (struct mp_vfs_##type *)m)

static int
call(const struct mp_vfs *vfs, uint32_t op, void *m)
{
	const struct mp_vfs_ops *ops = vfs->ops;

	switch (op) {
		CALL(LOOKUP, lookup, lookup);
		CALL(FORGET, forget, forget);
		CALL(GETATTR, getattr, getattr);
		CALL(SETATTR, setattr, setattr);
		CALL(READLINK, readlink, readlink);
		CALL(MKNOD, mknod, mknod);
		CALL(MKDIR, mkdir, mkdir);
		CALL(UNLINK, unlink, unlink);
		CALL(RMDIR, rmdir, unlink);
		CALL(SYMLINK, symlink, symlink);
		CALL(RENAME, rename, rename);
		CALL(LINK, link, link);
		CALL(OPEN, open, open);
		CALL(READ, read, read);
		CALL(WRITE, write, write);
		CALL(FLUSH, flush, release);
		CALL(RELEASE, release, release);
		CALL(FSYNC, fsync, fsync);
		CALL(OPENDIR, opendir, open);
		CALL(READDIR, readdir, readdir);
		CALL(READDIRPLUS, readdirplus, readdir);
		CALL(RELEASEDIR, releasedir, release);
		CALL(FSYNCDIR, fsyncdir, fsync);
		CALL(STATFS, statfs, statfs);
		CALL(SETXATTR, setxattr, setxattr);
		CALL(GETXATTR, getxattr, getxattr);
		CALL(LISTXATTR, listxattr, listxattr);
		CALL(REMOVEXATTR, removexattr, removexattr);
		CALL(ACCESS, access, access);
		CALL(CREATE, create, create);
		CALL(FALLOCATE, fallocate, fallocate);
		CALL(LSEEK, lseek, lseek);
		CALL(COPY_FILE_RANGE, copy_file_range, copy_file_range);
		CALL(SYNCFS, syncfs, syncfs);
		CALL(ATTACH, attach, attach);
		CALL(DETACH, detach, detach);
	default:
		return -ENOSYS; /* upward messages: not for a driver */
	}
}

static bool
plain_name(const char *name, uint32_t len)
{
	return len - 1 < MP_VFS_NAME_MAX && (name[0] != '.' || len > 2) &&
	       vfs_text_ok(name, len, '/');
}

/* An xattr's name may have a slash.  Out of line: the handler saves less. */
static bool __attribute__((__noinline__))
plain_xattr(const char *name, uint32_t len)
{
	return len - 1 < MP_VFS_NAME_MAX && name[len] == '\0' &&
	       strlen(name) == len;
}

static bool
plain_buf(const struct mp_buf *b, uint32_t dir)
{
	return b->dir == dir && b->len <= MP_VFS_IO_MAX && b->base != NULL;
}

static bool
plain_io(uint64_t offset, const struct mp_buf *b, uint32_t dir)
{
	return plain_buf(b, dir) && offset <= VFS_OFFSET_MAX - MP_VFS_IO_MAX;
}

static bool
plain_opened(uint32_t flags)
{
	return (flags & ~(uint32_t)MP_VFS_OPEN_ALL) == 0;
}

/* Of a regular file or a directory; the rest of vfs_attr_ok() in one word. */
static inline bool
plain_attr(const struct mp_vfs_attr *a)
{
	uint32_t odd = ((a->mode - MP_S_IFDIR) & ~PLAIN_MODE) |
		       (a->flags & ~(uint32_t)MP_VFS_ATTR_BTIME) |
		       a->rdev_major | a->rdev_minor;

	return odd == 0 && a->ino != 0 && a->size <= VFS_OFFSET_MAX &&
	       a->blksize != 0 && a->atime.nsec < VFS_NSEC &&
	       a->mtime.nsec < VFS_NSEC && a->ctime.nsec < VFS_NSEC &&
	       a->btime.nsec < VFS_NSEC;
}

static bool
plain_entry(const struct mp_vfs_entry *e, uint64_t parent)
{
	return e->id > MP_VFS_ROOT && e->id != parent && plain_attr(&e->attr);
}

/* Out of line: its message and the caller's record are no frame together. */
static void __attribute__((__noinline__))
give_back_lookup(const struct mp_vfs *vfs, uint64_t id)
{
	struct mp_vfs_forget m;

	if (id <= MP_VFS_ROOT || vfs->ops->forget == NULL)
		return;
	mp_msg_init(&m.msg, MP_VFS_FORGET);
	m.in.items = 1;
	m.in.reserved = 0;
	m.in.item[0].id = id;
	m.in.item[0].count = 1;
	(void)vfs->ops->forget(vfs->fs, &m);
}

static void
give_back_open(const struct mp_vfs *vfs, uint32_t op, uint64_t node,
	       uint64_t fh)
{
	int (*slot)(void *, struct mp_vfs_release *) = vfs->ops->release;
	struct mp_vfs_release m;

	if (op == MP_VFS_RELEASEDIR)
		slot = vfs->ops->releasedir;
	if (slot == NULL || node == 0)
		return;
	mp_msg_init(&m.msg, op);
	m.in.node = node;
	m.in.fh = fh;
	(void)slot(vfs->fs, &m);
}

/* As far as the records are whole; what follows tells nothing. */
static void
give_back_records(const struct mp_vfs *vfs, const struct mp_vfs_readdir *m)
{
	struct mp_vfs_record r;
	uint32_t at = 0;

	while (mp_vfs_dirent_get(m, &at, &r) > 0)
		give_back_lookup(vfs, r.entry.id);
}

static void
give_back_attach(const struct mp_vfs *vfs)
{
	struct mp_vfs_detach m;

	if (vfs->ops->detach == NULL)
		return;
	mp_msg_init(&m.msg, MP_VFS_DETACH);
	m.in.reserved = 0;
	(void)vfs->ops->detach(vfs->fs, &m);
}

static void
give_back(const struct mp_vfs *vfs, const struct mp_iface_op *op, const void *m)
{
	const struct mp_vfs_create *create = m;
	const struct mp_vfs_open *open = m;
	const struct mp_vfs_entry *entry =
		(const void *)((const char *)m + op->out.off);

	switch (op->op) {
	case MP_VFS_OPEN:
		give_back_open(vfs, MP_VFS_RELEASE, open->in.node,
			       open->out.fh);
		break;
	case MP_VFS_OPENDIR:
		give_back_open(vfs, MP_VFS_RELEASEDIR, open->in.node,
			       open->out.fh);
		break;
	case MP_VFS_CREATE:
		give_back_open(vfs, MP_VFS_RELEASE, entry->id, create->out.fh);
		give_back_lookup(vfs, entry->id);
		break;
	case MP_VFS_LOOKUP:
	case MP_VFS_MKNOD:
	case MP_VFS_MKDIR:
	case MP_VFS_SYMLINK:
	case MP_VFS_LINK:
		give_back_lookup(vfs, entry->id);
		break;
	case MP_VFS_READDIRPLUS:
		give_back_records(vfs, m);
		break;
	case MP_VFS_ATTACH:
		give_back_attach(vfs);
		break;
	default:
		break;
	}
}

static void __attribute__((__noinline__, __cold__))
refuse(const struct mp_vfs *vfs, struct mp_msg *m, int code)
{
	const struct mp_iface_op *op = mp_iface_op_find(&mp_vfs_iface, m->op);

	if (code == 0)
		give_back(vfs, op, m);
	memset((char *)m + op->out.off, 0, op->out.size);
}

static int __attribute__((__noinline__))
answer(const struct mp_vfs *vfs, struct mp_msg *m, int code)
{
	int checked = mp_vfs_answer_check(m, code);

	if (checked != code)
		refuse(vfs, m, code);
	return checked;
}

static bool
lookup_is_plain(const struct mp_vfs_lookup *m)
{
	return m->in.parent != 0 && m->in.cred.umask <= 0777 &&
	       m->in.flags <= MP_VFS_LOOKUP_NEGATIVE &&
	       plain_name(m->in.name, m->in.name_len);
}

static bool
lookup_answer_is_plain(const struct mp_vfs_lookup *m)
{
	if (m->out.entry.id == 0)
		return m->in.flags == MP_VFS_LOOKUP_NEGATIVE;
	return plain_entry(&m->out.entry, m->in.parent);
}

static bool
forget_is_plain(const struct mp_vfs_forget *m)
{
	return m->in.items == 1 && m->in.item[0].id != 0 &&
	       m->in.item[0].count != 0 && m->in.reserved == 0;
}

static bool
getattr_is_plain(const struct mp_vfs_getattr *m)
{
	return m->in.node != 0 && m->in.flags <= MP_VFS_GETATTR_FH &&
	       m->in.reserved == 0;
}

static bool
setattr_is_plain(const struct mp_vfs_setattr *m)
{
	return ((m->in.valid & ~(uint32_t)PLAIN_SET) | m->in.atime.reserved |
		m->in.mtime.reserved | m->in.ctime.reserved) == 0 &&
	       m->in.node != 0 && m->in.cred.umask <= 0777 &&
	       m->in.mode <= MP_S_IPERM && m->in.size <= VFS_OFFSET_MAX &&
	       m->in.atime.nsec < VFS_NSEC && m->in.mtime.nsec < VFS_NSEC &&
	       m->in.ctime.nsec < VFS_NSEC;
}

static bool
getxattr_is_plain(const struct mp_vfs_getxattr *m)
{
	return m->in.node != 0 && m->in.cred.umask <= 0777 &&
	       m->in.reserved == 0 && plain_buf(&m->buf, MP_BUF_OUT) &&
	       plain_xattr(m->in.name, m->in.name_len);
}

static bool
open_is_plain(const struct mp_vfs_open *m)
{
	return m->in.node != 0 && m->in.cred.umask <= 0777 &&
	       m->in.flags <= MP_O_RDWR && m->in.reserved == 0;
}

static bool
write_is_plain(const struct mp_vfs_write *m)
{
	return m->in.node != 0 && m->in.flags <= MP_VFS_WRITE_CACHE &&
	       m->in.reserved == 0 &&
	       plain_io(m->in.offset, &m->buf, MP_BUF_IN);
}

static bool
unlink_is_plain(const struct mp_vfs_unlink *m)
{
	return m->in.parent != 0 && m->in.cred.umask <= 0777 &&
	       m->in.reserved == 0 && plain_name(m->in.name, m->in.name_len);
}

static bool
create_is_plain(const struct mp_vfs_create *m)
{
	return m->in.parent != 0 && m->in.cred.umask <= 0777 &&
	       m->in.mode <= MP_S_IPERM && (m->in.flags & ~PLAIN_CREATE) == 0 &&
	       (m->in.flags & MP_O_ACCMODE) != MP_O_ACCMODE &&
	       m->in.reserved == 0 && plain_name(m->in.name, m->in.name_len);
}

/* Asked and answered without anything to look at twice. */
#define PLAIN(OP, slot, request, answer)             \
	case MP_VFS_##OP:                            \
		if (ops->slot == NULL || !(request)) \
			break;                       \
		code = ops->slot(vfs->fs, m);        \
		if (code == 0 && (answer))           \
			return 0;                    \
		goto answered

int
mp_vfs_handle(struct mp_port *port, struct mp_msg *msg)
{
	const struct mp_vfs *vfs = port->data;
	const struct mp_vfs_ops *ops = vfs->ops;
	void *m = msg;
	uint32_t error;
	int code;

	switch (msg->op) {
		PLAIN(LOOKUP, lookup, lookup_is_plain(m),
		      lookup_answer_is_plain(m));
		PLAIN(FORGET, forget, forget_is_plain(m), true);
		PLAIN(GETATTR, getattr, getattr_is_plain(m),
		      plain_attr(&M(getattr)->out.attr));
		PLAIN(SETATTR, setattr, setattr_is_plain(m),
		      plain_attr(&M(setattr)->out.attr));
		PLAIN(READ, read,
		      M(read)->in.node != 0 &&
			      plain_io(M(read)->in.offset, &M(read)->buf,
				       MP_BUF_OUT),
		      M(read)->out.count <= M(read)->buf.len);
		PLAIN(WRITE, write, write_is_plain(m),
		      M(write)->out.count - 1ull < M(write)->buf.len);
		PLAIN(OPEN, open, open_is_plain(m),
		      plain_opened(M(open)->out.flags));
		PLAIN(FLUSH, flush, M(release)->in.node != 0, true);
		PLAIN(RELEASE, release, M(release)->in.node != 0, true);
		PLAIN(UNLINK, unlink, unlink_is_plain(m), true);
		PLAIN(CREATE, create, create_is_plain(m),
		      plain_opened(M(create)->out.flags) &&
			      M(create)->out.entry.attr.mode >= MP_S_IFREG &&
			      plain_entry(&M(create)->out.entry,
					  M(create)->in.parent));
		PLAIN(GETXATTR, getxattr, getxattr_is_plain(m),
		      M(getxattr)->out.count <= MP_VFS_XATTR_MAX &&
			      M(getxattr)->out.count <= M(getxattr)->buf.len);
	default:
		break;
	}
	code = mp_vfs_request_check(msg);
	if (code != 0)
		return code;
	code = call(vfs, msg->op, m);
answered:
	error = 0u - (uint32_t)code;
	if (error < 64 && (PLAIN_ERRORS >> error & 1) != 0)
		return code;
	return code == EASYNC ? EASYNC : answer(vfs, msg, code);
}

void
mp_vfs_reply(struct mp_msg *m, int code)
{
	mp_reply(m, answer(m->target->data, m, code));
}
