/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Invariants 10-16: nothing is queued unless it has to be, and nobody can
 * tell but by the time it takes.
 */
#include "conform.h"

/* Nothing but the thread that sends is awake, and it enters no kernel. */
static void
an_inline_call_makes_no_system_call(struct conform *c)
{
	struct c_item *it = c_item(c, 0, C_ECHO);
	struct mp_port_stats stats;

	CHECK_EQ(c_do(&c->client[0], it), 1);
	CHECK(c_makes_no_system_call(&c->client[0], it));
	mp_port_stats(c->port, &stats);
	CHECK_EQ(stats.wakes, 0);
}

static void
receiver_main(void *arg)
{
	struct c_client *cl = arg;

	c_begun(cl);
	CHECK(mp_recv(&cl->port) == NULL);
	c_post(&cl->ended);
}

/* A receiver who sleeps at the reply port of the call sleeps on. */
static void
reply_of_a_call_wakes_no_receiver(struct conform *c)
{
	struct c_client *cl = &c->client[1];
	struct c_client *receiver = &c->client[2];
	struct c_item *it = c_item(c, 0, C_HOLD);
	struct mp_port_stats stats;

	CHECK_EQ(os_thread_start(&receiver->thread, receiver_main, receiver),
		 0);
	c_await(&receiver->begun, 1);
	CHECK(c_sleeps(receiver->tid, &receiver->ended));
	cl->reply = &receiver->port;
	c_start(cl, it);
	c_release(c, 1);
	CHECK_EQ(c_join(cl), 1);
	CHECK(c_sleeps(receiver->tid, &receiver->ended));
	mp_port_stats(&receiver->port, &stats);
	CHECK_EQ(stats.wakes, 0);
	mp_port_close(&receiver->port);
	os_thread_join(&receiver->thread);
}

static void
reply_of_a_call_is_never_linked(struct conform *c)
{
	struct c_client *cl = &c->client[1];
	struct c_item *it = c_item(c, 0, C_HOLD);

	c_start(cl, it);
	c_await_asleep(cl);
	c_release(c, 1);
	CHECK_EQ(c_join(cl), 1);
	c_no_more(cl, it);
	CHECK_EQ(os_load(&it->ended), 0);
	it = c_item(c, 1, C_ECHO);
	CHECK_EQ(c_do(cl, it), 2);
	c_no_more(cl, it);
	CHECK_EQ(os_load(&it->ended), 0);
}

static void
what_is_answered_inline_is_delivered_before_send_returns(struct conform *c)
{
	struct c_client *cl = &c->client[0];
	struct c_item *it = c_item(c, 0, C_ECHO);
	struct mp_msg *m = &it->m.msg;

	CHECK_EQ(c_begin(cl, it), EASYNC);
	CHECK(mp_done(m));
	CHECK_EQ(m->result, 1);
	if (c->reply == C_QUEUE || c->reply == C_RECV) {
		CHECK_EQ(mp_tryrecv(&cl->port), m);
		CHECK(mp_msg_is_reply(m));
	}
	if (c->reply == C_CALLBACK)
		CHECK_EQ(os_load(&it->ended), 1);
	if (c->reply == C_COUNT)
		CHECK_EQ(mp_count_wait(&cl->port, ++cl->expected, 1), 0);
	c_no_more(cl, it);
}

/* What a client sees of one exchange. */
struct trace {
	int code;
	int32_t result;
	uint64_t out;
	bool done;
	int drop;
	int again;
};

static struct trace
trace_one(struct conform *c, enum c_verb verb, uint32_t op, int32_t result)
{
	struct c_client *cl = &c->client[1];
	struct c_item *it = c_item(c, 1, op);
	struct trace t = { .code = 0 };

	c->verb = verb;
	it->m.in.result = result;
	c_start(cl, it);
	if (op == C_HOLD)
		c_release(c, 1);
	t.code = c_join(cl);
	t.result = it->m.msg.result;
	t.out = it->m.out.value;
	t.done = mp_done(&it->m.msg);
	t.drop = mp_drop(&it->m.msg);
	mp_cancel(&it->m.msg);
	t.again = mp_wait(&it->m.msg);
	c_no_more(cl, it);
	return t;
}

static void
the_four_quadrants_look_alike(struct conform *c)
{
	static const int32_t result[] = { 0, 3, -EIO };
	struct trace first, t;

	for (uint32_t i = 0; i < 3; i++) {
		first = trace_one(c, C_CALL, C_ECHO, result[i]);
		for (uint32_t k = 1; k < 2 * C_VERBS; k++) {
			t = trace_one(c, (enum c_verb)(k / 2),
				      k % 2 != 0 ? C_HOLD : C_ECHO, result[i]);
			CHECK_EQ(t.code, first.code);
			CHECK_EQ(t.result, first.result);
			CHECK_EQ(t.out, first.out);
			CHECK_EQ(t.done, first.done);
			CHECK_EQ(t.drop, first.drop);
			CHECK_EQ(t.again, first.again);
		}
	}
}

/* Inline, by another thread, or refused: but it comes back. */
static void
a_handler_that_calls_its_own_port_comes_back(struct conform *c)
{
	struct c_item *it = c_item(c, 0, C_CALL_SELF);
	int code = c_do(&c->client[0], it);

	/* 0: the inner call's own result. */
	CHECK(code == 0 || code == -EDEADLK);
	if ((c->can & C_LOCKFREE) != 0)
		CHECK_EQ(code, 0);
	CHECK_EQ(c_do(&c->client[0], c_item(c, 1, C_ECHO)), 2);
}

static void
a_handler_may_send_to_its_own_port(struct conform *c)
{
	uint64_t seen[4];
	uint64_t sum = 0;

	/* mp_send() in the handler said 0. */
	CHECK_EQ(c_do(&c->client[0], c_item(c, 0, C_SEND_SELF)), 0);
	c_control(c, C_AWAIT_SEEN, 2);
	CHECK_EQ(c->kind->seen(c, seen, 4), 2);
	sum = seen[0] + seen[1];
	CHECK_EQ(sum, 2 * C_VALUE + 1000000);
}

/* The same queue then has requests and replies, which can be told apart. */
static void
a_handler_may_send_to_the_senders_reply_port(struct conform *c)
{
	struct c_client *cl = &c->client[0];
	struct c_item *it = c_item(c, 0, C_ANSWER_PORT);
	struct mp_msg *m;
	uint32_t requests = 0;
	uint32_t replies = 0;

	CHECK_EQ(c_begin(cl, it), EASYNC);
	while (requests + replies < 2) {
		m = mp_recv(&cl->port);
		CHECK(m != NULL);
		CHECK_EQ(mp_msg_is_reply(m), m == &it->m.msg);
		if (mp_msg_is_reply(m)) {
			CHECK_EQ(m->result, 0);
			replies++;
		} else {
			CHECK_EQ(m->op, C_ECHO);
			mp_reply(m, 0);
			requests++;
		}
	}
	CHECK_EQ(requests, 1);
	CHECK_EQ(replies, 1);
}

#define T(name, need, vary)             \
	{                               \
#name, name, need, vary \
	}

const struct c_test c_fast[] = {
	T(an_inline_call_makes_no_system_call, C_INLINE | C_UNINSTRUMENTED,
	  V_CALL | V_REPLY),
	T(reply_of_a_call_wakes_no_receiver, 0, V_CALL | V_MODE),
	T(reply_of_a_call_is_never_linked, 0, V_CALL | V_REPLY | V_MODE),
	T(what_is_answered_inline_is_delivered_before_send_returns, C_INLINE,
	  V_SEND | V_REPLY),
	T(the_four_quadrants_look_alike, 0, V_SEND | V_REPLY | V_MODE),
	T(a_handler_that_calls_its_own_port_comes_back, C_FINDS_SELF, V_ALL),
	T(a_handler_may_send_to_its_own_port, 0, V_ALL),
	T(a_handler_may_send_to_the_senders_reply_port, C_LOCAL,
	  V_SEND | V_QUEUE | V_MODE),
	{ 0 },
};
