/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MSGPORT_VFS_H
#define MSGPORT_VFS_H

/*
 * Class vfs: file systems, one to one with FUSE's low-level operations.
 *
 * mp_vfs_handle() is the handler of a vfs port; the port's data is a struct
 * mp_vfs.  It checks the whole request, calls the driver's function, checks
 * the whole answer.  So a driver only ever sees
 *   - known operations, non-zero ids, known flags, zero in `reserved';
 *   - names of 1..255 bytes without '/' and NUL, never "." and ".." (but see
 *     lookup), NUL behind them; modes with a type that fits the operation;
 *   - offsets and lengths whose sum is at most INT64_MAX; times below a second;
 *   - buffers of a length that is legal and, for readdir and readlink, enough.
 * What lies in a lent buffer may change while it is read, if the sender is
 * somebody else: a driver copies a symlink's target or an xattr's value once,
 * and looks at the copy.
 *
 * A driver's function writes `out' and returns 0 or a negative errno; or it
 * takes the message (mp_msg_take()), sees that mp_vfs_reply() is called for it
 * once, and returns EASYNC.  It writes nothing to `in'.  A slot that is NULL
 * answers -ENOSYS.  The results of forget, release and releasedir are looked
 * at by nobody; these three and detach never take their message.
 *
 * Answers that break the rules of the headers, and errors that are the
 * library's (EAGAIN EPIPE EOWNERDEAD ETIME EPROTO EDEADLK EBUSY, and ECANCELED
 * of a message that is not cancelled), reach the sender as -EIO with `out'
 * zeroed; after other errors `out' means nothing.  What a refused answer gave
 * is given back first: the class calls forget for its lookups, release or
 * releasedir for its handle, detach for an attach, in the thread that answered.
 * So nobody calls mp_vfs_reply() with a lock that these take.
 *
 * A bad request ends with the error that its system call would give: ENOSYS
 * operation, ENAMETOOLONG name or target, ENOENT empty name, ERANGE xattr name,
 * E2BIG value, EFBIG and EOVERFLOW ranges, what "." and ".." give on Linux (but
 * EINVAL for rename), EINVAL the rest.
 */

#include <msgport/vfs_file.h>
#include <msgport/vfs_name.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MP_CLASS_VFS 1u

enum mp_vfs_op {
	MP_VFS_LOOKUP = (int)MP_IFACE_OP_FIRST(MP_CLASS_VFS),
	MP_VFS_FORGET,
	MP_VFS_GETATTR,
	MP_VFS_SETATTR,
	MP_VFS_READLINK,
	MP_VFS_MKNOD,
	MP_VFS_MKDIR,
	MP_VFS_UNLINK,
	MP_VFS_RMDIR,
	MP_VFS_SYMLINK,
	MP_VFS_RENAME,
	MP_VFS_LINK,
	MP_VFS_OPEN,
	MP_VFS_READ,
	MP_VFS_WRITE,
	MP_VFS_FLUSH,
	MP_VFS_RELEASE,
	MP_VFS_FSYNC,
	MP_VFS_OPENDIR,
	MP_VFS_READDIR,
	MP_VFS_READDIRPLUS,
	MP_VFS_RELEASEDIR,
	MP_VFS_FSYNCDIR,
	MP_VFS_STATFS,
	MP_VFS_SETXATTR,
	MP_VFS_GETXATTR,
	MP_VFS_LISTXATTR,
	MP_VFS_REMOVEXATTR,
	MP_VFS_ACCESS,
	MP_VFS_CREATE,
	MP_VFS_FALLOCATE,
	MP_VFS_LSEEK,
	MP_VFS_COPY_FILE_RANGE,
	MP_VFS_SYNCFS,
	MP_VFS_ATTACH,
	MP_VFS_DETACH,
	/* upward, to the port that attach lent */
	MP_VFS_INVAL_INODE,
	MP_VFS_INVAL_ENTRY,
	MP_VFS_DELETE,
	MP_VFS_OP_END
};

/* The bit of an operation in a mask, such as mp_driver.may_block. */
#define MP_VFS_BIT(op) (1ull << ((op)&63))

/* What a driver has; each gets the instance that its open() made. */
struct mp_vfs_ops {
	int (*lookup)(void *fs, struct mp_vfs_lookup *);
	int (*forget)(void *fs, struct mp_vfs_forget *);
	int (*getattr)(void *fs, struct mp_vfs_getattr *);
	int (*setattr)(void *fs, struct mp_vfs_setattr *);
	int (*readlink)(void *fs, struct mp_vfs_readlink *);
	int (*mknod)(void *fs, struct mp_vfs_mknod *);
	int (*mkdir)(void *fs, struct mp_vfs_mkdir *);
	int (*unlink)(void *fs, struct mp_vfs_unlink *);
	int (*rmdir)(void *fs, struct mp_vfs_unlink *);
	int (*symlink)(void *fs, struct mp_vfs_symlink *);
	int (*rename)(void *fs, struct mp_vfs_rename *);
	int (*link)(void *fs, struct mp_vfs_link *);
	int (*open)(void *fs, struct mp_vfs_open *);
	int (*read)(void *fs, struct mp_vfs_read *);
	int (*write)(void *fs, struct mp_vfs_write *);
	int (*flush)(void *fs, struct mp_vfs_release *);
	int (*release)(void *fs, struct mp_vfs_release *);
	int (*fsync)(void *fs, struct mp_vfs_fsync *);
	int (*opendir)(void *fs, struct mp_vfs_open *);
	int (*readdir)(void *fs, struct mp_vfs_readdir *);
	int (*readdirplus)(void *fs, struct mp_vfs_readdir *);
	int (*releasedir)(void *fs, struct mp_vfs_release *);
	int (*fsyncdir)(void *fs, struct mp_vfs_fsync *);
	int (*statfs)(void *fs, struct mp_vfs_statfs *);
	int (*setxattr)(void *fs, struct mp_vfs_setxattr *);
	int (*getxattr)(void *fs, struct mp_vfs_getxattr *);
	int (*listxattr)(void *fs, struct mp_vfs_listxattr *);
	int (*removexattr)(void *fs, struct mp_vfs_removexattr *);
	int (*access)(void *fs, struct mp_vfs_access *);
	int (*create)(void *fs, struct mp_vfs_create *);
	int (*fallocate)(void *fs, struct mp_vfs_fallocate *);
	int (*lseek)(void *fs, struct mp_vfs_lseek *);
	int (*copy_file_range)(void *fs, struct mp_vfs_copy_file_range *);
	int (*syncfs)(void *fs, struct mp_vfs_syncfs *);
	int (*attach)(void *fs, struct mp_vfs_attach *);
	int (*detach)(void *fs, struct mp_vfs_detach *);
};

/* The data of a vfs port.  It and what it names outlive the port. */
struct mp_vfs {
	const struct mp_vfs_ops *ops;
	void *fs;
};

/* class/vfs_table.c */
extern const struct mp_iface mp_vfs_iface;

/* class/vfs.c */
int mp_vfs_handle(struct mp_port *, struct mp_msg *);
/* Ends a message that a driver took: checks the answer, then mp_reply(). */
void mp_vfs_reply(struct mp_msg *, int code);

/* class/vfs_in.c */
/*
 * 0 or the error that a request, or an upward message, is to be refused with.
 * The buffer of a symlink is read; no other is.
 */
int mp_vfs_request_check(const struct mp_msg *);
/* 0, -ENOENT, -ENAMETOOLONG or -EINVAL; name[len] is there and must be NUL. */
int mp_vfs_name_check(const char *name, uint32_t len);

/* class/vfs_out.c */
/*
 * For those who get answers from somebody they do not believe: given the
 * peer's code for a good request, the code that counts.  -EIO for 0: the
 * answer broke a rule; `out' is as it was, with what is to be given back.
 * The buffer is looked at where it lies: copy it first if the peer reaches it.
 */
int mp_vfs_answer_check(const struct mp_msg *, int code);

/* class/vfs_dirent.c */
/*
 * Appends a record and counts it in out.count; entry only in readdirplus.
 * -ENOSPC: no room, end here.  A driver counts the lookup when it got 0.
 */
int mp_vfs_dirent_put(struct mp_vfs_readdir *, const struct mp_vfs_dirent *,
		      const char *name, const struct mp_vfs_entry *);
/*
 * Copies the record at *at out of an answer and checks the copy: 1 and *at
 * behind it, 0 at the end, -EPROTO.  Start with 0 in *at.  One thread at a
 * time an iteration.
 */
int mp_vfs_dirent_get(const struct mp_vfs_readdir *, uint32_t *at,
		      struct mp_vfs_record *);

#ifdef __cplusplus
}
#endif

#endif
