/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MSGPORT_KIT_TREE_H
#define MSGPORT_KIT_TREE_H

/*
 * The kit's structures: list, hash table, radix tree, byte order.  Plain C,
 * the same file on both sides (core/kit.c).  None of them locks.
 */

#include <msgport/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Circular, doubly linked, embedded in what it links; a head is a link too. */
struct mp_list {
	struct mp_list *next;
	struct mp_list *prev;
};

static inline void
mp_list_init(struct mp_list *l)
{
	l->next = l->prev = l;
}

static inline bool
mp_list_empty(const struct mp_list *l)
{
	return l->next == l;
}

static inline void
mp_list_append(struct mp_list *head, struct mp_list *l)
{
	l->next = head;
	l->prev = head->prev;
	head->prev->next = l;
	head->prev = l;
}

static inline void
mp_list_remove(struct mp_list *l)
{
	l->prev->next = l->next;
	l->next->prev = l->prev;
	mp_list_init(l);
}

/* The body may remove `it', and nothing else, when `safe' is used. */
#define MP_LIST_EACH(head, it) \
	for ((it) = (head)->next; (it) != (head); (it) = (it)->next)
#define MP_LIST_EACH_SAFE(head, it, safe)                              \
	for ((it) = (head)->next; (safe) = (it)->next, (it) != (head); \
	     (it) = (safe))

/*
 * Hash table of embedded links, chained, doubling.  reserve makes room for one
 * more and is the only call that can fail; insert after it cannot.
 */
struct mp_hnode {
	struct mp_hnode *next;
	uint64_t hash;
};

struct mp_htab {
	struct mp_hnode **slot;
	uint64_t mask; /* slots - 1 */
	uint64_t count;
};

int mp_htab_reserve(struct mp_htab *); /* 0 or -ENOMEM; may sleep */
void mp_htab_insert(struct mp_htab *, struct mp_hnode *);
void mp_htab_remove(struct mp_htab *, struct mp_hnode *);
void mp_htab_fini(struct mp_htab *); /* frees the table, not the links */

/* Those with this hash, in no order: for (n = first; n; n = next). */
static inline struct mp_hnode *
mp_hnode_match(struct mp_hnode *n, uint64_t hash)
{
	while (n && n->hash != hash)
		n = n->next;
	return n;
}

static inline struct mp_hnode *
mp_htab_first(const struct mp_htab *t, uint64_t hash)
{
	if (!t->slot)
		return NULL;
	return mp_hnode_match(t->slot[hash & t->mask], hash);
}

static inline struct mp_hnode *
mp_htab_next(const struct mp_hnode *n)
{
	return mp_hnode_match(n->next, n->hash);
}

/* Of bytes, for tables; pick a random seed where a stranger picks the bytes. */
uint64_t mp_hash_bytes(uint64_t seed, const void *, size_t size);

/*
 * Radix tree: a 64-bit key to a pointer that is not NULL, 64 ways a level, as
 * tall as the greatest key needs.  Zeroed memory is an empty tree.
 */
struct mp_radix {
	struct mp_radix_node *root;
	uint32_t height;
};

void *mp_radix_find(const struct mp_radix *, uint64_t key);
/* Where the pointer is kept, or NULL; valid until insert or remove. */
void **mp_radix_slot(const struct mp_radix *, uint64_t key);
/* 0, -EEXIST or -ENOMEM (nothing changed); may sleep. */
int mp_radix_insert(struct mp_radix *, uint64_t key, void *);
/* What was there, or NULL. */
void *mp_radix_remove(struct mp_radix *, uint64_t key);
/* The first at *key or after it, and its key; or NULL. */
void *mp_radix_next(const struct mp_radix *, uint64_t *key);

/* Byte order: unaligned, little and big end first. */
static inline uint16_t
mp_le16_get(const void *p)
{
	const uint8_t *b = (const uint8_t *)p;

	return (uint16_t)(b[0] | b[1] << 8);
}

static inline uint32_t
mp_le32_get(const void *p)
{
	const uint8_t *b = (const uint8_t *)p;

	return (uint32_t)mp_le16_get(b) | (uint32_t)mp_le16_get(b + 2) << 16;
}

static inline uint64_t
mp_le64_get(const void *p)
{
	const uint8_t *b = (const uint8_t *)p;

	return (uint64_t)mp_le32_get(b) | (uint64_t)mp_le32_get(b + 4) << 32;
}

static inline void
mp_le16_put(void *p, uint16_t v)
{
	uint8_t *b = (uint8_t *)p;

	b[0] = (uint8_t)v;
	b[1] = (uint8_t)(v >> 8);
}

static inline void
mp_le32_put(void *p, uint32_t v)
{
	mp_le16_put(p, (uint16_t)v);
	mp_le16_put((uint8_t *)p + 2, (uint16_t)(v >> 16));
}

static inline void
mp_le64_put(void *p, uint64_t v)
{
	mp_le32_put(p, (uint32_t)v);
	mp_le32_put((uint8_t *)p + 4, (uint32_t)(v >> 32));
}

static inline uint32_t
mp_be32_get(const void *p)
{
	const uint8_t *b = (const uint8_t *)p;

	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 |
	       (uint32_t)b[2] << 8 | b[3];
}

static inline uint64_t
mp_be64_get(const void *p)
{
	return (uint64_t)mp_be32_get(p) << 32 |
	       mp_be32_get((const uint8_t *)p + 4);
}

static inline void
mp_be32_put(void *p, uint32_t v)
{
	uint8_t *b = (uint8_t *)p;

	b[0] = (uint8_t)(v >> 24);
	b[1] = (uint8_t)(v >> 16);
	b[2] = (uint8_t)(v >> 8);
	b[3] = (uint8_t)v;
}

static inline void
mp_be64_put(void *p, uint64_t v)
{
	mp_be32_put(p, (uint32_t)(v >> 32));
	mp_be32_put((uint8_t *)p + 4, (uint32_t)v);
}

#ifdef __cplusplus
}
#endif

#endif
