/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Rules of limits: what does not fit is refused, and nothing is lost. */
#include "posix.h"
#include "t.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define PAGE 4096u
#define ROOM (64u * PAGE) /* of size=256k */
#define SOON 200	  /* ticks */
#define FILES 16u	  /* of inodes=16, the root among them */

static struct px_statfs
left(void)
{
	struct px_statfs st;

	CHECK_EQ(px->statfs(&st), 0);
	return st;
}

/* A kernel lets go of a file when it likes, but soon. */
static void
comes_back(uint64_t files)
{
	int i;

	for (i = 0; left().ffree != files && i < SOON; i++)
		px->tick();
	CHECK_EQ(left().ffree, files);
}

static void
all_comes_back(void)
{
	comes_back(left().files - 1);
	CHECK_EQ(left().bfree, left().blocks);
}

/* One file that takes all the room but so many pages. */
static int
fill_up(uint32_t pages)
{
	int fd = px->open("full", O_CREAT | O_RDWR, 0644);

	CHECK(fd >= 0);
	CHECK_EQ(px->fallocate(fd, 0, 0, (left().bfree - pages) * PAGE), 0);
	CHECK_EQ(left().bfree, pages);
	return fd;
}

static void
a_full_file_system_is_enospc(void)
{
	char page[PAGE];
	int fd;

	memset(page, 'x', sizeof(page));
	fd = fill_up(0);
	CHECK_EQ(px->write(fd, page, PAGE, ROOM), -ENOSPC);
	CHECK_EQ(px->fsync(fd), 0);
	CHECK_EQ(px_get("full").size, ROOM);
	CHECK_EQ(px_get("full").blocks, ROOM / 512);
	CHECK_EQ(px->write(fd, page, PAGE, 0), PAGE);
	CHECK_EQ(px->ftruncate(fd, ROOM - PAGE), 0);
	CHECK_EQ(left().bfree, 1);
	CHECK_EQ(px->write(fd, page, PAGE, ROOM - PAGE), PAGE);
	CHECK_EQ(px->close(fd), 0);
	CHECK_EQ(px->unlink("full"), 0);
	all_comes_back();
}

static void
a_write_that_half_fits_is_short(void)
{
	char data[4 * PAGE], got[4 * PAGE];
	struct px_stat st;
	int fd, full = fill_up(2);

	memset(data, 'x', sizeof(data));
	fd = px->open("f", O_CREAT | O_RDWR, 0644);
	CHECK_EQ(px->write(fd, data, 4 * PAGE, 100), 2 * PAGE - 100);
	CHECK_EQ(px->fstat(fd, &st), 0);
	CHECK_EQ(st.size, 2 * PAGE);
	CHECK_EQ(px->read(fd, got, 4 * PAGE, 100), 2 * PAGE - 100);
	CHECK(!memcmp(data, got, 2 * PAGE - 100));
	CHECK_EQ(px->write(fd, data, PAGE, 3 * PAGE), -ENOSPC);
	CHECK_EQ(px->fstat(fd, &st), 0);
	CHECK_EQ(st.size, 2 * PAGE);
	CHECK_EQ(px->close(fd), 0);
	CHECK_EQ(px->close(full), 0);
}

static void
allocation_is_all_or_nothing(void)
{
	struct px_stat st;
	int fd, full = fill_up(2);

	fd = px->open("f", O_CREAT | O_RDWR, 0644);
	CHECK_EQ(px->write(fd, "text", 4, 0), 4);
	CHECK_EQ(px->fsync(fd), 0);
	CHECK_EQ(px->fallocate(fd, 0, 0, 3 * PAGE), -ENOSPC);
	CHECK_EQ(px->fallocate(fd, FALLOC_FL_ZERO_RANGE, 0, 3 * PAGE), -ENOSPC);
	CHECK_EQ(px->fallocate(fd, 0, 0, 1ull << 40), -ENOSPC);
	CHECK_EQ(px->fstat(fd, &st), 0);
	CHECK_EQ(st.size, 4);
	CHECK_EQ(st.blocks, 8);
	CHECK_EQ(left().bfree, 1);
	px_is("f", "text");
	CHECK_EQ(px->fallocate(fd, 0, 0, 2 * PAGE), 0);
	CHECK_EQ(left().bfree, 0);
	CHECK_EQ(px->close(fd), 0);
	CHECK_EQ(px->close(full), 0);
}

static void
punching_gives_room_back(void)
{
	int fd = fill_up(0);

	CHECK_EQ(px->fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			       0, 4 * PAGE),
		 0);
	CHECK_EQ(left().bfree, 4);
	CHECK_EQ(px->close(fd), 0);
}

static void
no_more_files_than_inodes(void)
{
	unsigned int n;
	char name[16];

	CHECK_EQ(left().ffree, FILES - 1);
	for (n = 1; n < FILES; n++) {
		(void)snprintf(name, sizeof(name), "%u", n);
		CHECK_EQ(px->mknod(name, S_IFREG | 0644, 0, 0), 0);
	}
	CHECK_EQ(left().ffree, 0);
	CHECK_EQ(px->mknod("x", S_IFREG | 0644, 0, 0), -ENOSPC);
	CHECK_EQ(px->mkdir("x", 0755), -ENOSPC);
	CHECK_EQ(px->symlink("t", "x"), -ENOSPC);
	CHECK_EQ(px->open("x", O_CREAT | O_RDWR, 0644), -ENOSPC);
	CHECK_EQ(px->mkdir("1", 0755), -EEXIST);
	CHECK_EQ(px->link("1", "x"), 0);
	CHECK_EQ(px->unlink("x"), 0);
	CHECK_EQ(px_count("."), FILES - 1);
	CHECK_EQ(px->unlink("1"), 0);
	comes_back(1);
	CHECK_EQ(px->mkdir("x", 0755), 0);
}

static void
an_unlinked_open_file_keeps_its_room(void)
{
	int fd = fill_up(0);

	CHECK_EQ(px->unlink("full"), 0);
	CHECK_EQ(left().bfree, 0);
	CHECK_EQ(px->close(fd), 0);
	all_comes_back();
}

static void
xattrs_take_room(void)
{
	static char value[3 * PAGE];
	char got[8];
	int fd = fill_up(2);

	CHECK_EQ(px->setxattr("full", "user.a", "old", 3, 0), 0);
	CHECK_EQ(px->setxattr("full", "user.a", value, sizeof(value), 0),
		 -ENOSPC);
	CHECK_EQ(px->getxattr("full", "user.a", got, 8), 3);
	CHECK_EQ(px->setxattr("full", "user.b", value, 2 * PAGE, 0), 0);
	CHECK_EQ(left().bfree, 0);
	CHECK_EQ(px->removexattr("full", "user.b"), 0);
	CHECK_EQ(left().bfree, 2);
	CHECK_EQ(px->close(fd), 0);
}

/* Names take room too; a rename into a directory that has none fails whole. */
static void
names_take_room(void)
{
	unsigned int n;
	char name[256];
	int fd, error = 0;

	CHECK_EQ(px->mkdir("d", 0755), 0);
	px_put("f", "text");
	px_put("over", "old");
	fd = fill_up(2);
	memset(name, 'n', sizeof(name));
	name[200] = 0;
	for (n = 0; !error && n < 100; n++) {
		name[snprintf(name, 8, "d/%03u", n)] = 'n';
		error = px->link("f", name);
	}
	CHECK_EQ(error, -ENOSPC);
	CHECK_EQ(px_get("f").nlink, n);
	CHECK_EQ(px_count("d"), n - 1);
	CHECK_EQ(px->rename("f", name, 0), -ENOSPC);
	CHECK_EQ(px->mknod(name, S_IFREG | 0644, 0, 0), -ENOSPC);
	px_is("f", "text");
	CHECK_EQ(px_count("d"), n - 1);
	CHECK_EQ(px->unlink("over"), 0);
	name[snprintf(name, 8, "d/000")] = 'n';
	CHECK_EQ(px->rename(name, "f", 0), 0);
	CHECK_EQ(px->rename("full", name, 0), 0);
	CHECK_EQ(px->close(fd), 0);
}

static void
a_users_quota_is_edquot(void)
{
	char data[8 * PAGE];
	int fd;

	memset(data, 'x', sizeof(data));
	px->who(1001, 1001);
	fd = px->open("f", O_CREAT | O_RDWR, 0644);
	CHECK_EQ(px->write(fd, data, 6 * PAGE, 0), 4 * PAGE);
	CHECK_EQ(px->write(fd, data, PAGE, 4 * PAGE), -EDQUOT);
	CHECK_EQ(px->close(fd), 0);
	CHECK_EQ(px_get("f").size, 4 * PAGE);
	px_make("g", 0644);
	CHECK_EQ(px->mknod("h", S_IFREG | 0644, 0, 0), -EDQUOT);
	px->who(1002, 1002);
	px_make("other", 0644);
	px->who(0, 0);
	fd = px->open("root", O_CREAT | O_RDWR, 0644);
	CHECK_EQ(px->write(fd, data, 8 * PAGE, 0), 8 * PAGE);
	CHECK_EQ(px->close(fd), 0);
	CHECK_EQ(px->chown("root", 1001, 0), -EDQUOT);
	CHECK_EQ(px->chown("root", 1002, 0), -EDQUOT);
	CHECK_EQ(px_get("root").uid, 0);
	CHECK_EQ(px->truncate("root", PAGE), 0);
	CHECK_EQ(px->chown("root", 1001, 0), -EDQUOT);
	CHECK_EQ(px->chown("root", 1002, 0), 0);
	CHECK_EQ(px->chown("f", 0, 0), 0);
	px->who(1001, 1001);
	px_make("h", 0644);
	px->who(0, 0);
}

static const struct px_rule rule[] = {
	{ "a_full_file_system_is_enospc", a_full_file_system_is_enospc,
	  "size=256k", true },
	{ "a_write_that_half_fits_is_short", a_write_that_half_fits_is_short,
	  "size=256k", true },
	{ "allocation_is_all_or_nothing", allocation_is_all_or_nothing,
	  "size=256k", true },
	{ "punching_gives_room_back", punching_gives_room_back, "size=256k",
	  true },
	{ "no_more_files_than_inodes", no_more_files_than_inodes, "inodes=16",
	  true },
	{ "an_unlinked_open_file_keeps_its_room",
	  an_unlinked_open_file_keeps_its_room, "size=256k", true },
	{ "xattrs_take_room", xattrs_take_room, "size=256k", true },
	{ "names_take_room", names_take_room, "size=256k", true },
	{ "a_users_quota_is_edquot", a_users_quota_is_edquot,
	  "mode=0777,quota_size=16k,quota_inodes=2", true },
};

void
px_limit_rules(void)
{
	PX_RULES(rule);
}
