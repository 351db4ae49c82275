/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MSGPORT_EXEC_H
#define MSGPORT_EXEC_H

/*
 * The Amiga's names for the verbs, and Dillon's waitMsg.
 *
 * DoIO calls, SendIO sends, BeginIO is the raw send and returns EASYNC when
 * the request was kept; CheckIO is true when it is over; WaitIO returns its
 * result; AbortIO asks for it early and the wait is still due.  PutMsg,
 * GetMsg, ReplyMsg and WaitPort are their exec namesakes but for two things:
 * ReplyMsg carries a result, and WaitPort takes the message it returns.
 */

#include <msgport/port.h>

#ifdef __cplusplus
extern "C" {
#endif

static inline int
waitMsg(struct mp_msg *m)
{
	return mp_wait(m);
}

static inline int
BeginIO(struct mp_port *p, struct mp_msg *m)
{
	return p->mp_SendMsg(p, m);
}

static inline int
DoIO(struct mp_port *p, struct mp_msg *m)
{
	return mp_call(p, m);
}

static inline int
SendIO(struct mp_port *p, struct mp_msg *m)
{
	return mp_send(p, m);
}

static inline bool
CheckIO(const struct mp_msg *m)
{
	return mp_done(m);
}

static inline int
WaitIO(struct mp_msg *m)
{
	return mp_wait(m);
}

static inline void
AbortIO(struct mp_msg *m)
{
	mp_cancel(m);
}

static inline int
PutMsg(struct mp_port *p, struct mp_msg *m)
{
	return mp_send(p, m);
}

static inline struct mp_msg *
GetMsg(struct mp_port *p)
{
	return mp_tryrecv(p);
}

static inline void
ReplyMsg(struct mp_msg *m, int result)
{
	mp_reply(m, result);
}

static inline struct mp_msg *
WaitPort(struct mp_port *p)
{
	return mp_recv(p);
}

#ifdef __cplusplus
}
#endif

#endif
