/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Invariants 31-38: ending a message before its time, and passing it on. */
#include "conform.h"

#include <string.h>

#define SHORT_NS 1000000 /* a deadline that is awaited */

static void
cancel_does_not_end_the_wait(struct conform *c)
{
	struct c_client *cl = &c->client[1];
	struct c_item *it = c_item(c, 1, C_HOLD);

	c_start(cl, it);
	c_control(c, C_AWAIT_HELD, 1);
	c_await_asleep(cl);
	mp_cancel(&it->m.msg);
	c_await_asleep(cl);
	CHECK(!mp_done(&it->m.msg));
	/* The holder knows, wherever the message has gone. */
	c_control(c, C_AWAIT_CANCELLED, 1);
	c_release(c, 1);
	CHECK_EQ(c_join(cl), -ECANCELED);
	CHECK_EQ(it->m.msg.result, -ECANCELED);
	c_no_more(cl, it);
}

static void
cancel_of_a_queued_request_ends_it_at_once(struct conform *c)
{
	struct c_client *cl = &c->client[1];
	struct c_item *it = c_item(c, 1, C_ECHO);
	uint64_t seen[1];

	c_control(c, C_SHUT, 0);
	c_start(cl, it);
	c_control(c, C_AWAIT_QUEUED, 1);
	mp_cancel(&it->m.msg);
	/* The gate is still shut. */
	CHECK_EQ(c_join(cl), -ECANCELED);
	c_no_more(cl, it);
	c_control(c, C_OPEN, 0);
	CHECK_EQ(c->kind->seen(c, seen, 1), 0);
	CHECK_EQ(c_do(cl, it), 2);
}

struct canceller {
	struct mp_thread thread;
	struct mp_msg *m;
	uint32_t started;
	uint32_t stop;
};

static void
canceller_main(void *arg)
{
	struct canceller *k = arg;

	c_post(&k->started);
	while (os_load(&k->stop) == 0) {
		mp_cancel(k->m);
		c_yield();
	}
}

/* Before, during and after; a thread cancels all the time. */
static void
cancel_at_any_time_ends_it_once(struct conform *c)
{
	struct c_client *cl = &c->client[0];
	struct c_item *it = c_item(c, 0, C_ECHO);
	struct canceller k = { .m = &it->m.msg };
	int code;

	CHECK_EQ(os_thread_start(&k.thread, canceller_main, &k), 0);
	c_await(&k.started, 1);
	for (int i = 0; i < 30; i++) {
		code = c_do(cl, it);
		CHECK(code == 1 || code == -ECANCELED);
		c_no_more(cl, it);
	}
	os_store(&k.stop, 1);
	os_thread_join(&k.thread);
	CHECK_EQ(c_do(cl, it), 1);
}

static void
stack_up(struct conform *c, uint32_t n)
{
	c_control(c, C_SHUT, 0);
	for (uint32_t i = 0; i < n; i++) {
		CHECK_EQ(c_begin(&c->client[0], c_item(c, i, C_ECHO)), EASYNC);
		c_control(c, C_AWAIT_QUEUED, i + 1);
	}
}

static void
check_rest(struct conform *c, const uint32_t *rest, uint32_t n)
{
	uint64_t seen[C_ITEMS];

	c_control(c, C_OPEN, 0);
	for (uint32_t i = 0; i < n; i++)
		CHECK_EQ(c_end(&c->client[0], &c->item[rest[i]]),
			 (int)rest[i] + 1);
	CHECK_EQ(c->kind->seen(c, seen, C_ITEMS), n);
	for (uint32_t i = 0; i < n; i++)
		CHECK_EQ(seen[i], C_VALUE + rest[i]);
}

static void
cancel_of_one_queued_request_leaves_the_others(struct conform *c)
{
	static const uint32_t rest[] = { 0, 2, 3 };

	stack_up(c, 5);
	mp_cancel(&c->item[1].m.msg);
	CHECK_EQ(c_end(&c->client[0], &c->item[1]), -ECANCELED);
	mp_cancel(&c->item[4].m.msg);
	CHECK_EQ(c_end(&c->client[0], &c->item[4]), -ECANCELED);
	check_rest(c, rest, 3);
}

static void
drop_takes_back_a_queued_request_once(struct conform *c)
{
	static const uint32_t rest[] = { 0, 2 };
	struct c_item *it = &c->item[1];

	stack_up(c, 3);
	CHECK_EQ(mp_drop(&it->m.msg), 0);
	CHECK_EQ(mp_drop(&it->m.msg), -ENOENT);
	CHECK(mp_done(&it->m.msg));
	c_no_more(&c->client[0], it);
	CHECK_EQ(os_load(&it->ended), 0);
	check_rest(c, rest, 2);
	/* It is the sender's again. */
	CHECK_EQ(c_do(&c->client[0], it), 2);
}

static void
drop_of_a_held_request_is_enoent(struct conform *c)
{
	struct c_client *cl = &c->client[1];
	struct c_item *it = c_item(c, 1, C_HOLD);

	c_start(cl, it);
	c_control(c, C_AWAIT_HELD, 1);
	CHECK_EQ(mp_drop(&it->m.msg), -ENOENT);
	CHECK(!mp_done(&it->m.msg));
	c_await_asleep(cl);
	c_release(c, 1);
	CHECK_EQ(c_join(cl), 2);
	CHECK_EQ(mp_drop(&it->m.msg), -ENOENT);
	c_no_more(cl, it);
}

static void
a_wait_that_times_out_leaves_the_message_out(struct conform *c)
{
	struct c_client *cl = &c->client[0];
	struct c_item *it = c_item(c, 0, C_HOLD);
	uint64_t until_ns;

	CHECK_EQ(c_begin(cl, it), EASYNC);
	CHECK_EQ(mp_wait_until(&it->m.msg, 1), -ETIMEDOUT);
	until_ns = os_now_ns() + SHORT_NS;
	CHECK_EQ(mp_wait_until(&it->m.msg, until_ns), -ETIMEDOUT);
	CHECK(os_now_ns() >= until_ns);
	CHECK(!mp_done(&it->m.msg));
	c_control(c, C_AWAIT_HELD, 1);
	mp_cancel(&it->m.msg);
	c_control(c, C_AWAIT_CANCELLED, 1);
	CHECK_EQ(mp_wait_until(&it->m.msg, 1), -ETIMEDOUT);
	c_release(c, 1);
	CHECK_EQ(c_end(cl, it), -ECANCELED);
	c_no_more(cl, it);
}

static bool
is_waited_for(const struct conform *c)
{
	return c->verb == C_CALL || c->reply == C_NONE || c->reply == C_QUEUE;
}

static void
await_time(uint64_t ns)
{
	uint32_t nothing = 0;

	while (os_now_ns() < ns)
		os_park(&nothing, 0, ns);
}

/* By him who waits for it; without one, when its turn comes. */
static void
a_queued_request_ends_with_etime_at_its_deadline(struct conform *c)
{
	struct c_client *cl = &c->client[1];
	struct c_item *it = c_item(c, 1, C_ECHO);
	uint64_t seen[1];

	c_control(c, C_SHUT, 0);
	if (is_waited_for(c)) {
		c_expire(cl, it);
		c_control(c, C_OPEN, 0);
	} else {
		it->m.msg.deadline_ns = os_now_ns() + SHORT_NS;
		c_start(cl, it);
		if (!c_is_async(c))
			c_control(c, C_AWAIT_QUEUED, 1);
		await_time(it->m.msg.deadline_ns);
		c_control(c, C_OPEN, 0);
		CHECK_EQ(c_join(cl), -ETIME);
	}
	CHECK_EQ(it->m.msg.result, -ETIME);
	c_no_more(cl, it);
	CHECK_EQ(c->kind->seen(c, seen, 1), 0);
}

/* With a deadline that is ns away; if it passes too early, nobody saw it. */
static bool
is_held(struct conform *c, uint64_t ns)
{
	struct c_client *cl = &c->client[1];
	struct c_item *it = c_item(c, 1, C_HOLD);
	uint64_t seen[1];

	it->m.msg.deadline_ns = os_now_ns() + ns;
	c_start(cl, it);
	while (c->kind->seen(c, seen, 1) == 0) {
		if (os_load_acquire(&cl->ended) == 0) {
			c_yield();
			continue;
		}
		CHECK_EQ(c_join(cl), -ETIME);
		CHECK_EQ(c->kind->seen(c, seen, 1), 0);
		return false;
	}
	c_control(c, C_AWAIT_HELD, 1);
	return true;
}

/* The holder is told, and the wait goes on until he replies. */
static void
a_held_message_is_out_until_it_is_replied(struct conform *c)
{
	struct c_client *cl = &c->client[1];
	struct c_item *it = &c->item[1];
	uint64_t ns = SHORT_NS;

	while (!is_held(c, ns))
		ns = c_later(ns);
	await_time(it->m.msg.deadline_ns);
	c_control(c, C_AWAIT_CANCELLED, 1);
	CHECK(!mp_done(&it->m.msg));
	c_await_asleep(cl);
	c_release(c, 1);
	CHECK_EQ(c_join(cl), -ETIME);
	CHECK_EQ(it->m.msg.result, -ETIME);
	c_no_more(cl, it);
}

static void
a_call_that_is_late_is_not_sent(struct conform *c)
{
	struct c_item *it = c_item(c, 0, C_ECHO);
	uint64_t seen[1];

	it->m.msg.deadline_ns = 1;
	CHECK_EQ(c_do(&c->client[0], it), -ETIME);
	CHECK(mp_done(&it->m.msg));
	CHECK_EQ(c->kind->seen(c, seen, 1), 0);
}

/* What was asked for comes back as it was, by whatever way it went. */
static void
a_message_keeps_what_its_sender_set(struct conform *c)
{
	struct c_client *cl = &c->client[1];
	struct c_item *it = c_item(c, 1, C_HOLD);
	struct mp_msg old;

	it->m.msg.deadline_ns = UINT64_MAX / 4;
	it->m.msg.flags = MP_MSG_PRIORITY | MP_MSG_MAYBLOCK | MP_MSG_USER;
	c_start(cl, it);
	c_control(c, C_AWAIT_HELD, 1);
	old = (struct mp_msg){
		.reply = cl->reply,
		.deadline_ns = UINT64_MAX / 4,
		.op = C_HOLD,
		.flags = MP_MSG_PRIORITY | MP_MSG_MAYBLOCK | MP_MSG_USER,
		.result = 2,
	};
	c_release(c, 1);
	CHECK_EQ(c_join(cl), 2);
	CHECK_EQ(memcmp(&old, &it->m.msg, offsetof(struct mp_msg, state)), 0);
}

#define T(name, need, vary)             \
	{                               \
#name, name, need, vary \
	}

const struct c_test c_cancel[] = {
	T(cancel_does_not_end_the_wait, 0, V_ALL),
	T(cancel_of_a_queued_request_ends_it_at_once, C_QUEUES, V_ALL),
	T(cancel_at_any_time_ends_it_once, 0, V_ALL),
	T(cancel_of_one_queued_request_leaves_the_others, C_QUEUES | C_FIFO,
	  V_ASYNC | V_ALL),
	T(drop_takes_back_a_queued_request_once, C_DROPS | C_FIFO,
	  V_ASYNC | V_ALL),
	T(drop_of_a_held_request_is_enoent, 0, V_ALL),
	T(a_wait_that_times_out_leaves_the_message_out, 0,
	  V_ASYNC | V_WAITABLE | V_ALL),
	T(a_queued_request_ends_with_etime_at_its_deadline, C_QUEUES, V_ALL),
	T(a_held_message_is_out_until_it_is_replied, C_NEAR, V_CALL | V_MODE),
	T(a_call_that_is_late_is_not_sent, 0, V_CALL | V_MODE),
	T(a_message_keeps_what_its_sender_set, 0, V_ALL),
	{ 0 },
};
