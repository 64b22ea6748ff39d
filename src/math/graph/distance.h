/*-------------------------------------------------------------------------
 *
 * distance.h
 *	  Distances between rows while a graph is built.
 *
 * All steps take them in the same way, so that a pair's has the same bits in
 * every list.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_DISTANCE_H
#define SPHX_DISTANCE_H

#include <math.h>

#include "math/kernels/kernels.h"

/* coordinates that are added up before it is looked whether the sum reaches the bound */
#define SPHX_DISTANCE_PART	128

/*
 * The squared distance of x and y, or if it is not below the bound something that
 * is not either: the first coordinates, in which rows differ most where directions
 * were learned, mostly tell.
 */
static inline float
sphx_bounded_l2sq(const float *x, const float *y, size_t d, float bound)
{
	float		distance = 0.0f;
	size_t		done = 0;

	do
	{
		size_t		part = d - done < 2 * SPHX_DISTANCE_PART ? d - done : SPHX_DISTANCE_PART;

		distance += sphx_kernels->l2sq_f32(x + done, y + done, part);
		done += part;
	} while (done < d && distance < bound);
	return distance;
}

static inline float
sphx_whole_l2sq(const float *x, const float *y, size_t d)
{
	return sphx_bounded_l2sq(x, y, d, INFINITY);
}

#endif							/* SPHX_DISTANCE_H */
