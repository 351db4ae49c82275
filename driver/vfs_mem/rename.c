/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Rename.  Both directories are locked, the smaller index first.
 *
 * A directory that gets another parent could become its own ancestor if two
 * such moves met.  These moves exclude each other by fs->moving, which comes
 * before all other locks: what the old name is, is known only later, and then
 * everything is let go and begun again.
 *
 * Over an existing name the entry of that name stays and names the other node
 * from now on.  So nothing can fail after the victim was unlinked, and readers
 * of the directory see each name once.
 */
#include "mem.h"

struct move {
	struct mem_fs *fs;
	struct mp_vfs_rename *m;
	struct mem_node *from, *to; /* directories; may be the same */
	struct mem_entry *old, *new;
	struct mem_node *gone; /* to be evicted */
	struct mp_wall now;
	bool moving; /* fs->moving is held */
};

static void
unlock(struct move *v)
{
	if (v->from != v->to)
		mp_rw_wrunlock(&v->to->rw);
	mp_rw_wrunlock(&v->from->rw);
	if (v->moving)
		mp_mutex_unlock(&v->fs->moving);
}

static int
lock(struct move *v)
{
	struct mem_node *a = mem_node_at(v->fs, v->m->in.parent);
	struct mem_node *b = mem_node_at(v->fs, v->m->in.new_parent);
	int error = 0;

	if (!a || !b)
		return -ESTALE;
	if (v->moving)
		mp_mutex_lock(&v->fs->moving);
	mp_rw_wrlock(a->index < b->index ? &a->rw : &b->rw);
	if (a != b)
		mp_rw_wrlock_at(a->index < b->index ? &b->rw : &a->rw, 1);
	v->from = a;
	v->to = b;
	if (mp_atomic_load(&a->id) != v->m->in.parent ||
	    mp_atomic_load(&b->id) != v->m->in.new_parent)
		error = -ESTALE;
	else if (!mem_is(a, MP_S_IFDIR) || !mem_is(b, MP_S_IFDIR))
		error = -ENOTDIR;
	if (error)
		unlock(v);
	return error;
}

static bool
is_dir(const struct mem_entry *e)
{
	return e && mem_is(e->node, MP_S_IFDIR);
}

static void
set_parent(struct mem_node *n, struct mem_node *dir)
{
	mp_spin_lock(&n->spin);
	n->parent = dir;
	mp_spin_unlock(&n->spin);
}

/* Is n the directory, or above it?  Under moving, no parent changes. */
static bool
is_above(const struct move *v, const struct mem_node *n,
	 const struct mem_node *dir)
{
	for (; dir != n; dir = dir->parent)
		if (dir == v->fs->root)
			return false;
	return true;
}

/* What needs no change to be known; the rest is found by doing it. */
static int
check(struct move *v)
{
	const struct mp_vfs_rename *m = v->m;
	bool exchange = m->in.flags & MP_VFS_RENAME_EXCHANGE;

	if (!v->old)
		return -ENOENT;
	if (!mem_may_remove(v->fs, &m->in.cred, v->from, v->old->node))
		return -EPERM;
	if (exchange && !v->new)
		return -ENOENT;
	if (v->new && (m->in.flags & MP_VFS_RENAME_NOREPLACE))
		return -EEXIST;
	if (v->moving && is_dir(v->old) && is_above(v, v->old->node, v->to))
		return -EINVAL;
	if (v->moving && exchange && is_dir(v->new) &&
	    is_above(v, v->new->node, v->from))
		return -EINVAL;
	if (!v->new)
		return 0;
	if (!mem_may_remove(v->fs, &m->in.cred, v->to, v->new->node))
		return -EPERM;
	if (exchange || is_dir(v->old) == is_dir(v->new))
		return 0;
	return is_dir(v->new) ? -EISDIR : -ENOTDIR;
}

static void
changed(struct move *v, struct mem_node *n)
{
	mp_spin_lock(&n->spin);
	mem_changed(n, &v->now);
	mp_spin_unlock(&n->spin);
}

/* The directory has changed: so many more entries, and directories in it. */
static void
changed_dir(struct move *v, struct mem_node *dir, int entries, int subdirs)
{
	mp_spin_lock(&dir->spin);
	mem_touch(dir, &v->now);
	dir->entries += (uint64_t)(int64_t)entries;
	dir->nlink += (uint32_t)subdirs;
	mp_spin_unlock(&dir->spin);
}

static int
exchange(struct move *v)
{
	struct mem_node *a = v->old->node, *b = v->new->node;
	int from = is_dir(v->new) - is_dir(v->old);

	v->old->node = b;
	v->new->node = a;
	if (v->from == v->to)
		from = 0;
	else if (is_dir(v->new))
		set_parent(a, v->to);
	if (v->from != v->to && is_dir(v->old))
		set_parent(b, v->from);
	changed(v, a);
	changed(v, b);
	changed_dir(v, v->from, 0, from);
	changed_dir(v, v->to, 0, -from);
	return 0;
}

/* Over a name: its entry takes the node. */
static int
replace(struct move *v)
{
	struct mem_node *n = v->old->node, *victim = v->new->node;
	bool dir = is_dir(v->old), last = false;
	int error;

	error = mem_node_unlink(v->fs, victim, &v->now, &last);
	if (error)
		return error;
	if (last)
		v->gone = victim;
	v->new->node = n;
	mem_dir_remove(v->fs, v->from, v->old);
	if (dir && v->from != v->to)
		set_parent(n, v->to);
	changed(v, n);
	changed_dir(v, v->from, -1, dir ? -1 : 0);
	changed_dir(v, v->to, 0, 0);
	return 0;
}

/* To a free name; within a directory the new entry takes over the order. */
static int
move(struct move *v)
{
	struct mem_make name = { .name = v->m->in.new_name,
				 .name_len = v->m->in.new_name_len };
	uint64_t cookie = v->from == v->to ? v->old->cookie : 0;
	struct mem_node *n = v->old->node;
	int dir = is_dir(v->old), error;

	error = mem_dir_prepare(v->fs, v->to, &name, cookie, &v->new);
	if (error)
		return error;
	mem_dir_commit(v->to, v->new, n);
	mem_dir_remove(v->fs, v->from, v->old);
	if (v->from == v->to)
		dir = 0;
	if (dir)
		set_parent(n, v->to);
	changed(v, n);
	changed_dir(v, v->from, -1, -dir);
	changed_dir(v, v->to, 0, dir);
	return 0;
}

static int
rename_found(struct move *v)
{
	int error;

	error = check(v);
	if (error)
		return error;
	v->now = mem_now(v->fs);
	if (!v->new)
		return move(v);
	if (v->old->node == v->new->node)
		return 0; /* two links of one file, says POSIX: nothing */
	if (v->m->in.flags & MP_VFS_RENAME_EXCHANGE)
		return exchange(v);
	return replace(v);
}

/*
 * The target directory is kept from being removed, by the entry it has or by
 * the one that is to come: only the parents of a directory that is there are.
 */
static int
rename_locked(struct move *v)
{
	bool reserve = !v->new;
	int error;

	error = reserve ? mem_dir_reserve(v->to) : 0;
	if (error)
		return error;
	error = rename_found(v);
	if (error && reserve)
		mem_dir_unreserve(v->to);
	return error;
}

static bool
must_move(const struct move *v)
{
	return v->from != v->to && !v->moving &&
	       (is_dir(v->old) || is_dir(v->new));
}

int
mem_rename(void *data, struct mp_vfs_rename *m)
{
	struct move v = { .fs = data, .m = m };
	bool again;
	int error;

	do {
		error = lock(&v);
		if (error)
			return error;
		v.old = mem_dir_find(v.fs, v.from, m->in.name, m->in.name_len);
		v.new = mem_dir_find(v.fs, v.to, m->in.new_name,
				     m->in.new_name_len);
		again = must_move(&v);
		if (!again)
			error = rename_locked(&v);
		unlock(&v);
		v.moving |= again;
	} while (again);
	if (v.gone)
		mem_node_evict(v.fs, v.gone);
	return error;
}
