/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef CONFORM_SERVE_H
#define CONFORM_SERVE_H

/*
 * The far side of the conformance suite: what a handler does with a message.
 * Whoever runs a target elsewhere runs this there.
 */

#include "conform.h"

struct server {
	uint32_t lock;
	struct mp_msg *held[C_HELD];
	uint32_t held_n;
	uint32_t seen;
	uint64_t log[C_LOG];
	uint32_t at_gate;
	uint32_t open;
	struct mp_port *self;
	struct mp_port discard;
	struct c_msg own;
};

/* The process is to be killed at the n-th request from now; 0: none. */
extern uint32_t serve_dies_at;

/* The result, or EASYNC if the message is kept. */
int serve(struct server *, struct mp_msg *);
/* Waits until n are held, and completes the n oldest. */
void serve_release(struct server *, uint32_t n);

#endif
