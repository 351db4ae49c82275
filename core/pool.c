/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Pools: a queue port that N threads of the user's serve. */
#include "state.h"
#include <msgport/agent.h>

static void
serve(void *arg)
{
	struct mp_port *p = arg;
	struct mp_msg *m;
	int code;

	/* Ends when the port is closed and nothing is left. */
	while ((m = mp_recv(p)) != NULL) {
		code = p->handler(p, m);
		if (code != EASYNC)
			msg_end(m, code);
	}
}

void
mp_pool_init(struct mp_pool *pool, mp_handler_fn *handler, void *data)
{
	mp_port_init_queue(&pool->port, data);
	pool->port.handler = handler;
	pool->thread = NULL;
	pool->threads = 0;
}

int
mp_pool_start(struct mp_pool *pool, struct mp_thread *thread, uint32_t threads)
{
	int code = 0;

	if (threads != 1)
		os_store_word(&pool->port.owner, OWNER_MANY);
	pool->thread = thread;
	while (code == 0 && pool->threads < threads) {
		code = os_thread_start(&thread[pool->threads], serve,
				       &pool->port);
		pool->threads += code == 0;
	}
	if (code != 0)
		mp_pool_stop(pool);
	return code;
}

void
mp_pool_stop(struct mp_pool *pool)
{
	mp_port_close(&pool->port);
	while (pool->threads != 0)
		os_thread_join(&pool->thread[--pool->threads]);
	mp_port_fini(&pool->port);
}
