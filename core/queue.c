/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Queue ports: an owner receives requests, senders fetch replies.
 *
 * Two locks, each held for a few stores.  A sender of an ordinary request takes
 * `put' alone and links it into the inbox; a receiver takes `lock', and only
 * when it has nothing left also `put', to take over the whole inbox at once.
 * So the two meet once a batch, and what either counts is on its own line.
 * Lock order: `lock', then `put'.  The lists of what was taken over, of
 * priority requests, replies and sleepers are under `lock'; the end of a
 * queued request takes both, since it may be in either place.
 *
 * `sent' counts what was queued and `taken' what has left; `limit' is how far
 * a sender may go without a look at anything else.  A receiver that is about
 * to sleep sets it to `sent', under both locks and with the inbox empty; a
 * close does so too.  So the next sender takes both locks, and finds the port
 * closed or full, or takes one sleeper off the list and wakes it when the locks
 * are free: at most one wake-up a sleeper, none when nobody sleeps, none lost.
 * After he has let the locks go a sender does not touch the port.
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

void
queue_take_over(struct mp_port *p)
{
	struct mp_msg *last = (struct mp_msg *)os_load_word(&p->inbox);
	struct mp_queue *q = &p->request[0];
	struct mp_msg *first;

	if (last == NULL)
		return;
	first = last->next;
	last->next = NULL;
	first->prev = q->tail;
	if (q->tail != NULL)
		q->tail->next = first;
	else
		q->head = first;
	q->tail = last;
	os_store_word(&p->inbox, 0);
	os_store(&p->pending, 1);
}

/* Of an ordinary request, under `put'. */
static void
inbox_link(struct mp_port *p, struct mp_msg *m)
{
	struct mp_msg *last = (struct mp_msg *)os_load_word(&p->inbox);

	m->next = m;
	m->prev = last;
	if (last != NULL) {
		m->next = last->next;
		last->next = m;
	}
	os_store_word(&p->inbox, (uintptr_t)m);
}

/* A descriptor stays readable until a receiver finds nothing. */
static int
accept(struct mp_port *p, struct mp_msg *m)
{
	if (!msg_taken(p, m, ST_QUEUED))
		return -ECANCELED;
	os_store(&p->sent, os_load(&p->sent) + 1);
	if (p->fd >= 0)
		os_fd_signal(p->fd);
	if ((os_load(&p->flags) & GATE_STAT) != 0)
		stat_queued(p);
	return EASYNC;
}

int
queue_put(struct mp_port *p, struct mp_msg *m)
{
	int code;

	if ((os_load(&p->flags) & GATE_CLOSED) != 0) {
		port_refused(p, MP_REFUSED_CLOSED);
		return -EPIPE;
	}
	if (queue_depth(p) >= p->depth_max) {
		port_refused(p, MP_REFUSED_FULL);
		return -EAGAIN;
	}
	code = accept(p, m);
	if (code == EASYNC)
		queue_link(queue_of(p, m), m);
	return code;
}

/* Behind what is in the inbox. */
static __attribute__((__noinline__)) int
send_at_limit(struct mp_port *p, struct mp_msg *m)
{
	const uint32_t *wake = NULL;
	int code;

	os_lock(&p->lock);
	os_lock(&p->put);
	queue_take_over(p);
	code = queue_put(p, m);
	if (code == EASYNC) {
		os_store(&p->pending, 1);
		wake = sleeper_pop(p, &p->receivers);
		/* While another sleeps the next sender is to come here too. */
		p->limit = p->receivers != NULL ?
				   os_load(&p->sent) :
				   os_load(&p->taken) + p->depth_max;
	}
	os_unlock(&p->put);
	os_unlock(&p->lock);
	wake_one(wake);
	return code;
}

static int
queue_send(struct mp_port *p, struct mp_msg *m)
{
	int code;

	if (agent_is_slow(p, m)) {
		code = agent_check(p, m);
		if (code != 0)
			return code;
		if (parity_takes(p, m))
			return parity_send(p, m);
	}
	if ((m->flags & MP_MSG_PRIORITY) != 0)
		return send_at_limit(p, m);
	os_lock(&p->put);
	note_cpu(&p->peer_cpu, os_cpu());
	if (os_load(&p->sent) == p->limit) {
		os_unlock(&p->put);
		return send_at_limit(p, m);
	}
	code = accept(p, m);
	if (code == EASYNC)
		inbox_link(p, m);
	os_unlock(&p->put);
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
		queue_link(&p->done, m);
		os_store(&p->pending, 1);
		if (p->fd >= 0)
			os_fd_signal(p->fd);
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
		queue_unlink(&p->done, m);
		os_store_release(&m->state, ST_IDLE);
	}
	os_unlock(&p->lock);
	return m->result;
}

static struct mp_msg *
get_linked(struct mp_port *p, uint32_t to)
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
			queue_unlink(&p->request[prio], m);
			os_store(&p->taken, os_load(&p->taken) + 1);
			return m;
		}
	return NULL;
}

static void
refill(struct mp_port *p)
{
	if (os_load_word(&p->inbox) == 0)
		return;
	os_lock(&p->put);
	note_cpu(&p->cpu, os_cpu());
	queue_take_over(p);
	os_unlock(&p->put);
}

/* What is linked may all have been won by those who end it. */
struct mp_msg *
queue_get(struct mp_port *p, uint32_t to)
{
	struct mp_msg *m = NULL;

	if (p->request[0].head != NULL || p->request[1].head != NULL)
		m = get_linked(p, to);
	if (m == NULL) {
		refill(p);
		m = get_linked(p, to);
	}
	return m;
}

/* Whoever is to end it may have won it before it was in the inbox. */
const uint32_t *
queue_take_out(struct mp_port *p, struct mp_msg *m)
{
	os_lock(&p->put);
	queue_take_over(p);
	os_unlock(&p->put);
	queue_unlink(queue_of(p, m), m);
	os_store(&p->taken, os_load(&p->taken) + 1);
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
		queue_unlink(&p->done, m);
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
		if (m == NULL)
			m = get_reply(p);
		else if (p->callers != NULL)
			*wake = sleeper_pop(p, &p->callers);
	}
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
 * Under the lock, which it gives up meanwhile.  While the last sender is known
 * to run elsewhere more may come at once.
 */
static void
spin(struct mp_port *p)
{
	uintptr_t last = 0;

	if (!runs_elsewhere(p, &p->peer_cpu))
		return;
	os_store(&p->pending, 0);
	os_unlock(&p->lock);
	for (int i = 0; i < MP_SPIN_MAX; i++) {
		last = os_load_word(&p->inbox);
		if (last != 0 || os_load(&p->pending) != 0 ||
		    (os_load(&p->flags) & GATE_CLOSED) != 0)
			break;
		os_relax();
	}
	/* One after the other they would take as long as all the rest. */
	if (last != 0) {
		os_expect(&p->put);
		os_expect((const void *)last);
	}
	os_lock(&p->lock);
}

/*
 * Under the lock: true if nothing has come since.  Who sends from now on looks
 * whether somebody sleeps, and makes the descriptor readable again.
 */
static bool
is_empty(struct mp_port *p)
{
	bool empty;

	os_lock(&p->put);
	empty = os_load_word(&p->inbox) == 0;
	if (empty) {
		p->limit = os_load(&p->sent);
		if (p->fd >= 0)
			os_fd_clear(p->fd);
	}
	os_unlock(&p->put);
	return empty;
}

/* Under the lock: a message, or why there is none. */
static int
get_or_wait(struct mp_port *p, uint64_t deadline_ns, bool wait,
	    struct mp_msg **m)
{
	struct mp_sleeper me = { 0 };
	const uint32_t *wake = NULL;
	bool spins = wait;
	int code = 0;

	while ((*m = get(p, &wake)) == NULL) {
		/* A closed port stays readable, for all who poll. */
		code = -EPIPE;
		if ((os_load(&p->flags) & GATE_CLOSED) != 0)
			break;
		if (spins) {
			spins = false;
			spin(p);
			continue;
		}
		if (!is_empty(p))
			continue;
		code = -ETIMEDOUT;
		if (!wait)
			break;
		note_cpu(&p->cpu, -1);
		note_cpu(&p->peer_cpu, -1);
		wait = sleeper_park(p, &p->receivers, &me, deadline_ns);
	}
	os_unlock(&p->lock);
	wake_one(wake);
	return *m != NULL ? 0 : code;
}

static int
receive(struct mp_port *p, uint64_t deadline_ns, bool wait, struct mp_msg **out)
{
	struct mp_msg *m;
	int code;

	do {
		os_lock(&p->lock);
		note_owner(p);
		code = get_or_wait(p, deadline_ns, wait, &m);
	} while (m != NULL && m->deadline_ns != 0 && msg_is_over(m));
	if (m != NULL)
		*out = m;
	return code;
}

int
mp_recv_until(struct mp_port *p, uint64_t deadline_ns, struct mp_msg **out)
{
	return receive(p, deadline_ns, true, out);
}

struct mp_msg *
mp_recv(struct mp_port *p)
{
	struct mp_msg *m = NULL;

	(void)receive(p, MP_NO_DEADLINE, true, &m);
	return m;
}

struct mp_msg *
mp_tryrecv(struct mp_port *p)
{
	struct mp_msg *m = NULL;

	(void)receive(p, MP_NO_DEADLINE, false, &m);
	return m;
}

/* A thread that would wait for room in its own queue waits for itself. */
__attribute__((__cold__)) int
queue_wait_room(struct mp_port *p, uint64_t deadline_ns)
{
	struct mp_sleeper me = { 0 };
	struct sleep sleep = { .self = os_self(), .port = p, .at = &me };
	int code = sleep_enter(&sleep);
	const uint32_t *wake = NULL;

	os_lock(&p->lock);
	if ((os_load(&p->flags) & GATE_CLOSED) != 0)
		code = -EPIPE;
	else if (code == 0 && !sleep.broken && queue_depth(p) >= p->depth_max &&
		 !sleeper_park(p, &p->callers, &me, deadline_ns))
		code = -ETIMEDOUT;
	if (sleep.broken)
		code = -EDEADLK;
	/* This one may not use the room after all. */
	if (queue_depth(p) < p->depth_max)
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
