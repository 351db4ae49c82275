/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What a driver tells the kernel: upward messages become FUSE notifications.
 * The driver may be a stranger's, so each message is checked.
 */
#include "fuse_op.h"

static int
inval_inode(struct fuse_session *s, const struct mp_vfs_inval_inode *m)
{
	off_t offset = (off_t)m->in.offset;
	off_t length = (off_t)m->in.length;

	/* To the kernel no length is all, and no offset is no data. */
	if (m->in.length == 0)
		offset = -1;
	if (m->in.length == UINT64_MAX)
		length = 0;
	return fuse_lowlevel_notify_inval_inode(s, m->in.node, offset, length);
}

static int
inval_entry(struct fuse_session *s, const struct mp_vfs_inval_entry *m)
{
	int code = -ENOSYS;

	if ((m->in.flags & MP_VFS_INVAL_EXPIRE) != 0)
		code = fuse_lowlevel_notify_expire_entry(
			s, m->in.parent, m->in.name, m->in.name_len,
			FUSE_LL_EXPIRE_ONLY);
	if (code == -ENOSYS)
		code = fuse_lowlevel_notify_inval_entry(
			s, m->in.parent, m->in.name, m->in.name_len);
	return code;
}

int
fuse_notify(struct mp_port *p, struct mp_msg *msg)
{
	const struct mp_vfs_inval_entry *entry = (const void *)msg;
	const struct mp_fuse *f = p->data;
	int code = mp_vfs_request_check(msg);

	if (code != 0)
		return code;
	switch (msg->op) {
	case MP_VFS_INVAL_INODE:
		code = inval_inode(f->session, (const void *)msg);
		break;
	case MP_VFS_INVAL_ENTRY:
		code = inval_entry(f->session, entry);
		break;
	case MP_VFS_DELETE:
		code = fuse_lowlevel_notify_delete(
			f->session, entry->in.parent, entry->in.node,
			entry->in.name, entry->in.name_len);
		break;
	default:
		return -ENOSYS;
	}
	/* What the kernel does not remember is not out of date. */
	return code == -ENOENT ? 0 : code;
}
