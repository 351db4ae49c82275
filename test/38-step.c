/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Invariant 43, at every point of broker/step.h: the one process is killed, or
 * stopped and then killed, or closes, and the other goes on.
 *
 * A first run, in which nothing happens, tells which points a process comes to
 * in which phase of the client's work, and how often.  Each is then run to, the
 * first time and the second.  What depends on who is faster, a sleep or a look,
 * may not come again: such a run goes to its end, and is checked no less.
 */
#define _GNU_SOURCE
#include "step.h"
#include "t.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define PASSAGES 2

static char dir[64];

/* Of all tests of this file. */
static struct {
	uint32_t acted[STEP_ACTIONS][STEP_POINTS];
	uint32_t roles[STEP_ACTIONS]; /* bits: these were run */
} * tally;

static void *
shared(size_t size)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	CHECK(at != MAP_FAILED);
	return at;
}

void
t_setup(void)
{
	snprintf(dir, sizeof(dir), "/tmp/msgport-38-%d", (int)getpid());
	setenv("MSGPORT_DIR", dir, 1);
	CHECK(step_points() <= STEP_POINTS);
	for (uint32_t i = 0; i < step_points(); i++)
		CHECK_EQ(step_point(__start_mp_step[i]), i);
	step_page = shared(sizeof(*step_page));
	tally = shared(sizeof(*tally));
}

/* The names of the dead. */
static void
remove_dir(void)
{
	char path[128];

	for (uint32_t i = 0; i < PORTS; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, step_name[i]);
		(void)unlink(path);
	}
	CHECK_EQ(rmdir(dir), 0);
}

static const char *
told(void)
{
	static const char *const role[] = { "client", "server" };
	static const char *const action[] = { "runs", "is killed", "is stopped",
					      "closes" };
	static const char *const phase[] = { "open", "sync", "async", "more",
					     "end" };
	static char text[128];
	const struct step_page *p = step_page;

	snprintf(text, sizeof(text), "; the %s %s at %s, %u, in %s",
		 role[p->victim], action[p->action], __start_mp_step[p->point],
		 p->passage, phase[p->phase_at]);
	return text;
}

static int
start(enum step_role role, void (*run)(void))
{
	int pid = fork();

	CHECK(pid >= 0);
	if (pid != 0)
		return pid;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (step_page->victim == role)
		step_page->pid = getpid();
	run();
	_exit(0);
}

/* One of the two has changed; what it means to the other. */
static void
changed(int pid, int server, int status)
{
	struct step_page *page = step_page;
	bool is_victim = (pid == server) == (page->victim == STEP_SERVER);

	if (WIFSTOPPED(status)) {
		CHECK(is_victim);
		os_store(&page->stopped, 1);
		step_post(&page->probe);
		return;
	}
	if (WIFSIGNALED(status)) {
		CHECK(is_victim);
		CHECK_EQ(WTERMSIG(status), SIGKILL);
		CHECK(os_load(&page->killed) != 0);
	} else {
		CHECK_EQ(WEXITSTATUS(status), 0);
	}
	if (pid == server)
		step_post(&page->ready);
	if (is_victim) {
		step_post(&page->dead);
		step_post(&page->control);
	}
}

/* True if it came to the point. */
static bool
run(const struct step_page *what)
{
	int status, pid, server, alive = 2;

	*step_page = *what;
	server = start(STEP_SERVER, step_serve);
	(void)start(STEP_CLIENT, step_call);
	while (alive > 0) {
		pid = waitpid(-1, &status, WUNTRACED);
		CHECK(pid > 0);
		changed(pid, server, status);
		alive -= !WIFSTOPPED(status);
	}
	return os_load(&step_page->acted) != 0;
}

static void
run_all(enum step_role victim, enum step_action action)
{
	static struct step_page seen;
	struct step_page what = { .victim = victim };
	uint32_t passages = PASSAGES;

	/* To be stopped first makes no other state of a death. */
	if (action == STEP_STOP)
		passages = 1;
	/* Who opens his first export has nothing to close yet. */
	if (action == STEP_KILL && getenv("T_SHORT") != NULL)
		passages = 1;
	t_failing = told;
	(void)run(&what);
	seen = *step_page;
	what.action = action;
	for (uint32_t i = 0; i < step_points() * PHASES * passages; i++) {
		what.point = i / passages / PHASES;
		what.phase_at = i / passages % PHASES;
		what.passage = i % passages + 1;
		if (seen.reached[what.phase_at][what.point] < what.passage)
			continue;
		tally->acted[action][what.point] += run(&what);
	}
	t_failing = NULL;
	tally->roles[action] |= 1u << victim;
	remove_dir();
}

/* Those of a call whose answer comes while it looks, which no run can force. */
static bool
comes_by_chance(const char *name)
{
	return strcmp(name, "call_answer") == 0 ||
	       strcmp(name, "call_release") == 0 ||
	       strcmp(name, "call_end") == 0;
}

/* After both roles have run: what no process came to was not tested. */
static void
check_acted(enum step_action action)
{
	if (tally->roles[action] != 3)
		SKIP("runs after the others only");
	for (uint32_t i = 0; i < step_points(); i++)
		if (tally->acted[action][i] == 0 &&
		    !comes_by_chance(__start_mp_step[i]))
			t_fail(__FILE__, __LINE__, "never at %s",
			       __start_mp_step[i]);
}

#define T(name, role, action)          \
	TEST(name, .timeout_s = 120)   \
	{                              \
		run_all(role, action); \
	}

T(a_client_is_killed_at_every_point, STEP_CLIENT, STEP_KILL)
T(a_server_is_killed_at_every_point, STEP_SERVER, STEP_KILL)
T(a_client_is_stopped_and_killed_at_every_point, STEP_CLIENT, STEP_STOP)
T(a_server_is_stopped_and_killed_at_every_point, STEP_SERVER, STEP_STOP)
T(a_client_closes_at_every_point, STEP_CLIENT, STEP_CLOSE)
T(a_server_closes_at_every_point, STEP_SERVER, STEP_CLOSE)

TEST(no_point_was_passed_by)
{
	for (uint32_t action = STEP_KILL; action < STEP_ACTIONS; action++)
		check_acted(action);
}
