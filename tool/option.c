/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The command line of `msgport mount'.  An option of -o is the driver's if the
 * driver knows it, else the front-end's, else FUSE's, else refused.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "mount.h"
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
	"usage: msgport mount [-f] [-d DOMAIN] [-o OPTION,...] [--stats]\n"
	"                     TARGET DIR\n"
	"\n"
	"TARGET is DRIVER[,KEY=VALUE...], or a published port: port:NAME, or\n"
	"direct:NAME of this process, process:NAME of another.\n"
	"\n"
	"  -d, --domain WHERE\n"
	"                    direct: drivers run here; process: in a sandbox\n"
	"  -f, --foreground  stay, and end when it is unmounted\n"
	"  -o OPTION,...     options of the driver, of FUSE, or of these:\n"
	"                    threads=N      most requests at once (64)\n"
	"                    clone_fd       a queue for each thread\n"
	"                    intr           interrupts reach drivers that run\n"
	"                                   in the thread of the request\n"
	"                    no_writeback   the kernel holds back no writes\n"
	"                    no_readdirplus\n"
	"      --stats       print the port's counters when it is unmounted\n"
	"  -h, --help        print this\n"
	"\n"
	"Mounted by root it is for all users, else only for who mounted it.\n"
	"SIGINT, SIGTERM and SIGHUP unmount.\n"
	"exit status: 0 done, 1 the operation failed, 2 wrong usage\n"
	"\n"
	"drivers and their options:\n";

/* What mount(8) and libfuse understand; those that take a value end in '='. */
static const char *const fuse_option[] = {
	"ro",	       "rw",	       "suid",	  "nosuid",   "dev",
	"nodev",       "exec",	       "noexec",  "async",    "sync",
	"dirsync",     "noatime",      "fsname=", "subtype=", "allow_root",
	"allow_other", "auto_unmount",
};

#define FUSE_OPTIONS (sizeof(fuse_option) / sizeof(fuse_option[0]))

static void
append(char **list, const char *option)
{
	char *all;

	if (asprintf(&all, "%s%s%s", *list != NULL ? *list : "",
		     *list != NULL ? "," : "", option) < 0)
		abort();
	free(*list);
	*list = all;
}

static bool
takes_fuse(struct mount *m, const char *option)
{
	size_t n = strcspn(option, "=");

	n += option[n] == '=';
	for (size_t i = 0; i < FUSE_OPTIONS; i++)
		if (strlen(fuse_option[i]) == n &&
		    memcmp(fuse_option[i], option, n) == 0) {
			append(&m->options, option);
			return true;
		}
	return false;
}

static bool
takes_threads(struct mount *m, const char *text)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end != '\0' || n < 1 || n > 1000)
		return false;
	m->conf.threads_max = (uint32_t)n;
	return true;
}

static bool
takes_front(struct mount *m, const char *option)
{
	if (strncmp(option, "threads=", 8) == 0)
		return takes_threads(m, option + 8);
	if (strcmp(option, "clone_fd") == 0)
		m->conf.flags |= MP_FUSE_CLONE_FD;
	else if (strcmp(option, "intr") == 0)
		m->conf.flags |= MP_FUSE_INTR;
	else if (strcmp(option, "no_writeback") == 0)
		m->conf.caps_off |= MP_VFS_CAP_WRITEBACK;
	else if (strcmp(option, "no_readdirplus") == 0)
		m->conf.caps_off |= MP_VFS_CAP_READDIRPLUS;
	else
		return false;
	return true;
}

static int
parse_options(struct mount *m, char *text)
{
	char *save = NULL;

	for (char *o = strtok_r(text, ",", &save); o != NULL;
	     o = strtok_r(NULL, ",", &save)) {
		if (target_takes(&m->target, o) || takes_front(m, o) ||
		    takes_fuse(m, o))
			continue;
		tool_error("bad option '%s'; there are:", o);
		fputs("  of the driver:", stderr);
		target_options(&m->target, stderr);
		fputs("\n  of the mount: threads=1..1000 clone_fd intr "
		      "no_writeback no_readdirplus\n  of FUSE:",
		      stderr);
		for (size_t i = 0; i < FUSE_OPTIONS; i++)
			fprintf(stderr, " %s", fuse_option[i]);
		fputc('\n', stderr);
		return TOOL_USAGE;
	}
	return TOOL_OK;
}

static void
default_options(struct mount *m)
{
	const struct target *t = &m->target;
	const char *name = t->driver != NULL ? t->driver->name : t->name;
	char text[128];

	if (m->options == NULL || strstr(m->options, "subtype=") == NULL)
		append(&m->options, "subtype=msgport");
	if (strstr(m->options, "fsname=") == NULL) {
		(void)snprintf(text, sizeof(text), "fsname=%s", name);
		append(&m->options, text);
	}
	if (geteuid() == 0 && strstr(m->options, "allow_") == NULL)
		append(&m->options, "allow_other");
}

int
mount_parse(struct mount *m, int argc, char **argv)
{
	static const struct option option[] = {
		{ "domain", required_argument, NULL, 'd' },
		{ "foreground", no_argument, NULL, 'f' },
		{ "stats", no_argument, NULL, 's' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	const char *domain = NULL;
	char *list = NULL;
	int c, code;

	while ((c = getopt_long(argc, argv, "d:fho:", option, NULL)) != -1) {
		if (c == 'f')
			m->foreground = true;
		else if (c == 's')
			m->stats = true;
		else if (c == 'd')
			domain = optarg;
		else if (c == 'o')
			append(&list, optarg);
		else if (c == 'h') {
			fputs(help, stdout);
			driver_list(stdout);
			exit(fflush(stdout) == 0 ? TOOL_OK : TOOL_FAILED);
		} else
			return TOOL_USAGE;
	}
	if (argc - optind != 2) {
		tool_error("mount wants a target and a directory; see "
			   "`msgport mount --help'");
		return TOOL_USAGE;
	}
	m->dir = argv[optind + 1];
	code = target_parse(&m->target, argv[optind]);
	if (code == TOOL_OK && domain != NULL)
		code = target_domain(&m->target, domain);
	if (code == TOOL_OK && list != NULL)
		code = parse_options(m, list);
	free(list);
	if (code == TOOL_OK)
		code = target_check(&m->target);
	if (code == TOOL_OK)
		default_options(m);
	return code;
}
