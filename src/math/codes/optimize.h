/*-------------------------------------------------------------------------
 *
 * optimize.h
 *	  Spherical codes found by numerical optimisation.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_OPTIMIZE_H
#define SPHX_OPTIMIZE_H

#include <stdbool.h>

#include "math/base/env.h"

typedef enum SphxObjective
{
	SPHX_OBJECTIVE_PACKING,		/* largest minimum angle between two points */
	SPHX_OBJECTIVE_COVERING,	/* smallest covering radius */
	SPHX_OBJECTIVE_BOUNDED		/* largest minimum angle among codes whose
								 * covering radius is at most (1 + slack)
								 * times the one that COVERING reaches with
								 * the same parameters */
} SphxObjective;

typedef struct SphxOptimizeParams
{
	int			n;				/* points */
	int			dim;			/* of the space, whose unit sphere they lie on */
	SphxObjective objective;
	int			restarts;		/* 0 = chosen from the size */
	int			iterations;		/* of annealing in a start; 0 = chosen */
	uint64_t	seed;
	double		slack;			/* BOUNDED only; >= 0 */
} SphxOptimizeParams;

typedef struct SphxOptimizeReport
{
	double		min_angle;		/* between two points, in radians; 0 for n = 1 */
	double		covering_radius;	/* in radians, the deepest hole that was
									 * found; 0 when the objective is PACKING,
									 * which does not look */
	double		covering_bound; /* BOUNDED: what the radius was held to; else
								 * 0 */
	int			restarts;		/* starts made; 0 = the answer is a known
								 * construction */
	bool		polished;		/* brought to the optimum of its basin (1e-6) */
} SphxOptimizeReport;

typedef enum SphxOptimizeCheck
{
	SPHX_OPTIMIZE_OK,
	SPHX_OPTIMIZE_NO_POINTS,	/* n < 1 */
	SPHX_OPTIMIZE_NO_DIMENSIONS,	/* dim < 1 */
	SPHX_OPTIMIZE_TOO_FEW_PLACES,	/* dim = 1 has only two unit vectors */
	SPHX_OPTIMIZE_BAD_RESTARTS, /* < 0 */
	SPHX_OPTIMIZE_BAD_ITERATIONS,	/* < 0 */
	SPHX_OPTIMIZE_BAD_SLACK,	/* negative, infinite or not a number */
	SPHX_OPTIMIZE_TOO_LARGE,	/* more than SPHX_OPTIMIZE_MAX_BYTES of memory */
	SPHX_OPTIMIZE_TOO_MANY_DIMENSIONS	/* for an objective that looks at
										 * holes */
} SphxOptimizeCheck;

#define SPHX_OPTIMIZE_MAX_BYTES	((uint64_t) 1 << 30)
#define SPHX_OPTIMIZE_MAX_COVERING_DIM	32

/* what sphx_optimize would object to; takes no time */
extern SphxOptimizeCheck sphx_optimize_check(const SphxOptimizeParams *params);

/*
 * Find a code: points receives n * dim coordinates.  sphx_optimize_check must
 * have passed.  The same parameters give the same bits on every machine with
 * IEEE arithmetic.
 *
 * Known optima are returned as they are: one point, regular polygons (dim =
 * 2), simplices (n <= dim + 1) and, for packing, pairs on some axes and a
 * simplex in the rest of the space (n <= 2 dim).
 */
extern void sphx_optimize(SphxEnv *env, const SphxOptimizeParams *params, double *points,
						  SphxOptimizeReport *report);

#endif							/* SPHX_OPTIMIZE_H */
