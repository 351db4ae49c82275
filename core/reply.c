/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Completing a message, and the reply ports that need no queue.
 *
 * A waiter is woken by the address of the state word: once the word says that
 * the message is over, it may be gone, and the reply port with it.  The target
 * port's count of held messages is the last thing touched, and mp_port_fini()
 * waits for it.
 */
#include "state.h"
#include <msgport/agent.h>

bool
mp_msg_is_reply(const struct mp_msg *m)
{
	return phase(os_load(&m->state)) == ST_IDLE;
}

bool
mp_msg_cancelled(const struct mp_msg *m)
{
	return (os_load_acquire(&m->state) & ST_CANCEL) != 0;
}

/*
 * The agent of p keeps a message that is ARMED, runs inline, or is forwarded
 * to it.  Everything that completing it will need is counted here, so that
 * completing cannot fail.
 */
bool
msg_taken(struct mp_port *p, struct mp_msg *m, uint32_t to)
{
	const uint32_t keep =
		ST_SYNC | ST_WAITING | ST_CANCEL | ST_EXPIRED | ST_COUNTED;
	uint32_t s = os_load(&m->state);
	uint32_t epoch = epoch_of(p);
	uint32_t add = epoch != 0 ? ST_EPOCH : 0;

	if ((s & (ST_SYNC | ST_COUNTED)) == 0 && m->reply != NULL) {
		count_out(m->reply);
		add |= ST_COUNTED;
	}
	if (runs_elsewhere(p, &p->cpu))
		add |= ST_SPIN;
	if (to != ST_QUEUED)
		os_fetch_add(&p->held[epoch], 1);
	set_target(m, p);
	do {
		if ((s & ST_CANCEL) == 0 || to != ST_QUEUED)
			continue;
		if ((add & ST_COUNTED) != 0)
			count_down(&m->reply->out);
		return false;
	} while (!os_cas(&m->state, &s, with_phase(s & keep, to) | add));
	return true;
}

void
mp_msg_take(struct mp_msg *m)
{
	uint32_t s = os_load(&m->state);

	if (phase(s) == ST_HELD && (s & ST_FORWARD) == 0)
		return;
	mp_assert(phase(s) == ST_RUN || phase(s) == ST_HELD, m);
	(void)msg_taken(m->target, m, ST_HELD);
}

/*
 * A cancel hook of the target's may be at work on this message in another
 * thread; it has to be out before the message goes.
 */
static void
wait_for_hook(const struct mp_port *target, uint32_t s)
{
	if ((s & ST_CANCEL) != 0 && phase(s) == ST_HELD &&
	    target->ops->cancel != NULL)
		gate_barrier();
}

uint32_t
msg_leave(struct mp_msg *m, uint32_t to)
{
	const struct mp_port *target = m->target;
	uint32_t s = os_load(&m->state);
	int32_t result = m->result;

	do {
		/* Or it is completed a second time. */
		mp_assert(phase(s) == ST_HELD || phase(s) == ST_ENDING, m);
		wait_for_hook(target, s);
		if (result == -ECANCELED && (s & ST_EXPIRED) != 0)
			m->result = -ETIME;
	} while (
		!os_cas(&m->state, &s, to == ST_IDLE ? to : with_phase(s, to)));
	if (to == ST_IDLE && (s & ST_WAITING) != 0)
		os_wake(&m->state, 1);
	return s;
}

/* By the one ender: the holder of a HELD message, the winner of an ENDING. */
void
msg_end(struct mp_msg *m, int result)
{
	struct mp_port *target = m->target;
	uint32_t s = os_load(&m->state);
	struct mp_port *reply = (s & ST_SYNC) != 0 ? NULL : m->reply;

	mp_assert(result != EASYNC, m);
	m->result = result;
	if (reply != NULL)
		reply->ops->reply(reply, m);
	else
		(void)msg_leave(m, ST_IDLE);
	count_down(&target->held[(s & ST_EPOCH) != 0]);
}

void
mp_reply(struct mp_msg *m, int result)
{
	uint32_t s = os_load(&m->state);

	if (phase(s) == ST_RUN || (s & ST_FORWARD) != 0)
		mp_msg_take(m);
	msg_end(m, result);
}

/* In the sending thread, from a handler. */
static int
forward_inline(struct mp_port *p, struct mp_msg *m, uint32_t s)
{
	struct mp_port *target = m->target;
	int code;

	do {
		if ((s & ST_CANCEL) != 0)
			return -ECANCELED;
	} while (!os_cas(&m->state, &s, with_phase(s, ST_ARMED)));
	code = p->mp_SendMsg(p, m);
	if (code == EASYNC)
		return EASYNC;
	/*
	 * Refused or over, it is the caller's handler that says so.  A cancel
	 * that came while the next port ran it went with that run.
	 */
	set_target(m, target);
	os_store(&m->state, with_phase(s, ST_RUN));
	return code;
}

/* By a handler to which the message is itself being forwarded. */
static int
forward_on(struct mp_port *p, struct mp_msg *m)
{
	struct mp_port *target = m->target;
	int code = p->mp_SendMsg(p, m);

	if (code != EASYNC)
		set_target(m, target);
	return code;
}

/*
 * A held message stays HELD while the next port looks at it, since its sender
 * may be about to sleep on the state word; the next agent either keeps it, or
 * its code ends it here.  The new count is taken before the old one is given
 * back.
 */
int
mp_forward(struct mp_port *p, struct mp_msg *m)
{
	uint32_t s = os_load(&m->state);
	struct mp_port *from = m->target;
	uint32_t *held = &from->held[(s & ST_EPOCH) != 0];
	int code;

	if (phase(s) == ST_RUN)
		return forward_inline(p, m, s);
	if ((s & ST_FORWARD) != 0)
		return forward_on(p, m);
	do {
		mp_assert(phase(s) == ST_HELD, m);
		wait_for_hook(from, s);
		if ((s & ST_CANCEL) != 0) {
			msg_end(m, -ECANCELED);
			return EASYNC;
		}
	} while (!os_cas(&m->state, &s, s | ST_FORWARD));
	code = p->mp_SendMsg(p, m);
	if (code == EASYNC) {
		count_down(held);
		sleep_moved(m);
		return EASYNC;
	}
	set_target(m, from);
	msg_end(m, code);
	return EASYNC;
}

static void
uncount(struct mp_port *p, uint32_t s)
{
	if ((s & ST_COUNTED) != 0)
		count_down(&p->out);
}

static void
discard_reply(struct mp_port *p, struct mp_msg *m)
{
	uncount(p, msg_leave(m, ST_IDLE));
}

static void
callback_reply(struct mp_port *p, struct mp_msg *m)
{
	uint32_t s = msg_leave(m, ST_IDLE);

	if ((os_load(&p->flags) & GATE_CLOSED) == 0)
		p->callback(p, m);
	uncount(p, s);
}

/* Under the lock: one waiter whose count has come. */
static const uint32_t *
count_pop(struct mp_port *p)
{
	struct mp_sleeper **at = &p->receivers;

	while (*at != NULL && (int32_t)(p->count - (*at)->until) < 0)
		at = &(*at)->next;
	return sleeper_pop(p, at);
}

static void
count_reply(struct mp_port *p, struct mp_msg *m)
{
	const uint32_t *wake;
	uint32_t s;

	(void)msg_leave(m, ST_ENDING);
	os_lock(&p->lock);
	s = msg_leave(m, ST_IDLE);
	p->count++;
	wake = count_pop(p);
	uncount(p, s);
	os_unlock(&p->lock);
	wake_one(wake);
}

/* Each waiter that leaves wakes the next whose count has come. */
int
mp_count_wait(struct mp_port *p, uint32_t n, uint64_t deadline_ns)
{
	struct mp_sleeper me = { .until = n };
	const uint32_t *wake;
	bool in_time = true;

	os_lock(&p->lock);
	while (in_time && (int32_t)(p->count - n) < 0)
		in_time = sleeper_park(p, &p->receivers, &me, deadline_ns);
	in_time = (int32_t)(p->count - n) >= 0;
	wake = count_pop(p);
	os_unlock(&p->lock);
	wake_one(wake);
	return in_time ? 0 : -ETIMEDOUT;
}

static int
refuse_send(struct mp_port *p, struct mp_msg *m)
{
	(void)p;
	(void)m;
	return -EINVAL;
}

void
mp_port_init_callback(struct mp_port *p, mp_reply_fn *fn, void *data)
{
	static const struct mp_port_ops ops = {
		.kind = "callback",
		.reply = callback_reply,
	};

	port_init(p, &ops, refuse_send);
	p->callback = fn;
	p->data = data;
}

void
mp_port_init_discard(struct mp_port *p)
{
	static const struct mp_port_ops ops = {
		.kind = "discard",
		.reply = discard_reply,
	};

	port_init(p, &ops, refuse_send);
}

void
mp_port_init_count(struct mp_port *p)
{
	static const struct mp_port_ops ops = {
		.kind = "count",
		.reply = count_reply,
	};

	port_init(p, &ops, refuse_send);
}
