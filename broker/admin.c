/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What an export tells of itself.
 *
 * Counts are kept by whoever writes the thing counted anyway, so they cost no
 * shared store; a look at the clock costs more than all of them, and is taken
 * for a few messages only.
 */
#include "export.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static uint64_t
read64(const uint64_t *p)
{
	return __atomic_load_n(p, __ATOMIC_RELAXED);
}

static void
add_tally(struct wire_info *to, const struct tally *t)
{
	to->messages += read64(&t->messages);
	to->queued += read64(&t->queued);
	to->unknown += read64(&t->refused);
	to->wakes += os_load(&t->wakes);
}

static void
tell_port(struct wire_info *to, struct mp_port *p)
{
	struct mp_port_stats s;

	mp_port_stats(p, &s);
	strncpy(to->kind, s.kind, ADMIN_KIND_MAX);
	strncpy(to->iface, p->iface->name, WIRE_NAME_MAX);
	to->iface_version = p->iface->version;
	to->class_id = p->iface->class_id;
	to->ops = p->iface->ops;
	to->closed = s.closed;
	to->depth = s.depth;
	to->depth_max = s.depth_max;
	to->held = s.held;
	to->port_wakes = s.wakes;
	memcpy(to->refused, s.refused, sizeof(to->refused));
}

static void
tell_peer(struct wire_peer *to, const struct client *c)
{
	*to = (struct wire_peer){ .pid = c->peer.pid,
				  .uid = c->peer.uid,
				  .messages = read64(&c->tally.messages) };
	/* Slots are made in this thread. */
	if (c->served == NULL)
		return;
	to->slots = c->memory.layout.slots;
	for (uint32_t i = 0; i < to->slots; i++)
		to->in_flight +=
			os_load(&served_of(c, i)->state) != SERVED_FREE;
}

static void
tell_export(struct wire_info *to, struct mp_export *e)
{
	to->pid = e->admin.pid;
	to->links_max = e->conf.links_max;
	to->slots_max = e->conf.slots_max;
	to->arena_max = e->conf.arena_max;
	to->epoch = e->epoch;
	to->sleeps = read64(&e->admin.sleeps);
	for (uint32_t i = 0; i < MP_STAT_BUCKETS; i++)
		to->bucket[i] = read64(&e->admin.bucket[i]);
	/* Nobody is freed, or moves to those who are gone, meanwhile. */
	os_lock(&e->lock);
	os_lock(&e->admin.lock);
	to->tracers = e->admin.tracers;
	memcpy(to->note, e->admin.note, sizeof(to->note));
	add_tally(to, &e->admin.gone);
	to->wakes += e->admin.gone_wakes;
	os_unlock(&e->admin.lock);
	for (struct client *c = e->client; c != NULL; c = c->next) {
		add_tally(to, &c->tally);
		tell_peer(&to->peer[to->peers++], c);
	}
	os_unlock(&e->lock);
}

static int
tell(struct client *c)
{
	struct wire_info info = { .peers = 0 };

	tell_port(&info, c->export->port);
	tell_export(&info, c->export);
	return socket_send(c->fd, &info, sizeof(info), -1);
}

void
admin_open(struct mp_export *e)
{
	os_lock_init(&e->admin.lock);
	e->admin.uid = geteuid();
	e->admin.pid = getpid();
}

int
admin_welcome(struct client *c, const struct wire_hello *h)
{
	struct wire_welcome w = { .magic = WIRE_MAGIC,
				  .version = WIRE_VERSION,
				  .iface_version =
					  c->export->port->iface->version,
				  .ops = c->export->port->iface->ops,
				  .epoch = c->export->epoch };
	int code = 0;
	int fd = -1;

	if (h->what == WIRE_TRACE)
		code = trace_open(c, h, &fd);
	else if (h->what != WIRE_INFO)
		code = -EPROTONOSUPPORT;
	if (code == 0)
		code = socket_send(c->fd, &w, sizeof(w), fd);
	if (fd >= 0)
		close(fd);
	return code == 0 && h->what == WIRE_INFO ? tell(c) : code;
}

void
admin_leave(struct client *c)
{
	struct admin *a = &c->export->admin;

	trace_close(c);
	os_lock(&a->lock);
	a->gone.messages += c->tally.messages;
	a->gone.queued += c->tally.queued;
	a->gone.refused += c->tally.refused;
	a->gone_wakes += c->tally.wakes;
	os_unlock(&a->lock);
}

void
admin_answered(struct served *s, int result)
{
	struct admin *a = &s->client->export->admin;
	uint64_t ns = os_now_ns() - s->began_ns;
	uint32_t i = 0;

	while (i < MP_STAT_BUCKETS - 1 && ns >> i != 0)
		i++;
	__atomic_fetch_add(&a->bucket[i], 1, __ATOMIC_RELAXED);
	if (os_load(&a->tracers) != 0)
		trace_write(s, result, ns);
}

void
mp_export_note(struct mp_export *e, const char *text)
{
	struct admin *a = &e->admin;

	os_lock(&a->lock);
	memset(a->note, 0, sizeof(a->note));
	strncpy(a->note, text, ADMIN_NOTE_MAX);
	os_unlock(&a->lock);
}
