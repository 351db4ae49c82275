/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MSGPORT_TYPES_H
#define MSGPORT_TYPES_H

/*
 * The few types that differ between user space and the Linux kernel, and the
 * names both sides share: fixed-width integers, error numbers, assertions.
 *
 * Errors are negative errno values on both sides; there is no errno variable.
 * EASYNC is not an error: an agent returns it to say "I kept the message".  It
 * is never the result of a message.
 */

#include <linux/errno.h>

#ifdef __KERNEL__
#include <linux/build_bug.h>
#include <linux/limits.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/types.h>
#define INT32_MIN (-2147483647 - 1)
#define INT32_MAX 2147483647
#define INT64_MAX 9223372036854775807LL
#define UINT32_MAX 4294967295U
#define UINT64_MAX 18446744073709551615ULL
#else
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#endif

#ifdef __cplusplus
#define MP_STATIC_ASSERT(x, what) static_assert(x, what)
extern "C" {
#else
#define MP_STATIC_ASSERT(x, what) _Static_assert(x, what)
#endif

#if !defined(__KERNEL__) && !defined(__cplusplus)
/* Part of every C implementation, also a freestanding one (gcc calls them). */
void *memcpy(void *__restrict, const void *__restrict, size_t);
void *memmove(void *, const void *, size_t);
void *memset(void *, int, size_t);
int memcmp(const void *, const void *, size_t);
void *memchr(const void *, int, size_t);
size_t strlen(const char *);
int strcmp(const char *, const char *);
#endif

#define EASYNC (-2147483647 - 1)
#define MP_NO_DEADLINE 0

#define MP_CONTAINER(ptr, type, member) \
	((type *)(void *)((char *)(ptr)-offsetof(type, member)))

/*
 * A short lock that never sleeps in the kernel (interrupts are off while it is
 * held) and parks by address in user space.  Private to the library and the
 * kit; it is here because ports embed one.
 */
struct mp_lock {
#ifdef __KERNEL__
	spinlock_t lock;
	unsigned long irq; /* the holder's saved interrupt state */
#else
	uint32_t word; /* 0 free; core/os_posix.c */
#endif
};

#ifdef __KERNEL__
#define MP_LOCK_INIT                                  \
	{                                             \
		.lock = __SPIN_LOCK_UNLOCKED(mp_lock) \
	}
#else
#define MP_LOCK_INIT \
	{            \
		0    \
	}
#endif

/* A thread of the user's, in the user's memory; see <msgport/agent.h>. */
struct mp_thread {
	void (*run)(void *);
	void *arg;
	uintptr_t handle; /* pthread_t, or struct task_struct * */
};

/* Prints what was promised, then ends the program (kernel: a warning). */
#if defined(__GNUC__) && !defined(__KERNEL__)
__attribute__((cold, noreturn))
#endif
void
mp_panic(const char *promise, const char *file, int line, const void *object);

/* Our own bugs only; on in every build.  The object is printed with it. */
#define mp_assert(x, object) \
	((x) ? (void)0 : mp_panic(#x, __FILE__, __LINE__, (object)))

#ifdef __cplusplus
}
#endif

#endif
