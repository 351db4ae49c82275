/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A driver that tries to get out: whoever looks a name up says what it is to
 * try, "fork" or "ptrace.PID", and is answered with the error, or with EXDEV
 * if it worked.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <msgport/driver.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static int
answer(long result)
{
	return result < 0 ? -errno : -EXDEV;
}

static int
try_open(pid_t pid)
{
	(void)pid;
	return answer(open("/proc/self/status", O_RDONLY | O_CLOEXEC));
}

static int
try_create(pid_t pid)
{
	(void)pid;
	return answer(open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
}

static int
try_memory(pid_t pid)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
	return answer(open(path, O_RDWR | O_CLOEXEC));
}

static int
try_socket(pid_t pid)
{
	(void)pid;
	return answer(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

/* Its own listener is the only socket that it can find. */
static int
try_connect(pid_t pid)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	(void)pid;
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	to.sin_port = htons(9);
	return answer(
		connect(fd >= 0 ? fd : 6, (struct sockaddr *)&to, sizeof(to)));
}

static int
try_signal(pid_t pid)
{
	return answer(kill(pid, 0));
}

static int
try_fork(pid_t pid)
{
	int child = fork();

	(void)pid;
	if (child == 0)
		_exit(0);
	return answer(child > 0 ? waitpid(child, NULL, 0) : child);
}

static int
try_exec(pid_t pid)
{
	char *const none[] = { NULL };

	(void)pid;
	return answer(
		execve("/nowhere", none, none) < 0 && errno == ENOENT ? 0 : -1);
}

/* Who is traced cannot end before his tracer has let him go. */
static int
try_ptrace(pid_t pid)
{
	if (ptrace(PTRACE_SEIZE, pid, NULL, NULL) != 0 ||
	    ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) != 0 ||
	    waitpid(pid, NULL, __WALL) != pid)
		return answer(-1);
	return answer(ptrace(PTRACE_DETACH, pid, NULL, NULL));
}

/* From where this process has something, for want of a better address. */
static int
try_peek(pid_t pid)
{
	char byte;
	struct iovec here = { &byte, 1 }, there = { (void *)&answer, 1 };
	long n = process_vm_readv(pid, &here, 1, &there, 1, 0);

	return answer(n < 0 && errno == EFAULT ? 0 : n);
}

static int
try_code(pid_t pid)
{
	(void)pid;
	return answer(mmap(NULL, 4096, PROT_READ | PROT_EXEC,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ?
			      -1 :
			      0);
}

static int
try_uring(pid_t pid)
{
	char zero[120] = { 0 };
	long fd = syscall(SYS_io_uring_setup, 1, zero);

	(void)pid;
	return answer(fd < 0 && (errno == ENOSYS || errno == EPERM) ? 0 : fd);
}

static int
try_limit(pid_t pid)
{
	struct rlimit r = { 1, 1 };

	(void)pid;
	return answer(setrlimit(RLIMIT_CORE, &r));
}

static const struct {
	const char *name;
	int (*run)(pid_t pid);
} attempt[] = {
	{ "open", try_open },	    { "create", try_create },
	{ "memory", try_memory },   { "socket", try_socket },
	{ "connect", try_connect }, { "signal", try_signal },
	{ "fork", try_fork },	    { "exec", try_exec },
	{ "ptrace", try_ptrace },   { "peek", try_peek },
	{ "code", try_code },	    { "uring", try_uring },
	{ "limit", try_limit },
};

static int
try_lookup(void *fs, struct mp_vfs_lookup *m)
{
	size_t len = strcspn(m->in.name, ".");
	pid_t pid = 0;

	(void)fs;
	if (m->in.name[len] == '.')
		pid = atoi(m->in.name + len + 1);
	for (size_t i = 0; i < sizeof(attempt) / sizeof(attempt[0]); i++)
		if (strlen(attempt[i].name) == len &&
		    memcmp(attempt[i].name, m->in.name, len) == 0)
			return attempt[i].run(pid);
	return -ENOENT;
}

static int
try_getattr(void *fs, struct mp_vfs_getattr *m)
{
	(void)fs;
	m->out.attr = (struct mp_vfs_attr){ .ino = m->in.node,
					    .mode = MP_S_IFDIR | 0755,
					    .nlink = 1,
					    .blksize = 512 };
	m->out.attr_valid_ns = 0;
	return m->in.node == MP_VFS_ROOT ? 0 : -ESTALE;
}

static void *
wait_for_ever(void *arg)
{
	(void)pause();
	return arg;
}

static int
try_begin(const struct mp_option_value *v, void **fs, char *error, size_t n)
{
	pthread_t thread;

	*fs = NULL;
	if (v[0].given)
		return -pthread_create(&thread, NULL, wait_for_ever, NULL);
	if (!v[1].given)
		return 0;
	(void)snprintf(error, n, "as it was told");
	return -EIO;
}

static void
try_end(void *fs)
{
	(void)fs;
}

static const struct mp_vfs_ops ops = {
	.lookup = try_lookup,
	.getattr = try_getattr,
};

static const struct mp_option option[] = {
	{ .name = "thread", .help = "have one", .kind = MP_OPTION_BOOL },
	{ .name = "fail", .help = "do not begin", .kind = MP_OPTION_BOOL },
};

MP_DRIVER(vfs_try) = {
	MP_DRIVER_STAMP,
	.name = "vfs_try",
	.summary = "tries what it may not",
	.option = option,
	.options = 2,
	.open = try_begin,
	.close = try_end,
	.iface = &mp_vfs_iface,
	.vfs = &ops,
};
