/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef TOOL_HOST_H
#define TOOL_HOST_H

/* A process that has a driver and nothing else. */

#include "tool.h"
#include "../broker/socket.h"

struct host_conf {
	const struct target *target; /* a driver, checked */
	const char *name;
	uint32_t mode; /* of the name */
	bool strict;   /* in the sandbox */
	bool quiet;    /* the terminal is not its own once it serves */
	struct listener listener;
};

/* What is in force, in words. */
struct sandbox {
	char text[384];
	uint64_t file_max; /* bytes, of memory shared with a client */
	uint32_t files_max;
};

/* tool/host.c: TOOL_OK, or an error that was printed */
/* Makes the name, which outlives the processes behind it. */
int host_listen(struct host_conf *);
void host_unlisten(struct host_conf *);
int host_start(struct host *, const struct host_conf *);
/* Its first line, when it serves; or it has ended, and that was told. */
int host_hear(struct host *, char *line, size_t size);
/* Ends it, and tells if it had ended by itself. */
void host_end(struct host *);
/* How it ended, from waitpid(). */
void host_cause(int status, char *text, size_t size);

/* tool/child.c: what the process does from its first moment on */
_Noreturn void child_run(const struct host_conf *, int ready, pid_t parent);

/*
 * tool/sandbox.c: in a process with one thread, whose files are open; from
 * here on it can only get less.  0 or a negative errno.
 */
int sandbox_enter(struct sandbox *);
/* Its threads have started: it needs no more of them. */
int sandbox_seal(void);

/* tool/filter.c: of system calls */
int filter_start(void);
int filter_seal(void);

#endif
