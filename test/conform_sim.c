/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What the conformance suite needs of a machine, of the simulated one. */
#include "conform.h"
#include "os_sim.h"

#include <stdlib.h>

_Static_assert(C_OWN_WAKE == SIM_OWN_WAKE, "counted nowhere");

/* Not 0, which is nobody. */
uint32_t
c_thread_id(void)
{
	return sim->me + 1;
}

/*
 * Gives way, or else goes on at once: who looks again and again is not always
 * the last to run.
 */
void
c_yield(void)
{
	if (sim_choose(4) != 0)
		os_relax();
	else
		sim_point();
}

/* Who waits for a lock is not parked. */
bool
c_sleeps(uint32_t thread, uint32_t *ended)
{
	while (os_load_acquire(ended) == 0) {
		if (sim->thread[thread - 1].status == SIM_PARKED)
			return true;
		os_relax();
	}
	return false;
}

void *
c_page_get(size_t size)
{
	void *page = malloc(size);

	CHECK(page != NULL);
	return page;
}

void
c_page_kill(void *page, size_t size)
{
	sim_dead(page, size);
}

void
c_page_put(void *page, size_t size)
{
	sim_alive(page, size);
	free(page);
}

uint32_t
c_wakes(void)
{
	return sim->thread[sim->me].wakes;
}

void
c_migrate(uint32_t n)
{
	if (!sim->one_cpu)
		sim->thread[sim->me].cpu = (int32_t)(n % 2);
}

void
c_disturb(uint32_t thread)
{
	sim_point();
	if (sim->thread[thread - 1].status == SIM_PARKED)
		sim_wake(thread - 1, false);
}

bool
c_makes_no_system_call(struct c_client *cl, struct c_item *it)
{
	(void)cl;
	(void)it;
	sim_fail("a simulated thread has no system to call");
}

/* The run's own. */
uint32_t
c_random(uint32_t *seed)
{
	(void)seed;
	return sim_random();
}
