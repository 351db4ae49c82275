/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The contract, over process links: in one process, and in two. */
#define _GNU_SOURCE
#include "conform.h"

#include <stdarg.h>

/* Instead of the C library's: the library's futexes come this way. */
long
syscall(long number, ...)
{
	long argument[6];
	va_list ap;

	va_start(ap, number);
	for (int i = 0; i < 6; i++)
		argument[i] = va_arg(ap, long);
	va_end(ap);
	return c_syscall(number, argument);
}

void
t_setup(void)
{
	conform_process();
}
