/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A watched driver, and its mount; see watch.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "t.h"
#include "watch.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <time.h>

struct watched w = { .ready = 1 };

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
		__atomic_store_n(&w.hang, m->out.entry.id, __ATOMIC_RELEASE);
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

static bool
is_hang(uint64_t node)
{
	uint64_t id = __atomic_load_n(&w.hang, __ATOMIC_ACQUIRE);

	return id != 0 && id == node;
}

/* Only a read past the kernel's cache can be interrupted. */
static int
watch_open(void *fs, struct mp_vfs_open *m)
{
	int code = real->open(fs, m);

	if (is_hang(m->in.node))
		m->out.flags |= MP_VFS_OPEN_DIRECT_IO;
	return code;
}

static int
watch_read(void *fs, struct mp_vfs_read *m)
{
	if (!is_hang(m->in.node))
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

void
watch_sleep_ms(int ms)
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

void
watch_await_cancelled(void)
{
	while (!end_cancelled())
		watch_sleep_ms(1);
}

void
watch_await_held(void)
{
	while (__atomic_load_n(&w.held, __ATOMIC_ACQUIRE) == NULL)
		watch_sleep_ms(1);
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

/* Where the front-end sends to. */
static struct mp_port *
port_of(void)
{
	struct mp_export_conf export = { .arena_max = w.arena };
	struct mp_link_conf link = { .arena_bytes = w.arena };

	if (w.arena == 0)
		return &w.port;
	CHECK_EQ(mp_export_open("w", &w.port, &export, &w.export), 0);
	CHECK_EQ(mp_link_open("w", &mp_vfs_iface, &link, &w.link), 0);
	return w.link;
}

static void
close_link(void)
{
	if (w.arena == 0)
		return;
	mp_link_close(w.link);
	mp_export_close(w.export);
	CHECK_EQ(rmdir(getenv("MSGPORT_DIR")), 0);
}

void
watch_begin_with(const struct mp_vfs_ops *ops, struct mp_fuse_conf conf)
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
	w.port.iface = &mp_vfs_iface;
	conf.ready = ready;
	CHECK_EQ(mp_fuse_open(&w.fuse, port_of(), w.dir, &conf), 0);
	CHECK_EQ(pthread_create(&w.server, NULL, serve, NULL), 0);
	while (__atomic_load_n(&w.ready, __ATOMIC_ACQUIRE) == 1)
		watch_sleep_ms(1);
}

void
watch_begin(void)
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
	watch_begin_with(&w.ops, (struct mp_fuse_conf){ 0 });
	CHECK_EQ(w.ready, 0);
}

/* The server has ended, or is about to. */
void
watch_finish(void)
{
	pthread_join(w.server, NULL);
	mp_fuse_close(&w.fuse);
	close_link();
	mp_port_fini(&w.port);
	mp_driver_vfs_mem.close(w.vfs.fs);
	close(w.guard[0]);
	close(w.guard[1]);
	CHECK_EQ(waitpid(w.guardian, NULL, 0), w.guardian);
	CHECK_EQ(access(w.dir, F_OK), -1);
}

void
watch_end(void)
{
	mp_fuse_stop(&w.fuse);
	watch_finish();
	CHECK_EQ(w.code, 0);
	CHECK_EQ(w.detached, 1);
}
