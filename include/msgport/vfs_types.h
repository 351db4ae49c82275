/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MSGPORT_VFS_TYPES_H
#define MSGPORT_VFS_TYPES_H

/*
 * The nouns of class vfs: nodes, attributes, flags, directory records.
 *
 * Everything is fixed-width, without holes, the same on every machine.  Values
 * of modes and open flags are those of Linux on x86; a front-end translates.
 * Times are since 1970, durations in nanoseconds.
 */

#include <msgport/iface.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MP_VFS_ROOT 1u		  /* the id of the root node */
#define MP_VFS_NAME_MAX 255u	  /* bytes of a name, and of an xattr's name */
#define MP_VFS_TARGET_MAX 4095u	  /* bytes of a symbolic link's target */
#define MP_VFS_XATTR_MAX 65536u	  /* bytes of a value, and of a list of names */
#define MP_VFS_IO_MAX (1u << 30)  /* bytes of one read, write, readdir */
#define MP_VFS_FORGET_MAX 16u	  /* nodes in one forget */
#define MP_VFS_FOREVER UINT64_MAX /* as a duration */

/* Of a mode.  A type is mode & MP_S_IFMT; a record's type is mode >> 12. */
#define MP_S_IFMT 0170000u
#define MP_S_IFSOCK 0140000u
#define MP_S_IFLNK 0120000u
#define MP_S_IFREG 0100000u
#define MP_S_IFBLK 0060000u
#define MP_S_IFDIR 0040000u
#define MP_S_IFCHR 0020000u
#define MP_S_IFIFO 0010000u
#define MP_S_ISUID 0004000u
#define MP_S_ISGID 0002000u
#define MP_S_ISVTX 0001000u
#define MP_S_IPERM 0007777u /* all that chmod changes */

/* A device is (major < 4096, minor < 1048576), as in Linux. */
#define MP_VFS_MAJOR_MAX 0xfffu
#define MP_VFS_MINOR_MAX 0xfffffu

/* Who asks.  A driver applies umask to new modes: 0 if that was done. */
struct mp_vfs_cred {
	uint32_t uid;
	uint32_t gid;
	uint32_t pid; /* 0: unknown */
	uint32_t umask;
};

struct mp_vfs_time {
	int64_t sec;
	uint32_t nsec; /* < 1000000000 */
	uint32_t reserved;
};

enum mp_vfs_attr_flag {
	MP_VFS_ATTR_BTIME = 1u << 0, /* btime is known */
};

struct mp_vfs_attr {
	uint64_t ino;	 /* for people; need not be the node's id; not 0 */
	uint64_t size;	 /* bytes, at most INT64_MAX */
	uint64_t blocks; /* of 512 bytes */
	struct mp_vfs_time atime;
	struct mp_vfs_time mtime;
	struct mp_vfs_time ctime;
	struct mp_vfs_time btime;
	uint32_t mode; /* type and MP_S_IPERM */
	uint32_t nlink;
	uint32_t uid;
	uint32_t gid;
	uint32_t rdev_major; /* of devices, else 0 */
	uint32_t rdev_minor;
	uint32_t blksize; /* preferred for I/O; not 0 */
	uint32_t flags;	  /* enum mp_vfs_attr_flag */
};

/*
 * A node is named by id and generation.  An id is never given to another node
 * while it is looked up; generation tells apart the lives of a reused id.  An
 * entry that is answered with an id other than 0 adds one to the node's lookup
 * count; forget subtracts.  The root is looked up from the start.
 */
struct mp_vfs_entry {
	uint64_t id;
	uint64_t generation;
	uint64_t entry_valid_ns; /* how long the name may be remembered */
	uint64_t attr_valid_ns;	 /* how long the attributes may be */
	struct mp_vfs_attr attr;
};

struct mp_vfs_forget_item {
	uint64_t id;
	uint64_t count; /* of lookups given back; not 0 */
};

struct mp_vfs_statfs_info {
	uint64_t blocks; /* of frsize */
	uint64_t bfree;	 /* <= blocks */
	uint64_t bavail; /* <= blocks */
	uint64_t files;
	uint64_t ffree; /* <= files */
	uint64_t fsid;
	uint32_t bsize;	   /* not 0 */
	uint32_t frsize;   /* not 0 */
	uint32_t name_max; /* 1..MP_VFS_NAME_MAX */
	uint32_t reserved;
};

/* Which members of a setattr count. */
enum mp_vfs_set {
	MP_VFS_SET_MODE = 1u << 0,
	MP_VFS_SET_UID = 1u << 1,
	MP_VFS_SET_GID = 1u << 2,
	MP_VFS_SET_SIZE = 1u << 3,
	MP_VFS_SET_ATIME = 1u << 4,
	MP_VFS_SET_MTIME = 1u << 5,
	MP_VFS_SET_FH = 1u << 6,	/* fh is an open file of the node */
	MP_VFS_SET_ATIME_NOW = 1u << 7, /* the driver's now; never with ATIME */
	MP_VFS_SET_MTIME_NOW = 1u << 8,
	MP_VFS_SET_CTIME = 1u << 10,	    /* else the driver's now */
	MP_VFS_SET_KILL_SUIDGID = 1u << 11, /* as a write would */
	MP_VFS_SET_ALL = 0xdff,
};

/* Of lookup, getattr, rename, fsync, setxattr, write, inval_entry. */
#define MP_VFS_LOOKUP_NEGATIVE 1u /* an answer with id 0 is understood */
#define MP_VFS_GETATTR_FH 1u	  /* fh is an open file of the node */
#define MP_VFS_RENAME_NOREPLACE 1u
#define MP_VFS_RENAME_EXCHANGE 2u
#define MP_VFS_FSYNC_DATA 1u	  /* attributes may wait */
#define MP_VFS_XATTR_CREATE 1u	  /* EEXIST if it exists */
#define MP_VFS_XATTR_REPLACE 2u	  /* ENODATA if it does not */
#define MP_VFS_XATTR_KILL_SGID 4u /* an ACL that takes the group's setgid */
#define MP_VFS_WRITE_CACHE 1u	  /* from a cache: fh is any writer's */
#define MP_VFS_WRITE_KILL_SUIDGID 2u
#define MP_VFS_INVAL_EXPIRE 1u /* the name may stay, unsure */

/* What open, opendir and create are asked with. */
#define MP_O_RDONLY 00000000u
#define MP_O_WRONLY 00000001u
#define MP_O_RDWR 00000002u
#define MP_O_ACCMODE 00000003u
#define MP_O_EXEC 00000040u /* to be executed */
#define MP_O_EXCL 00000200u /* create: EEXIST if the name exists */
#define MP_O_TRUNC 00001000u
#define MP_O_APPEND 00002000u
#define MP_O_NONBLOCK 00004000u
#define MP_O_DSYNC 00010000u
#define MP_O_DIRECT 00040000u
#define MP_O_NOATIME 01000000u
#define MP_O_SYNC 04010000u
#define MP_O_ALL 05057243u

/* What open, opendir and create answer, for the front-end's cache. */
enum mp_vfs_open_flag {
	MP_VFS_OPEN_DIRECT_IO = 1u << 0,
	MP_VFS_OPEN_KEEP_CACHE = 1u << 1,
	MP_VFS_OPEN_NONSEEKABLE = 1u << 2,
	MP_VFS_OPEN_CACHE_DIR = 1u << 3,
	MP_VFS_OPEN_NOFLUSH = 1u << 5, /* flush may be left out */
	MP_VFS_OPEN_ALL = 0x2f,
};

/* Of access, as in access(2); none of them asks whether the node is there. */
#define MP_VFS_X_OK 1u
#define MP_VFS_W_OK 2u
#define MP_VFS_R_OK 4u

/* Modes of fallocate; PUNCH only with KEEP, COLLAPSE and INSERT only alone. */
#define MP_VFS_FALLOC_KEEP 0x01u
#define MP_VFS_FALLOC_PUNCH 0x02u
#define MP_VFS_FALLOC_COLLAPSE 0x08u
#define MP_VFS_FALLOC_ZERO 0x10u
#define MP_VFS_FALLOC_INSERT 0x20u
#define MP_VFS_FALLOC_UNSHARE 0x40u
#define MP_VFS_FALLOC_ALL 0x7bu

#define MP_VFS_SEEK_DATA 3u
#define MP_VFS_SEEK_HOLE 4u

/* What a front-end can do, and which of that the driver wants. */
enum mp_vfs_cap {
	MP_VFS_CAP_WRITEBACK = 1u << 0, /* it holds back writes and times */
	MP_VFS_CAP_READDIRPLUS = 1u << 1,
	MP_VFS_CAP_EXPORT = 1u << 2, /* it looks up . and .. of any node */
	MP_VFS_CAP_ACL = 1u << 3,    /* it leaves umask and ACLs to us */
	MP_VFS_CAP_KILL_SUIDGID = 1u << 4, /* it leaves setuid clearing to us */
	MP_VFS_CAP_TRUNC = 1u << 5,	   /* it passes MP_O_TRUNC on */
	MP_VFS_CAP_ALL = 0x3f,
};

/*
 * What readdir writes into the lent buffer, one after the other: this header
 * (readdirplus: and a struct mp_vfs_entry), the name without a NUL, zeros up
 * to the next multiple of 8.
 */
struct mp_vfs_dirent {
	uint64_t ino;	      /* not 0 */
	uint64_t next_cookie; /* resume after this one; 1..INT64_MAX */
	uint32_t type;	      /* mode >> 12; 0: unknown */
	uint32_t name_len;
};

#define MP_VFS_RECORD_SIZE(name_len, plus)                               \
	((sizeof(struct mp_vfs_dirent) +                                 \
	  ((plus) ? sizeof(struct mp_vfs_entry) : 0) + (name_len) + 7) & \
	 ~(size_t)7)
/* A buffer of readdir has room for one record of any name: at least this. */
#define MP_VFS_RECORD_MAX MP_VFS_RECORD_SIZE(MP_VFS_NAME_MAX, 1)

/* A record, copied out of a buffer that somebody else may be writing. */
struct mp_vfs_record {
	struct mp_vfs_dirent dirent;
	struct mp_vfs_entry entry; /* id 0: there is none, all is zero */
	char name[MP_VFS_NAME_MAX + 1];
};

MP_STATIC_ASSERT(sizeof(struct mp_vfs_cred) == 16, "fixed");
MP_STATIC_ASSERT(sizeof(struct mp_vfs_time) == 16, "fixed");
MP_STATIC_ASSERT(sizeof(struct mp_vfs_attr) == 120, "fixed");
MP_STATIC_ASSERT(sizeof(struct mp_vfs_entry) == 152, "fixed");
MP_STATIC_ASSERT(sizeof(struct mp_vfs_statfs_info) == 64, "fixed");
MP_STATIC_ASSERT(sizeof(struct mp_vfs_dirent) == 24, "fixed");

#ifdef __cplusplus
}
#endif

#endif
