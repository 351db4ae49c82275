/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * vfs_mem directly through its port, in one thread: a read of 4 KiB beside a
 * memcpy of as much, and a lookup among 1,000 names beside one among 10.
 */
#include "bench.h"
#include "tree.h"

#include <stdio.h>
#include <string.h>

enum { READS = 4000, LOOKUPS = 10000 };

static struct tree tree;
static char data[TREE_FILE];
static char to[TREE_IO];

static uint64_t
by_read(uint64_t n)
{
	uint64_t start = bench_now();

	for (uint64_t i = 0; i < n; i++)
		tree_read(&tree, to, i);
	return bench_now() - start;
}

static uint64_t
by_memcpy(uint64_t n)
{
	uint64_t start = bench_now();

	for (uint64_t i = 0; i < n; i++) {
		memcpy(to, data + i * TREE_IO % TREE_FILE, TREE_IO);
		__asm__ volatile("" : : "r"(to) : "memory");
	}
	return bench_now() - start;
}

static uint64_t
lookups(uint64_t dir, uint64_t n)
{
	uint64_t start = bench_now();

	for (uint64_t i = 0; i < n; i++)
		tree_lookup(&tree, dir, i);
	return bench_now() - start;
}

static uint64_t
among_many(uint64_t n)
{
	return lookups(tree.many, n);
}

static uint64_t
among_few(uint64_t n)
{
	return lookups(tree.few, n);
}

int
main(void)
{
	bench_pin(0);
	tree_init(&tree);
	memset(data, 1, sizeof(data));
	printf("# vfs: one thread on CPU 0, calls through a call port\n");
	bench_ratio("vfs-read-4k-memcpy", by_read, by_memcpy, READS);
	bench_ratio("vfs-lookup-1000-10", among_many, among_few, LOOKUPS);
	tree_fini(&tree);
	return 0;
}
