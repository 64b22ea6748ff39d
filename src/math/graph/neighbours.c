/*-------------------------------------------------------------------------
 *
 * neighbours.c
 *	  The rating of a node's neighbours, the innermost part of a search.
 *
 * A node has tens of neighbours, and nothing comes of most of them.  Which have
 * been seen, which are better than was thought and which are good enough for
 * the beam nobody can foresee: a branch on it, mispredicted, costs more than
 * all the work on a neighbour.  So three loops without such branches go over
 * all: one that waits for memory, one that the compiler turns into vector
 * instructions (the Makefile asks for it), and one that stores.  search.c puts
 * into the beam, one by one, what they leave.
 *
 *-------------------------------------------------------------------------
 */
#include "math/graph/search_state.h"

/* find or make the entries of the n neighbours */
static void
look_up_neighbours(SphxSearch *search, int n, Neighbours *found)
{
	KeyMap		map;

	sphx_keymap_reserve(search->env, &search->seen, (size_t) n);
	map = search->seen;
	for (int j = 0; j < n; j++)
	{
		uint32_t	id = search->neighbours[j];
		Candidate  *entry = map_find(&map, id);

		found->entry[j] = entry;
		found->old[j] = entry->key;
		map.count += entry->id == 0;
		entry->id = id + 1;
	}
	search->seen.count = map.count;
}

/*
 * The keys that follow from the estimates, and whether they matter to a beam
 * that ends at `end`.
 */
static void
rate_neighbours(const float *estimates, int n, float end, Neighbours *found)
{
	for (int j = 0; j < n; j++)
	{
		float		old = found->old[j];
		float		key = key_with_estimate(old, estimates[j]);
		float		less = key < old ? key : old;

		found->key[j] = key;
		/* with the key of the end it may be in the beam, under that key */
		found->wanted[j] = less <= end ? key != old : 0;
	}
}

/* enter the keys; what is new but not wanted is set aside.  Returns how many are wanted, and which. */
static int
keep_neighbours(SphxSearch *search, int n, const Neighbours *found, uint8_t *wanted)
{
	CandidateArray *aside = &search->aside;
	Candidate  *put;
	int			count = 0;

	candidates_reserve(search->env, aside, (size_t) n);
	put = aside->items + aside->count;
	for (int j = 0; j < n; j++)
	{
		float		key = found->key[j];
		uint32_t	want = found->wanted[j];

		found->entry[j]->key = key;
		wanted[count] = (uint8_t) j;
		count += (int) want;
		put->key = key;
		put->id = search->neighbours[j];
		put += (uint32_t) (found->old[j] == KEY_FRESH) & ~want;
	}
	aside->count = (size_t) (put - aside->items);
	return count;
}

int
sphx_neighbours_enter(SphxSearch *search, int n, float end, Neighbours *found, uint8_t *wanted)
{
	look_up_neighbours(search, n, found);
	rate_neighbours(search->estimates, n, end, found);
	return keep_neighbours(search, n, found, wanted);
}
