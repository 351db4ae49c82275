/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Invariants 1-9 and 55: whose a message is, and that it ends once. */
#include "conform.h"

#include <string.h>

/* What the library may not write, but for the result. */
struct shot {
	struct mp_port *reply;
	uint64_t deadline_ns;
	uint32_t op;
	uint32_t flags;
	uint64_t value;
	int32_t in_result;
};

static struct shot
shoot(const struct c_item *it)
{
	return (struct shot){
		.reply = it->m.msg.reply,
		.deadline_ns = it->m.msg.deadline_ns,
		.op = it->m.msg.op,
		.flags = it->m.msg.flags,
		.value = it->m.in.value,
		.in_result = it->m.in.result,
	};
}

static void
check_shot(const struct shot *old, const struct c_item *it)
{
	struct shot now = shoot(it);

	CHECK_EQ(now.reply, old->reply);
	CHECK_EQ(now.deadline_ns, old->deadline_ns);
	CHECK_EQ(now.op, old->op);
	CHECK_EQ(now.flags, old->flags);
	CHECK_EQ(now.value, old->value);
	CHECK_EQ(now.in_result, old->in_result);
}

/* Sends HOLD from a thread of its own, until the target holds it. */
static struct c_item *
start_hold(struct conform *c, uint32_t i)
{
	struct c_item *it = c_item(c, i, C_HOLD);

	c_start(&c->client[i], it);
	c_control(c, C_AWAIT_HELD, 1);
	return it;
}

static void
check_idle(struct c_item *it, int result)
{
	struct mp_msg *m = &it->m.msg;

	CHECK(mp_done(m));
	CHECK_EQ(mp_drop(m), -ENOENT);
	mp_cancel(m);
	CHECK(!mp_msg_cancelled(m));
	CHECK(mp_done(m));
	CHECK_EQ(mp_wait(m), result);
	CHECK_EQ(mp_wait_until(m, 1), result);
	CHECK_EQ(m->result, result);
}

static void
a_new_message_is_idle(struct conform *c)
{
	struct c_item *it = &c->item[0];

	memset(it, 0xa5, sizeof(*it));
	it = c_item(c, 0, C_ECHO);
	CHECK(it->m.msg.reply == NULL);
	CHECK_EQ(it->m.msg.deadline_ns, 0);
	CHECK_EQ(it->m.msg.flags, 0);
	check_idle(it, 0);
	CHECK_EQ(c_do(&c->client[0], it), 1);
}

static void
an_ended_message_is_idle(struct conform *c)
{
	struct c_item *it = c_item(c, 0, C_ECHO);

	CHECK_EQ(c_do(&c->client[0], it), 1);
	check_idle(it, 1);
	it = c_item(c, 1, C_HOLD);
	c_start(&c->client[1], it);
	c_release(c, 1);
	CHECK_EQ(c_join(&c->client[1]), 2);
	check_idle(it, 2);
	c_no_more(&c->client[1], it);
	/* And may be sent again as it is. */
	it->m.msg.op = C_ECHO;
	CHECK_EQ(c_do(&c->client[1], it), 2);
}

static void
check_busy(struct conform *c, struct c_item *it)
{
	struct mp_msg *m = &it->m.msg;
	struct shot old = shoot(it);
	int32_t result = m->result;

	CHECK_EQ(mp_call(c->port, m), -EBUSY);
	CHECK_EQ(mp_send(c->port, m), -EBUSY);
	CHECK_EQ(c->port->mp_SendMsg(c->port, m), -EBUSY);
	CHECK_EQ(mp_msg_notify(c->port, m),
		 c->reply >= C_CALLBACK ? -EBUSY : -EINVAL);
	check_shot(&old, it);
	CHECK_EQ(m->result, result);
}

static void
second_send_in_flight_is_ebusy(struct conform *c)
{
	struct c_item *it = start_hold(c, 1);
	uint64_t seen[4];

	c_await_asleep(&c->client[1]);
	check_busy(c, it);
	c_release(c, 1);
	CHECK_EQ(c_join(&c->client[1]), 2);
	c_no_more(&c->client[1], it);
	CHECK_EQ(c->kind->seen(c, seen, 4), 1);
}

static void
second_send_while_queued_is_ebusy(struct conform *c)
{
	struct c_item *it = c_item(c, 1, C_ECHO);
	uint64_t seen[4];

	c_control(c, C_SHUT, 0);
	c_start(&c->client[1], it);
	c_control(c, C_AWAIT_QUEUED, 1);
	c_await_asleep(&c->client[1]);
	check_busy(c, it);
	c_control(c, C_OPEN, 0);
	CHECK_EQ(c_join(&c->client[1]), 2);
	c_no_more(&c->client[1], it);
	CHECK_EQ(c->kind->seen(c, seen, 4), 1);
}

static void
second_send_before_fetch_is_ebusy(struct conform *c)
{
	struct c_client *cl = &c->client[0];
	struct c_item *it = c_item(c, 0, C_ECHO);

	CHECK_EQ(c_begin(cl, it), EASYNC);
	while (!mp_done(&it->m.msg))
		c_yield();
	check_busy(c, it);
	CHECK_EQ(mp_drop(&it->m.msg), -ENOENT);
	mp_cancel(&it->m.msg);
	CHECK_EQ(mp_recv(&cl->port), &it->m.msg);
	CHECK_EQ(it->m.msg.result, 1);
	CHECK_EQ(c_do(cl, it), 1);
}

/* Two that are held and two that are not, some of them cancelled. */
static void
mixed_round(struct conform *c, uint32_t *seed)
{
	bool cancelled[5] = { false };
	int code;

	for (uint32_t i = 1; i <= 4; i++)
		c_start(&c->client[i], c_item(c, i, i <= 2 ? C_HOLD : C_ECHO));
	for (uint32_t i = 3; i <= 4; i++) {
		cancelled[i] = c_random(seed) % 2 != 0;
		if (cancelled[i])
			mp_cancel(&c->item[i].m.msg);
	}
	c_control(c, C_AWAIT_HELD, 2);
	for (uint32_t i = 1; i <= 2; i++) {
		cancelled[i] = c_random(seed) % 2 != 0;
		if (cancelled[i])
			mp_cancel(&c->item[i].m.msg);
	}
	c_release(c, 2);
	for (uint32_t i = 1; i <= 4; i++) {
		code = c_join(&c->client[i]);
		if (code != (int)i + 1 || (i <= 2 && cancelled[i]))
			CHECK(cancelled[i] &&
			      (code == -ECANCELED ||
			       ((c->can & C_NEAR) == 0 && code == (int)i + 1)));
		c_no_more(&c->client[i], &c->item[i]);
	}
}

static void
every_send_completes_once(struct conform *c)
{
	uint32_t seed = 2463534242u;
	struct mp_port_stats stats;

	for (int round = 0; round < 3; round++)
		mixed_round(c, &seed);
	mp_port_stats(c->port, &stats);
	CHECK_EQ(stats.depth, 0);
}

static void
every_path_completes_once(struct conform *c)
{
	static const uint32_t op[] = { C_ECHO, C_HOLD, C_OP_END };
	static const int32_t result[] = { 0, -EIO, -EAGAIN };
	struct c_client *cl = &c->client[1];
	struct c_item *it;
	int code;

	for (uint32_t i = 0; i < 9; i++) {
		it = c_item(c, i, op[i / 3]);
		it->m.in.result = result[i % 3];
		c_start(cl, it);
		if (it->m.msg.op == C_HOLD)
			c_release(c, 1);
		code = c_join(cl);
		CHECK_EQ(code, i < 6 ? result[i % 3] : -ENOSYS);
		c_no_more(cl, it);
	}
}

static void
an_ended_message_is_not_touched(struct conform *c)
{
	struct c_item *it = c_page_get(sizeof(*it));

	*it = *c_item(c, 0, C_ECHO);
	CHECK_EQ(c_do(&c->client[0], it), 1);
	c_page_kill(it, sizeof(*it));
	for (uint32_t i = 1; i < 4; i++)
		CHECK_EQ(c_do(&c->client[0], c_item(c, i, C_ECHO)), (int)i + 1);
	start_hold(c, 1);
	c_release(c, 1);
	CHECK_EQ(c_join(&c->client[1]), 2);
	c_page_put(it, sizeof(*it));
}

static void
the_code_is_the_same_everywhere(struct conform *c)
{
	static const int32_t code[] = {
		0, 7, INT32_MAX, -EIO, -1, INT32_MIN + 1
	};
	struct c_client *cl = &c->client[1];
	struct c_item *it;

	for (uint32_t i = 0; i < 12; i++) {
		it = c_item(c, i, i < 6 ? C_ECHO : C_HOLD);
		it->m.in.result = code[i % 6];
		it->m.msg.result = 0x5a5a;
		c_start(cl, it);
		if (i >= 6)
			c_release(c, 1);
		CHECK_EQ(c_join(cl), code[i % 6]);
		CHECK_EQ(it->m.msg.result, code[i % 6]);
		CHECK_EQ(mp_wait(&it->m.msg), code[i % 6]);
		CHECK_EQ(it->m.out.value, it->m.in.value + 1);
	}
}

static void
a_message_in_flight_is_not_written(struct conform *c)
{
	struct c_item *it = c_item(c, 1, C_HOLD);
	struct shot old;

	it->m.msg.result = 0x5a5a;
	it->m.msg.flags = MP_MSG_MAYBLOCK | MP_MSG_USER;
	it->m.msg.deadline_ns = UINT64_MAX / 4;
	it->m.out.value = 0x5a5a;
	c_start(&c->client[1], it);
	c_control(c, C_AWAIT_HELD, 1);
	old = shoot(it);
	mp_cancel(&it->m.msg);
	c_control(c, C_AWAIT_CANCELLED, 1);
	c_await_asleep(&c->client[1]);
	CHECK_EQ(it->m.msg.result, 0x5a5a);
	CHECK_EQ(it->m.out.value, 0x5a5a);
	c_release(c, 1);
	CHECK_EQ(c_join(&c->client[1]), -ECANCELED);
	check_shot(&old, it);
}

static void
an_ended_message_is_not_written(struct conform *c)
{
	struct c_item *it = start_hold(c, 1);
	struct c_msg old;

	c_release(c, 1);
	CHECK_EQ(c_join(&c->client[1]), 2);
	memcpy(&old, &it->m, sizeof(old));
	for (uint32_t i = 2; i < 6; i++)
		CHECK_EQ(c_do(&c->client[0], c_item(c, i, C_ECHO)), (int)i + 1);
	start_hold(c, 2);
	c_release(c, 1);
	CHECK_EQ(c_join(&c->client[2]), 3);
	CHECK_EQ(memcmp(&old, &it->m, sizeof(old)), 0);
}

/* All that is the sender's, but that a call leaves the refusal as result. */
static void
check_refused(struct conform *c, struct c_item *it, int code)
{
	struct c_msg old;

	it->m.msg.reply = c->client[0].reply;
	it->m.msg.result = 0x5a5a;
	memcpy(&old, &it->m, sizeof(old));
	CHECK_EQ(c_begin(&c->client[0], it), code);
	if (c->verb == C_CALL)
		old.msg.result = code;
	CHECK_EQ(memcmp(&old.msg, &it->m.msg, offsetof(struct mp_msg, state)),
		 0);
	CHECK_EQ(memcmp(&old.in, &it->m.in, sizeof(old.in)), 0);
	CHECK_EQ(memcmp(&old.out, &it->m.out, sizeof(old.out)), 0);
	c_no_more(&c->client[0], it);
}

static void
a_send_refused_by_a_closed_port_changes_nothing(struct conform *c)
{
	struct mp_port_stats stats;
	uint64_t seen[1];

	mp_port_close(c->port);
	check_refused(c, c_item(c, 0, C_ECHO), -EPIPE);
	mp_port_stats(c->port, &stats);
	CHECK(stats.closed);
	CHECK_EQ(stats.refused[MP_REFUSED_CLOSED], 1);
	CHECK_EQ(stats.held, 0);
	CHECK_EQ(c->kind->seen(c, seen, 1), 0);
}

static void
a_send_refused_by_a_full_port_changes_nothing(struct conform *c)
{
	enum c_verb verb = c->verb;
	struct c_client *cl = &c->client[1];
	struct c_item *it;
	uint32_t n = 1;

	c_control(c, C_SHUT, 0);
	c->verb = verb == C_CALL ? C_RAW : verb;
	while (c_begin(cl, c_item(c, n, C_ECHO)) == EASYNC)
		n++;
	CHECK(n > C_DEPTH / 2 && n < 4 * C_DEPTH);
	c->verb = verb;
	it = c_item(c, 0, C_ECHO);
	it->m.msg.flags = MP_MSG_NOWAIT;
	check_refused(c, it, -EAGAIN);
	c_control(c, C_OPEN, 0);
	c->verb = verb == C_CALL ? C_RAW : verb;
	for (uint32_t i = 1; i < n; i++)
		CHECK_EQ(c_end(cl, &c->item[i]), (int)i + 1);
	c->verb = verb;
	/* Whatever it had taken it has given back. */
	CHECK_EQ(c_do(&c->client[0], it), 1);
}

static void
a_send_without_a_reply_port_is_einval(struct conform *c)
{
	struct c_item *it = c_item(c, 0, C_ECHO);
	struct c_msg old = it->m;
	uint64_t seen[1];

	CHECK_EQ(mp_send(c->port, &it->m.msg), -EINVAL);
	CHECK_EQ(mp_msg_notify(c->port, &it->m.msg), -EINVAL);
	CHECK_EQ(memcmp(&old, &it->m, sizeof(old)), 0);
	CHECK_EQ(c->kind->seen(c, seen, 1), 0);
}

#define T(name, need, vary)             \
	{                               \
#name, name, need, vary \
	}

const struct c_test c_life[] = {
	T(a_new_message_is_idle, 0, V_ALL),
	T(an_ended_message_is_idle, 0, V_ALL),
	T(second_send_in_flight_is_ebusy, 0, V_ALL),
	T(second_send_while_queued_is_ebusy, C_QUEUES, V_ALL),
	T(second_send_before_fetch_is_ebusy, 0, V_SEND | V_QUEUE | V_MODE),
	T(every_send_completes_once, 0, V_ALL),
	T(every_path_completes_once, 0, V_ALL),
	T(an_ended_message_is_not_touched, 0, V_ALL),
	T(the_code_is_the_same_everywhere, 0, V_ALL),
	T(a_message_in_flight_is_not_written, 0, V_ALL),
	T(an_ended_message_is_not_written, 0, V_ALL),
	T(a_send_refused_by_a_closed_port_changes_nothing, 0, V_ALL),
	T(a_send_refused_by_a_full_port_changes_nothing, C_BOUNDED, V_ALL),
	T(a_send_without_a_reply_port_is_einval, 0, V_MODE),
	{ 0 },
};
