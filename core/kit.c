/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The kit's structures: hash table, radix tree, hash of bytes.
 *
 * The radix tree has 64 slots a node and a bitmap of those in use.  Every node
 * but the root holds something, and the root of a tree taller than one level
 * holds more than slot 0, so that a tree is never taller than its greatest key
 * needs.  All loops are bounded by RADIX_HEIGHT_MAX.
 */
#include <msgport/kit.h>
#include <msgport/kit_tree.h>

#define HTAB_MIN 8u
#define HTAB_SHRINK 512u /* a table smaller than this stays */
#define RADIX_BITS 6u
#define RADIX_MASK 63u
#define RADIX_HEIGHT_MAX 11u /* 66 bits */

struct mp_radix_node {
	uint64_t used; /* bit i: slot[i] is not NULL */
	void *slot[64];
};

static int
htab_resize(struct mp_htab *t, uint64_t slots)
{
	struct mp_hnode **new_slot, *n, *next;
	uint64_t i, old = t->slot ? t->mask + 1 : 0;

	if (slots > SIZE_MAX / sizeof(*new_slot))
		return -ENOMEM;
	new_slot = mp_mem_zalloc((size_t)slots * sizeof(*new_slot));
	if (!new_slot)
		return -ENOMEM;
	for (i = 0; i < old; i++) {
		for (n = t->slot[i]; n; n = next) {
			next = n->next;
			n->next = new_slot[n->hash & (slots - 1)];
			new_slot[n->hash & (slots - 1)] = n;
		}
	}
	mp_mem_free(t->slot);
	t->slot = new_slot;
	t->mask = slots - 1;
	return 0;
}

int
mp_htab_reserve(struct mp_htab *t)
{
	if (!t->slot)
		return htab_resize(t, HTAB_MIN);
	/* A table that cannot grow or shrink still works, only slower. */
	if (t->count > t->mask)
		(void)htab_resize(t, (t->mask + 1) * 2);
	else if (t->mask >= HTAB_SHRINK && t->count < t->mask / 8)
		(void)htab_resize(t, (t->mask + 1) / 2);
	return 0;
}

void
mp_htab_insert(struct mp_htab *t, struct mp_hnode *n)
{
	n->next = t->slot[n->hash & t->mask];
	t->slot[n->hash & t->mask] = n;
	t->count++;
}

void
mp_htab_remove(struct mp_htab *t, struct mp_hnode *n)
{
	struct mp_hnode **p = &t->slot[n->hash & t->mask];

	while (*p != n)
		p = &(*p)->next;
	*p = n->next;
	n->next = NULL;
	t->count--;
}

void
mp_htab_fini(struct mp_htab *t)
{
	mp_mem_free(t->slot);
	t->slot = NULL;
	t->mask = t->count = 0;
}

static inline uint64_t
mix(uint64_t h)
{
	h *= 0x9e3779b97f4a7c15u;
	return h ^ h >> 32;
}

uint64_t
mp_hash_bytes(uint64_t seed, const void *data, size_t size)
{
	const uint8_t *p = data;
	uint64_t h = mix(seed ^ size), w;

	for (; size >= 8; size -= 8, p += 8) {
		memcpy(&w, p, 8);
		h = mix(h ^ w) + seed;
	}
	for (w = 0; size; size--)
		w = w << 8 | *p++;
	h = mix(h ^ w) + seed;
	return mix(h);
}

static inline unsigned int
digit(uint64_t key, unsigned int level)
{
	return (unsigned int)(key >> level * RADIX_BITS) & RADIX_MASK;
}

/* Keys that a tree of this height can hold end here. */
static inline bool
fits(uint64_t key, unsigned int height)
{
	return height >= RADIX_HEIGHT_MAX || !(key >> height * RADIX_BITS);
}

void **
mp_radix_slot(const struct mp_radix *r, uint64_t key)
{
	struct mp_radix_node *n = r->root;
	unsigned int level = r->height;

	if (!n || !fits(key, level))
		return NULL;
	while (--level) {
		n = n->slot[digit(key, level)];
		if (!n)
			return NULL;
	}
	return n->slot[digit(key, 0)] ? &n->slot[digit(key, 0)] : NULL;
}

void *
mp_radix_find(const struct mp_radix *r, uint64_t key)
{
	void **slot = mp_radix_slot(r, key);

	return slot ? *slot : NULL;
}

static void
node_set(struct mp_radix_node *n, unsigned int i, void *p)
{
	n->slot[i] = p;
	if (p)
		n->used |= 1ull << i;
	else
		n->used &= ~(1ull << i);
}

/* Frees nodes that hold nothing on the way to key, then levels too many. */
static void
radix_prune(struct mp_radix *r, uint64_t key)
{
	struct mp_radix_node *path[RADIX_HEIGHT_MAX], *n = r->root;
	unsigned int level = r->height;

	if (n && fits(key, level)) {
		while (n && level--) {
			path[level] = n;
			n = level ? n->slot[digit(key, level)] : NULL;
		}
		/* level is now that of the lowest node on the path. */
		while (level + 1 < r->height && !path[level]->used) {
			mp_mem_free(path[level]);
			level++;
			node_set(path[level], digit(key, level), NULL);
		}
	}
	while (r->root && r->height > 1 && r->root->used == 1) {
		n = r->root;
		r->root = n->slot[0];
		r->height--;
		mp_mem_free(n);
	}
	if (r->root && !r->root->used) {
		mp_mem_free(r->root);
		r->root = NULL;
		r->height = 0;
	}
}

static int
radix_grow(struct mp_radix *r, uint64_t key)
{
	struct mp_radix_node *n;

	while (!r->root || !fits(key, r->height)) {
		/* An empty tree starts at its final height. */
		n = mp_mem_zalloc(sizeof(*n));
		if (!n)
			return -ENOMEM;
		if (r->root) {
			node_set(n, 0, r->root);
			r->height++;
		} else {
			for (r->height = 1; !fits(key, r->height);)
				r->height++;
		}
		r->root = n;
	}
	return 0;
}

int
mp_radix_insert(struct mp_radix *r, uint64_t key, void *p)
{
	struct mp_radix_node *n, *child;
	unsigned int level;

	if (radix_grow(r, key))
		goto fail;
	n = r->root;
	for (level = r->height - 1; level; level--) {
		child = n->slot[digit(key, level)];
		if (!child) {
			child = mp_mem_zalloc(sizeof(*child));
			if (!child)
				goto fail;
			node_set(n, digit(key, level), child);
		}
		n = child;
	}
	if (n->slot[digit(key, 0)])
		return -EEXIST;
	node_set(n, digit(key, 0), p);
	return 0;
fail:
	radix_prune(r, key);
	return -ENOMEM;
}

void *
mp_radix_remove(struct mp_radix *r, uint64_t key)
{
	struct mp_radix_node *n = r->root;
	unsigned int level = r->height;
	void *old;

	if (!n || !fits(key, level))
		return NULL;
	while (--level) {
		n = n->slot[digit(key, level)];
		if (!n)
			return NULL;
	}
	old = n->slot[digit(key, 0)];
	node_set(n, digit(key, 0), NULL);
	if (!n->used || r->root->used == 1)
		radix_prune(r, key);
	return old;
}

/* The least key after this one whose digits below `level' are zero; 0: none. */
static uint64_t
skip(uint64_t key, unsigned int level)
{
	unsigned int shift = level * RADIX_BITS;

	if (shift >= 64)
		return 0;
	return ((key >> shift) + 1) << shift;
}

void *
mp_radix_next(const struct mp_radix *r, uint64_t *key)
{
	struct mp_radix_node *n = r->root;
	unsigned int level = r->height, d;
	uint64_t k = *key, left;

	while (n && fits(k, r->height)) {
		level--;
		d = digit(k, level);
		left = n->used >> d;
		if (!left) {
			/* Nothing more here: on from the node's end. */
			k = skip(k, level + 1);
			if (!k)
				return NULL;
			n = r->root;
			level = r->height;
			continue;
		}
		if (!(left & 1)) {
			d += (unsigned int)__builtin_ctzll(left);
			k = k >> (level * RADIX_BITS) & ~(uint64_t)RADIX_MASK;
			k = (k | d) << (level * RADIX_BITS);
		}
		if (!level) {
			*key = k;
			return n->slot[d];
		}
		n = n->slot[d];
	}
	return NULL;
}
