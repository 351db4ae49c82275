/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * From a target to its port.
 *
 * A driver runs here, or in a process of its own that ends with the target.
 * That one has its name in a folder of its own, for as long as it takes to
 * open a link to it.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "host.h"
#include <errno.h>
#include <msgport/name.h>
#include <msgport/process.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ARENA (8ull << 20) /* several of FUSE's largest requests at once */
#define HOST_NAME "host"

static const char *
why(int code)
{
	switch (code) {
	case -ENOENT:
		return "nobody publishes it, or whoever did is dead";
	case -EPROTONOSUPPORT:
		return "it does not speak vfs, or another protocol";
	case -EUSERS:
		return "it has as many clients as it serves";
	case -EPIPE:
		return "its server died";
	default:
		return strerror(-code);
	}
}

static int
open_link(struct target *t, const char *name)
{
	const struct mp_link_conf conf = { .arena_bytes = ARENA };
	int code = mp_link_open(name, &mp_vfs_iface, &conf, &t->link);

	t->port = t->link;
	if (code == 0)
		return TOOL_OK;
	tool_error(code == -ENOENT ? "no port '%s': %s" : "port '%s': %s", name,
		   why(code));
	return TOOL_FAILED;
}

static int
find_port(struct target *t)
{
	if (t->domain != DOMAIN_PROCESS)
		t->found = t->port = mp_name_find(t->name);
	if (t->port == NULL && t->domain != DOMAIN_DIRECT)
		return open_link(t, t->name);
	if (t->port == NULL) {
		tool_error("no port '%s' is published in this process",
			   t->name);
		return TOOL_FAILED;
	}
	if (t->port->iface != NULL &&
	    t->port->iface->class_id != MP_CLASS_VFS) {
		tool_error("port '%s' speaks %s, not vfs", t->name,
			   t->port->iface->name);
		return TOOL_FAILED;
	}
	return TOOL_OK;
}

/* ---- and our own */

static int
open_host(struct target *t)
{
	struct host_conf conf = {
		.target = t, .name = HOST_NAME, .mode = 0600, .strict = true
	};
	char line[TOOL_ERROR_SIZE];
	int code = host_listen(&conf);

	if (code == TOOL_OK)
		code = host_start(&t->host, &conf);
	if (code == TOOL_OK)
		code = host_hear(&t->host, line, sizeof(line));
	if (code == TOOL_OK)
		code = open_link(t, HOST_NAME);
	host_unlisten(&conf);
	return code;
}

/* The folder holds but a socket that is gone by then. */
static int
open_apart(struct target *t)
{
	const char *tmp = getenv("TMPDIR");
	char *old = getenv("MSGPORT_DIR");
	char *dir = NULL;
	int code = TOOL_FAILED;

	if (old != NULL)
		old = strdup(old);
	if (asprintf(&dir, "%s/msgport.XXXXXX", tmp != NULL ? tmp : "/tmp") < 0)
		abort();
	if (mkdtemp(dir) == NULL)
		tool_error("cannot make '%s': %s", dir, strerror(errno));
	else {
		(void)setenv("MSGPORT_DIR", dir, 1);
		code = open_host(t);
		(void)rmdir(dir);
		(void)unsetenv("MSGPORT_DIR");
		if (old != NULL)
			(void)setenv("MSGPORT_DIR", old, 1);
	}
	free(dir);
	free(old);
	return code;
}

int
target_open(struct target *t)
{
	int code;

	if (t->driver == NULL)
		return find_port(t);
	if (t->domain == DOMAIN_PROCESS)
		return open_apart(t);
	code = instance_open(&t->own, t->driver, t->value);
	if (code == TOOL_OK)
		code = instance_start(&t->own);
	if (code == TOOL_OK)
		t->port = &t->own.port;
	return code;
}

void
target_close(struct target *t)
{
	if (t->found != NULL)
		mp_port_unref(t->found);
	mp_link_close(t->link);
	host_end(&t->host);
	instance_close(&t->own);
	free(t->options);
	memset(t, 0, sizeof(*t));
}
