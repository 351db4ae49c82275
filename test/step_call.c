/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The client: it uses all that a link has, in phases, and looks at each
 * message's one end.  After the server's death or a close of its own it goes on
 * to the end all the same, and each thing it tries is refused.
 */
#define _GNU_SOURCE
#include "conform.h"
#include "step.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>

#define SLOTS 4
#define BYTES 5000
#define SHORT_NS 1000000ull
#define UNUSED 1

struct item {
	struct step_msg m;
	struct mp_port *to;
	uint32_t ended; /* atomic: how often */
	int code;
	bool may_cancel, may_die; /* by this side */
	unsigned char byte[BYTES];
};

static struct {
	struct mp_port *link[PORTS];
	struct mp_lock lock; /* of the links */
	struct mp_port reply;
	struct item item[STEP_ITEMS];
	uint32_t items;
} c;

static struct item *
item(enum step_port to, uint32_t op)
{
	struct item *it = &c.item[++c.items];

	CHECK(c.items < STEP_ITEMS);
	mp_msg_init(&it->m.msg, op);
	it->m.in.id = c.items;
	it->code = UNUSED;
	it->to = c.link[to];
	if (op == STEP_COPY)
		it->m.buf = (struct mp_buf){ .base = it->byte,
					     .len = BYTES,
					     .dir = MP_BUF_IN | MP_BUF_OUT };
	return it;
}

/* One of us is dying. */
static bool
may_fail(const struct item *it)
{
	return it->may_die || os_load(&step_page->killed) != 0 ||
	       os_load(&step_page->closing) != 0;
}

static void
judge(struct item *it, int code)
{
	it->code = code;
	if (code == 0) {
		CHECK_EQ(it->m.out.id, it->m.in.id + 1);
		for (uint32_t i = 0; i < it->m.buf.len; i++)
			if (it->byte[i] != 1)
				CHECK_EQ(it->byte[i], 1);
	} else if (code == -ETIME) {
		CHECK(it->m.msg.deadline_ns != 0);
	} else if (code == -ECANCELED) {
		CHECK(it->may_cancel || may_fail(it));
	} else {
		if (code != -EPIPE)
			CHECK_EQ(code, -EOWNERDEAD);
		CHECK(may_fail(it));
	}
}

static void
call(struct item *it)
{
	if (it->to == NULL)
		return;
	judge(it, mp_call(it->to, &it->m.msg));
}

static void
came(struct mp_port *p, struct mp_msg *m)
{
	struct item *it = MP_CONTAINER(m, struct item, m.msg);

	(void)p;
	judge(it, m->result);
	CHECK_EQ(os_fetch_add(&it->ended, 1), 0);
	os_wake(&it->ended, 1);
}

/* True if it is out, or was. */
static bool
send(struct item *it)
{
	int code = -EPIPE;

	it->m.msg.reply = &c.reply;
	if (it->to != NULL)
		code = mp_send(it->to, &it->m.msg);
	if (code == 0)
		return true;
	if (code != -EAGAIN)
		CHECK(code == -EPIPE && may_fail(it));
	it->code = code;
	it->m.msg.reply = NULL;
	return false;
}

static void
await(struct item *it)
{
	if (it->m.msg.reply == NULL)
		return;
	while (os_load_acquire(&it->ended) == 0)
		os_park(&it->ended, 0, MP_NO_DEADLINE);
}

/* ---- who helps a sleeper */

struct helper {
	struct mp_thread thread;
	struct item *held;    /* this one is, and the sleeper sleeps */
	struct item *release; /* NULL: cancel it */
	uint32_t tid, over;
};

static void
helper_main(void *arg)
{
	struct helper *h = arg;

	while (os_load_acquire(&step_page->held[h->held->m.in.id]) == 0) {
		if (os_load_acquire(&h->over) != 0)
			return;
		sched_yield();
	}
	if (!c_sleeps(h->tid, &h->over))
		return;
	if (h->release != NULL)
		call(h->release);
	else
		mp_cancel(&h->held->m.msg);
}

/* A call that ends only by what the helper does. */
static void
call_with_help(struct item *it, struct item *held, struct item *release)
{
	struct helper h = { .held = held,
			    .release = release,
			    .tid = c_thread_id() };

	CHECK_EQ(os_thread_start(&h.thread, helper_main, &h), 0);
	call(it);
	os_store_release(&h.over, 1);
	os_thread_join(&h.thread);
}

/* ---- the phases */

static bool
open_link(enum step_port i)
{
	struct mp_link_conf conf = { .slots = SLOTS };
	struct mp_port *p = NULL;
	int code = mp_link_open(step_name[i], &step_iface, &conf, &p);

	if (code != 0) {
		CHECK(os_load(&step_page->killed) != 0 ||
		      os_load(&step_page->closing) != 0);
		return false;
	}
	os_lock(&c.lock);
	c.link[i] = p;
	os_unlock(&c.lock);
	return true;
}

static void
close_link(enum step_port i)
{
	struct mp_port *p;

	os_lock(&c.lock);
	p = c.link[i];
	c.link[i] = NULL;
	os_unlock(&c.lock);
	mp_link_close(p);
}

/* Until one has left before its time was over. */
static void
call_in_time(void)
{
	uint64_t ns = SHORT_NS;
	struct item *it;

	do {
		it = item(PORT_PLAIN, STEP_HOLD);
		it->m.msg.deadline_ns = os_now_ns() + ns;
		call(it);
		ns *= 2;
	} while (it->code == -ETIME &&
		 os_load(&step_page->begun[it->m.in.id]) == 0 && !may_fail(it));
}

static void
phase_sync(void)
{
	struct item *it;

	call(item(PORT_PLAIN, STEP_ECHO));
	call(item(PORT_PLAIN, STEP_COPY));
	it = item(PORT_PLAIN, STEP_ECHO);
	it->m.msg.flags = MP_MSG_PRIORITY;
	call(it);
	call(item(PORT_BLOCK, STEP_ECHO));
	call_in_time();
	it = item(PORT_PLAIN, STEP_HOLD);
	it->may_cancel = true;
	call_with_help(it, it, NULL);
	it = item(PORT_PLAIN, STEP_HOLD);
	call_with_help(it, it, item(PORT_PLAIN, STEP_RELEASE));
}

/* More than it has slots; then one must wait for a slot. */
static void
fill_link(void)
{
	struct item *it[SLOTS + 1];
	uint32_t n = 0;

	do {
		it[n] = item(PORT_PLAIN, STEP_HOLD);
		it[n]->may_cancel = true;
	} while (send(it[n]) && ++n <= SLOTS);
	/* A close makes room, and lets nothing stay. */
	CHECK(n <= SLOTS || os_load(&step_page->closing) != 0);
	if (n != 0)
		call_with_help(item(PORT_PLAIN, STEP_ECHO), it[0], NULL);
	for (uint32_t i = 0; i < n; i++) {
		mp_cancel(&it[i]->m.msg);
		await(it[i]);
	}
}

static void
phase_async(void)
{
	struct item *it[3];
	bool all = true;

	it[0] = item(PORT_PLAIN, STEP_ECHO);
	it[1] = item(PORT_PLAIN, STEP_COPY);
	it[2] = item(PORT_PLAIN, STEP_ECHO);
	it[2]->m.msg.flags = MP_MSG_PRIORITY;
	for (uint32_t i = 0; i < 3; i++)
		(void)send(it[i]);
	for (uint32_t i = 0; i < 3; i++)
		await(it[i]);
	fill_link();
	for (uint32_t i = 0; i < 3; i++) {
		it[i] = item(PORT_NARROW, STEP_GATE);
		all &= send(it[i]);
	}
	if (!all)
		os_store_release(&step_page->gate, 1);
	for (uint32_t i = 0; i < 3; i++)
		await(it[i]);
}

static void
send_three(struct item *it[3], enum step_port to, const uint32_t op[3])
{
	for (uint32_t i = 0; i < 3; i++) {
		it[i] = item(to, op[i]);
		it[i]->may_die = true;
		(void)send(it[i]);
	}
}

static void
await_three(struct item *it[3])
{
	for (uint32_t i = 0; i < 3; i++)
		await(it[i]);
}

/* A link that closes with messages out. */
static void
close_early(void)
{
	static const uint32_t op[] = { STEP_HOLD, STEP_COPY, STEP_HOLD };
	struct item *it[3];

	if (!open_link(PORT_BRIEF))
		return;
	send_three(it, PORT_BRIEF, op);
	close_link(PORT_BRIEF);
	await_three(it);
}

/* One that closes while its server waits for room for it. */
static void
close_stalled(void)
{
	static const uint32_t op[] = { STEP_SHUT, STEP_SHUT, STEP_SHUT };
	uint32_t before = os_load(&step_page->stalled);
	struct item *it[3];

	send_three(it, PORT_NARROW, op);
	while (os_load(&step_page->stalled) == before && !may_fail(&c.item[0]))
		sched_yield();
	close_link(PORT_NARROW);
	await_three(it);
}

struct follower {
	struct mp_thread serves, asks;
	uint32_t tid, served, over;
	uint32_t main_tid;
};

static void
serve_brief(void *arg)
{
	struct follower *f = arg;

	os_store_release(&f->tid, c_thread_id());
	mp_link_serve(c.link[PORT_BRIEF]);
	os_store_release(&f->served, 1);
}

static void
ask_brief(void *arg)
{
	struct follower *f = arg;

	(void)c_sleeps(f->main_tid, &f->over);
	step_post(&step_page->brief);
	step_post(&step_page->control);
}

/* One whose server closes, while a thread serves it and another follows. */
static void
close_late(void)
{
	struct follower f = { .main_tid = c_thread_id() };
	struct item *held;

	if (!open_link(PORT_BRIEF))
		return;
	CHECK_EQ(os_thread_start(&f.serves, serve_brief, &f), 0);
	held = item(PORT_BRIEF, STEP_HOLD);
	held->may_die = true;
	(void)send(held);
	while (os_load_acquire(&f.tid) == 0)
		sched_yield();
	(void)c_sleeps(f.tid, &f.served);
	CHECK_EQ(os_thread_start(&f.asks, ask_brief, &f), 0);
	await(held);
	os_store_release(&f.over, 1);
	os_thread_join(&f.asks);
	os_thread_join(&f.serves);
	close_link(PORT_BRIEF);
}

/* Messages are out when the server goes, or else when the links do. */
static void
phase_end(void)
{
	static const uint32_t op[] = { STEP_HOLD, STEP_ECHO, STEP_HOLD };
	struct item *it[3];

	send_three(it, PORT_PLAIN, op);
	step_post(&step_page->quit);
	step_post(&step_page->control);
	if (step_page->victim == STEP_SERVER) {
		await_three(it);
		step_await(&step_page->dead);
	}
	for (uint32_t i = 0; i < PORTS; i++)
		close_link(i);
	await_three(it);
}

/* ---- the whole */

static bool
shut_links(void)
{
	bool any = false;

	os_lock(&c.lock);
	for (uint32_t i = 0; i < PORTS; i++)
		if (c.link[i] != NULL) {
			mp_link_shutdown(c.link[i]);
			any = true;
		}
	os_unlock(&c.lock);
	return any || step_shut_sockets();
}

/* The server is stopped, and nobody takes that for its end. */
static void
probe(void)
{
	struct step_msg m = { .msg = MP_MSG(STEP_ECHO) };
	int code = -ETIME;

	os_lock(&c.lock);
	m.msg.deadline_ns = os_now_ns() + SHORT_NS;
	if (c.link[PORT_PLAIN] != NULL)
		code = mp_call(c.link[PORT_PLAIN], &m.msg);
	os_unlock(&c.lock);
	/* It may have been closing by then. */
	if (code != 0 && (code != -EPIPE || os_load(&step_page->quit) == 0))
		CHECK_EQ(code, -ETIME);
}

/* Started are all that ran, and all that may have. */
static void
check_items(void)
{
	uint32_t started = 0;

	for (uint32_t i = 1; i <= c.items; i++) {
		struct item *it = &c.item[i];

		if (it->code == -EPIPE || it->code == -EAGAIN)
			CHECK_EQ(step_page->begun[i], 0);
		started += it->code == 0 && it->to != NULL;
		started += it->code == -EOWNERDEAD && !it->may_die;
	}
	if (step_page->action != STEP_CLOSE)
		CHECK(started <= os_load(&step_page->started));
}

/* The name is free for another server. */
static void
check_new_server(void)
{
	struct step_msg m = { .msg = MP_MSG(STEP_ECHO) };
	struct mp_export *e;
	struct mp_port dead, *p;

	mp_port_init_dead(&dead, -EXDEV);
	dead.iface = &step_iface;
	CHECK_EQ(mp_export_open(step_name[PORT_PLAIN], &dead, NULL, &e), 0);
	CHECK_EQ(mp_link_open(step_name[PORT_PLAIN], &step_iface, NULL, &p), 0);
	CHECK_EQ(mp_call(p, &m.msg), -EXDEV);
	mp_link_close(p);
	mp_export_close(e);
	mp_port_fini(&dead);
}

void
step_call(void)
{
	struct step_usage before = step_usage();
	bool survives = step_page->victim == STEP_SERVER;

	os_lock_init(&c.lock);
	mp_port_init_callback(&c.reply, came, NULL);
	step_begin(STEP_CLIENT, shut_links);
	if (survives)
		step_probe_start(probe);
	step_await(&step_page->ready);
	for (uint32_t i = 0; i < PORT_BRIEF; i++)
		(void)open_link(i);
	os_store(&step_page->phase, PHASE_SYNC);
	phase_sync();
	os_store(&step_page->phase, PHASE_ASYNC);
	phase_async();
	os_store(&step_page->phase, PHASE_MORE);
	close_early();
	close_stalled();
	close_late();
	os_store(&step_page->phase, PHASE_END);
	phase_end();
	step_end();
	if (survives)
		step_probe_stop();
	mp_port_fini(&c.reply);
	check_items();
	if (survives)
		check_new_server();
	step_check_usage(&before);
}
