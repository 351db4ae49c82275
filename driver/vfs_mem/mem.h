/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef VFS_MEM_H
#define VFS_MEM_H

/*
 * A file system in memory; private to driver/vfs_mem.
 *
 * Nodes live in chunks that are never freed before close(), so that an id may
 * be followed to its node without a lock and a stale one is found out there:
 * the node's own id is read again under one of its locks.  An id is the index
 * of the node and, above it, how often the node was used before.
 *
 * Lock order, outermost first:
 *   fs->moving		a directory moves to another parent, or is exchanged
 *   node->rw		names of a directory, data of a file, xattrs; two
 *			nodes at once: the smaller index first
 *   fs->grow		the table of nodes grows; the table of quotas
 *   node->spin		attributes and counts; never two at once
 *   fs->spin		the free list
 *
 * mode, uid, gid, size and blocks are written under rw (write) and spin, and
 * so are read under either; nlink, lookups, opens, entries and times under
 * spin; the rest under rw.  parent is written under moving and spin.
 *
 * A node goes when its links, lookups and opens are all zero.  Whoever brings
 * the last to zero gets true from mem_node_gone() under spin, lets go of all
 * locks and calls mem_node_evict().
 *
 * Operations that can fail do so before they change anything: first whatever
 * allocates or is limited, then, under the same rw, what cannot fail.
 */

#include <msgport/driver.h>
#include <msgport/kit.h>
#include <msgport/kit_tree.h>

#define MEM_CHUNK 64u /* nodes */
#define MEM_MID 4096u /* chunks */
#define MEM_TOP 1024u /* mids */
#define MEM_MID_NODES ((uint64_t)MEM_CHUNK * MEM_MID)
#define MEM_NODE_MAX (MEM_MID_NODES * MEM_TOP - 1)
#define MEM_LINK_MAX 32000u
#define MEM_SIZE_MAX INT64_MAX /* bytes of a file */
#define MEM_NEVER UINT64_MAX

struct mem_quota {
	struct mp_hnode link;
	uint32_t uid;
	uint64_t blocks; /* atomic */
	uint64_t nodes;	 /* atomic */
};

struct mem_xattr {
	struct mem_xattr *next;
	uint32_t name_len;
	uint32_t value_len;
	char bytes[]; /* name, then value */
};

struct mem_node;

/* A name in a directory. */
struct mem_entry {
	struct mp_hnode link;
	uint64_t cookie;
	struct mem_node *node;
	uint32_t len;
	char name[];
};

struct mem_dir {
	struct mp_htab names;
	struct mp_radix order; /* cookie to entry */
	struct mp_radix open;  /* handle to cursor */
	uint64_t cookie_next;
	uint64_t handle_next;
};

/*
 * An open directory.  Entries made after it was opened or rewound are not
 * shown, or a program that makes a file for each it reads would never end.
 */
struct mem_cursor {
	uint64_t limit; /* atomic: the last cookie to show */
};

struct mem_node {
	struct mp_rw rw;
	struct mp_spin spin;
	uint32_t index;
	uint64_t id;   /* atomic; 0: not in use */
	uint32_t type; /* of mode; constant */
	uint32_t mode;
	uint32_t uid;
	uint32_t gid;
	uint32_t nlink; /* 0: unlinked, or a directory that was removed */
	uint64_t size;
	uint64_t blocks; /* charged to the file system and to quota */
	uint64_t meta;	 /* bytes of names and xattrs; under rw */
	uint64_t lookups;
	uint64_t entries; /* of a directory, made or being made */
	uint32_t opens;
	uint32_t life; /* upper half of the id; under fs->spin while free */
	uint32_t rdev_major;
	uint32_t rdev_minor;
	bool going; /* somebody evicts it */
	bool ghost; /* it waits to be forgotten, and is charged to nobody */
	struct mp_wall atime;
	struct mp_wall mtime;
	struct mp_wall ctime;
	struct mp_wall btime;
	uint64_t due; /* atomic: relative atime rests until then, or a change */
	struct mem_quota *quota; /* NULL: none are kept */
	struct mem_xattr *xattr;
	struct mem_node *parent; /* of a directory */
	union {
		struct mp_radix pages; /* page number to page */
		struct mem_dir *dir;
		char *target;	       /* of a symlink; constant */
		struct mem_node *next; /* in the free list */
	};
};

enum mem_atime { MEM_ATIME_RELATIVE, MEM_ATIME_STRICT, MEM_ATIME_NONE };

struct mem_fs {
	struct mp_mutex moving;
	struct mp_mutex grow;
	struct mp_spin spin;
	struct mem_node *free;
	uint64_t index_next; /* under grow */
	struct mp_htab quotas;
	uint64_t seed; /* of the hash of names */
	uint64_t fsid;
	uint64_t blocks;   /* atomic: in use */
	uint64_t nodes;	   /* atomic: charged */
	uint64_t ghosts;   /* atomic: no longer charged, 0..node_max */
	uint64_t attached; /* atomic: front-ends */
	uint64_t now;	   /* atomic: seconds, at the last change or open */
	uint64_t block_max;
	uint64_t node_max;
	uint64_t quota_block_max; /* 0: no quotas of blocks */
	uint64_t quota_node_max;
	uint64_t valid_ns; /* how long answers may be remembered */
	uint32_t atime;	   /* enum mem_atime */
	bool sticky;	   /* we check sticky directories */
	struct mem_node *root;
	struct mem_node **top[MEM_TOP];
};

/* What the next node is to be. */
struct mem_make {
	const struct mp_vfs_cred *cred;
	uint32_t mode;
	uint32_t rdev_major;
	uint32_t rdev_minor;
	const char *name;
	uint32_t name_len;
	uint32_t target_len;
	const char *target;
};

/* NULL: no such node now; another may be there when a lock is held. */
static inline struct mem_node *
mem_node_at(struct mem_fs *fs, uint64_t id)
{
	uint32_t index = (uint32_t)id;
	struct mem_node **mid, *chunk;

	if (!index || index > MEM_NODE_MAX)
		return NULL;
	mid = mp_atomic_load_ptr(&fs->top[index / MEM_MID_NODES]);
	if (!mid)
		return NULL;
	chunk = mp_atomic_load_ptr(&mid[index / MEM_CHUNK % MEM_MID]);
	return chunk ? &chunk[index % MEM_CHUNK] : NULL;
}

static inline bool
mem_is(const struct mem_node *n, uint32_t type)
{
	return n->type == type;
}

/* node.c */
int mem_table_init(struct mem_fs *);
void mem_table_fini(struct mem_fs *);
/* 0 or -ESTALE; with the node's rw, or its spin, taken */
int mem_rdlock(struct mem_fs *, uint64_t id, struct mem_node **);
int mem_wrlock(struct mem_fs *, uint64_t id, struct mem_node **);
int mem_spinlock(struct mem_fs *, uint64_t id, struct mem_node **);
/*
 * Looked up once, without a link, and not yet found by its id: publish comes
 * when it has its name, or evict when it is not to be.
 */
int mem_node_new(struct mem_fs *, struct mem_node *dir, const struct mem_make *,
		 struct mem_node **);
void mem_node_publish(struct mem_node *);
bool mem_node_gone(struct mem_node *);
int mem_node_open(struct mem_node *);
int mem_node_close(struct mem_fs *, struct mem_node *, bool *gone);
void mem_node_evict(struct mem_fs *, struct mem_node *);
int mem_forget(void *fs, struct mp_vfs_forget *);
void mem_forget_all(struct mem_fs *);

/* quota.c: blocks are of MP_PAGE_SIZE; 0, -ENOSPC, -EDQUOT or -ENOMEM */
int mem_charge(struct mem_fs *, struct mem_quota *, uint64_t blocks);
void mem_uncharge(struct mem_fs *, struct mem_quota *, uint64_t blocks);
int mem_charge_node(struct mem_fs *, struct mem_quota *);
void mem_uncharge_node(struct mem_fs *, struct mem_quota *);
/* Under spin: if it has neither name nor handle, its room is free. */
void mem_node_ghost(struct mem_fs *, struct mem_node *);
int mem_quota_find(struct mem_fs *, uint32_t uid, struct mem_quota **);
/* Under rw (write): gives the node to uid, all or nothing. */
int mem_quota_move(struct mem_fs *, struct mem_node *, uint32_t uid);
void mem_quota_fini(struct mem_fs *);
/* Under rw (write): meta grows or shrinks, its whole blocks are charged. */
int mem_meta_grow(struct mem_fs *, struct mem_node *, uint64_t bytes);
void mem_meta_shrink(struct mem_fs *, struct mem_node *, uint64_t bytes);

/* attr.c; fill, changed and touch under spin */
void mem_attr_fill(const struct mem_node *, struct mp_vfs_attr *);
void mem_entry_fill(const struct mem_fs *, const struct mem_node *,
		    struct mp_vfs_entry *);
struct mp_wall mem_now(struct mem_fs *);
void mem_changed(struct mem_node *, const struct mp_wall *); /* ctime */
void mem_touch(struct mem_node *, const struct mp_wall *);   /* and mtime */
/* Takes spin, if the time of access changes. */
void mem_accessed(struct mem_fs *, struct mem_node *);
int mem_getattr(void *fs, struct mp_vfs_getattr *);
int mem_setattr(void *fs, struct mp_vfs_setattr *);
int mem_access(void *fs, struct mp_vfs_access *);
int mem_statfs(void *fs, struct mp_vfs_statfs *);
/* Under rw (write): what a write by a stranger takes away. */
void mem_kill_suid(struct mem_fs *, struct mem_node *);

/* dir.c; under the directory's rw (write) but for find */
struct mem_entry *mem_dir_find(struct mem_fs *, struct mem_node *dir,
			       const char *name, uint32_t len);
/* One more entry is to come: -ENOENT if the directory was removed. */
int mem_dir_reserve(struct mem_node *dir);
void mem_dir_unreserve(struct mem_node *dir);
/* cookie 0: a new one; else the entry takes over the order of another. */
int mem_dir_prepare(struct mem_fs *, struct mem_node *dir,
		    const struct mem_make *name, uint64_t cookie,
		    struct mem_entry **);
void mem_dir_commit(struct mem_node *dir, struct mem_entry *,
		    struct mem_node *);
/* Also of an entry that was only prepared. */
void mem_dir_remove(struct mem_fs *, struct mem_node *dir, struct mem_entry *);
void mem_dir_fini(struct mem_dir *);
int mem_opendir(void *fs, struct mp_vfs_open *);
int mem_readdir(void *fs, struct mp_vfs_readdir *);
int mem_readdirplus(void *fs, struct mp_vfs_readdir *);
int mem_releasedir(void *fs, struct mp_vfs_release *);

/* name.c */
int mem_dir_wrlock(struct mem_fs *, uint64_t id, struct mem_node **);
bool mem_may_remove(const struct mem_fs *, const struct mp_vfs_cred *,
		    const struct mem_node *dir, struct mem_node *);
int mem_lookup(void *fs, struct mp_vfs_lookup *);
int mem_mknod(void *fs, struct mp_vfs_mknod *);
int mem_mkdir(void *fs, struct mp_vfs_mkdir *);
int mem_symlink(void *fs, struct mp_vfs_symlink *);
int mem_create(void *fs, struct mp_vfs_create *);
int mem_link(void *fs, struct mp_vfs_link *);
int mem_unlink(void *fs, struct mp_vfs_unlink *);
int mem_rmdir(void *fs, struct mp_vfs_unlink *);
int mem_readlink(void *fs, struct mp_vfs_readlink *);

/*
 * One link less, of a directory all: -ENOTEMPTY.  gone: to be evicted when the
 * locks are free.
 */
int mem_node_unlink(struct mem_fs *, struct mem_node *,
		    const struct mp_wall *now, bool *gone);

/* rename.c */
int mem_rename(void *fs, struct mp_vfs_rename *);

/* file.c */
/* Under rw (write). */
void mem_resize(struct mem_fs *, struct mem_node *, uint64_t size);
uint64_t mem_handle(uint32_t flags);
uint32_t mem_open_flags(const struct mem_fs *);
/* What MP_O_TRUNC does; attr is filled again. */
int mem_open_truncate(struct mem_fs *, const struct mp_vfs_cred *, uint64_t id,
		      struct mp_vfs_attr *);
int mem_open(void *fs, struct mp_vfs_open *);
int mem_release(void *fs, struct mp_vfs_release *);
int mem_read(void *fs, struct mp_vfs_read *);
int mem_write(void *fs, struct mp_vfs_write *);
int mem_lseek(void *fs, struct mp_vfs_lseek *);
int mem_fallocate(void *fs, struct mp_vfs_fallocate *);
int mem_copy_file_range(void *fs, struct mp_vfs_copy_file_range *);

/*
 * data.c; under rw (write) but for read, next and hole.  fill and punch count
 * in the node's blocks what they add and take away.
 */
struct mem_span {
	uint64_t offset;
	uint64_t len;
	bool whole;	/* all or nothing, else as much as there is room for */
	bool overwrite; /* the pages wholly in it need not be zeroed */
	uint64_t added; /* pages that were missing */
};
/*
 * Gives the span its pages.  span->len says how much of it has them now.  New
 * ones are tagged until write or settle has passed over them.
 */
int mem_data_fill(struct mem_fs *, struct mem_node *, struct mem_span *);
void mem_data_settle(struct mem_node *, const struct mem_span *);
void mem_data_write(struct mem_node *, uint64_t offset, const char *,
		    uint64_t len);
void mem_data_read(const struct mem_node *, uint64_t offset, char *,
		   uint64_t len);
/* Whole pages go, what is left of others is zeroed. */
void mem_data_punch(struct mem_fs *, struct mem_node *, uint64_t offset,
		    uint64_t end);
/* Zeroes what there is. */
void mem_data_zero(struct mem_node *, uint64_t offset, uint64_t end);
void mem_data_fini(struct mem_node *);
/* The first byte of a page at offset or after it, or NEVER. */
uint64_t mem_data_next(const struct mem_node *, uint64_t offset);
/* The byte at offset, which is in a page. */
const char *mem_data_at(const struct mem_node *, uint64_t offset);
/* The first byte at offset or after it that is in no page. */
uint64_t mem_data_hole(const struct mem_node *, uint64_t offset);

/* xattr.c */
int mem_setxattr(void *fs, struct mp_vfs_setxattr *);
int mem_getxattr(void *fs, struct mp_vfs_getxattr *);
int mem_listxattr(void *fs, struct mp_vfs_listxattr *);
int mem_removexattr(void *fs, struct mp_vfs_removexattr *);
void mem_xattr_fini(struct mem_node *);
/* Under rw: NULL if there is none. */
struct mem_xattr *mem_xattr_find(const struct mem_node *, const char *name,
				 uint32_t len);
struct mem_xattr *mem_xattr_new(const char *name, uint32_t name_len,
				const void *value, uint64_t value_len);
/* Under rw (write): replaces one of that name; on error it is the caller's. */
int mem_xattr_put(struct mem_fs *, struct mem_node *, struct mem_xattr *);
/* Under rw (write): false if there was none. */
bool mem_xattr_drop(struct mem_fs *, struct mem_node *, const char *name,
		    uint32_t len);

/* acl.c; under rw */
#define MEM_ACL_ACCESS "system.posix_acl_access"
#define MEM_ACL_DEFAULT "system.posix_acl_default"
/*
 * An ACL that is to be set: 0, or why not.  mode is what an access ACL makes of
 * the node's; keep is false if it says no more than the mode does.
 */
int mem_acl_check(const struct mem_node *, const struct mem_xattr *,
		  uint32_t *mode, bool *keep);
/* A new node's mode and ACLs, from its directory's default ACL or umask. */
int mem_acl_inherit(struct mem_fs *, const struct mem_node *dir,
		    struct mem_node *, uint32_t umask);
void mem_acl_chmod(struct mem_node *, uint32_t mode);
/* May one who is not root?  mask is of MP_VFS_*_OK. */
bool mem_acl_may(const struct mem_node *, const struct mp_vfs_cred *,
		 uint32_t mask);

#endif
