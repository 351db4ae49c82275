/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The msgport command: finds the subcommand, which is a file of its own. */
#include "tool.h"
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	const char *summary;
	int (*run)(int argc, char **argv);
} command[] = {
	{ "mount", "mount a file system driver at a directory", tool_mount },
	{ "serve", "run a driver in a process of its own", tool_serve },
	{ "ls", "list published ports", tool_ls },
	{ "stat", "what a published port has done and is doing", tool_stat },
	{ "call", "send a message to a published port", tool_call },
	{ "trace", "print the messages of a published port", tool_trace },
	{ "ping", "time the way to a published port and back", tool_ping },
};

#define COMMANDS (sizeof(command) / sizeof(command[0]))

void
tool_error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("msgport: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
}

bool
tool_number(const char *what, const char *text, uint64_t max, uint64_t *out)
{
	uint64_t n = 0;
	char *end = NULL;

	errno = 0;
	if (*text >= '0' && *text <= '9')
		n = strtoull(text, &end, 10);
	if (end == NULL || *end != '\0' || errno != 0 || n < 1 || n > max) {
		tool_error("bad %s '%s': 1..%" PRIu64, what, text, max);
		return false;
	}
	*out = n;
	return true;
}

static void
usage(FILE *to)
{
	fputs("usage: msgport COMMAND [ARGUMENT...]\n\ncommands:\n", to);
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(to, "  %-8s %s\n", command[i].name, command[i].summary);
	fputs("  help     print this\n\n"
	      "`msgport COMMAND --help' tells more.\n"
	      "exit status: 0 done, 1 the operation failed, 2 wrong usage\n",
	      to);
}

int
main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : NULL;

	if (name == NULL) {
		usage(stderr);
		return TOOL_USAGE;
	}
	if (strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 ||
	    strcmp(name, "-h") == 0) {
		usage(stdout);
		return fflush(stdout) == 0 ? TOOL_OK : TOOL_FAILED;
	}
	for (size_t i = 0; i < COMMANDS; i++)
		if (strcmp(name, command[i].name) == 0)
			return command[i].run(argc - 1, argv + 1);
	tool_error("unknown command '%s'; `msgport help' lists them", name);
	return TOOL_USAGE;
}
