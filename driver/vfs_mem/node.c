/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Nodes: their table, their birth and their end.
 *
 * The table has three levels, which are filled in and never taken away, so
 * that it is read without a lock: each pointer is published by a release store
 * and read by an acquire load.
 */
#include "mem.h"

int
mem_rdlock(struct mem_fs *fs, uint64_t id, struct mem_node **out)
{
	struct mem_node *n = mem_node_at(fs, id);

	if (!n)
		return -ESTALE;
	mp_rw_rdlock(&n->rw);
	if (mp_atomic_load(&n->id) != id) {
		mp_rw_rdunlock(&n->rw);
		return -ESTALE;
	}
	*out = n;
	return 0;
}

int
mem_wrlock(struct mem_fs *fs, uint64_t id, struct mem_node **out)
{
	struct mem_node *n = mem_node_at(fs, id);

	if (!n)
		return -ESTALE;
	mp_rw_wrlock(&n->rw);
	if (mp_atomic_load(&n->id) != id) {
		mp_rw_wrunlock(&n->rw);
		return -ESTALE;
	}
	*out = n;
	return 0;
}

int
mem_spinlock(struct mem_fs *fs, uint64_t id, struct mem_node **out)
{
	struct mem_node *n = mem_node_at(fs, id);

	if (!n)
		return -ESTALE;
	mp_spin_lock(&n->spin);
	if (mp_atomic_load(&n->id) != id || n->going) {
		mp_spin_unlock(&n->spin);
		return -ESTALE;
	}
	*out = n;
	return 0;
}

static struct mem_node *
chunk_new(uint64_t index)
{
	struct mem_node *chunk;
	uint32_t i;

	chunk = mp_mem_zalloc(MEM_CHUNK * sizeof(*chunk));
	for (i = 0; chunk && i < MEM_CHUNK; i++) {
		mp_rw_init(&chunk[i].rw);
		mp_spin_init(&chunk[i].spin);
		chunk[i].index = (uint32_t)index + i;
	}
	return chunk;
}

/* A node that was never used: the table gets one longer. */
static struct mem_node *
node_fresh(struct mem_fs *fs)
{
	struct mem_node **mid, *chunk, *n = NULL;
	uint64_t index;

	mp_mutex_lock(&fs->grow);
	index = fs->index_next;
	if (index > MEM_NODE_MAX)
		goto out;
	mid = fs->top[index / MEM_MID_NODES];
	if (!mid) {
		mid = mp_mem_zalloc(MEM_MID * sizeof(*mid));
		if (!mid)
			goto out;
		mp_atomic_store_ptr(&fs->top[index / MEM_MID_NODES], mid);
	}
	chunk = mid[index / MEM_CHUNK % MEM_MID];
	if (!chunk) {
		chunk = chunk_new(index - index % MEM_CHUNK);
		if (!chunk)
			goto out;
		mp_atomic_store_ptr(&mid[index / MEM_CHUNK % MEM_MID], chunk);
	}
	n = &chunk[index % MEM_CHUNK];
	fs->index_next++;
out:
	mp_mutex_unlock(&fs->grow);
	return n;
}

static struct mem_node *
node_take(struct mem_fs *fs)
{
	struct mem_node *n;

	mp_spin_lock(&fs->spin);
	n = fs->free;
	if (n)
		fs->free = n->next;
	mp_spin_unlock(&fs->spin);
	return n ? n : node_fresh(fs);
}

static void
node_give(struct mem_fs *fs, struct mem_node *n)
{
	mp_spin_lock(&fs->spin);
	n->life++;
	n->next = fs->free;
	fs->free = n;
	mp_spin_unlock(&fs->spin);
}

/* What the node holds of its own, by its type. */
static int
node_content(struct mem_node *n, const struct mem_make *make)
{
	n->pages = (struct mp_radix){ .root = NULL };
	switch (make->mode & MP_S_IFMT) {
	case MP_S_IFDIR:
		n->dir = mp_mem_zalloc(sizeof(*n->dir));
		if (!n->dir)
			return -ENOMEM;
		n->dir->cookie_next = 3; /* after "." and ".." */
		n->dir->handle_next = 1;
		return 0;
	case MP_S_IFLNK:
		n->target = mp_mem_alloc(make->target_len);
		if (!n->target)
			return -ENOMEM;
		memcpy(n->target, make->target, make->target_len);
		return 0;
	default:
		return 0;
	}
}

/* A directory's setgid bit passes on its group, and itself to directories. */
static void
node_attr(struct mem_node *n, const struct mem_node *dir,
	  const struct mem_make *make)
{
	bool inherit = dir && (dir->mode & MP_S_ISGID);

	n->type = make->mode & MP_S_IFMT;
	n->mode = make->mode;
	n->uid = make->cred->uid;
	n->gid = inherit ? dir->gid : make->cred->gid;
	if (inherit && mem_is(n, MP_S_IFDIR))
		n->mode |= MP_S_ISGID;
	n->rdev_major = make->rdev_major;
	n->rdev_minor = make->rdev_minor;
	n->size = make->target_len;
	n->nlink = 0;
	n->blocks = n->meta = n->entries = 0;
	n->lookups = 1;
	n->opens = 0;
	n->going = false;
	n->ghost = false;
	n->xattr = NULL;
	n->parent = NULL;
	n->due = 0;
	n->atime = n->mtime = n->ctime = n->btime;
}

int
mem_node_new(struct mem_fs *fs, struct mem_node *dir,
	     const struct mem_make *make, struct mem_node **out)
{
	struct mem_quota *quota;
	struct mem_node *n;
	int error;

	error = mem_quota_find(fs, make->cred->uid, &quota);
	if (!error)
		error = mem_charge_node(fs, quota);
	if (error)
		return error;
	n = node_take(fs);
	error = n ? node_content(n, make) : -ENOMEM;
	if (error) {
		if (n)
			node_give(fs, n);
		mem_uncharge_node(fs, quota);
		return error;
	}
	/* Nobody reads a node whose id is 0, whichever lock he holds. */
	n->btime = mem_now(fs);
	node_attr(n, dir, make);
	n->quota = quota;
	*out = n;
	return 0;
}

void
mem_node_publish(struct mem_node *n)
{
	mp_atomic_store(&n->id, (uint64_t)n->life << 32 | n->index);
}

bool
mem_node_gone(struct mem_node *n)
{
	if (n->nlink || n->lookups || n->opens || n->going)
		return false;
	n->going = true;
	return true;
}

int
mem_node_open(struct mem_node *n)
{
	int error = 0;

	mp_spin_lock(&n->spin);
	if (n->going || (!n->lookups && !n->opens))
		error = -ESTALE;
	else if (n->opens == UINT32_MAX)
		error = -ENFILE;
	else
		n->opens++;
	mp_spin_unlock(&n->spin);
	return error;
}

int
mem_node_close(struct mem_fs *fs, struct mem_node *n, bool *gone)
{
	int error = -EBADF;

	mp_spin_lock(&n->spin);
	if (n->opens) {
		n->opens--;
		*gone = mem_node_gone(n);
		if (!*gone)
			mem_node_ghost(fs, n);
		error = 0;
	}
	mp_spin_unlock(&n->spin);
	return error;
}

void
mem_node_evict(struct mem_fs *fs, struct mem_node *n)
{
	mp_rw_wrlock(&n->rw);
	mp_spin_lock(&n->spin);
	mp_atomic_store(&n->id, 0);
	mp_spin_unlock(&n->spin);
	switch (n->type) {
	case MP_S_IFREG:
		mem_data_fini(n);
		break;
	case MP_S_IFDIR:
		mem_dir_fini(n->dir);
		mp_mem_free(n->dir);
		break;
	case MP_S_IFLNK:
		mp_mem_free(n->target);
		break;
	default:
		break;
	}
	mem_xattr_fini(n);
	mem_uncharge(fs, n->quota, n->blocks);
	if (n->ghost)
		(void)mp_atomic_add(&fs->ghosts, -1);
	else
		mem_uncharge_node(fs, n->quota);
	mp_rw_wrunlock(&n->rw);
	node_give(fs, n);
}

static void
forget(struct mem_fs *fs, uint64_t id, uint64_t count)
{
	struct mem_node *n;
	bool gone;

	if (mem_spinlock(fs, id, &n))
		return;
	n->lookups -= count < n->lookups ? count : n->lookups;
	gone = n != fs->root && mem_node_gone(n);
	mp_spin_unlock(&n->spin);
	if (gone)
		mem_node_evict(fs, n);
}

int
mem_forget(void *data, struct mp_vfs_forget *m)
{
	uint32_t i;

	for (i = 0; i < m->in.items; i++)
		forget(data, m->in.item[i].id, m->in.item[i].count);
	return 0;
}

/* All lookups and opens end, as those of a front-end that went away. */
void
mem_forget_all(struct mem_fs *fs)
{
	struct mem_node *n;
	uint64_t index, end;
	bool gone;

	mp_mutex_lock(&fs->grow);
	end = fs->index_next;
	mp_mutex_unlock(&fs->grow);
	for (index = 1; index < end; index++) {
		n = mem_node_at(fs, index);
		mp_spin_lock(&n->spin);
		gone = false;
		if (mp_atomic_load(&n->id) && n != fs->root) {
			n->lookups = 0;
			n->opens = 0;
			gone = mem_node_gone(n);
		}
		mp_spin_unlock(&n->spin);
		if (gone)
			mem_node_evict(fs, n);
	}
}

int
mem_table_init(struct mem_fs *fs)
{
	static const struct mp_vfs_cred nobody;
	struct mem_make make = { .cred = &nobody, .mode = MP_S_IFDIR };
	int error;

	fs->index_next = MP_VFS_ROOT;
	error = mem_node_new(fs, NULL, &make, &fs->root);
	if (error)
		return error;
	fs->root->nlink = 2;
	fs->root->parent = fs->root;
	mem_node_publish(fs->root);
	return 0;
}

void
mem_table_fini(struct mem_fs *fs)
{
	struct mem_node **mid, *chunk;
	uint32_t i, j, k;

	for (i = 0; i < MEM_TOP && fs->top[i]; i++) {
		mid = fs->top[i];
		for (j = 0; j < MEM_MID && mid[j]; j++) {
			chunk = mid[j];
			for (k = 0; k < MEM_CHUNK; k++)
				mp_rw_fini(&chunk[k].rw);
			mp_mem_free(chunk);
		}
		mp_mem_free(mid);
	}
}
