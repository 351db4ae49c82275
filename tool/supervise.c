/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The process between a name and the host behind it.
 *
 * It keeps the name and watches the host.  If that ends by itself it says how,
 * and if asked to begins another, later each time, until one has lived a while.
 * Meanwhile clients wait in the name's queue.  A signal that asks for the end
 * ends both; the second one at once.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "serve.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#define DELAY_MIN_MS 100
#define DELAY_MAX_MS 10000
#define CALM_S 30 /* who lived so long was no failure of the last one's kind */

enum event { STOP, DIED, READY, TIME };

static void __attribute__((format(printf, 2, 3)))
report(const struct serve *s, const char *fmt, ...)
{
	char text[TOOL_ERROR_SIZE];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (s->foreground || !s->live)
		tool_error("%s", text);
	else
		syslog(LOG_DAEMON | LOG_ERR, "%s", text);
}

/* ready: the host's, or -1 */
static enum event
next(const struct serve *s, int ready, int timeout_ms)
{
	struct pollfd p[2] = { { .fd = s->signals, .events = POLLIN },
			       { .fd = ready, .events = POLLIN } };
	struct signalfd_siginfo i;
	int n;

	do
		n = poll(p, 2, timeout_ms);
	while (n < 0 && errno == EINTR);
	if (n == 0)
		return TIME;
	if (p[0].revents == 0)
		return READY;
	if (read(s->signals, &i, sizeof(i)) == (ssize_t)sizeof(i) &&
	    i.ssi_signo != SIGCHLD)
		return STOP;
	return DIED;
}

static int
hear(struct serve *s)
{
	char line[TOOL_ERROR_SIZE];
	int code = host_hear(&s->host, line, sizeof(line));

	if (code != TOOL_OK)
		return code;
	if (!s->live) {
		fputs(line, stdout);
		(void)fflush(stdout);
	}
	s->live = true;
	behind_live(&s->behind, false);
	return TOOL_OK;
}

/* STOP, or DIED and why; an error that was told. */
static enum event
one_life(struct serve *s, int *code)
{
	char cause[TOOL_ERROR_SIZE];
	enum event e;
	int status;

	*code = host_start(&s->host, &s->conf);
	if (*code != TOOL_OK)
		return DIED;
	do
		e = next(s, s->host.ready, -1);
	while (e == DIED);
	if (e == READY)
		*code = hear(s);
	if (e == STOP || *code != TOOL_OK)
		return e == STOP ? STOP : DIED;
	for (;;) {
		if (next(s, -1, -1) == STOP)
			return STOP;
		if (waitpid(s->host.pid, &status, WNOHANG) != s->host.pid)
			continue;
		s->host.pid = 0;
		host_cause(status, cause, sizeof(cause));
		report(s, "the host of '%s' %s", s->conf.name, cause);
		*code = TOOL_FAILED;
		return DIED;
	}
}

static int
supervise(struct serve *s)
{
	int delay_ms = DELAY_MIN_MS;
	enum event e;
	time_t born;
	int code;

	do {
		born = time(NULL);
		e = one_life(s, &code);
		if (e == DIED && (!s->restart || !s->live))
			return code;
		if (e == STOP)
			break;
		if (time(NULL) - born >= CALM_S)
			delay_ms = DELAY_MIN_MS;
		report(s, "'%s' is started again in %d ms", s->conf.name,
		       delay_ms);
		while ((e = next(s, -1, delay_ms)) == DIED)
			;
		delay_ms = delay_ms < DELAY_MAX_MS / 2 ? delay_ms * 2 :
							 DELAY_MAX_MS;
	} while (e != STOP);
	host_end(&s->host);
	return TOOL_OK;
}

int
serve_run(struct serve *s)
{
	sigset_t set;
	int code;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	s->signals = signalfd(-1, &set, SFD_CLOEXEC);
	code = host_listen(&s->conf);
	if (code == TOOL_OK)
		code = supervise(s);
	host_unlisten(&s->conf);
	(void)close(s->signals);
	return code;
}
