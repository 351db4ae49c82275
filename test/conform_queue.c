/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "conform.h"

const struct c_test c_queue[] = {
	{ 0 },
};
