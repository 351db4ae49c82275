/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Attributes: what stat shows, what chmod, chown, truncate and utimens change.
 */
#include "mem.h"

#define DAY 86400
#define CAPABILITY "security.capability"

static struct mp_vfs_time
time_of(const struct mp_wall *w)
{
	return (struct mp_vfs_time){ .sec = w->sec, .nsec = w->nsec };
}

static struct mp_wall
wall_of(const struct mp_vfs_time *t)
{
	return (struct mp_wall){ .sec = t->sec, .nsec = t->nsec };
}

void
mem_attr_fill(const struct mem_node *n, struct mp_vfs_attr *a)
{
	a->ino = n->index;
	a->size = n->size;
	a->blocks = n->blocks * (MP_PAGE_SIZE / 512);
	a->atime = time_of(&n->atime);
	a->mtime = time_of(&n->mtime);
	a->ctime = time_of(&n->ctime);
	a->btime = time_of(&n->btime);
	a->mode = n->mode;
	a->nlink = n->nlink;
	a->uid = n->uid;
	a->gid = n->gid;
	a->rdev_major = n->rdev_major;
	a->rdev_minor = n->rdev_minor;
	a->blksize = MP_PAGE_SIZE;
	a->flags = MP_VFS_ATTR_BTIME;
}

void
mem_entry_fill(const struct mem_fs *fs, const struct mem_node *n,
	       struct mp_vfs_entry *e)
{
	e->id = (uint64_t)n->life << 32 | n->index;
	e->generation = n->life;
	e->entry_valid_ns = fs->valid_ns;
	e->attr_valid_ns = fs->valid_ns;
	mem_attr_fill(n, &e->attr);
}

struct mp_wall
mem_now(struct mem_fs *fs)
{
	struct mp_wall now;

	mp_clock_wall(&now);
	if (mp_atomic_load(&fs->now) != (uint64_t)now.sec)
		mp_atomic_store(&fs->now, (uint64_t)now.sec);
	return now;
}

void
mem_changed(struct mem_node *n, const struct mp_wall *now)
{
	n->ctime = *now;
	mp_atomic_store(&n->due, 0);
}

void
mem_touch(struct mem_node *n, const struct mp_wall *now)
{
	n->mtime = *now;
	mem_changed(n, now);
}

static bool
before(const struct mp_wall *a, const struct mp_wall *b)
{
	return a->sec < b->sec || (a->sec == b->sec && a->nsec < b->nsec);
}

/* Relative: until a change, or for a day, there is nothing to do. */
static void
atime_relative(struct mem_node *n, const struct mp_wall *now)
{
	if (!before(&n->mtime, &n->atime) || !before(&n->ctime, &n->atime) ||
	    n->atime.sec <= now->sec - DAY)
		n->atime = *now;
	if (before(&n->mtime, &n->atime) && before(&n->ctime, &n->atime))
		mp_atomic_store(&n->due, (uint64_t)now->sec + DAY);
}

void
mem_accessed(struct mem_fs *fs, struct mem_node *n)
{
	struct mp_wall now;

	if (fs->atime == MEM_ATIME_NONE ||
	    mp_atomic_load(&n->due) > mp_atomic_load(&fs->now))
		return;
	now = mem_now(fs);
	mp_spin_lock(&n->spin);
	if (fs->atime == MEM_ATIME_STRICT)
		n->atime = now;
	else
		atime_relative(n, &now);
	mp_spin_unlock(&n->spin);
}

int
mem_getattr(void *data, struct mp_vfs_getattr *m)
{
	struct mem_fs *fs = data;
	struct mem_node *n;
	int error;

	error = mem_spinlock(fs, m->in.node, &n);
	if (error)
		return error;
	mem_attr_fill(n, &m->out.attr);
	mp_spin_unlock(&n->spin);
	m->out.attr_valid_ns = fs->valid_ns;
	return 0;
}

/* Setuid always goes; setgid only where it means what it says. */
static uint32_t
without_suid(uint32_t mode)
{
	if ((mode & MP_S_IFMT) == MP_S_IFDIR)
		return mode;
	mode &= ~MP_S_ISUID;
	if (mode & 0010u)
		mode &= ~MP_S_ISGID;
	return mode;
}

void
mem_kill_suid(struct mem_fs *fs, struct mem_node *n)
{
	mp_spin_lock(&n->spin);
	n->mode = without_suid(n->mode);
	mp_spin_unlock(&n->spin);
	if (n->xattr)
		(void)mem_xattr_drop(fs, n, CAPABILITY, sizeof(CAPABILITY) - 1);
}

/* What may be refused, before anything changes. */
static int
setattr_check(struct mem_fs *fs, struct mem_node *n,
	      const struct mp_vfs_setattr *m)
{
	if (m->in.valid & MP_VFS_SET_SIZE) {
		if (mem_is(n, MP_S_IFDIR))
			return -EISDIR;
		if (!mem_is(n, MP_S_IFREG))
			return -EINVAL;
		if ((m->in.valid & MP_VFS_SET_FH) &&
		    (m->in.fh & MP_O_ACCMODE) == MP_O_RDONLY)
			return -EINVAL;
	}
	if ((m->in.valid & MP_VFS_SET_UID) && m->in.uid != n->uid)
		return mem_quota_move(fs, n, m->in.uid);
	return 0;
}

static void
set_times(struct mem_node *n, const struct mp_vfs_setattr *m,
	  const struct mp_wall *now, bool resized)
{
	struct mp_wall ctime = n->ctime;
	uint32_t valid = m->in.valid;

	if (valid & MP_VFS_SET_ATIME_NOW)
		n->atime = *now;
	else if (valid & MP_VFS_SET_ATIME)
		n->atime = wall_of(&m->in.atime);
	if (valid & MP_VFS_SET_MTIME_NOW)
		n->mtime = *now;
	else if (valid & MP_VFS_SET_MTIME)
		n->mtime = wall_of(&m->in.mtime);
	else if (resized)
		n->mtime = *now;
	if (valid & MP_VFS_SET_CTIME)
		ctime = wall_of(&m->in.ctime);
	else if (resized ||
		 (valid & ~(uint32_t)(MP_VFS_SET_SIZE | MP_VFS_SET_FH)))
		ctime = *now;
	mem_changed(n, &ctime);
}

static void
setattr_apply(struct mem_fs *fs, struct mem_node *n,
	      const struct mp_vfs_setattr *m)
{
	uint32_t valid = m->in.valid;
	bool resized = (valid & MP_VFS_SET_SIZE) && m->in.size != n->size;
	struct mp_wall now;

	if (resized)
		mem_resize(fs, n, m->in.size);
	if ((valid &
	     (MP_VFS_SET_UID | MP_VFS_SET_GID | MP_VFS_SET_KILL_SUIDGID)) ||
	    (resized && m->in.cred.uid))
		mem_kill_suid(fs, n);
	if (valid & MP_VFS_SET_MODE)
		mem_acl_chmod(n, m->in.mode);
	now = mem_now(fs);
	mp_spin_lock(&n->spin);
	if (valid & MP_VFS_SET_MODE)
		n->mode = (n->mode & MP_S_IFMT) | (m->in.mode & MP_S_IPERM);
	if (valid & MP_VFS_SET_UID)
		n->uid = m->in.uid;
	if (valid & MP_VFS_SET_GID)
		n->gid = m->in.gid;
	set_times(n, m, &now, resized);
	mp_spin_unlock(&n->spin);
}

int
mem_setattr(void *data, struct mp_vfs_setattr *m)
{
	struct mem_fs *fs = data;
	struct mem_node *n;
	int error;

	error = mem_wrlock(fs, m->in.node, &n);
	if (error)
		return error;
	error = setattr_check(fs, n, m);
	if (!error) {
		setattr_apply(fs, n, m);
		mp_spin_lock(&n->spin);
		mem_attr_fill(n, &m->out.attr);
		mp_spin_unlock(&n->spin);
		m->out.attr_valid_ns = fs->valid_ns;
	}
	mp_rw_wrunlock(&n->rw);
	return error;
}

/*
 * For those who have no kernel that checks.  Root may do all but execute what
 * nobody may execute.
 */
int
mem_access(void *data, struct mp_vfs_access *m)
{
	const struct mp_vfs_cred *cred = &m->in.cred;
	struct mem_fs *fs = data;
	struct mem_node *n;
	bool may;
	int error;

	error = mem_rdlock(fs, m->in.node, &n);
	if (error)
		return error;
	if (cred->uid)
		may = mem_acl_may(n, cred, m->in.mask);
	else
		may = !(m->in.mask & MP_VFS_X_OK) || mem_is(n, MP_S_IFDIR) ||
		      (n->mode & 0111u);
	mp_rw_rdunlock(&n->rw);
	return may ? 0 : -EACCES;
}

static uint64_t
at_most(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

int
mem_statfs(void *data, struct mp_vfs_statfs *m)
{
	struct mem_fs *fs = data;
	struct mp_vfs_statfs_info *info = &m->out.info;
	uint64_t nodes;

	info->blocks = fs->block_max;
	info->bfree = fs->block_max -
		      at_most(mp_atomic_load(&fs->blocks), fs->block_max);
	info->bavail = info->bfree;
	info->files = fs->node_max;
	nodes = mp_atomic_load(&fs->nodes) + mp_atomic_load(&fs->ghosts);
	info->ffree = fs->node_max - at_most(nodes, fs->node_max);
	info->fsid = fs->fsid;
	info->bsize = info->frsize = MP_PAGE_SIZE;
	info->name_max = MP_VFS_NAME_MAX;
	info->reserved = 0;
	return 0;
}
