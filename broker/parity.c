/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Parity modes: a shim and its far side in one address space.
 *
 * A message for the port is held here, and a copy in a slot goes instead: to
 * the port's own agent, straight or through a queue and a thread.  The copy's
 * completion comes to a callback port, which copies `out' back and completes
 * the original.  Who takes slot->original, under the queue's lock, completes
 * it: the callback, or the death of the peer, and nobody twice.
 *
 * Without COPY the message itself passes through the queue, and the thread
 * forwards it.
 */
#include <msgport/agent.h>
#include <msgport/iface.h>
#include <msgport/parity.h>
#include "../core/state.h"

struct mp_parity_slot {
	struct mp_parity_slot *next;
	struct mp_msg *original; /* NULL: free, or its sender has left */
	const struct mp_iface_op *op;
	uint64_t sum;	    /* of the original's body, while it is out */
	bool bounced;	    /* the buffer is the one behind the copy */
	struct mp_msg copy; /* op->size bytes, then the buffer */
};

/* A copy of any message, and of a buffer if there is an operation with one. */
static size_t
slot_size(const struct mp_iface *iface)
{
	uint32_t message = sizeof(struct mp_msg);
	uint32_t buffer = 0;

	for (uint32_t i = 0; i < iface->ops; i++) {
		if (iface->op[i].size > message)
			message = iface->op[i].size;
		if (iface->op[i].buf.dir != 0)
			buffer = MP_PARITY_BUF_MAX;
	}
	return offsetof(struct mp_parity_slot, copy) + ((message + 7) & ~7u) +
	       buffer;
}

size_t
mp_parity_size(const struct mp_iface *iface, uint32_t slots)
{
	return slots * slot_size(iface);
}

static struct mp_buf *
buf_of(const struct mp_iface_op *op, struct mp_msg *m)
{
	return (struct mp_buf *)(void *)((char *)m + op->buf.off);
}

static void *
bounce(const struct mp_parity_slot *s)
{
	return (char *)(uintptr_t)&s->copy + ((s->op->size + 7) & ~7u);
}

/* FNV-1a of all behind the header, which the library itself writes. */
static uint64_t
checksum(const struct mp_iface_op *op, const struct mp_msg *m)
{
	const unsigned char *byte = (const unsigned char *)(m + 1);
	uint64_t sum = 14695981039346656037ull;

	for (uint32_t i = sizeof(*m); i < op->size; i++)
		sum = (sum ^ *byte++) * 1099511628211ull;
	return sum;
}

static bool
is_copy(const struct mp_parity *par, const struct mp_msg *m)
{
	uintptr_t at = (uintptr_t)m;
	uintptr_t base = (uintptr_t)par->conf.memory;

	return base != 0 && at >= base &&
	       at - base < par->slot_size * par->conf.slots;
}

/* What a handler sends from the parity's thread; that thread cannot wait. */
static bool
is_own_thread(const struct mp_parity *par)
{
	return os_load_word(&par->queue.owner) == os_self();
}

/* Not what this sends on itself. */
static bool
shim_takes(const struct mp_port *p, const struct mp_msg *m)
{
	const struct mp_parity *par = p->parity;

	if (is_copy(par, m) || (par->slot_size == 0 && is_own_thread(par)))
		return false;
	return (os_load(&m->state) & ST_FORWARD) == 0 ||
	       target_of(m) != &par->queue;
}

/* 0 and a slot, or -EAGAIN, or -EPIPE once the peer is dead. */
static int
get_slot(struct mp_parity *par, struct mp_parity_slot **out)
{
	struct mp_parity_slot *s;
	int code = 0;

	os_lock(&par->queue.lock);
	s = par->free;
	if (os_load(&par->dead) != 0) {
		code = -EPIPE;
	} else if (s == NULL) {
		code = -EAGAIN;
	} else {
		par->free = s->next;
		if (par->free == NULL)
			par->free_end = &par->free;
		*out = s;
	}
	os_unlock(&par->queue.lock);
	return code;
}

/* False if the peer died meanwhile. */
static bool
put_original(struct mp_parity *par, struct mp_parity_slot *s, struct mp_msg *m)
{
	bool alive;

	os_lock(&par->queue.lock);
	alive = os_load(&par->dead) == 0;
	if (alive)
		s->original = m;
	os_unlock(&par->queue.lock);
	return alive;
}

static void
put_slot(struct mp_parity *par, struct mp_parity_slot *s)
{
	const uint32_t *wake;

	os_lock(&par->queue.lock);
	s->next = NULL;
	*par->free_end = s;
	par->free_end = &s->next;
	wake = sleeper_pop(&par->queue, &par->queue.callers);
	os_unlock(&par->queue.lock);
	wake_one(wake);
}

/* From here on a cancel of m does not find the slot, nor whose it is next. */
static void
leave_slot(struct mp_msg *m)
{
	bool entered = gate_enter();

	m->hold = NULL;
	gate_leave(entered);
}

/* The original, once; NULL for whoever comes second. */
static struct mp_msg *
take_original(struct mp_parity *par, struct mp_parity_slot *s)
{
	struct mp_msg *m;

	os_lock(&par->queue.lock);
	m = s->original;
	s->original = NULL;
	os_unlock(&par->queue.lock);
	return m;
}

/* While the slots are used up; they serve as the queue's bound. */
static int
shim_room(struct mp_port *p, uint64_t deadline_ns)
{
	struct mp_parity *par = p->parity;
	struct mp_sleeper me = { 0 };
	const uint32_t *wake = NULL;
	int code = 0;

	if (par->slot_size == 0)
		return queue_wait_room(&par->queue, deadline_ns);
	os_lock(&par->queue.lock);
	if (par->free == NULL && os_load(&par->dead) == 0 &&
	    !sleeper_park(&par->queue, &par->queue.callers, &me, deadline_ns))
		code = -ETIMEDOUT;
	if (os_load(&par->dead) != 0)
		code = -EPIPE;
	/* This one may not use the slot after all. */
	if (par->free != NULL)
		wake = sleeper_pop(&par->queue, &par->queue.callers);
	os_unlock(&par->queue.lock);
	wake_one(wake);
	return code;
}

static void
fill_copy(struct mp_parity *par, struct mp_parity_slot *s,
	  const struct mp_iface_op *op, struct mp_msg *m)
{
	struct mp_buf *buf;

	s->op = op;
	mp_msg_init(&s->copy, m->op);
	s->copy.reply = &par->reply;
	s->copy.deadline_ns = m->deadline_ns;
	s->copy.flags = m->flags;
	if ((os_load(&m->state) & ST_SYNC) != 0)
		s->copy.flags |= MP_MSG_MAYBLOCK;
	(void)mp_iface_copy_in(op, &s->copy, m);
	if (op->out.size != 0)
		memset((char *)&s->copy + op->out.off, 0, op->out.size);
	s->bounced = false;
	if (op->buf.dir != 0) {
		buf = buf_of(op, &s->copy);
		s->bounced = buf->len != 0 && buf->len <= MP_PARITY_BUF_MAX;
		if (s->bounced && (buf->dir & MP_BUF_IN) != 0)
			memcpy(bounce(s), buf->base, buf->len);
		if (s->bounced)
			buf->base = bounce(s);
	}
	if ((par->conf.modes & MP_PARITY_POISON) != 0)
		s->sum = checksum(op, m);
}

/* How much of an answered buffer counts: no more than was lent. */
static uint64_t
live_bytes(const struct mp_parity_slot *s, uint64_t len)
{
	uint32_t live;

	if (s->op->buf.live_off == 0)
		return len;
	memcpy(&live, (const char *)&s->copy + s->op->buf.live_off,
	       sizeof(live));
	return live < len ? live : len;
}

/* Copies the answer back; the result that the original ends with. */
static int
give_back(const struct mp_parity *par, struct mp_parity_slot *s,
	  struct mp_msg *m)
{
	const struct mp_iface_op *op = s->op;
	int code = s->copy.result;
	struct mp_buf *buf;

	if ((par->conf.modes & MP_PARITY_POISON) != 0)
		mp_assert(checksum(op, m) == s->sum, m);
	if (mp_iface_copy_out(op, m, &s->copy) != 0)
		code = -EPROTO;
	if (s->bounced) {
		buf = buf_of(op, m);
		if ((buf->dir & MP_BUF_OUT) != 0)
			memcpy(buf->base, bounce(s), live_bytes(s, buf->len));
	}
	return code;
}

/* The slot is free before its sender can know, and send the next. */
static void
copy_came_back(struct mp_port *reply, struct mp_msg *copy)
{
	struct mp_parity *par = reply->data;
	struct mp_parity_slot *s =
		MP_CONTAINER(copy, struct mp_parity_slot, copy);
	struct mp_msg *m = take_original(par, s);

	int code = m != NULL ? give_back(par, s, m) : 0;

	if (m != NULL)
		leave_slot(m);
	/* Without an original the killer may be at it, to drop the copy. */
	if (m != NULL && (par->conf.modes & MP_PARITY_POISON) != 0)
		memset(&s->copy, MP_PARITY_POISON_BYTE,
		       par->slot_size - offsetof(struct mp_parity_slot, copy));
	put_slot(par, s);
	if (m != NULL)
		msg_end(m, code);
}

/* From here on no slot is given out, and nobody waits for one. */
static void
refuse_all(struct mp_parity *par)
{
	struct mp_sleeper **callers = &par->queue.callers;

	os_lock(&par->queue.lock);
	os_store(&par->dead, 1);
	while (*callers != NULL)
		wake_one(sleeper_pop(&par->queue, callers));
	os_unlock(&par->queue.lock);
}

/* Every original out ends, whatever its copy still does. */
void
mp_parity_kill(struct mp_parity *par)
{
	char *at = par->conf.memory;
	struct mp_parity_slot *s;
	struct mp_msg *m;
	bool queued;

	mp_assert((par->conf.modes & MP_PARITY_KILL) != 0, par);
	refuse_all(par);
	for (uint32_t i = 0; i < par->conf.slots; i++, at += par->slot_size) {
		s = (struct mp_parity_slot *)(void *)at;
		m = take_original(par, s);
		if (m == NULL)
			continue;
		leave_slot(m);
		queued = mp_drop(&s->copy) == 0;
		if (queued)
			put_slot(par, s);
		msg_end(m, queued ? -EPIPE : -EOWNERDEAD);
	}
}

static bool
kills_peer(struct mp_parity *par)
{
	return (par->conf.modes & MP_PARITY_KILL) != 0 &&
	       os_fetch_add(&par->sent, 1) + 1 == par->conf.kill_at;
}

/* The original is held; whoever takes it out of the slot ends it. */
static void
send_slot(struct mp_parity *par, struct mp_parity_slot *s, struct mp_msg *m)
{
	bool direct =
		(par->conf.modes & MP_PARITY_ASYNC) == 0 || is_own_thread(par);
	int code = 0;

	if (mp_msg_cancelled(m))
		code = -ECANCELED;
	else if (!put_original(par, s, m))
		code = -EPIPE;
	if (code == 0) {
		/* It ends with the others, and its copy runs all the same. */
		if (kills_peer(par))
			mp_parity_kill(par);
		code = mp_send(direct ? par->port : &par->queue, &s->copy);
		if (code == 0)
			return;
		m = take_original(par, s);
	}
	if (m != NULL)
		leave_slot(m);
	put_slot(par, s);
	if (m != NULL)
		msg_end(m, code);
}

static int
send_copy(struct mp_parity *par, struct mp_port *p, struct mp_msg *m)
{
	const struct mp_iface_op *op = mp_iface_op_find(p->iface, m->op);
	struct mp_parity_slot *s;
	int code;

	if (op == NULL)
		return -ENOSYS;
	code = mp_iface_check(p->iface, m);
	if (code != 0)
		return code;
	code = get_slot(par, &s);
	if (code != 0) {
		port_refused(p, code == -EAGAIN ? MP_REFUSED_FULL :
						  MP_REFUSED_CLOSED);
		return code;
	}
	agent_start(p, m);
	fill_copy(par, s, op, m);
	m->hold = s;
	mp_msg_take(m);
	send_slot(par, s, m);
	return EASYNC;
}

static int
shim_send(struct mp_port *p, struct mp_msg *m)
{
	struct mp_parity *par = p->parity;
	bool sync = (os_load(&m->state) & ST_SYNC) != 0 || m->reply == NULL;

	port_refused(p, MP_REFUSED_PARITY);
	if (os_load(&par->dead) != 0)
		return -EPIPE;
	if (sync && os_load_word(&p->owner) == os_self())
		return -EDEADLK;
	if (par->slot_size != 0)
		return send_copy(par, p, m);
	return par->queue.mp_SendMsg(&par->queue, m);
}

/* A message held here is cancelled by cancelling its copy. */
static void
shim_cancel(struct mp_port *p, struct mp_msg *m)
{
	struct mp_parity_slot *s = m->hold;

	if (s != NULL && is_copy(p->parity, &s->copy))
		mp_cancel(&s->copy);
}

static void
serve(void *arg)
{
	struct mp_parity *par = arg;
	struct mp_port *p = par->port;
	struct mp_msg *m;

	/* Ends when the queue is closed and empty. */
	while ((m = mp_recv(&par->queue)) != NULL) {
		/* It was accepted: the port's queue must not refuse it. */
		(void)queue_wait_room(p, MP_NO_DEADLINE);
		mp_forward(p, m);
	}
}

static void
lay_slots(struct mp_parity *par)
{
	char *at = par->conf.memory;
	struct mp_parity_slot *s;

	par->slot_size = slot_size(par->port->iface);
	par->free_end = &par->free;
	for (uint32_t i = 0; i < par->conf.slots; i++, at += par->slot_size) {
		s = (struct mp_parity_slot *)(void *)at;
		*s = (struct mp_parity_slot){ .original = NULL };
		*par->free_end = s;
		par->free_end = &s->next;
	}
}

int
mp_parity_start(struct mp_parity *par, struct mp_port *p,
		const struct mp_parity_conf *conf)
{
	static const struct mp_parity_ops ops = {
		.takes = shim_takes,
		.send = shim_send,
		.room = shim_room,
		.cancel = shim_cancel,
	};
	const uint32_t by_copy =
		MP_PARITY_COPY | MP_PARITY_POISON | MP_PARITY_KILL;
	bool copies = (conf->modes & by_copy) != 0;
	int code = 0;

	if ((conf->modes & ~(by_copy | MP_PARITY_ASYNC)) != 0 ||
	    (copies && (p->iface == NULL || conf->slots == 0)))
		return -EINVAL;
	*par = (struct mp_parity){ .ops = &ops, .port = p, .conf = *conf };
	/* The port's own queue must never refuse a copy. */
	if (par->conf.slots > p->depth_max)
		par->conf.slots = p->depth_max;
	if (copies)
		lay_slots(par);
	else
		par->conf.memory = NULL;
	mp_port_init_queue(&par->queue, par);
	par->queue.depth_max = p->depth_max;
	mp_port_init_callback(&par->reply, copy_came_back, par);
	if ((conf->modes & MP_PARITY_ASYNC) != 0)
		code = os_thread_start(&par->thread, serve, par);
	if (code != 0) {
		mp_port_fini(&par->queue);
		mp_port_fini(&par->reply);
		return code;
	}
	p->parity = par;
	if (conf->modes != 0)
		os_fetch_or(&p->flags, GATE_PARITY);
	return 0;
}

void
mp_parity_stop(struct mp_parity *par)
{
	os_fetch_and(&par->port->flags, ~GATE_PARITY);
	mp_port_close(&par->queue);
	if ((par->conf.modes & MP_PARITY_ASYNC) != 0)
		os_thread_join(&par->thread);
	mp_port_fini(&par->queue);
	mp_port_fini(&par->reply);
	par->port->parity = NULL;
}
