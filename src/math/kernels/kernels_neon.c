/*-------------------------------------------------------------------------
 *
 * kernels_neon.c
 *	  Kernels for 64-bit Arm.
 *
 * Every such processor has fused multiply-add, and compilers fuse what is
 * written apart; functions whose bits are fixed (kernels_scalar.c) and which
 * have a product in a sum are marked SPHX_NO_CONTRACT.
 *
 * Short loops over registers are unrolled by a pragma: rolled, which -O2 leaves
 * them, they would keep their registers in memory.
 *
 *-------------------------------------------------------------------------
 */
#include "math/kernels/kernels.h"

#if defined(__aarch64__)

#include <arm_neon.h>
#include <assert.h>
#include <string.h>

#include "math/kernels/kernels_generic.h"


#define INLINE	inline __attribute__((always_inline))

/* the distances that differ only in their term */
typedef enum Term
{
	TERM_PRODUCT,
	TERM_SQUARE,
	TERM_MAGNITUDE
} Term;

static INLINE float32x4_t
add_term(float32x4_t sum, const float *a, const float *b, Term term)
{
	float32x4_t va = vld1q_f32(a);
	float32x4_t vb = vld1q_f32(b);
	float32x4_t difference;

	if (term == TERM_PRODUCT)
		return vfmaq_f32(sum, va, vb);
	difference = vsubq_f32(va, vb);
	if (term == TERM_SQUARE)
		return vfmaq_f32(sum, difference, difference);
	return vaddq_f32(sum, vabsq_f32(difference));
}

static INLINE float
add_term_1(float sum, float a, float b, Term term)
{
	if (term == TERM_PRODUCT)
		return sum + a * b;
	if (term == TERM_SQUARE)
		return sum + (a - b) * (a - b);
	return sum + fabsf(a - b);
}

static INLINE float
sum_4(const float32x4_t *s)
{
	return vaddvq_f32(vaddq_f32(vaddq_f32(s[0], s[1]), vaddq_f32(s[2], s[3])));
}

/* one body for the distances; `term` is a constant at every call */
static INLINE float
sum_terms(const float *a, const float *b, size_t n, Term term)
{
	float32x4_t s[4] = {vdupq_n_f32(0), vdupq_n_f32(0), vdupq_n_f32(0), vdupq_n_f32(0)};
	float		rest = 0.0f;
	size_t		i = 0;

	for (; i + 16 <= n; i += 16)
	{
#pragma GCC unroll 8
		for (size_t k = 0; k < 4; k++)
			s[k] = add_term(s[k], a + i + 4 * k, b + i + 4 * k, term);
	}
	for (; i + 4 <= n; i += 4)
		s[0] = add_term(s[0], a + i, b + i, term);
	for (; i < n; i++)
		rest = add_term_1(rest, a[i], b[i], term);
	return sum_4(s) + rest;
}

static float
dot_f32_neon(const float *a, const float *b, size_t n)
{
	return sum_terms(a, b, n, TERM_PRODUCT);
}

static float
l2sq_f32_neon(const float *a, const float *b, size_t n)
{
	return sum_terms(a, b, n, TERM_SQUARE);
}

static float
l1_f32_neon(const float *a, const float *b, size_t n)
{
	return sum_terms(a, b, n, TERM_MAGNITUDE);
}

static void
dot3_f32_neon(const float *a, const float *b, size_t n, float *ab, float *aa, float *bb)
{
	float32x4_t s[6];
	float		rest[3] = {0};
	size_t		i = 0;

#pragma GCC unroll 8
	for (int k = 0; k < 6; k++)
		s[k] = vdupq_n_f32(0);
	for (; i + 8 <= n; i += 8)
	{
#pragma GCC unroll 8
		for (size_t k = 0; k < 2; k++)
		{
			float32x4_t va = vld1q_f32(a + i + 4 * k);
			float32x4_t vb = vld1q_f32(b + i + 4 * k);

			s[k] = vfmaq_f32(s[k], va, vb);
			s[k + 2] = vfmaq_f32(s[k + 2], va, va);
			s[k + 4] = vfmaq_f32(s[k + 4], vb, vb);
		}
	}
	for (; i < n; i++)
	{
		rest[0] += a[i] * b[i];
		rest[1] += a[i] * a[i];
		rest[2] += b[i] * b[i];
	}
	*ab = vaddvq_f32(vaddq_f32(s[0], s[1])) + rest[0];
	*aa = vaddvq_f32(vaddq_f32(s[2], s[3])) + rest[1];
	*bb = vaddvq_f32(vaddq_f32(s[4], s[5])) + rest[2];
}

/* 8 stored elements, int16 when `wide`, else int8, as floats */
static INLINE float32x4x2_t
load_stored(const void *v, size_t i, bool wide)
{
	float32x4x2_t result;
	int16x8_t	words;

	if (wide)
		words = vld1q_s16((const int16_t *) v + i);
	else
		words = vmovl_s8(vld1_s8((const int8_t *) v + i));
	result.val[0] = vcvtq_f32_s32(vmovl_s16(vget_low_s16(words)));
	result.val[1] = vcvtq_f32_s32(vmovl_high_s16(words));
	return result;
}

static INLINE float
load_stored_1(const void *v, size_t i, bool wide)
{
	return wide ? (float) ((const int16_t *) v)[i] : (float) ((const int8_t *) v)[i];
}

static INLINE float
residual(const float *q, const void *v, bool wide, float scale, float *x, size_t n, float *amax)
{
	float32x4_t s[2] = {vdupq_n_f32(0), vdupq_n_f32(0)};
	float32x4_t largest[2] = {vdupq_n_f32(0), vdupq_n_f32(0)};
	float		rest = 0.0f;
	float		rest_largest = 0.0f;
	size_t		i = 0;

	for (; i + 8 <= n; i += 8)
	{
		float32x4x2_t stored = load_stored(v, i, wide);

#pragma GCC unroll 8
		for (size_t k = 0; k < 2; k++)
		{
			float32x4_t y = vfmsq_n_f32(vld1q_f32(q + i + 4 * k), stored.val[k], scale);

			vst1q_f32(x + i + 4 * k, y);
			s[k] = vfmaq_f32(s[k], y, y);
			largest[k] = vmaxq_f32(largest[k], vabsq_f32(y));
		}
	}
	for (; i < n; i++)
	{
		x[i] = q[i] - scale * load_stored_1(v, i, wide);
		rest += x[i] * x[i];
		rest_largest = larger(rest_largest, fabsf(x[i]));
	}
	*amax = larger(vmaxvq_f32(vmaxq_f32(largest[0], largest[1])), rest_largest);
	return vaddvq_f32(vaddq_f32(s[0], s[1])) + rest;
}

static float
residual_i16_neon(const float *q, const int16_t *v, float scale, float *x, size_t n, float *amax)
{
	return residual(q, v, true, scale, x, n, amax);
}

static float
residual_i8_neon(const float *q, const int8_t *v, float scale, float *x, size_t n, float *amax)
{
	return residual(q, v, false, scale, x, n, amax);
}

static INLINE float
dot_stored(const float *q, const void *v, bool wide, float scale, size_t n)
{
	float32x4_t s[4] = {vdupq_n_f32(0), vdupq_n_f32(0), vdupq_n_f32(0), vdupq_n_f32(0)};
	float		rest = 0.0f;
	size_t		i = 0;

	for (; i + 16 <= n; i += 16)
	{
		float32x4x2_t first = load_stored(v, i, wide);
		float32x4x2_t second = load_stored(v, i + 8, wide);

		s[0] = vfmaq_f32(s[0], vld1q_f32(q + i), first.val[0]);
		s[1] = vfmaq_f32(s[1], vld1q_f32(q + i + 4), first.val[1]);
		s[2] = vfmaq_f32(s[2], vld1q_f32(q + i + 8), second.val[0]);
		s[3] = vfmaq_f32(s[3], vld1q_f32(q + i + 12), second.val[1]);
	}
	for (; i < n; i++)
		rest += q[i] * load_stored_1(v, i, wide);
	return scale * (sum_4(s) + rest);
}

static float
dot_i16_neon(const float *q, const int16_t *v, float scale, size_t n)
{
	return dot_stored(q, v, true, scale, n);
}

static float
dot_i8_neon(const float *q, const int8_t *v, float scale, size_t n)
{
	return dot_stored(q, v, false, scale, n);
}

static INLINE void
decode(const void *v, bool wide, float scale, float *x, size_t n)
{
	size_t		i = 0;

	for (; i + 8 <= n; i += 8)
	{
		float32x4x2_t stored = load_stored(v, i, wide);

		vst1q_f32(x + i, vmulq_n_f32(stored.val[0], scale));
		vst1q_f32(x + i + 4, vmulq_n_f32(stored.val[1], scale));
	}
	for (; i < n; i++)
		x[i] = scale * load_stored_1(v, i, wide);
}

static void
decode_i16_neon(const int16_t *v, float scale, float *x, size_t n)
{
	decode(v, true, scale, x, n);
}

static void
decode_i8_neon(const int8_t *v, float scale, float *x, size_t n)
{
	decode(v, false, scale, x, n);
}

static void
half_to_f32_neon(const uint16_t *half, float *x, size_t n)
{
	uint16_t	rest[4] = {0};
	float		widened[4];
	size_t		i = 0;

	for (; i + 4 <= n; i += 4)
		vst1q_f32(x + i, vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(half + i))));
	memcpy(rest, half + i, sizeof(uint16_t) * (n - i));
	vst1q_f32(widened, vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(rest))));
	memcpy(x + i, widened, sizeof(float) * (n - i));
}

static void
f32_to_half_neon(const float *x, uint16_t *half, size_t n)
{
	float		rest[4] = {0};
	uint16_t	narrowed[4];
	size_t		i = 0;

	for (; i + 4 <= n; i += 4)
		vst1_u16(half + i, vreinterpret_u16_f16(vcvt_f16_f32(vld1q_f32(x + i))));
	memcpy(rest, x + i, sizeof(float) * (n - i));
	vst1_u16(narrowed, vreinterpret_u16_f16(vcvt_f16_f32(vld1q_f32(rest))));
	memcpy(half + i, narrowed, sizeof(uint16_t) * (n - i));
}

static void
mul_f32_neon(float *x, const float *f, size_t n)
{
	size_t		i = 0;

	for (; i + 4 <= n; i += 4)
		vst1q_f32(x + i, vmulq_f32(vld1q_f32(x + i), vld1q_f32(f + i)));
	for (; i < n; i++)
		x[i] *= f[i];
}

/* (a, b) = (a + b, a - b) */
static INLINE void
butterfly(float32x4_t *a, float32x4_t *b)
{
	float32x4_t sum = vaddq_f32(*a, *b);

	*b = vsubq_f32(*a, *b);
	*a = sum;
}

static void
butterfly_f32_neon(float *a, float *b, size_t n)
{
	size_t		i = 0;

	for (; i + 4 <= n; i += 4)
	{
		float32x4_t va = vld1q_f32(a + i);
		float32x4_t vb = vld1q_f32(b + i);

		butterfly(&va, &vb);
		vst1q_f32(a + i, va);
		vst1q_f32(b + i, vb);
	}
	for (; i < n; i++)
	{
		float		sum = a[i] + b[i];

		b[i] = a[i] - b[i];
		a[i] = sum;
	}
}

/* exchange the odd lanes of a with the even lanes of b */
static INLINE void
transpose_lanes(float32x4_t *a, float32x4_t *b)
{
	float32x4_t even = vtrn1q_f32(*a, *b);

	*b = vtrn2q_f32(*a, *b);
	*a = even;
}

static INLINE void
transpose_halves(float32x4_t *a, float32x4_t *b)
{
	float64x2_t da = vreinterpretq_f64_f32(*a);
	float64x2_t db = vreinterpretq_f64_f32(*b);

	*a = vreinterpretq_f32_f64(vtrn1q_f64(da, db));
	*b = vreinterpretq_f32_f64(vtrn2q_f64(da, db));
}

/* strides 1, 2 and 4: what is within a register is brought between two, and back */
static INLINE void
hadamard_8(float *x)
{
	float32x4_t a = vld1q_f32(x);
	float32x4_t b = vld1q_f32(x + 4);

	transpose_lanes(&a, &b);
	butterfly(&a, &b);
	transpose_lanes(&a, &b);
	transpose_halves(&a, &b);
	butterfly(&a, &b);
	transpose_halves(&a, &b);
	butterfly(&a, &b);
	vst1q_f32(x, a);
	vst1q_f32(x + 4, b);
}

/* strides s and 2s over one block of 4s entries in one pass through memory */
static INLINE void
hadamard_radix_4(float *x, size_t s)
{
	for (size_t i = 0; i < s; i += 4)
	{
		float32x4_t v[4];

#pragma GCC unroll 8
		for (size_t k = 0; k < 4; k++)
			v[k] = vld1q_f32(x + i + k * s);
		butterfly(&v[0], &v[1]);
		butterfly(&v[2], &v[3]);
		butterfly(&v[0], &v[2]);
		butterfly(&v[1], &v[3]);
#pragma GCC unroll 8
		for (size_t k = 0; k < 4; k++)
			vst1q_f32(x + i + k * s, v[k]);
	}
}

static void
hadamard_f32_neon(float *x, size_t n)
{
	size_t		stride = 1;

	assert(n > 0 && (n & (n - 1)) == 0);
	if (n >= 8)
	{
		for (size_t i = 0; i < n; i += 8)
			hadamard_8(x + i);
		stride = 8;
	}
	for (; stride >= 8 && stride * 4 <= n; stride *= 4)
		for (size_t i = 0; i < n; i += 4 * stride)
			hadamard_radix_4(x + i, stride);
	for (; stride < n; stride *= 2)
		for (size_t i = 0; i < n; i += 2 * stride)
			butterfly_f32_neon(x + i, x + i + stride, stride);
}

/* round(x * f) of two times 4 floats as 8 words */
static INLINE int16x8_t
scaled(float32x4_t a, float32x4_t b, float f)
{
	return vmovn_high_s32(vmovn_s32(vcvtnq_s32_f32(vmulq_n_f32(a, f))),
						  vcvtnq_s32_f32(vmulq_n_f32(b, f)));
}

/* bias + w of 8 words, then bias - w, as bytes */
static INLINE uint8x16_t
plus_minus(int16x8_t words, int16_t bias)
{
	int16x8_t	b = vdupq_n_s16(bias);

	return vcombine_u8(vqmovun_s16(vaddq_s16(b, words)), vqmovun_s16(vsubq_s16(b, words)));
}

static float
table_orthoplex_neon(const float *x, size_t D, float amax, uint8_t *table)
{
	float		f = table_factor(SPHX_RANGE_ORTHOPLEX, amax);

	assert(D % 8 == 0);
	if (f == 0.0f)
		return sphx_kernels_scalar_table.table_orthoplex(x, D, amax, table);
	for (size_t i = 0; i < D; i += 8)
		vst1q_u8(table + 2 * i,
				 plus_minus(scaled(vld1q_f32(x + i), vld1q_f32(x + i + 4), f), SPHX_TABLE_BIAS));
	return amax / SPHX_RANGE_ORTHOPLEX;
}

/* 2 pieces */
static INLINE void
signs_step(const float *x, float f, uint8_t *table)
{
	/* bytes: s01 s23 s45 s67 d01 d23 d45 d67, then the negatives */
	static const uint8_t low[16] = {0, 12, 4, 8, 0, 12, 4, 8, 0, 12, 4, 8, 0, 12, 4, 8};
	static const uint8_t high[16] = {1, 1, 1, 1, 13, 13, 13, 13, 5, 5, 5, 5, 9, 9, 9, 9};
	float32x4x2_t v = vld2q_f32(x);
	uint8x16_t	bytes = plus_minus(scaled(vaddq_f32(v.val[0], v.val[1]),
										  vsubq_f32(v.val[0], v.val[1]), f), SPHX_TABLE_BIAS / 2);
	uint8x16_t	l = vld1q_u8(low);
	uint8x16_t	h = vld1q_u8(high);
	uint8x16_t	two = vdupq_n_u8(2);

	vst1q_u8(table, vaddq_u8(vqtbl1q_u8(bytes, l), vqtbl1q_u8(bytes, h)));
	l = vaddq_u8(l, two);
	h = vaddq_u8(h, two);
	vst1q_u8(table + 16, vaddq_u8(vqtbl1q_u8(bytes, l), vqtbl1q_u8(bytes, h)));
}

/* what is left over by whole steps is done by a last step that ends at D */
static float
table_signs_neon(const float *x, size_t D, float amax, uint8_t *table)
{
	float		f = table_factor(SPHX_RANGE_SIGNS, amax);
	size_t		i = 0;

	assert(D % 4 == 0);
	if (D < 8 || f == 0.0f)
		return sphx_kernels_scalar_table.table_signs(x, D, amax, table);
	for (; i + 8 <= D; i += 8)
		signs_step(x + i, f, table + 4 * i);
	if (i < D)
		signs_step(x + D - 8, f, table + 4 * (D - 8));
	return amax / SPHX_RANGE_SIGNS;
}

/* 2 pieces */
static INLINE void
lloyd_step(const float *x, float lower, float upper, uint8_t *table)
{
	/* bytes: 4 lower levels, 4 upper levels, then the negatives */
	static const uint8_t low[16] = {12, 8, 0, 4, 12, 8, 0, 4, 12, 8, 0, 4, 12, 8, 0, 4};
	static const uint8_t high[16] = {13, 13, 13, 13, 9, 9, 9, 9, 1, 1, 1, 1, 5, 5, 5, 5};
	float32x4_t v = vld1q_f32(x);
	int16x8_t	words = vmovn_high_s32(vmovn_s32(vcvtnq_s32_f32(vmulq_n_f32(v, lower))),
									   vcvtnq_s32_f32(vmulq_n_f32(v, upper)));
	uint8x16_t	bytes = plus_minus(words, SPHX_TABLE_BIAS / 2);
	uint8x16_t	l = vld1q_u8(low);
	uint8x16_t	h = vld1q_u8(high);
	uint8x16_t	two = vdupq_n_u8(2);

	vst1q_u8(table, vaddq_u8(vqtbl1q_u8(bytes, l), vqtbl1q_u8(bytes, h)));
	l = vaddq_u8(l, two);
	h = vaddq_u8(h, two);
	vst1q_u8(table + 16, vaddq_u8(vqtbl1q_u8(bytes, l), vqtbl1q_u8(bytes, h)));
}

static float
table_lloyd_neon(const float *x, size_t D, float amax, uint8_t *table)
{
	float		f = table_factor(SPHX_RANGE_LLOYD, amax);
	size_t		i = 0;

	assert(D % 2 == 0);
	if (D < 4 || f == 0.0f)
		return sphx_kernels_scalar_table.table_lloyd(x, D, amax, table);
	for (; i + 4 <= D; i += 4)
		lloyd_step(x + i, f * SPHX_LLOYD_RATIO, f, table + 8 * i);
	if (i < D)
		lloyd_step(x + D - 4, f * SPHX_LLOYD_RATIO, f, table + 8 * (D - 4));
	return amax * (SPHX_LLOYD_TOP / SPHX_RANGE_LLOYD);
}

/* pieces whose bytes can be summed in 16 bits */
#define CHUNK_PIECES	256

/* add pieces to low[0..16) and high[0..16), the sums of their low and high nibbles */
static INLINE void
code_sums_chunk(const uint8_t *codes, size_t pieces, size_t half, const uint8_t *table,
				int32x4_t *low, int32x4_t *high)
{
	uint16x8_t	s[4] = {vdupq_n_u16(0), vdupq_n_u16(0), vdupq_n_u16(0), vdupq_n_u16(0)};

	assert(pieces <= CHUNK_PIECES);
	for (size_t l = 0; l < pieces; l++)
	{
		uint8x16_t	c = vld1q_u8(codes + l * half);
		uint8x16_t	t = vld1q_u8(table + 16 * l);
		uint8x16_t	a = vqtbl1q_u8(t, vandq_u8(c, vdupq_n_u8(15)));
		uint8x16_t	b = vqtbl1q_u8(t, vshrq_n_u8(c, 4));

		s[0] = vaddw_u8(s[0], vget_low_u8(a));
		s[1] = vaddw_high_u8(s[1], a);
		s[2] = vaddw_u8(s[2], vget_low_u8(b));
		s[3] = vaddw_high_u8(s[3], b);
	}
#pragma GCC unroll 8
	for (int k = 0; k < 2; k++)
	{
		low[2 * k] = vaddq_s32(low[2 * k], vreinterpretq_s32_u32(vmovl_u16(vget_low_u16(s[k]))));
		low[2 * k + 1] = vaddq_s32(low[2 * k + 1], vreinterpretq_s32_u32(vmovl_high_u16(s[k])));
		high[2 * k] = vaddq_s32(high[2 * k],
								vreinterpretq_s32_u32(vmovl_u16(vget_low_u16(s[k + 2]))));
		high[2 * k + 1] = vaddq_s32(high[2 * k + 1],
									vreinterpretq_s32_u32(vmovl_high_u16(s[k + 2])));
	}
}

static void
code_sums_neon(const uint8_t *codes, size_t pieces, int width, const uint8_t *table,
			   int32_t *sums)
{
	size_t		half = (size_t) width / 2;
	int32x4_t	bias = vdupq_n_s32(-SPHX_TABLE_BIAS * (int) pieces);
	int32x4_t	low[4] = {bias, bias, bias, bias};
	int32x4_t	high[4] = {bias, bias, bias, bias};

	assert(width >= 2 && width <= SPHX_CODE_BLOCK && width % 2 == 0);
	for (; pieces > CHUNK_PIECES; pieces -= CHUNK_PIECES)
	{
		code_sums_chunk(codes, CHUNK_PIECES, half, table, low, high);
		codes += CHUNK_PIECES * half;
		table += CHUNK_PIECES * 16;
	}
	code_sums_chunk(codes, pieces, half, table, low, high);
	/* the high sums overwrite what the low ones leave beyond `half` */
#pragma GCC unroll 8
	for (int k = 0; k < 4; k++)
		vst1q_s32(sums + 4 * k, low[k]);
#pragma GCC unroll 8
	for (int k = 0; k < 4; k++)
		vst1q_s32(sums + half + 4 * k, high[k]);
}

/* of 16 neighbours with `bytes` bytes each: a register for each of their bytes */
static INLINE uint8x16x4_t
load_planes(const uint8_t *codes, size_t bytes)
{
	uint8x16x4_t planes = {{vdupq_n_u8(0), vdupq_n_u8(0), vdupq_n_u8(0), vdupq_n_u8(0)}};

	if (bytes == 4)
		return vld4q_u8(codes);
	if (bytes == 3)
	{
		uint8x16x3_t three = vld3q_u8(codes);

		planes.val[0] = three.val[0];
		planes.val[1] = three.val[1];
		planes.val[2] = three.val[2];
	}
	else if (bytes == 2)
	{
		uint8x16x2_t two = vld2q_u8(codes);

		planes.val[0] = two.val[0];
		planes.val[1] = two.val[1];
	}
	else
		planes.val[0] = vld1q_u8(codes);
	return planes;
}

/* add the entries of a group's pieces to the sums of 16 neighbours */
static INLINE void
add_group(uint8x16x4_t planes, size_t pieces, const uint8_t *table, uint16x8_t *s)
{
	size_t		bytes = (pieces + 1) / 2;

#pragma GCC unroll 8
	for (size_t l = 0; l < pieces; l++)
	{
		uint8x16_t	c = planes.val[l < bytes ? l : l - bytes];
		uint8x16_t	nibble = l < bytes ? vandq_u8(c, vdupq_n_u8(15)) : vshrq_n_u8(c, 4);
		uint8x16_t	entry = vqtbl1q_u8(vld1q_u8(table + 16 * l), nibble);

		s[0] = vaddw_u8(s[0], vget_low_u8(entry));
		s[1] = vaddw_high_u8(s[1], entry);
	}
}

/* the sums of up to 16 neighbours, the first of a group's `width` ones being at codes */
static INLINE void
grouped_sums_16(const uint8_t *codes, size_t pieces, size_t place, size_t width, size_t count,
				const uint8_t *table, int32x4_t *total)
{
	for (size_t done = 0; done < pieces;)
	{
		uint16x8_t	s[2] = {vdupq_n_u16(0), vdupq_n_u16(0)};
		size_t		end = pieces - done < CHUNK_PIECES ? pieces : done + CHUNK_PIECES;

		while (done < end)
		{
			size_t		some = end - done < SPHX_CODE_GROUP ? end - done : SPHX_CODE_GROUP;
			size_t		bytes = (some + 1) / 2;
			uint8_t		copy[64] = {0};
			const uint8_t *from = codes + bytes * place;

			/* not far beyond the codes */
			if (count < 16)
				from = memcpy(copy, from, bytes * count);
			if (some == SPHX_CODE_GROUP)
				add_group(load_planes(from, 4), SPHX_CODE_GROUP, table, s);
			else
				add_group(load_planes(from, bytes), some, table, s);
			codes += bytes * width;
			table += 16 * some;
			done += some;
		}
		for (int k = 0; k < 2; k++)
		{
			total[2 * k] = vaddq_s32(total[2 * k],
									 vreinterpretq_s32_u32(vmovl_u16(vget_low_u16(s[k]))));
			total[2 * k + 1] = vaddq_s32(total[2 * k + 1],
										 vreinterpretq_s32_u32(vmovl_high_u16(s[k])));
		}
	}
}

static void
grouped_sums_neon(const uint8_t *codes, size_t pieces, int width, const uint8_t *table,
				  int32_t *sums)
{
	assert(width >= 2 && width <= SPHX_CODE_BLOCK && width % 2 == 0);
	for (int start = 0; start < SPHX_CODE_BLOCK; start += 16)
	{
		int32x4_t	bias = vdupq_n_s32(-SPHX_TABLE_BIAS * (int) pieces);
		int32x4_t	total[4] = {bias, bias, bias, bias};

		if (start + 16 <= width)
			grouped_sums_16(codes, pieces, (size_t) start, (size_t) width, 16, table, total);
		else if (start < width)
			grouped_sums_16(codes, pieces, (size_t) start, (size_t) width,
							(size_t) (width - start), table, total);
		for (int k = 0; k < 4; k++)
			vst1q_s32(sums + start + 4 * k, total[k]);
	}
}

/* the last n % 8 are left to the oracle */
static void SPHX_NO_CONTRACT
estimate_neon(const int32_t *sums, const uint8_t *length, const uint8_t *gain,
			  uint32_t length_base, float r2, float unit2, int n, float *est)
{
	int			j = 0;

	assert(n >= 0 && n <= SPHX_CODE_BLOCK);
	for (; j + 8 <= n; j += 8)
	{
		uint16x8_t	c = vmovl_u8(vld1_u8(length + j));
		uint16x8_t	g = vmovl_u8(vld1_u8(gain + j));

#pragma GCC unroll 8
		for (int k = 0; k < 2; k++)
		{
			uint32x4_t	c4 = vmovl_u16(k == 0 ? vget_low_u16(c) : vget_high_u16(c));
			uint32x4_t	g4 = vmovl_u16(k == 0 ? vget_low_u16(g) : vget_high_u16(g));
			uint32x4_t	bits = vaddq_u32(vdupq_n_u32(length_base),
										 vshlq_n_u32(c4, SPHX_LENGTH_SHIFT));
			float32x4_t e = vreinterpretq_f32_u32(bits);
			float32x4_t t = vmulq_n_f32(vcvtq_f32_u32(g4), SPHX_GAIN_STEP);
			float32x4_t s = vaddq_f32(vdupq_n_f32(r2), vmulq_f32(e, e));

			t = vmulq_f32(e, vaddq_f32(vdupq_n_f32(SPHX_GAIN_MIN), t));
			t = vmulq_n_f32(t, unit2);
			t = vmulq_f32(t, vcvtq_f32_s32(vld1q_s32(sums + j + 4 * k)));
			vst1q_f32(est + j + 4 * k, vsubq_f32(s, t));
		}
	}
	sphx_kernels_scalar_table.estimate(sums + j, length + j, gain + j, length_base, r2, unit2,
									   n - j, est + j);
}

SPHX_GENERIC_KERNELS(neon)

const SphxKernels *
sphx_kernels_neon(void)
{
	static const SphxKernels table = {
		.level = SPHX_SIMD_NEON,
		.name = "neon",
		.dot_f32 = dot_f32_neon,
		.l2sq_f32 = l2sq_f32_neon,
		.l1_f32 = l1_f32_neon,
		.dot3_f32 = dot3_f32_neon,
		.residual_i16 = residual_i16_neon,
		.residual_i8 = residual_i8_neon,
		.dot_i16 = dot_i16_neon,
		.dot_i8 = dot_i8_neon,
		.decode_i16 = decode_i16_neon,
		.decode_i8 = decode_i8_neon,
		.half_to_f32 = half_to_f32_neon,
		.f32_to_half = f32_to_half_neon,
		.mul_f32 = mul_f32_neon,
		.butterfly_f32 = butterfly_f32_neon,
		.hadamard_f32 = hadamard_f32_neon,
		.table_orthoplex = table_orthoplex_neon,
		.table_signs = table_signs_neon,
		.table_lloyd = table_lloyd_neon,
		.table_levels = table_levels_neon,
		.axpy4_f32 = axpy4_f32_neon,
		.amax_f32 = amax_f32_neon,
		.subtract_f32 = subtract_f32_neon,
		.decode_i6 = decode_i6_neon,
		.decode_i4 = decode_i4_neon,
		.decode_i2 = decode_i2_neon,
		.step_error = step_error_neon,
		.code_sums = code_sums_neon,
		.grouped_sums = grouped_sums_neon,
		.estimate = estimate_neon,
	};

	return &table;
}

#else

const SphxKernels *
sphx_kernels_neon(void)
{
	return NULL;
}

#endif
