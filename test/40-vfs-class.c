/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Class vfs, requests: a driver sees what the headers promise, or nothing. */
#include "t.h"

#include <stdlib.h>
#include <string.h>

#include "vfs_mock.h"

static const uint32_t one_name[] = {
	MP_VFS_LOOKUP, MP_VFS_MKNOD,
	MP_VFS_MKDIR,  MP_VFS_UNLINK,
	MP_VFS_RMDIR,  MP_VFS_LINK,
	MP_VFS_CREATE, MP_VFS_SYMLINK,
	MP_VFS_RENAME, 0,
};

static const uint32_t xattr_name[] = {
	MP_VFS_SETXATTR,
	MP_VFS_GETXATTR,
	MP_VFS_REMOVEXATTR,
	0,
};

static bool
upward(uint32_t op)
{
	return mp_iface_op_find(&mp_vfs_iface, op)->flags & MP_IFACE_UPWARD;
}

/*
 * The request as it is: what the check says, and that the driver is called
 * exactly if it says 0.
 */
static int
ask(union vfs_any *m)
{
	struct mock driver;
	int code = mp_vfs_request_check(&m->msg);

	mock_init(&driver);
	if (upward(m->msg.op))
		return code;
	CHECK_EQ(mock_ask(&driver, m), code);
	CHECK_EQ(driver.calls + driver.forgets + driver.releases +
				 driver.detaches !=
			 0,
		 code == 0);
	return code;
}

#define BAD(OP, error, ...)                  \
	do {                                 \
		union vfs_any m;             \
		mock_good(&m, MP_VFS_##OP);  \
		CHECK_EQ(ask(&m), 0);        \
		mock_good(&m, MP_VFS_##OP);  \
		__VA_ARGS__;                 \
		CHECK_EQ(ask(&m), -(error)); \
	} while (0)

/* The first name of a good request of this operation, replaced. */
static int
ask_name(uint32_t op, const char *name, uint32_t len)
{
	const struct mp_iface_op *row = mp_iface_op_find(&mp_vfs_iface, op);
	const struct mp_iface_tail *t = &row->in.tail[0];
	union vfs_any m;

	mock_good(&m, op);
	memset((char *)&m + t->off, 0, MP_VFS_NAME_MAX + 1);
	memcpy((char *)&m + t->off, name, len > 256 ? 256 : len);
	memcpy((char *)&m + t->count_off, &len, sizeof(len));
	return ask(&m);
}

TEST(every_operation_reaches_the_driver_when_it_is_well_formed)
{
	union vfs_any m;

	for (uint32_t op = MP_VFS_LOOKUP; op < MP_VFS_OP_END; op++) {
		mock_good(&m, op);
		CHECK_EQ(ask(&m), 0);
	}
}

TEST(unknown_operations_are_enosys)
{
	static const struct mp_vfs_ops none;
	union vfs_any m;
	struct mock driver;

	mock_init(&driver);
	mock_good(&m, MP_VFS_GETATTR);
	m.msg.op = MP_VFS_OP_END;
	CHECK_EQ(mock_ask(&driver, &m), -ENOSYS);
	m.msg.op = MP_IFACE_OP_FIRST(MP_CLASS_VFS + 1);
	CHECK_EQ(mock_ask(&driver, &m), -ENOSYS);
	m.msg.op = 0;
	CHECK_EQ(mock_ask(&driver, &m), -ENOSYS);
	driver.vfs.ops = &none;
	for (uint32_t op = MP_VFS_LOOKUP; op < MP_VFS_OP_END; op++) {
		mock_good(&m, op);
		CHECK_EQ(mock_ask(&driver, &m), -ENOSYS);
	}
}

TEST(upward_messages_are_not_for_a_driver)
{
	union vfs_any m;
	struct mock driver;

	mock_init(&driver);
	for (uint32_t op = MP_VFS_INVAL_INODE; op < MP_VFS_OP_END; op++) {
		mock_good(&m, op);
		CHECK(upward(op));
		CHECK_EQ(mock_ask(&driver, &m), -ENOSYS);
	}
	CHECK_EQ(driver.calls, 0);
}

TEST(names_that_no_file_can_have_are_refused)
{
	char name[300];

	memset(name, 'n', sizeof(name));
	for (const uint32_t *op = one_name; *op != 0; op++) {
		CHECK_EQ(ask_name(*op, "", 0), -ENOENT);
		CHECK_EQ(ask_name(*op, name, 256), -ENAMETOOLONG);
		CHECK_EQ(ask_name(*op, name, UINT32_MAX), -ENAMETOOLONG);
		for (uint32_t len = 1; len <= 255; len += len < 30 ? 1 : 15) {
			CHECK_EQ(ask_name(*op, name, len), 0);
			for (uint32_t at = 0; at < len; at++) {
				name[at] = '/';
				CHECK_EQ(ask_name(*op, name, len), -EINVAL);
				name[at] = '\0';
				CHECK_EQ(ask_name(*op, name, len), -EINVAL);
				name[at] = 'n';
			}
		}
	}
}

TEST(whoever_checks_a_name_himself_is_told_the_same)
{
	static const char name[300] = "name";

	CHECK_EQ(mp_vfs_name_check(name, 4), 0);
	CHECK_EQ(mp_vfs_name_check(name, 3), -EINVAL);
	CHECK_EQ(mp_vfs_name_check(name, 256), -ENAMETOOLONG);
	CHECK_EQ(mp_vfs_name_check("", 0), -ENOENT);
	CHECK_EQ(mp_vfs_name_check("..", 2), 0);
}

TEST(every_other_byte_may_stand_in_a_name)
{
	char name[16];

	for (int c = 1; c < 256; c++) {
		memset(name, c, sizeof(name));
		CHECK_EQ(ask_name(MP_VFS_LOOKUP, name, 11),
			 c == '/' ? -EINVAL : 0);
	}
}

TEST(a_name_has_its_nul)
{
	union vfs_any m;

	for (const uint32_t *op = one_name; *op != 0; op++) {
		const struct mp_iface_op *row =
			mp_iface_op_find(&mp_vfs_iface, *op);

		mock_good(&m, *op);
		((char *)&m)[row->in.tail[0].off + 9] = 'x';
		CHECK_EQ(ask(&m), -EINVAL);
	}
	mock_good(&m, MP_VFS_SETXATTR);
	m.setxattr.in.name[9] = 'x';
	CHECK_EQ(ask(&m), -EINVAL);
}

TEST(dots_end_as_the_system_calls_end)
{
	static const struct {
		uint32_t op;
		int dot;
		int dots;
	} want[] = {
		{ MP_VFS_LOOKUP, 0, 0 },
		{ MP_VFS_UNLINK, EISDIR, EISDIR },
		{ MP_VFS_CREATE, EISDIR, EISDIR },
		{ MP_VFS_RMDIR, EINVAL, ENOTEMPTY },
		{ MP_VFS_MKNOD, EEXIST, EEXIST },
		{ MP_VFS_MKDIR, EEXIST, EEXIST },
		{ MP_VFS_SYMLINK, EEXIST, EEXIST },
		{ MP_VFS_LINK, EEXIST, EEXIST },
		{ MP_VFS_RENAME, EINVAL, EINVAL },
		{ MP_VFS_INVAL_ENTRY, EINVAL, EINVAL },
		{ MP_VFS_DELETE, EINVAL, EINVAL },
		{ MP_VFS_SETXATTR, 0, 0 },
	};

	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		CHECK_EQ(ask_name(want[i].op, ".", 1), -want[i].dot);
		CHECK_EQ(ask_name(want[i].op, "..", 2), -want[i].dots);
		CHECK_EQ(ask_name(want[i].op, "...", 3), 0);
		CHECK_EQ(ask_name(want[i].op, ".x", 2), 0);
		CHECK_EQ(ask_name(want[i].op, "x", 1), 0);
	}
}

TEST(both_names_of_a_rename_are_checked)
{
	BAD(RENAME, ENOENT, m.rename.in.new_name_len = 0;
	    m.rename.in.new_name[0] = 0);
	BAD(RENAME, ENAMETOOLONG, m.rename.in.new_name_len = 256);
	BAD(RENAME, EINVAL, m.rename.in.new_name[3] = '/');
	BAD(RENAME, EINVAL, memcpy(m.rename.in.new_name, "..", 3);
	    m.rename.in.new_name_len = 2);
	BAD(RENAME, EINVAL, m.rename.in.new_name[9] = 'x');
	BAD(RENAME, EINVAL, m.rename.in.new_parent = 0);
	BAD(RENAME, EINVAL, m.rename.in.flags = 3);
	BAD(RENAME, EINVAL, m.rename.in.flags = 4);
	BAD(RENAME, 0, m.rename.in.flags = MP_VFS_RENAME_EXCHANGE);
}

TEST(names_of_xattrs_are_checked)
{
	char name[300];

	memset(name, 'n', sizeof(name));
	for (const uint32_t *op = xattr_name; *op != 0; op++) {
		CHECK_EQ(ask_name(*op, "", 0), -ERANGE);
		CHECK_EQ(ask_name(*op, name, 255), 0);
		CHECK_EQ(ask_name(*op, name, 256), -ERANGE);
		CHECK_EQ(ask_name(*op, "user.a/b", 8), 0);
		CHECK_EQ(ask_name(*op, "user.\0b", 7), -EINVAL);
	}
}

/*
 * One good request of each operation, and in it one field after the other set
 * to what its kind does not allow.
 */
static void
spoil_field(uint32_t op, const struct mp_iface_field *f, uint64_t v)
{
	union vfs_any m;

	mock_good(&m, op);
	memcpy((char *)&m + f->off, &v, f->size);
	CHECK_EQ(ask(&m), -EINVAL);
}

static void
spoil_fields(const struct mp_iface_op *row)
{
	for (uint32_t i = 0; i < row->fields; i++) {
		const struct mp_iface_field *f = &row->field[i];

		if (f->off >= row->in.off + row->in.size)
			break;
		if (f->kind == MP_FIELD_ID)
			spoil_field(row->op, f, 0);
		if (f->kind == MP_FIELD_ZERO)
			spoil_field(row->op, f, 1);
		if (f->kind == MP_FIELD_NSEC)
			spoil_field(row->op, f, 1000000000);
		if (f->kind == MP_FIELD_OFFSET)
			spoil_field(row->op, f, 1ull << 63);
		for (uint32_t bit = 1; bit != 0 && (f->kind == MP_FIELD_FLAGS ||
						    f->kind == MP_FIELD_OCTAL);
		     bit <<= 1) {
			if ((f->known & bit) == 0)
				spoil_field(row->op, f, bit);
		}
	}
}

TEST(ids_flags_offsets_times_and_reserved_words_are_checked_everywhere)
{
	for (uint32_t i = 0; i < mp_vfs_iface.ops; i++)
		spoil_fields(&mp_vfs_iface.op[i]);
}

TEST(buffers_are_checked_everywhere)
{
	for (uint32_t i = 0; i < mp_vfs_iface.ops; i++) {
		const struct mp_iface_op *row = &mp_vfs_iface.op[i];
		struct mp_buf *buf;
		union vfs_any m;

		if (row->buf.dir == 0)
			continue;
		buf = (struct mp_buf *)(void *)((char *)&m + row->buf.off);
		mock_good(&m, row->op);
		buf->dir = 3 - buf->dir;
		CHECK_EQ(ask(&m), -EINVAL);
		mock_good(&m, row->op);
		buf->base = NULL;
		CHECK_EQ(ask(&m), -EINVAL);
		mock_good(&m, row->op);
		buf->len = row->buf.max + 1ull;
		CHECK_EQ(ask(&m), -row->buf.over);
	}
	BAD(READLINK, EINVAL, m.readlink.buf.len = MP_VFS_TARGET_MAX - 1);
	BAD(READDIR, EINVAL, m.readdir.buf.len = MP_VFS_RECORD_MAX - 1);
	BAD(READDIRPLUS, EINVAL, m.readdir.buf.len = MP_VFS_RECORD_MAX - 1);
	BAD(READDIR, EINVAL, m.readdir.buf.base = mock_buf + 4);
	BAD(READ, 0, m.read.buf.base = NULL; m.read.buf.len = 0);
	BAD(WRITE, 0, m.write.buf.base = NULL; m.write.buf.len = 0);
	BAD(SETXATTR, E2BIG, m.setxattr.buf.len = 65537);
	BAD(SETXATTR, 0, m.setxattr.buf.len = 65536);
}

TEST(ranges_stay_within_what_an_offset_can_say)
{
	const uint64_t top = INT64_MAX;

	BAD(READ, 0, m.read.in.offset = top - 8192);
	BAD(READ, EOVERFLOW, m.read.in.offset = top - 8191);
	BAD(WRITE, 0, m.write.in.offset = top - 8192);
	BAD(WRITE, EFBIG, m.write.in.offset = top - 8191);
	BAD(FALLOCATE, 0, m.fallocate.in.offset = top - m.fallocate.in.length);
	BAD(FALLOCATE, EFBIG, m.fallocate.in.offset = top);
	BAD(FALLOCATE, EINVAL, m.fallocate.in.length = top + 1);
	BAD(FALLOCATE, 0, m.fallocate.in.length = top);
	BAD(COPY_FILE_RANGE, EOVERFLOW, m.copy_file_range.in.offset = top;
	    m.copy_file_range.in.length = 1);
	BAD(COPY_FILE_RANGE, EOVERFLOW, m.copy_file_range.in.to_offset = top;
	    m.copy_file_range.in.length = 1);
	BAD(COPY_FILE_RANGE, EOVERFLOW, m.copy_file_range.in.length = top + 1);
	BAD(INVAL_INODE, EINVAL, m.inval_inode.in.offset = 1;
	    m.inval_inode.in.length = top);
	BAD(INVAL_INODE, 0, m.inval_inode.in.offset = 1;
	    m.inval_inode.in.length = UINT64_MAX);
}

TEST(ranges_of_one_file_do_not_overlap_in_a_copy)
{
	BAD(COPY_FILE_RANGE, EINVAL,
	    m.copy_file_range.in.to_node = m.copy_file_range.in.node;
	    m.copy_file_range.in.to_offset = 9;
	    m.copy_file_range.in.length = 10);
	BAD(COPY_FILE_RANGE, EINVAL,
	    m.copy_file_range.in.to_node = m.copy_file_range.in.node;
	    m.copy_file_range.in.offset = 9; m.copy_file_range.in.length = 10);
	BAD(COPY_FILE_RANGE, 0,
	    m.copy_file_range.in.to_node = m.copy_file_range.in.node;
	    m.copy_file_range.in.to_offset = 10;
	    m.copy_file_range.in.length = 10);
	BAD(COPY_FILE_RANGE, 0,
	    m.copy_file_range.in.to_node = m.copy_file_range.in.node;
	    m.copy_file_range.in.offset = 10; m.copy_file_range.in.length = 10);
	BAD(COPY_FILE_RANGE, 0, m.copy_file_range.in.to_offset = 9;
	    m.copy_file_range.in.length = 10);
}

TEST(only_what_mknod_can_make_is_asked_of_it)
{
	BAD(MKNOD, EPERM, m.mknod.in.mode = MP_S_IFDIR | 0755);
	BAD(MKNOD, EINVAL, m.mknod.in.mode = MP_S_IFLNK | 0755);
	BAD(MKNOD, EINVAL, m.mknod.in.mode = 0644);
	BAD(MKNOD, EINVAL, m.mknod.in.mode = 0070000 | 0644);
	BAD(MKNOD, EINVAL, m.mknod.in.mode |= 0200000);
	BAD(MKNOD, 0, m.mknod.in.mode = MP_S_IFREG | 07777);
	BAD(MKNOD, 0, m.mknod.in.mode = MP_S_IFSOCK);
	BAD(MKNOD, EINVAL, m.mknod.in.rdev_major = 1);
	BAD(MKNOD, EINVAL, m.mknod.in.rdev_minor = 1);
	BAD(MKNOD, 0, m.mknod.in.mode = MP_S_IFCHR;
	    m.mknod.in.rdev_major = 0xfff; m.mknod.in.rdev_minor = 0xfffff);
	BAD(MKNOD, EINVAL, m.mknod.in.mode = MP_S_IFCHR;
	    m.mknod.in.rdev_major = 0x1000);
	BAD(MKNOD, EINVAL, m.mknod.in.mode = MP_S_IFBLK;
	    m.mknod.in.rdev_minor = 0x100000);
}

TEST(setattr_says_one_thing_at_a_time)
{
	BAD(SETATTR, 0, m.setattr.in.valid = MP_VFS_SET_ATIME_NOW);
	BAD(SETATTR, EINVAL,
	    m.setattr.in.valid = MP_VFS_SET_ATIME | MP_VFS_SET_ATIME_NOW);
	BAD(SETATTR, EINVAL,
	    m.setattr.in.valid = MP_VFS_SET_MTIME | MP_VFS_SET_MTIME_NOW);
	BAD(SETATTR, 0, m.setattr.in.uid = m.setattr.in.gid = UINT32_MAX);
	BAD(SETATTR, EINVAL, m.setattr.in.valid = MP_VFS_SET_UID;
	    m.setattr.in.uid = UINT32_MAX);
	BAD(SETATTR, EINVAL, m.setattr.in.valid = MP_VFS_SET_GID;
	    m.setattr.in.gid = UINT32_MAX);
}

TEST(a_symlink_has_a_target)
{
	BAD(SYMLINK, ENOENT, m.symlink.buf.len = 0);
	BAD(SYMLINK, ENAMETOOLONG, m.symlink.buf.len = 4096);
	BAD(SYMLINK, 0, m.symlink.buf.len = 4095);
	BAD(SYMLINK, EINVAL, mock_buf[0] = '\0');
	BAD(SYMLINK, EINVAL, mock_buf[9] = '\0');
	BAD(SYMLINK, 0, mock_buf[10] = '\0');
}

TEST(files_are_opened_one_way_and_directories_for_reading)
{
	BAD(OPEN, 0, m.open.in.flags = MP_O_RDWR | MP_O_TRUNC | MP_O_SYNC);
	BAD(OPEN, EINVAL, m.open.in.flags = 3);
	BAD(OPEN, EINVAL, m.open.in.flags = MP_O_EXCL);
	BAD(CREATE, 0, m.create.in.flags = MP_O_RDWR | MP_O_EXCL);
	BAD(CREATE, EINVAL, m.create.in.flags = 3);
	BAD(OPENDIR, 0, m.open.in.flags = MP_O_NOATIME);
	BAD(OPENDIR, EISDIR, m.open.in.flags = MP_O_WRONLY);
	BAD(OPENDIR, EISDIR, m.open.in.flags = MP_O_RDWR);
	BAD(OPENDIR, EISDIR, m.open.in.flags = MP_O_TRUNC);
	BAD(OPENDIR, EINVAL, m.open.in.flags = 3);
}

TEST(fallocate_modes_are_those_of_linux)
{
	static const uint32_t good[] = { 0,    1,    3,	   8,	0x10,
					 0x11, 0x20, 0x40, 0x41 };
	uint32_t seen = 0;

	for (uint32_t mode = 0; mode < 0x80; mode++) {
		bool is_good = false;
		union vfs_any m;

		for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
			is_good |= good[i] == mode;
		mock_good(&m, MP_VFS_FALLOCATE);
		m.fallocate.in.mode = mode;
		CHECK_EQ(ask(&m) == 0, is_good);
		seen += is_good;
	}
	CHECK_EQ(seen, 9);
	BAD(FALLOCATE, EOPNOTSUPP, m.fallocate.in.mode = 2);
	BAD(FALLOCATE, EOPNOTSUPP, m.fallocate.in.mode = 0x13);
	BAD(FALLOCATE, EINVAL, m.fallocate.in.mode = 9);
	BAD(FALLOCATE, EINVAL, m.fallocate.in.mode = 0x21);
}

TEST(only_data_and_holes_are_sought)
{
	for (uint32_t whence = 0; whence < 70; whence++) {
		union vfs_any m;

		mock_good(&m, MP_VFS_LSEEK);
		m.lseek.in.whence = whence;
		CHECK_EQ(ask(&m), whence == 3 || whence == 4 ? 0 : -EINVAL);
	}
}

TEST(a_forget_forgets_something)
{
	BAD(FORGET, EINVAL, m.forget.in.items = 0);
	BAD(FORGET, EINVAL, m.forget.in.items = 17);
	BAD(FORGET, EINVAL, m.forget.in.item[0].id = 0);
	BAD(FORGET, EINVAL, m.forget.in.item[0].count = 0);
	BAD(FORGET, EINVAL, m.forget.in.items = 2);
	BAD(FORGET, 0, m.forget.in.items = 2;
	    m.forget.in.item[1] = m.forget.in.item[0]);
	BAD(FORGET, EINVAL, m.forget.in.items = 2;
	    m.forget.in.item[1] = m.forget.in.item[0];
	    m.forget.in.item[1].count = 0);
}

TEST(attach_says_how_much_and_may_lend_a_port)
{
	BAD(ATTACH, EINVAL, m.attach.in.io_max = 0);
	BAD(ATTACH, 0, m.attach.in.caps = UINT32_MAX);
	BAD(ATTACH, EINVAL, m.attach.notify.kind = MP_HANDLE_PORT);
	BAD(ATTACH, EINVAL, m.attach.notify.kind = MP_HANDLE_FD);
	BAD(ATTACH, 0, m.attach.notify.kind = MP_HANDLE_PORT;
	    m.attach.notify.port = (void *)mock_buf);
}

TEST(upward_messages_are_checked_too)
{
	BAD(INVAL_ENTRY, EINVAL, m.inval_entry.in.node = 1);
	BAD(INVAL_ENTRY, 0, m.inval_entry.in.flags = MP_VFS_INVAL_EXPIRE);
	BAD(DELETE, EINVAL, m.inval_entry.in.node = 0);
	BAD(DELETE, EINVAL, m.inval_entry.in.flags = MP_VFS_INVAL_EXPIRE);
	BAD(DELETE, ENOENT, m.inval_entry.in.name_len = 0;
	    m.inval_entry.in.name[0] = 0);
	BAD(INVAL_INODE, EINVAL, m.inval_inode.in.node = 0);
}
