/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The service of shift.h. */
#define _GNU_SOURCE
#include "shift.h"
#include "t.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>

static const struct mp_iface_op shift_op[] = {
	{
		.name = "shift",
		.op = MP_IFACE_OP_FIRST(SHIFT_CLASS),
		.size = sizeof(struct shift),
		.in = MP_IFACE_PART1(struct shift, in, text_len, text, 1,
				     ENAMETOOLONG),
		.out = MP_IFACE_PART1(struct shift, out, text_len, text, 1,
				      ERANGE),
		.buf = { .off = offsetof(struct shift, buf),
			 .dir = MP_BUF_IN | MP_BUF_OUT,
			 .live_off = offsetof(struct shift, out.live),
			 .over = EFBIG,
			 .max = SHIFT_BUF_MAX },
	},
};

const struct mp_iface shift_iface = {
	.name = "shift",
	.version = 1,
	.class_id = SHIFT_CLASS,
	.ops = 1,
	.op = shift_op,
};

int
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
	return (int)(m->in.add & 0xffff);
}

struct shift
shift_message(uint32_t add, void *base, uint64_t len)
{
	struct shift m = {
		.msg = MP_MSG(MP_IFACE_OP_FIRST(SHIFT_CLASS)),
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

void
shift_check(const struct shift *m, uint32_t add)
{
	CHECK_EQ(m->msg.result, add);
	CHECK_EQ(m->out.value, 42);
	CHECK_EQ(m->out.text_len, 5);
	CHECK_STR(m->out.text, "hello");
}

int
shift_fork(int *keep)
{
	int ends[2], ready[2];
	char c;
	int pid;

	CHECK_EQ(pipe(ends), 0);
	CHECK_EQ(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		/* A test that fails leaves no server behind. */
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
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
