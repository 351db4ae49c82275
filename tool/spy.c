/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * MSGPORT_TRACE: what passes to a port of this program, a line a message.
 *
 * The port's handler is replaced by one that calls it, so nothing is sent that
 * was not, and a cancel or a lock of the port means what it did.  A message
 * that the handler keeps may be over before its line is made, so the line is
 * made of a copy, and tells no result.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "show.h"
#include "tool.h"
#include "../core/os.h"
#include <errno.h>
#include <msgport/port.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define OPS_MAX 256u
#define NS_PER_S 1000000000ull

struct spy {
	struct spy *next;
	struct mp_port *port;
	int (*handler)(struct mp_port *, struct mp_msg *);
	FILE *to;
	bool json;
	bool some; /* only what is wanted */
	uint32_t wanted[OPS_MAX / 32];
};

/* Changed only while no port that is in it is sent to. */
static struct spy *spies;

static uint64_t
wall_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static bool
is_wanted(const struct spy *s, uint32_t op)
{
	uint32_t place = op & 0xffff;

	return !s->some || (place < OPS_MAX &&
			    (s->wanted[place / 32] >> (place % 32) & 1) != 0);
}

static void
say_buf(struct line *l, const struct mp_msg *m)
{
	const struct mp_iface_buf *b = &l->op->buf;
	struct mp_buf buf;
	uint32_t live;

	memcpy(&buf, (const char *)m + b->off, sizeof(buf));
	l->buf_len = buf.len;
	l->buf_count = buf.dir == MP_BUF_IN || l->answered ? buf.len : 0;
	if (b->live_off != 0 && l->buf_count != 0) {
		memcpy(&live, (const char *)m + b->live_off, sizeof(live));
		l->buf_count = live < buf.len ? live : buf.len;
	}
	l->buf = buf.base;
	l->buf_there =
		l->buf_count < LINE_BUF_MAX ? l->buf_count : LINE_BUF_MAX;
}

/* In one piece, for there are other threads. */
static void
print(const struct spy *s, const struct line *l)
{
	char *text = NULL;
	size_t len = 0;
	FILE *to = open_memstream(&text, &len);

	if (to == NULL)
		return;
	line_print(to, l, s->json);
	if (fclose(to) == 0) {
		(void)fwrite(text, 1, len, s->to);
		(void)fflush(s->to);
	}
	free(text);
}

static int
run(const struct spy *s, const struct mp_iface_op *op, struct mp_msg *m)
{
	struct mp_msg *copy = malloc(op->size);
	struct line l = { .domain = "direct",
			  .pid = getpid(),
			  .at_ns = wall_ns(),
			  .number = m->op,
			  .op = op };
	uint64_t begin = os_now_ns();
	int code;

	if (copy == NULL)
		return s->handler(s->port, m);
	memcpy(copy, m, op->size);
	code = s->handler(s->port, m);
	l.took_ns = os_now_ns() - begin;
	l.result = code;
	l.answered = code >= 0;
	l.msg = code == EASYNC ? copy : m;
	/* The buffer of one that was kept may be gone. */
	if (op->buf.dir != 0 && code != EASYNC)
		say_buf(&l, m);
	print(s, &l);
	free(copy);
	return code;
}

static int
spy_handler(struct mp_port *p, struct mp_msg *m)
{
	const struct mp_iface_op *op = mp_iface_op_find(p->iface, m->op);
	const struct spy *s = spies;

	while (s->port != p)
		s = s->next;
	if (op == NULL || !is_wanted(s, m->op))
		return s->handler(p, m);
	return run(s, op, m);
}

/* json, to=FILE, or an operation. */
static int
take_word(struct spy *s, const char *word)
{
	if (strcmp(word, "json") == 0) {
		s->json = true;
		return TOOL_OK;
	}
	if (strncmp(word, "to=", 3) != 0) {
		s->some = true;
		return line_wanted(s->port->iface, word, s->wanted);
	}
	if (s->to != stderr)
		(void)fclose(s->to);
	s->to = fopen(word + 3, "ae");
	if (s->to != NULL)
		return TOOL_OK;
	s->to = stderr;
	tool_error("MSGPORT_TRACE: '%s': %s", word + 3, strerror(errno));
	return TOOL_FAILED;
}

static int
take_all(struct spy *s, const char *text)
{
	char *copy = strdup(text), *save = NULL;
	int code = copy != NULL ? TOOL_OK : TOOL_FAILED;

	for (char *w = copy != NULL ? strtok_r(copy, ",", &save) : NULL;
	     w != NULL && code == TOOL_OK; w = strtok_r(NULL, ",", &save))
		code = take_word(s, w);
	free(copy);
	return code;
}

int
spy_start(struct spy **out, struct mp_port *p)
{
	const char *text = getenv("MSGPORT_TRACE");
	struct spy *s;
	int code;

	*out = NULL;
	if (text == NULL || p->iface == NULL)
		return TOOL_OK;
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return TOOL_FAILED;
	s->port = p;
	s->to = stderr;
	s->handler = p->handler;
	code = take_all(s, text);
	s->next = spies;
	spies = s;
	p->handler = spy_handler;
	*out = s;
	if (code == TOOL_OK)
		return code;
	spy_stop(s);
	*out = NULL;
	return code;
}

void
spy_stop(struct spy *s)
{
	struct spy **at = &spies;

	if (s == NULL)
		return;
	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	s->port->handler = s->handler;
	if (s->to != stderr)
		(void)fclose(s->to);
	free(s);
}
