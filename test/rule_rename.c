/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Rules of rename. */
#include "posix.h"
#include "t.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#define NOREPLACE 1u
#define EXCHANGE 2u

static int
is_there(const char *path)
{
	struct px_stat st;

	return !px->stat(path, &st);
}

static void
rename_moves_a_file(void)
{
	uint64_t ino;

	px_put("a", "text");
	ino = px_get("a").ino;
	CHECK_EQ(px->mkdir("d", 0755), 0);
	CHECK_EQ(px->rename("a", "b", 0), 0);
	CHECK(!is_there("a"));
	CHECK_EQ(px->rename("b", "d/c", 0), 0);
	CHECK(!is_there("b"));
	CHECK_EQ(px_get("d/c").ino, ino);
	CHECK_EQ(px_get("d/c").nlink, 1);
	px_is("d/c", "text");
	CHECK_EQ(px->rename("n", "m", 0), -ENOENT);
}

static void
rename_replaces_a_file(void)
{
	struct px_stat st;
	int fd;

	px_put("a", "new");
	px_put("b", "old");
	CHECK_EQ(px->link("b", "other"), 0);
	fd = px->open("b", O_RDONLY, 0);
	CHECK(fd >= 0);
	CHECK_EQ(px->rename("a", "b", 0), 0);
	px_is("b", "new");
	px_is("other", "old");
	CHECK_EQ(px->fstat(fd, &st), 0);
	CHECK_EQ(st.nlink, 1);
	CHECK_EQ(px->unlink("other"), 0);
	CHECK_EQ(px->fstat(fd, &st), 0);
	CHECK_EQ(st.nlink, 0);
	CHECK_EQ(px->close(fd), 0);
	CHECK_EQ(px_count("."), 1);
}

static void
rename_between_links_of_one_file_does_nothing(void)
{
	px_put("a", "text");
	CHECK_EQ(px->link("a", "b"), 0);
	CHECK_EQ(px->rename("a", "b", 0), 0);
	CHECK(is_there("a"));
	CHECK_EQ(px_get("b").nlink, 2);
	CHECK_EQ(px->rename("a", "a", 0), 0);
	CHECK_EQ(px_get("a").nlink, 2);
}

static void
rename_replaces_only_its_like(void)
{
	CHECK_EQ(px->mkdir("d", 0755), 0);
	px_make("f", 0644);
	CHECK_EQ(px->rename("f", "d", 0), -EISDIR);
	CHECK_EQ(px->rename("d", "f", 0), -ENOTDIR);
	CHECK_EQ(px->symlink("x", "l"), 0);
	CHECK_EQ(px->rename("d", "l", 0), -ENOTDIR);
	CHECK_EQ(px->rename("l", "f", 0), 0);
	CHECK_EQ(px_get("f").mode & S_IFMT, S_IFLNK);
	CHECK_EQ(px_count("."), 2);
}

static void
rename_replaces_an_empty_directory(void)
{
	CHECK_EQ(px->mkdir("a", 0755), 0);
	px_make("a/f", 0644);
	CHECK_EQ(px->mkdir("b", 0755), 0);
	px_make("b/g", 0644);
	CHECK_EQ(px->rename("a", "b", 0), -ENOTEMPTY);
	CHECK_EQ(px->unlink("b/g"), 0);
	CHECK_EQ(px->rename("a", "b", 0), 0);
	CHECK(is_there("b/f"));
	CHECK_EQ(px_get(".").nlink, 3);
	CHECK_EQ(px_get("b").nlink, 2);
}

static void
rename_moves_a_directory(void)
{
	struct px_entry e;
	uint64_t ino;
	int dir;

	CHECK_EQ(px->mkdir("a", 0755), 0);
	CHECK_EQ(px->mkdir("b", 0755), 0);
	CHECK_EQ(px->mkdir("a/s", 0755), 0);
	px_make("a/s/f", 0644);
	ino = px_get("b").ino;
	CHECK_EQ(px->rename("a/s", "b/t", 0), 0);
	CHECK(is_there("b/t/f"));
	CHECK_EQ(px_get("a").nlink, 2);
	CHECK_EQ(px_get("b").nlink, 3);
	dir = px->opendir("b/t");
	while (px->readdir(dir, &e) == 1)
		CHECK(e.name[0] != '.' || e.name[1] != '.' || e.ino == ino);
	CHECK_EQ(px->closedir(dir), 0);
	CHECK_EQ(px->rename("b/t", "a", 0), 0);
	CHECK(is_there("a/f"));
	CHECK_EQ(px_get(".").nlink, 4);
	CHECK_EQ(px_get("b").nlink, 2);
}

static void
a_directory_does_not_go_into_itself(void)
{
	CHECK_EQ(px->mkdir("a", 0755), 0);
	CHECK_EQ(px->mkdir("a/b", 0755), 0);
	CHECK_EQ(px->mkdir("a/b/c", 0755), 0);
	CHECK_EQ(px->rename("a", "a/x", 0), -EINVAL);
	CHECK_EQ(px->rename("a", "a/b/c/x", 0), -EINVAL);
	CHECK_EQ(px->rename("a/b", "a/b/c", 0), -EINVAL);
	CHECK_EQ(px->rename("a/b/c", "a", 0), -ENOTEMPTY);
	CHECK_EQ(px->rename("a/b/c", "a", EXCHANGE), -EINVAL);
	CHECK_EQ(px->rename("a", "a/b/c", EXCHANGE), -EINVAL);
	CHECK_EQ(px->rename("a/b/c", "a/c", 0), 0);
	CHECK_EQ(px->rename("a/b", "a/c/b", 0), 0);
	CHECK(is_there("a/c/b"));
}

static void
noreplace_keeps_what_is_there(void)
{
	px_put("a", "one");
	px_put("b", "two");
	CHECK_EQ(px->rename("a", "b", NOREPLACE), -EEXIST);
	px_is("a", "one");
	px_is("b", "two");
	CHECK_EQ(px->rename("a", "c", NOREPLACE), 0);
	px_is("c", "one");
}

static void
exchange_swaps_two_names(void)
{
	px_put("a", "one");
	CHECK_EQ(px->mkdir("d", 0755), 0);
	px_put("d/b", "two");
	CHECK_EQ(px->rename("a", "n", EXCHANGE), -ENOENT);
	CHECK_EQ(px->rename("a", "d/b", EXCHANGE), 0);
	px_is("a", "two");
	px_is("d/b", "one");
	CHECK_EQ(px->rename("a", "d/b", EXCHANGE | NOREPLACE), -EINVAL);
}

static void
exchange_swaps_a_file_and_a_directory(void)
{
	struct px_entry e;
	uint64_t ino;
	int dir;

	px_put("f", "text");
	CHECK_EQ(px->mkdir("d", 0755), 0);
	CHECK_EQ(px->mkdir("d/e", 0755), 0);
	px_make("d/e/g", 0644);
	CHECK_EQ(px->rename("f", "d/e", EXCHANGE), 0);
	CHECK_EQ(px_get("f").mode & S_IFMT, S_IFDIR);
	CHECK(is_there("f/g"));
	px_is("d/e", "text");
	CHECK_EQ(px_get("d").nlink, 2);
	CHECK_EQ(px_get(".").nlink, 4);
	ino = px_get(".").ino;
	dir = px->opendir("f");
	while (px->readdir(dir, &e) == 1)
		CHECK(e.name[0] != '.' || e.name[1] != '.' || e.ino == ino);
	CHECK_EQ(px->closedir(dir), 0);
	CHECK_EQ(px->rename("d/e", "f", EXCHANGE), 0);
	CHECK_EQ(px_get("d").nlink, 3);
	CHECK_EQ(px->unlink("f"), 0);
	CHECK_EQ(px->unlink("d/e/g"), 0);
	CHECK_EQ(px->rmdir("d/e"), 0);
	CHECK_EQ(px->rmdir("d"), 0);
}

static void
rename_stamps_what_it_touched(void)
{
	struct px_stat file, from, to;

	CHECK_EQ(px->mkdir("d", 0755), 0);
	px_make("a", 0644);
	file = px_get("a");
	from = px_get(".");
	to = px_get("d");
	px->tick();
	CHECK_EQ(px->rename("a", "d/a", 0), 0);
	CHECK(px_before(file.ctime, px_get("d/a").ctime));
	CHECK(px_same(file.mtime, px_get("d/a").mtime));
	CHECK(px_before(from.mtime, px_get(".").mtime));
	CHECK(px_before(from.ctime, px_get(".").ctime));
	CHECK(px_before(to.mtime, px_get("d").mtime));
	CHECK(px_before(to.ctime, px_get("d").ctime));
}

static void
a_replaced_file_gets_a_ctime(void)
{
	struct px_stat before, after;
	int fd;

	px_put("a", "new");
	px_put("b", "old");
	fd = px->open("b", O_RDONLY, 0);
	CHECK(fd >= 0);
	CHECK_EQ(px->fstat(fd, &before), 0);
	px->tick();
	CHECK_EQ(px->rename("a", "b", 0), 0);
	CHECK_EQ(px->fstat(fd, &after), 0);
	CHECK(px_before(before.ctime, after.ctime));
	CHECK_EQ(px->close(fd), 0);
}

static const struct px_rule rule[] = {
	{ "rename_moves_a_file", rename_moves_a_file, 0, false },
	{ "rename_replaces_a_file", rename_replaces_a_file, 0, false },
	{ "rename_between_links_of_one_file_does_nothing",
	  rename_between_links_of_one_file_does_nothing, 0, false },
	{ "rename_replaces_only_its_like", rename_replaces_only_its_like, 0,
	  false },
	{ "rename_replaces_an_empty_directory",
	  rename_replaces_an_empty_directory, 0, false },
	{ "rename_moves_a_directory", rename_moves_a_directory, 0, false },
	{ "a_directory_does_not_go_into_itself",
	  a_directory_does_not_go_into_itself, 0, false },
	{ "noreplace_keeps_what_is_there", noreplace_keeps_what_is_there, 0,
	  false },
	{ "exchange_swaps_two_names", exchange_swaps_two_names, 0, false },
	{ "exchange_swaps_a_file_and_a_directory",
	  exchange_swaps_a_file_and_a_directory, 0, false },
	{ "rename_stamps_what_it_touched", rename_stamps_what_it_touched, 0,
	  false },
	{ "a_replaced_file_gets_a_ctime", a_replaced_file_gets_a_ctime, 0,
	  false },
};

void
px_rename_rules(void)
{
	PX_RULES(rule);
}
