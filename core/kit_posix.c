/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The kit in a program: pthread locks, counts, time, log.  Memory is in
 * core/kit_mem.c.
 *
 * The kernel's rules are kept here too, in every build.  Each thread counts
 * the spin locks and all locks that it holds; whatever may sleep asserts that
 * there is no spin lock, whether it would have slept this time or not.
 */
#define _GNU_SOURCE
#include <msgport/kit.h>

#include <linux/futex.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define NSEC 1000000000ull
#define STEP_EPOCH 1000000000ull /* seconds; where a stepped clock starts */
#define SPIN_TURNS 64
#define JITTER_NS 20000
#define HELD_MAX 16u /* locks of one thread at once */

MP_STATIC_ASSERT(sizeof(pthread_mutex_t) <= 48, "struct mp_mutex");
MP_STATIC_ASSERT(sizeof(pthread_rwlock_t) <= 56, "struct mp_rw");
MP_STATIC_ASSERT(sizeof(pthread_cond_t) <= 48, "struct mp_cond");

static __thread struct {
	unsigned int spins;
	unsigned int locks; /* that sleep */
	const void *lock[HELD_MAX];
	uint32_t random;
} held __attribute__((tls_model("initial-exec")));

static uint32_t jitter;	 /* atomic: one lock in so many is slow; or 0 */
static uint64_t step_ns; /* atomic: since STEP_EPOCH, plus 1; 0: runs */

void
mp_sleep_check(const void *object)
{
	mp_assert(!held.spins && "no sleep under a spin lock", object);
}

void
mp_lock_jitter(uint32_t n)
{
	__atomic_store_n(&jitter, n, __ATOMIC_RELAXED);
}

unsigned int
mp_lock_count(void)
{
	return held.spins + held.locks;
}

static bool
is_held(const void *lock)
{
	unsigned int i;

	for (i = 0; i < held.locks; i++)
		if (held.lock[i] == lock)
			return true;
	return false;
}

/* Before a lock is waited for. */
static void
lock_check(const void *lock)
{
	mp_sleep_check(lock);
	mp_assert(!is_held(lock) && "not twice by one thread", lock);
	mp_assert(held.locks < HELD_MAX, lock);
}

/* Who got the lock sleeps with it, so that others come into his way. */
static void __attribute__((noinline, cold)) lock_slowly(uint32_t n)
{
	const struct timespec nap = { .tv_nsec = JITTER_NS };

	held.random = held.random * 1103515245u + 12345u;
	if ((held.random >> 16) % n == 0)
		nanosleep(&nap, NULL);
}

static void
lock_add(const void *lock)
{
	uint32_t n = __atomic_load_n(&jitter, __ATOMIC_RELAXED);

	held.lock[held.locks++] = lock;
	if (n)
		lock_slowly(n);
}

static void
lock_remove(const void *lock)
{
	unsigned int i = held.locks;

	while (i && held.lock[i - 1] != lock)
		i--;
	mp_assert(i && "who holds it unlocks it", lock);
	/* The last one takes its place: there is no order among them. */
	held.lock[i - 1] = held.lock[--held.locks];
}

static pthread_mutex_t *
mutex(struct mp_mutex *l)
{
	return (pthread_mutex_t *)(void *)l->priv;
}

static pthread_rwlock_t *
rwlock(struct mp_rw *l)
{
	return (pthread_rwlock_t *)(void *)l->priv;
}

static pthread_cond_t *
cond(struct mp_cond *c)
{
	return (pthread_cond_t *)(void *)c->priv;
}

void
mp_mutex_init(struct mp_mutex *l)
{
	pthread_mutex_init(mutex(l), NULL);
}

void
mp_mutex_fini(struct mp_mutex *l)
{
	mp_assert(!pthread_mutex_destroy(mutex(l)) && "nobody holds it", l);
}

void
mp_mutex_lock(struct mp_mutex *l)
{
	lock_check(l);
	pthread_mutex_lock(mutex(l));
	lock_add(l);
}

bool
mp_mutex_trylock(struct mp_mutex *l)
{
	mp_assert(held.locks < HELD_MAX, l);
	if (pthread_mutex_trylock(mutex(l)))
		return false;
	lock_add(l);
	return true;
}

void
mp_mutex_unlock(struct mp_mutex *l)
{
	lock_remove(l);
	pthread_mutex_unlock(mutex(l));
}

void
mp_mutex_assert_held(struct mp_mutex *l)
{
	mp_assert(is_held(l), l);
}

void
mp_spin_init(struct mp_spin *l)
{
	__atomic_store_n(&l->word, 0, __ATOMIC_RELAXED);
}

static void
spin_wait(struct mp_spin *l)
{
	int i;

	/* The holder may be off its CPU: a program cannot forbid that. */
	for (i = 0; i < SPIN_TURNS; i++) {
		if (!__atomic_load_n(&l->word, __ATOMIC_RELAXED) &&
		    !__atomic_exchange_n(&l->word, 1, __ATOMIC_ACQUIRE))
			return;
#ifdef __x86_64__
		__builtin_ia32_pause();
#endif
	}
	while (__atomic_exchange_n(&l->word, 2, __ATOMIC_ACQUIRE))
		syscall(SYS_futex, &l->word, FUTEX_WAIT_PRIVATE, 2, NULL);
}

void
mp_spin_lock(struct mp_spin *l)
{
	uint32_t free_word = 0;

	if (!__atomic_compare_exchange_n(&l->word, &free_word, 1, 0,
					 __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		spin_wait(l);
	held.spins++;
}

void
mp_spin_unlock(struct mp_spin *l)
{
	mp_assert(held.spins && "who holds it unlocks it", l);
	held.spins--;
	if (__atomic_exchange_n(&l->word, 0, __ATOMIC_RELEASE) == 2)
		syscall(SYS_futex, &l->word, FUTEX_WAKE_PRIVATE, 1);
}

void
mp_rw_init(struct mp_rw *l)
{
	pthread_rwlockattr_t attr;

	pthread_rwlockattr_init(&attr);
	pthread_rwlockattr_setkind_np(
		&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(rwlock(l), &attr);
	pthread_rwlockattr_destroy(&attr);
}

void
mp_rw_fini(struct mp_rw *l)
{
	pthread_rwlock_destroy(rwlock(l));
}

void
mp_rw_rdlock(struct mp_rw *l)
{
	lock_check(l);
	pthread_rwlock_rdlock(rwlock(l));
	lock_add(l);
}

void
mp_rw_rdlock_at(struct mp_rw *l, unsigned int depth)
{
	mp_assert(depth && held.locks, l);
	mp_rw_rdlock(l);
}

void
mp_rw_wrlock(struct mp_rw *l)
{
	lock_check(l);
	pthread_rwlock_wrlock(rwlock(l));
	lock_add(l);
}

void
mp_rw_wrlock_at(struct mp_rw *l, unsigned int depth)
{
	mp_assert(depth && held.locks, l);
	mp_rw_wrlock(l);
}

void
mp_rw_rdunlock(struct mp_rw *l)
{
	lock_remove(l);
	pthread_rwlock_unlock(rwlock(l));
}

void
mp_rw_wrunlock(struct mp_rw *l)
{
	lock_remove(l);
	pthread_rwlock_unlock(rwlock(l));
}

void
mp_cond_init(struct mp_cond *c)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(cond(c), &attr);
	pthread_condattr_destroy(&attr);
}

void
mp_cond_fini(struct mp_cond *c)
{
	pthread_cond_destroy(cond(c));
}

int
mp_cond_wait(struct mp_cond *c, struct mp_mutex *l, uint64_t deadline_ns)
{
	struct timespec until = { .tv_sec = (time_t)(deadline_ns / NSEC),
				  .tv_nsec = (long)(deadline_ns % NSEC) };
	int error;

	mp_sleep_check(c);
	lock_remove(l);
	if (deadline_ns)
		error = pthread_cond_timedwait(cond(c), mutex(l), &until);
	else
		error = pthread_cond_wait(cond(c), mutex(l));
	lock_add(l);
	return -error;
}

void
mp_cond_wake(struct mp_cond *c)
{
	pthread_cond_signal(cond(c));
}

void
mp_cond_wake_all(struct mp_cond *c)
{
	pthread_cond_broadcast(cond(c));
}

void
mp_ref_init(struct mp_ref *r, uint32_t n)
{
	__atomic_store_n(&r->n, n, __ATOMIC_RELAXED);
}

bool
mp_ref_tryget(struct mp_ref *r)
{
	uint32_t n = __atomic_load_n(&r->n, __ATOMIC_RELAXED);

	/* Relaxed: whoever takes a reference already has one to lean on. */
	do {
		if (!n)
			return false;
		if (n == UINT32_MAX)
			return true;
	} while (!__atomic_compare_exchange_n(
		&r->n, &n, n + 1, 1, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
	return true;
}

void
mp_ref_get(struct mp_ref *r)
{
	bool was_live = mp_ref_tryget(r);

	mp_assert(was_live && "a reference is taken from another", r);
}

bool
mp_ref_put(struct mp_ref *r)
{
	uint32_t n = __atomic_load_n(&r->n, __ATOMIC_RELAXED);

	/* All uses come before the free: release here, acquire by the last. */
	do {
		mp_assert(n && "put once for each get", r);
		if (n == UINT32_MAX)
			return false;
	} while (!__atomic_compare_exchange_n(
		&r->n, &n, n - 1, 1, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED));
	return n == 1;
}

uint64_t
mp_clock_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * NSEC + (uint64_t)t.tv_nsec;
}

void
mp_clock_wall(struct mp_wall *w)
{
	uint64_t ns = __atomic_load_n(&step_ns, __ATOMIC_RELAXED);
	struct timespec t;

	if (ns) {
		ns--;
		w->sec = (int64_t)(STEP_EPOCH + ns / NSEC);
		w->nsec = (uint32_t)(ns % NSEC);
		return;
	}
	clock_gettime(CLOCK_REALTIME_COARSE, &t);
	w->sec = t.tv_sec;
	w->nsec = (uint32_t)t.tv_nsec;
}

void
mp_clock_step(uint64_t ns)
{
	uint64_t now = __atomic_load_n(&step_ns, __ATOMIC_RELAXED);

	if (ns)
		now = now ? now + ns : 1;
	else
		now = 0;
	__atomic_store_n(&step_ns, now, __ATOMIC_RELAXED);
}

void
mp_log_print(enum mp_log_level level, const char *format, ...)
{
	static const char *const name[] = { "error", "warning", "info",
					    "debug" };
	char line[512];
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(line, sizeof(line), format, ap);
	va_end(ap);
	fprintf(stderr, "msgport: %s: %s\n", name[level & 3], line);
}

void
mp_random_fill(void *data, size_t size)
{
	char *p = data;
	ssize_t n;

	while (size) {
		n = getrandom(p, size, 0);
		if (n < 0)
			continue; /* EINTR is the only way to fail here */
		p += n;
		size -= (size_t)n;
	}
}

static uint32_t
crc32c_plain(uint32_t crc, const uint8_t *p, size_t size)
{
	int bit;

	for (; size; size--, p++) {
		crc ^= *p;
		for (bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
	}
	return crc;
}

#ifdef __x86_64__
__attribute__((target("sse4.2"))) static uint32_t
crc32c_sse(uint32_t crc, const uint8_t *p, size_t size)
{
	uint64_t w, c = crc;

	for (; size >= 8; size -= 8, p += 8) {
		memcpy(&w, p, 8);
		c = __builtin_ia32_crc32di(c, w);
	}
	crc = (uint32_t)c;
	for (; size; size--, p++)
		crc = __builtin_ia32_crc32qi(crc, *p);
	return crc;
}
#endif

uint32_t
mp_crc32c(uint32_t crc, const void *data, size_t size)
{
	crc = ~crc;
#ifdef __x86_64__
	if (__builtin_cpu_supports("sse4.2"))
		return ~crc32c_sse(crc, data, size);
#endif
	return ~crc32c_plain(crc, data, size);
}
