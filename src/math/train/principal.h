/*-------------------------------------------------------------------------
 *
 * principal.h
 *	  Principal directions: those along which rows, or their directions, vary most.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_PRINCIPAL_H
#define SPHX_PRINCIPAL_H

#include <stdbool.h>

#include "math/base/env.h"

/* whose eigenvectors the directions are */
typedef enum SphxMoments
{
	SPHX_MOMENTS_COVARIANCE,	/* of the rows */
	SPHX_MOMENTS_UNIT			/* second moments of the rows as unit vectors,
								 * zero rows left out */
} SphxMoments;

typedef struct SphxPrincipal
{
	int			D;
	int			count;			/* directions that were found */
	float	   *vectors;		/* count x D, orthonormal */
	double	   *shares;			/* count, descending: of the trace of the
								 * moments; all D add up to 1 */
	double	   *mean;			/* D: of the rows, or of the unit vectors */
} SphxPrincipal;

/*
 * Of n >= 0 rows of D dimensions, all finite, at most `most` principal directions;
 * fewer when the rows have fewer to them.  Computed in double precision, until
 * another step changes their share by less than a part of 1e-6.
 *
 * One allocation of env.  One seed gives the same result up to rounding.
 * sphx_blas_load must have returned true.
 */
extern SphxPrincipal *sphx_principal_train(SphxEnv *env, int n, const float *rows, int D, int most,
										   SphxMoments moments, uint64_t seed);

#endif							/* SPHX_PRINCIPAL_H */
