/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A process that hosts a driver, as its parent knows it.  The name is the
 * parent's, because a process that may touch no file cannot remove it.  A
 * client who comes before the lock-down waits in the socket's queue.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "host.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

int
host_listen(struct host_conf *c)
{
	int code = socket_listen(&c->listener, c->name, c->mode);

	if (code == 0)
		return TOOL_OK;
	c->listener.fd = -1;
	tool_error("cannot publish '%s': %s", c->name,
		   code == -EEXIST ? "a live server has the name" :
				     strerror(-code));
	return TOOL_FAILED;
}

void
host_unlisten(struct host_conf *c)
{
	if (c->listener.fd >= 0)
		socket_unlisten(&c->listener, c->name);
	c->listener.fd = -1;
}

int
host_start(struct host *h, const struct host_conf *c)
{
	pid_t parent = getpid();
	int end[2];
	pid_t pid;

	if (pipe2(end, O_CLOEXEC) != 0 || (pid = fork()) < 0) {
		tool_error("cannot start a process: %s", strerror(errno));
		return TOOL_FAILED;
	}
	if (pid == 0)
		child_run(c, end[1], parent);
	(void)close(end[1]);
	*h = (struct host){ .pid = pid, .ready = end[0] };
	return TOOL_OK;
}

void
host_cause(int status, char *text, size_t size)
{
	int sig = WIFSIGNALED(status) ? WTERMSIG(status) : 0;

	if (sig == SIGSYS)
		(void)snprintf(text, size,
			       "was killed by its sandbox (SIGSYS): it made a "
			       "system call that no driver needs");
	else if (sig != 0)
		(void)snprintf(text, size, "was killed by signal %d (%s)", sig,
			       strsignal(sig));
	else
		(void)snprintf(text, size, "ended with code %d",
			       WEXITSTATUS(status));
}

int
host_hear(struct host *h, char *line, size_t size)
{
	char cause[TOOL_ERROR_SIZE];
	int status = 0;
	ssize_t n;

	do
		n = read(h->ready, line, size - 1);
	while (n < 0 && errno == EINTR);
	(void)close(h->ready);
	if (n > 0) {
		line[n] = '\0';
		return TOOL_OK;
	}
	(void)waitpid(h->pid, &status, 0);
	h->pid = 0;
	/* Else it has told by itself. */
	if (WIFEXITED(status) && WEXITSTATUS(status) != 0)
		return WEXITSTATUS(status);
	host_cause(status, cause, sizeof(cause));
	tool_error("the host %s", cause);
	return TOOL_FAILED;
}

void
host_end(struct host *h)
{
	char cause[TOOL_ERROR_SIZE];
	sigset_t set;
	int status;

	if (h->pid == 0)
		return;
	if (waitpid(h->pid, &status, WNOHANG) == h->pid) {
		host_cause(status, cause, sizeof(cause));
		tool_error("the host %s", cause);
	} else {
		/* Whoever is asked again to end does not wait for it. */
		sigemptyset(&set);
		sigaddset(&set, SIGINT);
		sigaddset(&set, SIGTERM);
		sigaddset(&set, SIGHUP);
		(void)kill(h->pid, SIGTERM);
		(void)sigprocmask(SIG_UNBLOCK, &set, NULL);
		while (waitpid(h->pid, &status, 0) < 0 && errno == EINTR)
			;
	}
	h->pid = 0;
}
