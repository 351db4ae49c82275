/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Times that only messages can ask vfs_mem for. */
#include "vfs_one.h"

TEST(a_given_ctime_is_taken)
{
	M(setattr, SETATTR, .valid = MP_VFS_SET_MTIME | MP_VFS_SET_CTIME,
	  .mtime = { 5, 6, 0 }, .ctime = { 7, 8, 0 });
	uint64_t fh;

	begin("");
	m.in.node = create_f(MP_O_RDWR, &fh);
	CHECK_EQ(SEND(), 0);
	CHECK_EQ(m.out.attr.mtime.sec, 5);
	CHECK_EQ(m.out.attr.ctime.sec, 7);
	CHECK_EQ(m.out.attr.ctime.nsec, 8);
	end();
}

TEST(noatime_leaves_atime_alone)
{
	struct mp_vfs_attr was, is;
	uint64_t fh;
	char b;
	M(read, READ, .offset = 0);

	mp_clock_step(1);
	begin("atime=strict");
	m.in.node = create_f(MP_O_RDWR | MP_O_NOATIME, &fh);
	m.in.fh = fh;
	m.buf = (struct mp_buf){ &b, 1, MP_BUF_OUT, 0 };
	CHECK_EQ(getattr(m.in.node, &was), 0);
	mp_clock_step(1000);
	CHECK_EQ(SEND(), 0);
	CHECK_EQ(getattr(m.in.node, &is), 0);
	CHECK_EQ(was.atime.nsec, is.atime.nsec);
	m.in.fh &= ~(uint64_t)MP_O_NOATIME;
	CHECK_EQ(SEND(), 0);
	CHECK_EQ(getattr(m.in.node, &is), 0);
	CHECK(was.atime.nsec < is.atime.nsec);
	end();
}

TEST(relative_atime_changes_after_a_day)
{
	struct mp_vfs_open o = { .msg = MP_MSG(MP_VFS_OPEN) };
	struct mp_vfs_attr was, is;
	uint64_t fh;
	char b;
	M(read, READ, .offset = 0);

	mp_clock_step(1);
	begin("");
	o.in.node = m.in.node = create_f(MP_O_RDWR, &fh);
	m.in.fh = fh;
	m.buf = (struct mp_buf){ &b, 1, MP_BUF_OUT, 0 };
	mp_clock_step(1000);
	CHECK_EQ(SEND(), 0);
	CHECK_EQ(getattr(m.in.node, &was), 0);
	CHECK_EQ(was.atime.nsec, 1000);
	mp_clock_step(86399000000000);
	CHECK_EQ(mp_call(&c.port, &o.msg), 0);
	CHECK_EQ(SEND(), 0);
	CHECK_EQ(getattr(m.in.node, &is), 0);
	CHECK_EQ(is.atime.sec, was.atime.sec);
	mp_clock_step(1000000000);
	CHECK_EQ(mp_call(&c.port, &o.msg), 0);
	CHECK_EQ(SEND(), 0);
	CHECK_EQ(getattr(m.in.node, &is), 0);
	CHECK_EQ(is.atime.sec, was.atime.sec + 86400);
	end();
}

TEST(times_at_the_ends_of_the_world)
{
	M(setattr, SETATTR, .valid = MP_VFS_SET_ATIME | MP_VFS_SET_MTIME);
	struct mp_vfs_read r = { .msg = MP_MSG(MP_VFS_READ) };
	uint64_t fh;
	char b;
	int i;

	begin("");
	m.in.node = r.in.node = create_f(MP_O_RDWR, &fh);
	r.in.fh = fh;
	r.buf = (struct mp_buf){ &b, 1, MP_BUF_OUT, 0 };
	for (i = 0; i < 4; i++) {
		m.in.atime.sec = i % 2 ? INT64_MAX : INT64_MIN;
		m.in.mtime.sec = i / 2 ? INT64_MAX : INT64_MIN;
		CHECK_EQ(SEND(), 0);
		CHECK_EQ(m.out.attr.atime.sec, m.in.atime.sec);
		CHECK_EQ(mp_call(&c.port, &r.msg), 0);
	}
	end();
}
