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

/* front/fuse_call.c */
/* Sends and waits; the message's flags are set here. */
int fuse_call(fuse_req_t, struct mp_msg *);
/* Replies a status: 0 or an error of the port. */
void fuse_status(fuse_req_t, int code);
void fuse_entry(fuse_req_t, int code, const struct mp_vfs_entry *);
void fuse_attr(fuse_req_t, int code, const struct mp_vfs_attr *,
	       uint64_t valid_ns);
/* Gives one lookup back that the kernel did not get to know of. */
void fuse_unlook(struct mp_fuse *, uint64_t node);
void fuse_entry_fill(struct fuse_entry_param *, const struct mp_vfs_entry *);
/* 0 or -ENAMETOOLONG */
int fuse_name(const char *, char *to, uint32_t *len);

static inline struct mp_vfs_cred
fuse_cred(fuse_req_t req)
{
	const struct mp_fuse *f = fuse_req_userdata(req);
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
