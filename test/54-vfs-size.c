/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Large things take as long as they are large: the cost of one step, in time on
 * the CPU, among many is held against that among few.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "posix.h"
#include "t.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MANY 100000u
#else
#define MANY 1000000u
#endif
#define FEW (MANY / 100)
#define WORSE 8.0 /* by caches and tables; quadratic would be 100 */
#define PAGE 4096u
#define TIB (1ull << 40)

static double
cpu_ns(void)
{
	struct timespec t;

	CHECK_EQ(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t), 0);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static const char *
name_of(uint32_t i)
{
	static char name[32];

	(void)snprintf(name, sizeof(name), "d/%u", i);
	return name;
}

static void
read_all(uint32_t n)
{
	struct px_entry e;
	uint32_t seen = 0;
	int dir = px->opendir("d");

	CHECK(dir >= 0);
	while (px->readdir(dir, &e) == 1)
		seen++;
	CHECK_EQ(seen, n + 2);
	CHECK_EQ(px->closedir(dir), 0);
}

struct cost {
	double make, find, read, seek, drop;
};

static struct cost
directory(uint32_t n)
{
	struct px_entry e;
	struct cost c;
	uint32_t i;
	int dir;

	CHECK_EQ(px->mkdir("d", 0755), 0);
	c.make = cpu_ns();
	for (i = 0; i < n; i++)
		CHECK_EQ(px->mknod(name_of(i), S_IFREG | 0644, 0, 0), 0);
	c.make = (cpu_ns() - c.make) / n;
	c.find = cpu_ns();
	for (i = 0; i < FEW; i++)
		CHECK_EQ(px_get(name_of(i * (n / FEW))).nlink, 1);
	c.find = (cpu_ns() - c.find) / FEW;
	c.read = cpu_ns();
	read_all(n);
	c.read = (cpu_ns() - c.read) / n;
	dir = px->opendir("d");
	c.seek = cpu_ns();
	for (i = 0; i < FEW; i++) {
		CHECK_EQ(px->seekdir(dir, 2 + i * (n / FEW)), 0);
		CHECK_EQ(px->readdir(dir, &e), 1);
	}
	c.seek = (cpu_ns() - c.seek) / FEW;
	CHECK_EQ(px->closedir(dir), 0);
	/* From the end, and then what is left from the start. */
	c.drop = cpu_ns();
	for (i = n; i-- > n / 2;)
		CHECK_EQ(px->unlink(name_of(i)), 0);
	for (i = 0; i < n / 2; i++)
		CHECK_EQ(px->unlink(name_of(i)), 0);
	c.drop = (cpu_ns() - c.drop) / n;
	CHECK_EQ(px->rmdir("d"), 0);
	return c;
}

static void
a_million_names_are_as_quick_as_few(void)
{
	struct cost few = directory(FEW), many = directory(MANY);

	dprintf(1,
		"# ns a name of %u, of %u: make %.0f %.0f, find %.0f %.0f, "
		"read %.0f %.0f, seek %.0f %.0f, remove %.0f %.0f\n",
		FEW, MANY, few.make, many.make, few.find, many.find, few.read,
		many.read, few.seek, many.seek, few.drop, many.drop);
	CHECK(many.make < WORSE * few.make);
	CHECK(many.find < WORSE * few.find);
	CHECK(many.read < WORSE * few.read);
	CHECK(many.seek < WORSE * few.seek);
	CHECK(many.drop < WORSE * few.drop);
}

/* So many pages, evenly in a TiB; each found again by seeking. */
static double
sparse(uint32_t pages)
{
	uint64_t at, step = TIB / pages;
	double t = cpu_ns();
	struct px_stat st;
	uint32_t i;
	char c = 'x';
	int fd;

	fd = px->open("f", O_CREAT | O_RDWR, 0644);
	CHECK(fd >= 0);
	for (i = 0; i < pages; i++)
		CHECK_EQ(px->write(fd, &c, 1, i * step), 1);
	CHECK_EQ(px->ftruncate(fd, TIB), 0);
	CHECK_EQ(px->fstat(fd, &st), 0);
	CHECK_EQ(st.size, TIB);
	CHECK_EQ(st.blocks, pages * 8);
	for (i = 0, at = 0; i < pages; i++) {
		CHECK_EQ(px->lseek(fd, at, SEEK_DATA), i * step);
		at = (uint64_t)px->lseek(fd, i * step, SEEK_HOLE);
		CHECK_EQ(at, i * step + PAGE);
	}
	CHECK_EQ(px->fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			       TIB / 2, TIB / 2),
		 0);
	CHECK_EQ(px->lseek(fd, TIB / 2, SEEK_DATA), -ENXIO);
	CHECK_EQ(px->ftruncate(fd, 0), 0);
	CHECK_EQ(px->close(fd), 0);
	CHECK_EQ(px->unlink("f"), 0);
	return (cpu_ns() - t) / pages;
}

static void
a_sparse_tebibyte_costs_its_pages(void)
{
	double few = sparse(64), many = sparse(16384);

	dprintf(1, "# ns a page of 64, of 16384: %.0f %.0f\n", few, many);
	CHECK(many < WORSE * few);
}

static double
dense(uint32_t mib)
{
	static char data[1 << 20];
	double t = cpu_ns();
	uint32_t i;
	int fd;

	fd = px->open("f", O_CREAT | O_RDWR, 0644);
	CHECK(fd >= 0);
	for (i = 0; i < mib; i++)
		CHECK_EQ(px->write(fd, data, sizeof(data),
				   (uint64_t)i * sizeof(data)),
			 sizeof(data));
	for (i = 0; i < mib; i++)
		CHECK_EQ(px->read(fd, data, sizeof(data),
				  (uint64_t)i * sizeof(data)),
			 sizeof(data));
	CHECK_EQ(px->lseek(fd, 0, SEEK_HOLE), (int64_t)mib << 20);
	CHECK_EQ(px->close(fd), 0);
	CHECK_EQ(px->unlink("f"), 0);
	return (cpu_ns() - t) / mib;
}

static void
a_long_file_costs_its_length(void)
{
	double few = dense(4), many = dense(256);

	dprintf(1, "# us a MiB of 4, of 256: %.0f %.0f\n", few / 1e3,
		many / 1e3);
	CHECK(many < WORSE * few);
}

static const struct px_rule rule[] = {
	{ "a_million_names_are_as_quick_as_few",
	  a_million_names_are_as_quick_as_few, "inodes=2000000", true },
	{ "a_sparse_tebibyte_costs_its_pages",
	  a_sparse_tebibyte_costs_its_pages, 0, true },
	{ "a_long_file_costs_its_length", a_long_file_costs_its_length,
	  "size=1g", true },
};

void
t_setup(void)
{
	px = &px_port;
	PX_RULES(rule);
}
