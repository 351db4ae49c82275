/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * mp_call in the sender's thread, beside a bare indirect call of the same
 * handler: call, filter and idle serial ports.
 */
#include "bench.h"
#include "step.h"

#include <msgport/agent.h>

#include <stdio.h>

enum { CALLS = 50000 };

static struct mp_port call, filter, serial;
static uint32_t hits;

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

static uint64_t
bare(uint64_t n)
{
	struct mp_msg m = MP_MSG(1);
	mp_handler_fn *volatile fn = handle;
	uint64_t start = bench_now();

	for (uint64_t i = 0; i < n; i++)
		fn(&call, &m);
	return bench_now() - start;
}

static uint64_t
through(struct mp_port *p, uint64_t n)
{
	struct mp_msg m = MP_MSG(1);
	uint64_t start = bench_now();

	for (uint64_t i = 0; i < n; i++)
		mp_call(p, &m);
	return bench_now() - start;
}

static uint64_t
through_call(uint64_t n)
{
	return through(&call, n);
}

static uint64_t
through_filter(uint64_t n)
{
	return through(&filter, n);
}

static uint64_t
through_serial(uint64_t n)
{
	return through(&serial, n);
}

static struct mp_port *stepped;
static struct mp_msg msg = MP_MSG(1);
static mp_handler_fn *volatile handler = handle;

static void
step_bare(void)
{
	handler(stepped, &msg);
}

static void
step_call(void)
{
	mp_call(stepped, &msg);
}

/* Instructions more than the one bare call, and locked ones. */
static void
instructions(const char *kind, struct mp_port *p)
{
	char name[64];
	struct step mine;
	struct step limit;

	stepped = p;
	bench_need(step_run(step_call, &mine) == 0 &&
			   step_run(step_bare, &limit) == 0,
		   "stepping needs ptrace");
	snprintf(name, sizeof name, "inline-%s-instructions", kind);
	bench_value(name, (double)(mine.instructions - limit.instructions));
	snprintf(name, sizeof name, "inline-%s-locked", kind);
	bench_value(name, (double)mine.locked);
}

int
main(void)
{
	bench_pin(0);
	mp_port_init_call(&call, handle, NULL);
	mp_port_init_filter(&filter, look, &call);
	mp_port_init_serial(&serial, handle, NULL);
	printf("# inline: one thread on CPU 0; nanoseconds more than a bare"
	       " indirect call\n");
	bench_more("inline-call-ns", through_call, bare, CALLS);
	bench_more("inline-filter-ns", through_filter, bare, CALLS);
	bench_more("inline-serial-ns", through_serial, bare, CALLS);
	printf("# inline: stepped, exact\n");
	instructions("call", &call);
	instructions("filter", &filter);
	instructions("serial", &serial);
	mp_port_fini(&filter);
	mp_port_fini(&call);
	mp_port_fini(&serial);
	return 0;
}
