/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Queue ports: an owner receives requests, senders fetch replies.
 *
 * One lock a port, held for a few stores.  A sender links, takes one sleeper
 * off the list if there is one, and wakes it after it has let the lock go; so
 * there is at most one wake-up a sleeper and none when nobody sleeps.  A
 * receiver looks under the lock and enters itself in the list under the same
 * hold of it, so none is lost.
 *
 * A reply that its sender waits for in mp_wait() stays on the queue for him:
 * his WAITING bit keeps mp_recv() off it.
 */
#include "state.h"
#include <msgport/agent.h>

void
queue_link(struct mp_queue *q, struct mp_msg *m)
{
	m->next = NULL;
	m->prev = q->tail;
	if (q->tail != NULL)
		q->tail->next = m;
	else
		q->head = m;
	q->tail = m;
}

void
queue_unlink(struct mp_queue *q, struct mp_msg *m)
{
	if (m->prev != NULL)
		m->prev->next = m->next;
	else
		q->head = m->next;
	if (m->next != NULL)
		m->next->prev = m->prev;
	else
		q->tail = m->prev;
	m->next = NULL;
	m->prev = NULL;
}

static struct mp_queue *
queue_of(struct mp_port *p, const struct mp_msg *m)
{
	return &p->request[(m->flags & MP_MSG_PRIORITY) != 0];
}

/* A descriptor stays readable until a receiver finds nothing. */
static void
link_in(struct mp_port *p, struct mp_queue *q, struct mp_msg *m)
{
	queue_link(q, m);
	os_store(&p->pending, p->pending + 1);
	if (p->fd >= 0)
		os_fd_signal(p->fd);
}

static void
link_out(struct mp_port *p, struct mp_queue *q, struct mp_msg *m)
{
	queue_unlink(q, m);
	os_store(&p->pending, p->pending - 1);
}

int
queue_put(struct mp_port *p, struct mp_msg *m)
{
	if ((os_load(&p->flags) & GATE_CLOSED) != 0) {
		port_refused(p, MP_REFUSED_CLOSED);
		return -EPIPE;
	}
	if (p->depth >= p->depth_max) {
		port_refused(p, MP_REFUSED_FULL);
		return -EAGAIN;
	}
	if (!msg_taken(p, m, ST_QUEUED))
		return -ECANCELED;
	link_in(p, queue_of(p, m), m);
	p->depth++;
	if ((os_load(&p->flags) & GATE_STAT) != 0)
		stat_queued(p);
	return EASYNC;
}

static int
queue_send(struct mp_port *p, struct mp_msg *m)
{
	const uint32_t *wake = NULL;
	int code;

	if (agent_is_slow(p, m)) {
		code = agent_check(p, m);
		if (code != 0)
			return code;
		if (parity_takes(p, m))
			return parity_send(p, m);
	}
	os_lock(&p->lock);
	code = queue_put(p, m);
	if (code == EASYNC) {
		note_cpu(&p->peer_cpu, os_cpu());
		wake = sleeper_pop(p, &p->receivers);
	}
	os_unlock(&p->lock);
	wake_one(wake);
	return code;
}

void
queue_reply(struct mp_port *p, struct mp_msg *m)
{
	uint32_t s = msg_leave(m, ST_ENDING);
	const uint32_t *wake;

	os_lock(&p->lock);
	if ((s & ST_COUNTED) != 0)
		count_down(&p->out);
	if ((os_load(&p->flags) & GATE_CLOSED) != 0) {
		s = os_xchg(&m->state, ST_IDLE);
	} else {
		link_in(p, &p->done, m);
		s = os_load(&m->state);
		while (!os_cas(&m->state, &s, ST_REPLIED | (s & ST_WAITING)))
			;
	}
	if ((s & ST_WAITING) != 0) {
		wake = &m->state;
		p->wakes++;
	} else {
		wake = sleeper_pop(p, &p->receivers);
	}
	os_unlock(&p->lock);
	wake_one(wake);
}

int
queue_fetch(struct mp_msg *m)
{
	struct mp_port *p = m->reply;

	os_lock(&p->lock);
	if (phase(os_load(&m->state)) == ST_REPLIED) {
		link_out(p, &p->done, m);
		os_store_release(&m->state, ST_IDLE);
	}
	os_unlock(&p->lock);
	return m->result;
}

struct mp_msg *
queue_get(struct mp_port *p, uint32_t to)
{
	struct mp_msg *m;
	uint32_t s;

	for (int prio = 1; prio >= 0; prio--)
		for (m = p->request[prio].head; m != NULL; m = m->next) {
			s = os_load(&m->state);
			while (phase(s) == ST_QUEUED &&
			       !os_cas(&m->state, &s, with_phase(s, to)))
				;
			if (phase(s) != ST_QUEUED)
				continue;
			link_out(p, &p->request[prio], m);
			p->depth--;
			return m;
		}
	return NULL;
}

const uint32_t *
queue_take_out(struct mp_port *p, struct mp_msg *m)
{
	link_out(p, queue_of(p, m), m);
	p->depth--;
	return sleeper_pop(p, &p->callers);
}

/* Not one that its sender waits for; nobody else changes a REPLIED word. */
static struct mp_msg *
get_reply(struct mp_port *p)
{
	struct mp_msg *m = p->done.head;

	while (m != NULL && os_load(&m->state) != ST_REPLIED)
		m = m->next;
	if (m != NULL) {
		link_out(p, &p->done, m);
		os_store_release(&m->state, ST_IDLE);
	}
	return m;
}

/* Replies before requests: a server's own business never waits for more. */
static struct mp_msg *
get(struct mp_port *p, const uint32_t **wake)
{
	struct mp_msg *m = NULL;

	*wake = NULL;
	if (p->request[1].head == NULL)
		m = get_reply(p);
	if (m == NULL) {
		m = queue_get(p, ST_HELD);
		if (m != NULL)
			*wake = sleeper_pop(p, &p->callers);
	}
	if (m == NULL)
		m = get_reply(p);
	return m;
}

static void
note_owner(struct mp_port *p)
{
	uintptr_t self = os_self();
	uintptr_t owner = os_load_word(&p->owner);

	if (owner != self && owner != OWNER_MANY)
		os_store_word(&p->owner, owner == 0 ? self : OWNER_MANY);
}

/*
 * While the last sender is known to run elsewhere, more may come at once; so
 * it looks before it takes the lock, which that sender is about to want.
 */
static void
spin(struct mp_port *p)
{
	if (!runs_elsewhere(p, &p->peer_cpu))
		return;
	for (int i = 0; i < MP_SPIN_MAX; i++) {
		if (os_load(&p->pending) != 0 ||
		    (os_load(&p->flags) & GATE_CLOSED) != 0)
			return;
		os_relax();
	}
	note_cpu(&p->peer_cpu, -1);
}

/* Under the lock: a message, or why there is none. */
static int
receive(struct mp_port *p, uint64_t deadline_ns, struct mp_msg **m)
{
	struct mp_sleeper me = { 0 };
	const uint32_t *wake = NULL;
	bool in_time = true;
	int code = 0;

	for (;;) {
		note_cpu(&p->cpu, os_cpu());
		*m = get(p, &wake);
		if (*m != NULL)
			break;
		code = -EPIPE;
		if ((os_load(&p->flags) & GATE_CLOSED) != 0)
			break;
		code = -ETIMEDOUT;
		if (!in_time)
			break;
		note_cpu(&p->cpu, -1);
		in_time = sleeper_park(p, &p->receivers, &me, deadline_ns);
	}
	os_unlock(&p->lock);
	wake_one(wake);
	return *m != NULL ? 0 : code;
}

int
mp_recv_until(struct mp_port *p, uint64_t deadline_ns, struct mp_msg **out)
{
	struct mp_msg *m;
	int code;

	do {
		spin(p);
		os_lock(&p->lock);
		note_owner(p);
		code = receive(p, deadline_ns, &m);
	} while (m != NULL && msg_is_over(m));
	if (m != NULL)
		*out = m;
	return code;
}

struct mp_msg *
mp_recv(struct mp_port *p)
{
	struct mp_msg *m = NULL;

	(void)mp_recv_until(p, MP_NO_DEADLINE, &m);
	return m;
}

struct mp_msg *
mp_tryrecv(struct mp_port *p)
{
	const uint32_t *wake;
	struct mp_msg *m;

	do {
		os_lock(&p->lock);
		note_owner(p);
		note_cpu(&p->cpu, os_cpu());
		m = get(p, &wake);
		/* A closed port stays readable, for all who poll. */
		if (m == NULL && p->fd >= 0 &&
		    (os_load(&p->flags) & GATE_CLOSED) == 0)
			os_fd_clear(p->fd);
		os_unlock(&p->lock);
		wake_one(wake);
	} while (m != NULL && msg_is_over(m));
	return m;
}

/* A thread that would wait for room in its own queue waits for itself. */
int
queue_wait_room(struct mp_port *p, uint64_t deadline_ns)
{
	struct mp_sleeper me = { 0 };
	struct sleep sleep = { .self = os_self(), .port = p, .at = &me };
	int code = sleep_enter(&sleep);
	const uint32_t *wake = NULL;

	os_lock(&p->lock);
	if ((os_load(&p->flags) & GATE_CLOSED) != 0)
		code = -EPIPE;
	else if (code == 0 && !sleep.broken && p->depth >= p->depth_max &&
		 !sleeper_park(p, &p->callers, &me, deadline_ns))
		code = -ETIMEDOUT;
	if (sleep.broken)
		code = -EDEADLK;
	/* This one may not use the room after all. */
	if (p->depth < p->depth_max)
		wake = sleeper_pop(p, &p->callers);
	os_unlock(&p->lock);
	wake_one(wake);
	sleep_leave(&sleep);
	return code;
}

int
queue_room(struct mp_port *p, uint64_t deadline_ns)
{
	if ((os_load(&p->flags) & GATE_PARITY) != 0)
		return parity_room(p, deadline_ns);
	return queue_wait_room(p, deadline_ns);
}

void
mp_port_init_queue(struct mp_port *p, void *data)
{
	static const struct mp_port_ops ops = {
		.kind = "queue",
		.reply = queue_reply,
		.cancel = parity_cancel,
		.room = queue_room,
	};

	port_init(p, &ops, queue_send);
	p->data = data;
}
