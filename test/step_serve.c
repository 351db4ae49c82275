/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The server.  What it holds is ended by a thread that a bell wakes, since a
 * cancel may not reply.
 *
 * A survivor is a client of its own exports, too: so it sees that others are
 * served, and that a pump is past whatever it did before.
 */
#define _GNU_SOURCE
#include "../broker/export.h"
#include "conform.h"
#include "step.h"

#include <errno.h>
#include <sched.h>

#define HELD_MAX 32
#define ARENA 32768    /* to make it is most of the time */
#define OWN PORT_BRIEF /* it has links of its own to those before this */

static struct {
	struct mp_port plain, block;
	struct mp_pool narrow;
	struct mp_thread narrow_thread, keeper;
	struct mp_lock lock;
	struct mp_export *export[PORTS];
	struct mp_msg *held[HELD_MAX];
	uint32_t bell, released, stop;
	struct mp_port *link[OWN];
} s;

static struct step_msg *
of(struct mp_msg *m)
{
	return (struct step_msg *)(void *)m;
}

static int
run(struct mp_msg *msg)
{
	struct step_msg *m = of(msg);
	unsigned char *byte = m->buf.base;

	os_store(&step_page->begun[m->in.id], 1);
	if (msg->op == STEP_COPY)
		for (uint64_t i = 0; i < m->buf.len; i++)
			byte[i]++;
	m->out.id = m->in.id + 1;
	return 0;
}

static void
ring_keeper(void)
{
	os_fetch_add(&s.bell, 1);
	os_wake(&s.bell, 1);
}

static void
hold(struct mp_msg *m)
{
	uint32_t i = 0;

	os_store(&step_page->begun[of(m)->in.id], 1);
	mp_msg_take(m);
	os_lock(&s.lock);
	while (s.held[i] != NULL)
		i++;
	CHECK(i < HELD_MAX);
	s.held[i] = m;
	os_store(&step_page->held[of(m)->in.id], 1);
	os_unlock(&s.lock);
	ring_keeper();
}

static int
plain_agent(struct mp_port *p, struct mp_msg *m)
{
	int code = mp_agent_begin(p, m);

	if (code != 0)
		return code;
	if (m->op == STEP_HOLD) {
		hold(m);
		return EASYNC;
	}
	code = run(m);
	if (m->op == STEP_RELEASE) {
		os_store(&s.released, 1);
		ring_keeper();
	}
	return mp_agent_end(m, code);
}

static void
plain_cancel(struct mp_port *p, struct mp_msg *m)
{
	(void)p;
	(void)m;
	ring_keeper();
}

static void
keeper_main(void *arg)
{
	struct mp_msg *m, *over[HELD_MAX];
	uint32_t bell, n;
	bool all;

	(void)arg;
	do {
		bell = os_load_acquire(&s.bell);
		n = 0;
		all = os_xchg(&s.released, 0) != 0;
		os_lock(&s.lock);
		for (uint32_t i = 0; i < HELD_MAX; i++) {
			m = s.held[i];
			if (m == NULL || (!all && !mp_msg_cancelled(m)))
				continue;
			s.held[i] = NULL;
			over[n++] = m;
		}
		os_unlock(&s.lock);
		for (uint32_t i = 0; i < n; i++) {
			of(over[i])->out.id = of(over[i])->in.id + 1;
			mp_reply(over[i],
				 mp_msg_cancelled(over[i]) ? -ECANCELED : 0);
		}
		if (os_load(&s.stop) == 0)
			os_park(&s.bell, bell, MP_NO_DEADLINE);
	} while (os_load(&s.stop) == 0);
}

static int
block_handler(struct mp_port *p, struct mp_msg *m)
{
	(void)p;
	return run(m);
}

/* Its client opens the gate if there are not enough to fill the room. */
static int
narrow_handler(struct mp_port *p, struct mp_msg *m)
{
	int code = run(m);

	(void)p;
	while (m->op == STEP_SHUT ||
	       (m->op == STEP_GATE && os_load_acquire(&step_page->gate) == 0)) {
		if (mp_msg_cancelled(m))
			return -ECANCELED;
		sched_yield();
	}
	return code;
}

static void
open_ports(void)
{
	static const struct mp_port_ops ops = {
		.kind = "step",
		.reply = port_no_reply,
		.cancel = plain_cancel,
	};

	os_lock_init(&s.lock);
	mp_port_init_agent(&s.plain, plain_agent, &ops, NULL);
	mp_port_init_call(&s.block, block_handler, NULL);
	s.block.flags |= MP_PORT_MAY_BLOCK;
	mp_pool_init(&s.narrow, narrow_handler, NULL);
	s.narrow.port.depth_max = 1;
	s.plain.iface = s.block.iface = s.narrow.port.iface = &step_iface;
	CHECK_EQ(os_thread_start(&s.keeper, keeper_main, NULL), 0);
	CHECK_EQ(mp_pool_start(&s.narrow, &s.narrow_thread, 1), 0);
}

static void
close_ports(void)
{
	os_store(&s.stop, 1);
	mp_pool_stop(&s.narrow);
	ring_keeper();
	os_thread_join(&s.keeper);
	mp_port_fini(&s.plain);
	mp_port_fini(&s.block);
}

static void
open_export(enum step_port i)
{
	struct mp_port *port[PORTS] = { &s.plain, &s.narrow.port, &s.block,
					&s.plain };
	struct mp_export *e = NULL;
	struct mp_export_conf conf = { .workers = 1, .arena_max = ARENA };
	int code = mp_export_open(step_name[i], port[i], &conf, &e);

	CHECK(code == 0 || os_load(&step_page->closing) != 0);
	os_lock(&s.lock);
	s.export[i] = e;
	os_unlock(&s.lock);
}

static bool
close_export(enum step_port i)
{
	struct mp_export *e;

	os_lock(&s.lock);
	e = s.export[i];
	s.export[i] = NULL;
	os_unlock(&s.lock);
	mp_export_close(e);
	return e != NULL;
}

static bool
close_all(void)
{
	bool any = false;

	for (uint32_t i = 0; i < PORTS; i++)
		any |= close_export(i);
	return any || step_shut_sockets();
}

static void
check_call(struct mp_port *p)
{
	struct step_msg m = { .msg = MP_MSG(STEP_ECHO) };

	CHECK_EQ(mp_call(p, &m.msg), 0);
	CHECK_EQ(m.out.id, 1);
}

static void
check_new(enum step_port i)
{
	struct mp_port *p;

	check_call(s.link[i]);
	CHECK_EQ(mp_link_open(step_name[i], &step_iface, NULL, &p), 0);
	check_call(p);
	mp_link_close(p);
}

/* Old clients and new ones are served. */
static void
check_all(void)
{
	for (uint32_t i = 0; i < OWN; i++)
		check_new(i);
}

/* What is stopped may have a message where there is room for one. */
static void
probe(void)
{
	check_new(PORT_PLAIN);
	check_new(PORT_BLOCK);
}

/* Nothing of the victim is left; the turn of a pump that says so is over. */
static void
await_alone(void)
{
	for (uint32_t i = 0; i < OWN; i++) {
		while (os_load(&s.export[i] -> clients) != 1)
			sched_yield();
		check_call(s.link[i]);
	}
}

static void
check_ports(void)
{
	struct mp_port *port[] = { &s.plain, &s.narrow.port, &s.block };
	struct mp_port_stats st;

	for (uint32_t i = 0; i < OWN; i++) {
		/* Who replied counts it last, when its client may be gone. */
		do {
			mp_port_stats(port[i], &st);
			CHECK_EQ(st.depth, 0);
		} while (st.held != 0);
	}
}

static void
await_orders(uint32_t *last)
{
	struct step_page *page = step_page;
	struct bell_word w = { .word = &page->control, .shared = true };

	for (;;) {
		w.expected = os_load_acquire(&page->control);
		if (os_load(&page->brief) != 0)
			(void)close_export(PORT_BRIEF);
		if (os_load(last) != 0)
			return;
		bell_park(&w, 1, MP_NO_DEADLINE);
	}
}

static void
survive(void)
{
	struct step_usage before;

	for (uint32_t i = 0; i < OWN; i++) {
		open_export(i);
		CHECK_EQ(mp_link_open(step_name[i], &step_iface, NULL,
				      &s.link[i]),
			 0);
	}
	check_all();
	await_alone();
	before = step_usage();
	step_probe_start(probe);
	open_export(PORT_BRIEF);
	step_post(&step_page->ready);
	await_orders(&step_page->dead);
	(void)close_export(PORT_BRIEF);
	/* Whoever came before these has been accepted when they are. */
	check_all();
	await_alone();
	check_ports();
	step_probe_stop();
	step_check_usage(&before);
	for (uint32_t i = 0; i < OWN; i++)
		mp_link_close(s.link[i]);
}

void
step_serve(void)
{
	struct step_usage before = step_usage();

	step_begin(STEP_SERVER, close_all);
	open_ports();
	if (step_page->victim == STEP_SERVER) {
		for (uint32_t i = 0; i < PORTS; i++)
			open_export(i);
		step_post(&step_page->ready);
		await_orders(&step_page->quit);
	} else {
		survive();
	}
	for (uint32_t i = 0; i < PORTS; i++)
		(void)close_export(i);
	step_end();
	close_ports();
	step_check_usage(&before);
}
