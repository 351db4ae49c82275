/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef BENCH_FUSE_H
#define BENCH_FUSE_H

/* The two servers that bench/fuse compares. */

#include <msgport/vfs.h>

/*
 * Mounts the file system at dir with nothing between libfuse and the driver's
 * table, and serves it by one thread until it is unmounted: 0 or not.
 */
int bare_serve(const struct mp_vfs_ops *, void *fs, const char *dir,
	       void (*ready)(void *, int error));

#endif
