/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * POSIX ACLs, in the form in which Linux passes them as xattrs: a version, then
 * entries of tag, permissions and id, all little endian, sorted.
 *
 * The permissions of the mode and those of the access ACL are one: chmod
 * changes the ACL, an ACL that is set changes the mode.
 */
#include "mem.h"

#define VERSION 2u
#define HEAD 4u
#define ITEM 8u

enum {
	USER_OBJ = 0x01,
	USER = 0x02,
	GROUP_OBJ = 0x04,
	GROUP = 0x08,
	MASK = 0x10,
	OTHER = 0x20,
};

static char *
acl_of(const struct mem_xattr *x)
{
	return (char *)(uintptr_t)x->bytes + x->name_len;
}

static uint32_t
items(const struct mem_xattr *x)
{
	return (x->value_len - HEAD) / ITEM;
}

static char *
item(const struct mem_xattr *x, uint32_t i)
{
	return acl_of(x) + HEAD + (size_t)i * ITEM;
}

static uint32_t
tag_of(const char *it)
{
	return mp_le16_get(it);
}

static uint32_t
perm_of(const char *it)
{
	return mp_le16_get(it + 2);
}

static uint32_t
id_of(const char *it)
{
	return mp_le32_get(it + 4);
}

static char *
find(const struct mem_xattr *x, uint32_t tag)
{
	uint32_t i;

	for (i = 0; i < items(x); i++)
		if (tag_of(item(x, i)) == tag)
			return item(x, i);
	return NULL;
}

/* In order, and one of each kind that there must be one of. */
static bool
is_valid(const struct mem_xattr *x)
{
	uint32_t i, tag, last = 0, seen = 0;
	const char *it;

	for (i = 0; i < items(x); i++) {
		it = item(x, i);
		tag = tag_of(it);
		if (perm_of(it) > 7 || tag < last || tag > OTHER ||
		    (tag & (tag - 1)) || !tag)
			return false;
		if (tag == last && !(tag & (USER | GROUP)))
			return false;
		last = tag;
		seen |= tag;
	}
	if ((seen & (USER_OBJ | GROUP_OBJ | OTHER)) !=
	    (USER_OBJ | GROUP_OBJ | OTHER))
		return false;
	return !(seen & (USER | GROUP)) || (seen & MASK);
}

/* Where the group's permissions of the mode are. */
static char *
class_of(const struct mem_xattr *x)
{
	char *mask = find(x, MASK);

	return mask ? mask : find(x, GROUP_OBJ);
}

static uint32_t
mode_of(const struct mem_xattr *x)
{
	return perm_of(find(x, USER_OBJ)) << 6 | perm_of(class_of(x)) << 3 |
	       perm_of(find(x, OTHER));
}

int
mem_acl_check(const struct mem_node *n, const struct mem_xattr *x,
	      uint32_t *mode, bool *keep)
{
	bool access = x->name_len == sizeof(MEM_ACL_ACCESS) - 1;

	*keep = false;
	if (!x->value_len)
		return 0;
	if (x->value_len < HEAD)
		return -EINVAL;
	if (mp_le32_get(acl_of(x)) != VERSION)
		return -EOPNOTSUPP;
	if ((x->value_len - HEAD) % ITEM)
		return -EINVAL;
	if (!items(x))
		return 0;
	if (!access && !mem_is(n, MP_S_IFDIR))
		return -EACCES;
	if (!is_valid(x))
		return -EINVAL;
	*keep = true;
	if (access) {
		*mode = (*mode & ~0777u) | mode_of(x);
		*keep = items(x) > 3;
	}
	return 0;
}

static struct mem_xattr *
acl_get(const struct mem_node *n, bool access)
{
	if (!n->xattr)
		return NULL;
	if (access)
		return mem_xattr_find(n, MEM_ACL_ACCESS,
				      sizeof(MEM_ACL_ACCESS) - 1);
	return mem_xattr_find(n, MEM_ACL_DEFAULT, sizeof(MEM_ACL_DEFAULT) - 1);
}

static void
perm_put(char *it, uint32_t perm)
{
	mp_le16_put(it + 2, (uint16_t)(perm & 7u));
}

void
mem_acl_chmod(struct mem_node *n, uint32_t mode)
{
	struct mem_xattr *x = acl_get(n, true);

	if (!x)
		return;
	perm_put(find(x, USER_OBJ), mode >> 6);
	perm_put(class_of(x), mode >> 3);
	perm_put(find(x, OTHER), mode);
}

static int
copy_acl(struct mem_fs *fs, struct mem_node *n, const struct mem_xattr *from,
	 bool access)
{
	struct mem_xattr *x;
	int error;

	if (access)
		x = mem_xattr_new(MEM_ACL_ACCESS, sizeof(MEM_ACL_ACCESS) - 1,
				  acl_of(from), from->value_len);
	else
		x = mem_xattr_new(MEM_ACL_DEFAULT, sizeof(MEM_ACL_DEFAULT) - 1,
				  acl_of(from), from->value_len);
	error = x ? mem_xattr_put(fs, n, x) : -ENOMEM;
	if (error)
		mp_mem_free(x);
	return error;
}

int
mem_acl_inherit(struct mem_fs *fs, const struct mem_node *dir,
		struct mem_node *n, uint32_t umask)
{
	const struct mem_xattr *from = acl_get(dir, false);
	int error = 0;

	if (mem_is(n, MP_S_IFLNK))
		return 0;
	if (!from) {
		n->mode &= ~(umask & 0777u);
		return 0;
	}
	/* What was asked and what the default allows, for each class. */
	n->mode &= ~0777u | mode_of(from);
	if (items(from) > 3) {
		error = copy_acl(fs, n, from, true);
		if (!error)
			mem_acl_chmod(n, n->mode);
	}
	if (!error && mem_is(n, MP_S_IFDIR))
		error = copy_acl(fs, n, from, false);
	return error;
}

bool
mem_acl_may(const struct mem_node *n, const struct mp_vfs_cred *cred,
	    uint32_t mask)
{
	const struct mem_xattr *x = acl_get(n, true);
	uint32_t i, limit, mode = n->mode;
	bool in_group = cred->gid == n->gid;
	const char *it;

	if (cred->uid == n->uid)
		return !(mask & ~(mode >> 6));
	if (!x)
		return !(mask & ~(in_group ? mode >> 3 : mode));
	limit = find(x, MASK) ? perm_of(find(x, MASK)) : 7u;
	for (i = 0; i < items(x); i++) {
		it = item(x, i);
		if (tag_of(it) == USER && id_of(it) == cred->uid)
			return !(mask & ~(perm_of(it) & limit));
	}
	for (i = 0, in_group = false; i < items(x); i++) {
		it = item(x, i);
		if (!(tag_of(it) == GROUP_OBJ && cred->gid == n->gid) &&
		    !(tag_of(it) == GROUP && id_of(it) == cred->gid))
			continue;
		if (!(mask & ~(perm_of(it) & limit)))
			return true;
		in_group = true;
	}
	return !in_group && !(mask & ~perm_of(find(x, OTHER)));
}
