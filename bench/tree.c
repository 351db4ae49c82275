/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* One message on the stack for each operation, filled member by member. */
#include "tree.h"
#include "bench.h"

#include <stdio.h>
#include <string.h>

extern const struct mp_driver mp_driver_vfs_mem;

static char names[TREE_MANY][16];

static void
call(struct tree *t, struct mp_msg *m, const char *what)
{
	bench_need(mp_call(&t->port, m) == 0, what);
}

static struct mp_vfs_cred
root(void)
{
	return (struct mp_vfs_cred){ .uid = 0, .gid = 0, .pid = 0, .umask = 0 };
}

static void
end(struct tree *t, uint64_t node, uint64_t fh)
{
	struct mp_vfs_release m;

	m.msg = (struct mp_msg)MP_MSG(MP_VFS_RELEASE);
	m.in.node = node;
	m.in.fh = fh;
	call(t, &m.msg, "release");
}

static void
forget(struct tree *t, uint64_t node)
{
	struct mp_vfs_forget m;

	m.msg = (struct mp_msg)MP_MSG(MP_VFS_FORGET);
	m.in.items = 1;
	m.in.reserved = 0;
	m.in.item[0].id = node;
	m.in.item[0].count = 1;
	call(t, &m.msg, "forget");
}

static uint64_t
create(struct tree *t, uint64_t dir, const char *name, uint64_t *fh)
{
	struct mp_vfs_create m;

	m.msg = (struct mp_msg)MP_MSG(MP_VFS_CREATE);
	m.in.cred = root();
	m.in.parent = dir;
	m.in.mode = 0600;
	m.in.flags = MP_O_RDWR;
	m.in.reserved = 0;
	m.in.name_len = (uint32_t)strlen(name);
	memcpy(m.in.name, name, m.in.name_len + 1u);
	call(t, &m.msg, "create");
	*fh = m.out.fh;
	return m.out.entry.id;
}

static uint64_t
mkdir(struct tree *t, const char *name, int entries)
{
	struct mp_vfs_mkdir m;
	uint64_t dir;
	uint64_t node;
	uint64_t fh;

	m.msg = (struct mp_msg)MP_MSG(MP_VFS_MKDIR);
	m.in.cred = root();
	m.in.parent = MP_VFS_ROOT;
	m.in.mode = 0700;
	m.in.name_len = (uint32_t)strlen(name);
	memcpy(m.in.name, name, m.in.name_len + 1u);
	call(t, &m.msg, "mkdir");
	dir = m.out.entry.id;
	for (int i = 0; i < entries; i++) {
		node = create(t, dir, names[i], &fh);
		end(t, node, fh);
	}
	return dir;
}

void
tree_init(struct tree *t)
{
	const struct mp_driver *d = &mp_driver_vfs_mem;
	struct mp_option_value value[MP_OPTIONS_MAX];
	static const char data[TREE_IO];
	char error[256];

	bench_need(mp_driver_options(d, "", value, error, sizeof(error)) == 0 &&
			   d->open(value, &t->vfs.fs, error, sizeof(error)) ==
				   0,
		   "no driver");
	t->vfs.ops = d->vfs;
	mp_port_init_call(&t->port, mp_vfs_handle, &t->vfs);
	t->port.flags |= MP_PORT_MAY_BLOCK;
	for (int i = 0; i < TREE_MANY; i++)
		snprintf(names[i], sizeof(names[i]), "name-%d", i);
	t->few = mkdir(t, "few", TREE_FEW);
	t->many = mkdir(t, "many", TREE_MANY);
	t->file = create(t, MP_VFS_ROOT, "file", &t->fh);
	for (uint64_t i = 0; i < TREE_FILE / TREE_IO; i++)
		tree_write(t, data, i);
}

void
tree_fini(struct tree *t)
{
	end(t, t->file, t->fh);
	mp_port_fini(&t->port);
	mp_driver_vfs_mem.close(t->vfs.fs);
}

void
tree_lookup(struct tree *t, uint64_t dir, uint64_t i)
{
	const char *name = names[i % (dir == t->few ? TREE_FEW : TREE_MANY)];
	struct mp_vfs_lookup m;

	m.msg = (struct mp_msg)MP_MSG(MP_VFS_LOOKUP);
	m.in.cred = root();
	m.in.parent = dir;
	m.in.flags = 0;
	m.in.name_len = (uint32_t)strlen(name);
	memcpy(m.in.name, name, m.in.name_len + 1u);
	call(t, &m.msg, "lookup");
}

void
tree_getattr(struct tree *t)
{
	struct mp_vfs_getattr m;

	m.msg = (struct mp_msg)MP_MSG(MP_VFS_GETATTR);
	m.in.node = t->file;
	m.in.fh = t->fh;
	m.in.flags = MP_VFS_GETATTR_FH;
	m.in.reserved = 0;
	call(t, &m.msg, "getattr");
}

void
tree_read(struct tree *t, void *to, uint64_t i)
{
	struct mp_vfs_read m;

	m.msg = (struct mp_msg)MP_MSG(MP_VFS_READ);
	m.in.node = t->file;
	m.in.fh = t->fh;
	m.in.offset = i * TREE_IO % TREE_FILE;
	m.buf = (struct mp_buf){ to, TREE_IO, MP_BUF_OUT, 0 };
	call(t, &m.msg, "read");
}

void
tree_write(struct tree *t, const void *from, uint64_t i)
{
	struct mp_vfs_write m;

	m.msg = (struct mp_msg)MP_MSG(MP_VFS_WRITE);
	m.in.node = t->file;
	m.in.fh = t->fh;
	m.in.offset = i * TREE_IO % TREE_FILE;
	m.in.flags = 0;
	m.in.reserved = 0;
	m.buf = (struct mp_buf){ (void *)(uintptr_t)from, TREE_IO, MP_BUF_IN,
				 0 };
	call(t, &m.msg, "write");
}

void
tree_create(struct tree *t)
{
	struct mp_vfs_unlink m;
	uint64_t fh;
	uint64_t node = create(t, MP_VFS_ROOT, "name", &fh);

	end(t, node, fh);
	m.msg = (struct mp_msg)MP_MSG(MP_VFS_UNLINK);
	m.in.cred = root();
	m.in.parent = MP_VFS_ROOT;
	m.in.reserved = 0;
	m.in.name_len = 4;
	memcpy(m.in.name, "name", sizeof("name"));
	call(t, &m.msg, "unlink");
	forget(t, node);
}
