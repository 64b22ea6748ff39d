/*-------------------------------------------------------------------------
 *
 * kernels.h
 *	  Distance and code kernels: one table of functions an instruction set,
 *	  one chooser.
 *
 * The scalar table is the oracle.  All kernels take unaligned input and any
 * length n >= 0.  Sums are taken in single precision with several partial
 * sums, at least 8 of them: against exact arithmetic a sum is off by at most
 * SPHX_KERNEL_ERROR(n) times the sum of the absolute terms (2^-24 for every
 * rounding on the way of a term into the sum: n / 8 and a few).
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_KERNELS_H
#define SPHX_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum SphxSimd
{
	SPHX_SIMD_SCALAR,
	SPHX_SIMD_AVX2,				/* AVX2, FMA and F16C */
	SPHX_SIMD_AVX512,			/* AVX-512 F, BW, DQ, VL, VBMI and VNNI */
	SPHX_SIMD_NEON,
	SPHX_SIMD_AUTO				/* only as an argument of sphx_kernels_choose */
} SphxSimd;

#define SPHX_CODE_BLOCK		32	/* neighbours in one call of code_sums */
#define SPHX_CODE_GROUP		8	/* pieces in a group of grouped_sums */
#define SPHX_CODE_OVERREAD	24	/* bytes that code_sums may read past its
								 * input */

#define SPHX_KERNEL_ERROR(n) (6e-8 * (8.0 + (double) (n) / 8.0))

/* the same of a sum that is taken term after term */
#define SPHX_SERIAL_ERROR(n) (6e-8 * (8.0 + (double) (n)))

/*
 * x rounded to the nearest integer, ties to even, |x| <= 2^22: adding 1.5 * 2^23
 * leaves it in the lowest bits.  Unlike rintf no call anywhere.
 */
#define SPHX_ROUNDER		12582912.0f

static inline float
sphx_round_f32(float x)
{
	return (x + SPHX_ROUNDER) - SPHX_ROUNDER;
}

typedef struct SphxKernels
{
	SphxSimd	level;
	const char *name;			/* "scalar", "avx2", "avx512", "neon" */

	/* sum a*b, sum (a-b)^2, sum |a-b| */
	float		(*dot_f32) (const float *a, const float *b, size_t n);
	float		(*l2sq_f32) (const float *a, const float *b, size_t n);
	float		(*l1_f32) (const float *a, const float *b, size_t n);
	/* all three of a.b, a.a, b.b in one pass */
	void		(*dot3_f32) (const float *a, const float *b, size_t n,
							 float *ab, float *aa, float *bb);

	/*
	 * Against a stored vector v (element i stands for scale * v[i]):
	 * residual_* writes x = q - scale*v to x[0..n) and returns sum x^2; *amax
	 * is set to max |x[i]| (0 for n = 0).  dot_* returns sum q*(scale*v).
	 * decode_* writes scale*v.  x must not overlap q.
	 */
	float		(*residual_i16) (const float *q, const int16_t *v, float scale,
								 float *x, size_t n, float *amax);
	float		(*residual_i8) (const float *q, const int8_t *v, float scale,
								float *x, size_t n, float *amax);
	float		(*dot_i16) (const float *q, const int16_t *v, float scale, size_t n);
	float		(*dot_i8) (const float *q, const int8_t *v, float scale, size_t n);
	void		(*decode_i16) (const int16_t *v, float scale, float *x, size_t n);
	void		(*decode_i8) (const int8_t *v, float scale, float *x, size_t n);

	/*
	 * decode_* of narrow elements, n a multiple of 4.  Nibbles: element i is
	 * the low one of byte i and element i + n / 2 the high one, as (value +
	 * 8); v points to n / 2 bytes.  Pairs of bits: element i + j n / 4 is in
	 * bits 2j of byte i, 0..3 for -1.5, -.5, .5, 1.5; n / 4 bytes.  6 bits:
	 * the low 4 as nibbles, behind them the high 2 as pairs, as (value + 32).
	 */
	void		(*decode_i6) (const uint8_t *v, float scale, float *x, size_t n);
	void		(*decode_i4) (const uint8_t *v, float scale, float *x, size_t n);
	void		(*decode_i2) (const uint8_t *v, float scale, float *x, size_t n);

	/*
	 * The squared error, in steps, of x stored with this scale: sum (y -
	 * z)^2, y = x[i] / scale, z the nearest (ties to even) of the integers
	 * plus offset, 0 or .5, from -limit to limit, at most 2^22.  The same
	 * bits on every level.
	 */
	float		(*step_error) (const float *x, size_t n, float scale, float limit, float offset);

	/* half precision to single, exactly; NaN stays some NaN */
	void		(*half_to_f32) (const uint16_t *half, float *x, size_t n);

	/*
	 * Steps of the rotation (rotate.c), the same bits on every level: x[i] *=
	 * f[i]; (a[i], b[i]) = (a[i] + b[i], a[i] - b[i]), a and b not
	 * overlapping; the unnormalised Walsh-Hadamard transform of n = 2^k
	 * entries in place, butterflies in the order of strides 1, 2, 4, ...
	 */
	void		(*mul_f32) (float *x, const float *f, size_t n);
	void		(*butterfly_f32) (float *a, float *b, size_t n);
	void		(*hadamard_f32) (float *x, size_t n);

	/*
	 * Look-up table of <x, codeword> for every piece of x, D a multiple of
	 * the piece's dimension: table[16 * piece + nibble] = 128 + round(<x,
	 * codeword> / unit), an unsigned byte, and the return value is unit. amax
	 * is max |x[i]|; when it is 0 (or so near 0 or infinity that single
	 * precision is exceeded) the table is all 128 and the unit 0.  Entries of
	 * the signs and Lloyd tables are sums of two rounded halves, hence up to
	 * one unit off.  The order of operations is fixed (kernels_scalar.c):
	 * every instruction set writes the same bytes.
	 */
	float		(*table_orthoplex) (const float *x, size_t D, float amax, uint8_t *table);
	float		(*table_signs) (const float *x, size_t D, float amax, uint8_t *table);
	float		(*table_lloyd) (const float *x, size_t D, float amax, uint8_t *table);
	float		(*table_levels) (const float *x, size_t D, float amax, uint8_t *table);

	/*
	 * x[i] += a[0] rows[i] + .. + a[3] rows[3 * stride + i], term after term,
	 * the same bits on every level
	 */
	void		(*axpy4_f32) (float *x, const float *rows, size_t stride, const float a[4], size_t n);

	/* max |x[i]|, 0 for n = 0; and x = q - x, the same bits on every level */
	float		(*amax_f32) (const float *x, size_t n);
	void		(*subtract_f32) (const float *q, float *x, size_t n);

	/*
	 * sums[j] = sum over pieces of (table[16*l + nibble(l, j)] - 128) for j <
	 * width.  Width is even, 2..32; piece l of the block is the width/2 bytes
	 * at codes + l * width/2; byte i holds the nibble of neighbour i (low)
	 * and of neighbour i + width/2 (high).  Reads up to SPHX_CODE_OVERREAD
	 * bytes past the last piece.  All of sums[0..32) is written, from width
	 * on with anything.
	 */
	void		(*code_sums) (const uint8_t *codes, size_t pieces, int width,
							  const uint8_t *table, int32_t *sums);

	/*
	 * The same sums of codes in another order: pieces by groups of
	 * SPHX_CODE_GROUP.  Of a group the neighbours have 4 bytes each, one
	 * behind the other; byte i holds the nibbles of pieces i (low) and 4 + i
	 * (high).  Of a last group of fewer pieces they have as many bytes, n, as
	 * hold them, and byte i the nibbles of i and n + i; the nibble that is
	 * left over counts for nothing.  Reads past the last byte as code_sums
	 * does.
	 */
	void		(*grouped_sums) (const uint8_t *codes, size_t pieces, int width,
								 const uint8_t *table, int32_t *sums);

	/*
	 * Distance estimates from code sums, for j < n (n <= 32): E = exponent
	 * code of the edge's length, G = 1/A of the edge (see code_bytes.h)
	 *
	 * est[j] = r2 + E^2 - 2 * E * G * unit * sums[j]
	 *
	 * in exactly this order of rounding: t = E*G; t = t*unit2 (unit2 = 2 *
	 * unit); t = t * (float) sums[j]; s = E*E; s = r2 + s; est = s - t; no
	 * fused operations, so that every instruction set gives the same bits.
	 * sums[0..32) may all be read and est[0..32) all be written.
	 */
	void		(*estimate) (const int32_t *sums, const uint8_t *length, const uint8_t *gain,
							 uint32_t length_base, float r2, float unit2, int n, float *est);

	/*
	 * single precision to half, to the nearest and ties to even: infinity
	 * from 65520 on; NaN stays some NaN
	 */
	void		(*f32_to_half) (const float *x, uint16_t *half, size_t n);
} SphxKernels;

/* the table in force; scalar until sphx_kernels_choose has been called */
extern const SphxKernels *sphx_kernels;

/* false when this machine (or this build) lacks the level; then nothing changes */
extern bool sphx_kernels_choose(SphxSimd level);
extern bool sphx_kernels_available(SphxSimd level);

/* NULL where the build's architecture has no such kernels */
extern const SphxKernels *sphx_kernels_scalar(void);
extern const SphxKernels *sphx_kernels_avx2(void);
extern const SphxKernels *sphx_kernels_avx512(void);
extern const SphxKernels *sphx_kernels_neon(void);

#endif							/* SPHX_KERNELS_H */
