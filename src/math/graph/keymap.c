/*-------------------------------------------------------------------------
 *
 * keymap.c
 *	  A map from node ids to keys: allocation and growth.
 *
 *-------------------------------------------------------------------------
 */
#include "math/graph/keymap.h"

static void
make_free(Candidate *entries, size_t count)
{
	size_t		done = 1;

	entries[0].key = KEY_FRESH;
	entries[0].id = 0;
	for (; done < count; done *= 2)
		memcpy(entries + done, entries, (done * 2 < count ? done : count - done) * sizeof(Candidate));
}

static void
allocate(SphxEnv *env, KeyMap *map, int bits)
{
	map->entries = env->alloc(env, sizeof(Candidate) << bits);
	make_free(map->entries, (size_t) 1 << bits);
	map->bits = map->room_bits = bits;
}

void
sphx_keymap_init(SphxEnv *env, KeyMap *map)
{
	allocate(env, map, MAP_SMALLEST);
	map->count = 0;
}

void
sphx_keymap_reserve(SphxEnv *env, KeyMap *map, size_t more)
{
	KeyMap		old = *map;
	int			bits = map->bits;

	while (map->count + more > (size_t) 1 << (bits - 1))
		bits++;
	if (bits == map->bits)
		return;
	if (map->count == 0 && bits <= map->room_bits)
	{
		map->bits = bits;
		return;
	}
	allocate(env, map, bits);
	for (size_t i = 0; i < (size_t) 1 << old.bits; i++)
		if (old.entries[i].id != 0)
			*map_find(map, old.entries[i].id - 1) = old.entries[i];
	env->release(env, old.entries);
}

void
sphx_keymap_clear(KeyMap *map)
{
	if (map->count > 0)
		make_free(map->entries, (size_t) 1 << map->bits);
	map->count = 0;
	map->bits = MAP_SMALLEST;
}
