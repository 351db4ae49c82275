/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A filter port that counts what passes, by operation, and prints it. */
#include "tool.h"
#include <msgport/agent.h>
#include <string.h>

static int
look(struct mp_port *p, struct mp_msg *m)
{
	struct count *c = p->data;
	uint32_t i = m->op & 0xffff;

	__atomic_fetch_add(&c->op[i < COUNT_OPS ? i : 0], 1, __ATOMIC_RELAXED);
	return 0;
}

void
count_init(struct count *c, const struct target *t)
{
	memset(c, 0, sizeof(*c));
	c->to = t->port;
	c->own = t->port == &t->own.port;
	mp_port_init_filter(&c->port, look, c->to);
	c->port.data = c;
	c->port.iface = c->to->iface;
	c->port.name = "count";
	c->port.flags |= c->to->flags & MP_PORT_MAY_BLOCK;
	if (c->own)
		mp_port_attach(c->to, &c->stat);
}

void
count_fini(struct count *c)
{
	if (c->own)
		mp_port_attach(c->to, NULL);
	mp_port_fini(&c->port);
}

void
count_print(struct count *c, FILE *to)
{
	static const char *const reason[MP_REFUSALS] = {
		[MP_REFUSED_BUSY] = "busy",
		[MP_REFUSED_REENTRANT] = "reentrant",
		[MP_REFUSED_STACK] = "stack",
		[MP_REFUSED_BLOCKING] = "blocking",
		[MP_REFUSED_FULL] = "full",
		[MP_REFUSED_CLOSED] = "closed",
		[MP_REFUSED_PARITY] = "parity",
	};
	const struct mp_iface_op *op;
	struct mp_port_stats s;
	uint64_t total = 0;

	for (uint32_t i = 0; i < COUNT_OPS; i++) {
		op = mp_iface_op_find(&mp_vfs_iface,
				      MP_IFACE_OP_FIRST(MP_CLASS_VFS) + i);
		if (c->op[i] != 0)
			fprintf(to, "messages %s %ju\n",
				op != NULL ? op->name : "unknown",
				(uintmax_t)c->op[i]);
		total += c->op[i];
	}
	fprintf(to, "messages total %ju\n", (uintmax_t)total);
	if (c->own)
		fprintf(to, "inline %ju\nqueued %ju\ntime_ns %ju\n",
			(uintmax_t)c->stat.inlined, (uintmax_t)c->stat.queued,
			(uintmax_t)c->stat.time_ns);
	mp_port_stats(c->to, &s);
	fprintf(to, "port %s\n", s.kind);
	for (uint32_t i = 0; i < MP_REFUSALS; i++)
		if (reason[i] != NULL)
			fprintf(to, "refused %s %u\n", reason[i], s.refused[i]);
}
