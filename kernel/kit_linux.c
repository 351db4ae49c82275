/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The kit in the Linux kernel: its own locks, memory and clocks.
 *
 * NOFS and NOIO are a matter of the caller's scope (memalloc_nofs_save() in
 * the front-end), not of the driver.
 */
#include <msgport/kit.h>

#include <linux/crc32c.h>
#include <linux/kernel.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/printk.h>
#include <linux/random.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>

void *
mp_mem_alloc(size_t size)
{
	return kvmalloc(size, GFP_KERNEL_ACCOUNT);
}

void *
mp_mem_zalloc(size_t size)
{
	return kvzalloc(size, GFP_KERNEL_ACCOUNT);
}

void *
mp_mem_nowait(size_t size)
{
	return kmalloc(size, GFP_NOWAIT | __GFP_NOWARN);
}

void
mp_mem_free(void *p)
{
	kvfree(p);
}

MP_STATIC_ASSERT(PAGE_SIZE >= MP_PAGE_SIZE, "a page holds a page");

void *
mp_page_alloc(bool zero)
{
	return (void *)__get_free_page(GFP_KERNEL_ACCOUNT |
				       (zero ? __GFP_ZERO : 0));
}

void
mp_page_free(void *page)
{
	free_page((unsigned long)page);
}

uint64_t
mp_mem_total(void)
{
	return (uint64_t)totalram_pages() << PAGE_SHIFT;
}

void
mp_sleep_check(const void *object)
{
	might_sleep();
}

void
mp_mutex_fini(struct mp_mutex *l)
{
	mutex_destroy(&l->m);
}

void
mp_mutex_lock(struct mp_mutex *l)
{
	mutex_lock(&l->m);
}

bool
mp_mutex_trylock(struct mp_mutex *l)
{
	return mutex_trylock(&l->m);
}

void
mp_mutex_unlock(struct mp_mutex *l)
{
	mutex_unlock(&l->m);
}

void
mp_mutex_assert_held(struct mp_mutex *l)
{
	lockdep_assert_held(&l->m);
}

void
mp_spin_lock(struct mp_spin *l)
{
	spin_lock(&l->s);
}

void
mp_spin_unlock(struct mp_spin *l)
{
	spin_unlock(&l->s);
}

void
mp_rw_fini(struct mp_rw *l)
{
}

void
mp_rw_rdlock(struct mp_rw *l)
{
	down_read(&l->s);
}

void
mp_rw_rdlock_at(struct mp_rw *l, unsigned int depth)
{
	down_read_nested(&l->s, depth);
}

void
mp_rw_rdunlock(struct mp_rw *l)
{
	up_read(&l->s);
}

void
mp_rw_wrlock(struct mp_rw *l)
{
	down_write(&l->s);
}

void
mp_rw_wrlock_at(struct mp_rw *l, unsigned int depth)
{
	down_write_nested(&l->s, depth);
}

void
mp_rw_wrunlock(struct mp_rw *l)
{
	up_write(&l->s);
}

/*
 * One turn: queued before the mutex is let go, so that a wake-up between the
 * caller's test and the sleep is not lost.
 */
int
mp_cond_wait(struct mp_cond *c, struct mp_mutex *l, uint64_t deadline_ns)
{
	ktime_t until = ns_to_ktime(deadline_ns);
	DEFINE_WAIT(wait);
	int error = 0;

	prepare_to_wait_exclusive(&c->q, &wait, TASK_KILLABLE);
	mutex_unlock(&l->m);
	if (fatal_signal_pending(current))
		error = -EINTR;
	else if (!deadline_ns)
		schedule();
	else if (!schedule_hrtimeout(&until, HRTIMER_MODE_ABS))
		error = -ETIMEDOUT;
	finish_wait(&c->q, &wait);
	if (!error && fatal_signal_pending(current))
		error = -EINTR;
	mutex_lock(&l->m);
	return error;
}

void
mp_cond_wake(struct mp_cond *c)
{
	wake_up(&c->q);
}

void
mp_cond_wake_all(struct mp_cond *c)
{
	wake_up_all(&c->q);
}

void
mp_cond_fini(struct mp_cond *c)
{
	WARN_ON_ONCE(waitqueue_active(&c->q));
}

static refcount_t *
counter(struct mp_ref *r)
{
	return container_of((atomic_t *)(void *)&r->n, refcount_t, refs);
}

MP_STATIC_ASSERT(sizeof(refcount_t) == sizeof(struct mp_ref), "struct mp_ref");

void
mp_ref_init(struct mp_ref *r, uint32_t n)
{
	refcount_set(counter(r), (int)n);
}

void
mp_ref_get(struct mp_ref *r)
{
	refcount_inc(counter(r));
}

bool
mp_ref_tryget(struct mp_ref *r)
{
	return refcount_inc_not_zero(counter(r));
}

bool
mp_ref_put(struct mp_ref *r)
{
	return refcount_dec_and_test(counter(r));
}

uint64_t
mp_clock_now(void)
{
	return ktime_get_ns();
}

void
mp_clock_wall(struct mp_wall *w)
{
	struct timespec64 t;

	ktime_get_coarse_real_ts64(&t);
	w->sec = t.tv_sec;
	w->nsec = (uint32_t)t.tv_nsec;
}

void
mp_log_print(enum mp_log_level level, const char *format, ...)
{
	static const char *const prefix[] = { KERN_ERR, KERN_WARNING, KERN_INFO,
					      KERN_DEBUG };
	struct va_format vaf = { .fmt = format };
	va_list ap;

	if (!printk_ratelimit())
		return;
	va_start(ap, format);
	vaf.va = &ap;
	printk("%smsgport: %pV\n", prefix[level & 3], &vaf);
	va_end(ap);
}

void
mp_random_fill(void *data, size_t size)
{
	get_random_bytes(data, size);
}

uint32_t
mp_crc32c(uint32_t crc, const void *data, size_t size)
{
	return ~crc32c(~crc, data, (unsigned int)size);
}
