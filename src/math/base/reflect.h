/*-------------------------------------------------------------------------
 *
 * reflect.h
 *	  A learned orthogonal transform: a product of Householder reflectors.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_REFLECT_H
#define SPHX_REFLECT_H

#include "math/base/env.h"

typedef struct SphxReflectors SphxReflectors;

/*
 * The transform Q of D dimensions whose first `count` <= D coordinates are the
 * products with the rows of `vectors`, which must be orthonormal: <vectors_i, x>, up
 * to what storing Q costs, for most x some 3e-5 |x|.  The others are those of some
 * orthonormal basis of the complement.  One allocation of env,
 * released as one.
 */
extern SphxReflectors *sphx_reflectors_create(SphxEnv *env, int D, int count,
											  const float *vectors);

/*
 * The serialised form.  Any bytes are some orthogonal transform, and what
 * sphx_reflectors_write has written is the one it was called with, to the bit.
 */
extern size_t sphx_reflectors_bytes(int D, int count);
extern void sphx_reflectors_write(const SphxReflectors *reflectors, void *bytes);
extern SphxReflectors *sphx_reflectors_read(SphxEnv *env, int D, int count, const void *bytes);

/*
 * In place: x = Q x, or x = Q^T x.  Scratch has `count` floats.  In single
 * precision the result is off by at most 2e-6 |x|.
 */
extern void sphx_reflect(const SphxReflectors *reflectors, float *x, float *scratch);
extern void sphx_reflect_back(const SphxReflectors *reflectors, float *x, float *scratch);

/*
 * x = Q x of n rows, `stride` floats apart, each with the bits that sphx_reflect gives
 * it; so many at a time, which read the reflectors together.  Scratch has `count`
 * floats for each of these.
 */
#define SPHX_REFLECT_ROWS	4
extern void sphx_reflect_rows(const SphxReflectors *reflectors, size_t n, float *x, size_t stride,
							  float *scratch);

/*
 * The same in double precision, one reflector after the other, the same bits
 * everywhere.  Orthogonal, and off from exact arithmetic, by at most
 * 3e-16 count (D + 12) |x|: for those who have to prove a bound.
 */
extern void sphx_reflect_f64(const SphxReflectors *reflectors, double *x);
extern void sphx_reflect_back_f64(const SphxReflectors *reflectors, double *x);

/* the most reflectors that a query can afford */
extern int	sphx_reflectors_count(int D);

#endif							/* SPHX_REFLECT_H */
