/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A serial port that several threads call at once, beside a pthread mutex
 * around the same handler, which updates one cache line.
 */
#include "bench.h"

#include <msgport/agent.h>

#include <pthread.h>
#include <stdio.h>

enum { CALLS = 8000 };

static _Alignas(BENCH_LINE) struct mp_port port;
static _Alignas(BENCH_LINE) pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static _Alignas(BENCH_LINE) uint64_t sum[BENCH_LINE / 8];
static uint64_t each;

static int
handle(struct mp_port *p, struct mp_msg *m)
{
	(void)p;
	for (int i = 0; i < BENCH_LINE / 8; i++)
		sum[i] += m->op;
	return 0;
}

static void
through_port(unsigned thread)
{
	struct mp_msg m = MP_MSG(1);

	(void)thread;
	for (uint64_t i = 0; i < each; i++)
		mp_call(&port, &m);
}

static void
through_mutex(unsigned thread)
{
	struct mp_msg m = MP_MSG(1);

	(void)thread;
	for (uint64_t i = 0; i < each; i++) {
		pthread_mutex_lock(&mutex);
		handle(&port, &m);
		pthread_mutex_unlock(&mutex);
	}
}

static uint64_t
crowd(uint64_t n, unsigned threads, void (*run)(unsigned))
{
	uint64_t before = sum[0];
	uint64_t ns;

	each = n / threads;
	ns = bench_crowd(threads, run);
	bench_need(sum[0] - before == each * threads, "a call is missing");
	return ns;
}

static uint64_t
port_2(uint64_t n)
{
	return crowd(n, 2, through_port);
}

static uint64_t
port_8(uint64_t n)
{
	return crowd(n, 8, through_port);
}

static uint64_t
mutex_2(uint64_t n)
{
	return crowd(n, 2, through_mutex);
}

static uint64_t
mutex_8(uint64_t n)
{
	return crowd(n, 8, through_mutex);
}

int
main(void)
{
	mp_port_init_serial(&port, handle, NULL);
	printf("# contended: threads in turn on CPU 1 and CPU 0, calling"
	       " without a pause\n");
	bench_throughput("serial-2-threads-mutex", port_2, mutex_2, CALLS);
	bench_throughput("serial-8-threads-mutex", port_8, mutex_8, CALLS);
	mp_port_fini(&port);
	return 0;
}
