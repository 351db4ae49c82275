/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * vfs_mem through the mount of the FUSE front-end, beside the same driver
 * called from a bare libfuse loop: instructions of the server for each
 * operation of the client, counted by callgrind; times, without it, beside.
 *
 * The client is this program, the server this program again, under valgrind or
 * not, with one thread that serves.  Files are opened for direct I/O and
 * attributes asked past the cache, so that each call is one request.  On
 * SIGUSR2 a server dumps its counts and starts anew; it says each time through
 * a pipe that it has done so.  As in bench/count the plain memcpy is used.
 */
#define _GNU_SOURCE
#include "fuse.h"
#include "bench.h"

#include "../front/fuse.h"

#include <msgport/driver.h>
#include <valgrind/callgrind.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SMALL = 4096, LARGE = 128 * 1024, FILE_SIZE = 1 << 20 };
/* A dump may lack the end of a request: one part in OPS. */
enum { OPS = 800, TIMED = 100 };

#define TUNABLES                                                 \
	"glibc.cpu.hwcaps=-AVX_Fast_Unaligned_Load,-ERMS,-FSRM," \
	"-AVX2,-AVX512F,-AVX512VL,-AVX512BW"

extern const struct mp_driver mp_driver_vfs_mem;

/* In place of the C library's: the driver's hash is the same each time. */
ssize_t
getrandom(void *to, size_t size, unsigned flags)
{
	(void)flags;
	memset(to, 'r', size);
	return (ssize_t)size;
}

/* ---- the server */

static int done_fd;

static void
tell(void *arg, int error)
{
	(void)arg;
	bench_need(error == 0 && write(done_fd, "", 1) == 1, "no server");
}

static void
dump(int sig)
{
	(void)sig;
	CALLGRIND_DUMP_STATS;
	bench_need(write(done_fd, "", 1) == 1, "no client");
}

static int
port_serve(struct mp_vfs *vfs, const char *dir)
{
	struct mp_fuse_conf conf = { .threads_max = 1, .ready = tell };
	struct mp_port port;
	struct mp_fuse f;
	int code;

	mp_port_init_call(&port, mp_vfs_handle, vfs);
	port.flags |= MP_PORT_MAY_BLOCK;
	code = mp_fuse_open(&f, &port, dir, &conf);
	if (code == 0) {
		code = mp_fuse_run(&f);
		mp_fuse_close(&f);
	}
	mp_port_fini(&port);
	return code;
}

static int
serve(const char *kind, const char *dir)
{
	const struct mp_driver *d = &mp_driver_vfs_mem;
	struct mp_option_value value[MP_OPTIONS_MAX];
	struct mp_vfs vfs = { .ops = d->vfs };
	char error[256];
	int code;

	signal(SIGUSR2, dump);
	bench_need(mp_driver_options(d, "", value, error, sizeof error) == 0 &&
			   d->open(value, &vfs.fs, error, sizeof error) == 0,
		   "no driver");
	if (strcmp(kind, "bare") == 0)
		code = bare_serve(vfs.ops, vfs.fs, dir, tell);
	else
		code = port_serve(&vfs, dir);
	d->close(vfs.fs);
	return code != 0;
}

/* ---- the client */

struct server {
	const char *kind;
	char dir[64];
	char name[96];
	char out[64]; /* of callgrind, or empty */
	unsigned dumps;
	pid_t pid;
	int done; /* a byte from the server */
	int file;
};

static struct server server[2];
static struct server *now;
static _Alignas(SMALL) char buffer[LARGE];
static char work[] = "/tmp/msgport-bench-XXXXXX";

static void
await(const struct server *s)
{
	char byte;

	bench_need(read(s->done, &byte, 1) == 1, "the server is gone");
}

static void
exec_server(const struct server *s, int fd)
{
	char out[96];
	char number[16];

	snprintf(number, sizeof number, "%d", fd);
	if (s->out[0] == '\0') {
		execl("/proc/self/exe", "fuse", "serve", s->kind, s->dir,
		      number, NULL);
		_exit(1);
	}
	snprintf(out, sizeof out, "--callgrind-out-file=%s", s->out);
	setenv("GLIBC_TUNABLES", TUNABLES, 1);
	execlp("valgrind", "valgrind", "-q", "--tool=callgrind", out,
	       program_invocation_name, "serve", s->kind, s->dir, number, NULL);
	_exit(1);
}

static void
start(struct server *s, const char *kind, int counted)
{
	int end[2];

	*s = (struct server){ .kind = kind };
	snprintf(s->dir, sizeof s->dir, "%s/%s", work, kind);
	snprintf(s->name, sizeof s->name, "%s/name", s->dir);
	if (counted)
		snprintf(s->out, sizeof s->out, "%s/%s.out", work, kind);
	bench_need(mkdir(s->dir, 0700) == 0 && pipe2(end, O_CLOEXEC) == 0,
		   "mkdir");
	s->pid = fork();
	if (s->pid == 0) {
		fcntl(end[1], F_SETFD, 0);
		exec_server(s, end[1]);
	}
	close(end[1]);
	s->done = end[0];
	await(s);
	snprintf(buffer, sizeof buffer, "%s/file", s->dir);
	s->file = open(buffer, O_CREAT | O_RDWR | O_DIRECT | O_CLOEXEC, 0600);
	bench_need(s->file >= 0, "open");
	for (int i = 0; i < FILE_SIZE / LARGE; i++)
		bench_need(pwrite(s->file, buffer, LARGE, i * LARGE) == LARGE,
			   "pwrite");
}

static void
stop(struct server *s)
{
	close(s->file);
	bench_need(umount2(s->dir, MNT_DETACH) == 0, "umount");
	waitpid(s->pid, NULL, 0);
	close(s->done);
	rmdir(s->dir);
	s->dir[0] = '\0';
}

static off_t
place(uint64_t i, size_t size)
{
	return (off_t)(i % (FILE_SIZE / size) * size);
}

static void
getattr(uint64_t i)
{
	struct statx st;

	(void)i;
	bench_need(statx(now->file, "", AT_EMPTY_PATH | AT_STATX_FORCE_SYNC,
			 STATX_BASIC_STATS, &st) == 0,
		   "statx");
}

static void
create_unlink(uint64_t i)
{
	int fd = open(now->name, O_CREAT | O_EXCL | O_WRONLY, 0600);

	(void)i;
	bench_need(fd >= 0, "create");
	close(fd);
	bench_need(unlink(now->name) == 0, "unlink");
}

static void
read_small(uint64_t i)
{
	bench_need(pread(now->file, buffer, SMALL, place(i, SMALL)) == SMALL,
		   "pread");
}

static void
write_small(uint64_t i)
{
	bench_need(pwrite(now->file, buffer, SMALL, place(i, SMALL)) == SMALL,
		   "pwrite");
}

static void
read_large(uint64_t i)
{
	bench_need(pread(now->file, buffer, LARGE, place(i, LARGE)) == LARGE,
		   "pread");
}

static const struct op {
	const char *name;
	void (*run)(uint64_t i);
} op[] = {
	{ "getattr", getattr },	     { "create-unlink", create_unlink },
	{ "read-4k", read_small },   { "write-4k", write_small },
	{ "read-128k", read_large },
};

enum { KINDS = sizeof op / sizeof op[0] };

static const struct op *chosen;

/* One more request, so that what the server does late is done. */
static void
run(struct server *s, uint64_t n)
{
	now = s;
	for (uint64_t i = 0; i < n; i++)
		chosen->run(i);
	getattr(0);
}

/* The instructions since the last dump. */
static double
counted(struct server *s)
{
	unsigned long long total = 0;
	char line[256];
	FILE *f;

	kill(s->pid, SIGUSR2);
	await(s);
	snprintf(line, sizeof line, "%s.%u", s->out, ++s->dumps);
	f = fopen(line, "r");
	bench_need(f != NULL, "callgrind wrote nothing");
	while (fgets(line, sizeof line, f) != NULL)
		if (sscanf(line, "totals: %llu", &total) == 1)
			break;
	fclose(f);
	return (double)total;
}

/* What each of OPS more operations takes. */
static double
instructions(struct server *s)
{
	double once;

	run(s, OPS);
	(void)counted(s);
	run(s, OPS);
	once = counted(s);
	run(s, 2 * OPS);
	return (counted(s) - once) / OPS;
}

static uint64_t
timed(struct server *s, uint64_t n)
{
	uint64_t start_ns = bench_now();

	run(s, n);
	return bench_now() - start_ns;
}

static uint64_t
by_port(uint64_t n)
{
	return timed(&server[0], n);
}

static uint64_t
by_bare(uint64_t n)
{
	return timed(&server[1], n);
}

static void
both(int count)
{
	start(&server[0], "port", count);
	start(&server[1], "bare", count);
}

static void
neither(void)
{
	stop(&server[0]);
	stop(&server[1]);
}

static void
measure(void)
{
	char name[64];
	double mine;
	double limit;

	both(1);
	for (chosen = op; chosen < op + KINDS; chosen++) {
		mine = instructions(&server[0]);
		limit = instructions(&server[1]);
		snprintf(name, sizeof name, "fuse-%s-instructions",
			 chosen->name);
		printf("# %s: %.0f beside %.0f\n", name, mine, limit);
		bench_value(name, mine / limit);
	}
	neither();
	both(0);
	for (chosen = op; chosen < op + KINDS; chosen++) {
		snprintf(name, sizeof name, "fuse-%s-time", chosen->name);
		bench_beside(name, by_port, by_bare, TIMED);
	}
	neither();
}

/* Also when something failed: no mount stays behind. */
static void
clean(void)
{
	char command[64];

	for (int i = 0; i < 2; i++)
		if (server[i].dir[0] != '\0')
			umount2(server[i].dir, MNT_DETACH);
	snprintf(command, sizeof command, "rm -rf %s", work);
	(void)!system(command);
}

int
main(int argc, char **argv)
{
	if (argc == 5 && strcmp(argv[1], "serve") == 0) {
		done_fd = atoi(argv[4]);
		return serve(argv[2], argv[3]);
	}
	bench_need(mkdtemp(work) != NULL, "mkdtemp");
	atexit(clean);
	bench_pin(0);
	printf("# fuse: one thread serves, client and server on CPU 0\n");
	measure();
	return 0;
}
