/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Tracing an export.
 *
 * Whoever ends a message writes its record, into the memory of each tracer.
 * Where to write is known here; how far a tracer has read is what he says, and
 * a lie costs him records.
 */
#define _GNU_SOURCE
#include "export.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

struct tracer {
	struct tracer *next;
	int fd; /* the client's */
	struct trace_head *head;
	uint64_t place;
	uint64_t lost;
	uint32_t wanted[WIRE_OPS_MAX / 32];
};

static bool
may_trace(const struct client *c)
{
	return c->peer.uid == 0 || c->peer.uid == c->export->admin.uid;
}

/* One who has left keeps nobody out until that is noticed. */
static bool
is_here(const struct tracer *t)
{
	struct pollfd p = { .fd = t->fd };

	return poll(&p, 1, 0) == 0;
}

static int
list(struct admin *a, struct tracer *t)
{
	uint32_t here = 0;
	bool room;

	os_lock(&a->lock);
	for (struct tracer *o = a->tracer; o != NULL; o = o->next)
		here += is_here(o);
	room = here < TRACERS_MAX;
	if (room) {
		t->next = a->tracer;
		a->tracer = t;
		os_fetch_add(&a->tracers, 1);
	}
	os_unlock(&a->lock);
	return room ? 0 : -EUSERS;
}

static void
free_tracer(struct tracer *t)
{
	if (t->head != NULL)
		munmap(t->head, TRACE_SIZE);
	free(t);
}

int
trace_open(struct client *c, const struct wire_hello *h, int *fd)
{
	struct tracer *t;
	int code;

	if (h->ops > WIRE_OPS_MAX)
		return -EPROTO;
	if (!may_trace(c))
		return -EACCES;
	t = calloc(1, sizeof(*t));
	if (t == NULL)
		return -ENOMEM;
	t->fd = c->fd;
	memset(t->wanted, h->ops == 0 ? 0xff : 0, sizeof(t->wanted));
	for (uint32_t i = 0; i < h->ops; i++)
		t->wanted[i / 32] |= (uint32_t)(h->op[i].in != 0) << (i % 32);
	code = memory_new(TRACE_SIZE, fd);
	if (code == 0)
		code = memory_attach(*fd, TRACE_SIZE, &t->head);
	if (code == 0)
		code = list(&c->export->admin, t);
	if (code != 0)
		free_tracer(t);
	else
		c->tracer = t;
	return code;
}

void
trace_close(struct client *c)
{
	struct admin *a = &c->export->admin;
	struct tracer **at = &a->tracer;

	if (c->tracer == NULL)
		return;
	os_lock(&a->lock);
	while (*at != c->tracer)
		at = &(*at)->next;
	*at = c->tracer->next;
	os_fetch_add(&a->tracers, -1u);
	os_unlock(&a->lock);
	free_tracer(c->tracer);
	c->tracer = NULL;
}

/* ---- records */

/*
 * As much of a buffer as is shown.  What was refused unread has none of its
 * own: that of the slot before it, which lies in the arena as well.
 */
static void
fill_buf(struct wire_record *r, const struct served *s)
{
	const struct mp_iface_op *op = s->op;
	uint32_t at = (uint32_t)r->in_len + r->out_len;
	uint32_t live, room = TRACE_BODY - at;
	struct mp_buf buf;

	memcpy(&buf, (const char *)&s->copy + op->buf.off, sizeof(buf));
	r->buf_len = buf.len;
	r->buf_count = buf.dir == MP_BUF_IN || r->result >= 0 ? buf.len : 0;
	if (op->buf.live_off != 0 && r->buf_count != 0) {
		memcpy(&live, (const char *)&s->copy + op->buf.live_off,
		       sizeof(live));
		r->buf_count = live < buf.len ? live : buf.len;
	}
	room = room < TRACE_BUF_MAX ? room : TRACE_BUF_MAX;
	r->buf_there = (uint16_t)(r->buf_count < room ? r->buf_count : room);
	if (r->buf_there != 0)
		memcpy(r->body + at, buf.base, r->buf_there);
}

static void
fill(struct wire_record *r, const struct served *s)
{
	const struct mp_iface_op *op = s->op;
	int n = 0;

	if (op == NULL)
		return;
	if (op->in.size != 0)
		n = mp_iface_pack_in(op, &s->copy, r->body, TRACE_BODY);
	if (n < 0)
		r->cut |= TRACE_NO_IN;
	r->in_len = (uint16_t)(n < 0 ? 0 : n);
	n = 0;
	if (op->out.size != 0 && r->result >= 0)
		n = mp_iface_pack_out(op, &s->copy, r->body + r->in_len,
				      TRACE_BODY - r->in_len);
	if (n < 0)
		r->cut |= TRACE_NO_OUT;
	r->out_len = (uint16_t)(n < 0 ? 0 : n);
	if (op->buf.dir != 0)
		fill_buf(r, s);
}

static bool
is_wanted(const struct tracer *t, const struct served *s)
{
	uint32_t place = s->copy.op & 0xffff;

	return place >= WIRE_OPS_MAX ||
	       (t->wanted[place / 32] >> (place % 32) & 1) != 0;
}

/* By one at a time. */
static void
put(struct tracer *t, const struct wire_record *r)
{
	char *base = (char *)t->head + WIRE_PAGE;
	struct wire_record *to = (struct wire_record *)(void *)base +
				 (t->place & (TRACE_RECORDS - 1));
	/* Pairs with the release in trace_next(). */
	uint64_t taken = __atomic_load_n(&t->head->taken, __ATOMIC_ACQUIRE);

	if (t->place - taken >= TRACE_RECORDS) {
		__atomic_store_n(&t->head->lost, ++t->lost, __ATOMIC_RELAXED);
		return;
	}
	memcpy((char *)to + sizeof(to->place),
	       (const char *)r + sizeof(r->place),
	       sizeof(*r) - sizeof(r->place));
	__atomic_store_n(&to->place, ++t->place, __ATOMIC_RELEASE);
	/* Pairs with the exchange in trace_wait(). */
	os_fence();
	if (os_load(&t->head->sleeps) != 0 && os_xchg(&t->head->sleeps, 0) != 0)
		(void)socket_send(t->fd, "", 1, -1);
}

void
trace_write(struct served *s, int result, uint64_t took_ns)
{
	struct admin *a = &s->client->export->admin;
	struct wire_record r = { .op = s->copy.op,
				 .result = result,
				 .pid = s->client->peer.pid,
				 .took_ns = took_ns };
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	r.at_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec -
		  took_ns;
	fill(&r, s);
	os_lock(&a->lock);
	for (struct tracer *t = a->tracer; t != NULL; t = t->next)
		if (is_wanted(t, s))
			put(t, &r);
	os_unlock(&a->lock);
}
