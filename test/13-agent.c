/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Serial ports, barriers, pools and attached counters, under every schedule
 * that the seeds find.
 */
#include "os_sim.h"
#include <msgport/agent.h>
#include <msgport/stat.h>

#include <errno.h>
#include <string.h>

#define SEEDS 10000
#define MAX 4
#define BURST (MP_SERIAL_RUN_MAX + 4)

struct request {
	struct mp_msg m;
	uint32_t ran;
	bool sent;
};

static struct {
	struct mp_port port, reply;
	struct request r[MAX], burst[BURST];
	struct mp_pool pool;
	struct mp_thread thread[MAX];
	struct mp_stat stat;
	uint32_t inside, ran, next, n, late;
	struct mp_port *target;
} w;

static struct request *
request_of(struct mp_msg *m)
{
	return MP_CONTAINER(m, struct request, m);
}

static void
init(void)
{
	memset(&w, 0, sizeof(w));
	sim_name(&w.port, sizeof(w.port), "port");
	sim_name(&w.reply, sizeof(w.reply), "reply");
	sim_name(w.r, sizeof(w.r), "request");
	sim_name(w.burst, sizeof(w.burst), "burst");
	mp_port_init_discard(&w.reply);
}

/* ---- serial ports */

static int
alone(struct mp_port *p, struct mp_msg *m)
{
	struct request *r = request_of(m);

	(void)p;
	SIM_EQ(w.inside++, 0);
	sim_fence();
	os_relax();
	SIM_EQ(r->ran++, 0);
	w.ran++;
	SIM_EQ(w.inside--, 1);
	return (int)m->op;
}

static void
enter(void *arg)
{
	struct request *r = arg;
	uint32_t way = sim_choose(3);
	int code;

	mp_msg_init(&r->m, 5);
	r->m.reply = way == 0 ? NULL : &w.reply;
	if (way < 2) {
		SIM_EQ(mp_call(&w.port, &r->m), 5);
	} else {
		code = mp_send(&w.port, &r->m);
		SIM_EQ(code, 0);
		sim_await_idle(&r->m);
	}
	SIM_EQ(r->ran, 1);
	sim_fence();
}

static void
serial_root(void *arg)
{
	(void)arg;
	init();
	mp_port_init_serial(&w.port, alone, NULL);
	for (int i = 0; i < MAX; i++)
		sim_start(enter, &w.r[i]);
	sim_join_all();
	sim_fini(&w.port);
	sim_fini(&w.reply);
	SIM_EQ(w.ran, MAX);
}

TEST(a_serial_port_runs_one_at_a_time)
{
	sim_seeds(serial_root, NULL, 4 * SEEDS);
}

static void
start_late(void)
{
	for (int i = 1; i < 3; i++)
		sim_start(enter, &w.r[i]);
}

/* In order; the first sends more than one holder may run. */
static int
burst(struct mp_port *p, struct mp_msg *m)
{
	struct request *r = request_of(m);

	SIM_EQ(w.inside++, 0);
	r->ran++;
	if (r >= w.burst && r < w.burst + BURST)
		SIM_EQ(m->op, w.next++);
	for (uint32_t i = 0; i < w.n && r == &w.r[0]; i++) {
		if (i == w.late)
			start_late();
		mp_msg_init(&w.burst[i].m, i);
		w.burst[i].m.reply = &w.reply;
		SIM_EQ(mp_send(p, &w.burst[i].m), 0);
	}
	SIM_EQ(w.inside--, 1);
	return (int)m->op;
}

static void
hand_over_root(void *arg)
{
	(void)arg;
	init();
	mp_port_init_serial(&w.port, burst, NULL);
	w.n = sim_choose(4) == 0 ? 1 + sim_choose(BURST) : BURST;
	w.late = w.n - 1 - sim_choose(4) % w.n;
	sim_start(enter, &w.r[0]);
	sim_join_all();
	for (uint32_t i = 0; i < w.n; i++) {
		sim_await_idle(&w.burst[i].m);
		SIM_EQ(w.burst[i].ran, 1);
	}
	sim_fini(&w.port);
	sim_fini(&w.reply);
}

TEST(a_serial_port_is_handed_over_in_order, .timeout_s = 60)
{
	sim_seeds(hand_over_root, NULL, SEEDS);
}

/* Closed, cancelled and late while somebody is inside. */
static void
enter_closing(void *arg)
{
	struct request *r = arg;
	int code = mp_call(&w.port, &r->m);

	SIM_EQ(code, r->m.result);
	SIM_EQ(r->ran, code == 5);
	if (code != 5)
		SIM_CHECK(code == -EPIPE || code == -ECANCELED ||
			  code == -ETIME);
}

static void
cancel(void *arg)
{
	mp_cancel(arg);
}

static void
closing_root(void *arg)
{
	(void)arg;
	init();
	mp_port_init_serial(&w.port, alone, NULL);
	for (uint32_t i = 0; i < 3; i++) {
		mp_msg_init(&w.r[i].m, 5);
		if (sim_choose(2) == 0)
			w.r[i].m.deadline_ns = 1000100;
		sim_start(enter_closing, &w.r[i]);
	}
	if (sim_choose(2) == 0)
		sim_start(cancel, &w.r[2].m);
	if (sim_choose(2) == 0)
		mp_port_close(&w.port);
	sim_join_all();
	sim_fini(&w.port);
	sim_fini(&w.reply);
}

TEST(a_serial_port_closes_under_its_senders)
{
	sim_seeds(closing_root, NULL, 4 * SEEDS);
}

/* ---- barriers */

static int
mark(struct mp_port *p, struct mp_msg *m)
{
	struct request *r = request_of(m);

	SIM_CHECK(p == w.target);
	os_relax();
	SIM_EQ(r->ran++, 0);
	return 0;
}

static void
barrier(void *arg)
{
	bool sent[MAX];

	(void)arg;
	for (int i = 0; i < MAX; i++)
		sent[i] = w.r[i].sent;
	SIM_EQ(mp_port_barrier(w.target), 0);
	for (int i = 0; i < MAX; i++)
		SIM_CHECK(!sent[i] || (w.r[i].ran && mp_done(&w.r[i].m)));
}

static void
send_marked(void *arg)
{
	struct request *r = arg;

	for (int i = 0; i < 2; i++, r++) {
		mp_msg_init(&r->m, 0);
		r->m.reply = &w.reply;
		SIM_EQ(mp_send(w.target, &r->m), 0);
		r->sent = true;
	}
}

static void
barrier_root(void *arg)
{
	int id[4];

	(void)arg;
	init();
	w.n = sim_choose(3);
	w.target = w.n == 0 ? &w.port : &w.pool.port;
	mp_port_init_serial(&w.port, mark, NULL);
	mp_pool_init(&w.pool, mark, NULL);
	if (w.n != 0)
		SIM_EQ(mp_pool_start(&w.pool, w.thread, w.n), 0);
	id[0] = sim_start(send_marked, &w.r[0]);
	id[1] = sim_start(send_marked, &w.r[2]);
	id[2] = sim_start(barrier, NULL);
	id[3] = sim_start(barrier, NULL);
	for (int i = 0; i < 4; i++)
		sim_join(id[i]);
	barrier(NULL);
	if (w.n == 0)
		sim_fini(&w.port);
	else
		mp_pool_stop(&w.pool);
	sim_fini(&w.reply);
}

TEST(a_barrier_waits_for_all_before_it)
{
	sim_seeds(barrier_root, NULL, 4 * SEEDS);
}

static void
forward_all(void *arg)
{
	struct mp_msg *m;

	(void)arg;
	while ((m = mp_recv(&w.port)) != NULL)
		SIM_EQ(mp_forward(&w.pool.port, m), EASYNC);
}

/* The next port serves from the beginning, or only when this one is drained. */
static void
flow_root(void *arg)
{
	bool early = sim_choose(2) != 0;
	uint32_t threads = 1 + sim_choose(2);

	(void)arg;
	init();
	mp_port_init_queue(&w.port, NULL);
	mp_pool_init(&w.pool, mark, NULL);
	w.target = &w.pool.port;
	sim_start(forward_all, NULL);
	if (early)
		SIM_EQ(mp_pool_start(&w.pool, w.thread, threads), 0);
	for (int i = 0; i < MAX; i++) {
		w.r[i].m.reply = &w.reply;
		SIM_EQ(mp_send(&w.port, &w.r[i].m), 0);
	}
	SIM_EQ(mp_port_barrier(&w.port), 0);
	for (int i = 0; i < MAX; i++)
		SIM_CHECK(early || !mp_done(&w.r[i].m));
	if (!early)
		SIM_EQ(mp_pool_start(&w.pool, w.thread, threads), 0);
	SIM_EQ(mp_port_barrier(&w.pool.port), 0);
	for (int i = 0; i < MAX; i++)
		SIM_CHECK(mp_done(&w.r[i].m) && w.r[i].ran == 1);
	mp_port_close(&w.port);
	mp_pool_stop(&w.pool);
	sim_join_all();
	sim_fini(&w.port);
	sim_fini(&w.reply);
}

TEST(barriers_in_the_order_of_the_flow_drain_it)
{
	sim_seeds(flow_root, NULL, SEEDS);
}

/* ---- pools */

static void
call_pool(void *arg)
{
	struct request *r = arg;
	int code;

	mp_msg_init(&r->m, 0);
	code = mp_call(w.target, &r->m);
	SIM_CHECK(code == 0 || code == -EPIPE);
	SIM_EQ(r->ran, code == 0);
}

static void
pool_root(void *arg)
{
	int id[3];

	(void)arg;
	init();
	w.target = &w.pool.port;
	mp_pool_init(&w.pool, mark, NULL);
	w.pool.port.depth_max = 1 + sim_choose(2);
	SIM_EQ(mp_pool_start(&w.pool, w.thread, 1 + sim_choose(3)), 0);
	for (int i = 0; i < 3; i++)
		id[i] = sim_start(call_pool, &w.r[i]);
	mp_port_close(w.target);
	for (int i = 0; i < 3; i++)
		sim_join(id[i]);
	mp_pool_stop(&w.pool);
	sim_fini(&w.reply);
}

TEST(a_pool_stops_under_its_callers)
{
	sim_seeds(pool_root, NULL, 2 * SEEDS);
}

#define ELSEWHERE 1000 /* a CPU that nobody is on */

/* Who spins clears what he looks at first, and a message sets it. */
static void
before_start_root(void *arg)
{
	struct mp_port *p = &w.pool.port;
	bool spins = sim_choose(2) != 0;

	(void)arg;
	init();
	w.target = p;
	mp_pool_init(&w.pool, mark, NULL);
	p->flags = spins ? 0 : MP_PORT_NO_SPIN;
	p->depth_max = 1;
	w.r[0].m.reply = &w.reply;
	w.r[1].m.reply = &w.reply;
	SIM_EQ(mp_send(p, &w.r[0].m), 0);
	SIM_EQ(mp_send(p, &w.r[1].m), -EAGAIN);
	p->peer_cpu = ELSEWHERE;
	SIM_EQ(mp_pool_start(&w.pool, w.thread, 1), 0);
	sim_await_idle(&w.r[0].m);
	while (p->receivers == NULL)
		os_relax();
	SIM_EQ(w.r[0].ran, 1);
	SIM_EQ(p->pending, !spins);
	mp_pool_stop(&w.pool);
	sim_fini(&w.reply);
}

TEST(what_is_set_before_a_pool_starts_holds_for_its_threads)
{
	sim_seeds(before_start_root, NULL, SEEDS / 100);
}

/* ---- counters that come and go under many senders */

#define EACH 3 /* messages of a sender */

static int
take_time(struct mp_port *p, struct mp_msg *m)
{
	(void)p;
	os_relax();
	return (int)m->op;
}

static void
serve(void *arg)
{
	struct mp_msg *m;

	while ((m = mp_recv(arg)) != NULL)
		mp_reply(m, 5);
}

static void
call_some(void *arg)
{
	struct request *r = arg;

	mp_msg_init(&r->m, 5);
	for (int i = 0; i < EACH; i++)
		SIM_EQ(mp_call(&w.port, &r->m), 5);
}

static void
check_stat(uint64_t least)
{
	uint64_t timed = 0;

	for (int i = 0; i < MP_STAT_BUCKETS; i++)
		timed += w.stat.bucket[i];
	SIM_EQ(timed, w.stat.inlined);
	SIM_CHECK(w.stat.inlined + w.stat.queued >= least);
	SIM_CHECK(w.stat.inlined + w.stat.queued <= 3 * EACH);
}

/* From the first message to the last: one count for each. */
static void
attached_root(void *arg)
{
	struct mp_port_stats stats;

	(void)arg;
	init();
	mp_port_init_serial(&w.port, take_time, NULL);
	mp_port_attach(&w.port, &w.stat);
	for (int i = 0; i < 3; i++)
		sim_start(call_some, &w.r[i]);
	sim_join_all();
	check_stat(3 * EACH);
	mp_port_stats(&w.port, &stats);
	SIM_EQ(w.stat.queued, stats.refused[MP_REFUSED_BUSY]);
	sim_fini(&w.port);
	sim_fini(&w.reply);
}

TEST(what_a_busy_serial_port_queues_is_counted_as_that)
{
	sim_seeds(attached_root, NULL, SEEDS);
}

static void
passing_root(void *arg)
{
	bool queue = sim_choose(2) != 0;
	int id[3], server = -1;

	(void)arg;
	init();
	if (queue)
		mp_port_init_queue(&w.port, NULL);
	else
		mp_port_init_call(&w.port, take_time, NULL);
	if (queue)
		server = sim_start(serve, &w.port);
	for (int i = 0; i < 3; i++)
		id[i] = sim_start(call_some, &w.r[i]);
	mp_port_attach(&w.port, &w.stat);
	mp_port_attach(&w.port, NULL);
	for (int i = 0; i < 3; i++)
		sim_join(id[i]);
	check_stat(0);
	SIM_EQ(queue ? w.stat.inlined : w.stat.queued, 0);
	mp_port_close(&w.port);
	if (server >= 0)
		sim_join(server);
	sim_fini(&w.port);
	sim_fini(&w.reply);
}

TEST(counters_come_and_go_under_many_senders)
{
	sim_seeds(passing_root, NULL, SEEDS);
}
