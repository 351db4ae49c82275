/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef FRONT_FUSE_H
#define FRONT_FUSE_H

/*
 * The FUSE front-end: presents a vfs port at a mount point.
 *
 *	open	mounts; nothing is served yet
 *	run	serves until the file system is unmounted, by whomever
 *	stop	from another thread, while run serves: unmounts.  What was
 *		written is handed to the driver first; if somebody still uses
 *		the file system, requests in flight are cancelled and it ends
 *		all the same
 *	close	after run, or instead of it, and after stop has returned
 *
 * run takes SIGURG for itself, and the thread in it outlives stop.
 *
 * The port outlives it, and is known only by its pointer.  Each request is one
 * message on the stack of one of FUSE's threads; only a message that the
 * port's agent kept can be reached by an interrupt, unless MP_FUSE_INTR.  The
 * first message is attach and the last detach, which also takes back all
 * lookups: the kernel forgets nothing one by one when it unmounts.
 *
 * Over a link file data lies in pieces of the link's arena, if the arena has
 * room for two of the largest requests: see mp_buf_get().
 *
 * The port that attach lends runs on a thread of its own.  The kernel takes
 * the parent's lock for inval_entry and delete, so a driver that waits for one
 * of them while it answers a request on that directory waits for ever.
 */

#include <pthread.h>
#include <msgport/agent.h>
#include <msgport/vfs.h>

#define MP_FUSE_THREADS 64u
#define MP_FUSE_PIECES 8u /* large requests at once without a copy */

enum mp_fuse_flag {
	MP_FUSE_CLONE_FD = 1u << 0, /* a descriptor of /dev/fuse each thread */
	MP_FUSE_INTR = 1u << 1,	    /* interrupts also reach what runs inline */
};

/* All zero will do. */
struct mp_fuse_conf {
	const char *mount;    /* FUSE's own options, "ro,fsname=x", or NULL */
	uint32_t threads_max; /* 0: MP_FUSE_THREADS */
	uint32_t flags;	      /* enum mp_fuse_flag */
	uint32_t caps_off;    /* enum mp_vfs_cap: not to be offered */
	/* Called once in run: 0, it is live, or why it will not be. */
	void (*ready)(void *arg, int error);
	void *arg;
};

struct fuse_session;

struct mp_fuse {
	/* Private from here on. */
	struct mp_port *port;
	struct mp_port *first; /* asked first: port, or `refuse' */
	struct mp_port refuse; /* each request is then watched */
	struct fuse_session *session;
	char *dir;    /* its absolute path */
	uint64_t dev; /* of the file system mounted there */
	struct mp_fuse_conf conf;
	uint32_t caps;	/* agreed with the driver */
	uint32_t umask; /* 0777 if the driver applies it, else 0 */
	int error;	/* of attach */
	bool attached;
	bool notifying;
	bool over;	/* atomic: the loop has ended */
	pthread_t loop; /* atomic: who is in run */
	bool hooked;	/* requests are received by front/fuse_buf.c */
	uint32_t free;	/* atomic: a bit a piece that nobody has */
	uint32_t pieces;
	size_t piece_size; /* bytes each; 0: there are none */
	struct mp_buf piece[MP_FUSE_PIECES];
	struct mp_pool notify;
	struct mp_thread thread;
};

/* front/fuse.c */
/* 0, or a negative errno; libfuse may have said more on standard error. */
int mp_fuse_open(struct mp_fuse *, struct mp_port *, const char *dir,
		 const struct mp_fuse_conf *);
int mp_fuse_run(struct mp_fuse *);
void mp_fuse_stop(struct mp_fuse *);
void mp_fuse_close(struct mp_fuse *);

#endif
