/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Rules of names: made, linked, removed. */
#include "posix.h"
#include "t.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static void
mkdir_counts_links(void)
{
	CHECK_EQ(px_get(".").nlink, 2);
	CHECK_EQ(px->mkdir("d", 0751), 0);
	CHECK_EQ(px_get("d").nlink, 2);
	CHECK_EQ(px_get("d").mode, S_IFDIR | 0751);
	CHECK_EQ(px_get(".").nlink, 3);
	CHECK_EQ(px->mkdir("d/e", 0700), 0);
	CHECK_EQ(px_get("d").nlink, 3);
	CHECK_EQ(px->rmdir("d/e"), 0);
	CHECK_EQ(px_get("d").nlink, 2);
	CHECK_EQ(px->rmdir("d"), 0);
	CHECK_EQ(px_get(".").nlink, 2);
}

static void
mkdir_over_anything_is_eexist(void)
{
	CHECK_EQ(px->mkdir("d", 0755), 0);
	px_make("f", 0644);
	CHECK_EQ(px->symlink("nowhere", "l"), 0);
	CHECK_EQ(px->mkdir("d", 0755), -EEXIST);
	CHECK_EQ(px->mkdir("f", 0755), -EEXIST);
	CHECK_EQ(px->mkdir("l", 0755), -EEXIST);
	CHECK_EQ(px->mknod("f", S_IFIFO | 0600, 0, 0), -EEXIST);
	CHECK_EQ(px->symlink("x", "f"), -EEXIST);
	CHECK_EQ(px->link("f", "d"), -EEXIST);
}

static void
a_path_through_a_file_is_enotdir(void)
{
	px_make("f", 0644);
	CHECK_EQ(px->mkdir("f/d", 0755), -ENOTDIR);
	CHECK_EQ(px->unlink("f/d"), -ENOTDIR);
	CHECK_EQ(px->rmdir("f/d"), -ENOTDIR);
	CHECK_EQ(px->link("f", "f/d"), -ENOTDIR);
	CHECK_EQ(px->rename("f", "f/d", 0), -ENOTDIR);
	CHECK_EQ(px->open("f/d", O_CREAT | O_RDWR, 0644), -ENOTDIR);
}

static void
a_path_through_nothing_is_enoent(void)
{
	px_make("f", 0644);
	CHECK_EQ(px->mkdir("n/d", 0755), -ENOENT);
	CHECK_EQ(px->unlink("n"), -ENOENT);
	CHECK_EQ(px->rmdir("n"), -ENOENT);
	CHECK_EQ(px->link("n", "m"), -ENOENT);
	CHECK_EQ(px->link("f", "n/m"), -ENOENT);
	CHECK_EQ(px->open("n", O_RDONLY, 0), -ENOENT);
}

static void
rmdir_wants_an_empty_directory(void)
{
	CHECK_EQ(px->mkdir("d", 0755), 0);
	px_make("d/f", 0644);
	CHECK_EQ(px->rmdir("d"), -ENOTEMPTY);
	CHECK_EQ(px->unlink("d/f"), 0);
	CHECK_EQ(px->rmdir("d"), 0);
	px_make("f", 0644);
	CHECK_EQ(px->rmdir("f"), -ENOTDIR);
	CHECK_EQ(px->mkdir("d", 0755), 0);
	CHECK_EQ(px->unlink("d"), -EISDIR);
}

static void
names_have_255_bytes(void)
{
	char name[257];

	memset(name, 'x', sizeof(name));
	name[256] = 0;
	CHECK_EQ(px->mkdir(name, 0755), -ENAMETOOLONG);
	name[255] = 0;
	CHECK_EQ(px->mkdir(name, 0755), 0);
	CHECK_EQ(px->rmdir(name), 0);
	CHECK_EQ(px->mkdir("a\nb\x01\xff", 0755), 0);
	CHECK_EQ(px->rmdir("a\nb\x01\xff"), 0);
}

static void
hard_links_are_one_file(void)
{
	px_put("a", "text");
	CHECK_EQ(px->link("a", "b"), 0);
	CHECK_EQ(px_get("a").ino, px_get("b").ino);
	CHECK_EQ(px_get("b").nlink, 2);
	px_put("b", "other");
	px_is("a", "other");
	CHECK_EQ(px->unlink("a"), 0);
	CHECK_EQ(px->stat("a", &(struct px_stat){ 0 }), -ENOENT);
	CHECK_EQ(px_get("b").nlink, 1);
	px_is("b", "other");
}

static void
link_takes_no_directory(void)
{
	CHECK_EQ(px->mkdir("d", 0755), 0);
	CHECK_EQ(px->link("d", "e"), -EPERM);
	CHECK_EQ(px_get("d").nlink, 2);
}

static void
link_to_a_symlink_links_the_symlink(void)
{
	CHECK_EQ(px->symlink("target", "l"), 0);
	CHECK_EQ(px->link("l", "m"), 0);
	CHECK_EQ(px_get("m").mode & S_IFMT, S_IFLNK);
	CHECK_EQ(px_get("l").nlink, 2);
}

static void
too_many_links_is_emlink(void)
{
	char name[16];
	unsigned int n;

	px_make("f", 0644);
	for (n = 1; n < 32000; n++) {
		(void)snprintf(name, sizeof(name), "l%u", n);
		CHECK_EQ(px->link("f", name), 0);
	}
	CHECK_EQ(px->link("f", "one_more"), -EMLINK);
	CHECK_EQ(px->stat("one_more", &(struct px_stat){ 0 }), -ENOENT);
	CHECK_EQ(px_get("f").nlink, 32000);
	CHECK_EQ(px->unlink("l7"), 0);
	CHECK_EQ(px->link("f", "one_more"), 0);
}

static void
symlinks_keep_their_target(void)
{
	char target[4097], got[4100];

	CHECK_EQ(px->symlink("a/b", "l"), 0);
	CHECK_EQ(px->readlink("l", got, sizeof(got)), 3);
	CHECK(!memcmp(got, "a/b", 3));
	CHECK_EQ(px_get("l").size, 3);
	CHECK_EQ(px_get("l").mode, S_IFLNK | 0777);
	memset(target, 't', sizeof(target));
	target[4095] = 0;
	CHECK_EQ(px->symlink(target, "m"), 0);
	CHECK_EQ(px->readlink("m", got, sizeof(got)), 4095);
	CHECK(!memcmp(got, target, 4095));
	px_make("f", 0644);
	CHECK_EQ(px->readlink("f", got, sizeof(got)), -EINVAL);
}

static void
devices_keep_their_number(void)
{
	struct px_stat st;

	CHECK_EQ(px->mknod("c", S_IFCHR | 0620, 5, 1), 0);
	st = px_get("c");
	CHECK_EQ(st.mode, S_IFCHR | 0620);
	CHECK_EQ(st.major, 5);
	CHECK_EQ(st.minor, 1);
	CHECK_EQ(px->mknod("b", S_IFBLK | 0600, 4095, 1048575), 0);
	st = px_get("b");
	CHECK_EQ(st.mode, S_IFBLK | 0600);
	CHECK_EQ(st.major, 4095);
	CHECK_EQ(st.minor, 1048575);
}

static void
fifos_and_sockets_are_nodes(void)
{
	CHECK_EQ(px->mknod("p", S_IFIFO | 0644, 0, 0), 0);
	CHECK_EQ(px_get("p").mode, S_IFIFO | 0644);
	CHECK_EQ(px->mknod("s", S_IFSOCK | 0600, 0, 0), 0);
	CHECK_EQ(px_get("s").mode, S_IFSOCK | 0600);
	CHECK_EQ(px->mknod("f", S_IFREG | 0640, 0, 0), 0);
	CHECK_EQ(px_get("f").mode, S_IFREG | 0640);
	CHECK_EQ(px->link("p", "q"), 0);
	CHECK_EQ(px->unlink("p"), 0);
	CHECK_EQ(px_get("q").nlink, 1);
}

static void
unlinked_but_open_lives_on(void)
{
	struct px_stat st;
	char got[8] = "";
	int fd;

	fd = px->open("f", O_CREAT | O_RDWR, 0644);
	CHECK(fd >= 0);
	CHECK_EQ(px->write(fd, "abc", 3, 0), 3);
	CHECK_EQ(px->unlink("f"), 0);
	CHECK_EQ(px->fstat(fd, &st), 0);
	CHECK_EQ(st.nlink, 0);
	CHECK_EQ(px->read(fd, got, 8, 0), 3);
	CHECK_EQ(px->write(fd, "def", 3, 3), 3);
	CHECK_EQ(px->ftruncate(fd, 5), 0);
	CHECK_EQ(px->read(fd, got, 8, 0), 5);
	CHECK(!memcmp(got, "abcde", 5));
	px_put("f", "new");
	CHECK(px_get("f").ino != st.ino);
	CHECK_EQ(px->close(fd), 0);
	px_is("f", "new");
}

static void
removed_but_open_directory_takes_no_names(void)
{
	struct px_entry e;
	int dir;

	CHECK_EQ(px->mkdir("d", 0755), 0);
	dir = px->opendir("d");
	CHECK(dir >= 0);
	CHECK_EQ(px->rmdir("d"), 0);
	CHECK_EQ(px->mkdir("d/e", 0755), -ENOENT);
	while (px->readdir(dir, &e) == 1)
		CHECK(e.name[0] == '.');
	CHECK_EQ(px->closedir(dir), 0);
}

static void
create_with_excl_makes_or_fails(void)
{
	int fd;

	px_put("f", "text");
	CHECK_EQ(px->open("f", O_CREAT | O_EXCL | O_RDWR, 0600), -EEXIST);
	CHECK_EQ(px->symlink("nowhere", "l"), 0);
	CHECK_EQ(px->open("l", O_CREAT | O_EXCL | O_RDWR, 0600), -EEXIST);
	fd = px->open("f", O_CREAT | O_RDWR, 0600);
	CHECK(fd >= 0);
	CHECK_EQ(px->close(fd), 0);
	px_is("f", "text");
	CHECK_EQ(px_get("f").mode & 07777, 0644);
}

static void
umask_takes_from_new_modes(void)
{
	px->umask(027);
	px_make("f", 0666);
	CHECK_EQ(px->mkdir("d", 0777), 0);
	CHECK_EQ(px->mknod("p", S_IFIFO | 0666, 0, 0), 0);
	px->umask(0);
	CHECK_EQ(px_get("f").mode & 07777, 0640);
	CHECK_EQ(px_get("d").mode & 07777, 0750);
	CHECK_EQ(px_get("p").mode & 07777, 0640);
	CHECK_EQ(px->chmod("f", 0666), 0);
	CHECK_EQ(px_get("f").mode & 07777, 0666);
}

static void
sticky_directories_guard_others_files(void)
{
	CHECK_EQ(px->mkdir("d", 0777), 0);
	CHECK_EQ(px->chmod("d", 01777), 0);
	px->who(1001, 1001);
	px_make("d/mine", 0666);
	CHECK_EQ(px->mkdir("d/dir", 0777), 0);
	px->who(1002, 1002);
	px_make("d/yours", 0666);
	CHECK_EQ(px->unlink("d/mine"), -EPERM);
	CHECK_EQ(px->rmdir("d/dir"), -EPERM);
	CHECK_EQ(px->rename("d/mine", "d/taken", 0), -EPERM);
	CHECK_EQ(px->rename("d/yours", "d/mine", 0), -EPERM);
	CHECK_EQ(px->unlink("d/yours"), 0);
	px->who(0, 0);
	CHECK_EQ(px->unlink("d/mine"), 0);
	px->who(1001, 1001);
	CHECK_EQ(px->rmdir("d/dir"), 0);
	px->who(0, 0);
}

static void
setgid_directories_pass_on_their_group(void)
{
	CHECK_EQ(px->mkdir("d", 0777), 0);
	CHECK_EQ(px->chown("d", 0, 77), 0);
	CHECK_EQ(px->chmod("d", 02777), 0);
	px->who(1001, 1001);
	px_make("d/f", 0644);
	CHECK_EQ(px->mkdir("d/e", 0755), 0);
	CHECK_EQ(px->symlink("x", "d/l"), 0);
	px->who(0, 0);
	CHECK_EQ(px_get("d/f").gid, 77);
	CHECK_EQ(px_get("d/f").uid, 1001);
	CHECK_EQ(px_get("d/f").mode & 07777, 0644);
	CHECK_EQ(px_get("d/e").gid, 77);
	CHECK_EQ(px_get("d/e").mode & 07777, 02755);
	CHECK_EQ(px_get("d/l").gid, 77);
}

static const struct px_rule rule[] = {
	{ "mkdir_counts_links", mkdir_counts_links, 0, false },
	{ "mkdir_over_anything_is_eexist", mkdir_over_anything_is_eexist, 0,
	  false },
	{ "a_path_through_a_file_is_enotdir", a_path_through_a_file_is_enotdir,
	  0, false },
	{ "a_path_through_nothing_is_enoent", a_path_through_nothing_is_enoent,
	  0, false },
	{ "rmdir_wants_an_empty_directory", rmdir_wants_an_empty_directory, 0,
	  false },
	{ "names_have_255_bytes", names_have_255_bytes, 0, false },
	{ "hard_links_are_one_file", hard_links_are_one_file, 0, false },
	{ "link_takes_no_directory", link_takes_no_directory, 0, false },
	{ "link_to_a_symlink_links_the_symlink",
	  link_to_a_symlink_links_the_symlink, 0, false },
	{ "too_many_links_is_emlink", too_many_links_is_emlink, 0, false },
	{ "symlinks_keep_their_target", symlinks_keep_their_target, 0, false },
	{ "devices_keep_their_number", devices_keep_their_number, 0, false },
	{ "fifos_and_sockets_are_nodes", fifos_and_sockets_are_nodes, 0,
	  false },
	{ "unlinked_but_open_lives_on", unlinked_but_open_lives_on, 0, false },
	{ "removed_but_open_directory_takes_no_names",
	  removed_but_open_directory_takes_no_names, 0, false },
	{ "create_with_excl_makes_or_fails", create_with_excl_makes_or_fails, 0,
	  false },
	{ "umask_takes_from_new_modes", umask_takes_from_new_modes, 0, false },
	{ "sticky_directories_guard_others_files",
	  sticky_directories_guard_others_files, "mode=0777,sticky", false },
	{ "setgid_directories_pass_on_their_group",
	  setgid_directories_pass_on_their_group, 0, false },
};

void
px_name_rules(void)
{
	PX_RULES(rule);
}
