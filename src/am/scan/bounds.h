/*-------------------------------------------------------------------------
 *
 * bounds.h
 *	  What the operator will say of a row, from what the index knows of it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_AM_BOUNDS_H
#define SPHX_AM_BOUNDS_H

#include "server/compat.h"

#include "math/graph/search.h"

/* |q| of a transformed query; in double precision, where no square is too small or too large */
extern double SphxQueryNorm(const float *q, int D);

/*
 * Bounds of the operator's value for the rows of a node (I7), given the norm
 * of the query as above.
 */
extern void SphxBoundHit(SphxMetric metric, int D, double norm, const SphxHit *hit,
						 double *lower, double *upper);

#endif							/* SPHX_AM_BOUNDS_H */
