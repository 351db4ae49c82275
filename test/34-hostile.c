/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Links with a peer that writes whatever it can reach: the honest side goes on,
 * and so do its other links.  T_SOAK asks for more.
 */
#define _GNU_SOURCE
#include "../broker/export.h"
#include "../broker/link.h"
#include "hostile.h"
#include "shift.h"
#include "t.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

/* A role, of which there are three; most of them where a touch shows. */
#ifdef __SANITIZE_ADDRESS__
#define MESSAGES 40000u
#define SHORT MESSAGES
#else
#define MESSAGES 30000u
#define SHORT 1000u
#endif
#define SOAK 350000u
#define BYTES 8192u
#define PATIENCE_NS 1000000ull /* for an answer that may never come */
#define AT_ONCE 16u	       /* messages in flight together */

static char dir[64];

void
t_setup(void)
{
	snprintf(dir, sizeof(dir), "/tmp/msgport-34-%d", (int)getpid());
	setenv("MSGPORT_DIR", dir, 1);
}

static uint32_t
messages(void)
{
	if (getenv("T_SOAK") != NULL)
		return SOAK;
	return getenv("T_SHORT") != NULL ? SHORT : MESSAGES;
}

/* The link is dead; or all its slots wait for answers that never come. */
static bool
is_useless(int code)
{
	return code == -EPIPE || code == -EOWNERDEAD || code == -EPROTO ||
	       code == -EAGAIN;
}

/* Any bytes to any shift, of a piece of the arena if there is one. */
static struct shift
message(uint64_t *seed, const struct mp_buf *piece)
{
	static unsigned char byte[BYTES];
	struct shift m = shift_message((uint32_t)hostile_random(seed) % 256,
				       byte, hostile_random(seed) % BYTES);

	if (piece != NULL) {
		m.buf.base = piece->base;
		m.buf.arena = piece->arena;
	}
	return m;
}

/*
 * Many in flight, so that their patience is one; each ends once, at the latest
 * with the link.  How many were sent, and whether it is of no more use.
 */
static uint32_t
send_at_once(struct mp_port *p, const struct mp_buf *piece, uint64_t *seed,
	     bool *useless)
{
	static struct shift m[AT_ONCE];
	uint64_t deadline_ns = os_now_ns() + PATIENCE_NS;
	struct mp_port done;
	uint32_t sent = 0;

	mp_port_init_count(&done);
	for (uint32_t i = 0; i < AT_ONCE; i++) {
		m[i] = message(seed, piece);
		m[i].msg.reply = &done;
		if (mp_send(p, &m[i].msg) == 0)
			sent++;
		else
			*useless = true;
	}
	if (mp_count_wait(&done, sent, deadline_ns) != 0) {
		mp_link_shutdown(p);
		CHECK_EQ(mp_count_wait(&done, sent, MP_NO_DEADLINE), 0);
		*useless = true;
	}
	for (uint32_t i = 0; i < AT_ONCE; i++)
		*useless |= is_useless(m[i].msg.result);
	mp_port_fini(&done);
	return sent;
}

/* What is refused or never began is not counted. */
static uint32_t
call_once(struct mp_port *p, const struct mp_buf *piece, uint64_t *seed,
	  bool *useless)
{
	struct shift m = message(seed, piece);
	int code;

	m.msg.deadline_ns = os_now_ns() + PATIENCE_NS;
	code = mp_call(p, &m.msg);
	*useless = is_useless(code);
	return code != -EAGAIN && code != -EPIPE;
}

/* A turn with the link: how many messages it was. */
static uint32_t
use(struct mp_port *p, const struct mp_buf *piece, uint64_t *seed,
    bool *useless)
{
	*useless = false;
	return hostile_random(seed) % 4 == 0 ?
		       call_once(p, piece, seed, useless) :
		       send_at_once(p, piece, seed, useless);
}

/* Calls, with an end to each; a dead link is opened again. */
static uint32_t
torment(uint64_t seed, uint32_t n)
{
	struct mp_port *p = NULL;
	struct hostile h = { 0 };
	uint32_t links = 0;
	bool useless;

	for (uint32_t i = 0; i < n;) {
		if (p == NULL) {
			CHECK_EQ(mp_link_open("shift", &shift_iface, NULL, &p),
				 0);
			hostile_start(&h,
				      &((struct mp_link *)(void *)p)->memory,
				      seed + links++);
		}
		i += use(p, NULL, &seed, &useless);
		if (!useless)
			continue;
		hostile_stop(&h);
		mp_link_close(p);
		p = NULL;
	}
	if (p != NULL) {
		hostile_stop(&h);
		mp_link_close(p);
	}
	return links;
}

/* Nothing of this changes for who keeps to the protocol. */
static void
call_honestly(struct mp_port *p, uint32_t i)
{
	static unsigned char byte[4096];
	struct shift m;

	memset(byte, 3, sizeof(byte));
	m = shift_message(i % 200, byte, i % sizeof(byte));
	CHECK_EQ(mp_call(p, &m.msg), i % 200);
	shift_check(&m, i % 200);
	for (uint32_t k = 0; k < i % sizeof(byte); k++)
		if (byte[k] != 3 + i % 200)
			CHECK_EQ(byte[k], 3 + i % 200);
}

static int
fork_tormentor(uint64_t seed)
{
	int pid = fork();

	if (pid == 0) {
		torment(seed, messages());
		_exit(0);
	}
	return pid;
}

TEST(a_hostile_client_harms_nobody, .timeout_s = 120)
{
	int keep, status, server = shift_fork(&keep);
	int hostile[2] = { fork_tormentor(1), fork_tormentor(99) };
	struct mp_port *p;
	uint32_t i = 0;

	CHECK_EQ(mp_link_open("shift", &shift_iface, NULL, &p), 0);
	for (int k = 0; k < 2; k++) {
		while (waitpid(hostile[k], &status, WNOHANG) == 0)
			call_honestly(p, i++);
		CHECK_EQ(status, 0);
	}
	for (uint32_t n = 0; n < 100; n++)
		call_honestly(p, i++);
	mp_link_close(p);
	close(keep);
	CHECK_EQ(waitpid(server, &status, 0), server);
	CHECK_EQ(status, 0);
	CHECK_EQ(rmdir(dir), 0);
}

/* ---- a server whose memory a thread of its own writes while it serves */

/* A byte says that a link is open, the next that it is dead; each is echoed. */
static void
serve_hostile(int socket)
{
	struct mp_export *e;
	struct mp_port port;
	struct hostile h;
	struct client *c;
	uint64_t seed = 7;
	char byte = 0;

	mp_port_init_call(&port, shift, NULL);
	port.iface = &shift_iface;
	CHECK_EQ(mp_export_open("shift", &port, NULL, &e), 0);
	CHECK_EQ(write(socket, &byte, 1), 1);
	while (read(socket, &byte, 1) == 1) {
		/* Nobody is unlisted, and then freed, meanwhile. */
		os_lock(&e->lock);
		c = e->client;
		while (os_load_acquire(&c->open) == 0)
			os_relax();
		hostile_start(&h, &c->memory, seed++);
		os_unlock(&e->lock);
		CHECK_EQ(write(socket, &byte, 1), 1);
		CHECK_EQ(read(socket, &byte, 1), 1);
		hostile_stop(&h);
		CHECK_EQ(write(socket, &byte, 1), 1);
	}
	_exit(0);
}

static int
fork_hostile_server(int *socket)
{
	int ends[2], pid;
	char byte;

	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	pid = fork();
	close(ends[pid != 0]);
	if (pid == 0)
		serve_hostile(ends[1]);
	CHECK_EQ(read(ends[0], &byte, 1), 1);
	*socket = ends[0];
	return pid;
}

static void
tell_server(int socket)
{
	char byte = 0;

	CHECK_EQ(write(socket, &byte, 1), 1);
	CHECK_EQ(read(socket, &byte, 1), 1);
}

TEST(a_hostile_server_harms_nobody, .timeout_s = 120)
{
	uint32_t n = messages(), links = 0;
	struct mp_buf piece;
	struct mp_port *p = NULL;
	uint64_t seed = 5;
	int socket, status, pid = fork_hostile_server(&socket);
	bool useless;
	char path[128];

	for (uint32_t i = 0; i < n;) {
		if (p == NULL) {
			CHECK_EQ(mp_link_open("shift", &shift_iface, NULL, &p),
				 0);
			tell_server(socket);
			links++;
			CHECK_EQ(mp_buf_get(p, BYTES, &piece), 0);
		}
		i += use(p, i % 2 == 0 ? &piece : NULL, &seed, &useless);
		if (!useless)
			continue;
		tell_server(socket);
		mp_link_close(p);
		p = NULL;
	}
	/* The short run may not come to harm. */
	CHECK(links > 1 || n < MESSAGES);
	if (p != NULL) {
		tell_server(socket);
		mp_link_close(p);
	}
	close(socket);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
	snprintf(path, sizeof(path), "%s/shift", dir);
	CHECK_EQ(unlink(path), 0);
	CHECK_EQ(rmdir(dir), 0);
}
