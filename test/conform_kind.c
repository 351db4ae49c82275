/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The kinds of target in this address space.
 *
 * A kind is a front port and perhaps an inner one behind it; whichever of the
 * two has a queue, its handler stops at the gate.  One server, the same for
 * all, handles the messages.
 */
#include "conform_serve.h"

#include <string.h>

enum front { PLAIN, FILTER, FORWARD, QUEUE_FORWARD };
enum engine { CALL, SERIAL, QUEUE, POOL, AGENT };

#define POOL_THREADS 2

/* A port that takes everything and replies from a thread of its own. */
struct keeper {
	struct mp_lock lock;
	struct mp_msg *kept[C_HELD];
	uint32_t in, out; /* in: posted */
	bool stop;
	struct mp_thread thread;
};

struct direct_kind {
	struct c_kind kind;
	enum front front;
	enum engine engine;
};

static struct direct {
	const struct direct_kind *kind;
	struct mp_port front;
	struct mp_pool pool; /* its port is the inner one of any engine */
	struct mp_thread thread[POOL_THREADS];
	struct mp_thread front_thread;
	struct mp_thread gate_thread;
	struct c_msg gate[POOL_THREADS];
	struct mp_port *gate_port;
	struct server server;
	struct keeper keeper;
	struct mp_parity parity;
	bool async;
	uint32_t died;
} direct;

static uint64_t parity_memory[C_DEPTH * (1 << 9) / 8];

static int
handle(struct mp_port *p, struct mp_msg *m)
{
	return serve(p->data, m);
}

static int
look(struct mp_port *p, struct mp_msg *m)
{
	return p->mp_SendMsg != NULL && m->op != 0 ? 0 : -EINVAL;
}

static int
forward(struct mp_port *p, struct mp_msg *m)
{
	return mp_forward(p->data, m);
}

/* The owner of a queue port; a forwarding one serves gates itself. */
static void
owner_main(void *arg)
{
	struct mp_port *p = arg;
	bool forwards = p->data != &direct.server;
	struct mp_msg *m;
	int code;

	while ((m = mp_recv(p)) != NULL) {
		if (forwards && m->op != C_GATE) {
			CHECK_EQ(mp_forward(p->data, m), EASYNC);
			continue;
		}
		code = serve(&direct.server, m);
		if (code != EASYNC)
			mp_reply(m, code);
	}
}

static int
keeper_send(struct mp_port *p, struct mp_msg *m)
{
	struct keeper *k = &direct.keeper;
	int code = mp_agent_begin(p, m);

	if (code != 0)
		return code;
	mp_msg_take(m);
	os_lock(&k->lock);
	CHECK(k->in - k->out < C_HELD);
	k->kept[k->in % C_HELD] = m;
	c_post(&k->in);
	os_unlock(&k->lock);
	return EASYNC;
}

static void
keeper_main(void *arg)
{
	struct keeper *k = arg;
	struct mp_msg *m;
	int code;

	for (;;) {
		c_await(&k->in, k->out + 1);
		os_lock(&k->lock);
		m = k->kept[k->out % C_HELD];
		k->out++;
		os_unlock(&k->lock);
		if (m == NULL)
			return;
		code = serve(&direct.server, m);
		if (code != EASYNC)
			mp_reply(m, code);
	}
}

static void
start_engine(struct direct *d, struct mp_port *p)
{
	struct server *s = &d->server;
	int code = 0;

	switch (d->kind->engine) {
	case CALL:
		mp_port_init_call(p, handle, s);
		break;
	case SERIAL:
		mp_port_init_serial(p, handle, s);
		break;
	case QUEUE:
		mp_port_init_queue(p, s);
		break;
	case POOL:
		mp_pool_init(&d->pool, handle, s);
		break;
	case AGENT:
		mp_port_init_agent(p, keeper_send, NULL, s);
		CHECK_EQ(os_thread_start(&d->keeper.thread, keeper_main,
					 &d->keeper),
			 0);
		break;
	}
	p->depth_max = d->kind->front == QUEUE_FORWARD ? 2 * C_ITEMS : C_DEPTH;
	p->iface = &c_iface;
	if (d->kind->engine == QUEUE)
		code = os_thread_start(&d->thread[0], owner_main, p);
	if (d->kind->engine == POOL)
		code = mp_pool_start(&d->pool, d->thread, POOL_THREADS);
	CHECK_EQ(code, 0);
}

static struct mp_port *
start_front(struct direct *d, struct mp_port *inner)
{
	switch (d->kind->front) {
	case FILTER:
		mp_port_init_filter(&d->front, look, inner);
		break;
	case FORWARD:
		mp_port_init_call(&d->front, forward, inner);
		break;
	case QUEUE_FORWARD:
		mp_port_init_queue(&d->front, inner);
		d->front.depth_max = C_DEPTH;
		CHECK_EQ(os_thread_start(&d->front_thread, owner_main,
					 &d->front),
			 0);
		d->gate_port = &d->front;
		break;
	default:
		return inner;
	}
	d->front.iface = &c_iface;
	return &d->front;
}

static void
start_parity(struct direct *d, struct mp_port *p, uint32_t modes)
{
	bool copies = (modes & ~(uint32_t)MP_PARITY_ASYNC) != 0;
	struct mp_parity_conf conf = {
		.modes = modes | (copies ? MP_PARITY_KILL : 0),
		.slots = C_DEPTH,
		.memory = parity_memory,
	};

	CHECK(mp_parity_size(&c_iface, C_DEPTH) <= sizeof(parity_memory));
	CHECK_EQ(mp_parity_start(&d->parity, p, &conf), 0);
	d->async = (modes & MP_PARITY_ASYNC) != 0;
}

static void
direct_start(struct conform *c, uint32_t modes)
{
	struct direct *d = &direct;

	memset(d, 0, sizeof(*d));
	d->kind = (const struct direct_kind *)(const void *)c->kind;
	mp_port_init_discard(&d->server.discard);
	d->gate_port = &d->pool.port;
	start_engine(d, &d->pool.port);
	c->port = start_front(d, &d->pool.port);
	d->server.self = c->port;
	/* A filter is nothing by itself. */
	if (modes != 0)
		start_parity(d,
			     d->kind->front == FILTER ? &d->pool.port : c->port,
			     modes);
}

static void
stop_keeper(struct keeper *k)
{
	os_lock(&k->lock);
	k->kept[k->in % C_HELD] = NULL;
	c_post(&k->in);
	os_unlock(&k->lock);
	os_thread_join(&k->thread);
}

static void
await_done(const struct mp_msg *m)
{
	while (!mp_done(m))
		c_yield();
}

/* Its three counts are one. */
static uint32_t
copies_out(const struct mp_port *p)
{
	return os_load(&p->out) + os_load(&p->out_even) + os_load(&p->out_odd);
}

/* The dead hold copies, and more of them may be on their way. */
static void
bury(struct direct *d)
{
	while (copies_out(&d->parity.reply) != 0) {
		serve_release(&d->server, os_load(&d->server.held_n));
		c_yield();
	}
}

static void
die(struct direct *d, uint32_t n)
{
	os_store(&d->died, 1);
	if (n == 0)
		mp_parity_kill(&d->parity);
	else
		d->parity.conf.kill_at = os_load(&d->parity.sent) + n;
}

static void
direct_stop(struct conform *c)
{
	struct direct *d = &direct;

	if (d->died != 0)
		bury(d);
	await_done(&d->server.own.msg);
	if (d->parity.port != NULL)
		mp_parity_stop(&d->parity);
	if (d->kind->front != PLAIN) {
		mp_port_close(&d->front);
		if (d->kind->front == QUEUE_FORWARD)
			os_thread_join(&d->front_thread);
		mp_port_fini(&d->front);
	}
	if (d->kind->engine == POOL) {
		mp_pool_stop(&d->pool);
	} else {
		mp_port_close(&d->pool.port);
		if (d->kind->engine == QUEUE)
			os_thread_join(&d->thread[0]);
		if (d->kind->engine == AGENT)
			stop_keeper(&d->keeper);
		mp_port_fini(&d->pool.port);
	}
	mp_port_fini(&d->server.discard);
	c->port = NULL;
}

static void
call_gate(void *arg)
{
	int code = mp_call(direct.gate_port, arg);

	CHECK(code == 0 || (code == -EOWNERDEAD && os_load(&direct.died) != 0));
}

/* Whoever is still inside would run the gate itself, and be kept there. */
static void
await_nobody_inside(const struct mp_port *p)
{
	while (os_load(&p->serial) != 0)
		c_yield();
}

/* As many handlers as there may be at once are sent to the gate. */
static void
shut(struct direct *d)
{
	enum engine engine =
		d->gate_port == &d->front ? QUEUE : d->kind->engine;
	uint32_t n = engine == POOL ? POOL_THREADS : 1;

	os_store(&d->server.open, 0);
	os_store(&d->server.at_gate, 0);
	for (uint32_t i = 0; i < n; i++) {
		mp_msg_init(&d->gate[i].msg, C_GATE);
		if (engine == SERIAL) {
			await_nobody_inside(d->gate_port);
			CHECK_EQ(os_thread_start(&d->gate_thread, call_gate,
						 &d->gate[0]),
				 0);
			continue;
		}
		d->gate[i].msg.reply = &d->server.discard;
		CHECK_EQ(mp_send(d->gate_port, &d->gate[i].msg), 0);
	}
	c_await(&d->server.at_gate, n);
}

static void
open_gate(struct direct *d)
{
	c_post(&d->server.open);
	for (uint32_t i = 0; i < POOL_THREADS; i++)
		await_done(&d->gate[i].msg);
	if (d->gate_port != &d->front && d->kind->engine == SERIAL)
		os_thread_join(&d->gate_thread);
}

/* Where requests stand when the gate is shut. */
static uint32_t
queued(struct direct *d)
{
	struct mp_port_stats stats;
	struct mp_port *p = d->gate_port;

	/* The thread of the parity is the one at the gate. */
	if (d->async && d->kind->engine == SERIAL && p != &d->front)
		p = &d->parity.queue;
	mp_port_stats(p, &stats);
	return stats.depth;
}

static void
direct_control(struct conform *c, enum c_control what, uint32_t n)
{
	struct direct *d = &direct;

	(void)c;
	switch (what) {
	case C_SHUT:
		shut(d);
		break;
	case C_OPEN:
		open_gate(d);
		break;
	case C_RELEASE:
		serve_release(&d->server, n);
		break;
	case C_AWAIT_CANCELLED:
		c_await(&d->server.held_n, n);
		while (!mp_msg_cancelled(d->server.held[n - 1]))
			c_yield();
		break;
	case C_AWAIT_HELD:
		c_await(&d->server.held_n, n);
		break;
	case C_AWAIT_SEEN:
		c_await(&d->server.seen, n);
		break;
	case C_AWAIT_QUEUED:
		while (queued(d) < n)
			c_yield();
		break;
	case C_DIE:
		die(d, n);
		break;
	}
}

static uint32_t
direct_seen(struct conform *c, uint64_t *to, uint32_t max)
{
	struct server *s = &direct.server;
	uint32_t n;

	(void)c;
	c_lock(&s->lock);
	n = s->seen < max ? s->seen : max;
	memcpy(to, s->log, n * sizeof(*to));
	c_unlock(&s->lock);
	return n;
}

#define QUEUED                                                             \
	(C_QUEUES | C_BOUNDED | C_PRIOR | C_DROPS | C_COUNTS | C_BARRIER | \
	 C_CLOSES | C_LOCAL)
#define BEHIND (C_QUEUES | C_BOUNDED | C_PRIOR | C_DROPS | C_LOCAL)

#define COPIES 12u /* modes in which parity can kill */

#define KIND(id, front_, engine_, can_, modes_)      \
	static const struct direct_kind id = {       \
		.kind = { .name = #id,               \
			  .can = (can_) | C_NEAR,    \
			  .modes = (modes_),         \
			  .dies = (modes_)&COPIES,   \
			  .start = direct_start,     \
			  .stop = direct_stop,       \
			  .control = direct_control, \
			  .seen = direct_seen },     \
		.front = front_,                     \
		.engine = engine_                    \
	}

KIND(call, PLAIN, CALL, C_FINDS_SELF | C_INLINE | C_LOCKFREE | C_LOCAL | C_FIFO,
     15);
KIND(serial, PLAIN, SERIAL, C_FINDS_SELF | C_INLINE | C_FIFO | QUEUED, 15);
KIND(queue, PLAIN, QUEUE, C_FINDS_SELF | C_FIFO | QUEUED, 15);
KIND(pool, PLAIN, POOL, C_FINDS_SELF | QUEUED, 15);
KIND(agent, PLAIN, AGENT, C_FIFO | C_LOCAL, 1);
KIND(filter_call, FILTER, CALL,
     C_FINDS_SELF | C_INLINE | C_LOCKFREE | C_LOCAL | C_FIFO, 15);
KIND(filter_serial, FILTER, SERIAL, C_FINDS_SELF | C_INLINE | C_FIFO | BEHIND,
     15);
KIND(filter_queue, FILTER, QUEUE, C_FINDS_SELF | C_FIFO | BEHIND, 15);
KIND(filter_pool, FILTER, POOL, C_FINDS_SELF | BEHIND, 15);
KIND(filter_agent, FILTER, AGENT, C_FIFO | C_LOCAL, 1);
KIND(forward_call, FORWARD, CALL, C_FINDS_SELF | C_INLINE | C_LOCAL | C_FIFO,
     15);
KIND(forward_queue, FORWARD, QUEUE,
     C_FINDS_SELF | C_FIFO | (BEHIND & ~C_BOUNDED), 15);
KIND(forward_agent, FORWARD, AGENT, C_FIFO | C_LOCAL, 15);
KIND(queue_call, QUEUE_FORWARD, CALL,
     C_FINDS_SELF | C_FIFO | (QUEUED & ~C_BARRIER), 15);
KIND(queue_serial, QUEUE_FORWARD, SERIAL,
     C_FINDS_SELF | C_FIFO | (QUEUED & ~C_BARRIER), 15);
KIND(queue_queue, QUEUE_FORWARD, QUEUE, C_FIFO | (QUEUED & ~C_BARRIER), 15);

const struct c_kind *const c_direct[] = {
	&call.kind,
	&serial.kind,
	&queue.kind,
	&pool.kind,
	&agent.kind,
	&filter_call.kind,
	&filter_serial.kind,
	&filter_queue.kind,
	&filter_pool.kind,
	&filter_agent.kind,
	&forward_call.kind,
	&forward_queue.kind,
	&forward_agent.kind,
	&queue_call.kind,
	&queue_serial.kind,
	&queue_queue.kind,
	NULL,
};
