/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Extended attributes: a list a node, in the order in which they were made.
 */
#include "mem.h"

#define NAME_MAX_TOTAL MP_VFS_XATTR_MAX /* bytes of all names, with NULs */

struct mem_xattr *
mem_xattr_new(const char *name, uint32_t name_len, const void *value,
	      uint64_t value_len)
{
	struct mem_xattr *x;

	x = mp_mem_alloc(sizeof(*x) + name_len + (size_t)value_len);
	if (!x)
		return NULL;
	x->next = NULL;
	x->name_len = name_len;
	x->value_len = (uint32_t)value_len;
	memcpy(x->bytes, name, name_len);
	if (value_len)
		memcpy(x->bytes + name_len, value, (size_t)value_len);
	return x;
}

static uint64_t
xattr_bytes(const struct mem_xattr *x)
{
	return x ? sizeof(*x) + x->name_len + x->value_len : 0;
}

static bool
is_named(const struct mem_xattr *x, const char *name, uint32_t len)
{
	return x->name_len == len && !memcmp(x->bytes, name, len);
}

struct mem_xattr *
mem_xattr_find(const struct mem_node *n, const char *name, uint32_t len)
{
	struct mem_xattr *x = n->xattr;

	while (x && !is_named(x, name, len))
		x = x->next;
	return x;
}

int
mem_xattr_put(struct mem_fs *fs, struct mem_node *n, struct mem_xattr *x)
{
	struct mem_xattr **p, *old;
	uint64_t names = x->name_len + 1, more, less;
	int error = 0;

	for (p = &n->xattr; *p; p = &(*p)->next) {
		if (is_named(*p, x->bytes, x->name_len))
			break;
		names += (*p)->name_len + 1;
	}
	old = *p;
	if (!old && names > NAME_MAX_TOTAL)
		return -ENOSPC;
	more = xattr_bytes(x);
	less = xattr_bytes(old);
	if (more > less)
		error = mem_meta_grow(fs, n, more - less);
	else
		mem_meta_shrink(fs, n, less - more);
	if (error)
		return error;
	x->next = old ? old->next : NULL;
	*p = x;
	mp_mem_free(old);
	return 0;
}

bool
mem_xattr_drop(struct mem_fs *fs, struct mem_node *n, const char *name,
	       uint32_t len)
{
	struct mem_xattr **p, *old;

	for (p = &n->xattr; *p && !is_named(*p, name, len);)
		p = &(*p)->next;
	old = *p;
	if (!old)
		return false;
	*p = old->next;
	mem_meta_shrink(fs, n, xattr_bytes(old));
	mp_mem_free(old);
	return true;
}

void
mem_xattr_fini(struct mem_node *n)
{
	struct mem_xattr *x;

	while ((x = n->xattr) != NULL) {
		n->xattr = x->next;
		mp_mem_free(x);
	}
}

static bool
has_prefix(const char *name, uint32_t len, const char *prefix)
{
	size_t n = strlen(prefix);

	return len >= n && !memcmp(name, prefix, n);
}

static bool
is_acl(const char *name)
{
	return !strcmp(name, MEM_ACL_ACCESS) || !strcmp(name, MEM_ACL_DEFAULT);
}

/* Which names there can be; `refused' is for one that this node cannot have. */
static int
name_check(const struct mem_node *n, const char *name, uint32_t len,
	   int refused)
{
	static const char *const space[] = { "user.", "trusted.", "security." };
	uint32_t i;

	if (is_acl(name))
		return mem_is(n, MP_S_IFLNK) ? -EOPNOTSUPP : 0;
	for (i = 0; i < 3; i++) {
		if (!has_prefix(name, len, space[i]))
			continue;
		if (len == strlen(space[i]))
			return -EINVAL;
		if (!i && !mem_is(n, MP_S_IFREG) && !mem_is(n, MP_S_IFDIR))
			return refused;
		return 0;
	}
	return -EOPNOTSUPP;
}

static void
changed(struct mem_fs *fs, struct mem_node *n, uint32_t mode)
{
	struct mp_wall now = mem_now(fs);

	mp_spin_lock(&n->spin);
	n->mode = mode;
	mem_changed(n, &now);
	mp_spin_unlock(&n->spin);
}

/* Takes x, or leaves it if it fails. */
static int
set_locked(struct mem_fs *fs, struct mem_node *n,
	   const struct mp_vfs_setxattr *m, struct mem_xattr **x)
{
	struct mem_xattr *old;
	uint32_t mode = n->mode;
	bool keep = true;
	int error;

	error = name_check(n, m->in.name, m->in.name_len, -EPERM);
	if (error)
		return error;
	old = mem_xattr_find(n, m->in.name, m->in.name_len);
	if (old && (m->in.flags & MP_VFS_XATTR_CREATE))
		return -EEXIST;
	if (!old && (m->in.flags & MP_VFS_XATTR_REPLACE))
		return -ENODATA;
	if (is_acl(m->in.name))
		error = mem_acl_check(n, *x, &mode, &keep);
	if (!error && keep)
		error = mem_xattr_put(fs, n, *x);
	if (error)
		return error;
	if (keep)
		*x = NULL;
	else
		(void)mem_xattr_drop(fs, n, m->in.name, m->in.name_len);
	if (m->in.flags & MP_VFS_XATTR_KILL_SGID)
		mode &= ~MP_S_ISGID;
	changed(fs, n, mode);
	return 0;
}

int
mem_setxattr(void *data, struct mp_vfs_setxattr *m)
{
	struct mem_fs *fs = data;
	struct mem_xattr *x;
	struct mem_node *n;
	int error;

	x = mem_xattr_new(m->in.name, m->in.name_len, m->buf.base, m->buf.len);
	if (!x)
		return -ENOMEM;
	error = mem_wrlock(fs, m->in.node, &n);
	if (!error) {
		error = set_locked(fs, n, m, &x);
		mp_rw_wrunlock(&n->rw);
	}
	mp_mem_free(x);
	return error;
}

int
mem_getxattr(void *data, struct mp_vfs_getxattr *m)
{
	struct mem_fs *fs = data;
	struct mem_xattr *x;
	struct mem_node *n;
	int error;

	error = mem_rdlock(fs, m->in.node, &n);
	if (error)
		return error;
	error = name_check(n, m->in.name, m->in.name_len, -ENODATA);
	if (error)
		goto out;
	x = mem_xattr_find(n, m->in.name, m->in.name_len);
	if (!x)
		error = -ENODATA;
	else if (m->buf.len && m->buf.len < x->value_len)
		error = -ERANGE;
	if (error)
		goto out;
	if (m->buf.len && x->value_len)
		memcpy(m->buf.base, x->bytes + x->name_len, x->value_len);
	m->out.count = x->value_len;
	m->out.reserved = 0;
out:
	mp_rw_rdunlock(&n->rw);
	return error;
}

/* Trusted names are root's. */
static bool
listed(const struct mem_xattr *x, const struct mp_vfs_cred *cred)
{
	return !cred->uid || !has_prefix(x->bytes, x->name_len, "trusted.");
}

static uint32_t
list_size(const struct mem_node *n, const struct mp_vfs_cred *cred)
{
	const struct mem_xattr *x;
	uint32_t size = 0;

	for (x = n->xattr; x; x = x->next)
		if (listed(x, cred))
			size += x->name_len + 1;
	return size;
}

int
mem_listxattr(void *data, struct mp_vfs_listxattr *m)
{
	char *to = m->buf.base;
	struct mem_fs *fs = data;
	const struct mem_xattr *x;
	struct mem_node *n;
	int error;

	error = mem_rdlock(fs, m->in.node, &n);
	if (error)
		return error;
	m->out.count = list_size(n, &m->in.cred);
	m->out.reserved = 0;
	if (m->buf.len && m->buf.len < m->out.count)
		error = -ERANGE;
	for (x = n->xattr; !error && m->buf.len && x; x = x->next) {
		if (!listed(x, &m->in.cred))
			continue;
		memcpy(to, x->bytes, x->name_len);
		to += x->name_len;
		*to++ = 0;
	}
	mp_rw_rdunlock(&n->rw);
	return error;
}

int
mem_removexattr(void *data, struct mp_vfs_removexattr *m)
{
	struct mem_fs *fs = data;
	struct mem_node *n;
	int error;

	error = mem_wrlock(fs, m->in.node, &n);
	if (error)
		return error;
	error = name_check(n, m->in.name, m->in.name_len, -EPERM);
	if (!error) {
		if (mem_xattr_drop(fs, n, m->in.name, m->in.name_len))
			changed(fs, n, n->mode);
		else
			error = -ENODATA;
	}
	mp_rw_wrunlock(&n->rw);
	return error;
}
