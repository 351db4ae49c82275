/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MSGPORT_NAME_H
#define MSGPORT_NAME_H

/*
 * The process's own registry: names for ports.
 *
 * A port that is found is counted, so a send to it is safe against its removal
 * at the same time: it is delivered or refused.  mp_port_unref() when done.
 * The entry is the publisher's memory until mp_name_withdraw() returns; the
 * port until its count is zero, when port->released is called.
 */

#include <msgport/port.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MP_NAME_MAX 63 /* bytes; letters, digits and . _ - */

struct mp_name {
	char name[MP_NAME_MAX + 1];

	/* Private from here on. */
	struct mp_port *port;
	struct mp_name *next;
};

/* core/name.c */
bool mp_name_ok(const char *name);
/* 0, or EINVAL for a bad name, EEXIST for one in use.  Counts the port. */
int mp_name_publish(struct mp_name *, const char *name, struct mp_port *);
/* Later finds fail; gives back the publisher's count.  Once a publish. */
void mp_name_withdraw(struct mp_name *);
/* A counted port, or NULL. */
struct mp_port *mp_name_find(const char *name);
/* The n-th name from 0 in no order: 0, or ENOENT when there are fewer. */
int mp_name_list(uint32_t n, char name[MP_NAME_MAX + 1]);

#ifdef __cplusplus
}
#endif

#endif
