/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MSGPORT_MSG_H
#define MSGPORT_MSG_H

/*
 * Messages, and the verbs.
 *
 * A message is a structure of the sender's that begins with struct mp_msg.  It
 * lives in the sender's memory, on a stack if he likes; the library allocates
 * nothing.  Sending gives it away and it always comes back exactly once:
 *
 *	code = port->mp_SendMsg(port, &m);	the raw send, a plain call
 *	if (code == EASYNC)			the port's agent kept it
 *		code = mp_wait(&m);
 *
 * A code other than EASYNC from an agent means that the message is over and
 * belongs to the sender again; the agent has kept no reference.  EASYNC means
 * that the agent took it: between send and completion the sender touches no
 * byte of it, except through mp_cancel(), mp_drop(), mp_wait() and mp_done().
 * The receiver writes the result and what its interface calls `out', then
 * calls mp_reply(), and touches nothing afterwards.
 *
 *	mp_call	   send, wait, return the result: never through the reply port
 *	mp_send	   send; the completion always comes through the reply port
 *
 * Who may call: any thread.  One thread at a time sends and waits for one
 * message; mp_cancel() may come from another, while the sender keeps the
 * message's memory alive.  mp_reply() and sends to queue ports may be made in
 * the kernel's interrupt context.  mp_call, mp_wait, mp_wait_until, mp_recv
 * and mp_recv_until may sleep; nothing else here does.
 *
 * Errors of the library itself: EBUSY the message is in flight; EAGAIN the
 * queue is full, nothing happened; EPIPE the port is closed, never started;
 * EDEADLK it would wait for itself; ECANCELED ended by mp_cancel(); ETIME its
 * own deadline passed; ETIMEDOUT only your wait ended; EINVAL cannot be waited
 * for.  A refused mp_send() leaves the message as it was, and yours.
 *
 * Deadlines are absolute, in nanoseconds of CLOCK_MONOTONIC; 0 is none.  A
 * message's own deadline is kept by whoever waits for it, and by the queue in
 * which it stands whenever something is received from that queue.
 */

#include <msgport/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct mp_port;

enum mp_msg_flag {
	MP_MSG_PRIORITY = 1u << 0, /* taken before ordinary messages */
	MP_MSG_MAYBLOCK = 1u << 1, /* a blocking agent may run inline */
	MP_MSG_NOWAIT = 1u << 2, /* mp_call: EAGAIN rather than wait for room */
	MP_MSG_USER = 1u << 16,	 /* this bit and above: the interface's own */
};

struct mp_msg {
	struct mp_port *reply; /* NULL: the sender waits on the message */
	uint64_t deadline_ns;  /* 0: none */
	uint32_t op;	       /* of the interface the port speaks */
	uint32_t flags;	       /* enum mp_msg_flag */
	int32_t result;	       /* 0 or a count, or a negative errno */

	/* Private from here on. */
	uint32_t state; /* core/state.h; atomic */
	struct mp_port *target;
	struct mp_msg *next;
	struct mp_msg *prev;
	void *hold; /* the agent's, from mp_msg_take() to completion */
};

MP_STATIC_ASSERT(sizeof(struct mp_msg) <= 64, "a message header is a line");

/* An initialiser: every other field of the header starts as zero. */
#define MP_MSG(op_)         \
	{                   \
		.op = (op_) \
	}

/* core/msg.c */
void mp_msg_init(struct mp_msg *, uint32_t op);
int mp_call(struct mp_port *, struct mp_msg *);
int mp_send(struct mp_port *, struct mp_msg *);
bool mp_done(const struct mp_msg *);
/*
 * mp_send() of one message by many: EBUSY while it is in flight.  Its reply
 * port is a callback, count or discard port, and the receiver replies before
 * it looks at what the message is about.
 */
int mp_msg_notify(struct mp_port *, struct mp_msg *);

/* core/wait.c: both return the result; -ETIMEDOUT leaves the message out. */
int mp_wait(struct mp_msg *);
int mp_wait_until(struct mp_msg *, uint64_t deadline_ns);

/* core/reply.c: by the holder, once */
void mp_reply(struct mp_msg *, int result);
int mp_forward(struct mp_port *, struct mp_msg *);
/* In a handler, before it lets another thread see the message. */
void mp_msg_take(struct mp_msg *);
/* A received message is a reply to its receiver, or else a request. */
bool mp_msg_is_reply(const struct mp_msg *);
bool mp_msg_cancelled(const struct mp_msg *);

/* core/cancel.c: by the sender; neither ends the sender's wait by itself */
void mp_cancel(struct mp_msg *);
int mp_drop(struct mp_msg *);

#ifdef __cplusplus
}
#endif

#endif
