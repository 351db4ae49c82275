/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What vfs_mem lets be made beside nodes that only wait to be forgotten. */
#include "vfs_one.h"

static int
make_f(uint32_t uid, uint64_t *node)
{
	M(mknod, MKNOD, .cred = { .uid = uid }, .parent = ROOT,
	  .mode = MP_S_IFREG | 0644, NAMED("f"));
	int code = SEND();

	*node = m.out.entry.id;
	return code;
}

static int
give_to(uint64_t node, uint32_t uid)
{
	M(setattr, SETATTR, .node = node, .valid = MP_VFS_SET_UID, .uid = uid);

	return SEND();
}

TEST(what_waits_to_be_forgotten_takes_nobodys_room)
{
	uint64_t node[8], fh;
	int i;

	begin("inodes=4");
	for (i = 0; i < 4; i++) {
		node[i] = create_f(MP_O_RDWR, &fh);
		CHECK_EQ(unlink_f(), 0);
		CHECK_EQ(release(node[i], fh), 0);
		CHECK_EQ(nodes(), i < 2 ? i + 2 : 4);
	}
	/* Who forgets nothing is limited as well. */
	for (; i < 7; i++) {
		node[i] = create_f(MP_O_RDWR, &fh);
		CHECK_EQ(release(node[i], fh), 0);
		CHECK_EQ(unlink_f(), 0);
	}
	CHECK_EQ(make_f(0, &node[7]), -ENOSPC);
	forget(node[6], 1);
	CHECK_EQ(make_f(0, &node[6]), 0);
	CHECK_EQ(make_f(0, &node[7]), -EEXIST);
	CHECK_EQ(unlink_f(), 0);
	for (i = 0; i < 7; i++)
		forget(node[i], 1);
	CHECK_EQ(nodes(), 1);
	end();
}

TEST(what_is_open_takes_room_without_a_name)
{
	uint64_t node, other, fh;

	begin("inodes=2");
	node = create_f(MP_O_RDWR, &fh);
	CHECK_EQ(unlink_f(), 0);
	CHECK_EQ(make_f(0, &other), -ENOSPC);
	CHECK_EQ(release(node, fh), 0);
	CHECK_EQ(make_f(0, &other), 0);
	forget(node, 1);
	forget(other, 1);
	CHECK_EQ(unlink_f(), 0);
	CHECK_EQ(nodes(), 1);
	end();
}

TEST(whose_it_is_that_waits_to_be_forgotten_does_not_matter)
{
	uint64_t old, node;

	begin("quota_inodes=1,mode=0777");
	CHECK_EQ(make_f(5, &old), 0);
	CHECK_EQ(unlink_f(), 0);
	CHECK_EQ(give_to(old, 6), 0);
	CHECK_EQ(make_f(6, &node), 0);
	CHECK_EQ(give_to(node, 5), 0);
	CHECK_EQ(give_to(node, 6), 0);
	CHECK_EQ(give_to(old, 5), 0);
	forget(old, 1);
	forget(node, 1);
	CHECK_EQ(unlink_f(), 0);
	CHECK_EQ(nodes(), 1);
	end();
}
