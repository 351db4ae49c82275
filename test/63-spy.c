/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* MSGPORT_TRACE: what passes to a port of the command itself. */
#define _GNU_SOURCE
#include "t.h"
#include "../tool/tool.h"
#include <errno.h>
#include <msgport/agent.h>
#include <msgport/vfs.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static char said[4096];

/* Of tool/msgport.c, which is the command itself. */
void
tool_error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(said, sizeof(said), fmt, ap);
	va_end(ap);
}

static struct mp_msg *kept;

static int
handler(struct mp_port *p, struct mp_msg *m)
{
	struct mp_vfs_read *r = (struct mp_vfs_read *)(void *)m;
	struct mp_vfs_lseek *l = (struct mp_vfs_lseek *)(void *)m;

	CHECK_STR(p->data, "mine");
	if (m->op == MP_VFS_SYNCFS) {
		mp_msg_take(m);
		kept = m;
		return EASYNC;
	}
	if (m->op == MP_VFS_LSEEK)
		l->out.offset = 77;
	if (m->op == MP_VFS_READ) {
		r->out.count = 3;
		memcpy(r->buf.base, "abc", 3);
	}
	return m->op == MP_VFS_LOOKUP ? -ENOENT : 0;
}

static void
start(struct spy **s, struct mp_port *p, const char *text)
{
	mp_port_init_call(p, handler, (void *)(uintptr_t) "mine");
	p->iface = &mp_vfs_iface;
	if (text != NULL)
		CHECK_EQ(putenv((char *)(uintptr_t)text), 0);
	CHECK_EQ(spy_start(s, p), TOOL_OK);
}

static void
end(struct spy *s, struct mp_port *p)
{
	spy_stop(s);
	CHECK_EQ((intptr_t)p->handler, (intptr_t)handler);
	mp_port_fini(p);
	unsetenv("MSGPORT_TRACE");
}

static void
send_all(struct mp_port *p)
{
	char bytes[8];
	struct mp_vfs_lookup up = { .msg = MP_MSG(MP_VFS_LOOKUP) };
	struct mp_vfs_lseek seek = { .msg = MP_MSG(MP_VFS_LSEEK) };
	struct mp_vfs_read read = { .msg = MP_MSG(MP_VFS_READ),
				    .buf = { bytes, 8, MP_BUF_OUT, 0 } };
	struct mp_vfs_syncfs sync = { .msg = MP_MSG(MP_VFS_SYNCFS) };
	struct mp_port done;

	up.in.parent = 1;
	up.in.name_len = 3;
	memcpy(up.in.name, "foo", 4);
	CHECK_EQ(mp_call(p, &up.msg), -ENOENT);
	seek.in.node = 2;
	seek.in.whence = MP_VFS_SEEK_HOLE;
	CHECK_EQ(mp_call(p, &seek.msg), 0);
	CHECK_EQ(seek.out.offset, 77);
	read.in.node = 3;
	CHECK_EQ(mp_call(p, &read.msg), 0);
	mp_port_init_count(&done);
	sync.in.node = 1;
	sync.msg.reply = &done;
	CHECK_EQ(mp_send(p, &sync.msg), 0);
	mp_reply(kept, 5);
	CHECK_EQ(mp_count_wait(&done, 1, 0), 0);
	CHECK_EQ(sync.msg.result, 5);
	mp_port_fini(&done);
}

static char file[64];
static char to_file[128];
static char some_json[128];

/* The n-th line, from behind the time to the time it took. */
static const char *
line(int n)
{
	static char text[1024];
	FILE *f = fopen(file, "r");
	char *from, *to;

	CHECK(f != NULL);
	text[0] = '\0';
	while (n-- > 0)
		if (fgets(text, sizeof(text), f) == NULL)
			text[0] = '\0';
	fclose(f);
	from = strstr(text, "direct ");
	to = strstr(text, " <");
	if (from == NULL || to == NULL)
		return text;
	*to = '\0';
	return strchr(from + 7, ' ') + 1;
}

TEST(each_message_is_a_line)
{
	struct mp_port p;
	struct spy *s;

	start(&s, &p, to_file);
	send_all(&p);
	end(s, &p);
	CHECK_STR(line(1), "lookup(parent=1, name=\"foo\") = -2 ENOENT");
	CHECK_STR(line(2), "lseek(node=2, whence=hole) = 0 {offset=77}");
	CHECK_STR(line(3), "read(node=3, buf_len=8) = 0 {count=3, "
			   "buf_bytes=3, buf=\"abc\"}");
	CHECK_STR(line(4), "syncfs(node=1) = ?");
	CHECK_STR(line(5), "");
	CHECK_EQ(unlink(file), 0);
}

TEST(some_operations_and_json_can_be_had)
{
	struct mp_port p;
	struct spy *s;

	start(&s, &p, some_json);
	send_all(&p);
	end(s, &p);
	CHECK(strstr(line(1), "\"operation\":\"lseek\",\"in\":{\"node\":2,"
			      "\"whence\":\"hole\"},\"result\":0,"
			      "\"out\":{\"offset\":77}") != NULL);
	CHECK(strstr(line(2), "\"operation\":\"syncfs\",\"in\":{\"node\":1},"
			      "\"result\":null,") != NULL);
	CHECK_STR(line(3), "");
	CHECK_EQ(unlink(file), 0);
}

TEST(without_the_variable_there_is_nothing)
{
	struct mp_port p;
	struct spy *s;

	start(&s, &p, NULL);
	CHECK(s == NULL);
	send_all(&p);
	end(s, &p);
}

TEST(two_ports_keep_apart)
{
	struct mp_port p, q;
	struct spy *s, *t;

	start(&s, &p, to_file);
	start(&t, &q, to_file);
	send_all(&p);
	spy_stop(s);
	send_all(&q);
	s = NULL;
	mp_port_fini(&p);
	end(t, &q);
	CHECK_STR(line(8), "syncfs(node=1) = ?");
	CHECK_STR(line(9), "");
	CHECK_EQ(unlink(file), 0);
}

static void
refused(const char *text, int code, const char *why)
{
	struct mp_port p;
	struct spy *s;

	mp_port_init_call(&p, handler, NULL);
	p.iface = &mp_vfs_iface;
	CHECK_EQ(putenv((char *)(uintptr_t)text), 0);
	CHECK_EQ(spy_start(&s, &p), code);
	CHECK(strstr(said, why) != NULL);
	CHECK(s == NULL);
	end(NULL, &p);
}

TEST(what_it_cannot_say_is_named)
{
	refused("MSGPORT_TRACE=lookup,frob", TOOL_USAGE, "'frob'");
	refused("MSGPORT_TRACE=to=/nowhere/x", TOOL_FAILED, "/nowhere/x");
}

void
t_setup(void)
{
	snprintf(file, sizeof(file), "/tmp/msgport-spy-%d", (int)getpid());
	snprintf(to_file, sizeof(to_file), "MSGPORT_TRACE=to=%s", file);
	snprintf(some_json, sizeof(some_json),
		 "MSGPORT_TRACE=json,lseek,to=%s,syncfs", file);
	tzset();
	/* The environment itself grows once, and not in a test. */
	setenv("MSGPORT_TRACE", "", 1);
	unsetenv("MSGPORT_TRACE");
}
