/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MSGPORT_PARITY_H
#define MSGPORT_PARITY_H

#include <msgport/port.h>

struct mp_parity {
	int (*send)(struct mp_port *, struct mp_msg *);
};

#endif
