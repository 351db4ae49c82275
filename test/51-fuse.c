/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The FUSE front-end, served by this process to system calls of its own
 * threads and children.  The driver is vfs_mem with its table watched: lookups
 * are counted against forgets, and reads of a file called "hang" are kept until
 * they are cancelled.  Should the test die, a child of it takes the mount away.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "t.h"
#include "../front/fuse.h"

#include <errno.h>
#include <fcntl.h>
#include <msgport/driver.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#define NODES 4096
#define FILES 300

extern const struct mp_driver mp_driver_vfs_mem;

static struct {
	struct mp_vfs_ops ops;
	struct mp_vfs vfs;
	struct mp_port port;
	struct mp_fuse fuse;
	struct mp_port *notify;
	pthread_t server;
	char dir[4096];
	int guard[2];
	pid_t guardian;
	int code;  /* of run */
	int ready; /* what it was told; 1: nothing yet */
	int detached;
	uint64_t hang;		  /* node id */
	struct mp_vfs_read *held; /* atomic */
	int64_t looked[NODES];	  /* atomic, by the index in the id */
} w = { .ready = 1 };

static const struct mp_vfs_ops *real;

static void
count(uint64_t id, int64_t n)
{
	if (id > MP_VFS_ROOT)
		__atomic_add_fetch(&w.looked[(uint32_t)id % NODES], n,
				   __ATOMIC_SEQ_CST);
}

#define LOOKS(name, type)                                 \
	static int watch_##name(void *fs, struct type *m) \
	{                                                 \
		int code = real->name(fs, m);             \
		if (code == 0)                            \
			count(m->out.entry.id, 1);        \
		return code;                              \
	}

LOOKS(mknod, mp_vfs_mknod)
LOOKS(mkdir, mp_vfs_mkdir)
LOOKS(symlink, mp_vfs_symlink)
LOOKS(link, mp_vfs_link)

static int
watch_create(void *fs, struct mp_vfs_create *m)
{
	int code = real->create(fs, m);

	if (code == 0)
		count(m->out.entry.id, 1);
	if (code == 0 && strcmp(m->in.name, "hang") == 0)
		w.hang = m->out.entry.id;
	return code;
}

static int
watch_lookup(void *fs, struct mp_vfs_lookup *m)
{
	int code = real->lookup(fs, m);

	if (code == 0)
		count(m->out.entry.id, 1);
	return code;
}

static int
watch_readdirplus(void *fs, struct mp_vfs_readdir *m)
{
	int code = real->readdirplus(fs, m);
	struct mp_vfs_record r;
	uint32_t at = 0;

	while (code == 0 && mp_vfs_dirent_get(m, &at, &r) > 0)
		count(r.entry.id, 1);
	return code;
}

static int
watch_forget(void *fs, struct mp_vfs_forget *m)
{
	for (uint32_t i = 0; i < m->in.items; i++)
		count(m->in.item[i].id, -(int64_t)m->in.item[i].count);
	return real->forget(fs, m);
}

/* Only a read past the kernel's cache can be interrupted. */
static int
watch_open(void *fs, struct mp_vfs_open *m)
{
	int code = real->open(fs, m);

	if (w.hang != 0 && m->in.node == w.hang)
		m->out.flags |= MP_VFS_OPEN_DIRECT_IO;
	return code;
}

static int
watch_read(void *fs, struct mp_vfs_read *m)
{
	if (w.hang == 0 || m->in.node != w.hang)
		return real->read(fs, m);
	mp_msg_take(&m->msg);
	__atomic_store_n(&w.held, m, __ATOMIC_RELEASE);
	return EASYNC;
}

static int
watch_attach(void *fs, struct mp_vfs_attach *m)
{
	w.notify = m->notify.port;
	return real->attach(fs, m);
}

static int
watch_detach(void *fs, struct mp_vfs_detach *m)
{
	w.detached++;
	return real->detach(fs, m);
}

static void
sleep_ms(int ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000l };

	nanosleep(&t, NULL);
}

/* By whoever has the time: ends a held read that was cancelled. */
static bool
end_cancelled(void)
{
	struct mp_vfs_read *m = __atomic_load_n(&w.held, __ATOMIC_ACQUIRE);

	if (m == NULL || !mp_msg_cancelled(&m->msg))
		return false;
	w.held = NULL;
	mp_vfs_reply(&m->msg, -ECANCELED);
	return true;
}

static void
await_cancelled(void)
{
	while (!end_cancelled())
		sleep_ms(1);
}

static void
await_held(void)
{
	while (__atomic_load_n(&w.held, __ATOMIC_ACQUIRE) == NULL)
		sleep_ms(1);
}

static void
ready(void *arg, int error)
{
	(void)arg;
	__atomic_store_n(&w.ready, error, __ATOMIC_RELEASE);
}

static void *
serve(void *arg)
{
	w.code = mp_fuse_run(&w.fuse);
	return arg;
}

static void
guard(void)
{
	char byte;

	CHECK_EQ(pipe2(w.guard, O_CLOEXEC), 0);
	w.guardian = fork();
	CHECK(w.guardian >= 0);
	if (w.guardian != 0)
		return;
	setsid();
	close(w.guard[1]);
	(void)!read(w.guard[0], &byte, 1);
	umount2(w.dir, MNT_DETACH);
	rmdir(w.dir);
	_exit(0);
}

static void
begin_with(const struct mp_vfs_ops *ops, struct mp_fuse_conf conf)
{
	struct mp_option_value value[MP_OPTIONS_MAX];
	const char *build = getenv("B");
	char error[256];

	if (access("/dev/fuse", R_OK | W_OK) != 0 || geteuid() != 0)
		SKIP("needs /dev/fuse and root");
	signal(SIGPIPE, SIG_IGN);
	(void)snprintf(w.dir, sizeof(w.dir), "%s/fuse.XXXXXX",
		       build != NULL ? build : "build");
	CHECK(mkdtemp(w.dir) != NULL);
	guard();
	real = mp_driver_vfs_mem.vfs;
	CHECK_EQ(mp_driver_options(&mp_driver_vfs_mem, NULL, value, error,
				   sizeof(error)),
		 0);
	CHECK_EQ(mp_driver_vfs_mem.open(value, &w.vfs.fs, error, sizeof(error)),
		 0);
	w.vfs.ops = ops;
	mp_port_init_call(&w.port, mp_vfs_handle, &w.vfs);
	w.port.flags |= MP_PORT_MAY_BLOCK;
	conf.ready = ready;
	CHECK_EQ(mp_fuse_open(&w.fuse, &w.port, w.dir, &conf), 0);
	CHECK_EQ(pthread_create(&w.server, NULL, serve, NULL), 0);
	while (__atomic_load_n(&w.ready, __ATOMIC_ACQUIRE) == 1)
		sleep_ms(1);
}

static void
begin(void)
{
	w.ops = *mp_driver_vfs_mem.vfs;
	w.ops.lookup = watch_lookup;
	w.ops.forget = watch_forget;
	w.ops.mknod = watch_mknod;
	w.ops.mkdir = watch_mkdir;
	w.ops.symlink = watch_symlink;
	w.ops.link = watch_link;
	w.ops.create = watch_create;
	w.ops.readdirplus = watch_readdirplus;
	w.ops.open = watch_open;
	w.ops.read = watch_read;
	w.ops.attach = watch_attach;
	w.ops.detach = watch_detach;
	begin_with(&w.ops, (struct mp_fuse_conf){ 0 });
	CHECK_EQ(w.ready, 0);
}

/* The server has ended, or is about to. */
static void
finish(void)
{
	pthread_join(w.server, NULL);
	mp_fuse_close(&w.fuse);
	mp_port_fini(&w.port);
	mp_driver_vfs_mem.close(w.vfs.fs);
	close(w.guard[0]);
	close(w.guard[1]);
	CHECK_EQ(waitpid(w.guardian, NULL, 0), w.guardian);
	CHECK_EQ(access(w.dir, F_OK), -1);
}

static void
end(void)
{
	mp_fuse_stop(&w.fuse);
	finish();
	CHECK_EQ(w.code, 0);
	CHECK_EQ(w.detached, 1);
}

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

static void
all_forgotten(void)
{
	for (int i = 0; i < NODES; i++)
		for (int ms = 0; w.looked[i] != 0; ms++) {
			CHECK(w.looked[i] > 0 && ms < 5000);
			sleep_ms(1);
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
		await_held();
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
	begin();
	CHECK_EQ(run("for i in $(seq 300); do : >f$i; done; mkdir d;"
		     "ln f1 d/l; ln -s f1 s; mkfifo p; mv f2 d/; ls -lR >ls;"
		     "stat none 2>ls; cat f3 f4 d/l; find . >ls"),
		 0);
	CHECK_EQ(run("rm -r f* d s p ls"), 0);
	all_forgotten();
	end();
}

TEST(stale_names_are_forgotten)
{
	struct mp_vfs_inval_entry m;
	char name[16];

	begin();
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
	end();
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

	begin();
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
	end();
}

TEST(an_interrupt_cancels_the_message)
{
	struct sigaction sa = { .sa_handler = handler };
	pid_t pid;

	begin();
	put("hang", "text");
	CHECK_EQ(sigaction(SIGUSR1, &sa, NULL), 0);
	pid = hang_in_child(EINTR);
	sleep_ms(20);
	CHECK(w.held != NULL && !mp_msg_cancelled(&w.held->msg));
	kill(pid, SIGUSR1);
	await_cancelled();
	CHECK_EQ(child_status(pid), 0);
	end();
}

TEST(a_killed_reader_leaves_nothing)
{
	pid_t pid;

	begin();
	put("hang", "text");
	pid = hang_in_child(EINTR);
	kill(pid, SIGKILL);
	await_cancelled();
	CHECK_EQ(child_status(pid), SIGKILL);
	CHECK_EQ(run("rm hang"), 0);
	all_forgotten();
	end();
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

	begin();
	put("hang", "text");
	pid = hang_in_child(EINTR);
	CHECK_EQ(pthread_create(&stopper, NULL, stop, NULL), 0);
	await_cancelled();
	CHECK_EQ(child_status(pid), 0);
	pthread_join(stopper, NULL);
	finish();
	CHECK_EQ(w.code, 0);
	CHECK_EQ(w.detached, 1);
}

TEST(a_forced_unmount_cancels_what_is_in_flight)
{
	pid_t pid;

	begin();
	put("hang", "text");
	pid = hang_in_child(ECONNABORTED);
	(void)umount2(w.dir, MNT_FORCE);
	await_cancelled();
	CHECK_EQ(child_status(pid), 0);
	end();
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
	begin_with(&ops, (struct mp_fuse_conf){ 0 });
	CHECK_EQ(w.ready, -EACCES);
	CHECK_EQ(access(at("x"), F_OK), -1);
	finish();
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
	begin_with(&ops, (struct mp_fuse_conf){ .flags = MP_FUSE_CLONE_FD |
							 MP_FUSE_INTR,
						.threads_max = 2 });
	CHECK_EQ(w.ready, 0);
	CHECK_EQ(run("echo text >f && cp f g && cmp f g && sync f &&"
		     "mkdir d && mv f d/ && [ $(cat d/f) = text ] &&"
		     "[ $(ls | wc -l) = 2 ] && [ $(stat -f -c %l .) = 255 ]"),
		 0);
	mp_fuse_stop(&w.fuse);
	finish();
	CHECK_EQ(w.code, 0);
}
