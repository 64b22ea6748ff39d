/*-------------------------------------------------------------------------
 *
 * sine.h
 *	  Distribution on [0, pi] with density proportional to sin^p.
 *
 * Two things have it: the angle between a fixed and a uniform direction of d
 * dimensions (p = d - 2), and twice the arctangent of the ratio of the norms
 * of two Gaussian vectors of d dimensions (p = d - 1).
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_SINE_H
#define SPHX_SINE_H

#include "math/base/env.h"

typedef struct SphxSine SphxSine;

extern SphxSine *sphx_sine_create(SphxEnv *env, int p); /* p >= 0; one
														 * allocation */

/* P(angle <= x); 0 and 1 outside of [0, pi] */
extern double sphx_sine_cdf(const SphxSine *sine, double x);

#endif							/* SPHX_SINE_H */
