/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef BROKER_BELL_H
#define BROKER_BELL_H

/*
 * Sleeping in memory that another process writes.
 *
 * A bell is a word that is odd while its owner sleeps, or is about to.  Its
 * owner makes it odd with a full fence, looks once more for what there is to
 * do, and then sleeps while the word has not changed.  Whoever gave him
 * something to do, with a full fence, looks at the bell: if it is odd he makes
 * it even, by one compare-and-swap, and only he who did so wakes.  One of the
 * two sees the other, so nothing is lost and nobody is woken twice.
 * model/ring.pml checks it.
 */

#include "../core/os.h"
#include "wire.h"

#define BELL_WORDS 127u /* that can be slept on at once, beside one's own */

struct bell_word {
	uint32_t *word;
	uint32_t expected;
	bool shared; /* with another process */
};

/* broker/bell.c: 0, or -ETIMEDOUT; may return early for any reason */
int bell_park(const struct bell_word *, uint32_t words, uint64_t deadline_ns);
void bell_wake(uint32_t *word, bool shared, uint32_t count);

/* The owner: what to sleep on, once he has looked again. */
static inline uint32_t
bell_sleep(uint32_t *bell)
{
	return os_fetch_or(bell, WIRE_SLEEPS) | WIRE_SLEEPS;
}

/* The owner has work; a ring that was meant for his sleep may be under way. */
static inline void
bell_awake(uint32_t *bell)
{
	(void)os_fetch_and(bell, ~WIRE_SLEEPS);
}

/* Whoever has published something, with a full fence: true if it woke. */
static inline bool
bell_ring(uint32_t *bell)
{
	uint32_t was = os_load(bell);

	if ((was & WIRE_SLEEPS) == 0 ||
	    !os_cas(bell, &was, (was & ~WIRE_SLEEPS) + WIRE_RING))
		return false;
	bell_wake(bell, true, 1);
	return true;
}

#endif
