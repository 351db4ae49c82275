/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The server's end of a link: any words in the ring, any bytes in the slots.
 *
 * An input is a list of steps: a request from the table with some of its bytes
 * changed, an entry of the ring, an answer to what is held.  The pump's turn
 * comes after each, so each step shows alone what it did: a request that began
 * is held or answered, once; one that was refused has left no trace; a dead
 * client is not served.  The end is a death, with what is held answered later.
 */
#include "../../broker/export.c"
#include "feed.h"

enum { LINK_SLOTS = 4, LINK_ARENA = 16 * 1024, NEVER = -1 };

static struct {
	struct feed feed;
	struct mp_export export;
	struct mp_port port;
	struct client client;
	struct mp_msg *held[LINK_SLOTS];
	uint32_t gen[LINK_SLOTS];
	uint32_t asked;
} run;

static uint32_t
slot_of(const struct mp_msg *m)
{
	return MP_CONTAINER((struct mp_msg *)(uintptr_t)m, struct served, copy)
		->slot;
}

static void
buf_is_good(const struct mp_iface_op *op, const struct mp_msg *m)
{
	const struct memory *mem = &run.client.memory;
	struct mp_buf b;

	memcpy(&b, (const char *)m + op->buf.off, sizeof(b));
	MUST(b.dir == op->buf.dir);
	if (b.len == 0)
		return;
	MUST((char *)b.base >= mem->arena);
	MUST(b.len <= (size_t)(mem->arena + LINK_ARENA - (char *)b.base));
	if (op->buf.dir == MP_BUF_OUT)
		memset(b.base, 1, b.len);
}

static int
handle(struct mp_port *p, struct mp_msg *m)
{
	const struct mp_iface_op *op = mp_iface_op_find(p->iface, m->op);
	uint64_t how = take(&run.feed, 1);

	MUST(os_load(&run.client.dead) == 0);
	MUST(op != NULL && run.held[slot_of(m)] == NULL);
	tails_are_good(&op->in, (const union table_msg *)(const void *)m);
	if (op->buf.dir != 0)
		buf_is_good(op, m);
	run.asked++;
	if (how % 2 == 0)
		return (int32_t)(how / 2) - 64;
	run.held[slot_of(m)] = m;
	mp_msg_take(m);
	return EASYNC;
}

static void
prepare(void)
{
	struct mp_export *e = &run.export;
	struct mp_export_conf conf = { .slots_max = LINK_SLOTS,
				       .arena_max = LINK_ARENA };
	static struct wire_hello h = { .slots = LINK_SLOTS,
				       .arena_size = LINK_ARENA };
	struct wire_layout lay;
	int fd;

	mp_port_init_call(&run.port, handle, NULL);
	run.port.iface = &mp_vfs_iface;
	e->port = e->target = &run.port;
	set_conf(e, &conf);
	admin_open(e);
	e->stride = stride_of(&mp_vfs_iface);
	run.client.export = e;
	choose_layout(e, &h, &lay);
	MUST(memory_make(&run.client.memory, &lay, &fd) == 0);
	close(fd);
}

static void
start(const uint8_t *data, size_t size)
{
	struct client *c = &run.client;
	struct memory mem = c->memory;

	memset(mem.base, 0, (size_t)(mem.arena - mem.base));
	*c = (struct client){ .export = &run.export,
			      .memory = mem,
			      .fd = NEVER,
			      .peer_cpu = NEVER,
			      .socket_watch.fd = NEVER,
			      .pid_watch.fd = NEVER };
	MUST(open_served(c) == 0);
	c->open = 1;
	run.feed = (struct feed){ data, size };
	memset(run.gen, 0, sizeof(run.gen));
	run.asked = 0;
}

/* What the client sees of each slot before a step; it may write all of it. */
static void
wipe(void)
{
	for (uint32_t i = 0; i < LINK_SLOTS; i++) {
		run.client.memory.started[i] = UINT32_MAX;
		memory_reply(&run.client.memory, i)->word = 0;
	}
}

static bool
is_answered(uint32_t slot)
{
	return memory_reply(&run.client.memory, slot)->word != 0;
}

static void
push(uint64_t entry, uint32_t place)
{
	ring_fill(&(struct ring){ .entry = run.client.memory.asked,
				  .size = LINK_SLOTS * WIRE_ASKED_A_SLOT },
		  place, entry);
}

/* The pump's turn, for one entry, or for more that were forged ahead. */
static void
serve(void)
{
	struct client *c = &run.client;
	uint32_t pushed = c->done.next, asked = run.asked, began = 0;
	uint32_t read = c->asked.next;
	bool dead = c->dead != 0, held[LINK_SLOTS], any;

	for (uint32_t i = 0; i < LINK_SLOTS; i++)
		held[i] = run.held[i] != NULL;
	wipe();
	any = client_serve(c);
	MUST(!any || !dead);
	read = c->asked.next - read;
	MUST(any == (read != 0));
	for (uint32_t i = 0; i < LINK_SLOTS; i++) {
		bool begun = c->memory.started[i] != UINT32_MAX;

		began += begun;
		MUST(!begun || !held[i]);
		MUST(begun ==
		     (is_answered(i) || (run.held[i] != NULL && !held[i])));
		MUST((served_of(c, i)->state != SERVED_FREE) ==
		     (run.held[i] != NULL));
		MUST(!is_answered(i) ||
		     memory_reply(&c->memory, i)->len <=
			     c->memory.layout.reply_size -
				     sizeof(struct wire_reply));
	}
	MUST(began <= read && run.asked - asked <= read);
	MUST(c->done.next - pushed <= read);
	/* What made it dead had no other effect. */
	MUST(c->dead == (dead ? 1 : 0) || began < read);
}

static void
request(void)
{
	struct client *c = &run.client;
	struct feed *f = &run.feed;
	uint32_t slot = (uint32_t)take(f, 1) % LINK_SLOTS;
	struct wire_request *r = memory_request(&c->memory, slot);
	uint32_t cap = c->memory.layout.request_size - (uint32_t)sizeof(*r);
	const struct mp_iface_op *op =
		&mp_vfs_iface.op[take(f, 1) % mp_vfs_iface.ops];
	union table_msg m;
	int len;

	table_request(op, &m.msg, sizeof(m));
	len = mp_iface_pack_in(op, &m.msg, r + 1, cap);
	MUST(len >= 0);
	r->op = op->op;
	r->flags = (uint32_t)take(f, 1);
	r->deadline_ns = 0;
	r->len = (uint32_t)len;
	r->buf_len = op->buf.dir != 0 ? 9 : 0;
	r->buf_off = op->buf.dir != 0 ? 4096 : 0;
	switch (take(f, 1) % 8) {
	case 0:
		r->buf_off = take_value(f, LINK_ARENA);
		r->buf_len = take_value(f, LINK_ARENA - r->buf_off);
		break;
	case 1:
		r->len = (uint32_t)take_value(f, cap);
		break;
	case 2:
		r->op = (uint32_t)take_value(f, r->op);
		break;
	case 3:
		r->deadline_ns = take_value(f, os_now_ns());
		break;
	case 4:
		take_changes(f, r, c->memory.layout.request_size);
		break;
	case 5:
		take_changes(f, r + 1, (size_t)len + 1);
		break;
	default:
		break;
	}
	run.gen[slot] = (run.gen[slot] + 1) & WIRE_GEN_MASK;
	push(wire_entry(run.gen[slot], WIRE_REQUEST, slot), c->asked.next);
}

static void
entry(void)
{
	struct feed *f = &run.feed;
	uint32_t slot = (uint32_t)take(f, 1) % LINK_SLOTS;
	uint32_t place = run.client.asked.next;
	uint64_t e = wire_entry(run.gen[slot], take(f, 1) % 4 + 1, slot);

	switch (take(f, 1) % 8) {
	case 0:
		place = (uint32_t)take_value(f, place);
		break;
	case 1:
		e = take_value(f, e) & ~0xffff0000ull;
		break;
	case 2:
		run.client.memory
			.asked[place % (LINK_SLOTS * WIRE_ASKED_A_SLOT)] =
			take_value(f, e);
		return;
	default:
		break;
	}
	push(e, place);
}

/* Held no more; whatever the answer is, it is one. */
static void
reply(uint32_t slot)
{
	struct client *c = &run.client;
	struct served *s = served_of(c, slot);
	struct wire_reply *r = memory_reply(&c->memory, slot);
	bool pushes =
		(s->flags & WIRE_ASYNC) != 0 || (s->state & SERVED_ORPHAN) != 0;
	uint32_t pushed = c->done.next;
	int code = (int32_t)take(&run.feed, 1) - 128;
	struct mp_msg *m = run.held[slot];

	if (m == NULL)
		return;
	if (s->op->out.size != 0)
		take_changes(&run.feed, (char *)m + s->op->out.off,
			     s->op->out.size);
	wipe();
	run.held[slot] = NULL;
	mp_reply(m, code);
	MUST(r->word == (s->gen << WIRE_WORD_SHIFT | WIRE_IS_DONE));
	MUST(r->result == code || r->result == -EIO);
	MUST(c->done.next - pushed == (pushes ? 1 : 0));
	MUST((s->state | SERVED_WAITED) == SERVED_WAITED);
}

/* Somebody sleeps in a reply's word, or says so, or rings. */
static void
scribble(void)
{
	struct memory *mem = &run.client.memory;
	struct feed *f = &run.feed;

	take_changes(f, mem->control, sizeof(*mem->control));
	take_changes(f, mem->reply, mem->layout.reply_size * LINK_SLOTS);
	take_changes(f, mem->done, LINK_SLOTS * sizeof(*mem->done));
}

static void
finish(void)
{
	struct client *c = &run.client;
	uint32_t value;

	c->dead = 1;
	for (uint32_t i = 0; i < LINK_SLOTS; i++) {
		if (run.held[i] == NULL)
			continue;
		MUST(client_drain(c, &value) != NULL);
		reply(i);
	}
	MUST(client_drain(c, &value) == NULL);
	for (uint32_t i = 0; i < LINK_SLOTS; i++)
		MUST(served_of(c, i)->state == SERVED_FREE);
	mp_port_fini(&c->reply);
	free(c->served);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (run.client.export == NULL)
		prepare();
	start(data, size);
	while (run.feed.left > 0) {
		switch (take(&run.feed, 1) % 8) {
		case 0:
			entry();
			break;
		case 1:
			reply((uint32_t)take(&run.feed, 1) % LINK_SLOTS);
			break;
		case 2:
			scribble();
			break;
		default:
			request();
			break;
		}
		serve();
	}
	finish();
	return 0;
}
