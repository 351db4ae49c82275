/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * core/os.h for Linux user space: futexes, pthreads, eventfd.
 *
 * The lock is the futex mutex of Drepper's "Futexes are tricky" (2011, mutex
 * 2), with the holder's CPU where that has only "held": a thread spins a little
 * for a holder that runs on another CPU, and sleeps at once for one that does
 * not.  After the exchange that unlocks it nothing but the address is used, so
 * the memory may go as soon as somebody else has had the lock.
 */
#define _GNU_SOURCE
#include "os.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define LOCK_FREE 0u
#define LOCK_SLEEPER 1u /* somebody may sleep; above it the holder's CPU */
#define LOCK_SPIN 12	/* looks, further and further apart */
#define NS_PER_S 1000000000ull

#define FLOOR_UNKNOWN (UINTPTR_MAX / 2)

__thread uintptr_t os_stack_floor = FLOOR_UNKNOWN;
os_park_fn *os_park_hook;

static long
futex(const uint32_t *word, int op, uint32_t val, const struct timespec *until)
{
	return syscall(SYS_futex, word, op | FUTEX_PRIVATE_FLAG, val, until,
		       NULL, FUTEX_BITSET_MATCH_ANY);
}

static int
park(const uint32_t *word, uint32_t expected, uint64_t deadline_ns)
{
	struct timespec until = {
		.tv_sec = (time_t)(deadline_ns / NS_PER_S),
		.tv_nsec = (long)(deadline_ns % NS_PER_S),
	};
	int saved = errno;
	int code = 0;

	if (futex(word, FUTEX_WAIT_BITSET, expected,
		  deadline_ns != 0 ? &until : NULL) != 0 &&
	    errno == ETIMEDOUT)
		code = -ETIMEDOUT;
	errno = saved;
	return code;
}

int
os_park(const uint32_t *word, uint32_t expected, uint64_t deadline_ns)
{
	os_park_fn *hook = __atomic_load_n(&os_park_hook, __ATOMIC_ACQUIRE);

	return hook != NULL ? hook(word, expected, deadline_ns) :
			      park(word, expected, deadline_ns);
}

void
os_wake(const uint32_t *word, uint32_t count)
{
	int saved = errno;

	futex(word, FUTEX_WAKE, count > INT_MAX ? INT_MAX : count, NULL);
	errno = saved;
}

void
os_lock_init(struct mp_lock *l)
{
	l->word = LOCK_FREE;
}

/* Never LOCK_FREE; -1 and -2 stand for a CPU that is not known. */
static uint32_t
held_here(void)
{
	return (uint32_t)(os_cpu() + 3) << 1;
}

/* Only a holder that runs elsewhere can let go while this thread spins. */
static bool
spin(struct mp_lock *l, uint32_t mine)
{
	uint32_t word;

	for (int i = 0; i < LOCK_SPIN; i++) {
		word = os_load(&l->word);
		if (word == LOCK_FREE && os_cas(&l->word, &word, mine))
			return true;
		if ((word & ~LOCK_SLEEPER) == mine)
			return false;
		os_back_off(i, 5);
	}
	return false;
}

static void
lock_slow(struct mp_lock *l, uint32_t mine)
{
	uint32_t word;

	if (spin(l, mine))
		return;
	for (;;) {
		word = os_load(&l->word);
		if (word == LOCK_FREE) {
			/* Others may still sleep: nobody knows. */
			if (os_cas(&l->word, &word, mine | LOCK_SLEEPER))
				return;
		} else if ((word & LOCK_SLEEPER) != 0 ||
			   os_cas(&l->word, &word, word | LOCK_SLEEPER)) {
			park(&l->word, word | LOCK_SLEEPER, MP_NO_DEADLINE);
		}
	}
}

void
os_lock(struct mp_lock *l)
{
	uint32_t mine = held_here();
	uint32_t word = LOCK_FREE;

	if (!os_cas(&l->word, &word, mine))
		lock_slow(l, mine);
}

void
os_unlock(struct mp_lock *l)
{
	if ((os_xchg(&l->word, LOCK_FREE) & LOCK_SLEEPER) != 0)
		os_wake(&l->word, 1);
}

uint64_t
os_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

bool
os_stack_is_low(size_t left_min)
{
	uintptr_t here = (uintptr_t)__builtin_frame_address(0) + OS_STACK_MIN;
	pthread_attr_t attr;
	void *low;
	size_t size;

	if (os_stack_floor == FLOOR_UNKNOWN) {
		os_stack_floor = 0;
		if (pthread_getattr_np(pthread_self(), &attr) == 0) {
			if (pthread_attr_getstack(&attr, &low, &size) == 0)
				os_stack_floor = (uintptr_t)low + OS_STACK_MIN;
			pthread_attr_destroy(&attr);
		}
	}
	return here >= os_stack_floor && here - os_stack_floor < left_min;
}

static void *
thread_main(void *arg)
{
	struct mp_thread *t = arg;

	t->run(t->arg);
	return NULL;
}

int
os_thread_start(struct mp_thread *t, void (*run)(void *), void *arg)
{
	pthread_t id;
	int error;

	t->run = run;
	t->arg = arg;
	error = pthread_create(&id, NULL, thread_main, t);
	if (error == 0)
		t->handle = (uintptr_t)id;
	else if (error != ENOMEM)
		error = EAGAIN;
	return -error;
}

void
os_thread_join(struct mp_thread *t)
{
	pthread_join((pthread_t)t->handle, NULL);
}

int
os_fd_open(void)
{
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* Never blocks: a full counter is readable already. */
void
os_fd_signal(int fd)
{
	int saved = errno;

	(void)eventfd_write(fd, 1);
	errno = saved;
}

void
os_fd_clear(int fd)
{
	eventfd_t count;
	int saved = errno;

	(void)eventfd_read(fd, &count);
	errno = saved;
}

void
os_fd_close(int fd)
{
	close(fd);
}

void
mp_panic(const char *promise, const char *file, int line, const void *object)
{
	fprintf(stderr, "msgport: %s:%d: broken promise: %s (object %p)\n",
		file, line, promise, object);
	abort();
}
