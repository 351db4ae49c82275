/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The driver: its options, its instances, its table.
 */
#include "mem.h"

enum {
	SIZE,
	INODES,
	MODE,
	UID,
	GID,
	ATIME,
	STICKY,
	QUOTA_SIZE,
	QUOTA_INODES,
	CACHE,
};

static const struct mp_option option[] = {
	[SIZE] = { .name = "size",
		   .help = "bytes of data; half of the memory if not given",
		   .kind = MP_OPTION_SIZE,
		   .min = MP_PAGE_SIZE,
		   .max = INT64_MAX },
	[INODES] = { .name = "inodes",
		     .help = "files and directories; one a page if not given",
		     .kind = MP_OPTION_SIZE,
		     .min = 1,
		     .max = MEM_NODE_MAX },
	[MODE] = { .name = "mode",
		   .help = "of the root directory",
		   .initial = "0755",
		   .kind = MP_OPTION_OCTAL,
		   .max = MP_S_IPERM },
	[UID] = { .name = "uid",
		  .help = "owner of the root directory",
		  .kind = MP_OPTION_UINT,
		  .max = UINT32_MAX - 1 },
	[GID] = { .name = "gid",
		  .help = "group of the root directory",
		  .kind = MP_OPTION_UINT,
		  .max = UINT32_MAX - 1 },
	[ATIME] = { .name = "atime",
		    .help = "when a read changes the time of access",
		    .initial = "relative",
		    .words = "relative|strict|none",
		    .kind = MP_OPTION_ENUM },
	[STICKY] = { .name = "sticky",
		     .help = "check sticky directories, if nobody else does",
		     .initial = "no",
		     .kind = MP_OPTION_BOOL },
	[QUOTA_SIZE] = { .name = "quota_size",
			 .help = "bytes of data of each user but root",
			 .kind = MP_OPTION_SIZE,
			 .max = INT64_MAX },
	[QUOTA_INODES] = { .name = "quota_inodes",
			   .help = "files of each user but root",
			   .kind = MP_OPTION_SIZE,
			   .max = MEM_NODE_MAX },
	[CACHE] = { .name = "cache",
		    .help = "seconds that a front-end may remember answers",
		    .initial = "86400",
		    .kind = MP_OPTION_UINT,
		    .max = 1000000000 },
};

static void
configure(struct mem_fs *fs, const struct mp_option_value *v)
{
	uint64_t half = mp_mem_total() / 2 / MP_PAGE_SIZE;

	fs->block_max = v[SIZE].given ? v[SIZE].number / MP_PAGE_SIZE : half;
	fs->node_max = v[INODES].given ? v[INODES].number : half;
	if (fs->node_max > MEM_NODE_MAX)
		fs->node_max = MEM_NODE_MAX;
	fs->atime = (uint32_t)v[ATIME].number;
	fs->sticky = v[STICKY].number != 0;
	fs->quota_block_max = v[QUOTA_SIZE].number / MP_PAGE_SIZE;
	if (v[QUOTA_SIZE].number && !fs->quota_block_max)
		fs->quota_block_max = 1;
	fs->quota_node_max = v[QUOTA_INODES].number;
	fs->valid_ns = v[CACHE].number * 1000000000u;
}

static void
mem_close(void *data)
{
	struct mem_fs *fs = data;
	struct mem_node *n;
	uint64_t index;

	for (index = 1; index < fs->index_next; index++) {
		n = mem_node_at(fs, index);
		if (mp_atomic_load(&n->id))
			mem_node_evict(fs, n);
	}
	mem_table_fini(fs);
	mem_quota_fini(fs);
	mp_mutex_fini(&fs->grow);
	mp_mutex_fini(&fs->moving);
	mp_mem_free(fs);
}

static int
mem_open_fs(const struct mp_option_value *v, void **out, char *error,
	    size_t error_size)
{
	struct mem_fs *fs = mp_mem_zalloc(sizeof(*fs));
	int code;

	(void)error;
	(void)error_size;
	if (!fs)
		return -ENOMEM;
	mp_mutex_init(&fs->moving);
	mp_mutex_init(&fs->grow);
	mp_spin_init(&fs->spin);
	mp_random_fill(&fs->seed, sizeof(fs->seed));
	configure(fs, v);
	code = mem_table_init(fs);
	if (code) {
		mem_close(fs);
		return code;
	}
	fs->root->mode = MP_S_IFDIR | (uint32_t)v[MODE].number;
	fs->root->uid = (uint32_t)v[UID].number;
	fs->root->gid = (uint32_t)v[GID].number;
	*out = fs;
	return 0;
}

static int
mem_attach(void *data, struct mp_vfs_attach *m)
{
	struct mem_fs *fs = data;

	(void)mp_atomic_add(&fs->attached, 1);
	m->out.caps = m->in.caps & MP_VFS_CAP_ALL;
	m->out.io_max = m->in.io_max;
	m->out.time_gran_ns = 1;
	m->out.reserved = 0;
	return 0;
}

/* The last front-end takes what it looked up and opened with it. */
static int
mem_detach(void *data, struct mp_vfs_detach *m)
{
	struct mem_fs *fs = data;
	uint64_t attached;

	(void)m;
	do {
		attached = mp_atomic_load(&fs->attached);
		if (!attached)
			return -EINVAL;
	} while (!mp_atomic_cas(&fs->attached, attached, attached - 1));
	if (attached == 1)
		mem_forget_all(fs);
	return 0;
}

/* There is nowhere to write anything back to. */
static int
mem_flush(void *fs, struct mp_vfs_release *m)
{
	(void)fs;
	(void)m;
	return 0;
}

static int
mem_fsync(void *fs, struct mp_vfs_fsync *m)
{
	(void)fs;
	(void)m;
	return 0;
}

static int
mem_syncfs(void *fs, struct mp_vfs_syncfs *m)
{
	(void)fs;
	(void)m;
	return 0;
}

static const struct mp_vfs_ops ops = {
	.lookup = mem_lookup,
	.forget = mem_forget,
	.getattr = mem_getattr,
	.setattr = mem_setattr,
	.readlink = mem_readlink,
	.mknod = mem_mknod,
	.mkdir = mem_mkdir,
	.unlink = mem_unlink,
	.rmdir = mem_rmdir,
	.symlink = mem_symlink,
	.rename = mem_rename,
	.link = mem_link,
	.open = mem_open,
	.read = mem_read,
	.write = mem_write,
	.flush = mem_flush,
	.release = mem_release,
	.fsync = mem_fsync,
	.opendir = mem_opendir,
	.readdir = mem_readdir,
	.readdirplus = mem_readdirplus,
	.releasedir = mem_releasedir,
	.fsyncdir = mem_fsync,
	.statfs = mem_statfs,
	.setxattr = mem_setxattr,
	.getxattr = mem_getxattr,
	.listxattr = mem_listxattr,
	.removexattr = mem_removexattr,
	.access = mem_access,
	.create = mem_create,
	.fallocate = mem_fallocate,
	.lseek = mem_lseek,
	.copy_file_range = mem_copy_file_range,
	.syncfs = mem_syncfs,
	.attach = mem_attach,
	.detach = mem_detach,
};

MP_DRIVER(vfs_mem) = {
	MP_DRIVER_STAMP,
	.name = "vfs_mem",
	.summary = "a complete POSIX file system in memory",
	.option = option,
	.options = sizeof(option) / sizeof(option[0]),
	.threading = MP_PARALLEL,
	.may_block = ~0ull, /* locks of nodes are held while memory is taken */
	.open = mem_open_fs,
	.close = mem_close,
	.iface = &mp_vfs_iface,
	.vfs = &ops,
};
