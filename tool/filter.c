/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The system calls of a host.
 *
 * What a broker, a driver and the C library below them need is allowed.  What
 * only somebody who has taken the process over would try kills it, so that it
 * is seen, and ends.  Everything else fails with EPERM: a C library makes such
 * calls on its own, when it opens a file of the kernel's to tune itself, and
 * lives well without them.
 *
 * Two filters: the first is loaded before there are threads, so it has to let
 * them begin; the second is laid over all threads when they have.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "host.h"
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define N(name) SCMP_SYS(name)

static const int allowed[] = {
	/* sleeping, waking, time */
	N(futex), N(futex_waitv), N(epoll_wait), N(epoll_pwait), N(epoll_ctl),
	N(poll), N(ppoll), N(clock_gettime), N(clock_nanosleep), N(nanosleep),
	N(gettimeofday), N(sched_yield), N(getcpu), N(sched_getaffinity),
	/* clients */
	N(accept4), N(getsockopt), N(recvmsg), N(sendmsg), N(pidfd_open),
	N(memfd_create), N(ftruncate), N(fallocate),
	/* what is open already */
	N(read), N(write), N(readv), N(writev), N(pread64), N(pwrite64),
	N(preadv), N(pwritev), N(lseek), N(fsync), N(fdatasync), N(fstat),
	N(close), N(dup2),
	/* memory; mmap and mprotect are below */
	N(munmap), N(mremap), N(madvise), N(brk), N(getrandom),
	/* threads, signals of its own, the end */
	N(getpid), N(gettid), N(rt_sigaction), N(rt_sigprocmask),
	N(rt_sigreturn), N(rt_sigtimedwait), N(sigaltstack), N(restart_syscall),
	N(rseq), N(set_robust_list), N(membarrier), N(exit), N(exit_group)
};

static const int fatal[] = {
	/* other programs and processes */
	N(execve), N(execveat), N(fork), N(vfork), N(ptrace),
	N(process_vm_readv), N(process_vm_writev), N(pidfd_getfd),
	N(pidfd_send_signal), N(kill), N(tkill), N(kcmp),
	/* the kernel's state */
	N(mount), N(umount2), N(pivot_root), N(chroot), N(setns), N(unshare),
	N(open_by_handle_at), N(bpf), N(perf_event_open), N(userfaultfd),
	N(io_uring_setup), N(io_uring_enter), N(io_uring_register),
	N(init_module), N(finit_module), N(kexec_load), N(kexec_file_load),
	N(reboot), N(add_key), N(request_key), N(keyctl), N(setuid), N(setgid),
	N(setresuid), N(setresgid), N(capset), N(iopl), N(ioperm),
	N(personality), N(shmat), N(pkey_mprotect)
};

/* Until the threads are there. */
static const int starting[] = {
	/* and what the second filter needs */
	N(epoll_create1), N(eventfd2), N(prlimit64), N(seccomp)
};

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

static int
add_all(scmp_filter_ctx f, uint32_t action, const int *call, size_t n)
{
	int code = 0;

	for (size_t i = 0; i < n && code == 0; i++)
		code = seccomp_rule_add(f, action, call[i], 0);
	return code;
}

/* Either, as these bits of the argument are all there or none is. */
static int
add_bits(scmp_filter_ctx f, int call, unsigned int argument, uint64_t bits,
	 const uint32_t action[2])
{
	int code = 0;

	for (int there = 0; there < 2 && code == 0; there++)
		code = seccomp_rule_add(f, action[there], call, 1,
					SCMP_CMP(argument, SCMP_CMP_MASKED_EQ,
						 bits, there ? bits : 0));
	return code;
}

static int
add_arguments(scmp_filter_ctx f)
{
	static const uint32_t unless[] = { SCMP_ACT_ALLOW,
					   SCMP_ACT_KILL_PROCESS };
	static const uint32_t only_if[] = { SCMP_ACT_KILL_PROCESS,
					    SCMP_ACT_ALLOW };
	/* No F_SETOWN, which is a way to send signals. */
	static const int command[] = { F_ADD_SEALS, F_GET_SEALS, F_GETFL,
				       F_GETFD, F_SETFD };
	int code = add_bits(f, N(mmap), 2, PROT_EXEC, unless);

	if (code == 0)
		code = add_bits(f, N(mprotect), 2, PROT_EXEC, unless);
	if (code == 0)
		code = add_bits(f, N(clone), 0, CLONE_THREAD, only_if);
	/* Its flags lie in memory; who is told so uses clone. */
	if (code == 0)
		code = seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOSYS), N(clone3),
					0);
	/* abort() */
	if (code == 0)
		code = seccomp_rule_add(
			f, SCMP_ACT_ALLOW, N(tgkill), 1,
			SCMP_A0(SCMP_CMP_EQ, (uint64_t)getpid(), 0));
	for (size_t i = 0; i < COUNT(command) && code == 0; i++)
		code = seccomp_rule_add(
			f, SCMP_ACT_ALLOW, N(fcntl), 1,
			SCMP_A1(SCMP_CMP_EQ, (uint64_t)command[i], 0));
	return code;
}

static int
load(scmp_filter_ctx f, int code)
{
	if (code == 0)
		code = seccomp_attr_set(f, SCMP_FLTATR_CTL_TSYNC, 1);
	/* no_new_privs is set, and prctl() not allowed any more. */
	if (code == 0)
		code = seccomp_attr_set(f, SCMP_FLTATR_CTL_NNP, 0);
	if (code == 0)
		code = seccomp_attr_set(f, SCMP_FLTATR_ACT_BADARCH,
					SCMP_ACT_KILL_PROCESS);
	if (code == 0)
		code = seccomp_load(f);
	seccomp_release(f);
	return code;
}

int
filter_start(void)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int code;

	if (f == NULL)
		return -ENOMEM;
	code = add_all(f, SCMP_ACT_ALLOW, allowed, COUNT(allowed));
	if (code == 0)
		code = add_all(f, SCMP_ACT_ALLOW, starting, COUNT(starting));
	if (code == 0)
		code = add_all(f, SCMP_ACT_KILL_PROCESS, fatal, COUNT(fatal));
	if (code == 0)
		code = add_arguments(f);
	return load(f, code);
}

int
filter_seal(void)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ALLOW);
	int code;

	if (f == NULL)
		return -ENOMEM;
	code = add_all(f, SCMP_ACT_ERRNO(EPERM), starting, COUNT(starting));
	if (code == 0)
		code = seccomp_rule_add(f, SCMP_ACT_KILL_PROCESS, N(clone), 0);
	if (code == 0)
		code = seccomp_rule_add(f, SCMP_ACT_KILL_PROCESS, N(clone3), 0);
	return load(f, code);
}
