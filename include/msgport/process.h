/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MSGPORT_PROCESS_H
#define MSGPORT_PROCESS_H

/*
 * Ports of other processes.
 *
 * A server exports a port under a name; a client opens a link to the name and
 * gets a port of the same interface.  What is sent to it is carried to the
 * server's port, and completes here as it did there.  Neither side believes
 * the other: a client gets at what it sent and at nothing else, a server at
 * what lies in the link's memory.
 *
 * Names are files: sockets in $MSGPORT_DIR, else $XDG_RUNTIME_DIR/msgport,
 * else /run/msgport.  The directory's and the socket's permissions, and then
 * the export's lists, say who may open a link.
 *
 * Errors beside those of <msgport/msg.h>: EAGAIN no slot of the link is free
 * (a call waits); EPIPE the server is gone and never began; EOWNERDEAD it died
 * and may have begun; EPROTO it broke the protocol; EMSGSIZE it is older and
 * does not know what was asked; ENOTCONN the link is the parent's.
 *
 * A call waits in its own slot.  Other completions are taken off the link by
 * any thread of the client that sleeps in this library, so one that waits for
 * them in another way needs such a thread: mp_link_serve() makes one of it.
 * A process has one thread more while it has links or exports: it only watches
 * for deaths and new clients.
 */

#include <msgport/iface.h>
#include <msgport/port.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MP_LINK_SLOTS 64u	   /* messages in flight, unless asked for */
#define MP_LINK_ARENA (1ull << 20) /* bytes of buffers in flight, the same */
#define MP_LINKS_MAX 120u	   /* a process opens; and a pump serves */

struct mp_link_conf {
	uint32_t slots;	      /* 0: MP_LINK_SLOTS; a power of two, to 256 */
	uint64_t arena_bytes; /* 0: MP_LINK_ARENA; rounded up to pages */
};

/* broker/link.c */
/*
 * conf: NULL for what is usual.  Blocks until the server has answered.
 * ENOENT: no such name, or its server is dead; EACCES; EPROTONOSUPPORT: it
 * speaks another interface or protocol; EUSERS: it has enough clients; ENOMEM.
 */
int mp_link_open(const char *name, const struct mp_iface *,
		 const struct mp_link_conf *, struct mp_port **);
/*
 * Ends what is out, with EOWNERDEAD: the server, which lives, may have begun it
 * or begin it yet.  Later sends get EPIPE.
 */
void mp_link_shutdown(struct mp_port *);
/*
 * The same, and frees the port: nobody sends, waits or serves here any more.
 * NULL is nothing.
 */
void mp_link_close(struct mp_port *);
/* Takes completions off all links until this one is dead or shut down. */
void mp_link_serve(struct mp_port *);

struct mp_export;

struct mp_export_conf {
	uint32_t mode;	     /* of the socket; 0: 0600 */
	const uint32_t *uid; /* who may; */
	uint32_t uids;	     /* 0: whoever the mode lets in */
	const uint32_t *gid; /* or who is in one of these */
	uint32_t gids;
	uint32_t links_max; /* clients at once; 0: MP_LINKS_MAX */
	uint32_t slots_max; /* a client; 0: MP_LINK_SLOTS */
	uint64_t arena_max; /* a client; 0: MP_LINK_ARENA */
	uint32_t workers;   /* threads for what may block; 0: 4 */
	int listener;	    /* not 0: takes this socket over; the name and
			     * the mode are its maker's */
};

/* broker/export.c */
/*
 * Serves the port, which has an interface and outlives the export, by threads
 * of its own.  EEXIST: a live server has the name; EINVAL; EACCES; ENOMEM.
 */
int mp_export_open(const char *name, struct mp_port *,
		   const struct mp_export_conf *, struct mp_export **);
/* Refuses new clients, ends the links, drains, joins.  NULL is nothing. */
void mp_export_close(struct mp_export *);

/* broker/admin.c */
/* A text for people who ask what the server is like; 511 bytes are kept. */
void mp_export_note(struct mp_export *, const char *);

#ifdef __cplusplus
}
#endif

#endif
