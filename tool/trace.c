/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * msgport trace: the messages of a published port, as its server sees them.
 *
 * Signals that ask for the end are taken only between two records, so that
 * whatever was read is printed.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "reach.h"
#include "show.h"
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define BATCH 256 /* records until signals are looked for */

static const char help[] =
	"usage: msgport trace [-e OPERATION,...] [-c COUNT] [--json]\n"
	"                     NAME\n"
	"\n"
	"Prints the messages of a published port, a line each once it is\n"
	"over, until its server ends or a signal comes.  Fields that are 0\n"
	"are left out.  Only the server's user and root may.\n"
	"\n"
	"  -e OPERATION,...  only these\n"
	"  -c COUNT          end after so many\n"
	"      --json        an object a line\n"
	"  -h, --help        print this\n"
	"\n"
	"It says on standard error when it has begun, and how many messages\n"
	"came too fast and were lost to it; the server never waits.\n"
	"exit status: 0 done, 1 the operation failed, 2 wrong usage\n";

struct trace {
	bool json;
	const char *names;
	uint64_t left; /* until the end */
	struct reach reach;
	struct trace_view view;
	struct mp_msg *msg; /* room for any message */
	sigset_t ends, old;
	uint64_t lost;
};

/* A message as it was; false: it cannot be one. */
static bool
unpack(struct mp_msg *m, const struct mp_iface_op *op, struct wire_record *r)
{
	memset(m, 0, op->size);
	if ((r->cut & TRACE_NO_IN) != 0 ||
	    mp_iface_unpack_in(op, m, r->body, r->in_len) != 0)
		return false;
	if (r->result < 0 || op->out.size == 0)
		return true;
	if ((r->cut & TRACE_NO_OUT) != 0 ||
	    mp_iface_unpack_out(op, m, r->body + r->in_len, r->out_len) != 0)
		r->cut |= TRACE_NO_OUT;
	return true;
}

static void
print(struct trace *t, struct wire_record *r)
{
	const struct mp_iface *iface = t->reach.iface;
	struct line l = {
		.domain = "process",
		.pid = r->pid,
		.at_ns = r->at_ns,
		.took_ns = r->took_ns,
		.number = r->op,
		.op = iface != NULL ? mp_iface_op_find(iface, r->op) : NULL,
		.result = r->result,
		.buf_len = r->buf_len,
		.buf_count = r->buf_count,
		.buf = r->body + r->in_len + r->out_len,
		.buf_there = r->buf_there,
	};

	if (l.op != NULL && unpack(t->msg, l.op, r)) {
		l.msg = t->msg;
		l.answered = r->result >= 0 && (r->cut & TRACE_NO_OUT) == 0;
	}
	line_print(stdout, &l, t->json);
}

static void
tell_lost(struct trace *t)
{
	uint64_t lost = trace_lost(&t->view);

	if (lost != t->lost)
		tool_error("%" PRIu64 " messages were lost", lost - t->lost);
	t->lost = lost;
}

/* Some of what is there: true if there may be more. */
static bool
batch(struct trace *t)
{
	struct wire_record r;

	for (int i = 0; i < BATCH && t->left > 0; i++) {
		if (!trace_next(&t->view, &r))
			return false;
		print(t, &r);
		t->left--;
	}
	return true;
}

static bool
is_ended(const struct trace *t)
{
	sigset_t now;

	if (t->left == 0 || sigpending(&now) != 0)
		return true;
	return sigismember(&now, SIGINT) == 1 ||
	       sigismember(&now, SIGTERM) == 1 ||
	       sigismember(&now, SIGHUP) == 1;
}

static void
follow(struct trace *t)
{
	int code = 0;

	while (code == 0 && !is_ended(t)) {
		if (batch(t))
			continue;
		tell_lost(t);
		if (fflush(stdout) != 0)
			return;
		code = trace_wait(&t->view, &t->old);
	}
	/* Until the last that it wrote. */
	while (code == -EPIPE && t->left > 0 && batch(t))
		;
	tell_lost(t);
}

static void
ignore(int signal)
{
	(void)signal;
}

static void
hold_signals(struct trace *t)
{
	struct sigaction act = { .sa_handler = ignore };

	sigemptyset(&t->ends);
	sigaddset(&t->ends, SIGINT);
	sigaddset(&t->ends, SIGTERM);
	sigaddset(&t->ends, SIGHUP);
	(void)sigprocmask(SIG_BLOCK, &t->ends, &t->old);
	(void)sigaction(SIGINT, &act, NULL);
	(void)sigaction(SIGTERM, &act, NULL);
	(void)sigaction(SIGHUP, &act, NULL);
}

static int
run(struct trace *t, const char *name)
{
	uint32_t wanted[WIRE_OPS_MAX / 32] = { 0 };
	const struct mp_iface *iface;
	size_t size = sizeof(*t->msg);
	int code = reach_ask(&t->reach, name);

	iface = t->reach.iface != NULL ? t->reach.iface : &t->reach.foreign;
	if (code == TOOL_OK && t->names != NULL)
		code = line_wanted(iface, t->names, wanted);
	if (code != TOOL_OK)
		return code;
	for (uint32_t i = 0; i < iface->ops; i++)
		size = size < iface->op[i].size ? iface->op[i].size : size;
	t->msg = malloc(size);
	if (t->msg == NULL)
		return TOOL_FAILED;
	hold_signals(t);
	code = ask_trace(t->reach.name, t->names != NULL ? wanted : NULL,
			 &t->view, &t->reach.owner);
	if (code == 0) {
		tool_error("tracing '%s' of process %d", t->reach.name,
			   (int)t->reach.owner.pid);
		follow(t);
		trace_end(&t->view);
	} else {
		reach_error(t->reach.name, code, &t->reach.owner);
	}
	free(t->msg);
	return fflush(stdout) == 0 && code == 0 ? TOOL_OK : TOOL_FAILED;
}

int
tool_trace(int argc, char **argv)
{
	static const struct option option[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	static struct trace trace = { .left = UINT64_MAX };
	int c;

	while ((c = getopt_long(argc, argv, "hc:e:", option, NULL)) != -1) {
		if (c == 'h') {
			fputs(help, stdout);
			return fflush(stdout) == 0 ? TOOL_OK : TOOL_FAILED;
		}
		if (c == 'j')
			trace.json = true;
		else if (c == 'e')
			trace.names = optarg;
		else if (c != 'c' ||
			 !tool_number("count", optarg, UINT64_MAX, &trace.left))
			return TOOL_USAGE;
	}
	if (argc - optind != 1) {
		tool_error("trace wants a name; see `msgport trace --help'");
		return TOOL_USAGE;
	}
	return run(&trace, argv[optind]);
}
