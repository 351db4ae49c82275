/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Promises that a fault of mutant/ broke and no other test noticed. */
#include "os_sim.h"
#include "../core/state.h"
#include <msgport/agent.h>

#include <errno.h>
#include <string.h>

#define SEEDS 10000

static struct {
	struct mp_port port, reply;
	struct mp_msg m;
	uint32_t events, handled, inside, ran, sent, told;
	struct mp_msg burst[MP_SERIAL_RUN_MAX], first, second;
	uintptr_t runner;
} w;

static void
init(void)
{
	memset(&w, 0, sizeof(w));
	sim_name(&w, sizeof(w), "world");
	mp_port_init_queue(&w.port, NULL);
	mp_port_init_discard(&w.reply);
	mp_msg_init(&w.m, 0);
	w.m.reply = &w.reply;
}

static void
fini(void)
{
	mp_port_fini(&w.port);
	mp_port_fini(&w.reply);
}

/* Replies first, then looks. */
static void
drain(void *arg)
{
	struct mp_msg *m;

	(void)arg;
	while ((m = mp_recv(&w.port)) != NULL) {
		mp_reply(m, 0);
		w.handled = os_load(&w.events);
	}
}

/* After the last event the notifier goes on, and so does its buffer. */
static void
notify_root(void *arg)
{
	int code;

	(void)arg;
	init();
	sim_start(drain, NULL);
	for (uint32_t i = 1; i <= 2; i++) {
		os_store(&w.events, i);
		code = mp_msg_notify(&w.port, &w.m);
		SIM_CHECK(code == 0 || code == -EBUSY);
	}
	while (!mp_done(&w.m))
		os_relax();
	mp_port_close(&w.port);
	sim_join_all();
	SIM_EQ(w.handled, 2);
	fini();
}

TEST(a_notifier_who_finds_it_out_is_served)
{
	sim_seeds(notify_root, NULL, SEEDS);
}

/* ---- two notifiers, and an agent that runs the message inline */

static int
run(struct mp_port *p, struct mp_msg *m)
{
	SIM_CHECK(p == &w.port && m == &w.m);
	SIM_EQ(os_fetch_add(&w.inside, 1), 0);
	w.ran++;
	os_fetch_add(&w.inside, -1u);
	return 0;
}

static void
told(struct mp_port *p, struct mp_msg *m)
{
	SIM_CHECK(p == &w.reply && m == &w.m);
	os_fetch_add(&w.told, 1);
}

static void
notifier(void *arg)
{
	int code;

	(void)arg;
	for (int i = 0; i < 2; i++) {
		code = mp_msg_notify(&w.port, &w.m);
		SIM_CHECK(code == 0 || code == -EBUSY);
		if (code == 0)
			os_fetch_add(&w.sent, 1);
	}
}

static void
notifiers_root(void *arg)
{
	(void)arg;
	init();
	fini();
	mp_port_init_call(&w.port, run, NULL);
	mp_port_init_callback(&w.reply, told, NULL);
	sim_start(notifier, NULL);
	sim_start(notifier, NULL);
	sim_join_all();
	SIM_CHECK(mp_done(&w.m) && w.sent != 0);
	SIM_EQ(w.ran, w.sent);
	SIM_EQ(w.told, w.sent);
	fini();
}

TEST(a_notification_that_runs_inline_is_one_notifiers)
{
	sim_seeds(notifiers_root, NULL, SEEDS);
}

/* ---- a reply port that closes */

static void
closed_root(void *arg)
{
	struct mp_port other;

	(void)arg;
	init();
	mp_port_init_queue(&other, NULL);
	w.m.reply = &other;
	SIM_EQ(mp_send(&w.port, &w.m), 0);
	SIM_CHECK(mp_recv(&w.port) == &w.m);
	mp_reply(&w.m, 3);
	mp_port_fini(&other);
	sim_dead(&other, sizeof(other));
	SIM_CHECK(mp_done(&w.m));
	SIM_EQ(w.m.result, 3);
	w.m.reply = &w.reply;
	SIM_EQ(mp_send(&w.port, &w.m), 0);
	SIM_CHECK(mp_recv(&w.port) == &w.m);
	mp_reply(&w.m, 4);
	SIM_EQ(mp_wait(&w.m), 4);
	sim_alive(&other, sizeof(other));
	fini();
}

TEST(a_reply_that_nobody_fetched_is_its_senders_after_a_close)
{
	sim_seeds(closed_root, NULL, 1);
}

static void
reply_one(void *arg)
{
	struct mp_msg *m = mp_recv(&w.port);

	(void)arg;
	SIM_CHECK(m == &w.m);
	mp_reply(m, 3);
}

/* It goes while the reply is on its way. */
static void
going_root(void *arg)
{
	struct mp_port other;

	(void)arg;
	init();
	mp_port_init_queue(&other, NULL);
	w.m.reply = &other;
	sim_start(reply_one, NULL);
	SIM_EQ(mp_send(&w.port, &w.m), 0);
	mp_port_fini(&other);
	sim_dead(&other, sizeof(other));
	sim_join_all();
	SIM_CHECK(mp_done(&w.m));
	SIM_EQ(w.m.result, 3);
	sim_alive(&other, sizeof(other));
	fini();
}

TEST(a_reply_port_may_go_when_nothing_is_out_for_it)
{
	sim_seeds(going_root, NULL, SEEDS);
}

/* ---- a cancel on the way to a queue, and on the way to another port */

static int
cancel_it(struct mp_port *p, struct mp_msg *m)
{
	(void)p;
	mp_cancel(m);
	return 0;
}

static void
on_the_way_root(void *arg)
{
	struct mp_port filter;

	(void)arg;
	init();
	mp_port_init_filter(&filter, cancel_it, &w.port);
	SIM_EQ(mp_call(&filter, &w.m), -ECANCELED);
	SIM_EQ(mp_send(&filter, &w.m), -ECANCELED);
	SIM_CHECK(mp_tryrecv(&w.port) == NULL);
	mp_port_fini(&filter);
	fini();
}

TEST(a_cancel_before_the_queue_keeps_it_out_of_the_queue)
{
	sim_seeds(on_the_way_root, NULL, 1);
}

static int
never(struct mp_port *p, struct mp_msg *m)
{
	(void)m;
	sim_fail("port %p ran what is cancelled", (void *)p);
}

static void
forward_root(void *arg)
{
	struct mp_port next;

	(void)arg;
	init();
	mp_port_init_call(&next, never, NULL);
	SIM_EQ(mp_send(&w.port, &w.m), 0);
	SIM_CHECK(mp_recv(&w.port) == &w.m);
	mp_cancel(&w.m);
	SIM_EQ(mp_forward(&next, &w.m), EASYNC);
	SIM_EQ(mp_wait(&w.m), -ECANCELED);
	mp_port_fini(&next);
	fini();
}

TEST(what_is_cancelled_is_not_forwarded)
{
	sim_seeds(forward_root, NULL, 1);
}

/* ---- a serial port that is handed over */

static int
run_first(struct mp_port *p, struct mp_msg *m)
{
	for (uint32_t i = 0; i < MP_SERIAL_RUN_MAX; i++) {
		mp_msg_init(&w.burst[i], 2);
		w.burst[i].reply = &w.reply;
		SIM_EQ(mp_send(p, &w.burst[i]), 0);
	}
	os_store_release(&w.sent, 1);
	os_wake(&w.sent, 1);
	/* Until the other thread sleeps for what it calls. */
	while ((os_load(&w.second.state) & ST_WAITING) == 0)
		os_relax();
	return (int)m->op;
}

static int
run_in_turn(struct mp_port *p, struct mp_msg *m)
{
	if (m == &w.m)
		return run_first(p, m);
	if (m == &w.first)
		w.ran = 1;
	if (m == &w.second) {
		SIM_EQ(w.ran, w.first.reply != NULL);
		w.runner = os_self();
	}
	return -EIO; /* even so it is over */
}

/* Sends one, if it is to, and calls with another. */
static void
send_and_call(void *arg)
{
	uintptr_t *self = arg;

	*self = os_self();
	while (os_load_acquire(&w.sent) == 0)
		os_park(&w.sent, 0, MP_NO_DEADLINE);
	if (w.first.reply != NULL)
		SIM_EQ(mp_send(&w.port, &w.first), 0);
	SIM_EQ(mp_call(&w.port, &w.second), -EIO);
}

static void
hand_over(bool two)
{
	uintptr_t caller = 0;

	init();
	mp_port_fini(&w.port);
	mp_port_init_serial(&w.port, run_in_turn, NULL);
	mp_msg_init(&w.first, 0);
	mp_msg_init(&w.second, 0);
	w.first.reply = two ? &w.reply : NULL;
	sim_start(send_and_call, &caller);
	SIM_EQ(mp_call(&w.port, &w.m), 0);
	sim_join_all();
	SIM_CHECK(two || w.runner == caller);
	fini();
}

static void
handed_root(void *arg)
{
	(void)arg;
	hand_over(false);
}

TEST(who_has_run_enough_hands_a_serial_port_over)
{
	sim_seeds(handed_root, NULL, SEEDS / 10);
}

static void
in_turn_root(void *arg)
{
	(void)arg;
	hand_over(true);
}

TEST(a_serial_port_is_not_handed_past_what_is_next)
{
	sim_seeds(in_turn_root, NULL, SEEDS / 10);
}

/* ---- a barrier, and what is sent after it has begun */

static void
barrier(void *arg)
{
	(void)arg;
	SIM_EQ(mp_port_barrier(&w.port), 0);
}

static void
barrier_root(void *arg)
{
	int id;

	(void)arg;
	init();
	SIM_EQ(mp_send(&w.port, &w.m), 0);
	SIM_CHECK(mp_recv(&w.port) == &w.m);
	id = sim_start(barrier, NULL);
	while ((os_load(&w.port.held[0]) & COUNT_WAITER) == 0)
		os_relax();
	mp_msg_init(&w.second, 0);
	w.second.reply = &w.reply;
	SIM_EQ(mp_send(&w.port, &w.second), 0);
	mp_reply(&w.m, 0);
	sim_join(id);
	SIM_CHECK(mp_recv(&w.port) == &w.second);
	mp_reply(&w.second, 0);
	fini();
}

TEST(a_barrier_does_not_wait_for_what_comes_after_it)
{
	sim_seeds(barrier_root, NULL, SEEDS / 10);
}

/* ---- a pool whose handler fails */

static int
fail(struct mp_port *p, struct mp_msg *m)
{
	(void)p;
	(void)m;
	return -EIO;
}

static void
pool_root(void *arg)
{
	struct mp_thread thread;
	struct mp_pool pool;

	(void)arg;
	init();
	mp_pool_init(&pool, fail, NULL);
	SIM_EQ(mp_pool_start(&pool, &thread, 1), 0);
	SIM_EQ(mp_call(&pool.port, &w.m), -EIO);
	mp_pool_stop(&pool);
	sim_fence();
	fini();
}

TEST(a_pool_completes_what_its_handler_fails)
{
	sim_seeds(pool_root, NULL, SEEDS / 100);
}

/* ---- a forward that makes its sender wait for himself */

static void
forward_back(void *arg)
{
	struct mp_msg *m = mp_recv(&w.port);

	SIM_CHECK(m == &w.m);
	while ((os_load(&m->state) & ST_WAITING) == 0)
		os_relax();
	SIM_EQ(mp_forward(arg, m), EASYNC);
}

static void
back_root(void *arg)
{
	struct mp_port own;

	(void)arg;
	init();
	mp_port_init_queue(&own, NULL);
	SIM_CHECK(mp_tryrecv(&own) == NULL);
	sim_start(forward_back, &own);
	SIM_EQ(mp_call(&w.port, &w.m), -EDEADLK);
	sim_join_all();
	mp_port_fini(&own);
	fini();
}

TEST(a_call_that_is_forwarded_to_its_caller_ends)
{
	sim_seeds(back_root, NULL, SEEDS);
}
