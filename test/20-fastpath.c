/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What the fast paths promise, proven by stepping through them: an inline
 * mp_call executes no locked instruction (a serial port two), no system call
 * and no allocation, and few instructions more than a bare indirect call; and
 * two threads on one CPU never spin for each other.
 */
#define _GNU_SOURCE
#include "t.h"
#include "../bench/step.h"

#include <msgport/agent.h>

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>

enum { CALL_MORE = 48, SERIAL_MORE = 60, SERIAL_LOCKED = 2, CALLS = 8 };

static struct mp_port port, next;
static struct mp_msg msg = MP_MSG(1);
static uint32_t word, hits;

static int
handle(struct mp_port *p, struct mp_msg *m)
{
	(void)p;
	hits += m->op;
	return 0;
}

static int
look(struct mp_port *p, struct mp_msg *m)
{
	(void)p;
	(void)m;
	return 0;
}

static mp_handler_fn *volatile bare_handler = handle;
static mp_handler_fn *volatile bare_look = look;

static void
call_bare(void)
{
	bare_handler(&port, &msg);
}

/* A filter runs two functions: beside it stand two bare calls. */
static void
call_bare_filter(void)
{
	if (bare_look(&port, &msg) == 0)
		bare_handler(&port, &msg);
}

static void
call_port(void)
{
	mp_call(&port, &msg);
}

static struct step
step(void (*fn)(void))
{
	struct step s;

	CHECK_EQ(step_run(fn, &s), 0);
	return s;
}

/* What mp_call does more than a bare call, and nothing that is dear. */
static struct step
inline_call(void (*bare_calls)(void))
{
	struct step bare = step(bare_calls);
	struct step s = step(call_port);

	CHECK_EQ(s.syscalls, 0);
	CHECK_EQ(s.allocations, 0);
	CHECK_EQ(s.pauses, 0);
	CHECK(s.instructions > bare.instructions);
	s.instructions -= bare.instructions;
	return s;
}

static void
one_of_each(void)
{
	void *volatile heap = malloc(1);

	__atomic_fetch_add(&word, 1, __ATOMIC_RELAXED);
	__atomic_exchange_n(&word, 1, __ATOMIC_RELAXED);
	__asm__ volatile("mfence" ::: "memory");
	__asm__ volatile("pause" ::: "memory");
	syscall(SYS_getppid);
	free(heap);
}

TEST(the_counter_sees_one_of_each)
{
	struct step s = step(one_of_each);

	CHECK(s.locked >= 3);
	CHECK_EQ(s.pauses, 1);
	CHECK_EQ(s.syscalls, 1);
	CHECK_EQ(s.allocations, 2);
}

TEST(inline_call_of_a_call_port_is_plain_code)
{
	struct step s;

	mp_port_init_call(&port, handle, NULL);
	s = inline_call(call_bare);
	CHECK_EQ(s.locked, 0);
	CHECK(s.instructions <= CALL_MORE);
}

TEST(inline_call_of_a_filter_port_is_plain_code)
{
	struct step s;

	mp_port_init_call(&next, handle, NULL);
	mp_port_init_filter(&port, look, &next);
	s = inline_call(call_bare_filter);
	CHECK_EQ(s.locked, 0);
	CHECK(s.instructions <= CALL_MORE);
}

TEST(idle_serial_port_takes_two_locked_instructions)
{
	struct step s;

	mp_port_init_serial(&port, handle, NULL);
	s = inline_call(call_bare);
	CHECK(s.locked <= SERIAL_LOCKED);
	CHECK(s.instructions <= SERIAL_MORE);
}

static void
stay_here(void)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET((size_t)sched_getcpu(), &one);
	CHECK_EQ(sched_setaffinity(0, sizeof one, &one), 0);
}

static void *
serve(void *arg)
{
	struct mp_msg *m;

	while ((m = mp_recv(&port)) != NULL)
		mp_reply(m, 0);
	return arg;
}

static void
call_other_thread(void)
{
	pthread_t t;

	mp_port_init_queue(&port, NULL);
	pthread_create(&t, NULL, serve, NULL);
	for (int i = 0; i < CALLS; i++)
		mp_call(&port, &msg);
	mp_port_close(&port);
	pthread_join(t, NULL);
	mp_port_fini(&port);
}

TEST(threads_on_one_cpu_never_spin_for_each_other)
{
	struct step s;

	stay_here();
	s = step(call_other_thread);
	CHECK_EQ(s.pauses, 0);
}
