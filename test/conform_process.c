/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The kinds of conform_kind.c behind a process link: with the server in this
 * process, or in a child that is told over a socket what to do.
 *
 * A thread of the client's serves the link, since tests wait for callbacks at
 * gates of their own.
 */
#define _GNU_SOURCE
#include "conform_serve.h"
#include <msgport/process.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define NAME "conform"

struct process_kind {
	struct c_kind kind;
	uint32_t direct; /* place in c_direct[] */
	bool forks;
};

/* What the child is asked, and its answer. */
struct order {
	enum { CONTROL, SEEN, STOP } what;
	enum c_control control;
	uint32_t n;
};

static struct {
	const struct process_kind *kind;
	struct mp_export *export;
	struct mp_port *link;
	struct mp_thread server;
	struct mp_port *target;
	int socket;
	int pid;
	bool dies; /* or did */
} process;

static const struct c_kind *
inner(void)
{
	return c_direct[process.kind->direct];
}

/* ---- the server's side */

static void
export_start(struct conform *c, uint32_t modes)
{
	const struct c_kind *kind = c->kind;

	c->kind = inner();
	c->kind->start(c, modes);
	c->kind = kind;
	process.target = c->port;
	CHECK_EQ(mp_export_open(NAME, process.target, NULL, &process.export),
		 0);
}

static void
export_stop(struct conform *c)
{
	mp_export_close(process.export);
	c->port = process.target;
	inner()->stop(c);
}

static void
child_main(struct conform *c, uint32_t modes)
{
	static uint64_t seen[C_LOG];
	struct order o;
	uint32_t n = 0;

	/* A test that fails leaves no server behind. */
	CHECK_EQ(prctl(PR_SET_PDEATHSIG, SIGKILL), 0);
	export_start(c, modes);
	CHECK_EQ(write(process.socket, &n, sizeof(n)), sizeof(n));
	do {
		if (read(process.socket, &o, sizeof(o)) != sizeof(o))
			_exit(1);
		if (o.what == CONTROL && o.control == C_DIE)
			serve_dies_at = o.n;
		else if (o.what == CONTROL)
			inner()->control(c, o.control, o.n);
		n = o.what == SEEN ? inner()->seen(c, seen, o.n) : 0;
		CHECK_EQ(write(process.socket, &n, sizeof(n)), sizeof(n));
		CHECK_EQ(write(process.socket, seen, n * sizeof(*seen)),
			 n * sizeof(*seen));
	} while (o.what != STOP);
	export_stop(c);
	_exit(0);
}

/* ---- the client's side */

/* False if the child is dead, which it may be once that was ordered. */
static bool
hear(void *to, size_t size)
{
	char *at = to;
	ssize_t n;

	for (; size != 0; at += n, size -= (size_t)n) {
		n = recv(process.socket, at, size, 0);
		if (process.dies && n <= 0)
			return false;
		CHECK(n > 0);
	}
	return true;
}

/* How many values follow. */
static uint32_t
order(uint32_t what, enum c_control control, uint32_t n)
{
	struct order o = { .what = what, .control = control, .n = n };
	uint32_t answer;

	if (send(process.socket, &o, sizeof(o), MSG_NOSIGNAL) != sizeof(o))
		CHECK(process.dies);
	return hear(&answer, sizeof(answer)) ? answer : 0;
}

static void
start_child(struct conform *c, uint32_t modes)
{
	int ends[2];
	uint32_t n;

	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	process.pid = fork();
	process.socket = ends[process.pid == 0];
	close(ends[process.pid != 0]);
	if (process.pid == 0)
		child_main(c, modes);
	CHECK(hear(&n, sizeof(n)));
}

static void
serve_link(void *arg)
{
	mp_link_serve(arg);
}

static void
process_start(struct conform *c, uint32_t modes)
{
	struct mp_link_conf conf = { .slots = C_DEPTH };

	memset(&process, 0, sizeof(process));
	process.kind = (const struct process_kind *)(const void *)c->kind;
	if (process.kind->forks)
		start_child(c, modes);
	else
		export_start(c, modes);
	CHECK_EQ(mp_link_open(NAME, &c_iface, &conf, &process.link), 0);
	CHECK_EQ(os_thread_start(&process.server, serve_link, process.link), 0);
	c->port = process.link;
}

static void
stop_child(void)
{
	char name[128];
	int status;

	if (process.dies) {
		CHECK_EQ(kill(process.pid, SIGKILL), 0);
		snprintf(name, sizeof(name), "%s/" NAME, getenv("MSGPORT_DIR"));
		CHECK_EQ(unlink(name), 0);
	} else {
		(void)order(STOP, 0, 0);
	}
	CHECK_EQ(waitpid(process.pid, &status, 0), process.pid);
	CHECK_EQ(status, process.dies ? SIGKILL : 0);
	close(process.socket);
}

static void
process_stop(struct conform *c)
{
	mp_link_shutdown(process.link);
	os_thread_join(&process.server);
	mp_link_close(process.link);
	c->port = NULL;
	if (process.kind->forks)
		stop_child();
	else
		export_stop(c);
	CHECK_EQ(rmdir(getenv("MSGPORT_DIR")), 0);
}

/* A call ends badly only when its client knows. */
static void
die_now(void)
{
	struct c_msg m = { .msg = MP_MSG(C_ECHO) };

	CHECK_EQ(kill(process.pid, SIGKILL), 0);
	while (mp_call(process.link, &m.msg) >= 0)
		;
}

static void
process_control(struct conform *c, enum c_control what, uint32_t n)
{
	if (!process.kind->forks) {
		inner()->control(c, what, n);
	} else {
		process.dies |= what == C_DIE;
		if (what == C_DIE && n == 0)
			die_now();
		else
			(void)order(CONTROL, what, n);
	}
}

static uint32_t
process_seen(struct conform *c, uint64_t *to, uint32_t max)
{
	uint32_t n;

	if (!process.kind->forks)
		return inner()->seen(c, to, max);
	n = order(SEEN, 0, max);
	return hear(to, n * sizeof(*to)) ? n : 0;
}

/* Of what the direct kind can, all that is a matter of its own memory. */
#define OVER(can) \
	((can) & (C_QUEUES | C_BOUNDED | C_PRIOR | C_FIFO | C_FINDS_SELF))
#define QUEUED (C_QUEUES | C_BOUNDED | C_PRIOR)

#define KIND(name_, place, forks_, can_)              \
	{                                             \
		.kind = { .name = name_,              \
			  .can = OVER(can_),          \
			  .modes = 15,                \
			  .dies = (forks_) ? 15 : 0,  \
			  .start = process_start,     \
			  .stop = process_stop,       \
			  .control = process_control, \
			  .seen = process_seen },     \
		.direct = place, .forks = forks_      \
	}

static const struct process_kind kinds[] = {
	KIND("link_queue", 2, false, C_FIFO | C_FINDS_SELF | QUEUED),
#ifndef __SANITIZE_THREAD__
	/* What is ordered by way of another process, TSan does not see. */
	KIND("process_call", 0, true, C_FIFO | C_FINDS_SELF),
	KIND("process_serial", 1, true, C_FIFO | C_FINDS_SELF | QUEUED),
	KIND("process_queue", 2, true, C_FIFO | C_FINDS_SELF | QUEUED),
	KIND("process_pool", 3, true, C_FINDS_SELF | QUEUED),
#endif
};

void
conform_process(void)
{
	static char dir[64];

	snprintf(dir, sizeof(dir), "/tmp/msgport-33-%d", (int)getpid());
	setenv("MSGPORT_DIR", dir, 1);
	for (uint32_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		conform_add(&kinds[i].kind);
}
