/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What an export tells of itself, and of what passes through it. */
#define _GNU_SOURCE
#include "t.h"
#include "../broker/admin.h"
#include "../core/os.h"
#include <errno.h>
#include <msgport/agent.h>
#include <msgport/process.h>
#include <msgport/vfs.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define NAME "trace"
#define OTHER_UID 65534

struct server {
	struct mp_port call;
	struct mp_pool pool;
	struct mp_thread thread[2];
	bool pooled;
	struct mp_export *export;
	struct mp_port *link;
};

/* Twice the node is the answer; an odd one has a few bytes in its buffer. */
static int
answer(struct mp_port *p, struct mp_msg *m)
{
	struct mp_vfs_getattr *g = (struct mp_vfs_getattr *)(void *)m;
	struct mp_vfs_read *r = (struct mp_vfs_read *)(void *)m;

	(void)p;
	if (m->op == MP_VFS_GETATTR) {
		g->out.attr_valid_ns = 2 * g->in.node;
		g->out.attr = (struct mp_vfs_attr){ .ino = 1,
						    .mode = MP_S_IFREG,
						    .blksize = 1 };
		return 0;
	}
	if (m->op != MP_VFS_READ)
		return -EROFS;
	r->out.count = 5;
	memcpy(r->buf.base, "bytes", 5);
	return 0;
}

static void
start(struct server *s, bool pooled)
{
	struct mp_export_conf conf = { .mode = 0666 };
	struct mp_port *port = &s->call;

	memset(s, 0, sizeof(*s));
	s->pooled = pooled;
	if (pooled) {
		mp_pool_init(&s->pool, answer, NULL);
		CHECK_EQ(mp_pool_start(&s->pool, s->thread, 2), 0);
		port = &s->pool.port;
	} else {
		mp_port_init_call(port, answer, NULL);
	}
	port->iface = &mp_vfs_iface;
	CHECK_EQ(mp_export_open(NAME, port, &conf, &s->export), 0);
	CHECK_EQ(mp_link_open(NAME, &mp_vfs_iface, NULL, &s->link), 0);
}

static void
end(struct server *s)
{
	mp_link_close(s->link);
	mp_export_close(s->export);
	if (s->pooled)
		mp_pool_stop(&s->pool);
	else
		mp_port_fini(&s->call);
	CHECK_EQ(rmdir(getenv("MSGPORT_DIR")), 0);
}

static void
ask_one(struct server *s, uint64_t node)
{
	struct mp_vfs_getattr m = { .msg = MP_MSG(MP_VFS_GETATTR) };

	m.in.node = node;
	CHECK_EQ(mp_call(s->link, &m.msg), 0);
	CHECK_EQ(m.out.attr_valid_ns, 2 * node);
}

static void
open_trace(struct trace_view *v)
{
	struct owner o;

	CHECK_EQ(ask_trace(NAME, NULL, v, &o), 0);
	CHECK_EQ(o.pid, getpid());
	CHECK_EQ(o.uid, geteuid());
}

/* Waits for the next record; what it was asked about. */
static uint64_t
next_node(struct trace_view *v, struct wire_record *r)
{
	const struct mp_iface_op *op;
	struct mp_vfs_getattr m;

	while (!trace_next(v, r))
		CHECK_EQ(trace_wait(v, NULL), 0);
	CHECK_EQ(r->op, MP_VFS_GETATTR);
	CHECK_EQ(r->pid, getpid());
	CHECK_EQ(r->result, 0);
	CHECK_EQ(r->cut, 0);
	op = mp_iface_op_find(&mp_vfs_iface, r->op);
	mp_msg_init(&m.msg, r->op);
	CHECK_EQ(mp_iface_unpack_in(op, &m.msg, r->body, r->in_len), 0);
	CHECK_EQ(mp_iface_unpack_out(op, &m.msg, r->body + r->in_len,
				     r->out_len),
		 0);
	CHECK_EQ(m.out.attr_valid_ns, 2 * m.in.node);
	return m.in.node;
}

static void
no_more(struct trace_view *v)
{
	struct wire_record r;

	CHECK(!trace_next(v, &r));
}

TEST(each_message_is_traced_once_in_order_with_its_fields)
{
	struct server s;
	struct trace_view v;
	struct wire_record r;
	uint64_t node = 0, at_ns = 0;

	start(&s, false);
	ask_one(&s, 99);
	open_trace(&v);
	for (int round = 0; round < 5; round++) {
		for (uint64_t i = 1; i <= 3000; i++)
			ask_one(&s, node + i);
		for (uint64_t i = 1; i <= 3000; i++) {
			CHECK_EQ(next_node(&v, &r), ++node);
			CHECK(r.at_ns + 1000000000u > at_ns);
			CHECK(r.took_ns < 60000000000u);
			at_ns = r.at_ns;
		}
		no_more(&v);
	}
	CHECK_EQ(trace_lost(&v), 0);
	trace_end(&v);
	end(&s);
}

TEST(what_does_not_fit_is_counted_and_nobody_waits)
{
	struct server s;
	struct trace_view v;
	struct wire_record r;

	start(&s, false);
	open_trace(&v);
	for (uint64_t i = 1; i <= TRACE_RECORDS + 904; i++)
		ask_one(&s, i);
	CHECK_EQ(trace_lost(&v), 904);
	for (uint64_t i = 1; i <= TRACE_RECORDS; i++)
		CHECK_EQ(next_node(&v, &r), i);
	no_more(&v);
	ask_one(&s, 7);
	CHECK_EQ(next_node(&v, &r), 7);
	CHECK_EQ(trace_lost(&v), 904);
	trace_end(&v);
	end(&s);
}

TEST(what_other_threads_answer_is_traced_once)
{
	enum { ROUNDS = 40, N = 50 };
	static struct mp_vfs_getattr m[N];
	struct server s;
	struct trace_view v;
	struct wire_record r;
	struct mp_port count;
	uint64_t sum;

	start(&s, true);
	mp_port_init_count(&count);
	open_trace(&v);
	for (uint32_t round = 0; round < ROUNDS; round++) {
		for (uint32_t i = 0; i < N; i++) {
			mp_msg_init(&m[i].msg, MP_VFS_GETATTR);
			m[i].msg.reply = &count;
			m[i].in.node = 1ull << i;
			CHECK_EQ(mp_send(s.link, &m[i].msg), 0);
		}
		CHECK_EQ(mp_count_wait(&count, (round + 1) * N, 0), 0);
		sum = 0;
		for (uint32_t i = 0; i < N; i++)
			sum += next_node(&v, &r);
		CHECK_EQ(sum, (1ull << N) - 1);
		no_more(&v);
	}
	trace_end(&v);
	mp_port_fini(&count);
	end(&s);
}

TEST(only_what_is_wanted_is_written)
{
	uint32_t wanted[WIRE_OPS_MAX / 32] = { 0 };
	uint32_t place = MP_VFS_READ & 0xffff;
	char bytes[100];
	struct mp_vfs_read m = { .msg = MP_MSG(MP_VFS_READ),
				 .buf = { bytes, sizeof(bytes), MP_BUF_OUT,
					  0 } };
	struct server s;
	struct trace_view v;
	struct wire_record r;
	struct owner o;

	start(&s, false);
	wanted[place / 32] = 1u << (place % 32);
	CHECK_EQ(ask_trace(NAME, wanted, &v, &o), 0);
	ask_one(&s, 1);
	m.in.node = 1;
	CHECK_EQ(mp_call(s.link, &m.msg), 0);
	ask_one(&s, 2);
	CHECK(trace_next(&v, &r));
	CHECK_EQ(r.op, MP_VFS_READ);
	CHECK_EQ(r.buf_len, sizeof(bytes));
	CHECK_EQ(r.buf_count, 5);
	CHECK_EQ(r.buf_there, 5);
	CHECK_EQ(memcmp(r.body + r.in_len + r.out_len, "bytes", 5), 0);
	no_more(&v);
	trace_end(&v);
	end(&s);
}

struct load {
	struct server *server;
	pthread_t thread;
	uint32_t over;
	uint64_t sent;
};

static void *
call_on(void *arg)
{
	struct load *l = arg;

	while (os_load(&l->over) == 0)
		ask_one(l->server, ++l->sent);
	return NULL;
}

static void
load_start(struct load *l, struct server *s)
{
	*l = (struct load){ .server = s };
	CHECK_EQ(pthread_create(&l->thread, NULL, call_on, l), 0);
}

static void
load_stop(struct load *l)
{
	os_store(&l->over, 1);
	CHECK_EQ(pthread_join(l->thread, NULL), 0);
}

/* A gap is what was lost, and nothing else; which is known at the gap. */
TEST(tracers_come_and_go_under_load, .timeout_s = 120)
{
	struct server s;
	struct trace_view v;
	struct wire_record r;
	struct load l;
	uint64_t node, last, gaps;

	start(&s, false);
	load_start(&l, &s);
	for (int i = 0; i < 100; i++) {
		open_trace(&v);
		gaps = 0;
		last = next_node(&v, &r);
		for (int j = 0; j < 300; j++, last = node) {
			node = next_node(&v, &r);
			CHECK(node > last);
			gaps += node - last - 1;
		}
		CHECK(gaps <= trace_lost(&v));
		trace_end(&v);
	}
	load_stop(&l);
	end(&s);
}

TEST(a_tracer_that_lies_costs_itself_only)
{
	struct server s;
	struct trace_view v, liar;
	struct wire_record r;
	uint64_t node = 0, seed = 1;

	start(&s, false);
	open_trace(&liar);
	open_trace(&v);
	for (int round = 0; round < 20; round++) {
		for (uint64_t i = 1; i <= 500; i++) {
			seed = seed * 6364136223846793005u + 1;
			__atomic_store_n(&liar.head->taken, seed >> (i % 64),
					 __ATOMIC_RELAXED);
			os_store(&liar.head->sleeps, (uint32_t)seed);
			memset((char *)liar.head + WIRE_PAGE, (int)seed, 99);
			ask_one(&s, node + i);
		}
		for (uint64_t i = 1; i <= 500; i++)
			CHECK_EQ(next_node(&v, &r), ++node);
	}
	CHECK_EQ(trace_lost(&v), 0);
	trace_end(&liar);
	trace_end(&v);
	end(&s);
}

TEST(a_server_takes_a_few_tracers_and_no_more)
{
	struct trace_view v[TRACERS_MAX + 1];
	struct wire_record r;
	struct server s;
	struct owner o;

	start(&s, false);
	for (uint32_t i = 0; i < TRACERS_MAX; i++)
		open_trace(&v[i]);
	CHECK_EQ(ask_trace(NAME, NULL, &v[TRACERS_MAX], &o), -EUSERS);
	ask_one(&s, 3);
	for (uint32_t i = 0; i < TRACERS_MAX; i++) {
		CHECK_EQ(next_node(&v[i], &r), 3);
		trace_end(&v[i]);
	}
	end(&s);
}

TEST(the_end_of_the_server_ends_the_trace)
{
	struct server s;
	struct trace_view v;
	struct wire_record r;

	start(&s, false);
	open_trace(&v);
	ask_one(&s, 5);
	end(&s);
	while (trace_wait(&v, NULL) == 0)
		CHECK_EQ(next_node(&v, &r), 5);
	no_more(&v);
	trace_end(&v);
}

TEST(a_stranger_may_ask_and_not_trace)
{
	struct wire_info info;
	struct trace_view v;
	struct server s;
	struct owner o;
	int status, pid;

	if (geteuid() != 0)
		SKIP("needs root, to be another");
	start(&s, false);
	pid = t_fork();
	if (pid == 0) {
		if (setgid(OTHER_UID) != 0 || setuid(OTHER_UID) != 0)
			_exit(1);
		if (ask_info(NAME, &info, &o) != 0)
			_exit(2);
		_exit(ask_trace(NAME, NULL, &v, &o) == -EACCES ? 0 : 3);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
	end(&s);
}

TEST(an_export_counts_what_passed_and_who_is_there)
{
	struct wire_info info;
	struct mp_msg ping = MP_MSG(WIRE_OP_PING);
	struct server s;
	struct owner o;
	uint64_t timed = 0;

	start(&s, true);
	mp_export_note(s.export, "a note");
	for (uint64_t i = 1; i <= 10; i++)
		ask_one(&s, i);
	CHECK_EQ(mp_call(s.link, &ping), 0);
	CHECK_EQ(ask_info(NAME, &info, &o), 0);
	CHECK_EQ(o.pid, getpid());
	CHECK_EQ(info.pid, getpid());
	CHECK_STR(info.iface, "vfs");
	CHECK_STR(info.kind, "queue");
	CHECK_STR(info.note, "a note");
	CHECK_EQ(info.messages, 10);
	CHECK_EQ(info.queued, 10);
	CHECK_EQ(info.unknown, 0);
	for (uint32_t i = 0; i < MP_STAT_BUCKETS; i++)
		timed += info.bucket[i];
	CHECK_EQ(timed, 10);
	/* The link, and the one who asked. */
	CHECK_EQ(info.peers, 2);
	CHECK_EQ(info.peer[1].pid, getpid());
	CHECK_EQ(info.peer[1].slots, MP_LINK_SLOTS);
	CHECK_EQ(info.peer[1].in_flight, 0);
	CHECK_EQ(info.peer[1].messages, 10);
	mp_link_close(s.link);
	CHECK_EQ(mp_link_open(NAME, &mp_vfs_iface, NULL, &s.link), 0);
	ask_one(&s, 1);
	CHECK_EQ(ask_info(NAME, &info, &o), 0);
	CHECK_EQ(info.messages, 11);
	end(&s);
}

TEST(asking_at_no_name_or_no_server_fails)
{
	struct wire_info info;
	struct trace_view v;
	struct owner o;

	CHECK_EQ(ask_info(NAME, &info, &o), -ENOENT);
	CHECK_EQ(ask_trace(NAME, NULL, &v, &o), -ENOENT);
	CHECK_EQ(ask_info("a/b", &info, &o), -EINVAL);
	CHECK_EQ(o.pid, 0);
}

/* Before there are children: what a variable takes is not given back. */
void
t_setup(void)
{
	char dir[64];

	snprintf(dir, sizeof(dir), "/tmp/msgport-63-%d", (int)getpid());
	setenv("MSGPORT_DIR", dir, 1);
}
