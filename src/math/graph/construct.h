/*-------------------------------------------------------------------------
 *
 * construct.h
 *	  Bulk construction of a neighbour graph over vectors in memory.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_CONSTRUCT_H
#define SPHX_CONSTRUCT_H

#include <stdbool.h>

#include "math/base/parallel.h"

/* one entry of a neighbour list; lists are ascending by (distance, id) */
typedef struct SphxNeighbour
{
	float		distance;		/* squared */
	uint32_t	id;				/* row number, or SPHX_INVALID_NODE behind the
								 * end */
} SphxNeighbour;

/*
 * Inner product: the coordinate of x (D floats) that puts it on a sphere of this
 * radius, on which nearest by Euclidean distance is largest by inner product; 0
 * when x is longer.
 */
extern float sphx_extra_coordinate(const float *x, int D, float radius);

/*
 * n rows of d floats (the space edges are chosen in), already grouped: row i
 * has the `probes` nearest cells cells[i * probes ..], nearest first.
 */
typedef struct SphxBuildInput
{
	uint32_t	n;
	int			d;
	int			near_d;			/* the first of these that tell well enough
								 * which rows may be near */
	const float *rows;
	int			cell_count;
	int			probes;
	const uint32_t *cells;
} SphxBuildInput;

/*
 * The k nearest rows of every row, approximately: n * k entries.  Candidates
 * come from matrix products inside pools (all rows that have a cell among
 * their probes), then from neighbours of neighbours.  The result is shared.
 */
extern SphxNeighbour *sphx_build_knn(SphxEnv *env, const SphxBuildInput *input, int k);

/*
 * Turn candidate lists (n * k) into a graph of at most m neighbours a row:
 * the HNSW heuristic forwards, reverse edges, the heuristic again over both,
 * and the rest filled with the nearest.  Returns n * m entries, shared.
 */
extern SphxNeighbour *sphx_build_graph(SphxEnv *env, const SphxBuildInput *input,
									   const SphxNeighbour *knn, int k, int m);

/*
 * See to it that every row can be reached from row 0: where rows cannot, the
 * nearest of a few rows that can gets an edge to one of them, in place of its
 * last.  edges: n * m, changed in place.
 */
extern void sphx_connect_graph(SphxEnv *env, const SphxBuildInput *input, SphxNeighbour *edges,
							   int m);

/* the tasks of these, for workers */
extern const SphxTask sphx_pools_task;
extern const SphxTask sphx_exact_task;
extern const SphxTask sphx_join_task;
extern const SphxTask sphx_forward_task;
extern const SphxTask sphx_final_task;

#endif							/* SPHX_CONSTRUCT_H */
