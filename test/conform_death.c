/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Invariant 43: the peer dies, and each message that is out ends once, with
 * EPIPE if it was never started and EOWNERDEAD if it may have run.
 *
 * After C_DIE a test may still open the gate and release what was held; where
 * the peer is gone for good that does nothing.
 */
#include "conform.h"

#define MESSAGES 4
#define RACERS 3
#define ROUNDS 200 /* messages of a racer, at most */

/* In a client whose message is over: with this code, and for good. */
static void
check_ended(struct c_client *cl, int code)
{
	CHECK_EQ(cl->item->m.msg.result, code);
	CHECK_EQ(cl->item->m.out.value, 0);
	c_no_more(cl, cl->item);
}

/* A send to the dead changes nothing. */
static void
check_refused(struct conform *c)
{
	struct c_client *cl = &c->client[C_CLIENTS - 1];
	struct c_item *it = c_item(c, C_ITEMS - 1, C_ECHO);

	for (int i = 0; i < 2; i++) {
		CHECK_EQ(c_begin(cl, it), -EPIPE);
		CHECK_EQ(it->m.out.value, 0);
		c_no_more(cl, it);
	}
}

static bool
was_seen(struct conform *c, uint64_t value)
{
	static uint64_t seen[C_LOG];
	uint32_t n = c->kind->seen(c, seen, C_LOG);

	for (uint32_t i = 0; i < n; i++)
		if (seen[i] == value)
			return true;
	return false;
}

static void
hold(struct conform *c, uint32_t from, uint32_t to)
{
	for (uint32_t i = from; i <= to; i++) {
		c_start(&c->client[i], c_item(c, i, C_HOLD));
		c_control(c, C_AWAIT_HELD, i);
	}
}

static void
death_ends_all_that_is_held_and_wakes_who_waits(struct conform *c)
{
	hold(c, 1, 3);
	for (uint32_t i = 1; i <= 3; i++)
		c_await_asleep(&c->client[i]);
	c_control(c, C_DIE, 0);
	for (uint32_t i = 1; i <= 3; i++) {
		CHECK_EQ(c_join(&c->client[i]), -EOWNERDEAD);
		check_ended(&c->client[i], -EOWNERDEAD);
	}
	check_refused(c);
	/* What the dead still say changes nothing. */
	c_release(c, 3);
	for (uint32_t i = 1; i <= 3; i++)
		check_ended(&c->client[i], -EOWNERDEAD);
}

static void
death_tells_the_started_from_those_that_were_not(struct conform *c)
{
	hold(c, 1, 2);
	c_control(c, C_SHUT, 0);
	for (uint32_t i = 3; i <= 4; i++) {
		c_start(&c->client[i], c_item(c, i, C_ECHO));
		c_control(c, C_AWAIT_QUEUED, i - 2);
	}
	c_control(c, C_DIE, 0);
	for (uint32_t i = 1; i <= 4; i++)
		CHECK_EQ(c_join(&c->client[i]), i <= 2 ? -EOWNERDEAD : -EPIPE);
	check_refused(c);
	c_control(c, C_OPEN, 0);
	c_release(c, 2);
	for (uint32_t i = 1; i <= 4; i++) {
		check_ended(&c->client[i], i <= 2 ? -EOWNERDEAD : -EPIPE);
		CHECK_EQ(was_seen(c, C_VALUE + i), i <= 2);
	}
}

/* Some are kept, some are over by then, one is on its way, some come later. */
static void
death_at(struct conform *c, uint32_t n)
{
	uint32_t held = 0;
	struct c_client *cl;
	int code;

	c_control(c, C_DIE, n);
	for (uint32_t i = 1; i <= MESSAGES; i++) {
		cl = &c->client[i];
		c_start(cl, c_item(c, i, i % 2 != 0 ? C_HOLD : C_ECHO));
		if (i < n && i % 2 != 0) {
			c_control(c, C_AWAIT_HELD, ++held);
			continue;
		}
		code = c_join(cl);
		c_no_more(cl, cl->item);
		if (i == n)
			CHECK_EQ(code == -EPIPE ? -EOWNERDEAD : code,
				 -EOWNERDEAD);
		else
			CHECK_EQ(code, i < n ? (int)i + 1 : -EPIPE);
	}
	for (uint32_t i = 1; i < n; i += 2) {
		CHECK_EQ(c_join(&c->client[i]), -EOWNERDEAD);
		check_ended(&c->client[i], -EOWNERDEAD);
	}
	check_refused(c);
}

static void
death_at_the_first_message_ends_each_once(struct conform *c)
{
	death_at(c, 1);
}

static void
death_at_the_second_message_ends_each_once(struct conform *c)
{
	death_at(c, 2);
}

static void
death_at_the_third_message_ends_each_once(struct conform *c)
{
	death_at(c, 3);
}

static void
death_at_the_fourth_message_ends_each_once(struct conform *c)
{
	death_at(c, 4);
}

struct racer {
	struct mp_thread thread;
	struct c_client *cl;
	uint64_t refused; /* in.value of what ended with EPIPE, or 0 */
};

static void
racer_main(void *arg)
{
	struct racer *r = arg;
	struct c_client *cl = r->cl;
	uint32_t n = (uint32_t)(cl - cl->c->client);
	struct c_item *it = c_item(cl->c, n, C_ECHO);
	int code = 0;

	for (uint32_t i = 0; i < ROUNDS && code != -EPIPE; i++) {
		it->m.in.value = C_VALUE + n * ROUNDS + i;
		code = c_do(cl, it);
		CHECK(code == (int)n + 1 || code == -EOWNERDEAD ||
		      code == -EPIPE);
		c_no_more(cl, it);
	}
	if (code == -EPIPE)
		r->refused = it->m.in.value;
}

static void
death_at_any_instant_ends_each_once(struct conform *c)
{
	struct racer r[RACERS];

	for (uint32_t i = 0; i < RACERS; i++) {
		r[i] = (struct racer){ .cl = &c->client[i + 1] };
		CHECK_EQ(os_thread_start(&r[i].thread, racer_main, &r[i]), 0);
	}
	c_control(c, C_AWAIT_SEEN, RACERS);
	c_control(c, C_DIE, 0);
	check_refused(c);
	for (uint32_t i = 0; i < RACERS; i++)
		os_thread_join(&r[i].thread);
	for (uint32_t i = 0; i < RACERS; i++)
		CHECK(r[i].refused == 0 || !was_seen(c, r[i].refused));
}

static void
death_wakes_who_waits_for_room(struct conform *c)
{
	struct c_client *cl = &c->client[0];
	uint32_t n = 4;
	int code;

	c_control(c, C_SHUT, 0);
	while (c_begin(cl, c_item(c, n, C_ECHO)) == EASYNC)
		n++;
	c->verb = C_CALL;
	for (uint32_t i = 1; i <= 2; i++) {
		c_start(&c->client[i], c_item(c, i, C_ECHO));
		c_await_asleep(&c->client[i]);
	}
	c_control(c, C_DIE, 0);
	CHECK_EQ(c_join(&c->client[1]), -EPIPE);
	CHECK_EQ(c_join(&c->client[2]), -EPIPE);
	c->verb = C_SEND;
	for (uint32_t i = 4; i < n; i++) {
		code = c_end(cl, &c->item[i]);
		CHECK(code == -EPIPE || code == -EOWNERDEAD);
	}
	c_control(c, C_OPEN, 0);
	for (uint32_t i = 4; i < n; i++)
		CHECK(c->item[i].m.msg.result == -EOWNERDEAD ||
		      !was_seen(c, C_VALUE + i));
}

static void
a_cancelled_message_of_the_dead_ends_once(struct conform *c)
{
	struct c_client *cl = &c->client[1];

	hold(c, 1, 1);
	mp_cancel(&cl->item->m.msg);
	c_control(c, C_AWAIT_CANCELLED, 1);
	c_control(c, C_DIE, 0);
	CHECK_EQ(c_join(cl), -EOWNERDEAD);
	mp_cancel(&cl->item->m.msg);
	check_ended(cl, -EOWNERDEAD);
}

struct finisher {
	struct mp_thread thread;
	struct mp_port *port;
	uint32_t tid;
	uint32_t begun;
	uint32_t ended;
};

static void
finisher_main(void *arg)
{
	struct finisher *f = arg;

	os_store(&f->tid, c_thread_id());
	c_post(&f->begun);
	mp_port_fini(f->port);
	c_post(&f->ended);
}

static void
death_wakes_who_finishes_a_reply_port(struct conform *c)
{
	struct c_client *cl = &c->client[0];
	struct c_item *it = c_item(c, 0, C_HOLD);
	struct finisher f = { .port = &cl->port };

	if (c->reply == C_NONE)
		cl->reply = &cl->port;
	CHECK_EQ(c_begin(cl, it), EASYNC);
	c_control(c, C_AWAIT_HELD, 1);
	CHECK_EQ(os_thread_start(&f.thread, finisher_main, &f), 0);
	c_await(&f.begun, 1);
	CHECK(c_sleeps(f.tid, &f.ended));
	c_control(c, C_DIE, 0);
	os_thread_join(&f.thread);
	CHECK(mp_done(&it->m.msg));
	CHECK_EQ(it->m.msg.result, -EOWNERDEAD);
}

#define T(name, need, vary)                        \
	{                                          \
#name, name, C_DIES | (need), vary \
	}

const struct c_test c_death[] = {
	T(death_ends_all_that_is_held_and_wakes_who_waits, 0, V_ALL),
	T(death_tells_the_started_from_those_that_were_not, C_NEAR | C_QUEUES,
	  V_ALL),
	T(death_at_the_first_message_ends_each_once, 0, V_ALL),
	T(death_at_the_second_message_ends_each_once, 0, V_ALL),
	T(death_at_the_third_message_ends_each_once, 0, V_ALL),
	T(death_at_the_fourth_message_ends_each_once, 0, V_ALL),
	T(death_at_any_instant_ends_each_once, 0, V_ALL),
	T(death_wakes_who_waits_for_room, C_BOUNDED, V_SEND | V_REPLY | V_MODE),
	T(a_cancelled_message_of_the_dead_ends_once, 0, V_ALL),
	T(death_wakes_who_finishes_a_reply_port, 0, V_ASYNC | V_ALL),
	{ 0 },
};
