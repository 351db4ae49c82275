/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Serial ports: the handler runs in the sender's thread, one at a time.
 *
 * p->serial is FREE, INSIDE (a thread runs the handler), or MORE (and the
 * queue is not empty).  An idle port costs two exchanges: in and out.  Who
 * comes while somebody is inside spins a little if it will wait anyhow, and
 * else leaves the message in the queue; MORE is set and cleared only under the
 * port's lock, so the one inside cannot leave without having seen it.
 *
 * The one inside runs what was queued before it leaves, MP_SERIAL_RUN_MAX
 * messages at most; then it hands the port to the first queued sender that
 * sleeps for its message, which becomes GRANTED, and runs it and goes on in
 * the same way.  When nobody sleeps there, nobody could take over, and it goes
 * on itself.
 *
 * FIFO: nobody gets in past the queue, since the port is not FREE while
 * anything is queued.
 */
#include "state.h"
#include <msgport/agent.h>

#define SERIAL_FREE 0u
#define SERIAL_INSIDE 1u
#define SERIAL_MORE 2u
#define SERIAL_SPIN 200 /* turns */

/* A message from the queue; its sender is not, or no longer, running. */
static void
run_taken(struct mp_port *p, struct mp_msg *m)
{
	int code;

	if (msg_is_over(m))
		return;
	code = p->handler(p, m);
	if (code != EASYNC)
		msg_end(m, code);
}

/* Under the lock: the first sender that sleeps for its message, or NULL. */
static struct mp_msg *
grant(const struct mp_queue *q)
{
	struct mp_msg *m;
	uint32_t s;

	for (m = q->head; m != NULL; m = m->next) {
		s = os_load(&m->state);
		while (phase(s) == ST_QUEUED && (s & ST_WAITING) != 0)
			if (os_cas(&m->state, &s, with_phase(s, ST_GRANTED)))
				return m;
	}
	return NULL;
}

/*
 * What is next: a message for this thread to run, or NULL.  The port may have
 * been given to a sleeping sender then, and is not this thread's any more.
 */
static struct mp_msg *
next_inside(struct mp_port *p, int ran, bool *given)
{
	const uint32_t *caller = NULL;
	const uint32_t *heir = NULL;
	struct mp_msg *m;

	os_lock(&p->lock);
	m = NULL;
	for (int i = 1; i >= 0 && m == NULL && ran >= MP_SERIAL_RUN_MAX; i--)
		m = grant(&p->request[i]);
	*given = m != NULL;
	if (*given) {
		caller = queue_take_out(p, m);
		heir = &m->state;
		m = NULL;
		p->wakes++;
	} else {
		m = queue_get(p, ST_HELD);
		caller = m != NULL ? sleeper_pop(&p->callers) : NULL;
		if (m == NULL || p->depth == 0)
			os_store(&p->serial, SERIAL_INSIDE);
		os_store_word(&p->owner, os_self());
	}
	os_unlock(&p->lock);
	wake_one(heir);
	wake_one(caller);
	return m;
}

static void
leave(struct mp_port *p)
{
	uint32_t inside;
	struct mp_msg *m;
	bool given;

	for (int ran = 0;; ran++) {
		os_store_word(&p->owner, 0);
		inside = SERIAL_INSIDE;
		if (os_cas(&p->serial, &inside, SERIAL_FREE))
			return;
		m = next_inside(p, ran, &given);
		if (given)
			return;
		if (m != NULL)
			run_taken(p, m);
	}
}

/* By the sender of a GRANTED message, which has the port now. */
void
serial_granted(struct mp_msg *m)
{
	struct mp_port *p = m->target;
	uint32_t s = os_load(&m->state);

	os_store_word(&p->owner, os_self());
	set_cpu(&p->cpu, os_cpu());
	while (!os_cas(&m->state, &s, with_phase(s & ~ST_WAITING, ST_HELD)))
		;
	run_taken(p, m);
	leave(p);
}

static int
enter(struct mp_port *p, struct mp_msg *m)
{
	uint64_t start_ns = 0;
	int code;

	os_store_word(&p->owner, os_self());
	set_cpu(&p->cpu, os_cpu());
	agent_start(p, m);
	if (os_load(&p->gate) != 0)
		start_ns = os_now_ns();
	code = mp_agent_end(m, p->handler(p, m));
	if (start_ns != 0)
		stat_inline(p, os_now_ns() - start_ns);
	leave(p);
	return code;
}

/* Under the lock: true if the port was free after all and is this thread's. */
static bool
announce(struct mp_port *p)
{
	uint32_t s = os_load(&p->serial);

	while (s != SERIAL_MORE) {
		if (os_cas(&p->serial, &s,
			   s == SERIAL_FREE ? SERIAL_INSIDE : SERIAL_MORE))
			return s == SERIAL_FREE;
	}
	return false;
}

static bool
spin_in(struct mp_port *p)
{
	uint32_t free;

	if (!runs_elsewhere(p, &p->cpu))
		return false;
	for (int i = 0; i < SERIAL_SPIN; i++) {
		free = SERIAL_FREE;
		if (os_load(&p->serial) == SERIAL_FREE &&
		    os_cas(&p->serial, &free, SERIAL_INSIDE))
			return true;
		os_relax();
	}
	return false;
}

static int
busy(struct mp_port *p, struct mp_msg *m)
{
	bool sync = (os_load(&m->state) & ST_SYNC) != 0 || m->reply == NULL;
	int code;

	if (os_load_word(&p->owner) == os_self()) {
		port_refused(p, MP_REFUSED_REENTRANT);
		if (sync)
			return -EDEADLK;
	} else if (sync && spin_in(p)) {
		return enter(p, m);
	} else {
		port_refused(p, MP_REFUSED_BUSY);
	}
	os_lock(&p->lock);
	if (announce(p)) {
		os_unlock(&p->lock);
		return enter(p, m);
	}
	code = queue_put(p, m);
	os_unlock(&p->lock);
	return code;
}

static int
serial_send(struct mp_port *p, struct mp_msg *m)
{
	uint32_t free = SERIAL_FREE;
	int code;

	if (agent_is_slow(p, m) || (p->flags & MP_PORT_MAY_BLOCK) != 0 ||
	    os_stack_is_low(MP_STACK_MIN)) {
		code = agent_inline_check(p, m);
		if (code != 0)
			return code;
		if (parity_takes(p, m))
			return parity_send(p, m);
	}
	if (os_cas(&p->serial, &free, SERIAL_INSIDE))
		return enter(p, m);
	return busy(p, m);
}

void
mp_port_init_serial(struct mp_port *p, mp_handler_fn *handler, void *data)
{
	static const struct mp_port_ops ops = {
		.kind = "serial",
		.reply = port_no_reply,
		.cancel = parity_cancel,
		.room = queue_room,
	};

	port_init(p, &ops, serial_send);
	p->handler = handler;
	p->data = data;
}
