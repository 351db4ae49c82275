/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What the conformance suite needs of the machine it runs on. */
#define _GNU_SOURCE
#include "conform.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

uint32_t
c_thread_id(void)
{
	return (uint32_t)gettid();
}

void
c_yield(void)
{
	sched_yield();
}

/* 'S' asleep, 'R' running, 0 if it has ended. */
static char
thread_state(uint32_t thread)
{
	char text[512], *at;
	ssize_t n;
	int fd;

	snprintf(text, sizeof(text), "/proc/self/task/%u/stat", thread);
	fd = open(text, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	at = strrchr(text, ')');
	return at != NULL ? at[2] : 0;
}

/* Twice in a row: a lock that is held for an instant is no sleep. */
bool
c_sleeps(uint32_t thread, uint32_t *ended)
{
	for (int seen = 0; seen < 2; sched_yield()) {
		if (os_load_acquire(ended) != 0)
			return false;
		seen = thread_state(thread) == 'S' ? seen + 1 : 0;
	}
	return os_load_acquire(ended) == 0;
}

static size_t
whole_pages(size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (size + page - 1) / page * page;
}

void *
c_page_get(size_t size)
{
	void *page = mmap(NULL, whole_pages(size), PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(page != MAP_FAILED);
	return page;
}

void
c_page_kill(void *page, size_t size)
{
	CHECK_EQ(mprotect(page, whole_pages(size), PROT_NONE), 0);
}

void
c_page_put(void *page, size_t size)
{
	CHECK_EQ(munmap(page, whole_pages(size)), 0);
}

static __thread uint32_t wakes;

#if defined(__x86_64__)
static long
raw_syscall(long number, const long a[6])
{
	/* A sanitizer's look at a[] must not come between these and the asm. */
	long a0 = a[0], a1 = a[1], a2 = a[2], a3 = a[3], a4 = a[4], a5 = a[5];
	register long r10 __asm__("r10") = a3;
	register long r8 __asm__("r8") = a4;
	register long r9 __asm__("r9") = a5;
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a0), "S"(a1), "d"(a2), "r"(r10),
			   "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}
#else
#error "how does one enter this kernel?"
#endif

long
c_syscall(long number, const long a[6])
{
	long result;

	if (number == SYS_futex && (a[1] & FUTEX_CMD_MASK) == FUTEX_WAKE &&
	    (uint32_t)a[2] != C_OWN_WAKE)
		wakes++;
	result = raw_syscall(number, a);
	if (result < 0 && result > -4096) {
		errno = (int)-result;
		return -1;
	}
	return result;
}

uint32_t
c_wakes(void)
{
	return wakes;
}

void
c_migrate(uint32_t n)
{
	long cpus = sysconf(_SC_NPROCESSORS_CONF);
	cpu_set_t set;

	CPU_ZERO(&set);
	for (long i = 0; i < cpus; i++)
		if (n == UINT32_MAX || i == (long)n % cpus)
			CPU_SET((size_t)i, &set);
	/* Where it may not, it stays. */
	(void)sched_setaffinity(0, sizeof(set), &set);
}

static void
ignore(int signo)
{
	(void)signo;
}

void
c_disturb(uint32_t thread)
{
	struct sigaction act = { .sa_handler = ignore };

	CHECK_EQ(sigaction(SIGURG, &act, NULL), 0);
	CHECK_EQ(tgkill(getpid(), (pid_t)thread, SIGURG), 0);
}

/* Only exit is left. */
static void
forbid_system_calls(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	};
	struct sock_fprog prog = { .len = 4, .filter = code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) != 0)
		_exit(2);
}

bool
c_makes_no_system_call(struct c_client *cl, struct c_item *it)
{
	int status;
	int pid = t_fork();

	if (pid == 0) {
		/* What the first use sets up is over. */
		(void)c_do(cl, it);
		forbid_system_calls();
		for (int i = 0; i < 100; i++)
			(void)c_do(cl, it);
		_exit(0);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(!WIFEXITED(status) || WEXITSTATUS(status) == 0);
	return WIFEXITED(status);
}

uint32_t
c_random(uint32_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}
