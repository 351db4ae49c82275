/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Renames that meet in vfs_mem, from both sides at once. */
#include "vfs_one.h"

#include <pthread.h>
#include <sched.h>

#define TURNS 1000

static struct {
	uint64_t home[2]; /* no lock is common to both sides */
	uint64_t dir[2];
	int turn[2]; /* atomic: how often each side has moved */
	int moved;   /* atomic: how many of one turn's moves were made */
} r;

static uint64_t
make_dir(uint64_t parent, char name)
{
	M(mkdir, MKDIR, .parent = parent, .mode = 0755, .name_len = 1);

	m.in.name[0] = name;
	CHECK_EQ(SEND(), 0);
	return m.out.entry.id;
}

static int
rename_to(uint64_t from, char old, uint64_t to, char name)
{
	M(rename, RENAME, .parent = from, .new_parent = to, .name_len = 1,
	  .new_name_len = 1);

	m.in.name[0] = old;
	m.in.new_name[0] = name;
	return SEND();
}

static void
both(void *(*fn)(void *))
{
	pthread_t t[2];
	int i;

	for (i = 0; i < 2; i++)
		CHECK_EQ(pthread_create(&t[i], NULL, fn, (void *)(uintptr_t)i),
			 0);
	for (i = 0; i < 2; i++)
		CHECK_EQ(pthread_join(t[i], NULL), 0);
}

/* Side 0 moves the file from the first to the second and back, 1 the other. */
static void *
there_and_back(void *arg)
{
	int i, side = (int)(uintptr_t)arg;
	char name = (char)('a' + side);

	for (i = 0; i < TURNS; i++) {
		CHECK_EQ(rename_to(r.dir[side], name, r.dir[!side], name), 0);
		CHECK_EQ(rename_to(r.dir[!side], name, r.dir[side], name), 0);
	}
	return NULL;
}

TEST(renames_across_that_meet_do_not_wait_for_each_other, .timeout_s = 10)
{
	M(mknod, MKNOD, .mode = MP_S_IFREG | 0644u, .name_len = 1);
	int i;

	begin("");
	for (i = 0; i < 2; i++) {
		m.in.parent = r.dir[i] = make_dir(ROOT, (char)('x' + i));
		m.in.name[0] = (char)('a' + i);
		CHECK_EQ(SEND(), 0);
	}
	mp_lock_jitter(3);
	both(there_and_back);
	end();
}

/* Waits for the other side to have made as many turns. */
static void
meet(int side)
{
	int turn = __atomic_add_fetch(&r.turn[side], 1, __ATOMIC_ACQ_REL);

	while (__atomic_load_n(&r.turn[!side], __ATOMIC_ACQUIRE) < turn)
		(void)sched_yield();
}

/* Each side moves its directory into the other's: one of them must fail. */
static void *
into_each_other(void *arg)
{
	int i, code, side = (int)(uintptr_t)arg;
	char mine = (char)('x' + side);

	for (i = 0; i < TURNS; i++) {
		meet(side);
		code = rename_to(r.home[side], mine, r.dir[!side], mine);
		CHECK(code == 0 || code == -EINVAL);
		if (!code)
			(void)__atomic_add_fetch(&r.moved, 1, __ATOMIC_ACQ_REL);
		meet(side);
		CHECK_EQ(__atomic_load_n(&r.moved, __ATOMIC_ACQUIRE), 1);
		meet(side);
		if (!code) {
			CHECK_EQ(rename_to(r.dir[!side], mine, r.home[side],
					   mine),
				 0);
			__atomic_store_n(&r.moved, 0, __ATOMIC_RELEASE);
		}
	}
	return NULL;
}

TEST(directories_never_end_in_each_other)
{
	int i;

	begin("");
	for (i = 0; i < 2; i++) {
		r.home[i] = make_dir(ROOT, (char)('a' + i));
		r.dir[i] = make_dir(r.home[i], (char)('x' + i));
	}
	mp_lock_jitter(3);
	both(into_each_other);
	end();
}
