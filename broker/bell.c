/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Futexes in shared memory, one or many at once (futex_waitv, Linux 5.16). */
#define _GNU_SOURCE
#include "bell.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S 1000000000ull

static int
park_one(const struct bell_word *w, const struct timespec *until)
{
	int op = FUTEX_WAIT_BITSET | (w->shared ? 0 : FUTEX_PRIVATE_FLAG);

	return (int)syscall(SYS_futex, w->word, op, w->expected, until, NULL,
			    FUTEX_BITSET_MATCH_ANY);
}

static int
park_many(const struct bell_word *w, uint32_t words,
	  const struct timespec *until)
{
	struct futex_waitv v[BELL_WORDS + 1];

	for (uint32_t i = 0; i < words; i++)
		v[i] = (struct futex_waitv){
			.val = w[i].expected,
			.uaddr = (uintptr_t)w[i].word,
			.flags = FUTEX_32 |
				 (w[i].shared ? 0 : FUTEX_PRIVATE_FLAG),
		};
	return (int)syscall(SYS_futex_waitv, v, words, 0, until,
			    CLOCK_MONOTONIC);
}

int
bell_park(const struct bell_word *w, uint32_t words, uint64_t deadline_ns)
{
	struct timespec time = {
		.tv_sec = (time_t)(deadline_ns / NS_PER_S),
		.tv_nsec = (long)(deadline_ns % NS_PER_S),
	};
	const struct timespec *until =
		deadline_ns != MP_NO_DEADLINE ? &time : NULL;
	int saved = errno;
	int code;

	code = words == 1 ? park_one(w, until) : park_many(w, words, until);
	code = code < 0 && errno == ETIMEDOUT ? -ETIMEDOUT : 0;
	errno = saved;
	return code;
}

void
bell_wake(uint32_t *word, bool shared, uint32_t count)
{
	int op = FUTEX_WAKE | (shared ? 0 : FUTEX_PRIVATE_FLAG);
	int saved = errno;

	(void)syscall(SYS_futex, word, op, count > INT_MAX ? INT_MAX : count);
	errno = saved;
}
