/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Promises that the systems before this one broke, and that the conformance
 * suite does not hold already; doc/history.md is the list.
 */
#define _GNU_SOURCE
#include "actor.h"

#include <pthread.h>
#include <stdlib.h>

#define ROUNDS 3000

static void
free_message(struct mp_port *p, struct mp_msg *m)
{
	free(m);
	os_fetch_add(p->data, 1);
}

TEST(a_message_may_be_freed_by_its_callback)
{
	struct actor a = { .code = 0 };
	uint32_t freed = 0;
	struct mp_port reply;
	struct mp_msg *m;

	actor_serve_start(&a);
	mp_port_init_callback(&reply, free_message, &freed);
	for (uint32_t i = 0; i < ROUNDS; i++) {
		m = malloc(sizeof(*m));
		CHECK(m != NULL);
		mp_msg_init(m, i);
		m->reply = &reply;
		while (mp_send(&a.p, m) != 0)
			c_yield();
	}
	while (os_load(&freed) != ROUNDS)
		c_yield();
	mp_port_fini(&reply);
	actor_serve_stop(&a);
}

/* Either nobody had it and it never completes, or it completes. */
TEST(drop_at_any_time_takes_back_or_does_not)
{
	struct actor a = { .code = 0 };
	struct mp_msg m = MP_MSG(4);
	uint32_t seed = 521288629u;
	struct mp_port reply;
	uint32_t dropped = 0;

	actor_serve_start(&a);
	mp_port_init_count(&reply);
	m.reply = &reply;
	for (uint32_t i = 0; i < ROUNDS; i++) {
		CHECK_EQ(mp_send(&a.p, &m), 0);
		for (uint32_t n = c_random(&seed) % 64; n > 0; n--)
			os_relax();
		if (mp_drop(&m) == 0)
			dropped++;
		else
			while (!mp_done(&m))
				c_yield();
	}
	CHECK_EQ(mp_count_wait(&reply, ROUNDS - dropped, 0), 0);
	CHECK_EQ(mp_count_wait(&reply, ROUNDS - dropped + 1, 1), -ETIMEDOUT);
	mp_port_fini(&reply);
	actor_serve_stop(&a);
}

TEST(cancel_between_reply_and_fetch_does_nothing)
{
	struct mp_msg m = MP_MSG(1);
	struct mp_port p, reply;

	mp_port_init_queue(&p, NULL);
	mp_port_init_queue(&reply, NULL);
	m.reply = &reply;
	CHECK_EQ(mp_send(&p, &m), 0);
	mp_reply(mp_recv(&p), 7);
	mp_cancel(&m);
	CHECK_EQ(mp_drop(&m), -ENOENT);
	CHECK_EQ(mp_tryrecv(&reply), &m);
	CHECK(mp_tryrecv(&reply) == NULL);
	CHECK_EQ(m.result, 7);
	CHECK(!mp_msg_cancelled(&m));
	mp_port_fini(&p);
	mp_port_fini(&reply);
}

static void
send_main(void *arg)
{
	struct actor *a = arg;

	a->code = mp_send(a->to, &a->m);
	actor_begin(a);
}

TEST(the_sender_may_exit_while_its_message_is_out)
{
	struct actor a = { .m = MP_MSG(1) };
	struct mp_port p, reply;

	mp_port_init_queue(&p, NULL);
	mp_port_init_queue(&reply, NULL);
	a.m.reply = &reply;
	a.to = &p;
	actor_start(&a, send_main);
	os_thread_join(&a.thread);
	CHECK_EQ(a.code, 0);
	mp_reply(mp_recv(&p), 3);
	CHECK_EQ(mp_wait(&a.m), 3);
	mp_port_fini(&p);
	mp_port_fini(&reply);
}

TEST(a_stuck_server_holds_up_nobody_elses)
{
	struct actor stuck = { .m = MP_MSG(1) }, well = { .code = 0 };
	struct mp_msg m = MP_MSG(6);

	mp_port_init_queue(&stuck.p, NULL);
	actor_serve_start(&well);
	stuck.to = &stuck.p;
	actor_start(&stuck, actor_call);
	CHECK(c_sleeps(stuck.tid, &stuck.ended));
	for (int i = 0; i < 100; i++)
		CHECK_EQ(mp_call(&well.p, &m), 6);
	CHECK(c_sleeps(stuck.tid, &stuck.ended));
	mp_reply(mp_recv(&stuck.p), 2);
	os_thread_join(&stuck.thread);
	CHECK_EQ(stuck.code, 2);
	mp_port_fini(&stuck.p);
	actor_serve_stop(&well);
}

struct drain {
	struct mp_port p, reply;
	struct mp_msg m[40];
	uint32_t sent, runs;
	uint32_t order[41];
};

/* Sends two more to its own port each time it runs. */
static int
breed(struct mp_port *p, struct mp_msg *m)
{
	struct drain *d = p->data;

	d->order[d->runs++] = m->op;
	for (int i = 0; i < 2 && d->sent < 40; i++, d->sent++) {
		mp_msg_init(&d->m[d->sent], d->sent + 1);
		d->m[d->sent].reply = &d->reply;
		CHECK_EQ(mp_send(p, &d->m[d->sent]), 0);
	}
	return 0;
}

TEST(what_a_serial_port_sends_itself_runs_once_and_in_order)
{
	struct mp_msg first = MP_MSG(0);
	static struct drain d;

	mp_port_init_serial(&d.p, breed, &d);
	mp_port_init_count(&d.reply);
	CHECK_EQ(mp_call(&d.p, &first), 0);
	CHECK_EQ(mp_count_wait(&d.reply, 40, 1), 0);
	CHECK_EQ(d.runs, 41);
	for (uint32_t i = 0; i < 41; i++)
		CHECK_EQ(d.order[i], i);
	mp_port_fini(&d.p);
	mp_port_fini(&d.reply);
}

static void
call_until_closed_main(void *arg)
{
	struct actor *a = arg;

	actor_begin(a);
	do {
		a->code = mp_call(a->to, &a->m);
		CHECK(a->code == (int)a->m.op || a->code == -EPIPE);
	} while (a->code != -EPIPE);
}

TEST(closing_under_those_who_send_ends_each_once)
{
	struct actor a, sender[2];

	for (int round = 0; round < 40; round++) {
		a = (struct actor){ .code = 0 };
		actor_serve_start(&a);
		for (int i = 0; i < 2; i++) {
			sender[i] = (struct actor){ .m = MP_MSG(7) };
			sender[i].to = &a.p;
			actor_start(&sender[i], call_until_closed_main);
		}
		c_yield();
		mp_port_close(&a.p);
		for (int i = 0; i < 2; i++)
			os_thread_join(&sender[i].thread);
		actor_serve_stop(&a);
	}
}

TEST(a_pool_that_cannot_start_leaves_nothing_behind)
{
	pthread_attr_t old, huge;
	struct mp_thread thread[2];
	struct mp_pool pool;
	int code;

	CHECK_EQ(pthread_getattr_default_np(&old), 0);
	CHECK_EQ(pthread_attr_init(&huge), 0);
	CHECK_EQ(pthread_attr_setstacksize(&huge, (size_t)1 << 46), 0);
	CHECK_EQ(pthread_setattr_default_np(&huge), 0);
	mp_pool_init(&pool, NULL, NULL);
	code = mp_pool_start(&pool, thread, 2);
	CHECK_EQ(pthread_setattr_default_np(&old), 0);
	pthread_attr_destroy(&huge);
	pthread_attr_destroy(&old);
	CHECK_EQ(code, -EAGAIN);
}

static uint64_t slots[4 * (1 << 18) / 8];

/* What had started, what had not, and what comes too late. */
TEST(death_of_the_peer_ends_every_message_once)
{
	struct mp_parity_conf conf = {
		.modes = MP_PARITY_COPY | MP_PARITY_KILL,
		.kill_at = 3,
		.slots = 4,
		.memory = slots,
	};
	struct c_msg m[4] = { { .msg = MP_MSG(C_ECHO) },
			      { .msg = MP_MSG(C_ECHO) },
			      { .msg = MP_MSG(C_ECHO) },
			      { .msg = MP_MSG(C_ECHO) } };
	struct mp_port p, reply;
	struct mp_parity parity;
	struct mp_msg *held;

	mp_port_init_queue(&p, NULL);
	mp_port_init_count(&reply);
	p.iface = &c_iface;
	CHECK_EQ(mp_parity_start(&parity, &p, &conf), 0);
	for (int i = 0; i < 4; i++)
		m[i].msg.reply = &reply;
	CHECK_EQ(mp_send(&p, &m[0].msg), 0);
	held = mp_recv(&p);
	CHECK(held != NULL && held != &m[0].msg);
	CHECK_EQ(mp_send(&p, &m[1].msg), 0);
	CHECK(!mp_done(&m[0].msg) && !mp_done(&m[1].msg));
	CHECK_EQ(mp_send(&p, &m[2].msg), 0);
	CHECK_EQ(mp_count_wait(&reply, 3, 0), 0);
	CHECK_EQ(m[0].msg.result, -EOWNERDEAD);
	CHECK_EQ(m[1].msg.result, -EPIPE);
	CHECK(m[2].msg.result == -EPIPE || m[2].msg.result == -EOWNERDEAD);
	CHECK_EQ(mp_send(&p, &m[3].msg), -EPIPE);
	/* What the dead still do changes nothing. */
	mp_reply(held, 9);
	while ((held = mp_tryrecv(&p)) != NULL)
		mp_reply(held, 9);
	CHECK_EQ(m[0].msg.result, -EOWNERDEAD);
	CHECK_EQ(mp_count_wait(&reply, 4, 1), -ETIMEDOUT);
	mp_parity_stop(&parity);
	mp_port_fini(&p);
	mp_port_fini(&reply);
}

/* A hook is called while the other's service thread replies, and back. */
struct service {
	struct mp_port p;
	struct mp_thread thread;
	struct service *other;
	struct mp_msg m;
	uint32_t begun;
};

static int
take_all(struct mp_port *p, struct mp_msg *m)
{
	int code = mp_agent_begin(p, m);

	if (code == 0)
		mp_msg_take(m);
	return code == 0 ? EASYNC : code;
}

static void
end_it(struct mp_port *p, struct mp_msg *m)
{
	CHECK(p->data != NULL);
	mp_reply(m, -ECANCELED);
}

static void
service_main(void *arg)
{
	struct service *s = arg;
	struct mp_port *to = &s->other->p;

	c_post(&s->begun);
	c_await(&s->other->begun, 1);
	for (uint32_t i = 0; i < ROUNDS; i++) {
		CHECK_EQ(to->mp_SendMsg(to, &s->m), EASYNC);
		mp_cancel(&s->m);
		CHECK_EQ(mp_wait(&s->m), -ECANCELED);
	}
}

TEST(services_may_cancel_each_others_messages)
{
	static const struct mp_port_ops ops = { .kind = "service",
						.cancel = end_it };
	struct service s[2] = { { .m = MP_MSG(1) }, { .m = MP_MSG(1) } };

	for (int i = 0; i < 2; i++) {
		mp_port_init_agent(&s[i].p, take_all, &ops, &s[i]);
		s[i].other = &s[!i];
	}
	for (int i = 0; i < 2; i++)
		CHECK_EQ(os_thread_start(&s[i].thread, service_main, &s[i]), 0);
	for (int i = 0; i < 2; i++)
		os_thread_join(&s[i].thread);
	for (int i = 0; i < 2; i++)
		mp_port_fini(&s[i].p);
}
