/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Invariants 24-30: who waits is woken, nobody else, and for the last time. */
#include "conform.h"

/* Releases one held message a round, each after another delay. */
struct releaser {
	struct conform *c;
	struct mp_thread thread;
	uint32_t seed;
	uint32_t rounds;
};

static void
releaser_main(void *arg)
{
	struct releaser *r = arg;

	for (uint32_t i = 0; i < r->rounds; i++) {
		c_control(r->c, C_AWAIT_HELD, 1);
		for (uint32_t n = c_random(&r->seed) % C_DELAY; n > 0; n--)
			os_relax();
		if (c_random(&r->seed) % 4 == 0)
			c_yield();
		c_release(r->c, 1);
	}
}

static void
releaser_start(struct releaser *r, struct conform *c, uint32_t rounds)
{
	r->c = c;
	r->seed = 88172645u;
	r->rounds = rounds;
	CHECK_EQ(os_thread_start(&r->thread, releaser_main, r), 0);
}

/* And what each side wrote before is there after. */
static void
no_wake_up_is_lost(struct conform *c)
{
	struct releaser r;
	struct c_item *it;

	releaser_start(&r, c, C_ROUNDS);
	for (uint32_t i = 0; i < C_ROUNDS; i++) {
		it = c_item(c, i, C_HOLD);
		CHECK_EQ(c_do(&c->client[0], it), (int)i + 1);
		CHECK_EQ(it->m.out.value, C_VALUE + i + 1);
		c_no_more(&c->client[0], it);
	}
	os_thread_join(&r.thread);
}

static void
a_false_wake_up_is_harmless(struct conform *c)
{
	struct c_client *cl = &c->client[1];
	struct c_item *it = c_item(c, 1, C_HOLD);

	c_start(cl, it);
	c_control(c, C_AWAIT_HELD, 1);
	for (uint32_t i = 0; i < 3; i++) {
		c_await_asleep(cl);
		os_wake(&it->m.msg.state, UINT32_MAX);
		c_disturb(cl->tid);
	}
	c_await_asleep(cl);
	CHECK(!mp_done(&it->m.msg));
	c_release(c, 1);
	CHECK_EQ(c_join(cl), 2);
	c_no_more(cl, it);
}

/* B and C came before A, and stay where they are, in order. */
static void
waiting_for_one_leaves_the_others(struct conform *c)
{
	struct c_client *cl = &c->client[0];
	struct mp_msg *a = &c->item[2].m.msg;

	for (uint32_t i = 0; i < 3; i++) {
		CHECK_EQ(c_begin(cl, c_item(c, i, C_HOLD)), EASYNC);
		c_control(c, C_AWAIT_HELD, i + 1);
	}
	c_release(c, 2);
	while (!mp_done(&c->item[0].m.msg) || !mp_done(&c->item[1].m.msg))
		c_yield();
	CHECK_EQ(mp_wait_until(a, 1), -ETIMEDOUT);
	c_release(c, 1);
	CHECK_EQ(mp_wait(a), 3);
	CHECK_EQ(mp_tryrecv(&cl->port), &c->item[0].m.msg);
	CHECK_EQ(mp_tryrecv(&cl->port), &c->item[1].m.msg);
	CHECK(mp_tryrecv(&cl->port) == NULL);
}

static void
nobody_asleep_is_nobody_woken(struct conform *c)
{
	struct c_client *cl = &c->client[0];
	struct c_item *it = c_item(c, 0, C_HOLD);
	uint32_t wakes;

	CHECK_EQ(c_begin(cl, it), EASYNC);
	c_control(c, C_AWAIT_HELD, 1);
	wakes = c_wakes();
	c_release(c, 1);
	CHECK_EQ(c_wakes() - wakes, 0);
	CHECK(mp_done(&it->m.msg));
	CHECK_EQ(c_end(cl, it), 1);
	CHECK_EQ(c_wakes() - wakes, 0);
}

static void
a_sleeper_is_woken_once(struct conform *c)
{
	struct c_client *cl = &c->client[1];
	struct c_item *it = c_item(c, 1, C_HOLD);
	uint32_t wakes;

	c_start(cl, it);
	c_control(c, C_AWAIT_HELD, 1);
	c_await_asleep(cl);
	wakes = c_wakes();
	c_release(c, 1);
	CHECK_EQ(c_join(cl), 2);
	CHECK_EQ(c_wakes() - wakes, 1);
}

/* A message, and its reply port, that are gone when its sender knows. */
struct stack {
	struct c_item item;
	struct c_client client;
};

static void
completion_is_the_last_touch(struct conform *c)
{
	struct stack *page[C_ROUNDS];
	struct releaser r;
	struct stack *s;

	releaser_start(&r, c, C_ROUNDS);
	for (uint32_t i = 0; i < C_ROUNDS; i++) {
		s = page[i] = c_page_get(sizeof(*s));
		c_client_init(c, &s->client);
		s->item.m = c_item(c, i, C_HOLD)->m;
		CHECK_EQ(c_do(&s->client, &s->item), (int)i + 1);
		if (c->verb != C_CALL && c->reply != C_NONE)
			mp_port_fini(&s->client.port);
		c_page_kill(s, sizeof(*s));
	}
	os_thread_join(&r.thread);
	for (uint32_t i = 0; i < C_ROUNDS; i++)
		c_page_put(page[i], sizeof(*s));
}

/* The callback gets the message for good, perhaps inside send. */
static void
die_in_callback(struct mp_port *p, struct mp_msg *m)
{
	uint32_t *ended = p->data;

	CHECK(mp_done(m));
	CHECK(m->result == 1);
	c_page_kill(m, sizeof(struct c_msg));
	c_post(ended);
}

static void
a_message_may_be_gone_before_send_returns(struct conform *c)
{
	struct c_msg *m = c_page_get(sizeof(*m));
	struct mp_port reply;
	uint32_t ended = 0;

	mp_port_init_callback(&reply, die_in_callback, &ended);
	*m = c_item(c, 0, C_ECHO)->m;
	m->msg.reply = &reply;
	CHECK_EQ(mp_send(c->port, &m->msg), 0);
	c_await(&ended, 1);
	mp_port_fini(&reply);
	CHECK_EQ(c_do(&c->client[0], c_item(c, 1, C_ECHO)), 2);
	c_page_put(m, sizeof(*m));
}

#define T(name, need, vary)             \
	{                               \
#name, name, need, vary \
	}

const struct c_test c_wake[] = {
	T(no_wake_up_is_lost, 0, V_ALL),
	T(a_false_wake_up_is_harmless, 0, V_ALL),
	T(waiting_for_one_leaves_the_others, 0,
	  V_ASYNC | V_QUEUE | V_VERB | V_MODE),
	T(nobody_asleep_is_nobody_woken, C_NEAR, V_ASYNC | V_VERB | V_REPLY),
	T(a_sleeper_is_woken_once, C_NEAR,
	  V_ASYNC | V_WAITABLE | V_VERB | V_REPLY),
	T(completion_is_the_last_touch, 0, V_ALL),
	T(a_message_may_be_gone_before_send_returns, 0, V_MODE),
	{ 0 },
};
