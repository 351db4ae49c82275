/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef SCRIPT_H
#define SCRIPT_H

/*
 * Scripts: what one client asks of a vfs port, the same for the same seed as
 * long as the answers are.  Of the system they use nothing: no clock, no
 * random numbers, no user.
 *
 * The driver's side has a clock that goes forward and memory that runs out
 * with the messages, counted as they come.  What the table of the interface
 * refuses is refused before any boundary, and does not count.
 */

#include "vfs_mock.h"

#define SCRIPT_NODES 64u
#define SCRIPT_OPENS 24u
#define SCRIPT_ROOM 81920u
#define SCRIPT_IO_MAX 16384u /* bytes that are really read or written */

struct script_node {
	uint64_t id; /* 0: free */
	uint64_t lookups;
	uint32_t type; /* of mode */
};

struct script_open {
	uint64_t node; /* 0: free */
	uint64_t fh;
	bool dir;
};

struct script {
	struct mp_port *port;
	uint64_t seed;
	/* Each message once it is over. */
	void (*over)(void *arg, const struct mp_msg *, int code);
	/* Is there yet something to be seen of the operation? */
	bool (*wants)(void *arg, uint32_t op);
	void *arg;

	/* Private from here on; zero. */
	uint64_t random;
	uint64_t counted; /* messages that the table let through */
	union vfs_any m;
	struct script_node node[SCRIPT_NODES];
	struct script_open open[SCRIPT_OPENS];
	uint64_t room[SCRIPT_ROOM / 8];
};

/* test/script.c */
/* So many messages that count, then more of what is wanted, up to a bound. */
void script_run(struct script *, uint64_t messages);
/* More links of one file than a file may have. */
void script_links(struct script *);
/* Before the n-th message the driver's clock goes forward by so much; */
uint64_t script_tick_ns(uint64_t seed, uint64_t n);
/* and of the allocations for it this one fails, if not 0. */
uint64_t script_fault(uint64_t seed, uint64_t n);

/* What follows is for test/ask.c and test/scene.c. */
uint64_t script_below(struct script *, uint64_t n);
void script_begin(struct script *, uint32_t op);
int script_send(struct script *);
void script_name(uint32_t *len, char *to, const char *name);
void script_forget(struct script *, uint64_t node, uint64_t lookups);

/* test/ask.c */
/*
 * The next message: one that allocates if it must be; late: only what is
 * wanted, and false if that is nothing.
 */
bool ask_next(struct script *, bool allocates, bool late);

/* test/scene.c: room runs out in a directory, for a user or for all */
void scene_room(struct script *, uint32_t uid);

#endif
