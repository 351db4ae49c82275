/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Ending a message early: cancel, its own deadline, drop.
 *
 * A queued request is won by one compare-and-swap, taken off its queue and
 * completed.  For a held one a flag is set, and the holder's port is told if
 * it has a cancel operation: under the gate, which every ender of a cancelled
 * message of such a port passes, so that neither the message nor the port
 * goes away under the hook.
 */
#include "state.h"

bool
msg_claim(struct mp_msg *m, uint32_t *s, uint32_t add)
{
	while (phase(*s) == ST_QUEUED)
		if (os_cas(&m->state, s, with_phase(*s | add, ST_ENDING)))
			return true;
	return false;
}

static void
take_out(struct mp_msg *m)
{
	struct mp_port *p = m->target;
	const uint32_t *wake;

	os_lock(&p->lock);
	wake = queue_take_out(p, m);
	os_unlock(&p->lock);
	wake_one(wake);
}

void
msg_end_claimed(struct mp_msg *m, int result)
{
	take_out(m);
	msg_end(m, result);
}

/*
 * Sets the flags of a message that runs or is held, and tells its holder of
 * each that is new: an ender who has passed the gate finds the word changed.
 * False if the message turned out to be queued.
 */
static bool
tell(struct mp_msg *m, uint32_t add)
{
	bool entered = gate_enter();
	uint32_t s = os_load(&m->state);
	struct mp_port *target;

	while (phase(s) != ST_IDLE && phase(s) < ST_ENDING &&
	       phase(s) != ST_QUEUED && (s & add) != add) {
		if (!os_cas(&m->state, &s, s | add))
			continue;
		target = target_of(m);
		if (phase(s) == ST_HELD && (s & ST_FORWARD) == 0 &&
		    target->ops->cancel != NULL)
			target->ops->cancel(target, m);
		break;
	}
	gate_leave(entered);
	return phase(s) != ST_QUEUED;
}

static void
end_early(struct mp_msg *m, uint32_t flags)
{
	uint32_t s;

	do {
		s = os_load(&m->state);
		if (phase(s) == ST_IDLE || phase(s) >= ST_ENDING)
			return;
		if (msg_claim(m, &s, flags)) {
			msg_end_claimed(m, -ECANCELED);
			return;
		}
	} while (!tell(m, flags));
}

void
mp_cancel(struct mp_msg *m)
{
	end_early(m, ST_CANCEL);
}

void
msg_expire(struct mp_msg *m)
{
	end_early(m, ST_CANCEL | ST_EXPIRED);
}

bool
msg_is_over(struct mp_msg *m)
{
	if (m->deadline_ns == 0 || phase(os_load(&m->state)) != ST_HELD ||
	    os_now_ns() < m->deadline_ns)
		return false;
	msg_end(m, -ETIME);
	return true;
}

int
mp_drop(struct mp_msg *m)
{
	uint32_t s = os_load(&m->state);
	struct mp_port *target;

	if (!msg_claim(m, &s, 0))
		return -ENOENT;
	target = m->target;
	take_out(m);
	if ((s & ST_COUNTED) != 0)
		count_down(&m->reply->out);
	(void)msg_leave(m, ST_IDLE);
	count_down(&target->held[(s & ST_EPOCH) != 0]);
	return 0;
}
