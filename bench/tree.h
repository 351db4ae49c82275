/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef BENCH_TREE_H
#define BENCH_TREE_H

/*
 * A vfs_mem behind a port, without FUSE: a directory of TREE_FEW names, one of
 * TREE_MANY, and an open file of TREE_FILE bytes.  Whatever fails ends the
 * program.
 */

#include <msgport/agent.h>
#include <msgport/driver.h>

enum { TREE_FEW = 10, TREE_MANY = 1000, TREE_FILE = 1 << 20, TREE_IO = 4096 };

struct tree {
	struct mp_port port;
	struct mp_vfs vfs;
	uint64_t few;
	uint64_t many;
	uint64_t file;
	uint64_t fh;
};

void tree_init(struct tree *);
void tree_fini(struct tree *);

/* The i-th of the names; i goes round. */
void tree_lookup(struct tree *, uint64_t dir, uint64_t i);
void tree_getattr(struct tree *);
/* TREE_IO bytes at the i-th place of the file, which goes round. */
void tree_read(struct tree *, void *to, uint64_t i);
void tree_write(struct tree *, const void *from, uint64_t i);
/* Creates, closes, unlinks and forgets a file. */
void tree_create(struct tree *);

#endif
