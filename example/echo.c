/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The smallest service, twice: as a function that runs in the caller's thread,
 * and as a thread that receives, works and replies.
 */
#include <msgport/agent.h>

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define ECHO 1

struct echo {
	struct mp_msg msg;
	const char *in;
	char out[32];
};

static int
echo(struct mp_port *port, struct mp_msg *msg)
{
	struct echo *m = MP_CONTAINER(msg, struct echo, msg);
	size_t len = strlen(m->in);

	(void)port;
	if (msg->op != ECHO)
		return -ENOSYS;
	if (len >= sizeof(m->out))
		return -EMSGSIZE;
	memcpy(m->out, m->in, len + 1);
	return (int)len;
}

/* Ends when the port is closed: mp_recv() gives NULL. */
static void *
serve(void *arg)
{
	struct mp_port *port = arg;
	struct mp_msg *msg;

	while ((msg = mp_recv(port)) != NULL)
		mp_reply(msg, echo(port, msg));
	return NULL;
}

static void
ask(const char *where, struct mp_port *port)
{
	struct echo m = { .msg = MP_MSG(ECHO), .in = "hello" };
	struct echo wrong = { .msg = MP_MSG(ECHO + 1), .in = "hello" };
	int code = mp_call(port, &m.msg);

	printf("%s: %d %s, ", where, code, m.out);
	code = mp_call(port, &wrong.msg);
	printf("unknown: %s\n", code == -ENOSYS ? "ENOSYS" : "?");
}

int
main(void)
{
	struct mp_port call, queue;
	pthread_t server;

	mp_port_init_call(&call, echo, NULL);
	mp_port_init_queue(&queue, NULL);
	if (pthread_create(&server, NULL, serve, &queue) != 0)
		return 1;

	ask("call", &call);
	ask("queue", &queue);

	mp_port_close(&queue);
	pthread_join(server, NULL);
	mp_port_fini(&queue);
	mp_port_fini(&call);
	return 0;
}
