/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What a process gives up: namespaces, files, privileges, resources, system
 * calls.  Most of it is a thread's own, so it is done before there is a second
 * one.  What a kernel has not, or an ordinary user may not do, is left out and
 * told; no_new_privs, capabilities, limits and the filter are not optional.
 *
 * Landlock's header may be older than the kernel, so its numbers stand here:
 * no right of any kind is granted, which is why there are no rules.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "host.h"
#include <errno.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define EMPTY "/tmp" /* some folder, to cover */
#define LANDLOCK_ABI 7
#define CAPABILITIES 64

/* Each version's rights and scopes, all that it knows. */
static const struct {
	uint64_t fs, net, scoped;
} right[LANDLOCK_ABI + 1] = {
	{ 0, 0, 0 },	      { 0x1fff, 0, 0 },	    { 0x3fff, 0, 0 },
	{ 0x7fff, 0, 0 },     { 0x7fff, 0x3, 0 },   { 0xffff, 0x3, 0 },
	{ 0xffff, 0x3, 0x3 }, { 0xffff, 0x3, 0x3 },
};

static void __attribute__((format(printf, 2, 3)))
tell(struct sandbox *s, const char *fmt, ...)
{
	size_t n = strlen(s->text);
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(s->text + n, sizeof(s->text) - n, fmt, ap);
	va_end(ap);
}

/* A root without files; nothing else is mounted. */
static int
empty_root(void)
{
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("none", EMPTY, "tmpfs", MS_RDONLY | MS_NOEXEC, NULL) != 0 ||
	    chdir(EMPTY) != 0 || syscall(SYS_pivot_root, ".", ".") != 0 ||
	    umount2(".", MNT_DETACH) != 0 || chdir("/") != 0)
		return -errno;
	return 0;
}

static void
enter_namespaces(struct sandbox *s)
{
	static const struct {
		const char *name;
		int flag;
	} space[] = {
		{ "mount", CLONE_NEWNS },
		{ "network", CLONE_NEWNET },
		{ "ipc", CLONE_NEWIPC },
	};

	for (size_t i = 0; i < sizeof(space) / sizeof(space[0]); i++) {
		int code = unshare(space[i].flag) == 0 ? 0 : -errno;

		if (code == 0 && space[i].flag == CLONE_NEWNS)
			code = empty_root();
		if (code == 0)
			tell(s, " %s_namespace", space[i].name);
		else
			tell(s, " (no %s_namespace: %s)", space[i].name,
			     strerror(-code));
	}
}

static void
enter_landlock(struct sandbox *s)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, 1);
	int known = abi > LANDLOCK_ABI ? LANDLOCK_ABI : (int)abi;
	long fd = -1;

	if (abi > 0)
		fd = syscall(SYS_landlock_create_ruleset, &right[known],
			     sizeof(right[known]), 0);
	if (fd >= 0 && syscall(SYS_landlock_restrict_self, fd, 0) == 0)
		tell(s, " landlock");
	else
		tell(s, " (no landlock: %s)", strerror(errno));
	if (fd >= 0)
		(void)close((int)fd);
}

/* The bounding set is root's to drop, and without privileges means nothing. */
static int
drop_capabilities(void)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3
	};
	struct __user_cap_data_struct none[2] = { { 0 } };

	for (int i = 0; i < CAPABILITIES; i++)
		(void)prctl(PR_CAPBSET_DROP, i, 0, 0, 0);
	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	return syscall(SYS_capset, &head, none) == 0 ? 0 : -errno;
}

static int
limit(int resource, uint64_t most)
{
	struct rlimit r = { most, most };

	return syscall(SYS_prlimit64, 0, resource, &r, NULL) == 0 ? 0 : -errno;
}

int
sandbox_enter(struct sandbox *s)
{
	int code = 0;

	s->text[0] = '\0';
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		code = -errno;
	tell(s, " no_new_privs caps seccomp rlimits");
	enter_namespaces(s);
	enter_landlock(s);
	if (code == 0)
		code = drop_capabilities();
	if (code == 0)
		code = limit(RLIMIT_CORE, 0);
	if (code == 0)
		code = limit(RLIMIT_FSIZE, s->file_max);
	if (code == 0)
		code = limit(RLIMIT_NOFILE, s->files_max);
	return code == 0 ? filter_start() : code;
}

int
sandbox_seal(void)
{
	int code = limit(RLIMIT_NPROC, 0);

	return code == 0 ? filter_seal() : code;
}
