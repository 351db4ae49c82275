/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The harness tested by itself: started with T_BAD set, this program is a
 * file of tests that each fail in a way of their own; started without, it
 * starts itself so, and checks what the runner says.
 */
#include "t.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Thread_local void *volatile kept;

static void
bad_check(const void *arg)
{
	CHECK(arg != NULL);
}

static void
bad_eq(const void *arg)
{
	CHECK_EQ(arg ? 1 : -7, UINT32_MAX);
}

static void
bad_str(const void *arg)
{
	CHECK_STR(arg ? "x" : "this", "that");
}

static void
bad_abort(const void *arg)
{
	CHECK_ABORTS(kept = (void *)(uintptr_t)arg);
}

static void
bad_crash(const void *arg)
{
	raise(arg ? SIGTERM : SIGKILL);
}

static void
bad_hang(const void *arg)
{
	while (arg == NULL)
		pause();
}

static void
bad_exit(const void *arg)
{
	exit(arg ? 1 : 0);
}

static void
bad_descriptor(const void *arg)
{
	CHECK(open("/dev/null", arg ? O_WRONLY : O_RDONLY) > 2);
}

static void
bad_close(const void *arg)
{
	CHECK_EQ(close(arg ? 0 : 1), 0);
}

static void
bad_child(const void *arg)
{
	if (fork() == 0)
		bad_hang(arg);
}

static void
bad_memory(const void *arg)
{
	kept = malloc(arg ? 2 : 3);
	kept = NULL;
}

static void *
forever(void *arg)
{
	bad_hang(arg);
	return arg;
}

static void
bad_thread(const void *arg)
{
	pthread_t t;

	CHECK_EQ(pthread_create(&t, NULL, forever, (void *)(uintptr_t)arg), 0);
}

static void
good(const void *arg)
{
	CHECK(arg == NULL);
}

static void
skipped(const void *arg)
{
	SKIP(arg ? "" : "no reason");
}

static void
print_pid(const void *arg)
{
	printf("%d\n", arg ? 0 : getpid());
}

static char group[] = "group";

static struct t_test bad[] = {
	{ "check", .fn = bad_check },
	{ "eq", .fn = bad_eq },
	{ "str", .fn = bad_str },
	{ "abort", .fn = bad_abort },
	{ "crash", .fn = bad_crash },
	{ "hang", .fn = bad_hang, .timeout_s = 1 },
	{ "exit", .fn = bad_exit },
	{ "descriptor", .fn = bad_descriptor },
	{ "close", .fn = bad_close },
	{ "child", .fn = bad_child },
	{ "memory", .fn = bad_memory },
	{ "thread", .fn = bad_thread },
	{ "first", .fn = good, .group = group },
	{ "second", .fn = bad_check, .group = group },
	{ "third", .fn = good, .group = group },
	{ "skip", .fn = skipped, .group = group },
	{ "fourth", .fn = good, .group = group },
	{ "last", .fn = bad_exit, .group = group },
	{ "print_pid", .fn = print_pid },
};
enum { BAD = sizeof(bad) / sizeof(bad[0]) };

/* Memory is named by the sanitizers in their own words. */
static const char *const says[] = {
	"not ok check # exit\n",
	" check: arg != NULL\n",
	"not ok eq # exit\n",
	" eq: arg ? 1 : -7 == UINT32_MAX: -7 (0xfffffffffffffff9) and ",
	"not ok str # exit\n",
	"\"this\" and \"that\"\n",
	"not ok abort # exit\n",
	" does not abort\n",
	"not ok crash # Killed\n",
	"not ok hang # timeout\n",
	"not ok exit # exit\n",
	"not ok descriptor # exit\n",
	" descriptor left open\n",
	"not ok close # exit\n",
	" descriptor closed\n",
	"not ok child # exit\n",
	" child left\n",
	"not ok memory # exit\n",
	"not ok thread # exit\n",
	"\nok first\n",
	"not ok second # exit\n",
	"\nok third\n",
	"ok skip # SKIP no reason\n",
	"\nok fourth\n",
	"not ok last # exit\n",
	"\n5 passed, 14 failed, 1 skipped\n",
};

static char said[1 << 16];

static void
run_self(const char *command)
{
	FILE *f;

	f = popen(command, "r");
	CHECK(f != NULL);
	said[fread(said, 1, sizeof(said) - 1, f)] = '\0';
	pclose(f);
}

static void
failures_are_reported(const void *arg)
{
	size_t i;

	CHECK(arg == NULL);
	run_self("T_BAD=1 /proc/$PPID/exe 2>&1; echo status $?");
	for (i = 0; i < sizeof(says) / sizeof(says[0]); i++)
		if (strstr(said, says[i]) == NULL)
			t_fail(__FILE__, __LINE__, "no '%s' in %s", says[i],
			       said);
	CHECK(strstr(said, "\nstatus 1\n") != NULL);
}

static void
a_named_test_runs_without_fork(const void *arg)
{
	int shell, test;

	CHECK(arg == NULL);
	run_self("echo $$; T_BAD=1 exec /proc/$PPID/exe print_pid");
	CHECK_EQ(sscanf(said, "%d %d", &shell, &test), 2);
	CHECK_EQ(shell, test);
	run_self("T_BAD=1 /proc/$PPID/exe no_such_test; echo status $?");
	CHECK_STR(said, "status 2\n");
}

static void *
use_memory(void *arg)
{
	int i;

	for (i = 1; i < 64; i++) {
		kept = malloc((size_t)i * 64);
		free(kept);
	}
	return arg;
}

TEST(what_is_given_back_is_no_leak)
{
	pthread_t t[8];
	int i;

	for (i = 0; i < 8; i++)
		CHECK_EQ(pthread_create(&t[i], NULL, use_memory, NULL), 0);
	for (i = 0; i < 8; i++)
		CHECK_EQ(pthread_join(t[i], NULL), 0);
	use_memory(NULL);
}

void
t_setup(void)
{
	size_t i;

	if (getenv("T_BAD") != NULL) {
		for (i = 0; i < BAD; i++)
			t_add(&bad[i]);
		return;
	}
	t_case(NULL, "failures_are_reported", failures_are_reported, NULL);
	t_case(NULL, "a_named_test_runs_without_fork",
	       a_named_test_runs_without_fork, NULL);
}
