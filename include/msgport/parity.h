/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MSGPORT_PARITY_H
#define MSGPORT_PARITY_H

/*
 * Parity modes: a port in this address space behaves as it would over a
 * boundary, so that what runs here is known to run there.
 *
 *   ASYNC	nothing completes inline: a thread of its own sends it on
 *   COPY	the target gets a checked copy, buffers included; `out' comes
 *		back
 *   POISON	the copy is spoilt once it is replied, so that a later touch or
 *		a second reply shows; and a sender that writes to a message
 *		while it is out is found.  Implies COPY.
 *   KILL	the peer dies at the n-th message: what was started ends with
 *		EOWNERDEAD, what was not and all later sends with EPIPE.
 *		Implies COPY.
 *
 * COPY needs port->iface.  The memory is the caller's, as many slots as there
 * may be messages in flight; when they are used up a send is refused with
 * EAGAIN and a call waits.  A buffer longer than MP_PARITY_BUF_MAX is lent as
 * it is.  Start before the first send, stop after the last completion.
 */

#include <msgport/port.h>

#ifdef __cplusplus
extern "C" {
#endif

enum mp_parity_mode {
	MP_PARITY_ASYNC = 1u << 0,
	MP_PARITY_COPY = 1u << 1,
	MP_PARITY_POISON = 1u << 2,
	MP_PARITY_KILL = 1u << 3,
};

#define MP_PARITY_BUF_MAX 131072u /* bytes */
#define MP_PARITY_POISON_BYTE 0xee

struct mp_parity_conf {
	uint32_t modes;	  /* enum mp_parity_mode */
	uint32_t kill_at; /* KILL: 1 is the first message, 0 none */
	uint32_t slots;	  /* 0 only without COPY */
	void *memory;	  /* mp_parity_size() bytes, aligned to 8 */
};

struct mp_parity_ops;
struct mp_parity_slot;

struct mp_parity {
	/* Private from here on. */
	const struct mp_parity_ops *ops;
	struct mp_port *port;
	struct mp_port queue; /* what waits for the thread */
	struct mp_port reply; /* where the copies come back */
	struct mp_thread thread;
	struct mp_parity_conf conf;
	struct mp_parity_slot *free; /* oldest first, so that poison lasts */
	struct mp_parity_slot **free_end;
	size_t slot_size;
	uint32_t sent;
	uint32_t dead;
};

/* broker/parity.c */
/* Bytes for that many slots of messages of an interface. */
size_t mp_parity_size(const struct mp_iface *, uint32_t slots);
/* KILL: the peer dies now; from any thread, at any time. */
void mp_parity_kill(struct mp_parity *);
/*
 * 0; -EINVAL: bad modes, or COPY without interface or slots; -EAGAIN, -ENOMEM:
 * no thread.  On error the port is as it was, and there is nothing to stop.
 */
int mp_parity_start(struct mp_parity *, struct mp_port *,
		    const struct mp_parity_conf *);
void mp_parity_stop(struct mp_parity *);

/* broker/parity_parse.c */
/*
 * Reads "async,copy,poison,kill=7" (as in MSGPORT_PARITY) into modes and
 * kill_at: 0 or -EINVAL.  An empty string and "none" are no modes.
 */
int mp_parity_parse(const char *, struct mp_parity_conf *);

#ifdef __cplusplus
}
#endif

#endif
