/*-------------------------------------------------------------------------
 *
 * select.h
 *	  Selection of neighbours: the heuristic of HNSW (Malkov and Yashunin,
 *	  Algorithm 4).
 *
 * Whoever chooses edges calls it: the build, inserts, repairs, and a record
 * that is offered more edges than it holds.  They differ in how they know a
 * distance.  The two functions that tell it are to be constants, so that they
 * are compiled into the loops.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_SELECT_H
#define SPHX_SELECT_H

#include <assert.h>
#include <stdbool.h>

/* the squared distance of candidate i from the node, and between candidates i and j */
typedef float (*SphxNodeDistance) (const void *arg, int i);
typedef float (*SphxPairDistance) (const void *arg, int i, int j);

/*
 * Choose at most m of n candidates, ascending by distance: those that no one
 * chosen before is nearer to than the node is.  A distance between candidates
 * that is not a number (an estimate may overflow) counts as nearer.  chosen[]
 * receives their positions, ascending; returns how many.
 */
static inline int
sphx_select_diverse(int n, int m, SphxNodeDistance distance, SphxPairDistance pair,
					const void *arg, int *chosen)
{
	int			count = 0;

	for (int i = 0; i < n && count < m; i++)
	{
		float		d = distance(arg, i);
		bool		diverse = true;

		assert(i == 0 || d >= distance(arg, i - 1));
		for (int c = 0; c < count && diverse; c++)
			diverse = pair(arg, i, chosen[c]) >= d;
		if (diverse)
			chosen[count++] = i;
	}
	return count;
}

/* fill the `count` diverse ones up with the nearest of the others, to at most m; returns how many */
static inline int
sphx_select_nearest(int n, int m, int count, int *chosen)
{
	int			diverse = count;

	/* these are ascending, so a merge tells who is not among them */
	for (int i = 0, next = 0; i < n && count < m; i++)
	{
		if (next < diverse && chosen[next] == i)
			next++;
		else
			chosen[count++] = i;
	}
	return count;
}

#endif							/* SPHX_SELECT_H */
