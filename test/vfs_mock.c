/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "vfs_mock.h"

#include <string.h>

struct mock mock;
char mock_buf[MOCK_BUF] __attribute__((aligned(8)));

void
mock_attr(struct mp_vfs_attr *a, uint32_t mode)
{
	*a = (struct mp_vfs_attr){
		.ino = 42,
		.size = 100,
		.mode = mode | 0644,
		.nlink = 1,
		.blksize = 4096,
	};
}

void
mock_entry(struct mp_vfs_entry *e, uint64_t id, uint32_t mode)
{
	*e = (struct mp_vfs_entry){ .id = id, .generation = 1 };
	mock_attr(&e->attr, mode);
}

static void
set_name(const struct mp_iface_op *op, union vfs_any *m)
{
	for (uint32_t i = 0; i < op->in.tails; i++) {
		const struct mp_iface_tail *t = &op->in.tail[i];
		uint32_t len = 9;

		if (!t->text)
			continue;
		memcpy((char *)m + t->count_off, &len, sizeof(len));
		memcpy((char *)m + t->off, "some.name", len + 1);
	}
}

static void
set_buf(const struct mp_iface_op *op, union vfs_any *m)
{
	struct mp_buf buf = { .base = mock_buf, .dir = op->buf.dir };

	buf.len = op->op == MP_VFS_SYMLINK ? 10 : 8192;
	memset(mock_buf, 'x', sizeof(mock_buf));
	if (op->buf.dir != 0)
		memcpy((char *)m + op->buf.off, &buf, sizeof(buf));
}

void
mock_good(union vfs_any *m, uint32_t op)
{
	const struct mp_iface_op *row = mp_iface_op_find(&mp_vfs_iface, op);

	memset(m, 0, sizeof(*m));
	m->msg.op = op;
	set_name(row, m);
	set_buf(row, m);
	for (uint32_t i = 0; i < row->fields; i++) {
		uint64_t id = 5 + i;

		if (row->field[i].kind == MP_FIELD_ID &&
		    row->field[i].off < row->in.off + row->in.size)
			memcpy((char *)m + row->field[i].off, &id, sizeof(id));
	}
	switch (op) {
	case MP_VFS_FORGET:
		m->forget.in.items = 1;
		m->forget.in.item[0] = (struct mp_vfs_forget_item){ 7, 1 };
		break;
	case MP_VFS_MKNOD:
		m->mknod.in.mode = MP_S_IFIFO | 0644;
		break;
	case MP_VFS_LSEEK:
		m->lseek.in.whence = MP_VFS_SEEK_HOLE;
		break;
	case MP_VFS_ATTACH:
		m->attach.in.caps = MP_VFS_CAP_ALL;
		m->attach.in.io_max = 65536;
		break;
	case MP_VFS_DELETE:
		m->inval_entry.in.node = 9;
		break;
	default:
		break;
	}
}

static void
put_record(struct mp_vfs_readdir *m, const char *name, uint64_t cookie,
	   uint64_t id)
{
	struct mp_vfs_dirent d = {
		.ino = 42,
		.next_cookie = cookie,
		.type = MP_S_IFREG >> 12,
		.name_len = (uint32_t)strlen(name),
	};
	struct mp_vfs_entry e;

	mock_entry(&e, id, MP_S_IFREG);
	(void)mp_vfs_dirent_put(m, &d, name, id != 0 ? &e : NULL);
}

static void
answer_node(union vfs_any *m)
{
	switch (m->msg.op) {
	case MP_VFS_LOOKUP:
		mock_entry(&m->lookup.out.entry, 21,
			   m->lookup.in.name[0] == '.' ? MP_S_IFDIR :
							 MP_S_IFREG);
		break;
	case MP_VFS_GETATTR:
		mock_attr(&m->getattr.out.attr, MP_S_IFDIR);
		break;
	case MP_VFS_SETATTR:
		mock_attr(&m->setattr.out.attr, MP_S_IFREG);
		break;
	case MP_VFS_MKNOD:
		mock_entry(&m->mknod.out.entry, 22, m->mknod.in.mode);
		m->mknod.out.entry.attr.rdev_major = m->mknod.in.rdev_major;
		m->mknod.out.entry.attr.rdev_minor = m->mknod.in.rdev_minor;
		break;
	case MP_VFS_MKDIR:
		mock_entry(&m->mkdir.out.entry, 23, MP_S_IFDIR);
		break;
	case MP_VFS_SYMLINK:
		mock_entry(&m->symlink.out.entry, 24, MP_S_IFLNK);
		break;
	case MP_VFS_LINK:
		mock_entry(&m->link.out.entry, m->link.in.node, MP_S_IFREG);
		break;
	case MP_VFS_CREATE:
		mock_entry(&m->create.out.entry, 25, MP_S_IFREG);
		m->create.out.fh = 77;
		m->create.out.flags = MP_VFS_OPEN_ALL;
		break;
	default:
		break;
	}
}

void
mock_answer(union vfs_any *m)
{
	switch (m->msg.op) {
	case MP_VFS_READLINK:
		m->readlink.out.count = MP_VFS_TARGET_MAX;
		break;
	case MP_VFS_OPEN:
	case MP_VFS_OPENDIR:
		m->open.out.fh = 78;
		m->open.out.flags = MP_VFS_OPEN_ALL;
		break;
	case MP_VFS_READ:
		m->read.out.count = (uint32_t)m->read.buf.len;
		break;
	case MP_VFS_WRITE:
		m->write.out.count = (uint32_t)m->write.buf.len;
		break;
	case MP_VFS_READDIR:
	case MP_VFS_READDIRPLUS:
		m->readdir.out.count = 0;
		put_record(&m->readdir, ".", 1, 0);
		put_record(&m->readdir, "a", 2, 30);
		put_record(&m->readdir, "seventeen letters", 3, 31);
		break;
	case MP_VFS_STATFS:
		m->statfs.out.info =
			(struct mp_vfs_statfs_info){ 10, 10,   10,   5,	  5,
						     0,	 4096, 4096, 255, 0 };
		break;
	case MP_VFS_GETXATTR:
		m->getxattr.out.count = 3;
		break;
	case MP_VFS_LISTXATTR:
		memcpy(mock_buf, "user.a\0user.b", 14);
		m->listxattr.out.count = 14;
		break;
	case MP_VFS_LSEEK:
		m->lseek.out.offset = m->lseek.in.offset;
		break;
	case MP_VFS_COPY_FILE_RANGE:
		m->copy_file_range.out.count = m->copy_file_range.in.length;
		break;
	case MP_VFS_ATTACH:
		m->attach.out.caps = m->attach.in.caps & MP_VFS_CAP_ALL;
		m->attach.out.io_max = m->attach.in.io_max;
		m->attach.out.time_gran_ns = 1;
		break;
	default:
		answer_node(m);
		break;
	}
}

static int
mock_call(void *fs, void *msg)
{
	struct mock *self = fs;
	union vfs_any *m = msg;

	self->calls++;
	if (self->code == 0 && !self->keep)
		mock_answer(m);
	if (!self->async)
		return self->code;
	mp_msg_take(&m->msg);
	mp_vfs_reply(&m->msg, self->code);
	return EASYNC;
}

static int
mock_forget(void *fs, struct mp_vfs_forget *m)
{
	struct mock *self = fs;

	CHECK_EQ(mp_vfs_request_check(&m->msg), 0);
	for (uint32_t i = 0; i < m->in.items; i++) {
		self->forgets++;
		self->forgot += m->in.item[i].id * m->in.item[i].count;
	}
	return self->code;
}

static int
mock_release(void *fs, struct mp_vfs_release *m)
{
	struct mock *self = fs;

	CHECK_EQ(mp_vfs_request_check(&m->msg), 0);
	self->releases++;
	self->released = m->in.fh;
	return self->code;
}

static int
mock_releasedir(void *fs, struct mp_vfs_release *m)
{
	struct mock *self = fs;

	(void)mock_release(fs, m);
	CHECK_EQ(m->msg.op, MP_VFS_RELEASEDIR);
	self->released += 1000000;
	return self->code;
}

static int
mock_detach(void *fs, struct mp_vfs_detach *m)
{
	struct mock *self = fs;

	CHECK_EQ(mp_vfs_request_check(&m->msg), 0);
	self->detaches++;
	return self->code;
}

#define SLOT(name, type)                                 \
	static int mock_##name(void *fs, struct type *m) \
	{                                                \
		return mock_call(fs, m);                 \
	}

/* clang-format off */
SLOT(lookup, mp_vfs_lookup)
SLOT(getattr, mp_vfs_getattr)
SLOT(setattr, mp_vfs_setattr)
SLOT(readlink, mp_vfs_readlink)
SLOT(mknod, mp_vfs_mknod)
SLOT(mkdir, mp_vfs_mkdir)
SLOT(unlink, mp_vfs_unlink)
SLOT(symlink, mp_vfs_symlink)
SLOT(rename, mp_vfs_rename)
SLOT(link, mp_vfs_link)
SLOT(open, mp_vfs_open)
SLOT(read, mp_vfs_read)
SLOT(write, mp_vfs_write)
SLOT(flush, mp_vfs_release)
SLOT(fsync, mp_vfs_fsync)
SLOT(readdir, mp_vfs_readdir)
SLOT(statfs, mp_vfs_statfs)
SLOT(setxattr, mp_vfs_setxattr)
SLOT(getxattr, mp_vfs_getxattr)
SLOT(listxattr, mp_vfs_listxattr)
SLOT(removexattr, mp_vfs_removexattr)
SLOT(access, mp_vfs_access)
SLOT(create, mp_vfs_create)
SLOT(fallocate, mp_vfs_fallocate)
SLOT(lseek, mp_vfs_lseek)
SLOT(copy_file_range, mp_vfs_copy_file_range)
SLOT(syncfs, mp_vfs_syncfs)
SLOT(attach, mp_vfs_attach)
/* clang-format on */

#define S(name) .name = mock_##name

const struct mp_vfs_ops mock_ops = {
	S(lookup),
	S(forget),
	S(getattr),
	S(setattr),
	S(readlink),
	S(mknod),
	S(mkdir),
	S(unlink),
	S(symlink),
	S(rename),
	S(link),
	S(open),
	S(read),
	S(write),
	S(flush),
	S(release),
	S(fsync),
	S(readdir),
	S(statfs),
	S(setxattr),
	S(getxattr),
	S(listxattr),
	S(removexattr),
	S(access),
	S(create),
	S(fallocate),
	S(lseek),
	S(copy_file_range),
	S(syncfs),
	S(attach),
	S(detach),
	.rmdir = mock_unlink,
	.opendir = mock_open,
	.readdirplus = mock_readdir,
	.releasedir = mock_releasedir,
	.fsyncdir = mock_fsync,
};

void
mock_init(struct mock *self)
{
	memset(self, 0, sizeof(*self));
	self->vfs.ops = &mock_ops;
	self->vfs.fs = self;
	mp_port_init_call(&self->port, mp_vfs_handle, &self->vfs);
}

int
mock_ask(struct mock *self, union vfs_any *m)
{
	return mp_call(&self->port, &m->msg);
}

void
mock_out_is_zero(const union vfs_any *m)
{
	const struct mp_iface_op *op =
		mp_iface_op_find(&mp_vfs_iface, m->msg.op);
	const char *out = (const char *)m + op->out.off;

	for (uint32_t i = 0; i < op->out.size; i++)
		CHECK_EQ(out[i], 0);
}

int
mock_spoilt(const union vfs_any *m)
{
	int want = mp_vfs_answer_check(&m->msg, 0);

	for (int async = 0; async < 2; async++) {
		union vfs_any got = *m;

		mock_init(&mock);
		mock.keep = true;
		mock.async = async != 0;
		CHECK_EQ(mock_ask(&mock, &got), want);
		CHECK_EQ(mock.calls, 1);
		if (want != 0)
			mock_out_is_zero(&got);
		else
			CHECK_EQ(mock.forgets + mock.releases + mock.detaches,
				 0);
	}
	return want;
}
