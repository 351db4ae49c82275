/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef WATCH_H
#define WATCH_H

/*
 * vfs_mem mounted by this process itself, with its table watched: lookups are
 * counted against forgets, and reads of a file called "hang" are kept until
 * they are cancelled.  Should the test die, a child of it takes the mount away.
 */

#include "../front/fuse.h"

#include <msgport/driver.h>
#include <msgport/process.h>
#include <pthread.h>
#include <sys/types.h>

#define NODES 4096

extern const struct mp_driver mp_driver_vfs_mem;

struct watched {
	struct mp_vfs_ops ops;
	struct mp_vfs vfs;
	struct mp_port port;
	struct mp_fuse fuse;
	struct mp_port *notify;
	pthread_t server;
	char dir[4096];
	int guard[2];
	pid_t guardian;
	int code;  /* of run */
	int ready; /* what it was told; 1: nothing yet */
	int detached;
	uint64_t hang;		  /* node id; atomic */
	struct mp_vfs_read *held; /* atomic */
	int64_t looked[NODES];	  /* atomic, by the index in the id */
	uint64_t arena; /* not 0: mounted over a link with so large a one, */
			/* by a name in MSGPORT_DIR, where no other is */
	struct mp_export *export;
	struct mp_port *link;
};

extern struct watched w;

void watch_begin(void);
/* Of another table; w.ready says how that went. */
void watch_begin_with(const struct mp_vfs_ops *, struct mp_fuse_conf);
/* Stops the server, and wants it to end well. */
void watch_end(void);
/* The server has ended, or is about to. */
void watch_finish(void);
/* Ends a held read that was cancelled. */
void watch_await_cancelled(void);
void watch_await_held(void);
void watch_sleep_ms(int ms);

#endif
