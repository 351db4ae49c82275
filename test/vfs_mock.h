/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef VFS_MOCK_H
#define VFS_MOCK_H

/*
 * A vfs driver that gives good answers to good requests, unless told to give
 * bad ones.  Tests take a good message and spoil one thing in it.
 */

#include "t.h"

#include <msgport/agent.h>
#include <msgport/vfs.h>

union vfs_any {
	struct mp_msg msg;
	struct mp_vfs_lookup lookup;
	struct mp_vfs_forget forget;
	struct mp_vfs_getattr getattr;
	struct mp_vfs_setattr setattr;
	struct mp_vfs_readlink readlink;
	struct mp_vfs_mknod mknod;
	struct mp_vfs_mkdir mkdir;
	struct mp_vfs_unlink unlink;
	struct mp_vfs_symlink symlink;
	struct mp_vfs_rename rename;
	struct mp_vfs_link link;
	struct mp_vfs_create create;
	struct mp_vfs_getxattr getxattr;
	struct mp_vfs_setxattr setxattr;
	struct mp_vfs_removexattr removexattr;
	struct mp_vfs_open open;
	struct mp_vfs_read read;
	struct mp_vfs_write write;
	struct mp_vfs_release release;
	struct mp_vfs_fsync fsync;
	struct mp_vfs_readdir readdir;
	struct mp_vfs_statfs statfs;
	struct mp_vfs_syncfs syncfs;
	struct mp_vfs_listxattr listxattr;
	struct mp_vfs_access access;
	struct mp_vfs_fallocate fallocate;
	struct mp_vfs_lseek lseek;
	struct mp_vfs_copy_file_range copy_file_range;
	struct mp_vfs_attach attach;
	struct mp_vfs_detach detach;
	struct mp_vfs_inval_inode inval_inode;
	struct mp_vfs_inval_entry inval_entry;
};

struct mock {
	struct mp_port port;
	struct mp_vfs vfs;
	int code;	/* what the driver returns */
	bool keep;	/* the answer is in the message already */
	bool async;	/* it answers by mp_vfs_reply() */
	uint32_t calls; /* forgets, releases and detaches are apart */
	uint32_t forgets;
	uint64_t forgot; /* the sum of the ids given back, one count each */
	uint32_t releases;
	uint64_t released; /* the last handle, + 1000000 for releasedir */
	uint32_t detaches;
};

#define MOCK_BUF (128 * 1024)

/* A good request, its good answer, then the answer spoilt: what comes of it. */
#define ANSWER(OP, error, ...)                       \
	do {                                         \
		union vfs_any m;                     \
		mock_good(&m, MP_VFS_##OP);          \
		mock_answer(&m);                     \
		CHECK_EQ(mock_spoilt(&m), 0);        \
		__VA_ARGS__;                         \
		CHECK_EQ(mock_spoilt(&m), -(error)); \
	} while (0)

extern struct mock mock;
extern const struct mp_vfs_ops mock_ops;
extern char mock_buf[MOCK_BUF];

void mock_init(struct mock *);
void mock_good(union vfs_any *, uint32_t op);
void mock_answer(union vfs_any *);
void mock_attr(struct mp_vfs_attr *, uint32_t mode);
void mock_entry(struct mp_vfs_entry *, uint64_t id, uint32_t mode);
/* mp_call() of the mock's port. */
int mock_ask(struct mock *, union vfs_any *);
/*
 * What becomes of a good request when the driver answers what the message
 * says.  Inline or later, it is the same; and who looks for himself finds the
 * same.  `mock' is the driver that did it.
 */
int mock_spoilt(const union vfs_any *);
void mock_out_is_zero(const union vfs_any *);

#endif
