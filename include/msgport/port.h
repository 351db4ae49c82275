/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MSGPORT_PORT_H
#define MSGPORT_PORT_H

/*
 * Ports: where messages go.
 *
 * A port is a structure that begins with the pointer to its agent, the
 * function that takes a message.  It lives in its owner's memory, does not
 * move while it is initialised, and mp_SendMsg never changes after that: a
 * closed port has the same agent, which refuses.
 *
 * Life: an _init of <msgport/agent.h>, sends, mp_port_close(), mp_port_fini().
 * Calls take no reference: whoever hands out a bare pointer guarantees that
 * the port outlives its callers.  A port that is found by name is counted, and
 * may be used again when its count is zero and `released' was called.
 *
 * Between _init and the first send, attach or parity the owner may set the
 * public fields.
 */

#include <msgport/msg.h>

#ifdef __cplusplus
extern "C" {
#endif

struct mp_buf;
struct mp_iface;
struct mp_parity;
struct mp_stat;

enum mp_port_flag {
	MP_PORT_MAY_BLOCK = 1u << 0, /* its handler may sleep */
	MP_PORT_NO_SPIN = 1u << 1,   /* those who wait for it sleep at once */
};

/* Why a message was not run in its sender's thread, though it might have. */
enum mp_refusal {
	MP_REFUSED_BUSY,      /* a serial port that another thread holds */
	MP_REFUSED_REENTRANT, /* a serial port that this thread holds */
	MP_REFUSED_STACK,     /* too little stack is left */
	MP_REFUSED_BLOCKING,  /* MAY_BLOCK, and the sender must not wait */
	MP_REFUSED_FULL,      /* no room in the queue */
	MP_REFUSED_CLOSED,    /* the port is closed */
	MP_REFUSED_PARITY,    /* a parity mode forced it */
	MP_REFUSALS
};

/* The rarer operations of a kind of port; one constant table a kind. */
struct mp_port_ops {
	const char *kind;
	/* Delivers a completed message here, to its reply port. */
	void (*reply)(struct mp_port *, struct mp_msg *);
	/*
	 * Tells the agent to end a message that it holds; NULL: it asks.  It
	 * may be told more than once.  This runs under a lock of the library:
	 * it must not sleep, and a lock that it takes must not be held by
	 * anybody who replies, forwards, cancels, waits or closes.
	 */
	void (*cancel)(struct mp_port *, struct mp_msg *);
	/* Waits until a refused message may fit: 0, -ETIMEDOUT or -EPIPE. */
	int (*room)(struct mp_port *, uint64_t deadline_ns);
	/* Where all goes that passes here; NULL: it ends here. */
	struct mp_port *(*behind)(struct mp_port *);
	/* For mp_buf_get() and mp_buf_put(); NULL: plain memory. */
	int (*buf_get)(struct mp_port *, uint64_t len, struct mp_buf *);
	void (*buf_put)(struct mp_port *, const struct mp_buf *);
};

/* What mp_port_stats() tells; refusals are exact. */
struct mp_port_stats {
	const char *kind;
	uint32_t refused[MP_REFUSALS];
	uint32_t depth;	    /* requests queued now */
	uint32_t depth_max; /* the bound */
	uint32_t held;	    /* requests taken and not yet completed */
	uint32_t wakes;	    /* system calls made to wake somebody here */
	bool closed;
};

struct mp_sleeper;

struct mp_queue {
	struct mp_msg *head;
	struct mp_msg *tail;
};

struct mp_port {
	int (*mp_SendMsg)(struct mp_port *, struct mp_msg *);
	union {
		int (*handler)(struct mp_port *, struct mp_msg *);
		void (*callback)(struct mp_port *, struct mp_msg *);
	};
	void *data; /* the owner's; handlers find their instance here */
	const struct mp_iface *iface;	    /* what it speaks, or NULL */
	const char *name;		    /* for people, or NULL */
	void (*released)(struct mp_port *); /* its count came to zero */
	uint32_t flags;	    /* enum mp_port_flag; upper half private */
	uint32_t depth_max; /* bound of its queue */

	/* Private from here on. */
	const struct mp_port_ops *ops;

	/* What senders touch: one line, if the port is so aligned. */
	struct mp_lock put; /* the inner one of two: core/queue.c */
	uint32_t sent;	    /* atomic: requests queued, all told */
	uint32_t limit;	    /* a sender who finds it reached looks closer */
	int32_t cpu;	    /* where its receiver runs, -1 asleep or unknown */
	int32_t peer_cpu;   /* where its last sender ran */
	uint32_t out_even;  /* atomic: to be added to `out' */
	uintptr_t inbox;    /* atomic: requests just sent: the last of a ring */
	struct mp_sleeper *receivers; /* asleep, or about to be */
	struct mp_stat *stat;
	struct mp_parity *parity;
	int32_t fd;    /* of mp_port_fd(), or -1 */
	uint32_t refs; /* atomic */

	/* What receivers touch, and who is inside a serial port. */
	struct mp_lock lock;
	uint32_t taken;		    /* atomic: how many of `sent' have left */
	struct mp_queue request[2]; /* ordinary, priority */
	union {
		uintptr_t owner; /* the one thread that receives, or 0, 1 */
		struct mp_port *next; /* where a filter forwards to */
	};
	union {
		uint32_t pending; /* atomic: something may be linked here */
		uint32_t serial;  /* atomic: core/serial.c */
		uint32_t count;	  /* counting ports: completions so far */
	};
	int32_t inside_cpu; /* where a serial port's handler runs */
	uint32_t wakes;
	uint32_t out_odd; /* as out_even */

	struct mp_queue done;	    /* replies */
	struct mp_sleeper *callers; /* wait for room, or for close */
	uint32_t refused[MP_REFUSALS];
	uint32_t held[2]; /* atomic: taken, not completed; an epoch each */
	uint32_t out;	  /* atomic: messages whose reply port this is */
};

MP_STATIC_ASSERT(offsetof(struct mp_port, mp_SendMsg) == 0, "the agent first");
/* The kernel's lock is longer, and so aligned that a gap follows each. */
MP_STATIC_ASSERT(sizeof(struct mp_port) - 2 * sizeof(struct mp_lock) <=
			 (sizeof(struct mp_lock) == 4 ? 248 : 256),
		 "a port is four lines");

/*
 * core/queue.c: by the receiver.  NULL: closed (try: or empty).
 *
 * The first thread that receives is taken for the owner, who also completes
 * what he received; a call that would then wait for itself in a ring ends with
 * EDEADLK.  Who passes received messages on to other threads, or leaves the
 * port to another, has a second thread receive here once: such a port has no
 * one owner, and is not looked at.
 */
struct mp_msg *mp_recv(struct mp_port *);
struct mp_msg *mp_tryrecv(struct mp_port *);
/* 0 and a message, or -ETIMEDOUT, or -EPIPE when closed. */
int mp_recv_until(struct mp_port *, uint64_t deadline_ns, struct mp_msg **);

/* core/port.c */
/* Refuses later sends and ends what is queued, both with EPIPE. */
void mp_port_close(struct mp_port *);
/*
 * Closes, and waits until all that it took is completed or forwarded, and no
 * message that is out has it as reply port.  No thread sends or receives here
 * any more, and nobody counts it: a published port is withdrawn and `released'.
 */
void mp_port_fini(struct mp_port *);
/*
 * Returns when all that was queued here before has left this port: completed,
 * or forwarded, and then counted by the next one.  0 or -EDEADLK.
 */
int mp_port_barrier(struct mp_port *);
struct mp_port *mp_port_ref(struct mp_port *);
void mp_port_unref(struct mp_port *);
void mp_port_stats(struct mp_port *, struct mp_port_stats *);
/* Counts and times what passes from now on; NULL stops.  <msgport/stat.h> */
void mp_port_attach(struct mp_port *, struct mp_stat *);
/*
 * A descriptor that is readable while something is queued, for poll(2), made
 * on first use; mp_tryrecv() that finds nothing makes it unreadable again.
 * A negative errno if none can be had.
 */
int mp_port_fd(struct mp_port *);

#ifdef __cplusplus
}
#endif

#endif
