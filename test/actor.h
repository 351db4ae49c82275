/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef ACTOR_H
#define ACTOR_H

/* Threads of a test, each of which has begun when actor_start() returns. */

#include "conform.h"

/* What an actor does not need stays zero. */
struct actor {
	struct mp_thread thread;
	struct mp_port p; /* its own */
	struct mp_msg m;
	struct mp_port *to;
	uint32_t begun, tid, ended;
	int code;
};

void actor_start(struct actor *, void (*run)(void *));
/* By the actor, first of all. */
void actor_begin(struct actor *);
/* An actor that calls a->to with a->m; a->ended is posted then. */
void actor_call(void *actor);
/* An actor that answers with the operation at its own port. */
void actor_serve_start(struct actor *);
void actor_serve_stop(struct actor *);

#endif
