/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The way to a file system through its port: vfs_mem behind a call port, one
 * message for each call.  A path is looked up name by name and forgotten again;
 * what an open file has looked up is forgotten at its close.
 */
#include "posix_port.h"
#include "t.h"

#include <msgport/kit.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define TICK 1000000000u
#define SLOTS 4

extern const struct mp_driver mp_driver_vfs_mem;

struct port_client px_c;
uint32_t px_port_parity;

void
px_forget(uint64_t node)
{
	M(forget, FORGET, .items = 1);

	if (node == MP_VFS_ROOT)
		return;
	m.in.item[0].id = node;
	m.in.item[0].count = 1;
	CHECK_EQ(SEND(), 0);
}

static int
lookup(const struct port_name *n, uint64_t *node)
{
	M(lookup, LOOKUP, .cred = px_c.cred, .parent = n->dir,
	  .name_len = n->len);
	int code;

	if (n->len > MP_VFS_NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(m.in.name, n->name, n->len);
	code = SEND();
	if (!code)
		*node = m.out.entry.id;
	return code;
}

/* The directory of the last name of the path. */
int
px_walk(const char *path, struct port_name *n)
{
	uint64_t node;
	int code;

	n->dir = MP_VFS_ROOT;
	for (;;) {
		n->name = path;
		n->len = (uint32_t)strcspn(path, "/");
		path += n->len;
		if (!*path++)
			break;
		code = lookup(n, &node);
		px_forget(n->dir);
		if (code)
			return code;
		n->dir = node;
	}
	if (n->len <= MP_VFS_NAME_MAX)
		return 0;
	px_forget(n->dir);
	return -ENAMETOOLONG;
}

int
px_find(const char *path, uint64_t *node)
{
	struct port_name n;
	int code;

	if (!strcmp(path, ".")) {
		*node = MP_VFS_ROOT;
		return 0;
	}
	code = px_walk(path, &n);
	if (code)
		return code;
	code = lookup(&n, node);
	px_forget(n.dir);
	return code;
}

/* As if the driver were far away; slots for what one thread has in flight. */
static void
parity_begin(void)
{
	struct mp_parity_conf conf = { .modes = px_port_parity,
				       .slots = SLOTS };

	px_c.port.iface = &mp_vfs_iface;
	px_c.slots = calloc(1, mp_parity_size(&mp_vfs_iface, SLOTS));
	CHECK(px_c.slots);
	conf.memory = px_c.slots;
	CHECK_EQ(mp_parity_start(&px_c.parity, &px_c.port, &conf), 0);
}

static void
port_begin(const char *options, bool through)
{
	struct mp_option_value value[MP_OPTIONS_MAX];
	char error[256] = "";

	(void)through;
	CHECK_EQ(mp_driver_options(&mp_driver_vfs_mem, options, value, error,
				   sizeof(error)),
		 0);
	CHECK_EQ(mp_driver_vfs_mem.open(value, &px_c.fs, error, sizeof(error)),
		 0);
	px_c.vfs = (struct mp_vfs){ mp_driver_vfs_mem.vfs, px_c.fs };
	mp_port_init_call(&px_c.port, mp_vfs_handle, &px_c.vfs);
	px_c.port.flags = MP_PORT_MAY_BLOCK;
	if (px_port_parity)
		parity_begin();
	memset(&px_c.cred, 0, sizeof(px_c.cred));
	mp_clock_step(TICK);
}

static void
port_end(void)
{
	int i;

	for (i = 0; i < PORT_FILES; i++)
		CHECK_EQ(px_c.file[i].node, 0);
	CHECK_EQ(mp_lock_count(), 0);
	if (px_port_parity)
		mp_parity_stop(&px_c.parity);
	mp_port_fini(&px_c.port);
	free(px_c.slots);
	mp_driver_vfs_mem.close(px_c.fs);
	CHECK_EQ(mp_mem_live(), 0);
}

static void
port_tick(void)
{
	mp_clock_step(TICK);
}

static void
port_who(uint32_t uid, uint32_t gid)
{
	px_c.cred.uid = uid;
	px_c.cred.gid = gid;
}

static void
port_umask(uint32_t mask)
{
	px_c.cred.umask = mask;
}

int
px_file_new(uint64_t node, uint64_t fh)
{
	int fd = 0;

	while (px_c.file[fd].node)
		CHECK(++fd < PORT_FILES);
	memset(&px_c.file[fd], 0, sizeof(px_c.file[fd]));
	px_c.file[fd].node = node;
	px_c.file[fd].fh = fh;
	return fd;
}

static int
create(const char *path, int flags, uint32_t mode)
{
	M(create, CREATE, .cred = px_c.cred, .mode = mode,
	  .flags = (uint32_t)flags & MP_O_ALL);
	struct port_name n;
	int code;

	code = px_walk(path, &n);
	if (code)
		return code;
	NAME(n);
	code = SEND();
	px_forget(n.dir);
	return code ? code : px_file_new(m.out.entry.id, m.out.fh);
}

static int
port_open(const char *path, int flags, uint32_t mode)
{
	M(open, OPEN, .cred = px_c.cred,
	  .flags = (uint32_t)flags & MP_O_ALL & ~MP_O_EXCL);
	int code;

	if (flags & O_CREAT)
		return create(path, flags, mode);
	code = px_find(path, &m.in.node);
	if (code)
		return code;
	code = SEND();
	if (code) {
		px_forget(m.in.node);
		return code;
	}
	return px_file_new(m.in.node, m.out.fh);
}

int
px_file_done(struct port_file *f, uint32_t op)
{
	M(release, RELEASE, .node = f->node, .fh = f->fh);
	int code;

	m.msg.op = op;
	code = SEND();
	px_forget(f->node);
	free(f->buf);
	f->buf = NULL;
	f->node = 0;
	return code;
}

static int
port_close(int fd)
{
	return px_file_done(&px_c.file[fd], MP_VFS_RELEASE);
}

static int64_t
port_read(int fd, void *to, uint64_t len, uint64_t offset)
{
	M(read, READ, .node = px_c.file[fd].node, .fh = px_c.file[fd].fh,
	  .offset = offset);
	int code;

	m.buf = (struct mp_buf){ to, len, MP_BUF_OUT, 0 };
	code = SEND();
	return code ? code : (int64_t)m.out.count;
}

static int64_t
port_write(int fd, const void *from, uint64_t len, uint64_t offset)
{
	M(write, WRITE, .node = px_c.file[fd].node, .fh = px_c.file[fd].fh,
	  .offset = offset);
	int code;

	if (px_c.cred.uid)
		m.in.flags = MP_VFS_WRITE_KILL_SUIDGID;
	m.buf = (struct mp_buf){ (void *)(uintptr_t)from, len, MP_BUF_IN, 0 };
	code = SEND();
	return code ? code : (int64_t)m.out.count;
}

static int
set(const char *path, struct mp_vfs_setattr *m)
{
	int code = px_find(path, &m->in.node);

	if (code)
		return code;
	m->in.cred = px_c.cred;
	code = mp_call(&px_c.port, &m->msg);
	px_forget(m->in.node);
	return code;
}

static int
port_truncate(const char *path, uint64_t size)
{
	M(setattr, SETATTR, .valid = MP_VFS_SET_SIZE, .size = size);

	return set(path, &m);
}

static int
port_ftruncate(int fd, uint64_t size)
{
	M(setattr, SETATTR, .cred = px_c.cred, .node = px_c.file[fd].node,
	  .fh = px_c.file[fd].fh, .size = size,
	  .valid = MP_VFS_SET_SIZE | MP_VFS_SET_FH | MP_VFS_SET_MTIME_NOW);

	return SEND();
}

static int
port_fallocate(int fd, int mode, uint64_t offset, uint64_t len)
{
	M(fallocate, FALLOCATE, .node = px_c.file[fd].node,
	  .fh = px_c.file[fd].fh, .offset = offset, .length = len,
	  .mode = (uint32_t)mode);

	return SEND();
}

static int64_t
port_lseek(int fd, uint64_t offset, int whence)
{
	M(lseek, LSEEK, .node = px_c.file[fd].node, .fh = px_c.file[fd].fh,
	  .offset = offset, .whence = (uint32_t)whence);
	int code = SEND();

	return code ? code : (int64_t)m.out.offset;
}

static int64_t
port_copy(const int *fd, const uint64_t *off, uint64_t len)
{
	const struct port_file *from = &px_c.file[fd[0]],
			       *to = &px_c.file[fd[1]];
	M(copy_file_range, COPY_FILE_RANGE, .node = from->node, .fh = from->fh,
	  .offset = off[0], .to_node = to->node, .to_fh = to->fh,
	  .to_offset = off[1], .length = len);
	int code = SEND();

	return code ? code : (int64_t)m.out.count;
}

static int
port_fsync(int fd)
{
	M(fsync, FSYNC, .node = px_c.file[fd].node, .fh = px_c.file[fd].fh);

	return SEND();
}

static struct px_time
time_of(struct mp_vfs_time t)
{
	return (struct px_time){ t.sec, t.nsec };
}

static int
attr_get(uint64_t node, struct px_stat *st)
{
	M(getattr, GETATTR, .node = node);
	int code = SEND();

	if (code)
		return code;
	*st = (struct px_stat){ .ino = m.out.attr.ino,
				.size = m.out.attr.size,
				.blocks = m.out.attr.blocks,
				.mode = m.out.attr.mode,
				.nlink = m.out.attr.nlink,
				.uid = m.out.attr.uid,
				.gid = m.out.attr.gid,
				.major = m.out.attr.rdev_major,
				.minor = m.out.attr.rdev_minor,
				.atime = time_of(m.out.attr.atime),
				.mtime = time_of(m.out.attr.mtime),
				.ctime = time_of(m.out.attr.ctime),
				.btime = time_of(m.out.attr.btime) };
	return 0;
}

static int
port_fstat(int fd, struct px_stat *st)
{
	return attr_get(px_c.file[fd].node, st);
}

static int
port_stat(const char *path, struct px_stat *st)
{
	uint64_t node;
	int code = px_find(path, &node);

	if (code)
		return code;
	code = attr_get(node, st);
	px_forget(node);
	return code;
}

static int
port_chmod(const char *path, uint32_t mode)
{
	M(setattr, SETATTR, .valid = MP_VFS_SET_MODE, .mode = mode);

	return set(path, &m);
}

static int
port_chown(const char *path, uint32_t uid, uint32_t gid)
{
	M(setattr, SETATTR, .uid = uid, .gid = gid,
	  .valid = MP_VFS_SET_KILL_SUIDGID);

	if (uid != UINT32_MAX)
		m.in.valid |= MP_VFS_SET_UID;
	if (gid != UINT32_MAX)
		m.in.valid |= MP_VFS_SET_GID;
	return set(path, &m);
}

static int
port_utimens(const char *path, const struct px_time *at,
	     const struct px_time *mt)
{
	M(setattr, SETATTR, .valid = 0);

	if (at->nsec == PX_NOW) {
		m.in.valid |= MP_VFS_SET_ATIME_NOW;
	} else if (at->nsec != PX_OMIT) {
		m.in.valid |= MP_VFS_SET_ATIME;
		m.in.atime = (struct mp_vfs_time){ at->sec, at->nsec, 0 };
	}
	if (mt->nsec == PX_NOW) {
		m.in.valid |= MP_VFS_SET_MTIME_NOW;
	} else if (mt->nsec != PX_OMIT) {
		m.in.valid |= MP_VFS_SET_MTIME;
		m.in.mtime = (struct mp_vfs_time){ mt->sec, mt->nsec, 0 };
	}
	return set(path, &m);
}

static int
port_statfs(struct px_statfs *st)
{
	M(statfs, STATFS, .node = MP_VFS_ROOT);
	int code = SEND();

	st->blocks = m.out.info.blocks;
	st->bfree = m.out.info.bfree;
	st->files = m.out.info.files;
	st->ffree = m.out.info.ffree;
	return code;
}

const struct px px_port = {
	.name = "port",
	.begin = port_begin,
	.end = port_end,
	.tick = port_tick,
	.who = port_who,
	.umask = port_umask,
	.open = port_open,
	.close = port_close,
	.read = port_read,
	.write = port_write,
	.truncate = port_truncate,
	.ftruncate = port_ftruncate,
	.fallocate = port_fallocate,
	.lseek = port_lseek,
	.copy = port_copy,
	.fsync = port_fsync,
	.stat = port_stat,
	.fstat = port_fstat,
	.chmod = port_chmod,
	.chown = port_chown,
	.utimens = port_utimens,
	.statfs = port_statfs,
	.mkdir = px_port_mkdir,
	.rmdir = px_port_rmdir,
	.unlink = px_port_unlink,
	.link = px_port_link,
	.symlink = px_port_symlink,
	.readlink = px_port_readlink,
	.mknod = px_port_mknod,
	.rename = px_port_rename,
	.setxattr = px_port_setxattr,
	.getxattr = px_port_getxattr,
	.listxattr = px_port_listxattr,
	.removexattr = px_port_removexattr,
	.opendir = px_port_opendir,
	.readdir = px_port_readdir,
	.seekdir = px_port_seekdir,
	.closedir = px_port_closedir,
};
