/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Can the simulated machine fail?  Small protocols like those of core/, each
 * right and with a fault, which the seeds must find; and the litmus tests
 * that tell x86's memory from a stricter and from a weaker one.
 */
#include "os_sim.h"

#include <errno.h>
#include <string.h>

#define SEEDS 10000

enum { RIGHT, WRONG };

static struct {
	struct mp_lock lock;
	uint32_t pending, woken, listed;
	uint32_t state, events, seen;
	uint32_t x, y, a, b;
	uint32_t outcome;
	struct {
		uint32_t state, waited;
	} m;
	bool wrong;
} w;

static void
begin(void *arg)
{
	uint32_t outcome = w.outcome;

	memset(&w, 0, sizeof(w));
	w.outcome = outcome;
	w.wrong = arg != NULL;
	sim_name(&w, sizeof(w), "world");
}

static void
both(void (*root)(void *))
{
	sim_seeds(root, NULL, SEEDS);
	CHECK(sim_catches(root, &w, SEEDS));
}

/* ---- the receiver is in the list before it looks for the last time */

static void
put(void *arg)
{
	bool wake;

	(void)arg;
	os_lock(&w.lock);
	os_store(&w.pending, 1);
	wake = w.listed;
	if (wake)
		os_store_release(&w.woken, 1);
	os_unlock(&w.lock);
	if (wake)
		os_wake(&w.woken, 1);
}

static void
get_root(void *arg)
{
	begin(arg);
	sim_start(put, NULL);
	if (w.wrong && os_load(&w.pending) != 0)
		goto got;
	os_lock(&w.lock);
	if (w.wrong || os_load(&w.pending) == 0) {
		w.listed = 1;
		os_unlock(&w.lock);
		while (os_load(&w.woken) == 0)
			os_park(&w.woken, 0, MP_NO_DEADLINE);
		os_lock(&w.lock);
	}
	os_unlock(&w.lock);
got:
	sim_join_all();
}

TEST(a_queue_that_looks_outside_its_lock_is_caught)
{
	both(get_root);
}

/* ---- who waits says so without losing that it is over */

#define OVER 1u
#define WAITING 2u

static void
complete(void *arg)
{
	(void)arg;
	if ((os_xchg(&w.m.state, OVER) & WAITING) != 0)
		os_wake(&w.m.state, 1);
}

static void
wait_root(void *arg)
{
	uint32_t s;

	begin(arg);
	sim_start(complete, NULL);
	while (((s = os_load_acquire(&w.m.state)) & OVER) == 0) {
		if (w.wrong)
			os_store(&w.m.state, s | WAITING);
		else if (!os_cas(&w.m.state, &s, s | WAITING))
			continue;
		os_park(&w.m.state, s | WAITING, MP_NO_DEADLINE);
	}
	sim_join_all();
}

TEST(a_waiter_that_stores_its_mark_is_caught)
{
	both(wait_root);
}

/* ---- one notice for many events: tell, fence, look */

#define SENT 1u

static void
drain(void *arg)
{
	(void)arg;
	for (;;) {
		while (os_load_acquire(&w.state) == 0)
			os_park(&w.state, 0, MP_NO_DEADLINE);
		if (os_xchg(&w.state, 0) != SENT)
			return;
		w.seen = os_load(&w.events);
	}
}

static void
notify_root(void *arg)
{
	uint32_t idle;

	begin(arg);
	sim_start(drain, NULL);
	for (uint32_t i = 1; i <= 3; i++) {
		os_store(&w.events, i);
		if (!w.wrong)
			os_fence();
		if (os_load(&w.state) != 0)
			continue;
		idle = 0;
		if (os_cas(&w.state, &idle, SENT))
			os_wake(&w.state, 1);
	}
	do {
		os_relax();
		idle = 0;
	} while (!os_cas(&w.state, &idle, SENT + 1));
	os_wake(&w.state, 1);
	sim_join_all();
	SIM_EQ(w.seen, 3);
}

TEST(a_notice_without_its_fence_is_caught)
{
	both(notify_root);
}

/* ---- what is over belongs to its sender */

static void
reply(void *arg)
{
	uint32_t waited = os_load(&w.m.waited);

	(void)arg;
	os_xchg(&w.m.state, OVER);
	if (w.wrong)
		waited = os_load(&w.m.waited);
	if (waited == 0)
		os_wake(&w.m.state, 1);
}

static void
gone_root(void *arg)
{
	begin(arg);
	sim_start(reply, NULL);
	while (os_load_acquire(&w.m.state) != OVER)
		os_park(&w.m.state, 0, MP_NO_DEADLINE);
	sim_dead(&w.m, sizeof(w.m));
	sim_join_all();
	sim_alive(&w.m, sizeof(w.m));
}

TEST(a_replier_that_touches_what_is_over_is_caught)
{
	both(gone_root);
}

/* The same by a plain store, which is seen only by what it leaves. */
static void
scribble(void *arg)
{
	(void)arg;
	os_xchg(&w.m.state, OVER);
	if (w.wrong)
		w.m.waited = 1;
	os_wake(&w.m.state, 1);
}

static void
scribble_root(void *arg)
{
	begin(arg);
	sim_start(scribble, NULL);
	while (os_load_acquire(&w.m.state) != OVER)
		os_park(&w.m.state, 0, MP_NO_DEADLINE);
	sim_dead(&w.m, sizeof(w.m));
	sim_join_all();
	sim_alive(&w.m, sizeof(w.m));
}

TEST(a_replier_that_scribbles_is_caught)
{
	both(scribble_root);
	CHECK(sim_exhaust(scribble_root, NULL, -1) > 1);
	CHECK(sim_catches(scribble_root, &w, 0));
}

/* ---- a lock that is taken twice, a sleep without end, a thread left */

static void
twice_root(void *arg)
{
	begin(arg);
	os_lock(&w.lock);
	if (w.wrong)
		os_lock(&w.lock);
	os_unlock(&w.lock);
}

static void
endless_root(void *arg)
{
	begin(arg);
	while (w.wrong)
		os_relax();
}

TEST(threads_that_never_end_are_caught)
{
	both(twice_root);
	both(endless_root);
}

/* ---- litmus: which of the four outcomes are there? */

static void
store_x(void *arg)
{
	os_store(&w.x, 1);
	if (arg != NULL)
		os_fence();
	w.a = os_load(&w.y);
}

static void
litmus_root(void *arg)
{
	begin(arg);
	sim_start(store_x, arg);
	os_store(&w.y, 1);
	if (arg != NULL)
		os_fence();
	w.b = os_load(&w.x);
	sim_join_all();
	w.outcome |= 1u << (2 * w.a + w.b);
}

TEST(loads_pass_stores_but_not_fences)
{
	sim_seeds(litmus_root, NULL, SEEDS);
	CHECK_EQ(w.outcome, 0xf);
	w.outcome = 0;
	sim_seeds(litmus_root, &w, SEEDS);
	CHECK_EQ(w.outcome, 0xe);
	w.outcome = 0;
	CHECK(sim_exhaust(litmus_root, NULL, -1) > 1);
	CHECK_EQ(w.outcome, 0xf);
	w.outcome = 0;
	CHECK(sim_exhaust(litmus_root, &w, -1) > 1);
	CHECK_EQ(w.outcome, 0xe);
}

static void
pass_message(void *arg)
{
	(void)arg;
	os_store(&w.x, 1);
	os_store(&w.y, 1);
}

static void
message_root(void *arg)
{
	begin(arg);
	sim_start(pass_message, NULL);
	w.a = os_load(&w.y);
	w.b = os_load(&w.x);
	sim_join_all();
	w.outcome |= 1u << (2 * w.a + w.b);
}

TEST(stores_keep_their_order)
{
	w.outcome = 0;
	sim_seeds(message_root, NULL, SEEDS);
	CHECK_EQ(w.outcome, 0xb);
	w.outcome = 0;
	sim_exhaust(message_root, NULL, -1);
	CHECK_EQ(w.outcome, 0xb);
}

static void
overwrite(void *arg)
{
	(void)arg;
	os_store(&w.x, 2);
}

static void
own_store_root(void *arg)
{
	begin(arg);
	sim_start(overwrite, NULL);
	os_store(&w.x, 1);
	w.a = os_load(&w.x);
	sim_join_all();
	w.outcome |= 1u << w.a;
}

TEST(a_store_may_be_overwritten_before_its_thread_looks)
{
	w.outcome = 0;
	sim_seeds(own_store_root, NULL, SEEDS);
	CHECK_EQ(w.outcome, 0x6);
	w.outcome = 0;
	sim_exhaust(own_store_root, NULL, -1);
	CHECK_EQ(w.outcome, 0x6);
}

/* ---- the same seed is the same run */

static void
sum_root(void *arg)
{
	begin(arg);
	sim_start(store_x, NULL);
	os_store(&w.y, 1);
	w.b = os_load(&w.x);
	sim_join_all();
	w.outcome =
		w.outcome * 31 + (uint32_t)sim->random + (uint32_t)sim->steps;
}

TEST(a_seed_replays_exactly)
{
	uint32_t first;

	w.outcome = 0;
	sim_seeds(sum_root, NULL, 100);
	first = w.outcome;
	w.outcome = 0;
	sim_seeds(sum_root, NULL, 100);
	CHECK_EQ(first, w.outcome);
}
