/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What every port has: its beginning and end, its counts, and the list of
 * those who sleep at it.
 *
 * A sleeper is a word on the sleeper's own stack.  The waker takes it off the
 * list and marks it under the lock, and wakes its address when the lock is
 * free: each sleeper is woken once, the latest first (its cache is warm), and
 * the port is not touched any more.
 *
 * The counts of what is out have their own waiters: the one who counts down
 * to zero touches nothing afterwards but the word's address.  Senders count up
 * elsewhere (sent, out_even, out_odd), where completers do not write; a count
 * is right, modulo the mark of its waiters, once those have been added to it.
 */
#include "state.h"
#include <msgport/agent.h>

void
port_init(struct mp_port *p, const struct mp_port_ops *ops,
	  int (*agent)(struct mp_port *, struct mp_msg *))
{
	*p = (struct mp_port){
		.mp_SendMsg = agent,
		.ops = ops,
		.depth_max = MP_DEPTH_DEFAULT,
		.cpu = -1,
		.peer_cpu = -1,
		.inside_cpu = -1,
		.fd = -1,
	};
	os_lock_init(&p->lock);
	os_lock_init(&p->put);
}

void
port_no_reply(struct mp_port *p, struct mp_msg *m)
{
	(void)m;
	mp_panic("a port that takes no replies got one", __FILE__, __LINE__, p);
}

void
port_refused(struct mp_port *p, enum mp_refusal why)
{
	os_fetch_add(&p->refused[why], 1);
}

bool
sleeper_park(struct mp_port *p, struct mp_sleeper **list, struct mp_sleeper *me,
	     uint64_t deadline_ns)
{
	struct mp_sleeper **at;
	int code = 0;

	os_store(&me->woken, 0);
	me->next = *list;
	*list = me;
	os_unlock(&p->lock);
	while (os_load(&me->woken) == 0 && code == 0)
		code = os_park(&me->woken, 0, deadline_ns);
	os_lock(&p->lock);
	if (os_load(&me->woken) != 0)
		return true;
	for (at = list; *at != me; at = &(*at)->next)
		;
	*at = me->next;
	return false;
}

const uint32_t *
sleeper_pop(struct mp_port *p, struct mp_sleeper **list)
{
	struct mp_sleeper *s = *list;

	if (s == NULL)
		return NULL;
	*list = s->next;
	p->wakes++;
	os_store_release(&s->woken, 1);
	return &s->woken;
}

void
wake_one(const uint32_t *word)
{
	if (word != NULL)
		os_wake(word, 1);
}

/* Threads that send from different CPUs do not fight for one line. */
void
count_out(struct mp_port *p)
{
	os_fetch_add((os_cpu() & 1) != 0 ? &p->out_odd : &p->out_even, 1);
}

void
count_down(uint32_t *count)
{
	if (os_fetch_add(count, -1u) == (COUNT_WAITER | 1))
		os_wake(count, UINT32_MAX);
}

/* The last to leave clears the mark, unless the count is in use again. */
void
count_wait(uint32_t *count)
{
	uint32_t n;
	uint32_t marked = COUNT_WAITER;

	while ((n = os_load_acquire(count) & ~COUNT_WAITER) != 0) {
		os_fetch_or(count, COUNT_WAITER);
		os_park(count, n | COUNT_WAITER, MP_NO_DEADLINE);
	}
	os_cas(count, &marked, 0);
}

/* Under the lock: moves to `ended' all that nobody else is ending. */
static void
claim_all(struct mp_port *p, struct mp_queue *ended)
{
	struct mp_msg *m;

	while ((m = queue_get(p, ST_ENDING)) != NULL)
		queue_link(ended, m);
}

/* Under the lock: replies that nobody fetched; their senders have them. */
static void
drop_replies(struct mp_port *p)
{
	struct mp_msg *m;

	while ((m = p->done.head) != NULL) {
		queue_unlink(&p->done, m);
		if ((os_xchg(&m->state, ST_IDLE) & ST_WAITING) != 0)
			os_wake(&m->state, 1);
	}
}

static void
wake_all(struct mp_port *p, struct mp_sleeper **list)
{
	while (*list != NULL)
		wake_one(sleeper_pop(p, list));
}

static void
lock_both(struct mp_port *p)
{
	os_lock(&p->lock);
	os_lock(&p->put);
}

static void
unlock_both(struct mp_port *p)
{
	os_unlock(&p->put);
	os_unlock(&p->lock);
}

/*
 * Under both locks: what was queued so far is held in the present epoch.  The
 * counts go on from zero.
 */
static void
settle(struct mp_port *p)
{
	uint32_t sent = os_load(&p->sent);

	os_fetch_add(&p->held[epoch_of(p)], sent);
	os_store(&p->taken, os_load(&p->taken) - sent);
	p->limit -= sent;
	os_store(&p->sent, 0);
}

__attribute__((__cold__)) void
mp_port_close(struct mp_port *p)
{
	struct mp_queue ended = { NULL, NULL };
	struct mp_sleeper me = { 0 };
	struct mp_msg *m;

	lock_both(p);
	os_fetch_or(&p->flags, GATE_CLOSED);
	queue_take_over(p);
	settle(p);
	p->limit = 0;
	os_unlock(&p->put);
	claim_all(p, &ended);
	drop_replies(p);
	wake_all(p, &p->receivers);
	wake_all(p, &p->callers);
	if (p->fd >= 0)
		os_fd_signal(p->fd);
	/* What is left was won by another ender, who takes it out and wakes. */
	while (queue_depth(p) != 0)
		sleeper_park(p, &p->callers, &me, MP_NO_DEADLINE);
	wake_all(p, &p->callers);
	os_unlock(&p->lock);
	while ((m = ended.head) != NULL) {
		queue_unlink(&ended, m);
		msg_end(m, -EPIPE);
	}
}

__attribute__((__cold__)) void
mp_port_fini(struct mp_port *p)
{
	/* Or somebody found it by name and may send to what is gone. */
	mp_assert(os_load(&p->refs) == 0, p);
	mp_port_close(p);
	os_fetch_add(&p->out,
		     os_xchg(&p->out_even, 0) + os_xchg(&p->out_odd, 0));
	count_wait(&p->out);
	count_wait(&p->held[0]);
	count_wait(&p->held[1]);
	gate_barrier();
	os_lock(&p->lock);
	if (p->fd >= 0)
		os_fd_close(p->fd);
	p->fd = -1;
	os_unlock(&p->lock);
}

/*
 * Until all of an epoch is over; or it is the present one again, which it
 * becomes only when it was.
 */
static void
epoch_wait(struct mp_port *p, uint32_t epoch)
{
	uint32_t *held = &p->held[epoch];
	uint32_t n;

	while ((n = os_load_acquire(held) & ~COUNT_WAITER) != 0 &&
	       epoch_of(p) != epoch) {
		os_fetch_or(held, COUNT_WAITER);
		os_park(held, n | COUNT_WAITER, MP_NO_DEADLINE);
	}
}

/* The count of an epoch can only fall once the epoch is not the present one. */
__attribute__((__cold__)) int
mp_port_barrier(struct mp_port *p)
{
	uint32_t epoch;
	bool over;

	if (os_load_word(&p->owner) == os_self())
		return -EDEADLK;
	do {
		epoch = epoch_of(p);
		epoch_wait(p, !epoch);
		lock_both(p);
		over = epoch_of(p) == epoch &&
		       (os_load(&p->held[!epoch]) & ~COUNT_WAITER) == 0;
		if (over) {
			settle(p);
			os_fetch_add(&p->flags, GATE_EPOCH);
		}
		unlock_both(p);
	} while (!over);
	epoch_wait(p, epoch);
	return 0;
}

struct mp_port *
mp_port_ref(struct mp_port *p)
{
	mp_assert(os_fetch_add(&p->refs, 1) != UINT32_MAX, p);
	return p;
}

void
mp_port_unref(struct mp_port *p)
{
	uint32_t refs;

	if (p == NULL)
		return;
	refs = os_fetch_add(&p->refs, -1u);
	mp_assert(refs != 0, p);
	if (refs == 1 && p->released != NULL)
		p->released(p);
}

__attribute__((__cold__)) void
mp_port_stats(struct mp_port *p, struct mp_port_stats *out)
{
	/* Who sees a request counted sees what was written before it. */
	lock_both(p);
	*out = (struct mp_port_stats){
		.kind = p->ops->kind,
		.depth_max = p->depth_max,
		.held = os_load(&p->held[0]) + os_load(&p->held[1]),
		.wakes = p->wakes,
		.closed = (os_load(&p->flags) & GATE_CLOSED) != 0,
	};
	out->depth = queue_depth(p);
	out->held = (out->held + os_load(&p->sent)) & ~COUNT_WAITER;
	unlock_both(p);
	/* Some of what was queued may be over by now. */
	out->held -= out->held < out->depth ? out->held : out->depth;
	for (int i = 0; i < MP_REFUSALS; i++)
		out->refused[i] = os_load(&p->refused[i]);
}

__attribute__((__cold__)) int
mp_port_fd(struct mp_port *p)
{
	int fd;

	lock_both(p);
	if (p->fd < 0) {
		p->fd = os_fd_open();
		if (p->fd >= 0 &&
		    (queue_depth(p) != 0 || p->done.head != NULL ||
		     (os_load(&p->flags) & GATE_CLOSED) != 0))
			os_fd_signal(p->fd);
	}
	fd = p->fd;
	if (fd < 0)
		p->fd = -1;
	unlock_both(p);
	return fd;
}
