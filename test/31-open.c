/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Invariant 56 for a published port: to find it is to open it, and counts
 * before anything else happens; it goes with its last user, not when its name
 * does; and whoever ends it waits for what is still under way.
 */
#include "os_sim.h"
#include <msgport/agent.h>
#include <msgport/name.h>

#include <errno.h>
#include <string.h>

#define SEEDS 10000
#define USERS 2
#define THREADS 2
#define KEPT 2

enum kind { CALL, SERIAL, POOL, KINDS };

static struct {
	struct mp_pool pool; /* its port is that of any kind */
	struct mp_thread thread[THREADS];
	struct mp_port reply;
	struct mp_name name;
	struct mp_msg m[USERS];
	struct mp_msg *kept[KEPT];
	uint32_t users;	      /* have it open */
	uint32_t withdrawing; /* from now on it may be gone */
	uint32_t released;
	uint32_t closed;
	uint32_t keeping;
	enum kind kind;
} w;

static void
start(mp_handler_fn *handler)
{
	struct mp_port *p = &w.pool.port;

	memset(&w, 0, sizeof(w));
	sim_name(&w, sizeof(w), "world");
	w.kind = (enum kind)sim_choose(KINDS);
	mp_port_init_discard(&w.reply);
	for (int i = 0; i < USERS; i++) {
		mp_msg_init(&w.m[i], 5);
		w.m[i].reply = &w.reply;
	}
	if (w.kind == CALL)
		mp_port_init_call(p, handler, NULL);
	if (w.kind == SERIAL)
		mp_port_init_serial(p, handler, NULL);
	if (w.kind != POOL)
		return;
	mp_pool_init(&w.pool, handler, NULL);
	SIM_EQ(mp_pool_start(&w.pool, w.thread, 1 + sim_choose(THREADS)), 0);
}

static void
stop(void)
{
	if (w.kind == POOL)
		mp_pool_stop(&w.pool);
	else
		mp_port_fini(&w.pool.port);
	sim_dead(&w.pool, sizeof(w.pool));
}

/* ---- users come while the name goes */

static int
work(struct mp_port *p, struct mp_msg *m)
{
	SIM_CHECK(p == &w.pool.port);
	SIM_EQ(os_load(&w.closed), 0);
	os_relax();
	SIM_EQ(os_load(&w.closed), 0);
	return (int)m->op;
}

static void
release(struct mp_port *p)
{
	SIM_CHECK(p == &w.pool.port);
	SIM_EQ(os_load(&w.users), 0);
	SIM_CHECK(os_load(&w.withdrawing) != 0);
	os_fetch_add(&w.released, 1);
}

/* A message that is sent may be out when its port is not open any more. */
static void
use(void *arg)
{
	struct mp_msg *m = arg;
	struct mp_port *p;
	int code;

	for (int i = 0; i < 2; i++) {
		p = mp_name_find("disk");
		if (p == NULL) {
			SIM_CHECK(os_load(&w.withdrawing) != 0);
			return;
		}
		os_fetch_add(&w.users, 1);
		if (sim_choose(2) != 0)
			code = mp_call(p, m);
		else
			code = mp_send(p, m);
		os_fetch_add(&w.users, -1u);
		mp_port_unref(p);
		while (!mp_done(m))
			os_relax();
		code = code == 0 ? m->result : code;
		SIM_CHECK(code == 5 || code == -EPIPE);
		sim_fence();
	}
}

static void
withdraw_root(void *arg)
{
	struct mp_port *p = &w.pool.port;

	(void)arg;
	start(work);
	p->released = release;
	SIM_EQ(mp_name_publish(&w.name, "disk", p), 0);
	for (int i = 0; i < USERS; i++)
		sim_start(use, &w.m[i]);
	for (uint32_t i = sim_choose(4); i > 0; i--)
		os_relax();
	os_store(&w.withdrawing, 1);
	if (sim_choose(2) != 0)
		mp_port_close(p);
	mp_name_withdraw(&w.name);
	sim_dead(&w.name, sizeof(w.name));
	SIM_CHECK(mp_name_find("disk") == NULL);
	while (os_load(&w.released) == 0)
		os_relax();
	stop();
	os_store(&w.closed, 1);
	sim_join_all();
	SIM_EQ(w.released, 1);
	mp_port_fini(&w.reply);
}

TEST(a_withdrawn_port_goes_with_its_last_user)
{
	sim_seeds(withdraw_root, NULL, 2 * SEEDS);
}

/* ---- its end while messages are held */

static int
keep(struct mp_port *p, struct mp_msg *m)
{
	SIM_CHECK(p == &w.pool.port);
	mp_msg_take(m);
	w.kept[os_fetch_add(&w.keeping, 1)] = m;
	return EASYNC;
}

static void
reply_late(void *arg)
{
	(void)arg;
	for (int i = 0; i < KEPT; i++) {
		os_relax();
		mp_reply(w.kept[i], 7);
	}
}

static void
drain_root(void *arg)
{
	(void)arg;
	start(keep);
	for (int i = 0; i < KEPT; i++)
		SIM_EQ(mp_send(&w.pool.port, &w.m[i]), 0);
	while (os_load(&w.keeping) != KEPT)
		os_relax();
	sim_start(reply_late, NULL);
	stop();
	for (int i = 0; i < KEPT; i++)
		SIM_CHECK(mp_done(&w.m[i]) && w.m[i].result == 7);
	sim_join_all();
	mp_port_fini(&w.reply);
}

TEST(the_end_of_a_port_waits_for_what_is_held)
{
	sim_seeds(drain_root, NULL, SEEDS);
}
