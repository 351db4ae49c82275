/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef BROKER_LINK_H
#define BROKER_LINK_H

/*
 * The client's end of a link.
 *
 * Who owns a slot is said by its word: a generation, and
 *
 *	FREE	 nobody
 *	INLINE	 the sender, who looks for the answer in his agent
 *	OUT	 whoever changes it by compare-and-swap: the answer, the death
 *		 of the server, the deadline
 *	ENDING	 the one who did
 *	ORPHAN	 the server, until it answers; the message is over
 *
 * A message that is OUT has its slot and generation in `hold', so a cancel that
 * comes late meets another generation and does nothing.
 */

#include "../core/state.h"
#include "bell.h"
#include "socket.h"
#include "watch.h"
#include <msgport/agent.h>
#include <msgport/process.h>

enum slot_state {
	SLOT_FREE,
	SLOT_INLINE,
	SLOT_OUT,
	SLOT_ENDING,
	SLOT_ORPHAN,
};

struct slot {
	uint32_t word; /* generation << WIRE_WORD_SHIFT | enum slot_state */
	uint32_t told; /* atomic: the generation whose cancel was sent */
	const struct mp_iface_op *op;
	struct mp_msg *original;
	uint64_t buf_off; /* of the arena; in use if buf_len is not 0 */
	uint64_t buf_len;
	bool bounced; /* what lies there is a copy of the sender's buffer */
};

struct page;

struct arena {
	struct mp_lock lock;
	struct page *page;
	uint32_t pages;
	uint32_t hint;	  /* where to look first */
	uint32_t starved; /* atomic: the last search failed */
};

struct mp_link {
	struct mp_port port;
	struct memory memory;
	struct ring asked; /* written by all senders */
	struct ring done;  /* read under `drain' */
	struct mp_lock drain;
	uint32_t free[WIRE_SLOTS_MAX / 32]; /* atomic: a bit a free slot */
	uint32_t roomless; /* atomic: who waits for a slot, or is about to */
	uint32_t dead;	   /* atomic: 0, or the error that ends what is out */
	struct slot *slot;
	struct arena arena;
	struct mp_link *next; /* of broker/drive.c */
	uint32_t pins;	      /* atomic: sleepers that know this link */
	int fd;
	struct peer peer;
	struct watch socket_watch, pid_watch;
	uint64_t epoch;
};

static inline uint32_t
slot_word(uint32_t gen, enum slot_state state)
{
	return gen << WIRE_WORD_SHIFT | state;
}

static inline enum slot_state
slot_state(uint32_t word)
{
	return word & ((1u << WIRE_WORD_SHIFT) - 1);
}

/* 0, or a negative errno. */
static inline int
link_dead(const struct mp_link *l)
{
	return (int)os_load_acquire(&l->dead);
}

/* broker/link.c */
/* Once: ends all that is out with this, and lets nothing in any more. */
void link_die(struct mp_link *, int code);

/* broker/fill.c */
/* Writes the request: 0; -EAGAIN, no room for its buffer; or its own error. */
int link_fill(struct mp_link *, uint32_t slot, struct mp_msg *, bool sync);
/* The result, `out' and the buffer; or -EPROTO if that is no answer. */
int link_answer(struct mp_link *, uint32_t slot, struct mp_msg *, int *result);

/* broker/send.c */
int link_send(struct mp_port *, struct mp_msg *);
void link_cancel(struct mp_port *, struct mp_msg *);
int link_room(struct mp_port *, uint64_t deadline_ns);
/* Ends what is OUT in this slot, with what a death means to it. */
void link_abandon(struct mp_link *, uint32_t slot);
/* Takes off all completions that have come; true if there was one. */
bool link_drain(struct mp_link *);

/* Tells one who waits for room. */
void link_roomy(struct mp_link *);

/* broker/arena.c: by offset; no length is 0 */
int arena_open(struct arena *, uint64_t bytes);
void arena_close(struct arena *);
/* A piece with one use; false, and whoever puts one has to tell of it. */
bool arena_get(struct arena *, uint64_t len, uint64_t *off);
/* One more use of a kept piece, if this lies in one. */
bool arena_use(struct arena *, uint64_t off, uint64_t len);
void arena_put(struct arena *, uint64_t off);
/* The same for one who keeps it: 0, -EAGAIN or -EMSGSIZE. */
int arena_keep(struct arena *, uint64_t len, uint64_t *off);
/* False if nobody keeps it. */
bool arena_unkeep(struct arena *, uint64_t off);

/* broker/piece.c */
int link_buf_get(struct mp_port *, uint64_t len, struct mp_buf *);
void link_buf_put(struct mp_port *, const struct mp_buf *);
/* It lies in this link's arena, wherever it says that it does. */
bool link_buf_is_own(const struct mp_link *, const struct mp_buf *,
		     uint64_t *off);

/* broker/drive.c */
/* Sleepers of this process take completions off the link from now on. */
int drive_start(struct mp_link *);
/* Nobody knows it any more when this returns. */
void drive_stop(struct mp_link *);
/* False in a child of the process that opened links. */
bool drive_is_ours(void);
/* The sleep of os_park(), with an eye on all links. */
int drive_park(const uint32_t *, uint32_t expected, uint64_t deadline_ns);

#endif
