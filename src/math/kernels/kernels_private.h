/*-------------------------------------------------------------------------
 *
 * kernels_private.h
 *	  What the kernels of all instruction sets share: one piece of a look-up
 *	  table, one estimate, and the scales of tables.
 *
 * Included only by kernels_*.c.  These functions fix the bits of tables and
 * estimates; kernels_scalar.c says how.
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

#if defined(__SSE2__)
#include <emmintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

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

/*
 * Factors from x to table entries are RANGE / amax.  An orthoplex entry is one
 * rounded number of up to 127.  The others are sums of two rounded halves of
 * up to 63 each, and a half is up to 2 amax (signs) or amax (Lloyd, in terms
 * of the upper level).
 */
#define SPHX_RANGE_ORTHOPLEX	127.0f
#define SPHX_RANGE_SIGNS		31.5f
#define SPHX_RANGE_LLOYD		63.0f

/* the lower Lloyd level in terms of the upper: 3 units of 10 */
#define SPHX_LLOYD_RATIO	0.3f
#define SPHX_LLOYD_TOP		(10.0f * SPHX_LLOYD_UNIT)

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

/* nearest integer, ties to even, as the conversion instructions do */
static inline int
round_even(float v)
{
#if defined(__SSE2__)
	return _mm_cvtss_si32(_mm_set_ss(v));
#elif defined(__aarch64__)
	return vcvtns_s32_f32(v);
#else
	return (int) lrintf(v);
#endif
}

/* entry = 128 + low[nibble & 3] + high[nibble >> 2] */
static inline void
table_piece_halves(const int *low, const int *high, uint8_t *table)
{
	for (int h = 0; h < 4; h++)
		for (int l = 0; l < 4; l++)
			table[4 * h + l] = (uint8_t) (SPHX_TABLE_BIAS + low[l] + high[h]);
}

static inline void
table_piece_orthoplex(const float *x, float f, uint8_t *table)
{
	for (int i = 0; i < 8; i++)
	{
		int			v = round_even(x[i] * f);

		table[i] = (uint8_t) (SPHX_TABLE_BIAS + v);
		table[i + 8] = (uint8_t) (SPHX_TABLE_BIAS - v);
	}
}

static inline void
table_piece_signs(const float *x, float f, uint8_t *table)
{
	int			half[2][4];

	for (int i = 0; i < 2; i++)
	{
		int			sum = round_even((x[2 * i] + x[2 * i + 1]) * f);
		int			difference = round_even((x[2 * i] - x[2 * i + 1]) * f);

		half[i][0] = sum;
		half[i][1] = -difference;
		half[i][2] = difference;
		half[i][3] = -sum;
	}
	table_piece_halves(half[0], half[1], table);
}

static inline void
table_piece_lloyd(const float *x, float f, uint8_t *table)
{
	float		f3 = f * SPHX_LLOYD_RATIO;
	int			half[2][4];

	for (int i = 0; i < 2; i++)
	{
		int			upper = round_even(x[i] * f);
		int			lower = round_even(x[i] * f3);

		half[i][0] = -upper;
		half[i][1] = -lower;
		half[i][2] = lower;
		half[i][3] = upper;
	}
	table_piece_halves(half[0], half[1], table);
}

#endif							/* SPHX_KERNELS_PRIVATE_H */
