/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The sending half of the verbs.
 *
 * mp_call and mp_send mark the message ARMED and call the port's agent.  What
 * the agent did shows in the state word when it returns a code: IDLE, it ran
 * the message to its end; still ARMED, it refused.  After EASYNC the message
 * may be gone already, so nothing is looked at.
 */
#include "state.h"

void
mp_msg_init(struct mp_msg *m, uint32_t op)
{
	*m = (struct mp_msg)MP_MSG(op);
}

bool
mp_done(const struct mp_msg *m)
{
	uint32_t s = phase(os_load_acquire(&m->state));

	return s == ST_IDLE || s == ST_REPLIED;
}

/* The message is the caller's again, and never ran. */
static int
take_back(struct mp_msg *m, int code)
{
	m->hold = NULL;
	m->result = code;
	os_store(&m->state, ST_IDLE);
	return code;
}

/* The agent of p kept the message, or said `code' and refused it. */
static __attribute__((__cold__, __noinline__)) int
call_slow(struct mp_port *p, struct mp_msg *m, int code)
{
	while (code != EASYNC) {
		if (code != -EAGAIN || p->ops->room == NULL ||
		    (m->flags & MP_MSG_NOWAIT) != 0)
			return take_back(m, code);
		code = p->ops->room(p, m->deadline_ns);
		if (code != 0)
			return take_back(m, code == -ETIMEDOUT ? -ETIME : code);
		code = p->mp_SendMsg(p, m);
		if (phase(os_load_acquire(&m->state)) == ST_IDLE)
			return m->result;
	}
	return mp_wait(m);
}

/*
 * Nobody but this thread waits for the message, so unlike others it may look
 * at it after EASYNC.  Where a refused call was to go is kept in `hold', which
 * is an agent's only once it has taken the message.
 */
static inline int
call(struct mp_port *p, struct mp_msg *m)
{
	int code;

	os_store(&m->state, ST_ARMED | ST_SYNC);
	m->hold = p;
	code = p->mp_SendMsg(p, m);
	if (__builtin_expect(os_any(&m->state, ST_PHASE), 0))
		return code == EASYNC ? mp_wait(m) :
					call_slow(m->hold, m, code);
	os_acquire();
	return m->result;
}

static __attribute__((__noinline__)) int
call_in_time(struct mp_port *p, struct mp_msg *m)
{
	if (os_now_ns() >= m->deadline_ns)
		return take_back(m, -ETIME);
	return call(p, m);
}

int
mp_call(struct mp_port *p, struct mp_msg *m)
{
	if (os_any(&m->state, ST_PHASE))
		return -EBUSY;
	if (m->deadline_ns != MP_NO_DEADLINE)
		return call_in_time(p, m);
	return call(p, m);
}

/* The message is ARMED, and its reply port counts it. */
static int
send_armed(struct mp_port *p, struct mp_msg *m)
{
	struct mp_port *reply = m->reply;
	int code;

	code = p->mp_SendMsg(p, m);
	if (code == EASYNC)
		return 0;
	if (phase(os_load(&m->state)) != ST_IDLE) {
		os_store(&m->state, ST_IDLE);
		count_down(&reply->out);
		return code;
	}
	os_store(&m->state, ST_ENDING | ST_COUNTED);
	reply->ops->reply(reply, m);
	return 0;
}

int
mp_send(struct mp_port *p, struct mp_msg *m)
{
	if (phase(os_load(&m->state)) != ST_IDLE)
		return -EBUSY;
	if (m->reply == NULL)
		return -EINVAL;
	count_out(m->reply);
	os_store(&m->state, ST_ARMED | ST_COUNTED);
	return send_armed(p, m);
}

/*
 * Either this finds the message idle and sends it, or whoever has it replies
 * only after this has looked, and then looks at what it is about; a reader
 * must therefore reply before it drains.  The fence is the notifier's half of
 * that; the replier's half is the exchange that makes the message idle.
 *
 * NOTIFY keeps others out while an agent that ran it inline has made it IDLE
 * and its reply is still due.
 */
int
mp_msg_notify(struct mp_port *p, struct mp_msg *m)
{
	uint32_t idle = ST_IDLE;

	if (m->reply == NULL || m->reply->ops->reply == queue_reply)
		return -EINVAL;
	os_fence();
	if (os_load(&m->state) != ST_IDLE)
		return -EBUSY;
	count_out(m->reply);
	if (os_cas(&m->state, &idle, ST_ARMED | ST_COUNTED | ST_NOTIFY))
		return send_armed(p, m);
	count_down(&m->reply->out);
	return -EBUSY;
}
