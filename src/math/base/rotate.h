/*-------------------------------------------------------------------------
 *
 * rotate.h
 *	  A fixed pseudo-random orthogonal transform in O(d log d).
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_ROTATE_H
#define SPHX_ROTATE_H

#include "math/base/env.h"

typedef struct SphxRotation SphxRotation;

/*
 * A transform of D >= 1 dimensions, the same on every machine for the same
 * (D, seed).  One allocation of env, released as one.
 */
extern SphxRotation *sphx_rotation_create(SphxEnv *env, int D, uint64_t seed);

/* in place: x = H x, x of D floats */
extern void sphx_rotate(const SphxRotation *rotation, float *x);

/* in place: x = H^T x */
extern void sphx_rotate_back(const SphxRotation *rotation, float *x);

#endif							/* SPHX_ROTATE_H */
