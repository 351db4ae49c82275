/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What the conformance suite needs of the machine it runs on. */
#define _GNU_SOURCE
#include "conform.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

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
