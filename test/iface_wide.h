/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef IFACE_WIDE_H
#define IFACE_WIDE_H

/* An interface that has one of everything, and a good message of it. */

#include "t.h"

#include <msgport/iface_table.h>

struct pair {
	uint32_t a;
	uint32_t b;
};

struct wide {
	struct mp_msg msg;
	struct {
		uint64_t id;
		uint64_t off;
		uint32_t flags;
		uint32_t kind;
		uint32_t mode;
		uint32_t nsec;
		uint8_t byte;
		uint8_t zero_bytes[1];
		uint16_t half;
		uint32_t zero;
		uint32_t name_len;
		uint32_t pairs;
		char name[16];
		struct pair pair[4];
	} in;
	struct {
		uint64_t value;
		uint32_t reserved;
		uint32_t text_len;
		char text[8];
	} out;
	struct mp_buf buf;
	struct mp_handle handle;
};

struct plain {
	struct mp_msg msg;
	struct {
		uint64_t a;
		uint64_t b;
	} in;
};

#define F(m, kind, known) \
	MP_IFACE_FIELD(struct wide, in, m, MP_FIELD_##kind, known, NULL)

static const struct mp_iface_field wide_field[] = {
	F(id, ID, 0),
	F(off, OFFSET, 0),
	F(flags, FLAGS, 0x5),
	F(kind, ENUM, 0x6),
	F(mode, OCTAL, 0777),
	F(nsec, NSEC, 0),
	F(byte, U8, 0),
	F(half, U16, 0),
	F(zero, ZERO, 0),
	F(name_len, COUNT, 0),
	F(pairs, COUNT, 0),
	F(name, TEXT, 0),
	F(pair, ITEMS, 0),
	MP_IFACE_FIELD(struct wide, out, value, MP_FIELD_ID, 0, NULL),
};

static const struct mp_iface_op ops[] = {
	{
		.name = "wide",
		.op = MP_IFACE_OP_FIRST(9),
		.size = sizeof(struct wide),
		.fields = sizeof(wide_field) / sizeof(wide_field[0]),
		.field = wide_field,
		.in = MP_IFACE_PART2(
			struct wide, in,
			MP_IFACE_TAIL(struct wide, in, name_len, name, 1,
				      ENAMETOOLONG),
			name,
			MP_IFACE_TAIL(struct wide, in, pairs, pair, 0, E2BIG),
			pair),
		.out = MP_IFACE_PART1(struct wide, out, text_len, text, 1,
				      ERANGE),
		.buf = { .off = offsetof(struct wide, buf),
			 .dir = MP_BUF_IN,
			 .over = EFBIG,
			 .min = 4,
			 .max = 100 },
		.handle_off = offsetof(struct wide, handle),
	},
	{
		.name = "plain",
		.op = MP_IFACE_OP_FIRST(9) + 1,
		.size = sizeof(struct plain),
		.in = MP_IFACE_PART(struct plain, in),
	},
};

static const struct mp_iface wide_iface __attribute__((unused)) = {
	.name = "test",
	.version = 1,
	.class_id = 9,
	.ops = 2,
	.op = ops,
};

enum {
	FIXED = offsetof(struct wide, in.name) - offsetof(struct wide, in),
	WIDE_MAX = MP_IFACE_HEAD + sizeof(((struct wide *)0)->in),
	NAME_LEN_AT = MP_IFACE_HEAD + offsetof(struct wide, in.name_len) -
		      offsetof(struct wide, in),
};

static char wide_lent[100];

static inline struct wide
good(void)
{
	struct wide m = {
		.msg = MP_MSG(MP_IFACE_OP_FIRST(9)),
		.in = { .id = 7,
			.off = 5,
			.flags = 4,
			.kind = 2,
			.mode = 0644,
			.nsec = 999999999,
			.byte = 0xfe,
			.half = 0xfedc,
			.name_len = 5,
			.pairs = 2,
			.name = "hello",
			.pair = { { 1, 2 }, { 3, 4 } } },
		.out = { .value = 11, .text_len = 3, .text = "abc" },
		.buf = { .base = wide_lent, .len = 10, .dir = MP_BUF_IN },
	};

	return m;
}

#endif
