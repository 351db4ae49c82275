/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Into the background: a child goes on, and the parent waits until the child
 * is live, or has told why it will not be, and exits accordingly.  It is done
 * before there are threads, because those are not inherited.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "tool.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* What the child comes to, or that it is live. */
static int
await(pid_t child, int from)
{
	int status = 0;
	char byte;
	ssize_t n;

	do {
		n = read(from, &byte, 1);
	} while (n < 0 && errno == EINTR);
	if (n == 1)
		return TOOL_OK;
	if (waitpid(child, &status, 0) != child || !WIFEXITED(status)) {
		tool_error("the server died");
		return TOOL_FAILED;
	}
	return WEXITSTATUS(status) != 0 ? WEXITSTATUS(status) : TOOL_FAILED;
}

bool
behind(int *live, int *code)
{
	int end[2];
	pid_t child;

	if (pipe2(end, O_CLOEXEC) != 0 || (child = fork()) < 0) {
		tool_error("cannot go into the background: %s",
			   strerror(errno));
		*code = TOOL_FAILED;
		return false;
	}
	if (child != 0) {
		(void)close(end[1]);
		*code = await(child, end[0]);
		return false;
	}
	(void)close(end[0]);
	(void)setsid();
	*live = end[1];
	return true;
}

void
behind_live(int *live, bool keep_stdout)
{
	int null;

	if (*live < 0)
		return;
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null >= 0) {
		(void)dup2(null, STDIN_FILENO);
		(void)dup2(null, STDERR_FILENO);
		if (!keep_stdout)
			(void)dup2(null, STDOUT_FILENO);
		(void)close(null);
	}
	(void)!chdir("/");
	(void)!write(*live, "", 1);
	(void)close(*live);
	*live = -1;
}
