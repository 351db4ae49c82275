/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The machine under test/os_sim.c: threads on stacks of their own, of which
 * one runs until sim_point() passes the turn on.
 *
 * From a seed: it switches at random, how often is the seed's choice too, or
 * else always runs the thread of the highest priority and lowers it now and
 * then (Burckhardt et al., "A randomized scheduler with probabilistic
 * guarantees of finding bugs", 2010).  Stores leave buffers, sleepers wake for
 * no reason and the clock jumps to the next deadline at random as well.
 *
 * Exhaustively: depth first through all choices; each run repeats those of
 * the one before up to the last that has an alternative.  A state is what
 * static memory, stacks, buffers and sleepers hold, by a hash of 64 bits; a
 * run that comes to a known one goes on without further choices.
 *
 * When nobody can run and there is no deadline, a wake-up was lost.
 */
#define _GNU_SOURCE
#include "os_sim.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define STEPS_MAX 2000000u
#define SPIN_MAX 20000u
#define PRINT_MAX 400u

#define UNCHECKED __attribute__((no_sanitize("address", "thread")))

struct sim *sim;
struct search *search;

extern char __data_start[], _end[], __executable_start[];
extern void *__tsan_create_fiber(unsigned) __attribute__((weak));
extern void __tsan_switch_to_fiber(void *, unsigned) __attribute__((weak));
extern void *__tsan_get_current_fiber(void) __attribute__((weak));
void sim_switch(void **save, void *load);

#ifndef __x86_64__
#error "the switch of stacks is written for x86-64"
#endif
__asm__(".text\n.globl sim_switch\n.type sim_switch,@function\nsim_switch:\n"
	"push %rbp\npush %rbx\npush %r12\npush %r13\npush %r14\npush %r15\n"
	"mov %rsp,(%rdi)\nmov %rsi,%rsp\n"
	"pop %r15\npop %r14\npop %r13\npop %r12\npop %rbx\npop %rbp\nret\n"
	".size sim_switch,.-sim_switch\n");

SIM_NO_TSAN void
sim_turn(uint32_t next)
{
	struct sim_thread *from = &sim->thread[sim->me];
	struct sim_thread *to = &sim->thread[next];

	sim->me = next;
	if (__tsan_switch_to_fiber)
		__tsan_switch_to_fiber(to->fiber, 0);
	sim_switch(&from->sp, to->sp);
}

/* ---- failing */

static void
print_place(const void *at)
{
	uintptr_t off;

	for (uint32_t i = 0; i < sim->named_count; i++) {
		off = (uintptr_t)at - (uintptr_t)sim->named[i].at;
		if (off < sim->named[i].size) {
			fprintf(stderr, "%s+%zu", sim->named[i].name, off);
			return;
		}
	}
	for (uint32_t i = 0; i < SIM_THREADS; i++) {
		off = (uintptr_t)at - (uintptr_t)sim->thread[i].stack;
		if (off < SIM_STACK) {
			fprintf(stderr, "stack%u+%zu", i, SIM_STACK - off);
			return;
		}
	}
	fprintf(stderr, "%p", at);
}

static void
print_threads(void)
{
	static const char *const status[] = { "free", "ready", "parked at",
					      "waits for lock", "done" };

	for (uint32_t i = 0; i < SIM_THREADS; i++) {
		if (sim->thread[i].status == SIM_FREE)
			continue;
		fprintf(stderr, "  thread %u: %s ", i,
			status[sim->thread[i].status]);
		if (sim->thread[i].at != NULL)
			print_place(sim->thread[i].at);
		fprintf(stderr, ", %u stores buffered\n",
			sim->thread[i].stores);
	}
}

static void
print_trace(void)
{
	uint64_t n = sim->events < PRINT_MAX ? sim->events : PRINT_MAX;

	for (uint64_t i = sim->events - n; i < sim->events; i++) {
		const struct sim_event *e = &sim->event[i % SIM_TRACE];

		fprintf(stderr, "  %6ju  %*s%u %s ", (uintmax_t)i,
			(int)e->thread * 2, "", e->thread, e->what);
		print_place(e->at);
		fprintf(stderr, " %#jx  (%#tx)\n", (uintmax_t)e->value,
			e->caller - __executable_start);
	}
}

void
sim_about(const char *what)
{
	snprintf(sim->about, sizeof(sim->about), "%s", what);
}

const char *
sim_failing(void)
{
	static char end[256];
	int n = 0;

	if (!sim->running)
		return "";
	print_trace();
	print_threads();
	if (sim->about[0] != '\0')
		n = snprintf(end, sizeof(end), "; it ran %s", sim->about);
	if (sim->exhaustive)
		snprintf(end + n, sizeof(end) - (size_t)n,
			 "; in run %ju of all schedules",
			 (uintmax_t)search->runs);
	else
		snprintf(end + n, sizeof(end) - (size_t)n,
			 "; replay with SIM_SEED=%ju", (uintmax_t)sim->seed);
	return end;
}

void
sim_fail(const char *fmt, ...)
{
	char what[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	t_fail("sim", (int)sim->me, "%s", what);
}

void
sim_eq(const char *file, int line, const char *what, intptr_t a, intptr_t b)
{
	if (a != b)
		sim_fail("%s:%d: %s: %jd and %jd", file, line, what,
			 (intmax_t)a, (intmax_t)b);
}

void
mp_panic(const char *promise, const char *file, int line, const void *object)
{
	sim_fail("%s:%d: broken promise: %s (object %p)", file, line, promise,
		 object);
}

/* ---- choosing */

/* xorshift64* (Vigna 2016) */
uint32_t
sim_random(void)
{
	uint64_t x = sim->random;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	sim->random = x;
	return (uint32_t)(x * 0x2545f4914f6cdd1dull >> 32);
}

static UNCHECKED uint64_t
hash(uint64_t h, const void *at, const void *end)
{
	const uint64_t *p = at;
	uint64_t a = h, b = ~h;

	/* Two at a time, as a multiplication takes its time. */
	for (; (const void *)(p + 2) <= end; p += 2) {
		a = (a ^ p[0]) * 0x9e3779b97f4a7c15ull;
		b = (b ^ p[1]) * 0xc2b2ae3d27d4eb4full;
		a ^= a >> 32;
		b ^= b >> 29;
	}
	if ((const void *)(p + 1) <= end)
		a = (a ^ p[0]) * 0x9e3779b97f4a7c15ull;
	return (a ^ b >> 31) * 0xff51afd7ed558ccdull + b;
}

static uint64_t
state_hash(void)
{
	void *here = __builtin_frame_address(0);
	const char *data = (char *)(((uintptr_t)__data_start + 7) & ~7ul);
	uint64_t h = sim->me;

	if (search->bound != SIM_NO_BOUND)
		h += 16 * (uint64_t)search->switches;

	h = hash(h ^ sim->now_ns << 32, data, _end);
	for (uint32_t i = 0; i < SIM_THREADS; i++) {
		struct sim_thread *t = &sim->thread[i];

		h = (h ^ t->status) * 31 + (uintptr_t)t->at;
		if (t->status == SIM_FREE || t->status == SIM_DONE)
			continue;
		h = (h ^ t->deadline_ns) * 31 + (uint64_t)t->timed_out;
		h = hash(h, t->store, t->store + t->stores);
		h = hash(h, i == sim->me ? here : t->sp, t->stack + SIM_STACK);
	}
	return (h * 31 + sim->fd_readable) | 1;
}

/* True if this state is new. */
static bool
note_state(void)
{
	uint64_t h = state_hash();
	uint64_t i = h >> 8;

	for (;; i++) {
		i &= SIM_SEEN - 1;
		if (search->seen[i] == h)
			return false;
		if (search->seen[i] == 0)
			break;
	}
	search->seen[i] = h;
	if (++search->states > SIM_SEEN / 4 * 3)
		sim_fail("too many states");
	return true;
}

static uint32_t
search_choose(uint32_t n)
{
	struct search *s = search;

	if (n < 2 || s->pruned)
		return 0;
	if (s->depth == s->length) {
		if (!note_state()) {
			s->pruned = true;
			return 0;
		}
		if (s->length == SIM_CHOICES)
			sim_fail("too many choices");
		s->choice[s->length] = 0;
		s->of[s->length++] = (uint16_t)n;
	}
	return s->choice[s->depth++];
}

uint32_t
sim_choose(uint32_t n)
{
	return sim->exhaustive ? search_choose(n) : sim_random() % n;
}

static uint32_t
nth_bit(uint32_t bits, uint32_t n)
{
	while (n-- != 0)
		bits &= bits - 1;
	return (uint32_t)__builtin_ctz(bits);
}

static uint32_t
one_of(uint32_t bits)
{
	uint32_t n = (uint32_t)__builtin_popcount(bits);

	return nth_bit(bits, n == 1 ? 0 : sim_random() % n);
}

static uint32_t
highest(uint32_t bits)
{
	uint32_t best = (uint32_t)__builtin_ctz(bits);

	for (bits &= bits - 1; bits != 0; bits &= bits - 1)
		if (sim->thread[__builtin_ctz(bits)].priority >
		    sim->thread[best].priority)
			best = (uint32_t)__builtin_ctz(bits);
	return best;
}

/* Who may run: spinners only when nobody else can. */
static uint32_t
willing(void)
{
	uint32_t others = sim->ready & ~sim->relaxed;

	return others != 0 ? others : sim->ready;
}

static bool
chance(uint32_t *bits, uint32_t shift)
{
	bool hit = (*bits & ((1u << shift) - 1)) == 0;

	*bits >>= shift;
	return hit;
}

static uint32_t
random_next(void)
{
	struct search *s = search;
	uint32_t r = sim_random();

	if (sim->buffered != 0 && chance(&r, s->flush_shift))
		sim_flush_one(one_of(sim->buffered));
	if ((sim->parked | sim->timed) != 0 && s->stray_shift != 0 &&
	    chance(&r, s->stray_shift)) {
		if (sim->timed != 0 && chance(&r, 1))
			sim_tick();
		else if (sim->parked != 0)
			sim_wake(one_of(sim->parked), false);
	}
	if (s->change != 0) {
		if (r % s->change == 0 || (sim->relaxed >> sim->me & 1) != 0)
			sim->thread[sim->me].priority = s->lowest--;
		return highest(willing());
	}
	/* Who spins is not always the last to go on. */
	if (chance(&r, s->switch_shift) || (willing() >> sim->me & 1) == 0)
		return one_of(chance(&r, 3) ? sim->ready : willing());
	return sim->me;
}

/* The choices: go on, another thread, a store that leaves, the clock. */
static uint32_t
search_next(void)
{
	struct search *s = search;
	uint32_t on, others, flush, n;
	bool tick, may_switch;

	for (;;) {
		on = willing() & 1u << sim->me;
		may_switch = on == 0 || s->switches < s->bound;
		others = may_switch ? willing() & ~on : 0;
		flush = sim->ready & (sim->ready - 1) ? sim->buffered : 0;
		tick = sim->timed != 0;
		n = search_choose((on != 0) +
				  (uint32_t)__builtin_popcount(others) +
				  (uint32_t)__builtin_popcount(flush) + tick);
		if (on != 0 && n-- == 0)
			return sim->me;
		if (n < (uint32_t)__builtin_popcount(others)) {
			s->switches += on != 0;
			return nth_bit(others, n);
		}
		n -= (uint32_t)__builtin_popcount(others);
		if (n < (uint32_t)__builtin_popcount(flush))
			sim_flush_one(nth_bit(flush, n));
		else
			sim_tick();
	}
}

SIM_NO_TSAN void
sim_point(void)
{
	uint32_t next;

	if (sim->me == SIM_MACHINE)
		return;
	if (++sim->steps > STEPS_MAX)
		sim_fail("does not end");
	while (sim->ready == 0) {
		for (uint32_t i = 0; i < SIM_THREADS; i++)
			sim_drain(i);
		if (sim->timed == 0)
			sim_fail("nobody can run: a wake-up was lost");
		sim_tick();
	}
	next = sim->exhaustive ? search_next() : random_next();
	if (next != sim->me) {
		sim->turn = sim->steps;
		sim_turn(next);
	} else if (sim->steps - sim->turn > SPIN_MAX && sim->relaxed == 0 &&
		   (sim->ready & (sim->ready - 1)) != 0) {
		sim_fail("spins and does not give way");
	}
}
