/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Messages by the table: find, check, pack, unpack, copy.
 *
 * A packed part is a head of two little words in the machine's own order (how
 * many fixed bytes, how many tail bytes), the fixed bytes, then the live bytes
 * of each tail without padding.  The fixed bytes are sized by their sender, so
 * either side may be newer; the tails are sized by their counts, which lie in
 * the fixed bytes.
 *
 * What is unpacked may be changing under us.  Every byte is copied into private
 * memory first, and a fence for the compiler keeps it from looking at the
 * source again when it means the copy.
 */

#include <msgport/iface.h>

/* The kinds of fields that may not hold just anything. */
#define CHECKED                                                              \
	(1u << MP_FIELD_OCTAL | 1u << MP_FIELD_FLAGS | 1u << MP_FIELD_ENUM | \
	 1u << MP_FIELD_NSEC | 1u << MP_FIELD_ID | 1u << MP_FIELD_OFFSET |   \
	 1u << MP_FIELD_ZERO)

struct head {
	uint32_t fixed; /* bytes */
	uint32_t tail;	/* bytes, of all tails */
};

MP_STATIC_ASSERT(sizeof(struct head) == MP_IFACE_HEAD, "as in the header");

static void
snapshot(void *to, const void *from, size_t n)
{
	memcpy(to, from, n);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

static uint32_t
count_of(const struct mp_msg *m, const struct mp_iface_tail *t)
{
	uint32_t n;

	memcpy(&n, (const char *)m + t->count_off, sizeof(n));
	return n;
}

static bool
all_zero(const unsigned char *p, size_t n)
{
	while (n > 0) {
		if (p[--n] != 0)
			return false;
	}
	return true;
}

const struct mp_iface_op *
mp_iface_op_find(const struct mp_iface *iface, uint32_t op)
{
	uint32_t place = op - MP_IFACE_OP_FIRST(iface->class_id);

	return place < iface->ops ? &iface->op[place] : NULL;
}

static int
check_part(const struct mp_iface_part *part, const struct mp_msg *m)
{
	const struct mp_iface_tail *t = part->tail;
	const struct mp_iface_tail *end = t + part->tails;

	for (; t < end; t++) {
		uint32_t n = count_of(m, t);

		if (n > t->max)
			return -t->over;
		if (t->text && ((const char *)m)[t->off + n] != '\0')
			return -EINVAL;
	}
	return 0;
}

uint64_t
mp_iface_get(const struct mp_iface_field *f, const struct mp_msg *m)
{
	const void *at = (const char *)m + f->off;
	uint64_t wide = 0;
	uint32_t word;

	switch (f->size) {
	case 1:
		return *(const uint8_t *)at;
	case 2:
		return *(const uint16_t *)at;
	case 4:
		memcpy(&word, at, sizeof(word));
		return word;
	case 8:
		memcpy(&wide, at, sizeof(wide));
		return wide;
	default:
		return 0;
	}
}

/* What a field of a checked kind holds: it has 4 bytes or 8. */
static bool
value_ok(const struct mp_iface_field *f, const void *at)
{
	uint64_t v;
	uint32_t word;

	memcpy(&word, at, sizeof(word));
	v = word;
	if (f->size == sizeof(v))
		memcpy(&v, at, sizeof(v));
	if (f->kind == MP_FIELD_ID)
		return v != 0;
	if (f->kind == MP_FIELD_NSEC)
		return v < 1000000000;
	if (f->kind == MP_FIELD_ENUM)
		return v < 64 && (f->known >> v & 1) != 0;
	return (v & ~f->known) == 0;
}

static int
check_fields(const struct mp_iface_op *op, const struct mp_msg *m)
{
	const struct mp_iface_field *f = op->field;
	const struct mp_iface_field *end = f + op->fields;
	uint32_t in_end = op->in.off + op->in.size;

	for (; f < end && f->off < in_end; f++) {
		if ((CHECKED >> f->kind & 1) != 0 &&
		    !value_ok(f, (const char *)m + f->off))
			return -EINVAL;
	}
	return 0;
}

static int
check_buf(const struct mp_iface_buf *b, const struct mp_msg *m)
{
	struct mp_buf buf;

	memcpy(&buf, (const char *)m + b->off, sizeof(buf));
	if (buf.len > b->max)
		return -b->over;
	if (buf.dir != b->dir || buf.len < b->min)
		return -EINVAL;
	return buf.base == NULL && buf.len != 0 ? -EINVAL : 0;
}

static int
check_handle(const struct mp_handle *h)
{
	switch (h->kind) {
	case MP_HANDLE_NONE:
		return 0;
	case MP_HANDLE_PORT:
		return h->port == NULL ? -EINVAL : 0;
	case MP_HANDLE_FD:
		return h->fd < 0 ? -EINVAL : 0;
	default:
		return -EINVAL;
	}
}

int
mp_iface_check(const struct mp_iface *iface, const struct mp_msg *m)
{
	const struct mp_iface_op *op = mp_iface_op_find(iface, m->op);
	struct mp_handle handle;
	int code;

	if (op == NULL)
		return -ENOSYS;
	code = check_part(&op->in, m);
	if (code == 0)
		code = check_fields(op, m);
	if (code == 0 && op->buf.dir != 0)
		code = check_buf(&op->buf, m);
	if (code == 0 && op->handle_off != 0) {
		memcpy(&handle, (const char *)m + op->handle_off,
		       sizeof(handle));
		code = check_handle(&handle);
	}
	return code;
}

static int
pack(const struct mp_iface_part *part, const struct mp_msg *m, void *to,
     uint32_t cap)
{
	const char *base = (const char *)m;
	struct head head = { .fixed = part->fixed };
	uint32_t bytes[MP_IFACE_TAILS];
	char *at = to;

	if (part->size == 0)
		return 0;
	for (uint32_t i = 0; i < part->tails; i++) {
		uint32_t n = count_of(m, &part->tail[i]);

		if (n > part->tail[i].max)
			return -part->tail[i].over;
		bytes[i] = n * part->tail[i].item;
		head.tail += bytes[i];
	}
	if (sizeof(head) + head.fixed + head.tail > cap)
		return -EMSGSIZE;
	memcpy(at, &head, sizeof(head));
	at += sizeof(head);
	memcpy(at, base + part->off, part->fixed);
	at += part->fixed;
	for (uint32_t i = 0; i < part->tails; i++) {
		memcpy(at, base + part->tail[i].off, bytes[i]);
		at += bytes[i];
	}
	return (int)(at - (char *)to);
}

/* The fixed part is in; `from' holds exactly len bytes of tails. */
static int
unpack_tails(const struct mp_iface_part *part, struct mp_msg *m,
	     const char *from, uint32_t len)
{
	const struct mp_iface_tail *t = part->tail;
	const struct mp_iface_tail *end = t + part->tails;

	for (; t < end; t++) {
		uint32_t n = count_of(m, t);
		char *array = (char *)m + t->off;
		size_t bytes = (size_t)n * t->item;

		if (n > t->max || bytes > len)
			return -EPROTO;
		memcpy(array, from, bytes);
		from += bytes;
		len -= (uint32_t)bytes;
		if (t->text)
			array[n] = '\0';
	}
	return len == 0 ? 0 : -EPROTO;
}

static int
unpack(const struct mp_iface_part *part, struct mp_msg *m, const char *from,
       uint32_t len)
{
	char *fixed = (char *)m + part->off;
	struct head head = { 0 };
	uint32_t known;

	if (len != 0) {
		if (len < sizeof(head))
			return -EPROTO;
		snapshot(&head, from, sizeof(head));
		from += sizeof(head);
		len -= (uint32_t)sizeof(head);
	}
	if (head.fixed > len || head.tail != len - head.fixed)
		return -EPROTO;
	known = head.fixed < part->fixed ? head.fixed : part->fixed;
	snapshot(fixed, from, known);
	memset(fixed + known, 0, part->fixed - known);
	if (!all_zero((const unsigned char *)from + known, head.fixed - known))
		return -EMSGSIZE;
	return unpack_tails(part, m, from + head.fixed, head.tail);
}

int
mp_iface_pack_in(const struct mp_iface_op *op, const struct mp_msg *m, void *to,
		 uint32_t cap)
{
	return pack(&op->in, m, to, cap);
}

int
mp_iface_pack_out(const struct mp_iface_op *op, const struct mp_msg *m,
		  void *to, uint32_t cap)
{
	return pack(&op->out, m, to, cap);
}

int
mp_iface_unpack_in(const struct mp_iface_op *op, struct mp_msg *m,
		   const void *from, uint32_t len)
{
	memset((char *)m + op->out.off, 0, op->out.fixed);
	return unpack(&op->in, m, from, len);
}

int
mp_iface_unpack_out(const struct mp_iface_op *op, struct mp_msg *m,
		    const void *from, uint32_t len)
{
	return unpack(&op->out, m, from, len);
}

static int
copy(const struct mp_iface_part *part, struct mp_msg *to,
     const struct mp_msg *from)
{
	const struct mp_iface_tail *t = part->tail;
	const struct mp_iface_tail *end = t + part->tails;

	snapshot((char *)to + part->off, (const char *)from + part->off,
		 part->fixed);
	for (; t < end; t++) {
		uint32_t n = count_of(to, t);
		char *array = (char *)to + t->off;

		if (n > t->max)
			return -t->over;
		memcpy(array, (const char *)from + t->off, (size_t)n * t->item);
		if (t->text)
			array[n] = '\0';
	}
	return 0;
}

int
mp_iface_copy_in(const struct mp_iface_op *op, struct mp_msg *to,
		 const struct mp_msg *from)
{
	if (op->buf.dir != 0)
		memcpy((char *)to + op->buf.off,
		       (const char *)from + op->buf.off, sizeof(struct mp_buf));
	if (op->handle_off != 0)
		memcpy((char *)to + op->handle_off,
		       (const char *)from + op->handle_off,
		       sizeof(struct mp_handle));
	return copy(&op->in, to, from);
}

int
mp_iface_copy_out(const struct mp_iface_op *op, struct mp_msg *to,
		  const struct mp_msg *from)
{
	return copy(&op->out, to, from);
}
