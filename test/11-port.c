/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Ports alone: receiving, descriptors, counts, and their end. */
#include "conform.h"

#include <poll.h>
#include <sys/resource.h>

#define SHORT_NS 2000000

static bool
is_readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) == 1 && (p.revents & POLLIN) != 0;
}

struct pair {
	struct mp_port p, reply;
	struct mp_msg m[4];
};

static void
pair_init(struct pair *t)
{
	mp_port_init_queue(&t->p, NULL);
	mp_port_init_queue(&t->reply, NULL);
	for (int i = 0; i < 4; i++) {
		mp_msg_init(&t->m[i], (uint32_t)i);
		t->m[i].reply = &t->reply;
	}
}

static void
pair_fini(struct pair *t)
{
	mp_port_fini(&t->p);
	mp_port_fini(&t->reply);
}

TEST(receive_returns_nothing_only_for_a_reason)
{
	struct mp_msg *m = NULL;
	struct pair t;
	uint64_t until_ns;

	pair_init(&t);
	CHECK(mp_tryrecv(&t.p) == NULL);
	CHECK_EQ(mp_recv_until(&t.p, 1, &m), -ETIMEDOUT);
	until_ns = os_now_ns() + SHORT_NS;
	CHECK_EQ(mp_recv_until(&t.p, until_ns, &m), -ETIMEDOUT);
	CHECK(os_now_ns() >= until_ns);
	CHECK(m == NULL);
	CHECK_EQ(mp_send(&t.p, &t.m[0]), 0);
	CHECK_EQ(mp_recv_until(&t.p, 1, &m), 0);
	CHECK_EQ(m, &t.m[0]);
	mp_reply(m, 0);
	mp_port_close(&t.p);
	CHECK_EQ(mp_recv_until(&t.p, 0, &m), -EPIPE);
	CHECK(mp_recv(&t.p) == NULL);
	CHECK(mp_tryrecv(&t.p) == NULL);
	CHECK_EQ(mp_wait(&t.m[0]), 0);
	pair_fini(&t);
}

TEST(a_request_that_is_too_late_is_not_received)
{
	struct pair t;

	pair_init(&t);
	t.m[0].deadline_ns = os_now_ns() + SHORT_NS;
	CHECK_EQ(mp_send(&t.p, &t.m[0]), 0);
	CHECK_EQ(mp_send(&t.p, &t.m[1]), 0);
	while (os_now_ns() < t.m[0].deadline_ns)
		;
	CHECK_EQ(mp_recv(&t.p), &t.m[1]);
	CHECK_EQ(mp_tryrecv(&t.reply), &t.m[0]);
	CHECK_EQ(t.m[0].result, -ETIME);
	mp_reply(&t.m[1], 0);
	CHECK_EQ(mp_tryrecv(&t.reply), &t.m[1]);
	pair_fini(&t);
}

TEST(requests_and_replies_of_one_port_are_told_apart)
{
	struct pair t;
	struct mp_msg *m;
	int replies = 0;

	pair_init(&t);
	t.m[2].reply = t.m[3].reply = &t.p;
	for (int i = 0; i < 4; i++)
		CHECK_EQ(mp_send(i < 2 ? &t.p : &t.reply, &t.m[i]), 0);
	while ((m = mp_tryrecv(&t.p)) != NULL) {
		CHECK(!mp_msg_is_reply(m));
		mp_reply(m, 7);
	}
	for (int i = 0; i < 4; i++) {
		m = mp_tryrecv(&t.reply);
		CHECK(m != NULL);
		CHECK_EQ(mp_msg_is_reply(m), m < &t.m[2]);
		replies += mp_msg_is_reply(m);
		if (!mp_msg_is_reply(m))
			mp_reply(m, 8);
	}
	CHECK_EQ(replies, 2);
	while ((m = mp_tryrecv(&t.p)) != NULL)
		replies += mp_msg_is_reply(m);
	CHECK_EQ(replies, 4);
	pair_fini(&t);
}

TEST(a_descriptor_is_readable_while_something_is_queued)
{
	struct pair t;
	int fd;

	pair_init(&t);
	fd = mp_port_fd(&t.p);
	CHECK(fd >= 0);
	CHECK_EQ(mp_port_fd(&t.p), fd);
	CHECK(!is_readable(fd));
	CHECK_EQ(mp_send(&t.p, &t.m[0]), 0);
	CHECK(is_readable(fd));
	CHECK(is_readable(fd));
	CHECK_EQ(mp_send(&t.p, &t.m[1]), 0);
	CHECK_EQ(mp_tryrecv(&t.p), &t.m[0]);
	CHECK(is_readable(fd));
	CHECK_EQ(mp_tryrecv(&t.p), &t.m[1]);
	CHECK(mp_tryrecv(&t.p) == NULL);
	CHECK(!is_readable(fd));
	CHECK_EQ(mp_send(&t.p, &t.m[2]), 0);
	CHECK(is_readable(fd));
	CHECK_EQ(mp_recv(&t.p), &t.m[2]);
	for (int i = 0; i < 3; i++)
		mp_reply(&t.m[i], 0);
	pair_fini(&t);
}

TEST(a_descriptor_made_late_knows_what_is_queued)
{
	struct pair t;
	int fd;

	pair_init(&t);
	CHECK_EQ(mp_send(&t.p, &t.m[0]), 0);
	CHECK(is_readable(mp_port_fd(&t.p)));
	CHECK_EQ(mp_recv(&t.p), &t.m[0]);
	fd = mp_port_fd(&t.reply);
	CHECK(!is_readable(fd));
	mp_reply(&t.m[0], 0);
	CHECK(is_readable(fd));
	CHECK_EQ(mp_wait(&t.m[0]), 0);
	CHECK(mp_tryrecv(&t.reply) == NULL);
	CHECK(!is_readable(fd));
	pair_fini(&t);
}

TEST(a_closed_port_stays_readable)
{
	struct pair t;
	int fd;

	pair_init(&t);
	fd = mp_port_fd(&t.p);
	mp_port_close(&t.p);
	CHECK(is_readable(fd));
	CHECK(mp_tryrecv(&t.p) == NULL);
	CHECK(is_readable(fd));
	mp_port_close(&t.reply);
	CHECK(is_readable(mp_port_fd(&t.reply)));
	pair_fini(&t);
}

TEST(without_a_descriptor_there_is_an_error_and_a_port)
{
	struct rlimit none, old;
	struct pair t;
	int fd;

	pair_init(&t);
	CHECK_EQ(getrlimit(RLIMIT_NOFILE, &old), 0);
	none = old;
	none.rlim_cur = 0;
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
	fd = mp_port_fd(&t.p);
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &old), 0);
	CHECK_EQ(fd, -EMFILE);
	CHECK_EQ(mp_send(&t.p, &t.m[0]), 0);
	CHECK_EQ(mp_recv(&t.p), &t.m[0]);
	mp_reply(&t.m[0], 0);
	CHECK(mp_port_fd(&t.p) >= 0);
	pair_fini(&t);
}

static void
count_release(struct mp_port *p)
{
	c_post(p->data);
}

TEST(the_last_count_releases_once)
{
	uint32_t released = 0;
	struct mp_port p;

	mp_port_init_queue(&p, &released);
	p.released = count_release;
	for (int round = 1; round <= 2; round++) {
		CHECK_EQ(mp_port_ref(&p), &p);
		CHECK_EQ(mp_port_ref(&p), &p);
		mp_port_unref(&p);
		CHECK_EQ(released, (uint32_t)round - 1);
		mp_port_unref(&p);
		CHECK_EQ(released, (uint32_t)round);
	}
	mp_port_unref(NULL);
	CHECK_ABORTS(mp_port_unref(&p));
	mp_port_fini(&p);
}

TEST(closing_twice_is_closing)
{
	struct pair t;

	pair_init(&t);
	CHECK_EQ(mp_send(&t.p, &t.m[0]), 0);
	mp_port_close(&t.p);
	mp_port_close(&t.p);
	CHECK_EQ(mp_wait(&t.m[0]), -EPIPE);
	CHECK_EQ(mp_send(&t.p, &t.m[0]), -EPIPE);
	CHECK_EQ(t.p.mp_SendMsg(&t.p, &t.m[1]), -EPIPE);
	CHECK_EQ(mp_call(&t.p, &t.m[2]), -EPIPE);
	CHECK(mp_tryrecv(&t.reply) == NULL);
	pair_fini(&t);
}

TEST(a_reply_that_nobody_fetched_goes_with_its_port)
{
	struct pair t;

	pair_init(&t);
	CHECK_EQ(mp_send(&t.p, &t.m[0]), 0);
	mp_reply(mp_recv(&t.p), 5);
	mp_port_close(&t.reply);
	CHECK(mp_tryrecv(&t.reply) == NULL);
	CHECK_EQ(mp_wait(&t.m[0]), 5);
	CHECK_EQ(mp_send(&t.p, &t.m[0]), 0);
	mp_reply(mp_recv(&t.p), 6);
	CHECK_EQ(mp_wait(&t.m[0]), 6);
	pair_fini(&t);
}

struct waiter {
	struct mp_thread thread;
	struct mp_port *port;
	uint32_t begun, tid, ended;
	uint32_t got;
	uint32_t n;
	int code;
};

static void
recv_main(void *arg)
{
	struct waiter *w = arg;
	struct mp_msg *m;

	os_store(&w->tid, c_thread_id());
	c_post(&w->begun);
	while ((m = mp_recv(w->port)) != NULL) {
		w->got++;
		mp_reply(m, 0);
	}
	c_post(&w->ended);
}

static void
waiter_start(struct waiter *w, struct mp_port *p, void (*run)(void *))
{
	w->port = p;
	CHECK_EQ(os_thread_start(&w->thread, run, w), 0);
	c_await(&w->begun, 1);
	CHECK(c_sleeps(w->tid, &w->ended));
}

TEST(closing_wakes_all_who_receive)
{
	struct waiter w[3] = { { .n = 0 } };
	struct mp_port p;

	mp_port_init_queue(&p, NULL);
	for (int i = 0; i < 3; i++)
		waiter_start(&w[i], &p, recv_main);
	mp_port_close(&p);
	for (int i = 0; i < 3; i++)
		os_thread_join(&w[i].thread);
	mp_port_fini(&p);
}

#define MANY 64
#define ROUNDS 40

TEST(no_message_stays_while_a_receiver_sleeps)
{
	static struct mp_msg m[MANY];
	struct waiter w[3] = { { .n = 0 } };
	struct mp_port_stats stats;
	struct mp_port p, count;
	uint32_t sum = 0;

	mp_port_init_queue(&p, NULL);
	mp_port_init_count(&count);
	for (int i = 0; i < 3; i++)
		waiter_start(&w[i], &p, recv_main);
	for (uint32_t round = 0; round < ROUNDS; round++) {
		for (uint32_t i = 0; i <= round; i++) {
			mp_msg_init(&m[i], 1);
			m[i].reply = &count;
			CHECK_EQ(mp_send(&p, &m[i]), 0);
		}
		sum += round + 1;
		CHECK_EQ(mp_count_wait(&count, sum, 0), 0);
	}
	mp_port_close(&p);
	for (int i = 0; i < 3; i++) {
		os_thread_join(&w[i].thread);
		sum -= w[i].got;
	}
	CHECK_EQ(sum, 0);
	mp_port_stats(&p, &stats);
	CHECK_EQ(stats.depth, 0);
	mp_port_fini(&p);
	mp_port_fini(&count);
}

static void
count_main(void *arg)
{
	struct waiter *w = arg;

	os_store(&w->tid, c_thread_id());
	c_post(&w->begun);
	w->code = mp_count_wait(w->port, w->n, 0);
	c_post(&w->ended);
}

TEST(each_counter_wakes_when_its_number_has_come)
{
	struct waiter w[2] = { { .n = 3 }, { .n = 1 } };
	struct pair t;
	struct mp_port count;

	pair_init(&t);
	mp_port_init_count(&count);
	CHECK_EQ(mp_count_wait(&count, 0, 1), 0);
	CHECK_EQ(mp_count_wait(&count, 1, 1), -ETIMEDOUT);
	for (int i = 0; i < 2; i++)
		waiter_start(&w[i], &count, count_main);
	for (int i = 0; i < 3; i++) {
		t.m[i].reply = &count;
		CHECK_EQ(mp_send(&t.p, &t.m[i]), 0);
	}
	mp_reply(mp_recv(&t.p), 0);
	os_thread_join(&w[1].thread);
	CHECK_EQ(w[1].code, 0);
	CHECK(c_sleeps(w[0].tid, &w[0].ended));
	mp_reply(mp_recv(&t.p), 0);
	CHECK(c_sleeps(w[0].tid, &w[0].ended));
	mp_reply(mp_recv(&t.p), 0);
	os_thread_join(&w[0].thread);
	CHECK_EQ(mp_count_wait(&count, 3, 1), 0);
	CHECK_EQ(mp_count_wait(&count, 4, 1), -ETIMEDOUT);
	mp_port_fini(&count);
	pair_fini(&t);
}

struct chain {
	struct mp_port *target;
	uint32_t left;
};

static void
send_again(struct mp_port *p, struct mp_msg *m)
{
	struct chain *chain = p->data;

	CHECK(mp_done(m));
	CHECK_EQ(m->result, (int)m->op);
	if (os_fetch_add(&chain->left, -1u) != 0)
		CHECK_EQ(mp_send(chain->target, m), 0);
}

static void
reply_main(void *arg)
{
	struct waiter *w = arg;
	struct mp_msg *m;

	os_store(&w->tid, c_thread_id());
	c_post(&w->begun);
	while ((m = mp_recv(w->port)) != NULL)
		mp_reply(m, (int)m->op);
}

TEST(a_callback_may_send_the_message_again)
{
	struct chain chain = { .left = 500 };
	struct waiter w = { .n = 0 };
	struct mp_msg m = MP_MSG(9);
	struct mp_port p, reply;

	mp_port_init_queue(&p, NULL);
	mp_port_init_callback(&reply, send_again, &chain);
	chain.target = &p;
	waiter_start(&w, &p, reply_main);
	m.reply = &reply;
	CHECK_EQ(mp_send(&p, &m), 0);
	/* It waits until none is out, which is after the last. */
	while (os_load(&chain.left) != UINT32_MAX)
		c_yield();
	mp_port_fini(&reply);
	mp_port_close(&p);
	os_thread_join(&w.thread);
	mp_port_fini(&p);
}

TEST(a_barrier_of_the_owner_is_edeadlk)
{
	struct pair t;

	pair_init(&t);
	CHECK_EQ(mp_port_barrier(&t.p), 0);
	CHECK_EQ(mp_send(&t.p, &t.m[0]), 0);
	CHECK_EQ(mp_recv(&t.p), &t.m[0]);
	CHECK_EQ(mp_port_barrier(&t.p), -EDEADLK);
	mp_reply(&t.m[0], 0);
	CHECK_EQ(mp_wait(&t.m[0]), 0);
	pair_fini(&t);
}

static void
barrier_main(void *arg)
{
	struct waiter *w = arg;

	os_store(&w->tid, c_thread_id());
	c_post(&w->begun);
	w->code = mp_port_barrier(w->port);
	c_post(&w->ended);
}

/* Each waits for its own past, also when they overlap. */
TEST(barriers_may_overlap)
{
	struct waiter w[3] = { { .n = 0 } };
	struct pair t;

	pair_init(&t);
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(mp_send(&t.p, &t.m[i]), 0);
		waiter_start(&w[i], &t.p, barrier_main);
	}
	for (int i = 0; i < 3; i++) {
		mp_reply(mp_recv(&t.p), 0);
		for (int k = i + 1; k < 3; k++)
			CHECK(c_sleeps(w[k].tid, &w[k].ended));
	}
	for (int i = 0; i < 3; i++) {
		os_thread_join(&w[i].thread);
		CHECK_EQ(w[i].code, 0);
	}
	pair_fini(&t);
}
