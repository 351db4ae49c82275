/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Agents alone: what each does that no other does; and rings of waiters. */
#include "actor.h"

static int
result_of_op(struct mp_port *p, struct mp_msg *m)
{
	CHECK(p->mp_SendMsg != NULL);
	return (int)m->op;
}

TEST(a_dead_port_refuses_with_its_error)
{
	struct mp_msg m = MP_MSG(1);
	struct mp_port p, reply;

	mp_port_init_dead(&p, -EOWNERDEAD);
	mp_port_init_queue(&reply, NULL);
	m.reply = &reply;
	CHECK_EQ(mp_call(&p, &m), -EOWNERDEAD);
	CHECK_EQ(mp_send(&p, &m), -EOWNERDEAD);
	CHECK_EQ(p.mp_SendMsg(&p, &m), -EOWNERDEAD);
	CHECK(mp_done(&m));
	CHECK(mp_tryrecv(&reply) == NULL);
	mp_port_close(&p);
	CHECK_EQ(mp_call(&p, &m), -EPIPE);
	mp_port_fini(&p);
	mp_port_fini(&reply);
}

static int
stop_odd(struct mp_port *p, struct mp_msg *m)
{
	CHECK(p->handler == stop_odd);
	return m->op % 2 != 0 ? -EACCES : 0;
}

TEST(a_filter_ends_a_message_or_passes_it_on)
{
	struct mp_port filter, target, reply;
	struct mp_msg m = MP_MSG(2);

	mp_port_init_call(&target, result_of_op, NULL);
	mp_port_init_filter(&filter, stop_odd, &target);
	mp_port_init_queue(&reply, NULL);
	m.reply = &reply;
	CHECK_EQ(mp_call(&filter, &m), 2);
	CHECK_EQ(mp_send(&filter, &m), 0);
	CHECK_EQ(mp_wait(&m), 2);
	m.op = 3;
	CHECK_EQ(mp_call(&filter, &m), -EACCES);
	/* Ended, and not refused: it comes as a reply. */
	CHECK_EQ(mp_send(&filter, &m), 0);
	CHECK_EQ(mp_tryrecv(&reply), &m);
	CHECK_EQ(m.result, -EACCES);
	mp_port_fini(&filter);
	mp_port_fini(&target);
	mp_port_fini(&reply);
}

/* An agent that keeps one message; its hook does what it is told. */
struct keeper {
	struct mp_port p;
	struct mp_msg *kept;
	struct mp_port *next;
	uint32_t hooks;
	bool reply_in_hook;
	bool cancel_early;
	bool told_early;
};

static int
keep(struct mp_port *p, struct mp_msg *m)
{
	struct keeper *k = p->data;
	int code = mp_agent_begin(p, m);

	if (code != 0)
		return code;
	if (k->cancel_early) {
		mp_cancel(m);
		k->told_early = k->hooks != 0;
	}
	if (k->next != NULL)
		return mp_agent_end(m, mp_forward(k->next, m));
	if (m->op != 0)
		return mp_agent_end(m, (int)m->op);
	mp_msg_take(m);
	k->kept = m;
	return EASYNC;
}

static void
hook(struct mp_port *p, struct mp_msg *m)
{
	struct keeper *k = p->data;

	CHECK_EQ(m, k->kept);
	k->hooks++;
	if (k->reply_in_hook)
		mp_reply(m, -ECANCELED);
}

static void
no_reply(struct mp_port *p, struct mp_msg *m)
{
	CHECK(p == NULL && m == NULL);
}

static void
keeper_init(struct keeper *k)
{
	static const struct mp_port_ops ops = {
		.kind = "keeper",
		.reply = no_reply,
		.cancel = hook,
	};

	*k = (struct keeper){ .hooks = 0 };
	mp_port_init_agent(&k->p, keep, &ops, k);
}

TEST(an_agent_of_ones_own_ends_or_keeps)
{
	struct mp_msg m = MP_MSG(4);
	struct mp_port_stats stats;
	struct keeper k;

	keeper_init(&k);
	CHECK_EQ(mp_call(&k.p, &m), 4);
	m.op = 0;
	CHECK_EQ(k.p.mp_SendMsg(&k.p, &m), EASYNC);
	CHECK(!mp_done(&m));
	mp_port_stats(&k.p, &stats);
	CHECK_EQ(stats.held, 1);
	CHECK_STR(stats.kind, "keeper");
	mp_reply(k.kept, 8);
	CHECK_EQ(mp_wait(&m), 8);
	mp_port_close(&k.p);
	CHECK_EQ(mp_call(&k.p, &m), -EPIPE);
	mp_port_fini(&k.p);
}

TEST(the_hook_is_told_of_what_is_held)
{
	struct mp_msg m = MP_MSG(0);
	struct keeper k;

	keeper_init(&k);
	mp_cancel(&m);
	CHECK_EQ(k.hooks, 0);
	CHECK_EQ(k.p.mp_SendMsg(&k.p, &m), EASYNC);
	CHECK(!mp_msg_cancelled(&m));
	mp_cancel(&m);
	CHECK_EQ(k.hooks, 1);
	CHECK(mp_msg_cancelled(&m));
	CHECK(!mp_done(&m));
	mp_reply(&m, 3);
	CHECK_EQ(mp_wait(&m), 3);
	mp_cancel(&m);
	CHECK_EQ(k.hooks, 1);
	mp_port_fini(&k.p);
}

TEST(the_hook_may_reply)
{
	struct mp_msg m = MP_MSG(0);
	struct keeper k;

	keeper_init(&k);
	k.reply_in_hook = true;
	CHECK_EQ(k.p.mp_SendMsg(&k.p, &m), EASYNC);
	mp_cancel(&m);
	CHECK(mp_done(&m));
	CHECK_EQ(mp_wait(&m), -ECANCELED);
	/* And again, at its deadline, which the wait looks at. */
	m.deadline_ns = 1;
	CHECK_EQ(k.p.mp_SendMsg(&k.p, &m), EASYNC);
	CHECK_EQ(mp_wait(&m), -ETIME);
	CHECK_EQ(k.hooks, 2);
	mp_port_fini(&k.p);
}

TEST(the_target_sees_the_original_before_its_cancel)
{
	struct mp_msg m = MP_MSG(0);
	struct keeper k;

	keeper_init(&k);
	k.cancel_early = true;
	CHECK_EQ(k.p.mp_SendMsg(&k.p, &m), EASYNC);
	CHECK(!k.told_early);
	CHECK(mp_msg_cancelled(&m));
	mp_reply(&m, -ECANCELED);
	CHECK_EQ(mp_wait(&m), -ECANCELED);
	mp_port_fini(&k.p);
}

/* Passed on, the message is none of the first agent's business. */
TEST(cancel_goes_to_who_holds_the_message_now)
{
	struct mp_msg m = MP_MSG(0);
	struct keeper first, second;

	keeper_init(&first);
	keeper_init(&second);
	first.next = &second.p;
	CHECK_EQ(first.p.mp_SendMsg(&first.p, &m), EASYNC);
	mp_cancel(&m);
	CHECK_EQ(first.hooks, 0);
	CHECK_EQ(second.hooks, 1);
	mp_reply(&m, -ECANCELED);
	CHECK_EQ(mp_wait(&m), -ECANCELED);
	/* Held first, and forwarded later. */
	first.next = NULL;
	CHECK_EQ(first.p.mp_SendMsg(&first.p, &m), EASYNC);
	CHECK_EQ(mp_forward(&second.p, &m), EASYNC);
	mp_cancel(&m);
	CHECK_EQ(first.hooks, 0);
	CHECK_EQ(second.hooks, 2);
	mp_reply(&m, -ECANCELED);
	CHECK_EQ(mp_wait(&m), -ECANCELED);
	mp_port_fini(&first.p);
	mp_port_fini(&second.p);
}

TEST(an_inline_result_behind_a_forward_completes_once)
{
	struct mp_msg m = MP_MSG(6);
	struct mp_port target, reply;
	struct mp_port_stats stats;
	struct keeper k;

	keeper_init(&k);
	mp_port_init_call(&target, result_of_op, NULL);
	mp_port_init_queue(&reply, NULL);
	m.reply = &reply;
	k.next = &target;
	CHECK_EQ(mp_call(&k.p, &m), 6);
	CHECK_EQ(k.p.mp_SendMsg(&k.p, &m), 6);
	CHECK(mp_tryrecv(&reply) == NULL);
	CHECK_EQ(mp_send(&k.p, &m), 0);
	CHECK_EQ(mp_tryrecv(&reply), &m);
	CHECK_EQ(m.result, 6);
	CHECK(mp_tryrecv(&reply) == NULL);
	k.next = NULL;
	m.op = 0;
	CHECK_EQ(mp_send(&k.p, &m), 0);
	m.op = 5;
	CHECK_EQ(mp_forward(&target, &m), EASYNC);
	CHECK_EQ(mp_tryrecv(&reply), &m);
	CHECK_EQ(m.result, 5);
	mp_port_stats(&k.p, &stats);
	CHECK_EQ(stats.held, 0);
	mp_port_fini(&k.p);
	mp_port_fini(&target);
	mp_port_fini(&reply);
}

struct serial {
	struct mp_port p;
	uint32_t inside, open;
	uint32_t runs;
	uint32_t by[64];
};

static int
note_thread(struct mp_port *p, struct mp_msg *m)
{
	struct serial *s = p->data;

	s->by[s->runs++] = c_thread_id();
	if (m->op == 1) {
		c_post(&s->inside);
		c_await(&s->open, 1);
	}
	return 0;
}

/* Those who came before it are served; then the sleeper has to go on. */
TEST(a_serial_port_is_handed_over_to_a_waiting_sender)
{
	static struct mp_msg m[40];
	struct actor a[2] = { { .m = MP_MSG(1) }, { .m = MP_MSG(2) } };
	struct serial s = { .runs = 0 };
	struct mp_port reply;

	mp_port_init_serial(&s.p, note_thread, &s);
	mp_port_init_count(&reply);
	a[0].to = a[1].to = &s.p;
	actor_start(&a[0], actor_call);
	c_await(&s.inside, 1);
	for (uint32_t i = 0; i < 40; i++) {
		if (i == MP_SERIAL_RUN_MAX) {
			actor_start(&a[1], actor_call);
			CHECK(c_sleeps(a[1].tid, &a[1].ended));
		}
		mp_msg_init(&m[i], 3);
		m[i].reply = &reply;
		CHECK_EQ(mp_send(&s.p, &m[i]), 0);
	}
	c_post(&s.open);
	CHECK_EQ(mp_count_wait(&reply, 40, 0), 0);
	for (int i = 0; i < 2; i++)
		os_thread_join(&a[i].thread);
	CHECK_EQ(s.runs, 42);
	for (uint32_t i = 0; i < 42; i++)
		CHECK_EQ(s.by[i], a[i > MP_SERIAL_RUN_MAX].tid);
	mp_port_fini(&s.p);
	mp_port_fini(&reply);
}

static int
meet(struct mp_port *p, struct mp_msg *m)
{
	uint32_t *inside = p->data;

	c_post(inside);
	c_await(inside, 2);
	return (int)m->op;
}

TEST(a_pool_serves_as_many_at_once_as_it_has_threads)
{
	struct actor a[2] = { { .m = MP_MSG(1) }, { .m = MP_MSG(2) } };
	struct mp_thread thread[2];
	struct mp_pool pool;
	uint32_t inside = 0;

	mp_pool_init(&pool, meet, &inside);
	CHECK_EQ(mp_pool_start(&pool, thread, 2), 0);
	for (int i = 0; i < 2; i++) {
		a[i].to = &pool.port;
		actor_start(&a[i], actor_call);
	}
	for (int i = 0; i < 2; i++) {
		os_thread_join(&a[i].thread);
		CHECK_EQ(a[i].code, i + 1);
	}
	mp_pool_stop(&pool);
}

/* What a pool may sleep in does not run in its sender. */
TEST(a_blocking_pool_takes_what_may_not_block)
{
	struct mp_thread thread[1];
	struct mp_msg m = MP_MSG(5);
	struct mp_port reply;
	struct mp_pool pool;

	mp_pool_init(&pool, result_of_op, NULL);
	pool.port.flags = MP_PORT_MAY_BLOCK;
	CHECK_EQ(mp_pool_start(&pool, thread, 1), 0);
	mp_port_init_queue(&reply, NULL);
	m.reply = &reply;
	CHECK_EQ(mp_send(&pool.port, &m), 0);
	CHECK_EQ(mp_wait(&m), 5);
	mp_pool_stop(&pool);
	mp_port_fini(&reply);
}
