/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The way through a port, second half: names, xattrs, directories. */
#include "posix_port.h"
#include "t.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DIR_BUF 4096

/* Sends a message that names a place, and forgets what it answers. */
#define AT(path, id)                  \
	struct port_name n;           \
	int code = px_walk(path, &n); \
	if (code)                     \
		return code;          \
	NAME(n);                      \
	code = SEND();                \
	px_forget(n.dir);             \
	if (!code && (id))            \
		px_forget(id);        \
	return code

int
px_port_mkdir(const char *path, uint32_t mode)
{
	M(mkdir, MKDIR, .cred = px_c.cred, .mode = mode);
	AT(path, m.out.entry.id);
}

int
px_port_mknod(const char *path, uint32_t mode, uint32_t major, uint32_t minor)
{
	M(mknod, MKNOD, .cred = px_c.cred, .mode = mode, .rdev_major = major,
	  .rdev_minor = minor);
	AT(path, m.out.entry.id);
}

int
px_port_symlink(const char *target, const char *path)
{
	M(symlink, SYMLINK, .cred = px_c.cred);

	m.buf = (struct mp_buf){ (void *)(uintptr_t)target, strlen(target),
				 MP_BUF_IN, 0 };
	AT(path, m.out.entry.id);
}

int
px_port_unlink(const char *path)
{
	M(unlink, UNLINK, .cred = px_c.cred);
	AT(path, 0);
}

int
px_port_rmdir(const char *path)
{
	M(unlink, RMDIR, .cred = px_c.cred);
	AT(path, 0);
}

static int
link_to(uint64_t node, const char *path)
{
	M(link, LINK, .cred = px_c.cred, .node = node);
	AT(path, m.out.entry.id);
}

int
px_port_link(const char *old, const char *path)
{
	uint64_t node;
	int code = px_find(old, &node);

	if (code)
		return code;
	code = link_to(node, path);
	px_forget(node);
	return code;
}

int
px_port_readlink(const char *path, char *to, uint32_t size)
{
	char target[MP_VFS_TARGET_MAX];
	M(readlink, READLINK, .node = 0);
	int code = px_find(path, &m.in.node);

	if (code)
		return code;
	m.buf = (struct mp_buf){ target, sizeof(target), MP_BUF_OUT, 0 };
	code = SEND();
	px_forget(m.in.node);
	if (code)
		return code;
	if (size > m.out.count)
		size = m.out.count;
	memcpy(to, target, size);
	return (int)size;
}

int
px_port_rename(const char *old, const char *path, uint32_t flags)
{
	M(rename, RENAME, .cred = px_c.cred, .flags = flags);
	struct port_name n, o;
	int code = px_walk(old, &o);

	if (code)
		return code;
	code = px_walk(path, &n);
	if (!code) {
		m.in.parent = o.dir;
		m.in.name_len = o.len;
		memcpy(m.in.name, o.name, o.len);
		m.in.new_parent = n.dir;
		m.in.new_name_len = n.len;
		memcpy(m.in.new_name, n.name, n.len);
		code = SEND();
		px_forget(n.dir);
	}
	px_forget(o.dir);
	return code;
}

/* The same for the messages that name an xattr of a node. */
#define XATTR(path, attr)                               \
	int code = px_find(path, &m.in.node);           \
	if (code)                                       \
		return code;                            \
	m.in.name_len = (uint32_t)strlen(attr);         \
	if (m.in.name_len <= MP_VFS_NAME_MAX) {         \
		memcpy(m.in.name, attr, m.in.name_len); \
		code = SEND();                          \
	} else {                                        \
		code = -ERANGE;                         \
	}                                               \
	px_forget(m.in.node)

int
px_port_setxattr(const char *path, const char *name, const void *value,
		 uint32_t len, int flags)
{
	M(setxattr, SETXATTR, .cred = px_c.cred, .flags = (uint32_t)flags);

	m.buf = (struct mp_buf){ (void *)(uintptr_t)value, len, MP_BUF_IN, 0 };
	XATTR(path, name);
	return code;
}

int
px_port_getxattr(const char *path, const char *name, void *value, uint32_t len)
{
	M(getxattr, GETXATTR, .cred = px_c.cred);

	m.buf = (struct mp_buf){ value, len, MP_BUF_OUT, 0 };
	XATTR(path, name);
	return code ? code : (int)m.out.count;
}

int
px_port_removexattr(const char *path, const char *name)
{
	M(removexattr, REMOVEXATTR, .cred = px_c.cred);
	XATTR(path, name);
	return code;
}

int
px_port_listxattr(const char *path, char *list, uint32_t len)
{
	M(listxattr, LISTXATTR, .cred = px_c.cred);
	int code = px_find(path, &m.in.node);

	if (code)
		return code;
	m.buf = (struct mp_buf){ list, len, MP_BUF_OUT, 0 };
	code = SEND();
	px_forget(m.in.node);
	return code ? code : (int)m.out.count;
}

int
px_port_opendir(const char *path)
{
	M(open, OPENDIR, .cred = px_c.cred);
	int fd, code = px_find(path, &m.in.node);

	if (code)
		return code;
	code = SEND();
	if (code) {
		px_forget(m.in.node);
		return code;
	}
	fd = px_file_new(m.in.node, m.out.fh);
	px_c.file[fd].buf = calloc(1, DIR_BUF);
	CHECK(px_c.file[fd].buf);
	return fd;
}

/* A few entries at a time, so that every test crosses from one to the next. */
int
px_port_readdir(int dir, struct px_entry *e)
{
	struct port_file *f = &px_c.file[dir];
	struct mp_vfs_readdir *m = &f->m;
	struct mp_vfs_record r;
	uint64_t cookie = m->in.cookie;
	int code;

	if (f->at == m->out.count) {
		*m = (struct mp_vfs_readdir){ .msg = MP_MSG(MP_VFS_READDIR) };
		m->in.node = f->node;
		m->in.fh = f->fh;
		m->in.cookie = cookie;
		m->buf = (struct mp_buf){ f->buf, MP_VFS_RECORD_MAX, MP_BUF_OUT,
					  0 };
		f->at = 0;
		code = mp_call(&px_c.port, &m->msg);
		if (code)
			return code;
	}
	code = mp_vfs_dirent_get(m, &f->at, &r);
	CHECK(code >= 0);
	if (!code)
		return 0;
	m->in.cookie = r.dirent.next_cookie;
	e->ino = r.dirent.ino;
	e->cookie = (int64_t)r.dirent.next_cookie;
	e->type = r.dirent.type;
	memcpy(e->name, r.name, r.dirent.name_len);
	e->name[r.dirent.name_len] = 0;
	return 1;
}

int
px_port_seekdir(int dir, int64_t cookie)
{
	struct port_file *f = &px_c.file[dir];

	f->m.in.cookie = (uint64_t)cookie;
	f->m.out.count = f->at = 0;
	return 0;
}

int
px_port_closedir(int dir)
{
	return px_file_done(&px_c.file[dir], MP_VFS_RELEASEDIR);
}
