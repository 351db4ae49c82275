/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * core/os.h for the simulated machine of test/sim.c.
 *
 * Memory is x86's (Owens, Sarkar and Sewell, "A better x86 memory model",
 * 2009): a store goes to the thread's own buffer, loads look there first,
 * and the oldest store leaves it at any time.  Whatever reads and writes,
 * fences, locks, parks or wakes empties the buffer first.  Before every access
 * but a store, which nobody sees yet, is a point where another thread may run;
 * before a load too that the buffer answers, as the store may leave it there
 * and be overwritten.  What empties the buffer has one behind it as well.
 *
 * Parking compares and goes to sleep in one step, as futex(2) does, and may
 * return for no reason.  Waking knows only addresses.
 */
#include "os_sim.h"

#include <errno.h>
#include <string.h>

#define DEAD_BYTE 0xdb

static struct sim_thread *
me(void)
{
	return &sim->thread[sim->me];
}

static void
trace(const char *what, const void *at, uint64_t value, const void *caller)
{
	sim->event[sim->events++ % SIM_TRACE] = (struct sim_event){
		.what = what,
		.at = at,
		.value = value,
		.caller = caller,
		.thread = sim->me,
	};
}

#define TRACE(what, at, value) \
	trace(what, at, value, __builtin_return_address(0))

/* ---- memory that is over */

static void
live(const void *at)
{
	for (uint32_t i = 0; i < sim->dead_count; i++)
		if ((uintptr_t)at - (uintptr_t)sim->dead[i].at <
		    sim->dead[i].size)
			sim_fail("touches dead memory at %p", at);
}

void
sim_dead(void *at, size_t size)
{
	sim_point();
	sim_drain(sim->me);
	TRACE("dead", at, size);
	if (sim->dead_count == SIM_RANGES)
		sim_fail("too much is dead");
	memset(at, DEAD_BYTE, size);
	sim->dead[sim->dead_count++] =
		(struct sim_range){ .at = at, .size = size };
}

static void
buried(const struct sim_range *r)
{
	for (size_t i = 0; i < r->size; i++)
		if ((unsigned char)r->at[i] != DEAD_BYTE)
			sim_fail("wrote to dead memory at %p", r->at + i);
}

void
sim_alive(void *at, size_t size)
{
	for (uint32_t i = 0; i < sim->dead_count; i++)
		if (sim->dead[i].at == at && sim->dead[i].size == size) {
			buried(&sim->dead[i]);
			sim->dead[i] = sim->dead[--sim->dead_count];
			return;
		}
}

void
sim_dead_check(void)
{
	for (uint32_t i = 0; i < sim->dead_count; i++)
		buried(&sim->dead[i]);
}

void
sim_memory_reset(void)
{
	sim->dead_count = 0;
	sim->named_count = 0;
}

void
sim_name(const void *at, size_t size, const char *name)
{
	if (sim->named_count < SIM_RANGES)
		sim->named[sim->named_count++] = (struct sim_range){
			.at = (char *)(uintptr_t)at,
			.size = size,
			.name = name,
		};
}

/* ---- the store buffer */

void
sim_flush_one(uint32_t thread)
{
	struct sim_thread *t = &sim->thread[thread];
	struct sim_store s = t->store[0];

	t->stores--;
	for (uint32_t i = 0; i < t->stores; i++)
		t->store[i] = t->store[i + 1];
	if (t->stores == 0)
		sim->buffered &= ~(1u << thread);
	live(s.at);
	memcpy(s.at, &s.value, s.size);
}

void
sim_drain(uint32_t thread)
{
	while (sim->thread[thread].stores != 0)
		sim_flush_one(thread);
}

static void
store(void *at, uint64_t value, uint32_t size)
{
	struct sim_thread *t = me();

	live(at);
	if (t->stores == SIM_STORES)
		sim_flush_one(sim->me);
	t->store[t->stores++] = (struct sim_store){ at, value, size };
	sim->buffered |= 1u << sim->me;
}

/* True if the thread sees its own store. */
static bool
forwarded(const void *at, uint64_t *value)
{
	struct sim_thread *t = me();

	for (uint32_t i = t->stores; i-- > 0;)
		if (t->store[i].at == at) {
			*value = t->store[i].value;
			return true;
		}
	return false;
}

static uint64_t
load(const void *at, uint32_t size)
{
	uint64_t value = 0;

	sim_point();
	if (forwarded(at, &value))
		return value;
	live(at);
	memcpy(&value, at, size);
	return value;
}

/* The one access that is about to happen sees and changes memory at once. */
static void
locked(const void *at)
{
	sim_point();
	sim_drain(sim->me);
	live(at);
}

/*
 * Nobody sees the plain accesses that follow; this point lets others run
 * before them, and find what is done too late.
 */
static void
after(void)
{
	sim_point();
}

/*
 * The same where it would make the states half as many again: only by seeds.
 * Behind a store that hands something over, which may leave here; and behind a
 * wake-up, though who is woken was free to run since the word had changed.
 */
static void
after_rarely(void)
{
	if (!sim->exhaustive)
		sim_point();
}

/* ---- atomics */

uint32_t
os_load(const uint32_t *p)
{
	uint32_t v = (uint32_t)load(p, sizeof(*p));

	TRACE("load", p, v);
	return v;
}

uint32_t
os_load_acquire(const uint32_t *p)
{
	uint32_t v = (uint32_t)load(p, sizeof(*p));

	TRACE("load_acquire", p, v);
	return v;
}

void
os_store(uint32_t *p, uint32_t v)
{
	TRACE("store", p, v);
	store(p, v, sizeof(*p));
}

void
os_store_release(uint32_t *p, uint32_t v)
{
	TRACE("store_release", p, v);
	store(p, v, sizeof(*p));
	after_rarely();
}

uintptr_t
os_load_word(const uintptr_t *p)
{
	uintptr_t v = load(p, sizeof(*p));

	TRACE("load_word", p, v);
	return v;
}

void
os_store_word(uintptr_t *p, uintptr_t v)
{
	TRACE("store_word", p, v);
	store(p, v, sizeof(*p));
}

bool
os_cas(uint32_t *p, uint32_t *expected, uint32_t desired)
{
	uint32_t was;

	locked(p);
	was = *p;
	if (was != *expected) {
		TRACE("cas fails", p, was);
		*expected = was;
		after();
		return false;
	}
	TRACE("cas", p, desired);
	*p = desired;
	after();
	return true;
}

uint32_t
os_xchg(uint32_t *p, uint32_t v)
{
	uint32_t was;

	locked(p);
	was = *p;
	*p = v;
	TRACE("xchg", p, v);
	after();
	return was;
}

uint32_t
os_fetch_add(uint32_t *p, uint32_t v)
{
	uint32_t was;

	locked(p);
	was = *p;
	*p = was + v;
	TRACE("add", p, *p);
	after();
	return was;
}

uint32_t
os_fetch_or(uint32_t *p, uint32_t v)
{
	uint32_t was;

	locked(p);
	was = *p;
	*p = was | v;
	TRACE("or", p, *p);
	after();
	return was;
}

uint32_t
os_fetch_and(uint32_t *p, uint32_t v)
{
	uint32_t was;

	locked(p);
	was = *p;
	*p = was & v;
	TRACE("and", p, *p);
	after();
	return was;
}

void
os_fence(void)
{
	if (me()->stores == 0)
		return;
	sim_point();
	sim_drain(sim->me);
	TRACE("fence", NULL, 0);
	after();
}

void
sim_fence(void)
{
	os_fence();
}

/* Who spins gives way; when all do, time passes. */
void
os_relax(void)
{
	sim->relaxed |= 1u << sim->me;
	if (sim->ready == sim->relaxed) {
		for (uint32_t i = 0; i < SIM_THREADS; i++)
			sim_drain(i);
		if (sim->timed != 0)
			sim_tick();
	}
	sim_point();
	sim->relaxed &= ~(1u << sim->me);
}

/* ---- sleeping */

void
sim_wake(uint32_t thread, bool timed_out)
{
	struct sim_thread *t = &sim->thread[thread];

	t->timed_out = timed_out;
	t->status = SIM_READY;
	sim->parked &= ~(1u << thread);
	sim->timed &= ~(1u << thread);
	sim->ready |= 1u << thread;
}

void
sim_sleep(enum sim_status status, const void *at, uint64_t deadline_ns)
{
	struct sim_thread *t = me();

	t->status = status;
	t->at = at;
	t->deadline_ns = deadline_ns;
	sim->ready &= ~(1u << sim->me);
	if (status == SIM_PARKED)
		sim->parked |= 1u << sim->me;
	if (deadline_ns != 0 && deadline_ns < SIM_NEVER_NS)
		sim->timed |= 1u << sim->me;
	sim_point();
	t->at = NULL;
}

/* To the next deadline. */
void
sim_tick(void)
{
	uint64_t next = UINT64_MAX;
	struct sim_thread *t = sim->thread;

	for (uint32_t i = 0; i < SIM_THREADS; i++)
		if ((sim->timed >> i & 1) != 0 && t[i].deadline_ns < next)
			next = t[i].deadline_ns;
	sim->now_ns = next > sim->now_ns ? next : sim->now_ns;
	for (uint32_t i = 0; i < SIM_THREADS; i++)
		if ((sim->timed >> i & 1) != 0 && t[i].deadline_ns <= next)
			sim_wake(i, true);
}

int
os_park(const uint32_t *p, uint32_t expected, uint64_t deadline_ns)
{
	locked(p);
	if (*p != expected) {
		TRACE("park refused", p, *p);
		return 0;
	}
	if (deadline_ns != 0 && deadline_ns <= sim->now_ns)
		return -ETIMEDOUT;
	TRACE("park", p, expected);
	sim_sleep(SIM_PARKED, p, deadline_ns);
	TRACE(me()->timed_out ? "timed out" : "woken", p, 0);
	return me()->timed_out ? -ETIMEDOUT : 0;
}

/* All of them, or some that the seed chooses. */
void
os_wake(const uint32_t *p, uint32_t count)
{
	uint32_t sleeper[SIM_THREADS];
	uint32_t n = 0, i;

	sim_point();
	sim_drain(sim->me);
	TRACE("wake", p, count);
	me()->wakes += count != SIM_OWN_WAKE;
	for (i = 0; i < SIM_THREADS; i++)
		if ((sim->parked >> i & 1) != 0 && sim->thread[i].at == p)
			sleeper[n++] = i;
	for (; n != 0 && count != 0; count--) {
		i = count < n ? sim_choose(n) : n - 1;
		sim_wake(sleeper[i], false);
		sleeper[i] = sleeper[--n];
	}
	after_rarely();
}

void
os_lock_init(struct mp_lock *l)
{
	l->word = 0;
}

void
os_lock(struct mp_lock *l)
{
	locked(&l->word);
	while (l->word != 0) {
		TRACE("lock waits", l, l->word);
		sim_sleep(SIM_LOCKED, l, 0);
		live(l);
	}
	TRACE("lock", l, 0);
	l->word = 1 + sim->me;
	after();
}

void
os_unlock(struct mp_lock *l)
{
	locked(&l->word);
	TRACE("unlock", l, 0);
	if (l->word != 1 + sim->me)
		sim_fail("unlocks what it has not locked");
	l->word = 0;
	for (uint32_t i = 0; i < SIM_THREADS; i++)
		if (sim->thread[i].status == SIM_LOCKED &&
		    sim->thread[i].at == l)
			sim_wake(i, false);
	after();
}

uint64_t
os_now_ns(void)
{
	sim_point();
	return sim->now_ns;
}

void
sim_sleep_until(uint64_t ns)
{
	uint32_t word = 0;

	while (os_now_ns() < ns)
		os_park(&word, 0, ns);
}
