/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A session: mount, agree with the driver, serve, unmount.
 *
 * The kernel's first request, init, becomes attach.  Each capability that the
 * kernel has and the driver wants is switched on; the kernel clears setuid
 * bits itself, because libfuse 3.14 does not pass on where it would leave that
 * to the driver.  Permissions are always the kernel's to check.
 */
#include "fuse_op.h"
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define AGAIN_NS 5000000 /* a signal may come too early */
#define IO_MIN 4096u	 /* the kernel reads and writes pages */

static const struct {
	uint32_t ours;
	uint32_t fuse; /* all of them */
} cap_map[] = {
	{ MP_VFS_CAP_WRITEBACK, FUSE_CAP_WRITEBACK_CACHE },
	{ MP_VFS_CAP_READDIRPLUS,
	  FUSE_CAP_READDIRPLUS | FUSE_CAP_READDIRPLUS_AUTO },
	{ MP_VFS_CAP_EXPORT, FUSE_CAP_EXPORT_SUPPORT },
	{ MP_VFS_CAP_ACL, FUSE_CAP_POSIX_ACL | FUSE_CAP_DONT_MASK },
	{ MP_VFS_CAP_TRUNC, FUSE_CAP_ATOMIC_O_TRUNC },
};

#define CAPS (sizeof(cap_map) / sizeof(cap_map[0]))

static uint32_t
caps_of(const struct fuse_conn_info *conn)
{
	uint32_t caps = 0;

	for (size_t i = 0; i < CAPS; i++)
		if ((cap_map[i].fuse & ~conn->capable) == 0)
			caps |= cap_map[i].ours;
	return caps;
}

static void
want(struct mp_fuse *f, struct fuse_conn_info *conn,
     const struct mp_vfs_attach *m)
{
	const uint32_t more = FUSE_CAP_ASYNC_READ | FUSE_CAP_ASYNC_DIO |
			      FUSE_CAP_PARALLEL_DIROPS |
			      FUSE_CAP_AUTO_INVAL_DATA;

	f->caps = m->out.caps & m->in.caps;
	f->umask = (f->caps & MP_VFS_CAP_ACL) != 0 ? 0777 : 0;
	conn->want = more & conn->capable;
	for (size_t i = 0; i < CAPS; i++)
		if ((f->caps & cap_map[i].ours) != 0)
			conn->want |= cap_map[i].fuse;
	if (m->out.io_max < conn->max_write)
		conn->max_write = m->out.io_max & ~(IO_MIN - 1);
	if (m->out.time_gran_ns != 0)
		conn->time_gran = m->out.time_gran_ns;
}

static void
notify_stop(struct mp_fuse *f)
{
	if (f->notifying)
		mp_pool_stop(&f->notify);
	f->notifying = false;
}

/* With a port for what the driver tells, if one can be lent to it. */
static int
call_attach(struct mp_fuse *f, struct mp_vfs_attach *m)
{
	int code;

	mp_pool_init(&f->notify, fuse_notify, f);
	f->notify.port.iface = &mp_vfs_iface;
	f->notifying = mp_pool_start(&f->notify, &f->thread, 1) == 0;
	if (f->notifying) {
		m->notify.port = &f->notify.port;
		m->notify.kind = MP_HANDLE_PORT;
	}
	code = mp_call(f->port, &m->msg);
	if (code != -EOPNOTSUPP || !f->notifying)
		return code;
	notify_stop(f);
	memset(&m->notify, 0, sizeof(m->notify));
	return mp_call(f->port, &m->msg);
}

static int
attach(struct mp_fuse *f, struct fuse_conn_info *conn)
{
	struct mp_vfs_attach m;
	int code;

	memset(&m, 0, sizeof(m));
	m.msg.op = MP_VFS_ATTACH;
	m.in.caps = caps_of(conn) & ~f->conf.caps_off;
	m.in.io_max = conn->max_write;
	code = call_attach(f, &m);
	f->attached = code == 0;
	if (code == -ENOSYS) {
		m.out.caps = 0;
		m.out.io_max = m.in.io_max;
		m.out.time_gran_ns = 1;
		code = 0;
	}
	if (code == 0 && m.out.io_max < IO_MIN)
		code = -EINVAL;
	if (code == 0) {
		want(f, conn, &m);
		fuse_buf_open(f, conn->max_write);
	}
	return code;
}

static void
do_init(void *data, struct fuse_conn_info *conn)
{
	struct mp_fuse *f = data;

	f->error = attach(f, conn);
	if (f->error != 0)
		fuse_session_exit(f->session);
	if (f->conf.ready != NULL)
		f->conf.ready(f->conf.arg, f->error);
	f->conf.ready = NULL;
}

void
fuse_detach(struct mp_fuse *f)
{
	struct mp_vfs_detach m;

	m.msg = (struct mp_msg)MP_MSG(MP_VFS_DETACH);
	m.in.reserved = 0;
	if (f->attached)
		(void)mp_call(f->port, &m.msg);
	f->attached = false;
	notify_stop(f);
}

void
fuse_ops(struct fuse_lowlevel_ops *o)
{
	memset(o, 0, sizeof(*o));
	o->init = do_init;
	fuse_name_ops(o);
	fuse_file_ops(o);
	fuse_dir_ops(o);
}

static int
session_new(struct mp_fuse *f)
{
	struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
	struct fuse_lowlevel_ops ops;
	int code;

	fuse_ops(&ops);
	code = fuse_opt_add_arg(&args, "msgport");
	code |= fuse_opt_add_arg(&args, "-odefault_permissions");
	if (f->conf.mount != NULL && f->conf.mount[0] != '\0') {
		code |= fuse_opt_add_arg(&args, "-o");
		code |= fuse_opt_add_arg(&args, f->conf.mount);
	}
	if (code == 0)
		f->session = fuse_session_new(&args, &ops, sizeof(ops), f);
	fuse_opt_free_args(&args);
	if (code != 0)
		return -ENOMEM;
	return f->session != NULL ? 0 : -EINVAL;
}

/* Of the file system that is there; nobody is asked, so nobody must answer. */
static uint64_t
dev_at(const char *dir)
{
	struct statx st;

	if (dir == NULL ||
	    statx(AT_FDCWD, dir, AT_STATX_DONT_SYNC, 0, &st) != 0)
		return 0;
	return (uint64_t)st.stx_dev_major << 32 | st.stx_dev_minor;
}

/* False: it is unmounted, or somebody mounted something over it. */
static bool
is_there(const struct mp_fuse *f)
{
	return dev_at(f->dir) == f->dev;
}

static bool
has_ended(const struct mp_fuse *f)
{
	struct pollfd p = { .fd = fuse_session_fd(f->session) };

	return poll(&p, 1, 0) == 1 && (p.revents & POLLERR) != 0;
}

/* By itself libfuse would unmount whatever is there. */
static void
unmount(struct mp_fuse *f)
{
	if (f->dev != 0 && (has_ended(f) || is_there(f)))
		fuse_session_unmount(f->session);
}

int
mp_fuse_open(struct mp_fuse *f, struct mp_port *port, const char *dir,
	     const struct mp_fuse_conf *conf)
{
	struct stat st;
	int code;

	memset(f, 0, sizeof(*f));
	mp_port_init_dead(&f->refuse, -EAGAIN);
	f->port = port;
	f->first = conf->flags & MP_FUSE_INTR ? &f->refuse : port;
	f->conf = *conf;
	f->dir = realpath(dir, NULL);
	if (f->dir == NULL || stat(f->dir, &st) != 0)
		code = -errno;
	else
		code = S_ISDIR(st.st_mode) ? session_new(f) : -ENOTDIR;
	if (code == 0 && fuse_session_mount(f->session, f->dir) != 0)
		code = -EIO;
	if (code == 0)
		f->dev = dev_at(f->dir);
	if (code != 0)
		mp_fuse_close(f);
	return code;
}

/*
 * Nobody answers any more: whoever waits for an answer is let go, before our
 * own threads are waited for that the kernel may keep behind such a one.
 */
static void
let_go(struct mp_fuse *f)
{
	if (!has_ended(f) && is_there(f))
		(void)umount2(f->dir, MNT_FORCE | MNT_DETACH);
}

static void
wake(int sig)
{
	(void)sig;
}

int
mp_fuse_run(struct mp_fuse *f)
{
	struct fuse_loop_config *c = fuse_loop_cfg_create();
	struct sigaction sa = { .sa_handler = wake };
	int code;

	if (c == NULL)
		return -ENOMEM;
	__atomic_store_n(&f->loop, pthread_self(), __ATOMIC_RELEASE);
	fuse_loop_cfg_set_clone_fd(c, f->conf.flags & MP_FUSE_CLONE_FD);
	fuse_loop_cfg_set_max_threads(c, f->conf.threads_max != 0 ?
						 f->conf.threads_max :
						 MP_FUSE_THREADS);
	(void)sigaction(SIGURG, &sa, NULL);
	code = fuse_buf_hook(f);
	if (code == 0)
		code = fuse_session_loop_mt(f->session, c);
	__atomic_store_n(&f->over, true, __ATOMIC_RELEASE);
	fuse_loop_cfg_destroy(c);
	let_go(f);
	fuse_detach(f);
	fuse_buf_close(f);
	unmount(f);
	/* It was unmounted while a request was being read. */
	if (code == -ECONNABORTED)
		code = 0;
	if (code > 0)
		code = -EINTR;
	return f->error != 0 ? f->error : code;
}

/*
 * The kernel writes back what it holds when it unmounts, so that must happen
 * while requests are still served.  It happens in a child without descriptors:
 * a thread of ours that waits for ourselves could not be killed, and with it
 * would stay the descriptor that keeps it waiting.
 */
static bool
unmount_apart(const char *dir)
{
	pid_t pid = fork();
	int fd, status = 1;

	if (pid == 0) {
		(void)close_range(3, ~0u, 0);
		fd = open(dir, O_RDONLY | O_DIRECTORY);
		(void)syncfs(fd);
		(void)close(fd);
		_exit(umount2(dir, UMOUNT_NOFOLLOW) != 0);
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return pid > 0 && status == 0;
}

/* The loop sleeps with a semaphore; it looks only when a signal comes. */
void
mp_fuse_stop(struct mp_fuse *f)
{
	const struct timespec again = { .tv_nsec = AGAIN_NS };

	if (is_there(f) && unmount_apart(f->dir))
		return;
	fuse_session_exit(f->session);
	while (!__atomic_load_n(&f->over, __ATOMIC_ACQUIRE)) {
		(void)pthread_kill(__atomic_load_n(&f->loop, __ATOMIC_ACQUIRE),
				   SIGURG);
		(void)nanosleep(&again, NULL);
	}
}

void
mp_fuse_close(struct mp_fuse *f)
{
	if (f->session != NULL) {
		unmount(f);
		fuse_session_destroy(f->session);
		f->session = NULL;
	}
	mp_port_fini(&f->refuse);
	free(f->dir);
	f->dir = NULL;
}
