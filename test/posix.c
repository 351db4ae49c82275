/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What the rules have in common, and how a rule becomes a test. */
#include "posix.h"
#include "t.h"

#include <fcntl.h>
#include <string.h>

const struct px *px;

static void
run(const void *arg)
{
	const struct px_rule *rule = arg;

	px->begin(rule->options ? rule->options : "", rule->through);
	rule->fn();
	px->end();
}

void
px_rules(const struct px_rule *rule, unsigned int n)
{
	for (; n; n--, rule++)
		t_case(NULL, rule->name, run, rule);
}

void
px_make(const char *path, uint32_t mode)
{
	int fd = px->open(path, O_CREAT | O_EXCL | O_RDWR, mode);

	CHECK(fd >= 0);
	CHECK_EQ(px->close(fd), 0);
}

void
px_put(const char *path, const char *text)
{
	int fd = px->open(path, O_CREAT | O_TRUNC | O_RDWR, 0644);

	CHECK(fd >= 0);
	CHECK_EQ(px->write(fd, text, strlen(text), 0), strlen(text));
	CHECK_EQ(px->close(fd), 0);
}

void
px_is(const char *path, const char *text)
{
	char got[4096] = { 0 };
	int fd = px->open(path, O_RDONLY, 0);

	CHECK(fd >= 0);
	CHECK_EQ(px->read(fd, got, sizeof(got) - 1, 0), strlen(text));
	CHECK_STR(got, text);
	CHECK_EQ(px->close(fd), 0);
}

struct px_stat
px_get(const char *path)
{
	struct px_stat st;

	CHECK_EQ(px->stat(path, &st), 0);
	return st;
}

int
px_before(struct px_time a, struct px_time b)
{
	return a.sec < b.sec || (a.sec == b.sec && a.nsec < b.nsec);
}

int
px_same(struct px_time a, struct px_time b)
{
	return a.sec == b.sec && a.nsec == b.nsec;
}

unsigned int
px_count(const char *path)
{
	struct px_entry e;
	unsigned int n = 0;
	int dir = px->opendir(path);

	CHECK(dir >= 0);
	while (px->readdir(dir, &e) == 1)
		n += strcmp(e.name, ".") && strcmp(e.name, "..");
	CHECK_EQ(px->closedir(dir), 0);
	return n;
}
