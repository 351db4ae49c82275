/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Filters where something is unusual: what is held, full, closed or chained. */
#include "../core/os.h"
#include "t.h"
#include <msgport/agent.h>

#include <errno.h>

static int
result_of_op(struct mp_port *p, struct mp_msg *m)
{
	CHECK(p->handler == result_of_op);
	return (int)m->op;
}

static int
stop_odd(struct mp_port *p, struct mp_msg *m)
{
	CHECK(p->handler == stop_odd);
	return m->op % 2 != 0 ? -EACCES : 0;
}

TEST(a_filter_looks_at_what_its_holder_forwards)
{
	struct mp_port queue, filter, target, reply;
	struct mp_msg m = MP_MSG(2);

	mp_port_init_call(&target, result_of_op, NULL);
	mp_port_init_filter(&filter, stop_odd, &target);
	mp_port_init_queue(&queue, NULL);
	mp_port_init_queue(&reply, NULL);
	m.reply = &reply;
	CHECK_EQ(mp_send(&queue, &m), 0);
	CHECK_EQ(mp_forward(&filter, mp_recv(&queue)), EASYNC);
	CHECK_EQ(mp_wait(&m), 2);
	m.op = 3;
	CHECK_EQ(mp_send(&queue, &m), 0);
	CHECK_EQ(mp_forward(&filter, mp_recv(&queue)), EASYNC);
	CHECK_EQ(mp_wait(&m), -EACCES);
	mp_port_fini(&queue);
	mp_port_fini(&filter);
	mp_port_fini(&target);
	mp_port_fini(&reply);
}

TEST(each_filter_of_a_chain_has_its_say)
{
	struct mp_port outer, inner, target;
	struct mp_msg m = MP_MSG(2);

	mp_port_init_call(&target, result_of_op, NULL);
	mp_port_init_filter(&inner, stop_odd, &target);
	mp_port_init_filter(&outer, stop_odd, &inner);
	CHECK_EQ(mp_call(&outer, &m), 2);
	m.op = 3;
	CHECK_EQ(mp_call(&outer, &m), -EACCES);
	m.op = 2;
	mp_port_close(&inner);
	CHECK_EQ(mp_call(&outer, &m), -EPIPE);
	CHECK_EQ(m.result, -EPIPE);
	CHECK(mp_done(&m));
	mp_port_fini(&outer);
	mp_port_fini(&inner);
	mp_port_fini(&target);
}

TEST(a_call_waits_for_room_behind_a_filter)
{
	struct mp_port filter, queue, reply;
	struct mp_msg first = MP_MSG(2), m = MP_MSG(4);

	mp_port_init_queue(&queue, NULL);
	mp_port_init_queue(&reply, NULL);
	queue.depth_max = 1;
	mp_port_init_filter(&filter, stop_odd, &queue);
	first.reply = &reply;
	CHECK_EQ(mp_send(&filter, &first), 0);
	/* Until the time was up after it had been refused, and not before. */
	for (uint64_t ns = 1000000; queue.refused[MP_REFUSED_FULL] == 0;
	     ns *= 2) {
		m.deadline_ns = os_now_ns() + ns;
		CHECK_EQ(mp_call(&filter, &m), -ETIME);
		CHECK(os_now_ns() >= m.deadline_ns);
	}
	CHECK_EQ(mp_recv(&queue), &first);
	mp_reply(&first, 7);
	CHECK_EQ(mp_wait(&first), 7);
	mp_port_fini(&filter);
	mp_port_fini(&queue);
	mp_port_fini(&reply);
}

TEST(a_filter_has_no_room_to_wait_for_where_there_is_none)
{
	struct mp_msg m = MP_MSG(2);
	struct mp_port filter, target;

	mp_port_init_dead(&target, -EAGAIN);
	mp_port_init_filter(&filter, stop_odd, &target);
	CHECK_EQ(mp_call(&filter, &m), -EAGAIN);
	CHECK(mp_done(&m));
	mp_port_fini(&filter);
	mp_port_fini(&target);
}

TEST(a_port_that_takes_no_replies_is_caught_as_a_reply_port)
{
	struct mp_port p;
	struct mp_msg m = MP_MSG(1);

	mp_port_init_call(&p, result_of_op, NULL);
	m.reply = &p;
	CHECK_ABORTS(mp_send(&p, &m));
	mp_port_fini(&p);
}
