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

#define VFS_ONES 0x0101010101010101ull
#define VFS_TOPS 0x8080808080808080ull
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

/* Some top bit is set if a byte of the word is zero, or is the fault. */
static inline uint64_t
vfs_word_faults(uint64_t w, uint64_t faults)
{
	uint64_t x = w ^ faults;

	return ((w - VFS_ONES) & ~w) | ((x - VFS_ONES) & ~x);
}

static inline uint64_t
vfs_word_at(const char *s)
{
	uint64_t w;

	memcpy(&w, s, sizeof(w));
	return w;
}

/* Of 4 bytes at s and 4 that end at end. */
static inline uint64_t
vfs_halves_of(const char *s, const char *end)
{
	uint32_t first, last;

	memcpy(&first, s, sizeof(first));
	memcpy(&last, end - sizeof(last), sizeof(last));
	return (uint64_t)last << 32 | first;
}

/*
 * No NUL and no `fault' before the NUL at s[len].  What is left of whole words
 * is looked at by one that overlaps.
 */
static inline bool
vfs_text_ok(const char *s, uint32_t len, char fault)
{
	const uint64_t faults = VFS_ONES * (unsigned char)fault;
	const char *last;
	uint64_t found;

	if (s[len] != '\0')
		return false;
	if (len < sizeof(uint32_t)) {
		for (; *s != '\0' && *s != fault; s++)
			len--;
		return len == 0;
	}
	if (len < sizeof(uint64_t)) {
		found = vfs_word_faults(vfs_halves_of(s, s + len), faults);
	} else {
		last = s + len - sizeof(uint64_t);
		found = vfs_word_faults(vfs_word_at(last), faults);
		for (; s < last; s += sizeof(uint64_t))
			found |= vfs_word_faults(vfs_word_at(s), faults);
	}
	return (found & VFS_TOPS) == 0;
}

/* class/vfs_out.c */
/* Everything but the id, of which the caller knows what it may be. */
bool vfs_attr_ok(const struct mp_vfs_attr *, uint32_t types);

#endif
