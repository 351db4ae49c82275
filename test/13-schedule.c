/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Everything that can end a message, against each other: reply, cancel,
 * deadline, timeout of the wait, drop, forward, close of either port; each
 * set of up to three of these is a test.  The seed chooses among the kinds of
 * target, of reply port and of sending, and who comes when.
 *
 * Two senders, each with a message and a reply port of its own that is gone as
 * soon as the message is back; whoever touches them later is caught.
 */
#include "os_sim.h"
#include <msgport/agent.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define SEEDS 10000
#define SENDERS 2
#define UNSAID 1
#define SOON_NS 1000100
#define LATER_NS 1000200

enum {
	CANCEL = 1,
	DEADLINE = 2,
	TIMEOUT = 4,
	DROP = 8,
	FORWARD = 16,
	CLOSE = 32,
	REPLY_CLOSE = 64,
	EVENTS = 128,
};

enum target { QUEUE, POOL, SERIAL, FILTER, CALL, AGENT, HOOK, TARGETS };
enum way { SYNC, RAW, WAIT, RECV, CALLBACK, COUNT, DISCARD, WAYS };

/* The slot of a message that an agent gave to a worker. */
enum { SLOT_EMPTY, SLOT_FULL, SLOT_TAKEN, SLOT_QUIT };

struct sender {
	struct mp_msg m;
	struct mp_port reply;
	enum way way;
	bool sent, over;
	int ran, said;
	bool forwarded;
	uint32_t slot;
	uint32_t called;
};

static struct world {
	uint32_t events;
	enum target target, next_kind;
	struct mp_port port, next, behind;
	struct sender sender[SENDERS];
	bool closed;
} w;

static struct sender *
sender_of(struct mp_msg *m)
{
	return MP_CONTAINER(m, struct sender, m);
}

static bool
has(uint32_t event)
{
	return (w.events & event) != 0;
}

/* ---- the serving side */

/* What the end of m is to be; sometimes not before its deadline. */
static int
say(struct mp_msg *m)
{
	struct sender *s = sender_of(m);

	SIM_EQ(s->ran++, 0);
	SIM_CHECK(!s->over);
	if (has(DEADLINE) && sim_choose(3) == 0)
		sim_sleep_until(LATER_NS);
	s->said = 100 + (int)m->op;
	if (mp_msg_cancelled(m) && sim_choose(2) == 0)
		s->said = -ECANCELED;
	return s->said;
}

static int
inline_handler(struct mp_port *p, struct mp_msg *m)
{
	struct sender *s = sender_of(m);

	if (p == &w.port && has(FORWARD) && sim_choose(2) == 0) {
		s->forwarded = true;
		return mp_forward(&w.next, m);
	}
	return say(m);
}

static int
taking_handler(struct mp_port *p, struct mp_msg *m)
{
	struct sender *s = sender_of(m);

	(void)p;
	mp_msg_take(m);
	os_store_release(&s->slot, SLOT_FULL);
	os_wake(&s->slot, 1);
	return EASYNC;
}

static int
taking_agent(struct mp_port *p, struct mp_msg *m)
{
	int code = mp_agent_begin(p, m);

	return code != 0 ? code : taking_handler(p, m);
}

static void
end_by_hook(struct mp_port *p, struct mp_msg *m)
{
	struct sender *s = sender_of(m);
	uint32_t full = SLOT_FULL;

	SIM_CHECK(p == &w.port && !s->over);
	if (!os_cas(&s->slot, &full, SLOT_TAKEN)) {
		SIM_CHECK(!s->over);
		return;
	}
	s->ran++;
	s->said = -ECANCELED;
	mp_reply(m, -ECANCELED);
}

static int
look(struct mp_port *p, struct mp_msg *m)
{
	return p == NULL || m == NULL;
}

static void
end_held(struct mp_msg *m)
{
	struct sender *s = sender_of(m);

	if (has(FORWARD) && !s->forwarded && sim_choose(2) == 0) {
		s->forwarded = true;
		mp_forward(&w.next, m);
		return;
	}
	mp_reply(m, say(m));
}

static void
worker(void *arg)
{
	struct sender *s = arg;
	uint32_t full;

	for (;;) {
		full = SLOT_FULL;
		if (os_cas(&s->slot, &full, SLOT_TAKEN))
			end_held(&s->m);
		if (full == SLOT_QUIT || full == SLOT_TAKEN)
			return;
		os_park(&s->slot, SLOT_EMPTY, MP_NO_DEADLINE);
	}
}

static void
server(void *arg)
{
	struct mp_port *p = arg;
	struct mp_msg *m;

	while ((m = mp_recv(p)) != NULL) {
		SIM_CHECK(!mp_msg_is_reply(m));
		end_held(m);
	}
}

/* ---- the sending side */

static bool
may_end_with(int code)
{
	switch (code) {
	case -ECANCELED:
		return has(CANCEL | TIMEOUT);
	case -ETIME:
		return has(DEADLINE);
	case -EPIPE:
		return has(CLOSE);
	}
	return false;
}

static void
over(struct sender *s, int code)
{
	SIM_CHECK(!s->over);
	s->over = true;
	SIM_CHECK(mp_done(&s->m));
	if (s->said == UNSAID)
		SIM_CHECK(may_end_with(code));
	else if (s->said != -ECANCELED || code != -ETIME)
		SIM_EQ(code, s->said);
}

/* True if it is back without having been completed. */
static bool
dropped(struct sender *s)
{
	if (!has(DROP))
		return false;
	if (mp_drop(&s->m) != 0)
		return false;
	SIM_EQ(s->ran, 0);
	s->over = true;
	return true;
}

static void
receive(struct sender *s)
{
	struct mp_msg *m = NULL;
	int code = -ETIMEDOUT;

	if (has(TIMEOUT))
		code = mp_recv_until(&s->reply, SOON_NS, &m);
	if (code == -ETIMEDOUT)
		m = mp_recv(&s->reply);
	if (m == NULL) {
		SIM_CHECK(has(REPLY_CLOSE));
		over(s, mp_wait(&s->m));
		return;
	}
	SIM_CHECK(m == &s->m && mp_msg_is_reply(m));
	over(s, m->result);
}

static void
wait_for(struct sender *s)
{
	int code = -ETIMEDOUT;

	if (has(TIMEOUT))
		code = mp_wait_until(&s->m, SOON_NS);
	if (code == -ETIMEDOUT && has(TIMEOUT)) {
		SIM_CHECK(os_now_ns() >= SOON_NS);
		if (sim_choose(2) == 0)
			mp_cancel(&s->m);
		if (s->way == WAIT && sim_choose(2) == 0) {
			receive(s);
			return;
		}
	}
	if (code == -ETIMEDOUT)
		code = mp_wait(&s->m);
	SIM_EQ(code, s->m.result);
	over(s, code);
}

static void
completed(struct sender *s)
{
	switch (s->way) {
	case WAIT:
		wait_for(s);
		return;
	case RECV:
		receive(s);
		return;
	case CALLBACK:
		if (has(REPLY_CLOSE))
			break;
		while (os_load_acquire(&s->called) == 0)
			os_park(&s->called, 0, MP_NO_DEADLINE);
		break;
	case COUNT:
		SIM_EQ(mp_count_wait(&s->reply, 1, MP_NO_DEADLINE), 0);
		break;
	default:
		break;
	}
	while (!mp_done(&s->m))
		os_relax();
	over(s, s->m.result);
}

static void
send_and_wait(struct sender *s)
{
	int code;

	switch (s->way) {
	case SYNC:
		code = mp_call(&w.port, &s->m);
		SIM_EQ(code, s->m.result);
		over(s, code);
		return;
	case RAW:
		code = w.port.mp_SendMsg(&w.port, &s->m);
		if (code != EASYNC)
			over(s, code);
		else if (!dropped(s))
			wait_for(s);
		return;
	default:
		code = mp_send(&w.port, &s->m);
		if (code != 0)
			SIM_CHECK(s->said == UNSAID && may_end_with(code));
		else if (!dropped(s))
			completed(s);
	}
}

static void
send_one(void *arg)
{
	struct sender *s = arg;

	send_and_wait(s);
	if (!has(CANCEL))
		sim_dead(&s->m, sizeof(s->m));
	if (has(REPLY_CLOSE))
		return;
	mp_port_fini(&s->reply);
	sim_dead(&s->reply, sizeof(s->reply));
}

static void
callback(struct mp_port *p, struct mp_msg *m)
{
	struct sender *s = MP_CONTAINER(p, struct sender, reply);

	/* Who only looks whether it is done may be ahead of this. */
	SIM_CHECK(m == &s->m && (!s->over || has(REPLY_CLOSE)));
	SIM_EQ(os_load(&s->called), 0);
	os_store_release(&s->called, 1);
	os_wake(&s->called, 1);
}

/* ---- what may come between */

static void
cancel(void *arg)
{
	mp_cancel(arg);
}

static void
close_port(void *arg)
{
	mp_port_close(arg);
}

static void
init_target(struct mp_port *p, enum target kind)
{
	static const struct mp_port_ops hook = {
		.kind = "hook",
		.cancel = end_by_hook,
	};

	if (kind == QUEUE || kind == POOL)
		mp_port_init_queue(p, NULL);
	else if (kind == SERIAL)
		mp_port_init_serial(p, inline_handler, NULL);
	else if (kind == FILTER)
		mp_port_init_filter(p, look, &w.behind);
	else if (kind == CALL)
		mp_port_init_call(p, inline_handler, NULL);
	else
		mp_port_init_agent(p, taking_agent, kind == HOOK ? &hook : NULL,
				   NULL);
}

static void
init_sender(struct sender *s, uint32_t i)
{
	*s = (struct sender){ .said = UNSAID };
	s->way = sim_choose(WAYS);
	mp_msg_init(&s->m, i);
	if (has(DEADLINE))
		s->m.deadline_ns = SOON_NS;
	if (s->way == WAIT || s->way == RECV)
		mp_port_init_queue(&s->reply, NULL);
	else if (s->way == CALLBACK)
		mp_port_init_callback(&s->reply, callback, NULL);
	else if (s->way == COUNT)
		mp_port_init_count(&s->reply);
	else
		mp_port_init_discard(&s->reply);
	if (s->way > RAW)
		s->m.reply = &s->reply;
	sim_name(s, sizeof(*s), i == 0 ? "sender0" : "sender1");
}

static void
quit(struct sender *s)
{
	uint32_t empty = SLOT_EMPTY;

	if (os_cas(&s->slot, &empty, SLOT_QUIT))
		os_wake(&s->slot, UINT32_MAX);
}

static void
start(void)
{
	for (int n = w.target == POOL ? 2 : w.target == QUEUE; n > 0; n--)
		sim_start(server, &w.port);
	if (w.target == FILTER)
		sim_start(server, &w.behind);
	if (has(FORWARD) && w.next_kind == QUEUE)
		sim_start(server, &w.next);
}

static void
root(void *arg)
{
	int sender[SENDERS + 3], n = 0;

	w.events = (uint32_t)(uintptr_t)arg;
	w.target = sim_choose(TARGETS);
	w.next_kind = sim_choose(3) == 0 ? CALL : sim_choose(2) * SERIAL;
	init_target(&w.port, w.target);
	init_target(&w.next, w.next_kind);
	init_target(&w.behind, QUEUE);
	sim_name(&w.port, sizeof(w.port), "port");
	for (uint32_t i = 0; i < SENDERS; i++)
		init_sender(&w.sender[i], i);
	start();
	for (uint32_t i = 0; i < SENDERS; i++)
		sender[n++] = sim_start(send_one, &w.sender[i]);
	if (has(CANCEL))
		sender[n++] = sim_start(cancel, &w.sender[0].m);
	if (has(CLOSE))
		sender[n++] = sim_start(close_port, &w.port);
	if (has(REPLY_CLOSE))
		sender[n++] = sim_start(close_port, &w.sender[0].reply);
	if (w.target == AGENT || w.target == HOOK)
		for (uint32_t i = 0; i < SENDERS; i++)
			sim_start(worker, &w.sender[i]);
	while (n-- > 0)
		sim_join(sender[n]);
	for (uint32_t i = 0; i < SENDERS; i++)
		quit(&w.sender[i]);
	mp_port_close(&w.port);
	mp_port_close(&w.behind);
	mp_port_close(&w.next);
	sim_join_all();
	sim_fini(&w.port);
	sim_fini(&w.behind);
	sim_fini(&w.next);
	for (uint32_t i = 0; i < SENDERS && has(REPLY_CLOSE); i++)
		sim_fini(&w.sender[i].reply);
}

static void
one_test(const void *arg)
{
	sim_seeds(root, (void *)(uintptr_t)arg, SEEDS);
}

void
t_setup(void)
{
	static const char group[] = "events";
	static const char *const name[] = {
		"cancel",  "deadline", "timeout",     "drop",
		"forward", "close",    "reply_close",
	};
	char text[128];

	for (uintptr_t set = 0; set < EVENTS; set++) {
		strcpy(text, "reply");
		for (int i = 0; i < 7; i++)
			if ((set >> i & 1) != 0)
				strcat(strcat(text, "_vs_"), name[i]);
		if (__builtin_popcountl(set) <= 3)
			t_case(group, text, one_test, (void *)set);
	}
}
