/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* msgport call: one message to a published port, and its answer. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "reach.h"
#include "show.h"
#include "../core/os.h"
#include <errno.h>
#include <getopt.h>
#include <string.h>

#define NS_PER_S 1000000000ull
#define SECONDS_MAX 1000000u

static const char help[] =
	"usage: msgport call [-o FILE] [-t SECONDS] [--json] NAME\n"
	"                    OPERATION [KEY=VALUE...]\n"
	"\n"
	"Sends one message to a published port and prints the answer.\n"
	"Without an operation it lists those of the port, and their keys.\n"
	"\n"
	"  -o FILE     write the buffer that was filled there\n"
	"  -t SECONDS  the message's deadline\n"
	"      --json  an object\n"
	"  -h, --help  print this\n"
	"\n"
	"What is not given is 0.  Flags are words with | between, or a\n"
	"number.  Text and buffers that are read are text, or hex: and bytes;\n"
	"a buffer also @FILE.  One that is filled is given by its length.\n"
	"exit status: 0 done, 1 the operation failed, 2 wrong usage\n";

struct call {
	bool json;
	const char *file;
	uint64_t timeout_s;
	struct reach reach;
	struct parse parse;
};

/* How much of the buffer counts. */
static uint64_t
filled(const struct parse *p)
{
	uint32_t live;

	if (p->op->buf.dir == MP_BUF_IN || p->msg->result < 0)
		return 0;
	if (p->op->buf.live_off == 0)
		return p->buf_len;
	memcpy(&live, (const char *)p->msg + p->op->buf.live_off, sizeof(live));
	return live < p->buf_len ? live : p->buf_len;
}

static int
save(const struct call *c, uint64_t len)
{
	FILE *to = fopen(c->file, "we");
	bool ok;

	if (to == NULL) {
		tool_error("'%s': %s", c->file, strerror(errno));
		return TOOL_FAILED;
	}
	ok = fwrite(c->parse.buf, 1, len, to) == len;
	if (fclose(to) == 0 && ok)
		return TOOL_OK;
	tool_error("'%s': %s", c->file, strerror(errno));
	return TOOL_FAILED;
}

static int
print(const struct call *c, int result)
{
	struct emit e = { .to = stdout,
			  .style = c->json ? EMIT_JSON : EMIT_ROWS };
	const struct mp_iface_op *op = c->parse.op;
	uint64_t len = filled(&c->parse);

	emit_begin(&e, NULL, false);
	emit_text(&e, "operation", op->name);
	show_result(&e, result);
	if (result >= 0) {
		emit_begin(&e, "out", false);
		show_part(&e, op, &op->out, c->parse.msg, true);
		if ((op->buf.dir & MP_BUF_OUT) != 0)
			show_buf(&e, c->parse.buf, c->file == NULL ? len : 0,
				 len);
		emit_end(&e);
	}
	emit_end(&e);
	if (c->file != NULL && result >= 0 && save(c, len) != TOOL_OK)
		return TOOL_FAILED;
	if (fflush(stdout) != 0)
		return TOOL_FAILED;
	if (result >= 0)
		return TOOL_OK;
	tool_error("%s at '%s': %s", op->name, c->reach.name,
		   strerror(-result));
	return TOOL_FAILED;
}

static int
send_it(struct call *c)
{
	struct mp_port *port;
	int code = reach_link(&c->reach, &port);

	if (code != TOOL_OK)
		return code;
	if (c->timeout_s != 0)
		c->parse.msg->deadline_ns =
			os_now_ns() + c->timeout_s * NS_PER_S;
	code = mp_call(port, c->parse.msg);
	mp_link_close(port);
	return print(c, code);
}

static int
run(struct call *c, char **word)
{
	const struct mp_iface *iface;
	int code = reach_ask(&c->reach, word[0]);

	if (code != TOOL_OK)
		return code;
	iface = c->reach.iface;
	if (iface == NULL) {
		tool_error("port '%s' speaks %s, which this program does not",
			   c->reach.name, c->reach.info.iface);
		return TOOL_FAILED;
	}
	if (word[1] == NULL) {
		parse_list(stdout, iface);
		return fflush(stdout) == 0 ? TOOL_OK : TOOL_FAILED;
	}
	code = parse_begin(&c->parse, iface, word[1]);
	for (char **w = word + 2; code == TOOL_OK && *w != NULL; w++)
		code = parse_word(&c->parse, *w);
	if (code == TOOL_OK)
		code = parse_end(&c->parse);
	if (code == TOOL_OK)
		code = send_it(c);
	parse_free(&c->parse);
	return code;
}

int
tool_call(int argc, char **argv)
{
	static const struct option option[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	static struct call call;
	int c;

	while ((c = getopt_long(argc, argv, "ho:t:", option, NULL)) != -1) {
		if (c == 'h') {
			fputs(help, stdout);
			return fflush(stdout) == 0 ? TOOL_OK : TOOL_FAILED;
		}
		if (c == 'j')
			call.json = true;
		else if (c == 'o')
			call.file = optarg;
		else if (c != 't' || !tool_number("seconds", optarg,
						  SECONDS_MAX, &call.timeout_s))
			return TOOL_USAGE;
	}
	if (optind == argc) {
		tool_error("call wants a name; see `msgport call --help'");
		return TOOL_USAGE;
	}
	return run(&call, argv + optind);
}
