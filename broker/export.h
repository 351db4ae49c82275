/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef BROKER_EXPORT_H
#define BROKER_EXPORT_H

/*
 * The server's end of links.
 *
 * One pump, a thread, takes requests off the rings of all clients in turn and
 * sends them on; it alone begins slots, and it alone frees clients.  The
 * watcher makes clients and finds them gone.  Answers come from any thread.
 */

#include "../core/state.h"
#include "admin.h"
#include "bell.h"
#include "socket.h"
#include "watch.h"
#include <msgport/agent.h>
#include <msgport/name.h>
#include <msgport/process.h>

enum served_state {
	SERVED_FREE,
	SERVED_BUSY,
	SERVED_ORPHAN = 2, /* bit: its completion goes to the ring */
	SERVED_WAITED = 4, /* bit: the pump sleeps until it is over */
};

/* A slot, as the server keeps it; in the client's array. */
struct served {
	uint32_t state; /* atomic; only the pump leaves FREE */
	uint32_t slot;
	uint32_t gen;
	uint32_t orphaned; /* the last generation that was */
	uint32_t flags;	   /* enum wire_flag */
	uint64_t began_ns; /* 0: nobody wants to know */
	struct client *client;
	const struct mp_iface_op *op;
	struct mp_msg copy; /* as large as the largest message */
};

struct client {
	struct client *next;
	struct mp_export *export;
	struct peer peer;
	int fd;
	struct watch socket_watch, pid_watch;
	struct memory memory; /* nothing until the hello was good */
	struct ring asked;    /* read by the pump */
	struct ring done;     /* written by all who answer */
	struct mp_port reply;
	char *served;	  /* the slots, `stride' bytes each */
	uint32_t open;	  /* atomic: the pump may look at all above */
	uint32_t dead;	  /* atomic */
	int32_t peer_cpu; /* where it last ran */
	uint32_t stalled; /* slot + 1: the port has no room for it */
	bool cancelled;
	struct mp_msg room; /* with a worker, who waits for room */
	struct tally tally;
	struct tracer *tracer; /* or NULL */
};

struct mp_export {
	struct mp_port *port;	/* the real one */
	struct mp_port *target; /* that, or the workers before it */
	struct mp_export_conf conf;
	char name[MP_NAME_MAX + 1];
	struct listener listener;
	struct watch watch;
	struct mp_lock lock;
	struct client *client; /* added by the watcher, removed by the pump */
	uint32_t clients;
	uint32_t bell;	  /* private: something happened */
	uint32_t closing; /* atomic */
	uint64_t epoch;
	size_t stride;
	struct mp_thread pump;
	struct mp_pool worker;
	struct mp_thread *thread;
	struct mp_port room; /* where that comes back */
	struct admin admin;
};

static inline struct served *
served_of(const struct client *c, uint32_t slot)
{
	return (struct served *)(void *)(c->served + slot * c->export->stride);
}

/* broker/export.c */
void export_ring(struct mp_export *);
/* By the pump: afterwards nobody watches it, and nobody answers it. */
void client_settle(struct client *);
/* One that is settled, or never was listed, and its memory. */
void client_free(struct client *);

/* broker/serve.c: by the pump */
/* Some of what a client asks for: true if there was anything. */
bool client_serve(struct client *);
bool client_has_work(const struct client *);
/*
 * A dead client: NULL if nothing of it is left, else what to sleep on while it
 * has this value.
 */
const uint32_t *client_drain(struct client *, uint32_t *value);
/* The completion of a copy. */
void client_reply(struct mp_port *, struct mp_msg *);
/* What a worker does. */
int export_work(struct mp_port *, struct mp_msg *);

/* broker/admin.c */
/* Before anybody comes. */
void admin_open(struct mp_export *);
/* By the watcher: the answer to one who came for no link. */
int admin_welcome(struct client *, const struct wire_hello *);
/* Before a client is freed. */
void admin_leave(struct client *);
/* A message that was timed is over; before its client can know. */
void admin_answered(struct served *, int result);

/* When a message begins, or 0 if it is not timed. */
static inline uint64_t
admin_began(struct client *c)
{
	struct tally *t = &c->tally;

	count_one(&t->messages);
	if (t->messages > ADMIN_TIMED_FIRST && --t->untimed != 0 &&
	    os_load(&c->export->admin.tracers) == 0)
		return 0;
	if (t->untimed == 0 || t->messages <= ADMIN_TIMED_FIRST)
		t->untimed = ADMIN_TIMED_EVERY;
	return os_now_ns();
}

/* broker/trace.c */
/* By the watcher: gives the descriptor to send. */
int trace_open(struct client *, const struct wire_hello *, int *fd);
/* NULL is nothing. */
void trace_close(struct client *);
void trace_write(struct served *, int result, uint64_t took_ns);

/* broker/pump.c */
void export_pump(void *export);

#endif
