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
 * message in it that is still queued, which ends with EDEADLK.  There always
 * is one among calls: a thread that waits in a call received what it holds
 * before that call, so not every message of the ring can have been received.
 * A ring that is closed by forwarding, when all in it sleep already, is not
 * seen.
 */
#include "state.h"

#define CHAIN_MAX 64 /* longer chains are not followed */

static struct mp_lock gate = MP_LOCK_INIT;
static uintptr_t gate_holder;
static struct sleep *sleeping;

/* False if this thread is inside already, in a hook. */
bool
gate_enter(void)
{
	uintptr_t self = os_self();

	if (os_load_word(&gate_holder) == self)
		return false;
	os_lock(&gate);
	os_store_word(&gate_holder, self);
	return true;
}

void
gate_leave(bool entered)
{
	if (!entered)
		return;
	os_store_word(&gate_holder, 0);
	os_unlock(&gate);
}

void
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

/* A queued message in the ring that begins with me, now the caller's. */
static struct mp_msg *
claim_one(struct sleep *me)
{
	struct sleep *s = me;
	uint32_t state;

	for (int i = 0; i < CHAIN_MAX && s != NULL; i++) {
		if (s->msg != NULL) {
			state = os_load(&s->msg->state);
			if (msg_claim(s->msg, &state, 0))
				return s->msg;
		}
		s = next_of(s);
	}
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
 * 0, or -EDEADLK: do not sleep.  sleep_leave() is due in either case; but who
 * will not sleep is off the list at once, so that one ring is found once.
 */
int
sleep_enter(struct sleep *me)
{
	struct mp_msg *victim = NULL;
	bool entered = gate_enter();
	int code = 0;

	me->next = sleeping;
	sleeping = me;
	if (is_ring(me)) {
		if (me->msg != NULL)
			victim = claim_one(me);
		if (me->msg == NULL || victim != NULL)
			code = -EDEADLK;
		if (victim == me->msg)
			unlist(me);
	}
	gate_leave(entered);
	if (victim != NULL)
		msg_end_claimed(victim, -EDEADLK);
	return code;
}

void
sleep_leave(struct sleep *me)
{
	bool entered = gate_enter();

	unlist(me);
	gate_leave(entered);
}
