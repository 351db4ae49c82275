/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Class vfs, answers: a sender sees what the headers promise, or EIO. */
#include "t.h"

#include <string.h>

#include "vfs_mock.h"

TEST(good_answers_pass_unchanged)
{
	for (uint32_t op = MP_VFS_LOOKUP; op < MP_VFS_INVAL_INODE; op++) {
		const struct mp_iface_op *row =
			mp_iface_op_find(&mp_vfs_iface, op);
		union vfs_any m, want;

		for (int async = 0; async < 2; async++) {
			mock_init(&mock);
			mock.async = async != 0;
			mock_good(&m, op);
			want = m;
			mock_answer(&want);
			CHECK_EQ(mock_ask(&mock, &m), 0);
			CHECK(memcmp((char *)&m + row->out.off,
				     (char *)&want + row->out.off,
				     row->out.size) == 0);
		}
	}
}

/* The errors of the library mean something about the message. */
TEST(the_librarys_errors_are_not_a_drivers)
{
	static const int taken[] = { EAGAIN, EPIPE,   EOWNERDEAD, ETIME,
				     EPROTO, EDEADLK, EBUSY,	  ECANCELED };
	bool is_taken;
	union vfs_any m;

	for (int error = 1; error < 4096; error++) {
		is_taken = false;
		for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
			is_taken |= taken[i] == error;
		for (int async = 0; async < 2; async++) {
			mock_init(&mock);
			mock.async = async != 0;
			mock.code = -error;
			mock_good(&m, MP_VFS_GETATTR);
			mock_answer(&m);
			CHECK_EQ(mock_ask(&mock, &m), is_taken ? -EIO : -error);
			if (is_taken)
				mock_out_is_zero(&m);
			CHECK_EQ(mock.forgets + mock.releases, 0);
		}
	}
}

TEST(a_code_that_is_no_errno_is_eio)
{
	static const int code[] = { 1, INT32_MAX, -4096, INT32_MIN + 1 };
	union vfs_any m;

	for (size_t i = 0; i < sizeof(code) / sizeof(code[0]); i++) {
		mock_init(&mock);
		mock.code = code[i];
		mock_good(&m, MP_VFS_FSYNC);
		CHECK_EQ(mock_ask(&mock, &m), -EIO);
	}
	CHECK_EQ(mp_vfs_answer_check(&m.msg, EASYNC), -EIO);
}

static struct mp_msg *kept;

static int
keep_getattr(void *fs, struct mp_vfs_getattr *m)
{
	(void)fs;
	kept = &m->msg;
	mp_msg_take(&m->msg);
	return EASYNC;
}

TEST(ecanceled_is_the_answer_to_a_cancel_and_to_nothing_else)
{
	static const struct mp_vfs_ops ops = { .getattr = keep_getattr };
	struct mp_port reply;
	union vfs_any m;

	for (int cancelled = 0; cancelled < 2; cancelled++) {
		mock_init(&mock);
		mp_port_init_queue(&reply, NULL);
		mock.vfs.ops = &ops;
		mock_good(&m, MP_VFS_GETATTR);
		m.msg.reply = &reply;
		CHECK_EQ(mp_send(&mock.port, &m.msg), 0);
		if (cancelled)
			mp_cancel(&m.msg);
		mp_vfs_reply(kept, -ECANCELED);
		CHECK_EQ(mp_wait(&m.msg), cancelled ? -ECANCELED : -EIO);
		mp_port_fini(&reply);
	}
}

#define ATTR(OP, entry, error, ...) \
	ANSWER(OP, error, struct mp_vfs_attr *a = &m.entry; __VA_ARGS__)

/* What every answer with attributes must hold to. */
#define ATTR_RULES(OP, attr)                                     \
	do {                                                     \
		ATTR(OP, attr, EIO, a->ino = 0);                 \
		ATTR(OP, attr, EIO, a->size = 1ull << 63);       \
		ATTR(OP, attr, 0, a->size = INT64_MAX);          \
		ATTR(OP, attr, EIO, a->blksize = 0);             \
		ATTR(OP, attr, EIO, a->flags = 2);               \
		ATTR(OP, attr, 0, a->flags = MP_VFS_ATTR_BTIME); \
		ATTR(OP, attr, EIO, a->atime.nsec = 1000000000); \
		ATTR(OP, attr, EIO, a->mtime.nsec = 1000000000); \
		ATTR(OP, attr, EIO, a->ctime.nsec = 1000000000); \
		ATTR(OP, attr, EIO, a->btime.nsec = 1000000000); \
		ATTR(OP, attr, 0, a->btime.nsec = 999999999);    \
		ATTR(OP, attr, EIO, a->mode &= ~MP_S_IFMT);      \
		ATTR(OP, attr, EIO, a->mode |= MP_S_IFMT);       \
		ATTR(OP, attr, EIO, a->mode |= 0200000);         \
		ATTR(OP, attr, EIO, a->rdev_major = 1);          \
		ATTR(OP, attr, EIO, a->rdev_minor = 1);          \
	} while (0)

TEST(attributes_are_checked_everywhere)
{
	ATTR_RULES(LOOKUP, lookup.out.entry.attr);
	ATTR_RULES(GETATTR, getattr.out.attr);
	ATTR_RULES(SETATTR, setattr.out.attr);
	ATTR_RULES(MKNOD, mknod.out.entry.attr);
	ATTR_RULES(MKDIR, mkdir.out.entry.attr);
	ATTR_RULES(SYMLINK, symlink.out.entry.attr);
	ATTR_RULES(LINK, link.out.entry.attr);
	ATTR_RULES(CREATE, create.out.entry.attr);
}

TEST(every_type_of_node_can_be_described)
{
	for (uint32_t type = 0; type < 16; type++) {
		bool is_type = (0x1556u & 1u << type) != 0;

		ATTR(GETATTR, getattr.out.attr, is_type ? 0 : EIO,
		     a->mode = type << 12 | 07777);
	}
	ATTR(GETATTR, getattr.out.attr, 0, a->mode = MP_S_IFCHR;
	     a->rdev_major = 0xfff; a->rdev_minor = 0xfffff);
	ATTR(GETATTR, getattr.out.attr, EIO, a->mode = MP_S_IFCHR;
	     a->rdev_major = 0x1000);
	ATTR(GETATTR, getattr.out.attr, EIO, a->mode = MP_S_IFBLK;
	     a->rdev_minor = 0x100000);
}

TEST(what_is_made_is_what_was_asked)
{
	ANSWER(MKDIR, EIO, mock_entry(&m.mkdir.out.entry, 9, MP_S_IFREG));
	ANSWER(SYMLINK, EIO, mock_entry(&m.symlink.out.entry, 9, MP_S_IFREG));
	ANSWER(CREATE, EIO, mock_entry(&m.create.out.entry, 9, MP_S_IFDIR));
	ANSWER(MKNOD, EIO, mock_entry(&m.mknod.out.entry, 9, MP_S_IFREG));
	ANSWER(MKNOD, EIO, m.mknod.in.mode = MP_S_IFCHR;
	       mock_entry(&m.mknod.out.entry, 9, MP_S_IFCHR);
	       m.mknod.out.entry.attr.rdev_major = 1);
	ANSWER(MKNOD, EIO, m.mknod.in.mode = MP_S_IFCHR;
	       mock_entry(&m.mknod.out.entry, 9, MP_S_IFCHR);
	       m.mknod.in.rdev_minor = 1);
	ANSWER(LINK, EIO,
	       mock_entry(&m.link.out.entry, m.link.in.node, MP_S_IFDIR));
	ANSWER(LINK, EIO, m.link.out.entry.id++);
	ANSWER(SETATTR, 0, mock_attr(&m.setattr.out.attr, MP_S_IFDIR));
	ANSWER(SETATTR, EIO, mock_attr(&m.setattr.out.attr, MP_S_IFDIR);
	       m.setattr.in.valid = MP_VFS_SET_SIZE);
}

TEST(a_named_node_is_neither_nobody_nor_the_root_nor_its_directory)
{
	static const uint64_t bad[] = { 0, MP_VFS_ROOT };

	for (int i = 0; i < 2; i++) {
		ANSWER(MKDIR, EIO, m.mkdir.out.entry.id = bad[i]);
		ANSWER(MKNOD, EIO, m.mknod.out.entry.id = bad[i]);
		ANSWER(SYMLINK, EIO, m.symlink.out.entry.id = bad[i]);
		ANSWER(CREATE, EIO, m.create.out.entry.id = bad[i]);
	}
	ANSWER(LOOKUP, EIO, m.lookup.out.entry.id = MP_VFS_ROOT);
	ANSWER(LOOKUP, EIO, m.lookup.out.entry.id = m.lookup.in.parent);
	ANSWER(MKDIR, EIO, m.mkdir.out.entry.id = m.mkdir.in.parent);
	ANSWER(LINK, EIO, m.link.in.node = MP_VFS_ROOT;
	       m.link.out.entry.id = MP_VFS_ROOT);
}

TEST(no_such_name_is_id_0_for_those_who_understand_and_else_enoent)
{
	ANSWER(LOOKUP, ENOENT, m.lookup.out.entry.id = 0);
	ANSWER(LOOKUP, 0, memset(&m.lookup.out, 0, sizeof(m.lookup.out));
	       m.lookup.in.flags = MP_VFS_LOOKUP_NEGATIVE);
}

TEST(dots_are_directories_and_may_be_the_root)
{
	union vfs_any m;

	mock_good(&m, MP_VFS_LOOKUP);
	memcpy(m.lookup.in.name, "..", 3);
	m.lookup.in.name_len = 2;
	mock_entry(&m.lookup.out.entry, MP_VFS_ROOT, MP_S_IFDIR);
	CHECK_EQ(mock_spoilt(&m), 0);
	mock_entry(&m.lookup.out.entry, m.lookup.in.parent, MP_S_IFDIR);
	CHECK_EQ(mock_spoilt(&m), 0);
	mock_entry(&m.lookup.out.entry, MP_VFS_ROOT, MP_S_IFREG);
	CHECK_EQ(mock_spoilt(&m), -EIO);
}

TEST(no_more_is_read_or_written_than_was_asked)
{
	ANSWER(READ, EIO, m.read.out.count++);
	ANSWER(READ, 0, m.read.out.count = 0);
	ANSWER(WRITE, EIO, m.write.out.count++);
	ANSWER(WRITE, EIO, m.write.out.count = 0);
	ANSWER(WRITE, 0, m.write.out.count = 0; m.write.buf.len = 0);
	ANSWER(COPY_FILE_RANGE, EIO, m.copy_file_range.out.count++);
	ANSWER(COPY_FILE_RANGE, 0, m.copy_file_range.in.length++);
	ANSWER(LSEEK, EIO, m.lseek.in.offset = 7; m.lseek.out.offset = 6);
	ANSWER(LSEEK, EIO, m.lseek.out.offset = 1ull << 63);
	ANSWER(LSEEK, 0, m.lseek.out.offset = INT64_MAX);
}

TEST(a_target_is_not_empty_not_too_long_and_has_no_nul)
{
	ANSWER(READLINK, EIO, m.readlink.out.count = 0);
	ANSWER(READLINK, EIO, m.readlink.out.count = MP_VFS_TARGET_MAX + 1);
	ANSWER(READLINK, EIO, mock_buf[0] = '\0');
	ANSWER(READLINK, EIO, mock_buf[MP_VFS_TARGET_MAX - 1] = '\0');
	ANSWER(READLINK, 0, mock_buf[MP_VFS_TARGET_MAX] = '\0');
}

TEST(flags_of_an_open_file_are_known)
{
	ANSWER(OPEN, EIO, m.open.out.flags = 1u << 4);
	ANSWER(OPENDIR, EIO, m.open.out.flags = 1u << 31);
	ANSWER(CREATE, EIO, m.create.out.flags = 1u << 6);
}

TEST(the_counts_of_a_file_system_add_up)
{
	ANSWER(STATFS, EIO, m.statfs.out.info.bfree = 11);
	ANSWER(STATFS, EIO, m.statfs.out.info.bavail = 11);
	ANSWER(STATFS, EIO, m.statfs.out.info.ffree = 6);
	ANSWER(STATFS, EIO, m.statfs.out.info.bsize = 0);
	ANSWER(STATFS, EIO, m.statfs.out.info.frsize = 0);
	ANSWER(STATFS, EIO, m.statfs.out.info.name_max = 0);
	ANSWER(STATFS, EIO, m.statfs.out.info.name_max = 256);
}

TEST(xattrs_fit_their_buffer_and_their_bound)
{
	ANSWER(GETXATTR, EIO, m.getxattr.out.count = 8193);
	ANSWER(GETXATTR, 0, m.getxattr.out.count = 8192);
	ANSWER(GETXATTR, 0, m.getxattr.out.count = 65536;
	       m.getxattr.buf.len = 0);
	ANSWER(GETXATTR, EIO, m.getxattr.out.count = 65537;
	       m.getxattr.buf.len = 0);
	ANSWER(GETXATTR, EIO, m.getxattr.out.count = 65537;
	       m.getxattr.buf.len = 65537);
	ANSWER(LISTXATTR, EIO, m.listxattr.out.count = 8193);
	ANSWER(LISTXATTR, EIO, m.listxattr.out.count = 65537;
	       m.listxattr.buf.len = 0);
	ANSWER(LISTXATTR, 0, m.listxattr.out.count = 65536;
	       m.listxattr.buf.len = 0);
}

TEST(a_list_of_xattrs_is_a_list_of_names)
{
	ANSWER(LISTXATTR, 0, m.listxattr.out.count = 0);
	ANSWER(LISTXATTR, EIO, m.listxattr.out.count = 13);
	ANSWER(LISTXATTR, EIO, mock_buf[0] = '\0');
	ANSWER(LISTXATTR, EIO, mock_buf[7] = '\0');
	ANSWER(LISTXATTR, 0, memset(mock_buf, 'x', 256); mock_buf[255] = 0;
	       m.listxattr.out.count = 256);
	ANSWER(LISTXATTR, EIO, memset(mock_buf, 'x', 257); mock_buf[256] = 0;
	       m.listxattr.out.count = 257);
}

TEST(attach_agrees_to_no_more_than_was_offered)
{
	ANSWER(ATTACH, EIO, m.attach.in.caps = MP_VFS_CAP_EXPORT;
	       m.attach.out.caps = MP_VFS_CAP_ACL);
	ANSWER(ATTACH, EIO, m.attach.out.io_max = 0);
	ANSWER(ATTACH, EIO, m.attach.out.io_max++);
	ANSWER(ATTACH, EIO, m.attach.out.time_gran_ns = 0);
	ANSWER(ATTACH, 0, m.attach.out.time_gran_ns = 1000000000);
	ANSWER(ATTACH, EIO, m.attach.out.time_gran_ns = 1000000001);
}

#define GIVES_BACK(OP, forgets_, forgot_, releases_, released_, ...) \
	do {                                                         \
		ANSWER(OP, EIO, __VA_ARGS__);                        \
		CHECK_EQ(mock.forgets, forgets_);                    \
		CHECK_EQ(mock.forgot, forgot_);                      \
		CHECK_EQ(mock.releases, releases_);                  \
		CHECK_EQ(mock.released, released_);                  \
	} while (0)

/* The sender never knew, so nobody else would. */
TEST(what_a_refused_answer_gave_is_given_back)
{
	GIVES_BACK(LOOKUP, 1, 21, 0, 0, m.lookup.out.entry.attr.ino = 0);
	GIVES_BACK(MKNOD, 1, 22, 0, 0, m.mknod.out.entry.attr.ino = 0);
	GIVES_BACK(MKDIR, 1, 23, 0, 0, m.mkdir.out.entry.attr.ino = 0);
	GIVES_BACK(SYMLINK, 1, 24, 0, 0, m.symlink.out.entry.attr.ino = 0);
	GIVES_BACK(LINK, 1, 99, 0, 0, m.link.out.entry.id = 99);
	GIVES_BACK(CREATE, 1, 25, 1, 77, m.create.out.entry.attr.ino = 0);
	GIVES_BACK(CREATE, 0, 0, 0, 0, m.create.out.entry.id = 0);
	GIVES_BACK(OPEN, 0, 0, 1, 78, m.open.out.flags = 1u << 4);
	GIVES_BACK(OPENDIR, 0, 0, 1, 1000078, m.open.out.flags = 1u << 4);
	GIVES_BACK(MKDIR, 0, 0, 0, 0, m.mkdir.out.entry.id = 0);
	GIVES_BACK(LOOKUP, 0, 0, 0, 0, m.lookup.out.entry.id = MP_VFS_ROOT);
	GIVES_BACK(GETATTR, 0, 0, 0, 0, m.getattr.out.attr.ino = 0);
	GIVES_BACK(READDIRPLUS, 2, 61, 0, 0, m.readdir.in.cookie = 1);
	CHECK_EQ(mock.detaches, 0);
	GIVES_BACK(ATTACH, 0, 0, 0, 0, m.attach.out.io_max = 0);
	CHECK_EQ(mock.detaches, 1);
}

TEST(a_driver_that_counts_nothing_is_given_nothing_back)
{
	static struct mp_vfs_ops ops;
	union vfs_any m;

	mock_init(&mock);
	ops = mock_ops;
	ops.forget = NULL;
	ops.release = NULL;
	ops.detach = NULL;
	mock.vfs.ops = &ops;
	mock.keep = true;
	mock_good(&m, MP_VFS_CREATE);
	mock_answer(&m);
	m.create.out.flags = 1u << 31;
	CHECK_EQ(mock_ask(&mock, &m), -EIO);
	CHECK_EQ(mock.forgets + mock.releases, 0);
	mock_good(&m, MP_VFS_ATTACH);
	mock_answer(&m);
	m.attach.out.io_max = 0;
	CHECK_EQ(mock_ask(&mock, &m), -EIO);
	CHECK_EQ(mock.detaches, 0);
}
