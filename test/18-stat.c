/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Counters: what an attached one counts, and each reason of a refusal. */
#include <msgport/stat.h>
#include "conform.h"

#include <pthread.h>

static int
echo(struct mp_port *p, struct mp_msg *m)
{
	CHECK(p->handler == echo);
	return (int)m->op;
}

static uint64_t
sum_of(const struct mp_stat *stat)
{
	uint64_t sum = 0;

	for (int i = 0; i < MP_STAT_BUCKETS; i++)
		sum += stat->bucket[i];
	return sum;
}

TEST(what_runs_inline_is_counted_and_timed)
{
	void (*const init[])(struct mp_port *, mp_handler_fn *,
			     void *) = { mp_port_init_call,
					 mp_port_init_serial };
	struct mp_msg m = MP_MSG(4);
	struct mp_port p;

	for (int k = 0; k < 2; k++) {
		struct mp_stat stat = { 0 };

		init[k](&p, echo, NULL);
		CHECK_EQ(mp_call(&p, &m), 4);
		mp_port_attach(&p, &stat);
		for (int i = 0; i < 10; i++)
			CHECK_EQ(mp_call(&p, &m), 4);
		CHECK_EQ(stat.inlined, 10);
		CHECK_EQ(stat.queued, 0);
		CHECK_EQ(sum_of(&stat), 10);
		mp_port_attach(&p, NULL);
		CHECK_EQ(mp_call(&p, &m), 4);
		CHECK_EQ(stat.inlined, 10);
		mp_port_fini(&p);
	}
}

static int
dawdle(struct mp_port *p, struct mp_msg *m)
{
	uint64_t until_ns = os_now_ns() + 1000000;

	CHECK(p->handler == dawdle);
	while (os_now_ns() < until_ns)
		;
	return (int)m->op;
}

TEST(a_slow_handler_is_in_a_slow_bucket)
{
	struct mp_stat stat = { 0 };
	struct mp_msg m = MP_MSG(4);
	struct mp_port p;

	mp_port_init_call(&p, dawdle, NULL);
	mp_port_attach(&p, &stat);
	CHECK_EQ(mp_call(&p, &m), 4);
	CHECK(stat.time_ns >= 1000000);
	/* 2^19 is less than a millisecond. */
	for (int i = 0; i < 20; i++)
		CHECK_EQ(stat.bucket[i], 0);
	CHECK_EQ(sum_of(&stat), 1);
	mp_port_fini(&p);
}

TEST(what_is_queued_is_counted)
{
	struct mp_stat stat = { 0 };
	struct mp_port p, reply;
	struct mp_msg m[3];

	mp_port_init_queue(&p, NULL);
	mp_port_init_discard(&reply);
	mp_port_attach(&p, &stat);
	p.depth_max = 2;
	for (int i = 0; i < 3; i++) {
		mp_msg_init(&m[i], 1);
		m[i].reply = &reply;
		CHECK_EQ(mp_send(&p, &m[i]), i < 2 ? 0 : -EAGAIN);
	}
	CHECK_EQ(stat.queued, 2);
	CHECK_EQ(stat.inlined, 0);
	mp_port_fini(&p);
	mp_port_fini(&reply);
}

static uint32_t
refused(struct mp_port *p, enum mp_refusal why)
{
	struct mp_port_stats stats;
	uint32_t others = 0;

	mp_port_stats(p, &stats);
	for (int i = 0; i < MP_REFUSALS; i++)
		others += i != (int)why ? stats.refused[i] : 0;
	CHECK_EQ(others, 0);
	return stats.refused[why];
}

TEST(a_full_queue_counts_what_it_refuses)
{
	struct mp_port p, reply;
	struct mp_msg m[4];

	mp_port_init_queue(&p, NULL);
	mp_port_init_discard(&reply);
	p.depth_max = 1;
	for (int i = 0; i < 4; i++) {
		mp_msg_init(&m[i], 1);
		m[i].reply = &reply;
		CHECK_EQ(mp_send(&p, &m[i]), i == 0 ? 0 : -EAGAIN);
	}
	CHECK_EQ(refused(&p, MP_REFUSED_FULL), 3);
	mp_port_fini(&p);
	mp_port_fini(&reply);
}

TEST(a_closed_port_counts_what_it_refuses)
{
	struct mp_msg m = MP_MSG(1);
	struct mp_port p;

	mp_port_init_call(&p, echo, NULL);
	mp_port_close(&p);
	CHECK_EQ(mp_call(&p, &m), -EPIPE);
	CHECK_EQ(p.mp_SendMsg(&p, &m), -EPIPE);
	CHECK_EQ(refused(&p, MP_REFUSED_CLOSED), 2);
	mp_port_fini(&p);
}

TEST(a_blocking_port_counts_what_it_refuses)
{
	struct mp_port p, reply;
	struct mp_msg m = MP_MSG(1);

	mp_port_init_call(&p, echo, NULL);
	mp_port_init_queue(&reply, NULL);
	p.flags |= MP_PORT_MAY_BLOCK;
	m.reply = &reply;
	CHECK_EQ(mp_send(&p, &m), -EAGAIN);
	CHECK_EQ(p.mp_SendMsg(&p, &m), -EAGAIN);
	CHECK_EQ(refused(&p, MP_REFUSED_BLOCKING), 2);
	CHECK_EQ(mp_call(&p, &m), 1);
	m.flags = MP_MSG_MAYBLOCK;
	CHECK_EQ(mp_send(&p, &m), 0);
	CHECK_EQ(mp_tryrecv(&reply), &m);
	CHECK_EQ(p.mp_SendMsg(&p, &m), 1);
	CHECK_EQ(refused(&p, MP_REFUSED_BLOCKING), 2);
	mp_port_fini(&p);
	mp_port_fini(&reply);
}

struct busy {
	struct mp_port p;
	struct mp_thread thread;
	struct mp_msg m;
	uint32_t inside, open;
};

static int
stay(struct mp_port *p, struct mp_msg *m)
{
	struct busy *b = p->data;

	if (m->op == 1) {
		c_post(&b->inside);
		c_await(&b->open, 1);
	}
	return 0;
}

static void
stay_main(void *arg)
{
	struct busy *b = arg;

	CHECK_EQ(mp_call(&b->p, &b->m), 0);
}

TEST(a_busy_serial_port_counts_what_it_queues)
{
	struct busy b = { .m = MP_MSG(1) };
	struct mp_port_stats stats;
	struct mp_port reply;
	struct mp_msg m[2];

	mp_port_init_serial(&b.p, stay, &b);
	mp_port_init_queue(&reply, NULL);
	CHECK_EQ(os_thread_start(&b.thread, stay_main, &b), 0);
	c_await(&b.inside, 1);
	for (int i = 0; i < 2; i++) {
		mp_msg_init(&m[i], 2);
		m[i].reply = &reply;
		CHECK_EQ(mp_send(&b.p, &m[i]), 0);
	}
	CHECK_EQ(refused(&b.p, MP_REFUSED_BUSY), 2);
	mp_port_stats(&b.p, &stats);
	CHECK_EQ(stats.depth, 2);
	c_post(&b.open);
	os_thread_join(&b.thread);
	CHECK_EQ(mp_wait(&m[0]), 0);
	CHECK_EQ(mp_wait(&m[1]), 0);
	mp_port_fini(&b.p);
	mp_port_fini(&reply);
}

static int
enter_again(struct mp_port *p, struct mp_msg *m)
{
	struct mp_msg own = MP_MSG(2);
	struct mp_msg *later = p->data;

	if (m->op == 2)
		return 0;
	CHECK_EQ(mp_send(p, later), 0);
	return mp_call(p, &own);
}

TEST(a_serial_port_counts_who_enters_twice)
{
	struct mp_msg m = MP_MSG(1), later = MP_MSG(2);
	struct mp_port p, reply;

	mp_port_init_serial(&p, enter_again, &later);
	mp_port_init_queue(&reply, NULL);
	later.reply = &reply;
	CHECK_EQ(mp_call(&p, &m), -EDEADLK);
	CHECK_EQ(refused(&p, MP_REFUSED_REENTRANT), 2);
	CHECK_EQ(mp_tryrecv(&reply), &later);
	mp_port_fini(&p);
	mp_port_fini(&reply);
}

static int
call_on(struct mp_port *p, struct mp_msg *m)
{
	struct mp_msg own = MP_MSG(m->op);

	(*(uint32_t *)p->data)++;
	return mp_call(p, &own);
}

/* On a stack that is used up before a sanitizer's own are. */
static void
on_small_stack(void *(*run)(void *))
{
	pthread_attr_t attr;
	pthread_t thread;

	CHECK_EQ(pthread_attr_init(&attr), 0);
	CHECK_EQ(pthread_attr_setstacksize(&attr, 1 << 19), 0);
	CHECK_EQ(pthread_create(&thread, &attr, run, NULL), 0);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	pthread_attr_destroy(&attr);
}

static void *
recurse_main(void *none)
{
	struct mp_msg m = MP_MSG(1);
	uint32_t runs = 0;
	struct mp_port p;

	mp_port_init_call(&p, call_on, &runs);
	CHECK_EQ(mp_call(&p, &m), -EDEADLK);
	CHECK(runs > 100);
	CHECK_EQ(refused(&p, MP_REFUSED_STACK), 1);
	CHECK_EQ(m.result, -EDEADLK);
	mp_port_fini(&p);
	return none;
}

TEST(endless_recursion_ends_for_want_of_stack)
{
	on_small_stack(recurse_main);
}

static int
pass(struct mp_port *p, struct mp_msg *m)
{
	(void)p;
	(void)m;
	return 0;
}

TEST(a_ring_of_filters_is_caught_when_it_is_closed)
{
	struct mp_port a, b, c;

	mp_port_init_dead(&c, -EIO);
	mp_port_init_filter(&b, pass, &c);
	mp_port_init_filter(&a, pass, &b);
	CHECK_ABORTS(mp_port_init_filter(&b, pass, &a));
	CHECK_ABORTS(mp_port_init_filter(&a, pass, &a));
	mp_port_fini(&a);
	mp_port_fini(&b);
}

struct traffic {
	struct mp_port p;
	struct mp_thread thread[2];
	uint32_t stop;
};

static void
server_main(void *arg)
{
	struct traffic *t = arg;
	struct mp_msg *m;

	while ((m = mp_recv(&t->p)) != NULL)
		mp_reply(m, 0);
}

static void
client_main(void *arg)
{
	struct traffic *t = arg;
	struct mp_msg m = MP_MSG(1);

	while (os_load(&t->stop) == 0)
		CHECK_EQ(mp_call(&t->p, &m), 0);
}

TEST(counts_of_a_busy_port_are_never_absurd)
{
	struct traffic t = { .stop = 0 };
	struct mp_port_stats stats;

	mp_port_init_queue(&t.p, NULL);
	CHECK_EQ(os_thread_start(&t.thread[0], server_main, &t), 0);
	CHECK_EQ(os_thread_start(&t.thread[1], client_main, &t), 0);
	for (int i = 0; i < 20000; i++) {
		mp_port_stats(&t.p, &stats);
		CHECK(stats.depth <= 1);
		CHECK(stats.held <= 2);
	}
	os_store(&t.stop, 1);
	os_thread_join(&t.thread[1]);
	mp_port_close(&t.p);
	os_thread_join(&t.thread[0]);
	mp_port_stats(&t.p, &stats);
	CHECK_EQ(stats.depth, 0);
	CHECK_EQ(stats.held, 0);
	mp_port_fini(&t.p);
}
