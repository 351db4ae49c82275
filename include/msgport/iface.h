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

/*
 * What a field is: for those who print, parse or invent messages, and what
 * mp_iface_check() allows in it.  Bits and values have words, from 0 up, with
 * "-" for those that are not known: "read write - sync".
 */
enum mp_field_kind {
	MP_FIELD_U8,
	MP_FIELD_U16,
	MP_FIELD_U32, /* from here 4 bytes */
	MP_FIELD_I32,
	MP_FIELD_OCTAL,
	MP_FIELD_FLAGS, /* words */
	MP_FIELD_ENUM,	/* words */
	MP_FIELD_NSEC,	/* below 1000000000 */
	MP_FIELD_COUNT, /* how much of a tail is live */
	MP_FIELD_U64,	/* from here 8 bytes */
	MP_FIELD_I64,
	MP_FIELD_ID,	 /* not 0 */
	MP_FIELD_OFFSET, /* at most INT64_MAX */
	MP_FIELD_TEXT,	 /* from here any size; a tail of characters */
	MP_FIELD_ITEMS,	 /* a tail of anything else */
	MP_FIELD_ZERO,	 /* reserved: 0, of 4 or 8 bytes */
};

struct mp_iface_field {
	const char *name; /* as in C, without the part: "entry.attr.mode" */
	const char *words;
	uint64_t known; /* bits it may have; ENUM: a bit for each value */
	uint16_t off;	/* bytes from the start of the message */
	uint16_t size;	/* bytes */
	uint32_t kind;	/* enum mp_field_kind */
};

struct mp_iface_tail {
	uint16_t count_off; /* of the uint32_t count */
	uint16_t off;	    /* of the array */
	uint16_t max;	    /* items; a text's NUL is not one */
	uint8_t item;	    /* bytes */
	uint8_t text;	    /* 1: ends in a NUL */
	uint16_t over;	    /* the errno of more than max */
};

struct mp_iface_part {
	uint16_t off;	/* bytes from the start of the message */
	uint16_t size;	/* 0: the operation has no such part */
	uint16_t fixed; /* bytes before the first tail */
	uint16_t tails;
	struct mp_iface_tail tail[MP_IFACE_TAILS];
};

struct mp_iface_buf {
	uint16_t off;	   /* of the struct mp_buf */
	uint16_t dir;	   /* enum mp_buf_dir; 0: there is no buffer */
	uint16_t live_off; /* of the uint32_t in `out': bytes written; or 0.
			    * More than were lent: only if none were. */
	uint16_t over;	   /* the errno of more than max */
	uint32_t min;	   /* bytes */
	uint32_t max;
};

enum mp_iface_flag {
	MP_IFACE_IDEMPOTENT = 1u << 0, /* may be sent again to a new peer */
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
	/*
	 * What the table cannot say of an answer, or NULL: 0 if a class would
	 * let this code pass.  For those who got it from a stranger.  Pure.
	 */
	int (*answer_check)(const struct mp_msg *, int code);
};

#define MP_IFACE_OP_FIRST(class_id) ((uint32_t)(class_id) << 16)

/* core/iface.c */
/* NULL: unknown; answer -ENOSYS. */
const struct mp_iface_op *mp_iface_op_find(const struct mp_iface *, uint32_t);
/*
 * A request against the table: counts, the NUL of texts, fields, buffer,
 * handle, in this order.  0; -ENOSYS (operation); the table's error for a
 * count or buffer over its bound; -EINVAL (anything else).
 */
int mp_iface_check(const struct mp_iface *, const struct mp_msg *);
uint64_t mp_iface_get(const struct mp_iface_field *, const struct mp_msg *);

/*
 * A part to and from flat bytes.  Packing gives the number of bytes, or
 * -EMSGSIZE (cap is too small) or the table's error for a count over its bound.
 * Unpacking gives 0; -EPROTO: these bytes are no such part, and the message's
 * part is undefined; -EMSGSIZE: they hold more than this side knows.  The
 * message is the caller's private memory of op->size bytes; unpack_in zeroes
 * the fixed bytes of `out', so that no answer carries what lay there.
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
 * From message to message, live bytes only: 0, or the table's error for a count
 * over its bound.  copy_in also copies the descriptions of buffer and handle.
 */
int mp_iface_copy_in(const struct mp_iface_op *, struct mp_msg *to,
		     const struct mp_msg *from);
int mp_iface_copy_out(const struct mp_iface_op *, struct mp_msg *to,
		      const struct mp_msg *from);

/* broker/buf.c */
/*
 * Memory that crosses to the port without a copy, if there is such; else plain
 * memory, which crosses like any other.  It is the caller's until it is put,
 * at that port and before that port is closed, and holds anything.  Sent or
 * not, it may lie in memory that the other side can write: who interprets it
 * copies first.  A message may lend any part of it, by `base' and `len'; more
 * than there is, is refused with EINVAL.  At another port it is plain memory.
 *
 * 0; -ENOMEM; and where there is a link: -EAGAIN no piece is free now, and
 * -EMSGSIZE none is so large (half of the arena is for what is copied): plain
 * memory will do; -EPIPE it is dead; -ENOTCONN it is the parent's.
 */
int mp_buf_get(struct mp_port *, uint64_t len, struct mp_buf *);
/*
 * Not while a message has it that is out.  One whose message ended before the
 * other side was done with it is given to nobody until that is.  Empties the
 * description; an empty one is nothing.
 */
void mp_buf_put(struct mp_port *, struct mp_buf *);

#ifdef __cplusplus
}
#endif

#endif
