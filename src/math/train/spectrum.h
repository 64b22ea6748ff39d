/*-------------------------------------------------------------------------
 *
 * spectrum.h
 *	  How differences between near rows are spread over directions.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_SPECTRUM_H
#define SPHX_SPECTRUM_H

#include "math/base/parallel.h"

typedef struct SphxSpectrum
{
	int			D;
	int			count;			/* directions that were found */
	float	   *vectors;		/* count x D, orthonormal */
	float	   *variances;		/* count, descending: of unit differences
								 * along them */
	float		rest;			/* mean variance along a direction of the
								 * complement; all D add up to 1 */
	float		intrinsic;		/* mean local intrinsic dimension, by maximum
								 * likelihood (25 when nothing is known) */
	float		length;			/* mean length of differences (1 likewise) */
} SphxSpectrum;

/*
 * The spectrum of the differences (w - v) / |w - v| of some rows v of the sample
 * (n x D, n >= 0) and their 16 nearest neighbours w other than v itself: at most
 * `most` directions, fewer when there are fewer than 8 differences for each.  The
 * directions are those of half of the rows v, the variances along them those of
 * the other half.  Rows that are not finite count as little as those that do not
 * differ.  The work is proportional to n up to 8,192 rows or so.
 *
 * One allocation of env.  One seed gives the same result everywhere, up to
 * rounding.  sphx_blas_load must have returned true.
 */
extern SphxSpectrum *sphx_spectrum_train(SphxEnv *env, int n, const float *sample, int D,
										 int most, uint64_t seed);

/*
 * The variances, along `count` other directions (orthonormal rows of D floats), of
 * the differences whose variances sphx_spectrum_train has found with this seed.
 */
extern void sphx_spectrum_measure(SphxEnv *env, int n, const float *sample, int D, uint64_t seed,
								  int count, const float *vectors, float *variances);

/* the tasks of these, for workers, if the sample is shared */
extern const SphxTask sphx_spectrum_near_task;
extern const SphxTask sphx_spectrum_image_task;

#endif							/* SPHX_SPECTRUM_H */
