/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * msgport mount: a driver, or a published port, at a directory.
 *
 * Signals that ask for the end are taken by a thread of their own, while the
 * others go on serving: the kernel has to write back what it holds.  A second
 * signal ends the program at once.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "mount.h"
#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* By a thread of the front-end's, when it is live or has failed to be. */
static void
ready(void *arg, int error)
{
	struct mount *m = arg;

	if (error == 0)
		behind_live(&m->live, m->stats);
}

static void
signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGHUP);
}

static void *
stopper(void *arg)
{
	struct mount *m = arg;
	sigset_t set;
	int which;

	signals(&set);
	(void)sigwait(&set, &which);
	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &which);
	(void)pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	mp_fuse_stop(&m->fuse);
	(void)pthread_sigmask(SIG_BLOCK, &set, NULL);
	return NULL;
}

static int
serve(struct mount *m)
{
	int code = mp_fuse_open(&m->fuse,
				m->stats ? &m->count.port : m->target.port,
				m->dir, &m->conf);

	if (code != 0) {
		tool_error("cannot mount at '%s': %s", m->dir, strerror(-code));
		return TOOL_FAILED;
	}
	if (pthread_create(&m->stopper, NULL, stopper, m) != 0) {
		tool_error("cannot start a thread");
		mp_fuse_close(&m->fuse);
		return TOOL_FAILED;
	}
	code = mp_fuse_run(&m->fuse);
	(void)pthread_cancel(m->stopper);
	(void)pthread_join(m->stopper, NULL);
	mp_fuse_close(&m->fuse);
	if (code != 0)
		tool_error("cannot serve '%s': %s", m->dir, strerror(-code));
	return code == 0 ? TOOL_OK : TOOL_FAILED;
}

static int
run(struct mount *m)
{
	sigset_t set;
	int code;

	signals(&set);
	(void)pthread_sigmask(SIG_BLOCK, &set, NULL);
	m->conf.mount = m->options;
	m->conf.ready = ready;
	m->conf.arg = m;
	code = target_open(&m->target);
	if (code != TOOL_OK)
		return code;
	if (m->stats)
		count_init(&m->count, &m->target);
	code = serve(m);
	if (m->stats) {
		count_print(&m->count, stdout);
		count_fini(&m->count);
	}
	return fflush(stdout) == 0 ? code : TOOL_FAILED;
}

int
tool_mount(int argc, char **argv)
{
	static struct mount m = { .live = -1 };
	int code = mount_parse(&m, argc, argv);

	if (code == TOOL_OK)
		code = m.foreground || behind(&m.live, &code) ? run(&m) : code;
	target_close(&m.target);
	free(m.options);
	return code;
}
