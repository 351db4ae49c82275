/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Queues and wake-ups under every schedule the seeds find: many senders and
 * receivers, bounded queues, coalesced notification, waiting for one of many,
 * counting, barriers, pools that stop.  A sleeper that nobody wakes fails the
 * run.  Bodies are written with relaxed stores, which linger in the simulated
 * store buffer unless the library orders them.
 */
#include "os_sim.h"
#include <msgport/agent.h>

#include <errno.h>
#include <string.h>

#define SEEDS 10000
#define MAX 3
#define SOON_NS 1000100

struct request {
	struct mp_msg m;
	uint32_t body, answer;
	uint32_t received, back;
	uint32_t sender, number;
};

static struct {
	struct mp_port port, reply[MAX];
	struct request r[MAX][MAX];
	struct mp_pool pool;
	struct mp_thread thread[MAX];
	uint32_t senders, receivers, each;
	uint32_t next[MAX][2];
	uint32_t events, handled, closing;
} w;

static struct request *
request_of(struct mp_msg *m)
{
	return MP_CONTAINER(m, struct request, m);
}

static void
init(void)
{
	memset(&w, 0, sizeof(w));
	sim_name(&w, sizeof(w), "world");
	sim_name(&w.r, sizeof(w.r), "request");
	sim_name(&w.reply, sizeof(w.reply), "reply");
	sim_name(&w.port, sizeof(w.port), "port");
	mp_port_init_queue(&w.port, NULL);
	w.senders = 1 + sim_choose(MAX);
	w.receivers = 1 + sim_choose(MAX);
	w.each = 1 + sim_choose(MAX);
}

/* ---- senders and receivers */

static void
serve_one(struct mp_msg *m)
{
	struct request *r = request_of(m);
	uint32_t priority = m->flags & MP_MSG_PRIORITY;

	SIM_EQ(r->received++, 0);
	SIM_EQ(os_load(&r->body), 7 + r->number);
	if (w.receivers == 1) {
		SIM_CHECK(w.next[r->sender][priority] <= r->number);
		w.next[r->sender][priority] = r->number + 1;
	}
	os_store(&r->answer, 9 + r->number);
	mp_reply(m, (int)r->number);
}

/* The next message in one of the three ways to get it, or NULL: closed. */
static struct mp_msg *
get(struct mp_port *p, uint32_t way, int fd)
{
	struct mp_msg *m = NULL;

	switch (way) {
	case 0:
		return mp_recv(p);
	case 1:
		if (mp_recv_until(p, SOON_NS, &m) == -ETIMEDOUT)
			m = mp_recv(p);
		return m;
	}
	while ((m = mp_tryrecv(p)) == NULL && os_load(&w.closing) == 0)
		sim_fd_wait(fd);
	return m != NULL ? m : mp_recv(p);
}

static void
receiver(void *arg)
{
	uint32_t way = sim_choose(3);
	int fd = way == 2 ? mp_port_fd(&w.port) : -1;
	struct mp_msg *m;

	(void)arg;
	while ((m = get(&w.port, way, fd)) != NULL)
		serve_one(m);
}

static void
came_back(struct request *r)
{
	SIM_EQ(r->back++, 0);
	SIM_EQ(r->received, 1);
	SIM_EQ(r->m.result, r->number);
	SIM_EQ(os_load(&r->answer), 9 + r->number);
	sim_fence();
}

static void
prepare(struct request *r, struct mp_port *reply)
{
	mp_msg_init(&r->m, r->number);
	r->m.reply = reply;
	if (sim_choose(4) == 0)
		r->m.flags = MP_MSG_PRIORITY;
	os_store(&r->body, 7 + r->number);
}

static void
sender(void *arg)
{
	struct request *r = arg;
	struct mp_port *reply = &w.reply[r->sender];
	struct mp_msg *m;
	uint32_t sent = 0, i;

	mp_port_init_queue(reply, NULL);
	for (i = 0; i < w.each; i++) {
		r[i].sender = r->sender;
		r[i].number = i;
		prepare(&r[i], reply);
		if (sim_choose(2) == 0) {
			SIM_EQ(mp_call(&w.port, &r[i].m), i);
			came_back(&r[i]);
		} else {
			SIM_EQ(mp_send(&w.port, &r[i].m), 0);
			sent |= 1u << i;
		}
	}
	for (i = w.each; i-- > 0;)
		if ((sent >> i & 1) != 0 && sim_choose(2) == 0) {
			SIM_EQ(mp_wait(&r[i].m), i);
			came_back(&r[i]);
			sent &= ~(1u << i);
		}
	for (; sent != 0; sent &= ~(1u << request_of(m)->number)) {
		m = mp_recv(reply);
		SIM_CHECK(m != NULL && mp_msg_is_reply(m));
		came_back(request_of(m));
	}
	sim_fini(reply);
}

static void
many_root(void *arg)
{
	int id[MAX];
	uint32_t i;

	(void)arg;
	init();
	for (i = 0; i < w.receivers; i++)
		sim_start(receiver, NULL);
	for (i = 0; i < w.senders; i++) {
		w.r[i][0].sender = i;
		id[i] = sim_start(sender, w.r[i]);
	}
	while (i-- > 0)
		sim_join(id[i]);
	os_store(&w.closing, 1);
	mp_port_close(&w.port);
	sim_join_all();
	sim_fini(&w.port);
}

TEST(many_senders_and_receivers_lose_nothing)
{
	sim_seeds(many_root, NULL, 4 * SEEDS);
}

/* ---- a bounded queue */

static void
slow_receiver(void *arg)
{
	struct mp_msg *m;

	(void)arg;
	while ((m = mp_recv(&w.port)) != NULL) {
		request_of(m)->received++;
		mp_reply(m, (int)m->op);
	}
}

static void
impatient(void *arg)
{
	struct request *r = arg;
	uint32_t way = sim_choose(4);
	int code;

	mp_msg_init(&r->m, 5);
	if (way == 1)
		r->m.flags = MP_MSG_NOWAIT;
	if (way == 2)
		r->m.deadline_ns = SOON_NS;
	if (way == 3) {
		r->m.reply = &w.reply[0];
		code = mp_send(&w.port, &r->m);
		if (code == 0)
			code = mp_wait(&r->m);
	} else {
		code = mp_call(&w.port, &r->m);
	}
	SIM_EQ(r->received, code == 5);
	if (code == -EAGAIN)
		SIM_CHECK(way == 1 || way == 3);
	else if (code == -EPIPE)
		SIM_CHECK(w.closing != 0);
	else if (code == -ETIME)
		SIM_EQ(way, 2);
	else
		SIM_EQ(code, 5);
	sim_dead(&r->m, sizeof(r->m));
}

static void
room_root(void *arg)
{
	int id[MAX];
	int receivers = (int)sim_choose(2) + 1;
	uint32_t i;

	init();
	w.port.depth_max = 1;
	mp_port_init_queue(&w.reply[0], NULL);
	w.closing = arg != NULL;
	for (i = 0; i < MAX; i++)
		id[i] = sim_start(impatient, &w.r[i][0]);
	while (receivers-- > 0)
		sim_start(slow_receiver, NULL);
	if (arg != NULL)
		mp_port_close(&w.port);
	while (i-- > 0)
		sim_join(id[i]);
	mp_port_close(&w.port);
	sim_join_all();
	sim_fini(&w.reply[0]);
	sim_fini(&w.port);
}

TEST(callers_wait_for_room)
{
	sim_seeds(room_root, NULL, 2 * SEEDS);
}

TEST(callers_for_room_leave_when_it_closes)
{
	sim_seeds(room_root, "", 2 * SEEDS);
}

/* ---- one message that says "look again" */

static void
notified(void *arg)
{
	struct mp_msg *m;

	(void)arg;
	while ((m = mp_recv(&w.port)) != NULL) {
		mp_reply(m, 0);
		w.handled = os_load(&w.events);
	}
}

static void
notifier(void *arg)
{
	int code;

	for (uint32_t i = 0; i < 3; i++) {
		os_fetch_add(&w.closing, 1);
		os_store(&w.events, w.closing);
		code = mp_msg_notify(&w.port, arg);
		SIM_CHECK(code == 0 || code == -EBUSY);
	}
}

static void
notify_root(void *arg)
{
	struct mp_msg *m = &w.r[0][0].m;
	int id;

	(void)arg;
	init();
	mp_port_init_discard(&w.reply[0]);
	mp_msg_init(m, 0);
	m->reply = &w.reply[0];
	sim_start(notified, NULL);
	id = sim_start(notifier, m);
	sim_join(id);
	while (!mp_done(m))
		os_relax();
	mp_port_close(&w.port);
	sim_join_all();
	SIM_EQ(w.handled, w.closing);
	sim_fini(&w.reply[0]);
	sim_fini(&w.port);
}

TEST(the_last_event_is_seen)
{
	sim_seeds(notify_root, NULL, 2 * SEEDS);
}

/* ---- one of many */

static void
wait_one(void *arg)
{
	struct request *r = arg;
	int code = mp_wait_until(&r->m, SOON_NS);

	if (code == -ETIMEDOUT)
		code = mp_wait(&r->m);
	SIM_EQ(code, r->m.op);
	SIM_EQ(r->received, 1);
}

static void
wait_root(void *arg)
{
	struct mp_msg *m;

	(void)arg;
	init();
	mp_port_init_queue(&w.reply[0], NULL);
	sim_start(slow_receiver, NULL);
	for (uint32_t i = 0; i < MAX; i++) {
		mp_msg_init(&w.r[i][0].m, i);
		w.r[i][0].m.reply = &w.reply[0];
		SIM_EQ(mp_send(&w.port, &w.r[i][0].m), 0);
	}
	wait_one(&w.r[1][0]);
	for (uint32_t i = 0; i < MAX; i += 2) {
		m = mp_recv(&w.reply[0]);
		SIM_CHECK(m == &w.r[i][0].m);
		SIM_CHECK(mp_done(m));
	}
	SIM_CHECK(mp_tryrecv(&w.reply[0]) == NULL);
	mp_port_close(&w.port);
	sim_join_all();
	sim_fini(&w.reply[0]);
	sim_fini(&w.port);
}

TEST(waiting_for_one_leaves_the_others_in_order)
{
	sim_seeds(wait_root, NULL, SEEDS);
}

/* Two wait for theirs, the third receives what is left. */
static void
share_root(void *arg)
{
	struct mp_msg *m;

	(void)arg;
	init();
	mp_port_init_queue(&w.reply[0], NULL);
	sim_start(slow_receiver, NULL);
	for (uint32_t i = 0; i < MAX; i++) {
		mp_msg_init(&w.r[i][0].m, i);
		w.r[i][0].m.reply = &w.reply[0];
		SIM_EQ(mp_send(&w.port, &w.r[i][0].m), 0);
	}
	sim_start(wait_one, &w.r[0][0]);
	sim_start(wait_one, &w.r[1][0]);
	do {
		m = mp_recv(&w.reply[0]);
		SIM_CHECK(m != NULL);
	} while (m != &w.r[2][0].m);
	mp_port_close(&w.port);
	sim_join_all();
	sim_fini(&w.reply[0]);
	sim_fini(&w.port);
}

TEST(those_who_wait_and_those_who_receive_share_a_port)
{
	sim_seeds(share_root, NULL, 2 * SEEDS);
}

/* ---- counting */

static void
count_to(void *arg)
{
	struct request *r = arg;
	uint32_t n = r->number;

	if (mp_count_wait(&w.reply[0], n, SOON_NS) != 0)
		SIM_EQ(mp_count_wait(&w.reply[0], n, MP_NO_DEADLINE), 0);
	SIM_CHECK(w.r[0][0].received + w.r[1][0].received +
			  w.r[2][0].received >=
		  n);
}

static void
count_root(void *arg)
{
	(void)arg;
	init();
	mp_port_init_count(&w.reply[0]);
	sim_start(slow_receiver, NULL);
	sim_start(slow_receiver, NULL);
	for (uint32_t i = 0; i < MAX; i++) {
		mp_msg_init(&w.r[i][0].m, i);
		w.r[i][0].m.reply = &w.reply[0];
		w.r[i][0].number = i + 1;
		SIM_EQ(mp_send(&w.port, &w.r[i][0].m), 0);
		sim_start(count_to, &w.r[i][0]);
	}
	SIM_EQ(mp_count_wait(&w.reply[0], MAX, MP_NO_DEADLINE), 0);
	mp_port_close(&w.port);
	sim_join_all();
	sim_fini(&w.reply[0]);
	sim_fini(&w.port);
}

TEST(every_count_that_came_wakes_its_waiter)
{
	sim_seeds(count_root, NULL, SEEDS);
}
