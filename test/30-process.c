/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Links: a port of another process, and of this one by way of a link. */
#define _GNU_SOURCE
#include "../core/os.h"
#include "shift.h"
#include "t.h"
#include <msgport/vfs.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

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

static void
call_all(struct mp_port *p)
{
	static unsigned char byte[100000];
	struct shift m;

	for (uint32_t i = 0; i < 2000; i++) {
		uint64_t len = i % 50 == 0 ? sizeof(byte) : i;

		memset(byte, 7, sizeof(byte));
		m = shift_message(i % 100, byte, len);
		CHECK_EQ(mp_call(p, &m.msg), i % 100);
		shift_check(&m, i % 100);
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

TEST(a_call_to_another_process)
{
	struct mp_port *link;
	int keep, status, pid;

	pid = shift_fork(&keep);
	CHECK_EQ(mp_link_open("shift", &shift_iface, NULL, &link), 0);
	call_all(link);
	mp_link_close(link);
	close(keep);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
	remove_dir();
}

/* Says 0 to anything, which no vfs class would pass on of a getattr. */
static int
lie(struct mp_port *p, struct mp_msg *m)
{
	(void)p, (void)m;
	return 0;
}

static int
forbid(struct mp_port *p, struct mp_msg *m)
{
	(void)p, (void)m;
	return -EPERM;
}

static int
getattr_over_link(mp_handler_fn *server)
{
	struct mp_vfs_getattr m = { .msg = MP_MSG(MP_VFS_GETATTR) };
	struct mp_port port, *link;
	struct mp_export *e;
	int code;

	mp_port_init_call(&port, server, NULL);
	port.iface = &mp_vfs_iface;
	CHECK_EQ(mp_export_open("liar", &port, NULL, &e), 0);
	CHECK_EQ(mp_link_open("liar", &mp_vfs_iface, NULL, &link), 0);
	m.in.node = MP_VFS_ROOT;
	code = mp_call(link, &m.msg);
	CHECK_EQ(mp_call(link, &m.msg), code == -EPROTO ? -EPIPE : code);
	mp_link_close(link);
	mp_export_close(e);
	mp_port_fini(&port);
	remove_dir();
	return code;
}

TEST(an_answer_that_no_class_would_pass_ends_the_link)
{
	CHECK_EQ(getattr_over_link(lie), -EPROTO);
	CHECK_EQ(getattr_over_link(forbid), -EPERM);
}

TEST(sends_come_back_to_a_reply_port)
{
	static struct shift m[40];
	struct mp_port reply, *link;
	struct mp_msg *r;
	int keep, status, pid;

	pid = shift_fork(&keep);
	CHECK_EQ(mp_link_open("shift", &shift_iface, NULL, &link), 0);
	mp_port_init_queue(&reply, NULL);
	for (uint32_t round = 0; round < 200; round++) {
		for (uint32_t i = 0; i < 40; i++) {
			m[i] = shift_message(i, NULL, 0);
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
			shift_check(&m[i], i);
	}
	mp_port_fini(&reply);
	mp_link_close(link);
	close(keep);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
	remove_dir();
}

static uint32_t ran;

static int
run(struct mp_port *p, struct mp_msg *m)
{
	os_store(&ran, 1);
	return shift(p, m);
}

/* EPIPE would say that it is safe to ask somebody else. */
TEST(what_a_closed_link_had_asked_ends_as_what_may_run)
{
	struct mp_port port, reply, *link;
	struct mp_export *e;
	struct shift m;

	mp_port_init_call(&port, run, NULL);
	port.iface = &shift_iface;
	mp_port_init_queue(&reply, NULL);
	for (int round = 0; round < 20; round++) {
		os_store(&ran, 0);
		CHECK_EQ(mp_export_open("shift", &port, NULL, &e), 0);
		CHECK_EQ(mp_link_open("shift", &shift_iface, NULL, &link), 0);
		m = shift_message(7, NULL, 0);
		m.msg.reply = &reply;
		CHECK_EQ(mp_send(link, &m.msg), 0);
		mp_link_close(link);
		CHECK(mp_recv(&reply) == &m.msg);
		mp_export_close(e);
		CHECK(m.msg.result == 7 || m.msg.result == -EOWNERDEAD);
		CHECK(m.msg.result != 7 || os_load(&ran) == 1);
	}
	mp_port_fini(&reply);
	mp_port_fini(&port);
	remove_dir();
}

TEST(a_killed_server_ends_every_message_once)
{
	static struct shift m[40];
	struct mp_port reply, *link;
	int keep, pid, code;

	pid = shift_fork(&keep);
	CHECK_EQ(mp_link_open("shift", &shift_iface, NULL, &link), 0);
	CHECK_EQ(kill(pid, SIGSTOP), 0);
	mp_port_init_queue(&reply, NULL);
	for (uint32_t i = 0; i < 40; i++) {
		m[i] = shift_message(i, NULL, 0);
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
	m[0] = shift_message(0, NULL, 0);
	CHECK_EQ(mp_call(link, &m[0].msg), -EPIPE);
	mp_port_fini(&reply);
	mp_link_close(link);
	close(keep);
	remove_dead("shift");
}
