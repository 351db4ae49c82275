/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The rules of POSIX once more, by a vfs_mem that is as if far away: another
 * thread runs it, on copies, which are spoilt as soon as it has replied.
 */
#include "posix.h"
#include "t.h"

#include <msgport/parity.h>

void
t_setup(void)
{
	px = &px_port;
	px_port_parity = MP_PARITY_ASYNC | MP_PARITY_COPY | MP_PARITY_POISON;
	px_name_rules();
	px_rename_rules();
	px_dir_rules();
	px_data_rules();
	px_attr_rules();
	px_xattr_rules();
	px_limit_rules();
	px_model_rules();
}
