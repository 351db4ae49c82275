/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef CORE_OS_H
#define CORE_OS_H

/*
 * The only seam between core/ and the system.  Three implementations:
 * os_posix.c (futexes and pthreads), kernel/os_linux.c, and test/os_sim.c,
 * which steps threads from a seed and delays their stores as x86 may.
 *
 * Atomics: os_load and os_store are relaxed, os_load_acquire pairs with
 * os_store_release, and everything that reads and writes is a full fence (as
 * on x86, and on arm64 with LSE).
 *
 * Parking: os_park() sleeps while the word has the expected value, and may
 * return early for any reason.  os_wake() takes an address only; the memory
 * may be gone by then, and a stranger who sleeps there just looks again.
 */

#include <msgport/types.h>

#define OS_STACK_MIN 8192 /* bytes that a handler finds at least */

#ifdef MP_OS_SIM
uint32_t os_load(const uint32_t *);
uint32_t os_load_acquire(const uint32_t *);
void os_store(uint32_t *, uint32_t);
void os_store_release(uint32_t *, uint32_t);
bool os_cas(uint32_t *, uint32_t *expected, uint32_t desired);
uint32_t os_xchg(uint32_t *, uint32_t);
uint32_t os_fetch_add(uint32_t *, uint32_t);
uint32_t os_fetch_or(uint32_t *, uint32_t);
uint32_t os_fetch_and(uint32_t *, uint32_t);
void os_fence(void);
void os_relax(void);
uintptr_t os_self(void);
int32_t os_cpu(void);
bool os_stack_is_low(size_t left_min);
bool os_stack_seems_low(void);
uintptr_t os_load_word(const uintptr_t *);
void os_store_word(uintptr_t *, uintptr_t);
#else

static inline uint32_t
os_load(const uint32_t *p)
{
	return __atomic_load_n(p, __ATOMIC_RELAXED);
}

static inline uint32_t
os_load_acquire(const uint32_t *p)
{
	return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

static inline void
os_store(uint32_t *p, uint32_t v)
{
	__atomic_store_n(p, v, __ATOMIC_RELAXED);
}

static inline void
os_store_release(uint32_t *p, uint32_t v)
{
	__atomic_store_n(p, v, __ATOMIC_RELEASE);
}

/* On failure *expected is what was there. */
static inline bool
os_cas(uint32_t *p, uint32_t *expected, uint32_t desired)
{
	return __atomic_compare_exchange_n(p, expected, desired, false,
					   __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

static inline uint32_t
os_xchg(uint32_t *p, uint32_t v)
{
	return __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST);
}

static inline uint32_t
os_fetch_add(uint32_t *p, uint32_t v)
{
	return __atomic_fetch_add(p, v, __ATOMIC_SEQ_CST);
}

static inline uint32_t
os_fetch_or(uint32_t *p, uint32_t v)
{
	return __atomic_fetch_or(p, v, __ATOMIC_SEQ_CST);
}

static inline uint32_t
os_fetch_and(uint32_t *p, uint32_t v)
{
	return __atomic_fetch_and(p, v, __ATOMIC_SEQ_CST);
}

/* Pointers that another thread may be looking at; no order is implied. */
static inline uintptr_t
os_load_word(const uintptr_t *p)
{
	return __atomic_load_n(p, __ATOMIC_RELAXED);
}

static inline void
os_store_word(uintptr_t *p, uintptr_t v)
{
	__atomic_store_n(p, v, __ATOMIC_RELAXED);
}

static inline void
os_fence(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static inline void
os_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#else
	__asm__ volatile("" ::: "memory");
#endif
}

#ifdef __KERNEL__
#include <linux/sched.h>
#include <linux/sched/task_stack.h>
#include <linux/smp.h>

static inline uintptr_t
os_self(void)
{
	return (uintptr_t)current;
}

static inline int32_t
os_cpu(void)
{
	return raw_smp_processor_id();
}

static inline bool
os_stack_is_low(size_t left_min)
{
	return current_stack_pointer - (uintptr_t)end_of_stack(current) <
	       left_min;
}

static inline bool
os_stack_seems_low(void)
{
	return os_stack_is_low(OS_STACK_MIN);
}
#else
/* One unique address a thread; 0 is nobody. */
static inline uintptr_t
os_self(void)
{
#if defined(__x86_64__)
	uintptr_t self;

	/* The ABI keeps the thread pointer's own value at its address. */
	__asm__("mov %%fs:0, %0" : "=r"(self));
	return self;
#else
	return (uintptr_t)__builtin_thread_pointer();
#endif
}

/* A program knows where its own variables are, a library has to look. */
#if defined(__PIC__) && !defined(__PIE__)
#define OS_TLS __attribute__((tls_model("initial-exec")))
#else
#define OS_TLS __attribute__((tls_model("local-exec")))
#endif

extern __thread uintptr_t os_stack_floor OS_TLS;

/*
 * Below the floor a thread has less than OS_STACK_MIN left.  It is unknown
 * (above all addresses) until the first look, which the slow path takes.  A
 * stack that is not the thread's own, a coroutine's say, counts as endless.
 */
static inline bool
os_stack_seems_low(void)
{
#if defined(__x86_64__)
	bool low;

	__asm__("cmpq %1, %%rsp" : "=@ccb"(low) : "m"(os_stack_floor));
	return low;
#else
	return (uintptr_t)__builtin_frame_address(0) < os_stack_floor;
#endif
}

bool os_stack_is_low(size_t left_min);

/* glibc registers the area of rseq(2), where the kernel keeps the CPU. */
extern const ptrdiff_t __rseq_offset;

/* Negative where the kernel has no rseq(2): then nobody knows, nobody spins. */
static inline int32_t
os_cpu(void)
{
	int32_t cpu;

#if defined(__x86_64__)
	__asm__ volatile("mov %%fs:4(%1), %0" : "=r"(cpu) : "r"(__rseq_offset));
#else
	const char *area = (const char *)os_self() + __rseq_offset;

	cpu = __atomic_load_n((const int32_t *)(const void *)(area + 4),
			      __ATOMIC_RELAXED);
#endif
	return cpu;
}
#endif
#endif

/* A hint: this line is soon to be written here, and the next one read. */
static inline void
os_expect(const void *p)
{
#if defined(__x86_64__)
	__asm__ volatile("prefetchw %0" : : "m"(*(const char *)p));
#else
	__builtin_prefetch(p, 1);
#endif
	__builtin_prefetch((const char *)p + 64);
}

/*
 * For the inline paths, where instructions are counted.
 *
 *	os_any		loads and tests; os_acquire() after it makes it acquire
 *	os_byte_is	compares the lowest byte
 *	os_set_byte	sets bits of the lowest byte, which nobody else changes,
 *			and leaves the other bytes to those who do; not atomic
 */
#if defined(__x86_64__) && !defined(__SANITIZE_THREAD__) && !defined(MP_OS_SIM)
static inline bool
os_any(const uint32_t *p, uint32_t mask)
{
	bool any;

	__asm__ volatile("testl %2, %1" : "=@ccnz"(any) : "m"(*p), "ir"(mask));
	return any;
}

static inline bool
os_byte_is(const uint32_t *p, uint8_t byte)
{
	bool is;

	__asm__ volatile("cmpb %2, %b1" : "=@ccz"(is) : "m"(*p), "iq"(byte));
	return is;
}

static inline void
os_set_byte(uint32_t *p, uint8_t bits)
{
	__asm__ volatile("orb %1, %b0" : "+m"(*p) : "iq"(bits));
}
#else
static inline bool
os_any(const uint32_t *p, uint32_t mask)
{
	return (os_load_acquire(p) & mask) != 0;
}

static inline bool
os_byte_is(const uint32_t *p, uint8_t byte)
{
	return (uint8_t)os_load(p) == byte;
}

static inline void
os_set_byte(uint32_t *p, uint8_t bits)
{
#ifdef MP_OS_SIM
	os_store(p, os_load(p) | bits);
#else
	uint8_t *byte = (uint8_t *)p;

	MP_STATIC_ASSERT(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "lowest");
	bits |= __atomic_load_n(byte, __ATOMIC_RELAXED);
	__atomic_store_n(byte, bits, __ATOMIC_RELAXED);
#endif
}
#endif

static inline void
os_acquire(void)
{
#ifndef __SANITIZE_THREAD__
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
#endif
}

/*
 * Between two looks at a word that its holder writes to: the look takes the
 * line from him, so each pause is twice the one before, 2^max turns at most.
 */
static inline void
os_back_off(int look, int max)
{
	for (int i = 0; i < 1 << (look < max ? look : max); i++)
		os_relax();
}

/* 0, or -ETIMEDOUT; deadline in monotonic nanoseconds, 0 none. */
int os_park(const uint32_t *, uint32_t expected, uint64_t deadline_ns);
void os_wake(const uint32_t *, uint32_t count);

/*
 * User space: what os_park() does instead, once it is set, so that a thread
 * that sleeps also looks after what comes from elsewhere.  It sleeps itself,
 * and may return early as os_park() may.  Never for a lock.
 */
typedef int os_park_fn(const uint32_t *, uint32_t expected, uint64_t);
extern os_park_fn *os_park_hook;

void os_lock_init(struct mp_lock *);
void os_lock(struct mp_lock *);
void os_unlock(struct mp_lock *);

uint64_t os_now_ns(void);

/* 0, or -EAGAIN or -ENOMEM; the thread's memory is the caller's. */
int os_thread_start(struct mp_thread *, void (*run)(void *), void *arg);
void os_thread_join(struct mp_thread *);

/* A pollable descriptor, or a negative errno; signal and clear cannot block. */
int os_fd_open(void);
void os_fd_signal(int fd);
void os_fd_clear(int fd);
void os_fd_close(int fd);

#endif
