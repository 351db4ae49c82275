/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The runner.  It forks a child for each batch (a test, or tests of one
 * group) and reads a byte from it for every test that passed.  The last one
 * also needs the child to exit with 0: what a sanitizer finds at exit fails
 * it.  After a test that failed the batch goes on in a new child.
 *
 * Leaks are found by what a test leaves: descriptors, children, threads, and
 * bytes of malloc.  The bytes are exact only without malloc's per-thread
 * caches and kept stacks, so the runner starts itself again without these.
 */
#define _GNU_SOURCE
#include "t.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum { FD_MAX = 1024, SETTLE_MS = 1000, EXIT_SKIP = 77 };
enum { PASSED, FAILED, SKIPPED };

#define TUNABLES                                                \
	"glibc.malloc.tcache_count=0:glibc.malloc.arena_max=1:" \
	"glibc.pthread.stack_cache_size=0"

struct state {
	size_t bytes;
	nlink_t threads;
	char fd[FD_MAX];
};

#pragma weak t_setup
extern size_t __sanitizer_get_current_allocated_bytes(void)
	__attribute__((weak));
extern void __lsan_do_leak_check(void) __attribute__((weak));

static void child(const struct t_test *, int out) __attribute__((noreturn));

const char *(*t_failing)(void);

static struct t_test *tests, **tail = &tests;
static const char *current;
static int in_process;
static int count[3];

void
t_setup(void)
{
}

void
t_add(struct t_test *t)
{
	*tail = t;
	tail = &t->next;
}

void
t_case(const char *group, const char *name, t_fn *fn, const void *arg)
{
	struct t_test *t = calloc(1, sizeof(*t));

	if (t == NULL || (t->name = strdup(name)) == NULL)
		abort();
	t->fn = fn;
	t->arg = arg;
	t->group = group;
	t_add(t);
}

void
t_fail(const char *file, int line, const char *fmt, ...)
{
	const char *end = "";
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (t_failing != NULL)
		end = t_failing();
	/* At once: the runner may be writing, too. */
	dprintf(2, "%s:%d: %s: %s%s\n", file, line, current, text, end);
	if (in_process)
		abort();
	_exit(FAILED);
}

void
t_eq(const char *file, int line, const char *what, intptr_t a, intptr_t b)
{
	if (a != b)
		t_fail(file, line, "%s: %jd (%#jx) and %jd (%#jx)", what,
		       (intmax_t)a, (uintmax_t)a, (intmax_t)b, (uintmax_t)b);
}

void
t_str(const char *file, int line, const char *what, const char *a,
      const char *b)
{
	if (strcmp(a, b) != 0)
		t_fail(file, line, "%s: \"%s\" and \"%s\"", what, a, b);
}

void
t_skip(const char *why)
{
	printf("ok %s # SKIP %s\n", current, why);
	fflush(stdout);
	_exit(EXIT_SKIP);
}

int
t_fork(void)
{
	int null, pid = fork();

	if (pid == 0 && (null = open("/dev/null", O_WRONLY)) >= 0) {
		dup2(null, 1);
		dup2(null, 2);
	}
	return pid;
}

void
t_aborted(const char *file, int line, const char *what, int pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		t_fail(file, line, "waitpid: %s", strerror(errno));
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGABRT)
		t_fail(file, line, "%s: does not abort", what);
}

static void
state_read(struct state *s)
{
	struct mallinfo2 heap;
	struct dirent *e;
	struct stat st;
	DIR *d = opendir("/proc/self/fd");
	int n;

	memset(s, 0, sizeof(*s));
	if (d == NULL || stat("/proc/self/task", &st) != 0)
		abort();
	while ((e = readdir(d)) != NULL) {
		n = atoi(e->d_name);
		if (e->d_name[0] != '.' && n != dirfd(d) && n < FD_MAX)
			s->fd[n] = 1;
	}
	closedir(d);
	s->threads = st.st_nlink;
	heap = mallinfo2();
	s->bytes = heap.uordblks + heap.hblkhd;
	if (__sanitizer_get_current_allocated_bytes)
		s->bytes = __sanitizer_get_current_allocated_bytes();
}

static void
state_check(const struct state *old)
{
	struct state now;
	int fd, ms = 0;

	/* A joined thread may stay in /proc for an instant. */
	do
		state_read(&now);
	while ((now.threads > old->threads || now.bytes > old->bytes) &&
	       ms++ < SETTLE_MS && poll(NULL, 0, 1) == 0);
	for (fd = 0; fd < FD_MAX; fd++)
		if (now.fd[fd] != old->fd[fd])
			t_fail(current, fd, "descriptor %s",
			       now.fd[fd] ? "left open" : "closed");
	if (now.threads > old->threads)
		t_fail(current, (int)now.threads, "threads left");
	if (now.bytes > old->bytes && !in_process && __lsan_do_leak_check)
		__lsan_do_leak_check();
	if (now.bytes > old->bytes && !in_process)
		t_fail(current, 0, "%zu bytes left", now.bytes - old->bytes);
	if (waitpid(-1, NULL, WNOHANG) != -1)
		t_fail(current, 0, "child left");
}

static void
run_one(const struct t_test *t)
{
	struct state before;

	current = t->name;
	state_read(&before);
	t->fn(t->arg);
	state_check(&before);
}

static int
same_batch(const struct t_test *t)
{
	return t->group != NULL && t->next && t->next->group == t->group;
}

static void
child(const struct t_test *t, int out)
{
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
	for (;; t = t->next) {
		run_one(t);
		if (write(out, ".", 1) != 1)
			_exit(FAILED);
		if (!same_batch(t))
			exit(0);
	}
}

static void
result(const struct t_test *t, int how, const char *why)
{
	count[how]++;
	if (how == PASSED)
		printf("ok %s\n", t->name);
	else if (how == FAILED)
		printf("not ok %s # %s\n", t->name, why);
}

static void
result_last(const struct t_test *t, int done, int late, int status)
{
	if (late)
		result(t, FAILED, "timeout");
	else if (WIFSIGNALED(status))
		result(t, FAILED, strsignal(WTERMSIG(status)));
	else if (WEXITSTATUS(status) == EXIT_SKIP)
		result(t, SKIPPED, NULL);
	else if (WEXITSTATUS(status) == 0 && done)
		result(t, PASSED, NULL);
	else
		result(t, FAILED, "exit");
}

/* Returns the first test that has not run. */
static struct t_test *
run_batch(struct t_test *t, int slow)
{
	struct pollfd p[2] = { { .events = POLLIN }, { .events = POLLIN } };
	int n, pid, status, in[2], done = 0;
	char byte;

	if (pipe2(in, O_CLOEXEC) != 0 || fflush(stdout) != 0)
		abort();
	pid = fork();
	if (pid == 0)
		child(t, in[1]);
	p[0].fd = in[0];
	p[1].fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (p[1].fd < 0)
		abort();
	close(in[1]);
	for (;;) {
		n = (int)(t->timeout_s ? t->timeout_s : 30) * 1000 * slow;
		n = poll(p, 2, n);
		if (p[0].revents & POLLIN && read(in[0], &byte, 1) == 1) {
			done = !same_batch(t);
			if (!done) {
				result(t, PASSED, NULL);
				t = t->next;
			}
		} else if (n == 0 || p[1].revents) {
			break;
		} else {
			p[0].fd = -1;
		}
	}
	/* The group is still the child's while nobody has waited for it. */
	kill(-pid, SIGKILL);
	waitpid(pid, &status, 0);
	result_last(t, done, n == 0, status);
	close(p[1].fd);
	close(in[0]);
	return t->next;
}

static void *
no_work(void *arg)
{
	return arg;
}

static void
run_named(const char *name)
{
	struct t_test *t;
	int any = 0;

	in_process = strcmp(name, "-l") != 0;
	for (t = tests; t; t = t->next) {
		if (in_process && fnmatch(name, t->name, 0) != 0)
			continue;
		any = 1;
		if (in_process)
			run_one(t);
		printf("%s\n", t->name);
	}
	exit(any ? 0 : 2);
}

int
main(int argc, char **argv)
{
	const char *slow = getenv("T_SLOW");
	struct t_test *t;
	pthread_t first;

	t_setup();
	if (argc > 1)
		run_named(argv[1]);
	if (getenv("GLIBC_TUNABLES") == NULL) {
		setenv("GLIBC_TUNABLES", TUNABLES, 1);
		execv("/proc/self/exe", argv);
	}
	/* The first thread makes TSan start its own, which is no leak. */
	if (pthread_create(&first, NULL, no_work, NULL) != 0)
		abort();
	pthread_join(first, NULL);
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (t = tests; t;)
		t = run_batch(t, slow ? atoi(slow) : 1);
	printf("%d passed, %d failed, %d skipped\n", count[PASSED],
	       count[FAILED], count[SKIPPED]);
	return count[FAILED] != 0;
}
