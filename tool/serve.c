/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* msgport serve: a driver in a process of its own, under a name. */
#include "serve.h"
#include <getopt.h>
#include <msgport/name.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
	"usage: msgport serve [-f] [--name NAME] [--mode OCTAL]\n"
	"                     [--sandbox=strict|none] [--restart] TARGET\n"
	"\n"
	"TARGET is DRIVER[,KEY=VALUE...]; others then mount process:NAME.\n"
	"\n"
	"  -f, --foreground    stay, and end with the driver's process\n"
	"      --name NAME     else the driver's\n"
	"      --mode OCTAL    who may connect; 0600\n"
	"      --sandbox=none  for a debugger; else strict\n"
	"      --restart       begin again when the driver's process ends\n"
	"  -h, --help          print this\n"
	"\n"
	"SIGINT, SIGTERM and SIGHUP end it.\n"
	"exit status: 0 done, 1 the operation failed, 2 wrong usage\n"
	"\n"
	"drivers and their options:\n";

static int
parse_mode(struct serve *s, const char *text)
{
	char *end;
	unsigned long mode = strtoul(text, &end, 8);

	if (*text < '0' || *text > '7' || *end != '\0' || mode > 0777 ||
	    mode == 0) {
		tool_error("bad mode '%s': an octal number from 1 to 777",
			   text);
		return TOOL_USAGE;
	}
	s->conf.mode = (uint32_t)mode;
	return TOOL_OK;
}

static int
parse_sandbox(struct serve *s, const char *text)
{
	s->conf.strict = strcmp(text, "strict") == 0;
	if (s->conf.strict || strcmp(text, "none") == 0)
		return TOOL_OK;
	tool_error("bad sandbox '%s'; there are: strict none", text);
	return TOOL_USAGE;
}

static int
parse_target(struct serve *s, const char *text)
{
	int code = target_parse(&s->target, text);

	if (code == TOOL_OK && s->target.driver == NULL) {
		tool_error("'%s' is published by somebody; serve wants a "
			   "driver",
			   text);
		code = TOOL_USAGE;
	}
	if (code == TOOL_OK)
		code = target_check(&s->target);
	if (code == TOOL_OK && s->conf.name == NULL)
		s->conf.name = s->target.driver->name;
	if (code == TOOL_OK && !mp_name_ok(s->conf.name)) {
		tool_error("bad name '%s': 1 to %d letters, digits and . _ -",
			   s->conf.name, MP_NAME_MAX);
		code = TOOL_USAGE;
	}
	return code;
}

static int
parse(struct serve *s, int argc, char **argv)
{
	static const struct option option[] = {
		{ "foreground", no_argument, NULL, 'f' },
		{ "name", required_argument, NULL, 'n' },
		{ "mode", required_argument, NULL, 'm' },
		{ "sandbox", required_argument, NULL, 's' },
		{ "restart", no_argument, NULL, 'r' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int code = TOOL_OK;
	int c;

	while (code == TOOL_OK &&
	       (c = getopt_long(argc, argv, "fh", option, NULL)) != -1) {
		if (c == 'f')
			s->foreground = true;
		else if (c == 'n')
			s->conf.name = optarg;
		else if (c == 'm')
			code = parse_mode(s, optarg);
		else if (c == 's')
			code = parse_sandbox(s, optarg);
		else if (c == 'r')
			s->restart = true;
		else if (c == 'h') {
			fputs(help, stdout);
			driver_list(stdout);
			exit(fflush(stdout) == 0 ? TOOL_OK : TOOL_FAILED);
		} else
			code = TOOL_USAGE;
	}
	if (code != TOOL_OK)
		return code;
	if (argc - optind != 1) {
		tool_error("serve wants a target; see `msgport serve --help'");
		return TOOL_USAGE;
	}
	return parse_target(s, argv[optind]);
}

int
tool_serve(int argc, char **argv)
{
	struct serve s = {
		.conf = { .mode = 0600, .strict = true, .listener.fd = -1 },
		.behind = -1,
	};
	int code = parse(&s, argc, argv);

	s.conf.target = &s.target;
	s.conf.quiet = !s.foreground;
	if (code == TOOL_OK)
		code = s.foreground || behind(&s.behind, &code) ?
			       serve_run(&s) :
			       code;
	target_close(&s.target);
	return code;
}
