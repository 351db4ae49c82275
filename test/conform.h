/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef CONFORM_H
#define CONFORM_H

/*
 * The contract, as tests that any port must pass.
 *
 * A kind of target is a pointer to a port plus the few handles below, so the
 * same tests run against a port next door, a shim for another process, or
 * one for the kernel.  What the target's handler does is told by the message:
 *
 *	ECHO	    out.value = in.value + 1, the result is in.result
 *	HOLD	    kept until C_RELEASE; then as ECHO, or ECANCELED if so told
 *	GATE	    the handler itself sleeps until C_OPEN (fixtures only)
 *	CALL_SELF   the handler calls its own port: out.value is the code
 *	SEND_SELF   the handler sends to its own port; its reply is discarded
 *	ANSWER_PORT the handler sends one of its own to the reply port
 *
 * A test is run for each kind of reply port, verb and parity mode that its
 * table entry says matters.  Nothing here sleeps for a time: threads meet at
 * gates, and "it blocks" is read from the state of the thread.
 */

#include <msgport/agent.h>
#include <msgport/iface.h>
#include <msgport/iface_table.h>
#include <msgport/parity.h>
#include "../core/os.h"
#include "t.h"

#define C_DEPTH 16 /* bound of a target's queue */
#define C_HELD 64  /* messages a target can hold */
#define C_LOG 4096 /* values a target remembers */
#define C_ITEMS 64 /* messages a test may have out */
#define C_CLIENTS 6
/* Where schedules are tried by the thousand, each need not be long. */
#ifdef MP_OS_SIM
#define C_ROUNDS 4
#define C_DELAY 4
#else
#define C_ROUNDS 20
#define C_DELAY 512
#endif
#define C_VALUE 1000 /* in.value of the first message */

enum c_op {
	C_ECHO = 0x7c0000,
	C_HOLD,
	C_GATE,
	C_CALL_SELF,
	C_SEND_SELF,
	C_ANSWER_PORT,
	C_OP_END,
};

struct c_msg {
	struct mp_msg msg;
	struct {
		uint64_t value;
		int32_t result;
		uint32_t spare;
	} in;
	struct {
		uint64_t value;
	} out;
};

extern const struct mp_iface c_iface;

/* What no target can do where the compiler adds code of its own. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || \
	defined(MP_OS_SIM)
#define C_UNINSTRUMENTED (1u << 31)
#else
#define C_UNINSTRUMENTED 0
#endif

/* What a target can do, as far as tests need to know. */
enum c_can {
	C_INLINE = 1u << 0,  /* an idle port ends ECHO in the sender's thread */
	C_QUEUES = 1u << 1,  /* behind a shut gate requests stand in a queue */
	C_BOUNDED = 1u << 2, /* ... of at most C_DEPTH, or a few times that */
	C_PRIOR = 1u << 3,   /* ... in which priority counts */
	C_DROPS = 1u << 4,   /* ... from which they can be dropped */
	C_COUNTS = 1u << 5,  /* ... that mp_port_stats() counts */
	C_FIFO = 1u << 6,    /* handles requests one at a time, in order */
	C_BARRIER = 1u << 7, /* mp_port_barrier() knows what it has */
	C_LOCAL = 1u << 8,   /* its messages are the sender's own, not copies */
	C_CLOSES = 1u << 9,  /* mp_port_close() reaches its queue */
	C_LOCKFREE = 1u << 10,	 /* inline without a locked instruction */
	C_FINDS_SELF = 1u << 11, /* a handler may call its own port */
	/*
	 * Nothing stands between: a cancel is with the holder at once, a late
	 * message waits for him, what is queued is known not to have begun, and
	 * no thread but those of both sides takes part.
	 */
	C_NEAR = 1u << 13,
	C_DIES = 1u << 12, /* C_DIE works; of c_kind.dies */
};

enum c_control {
	C_SHUT, /* handlers stop before the next request */
	C_OPEN,
	C_RELEASE,	   /* completes the n oldest held */
	C_AWAIT_HELD,	   /* until n are held */
	C_AWAIT_CANCELLED, /* until the n-th held knows that it is cancelled */
	C_AWAIT_QUEUED,	   /* until n stand behind the gate */
	C_AWAIT_SEEN,	   /* until n requests have been handled or kept */
	C_DIE, /* the peer dies at the n-th request from now, 0: at once */
};

enum c_verb { C_CALL, C_SEND, C_RAW, C_VERBS };

enum c_reply {
	C_NONE,	 /* no reply port; waits on the message */
	C_QUEUE, /* mp_wait() */
	C_RECV,	 /* mp_recv() */
	C_CALLBACK,
	C_COUNT,
	C_DISCARD,
	C_REPLIES
};

enum { C_MODES = 4 };

struct conform;

struct c_kind {
	const char *name;
	uint32_t can;
	uint32_t modes; /* bit i: parity mode i of c_mode_name[] */
	uint32_t dies;	/* of those, in which it can be killed */
	/* Sets c->port; modes is for mp_parity_start(). */
	void (*start)(struct conform *, uint32_t modes);
	/* All messages are over; what a dead peer still has is let go. */
	void (*stop)(struct conform *);
	void (*control)(struct conform *, enum c_control, uint32_t n);
	/* The in.values handled so far, in order; returns how many. */
	uint32_t (*seen)(struct conform *, uint64_t *to, uint32_t max);
};

struct c_item {
	struct c_msg m;
	uint32_t ended; /* completions that a callback saw */
};

/* Who sends: the test itself, or a thread of its own. */
struct c_client {
	struct conform *c;
	struct mp_port port; /* its reply port, of c->reply's kind */
	struct mp_port *reply;
	uint32_t expected; /* count ports: completions so far */
	struct mp_thread thread;
	uint32_t begun;
	uint32_t tid;
	struct c_item *item;
	int code;
	uint32_t ended;
};

struct conform {
	const struct c_kind *kind;
	struct mp_port *port;
	enum c_verb verb;
	enum c_reply reply;
	uint32_t mode;
	uint32_t can;
	struct c_client client[C_CLIENTS]; /* 0 is the test's own thread */
	struct c_item item[C_ITEMS];
	uint32_t scratch; /* a test's own */
};

/* What an entry needs and along what it varies. */
enum c_vary {
	V_REPLY = 1u << 0, /* each reply port */
	V_VERB = 1u << 1,  /* call, send, raw */
	V_MODE = 1u << 2,  /* each parity mode */
	V_ASYNC = 1u << 3, /* ... but no call: the sender goes on meanwhile */
	V_WAITABLE = 1u << 4, /* ... and only if mp_wait() works on it */
	V_QUEUE = 1u << 5,    /* only a reply port with a queue */
	V_SEND = 1u << 6,     /* only mp_send */
	V_CALL = 1u << 7,     /* only mp_call */
};
#define V_ALL (V_REPLY | V_VERB | V_MODE)

struct c_test {
	const char *name;
	void (*fn)(struct conform *);
	uint32_t need; /* enum c_can */
	uint32_t vary; /* enum c_vary */
};

/* What a test is run with. */
struct c_case {
	const struct c_kind *kind;
	const struct c_test *test;
	enum c_verb verb;
	enum c_reply reply;
	uint32_t mode;
};

extern const struct c_test c_life[], c_fast[], c_queue[], c_wake[], c_cancel[],
	c_close[], c_death[];
extern const struct c_test *const c_tables[]; /* all of these, then NULL */
extern const char *const c_mode_name[C_MODES];
extern const char *const c_reply_name[C_REPLIES];

/* Every test that fits, for this kind of target; from t_setup(). */
void conform_add(const struct c_kind *);
/* The cases that fit, `max' at most; how many. */
uint32_t conform_cases(const struct c_kind *, const struct c_test *,
		       struct c_case *, uint32_t max);
void conform_run(const struct c_case *);
void conform_name(const struct c_case *, char *, size_t);
#define C_NAME 160 /* bytes of it */

/* The kinds of this address space, conform_kind.c; NULL ends the list. */
extern const struct c_kind *const c_direct[];

/* The same behind a process link, conform_process.c. */
void conform_process(void);

/* A message of the test's, ready to send. */
struct c_item *c_item(struct conform *, uint32_t i, uint32_t op);
void c_client_init(struct conform *, struct c_client *);
/* Sends by the verb and sees it through: the result, checked to be one. */
int c_do(struct c_client *, struct c_item *);
/* Only sends: EASYNC if it is out, else the code. */
int c_begin(struct c_client *, struct c_item *);
/* Waits for the end of what c_begin() sent. */
int c_end(struct c_client *, struct c_item *);
/* In a thread of the client's; c_join() gives the result. */
void c_start(struct c_client *, struct c_item *);
int c_join(struct c_client *);
/* By a thread of the client's. */
void c_begun(struct c_client *);
/* Until it sleeps for the end of its message; fails if it ends instead. */
void c_await_asleep(struct c_client *);
/* What to try when a deadline in ns nanoseconds has come too early. */
uint64_t c_later(uint64_t ns);
/* In such a thread, until it slept for its message when the time was up. */
void c_expire(struct c_client *, struct c_item *);
/* No completion waits at the client's reply port, or was given by it. */
void c_no_more(struct c_client *, struct c_item *);
/* A parity thread stands between: what is sent arrives in its own time. */
bool c_is_async(const struct conform *);
void c_control(struct conform *, enum c_control, uint32_t n);
/* Held or queued, then over: something is out meanwhile. */
void c_release(struct conform *, uint32_t n);

/* Gates: a counter that one side raises and another waits for. */
void c_post(uint32_t *gate);
void c_await(uint32_t *gate, uint32_t at_least);

/* A lock that wakes nobody. */
void c_lock(uint32_t *);
void c_unlock(uint32_t *);

/* conform_os.c, or conform_sim.c on the simulated machine */
uint32_t c_thread_id(void);
/* Until the thread sleeps in the kernel, or *ended is set: false. */
bool c_sleeps(uint32_t thread, uint32_t *ended);
void c_yield(void);
/* Runs on the n-th CPU from now on; UINT32_MAX: on any. */
void c_migrate(uint32_t n);
/* What a program that runs the suite makes its syscall() of: it counts. */
long c_syscall(long number, const long argument[6]);
/* Wake-ups this thread has asked of the system, but for the tests' own. */
uint32_t c_wakes(void);
#define C_OWN_WAKE 0x7ffffffeu /* that many are not counted */
/* Lets a thread's sleep end for no reason. */
void c_disturb(uint32_t thread);
/* In a child that dies of any system call. */
bool c_makes_no_system_call(struct c_client *, struct c_item *);
void *c_page_get(size_t);
/* Whoever touches it from now on ends the test. */
void c_page_kill(void *, size_t);
void c_page_put(void *, size_t);
/* Seeded: the next of a sequence. */
uint32_t c_random(uint32_t *seed);

#endif
