/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef TOOL_REACH_H
#define TOOL_REACH_H

/* A published port of another process, as its server describes it. */

#include "tool.h"
#include "../broker/admin.h"

struct reach {
	const char *name; /* bare */
	struct owner owner;
	struct wire_info info;
	const struct mp_iface *iface; /* NULL: this program does not know it */
	struct mp_iface foreign;      /* that one, without its operations */
};

/* tool/reach.c */
/*
 * NAME as given, with or without `process:' or `port:': TOOL_OK, or an error
 * that was printed.
 */
int reach_ask(struct reach *, const char *name);
/* Opens a link to it: TOOL_OK, or an error that was printed. */
int reach_link(const struct reach *, struct mp_port **);
/* What to call a port of which asking gave this code. */
const char *reach_state(int code);
/* Prints why a port cannot be reached. */
void reach_error(const char *name, int code, const struct owner *);
/* NULL: unknown to this program. */
const struct mp_iface *reach_iface(const char *name, uint32_t class_id);

#endif
