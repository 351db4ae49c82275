/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What is limited: blocks and nodes of the file system, and of each owner.
 *
 * Counters change by compare-and-swap against their limit, so that a charge
 * is refused only if it really does not fit, and never for a charge of
 * somebody else that is itself refused.
 */
#include "mem.h"

static bool
take(uint64_t *used, uint64_t max, uint64_t n)
{
	uint64_t now;

	do {
		now = mp_atomic_load(used);
		if (now > max || n > max - now)
			return false;
	} while (!mp_atomic_cas(used, now, now + n));
	return true;
}

static void
give(uint64_t *used, uint64_t n)
{
	(void)mp_atomic_add(used, -(int64_t)n);
}

static uint64_t
or_never(uint64_t max)
{
	return max ? max : MEM_NEVER;
}

int
mem_charge(struct mem_fs *fs, struct mem_quota *q, uint64_t blocks)
{
	if (!blocks)
		return 0;
	if (!take(&fs->blocks, fs->block_max, blocks))
		return -ENOSPC;
	if (q && !take(&q->blocks, or_never(fs->quota_block_max), blocks)) {
		give(&fs->blocks, blocks);
		return -EDQUOT;
	}
	return 0;
}

void
mem_uncharge(struct mem_fs *fs, struct mem_quota *q, uint64_t blocks)
{
	if (!blocks)
		return;
	give(&fs->blocks, blocks);
	if (q)
		give(&q->blocks, blocks);
}

int
mem_charge_node(struct mem_fs *fs, struct mem_quota *q)
{
	if (!take(&fs->nodes, fs->node_max, 1))
		return -ENOSPC;
	if (q && !take(&q->nodes, or_never(fs->quota_node_max), 1)) {
		give(&fs->nodes, 1);
		return -EDQUOT;
	}
	return 0;
}

void
mem_uncharge_node(struct mem_fs *fs, struct mem_quota *q)
{
	give(&fs->nodes, 1);
	if (q)
		give(&q->nodes, 1);
}

/*
 * A front-end says late what it has forgotten, and nobody is to be refused a
 * node for that.  No more of them than there may be nodes: who forgets nothing
 * is limited as well.
 */
void
mem_node_ghost(struct mem_fs *fs, struct mem_node *n)
{
	if (n->nlink || n->opens || n->ghost ||
	    !take(&fs->ghosts, fs->node_max, 1))
		return;
	n->ghost = true;
	mem_uncharge_node(fs, n->quota);
}

static struct mem_quota *
quota_of(struct mem_fs *fs, uint32_t uid)
{
	struct mp_hnode *n = mp_htab_first(&fs->quotas, uid);

	return n ? MP_CONTAINER(n, struct mem_quota, link) : NULL;
}

/* The table only grows, under grow; readers of it are those who make nodes. */
int
mem_quota_find(struct mem_fs *fs, uint32_t uid, struct mem_quota **out)
{
	struct mem_quota *q = NULL;
	int error = 0;

	*out = NULL;
	/* Root is never limited, like everywhere else. */
	if (!uid || (!fs->quota_block_max && !fs->quota_node_max))
		return 0;
	mp_mutex_lock(&fs->grow);
	q = quota_of(fs, uid);
	if (!q) {
		q = mp_mem_zalloc(sizeof(*q));
		error = q ? mp_htab_reserve(&fs->quotas) : -ENOMEM;
		if (!error) {
			q->uid = uid;
			q->link.hash = uid;
			mp_htab_insert(&fs->quotas, &q->link);
		}
	}
	mp_mutex_unlock(&fs->grow);
	if (error) {
		mp_mem_free(q);
		return error;
	}
	*out = q;
	return 0;
}

int
mem_quota_move(struct mem_fs *fs, struct mem_node *n, uint32_t uid)
{
	struct mem_quota *q, *spare, *old = n->quota;
	int error;

	error = mem_quota_find(fs, uid, &q);
	if (error || q == old)
		return error;
	if (q && !take(&q->nodes, or_never(fs->quota_node_max), 1))
		return -EDQUOT;
	if (q && !take(&q->blocks, or_never(fs->quota_block_max), n->blocks)) {
		give(&q->nodes, 1);
		return -EDQUOT;
	}
	if (old)
		give(&old->blocks, n->blocks);
	mp_spin_lock(&n->spin);
	n->quota = q;
	spare = n->ghost ? q : old;
	mp_spin_unlock(&n->spin);
	if (spare)
		give(&spare->nodes, 1);
	return 0;
}

void
mem_quota_fini(struct mem_fs *fs)
{
	struct mp_hnode *n;
	uint64_t i;

	for (i = 0; fs->quotas.slot && i <= fs->quotas.mask; i++) {
		while ((n = fs->quotas.slot[i]) != NULL) {
			mp_htab_remove(&fs->quotas, n);
			mp_mem_free(MP_CONTAINER(n, struct mem_quota, link));
		}
	}
	mp_htab_fini(&fs->quotas);
}

/*
 * The first block of names and xattrs of a node is free: the limit on nodes
 * bounds it, and an empty directory costs nothing.
 */
int
mem_meta_grow(struct mem_fs *fs, struct mem_node *n, uint64_t bytes)
{
	uint64_t more =
		(n->meta + bytes) / MP_PAGE_SIZE - n->meta / MP_PAGE_SIZE;
	int error;

	error = mem_charge(fs, n->quota, more);
	if (error)
		return error;
	n->meta += bytes;
	if (more) {
		mp_spin_lock(&n->spin);
		n->blocks += more;
		mp_spin_unlock(&n->spin);
	}
	return 0;
}

void
mem_meta_shrink(struct mem_fs *fs, struct mem_node *n, uint64_t bytes)
{
	uint64_t less =
		n->meta / MP_PAGE_SIZE - (n->meta - bytes) / MP_PAGE_SIZE;

	n->meta -= bytes;
	mem_uncharge(fs, n->quota, less);
	if (less) {
		mp_spin_lock(&n->spin);
		n->blocks -= less;
		mp_spin_unlock(&n->spin);
	}
}
