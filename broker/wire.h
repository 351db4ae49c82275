/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef BROKER_WIRE_H
#define BROKER_WIRE_H

/*
 * What a client and a server of a process link share, and how it is laid out.
 *
 * One memory a link, made, sized, sealed and prefaulted by the server:
 *
 *	page 0		bells and hints, a line each
 *	started		a word a slot: the generation that was begun
 *	asked		ring, client to server: requests and cancels
 *	done		ring, server to client: asynchronous completions
 *	request		an area a slot, written by the client
 *	reply		an area a slot, written by the server
 *	arena		buffers, allocated by the client
 *
 * A ring entry is one word that says in which lap it was written, so a reader
 * needs no index of the writer's.  No ring can be full: a slot has at most one
 * request unread, two cancels of it and two late ones of the message before;
 * and one completion.
 *
 * Nobody believes what lies here.  Indices, generations, lengths and owners
 * are kept in private memory; what is read is copied first, and the copy is
 * checked and used.  The words that both sides write (a bell, a reply's word)
 * only say whether somebody sleeps.
 */

#include <msgport/types.h>

#define WIRE_MAGIC 0x74726f70u
#define WIRE_VERSION 1u
#define WIRE_LINE 64u
#define WIRE_PAGE 4096u
#define WIRE_SLOTS_MAX 256u
#define WIRE_ASKED_A_SLOT 8u /* entries, a power of two */
#define WIRE_OPS_MAX 256u
#define WIRE_ARENA_MAX (1ull << 30)
#define WIRE_NAME_MAX 63u /* bytes, of an interface */

/* A ring's entry: generation, lap, kind, slot. */
#define WIRE_GEN_SHIFT 32
#define WIRE_LAP_SHIFT 16
#define WIRE_KIND_SHIFT 12
#define WIRE_SLOT_MASK 0xfffu

enum wire_kind {
	WIRE_REQUEST = 1,
	WIRE_CANCEL,
	WIRE_ORPHAN, /* a cancel; and its completion is to come by the ring */
	WIRE_DONE,
};

/* A bell: odd while its owner sleeps or is about to. */
#define WIRE_SLEEPS 1u
#define WIRE_RING 2u

/* A reply's word: the generation, and in the lower bits: */
#define WIRE_IS_DONE 1u
#define WIRE_WAITS 2u /* the client sleeps on the word */
#define WIRE_DEAD 4u  /* the client's watcher found the server dead */
#define WIRE_WORD_SHIFT 3
#define WIRE_GEN_MASK (UINT32_MAX >> WIRE_WORD_SHIFT)

struct wire_control {
	uint32_t server_bell;
	uint32_t pad0[15];
	int32_t server_cpu; /* of its pump; -1 asleep */
	uint32_t pad1[15];
	uint32_t client_bell;
	uint32_t pad2[15];
};

enum wire_flag {
	WIRE_PRIORITY = 1u << 0,
	WIRE_MAYBLOCK = 1u << 1,
	WIRE_NOWAIT = 1u << 2,
	WIRE_ASYNC = 1u << 3, /* complete by the ring */
};

struct wire_request {
	uint32_t op;
	uint32_t flags;	      /* enum wire_flag */
	uint64_t deadline_ns; /* CLOCK_MONOTONIC; 0 none */
	uint64_t buf_off;     /* in the arena */
	uint64_t buf_len;
	uint32_t len; /* bytes that follow: `in', packed */
	int32_t cpu;  /* where the client runs; -1 unknown */
};

struct wire_reply {
	uint32_t word; /* published last */
	int32_t result;
	uint32_t len; /* bytes that follow: `out', packed */
	uint32_t spare;
};

MP_STATIC_ASSERT(sizeof(struct wire_control) == 3ul * WIRE_LINE, "lines");
MP_STATIC_ASSERT(sizeof(struct wire_request) == 40, "no holes");
MP_STATIC_ASSERT(sizeof(struct wire_reply) == 16, "no holes");

/* Chosen by the server, checked by the client. */
struct wire_layout {
	uint32_t slots;	       /* 1..WIRE_SLOTS_MAX */
	uint32_t request_size; /* bytes a slot, whole lines */
	uint32_t reply_size;
	uint32_t spare;
	uint64_t arena_size; /* whole pages, at most WIRE_ARENA_MAX */
};

/* What a client comes for; but for a link, see broker/admin.h. */
enum wire_what {
	WIRE_LINK,
	WIRE_INFO,
	WIRE_TRACE,
};

/* Of every interface: answered by the pump, which has nothing to do for it. */
#define WIRE_OP_PING UINT32_MAX

/* What each side knows of an operation, in bytes; for the layout. */
struct wire_op {
	uint16_t in;
	uint16_t out;
};

/* The first two messages on the socket. */
struct wire_hello {
	uint32_t magic;
	uint32_t version;
	uint32_t class_id;
	uint32_t iface_version;
	uint32_t ops;
	uint32_t slots; /* as many as are wished for */
	uint64_t arena_size;
	uint32_t what; /* enum wire_what; the rest is for a link */
	uint32_t spare;
	char iface[WIRE_NAME_MAX + 1];
	struct wire_op op[WIRE_OPS_MAX];
};

struct wire_welcome {
	uint32_t magic;
	uint32_t version;
	int32_t code; /* 0, or why not: the rest means nothing then */
	uint32_t iface_version;
	uint32_t ops;
	uint32_t spare;
	uint64_t epoch; /* of this life of the server */
	struct wire_layout layout;
};

MP_STATIC_ASSERT(sizeof(struct wire_hello) == 104 + 4ul * WIRE_OPS_MAX,
		 "plain");
MP_STATIC_ASSERT(sizeof(struct wire_welcome) == 56, "plain");

static inline uint64_t
wire_entry(uint32_t gen, enum wire_kind kind, uint32_t slot)
{
	return (uint64_t)gen << WIRE_GEN_SHIFT |
	       (uint64_t)kind << WIRE_KIND_SHIFT | slot;
}

static inline uint32_t
wire_gen(uint64_t entry)
{
	return (uint32_t)(entry >> WIRE_GEN_SHIFT);
}

static inline uint32_t
wire_kind(uint64_t entry)
{
	return (uint32_t)entry >> WIRE_KIND_SHIFT & 0xf;
}

static inline uint32_t
wire_slot(uint64_t entry)
{
	return (uint32_t)entry & WIRE_SLOT_MASK;
}

/* A link's memory as one side sees it. */
struct memory {
	struct wire_layout layout;
	char *base;
	size_t size;
	struct wire_control *control;
	uint32_t *started;
	uint64_t *asked;
	uint64_t *done;
	char *request;
	char *reply;
	char *arena;
};

/* broker/memory.c: 0 or a negative errno */
/* Sizes of the slots, from what both sides know of the operations. */
void memory_layout(struct wire_layout *, const struct wire_op *, uint32_t ops);
/* By the server: makes, seals, maps; gives the descriptor to send. */
int memory_make(struct memory *, const struct wire_layout *, int *fd);
/* The same of any memory: makes and seals; maps, into a pointer. */
int memory_new(uint64_t size, int *fd);
int memory_attach(int fd, uint64_t size, void *pointer);
/* It is sealed, and of that size. */
bool memory_is_good(int fd, uint64_t size);
/* By the client: checks the layout and the seals, maps; keeps no descriptor. */
int memory_map(struct memory *, const struct wire_layout *, int fd);
void memory_unmap(struct memory *);

static inline struct wire_request *
memory_request(const struct memory *m, uint32_t slot)
{
	size_t off = (size_t)slot * m->layout.request_size;

	return (struct wire_request *)(void *)(m->request + off);
}

static inline struct wire_reply *
memory_reply(const struct memory *m, uint32_t slot)
{
	size_t off = (size_t)slot * m->layout.reply_size;

	return (struct wire_reply *)(void *)(m->reply + off);
}

/*
 * A link's memory is mapped twice if both ends are in one process, and TSan
 * takes the two for strangers.  What is published at one end is told to it by
 * a name; it cannot be told of another process.
 */
#ifdef __SANITIZE_THREAD__
void __tsan_acquire(void *);
void __tsan_release(void *);
extern char wire_order;
#define WIRE_PUBLISH() __tsan_release(&wire_order)
#define WIRE_OBSERVE() __tsan_acquire(&wire_order)
#else
#define WIRE_PUBLISH() ((void)0)
#define WIRE_OBSERVE() ((void)0)
#endif

/*
 * A ring, as its one reader or its writers keep it.  A writer takes a place,
 * then fills it with a full fence; the reader waits at a place until the entry
 * of this lap is there.
 */
struct ring {
	uint64_t *entry;
	uint32_t size; /* a power of two */
	uint32_t next; /* private: the place to read, or to write (atomic) */
};

static inline uint32_t
ring_lap(const struct ring *r, uint32_t place)
{
	return place / r->size + 1;
}

static inline uint32_t
ring_take(struct ring *r)
{
	return __atomic_fetch_add(&r->next, 1, __ATOMIC_RELAXED);
}

static inline void
ring_fill(struct ring *r, uint32_t place, uint64_t entry)
{
	WIRE_PUBLISH();
	/* Full: the bell is looked at next, pairs with bell_sleep(). */
	(void)__atomic_exchange_n(
		&r->entry[place & (r->size - 1)],
		entry | (uint64_t)(ring_lap(r, place) & 0xffff)
				<< WIRE_LAP_SHIFT,
		__ATOMIC_SEQ_CST);
}

static inline uint32_t
ring_next(const struct ring *r)
{
	return __atomic_load_n(&r->next, __ATOMIC_RELAXED);
}

/* By the reader: past what he has seen. */
static inline void
ring_skip(struct ring *r)
{
	__atomic_store_n(&r->next, r->next + 1, __ATOMIC_RELAXED);
}

/* False: nothing of this lap is there. */
static inline bool
ring_peek(const struct ring *r, uint64_t *entry)
{
	uint32_t place = ring_next(r);
	uint64_t e = __atomic_load_n(&r->entry[place & (r->size - 1)],
				     __ATOMIC_ACQUIRE);

	WIRE_OBSERVE();
	*entry = e;
	return (uint32_t)e >> WIRE_LAP_SHIFT == (ring_lap(r, place) & 0xffff);
}

#endif
