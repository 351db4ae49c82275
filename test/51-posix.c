/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The rules of POSIX, kept by vfs_mem when it is mounted. */
#include "posix.h"
#include "t.h"

#include <errno.h>
#include <fcntl.h>

/*
 * A cache that holds back writes takes them before it knows; then fsync tells,
 * and what did fit is there.
 */
static void
fsync_tells_that_there_was_no_room(void)
{
	char page[4096] = "text";
	struct px_stat st;
	int fd = px->open("f", O_CREAT | O_RDWR, 0644);

	CHECK_EQ(px->fallocate(fd, 0, 0, 63 * 4096), 0);
	CHECK_EQ(px->write(fd, page, 4096, 63 * 4096), 4096);
	CHECK_EQ(px->fsync(fd), 0);
	CHECK_EQ(px->write(fd, page, 4096, 64 * 4096), 4096);
	CHECK_EQ(px->fsync(fd), -ENOSPC);
	CHECK_EQ(px->fstat(fd, &st), 0);
	CHECK_EQ(st.blocks, 64 * 8);
	CHECK_EQ(px->read(fd, page, 4, 63 * 4096), 4);
	CHECK_STR(page, "text");
	CHECK_EQ(px->close(fd), 0);
}

static const struct px_rule rule[] = {
	{ "fsync_tells_that_there_was_no_room",
	  fsync_tells_that_there_was_no_room, "size=256k", false },
};

void
t_setup(void)
{
	px = &px_mount;
	px_name_rules();
	px_rename_rules();
	px_dir_rules();
	px_data_rules();
	px_attr_rules();
	px_xattr_rules();
	px_limit_rules();
	px_model_rules();
	PX_RULES(rule);
}
