/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef TOOL_MOUNT_H
#define TOOL_MOUNT_H

/* `msgport mount': what was asked for, and what became of it. */

#include "tool.h"
#include "../front/fuse.h"
#include <pthread.h>

struct mount {
	struct target target;
	struct mp_fuse fuse;
	struct mp_fuse_conf conf;
	struct count count;
	const char *dir;
	char *options; /* of FUSE */
	bool foreground;
	bool stats;
	int live; /* where to say that it is, or -1 */
	pthread_t stopper;
};

/* tool/option.c: TOOL_OK, or an error that was printed; --help exits. */
int mount_parse(struct mount *, int argc, char **argv);

#endif
