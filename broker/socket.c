/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Names on disk: a seqpacket socket a published port, in $MSGPORT_DIR, else
 * $XDG_RUNTIME_DIR/msgport, else /run/msgport.
 *
 * Publishers of a directory take turns by flock(2) on the directory itself.
 * Under it a name whose socket refuses a connection is a dead server's, and
 * may be replaced, since a live one listens before it gives up the turn.
 */
#define _GNU_SOURCE
#include "socket.h"
#include "step.h"
#include <msgport/name.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77 /* Linux 6.5 */
#endif

#define BACKLOG 128
#define PASSED_MAX 16 /* descriptors that a wrong message may bring */

int
socket_dir(char *to, size_t size)
{
	const char *dir = getenv("MSGPORT_DIR");
	const char *sub = "";
	int n;

	if (dir == NULL || *dir == '\0') {
		dir = getenv("XDG_RUNTIME_DIR");
		sub = "/msgport";
	}
	if (dir == NULL || *dir == '\0')
		dir = "/run";
	n = snprintf(to, size, "%s%s", dir, sub);
	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

static int
path_of(struct sockaddr_un *to, const char *name, size_t *dir_len)
{
	size_t size = sizeof(to->sun_path);
	int code, n;

	if (!mp_name_ok(name))
		return -EINVAL;
	code = socket_dir(to->sun_path, size);
	if (code != 0)
		return code;
	to->sun_family = AF_UNIX;
	*dir_len = strlen(to->sun_path);
	size -= *dir_len;
	n = snprintf(to->sun_path + *dir_len, size, "/%s", name);
	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

static int
new_socket(void)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	return fd < 0 ? -errno : fd;
}

/* The directory, made if it is not there, locked; a descriptor. */
static int
take_turn(const struct sockaddr_un *at, size_t dir_len)
{
	char dir[sizeof(at->sun_path)];
	int fd;

	memcpy(dir, at->sun_path, dir_len);
	dir[dir_len] = '\0';
	if (mkdir(dir, geteuid() == 0 ? 0755 : 0700) != 0 && errno != EEXIST)
		return -errno;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	while (flock(fd, LOCK_EX) != 0)
		if (errno != EINTR) {
			close(fd);
			return -errno;
		}
	return fd;
}

/* 0: the name is free now; -EEXIST: somebody lives there. */
static int
clear(const struct sockaddr_un *at)
{
	int fd = new_socket();
	int code = -EEXIST;

	if (fd < 0)
		return fd;
	(void)fcntl(fd, F_SETFL, O_NONBLOCK);
	if (connect(fd, (const struct sockaddr *)at, sizeof(*at)) != 0) {
		if (errno == ENOENT)
			code = 0;
		else if (errno == ECONNREFUSED)
			code = unlink(at->sun_path) == 0 ? 0 : -errno;
	}
	close(fd);
	return code;
}

static int
listen_at(struct listener *l, const struct sockaddr_un *at, mode_t mode)
{
	struct stat st;

	if (bind(l->fd, (const struct sockaddr *)at, sizeof(*at)) != 0)
		return -errno;
	STEP(listen_bound);
	/* Nobody can connect before it listens. */
	if (chmod(at->sun_path, mode) != 0 || stat(at->sun_path, &st) != 0 ||
	    listen(l->fd, BACKLOG) != 0) {
		int code = -errno;

		unlink(at->sun_path);
		return code;
	}
	STEP(listen_listens);
	l->dev = st.st_dev;
	l->ino = st.st_ino;
	return 0;
}

int
socket_listen(struct listener *l, const char *name, mode_t mode)
{
	struct sockaddr_un at;
	size_t dir_len;
	int code = path_of(&at, name, &dir_len);
	int turn;

	if (code != 0)
		return code;
	STEP(listen_turn);
	turn = take_turn(&at, dir_len);
	if (turn < 0)
		return turn;
	STEP(listen_clear);
	code = clear(&at);
	l->fd = code == 0 ? new_socket() : -1;
	STEP(listen_bind);
	if (code == 0)
		code = l->fd < 0 ? l->fd : listen_at(l, &at, mode);
	if (code != 0 && l->fd >= 0)
		close(l->fd);
	STEP(listen_over);
	close(turn);
	return code;
}

void
socket_unlisten(struct listener *l, const char *name)
{
	struct sockaddr_un at;
	struct stat st;
	size_t dir_len;
	int turn = -1;

	if (l->ino != 0 && path_of(&at, name, &dir_len) == 0)
		turn = take_turn(&at, dir_len);
	STEP(unlisten_turn);
	if (turn >= 0 && stat(at.sun_path, &st) == 0 && st.st_dev == l->dev &&
	    st.st_ino == l->ino)
		unlink(at.sun_path);
	STEP(unlisten_close);
	close(l->fd);
	STEP(unlisten_over);
	if (turn >= 0)
		close(turn);
}

int
socket_connect(const char *name, int *out)
{
	struct sockaddr_un at;
	size_t dir_len;
	int code = path_of(&at, name, &dir_len);
	int fd;

	if (code != 0)
		return code;
	fd = new_socket();
	if (fd < 0)
		return fd;
	STEP(socket_connect);
	if (connect(fd, (const struct sockaddr *)&at, sizeof(at)) != 0) {
		/* A dead server's socket is no server. */
		code = errno == ECONNREFUSED ? -ENOENT : -errno;
		close(fd);
		return code;
	}
	STEP(socket_connected);
	*out = fd;
	return 0;
}

/* Had he died before, and another got his number, the socket would show it. */
static int
open_pid(int fd, pid_t pid)
{
	struct pollfd p = { .fd = fd };
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);

	if (pidfd < 0)
		return -errno;
	if (poll(&p, 1, 0) != 0 && (p.revents & POLLHUP) != 0) {
		close(pidfd);
		return -ESRCH;
	}
	return pidfd;
}

int
socket_peer(int fd, struct peer *out)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);
	int pidfd = -1;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) != 0)
		return -errno;
	len = sizeof(pidfd);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &len) != 0)
		pidfd = open_pid(fd, cred.pid);
	if (pidfd < 0)
		return pidfd;
	STEP(socket_peer);
	*out = (struct peer){ .pid = cred.pid,
			      .uid = cred.uid,
			      .gid = cred.gid,
			      .pidfd = pidfd };
	return 0;
}

union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(PASSED_MAX * sizeof(int))];
};

int
socket_send(int fd, const void *data, size_t len, int pass)
{
	union control c = { .bytes = { 0 } };
	struct iovec iov = { .iov_base = (void *)(uintptr_t)data,
			     .iov_len = len };
	struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *head;
	ssize_t n;

	if (pass >= 0) {
		h.msg_control = c.bytes;
		h.msg_controllen = CMSG_SPACE(sizeof(int));
		head = CMSG_FIRSTHDR(&h);
		head->cmsg_level = SOL_SOCKET;
		head->cmsg_type = SCM_RIGHTS;
		head->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(head), &pass, sizeof(int));
	}
	STEP(socket_send);
	do
		n = sendmsg(fd, &h, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == ECONNRESET ? -EPIPE : -errno;
	return (size_t)n == len ? 0 : -EPROTO;
}

/* All that came: the first is kept, if it is the only one. */
static int
take_passed(struct msghdr *h, int *out)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(h);
	int fds = 0, fd = -1;

	for (; c != NULL; c = CMSG_NXTHDR(h, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t at = CMSG_LEN(0); at + sizeof(fd) <= c->cmsg_len;
		     at += sizeof(fd)) {
			if (fds++ > 0)
				close(fd);
			memcpy(&fd, (char *)c + at, sizeof(fd));
		}
	}
	if (fds > 1)
		close(fd);
	*out = fds == 1 ? fd : -1;
	return fds > 1 ? -EPROTO : 0;
}

int
socket_recv(int fd, void *data, size_t len, int *passed)
{
	union control c;
	struct iovec iov = { .iov_base = data, .iov_len = len };
	struct msghdr h = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = c.bytes,
		.msg_controllen = sizeof(c.bytes),
	};
	bool reset = false;
	int got, code;
	ssize_t n;

	/* What he said before he closed comes after the news that he did. */
	for (;;) {
		n = recvmsg(fd, &h, MSG_CMSG_CLOEXEC);
		if (n >= 0 ||
		    (errno != EINTR && (errno != ECONNRESET || reset)))
			break;
		reset |= errno == ECONNRESET;
	}
	if (n < 0)
		return errno == ECONNRESET ? -EPIPE : -errno;
	STEP(socket_passed);
	code = take_passed(&h, &got);
	if (code == 0 && n == 0)
		code = -EPIPE;
	if (code == 0 &&
	    ((size_t)n != len || (h.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0))
		code = -EPROTO;
	if (code != 0 && got >= 0)
		close(got);
	if (code == 0)
		*passed = got;
	return code;
}
