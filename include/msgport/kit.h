/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MSGPORT_KIT_H
#define MSGPORT_KIT_H

/*
 * The kit: what a driver may use of its surroundings, the same on both sides.
 *
 * A driver includes this (and <msgport/kit_tree.h> for lists, tables and
 * trees), its class and nothing else.  core/kit_posix.c is the program's side,
 * kernel/kit_linux.c the kernel's.  A driver's state hangs off its instance:
 * it has no mutable globals and no thread-local storage.
 *
 * May sleep: everything that says so; never under a spin lock.  The program's
 * side enforces the kernel's rules in every build and ends the program: no
 * sleep under a spin lock, no lock taken twice by one thread, no unlock by
 * another thread, no lock destroyed while it is held.
 *
 * Any allocation may fail.  Errors are negative errno values.
 */

#include <msgport/types.h>

#ifdef __KERNEL__
#include <linux/mutex.h>
#include <linux/rwsem.h>
#include <linux/wait.h>
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define MP_PAGE_SIZE 4096u

#ifdef __KERNEL__
struct mp_mutex {
	struct mutex m;
};
struct mp_spin {
	spinlock_t s;
};
struct mp_rw {
	struct rw_semaphore s;
};
struct mp_cond {
	wait_queue_head_t q;
};
#else
/* Opaque room for the system's own; checked in core/kit_posix.c. */
struct mp_mutex {
	uint64_t priv[6];
};
struct mp_spin {
	uint32_t word;
};
struct mp_rw {
	uint64_t priv[7];
};
struct mp_cond {
	uint64_t priv[6];
};
#endif

/*
 * Memory.  alloc and zalloc may sleep and take any size; nowait is for small
 * objects and may be called under a spin lock.  Pages are MP_PAGE_SIZE bytes,
 * aligned; page_alloc may sleep.  The frees take NULL and never sleep.
 */
void *mp_mem_alloc(size_t size);
void *mp_mem_zalloc(size_t size);
void *mp_mem_nowait(size_t size);
void mp_mem_free(void *);
void *mp_page_alloc(bool zero);
void mp_page_free(void *);
uint64_t mp_mem_total(void); /* of the machine, bytes */

/* Where something may sleep, though it rarely does; names the object. */
void mp_sleep_check(const void *object);

/* Sleeping lock.  lock may sleep; trylock does not. */
void mp_mutex_fini(struct mp_mutex *);
void mp_mutex_lock(struct mp_mutex *);
bool mp_mutex_trylock(struct mp_mutex *);
void mp_mutex_unlock(struct mp_mutex *);
void mp_mutex_assert_held(struct mp_mutex *);

/* Short lock: a few dozen instructions, no sleep, no call out. */
void mp_spin_lock(struct mp_spin *);
void mp_spin_unlock(struct mp_spin *);

/*
 * Many readers or one writer; waiting writers go before new readers.  May
 * sleep.  Who holds one lock of a kind and takes a second says its depth, 1 or
 * more, to the _at form, and has a written order that makes it safe.
 */
void mp_rw_fini(struct mp_rw *);
void mp_rw_rdlock(struct mp_rw *);
void mp_rw_rdlock_at(struct mp_rw *, unsigned int depth);
void mp_rw_rdunlock(struct mp_rw *);
void mp_rw_wrlock(struct mp_rw *);
void mp_rw_wrlock_at(struct mp_rw *, unsigned int depth);
void mp_rw_wrunlock(struct mp_rw *);

/*
 * Wait for a condition that the mutex guards; test it again after every
 * return.  deadline_ns is of mp_clock_now(), 0 for none.  0, or -ETIMEDOUT, or
 * -EINTR when the caller is being killed (kernel only).
 */
int mp_cond_wait(struct mp_cond *, struct mp_mutex *, uint64_t deadline_ns);
void mp_cond_wake(struct mp_cond *);
void mp_cond_wake_all(struct mp_cond *);
void mp_cond_fini(struct mp_cond *);

/*
 * The kernel's lock checker tells locks apart by where they are initialised,
 * therefore macros there.
 */
#ifdef __KERNEL__
#define mp_mutex_init(l) mutex_init(&(l)->m)
#define mp_spin_init(l) spin_lock_init(&(l)->s)
#define mp_rw_init(l) init_rwsem(&(l)->s)
#define mp_cond_init(l) init_waitqueue_head(&(l)->q)
#else
void mp_mutex_init(struct mp_mutex *);
void mp_spin_init(struct mp_spin *);
void mp_rw_init(struct mp_rw *);
void mp_cond_init(struct mp_cond *);
#endif

/*
 * Counted references that stick at the top rather than wrap around.  A count
 * that has come to zero stays there; put tells the one who must free.
 */
struct mp_ref {
	uint32_t n;
};
void mp_ref_init(struct mp_ref *, uint32_t n);
void mp_ref_get(struct mp_ref *);
bool mp_ref_tryget(struct mp_ref *); /* false: it was zero */
bool mp_ref_put(struct mp_ref *);    /* true: it is zero now */

/*
 * The time.  Wall time is coarse (a few milliseconds) on both sides, so that
 * the stamps of one file system never go backwards among themselves.
 */
struct mp_wall {
	int64_t sec; /* since 1970 */
	uint32_t nsec;
};
uint64_t mp_clock_now(void); /* monotonic, ns */
void mp_clock_wall(struct mp_wall *);

enum mp_log_level { MP_LOG_ERROR, MP_LOG_WARN, MP_LOG_INFO, MP_LOG_DEBUG };

/* One line, no newline at its end; rate-limited in the kernel. */
#ifdef __GNUC__
__attribute__((format(printf, 2, 3)))
#endif
void
mp_log_print(enum mp_log_level, const char *format, ...);

void mp_random_fill(void *, size_t size);
/* Castagnoli; start with crc 0, go on with what the last call returned. */
uint32_t mp_crc32c(uint32_t crc, const void *, size_t size);

#ifndef __KERNEL__
/*
 * For tests.  fail_at: the n-th allocation from now on fails, once; 0 never.
 * live: allocations not yet freed.  step: the wall clock stands still, first
 * at 1,000,000,000 s, and goes forward by so much at each call; 0: it runs.
 * count: locks that the calling thread holds.  jitter: one in n locks (not
 * spin locks) is held for some microseconds more; 0 none.
 */
void mp_mem_fail_at(uint64_t n);
uint64_t mp_mem_fail_left(void); /* 0: the n-th was reached, or never set */
uint64_t mp_mem_live(void);
void mp_clock_step(uint64_t ns);
unsigned int mp_lock_count(void);
void mp_lock_jitter(uint32_t n);
#endif

/*
 * Atomic words.  load is acquire, store is release, the others are both and
 * totally ordered.  add returns the new value; cas true if it did.
 */
#ifdef __KERNEL__
#define mp_atomic_load(p) smp_load_acquire(p)
#define mp_atomic_store(p, v) smp_store_release(p, v)
#define mp_atomic_load_ptr(p) smp_load_acquire(p)
#define mp_atomic_store_ptr(p, v) smp_store_release(p, v)

static inline uint64_t
mp_atomic_add(uint64_t *p, int64_t v)
{
	return (uint64_t)atomic64_add_return(v, (atomic64_t *)p);
}

static inline bool
mp_atomic_cas(uint64_t *p, uint64_t old, uint64_t new_)
{
	return cmpxchg(p, old, new_) == old;
}
#else
static inline uint64_t
mp_atomic_load(const uint64_t *p)
{
	return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

static inline void
mp_atomic_store(uint64_t *p, uint64_t v)
{
	__atomic_store_n(p, v, __ATOMIC_RELEASE);
}

static inline uint64_t
mp_atomic_add(uint64_t *p, int64_t v)
{
	return __atomic_add_fetch(p, (uint64_t)v, __ATOMIC_SEQ_CST);
}

static inline bool
mp_atomic_cas(uint64_t *p, uint64_t old, uint64_t new_)
{
	return __atomic_compare_exchange_n(p, &old, new_, 0, __ATOMIC_SEQ_CST,
					   __ATOMIC_SEQ_CST);
}

#define mp_atomic_load_ptr(p) __atomic_load_n(p, __ATOMIC_ACQUIRE)
#define mp_atomic_store_ptr(p, v) __atomic_store_n(p, v, __ATOMIC_RELEASE)
#endif

#ifdef __cplusplus
}
#endif

#endif
