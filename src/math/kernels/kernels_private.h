/*-------------------------------------------------------------------------
 *
 * kernels_private.h
 *	  What the kernels of all instruction sets share: the scales of look-up
 *	  tables.
 *
 * Included only by kernels_*.c.  kernels_scalar.c says how tables come to the
 * same bits everywhere.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_KERNELS_PRIVATE_H
#define SPHX_KERNELS_PRIVATE_H

#include <assert.h>
#include <float.h>
#include <math.h>

#include "math/kernels/code_bytes.h"
#include "math/kernels/kernels.h"

/*
 * A product and a sum must not become one fused operation where the bits
 * count.  src/math is compiled with -ffp-contract=off; this holds the promise
 * even without the flag.
 */
#if defined(__GNUC__) && !defined(__clang__)
#define SPHX_NO_CONTRACT __attribute__((optimize("fp-contract=off")))
#else
#define SPHX_NO_CONTRACT
#endif

/* not only behind its function: the initial value of sphx_kernels needs a constant */
extern const SphxKernels sphx_kernels_scalar_table;

#define SPHX_TABLE_BIAS		128

/* factor from x to table entries; 0 when there is no finite one, or a sum may overflow */
static inline float
table_factor(float range, float amax)
{
	float		f;

	assert(!(amax < 0.0f));
	if (!(amax > 0.0f && amax <= FLT_MAX / 4.0f))
		return 0.0f;
	f = range / amax;
	return f <= FLT_MAX ? f : 0.0f;
}

/* unlike fmaxf one instruction everywhere */
static inline float
larger(float a, float b)
{
	return a > b ? a : b;
}

#endif							/* SPHX_KERNELS_PRIVATE_H */
