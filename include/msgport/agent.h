/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MSGPORT_AGENT_H
#define MSGPORT_AGENT_H

/*
 * The agents the library brings: what a port does with a message.
 *
 *   call	runs the handler in the sender's thread
 *   serial	the same, one at a time; when busy the message is queued and
 *		the thread inside runs it before it leaves
 *   queue	an owner thread receives, mp_recv()
 *   pool	a queue served by N threads
 *   filter	looks at a message, then passes it on
 *   dead	refuses everything with a given error
 *   and four reply ports: queue, callback, count, discard
 *
 * A handler gets the message in the thread that sent it (call, serial) or in
 * a thread of the pool.  It returns the result, or it calls mp_msg_take(),
 * makes sure that somebody will mp_reply(), and returns EASYNC.  It is called
 * with no lock of the library held and may send to any port.  A handler that
 * may sleep says so by MP_PORT_MAY_BLOCK; it is then run only for senders that
 * allow it, which is mp_call() and MP_MSG_MAYBLOCK, and refused with EAGAIN
 * for others (a pool queues them instead).
 *
 * Stack: no handler starts with less than MP_STACK_MIN bytes left; the call
 * is refused with EDEADLK, for only endless recursion comes that far.
 *
 * Bounds: a queue holds depth_max requests (MP_DEPTH_DEFAULT unless set before
 * the first send); then a send is refused with EAGAIN and a call waits.
 * Replies are never refused.
 */

#include <msgport/port.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MP_DEPTH_DEFAULT 1024
#define MP_STACK_MIN 8192    /* bytes */
#define MP_SERIAL_RUN_MAX 32 /* others' messages before a hand-over */

typedef int mp_handler_fn(struct mp_port *, struct mp_msg *);
typedef void mp_reply_fn(struct mp_port *, struct mp_msg *);

/* core/agent.c */
void mp_port_init_call(struct mp_port *, mp_handler_fn *, void *data);
/*
 * look: 0 passes the message on, any other code ends it with that code.  The
 * next port is initialised, so that filters cannot form a ring.
 */
void mp_port_init_filter(struct mp_port *, mp_handler_fn *look,
			 struct mp_port *next);
void mp_port_init_dead(struct mp_port *, int error);
/*
 * An agent of your own.  It begins with mp_agent_begin(): a code other than 0
 * is to be returned at once.  Then it either ends with `return
 * mp_agent_end(m, code)', or calls mp_msg_take() and returns EASYNC, or passes
 * it on by `return mp_agent_end(m, mp_forward(next, m))'.
 */
void mp_port_init_agent(struct mp_port *, mp_handler_fn *agent,
			const struct mp_port_ops *, void *data);
int mp_agent_begin(struct mp_port *, struct mp_msg *);
int mp_agent_end(struct mp_msg *, int code);

/* core/serial.c */
void mp_port_init_serial(struct mp_port *, mp_handler_fn *, void *data);

/* core/queue.c: also a reply port */
void mp_port_init_queue(struct mp_port *, void *data);

/* core/pool.c: what is sent before the start waits for it */
struct mp_pool {
	struct mp_port port;
	struct mp_thread *thread;
	uint32_t threads;
};
void mp_pool_init(struct mp_pool *, mp_handler_fn *, void *data);
/*
 * The threads are the user's memory.  0; or -EAGAIN, -ENOMEM when one cannot
 * be had, and then the pool has been stopped.
 */
int mp_pool_start(struct mp_pool *, struct mp_thread *, uint32_t threads);
/* Closes, ends what is queued, joins the threads, finishes the port. */
void mp_pool_stop(struct mp_pool *);

/* core/reply.c: reply ports */
/* The message is idle again when fn gets it; fn must not sleep. */
void mp_port_init_callback(struct mp_port *, mp_reply_fn *, void *data);
void mp_port_init_discard(struct mp_port *);
void mp_port_init_count(struct mp_port *);
/* Until n have completed since init, also when closed: 0 or -ETIMEDOUT. */
int mp_count_wait(struct mp_port *, uint32_t n, uint64_t deadline_ns);

#ifdef __cplusplus
}
#endif

#endif
