/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The n-th failure of every system call and thread start that core/ makes:
 * refused with the system's error and nothing left behind, or not noticed.
 * The harness looks for threads, descriptors and memory that stay.
 *
 * The library's calls come through the functions here, which have the names
 * of the C library's.
 */
#define _GNU_SOURCE
#include "conform.h"

#include <dlfcn.h>
#include <errno.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>

#define THREADS 4
#define CALLS 300

struct fault {
	uint32_t count; /* calls so far */
	uint32_t nth;	/* which one fails; 0 none */
	uint32_t every; /* and each so many after it; 0 none */
	int error;
};

static struct fault thread_fault, fd_fault, wait_fault, wake_fault;

static bool
fails(struct fault *f)
{
	uint32_t n = __atomic_add_fetch(&f->count, 1, __ATOMIC_RELAXED);

	if (f->nth == 0 || n < f->nth)
		return false;
	return n == f->nth || (f->every != 0 && (n - f->nth) % f->every == 0);
}

static void *
real(const char *name)
{
	void *p = dlsym(RTLD_NEXT, name);

	if (p == NULL)
		__builtin_trap();
	return p;
}

int
pthread_create(pthread_t *id, const pthread_attr_t *attr, void *(*run)(void *),
	       void *arg)
{
	static int (*next)(pthread_t *, const pthread_attr_t *,
			   void *(*)(void *), void *);

	if (next == NULL)
		*(void **)&next = real("pthread_create");
	if (fails(&thread_fault))
		return thread_fault.error;
	return next(id, attr, run, arg);
}

int
eventfd(unsigned int count, int flags)
{
	static int (*next)(unsigned int, int);

	if (next == NULL)
		*(void **)&next = real("eventfd");
	if (fails(&fd_fault)) {
		errno = fd_fault.error;
		return -1;
	}
	return next(count, flags);
}

long
syscall(long number, ...)
{
	static long (*found)(long, ...);
	long (*next)(long, ...) = __atomic_load_n(&found, __ATOMIC_RELAXED);
	struct fault *f = NULL;
	long a[6];
	va_list ap;

	if (next == NULL) {
		next = (long (*)(long, ...))real("syscall");
		__atomic_store_n(&found, next, __ATOMIC_RELAXED);
	}
	va_start(ap, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	if (number == SYS_futex && (a[1] & FUTEX_CMD_MASK) == FUTEX_WAKE)
		f = &wake_fault;
	else if (number == SYS_futex)
		f = &wait_fault;
	if (f != NULL && fails(f)) {
		errno = f->error;
		return -1;
	}
	return next(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

static int
answer(struct mp_port *p, struct mp_msg *m)
{
	(void)p;
	return (int)m->op + 1;
}

static void
pool_works(uint32_t threads)
{
	struct mp_thread thread[THREADS];
	struct mp_pool pool;
	struct mp_msg m = MP_MSG(6);

	mp_pool_init(&pool, answer, NULL);
	CHECK_EQ(mp_pool_start(&pool, thread, threads), 0);
	CHECK_EQ(mp_call(&pool.port, &m), 7);
	mp_pool_stop(&pool);
}

/* ---- threads */

TEST(a_pool_whose_nth_thread_fails_leaves_nothing)
{
	static const int errors[] = { EAGAIN, ENOMEM };
	struct mp_thread thread[THREADS];
	struct mp_port_stats stats;
	struct mp_pool pool;

	for (uint32_t n = 1; n <= THREADS; n++) {
		thread_fault =
			(struct fault){ .nth = n, .error = errors[n % 2] };
		mp_pool_init(&pool, answer, NULL);
		CHECK_EQ(mp_pool_start(&pool, thread, THREADS), -errors[n % 2]);
		CHECK_EQ(thread_fault.count, n);
		mp_port_stats(&pool.port, &stats);
		CHECK(stats.closed && stats.held == 0 && stats.depth == 0);
		CHECK_EQ(pool.threads, 0);
		thread_fault.nth = 0;
		pool_works(n);
	}
}

TEST(a_thread_start_says_no_other_error_than_the_two)
{
	struct mp_thread thread[1];
	struct mp_pool pool;
	int code;

	thread_fault = (struct fault){ .nth = 1, .error = EPERM };
	mp_pool_init(&pool, answer, NULL);
	code = mp_pool_start(&pool, thread, 1);
	CHECK_EQ(code, -EAGAIN);
	thread_fault.nth = 0;
}

/* The one that the handler was given last. */
static struct mp_msg *given;

static int
echo(struct mp_port *p, struct mp_msg *m)
{
	struct c_msg *body = MP_CONTAINER(m, struct c_msg, msg);

	(void)p;
	given = m;
	body->out.value = body->in.value + 1;
	return 3;
}

/* With a parity of `modes' before it, or none. */
static void
port_works(struct mp_port *p, uint32_t modes)
{
	struct c_msg m = { .msg = MP_MSG(C_ECHO), .in = { .value = 8 } };
	struct mp_port_stats stats;

	CHECK_EQ(mp_call(p, &m.msg), 3);
	CHECK_EQ(m.out.value, 9);
	CHECK_EQ(given == &m.msg, (modes & ~(uint32_t)MP_PARITY_ASYNC) == 0);
	mp_port_stats(p, &stats);
	CHECK_EQ(stats.refused[MP_REFUSED_PARITY], modes != 0);
	/* A thread gives it back after the completion. */
	CHECK(stats.held == 0 || modes != 0);
	CHECK_EQ(p->parity == NULL, modes == 0);
	p->refused[MP_REFUSED_PARITY] = 0;
}

static uint64_t slots[2 * (1 << 18) / 8];

TEST(a_parity_without_its_thread_leaves_the_port_as_it_was)
{
	static const uint32_t modes[] = { 0, MP_PARITY_COPY, MP_PARITY_POISON };
	static const int errors[] = { EAGAIN, ENOMEM };
	struct mp_parity_conf conf = { .slots = 2, .memory = slots };
	struct mp_parity parity;
	struct mp_port port;

	mp_port_init_call(&port, echo, NULL);
	port.iface = &c_iface;
	CHECK(mp_parity_size(&c_iface, conf.slots) <= sizeof(slots));
	for (uint32_t i = 0; i < 6; i++) {
		conf.modes = modes[i % 3] | MP_PARITY_ASYNC;
		thread_fault =
			(struct fault){ .nth = 1, .error = errors[i / 3] };
		CHECK_EQ(mp_parity_start(&parity, &port, &conf),
			 -errors[i / 3]);
		CHECK_EQ(thread_fault.count, 1);
		port_works(&port, 0);
		CHECK_EQ(mp_parity_start(&parity, &port, &conf), 0);
		port_works(&port, conf.modes);
		mp_parity_stop(&parity);
		port_works(&port, 0);
	}
	mp_port_fini(&port);
}

/* ---- descriptors */

static bool
readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) == 1 && (p.revents & POLLIN) != 0;
}

TEST(a_port_without_descriptor_works_and_gets_one_later)
{
	static const int errors[] = { EMFILE, ENFILE, ENOMEM };
	struct mp_port port, reply;
	struct mp_msg m = MP_MSG(1);
	int fd;

	mp_port_init_queue(&port, NULL);
	mp_port_init_queue(&reply, NULL);
	m.reply = &reply;
	for (uint32_t i = 0; i < 3; i++) {
		fd_fault = (struct fault){ .nth = 1, .error = errors[i] };
		CHECK_EQ(mp_port_fd(&port), -errors[i]);
		fd_fault.nth = 0;
		CHECK_EQ(mp_send(&port, &m), 0);
		CHECK(mp_tryrecv(&port) == &m);
		mp_reply(&m, 3);
		CHECK_EQ(mp_wait(&m), 3);
	}
	CHECK_EQ(mp_send(&port, &m), 0);
	fd = mp_port_fd(&port);
	CHECK(fd >= 0 && readable(fd));
	CHECK_EQ(mp_port_fd(&port), fd);
	CHECK(mp_tryrecv(&port) == &m);
	mp_reply(&m, 3);
	CHECK(mp_tryrecv(&port) == NULL);
	CHECK(!readable(fd));
	CHECK(mp_tryrecv(&reply) == &m);
	mp_port_fini(&port);
	mp_port_fini(&reply);
}

TEST(a_full_descriptor_blocks_no_sender)
{
	struct mp_port port, reply;
	struct mp_msg m = MP_MSG(1);
	int fd;

	mp_port_init_queue(&port, NULL);
	mp_port_init_queue(&reply, NULL);
	m.reply = &reply;
	fd = mp_port_fd(&port);
	CHECK_EQ(eventfd_write(fd, UINT64_MAX - 1), 0);
	errno = 0;
	CHECK_EQ(mp_send(&port, &m), 0);
	CHECK_EQ(errno, 0);
	CHECK(readable(fd));
	CHECK(mp_tryrecv(&port) == &m);
	mp_reply(&m, 0);
	CHECK_EQ(mp_wait(&m), 0);
	CHECK(mp_tryrecv(&port) == NULL);
	CHECK(!readable(fd));
	CHECK_EQ(errno, 0);
	mp_port_fini(&port);
	mp_port_fini(&reply);
}

/* ---- futexes */

static void *
call_often(void *port)
{
	struct mp_msg m;

	for (int i = 0; i < CALLS; i++) {
		mp_msg_init(&m, (uint32_t)i);
		errno = 1234;
		CHECK_EQ(mp_call(port, &m), i + 1);
		CHECK_EQ(errno, 1234);
	}
	return NULL;
}

/* Two threads over a pool and a queue that holds one. */
static void
call_much(void)
{
	struct mp_thread thread[2];
	struct mp_pool pool;
	pthread_t caller;

	mp_pool_init(&pool, answer, NULL);
	pool.port.depth_max = 1;
	CHECK_EQ(mp_pool_start(&pool, thread, 2), 0);
	CHECK_EQ(pthread_create(&caller, NULL, call_often, &pool.port), 0);
	call_often(&pool.port);
	pthread_join(caller, NULL);
	mp_pool_stop(&pool);
}

TEST(a_sleep_that_fails_at_once_is_a_spurious_wake_up)
{
	static const int errors[] = { EINTR, EAGAIN };

	for (uint32_t every = 1; every <= 4; every++)
		for (uint32_t i = 0; i < 2; i++) {
			wait_fault = (struct fault){ .nth = 1 + i,
						     .every = every,
						     .error = errors[i] };
			call_much();
		}
	wait_fault.nth = 0;
}

/* To memory that is gone, for a sleeper who is not there any more. */
TEST(a_wake_up_of_nobody_that_fails_is_not_noticed)
{
	struct mp_port port, reply;
	struct mp_msg m = MP_MSG(1);

	mp_port_init_queue(&port, NULL);
	mp_port_init_queue(&reply, NULL);
	m.reply = &reply;
	wake_fault = (struct fault){ .nth = 1, .every = 1, .error = EFAULT };
	errno = 0;
	CHECK_EQ(mp_send(&port, &m), 0);
	CHECK_EQ(mp_wait_until(&m, 1), -ETIMEDOUT);
	CHECK(mp_tryrecv(&port) == &m);
	mp_reply(&m, 2);
	CHECK_EQ(mp_wait(&m), 2);
	CHECK_EQ(errno, 0);
	wake_fault.nth = 0;
	mp_port_fini(&port);
	mp_port_fini(&reply);
}

/* EINTR for ever is no reason to forget the time. */
TEST(a_deadline_passes_through_interrupted_sleeps)
{
	struct mp_port port;
	struct mp_msg *m;
	struct mp_msg late = MP_MSG(1);

	mp_port_init_queue(&port, NULL);
	wait_fault = (struct fault){ .nth = 1, .every = 2, .error = EINTR };
	CHECK_EQ(mp_recv_until(&port, 1, &m), -ETIMEDOUT);
	late.deadline_ns = 1;
	CHECK_EQ(mp_call(&port, &late), -ETIME);
	wait_fault.nth = 0;
	mp_port_fini(&port);
}
