/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Stepping with ptrace(2).  The child is a fork, so its code is also here, at
 * the same addresses, and is read without asking.
 */
#define _GNU_SOURCE
#include "step.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__x86_64__)

enum { LOCK = 0xf0, REP = 0xf3, TWO_BYTES = 0x0f };

static bool
is_prefix(uint8_t byte)
{
	switch (byte) {
	case 0x26:
	case 0x2e:
	case 0x36:
	case 0x3e:
	case 0x64:
	case 0x65:
	case 0x66:
	case 0x67:
	case 0xf2:
	case REP:
	case LOCK:
		return true;
	default:
		return (byte & 0xf0) == 0x40; /* REX */
	}
}

/* mfence is 0f ae f0; 86 and 87 are xchg, locked when they have memory. */
static bool
is_locked(const uint8_t *op, bool lock)
{
	if (op[0] == 0x86 || op[0] == 0x87)
		return op[1] < 0xc0;
	return lock || (op[0] == TWO_BYTES && op[1] == 0xae && op[2] == 0xf0);
}

static bool
is_allocation(uintptr_t pc)
{
	return pc == (uintptr_t)malloc || pc == (uintptr_t)calloc ||
	       pc == (uintptr_t)realloc || pc == (uintptr_t)free ||
	       pc == (uintptr_t)aligned_alloc ||
	       pc == (uintptr_t)posix_memalign;
}

static void
count(struct step *s, uintptr_t pc)
{
	const uint8_t *op = (const uint8_t *)pc;
	bool lock = false;
	bool rep = false;

	for (; is_prefix(*op); op++) {
		lock |= *op == LOCK;
		rep |= *op == REP;
	}
	s->instructions++;
	s->locked += is_locked(op, lock);
	s->syscalls += op[0] == TWO_BYTES && op[1] == 0x05;
	s->pauses += rep && op[0] == 0x90;
	s->allocations += is_allocation(pc);
}

static void
child(void (*fn)(void))
{
	fn();
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
		_exit(1);
	raise(SIGSTOP);
	fn();
	_exit(0);
}

/* The signal to pass on to a thread that has stopped. */
static long
signal_of(int status)
{
	int sig = WSTOPSIG(status);

	return sig == SIGTRAP || sig == SIGSTOP ? 0 : sig;
}

/* Steps all threads until `end', the return address of fn in the first. */
static int
follow(pid_t first, uintptr_t fn, struct step *s)
{
	struct user_regs_struct r;
	uintptr_t end = 0;
	pid_t tid;
	int status;

	for (;;) {
		tid = waitpid(-1, &status, __WALL);
		if (tid < 0)
			return -errno;
		if (!WIFSTOPPED(status)) {
			if (tid == first)
				return -ECHILD;
			continue;
		}
		if (ptrace(PTRACE_GETREGS, tid, NULL, &r) != 0)
			return -errno;
		if (tid == first && end == 0 && r.rip == fn)
			end = (uintptr_t)ptrace(PTRACE_PEEKDATA, tid, r.rsp,
						NULL);
		else if (tid == first && end != 0 && r.rip == end)
			return 0;
		if (end != 0 && status >> 16 == 0)
			count(s, r.rip);
		ptrace(PTRACE_SINGLESTEP, tid, NULL, signal_of(status));
	}
}

int
step_run(void (*fn)(void), struct step *out)
{
	struct step s = { 0 };
	int status;
	int code;
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (pid == 0)
		child(fn);
	if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
		return -EPERM;
	ptrace(PTRACE_SETOPTIONS, pid, NULL,
	       PTRACE_O_TRACECLONE | PTRACE_O_EXITKILL);
	ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL);
	code = follow(pid, (uintptr_t)fn, &s);
	kill(pid, SIGKILL);
	while (waitpid(-1, &status, __WALL) > 0)
		;
	if (code == 0)
		*out = s;
	return code;
}

#else

int
step_run(void (*fn)(void), struct step *out)
{
	(void)fn;
	(void)out;
	return -ENOSYS;
}

#endif
