/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef POSIX_PORT_H
#define POSIX_PORT_H

/* What the two halves of the way through a port share. */

#include "posix.h"

#include <msgport/agent.h>
#include <msgport/driver.h>
#include <msgport/parity.h>

#define PORT_FILES 64

struct port_file {
	uint64_t node; /* 0: free */
	uint64_t fh;
	uint64_t *buf; /* of a directory: answers not yet given out */
	struct mp_vfs_readdir m;
	uint32_t at;
};

struct port_client {
	struct mp_port port;
	struct mp_vfs vfs;
	void *fs;
	struct mp_parity parity;
	void *slots; /* its memory, if it has any */
	struct mp_vfs_cred cred;
	struct port_file file[PORT_FILES];
};

extern struct port_client px_c;

/* A message that begins with its operation and whatever else is given. */
#define M(type, op_, ...)                    \
	struct mp_vfs_##type m = {           \
		.msg = MP_MSG(MP_VFS_##op_), \
		.in = { __VA_ARGS__ },       \
	}
#define SEND() mp_call(&px_c.port, &m.msg)

/* The last name of a path, and its directory, looked up. */
struct port_name {
	uint64_t dir;
	const char *name;
	uint32_t len;
};

#define NAME(n)                                          \
	(m.in.parent = (n).dir, m.in.name_len = (n).len, \
	 memcpy(m.in.name, (n).name, (n).len))

/* 0 or -errno; what they give is looked up once more, until it is forgotten. */
int px_walk(const char *path, struct port_name *);
int px_find(const char *path, uint64_t *node);
void px_forget(uint64_t node);
int px_file_new(uint64_t node, uint64_t fh);
int px_file_done(struct port_file *, uint32_t op);

int px_port_mkdir(const char *, uint32_t mode);
int px_port_rmdir(const char *);
int px_port_unlink(const char *);
int px_port_link(const char *, const char *);
int px_port_symlink(const char *target, const char *);
int px_port_readlink(const char *, char *, uint32_t size);
int px_port_mknod(const char *, uint32_t mode, uint32_t major, uint32_t minor);
int px_port_rename(const char *, const char *, uint32_t flags);
int px_port_setxattr(const char *, const char *name, const void *, uint32_t len,
		     int flags);
int px_port_getxattr(const char *, const char *name, void *, uint32_t len);
int px_port_listxattr(const char *, char *, uint32_t len);
int px_port_removexattr(const char *, const char *name);
int px_port_opendir(const char *);
int px_port_readdir(int dir, struct px_entry *);
int px_port_seekdir(int dir, int64_t cookie);
int px_port_closedir(int dir);

#endif
