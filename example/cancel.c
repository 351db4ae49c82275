/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Four ways to end early: the wait's own deadline, cancel, drop, and the
 * message's own deadline, which the thread that has the message must heed.
 */
#include <msgport/agent.h>
#include <msgport/kit.h>

#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#define MS 1000000u /* ns */

static const char *
name(int code)
{
	switch (code) {
	case 0:
		return "0";
	case -ETIMEDOUT:
		return "ETIMEDOUT";
	case -ECANCELED:
		return "ECANCELED";
	case -ETIME:
		return "ETIME";
	case -ENOENT:
		return "ENOENT";
	default:
		return "?";
	}
}

/* Works on each request until it is told to stop. */
static void *
work(void *arg)
{
	struct mp_msg *m;

	while ((m = mp_recv(arg)) != NULL) {
		while (!mp_msg_cancelled(m))
			usleep(1000);
		mp_reply(m, -ECANCELED);
	}
	return NULL;
}

int
main(void)
{
	struct mp_msg m = MP_MSG(1);
	struct mp_port idle, busy, replies;
	pthread_t worker;
	int code;

	mp_port_init_queue(&idle, NULL); /* nobody receives here */
	mp_port_init_queue(&busy, NULL);
	mp_port_init_queue(&replies, NULL);
	if (pthread_create(&worker, NULL, work, &busy) != 0)
		return 1;
	m.reply = &replies;

	mp_send(&idle, &m);
	code = mp_wait_until(&m, mp_clock_now() + 10 * MS);
	printf("wait, 10 ms: %s, done: %d\n", name(code), mp_done(&m));
	mp_cancel(&m);
	printf("cancelled: %s\n", name(mp_wait(&m)));

	mp_send(&idle, &m);
	printf("dropped: %s, ", name(mp_drop(&m)));
	printf("again: %s\n", name(mp_drop(&m)));

	m.deadline_ns = mp_clock_now() + 10 * MS;
	printf("late, queued: %s\n", name(mp_call(&idle, &m)));
	m.deadline_ns = mp_clock_now() + 10 * MS;
	printf("late, held: %s\n", name(mp_call(&busy, &m)));

	mp_port_close(&busy);
	pthread_join(worker, NULL);
	mp_port_fini(&busy);
	mp_port_fini(&idle);
	mp_port_fini(&replies);
	return 0;
}
