/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* msgport ls: the names on disk, and who is behind each. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "emit.h"
#include "reach.h"
#include "../broker/socket.h"
#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <msgport/name.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char help[] =
	"usage: msgport ls [--json]\n"
	"\n"
	"Lists the ports that are published in $MSGPORT_DIR, else in\n"
	"$XDG_RUNTIME_DIR/msgport, else in /run/msgport.\n"
	"\n"
	"      --json  a list of objects\n"
	"  -h, --help  print this\n"
	"\n"
	"states: live; dead, its server has ended; forbidden to you; silent,\n"
	"it does not answer; full of clients; foreign, it is something else\n"
	"exit status: 0 done, 1 the operation failed, 2 wrong usage\n";

struct row {
	const char *name;
	const char *state;
	struct owner owner;
	bool live;
	struct wire_info info;
};

static void
print_row(const struct row *r)
{
	const struct passwd *pw = getpwuid(r->owner.uid);
	char iface[WIRE_NAME_MAX + 16] = "-", uid[16], pid[16] = "-";

	if (r->live)
		(void)snprintf(iface, sizeof(iface), "%s/%u", r->info.iface,
			       r->info.iface_version);
	(void)snprintf(uid, sizeof(uid), "%u", r->owner.uid);
	if (r->owner.pid != 0)
		(void)snprintf(pid, sizeof(pid), "%d", r->owner.pid);
	printf("%-20s %-12s %-8s %-10s %8s %s\n", r->name, iface, "process",
	       pw != NULL ? pw->pw_name : uid, pid, r->state);
}

static void
emit_row(struct emit *e, const struct row *r)
{
	emit_begin(e, NULL, false);
	emit_text(e, "name", r->name);
	emit_text(e, "domain", "process");
	emit_text(e, "state", r->state);
	emit_uint(e, "uid", r->owner.uid);
	if (r->owner.pid != 0)
		emit_int(e, "pid", r->owner.pid);
	if (r->live) {
		emit_text(e, "interface", r->info.iface);
		emit_uint(e, "version", r->info.iface_version);
	}
	emit_end(e);
}

/* False: no socket, so no port. */
static bool
look(struct row *r, const char *dir, const char *name)
{
	char path[PATH_MAX];
	struct stat st;
	int n = snprintf(path, sizeof(path), "%s/%s", dir, name);
	int code;

	if (n < 0 || (size_t)n >= sizeof(path) || !mp_name_ok(name) ||
	    lstat(path, &st) != 0 || !S_ISSOCK(st.st_mode))
		return false;
	code = ask_info(name, &r->info, &r->owner);
	if (r->owner.pid == 0)
		r->owner.uid = st.st_uid;
	r->name = name;
	r->state = reach_state(code);
	r->live = code == 0;
	return true;
}

static void
list(const char *dir, struct dirent **entry, int entries, bool json)
{
	struct emit e = { .to = stdout, .style = EMIT_JSON };
	struct row row;

	if (json)
		emit_begin(&e, NULL, true);
	else
		printf("%-20s %-12s %-8s %-10s %8s %s\n", "NAME", "INTERFACE",
		       "DOMAIN", "OWNER", "PID", "STATE");
	for (int i = 0; i < entries; i++) {
		if (!look(&row, dir, entry[i]->d_name))
			continue;
		if (json)
			emit_row(&e, &row);
		else
			print_row(&row);
	}
	if (json)
		emit_end(&e);
}

static int
run(bool json)
{
	struct dirent **entry = NULL;
	char dir[PATH_MAX];
	int entries = -1;

	if (socket_dir(dir, sizeof(dir)) == 0)
		entries = scandir(dir, &entry, NULL, alphasort);
	/* Made by who publishes first. */
	if (entries < 0 && errno != ENOENT) {
		tool_error("cannot read %s: %s", dir, strerror(errno));
		return TOOL_FAILED;
	}
	list(dir, entry, entries, json);
	for (int i = 0; i < entries; i++)
		free(entry[i]);
	free(entry);
	return fflush(stdout) == 0 ? TOOL_OK : TOOL_FAILED;
}

int
tool_ls(int argc, char **argv)
{
	static const struct option option[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	bool json = false;
	int c;

	while ((c = getopt_long(argc, argv, "h", option, NULL)) != -1) {
		if (c == 'h') {
			fputs(help, stdout);
			return fflush(stdout) == 0 ? TOOL_OK : TOOL_FAILED;
		}
		if (c != 'j')
			return TOOL_USAGE;
		json = true;
	}
	if (optind != argc) {
		tool_error("ls takes no arguments; see `msgport ls --help'");
		return TOOL_USAGE;
	}
	return run(json);
}
