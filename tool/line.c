/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Traces: a line a message. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "show.h"
#include "tool.h"
#include <inttypes.h>
#include <string.h>
#include <time.h>

#define NS_PER_S 1000000000u
#define NS_PER_US 1000u

static bool
is_known(const struct line *l)
{
	return l->op != NULL && l->msg != NULL;
}

static void
print_part(struct emit *e, const struct line *l,
	   const struct mp_iface_part *part)
{
	uint32_t dir = l->op->buf.dir;

	show_part(e, l->op, part, l->msg, false);
	if (dir == 0)
		return;
	if (part == &l->op->in && dir != MP_BUF_IN)
		emit_uint(e, "buf_len", l->buf_len);
	else if ((part == &l->op->in) == (dir == MP_BUF_IN))
		show_buf(e, l->buf, l->buf_there, l->buf_count);
}

static void
print_result(FILE *to, int32_t result)
{
	const char *name = show_error(result);

	/* Kept by its handler: nobody knows yet. */
	if (result == EASYNC)
		fputs(" = ?", to);
	else
		fprintf(to, " = %" PRId32 "%s%s", result,
			name != NULL ? " " : "", name != NULL ? name : "");
}

static void
print_text(FILE *to, const struct line *l)
{
	struct emit e = { .to = to, .style = EMIT_LINE };
	time_t at = (time_t)(l->at_ns / NS_PER_S);
	struct tm tm;
	char clock[16] = "";

	if (localtime_r(&at, &tm) != NULL)
		(void)strftime(clock, sizeof(clock), "%H:%M:%S", &tm);
	fprintf(to, "%s.%06" PRIu64 " %s %d ", clock,
		l->at_ns % NS_PER_S / NS_PER_US, l->domain, l->pid);
	if (l->op != NULL)
		fprintf(to, "%s(", l->op->name);
	else
		fprintf(to, "0x%" PRIx32 "(", l->number);
	if (is_known(l))
		print_part(&e, l, &l->op->in);
	else
		fputs("?", to);
	fputc(')', to);
	print_result(to, l->result);
	if (is_known(l) && l->answered &&
	    (l->op->out.size != 0 || (l->op->buf.dir & MP_BUF_OUT) != 0)) {
		e.some = false;
		fputs(" {", to);
		print_part(&e, l, &l->op->out);
		fputc('}', to);
	}
	fprintf(to, " <%" PRIu64 ".%09" PRIu64 ">\n", l->took_ns / NS_PER_S,
		l->took_ns % NS_PER_S);
}

static void
print_json(FILE *to, const struct line *l)
{
	struct emit e = { .to = to, .style = EMIT_JSON };

	emit_begin(&e, NULL, false);
	emit_uint(&e, "at_ns", l->at_ns);
	emit_text(&e, "domain", l->domain);
	emit_int(&e, "pid", l->pid);
	if (l->op != NULL)
		emit_text(&e, "operation", l->op->name);
	else
		emit_uint(&e, "operation", l->number);
	if (is_known(l)) {
		emit_begin(&e, "in", false);
		print_part(&e, l, &l->op->in);
		emit_end(&e);
	}
	show_result(&e, l->result);
	if (is_known(l) && l->answered) {
		emit_begin(&e, "out", false);
		print_part(&e, l, &l->op->out);
		emit_end(&e);
	}
	emit_uint(&e, "took_ns", l->took_ns);
	emit_end(&e);
}

void
line_print(FILE *to, const struct line *l, bool json)
{
	if (json)
		print_json(to, l);
	else
		print_text(to, l);
}

int
line_wanted(const struct mp_iface *iface, const char *names, uint32_t *wanted)
{
	size_t n;

	for (;; names += n + 1) {
		uint32_t i = 0;

		n = strcspn(names, ",");
		while (i < iface->ops &&
		       (strlen(iface->op[i].name) != n ||
			memcmp(iface->op[i].name, names, n) != 0))
			i++;
		if (i == iface->ops) {
			tool_error("%s has no operation '%.*s'; there are:",
				   iface->name, (int)n, names);
			parse_list(stderr, iface);
			return TOOL_USAGE;
		}
		wanted[i / 32] |= 1u << (i % 32);
		if (names[n] == '\0')
			return TOOL_OK;
	}
}
