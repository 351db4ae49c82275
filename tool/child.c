/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The process that hosts a driver, from within: it opens the driver, gives up
 * everything else, serves, and ends by SIGTERM, or with its parent.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "host.h"
#include <errno.h>
#include <fcntl.h>
#include <msgport/process.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define ARENA_MAX (16ull << 20)	 /* bytes of buffers of a client */
#define SLOTS_SIZE (16ull << 20) /* more than the rest of its memory */
#define TASK_LINKS 2u		 /* of a folder of none */
#ifdef __SANITIZE_THREAD__
#define THREADS 2u /* one is the sanitizer's */
#else
#define THREADS 1u
#endif
#define FILES_MAX 512u /* two a client, and a few */

static void
close_others(int one, int other)
{
	unsigned int low = (unsigned int)(one < other ? one : other);
	unsigned int high = (unsigned int)(one < other ? other : one);

	/* Where there is nothing between them it says so, and that is all. */
	(void)close_range(3, low - 1, 0);
	(void)close_range(low + 1, high - 1, 0);
	(void)close_range(high + 1, ~0u, 0);
}

static int
open_null(void)
{
	int null = open("/dev/null", O_RDWR);

	if (null >= 0)
		(void)dup2(null, STDIN_FILENO);
	return null;
}

/* Most of what is given up is given up by one thread, and for its children. */
static bool
is_alone(void)
{
	struct stat st;

	return stat("/proc/self/task", &st) != 0 ||
	       st.st_nlink <= TASK_LINKS + THREADS;
}

static int
lock_down(struct sandbox *s, bool strict)
{
	int code;

	if (!strict) {
		(void)strcpy(s->text, " none");
		return TOOL_OK;
	}
	code = is_alone() ? sandbox_enter(s) : -EBUSY;
	if (code == 0)
		return TOOL_OK;
	tool_error("cannot lock the host down: %s",
		   code == -EBUSY ? "its driver has started threads" :
				    strerror(-code));
	return TOOL_FAILED;
}

/* All threads there are have started. */
static int export(struct mp_export **e, const struct host_conf *c,
		  struct mp_port *port)
{
	const struct mp_export_conf conf = { .arena_max = ARENA_MAX,
					     .listener = c->listener.fd };
	int code = mp_export_open(c->name, port, &conf, e);

	if (code == 0 && c->strict)
		code = sandbox_seal();
	if (code == 0)
		return TOOL_OK;
	tool_error("cannot serve '%s': %s", c->name, strerror(-code));
	return TOOL_FAILED;
}

static void
say(int to, const struct host_conf *c, const struct sandbox *s)
{
	char line[TOOL_ERROR_SIZE];
	int n = snprintf(line, sizeof(line),
			 "msgport: serving %s as %s; sandbox:%s\n",
			 c->target->driver->name, c->name, s->text);

	if (n >= (int)sizeof(line))
		n = (int)sizeof(line) - 1;
	(void)!write(to, line, (size_t)n);
}

static int
run(const struct host_conf *c, int ready)
{
	struct sandbox s = { .file_max = ARENA_MAX + SLOTS_SIZE,
			     .files_max = FILES_MAX };
	struct instance own = { 0 };
	struct mp_export *e;
	sigset_t term;
	int code, null, which;

	close_others(c->listener.fd, ready);
	null = open_null();
	code = instance_open(&own, c->target->driver, c->target->value);
	if (code == TOOL_OK)
		code = lock_down(&s, c->strict);
	if (code == TOOL_OK)
		code = instance_start(&own);
	if (code == TOOL_OK)
		code = export(&e, c, &own.port);
	if (code != TOOL_OK)
		return code;
	if (c->quiet) {
		(void)dup2(null, STDOUT_FILENO);
		(void)dup2(null, STDERR_FILENO);
	}
	(void)close(null);
	mp_export_note(e, s.text + 1);
	say(ready, c, &s);
	(void)close(ready);
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	(void)sigwait(&term, &which);
	mp_export_close(e);
	instance_close(&own);
	return TOOL_OK;
}

/* A terminal's signals are for its parent, who decides when it ends. */
void
child_run(const struct host_conf *c, int ready, pid_t parent)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	(void)sigprocmask(SIG_SETMASK, &set, NULL);
	/* A limit that is met is an error of the call. */
	(void)signal(SIGXFSZ, SIG_IGN);
	(void)setsid();
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(TOOL_FAILED);
	_exit(run(c, ready));
}
