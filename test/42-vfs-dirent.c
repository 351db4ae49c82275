/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Class vfs: directory records, and what the table says of every message. */
#include "t.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vfs_mock.h"

/* The answer of the mock: ".", "a" (id 30), "seventeen letters" (id 31). */
struct plus {
	struct mp_vfs_dirent dirent;
	struct mp_vfs_entry entry;
	char name[8];
};

static struct mp_vfs_dirent *
dirent_of(int which)
{
	static const size_t at[] = { 0, 32, 64 };

	return (struct mp_vfs_dirent *)(void *)(mock_buf + at[which]);
}

static struct plus *
plus_of(int which)
{
	static const size_t at[] = { 0, sizeof(struct plus),
				     2 * sizeof(struct plus) };

	return (struct plus *)(void *)(mock_buf + at[which]);
}

TEST(records_are_read_back_as_they_were_put)
{
	for (uint32_t op = MP_VFS_READDIR; op <= MP_VFS_READDIRPLUS; op++) {
		bool plus = op == MP_VFS_READDIRPLUS;
		struct mp_vfs_record r;
		union vfs_any m;
		uint32_t at = 0;

		mock_good(&m, op);
		mock_answer(&m);
		CHECK_EQ(mp_vfs_dirent_get(&m.readdir, &at, &r), 1);
		CHECK_STR(r.name, ".");
		CHECK_EQ(r.entry.id, 0);
		CHECK_EQ(mp_vfs_dirent_get(&m.readdir, &at, &r), 1);
		CHECK_STR(r.name, "a");
		CHECK_EQ(r.dirent.next_cookie, 2);
		CHECK_EQ(r.entry.id, plus ? 30 : 0);
		CHECK_EQ(r.entry.attr.ino, plus ? 42 : 0);
		CHECK_EQ(mp_vfs_dirent_get(&m.readdir, &at, &r), 1);
		CHECK_STR(r.name, "seventeen letters");
		CHECK_EQ(mp_vfs_dirent_get(&m.readdir, &at, &r), 0);
		CHECK_EQ(mp_vfs_dirent_get(&m.readdir, &at, &r), 0);
		at = 0;
		m.readdir.buf.len = m.readdir.out.count;
		CHECK_EQ(mp_vfs_dirent_get(&m.readdir, &at, &r), 1);
		m.readdir.buf.len--;
		CHECK_EQ(mp_vfs_dirent_get(&m.readdir, &at, &r), -EPROTO);
		m.readdir.out.count = 0;
		CHECK_EQ(mp_vfs_dirent_get(&m.readdir, &at, &r), -EPROTO);
	}
}

TEST(names_of_every_length_make_a_record)
{
	struct mp_vfs_dirent d = { .ino = 1, .next_cookie = 1 };
	char name[256];

	memset(name, 'n', sizeof(name));
	for (uint32_t len = 1; len <= 255; len++) {
		struct mp_vfs_record r;
		union vfs_any m;
		uint32_t at = 0;

		mock_good(&m, MP_VFS_READDIR);
		m.readdir.out.count = 0;
		d.name_len = len;
		CHECK_EQ(mp_vfs_dirent_put(&m.readdir, &d, name, NULL), 0);
		CHECK_EQ(m.readdir.out.count, (24 + len + 7) / 8 * 8);
		CHECK_EQ(mp_vfs_dirent_get(&m.readdir, &at, &r), 1);
		CHECK_EQ(strlen(r.name), len);
		CHECK_EQ(mock_spoilt(&m), 0);
	}
}

TEST(a_record_that_does_not_fit_is_not_put)
{
	struct mp_vfs_dirent d = { .ino = 1, .next_cookie = 1, .name_len = 9 };

	for (uint32_t op = MP_VFS_READDIR; op <= MP_VFS_READDIRPLUS; op++) {
		size_t size = MP_VFS_RECORD_SIZE(9, op == MP_VFS_READDIRPLUS);
		union vfs_any m;

		for (size_t len = 0; len <= size; len++) {
			mock_good(&m, op);
			m.readdir.out.count = 64;
			m.readdir.buf.len = 64 + len;
			CHECK_EQ(mp_vfs_dirent_put(&m.readdir, &d, "some.name",
						   NULL),
				 len < size ? -ENOSPC : 0);
			CHECK_EQ(mock_buf[64 + len], 'x');
			CHECK_EQ(m.readdir.out.count,
				 64 + (len < size ? 0 : size));
		}
		m.readdir.out.count = 65;
		m.readdir.buf.len = 64;
		CHECK_EQ(mp_vfs_dirent_put(&m.readdir, &d, "some.name", NULL),
			 -ENOSPC);
	}
}

#define BOTH(error, ...)                                                       \
	do {                                                                   \
		ANSWER(READDIR, error, struct mp_vfs_dirent *d = dirent_of(1); \
		       char *name = (char *)(d + 1); (void)name, (void)d;      \
		       __VA_ARGS__);                                           \
		ANSWER(READDIRPLUS, error, struct plus *p = plus_of(1);        \
		       struct mp_vfs_dirent *d = &p->dirent;                   \
		       char *name = p->name; (void)name, (void)d;              \
		       __VA_ARGS__);                                           \
	} while (0)

TEST(records_are_checked_before_anybody_sees_them)
{
	BOTH(0, m.readdir.out.count = 0);
	BOTH(EIO, m.readdir.out.count--);
	BOTH(EIO, m.readdir.out.count += 8);
	BOTH(EIO, m.readdir.out.count = 16);
	BOTH(EIO, m.readdir.out.count = (uint32_t)m.readdir.buf.len + 8);
	BOTH(EIO, d->ino = 0);
	BOTH(EIO, d->next_cookie = 0);
	BOTH(EIO, d->next_cookie = 1ull << 63);
	BOTH(0, d->next_cookie = INT64_MAX);
	BOTH(EIO, d->next_cookie = 1);
	BOTH(EIO, m.readdir.in.cookie = 1);
	BOTH(EIO, d->name_len = 0);
	BOTH(EIO, d->name_len = 256);
	BOTH(EIO, d->name_len = UINT32_MAX);
	BOTH(EIO, d->name_len = 2);
	BOTH(EIO, name[0] = '/');
	BOTH(EIO, name[0] = '\0');
	BOTH(EIO, name[1] = 'x');
	BOTH(EIO, name[7] = 'x');
	BOTH(0, d->type = 0);
	BOTH(EIO, d->type = 3);
	BOTH(EIO, d->type = 16);
	BOTH(EIO, d->type = 32 + 8);
	BOTH(EIO, d->type = UINT32_MAX);
	ANSWER(READDIR, 0, dirent_of(1)->type = MP_S_IFSOCK >> 12);
	ANSWER(READDIRPLUS, EIO, plus_of(1)->dirent.type = MP_S_IFSOCK >> 12);
}

TEST(entries_of_records_are_checked_as_entries)
{
	ANSWER(READDIRPLUS, 0, plus_of(1)->entry.id = 0);
	ANSWER(READDIRPLUS, 0, memset(&plus_of(1)->entry, 0, 152));
	ANSWER(READDIRPLUS, EIO, plus_of(1)->entry.id = MP_VFS_ROOT);
	ANSWER(READDIRPLUS, EIO, plus_of(0)->entry = plus_of(1)->entry);
	ANSWER(READDIRPLUS, EIO, plus_of(1)->entry.attr.ino = 0);
	ANSWER(READDIRPLUS, EIO, plus_of(1)->entry.attr.mode = 0);
	ANSWER(READDIRPLUS, EIO, plus_of(2)->entry.attr.mode = 0);
	CHECK_EQ(mock.forgets, 1);
	CHECK_EQ(mock.forgot, 30);
}

/* Only the copy is checked and used, so a record is whole or refused. */
TEST(random_bytes_are_records_or_refused)
{
	static unsigned seed = 1;
	uint32_t records = 0;

	for (int i = 0; i < 20000; i++) {
		struct mp_vfs_record r;
		union vfs_any m;
		uint32_t at = 0, last = 0;

		mock_good(&m, i % 2 ? MP_VFS_READDIR : MP_VFS_READDIRPLUS);
		mock_answer(&m);
		for (int j = rand_r(&seed) % 4; j > 0; j--)
			mock_buf[(unsigned)rand_r(&seed) %
				 m.readdir.out.count] = (char)rand_r(&seed);
		while (mp_vfs_dirent_get(&m.readdir, &at, &r) > 0) {
			CHECK(at > last && at <= m.readdir.out.count);
			CHECK_EQ(strlen(r.name), r.dirent.name_len);
			CHECK(strchr(r.name, '/') == NULL);
			CHECK(r.entry.attr.mtime.nsec < 1000000000);
			last = at;
			records++;
		}
	}
	CHECK(records > 20000);
}

/* The place of a word in "a b - c", or the number of words. */
static uint32_t
known_by_words(const struct mp_iface_field *f)
{
	const char *w = f->words;
	uint32_t known = 0;

	for (uint32_t bit = 0; *w != '\0'; bit++) {
		size_t len = strcspn(w, " ");

		CHECK(bit < 32 && len > 0);
		if (*w != '-')
			known |= 1u << bit;
		w += len;
		w += *w == ' ';
	}
	return known;
}

/* open and create have the same words; attach may be asked for anything. */
static uint64_t
words_known(const struct mp_iface_field *f)
{
	if (f->known == UINT32_MAX)
		return MP_VFS_CAP_ALL;
	return f->known == (MP_O_ALL & ~MP_O_EXCL) ? MP_O_ALL : f->known;
}

static void
fields_cover(const struct mp_iface_op *op, const struct mp_iface_part *part,
	     const struct mp_iface_field **f)
{
	const struct mp_iface_field *end = op->field + op->fields;
	uint32_t at = part->off;

	for (; *f < end && (*f)->off < part->off + part->size; (*f)++) {
		CHECK_EQ((*f)->off, at);
		at += (*f)->size;
		if ((*f)->words != NULL)
			CHECK_EQ(known_by_words(*f), words_known(*f));
	}
	if (part->size != 0)
		CHECK_EQ(at, part->off + part->size);
}

TEST(the_table_leaves_out_no_operation_and_no_byte)
{
	CHECK_EQ(mp_vfs_iface.ops, MP_VFS_OP_END - MP_VFS_LOOKUP);
	CHECK(mp_vfs_iface.ops <= 64);
	for (uint32_t i = 0; i < mp_vfs_iface.ops; i++) {
		const struct mp_iface_op *op = &mp_vfs_iface.op[i];
		const struct mp_iface_field *f = op->field;

		CHECK(op->name != NULL && op->fields > 0);
		CHECK_EQ(op->op, MP_VFS_LOOKUP + i);
		CHECK_EQ(op->in.off, sizeof(struct mp_msg));
		if (op->out.size != 0)
			CHECK_EQ(op->out.off, op->in.off + op->in.size);
		fields_cover(op, &op->in, &f);
		fields_cover(op, &op->out, &f);
		CHECK(f == op->field + op->fields);
	}
}

TEST(every_message_crosses_as_it_is)
{
	for (uint32_t op = MP_VFS_LOOKUP; op < MP_VFS_OP_END; op++) {
		const struct mp_iface_op *row =
			mp_iface_op_find(&mp_vfs_iface, op);
		union vfs_any m, got;
		char bytes[2048];
		int n;

		mock_good(&m, op);
		mock_answer(&m);
		memset(&got, 0, sizeof(got));
		n = mp_iface_pack_in(row, &m.msg, bytes, sizeof(bytes));
		CHECK(n > 0 && n <= MP_IFACE_HEAD + row->in.size);
		CHECK_EQ(mp_iface_unpack_in(row, &got.msg, bytes, (uint32_t)n),
			 0);
		n = mp_iface_pack_out(row, &m.msg, bytes, sizeof(bytes));
		CHECK(n >= 0 && n <= MP_IFACE_HEAD + row->out.size);
		CHECK_EQ(mp_iface_unpack_out(row, &got.msg, bytes, (uint32_t)n),
			 0);
		CHECK(memcmp((char *)&m + row->in.off,
			     (char *)&got + row->in.off,
			     row->in.size + row->out.size) == 0);
	}
}
