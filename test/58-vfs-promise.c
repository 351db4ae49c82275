/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Promises of files that a fault of mutant/ broke and no other test noticed. */
#include "vfs_one.h"

TEST(a_forget_forgets_as_many_lookups_as_it_says)
{
	M(lookup, LOOKUP, .parent = ROOT, NAMED("f"));
	struct mp_vfs_attr attr;
	uint64_t node, fh;

	begin("");
	node = create_f(MP_O_RDWR, &fh);
	CHECK_EQ(release(node, fh), 0);
	for (int i = 0; i < 4; i++)
		CHECK_EQ(SEND(), 0);
	CHECK_EQ(unlink_f(), 0);
	forget(node, 3);
	CHECK_EQ(getattr(node, &attr), 0);
	forget(node, 2);
	CHECK_EQ(getattr(node, &attr), -ESTALE);
	CHECK_EQ(nodes(), 1);
	end();
}

static void
set(uint64_t node, const char *name)
{
	M(setxattr, SETXATTR, .node = node);

	m.in.name_len = (uint32_t)strlen(name);
	memcpy(m.in.name, name, m.in.name_len + 1);
	m.buf = (struct mp_buf){ "x", 1, MP_BUF_IN, 0 };
	CHECK_EQ(SEND(), 0);
}

TEST(trusted_attributes_are_listed_to_root_alone)
{
	static const char all[] = "user.a\0trusted.b\0user.c";
	static const char some[] = "user.a\0user.c";
	M(listxattr, LISTXATTR, .node = 0);
	char list[64];
	uint64_t fh;

	begin("");
	m.in.node = create_f(MP_O_RDWR, &fh);
	set(m.in.node, "user.a");
	set(m.in.node, "trusted.b");
	set(m.in.node, "user.c");
	m.buf = (struct mp_buf){ list, sizeof(list), MP_BUF_OUT, 0 };
	CHECK_EQ(SEND(), 0);
	CHECK_EQ(m.out.count, sizeof(all));
	CHECK_EQ(memcmp(list, all, sizeof(all)), 0);
	m.in.cred.uid = 1000;
	CHECK_EQ(SEND(), 0);
	CHECK_EQ(m.out.count, sizeof(some));
	CHECK_EQ(memcmp(list, some, sizeof(some)), 0);
	end();
}

TEST(a_record_ends_with_what_was_answered)
{
	struct mp_vfs_dirent d = { .ino = 2, .next_cookie = 3, .name_len = 20 };
	M(readdir, READDIR, .node = ROOT);
	struct mp_vfs_record r;
	uint64_t buf[16] = { 0 };
	uint32_t at = 0;

	m.buf = (struct mp_buf){ buf, sizeof(buf), MP_BUF_OUT, 0 };
	CHECK_EQ(mp_vfs_dirent_put(&m, &d, "12345678901234567890", NULL), 0);
	m.out.count -= 8;
	CHECK_EQ(mp_vfs_dirent_get(&m, &at, &r), -EPROTO);
	CHECK_EQ(at, 0);
	m.out.count += 8;
	CHECK_EQ(mp_vfs_dirent_get(&m, &at, &r), 1);
}

TEST(what_was_made_is_what_was_asked_for)
{
	static const uint32_t type[] = { MP_S_IFREG, MP_S_IFLNK, MP_S_IFIFO };
	M(mkdir, MKDIR, .parent = ROOT, .mode = 0755, NAMED("d"));

	begin("");
	CHECK_EQ(SEND(), 0);
	CHECK_EQ(mp_vfs_answer_check(&m.msg, 0), 0);
	for (int i = 0; i < 3; i++) {
		m.out.entry.attr.mode = type[i] | 0755;
		CHECK_EQ(mp_vfs_answer_check(&m.msg, 0), -EIO);
	}
	end();
}
