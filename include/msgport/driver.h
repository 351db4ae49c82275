/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MSGPORT_DRIVER_H
#define MSGPORT_DRIVER_H

/*
 * What a driver declares.
 *
 * One constant, made with MP_DRIVER(), says everything: what the driver is
 * called, which options it has, how it may be called, how an instance begins
 * and ends, and the table of its class.  Whoever hosts it parses the options
 * with mp_driver_options(), calls open(), makes a port of the kind that
 * `threading' and `may_block' ask for (vfs: handler mp_vfs_handle(), data a
 * struct mp_vfs), and after the last message calls close().  All state hangs
 * off the instance; a driver has no variables of its own.
 *
 *	MP_DRIVER(vfs_null) = {
 *		MP_DRIVER_STAMP,
 *		.name = "vfs_null",
 *		.summary = "an empty directory",
 *		.iface = &mp_vfs_iface,
 *		.vfs = &null_ops,
 *	};
 */

#include <msgport/vfs.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MP_DRIVER_VERSION 1u
#define MP_OPTIONS_MAX 32u

enum mp_option_kind {
	MP_OPTION_BOOL,	  /* "key", "key=yes", "key=no" (or on off 1 0) */
	MP_OPTION_UINT,	  /* decimal */
	MP_OPTION_SIZE,	  /* decimal and one of K M G T P E, of 1024 */
	MP_OPTION_OCTAL,  /* a mode */
	MP_OPTION_STRING, /* to the next comma; min and max bound its length */
	MP_OPTION_ENUM,	  /* one of words; the number is its place there */
};

struct mp_option {
	const char *name;
	const char *help;    /* half a line */
	const char *initial; /* as if given; NULL: 0 or "" */
	const char *words;   /* ENUM: "one|two|three" */
	uint64_t min;
	uint64_t max;  /* 0: no upper bound */
	uint32_t kind; /* enum mp_option_kind */
};

/* One for each option, in the order of the driver's table. */
struct mp_option_value {
	uint64_t number;
	const char *text; /* STRING: in the memory that was parsed, no NUL */
	uint32_t text_len;
	bool given;
};

enum mp_driver_flag {
	/* Node ids and handles mean the same to the next instance. */
	MP_DRIVER_IDS_PERSISTENT = 1u << 0,
};

/* How many threads may be in an instance at once. */
enum mp_threading {
	MP_SERIAL,
	MP_PARALLEL,
};

struct mp_driver {
	uint32_t size; /* MP_DRIVER_STAMP sets these two */
	uint32_t version;
	const char *name;
	const char *summary; /* one line */
	const struct mp_option *option;
	uint32_t options;
	uint32_t threading; /* enum mp_threading */
	uint64_t may_block; /* bit n: the class's operation n may sleep */
	uint32_t flags;	    /* enum mp_driver_flag */

	/*
	 * Makes an instance: 0 and *fs, or a negative errno and, if there is
	 * more to say, a sentence in error.  May sleep.  A driver that keeps
	 * nothing has neither this nor close(): its fs is NULL.
	 */
	int (*open)(const struct mp_option_value *, void **fs, char *error,
		    size_t error_size);
	/* Nothing is in flight.  May sleep. */
	void (*close)(void *fs);

	const struct mp_iface *iface; /* its class */
	const struct mp_vfs_ops *vfs; /* of class vfs */
};

#define MP_DRIVER_STAMP \
	.size = sizeof(struct mp_driver), .version = MP_DRIVER_VERSION

#if defined(__GNUC__)
#define MP_DRIVER_EXPORT __attribute__((visibility("default")))
#else
#define MP_DRIVER_EXPORT
#endif

/* Defines the driver `name', in its own file driver/name.c. */
#define MP_DRIVER(name)                                 \
	extern const struct mp_driver mp_driver_##name; \
	MP_DRIVER_EXPORT const struct mp_driver mp_driver_##name

/* class/driver.c */
/*
 * Parses "key=value,key,..." (NULL and "" are no options; the last of several
 * counts) into one value for each option of the driver, starting from the
 * initial ones.  -EINVAL: error holds a sentence that names the option, the
 * value and what is valid.  text outlives the values.
 */
int mp_driver_options(const struct mp_driver *, const char *text,
		      struct mp_option_value *, char *error, size_t error_size);
/* NULL, or what keeps a host from working with this driver. */
const char *mp_driver_fault(const struct mp_driver *);

#ifdef __cplusplus
}
#endif

#endif
