/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Exports: a published name, who may come, and the shaking of hands.
 *
 * The watcher accepts a client, looks who it is, and waits for its hello like
 * for anything else, so that one who says nothing holds up nobody.  It counts
 * as a client from the first on.
 */
#define _GNU_SOURCE
#include "export.h"
#include "step.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define WORKERS 4u
#define MODE 0600u

void
export_ring(struct mp_export *e)
{
	os_fetch_add(&e->bell, 1);
	STEP(export_ring);
	os_wake(&e->bell, 1);
}

/* ---- clients */

void
client_settle(struct client *c)
{
	STEP(settle);
	watch_stop(&c->socket_watch);
	watch_stop(&c->pid_watch);
	STEP(settle_port);
	if (c->served != NULL)
		mp_port_fini(&c->reply);
}

void
client_free(struct client *c)
{
	STEP(free_unmap);
	memory_unmap(&c->memory);
	close(c->peer.pidfd);
	STEP(free_hang_up);
	close(c->fd);
	free(c->served);
	free(c);
}

/* By the watcher; the pump does the rest. */
static void
client_gone(struct watch *w)
{
	struct client *c = w->data;
	struct mp_export *e = c->export;

	watch_stop(&c->socket_watch);
	watch_stop(&c->pid_watch);
	STEP(gone_dead);
	os_store_release(&c->dead, 1);
	STEP(gone_ring);
	export_ring(e);
}

static bool
is_listed(uint32_t id, const uint32_t *list, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (list[i] == id)
			return true;
	return false;
}

static bool
may_come(const struct mp_export *e, const struct peer *peer)
{
	const struct mp_export_conf *c = &e->conf;

	if (c->uids == 0 && c->gids == 0)
		return true;
	return is_listed(peer->uid, c->uid, c->uids) ||
	       is_listed(peer->gid, c->gid, c->gids);
}

static void
refuse(int fd, int code)
{
	struct wire_welcome w = { .magic = WIRE_MAGIC,
				  .version = WIRE_VERSION,
				  .code = code };

	(void)socket_send(fd, &w, sizeof(w), -1);
}

static uint32_t
power_below(uint32_t n)
{
	while ((n & (n - 1)) != 0)
		n &= n - 1;
	return n;
}

static void
choose_layout(const struct mp_export *e, const struct wire_hello *h,
	      struct wire_layout *lay)
{
	const struct mp_iface *iface = e->port->iface;
	struct wire_op op[WIRE_OPS_MAX];
	uint32_t ops = iface->ops > h->ops ? iface->ops : h->ops;
	uint32_t slots =
		h->slots < e->conf.slots_max ? h->slots : e->conf.slots_max;
	uint64_t arena = h->arena_size < e->conf.arena_max ? h->arena_size :
							     e->conf.arena_max;

	for (uint32_t i = 0; i < ops; i++) {
		op[i] = i < h->ops ? h->op[i] : (struct wire_op){ 0, 0 };
		if (i < iface->ops && iface->op[i].in.size > op[i].in)
			op[i].in = iface->op[i].in.size;
		if (i < iface->ops && iface->op[i].out.size > op[i].out)
			op[i].out = iface->op[i].out.size;
	}
	*lay = (struct wire_layout){
		.slots = power_below(slots != 0 ? slots : 1),
		.arena_size = (arena + WIRE_PAGE - 1) / WIRE_PAGE * WIRE_PAGE,
	};
	memory_layout(lay, op, ops);
}

static int
open_served(struct client *c)
{
	uint32_t slots = c->memory.layout.slots;
	struct served *s;

	c->served = calloc(slots, c->export->stride);
	if (c->served == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < slots; i++) {
		s = served_of(c, i);
		s->client = c;
		s->slot = i;
	}
	mp_port_init_callback(&c->reply, client_reply, c);
	c->asked = (struct ring){ .entry = c->memory.asked,
				  .size = slots * WIRE_ASKED_A_SLOT };
	c->done = (struct ring){ .entry = c->memory.done, .size = slots };
	return 0;
}

static int
check_hello(const struct mp_export *e, const struct wire_hello *h)
{
	const struct mp_iface *iface = e->port->iface;

	if (h->magic != WIRE_MAGIC || h->version != WIRE_VERSION)
		return -EPROTONOSUPPORT;
	if (h->what != WIRE_LINK)
		return 0;
	if (h->iface[WIRE_NAME_MAX] != '\0' || h->ops > WIRE_OPS_MAX)
		return -EPROTO;
	if (h->class_id != iface->class_id ||
	    strcmp(h->iface, iface->name) != 0)
		return -EPROTONOSUPPORT;
	return 0;
}

static int
welcome(struct client *c, const struct wire_hello *h)
{
	struct mp_export *e = c->export;
	struct wire_welcome w = { .magic = WIRE_MAGIC,
				  .version = WIRE_VERSION,
				  .iface_version = e->port->iface->version,
				  .ops = e->port->iface->ops,
				  .epoch = e->epoch };
	int code, fd = -1;

	choose_layout(e, h, &w.layout);
	STEP(welcome_memory);
	code = memory_make(&c->memory, &w.layout, &fd);
	STEP(welcome_slots);
	if (code == 0)
		code = open_served(c);
	STEP(welcome_send);
	if (code == 0)
		code = socket_send(c->fd, &w, sizeof(w), fd);
	STEP(welcome_sent);
	if (fd >= 0)
		close(fd);
	return code;
}

/* By the watcher: what a client says first, and all that it ever says. */
static void
client_hello(struct watch *w)
{
	struct client *c = w->data;
	struct wire_hello h;
	int passed = -1;
	int code = socket_recv(c->fd, &h, sizeof(h), &passed);

	STEP(hello_heard);
	if (passed >= 0)
		close(passed);
	if (code == 0)
		code = check_hello(c->export, &h);
	if (code == 0) {
		w->ready = client_gone;
		code = h.what == WIRE_LINK ? welcome(c, &h) :
					     admin_welcome(c, &h);
	}
	if (code != 0) {
		refuse(c->fd, code);
		client_gone(w);
		return;
	}
	if (h.what != WIRE_LINK)
		return;
	STEP(hello_open);
	os_store_release(&c->open, 1);
	STEP(hello_ring);
	export_ring(c->export);
}

static int
list(struct mp_export *e, struct client *c)
{
	bool room;

	os_lock(&e->lock);
	STEP(list_client);
	room = e->clients < e->conf.links_max;
	if (room) {
		c->next = e->client;
		/* Whole before the pump sees it; pairs with first(). */
		__atomic_store_n(&e->client, c, __ATOMIC_RELEASE);
		e->clients++;
	}
	os_unlock(&e->lock);
	return room ? 0 : -EUSERS;
}

static void
accept_one(struct watch *w)
{
	struct mp_export *e = w->data;
	int fd = accept4(e->listener.fd, NULL, NULL,
			 SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct client *c;
	int code;

	STEP(accepted);
	if (fd < 0)
		return;
	c = calloc(1, sizeof(*c));
	code = c != NULL ? socket_peer(fd, &c->peer) : -ENOMEM;
	if (code != 0) {
		refuse(fd, code);
		close(fd);
		free(c);
		return;
	}
	STEP(accept_peer);
	c->export = e;
	c->fd = fd;
	c->peer_cpu = -1;
	c->socket_watch.fd = -1;
	c->pid_watch.fd = -1;
	code = may_come(e, &c->peer) ? list(e, c) : -EACCES;
	if (code != 0) {
		refuse(fd, code);
		client_free(c);
		return;
	}
	STEP(accept_watch);
	if (watch_start(&c->socket_watch, fd, client_hello, c) != 0 ||
	    watch_start(&c->pid_watch, c->peer.pidfd, client_gone, c) != 0)
		client_gone(&(struct watch){ .data = c });
}

/* ---- exports */

static size_t
stride_of(const struct mp_iface *iface)
{
	size_t max = sizeof(struct mp_msg);

	for (uint32_t i = 0; i < iface->ops; i++)
		if (iface->op[i].size > max)
			max = iface->op[i].size;
	max += offsetof(struct served, copy);
	return (max + WIRE_LINE - 1) / WIRE_LINE * WIRE_LINE;
}

static void
set_conf(struct mp_export *e, const struct mp_export_conf *conf)
{
	struct mp_export_conf *c = &e->conf;

	if (conf != NULL)
		*c = *conf;
	c->mode = c->mode != 0 ? c->mode : MODE;
	c->workers = c->workers != 0 ? c->workers : WORKERS;
	c->slots_max = c->slots_max != 0 ? c->slots_max : MP_LINK_SLOTS;
	c->arena_max = c->arena_max != 0 ? c->arena_max : MP_LINK_ARENA;
	if (c->links_max == 0 || c->links_max > MP_LINKS_MAX)
		c->links_max = MP_LINKS_MAX;
	if (c->slots_max > WIRE_SLOTS_MAX)
		c->slots_max = WIRE_SLOTS_MAX;
	if (c->arena_max > WIRE_ARENA_MAX)
		c->arena_max = WIRE_ARENA_MAX;
}

static void
room_came(struct mp_port *p, struct mp_msg *m)
{
	(void)m;
	export_ring(p->data);
}

static int
start_threads(struct mp_export *e)
{
	int code;

	e->thread = calloc(e->conf.workers, sizeof(*e->thread));
	if (e->thread == NULL)
		return -ENOMEM;
	mp_port_init_callback(&e->room, room_came, e);
	mp_pool_init(&e->worker, export_work, e);
	e->worker.port.depth_max = e->conf.links_max * (e->conf.slots_max + 1);
	STEP(start_workers);
	code = mp_pool_start(&e->worker, e->thread, e->conf.workers);
	if (code != 0)
		return code;
	STEP(start_pump);
	code = os_thread_start(&e->pump, export_pump, e);
	if (code != 0)
		mp_pool_stop(&e->worker);
	return code;
}

static void
stop_threads(struct mp_export *e)
{
	STEP(stop_mark);
	os_lock(&e->lock);
	for (struct client *c = e->client; c != NULL; c = c->next)
		os_store_release(&c->dead, 1);
	os_unlock(&e->lock);
	STEP(stop_closing);
	os_store_release(&e->closing, 1);
	export_ring(e);
	STEP(stop_pump);
	os_thread_join(&e->pump);
	STEP(stop_workers);
	mp_pool_stop(&e->worker);
	mp_port_fini(&e->room);
}

int
mp_export_open(const char *name, struct mp_port *p,
	       const struct mp_export_conf *conf, struct mp_export **out)
{
	struct mp_export *e;
	struct timespec now;
	int code;

	if (p->iface == NULL || p->iface->ops > WIRE_OPS_MAX ||
	    strlen(p->iface->name) > WIRE_NAME_MAX || !mp_name_ok(name))
		return -EINVAL;
	e = calloc(1, sizeof(*e));
	if (e == NULL)
		return -ENOMEM;
	set_conf(e, conf);
	admin_open(e);
	memcpy(e->name, name, strlen(name) + 1);
	e->port = p;
	e->target = (p->flags & MP_PORT_MAY_BLOCK) != 0 ? &e->worker.port : p;
	e->stride = stride_of(p->iface);
	clock_gettime(CLOCK_REALTIME, &now);
	e->epoch = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	os_lock_init(&e->lock);
	e->listener.fd = e->conf.listener;
	code = e->conf.listener != 0 ?
		       0 :
		       socket_listen(&e->listener, name, e->conf.mode);
	if (code == 0) {
		code = start_threads(e);
		if (code == 0) {
			STEP(export_watch);
			code = watch_start(&e->watch, e->listener.fd,
					   accept_one, e);
			if (code != 0)
				stop_threads(e);
		}
		if (code != 0)
			socket_unlisten(&e->listener, name);
	}
	if (code != 0) {
		free(e->thread);
		free(e);
		return code;
	}
	STEP(export_opened);
	*out = e;
	return 0;
}

void
mp_export_close(struct mp_export *e)
{
	if (e == NULL)
		return;
	STEP(export_close);
	watch_stop(&e->watch);
	STEP(export_unlisten);
	socket_unlisten(&e->listener, e->name);
	STEP(export_stop);
	stop_threads(e);
	STEP(export_free);
	free(e->thread);
	free(e);
}
