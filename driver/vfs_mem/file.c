/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Open files.  A handle is what it was opened for, no more: the front-end may
 * make several of one, and each ends by one release.
 */
#include "mem.h"

#define HANDLE (1ull << 32)
#define HANDLE_FLAGS (MP_O_ACCMODE | MP_O_APPEND | MP_O_NOATIME)
#define COPY_MAX (16u << 20) /* bytes under one lock */

uint64_t
mem_handle(uint32_t flags)
{
	return HANDLE | (flags & HANDLE_FLAGS);
}

static bool
readable(uint64_t fh)
{
	return !(fh & ~(HANDLE | HANDLE_FLAGS)) && (fh & HANDLE) &&
	       (fh & MP_O_ACCMODE) != MP_O_WRONLY;
}

static bool
writable(uint64_t fh)
{
	return !(fh & ~(HANDLE | HANDLE_FLAGS)) && (fh & HANDLE) &&
	       (fh & MP_O_ACCMODE) != MP_O_RDONLY;
}

uint32_t
mem_open_flags(const struct mem_fs *fs)
{
	uint32_t flags = MP_VFS_OPEN_NOFLUSH;

	if (fs->valid_ns)
		flags |= MP_VFS_OPEN_KEEP_CACHE;
	return flags;
}

void
mem_resize(struct mem_fs *fs, struct mem_node *n, uint64_t size)
{
	if (size < n->size)
		mem_data_punch(fs, n, size, (uint64_t)MEM_SIZE_MAX + 1);
	mp_spin_lock(&n->spin);
	n->size = size;
	mp_spin_unlock(&n->spin);
}

int
mem_open_truncate(struct mem_fs *fs, const struct mp_vfs_cred *cred,
		  uint64_t id, struct mp_vfs_attr *attr)
{
	struct mp_wall now;
	struct mem_node *n;
	int error;

	error = mem_wrlock(fs, id, &n);
	if (error)
		return error;
	mem_resize(fs, n, 0);
	if (cred->uid)
		mem_kill_suid(fs, n);
	now = mem_now(fs);
	mp_spin_lock(&n->spin);
	mem_touch(n, &now);
	mem_attr_fill(n, attr);
	mp_spin_unlock(&n->spin);
	mp_rw_wrunlock(&n->rw);
	return 0;
}

static int
open_check(const struct mem_node *n)
{
	if (mem_is(n, MP_S_IFREG))
		return 0;
	if (mem_is(n, MP_S_IFDIR))
		return -EISDIR;
	return mem_is(n, MP_S_IFLNK) ? -ELOOP : -ENXIO;
}

int
mem_open(void *data, struct mp_vfs_open *m)
{
	struct mem_fs *fs = data;
	struct mp_vfs_attr attr;
	struct mem_node *n;
	int error;

	(void)mem_now(fs);
	error = mem_rdlock(fs, m->in.node, &n);
	if (error)
		return error;
	error = open_check(n);
	if (!error)
		error = mem_node_open(n);
	mp_rw_rdunlock(&n->rw);
	if (error)
		return error;
	/* Cannot fail: the open that was just counted keeps the node. */
	if (m->in.flags & MP_O_TRUNC)
		(void)mem_open_truncate(fs, &m->in.cred, m->in.node, &attr);
	m->out.fh = mem_handle(m->in.flags);
	m->out.flags = mem_open_flags(fs);
	m->out.reserved = 0;
	return 0;
}

int
mem_release(void *data, struct mp_vfs_release *m)
{
	struct mem_fs *fs = data;
	bool gone = false;
	struct mem_node *n;
	int error;

	error = mem_rdlock(fs, m->in.node, &n);
	if (error)
		return error;
	error = mem_is(n, MP_S_IFREG) ? mem_node_close(fs, n, &gone) : -EBADF;
	mp_rw_rdunlock(&n->rw);
	if (gone)
		mem_node_evict(fs, n);
	return error;
}

/* Of an open file for reading or writing, and nothing else. */
static int
file_check(const struct mem_node *n, bool may)
{
	if (mem_is(n, MP_S_IFDIR))
		return -EISDIR;
	if (!mem_is(n, MP_S_IFREG))
		return -EINVAL;
	return may ? 0 : -EBADF;
}

int
mem_read(void *data, struct mp_vfs_read *m)
{
	struct mem_fs *fs = data;
	uint64_t len = m->buf.len;
	struct mem_node *n;
	int error;

	error = mem_rdlock(fs, m->in.node, &n);
	if (error)
		return error;
	error = file_check(n, readable(m->in.fh));
	if (error)
		goto out;
	if (m->in.offset >= n->size)
		len = 0;
	else if (len > n->size - m->in.offset)
		len = n->size - m->in.offset;
	mem_data_read(n, m->in.offset, m->buf.base, len);
	if (m->buf.len && !(m->in.fh & MP_O_NOATIME))
		mem_accessed(fs, n);
	m->out.count = (uint32_t)len;
	m->out.reserved = 0;
out:
	mp_rw_rdunlock(&n->rw);
	return error;
}

/* The file has been written up to end. */
static void
written(struct mem_fs *fs, struct mem_node *n, uint64_t end, bool kill)
{
	struct mp_wall now;

	if (kill)
		mem_kill_suid(fs, n);
	now = mem_now(fs);
	mp_spin_lock(&n->spin);
	if (end > n->size)
		n->size = end;
	mem_touch(n, &now);
	mp_spin_unlock(&n->spin);
}

/*
 * From a cache all or nothing: the program that wrote it is long gone, and a
 * cache forgets what was written short without a word.
 */
static int
write_locked(struct mem_fs *fs, struct mem_node *n, struct mp_vfs_write *m)
{
	bool cache = m->in.flags & MP_VFS_WRITE_CACHE;
	struct mem_span span = { .offset = m->in.offset,
				 .len = m->buf.len,
				 .whole = cache,
				 .overwrite = true };
	int error;

	if ((m->in.fh & MP_O_APPEND) && !cache)
		span.offset = n->size;
	if (span.len > MEM_SIZE_MAX - span.offset)
		return -EFBIG;
	if (span.len) {
		error = mem_data_fill(fs, n, &span);
		if (error)
			return error;
		mem_data_write(n, span.offset, m->buf.base, span.len);
		written(fs, n, span.offset + span.len,
			m->in.flags & MP_VFS_WRITE_KILL_SUIDGID);
	}
	m->out.count = (uint32_t)span.len;
	m->out.reserved = 0;
	return 0;
}

int
mem_write(void *data, struct mp_vfs_write *m)
{
	struct mem_fs *fs = data;
	struct mem_node *n;
	int error;

	error = mem_wrlock(fs, m->in.node, &n);
	if (error)
		return error;
	error = file_check(n, writable(m->in.fh));
	if (!error)
		error = write_locked(fs, n, m);
	mp_rw_wrunlock(&n->rw);
	return error;
}

int
mem_lseek(void *data, struct mp_vfs_lseek *m)
{
	struct mem_fs *fs = data;
	uint64_t at = m->in.offset;
	struct mem_node *n;
	int error;

	error = mem_rdlock(fs, m->in.node, &n);
	if (error)
		return error;
	error = file_check(n, true);
	if (!error && at >= n->size)
		error = -ENXIO;
	if (error)
		goto out;
	if (m->in.whence == MP_VFS_SEEK_HOLE) {
		at = mem_data_hole(n, at);
		at = at < n->size ? at : n->size;
	} else {
		at = mem_data_next(n, at);
		if (at >= n->size)
			error = -ENXIO;
	}
	m->out.offset = at;
out:
	mp_rw_rdunlock(&n->rw);
	return error;
}

/* Room for the whole range, or nothing changed. */
static int
preallocate(struct mem_fs *fs, struct mem_node *n,
	    const struct mp_vfs_fallocate *m)
{
	struct mem_span span = { .offset = m->in.offset,
				 .len = m->in.length,
				 .whole = true };
	uint64_t pages = m->in.length / MP_PAGE_SIZE;
	uint64_t used = mp_atomic_load(&fs->blocks);
	int error;

	/* What cannot fit is not tried: it would take all memory first. */
	if (pages > n->blocks && used <= fs->block_max &&
	    pages - n->blocks > fs->block_max - used)
		return -ENOSPC;
	error = mem_data_fill(fs, n, &span);
	if (error)
		return error;
	mem_data_settle(n, &span);
	if (m->in.mode & MP_VFS_FALLOC_ZERO)
		mem_data_zero(n, span.offset, span.offset + span.len);
	return 0;
}

static int
fallocate(struct mem_fs *fs, struct mem_node *n,
	  const struct mp_vfs_fallocate *m)
{
	uint64_t end = m->in.offset + m->in.length;
	struct mp_wall now;
	int error = 0;

	if (m->in.mode & (MP_VFS_FALLOC_COLLAPSE | MP_VFS_FALLOC_INSERT))
		return -EOPNOTSUPP;
	if (m->in.mode & MP_VFS_FALLOC_PUNCH)
		mem_data_punch(fs, n, m->in.offset, end);
	else
		error = preallocate(fs, n, m);
	if (error)
		return error;
	now = mem_now(fs);
	mp_spin_lock(&n->spin);
	if (!(m->in.mode & MP_VFS_FALLOC_KEEP) && end > n->size)
		n->size = end;
	mem_touch(n, &now);
	mp_spin_unlock(&n->spin);
	return 0;
}

int
mem_fallocate(void *data, struct mp_vfs_fallocate *m)
{
	struct mem_fs *fs = data;
	struct mem_node *n;
	int error;

	error = mem_wrlock(fs, m->in.node, &n);
	if (error)
		return error;
	if (mem_is(n, MP_S_IFREG))
		error = writable(m->in.fh) ? fallocate(fs, n, m) : -EBADF;
	else
		error = mem_is(n, MP_S_IFDIR) ? -EISDIR : -ENODEV;
	mp_rw_wrunlock(&n->rw);
	return error;
}

/* A page at a time; a hole of the source is not written, only cleared. */
static int
copy_part(struct mem_fs *fs, struct mem_node *from, struct mem_node *to,
	  struct mp_vfs_copy_file_range *m, uint64_t left)
{
	uint64_t at = m->in.offset + m->out.count;
	struct mem_span span = { .offset = m->in.to_offset + m->out.count,
				 .whole = true,
				 .overwrite = true };
	uint64_t data = mem_data_next(from, at);
	int error = 0;

	if (data > at) {
		span.len = data - at < left ? data - at : left;
		mem_data_zero(to, span.offset, span.offset + span.len);
	} else {
		span.len = MP_PAGE_SIZE - at % MP_PAGE_SIZE;
		if (span.len > left)
			span.len = left;
		error = mem_data_fill(fs, to, &span);
		if (!error)
			mem_data_write(to, span.offset, mem_data_at(from, at),
				       span.len);
	}
	if (!error)
		m->out.count += span.len;
	return error;
}

static int
copy(struct mem_fs *fs, struct mem_node *from, struct mem_node *to,
     struct mp_vfs_copy_file_range *m)
{
	uint64_t len = m->in.length;
	int error = 0;

	if (m->in.offset >= from->size)
		return 0;
	if (len > from->size - m->in.offset)
		len = from->size - m->in.offset;
	if (len > COPY_MAX)
		len = COPY_MAX;
	while (!error && m->out.count < len)
		error = copy_part(fs, from, to, m, len - m->out.count);
	if (!m->out.count)
		return error;
	written(fs, to, m->in.to_offset + m->out.count, false);
	mem_accessed(fs, from);
	return 0;
}

static void
copy_unlock(struct mem_node *from, struct mem_node *to)
{
	if (from != to)
		mp_rw_rdunlock(&from->rw);
	mp_rw_wrunlock(&to->rw);
}

/* The source for reading, the target for writing, in the order of indices. */
static int
copy_lock(struct mem_fs *fs, const struct mp_vfs_copy_file_range *m,
	  struct mem_node **from, struct mem_node **to)
{
	uint64_t from_id = m->in.node, to_id = m->in.to_node;
	struct mem_node *f = mem_node_at(fs, from_id);
	struct mem_node *t = mem_node_at(fs, to_id);

	if (!f || !t)
		return -ESTALE;
	if (f->index < t->index) {
		mp_rw_rdlock(&f->rw);
		mp_rw_wrlock_at(&t->rw, 1);
	} else {
		mp_rw_wrlock(&t->rw);
		if (f != t)
			mp_rw_rdlock_at(&f->rw, 1);
	}
	*from = f;
	*to = t;
	if (mp_atomic_load(&f->id) == from_id &&
	    mp_atomic_load(&t->id) == to_id)
		return 0;
	copy_unlock(f, t);
	return -ESTALE;
}

int
mem_copy_file_range(void *data, struct mp_vfs_copy_file_range *m)
{
	struct mem_node *from, *to;
	struct mem_fs *fs = data;
	int error;

	error = copy_lock(fs, m, &from, &to);
	if (error)
		return error;
	m->out.count = 0;
	error = file_check(from, readable(m->in.fh));
	if (!error)
		error = file_check(to, writable(m->in.to_fh));
	if (!error && (m->in.to_fh & MP_O_APPEND))
		error = -EBADF;
	if (!error)
		error = copy(fs, from, to, m);
	copy_unlock(from, to);
	return error;
}
