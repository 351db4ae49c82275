/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef BROKER_ADMIN_H
#define BROKER_ADMIN_H

/*
 * What an export tells of itself, and what passes through it.
 *
 * Whoever may open a link may ask: his hello says what he comes for, and a
 * welcome is the answer.  After that of WIRE_INFO comes one struct wire_info.
 * With that of WIRE_TRACE, which is for the server's user and for root, comes
 * a memory with a ring of records: one record a message, written once it is
 * over and before its client can know.  A record that does not fit is lost and
 * counted; nobody waits for a tracer.  The server says a byte on the socket
 * when it has written to a tracer who sleeps.
 *
 * Such clients have no slots and are served by the watcher alone.
 */

#include "wire.h"
#include <msgport/port.h>
#include <msgport/process.h>
#include <msgport/stat.h>
#include <signal.h>
#include <sys/types.h>

#define ADMIN_NOTE_MAX 511u	/* bytes: what mp_export_note() keeps */
#define ADMIN_KIND_MAX 15u	/* bytes, of a port's kind */
#define ADMIN_TIMED_FIRST 64u	/* messages of a client that are timed; */
#define ADMIN_TIMED_EVERY 61u	/* then one in so many, a prime */
#define ADMIN_PATIENCE_MS 4000u /* until a server is said to be silent */

struct wire_peer {
	int32_t pid;
	uint32_t uid;
	uint32_t slots; /* 0: it came for no link */
	uint32_t in_flight;
	uint64_t messages;
};

/* Counts are since the export was opened, and of those who left as well. */
struct wire_info {
	char iface[WIRE_NAME_MAX + 1];
	uint32_t iface_version;
	uint32_t class_id;
	uint32_t ops;
	uint32_t closed;
	char kind[ADMIN_KIND_MAX + 1];
	/* Of the port. */
	uint32_t depth;
	uint32_t depth_max;
	uint32_t held;
	uint32_t port_wakes;
	uint32_t refused[MP_REFUSALS];
	/* Of the export. */
	uint32_t links_max;
	uint32_t slots_max;
	uint32_t peers;
	uint32_t tracers;
	int32_t pid; /* of the server, as it says; another may have listened */
	uint64_t arena_max;
	uint64_t epoch; /* when it was opened: ns since 1970 */
	uint64_t messages;
	uint64_t queued;  /* answered by another thread */
	uint64_t unknown; /* answered by the broker: it cannot be */
	uint64_t wakes;	  /* of clients */
	uint64_t sleeps;  /* of the pump */
	uint64_t bucket[MP_STAT_BUCKETS]; /* of the timed: below 2^i ns */
	char note[ADMIN_NOTE_MAX + 1];
	struct wire_peer peer[MP_LINKS_MAX];
};

MP_STATIC_ASSERT(offsetof(struct wire_info, arena_max) % 8 == 0, "no holes");
MP_STATIC_ASSERT(sizeof(struct wire_peer) == 24, "no holes");

#define TRACE_RECORDS 4096u /* a power of two */
#define TRACE_BODY 960u
#define TRACE_BUF_MAX 64u /* bytes of a buffer that are shown */
#define TRACERS_MAX 4u

enum trace_cut {
	TRACE_NO_IN = 1u << 0, /* it did not fit, or could not be packed */
	TRACE_NO_OUT = 1u << 1,
};

/* A message that is over. */
struct wire_record {
	uint64_t place; /* from 1; published last */
	uint64_t at_ns; /* when it began: ns since 1970 */
	uint64_t took_ns;
	uint64_t buf_len;   /* bytes lent */
	uint64_t buf_count; /* bytes of them that count */
	uint32_t op;
	int32_t result;
	int32_t pid;
	uint16_t in_len;    /* bytes of the body: `in', packed; */
	uint16_t out_len;   /* `out', packed, if it is no error; */
	uint16_t buf_there; /* and some of the buffer */
	uint16_t cut;	    /* enum trace_cut */
	uint32_t spare;
	char body[TRACE_BODY];
};

MP_STATIC_ASSERT(sizeof(struct wire_record) == 1024, "no holes");

/* What a tracer and a server share: a page, then the records. */
struct trace_head {
	uint32_t sleeps; /* the tracer does, and wants a byte */
	uint32_t pad[15];
	uint64_t taken; /* records that he has read */
	uint64_t pad2[7];
	uint64_t lost; /* records that did not fit */
};

#define TRACE_SIZE \
	(WIRE_PAGE + (uint64_t)TRACE_RECORDS * sizeof(struct wire_record))

/* A client's counts, by the pump, but for the wakes. */
struct tally {
	uint64_t messages;
	uint64_t queued;
	uint64_t refused;
	uint32_t untimed; /* how many until one is timed */
	uint32_t wakes;	  /* atomic */
};

/* Of one thread, read by others. */
static inline void
count_one(uint64_t *n)
{
	__atomic_store_n(n, *n + 1, __ATOMIC_RELAXED);
}

struct tracer;

struct admin {
	struct mp_lock lock;   /* last of all locks */
	struct tracer *tracer; /* all */
	uid_t uid;	       /* who else than root may trace */
	pid_t pid;
	uint32_t tracers;		  /* atomic */
	uint64_t sleeps;		  /* of the pump, who alone writes it */
	uint64_t bucket[MP_STAT_BUCKETS]; /* atomic */
	struct tally gone;		  /* all who left */
	uint64_t gone_wakes;
	char note[ADMIN_NOTE_MAX + 1];
};

/* Who serves a name, as the kernel tells it. */
struct owner {
	pid_t pid; /* 0: unknown */
	uid_t uid;
};

/* broker/ask.c */
/*
 * 0 or a negative errno: as mp_link_open(), and ETIMEDOUT: there is a server,
 * and it says nothing.  The owner is known whenever somebody listens.
 */
int ask_info(const char *name, struct wire_info *, struct owner *);

/* A tracer, on his side. */
struct trace_view {
	int fd;
	struct trace_head *head;
	uint64_t next;
};

/* Bit i wants the i-th operation; NULL wants all.  EACCES: not to you. */
int ask_trace(const char *name, const uint32_t wanted[WIRE_OPS_MAX / 32],
	      struct trace_view *, struct owner *);
/* A copy of the next record, or false: there is none yet. */
bool trace_next(struct trace_view *, struct wire_record *);
/*
 * Until there may be more; signals as the mask says.  0; EINTR; EPIPE: the
 * server has gone, and what is there now is all.
 */
int trace_wait(struct trace_view *, const sigset_t *);
uint64_t trace_lost(const struct trace_view *);
void trace_end(struct trace_view *);

#endif
