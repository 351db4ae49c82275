/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Targets: what a subcommand works on.
 *
 *	DRIVER[,KEY=VALUE...]	a driver, of this program or of a file
 *	port:NAME		a published port, wherever it is
 *	direct:NAME		the same, of this process
 *	process:NAME		the same, of another process
 *	kernel:NAME		the same, of the kernel
 *
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "tool.h"
#include <msgport/name.h>
#include <stdlib.h>
#include <string.h>

void
target_options(const struct target *t, FILE *to)
{
	for (uint32_t i = 0; t->driver != NULL && i < t->driver->options; i++)
		fprintf(to, " %s", t->driver->option[i].name);
}

static int
parse_driver(struct target *t, const char *text)
{
	size_t n = strcspn(text, ",");
	char *name = strndup(text, n);

	if (name == NULL)
		return TOOL_FAILED;
	t->driver = driver_find(name);
	free(name);
	if (t->driver == NULL)
		return TOOL_USAGE;
	if (text[n] == '\0')
		return TOOL_OK;
	t->options = strdup(text + n + 1);
	return t->options != NULL ? TOOL_OK : TOOL_FAILED;
}

static const struct {
	const char *word;
	enum domain domain;
} prefix[] = {
	{ "port:", DOMAIN_ANY },
	{ "direct:", DOMAIN_DIRECT },
	{ "process:", DOMAIN_PROCESS },
	{ "kernel:", DOMAIN_KERNEL },
};

#define PREFIXES (sizeof(prefix) / sizeof(prefix[0]))

int
target_parse(struct target *t, const char *text)
{
	size_t n;

	memset(t, 0, sizeof(*t));
	for (size_t i = 0; i < PREFIXES; i++) {
		n = strlen(prefix[i].word);
		if (strncmp(text, prefix[i].word, n) == 0) {
			t->name = text + n;
			t->domain = prefix[i].domain;
		}
	}
	if (t->name == NULL)
		return parse_driver(t, text);
	if (t->domain == DOMAIN_KERNEL) {
		tool_error("'%s': ports of the kernel are not available in "
			   "this build",
			   text);
		return TOOL_USAGE;
	}
	if (mp_name_ok(t->name))
		return TOOL_OK;
	tool_error("'%s' cannot be the name of a port: 1 to %d letters, "
		   "digits and . _ - can",
		   t->name, MP_NAME_MAX);
	return TOOL_USAGE;
}

int
target_domain(struct target *t, const char *word)
{
	if (t->driver == NULL) {
		tool_error("-d is for drivers: where port '%s' is, is decided",
			   t->name);
		return TOOL_USAGE;
	}
	if (strcmp(word, "direct") == 0) {
		t->domain = DOMAIN_DIRECT;
	} else if (strcmp(word, "process") == 0) {
		t->domain = DOMAIN_PROCESS;
	} else {
		tool_error("bad domain '%s'; there are: direct process", word);
		return TOOL_USAGE;
	}
	return TOOL_OK;
}

bool
target_takes(struct target *t, const char *option)
{
	size_t n = strcspn(option, "=");
	bool known = false;
	char *all;

	for (uint32_t i = 0; t->driver != NULL && i < t->driver->options; i++)
		known |= strlen(t->driver->option[i].name) == n &&
			 memcmp(t->driver->option[i].name, option, n) == 0;
	if (!known)
		return false;
	if (asprintf(&all, "%s%s%s", t->options != NULL ? t->options : "",
		     t->options != NULL ? "," : "", option) < 0)
		abort();
	free(t->options);
	t->options = all;
	return true;
}

int
target_check(struct target *t)
{
	char error[TOOL_ERROR_SIZE] = "";
	const char *fault;

	if (t->driver == NULL)
		return TOOL_OK;
	fault = mp_driver_fault(t->driver);
	if (fault != NULL) {
		tool_error("driver %s: %s", t->driver->name, fault);
		return TOOL_FAILED;
	}
	if (t->driver->vfs == NULL) {
		tool_error("driver %s is no file system", t->driver->name);
		return TOOL_USAGE;
	}
	if (mp_driver_options(t->driver, t->options, t->value, error,
			      sizeof(error)) != 0) {
		tool_error("driver %s: %s", t->driver->name, error);
		return TOOL_USAGE;
	}
	return TOOL_OK;
}
