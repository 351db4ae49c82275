/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The shaking of hands, both sides, over a real socket.
 *
 * An input is a good hello or a good welcome with some of its bytes changed, of
 * another length or not, with descriptors that do not belong to it.  Who is
 * refused is told why and gets no memory; who is let in gets what both sides
 * have agreed on.  A client maps only what cannot be taken away from it and
 * holds all that the layout says.  No descriptor stays behind.
 */
#include "../../broker/export.c"
#include "../../broker/link.c"
#include "feed.h"

#include <sys/mman.h>

enum { LINK_SLOTS = 8, LINK_ARENA = 64 * 1024, PASS_MAX = 18, NONE = -1 };
enum { SIZE_MAX_BYTES = 8 << 20 }; /* more of a lie is not worth its pages */

static struct mp_export export;
static struct mp_port port;

static void
prepare(void)
{
	struct mp_export_conf conf = { .slots_max = LINK_SLOTS,
				       .arena_max = LINK_ARENA };

	mp_port_init_call(&port, NULL, NULL);
	port.iface = &mp_vfs_iface;
	export.port = &port;
	set_conf(&export, &conf);
	admin_open(&export);
	export.stride = stride_of(&mp_vfs_iface);
}

static void
make_pair(int end[2])
{
	MUST(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK,
			0, end) == 0);
}

/* Any number of bytes, any number of descriptors. */
static void
say(int fd, const void *data, size_t len, const int *pass, uint32_t n)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(PASS_MAX * sizeof(int))];
	} c = { .bytes = { 0 } };
	struct iovec iov = { (void *)(uintptr_t)data, len };
	struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *head;

	if (n != 0) {
		h.msg_control = c.bytes;
		h.msg_controllen = CMSG_SPACE(n * sizeof(int));
		head = CMSG_FIRSTHDR(&h);
		head->cmsg_level = SOL_SOCKET;
		head->cmsg_type = SCM_RIGHTS;
		head->cmsg_len = CMSG_LEN(n * sizeof(int));
		memcpy(CMSG_DATA(head), pass, n * sizeof(int));
	}
	MUST(sendmsg(fd, &h, MSG_NOSIGNAL) == (ssize_t)len);
}

/* Mostly all of it. */
static size_t
take_length(struct feed *f, size_t full, size_t max)
{
	return take(f, 1) % 8 != 0 ? full : take(f, 2) % max;
}

/* ---- the server's side */

static void
good_hello(struct feed *f, struct wire_hello *h)
{
	*h = (struct wire_hello){ .magic = WIRE_MAGIC,
				  .version = WIRE_VERSION,
				  .class_id = mp_vfs_iface.class_id,
				  .ops = mp_vfs_iface.ops,
				  .slots = (uint32_t)take_value(f, LINK_SLOTS),
				  .arena_size = take_value(f, LINK_ARENA),
				  .what = take(f, 1) % 8 != 0 ?
						  WIRE_LINK :
						  (uint32_t)take(f, 1) % 4 };

	memcpy(h->iface, mp_vfs_iface.name, strlen(mp_vfs_iface.name));
	for (uint32_t i = 0; i < h->ops; i++)
		h->op[i] = (struct wire_op){ mp_vfs_iface.op[i].in.size,
					     mp_vfs_iface.op[i].out.size };
	if (take(f, 1) % 4 == 0)
		h->ops = (uint32_t)take_value(f, h->ops);
}

/* What the other end was told. */
static void
verdict_is_good(int fd, const struct client *c, const struct wire_hello *h)
{
	struct wire_welcome w;
	int memory = NONE;

	if (socket_recv(fd, &w, sizeof(w), &memory) != 0) {
		MUST(c->dead == 1);
		return;
	}
	MUST(w.magic == WIRE_MAGIC && w.version == WIRE_VERSION);
	MUST((w.code != 0) == (c->dead == 1));
	MUST(w.code <= 0 && (w.code == 0 || memory < 0));
	MUST((memory >= 0) == (w.code == 0 && h->what != WIRE_INFO));
	if (c->open != 0) {
		const struct wire_layout *l = &w.layout;

		MUST(h->magic == WIRE_MAGIC && h->what == WIRE_LINK);
		MUST(l->slots >= 1 && l->slots <= LINK_SLOTS);
		MUST(l->slots <= h->slots || h->slots == 0);
		MUST(l->arena_size <= LINK_ARENA);
		MUST(is_large_enough(l, &mp_vfs_iface));
		MUST(memory_is_good(memory, c->memory.size));
	}
	if (memory >= 0)
		close(memory);
}

static void
serve_hello(struct feed *f)
{
	static char room[sizeof(struct wire_hello) + 64];
	struct wire_hello *h = (struct wire_hello *)(void *)room;
	struct client *c = calloc(1, sizeof(*c));
	int pass[PASS_MAX], end[2];
	uint32_t n = take(f, 1) % 4 == 0 ? (uint32_t)take(f, 1) % PASS_MAX : 0;
	size_t len = take_length(f, sizeof(*h), sizeof(room));

	memset(room, 0, sizeof(room));
	good_hello(f, h);
	take_changes(f, h, sizeof(*h));
	make_pair(end);
	*c = (struct client){ .export = &export,
			      .fd = end[0],
			      .socket_watch = { .fd = NONE, .data = c },
			      .pid_watch.fd = NONE,
			      .peer.pidfd = NONE };
	for (uint32_t i = 0; i < n; i++)
		pass[i] = end[1];
	say(end[1], room, len, pass, n);
	client_hello(&c->socket_watch);
	MUST(c->open == 0 || c->dead == 0);
	MUST(c->dead == 1 || (len == sizeof(*h) && n <= 1));
	MUST(c->open == 0 || (c->served != NULL && c->memory.base != NULL));
	verdict_is_good(end[1], c, h);
	client_settle(c);
	admin_leave(c);
	client_free(c);
	close(end[1]);
}

/* ---- the client's side */

/* The size that a layout says, by no code of the broker's; 0: too large. */
static uint64_t
size_of(const struct wire_layout *l)
{
	uint64_t n = l->slots, page = WIRE_PAGE - 1;
	uint64_t head = (n * 4 + 63) / 64 * 64 + n * 8 * 8 + n * 8;
	uint64_t slots = n * l->request_size + n * l->reply_size;
	uint64_t size =
		WIRE_PAGE + ((head + page) & ~page) + ((slots + page) & ~page);

	if (l->arena_size > SIZE_MAX_BYTES ||
	    size + l->arena_size > SIZE_MAX_BYTES)
		return 0;
	return size + l->arena_size;
}

/* A memory with any size and seals; or no memory. */
static int
take_memory(struct feed *f, uint64_t size, bool *good)
{
	static const int seal[] = { F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_SEAL };
	int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
	uint64_t how = take(f, 1) % 16, real = size;
	int fd;

	if (how == 0)
		return open("/dev/zero", O_RDWR | O_CLOEXEC);
	if (how == 1)
		real = size + take(f, 2) - 0x8000;
	if (how == 2)
		seals &= ~seal[take(f, 1) % 3];
	if (real > SIZE_MAX_BYTES + WIRE_PAGE)
		real = 0;
	fd = memfd_create("fuzz", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	MUST(fd >= 0 && ftruncate(fd, (off_t)real) == 0);
	MUST(fcntl(fd, F_ADD_SEALS, seals) == 0);
	*good = how != 2 && real == size && size != 0;
	return fd;
}

/* All that the layout promises is there, and is written once. */
static void
memory_holds(struct mp_link *l)
{
	struct memory *m = &l->memory;
	uint32_t last = m->layout.slots - 1;
	char *end = m->base + m->size;

	MUST((char *)&m->started[last + 1] <= (char *)m->asked);
	MUST((char *)&m->asked[(last + 1) * WIRE_ASKED_A_SLOT] <=
	     (char *)m->done);
	MUST((char *)&m->done[last + 1] <= m->request);
	MUST(m->request + (size_t)m->layout.request_size * (last + 1) <=
	     m->reply);
	MUST(m->reply + (size_t)m->layout.reply_size * (last + 1) <= m->arena);
	MUST(m->arena + m->layout.arena_size == end);
	m->base[0] = end[-1] = 1;
	MUST(open_slots(l) == 0 || m->layout.arena_size == 0);
}

static void
hear(struct feed *f)
{
	static struct wire_welcome w;
	const struct mp_link_conf conf = { .slots = LINK_SLOTS,
					   .arena_bytes = LINK_ARENA };
	struct wire_op op[WIRE_OPS_MAX];
	struct mp_link *l = calloc(1, sizeof(*l));
	int pass[2], end[2], code;
	size_t len = take_length(f, sizeof(w), sizeof(w));
	uint32_t n = take(f, 1) % 8 != 0 ? 1 : (uint32_t)take(f, 1) % 3;
	bool good = false;

	for (uint32_t i = 0; i < mp_vfs_iface.ops; i++)
		op[i] = (struct wire_op){ mp_vfs_iface.op[i].in.size,
					  mp_vfs_iface.op[i].out.size };
	w = (struct wire_welcome){ .magic = WIRE_MAGIC,
				   .version = WIRE_VERSION,
				   .layout.slots = 4,
				   .layout.arena_size = WIRE_PAGE };
	memory_layout(&w.layout, op, mp_vfs_iface.ops);
	switch (take(f, 1) % 8) {
	case 0:
		w.layout.slots = (uint32_t)take_value(f, 4);
		break;
	case 1:
		w.layout.request_size =
			(uint32_t)take_value(f, w.layout.request_size);
		break;
	case 2:
		w.layout.reply_size =
			(uint32_t)take_value(f, w.layout.reply_size);
		break;
	case 3:
		w.layout.arena_size = take_value(f, WIRE_PAGE);
		break;
	case 4:
		w.code = (int32_t)take_value(f, 0);
		break;
	case 5:
		take_changes(f, &w, sizeof(w));
		break;
	default:
		break;
	}
	make_pair(end);
	pass[0] = take_memory(f, size_of(&w.layout), &good);
	pass[1] = end[1];
	say(end[1], &w, len, pass, n);
	init_port(l, &mp_vfs_iface);
	l->fd = end[0];
	l->peer.pidfd = NONE;
	code = hear_welcome(l, &mp_vfs_iface, &conf);
	MUST(code <= 0 && (code == 0) == (l->memory.base != NULL));
	if (code == 0) {
		MUST(good && n == 1 && len == sizeof(w) && w.code == 0);
		MUST(w.magic == WIRE_MAGIC && w.version == WIRE_VERSION);
		MUST(w.layout.slots <= LINK_SLOTS);
		MUST(w.layout.arena_size <= LINK_ARENA);
		memory_holds(l);
	}
	mp_port_fini(&l->port);
	free_link(l);
	close(pass[0]);
	close(end[1]);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct feed f = { data, size };
	uint32_t fds = count_fds();

	if (export.port == NULL)
		prepare();
	if (take(&f, 1) % 2 == 0)
		serve_hello(&f);
	else
		hear(&f);
	MUST(count_fds() == fds);
	return 0;
}
