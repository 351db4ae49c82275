/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The one lock of the library that is not a port's.  Two rare things hold it:
 * a cancel hook while it runs, and a thread that is about to sleep while it
 * looks whether it would wait for itself.  A port passes it before it goes
 * away, so whoever holds it may follow m->target of a message in flight.
 *
 * Lock order: the gate, then a port's lock.
 *
 * Who waits for whom: each sleeper enters what it waits for.  The owner of the
 * message's target is the next in the chain, if that port has one owner and he
 * sleeps here too.  A chain that comes back to its beginning is broken at a
 * message in it that is still queued, or at a sender that waits for room; that
 * ends with EDEADLK.  There always is one among calls: a thread that waits in
 * a call received what it holds before that call, so not every message of the
 * ring can have been received.
 * The owner is taken to be the one who will complete what he received: if he
 * gave it to another thread meanwhile, he must not call back to its sender.
 */
#include "state.h"

#define CHAIN_MAX 64 /* longer chains are not followed */

static struct mp_lock gate = MP_LOCK_INIT;
static uintptr_t gate_holder;
static struct sleep *sleeping;

/* False if this thread is inside already, in a hook. */
__attribute__((__cold__)) bool
gate_enter(void)
{
	uintptr_t self = os_self();

	if (os_load_word(&gate_holder) == self)
		return false;
	os_lock(&gate);
	os_store_word(&gate_holder, self);
	return true;
}

__attribute__((__cold__)) void
gate_leave(bool entered)
{
	if (!entered)
		return;
	os_store_word(&gate_holder, 0);
	os_unlock(&gate);
}

__attribute__((__cold__)) void
gate_barrier(void)
{
	gate_leave(gate_enter());
}

static struct sleep *
sleep_of(uintptr_t thread)
{
	struct sleep *s = sleeping;

	while (s != NULL && s->self != thread)
		s = s->next;
	return s;
}

/* The owner of the port that s waits for, or 0; the gate keeps the port. */
static uintptr_t
owner_of(const struct sleep *s)
{
	struct mp_port *p = s->port;
	uint32_t state;

	if (s->msg != NULL) {
		state = phase(os_load_acquire(&s->msg->state));
		if (state != ST_QUEUED && state != ST_HELD)
			return 0;
		p = target_of(s->msg);
	}
	return os_load_word(&p->owner);
}

static struct sleep *
next_of(const struct sleep *s)
{
	uintptr_t owner = owner_of(s);

	return owner > OWNER_MANY ? sleep_of(owner) : NULL;
}

static bool
is_ring(const struct sleep *me)
{
	const struct sleep *s = me;

	for (int i = 0; i < CHAIN_MAX && s != NULL; i++) {
		if (owner_of(s) == me->self)
			return true;
		s = next_of(s);
	}
	return false;
}

/* Sends a sender back that waits for room, unless room was just made. */
static __attribute__((__cold__)) bool
send_back(struct sleep *s)
{
	const uint32_t *wake = NULL;
	struct mp_port *p = s->port;
	struct mp_sleeper **at = &p->callers;
	bool waits;

	os_lock(&p->lock);
	waits = os_load(&s->at->woken) == 0;
	s->broken = waits;
	while (*at != NULL && *at != s->at)
		at = &(*at)->next;
	wake = sleeper_pop(p, at);
	os_unlock(&p->lock);
	wake_one(wake);
	return waits;
}

/*
 * Breaks the ring that begins with me: a queued message of it is the caller's
 * to end, or somebody who waits for room does not any more.
 */
static __attribute__((__cold__)) struct mp_msg *
break_ring(struct sleep *me)
{
	struct sleep *s = me;
	uint32_t state;

	for (int i = 0; i < CHAIN_MAX && s != NULL; i++, s = next_of(s)) {
		if (s->msg == NULL)
			continue;
		state = os_load(&s->msg->state);
		if (msg_claim(s->msg, &state, 0))
			return s->msg;
	}
	s = me;
	for (int i = 0; i < CHAIN_MAX && s != NULL; i++, s = next_of(s))
		if (s->msg == NULL && send_back(s))
			break;
	return NULL;
}

static void
unlist(struct sleep *me)
{
	struct sleep **at = &sleeping;

	while (*at != NULL && *at != me)
		at = &(*at)->next;
	if (*at != NULL)
		*at = me->next;
}

/*
 * 0, or -EDEADLK: do not sleep, for the ring was broken here.  sleep_leave()
 * is due in either case, but who will not sleep is off the list at once, so
 * that one ring is found once.
 */
__attribute__((__cold__)) int
sleep_enter(struct sleep *me)
{
	struct mp_msg *victim = NULL;
	bool entered = gate_enter();
	int code = 0;

	me->next = sleeping;
	sleeping = me;
	if (is_ring(me)) {
		if (me->msg != NULL)
			victim = break_ring(me);
		if (victim == me->msg) {
			code = -EDEADLK;
			unlist(me);
		}
	}
	gate_leave(entered);
	if (victim != NULL)
		msg_end_claimed(victim, -EDEADLK);
	return code;
}

__attribute__((__cold__)) void
sleep_moved(const struct mp_msg *m)
{
	struct mp_msg *victim = NULL;
	bool entered = gate_enter();
	struct sleep *s = sleeping;

	while (s != NULL && s->msg != m)
		s = s->next;
	if (s != NULL && is_ring(s))
		victim = break_ring(s);
	gate_leave(entered);
	if (victim != NULL)
		msg_end_claimed(victim, -EDEADLK);
}

__attribute__((__cold__)) void
sleep_leave(struct sleep *me)
{
	bool entered = gate_enter();

	unlist(me);
	gate_leave(entered);
}
