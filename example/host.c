/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A host for the driver in vfs_hello.c, and a client: list the directory, read
 * the file.  This is what a front-end does, without a kernel.
 */
#include <msgport/agent.h>
#include <msgport/driver.h>

#include <stdio.h>
#include <stdlib.h>

extern const struct mp_driver mp_driver_vfs_hello;

static void
list(struct mp_port *port)
{
	static uint64_t room[64]; /* 8-aligned */
	struct mp_vfs_readdir m = { .msg = MP_MSG(MP_VFS_READDIR) };
	struct mp_vfs_record r;
	uint32_t at = 0;

	m.in.node = MP_VFS_ROOT;
	m.buf.base = room;
	m.buf.len = sizeof(room);
	m.buf.dir = MP_BUF_OUT;
	if (mp_call(port, &m.msg) != 0)
		exit(1);
	while (mp_vfs_dirent_get(&m, &at, &r) > 0)
		printf("%s\n", r.name);
}

/* Its node, or 0. */
static uint64_t
look_up(struct mp_port *port, const char *name)
{
	struct mp_vfs_lookup m = { .msg = MP_MSG(MP_VFS_LOOKUP) };
	int code;

	m.in.parent = MP_VFS_ROOT;
	m.in.name_len =
		(uint32_t)snprintf(m.in.name, sizeof(m.in.name), "%s", name);
	code = mp_call(port, &m.msg);
	if (code != 0)
		printf("%s: error %d\n", name, -code);
	return code == 0 ? m.out.entry.id : 0;
}

static void
print(struct mp_port *port, uint64_t node)
{
	struct mp_vfs_read m = { .msg = MP_MSG(MP_VFS_READ) };
	char line[80];

	m.in.node = node;
	m.buf.base = line;
	m.buf.len = sizeof(line);
	m.buf.dir = MP_BUF_OUT;
	if (mp_call(port, &m.msg) == 0)
		printf("%.*s", (int)m.out.count, line);
}

int
main(void)
{
	const struct mp_driver *driver = &mp_driver_vfs_hello;
	struct mp_vfs vfs = { .ops = driver->vfs };
	struct mp_option_value value[MP_OPTIONS_MAX];
	char error[128] = "";
	struct mp_port port;

	if (mp_driver_fault(driver) != NULL ||
	    mp_driver_options(driver, NULL, value, error, sizeof(error)) != 0 ||
	    (driver->open != NULL &&
	     driver->open(value, &vfs.fs, error, sizeof(error)) != 0)) {
		fprintf(stderr, "%s: %s\n", driver->name, error);
		return 1;
	}
	mp_port_init_serial(&port, mp_vfs_handle, &vfs);
	port.iface = driver->iface;

	list(&port);
	print(&port, look_up(&port, "hello"));
	look_up(&port, "a/b");
	look_up(&port, "bye");

	mp_port_fini(&port);
	if (driver->close != NULL)
		driver->close(vfs.fs);
	return 0;
}
