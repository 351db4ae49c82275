/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef ASK_H
#define ASK_H

/* How a script mixes its arguments, and who asks with them. */

#include "script.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

#define CRED(type) (s->m.type.in.cred = any_cred(s))
#define NAME(type) any_name(s, &s->m.type.in.name_len, s->m.type.in.name)
#define XATTR(type) any_xattr(s, &s->m.type.in.name_len, s->m.type.in.name)
#define ON_FILE(type) any_file(s, &s->m.type.in.node, &s->m.type.in.fh)

static inline bool
one_in(struct script *s, uint64_t n)
{
	return script_below(s, n) == 0;
}

/* test/ask.c */
struct mp_vfs_cred any_cred(struct script *);
/* Of that type if there is one; now and then none, or one that is no more. */
uint64_t any_node(struct script *, uint32_t type);
uint64_t any_dir(struct script *);
const struct script_open *any_open(struct script *, bool dir);
void any_file(struct script *, uint64_t *node, uint64_t *fh);
uint64_t any_offset(struct script *);
uint32_t any_mode(struct script *);
uint32_t any_flags(struct script *);
void any_name(struct script *, uint32_t *len, char *to);
void any_xattr(struct script *, uint32_t *len, char *to);
/* What is lent is the same each time; what is to be filled begins as 0xa5. */
struct mp_buf lent(struct script *, uint32_t dir, uint64_t len);

/* test/ask_name.c */
void ask_create(struct script *);
void ask_forget(struct script *);
void ask_getattr(struct script *);
void ask_getxattr(struct script *);
void ask_link(struct script *);
void ask_listxattr(struct script *);
void ask_lookup(struct script *);
void ask_mkdir(struct script *);
void ask_mknod(struct script *);
void ask_readlink(struct script *);
void ask_removexattr(struct script *);
void ask_rename(struct script *);
void ask_setattr(struct script *);
void ask_setxattr(struct script *);
void ask_symlink(struct script *);
void ask_unlink(struct script *);
void ask_upward(struct script *);

/* test/ask_file.c */
void ask_access(struct script *);
void ask_attach(struct script *);
void ask_copy(struct script *);
void ask_detach(struct script *);
void ask_dir(struct script *);
void ask_fallocate(struct script *);
void ask_file(struct script *);
void ask_fsync(struct script *);
void ask_lseek(struct script *);
void ask_node(struct script *);
void ask_open(struct script *);
void ask_opendir(struct script *);
void ask_read(struct script *);
void ask_readdir(struct script *);
void ask_write(struct script *);

#endif
