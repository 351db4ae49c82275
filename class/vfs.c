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
 */

#include "vfs_check.h"

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
	struct mp_vfs_release m;

	mp_msg_init(&m.msg, op);
	m.in.node = node;
	m.in.fh = fh;
	(void)call(vfs, op, &m);
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
	default:
		break;
	}
}

static void
refuse(const struct mp_vfs *vfs, struct mp_msg *m, int code)
{
	const struct mp_iface_op *op = mp_iface_op_find(&mp_vfs_iface, m->op);

	if (code == 0)
		give_back(vfs, op, m);
	memset((char *)m + op->out.off, 0, op->out.size);
}

static int
answer(const struct mp_vfs *vfs, struct mp_msg *m, int code)
{
	int checked = mp_vfs_answer_check(m, code);

	if (checked != code)
		refuse(vfs, m, code);
	return checked;
}

int
mp_vfs_handle(struct mp_port *port, struct mp_msg *m)
{
	const struct mp_vfs *vfs = port->data;
	int code = mp_vfs_request_check(m);

	if (code != 0)
		return code;
	code = call(vfs, m->op, m);
	return code == EASYNC ? EASYNC : answer(vfs, m, code);
}

void
mp_vfs_reply(struct mp_msg *m, int code)
{
	mp_reply(m, answer(m->target->data, m, code));
}
