/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * core/os.h for Linux user space: futexes, pthreads, eventfd.
 *
 * The lock is the three-state futex mutex of Drepper's "Futexes are tricky"
 * (2011, mutex 2): 0 free, 1 held, 2 held and somebody may sleep.  It spins a
 * little first, where there is another CPU for the holder to run on.  After
 * the exchange that unlocks it nothing but the address is used, so the memory
 * may go as soon as somebody else has had the lock.
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

#define LOCK_SPIN 100
#define NS_PER_S 1000000000ull

#define FLOOR_UNKNOWN (UINTPTR_MAX / 2)

__thread uintptr_t os_stack_floor = FLOOR_UNKNOWN;

static long
futex(const uint32_t *word, int op, uint32_t val, const struct timespec *until)
{
	return syscall(SYS_futex, word, op | FUTEX_PRIVATE_FLAG, val, until,
		       NULL, FUTEX_BITSET_MATCH_ANY);
}

int
os_park(const uint32_t *word, uint32_t expected, uint64_t deadline_ns)
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
	l->word = 0;
}

static bool
one_cpu(void)
{
	static uint32_t cpus;

	if (os_load(&cpus) == 0)
		os_store(&cpus, (uint32_t)sysconf(_SC_NPROCESSORS_ONLN));
	return os_load(&cpus) == 1;
}

static void
lock_slow(struct mp_lock *l)
{
	uint32_t free;

	for (int i = one_cpu() ? LOCK_SPIN : 0; i < LOCK_SPIN; i++) {
		free = 0;
		if (os_load(&l->word) == 0 && os_cas(&l->word, &free, 1))
			return;
		os_relax();
	}
	while (os_xchg(&l->word, 2) != 0)
		os_park(&l->word, 2, MP_NO_DEADLINE);
}

void
os_lock(struct mp_lock *l)
{
	uint32_t free = 0;

	if (!os_cas(&l->word, &free, 1))
		lock_slow(l);
}

void
os_unlock(struct mp_lock *l)
{
	if (os_xchg(&l->word, 0) == 2)
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
	uintptr_t here = (uintptr_t)__builtin_frame_address(0);
	pthread_attr_t attr;
	void *low;
	size_t size;

	if (os_stack_floor == FLOOR_UNKNOWN) {
		os_stack_floor = 0;
		if (pthread_getattr_np(pthread_self(), &attr) == 0) {
			if (pthread_attr_getstack(&attr, &low, &size) == 0)
				os_stack_floor = (uintptr_t)low;
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
