/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Directories, and the file system as a whole.
 *
 * Our records become FUSE's in the buffer that the driver filled: each is
 * copied out and checked first, and FUSE's is never the longer one.
 */
#include "fuse_op.h"
#include <linux/fuse.h>
#include <stdlib.h>
#include <sys/statvfs.h>

#define LIST_STACK 32768u /* what readdir(3) asks for */

MP_STATIC_ASSERT(sizeof(struct fuse_dirent) <= sizeof(struct mp_vfs_dirent),
		 "a record is translated in place");
MP_STATIC_ASSERT(sizeof(struct fuse_direntplus) <=
			 sizeof(struct mp_vfs_dirent) +
				 sizeof(struct mp_vfs_entry),
		 "a record is translated in place");

static size_t
put(fuse_req_t req, const struct mp_vfs_record *r, bool plus, char *to,
    size_t room)
{
	const struct mp_vfs_dirent *d = &r->dirent;
	off_t next = (off_t)d->next_cookie;
	struct fuse_entry_param p;

	if (plus && r->entry.id != 0) {
		fuse_entry_fill(&p, &r->entry);
		return fuse_add_direntry_plus(req, to, room, r->name, &p, next);
	}
	memset(&p, 0, sizeof(p));
	p.attr.st_ino = d->ino;
	p.attr.st_mode = (mode_t)(d->type << 12);
	if (plus)
		return fuse_add_direntry_plus(req, to, room, r->name, &p, next);
	return fuse_add_direntry(req, to, room, r->name, &p.attr, next);
}

/* What is good before the first bad record is passed on: bytes, or -EIO. */
static int
translate(fuse_req_t req, const struct mp_vfs_readdir *m, uint32_t *used)
{
	bool plus = m->msg.op == MP_VFS_READDIRPLUS;
	char *base = m->buf.base;
	struct mp_vfs_record r;
	uint32_t at = 0;
	int more;

	*used = 0;
	while ((more = mp_vfs_dirent_get(m, &at, &r)) > 0)
		*used += (uint32_t)put(req, &r, plus, base + *used, at - *used);
	return more == 0 || *used != 0 ? 0 : -EIO;
}

static void
unlook_all(struct mp_fuse *f, const char *at, size_t left)
{
	const struct fuse_direntplus *d;

	for (; left != 0; left -= FUSE_DIRENTPLUS_SIZE(d)) {
		d = (const void *)at;
		fuse_unlook(f, d->entry_out.nodeid);
		at += FUSE_DIRENTPLUS_SIZE(d);
	}
}

static void
list_into(fuse_req_t req, struct mp_vfs_readdir *m, void *to, size_t size)
{
	struct mp_fuse *f = fuse_req_userdata(req);
	uint32_t used = 0;
	int code;

	m->buf = (struct mp_buf){ to, size, MP_BUF_OUT, 0 };
	code = fuse_call(f, req, &m->msg);
	if (code == 0)
		code = translate(req, m, &used);
	if (code != 0)
		fuse_status(req, code);
	else if (fuse_reply_buf(req, to, used) != 0 &&
		 m->msg.op == MP_VFS_READDIRPLUS)
		unlook_all(f, to, used);
}

static __attribute__((noinline)) void
list_small(fuse_req_t req, struct mp_vfs_readdir *m, size_t size)
{
	_Alignas(8) char to[LIST_STACK];

	list_into(req, m, to, size);
}

static void
list_large(fuse_req_t req, struct mp_vfs_readdir *m, size_t size)
{
	void *to = malloc(size);

	if (to == NULL)
		fuse_status(req, -ENOMEM);
	else
		list_into(req, m, to, size);
	free(to);
}

static void
list(fuse_req_t req, struct mp_vfs_readdir *m, size_t size)
{
	if (size < MP_VFS_RECORD_MAX)
		fuse_status(req, -EINVAL);
	else if (size <= LIST_STACK)
		list_small(req, m, size);
	else
		list_large(req, m, size);
}

static void
do_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
	   struct fuse_file_info *fi)
{
	struct mp_vfs_readdir m;

	fuse_msg(&m.msg, MP_VFS_READDIR);
	m.in.node = ino;
	m.in.fh = fi->fh;
	m.in.cookie = (uint64_t)offset;
	list(req, &m, size);
}

static void
do_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
	       struct fuse_file_info *fi)
{
	struct mp_vfs_readdir m;

	fuse_msg(&m.msg, MP_VFS_READDIRPLUS);
	m.in.node = ino;
	m.in.fh = fi->fh;
	m.in.cookie = (uint64_t)offset;
	list(req, &m, size);
}

/* A driver that does not know is answered for, so that df(1) goes on. */
static void
do_statfs(fuse_req_t req, fuse_ino_t ino)
{
	struct mp_fuse *f = fuse_req_userdata(req);
	struct statvfs st = { .f_bsize = 4096,
			      .f_frsize = 4096,
			      .f_namemax = MP_VFS_NAME_MAX };
	const struct mp_vfs_statfs_info *i;
	struct mp_vfs_statfs m;
	int code;

	fuse_msg(&m.msg, MP_VFS_STATFS);
	m.in.node = ino;
	code = fuse_call(f, req, &m.msg);
	if (code != 0 && code != -ENOSYS) {
		fuse_status(req, code);
		return;
	}
	i = &m.out.info;
	if (code == 0)
		st = (struct statvfs){
			.f_bsize = i->bsize,
			.f_frsize = i->frsize,
			.f_blocks = i->blocks,
			.f_bfree = i->bfree,
			.f_bavail = i->bavail,
			.f_files = i->files,
			.f_ffree = i->ffree,
			.f_namemax = i->name_max,
		};
	fuse_reply_statfs(req, &st);
}

static void
do_access(fuse_req_t req, fuse_ino_t ino, int mask)
{
	struct mp_fuse *f = fuse_req_userdata(req);
	struct mp_vfs_access m;

	fuse_msg(&m.msg, MP_VFS_ACCESS);
	m.in.cred = fuse_cred(f, req);
	m.in.node = ino;
	m.in.mask = (uint32_t)mask & 7;
	m.in.reserved = 0;
	fuse_status(req, fuse_call(f, req, &m.msg));
}

void
fuse_dir_ops(struct fuse_lowlevel_ops *o)
{
	o->readdir = do_readdir;
	o->readdirplus = do_readdirplus;
	o->statfs = do_statfs;
	o->access = do_access;
}
