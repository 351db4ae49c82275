/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The FUSE front-end over a link: data goes through pieces of the arena where
 * there are any, and arrives whole in any case.  The server is in this process,
 * so that it can look whether what it got is what the front-end has.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "../broker/export.h"
#include "../broker/link.h"
#include "t.h"
#include "watch.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#define ARENA (8ull << 20) /* four pieces */
#define LARGE (1u << 20)   /* the kernel's largest request */
#define USUAL (128u << 10)
#define CLIENTS 6
#define ROUNDS 40
#define XATTR 60000u

static void *
cancelled(void *arg)
{
	(void)pause();
	return arg;
}

/* The first thread that is cancelled loads what cancels, and keeps it. */
void
t_setup(void)
{
	static char names[64];
	pthread_t first;

	if (pthread_create(&first, NULL, cancelled, NULL) != 0)
		abort();
	pthread_cancel(first);
	pthread_join(first, NULL);
	(void)snprintf(names, sizeof(names), "/tmp/msgport-51-%d",
		       (int)getpid());
	(void)setenv("MSGPORT_DIR", names, 1);
}

/* Large requests that the driver saw, and with how many pieces; atomic. */
static uint32_t lent, copied, pieces;

static const char *
at(char *path, const char *name)
{
	(void)snprintf(path, 8192, "%s/%s", w.dir, name);
	return path;
}

/* A piece lies where this does: nothing else is ever given that place. */
static bool
is_lent(const struct mp_buf *buf)
{
	const struct mp_link *l = (const void *)w.link;
	const char *there = buf->base, *here;

	there -= (uintptr_t)w.export->client->memory.arena;
	for (uint32_t i = 0; i < w.fuse.pieces; i++) {
		here = w.fuse.piece[i].base;
		if (here - (uintptr_t)l->memory.arena == there)
			return true;
	}
	return false;
}

static void
look(const struct mp_buf *buf)
{
	__atomic_store_n(&pieces, w.fuse.pieces, __ATOMIC_RELAXED);
	if (buf->len >= USUAL)
		__atomic_add_fetch(is_lent(buf) ? &lent : &copied, 1,
				   __ATOMIC_RELAXED);
}

static int
look_read(void *fs, struct mp_vfs_read *m)
{
	look(&m->buf);
	return mp_driver_vfs_mem.vfs->read(fs, m);
}

static int
look_write(void *fs, struct mp_vfs_write *m)
{
	look(&m->buf);
	return mp_driver_vfs_mem.vfs->write(fs, m);
}

static void
begin(uint64_t arena, uint32_t threads)
{
	w.arena = arena;
	w.ops = *mp_driver_vfs_mem.vfs;
	w.ops.read = look_read;
	w.ops.write = look_write;
	watch_begin_with(&w.ops,
			 (struct mp_fuse_conf){ .threads_max = threads });
	CHECK_EQ(w.ready, 0);
}

static void
end(void)
{
	mp_fuse_stop(&w.fuse);
	watch_finish();
	CHECK_EQ(w.code, 0);
}

static void
fill(unsigned char *to, size_t size, uint32_t seed)
{
	for (size_t i = 0; i < size; i++)
		to[i] = (unsigned char)((i >> 8) * 31 + i * 7 + seed);
}

/*
 * There and back by one request each, past the kernel's cache.  By a child of a
 * process with threads, one of which may have held the allocator's lock.
 */
static void
write_and_read(int fd, size_t size, uint32_t seed)
{
	static unsigned char out[3 * LARGE], back[3 * LARGE];

	fill(out, size, seed);
	CHECK_EQ(pwrite(fd, out, size, seed), size);
	CHECK_EQ(pread(fd, back, size, seed), size);
	CHECK_EQ(memcmp(out, back, size), 0);
}

/* What is no write, though a write was expected, and is as long as one. */
static void
other_requests(const char *file, uint32_t seed)
{
	static char value[XATTR], back[XATTR], target[4096], path[8192];
	ssize_t n = 4000;

	fill((unsigned char *)value, sizeof(value), seed);
	CHECK_EQ(setxattr(file, "user.x", value, sizeof(value), 0), 0);
	CHECK_EQ(getxattr(file, "user.x", back, sizeof(back)), sizeof(back));
	CHECK_EQ(memcmp(value, back, sizeof(back)), 0);
	memset(target, 'a' + (int)(seed % 26), (size_t)n);
	CHECK_EQ(symlink(target, at(path, "link")), 0);
	CHECK_EQ(readlink(path, back, sizeof(back)), n);
	CHECK_EQ(memcmp(target, back, (size_t)n), 0);
	CHECK_EQ(unlink(path), 0);
}

/* In a child without descriptors, which outlives no server. */
static pid_t
start(void (*use)(const char *file, uint32_t seed), uint32_t seed)
{
	char path[8192], name[16];
	pid_t pid = fork();

	CHECK(pid >= 0);
	if (pid != 0)
		return pid;
	(void)close_range(3, ~0u, 0);
	(void)snprintf(name, sizeof(name), "f%u", seed);
	use(at(path, name), seed);
	_exit(0);
}

static void
finish(pid_t pid)
{
	int status;

	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
}

static int
create(const char *file)
{
	int fd = open(file, O_CREAT | O_RDWR | O_DIRECT | O_CLOEXEC, 0600);

	CHECK(fd >= 0);
	return fd;
}

static void
use_all(const char *file, uint32_t seed)
{
	static const size_t size[] = {
		1,     4096,  8192,	 8193,	12288,	   65536,
		USUAL, LARGE, LARGE - 1, 99999, LARGE + 1, 3 * LARGE,
	};
	size_t n = sizeof(size) / sizeof(size[0]);
	int fd = create(file);

	for (uint32_t i = 0; i < 3 * n; i++) {
		write_and_read(fd, size[i % n], i);
		other_requests(file, seed + i);
	}
}

TEST(data_of_any_size_arrives_whole)
{
	begin(ARENA, 0);
	finish(start(use_all, 1));
	end();
	CHECK_EQ(pieces, 4);
}

static void
use_usual(const char *file, uint32_t seed)
{
	int fd = create(file);

	for (uint32_t i = 0; i < 100; i++)
		write_and_read(fd, USUAL, seed + i);
}

TEST(usual_requests_are_not_copied)
{
	begin(ARENA, 2);
	finish(start(use_usual, 1));
	end();
	/* A thread that has received no write for long expects none. */
	CHECK_EQ(lent + copied, 200);
	CHECK(lent > 180);
	CHECK_EQ(w.fuse.pieces, 0);
}

static void
use_large(const char *file, uint32_t seed)
{
	int fd = create(file);

	write_and_read(fd, LARGE, seed);
	write_and_read(fd, USUAL, seed);
}

TEST(an_arena_without_room_for_pieces_will_do)
{
	begin(LARGE, 0);
	finish(start(use_large, 1));
	end();
	CHECK_EQ(pieces, 0);
	CHECK_EQ(lent, 0);
	CHECK_EQ(copied, 4);
}

static void
use_both(const char *file, uint32_t seed)
{
	int fd = create(file);

	for (uint32_t i = 0; i < ROUNDS; i++)
		write_and_read(fd, i % 4 == 0 ? LARGE : USUAL, i * 8 + seed);
}

TEST(more_clients_than_pieces_get_what_is_theirs)
{
	pid_t pid[CLIENTS];

	begin(ARENA, 0);
	for (uint32_t i = 0; i < CLIENTS; i++)
		pid[i] = start(use_both, i);
	for (uint32_t i = 0; i < CLIENTS; i++)
		finish(pid[i]);
	end();
	CHECK(lent != 0);
}
