/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What a script asks next.
 *
 * The arguments are mixed from a few nodes, names and users, so that good and
 * bad requests are about as frequent.  One request in six gets a field that
 * its table forbids.
 */
#include "ask.h"

#include <string.h>

#define PERIOD 251u /* of the bytes that are lent */

struct mp_vfs_cred
any_cred(struct script *s)
{
	struct mp_vfs_cred c = { .pid = 1 };

	c.uid = c.gid = (uint32_t)script_below(s, 4);
	c.umask = one_in(s, 2) ? 022 : 0;
	return c;
}

/* Of that type if there is one; now and then none, or one that is no more. */
uint64_t
any_node(struct script *s, uint32_t type)
{
	const struct script_node *n = NULL;

	if (one_in(s, 24))
		type = 0;
	for (uint32_t i = 0; i < SCRIPT_NODES; i++) {
		n = &s->node[script_below(s, SCRIPT_NODES)];
		if (n->id != 0 && (type == 0 || type == n->type))
			break;
		n = NULL;
	}
	if (n == NULL)
		n = &s->node[0];
	if (one_in(s, 12))
		return n->id ^ 1ull << 40;
	return n->id;
}

const struct script_open *
any_open(struct script *s, bool dir)
{
	static const struct script_open none = { .node = MP_VFS_ROOT };
	const struct script_open *o;

	for (uint32_t i = 0; i < SCRIPT_OPENS; i++) {
		o = &s->open[script_below(s, SCRIPT_OPENS)];
		if (o->node != 0 && o->dir == dir)
			return o;
	}
	return &none;
}

/* node and fh of a message that has both. */
void
any_file(struct script *s, uint64_t *id, uint64_t *fh)
{
	const struct script_open *o = any_open(s, false);

	*id = one_in(s, 10) ? any_node(s, 0) : o->node;
	*fh = one_in(s, 10) ? 0 : o->fh;
	if (one_in(s, 24))
		*id ^= 1ull << 40;
}

uint64_t
any_offset(struct script *s)
{
	if (one_in(s, 10))
		return INT64_MAX - script_below(s, 10);
	if (one_in(s, 3))
		return 0;
	return script_below(s, one_in(s, 3) ? 1u << 20 : 1u << 14);
}

void
any_name(struct script *s, uint32_t *len, char *to)
{
	static const char *const odd[] = { "", "a/b", ".", "..", "" };
	char name[MP_VFS_NAME_MAX + 1] = "";
	uint32_t k = (uint32_t)script_below(s, 20);

	if (one_in(s, 7)) {
		k = (uint32_t)script_below(s, COUNT(odd));
		script_name(len, to, odd[k]);
		if (k == COUNT(odd) - 1)
			*len = MP_VFS_NAME_MAX + 1 +
			       (uint32_t)script_below(s, 9);
		return;
	}
	memset(name, (int)('a' + k), k < 16 ? 1 : 30 * (k - 12));
	script_name(len, to, name);
}

void
any_xattr(struct script *s, uint32_t *len, char *to)
{
	static const char *const names[] = {
		"user.a",
		"user.b",
		"user.c",
		"trusted.a",
		"security.a",
		"user.",
		"frob.a",
		"",
		"user.a",
		"user.b",
		"user.d",
		"system.posix_acl_access",
		"system.posix_acl_default",
		"system.posix_acl_default",
	};

	script_name(len, to, names[script_below(s, COUNT(names))]);
	if (one_in(s, 16))
		*len = MP_VFS_NAME_MAX + 1;
}

/* What is lent is the same each time; what is to be filled begins as 0xa5. */
struct mp_buf
lent(struct script *s, uint32_t dir, uint64_t len)
{
	static unsigned char bytes[SCRIPT_IO_MAX + PERIOD];
	uint64_t n = len < SCRIPT_IO_MAX ? len : SCRIPT_IO_MAX;

	for (uint32_t i = 0; bytes[0] == 0 && i < sizeof(bytes); i++)
		bytes[sizeof(bytes) - 1 - i] = (unsigned char)(1 + i % PERIOD);
	if (dir == MP_BUF_IN)
		memcpy(s->room, bytes + len % PERIOD, n);
	else
		memset(s->room, 0xa5, n);
	return (struct mp_buf){ s->room, len, dir, 0 };
}

uint32_t
any_mode(struct script *s)
{
	static const uint32_t modes[] = { 0755, 01777, 0, 0644, 06711 };

	return modes[script_below(s, COUNT(modes))];
}

/* Read, write or both, and sometimes more. */
uint32_t
any_flags(struct script *s)
{
	static const uint32_t more[] = { MP_O_APPEND, MP_O_TRUNC, MP_O_NOATIME,
					 MP_O_DIRECT };
	uint32_t flags = (uint32_t)script_below(s, one_in(s, 8) ? 4 : 3);

	if (one_in(s, 2))
		flags = MP_O_RDWR;
	return flags | (one_in(s, 3) ? more[script_below(s, COUNT(more))] : 0);
}

uint64_t
any_dir(struct script *s)
{
	if (one_in(s, 8))
		return any_node(s, one_in(s, 2) ? MP_S_IFREG : MP_S_IFLNK);
	return one_in(s, 3) ? MP_VFS_ROOT : any_node(s, MP_S_IFDIR);
}

/* A field that is not what it must be, or too much of something. */
static void
spoil(struct script *s)
{
	const struct mp_iface_op *op =
		mp_iface_op_find(&mp_vfs_iface, s->m.msg.op);
	const uint64_t bad = UINT64_MAX;
	const struct mp_iface_field *f;
	char *m = (char *)&s->m;
	uint64_t *len;

	for (int tries = 0; tries < 20; tries++) {
		f = &op->field[script_below(s, op->fields)];
		if (f->off >= op->in.off + op->in.size ||
		    f->kind == MP_FIELD_TEXT || f->kind == MP_FIELD_ITEMS ||
		    f->kind == MP_FIELD_U32)
			continue;
		memcpy(m + f->off, &bad, f->size);
		if (f->kind == MP_FIELD_ID)
			memset(m + f->off, 0, f->size);
		return;
	}
	len = (uint64_t *)(void *)(m + op->buf.off +
				   offsetof(struct mp_buf, len));
	if (op->buf.dir != 0)
		*len = (uint64_t)op->buf.max + 1;
}

static void
ask_unknown(struct script *s)
{
	s->m.msg.op += (uint32_t)script_below(s, 4);
}

static const struct ask {
	uint32_t op;
	void (*ask)(struct script *);
	uint32_t weight;
	bool allocates;
} asks[] = {
	{ MP_VFS_LOOKUP, ask_lookup, 6, false },
	{ MP_VFS_FORGET, ask_forget, 4, false },
	{ MP_VFS_GETATTR, ask_getattr, 4, false },
	{ MP_VFS_SETATTR, ask_setattr, 12, true },
	{ MP_VFS_READLINK, ask_readlink, 6, false },
	{ MP_VFS_MKNOD, ask_mknod, 6, true },
	{ MP_VFS_MKDIR, ask_mkdir, 6, true },
	{ MP_VFS_UNLINK, ask_unlink, 10, false },
	{ MP_VFS_RMDIR, ask_unlink, 10, false },
	{ MP_VFS_SYMLINK, ask_symlink, 10, true },
	{ MP_VFS_RENAME, ask_rename, 18, true },
	{ MP_VFS_LINK, ask_link, 6, true },
	{ MP_VFS_OPEN, ask_open, 6, false },
	{ MP_VFS_READ, ask_read, 6, false },
	{ MP_VFS_WRITE, ask_write, 6, true },
	{ MP_VFS_FLUSH, ask_file, 4, false },
	{ MP_VFS_RELEASE, ask_file, 5, false },
	{ MP_VFS_FSYNC, ask_fsync, 4, false },
	{ MP_VFS_OPENDIR, ask_opendir, 5, true },
	{ MP_VFS_READDIR, ask_readdir, 6, false },
	{ MP_VFS_READDIRPLUS, ask_readdir, 6, false },
	{ MP_VFS_RELEASEDIR, ask_dir, 4, false },
	{ MP_VFS_FSYNCDIR, ask_fsync, 4, false },
	{ MP_VFS_STATFS, ask_node, 4, false },
	{ MP_VFS_SETXATTR, ask_setxattr, 10, true },
	{ MP_VFS_GETXATTR, ask_getxattr, 10, false },
	{ MP_VFS_LISTXATTR, ask_listxattr, 4, false },
	{ MP_VFS_REMOVEXATTR, ask_removexattr, 8, false },
	{ MP_VFS_ACCESS, ask_access, 4, false },
	{ MP_VFS_CREATE, ask_create, 8, true },
	{ MP_VFS_FALLOCATE, ask_fallocate, 7, true },
	{ MP_VFS_LSEEK, ask_lseek, 5, false },
	{ MP_VFS_COPY_FILE_RANGE, ask_copy, 12, true },
	{ MP_VFS_SYNCFS, ask_node, 4, false },
	{ MP_VFS_ATTACH, ask_attach, 3, false },
	{ MP_VFS_DETACH, ask_detach, 1, false },
	{ MP_VFS_INVAL_INODE, ask_upward, 4, false },
	{ MP_VFS_INVAL_ENTRY, ask_upward, 4, false },
	{ MP_VFS_DELETE, ask_upward, 4, false },
	{ MP_VFS_OP_END, ask_unknown, 1, false },
};

static bool
fits(const struct script *s, const struct ask *a, bool allocates, bool late)
{
	return (a->allocates || !allocates) &&
	       (!late || s->wants(s->arg, a->op));
}

/* NULL if there is none of them. */
static const struct ask *
pick(struct script *s, bool allocates, bool late)
{
	uint32_t at, total = 0;

	for (uint32_t i = 0; i < COUNT(asks); i++)
		total +=
			fits(s, &asks[i], allocates, late) ? asks[i].weight : 0;
	if (total == 0)
		return NULL;
	at = (uint32_t)script_below(s, total);
	for (uint32_t i = 0;; i++) {
		if (!fits(s, &asks[i], allocates, late))
			continue;
		if (at < asks[i].weight)
			return &asks[i];
		at -= asks[i].weight;
	}
}

bool
ask_next(struct script *s, bool allocates, bool late)
{
	const struct ask *a = pick(s, allocates, late);

	if (a == NULL && allocates)
		a = pick(s, false, late);
	if (a == NULL)
		return false;
	script_begin(s, a->op);
	a->ask(s);
	if (!allocates && a->op != MP_VFS_OP_END && one_in(s, 6))
		spoil(s);
	return true;
}
