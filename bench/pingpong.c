/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * mp_call to a thread that receives from a queue port, a 64-byte body each
 * way, beside what the machine can do at best in the same placement:
 *
 *	slots	the same bytes through two shared slots, polled
 *	line	one cache line with a counter that goes to and fro, polled
 *	futex	FUTEX_WAIT and FUTEX_WAKE on one word a side
 *
 * The client is on CPU 0; the server on CPU 1, or with it on CPU 0.
 */
#define _GNU_SOURCE
#include "bench.h"
#include "step.h"

#include <msgport/agent.h>

#include <linux/futex.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { POLLING = 4000, SLEEPING = 100, STEPPED = 8, OP_STOP = 1 };

struct body {
	uint64_t word[BENCH_LINE / 8];
};

struct request {
	_Alignas(BENCH_LINE) struct mp_msg msg;
	_Alignas(BENCH_LINE) struct body body;
};

struct slot {
	_Alignas(BENCH_LINE) struct body body;
	uint32_t turn;
};

static struct slot slot[2];
static _Alignas(BENCH_LINE) uint32_t line;
static _Alignas(BENCH_LINE) uint32_t word[2][BENCH_LINE / 4];
static _Alignas(BENCH_LINE) struct mp_port port;
static uint32_t port_flags;
static unsigned server_cpu;
static uint64_t turns;

static void
start(pthread_t *t, void *(*run)(void *), uint64_t n)
{
	turns = n;
	bench_need(pthread_create(t, NULL, run, NULL) == 0, "pthread_create");
}

static void
relax(void)
{
	__builtin_ia32_pause();
}

static uint32_t
load(const uint32_t *p)
{
	return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

static void
store(uint32_t *p, uint32_t v)
{
	__atomic_store_n(p, v, __ATOMIC_RELEASE);
}

/* What the server does to a body, so that all of it moves. */
static void
answer(struct body *out, const struct body *in)
{
	struct body b = *in;

	b.word[0]++;
	*out = b;
}

static void *
port_server(void *arg)
{
	struct request *r;
	struct mp_msg *m;
	uint32_t op;

	bench_pin(server_cpu);
	do {
		m = mp_recv(&port);
		r = MP_CONTAINER(m, struct request, msg);
		op = m->op;
		answer(&r->body, &r->body);
		mp_reply(m, 0);
	} while (op != OP_STOP);
	return arg;
}

static uint64_t
by_port(uint64_t n)
{
	struct request r = { .msg = MP_MSG(0) };
	struct body b = { { 0 } };
	pthread_t t;
	uint64_t begin;

	mp_port_init_queue(&port, NULL);
	port.flags |= port_flags;
	start(&t, port_server, n);
	mp_call(&port, &r.msg);
	begin = bench_now();
	for (uint64_t i = 0; i < n; i++) {
		r.body = b;
		mp_call(&port, &r.msg);
		b = r.body;
	}
	begin = bench_now() - begin;
	r.msg.op = OP_STOP;
	mp_call(&port, &r.msg);
	pthread_join(t, NULL);
	mp_port_fini(&port);
	return begin;
}

static void *
slot_server(void *arg)
{
	bench_pin(server_cpu);
	for (uint32_t i = 1; i <= turns; i++) {
		while (load(&slot[0].turn) != i)
			relax();
		answer(&slot[1].body, &slot[0].body);
		store(&slot[1].turn, i);
	}
	return arg;
}

static uint64_t
by_slots(uint64_t n)
{
	struct body b = { { 0 } };
	pthread_t t;
	uint64_t begin = 0;

	slot[0].turn = slot[1].turn = 0;
	start(&t, slot_server, n + 1);
	for (uint32_t i = 1; i <= n + 1; i++) {
		slot[0].body = b;
		store(&slot[0].turn, i);
		while (load(&slot[1].turn) != i)
			relax();
		b = slot[1].body;
		if (i == 1)
			begin = bench_now();
	}
	begin = bench_now() - begin;
	pthread_join(t, NULL);
	return begin;
}

static void *
line_server(void *arg)
{
	bench_pin(server_cpu);
	for (uint32_t i = 0; i < turns; i++) {
		while (load(&line) != 2 * i + 1)
			relax();
		store(&line, 2 * i + 2);
	}
	return arg;
}

static uint64_t
by_line(uint64_t n)
{
	pthread_t t;
	uint64_t begin = 0;

	line = 0;
	start(&t, line_server, n + 1);
	for (uint32_t i = 0; i <= n; i++) {
		store(&line, 2 * i + 1);
		while (load(&line) != 2 * i + 2)
			relax();
		if (i == 0)
			begin = bench_now();
	}
	begin = bench_now() - begin;
	pthread_join(t, NULL);
	return begin;
}

static void
wake(uint32_t *w, uint32_t v)
{
	store(w, v);
	syscall(SYS_futex, w, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void
sleep_until(uint32_t *w, uint32_t v)
{
	while (load(w) != v)
		syscall(SYS_futex, w, FUTEX_WAIT_PRIVATE, v - 1, NULL, NULL, 0);
}

static void *
futex_server(void *arg)
{
	bench_pin(server_cpu);
	for (uint32_t i = 1; i <= turns; i++) {
		sleep_until(&word[0][0], i);
		wake(&word[1][0], i);
	}
	return arg;
}

static uint64_t
by_futex(uint64_t n)
{
	pthread_t t;
	uint64_t begin = 0;

	word[0][0] = word[1][0] = 0;
	start(&t, futex_server, n + 1);
	for (uint32_t i = 1; i <= n + 1; i++) {
		wake(&word[0][0], i);
		sleep_until(&word[1][0], i);
		if (i == 1)
			begin = bench_now();
	}
	begin = bench_now() - begin;
	pthread_join(t, NULL);
	return begin;
}

static void
call_spinning(void)
{
	by_port(STEPPED);
}

/* Turns of spinning waits in STEPPED calls, threads' start and end included. */
static void
one_cpu(void)
{
	struct step s;

	bench_need(step_run(call_spinning, &s) == 0, "stepping needs ptrace");
	bench_value("call-one-cpu-spins", (double)s.pauses);
}

int
main(void)
{
	bench_pin(0);
	server_cpu = 1;
	printf("# polling: client on CPU 0, server on CPU 1, both running\n");
	bench_ratio("call-polling-slots", by_port, by_slots, POLLING);
	bench_ratio("call-polling-line", by_port, by_line, POLLING);
	printf("# sleeping: MP_PORT_NO_SPIN, client on CPU 0, server on 1\n");
	port_flags = MP_PORT_NO_SPIN;
	bench_ratio("call-sleeping-other-cpu", by_port, by_futex, SLEEPING);
	server_cpu = 0;
	printf("# sleeping: MP_PORT_NO_SPIN, client and server on CPU 0\n");
	bench_ratio("call-sleeping-same-cpu", by_port, by_futex, SLEEPING);
	printf("# may spin, client and server on CPU 0: turns of a spin in"
	       " %d calls\n",
	       STEPPED);
	port_flags = 0;
	one_cpu();
	return 0;
}
