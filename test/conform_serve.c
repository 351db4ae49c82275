/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The handler behind every target of the conformance suite. */
#include "conform_serve.h"

#include <signal.h>
#include <string.h>

static void
note(struct server *s, uint64_t value)
{
	c_lock(&s->lock);
	CHECK(s->seen < C_LOG);
	s->log[s->seen] = value;
	c_post(&s->seen);
	c_unlock(&s->lock);
}

static void
hold(struct server *s, struct mp_msg *m)
{
	mp_msg_take(m);
	c_lock(&s->lock);
	CHECK(s->held_n < C_HELD);
	s->held[s->held_n] = m;
	c_post(&s->held_n);
	c_unlock(&s->lock);
}

static int
call_self(struct server *s, struct c_msg *m)
{
	struct c_msg own = { .msg = MP_MSG(C_ECHO),
			     .in = { .value = m->in.value + 1000000 } };
	int code = mp_call(s->self, &own.msg);

	/* The stack is about to be used for something else. */
	os_fence();
	return code;
}

static int
send_self(struct server *s, struct c_msg *m)
{
	mp_msg_init(&s->own.msg, C_ECHO);
	s->own.msg.reply = &s->discard;
	s->own.in.value = m->in.value + 1000000;
	return mp_send(s->self, &s->own.msg);
}

static int
answer_port(struct server *s, struct c_msg *m)
{
	mp_msg_init(&s->own.msg, C_ECHO);
	s->own.msg.reply = &s->discard;
	return mp_send(m->msg.reply, &s->own.msg);
}

uint32_t serve_dies_at;

int
serve(struct server *s, struct mp_msg *msg)
{
	struct c_msg *m = (struct c_msg *)(void *)msg;
	int code = m->in.result;

	if (msg->op != C_GATE && os_load(&serve_dies_at) != 0 &&
	    os_fetch_add(&serve_dies_at, -1u) == 1)
		raise(SIGKILL);
	if (msg->op == C_GATE) {
		c_post(&s->at_gate);
		c_await(&s->open, 1);
		return 0;
	}
	if (msg->op == C_CALL_SELF)
		code = call_self(s, m);
	else if (msg->op == C_SEND_SELF)
		code = send_self(s, m);
	else if (msg->op == C_ANSWER_PORT)
		code = answer_port(s, m);
	else if (msg->op != C_ECHO && msg->op != C_HOLD)
		return -ENOSYS;
	note(s, m->in.value);
	if (msg->op == C_HOLD) {
		hold(s, msg);
		return EASYNC;
	}
	m->out.value = m->in.value + 1;
	return code;
}

void
serve_release(struct server *s, uint32_t n)
{
	struct mp_msg *m;
	struct c_msg *body;

	c_await(&s->held_n, n);
	while (n-- > 0) {
		c_lock(&s->lock);
		m = s->held[0];
		os_fetch_add(&s->held_n, -1u);
		memmove(s->held, s->held + 1, s->held_n * sizeof(m));
		c_unlock(&s->lock);
		body = (struct c_msg *)(void *)m;
		body->out.value = body->in.value + 1;
		mp_reply(m, mp_msg_cancelled(m) ? -ECANCELED : body->in.result);
	}
}
