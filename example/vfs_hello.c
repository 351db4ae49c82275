/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A directory with one file, read only.  Open files have no state here. */
#include <msgport/driver.h>

#define HELLO 2u /* the file's node; the directory's is MP_VFS_ROOT */

static const char text[] = "hello, world\n";
static const uint64_t size = sizeof(text) - 1;

static int
fill(uint64_t node, struct mp_vfs_attr *a)
{
	*a = (struct mp_vfs_attr){ .ino = node, .nlink = 1, .blksize = 512 };
	a->mode = node == HELLO ? MP_S_IFREG | 0444 : MP_S_IFDIR | 0555;
	a->size = node == HELLO ? size : 0;
	return node <= HELLO ? 0 : -ESTALE;
}

static int
hello_lookup(void *fs, struct mp_vfs_lookup *m)
{
	(void)fs;
	m->out.entry.id = HELLO;
	if (m->in.parent != MP_VFS_ROOT || strcmp(m->in.name, "hello") != 0)
		return -ENOENT;
	return fill(HELLO, &m->out.entry.attr);
}

static int
hello_getattr(void *fs, struct mp_vfs_getattr *m)
{
	(void)fs;
	return fill(m->in.node, &m->out.attr);
}

static int
hello_read(void *fs, struct mp_vfs_read *m)
{
	uint64_t at = m->in.offset < size ? m->in.offset : size;
	uint64_t n = m->buf.len < size - at ? m->buf.len : size - at;

	(void)fs;
	if (n != 0)
		memcpy(m->buf.base, text + at, n);
	m->out.count = (uint32_t)n;
	return m->in.node == HELLO ? 0 : -EISDIR;
}

static int
hello_readdir(void *fs, struct mp_vfs_readdir *m)
{
	struct mp_vfs_dirent d = { .ino = HELLO, .next_cookie = 1 };

	(void)fs;
	d.name_len = 5;
	return m->in.cookie == 0 ? mp_vfs_dirent_put(m, &d, "hello", NULL) : 0;
}

static const struct mp_vfs_ops ops = {
	.lookup = hello_lookup,
	.getattr = hello_getattr,
	.read = hello_read,
	.readdir = hello_readdir,
};

MP_DRIVER(vfs_hello) = {
	MP_DRIVER_STAMP,
	.name = "vfs_hello",
	.summary = "one file, read only",
	.iface = &mp_vfs_iface,
	.vfs = &ops,
};
