/*-------------------------------------------------------------------------
 *
 * select.h
 *	  Selection of neighbours.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_SELECT_H
#define SPHX_SELECT_H

/*
 * Choose at most m of n candidates (ascending by distance to x) as neighbours
 * of x: the HNSW heuristic (a candidate is kept unless an already kept one is
 * nearer to it than x is), then filled up with the nearest of the others.
 * vectors[i] are D floats; distances[i] squared distances to x.  chosen[]
 * receives indexes into candidates.  Returns how many were chosen.
 */
extern int	sphx_select_neighbours(int D, int n, const float *const *vectors,
								   const float *distances, int m, int *chosen);

#endif							/* SPHX_SELECT_H */
