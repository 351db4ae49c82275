/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Reaching published ports, and saying why one cannot be reached.
 *
 * A name is a socket on disk.  Nobody behind it: its server is dead.  Somebody
 * who may not be asked: forbidden.  Somebody who says what we do not
 * understand: foreign.  Somebody who says nothing: silent.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "reach.h"
#include "../broker/socket.h"
#include <errno.h>
#include <limits.h>
#include <msgport/name.h>
#include <msgport/vfs.h>
#include <string.h>
#include <sys/stat.h>

static const struct mp_iface *const known[] = {
	&mp_vfs_iface,
};

#define KNOWN (sizeof(known) / sizeof(known[0]))

const struct mp_iface *
reach_iface(const char *name, uint32_t class_id)
{
	for (size_t i = 0; i < KNOWN; i++)
		if (known[i]->class_id == class_id &&
		    strcmp(known[i]->name, name) == 0)
			return known[i];
	return NULL;
}

const char *
reach_state(int code)
{
	switch (code) {
	case 0:
		return "live";
	case -ENOENT:
	case -EPIPE:
		return "dead";
	case -EACCES:
	case -EPERM:
		return "forbidden";
	case -ETIMEDOUT:
		return "silent";
	case -EUSERS:
		return "full";
	default:
		return "foreign";
	}
}

/* Whether a dead server has left the name behind. */
static bool
is_left(const char *name)
{
	char path[PATH_MAX];
	struct stat st;
	size_t len;

	if (socket_dir(path, sizeof(path)) != 0)
		return false;
	len = strlen(path);
	(void)snprintf(path + len, sizeof(path) - len, "/%s", name);
	return lstat(path, &st) == 0;
}

static void
no_such_name(const char *name)
{
	char dir[PATH_MAX] = "?";

	(void)socket_dir(dir, sizeof(dir));
	tool_error("no port '%s' is published in %s", name, dir);
}

void
reach_error(const char *name, int code, const struct owner *o)
{
	const char *state = reach_state(code);

	if (code == -ENOENT && !is_left(name))
		no_such_name(name);
	else if (strcmp(state, "dead") == 0)
		tool_error("port '%s' is dead: its server has ended", name);
	else if (strcmp(state, "forbidden") == 0)
		tool_error("port '%s' is forbidden to you", name);
	else if (strcmp(state, "silent") == 0)
		tool_error("port '%s' is silent: process %d does not answer",
			   name, (int)o->pid);
	else if (strcmp(state, "full") == 0)
		tool_error("port '%s' is full: it has as many clients as it "
			   "takes",
			   name);
	else
		tool_error("port '%s' is foreign: process %d speaks another "
			   "protocol (%s)",
			   name, (int)o->pid, strerror(-code));
}

static const char *
bare(const char *name)
{
	if (strncmp(name, "process:", 8) == 0)
		return name + 8;
	return strncmp(name, "port:", 5) == 0 ? name + 5 : name;
}

int
reach_ask(struct reach *r, const char *name)
{
	int code;

	memset(r, 0, sizeof(*r));
	if (strncmp(name, "kernel:", 7) == 0 ||
	    strncmp(name, "direct:", 7) == 0) {
		tool_error("'%s': only ports of other processes can be asked",
			   name);
		return TOOL_USAGE;
	}
	r->name = bare(name);
	if (!mp_name_ok(r->name)) {
		tool_error("'%s' cannot be the name of a port", r->name);
		return TOOL_USAGE;
	}
	code = ask_info(r->name, &r->info, &r->owner);
	if (code != 0) {
		reach_error(r->name, code, &r->owner);
		return TOOL_FAILED;
	}
	r->iface = reach_iface(r->info.iface, r->info.class_id);
	r->foreign = (struct mp_iface){ .name = r->info.iface,
					.version = r->info.iface_version,
					.class_id = r->info.class_id };
	return TOOL_OK;
}

int
reach_link(const struct reach *r, struct mp_port **port)
{
	int code = mp_link_open(
		r->name, r->iface != NULL ? r->iface : &r->foreign, NULL, port);

	if (code == 0)
		return TOOL_OK;
	reach_error(r->name, code, &r->owner);
	return TOOL_FAILED;
}
