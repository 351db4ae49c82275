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

/* Flags of a create that can stand beside any other. */
#define PLAIN_CREATE (MP_O_ACCMODE | MP_O_EXCL | MP_O_TRUNC | MP_O_APPEND)
/* What a setattr can set without a rule that binds two of them. */
#define PLAIN_SET                                                \
	(MP_VFS_SET_MODE | MP_VFS_SET_ATIME | MP_VFS_SET_MTIME | \
	 MP_VFS_SET_CTIME | MP_VFS_SET_FH)
/* A regular file's mode less a directory's, and permissions. */
#define PLAIN_MODE (MP_S_IFREG - MP_S_IFDIR + MP_S_IPERM)
/* Smaller ones are looked at twice; to compare with 0 would cost a load. */
#define PLAIN_BLOCK 512u
/* Of errors, which are negative. */
#define PLAIN_BIT(error) (1ull << ((error)&63))
/* Errors that may be passed on whatever the message is. */
#define PLAIN_ERRORS                                                       \
	(PLAIN_BIT(-ENOENT) | PLAIN_BIT(-EACCES) | PLAIN_BIT(-EEXIST) |    \
	 PLAIN_BIT(-EPERM) | PLAIN_BIT(-ENOTDIR) | PLAIN_BIT(-EISDIR) |    \
	 PLAIN_BIT(-ENOSPC) | PLAIN_BIT(-ERANGE) | PLAIN_BIT(-ENOTEMPTY) | \
	 PLAIN_BIT(-ENODATA))

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

/* Of two members side by side: the compiler makes one load of it. */
static inline uint64_t
pair(uint32_t first, uint32_t second)
{
	return (uint64_t)second << 32 | first;
}

/* In line, so that nothing is saved for a call. */
static inline __attribute__((__always_inline__)) bool
plain_name(const char *name, uint32_t len)
{
	return len - 1 < MP_VFS_NAME_MAX && (name[0] != '.' || len > 2) &&
	       vfs_text_ok(name, len, '/');
}

/* An xattr's name may have a slash. */
static bool
plain_xattr(const char *name, uint32_t len)
{
	return len - 1 < MP_VFS_NAME_MAX && vfs_text_ok(name, len, '\0');
}

static bool
plain_buf(const struct mp_buf *b, uint32_t dir)
{
	return b->dir == dir && b->len <= MP_VFS_IO_MAX && b->base != NULL;
}

static bool
plain_io(uint64_t offset, const struct mp_buf *b, uint32_t dir)
{
	/* Below 2^62, where no length leads beyond what an offset can say. */
	return plain_buf(b, dir) && offset >> 32 < 1u << 30;
}

static bool
plain_opened(uint32_t flags)
{
	return (flags & ~(uint32_t)MP_VFS_OPEN_ALL) == 0;
}

/* Of a regular file or a directory; all else as vfs_attr_ok() has it. */
static inline bool
plain_attr(const struct mp_vfs_attr *a)
{
	return ((a->mode - MP_S_IFDIR) & ~PLAIN_MODE) == 0 &&
	       pair(a->rdev_major, a->rdev_minor) == 0 && a->ino != 0 &&
	       a->size <= VFS_OFFSET_MAX && a->blksize >= PLAIN_BLOCK &&
	       a->flags <= MP_VFS_ATTR_BTIME && a->atime.nsec < VFS_NSEC &&
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
refuse(struct mp_msg *m, int code)
{
	const struct mp_iface_op *op = mp_iface_op_find(&mp_vfs_iface, m->op);

	if (code == 0)
		give_back(m->target->data, op, m);
	memset((char *)m + op->out.off, 0, op->out.size);
}

static __attribute__((__noinline__)) int
answer(struct mp_msg *m, int code)
{
	int checked = mp_vfs_answer_check(m, code);

	if (checked != code)
		refuse(m, code);
	return checked;
}

/* The message may be gone if the driver took it. */
static __attribute__((__noinline__)) int
answered(struct mp_msg *m, int code)
{
	if ((uint32_t)code > 0u - 64u && (PLAIN_ERRORS & PLAIN_BIT(code)) != 0)
		return code;
	return code == EASYNC ? EASYNC : answer(m, code);
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
	return pair(m->in.items, m->in.reserved) == 1 &&
	       m->in.item[0].id != 0 && m->in.item[0].count != 0;
}

static bool
getattr_is_plain(const struct mp_vfs_getattr *m)
{
	return m->in.node != 0 &&
	       pair(m->in.flags, m->in.reserved) <= MP_VFS_GETATTR_FH;
}

static bool
plain_time(const struct mp_vfs_time *t)
{
	return pair(t->nsec, t->reserved) < VFS_NSEC;
}

static bool
setattr_is_plain(const struct mp_vfs_setattr *m)
{
	return (m->in.valid & ~(uint32_t)PLAIN_SET) == 0 && m->in.node != 0 &&
	       m->in.cred.umask <= 0777 && m->in.mode <= MP_S_IPERM &&
	       m->in.size <= VFS_OFFSET_MAX && plain_time(&m->in.atime) &&
	       plain_time(&m->in.mtime) && plain_time(&m->in.ctime);
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
	       pair(m->in.flags, m->in.reserved) <= MP_O_RDWR;
}

static bool
read_is_plain(const struct mp_vfs_read *m)
{
	return m->in.node != 0 && plain_io(m->in.offset, &m->buf, MP_BUF_OUT);
}

static bool
write_is_plain(const struct mp_vfs_write *m)
{
	return m->in.node != 0 &&
	       pair(m->in.flags, m->in.reserved) <= MP_VFS_WRITE_CACHE &&
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

static bool
create_answer_is_plain(const struct mp_vfs_create *m)
{
	return plain_opened(m->out.flags) &&
	       m->out.entry.attr.mode >= MP_S_IFREG &&
	       plain_entry(&m->out.entry, m->in.parent);
}

/* Whatever it is: by the table. */
static __attribute__((__noinline__)) int
in_full(const struct mp_vfs *vfs, struct mp_msg *m)
{
	int code = mp_vfs_request_check(m);

	return code != 0 ? code : answered(m, call(vfs, m->op, m));
}

/*
 * Asked and answered without anything to look at twice.  Only the message is
 * kept across the driver's call, which saves as much as a check costs.
 */
#define PLAIN(slot, type, request, answer)                                  \
	static int plain_##slot(const struct mp_vfs *vfs, struct mp_msg *p) \
	{                                                                   \
		struct mp_vfs_##type *m = (struct mp_vfs_##type *)p;        \
		int code;                                                   \
                                                                            \
		if (vfs->ops->slot == NULL || !(request))                   \
			return in_full(vfs, p);                             \
		code = vfs->ops->slot(vfs->fs, m);                          \
		if (code != 0)                                              \
			return answered(p, code);                           \
		return (answer) ? 0 : answered(p, 0);                       \
	}

PLAIN(lookup, lookup, lookup_is_plain(m), lookup_answer_is_plain(m))
PLAIN(forget, forget, forget_is_plain(m), true)
PLAIN(getattr, getattr, getattr_is_plain(m), plain_attr(&m->out.attr))
PLAIN(setattr, setattr, setattr_is_plain(m), plain_attr(&m->out.attr))
PLAIN(read, read, read_is_plain(m), m->out.count <= m->buf.len)
PLAIN(write, write, write_is_plain(m), m->out.count - 1ull < m->buf.len)
PLAIN(open, open, open_is_plain(m), plain_opened(m->out.flags))
PLAIN(flush, release, m->in.node != 0, true)
PLAIN(release, release, m->in.node != 0, true)
PLAIN(unlink, unlink, unlink_is_plain(m), true)
PLAIN(create, create, create_is_plain(m), create_answer_is_plain(m))
PLAIN(getxattr, getxattr, getxattr_is_plain(m),
      m->out.count <= MP_VFS_XATTR_MAX && m->out.count <= m->buf.len)

#define AT(op) [MP_VFS_##op - MP_VFS_LOOKUP]

int
mp_vfs_handle(struct mp_port *port, struct mp_msg *m)
{
	static int (*const way[])(const struct mp_vfs *, struct mp_msg *) = {
		AT(LOOKUP) = plain_lookup,   AT(FORGET) = plain_forget,
		AT(GETATTR) = plain_getattr, AT(SETATTR) = plain_setattr,
		AT(READLINK) = in_full,	     AT(MKNOD) = in_full,
		AT(MKDIR) = in_full,	     AT(UNLINK) = plain_unlink,
		AT(RMDIR) = in_full,	     AT(SYMLINK) = in_full,
		AT(RENAME) = in_full,	     AT(LINK) = in_full,
		AT(OPEN) = plain_open,	     AT(READ) = plain_read,
		AT(WRITE) = plain_write,     AT(FLUSH) = plain_flush,
		AT(RELEASE) = plain_release, AT(FSYNC) = in_full,
		AT(OPENDIR) = in_full,	     AT(READDIR) = in_full,
		AT(READDIRPLUS) = in_full,   AT(RELEASEDIR) = in_full,
		AT(FSYNCDIR) = in_full,	     AT(STATFS) = in_full,
		AT(SETXATTR) = in_full,	     AT(GETXATTR) = plain_getxattr,
		AT(LISTXATTR) = in_full,     AT(REMOVEXATTR) = in_full,
		AT(ACCESS) = in_full,	     AT(CREATE) = plain_create,
	};
	uint32_t at = m->op - MP_VFS_LOOKUP;

	if (at >= sizeof(way) / sizeof(way[0]))
		return in_full(port->data, m);
	return way[at](port->data, m);
}

void
mp_vfs_reply(struct mp_msg *m, int code)
{
	mp_reply(m, answer(m, code));
}
