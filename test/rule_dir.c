/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Rules of reading directories. */
#include "posix.h"
#include "t.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static void
file_n(const char *format, unsigned int n)
{
	char name[64];

	(void)snprintf(name, sizeof(name), format, n);
	CHECK_EQ(px->mknod(name, S_IFREG | 0644, 0, 0), 0);
}

static void
unlink_n(const char *format, unsigned int n)
{
	char name[64];

	(void)snprintf(name, sizeof(name), format, n);
	CHECK_EQ(px->unlink(name), 0);
}

static void
every_name_is_read_once(void)
{
	unsigned char seen[1000] = { 0 };
	unsigned int n, dots = 0;
	struct px_entry e;
	int dir;

	CHECK_EQ(px->mkdir("d", 0755), 0);
	for (n = 0; n < 1000; n++)
		file_n("d/%u", n);
	dir = px->opendir("d");
	while (px->readdir(dir, &e) == 1) {
		if (e.name[0] == '.') {
			dots++;
			CHECK_EQ(e.type, S_IFDIR >> 12);
			continue;
		}
		CHECK_EQ(e.type, S_IFREG >> 12);
		n = (unsigned int)strtoul(e.name, NULL, 10);
		CHECK(n < 1000 && !seen[n]++);
	}
	CHECK_EQ(dots, 2);
	for (n = 0; n < 1000; n++)
		CHECK_EQ(seen[n], 1);
	CHECK_EQ(px->closedir(dir), 0);
}

static void
entries_tell_inode_and_type(void)
{
	struct px_entry e;
	struct px_stat st;
	int dir;

	CHECK_EQ(px->mkdir("d", 0755), 0);
	CHECK_EQ(px->symlink("x", "l"), 0);
	CHECK_EQ(px->mknod("p", S_IFIFO | 0600, 0, 0), 0);
	CHECK_EQ(px->mknod("c", S_IFCHR | 0600, 1, 3), 0);
	CHECK_EQ(px->mknod("b", S_IFBLK | 0600, 1, 3), 0);
	CHECK_EQ(px->mknod("s", S_IFSOCK | 0600, 0, 0), 0);
	px_make("f", 0644);
	dir = px->opendir(".");
	while (px->readdir(dir, &e) == 1) {
		if (e.name[0] == '.')
			continue;
		st = px_get(e.name);
		CHECK_EQ(st.ino, e.ino);
		CHECK_EQ(st.mode >> 12, e.type);
	}
	CHECK_EQ(px->closedir(dir), 0);
}

/*
 * While the directory is read, others come and go; those that were there from
 * the start to the end are read exactly once.
 */
static void
a_reader_misses_and_repeats_nothing(void)
{
	unsigned char seen[400] = { 0 };
	unsigned int n, at = 0;
	struct px_entry e;
	int dir;

	CHECK_EQ(px->mkdir("d", 0755), 0);
	for (n = 0; n < 400; n++)
		file_n("d/%u", n);
	dir = px->opendir("d");
	while (px->readdir(dir, &e) == 1) {
		if (e.name[0] != '.' && e.name[0] != 'n')
			seen[strtoul(e.name, NULL, 10)]++;
		if (at < 400) {
			file_n("d/new%u", at);
			if (at % 2)
				unlink_n("d/%u", 399 - at);
			if (at % 3 == 0)
				unlink_n("d/new%u", at);
			at++;
		}
	}
	CHECK_EQ(px->closedir(dir), 0);
	for (n = 1; n < 400; n += 2)
		CHECK_EQ(seen[n], 1);
	for (n = 0; n < 400; n += 2)
		CHECK(seen[n] <= 1);
}

static void
a_replaced_name_is_read_once(void)
{
	unsigned int n, seen = 0;
	struct px_entry e;
	char name[16];
	int dir;

	px_make("stays", 0644);
	for (n = 0; n < 50; n++)
		file_n("%u", n);
	dir = px->opendir(".");
	for (n = 0; px->readdir(dir, &e) == 1; n++) {
		seen += !strcmp(e.name, "stays");
		(void)snprintf(name, sizeof(name), "%u", n);
		if (n < 50)
			CHECK_EQ(px->rename(name, "stays", 0), 0);
	}
	CHECK_EQ(seen, 1);
	CHECK_EQ(px->closedir(dir), 0);
}

static void
a_reader_who_makes_files_comes_to_an_end(void)
{
	unsigned int n = 0;
	struct px_entry e;
	int dir;

	px_make("first", 0644);
	dir = px->opendir(".");
	while (px->readdir(dir, &e) == 1) {
		file_n("more%u", n);
		CHECK(++n < 1000);
	}
	CHECK_EQ(px->seekdir(dir, 0), 0);
	while (px->readdir(dir, &e) == 1)
		n--;
	CHECK_EQ(n + 3, 0);
	CHECK_EQ(px->closedir(dir), 0);
}

static void
a_reader_who_renames_comes_to_an_end(void)
{
	unsigned int n;
	struct px_entry e;
	char name[64];
	int dir;

	for (n = 0; n < 100; n++)
		file_n("%u", n);
	dir = px->opendir(".");
	for (n = 0; px->readdir(dir, &e) == 1;) {
		if (e.name[0] == '.')
			continue;
		CHECK(n < 200);
		(void)snprintf(name, sizeof(name), "renamed%u", n++);
		CHECK_EQ(px->rename(e.name, name, 0), 0);
	}
	CHECK_EQ(px->closedir(dir), 0);
	CHECK_EQ(px_count("."), 100);
}

static void
a_file_renamed_while_read_is_read_once(void)
{
	unsigned int n, seen = 0;
	struct px_entry e;
	char name[16];
	uint64_t ino;
	int dir;

	for (n = 0; n < 50; n++)
		file_n("%u", n);
	ino = px_get("49").ino;
	(void)strcpy(name, "49");
	dir = px->opendir(".");
	for (n = 0; px->readdir(dir, &e) == 1; n++) {
		seen += e.ino == ino;
		if (n < 45) {
			(void)snprintf(e.name, sizeof(e.name), "new%u", n);
			CHECK_EQ(px->rename(name, e.name, 0), 0);
			(void)strcpy(name, e.name);
		}
	}
	CHECK_EQ(seen, 1);
	CHECK_EQ(px->closedir(dir), 0);
}

static void
a_cookie_is_a_place_to_come_back_to(void)
{
	struct px_entry e[20], again;
	unsigned int n;
	int dir;

	for (n = 0; n < 18; n++)
		file_n("%u", n);
	dir = px->opendir(".");
	for (n = 0; n < 20; n++)
		CHECK_EQ(px->readdir(dir, &e[n]), 1);
	CHECK_EQ(px->readdir(dir, &again), 0);
	for (n = 19; n; n--) {
		CHECK_EQ(px->seekdir(dir, e[n - 1].cookie), 0);
		CHECK_EQ(px->readdir(dir, &again), 1);
		CHECK_STR(again.name, e[n].name);
	}
	CHECK_EQ(px->unlink(e[10].name), 0);
	CHECK_EQ(px->seekdir(dir, e[10].cookie), 0);
	CHECK_EQ(px->readdir(dir, &again), 1);
	CHECK_STR(again.name, e[11].name);
	CHECK_EQ(px->closedir(dir), 0);
}

static void
rewinding_shows_what_is_there_now(void)
{
	struct px_entry e;
	unsigned int n = 0;
	int dir;

	px_make("a", 0644);
	dir = px->opendir(".");
	while (px->readdir(dir, &e) == 1)
		n++;
	CHECK_EQ(n, 3);
	px_make("b", 0644);
	CHECK_EQ(px->seekdir(dir, 0), 0);
	for (n = 0; px->readdir(dir, &e) == 1;)
		n++;
	CHECK_EQ(n, 4);
	CHECK_EQ(px->closedir(dir), 0);
}

static void
only_a_directory_is_read(void)
{
	px_make("f", 0644);
	CHECK_EQ(px->opendir("f"), -ENOTDIR);
	CHECK_EQ(px->opendir("none"), -ENOENT);
}

static const struct px_rule rule[] = {
	{ "every_name_is_read_once", every_name_is_read_once, 0, false },
	{ "entries_tell_inode_and_type", entries_tell_inode_and_type, 0,
	  false },
	{ "a_reader_misses_and_repeats_nothing",
	  a_reader_misses_and_repeats_nothing, 0, false },
	{ "a_replaced_name_is_read_once", a_replaced_name_is_read_once, 0,
	  false },
	{ "a_reader_who_makes_files_comes_to_an_end",
	  a_reader_who_makes_files_comes_to_an_end, 0, false },
	{ "a_reader_who_renames_comes_to_an_end",
	  a_reader_who_renames_comes_to_an_end, 0, false },
	{ "a_file_renamed_while_read_is_read_once",
	  a_file_renamed_while_read_is_read_once, 0, false },
	{ "a_cookie_is_a_place_to_come_back_to",
	  a_cookie_is_a_place_to_come_back_to, 0, false },
	{ "rewinding_shows_what_is_there_now",
	  rewinding_shows_what_is_there_now, 0, false },
	{ "only_a_directory_is_read", only_a_directory_is_read, 0, false },
};

void
px_dir_rules(void)
{
	PX_RULES(rule);
}
