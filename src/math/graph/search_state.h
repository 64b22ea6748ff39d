/*-------------------------------------------------------------------------
 *
 * search_state.h
 *	  A search from within: its state, and how the neighbours of a node read
 *	  get their keys.
 *
 * Included only by search.c, neighbours.c and hits.c.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_SEARCH_STATE_H
#define SPHX_SEARCH_STATE_H

#include "math/graph/keymap.h"
#include "math/graph/search.h"

/* an array of candidates that grows */
typedef struct CandidateArray
{
	Candidate  *items;
	size_t		count;
	size_t		room;
} CandidateArray;

struct SphxSearch
{
	SphxEnv    *env;
	const SphxLayout *layout;
	SphxMetric	metric;
	bool		keep_vectors;
	void	   *scratch;		/* the memory of the next four */
	float	   *q;				/* the query, D floats */
	float	   *x;				/* q - v of the node being read, D floats */
	uint8_t    *table;			/* 16 * pieces */
	float	   *estimates;		/* of the node being read */
	float		query_unit;		/* inner product: the table is the query's;
								 * its unit */
	uint32_t	neighbours[SPHX_MAX_M];

	KeyMap		seen;			/* read, in the beam, or set aside from it */
	CandidateArray beam;
	size_t		unread;			/* all of the beam before this place has been
								 * read */
	size_t		enough;			/* as many read may end the search; 0: no */
	float		margin;			/* when the next is farther than they are by
								 * this part of the distance */
	float		origin;			/* of their distances */
	CandidateArray aside;		/* seeds, and ids that were not in the beam
								 * when they came here; in no order, some
								 * twice */
#ifndef NDEBUG
	bool		damaged;		/* a record named a neighbour twice: then the
								 * beam may be in any state */
#endif
	uint64_t	reads;
	uint64_t	gains;			/* sum of those looked at (sphx_search_gain), */
	uint64_t	gain_count;		/* and how many */

	SphxHit    *hits;			/* not yet taken, in order of reading */
	size_t		hit_count;
	size_t		hit_room;
	SphxHit    *taken;			/* what the last take returned */
	size_t		taken_room;
	uint32_t	slots;			/* hits of this query so far */
	float	   *vectors;		/* kept vectors by slot */
	size_t		vector_room;
};

static inline void *
grow(SphxEnv *env, void *old, size_t used, size_t size)
{
	void	   *new = env->alloc(env, size);

	if (old != NULL)
	{
		memcpy(new, old, used);
		env->release(env, old);
	}
	return new;
}

static inline void
candidates_reserve(SphxEnv *env, CandidateArray *array, size_t more)
{
	if (array->count + more <= array->room)
		return;
	array->room = 2 * (array->count + more);
	array->items = grow(env, array->items, array->count * sizeof(Candidate),
						array->room * sizeof(Candidate));
}

/* the neighbours of the node just read: their entries in the map, keys there before and now */
typedef struct Neighbours
{
	Candidate  *entry[SPHX_MAX_M];
	float		old[SPHX_MAX_M];	/* KEY_FRESH: not seen before */
	float		key[SPHX_MAX_M];
	uint32_t	wanted[SPHX_MAX_M]; /* 1: may have a place in the beam */
} Neighbours;

/*
 * Enter the n neighbours just estimated, with the keys that follow, into the
 * map.  Those that matter to a beam that ends at `end` are wanted: returns how
 * many there are, and which.  What is new but not wanted is set aside.
 */
extern int	sphx_neighbours_enter(SphxSearch *search, int n, float end, Neighbours *found,
								  uint8_t *wanted);

/* A node that was read, not a deleted one, is a hit. */
extern void sphx_search_add_hit(SphxSearch *search, uint32_t id, const SphxRecord *r,
								float distance);

#endif							/* SPHX_SEARCH_STATE_H */
