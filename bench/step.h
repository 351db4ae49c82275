/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef STEP_H
#define STEP_H

/*
 * What a function really executes, found by stepping through it one
 * instruction at a time in a child process (x86-64 only; elsewhere step_run
 * returns -ENOSYS).  The child calls fn once to warm it up, then once more;
 * that call is counted, from its first instruction to its return, with what
 * other threads that it made do in the meantime.
 */

#include <stdint.h>

struct step {
	uint64_t instructions;
	uint64_t locked; /* lock prefix, exchange with memory, mfence */
	uint64_t syscalls;
	uint64_t pauses; /* turns of a spinning wait */
	uint64_t allocations;
};

/* 0, or a negative errno. */
int step_run(void (*fn)(void), struct step *out);

#endif
