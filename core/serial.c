/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Serial ports: the handler runs in the sender's thread, one at a time.
 *
 * p->serial is FREE, or INSIDE (a thread runs the handler), or INSIDE | MORE
 * (and the queue is not empty).  An idle port costs two locked instructions:
 * in and out.  Who comes while somebody is inside spins a little if it will
 * wait anyhow, and else leaves the message in the queue; MORE is set and
 * cleared only under the port's lock.  Whoever leaves and finds MORE alone has
 * not left: nobody gets in while it is set, and he goes in again.
 *
 * The one inside runs what was queued before it leaves, MP_SERIAL_RUN_MAX
 * messages at most; then it hands the port to the sender of what is next, if
 * he sleeps for it: the message becomes GRANTED, and he runs it and goes on in
 * the same way.  If he does not sleep he could not take over, and the one
 * inside runs that message too and looks again.
 *
 * FIFO: nobody gets in past the queue, since the port is not FREE while
 * anything is queued.
 */
#include "state.h"
#include <msgport/agent.h>

#define SERIAL_FREE 0u
#define SERIAL_INSIDE 1u
#define SERIAL_MORE 2u
#define SERIAL_SPIN 14 /* looks, further and further apart */
#define GIVEN ((struct mp_msg *)1)

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

/*
 * Under the lock: what comes next, if its sender sleeps for it.  Only that, or
 * a message would overtake another of its sender.
 */
static struct mp_msg *
grant(const struct mp_port *p)
{
	const struct mp_queue *q = &p->request[p->request[1].head != NULL];
	struct mp_msg *m;
	uint32_t s;

	for (m = q->head; m != NULL; m = m->next) {
		s = os_load(&m->state);
		while (phase(s) == ST_QUEUED && (s & ST_WAITING) != 0)
			if (os_cas(&m->state, &s, with_phase(s, ST_GRANTED)))
				return m;
		/* Else an ender has it, and takes it out. */
		if (phase(s) == ST_QUEUED)
			return NULL;
	}
	return NULL;
}

/*
 * What is next: a message, HELD, for this thread to run; NULL, there is none;
 * or GIVEN, the port is another thread's now.
 */
static struct mp_msg *
next_inside(struct mp_port *p, int ran)
{
	const uint32_t *caller = NULL;
	const uint32_t *heir = NULL;
	struct mp_msg *m = NULL;

	os_lock(&p->lock);
	if (ran >= MP_SERIAL_RUN_MAX)
		m = grant(p);
	if (m != NULL) {
		heir = &m->state;
		caller = queue_take_out(p, m);
		p->wakes++;
	} else {
		m = queue_get(p, ST_HELD);
		caller = m != NULL ? sleeper_pop(p, &p->callers) : NULL;
		os_store_word(&p->owner, os_self());
	}
	os_store(&p->serial, m != NULL && queue_depth(p) != 0 ?
				     SERIAL_INSIDE | SERIAL_MORE :
				     SERIAL_INSIDE);
	os_unlock(&p->lock);
	wake_one(heir);
	wake_one(caller);
	return heir != NULL ? GIVEN : m;
}

/* By the one inside, with MORE set; he is still inside. */
static __attribute__((__noinline__)) void
run_queue(struct mp_port *p)
{
	struct mp_msg *m;

	for (int ran = 0;; ran++) {
		m = next_inside(p, ran);
		if (m == GIVEN)
			return;
		if (m != NULL)
			run_taken(p, m);
		os_store_word(&p->owner, 0);
		if (os_fetch_add(&p->serial, -SERIAL_INSIDE) == SERIAL_INSIDE)
			return;
	}
}

static inline void
leave(struct mp_port *p)
{
	os_store_word(&p->owner, 0);
	if (os_fetch_add(&p->serial, -SERIAL_INSIDE) != SERIAL_INSIDE)
		run_queue(p);
}

/* By the sender of a GRANTED message, which has the port now. */
void
serial_granted(struct mp_msg *m)
{
	struct mp_port *p = m->target;
	uint32_t s = os_load(&m->state);
	uint32_t *held = &p->held[(s & ST_EPOCH) != 0];

	/* By now the granter has taken the message out of the queue. */
	os_lock(&p->lock);
	os_unlock(&p->lock);
	/* This thread may be no caller of the port's, so it counts itself. */
	os_fetch_add(held, 1);
	os_store_word(&p->owner, os_self());
	set_cpu(&p->inside_cpu, os_cpu());
	while (!os_cas(&m->state, &s, with_phase(s & ~ST_WAITING, ST_HELD)))
		;
	run_taken(p, m);
	leave(p);
	count_down(held);
}

static int
enter_slow(struct mp_port *p, struct mp_msg *m)
{
	int code;

	os_store_word(&p->owner, os_self());
	set_cpu(&p->inside_cpu, os_cpu());
	code = agent_run_slow(p, m);
	leave(p);
	return code;
}

/* Under the lock: true if the port was free after all and is this thread's. */
static bool
announce(struct mp_port *p)
{
	uint32_t s = os_load(&p->serial);

	while ((s & SERIAL_MORE) == 0) {
		if (os_cas(&p->serial, &s,
			   s == SERIAL_FREE ? SERIAL_INSIDE : s | SERIAL_MORE))
			return s == SERIAL_FREE;
	}
	return false;
}

static bool
spin_in(struct mp_port *p)
{
	uint32_t free;

	if (!runs_elsewhere(p, &p->inside_cpu))
		return false;
	for (int i = 0; i < SERIAL_SPIN; i++) {
		free = SERIAL_FREE;
		if (os_load(&p->serial) == SERIAL_FREE &&
		    os_cas(&p->serial, &free, SERIAL_INSIDE))
			return true;
		os_back_off(i, 4);
	}
	return false;
}

static __attribute__((__noinline__)) int
busy(struct mp_port *p, struct mp_msg *m)
{
	uint32_t s = os_load(&m->state);
	/* Who forwards a message does not wait for it. */
	bool sync = (s & ST_FORWARD) == 0 &&
		    ((s & ST_SYNC) != 0 || m->reply == NULL);
	bool again = os_load_word(&p->owner) == os_self();
	int code;

	if (again) {
		port_refused(p, MP_REFUSED_REENTRANT);
		if (sync)
			return -EDEADLK;
	} else if (sync && spin_in(p)) {
		return enter_slow(p, m);
	}
	os_lock(&p->lock);
	if (announce(p)) {
		os_unlock(&p->lock);
		return enter_slow(p, m);
	}
	/* Only now is it sure that it does not run here. */
	if (!again)
		port_refused(p, MP_REFUSED_BUSY);
	/* Where he runs for whom the sender waits. */
	set_cpu(&p->cpu, cpu_at(&p->inside_cpu));
	code = queue_put(p, m);
	os_unlock(&p->lock);
	return code;
}

static __attribute__((__cold__, __noinline__)) int
serial_slow(struct mp_port *p, struct mp_msg *m)
{
	uint32_t free = SERIAL_FREE;
	int code = agent_inline_check(p, m);

	if (code != 0)
		return code;
	if (parity_takes(p, m))
		return parity_send(p, m);
	if (os_cas(&p->serial, &free, SERIAL_INSIDE))
		return enter_slow(p, m);
	return busy(p, m);
}

static int
serial_send(struct mp_port *p, struct mp_msg *m)
{
	uint32_t free = SERIAL_FREE;
	int code;

	if (agent_is_shut(p, m) || os_stack_seems_low())
		return serial_slow(p, m);
	if (!os_cas(&p->serial, &free, SERIAL_INSIDE))
		return busy(p, m);
	os_store_word(&p->owner, os_self());
	set_cpu(&p->inside_cpu, os_cpu());
	agent_start(p, m);
	code = p->handler(p, m);
	if (__builtin_expect(code != EASYNC, 1))
		agent_finish(m, code);
	/* Keeps the compiler from saving &p->serial across the handler. */
	__asm__("" : "+r"(p));
	leave(p);
	return code;
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
