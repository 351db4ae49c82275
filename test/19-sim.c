/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The contract on the simulated machine: each test of the suite that takes two
 * threads with any target, over all kinds of target, verbs, reply ports and
 * parity modes that it fits.  The seed chooses among these in turn, so that
 * each has as many schedules as any other.
 */
#include "conform.h"
#include "os_sim.h"

#include <stdlib.h>
#include <string.h>

/* What instruments takes its time. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || \
	defined(T_COVER)
#define SEEDS 1000
#else
#define SEEDS 10000
#endif
#define PAIRS_MAX 2048
/* What no target can in a parity mode. */
#define PLAIN_ONLY (C_INLINE | C_LOCKFREE | C_DROPS | C_COUNTS)

static const struct {
	const char *test, *why;
} left_out[] = {
	{ "an_inline_call_makes_no_system_call", "one thread, one system" },
	{ "what_is_answered_inline_is_delivered_before_send_returns",
	  "one thread, whatever the target" },
	{ "a_send_without_a_reply_port_is_einval", "no other thread is asked" },
	{ "a_call_that_is_late_is_not_sent", "no other thread is asked" },
};

static struct c_case pair[PAIRS_MAX];
static uint32_t runs[PAIRS_MAX];
static uint32_t pairs;
static uint64_t trace; /* of the first seed */

static void
root(void *arg)
{
	uint32_t i = (uint32_t)(sim->seed % pairs);
	char name[C_NAME];

	(void)arg;
	conform_name(&pair[i], name, sizeof(name));
	sim_about(name);
	conform_run(&pair[i]);
	runs[i]++;
	if (sim->seed == 0)
		trace = sim->random + 31 * sim->steps;
}

/* Each has its share, of at least `least' in all. */
static bool
is_spread(const uint32_t *n, uint32_t count, uint32_t least)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < count; i++)
		sum += n[i];
	for (uint32_t i = 0; i < count; i++)
		if (n[i] == 0 || n[i] < sum / count)
			return false;
	return sum >= least;
}

TEST(an_uneven_spread_is_noticed)
{
	static const uint32_t even[] = { 3, 3, 4 };
	static const uint32_t uneven[] = { 3, 2, 5 };
	static const uint32_t none[] = { 1, 1, 0 };

	CHECK(is_spread(even, 3, 10));
	CHECK(!is_spread(even, 3, 11));
	CHECK(!is_spread(uneven, 3, 10));
	CHECK(!is_spread(none, 3, 2));
}

static void
one_test(const void *arg)
{
	const struct c_test *test = arg;
	bool parity = false;
	uint64_t first;

	memset(runs, 0, sizeof(runs));
	pairs = 0;
	for (const struct c_kind *const *kind = c_direct; *kind; kind++)
		pairs += conform_cases(*kind, test, &pair[pairs],
				       PAIRS_MAX - pairs);
	for (uint32_t i = 0; i < pairs; i++)
		parity |= pair[i].mode != 0;
	CHECK_EQ(parity,
		 (test->vary & V_MODE) != 0 && (test->need & PLAIN_ONLY) == 0);
	sim_seeds(root, NULL, pairs > SEEDS ? pairs : SEEDS);
	if (getenv("SIM_SEED") != NULL)
		return;
	CHECK(is_spread(runs, pairs, SEEDS));
	/* A seed is the same run whatever has run before. */
	first = trace;
	sim_seeds(root, NULL, 1);
	CHECK_EQ(first, trace);
}

static bool
is_left_out(const struct c_test *test)
{
	for (uint32_t i = 0; i < sizeof(left_out) / sizeof(left_out[0]); i++)
		if (strcmp(left_out[i].test, test->name) == 0)
			return true;
	return false;
}

static uint32_t skipped;

void
t_setup(void)
{
	for (uint32_t i = 0; c_tables[i] != NULL; i++)
		for (const struct c_test *t = c_tables[i]; t->name; t++)
			if (is_left_out(t))
				skipped++;
			else
				t_case(NULL, t->name, one_test, t);
}

TEST(what_is_left_out_is_there)
{
	CHECK_EQ(skipped, sizeof(left_out) / sizeof(left_out[0]));
}
