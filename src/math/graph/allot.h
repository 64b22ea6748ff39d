/*-------------------------------------------------------------------------
 *
 * allot.h
 *	  Bits for dimensions: which codebook an edge's coordinates get, and how
 *	  wide those of a vector are stored (src/README, "Geometry").
 *
 * Dimensions are handled in units of 8 (the last one may be of 4), the ones with
 * the largest variance first.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_ALLOT_H
#define SPHX_ALLOT_H

#include "math/graph/record.h"

/*
 * Codes of `nibbles` a edge for unit edges with these variances (D of them, of
 * sum 1): the noise of an estimated inner product of an edge e with a vector x,
 * as a part of |x| |e|, is the root of
 *
 *		sum over dimensions of s (w s + (1 - w) / D) * distortion
 *
 * where s is the variance, and x is taken to be spread mostly as edges are (w)
 * and for the rest evenly.  Bits go where they lower it most.
 *
 * sphx_noise_curve writes the least noise with at most p nibbles to noise[p],
 * p = 0..most.  sphx_allot_bands fills bands (SPHX_MAX_BANDS) and returns their
 * number, for at least sphx_least_nibbles(D), which are those of one unit; fewer
 * than `nibbles` may be used.
 */
extern int	sphx_least_nibbles(int D);
extern void sphx_noise_curve(SphxEnv *env, int D, const float *variances, int most, float *noise);
extern int	sphx_allot_bands(SphxEnv *env, int D, const float *variances, int nibbles,
							 SphxBand *bands);

/*
 * Widths of stored vectors whose coordinates have these second moments (D): with
 * one step for all, as wide as it takes for the error to be about the given
 * part of the norm.  Fills stored[]; returns the bytes a vector.
 */
extern int	sphx_allot_widths(int D, const float *moments, double error, int stored[SPHX_WIDTHS]);

#endif							/* SPHX_ALLOT_H */
