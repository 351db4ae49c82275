/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef TOOL_SERVE_H
#define TOOL_SERVE_H

/* `msgport serve': what was asked for, and what became of it. */

#include "host.h"

struct serve {
	struct target target;
	struct host_conf conf;
	struct host host;
	bool foreground, restart;
	bool live; /* one has been */
	int behind;
	int signals;
};

/* tool/supervise.c: until it is ended, or the host has and stays so */
int serve_run(struct serve *);

#endif
