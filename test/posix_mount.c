/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The way to a file system through the kernel: `msgport mount' in a child, and
 * system calls.  What was written is written back and dropped from the page
 * cache before it is read, so that reads reach the driver.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "posix.h"
#include "t.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#define DIRS 8
#define FUSE_MAGIC 0x65735546
#define TICK_US 12000 /* more than one tick of the coarse clock */
#define PATH_BYTES 8192

static struct {
	char root[64];
	int pid;
	DIR *dir[DIRS];
} c;

/* 0 or a count, or -errno */
#define R(x)                                         \
	({                                           \
		__typeof__(x) r_ = (x);              \
		r_ < 0 ? (__typeof__(x))-errno : r_; \
	})

struct path {
	char s[PATH_BYTES];
};

static struct path
at(const char *path)
{
	struct path p;

	CHECK(snprintf(p.s, sizeof(p.s), "%s/%s", c.root, path) <
	      (int)sizeof(p.s));
	return p;
}

static void
serve(const char *options, bool through)
{
	const char *build = getenv("B");
	char command[256], target[256];

	(void)snprintf(command, sizeof(command), "%s/msgport",
		       build ? build : "build");
	(void)snprintf(target, sizeof(target), "vfs_mem%s%s",
		       *options ? "," : "", options);
	(void)execl(command, "msgport", "mount", "-f", "-o",
		    through ? "suid,dev,no_writeback" : "suid,dev", target,
		    c.root, (char *)NULL);
	_exit(127);
}

static void
mount_begin(const char *options, bool through)
{
	struct pollfd change[2] = { { .events = POLLPRI },
				    { .events = POLLIN } };
	struct statfs st;
	int mounts;

	if (geteuid() != 0 || access("/dev/fuse", R_OK | W_OK))
		SKIP("not root, or no /dev/fuse");
	(void)strcpy(c.root, "/tmp/msgport.XXXXXX");
	CHECK(mkdtemp(c.root));
	CHECK_EQ(setgroups(0, NULL), 0);
	(void)umask(0);
	mounts = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	CHECK(mounts >= 0);
	c.pid = fork();
	CHECK(c.pid >= 0);
	if (!c.pid)
		serve(options, through);
	/* Until something is mounted there, or the child has died. */
	change[0].fd = mounts;
	change[1].fd = (int)syscall(SYS_pidfd_open, c.pid, 0);
	CHECK(change[1].fd >= 0);
	while (statfs(c.root, &st) || st.f_type != FUSE_MAGIC) {
		CHECK(poll(change, 2, -1) > 0);
		CHECK(!(change[1].revents & POLLIN));
	}
	CHECK_EQ(close(change[1].fd), 0);
	CHECK_EQ(close(mounts), 0);
}

static void
mount_end(void)
{
	int status;

	CHECK_EQ(R(umount2(c.root, 0)), 0);
	CHECK_EQ(waitpid(c.pid, &status, 0), c.pid);
	CHECK_EQ(status, 0);
	CHECK_EQ(rmdir(c.root), 0);
}

static void
mount_tick(void)
{
	(void)usleep(TICK_US);
}

static void
mount_who(uint32_t uid, uint32_t gid)
{
	CHECK_EQ(seteuid(0), 0);
	CHECK_EQ(setegid(gid), 0);
	CHECK_EQ(seteuid(uid), 0);
}

static void
mount_umask(uint32_t mask)
{
	(void)umask(mask);
}

static int
mount_open(const char *path, int flags, uint32_t mode)
{
	return R(open(at(path).s, flags | O_NOFOLLOW, mode));
}

static int
mount_close(int fd)
{
	return R(close(fd));
}

static int64_t
mount_read(int fd, void *to, uint64_t len, uint64_t offset)
{
	(void)fdatasync(fd);
	(void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	return R(pread(fd, to, len, (off_t)offset));
}

static int64_t
mount_write(int fd, const void *from, uint64_t len, uint64_t offset)
{
	return R(pwrite(fd, from, len, (off_t)offset));
}

static int
mount_truncate(const char *path, uint64_t size)
{
	return R(truncate(at(path).s, (off_t)size));
}

static int
mount_ftruncate(int fd, uint64_t size)
{
	return R(ftruncate(fd, (off_t)size));
}

static int
mount_fallocate(int fd, int mode, uint64_t offset, uint64_t len)
{
	return R(fallocate(fd, mode, (off_t)offset, (off_t)len));
}

static int64_t
mount_lseek(int fd, uint64_t offset, int whence)
{
	return R(lseek(fd, (off_t)offset, whence));
}

static int64_t
mount_copy(const int *fd, const uint64_t *off, uint64_t len)
{
	off_t from = (off_t)off[0], to = (off_t)off[1];

	return R(copy_file_range(fd[0], &from, fd[1], &to, len, 0));
}

static int
mount_fsync(int fd)
{
	return R(fsync(fd));
}

static struct px_time
time_of(struct statx_timestamp t)
{
	return (struct px_time){ t.tv_sec, t.tv_nsec };
}

static int
get(int fd, const char *path, struct px_stat *st)
{
	int flags = AT_SYMLINK_NOFOLLOW | AT_STATX_FORCE_SYNC |
		    (fd < 0 ? 0 : AT_EMPTY_PATH);
	struct statx x;

	if (statx(fd, path, flags, STATX_BASIC_STATS | STATX_BTIME, &x))
		return -errno;
	*st = (struct px_stat){ .ino = x.stx_ino,
				.size = x.stx_size,
				.blocks = x.stx_blocks,
				.mode = x.stx_mode,
				.nlink = x.stx_nlink,
				.uid = x.stx_uid,
				.gid = x.stx_gid,
				.major = x.stx_rdev_major,
				.minor = x.stx_rdev_minor,
				.atime = time_of(x.stx_atime),
				.mtime = time_of(x.stx_mtime),
				.ctime = time_of(x.stx_ctime) };
	if (x.stx_mask & STATX_BTIME)
		st->btime = time_of(x.stx_btime);
	return 0;
}

static int
mount_fstat(int fd, struct px_stat *st)
{
	return get(fd, "", st);
}

static int
mount_stat(const char *path, struct px_stat *st)
{
	return get(-1, at(path).s, st);
}

static int
mount_chmod(const char *path, uint32_t mode)
{
	return R(chmod(at(path).s, mode));
}

static int
mount_chown(const char *path, uint32_t uid, uint32_t gid)
{
	return R(lchown(at(path).s, uid, gid));
}

static struct timespec
spec_of(const struct px_time *t)
{
	struct timespec s = { t->sec, (long)t->nsec };

	if (t->nsec == PX_NOW)
		s.tv_nsec = UTIME_NOW;
	else if (t->nsec == PX_OMIT)
		s.tv_nsec = UTIME_OMIT;
	return s;
}

static int
mount_utimens(const char *path, const struct px_time *a,
	      const struct px_time *m)
{
	struct timespec t[2] = { spec_of(a), spec_of(m) };

	return R(utimensat(AT_FDCWD, at(path).s, t, AT_SYMLINK_NOFOLLOW));
}

static int
mount_statfs(struct px_statfs *out)
{
	struct statfs st;

	if (statfs(c.root, &st))
		return -errno;
	out->blocks = st.f_blocks;
	out->bfree = st.f_bfree;
	out->files = st.f_files;
	out->ffree = st.f_ffree;
	return 0;
}

static int
mount_mkdir(const char *path, uint32_t mode)
{
	return R(mkdir(at(path).s, mode));
}

static int
mount_rmdir(const char *path)
{
	return R(rmdir(at(path).s));
}

static int
mount_unlink(const char *path)
{
	return R(unlink(at(path).s));
}

static int
mount_link(const char *old, const char *path)
{
	return R(link(at(old).s, at(path).s));
}

static int
mount_symlink(const char *target, const char *path)
{
	return R(symlink(target, at(path).s));
}

static int
mount_readlink(const char *path, char *to, uint32_t size)
{
	return (int)R(readlink(at(path).s, to, size));
}

static int
mount_mknod(const char *path, uint32_t mode, uint32_t ma, uint32_t mi)
{
	return R(mknod(at(path).s, mode, makedev(ma, mi)));
}

static int
mount_rename(const char *old, const char *path, uint32_t flags)
{
	return R(renameat2(AT_FDCWD, at(old).s, AT_FDCWD, at(path).s, flags));
}

static int
mount_setxattr(const char *path, const char *name, const void *value,
	       uint32_t len, int flags)
{
	return R(lsetxattr(at(path).s, name, value, len, flags));
}

static int
mount_getxattr(const char *path, const char *name, void *value, uint32_t len)
{
	return (int)R(lgetxattr(at(path).s, name, value, len));
}

static int
mount_listxattr(const char *path, char *list, uint32_t len)
{
	return (int)R(llistxattr(at(path).s, list, len));
}

static int
mount_removexattr(const char *path, const char *name)
{
	return R(lremovexattr(at(path).s, name));
}

static int
mount_opendir(const char *path)
{
	int i = 0;

	while (c.dir[i])
		CHECK(++i < DIRS);
	c.dir[i] = opendir(at(path).s);
	return c.dir[i] ? i : -errno;
}

static int
mount_readdir(int dir, struct px_entry *e)
{
	struct dirent *d;

	errno = 0;
	d = readdir(c.dir[dir]);
	if (!d)
		return -errno;
	e->ino = d->d_ino;
	e->cookie = d->d_off;
	e->type = d->d_type;
	(void)strcpy(e->name, d->d_name);
	return 1;
}

static int
mount_seekdir(int dir, int64_t cookie)
{
	if (cookie)
		seekdir(c.dir[dir], cookie);
	else
		rewinddir(c.dir[dir]);
	return 0;
}

static int
mount_closedir(int dir)
{
	DIR *d = c.dir[dir];

	c.dir[dir] = NULL;
	return R(closedir(d));
}

const struct px px_mount = {
	.name = "mount",
	.begin = mount_begin,
	.end = mount_end,
	.tick = mount_tick,
	.who = mount_who,
	.umask = mount_umask,
	.open = mount_open,
	.close = mount_close,
	.read = mount_read,
	.write = mount_write,
	.truncate = mount_truncate,
	.ftruncate = mount_ftruncate,
	.fallocate = mount_fallocate,
	.lseek = mount_lseek,
	.copy = mount_copy,
	.fsync = mount_fsync,
	.stat = mount_stat,
	.fstat = mount_fstat,
	.chmod = mount_chmod,
	.chown = mount_chown,
	.utimens = mount_utimens,
	.statfs = mount_statfs,
	.mkdir = mount_mkdir,
	.rmdir = mount_rmdir,
	.unlink = mount_unlink,
	.link = mount_link,
	.symlink = mount_symlink,
	.readlink = mount_readlink,
	.mknod = mount_mknod,
	.rename = mount_rename,
	.setxattr = mount_setxattr,
	.getxattr = mount_getxattr,
	.listxattr = mount_listxattr,
	.removexattr = mount_removexattr,
	.opendir = mount_opendir,
	.readdir = mount_readdir,
	.seekdir = mount_seekdir,
	.closedir = mount_closedir,
};
