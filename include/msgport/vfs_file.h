/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MSGPORT_VFS_FILE_H
#define MSGPORT_VFS_FILE_H

/*
 * The messages of class vfs that speak of open files and of the file system,
 * and those that go up from a driver to the front-end.
 *
 * `fh' is the driver's own number of an open file or directory: what open,
 * opendir or create answered.  Offsets and sums with lengths stay within
 * INT64_MAX.  `reserved' is zero.
 */

#include <msgport/vfs_types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* open and opendir */
struct mp_vfs_open {
	struct mp_msg msg;
	struct {
		struct mp_vfs_cred cred;
		uint64_t node;
		uint32_t flags; /* MP_O_* but EXCL; opendir: read only */
		uint32_t reserved;
	} in;
	struct {
		uint64_t fh;
		uint32_t flags; /* enum mp_vfs_open_flag */
		uint32_t reserved;
	} out;
};

/* Fewer bytes than the buffer has: the end of the file. */
struct mp_vfs_read {
	struct mp_msg msg;
	struct {
		uint64_t node;
		uint64_t fh;
		uint64_t offset;
	} in;
	struct {
		uint32_t count; /* bytes read */
		uint32_t reserved;
	} out;
	struct mp_buf buf; /* its length is what is asked */
};

struct mp_vfs_write {
	struct mp_msg msg;
	struct {
		uint64_t node;
		uint64_t fh;
		uint64_t offset;
		uint32_t flags; /* MP_VFS_WRITE_* */
		uint32_t reserved;
	} in;
	struct {
		uint32_t count; /* bytes written; 0 only for an empty buffer */
		uint32_t reserved;
	} out;
	struct mp_buf buf;
};

/* flush (each close), release, releasedir (fh ends, whatever is answered) */
struct mp_vfs_release {
	struct mp_msg msg;
	struct {
		uint64_t node;
		uint64_t fh;
	} in;
};

/* fsync and fsyncdir */
struct mp_vfs_fsync {
	struct mp_msg msg;
	struct {
		uint64_t node;
		uint64_t fh;
		uint32_t flags; /* MP_VFS_FSYNC_DATA */
		uint32_t reserved;
	} in;
};

/*
 * readdir and readdirplus: whole records, see struct mp_vfs_dirent.  Nothing
 * written is the end of the directory.  The buffer is 8-aligned and holds at
 * least MP_VFS_RECORD_MAX bytes.  A driver sets out.count to 0, then appends
 * by mp_vfs_dirent_put().  "." and ".." are its to write or to leave out.  An
 * entry of readdirplus with an id other than 0 counts as a lookup; those of
 * "." and ".." have id 0.
 */
struct mp_vfs_readdir {
	struct mp_msg msg;
	struct {
		uint64_t node;
		uint64_t fh;
		uint64_t cookie; /* next_cookie of the last seen; 0: start */
	} in;
	struct {
		uint32_t count; /* bytes of records */
		uint32_t reserved;
	} out;
	struct mp_buf buf;
};

/* statfs and syncfs: about the file system that has the node */
struct mp_vfs_statfs {
	struct mp_msg msg;
	struct {
		uint64_t node;
	} in;
	struct {
		struct mp_vfs_statfs_info info;
	} out;
};

struct mp_vfs_syncfs {
	struct mp_msg msg;
	struct {
		uint64_t node;
	} in;
};

/* Names, each with its NUL.  Empty and too small buffers: as in getxattr. */
struct mp_vfs_listxattr {
	struct mp_msg msg;
	struct {
		struct mp_vfs_cred cred;
		uint64_t node;
	} in;
	struct {
		uint32_t count; /* bytes of the list, at most XATTR_MAX */
		uint32_t reserved;
	} out;
	struct mp_buf buf;
};

struct mp_vfs_access {
	struct mp_msg msg;
	struct {
		struct mp_vfs_cred cred;
		uint64_t node;
		uint32_t mask; /* MP_VFS_*_OK */
		uint32_t reserved;
	} in;
};

struct mp_vfs_fallocate {
	struct mp_msg msg;
	struct {
		uint64_t node;
		uint64_t fh;
		uint64_t offset;
		uint64_t length; /* not 0 */
		uint32_t mode;	 /* MP_VFS_FALLOC_* */
		uint32_t reserved;
	} in;
};

/* -ENXIO: nothing of the kind at or after the offset. */
struct mp_vfs_lseek {
	struct mp_msg msg;
	struct {
		uint64_t node;
		uint64_t fh;
		uint64_t offset;
		uint32_t whence; /* MP_VFS_SEEK_* */
		uint32_t reserved;
	} in;
	struct {
		uint64_t offset; /* not before the one asked */
	} out;
};

/* Ranges of one file do not overlap. */
struct mp_vfs_copy_file_range {
	struct mp_msg msg;
	struct {
		uint64_t node;
		uint64_t fh;
		uint64_t offset;
		uint64_t to_node;
		uint64_t to_fh;
		uint64_t to_offset;
		uint64_t length;
		uint32_t flags; /* none yet: 0 */
		uint32_t reserved;
	} in;
	struct {
		uint64_t count; /* bytes copied; 0: the end of the source */
	} out;
};

/*
 * The first message of a front-end, and the last.  The port, if any, takes the
 * upward messages below until detach is answered.  -ENOSYS: the driver does
 * not care; nothing is agreed, and reads and writes may have any length.
 */
struct mp_vfs_attach {
	struct mp_msg msg;
	struct {
		uint32_t caps;	 /* enum mp_vfs_cap: what the front-end can */
		uint32_t io_max; /* bytes: its largest read or write; not 0 */
	} in;
	struct {
		uint32_t caps;	 /* which of these the driver wants */
		uint32_t io_max; /* bytes: the most the driver wants; not 0 */
		uint32_t time_gran_ns; /* 1..1000000000 */
		uint32_t reserved;
	} out;
	struct mp_handle notify;
};

struct mp_vfs_detach {
	struct mp_msg msg;
	struct {
		uint64_t reserved;
	} in;
};

/* Upward: cached data of a range, and attributes, are out of date. */
struct mp_vfs_inval_inode {
	struct mp_msg msg;
	struct {
		uint64_t node;
		uint64_t offset;
		uint64_t length; /* 0: no data; UINT64_MAX: to the end */
	} in;
};

/* Upward: inval_entry, a name is out of date; delete, it is gone. */
struct mp_vfs_inval_entry {
	struct mp_msg msg;
	struct {
		uint64_t parent;
		uint64_t node;	/* delete: the node it named, else 0 */
		uint32_t flags; /* inval_entry: MP_VFS_INVAL_EXPIRE */
		uint32_t name_len;
		char name[MP_VFS_NAME_MAX + 1];
	} in;
};

#ifdef __cplusplus
}
#endif

#endif
