/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What a script asks of nodes and names: one function a kind of message. */
#include "ask.h"

#include <string.h>

void
ask_lookup(struct script *s)
{
	CRED(lookup);
	s->m.lookup.in.parent = any_dir(s);
	s->m.lookup.in.flags = (uint32_t)script_below(s, 2);
	NAME(lookup);
}

void
ask_forget(struct script *s)
{
	struct script_node *n = &s->node[1 + script_below(s, SCRIPT_NODES - 1)];
	struct mp_vfs_forget_item *item = s->m.forget.in.item;

	s->m.forget.in.items = 1 + (uint32_t)script_below(s, 2);
	item[0].id = n->id;
	item[0].count = n->lookups;
	item[1].id = any_node(s, 0) ^ 1ull << 40;
	item[1].count = script_below(s, 4);
	*n = (struct script_node){ .id = 0 };
}

void
ask_getattr(struct script *s)
{
	ON_FILE(getattr);
	if (one_in(s, 2))
		s->m.getattr.in.node = any_node(s, 0);
	s->m.getattr.in.flags = (uint32_t)script_below(s, 2);
}

void
ask_setattr(struct script *s)
{
	struct mp_vfs_setattr *m = &s->m.setattr;

	CRED(setattr);
	ON_FILE(setattr);
	if (one_in(s, 2))
		m->in.node = any_node(s, 0);
	m->in.valid =
		(uint32_t)(script_below(s, MP_VFS_SET_ALL) &
			   script_below(s, MP_VFS_SET_ALL) & MP_VFS_SET_ALL);
	m->in.mode = any_mode(s);
	/* Somebody of whom there is no quota yet, which is one more. */
	m->in.uid = (uint32_t)script_below(s, one_in(s, 2) ? 1u << 30 : 4);
	if (one_in(s, 3))
		m->in.valid = MP_VFS_SET_UID;
	/* Its sticky bit, for which its owner counts, is to stay. */
	if (m->in.node == MP_VFS_ROOT)
		m->in.valid &= ~(uint32_t)(MP_VFS_SET_MODE | MP_VFS_SET_UID);
	m->in.gid = (uint32_t)script_below(s, 4);
	m->in.size = any_offset(s);
	m->in.atime.sec = m->in.ctime.sec =
		(int64_t)script_below(s, 2000000000);
	m->in.mtime.sec = -m->in.atime.sec;
	m->in.mtime.nsec = (uint32_t)script_below(s, 1000000000);
}

void
ask_readlink(struct script *s)
{
	s->m.readlink.in.node = any_node(s, MP_S_IFLNK);
	s->m.readlink.buf =
		lent(s, MP_BUF_OUT, one_in(s, 10) ? 10 : MP_VFS_TARGET_MAX);
}

void
ask_mknod(struct script *s)
{
	static const uint32_t types[] = { MP_S_IFREG,  MP_S_IFIFO, MP_S_IFIFO,
					  MP_S_IFSOCK, MP_S_IFCHR, MP_S_IFDIR };
	uint32_t type = types[script_below(s, COUNT(types))];

	CRED(mknod);
	s->m.mknod.in.parent = any_dir(s);
	s->m.mknod.in.mode = type | any_mode(s);
	if (type == MP_S_IFCHR || one_in(s, 20))
		s->m.mknod.in.rdev_minor = (uint32_t)script_below(s, 300);
	NAME(mknod);
}

void
ask_mkdir(struct script *s)
{
	CRED(mkdir);
	s->m.mkdir.in.parent = any_dir(s);
	s->m.mkdir.in.mode = any_mode(s);
	NAME(mkdir);
}

void
ask_unlink(struct script *s)
{
	CRED(unlink);
	s->m.unlink.in.parent = any_dir(s);
	NAME(unlink);
}

void
ask_symlink(struct script *s)
{
	uint64_t len = one_in(s, 4) ? 0 : 1 + script_below(s, 200);

	CRED(symlink);
	s->m.symlink.in.parent = any_dir(s);
	NAME(symlink);
	s->m.symlink.buf = lent(s, MP_BUF_IN, len);
	if (one_in(s, 20))
		s->m.symlink.buf.len = MP_VFS_TARGET_MAX + 1;
	else if (one_in(s, 20) && len != 0)
		memset(s->room, 0, 1);
}

void
ask_rename(struct script *s)
{
	struct mp_vfs_rename *m = &s->m.rename;

	CRED(rename);
	m->in.parent = any_dir(s);
	m->in.new_parent = one_in(s, 2) ? m->in.parent : any_dir(s);
	m->in.flags = one_in(s, 2) ? 0 : (uint32_t)script_below(s, 4);
	NAME(rename);
	any_name(s, &m->in.new_name_len, m->in.new_name);
}

void
ask_link(struct script *s)
{
	CRED(link);
	s->m.link.in.node = any_node(s, one_in(s, 8) ? MP_S_IFDIR : MP_S_IFREG);
	s->m.link.in.parent = any_dir(s);
	NAME(link);
}

void
ask_setxattr(struct script *s)
{
	/* Of any permissions: owner, group, others. */
	static const unsigned char acl[] = { 2,	   0,	 0,    0,    1,	   0,
					     6,	   0,	 0xff, 0xff, 0xff, 0xff,
					     4,	   0,	 4,    0,    0xff, 0xff,
					     0xff, 0xff, 32,   0,    4,	   0,
					     0xff, 0xff, 0xff, 0xff };
	struct mp_vfs_setxattr *m = &s->m.setxattr;

	CRED(setxattr);
	m->in.node = any_node(s, 0);
	m->in.flags = one_in(s, 2) ? 0 : (uint32_t)script_below(s, 8);
	XATTR(setxattr);
	m->buf = lent(s, MP_BUF_IN, script_below(s, 300));
	if (one_in(s, 12))
		m->buf.len = MP_VFS_XATTR_MAX + 1;
	else if (m->in.name[0] == 's' && m->in.name[1] == 'y') {
		memcpy(s->room, acl, sizeof(acl));
		m->buf.len = sizeof(acl);
	}
}

void
ask_getxattr(struct script *s)
{
	CRED(getxattr);
	s->m.getxattr.in.node = any_node(s, 0);
	XATTR(getxattr);
	s->m.getxattr.buf = lent(s, MP_BUF_OUT, script_below(s, 600));
	if (one_in(s, 6))
		s->m.getxattr.buf.len = script_below(s, 2);
}

void
ask_listxattr(struct script *s)
{
	CRED(listxattr);
	s->m.listxattr.in.node = any_node(s, 0);
	s->m.listxattr.buf =
		lent(s, MP_BUF_OUT, script_below(s, one_in(s, 3) ? 10 : 200));
}

void
ask_removexattr(struct script *s)
{
	CRED(removexattr);
	s->m.removexattr.in.node = any_node(s, 0);
	XATTR(removexattr);
}

void
ask_create(struct script *s)
{
	CRED(create);
	s->m.create.in.parent = any_dir(s);
	s->m.create.in.mode = any_mode(s);
	s->m.create.in.flags = any_flags(s) | (one_in(s, 4) ? MP_O_EXCL : 0);
	NAME(create);
}

void
ask_upward(struct script *s)
{
	if (s->m.msg.op == MP_VFS_INVAL_INODE) {
		s->m.inval_inode.in.node = any_node(s, 0);
		return;
	}
	s->m.inval_entry.in.parent = any_node(s, MP_S_IFDIR);
	if (s->m.msg.op == MP_VFS_DELETE)
		s->m.inval_entry.in.node = any_node(s, 0);
	NAME(inval_entry);
}
