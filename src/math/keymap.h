/*-------------------------------------------------------------------------
 *
 * keymap.h
 *	  What a search remembers of the nodes it has seen: candidates, their keys,
 *	  and a map from ids to keys.
 *
 * Included only by search.c and keymap.c.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_KEYMAP_H
#define SPHX_KEYMAP_H

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "env.h"

/*
 * The lowest bits of a key's mantissa, far below the noise of the estimates,
 * say whether the candidate has been read and of how many estimates the key is
 * the mean, as far as they can count.
 */
typedef struct Candidate
{
	float		key;
	uint32_t	id;
} Candidate;

#define KEY_READ		UINT32_C(1)
#define KEY_ESTIMATE	UINT32_C(2) /* one estimate in the count */
#define KEY_COUNT		UINT32_C(14)
#define KEY_MARKS		(KEY_READ | KEY_COUNT)

static inline uint32_t
key_marks(float key)
{
	uint32_t	bits;

	memcpy(&bits, &key, sizeof(bits));
	return bits & KEY_MARKS;
}

/* keys stay comparable, whatever overflowed */
static inline float
make_key(float value, uint32_t marks)
{
	uint32_t	bits;

	if (!isfinite(value))
		value = value < 0.0f ? -FLT_MAX : FLT_MAX;
	memcpy(&bits, &value, sizeof(bits));
	bits = (bits & ~KEY_MARKS) | marks;
	memcpy(&value, &bits, sizeof(bits));
	return value;
}

static inline bool
is_read(float key)
{
	return key_marks(key) & KEY_READ;
}

/* the key with one estimate more in its mean */
static inline float
key_with_estimate(float key, float estimate)
{
	uint32_t	marks = key_marks(key);
	float		count = (float) (marks / KEY_ESTIMATE);

	if (marks < KEY_COUNT)
		marks += KEY_ESTIMATE;
	return make_key(key + (estimate - key) / (count + 1.0f), marks);
}

/*
 * Keys by id, open addressing: an entry holds id + 1, or 0 when it is free (no
 * id is UINT32_MAX).  Entries from 1 << bits to the end of the room are free,
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

	while (map->entries[i].id != 0 && map->entries[i].id != id + 1)
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
