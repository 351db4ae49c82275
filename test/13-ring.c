/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Threads that wait for each other, ports that go with their last message,
 * and a cancel in the middle of a queue, under every schedule the seeds find.
 */
#include "os_sim.h"
#include <msgport/agent.h>

#include <errno.h>
#include <string.h>

#define SEEDS 10000
#define MAX 4

struct request {
	struct mp_msg m;
	uint32_t ran;
};

static struct {
	struct mp_port port, reply, ring[MAX];
	struct request r[MAX], fill;
	uint32_t inside, ran, next, n, deadlocks;
	bool cancelled;
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
	sim_name(w.ring, sizeof(w.ring), "ring");
	mp_port_init_discard(&w.reply);
}

static void
cancel(void *arg)
{
	mp_cancel(arg);
}

/* ---- rings of callers */

static void
serve_rest(struct mp_port *p)
{
	struct mp_msg *m;

	os_fetch_add(&w.ran, 1);
	os_wake(&w.ran, UINT32_MAX);
	while ((m = mp_recv(p)) != NULL)
		mp_reply(m, 0);
}

static void
call_next(uint32_t i)
{
	struct request *r = &w.r[i];
	int code;

	mp_msg_init(&r->m, 0);
	code = mp_call(&w.ring[(i + 1) % w.n], &r->m);
	SIM_CHECK(code == 0 || code == -EDEADLK);
	w.deadlocks += code == -EDEADLK;
}

/* Whoever receives owns the port; all own theirs before the first call. */
static void
own(struct mp_port *p)
{
	SIM_CHECK(mp_tryrecv(p) == NULL);
	os_fetch_add(&w.next, 1);
	while (os_load(&w.next) < w.n)
		os_relax();
}

static void
member(void *arg)
{
	uint32_t i = (uint32_t)((struct mp_port *)arg - w.ring);

	own(arg);
	call_next(i);
	serve_rest(arg);
}

/* The first calls the second, which calls on while it holds that. */
static void
nested(void *arg)
{
	uint32_t i = (uint32_t)((struct mp_port *)arg - w.ring);
	struct mp_msg *m = NULL;

	own(arg);
	if (i != 0)
		m = mp_recv(arg);
	call_next(i);
	if (m != NULL)
		mp_reply(m, 0);
	serve_rest(arg);
}

static void
close_ring(void)
{
	uint32_t ran;

	while ((ran = os_load_acquire(&w.ran)) < w.n)
		os_park(&w.ran, ran, MP_NO_DEADLINE);
	SIM_EQ(w.deadlocks, 1);
	for (uint32_t i = 0; i < w.n; i++)
		mp_port_close(&w.ring[i]);
	sim_join_all();
	for (uint32_t i = 0; i < w.n; i++)
		sim_fini(&w.ring[i]);
	sim_fini(&w.reply);
}

static void
ring_root(void *arg)
{
	init();
	w.n = 1 + sim_choose(3);
	for (uint32_t i = 0; i < w.n; i++) {
		mp_port_init_queue(&w.ring[i], NULL);
		sim_start(arg != NULL && w.n > 1 ? nested : member, &w.ring[i]);
	}
	close_ring();
}

TEST(a_ring_of_callers_ends_once)
{
	sim_seeds(ring_root, NULL, 2 * SEEDS);
}

TEST(a_ring_of_nested_calls_ends_once)
{
	sim_seeds(ring_root, "", 2 * SEEDS);
}

/* One waits for room in the queue of another, who calls him. */
static void
late_owner(void *arg)
{
	uint32_t i = (uint32_t)((struct mp_port *)arg - w.ring);

	own(arg);
	if (i == 1) {
		mp_msg_init(&w.fill.m, 0);
		w.fill.m.reply = &w.reply;
		SIM_EQ(mp_send(arg, &w.fill.m), 0);
	}
	os_fetch_add(&w.inside, 1);
	while (os_load(&w.inside) < w.n)
		os_relax();
	call_next(i);
	serve_rest(arg);
}

static void
room_root(void *arg)
{
	(void)arg;
	init();
	w.n = 2 + sim_choose(2);
	for (uint32_t i = 0; i < w.n; i++) {
		mp_port_init_queue(&w.ring[i], NULL);
		w.ring[i].depth_max = 1;
		sim_start(late_owner, &w.ring[i]);
	}
	close_ring();
}

TEST(a_ring_through_a_full_queue_ends_once)
{
	sim_seeds(room_root, NULL, 2 * SEEDS);
}

/* ---- a target that goes as soon as its message is back */

static void
receive_one(void *arg)
{
	struct mp_msg *m = mp_recv(arg);

	if (m != NULL)
		mp_reply(m, 3);
}

static int
take(struct mp_port *p, struct mp_msg *m)
{
	int code = mp_agent_begin(p, m);

	if (code != 0)
		return code;
	mp_msg_take(m);
	os_store_release(&w.inside, 1);
	os_wake(&w.inside, 1);
	return EASYNC;
}

/* It may look at the port and the message until it returns. */
static void
look(struct mp_port *p, struct mp_msg *m)
{
	for (int i = 0; i < 3; i++)
		SIM_CHECK(os_load(&m->op) == 0 && os_load(&p->held[1]) == 0);
}

static void
reply_one(void *arg)
{
	struct request *r = arg;

	while (os_load_acquire(&w.inside) == 0)
		os_park(&w.inside, 0, MP_NO_DEADLINE);
	mp_reply(&r->m, 3);
}

static void
gone_root(void *arg)
{
	static const struct mp_port_ops ops = { .kind = "hook",
						.cancel = look };
	int code;

	(void)arg;
	init();
	if (sim_choose(2) == 0) {
		mp_port_init_agent(&w.port, take, &ops, NULL);
		sim_start(reply_one, &w.r[0]);
	} else {
		mp_port_init_queue(&w.port, NULL);
		sim_start(receive_one, &w.port);
	}
	mp_msg_init(&w.r[0].m, 0);
	if (sim_choose(2) == 0) {
		w.cancelled = true;
		sim_start(cancel, &w.r[0].m);
	}
	if (sim_choose(2) == 0)
		w.r[0].m.deadline_ns = 1000100;
	code = mp_call(&w.port, &w.r[0].m);
	SIM_CHECK(code == 3 || code == -ECANCELED || code == -ETIME);
	if (code != 3) {
		mp_port_close(&w.port);
		sim_join_all();
	}
	sim_fini(&w.port);
	if (!w.cancelled)
		sim_dead(&w.r[0].m, sizeof(w.r[0].m));
	sim_join_all();
	sim_fini(&w.reply);
}

TEST(a_port_may_go_when_its_last_message_is_back)
{
	sim_seeds(gone_root, NULL, 2 * SEEDS);
}

/* One who is about to sleep looks whom the owner of his target waits for. */
static void
call_owner(void *arg)
{
	struct request *r = arg;

	mp_msg_init(&r->m, 0);
	SIM_EQ(mp_call(&w.ring[0], &r->m), 3);
}

static void
serve_and_go(void *arg)
{
	receive_one(arg);
	sim_fini(arg);
}

static void
chain_root(void *arg)
{
	(void)arg;
	init();
	mp_port_init_queue(&w.port, NULL);
	mp_port_init_queue(&w.ring[0], NULL);
	SIM_CHECK(mp_tryrecv(&w.ring[0]) == NULL);
	sim_start(serve_and_go, &w.port);
	sim_start(call_owner, &w.r[1]);
	SIM_EQ(mp_call(&w.port, &w.r[0].m), 3);
	receive_one(&w.ring[0]);
	sim_join_all();
	sim_fini(&w.ring[0]);
	sim_fini(&w.reply);
}

TEST(who_looks_along_a_chain_finds_no_dead_port)
{
	sim_seeds(chain_root, NULL, SEEDS);
}

/* ---- cancel in the middle */

static void
receive_in_order(void *arg)
{
	struct mp_msg *m;

	(void)arg;
	while ((m = mp_recv(&w.port)) != NULL) {
		SIM_CHECK(m->op >= w.next);
		w.next = m->op + 1;
		request_of(m)->ran++;
		mp_reply(m, 3);
	}
}

static void
middle_root(void *arg)
{
	uint32_t victim = sim_choose(MAX);
	int id;

	(void)arg;
	init();
	mp_port_init_queue(&w.port, NULL);
	sim_start(receive_in_order, NULL);
	for (uint32_t i = 0; i < MAX; i++) {
		mp_msg_init(&w.r[i].m, i);
		w.r[i].m.reply = &w.reply;
		SIM_EQ(mp_send(&w.port, &w.r[i].m), 0);
	}
	id = sim_start(cancel, &w.r[victim].m);
	if (sim_choose(2) == 0 && mp_drop(&w.r[victim ^ 1].m) == 0)
		SIM_EQ(w.r[victim ^ 1].ran++, 0);
	sim_join(id);
	for (uint32_t i = 0; i < MAX; i++) {
		sim_await_idle(&w.r[i].m);
		SIM_CHECK(i == victim || w.r[i].ran == 1);
	}
	SIM_EQ(w.r[victim].m.result, w.r[victim].ran ? 3 : -ECANCELED);
	mp_port_close(&w.port);
	sim_join_all();
	sim_fini(&w.port);
	sim_fini(&w.reply);
}

TEST(cancelling_one_leaves_the_others_in_order)
{
	sim_seeds(middle_root, NULL, SEEDS);
}
