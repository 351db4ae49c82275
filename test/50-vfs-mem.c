/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The rules of POSIX, kept by vfs_mem and asked through its port. */
#include "posix.h"
#include "t.h"

void
t_setup(void)
{
	px = &px_port;
	px_name_rules();
	px_rename_rules();
	px_dir_rules();
	px_data_rules();
	px_attr_rules();
	px_xattr_rules();
	px_limit_rules();
	px_model_rules();
}
