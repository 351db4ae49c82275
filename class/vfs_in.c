/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What a request must be before a driver sees it.
 *
 * First the table: counts, flags, ids, offsets, buffers (mp_iface_check).  Then
 * what a table cannot say: names, and what is particular to an operation.
 * Errors are those that the system call behind the request would give.  Only
 * the message is read, and a symlink's target.
 */

#include "vfs_check.h"

#define M(type) ((const struct mp_vfs_##type *)m)

int
mp_vfs_name_check(const char *name, uint32_t len)
{
	if (len > MP_VFS_NAME_MAX)
		return -ENAMETOOLONG;
	if (!vfs_text_ok(name, len, '/'))
		return -EINVAL;
	return len == 0 ? -ENOENT : 0;
}

/* setxattr(2) says ERANGE where others say ENOENT. */
static int
xattr_check(const char *name, uint32_t len)
{
	if (!vfs_text_ok(name, len, '\0'))
		return -EINVAL;
	return len == 0 ? -ERANGE : 0;
}

/* What "." and ".." give; Linux renames neither, with EBUSY, which is taken. */
static int
dots_check(uint32_t op, uint32_t len)
{
	switch (op) {
	case MP_VFS_LOOKUP:
		return 0;
	case MP_VFS_UNLINK:
	case MP_VFS_CREATE:
		return -EISDIR;
	case MP_VFS_RMDIR:
		return len == 2 ? -ENOTEMPTY : -EINVAL;
	case MP_VFS_MKNOD:
	case MP_VFS_MKDIR:
	case MP_VFS_SYMLINK:
	case MP_VFS_LINK:
		return -EEXIST;
	default:
		return -EINVAL;
	}
}

static int
name_check(uint32_t op, const char *name, uint32_t len)
{
	int code = mp_vfs_name_check(name, len);

	if (code == 0 && vfs_is_dots(name, len))
		return dots_check(op, len);
	return code;
}

static int
names_check(const struct mp_iface_op *op, const struct mp_msg *m)
{
	const struct mp_iface_tail *t = op->in.tail;
	const struct mp_iface_tail *end = t + op->in.tails;
	int code = 0;

	for (; t < end && t->text && code == 0; t++) {
		const char *name = (const char *)m + t->off;
		uint32_t len =
			*(const uint32_t *)((const char *)m + t->count_off);

		if (t->over == ERANGE)
			code = xattr_check(name, len);
		else
			code = name_check(op->op, name, len);
	}
	return code;
}

/* 0, or `over' when the end of the range is more than an offset can say. */
static int
range_check(uint64_t offset, uint64_t length, int over)
{
	return length > VFS_OFFSET_MAX - offset ? over : 0;
}

static bool
forget_ok(const struct mp_vfs_forget *m)
{
	for (uint32_t i = 0; i < m->in.items; i++) {
		if (m->in.item[i].id == 0 || m->in.item[i].count == 0)
			return false;
	}
	return m->in.items != 0;
}

/* A time is either given or the driver's now; an owner of ~0 is nobody. */
static bool
setattr_ok(const struct mp_vfs_setattr *m)
{
	uint32_t atime = MP_VFS_SET_ATIME | MP_VFS_SET_ATIME_NOW;
	uint32_t mtime = MP_VFS_SET_MTIME | MP_VFS_SET_MTIME_NOW;
	uint32_t valid = m->in.valid;

	return (valid & atime) != atime && (valid & mtime) != mtime &&
	       ((valid & MP_VFS_SET_UID) == 0 || m->in.uid != UINT32_MAX) &&
	       ((valid & MP_VFS_SET_GID) == 0 || m->in.gid != UINT32_MAX);
}

static int
mknod_check(const struct mp_vfs_mknod *m)
{
	if ((m->in.mode & MP_S_IFMT) == MP_S_IFDIR)
		return -EPERM;
	return vfs_mode_ok(m->in.mode, VFS_NODES) &&
			       vfs_rdev_ok(m->in.mode, m->in.rdev_major,
					   m->in.rdev_minor) ?
		       0 :
		       -EINVAL;
}

static int
target_check(const struct mp_buf *b)
{
	if (b->len == 0)
		return -ENOENT;
	return memchr(b->base, '\0', (size_t)b->len) != NULL ? -EINVAL : 0;
}

static int
open_check(uint32_t op, uint32_t flags)
{
	if ((flags & MP_O_ACCMODE) == MP_O_ACCMODE)
		return -EINVAL;
	if (op == MP_VFS_OPENDIR && (flags & (MP_O_ACCMODE | MP_O_TRUNC)) != 0)
		return -EISDIR;
	return 0;
}

/* Linux refuses the same combinations. */
static int
falloc_check(const struct mp_vfs_fallocate *m)
{
	bool keep = (m->in.mode & MP_VFS_FALLOC_KEEP) != 0;

	switch (m->in.mode & ~MP_VFS_FALLOC_KEEP) {
	case 0:
	case MP_VFS_FALLOC_ZERO:
	case MP_VFS_FALLOC_UNSHARE:
		break;
	case MP_VFS_FALLOC_PUNCH:
		if (!keep)
			return -EOPNOTSUPP;
		break;
	case MP_VFS_FALLOC_COLLAPSE:
	case MP_VFS_FALLOC_INSERT:
		if (keep)
			return -EINVAL;
		break;
	default:
		return -EOPNOTSUPP;
	}
	return m->in.length > VFS_OFFSET_MAX ?
		       -EINVAL :
		       range_check(m->in.offset, m->in.length, -EFBIG);
}

static int
copy_check(const struct mp_vfs_copy_file_range *m)
{
	uint64_t from = m->in.offset;
	uint64_t to = m->in.to_offset;
	uint64_t len = m->in.length;

	if (range_check(from, len, 1) || range_check(to, len, 1))
		return -EOVERFLOW;
	if (m->in.node == m->in.to_node && from < to + len && to < from + len)
		return -EINVAL;
	return 0;
}

static bool
inval_ok(const struct mp_vfs_inval_inode *m)
{
	return m->in.length == UINT64_MAX ||
	       range_check(m->in.offset, m->in.length, -EINVAL) == 0;
}

static bool
inval_entry_ok(const struct mp_vfs_inval_entry *m, bool gone)
{
	return gone ? m->in.node != 0 && m->in.flags == 0 : m->in.node == 0;
}

static int
particular_check(const struct mp_msg *msg)
{
	const void *m = msg;
	bool ok = true;

	switch (msg->op) {
	case MP_VFS_MKNOD:
		return mknod_check(m);
	case MP_VFS_SYMLINK:
		return target_check(&M(symlink)->buf);
	case MP_VFS_OPEN:
	case MP_VFS_OPENDIR:
		return open_check(msg->op, M(open)->in.flags);
	case MP_VFS_CREATE:
		return open_check(msg->op, M(create)->in.flags);
	case MP_VFS_READ:
		return range_check(M(read)->in.offset, M(read)->buf.len,
				   -EOVERFLOW);
	case MP_VFS_WRITE:
		return range_check(M(write)->in.offset, M(write)->buf.len,
				   -EFBIG);
	case MP_VFS_FALLOCATE:
		return falloc_check(m);
	case MP_VFS_COPY_FILE_RANGE:
		return copy_check(m);
	case MP_VFS_FORGET:
		ok = forget_ok(m);
		break;
	case MP_VFS_SETATTR:
		ok = setattr_ok(m);
		break;
	case MP_VFS_RENAME:
		ok = M(rename)->in.flags <= MP_VFS_RENAME_EXCHANGE;
		break;
	case MP_VFS_READDIR:
	case MP_VFS_READDIRPLUS:
		ok = (uintptr_t)M(readdir)->buf.base % 8 == 0;
		break;
	case MP_VFS_ATTACH:
		ok = M(attach)->in.io_max != 0 &&
		     M(attach)->notify.kind != MP_HANDLE_FD;
		break;
	case MP_VFS_INVAL_INODE:
		ok = inval_ok(m);
		break;
	case MP_VFS_INVAL_ENTRY:
	case MP_VFS_DELETE:
		ok = inval_entry_ok(m, msg->op == MP_VFS_DELETE);
		break;
	default:
		break;
	}
	return ok ? 0 : -EINVAL;
}

int
mp_vfs_request_check(const struct mp_msg *m)
{
	int code = mp_iface_check(&mp_vfs_iface, m);

	if (code == 0)
		code = names_check(mp_iface_op_find(&mp_vfs_iface, m->op), m);
	return code == 0 ? particular_check(m) : code;
}
