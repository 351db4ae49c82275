/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The other side of broker/admin.c: who asks a server about itself. */
#include "admin.h"
#include "socket.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
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
shake_hands(int fd, enum wire_what what, int *passed)
{
	struct wire_hello h = { .magic = WIRE_MAGIC,
				.version = WIRE_VERSION,
				.what = what };
	struct wire_welcome w;
	int code = socket_send(fd, &h, sizeof(h), -1);

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
ask(const char *name, enum wire_what what, struct owner *o, int got[2])
{
	int code;

	*o = (struct owner){ .pid = 0 };
	got[1] = -1;
	code = socket_connect(name, &got[0]);
	if (code != 0)
		return code;
	code = know(got[0], o);
	if (code == 0)
		code = shake_hands(got[0], what, &got[1]);
	if (code == 0)
		return 0;
	if (got[1] >= 0)
		close(got[1]);
	close(got[0]);
	return code;
}

static bool
is_text(const char *text, size_t size)
{
	return memchr(text, '\0', size) != NULL;
}

int
ask_info(const char *name, struct wire_info *info, struct owner *o)
{
	int fd[2];
	int code = ask(name, WIRE_INFO, o, fd);
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
	close(fd[0]);
	return code;
}
