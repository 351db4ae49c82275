/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Promises of the parity modes that a fault of mutant/ broke unnoticed. */
#include "conform.h"
#include "os_sim.h"
#include <msgport/agent.h>

#include <errno.h>
#include <string.h>

#define SEEDS 1000

static struct {
	struct mp_port port, reply;
	struct c_msg m[4];
} w;

static uint64_t slot[1 << 16];

static void
init(void)
{
	memset(&w, 0, sizeof(w));
	sim_name(&w, sizeof(w), "world");
	mp_port_init_queue(&w.port, NULL);
	mp_port_init_discard(&w.reply);
	w.port.iface = &c_iface;
	for (int i = 0; i < 4; i++)
		mp_msg_init(&w.m[i].msg, C_ECHO);
}

static void
fini(void)
{
	mp_port_fini(&w.port);
	mp_port_fini(&w.reply);
}

/* ---- a peer that dies while senders wait for a slot of its */

static void
call_the_dying(void *arg)
{
	struct c_msg *m = arg;
	int code = mp_call(&w.port, &m->msg);

	SIM_CHECK(code == -EPIPE || code == -EOWNERDEAD);
}

static void
dying_root(void *arg)
{
	struct mp_parity_conf conf = {
		.modes = MP_PARITY_COPY | MP_PARITY_KILL,
		.kill_at = 2,
		.slots = 1,
		.memory = slot,
	};
	struct mp_parity parity;
	struct mp_msg *m;

	(void)arg;
	init();
	SIM_CHECK(mp_parity_size(&c_iface, 1) <= sizeof(slot));
	SIM_EQ(mp_parity_start(&parity, &w.port, &conf), 0);
	w.m[0].msg.reply = &w.reply;
	SIM_EQ(mp_send(&w.port, &w.m[0].msg), 0);
	m = mp_recv(&w.port);
	for (int i = 1; i < 4; i++)
		sim_start(call_the_dying, &w.m[i]);
	mp_reply(m, 0);
	/* Nobody serves from here on. */
	sim_join_all();
	while ((m = mp_tryrecv(&w.port)) != NULL)
		mp_reply(m, 0);
	mp_parity_stop(&parity);
	fini();
}

TEST(who_waits_for_a_peer_that_dies_is_told)
{
	sim_seeds(dying_root, NULL, SEEDS);
}

/* ---- a peer that is killed while messages are sent to it */

#define SENDERS 3
#define KILLERS 2

static struct mp_msg *kept[SENDERS];
static uint32_t keeping;

/* Nothing is replied before all senders know. */
static void
keep_all(void *arg)
{
	struct mp_msg *m;

	(void)arg;
	while ((m = mp_recv(&w.port)) != NULL)
		kept[keeping++] = m;
}

static void
send_to_the_dying(void *arg)
{
	struct c_msg *m = arg;
	uint32_t way = sim_choose(3);
	int code;

	m->msg.reply = way == 1 ? &w.reply : NULL;
	if (way == 0)
		code = mp_call(&w.port, &m->msg);
	else if (way == 1)
		code = mp_send(&w.port, &m->msg);
	else
		code = w.port.mp_SendMsg(&w.port, &m->msg);
	if (way == 2 && code == EASYNC)
		code = mp_wait(&m->msg);
	while (!mp_done(&m->msg))
		os_relax();
	if (way == 1 && code == 0)
		code = m->msg.result;
	SIM_CHECK(code == -EPIPE || code == -EOWNERDEAD ||
		  (code == -EAGAIN && way != 0));
}

static void
kill_now(void *arg)
{
	mp_parity_kill(arg);
}

static void
killed_root(void *arg)
{
	struct mp_parity_conf conf = {
		.modes = MP_PARITY_POISON | MP_PARITY_KILL,
		.slots = 2,
		.memory = slot,
	};
	struct mp_parity parity;
	int id[SENDERS + KILLERS], server;

	(void)arg;
	init();
	keeping = 0;
	if (sim_choose(2) != 0)
		conf.modes |= MP_PARITY_ASYNC;
	SIM_CHECK(mp_parity_size(&c_iface, 2) <= sizeof(slot));
	SIM_EQ(mp_parity_start(&parity, &w.port, &conf), 0);
	server = sim_start(keep_all, NULL);
	for (int i = 0; i < SENDERS; i++)
		id[i] = sim_start(send_to_the_dying, &w.m[i]);
	for (int i = SENDERS; i < SENDERS + KILLERS; i++)
		id[i] = sim_start(kill_now, &parity);
	for (int i = 0; i < SENDERS + KILLERS; i++)
		sim_join(id[i]);
	mp_port_close(&w.port);
	sim_join(server);
	while (keeping != 0)
		mp_reply(kept[--keeping], 9);
	for (int i = 0; i < SENDERS; i++)
		SIM_CHECK(mp_done(&w.m[i].msg) && w.m[i].msg.result != 9);
	mp_parity_stop(&parity);
	sim_fence();
	fini();
}

TEST(who_sends_while_the_peer_dies_is_told_once)
{
	sim_seeds(killed_root, NULL, 10 * SEEDS);
}

/* ---- the receiver's copy, after its reply */

static void
poison_root(void *arg)
{
	struct mp_parity_conf conf = {
		.modes = MP_PARITY_POISON,
		.slots = 1,
		.memory = slot,
	};
	struct mp_parity parity;
	struct c_msg *copy;
	unsigned char byte;

	(void)arg;
	init();
	SIM_EQ(mp_parity_start(&parity, &w.port, &conf), 0);
	w.m[0].in.value = 7;
	w.m[0].msg.reply = &w.reply;
	SIM_EQ(mp_send(&w.port, &w.m[0].msg), 0);
	copy = MP_CONTAINER(mp_recv(&w.port), struct c_msg, msg);
	SIM_CHECK(copy != &w.m[0] && copy->in.value == 7);
	mp_reply(&copy->msg, 0);
	memcpy(&byte, &copy->in.value, 1);
	SIM_EQ(byte, MP_PARITY_POISON_BYTE);
	mp_parity_stop(&parity);
	sim_fence();
	fini();
}

TEST(what_was_replied_is_spoilt)
{
	sim_seeds(poison_root, NULL, 1);
}
