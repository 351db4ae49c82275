/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * File data in memory that crosses to the driver without a copy.
 *
 * If the port leads over a link, a few pieces of its arena are got when the
 * session begins, each for the largest request.  A read is answered out of
 * one.  A write is received into one: who has just served a large write reads
 * its next request so that what is behind the first HEAD_SIZE bytes comes to
 * lie in a piece.  The driver's side can write there, so nothing but data may:
 * headers and names are shorter than HEAD_SIZE, and what is no write after all
 * (a long attribute's value, a list of nodes to forget) is copied back before
 * anybody looks at it.
 *
 * No thread has a piece while it waits for anything but the driver or the next
 * request, and without a piece everything goes by way of plain memory.
 */
#include "fuse_op.h"
#include <limits.h>
#include <linux/fuse.h>
#include <sys/uio.h>
#include <unistd.h>

#define HEAD_SIZE ((size_t)8192)
#define HOPE 16u /* a large write comes with smaller requests */
#define WRITE_HEAD \
	(sizeof(struct fuse_in_header) + sizeof(struct fuse_write_in))

MP_STATIC_ASSERT(HEAD_SIZE >
			 sizeof(struct fuse_in_header) + PATH_MAX + NAME_MAX,
		 "a link's name and target, the longest of what is looked at");

/* Of one of libfuse's threads. */
static _Thread_local struct {
	struct mp_buf *piece; /* the next request is received into it */
	bool filled;	      /* and was: it is a write */
	uint32_t hope;	      /* requests until no large write is expected */
} own;

struct mp_buf *
fuse_buf_take(struct mp_fuse *f, size_t size)
{
	uint32_t free = __atomic_load_n(&f->free, __ATOMIC_RELAXED);

	while (size <= f->piece_size && free != 0)
		/* Pairs with the release of who used it last. */
		if (__atomic_compare_exchange_n(
			    &f->free, &free, free & (free - 1), true,
			    __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
			return &f->piece[__builtin_ctz(free)];
	return NULL;
}

void
fuse_buf_give(struct mp_fuse *f, const struct mp_buf *piece)
{
	__atomic_fetch_or(&f->free, 1u << (piece - f->piece), __ATOMIC_RELEASE);
}

/* As plain memory would have it. */
static void
copy_back(char *to, const struct mp_buf *piece, size_t n)
{
	const char *from = piece->base;
	size_t skip = WRITE_HEAD + HEAD_SIZE;

	if (n > WRITE_HEAD + piece->len)
		n = WRITE_HEAD + piece->len;
	if (n > skip)
		memcpy(to + skip, from + HEAD_SIZE, n - skip);
}

/* By the header, which is private memory: true for a large write. */
static bool
expect(const char *from, ssize_t n)
{
	struct fuse_in_header in;

	if (n > (ssize_t)(WRITE_HEAD + HEAD_SIZE)) {
		memcpy(&in, from, sizeof(in));
		if (in.opcode == FUSE_WRITE) {
			own.hope = HOPE;
			return true;
		}
	}
	if (own.hope != 0)
		own.hope--;
	return false;
}

static ssize_t
receive(int fd, void *to, size_t size, void *data)
{
	struct mp_fuse *f = data;
	char *at = to;
	struct iovec part[3];
	struct mp_buf *piece;
	ssize_t n;

	/* Refused by libfuse before it came to us, it may still be there. */
	own.filled = false;
	if (own.piece == NULL && own.hope != 0)
		own.piece = fuse_buf_take(f, 0);
	piece = own.piece;
	if (piece == NULL) {
		n = read(fd, to, size);
		(void)expect(to, n);
		return n;
	}
	part[0] = (struct iovec){ at, WRITE_HEAD + HEAD_SIZE };
	part[1] = (struct iovec){ (char *)piece->base + HEAD_SIZE,
				  piece->len - HEAD_SIZE };
	at += WRITE_HEAD + piece->len;
	part[2] = (struct iovec){ at, size - WRITE_HEAD - piece->len };
	n = readv(fd, part, 3);
	own.filled = expect(to, n) && (size_t)n <= WRITE_HEAD + piece->len;
	if (own.filled || n < 0)
		return n;
	copy_back(to, piece, (size_t)n);
	own.piece = NULL;
	fuse_buf_give(f, piece);
	return n;
}

static ssize_t
send(int fd, struct iovec *part, int parts, void *data)
{
	(void)data;
	return writev(fd, part, parts);
}

struct mp_buf *
fuse_buf_received(struct mp_buf *buf)
{
	struct mp_buf *piece = own.piece;

	if (!own.filled)
		return NULL;
	own.filled = false;
	own.piece = NULL;
	memcpy(piece->base, buf->base, HEAD_SIZE);
	buf->base = piece->base;
	buf->arena = piece->arena;
	return piece;
}

/* While nobody is served yet: another thread may not see the half of it. */
int
fuse_buf_hook(struct mp_fuse *f)
{
	static const struct fuse_custom_io io = { .writev = send,
						  .read = receive };
	struct mp_buf buf = { 0 };
	bool lent = mp_buf_get(f->port, 1, &buf) == 0 && buf.arena != 0;

	mp_buf_put(f->port, &buf);
	if (!lent)
		return 0;
	f->hooked = true;
	return fuse_session_custom_io(f->session, &io,
				      fuse_session_fd(f->session));
}

void
fuse_buf_open(struct mp_fuse *f, size_t size)
{
	uint32_t n = 0;

	if (!f->hooked || size <= HEAD_SIZE)
		return;
	while (n < MP_FUSE_PIECES &&
	       mp_buf_get(f->port, size, &f->piece[n]) == 0)
		n++;
	f->pieces = n;
	f->piece_size = n != 0 ? size : 0;
	/* Pairs with the acquire in fuse_buf_take(). */
	__atomic_store_n(&f->free, (1u << n) - 1, __ATOMIC_RELEASE);
}

void
fuse_buf_close(struct mp_fuse *f)
{
	while (f->pieces != 0)
		mp_buf_put(f->port, &f->piece[--f->pieces]);
}
