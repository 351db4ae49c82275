/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The client's end of a link: how it begins and how it ends.
 *
 * A link dies once, whoever finds out: the watcher, by the socket or the
 * process, or a thread that reads what cannot be.  Who kills it marks it first;
 * then each slot is either OUT by now and ended here, or its sender looks at
 * the mark after he made it so.  model/link.pml checks it.
 *
 * That nothing was begun can be told of a server that has stopped: a dead one,
 * or one that hangs up, which he does last.  Of one that is only left alone it
 * cannot.
 */
#include "link.h"
#include "step.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

MP_STATIC_ASSERT(MP_LINKS_MAX <= BELL_WORDS, "one sleep for all");

/*
 * Who sleeps in a slot of the dead.  The word's change keeps him from falling
 * asleep, unless the server changes it back; so this is done once more when he
 * has no hands any more.
 */
static void
wake_slots(struct mp_link *l)
{
	uint32_t *word;

	for (uint32_t i = 0; i < l->memory.layout.slots; i++) {
		word = &memory_reply(&l->memory, i)->word;
		os_fetch_or(word, WIRE_DEAD);
		bell_wake(word, true, 1);
		link_abandon(l, i);
	}
}

void
link_die(struct mp_link *l, int code)
{
	uint32_t alive = 0;

	/* Full: pairs with the fence of a sender who has made a slot OUT. */
	if (!os_cas(&l->dead, &alive, (uint32_t)code))
		return;
	STEP(client_dead);
	wake_slots(l);
	STEP(client_wake);
	os_lock(&l->port.lock);
	while (l->port.callers != NULL)
		wake_one(sleeper_pop(&l->port, &l->port.callers));
	while (l->port.receivers != NULL)
		wake_one(sleeper_pop(&l->port, &l->port.receivers));
	os_unlock(&l->port.lock);
}

/* A server says nothing here: what comes is the end. */
static void
server_left(struct watch *w)
{
	STEP(client_left);
	link_die(w->data, -EPIPE);
	watch_stop(w);
}

static void
server_died(struct watch *w)
{
	struct mp_link *l = w->data;

	link_die(l, -EPIPE);
	wake_slots(l);
	watch_stop(w);
}

static int
say_hello(int fd, const struct mp_iface *iface, const struct mp_link_conf *conf)
{
	struct wire_hello h = {
		.magic = WIRE_MAGIC,
		.version = WIRE_VERSION,
		.class_id = iface->class_id,
		.iface_version = iface->version,
		.ops = iface->ops,
		.slots = conf->slots,
		.arena_size = conf->arena_bytes,
	};
	size_t len = strlen(iface->name);

	if (len > WIRE_NAME_MAX || iface->ops > WIRE_OPS_MAX)
		return -EINVAL;
	memcpy(h.iface, iface->name, len);
	for (uint32_t i = 0; i < iface->ops; i++) {
		h.op[i].in = iface->op[i].in.size;
		h.op[i].out = iface->op[i].out.size;
	}
	STEP(client_hello);
	return socket_send(fd, &h, sizeof(h), -1);
}

/* The slots must hold what this side knows of the operations. */
static bool
is_large_enough(const struct wire_layout *lay, const struct mp_iface *iface)
{
	struct wire_op op[WIRE_OPS_MAX];
	struct wire_layout least;

	for (uint32_t i = 0; i < iface->ops; i++)
		op[i] = (struct wire_op){ iface->op[i].in.size,
					  iface->op[i].out.size };
	memory_layout(&least, op, iface->ops);
	return lay->request_size >= least.request_size &&
	       lay->reply_size >= least.reply_size;
}

/* A server may give less than was asked for; more would cost this side. */
static bool
is_as_asked(const struct wire_layout *lay, const struct mp_link_conf *conf)
{
	return lay->slots <= conf->slots &&
	       (conf->arena_bytes > WIRE_ARENA_MAX ||
		lay->arena_size < conf->arena_bytes + WIRE_PAGE);
}

static int
hear_welcome(struct mp_link *l, const struct mp_iface *iface,
	     const struct mp_link_conf *conf)
{
	struct wire_welcome w;
	int memory = -1;
	int code = socket_recv(l->fd, &w, sizeof(w), &memory);

	if (code == 0 && (w.magic != WIRE_MAGIC || w.version != WIRE_VERSION))
		code = -EPROTONOSUPPORT;
	if (code == 0 && w.code != 0)
		code = w.code < 0 && w.code != EASYNC ? w.code : -EPROTO;
	if (code == 0 && (memory < 0 || !is_large_enough(&w.layout, iface) ||
			  !is_as_asked(&w.layout, conf)))
		code = -EPROTO;
	STEP(client_map);
	if (code == 0)
		code = memory_map(&l->memory, &w.layout, memory);
	STEP(client_mapped);
	if (memory >= 0)
		close(memory);
	l->epoch = w.epoch;
	return code;
}

static int
open_slots(struct mp_link *l)
{
	struct memory *m = &l->memory;
	uint32_t slots = m->layout.slots; /* checked when it was mapped */

	l->asked = (struct ring){ .entry = m->asked,
				  .size = slots * WIRE_ASKED_A_SLOT };
	l->done = (struct ring){ .entry = m->done, .size = slots };
	STEP(client_slots);
	os_lock_init(&l->drain);
	for (uint32_t i = 0; i < slots; i++)
		l->free[i / 32] |= 1u << (i % 32);
	l->slot = slots != 0 ? calloc(slots, sizeof(*l->slot)) : NULL;
	if (l->slot == NULL)
		return -ENOMEM;
	return arena_open(&l->arena, m->layout.arena_size);
}

static int
connect_to(struct mp_link *l, const char *name, const struct mp_iface *iface,
	   const struct mp_link_conf *conf)
{
	int code = socket_connect(name, &l->fd);

	if (code != 0)
		return code;
	STEP(client_peer);
	code = socket_peer(l->fd, &l->peer);
	if (code == 0)
		code = say_hello(l->fd, iface, conf);
	STEP(client_hear);
	/* Refused before it was heard: why is still to be read. */
	if (code == 0 || code == -EPIPE)
		code = hear_welcome(l, iface, conf);
	if (code == 0)
		code = open_slots(l);
	return code;
}

/* Whatever there is of it. */
static void
free_link(struct mp_link *l)
{
	STEP(client_unmap);
	memory_unmap(&l->memory);
	arena_close(&l->arena);
	if (l->peer.pidfd >= 0)
		close(l->peer.pidfd);
	STEP(client_hang_up);
	if (l->fd >= 0)
		close(l->fd);
	free(l->slot);
	free(l);
}

static void
init_port(struct mp_link *l, const struct mp_iface *iface)
{
	static const struct mp_port_ops ops = {
		.kind = "process",
		.reply = port_no_reply,
		.cancel = link_cancel,
		.room = link_room,
		.buf_get = link_buf_get,
		.buf_put = link_buf_put,
	};

	port_init(&l->port, &ops, link_send);
	l->port.iface = iface;
}

int
mp_link_open(const char *name, const struct mp_iface *iface,
	     const struct mp_link_conf *conf, struct mp_port **out)
{
	struct mp_link_conf c =
		conf != NULL ? *conf : (struct mp_link_conf){ 0 };
	struct mp_link *l = calloc(1, sizeof(*l));
	int code;

	if (l == NULL)
		return -ENOMEM;
	init_port(l, iface);
	l->fd = -1;
	l->peer.pidfd = -1;
	l->socket_watch.fd = -1;
	l->pid_watch.fd = -1;
	c.slots = c.slots != 0 ? c.slots : MP_LINK_SLOTS;
	c.arena_bytes = c.arena_bytes != 0 ? c.arena_bytes : MP_LINK_ARENA;
	STEP(client_connect);
	code = connect_to(l, name, iface, &c);
	if (code == 0)
		code = drive_start(l);
	if (code != 0) {
		free_link(l);
		return code;
	}
	STEP(client_watch);
	code = watch_start(&l->socket_watch, l->fd, server_left, l);
	STEP(client_watch_pid);
	if (code == 0)
		code = watch_start(&l->pid_watch, l->peer.pidfd, server_died,
				   l);
	STEP(client_opened);
	if (code != 0)
		mp_link_close(&l->port);
	else
		*out = &l->port;
	return code;
}

void
mp_link_shutdown(struct mp_port *p)
{
	if (drive_is_ours())
		link_die((struct mp_link *)(void *)p, -EOWNERDEAD);
}

void
mp_link_close(struct mp_port *p)
{
	struct mp_link *l = (struct mp_link *)(void *)p;

	if (l == NULL)
		return;
	if (drive_is_ours()) {
		STEP(client_close);
		mp_port_close(p);
		link_die(l, -EOWNERDEAD);
		STEP(client_unwatch);
		watch_stop(&l->socket_watch);
		watch_stop(&l->pid_watch);
		STEP(client_undrive);
		drive_stop(l);
		STEP(client_fini);
		mp_port_fini(p);
	} else {
		/* Not this process's: nothing is mapped here. */
		l->memory.base = NULL;
	}
	free_link(l);
}

void
mp_link_serve(struct mp_port *p)
{
	struct mp_link *l = (struct mp_link *)(void *)p;
	struct mp_sleeper me = { 0 };

	os_lock(&p->lock);
	while (link_dead(l) == 0)
		(void)sleeper_park(p, &p->receivers, &me, MP_NO_DEADLINE);
	os_unlock(&p->lock);
}
