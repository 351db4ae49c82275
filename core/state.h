/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef CORE_STATE_H
#define CORE_STATE_H

/*
 * The state word of a message, and what else core/ keeps to itself.
 *
 *	IDLE	 the sender's: never sent, or completed
 *	ARMED	 the sender's, inside mp_call or mp_send, not yet taken
 *	RUN	 an agent works on it in the sending thread
 *	QUEUED	 linked on a request queue of its target
 *	GRANTED	 a serial port's, unlinked: its waiting sender is to run it
 *	HELD	 taken; its one holder completes it
 *	ENDING	 an ender has won it and is about to complete it
 *	REPLIED	 completed and linked on its reply port
 *
 *	IDLE -> ARMED -> RUN -> IDLE		inline, the sending thread alone
 *	ARMED, RUN -> QUEUED | HELD		the agent keeps it
 *	QUEUED -> HELD | GRANTED | ENDING	received | handed over | won by
 *						cancel, drop, close, deadline
 *	HELD | ENDING -> IDLE | REPLIED		completed
 *	REPLIED -> IDLE				fetched
 *
 * While it runs inline only the sending thread changes the phase, by plain
 * stores; another thread may only set CANCEL, which ends with the run.  From
 * QUEUED on every change is a compare-and-swap, because
 * the sender sets WAITING and a canceller CANCEL at any time; whoever takes
 * the message out of QUEUED owns its links.  model/state.pml checks all this.
 *
 * QUEUED holds exactly while the message is linked, but for an ender, who
 * makes it ENDING first and unlinks it then: the port cannot go away under him
 * because closing it waits until its queues are empty.
 */

#include "os.h"
#include <msgport/port.h>

/* IDLE | RUN and ARMED | RUN are RUN. */
enum state_phase {
	ST_IDLE = 0,
	ST_ARMED = 1,
	ST_RUN = 3,
	ST_QUEUED = 4,
	ST_GRANTED = 5,
	ST_HELD = 6,
	ST_ENDING = 7,
	ST_REPLIED = 8,
};

#define ST_PHASE 0xfu
#define ST_UNSENDABLE 0xeu /* bits that neither IDLE nor ARMED has */
#define ST_NOTIFY 0x20u	   /* being sent by mp_msg_notify() */
/* Up to here the sending thread's while it is ARMED or RUN; one byte. */
#define ST_WAITING 0x100u  /* somebody sleeps on the word, or is about to */
#define ST_CANCEL 0x200u   /* it should end early */
#define ST_EXPIRED 0x400u  /* ... because its own deadline passed */
#define ST_COUNTED 0x800u  /* m->reply->out counts it */
#define ST_EPOCH 0x1000u   /* which m->target->held counts it */
#define ST_FORWARD 0x2000u /* HELD, and offered to the next port */
#define ST_SPIN 0x4000u	   /* the other side runs on another CPU */
#define ST_SYNC 0x8000u	   /* completes to its waiter, not to m->reply */

/* In the upper half of mp_port.flags. */
#define GATE_CLOSED 0x10000u
#define GATE_STAT 0x20000u
#define GATE_PARITY 0x40000u
/* Any of these leads an agent to its slow path. */
#define GATE_ANY (0x7fff0000u | MP_PORT_MAY_BLOCK)
#define GATE_EPOCH 0x80000000u /* which count of held[] counts now */

/* A count that somebody may wait for to become zero. */
#define COUNT_WAITER 0x80000000u

#define MP_SPIN_MAX 2000 /* turns before a waiter sleeps */

/* Somebody who sleeps at a port; on his stack, linked under the port's lock. */
struct mp_sleeper {
	struct mp_sleeper *next;
	uint32_t woken;
	uint32_t until; /* counting ports: the count that wakes it */
};

/* In mp_port.owner: more than one thread has received. */
#define OWNER_MANY 1u

static inline uint32_t
phase(uint32_t state)
{
	return state & ST_PHASE;
}

static inline uint32_t
with_phase(uint32_t state, uint32_t to)
{
	return (state & ~ST_PHASE) | to;
}

/* Those who hold the gate may look at the target of a message in flight. */
static inline void
set_target(struct mp_msg *m, struct mp_port *p)
{
	__atomic_store_n(&m->target, p, __ATOMIC_RELAXED);
}

static inline struct mp_port *
target_of(const struct mp_msg *m)
{
	return __atomic_load_n(&m->target, __ATOMIC_RELAXED);
}

/* Where the other side runs is a hint, looked at without the lock. */
static inline void
set_cpu(int32_t *where, int32_t cpu)
{
	__atomic_store_n(where, cpu, __ATOMIC_RELAXED);
}

static inline int32_t
cpu_at(const int32_t *where)
{
	return __atomic_load_n(where, __ATOMIC_RELAXED);
}

/* set_cpu() where another CPU reads that line all the time. */
static inline void
note_cpu(int32_t *where, int32_t cpu)
{
	if (cpu_at(where) != cpu)
		set_cpu(where, cpu);
}

/* True if the other side is known to run, and not on this CPU. */
static inline bool
runs_elsewhere(const struct mp_port *p, const int32_t *where)
{
	int32_t cpu = cpu_at(where);

	return cpu >= 0 && cpu != os_cpu() &&
	       (os_load(&p->flags) & MP_PORT_NO_SPIN) == 0;
}

static inline uint32_t
epoch_of(const struct mp_port *p)
{
	return (os_load(&p->flags) & GATE_EPOCH) != 0;
}

/* Requests queued. */
static inline uint32_t
queue_depth(const struct mp_port *p)
{
	return os_load(&p->sent) - os_load(&p->taken);
}

/* core/port.c */
void port_init(struct mp_port *, const struct mp_port_ops *,
	       int (*agent)(struct mp_port *, struct mp_msg *));
void port_refused(struct mp_port *, enum mp_refusal);
/* One message more that is to come back to this port. */
void count_out(struct mp_port *);
void count_down(uint32_t *);
void count_wait(uint32_t *);
/*
 * Under the port's lock, which it gives up while it sleeps and has again when
 * it returns: true if a waker chose this sleeper, false on the deadline.
 */
bool sleeper_park(struct mp_port *, struct mp_sleeper **list,
		  struct mp_sleeper *, uint64_t deadline_ns);
/* Under the lock: the address to wake once the lock is free, or NULL. */
const uint32_t *sleeper_pop(struct mp_port *, struct mp_sleeper **list);
void wake_one(const uint32_t *);
/* The reply method of a port that is no reply port: a panic by name. */
void port_no_reply(struct mp_port *, struct mp_msg *);

/* core/queue.c, under the port's lock but queue_reply and queue_fetch */
void queue_link(struct mp_queue *, struct mp_msg *);
void queue_unlink(struct mp_queue *, struct mp_msg *);
void queue_reply(struct mp_port *, struct mp_msg *);
/* Takes over what is in the inbox; under both locks. */
void queue_take_over(struct mp_port *);
/* Accepts and links a request: EASYNC, or the refusal. */
int queue_put(struct mp_port *, struct mp_msg *);
/* The next request, its phase changed to `to', or NULL. */
struct mp_msg *queue_get(struct mp_port *, uint32_t to);
/* Takes out a request that an ender has won; the address of a caller. */
const uint32_t *queue_take_out(struct mp_port *, struct mp_msg *);
/* The same for a port that nothing stands before, whatever its gate says. */
int queue_wait_room(struct mp_port *, uint64_t deadline_ns);
int queue_room(struct mp_port *, uint64_t deadline_ns);
/* A reply that its sender waits for. */
int queue_fetch(struct mp_msg *);

/* core/agent.c: for a port whose gate is shut, or a message not to be sent */
int agent_check(struct mp_port *, struct mp_msg *);
/* The same, and whether its handler may run here and now. */
int agent_inline_check(struct mp_port *, struct mp_msg *);
int agent_run_slow(struct mp_port *, struct mp_msg *);
int agent_finish_odd(struct mp_msg *, int code);

/*
 * What stands between a port's agent and its handler in a parity mode, if
 * anything does.  Called for a port whose gate has GATE_PARITY.
 */
struct mp_parity_ops {
	bool (*takes)(const struct mp_port *, const struct mp_msg *);
	int (*send)(struct mp_port *, struct mp_msg *);
	int (*room)(struct mp_port *, uint64_t deadline_ns);
	void (*cancel)(struct mp_port *, struct mp_msg *);
};

/* core/agent.c: these look at the gate first */
bool parity_takes(const struct mp_port *, const struct mp_msg *);
int parity_send(struct mp_port *, struct mp_msg *);
int parity_room(struct mp_port *, uint64_t deadline_ns);
void parity_cancel(struct mp_port *, struct mp_msg *);

/* core/stat.c */
void stat_inline(struct mp_port *, uint64_t ns);
void stat_queued(struct mp_port *);

/* core/reply.c */
void msg_end(struct mp_msg *, int result);
/*
 * The step that completes: HELD or ENDING to IDLE, or to ENDING for a reply
 * port that has more to do.  The result is written.  Waits, without a lock
 * held by the caller, for a cancel hook that is at work; gives the old word.
 */
uint32_t msg_leave(struct mp_msg *, uint32_t to);
/* False, and nothing done, if it was to be queued and is cancelled. */
bool msg_taken(struct mp_port *, struct mp_msg *, uint32_t to);

/* core/serial.c */
void serial_granted(struct mp_msg *);

/* core/cancel.c */
/* Whoever wins a QUEUED message is to take it out and end it. */
bool msg_claim(struct mp_msg *, uint32_t *state, uint32_t add);
void msg_end_claimed(struct mp_msg *, int result);
void msg_expire(struct mp_msg *);
/* True if a request just taken from a queue is too late, and has been ended. */
bool msg_is_over(struct mp_msg *);

/* core/gate.c */
struct sleep {
	struct sleep *next;
	uintptr_t self;
	struct mp_msg *msg;    /* what it waits for, or NULL and */
	struct mp_port *port;  /* the port that is full, where it sleeps as */
	struct mp_sleeper *at; /* this */
	bool broken;	       /* under the port's lock: do not wait for room */
};

bool gate_enter(void);
void gate_leave(bool entered);
void gate_barrier(void);
int sleep_enter(struct sleep *);
void sleep_leave(struct sleep *);
/* m, which may be gone, was forwarded and somebody may sleep for it. */
void sleep_moved(const struct mp_msg *);

/* The one test on the fast path, and what it leads to is agent_check(). */
static inline bool
agent_is_slow(const struct mp_port *p, const struct mp_msg *m)
{
	return os_any(&p->flags, GATE_ANY) || os_any(&m->state, ST_UNSENDABLE);
}

/* The same for an inline agent; that its handler may block is no hindrance. */
static inline bool
agent_is_shut(const struct mp_port *p, const struct mp_msg *m)
{
	const uint32_t hard = GATE_ANY & ~(uint32_t)MP_PORT_MAY_BLOCK;

	if (os_any(&m->state, ST_UNSENDABLE))
		return true;
	if (__builtin_expect(!os_any(&p->flags, GATE_ANY), 1))
		return false;
	return os_any(&p->flags, hard) ||
	       (!os_any(&m->flags, MP_MSG_MAYBLOCK) &&
		!os_any(&m->state, ST_SYNC));
}

/* In the sending thread, of a message that may be sent. */
static inline void
agent_start(struct mp_port *p, struct mp_msg *m)
{
	set_target(m, p);
	os_set_byte(&m->state, ST_RUN);
}

static inline int
agent_finish(struct mp_msg *m, int code)
{
	if (!os_byte_is(&m->state, ST_RUN))
		return agent_finish_odd(m, code);
	m->result = code;
	os_store_release(&m->state, ST_IDLE);
	return code;
}

#endif
