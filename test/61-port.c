/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * `msgport mount port:NAME', by a program that has published the port itself:
 * it is served, it is counted for as long, and what is refused counts nothing.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "conform.h"
#include "../tool/tool.h"

#include <msgport/name.h>
#include <msgport/process.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#define FUSE_MAGIC 0x65735546
#define TEXT "four"

extern const struct mp_driver mp_driver_vfs_mem;

static struct {
	struct mp_vfs vfs;
	struct mp_port port;
	struct mp_name name;
	char dir[64];
	char error[256];
	uint32_t released;
	int over[2]; /* a pipe that is closed when the command has ended */
	int code;
} w;

void
tool_error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(w.error, sizeof(w.error), fmt, ap);
	va_end(ap);
}

static char names[96] = "MSGPORT_DIR=";

static void *
wait_for_ever(void *arg)
{
	(void)pause();
	return arg;
}

/*
 * The command cancels a thread; what the C library loads for that stays, as
 * does its copy of the environment.
 */
void
t_setup(void)
{
	pthread_t thread;

	CHECK_EQ(putenv(names), 0);
	CHECK_EQ(pthread_create(&thread, NULL, wait_for_ever, NULL), 0);
	CHECK_EQ(pthread_cancel(thread), 0);
	CHECK_EQ(pthread_join(thread, NULL), 0);
}

static void
count_release(struct mp_port *p)
{
	CHECK_EQ(p, &w.port);
	os_fetch_add(&w.released, 1);
}

static void
begin(void)
{
	const struct mp_driver *driver = &mp_driver_vfs_mem;
	struct mp_option_value value[MP_OPTIONS_MAX];

	CHECK_EQ(mp_driver_options(driver, NULL, value, w.error,
				   sizeof(w.error)),
		 0);
	CHECK_EQ(driver->open(value, &w.vfs.fs, w.error, sizeof(w.error)), 0);
	w.vfs.ops = driver->vfs;
	mp_port_init_call(&w.port, mp_vfs_handle, &w.vfs);
	w.port.flags |= MP_PORT_MAY_BLOCK;
	w.port.iface = driver->iface;
	w.port.released = count_release;
	CHECK_EQ(mp_name_publish(&w.name, "disk", &w.port), 0);
	(void)strcpy(w.dir, "/tmp/msgport.XXXXXX");
	CHECK(mkdtemp(w.dir) != NULL);
	w.code = -1;
}

static void
end(void)
{
	CHECK_EQ(w.released, 1);
	mp_port_fini(&w.port);
	mp_driver_vfs_mem.close(w.vfs.fs);
	CHECK_EQ(rmdir(w.dir), 0);
}

static int
mount_port(const char *target, const char *dir)
{
	char *argument[] = { (char *)(uintptr_t) "mount",
			     (char *)(uintptr_t) "-f",
			     (char *)(uintptr_t)target, (char *)(uintptr_t)dir,
			     NULL };

	return tool_mount(4, argument);
}

static void *
mounter(void *arg)
{
	w.code = mount_port("port:disk", w.dir);
	CHECK_EQ(close(w.over[1]), 0);
	return arg;
}

/* Until it is mounted, or the command has ended: that fails. */
static void
await_mount(void)
{
	int mounts = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	struct pollfd change[2] = { { .fd = mounts, .events = POLLPRI },
				    { .fd = w.over[0], .events = POLLIN } };
	struct statfs st;

	CHECK(mounts >= 0);
	while (statfs(w.dir, &st) != 0 || st.f_type != FUSE_MAGIC) {
		CHECK(poll(change, 2, -1) > 0);
		CHECK_EQ(change[1].revents, 0);
	}
	CHECK_EQ(close(mounts), 0);
}

static const char *
at(const char *name)
{
	static char path[128];

	(void)snprintf(path, sizeof(path), "%s/%s", w.dir, name);
	return path;
}

static void
put(const char *name)
{
	int fd = open(at(name), O_CREAT | O_WRONLY | O_CLOEXEC, 0644);

	CHECK(fd >= 0);
	CHECK_EQ(write(fd, TEXT, strlen(TEXT)), strlen(TEXT));
	CHECK_EQ(close(fd), 0);
}

/* Through the port itself; the lookup is given back. */
static uint64_t
size_of(const char *name)
{
	struct mp_vfs_lookup m = { .msg = MP_MSG(MP_VFS_LOOKUP) };
	struct mp_vfs_forget f = { .msg = MP_MSG(MP_VFS_FORGET) };

	m.in.parent = MP_VFS_ROOT;
	m.in.name_len = (uint32_t)strlen(name);
	memcpy(m.in.name, name, m.in.name_len);
	CHECK_EQ(mp_call(&w.port, &m.msg), 0);
	f.in.items = 1;
	f.in.item[0].id = m.out.entry.id;
	f.in.item[0].count = 1;
	CHECK_EQ(mp_call(&w.port, &f.msg), 0);
	return m.out.entry.attr.size;
}

TEST(a_published_port_is_mounted_by_its_name)
{
	pthread_t thread;

	if (access("/dev/fuse", R_OK | W_OK) != 0 || geteuid() != 0)
		SKIP("needs /dev/fuse and root");
	begin();
	CHECK_EQ(pipe2(w.over, O_CLOEXEC), 0);
	CHECK_EQ(pthread_create(&thread, NULL, mounter, NULL), 0);
	await_mount();
	put("before");
	/* The name goes, the mount stays. */
	mp_name_withdraw(&w.name);
	CHECK(mp_name_find("disk") == NULL);
	put("after");
	CHECK_EQ(os_load(&w.released), 0);
	CHECK_EQ(umount2(w.dir, 0), 0);
	pthread_join(thread, NULL);
	CHECK_EQ(w.code, TOOL_OK);
	CHECK_STR(w.error, "");
	CHECK_EQ(close(w.over[0]), 0);
	CHECK_EQ(size_of("before"), strlen(TEXT));
	CHECK_EQ(size_of("after"), strlen(TEXT));
	end();
}

/* What was found is given back. */
static void
refused(const char *target, const char *dir, const char *why)
{
	CHECK_EQ(mount_port(target, dir), TOOL_FAILED);
	CHECK_EQ(strncmp(w.error, why, strlen(why)), 0);
	CHECK_EQ(w.released, 0);
	mp_name_withdraw(&w.name);
	end();
}

TEST(a_port_that_speaks_no_vfs_is_not_mounted)
{
	begin();
	w.port.iface = &c_iface;
	refused("port:disk", w.dir, "port 'disk' speaks conform, not vfs");
}

TEST(a_port_of_another_name_is_not_mounted)
{
	begin();
	refused("direct:disc", w.dir, "no port 'disc' is published");
}

TEST(a_mount_that_fails_leaves_the_port)
{
	begin();
	refused("port:disk", "/nowhere", "cannot mount at '/nowhere'");
}

/* It need not be another's to be reached as if it were. */
TEST(a_link_to_what_speaks_no_vfs_is_not_opened)
{
	struct mp_export *e;

	begin();
	(void)snprintf(names, sizeof(names), "MSGPORT_DIR=%s", w.dir);
	w.port.iface = &c_iface;
	CHECK_EQ(mp_export_open("there", &w.port, NULL, &e), 0);
	CHECK_EQ(mount_port("process:there", w.dir), TOOL_FAILED);
	CHECK_STR(w.error, "port 'there': it does not speak vfs, or another "
			   "protocol");
	mp_export_close(e);
	mp_name_withdraw(&w.name);
	end();
}
