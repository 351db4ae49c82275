/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef SHIFT_H
#define SHIFT_H

/* A service that has a text, a buffer and a number each way; for links. */

#include <msgport/agent.h>
#include <msgport/iface_table.h>
#include <msgport/process.h>

#define SHIFT_CLASS 0x7d
#define SHIFT_BUF_MAX (1u << 20)

struct shift {
	struct mp_msg msg;
	struct {
		uint64_t value;
		uint32_t add;
		uint32_t text_len;
		char text[32];
	} in;
	struct {
		uint64_t value;
		uint32_t live;
		uint32_t text_len;
		char text[32];
	} out;
	struct mp_buf buf;
};

extern const struct mp_iface shift_iface;

/* Adds to each byte that is lent, and says all else back. */
int shift(struct mp_port *, struct mp_msg *);
/* A request, in flight of nothing. */
struct shift shift_message(uint32_t add, void *base, uint64_t len);
/* Fails if this is not the answer to it. */
void shift_check(const struct shift *, uint32_t add);
/* A child that exports the service as "shift" until the pipe is closed. */
int shift_fork(int *keep);

#endif
