/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "actor.h"

void
actor_start(struct actor *a, void (*run)(void *))
{
	CHECK_EQ(os_thread_start(&a->thread, run, a), 0);
	c_await(&a->begun, 1);
}

void
actor_begin(struct actor *a)
{
	os_store(&a->tid, c_thread_id());
	c_post(&a->begun);
}

void
actor_call(void *actor)
{
	struct actor *a = actor;

	actor_begin(a);
	a->code = mp_call(a->to, &a->m);
	c_post(&a->ended);
}

static void
serve(void *arg)
{
	struct actor *a = arg;
	struct mp_msg *m;

	actor_begin(a);
	while ((m = mp_recv(&a->p)) != NULL)
		mp_reply(m, (int)m->op);
}

void
actor_serve_start(struct actor *a)
{
	mp_port_init_queue(&a->p, a);
	actor_start(a, serve);
}

void
actor_serve_stop(struct actor *a)
{
	mp_port_close(&a->p);
	os_thread_join(&a->thread);
	mp_port_fini(&a->p);
}
