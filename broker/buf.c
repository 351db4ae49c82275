/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Memory for buffers: the boundary's, if the port leads to one.
 *
 * What passes a port on unseen is passed through here as well.
 */
#include <msgport/iface.h>
#include <msgport/kit.h>
#include <msgport/port.h>

static struct mp_port *
last_of(struct mp_port *p)
{
	while (p->ops->behind != NULL)
		p = p->ops->behind(p);
	return p;
}

int
mp_buf_get(struct mp_port *p, uint64_t len, struct mp_buf *out)
{
	struct mp_buf buf = { .len = len };

	p = last_of(p);
	if (len != 0 && p->ops->buf_get != NULL)
		return p->ops->buf_get(p, len, out);
	if (len != 0)
		buf.base = mp_mem_alloc(len);
	if (len != 0 && buf.base == NULL)
		return -ENOMEM;
	*out = buf;
	return 0;
}

void
mp_buf_put(struct mp_port *p, struct mp_buf *buf)
{
	p = last_of(p);
	if (buf->arena == 0) {
		mp_mem_free(buf->base);
	} else {
		mp_assert(p->ops->buf_put != NULL, p);
		p->ops->buf_put(p, buf);
	}
	*buf = (struct mp_buf){ 0 };
}
