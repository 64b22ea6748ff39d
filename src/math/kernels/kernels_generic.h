/*-------------------------------------------------------------------------
 *
 * kernels_generic.h
 *	  Kernels that compilers turn into vector instructions by themselves: one
 *	  text, compiled for every instruction set.
 *
 * SPHX_GENERIC_KERNELS(set) defines table_levels_<set> and the others
 * with this attribute.  No operation depends on the order of others, so the bits
 * are the same everywhere.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_KERNELS_GENERIC_H
#define SPHX_KERNELS_GENERIC_H

#include <math.h>
#include <string.h>

#include "math/kernels/kernels_private.h"

#ifdef __GNUC__
#define GENERIC_INLINE		inline __attribute__((always_inline))
#else
#define GENERIC_INLINE		inline
#endif

/* of SPHX_ROUNDER; in the lowest ones the rounded number is left */
#define ROUNDER_BITS		UINT32_C(0x4b400000)

/* the entries of one dimension; `levels` are -15, -13, ... 15 */
static GENERIC_INLINE void
levels_entries(float step, uint8_t *table)
{
	float		rounded[16];
	uint32_t	bits[16];

	for (int level = 0; level < 16; level++)
		rounded[level] = (float) (2 * level - 15) * step + SPHX_ROUNDER;
	memcpy(bits, rounded, sizeof(bits));
	for (int level = 0; level < 16; level++)
		table[level] = (uint8_t) (bits[level] - ROUNDER_BITS + SPHX_TABLE_BIAS);
}

static GENERIC_INLINE SPHX_NO_CONTRACT float
generic_table_levels(const float *x, size_t D, float amax, uint8_t *table)
{
	float		f = table_factor(SPHX_RANGE_LEVELS, amax) / 15.0f;

	if (f == 0.0f)
	{
		memset(table, SPHX_TABLE_BIAS, D * 16);
		return 0.0f;
	}
	for (size_t i = 0; i < D; i++)
		levels_entries(x[i] * f, table + 16 * i);
	return amax * (SPHX_LEVELS_TOP / SPHX_RANGE_LEVELS);
}

#define AMAX_LANES			16

static GENERIC_INLINE float
generic_amax(const float *x, size_t n)
{
	float		largest[AMAX_LANES] = {0.0f};
	size_t		i = 0;

	for (; i + AMAX_LANES <= n; i += AMAX_LANES)
		for (int k = 0; k < AMAX_LANES; k++)
			largest[k] = larger(fabsf(x[i + (size_t) k]), largest[k]);
	for (; i < n; i++)
		largest[0] = larger(fabsf(x[i]), largest[0]);
	for (int k = 1; k < AMAX_LANES; k++)
		largest[0] = larger(largest[k], largest[0]);
	return largest[0];
}

static GENERIC_INLINE SPHX_NO_CONTRACT void
generic_decode_i4(const uint8_t *v, float scale, float *x, size_t n)
{
	size_t		half = n / 2;

	for (size_t i = 0; i < half; i++)
		x[i] = scale * (float) ((int) (v[i] & 15) - 8);
	for (size_t i = 0; i < half; i++)
		x[half + i] = scale * (float) ((int) (v[i] >> 4) - 8);
}

/* quarter by quarter: whose low bits are in the first or second half of bytes, low or high */
static GENERIC_INLINE SPHX_NO_CONTRACT void
generic_decode_i6(const uint8_t *v, float scale, float *x, size_t n)
{
	size_t		quarter = n / 4;
	const uint8_t *high = v + n / 2;

	for (int k = 0; k < 4; k++, x += quarter)
	{
		const uint8_t *low = v + (k % 2 == 0 ? 0 : quarter);
		int			shift = k < 2 ? 0 : 4;

		for (size_t i = 0; i < quarter; i++)
			x[i] = scale * (float) ((low[i] >> shift & 15) + 16 * (high[i] >> 2 * k & 3) - 32);
	}
}

static GENERIC_INLINE SPHX_NO_CONTRACT void
generic_decode_i2(const uint8_t *v, float scale, float *x, size_t n)
{
	size_t		quarter = n / 4;

	for (int k = 0; k < 4; k++, x += quarter)
		for (size_t i = 0; i < quarter; i++)
			x[i] = scale * ((float) (v[i] >> 2 * k & 3) - 1.5f);
}

#define ERROR_LANES			16

/* the square of y's distance to the nearest element */
static GENERIC_INLINE SPHX_NO_CONTRACT float
square_off_step(float y, float limit, float offset)
{
	float		within = y > limit ? limit : y;

	within = within < -limit ? -limit : within;
	y -= sphx_round_f32(within - offset) + offset;
	return y * y;
}

static GENERIC_INLINE SPHX_NO_CONTRACT float
generic_step_error(const float *x, size_t n, float scale, float limit, float offset)
{
	float		sum[ERROR_LANES] = {0.0f};
	size_t		i = 0;

	for (; i + ERROR_LANES <= n; i += ERROR_LANES)
		for (int k = 0; k < ERROR_LANES; k++)
			sum[k] += square_off_step(x[i + (size_t) k] / scale, limit, offset);
	for (int k = 0; i < n; i++, k++)
		sum[k] += square_off_step(x[i] / scale, limit, offset);
	for (int width = ERROR_LANES / 2; width > 0; width /= 2)
		for (int k = 0; k < width; k++)
			sum[k] += sum[k + width];
	return sum[0];
}

#define AXPY_LANES			16

static GENERIC_INLINE SPHX_NO_CONTRACT void
generic_axpy4(float *x, const float *rows, size_t stride, const float a[4], size_t n)
{
	const float *r1 = rows + stride;
	const float *r2 = r1 + stride;
	const float *r3 = r2 + stride;
	size_t		i = 0;

	for (; i + AXPY_LANES <= n; i += AXPY_LANES)
	{
		float		sum[AXPY_LANES];

		for (size_t k = 0; k < AXPY_LANES; k++)
			sum[k] = x[i + k] + a[0] * rows[i + k];
		for (size_t k = 0; k < AXPY_LANES; k++)
			sum[k] += a[1] * r1[i + k];
		for (size_t k = 0; k < AXPY_LANES; k++)
			sum[k] += a[2] * r2[i + k];
		for (size_t k = 0; k < AXPY_LANES; k++)
			sum[k] += a[3] * r3[i + k];
		memcpy(x + i, sum, sizeof(sum));
	}
	for (; i < n; i++)
		x[i] = (((x[i] + a[0] * rows[i]) + a[1] * r1[i]) + a[2] * r2[i]) + a[3] * r3[i];
}

static GENERIC_INLINE SPHX_NO_CONTRACT void
generic_subtract(const float *q, float *x, size_t n)
{
	for (size_t i = 0; i < n; i++)
		x[i] = q[i] - x[i];
}

#define SPHX_GENERIC_KERNELS(set) \
static float \
step_error_##set(const float *x, size_t n, float scale, float limit, float offset) \
{ \
	return generic_step_error(x, n, scale, limit, offset); \
} \
static void \
subtract_f32_##set(const float *q, float *x, size_t n) \
{ \
	generic_subtract(q, x, n); \
} \
static void \
axpy4_f32_##set(float *x, const float *rows, size_t stride, const float a[4], size_t n) \
{ \
	generic_axpy4(x, rows, stride, a, n); \
} \
static float \
table_levels_##set(const float *x, size_t D, float amax, uint8_t *table) \
{ \
	return generic_table_levels(x, D, amax, table); \
} \
static float \
amax_f32_##set(const float *x, size_t n) \
{ \
	return generic_amax(x, n); \
} \
static void \
decode_i6_##set(const uint8_t *v, float scale, float *x, size_t n) \
{ \
	generic_decode_i6(v, scale, x, n); \
} \
static void \
decode_i4_##set(const uint8_t *v, float scale, float *x, size_t n) \
{ \
	generic_decode_i4(v, scale, x, n); \
} \
static void \
decode_i2_##set(const uint8_t *v, float scale, float *x, size_t n) \
{ \
	generic_decode_i2(v, scale, x, n); \
}

#endif							/* SPHX_KERNELS_GENERIC_H */
