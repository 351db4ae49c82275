/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What an answer must be before anybody but the driver sees it.
 *
 * True is "may pass".  Bytes read or written are believed up to what was
 * asked; attributes, entries, targets, lists and directory records are looked
 * at in full.  `reserved' in an answer is for nobody and is not looked at.
 */

#include "vfs_check.h"

#define ERRNO_MAX 4095
#define M(type) ((const struct mp_vfs_##type *)m)

/* Every time is checked, also one that is said to be unknown. */
static bool
times_ok(const struct mp_vfs_attr *a)
{
	return ((a->atime.nsec < VFS_NSEC) & (a->mtime.nsec < VFS_NSEC) &
		(a->ctime.nsec < VFS_NSEC) & (a->btime.nsec < VFS_NSEC)) != 0;
}

bool
vfs_attr_ok(const struct mp_vfs_attr *a, uint32_t types)
{
	return vfs_mode_ok(a->mode, types) &&
	       vfs_rdev_ok(a->mode, a->rdev_major, a->rdev_minor) &&
	       a->ino != 0 && a->size <= VFS_OFFSET_MAX && a->blksize != 0 &&
	       (a->flags & ~(uint32_t)MP_VFS_ATTR_BTIME) == 0 && times_ok(a);
}

/* Neither the root nor the directory itself has a name in a directory. */
static bool
entry_ok(const struct mp_vfs_entry *e, uint64_t parent, uint32_t types)
{
	return e->id > MP_VFS_ROOT && e->id != parent &&
	       vfs_attr_ok(&e->attr, types);
}

/* Only "." and ".." can name the root, and they name directories. */
static int
lookup_check(const struct mp_vfs_lookup *m)
{
	const struct mp_vfs_entry *e = &m->out.entry;

	if (e->id == 0)
		return m->in.flags & MP_VFS_LOOKUP_NEGATIVE ? 0 : -ENOENT;
	if (vfs_is_dots(m->in.name, m->in.name_len))
		return vfs_attr_ok(&e->attr, VFS_TYPE(MP_S_IFDIR)) ? 0 : -EIO;
	return entry_ok(e, m->in.parent, VFS_TYPES) ? 0 : -EIO;
}

static bool
setattr_ok(const struct mp_vfs_setattr *m)
{
	bool sized = (m->in.valid & MP_VFS_SET_SIZE) != 0;

	return vfs_attr_ok(&m->out.attr,
			   sized ? VFS_TYPE(MP_S_IFREG) : VFS_TYPES);
}

static bool
mknod_ok(const struct mp_vfs_mknod *m)
{
	const struct mp_vfs_attr *a = &m->out.entry.attr;

	return entry_ok(&m->out.entry, m->in.parent, VFS_TYPE(m->in.mode)) &&
	       a->rdev_major == m->in.rdev_major &&
	       a->rdev_minor == m->in.rdev_minor;
}

static bool
link_ok(const struct mp_vfs_link *m)
{
	return m->out.entry.id == m->in.node &&
	       entry_ok(&m->out.entry, m->in.parent,
			VFS_TYPES & ~VFS_TYPE(MP_S_IFDIR));
}

static bool
open_ok(uint32_t flags)
{
	return (flags & ~(uint32_t)MP_VFS_OPEN_ALL) == 0;
}

static bool
target_ok(const struct mp_buf *b, uint32_t n)
{
	return n != 0 && n <= MP_VFS_TARGET_MAX &&
	       memchr(b->base, '\0', n) == NULL;
}

/* A cookie that leads back to where the reader is would hold it for ever. */
static bool
records_ok(const struct mp_vfs_readdir *m)
{
	struct mp_vfs_record r;
	uint64_t cookie = m->in.cookie;
	uint32_t at = 0;
	int more;

	while ((more = mp_vfs_dirent_get(m, &at, &r)) > 0) {
		if (r.dirent.next_cookie == cookie)
			return false;
		cookie = r.dirent.next_cookie;
	}
	return more == 0;
}

static bool
statfs_ok(const struct mp_vfs_statfs_info *i)
{
	return i->bfree <= i->blocks && i->bavail <= i->blocks &&
	       i->ffree <= i->files && i->bsize != 0 && i->frsize != 0 &&
	       i->name_max != 0 && i->name_max <= MP_VFS_NAME_MAX;
}

static bool
xattr_size_ok(const struct mp_buf *b, uint32_t count)
{
	return count <= MP_VFS_XATTR_MAX && (b->len == 0 || count <= b->len);
}

/* Names of 1..255 bytes, each with its NUL. */
static bool
list_ok(const struct mp_buf *b, uint32_t n)
{
	const char *at = b->base;
	const char *nul;

	if (!xattr_size_ok(b, n))
		return false;
	for (n = b->len == 0 ? 0 : n; n > 0; at = nul + 1) {
		nul = memchr(at, '\0', n);
		if (nul == NULL || nul == at || nul - at > MP_VFS_NAME_MAX)
			return false;
		n -= (uint32_t)(nul + 1 - at);
	}
	return true;
}

static bool
attach_ok(const struct mp_vfs_attach *m)
{
	return (m->out.caps & ~m->in.caps) == 0 && m->out.io_max != 0 &&
	       m->out.io_max <= m->in.io_max && m->out.time_gran_ns != 0 &&
	       m->out.time_gran_ns <= VFS_NSEC;
}

/* Nodes that the answer describes. */
static bool
node_answer_ok(const struct mp_msg *msg)
{
	const void *m = msg;

	switch (msg->op) {
	case MP_VFS_GETATTR:
		return vfs_attr_ok(&M(getattr)->out.attr, VFS_TYPES);
	case MP_VFS_SETATTR:
		return setattr_ok(m);
	case MP_VFS_MKNOD:
		return mknod_ok(m);
	case MP_VFS_MKDIR:
		return entry_ok(&M(mkdir)->out.entry, M(mkdir)->in.parent,
				VFS_TYPE(MP_S_IFDIR));
	case MP_VFS_SYMLINK:
		return entry_ok(&M(symlink)->out.entry, M(symlink)->in.parent,
				VFS_TYPE(MP_S_IFLNK));
	case MP_VFS_LINK:
		return link_ok(m);
	case MP_VFS_CREATE:
		return open_ok(M(create)->out.flags) &&
		       entry_ok(&M(create)->out.entry, M(create)->in.parent,
				VFS_TYPE(MP_S_IFREG));
	default:
		return true; /* nothing but the code is answered */
	}
}

static bool
answer_ok(const struct mp_msg *msg)
{
	const void *m = msg;

	switch (msg->op) {
	case MP_VFS_READ:
		return M(read)->out.count <= M(read)->buf.len;
	case MP_VFS_WRITE:
		return M(write)->out.count <= M(write)->buf.len &&
		       (M(write)->out.count != 0 || M(write)->buf.len == 0);
	case MP_VFS_OPEN:
	case MP_VFS_OPENDIR:
		return open_ok(M(open)->out.flags);
	case MP_VFS_READLINK:
		return target_ok(&M(readlink)->buf, M(readlink)->out.count);
	case MP_VFS_READDIR:
	case MP_VFS_READDIRPLUS:
		return records_ok(m);
	case MP_VFS_STATFS:
		return statfs_ok(&M(statfs)->out.info);
	case MP_VFS_GETXATTR:
		return xattr_size_ok(&M(getxattr)->buf, M(getxattr)->out.count);
	case MP_VFS_LISTXATTR:
		return list_ok(&M(listxattr)->buf, M(listxattr)->out.count);
	case MP_VFS_LSEEK:
		return M(lseek)->out.offset >= M(lseek)->in.offset &&
		       M(lseek)->out.offset <= (uint64_t)INT64_MAX;
	case MP_VFS_COPY_FILE_RANGE:
		return M(copy_file_range)->out.count <=
		       M(copy_file_range)->in.length;
	case MP_VFS_ATTACH:
		return attach_ok(m);
	default:
		return node_answer_ok(msg);
	}
}

/* Errors that mean something about the message, not about the file. */
static int
error_check(const struct mp_msg *m, int code)
{
	switch (code) {
	case -EAGAIN:
	case -EPIPE:
	case -EOWNERDEAD:
	case -ETIME:
	case -EPROTO:
	case -EDEADLK:
	case -EBUSY:
		return -EIO;
	case -ECANCELED:
		return mp_msg_cancelled(m) ? code : -EIO;
	default:
		return code > 0 || code < -ERRNO_MAX ? -EIO : code;
	}
}

int
mp_vfs_answer_check(const struct mp_msg *m, int code)
{
	if (code != 0)
		return error_check(m, code);
	if (m->op == MP_VFS_LOOKUP)
		return lookup_check((const void *)m);
	return answer_ok(m) ? 0 : -EIO;
}
