/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * One-way sends of 32 bytes from 1, 2 and 8 threads into one queue port,
 * beside
 *
 *	wfcqueue	liburcu's, with no bound and no completion, and with
 *			the port's policy of waking: a consumer that finds
 *			nothing spins if the last producer ran on another CPU,
 *			then sleeps, and is woken only if it sleeps
 *	zmq		PUSH to PULL over inproc
 *
 * The receiver is on CPU 1, the senders in turn on CPU 0 and CPU 1.
 */
#define _GNU_SOURCE
#include "bench.h"

#include <msgport/agent.h>

#include <linux/futex.h>
#include <sched.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <urcu/wfcqueue.h>
#include <zmq.h>

enum { SENDS = 4000, SPIN = 2000, PAYLOAD = 32 };

struct payload {
	unsigned char byte[PAYLOAD];
};

struct item {
	_Alignas(BENCH_LINE) struct mp_msg msg;
	struct payload payload;
};

struct node {
	_Alignas(BENCH_LINE) struct cds_wfcq_node link;
	struct payload payload;
};

static struct item item[SENDS];
static struct node node[SENDS];
static _Alignas(BENCH_LINE) struct mp_port port;
static struct mp_port discard;
static struct cds_wfcq_head head;
static struct cds_wfcq_tail tail;
static _Alignas(BENCH_LINE) uint32_t asleep;
static int32_t last_cpu;
static void *context;
static void *end[BENCH_CROWD];
static unsigned producers;
static uint64_t seen;

static void
fill(struct payload *p, uint64_t i)
{
	*p = (struct payload){ { (unsigned char)i } };
}

static void
look_at(const struct payload *p)
{
	struct payload copy = *p;

	seen += copy.byte[0];
}

static void
port_receive(void)
{
	struct mp_msg *m;

	for (int i = 0; i < SENDS; i++) {
		m = mp_recv(&port);
		look_at(&MP_CONTAINER(m, struct item, msg)->payload);
		mp_reply(m, 0);
	}
}

static void
port_run(unsigned thread)
{
	if (thread == 0) {
		port_receive();
		return;
	}
	for (uint64_t i = thread - 1; i < SENDS; i += producers) {
		fill(&item[i].payload, i);
		item[i].msg.reply = &discard;
		bench_need(mp_send(&port, &item[i].msg) == 0, "mp_send");
	}
}

static void
spin(void)
{
	for (int i = 0; i < SPIN && cds_wfcq_empty(&head, &tail); i++)
		__builtin_ia32_pause();
}

static void
sleep_on_queue(void)
{
	int32_t cpu = __atomic_load_n(&last_cpu, __ATOMIC_RELAXED);

	if (cpu >= 0 && cpu != sched_getcpu()) {
		spin();
		if (!cds_wfcq_empty(&head, &tail))
			return;
		__atomic_store_n(&last_cpu, -1, __ATOMIC_RELAXED);
	}
	__atomic_store_n(&asleep, 1, __ATOMIC_SEQ_CST);
	if (cds_wfcq_empty(&head, &tail))
		syscall(SYS_futex, &asleep, FUTEX_WAIT_PRIVATE, 1, NULL, NULL,
			0);
	__atomic_store_n(&asleep, 0, __ATOMIC_RELAXED);
}

static void
wfcq_receive(void)
{
	struct cds_wfcq_node *n;

	for (int i = 0; i < SENDS; i++) {
		while ((n = __cds_wfcq_dequeue_blocking(&head, &tail)) == NULL)
			sleep_on_queue();
		look_at(&MP_CONTAINER(n, struct node, link)->payload);
	}
}

static void
wfcq_send(struct node *n, int32_t cpu)
{
	cds_wfcq_node_init(&n->link);
	cds_wfcq_enqueue(&head, &tail, &n->link);
	if (__atomic_load_n(&last_cpu, __ATOMIC_RELAXED) != cpu)
		__atomic_store_n(&last_cpu, cpu, __ATOMIC_RELAXED);
	if (__atomic_load_n(&asleep, __ATOMIC_RELAXED) != 0 &&
	    __atomic_exchange_n(&asleep, 0, __ATOMIC_SEQ_CST) != 0)
		syscall(SYS_futex, &asleep, FUTEX_WAKE_PRIVATE, 1, NULL, NULL,
			0);
}

static void
wfcq_run(unsigned thread)
{
	int32_t cpu = sched_getcpu();

	if (thread == 0) {
		wfcq_receive();
		return;
	}
	for (uint64_t i = thread - 1; i < SENDS; i += producers) {
		fill(&node[i].payload, i);
		wfcq_send(&node[i], cpu);
	}
}

static void
zmq_open(unsigned thread)
{
	void *s = zmq_socket(context, thread == 0 ? ZMQ_PULL : ZMQ_PUSH);
	int unbounded = 0;

	zmq_setsockopt(s, ZMQ_SNDHWM, &unbounded, sizeof unbounded);
	zmq_setsockopt(s, ZMQ_RCVHWM, &unbounded, sizeof unbounded);
	bench_need((thread == 0 ? zmq_bind :
				  zmq_connect)(s, "inproc://oneway") == 0,
		   "zmq");
	end[thread] = s;
}

static void
zmq_run(unsigned thread)
{
	struct payload p;

	if (thread == 0)
		for (int i = 0; i < SENDS; i++) {
			zmq_recv(end[0], &p, sizeof p, 0);
			look_at(&p);
		}
	else
		for (uint64_t i = thread - 1; i < SENDS; i += producers) {
			fill(&p, i);
			zmq_send(end[thread], &p, sizeof p, 0);
		}
}

static uint64_t
by_port(uint64_t n)
{
	uint64_t ns;

	(void)n;
	mp_port_init_queue(&port, NULL);
	port.depth_max = SENDS;
	ns = bench_crowd(producers + 1, port_run);
	mp_port_fini(&port);
	return ns;
}

static uint64_t
by_wfcq(uint64_t n)
{
	(void)n;
	cds_wfcq_init(&head, &tail);
	asleep = 0;
	last_cpu = -1;
	return bench_crowd(producers + 1, wfcq_run);
}

static uint64_t
by_zmq(uint64_t n)
{
	uint64_t ns;

	(void)n;
	context = zmq_ctx_new();
	for (unsigned i = 0; i <= producers; i++)
		zmq_open(i);
	ns = bench_crowd(producers + 1, zmq_run);
	for (unsigned i = 0; i <= producers; i++)
		zmq_close(end[i]);
	zmq_ctx_term(context);
	return ns;
}

int
main(void)
{
	static const unsigned crowd[] = { 1, 2, 8 };
	char name[64];

	bench_pin(0);
	mp_port_init_discard(&discard);
	printf("# one-way: receiver on CPU 1, senders in turn on CPU 0 and"
	       " CPU 1\n");
	for (unsigned i = 0; i < sizeof crowd / sizeof crowd[0]; i++) {
		producers = crowd[i];
		snprintf(name, sizeof name, "send-%u-wfcqueue", producers);
		bench_throughput(name, by_port, by_wfcq, SENDS);
		snprintf(name, sizeof name, "send-%u-zmq", producers);
		bench_throughput(name, by_port, by_zmq, SENDS);
	}
	return 0;
}
