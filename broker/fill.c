/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What a client writes into a slot, and what he reads there.
 *
 * The answer may be changing while it is read: each word is fetched once, and
 * lands in the sender's own message before it is looked at.
 */
#include "link.h"
#include "step.h"

#include <errno.h>

static struct mp_buf *
buf_of(const struct mp_iface_op *op, struct mp_msg *m)
{
	return (struct mp_buf *)(void *)((char *)m + op->buf.off);
}

/* Room for the buffer, and what the server is to read: 0, or an error. */
static int
lend(struct mp_link *l, struct slot *s, struct mp_msg *m)
{
	struct mp_buf *buf = buf_of(s->op, m);

	s->bounced = false;
	if (buf->len == 0)
		return 0;
	if (buf->len > l->memory.layout.arena_size)
		return -EMSGSIZE;
	if (buf->arena != 0 && link_buf_is_own(l, buf, &s->buf_off)) {
		if (!arena_use(&l->arena, s->buf_off, buf->len))
			return -EINVAL;
		s->buf_len = buf->len;
		return 0;
	}
	STEP(lend_get);
	if (!arena_get(&l->arena, buf->len, &s->buf_off))
		return -EAGAIN;
	s->buf_len = buf->len;
	s->bounced = true;
	STEP(lend_copy);
	if ((buf->dir & MP_BUF_IN) != 0)
		memcpy(l->memory.arena + s->buf_off, buf->base, buf->len);
	return 0;
}

static bool
has_handle(const struct mp_iface_op *op, struct mp_msg *m)
{
	const struct mp_handle *h =
		(const void *)((const char *)m + op->handle_off);

	return op->handle_off != 0 && h->kind != MP_HANDLE_NONE;
}

static uint32_t
flags_of(const struct mp_msg *m, bool sync)
{
	uint32_t flags = sync ? WIRE_MAYBLOCK : WIRE_ASYNC;

	if ((m->flags & MP_MSG_PRIORITY) != 0)
		flags |= WIRE_PRIORITY;
	if ((m->flags & MP_MSG_MAYBLOCK) != 0)
		flags |= WIRE_MAYBLOCK;
	if ((m->flags & MP_MSG_NOWAIT) != 0)
		flags |= WIRE_NOWAIT;
	return flags;
}

/* What the pump itself answers has no body, and is of no interface. */
static const struct mp_iface_op *
find_op(const struct mp_link *l, const struct mp_msg *m)
{
	static const struct mp_iface_op ping = { .name = "ping",
						 .op = WIRE_OP_PING };

	return m->op == WIRE_OP_PING ? &ping :
				       mp_iface_op_find(l->port.iface, m->op);
}

int
link_fill(struct mp_link *l, uint32_t slot, struct mp_msg *m, bool sync)
{
	STEP(fill_write);
	struct wire_request *r = memory_request(&l->memory, slot);
	uint32_t cap = l->memory.layout.request_size - (uint32_t)sizeof(*r);
	struct slot *s = &l->slot[slot];
	int code = 0;
	int len;

	s->op = find_op(l, m);
	if (m->op != WIRE_OP_PING)
		code = mp_iface_check(l->port.iface, m);
	if (code != 0)
		return code;
	STEP(fill_pack);
	len = mp_iface_pack_in(s->op, m, r + 1, cap);
	if (len < 0)
		return len;
	if (has_handle(s->op, m))
		code = -EOPNOTSUPP;
	if (code == 0 && s->op->buf.dir != 0)
		code = lend(l, s, m);
	*r = (struct wire_request){
		.op = m->op,
		.flags = flags_of(m, sync),
		.deadline_ns = m->deadline_ns,
		.buf_off = s->buf_off,
		.buf_len = s->buf_len,
		.len = (uint32_t)len,
		.cpu = os_cpu(),
	};
	return code;
}

static int
take_back(struct mp_link *l, const struct slot *s, struct mp_msg *m)
{
	struct mp_buf *buf = buf_of(s->op, m);
	uint64_t live = s->buf_len;
	uint32_t said;

	if (s->op->buf.live_off != 0) {
		memcpy(&said, (const char *)m + s->op->buf.live_off,
		       sizeof(said));
		/* Of an empty buffer it says how long one must be. */
		if (said > s->buf_len && s->buf_len != 0)
			return -EPROTO;
		live = s->buf_len != 0 ? said : 0;
	}
	STEP(back_copy);
	if (s->bounced && (buf->dir & MP_BUF_OUT) != 0)
		memcpy(buf->base, l->memory.arena + s->buf_off, live);
	return 0;
}

/* The server's class has let it pass, if the server is honest. */
static bool
may_pass(const struct mp_link *l, const struct mp_msg *m, int said)
{
	const struct mp_iface *iface = l->port.iface;

	return said != 0 || iface->answer_check == NULL ||
	       m->op == WIRE_OP_PING || iface->answer_check(m, said) == 0;
}

int
link_answer(struct mp_link *l, uint32_t slot, struct mp_msg *m, int *result)
{
	const struct wire_reply *shared = memory_reply(&l->memory, slot);
	uint32_t cap = l->memory.layout.reply_size - (uint32_t)sizeof(*shared);
	const struct slot *s = &l->slot[slot];
	int32_t said = __atomic_load_n(&shared->result, __ATOMIC_RELAXED);
	uint32_t len = __atomic_load_n(&shared->len, __ATOMIC_RELAXED);
	int code = 0;

	*result = -EPROTO;
	if (said == EASYNC || len > cap)
		return -EPROTO;
	STEP(answer_unpack);
	if (s->op->out.size != 0)
		code = mp_iface_unpack_out(s->op, m, shared + 1, len);
	if (code == 0 && s->op->buf.dir != 0 && said >= 0)
		code = take_back(l, s, m);
	if (code != 0 || !may_pass(l, m, said))
		return -EPROTO;
	*result = said;
	return 0;
}
