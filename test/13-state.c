/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * One message, its sender, its receiver and one who disturbs them: each
 * transition of the state word against each other one, exhaustively, delayed
 * stores included.  SIM_STATES=1 prints how many states that are, SIM_BOUND=n
 * looks deeper.
 */
#include "os_sim.h"
#include <msgport/agent.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UNSAID 1
#define SOON_NS 1000100

enum disturber {
	NOBODY,
	DEADLINE,
	TIMEOUT,
	DROP,
	CANCEL, /* from here on a thread of its own */
	FORWARD,
	CLOSE,
	REPLY_CLOSE,
	RECEIVE,
	DISTURBERS,
};

enum target { QUEUE, SERIAL, HOOK, TARGETS };
enum way { SYNC, RAW, WAIT, RECV, WAYS };

struct plan {
	enum disturber disturber;
	enum target target;
	enum way way;
};

static struct {
	struct plan is;
	struct mp_port port, reply, next;
	struct mp_msg m, other;
	uint32_t slot, said_other;
	int ran, said;
	bool over;
} w;

static int
say(struct mp_msg *m)
{
	if (m != &w.m)
		return 0;
	SIM_EQ(w.ran++, 0);
	SIM_CHECK(!w.over);
	w.said = 100;
	return w.said;
}

static int
handler(struct mp_port *p, struct mp_msg *m)
{
	if (w.is.disturber == FORWARD && p == &w.port)
		return mp_forward(&w.next, m);
	return say(m);
}

static int
take(struct mp_port *p, struct mp_msg *m)
{
	int code = mp_agent_begin(p, m);

	if (code != 0)
		return code;
	mp_msg_take(m);
	os_store_release(&w.slot, 1);
	os_wake(&w.slot, 1);
	return EASYNC;
}

static void
hook(struct mp_port *p, struct mp_msg *m)
{
	uint32_t full = 1;

	SIM_CHECK(p == &w.port && !w.over);
	if (!os_cas(&w.slot, &full, 2)) {
		SIM_CHECK(!w.over);
		return;
	}
	w.ran++;
	w.said = -ECANCELED;
	mp_reply(m, -ECANCELED);
}

static void
work(void *arg)
{
	uint32_t full;

	(void)arg;
	do {
		os_park(&w.slot, 0, MP_NO_DEADLINE);
		full = 1;
	} while (!os_cas(&w.slot, &full, 2) && full == 0);
	if (full == 1)
		mp_reply(&w.m, say(&w.m));
}

static void
serve(void *arg)
{
	uint32_t n = w.is.disturber == RECEIVE ? 2 : 1;
	struct mp_msg *m;

	while (n-- != 0 && (m = mp_recv(arg)) != NULL) {
		if (w.is.disturber == FORWARD && arg == &w.port)
			mp_forward(&w.next, m);
		else
			mp_reply(m, say(m));
	}
}

static void
disturb(void *arg)
{
	(void)arg;
	if (w.is.disturber == CANCEL)
		mp_cancel(&w.m);
	else if (w.is.disturber == CLOSE)
		mp_port_close(&w.port);
	else if (w.is.disturber == REPLY_CLOSE)
		mp_port_close(&w.reply);
	else if (w.is.disturber == RECEIVE)
		SIM_EQ(mp_call(&w.port, &w.other), 0);
	else if (w.is.disturber == FORWARD)
		mp_cancel(&w.m);
}

static void
over(int code)
{
	SIM_CHECK(!w.over && mp_done(&w.m));
	SIM_EQ(code, w.m.result);
	w.over = true;
	if (w.said == -ECANCELED && w.is.disturber == DEADLINE)
		SIM_EQ(code, -ETIME);
	else if (w.said != UNSAID)
		SIM_EQ(code, w.said);
	else if (w.is.disturber == CANCEL || w.is.disturber == FORWARD)
		SIM_EQ(code, -ECANCELED);
	else
		SIM_EQ(code, w.is.disturber == DEADLINE ? -ETIME : -EPIPE);
}

static int
wait_or_receive(void)
{
	struct mp_msg *m;

	if (w.is.disturber == TIMEOUT &&
	    mp_wait_until(&w.m, SOON_NS) != -ETIMEDOUT)
		return w.m.result;
	if (w.is.way != RECV)
		return mp_wait(&w.m);
	m = mp_recv(&w.reply);
	SIM_CHECK(m == &w.m || (m == NULL && w.is.disturber == REPLY_CLOSE));
	return m != NULL ? m->result : mp_wait(&w.m);
}

static void
send_it(void)
{
	int code;

	if (w.is.way == SYNC) {
		over(mp_call(&w.port, &w.m));
		return;
	}
	if (w.is.way == RAW)
		code = w.port.mp_SendMsg(&w.port, &w.m);
	else
		code = mp_send(&w.port, &w.m);
	if (w.is.way == RAW ? code != EASYNC : code != 0) {
		w.over = true;
		SIM_CHECK(w.ran == 0 || w.is.way == RAW);
		return;
	}
	if (w.is.disturber == DROP && mp_drop(&w.m) == 0) {
		w.over = true;
		SIM_EQ(w.ran, 0);
		return;
	}
	over(wait_or_receive());
}

static void
init(const struct plan *plan)
{
	static const struct mp_port_ops ops = { .kind = "hook",
						.cancel = hook };

	memset(&w, 0, sizeof(w));
	w.is = *plan;
	w.said = UNSAID;
	sim_name(&w.port, sizeof(w.port), "port");
	sim_name(&w.reply, sizeof(w.reply), "reply");
	sim_name(&w.next, sizeof(w.next), "next");
	sim_name(&w.m, sizeof(w.m), "msg");
	if (plan->target == QUEUE)
		mp_port_init_queue(&w.port, NULL);
	else if (plan->target == SERIAL)
		mp_port_init_serial(&w.port, handler, NULL);
	else
		mp_port_init_agent(&w.port, take, &ops, NULL);
	if (plan->target == QUEUE)
		mp_port_init_call(&w.next, handler, NULL);
	else
		mp_port_init_queue(&w.next, NULL);
	mp_port_init_queue(&w.reply, NULL);
	if (plan->way == WAIT || plan->way == RECV)
		w.m.reply = &w.reply;
	if (plan->disturber == DEADLINE)
		w.m.deadline_ns = SOON_NS;
}

static void
fini(struct mp_port *p)
{
	mp_port_fini(p);
	SIM_CHECK(p->inbox == 0 && p->done.head == NULL);
	SIM_CHECK(p->request[0].head == NULL && p->sent == p->taken);
	SIM_CHECK(p->held[0] == 0 && p->held[1] == 0 && p->out == 0);
	SIM_CHECK(p->receivers == NULL && p->callers == NULL);
	sim_dead(p, sizeof(*p));
}

static void
root(void *arg)
{
	uint32_t empty = 0;
	int disturber = -1;

	init(arg);
	if (w.is.target == QUEUE)
		sim_start(serve, &w.port);
	else if (w.is.target == HOOK)
		sim_start(work, NULL);
	else if (w.is.disturber == FORWARD)
		sim_start(serve, &w.next);
	if (w.is.disturber >= CANCEL)
		disturber = sim_start(disturb, NULL);
	send_it();
	if (disturber >= 0)
		sim_join(disturber);
	sim_dead(&w.m, sizeof(w.m));
	fini(&w.reply);
	if (w.ran == 0) {
		mp_port_close(&w.port);
		mp_port_close(&w.next);
	}
	if (w.is.target != QUEUE && os_cas(&w.slot, &empty, 3))
		os_wake(&w.slot, 1);
	sim_join_all();
	fini(&w.port);
	fini(&w.next);
}

/*
 * All schedules of two threads; of three, those with a few switches away from
 * one that could go on (as of two where clock and queue make them many).
 */
static int
bound(const struct plan *p)
{
	const char *deeper = getenv("SIM_BOUND");

	if (deeper != NULL)
		return atoi(deeper);
	if (p->disturber >= CANCEL)
		return p->target == QUEUE ? 2 : 3;
	return p->disturber != NOBODY && p->target == QUEUE ? 3 : -1;
}

/* What instruments keeps count in memory, so no two states are alike: seeds. */
static void
one_test(const void *arg)
{
	void *plan = (void *)(uintptr_t)arg;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || \
	defined(T_COVER)
	(void)bound;
	sim_seeds(root, plan, 1000);
#else
	uint64_t n = sim_exhaust(root, plan, bound(arg));

	if (getenv("SIM_STATES") != NULL)
		fprintf(stderr, "%ju states, %ju runs\n", (uintmax_t)n,
			(uintmax_t)search->runs);
#endif
}

void
t_setup(void)
{
	static const char group[] = "exhaustive";
	static const char *const who[] = {
		"nobody",  "deadline", "timeout",     "drop",	 "cancel",
		"forward", "close",    "reply_close", "receive",
	};
	static const char *const target[] = { "queue", "serial", "hook" };
	static const char *const way[] = { "call", "raw", "wait", "recv" };
	static struct plan plan[DISTURBERS * TARGETS * WAYS];
	struct plan *p = plan;
	char name[64];

	for (int i = 0; i < DISTURBERS * TARGETS * WAYS; i++) {
		p->disturber = (enum disturber)(i / WAYS / TARGETS);
		p->target = (enum target)(i / WAYS % TARGETS);
		p->way = (enum way)(i % WAYS);
		if ((p->disturber == REPLY_CLOSE && p->way < WAIT) ||
		    (p->disturber == TIMEOUT && p->way == SYNC) ||
		    (p->disturber == DROP && p->way == SYNC) ||
		    (p->disturber == RECEIVE && p->target == HOOK) ||
		    (p->disturber == FORWARD && p->target == HOOK))
			continue;
		snprintf(name, sizeof(name), "%s_%s_vs_%s", way[p->way],
			 target[p->target], who[p->disturber]);
		t_case(group, name, one_test, p++);
	}
}
