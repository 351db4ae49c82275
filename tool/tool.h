/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef TOOL_TOOL_H
#define TOOL_TOOL_H

/* What the subcommands of the msgport command share. */

#include <msgport/driver.h>
#include <msgport/parity.h>
#include <msgport/stat.h>
#include <stdio.h>

enum tool_exit {
	TOOL_OK,
	TOOL_FAILED, /* the operation failed */
	TOOL_USAGE,  /* it was asked for wrongly; nothing was done */
};

/* Prints "msgport: ..." on standard error. */
void tool_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* tool/mount.c: one subcommand */
int tool_mount(int argc, char **argv);

/* tool/target.c: a driver of our own, or a published port */
struct target {
	const struct mp_driver *driver; /* NULL: somebody else's port */
	char *options;			/* of the driver, as text */
	struct mp_port *port;
	struct mp_option_value value[MP_OPTIONS_MAX];

	/* Private from here on. */
	void *fs;
	struct mp_vfs vfs;
	struct mp_port own;
	struct mp_parity parity;
	void *slots;
	bool open;
};

/* TARGET as given: TOOL_OK, or an error that was printed. */
int target_parse(struct target *, const char *text);
/* Appends "key=value" to the driver's options: false if it has no such. */
bool target_takes(struct target *, const char *option);
/* All options are there: checks them. */
int target_check(struct target *);
/* Makes the instance and its port. */
int target_open(struct target *);
void target_close(struct target *);
void target_list(FILE *);
/* The names of its driver's options, separated by blanks. */
void target_options(const struct target *, FILE *);

/* tool/count.c: counts messages on their way to a port */
#define COUNT_OPS 64

struct count {
	struct mp_port port; /* send here */
	struct mp_port *to;
	struct mp_stat stat;
	uint64_t op[COUNT_OPS];
	bool own; /* the port is ours to attach counters to */
};

void count_init(struct count *, const struct target *);
void count_fini(struct count *);
void count_print(struct count *, FILE *);

#endif
