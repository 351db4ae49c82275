/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The two ways into a queue, by the inbox and past it, beside receivers that
 * sleep, a bound and a close, under every schedule the seeds find.
 */
#include "os_sim.h"
#include <msgport/agent.h>

#include <errno.h>
#include <string.h>

#define SEEDS 10000
#define MAX 4

struct request {
	struct mp_msg m;
	uint32_t ran, ended;
	bool sent;
};

static struct {
	struct mp_port port, reply;
	struct request r[MAX];
	uint32_t received;
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
	mp_port_init_queue(&w.port, NULL);
	mp_port_init_discard(&w.reply);
}

static void
fini(struct mp_port *p)
{
	struct mp_port_stats stats;

	mp_port_fini(p);
	mp_port_stats(p, &stats);
	SIM_EQ(stats.depth, 0);
	SIM_EQ(stats.held, 0);
	SIM_EQ(p->out, 0);
	SIM_CHECK(p->inbox == 0 && p->receivers == NULL && p->callers == NULL);
	sim_dead(p, sizeof(*p));
}

/* ---- senders beside a close */

static void
ended(struct mp_port *p, struct mp_msg *m)
{
	(void)p;
	SIM_CHECK(m->result == 0 || m->result == -EPIPE ||
		  m->result == -ECANCELED);
	SIM_EQ(request_of(m)->ended++, 0);
}

static void
send_two(void *arg)
{
	struct request *r = arg;
	int code;

	for (int i = 0; i < 2; i++, r++) {
		mp_msg_init(&r->m, 0);
		r->m.reply = &w.reply;
		if (sim_choose(4) == 0)
			r->m.flags = MP_MSG_PRIORITY;
		code = mp_send(&w.port, &r->m);
		SIM_CHECK(code == 0 || code == -EPIPE || code == -EAGAIN);
		r->sent = code == 0;
		switch (sim_choose(4)) {
		case 0:
			mp_cancel(&r->m);
			break;
		case 1:
			code = mp_drop(&r->m);
			SIM_CHECK(code == 0 || code == -ENOENT);
			if (code == 0)
				r->sent = false;
		}
	}
}

static void
serve_until_closed(void *arg)
{
	struct mp_port_stats stats;
	struct mp_msg *m;

	(void)arg;
	while ((m = mp_recv(&w.port)) != NULL) {
		mp_port_stats(&w.port, &stats);
		SIM_CHECK(stats.depth <= stats.depth_max);
		SIM_CHECK(stats.held != 0 && stats.held <= 2 * MAX);
		SIM_EQ(request_of(m)->ran++, 0);
		mp_reply(m, 0);
	}
}

static void
beside_root(void *arg)
{
	(void)arg;
	init();
	mp_port_init_callback(&w.reply, ended, NULL);
	w.port.depth_max = 1 + sim_choose(MAX);
	sim_start(send_two, &w.r[0]);
	sim_start(send_two, &w.r[2]);
	for (uint32_t n = sim_choose(3); n > 0; n--)
		sim_start(serve_until_closed, NULL);
	for (uint32_t n = sim_choose(64); n > 0; n--)
		os_relax();
	mp_port_close(&w.port);
	sim_join_all();
	fini(&w.port);
	fini(&w.reply);
	for (int i = 0; i < MAX; i++) {
		SIM_EQ(w.r[i].ended, w.r[i].sent);
		SIM_CHECK(w.r[i].ran <= w.r[i].ended);
	}
}

TEST(a_send_beside_a_close_ends_once_or_is_refused)
{
	sim_seeds(beside_root, NULL, 4 * SEEDS);
}

/* ---- order, whichever way a sender takes */

static void
send_all(void *arg)
{
	int code;

	(void)arg;
	for (int i = 0; i < MAX; i++) {
		mp_msg_init(&w.r[i].m, 0);
		w.r[i].m.reply = &w.reply;
		while ((code = mp_send(&w.port, &w.r[i].m)) == -EAGAIN)
			os_relax();
		SIM_EQ(code, 0);
	}
}

static void
full_root(void *arg)
{
	struct mp_msg *m;

	(void)arg;
	init();
	w.port.depth_max = 1 + sim_choose(MAX);
	sim_start(send_all, NULL);
	for (int i = 0; i < MAX; i++) {
		m = mp_recv(&w.port);
		SIM_CHECK(m == &w.r[i].m);
		mp_reply(m, 0);
	}
	sim_join_all();
	fini(&w.port);
	fini(&w.reply);
}

TEST(a_sender_keeps_its_order_in_a_queue_that_fills)
{
	sim_seeds(full_root, NULL, SEEDS);
}

/* ---- receivers that sleep */

/* Holds what it has until as many have received. */
static void
receive_and_await(void *arg)
{
	struct mp_msg *m = mp_recv(&w.port);
	uint32_t n;

	(void)arg;
	os_fetch_add(&w.received, 1);
	os_wake(&w.received, UINT32_MAX);
	while ((n = os_load_acquire(&w.received)) < MAX)
		os_park(&w.received, n, MP_NO_DEADLINE);
	mp_reply(m, 0);
}

static void
sleeping_root(void *arg)
{
	init();
	for (int i = 0; i < MAX; i++)
		sim_start(receive_and_await, NULL);
	send_all(arg);
	sim_join_all();
	fini(&w.port);
	fini(&w.reply);
}

TEST(each_message_wakes_a_receiver_while_one_sleeps)
{
	sim_seeds(sleeping_root, NULL, SEEDS);
}
