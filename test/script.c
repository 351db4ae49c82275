/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Scripts of one client: see script.h.
 *
 * A step asks one thing and remembers what the answer gave: a node that is
 * looked up, a file that is open.  Every few steps a scene lets room run out.
 * Where an allocation is going to fail, something is asked that allocates.
 */
#include "ask.h"
#include "t.h"

#include <stdio.h>
#include <string.h>

#define TICK_NS 1000000u
#define DAY_NS 86400000000000u
#define FAULT_EVERY 8u
#define SCENE_EVERY 160u
#define LINKS 40000u
#define LATE_MAX 6u /* times the messages that were asked for */

static uint64_t
mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15u;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

uint64_t
script_tick_ns(uint64_t seed, uint64_t n)
{
	uint64_t x = mix(seed ^ n << 1);

	return x % 256 == 0 ? DAY_NS : 1 + x % TICK_NS;
}

uint64_t
script_fault(uint64_t seed, uint64_t n)
{
	uint64_t x = mix(seed ^ (n << 1 | 1));

	return x % FAULT_EVERY == 0 ? 1 + x / FAULT_EVERY % 2 : 0;
}

uint64_t
script_below(struct script *s, uint64_t n)
{
	s->random = mix(s->random);
	return s->random % n;
}

void
script_begin(struct script *s, uint32_t op)
{
	memset(&s->m, 0, sizeof(s->m));
	s->m.msg.op = op;
}

int
script_send(struct script *s)
{
	int code;

	s->counted += mp_iface_check(&mp_vfs_iface, &s->m.msg) == 0;
	code = mp_call(s->port, &s->m.msg);
	s->over(s->arg, &s->m.msg, code);
	return code;
}

void
script_forget(struct script *s, uint64_t node, uint64_t lookups)
{
	script_begin(s, MP_VFS_FORGET);
	s->m.forget.in.items = 1;
	s->m.forget.in.item[0].id = node;
	s->m.forget.in.item[0].count = lookups;
	(void)script_send(s);
}

void
script_name(uint32_t *len, char *to, const char *name)
{
	*len = (uint32_t)strlen(name);
	memcpy(to, name, *len);
}

static void
learn(struct script *s, const struct mp_vfs_entry *e)
{
	struct script_node *n = s->node, *spare = NULL;
	uint64_t id = e->id;

	if (id == 0)
		return;
	for (; n < s->node + SCRIPT_NODES; n++) {
		if (n->id == id) {
			n->lookups++;
			return;
		}
		if (n->id == 0)
			spare = n;
	}
	if (spare == NULL) {
		spare = &s->node[1 + script_below(s, SCRIPT_NODES - 1)];
		script_forget(s, spare->id, spare->lookups);
	}
	*spare = (struct script_node){ id, 1, e->attr.mode & MP_S_IFMT };
}

static void
learn_open(struct script *s, uint64_t id, uint64_t fh, bool dir)
{
	struct script_open *o = &s->open[script_below(s, SCRIPT_OPENS)];
	struct script_open old = *o;

	*o = (struct script_open){ id, fh, dir };
	if (old.node == 0)
		return;
	script_begin(s, old.dir ? MP_VFS_RELEASEDIR : MP_VFS_RELEASE);
	s->m.release.in.node = old.node;
	s->m.release.in.fh = old.fh;
	(void)script_send(s);
}

/* Its lookups are given back at once. */
static void
learn_records(struct script *s)
{
	static struct mp_vfs_readdir m;
	static uint64_t copy[SCRIPT_IO_MAX / 8];
	struct mp_vfs_record r;
	uint32_t at = 0;

	m = s->m.readdir;
	memcpy(copy, s->room, m.out.count);
	m.buf.base = copy;
	while (mp_vfs_dirent_get(&m, &at, &r) > 0) {
		if (r.entry.id != 0)
			script_forget(s, r.entry.id, 1);
	}
}

static void
learn_answer(struct script *s)
{
	union vfs_any m = s->m;

	switch (m.msg.op) {
	case MP_VFS_LOOKUP:
		learn(s, &m.lookup.out.entry);
		break;
	case MP_VFS_MKNOD:
		learn(s, &m.mknod.out.entry);
		break;
	case MP_VFS_MKDIR:
		learn(s, &m.mkdir.out.entry);
		break;
	case MP_VFS_SYMLINK:
		learn(s, &m.symlink.out.entry);
		break;
	case MP_VFS_LINK:
		learn(s, &m.link.out.entry);
		break;
	case MP_VFS_CREATE:
		learn(s, &m.create.out.entry);
		learn_open(s, m.create.out.entry.id, m.create.out.fh, false);
		break;
	case MP_VFS_OPEN:
		learn_open(s, m.open.in.node, m.open.out.fh, false);
		break;
	case MP_VFS_OPENDIR:
		learn_open(s, m.open.in.node, m.open.out.fh, true);
		break;
	case MP_VFS_READDIRPLUS:
		learn_records(s);
		break;
	default:
		break;
	}
}

static void
attach(struct script *s)
{
	script_begin(s, MP_VFS_ATTACH);
	s->m.attach.in.caps = MP_VFS_CAP_ALL;
	s->m.attach.in.io_max = SCRIPT_IO_MAX;
	(void)script_send(s);
}

/* With the last of them goes what was looked up and opened. */
static void
detach_all(struct script *s)
{
	int code;

	do {
		script_begin(s, MP_VFS_DETACH);
		code = script_send(s);
	} while (code == 0);
	memset(s->open, 0, sizeof(s->open));
	memset(s->node + 1, 0, sizeof(s->node) - sizeof(s->node[0]));
	attach(s);
}

void
script_run(struct script *s, uint64_t messages)
{
	bool late, done = false;

	s->random = s->seed;
	s->node[0] = (struct script_node){ MP_VFS_ROOT, 0, MP_S_IFDIR };
	attach(s);
	while (!done) {
		if (script_below(s, SCENE_EVERY) == 0) {
			scene_room(s, script_below(s, 2) == 0 ? 9 : 0);
			continue;
		}
		if (script_below(s, 6 * SCENE_EVERY) == 0)
			detach_all(s);
		late = s->counted >= messages && script_below(s, 4) != 0;
		done = s->counted >= LATE_MAX * messages ||
		       !ask_next(s, script_fault(s->seed, s->counted + 1) != 0,
				 late);
		if (!done && script_send(s) == 0)
			learn_answer(s);
	}
}

void
script_links(struct script *s)
{
	uint32_t refused = 0;
	uint64_t id;
	char name[16];

	script_begin(s, MP_VFS_MKNOD);
	s->m.mknod.in.parent = MP_VFS_ROOT;
	s->m.mknod.in.mode = MP_S_IFIFO;
	script_name(&s->m.mknod.in.name_len, s->m.mknod.in.name, "n");
	CHECK_EQ(script_send(s), 0);
	id = s->m.mknod.out.entry.id;
	for (uint32_t i = 0; i < LINKS && refused < 20; i++) {
		snprintf(name, sizeof(name), "%u", i);
		script_begin(s, MP_VFS_LINK);
		s->m.link.in.node = id;
		s->m.link.in.parent = MP_VFS_ROOT;
		script_name(&s->m.link.in.name_len, s->m.link.in.name, name);
		refused += script_send(s) == -EMLINK;
	}
}
