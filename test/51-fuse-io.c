/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The FUSE front-end without a kernel: requests come from here, replies come
 * back here, and the port is a handler that answers what no class would let
 * pass.  What is not to be believed is not passed on, and what cannot be
 * delivered is given back.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "t.h"
#include "../front/fuse_op.h"

#include <fcntl.h>
#include <linux/fuse.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/uio.h>

#define NODE 7
#define PAGE 4096u

static struct {
	struct mp_port port;
	struct mp_fuse fuse;
	int (*answer)(struct mp_msg *);
	int code;	 /* what the handler returns, if there is no answer */
	uint32_t last;	 /* operation */
	int64_t lookups; /* of NODE, less what was given back */
	int releases;
	int forgets; /* messages */
	bool deaf;   /* replies get lost */
	struct fuse_out_header head;
	char reply[2 * PAGE];
	size_t len; /* of the reply, without its head */
} w;

static int
handle(struct mp_port *p, struct mp_msg *m)
{
	const struct mp_vfs_forget *forget = (const void *)m;
	struct mp_vfs_attach *attach = (void *)m;

	(void)p;
	w.last = m->op;
	switch (m->op) {
	case MP_VFS_ATTACH:
		attach->out.caps = MP_VFS_CAP_READDIRPLUS;
		attach->out.io_max = attach->in.io_max;
		attach->out.time_gran_ns = 1;
		return 0;
	case MP_VFS_DETACH:
		return 0;
	case MP_VFS_FORGET:
		w.forgets++;
		for (uint32_t i = 0; i < forget->in.items; i++)
			if (forget->in.item[i].id == NODE)
				w.lookups -= (int64_t)forget->in.item[i].count;
		return 0;
	case MP_VFS_RELEASE:
	case MP_VFS_RELEASEDIR:
		w.releases++;
		return 0;
	default:
		return w.answer != NULL ? w.answer(m) : w.code;
	}
}

static ssize_t
io_writev(int fd, struct iovec *iov, int count, void *arg)
{
	size_t len = 0;

	(void)fd;
	(void)arg;
	w.len = 0;
	memcpy(&w.head, iov[0].iov_base, sizeof(w.head));
	for (int i = 0; i < count; i++) {
		len += iov[i].iov_len;
		if (i == 0)
			continue;
		CHECK(w.len + iov[i].iov_len <= sizeof(w.reply));
		memcpy(w.reply + w.len, iov[i].iov_base, iov[i].iov_len);
		w.len += iov[i].iov_len;
	}
	CHECK_EQ(w.head.len, len);
	if (!w.deaf)
		return (ssize_t)len;
	errno = ENOENT;
	return -1;
}

static ssize_t
io_read(int fd, void *to, size_t size, void *arg)
{
	(void)fd;
	(void)to;
	(void)size;
	(void)arg;
	errno = ENODEV;
	return -1;
}

/* A request of two parts; the error of the reply, negative. */
static int
ask(uint32_t op, const void *arg, size_t size, const char *name)
{
	struct {
		struct fuse_in_header head;
		char body[2 * PAGE];
	} r = { 0 };
	struct fuse_buf buf = { .mem = &r };

	memcpy(r.body, arg, size);
	if (name != NULL)
		strcpy(r.body + size, name);
	r.head.len = (uint32_t)(sizeof(r.head) + size +
				(name != NULL ? strlen(name) + 1 : 0));
	r.head.opcode = op;
	r.head.unique = 2;
	r.head.nodeid = FUSE_ROOT_ID;
	buf.size = r.head.len;
	memset(&w.head, 0, sizeof(w.head));
	fuse_session_process_buf(w.fuse.session, &buf);
	return w.head.error;
}

static void
begin(void)
{
	struct fuse_custom_io io = { .writev = io_writev, .read = io_read };
	struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
	struct fuse_init_in in = { .major = FUSE_KERNEL_VERSION,
				   .minor = FUSE_KERNEL_MINOR_VERSION,
				   .flags = FUSE_DO_READDIRPLUS |
					    FUSE_READDIRPLUS_AUTO |
					    FUSE_BIG_WRITES };
	struct fuse_lowlevel_ops ops;

	mp_port_init_call(&w.port, handle, NULL);
	w.fuse.port = &w.port;
	w.fuse.first = &w.port;
	fuse_ops(&ops);
	CHECK_EQ(fuse_opt_add_arg(&args, "test"), 0);
	w.fuse.session = fuse_session_new(&args, &ops, sizeof(ops), &w.fuse);
	fuse_opt_free_args(&args);
	CHECK(w.fuse.session != NULL);
	CHECK_EQ(fuse_session_custom_io(w.fuse.session, &io,
					open("/dev/null", O_RDWR | O_CLOEXEC)),
		 0);
	CHECK_EQ(ask(FUSE_INIT, &in, sizeof(in), NULL), 0);
	CHECK_EQ(w.fuse.error, 0);
	CHECK_EQ(w.fuse.caps, MP_VFS_CAP_READDIRPLUS);
}

static void
end(void)
{
	fuse_detach(&w.fuse);
	fuse_session_destroy(w.fuse.session);
	mp_port_fini(&w.port);
}

static int
lookup(void)
{
	return ask(FUSE_LOOKUP, "", 0, "name");
}

static int
fill(struct mp_vfs_entry *e, uint32_t mode)
{
	*e = (struct mp_vfs_entry){
		.id = NODE,
		.generation = 3,
		.entry_valid_ns = 1500000000,
		.attr_valid_ns = MP_VFS_FOREVER,
		.attr = { .ino = 99,
			  .size = 1ull << 40,
			  .mtime = { .sec = -5, .nsec = 999999999 },
			  .mode = mode,
			  .nlink = 2,
			  .rdev_major = mode >> 12 == 6 ? 300 : 0,
			  .rdev_minor = mode >> 12 == 6 ? 70000 : 0,
			  .blksize = PAGE },
	};
	w.lookups++;
	return 0;
}

/* Answers everything that gives an entry or a handle. */
static int
give(struct mp_msg *m)
{
	struct mp_vfs_create *create = (void *)m;
	struct mp_vfs_open *open = (void *)m;

	switch (m->op) {
	case MP_VFS_LOOKUP:
		return fill(&((struct mp_vfs_lookup *)(void *)m)->out.entry,
			    MP_S_IFBLK | 0644);
	case MP_VFS_MKNOD:
		return fill(&((struct mp_vfs_mknod *)(void *)m)->out.entry,
			    MP_S_IFREG);
	case MP_VFS_MKDIR:
		return fill(&((struct mp_vfs_mkdir *)(void *)m)->out.entry,
			    MP_S_IFDIR);
	case MP_VFS_SYMLINK:
		return fill(&((struct mp_vfs_symlink *)(void *)m)->out.entry,
			    MP_S_IFLNK);
	case MP_VFS_LINK:
		return fill(&((struct mp_vfs_link *)(void *)m)->out.entry,
			    MP_S_IFREG);
	case MP_VFS_CREATE:
		create->out.fh = 5;
		create->out.flags = 0;
		return fill(&create->out.entry, MP_S_IFREG);
	case MP_VFS_OPEN:
	case MP_VFS_OPENDIR:
		open->out.fh = 5;
		open->out.flags = MP_VFS_OPEN_KEEP_CACHE;
		return 0;
	default:
		return -ENOSYS;
	}
}

TEST(errors_of_the_library_are_the_systems)
{
	static const int code[][2] = {
		{ -ECANCELED, EINTR }, { -EPIPE, ENOTCONN },
		{ -ETIME, ETIMEDOUT }, { -EAGAIN, EIO },
		{ -EOWNERDEAD, EIO },  { -EPROTO, EIO },
		{ -EDEADLK, EIO },     { -EBUSY, EIO },
		{ -ENOENT, ENOENT },   { -ETIMEDOUT, ETIMEDOUT },
		{ -ESTALE, ESTALE },   { 1, EIO },
		{ INT32_MAX, EIO },    { -4096, EIO },
		{ -INT32_MAX, EIO },
	};

	begin();
	for (size_t i = 0; i < sizeof(code) / sizeof(code[0]); i++) {
		w.code = code[i][0];
		CHECK_EQ(lookup(), -code[i][1]);
	}
	mp_port_close(&w.port);
	CHECK_EQ(lookup(), -ENOTCONN);
	end();
}

TEST(an_entry_is_passed_on_whole)
{
	struct fuse_entry_out *e = (void *)w.reply;

	begin();
	w.answer = give;
	CHECK_EQ(lookup(), 0);
	CHECK_EQ(w.lookups, 1);
	CHECK_EQ(w.len, sizeof(*e));
	CHECK_EQ(e->nodeid, NODE);
	CHECK_EQ(e->generation, 3);
	CHECK_EQ(e->entry_valid, 1);
	CHECK_EQ(e->entry_valid_nsec, 500000000);
	CHECK(e->attr_valid > 1000000000);
	CHECK_EQ(e->attr.ino, 99);
	CHECK_EQ(e->attr.size, 1ull << 40);
	CHECK_EQ((int64_t)e->attr.mtime, -5);
	CHECK_EQ(e->attr.mtimensec, 999999999);
	CHECK_EQ(e->attr.mode, MP_S_IFBLK | 0644);
	CHECK_EQ(e->attr.nlink, 2);
	CHECK_EQ(e->attr.rdev,
		 (70000u & 0xff) | 300u << 8 | (70000u & ~0xffu) << 12);
	end();
}

TEST(an_undelivered_entry_is_given_back)
{
	struct fuse_mknod_in mknod = { .mode = S_IFREG };
	struct fuse_mkdir_in mkdir = { .mode = 0755 };
	struct fuse_link_in link = { .oldnodeid = NODE };

	begin();
	w.answer = give;
	w.deaf = true;
	(void)lookup();
	CHECK_EQ(w.last, MP_VFS_FORGET);
	(void)ask(FUSE_MKNOD, &mknod, sizeof(mknod), "name");
	(void)ask(FUSE_MKDIR, &mkdir, sizeof(mkdir), "name");
	(void)ask(FUSE_LINK, &link, sizeof(link), "name");
	(void)ask(FUSE_SYMLINK, "name", 5, "target");
	CHECK_EQ(w.forgets, 5);
	CHECK_EQ(w.lookups, 0);
	end();
}

TEST(an_undelivered_handle_is_given_back)
{
	struct fuse_create_in create = { .flags = O_RDWR, .mode = 0644 };
	struct fuse_open_in open = { .flags = O_RDONLY };

	begin();
	w.answer = give;
	w.deaf = true;
	(void)ask(FUSE_OPEN, &open, sizeof(open), NULL);
	CHECK_EQ(w.last, MP_VFS_RELEASE);
	(void)ask(FUSE_OPENDIR, &open, sizeof(open), NULL);
	CHECK_EQ(w.last, MP_VFS_RELEASEDIR);
	(void)ask(FUSE_CREATE, &create, sizeof(create), "name");
	CHECK_EQ(w.releases, 3);
	CHECK_EQ(w.lookups, 0);
	end();
}

/* Three entries: one that is looked up, one that is not, the same again. */
static int
list(struct mp_msg *msg)
{
	struct mp_vfs_readdir *m = (void *)msg;
	struct mp_vfs_dirent d = { .ino = 99, .next_cookie = 1, .type = 8 };
	struct mp_vfs_entry e;

	m->out.count = 0;
	d.name_len = 1;
	fill(&e, MP_S_IFREG);
	CHECK_EQ(mp_vfs_dirent_put(m, &d, "a", &e), 0);
	d.next_cookie++;
	d.name_len = 17;
	CHECK_EQ(mp_vfs_dirent_put(m, &d, "seventeen letters", NULL), 0);
	d.next_cookie++;
	d.name_len = 8;
	fill(&e, MP_S_IFREG);
	CHECK_EQ(mp_vfs_dirent_put(m, &d, "8letters", &e), 0);
	return w.code;
}

TEST(directories_are_translated)
{
	struct fuse_read_in in = { .fh = 5, .size = PAGE };
	struct fuse_direntplus *p = (void *)w.reply;
	struct fuse_dirent *d = (void *)w.reply;

	begin();
	w.answer = list;
	CHECK_EQ(ask(FUSE_READDIRPLUS, &in, sizeof(in), NULL), 0);
	CHECK_EQ(p->entry_out.nodeid, NODE);
	CHECK_EQ(p->dirent.off, 1);
	CHECK_EQ(p->dirent.namelen, 1);
	p = (void *)((char *)p + FUSE_DIRENTPLUS_SIZE(p));
	CHECK_EQ(p->entry_out.nodeid, 0);
	CHECK_EQ(p->dirent.ino, 99);
	CHECK_EQ(p->dirent.type, 8);
	CHECK_EQ(memcmp(p->dirent.name, "seventeen letters", 17), 0);
	p = (void *)((char *)p + FUSE_DIRENTPLUS_SIZE(p));
	CHECK_EQ(p->dirent.off, 3);
	CHECK_EQ((char *)p + FUSE_DIRENTPLUS_SIZE(p) - w.reply, w.len);
	CHECK_EQ(ask(FUSE_READDIR, &in, sizeof(in), NULL), 0);
	CHECK_EQ(d->ino, 99);
	CHECK_EQ(d->namelen, 1);
	CHECK_EQ(d->name[0], 'a');
	in.size = 64;
	CHECK_EQ(ask(FUSE_READDIR, &in, sizeof(in), NULL), -EINVAL);
	end();
}

TEST(undelivered_directories_are_given_back)
{
	struct fuse_read_in in = { .fh = 5, .size = PAGE };

	begin();
	w.answer = list;
	w.deaf = true;
	(void)ask(FUSE_READDIRPLUS, &in, sizeof(in), NULL);
	CHECK_EQ(w.forgets, 2);
	CHECK_EQ(w.lookups, 0);
	end();
}

static int
broken_list(struct mp_msg *msg)
{
	struct mp_vfs_readdir *m = (void *)msg;

	list(msg);
	memset((char *)m->buf.base + (w.code != 0 ? 0 : m->out.count), 0xff,
	       64);
	m->out.count += w.code != 0 ? 0 : 64;
	return 0;
}

TEST(broken_records_are_not_passed_on)
{
	struct fuse_read_in in = { .fh = 5, .size = PAGE };

	begin();
	w.answer = broken_list;
	w.code = 1;
	CHECK_EQ(ask(FUSE_READDIRPLUS, &in, sizeof(in), NULL), -EIO);
	w.code = 0;
	CHECK_EQ(ask(FUSE_READDIR, &in, sizeof(in), NULL), 0);
	CHECK_EQ(w.len, 3 * sizeof(struct fuse_dirent) + 8 + 24 + 8);
	end();
}

/* One byte more than there was room for. */
static int
too_much(struct mp_msg *m)
{
	struct mp_vfs_read *read = (void *)m;
	struct mp_vfs_write *write = (void *)m;
	struct mp_vfs_getxattr *get = (void *)m;
	struct mp_vfs_listxattr *names = (void *)m;
	struct mp_vfs_readlink *link = (void *)m;
	struct mp_vfs_readdir *dir = (void *)m;
	struct mp_vfs_copy_file_range *copy = (void *)m;

	if (m->op == MP_VFS_READ)
		read->out.count = (uint32_t)read->buf.len + 1;
	else if (m->op == MP_VFS_WRITE)
		write->out.count = (uint32_t)write->buf.len + 1;
	else if (m->op == MP_VFS_GETXATTR)
		get->out.count = (uint32_t)get->buf.len + 1;
	else if (m->op == MP_VFS_LISTXATTR)
		names->out.count = (uint32_t)names->buf.len + 1;
	else if (m->op == MP_VFS_READLINK)
		link->out.count = (uint32_t)link->buf.len + 1;
	else if (m->op == MP_VFS_COPY_FILE_RANGE)
		copy->out.count = copy->in.length + 1;
	else
		dir->out.count = (uint32_t)dir->buf.len + 1;
	return 0;
}

TEST(more_than_fits_is_not_believed)
{
	struct fuse_read_in read = { .size = 100 };
	struct fuse_write_in write = { .size = 5 };
	struct fuse_getxattr_in get = { .size = 100 };
	struct fuse_copy_file_range_in copy = { .len = 100 };

	begin();
	w.answer = too_much;
	CHECK_EQ(ask(FUSE_READ, &read, sizeof(read), NULL), -EIO);
	read.size = 1 << 20;
	CHECK_EQ(ask(FUSE_READ, &read, sizeof(read), NULL), -EIO);
	CHECK_EQ(ask(FUSE_READDIR, &read, sizeof(read), NULL), -EIO);
	CHECK_EQ(ask(FUSE_WRITE, &write, sizeof(write), "data"), -EIO);
	CHECK_EQ(ask(FUSE_GETXATTR, &get, sizeof(get), "user.x"), -EIO);
	CHECK_EQ(ask(FUSE_LISTXATTR, &get, sizeof(get), NULL), -EIO);
	CHECK_EQ(ask(FUSE_READLINK, "", 0, NULL), -EIO);
	CHECK_EQ(ask(FUSE_COPY_FILE_RANGE, &copy, sizeof(copy), NULL), -EIO);
	end();
}

TEST(forgets_are_counted_and_batched)
{
	struct {
		struct fuse_batch_forget_in head;
		struct fuse_forget_one one[40];
	} all = { .head.count = 40 };
	struct fuse_forget_in one = { .nlookup = 1ull << 33 };

	begin();
	for (int i = 0; i < 40; i++)
		all.one[i] = (struct fuse_forget_one){ NODE, 10 };
	w.lookups = 400;
	(void)ask(FUSE_BATCH_FORGET, &all, sizeof(all), NULL);
	CHECK_EQ(w.lookups, 0);
	CHECK_EQ(w.forgets, 3);
	(void)ask(FUSE_FORGET, &one, sizeof(one), NULL);
	CHECK_EQ(w.forgets, 4);
	end();
}

TEST(long_names_never_reach_a_driver)
{
	char name[300];

	begin();
	memset(name, 'n', sizeof(name));
	name[256] = '\0';
	CHECK_EQ(ask(FUSE_LOOKUP, "", 0, name), -ENAMETOOLONG);
	CHECK_EQ(ask(FUSE_UNLINK, "", 0, name), -ENAMETOOLONG);
	CHECK_EQ(w.last, MP_VFS_ATTACH);
	name[255] = '\0';
	w.answer = give;
	CHECK_EQ(ask(FUSE_LOOKUP, "", 0, name), 0);
	end();
}
