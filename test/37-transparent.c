/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Transparency: one client, one driver, the same script, and on every way the
 * same trace, byte by byte.
 *
 * What a script looks like, and so what it tries, is recorded by its digest in
 * test/transparent.txt.  When the driver or the class changes what it
 * answers, look at why, then store the new ones:
 *
 *	RENEW=1 build/test/37-transparent scripts_are_as_recorded
 *
 * Every error of every operation is asked for at least 20 times a script.  Not
 * in the list, because one client cannot have them: ENFILE of open and create
 * wants 2^32 open files.  EMLINK has a script of its own.
 */
#define _GNU_SOURCE
#include "record.h"
#include "script.h"
#include "t.h"

#include <msgport/agent.h>
#include <msgport/driver.h>
#include <msgport/kit.h>
#include <msgport/parity.h>
#include <msgport/process.h>

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define NAME "transparent"
#define MESSAGES 12000u
#define AT_LEAST 20u
#define PARITY_SLOTS 4u
#define ARENA SCRIPT_IO_MAX /* bytes of the largest buffer */
#define DIGEST "test/transparent.txt"
#define OPS (MP_VFS_OP_END - MP_VFS_LOOKUP)

extern const struct mp_driver mp_driver_vfs_mem;

static const uint64_t seeds[] = { 7, 11 };
#define SEEDS (sizeof(seeds) / sizeof(seeds[0]))

/* ---- the driver's side */

static struct stage {
	struct mp_port port;
	struct mp_vfs vfs;
	struct mp_parity parity;
	void *slots;
	struct mp_export *export;
	uint64_t seed;
	uint64_t counted;
} stage;

/* By the direct way comes also what others refuse before it is here. */
static int
staged(struct mp_port *p, struct mp_msg *m)
{
	int code;

	if (mp_iface_check(&mp_vfs_iface, m) == 0) {
		stage.counted++;
		mp_clock_step(script_tick_ns(stage.seed, stage.counted));
		mp_mem_fail_at(script_fault(stage.seed, stage.counted));
	}
	code = mp_vfs_handle(p, m);
	mp_mem_fail_at(0);
	return code;
}

static void
stage_begin(const char *options, uint64_t seed)
{
	struct mp_option_value value[MP_OPTIONS_MAX];
	char error[256] = "";

	memset(&stage, 0, sizeof(stage));
	stage.seed = seed;
	mp_clock_step(0);
	mp_clock_step(1);
	CHECK_EQ(mp_driver_options(&mp_driver_vfs_mem, options, value, error,
				   sizeof(error)),
		 0);
	CHECK_EQ(mp_driver_vfs_mem.open(value, &stage.vfs.fs, error,
					sizeof(error)),
		 0);
	stage.vfs.ops = mp_driver_vfs_mem.vfs;
	mp_port_init_call(&stage.port, staged, &stage.vfs);
	stage.port.iface = &mp_vfs_iface;
	stage.port.flags = MP_PORT_MAY_BLOCK;
}

static void
stage_end(void)
{
	mp_port_fini(&stage.port);
	mp_driver_vfs_mem.close(stage.vfs.fs);
	CHECK_EQ(mp_mem_live(), 0);
}

/* ---- the ways to it */

struct play {
	const char *options;
	uint64_t seed;
	void (*script)(struct script *);
};

static struct mp_port *
direct_begin(const struct play *p)
{
	stage_begin(p->options, p->seed);
	return &stage.port;
}

static void
direct_end(void)
{
	stage_end();
}

static struct mp_port *
parity_begin(const struct play *p, uint32_t modes)
{
	struct mp_parity_conf conf = { .modes = modes, .slots = PARITY_SLOTS };

	stage_begin(p->options, p->seed);
	stage.slots = calloc(1, mp_parity_size(&mp_vfs_iface, PARITY_SLOTS));
	CHECK(stage.slots != NULL);
	conf.memory = stage.slots;
	CHECK_EQ(mp_parity_start(&stage.parity, &stage.port, &conf), 0);
	return &stage.port;
}

static struct mp_port *
copy_begin(const struct play *p)
{
	return parity_begin(p, MP_PARITY_COPY);
}

static struct mp_port *
spoilt_begin(const struct play *p)
{
	return parity_begin(p, MP_PARITY_ASYNC | MP_PARITY_COPY |
				       MP_PARITY_POISON);
}

static void
parity_end(void)
{
	mp_parity_stop(&stage.parity);
	free(stage.slots);
	stage_end();
}

static struct mp_port *link_port;

/* So narrow that each message has the slot and the bytes of the last one. */
static struct mp_port *
link_begin(const struct play *p)
{
	struct mp_link_conf conf = { .slots = 1, .arena_bytes = ARENA };

	stage_begin(p->options, p->seed);
	CHECK_EQ(mp_export_open(NAME, &stage.port, NULL, &stage.export), 0);
	CHECK_EQ(mp_link_open(NAME, &mp_vfs_iface, &conf, &link_port), 0);
	return link_port;
}

static void
link_end(void)
{
	mp_link_close(link_port);
	mp_export_close(stage.export);
	stage_end();
}

#ifndef __SANITIZE_THREAD__ /* it does not see what another process orders */

static int child, keep;

/* It serves until its end of the socket is closed. */
static void
child_main(const struct play *p, int fd)
{
	char c = 0;

	CHECK_EQ(prctl(PR_SET_PDEATHSIG, SIGKILL), 0);
	stage_begin(p->options, p->seed);
	CHECK_EQ(mp_export_open(NAME, &stage.port, NULL, &stage.export), 0);
	CHECK_EQ(write(fd, &c, 1), 1);
	CHECK_EQ(read(fd, &c, 1), 0);
	mp_export_close(stage.export);
	stage_end();
	_exit(0);
}

static struct mp_port *
process_begin(const struct play *p)
{
	int ends[2];
	char c;

	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	child = fork();
	CHECK(child >= 0);
	if (child == 0) {
		close(ends[0]);
		child_main(p, ends[1]);
	}
	close(ends[1]);
	keep = ends[0];
	CHECK_EQ(read(keep, &c, 1), 1);
	CHECK_EQ(mp_link_open(NAME, &mp_vfs_iface, NULL, &link_port), 0);
	return link_port;
}

static void
process_end(void)
{
	int status;

	mp_link_close(link_port);
	close(keep);
	CHECK_EQ(waitpid(child, &status, 0), child);
	CHECK_EQ(status, 0);
}

#endif

static const struct way {
	const char *name;
	struct mp_port *(*begin)(const struct play *);
	void (*end)(void);
} ways[] = {
	{ "direct", direct_begin, direct_end },
	{ "copied", copy_begin, parity_end },
	{ "spoilt", spoilt_begin, parity_end },
	{ "link", link_begin, link_end },
#ifndef __SANITIZE_THREAD__
	{ "process", process_begin, process_end },
#endif
};

/* ---- how often an operation ended how */

#define ERRORS_MAX 16
/* What may be wrong with a directory and a name in it, and so on. */
#define NAMES ENOENT, ENOTDIR, EINVAL, ENAMETOOLONG, ESTALE
#define ROOM ENOSPC, EDQUOT, ENOMEM
#define NODE EINVAL, ESTALE
#define DATA NODE, EISDIR
#define UPWARD ENOSYS, EINVAL

static const struct ends {
	uint32_t op;
	int error[ERRORS_MAX];
} ends[] = {
	{ MP_VFS_LOOKUP, { NAMES } },
	{ MP_VFS_FORGET, { EINVAL } },
	{ MP_VFS_GETATTR, { NODE } },
	{ MP_VFS_SETATTR, { DATA, EDQUOT, ENOMEM } },
	{ MP_VFS_READLINK, { NODE } },
	{ MP_VFS_MKNOD, { NAMES, ROOM, EEXIST, EPERM } },
	{ MP_VFS_MKDIR, { NAMES, ROOM, EEXIST } },
	{ MP_VFS_UNLINK, { NAMES, EISDIR, EPERM } },
	{ MP_VFS_RMDIR, { NAMES, ENOTEMPTY, EPERM } },
	{ MP_VFS_SYMLINK, { NAMES, ROOM, EEXIST } },
	{ MP_VFS_RENAME, { NAMES, ROOM, EEXIST, EISDIR, ENOTEMPTY, EPERM } },
	{ MP_VFS_LINK, { NAMES, ROOM, EEXIST, EPERM } },
	{ MP_VFS_OPEN, { DATA, ELOOP, ENXIO } },
	{ MP_VFS_READ, { DATA, EBADF, EOVERFLOW } },
	{ MP_VFS_WRITE, { DATA, ROOM, EBADF, EFBIG } },
	{ MP_VFS_FLUSH, { EINVAL } },
	{ MP_VFS_RELEASE, { NODE, EBADF } },
	{ MP_VFS_FSYNC, { EINVAL } },
	{ MP_VFS_OPENDIR, { DATA, ENOTDIR, ENOMEM } },
	{ MP_VFS_READDIR, { NODE, EBADF } },
	{ MP_VFS_READDIRPLUS, { NODE, EBADF } },
	{ MP_VFS_RELEASEDIR, { NODE, EBADF } },
	{ MP_VFS_FSYNCDIR, { EINVAL } },
	{ MP_VFS_STATFS, { EINVAL } },
	{ MP_VFS_SETXATTR,
	  { NODE, ROOM, EPERM, EACCES, EEXIST, ENODATA, ERANGE, E2BIG,
	    EOPNOTSUPP } },
	{ MP_VFS_GETXATTR, { NODE, ENODATA, ERANGE, EOPNOTSUPP } },
	{ MP_VFS_LISTXATTR, { NODE, ERANGE } },
	{ MP_VFS_REMOVEXATTR, { NODE, EPERM, ENODATA, ERANGE, EOPNOTSUPP } },
	{ MP_VFS_ACCESS, { NODE, EACCES } },
	{ MP_VFS_CREATE, { NAMES, ROOM, EEXIST, EISDIR, ELOOP, ENXIO } },
	{ MP_VFS_FALLOCATE, { DATA, ROOM, EBADF, EFBIG, ENODEV, EOPNOTSUPP } },
	{ MP_VFS_LSEEK, { DATA, ENXIO } },
	{ MP_VFS_COPY_FILE_RANGE, { DATA, ROOM, EBADF, EOVERFLOW } },
	{ MP_VFS_SYNCFS, { EINVAL } },
	{ MP_VFS_ATTACH, { EINVAL } },
	{ MP_VFS_DETACH, { EINVAL } },
	{ MP_VFS_INVAL_INODE, { UPWARD } },
	{ MP_VFS_INVAL_ENTRY, { UPWARD, ENOENT, ENAMETOOLONG } },
	{ MP_VFS_DELETE, { UPWARD, ENOENT, ENAMETOOLONG } },
	{ MP_VFS_OP_END, { ENOSYS } }, /* any that is unknown */
};

static uint32_t tally[OPS + 1][256];

static void
over(void *record, const struct mp_msg *m, int code)
{
	uint32_t op = m->op - MP_VFS_LOOKUP;

	CHECK(code <= 0 && code > -256);
	tally[op < OPS ? op : OPS][-code]++;
	record_add(record, m, code);
}

/* The first error, or 0, that was not yet there often enough; -1: none. */
static int
lacks(uint32_t op)
{
	const struct ends *e = &ends[op - MP_VFS_LOOKUP];
	const uint32_t *n = tally[op - MP_VFS_LOOKUP];

	if (e->error[0] != ENOSYS && n[0] < AT_LEAST)
		return 0;
	for (int i = 0; i < ERRORS_MAX && e->error[i] != 0; i++) {
		if (n[e->error[i]] < AT_LEAST)
			return e->error[i];
	}
	return -1;
}

static bool
wants(void *record, uint32_t op)
{
	(void)record;
	return lacks(op) >= 0;
}

static bool
is_listed(const struct ends *e, int error)
{
	for (int i = 0; i < ERRORS_MAX; i++) {
		if (e->error[i] == error)
			return true;
	}
	return error == 0;
}

/* What the list has is there, and what is there the list has. */
static void
check_tally(void)
{
	for (uint32_t op = MP_VFS_LOOKUP; op <= MP_VFS_OP_END; op++) {
		CHECK_EQ(ends[op - MP_VFS_LOOKUP].op, op);
		if (lacks(op) >= 0)
			t_fail(__FILE__, __LINE__, "operation %#x: too few %s",
			       op, strerrorname_np(lacks(op)));
		for (int error = 0; error < 256; error++) {
			if (tally[op - MP_VFS_LOOKUP][error] != 0 &&
			    !is_listed(&ends[op - MP_VFS_LOOKUP], error))
				t_fail(__FILE__, __LINE__,
				       "operation %#x: unlisted %s", op,
				       strerrorname_np(error));
		}
	}
}

static void
mixed(struct script *s)
{
	script_run(s, MESSAGES);
}

static void
play(const struct way *w, const struct play *p, struct record *r)
{
	static struct script s;

	memset(&s, 0, sizeof(s));
	memset(tally, 0, sizeof(tally));
	s.seed = p->seed;
	s.over = over;
	s.wants = wants;
	s.arg = r;
	s.port = w->begin(p);
	p->script(&s);
	record_end(r);
	w->end();
}

#define MIXED "size=4M,mode=1777,sticky,quota_size=1M,quota_inodes=24"

static struct record first, second;

static uint32_t
plays(void)
{
	return getenv("T_SHORT") == NULL ? SEEDS : 1;
}

/* The same twice is as much a promise as the same by another way. */
static void
a_way(const void *way)
{
	for (uint32_t i = 0; i < plays(); i++) {
		struct play p = { MIXED, seeds[i], mixed };

		play(&ways[0], &p, &first);
		second.like = &first;
		play(way, &p, &second);
		record_fini(&second);
		record_fini(&first);
	}
}

/* ---- what the scripts are */

static void
renew(void)
{
	FILE *f = fopen(DIGEST, "w");

	CHECK(f != NULL);
	for (uint32_t i = 0; i < SEEDS; i++) {
		struct play p = { MIXED, seeds[i], mixed };

		play(&ways[0], &p, &first);
		fprintf(f, "%" PRIu64 " %" PRIu64 " %016" PRIx64 "\n", p.seed,
			first.messages, record_digest(&first));
		record_fini(&first);
	}
	CHECK_EQ(fclose(f), 0);
}

TEST(scripts_are_as_recorded)
{
	uint64_t seed, messages, digest;
	FILE *f;

	if (getenv("RENEW") != NULL)
		renew();
	f = fopen(DIGEST, "r");
	CHECK(f != NULL);
	for (uint32_t i = 0; i < plays(); i++) {
		struct play p = { MIXED, seeds[i], mixed };

		CHECK_EQ(fscanf(f, "%" SCNu64 " %" SCNu64 " %" SCNx64, &seed,
				&messages, &digest),
			 3);
		CHECK_EQ(seed, p.seed);
		play(&ways[0], &p, &first);
		check_tally();
		CHECK(first.messages >= 10000);
		CHECK_EQ(first.messages, messages);
		CHECK_EQ(record_digest(&first), digest);
		record_fini(&first);
	}
	fclose(f);
}

TEST(too_many_links_are_refused_alike)
{
	struct play p = { "", 0, script_links };

	play(&ways[0], &p, &first);
	CHECK(tally[MP_VFS_LINK - MP_VFS_LOOKUP][EMLINK] >= AT_LEAST);
	second.like = &first;
	play(&ways[sizeof(ways) / sizeof(ways[0]) - 1], &p, &second);
	record_fini(&second);
	record_fini(&first);
}

void
t_setup(void)
{
	static char dir[64];

	snprintf(dir, sizeof(dir), "/tmp/msgport-37-%d", (int)getpid());
	setenv("MSGPORT_DIR", dir, 1);
	for (uint32_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		t_case(NULL, ways[i].name, a_way, &ways[i]);
}
