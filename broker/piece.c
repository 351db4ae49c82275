/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Pieces of a link's arena that its client writes and reads in place. */
#include "link.h"

#include <errno.h>

int
link_buf_get(struct mp_port *p, uint64_t len, struct mp_buf *out)
{
	struct mp_link *l = (struct mp_link *)(void *)p;
	uint64_t off = 0;
	int code;

	if (!drive_is_ours())
		return -ENOTCONN;
	if (link_dead(l) != 0)
		return -EPIPE;
	code = arena_keep(&l->arena, len, &off);
	if (code == -EAGAIN && link_drain(l))
		code = arena_keep(&l->arena, len, &off);
	if (code == 0)
		*out = (struct mp_buf){ .base = l->memory.arena + off,
					.len = len,
					.arena = 1 };
	return code;
}

bool
link_buf_is_own(const struct mp_link *l, const struct mp_buf *buf,
		uint64_t *off)
{
	uint64_t at = (uintptr_t)buf->base - (uintptr_t)l->memory.arena;

	if (at >= l->memory.layout.arena_size)
		return false;
	*off = at;
	return true;
}

void
link_buf_put(struct mp_port *p, const struct mp_buf *buf)
{
	struct mp_link *l = (struct mp_link *)(void *)p;
	uint64_t off = 0;

	/* In a child there is neither the memory nor a lock to trust. */
	if (!drive_is_ours())
		return;
	mp_assert(link_buf_is_own(l, buf, &off), p);
	mp_assert(arena_unkeep(&l->arena, off), p);
	link_roomy(l);
}
