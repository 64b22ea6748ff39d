/*-------------------------------------------------------------------------
 *
 * basis.h
 *	  The coordinates that an index has its vectors in: rotated, and moved.
 *
 * A vector x, already under the pseudo-random transform (rotate.h), becomes
 * Q^T (x - center).  Distances stay what they are; inner products only without
 * a center.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_BASIS_H
#define SPHX_BASIS_H

#include <stdbool.h>

#include "math/base/reflect.h"

typedef struct SphxBasis
{
	int			D;
	int			count;			/* learned directions, the first coordinates */
	float	   *center;			/* D, or NULL */
	SphxReflectors *reflectors; /* Q, or NULL when count = 0 */
	float	   *scratch;		/* SPHX_REFLECT_ROWS * count */
} SphxBasis;

/*
 * A basis of `count` orthonormal rows of D floats and a center (a copy is made),
 * either of which may be missing.
 */
extern SphxBasis *sphx_basis_create(SphxEnv *env, int D, int count, const float *vectors,
									const float *center);
extern void sphx_basis_release(SphxEnv *env, SphxBasis *basis);

/*
 * The serialised form: the center, then the reflectors.  sphx_basis_read is NULL
 * when the bytes are of no basis: an element of the center is not finite.
 */
extern size_t sphx_basis_bytes(int D, int count, bool centered);
extern void sphx_basis_write(const SphxBasis *basis, void *bytes);
extern SphxBasis *sphx_basis_read(SphxEnv *env, int D, int count, bool centered,
								  const void *bytes);

/* in place: a vector of D floats */
extern void sphx_basis_apply(const SphxBasis *basis, float *x);

/* the same of n vectors, `stride` floats apart, to the same bits */
extern void sphx_basis_apply_rows(const SphxBasis *basis, size_t n, float *x, size_t stride);

#endif							/* SPHX_BASIS_H */
