/*-------------------------------------------------------------------------
 *
 * haar.h
 *	  Random rotations with the uniform (Haar) distribution on SO(d).
 *
 * The rotation of rotate.h is faster and good enough for an index, but only
 * pseudo-random; statements about probabilities need this one.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_HAAR_H
#define SPHX_HAAR_H

#include "math/base/env.h"

typedef struct SphxHaar SphxHaar;

/* d >= 1; takes d^2 / 2 random numbers, and as many multiplications */
extern SphxHaar *sphx_haar_create(SphxEnv *env, int d, uint64_t seed);
extern void sphx_haar_release(SphxHaar *haar);

/* bytes that a rotation of d dimensions takes */
extern double sphx_haar_memory(int d);

/* x = H x and x = H^-1 x, in d^2 multiplications */
extern void sphx_haar_apply(const SphxHaar *haar, double *x);
extern void sphx_haar_apply_inverse(const SphxHaar *haar, double *x);

#endif							/* SPHX_HAAR_H */
