/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Targets: what a subcommand works on.
 *
 *	DRIVER[,KEY=VALUE...]	a driver linked into this program
 *	port:NAME		a published port, wherever it is
 *	process:NAME		the same, of another process
 *	kernel:NAME		the same, of the kernel
 *
 * A driver is served in the threads of its clients, one at a time if it is
 * MP_SERIAL.  MSGPORT_PARITY applies to a port that is made here.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "tool.h"
#include <msgport/agent.h>
#include <msgport/name.h>
#include <stdlib.h>
#include <string.h>

#define PARITY_SLOTS 16u
#define ERROR_SIZE 512u

extern const struct mp_driver mp_driver_vfs_mem;

static const struct mp_driver *const drivers[] = {
	&mp_driver_vfs_mem,
};

#define DRIVERS (sizeof(drivers) / sizeof(drivers[0]))

void
target_list(FILE *to)
{
	const struct mp_option *o;

	for (size_t i = 0; i < DRIVERS; i++) {
		fprintf(to, "  %s: %s\n", drivers[i]->name,
			drivers[i]->summary);
		for (uint32_t j = 0; j < drivers[i]->options; j++) {
			o = &drivers[i]->option[j];
			fprintf(to, "    %-14s %s%s%s%s%s%s\n", o->name,
				o->help, o->words != NULL ? "; " : "",
				o->words != NULL ? o->words : "",
				o->initial != NULL ? " (" : "",
				o->initial != NULL ? o->initial : "",
				o->initial != NULL ? ")" : "");
		}
	}
}

void
target_options(const struct target *t, FILE *to)
{
	for (uint32_t i = 0; t->driver != NULL && i < t->driver->options; i++)
		fprintf(to, " %s", t->driver->option[i].name);
}

static int
find_driver(struct target *t, const char *text)
{
	size_t n = strcspn(text, ",");

	for (size_t i = 0; i < DRIVERS; i++)
		if (strlen(drivers[i]->name) == n &&
		    memcmp(drivers[i]->name, text, n) == 0)
			t->driver = drivers[i];
	if (t->driver == NULL) {
		tool_error("unknown driver '%.*s'; there are:", (int)n, text);
		target_list(stderr);
		return TOOL_USAGE;
	}
	if (text[n] == '\0')
		return TOOL_OK;
	t->options = strdup(text + n + 1);
	return t->options != NULL ? TOOL_OK : TOOL_FAILED;
}

static int
find_port(struct target *t, const char *name)
{
	t->port = mp_name_find(name);
	if (t->port == NULL) {
		tool_error("no port '%s' is published in this process; ports "
			   "of other processes and of the kernel are not "
			   "available in this build",
			   name);
		return TOOL_FAILED;
	}
	if (t->port->iface != NULL &&
	    t->port->iface->class_id != MP_CLASS_VFS) {
		tool_error("port '%s' speaks %s, not vfs", name,
			   t->port->iface->name);
		return TOOL_FAILED;
	}
	return TOOL_OK;
}

int
target_parse(struct target *t, const char *text)
{
	memset(t, 0, sizeof(*t));
	if (strncmp(text, "port:", 5) == 0)
		return find_port(t, text + 5);
	if (strncmp(text, "direct:", 7) == 0)
		return find_port(t, text + 7);
	if (strncmp(text, "process:", 8) == 0 ||
	    strncmp(text, "kernel:", 7) == 0) {
		tool_error("'%s': ports of %s are not available in this build",
			   text,
			   text[0] == 'p' ? "other processes" : "the kernel");
		return TOOL_USAGE;
	}
	return find_driver(t, text);
}

bool
target_takes(struct target *t, const char *option)
{
	size_t n = strcspn(option, "=");
	bool known = false;
	char *all;

	for (uint32_t i = 0; t->driver != NULL && i < t->driver->options; i++)
		known |= strlen(t->driver->option[i].name) == n &&
			 memcmp(t->driver->option[i].name, option, n) == 0;
	if (!known)
		return false;
	if (asprintf(&all, "%s%s%s", t->options != NULL ? t->options : "",
		     t->options != NULL ? "," : "", option) < 0)
		abort();
	free(t->options);
	t->options = all;
	return true;
}

int
target_check(struct target *t)
{
	char error[ERROR_SIZE] = "";
	const char *fault;

	if (t->driver == NULL)
		return TOOL_OK;
	fault = mp_driver_fault(t->driver);
	if (fault != NULL) {
		tool_error("driver %s: %s", t->driver->name, fault);
		return TOOL_FAILED;
	}
	if (t->driver->vfs == NULL) {
		tool_error("driver %s is no file system", t->driver->name);
		return TOOL_USAGE;
	}
	if (mp_driver_options(t->driver, t->options, t->value, error,
			      sizeof(error)) != 0) {
		tool_error("driver %s: %s", t->driver->name, error);
		return TOOL_USAGE;
	}
	return TOOL_OK;
}

static int
parity_start(struct target *t)
{
	const char *text = getenv("MSGPORT_PARITY");
	struct mp_parity_conf conf = { .slots = PARITY_SLOTS };
	int code;

	if (text == NULL)
		return TOOL_OK;
	code = mp_parity_parse(text, &conf);
	if (code == 0 && conf.modes == 0)
		return TOOL_OK;
	t->slots = calloc(1, mp_parity_size(t->own.iface, PARITY_SLOTS));
	conf.memory = t->slots;
	if (code == 0)
		code = t->slots != NULL ?
			       mp_parity_start(&t->parity, &t->own, &conf) :
			       -ENOMEM;
	if (code == 0)
		return TOOL_OK;
	tool_error("MSGPORT_PARITY='%s': %s", text, strerror(-code));
	free(t->slots);
	t->slots = NULL;
	return TOOL_FAILED;
}

int
target_open(struct target *t)
{
	char error[ERROR_SIZE] = "";
	int code;

	if (t->driver == NULL)
		return TOOL_OK;
	code = t->driver->open(t->value, &t->fs, error, sizeof(error));
	if (code != 0) {
		tool_error("driver %s: %s%s%s", t->driver->name,
			   strerror(-code), error[0] != '\0' ? ": " : "",
			   error);
		return TOOL_FAILED;
	}
	t->open = true;
	t->vfs = (struct mp_vfs){ .ops = t->driver->vfs, .fs = t->fs };
	if (t->driver->threading == MP_PARALLEL)
		mp_port_init_call(&t->own, mp_vfs_handle, &t->vfs);
	else
		mp_port_init_serial(&t->own, mp_vfs_handle, &t->vfs);
	t->own.iface = t->driver->iface;
	t->own.name = t->driver->name;
	if (t->driver->may_block != 0)
		t->own.flags |= MP_PORT_MAY_BLOCK;
	t->port = &t->own;
	return parity_start(t);
}

void
target_close(struct target *t)
{
	if (t->driver == NULL && t->port != NULL)
		mp_port_unref(t->port);
	if (t->open) {
		if (t->slots != NULL)
			mp_parity_stop(&t->parity);
		mp_port_fini(&t->own);
		t->driver->close(t->fs);
	}
	free(t->slots);
	free(t->options);
	memset(t, 0, sizeof(*t));
}
