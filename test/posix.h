/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef POSIX_H
#define POSIX_H

/*
 * What POSIX promises of a file system, as tests that do not know how they
 * reach it.  A way is a struct px: posix_port.c sends messages to a driver's
 * port, posix_mount.c makes system calls on a mounted directory.  The rules
 * are the same and so must be the answers.
 *
 * Paths are relative to the root of the file system, never empty, and go
 * through no symbolic link.  Calls answer a count or 0, or -errno; flags, modes
 * and whences are those of Linux.
 */

#include <stdbool.h>
#include <stdint.h>

struct px_time {
	int64_t sec;
	uint32_t nsec;
};

#define PX_NOW 0xffffffffu /* as nsec: the file system's now */
#define PX_OMIT 0xfffffffeu

struct px_stat {
	uint64_t ino;
	uint64_t size;
	uint64_t blocks; /* of 512 bytes */
	uint32_t mode;
	uint32_t nlink;
	uint32_t uid;
	uint32_t gid;
	uint32_t major;
	uint32_t minor;
	struct px_time atime;
	struct px_time mtime;
	struct px_time ctime;
	struct px_time btime; /* all zero: not known here */
};

struct px_statfs {
	uint64_t blocks; /* of 4096 bytes */
	uint64_t bfree;
	uint64_t files;
	uint64_t ffree;
};

struct px_entry {
	uint64_t ino;
	int64_t cookie; /* of the next one */
	uint32_t type;	/* mode >> 12 */
	char name[256];
};

struct px {
	const char *name;
	/*
	 * A new, empty file system; end checks that nothing is left.  through:
	 * no cache holds back writes, so that they tell what became of them.
	 */
	void (*begin)(const char *options, bool through);
	void (*end)(void);
	/* The clock goes on, enough for any stamp to differ. */
	void (*tick)(void);
	/* Who makes the calls from now on; root at first. */
	void (*who)(uint32_t uid, uint32_t gid);
	void (*umask)(uint32_t);

	int (*open)(const char *, int flags, uint32_t mode);
	int (*close)(int fd);
	int64_t (*read)(int fd, void *, uint64_t len, uint64_t offset);
	int64_t (*write)(int fd, const void *, uint64_t len, uint64_t offset);
	int (*truncate)(const char *, uint64_t);
	int (*ftruncate)(int fd, uint64_t);
	int (*fallocate)(int fd, int mode, uint64_t offset, uint64_t len);
	int64_t (*lseek)(int fd, uint64_t offset, int whence);
	/* off[0] of fd[0] to off[1] of fd[1] */
	int64_t (*copy)(const int *fd, const uint64_t *off, uint64_t len);
	int (*fsync)(int fd);
	int (*stat)(const char *, struct px_stat *);
	int (*fstat)(int fd, struct px_stat *);
	int (*chmod)(const char *, uint32_t mode);
	int (*chown)(const char *, uint32_t uid, uint32_t gid); /* -1: keep */
	int (*utimens)(const char *, const struct px_time *,	/* atime */
		       const struct px_time *);			/* mtime */
	int (*statfs)(struct px_statfs *);

	int (*mkdir)(const char *, uint32_t mode);
	int (*rmdir)(const char *);
	int (*unlink)(const char *);
	int (*link)(const char *, const char *);
	int (*symlink)(const char *target, const char *);
	int (*readlink)(const char *, char *, uint32_t size);
	int (*mknod)(const char *, uint32_t mode, uint32_t major,
		     uint32_t minor);
	int (*rename)(const char *, const char *, uint32_t flags);

	int (*setxattr)(const char *, const char *name, const void *,
			uint32_t len, int flags);
	int (*getxattr)(const char *, const char *name, void *, uint32_t len);
	int (*listxattr)(const char *, char *, uint32_t len);
	int (*removexattr)(const char *, const char *name);

	int (*opendir)(const char *);
	/* 1 and the next entry, "." and ".." among them, or 0 at the end. */
	int (*readdir)(int dir, struct px_entry *);
	int (*seekdir)(int dir, int64_t cookie); /* 0: rewind */
	int (*closedir)(int dir);
};

/* The way that the rules take; set before t_setup() adds them. */
extern const struct px *px;
extern const struct px px_port;
extern const struct px px_mount;

/* What px_port feigns, in modes of enum mp_parity_mode; 0 nothing. */
extern uint32_t px_port_parity;

/* One file of rules each; they call px_rule for each of theirs. */
void px_name_rules(void);
void px_rename_rules(void);
void px_dir_rules(void);
void px_data_rules(void);
void px_attr_rules(void);
void px_xattr_rules(void);
void px_limit_rules(void);
void px_model_rules(void);

struct px_rule {
	const char *name;
	void (*fn)(void);
	const char *options; /* of the file system; NULL: none */
	bool through;
};

void px_rules(const struct px_rule *, unsigned int n);
#define PX_RULES(a) px_rules(a, sizeof(a) / sizeof((a)[0]))

/* posix.c: what most rules need */
void px_make(const char *path, uint32_t mode); /* an empty file */
void px_put(const char *path, const char *text);
void px_is(const char *path, const char *text); /* holds just that */
struct px_stat px_get(const char *path);
int px_before(struct px_time, struct px_time);
int px_same(struct px_time, struct px_time);
/* Names in the directory, without the dots. */
unsigned int px_count(const char *path);

#endif
