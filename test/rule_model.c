/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A file and its model: what is done to the file by chance is done to an array
 * of bytes too, and both hold the same after every step.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "posix.h"
#include "t.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <string.h>
#include <unistd.h>

#define STEPS 3000
#define SIZE_MAX_ (256u << 10)
#define LEN_MAX (40u << 10)
#define PAGE 4096u

static struct {
	uint64_t random;
	int fd;
	uint32_t size;
	unsigned char data[SIZE_MAX_]; /* zero from size on */
	unsigned char got[SIZE_MAX_];
	unsigned char held[SIZE_MAX_ / PAGE]; /* pages that may hold data */
} f;

static uint32_t
pick(uint32_t n)
{
	f.random = f.random * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(f.random >> 33) % n;
}

/* A range; now and then of whole pages. */
static void
range(uint32_t *at, uint32_t *len)
{
	*at = pick(SIZE_MAX_ - 1);
	*len = 1 + pick(pick(2) ? LEN_MAX : 100);
	if (!pick(4)) {
		*at &= ~(PAGE - 1);
		*len = (*len + PAGE - 1) & ~(PAGE - 1);
	}
	if (*len > SIZE_MAX_ - *at)
		*len = SIZE_MAX_ - *at;
}

static void
hold(uint32_t at, uint32_t len)
{
	memset(f.held + at / PAGE, 1, (at + len - 1) / PAGE - at / PAGE + 1);
}

static void
grow(uint32_t end)
{
	if (end > f.size)
		f.size = end;
}

static void
step_write(uint32_t at, uint32_t len)
{
	memset(f.data + at, 1 + (int)pick(255), len);
	CHECK_EQ(px->write(f.fd, f.data + at, len, at), len);
	hold(at, len);
	grow(at + len);
}

static void
step_truncate(uint32_t at, uint32_t len)
{
	uint32_t whole = (at + PAGE - 1) / PAGE;

	(void)len;
	CHECK_EQ(px->ftruncate(f.fd, at), 0);
	if (at < f.size) {
		memset(f.data + at, 0, f.size - at);
		memset(f.held + whole, 0, SIZE_MAX_ / PAGE - whole);
	}
	f.size = at;
}

static void
step_punch(uint32_t at, uint32_t len)
{
	uint32_t first = (at + PAGE - 1) / PAGE, last = (at + len) / PAGE;

	CHECK_EQ(px->fallocate(f.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			       at, len),
		 0);
	memset(f.data + at, 0, len);
	if (first < last)
		memset(f.held + first, 0, last - first);
}

static void
step_zero(uint32_t at, uint32_t len)
{
	int keep = pick(2) ? FALLOC_FL_KEEP_SIZE : 0;

	CHECK_EQ(px->fallocate(f.fd, FALLOC_FL_ZERO_RANGE | keep, at, len), 0);
	memset(f.data + at, 0, len);
	hold(at, len);
	if (!keep)
		grow(at + len);
}

static void
step_allocate(uint32_t at, uint32_t len)
{
	CHECK_EQ(px->fallocate(f.fd, 0, at, len), 0);
	hold(at, len);
	grow(at + len);
}

static void
step_copy(uint32_t at, uint32_t len)
{
	uint64_t off[2] = { pick(SIZE_MAX_ - 1), at };
	int fd[2] = { f.fd, f.fd };
	uint32_t from = (uint32_t)off[0], fits;

	/* The two do not overlap, and end within the file and the model. */
	if (len > (from < at ? at - from : from - at))
		len = from < at ? at - from : from - at;
	fits = from < f.size ? f.size - from : 0;
	if (len > fits)
		len = fits;
	if (!len)
		return;
	CHECK_EQ(px->copy(fd, off, len), len);
	memmove(f.data + at, f.data + from, len);
	hold(at, len);
	grow(at + len);
}

static void
step_read(uint32_t at, uint32_t len)
{
	uint32_t n = at < f.size ? f.size - at : 0;

	CHECK_EQ(px->read(f.fd, f.got, len, at), n < len ? n : len);
	CHECK(!memcmp(f.got, f.data + at, n < len ? n : len));
}

/* Data is found where it is; what is called a hole holds none. */
static void
step_seek(uint32_t at, uint32_t len)
{
	int64_t data, hole;

	(void)len;
	CHECK_EQ(px->fsync(f.fd), 0);
	data = px->lseek(f.fd, at, SEEK_DATA);
	hole = px->lseek(f.fd, at, SEEK_HOLE);
	if (at >= f.size) {
		CHECK_EQ(data, -ENXIO);
		CHECK_EQ(hole, -ENXIO);
		return;
	}
	CHECK(hole >= at && hole <= f.size);
	if (data == -ENXIO)
		data = f.size;
	CHECK(data == at || hole == at);
	for (; at < data; at++)
		CHECK_EQ(f.data[at], 0);
	if (data < f.size)
		CHECK(f.held[data / PAGE]);
}

static void
compare(void)
{
	struct px_stat st;

	CHECK_EQ(px->fstat(f.fd, &st), 0);
	CHECK_EQ(st.size, f.size);
	CHECK_EQ(px->read(f.fd, f.got, SIZE_MAX_, 0), f.size);
	CHECK(!memcmp(f.got, f.data, f.size));
}

static void
a_file_is_like_its_model(void)
{
	static void (*const step[])(uint32_t, uint32_t) = {
		step_write, step_write,	   step_truncate, step_punch, step_zero,
		step_copy,  step_allocate, step_read,	  step_read,  step_seek,
	};
	uint32_t at, len;
	int i;

	f.random = 42;
	f.fd = px->open("f", O_CREAT | O_RDWR, 0644);
	CHECK(f.fd >= 0);
	for (i = 0; i < STEPS; i++) {
		range(&at, &len);
		step[pick(sizeof(step) / sizeof(step[0]))](at, len);
		if (i % 16 == 0)
			compare();
	}
	compare();
	CHECK_EQ(px->close(f.fd), 0);
}

static const struct px_rule rule[] = {
	{ "a_file_is_like_its_model", a_file_is_like_its_model, 0, false },
	{ "a_file_written_through_is_like_its_model", a_file_is_like_its_model,
	  0, true },
};

void
px_model_rules(void)
{
	PX_RULES(rule);
}
