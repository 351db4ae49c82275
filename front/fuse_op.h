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
static inline void
fuse_msg(struct mp_msg *m, uint32_t op)
{
	*m = (struct mp_msg){ .op = op, .flags = MP_MSG_MAYBLOCK };
}

/* front/fuse_buf.c */
/* Before the loop: 0, or a negative errno. */
int fuse_buf_hook(struct mp_fuse *);
/* At attach: pieces for requests of up to so many bytes. */
void fuse_buf_open(struct mp_fuse *, size_t size);
void fuse_buf_close(struct mp_fuse *);
/* One that nobody has, to be given back; NULL: plain memory will do. */
struct mp_buf *fuse_buf_take(struct mp_fuse *, size_t size);
void fuse_buf_give(struct mp_fuse *, const struct mp_buf *);
/* What this thread's write was received into, then also by *buf; or NULL. */
struct mp_buf *fuse_buf_received(struct mp_buf *buf);

/* front/fuse_call.c */
/* The rest of fuse_call(), unless code is said as it is. */
int fuse_call_watched(fuse_req_t, struct mp_msg *, int code)
	__attribute__((__cold__));
/* Replies one of the errors that are not to be passed on as they are. */
void fuse_error(fuse_req_t, int code);
void fuse_entry(struct mp_fuse *, fuse_req_t, int code,
		const struct mp_vfs_entry *);
/* Gives one lookup back that the kernel did not get to know of. */
void fuse_unlook(struct mp_fuse *, uint64_t node);
void fuse_entry_fill(struct fuse_entry_param *, const struct mp_vfs_entry *);

#define FUSE_ERROR(code) (1ull << ((code)&63))

/* Errors of a port that are also what the caller is told. */
static inline bool
fuse_error_is_plain(int code)
{
	const uint64_t library = FUSE_ERROR(-EAGAIN) | FUSE_ERROR(-EBUSY) |
				 FUSE_ERROR(-EPIPE) | FUSE_ERROR(-EDEADLK) |
				 FUSE_ERROR(-ETIME);

	return (uint32_t)code > 0u - 64u && (library & FUSE_ERROR(code)) == 0;
}

/* Sends and waits. */
static inline int
fuse_call(struct mp_fuse *f, fuse_req_t req, struct mp_msg *m)
{
	int code = f->first->mp_SendMsg(f->first, m);

	/* Said apart, for the callers' own tests to end here. */
	if (code == 0)
		return 0;
	if (fuse_error_is_plain(code))
		return code;
	return fuse_call_watched(req, m, code);
}

/* Replies a status: 0 or an error of the port. */
static inline void
fuse_status(fuse_req_t req, int code)
{
	if (code == 0)
		fuse_reply_err(req, 0);
	else if (fuse_error_is_plain(code))
		fuse_reply_err(req, -code);
	else
		fuse_error(req, code);
}

static inline double
fuse_seconds(uint64_t ns)
{
	/* Halved, any of them is signed, as the conversion wants it. */
	return (double)(int64_t)(ns >> 1) * 2e-9;
}

MP_STATIC_ASSERT(sizeof(struct timespec) == sizeof(struct mp_vfs_time) &&
			 __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
		 "libfuse passes on the lower half of tv_nsec, which is nsec");
/* Those members that libfuse passes on. */
static inline void
fuse_stat_fill(struct stat *st, const struct mp_vfs_attr *a)
{
	uint64_t rdev = (uint64_t)a->rdev_minor << 32 | a->rdev_major;

	st->st_ino = a->ino;
	st->st_mode = a->mode;
	st->st_nlink = a->nlink;
	st->st_uid = a->uid;
	st->st_gid = a->gid;
	st->st_rdev = 0;
	if (rdev != 0)
		st->st_rdev = makedev((uint32_t)rdev, (uint32_t)(rdev >> 32));
	st->st_size = (off_t)a->size;
	st->st_blksize = (blksize_t)a->blksize;
	st->st_blocks = (blkcnt_t)a->blocks;
	memcpy(&st->st_atim, &a->atime, sizeof(a->atime));
	memcpy(&st->st_mtim, &a->mtime, sizeof(a->mtime));
	memcpy(&st->st_ctim, &a->ctime, sizeof(a->ctime));
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

/* False, and the request is answered, if it is too long. */
static inline bool
fuse_name(fuse_req_t req, const char *from, char *to, uint32_t *len)
{
	size_t n = strlen(from);

	if (n > MP_VFS_NAME_MAX) {
		fuse_reply_err(req, ENAMETOOLONG);
		return false;
	}
	/* To copy what it knows to be short, the compiler would use a loop. */
	__asm__("" : "+r"(n));
	memcpy(to, from, n + 1);
	*len = (uint32_t)n;
	return true;
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
