/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Rules of attributes: times, modes, owners. */
#include "posix.h"
#include "t.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

static const struct px_time omit = { 0, PX_OMIT };
static const struct px_time now = { 0, PX_NOW };

/* Which of "amc" went on since then. */
static void
moved(struct px_stat was, struct px_stat is, const char *which)
{
	char got[4], *p = got;

	if (px_before(was.atime, is.atime))
		*p++ = 'a';
	if (px_before(was.mtime, is.mtime))
		*p++ = 'm';
	if (px_before(was.ctime, is.ctime))
		*p++ = 'c';
	*p = 0;
	CHECK_STR(got, which);
}

/* The statement moves these times of the file, and the clock has ticked. */
#define MOVES(path, which, ...)                    \
	do {                                       \
		struct px_stat was = px_get(path); \
		px->tick();                        \
		__VA_ARGS__;                       \
		moved(was, px_get(path), which);   \
	} while (0)

static void
a_new_node_has_all_times_alike(void)
{
	struct px_stat st;

	px->tick();
	px_make("f", 0644);
	st = px_get("f");
	CHECK(px_same(st.atime, st.mtime));
	CHECK(px_same(st.atime, st.ctime));
	CHECK(px_same(st.btime, st.ctime) || !st.btime.sec);
	MOVES(".", "mc", px_make("g", 0644));
	MOVES(".", "mc", CHECK_EQ(px->mkdir("d", 0755), 0));
	MOVES(".", "mc", CHECK_EQ(px->symlink("x", "l"), 0));
	MOVES(".", "mc", CHECK_EQ(px->mknod("p", S_IFIFO | 0600, 0, 0), 0));
	MOVES(".", "mc", CHECK_EQ(px->rmdir("d"), 0));
	MOVES(".", "mc", CHECK_EQ(px->unlink("p"), 0));
	MOVES(".", "", CHECK_EQ(px->mkdir("f", 0755), -EEXIST));
	MOVES(".", "", CHECK_EQ(px->unlink("none"), -ENOENT));
}

static void
link_and_unlink_change_ctime(void)
{
	px_make("f", 0644);
	MOVES("f", "c", CHECK_EQ(px->link("f", "g"), 0));
	MOVES("f", "c", CHECK_EQ(px->unlink("g"), 0));
	MOVES(".", "mc", CHECK_EQ(px->link("f", "h"), 0));
	MOVES("f", "", CHECK_EQ(px->link("f", "h"), -EEXIST));
}

static void
write_changes_mtime_and_ctime(void)
{
	int fd;

	px_make("f", 0644);
	fd = px->open("f", O_RDWR, 0);
	MOVES("f", "mc", {
		CHECK_EQ(px->write(fd, "x", 1, 0), 1);
		CHECK_EQ(px->fsync(fd), 0);
	});
	MOVES("f", "", CHECK_EQ(px->write(fd, "x", 0, 0), 0));
	MOVES("f", "mc", CHECK_EQ(px->ftruncate(fd, 100), 0));
	MOVES("f", "mc", CHECK_EQ(px->ftruncate(fd, 100), 0));
	MOVES("f", "mc", CHECK_EQ(px->truncate("f", 10), 0));
	MOVES("f", "mc", CHECK_EQ(px->fallocate(fd, 0, 0, 100), 0));
	CHECK_EQ(px->close(fd), 0);
	MOVES("f", "mc", {
		fd = px->open("f", O_RDWR | O_TRUNC, 0);
		CHECK_EQ(px->close(fd), 0);
	});
}

static void
read_changes_atime(void)
{
	char got[10];
	int fd;

	px_put("f", "text");
	fd = px->open("f", O_RDONLY, 0);
	MOVES("f", "a", CHECK_EQ(px->read(fd, got, 10, 0), 4));
	CHECK_EQ(px->close(fd), 0);
	CHECK_EQ(px->symlink("target", "l"), 0);
	MOVES("l", "a", CHECK_EQ(px->readlink("l", got, 10), 6));
	CHECK_EQ(px->mkdir("d", 0755), 0);
	MOVES("d", "a", CHECK_EQ(px_count("d"), 0));
	MOVES("f", "", (void)px_get("f"));
}

static void
relative_atime_follows_changes_only(void)
{
	char got[10];
	int fd;

	px_put("f", "text");
	fd = px->open("f", O_RDWR, 0);
	MOVES("f", "a", CHECK_EQ(px->read(fd, got, 10, 0), 4));
	MOVES("f", "", CHECK_EQ(px->read(fd, got, 10, 0), 4));
	px->tick();
	CHECK_EQ(px->write(fd, "x", 1, 0), 1);
	MOVES("f", "a", CHECK_EQ(px->read(fd, got, 10, 0), 4));
	CHECK_EQ(px->close(fd), 0);
}

static void
no_atime_never_changes(void)
{
	char got[10];
	int fd;

	px_put("f", "text");
	fd = px->open("f", O_RDONLY, 0);
	MOVES("f", "", CHECK_EQ(px->read(fd, got, 10, 0), 4));
	CHECK_EQ(px->close(fd), 0);
}

static void
chmod_and_chown_change_ctime(void)
{
	px_make("f", 0644);
	MOVES("f", "c", CHECK_EQ(px->chmod("f", 0600), 0));
	CHECK_EQ(px_get("f").mode, S_IFREG | 0600);
	MOVES("f", "c", CHECK_EQ(px->chown("f", 5, 6), 0));
	CHECK_EQ(px_get("f").uid, 5);
	CHECK_EQ(px_get("f").gid, 6);
	MOVES("f", "c", CHECK_EQ(px->chown("f", UINT32_MAX, 7), 0));
	CHECK_EQ(px_get("f").uid, 5);
	CHECK_EQ(px_get("f").gid, 7);
}

static void
utimens_sets_times_to_the_nanosecond(void)
{
	struct px_time a = { 123456789, 987654321 }, m = { -5, 1 };
	struct px_stat st;

	px_make("f", 0644);
	st = px_get("f");
	px->tick();
	CHECK_EQ(px->utimens("f", &a, &m), 0);
	CHECK(px_same(px_get("f").atime, a));
	CHECK(px_same(px_get("f").mtime, m));
	CHECK(px_before(st.ctime, px_get("f").ctime));
	CHECK_EQ(px->utimens("f", &omit, &now), 0);
	CHECK(px_same(px_get("f").atime, a));
	CHECK(px_before(st.mtime, px_get("f").mtime));
	CHECK_EQ(px->utimens("f", &now, &omit), 0);
	CHECK(px_before(st.atime, px_get("f").atime));
	a.sec = 1ll << 33;
	a.nsec = 999999999;
	CHECK_EQ(px->utimens("f", &a, &a), 0);
	CHECK(px_same(px_get("f").mtime, a));
	CHECK(px_same(px_get("f").btime, st.btime));
}

static void
birth_does_not_change(void)
{
	struct px_time born;

	px_make("f", 0644);
	born = px_get("f").btime;
	px->tick();
	px_put("f", "text");
	CHECK_EQ(px->chmod("f", 0600), 0);
	CHECK_EQ(px->rename("f", "g", 0), 0);
	CHECK(px_same(px_get("g").btime, born));
}

static void
chown_clears_setuid(void)
{
	px_make("f", 0644);
	CHECK_EQ(px->chmod("f", 06755), 0);
	CHECK_EQ(px_get("f").mode & 07777, 06755);
	CHECK_EQ(px->chown("f", 5, 5), 0);
	CHECK_EQ(px_get("f").mode & 07777, 0755);
	CHECK_EQ(px->chmod("f", 06745), 0);
	CHECK_EQ(px->chown("f", UINT32_MAX, 6), 0);
	CHECK_EQ(px_get("f").mode & 07777, 02745);
	CHECK_EQ(px->mkdir("d", 0755), 0);
	CHECK_EQ(px->chmod("d", 06755), 0);
	CHECK_EQ(px->chown("d", 5, 5), 0);
	CHECK_EQ(px_get("d").mode & 07777, 06755);
}

static void
write_by_another_clears_setuid(void)
{
	int fd;

	px_make("f", 0777);
	CHECK_EQ(px->chmod("f", 06777), 0);
	fd = px->open("f", O_RDWR, 0);
	CHECK_EQ(px->write(fd, "x", 1, 0), 1);
	CHECK_EQ(px->close(fd), 0);
	CHECK_EQ(px_get("f").mode & 07777, 06777);
	px->who(1001, 1001);
	fd = px->open("f", O_RDWR, 0);
	CHECK_EQ(px->write(fd, "x", 1, 0), 1);
	CHECK_EQ(px->close(fd), 0);
	CHECK_EQ(px_get("f").mode & 07777, 0777);
	px->who(0, 0);
}

static void
truncate_by_another_clears_setuid(void)
{
	int fd;

	px_put("f", "text");
	CHECK_EQ(px->chmod("f", 06777), 0);
	px->who(1001, 1001);
	CHECK_EQ(px->truncate("f", 1), 0);
	CHECK_EQ(px_get("f").mode & 07777, 0777);
	px->who(0, 0);
	CHECK_EQ(px->chmod("f", 06777), 0);
	px->who(1001, 1001);
	fd = px->open("f", O_WRONLY | O_TRUNC, 0);
	CHECK_EQ(px->close(fd), 0);
	CHECK_EQ(px_get("f").mode & 07777, 0777);
	px->who(0, 0);
	CHECK_EQ(px->mknod("p", S_IFIFO | 0666, 0, 0), 0);
	CHECK_EQ(px->truncate("p", 0), -EINVAL);
}

static void
a_write_drops_capabilities(void)
{
	static const char value[20] = { 0, 0, 0, 2 };
	char got[20];
	int fd;

	px_make("f", 0777);
	CHECK_EQ(px->setxattr("f", "security.capability", value, 20, 0), 0);
	px->who(1001, 1001);
	fd = px->open("f", O_RDWR, 0);
	CHECK_EQ(px->write(fd, "x", 1, 0), 1);
	CHECK_EQ(px->close(fd), 0);
	px->who(0, 0);
	CHECK_EQ(px->getxattr("f", "security.capability", got, 20), -ENODATA);
}

static const struct px_rule rule[] = {
	{ "a_new_node_has_all_times_alike", a_new_node_has_all_times_alike, 0,
	  false },
	{ "link_and_unlink_change_ctime", link_and_unlink_change_ctime, 0,
	  false },
	{ "write_changes_mtime_and_ctime", write_changes_mtime_and_ctime, 0,
	  false },
	{ "read_changes_atime", read_changes_atime, "atime=strict", false },
	{ "relative_atime_follows_changes_only",
	  relative_atime_follows_changes_only, 0, false },
	{ "no_atime_never_changes", no_atime_never_changes, "atime=none",
	  false },
	{ "chmod_and_chown_change_ctime", chmod_and_chown_change_ctime, 0,
	  false },
	{ "utimens_sets_times_to_the_nanosecond",
	  utimens_sets_times_to_the_nanosecond, 0, false },
	{ "birth_does_not_change", birth_does_not_change, 0, false },
	{ "chown_clears_setuid", chown_clears_setuid, 0, false },
	{ "write_by_another_clears_setuid", write_by_another_clears_setuid, 0,
	  false },
	{ "truncate_by_another_clears_setuid",
	  truncate_by_another_clears_setuid, 0, false },
	{ "a_write_drops_capabilities", a_write_drops_capabilities, 0, false },
};

void
px_attr_rules(void)
{
	PX_RULES(rule);
}
