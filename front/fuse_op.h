/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef FRONT_FUSE_OP_H
#define FRONT_FUSE_OP_H

/* What the files of the FUSE front-end share. */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#define FUSE_USE_VERSION 314
#include "fuse.h"
#include <errno.h>
#include <fuse3/fuse_lowlevel.h>
#include <string.h>
#include <sys/sysmacros.h>

/* What every request begins with; a handler may be kept waiting. */
#define FUSE_MSG(op_) ((struct mp_msg){ .op = (op_), .flags = MP_MSG_MAYBLOCK })

/* front/fuse_call.c */
/* The rest of fuse_call(): code is EASYNC, or -EAGAIN, or 0, not yet sent. */
int fuse_call_watched(struct mp_fuse *, fuse_req_t, struct mp_msg *, int code);
/* Replies one of the errors that are not to be passed on as they are. */
void fuse_error(fuse_req_t, int code);
void fuse_entry(struct mp_fuse *, fuse_req_t, int code,
		const struct mp_vfs_entry *);
/* Gives one lookup back that the kernel did not get to know of. */
void fuse_unlook(struct mp_fuse *, uint64_t node);
void fuse_entry_fill(struct fuse_entry_param *, const struct mp_vfs_entry *);

/* Sends and waits. */
static inline int
fuse_call(struct mp_fuse *f, fuse_req_t req, struct mp_msg *m)
{
	struct mp_port *port = f->port;
	int code = 0;

	if ((f->conf.flags & MP_FUSE_INTR) == 0) {
		code = port->mp_SendMsg(port, m);
		/* Said apart, for the callers' own tests to end here. */
		if (code == 0)
			return 0;
		if (code != EASYNC && code != -EAGAIN)
			return code;
	}
	return fuse_call_watched(f, req, m, code);
}

/* Replies a status: 0 or an error of the port. */
static inline void
fuse_status(fuse_req_t req, int code)
{
	const uint64_t library = 1ull << EAGAIN | 1ull << EBUSY |
				 1ull << EPIPE | 1ull << EDEADLK |
				 1ull << ETIME;
	uint32_t n = 0u - (uint32_t)code;

	if (n == 0)
		fuse_reply_err(req, 0);
	else if (n < 64 && (library >> n & 1) == 0)
		fuse_reply_err(req, (int)n);
	else
		fuse_error(req, code);
}

static inline double
fuse_seconds(uint64_t ns)
{
	return (double)(int64_t)(ns > INT64_MAX ? INT64_MAX : ns) * 1e-9;
}

/* Those members that libfuse passes on. */
static inline void
fuse_stat_fill(struct stat *st, const struct mp_vfs_attr *a)
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

static inline void
fuse_attr(fuse_req_t req, int code, const struct mp_vfs_attr *a,
	  uint64_t valid_ns)
{
	struct stat st;

	if (code != 0) {
		fuse_status(req, code);
		return;
	}
	fuse_stat_fill(&st, a);
	fuse_reply_attr(req, &st, fuse_seconds(valid_ns));
}

/* 0 or -ENAMETOOLONG */
static inline int
fuse_name(const char *from, char *to, uint32_t *len)
{
	size_t n = strlen(from);

	if (n > MP_VFS_NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(to, from, n + 1);
	*len = (uint32_t)n;
	return 0;
}

static inline struct mp_vfs_cred
fuse_cred(const struct mp_fuse *f, fuse_req_t req)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(req);

	return (struct mp_vfs_cred){
		.uid = ctx->uid,
		.gid = ctx->gid,
		.pid = (uint32_t)ctx->pid,
		.umask = ctx->umask & f->umask,
	};
}

/* front/fuse_name.c, fuse_file.c, fuse_dir.c: fill in their operations */
void fuse_name_ops(struct fuse_lowlevel_ops *);
void fuse_file_ops(struct fuse_lowlevel_ops *);
void fuse_dir_ops(struct fuse_lowlevel_ops *);

/* front/fuse.c: all of them, for a session whose userdata is a mp_fuse */
void fuse_ops(struct fuse_lowlevel_ops *);
/* Undoes what init did: the session is over. */
void fuse_detach(struct mp_fuse *);

/* front/fuse_notify.c: handler of the port lent to the driver */
int fuse_notify(struct mp_port *, struct mp_msg *);

#endif
