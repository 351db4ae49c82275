/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The FUSE front-end, served by this process to system calls of its own
 * threads and children.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "t.h"
#include "watch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define FILES 300

static const char *
at(const char *name)
{
	static char path[2][8192];
	static int turn;

	turn = !turn;
	(void)snprintf(path[turn], sizeof(path[turn]), "%s/%s", w.dir, name);
	return path[turn];
}

static void
put(const char *name, const char *text)
{
	int fd = open(at(name), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0644);

	CHECK(fd >= 0);
	CHECK_EQ(write(fd, text, strlen(text)), strlen(text));
	CHECK_EQ(close(fd), 0);
}

static int
run(const char *command)
{
	char line[8192];

	(void)snprintf(line, sizeof(line), "cd %s && (%s)", w.dir, command);
	return system(line);
}

static int64_t
looked(int i)
{
	return __atomic_load_n(&w.looked[i], __ATOMIC_SEQ_CST);
}

static void
all_forgotten(void)
{
	for (int i = 0; i < NODES; i++)
		for (int ms = 0; looked(i) != 0; ms++) {
			CHECK(looked(i) > 0 && ms < 5000);
			watch_sleep_ms(1);
		}
}

/* Whoever reads "hang" gets this errno, in a child. */
static pid_t
hang_in_child(int error)
{
	struct sigaction sa = { .sa_handler = SIG_DFL };
	sigset_t all;
	pid_t pid = fork();
	char byte;
	int fd;

	CHECK(pid >= 0);
	if (pid != 0) {
		watch_await_held();
		return pid;
	}
	sigfillset(&all);
	sigdelset(&all, SIGKILL);
	sigprocmask(SIG_UNBLOCK, &all, NULL);
	sigaction(SIGTERM, &sa, NULL);
	fd = open(at("hang"), O_RDONLY);
	_exit(fd >= 0 && read(fd, &byte, 1) < 0 && errno == error ? 0 : 1);
}

static void
handler(int sig)
{
	(void)sig;
}

static void *
cancelled(void *arg)
{
	(void)pause();
	return arg;
}

static int
child_status(pid_t pid)
{
	int status;

	CHECK_EQ(waitpid(pid, &status, 0), pid);
	return status;
}

/* The first thread that is cancelled loads what cancels, and keeps it. */
void
t_setup(void)
{
	pthread_t first;

	if (pthread_create(&first, NULL, cancelled, NULL) != 0)
		abort();
	pthread_cancel(first);
	pthread_join(first, NULL);
}

TEST(lookups_are_forgotten_exactly)
{
	watch_begin();
	CHECK_EQ(run("for i in $(seq 300); do : >f$i; done; mkdir d;"
		     "ln f1 d/l; ln -s f1 s; mkfifo p; mv f2 d/; ls -lR >ls;"
		     "stat none 2>ls; cat f3 f4 d/l; find . >ls"),
		 0);
	CHECK_EQ(run("rm -r f* d s p ls"), 0);
	all_forgotten();
	watch_end();
}

TEST(stale_names_are_forgotten)
{
	struct mp_vfs_inval_entry m;
	char name[16];

	watch_begin();
	CHECK_EQ(run("for i in $(seq 0 299); do : >f$i; done"), 0);
	for (int i = 0; i < FILES; i++) {
		memset(&m, 0, sizeof(m));
		m.msg.op = MP_VFS_INVAL_ENTRY;
		m.in.parent = MP_VFS_ROOT;
		m.in.name_len =
			(uint32_t)snprintf(name, sizeof(name), "f%d", i);
		strcpy(m.in.name, name);
		CHECK_EQ(mp_call(w.notify, &m.msg), 0);
	}
	all_forgotten();
	CHECK_EQ(run("[ $(ls | wc -l) = 300 ]"), 0);
	watch_end();
}

/* Opened behind the kernel's back; it goes when the front-end detaches. */
static uint64_t
own_handle(uint64_t node)
{
	struct mp_vfs_open m = { .msg = MP_MSG(MP_VFS_OPEN),
				 .in = { .node = node, .flags = MP_O_RDWR } };

	CHECK_EQ(mp_call(&w.port, &m.msg), 0);
	return m.out.fh;
}

TEST(stale_data_is_read_again)
{
	struct mp_vfs_inval_inode m;
	struct mp_vfs_write change;
	struct stat st;
	char *map;
	int fd;

	watch_begin();
	put("f", "old text");
	fd = open(at("f"), O_RDWR | O_CLOEXEC);
	CHECK(fd >= 0 && fstat(fd, &st) == 0 && fsync(fd) == 0);
	map = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	CHECK(map != MAP_FAILED && memcmp(map, "old text", 8) == 0);
	memset(&change, 0, sizeof(change));
	change.msg.op = MP_VFS_WRITE;
	change.in.node = st.st_ino;
	change.buf = (struct mp_buf){ (char[]){ "new" }, 3, MP_BUF_IN, 0 };
	change.in.fh = own_handle(st.st_ino);
	CHECK_EQ(mp_call(&w.port, &change.msg), 0);
	CHECK_EQ(memcmp(map, "old text", 8), 0);
	memset(&m, 0, sizeof(m));
	m.msg.op = MP_VFS_INVAL_INODE;
	m.in.node = st.st_ino;
	m.in.length = UINT64_MAX;
	CHECK_EQ(mp_call(w.notify, &m.msg), 0);
	CHECK_EQ(memcmp(map, "new text", 8), 0);
	munmap(map, 4096);
	close(fd);
	m.in.node = 0;
	CHECK_EQ(mp_call(w.notify, &m.msg), -EINVAL);
	m.in.node = 123456789;
	CHECK_EQ(mp_call(w.notify, &m.msg), 0);
	watch_end();
}

TEST(an_interrupt_cancels_the_message)
{
	struct sigaction sa = { .sa_handler = handler };
	pid_t pid;

	watch_begin();
	put("hang", "text");
	CHECK_EQ(sigaction(SIGUSR1, &sa, NULL), 0);
	pid = hang_in_child(EINTR);
	watch_sleep_ms(20);
	CHECK(w.held != NULL && !mp_msg_cancelled(&w.held->msg));
	kill(pid, SIGUSR1);
	watch_await_cancelled();
	CHECK_EQ(child_status(pid), 0);
	watch_end();
}

TEST(a_killed_reader_leaves_nothing)
{
	pid_t pid;

	watch_begin();
	put("hang", "text");
	pid = hang_in_child(EINTR);
	kill(pid, SIGKILL);
	watch_await_cancelled();
	CHECK_EQ(child_status(pid), SIGKILL);
	CHECK_EQ(run("rm hang"), 0);
	all_forgotten();
	watch_end();
}

static void *
stop(void *arg)
{
	mp_fuse_stop(&w.fuse);
	return arg;
}

TEST(it_stops_with_requests_in_flight)
{
	pthread_t stopper;
	pid_t pid;

	watch_begin();
	put("hang", "text");
	pid = hang_in_child(EINTR);
	CHECK_EQ(pthread_create(&stopper, NULL, stop, NULL), 0);
	watch_await_cancelled();
	CHECK_EQ(child_status(pid), 0);
	pthread_join(stopper, NULL);
	watch_finish();
	CHECK_EQ(w.code, 0);
	CHECK_EQ(w.detached, 1);
}

TEST(a_forced_unmount_cancels_what_is_in_flight)
{
	pid_t pid;

	watch_begin();
	put("hang", "text");
	pid = hang_in_child(ECONNABORTED);
	(void)umount2(w.dir, MNT_FORCE);
	watch_await_cancelled();
	CHECK_EQ(child_status(pid), 0);
	watch_end();
}

static int
refuse_attach(void *fs, struct mp_vfs_attach *m)
{
	(void)fs;
	(void)m;
	return -EACCES;
}

TEST(a_refused_attach_ends_the_mount)
{
	struct mp_vfs_ops ops = *mp_driver_vfs_mem.vfs;

	ops.attach = refuse_attach;
	watch_begin_with(&ops, (struct mp_fuse_conf){ 0 });
	CHECK_EQ(w.ready, -EACCES);
	CHECK_EQ(access(at("x"), F_OK), -1);
	watch_finish();
	CHECK_EQ(w.code, -EACCES);
}

TEST(a_driver_without_attach_and_much_else_is_served)
{
	struct mp_vfs_ops ops = *mp_driver_vfs_mem.vfs;

	ops.attach = NULL;
	ops.detach = NULL;
	ops.readdirplus = NULL;
	ops.statfs = NULL;
	ops.flush = NULL;
	ops.fsync = NULL;
	ops.getxattr = NULL;
	ops.setxattr = NULL;
	ops.fallocate = NULL;
	ops.lseek = NULL;
	ops.copy_file_range = NULL;
	watch_begin_with(&ops, (struct mp_fuse_conf){
				       .flags = MP_FUSE_CLONE_FD | MP_FUSE_INTR,
				       .threads_max = 2 });
	CHECK_EQ(w.ready, 0);
	CHECK_EQ(run("echo text >f && cp f g && cmp f g && sync f &&"
		     "mkdir d && mv f d/ && [ $(cat d/f) = text ] &&"
		     "[ $(ls | wc -l) = 2 ] && [ $(stat -f -c %l .) = 255 ]"),
		 0);
	mp_fuse_stop(&w.fuse);
	watch_finish();
	CHECK_EQ(w.code, 0);
}
