/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What vfs_mem promises of ids, handles and counts; messages as they are. */
#include "vfs_one.h"

TEST(a_node_goes_with_the_last_of_link_lookup_and_open)
{
	static const char *const order[] = { "ulo", "uol", "luo",
					     "lou", "oul", "olu" };
	uint64_t node, fh;
	int i, j;

	begin("");
	for (i = 0; i < 6; i++) {
		node = create_f(MP_O_RDWR, &fh);
		for (j = 0; j < 3; j++) {
			CHECK_EQ(nodes(), 2);
			if (order[i][j] == 'u')
				CHECK_EQ(unlink_f(), 0);
			else if (order[i][j] == 'l')
				forget(node, 1);
			else
				CHECK_EQ(release(node, fh), 0);
		}
		CHECK_EQ(nodes(), 1);
	}
	end();
}

TEST(a_stale_id_is_estale)
{
	struct mp_vfs_attr attr;
	uint64_t old, node, fh, ino;
	M(read, READ, .offset = 0);
	char b;

	begin("");
	old = create_f(MP_O_RDWR, &fh);
	CHECK_EQ(getattr(old, &attr), 0);
	ino = attr.ino;
	CHECK_EQ(unlink_f(), 0);
	CHECK_EQ(release(old, fh), 0);
	forget(old, 1);
	CHECK_EQ(getattr(old, &attr), -ESTALE);
	node = create_f(MP_O_RDWR, &fh);
	CHECK(node != old);
	CHECK_EQ(getattr(node, &attr), 0);
	CHECK_EQ(attr.ino, ino);
	CHECK_EQ(getattr(old, &attr), -ESTALE);
	m.in.node = old;
	m.in.fh = fh;
	m.buf = (struct mp_buf){ &b, 1, MP_BUF_OUT, 0 };
	CHECK_EQ(SEND(), -ESTALE);
	CHECK_EQ(release(old, fh), -ESTALE);
	forget(old, 1);
	CHECK_EQ(getattr(node, &attr), 0);
	CHECK_EQ(getattr(12345, &attr), -ESTALE);
	CHECK_EQ(getattr(1ull << 32, &attr), -ESTALE);
	CHECK_EQ(getattr(UINT64_MAX, &attr), -ESTALE);
	end();
}

TEST(nothing_can_be_given_back_twice)
{
	struct mp_vfs_attr attr;
	uint64_t node, fh;

	begin("");
	node = create_f(MP_O_RDWR, &fh);
	CHECK_EQ(release(node, fh), 0);
	CHECK_EQ(release(node, fh), -EBADF);
	forget(node, 1000);
	CHECK_EQ(nodes(), 2);
	forget(node, 1);
	CHECK_EQ(unlink_f(), 0);
	CHECK_EQ(nodes(), 1);
	forget(ROOT, 1000);
	CHECK_EQ(getattr(ROOT, &attr), 0);
	CHECK_EQ(release(ROOT, 1), -EBADF);
	end();
}

/* Who has not looked a node up cannot open it, nor bring it back to life. */
TEST(an_unknown_node_cannot_be_opened)
{
	M(open, OPEN, .flags = MP_O_RDWR);
	uint64_t fh;

	begin("");
	m.in.node = create_f(MP_O_RDWR, &fh);
	CHECK_EQ(release(m.in.node, fh), 0);
	forget(m.in.node, 1);
	CHECK_EQ(SEND(), -ESTALE);
	CHECK_EQ(unlink_f(), 0);
	CHECK_EQ(nodes(), 1);
	end();
}

TEST(a_name_that_is_not_there_may_be_remembered)
{
	M(lookup, LOOKUP, .parent = ROOT, NAMED("f"));

	begin("cache=7");
	CHECK_EQ(SEND(), -ENOENT);
	m.in.flags = MP_VFS_LOOKUP_NEGATIVE;
	CHECK_EQ(SEND(), 0);
	CHECK_EQ(m.out.entry.id, 0);
	CHECK_EQ(m.out.entry.entry_valid_ns, 7000000000);
	end();
}

TEST(dots_are_found_for_who_exports)
{
	M(attach, ATTACH, .caps = MP_VFS_CAP_EXPORT, .io_max = 4096);
	struct mp_vfs_mkdir d = { .msg = MP_MSG(MP_VFS_MKDIR),
				  .in = { .parent = ROOT, NAMED("d") } };
	struct mp_vfs_lookup l = { .msg = MP_MSG(MP_VFS_LOOKUP),
				   .in = { NAMED(".") } };

	begin("");
	CHECK_EQ(SEND(), 0);
	CHECK_EQ(m.out.caps, MP_VFS_CAP_EXPORT);
	CHECK_EQ(mp_call(&c.port, &d.msg), 0);
	l.in.parent = d.out.entry.id;
	CHECK_EQ(mp_call(&c.port, &l.msg), 0);
	CHECK_EQ(l.out.entry.id, d.out.entry.id);
	l.in.name_len = 2;
	l.in.name[1] = '.';
	CHECK_EQ(mp_call(&c.port, &l.msg), 0);
	CHECK_EQ(l.out.entry.id, ROOT);
	l.in.parent = ROOT;
	CHECK_EQ(mp_call(&c.port, &l.msg), 0);
	CHECK_EQ(l.out.entry.id, ROOT);
	end();
}

TEST(a_directory_handle_is_of_its_directory)
{
	static uint64_t buf[512];
	M(open, OPENDIR, .node = ROOT);
	struct mp_vfs_readdir r = { .msg = MP_MSG(MP_VFS_READDIR),
				    .in = { .node = ROOT, .fh = 77 } };
	struct mp_vfs_release rel = { .msg = MP_MSG(MP_VFS_RELEASEDIR),
				      .in = { .node = ROOT, .fh = 77 } };

	begin("");
	r.buf = (struct mp_buf){ buf, sizeof(buf), MP_BUF_OUT, 0 };
	CHECK_EQ(mp_call(&c.port, &r.msg), -EBADF);
	CHECK_EQ(mp_call(&c.port, &rel.msg), -EBADF);
	CHECK_EQ(SEND(), 0);
	r.in.fh = rel.in.fh = m.out.fh;
	CHECK_EQ(mp_call(&c.port, &r.msg), 0);
	CHECK(r.out.count > 0);
	CHECK_EQ(mp_call(&c.port, &rel.msg), 0);
	CHECK_EQ(mp_call(&c.port, &r.msg), -EBADF);
	CHECK_EQ(mp_call(&c.port, &rel.msg), -EBADF);
	end();
}

TEST(readdirplus_counts_what_it_answers)
{
	static uint64_t buf[512];
	M(open, OPENDIR, .node = ROOT);
	struct mp_vfs_readdir r = { .msg = MP_MSG(MP_VFS_READDIRPLUS) };
	struct mp_vfs_record rec;
	uint64_t node, fh;
	uint32_t at = 0, seen = 0;

	begin("");
	node = create_f(MP_O_RDWR, &fh);
	CHECK_EQ(release(node, fh), 0);
	forget(node, 1);
	CHECK_EQ(SEND(), 0);
	r.in.node = ROOT;
	r.in.fh = m.out.fh;
	r.buf = (struct mp_buf){ buf, MP_VFS_RECORD_MAX, MP_BUF_OUT, 0 };
	do {
		at = 0;
		CHECK_EQ(mp_call(&c.port, &r.msg), 0);
		while (mp_vfs_dirent_get(&r, &at, &rec) == 1) {
			r.in.cookie = rec.dirent.next_cookie;
			if (rec.name[0] == '.') {
				CHECK_EQ(rec.entry.id, 0);
				continue;
			}
			CHECK_EQ(rec.entry.id, node);
			seen++;
		}
	} while (r.out.count);
	CHECK_EQ(seen, 1);
	CHECK_EQ(unlink_f(), 0);
	CHECK_EQ(nodes(), 2);
	forget(node, 1);
	CHECK_EQ(nodes(), 1);
	end();
}

TEST(only_files_are_opened)
{
	struct mp_vfs_mknod k = {
		.msg = MP_MSG(MP_VFS_MKNOD),
		.in = { .parent = ROOT, .mode = MP_S_IFIFO | 0600u, NAMED("p") }
	};
	struct mp_vfs_symlink s = { .msg = MP_MSG(MP_VFS_SYMLINK),
				    .in = { .parent = ROOT, NAMED("l") },
				    .buf = { "x", 1, MP_BUF_IN, 0 } };
	struct mp_vfs_mkdir d = { .msg = MP_MSG(MP_VFS_MKDIR),
				  .in = { .parent = ROOT, NAMED("d") } };
	M(open, OPEN, .flags = MP_O_RDONLY);
	struct mp_vfs_create cr = { .msg = MP_MSG(MP_VFS_CREATE),
				    .in = { .parent = ROOT, NAMED("?") } };

	begin("");
	CHECK_EQ(mp_call(&c.port, &k.msg), 0);
	CHECK_EQ(mp_call(&c.port, &s.msg), 0);
	CHECK_EQ(mp_call(&c.port, &d.msg), 0);
	m.in.node = k.out.entry.id;
	CHECK_EQ(SEND(), -ENXIO);
	m.in.node = s.out.entry.id;
	CHECK_EQ(SEND(), -ELOOP);
	m.in.node = d.out.entry.id;
	CHECK_EQ(SEND(), -EISDIR);
	cr.in.name[0] = 'p';
	CHECK_EQ(mp_call(&c.port, &cr.msg), -ENXIO);
	cr.in.name[0] = 'l';
	CHECK_EQ(mp_call(&c.port, &cr.msg), -ELOOP);
	cr.in.name[0] = 'd';
	CHECK_EQ(mp_call(&c.port, &cr.msg), -EISDIR);
	end();
}

TEST(a_handle_that_nobody_gave_is_ebadf)
{
	M(write, WRITE, .offset = 0);
	uint64_t fh;

	begin("");
	m.in.node = create_f(MP_O_RDWR, &fh);
	m.buf = (struct mp_buf){ "x", 1, MP_BUF_IN, 0 };
	m.in.fh = 0;
	CHECK_EQ(SEND(), -EBADF);
	m.in.fh = fh | 1ull << 40;
	CHECK_EQ(SEND(), -EBADF);
	m.in.fh = fh;
	CHECK_EQ(SEND(), 0);
	end();
}

/* A cache forgets what was written short, so it is told of all or nothing. */
TEST(a_write_from_a_cache_is_whole_or_not_at_all)
{
	static char data[8 * MP_PAGE_SIZE];
	struct mp_vfs_attr attr;
	uint64_t fh;
	M(write, WRITE, .flags = MP_VFS_WRITE_CACHE);

	begin("size=16k");
	m.in.node = create_f(MP_O_RDWR | MP_O_APPEND, &fh);
	m.in.fh = fh;
	m.buf = (struct mp_buf){ data, sizeof(data), MP_BUF_IN, 0 };
	CHECK_EQ(SEND(), -ENOSPC);
	CHECK_EQ(getattr(m.in.node, &attr), 0);
	CHECK_EQ(attr.size, 0);
	CHECK_EQ(attr.blocks, 0);
	m.buf.len = 4 * MP_PAGE_SIZE;
	CHECK_EQ(SEND(), 0);
	CHECK_EQ(m.out.count, 4 * MP_PAGE_SIZE);
	/* Where it says, not at the end, though the file appends. */
	m.buf.len = 1;
	CHECK_EQ(SEND(), 0);
	CHECK_EQ(getattr(m.in.node, &attr), 0);
	CHECK_EQ(attr.size, 4 * MP_PAGE_SIZE);
	end();
}

TEST(a_front_end_that_leaves_takes_what_it_held)
{
	M(attach, ATTACH, .caps = 0, .io_max = 4096);
	struct mp_vfs_detach d = { .msg = MP_MSG(MP_VFS_DETACH) };
	uint64_t fh;

	begin("");
	CHECK_EQ(mp_call(&c.port, &d.msg), -EINVAL);
	CHECK_EQ(SEND(), 0);
	CHECK_EQ(SEND(), 0);
	(void)create_f(MP_O_RDWR, &fh);
	CHECK_EQ(unlink_f(), 0);
	CHECK_EQ(mp_call(&c.port, &d.msg), 0);
	CHECK_EQ(nodes(), 2);
	CHECK_EQ(mp_call(&c.port, &d.msg), 0);
	CHECK_EQ(nodes(), 1);
	end();
}

static int
may(uint64_t node, uint32_t uid, uint32_t gid, uint32_t mask)
{
	M(access, ACCESS, .cred = { .uid = uid, .gid = gid }, .node = node,
	  .mask = mask);

	return SEND();
}

TEST(access_follows_mode_and_acl)
{
	static const uint16_t acl[] = { 2, 0,	 1,  6, 0xffff, 0xffff, 2,
					7, 1001, 0,  4, 0,	0,	0,
					8, 4,	 50, 0, 16,	5,	0,
					0, 32,	 2,  0, 0 };
	M(setattr, SETATTR, .valid = MP_VFS_SET_MODE | MP_VFS_SET_UID,
	  .mode = 0640, .uid = 1000);
	struct mp_vfs_setxattr x = { .msg = MP_MSG(MP_VFS_SETXATTR),
				     .in = { NAMED(
					     "system.posix_acl_access") } };
	uint64_t node, fh;

	begin("");
	node = m.in.node = x.in.node = create_f(MP_O_RDWR, &fh);
	CHECK_EQ(SEND(), 0);
	CHECK_EQ(may(node, 1000, 9, MP_VFS_R_OK | MP_VFS_W_OK), 0);
	CHECK_EQ(may(node, 1000, 9, MP_VFS_X_OK), -EACCES);
	CHECK_EQ(may(node, 1001, 0, MP_VFS_R_OK), 0);
	CHECK_EQ(may(node, 1001, 0, MP_VFS_W_OK), -EACCES);
	CHECK_EQ(may(node, 1001, 9, MP_VFS_R_OK), -EACCES);
	CHECK_EQ(may(node, 0, 0, MP_VFS_R_OK | MP_VFS_W_OK), 0);
	CHECK_EQ(may(node, 0, 0, MP_VFS_X_OK), -EACCES);
	x.buf = (struct mp_buf){ (void *)(uintptr_t)acl, sizeof(acl), MP_BUF_IN,
				 0 };
	CHECK_EQ(mp_call(&c.port, &x.msg), 0);
	CHECK_EQ(may(node, 1001, 9, MP_VFS_R_OK | MP_VFS_X_OK), 0);
	CHECK_EQ(may(node, 1001, 9, MP_VFS_W_OK), -EACCES);
	CHECK_EQ(may(node, 1002, 50, MP_VFS_R_OK), 0);
	CHECK_EQ(may(node, 1002, 50, MP_VFS_W_OK), -EACCES);
	CHECK_EQ(may(node, 1002, 0, MP_VFS_R_OK), -EACCES);
	CHECK_EQ(may(node, 1002, 9, MP_VFS_W_OK), 0);
	CHECK_EQ(may(node, 0, 0, MP_VFS_X_OK), 0);
	end();
}
