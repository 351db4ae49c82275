/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A driver on libfuse as somebody would write it who has no ports: each
 * request calls the driver's table, unchecked, and is answered by the same
 * calls of libfuse that front/fuse.c makes; attributes are translated member
 * by member, where that copies words.  It has what bench/fuse asks for, and
 * agrees on the same capabilities, so the kernel sends the same requests.
 */
#define _GNU_SOURCE
#define FUSE_USE_VERSION 314
#include "fuse.h"

#include <fcntl.h>
#include <fuse3/fuse_lowlevel.h>
#include <string.h>
#include <sys/sysmacros.h>

enum { READ_MAX = 128 * 1024 };

struct bare {
	const struct mp_vfs_ops *ops;
	void *fs;
	void (*ready)(void *, int error);
};

static struct mp_vfs_cred
cred_of(fuse_req_t req)
{
	const struct fuse_ctx *c = fuse_req_ctx(req);

	return (struct mp_vfs_cred){ .uid = c->uid,
				     .gid = c->gid,
				     .pid = (uint32_t)c->pid,
				     .umask = c->umask };
}

static uint32_t
name_of(const char *from, char *to)
{
	size_t n = strlen(from);

	memcpy(to, from, n + 1);
	return (uint32_t)n;
}

static double
seconds(uint64_t ns)
{
	return (double)(int64_t)ns * 1e-9;
}

static void
stat_of(struct stat *st, const struct mp_vfs_attr *a)
{
	st->st_ino = a->ino;
	st->st_mode = a->mode;
	st->st_nlink = a->nlink;
	st->st_uid = a->uid;
	st->st_gid = a->gid;
	st->st_rdev = 0;
	if ((a->rdev_major | a->rdev_minor) != 0)
		st->st_rdev = makedev(a->rdev_major, a->rdev_minor);
	st->st_size = (off_t)a->size;
	st->st_blksize = (blksize_t)a->blksize;
	st->st_blocks = (blkcnt_t)a->blocks;
	st->st_atim.tv_sec = a->atime.sec;
	st->st_atim.tv_nsec = a->atime.nsec;
	st->st_mtim.tv_sec = a->mtime.sec;
	st->st_mtim.tv_nsec = a->mtime.nsec;
	st->st_ctim.tv_sec = a->ctime.sec;
	st->st_ctim.tv_nsec = a->ctime.nsec;
}

static void
entry_of(struct fuse_entry_param *p, const struct mp_vfs_entry *e)
{
	p->ino = e->id;
	p->generation = e->generation;
	p->entry_timeout = seconds(e->entry_valid_ns);
	p->attr_timeout = seconds(e->attr_valid_ns);
	stat_of(&p->attr, &e->attr);
}

static void
bare_init(void *data, struct fuse_conn_info *conn)
{
	const unsigned caps = FUSE_CAP_WRITEBACK_CACHE | FUSE_CAP_READDIRPLUS |
			      FUSE_CAP_READDIRPLUS_AUTO |
			      FUSE_CAP_EXPORT_SUPPORT | FUSE_CAP_POSIX_ACL |
			      FUSE_CAP_DONT_MASK | FUSE_CAP_ATOMIC_O_TRUNC |
			      FUSE_CAP_ASYNC_READ | FUSE_CAP_ASYNC_DIO |
			      FUSE_CAP_PARALLEL_DIROPS |
			      FUSE_CAP_AUTO_INVAL_DATA;
	struct bare *b = data;
	struct mp_vfs_attach m;

	memset(&m, 0, sizeof m);
	m.in.caps = MP_VFS_CAP_ALL;
	m.in.io_max = conn->max_write;
	conn->want = caps & conn->capable;
	b->ready(NULL, b->ops->attach(b->fs, &m));
}

static void
bare_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	const struct bare *b = fuse_req_userdata(req);
	struct fuse_entry_param p;
	struct mp_vfs_lookup m;
	int code;

	m.in.name_len = name_of(name, m.in.name);
	m.in.cred = cred_of(req);
	m.in.parent = parent;
	m.in.flags = MP_VFS_LOOKUP_NEGATIVE;
	code = b->ops->lookup(b->fs, &m);
	if (code != 0) {
		fuse_reply_err(req, -code);
		return;
	}
	entry_of(&p, &m.out.entry);
	fuse_reply_entry(req, &p);
}

static void
bare_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *item)
{
	const struct bare *b = fuse_req_userdata(req);
	struct mp_vfs_forget m;

	m.in.reserved = 0;
	m.in.items = 1;
	for (size_t i = 0; i < count; i++) {
		m.in.item[0].id = item[i].ino;
		m.in.item[0].count = item[i].nlookup;
		(void)b->ops->forget(b->fs, &m);
	}
	fuse_reply_none(req);
}

static void
bare_forget(fuse_req_t req, fuse_ino_t ino, uint64_t nlookup)
{
	struct fuse_forget_data item = { .ino = ino, .nlookup = nlookup };

	bare_forget_multi(req, 1, &item);
}

static void
reply_attr(fuse_req_t req, int code, const struct mp_vfs_attr *a,
	   uint64_t valid_ns)
{
	struct stat st;

	if (code != 0) {
		fuse_reply_err(req, -code);
		return;
	}
	stat_of(&st, a);
	fuse_reply_attr(req, &st, seconds(valid_ns));
}

static void
bare_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	const struct bare *b = fuse_req_userdata(req);
	struct mp_vfs_getattr m;
	int code;

	m.in.node = ino;
	m.in.fh = fi != NULL ? fi->fh : 0;
	m.in.flags = fi != NULL ? MP_VFS_GETATTR_FH : 0;
	m.in.reserved = 0;
	code = b->ops->getattr(b->fs, &m);
	reply_attr(req, code, &m.out.attr, m.out.attr_valid_ns);
}

static struct mp_vfs_time
time_of(const struct timespec *t)
{
	return (struct mp_vfs_time){ .sec = t->tv_sec,
				     .nsec = (uint32_t)t->tv_nsec };
}

/* The kernel sets both when a time is to be now. */
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
bare_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *st, int set,
	     struct fuse_file_info *fi)
{
	const struct bare *b = fuse_req_userdata(req);
	struct mp_vfs_setattr m;
	int code;

	m.in.cred = cred_of(req);
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
	code = b->ops->setattr(b->fs, &m);
	reply_attr(req, code, &m.out.attr, m.out.attr_valid_ns);
}

static void
bare_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	const struct bare *b = fuse_req_userdata(req);
	struct mp_vfs_unlink m;

	m.in.name_len = name_of(name, m.in.name);
	m.in.cred = cred_of(req);
	m.in.parent = parent;
	m.in.reserved = 0;
	fuse_reply_err(req, -b->ops->unlink(b->fs, &m));
}

/* A kernel that writes back its cache reads pages before it fills them. */
static uint32_t
flags_of(int flags)
{
	uint32_t to = (uint32_t)flags & MP_O_ALL & ~MP_O_APPEND;

	if ((to & MP_O_ACCMODE) == MP_O_WRONLY)
		to = (to & ~MP_O_ACCMODE) | MP_O_RDWR;
	return to;
}

static void
opened(struct fuse_file_info *fi, uint64_t fh, uint32_t flags)
{
	fi->fh = fh;
	fi->direct_io = (flags & MP_VFS_OPEN_DIRECT_IO) != 0;
	fi->keep_cache = (flags & MP_VFS_OPEN_KEEP_CACHE) != 0;
	fi->nonseekable = (flags & MP_VFS_OPEN_NONSEEKABLE) != 0;
	fi->cache_readdir = (flags & MP_VFS_OPEN_CACHE_DIR) != 0;
	fi->noflush = (flags & MP_VFS_OPEN_NOFLUSH) != 0;
}

static void
bare_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
	    struct fuse_file_info *fi)
{
	const struct bare *b = fuse_req_userdata(req);
	struct fuse_entry_param p;
	struct mp_vfs_create m;
	int code;

	m.in.name_len = name_of(name, m.in.name);
	m.in.cred = cred_of(req);
	m.in.parent = parent;
	m.in.mode = mode & MP_S_IPERM;
	m.in.flags = flags_of(fi->flags);
	m.in.reserved = 0;
	code = b->ops->create(b->fs, &m);
	if (code != 0) {
		fuse_reply_err(req, -code);
		return;
	}
	opened(fi, m.out.fh, m.out.flags);
	entry_of(&p, &m.out.entry);
	fuse_reply_create(req, &p, fi);
}

static void
bare_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	const struct bare *b = fuse_req_userdata(req);
	struct mp_vfs_open m;
	int code;

	m.in.cred = cred_of(req);
	m.in.node = ino;
	m.in.flags = flags_of(fi->flags) & ~MP_O_EXCL;
	m.in.reserved = 0;
	code = b->ops->open(b->fs, &m);
	if (code != 0) {
		fuse_reply_err(req, -code);
		return;
	}
	opened(fi, m.out.fh, m.out.flags);
	fuse_reply_open(req, fi);
}

static void
bare_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
	  struct fuse_file_info *fi)
{
	const struct bare *b = fuse_req_userdata(req);
	struct mp_vfs_read m;
	char to[READ_MAX];
	int code;

	m.in.node = ino;
	m.in.fh = fi->fh;
	m.in.offset = (uint64_t)offset;
	if (size > sizeof to)
		size = sizeof to;
	m.buf = (struct mp_buf){ to, size, MP_BUF_OUT, 0 };
	code = b->ops->read(b->fs, &m);
	if (code == 0)
		fuse_reply_buf(req, to, m.out.count);
	else
		fuse_reply_err(req, -code);
}

static void
bare_write(fuse_req_t req, fuse_ino_t ino, const char *from, size_t size,
	   off_t offset, struct fuse_file_info *fi)
{
	const struct bare *b = fuse_req_userdata(req);
	struct mp_vfs_write m;
	int code;

	m.in.node = ino;
	m.in.fh = fi->fh;
	m.in.offset = (uint64_t)offset;
	m.in.flags = fi->writepage ? MP_VFS_WRITE_CACHE : 0;
	m.in.reserved = 0;
	m.buf = (struct mp_buf){ (void *)(uintptr_t)from, size, MP_BUF_IN, 0 };
	code = b->ops->write(b->fs, &m);
	if (code == 0)
		fuse_reply_write(req, m.out.count);
	else
		fuse_reply_err(req, -code);
}

static void
bare_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	const struct bare *b = fuse_req_userdata(req);
	struct mp_vfs_release m;

	m.in.node = ino;
	m.in.fh = fi->fh;
	fuse_reply_err(req, -b->ops->flush(b->fs, &m));
}

static void
bare_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	const struct bare *b = fuse_req_userdata(req);
	struct mp_vfs_release m;

	m.in.node = ino;
	m.in.fh = fi->fh;
	fuse_reply_err(req, -b->ops->release(b->fs, &m));
}

/* The kernel asks for ACLs and capabilities, which are not there. */
static void
bare_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size)
{
	const struct bare *b = fuse_req_userdata(req);
	struct mp_vfs_getxattr m;
	char to[READ_MAX];

	m.in.name_len = name_of(name, m.in.name);
	m.in.cred = cred_of(req);
	m.in.node = ino;
	m.in.reserved = 0;
	m.buf = (struct mp_buf){ to, size, MP_BUF_OUT, 0 };
	fuse_reply_err(req, -b->ops->getxattr(b->fs, &m));
}

static const struct fuse_lowlevel_ops bare_ops = {
	.init = bare_init,
	.lookup = bare_lookup,
	.forget = bare_forget,
	.forget_multi = bare_forget_multi,
	.getattr = bare_getattr,
	.setattr = bare_setattr,
	.unlink = bare_unlink,
	.create = bare_create,
	.open = bare_open,
	.read = bare_read,
	.write = bare_write,
	.flush = bare_flush,
	.release = bare_release,
	.getxattr = bare_getxattr,
};

int
bare_serve(const struct mp_vfs_ops *ops, void *fs, const char *dir,
	   void (*ready)(void *, int error))
{
	struct bare b = { .ops = ops, .fs = fs, .ready = ready };
	struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
	struct fuse_loop_config *c = fuse_loop_cfg_create();
	struct fuse_session *s;
	int code = -1;

	fuse_opt_add_arg(&args, "bare");
	fuse_opt_add_arg(&args, "-odefault_permissions");
	s = fuse_session_new(&args, &bare_ops, sizeof bare_ops, &b);
	fuse_opt_free_args(&args);
	fuse_loop_cfg_set_max_threads(c, 1);
	if (s != NULL && fuse_session_mount(s, dir) == 0) {
		code = fuse_session_loop_mt(s, c);
		fuse_session_unmount(s);
	}
	if (s != NULL)
		fuse_session_destroy(s);
	fuse_loop_cfg_destroy(c);
	return code;
}
