/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What happens at a point.
 *
 * To close there, another thread closes while the one that has come to the
 * point is held: until that other is done, or sleeps, which it does for
 * nobody but who is held or comes after him.
 */
#define _GNU_SOURCE
#include "step.h"
#include "conform.h"

#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define FDS_MAX 1024

static const struct mp_iface_op step_op[] = {
#define PLAIN(op_, name_)                                                      \
	{                                                                      \
		.name = (name_), .op = (op_), .size = sizeof(struct step_msg), \
		.in = MP_IFACE_PART(struct step_msg, in),                      \
		.out = MP_IFACE_PART(struct step_msg, out)                     \
	}
	PLAIN(STEP_ECHO, "echo"),
	{ .name = "copy",
	  .op = STEP_COPY,
	  .size = sizeof(struct step_msg),
	  .in = MP_IFACE_PART(struct step_msg, in),
	  .out = MP_IFACE_PART(struct step_msg, out),
	  .buf = { .off = offsetof(struct step_msg, buf),
		   .dir = MP_BUF_IN | MP_BUF_OUT,
		   .over = EFBIG,
		   .max = 65536 } },
	PLAIN(STEP_HOLD, "hold"),
	PLAIN(STEP_RELEASE, "release"),
	PLAIN(STEP_GATE, "gate"),
	PLAIN(STEP_SHUT, "shut"),
};

const struct mp_iface step_iface = {
	.name = "step",
	.version = 1,
	.class_id = STEP_CLASS,
	.ops = sizeof(step_op) / sizeof(*step_op),
	.op = step_op,
};

const char *const step_name[PORTS] = { "plain", "narrow", "block", "brief" };

struct step_page *step_page;

extern size_t __sanitizer_get_current_allocated_bytes(void)
	__attribute__((weak));

static enum step_role role;
static bool is_victim;
static bool (*close_all)(void);
static uint32_t point_started, point_stalled;

static struct {
	struct mp_thread thread;
	uint32_t begun, tid, ended;
} closer;

void
step_post(uint32_t *word)
{
	os_fetch_add(word, 1);
	bell_wake(word, true, UINT32_MAX);
}

void
step_await(uint32_t *word)
{
	struct bell_word w = { .word = word, .shared = true };

	while (os_load_acquire(word) == 0)
		bell_park(&w, 1, MP_NO_DEADLINE);
}

uint32_t
step_points(void)
{
	return (uint32_t)(__stop_mp_step - __start_mp_step);
}

uint32_t
step_point(const char *name)
{
	for (uint32_t i = 0; i < step_points(); i++)
		if (strcmp(__start_mp_step[i], name) == 0)
			return i;
	t_fail(__FILE__, __LINE__, "no point %s", name);
}

static void
closer_main(void *arg)
{
	(void)arg;
	os_store_release(&closer.tid, c_thread_id());
	if (close_all())
		os_store(&step_page->acted, 1);
	os_store_release(&closer.ended, 1);
}

static void
act(void)
{
	struct step_page *page = step_page;

	if (page->action == STEP_KILL) {
		os_store(&page->acted, 1);
		os_store(&page->killed, 1);
		raise(SIGKILL);
	} else if (page->action == STEP_STOP) {
		os_store(&page->acted, 1);
		raise(SIGSTOP);
	} else if (page->action == STEP_CLOSE) {
		os_store(&page->closing, 1);
		closer.begun = 1;
		CHECK_EQ(os_thread_start(&closer.thread, closer_main, NULL), 0);
		while (os_load_acquire(&closer.tid) == 0)
			sched_yield();
		(void)c_sleeps(closer.tid, &closer.ended);
	}
}

void
step_reach(const char *const *at)
{
	uint32_t point = (uint32_t)(at - __start_mp_step);
	struct step_page *page = step_page;
	uint32_t phase;

	if (page == NULL)
		return;
	if (role == STEP_SERVER && point == point_started)
		os_fetch_add(&page->started, 1);
	if (role == STEP_SERVER && point == point_stalled) {
		os_fetch_add(&page->stalled, 1);
		os_store_release(&page->gate, 1);
	}
	if (!is_victim)
		return;
	phase = os_load(&page->phase);
	if (os_fetch_add(&page->reached[phase][point], 1) + 1 ==
		    page->passage &&
	    point == page->point && phase == page->phase_at)
		act();
}

void
step_begin(enum step_role who, bool (*close)(void))
{
	point_started = step_point("begin_started");
	point_stalled = step_point("stalled");
	role = who;
	is_victim = step_page->victim == who;
	close_all = close;
}

void
step_end(void)
{
	if (closer.begun)
		os_thread_join(&closer.thread);
}

bool
step_shut_sockets(void)
{
	struct sockaddr_storage peer;
	socklen_t len;
	bool any = false;

	for (int fd = 3; fd < FDS_MAX; fd++) {
		len = sizeof(peer);
		if (getpeername(fd, (struct sockaddr *)&peer, &len) == 0)
			any |= shutdown(fd, SHUT_RDWR) == 0;
	}
	return any;
}

static uint32_t
entries(const char *path)
{
	DIR *d = opendir(path);
	uint32_t n = 0;

	CHECK(d != NULL);
	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n;
}

struct step_usage
step_usage(void)
{
	struct step_usage u = { .fds = entries("/proc/self/fd"),
				.threads = entries("/proc/self/task") };
	FILE *f = fopen("/proc/self/maps", "re");
	char line[512];

	CHECK(f != NULL);
	while (fgets(line, sizeof(line), f) != NULL)
		u.maps += strstr(line, "memfd:msgport") != NULL;
	fclose(f);
	if (__sanitizer_get_current_allocated_bytes != NULL)
		u.bytes = __sanitizer_get_current_allocated_bytes();
	return u;
}

void
step_check_usage(const struct step_usage *before)
{
	struct step_usage now = step_usage();

	CHECK_EQ(now.fds, before->fds);
	CHECK_EQ(now.maps, before->maps);
	while (now.threads > before->threads) {
		sched_yield();
		now = step_usage();
	}
	CHECK_EQ(now.threads, before->threads);
	CHECK(now.bytes <= before->bytes);
}

static struct {
	struct mp_thread thread;
	void (*probe)(void);
} prober;

static void
prober_main(void *arg)
{
	(void)arg;
	step_await(&step_page->probe);
	if (os_load(&step_page->stopped) == 0)
		return;
	prober.probe();
	os_store(&step_page->killed, 1);
	CHECK_EQ(kill(step_page->pid, SIGKILL), 0);
}

void
step_probe_start(void (*probe)(void))
{
	prober.probe = probe;
	CHECK_EQ(os_thread_start(&prober.thread, prober_main, NULL), 0);
}

void
step_probe_stop(void)
{
	step_post(&step_page->probe);
	os_thread_join(&prober.thread);
}
