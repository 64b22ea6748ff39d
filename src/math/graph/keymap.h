/*-------------------------------------------------------------------------
 *
 * keymap.h
 *	  What a search remembers of the nodes it has seen: candidates, their keys,
 *	  and a map from ids to keys.
 *
 * Included only by search_state.h and keymap.c.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_KEYMAP_H
#define SPHX_KEYMAP_H

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "math/base/env.h"

/*
 * The lowest bits of a key's mantissa, far below the noise of the estimates,
 * say whether the candidate has been read and of how many estimates the key is
 * the mean.
 */
typedef struct Candidate
{
	float		key;
	uint32_t	id;
} Candidate;

#define KEY_READ		UINT32_C(1)
#define KEY_ESTIMATE	UINT32_C(2) /* one estimate in the count */
#define KEY_COUNT		UINT32_C(6) /* at most three */
#define KEY_MARKS		(KEY_READ | KEY_COUNT)

static inline uint32_t
key_bits(float key)
{
	uint32_t	bits;

	memcpy(&bits, &key, sizeof(bits));
	return bits;
}

static inline float
key_from_bits(uint32_t bits)
{
	float		key;

	memcpy(&key, &bits, sizeof(key));
	return key;
}

/* keys stay comparable, whatever overflowed */
static inline float
make_key(float value, uint32_t marks)
{
	value = value < FLT_MAX ? value : FLT_MAX;
	value = value > -FLT_MAX ? value : -FLT_MAX;
	return key_from_bits((key_bits(value) & ~KEY_MARKS) | marks);
}

/* the key of no node: without marks there are only those of seeds, which are far below */
#define KEY_FRESH		make_key(FLT_MAX, 0)

static inline bool
is_read(float key)
{
	return key_bits(key) & KEY_READ;
}

/*
 * The key with one estimate more in its mean.  A node that has been read keeps
 * its key, and so does one estimated as often as can be counted: more would
 * only move it about.  Without a branch: nobody can foresee which it is.
 */
static inline float
key_with_estimate(float key, float estimate)
{
	uint32_t	bits = key_bits(key);
	uint32_t	marks = bits & KEY_COUNT;
	uint32_t	keep = (bits & KEY_READ) || marks == KEY_COUNT ? UINT32_MAX : 0;
	float		count = (float) (int32_t) (marks / KEY_ESTIMATE);
	float		mean = (key * count + estimate) / (count + 1.0f);

	return key_from_bits((bits & keep) | (key_bits(make_key(mean, marks + KEY_ESTIMATE)) & ~keep));
}

/*
 * Keys by id, open addressing: an entry holds id + 1, or 0 and the fresh key
 * when it is free (no id is UINT32_MAX).  Entries from 1 << bits to the end of the room are free,
 * so that small searches clear little.
 */
typedef struct KeyMap
{
	Candidate  *entries;
	uint32_t	count;
	int			bits;			/* 1 << bits entries are in use */
	int			room_bits;		/* and there are so many */
} KeyMap;

#define MAP_SMALLEST	8		/* bits */

/*
 * Ids that differ in their last three bits only share a cache line: the
 * neighbours of a node are often near each other in the index as well.
 */
static inline uint32_t
map_hash(const KeyMap *map, uint32_t id)
{
	uint32_t	line = ((id >> 3) * UINT32_C(2654435769)) >> (35 - map->bits);

	return line << 3 | (id & 7);
}

/* the entry of the id will soon be looked at */
static inline void
map_prefetch(const KeyMap *map, uint32_t id)
{
#ifdef __GNUC__
	__builtin_prefetch(&map->entries[map_hash(map, id)], 1);
#endif
}

/* the entry of the id, or the free one where it belongs */
static inline Candidate *
map_find(const KeyMap *map, uint32_t id)
{
	uint32_t	mask = (UINT32_C(1) << map->bits) - 1;
	uint32_t	i = map_hash(map, id);

	/* either may be 0, with one branch for both */
	while ((uint64_t) map->entries[i].id * (map->entries[i].id ^ (id + 1)) != 0)
		i = (i + 1) & mask;
	return &map->entries[i];
}

/* fill the free entry that map_find returned */
static inline void
map_enter(KeyMap *map, Candidate *entry, uint32_t id, float key)
{
	entry->id = id + 1;
	entry->key = key;
	map->count++;
}

extern void sphx_keymap_init(SphxEnv *env, KeyMap *map);

/* room for so many entries more, at most half full; entries may move */
extern void sphx_keymap_reserve(SphxEnv *env, KeyMap *map, size_t more);

/* forget all; the room stays */
extern void sphx_keymap_clear(KeyMap *map);

#endif							/* SPHX_KEYMAP_H */
