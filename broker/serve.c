/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What a client asks for, and what it is answered.
 *
 * A request is copied out of the shared memory, then checked, then sent on as
 * a message of the server's own.  Only buffers stay where they are.  What a
 * client of this library would never do makes it dead, and nobody else.
 */
#include "export.h"
#include "step.h"

#include <errno.h>

#define TURN 16 /* requests before it is the next client's turn */
#define ROOM_OP 0

static void
fail(struct client *c)
{
	os_store_release(&c->dead, 1);
}

static void
woke(struct client *c)
{
	os_fetch_add(&c->tally.wakes, 1);
}

static void
push_done(struct client *c, uint32_t slot, uint32_t gen)
{
	STEP(push_fill);
	ring_fill(&c->done, ring_take(&c->done),
		  wire_entry(gen, WIRE_DONE, slot));
	STEP(push_bell);
	if (bell_ring(&c->memory.control->client_bell))
		woke(c);
}

/* Once a request; afterwards the slot may be another request's. */
static void
answer(struct served *s, int result, bool by_pump)
{
	struct client *c = s->client;
	uint32_t slot = s->slot, gen = s->gen;
	struct wire_reply *r = memory_reply(&c->memory, slot);
	uint32_t cap = c->memory.layout.reply_size - (uint32_t)sizeof(*r);
	bool push = (s->flags & WIRE_ASYNC) != 0;
	uint32_t state = SERVED_BUSY;
	int len = 0;

	if (s->began_ns != 0)
		admin_answered(s, result);
	STEP(answer_pack);
	if (s->op != NULL && s->op->out.size != 0)
		len = mp_iface_pack_out(s->op, &s->copy, r + 1, cap);
	r->result = len < 0 ? -EIO : result;
	r->len = len < 0 ? 0 : (uint32_t)len;
	WIRE_PUBLISH();
	STEP(answer_free);
	/* Marks come only from the pump. */
	if (by_pump)
		os_store_release(&s->state, SERVED_FREE);
	else
		state = os_xchg(&s->state, SERVED_FREE);
	STEP(answer_freed);
	if ((state & SERVED_WAITED) != 0)
		os_wake(&s->state, 1);
	STEP(answer_word);
	if ((os_xchg(&r->word, gen << WIRE_WORD_SHIFT | WIRE_IS_DONE) &
	     WIRE_WAITS) != 0) {
		STEP(answer_wake);
		bell_wake(&r->word, true, 1);
		woke(c);
	}
	STEP(answer_push);
	if (push || (state & SERVED_ORPHAN) != 0)
		push_done(c, slot, gen);
}

void
client_reply(struct mp_port *p, struct mp_msg *m)
{
	(void)p;
	answer(MP_CONTAINER(m, struct served, copy), m->result, false);
}

/* ---- requests */

/* The buffer lies in the arena, all of it. */
static bool
lend(struct served *s, const struct wire_request *r)
{
	const struct memory *mem = &s->client->memory;
	struct mp_buf buf = { .len = r->buf_len, .dir = s->op->buf.dir };

	if (r->buf_len > mem->layout.arena_size ||
	    r->buf_off > mem->layout.arena_size - r->buf_len)
		return false;
	if (r->buf_len != 0)
		buf.base = mem->arena + r->buf_off;
	memcpy((char *)&s->copy + s->op->buf.off, &buf, sizeof(buf));
	return true;
}

static uint32_t
flags_of(uint32_t wire)
{
	uint32_t flags = 0;

	if ((wire & WIRE_PRIORITY) != 0)
		flags |= MP_MSG_PRIORITY;
	if ((wire & WIRE_MAYBLOCK) != 0)
		flags |= MP_MSG_MAYBLOCK;
	return flags;
}

/* 0, its own error to answer with, or -EPROTO. */
static int
decode(struct served *s, const struct wire_request *r, const void *in)
{
	const struct mp_iface *iface = s->client->export->port->iface;
	struct mp_msg *m = &s->copy;
	int code;

	mp_msg_init(m, r->op);
	m->deadline_ns = r->deadline_ns;
	m->flags = flags_of(r->flags);
	m->reply = &s->client->reply;
	s->flags = r->flags;
	s->op = mp_iface_op_find(iface, r->op);
	if (r->op == WIRE_OP_PING)
		return 0;
	if (s->op == NULL)
		return -ENOSYS;
	code = mp_iface_unpack_in(s->op, m, in, r->len);
	if (code == 0 && s->op->buf.dir != 0 && !lend(s, r))
		code = -EPROTO;
	if (code == 0 && s->op->handle_off != 0)
		memset((char *)m + s->op->handle_off, 0,
		       sizeof(struct mp_handle));
	return code == 0 ? mp_iface_check(iface, m) : code;
}

/* Keeps the client's turn until there is room, so that order holds. */
static void
stall(struct client *c, uint32_t slot)
{
	struct mp_export *e = c->export;

	STEP(stall);
	c->stalled = slot + 1;
	mp_msg_init(&c->room, ROOM_OP);
	c->room.reply = &e->room;
	STEP(stalled);
	(void)mp_send(&e->worker.port, &c->room);
}

static bool
has_room(const struct client *c)
{
	return mp_done(&c->room);
}

/* A refusal leaves the message ARMED, as that of a call does. */
static void
send_on(struct client *c, struct served *s)
{
	struct mp_port *target = c->export->target;
	bool nowait = (s->flags & WIRE_NOWAIT) != 0;
	uint32_t slot = s->slot;
	int code;

	os_store(&s->copy.state, ST_ARMED);
	STEP(send_on);
	code = target->mp_SendMsg(target, &s->copy);
	if (code == EASYNC) {
		count_one(&c->tally.queued);
		return;
	}
	if (phase(os_load(&s->copy.state)) == ST_IDLE) {
		answer(s, code, true);
		return;
	}
	os_store(&s->copy.state, ST_IDLE);
	if (code == -EAGAIN && !nowait && target->ops->room != NULL)
		stall(c, slot);
	else
		answer(s, code, true);
}

static void
begin(struct client *c, uint32_t slot, uint32_t gen)
{
	struct wire_request *shared = memory_request(&c->memory, slot);
	uint32_t cap =
		c->memory.layout.request_size - (uint32_t)sizeof(*shared);
	struct served *s = served_of(c, slot);
	struct wire_request r;
	int code;

	STEP(begin_copy);
	memcpy(&r, shared, sizeof(r));
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	if (os_load_acquire(&s->state) != SERVED_FREE || r.len > cap) {
		fail(c);
		return;
	}
	c->peer_cpu = r.cpu;
	s->began_ns = r.op != WIRE_OP_PING ? admin_began(c) : 0;
	s->gen = gen;
	STEP(begin_decode);
	code = decode(s, &r, shared + 1);
	if (code == -EPROTO) {
		fail(c);
		return;
	}
	STEP(begin_busy);
	os_store(&s->state, SERVED_BUSY);
	STEP(begin_started);
	/* Before it can have any effect: a survivor asks whether it began. */
	os_store_release(&c->memory.started[slot], gen);
	STEP(begin_send);
	if (code != 0)
		count_one(&c->tally.refused);
	if (code != 0 || r.op == WIRE_OP_PING)
		answer(s, code, true);
	else
		send_on(c, s);
}

static void
cancel(struct client *c, uint32_t slot, uint32_t gen)
{
	struct served *s = served_of(c, slot);

	STEP(serve_cancel);
	if (s->gen == gen && os_load(&s->state) != SERVED_FREE)
		mp_cancel(&s->copy);
}

/* Its client waits no more, and learns by the ring when the slot is free. */
static void
orphan(struct client *c, uint32_t slot, uint32_t gen)
{
	struct served *s = served_of(c, slot);
	uint32_t busy = SERVED_BUSY;

	if (s->gen != gen || s->orphaned == gen) {
		fail(c);
		return;
	}
	STEP(serve_orphan);
	s->orphaned = gen;
	if ((s->flags & WIRE_ASYNC) != 0)
		cancel(c, slot, gen);
	else if (os_cas(&s->state, &busy, SERVED_BUSY | SERVED_ORPHAN))
		mp_cancel(&s->copy);
	else
		push_done(c, slot, gen);
}

static void
serve_one(struct client *c, uint64_t entry)
{
	uint32_t slot = wire_slot(entry);
	uint32_t gen = wire_gen(entry);

	if (slot >= c->memory.layout.slots || gen > WIRE_GEN_MASK) {
		fail(c);
		return;
	}
	switch (wire_kind(entry)) {
	case WIRE_REQUEST:
		begin(c, slot, gen);
		return;
	case WIRE_CANCEL:
		cancel(c, slot, gen);
		return;
	case WIRE_ORPHAN:
		orphan(c, slot, gen);
		return;
	default:
		fail(c);
	}
}

static bool
is_served(const struct client *c)
{
	return os_load_acquire(&c->open) != 0 && os_load(&c->dead) == 0;
}

bool
client_has_work(const struct client *c)
{
	uint64_t entry;

	if (!is_served(c))
		return false;
	return c->stalled != 0 ? has_room(c) : ring_peek(&c->asked, &entry);
}

bool
client_serve(struct client *c)
{
	uint32_t slot = c->stalled;
	uint64_t entry;
	int n = 0;

	if (!is_served(c))
		return false;
	if (slot != 0) {
		if (!has_room(c))
			return false;
		STEP(unstall);
		c->stalled = 0;
		send_on(c, served_of(c, slot - 1));
	}
	while (n < TURN && c->stalled == 0 && os_load(&c->dead) == 0 &&
	       ring_peek(&c->asked, &entry)) {
		STEP(serve_skip);
		ring_skip(&c->asked);
		STEP(serve_one);
		serve_one(c, entry);
		n++;
	}
	return n != 0 || slot != 0;
}

/* ---- workers */

int
export_work(struct mp_port *p, struct mp_msg *m)
{
	struct mp_export *e = p->data;

	STEP(work);
	if (m->reply != &e->room)
		return mp_forward(e->port, m);
	STEP(work_room);
	(void)e->port->ops->room(e->port, MP_NO_DEADLINE);
	return 0;
}

/* ---- the end of a client */

static void
cancel_all(struct client *c)
{
	struct served *s;

	c->cancelled = true;
	STEP(cancel_all);
	for (uint32_t i = 0; i < c->memory.layout.slots; i++) {
		s = served_of(c, i);
		if (os_load(&s->state) != SERVED_FREE && c->stalled != i + 1)
			mp_cancel(&s->copy);
	}
}

const uint32_t *
client_drain(struct client *c, uint32_t *value)
{
	struct served *s;

	if (os_load_acquire(&c->open) == 0)
		return NULL;
	if (!c->cancelled)
		cancel_all(c);
	if (c->stalled != 0) {
		STEP(drain_stalled);
		/* Its end rings the pump. */
		if (!has_room(c))
			return &c->dead;
		answer(served_of(c, c->stalled - 1), -EPIPE, true);
		c->stalled = 0;
	}
	for (uint32_t i = 0; i < c->memory.layout.slots; i++) {
		s = served_of(c, i);
		STEP(drain_slot);
		*value = os_fetch_or(&s->state, SERVED_WAITED) | SERVED_WAITED;
		if (*value != (SERVED_FREE | SERVED_WAITED))
			return &s->state;
		os_store(&s->state, SERVED_FREE);
	}
	return NULL;
}
