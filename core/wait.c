/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Waiting for one message.
 *
 * The sleeper sets WAITING by compare-and-swap on the very word it then sleeps
 * on, and the completer's exchange of that word tells him whether to wake: no
 * order of the two loses the wake-up.  model/wake.pml checks it.
 *
 * It spins first, boundedly, only when the agent that took the message said
 * that the other side runs on another CPU.
 */
#include "state.h"

static void
spin(const struct mp_msg *m)
{
	for (int i = 0; i < MP_SPIN_MAX; i++) {
		if (phase(os_load(&m->state)) != ST_QUEUED &&
		    phase(os_load(&m->state)) != ST_HELD)
			return;
		os_relax();
	}
}

static uint64_t
sooner(uint64_t a_ns, uint64_t b_ns)
{
	if (a_ns == MP_NO_DEADLINE)
		return b_ns;
	return b_ns != MP_NO_DEADLINE && b_ns < a_ns ? b_ns : a_ns;
}

/* Sleeps once at most; -ETIMEDOUT when the time was up. */
static int
sleep_on(struct mp_msg *m, uint32_t s, uint64_t deadline_ns)
{
	struct sleep sleep = { .self = os_self(), .msg = m };
	int code;

	if ((s & ST_WAITING) == 0 && !os_cas(&m->state, &s, s | ST_WAITING))
		return 0;
	code = sleep_enter(&sleep);
	if (code == 0)
		code = os_park(&m->state, s | ST_WAITING, deadline_ns);
	sleep_leave(&sleep);
	return code == -ETIMEDOUT ? code : 0;
}

/* True if the message is still out and nobody counts on this waiter now. */
static bool
stop_waiting(struct mp_msg *m)
{
	uint32_t s = os_load(&m->state);

	do {
		if (phase(s) != ST_QUEUED && phase(s) != ST_HELD &&
		    phase(s) != ST_ENDING)
			return false;
	} while (!os_cas(&m->state, &s, s & ~ST_WAITING));
	return true;
}

/* Can a waiter be told?  Only by the message itself, or by a queue. */
static bool
is_waitable(const struct mp_msg *m, uint32_t s)
{
	if (phase(s) == ST_ARMED || phase(s) == ST_RUN)
		return false;
	return (s & ST_SYNC) != 0 || m->reply == NULL ||
	       m->reply->ops->reply == queue_reply;
}

int
mp_wait_until(struct mp_msg *m, uint64_t deadline_ns)
{
	uint64_t own_ns = m->deadline_ns;
	uint32_t s = os_load_acquire(&m->state);

	if ((s & ST_SPIN) != 0)
		spin(m);
	for (;;) {
		s = os_load_acquire(&m->state);
		switch (phase(s)) {
		case ST_IDLE:
			return m->result;
		case ST_REPLIED:
			return queue_fetch(m);
		case ST_GRANTED:
			serial_granted(m);
			continue;
		}
		if (!is_waitable(m, s))
			return -EINVAL;
		if (sleep_on(m, s, sooner(deadline_ns, own_ns)) == 0)
			continue;
		if (own_ns != 0 && os_now_ns() >= own_ns) {
			own_ns = MP_NO_DEADLINE;
			msg_expire(m);
		} else if (stop_waiting(m)) {
			return -ETIMEDOUT;
		}
	}
}

int
mp_wait(struct mp_msg *m)
{
	return mp_wait_until(m, MP_NO_DEADLINE);
}
