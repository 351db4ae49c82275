/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What a script asks of files, open or not, and of the file system. */
#include "ask.h"

void
ask_open(struct script *s)
{
	static const uint32_t types[] = { MP_S_IFREG, MP_S_IFREG, MP_S_IFREG,
					  MP_S_IFDIR, MP_S_IFLNK, MP_S_IFIFO };

	s->m.open.in.node = any_node(s, types[script_below(s, COUNT(types))]);
	CRED(open);
	s->m.open.in.flags = any_flags(s);
}

void
ask_opendir(struct script *s)
{
	CRED(open);
	s->m.open.in.node = any_node(s, one_in(s, 6) ? 0 : MP_S_IFDIR);
	s->m.open.in.flags = one_in(s, 6) ? MP_O_TRUNC : 0;
}

void
ask_read(struct script *s)
{
	ON_FILE(read);
	s->m.read.in.offset = any_offset(s);
	s->m.read.buf = lent(s, MP_BUF_OUT, script_below(s, SCRIPT_IO_MAX));
}

void
ask_write(struct script *s)
{
	ON_FILE(write);
	s->m.write.in.offset = any_offset(s);
	s->m.write.in.flags = (uint32_t)script_below(s, 4);
	s->m.write.buf = lent(s, MP_BUF_IN, script_below(s, SCRIPT_IO_MAX));
}

void
ask_file(struct script *s)
{
	ON_FILE(release);
}

/* Of a directory, or a handle that is none. */
void
ask_dir(struct script *s)
{
	const struct script_open *o = any_open(s, true);

	s->m.release.in.node = one_in(s, 8) ? any_node(s, 0) : o->node;
	if (one_in(s, 12))
		s->m.release.in.node ^= 1ull << 40;
	s->m.release.in.fh = one_in(s, 8) ? 77 : o->fh;
}

void
ask_fsync(struct script *s)
{
	ON_FILE(fsync);
	s->m.fsync.in.flags = (uint32_t)script_below(s, 2);
}

void
ask_readdir(struct script *s)
{
	ask_dir(s);
	s->m.readdir.in.cookie = script_below(s, one_in(s, 2) ? 1 : 40);
	s->m.readdir.buf = lent(s, MP_BUF_OUT,
				MP_VFS_RECORD_MAX + 8 * script_below(s, 1000));
}

/* statfs and syncfs */
void
ask_node(struct script *s)
{
	s->m.statfs.in.node = one_in(s, 3) ? 0 : any_node(s, 0);
}

void
ask_access(struct script *s)
{
	CRED(access);
	s->m.access.in.node = any_node(s, 0);
	s->m.access.in.mask = (uint32_t)script_below(s, 8);
}

void
ask_fallocate(struct script *s)
{
	static const uint32_t modes[] = { 0,
					  MP_VFS_FALLOC_KEEP,
					  MP_VFS_FALLOC_KEEP |
						  MP_VFS_FALLOC_PUNCH,
					  MP_VFS_FALLOC_ZERO,
					  MP_VFS_FALLOC_COLLAPSE,
					  MP_VFS_FALLOC_PUNCH };
	struct mp_vfs_fallocate *m = &s->m.fallocate;

	ON_FILE(fallocate);
	if (one_in(s, 4))
		m->in.node =
			any_node(s, one_in(s, 2) ? MP_S_IFLNK : MP_S_IFDIR);
	m->in.offset = any_offset(s);
	m->in.length = 1 + script_below(s, 100000);
	m->in.mode = modes[script_below(s, COUNT(modes))];
}

void
ask_lseek(struct script *s)
{
	ON_FILE(lseek);
	s->m.lseek.in.offset = any_offset(s);
	s->m.lseek.in.whence =
		one_in(s, 2) ? MP_VFS_SEEK_DATA : MP_VFS_SEEK_HOLE;
}

void
ask_copy(struct script *s)
{
	struct mp_vfs_copy_file_range *m = &s->m.copy_file_range;

	ON_FILE(copy_file_range);
	any_file(s, &m->in.to_node, &m->in.to_fh);
	m->in.offset = one_in(s, 4) ? any_offset(s) : 0;
	m->in.to_offset = any_offset(s);
	m->in.length = script_below(s, 1u << (one_in(s, 2) ? 17 : 12));
}

void
ask_attach(struct script *s)
{
	s->m.attach.in.caps = (uint32_t)script_below(s, 2 * MP_VFS_CAP_ALL);
	s->m.attach.in.io_max = (uint32_t)script_below(s, 4);
}

/* Only of what is not attached, as it is told; else all would be gone. */
void
ask_detach(struct script *s)
{
	s->m.detach.in.reserved = 1;
}
