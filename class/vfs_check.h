/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef CLASS_VFS_CHECK_H
#define CLASS_VFS_CHECK_H

/* What the checks of requests, answers and directory records share. */

#include <msgport/port.h>
#include <msgport/vfs.h>

/* A set of file types, as bits 1 << (mode >> 12). */
#define VFS_TYPE(mode) (1u << ((mode) >> 12))
#define VFS_DEVICES (VFS_TYPE(MP_S_IFCHR) | VFS_TYPE(MP_S_IFBLK))
#define VFS_NODES                                                    \
	(VFS_DEVICES | VFS_TYPE(MP_S_IFREG) | VFS_TYPE(MP_S_IFIFO) | \
	 VFS_TYPE(MP_S_IFSOCK))
#define VFS_TYPES (VFS_NODES | VFS_TYPE(MP_S_IFDIR) | VFS_TYPE(MP_S_IFLNK))

#define VFS_NSEC 1000000000u
#define VFS_OFFSET_MAX ((uint64_t)INT64_MAX)

/* Nothing but a type of the set and permissions. */
static inline bool
vfs_mode_ok(uint32_t mode, uint32_t types)
{
	return mode <= (MP_S_IFMT | MP_S_IPERM) &&
	       (VFS_TYPE(mode) & types) != 0;
}

static inline bool
vfs_rdev_ok(uint32_t mode, uint32_t major, uint32_t minor)
{
	if ((VFS_TYPE(mode) & VFS_DEVICES) == 0)
		return (major | minor) == 0;
	return major <= MP_VFS_MAJOR_MAX && minor <= MP_VFS_MINOR_MAX;
}

static inline bool
vfs_is_dots(const char *name, uint32_t len)
{
	return name[0] == '.' && (len == 1 || (len == 2 && name[1] == '.'));
}

/* class/vfs_in.c */
/* No NUL and no `fault' before the NUL at s[len]. */
bool vfs_text_ok(const char *s, uint32_t len, char fault);

/* class/vfs_out.c */
/* Everything but the id, of which the caller knows what it may be. */
bool vfs_attr_ok(const struct mp_vfs_attr *, uint32_t types);

#endif
