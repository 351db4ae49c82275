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

int
fuse_call_watched(fuse_req_t req, struct mp_msg *m, int code)
{
	struct mp_fuse *f = fuse_req_userdata(req);
	bool kept = code == EASYNC;

	if (!kept && code != -EAGAIN)
		return code;
	if (!kept && fuse_req_interrupted(req))
		return -ECANCELED;
	fuse_req_interrupt_func(req, interrupted, m);
	if (!kept)
		code = f->port->mp_SendMsg(f->port, m);
	if (code == -EAGAIN)
		code = mp_call(f->port, m);
	else if (code == EASYNC)
		code = wait_for(f, m);
	fuse_req_interrupt_func(req, NULL, NULL);
	return code;
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
fuse_error(fuse_req_t req, int code)
{
	fuse_reply_err(req, error_of(code));
}

void
fuse_entry_fill(struct fuse_entry_param *p, const struct mp_vfs_entry *e)
{
	p->ino = e->id;
	p->generation = e->generation;
	p->entry_timeout = fuse_seconds(e->entry_valid_ns);
	p->attr_timeout = fuse_seconds(e->attr_valid_ns);
	fuse_stat_fill(&p->attr, &e->attr);
}

void
fuse_unlook(struct mp_fuse *f, uint64_t node)
{
	struct mp_vfs_forget m;

	if (node == 0)
		return;
	fuse_msg(&m.msg, MP_VFS_FORGET);
	m.in.items = 1;
	m.in.reserved = 0;
	m.in.item[0].id = node;
	m.in.item[0].count = 1;
	(void)mp_call(f->port, &m.msg);
}

void
fuse_entry(struct mp_fuse *f, fuse_req_t req, int code,
	   const struct mp_vfs_entry *e)
{
	struct fuse_entry_param p;

	if (code != 0) {
		fuse_status(req, code);
		return;
	}
	fuse_entry_fill(&p, e);
	if (fuse_reply_entry(req, &p) != 0)
		fuse_unlook(f, e->id);
}
