/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Links: a port of another process, and of this one by way of a link. */
#define _GNU_SOURCE
#include <msgport/agent.h>
#include <msgport/iface_table.h>
#include <msgport/process.h>
#include "../core/os.h"
#include "t.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define CLASS 0x7d

struct shift {
	struct mp_msg msg;
	struct {
		uint64_t value;
		uint32_t add;
		uint32_t text_len;
		char text[32];
	} in;
	struct {
		uint64_t value;
		uint32_t live;
		uint32_t text_len;
		char text[32];
	} out;
	struct mp_buf buf;
};

static const struct mp_iface_op shift_op[] = {
	{
		.name = "shift",
		.op = MP_IFACE_OP_FIRST(CLASS),
		.size = sizeof(struct shift),
		.in = MP_IFACE_PART1(struct shift, in, text_len, text, 1,
				     ENAMETOOLONG),
		.out = MP_IFACE_PART1(struct shift, out, text_len, text, 1,
				      ERANGE),
		.buf = { .off = offsetof(struct shift, buf),
			 .dir = MP_BUF_IN | MP_BUF_OUT,
			 .live_off = offsetof(struct shift, out.live),
			 .over = EFBIG,
			 .max = 1 << 20 },
	},
};

static const struct mp_iface shift_iface = {
	.name = "shift",
	.version = 1,
	.class_id = CLASS,
	.ops = 1,
	.op = shift_op,
};

/* Adds to each byte that is lent, and says all else back. */
static int
shift(struct mp_port *p, struct mp_msg *msg)
{
	struct shift *m = (struct shift *)(void *)msg;
	unsigned char *byte = m->buf.base;

	(void)p;
	m->out.value = m->in.value + 1;
	m->out.text_len = m->in.text_len;
	memcpy(m->out.text, m->in.text, m->in.text_len + 1);
	for (uint64_t i = 0; i < m->buf.len; i++)
		byte[i] = (unsigned char)(byte[i] + m->in.add);
	m->out.live = (uint32_t)m->buf.len;
	return (int)m->in.add;
}

static char dir[64];

/* The first export makes it. */
void
t_setup(void)
{
	snprintf(dir, sizeof(dir), "/tmp/msgport-30-%d", (int)getpid());
	setenv("MSGPORT_DIR", dir, 1);
}

/* Nothing but the names is ever there, and these go with their exports. */
static void
remove_dir(void)
{
	CHECK_EQ(rmdir(dir), 0);
}

static void
remove_dead(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	CHECK_EQ(unlink(path), 0);
	remove_dir();
}

static struct shift
message(uint32_t add, void *base, uint64_t len)
{
	struct shift m = {
		.msg = MP_MSG(MP_IFACE_OP_FIRST(CLASS)),
		.in = { .value = 41,
			.add = add,
			.text_len = 5,
			.text = "hello" },
		.buf = { .base = base,
			 .len = len,
			 .dir = MP_BUF_IN | MP_BUF_OUT },
	};

	return m;
}

static void
check_answer(const struct shift *m, uint32_t add)
{
	CHECK_EQ(m->msg.result, add);
	CHECK_EQ(m->out.value, 42);
	CHECK_EQ(m->out.text_len, 5);
	CHECK_STR(m->out.text, "hello");
}

static void
call_all(struct mp_port *p)
{
	static unsigned char byte[100000];
	struct shift m;

	for (uint32_t i = 0; i < 2000; i++) {
		uint64_t len = i % 50 == 0 ? sizeof(byte) : i;

		memset(byte, 7, sizeof(byte));
		m = message(i % 100, byte, len);
		CHECK_EQ(mp_call(p, &m.msg), i % 100);
		check_answer(&m, i % 100);
		for (uint64_t k = 0; k < len; k++)
			if (byte[k] != 7 + i % 100)
				CHECK_EQ(byte[k], 7 + i % 100);
	}
}

TEST(a_call_through_a_link_of_ones_own)
{
	struct mp_export *e;
	struct mp_port port, *link;

	mp_port_init_call(&port, shift, NULL);
	port.iface = &shift_iface;
	CHECK_EQ(mp_export_open("shift", &port, NULL, &e), 0);
	CHECK_EQ(mp_link_open("shift", &shift_iface, NULL, &link), 0);
	call_all(link);
	mp_link_close(link);
	mp_export_close(e);
	mp_port_fini(&port);
	remove_dir();
}

/* A server that lives until the pipe is closed. */
static int
fork_server(int *keep)
{
	int ends[2], ready[2];
	char c;
	int pid;

	CHECK_EQ(pipe(ends), 0);
	CHECK_EQ(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		struct mp_export *e;
		struct mp_port port;

		close(ends[1]);
		mp_port_init_call(&port, shift, NULL);
		port.iface = &shift_iface;
		if (mp_export_open("shift", &port, NULL, &e) != 0)
			_exit(1);
		(void)!write(ready[1], "", 1);
		(void)!read(ends[0], &c, 1);
		mp_export_close(e);
		mp_port_fini(&port);
		_exit(0);
	}
	CHECK_EQ(read(ready[0], &c, 1), 1);
	close(ready[0]);
	close(ready[1]);
	close(ends[0]);
	*keep = ends[1];
	return pid;
}

TEST(a_call_to_another_process)
{
	struct mp_port *link;
	int keep, status, pid;

	pid = fork_server(&keep);
	CHECK_EQ(mp_link_open("shift", &shift_iface, NULL, &link), 0);
	call_all(link);
	mp_link_close(link);
	close(keep);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
	remove_dir();
}

TEST(sends_come_back_to_a_reply_port)
{
	static struct shift m[40];
	struct mp_port reply, *link;
	struct mp_msg *r;
	int keep, status, pid;

	pid = fork_server(&keep);
	CHECK_EQ(mp_link_open("shift", &shift_iface, NULL, &link), 0);
	mp_port_init_queue(&reply, NULL);
	for (uint32_t round = 0; round < 200; round++) {
		for (uint32_t i = 0; i < 40; i++) {
			m[i] = message(i, NULL, 0);
			m[i].msg.reply = &reply;
			CHECK_EQ(mp_send(link, &m[i].msg), 0);
		}
		CHECK_EQ(mp_wait(&m[20].msg), 20);
		for (uint32_t i = 0; i < 39; i++) {
			r = mp_recv(&reply);
			CHECK(r != NULL);
		}
		CHECK(mp_tryrecv(&reply) == NULL);
		for (uint32_t i = 0; i < 40; i++)
			check_answer(&m[i], i);
	}
	mp_port_fini(&reply);
	mp_link_close(link);
	close(keep);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
	remove_dir();
}

TEST(a_killed_server_ends_every_message_once)
{
	static struct shift m[40];
	struct mp_port reply, *link;
	int keep, pid, code;

	pid = fork_server(&keep);
	CHECK_EQ(mp_link_open("shift", &shift_iface, NULL, &link), 0);
	CHECK_EQ(kill(pid, SIGSTOP), 0);
	mp_port_init_queue(&reply, NULL);
	for (uint32_t i = 0; i < 40; i++) {
		m[i] = message(i, NULL, 0);
		m[i].msg.reply = &reply;
		CHECK_EQ(mp_send(link, &m[i].msg), 0);
	}
	CHECK_EQ(kill(pid, SIGKILL), 0);
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
	for (uint32_t i = 0; i < 40; i++) {
		CHECK(mp_recv(&reply) != NULL);
		code = m[i].msg.result;
		CHECK(code == -EPIPE || code == -EOWNERDEAD || code == (int)i);
	}
	CHECK(mp_tryrecv(&reply) == NULL);
	m[0] = message(0, NULL, 0);
	CHECK_EQ(mp_call(link, &m[0].msg), -EPIPE);
	mp_port_fini(&reply);
	mp_link_close(link);
	close(keep);
	remove_dead("shift");
}
