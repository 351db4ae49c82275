/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The watcher: epoll, level triggered, one event at a time, so that a watch
 * that is stopped while another is served is not served any more.  Whoever
 * stops one takes the lock under which it would be served.
 */
#define _GNU_SOURCE
#include "watch.h"
#include "../core/os.h"
#include "step.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

static struct {
	pthread_mutex_t start; /* the thread comes and goes */
	pthread_mutex_t serve; /* held while a watch is served */
	pthread_t thread;
	uint32_t watches;
	int epoll;
	int end;   /* readable: the thread is to end */
	pid_t pid; /* the process that has the thread; 0 none */
} watcher = {
	.start = PTHREAD_MUTEX_INITIALIZER,
	.serve = PTHREAD_MUTEX_INITIALIZER,
};

/* Who is in the thread needs no lock to know that it is there. */
static __thread bool is_here;

static void *
serve(void *arg)
{
	struct epoll_event event;
	struct watch *w = arg;

	is_here = true;
	do {
		if (epoll_wait(watcher.epoll, &event, 1, -1) != 1)
			continue;
		/* Looked at again under the lock: it may be stopped by now. */
		pthread_mutex_lock(&watcher.serve);
		if (epoll_wait(watcher.epoll, &event, 1, 0) == 1) {
			w = event.data.ptr;
			STEP(watch_serve);
			if (w != NULL)
				w->ready(w);
		}
		pthread_mutex_unlock(&watcher.serve);
	} while (w != NULL);
	return w;
}

static int
create_thread(void)
{
	sigset_t all, old;
	int code;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	code = -pthread_create(&watcher.thread, NULL, serve, &watcher);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return code;
}

/* Under `start', by the first watch. */
static int
open_thread(void)
{
	struct epoll_event event = { .events = EPOLLIN };
	int code = 0;

	watcher.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (watcher.epoll < 0)
		return -errno;
	STEP(watch_open);
	watcher.end = eventfd(0, EFD_CLOEXEC);
	if (watcher.end < 0 ||
	    epoll_ctl(watcher.epoll, EPOLL_CTL_ADD, watcher.end, &event) != 0)
		code = -errno;
	if (code == 0)
		code = create_thread();
	if (code == 0) {
		watcher.pid = getpid();
		return 0;
	}
	if (watcher.end >= 0)
		close(watcher.end);
	close(watcher.epoll);
	return code;
}

/* Under `start', by the last watch. */
static void
close_thread(void)
{
	(void)eventfd_write(watcher.end, 1);
	STEP(watch_join);
	pthread_join(watcher.thread, NULL);
	close(watcher.end);
	close(watcher.epoll);
	watcher.pid = 0;
}

static uint32_t
count(void)
{
	return __atomic_load_n(&watcher.watches, __ATOMIC_RELAXED);
}

static int
add(struct watch *w, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = w };

	w->fd = fd;
	STEP(watch_add);
	__atomic_fetch_add(&watcher.watches, 1, __ATOMIC_RELAXED);
	if (epoll_ctl(watcher.epoll, EPOLL_CTL_ADD, fd, &event) == 0)
		return 0;
	w->fd = -1;
	__atomic_fetch_sub(&watcher.watches, 1, __ATOMIC_RELAXED);
	return -errno;
}

int
watch_start(struct watch *w, int fd, void (*ready)(struct watch *), void *data)
{
	int code = 0;

	*w = (struct watch){ .fd = -1, .ready = ready, .data = data };
	if (is_here)
		return add(w, fd);
	pthread_mutex_lock(&watcher.start);
	if (watcher.pid == 0)
		code = open_thread();
	else if (watcher.pid != getpid())
		code = -ENOTCONN;
	if (code == 0) {
		code = add(w, fd);
		if (count() == 0)
			close_thread();
	}
	pthread_mutex_unlock(&watcher.start);
	return code;
}

/* By the thread itself: what it serves is not the last watch, or it stays. */
static void
stop_here(struct watch *w)
{
	STEP(watch_stop);
	(void)epoll_ctl(watcher.epoll, EPOLL_CTL_DEL, w->fd, NULL);
	w->fd = -1;
	__atomic_fetch_sub(&watcher.watches, 1, __ATOMIC_RELAXED);
}

void
watch_stop(struct watch *w)
{
	if (is_here) {
		if (w->fd >= 0)
			stop_here(w);
		return;
	}
	pthread_mutex_lock(&watcher.start);
	if (watcher.pid == getpid()) {
		pthread_mutex_lock(&watcher.serve);
		if (w->fd >= 0)
			stop_here(w);
		pthread_mutex_unlock(&watcher.serve);
		if (count() == 0)
			close_thread();
	}
	pthread_mutex_unlock(&watcher.start);
}
