/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef TOOL_TOOL_H
#define TOOL_TOOL_H

/* What the subcommands of the msgport command share. */

#include <msgport/driver.h>
#include <msgport/parity.h>
#include <msgport/stat.h>
#include <stdio.h>
#include <sys/types.h>

enum tool_exit {
	TOOL_OK,
	TOOL_FAILED, /* the operation failed */
	TOOL_USAGE,  /* it was asked for wrongly; nothing was done */
};

/* Prints "msgport: ..." on standard error. */
void tool_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#define TOOL_ERROR_SIZE 512u

/* 1..max in digits, or false and an error printed that says what it is of. */
bool tool_number(const char *what, const char *text, uint64_t max,
		 uint64_t *out);

/* One subcommand a file, but for what tool/mount.c takes from others. */
int tool_call(int argc, char **argv);
int tool_ls(int argc, char **argv);
int tool_mount(int argc, char **argv);
int tool_ping(int argc, char **argv);
int tool_serve(int argc, char **argv);
int tool_stat(int argc, char **argv);
int tool_trace(int argc, char **argv);

/* tool/behind.c */
/*
 * Goes on in a child, where it gives true and in *live what behind_live()
 * wants; else false, and in *code what is to be the exit status.
 */
bool behind(int *live, int *code);
/* Nothing if *live is -1: no terminal any more, and the parent may exit. */
void behind_live(int *live, bool keep_stdout);

/* tool/driver.c */
/* One that is linked in, or DIR/NAME.so; NULL, and it was told why. */
const struct mp_driver *driver_find(const char *name);
void driver_list(FILE *);

/* tool/spy.c: prints what passes to a port */
struct spy;

/*
 * A call or serial port, before the first send to it: a line for each message,
 * as MSGPORT_TRACE in the environment says.  *out is NULL if there is none.
 * TOOL_OK, or an error that was printed.
 */
int spy_start(struct spy **out, struct mp_port *);
/* Nobody sends any more.  NULL is nothing. */
void spy_stop(struct spy *);

/* tool/instance.c: all zero is none */
struct instance {
	struct mp_port port;

	/* Private from here on. */
	const struct mp_driver *driver;
	void *fs;
	struct mp_vfs vfs;
	struct spy *spy; /* if MSGPORT_TRACE asks for one */
	struct mp_parity parity;
	void *slots;
};

int instance_open(struct instance *, const struct mp_driver *,
		  const struct mp_option_value *);
/* It may have threads from now on. */
int instance_start(struct instance *);
void instance_close(struct instance *);

/* tool/host.c: see host.h; all zero is none */
struct host {
	pid_t pid;
	int ready; /* where it says that it serves */
};

enum domain { DOMAIN_ANY, DOMAIN_DIRECT, DOMAIN_PROCESS, DOMAIN_KERNEL };

/* tool/target.c, resolve.c: a driver of our own, or a published port */
struct target {
	const struct mp_driver *driver; /* NULL: somebody else's port */
	char *options;			/* of the driver, as text */
	struct mp_port *port;
	struct mp_option_value value[MP_OPTIONS_MAX];

	/* Private from here on. */
	const char *name; /* of the port */
	enum domain domain;
	struct instance own;
	struct mp_port *found; /* counted */
	struct mp_port *link;
	struct host host;
};

/* TARGET as given: TOOL_OK, or an error that was printed. */
int target_parse(struct target *, const char *text);
/* Where the driver is to run. */
int target_domain(struct target *, const char *word);
/* Appends "key=value" to the driver's options: false if it has no such. */
bool target_takes(struct target *, const char *option);
/* All options are there: checks them. */
int target_check(struct target *);
/* The names of its driver's options, separated by blanks. */
void target_options(const struct target *, FILE *);
/* Makes the instance and its port, or finds the port. */
int target_open(struct target *);
void target_close(struct target *);

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
