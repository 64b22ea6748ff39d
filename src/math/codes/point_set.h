/*-------------------------------------------------------------------------
 *
 * point_set.h
 *	  What sets of points are measured by: separation, soft-min, covering
 *	  radius, reference cosine, kissing numbers.
 *
 * Points are rows of single precision numbers; sums are taken in double
 * precision.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_POINT_SET_H
#define SPHX_POINT_SET_H

#include <stdbool.h>

#include "math/base/env.h"

typedef struct SphxPointSet
{
	size_t		n;
	int			d;
	const float *rows;			/* n x d */
} SphxPointSet;

/* two points and how far apart they are */
typedef struct SphxPointPair
{
	size_t		i;				/* i < j */
	size_t		j;
	double		distance;
} SphxPointPair;

/*
 * The nearest pair of n >= 2 points.  Large sets are screened with matrix
 * products where there is a BLAS library; the answer is exact all the same.
 */
extern SphxPointPair sphx_nearest_pair(SphxEnv *env, const SphxPointSet *set);

/* the nearest of `pairs` random pairs (Mathews, section 6.2): an upper bound */
extern SphxPointPair sphx_sampled_pair(SphxEnv *env, const SphxPointSet *set, int64_t pairs,
									   uint64_t seed);

/*
 * The nearest pair among all points and their approximate nearest neighbours:
 * an upper bound, the exact answer as a rule (not for one of some twenty sets
 * of 20,000 random points of 50 or 100 dimensions).  Without a BLAS library all
 * pairs are compared.  n below 2^32.
 */
extern SphxPointPair sphx_neighbour_pair(SphxEnv *env, const SphxPointSet *set,
										 uint64_t seed);

/*
 * -tau log sum_{i<j} exp(-|x_i - x_j| / tau) (Mathews, section 6.3, without
 * its -2R).  It is below the minimum distance by at most tau log(n (n-1) / 2),
 * and by just that when all distances are equal.
 */
extern double sphx_softmin_separation(SphxEnv *env, const SphxPointSet *set, double tau);

/*
 * The largest distance of a unit vector from its nearest point (Mathews,
 * section 2.3), of unit vectors; a chord, not an angle.  A hole with this
 * radius was found, starting from `samples` random directions; its centre
 * goes to hole (d numbers).  There may be a deeper one.
 */
extern double sphx_covering_radius(SphxEnv *env, const SphxPointSet *set, int64_t samples,
								   uint64_t seed, double *hole);

/* memory that it takes beside the points, in bytes */
extern double sphx_covering_bytes(const SphxPointSet *set);

/*
 * J(S) (Lu, Xiao and Ishikawa, Eq. 7) of the product code with the given unit
 * vectors at each of `levels` levels, each level rotated at random: the mean over
 * unit vectors v of levels * d dimensions of the cosine of v's reference angle.
 * By Eq. 32 it is the mean over one level times an exactly known factor, and
 * is estimated from at least `samples` random directions of one level.
 */
typedef struct SphxReferenceCosine
{
	double		estimate;
	double		error;			/* of the estimate, 99 % confidence */
	double		random;			/* right-hand side of Lemma B.1: as many
								 * random points a level */
} SphxReferenceCosine;

extern void sphx_reference_cosine(SphxEnv *env, const SphxPointSet *set, int levels,
								  int64_t samples, uint64_t seed,
								  SphxReferenceCosine *result);

/* right-hand side of Lemma B.1 (Ineq. 29) for m points of d' = d / levels >= 1 dimensions */
extern double sphx_random_reference_cosine(SphxEnv *env, int64_t m, int levels, int d_level);

/* known bounds of the kissing number */
typedef struct SphxKissing
{
	int			lower;
	int			upper;
	const char *lower_source;
	const char *upper_source;
} SphxKissing;

#define SPHX_KISSING_MAX_DIM	24

extern const SphxKissing *sphx_kissing(int dim);	/* 1 ..
													 * SPHX_KISSING_MAX_DIM */

#endif							/* SPHX_POINT_SET_H */
