/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MSGPORT_IFACE_H
#define MSGPORT_IFACE_H

/*
 * Interfaces: constant tables that describe the messages of a class.
 *
 * A message that can cross a boundary is
 *
 *	struct some_op {
 *		struct mp_msg msg;		stays, never crosses
 *		struct { ... } in;		what is asked
 *		struct { ... } out;		what is answered; may be missing
 *		struct mp_buf buf;		memory lent, if any
 *		struct mp_handle handle;	ports and descriptors, if any
 *	};
 *
 * `in' and `out' are fixed-width plain data, multiples of 8 bytes without
 * holes.  Each may end in up to two tails: arrays of a fixed bound of which a
 * uint32_t count in the same part says how much is live.  A text tail has room
 * for, and always has, a NUL that is not counted.  Only the live part crosses.
 *
 * An operation's number is its class in the upper half and its place in the
 * table in the lower.  A part may grow at the end of what is fixed in it: what
 * a shorter sender did not send reads as zero, zeros that a shorter receiver
 * does not know are accepted.
 *
 * The functions below are pure: no allocation, no lock, no sleep, any thread.
 * Bytes to unpack may lie in memory that somebody else is writing: each byte
 * is fetched once, and what was fetched is what is checked.
 */

#include <msgport/msg.h>

#ifdef __cplusplus
extern "C" {
#endif

enum mp_buf_dir {
	MP_BUF_IN = 1,	/* the target reads it */
	MP_BUF_OUT = 2, /* the target writes it */
};

/* Memory lent from send to completion; the sender's own. */
struct mp_buf {
	void *base;	/* NULL only if len is 0 */
	uint64_t len;	/* bytes */
	uint32_t dir;	/* enum mp_buf_dir, as the table says */
	uint32_t arena; /* 0: plain memory; else private to a broker */
};

enum mp_handle_kind {
	MP_HANDLE_NONE,
	MP_HANDLE_PORT,
	MP_HANDLE_FD,
};

/* Lent with a message: a target that keeps it takes a reference, or dups. */
struct mp_handle {
	struct mp_port *port;
	int32_t fd;
	uint32_t kind; /* enum mp_handle_kind */
};

#define MP_IFACE_TAILS 2 /* a part, at most */
#define MP_IFACE_HEAD 8	 /* bytes a packed part begins with */

/* What a field is, for those who print, parse or invent messages. */
enum mp_field_kind {
	MP_FIELD_U8,
	MP_FIELD_U16,
	MP_FIELD_U32,
	MP_FIELD_U64,
	MP_FIELD_I32,
	MP_FIELD_I64,
	MP_FIELD_OCTAL,	   /* unsigned, shown in octal */
	MP_FIELD_FLAGS,	   /* bits, named by words */
	MP_FIELD_ENUM,	   /* one of the values named by words */
	MP_FIELD_COUNT,	   /* how much of a tail is live */
	MP_FIELD_TEXT,	   /* a tail of characters */
	MP_FIELD_ITEMS,	   /* a tail of anything else */
	MP_FIELD_RESERVED, /* zero */
};

struct mp_iface_word {
	uint32_t value;
	const char *name; /* NULL ends the list */
};

struct mp_iface_field {
	const char *name; /* as in C, without the part: "entry.attr.mode" */
	const struct mp_iface_word *words;
	uint16_t offset; /* bytes from the start of the message */
	uint16_t size;	 /* bytes */
	uint32_t kind;	 /* enum mp_field_kind */
};

struct mp_iface_tail {
	uint16_t count_off; /* of the uint32_t count */
	uint16_t off;	    /* of the array */
	uint16_t max;	    /* items; a text's NUL is not one */
	uint8_t item;	    /* bytes */
	uint8_t text;	    /* 1: ends in a NUL */
};

struct mp_iface_part {
	uint16_t off;	/* bytes from the start of the message */
	uint16_t size;	/* 0: the operation has no such part */
	uint16_t fixed; /* bytes before the first tail */
	uint16_t tails;
	struct mp_iface_tail tail[MP_IFACE_TAILS];
};

struct mp_iface_buf {
	uint16_t off; /* of the struct mp_buf */
	uint16_t dir; /* enum mp_buf_dir; 0: the operation has no buffer */
	uint16_t live_off; /* of the uint32_t in `out': bytes written; or 0 */
	uint16_t spare;
	uint32_t max; /* bytes */
};

enum mp_iface_flag {
	MP_IFACE_IDEMPOTENT = 1u << 0, /* done twice is done once */
	MP_IFACE_MAY_BLOCK = 1u << 1,  /* a driver may sleep in it */
	MP_IFACE_ONEWAY = 1u << 2,     /* nobody looks at the result */
	MP_IFACE_UPWARD = 1u << 3,     /* from the driver to the front-end */
};

struct mp_iface_op {
	const char *name;
	uint32_t op;
	uint32_t flags; /* enum mp_iface_flag */
	uint32_t size;	/* bytes of the whole message */
	uint32_t fields;
	const struct mp_iface_field *field;
	struct mp_iface_part in;
	struct mp_iface_part out;
	struct mp_iface_buf buf;
	uint16_t handle_off; /* of the struct mp_handle; 0: has none */
};

struct mp_iface {
	const char *name;
	uint32_t version; /* grows with every addition */
	uint32_t class_id;
	uint32_t ops;
	const struct mp_iface_op *op;
};

#define MP_IFACE_OP_FIRST(class_id) ((uint32_t)(class_id) << 16)

/* core/iface.c */
/* NULL: unknown; answer -ENOSYS. */
const struct mp_iface_op *mp_iface_op_find(const struct mp_iface *, uint32_t);
/*
 * The whole message against the table: its counts, the NUL of its texts, its
 * buffer and handle.  0, -ENOSYS (operation), -EINVAL (malformed), -EMSGSIZE
 * (more than the table's bound).
 */
int mp_iface_check(const struct mp_iface *, const struct mp_msg *);

/*
 * A part to and from flat bytes.  Packing gives the number of bytes, or
 * -EMSGSIZE (cap is too small) or -EINVAL (a count is over its bound).
 * Unpacking gives 0; -EPROTO: these bytes are no such part, and the message's
 * part is undefined; -EMSGSIZE: they hold more than this side knows.  The
 * message is the caller's private memory of op->size bytes.
 */
int mp_iface_pack_in(const struct mp_iface_op *, const struct mp_msg *,
		     void *to, uint32_t cap);
int mp_iface_pack_out(const struct mp_iface_op *, const struct mp_msg *,
		      void *to, uint32_t cap);
int mp_iface_unpack_in(const struct mp_iface_op *, struct mp_msg *,
		       const void *from, uint32_t len);
int mp_iface_unpack_out(const struct mp_iface_op *, struct mp_msg *,
			const void *from, uint32_t len);
/*
 * From message to message, live bytes only: 0 or -EINVAL.  copy_in also copies
 * the description of buffer and handle.  Headers are left alone.
 */
int mp_iface_copy_in(const struct mp_iface_op *, struct mp_msg *to,
		     const struct mp_msg *from);
int mp_iface_copy_out(const struct mp_iface_op *, struct mp_msg *to,
		      const struct mp_msg *from);

/*
 * Writing a table.  Whatever is wrong in it is an array of negative size.
 * T is the type of the message, P is `in' or `out'.
 */
#define MP_IFACE_MUST(x) (0 * sizeof(char[(x) ? 1 : -1]))
#define MP_IFACE_SIZEOF(T, member) sizeof(((T *)0)->member)
#define MP_IFACE_END(T, member) \
	(offsetof(T, member) + MP_IFACE_SIZEOF(T, member))

#define MP_IFACE_FIELD(T, P, member, kind_, words_)                          \
	{                                                                    \
		.name = #member, .words = (words_),                          \
		.offset = offsetof(T, P.member),                             \
		.size = MP_IFACE_SIZEOF(T, P.member), .kind = (kind_)        \
	}

#define MP_IFACE_TAIL(T, P, count, array, text_)                             \
	{                                                                    \
		.count_off = offsetof(T, P.count) +                          \
			     MP_IFACE_MUST(MP_IFACE_SIZEOF(T, P.count) == 4),\
		.off = offsetof(T, P.array),                                 \
		.max = MP_IFACE_SIZEOF(T, P.array) /                         \
			       MP_IFACE_SIZEOF(T, P.array[0]) - (text_),     \
		.item = MP_IFACE_SIZEOF(T, P.array[0]) +                     \
			MP_IFACE_MUST(MP_IFACE_SIZEOF(T, P.array[0]) < 256), \
		.text = (text_)                                              \
	}

#define MP_IFACE_PART_(T, P)                                                 \
	.off = offsetof(T, P) + MP_IFACE_MUST(offsetof(T, P) % 8 == 0) +     \
	       MP_IFACE_MUST(offsetof(T, msg) == 0),                         \
	.size = MP_IFACE_SIZEOF(T, P) +                                      \
		MP_IFACE_MUST(MP_IFACE_SIZEOF(T, P) % 8 == 0) +              \
		MP_IFACE_MUST(MP_IFACE_END(T, P) < 65536)

/* Without tails, with one, with two side by side. */
#define MP_IFACE_PART(T, P)                                                  \
	{                                                                    \
		MP_IFACE_PART_(T, P), .fixed = MP_IFACE_SIZEOF(T, P)         \
	}
#define MP_IFACE_PART1(T, P, n, a, text)                                     \
	{                                                                    \
		MP_IFACE_PART_(T, P),                                        \
		.fixed = offsetof(T, P.a) - offsetof(T, P) +                 \
			 MP_IFACE_MUST(MP_IFACE_END(T, P.a) ==               \
				       MP_IFACE_END(T, P)),                  \
		.tails = 1, .tail = { MP_IFACE_TAIL(T, P, n, a, text) }      \
	}
#define MP_IFACE_PART2(T, P, n, a, text, n2, a2, text2)                      \
	{                                                                    \
		MP_IFACE_PART_(T, P),                                        \
		.fixed = offsetof(T, P.a) - offsetof(T, P) +                 \
			 MP_IFACE_MUST(MP_IFACE_END(T, P.a) ==               \
				       offsetof(T, P.a2)) +                  \
			 MP_IFACE_MUST(MP_IFACE_END(T, P.a2) ==              \
				       MP_IFACE_END(T, P)),                  \
		.tails = 2, .tail = { MP_IFACE_TAIL(T, P, n, a, text),       \
				      MP_IFACE_TAIL(T, P, n2, a2, text2) }   \
	}

#ifdef __cplusplus
}
#endif

#endif
