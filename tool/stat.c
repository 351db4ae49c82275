/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* msgport stat: what a published port has done and is doing. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "emit.h"
#include "reach.h"
#include <getopt.h>
#include <string.h>

static const char help[] =
	"usage: msgport stat [--json] NAME\n"
	"\n"
	"Prints what the server of a published port tells of it.\n"
	"\n"
	"      --json  an object\n"
	"  -h, --help  print this\n"
	"\n"
	"exit status: 0 done, 1 the operation failed, 2 wrong usage\n";

static const char *const reason[MP_REFUSALS] = {
	[MP_REFUSED_BUSY] = "busy",	[MP_REFUSED_REENTRANT] = "reentrant",
	[MP_REFUSED_STACK] = "stack",	[MP_REFUSED_BLOCKING] = "blocking",
	[MP_REFUSED_FULL] = "full",	[MP_REFUSED_CLOSED] = "closed",
	[MP_REFUSED_PARITY] = "parity",
};

static void
emit_port(struct emit *e, const struct wire_info *i)
{
	emit_begin(e, "port", false);
	emit_text(e, "kind", i->kind);
	emit_raw(e, "closed", i->closed != 0 ? "true" : "false");
	emit_uint(e, "queue_depth", i->depth);
	emit_uint(e, "queue_bound", i->depth_max);
	emit_uint(e, "held", i->held);
	emit_uint(e, "wakes", i->port_wakes);
	emit_begin(e, "not_inline", false);
	for (uint32_t r = 0; r < MP_REFUSALS; r++)
		emit_uint(e, reason[r], i->refused[r]);
	emit_end(e);
	emit_end(e);
}

static void
emit_counts(struct emit *e, const struct wire_info *i)
{
	emit_begin(e, "messages", false);
	emit_uint(e, "total", i->messages);
	emit_uint(e, "inline", i->messages - i->queued - i->unknown);
	emit_uint(e, "queued", i->queued);
	emit_uint(e, "by_broker", i->unknown);
	emit_uint(e, "client_wakes", i->wakes);
	emit_uint(e, "pump_sleeps", i->sleeps);
	emit_end(e);
}

static void
emit_latency(struct emit *e, const struct wire_info *i)
{
	emit_begin(e, "latency", true);
	for (uint32_t b = 0; b < MP_STAT_BUCKETS; b++) {
		if (i->bucket[b] == 0)
			continue;
		emit_begin(e, NULL, false);
		emit_uint(e, b + 1 < MP_STAT_BUCKETS ? "below_ns" : "from_ns",
			  1ull << (b + 1 < MP_STAT_BUCKETS ? b : b - 1));
		emit_uint(e, "timed", i->bucket[b]);
		emit_end(e);
	}
	emit_end(e);
}

static void
emit_peers(struct emit *e, const struct wire_info *i)
{
	const struct wire_peer *p;

	emit_begin(e, "peers", true);
	for (uint32_t n = 0; n < i->peers; n++) {
		p = &i->peer[n];
		/* Those without slots came to ask. */
		if (p->slots == 0)
			continue;
		emit_begin(e, NULL, false);
		emit_int(e, "pid", p->pid);
		emit_uint(e, "uid", p->uid);
		emit_uint(e, "slots", p->slots);
		emit_uint(e, "credits", p->slots - p->in_flight);
		emit_uint(e, "in_flight", p->in_flight);
		emit_uint(e, "messages", p->messages);
		emit_end(e);
	}
	emit_end(e);
}

static void
print(const struct reach *r, bool json)
{
	struct emit e = { .to = stdout, .style = json ? EMIT_JSON : EMIT_ROWS };
	const struct wire_info *i = &r->info;

	emit_begin(&e, NULL, false);
	emit_text(&e, "name", r->name);
	emit_text(&e, "domain", "process");
	emit_text(&e, "interface", i->iface);
	emit_uint(&e, "version", i->iface_version);
	emit_int(&e, "pid", r->owner.pid);
	emit_uint(&e, "uid", r->owner.uid);
	emit_int(&e, "server_pid", i->pid);
	emit_uint(&e, "since_ns", i->epoch);
	emit_text(&e, "sandbox", i->note[0] != '\0' ? i->note : "unknown");
	emit_uint(&e, "links_max", i->links_max);
	emit_uint(&e, "slots_max", i->slots_max);
	emit_uint(&e, "arena_max", i->arena_max);
	emit_uint(&e, "tracers", i->tracers);
	emit_port(&e, i);
	emit_counts(&e, i);
	emit_latency(&e, i);
	emit_peers(&e, i);
	emit_end(&e);
}

int
tool_stat(int argc, char **argv)
{
	static const struct option option[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	static struct reach reach;
	bool json = false;
	int c;

	while ((c = getopt_long(argc, argv, "h", option, NULL)) != -1) {
		if (c == 'h') {
			fputs(help, stdout);
			return fflush(stdout) == 0 ? TOOL_OK : TOOL_FAILED;
		}
		if (c != 'j')
			return TOOL_USAGE;
		json = true;
	}
	if (argc - optind != 1) {
		tool_error("stat wants a name; see `msgport stat --help'");
		return TOOL_USAGE;
	}
	c = reach_ask(&reach, argv[optind]);
	if (c != TOOL_OK)
		return c;
	print(&reach, json);
	return fflush(stdout) == 0 ? TOOL_OK : TOOL_FAILED;
}
