/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Directory records: written by drivers, read by front-ends.
 *
 * The buffer belongs to the sender of the readdir and may be shared with the
 * driver's side, so a record is copied out first and only the copy is checked.
 * The name and its zeros are copied together: a name of 255 bytes and the
 * padding that follows it are 256.
 */

#include "vfs_check.h"

#define RECORD_TYPES (1u | VFS_TYPES) /* as bits; 0 is "unknown" */

static bool
is_plus(const struct mp_vfs_readdir *m)
{
	return m->msg.op == MP_VFS_READDIRPLUS;
}

int
mp_vfs_dirent_put(struct mp_vfs_readdir *m, const struct mp_vfs_dirent *d,
		  const char *name, const struct mp_vfs_entry *entry)
{
	size_t size = MP_VFS_RECORD_SIZE(d->name_len, is_plus(m));
	char *at = m->buf.base;
	char *end;

	if (m->out.count > m->buf.len || size > m->buf.len - m->out.count)
		return -ENOSPC;
	at += m->out.count;
	end = at + size;
	memcpy(at, d, sizeof(*d));
	at += sizeof(*d);
	if (is_plus(m)) {
		if (entry != NULL)
			memcpy(at, entry, sizeof(*entry));
		else
			memset(at, 0, sizeof(*entry));
		at += sizeof(*entry);
	}
	memcpy(at, name, d->name_len);
	memset(at + d->name_len, 0, (size_t)(end - at) - d->name_len);
	m->out.count += (uint32_t)size;
	return 0;
}

/* Id 0 is "no entry", whatever stands beside it. */
static bool
entry_ok(const struct mp_vfs_record *r)
{
	const struct mp_vfs_entry *e = &r->entry;
	uint32_t type = r->dirent.type;

	if (e->id == 0)
		return true;
	return e->id != MP_VFS_ROOT &&
	       !vfs_is_dots(r->name, r->dirent.name_len) &&
	       vfs_attr_ok(&e->attr, VFS_TYPES) &&
	       (type == 0 || type == e->attr.mode >> 12);
}

static bool
dirent_ok(const struct mp_vfs_dirent *d)
{
	return d->ino != 0 && d->next_cookie != 0 &&
	       d->next_cookie <= VFS_OFFSET_MAX && d->type < 16 &&
	       ((1u << d->type) & RECORD_TYPES) != 0;
}

/* room: bytes of r->name that were copied, the name and its padding. */
static bool
record_ok(const struct mp_vfs_record *r, size_t room)
{
	uint32_t len = r->dirent.name_len;

	for (size_t i = len; i < room; i++) {
		if (r->name[i] != '\0')
			return false;
	}
	return dirent_ok(&r->dirent) && mp_vfs_name_check(r->name, len) == 0 &&
	       entry_ok(r);
}

int
mp_vfs_dirent_get(const struct mp_vfs_readdir *m, uint32_t *at,
		  struct mp_vfs_record *r)
{
	const char *from = m->buf.base;
	size_t head = MP_VFS_RECORD_SIZE(0, is_plus(m));
	size_t left, size;

	if (m->out.count > m->buf.len || *at > m->out.count)
		return -EPROTO;
	left = m->out.count - *at;
	if (left == 0)
		return 0;
	if (left < head)
		return -EPROTO;
	from += *at;
	memcpy(&r->dirent, from, sizeof(r->dirent));
	if (is_plus(m))
		memcpy(&r->entry, from + sizeof(r->dirent), sizeof(r->entry));
	else
		r->entry.id = 0;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	if (r->dirent.name_len > MP_VFS_NAME_MAX)
		return -EPROTO;
	size = MP_VFS_RECORD_SIZE(r->dirent.name_len, is_plus(m));
	if (size > left)
		return -EPROTO;
	memcpy(r->name, from + head, size - head);
	if (size - head < sizeof(r->name))
		r->name[size - head] = '\0';
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	if (!record_ok(r, size - head))
		return -EPROTO;
	if (r->entry.id == 0)
		memset(&r->entry, 0, sizeof(r->entry));
	*at += (uint32_t)size;
	return 1;
}
