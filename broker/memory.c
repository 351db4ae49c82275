/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The memory of a link.
 *
 * The server makes it, so that the client cannot shrink it under him: sealed
 * against growing and shrinking, and every page is there before the client
 * hears of it, so that want of memory is an error of the handshake and not a
 * signal later.  A child of a fork has no mapping.
 */
#define _GNU_SOURCE
#include "wire.h"
#include "step.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)
#define HEAD 8u /* what a packed part begins with */
#define SLOT_MAX (1u << 20)

#ifdef __SANITIZE_THREAD__
char wire_order;
#endif

static uint64_t
round_up(uint64_t n, uint64_t to)
{
	return (n + to - 1) / to * to;
}

void
memory_layout(struct wire_layout *lay, const struct wire_op *op, uint32_t ops)
{
	uint64_t in = 0, out = 0;

	for (uint32_t i = 0; i < ops; i++) {
		in = op[i].in > in ? op[i].in : in;
		out = op[i].out > out ? op[i].out : out;
	}
	in += sizeof(struct wire_request) + HEAD;
	out += sizeof(struct wire_reply) + HEAD;
	lay->request_size = (uint32_t)round_up(in, WIRE_LINE);
	lay->reply_size = (uint32_t)round_up(out, WIRE_LINE);
}

static bool
is_size(uint32_t size)
{
	return size >= WIRE_LINE && size <= SLOT_MAX && size % WIRE_LINE == 0;
}

/* Where everything is, but for the base: false if it cannot be. */
static bool
place(struct memory *m, const struct wire_layout *lay)
{
	uint64_t slots = lay->slots;
	uint64_t at = WIRE_PAGE;

	if (slots == 0 || slots > WIRE_SLOTS_MAX || (slots & (slots - 1)) != 0)
		return false;
	if (!is_size(lay->request_size) || !is_size(lay->reply_size))
		return false;
	if (lay->arena_size > WIRE_ARENA_MAX ||
	    lay->arena_size % WIRE_PAGE != 0)
		return false;
	*m = (struct memory){ .layout = *lay };
	m->control = NULL;
	m->started = (uint32_t *)(uintptr_t)at;
	at = round_up(at + slots * sizeof(uint32_t), WIRE_LINE);
	m->asked = (uint64_t *)(uintptr_t)at;
	at += slots * WIRE_ASKED_A_SLOT * sizeof(uint64_t);
	m->done = (uint64_t *)(uintptr_t)at;
	at = round_up(at + slots * sizeof(uint64_t), WIRE_PAGE);
	m->request = (char *)(uintptr_t)at;
	at += slots * lay->request_size;
	m->reply = (char *)(uintptr_t)at;
	at = round_up(at + slots * lay->reply_size, WIRE_PAGE);
	m->arena = (char *)(uintptr_t)at;
	m->size = at + lay->arena_size;
	return true;
}

int
memory_attach(int fd, uint64_t size, void *out)
{
	void *base = mmap(NULL, size, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_POPULATE, fd, 0);

	if (base == MAP_FAILED)
		return -errno;
	(void)madvise(base, size, MADV_DONTFORK);
	STEP(memory_attach);
	memcpy(out, &base, sizeof(base));
	return 0;
}

static int
map(struct memory *m, int fd)
{
	char *base = NULL;
	int code = memory_attach(fd, m->size, &base);
	uintptr_t by = (uintptr_t)base;

	if (code != 0)
		return code;
	m->base = base;
	m->control = (struct wire_control *)(void *)base;
	m->started = (uint32_t *)((uintptr_t)m->started + by);
	m->asked = (uint64_t *)((uintptr_t)m->asked + by);
	m->done = (uint64_t *)((uintptr_t)m->done + by);
	m->request = (char *)((uintptr_t)m->request + by);
	m->reply = (char *)((uintptr_t)m->reply + by);
	m->arena = (char *)((uintptr_t)m->arena + by);
	return 0;
}

int
memory_new(uint64_t size, int *out)
{
	int fd = memfd_create("msgport", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int code = 0;

	if (fd < 0)
		return -errno;
	STEP(memory_size);
	if (ftruncate(fd, (off_t)size) != 0)
		code = -errno;
	/* Reports what it lacks by itself, and not by errno. */
	STEP(memory_fill);
	if (code == 0)
		code = -posix_fallocate(fd, 0, (off_t)size);
	STEP(memory_seal);
	if (code == 0 && fcntl(fd, F_ADD_SEALS, SEALS) != 0)
		code = -errno;
	if (code != 0)
		close(fd);
	else
		*out = fd;
	return code;
}

int
memory_make(struct memory *m, const struct wire_layout *lay, int *out)
{
	int code;
	int fd = -1;

	if (!place(m, lay))
		return -EINVAL;
	code = memory_new(m->size, &fd);
	if (code != 0)
		return code;
	STEP(memory_map);
	code = map(m, fd);
	if (code != 0)
		close(fd);
	else
		*out = fd;
	return code;
}

bool
memory_is_good(int fd, uint64_t size)
{
	int seals = fcntl(fd, F_GET_SEALS);
	struct stat st;

	return seals >= 0 && (seals & SEALS) == SEALS && fstat(fd, &st) == 0 &&
	       (uint64_t)st.st_size == size;
}

int
memory_map(struct memory *m, const struct wire_layout *lay, int fd)
{
	if (!place(m, lay) || !memory_is_good(fd, m->size))
		return -EPROTO;
	return map(m, fd);
}

void
memory_unmap(struct memory *m)
{
	STEP(memory_unmap);
	if (m->base != NULL)
		munmap(m->base, m->size);
	m->base = NULL;
}
