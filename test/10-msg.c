/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Messages alone: what they are at first, and what is a bug of the user's. */
#include "conform.h"

#include <string.h>

static int
echo(struct mp_port *p, struct mp_msg *m)
{
	uint32_t *runs = p->data;

	(*runs)++;
	return (int)m->op;
}

TEST(a_message_fits_a_line_and_a_port_four)
{
	CHECK(sizeof(struct mp_msg) <= 64);
	CHECK(sizeof(struct mp_port) <= 256);
}

TEST(an_initialised_message_has_every_field_defined)
{
	struct mp_msg m, made = MP_MSG(7);

	memset(&m, 0xa5, sizeof(m));
	mp_msg_init(&m, 7);
	CHECK_EQ(memcmp(&m, &made, sizeof(m)), 0);
	CHECK(mp_done(&m));
	CHECK(!mp_msg_cancelled(&m));
	CHECK_EQ(mp_wait(&m), 0);
}

struct inside {
	int call, send, raw, wait, drop, result;
	bool done, reply;
	struct mp_port *port;
};

static int
look_from_inside(struct mp_port *p, struct mp_msg *m)
{
	struct inside *in = p->data;

	in->call = mp_call(p, m);
	in->send = mp_send(p, m);
	in->raw = p->mp_SendMsg(p, m);
	in->wait = mp_wait(m);
	in->drop = mp_drop(m);
	in->done = mp_done(m);
	in->reply = mp_msg_is_reply(m);
	return in->result;
}

TEST(a_message_that_runs_is_nobody_elses)
{
	struct inside in = { .result = 9 };
	struct mp_msg m = MP_MSG(1);
	struct mp_port p, reply;

	mp_port_init_call(&p, look_from_inside, &in);
	mp_port_init_queue(&reply, NULL);
	m.reply = &reply;
	CHECK_EQ(mp_call(&p, &m), 9);
	CHECK_EQ(in.call, -EBUSY);
	CHECK_EQ(in.send, -EBUSY);
	CHECK_EQ(in.raw, -EBUSY);
	CHECK_EQ(in.wait, -EINVAL);
	CHECK_EQ(in.drop, -ENOENT);
	CHECK(!in.done);
	CHECK(!in.reply);
	CHECK_EQ(m.result, 9);
	mp_port_fini(&p);
	mp_port_fini(&reply);
}

static void
nothing(struct mp_port *p, struct mp_msg *m)
{
	CHECK(p->data == NULL && mp_done(m));
}

TEST(what_has_no_queue_behind_it_cannot_be_waited_for)
{
	struct mp_port p, reply[3];
	struct mp_msg m[3];

	mp_port_init_queue(&p, NULL);
	mp_port_init_callback(&reply[0], nothing, NULL);
	mp_port_init_count(&reply[1]);
	mp_port_init_discard(&reply[2]);
	for (int i = 0; i < 3; i++) {
		mp_msg_init(&m[i], 1);
		m[i].reply = &reply[i];
		CHECK_EQ(mp_send(&p, &m[i]), 0);
		CHECK_EQ(mp_wait(&m[i]), -EINVAL);
		CHECK_EQ(mp_wait_until(&m[i], 1), -EINVAL);
		CHECK_EQ(mp_recv(&p), &m[i]);
		CHECK_EQ(mp_wait(&m[i]), -EINVAL);
		mp_reply(&m[i], i);
		CHECK_EQ(mp_wait(&m[i]), i);
	}
	mp_port_fini(&p);
	for (int i = 0; i < 3; i++)
		mp_port_fini(&reply[i]);
}

TEST(reply_ports_and_dead_ends_refuse_requests)
{
	struct mp_port p[3], reply;
	struct mp_msg m = MP_MSG(1);

	mp_port_init_callback(&p[0], nothing, NULL);
	mp_port_init_count(&p[1]);
	mp_port_init_discard(&p[2]);
	mp_port_init_queue(&reply, NULL);
	m.reply = &reply;
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(mp_call(&p[i], &m), -EINVAL);
		CHECK_EQ(mp_send(&p[i], &m), -EINVAL);
		CHECK_EQ(p[i].mp_SendMsg(&p[i], &m), -EINVAL);
		CHECK(mp_done(&m));
		mp_port_fini(&p[i]);
	}
	CHECK(mp_tryrecv(&reply) == NULL);
	mp_port_fini(&reply);
}

/* A queue port and one message that its owner has received. */
struct held {
	struct mp_port p, reply;
	struct mp_msg m;
};

static void
held_start(struct held *h)
{
	mp_port_init_queue(&h->p, NULL);
	mp_port_init_queue(&h->reply, NULL);
	mp_msg_init(&h->m, 1);
	h->m.reply = &h->reply;
	CHECK_EQ(mp_send(&h->p, &h->m), 0);
	CHECK_EQ(mp_recv(&h->p), &h->m);
}

static void
held_stop(struct held *h)
{
	CHECK_EQ(mp_wait(&h->m), 3);
	mp_port_fini(&h->p);
	mp_port_fini(&h->reply);
}

TEST(second_reply_is_caught_before_it_harms)
{
	struct held h;

	held_start(&h);
	mp_reply(&h.m, 3);
	/* Not fetched yet, and then fetched. */
	CHECK_ABORTS(mp_reply(&h.m, 4));
	CHECK_EQ(mp_recv(&h.reply), &h.m);
	CHECK_ABORTS(mp_reply(&h.m, 4));
	held_stop(&h);
}

TEST(reply_to_what_is_queued_is_caught)
{
	struct held h;

	held_start(&h);
	mp_reply(&h.m, 3);
	CHECK_EQ(mp_wait(&h.m), 3);
	CHECK_EQ(mp_send(&h.p, &h.m), 0);
	CHECK_ABORTS(mp_reply(&h.m, 4));
	CHECK_EQ(mp_recv(&h.p), &h.m);
	mp_reply(&h.m, 3);
	held_stop(&h);
}

TEST(easync_is_never_a_result)
{
	struct held h;

	held_start(&h);
	CHECK_ABORTS(mp_reply(&h.m, EASYNC));
	mp_reply(&h.m, 3);
	held_stop(&h);
}

TEST(forward_of_what_one_does_not_hold_is_caught)
{
	struct held h;

	held_start(&h);
	mp_reply(&h.m, 3);
	CHECK_ABORTS(mp_forward(&h.p, &h.m));
	CHECK_EQ(mp_wait(&h.m), 3);
	CHECK_ABORTS(mp_forward(&h.p, &h.m));
	held_stop(&h);
}

static int
reply_and_return(struct mp_port *p, struct mp_msg *m)
{
	CHECK(p->data == NULL);
	mp_reply(m, 1);
	return 2;
}

TEST(a_handler_that_replies_and_returns_a_code_is_caught)
{
	struct mp_msg m = MP_MSG(1);
	struct mp_port p;

	mp_port_init_call(&p, reply_and_return, NULL);
	CHECK_ABORTS(mp_call(&p, &m));
	mp_port_fini(&p);
	mp_port_init_serial(&p, reply_and_return, NULL);
	CHECK_ABORTS(mp_call(&p, &m));
	mp_port_fini(&p);
}

static int
reply_itself(struct mp_port *p, struct mp_msg *m)
{
	CHECK(p->data == NULL);
	mp_reply(m, 5);
	return EASYNC;
}

TEST(a_handler_may_reply_itself)
{
	struct mp_msg m = MP_MSG(1);
	struct mp_port p, reply;

	mp_port_init_call(&p, reply_itself, NULL);
	mp_port_init_queue(&reply, NULL);
	m.reply = &reply;
	CHECK_EQ(mp_call(&p, &m), 5);
	CHECK(mp_tryrecv(&reply) == NULL);
	CHECK_EQ(mp_send(&p, &m), 0);
	CHECK_EQ(mp_tryrecv(&reply), &m);
	CHECK_EQ(m.result, 5);
	mp_port_fini(&p);
	mp_port_fini(&reply);
}

TEST(a_notification_is_out_once)
{
	struct mp_port p, discard, queue;
	struct mp_msg m = MP_MSG(1);

	mp_port_init_queue(&p, NULL);
	mp_port_init_queue(&queue, NULL);
	mp_port_init_discard(&discard);
	CHECK_EQ(mp_msg_notify(&p, &m), -EINVAL);
	m.reply = &queue;
	CHECK_EQ(mp_msg_notify(&p, &m), -EINVAL);
	m.reply = &discard;
	CHECK_EQ(mp_msg_notify(&p, &m), 0);
	CHECK_EQ(mp_msg_notify(&p, &m), -EBUSY);
	CHECK_EQ(mp_recv(&p), &m);
	CHECK_EQ(mp_msg_notify(&p, &m), -EBUSY);
	CHECK(mp_tryrecv(&p) == NULL);
	mp_reply(&m, 0);
	CHECK_EQ(mp_msg_notify(&p, &m), 0);
	CHECK_EQ(mp_recv(&p), &m);
	CHECK(mp_tryrecv(&p) == NULL);
	mp_reply(&m, 0);
	mp_port_close(&p);
	CHECK_EQ(mp_msg_notify(&p, &m), -EPIPE);
	CHECK(mp_done(&m));
	mp_port_fini(&p);
	mp_port_fini(&queue);
	mp_port_fini(&discard);
}

#define EVENTS 20000

struct events {
	struct mp_port p, discard;
	struct mp_msg m;
	struct mp_thread thread;
	uint32_t raised, handled, runs;
};

/* Replies first, then looks at what there is: the order that loses nothing. */
static void
drain_main(void *arg)
{
	struct events *e = arg;
	struct mp_msg *m;

	while (e->handled != EVENTS) {
		m = mp_recv(&e->p);
		CHECK_EQ(m, &e->m);
		e->runs++;
		mp_reply(m, 0);
		e->handled = os_load_acquire(&e->raised);
	}
}

TEST(the_last_event_is_handled)
{
	struct events e = { .raised = 0 };
	int code;

	mp_port_init_queue(&e.p, NULL);
	mp_port_init_discard(&e.discard);
	e.m.reply = &e.discard;
	CHECK_EQ(os_thread_start(&e.thread, drain_main, &e), 0);
	for (uint32_t i = 0; i < EVENTS; i++) {
		os_fetch_add(&e.raised, 1);
		code = mp_msg_notify(&e.p, &e.m);
		CHECK(code == 0 || code == -EBUSY);
	}
	os_thread_join(&e.thread);
	CHECK(e.runs <= EVENTS);
	while (mp_tryrecv(&e.p) != NULL)
		mp_reply(&e.m, 0);
	mp_port_fini(&e.p);
	mp_port_fini(&e.discard);
}

TEST(cancel_of_what_is_not_out_does_nothing)
{
	struct mp_msg m = MP_MSG(6);
	uint32_t runs = 0;
	struct mp_port p;

	mp_port_init_call(&p, echo, &runs);
	mp_cancel(&m);
	CHECK_EQ(mp_call(&p, &m), 6);
	mp_cancel(&m);
	CHECK_EQ(mp_wait(&m), 6);
	CHECK_EQ(mp_call(&p, &m), 6);
	CHECK_EQ(runs, 2);
	mp_port_fini(&p);
}
