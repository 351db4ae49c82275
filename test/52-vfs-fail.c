/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Nothing is lost: each operation that takes memory, room or quota is made to
 * fail at every point where it can, and the file system is then exactly what it
 * was, times and free room included.
 */
#include "posix.h"
#include "t.h"

#include <msgport/driver.h>
#include <msgport/kit.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define PAGE 4096u
#define SWEEP_MAX 4000u /* allocations in one operation, and then some */

/* What there is before: long names, so that one more needs a block. */
#define LONG "llllllllllllllllllllllllllllllllllllllllllllllllllllllllllllll"
#define NAME_LONG LONG LONG LONG LONG

extern const struct mp_driver mp_driver_vfs_mem;

static char image[1 << 16];

static void add(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void
add(const char *format, ...)
{
	size_t at = strlen(image);
	va_list ap;

	va_start(ap, format);
	CHECK(vsnprintf(image + at, sizeof(image) - at, format, ap) <
	      (int)(sizeof(image) - at));
	va_end(ap);
}

static void
add_data(const char *path)
{
	static char data[64 * PAGE];
	int fd = px->open(path, O_RDONLY, 0);
	int64_t n = px->read(fd, data, sizeof(data), 0), i;
	uint32_t sum = 0;

	CHECK(n >= 0);
	for (i = 0; i < n; i++)
		sum = sum * 31 + (unsigned char)data[i];
	add(" %u", sum);
	CHECK_EQ(px->close(fd), 0);
}

static void
add_node(const char *path)
{
	struct px_stat st = px_get(path);
	char list[1024];
	int n;

	add("%.20s %o %u %u:%u %llu %llu %u %lld %lld %lld", path, st.mode,
	    st.nlink, st.uid, st.gid, (unsigned long long)st.size,
	    (unsigned long long)st.blocks, (unsigned int)st.ino,
	    (long long)st.atime.sec, (long long)st.mtime.sec,
	    (long long)st.ctime.sec);
	n = px->listxattr(path, list, sizeof(list));
	CHECK(n >= 0);
	for (; n > 0; n--)
		add("%c", list[n - 1] ? list[n - 1] : ' ');
	if (S_ISREG(st.mode) && !st.uid)
		add_data(path);
	add("\n");
}

static void
add_dir(const char *path)
{
	int dir = px->opendir(path);
	struct px_entry e;
	char sub[600];

	CHECK(dir >= 0);
	add_node(path);
	while (px->readdir(dir, &e) == 1) {
		if (e.name[0] == '.')
			continue;
		if (!strcmp(path, "."))
			(void)snprintf(sub, sizeof(sub), "%s", e.name);
		else
			(void)snprintf(sub, sizeof(sub), "%s/%s", path, e.name);
		add_node(sub);
	}
	CHECK_EQ(px->closedir(dir), 0);
}

/* Everything that there is to see, as text. */
static char *
snapshot(void)
{
	struct px_statfs st;

	image[0] = 0;
	add_dir(".");
	add_dir("d");
	add_dir("acl");
	CHECK_EQ(px->statfs(&st), 0);
	add("%llu %llu\n", (unsigned long long)st.bfree,
	    (unsigned long long)st.ffree);
	return image;
}

static struct {
	int fd[2];
} h;

static void
make_all(void)
{
	static const uint16_t acl[] = { 2,	0,	1,	7,	0xffff,
					0xffff, 2,	7,	1001,	0,
					4,	5,	0xffff, 0xffff, 0x10,
					7,	0xffff, 0xffff, 0x20,	1,
					0xffff, 0xffff };
	char name[300];
	int i;

	CHECK_EQ(px->mkdir("d", 0777), 0);
	CHECK_EQ(px->mkdir("acl", 0777), 0);
	CHECK_EQ(px->setxattr("acl", "system.posix_acl_default", acl,
			      sizeof(acl), 0),
		 0);
	px_put("a", "text of a");
	px_put("b", "text of b");
	px_make("mine", 0644);
	CHECK_EQ(px->chown("mine", 1001, 1001), 0);
	/* The next name needs a block: an entry is 40 bytes and its name. */
	for (i = 0; i < 14; i++) {
		(void)snprintf(name, sizeof(name), "d/%02d" NAME_LONG, i);
		CHECK_EQ(px->link("a", name), 0);
	}
	h.fd[0] = px->open("a", O_RDWR, 0);
	h.fd[1] = px->open("b", O_RDWR, 0);
	CHECK(h.fd[0] >= 0 && h.fd[1] >= 0);
	px->tick();
}

static void
empty(const char *path)
{
	int dir = px->opendir(path);
	struct px_entry e;
	char sub[600];

	if (dir == -ENOENT)
		return; /* an operation renamed it */
	CHECK(dir >= 0);
	while (px->readdir(dir, &e) == 1) {
		(void)snprintf(sub, sizeof(sub), "%s/%s", path, e.name);
		if (e.name[0] != '.' && px->unlink(sub))
			CHECK_EQ(px->rmdir(sub), 0);
	}
	CHECK_EQ(px->closedir(dir), 0);
	CHECK_EQ(px->rmdir(path), 0);
}

/* Whatever is there can be removed, too. */
static void
end_all(void)
{
	CHECK_EQ(px->close(h.fd[0]), 0);
	CHECK_EQ(px->close(h.fd[1]), 0);
	empty("d");
	empty("acl");
	px->end();
}

static int
op_mkdir(void)
{
	return px->mkdir("d/new" NAME_LONG, 0755);
}

static int
op_mknod(void)
{
	return px->mknod("acl/new", S_IFREG | 0664, 0, 0);
}

static int
op_mkdir_acl(void)
{
	return px->mkdir("acl/new", 0777);
}

static int
op_symlink(void)
{
	return px->symlink(NAME_LONG, "d/new" NAME_LONG);
}

static int
op_link(void)
{
	return px->link("b", "d/new" NAME_LONG);
}

static int
op_create(void)
{
	int fd = px->open("d/new" NAME_LONG, O_CREAT | O_RDWR, 0644);

	return fd < 0 ? fd : px->close(fd);
}

static int
op_write(void)
{
	static char data[20 * PAGE];

	memset(data, 'x', sizeof(data));
	/* Room for some is success, and tested elsewhere. */
	return px->write(h.fd[0], data, PAGE, 1ull << 30) < 0 ? -ENOMEM : 0;
}

static int
op_fallocate(void)
{
	return px->fallocate(h.fd[1], 0, PAGE / 2, 20 * PAGE);
}

static int
op_zero_range(void)
{
	return px->fallocate(h.fd[0], FALLOC_FL_ZERO_RANGE, 0, 20 * PAGE);
}

static int
op_copy(void)
{
	uint64_t off[2] = { 0, 3 * PAGE - 4 };
	int64_t n = px->copy(h.fd, off, 4);

	return n < 0 ? (int)n : 0;
}

static int
op_setxattr(void)
{
	static char value[5000];

	return px->setxattr("b", "user.new", value, sizeof(value), 0);
}

static int
op_rename(void)
{
	return px->rename("b", "new" NAME_LONG, 0);
}

static int
op_rename_across(void)
{
	return px->rename("b", "d/new" NAME_LONG, 0);
}

static int
op_rename_dir_across(void)
{
	return px->rename("acl", "d/new" NAME_LONG, 0);
}

static int
op_opendir(void)
{
	int dir = px->opendir("d");

	return dir < 0 ? dir : px->closedir(dir);
}

static int
op_chown(void)
{
	return px->chown("a", 1002, 1002);
}

static int
op_mknod_mine(void)
{
	int code;

	px->who(1001, 1001);
	code = px->mknod("new", S_IFREG | 0644, 0, 0);
	px->who(0, 0);
	return code;
}

static int
op_chown_mine(void)
{
	return px->chown("b", 1001, 1001);
}

struct op {
	const char *name;
	int (*fn)(void);
};

static const struct op memory[] = {
	{ "mkdir", op_mkdir },
	{ "mknod", op_mknod },
	{ "mkdir_acl", op_mkdir_acl },
	{ "symlink", op_symlink },
	{ "link", op_link },
	{ "create", op_create },
	{ "write", op_write },
	{ "fallocate", op_fallocate },
	{ "zero_range", op_zero_range },
	{ "copy", op_copy },
	{ "setxattr", op_setxattr },
	{ "rename", op_rename },
	{ "rename_across", op_rename_across },
	{ "rename_dir_across", op_rename_dir_across },
	{ "opendir", op_opendir },
	{ "chown", op_chown },
};

static void
fails_whole(const void *arg)
{
	const struct op *op = arg;
	unsigned int n;
	char *was;
	int code = -ENOMEM;

	px->begin("atime=none,quota_size=1g", true);
	make_all();
	was = strdup(snapshot());
	CHECK(was);
	for (n = 1; code == -ENOMEM && n < SWEEP_MAX; n++) {
		mp_mem_fail_at(n);
		code = op->fn();
		if (mp_mem_fail_left()) {
			mp_mem_fail_at(0);
			break;
		}
		if (code)
			CHECK_STR(snapshot(), was);
	}
	CHECK_EQ(code, 0);
	CHECK(n > 1);
	free(was);
	end_all();
}

static const struct op room[] = {
	{ "mkdir", op_mkdir },
	{ "symlink", op_symlink },
	{ "link", op_link },
	{ "create", op_create },
	{ "write", op_write },
	{ "fallocate", op_fallocate },
	{ "zero_range", op_zero_range },
	{ "copy", op_copy },
	{ "setxattr", op_setxattr },
	{ "rename_across", op_rename_across },
	{ "rename_dir_across", op_rename_dir_across },
};

/* Every amount of room from none to enough. */
static void
no_room_fails_whole(const void *arg)
{
	const struct op *op = arg;
	struct px_statfs st;
	unsigned int n;
	char *was;
	int fd, code = -ENOSPC;

	for (n = 0; code && n < 64; n++) {
		px->begin("atime=none,size=1m", true);
		make_all();
		CHECK_EQ(px->statfs(&st), 0);
		fd = px->open("full", O_CREAT | O_RDWR, 0600);
		CHECK_EQ(px->fallocate(fd, 0, 0, (st.bfree - n) * PAGE), 0);
		CHECK_EQ(px->close(fd), 0);
		was = strdup(snapshot());
		CHECK(was);
		code = op->fn();
		if (code)
			CHECK_STR(snapshot(), was);
		free(was);
		end_all();
	}
	CHECK_EQ(code, 0);
	CHECK(n > 1);
}

static const struct op quota[] = {
	{ "mknod", op_mknod_mine },
	{ "chown", op_chown_mine },
};

static void
no_quota_fails_whole(const void *arg)
{
	const struct op *op = arg;
	char *was;

	px->begin("atime=none,mode=0777,quota_inodes=1", true);
	make_all();
	was = strdup(snapshot());
	CHECK(was);
	CHECK_EQ(op->fn(), -EDQUOT);
	CHECK_STR(snapshot(), was);
	CHECK_EQ(px->unlink("mine"), 0);
	CHECK_EQ(op->fn(), 0);
	free(was);
	end_all();
}

static void
opening_fails_whole(const void *arg)
{
	struct mp_option_value value[MP_OPTIONS_MAX];
	int code = -ENOMEM;
	char error[256];
	unsigned int n;
	void *fs;

	(void)arg;
	CHECK_EQ(mp_driver_options(&mp_driver_vfs_mem, "", value, error,
				   sizeof(error)),
		 0);
	for (n = 1; code; n++) {
		mp_mem_fail_at(n);
		code = mp_driver_vfs_mem.open(value, &fs, error, sizeof(error));
		CHECK(code == 0 || code == -ENOMEM);
		CHECK(!code == (mp_mem_fail_left() != 0));
		if (code)
			CHECK_EQ(mp_mem_live(), 0);
	}
	mp_mem_fail_at(0);
	CHECK(n > 3);
	mp_driver_vfs_mem.close(fs);
	CHECK_EQ(mp_mem_live(), 0);
}

static void
cases(const char *what, t_fn *fn, const struct op *op, size_t n)
{
	char name[80];

	for (; n; n--, op++) {
		(void)snprintf(name, sizeof(name), "%s_without_%s_fails_whole",
			       op->name, what);
		t_case(NULL, name, fn, op);
	}
}

void
t_setup(void)
{
	px = &px_port;
	t_case(NULL, "opening_without_memory_fails_whole", opening_fails_whole,
	       NULL);
	cases("memory", fails_whole, memory,
	      sizeof(memory) / sizeof(memory[0]));
	cases("room", no_room_fails_whole, room,
	      sizeof(room) / sizeof(room[0]));
	cases("quota", no_quota_fails_whole, quota,
	      sizeof(quota) / sizeof(quota[0]));
}
