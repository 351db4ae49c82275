/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * An instance of a driver and its port.  It is served in the threads of its
 * clients, one at a time if it is MP_SERIAL.  MSGPORT_PARITY applies to it.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "tool.h"
#include <errno.h>
#include <msgport/agent.h>
#include <stdlib.h>
#include <string.h>

#define PARITY_SLOTS 16u

int
instance_open(struct instance *i, const struct mp_driver *d,
	      const struct mp_option_value *value)
{
	char error[TOOL_ERROR_SIZE] = "";
	int code = 0;

	if (d->open != NULL)
		code = d->open(value, &i->fs, error, sizeof(error));
	if (code != 0) {
		tool_error("driver %s: %s%s%s", d->name, strerror(-code),
			   error[0] != '\0' ? ": " : "", error);
		return TOOL_FAILED;
	}
	i->driver = d;
	i->vfs = (struct mp_vfs){ .ops = d->vfs, .fs = i->fs };
	if (d->threading == MP_PARALLEL)
		mp_port_init_call(&i->port, mp_vfs_handle, &i->vfs);
	else
		mp_port_init_serial(&i->port, mp_vfs_handle, &i->vfs);
	i->port.iface = d->iface;
	i->port.name = d->name;
	if (d->may_block != 0)
		i->port.flags |= MP_PORT_MAY_BLOCK;
	return spy_start(&i->spy, &i->port);
}

int
instance_start(struct instance *i)
{
	const char *text = getenv("MSGPORT_PARITY");
	struct mp_parity_conf conf = { .slots = PARITY_SLOTS };
	int code;

	if (text == NULL)
		return TOOL_OK;
	code = mp_parity_parse(text, &conf);
	if (code == 0 && conf.modes == 0)
		return TOOL_OK;
	i->slots = calloc(1, mp_parity_size(i->port.iface, PARITY_SLOTS));
	conf.memory = i->slots;
	if (code == 0)
		code = i->slots != NULL ?
			       mp_parity_start(&i->parity, &i->port, &conf) :
			       -ENOMEM;
	if (code == 0)
		return TOOL_OK;
	tool_error("MSGPORT_PARITY='%s': %s", text, strerror(-code));
	free(i->slots);
	i->slots = NULL;
	return TOOL_FAILED;
}

void
instance_close(struct instance *i)
{
	if (i->driver == NULL)
		return;
	if (i->slots != NULL)
		mp_parity_stop(&i->parity);
	spy_stop(i->spy);
	mp_port_fini(&i->port);
	if (i->driver->close != NULL)
		i->driver->close(i->fs);
	free(i->slots);
	memset(i, 0, sizeof(*i));
}
