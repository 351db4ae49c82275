/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Threads that would wait for each other: one of them is told so. */
#include "actor.h"

static uint32_t owners;

/* Becomes the owner of its port, calls the next, then serves until closed. */
static void
owner_main(void *arg)
{
	struct actor *a = arg;
	struct mp_msg *m;

	CHECK(mp_tryrecv(&a->p) == NULL);
	c_post(&owners);
	actor_begin(a);
	c_await(&owners, (uint32_t)a->code);
	a->code = mp_call(a->to, &a->m);
	c_post(&a->ended);
	while ((m = mp_recv(&a->p)) != NULL)
		mp_reply(m, 0);
}

static void
run_ring(uint32_t n)
{
	struct actor a[3] = { { .m = MP_MSG(1) },
			      { .m = MP_MSG(1) },
			      { .m = MP_MSG(1) } };
	uint32_t broken = 0;

	os_store(&owners, 0);
	for (uint32_t i = 0; i < n; i++)
		mp_port_init_queue(&a[i].p, NULL);
	for (uint32_t i = 0; i < n; i++) {
		a[i].to = &a[(i + 1) % n].p;
		a[i].code = (int)n;
		actor_start(&a[i], owner_main);
	}
	for (uint32_t i = 0; i < n; i++)
		c_await(&a[i].ended, 1);
	for (uint32_t i = 0; i < n; i++)
		mp_port_close(&a[i].p);
	for (uint32_t i = 0; i < n; i++) {
		os_thread_join(&a[i].thread);
		CHECK(a[i].code == 0 || a[i].code == -EDEADLK);
		broken += a[i].code != 0;
		mp_port_fini(&a[i].p);
	}
	CHECK_EQ(broken, 1);
}

TEST(owners_that_call_each_other_end_in_edeadlk, .timeout_s = 10)
{
	for (int i = 0; i < 50; i++)
		run_ring(2);
}

TEST(three_owners_in_a_ring_end_in_edeadlk, .timeout_s = 10)
{
	for (int i = 0; i < 50; i++)
		run_ring(3);
}

TEST(an_owner_that_calls_itself_ends_in_edeadlk, .timeout_s = 10)
{
	struct mp_msg m = MP_MSG(1);
	struct mp_port p;

	mp_port_init_queue(&p, NULL);
	CHECK(mp_tryrecv(&p) == NULL);
	CHECK_EQ(mp_call(&p, &m), -EDEADLK);
	CHECK(mp_done(&m));
	CHECK(mp_tryrecv(&p) == NULL);
	mp_port_fini(&p);
}

struct crossing {
	struct mp_port p;
	struct mp_port *other;
	uint32_t *inside;
};

static int
cross(struct mp_port *p, struct mp_msg *m)
{
	struct crossing *x = p->data;
	struct mp_msg own = MP_MSG(2);

	if (m->op == 2)
		return 0;
	c_post(x->inside);
	c_await(x->inside, 2);
	return mp_call(x->other, &own);
}

TEST(serial_ports_that_call_each_other_end_in_edeadlk, .timeout_s = 10)
{
	struct actor a[2] = { { .m = MP_MSG(1) }, { .m = MP_MSG(1) } };
	struct crossing x[2];
	uint32_t inside = 0;

	for (int i = 0; i < 2; i++) {
		x[i].other = &x[!i].p;
		x[i].inside = &inside;
		mp_port_init_serial(&x[i].p, cross, &x[i]);
	}
	for (int i = 0; i < 2; i++) {
		a[i].to = &x[i].p;
		actor_start(&a[i], actor_call);
	}
	for (int i = 0; i < 2; i++)
		os_thread_join(&a[i].thread);
	CHECK(a[0].code == -EDEADLK || a[1].code == -EDEADLK);
	CHECK(a[0].code == 0 || a[1].code == 0);
	for (int i = 0; i < 2; i++)
		mp_port_fini(&x[i].p);
}

/* T sleeps already when its call is forwarded to T's own port. */
TEST(a_call_that_is_forwarded_to_its_caller_ends_in_edeadlk, .timeout_s = 10)
{
	struct actor a = { .m = MP_MSG(1), .code = 1 };
	struct mp_port between;
	struct mp_msg *m;

	mp_port_init_queue(&between, NULL);
	mp_port_init_queue(&a.p, NULL);
	os_store(&owners, 0);
	a.to = &between;
	actor_start(&a, owner_main);
	m = mp_recv(&between);
	CHECK_EQ(m, &a.m);
	CHECK(c_sleeps(a.tid, &a.ended));
	CHECK_EQ(mp_forward(&a.p, m), EASYNC);
	c_await(&a.ended, 1);
	mp_port_close(&a.p);
	os_thread_join(&a.thread);
	CHECK_EQ(a.code, -EDEADLK);
	mp_port_fini(&between);
	mp_port_fini(&a.p);
}

static void
receive_and_call_main(void *arg)
{
	struct actor *a = arg;
	struct mp_msg *m = mp_recv(&a->p);

	actor_begin(a);
	a->code = mp_call(a->to, &a->m);
	c_post(&a->ended);
	mp_reply(m, 5);
}

/* One waits for room in a full queue, whose owner waits for what he holds. */
TEST(a_ring_through_a_full_queue_ends_in_edeadlk, .timeout_s = 10)
{
	struct actor a = { .m = MP_MSG(1) };
	struct mp_msg mine = MP_MSG(1), filler = MP_MSG(1);
	struct mp_port full, reply;

	mp_port_init_queue(&a.p, NULL);
	mp_port_init_queue(&full, NULL);
	mp_port_init_queue(&reply, NULL);
	full.depth_max = 1;
	a.to = &full;
	filler.reply = mine.reply = &reply;
	CHECK(mp_tryrecv(&full) == NULL);
	CHECK_EQ(mp_send(&full, &filler), 0);
	CHECK_EQ(mp_send(&a.p, &mine), 0);
	actor_start(&a, receive_and_call_main);
	CHECK(c_sleeps(a.tid, &a.ended));
	CHECK_EQ(mp_wait(&mine), 5);
	os_thread_join(&a.thread);
	CHECK_EQ(a.code, -EDEADLK);
	mp_reply(mp_recv(&full), 0);
	CHECK_EQ(mp_wait(&filler), 0);
	mp_port_fini(&a.p);
	mp_port_fini(&full);
	mp_port_fini(&reply);
}
