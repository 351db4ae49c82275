/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The kit's locks, and the kernel's rules for them in a program. */
#include "t.h"

#include <msgport/kit.h>

#include <pthread.h>
#include <string.h>

static struct mp_mutex mutex;
static struct mp_spin spin;
static struct mp_rw rw;
static struct mp_cond cond;

TEST(no_sleep_under_a_spin_lock)
{
	mp_mutex_init(&mutex);
	mp_spin_init(&spin);
	mp_rw_init(&rw);
	mp_spin_lock(&spin);
	CHECK_EQ(mp_lock_count(), 1);
	CHECK_ABORTS((void)mp_mem_alloc(1));
	CHECK_ABORTS((void)mp_mem_zalloc(1));
	CHECK_ABORTS((void)mp_page_alloc(false));
	CHECK_ABORTS(mp_mutex_lock(&mutex));
	CHECK_ABORTS(mp_rw_rdlock(&rw));
	CHECK_ABORTS(mp_rw_wrlock(&rw));
	CHECK_ABORTS(mp_sleep_check(NULL));
	mp_mem_free(mp_mem_nowait(1));
	CHECK(mp_mutex_trylock(&mutex));
	mp_mutex_unlock(&mutex);
	mp_spin_unlock(&spin);
	mp_sleep_check(NULL);
	CHECK_EQ(mp_lock_count(), 0);
}

TEST(no_lock_is_taken_twice)
{
	mp_mutex_init(&mutex);
	mp_rw_init(&rw);
	mp_mutex_lock(&mutex);
	CHECK_ABORTS(mp_mutex_lock(&mutex));
	/* That sanitizer destroys a mutex which is held, and says 0. */
#ifndef __SANITIZE_THREAD__
	CHECK_ABORTS(mp_mutex_fini(&mutex));
#endif
	mp_mutex_assert_held(&mutex);
	mp_mutex_unlock(&mutex);
	CHECK_ABORTS(mp_mutex_unlock(&mutex));
	CHECK_ABORTS(mp_mutex_assert_held(&mutex));
	mp_rw_wrlock(&rw);
	CHECK_ABORTS(mp_rw_wrlock_at(&rw, 1));
	CHECK_ABORTS(mp_rw_rdlock_at(&rw, 1));
	mp_rw_wrunlock(&rw);
	CHECK_ABORTS(mp_rw_wrunlock(&rw));
	CHECK_ABORTS(mp_rw_wrlock_at(&rw, 1)); /* a second without a first */
	CHECK_ABORTS(mp_spin_unlock(&spin));
}

static struct {
	int writers, readers; /* inside */
	uint64_t a, b;	      /* equal when nobody writes */
	int turns;
} s;

static void *
lock_all(void *arg)
{
	int i;

	(void)arg;
	for (i = 0; i < 20000; i++) {
		if (i % 4 == 0) {
			mp_rw_wrlock(&rw);
			s.a++;
			s.b++;
			mp_rw_wrunlock(&rw);
		} else {
			mp_rw_rdlock(&rw);
			CHECK(s.a == s.b);
			mp_rw_rdunlock(&rw);
		}
		mp_spin_lock(&spin);
		s.turns++;
		mp_spin_unlock(&spin);
		mp_mutex_lock(&mutex);
		s.writers++;
		mp_mutex_unlock(&mutex);
	}
	CHECK_EQ(mp_lock_count(), 0);
	return NULL;
}

static void
threads(void *(*fn)(void *), int n)
{
	pthread_t t[8];
	int i;

	for (i = 0; i < n; i++)
		CHECK_EQ(pthread_create(&t[i], NULL, fn, NULL), 0);
	for (i = 0; i < n; i++)
		CHECK_EQ(pthread_join(t[i], NULL), 0);
}

static void *
try_all(void *arg)
{
	(void)arg;
	CHECK(!mp_mutex_trylock(&mutex));
	CHECK_EQ(mp_lock_count(), 0);
	return NULL;
}

TEST(a_held_lock_is_not_taken_by_trying)
{
	mp_mutex_init(&mutex);
	mp_rw_init(&rw);
	CHECK(mp_mutex_trylock(&mutex));
	mp_rw_rdlock_at(&rw, 1);
	CHECK_EQ(mp_lock_count(), 2);
	threads(try_all, 1);
	mp_mutex_unlock(&mutex);
	mp_rw_rdunlock(&rw);
	CHECK_EQ(mp_lock_count(), 0);
}

TEST(locks_exclude)
{
	mp_mutex_init(&mutex);
	mp_spin_init(&spin);
	mp_rw_init(&rw);
	threads(lock_all, 4);
	CHECK_EQ(s.turns, 80000);
	CHECK_EQ(s.writers, 80000);
	CHECK_EQ(s.a, 20000);
	mp_rw_fini(&rw);
	mp_mutex_fini(&mutex);
}

/* A baton goes around: who waits for his turn is woken, every time. */
static void *
baton(void *arg)
{
	int me, i;

	(void)arg;
	mp_mutex_lock(&mutex);
	me = s.readers++;
	for (i = 0; i < 1000; i++) {
		while (s.turns % 3 != me)
			CHECK_EQ(mp_cond_wait(&cond, &mutex, 0), 0);
		s.turns++;
		mp_cond_wake_all(&cond);
	}
	mp_mutex_unlock(&mutex);
	return NULL;
}

TEST(no_wake_up_is_lost)
{
	mp_mutex_init(&mutex);
	mp_cond_init(&cond);
	threads(baton, 3);
	CHECK_EQ(s.turns, 3000);
	mp_cond_fini(&cond);
}

/* With two, the one who waits is the right one. */
static void *
ping_pong(void *arg)
{
	int me, i;

	(void)arg;
	mp_mutex_lock(&mutex);
	me = s.readers++;
	for (i = 0; i < 1000; i++) {
		while (s.turns % 2 != me)
			CHECK_EQ(mp_cond_wait(&cond, &mutex, 0), 0);
		s.turns++;
		mp_cond_wake(&cond);
	}
	mp_mutex_unlock(&mutex);
	return NULL;
}

TEST(one_is_woken)
{
	mp_mutex_init(&mutex);
	mp_cond_init(&cond);
	threads(ping_pong, 2);
	CHECK_EQ(s.turns, 2000);
}

TEST(a_log_line_is_one_line)
{
	char got[600] = "";
	int fd[2], old = dup(2);

	CHECK(old >= 0 && !pipe(fd));
	CHECK_EQ(dup2(fd[1], 2), 2);
	mp_log_print(MP_LOG_WARN, "disk %d is %s", 3, "full");
	CHECK_EQ(dup2(old, 2), 2);
	CHECK(read(fd[0], got, sizeof(got) - 1) > 0);
	CHECK_STR(got, "msgport: warning: disk 3 is full\n");
	close(fd[0]);
	close(fd[1]);
	close(old);
}

TEST(a_wait_ends_at_its_deadline)
{
	uint64_t until = mp_clock_now() + 20000000;

	mp_mutex_init(&mutex);
	mp_cond_init(&cond);
	mp_mutex_lock(&mutex);
	CHECK_EQ(mp_cond_wait(&cond, &mutex, until), -ETIMEDOUT);
	CHECK(mp_clock_now() >= until);
	CHECK_EQ(mp_cond_wait(&cond, &mutex, 1), -ETIMEDOUT);
	mp_mutex_assert_held(&mutex);
	mp_mutex_unlock(&mutex);
}
