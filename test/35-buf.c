/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Buffers from a port's own memory: over a link they are a piece of its arena,
 * which both sides see at once; elsewhere plain memory.
 */
#define _GNU_SOURCE
#include "../broker/link.h"
#include "shift.h"
#include "t.h"

#include <errno.h>
#include <msgport/parity.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#define SIZE 100000u
#define PIECE (64u << 10)
#define PIECES 8 /* half of an arena of 1 MiB, so large */

static char dir[64];

void
t_setup(void)
{
	snprintf(dir, sizeof(dir), "/tmp/msgport-35-%d", (int)getpid());
	setenv("MSGPORT_DIR", dir, 1);
}

/* ---- contents, both ways, at every kind of port */

static void
send_piece(struct mp_port *p, uint32_t add)
{
	struct mp_buf buf;
	unsigned char *byte;
	struct shift m;

	CHECK_EQ(mp_buf_get(p, SIZE, &buf), 0);
	CHECK_EQ(buf.len, SIZE);
	byte = buf.base;
	for (uint32_t i = 0; i < SIZE; i++)
		byte[i] = (unsigned char)(i * 7);
	m = shift_message(add, NULL, 0);
	m.buf.base = buf.base;
	m.buf.len = buf.len;
	m.buf.arena = buf.arena;
	CHECK_EQ(mp_call(p, &m.msg), add);
	shift_check(&m, add);
	for (uint32_t i = 0; i < SIZE; i++)
		if (byte[i] != (unsigned char)(i * 7 + add))
			CHECK_EQ(byte[i], (unsigned char)(i * 7 + add));
	mp_buf_put(p, &buf);
	CHECK(buf.base == NULL);
	CHECK_EQ(buf.len, 0);
	mp_buf_put(p, &buf);
}

static int
pass(struct mp_port *p, struct mp_msg *m)
{
	(void)p;
	(void)m;
	return 0;
}

/* At a port, and at a filter before a filter before it. */
static void
send_pieces(struct mp_port *p, bool lent)
{
	struct mp_port filter[2];
	struct mp_buf buf;

	mp_port_init_filter(&filter[0], pass, p);
	mp_port_init_filter(&filter[1], pass, &filter[0]);
	for (uint32_t i = 0; i < 100; i++) {
		send_piece(p, i);
		send_piece(&filter[1], i);
	}
	CHECK_EQ(mp_buf_get(&filter[1], 1, &buf), 0);
	CHECK_EQ(buf.arena != 0, lent);
	mp_buf_put(&filter[0], &buf);
	CHECK_EQ(mp_buf_get(&filter[1], 0, &buf), 0);
	CHECK(buf.base == NULL);
	mp_buf_put(p, &buf);
	mp_port_fini(&filter[1]);
	mp_port_fini(&filter[0]);
}

TEST(what_is_lent_crosses_both_ways_in_process)
{
	struct mp_port port;

	mp_port_init_call(&port, shift, NULL);
	port.iface = &shift_iface;
	send_pieces(&port, false);
	mp_port_fini(&port);
	mp_port_init_serial(&port, shift, NULL);
	send_pieces(&port, false);
	mp_port_fini(&port);
}

TEST(what_is_lent_crosses_both_ways_under_parity)
{
	struct mp_parity_conf conf = { .slots = 4 };
	struct mp_parity parity;
	struct mp_port port;

	conf.memory = calloc(1, mp_parity_size(&shift_iface, conf.slots));
	for (conf.modes = 1; conf.modes < MP_PARITY_KILL; conf.modes++) {
		mp_port_init_call(&port, shift, NULL);
		port.iface = &shift_iface;
		CHECK_EQ(mp_parity_start(&parity, &port, &conf), 0);
		send_pieces(&port, false);
		mp_parity_stop(&parity);
		mp_port_fini(&port);
	}
	free(conf.memory);
}

TEST(what_is_lent_crosses_both_ways_between_processes)
{
	struct mp_port *link;
	int keep, status, pid = shift_fork(&keep);

	CHECK_EQ(mp_link_open("shift", &shift_iface, NULL, &link), 0);
	send_pieces(link, true);
	mp_link_close(link);
	close(keep);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
	CHECK_EQ(rmdir(dir), 0);
}

/* ---- what is seen of a piece, by a server in this process */

struct pair {
	struct mp_port port, *link;
	struct mp_export *export;
};

static void
pair_open(struct pair *s, const char *name, mp_handler_fn *handler)
{
	mp_port_init_call(&s->port, handler, s);
	if (handler == NULL) {
		mp_port_fini(&s->port);
		mp_port_init_queue(&s->port, NULL);
	}
	s->port.iface = &shift_iface;
	CHECK_EQ(mp_export_open(name, &s->port, NULL, &s->export), 0);
	CHECK_EQ(mp_link_open(name, &shift_iface, NULL, &s->link), 0);
}

static void
pair_close(struct pair *s)
{
	mp_link_close(s->link);
	mp_export_close(s->export);
	mp_port_fini(&s->port);
}

static struct shift
message_of(const struct mp_buf *piece, uint64_t off, uint64_t len)
{
	struct shift m = shift_message(1, (char *)piece->base + off, len);

	m.buf.arena = piece->arena;
	return m;
}

static unsigned char *here; /* what the client lends */

/* 1: what is written there is seen by the client before it is told so. */
static int
compare(struct mp_port *p, struct mp_msg *msg)
{
	struct shift *m = (struct shift *)(void *)msg;
	unsigned char *there = m->buf.base;
	bool same;

	(void)p;
	*there ^= 0xff;
	same = __atomic_load_n(here, __ATOMIC_RELAXED) == *there;
	*there ^= 0xff;
	m->out.live = (uint32_t)m->buf.len;
	return same;
}

TEST(a_piece_is_not_copied)
{
	struct mp_buf piece;
	struct shift m;
	struct pair s;

	pair_open(&s, "a", compare);
	CHECK_EQ(mp_buf_get(s.link, PIECE, &piece), 0);
	here = piece.base;
	m = message_of(&piece, 0, PIECE);
	CHECK_EQ(mp_call(s.link, &m.msg), 1);
	/* Nor is a part of it, wherever that begins. */
	here += 4097;
	m = message_of(&piece, 4097, 3);
	CHECK_EQ(mp_call(s.link, &m.msg), 1);
	/* What does not say that it is one, is. */
	m.buf.arena = 0;
	CHECK_EQ(mp_call(s.link, &m.msg), 0);
	mp_buf_put(s.link, &piece);
	pair_close(&s);
	CHECK_EQ(rmdir(dir), 0);
}

TEST(a_piece_of_another_link_is_plain_memory)
{
	static unsigned char plain[PIECE];
	struct mp_buf piece, mine;
	struct shift m;
	struct pair s, other;

	pair_open(&s, "a", compare);
	pair_open(&other, "b", shift);
	CHECK_EQ(mp_buf_get(other.link, PIECE, &piece), 0);
	CHECK_EQ(mp_buf_get(s.link, PIECE, &mine), 0);
	here = piece.base;
	m = message_of(&piece, 0, PIECE);
	CHECK_EQ(mp_call(s.link, &m.msg), 0);
	here = plain;
	m = message_of(&mine, 0, PIECE);
	m.buf.base = plain;
	CHECK_EQ(mp_call(s.link, &m.msg), 0);
	CHECK_ABORTS(mp_buf_put(&s.port, &mine));
	mp_buf_put(s.link, &mine);
	mp_buf_put(other.link, &piece);
	pair_close(&other);
	pair_close(&s);
	CHECK_EQ(rmdir(dir), 0);
}

static int
get_all(struct mp_port *p, struct mp_buf piece[PIECES + 1])
{
	int n = 0;
	int code = 0;

	while (n <= PIECES && code == 0) {
		code = mp_buf_get(p, PIECE, &piece[n]);
		n += code == 0;
	}
	CHECK_EQ(code, -EAGAIN);
	return n;
}

static void
put_all(struct mp_port *p, struct mp_buf *piece, int n)
{
	while (n > 0)
		mp_buf_put(p, &piece[--n]);
}

TEST(more_than_there_is_of_a_piece_is_refused)
{
	struct mp_buf piece[PIECES + 1];
	struct shift m;
	struct pair s;

	pair_open(&s, "a", shift);
	CHECK_EQ(get_all(s.link, piece), PIECES);
	m = message_of(&piece[3], 0, PIECE + 1);
	CHECK_EQ(mp_call(s.link, &m.msg), -EINVAL);
	m = message_of(&piece[3], PIECE - 1, 2);
	CHECK_EQ(mp_call(s.link, &m.msg), -EINVAL);
	m = message_of(&piece[PIECES - 1], 1, PIECE);
	CHECK_EQ(mp_call(s.link, &m.msg), -EINVAL);
	m = message_of(&piece[3], 1, PIECE - 1);
	CHECK_EQ(mp_call(s.link, &m.msg), 1);
	put_all(s.link, piece, PIECES);
	/* Nor one that was put, whoever remembers it. */
	CHECK_EQ(mp_buf_get(s.link, PIECE, &piece[0]), 0);
	piece[1] = piece[0];
	mp_buf_put(s.link, &piece[0]);
	m = message_of(&piece[1], 0, PIECE);
	CHECK_EQ(mp_call(s.link, &m.msg), -EINVAL);
	CHECK_EQ(get_all(s.link, piece), PIECES);
	put_all(s.link, piece, PIECES);
	pair_close(&s);
	CHECK_EQ(rmdir(dir), 0);
}

TEST(pieces_leave_room_for_what_is_copied)
{
	static unsigned char byte[512u << 10];
	struct mp_buf piece[PIECES + 1], large;
	struct shift m;
	struct pair s;

	pair_open(&s, "a", shift);
	CHECK_EQ(mp_buf_get(s.link, sizeof(byte) + 1, &large), -EMSGSIZE);
	CHECK_EQ(get_all(s.link, piece), PIECES);
	for (uint32_t i = 0; i < 10; i++) {
		m = shift_message(1, byte, sizeof(byte));
		CHECK_EQ(mp_call(s.link, &m.msg), 1);
	}
	CHECK_EQ(byte[sizeof(byte) - 1], 10);
	/* Any one that comes back is had again. */
	mp_buf_put(s.link, &piece[5]);
	CHECK_EQ(mp_buf_get(s.link, PIECE, &piece[5]), 0);
	put_all(s.link, piece, PIECES);
	CHECK_EQ(mp_buf_get(s.link, sizeof(byte), &large), 0);
	mp_buf_put(s.link, &large);
	pair_close(&s);
	CHECK_EQ(rmdir(dir), 0);
}

/* ---- while the server has it */

static void
answer(struct mp_msg *m)
{
	((struct shift *)(void *)m)->out.live = 0;
	mp_reply(m, 0);
}

static void
stop(int pid)
{
	int status;

	CHECK_EQ(kill(pid, SIGSTOP), 0);
	CHECK_EQ(waitpid(pid, &status, WUNTRACED), pid);
	CHECK(WIFSTOPPED(status));
}

/*
 * A call that outlives its deadline with a stopped server; the piece was put.
 * One that was late before it was sent gave the piece back.
 */
static void
orphan(struct mp_port *link, struct mp_buf *piece)
{
	struct shift m;

	for (uint64_t ns = 1000000;; ns *= 2) {
		m = message_of(piece, 0, PIECE);
		m.msg.deadline_ns = os_now_ns() + ns;
		CHECK_EQ(mp_call(link, &m.msg), -ETIME);
		mp_buf_put(link, piece);
		if (mp_buf_get(link, PIECE, piece) != 0)
			return;
	}
}

TEST(an_orphans_piece_is_nobodys_until_it_is_answered)
{
	struct mp_msg ping = MP_MSG(WIRE_OP_PING);
	struct mp_buf piece[PIECES + 1];
	struct mp_port *link;
	int keep, status, pid = shift_fork(&keep);

	CHECK_EQ(mp_link_open("shift", &shift_iface, NULL, &link), 0);
	CHECK_EQ(get_all(link, piece), PIECES);
	stop(pid);
	orphan(link, &piece[2]);
	CHECK_EQ(mp_buf_get(link, PIECE, &piece[2]), -EAGAIN);
	CHECK_EQ(kill(pid, SIGCONT), 0);
	/* What the server hears after the orphan, it answers after it. */
	CHECK_EQ(mp_call(link, &ping), 0);
	CHECK_EQ(mp_buf_get(link, PIECE, &piece[2]), 0);
	put_all(link, piece, PIECES);
	mp_link_close(link);
	close(keep);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
	CHECK_EQ(rmdir(dir), 0);
}

TEST(a_piece_that_is_out_twice_comes_back_once)
{
	struct mp_buf piece[PIECES + 1], again;
	struct mp_port reply;
	struct shift m[2];
	struct mp_msg *r[2];
	struct pair s;

	pair_open(&s, "a", NULL);
	mp_port_init_queue(&reply, NULL);
	CHECK_EQ(get_all(s.link, piece), PIECES);
	for (int i = 0; i < 2; i++) {
		m[i] = message_of(&piece[2], 0, PIECE);
		m[i].msg.reply = &reply;
		CHECK_EQ(mp_send(s.link, &m[i].msg), 0);
		r[i] = mp_recv(&s.port);
	}
	mp_buf_put(s.link, &piece[2]);
	for (int i = 0; i < 2; i++) {
		CHECK_EQ(mp_buf_get(s.link, PIECE, &again), -EAGAIN);
		answer(r[i]);
		CHECK(mp_recv(&reply) != NULL);
	}
	CHECK_EQ(mp_buf_get(s.link, PIECE, &piece[2]), 0);
	put_all(s.link, piece, PIECES);
	mp_port_fini(&reply);
	pair_close(&s);
	CHECK_EQ(rmdir(dir), 0);
}

/* ---- the end */

TEST(a_dead_link_leaves_what_was_lent)
{
	struct mp_buf piece[PIECES + 1], more;
	struct mp_port *link;
	char path[128];
	int keep, pid = shift_fork(&keep);

	CHECK_EQ(mp_link_open("shift", &shift_iface, NULL, &link), 0);
	CHECK_EQ(get_all(link, piece), PIECES);
	memset(piece[1].base, 5, PIECE);
	stop(pid);
	orphan(link, &piece[2]);
	CHECK_EQ(kill(pid, SIGKILL), 0);
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
	mp_link_serve(link);
	CHECK_EQ(((unsigned char *)piece[1].base)[PIECE - 1], 5);
	CHECK_EQ(mp_buf_get(link, PIECE, &more), -EPIPE);
	mp_buf_put(link, &piece[1]);
	mp_link_close(link);
	close(keep);
	snprintf(path, sizeof(path), "%s/shift", dir);
	CHECK_EQ(unlink(path), 0);
	CHECK_EQ(rmdir(dir), 0);
}

TEST(a_link_closes_over_what_is_lent)
{
	struct mp_buf piece[PIECES + 1];
	struct pair s;

	pair_open(&s, "a", shift);
	CHECK_EQ(get_all(s.link, piece), PIECES);
	pair_close(&s);
	CHECK_EQ(rmdir(dir), 0);
}

TEST(a_child_has_no_use_of_its_parents_pieces)
{
	struct mp_buf piece, more;
	struct pair s;
	int status, pid;

	pair_open(&s, "a", shift);
	CHECK_EQ(mp_buf_get(s.link, PIECE, &piece), 0);
	pid = fork();
	if (pid == 0) {
		mp_buf_put(s.link, &piece);
		_exit(mp_buf_get(s.link, PIECE, &more) == -ENOTCONN ? 0 : 1);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
	mp_buf_put(s.link, &piece);
	pair_close(&s);
	CHECK_EQ(rmdir(dir), 0);
}
