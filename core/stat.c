/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Attached counters; their bit in the gate leads the agents here. */
#include <msgport/stat.h>
#include "state.h"

static void
add(uint64_t *counter, uint64_t n)
{
	__atomic_fetch_add(counter, n, __ATOMIC_RELAXED);
}

void
stat_inline(struct mp_port *p, uint64_t ns)
{
	struct mp_stat *stat = __atomic_load_n(&p->stat, __ATOMIC_ACQUIRE);
	uint32_t i = 0;

	if (stat == NULL)
		return;
	while (i < MP_STAT_BUCKETS - 1 && ns >> i != 0)
		i++;
	add(&stat->inlined, 1);
	add(&stat->time_ns, ns);
	add(&stat->bucket[i], 1);
}

void
stat_queued(struct mp_port *p)
{
	struct mp_stat *stat = __atomic_load_n(&p->stat, __ATOMIC_ACQUIRE);

	if (stat != NULL)
		add(&stat->queued, 1);
}

void
mp_port_attach(struct mp_port *p, struct mp_stat *stat)
{
	os_lock(&p->lock);
	__atomic_store_n(&p->stat, stat, __ATOMIC_RELEASE);
	if (stat != NULL)
		os_fetch_or(&p->flags, GATE_STAT);
	else
		os_fetch_and(&p->flags, ~GATE_STAT);
	os_unlock(&p->lock);
}
