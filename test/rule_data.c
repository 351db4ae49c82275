/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Rules of data: read, write, holes, allocation. */
#define _GNU_SOURCE
#include "posix.h"
#include "t.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PAGE 4096u
#define TIB (1ull << 40)

static int
file(void)
{
	int fd = px->open("f", O_CREAT | O_RDWR, 0644);

	CHECK(fd >= 0);
	return fd;
}

static uint64_t
size_of(int fd)
{
	struct px_stat st;

	CHECK_EQ(px->fstat(fd, &st), 0);
	return st.size;
}

/* So many bytes at the offset are all c. */
static void
all(int fd, uint64_t offset, uint32_t len, int c)
{
	unsigned char *got = malloc(len);
	uint32_t i;

	CHECK(got);
	CHECK_EQ(px->read(fd, got, len, offset), len);
	for (i = 0; i < len; i++)
		CHECK_EQ(got[i], c);
	free(got);
}

static void
fill(int fd, uint64_t offset, uint32_t len, int c)
{
	char *data = malloc(len);

	CHECK(data);
	memset(data, c, len);
	CHECK_EQ(px->write(fd, data, len, offset), len);
	free(data);
}

static void
what_was_written_is_read(void)
{
	static const uint32_t at[] = { 0, 1, 4095, 4096, 4097, 8191, 12288 };
	static const uint32_t len[] = { 1, 2, 4095, 4096, 4097, 20000 };
	char data[20000], got[20000];
	unsigned int i, j;
	int fd = file();

	for (i = 0; i < sizeof(data); i++)
		data[i] = (char)(i * 7 + i / 256);
	for (i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		for (j = 0; j < sizeof(len) / sizeof(len[0]); j++) {
			CHECK_EQ(px->ftruncate(fd, 0), 0);
			CHECK_EQ(px->write(fd, data, len[j], at[i]), len[j]);
			CHECK_EQ(size_of(fd), at[i] + len[j]);
			CHECK_EQ(px->read(fd, got, sizeof(got), at[i]), len[j]);
			CHECK(!memcmp(data, got, len[j]));
			if (at[i])
				all(fd, 0, at[i], 0);
		}
	}
	CHECK_EQ(px->close(fd), 0);
}

static void
a_read_ends_at_the_end(void)
{
	char got[100];
	int fd = file();

	fill(fd, 0, 10, 'x');
	CHECK_EQ(px->read(fd, got, 100, 0), 10);
	CHECK_EQ(px->read(fd, got, 100, 9), 1);
	CHECK_EQ(px->read(fd, got, 100, 10), 0);
	CHECK_EQ(px->read(fd, got, 100, TIB), 0);
	CHECK_EQ(px->write(fd, got, 0, 50), 0);
	CHECK_EQ(size_of(fd), 10);
	CHECK_EQ(px->close(fd), 0);
}

static void
a_handle_does_what_it_was_opened_for(void)
{
	char c = 'x';
	int fd = file();

	CHECK_EQ(px->close(fd), 0);
	fd = px->open("f", O_RDONLY, 0);
	CHECK_EQ(px->write(fd, &c, 1, 0), -EBADF);
	CHECK_EQ(px->ftruncate(fd, 1), -EINVAL);
	CHECK_EQ(px->fallocate(fd, 0, 0, 1), -EBADF);
	CHECK_EQ(px->close(fd), 0);
	fd = px->open("f", O_WRONLY, 0);
	CHECK_EQ(px->read(fd, &c, 1, 0), -EBADF);
	CHECK_EQ(px->close(fd), 0);
	CHECK_EQ(px->mkdir("d", 0755), 0);
	CHECK_EQ(px->open("d", O_RDWR, 0), -EISDIR);
}

static void
append_writes_at_the_end(void)
{
	int fd;

	px_put("f", "abc");
	fd = px->open("f", O_WRONLY | O_APPEND, 0);
	CHECK_EQ(px->write(fd, "def", 3, 0), 3);
	CHECK_EQ(px->truncate("f", 4), 0);
	CHECK_EQ(px->write(fd, "g", 1, 1), 1);
	CHECK_EQ(px->close(fd), 0);
	px_is("f", "abcdg");
}

static void
truncate_takes_and_gives_zeros(void)
{
	int fd = file();

	fill(fd, 0, 10000, 'x');
	CHECK_EQ(px->ftruncate(fd, 5000), 0);
	CHECK_EQ(size_of(fd), 5000);
	CHECK_EQ(px->ftruncate(fd, 10000), 0);
	all(fd, 0, 5000, 'x');
	all(fd, 5000, 5000, 0);
	CHECK_EQ(px->truncate("f", 1), 0);
	CHECK_EQ(px->truncate("f", 3), 0);
	all(fd, 0, 1, 'x');
	all(fd, 1, 2, 0);
	CHECK_EQ(px->truncate("f", 0), 0);
	CHECK_EQ(px->fsync(fd), 0);
	CHECK_EQ(px_get("f").blocks, 0);
	CHECK_EQ(px->close(fd), 0);
	CHECK_EQ(px->mkdir("d", 0755), 0);
	CHECK_EQ(px->truncate("d", 0), -EISDIR);
}

static void
open_with_trunc_empties(void)
{
	int fd;

	px_put("f", "text");
	fd = px->open("f", O_RDWR | O_TRUNC, 0);
	CHECK(fd >= 0);
	CHECK_EQ(size_of(fd), 0);
	CHECK_EQ(px->close(fd), 0);
	px_put("f", "text");
	fd = px->open("f", O_RDWR | O_CREAT | O_TRUNC, 0600);
	CHECK(fd >= 0);
	CHECK_EQ(size_of(fd), 0);
	CHECK_EQ(px->close(fd), 0);
}

static void
holes_take_no_room_and_read_as_zeros(void)
{
	int fd = file();

	fill(fd, TIB, 1, 'x');
	CHECK_EQ(px->fsync(fd), 0);
	CHECK_EQ(size_of(fd), TIB + 1);
	CHECK_EQ(px_get("f").blocks, 8);
	all(fd, 0, 8192, 0);
	all(fd, TIB - 100, 100, 0);
	fill(fd, TIB / 2, 1, 'y');
	CHECK_EQ(px->fsync(fd), 0);
	CHECK_EQ(px_get("f").blocks, 16);
	CHECK_EQ(px->ftruncate(fd, TIB / 2), 0);
	CHECK_EQ(px_get("f").blocks, 0);
	CHECK_EQ(px->close(fd), 0);
}

static void
seek_finds_data_and_holes(void)
{
	int fd = file();

	CHECK_EQ(px->lseek(fd, 0, SEEK_DATA), -ENXIO);
	fill(fd, 2 * PAGE, PAGE, 'x');
	fill(fd, 5 * PAGE, 10, 'x');
	CHECK_EQ(px->ftruncate(fd, 9 * PAGE + 7), 0);
	CHECK_EQ(px->fsync(fd), 0);
	CHECK_EQ(px->lseek(fd, 0, SEEK_DATA), 2 * PAGE);
	CHECK_EQ(px->lseek(fd, 2 * PAGE + 5, SEEK_DATA), 2 * PAGE + 5);
	CHECK_EQ(px->lseek(fd, 3 * PAGE, SEEK_DATA), 5 * PAGE);
	CHECK_EQ(px->lseek(fd, 6 * PAGE, SEEK_DATA), -ENXIO);
	CHECK_EQ(px->lseek(fd, 0, SEEK_HOLE), 0);
	CHECK_EQ(px->lseek(fd, 2 * PAGE, SEEK_HOLE), 3 * PAGE);
	CHECK_EQ(px->lseek(fd, 5 * PAGE, SEEK_HOLE), 6 * PAGE);
	CHECK_EQ(px->lseek(fd, 9 * PAGE, SEEK_HOLE), 9 * PAGE);
	CHECK_EQ(px->lseek(fd, 9 * PAGE + 7, SEEK_HOLE), -ENXIO);
	CHECK_EQ(px->lseek(fd, TIB, SEEK_DATA), -ENXIO);
	CHECK_EQ(px->close(fd), 0);
}

static void
a_full_file_ends_in_a_hole(void)
{
	int fd = file();

	fill(fd, 0, PAGE + 100, 'x');
	CHECK_EQ(px->fsync(fd), 0);
	CHECK_EQ(px->lseek(fd, 0, SEEK_HOLE), PAGE + 100);
	CHECK_EQ(px->close(fd), 0);
}

static void
fallocate_makes_room(void)
{
	int fd = file();

	CHECK_EQ(px->fallocate(fd, 0, PAGE, 2 * PAGE), 0);
	CHECK_EQ(size_of(fd), 3 * PAGE);
	CHECK_EQ(px_get("f").blocks, 16);
	all(fd, 0, 3 * PAGE, 0);
	CHECK_EQ(px->fallocate(fd, FALLOC_FL_KEEP_SIZE, 10 * PAGE, 1), 0);
	CHECK_EQ(size_of(fd), 3 * PAGE);
	CHECK_EQ(px_get("f").blocks, 24);
	fill(fd, 0, 3 * PAGE, 'x');
	CHECK_EQ(px->fallocate(fd, 0, 0, 2 * PAGE), 0);
	CHECK_EQ(size_of(fd), 3 * PAGE);
	all(fd, 0, 3 * PAGE, 'x');
	CHECK_EQ(px->close(fd), 0);
}

static void
punch_makes_a_hole(void)
{
	int mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
	int fd = file();

	fill(fd, 0, 8 * PAGE, 'x');
	CHECK_EQ(px->fsync(fd), 0);
	CHECK_EQ(px->fallocate(fd, mode, PAGE + 10, 3 * PAGE), 0);
	CHECK_EQ(size_of(fd), 8 * PAGE);
	CHECK_EQ(px_get("f").blocks, 6 * 8);
	all(fd, 0, PAGE + 10, 'x');
	all(fd, PAGE + 10, 3 * PAGE, 0);
	all(fd, 4 * PAGE + 10, 4 * PAGE - 10, 'x');
	CHECK_EQ(px->fallocate(fd, mode, 6 * PAGE + 1, 5), 0);
	all(fd, 6 * PAGE, 1, 'x');
	all(fd, 6 * PAGE + 1, 5, 0);
	all(fd, 6 * PAGE + 6, PAGE, 'x');
	CHECK_EQ(px->fallocate(fd, mode, 0, 100 * PAGE), 0);
	CHECK_EQ(size_of(fd), 8 * PAGE);
	CHECK_EQ(px_get("f").blocks, 0);
	CHECK_EQ(px->close(fd), 0);
}

static void
zero_range_zeroes_and_keeps_room(void)
{
	int fd = file();

	fill(fd, 0, 3 * PAGE, 'x');
	CHECK_EQ(px->fsync(fd), 0);
	CHECK_EQ(px->fallocate(fd, FALLOC_FL_ZERO_RANGE, PAGE - 5, PAGE + 10),
		 0);
	CHECK_EQ(px_get("f").blocks, 24);
	all(fd, 0, PAGE - 5, 'x');
	all(fd, PAGE - 5, PAGE + 10, 0);
	all(fd, 2 * PAGE + 5, PAGE - 5, 'x');
	CHECK_EQ(px->fallocate(fd, FALLOC_FL_ZERO_RANGE, 3 * PAGE, PAGE), 0);
	CHECK_EQ(size_of(fd), 4 * PAGE);
	CHECK_EQ(px->fallocate(fd, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE,
			       4 * PAGE, PAGE),
		 0);
	CHECK_EQ(size_of(fd), 4 * PAGE);
	CHECK_EQ(px_get("f").blocks, 40);
	CHECK_EQ(px->close(fd), 0);
}

static void
collapse_and_insert_are_not_supported(void)
{
	int fd = file();

	fill(fd, 0, 4 * PAGE, 'x');
	CHECK_EQ(px->fallocate(fd, FALLOC_FL_COLLAPSE_RANGE, 0, PAGE),
		 -EOPNOTSUPP);
	CHECK_EQ(px->fallocate(fd, FALLOC_FL_INSERT_RANGE, 0, PAGE),
		 -EOPNOTSUPP);
	CHECK_EQ(size_of(fd), 4 * PAGE);
	CHECK_EQ(px->close(fd), 0);
}

static void
copy_copies_data_and_holes(void)
{
	uint64_t off[2] = { 100, PAGE - 50 };
	int fd[2] = { file(), px->open("g", O_CREAT | O_RDWR, 0644) };

	fill(fd[0], 0, PAGE, 'a');
	fill(fd[0], 3 * PAGE, PAGE, 'b');
	fill(fd[1], 0, 6 * PAGE, 'z');
	CHECK_EQ(px->copy(fd, off, 4 * PAGE - 200), 4 * PAGE - 200);
	all(fd[1], 0, PAGE - 50, 'z');
	all(fd[1], PAGE - 50, PAGE - 100, 'a');
	all(fd[1], 2 * PAGE - 150, 2 * PAGE, 0);
	all(fd[1], 4 * PAGE - 150, PAGE - 100, 'b');
	all(fd[1], 5 * PAGE - 250, PAGE, 'z');
	CHECK_EQ(size_of(fd[1]), 6 * PAGE);
	off[0] = 3 * PAGE;
	off[1] = 10 * PAGE;
	CHECK_EQ(px->copy(fd, off, 5 * PAGE), PAGE);
	CHECK_EQ(size_of(fd[1]), 11 * PAGE);
	off[0] = 4 * PAGE;
	CHECK_EQ(px->copy(fd, off, PAGE), 0);
	off[0] = 0;
	off[1] = 7 * PAGE;
	CHECK_EQ(px->copy((int[]){ fd[1], fd[0] }, off, PAGE - 50), PAGE - 50);
	all(fd[0], 7 * PAGE, PAGE - 50, 'z');
	CHECK_EQ(px->close(fd[0]), 0);
	CHECK_EQ(px->close(fd[1]), 0);
}

static void
copy_within_one_file(void)
{
	uint64_t off[2] = { 0, 2 * PAGE + 1 };
	int fd[2];

	fd[0] = fd[1] = file();
	fill(fd[0], 0, PAGE, 'a');
	CHECK_EQ(px->copy(fd, off, PAGE), PAGE);
	all(fd[0], 0, PAGE, 'a');
	all(fd[0], PAGE, PAGE + 1, 0);
	all(fd[0], 2 * PAGE + 1, PAGE, 'a');
	CHECK_EQ(px->close(fd[0]), 0);
}

static const struct px_rule rule[] = {
	{ "what_was_written_is_read", what_was_written_is_read, 0, false },
	{ "a_read_ends_at_the_end", a_read_ends_at_the_end, 0, false },
	{ "a_handle_does_what_it_was_opened_for",
	  a_handle_does_what_it_was_opened_for, 0, false },
	{ "append_writes_at_the_end", append_writes_at_the_end, 0, false },
	{ "truncate_takes_and_gives_zeros", truncate_takes_and_gives_zeros, 0,
	  false },
	{ "open_with_trunc_empties", open_with_trunc_empties, 0, false },
	{ "holes_take_no_room_and_read_as_zeros",
	  holes_take_no_room_and_read_as_zeros, 0, false },
	{ "seek_finds_data_and_holes", seek_finds_data_and_holes, 0, false },
	{ "a_full_file_ends_in_a_hole", a_full_file_ends_in_a_hole, 0, false },
	{ "fallocate_makes_room", fallocate_makes_room, 0, false },
	{ "punch_makes_a_hole", punch_makes_a_hole, 0, false },
	{ "zero_range_zeroes_and_keeps_room", zero_range_zeroes_and_keeps_room,
	  0, false },
	{ "collapse_and_insert_are_not_supported",
	  collapse_and_insert_are_not_supported, 0, false },
	{ "copy_copies_data_and_holes", copy_copies_data_and_holes, 0, false },
	{ "copy_within_one_file", copy_within_one_file, 0, false },
};

void
px_data_rules(void)
{
	PX_RULES(rule);
}
