/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Drivers by name: those linked into this program, and those in a file of
 * their own.  DIR/NAME.so has the driver mp_driver_NAME.  It calls back into
 * this program, which exports all that the public headers declare, and stays
 * loaded until the program ends.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "tool.h"
#include <dlfcn.h>
#include <string.h>

#define SYMBOL_SIZE 256u

extern const struct mp_driver mp_driver_vfs_mem;

static const struct mp_driver *const drivers[] = {
	&mp_driver_vfs_mem,
};

#define DRIVERS (sizeof(drivers) / sizeof(drivers[0]))

void
driver_list(FILE *to)
{
	const struct mp_option *o;

	for (size_t i = 0; i < DRIVERS; i++) {
		fprintf(to, "  %s: %s\n", drivers[i]->name,
			drivers[i]->summary);
		for (uint32_t j = 0; j < drivers[i]->options; j++) {
			o = &drivers[i]->option[j];
			fprintf(to, "    %-14s %s%s%s%s%s%s\n", o->name,
				o->help, o->words != NULL ? "; " : "",
				o->words != NULL ? o->words : "",
				o->initial != NULL ? " (" : "",
				o->initial != NULL ? o->initial : "",
				o->initial != NULL ? ")" : "");
		}
	}
	fputs("  DIR/NAME.so: the driver mp_driver_NAME of that file\n", to);
}

static const struct mp_driver *
load(const char *path)
{
	const char *name = strrchr(path, '/') + 1;
	size_t len = strcspn(name, ".");
	const struct mp_driver *driver;
	char symbol[SYMBOL_SIZE];
	void *file = dlopen(path, RTLD_NOW | RTLD_LOCAL);

	if (file == NULL) {
		tool_error("cannot load '%s': %s", path, dlerror());
		return NULL;
	}
	(void)snprintf(symbol, sizeof(symbol), "mp_driver_%.*s", (int)len,
		       name);
	driver = dlsym(file, symbol);
	if (driver == NULL)
		tool_error("'%s' has no driver: %s is not in it", path, symbol);
	return driver;
}

const struct mp_driver *
driver_find(const char *name)
{
	if (strchr(name, '/') != NULL)
		return load(name);
	for (size_t i = 0; i < DRIVERS; i++)
		if (strcmp(drivers[i]->name, name) == 0)
			return drivers[i];
	tool_error("unknown driver '%s'; there are:", name);
	driver_list(stderr);
	return NULL;
}
