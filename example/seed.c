/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * One client, three ports: one finishes inline, one queues to a thread, one
 * forwards.  client() is the same for all and cannot tell them apart.
 */
#include <msgport/agent.h>
#include <msgport/exec.h>

#include <stdio.h>
#include <string.h>

#define SOME_OP 1

struct some_msg {
	struct mp_msg msg;
	const char *text;
};

static int
client(struct mp_port *port)
{
	int code;

	struct some_msg blah = { .msg = MP_MSG(SOME_OP) };
	blah.text = "message ports";
	code = port->mp_SendMsg(port, &blah.msg);
	if (code == EASYNC)
		code = waitMsg(&blah.msg);
	return code;
}

/* The service: how long is the text? */
static int
measure(struct mp_port *port, struct mp_msg *msg)
{
	const struct some_msg *m = MP_CONTAINER(msg, struct some_msg, msg);

	(void)port;
	return (int)strlen(m->text);
}

static int
pass_on(struct mp_port *port, struct mp_msg *msg)
{
	return mp_forward(port->data, msg);
}

int
main(void)
{
	struct mp_port direct, forward;
	struct mp_thread thread[1];
	struct mp_pool pool;

	mp_port_init_call(&direct, measure, NULL);
	mp_pool_init(&pool, measure, NULL);
	if (mp_pool_start(&pool, thread, 1) != 0)
		return 1;
	mp_port_init_call(&forward, pass_on, &pool.port);

	printf("inline  %d\n", client(&direct));
	printf("queued  %d\n", client(&pool.port));
	printf("forward %d\n", client(&forward));

	mp_port_fini(&forward);
	mp_pool_stop(&pool);
	mp_port_fini(&direct);
	return 0;
}
