/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Many threads in one vfs_mem at once, each with its own messages.  Afterwards
 * the tree is walked: links are counted where names are, every directory has
 * the parent that holds it, and when all is removed, all room is back.
 */
#include "t.h"

#include <msgport/agent.h>
#include <msgport/driver.h>
#include <msgport/kit.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define THREADS 4
#define TURNS 30000
#define DIRS 5	 /* looked up by all, the root first, others change */
#define NAMES 6	 /* in each directory */
#define STAYS 50 /* names that nobody touches while they are read */

extern const struct mp_driver mp_driver_vfs_mem;

static struct {
	struct mp_port port;
	struct mp_vfs vfs;
	uint64_t dir[DIRS]; /* ids; atomic */
	int stop;	    /* atomic */
} r;

#define M(type, op_, ...)                    \
	struct mp_vfs_##type m = {           \
		.msg = MP_MSG(MP_VFS_##op_), \
		.in = { __VA_ARGS__ },       \
	}
#define SEND() mp_call(&r.port, &m.msg)

struct actor {
	pthread_t thread;
	uint64_t random;
	struct mp_vfs_readdir m;
	uint64_t buf[1024];
	char data[8192];
};

static uint32_t
pick(struct actor *a, uint32_t n)
{
	a->random = a->random * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(a->random >> 33) % n;
}

static uint64_t
pick_dir(struct actor *a)
{
	return __atomic_load_n(&r.dir[pick(a, DIRS)], __ATOMIC_RELAXED);
}

static uint32_t
pick_name(struct actor *a, char *name)
{
	return (uint32_t)sprintf(name, "%u", pick(a, NAMES));
}

static void
forget(uint64_t node, uint64_t count)
{
	M(forget, FORGET, .items = 1);

	m.in.item[0].id = node;
	m.in.item[0].count = count;
	CHECK_EQ(SEND(), 0);
}

/* What others do at the same time makes these errors, and no others. */
static void
fair(int code)
{
	CHECK(code == 0 || code == -ENOENT || code == -EEXIST ||
	      code == -ENOTEMPTY || code == -ENOTDIR || code == -EISDIR ||
	      code == -ESTALE || code == -EINVAL || code == -EPERM ||
	      code == -ENOSPC || code == -ELOOP || code == -ENXIO);
}

static void
do_mkdir(struct actor *a)
{
	M(mkdir, MKDIR, .parent = pick_dir(a), .mode = 0755);
	uint64_t old;
	int code;

	m.in.name_len = pick_name(a, m.in.name);
	code = SEND();
	fair(code);
	if (code)
		return;
	/* The lookup goes to the table, the one that was there is forgotten. */
	old = __atomic_exchange_n(&r.dir[1 + pick(a, DIRS - 1)], m.out.entry.id,
				  __ATOMIC_ACQ_REL);
	if (old != MP_VFS_ROOT)
		forget(old, 1);
}

static void
do_create(struct actor *a)
{
	M(create, CREATE, .parent = pick_dir(a), .mode = 0644,
	  .flags = MP_O_RDWR | (pick(a, 2) ? MP_O_TRUNC : 0));
	struct mp_vfs_release rel = { .msg = MP_MSG(MP_VFS_RELEASE) };
	struct mp_vfs_write w = { .msg = MP_MSG(MP_VFS_WRITE) };
	struct mp_vfs_read rd = { .msg = MP_MSG(MP_VFS_READ) };
	int code;

	m.in.name_len = pick_name(a, m.in.name);
	code = SEND();
	fair(code);
	if (code)
		return;
	w.in.node = rd.in.node = rel.in.node = m.out.entry.id;
	w.in.fh = rd.in.fh = rel.in.fh = m.out.fh;
	w.in.offset = rd.in.offset = pick(a, 30000);
	w.buf = (struct mp_buf){ a->data, pick(a, 8000), MP_BUF_IN, 0 };
	fair(mp_call(&r.port, &w.msg));
	rd.buf = (struct mp_buf){ a->data, 8000, MP_BUF_OUT, 0 };
	fair(mp_call(&r.port, &rd.msg));
	CHECK_EQ(mp_call(&r.port, &rel.msg), 0);
	forget(m.out.entry.id, 1);
}

static void
do_unlink(struct actor *a)
{
	M(unlink, UNLINK, .parent = pick_dir(a));

	m.in.name_len = pick_name(a, m.in.name);
	fair(SEND());
}

static void
do_rmdir(struct actor *a)
{
	M(unlink, RMDIR, .parent = pick_dir(a));

	m.in.name_len = pick_name(a, m.in.name);
	fair(SEND());
}

static void
do_rename(struct actor *a)
{
	M(rename, RENAME, .parent = pick_dir(a), .new_parent = pick_dir(a),
	  .flags = pick(a, 3));

	m.in.name_len = pick_name(a, m.in.name);
	m.in.new_name_len = pick_name(a, m.in.new_name);
	fair(SEND());
}

static void
do_link(struct actor *a)
{
	struct mp_vfs_lookup l = { .msg = MP_MSG(MP_VFS_LOOKUP) };
	M(link, LINK, .parent = pick_dir(a));
	int code;

	l.in.parent = pick_dir(a);
	l.in.name_len = pick_name(a, l.in.name);
	code = mp_call(&r.port, &l.msg);
	fair(code);
	if (code)
		return;
	m.in.node = l.out.entry.id;
	m.in.name_len = pick_name(a, m.in.name);
	code = SEND();
	fair(code);
	forget(l.out.entry.id, code ? 1 : 2);
}

static void
do_dots(struct actor *a)
{
	M(lookup, LOOKUP, .parent = pick_dir(a), .name_len = 2, .name = "..");
	int code = SEND();

	fair(code);
	if (!code)
		forget(m.out.entry.id, 1);
}

static void
do_attr(struct actor *a)
{
	struct mp_vfs_setxattr x = { .msg = MP_MSG(MP_VFS_SETXATTR) };
	M(setattr, SETATTR, .node = pick_dir(a), .valid = MP_VFS_SET_MODE,
	  .mode = pick(a, 01000));
	struct mp_vfs_getattr g = { .msg = MP_MSG(MP_VFS_GETATTR) };

	fair(SEND());
	g.in.node = pick_dir(a);
	fair(mp_call(&r.port, &g.msg));
	x.in.node = pick_dir(a);
	x.in.name_len = (uint32_t)sprintf(x.in.name, "user.%u", pick(a, 4));
	x.buf = (struct mp_buf){ a->data, pick(a, 3000), MP_BUF_IN, 0 };
	fair(mp_call(&r.port, &x.msg));
}

/* Reads one directory to its end; what `each' does not keep is forgotten. */
static int
read_dir(struct actor *a, uint64_t node,
	 int (*each)(const struct mp_vfs_record *, void *), void *arg)
{
	M(open, OPENDIR, .node = node);
	struct mp_vfs_release rel = { .msg = MP_MSG(MP_VFS_RELEASEDIR) };
	struct mp_vfs_record rec;
	uint64_t cookie = 0;
	uint32_t at;
	int keep, code = SEND();

	fair(code);
	if (code)
		return code;
	do {
		a->m = (struct mp_vfs_readdir){ .msg = MP_MSG(
							MP_VFS_READDIRPLUS) };
		a->m.in.node = node;
		a->m.in.fh = m.out.fh;
		a->m.in.cookie = cookie;
		a->m.buf = (struct mp_buf){ a->buf, sizeof(a->buf), MP_BUF_OUT,
					    0 };
		CHECK_EQ(mp_call(&r.port, &a->m.msg), 0);
		for (at = 0; mp_vfs_dirent_get(&a->m, &at, &rec) == 1;) {
			cookie = rec.dirent.next_cookie;
			keep = each && rec.name[0] != '.' && each(&rec, arg);
			if (rec.entry.id && !keep)
				forget(rec.entry.id, 1);
		}
	} while (a->m.out.count);
	rel.in.node = node;
	rel.in.fh = m.out.fh;
	CHECK_EQ(mp_call(&r.port, &rel.msg), 0);
	return 0;
}

static void *
act(void *arg)
{
	static void (*const todo[])(struct actor *) = {
		do_mkdir,  do_create, do_create, do_create, do_unlink,
		do_rmdir,  do_rename, do_rename, do_rename, do_link,
		do_unlink, do_attr,   do_dots,
	};
	struct actor *a = arg;
	int i;

	for (i = 0; i < TURNS; i++) {
		if (i % 13 == 0)
			(void)read_dir(a, pick_dir(a), NULL, NULL);
		else
			todo[pick(a, sizeof(todo) / sizeof(todo[0]))](a);
		CHECK_EQ(mp_lock_count(), 0);
	}
	return NULL;
}

struct walk {
	struct actor *a;
	uint64_t dir[4096]; /* still to be walked */
	uint32_t dirs;
	uint32_t names[65536]; /* of a file, by its ino */
	uint32_t nodes;
	uint64_t blocks;
	uint32_t subdirs;
};

static int
see(const struct mp_vfs_record *rec, void *arg)
{
	struct walk *w = arg;
	const struct mp_vfs_attr *attr = &rec->entry.attr;

	CHECK_EQ(attr->mode >> 12, rec->dirent.type);
	CHECK(attr->ino < 65536);
	if (!w->names[attr->ino]++) {
		w->nodes++;
		w->blocks += attr->blocks / 8;
	}
	if ((attr->mode & MP_S_IFMT) != MP_S_IFDIR) {
		CHECK(attr->nlink >= w->names[attr->ino]);
		return 0;
	}
	CHECK_EQ(w->names[attr->ino], 1);
	CHECK(w->dirs < 4096);
	w->dir[w->dirs++] = rec->entry.id;
	w->subdirs++;
	return 1;
}

static struct mp_vfs_attr
attr_of(uint64_t node)
{
	M(getattr, GETATTR, .node = node);

	CHECK_EQ(SEND(), 0);
	return m.out.attr;
}

static struct mp_vfs_statfs_info
statfs(void)
{
	M(statfs, STATFS, .node = MP_VFS_ROOT);

	CHECK_EQ(SEND(), 0);
	return m.out.info;
}

static void
walk_all(struct actor *a)
{
	struct walk *w = calloc(1, sizeof(*w));
	uint32_t i, nlink;
	uint64_t node;

	CHECK(w);
	w->a = a;
	w->dir[w->dirs++] = MP_VFS_ROOT;
	w->nodes = 1;
	w->blocks = attr_of(MP_VFS_ROOT).blocks / 8;
	for (i = 0; i < w->dirs; i++) {
		node = w->dir[i];
		w->subdirs = 0;
		nlink = attr_of(node).nlink;
		CHECK_EQ(read_dir(a, node, see, w), 0);
		CHECK_EQ(nlink, w->subdirs + 2);
		if (node != MP_VFS_ROOT)
			forget(node, 1);
	}
	CHECK_EQ(w->nodes, statfs().files - statfs().ffree);
	CHECK_EQ(w->blocks, statfs().blocks - statfs().bfree);
	free(w);
}

static void
begin(void)
{
	struct mp_option_value value[MP_OPTIONS_MAX];
	char error[256];
	int i;

	CHECK_EQ(mp_driver_options(&mp_driver_vfs_mem,
				   "size=4m,inodes=3000,cache=0,atime=strict",
				   value, error, sizeof(error)),
		 0);
	CHECK_EQ(mp_driver_vfs_mem.open(value, &r.vfs.fs, error, sizeof(error)),
		 0);
	r.vfs.ops = mp_driver_vfs_mem.vfs;
	mp_port_init_call(&r.port, mp_vfs_handle, &r.vfs);
	r.port.flags = MP_PORT_MAY_BLOCK;
	for (i = 0; i < DIRS; i++)
		r.dir[i] = MP_VFS_ROOT;
	r.stop = 0;
	mp_lock_jitter(50);
}

static void
end(void)
{
	mp_port_fini(&r.port);
	mp_driver_vfs_mem.close(r.vfs.fs);
	CHECK_EQ(mp_mem_live(), 0);
}

static struct actor *
actors(void *(*fn)(void *), unsigned int n)
{
	struct actor *a = calloc(n, sizeof(*a));
	unsigned int i;

	CHECK(a);
	for (i = 0; i < n; i++) {
		a[i].random = i + 1;
		CHECK_EQ(pthread_create(&a[i].thread, NULL, fn, &a[i]), 0);
	}
	return a;
}

TEST(whatever_threads_do_the_tree_holds, .timeout_s = 20)
{
	struct actor *a;
	int i;

	begin();
	a = actors(act, THREADS);
	for (i = 0; i < THREADS; i++)
		CHECK_EQ(pthread_join(a[i].thread, NULL), 0);
	/* From here on nothing is looked up but the root. */
	for (i = 0; i < DIRS; i++)
		if (r.dir[i] != MP_VFS_ROOT)
			forget(r.dir[i], 1);
	walk_all(a);
	free(a);
	end();
}

/* Names that nobody touches, among names that come and go. */
static void *
churn(void *arg)
{
	M(unlink, UNLINK, .parent = MP_VFS_ROOT);
	struct actor *a = arg;

	while (!__atomic_load_n(&r.stop, __ATOMIC_RELAXED)) {
		do_create(a);
		do_rename(a);
		m.in.name_len = pick_name(a, m.in.name);
		fair(SEND());
	}
	return NULL;
}

static int
see_stay(const struct mp_vfs_record *rec, void *arg)
{
	unsigned char *seen = arg;

	if (rec->name[0] == 's')
		seen[strtoul(rec->name + 1, NULL, 10)]++;
	return 0;
}

TEST(a_reader_sees_what_stays_once, .timeout_s = 20)
{
	M(mknod, MKNOD, .parent = MP_VFS_ROOT, .mode = MP_S_IFREG | 0644u);
	struct actor *a, *reader = calloc(1, sizeof(*reader));
	unsigned char seen[STAYS];
	int i, turn;

	begin();
	CHECK(reader);
	for (i = 0; i < STAYS; i++) {
		m.in.name_len = (uint32_t)sprintf(m.in.name, "s%d", i);
		CHECK_EQ(SEND(), 0);
		forget(m.out.entry.id, 1);
	}
	a = actors(churn, 2);
	for (turn = 0; turn < 200; turn++) {
		memset(seen, 0, sizeof(seen));
		CHECK_EQ(read_dir(reader, MP_VFS_ROOT, see_stay, seen), 0);
		for (i = 0; i < STAYS; i++)
			CHECK_EQ(seen[i], 1);
	}
	__atomic_store_n(&r.stop, 1, __ATOMIC_RELAXED);
	for (i = 0; i < 2; i++)
		CHECK_EQ(pthread_join(a[i].thread, NULL), 0);
	free(reader);
	free(a);
	end();
}
