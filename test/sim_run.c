/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Threads of the simulated machine, its descriptors, the end of its ports, and
 * runs of a test by seeds or exhaustively.
 */
#define _GNU_SOURCE
#include "os_sim.h"
#include <msgport/agent.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define START_NS 1000000u
#define FD_FIRST 1000
#define STACK_USED 512 /* words that a test is likely to use */

extern void __asan_unpoison_memory_region(const volatile void *, size_t)
	__attribute__((weak));
extern void *__tsan_create_fiber(unsigned) __attribute__((weak));
extern void *__tsan_get_current_fiber(void) __attribute__((weak));

/* ---- threads */

static SIM_NO_TSAN void
thread_main(void)
{
	struct sim_thread *t = &sim->thread[sim->me];

	t->fn(t->arg);
	sim_drain(sim->me);
	t->status = SIM_DONE;
	sim->ready &= ~(1u << sim->me);
	for (uint32_t i = 0; i < SIM_THREADS; i++)
		if (sim->thread[i].at == t)
			sim_wake(i, false);
	if (sim->me == 0)
		sim_turn(SIM_MACHINE);
	sim_point();
	sim_fail("a thread that is done runs");
}

int
sim_start(void (*fn)(void *), void *arg)
{
	struct sim_thread *t = sim->thread;
	uint32_t used = sim->exhaustive ? STACK_USED : 8;
	uint32_t i = 0;
	void **top;

	while (i < SIM_THREADS && t[i].status != SIM_FREE)
		i++;
	if (i == SIM_THREADS)
		sim_fail("too many threads");
	/* What was stored before is there for it. */
	sim_drain(sim->me);
	t = &t[i];
	top = (void **)(void *)(t->stack + SIM_STACK);
	/* What an earlier run left there would make equal states differ. */
	if (__asan_unpoison_memory_region)
		__asan_unpoison_memory_region(top - STACK_USED,
					      STACK_USED * sizeof(*top));
	memset(top - used, 0, used * sizeof(*top));
	top[-2] = (void *)(uintptr_t)thread_main;
	t->sp = top - 8;
	t->fn = fn;
	t->arg = arg;
	t->status = SIM_READY;
	t->at = NULL;
	t->deadline_ns = 0;
	t->timed_out = false;
	t->wakes = 0;
	t->cpu = sim->one_cpu ? 0 : (int32_t)(sim_random() % 2);
	t->priority = sim_random() | 1u << 31;
	sim->ready |= 1u << i;
	return (int)i;
}

void
sim_join(int thread)
{
	struct sim_thread *t = &sim->thread[thread];

	while (t->status != SIM_DONE)
		sim_sleep(SIM_PARKED, t, 0);
	t->status = SIM_FREE;
}

void
sim_join_all(void)
{
	for (uint32_t i = 1; i < SIM_THREADS; i++)
		if (sim->thread[i].status != SIM_FREE && i != sim->me)
			sim_join((int)i);
}

int
os_thread_start(struct mp_thread *t, void (*fn)(void *), void *arg)
{
	t->handle = (uintptr_t)sim_start(fn, arg);
	return 0;
}

void
os_thread_join(struct mp_thread *t)
{
	sim_join((int)t->handle);
}

uintptr_t
os_self(void)
{
	return (uintptr_t)&sim->thread[sim->me];
}

int32_t
os_cpu(void)
{
	struct sim_thread *t = &sim->thread[sim->me];

	if (!sim->one_cpu && sim_random() % 16 == 0)
		t->cpu = !t->cpu;
	return t->cpu;
}

bool
os_stack_is_low(size_t left_min)
{
	uintptr_t here = (uintptr_t)__builtin_frame_address(0);

	return here - (uintptr_t)sim->thread[sim->me].stack < left_min;
}

bool
os_stack_seems_low(void)
{
	return os_stack_is_low(OS_STACK_MIN);
}

/* ---- descriptors */

int
os_fd_open(void)
{
	for (int i = 0; i < SIM_FDS; i++)
		if ((sim->fd_open >> i & 1) == 0) {
			sim->fd_open |= 1u << i;
			sim->fd_readable &= ~(1u << i);
			return FD_FIRST + i;
		}
	return -EMFILE;
}

void
os_fd_signal(int fd)
{
	sim_point();
	sim_drain(sim->me);
	sim->fd_readable |= 1u << (fd - FD_FIRST);
	for (uint32_t i = 0; i < SIM_THREADS; i++)
		if (sim->thread[i].at == &sim->fd_readable)
			sim_wake(i, false);
}

void
os_fd_clear(int fd)
{
	sim_point();
	sim_drain(sim->me);
	sim->fd_readable &= ~(1u << (fd - FD_FIRST));
}

void
os_fd_close(int fd)
{
	sim->fd_open &= ~(1u << (fd - FD_FIRST));
}

/* poll(2) */
void
sim_fd_wait(int fd)
{
	sim_point();
	while ((sim->fd_readable >> (fd - FD_FIRST) & 1) == 0)
		sim_sleep(SIM_PARKED, &sim->fd_readable, 0);
}

/* ---- ports */

void
sim_await_idle(const struct mp_msg *m)
{
	while (!mp_done(m))
		os_relax();
}

void
sim_fini(struct mp_port *p)
{
	struct mp_port_stats stats;

	mp_port_fini(p);
	mp_port_stats(p, &stats);
	SIM_EQ(stats.depth, 0);
	SIM_EQ(stats.held, 0);
	SIM_EQ(p->out, 0);
	SIM_CHECK(p->inbox == 0 && p->done.head == NULL);
	SIM_CHECK(p->receivers == NULL && p->callers == NULL);
	sim_dead(p, sizeof(*p));
}

/* ---- runs */

static void
crashed(int signal)
{
	sim_fail("%s", strsignal(signal));
}

static void *
map(size_t size)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (at == MAP_FAILED)
		abort();
	return at;
}

static void
machine_on(void)
{
	struct sigaction sa = { .sa_handler = crashed, .sa_flags = SA_ONSTACK };
	stack_t stack = { .ss_size = SIM_STACK };

	sim = map(sizeof(*sim));
	search = map(sizeof(*search));
	t_failing = sim_failing;
	for (uint32_t i = 0; i < SIM_THREADS; i++) {
		sim->thread[i].stack = map(SIM_STACK);
		if (__tsan_create_fiber)
			sim->thread[i].fiber = __tsan_create_fiber(0);
	}
	if (__tsan_get_current_fiber)
		sim->thread[SIM_MACHINE].fiber = __tsan_get_current_fiber();
	stack.ss_sp = map(SIM_STACK);
	sigaltstack(&stack, NULL);
	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGBUS, &sa, NULL);
}

static void
one_run(void (*root)(void *), void *arg)
{
	sim->me = SIM_MACHINE;
	sim->now_ns = START_NS;
	sim->steps = 0;
	sim->turn = 0;
	sim->events = 0;
	sim->about[0] = '\0';
	sim_memory_reset();
	sim->running = true;
	sim_start(root, arg);
	sim_turn(0);
	sim_dead_check();
	sim->thread[0].status = SIM_FREE;
	for (uint32_t i = 0; i < SIM_THREADS; i++)
		if (sim->thread[i].status != SIM_FREE)
			sim_fail("thread %u was not joined", i);
	if (sim->fd_open != 0)
		sim_fail("a descriptor was left open");
	sim->running = false;
}

static void
one_seed(void (*root)(void *), void *arg, uint64_t seed)
{
	uint64_t x = (seed + 1) * 0x9e3779b97f4a7c15ull;
	struct search *s = search;
	uint32_t r;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ x >> 27) * 0x94d049bb133111ebull;
	sim->seed = seed;
	sim->random = (x ^ x >> 31) | 1;
	r = sim_random();
	s->switch_shift = r % 4;
	s->change = (r >> 2) % 3 == 0 ? 16u << (r >> 4) % 4 : 0;
	s->flush_shift = 1 + (r >> 8) % 6;
	s->stray_shift = (r >> 12) % 2 == 0 ? 4 + (r >> 13) % 3 : 0;
	sim->one_cpu = (r >> 16) % 4 != 0;
	s->lowest = 1u << 30;
	one_run(root, arg);
}

void
sim_seeds(void (*root)(void *), void *arg, uint32_t seeds)
{
	const char *only = getenv("SIM_SEED");
	const char *times = getenv("SIM_TIMES");

	if (sim == NULL)
		machine_on();
	sim->exhaustive = false;
	if (only != NULL) {
		one_seed(root, arg, strtoull(only, NULL, 0));
		return;
	}
	if (times != NULL)
		seeds *= (uint32_t)atoi(times);
	for (uint32_t seed = 0; seed < seeds; seed++)
		one_seed(root, arg, seed);
}

uint64_t
sim_exhaust(void (*root)(void *), void *arg, int bound)
{
	struct search *s;

	if (sim == NULL)
		machine_on();
	sim->exhaustive = true;
	sim->one_cpu = true;
	s = search;
	munmap(s, sizeof(*s));
	search = s = map(sizeof(*s));
	s->bound = bound < 0 ? SIM_NO_BOUND : bound;
	do {
		s->depth = 0;
		s->pruned = false;
		s->switches = 0;
		s->runs++;
		one_run(root, arg);
		while (s->length != 0 &&
		       s->choice[s->length - 1] + 1 == s->of[s->length - 1])
			s->length--;
		if (s->length != 0)
			s->choice[s->length - 1]++;
	} while (s->length != 0);
	sim->exhaustive = false;
	return s->states;
}

bool
sim_catches(void (*root)(void *), void *arg, uint32_t seeds)
{
	int status = 0;
	int pid = t_fork();

	if (pid == 0) {
		if (seeds != 0)
			sim_seeds(root, arg, seeds);
		else
			sim_exhaust(root, arg, -1);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		t_fail(__FILE__, __LINE__, "no child");
	return status != 0;
}
