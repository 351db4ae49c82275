/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Names: found, made, linked, removed.
 *
 * An operation holds its directory's rw and, for moments, the spin of one node.
 * What an entry names cannot go while the directory is locked.
 */
#include "mem.h"

int
mem_dir_wrlock(struct mem_fs *fs, uint64_t id, struct mem_node **out)
{
	int error = mem_wrlock(fs, id, out);

	if (!error && !mem_is(*out, MP_S_IFDIR)) {
		mp_rw_wrunlock(&(*out)->rw);
		error = -ENOTDIR;
	}
	return error;
}

static void
entry_get(const struct mem_fs *fs, struct mem_node *n,
	  struct mp_vfs_entry *entry)
{
	mp_spin_lock(&n->spin);
	n->lookups++;
	mem_entry_fill(fs, n, entry);
	mp_spin_unlock(&n->spin);
}

static bool
is_dots(const struct mp_vfs_lookup *m)
{
	return m->in.name[0] == '.' &&
	       (m->in.name_len == 1 ||
		(m->in.name_len == 2 && m->in.name[1] == '.'));
}

/*
 * "." and "..", for those who take file handles apart.  The parent is there as
 * long as the directory is, which may end meanwhile: it is found by its id.
 */
static int
lookup_dots(struct mem_fs *fs, struct mem_node *dir, struct mp_vfs_lookup *m)
{
	struct mem_node *n = dir;
	uint64_t id;
	int error;

	mp_spin_lock(&dir->spin);
	if (m->in.name_len == 2 && dir->nlink)
		n = dir->parent;
	id = mp_atomic_load(&n->id);
	mp_spin_unlock(&dir->spin);
	error = mem_spinlock(fs, id, &n);
	if (error)
		return error;
	n->lookups++;
	mem_entry_fill(fs, n, &m->out.entry);
	mp_spin_unlock(&n->spin);
	return 0;
}

static int
lookup_none(const struct mem_fs *fs, struct mp_vfs_lookup *m)
{
	if (!(m->in.flags & MP_VFS_LOOKUP_NEGATIVE))
		return -ENOENT;
	memset(&m->out.entry, 0, sizeof(m->out.entry));
	m->out.entry.entry_valid_ns = fs->valid_ns;
	return 0;
}

static int
lookup_locked(struct mem_fs *fs, struct mem_node *dir, struct mp_vfs_lookup *m)
{
	struct mem_entry *e;

	if (!mem_is(dir, MP_S_IFDIR))
		return -ENOTDIR;
	if (is_dots(m))
		return lookup_dots(fs, dir, m);
	e = mem_dir_find(fs, dir, m->in.name, m->in.name_len);
	if (!e)
		return lookup_none(fs, m);
	entry_get(fs, e->node, &m->out.entry);
	return 0;
}

int
mem_lookup(void *data, struct mp_vfs_lookup *m)
{
	struct mem_fs *fs = data;
	struct mem_node *dir;
	int error;

	error = mem_rdlock(fs, m->in.parent, &dir);
	if (error)
		return error;
	error = lookup_locked(fs, dir, m);
	mp_rw_rdunlock(&dir->rw);
	return error;
}

/* The directory has one more entry; its own count went up in reserve. */
static void
dir_grew(struct mem_fs *fs, struct mem_node *dir, bool subdir)
{
	struct mp_wall now = mem_now(fs);

	mp_spin_lock(&dir->spin);
	mem_touch(dir, &now);
	dir->nlink += subdir;
	mp_spin_unlock(&dir->spin);
}

/*
 * Makes a node and its name in a locked directory.  If it fails and gives a
 * node nevertheless, that is to be evicted when the directory is unlocked.
 */
static int
make_named(struct mem_fs *fs, struct mem_node *dir, const struct mem_make *make,
	   struct mem_node **out)
{
	bool subdir = (make->mode & MP_S_IFMT) == MP_S_IFDIR;
	struct mem_node *n = NULL;
	struct mem_entry *e;
	int error;

	*out = NULL;
	if (mem_dir_find(fs, dir, make->name, make->name_len))
		return -EEXIST;
	error = mem_dir_reserve(dir);
	if (error)
		return error;
	error = mem_node_new(fs, dir, make, &n);
	*out = n;
	if (!error)
		error = mem_acl_inherit(fs, dir, n, make->cred->umask);
	if (!error)
		error = mem_dir_prepare(fs, dir, make, 0, &e);
	if (error) {
		mem_dir_unreserve(dir);
		return error;
	}
	n->nlink = subdir ? 2 : 1;
	n->parent = subdir ? dir : NULL;
	mem_dir_commit(dir, e, n);
	dir_grew(fs, dir, subdir);
	return 0;
}

static int
make_entry(struct mem_fs *fs, uint64_t parent, const struct mem_make *make,
	   struct mp_vfs_entry *entry)
{
	struct mem_node *dir, *n;
	int error;

	error = mem_dir_wrlock(fs, parent, &dir);
	if (error)
		return error;
	error = make_named(fs, dir, make, &n);
	if (!error) {
		mem_node_publish(n);
		mp_spin_lock(&n->spin);
		mem_entry_fill(fs, n, entry);
		mp_spin_unlock(&n->spin);
	}
	mp_rw_wrunlock(&dir->rw);
	if (error && n)
		mem_node_evict(fs, n);
	return error;
}

int
mem_mknod(void *data, struct mp_vfs_mknod *m)
{
	struct mem_make make = { .cred = &m->in.cred,
				 .mode = m->in.mode,
				 .rdev_major = m->in.rdev_major,
				 .rdev_minor = m->in.rdev_minor,
				 .name = m->in.name,
				 .name_len = m->in.name_len };

	return make_entry(data, m->in.parent, &make, &m->out.entry);
}

int
mem_mkdir(void *data, struct mp_vfs_mkdir *m)
{
	struct mem_make make = { .cred = &m->in.cred,
				 .mode = MP_S_IFDIR | m->in.mode,
				 .name = m->in.name,
				 .name_len = m->in.name_len };

	return make_entry(data, m->in.parent, &make, &m->out.entry);
}

int
mem_symlink(void *data, struct mp_vfs_symlink *m)
{
	struct mem_make make = { .cred = &m->in.cred,
				 .mode = MP_S_IFLNK | 0777u,
				 .name = m->in.name,
				 .name_len = m->in.name_len,
				 .target = m->buf.base,
				 .target_len = (uint32_t)m->buf.len };

	return make_entry(data, m->in.parent, &make, &m->out.entry);
}

int
mem_readlink(void *data, struct mp_vfs_readlink *m)
{
	struct mem_fs *fs = data;
	struct mem_node *n;
	int error;

	error = mem_rdlock(fs, m->in.node, &n);
	if (error)
		return error;
	if (mem_is(n, MP_S_IFLNK)) {
		memcpy(m->buf.base, n->target, (size_t)n->size);
		m->out.count = (uint32_t)n->size;
		m->out.reserved = 0;
		mem_accessed(fs, n);
	} else {
		error = -EINVAL;
	}
	mp_rw_rdunlock(&n->rw);
	return error;
}

/* The name was there already: opened if that is what was asked. */
static int
open_existing(struct mem_fs *fs, struct mem_node *n, struct mp_vfs_create *m)
{
	int error = 0;

	if (m->in.flags & MP_O_EXCL)
		return -EEXIST;
	if (mem_is(n, MP_S_IFDIR))
		return -EISDIR;
	if (!mem_is(n, MP_S_IFREG))
		return mem_is(n, MP_S_IFLNK) ? -ELOOP : -ENXIO;
	mp_spin_lock(&n->spin);
	if (n->opens == UINT32_MAX) {
		error = -ENFILE;
	} else {
		n->opens++;
		n->lookups++;
		mem_entry_fill(fs, n, &m->out.entry);
	}
	mp_spin_unlock(&n->spin);
	return error;
}

static int
create_new(struct mem_fs *fs, struct mem_node *dir, struct mp_vfs_create *m,
	   struct mem_node **out)
{
	struct mem_make make = { .cred = &m->in.cred,
				 .mode = MP_S_IFREG | m->in.mode,
				 .name = m->in.name,
				 .name_len = m->in.name_len };
	int error;

	error = make_named(fs, dir, &make, out);
	if (error)
		return error;
	(*out)->opens = 1;
	mem_node_publish(*out);
	mp_spin_lock(&(*out)->spin);
	mem_entry_fill(fs, *out, &m->out.entry);
	mp_spin_unlock(&(*out)->spin);
	return 0;
}

int
mem_create(void *data, struct mp_vfs_create *m)
{
	struct mem_fs *fs = data;
	struct mem_node *dir, *n = NULL;
	struct mem_entry *e;
	int error;

	error = mem_dir_wrlock(fs, m->in.parent, &dir);
	if (error)
		return error;
	e = mem_dir_find(fs, dir, m->in.name, m->in.name_len);
	if (e)
		error = open_existing(fs, e->node, m);
	else
		error = create_new(fs, dir, m, &n);
	mp_rw_wrunlock(&dir->rw);
	if (error && n)
		mem_node_evict(fs, n);
	if (error)
		return error;
	if (e && (m->in.flags & MP_O_TRUNC))
		(void)mem_open_truncate(fs, &m->in.cred, m->out.entry.id,
					&m->out.entry.attr);
	m->out.fh = mem_handle(m->in.flags);
	m->out.flags = mem_open_flags(fs);
	m->out.reserved = 0;
	return 0;
}

static int
link_count(struct mem_fs *fs, uint64_t id, struct mem_node **out)
{
	struct mp_wall now = mem_now(fs);
	struct mem_node *n;
	int error;

	error = mem_spinlock(fs, id, &n);
	if (error)
		return error;
	if (mem_is(n, MP_S_IFDIR))
		error = -EPERM;
	else if (!n->nlink)
		error = -ENOENT;
	else if (n->nlink >= MEM_LINK_MAX)
		error = -EMLINK;
	if (!error) {
		mem_changed(n, &now);
		n->nlink++;
		*out = n;
	}
	mp_spin_unlock(&n->spin);
	return error;
}

/* The link is counted last, when nothing else can fail. */
static int
link_named(struct mem_fs *fs, struct mem_node *dir, struct mp_vfs_link *m)
{
	struct mem_make make = { .name = m->in.name,
				 .name_len = m->in.name_len };
	struct mem_entry *e;
	struct mem_node *n;
	int error;

	if (mem_dir_find(fs, dir, m->in.name, m->in.name_len))
		return -EEXIST;
	error = mem_dir_reserve(dir);
	if (error)
		return error;
	error = mem_dir_prepare(fs, dir, &make, 0, &e);
	if (!error) {
		error = link_count(fs, m->in.node, &n);
		if (error)
			mem_dir_remove(fs, dir, e);
	}
	if (error) {
		mem_dir_unreserve(dir);
		return error;
	}
	mem_dir_commit(dir, e, n);
	dir_grew(fs, dir, false);
	entry_get(fs, n, &m->out.entry);
	return 0;
}

int
mem_link(void *data, struct mp_vfs_link *m)
{
	struct mem_fs *fs = data;
	struct mem_node *dir;
	int error;

	error = mem_dir_wrlock(fs, m->in.parent, &dir);
	if (error)
		return error;
	error = link_named(fs, dir, m);
	mp_rw_wrunlock(&dir->rw);
	return error;
}

bool
mem_may_remove(const struct mem_fs *fs, const struct mp_vfs_cred *cred,
	       const struct mem_node *dir, struct mem_node *n)
{
	uint32_t owner;

	if (!fs->sticky || !(dir->mode & MP_S_ISVTX) || !cred->uid ||
	    cred->uid == dir->uid)
		return true;
	mp_spin_lock(&n->spin);
	owner = n->uid;
	mp_spin_unlock(&n->spin);
	return cred->uid == owner;
}

int
mem_node_unlink(struct mem_fs *fs, struct mem_node *n,
		const struct mp_wall *now, bool *gone)
{
	int error = 0;

	mp_spin_lock(&n->spin);
	if (!mem_is(n, MP_S_IFDIR))
		n->nlink--;
	else if (n->entries)
		error = -ENOTEMPTY;
	else
		n->nlink = 0;
	if (!error) {
		mem_changed(n, now);
		*gone = mem_node_gone(n);
		if (!*gone)
			mem_node_ghost(fs, n);
	}
	mp_spin_unlock(&n->spin);
	return error;
}

static int
remove_named(struct mem_fs *fs, struct mem_node *dir, struct mp_vfs_unlink *m,
	     bool rmdir, struct mem_node **gone)
{
	bool last = false;
	struct mem_entry *e;
	struct mp_wall now;
	struct mem_node *n;
	int error;

	e = mem_dir_find(fs, dir, m->in.name, m->in.name_len);
	if (!e)
		return -ENOENT;
	n = e->node;
	if (!mem_may_remove(fs, &m->in.cred, dir, n))
		return -EPERM;
	if (rmdir != mem_is(n, MP_S_IFDIR))
		return rmdir ? -ENOTDIR : -EISDIR;
	now = mem_now(fs);
	error = mem_node_unlink(fs, n, &now, &last);
	if (error)
		return error;
	*gone = last ? n : NULL;
	mem_dir_remove(fs, dir, e);
	mp_spin_lock(&dir->spin);
	mem_touch(dir, &now);
	dir->entries--;
	dir->nlink -= rmdir;
	mp_spin_unlock(&dir->spin);
	return 0;
}

static int
remove_entry(struct mem_fs *fs, struct mp_vfs_unlink *m, bool rmdir)
{
	struct mem_node *dir, *gone = NULL;
	int error;

	error = mem_dir_wrlock(fs, m->in.parent, &dir);
	if (error)
		return error;
	error = remove_named(fs, dir, m, rmdir, &gone);
	mp_rw_wrunlock(&dir->rw);
	if (gone)
		mem_node_evict(fs, gone);
	return error;
}

int
mem_unlink(void *fs, struct mp_vfs_unlink *m)
{
	return remove_entry(fs, m, false);
}

int
mem_rmdir(void *fs, struct mp_vfs_unlink *m)
{
	return remove_entry(fs, m, true);
}
