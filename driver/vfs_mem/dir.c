/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Directories: names by hash, and in the order in which they were made.
 *
 * A cookie is given once and never again, so that a reader who comes back with
 * one finds his place, whether that entry is still there or not.  An entry that
 * is renamed within its directory, or that another one is renamed over, keeps
 * its cookie: whatever name is there throughout is read exactly once.
 */
#include "mem.h"

#define COOKIE_DOT 1u
#define COOKIE_DOTDOT 2u

static uint64_t
entry_bytes(const struct mem_entry *e)
{
	return sizeof(*e) + e->len;
}

struct mem_entry *
mem_dir_find(struct mem_fs *fs, struct mem_node *dir, const char *name,
	     uint32_t len)
{
	struct mp_hnode *n;
	struct mem_entry *e;

	n = mp_htab_first(&dir->dir->names, mp_hash_bytes(fs->seed, name, len));
	for (; n; n = mp_htab_next(n)) {
		e = MP_CONTAINER(n, struct mem_entry, link);
		if (e->len == len && !memcmp(e->name, name, len))
			return e;
	}
	return NULL;
}

int
mem_dir_reserve(struct mem_node *dir)
{
	int error = 0;

	mp_spin_lock(&dir->spin);
	if (dir->nlink)
		dir->entries++;
	else
		error = -ENOENT;
	mp_spin_unlock(&dir->spin);
	return error;
}

void
mem_dir_unreserve(struct mem_node *dir)
{
	mp_spin_lock(&dir->spin);
	dir->entries--;
	mp_spin_unlock(&dir->spin);
}

int
mem_dir_prepare(struct mem_fs *fs, struct mem_node *dir,
		const struct mem_make *name, uint64_t cookie,
		struct mem_entry **out)
{
	struct mem_dir *d = dir->dir;
	struct mem_entry *e;
	int error;

	e = mp_mem_alloc(sizeof(*e) + name->name_len);
	if (!e)
		return -ENOMEM;
	e->link.next = NULL;
	e->link.hash = mp_hash_bytes(fs->seed, name->name, name->name_len);
	e->len = name->name_len;
	e->node = NULL;
	e->cookie = cookie ? cookie : d->cookie_next;
	memcpy(e->name, name->name, name->name_len);
	error = mem_meta_grow(fs, dir, entry_bytes(e));
	if (error)
		goto fail;
	error = mp_htab_reserve(&d->names);
	if (!error && !cookie)
		error = mp_radix_insert(&d->order, e->cookie, e);
	if (error) {
		mem_meta_shrink(fs, dir, entry_bytes(e));
		goto fail;
	}
	if (!cookie)
		d->cookie_next++;
	*out = e;
	return 0;
fail:
	mp_mem_free(e);
	return error;
}

void
mem_dir_commit(struct mem_node *dir, struct mem_entry *e, struct mem_node *node)
{
	e->node = node;
	*mp_radix_slot(&dir->dir->order, e->cookie) = e;
	mp_htab_insert(&dir->dir->names, &e->link);
}

/* The order may have passed to another entry; then it stays. */
void
mem_dir_remove(struct mem_fs *fs, struct mem_node *dir, struct mem_entry *e)
{
	struct mem_dir *d = dir->dir;

	if (e->node)
		mp_htab_remove(&d->names, &e->link);
	if (mp_radix_find(&d->order, e->cookie) == e)
		(void)mp_radix_remove(&d->order, e->cookie);
	mem_meta_shrink(fs, dir, entry_bytes(e));
	mp_mem_free(e);
}

void
mem_dir_fini(struct mem_dir *d)
{
	uint64_t key;
	void *p;

	for (key = 0; (p = mp_radix_next(&d->order, &key)) != NULL;) {
		(void)mp_radix_remove(&d->order, key);
		mp_mem_free(p);
	}
	for (key = 0; (p = mp_radix_next(&d->open, &key)) != NULL;) {
		(void)mp_radix_remove(&d->open, key);
		mp_mem_free(p);
	}
	mp_htab_fini(&d->names);
}

int
mem_opendir(void *data, struct mp_vfs_open *m)
{
	struct mem_fs *fs = data;
	struct mem_cursor *c;
	struct mem_node *n;
	int error;

	error = mem_wrlock(fs, m->in.node, &n);
	if (error)
		return error;
	c = NULL;
	if (!mem_is(n, MP_S_IFDIR)) {
		error = -ENOTDIR;
		goto fail;
	}
	c = mp_mem_alloc(sizeof(*c));
	error = -ENOMEM;
	if (!c)
		goto fail;
	c->limit = n->dir->cookie_next - 1;
	error = mp_radix_insert(&n->dir->open, n->dir->handle_next, c);
	if (error)
		goto fail;
	error = mem_node_open(n);
	if (error) {
		(void)mp_radix_remove(&n->dir->open, n->dir->handle_next);
		goto fail;
	}
	m->out.fh = n->dir->handle_next++;
	m->out.flags = 0;
	m->out.reserved = 0;
	mp_rw_wrunlock(&n->rw);
	return 0;
fail:
	mp_rw_wrunlock(&n->rw);
	mp_mem_free(c);
	return error;
}

int
mem_releasedir(void *data, struct mp_vfs_release *m)
{
	struct mem_fs *fs = data;
	struct mem_cursor *c = NULL;
	struct mem_node *n;
	bool gone = false;
	int error;

	error = mem_wrlock(fs, m->in.node, &n);
	if (error)
		return error;
	if (mem_is(n, MP_S_IFDIR))
		c = mp_radix_remove(&n->dir->open, m->in.fh);
	if (c)
		error = mem_node_close(fs, n, &gone);
	else
		error = -EBADF;
	mp_rw_wrunlock(&n->rw);
	mp_mem_free(c);
	if (gone)
		mem_node_evict(fs, n);
	return error;
}

static int
put_dots(struct mem_node *dir, struct mp_vfs_readdir *m)
{
	static const struct mp_vfs_entry none;
	struct mp_vfs_dirent d = { .type = MP_S_IFDIR >> 12 };
	uint32_t parent;

	mp_spin_lock(&dir->spin);
	parent = dir->parent->index;
	mp_spin_unlock(&dir->spin);
	if (m->in.cookie < COOKIE_DOT) {
		d.ino = dir->index;
		d.next_cookie = COOKIE_DOT;
		d.name_len = 1;
		if (mp_vfs_dirent_put(m, &d, ".", &none))
			return -ENOSPC;
	}
	if (m->in.cookie < COOKIE_DOTDOT) {
		d.ino = parent;
		d.next_cookie = COOKIE_DOTDOT;
		d.name_len = 2;
		if (mp_vfs_dirent_put(m, &d, "..", &none))
			return -ENOSPC;
	}
	return 0;
}

static int
put_entry(const struct mem_fs *fs, const struct mem_entry *e,
	  struct mp_vfs_readdir *m, bool plus)
{
	struct mp_vfs_dirent d = { .ino = e->node->index,
				   .next_cookie = e->cookie,
				   .type = e->node->type >> 12,
				   .name_len = e->len };
	struct mp_vfs_entry entry;

	if (m->buf.len - m->out.count < MP_VFS_RECORD_SIZE(e->len, plus))
		return -ENOSPC;
	if (plus) {
		mp_spin_lock(&e->node->spin);
		e->node->lookups++;
		mem_entry_fill(fs, e->node, &entry);
		mp_spin_unlock(&e->node->spin);
	}
	return mp_vfs_dirent_put(m, &d, e->name, &entry);
}

static void
put_all(struct mem_fs *fs, struct mem_node *dir, struct mem_cursor *c,
	struct mp_vfs_readdir *m, bool plus)
{
	uint64_t key = m->in.cookie + 1, limit;
	struct mem_entry *e;

	if (!m->in.cookie)
		mp_atomic_store(&c->limit, dir->dir->cookie_next - 1);
	limit = mp_atomic_load(&c->limit);
	if (put_dots(dir, m))
		return;
	for (;; key++) {
		e = mp_radix_next(&dir->dir->order, &key);
		if (!e || key > limit || put_entry(fs, e, m, plus))
			return;
	}
}

static int
read_entries(struct mem_fs *fs, struct mp_vfs_readdir *m, bool plus)
{
	struct mem_cursor *c = NULL;
	struct mem_node *n;
	int error;

	error = mem_rdlock(fs, m->in.node, &n);
	if (error)
		return error;
	if (mem_is(n, MP_S_IFDIR))
		c = mp_radix_find(&n->dir->open, m->in.fh);
	m->out.count = 0;
	m->out.reserved = 0;
	if (c) {
		put_all(fs, n, c, m, plus);
		mem_accessed(fs, n);
	}
	mp_rw_rdunlock(&n->rw);
	return c ? 0 : -EBADF;
}

int
mem_readdir(void *fs, struct mp_vfs_readdir *m)
{
	return read_entries(fs, m, false);
}

int
mem_readdirplus(void *fs, struct mp_vfs_readdir *m)
{
	return read_entries(fs, m, true);
}
