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
 * Codes of `nibbles` an edge for unit edges e with these variances s (D of them,
 * of sum 1).  Of the coordinates' distortions d (the part of the variance that
 * codewords do not tell) follow c = sum s (1 - d), the part of the edge that its
 * code captures, and the noise of an estimate |e| <x,u> / <e,u> of <x,e>, as a
 * part of |x| |e|, whose square is
 *
 *		sum s t (1 - (1 - d) (2 / c - 1 / c^2))
 *
 * where t are the variances of x, taken to be spread mostly as edges are and for
 * the rest evenly.  Bits go where they lower sum s t d most.
 *
 * sphx_noise_curve writes the least noise with at most p nibbles to noise[p],
 * p = 0..most.  sphx_allot_bands fills *code, for at least sphx_least_nibbles(D),
 * which are those of one unit; fewer than `nibbles` may be used.
 */
extern int	sphx_least_nibbles(int D);
extern void sphx_noise_curve(SphxEnv *env, int D, const float *variances, int most, float *noise);
extern void sphx_allot_bands(SphxEnv *env, int D, const float *variances, int nibbles,
							 SphxCode *code);

/* Noise of estimates of edges that have no favourite directions, by this code. */
extern float sphx_even_noise(const SphxCode *code);

/*
 * Widths of stored vectors whose coordinates have these second moments (D), for
 * errors of at most the part *error of the norm: up to SPHX_STORED_BANDS stretches
 * of about the same moment, each with a step of its own.  Fills the bands of
 * *layout, and *error with what is to be expected; returns the bytes a vector.
 */
extern int	sphx_allot_widths(int D, const float *moments, double *error, SphxLayout *layout);

#endif							/* SPHX_ALLOT_H */
