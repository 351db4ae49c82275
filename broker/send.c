/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The shim: what happens to a message between a client's send and its end.
 *
 * A call is looked after by its sender.  If the server runs on another CPU he
 * looks at the slot for a while, and then the call has been inline, with
 * nothing taken or counted.  Else the message is taken, so that a cancel
 * reaches it, and he sleeps on the slot's own word.  What is not a call is
 * taken before the server hears of it, and completed by whoever drains the
 * link's ring.
 */
#include "link.h"
#include "step.h"

#include <errno.h>

#define ID_SHIFT 32 /* of m->hold: generation, slot */

static void *
hold_of(uint32_t slot, uint32_t gen)
{
	return (void *)((uintptr_t)gen << ID_SHIFT | slot);
}

static uint32_t
gen_of(const struct mp_link *l, uint32_t slot)
{
	return os_load(&l->slot[slot].word) >> WIRE_WORD_SHIFT;
}

static bool
claim(struct mp_link *l, uint32_t *slot)
{
	uint32_t words = (l->memory.layout.slots + 31) / 32;
	uint32_t gen, bits;

	for (uint32_t i = 0; i < words; i++) {
		bits = os_load(&l->free[i]);
		while (bits != 0 &&
		       !os_cas(&l->free[i], &bits, bits & (bits - 1)))
			;
		if (bits == 0)
			continue;
		*slot = i * 32 + (uint32_t)__builtin_ctz(bits);
		STEP(claim_gen);
		gen = (gen_of(l, *slot) + 1) & WIRE_GEN_MASK;
		l->slot[*slot].buf_len = 0;
		STEP(claim_word);
		os_store(&l->slot[*slot].word, slot_word(gen, SLOT_INLINE));
		STEP(claim_reply);
		os_store(&memory_reply(&l->memory, *slot)->word,
			 gen << WIRE_WORD_SHIFT);
		return true;
	}
	return false;
}

void
link_roomy(struct mp_link *l)
{
	const uint32_t *wake;

	if (os_load(&l->roomless) == 0)
		return;
	os_lock(&l->port.lock);
	wake = sleeper_pop(&l->port, &l->port.callers);
	os_unlock(&l->port.lock);
	STEP(release_wake);
	wake_one(wake);
}

/* Gives back the slot, and tells one who waits for it. */
static void
release(struct mp_link *l, uint32_t slot)
{
	struct slot *s = &l->slot[slot];

	STEP(release_arena);
	if (s->buf_len != 0)
		arena_put(&l->arena, s->buf_off);
	STEP(release_word);
	os_store(&s->word, slot_word(gen_of(l, slot), SLOT_FREE));
	STEP(release_bit);
	os_fetch_or(&l->free[slot / 32], 1u << (slot % 32));
	STEP(release_ask);
	link_roomy(l);
}

static void
tell_at(struct mp_link *l, uint32_t place, uint64_t entry)
{
	STEP(tell_fill);
	ring_fill(&l->asked, place, entry);
	STEP(tell_bell);
	bell_ring(&l->memory.control->server_bell);
}

static void
tell(struct mp_link *l, enum wire_kind kind, uint32_t slot, uint32_t gen)
{
	tell_at(l, ring_take(&l->asked), wire_entry(gen, kind, slot));
}

/*
 * 1: the answer is there; 0: not yet; -EPROTO: the word is none that an honest
 * server leaves, or he says that he is dead.
 */
static int
look(const struct mp_link *l, uint32_t slot, uint32_t gen)
{
	const struct wire_reply *r = memory_reply(&l->memory, slot);
	uint32_t word = os_load_acquire(&r->word);

	if (word >> WIRE_WORD_SHIFT != gen)
		return -EPROTO;
	if ((word & WIRE_IS_DONE) != 0) {
		WIRE_OBSERVE();
		return 1;
	}
	return (word & WIRE_DEAD) != 0 && link_dead(l) == 0 ? -EPROTO : 0;
}

/* By whoever made the slot ENDING. */
static void
complete(struct mp_link *l, uint32_t slot)
{
	struct mp_msg *m = l->slot[slot].original;
	int result;
	int code = link_answer(l, slot, m, &result);

	STEP(complete_release);
	release(l, slot);
	STEP(complete_reply);
	mp_reply(m, result);
	if (code != 0)
		link_die(l, code);
}

static bool
end(struct mp_link *l, uint32_t slot, uint32_t gen, enum slot_state as)
{
	uint32_t out = slot_word(gen, SLOT_OUT);

	STEP(end_slot);
	return os_cas(&l->slot[slot].word, &out, slot_word(gen, as));
}

void
link_abandon(struct mp_link *l, uint32_t slot)
{
	uint32_t gen = gen_of(l, slot);
	int code = link_dead(l);
	struct mp_msg *m;

	if (!end(l, slot, gen, SLOT_ENDING))
		return;
	if (code != -EPROTO && look(l, slot, gen) == 1) {
		complete(l, slot);
		return;
	}
	if (code == -EPIPE && os_load(&l->memory.started[slot]) == gen)
		code = -EOWNERDEAD;
	m = l->slot[slot].original;
	STEP(abandon_release);
	release(l, slot);
	STEP(abandon_reply);
	mp_reply(m, code);
}

/* ---- calls */

/* Looks for the answer as long as the server may be at it elsewhere. */
static int
spin(const struct mp_link *l, uint32_t slot, uint32_t gen)
{
	const int32_t *server_cpu = &l->memory.control->server_cpu;
	int code = look(l, slot, gen);

	STEP(spin);
	if (code != 0 || !runs_elsewhere(&l->port, server_cpu))
		return code;
	for (int i = 0; i < MP_SPIN_MAX && code == 0 && link_dead(l) == 0;
	     i++) {
		os_relax();
		code = look(l, slot, gen);
	}
	return code;
}

/* The sender sleeps until his message is nobody's any more, but for ENDING. */
static void
sleep_for(struct mp_link *l, uint32_t slot, uint32_t gen, struct mp_msg *m)
{
	uint32_t *word = &memory_reply(&l->memory, slot)->word;
	struct bell_word w = { .word = word, .shared = true };
	uint64_t deadline_ns = m->deadline_ns;
	uint32_t seen;
	int code;

	while (os_load(&l->slot[slot].word) == slot_word(gen, SLOT_OUT)) {
		STEP(sleep_look);
		code = look(l, slot, gen);
		if (code < 0)
			link_die(l, -EPROTO);
		if (code <= 0 && link_dead(l) != 0)
			link_abandon(l, slot);
		else if (code > 0 && end(l, slot, gen, SLOT_ENDING))
			complete(l, slot);
		if (code != 0)
			continue;
		STEP(sleep_mark);
		/* What look() has let pass, and nothing else, is slept on. */
		seen = gen << WIRE_WORD_SHIFT;
		w.expected = seen | WIRE_WAITS;
		if (!os_cas(word, &seen, w.expected) && seen != w.expected)
			continue;
		STEP(sleep_park);
		if (bell_park(&w, 1, deadline_ns) == 0)
			continue;
		STEP(sleep_expire);
		deadline_ns = MP_NO_DEADLINE;
		msg_expire(m);
	}
}

/* The message is its sender's no more; what came meanwhile is made good. */
static void
keep(struct mp_link *l, uint32_t slot, struct mp_msg *m)
{
	struct slot *s = &l->slot[slot];
	uint32_t gen = gen_of(l, slot);

	STEP(keep_hold);
	s->original = m;
	m->hold = hold_of(slot, gen);
	STEP(keep_take);
	mp_msg_take(m);
	STEP(keep_out);
	/* All above before others may end it; pairs with end(). */
	os_store_release(&s->word, slot_word(gen, SLOT_OUT));
}

static int
call(struct mp_link *l, uint32_t slot, struct mp_msg *m)
{
	uint32_t gen = gen_of(l, slot);
	int result = -EPROTO;
	int code;

	STEP(call_tell);
	tell(l, WIRE_REQUEST, slot, gen);
	STEP(call_told);
	code = spin(l, slot, gen);
	if (code == 0) {
		keep(l, slot, m);
		STEP(call_kept);
		/* Pairs with the one in link_die(). */
		os_fence();
		if (mp_msg_cancelled(m))
			link_cancel(&l->port, m);
		sleep_for(l, slot, gen, m);
		return EASYNC;
	}
	STEP(call_answer);
	if (code > 0)
		code = link_answer(l, slot, m, &result);
	STEP(call_release);
	release(l, slot);
	if (code != 0)
		link_die(l, code);
	STEP(call_end);
	return mp_agent_end(m, result);
}

/*
 * The place in the ring is taken before a cancel can come, so that none comes
 * before what it cancels.
 */
static int
send(struct mp_link *l, uint32_t slot, struct mp_msg *m)
{
	uint32_t gen = gen_of(l, slot);
	uint32_t place = ring_take(&l->asked);
	bool cancelled;

	STEP(send_keep);
	keep(l, slot, m);
	STEP(send_kept);
	cancelled =
		mp_msg_cancelled(m) && os_xchg(&l->slot[slot].told, gen) != gen;
	/* From here on the message may be gone. */
	tell_at(l, place, wire_entry(gen, WIRE_REQUEST, slot));
	STEP(send_told);
	if (cancelled)
		tell(l, WIRE_CANCEL, slot, gen);
	if (link_dead(l) != 0)
		link_abandon(l, slot);
	return EASYNC;
}

int
link_send(struct mp_port *p, struct mp_msg *m)
{
	struct mp_link *l = (struct mp_link *)(void *)p;
	uint32_t s = os_load(&m->state);
	bool sync = (s & ST_SYNC) != 0 && (s & ST_FORWARD) == 0;
	int code = agent_check(p, m);
	int fault;
	uint32_t slot;

	if (code != 0)
		return code;
	if (!drive_is_ours())
		return -ENOTCONN;
	if (!claim(l, &slot)) {
		STEP(send_full);
		(void)link_drain(l);
		if (!claim(l, &slot)) {
			if (link_dead(l) != 0)
				return -EPIPE;
			port_refused(p, MP_REFUSED_FULL);
			return -EAGAIN;
		}
	}
	/* Now: a slot that the end of the link freed may be answered yet. */
	if (link_dead(l) != 0) {
		release(l, slot);
		return -EPIPE;
	}
	STEP(send_fill);
	fault = link_fill(l, slot, m, sync);
	STEP(send_begin);
	code = fault == -EAGAIN ? fault : mp_agent_begin(p, m);
	if (code != 0 || fault != 0) {
		release(l, slot);
		return code != 0 ? code : mp_agent_end(m, fault);
	}
	return sync ? call(l, slot, m) : send(l, slot, m);
}

void
link_cancel(struct mp_port *p, struct mp_msg *m)
{
	struct mp_link *l = (struct mp_link *)(void *)p;
	uint32_t slot = (uint32_t)(uintptr_t)m->hold;
	uint32_t gen = (uint32_t)((uintptr_t)m->hold >> ID_SHIFT);

	if ((os_load(&m->state) & ST_EXPIRED) != 0) {
		if (!end(l, slot, gen, SLOT_ORPHAN))
			return;
		STEP(orphan_tell);
		tell(l, WIRE_ORPHAN, slot, gen);
		STEP(orphan_reply);
		mp_reply(m, -ECANCELED);
	} else if (os_load(&l->slot[slot].word) == slot_word(gen, SLOT_OUT) &&
		   os_xchg(&l->slot[slot].told, gen) != gen) {
		STEP(cancel_tell);
		tell(l, WIRE_CANCEL, slot, gen);
	}
}

int
link_room(struct mp_port *p, uint64_t deadline_ns)
{
	struct mp_link *l = (struct mp_link *)(void *)p;
	uint32_t words = (l->memory.layout.slots + 31) / 32;
	struct mp_sleeper me = { 0 };
	uint32_t free = 0;
	int code = 0;

	STEP(room_ask);
	os_fetch_add(&l->roomless, 1);
	os_lock(&p->lock);
	for (uint32_t i = 0; i < words; i++)
		free |= os_load(&l->free[i]);
	STEP(room_park);
	if ((free == 0 || os_load(&l->arena.starved) != 0) &&
	    link_dead(l) == 0 &&
	    !sleeper_park(p, &p->callers, &me, deadline_ns))
		code = -ETIMEDOUT;
	os_unlock(&p->lock);
	STEP(room_leave);
	os_fetch_add(&l->roomless, -1u);
	return link_dead(l) != 0 ? -EPIPE : code;
}

/* ---- the ring */

static void
one_done(struct mp_link *l, uint64_t entry)
{
	uint32_t slot = wire_slot(entry);
	uint32_t gen = wire_gen(entry);
	bool known = wire_kind(entry) == WIRE_DONE &&
		     slot < l->memory.layout.slots && gen <= WIRE_GEN_MASK;

	if (known && end(l, slot, gen, SLOT_ENDING))
		complete(l, slot);
	else if (known &&
		 os_load(&l->slot[slot].word) == slot_word(gen, SLOT_ORPHAN))
		release(l, slot);
	else if (link_dead(l) == 0)
		link_die(l, -EPROTO);
}

bool
link_drain(struct mp_link *l)
{
	bool any = false;
	uint64_t entry;
	bool got;

	for (;;) {
		if (!ring_peek(&l->done, &entry))
			return any;
		os_lock(&l->drain);
		STEP(drain_peek);
		got = ring_peek(&l->done, &entry);
		if (got)
			ring_skip(&l->done);
		STEP(drain_skipped);
		os_unlock(&l->drain);
		if (!got)
			continue;
		any = true;
		STEP(drain_done);
		one_done(l, entry);
	}
}
