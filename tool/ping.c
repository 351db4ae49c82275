/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * msgport ping: the time to a published port's server and back.
 *
 * What is sent goes the way of a call, slot, ring, pump and answer, and ends
 * in the server's broker: the driver hears nothing of it.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "emit.h"
#include "reach.h"
#include "../core/os.h"
#include <getopt.h>
#include <inttypes.h>
#include <string.h>

#define COUNT 4u
#define COUNT_MAX 100000000u

static const char help[] =
	"usage: msgport ping [-c COUNT] [--json] NAME\n"
	"\n"
	"Times messages to the server of a published port and back; they do\n"
	"not reach the driver.\n"
	"\n"
	"  -c COUNT    so many, one after the other (4)\n"
	"      --json  an object\n"
	"  -h, --help  print this\n"
	"\n"
	"exit status: 0 done, 1 the operation failed, 2 wrong usage\n";

struct ping {
	uint64_t count;
	bool json;
	struct reach reach;
	uint64_t min_ns, max_ns, sum_ns;
};

static int
send_all(struct ping *p, struct mp_port *port)
{
	struct mp_msg m = MP_MSG(WIRE_OP_PING);
	uint64_t begin, ns;
	int code;

	for (uint64_t i = 0; i < p->count; i++) {
		begin = os_now_ns();
		code = mp_call(port, &m);
		ns = os_now_ns() - begin;
		if (code != 0) {
			tool_error("port '%s': %s after %" PRIu64
				   " of %" PRIu64,
				   p->reach.name, strerror(-code), i, p->count);
			return TOOL_FAILED;
		}
		p->sum_ns += ns;
		p->min_ns = i == 0 || ns < p->min_ns ? ns : p->min_ns;
		p->max_ns = ns > p->max_ns ? ns : p->max_ns;
	}
	return TOOL_OK;
}

static int
run(struct ping *p, const char *name)
{
	struct emit e = { .to = stdout,
			  .style = p->json ? EMIT_JSON : EMIT_ROWS };
	struct mp_port *port;
	int code = reach_ask(&p->reach, name);

	if (code == TOOL_OK)
		code = reach_link(&p->reach, &port);
	if (code != TOOL_OK)
		return code;
	code = send_all(p, port);
	mp_link_close(port);
	if (code != TOOL_OK)
		return code;
	emit_begin(&e, NULL, false);
	emit_text(&e, "name", p->reach.name);
	emit_int(&e, "pid", p->reach.owner.pid);
	emit_uint(&e, "count", p->count);
	emit_uint(&e, "min_ns", p->min_ns);
	emit_uint(&e, "mean_ns", p->sum_ns / p->count);
	emit_uint(&e, "max_ns", p->max_ns);
	emit_end(&e);
	return fflush(stdout) == 0 ? TOOL_OK : TOOL_FAILED;
}

int
tool_ping(int argc, char **argv)
{
	static const struct option option[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	static struct ping ping = { .count = COUNT };
	int c;

	while ((c = getopt_long(argc, argv, "hc:", option, NULL)) != -1) {
		if (c == 'h') {
			fputs(help, stdout);
			return fflush(stdout) == 0 ? TOOL_OK : TOOL_FAILED;
		}
		if (c == 'j')
			ping.json = true;
		else if (c != 'c' ||
			 !tool_number("count", optarg, COUNT_MAX, &ping.count))
			return TOOL_USAGE;
	}
	if (argc - optind != 1) {
		tool_error("ping wants a name; see `msgport ping --help'");
		return TOOL_USAGE;
	}
	return run(&ping, argv[optind]);
}
