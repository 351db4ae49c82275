/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MSGPORT_STAT_H
#define MSGPORT_STAT_H

/*
 * Counters that a port keeps only while they are attached to it, because they
 * cost a shared store and a look at the clock for each message.  The memory is
 * the caller's, and must outlive mp_port_attach(port, NULL) by every message
 * that was already inside.
 */

#include <msgport/port.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MP_STAT_BUCKETS 40 /* the last one also has all that took longer */

/* Zero it before use; read it at any time, each number by itself is exact. */
struct mp_stat {
	uint64_t inlined;		  /* run in the sender's thread */
	uint64_t queued;		  /* taken by the agent */
	uint64_t time_ns;		  /* in handlers that ran inline */
	uint64_t bucket[MP_STAT_BUCKETS]; /* of them, below 2^i ns */
};

#ifdef __cplusplus
}
#endif

#endif
