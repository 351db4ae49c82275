/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef HOSTILE_H
#define HOSTILE_H

/*
 * A peer that means harm: a thread that writes into all that a link shares,
 * at any time, while messages flow.
 */

#include "../broker/wire.h"

struct hostile {
	struct memory memory; /* mapped once more, for this thread alone */
	uint64_t seed;
	uint64_t writes;
	uint32_t stop; /* atomic */
	struct mp_thread thread;
};

/* Random values at random places, most of them where it hurts. */
void hostile_start(struct hostile *, const struct memory *, uint64_t seed);
void hostile_stop(struct hostile *);
uint64_t hostile_random(uint64_t *seed);

#endif
