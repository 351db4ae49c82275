/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Requests on open files.
 *
 * A read goes from the driver into one buffer that libfuse hands to the
 * kernel; a write is lent as it lies in libfuse's, or in what it was received
 * into.  The buffer is aligned to pages, without which copying 128 KiB takes
 * twice the time.
 */
#include "fuse_op.h"
#include <fcntl.h>
#include <stdlib.h>

#define READ_STACK ((size_t)131072) /* the kernel's usual readahead */
#define PAGE ((size_t)4096)
#define COPY_MAX (1u << 30) /* a reply holds 32 bits */

/*
 * A kernel that writes back its cache reads pages before it fills them, and
 * does the appending itself.
 */
static uint32_t
open_flags(const struct mp_fuse *f, int flags)
{
	uint32_t to = (uint32_t)flags & MP_O_ALL & ~MP_O_DIRECT;

	if ((flags & O_DIRECT) != 0)
		to |= MP_O_DIRECT;
	if ((f->caps & MP_VFS_CAP_WRITEBACK) == 0)
		return to;
	if ((to & MP_O_ACCMODE) == MP_O_WRONLY)
		to = (to & ~MP_O_ACCMODE) | MP_O_RDWR;
	return to & ~MP_O_APPEND;
}

static void
opened(struct fuse_file_info *fi, uint64_t fh, uint32_t flags)
{
	fi->fh = fh;
	fi->direct_io = (flags & MP_VFS_OPEN_DIRECT_IO) != 0;
	fi->keep_cache = (flags & MP_VFS_OPEN_KEEP_CACHE) != 0;
	fi->nonseekable = (flags & MP_VFS_OPEN_NONSEEKABLE) != 0;
	fi->cache_readdir = (flags & MP_VFS_OPEN_CACHE_DIR) != 0;
	fi->noflush = (flags & MP_VFS_OPEN_NOFLUSH) != 0;
}

static void
give_back(struct mp_fuse *f, uint32_t op, uint64_t node, uint64_t fh)
{
	struct mp_vfs_release m;

	fuse_msg(&m.msg, op);
	m.in.node = node;
	m.in.fh = fh;
	(void)mp_call(f->port, &m.msg);
}

static void
open_node(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi,
	  uint32_t flags, uint32_t op)
{
	struct mp_fuse *f = fuse_req_userdata(req);
	struct mp_vfs_open m;
	int code;

	fuse_msg(&m.msg, op);
	m.in.cred = fuse_cred(f, req);
	m.in.node = ino;
	m.in.flags = flags;
	m.in.reserved = 0;
	code = fuse_call(f, req, &m.msg);
	if (code != 0) {
		fuse_status(req, code);
		return;
	}
	opened(fi, m.out.fh, m.out.flags);
	if (fuse_reply_open(req, fi) != 0)
		give_back(f,
			  op == MP_VFS_OPEN ? MP_VFS_RELEASE :
					      MP_VFS_RELEASEDIR,
			  ino, m.out.fh);
}

static void
do_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct mp_fuse *f = fuse_req_userdata(req);
	uint32_t flags = open_flags(f, fi->flags) & ~MP_O_EXCL;

	open_node(req, ino, fi, flags, MP_VFS_OPEN);
}

static void
do_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	const uint32_t known = MP_O_NONBLOCK | MP_O_NOATIME;

	open_node(req, ino, fi, (uint32_t)fi->flags & known, MP_VFS_OPENDIR);
}

static void
do_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
	  struct fuse_file_info *fi)
{
	struct mp_fuse *f = fuse_req_userdata(req);
	struct fuse_entry_param p;
	struct mp_vfs_create m;
	int code;

	if (!fuse_name(req, name, m.in.name, &m.in.name_len))
		return;
	fuse_msg(&m.msg, MP_VFS_CREATE);
	m.in.cred = fuse_cred(f, req);
	m.in.parent = parent;
	m.in.mode = mode & MP_S_IPERM;
	m.in.flags = open_flags(f, fi->flags);
	m.in.reserved = 0;
	code = fuse_call(f, req, &m.msg);
	if (code != 0) {
		fuse_status(req, code);
		return;
	}
	opened(fi, m.out.fh, m.out.flags);
	fuse_entry_fill(&p, &m.out.entry);
	if (fuse_reply_create(req, &p, fi) != 0) {
		give_back(f, MP_VFS_RELEASE, m.out.entry.id, m.out.fh);
		fuse_unlook(f, m.out.entry.id);
	}
}

static inline void
read_into(fuse_req_t req, struct mp_vfs_read *m, struct mp_buf to)
{
	struct mp_fuse *f = fuse_req_userdata(req);
	int code;

	m->buf = to;
	code = fuse_call(f, req, &m->msg);
	if (code == 0 && m->out.count > to.len)
		code = -EIO;
	if (code == 0)
		fuse_reply_buf(req, to.base, m->out.count);
	else
		fuse_status(req, code);
}

static struct mp_buf
read_buf(void *to, size_t size, uint32_t arena)
{
	return (struct mp_buf){ to, size, MP_BUF_OUT, arena };
}

/* False: there is no memory that crosses without a copy. */
static __attribute__((noinline)) bool
read_lent(fuse_req_t req, struct mp_vfs_read *m, size_t size)
{
	struct mp_fuse *f = fuse_req_userdata(req);
	struct mp_buf *piece = fuse_buf_take(f, size);

	if (piece == NULL)
		return false;
	read_into(req, m, read_buf(piece->base, size, piece->arena));
	fuse_buf_give(f, piece);
	return true;
}

/* Out of line, so that a read of the usual size saves little. */
static __attribute__((noinline)) void
read_large(fuse_req_t req, struct mp_vfs_read *m, size_t size)
{
	char *to = aligned_alloc(PAGE, (size + PAGE - 1) & ~(PAGE - 1));

	if (to == NULL)
		fuse_status(req, -ENOMEM);
	else
		read_into(req, m, read_buf(to, size, 0));
	free(to);
}

static void
do_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
	struct fuse_file_info *fi)
{
	const struct mp_fuse *f = fuse_req_userdata(req);
	_Alignas(PAGE) char to[READ_STACK];
	struct mp_vfs_read m;

	fuse_msg(&m.msg, MP_VFS_READ);
	m.in.node = ino;
	m.in.fh = fi->fh;
	m.in.offset = (uint64_t)offset;
	if (f->piece_size != 0 && read_lent(req, &m, size))
		return;
	if (size <= sizeof(to))
		read_into(req, &m, read_buf(to, size, 0));
	else
		read_large(req, &m, size);
}

static void
do_write(fuse_req_t req, fuse_ino_t ino, const char *from, size_t size,
	 off_t offset, struct fuse_file_info *fi)
{
	struct mp_fuse *f = fuse_req_userdata(req);
	struct mp_buf *piece = NULL;
	struct mp_vfs_write m;
	int code;

	fuse_msg(&m.msg, MP_VFS_WRITE);
	m.in.node = ino;
	m.in.fh = fi->fh;
	m.in.offset = (uint64_t)offset;
	m.in.flags = fi->writepage ? MP_VFS_WRITE_CACHE : 0;
	m.in.reserved = 0;
	m.buf = (struct mp_buf){ (void *)(uintptr_t)from, size, MP_BUF_IN, 0 };
	if (f->piece_size != 0)
		piece = fuse_buf_received(&m.buf);
	code = fuse_call(f, req, &m.msg);
	if (piece != NULL)
		fuse_buf_give(f, piece);
	if (code == 0 && m.out.count > size)
		code = -EIO;
	if (code == 0)
		fuse_reply_write(req, m.out.count);
	else
		fuse_status(req, code);
}

static void
end(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi, uint32_t op)
{
	struct mp_fuse *f = fuse_req_userdata(req);
	struct mp_vfs_release m;

	fuse_msg(&m.msg, op);
	m.in.node = ino;
	m.in.fh = fi->fh;
	fuse_status(req, fuse_call(f, req, &m.msg));
}

static void
do_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	end(req, ino, fi, MP_VFS_FLUSH);
}

static void
do_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	end(req, ino, fi, MP_VFS_RELEASE);
}

static void
do_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	end(req, ino, fi, MP_VFS_RELEASEDIR);
}

static void
sync_node(fuse_req_t req, fuse_ino_t ino, int data, struct fuse_file_info *fi,
	  uint32_t op)
{
	struct mp_fuse *f = fuse_req_userdata(req);
	struct mp_vfs_fsync m;

	fuse_msg(&m.msg, op);
	m.in.node = ino;
	m.in.fh = fi->fh;
	m.in.flags = data != 0 ? MP_VFS_FSYNC_DATA : 0;
	m.in.reserved = 0;
	fuse_status(req, fuse_call(f, req, &m.msg));
}

static void
do_fsync(fuse_req_t req, fuse_ino_t ino, int data, struct fuse_file_info *fi)
{
	sync_node(req, ino, data, fi, MP_VFS_FSYNC);
}

static void
do_fsyncdir(fuse_req_t req, fuse_ino_t ino, int data, struct fuse_file_info *fi)
{
	sync_node(req, ino, data, fi, MP_VFS_FSYNCDIR);
}

static void
do_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t offset,
	     off_t length, struct fuse_file_info *fi)
{
	struct mp_fuse *f = fuse_req_userdata(req);
	struct mp_vfs_fallocate m;

	fuse_msg(&m.msg, MP_VFS_FALLOCATE);
	m.in.node = ino;
	m.in.fh = fi->fh;
	m.in.offset = (uint64_t)offset;
	m.in.length = (uint64_t)length;
	m.in.mode = (uint32_t)mode;
	m.in.reserved = 0;
	fuse_status(req, fuse_call(f, req, &m.msg));
}

static void
do_lseek(fuse_req_t req, fuse_ino_t ino, off_t offset, int whence,
	 struct fuse_file_info *fi)
{
	struct mp_fuse *f = fuse_req_userdata(req);
	struct mp_vfs_lseek m;
	int code;

	fuse_msg(&m.msg, MP_VFS_LSEEK);
	m.in.node = ino;
	m.in.fh = fi->fh;
	m.in.offset = (uint64_t)offset;
	m.in.whence = (uint32_t)whence;
	m.in.reserved = 0;
	code = fuse_call(f, req, &m.msg);
	if (code == 0)
		fuse_reply_lseek(req, (off_t)m.out.offset);
	else
		fuse_status(req, code);
}

static void
do_copy(fuse_req_t req, fuse_ino_t ino, off_t offset, struct fuse_file_info *fi,
	fuse_ino_t to, off_t to_offset, struct fuse_file_info *to_fi,
	size_t length, int flags)
{
	struct mp_fuse *f = fuse_req_userdata(req);
	struct mp_vfs_copy_file_range m;
	int code;

	fuse_msg(&m.msg, MP_VFS_COPY_FILE_RANGE);
	m.in.node = ino;
	m.in.fh = fi->fh;
	m.in.offset = (uint64_t)offset;
	m.in.to_node = to;
	m.in.to_fh = to_fi->fh;
	m.in.to_offset = (uint64_t)to_offset;
	m.in.length = length < COPY_MAX ? length : COPY_MAX;
	m.in.flags = (uint32_t)flags;
	m.in.reserved = 0;
	code = fuse_call(f, req, &m.msg);
	if (code == 0 && m.out.count > m.in.length)
		code = -EIO;
	if (code == 0)
		fuse_reply_write(req, m.out.count);
	else
		fuse_status(req, code);
}

void
fuse_file_ops(struct fuse_lowlevel_ops *o)
{
	o->open = do_open;
	o->opendir = do_opendir;
	o->create = do_create;
	o->read = do_read;
	o->write = do_write;
	o->flush = do_flush;
	o->release = do_release;
	o->releasedir = do_releasedir;
	o->fsync = do_fsync;
	o->fsyncdir = do_fsyncdir;
	o->fallocate = do_fallocate;
	o->lseek = do_lseek;
	o->copy_file_range = do_copy;
}
