/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef BROKER_STEP_H
#define BROKER_STEP_H

/*
 * STEP(name): a place where a process may die, be stopped or close.
 *
 * It stands before what it is named for, and is nothing but in the build with
 * MP_STEP, where the linker collects the names: a point's number is its place
 * among them.  test/38-step.c has step_reach(), and wants each name once.
 */

#ifdef MP_STEP
extern const char *const __start_mp_step[];
extern const char *const __stop_mp_step[];

void step_reach(const char *const *point);

#define STEP(name_)                                                         \
	do {                                                                \
		static const char *const step_                              \
			__attribute__((section("mp_step"), used)) = #name_; \
		step_reach(&step_);                                         \
	} while (0)
#else
#define STEP(name_) ((void)0)
#endif

#endif
