/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The client's end of a link: any entries in the ring, any bytes in the slots.
 *
 * An input is a list of steps: a message is sent, one is cancelled, a server
 * answers as one would with some of its bytes changed, an entry of the ring is
 * forged.  Each message ends once, with a code and within its bounds; only one
 * that was sent, and of a link that lives only one whose answer came.  The end
 * is a death, after which every slot is free again.
 */
#include "../../broker/link.c"
#include "feed.h"

enum { LINK_SLOTS = 4, LINK_ARENA = 16 * 1024, BUF_SIZE = 100 };

struct sent {
	union table_msg m;
	const struct mp_iface_op *op;
	char *byte; /* of exactly its size */
	uint32_t slot;
	bool out;
	bool cancelled;
};

static struct {
	struct feed feed;
	struct memory memory; /* the server's view */
	struct mp_link *link;
	struct mp_port reply;
	struct sent sent[LINK_SLOTS];
	struct sent *sending;
	uint32_t ended;
} run;

static void
ended(struct mp_port *p, struct mp_msg *m)
{
	struct sent *s = MP_CONTAINER(m, struct sent, m.msg);

	(void)p;
	MUST(s->out);
	s->out = false;
	run.ended++;
	MUST(m->result != EASYNC);
	tails_are_good(&s->op->out, &s->m);
	if (run.sending == s) {
		MUST(m->result < 0);
		return;
	}
	if (m->result == -EPROTO || m->result == -EPIPE ||
	    m->result == -EOWNERDEAD)
		return;
	/* An answer that was said: none is made up. */
	MUST(memory_reply(&run.memory, s->slot)->result == m->result);
}

static void
open_memory(void)
{
	struct wire_op op[WIRE_OPS_MAX];
	struct wire_layout lay = { .slots = LINK_SLOTS,
				   .arena_size = LINK_ARENA };
	uint32_t n = mp_vfs_iface.ops;
	struct mp_link *l = calloc(1, sizeof(*l));
	int fd;

	for (uint32_t i = 0; i < n; i++)
		op[i] = (struct wire_op){ mp_vfs_iface.op[i].in.size,
					  mp_vfs_iface.op[i].out.size };
	memory_layout(&lay, op, n);
	MUST(memory_make(&run.memory, &lay, &fd) == 0);
	init_port(l, &mp_vfs_iface);
	MUST(memory_map(&l->memory, &lay, fd) == 0);
	close(fd);
	l->fd = l->peer.pidfd = l->socket_watch.fd = l->pid_watch.fd = -1;
	run.link = l;
	/* So that this is a process that has links. */
	MUST(drive_start(l) == 0);
	mp_port_init_callback(&run.reply, ended, NULL);
}

/* As new, on the memory of the one before. */
static void
open_again(const uint8_t *data, size_t size)
{
	struct mp_link *l = run.link;

	memset(run.memory.base, 0,
	       (size_t)(run.memory.arena - run.memory.base));
	free(l->slot);
	arena_close(&l->arena);
	memset(l->free, 0, sizeof(l->free));
	l->dead = 0;
	MUST(open_slots(l) == 0);
	run.feed = (struct feed){ data, size };
}

static uint32_t
free_slots(void)
{
	return (uint32_t)__builtin_popcount(run.link->free[0]);
}

static uint32_t
messages_out(void)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < LINK_SLOTS; i++)
		n += run.sent[i].out;
	return n;
}

static void
send_one(struct sent *s)
{
	struct mp_link *l = run.link;
	uint32_t before = l->free[0];
	struct mp_buf b = { .len = take(&run.feed, 1) % BUF_SIZE };
	const struct mp_iface_op *op =
		&mp_vfs_iface.op[take(&run.feed, 1) % mp_vfs_iface.ops];
	int code;

	if (s->out)
		return;
	s->op = op;
	table_request(op, &s->m.msg, sizeof(s->m));
	free(s->byte);
	s->byte = b.base = malloc(b.len);
	memset(s->byte, 'x', b.len);
	b.dir = op->buf.dir;
	if (op->buf.dir != 0)
		memcpy((char *)&s->m + op->buf.off, &b, sizeof(b));
	mp_msg_init(&s->m.msg, op->op);
	s->m.msg.reply = &run.reply;
	s->out = true;
	s->slot = (uint32_t)__builtin_ctz(before | 1u << LINK_SLOTS);
	run.sending = s;
	code = mp_send(&l->port, &s->m.msg);
	run.sending = NULL;
	MUST(l->dead == 0 || code == -EPIPE);
	s->out &= code == 0;
	/* It never was the link's: nothing of it is left there. */
	MUST(s->out || l->free[0] == before);
}

/* As an honest server would; then some of it is changed, or not. */
static void
answer(struct sent *s)
{
	struct feed *f = &run.feed;
	struct wire_reply *r = memory_reply(&run.memory, s->slot);
	uint32_t cap = run.memory.layout.reply_size - (uint32_t)sizeof(*r);
	uint32_t gen = run.link->slot[s->slot].word >> WIRE_WORD_SHIFT;
	union table_msg m;
	int len = 0;

	if (s->op == NULL || s->slot >= LINK_SLOTS)
		return;
	memset(&m, 0, sizeof(m));
	if (s->op->out.size != 0)
		len = mp_iface_pack_out(s->op, &m.msg, r + 1, cap);
	MUST(len >= 0);
	r->result = (int32_t)take(f, 1) - 128;
	r->len = (uint32_t)len;
	r->word = gen << WIRE_WORD_SHIFT | WIRE_IS_DONE;
	run.memory.started[s->slot] = gen;
	switch (take(f, 1) % 6) {
	case 0:
		r->len = (uint32_t)take_value(f, cap);
		break;
	case 1:
		r->result = (int32_t)take_value(f, (uint32_t)EASYNC);
		break;
	case 2:
		r->word = (uint32_t)take_value(f, r->word);
		break;
	case 3:
		take_changes(f, r, run.memory.layout.reply_size);
		break;
	case 4:
		take_changes(f, r + 1, (size_t)len + 1);
		break;
	default:
		break;
	}
}

static void
push(void)
{
	struct feed *f = &run.feed;
	uint32_t slot = (uint32_t)take(f, 1) % LINK_SLOTS;
	uint32_t gen = run.link->slot[slot].word >> WIRE_WORD_SHIFT;
	uint64_t e = wire_entry(gen, WIRE_DONE, slot);
	uint32_t place = run.link->done.next;

	switch (take(f, 1) % 8) {
	case 0:
		e = take_value(f, e) & ~0xffff0000ull;
		break;
	case 1:
		place = (uint32_t)take_value(f, place);
		break;
	default:
		break;
	}
	ring_fill(
		&(struct ring){ .entry = run.memory.done, .size = LINK_SLOTS },
		place, e);
}

static void
drain(void)
{
	struct mp_link *l = run.link;
	uint32_t read = l->done.next, before = run.ended;
	bool any, dead = l->dead != 0;

	any = link_drain(l);
	read = l->done.next - read;
	MUST(any == (read != 0));
	MUST(free_slots() + messages_out() == LINK_SLOTS);
	/* While it lives, one entry ends one message. */
	MUST(l->dead != 0 || run.ended - before == read);
	MUST(l->dead == 0 || messages_out() == 0);
	MUST(!dead || run.ended == before);
}

static void
step(void)
{
	struct feed *f = &run.feed;
	uint64_t what = take(f, 1);
	struct sent *s = &run.sent[what / 8 % LINK_SLOTS];

	switch (what % 8) {
	case 0:
	case 1:
		send_one(s);
		break;
	case 2:
		if (s->out)
			mp_cancel(&s->m.msg);
		break;
	case 3:
		take_changes(f, run.memory.control,
			     (size_t)(run.memory.done -
				      (uint64_t *)(void *)run.memory.base) *
				     sizeof(uint64_t));
		break;
	case 4:
	case 5:
		answer(s);
		break;
	default:
		push();
		break;
	}
	drain();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (run.link == NULL)
		open_memory();
	open_again(data, size);
	while (run.feed.left > 0)
		step();
	link_die(run.link, -EPIPE);
	MUST(messages_out() == 0 && free_slots() == LINK_SLOTS);
	return 0;
}
