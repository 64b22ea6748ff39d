/*-------------------------------------------------------------------------
 *
 * keymap.c
 *	  A map from node ids to keys: allocation and growth.
 *
 *-------------------------------------------------------------------------
 */
#include "keymap.h"

static void
allocate(SphxEnv *env, KeyMap *map, int bits)
{
	size_t		size = sizeof(Candidate) << bits;

	map->entries = env->alloc(env, size);
	memset(map->entries, 0, size);
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
		memset(map->entries, 0, sizeof(Candidate) << map->bits);
	map->count = 0;
	map->bits = MAP_SMALLEST;
}
