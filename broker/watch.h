/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef BROKER_WATCH_H
#define BROKER_WATCH_H

/*
 * The one thread of a process that watches sockets and processes.
 *
 * It starts with the first watch and stays.  No message passes through it: it
 * accepts, shakes hands, and tells links of a death.  A child of a fork has no
 * such thread, and starts none.
 */

#include <msgport/types.h>

struct watch {
	int fd; /* -1: not watched */
	/* In the watcher's thread, while it is readable or hung up. */
	void (*ready)(struct watch *);
	void *data;
};

/* broker/watch.c: 0 or a negative errno; the memory is the caller's */
int watch_start(struct watch *, int fd, void (*ready)(struct watch *),
		void *data);
/*
 * Afterwards ready is not running and will not run, unless this is called by
 * it.  The descriptor stays the caller's.
 */
void watch_stop(struct watch *);

#endif
