/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Invariants 39-41 and 56: barriers, and the end of ports. */
#include "actor.h"

static void
barrier_main(void *arg)
{
	struct actor *a = arg;

	actor_begin(a);
	a->code = mp_port_barrier(a->to);
	c_post(&a->ended);
}

/* For what was there before, and not for what comes later. */
static void
a_barrier_waits_for_what_was_queued_before(struct conform *c)
{
	struct c_client *cl = &c->client[0];
	struct actor a = { .to = c->port };

	c_control(c, C_SHUT, 0);
	for (uint32_t i = 0; i < 3; i++)
		CHECK_EQ(c_begin(cl, c_item(c, i, i == 1 ? C_HOLD : C_ECHO)),
			 EASYNC);
	actor_start(&a, barrier_main);
	CHECK(c_sleeps(a.tid, &a.ended));
	c_control(c, C_OPEN, 0);
	c_control(c, C_AWAIT_HELD, 1);
	CHECK_EQ(c_begin(cl, c_item(c, 3, C_HOLD)), EASYNC);
	c_control(c, C_AWAIT_HELD, 2);
	CHECK(c_sleeps(a.tid, &a.ended));
	c_release(c, 1);
	os_thread_join(&a.thread);
	CHECK_EQ(a.code, 0);
	for (uint32_t i = 0; i < 3; i++)
		CHECK(mp_done(&c->item[i].m.msg));
	CHECK(!mp_done(&c->item[3].m.msg));
	c_release(c, 1);
	for (uint32_t i = 0; i < 4; i++)
		CHECK_EQ(c_end(cl, &c->item[i]), (int)i + 1);
	CHECK_EQ(mp_port_barrier(c->port), 0);
}

static void
closing_ends_what_is_queued_with_epipe(struct conform *c)
{
	int (*agent)(struct mp_port *, struct mp_msg *) = c->port->mp_SendMsg;
	uint64_t seen[1];

	c_control(c, C_SHUT, 0);
	for (uint32_t i = 1; i <= 3; i++) {
		c_start(&c->client[i], c_item(c, i, C_ECHO));
		c_control(c, C_AWAIT_QUEUED, i);
	}
	mp_port_close(c->port);
	/* Nothing else need happen, unless it was on its way. */
	if ((c->can & C_COUNTS) == 0)
		c_control(c, C_OPEN, 0);
	for (uint32_t i = 1; i <= 3; i++) {
		CHECK_EQ(c_join(&c->client[i]), -EPIPE);
		c_no_more(&c->client[i], &c->item[i]);
	}
	CHECK_EQ(c_do(&c->client[4], c_item(c, 4, C_ECHO)), -EPIPE);
	CHECK(c->port->mp_SendMsg == agent);
	if ((c->can & C_COUNTS) != 0)
		c_control(c, C_OPEN, 0);
	CHECK_EQ(c->kind->seen(c, seen, 1), 0);
}

static void
closing_wakes_who_waits_for_room(struct conform *c)
{
	struct c_client *cl = &c->client[0];
	uint32_t n = 4;
	int code;

	c_control(c, C_SHUT, 0);
	while (c_begin(cl, c_item(c, n, C_ECHO)) == EASYNC)
		n++;
	c->verb = C_CALL;
	c_start(&c->client[1], c_item(c, 1, C_ECHO));
	c_start(&c->client[2], c_item(c, 2, C_ECHO));
	c_await_asleep(&c->client[1]);
	c_await_asleep(&c->client[2]);
	mp_port_close(c->port);
	if ((c->can & C_COUNTS) == 0)
		c_control(c, C_OPEN, 0);
	CHECK_EQ(c_join(&c->client[1]), -EPIPE);
	CHECK_EQ(c_join(&c->client[2]), -EPIPE);
	if ((c->can & C_COUNTS) != 0)
		c_control(c, C_OPEN, 0);
	c->verb = C_SEND;
	for (uint32_t i = 4; i < n; i++) {
		code = c_end(cl, &c->item[i]);
		CHECK(code == -EPIPE);
	}
}

static void
what_is_held_outlives_the_close(struct conform *c)
{
	struct c_client *cl = &c->client[1];
	struct c_item *it = c_item(c, 1, C_HOLD);

	c_start(cl, it);
	c_control(c, C_AWAIT_HELD, 1);
	mp_port_close(c->port);
	c_await_asleep(cl);
	CHECK(!mp_done(&it->m.msg));
	c_release(c, 1);
	CHECK_EQ(c_join(cl), 2);
	c_no_more(cl, it);
}

static void
fini_main(void *arg)
{
	struct actor *a = arg;

	actor_begin(a);
	mp_port_fini(a->to);
	c_post(&a->ended);
}

static void
fini_of_a_target_waits_for_what_is_held(struct conform *c)
{
	struct c_client *cl = &c->client[1];
	struct c_item *it = c_item(c, 1, C_HOLD);
	struct actor a = { .to = c->port };

	c_start(cl, it);
	c_control(c, C_AWAIT_HELD, 1);
	actor_start(&a, fini_main);
	CHECK(c_sleeps(a.tid, &a.ended));
	c_release(c, 1);
	os_thread_join(&a.thread);
	CHECK_EQ(c_join(cl), 2);
}

/* The port, in a page of its own, is gone when this has returned. */
static void
fini_and_kill_main(void *arg)
{
	struct actor *a = arg;
	struct c_client *cl = MP_CONTAINER(a->to, struct c_client, port);

	actor_begin(a);
	mp_port_fini(a->to);
	c_page_kill(cl, sizeof(*cl));
	c_post(&a->ended);
}

static void
fini_of_a_reply_port_waits_for_what_is_out(struct conform *c)
{
	struct c_client *cl = c_page_get(sizeof(*cl));
	struct c_item *it = c_item(c, 0, C_HOLD);
	struct actor a = { .to = &cl->port };

	c_client_init(c, cl);
	cl->reply = &cl->port;
	CHECK_EQ(c_begin(cl, it), EASYNC);
	c_control(c, C_AWAIT_HELD, 1);
	actor_start(&a, fini_and_kill_main);
	CHECK(c_sleeps(a.tid, &a.ended));
	CHECK(!mp_done(&it->m.msg));
	c_release(c, 1);
	os_thread_join(&a.thread);
	CHECK(mp_done(&it->m.msg));
	CHECK_EQ(it->m.msg.result, 1);
	c_page_put(cl, sizeof(*cl));
}

static void
a_reply_to_a_closed_port_is_disposed_of_once(struct conform *c)
{
	struct c_client *cl = &c->client[0];
	struct c_item *it = c_item(c, 0, C_HOLD);

	if (c->reply == C_NONE)
		cl->reply = &cl->port;
	CHECK_EQ(c_begin(cl, it), EASYNC);
	c_control(c, C_AWAIT_HELD, 1);
	mp_port_close(&cl->port);
	CHECK(!mp_done(&it->m.msg));
	c_release(c, 1);
	while (!mp_done(&it->m.msg))
		c_yield();
	CHECK_EQ(it->m.msg.result, 1);
	CHECK_EQ(os_load(&it->ended), 0);
	if (c->reply <= C_RECV)
		CHECK(mp_tryrecv(&cl->port) == NULL);
	/* The message itself is as good as new. */
	it->m.msg.op = C_ECHO;
	CHECK_EQ(c_do(&c->client[1], it), 1);
}

#define T(name, need, vary)             \
	{                               \
#name, name, need, vary \
	}

const struct c_test c_close[] = {
	T(a_barrier_waits_for_what_was_queued_before, C_QUEUES | C_BARRIER,
	  V_ASYNC | V_ALL),
	T(closing_ends_what_is_queued_with_epipe, C_QUEUES | C_CLOSES, V_ALL),
	T(closing_wakes_who_waits_for_room, C_BOUNDED | C_CLOSES,
	  V_SEND | V_REPLY | V_MODE),
	T(what_is_held_outlives_the_close, 0, V_ALL),
	T(fini_of_a_target_waits_for_what_is_held, C_BARRIER, V_ALL),
	T(fini_of_a_reply_port_waits_for_what_is_out, 0, V_ASYNC | V_ALL),
	T(a_reply_to_a_closed_port_is_disposed_of_once, 0, V_ASYNC | V_ALL),
	{ 0 },
};
