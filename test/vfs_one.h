/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef VFS_ONE_H
#define VFS_ONE_H

/* One vfs_mem behind a port, and what tests of it ask most. */

#include "t.h"

#include <msgport/agent.h>
#include <msgport/driver.h>
#include <msgport/kit.h>

#include <string.h>

extern const struct mp_driver mp_driver_vfs_mem;

static struct {
	struct mp_port port;
	struct mp_vfs vfs;
} c;

#define M(type, op_, ...)                    \
	struct mp_vfs_##type m = {           \
		.msg = MP_MSG(MP_VFS_##op_), \
		.in = { __VA_ARGS__ },       \
	}
#define SEND() mp_call(&c.port, &m.msg)
#define ROOT MP_VFS_ROOT
#define NAMED(n) .name_len = sizeof(n) - 1, .name = n

static inline void
begin(const char *options)
{
	struct mp_option_value value[MP_OPTIONS_MAX];
	char error[256];

	CHECK_EQ(mp_driver_options(&mp_driver_vfs_mem, options, value, error,
				   sizeof(error)),
		 0);
	CHECK_EQ(mp_driver_vfs_mem.open(value, &c.vfs.fs, error, sizeof(error)),
		 0);
	c.vfs.ops = mp_driver_vfs_mem.vfs;
	mp_port_init_call(&c.port, mp_vfs_handle, &c.vfs);
	c.port.flags = MP_PORT_MAY_BLOCK;
}

static inline void
end(void)
{
	mp_port_fini(&c.port);
	mp_driver_vfs_mem.close(c.vfs.fs);
	CHECK_EQ(mp_mem_live(), 0);
}

static inline uint64_t
nodes(void)
{
	M(statfs, STATFS, .node = ROOT);

	CHECK_EQ(SEND(), 0);
	return m.out.info.files - m.out.info.ffree;
}

static inline void
forget(uint64_t node, uint64_t count)
{
	M(forget, FORGET, .items = 1, .item = { { node, count } });

	CHECK_EQ(SEND(), 0);
}

static inline int
release(uint64_t node, uint64_t fh)
{
	M(release, RELEASE, .node = node, .fh = fh);

	return SEND();
}

static inline int
unlink_f(void)
{
	M(unlink, UNLINK, .parent = ROOT, NAMED("f"));

	return SEND();
}

static inline int
getattr(uint64_t node, struct mp_vfs_attr *attr)
{
	M(getattr, GETATTR, .node = node);
	int code = SEND();

	*attr = m.out.attr;
	return code;
}

/* "f", looked up once and opened once. */
static inline uint64_t
create_f(uint32_t flags, uint64_t *fh)
{
	M(create, CREATE, .parent = ROOT, .mode = 0644, .flags = flags,
	  NAMED("f"));

	CHECK_EQ(SEND(), 0);
	*fh = m.out.fh;
	return m.out.entry.id;
}

#endif
