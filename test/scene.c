/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A scene: no block is left, for a user or for the whole file system, where a
 * directory is about to need one more for its next name.
 *
 * The first block of a directory's names and attributes is free of charge, so
 * an attribute takes most of it.
 */
#include "script.h"

#include <string.h>

#define BLOCK 4096u
#define SIZE_MAX_BYTES (16u << 20) /* no file system of a script is larger */
#define OTHER 7u		   /* a user who has room */

struct scene {
	struct script *s;
	uint32_t uid;
	uint64_t dir, full, other; /* nodes; 0: there is none */
	uint64_t full_fh, other_fh, size;
	char name[MP_VFS_NAME_MAX + 1]; /* too long for what is left */
};

static struct mp_vfs_cred
cred(uint32_t uid)
{
	return (struct mp_vfs_cred){ .uid = uid, .gid = uid };
}

static uint64_t
make_dir(struct script *s, uint32_t uid)
{
	script_begin(s, MP_VFS_MKDIR);
	s->m.mkdir.in.cred = cred(uid);
	s->m.mkdir.in.parent = MP_VFS_ROOT;
	s->m.mkdir.in.mode = 0755;
	script_name(&s->m.mkdir.in.name_len, s->m.mkdir.in.name, "tight");
	return script_send(s) == 0 ? s->m.mkdir.out.entry.id : 0;
}

/* A file of the root directory, opened to be written. */
static uint64_t
make_file(struct script *s, uint32_t uid, const char *name, uint64_t *fh)
{
	script_begin(s, MP_VFS_CREATE);
	s->m.create.in.cred = cred(uid);
	s->m.create.in.parent = MP_VFS_ROOT;
	s->m.create.in.mode = 0644;
	s->m.create.in.flags = MP_O_RDWR;
	script_name(&s->m.create.in.name_len, s->m.create.in.name, name);
	if (script_send(s) != 0)
		return 0;
	*fh = s->m.create.out.fh;
	return s->m.create.out.entry.id;
}

static void
set_value(struct scene *c, const char *name, uint64_t len)
{
	struct mp_vfs_setxattr *m = &c->s->m.setxattr;

	script_begin(c->s, MP_VFS_SETXATTR);
	m->in.node = c->dir;
	script_name(&m->in.name_len, m->in.name, name);
	memset(c->s->room, 'v', len);
	m->buf = (struct mp_buf){ c->s->room, len, MP_BUF_IN, 0 };
	(void)script_send(c->s);
}

static void
write_one(struct script *s, uint64_t node, uint64_t fh, uint64_t offset)
{
	memset(s->room, 'w', 1);
	script_begin(s, MP_VFS_WRITE);
	s->m.write.in.node = node;
	s->m.write.in.fh = fh;
	s->m.write.in.offset = offset;
	s->m.write.buf = (struct mp_buf){ s->room, 1, MP_BUF_IN, 0 };
	(void)script_send(s);
}

static int
extend(struct scene *c, uint64_t bytes)
{
	struct mp_vfs_fallocate *m = &c->s->m.fallocate;

	script_begin(c->s, MP_VFS_FALLOCATE);
	m->in.node = c->full;
	m->in.fh = c->full_fh;
	m->in.offset = c->size;
	m->in.length = bytes;
	return script_send(c->s);
}

/* Halves until not even one block is left. */
static void
take_all(struct scene *c)
{
	uint64_t bytes = SIZE_MAX_BYTES;

	while (bytes >= BLOCK) {
		if (extend(c, bytes) == 0)
			c->size += bytes;
		else
			bytes /= 2;
	}
}

static void
begin(struct scene *c)
{
	struct script *s = c->s;

	memset(c->name, 'n', sizeof(c->name) - 1);
	c->dir = make_dir(s, c->uid);
	c->full = make_file(s, c->uid, "full", &c->full_fh);
	c->other = make_file(s, OTHER, "other", &c->other_fh);
	if (c->other != 0)
		write_one(s, c->other, c->other_fh, 0);
	set_value(c, "user.most", BLOCK - 200);
}

#define NAMED(type)                                                    \
	do {                                                           \
		script_begin(s, op);                                   \
		s->m.type.in.cred = cred(c->uid);                      \
		s->m.type.in.parent = c->dir;                          \
		script_name(&s->m.type.in.name_len, s->m.type.in.name, \
			    c->name);                                  \
	} while (0)

static void
try_names(struct scene *c)
{
	struct script *s = c->s;
	uint32_t op = MP_VFS_MKNOD;

	NAMED(mknod);
	s->m.mknod.in.mode = MP_S_IFREG;
	(void)script_send(s);
	op = MP_VFS_MKDIR;
	NAMED(mkdir);
	(void)script_send(s);
	op = MP_VFS_CREATE;
	NAMED(create);
	(void)script_send(s);
	op = MP_VFS_SYMLINK;
	NAMED(symlink);
	s->m.symlink.buf = (struct mp_buf){ c->name, 9, MP_BUF_IN, 0 };
	(void)script_send(s);
	op = MP_VFS_LINK;
	NAMED(link);
	s->m.link.in.node = c->full;
	(void)script_send(s);
	script_begin(s, MP_VFS_RENAME);
	s->m.rename.in.parent = MP_VFS_ROOT;
	s->m.rename.in.new_parent = c->dir;
	script_name(&s->m.rename.in.name_len, s->m.rename.in.name, "full");
	script_name(&s->m.rename.in.new_name_len, s->m.rename.in.new_name,
		    c->name);
	(void)script_send(s);
	set_value(c, "user.more", 400);
}

static void
try_data(struct scene *c)
{
	struct script *s = c->s;
	struct mp_vfs_copy_file_range *m = &s->m.copy_file_range;

	write_one(s, c->full, c->full_fh, c->size);
	script_begin(s, MP_VFS_COPY_FILE_RANGE);
	m->in.node = c->other;
	m->in.fh = c->other_fh;
	m->in.to_node = c->full;
	m->in.to_fh = c->full_fh;
	m->in.to_offset = c->size;
	m->in.length = 1;
	(void)script_send(s);
	script_begin(s, MP_VFS_SETATTR);
	s->m.setattr.in.node = c->other;
	s->m.setattr.in.valid = MP_VFS_SET_UID;
	s->m.setattr.in.uid = c->uid;
	(void)script_send(s);
}

static void
end_name(struct script *s, uint32_t op, uint64_t dir, const char *name)
{
	script_begin(s, op);
	s->m.unlink.in.parent = dir;
	script_name(&s->m.unlink.in.name_len, s->m.unlink.in.name, name);
	(void)script_send(s);
}

static void
end_file(struct script *s, uint64_t node, uint64_t fh)
{
	if (node == 0)
		return;
	script_begin(s, MP_VFS_RELEASE);
	s->m.release.in.node = node;
	s->m.release.in.fh = fh;
	(void)script_send(s);
	script_forget(s, node, 1);
}

void
scene_room(struct script *s, uint32_t uid)
{
	struct scene c = { .s = s, .uid = uid };

	begin(&c);
	if (c.dir != 0 && c.full != 0) {
		take_all(&c);
		try_names(&c);
		try_data(&c);
	}
	end_name(s, MP_VFS_UNLINK, MP_VFS_ROOT, "full");
	end_name(s, MP_VFS_UNLINK, MP_VFS_ROOT, "other");
	if (c.dir != 0) {
		end_name(s, MP_VFS_UNLINK, c.dir, c.name);
		end_name(s, MP_VFS_RMDIR, c.dir, c.name);
		end_name(s, MP_VFS_RMDIR, MP_VFS_ROOT, "tight");
		script_forget(s, c.dir, 1);
	}
	end_file(s, c.full, c.full_fh);
	end_file(s, c.other, c.other_fh);
}
