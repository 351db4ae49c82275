/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef OS_SIM_H
#define OS_SIM_H

/*
 * The simulated machine: core/ on threads that are stepped one at a time.
 *
 * sim_seeds() runs root() once for each seed, as the first thread of a new
 * run; what it starts is over when it has joined it.  SIM_SEED=n in the
 * environment runs that seed alone, which replays it exactly; SIM_TIMES=n runs
 * n times as many.
 *
 * sim_exhaust() runs root() through every schedule instead, and prunes at
 * states of the whole memory that it has seen; at most `bound' switches away
 * from a thread that could go on, if that is not negative.
 *
 * Plain memory of one thread that is written both by os_store() and without it
 * needs sim_fence() in between, as the buffer does not see the latter.
 * What a run leaves in static memory the next one finds.
 */

#include "../core/os.h"
#include "t.h"
#include <msgport/port.h>

void sim_seeds(void (*root)(void *), void *arg, uint32_t seeds);
/* The number of states. */
uint64_t sim_exhaust(void (*root)(void *), void *arg, int bound);
/* True if some seed fails, or any schedule if 0; in a child that is silent. */
bool sim_catches(void (*root)(void *), void *arg, uint32_t seeds);

int sim_start(void (*fn)(void *), void *arg);
void sim_join(int thread);
void sim_join_all(void);
/* 0..n-1, of the seed; exhaustively each. */
uint32_t sim_choose(uint32_t n);
void sim_fence(void);
void sim_sleep_until(uint64_t ns);
void sim_fd_wait(int fd);

/* Until the message is over, without waiting for it. */
void sim_await_idle(const struct mp_msg *);
/* mp_port_fini(), which leaves nothing behind; the port is dead. */
void sim_fini(struct mp_port *);

/* From now on whoever touches this has failed. */
void sim_dead(void *, size_t);
void sim_alive(void *, size_t);
/* For the trace. */
void sim_name(const void *, size_t, const char *);
/* What this run is, for who reads that it failed. */
void sim_about(const char *);
void sim_fail(const char *fmt, ...)
	__attribute__((format(printf, 1, 2), noreturn));

#define SIM_CHECK(x) \
	((x) ? (void)0 : sim_fail("%s:%d: %s", __FILE__, __LINE__, #x))
#define SIM_EQ(a, b) \
	sim_eq(__FILE__, __LINE__, #a " == " #b, (intptr_t)(a), (intptr_t)(b))
void sim_eq(const char *file, int line, const char *what, intptr_t, intptr_t);

/* In what is left by a switch for good, which TSan takes for endless calls. */
#define SIM_NO_TSAN __attribute__((no_sanitize("thread")))

/* Between os_sim.c, what memory does, sim.c, who runs, and sim_run.c. */
#define SIM_THREADS 12
#define SIM_STORES 16
#define SIM_FDS 8
#define SIM_RANGES 32
#define SIM_STACK (256u << 10)
#define SIM_OWN_WAKE 0x7ffffffeu /* a count for wake-ups of the test's */
#define SIM_MACHINE SIM_THREADS	 /* who runs between runs */
#define SIM_TRACE 1024u		 /* a power of two */
#define SIM_CHOICES 65536u
#define SIM_NEVER_NS (UINT64_MAX / 8) /* the clock does not get there */
#define SIM_NO_BOUND 1000000
/* A power of two; sanitizers keep a shadow of it. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SIM_SEEN (1u << 18)
#else
#define SIM_SEEN (1u << 24)
#endif

enum sim_status {
	SIM_FREE,
	SIM_READY,
	SIM_PARKED, /* until somebody wakes its address */
	SIM_LOCKED, /* until the lock at its address is let go */
	SIM_DONE,
};

struct sim_store {
	void *at;
	uint64_t value;
	uint32_t size;
};

struct sim_thread {
	void *sp;
	void *fiber;
	char *stack;
	void (*fn)(void *);
	void *arg;
	enum sim_status status;
	uint32_t priority;
	const void *at; /* where it sleeps */
	uint64_t deadline_ns;
	bool timed_out;
	int32_t cpu;
	uint32_t wakes; /* os_wake() by it, but for SIM_OWN_WAKE */
	uint32_t stores;
	struct sim_store store[SIM_STORES];
};

struct sim_event {
	const char *what;
	const void *at;
	uint64_t value;
	const char *caller;
	uint32_t thread;
};

struct sim_range {
	char *at;
	size_t size;
	const char *name;
};

struct sim {
	struct sim_thread thread[SIM_THREADS + 1];
	uint32_t me;
	/* A bit for each thread. */
	uint32_t ready;
	uint32_t relaxed; /* of those, who spin */
	uint32_t buffered;
	uint32_t parked;
	uint32_t timed;
	bool running; /* root() is not over */
	bool exhaustive;
	bool one_cpu;
	uint64_t now_ns;
	uint64_t seed;
	uint64_t random;
	uint64_t steps;
	uint64_t turn; /* the step that began it */
	uint32_t fd_open, fd_readable;
	uint32_t dead_count, named_count;
	struct sim_range dead[SIM_RANGES], named[SIM_RANGES];
	char about[160];
	uint64_t events;
	struct sim_event event[SIM_TRACE];
};

/* What is chosen exhaustively, and how the seed chooses. */
struct search {
	uint32_t depth, length;
	uint16_t choice[SIM_CHOICES], of[SIM_CHOICES];
	uint64_t states, runs;
	bool pruned;
	int bound, switches;
	/* Random: a chance in 2^n, but of a priority in n. */
	uint32_t switch_shift, flush_shift, stray_shift, change;
	uint32_t lowest;
	uint64_t seen[SIM_SEEN];
};

extern struct sim *sim;
extern struct search *search;

/* test/os_sim.c */
void sim_flush_one(uint32_t thread);
void sim_drain(uint32_t thread);
void sim_sleep(enum sim_status, const void *at, uint64_t deadline_ns);
void sim_wake(uint32_t thread, bool timed_out);
void sim_tick(void);
void sim_dead_check(void);
void sim_memory_reset(void);

/* test/sim.c */
const char *sim_failing(void);
uint32_t sim_random(void);
void sim_turn(uint32_t thread);
/* Somebody else may run now, and does if this thread is not READY. */
void sim_point(void);

#endif
