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

MP_STATIC_ASSERT(OS_STACK_MIN == MP_STACK_MIN, "what the manual says");

int
agent_check(struct mp_port *p, struct mp_msg *m)
{
	uint32_t s = os_load(&m->state);

	if (phase(s) > ST_ARMED && (s & ST_FORWARD) == 0)
		return -EBUSY;
	if ((os_load(&p->flags) & GATE_CLOSED) != 0) {
		port_refused(p, MP_REFUSED_CLOSED);
		return -EPIPE;
	}
	return 0;
}

static const struct mp_parity_ops *
parity_of(const struct mp_port *p)
{
	const struct mp_parity_ops *const *ops = (const void *)p->parity;

	return (os_load(&p->flags) & GATE_PARITY) != 0 ? *ops : NULL;
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
	if ((os_load(&p->flags) & MP_PORT_MAY_BLOCK) != 0 && !may_block(m)) {
		port_refused(p, MP_REFUSED_BLOCKING);
		return -EAGAIN;
	}
	return 0;
}

/* A forwarded message stays HELD; its sender may be asleep on the word. */
static void
start_any(struct mp_port *p, struct mp_msg *m)
{
	if (os_any(&m->state, ST_FORWARD))
		set_target(m, p);
	else
		agent_start(p, m);
}

__attribute__((__cold__, __noinline__)) int
agent_finish_odd(struct mp_msg *m, int code)
{
	/* Not: taken or replied, and a result all the same. */
	mp_assert(phase(os_load(&m->state)) == ST_RUN, m);
	m->result = code;
	os_store_release(&m->state, ST_NOTIFY);
	return code;
}

int
mp_agent_begin(struct mp_port *p, struct mp_msg *m)
{
	int code = agent_inline_check(p, m);

	if (code == 0)
		start_any(p, m);
	return code;
}

int
mp_agent_end(struct mp_msg *m, int code)
{
	if (code == EASYNC || (os_load(&m->state) & ST_FORWARD) != 0)
		return code;
	return agent_finish(m, code);
}

__attribute__((__cold__, __noinline__)) int
agent_run_slow(struct mp_port *p, struct mp_msg *m)
{
	uint64_t start_ns;
	int code;

	start_any(p, m);
	if ((os_load(&p->flags) & GATE_STAT) == 0)
		return mp_agent_end(m, p->handler(p, m));
	start_ns = os_now_ns();
	code = p->handler(p, m);
	stat_inline(p, os_now_ns() - start_ns);
	return mp_agent_end(m, code);
}

static __attribute__((__cold__, __noinline__)) int
call_slow(struct mp_port *p, struct mp_msg *m)
{
	int code = agent_inline_check(p, m);

	if (code != 0)
		return code;
	return parity_takes(p, m) ? parity_send(p, m) : agent_run_slow(p, m);
}

static int
call_send(struct mp_port *p, struct mp_msg *m)
{
	int code;

	if (agent_is_shut(p, m) || os_stack_seems_low())
		return call_slow(p, m);
	agent_start(p, m);
	code = p->handler(p, m);
	return code == EASYNC ? EASYNC : agent_finish(m, code);
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

static __attribute__((__cold__, __noinline__)) int
filter_end(struct mp_port *p, struct mp_msg *m, int code)
{
	start_any(p, m);
	return mp_agent_end(m, code);
}

static __attribute__((__cold__, __noinline__)) int
filter_slow(struct mp_port *p, struct mp_msg *m)
{
	int code = agent_inline_check(p, m);

	if (code != 0)
		return code;
	code = p->handler(p, m);
	return code == 0 ? p->next->mp_SendMsg(p->next, m) :
			   filter_end(p, m, code);
}

/*
 * The message goes on as it came, unmarked: the next agent takes it.  The
 * port is found again by the message, which is cheaper than to save it.
 */
static int
filter_send(struct mp_port *p, struct mp_msg *m)
{
	int code;

	if (agent_is_slow(p, m))
		return filter_slow(p, m);
	set_target(m, p);
	code = p->handler(p, m);
	p = target_of(m);
	if (code != 0)
		return filter_end(p, m, code);
	return p->next->mp_SendMsg(p->next, m);
}

static int
filter_room(struct mp_port *p, uint64_t deadline_ns)
{
	struct mp_port *next = p->next;

	return next->ops->room != NULL ? next->ops->room(next, deadline_ns) :
					 -EAGAIN;
}

static struct mp_port *
filter_next(struct mp_port *p)
{
	return p->next;
}

void
mp_port_init_filter(struct mp_port *p, mp_handler_fn *look,
		    struct mp_port *next)
{
	static const struct mp_port_ops ops = {
		.kind = "filter",
		.reply = port_no_reply,
		.room = filter_room,
		.behind = filter_next,
	};

	/* A ring of filters would never end; next is initialised. */
	for (const struct mp_port *at = next; at->ops == &ops; at = at->next)
		mp_assert(at != p, p);
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
