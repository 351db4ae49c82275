/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The interface table of class vfs.
 *
 * First the fields of each message, in the order of its bytes, none left out;
 * then a row for each operation, in the order of enum mp_vfs_op.
 */

#include <msgport/iface_table.h>
#include <msgport/vfs.h>

#define F(type, part, m, kind, known, words)                                  \
	MP_IFACE_FIELD(struct mp_vfs_##type, part, m, MP_FIELD_##kind, known, \
		       words)
#define IN(type, m, kind) F(type, in, m, kind, 0, NULL)
#define OUT(type, m, kind) F(type, out, m, kind, 0, NULL)
#define IN_FLAGS(type, m, known, words) F(type, in, m, FLAGS, known, words)
#define OUT_FLAGS(type, m, known, words) F(type, out, m, FLAGS, known, words)
#define IN_MODE(type, m, known) F(type, in, m, OCTAL, known, NULL)

#define NODE(type) IN(type, node, ID)
#define PARENT(type) IN(type, parent, ID)
#define FILE(type) NODE(type), IN(type, fh, U64)
#define SPARE(type) IN(type, reserved, ZERO)
#define NAME(type) IN(type, name_len, COUNT), IN(type, name, TEXT)
#define CRED(type)                                        \
	IN(type, cred.uid, U32), IN(type, cred.gid, U32), \
		IN(type, cred.pid, U32), IN_MODE(type, cred.umask, 0777)
#define TIME(type, part, t)                           \
	F(type, part, t.sec, I64, 0, NULL),           \
		F(type, part, t.nsec, NSEC, 0, NULL), \
		F(type, part, t.reserved, ZERO, 0, NULL)

#define ATTR(type, a)                                                      \
	OUT(type, a.ino, ID), OUT(type, a.size, OFFSET),                   \
		OUT(type, a.blocks, U64), TIME(type, out, a.atime),        \
		TIME(type, out, a.mtime), TIME(type, out, a.ctime),        \
		TIME(type, out, a.btime),                                  \
		F(type, out, a.mode, OCTAL, MP_S_IFMT | MP_S_IPERM, NULL), \
		OUT(type, a.nlink, U32), OUT(type, a.uid, U32),            \
		OUT(type, a.gid, U32), OUT(type, a.rdev_major, U32),       \
		OUT(type, a.rdev_minor, U32), OUT(type, a.blksize, U32),   \
		OUT_FLAGS(type, a.flags, MP_VFS_ATTR_BTIME, "btime")
#define ENTRY(type)                                                \
	OUT(type, entry.id, ID), OUT(type, entry.generation, U64), \
		OUT(type, entry.entry_valid_ns, U64),              \
		OUT(type, entry.attr_valid_ns, U64), ATTR(type, entry.attr)
#define OPENED(type)                                                    \
	OUT(type, fh, U64),                                             \
		OUT_FLAGS(type, flags, MP_VFS_OPEN_ALL,                 \
			  "direct_io keep_cache nonseekable cache_dir " \
			  "- noflush"),                                 \
		OUT(type, reserved, ZERO)
#define COUNTED(type) OUT(type, count, U32), OUT(type, reserved, ZERO)

/* The access modes 0, 1 and 2 are the lowest two bits. */
#define O_WORDS                                                        \
	"wronly rdwr - - - exec - excl - trunc append nonblock dsync " \
	"- direct - - - noatime - sync"
#define SET_WORDS                                                       \
	"mode uid gid size atime mtime fh atime_now mtime_now - ctime " \
	"kill_suidgid"
#define CAP_WORDS "writeback readdirplus export acl kill_suidgid trunc"
/* A capability that we do not know is no fault: the driver picks. */
#define CAP_ANY UINT32_MAX

#define FIELDS(type) static const struct mp_iface_field type##_fields[]

FIELDS(lookup) = { CRED(lookup), PARENT(lookup),
		   IN_FLAGS(lookup, flags, MP_VFS_LOOKUP_NEGATIVE, "negative"),
		   NAME(lookup), ENTRY(lookup) };
FIELDS(forget) = { IN(forget, items, COUNT), SPARE(forget),
		   IN(forget, item, ITEMS) };
FIELDS(getattr) = { FILE(getattr),
		    IN_FLAGS(getattr, flags, MP_VFS_GETATTR_FH, "fh"),
		    SPARE(getattr), OUT(getattr, attr_valid_ns, U64),
		    ATTR(getattr, attr) };
FIELDS(setattr) = { CRED(setattr),
		    FILE(setattr),
		    IN(setattr, size, OFFSET),
		    IN_FLAGS(setattr, valid, MP_VFS_SET_ALL, SET_WORDS),
		    IN_MODE(setattr, mode, MP_S_IPERM),
		    IN(setattr, uid, U32),
		    IN(setattr, gid, U32),
		    TIME(setattr, in, atime),
		    TIME(setattr, in, mtime),
		    TIME(setattr, in, ctime),
		    OUT(setattr, attr_valid_ns, U64),
		    ATTR(setattr, attr) };
FIELDS(readlink) = { NODE(readlink), COUNTED(readlink) };
FIELDS(mknod) = { CRED(mknod),
		  PARENT(mknod),
		  IN_MODE(mknod, mode, MP_S_IFMT | MP_S_IPERM),
		  IN(mknod, rdev_major, U32),
		  IN(mknod, rdev_minor, U32),
		  NAME(mknod),
		  ENTRY(mknod) };
FIELDS(mkdir) = { CRED(mkdir), PARENT(mkdir), IN_MODE(mkdir, mode, MP_S_IPERM),
		  NAME(mkdir), ENTRY(mkdir) };
FIELDS(symlink) = { CRED(symlink), PARENT(symlink), SPARE(symlink),
		    NAME(symlink), ENTRY(symlink) };
FIELDS(unlink) = { CRED(unlink), PARENT(unlink), SPARE(unlink), NAME(unlink) };
FIELDS(rename) = { CRED(rename),
		   PARENT(rename),
		   IN(rename, new_parent, ID),
		   IN_FLAGS(rename, flags,
			    MP_VFS_RENAME_NOREPLACE | MP_VFS_RENAME_EXCHANGE,
			    "noreplace exchange"),
		   SPARE(rename),
		   IN(rename, name_len, COUNT),
		   IN(rename, new_name_len, COUNT),
		   IN(rename, name, TEXT),
		   IN(rename, new_name, TEXT) };
FIELDS(link) = { CRED(link),  NODE(link), PARENT(link),
		 SPARE(link), NAME(link), ENTRY(link) };
FIELDS(create) = { CRED(create),
		   PARENT(create),
		   IN_MODE(create, mode, MP_S_IPERM),
		   IN_FLAGS(create, flags, MP_O_ALL, O_WORDS),
		   SPARE(create),
		   NAME(create),
		   ENTRY(create),
		   OPENED(create) };
FIELDS(getxattr) = { CRED(getxattr), NODE(getxattr), SPARE(getxattr),
		     NAME(getxattr), COUNTED(getxattr) };
FIELDS(setxattr) = { CRED(setxattr), NODE(setxattr),
		     IN_FLAGS(setxattr, flags,
			      MP_VFS_XATTR_CREATE | MP_VFS_XATTR_REPLACE |
				      MP_VFS_XATTR_KILL_SGID,
			      "create replace kill_sgid"),
		     NAME(setxattr) };
FIELDS(removexattr) = { CRED(removexattr), NODE(removexattr),
			SPARE(removexattr), NAME(removexattr) };
FIELDS(listxattr) = { CRED(listxattr), NODE(listxattr), COUNTED(listxattr) };
FIELDS(open) = { CRED(open), NODE(open),
		 IN_FLAGS(open, flags, MP_O_ALL & ~MP_O_EXCL, O_WORDS),
		 SPARE(open), OPENED(open) };
FIELDS(read) = { FILE(read), IN(read, offset, OFFSET), COUNTED(read) };
FIELDS(write) = { FILE(write), IN(write, offset, OFFSET),
		  IN_FLAGS(write, flags,
			   MP_VFS_WRITE_CACHE | MP_VFS_WRITE_KILL_SUIDGID,
			   "cache kill_suidgid"),
		  SPARE(write), COUNTED(write) };
FIELDS(release) = { FILE(release) };
FIELDS(fsync) = { FILE(fsync),
		  IN_FLAGS(fsync, flags, MP_VFS_FSYNC_DATA, "data"),
		  SPARE(fsync) };
FIELDS(readdir) = { FILE(readdir), IN(readdir, cookie, OFFSET),
		    COUNTED(readdir) };
FIELDS(statfs) = { NODE(statfs),
		   OUT(statfs, info.blocks, U64),
		   OUT(statfs, info.bfree, U64),
		   OUT(statfs, info.bavail, U64),
		   OUT(statfs, info.files, U64),
		   OUT(statfs, info.ffree, U64),
		   OUT(statfs, info.fsid, U64),
		   OUT(statfs, info.bsize, U32),
		   OUT(statfs, info.frsize, U32),
		   OUT(statfs, info.name_max, U32),
		   OUT(statfs, info.reserved, ZERO) };
FIELDS(syncfs) = { NODE(syncfs) };
FIELDS(access) = { CRED(access), NODE(access),
		   IN_FLAGS(access, mask,
			    MP_VFS_X_OK | MP_VFS_W_OK | MP_VFS_R_OK, "x w r"),
		   SPARE(access) };
FIELDS(fallocate) = { FILE(fallocate), IN(fallocate, offset, OFFSET),
		      IN(fallocate, length, ID),
		      IN_FLAGS(fallocate, mode, MP_VFS_FALLOC_ALL,
			       "keep punch - collapse zero insert unshare"),
		      SPARE(fallocate) };
FIELDS(lseek) = { FILE(lseek), IN(lseek, offset, OFFSET),
		  F(lseek, in, whence, ENUM,
		    1u << MP_VFS_SEEK_DATA | 1u << MP_VFS_SEEK_HOLE,
		    "- - - data hole"),
		  SPARE(lseek), OUT(lseek, offset, OFFSET) };
FIELDS(copy_file_range) = { FILE(copy_file_range),
			    IN(copy_file_range, offset, OFFSET),
			    IN(copy_file_range, to_node, ID),
			    IN(copy_file_range, to_fh, U64),
			    IN(copy_file_range, to_offset, OFFSET),
			    IN(copy_file_range, length, U64),
			    IN(copy_file_range, flags, ZERO),
			    SPARE(copy_file_range),
			    OUT(copy_file_range, count, U64) };
FIELDS(attach) = { IN_FLAGS(attach, caps, CAP_ANY, CAP_WORDS),
		   IN(attach, io_max, U32),
		   OUT_FLAGS(attach, caps, MP_VFS_CAP_ALL, CAP_WORDS),
		   OUT(attach, io_max, U32),
		   OUT(attach, time_gran_ns, U32),
		   OUT(attach, reserved, ZERO) };
FIELDS(detach) = { SPARE(detach) };
FIELDS(inval_inode) = { NODE(inval_inode), IN(inval_inode, offset, OFFSET),
			IN(inval_inode, length, U64) };
FIELDS(inval_entry) = { PARENT(inval_entry), IN(inval_entry, node, U64),
			IN_FLAGS(inval_entry, flags, MP_VFS_INVAL_EXPIRE,
				 "expire"),
			NAME(inval_entry) };

/* The rest of a row: the parts, what is lent. */
#define ASKS(type) .in = MP_IFACE_PART(struct mp_vfs_##type, in)
#define NAMES(type, over) \
	.in = MP_IFACE_PART1(struct mp_vfs_##type, in, name_len, name, 1, over)
#define NAMES_TWO(type)                                                        \
	.in = MP_IFACE_PART2(struct mp_vfs_##type, in,                         \
			     MP_IFACE_TAIL(struct mp_vfs_##type, in, name_len, \
					   name, 1, ENAMETOOLONG),             \
			     name,                                             \
			     MP_IFACE_TAIL(struct mp_vfs_##type, in,           \
					   new_name_len, new_name, 1,          \
					   ENAMETOOLONG),                      \
			     new_name)
#define LISTS(type) \
	.in = MP_IFACE_PART1(struct mp_vfs_##type, in, items, item, 0, EINVAL)
#define ANSWERS(type) .out = MP_IFACE_PART(struct mp_vfs_##type, out)
#define LENDS(type, max_, over_)                             \
	.buf = { .off = offsetof(struct mp_vfs_##type, buf), \
		 .dir = MP_BUF_IN,                           \
		 .max = (max_),                              \
		 .over = (over_) }
#define FILLS(type, min_)                                               \
	.buf = { .off = offsetof(struct mp_vfs_##type, buf),            \
		 .dir = MP_BUF_OUT,                                     \
		 .live_off = offsetof(struct mp_vfs_##type, out.count), \
		 .over = EINVAL,                                        \
		 .min = (min_),                                         \
		 .max = MP_VFS_IO_MAX }

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
/* The counter grows by one a row: a row out of its place does not compile. */
#define ROW(NUM, name_, type, flags_, ...)                               \
	{                                                                \
		.name = #name_,                                          \
		.op = (uint32_t)MP_VFS_##NUM +                           \
		      MP_IFACE_MUST((uint32_t)MP_VFS_##NUM ==            \
				    MP_IFACE_OP_FIRST(MP_CLASS_VFS) +    \
					    __COUNTER__ - FIRST_ROW),    \
		.flags = (flags_), .size = sizeof(struct mp_vfs_##type), \
		.fields = COUNT(type##_fields), .field = type##_fields,  \
		__VA_ARGS__                                              \
	}

#define MAY MP_IFACE_MAY_BLOCK
#define IDEM (MP_IFACE_IDEMPOTENT | MP_IFACE_MAY_BLOCK)
#define ONEWAY (MP_IFACE_ONEWAY | MP_IFACE_MAY_BLOCK)
#define UP (MP_IFACE_ONEWAY | MP_IFACE_UPWARD)
#define LONG ENAMETOOLONG

enum { FIRST_ROW = __COUNTER__ + 1 };

static const struct mp_iface_op rows[] = {
	ROW(LOOKUP, lookup, lookup, IDEM, NAMES(lookup, LONG), ANSWERS(lookup)),
	ROW(FORGET, forget, forget, ONEWAY, LISTS(forget)),
	ROW(GETATTR, getattr, getattr, IDEM, ASKS(getattr), ANSWERS(getattr)),
	ROW(SETATTR, setattr, setattr, IDEM, ASKS(setattr), ANSWERS(setattr)),
	ROW(READLINK, readlink, readlink, IDEM, ASKS(readlink),
	    ANSWERS(readlink), FILLS(readlink, MP_VFS_TARGET_MAX)),
	ROW(MKNOD, mknod, mknod, MAY, NAMES(mknod, LONG), ANSWERS(mknod)),
	ROW(MKDIR, mkdir, mkdir, MAY, NAMES(mkdir, LONG), ANSWERS(mkdir)),
	ROW(UNLINK, unlink, unlink, MAY, NAMES(unlink, LONG)),
	ROW(RMDIR, rmdir, unlink, MAY, NAMES(unlink, LONG)),
	ROW(SYMLINK, symlink, symlink, MAY, NAMES(symlink, LONG),
	    ANSWERS(symlink), LENDS(symlink, MP_VFS_TARGET_MAX, LONG)),
	ROW(RENAME, rename, rename, MAY, NAMES_TWO(rename)),
	ROW(LINK, link, link, MAY, NAMES(link, LONG), ANSWERS(link)),
	ROW(OPEN, open, open, IDEM, ASKS(open), ANSWERS(open)),
	ROW(READ, read, read, IDEM, ASKS(read), ANSWERS(read), FILLS(read, 0)),
	ROW(WRITE, write, write, IDEM, ASKS(write), ANSWERS(write),
	    LENDS(write, MP_VFS_IO_MAX, EINVAL)),
	ROW(FLUSH, flush, release, IDEM, ASKS(release)),
	ROW(RELEASE, release, release, IDEM, ASKS(release)),
	ROW(FSYNC, fsync, fsync, IDEM, ASKS(fsync)),
	ROW(OPENDIR, opendir, open, IDEM, ASKS(open), ANSWERS(open)),
	ROW(READDIR, readdir, readdir, IDEM, ASKS(readdir), ANSWERS(readdir),
	    FILLS(readdir, MP_VFS_RECORD_MAX)),
	ROW(READDIRPLUS, readdirplus, readdir, IDEM, ASKS(readdir),
	    ANSWERS(readdir), FILLS(readdir, MP_VFS_RECORD_MAX)),
	ROW(RELEASEDIR, releasedir, release, IDEM, ASKS(release)),
	ROW(FSYNCDIR, fsyncdir, fsync, IDEM, ASKS(fsync)),
	ROW(STATFS, statfs, statfs, IDEM, ASKS(statfs), ANSWERS(statfs)),
	ROW(SETXATTR, setxattr, setxattr, MAY, NAMES(setxattr, ERANGE),
	    LENDS(setxattr, MP_VFS_XATTR_MAX, E2BIG)),
	ROW(GETXATTR, getxattr, getxattr, IDEM, NAMES(getxattr, ERANGE),
	    ANSWERS(getxattr), FILLS(getxattr, 0)),
	ROW(LISTXATTR, listxattr, listxattr, IDEM, ASKS(listxattr),
	    ANSWERS(listxattr), FILLS(listxattr, 0)),
	ROW(REMOVEXATTR, removexattr, removexattr, MAY,
	    NAMES(removexattr, ERANGE)),
	ROW(ACCESS, access, access, IDEM, ASKS(access)),
	ROW(CREATE, create, create, MAY, NAMES(create, LONG), ANSWERS(create)),
	ROW(FALLOCATE, fallocate, fallocate, MAY, ASKS(fallocate)),
	ROW(LSEEK, lseek, lseek, IDEM, ASKS(lseek), ANSWERS(lseek)),
	ROW(COPY_FILE_RANGE, copy_file_range, copy_file_range, IDEM,
	    ASKS(copy_file_range), ANSWERS(copy_file_range)),
	ROW(SYNCFS, syncfs, syncfs, IDEM, ASKS(syncfs)),
	ROW(ATTACH, attach, attach, IDEM, ASKS(attach), ANSWERS(attach),
	    .handle_off = offsetof(struct mp_vfs_attach, notify)),
	ROW(DETACH, detach, detach, IDEM, ASKS(detach)),
	ROW(INVAL_INODE, inval_inode, inval_inode, UP, ASKS(inval_inode)),
	ROW(INVAL_ENTRY, inval_entry, inval_entry, UP,
	    NAMES(inval_entry, LONG)),
	ROW(DELETE, delete, inval_entry, UP, NAMES(inval_entry, LONG)),
};

MP_STATIC_ASSERT(MP_IFACE_OP_FIRST(MP_CLASS_VFS) + COUNT(rows) == MP_VFS_OP_END,
		 "a row for each operation");

const struct mp_iface mp_vfs_iface = {
	.name = "vfs",
	.version = 1,
	.class_id = MP_CLASS_VFS,
	.ops = COUNT(rows),
	.op = rows,
	.answer_check = mp_vfs_answer_check,
};
