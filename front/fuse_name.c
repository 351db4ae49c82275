/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Requests on nodes and names, one function each.  A message is filled member
 * by member, since most of it is room for names that are short.
 */
#include "fuse_op.h"

static void
do_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct mp_fuse *f = fuse_req_userdata(req);
	struct mp_vfs_lookup m;

	if (!fuse_name(req, name, m.in.name, &m.in.name_len))
		return;
	fuse_msg(&m.msg, MP_VFS_LOOKUP);
	m.in.cred = fuse_cred(f, req);
	m.in.parent = parent;
	m.in.flags = MP_VFS_LOOKUP_NEGATIVE;
	fuse_entry(f, req, fuse_call(f, req, &m.msg), &m.out.entry);
}

static void
do_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *item)
{
	struct mp_fuse *f = fuse_req_userdata(req);
	struct mp_vfs_forget m;
	uint32_t n;

	for (size_t done = 0; done < count; done += n) {
		fuse_msg(&m.msg, MP_VFS_FORGET);
		m.in.reserved = 0;
		for (n = 0; n < MP_VFS_FORGET_MAX && done + n < count; n++) {
			m.in.item[n].id = item[done + n].ino;
			m.in.item[n].count = item[done + n].nlookup;
		}
		m.in.items = n;
		(void)fuse_call(f, req, &m.msg);
	}
	fuse_reply_none(req);
}

static void
do_forget(fuse_req_t req, fuse_ino_t ino, uint64_t nlookup)
{
	struct fuse_forget_data item = { .ino = ino, .nlookup = nlookup };

	do_forget_multi(req, 1, &item);
}

static void
do_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct mp_fuse *f = fuse_req_userdata(req);
	struct mp_vfs_getattr m;
	int code;

	fuse_msg(&m.msg, MP_VFS_GETATTR);
	m.in.node = ino;
	m.in.fh = fi != NULL ? fi->fh : 0;
	m.in.flags = fi != NULL ? MP_VFS_GETATTR_FH : 0;
	m.in.reserved = 0;
	code = fuse_call(f, req, &m.msg);
	fuse_attr(req, code, &m.out.attr, m.out.attr_valid_ns);
}

static struct mp_vfs_time
time_of(const struct timespec *t)
{
	return (struct mp_vfs_time){ .sec = t->tv_sec,
				     .nsec = (uint32_t)t->tv_nsec };
}

/* The bits are FUSE's, who sets both when a time is to be now. */
static uint32_t
set_of(uint32_t set)
{
	if ((set & MP_VFS_SET_ATIME_NOW) != 0)
		set &= ~(uint32_t)MP_VFS_SET_ATIME;
	if ((set & MP_VFS_SET_MTIME_NOW) != 0)
		set &= ~(uint32_t)MP_VFS_SET_MTIME;
	return set & MP_VFS_SET_ALL & ~(uint32_t)MP_VFS_SET_FH;
}

static void
do_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *st, int set,
	   struct fuse_file_info *fi)
{
	struct mp_fuse *f = fuse_req_userdata(req);
	struct mp_vfs_setattr m;
	int code;

	fuse_msg(&m.msg, MP_VFS_SETATTR);
	m.in.cred = fuse_cred(f, req);
	m.in.node = ino;
	m.in.fh = fi != NULL ? fi->fh : 0;
	m.in.size = (uint64_t)st->st_size;
	m.in.valid = set_of((uint32_t)set) | (fi != NULL ? MP_VFS_SET_FH : 0u);
	m.in.mode = st->st_mode & MP_S_IPERM;
	m.in.uid = st->st_uid;
	m.in.gid = st->st_gid;
	m.in.atime = time_of(&st->st_atim);
	m.in.mtime = time_of(&st->st_mtim);
	m.in.ctime = time_of(&st->st_ctim);
	code = fuse_call(f, req, &m.msg);
	fuse_attr(req, code, &m.out.attr, m.out.attr_valid_ns);
}

static void
do_readlink(fuse_req_t req, fuse_ino_t ino)
{
	struct mp_fuse *f = fuse_req_userdata(req);
	struct mp_vfs_readlink m;
	char target[MP_VFS_TARGET_MAX + 1];
	int code;

	fuse_msg(&m.msg, MP_VFS_READLINK);
	m.in.node = ino;
	m.buf = (struct mp_buf){ target, MP_VFS_TARGET_MAX, MP_BUF_OUT, 0 };
	code = fuse_call(f, req, &m.msg);
	if (code == 0 && m.out.count > MP_VFS_TARGET_MAX)
		code = -EIO;
	if (code != 0) {
		fuse_status(req, code);
		return;
	}
	target[m.out.count] = '\0';
	fuse_reply_readlink(req, target);
}

static void
do_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
	 dev_t rdev)
{
	struct mp_fuse *f = fuse_req_userdata(req);
	struct mp_vfs_mknod m;
	bool device = S_ISCHR(mode) || S_ISBLK(mode);

	if (!fuse_name(req, name, m.in.name, &m.in.name_len))
		return;
	fuse_msg(&m.msg, MP_VFS_MKNOD);
	m.in.cred = fuse_cred(f, req);
	m.in.parent = parent;
	m.in.mode = mode;
	m.in.rdev_major = device ? major(rdev) : 0;
	m.in.rdev_minor = device ? minor(rdev) : 0;
	fuse_entry(f, req, fuse_call(f, req, &m.msg), &m.out.entry);
}

static void
do_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	struct mp_fuse *f = fuse_req_userdata(req);
	struct mp_vfs_mkdir m;

	if (!fuse_name(req, name, m.in.name, &m.in.name_len))
		return;
	fuse_msg(&m.msg, MP_VFS_MKDIR);
	m.in.cred = fuse_cred(f, req);
	m.in.parent = parent;
	m.in.mode = mode & MP_S_IPERM;
	fuse_entry(f, req, fuse_call(f, req, &m.msg), &m.out.entry);
}

static void
remove_name(fuse_req_t req, fuse_ino_t parent, const char *name, uint32_t op)
{
	struct mp_fuse *f = fuse_req_userdata(req);
	struct mp_vfs_unlink m;

	if (!fuse_name(req, name, m.in.name, &m.in.name_len))
		return;
	fuse_msg(&m.msg, op);
	m.in.cred = fuse_cred(f, req);
	m.in.parent = parent;
	m.in.reserved = 0;
	fuse_status(req, fuse_call(f, req, &m.msg));
}

static void
do_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	remove_name(req, parent, name, MP_VFS_UNLINK);
}

static void
do_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	remove_name(req, parent, name, MP_VFS_RMDIR);
}

static void
do_symlink(fuse_req_t req, const char *target, fuse_ino_t parent,
	   const char *name)
{
	struct mp_fuse *f = fuse_req_userdata(req);
	struct mp_vfs_symlink m;

	if (!fuse_name(req, name, m.in.name, &m.in.name_len))
		return;
	fuse_msg(&m.msg, MP_VFS_SYMLINK);
	m.in.cred = fuse_cred(f, req);
	m.in.parent = parent;
	m.in.reserved = 0;
	m.buf = (struct mp_buf){ (void *)(uintptr_t)target, strlen(target),
				 MP_BUF_IN, 0 };
	fuse_entry(f, req, fuse_call(f, req, &m.msg), &m.out.entry);
}

/* The signature is FUSE's. */
static void
do_rename(fuse_req_t req, fuse_ino_t parent, const char *name,
	  fuse_ino_t to_parent, const char *to, unsigned flags)
{
	struct mp_fuse *f = fuse_req_userdata(req);
	struct mp_vfs_rename m;

	if (!fuse_name(req, name, m.in.name, &m.in.name_len))
		return;
	if (!fuse_name(req, to, m.in.new_name, &m.in.new_name_len))
		return;
	fuse_msg(&m.msg, MP_VFS_RENAME);
	m.in.cred = fuse_cred(f, req);
	m.in.parent = parent;
	m.in.new_parent = to_parent;
	m.in.flags = flags;
	m.in.reserved = 0;
	fuse_status(req, fuse_call(f, req, &m.msg));
}

static void
do_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t parent, const char *name)
{
	struct mp_fuse *f = fuse_req_userdata(req);
	struct mp_vfs_link m;

	if (!fuse_name(req, name, m.in.name, &m.in.name_len))
		return;
	fuse_msg(&m.msg, MP_VFS_LINK);
	m.in.cred = fuse_cred(f, req);
	m.in.node = ino;
	m.in.parent = parent;
	m.in.reserved = 0;
	fuse_entry(f, req, fuse_call(f, req, &m.msg), &m.out.entry);
}

static void
do_setxattr(fuse_req_t req, fuse_ino_t ino, const char *name, const char *value,
	    size_t size, int flags)
{
	struct mp_fuse *f = fuse_req_userdata(req);
	struct mp_vfs_setxattr m;

	if (!fuse_name(req, name, m.in.name, &m.in.name_len))
		return;
	fuse_msg(&m.msg, MP_VFS_SETXATTR);
	m.in.cred = fuse_cred(f, req);
	m.in.node = ino;
	m.in.flags = (uint32_t)flags;
	m.buf = (struct mp_buf){ (void *)(uintptr_t)value, size, MP_BUF_IN, 0 };
	fuse_status(req, fuse_call(f, req, &m.msg));
}

/* size 0 asks how long it is. */
static void
bytes(fuse_req_t req, int code, const struct mp_buf *b, uint32_t count)
{
	if (code == 0 && b->len != 0 && count > b->len)
		code = -EIO;
	if (code != 0)
		fuse_status(req, code);
	else if (b->len == 0)
		fuse_reply_xattr(req, count);
	else
		fuse_reply_buf(req, b->base, count);
}

static void
do_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size)
{
	struct mp_fuse *f = fuse_req_userdata(req);
	struct mp_vfs_getxattr m;
	char value[MP_VFS_XATTR_MAX];
	int code;

	if (!fuse_name(req, name, m.in.name, &m.in.name_len))
		return;
	if (size > sizeof(value))
		size = sizeof(value);
	fuse_msg(&m.msg, MP_VFS_GETXATTR);
	m.in.cred = fuse_cred(f, req);
	m.in.node = ino;
	m.in.reserved = 0;
	m.buf = (struct mp_buf){ value, size, MP_BUF_OUT, 0 };
	code = fuse_call(f, req, &m.msg);
	bytes(req, code, &m.buf, m.out.count);
}

static void
do_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size)
{
	struct mp_fuse *f = fuse_req_userdata(req);
	struct mp_vfs_listxattr m;
	char list[MP_VFS_XATTR_MAX];
	int code;

	if (size > sizeof(list))
		size = sizeof(list);
	fuse_msg(&m.msg, MP_VFS_LISTXATTR);
	m.in.cred = fuse_cred(f, req);
	m.in.node = ino;
	m.buf = (struct mp_buf){ list, size, MP_BUF_OUT, 0 };
	code = fuse_call(f, req, &m.msg);
	bytes(req, code, &m.buf, m.out.count);
}

static void
do_removexattr(fuse_req_t req, fuse_ino_t ino, const char *name)
{
	struct mp_fuse *f = fuse_req_userdata(req);
	struct mp_vfs_removexattr m;

	if (!fuse_name(req, name, m.in.name, &m.in.name_len))
		return;
	fuse_msg(&m.msg, MP_VFS_REMOVEXATTR);
	m.in.cred = fuse_cred(f, req);
	m.in.node = ino;
	m.in.reserved = 0;
	fuse_status(req, fuse_call(f, req, &m.msg));
}

void
fuse_name_ops(struct fuse_lowlevel_ops *o)
{
	o->lookup = do_lookup;
	o->forget = do_forget;
	o->forget_multi = do_forget_multi;
	o->getattr = do_getattr;
	o->setattr = do_setattr;
	o->readlink = do_readlink;
	o->mknod = do_mknod;
	o->mkdir = do_mkdir;
	o->unlink = do_unlink;
	o->rmdir = do_rmdir;
	o->symlink = do_symlink;
	o->rename = do_rename;
	o->link = do_link;
	o->setxattr = do_setxattr;
	o->getxattr = do_getxattr;
	o->listxattr = do_listxattr;
	o->removexattr = do_removexattr;
}
