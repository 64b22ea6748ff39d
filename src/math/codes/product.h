/*-------------------------------------------------------------------------
 *
 * product.h
 *	  Random product codes (Lu, Xiao and Ishikawa, Algorithms 1 to 3).
 *
 * A product code of L levels splits the dimensions into L equal runs and has
 * m points of norm 1 / sqrt(L) at each; its m^L codewords are never listed.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_PRODUCT_H
#define SPHX_PRODUCT_H

#include "math/base/env.h"

typedef struct SphxProductParams
{
	int			dim;			/* a multiple of levels */
	int			m;				/* points of a level; even but for random
								 * points */
	int			levels;
	int			rounds;			/* cross-polytopes: configurations tried */
	uint64_t	seed;
} SphxProductParams;

/* all write levels x m x dim / levels numbers */

/* Algorithm 1, S_sym: points uniform on the sphere and their antipodes (2i and 2i + 1) */
extern void sphx_product_antipodal(SphxEnv *env, const SphxProductParams *p, double *points);

/*
 * Algorithm 2, S_pol: randomly rotated cross-polytopes, the last one cut to
 * size; of `rounds` configurations the one with the largest mean cosine of
 * the reference angle, rotated anew for every level.
 */
extern void sphx_product_polytopes(SphxEnv *env, const SphxProductParams *p, double *points);

/* Algorithm 3, S_ran: directions of Gaussian vectors */
extern void sphx_product_gaussian(SphxEnv *env, const SphxProductParams *p, double *points);

#endif							/* SPHX_PRODUCT_H */
