/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Agents that need no queue: call, filter, dead, and the user's own.
 *
 * The way of a call in one address space is mp_call, this agent, the handler:
 * two indirect calls, one test for everything unusual, and four stores to the
 * message, which is the sender's own line.  No store is to the port.
 */
#include "state.h"
#include <msgport/agent.h>

int
agent_check(struct mp_port *p, struct mp_msg *m)
{
	uint32_t s = os_load(&m->state);

	if (phase(s) > ST_ARMED && (s & ST_FORWARD) == 0)
		return -EBUSY;
	if ((os_load(&p->gate) & GATE_CLOSED) != 0) {
		port_refused(p, MP_REFUSED_CLOSED);
		return -EPIPE;
	}
	return 0;
}

static const struct mp_parity_ops *
parity_of(const struct mp_port *p)
{
	const struct mp_parity_ops *const *ops = (const void *)p->parity;

	return (os_load(&p->gate) & GATE_PARITY) != 0 ? *ops : NULL;
}

bool
parity_takes(const struct mp_port *p, const struct mp_msg *m)
{
	const struct mp_parity_ops *ops = parity_of(p);

	return ops != NULL && ops->takes(p, m);
}

int
parity_send(struct mp_port *p, struct mp_msg *m)
{
	return parity_of(p)->send(p, m);
}

int
parity_room(struct mp_port *p, uint64_t deadline_ns)
{
	const struct mp_parity_ops *ops = parity_of(p);

	return ops != NULL ? ops->room(p, deadline_ns) : -EAGAIN;
}

void
parity_cancel(struct mp_port *p, struct mp_msg *m)
{
	const struct mp_parity_ops *ops = parity_of(p);

	if (ops != NULL)
		ops->cancel(p, m);
}

/* May the sender of m be kept waiting? */
static bool
may_block(const struct mp_msg *m)
{
	return (os_load(&m->state) & ST_SYNC) != 0 ||
	       (m->flags & MP_MSG_MAYBLOCK) != 0;
}

/* What keeps a handler from running here and now: 0, or the refusal. */
int
agent_inline_check(struct mp_port *p, struct mp_msg *m)
{
	int code = agent_check(p, m);

	if (code != 0)
		return code;
	if (os_stack_is_low(MP_STACK_MIN)) {
		port_refused(p, MP_REFUSED_STACK);
		return -EDEADLK;
	}
	if ((p->flags & MP_PORT_MAY_BLOCK) != 0 && !may_block(m)) {
		port_refused(p, MP_REFUSED_BLOCKING);
		return -EAGAIN;
	}
	return 0;
}

/* A forwarded message stays HELD; its sender may be asleep on the word. */
void
agent_start(struct mp_port *p, struct mp_msg *m)
{
	uint32_t s = os_load(&m->state);

	set_target(m, p);
	if ((s & ST_FORWARD) == 0)
		os_store(&m->state, with_phase(s, ST_RUN));
}

int
mp_agent_begin(struct mp_port *p, struct mp_msg *m)
{
	int code = agent_inline_check(p, m);

	if (code == 0)
		agent_start(p, m);
	return code;
}

int
mp_agent_end(struct mp_msg *m, int code)
{
	uint32_t s;

	if (code == EASYNC)
		return EASYNC;
	s = os_load(&m->state);
	if ((s & ST_FORWARD) != 0)
		return code;
	mp_assert(phase(s) == ST_RUN, m);
	m->result = code;
	os_store_release(&m->state, ST_IDLE);
	return code;
}

static __attribute__((__cold__, __noinline__)) int
call_slow(struct mp_port *p, struct mp_msg *m)
{
	uint64_t start_ns;
	int code = agent_inline_check(p, m);

	if (code != 0)
		return code;
	if (parity_takes(p, m))
		return parity_send(p, m);
	agent_start(p, m);
	if ((os_load(&p->gate) & GATE_STAT) == 0)
		return mp_agent_end(m, p->handler(p, m));
	start_ns = os_now_ns();
	code = p->handler(p, m);
	stat_inline(p, os_now_ns() - start_ns);
	return mp_agent_end(m, code);
}

static int
call_send(struct mp_port *p, struct mp_msg *m)
{
	uint32_t s = os_load(&m->state);
	int code;

	if (agent_is_slow(p, m) || (p->flags & MP_PORT_MAY_BLOCK) != 0 ||
	    os_stack_is_low(MP_STACK_MIN))
		return call_slow(p, m);
	set_target(m, p);
	os_store(&m->state, with_phase(s, ST_RUN));
	code = p->handler(p, m);
	if (code == EASYNC)
		return EASYNC;
	mp_assert(phase(os_load(&m->state)) == ST_RUN, m);
	m->result = code;
	os_store_release(&m->state, ST_IDLE);
	return code;
}

void
mp_port_init_call(struct mp_port *p, mp_handler_fn *handler, void *data)
{
	static const struct mp_port_ops ops = {
		.kind = "call",
		.reply = port_no_reply,
		.cancel = parity_cancel,
		.room = parity_room,
	};

	port_init(p, &ops, call_send);
	p->handler = handler;
	p->data = data;
}

/*
 * The message goes on as it came, unmarked: the next agent takes it.  Filters
 * that form a ring end for want of stack, so the call must not become a jump.
 */
static int
filter_send(struct mp_port *p, struct mp_msg *m)
{
	struct mp_port *next = p->next;
	int code = 0;

	if (agent_is_slow(p, m) || os_stack_is_low(MP_STACK_MIN)) {
		code = agent_inline_check(p, m);
		if (code != 0)
			return code;
	}
	code = p->handler(p, m);
	if (code != 0) {
		agent_start(p, m);
		return mp_agent_end(m, code);
	}
	code = next->mp_SendMsg(next, m);
	__asm__ volatile("" ::: "memory");
	return code;
}

static int
filter_room(struct mp_port *p, uint64_t deadline_ns)
{
	struct mp_port *next = p->next;

	return next->ops->room != NULL ? next->ops->room(next, deadline_ns) :
					 -EAGAIN;
}

void
mp_port_init_filter(struct mp_port *p, mp_handler_fn *look,
		    struct mp_port *next)
{
	static const struct mp_port_ops ops = {
		.kind = "filter",
		.reply = port_no_reply,
		.room = filter_room,
	};

	port_init(p, &ops, filter_send);
	p->handler = look;
	p->next = next;
}

static int
dead_send(struct mp_port *p, struct mp_msg *m)
{
	int code = agent_check(p, m);

	return code != 0 ? code : (int)p->count;
}

void
mp_port_init_dead(struct mp_port *p, int error)
{
	static const struct mp_port_ops ops = {
		.kind = "dead",
		.reply = port_no_reply,
	};

	port_init(p, &ops, dead_send);
	p->count = (uint32_t)error;
}

void
mp_port_init_agent(struct mp_port *p, mp_handler_fn *agent,
		   const struct mp_port_ops *ops, void *data)
{
	static const struct mp_port_ops plain = {
		.kind = "agent",
		.reply = port_no_reply,
	};

	port_init(p, ops != NULL ? ops : &plain, agent);
	p->data = data;
}
