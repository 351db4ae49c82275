/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef BROKER_SOCKET_H
#define BROKER_SOCKET_H

/* Names on disk, and the sockets behind them: broker/socket.c. */

#include <msgport/types.h>
#include <sys/types.h>

/* Who is at the other end, as the kernel tells it at connect. */
struct peer {
	pid_t pid;
	uid_t uid;
	gid_t gid;
	int pidfd; /* readable once he is gone; the owner's to close */
};

/* A listening socket of one's own: where it is, so that it alone is removed. */
struct listener {
	int fd;
	dev_t dev;
	ino_t ino;
};

/*
 * All give 0 or a negative errno.  EINVAL: no name; ENAMETOOLONG: the path is
 * longer than a socket's may be; EEXIST: a live server has the name.
 */
/* Where names are, without a slash at the end. */
int socket_dir(char *to, size_t size);
int socket_listen(struct listener *, const char *name, mode_t);
void socket_unlisten(struct listener *, const char *name);
/* Blocks until the server's queue takes it. */
int socket_connect(const char *name, int *fd);
int socket_peer(int fd, struct peer *);

/* One message and at most one descriptor, which stays the sender's. */
int socket_send(int fd, const void *, size_t, int pass);
/*
 * A whole message of exactly that size, and the descriptor that came with it,
 * or -1.  EPROTO: anything else came, and what came is closed; EPIPE: the
 * other end is closed.
 */
int socket_recv(int fd, void *, size_t, int *passed);

#endif
