/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The contract, over every kind of port of this address space. */
#include "conform.h"

void
t_setup(void)
{
	for (const struct c_kind *const *kind = c_direct; *kind; kind++)
		conform_add(*kind);
}
