/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * From a FUSE request to a message and back.
 *
 * A message is sent raw.  Most end inline, and then nothing was spent on the
 * chance of an interrupt: libfuse's interrupt function costs eight mutex
 * operations a request.  It is set only when the agent kept the message, and
 * unset before the reply; libfuse calls it under the request's lock, which
 * unsetting takes, so that afterwards nobody can cancel a message that is no
 * more.  Setting it calls it at once if the interrupt came earlier.
 *
 * When the session ends, requests in flight have nobody left to answer to.
 * They are found by looking now and then, from the threads that wait for them.
 */
#include "fuse_op.h"
#include <sys/sysmacros.h>
#include <time.h>

#define LOOK_NS 200000000u /* how often a waiting thread looks up */

static void
interrupted(fuse_req_t req, void *m)
{
	(void)req;
	mp_cancel(m);
}

static uint64_t
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* A driver may itself answer ETIMEDOUT. */
static int
wait_for(struct mp_fuse *f, struct mp_msg *m)
{
	int code = mp_wait_until(m, now_ns() + LOOK_NS);

	while (code == -ETIMEDOUT && !mp_done(m)) {
		if (fuse_session_exited(f->session))
			mp_cancel(m);
		code = mp_wait_until(m, now_ns() + LOOK_NS);
	}
	return code;
}

/* code: EASYNC, or the port has no room now, or nothing was tried yet (0). */
static __attribute__((noinline)) int
call_watched(fuse_req_t req, struct mp_msg *m, int code)
{
	struct mp_fuse *f = fuse_req_userdata(req);

	if (code != EASYNC && fuse_req_interrupted(req))
		return -ECANCELED;
	fuse_req_interrupt_func(req, interrupted, m);
	if (code == 0)
		code = f->port->mp_SendMsg(f->port, m);
	if (code == -EAGAIN)
		code = mp_call(f->port, m);
	else if (code == EASYNC)
		code = wait_for(f, m);
	fuse_req_interrupt_func(req, NULL, NULL);
	return code;
}

int
fuse_call(fuse_req_t req, struct mp_msg *m)
{
	struct mp_fuse *f = fuse_req_userdata(req);
	int code = 0;

	m->flags = MP_MSG_MAYBLOCK;
	if ((f->conf.flags & MP_FUSE_INTR) == 0) {
		code = f->port->mp_SendMsg(f->port, m);
		if (code != EASYNC && code != -EAGAIN)
			return code;
	}
	return call_watched(req, m, code);
}

static __attribute__((cold)) int
error_of(int code)
{
	switch (code) {
	case -ECANCELED:
		return EINTR;
	case -EPIPE:
		return ENOTCONN;
	case -ETIME:
		return ETIMEDOUT;
	case -EAGAIN:
	case -EOWNERDEAD:
	case -EPROTO:
	case -EDEADLK:
	case -EBUSY:
		return EIO;
	default:
		return code < 0 && code > -1000 ? -code : EIO;
	}
}

void
fuse_status(fuse_req_t req, int code)
{
	fuse_reply_err(req, code == 0 ? 0 : error_of(code));
}

int
fuse_name(const char *from, char *to, uint32_t *len)
{
	size_t n = strlen(from);

	if (n > MP_VFS_NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(to, from, n + 1);
	*len = (uint32_t)n;
	return 0;
}

static double
seconds(uint64_t ns)
{
	return (double)(int64_t)(ns > INT64_MAX ? INT64_MAX : ns) * 1e-9;
}

/* Those members that libfuse passes on. */
static void
stat_fill(struct stat *st, const struct mp_vfs_attr *a)
{
	st->st_ino = a->ino;
	st->st_mode = a->mode;
	st->st_nlink = a->nlink;
	st->st_uid = a->uid;
	st->st_gid = a->gid;
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

void
fuse_entry_fill(struct fuse_entry_param *p, const struct mp_vfs_entry *e)
{
	p->ino = e->id;
	p->generation = e->generation;
	p->entry_timeout = seconds(e->entry_valid_ns);
	p->attr_timeout = seconds(e->attr_valid_ns);
	stat_fill(&p->attr, &e->attr);
}

void
fuse_unlook(struct mp_fuse *f, uint64_t node)
{
	struct mp_vfs_forget m;

	if (node == 0)
		return;
	m.msg = (struct mp_msg)MP_MSG(MP_VFS_FORGET);
	m.in.items = 1;
	m.in.reserved = 0;
	m.in.item[0].id = node;
	m.in.item[0].count = 1;
	(void)mp_call(f->port, &m.msg);
}

void
fuse_entry(fuse_req_t req, int code, const struct mp_vfs_entry *e)
{
	struct mp_fuse *f = fuse_req_userdata(req);
	struct fuse_entry_param p;

	if (code != 0) {
		fuse_status(req, code);
		return;
	}
	fuse_entry_fill(&p, e);
	if (fuse_reply_entry(req, &p) != 0)
		fuse_unlook(f, e->id);
}

void
fuse_attr(fuse_req_t req, int code, const struct mp_vfs_attr *a,
	  uint64_t valid_ns)
{
	struct stat st;

	if (code != 0) {
		fuse_status(req, code);
		return;
	}
	stat_fill(&st, a);
	fuse_reply_attr(req, &st, seconds(valid_ns));
}
