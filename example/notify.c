/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Coalesced notification: many events, one static message.
 *
 * Whoever has an event counts it and sends the message, unless that is out
 * already.  The reader replies before it looks at the count: an event that
 * comes later then finds the message idle and sends it again, so none is
 * missed, and the queue never holds more than the one message.
 */
#include <msgport/agent.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#define EVENTS 10000u

struct source {
	struct mp_msg msg;
	struct mp_port *reader;
	atomic_uint events; /* not yet seen */
};

/* 1 if it took a message, 0 if the one on its way will do. */
static int
event(struct source *s)
{
	atomic_fetch_add(&s->events, 1);
	return mp_msg_notify(s->reader, &s->msg) == 0;
}

/* Waits for a notification; the number of events since the last. */
static unsigned int
drain(struct source *s)
{
	struct mp_msg *msg = mp_recv(s->reader);

	mp_reply(msg, 0);
	return atomic_exchange(&s->events, 0);
}

static void *
produce(void *arg)
{
	for (unsigned int i = 0; i < EVENTS; i++)
		event(arg);
	return NULL;
}

int
main(void)
{
	struct mp_port reader, nowhere;
	struct source s = { .msg = MP_MSG(1), .reader = &reader };
	unsigned int seen = 0;
	pthread_t producer;
	int sent;

	mp_port_init_queue(&reader, NULL);
	mp_port_init_discard(&nowhere);
	s.msg.reply = &nowhere;

	sent = event(&s) + event(&s) + event(&s);
	printf("3 events, %d message, %u drained\n", sent, drain(&s));

	if (pthread_create(&producer, NULL, produce, &s) != 0)
		return 1;
	while (seen < EVENTS)
		seen += drain(&s);
	pthread_join(producer, NULL);
	printf("%u events, %u seen\n", EVENTS, seen);

	mp_port_fini(&reader);
	mp_port_fini(&nowhere);
	return 0;
}
