/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The other side of broker/admin.c: who asks a server about itself. */
#define _GNU_SOURCE
#include "admin.h"
#include "../core/os.h"
#include "socket.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

/* A server that has stopped is no reason to stop as well. */
static int
hear(int fd, void *to, size_t size, int *passed)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int n;

	do
		n = poll(&p, 1, ADMIN_PATIENCE_MS);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return n == 0 ? -ETIMEDOUT : -errno;
	return socket_recv(fd, to, size, passed);
}

static int
know(int fd, struct owner *o)
{
	struct peer peer;
	int code = socket_peer(fd, &peer);

	if (code != 0)
		return code == -ESRCH ? -ENOENT : code;
	close(peer.pidfd);
	*o = (struct owner){ .pid = peer.pid, .uid = peer.uid };
	return 0;
}

static int
shake_hands(int fd, struct wire_hello *h, int *passed)
{
	struct wire_welcome w = { .magic = 0 };
	int code;

	h->magic = WIRE_MAGIC;
	h->version = WIRE_VERSION;
	code = socket_send(fd, h, sizeof(*h), -1);

	/* Refused before it was heard: why is still to be read. */
	if (code == 0 || code == -EPIPE)
		code = hear(fd, &w, sizeof(w), passed);
	if (code == 0 && (w.magic != WIRE_MAGIC || w.version != WIRE_VERSION))
		code = -EPROTONOSUPPORT;
	if (code == 0 && w.code != 0)
		code = w.code < 0 && w.code != EASYNC ? w.code : -EPROTO;
	return code;
}

/* Asks at the name: 0 and a socket, with what came over it, or -1. */
static int
ask(const char *name, struct wire_hello *h, struct owner *o, int got[2])
{
	int code;

	*o = (struct owner){ .pid = 0 };
	got[1] = -1;
	code = socket_connect(name, &got[0]);
	if (code != 0)
		return code;
	code = know(got[0], o);
	if (code == 0)
		code = shake_hands(got[0], h, &got[1]);
	if (code == 0)
		return 0;
	if (got[1] >= 0)
		close(got[1]);
	close(got[0]);
	return code;
}

/* Until the server has made room for the next, who may be the same. */
static void
leave(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	if (shutdown(fd, SHUT_WR) == 0)
		(void)poll(&p, 1, ADMIN_PATIENCE_MS);
	close(fd);
}

static bool
is_text(const char *text, size_t size)
{
	return memchr(text, '\0', size) != NULL;
}

int
ask_info(const char *name, struct wire_info *info, struct owner *o)
{
	struct wire_hello h = { .what = WIRE_INFO };
	int fd[2];
	int code = ask(name, &h, o, fd);
	int more = -1;

	if (code != 0)
		return code;
	code = hear(fd[0], info, sizeof(*info), &more);
	if (code == 0 && (!is_text(info->iface, sizeof(info->iface)) ||
			  !is_text(info->kind, sizeof(info->kind)) ||
			  !is_text(info->note, sizeof(info->note)) ||
			  info->peers > MP_LINKS_MAX))
		code = -EPROTO;
	if (more >= 0)
		close(more);
	if (fd[1] >= 0)
		close(fd[1]);
	leave(fd[0]);
	return code;
}

/* ---- tracing */

int
ask_trace(const char *name, const uint32_t wanted[WIRE_OPS_MAX / 32],
	  struct trace_view *v, struct owner *o)
{
	struct wire_hello h = { .what = WIRE_TRACE };
	int fd[2];
	int code;

	h.ops = wanted != NULL ? WIRE_OPS_MAX : 0;
	for (uint32_t i = 0; i < h.ops; i++)
		h.op[i].in = wanted[i / 32] >> (i % 32) & 1;
	code = ask(name, &h, o, fd);
	if (code != 0)
		return code;
	*v = (struct trace_view){ .fd = fd[0] };
	if (fd[1] < 0 || !memory_is_good(fd[1], TRACE_SIZE))
		code = -EPROTO;
	if (code == 0)
		code = memory_attach(fd[1], TRACE_SIZE, &v->head);
	if (fd[1] >= 0)
		close(fd[1]);
	if (code != 0)
		close(fd[0]);
	return code;
}

static const struct wire_record *
record_of(const struct trace_view *v)
{
	const char *base = (const char *)v->head + WIRE_PAGE;

	return (const struct wire_record *)(const void *)base +
	       (v->next & (TRACE_RECORDS - 1));
}

static bool
is_there(const struct trace_view *v)
{
	/* Pairs with the release in put(). */
	return __atomic_load_n(&record_of(v)->place, __ATOMIC_ACQUIRE) ==
	       v->next + 1;
}

bool
trace_next(struct trace_view *v, struct wire_record *r)
{
	if (!is_there(v))
		return false;
	memcpy(r, record_of(v), sizeof(*r));
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	v->next++;
	/* The copy is whole before the place is free; pairs with put(). */
	__atomic_store_n(&v->head->taken, v->next, __ATOMIC_RELEASE);
	if (r->in_len > TRACE_BODY || r->out_len > TRACE_BODY - r->in_len ||
	    r->buf_there > TRACE_BODY - r->in_len - r->out_len) {
		r->in_len = r->out_len = r->buf_there = 0;
		r->cut = TRACE_NO_IN | TRACE_NO_OUT;
	}
	return true;
}

int
trace_wait(struct trace_view *v, const sigset_t *mask)
{
	struct pollfd p = { .fd = v->fd, .events = POLLIN };
	char bytes[16];
	ssize_t n = 1;

	/* Full: the server writes, then looks whether we sleep. */
	(void)os_xchg(&v->head->sleeps, 1);
	if (is_there(v))
		return 0;
	if (ppoll(&p, 1, NULL, mask) < 0)
		return -errno;
	while (n > 0)
		n = recv(v->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
	return n < 0 && errno == EAGAIN ? 0 : -EPIPE;
}

uint64_t
trace_lost(const struct trace_view *v)
{
	return __atomic_load_n(&v->head->lost, __ATOMIC_RELAXED);
}

void
trace_end(struct trace_view *v)
{
	munmap(v->head, TRACE_SIZE);
	close(v->fd);
}
