/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Invariants 17-23: order, bounds, and what a queue tells. */
#include "conform.h"

static void
check_seen(struct conform *c, const uint32_t *item, uint32_t n)
{
	uint64_t seen[C_ITEMS];

	CHECK_EQ(c->kind->seen(c, seen, C_ITEMS), n);
	for (uint32_t i = 0; i < n; i++)
		CHECK_EQ(seen[i], C_VALUE + item[i]);
}

/* By calls and sends in turn, and from one CPU and the other. */
static void
requests_of_one_sender_stay_in_order(struct conform *c)
{
	static const enum c_verb verb[] = { C_SEND, C_RAW,  C_SEND, C_CALL,
					    C_RAW,  C_SEND, C_SEND, C_CALL };
	uint32_t order[C_ITEMS / 2];
	int code[C_ITEMS / 2];

	for (uint32_t i = 0; i < C_ITEMS / 2; i++) {
		order[i] = i;
		c_migrate(i);
		c->verb = verb[i % 8];
		code[i] = c_begin(&c->client[0], c_item(c, i, C_ECHO));
		/* A call has its answer only after what was sent before. */
		if (verb[i % 8] != C_CALL)
			continue;
		for (uint32_t k = i - i % 4; k < i; k++) {
			c->verb = verb[k % 8];
			if (code[k] == EASYNC)
				code[k] = c_end(&c->client[0], &c->item[k]);
		}
	}
	c_migrate(UINT32_MAX);
	for (uint32_t i = 0; i < C_ITEMS / 2; i++)
		CHECK_EQ(code[i], (int)i + 1);
	check_seen(c, order, C_ITEMS / 2);
}

/* Sends n to a port that is shut. */
static void
stack_up(struct conform *c, uint32_t n, uint32_t urgent)
{
	struct c_item *it;

	c_control(c, C_SHUT, 0);
	for (uint32_t i = 0; i < n; i++) {
		it = c_item(c, i, C_ECHO);
		if ((urgent & 1u << i) != 0)
			it->m.msg.flags |= MP_MSG_PRIORITY;
		CHECK_EQ(c_begin(&c->client[0], it), EASYNC);
		c_control(c, C_AWAIT_QUEUED, i + 1);
	}
}

static void
unstack(struct conform *c, const uint32_t *order, uint32_t n)
{
	c_control(c, C_OPEN, 0);
	for (uint32_t i = 0; i < n; i++)
		CHECK_EQ(c_end(&c->client[0], &c->item[order[i]]),
			 (int)order[i] + 1);
}

static void
what_queued_up_is_served_in_order(struct conform *c)
{
	static const uint32_t order[] = { 0, 1, 2, 3, 4, 5 };

	stack_up(c, 6, 0);
	unstack(c, order, 6);
	check_seen(c, order, 6);
}

static void
priority_is_served_first_and_in_order(struct conform *c)
{
	static const uint32_t order[] = { 2, 3, 5, 0, 1, 4 };

	stack_up(c, 6, 1u << 2 | 1u << 3 | 1u << 5);
	unstack(c, order, 6);
	check_seen(c, order, 6);
}

static void
check_counts(struct conform *c, uint32_t depth, uint32_t held)
{
	struct mp_port_stats stats;

	mp_port_stats(c->port, &stats);
	CHECK_EQ(stats.depth, depth);
	CHECK_EQ(stats.depth_max, C_DEPTH);
	/* What is forwarded is another port's; the gates are requests too. */
	if ((c->can & C_BARRIER) != 0)
		CHECK(stats.held >= held && stats.held <= held + 2);
}

static void
what_is_queued_or_held_is_counted(struct conform *c)
{
	static const uint32_t rest[] = { 1, 3 };

	stack_up(c, 4, 0);
	check_counts(c, 4, 0);
	mp_cancel(&c->item[2].m.msg);
	CHECK_EQ(c_end(&c->client[0], &c->item[2]), -ECANCELED);
	check_counts(c, 3, 0);
	CHECK_EQ(mp_drop(&c->item[0].m.msg), 0);
	check_counts(c, 2, 0);
	unstack(c, rest, 2);
	check_counts(c, 0, 0);
	CHECK_EQ(c_begin(&c->client[0], c_item(c, 5, C_HOLD)), EASYNC);
	c_control(c, C_AWAIT_HELD, 1);
	check_counts(c, 0, 1);
	c_release(c, 1);
	CHECK_EQ(c_end(&c->client[0], &c->item[5]), 6);
}

/* Until it is refused; how many went in. */
static uint32_t
fill(struct conform *c, uint32_t from)
{
	uint32_t n = from;

	while (c_begin(&c->client[0], c_item(c, n, C_ECHO)) == EASYNC)
		n++;
	return n;
}

static void
a_full_port_lets_a_call_wait_for_room(struct conform *c)
{
	struct c_client *caller = &c->client[1];
	struct c_item *it = c_item(c, 0, C_ECHO);
	uint32_t n;

	c_control(c, C_SHUT, 0);
	n = fill(c, 4);
	c->verb = C_CALL;
	c_start(caller, it);
	c_await_asleep(caller);
	CHECK(!mp_done(&it->m.msg));
	it = c_item(c, 1, C_ECHO);
	it->m.msg.flags = MP_MSG_NOWAIT;
	CHECK_EQ(c_do(&c->client[2], it), -EAGAIN);
	c_expire(&c->client[2], c_item(c, 2, C_ECHO));
	CHECK_EQ(c->item[2].m.out.value, 0);
	c_control(c, C_OPEN, 0);
	CHECK_EQ(c_join(caller), 1);
	c->verb = C_SEND;
	for (uint32_t i = 4; i < n; i++)
		CHECK_EQ(c_end(&c->client[0], &c->item[i]), (int)i + 1);
}

/* However many, at a reply port with room for one request. */
static void
replies_are_never_refused(struct conform *c)
{
	struct c_client *cl = &c->client[0];

	cl->port.depth_max = 1;
	for (uint32_t i = 0; i < 8; i++)
		CHECK_EQ(c_begin(cl, c_item(c, i, C_HOLD)), EASYNC);
	c_release(c, 8);
	for (uint32_t i = 0; i < 8; i++)
		CHECK_EQ(c_end(cl, &c->item[i]), (int)i + 1);
}

/* It takes no slot for good: as many go in after a hundred refusals. */
static void
refusals_use_up_nothing(struct conform *c)
{
	struct mp_port_stats stats;
	uint32_t n, again;

	for (uint32_t round = 0; round < 3; round++) {
		c_control(c, C_SHUT, 0);
		again = fill(c, 0);
		if (round == 0)
			n = again;
		CHECK_EQ(n, again);
		for (uint32_t i = 0; i < 30; i++)
			CHECK_EQ(c_begin(&c->client[0], c_item(c, n, C_ECHO)),
				 -EAGAIN);
		c_control(c, C_OPEN, 0);
		for (uint32_t i = 0; i < n; i++)
			CHECK_EQ(c_end(&c->client[0], &c->item[i]), (int)i + 1);
	}
	mp_port_stats(c->port, &stats);
	CHECK_EQ(stats.depth, 0);
}

#define T(name, need, vary)             \
	{                               \
#name, name, need, vary \
	}

const struct c_test c_queue[] = {
	T(requests_of_one_sender_stay_in_order, C_FIFO,
	  V_SEND | V_REPLY | V_MODE),
	T(what_queued_up_is_served_in_order, C_QUEUES | C_FIFO,
	  V_ASYNC | V_ALL),
	T(priority_is_served_first_and_in_order, C_QUEUES | C_PRIOR | C_FIFO,
	  V_ASYNC | V_ALL),
	T(what_is_queued_or_held_is_counted, C_QUEUES | C_COUNTS | C_DROPS,
	  V_ASYNC | V_ALL),
	T(a_full_port_lets_a_call_wait_for_room, C_BOUNDED,
	  V_SEND | V_REPLY | V_MODE),
	T(replies_are_never_refused, 0, V_ASYNC | V_ALL),
	T(refusals_use_up_nothing, C_BOUNDED, V_ASYNC | V_ALL),
	{ 0 },
};
