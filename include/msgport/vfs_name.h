/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MSGPORT_VFS_NAME_H
#define MSGPORT_VFS_NAME_H

/*
 * The messages of class vfs that speak of nodes and names.
 *
 * A name is one component: 1..255 bytes without '/' and NUL, then a NUL that
 * name_len does not count.  `reserved' is zero.  Each nsec is below a second,
 * also where it does not count.
 */

#include <msgport/vfs_types.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Adds one to the lookup count of the node it answers.  Id 0 says that there
 * is no such name and that this may be remembered for entry_valid_ns; senders
 * without MP_VFS_LOOKUP_NEGATIVE get -ENOENT instead.  "." and ".." are asked
 * only of drivers that took MP_VFS_CAP_EXPORT.
 */
struct mp_vfs_lookup {
	struct mp_msg msg;
	struct {
		struct mp_vfs_cred cred;
		uint64_t parent;
		uint32_t flags; /* MP_VFS_LOOKUP_NEGATIVE */
		uint32_t name_len;
		char name[MP_VFS_NAME_MAX + 1];
	} in;
	struct {
		struct mp_vfs_entry entry;
	} out;
};

/* One-way: its result is nobody's business. */
struct mp_vfs_forget {
	struct mp_msg msg;
	struct {
		uint32_t items; /* 1..MP_VFS_FORGET_MAX */
		uint32_t reserved;
		struct mp_vfs_forget_item item[MP_VFS_FORGET_MAX];
	} in;
};

struct mp_vfs_getattr {
	struct mp_msg msg;
	struct {
		uint64_t node;
		uint64_t fh;
		uint32_t flags; /* MP_VFS_GETATTR_FH */
		uint32_t reserved;
	} in;
	struct {
		uint64_t attr_valid_ns;
		struct mp_vfs_attr attr;
	} out;
};

struct mp_vfs_setattr {
	struct mp_msg msg;
	struct {
		struct mp_vfs_cred cred;
		uint64_t node;
		uint64_t fh;
		uint64_t size;
		uint32_t valid; /* enum mp_vfs_set: which of these count */
		uint32_t mode;	/* MP_S_IPERM */
		uint32_t uid;
		uint32_t gid;
		struct mp_vfs_time atime;
		struct mp_vfs_time mtime;
		struct mp_vfs_time ctime;
	} in;
	struct {
		uint64_t attr_valid_ns;
		struct mp_vfs_attr attr;
	} out;
};

/* The target goes into the buffer, at least MP_VFS_TARGET_MAX long, no NUL. */
struct mp_vfs_readlink {
	struct mp_msg msg;
	struct {
		uint64_t node;
	} in;
	struct {
		uint32_t count; /* bytes of target */
		uint32_t reserved;
	} out;
	struct mp_buf buf;
};

/* What mknod, mkdir, symlink, link and create answer is looked up once. */
struct mp_vfs_mknod {
	struct mp_msg msg;
	struct {
		struct mp_vfs_cred cred;
		uint64_t parent;
		uint32_t mode; /* a type other than directory and symlink */
		uint32_t rdev_major;
		uint32_t rdev_minor;
		uint32_t name_len;
		char name[MP_VFS_NAME_MAX + 1];
	} in;
	struct {
		struct mp_vfs_entry entry;
	} out;
};

struct mp_vfs_mkdir {
	struct mp_msg msg;
	struct {
		struct mp_vfs_cred cred;
		uint64_t parent;
		uint32_t mode; /* MP_S_IPERM, and so for create */
		uint32_t name_len;
		char name[MP_VFS_NAME_MAX + 1];
	} in;
	struct {
		struct mp_vfs_entry entry;
	} out;
};

/* The buffer lends the target: 1..MP_VFS_TARGET_MAX bytes, no NUL. */
struct mp_vfs_symlink {
	struct mp_msg msg;
	struct {
		struct mp_vfs_cred cred;
		uint64_t parent;
		uint32_t reserved;
		uint32_t name_len;
		char name[MP_VFS_NAME_MAX + 1];
	} in;
	struct {
		struct mp_vfs_entry entry;
	} out;
	struct mp_buf buf;
};

/* unlink and rmdir */
struct mp_vfs_unlink {
	struct mp_msg msg;
	struct {
		struct mp_vfs_cred cred;
		uint64_t parent;
		uint32_t reserved;
		uint32_t name_len;
		char name[MP_VFS_NAME_MAX + 1];
	} in;
};

struct mp_vfs_rename {
	struct mp_msg msg;
	struct {
		struct mp_vfs_cred cred;
		uint64_t parent;
		uint64_t new_parent;
		uint32_t flags; /* one of MP_VFS_RENAME_*, or 0 */
		uint32_t reserved;
		uint32_t name_len;
		uint32_t new_name_len;
		char name[MP_VFS_NAME_MAX + 1];
		char new_name[MP_VFS_NAME_MAX + 1];
	} in;
};

struct mp_vfs_link {
	struct mp_msg msg;
	struct {
		struct mp_vfs_cred cred;
		uint64_t node;
		uint64_t parent; /* of the new name */
		uint32_t reserved;
		uint32_t name_len;
		char name[MP_VFS_NAME_MAX + 1];
	} in;
	struct {
		struct mp_vfs_entry entry;
	} out;
};

/* The file is opened as well, and made only if the name is free. */
struct mp_vfs_create {
	struct mp_msg msg;
	struct {
		struct mp_vfs_cred cred;
		uint64_t parent;
		uint32_t mode;
		uint32_t flags; /* MP_O_* */
		uint32_t reserved;
		uint32_t name_len;
		char name[MP_VFS_NAME_MAX + 1];
	} in;
	struct {
		struct mp_vfs_entry entry;
		uint64_t fh;
		uint32_t flags; /* enum mp_vfs_open_flag */
		uint32_t reserved;
	} out;
};

/* An empty buffer asks for the size; -ERANGE if it is too small. */
struct mp_vfs_getxattr {
	struct mp_msg msg;
	struct {
		struct mp_vfs_cred cred;
		uint64_t node;
		uint32_t reserved;
		uint32_t name_len;
		char name[MP_VFS_NAME_MAX + 1];
	} in;
	struct {
		uint32_t count; /* bytes of the value, at most XATTR_MAX */
		uint32_t reserved;
	} out;
	struct mp_buf buf;
};

struct mp_vfs_setxattr {
	struct mp_msg msg;
	struct {
		struct mp_vfs_cred cred;
		uint64_t node;
		uint32_t flags; /* MP_VFS_XATTR_* */
		uint32_t name_len;
		char name[MP_VFS_NAME_MAX + 1];
	} in;
	struct mp_buf buf; /* lends the value */
};

struct mp_vfs_removexattr {
	struct mp_msg msg;
	struct {
		struct mp_vfs_cred cred;
		uint64_t node;
		uint32_t reserved;
		uint32_t name_len;
		char name[MP_VFS_NAME_MAX + 1];
	} in;
};

#ifdef __cplusplus
}
#endif

#endif
