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

/* A message of any operation, with nothing wrong in it but the node. */
union any {
	struct mp_msg msg;
	char bytes[2048];
};

static void
put(union any *m, const struct mp_iface_field *f, uint64_t v)
{
	memcpy(m->bytes + f->off, &v, f->size);
}

static void
put_field(union any *m, const struct mp_iface_field *f, uint64_t node)
{
	static const struct {
		const char *name;
		uint64_t value;
	} good[] = { { "length", 1 },
		     { "name_len", 1 },
		     { "whence", 3 },
		     { "new_name_len", 1 },
		     { "to_offset", 9 } };
	unsigned int i;

	if (!strcmp(f->name, "node") || !strcmp(f->name, "parent") ||
	    !strcmp(f->name, "new_parent") || !strcmp(f->name, "to_node"))
		put(m, f, node);
	else if (f->kind == MP_FIELD_TEXT)
		m->bytes[f->off] = 'n';
	else if (!strcmp(f->name, "mode") && m->msg.op == MP_VFS_MKNOD)
		put(m, f, MP_S_IFREG);
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (!strcmp(f->name, good[i].name))
			put(m, f, good[i].value);
}

static int
send_any(const struct mp_iface_op *op, uint64_t node)
{
	static uint64_t data[512];
	struct mp_buf buf = { data, 1, op->buf.dir, 0 };
	union any m = { .bytes = { 0 } };
	uint32_t i;

	CHECK(op->size <= sizeof(m));
	m.msg.op = op->op;
	for (i = 0; i < op->fields; i++)
		if (op->field[i].off < op->in.off + op->in.size)
			put_field(&m, &op->field[i], node);
	memcpy(data, "x", 1);
	if (op->op == MP_VFS_READDIR || op->op == MP_VFS_READDIRPLUS ||
	    op->op == MP_VFS_READLINK)
		buf.len = sizeof(data);
	if (op->buf.dir)
		memcpy(m.bytes + op->buf.off, &buf, sizeof(buf));
	return mp_call(&c.port, &m.msg);
}

TEST(a_stale_id_is_estale_in_every_operation)
{
	uint64_t old, node, fh;
	uint32_t i, op;

	begin("");
	old = create_f(MP_O_RDWR, &fh);
	CHECK_EQ(unlink_f(), 0);
	CHECK_EQ(release(old, fh), 0);
	forget(old, 1);
	node = create_f(MP_O_RDWR, &fh);
	for (i = 0; i < mp_vfs_iface.ops; i++) {
		op = mp_vfs_iface.op[i].op;
		if (op == MP_VFS_FORGET || op >= MP_VFS_ATTACH ||
		    op == MP_VFS_FLUSH || op == MP_VFS_FSYNC ||
		    op == MP_VFS_FSYNCDIR || op == MP_VFS_SYNCFS ||
		    op == MP_VFS_STATFS)
			continue;
		CHECK_EQ(send_any(&mp_vfs_iface.op[i], old), -ESTALE);
		CHECK_EQ(send_any(&mp_vfs_iface.op[i], 77777777), -ESTALE);
		CHECK_EQ(mp_lock_count(), 0);
	}
	CHECK_EQ(nodes(), 2);
	CHECK_EQ(release(node, fh), 0);
	end();
}

/* What is for files is refused of a directory, and the other way round. */
TEST(an_operation_is_for_its_kind_of_node)
{
	uint64_t fh, file;
	uint32_t op;
	int code;

	begin("");
	file = create_f(MP_O_RDWR, &fh);
	for (op = MP_VFS_LOOKUP; op < MP_VFS_ATTACH; op++) {
		code = send_any(&mp_vfs_iface.op[op - MP_VFS_LOOKUP], file);
		CHECK_EQ(mp_lock_count(), 0);
		switch (op) {
		case MP_VFS_LOOKUP:
		case MP_VFS_MKNOD:
		case MP_VFS_MKDIR:
		case MP_VFS_UNLINK:
		case MP_VFS_RMDIR:
		case MP_VFS_SYMLINK:
		case MP_VFS_RENAME:
		case MP_VFS_LINK:
		case MP_VFS_CREATE:
		case MP_VFS_OPENDIR:
			CHECK_EQ(code, -ENOTDIR);
			break;
		case MP_VFS_READLINK:
			CHECK_EQ(code, -EINVAL);
			break;
		default:
			break;
		}
		code = send_any(&mp_vfs_iface.op[op - MP_VFS_LOOKUP], ROOT);
		if (op == MP_VFS_READ || op == MP_VFS_WRITE ||
		    op == MP_VFS_OPEN || op == MP_VFS_FALLOCATE ||
		    op == MP_VFS_LSEEK || op == MP_VFS_COPY_FILE_RANGE)
			CHECK_EQ(code, -EISDIR);
	}
	end();
}
