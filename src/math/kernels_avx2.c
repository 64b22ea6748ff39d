/*-------------------------------------------------------------------------
 *
 * kernels_avx2.c
 *	  Kernels for x86-64 with AVX2 and FMA.
 *
 * Functions whose bits are fixed (kernels_scalar.c) are compiled for AVX2
 * without FMA, which keeps a compiler from fusing what is written apart.
 *
 * Short loops over registers are unrolled by a pragma: rolled, which -O2 leaves
 * them, they would keep their registers in memory.
 *
 *-------------------------------------------------------------------------
 */
#include "kernels.h"

#if defined(__x86_64__) && defined(__GNUC__)

#include <assert.h>
#include <immintrin.h>
#include <string.h>

#include "kernels_private.h"

#define AVX2		__attribute__((target("avx2")))
#define AVX2_FMA	__attribute__((target("avx2,fma")))
#define AVX2_INLINE inline __attribute__((always_inline, target("avx2")))
#define FMA_INLINE	inline __attribute__((always_inline, target("avx2,fma")))

/* the distances that differ only in their term */
typedef enum Term
{
	TERM_PRODUCT,
	TERM_SQUARE,
	TERM_MAGNITUDE
} Term;

/* a lane mask: all ones in the first `count` of 8 lanes (count 0..8) */
static AVX2_INLINE __m256i
first_lanes(size_t count)
{
	static const int32_t ones_zeros[16] = {-1, -1, -1, -1, -1, -1, -1, -1};

	assert(count <= 8);
	return _mm256_loadu_si256((const __m256i *) (ones_zeros + 8 - count));
}

static AVX2_INLINE float
horizontal_sum(__m256 v)
{
	__m128		s = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));

	s = _mm_add_ps(s, _mm_movehl_ps(s, s));
	s = _mm_add_ss(s, _mm_movehdup_ps(s));
	return _mm_cvtss_f32(s);
}

static AVX2_INLINE float
horizontal_max(__m256 v)
{
	__m128		s = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));

	s = _mm_max_ps(s, _mm_movehl_ps(s, s));
	s = _mm_max_ss(s, _mm_movehdup_ps(s));
	return _mm_cvtss_f32(s);
}

static AVX2_INLINE __m256
magnitude(__m256 v)
{
	return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), v);
}

static FMA_INLINE __m256
add_term(__m256 sum, __m256 a, __m256 b, Term term)
{
	__m256		difference;

	if (term == TERM_PRODUCT)
		return _mm256_fmadd_ps(a, b, sum);
	difference = _mm256_sub_ps(a, b);
	if (term == TERM_SQUARE)
		return _mm256_fmadd_ps(difference, difference, sum);
	return _mm256_add_ps(sum, magnitude(difference));
}

static FMA_INLINE __m256
add_term_at(__m256 sum, const float *a, const float *b, Term term)
{
	return add_term(sum, _mm256_loadu_ps(a), _mm256_loadu_ps(b), term);
}

/* one body for the distances; `term` is a constant at every call */
static FMA_INLINE float
sum_terms(const float *a, const float *b, size_t n, Term term)
{
	__m256		s0 = _mm256_setzero_ps();
	__m256		s1 = s0;
	__m256		s2 = s0;
	__m256		s3 = s0;
	size_t		i = 0;

	for (; i + 32 <= n; i += 32)
	{
		s0 = add_term_at(s0, a + i, b + i, term);
		s1 = add_term_at(s1, a + i + 8, b + i + 8, term);
		s2 = add_term_at(s2, a + i + 16, b + i + 16, term);
		s3 = add_term_at(s3, a + i + 24, b + i + 24, term);
	}
	if (i + 16 <= n)
	{
		s0 = add_term_at(s0, a + i, b + i, term);
		s1 = add_term_at(s1, a + i + 8, b + i + 8, term);
		i += 16;
	}
	if (i + 8 <= n)
	{
		s2 = add_term_at(s2, a + i, b + i, term);
		i += 8;
	}
	if (i < n)
	{
		__m256i		mask = first_lanes(n - i);

		s3 = add_term(s3, _mm256_maskload_ps(a + i, mask), _mm256_maskload_ps(b + i, mask), term);
	}
	return horizontal_sum(_mm256_add_ps(_mm256_add_ps(s0, s1), _mm256_add_ps(s2, s3)));
}

static AVX2_FMA float
dot_f32_avx2(const float *a, const float *b, size_t n)
{
	return sum_terms(a, b, n, TERM_PRODUCT);
}

static AVX2_FMA float
l2sq_f32_avx2(const float *a, const float *b, size_t n)
{
	return sum_terms(a, b, n, TERM_SQUARE);
}

static AVX2_FMA float
l1_f32_avx2(const float *a, const float *b, size_t n)
{
	return sum_terms(a, b, n, TERM_MAGNITUDE);
}

static AVX2_FMA void
dot3_f32_avx2(const float *a, const float *b, size_t n, float *ab, float *aa, float *bb)
{
	__m256		s[6];
	size_t		i = 0;

#pragma GCC unroll 8
	for (int k = 0; k < 6; k++)
		s[k] = _mm256_setzero_ps();
	for (; i + 8 <= n; i += 8)
	{
		__m256		va = _mm256_loadu_ps(a + i);
		__m256		vb = _mm256_loadu_ps(b + i);

		/* two sets of sums in turn hide the latency of the additions */
		__m256		t = s[0];

		s[0] = s[3];
		s[3] = _mm256_fmadd_ps(va, vb, t);
		t = s[1];
		s[1] = s[4];
		s[4] = _mm256_fmadd_ps(va, va, t);
		t = s[2];
		s[2] = s[5];
		s[5] = _mm256_fmadd_ps(vb, vb, t);
	}
	if (i < n)
	{
		__m256i		mask = first_lanes(n - i);
		__m256		va = _mm256_maskload_ps(a + i, mask);
		__m256		vb = _mm256_maskload_ps(b + i, mask);

		s[0] = _mm256_fmadd_ps(va, vb, s[0]);
		s[1] = _mm256_fmadd_ps(va, va, s[1]);
		s[2] = _mm256_fmadd_ps(vb, vb, s[2]);
	}
	*ab = horizontal_sum(_mm256_add_ps(s[0], s[3]));
	*aa = horizontal_sum(_mm256_add_ps(s[1], s[4]));
	*bb = horizontal_sum(_mm256_add_ps(s[2], s[5]));
}

/* 8 stored elements, int16 when `wide`, else int8, as floats */
static AVX2_INLINE __m256
load_stored(const void *v, size_t i, bool wide)
{
	__m256i		integers;

	if (wide)
		integers = _mm256_cvtepi16_epi32(_mm_loadu_si128((const __m128i *) ((const int16_t *) v + i)));
	else
		integers = _mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *) ((const int8_t *) v + i)));
	return _mm256_cvtepi32_ps(integers);
}

static inline float
load_stored_1(const void *v, size_t i, bool wide)
{
	return wide ? (float) ((const int16_t *) v)[i] : (float) ((const int8_t *) v)[i];
}

/* x[i..i+8) = q - scale * v, its magnitudes into *largest */
static FMA_INLINE __m256
residual_step(const float *q, const void *v, bool wide, __m256 scale, size_t i, __m256 *largest)
{
	__m256		x = _mm256_fnmadd_ps(scale, load_stored(v, i, wide), _mm256_loadu_ps(q + i));

	*largest = _mm256_max_ps(*largest, magnitude(x));
	return x;
}

/* fewer than 8 elements */
static inline float
residual_short(const float *q, const void *v, bool wide, float scale, float *x, size_t n,
			   float *amax)
{
	float		sum = 0.0f;
	float		largest = 0.0f;

	for (size_t i = 0; i < n; i++)
	{
		x[i] = q[i] - scale * load_stored_1(v, i, wide);
		sum += x[i] * x[i];
		largest = larger(largest, fabsf(x[i]));
	}
	*amax = largest;
	return sum;
}

/*
 * The last n % 8 elements are done as the last 8: those done twice give the
 * same x and are masked out of the sum.  So nothing is read past the end.
 */
static FMA_INLINE float
residual(const float *q, const void *v, bool wide, float scale, float *x, size_t n, float *amax)
{
	__m256		vscale = _mm256_set1_ps(scale);
	__m256		s[4];
	__m256		largest[4];
	__m256		y;
	size_t		i = 0;

	if (n < 8)
		return residual_short(q, v, wide, scale, x, n, amax);
#pragma GCC unroll 8
	for (int k = 0; k < 4; k++)
		s[k] = largest[k] = _mm256_setzero_ps();
	for (; i + 32 <= n; i += 32)
#pragma GCC unroll 8
		for (size_t k = 0; k < 4; k++)
		{
			y = residual_step(q, v, wide, vscale, i + 8 * k, &largest[k]);
			_mm256_storeu_ps(x + i + 8 * k, y);
			s[k] = _mm256_fmadd_ps(y, y, s[k]);
		}
	for (; i + 8 <= n; i += 8)
	{
		y = residual_step(q, v, wide, vscale, i, &largest[0]);
		_mm256_storeu_ps(x + i, y);
		s[0] = _mm256_fmadd_ps(y, y, s[0]);
	}
	if (i < n)
	{
		y = residual_step(q, v, wide, vscale, n - 8, &largest[1]);
		_mm256_storeu_ps(x + n - 8, y);
		y = _mm256_andnot_ps(_mm256_castsi256_ps(first_lanes(8 - (n - i))), y);
		s[1] = _mm256_fmadd_ps(y, y, s[1]);
	}
	*amax = horizontal_max(_mm256_max_ps(_mm256_max_ps(largest[0], largest[1]),
										 _mm256_max_ps(largest[2], largest[3])));
	return horizontal_sum(_mm256_add_ps(_mm256_add_ps(s[0], s[1]), _mm256_add_ps(s[2], s[3])));
}

static AVX2_FMA float
residual_i16_avx2(const float *q, const int16_t *v, float scale, float *x, size_t n, float *amax)
{
	return residual(q, v, true, scale, x, n, amax);
}

static AVX2_FMA float
residual_i8_avx2(const float *q, const int8_t *v, float scale, float *x, size_t n, float *amax)
{
	return residual(q, v, false, scale, x, n, amax);
}

static FMA_INLINE float
dot_stored(const float *q, const void *v, bool wide, float scale, size_t n)
{
	__m256		s[4];
	size_t		i = 0;
	float		rest = 0.0f;

#pragma GCC unroll 8
	for (int k = 0; k < 4; k++)
		s[k] = _mm256_setzero_ps();
	for (; i + 32 <= n; i += 32)
#pragma GCC unroll 8
		for (size_t k = 0; k < 4; k++)
			s[k] = _mm256_fmadd_ps(_mm256_loadu_ps(q + i + 8 * k),
								   load_stored(v, i + 8 * k, wide), s[k]);
	for (; i + 8 <= n; i += 8)
		s[0] = _mm256_fmadd_ps(_mm256_loadu_ps(q + i), load_stored(v, i, wide), s[0]);
	for (; i < n; i++)
		rest += q[i] * load_stored_1(v, i, wide);
	s[0] = _mm256_add_ps(_mm256_add_ps(s[0], s[1]), _mm256_add_ps(s[2], s[3]));
	return scale * (horizontal_sum(s[0]) + rest);
}

static AVX2_FMA float
dot_i16_avx2(const float *q, const int16_t *v, float scale, size_t n)
{
	return dot_stored(q, v, true, scale, n);
}

static AVX2_FMA float
dot_i8_avx2(const float *q, const int8_t *v, float scale, size_t n)
{
	return dot_stored(q, v, false, scale, n);
}

static AVX2_INLINE void
decode(const void *v, bool wide, float scale, float *x, size_t n)
{
	__m256		vscale = _mm256_set1_ps(scale);
	size_t		i = 0;

	for (; i + 8 <= n; i += 8)
		_mm256_storeu_ps(x + i, _mm256_mul_ps(vscale, load_stored(v, i, wide)));
	for (; i < n; i++)
		x[i] = scale * load_stored_1(v, i, wide);
}

static AVX2 void
decode_i16_avx2(const int16_t *v, float scale, float *x, size_t n)
{
	decode(v, true, scale, x, n);
}

static AVX2 void
decode_i8_avx2(const int8_t *v, float scale, float *x, size_t n)
{
	decode(v, false, scale, x, n);
}

static AVX2 void
mul_f32_avx2(float *x, const float *f, size_t n)
{
	size_t		i = 0;

	for (; i + 8 <= n; i += 8)
		_mm256_storeu_ps(x + i, _mm256_mul_ps(_mm256_loadu_ps(x + i), _mm256_loadu_ps(f + i)));
	for (; i < n; i++)
		x[i] *= f[i];
}

/* (a, b) = (a + b, a - b) */
static AVX2_INLINE void
butterfly(__m256 *a, __m256 *b)
{
	__m256		sum = _mm256_add_ps(*a, *b);

	*b = _mm256_sub_ps(*a, *b);
	*a = sum;
}

static AVX2 void
butterfly_f32_avx2(float *a, float *b, size_t n)
{
	size_t		i = 0;

	for (; i + 8 <= n; i += 8)
	{
		__m256		va = _mm256_loadu_ps(a + i);
		__m256		vb = _mm256_loadu_ps(b + i);

		butterfly(&va, &vb);
		_mm256_storeu_ps(a + i, va);
		_mm256_storeu_ps(b + i, vb);
	}
	for (; i < n; i++)
	{
		float		sum = a[i] + b[i];

		b[i] = a[i] - b[i];
		a[i] = sum;
	}
}

/*
 * Butterflies of strides 1, 2 and 4 within a register: the partner of every
 * lane is brought to it, and the upper lane of a pair is subtracted.
 */
static AVX2_INLINE __m256
hadamard_8(__m256 v)
{
	const __m256 upper_1 = _mm256_setr_ps(0.0f, -0.0f, 0.0f, -0.0f, 0.0f, -0.0f, 0.0f, -0.0f);
	const __m256 upper_2 = _mm256_setr_ps(0.0f, 0.0f, -0.0f, -0.0f, 0.0f, 0.0f, -0.0f, -0.0f);
	const __m256 upper_4 = _mm256_setr_ps(0.0f, 0.0f, 0.0f, 0.0f, -0.0f, -0.0f, -0.0f, -0.0f);

	v = _mm256_add_ps(_mm256_permute_ps(v, 0xb1), _mm256_xor_ps(v, upper_1));
	v = _mm256_add_ps(_mm256_permute_ps(v, 0x4e), _mm256_xor_ps(v, upper_2));
	return _mm256_add_ps(_mm256_permute2f128_ps(v, v, 1), _mm256_xor_ps(v, upper_4));
}

/* 64 entries in 8 registers */
static AVX2_INLINE void
hadamard_64(float *x)
{
	__m256		v[8];

#pragma GCC unroll 8
	for (int i = 0; i < 8; i++)
		v[i] = hadamard_8(_mm256_loadu_ps(x + 8 * i));
#pragma GCC unroll 8
	for (int stride = 1; stride < 8; stride *= 2)
#pragma GCC unroll 8
		for (int i = 0; i < 8; i++)
			if ((i & stride) == 0)
				butterfly(&v[i], &v[i + stride]);
#pragma GCC unroll 8
	for (int i = 0; i < 8; i++)
		_mm256_storeu_ps(x + 8 * i, v[i]);
}

/* strides s and 2s over one block of 4s entries in one pass through memory */
static AVX2_INLINE void
hadamard_radix_4(float *x, size_t s)
{
	for (size_t i = 0; i < s; i += 8)
	{
		__m256		v[4];

#pragma GCC unroll 8
		for (size_t k = 0; k < 4; k++)
			v[k] = _mm256_loadu_ps(x + i + k * s);
		butterfly(&v[0], &v[1]);
		butterfly(&v[2], &v[3]);
		butterfly(&v[0], &v[2]);
		butterfly(&v[1], &v[3]);
#pragma GCC unroll 8
		for (size_t k = 0; k < 4; k++)
			_mm256_storeu_ps(x + i + k * s, v[k]);
	}
}

static AVX2 void
hadamard_f32_avx2(float *x, size_t n)
{
	size_t		stride = 1;

	assert(n > 0 && (n & (n - 1)) == 0);
	if (n >= 64)
	{
		for (size_t i = 0; i < n; i += 64)
			hadamard_64(x + i);
		stride = 64;
	}
	else if (n >= 8)
	{
		for (size_t i = 0; i < n; i += 8)
			_mm256_storeu_ps(x + i, hadamard_8(_mm256_loadu_ps(x + i)));
		stride = 8;
	}
	for (; stride >= 8 && stride * 4 <= n; stride *= 4)
		for (size_t i = 0; i < n; i += 4 * stride)
			hadamard_radix_4(x + i, stride);
	for (; stride < n; stride *= 2)
		for (size_t i = 0; i < n; i += 2 * stride)
			butterfly_f32_avx2(x + i, x + i + stride, stride);
}

/* round(x * f) of 8 floats as integers */
static AVX2_INLINE __m256i
scaled(__m256 x, __m256 f)
{
	return _mm256_cvtps_epi32(_mm256_mul_ps(x, f));
}

/* bias + w and bias - w of 16 words as bytes, a lane's 8 of the one before its 8 of the other */
static AVX2_INLINE __m256i
plus_minus(__m256i words, int bias)
{
	__m256i		b = _mm256_set1_epi16((short) bias);

	return _mm256_packus_epi16(_mm256_add_epi16(b, words), _mm256_sub_epi16(b, words));
}

/* 2 pieces */
static AVX2_INLINE void
orthoplex_step(const float *x, __m256 f, uint8_t *table)
{
	/* by lane: a0..3 b0..3 and their negatives | a4..7 b4..7 and theirs */
	__m256i		words = _mm256_packs_epi32(scaled(_mm256_loadu_ps(x), f),
										   scaled(_mm256_loadu_ps(x + 8), f));
	__m256i		bytes = plus_minus(words, SPHX_TABLE_BIAS);

	bytes = _mm256_permutevar8x32_epi32(bytes, _mm256_setr_epi32(0, 4, 2, 6, 1, 5, 3, 7));
	_mm256_storeu_si256((__m256i *) table, bytes);
}

/*
 * The tables: what is left over by whole steps is done by a last step that
 * ends at D, which writes some entries a second time.
 */
static AVX2 float
table_orthoplex_avx2(const float *x, size_t D, float amax, uint8_t *table)
{
	float		f = table_factor(SPHX_RANGE_ORTHOPLEX, amax);
	__m256		vf = _mm256_set1_ps(f);
	size_t		i = 0;

	assert(D % 8 == 0);
	if (D < 16 || f == 0.0f)
		return sphx_kernels_scalar_table.table_orthoplex(x, D, amax, table);
	for (; i + 16 <= D; i += 16)
		orthoplex_step(x + i, vf, table + 2 * i);
	if (i < D)
		orthoplex_step(x + D - 16, vf, table + 2 * (D - 16));
	return amax / SPHX_RANGE_ORTHOPLEX;
}

/* of 2 pieces: s and d of both halves, one piece a lane */
static AVX2_INLINE __m256i
signs_halves(const float *x, __m256 f)
{
	const __m256 odd = _mm256_setr_ps(0.0f, -0.0f, 0.0f, -0.0f, 0.0f, -0.0f, 0.0f, -0.0f);
	__m256		v = _mm256_loadu_ps(x);

	return scaled(_mm256_add_ps(_mm256_permute_ps(v, 0xb1), _mm256_xor_ps(v, odd)), f);
}

static AVX2_INLINE __m256i
both_lanes(__m128i lane)
{
	return _mm256_broadcastsi128_si256(lane);
}

/* 4 pieces */
static AVX2_INLINE void
signs_step(const float *x, __m256 f, uint8_t *table)
{
	/* bytes of a lane: s01 d01 s23 d23 of two pieces, then negatives */
	const __m256i low = both_lanes(_mm_setr_epi8(0, 9, 1, 8, 0, 9, 1, 8, 0, 9, 1, 8, 0, 9, 1, 8));
	const __m256i high = both_lanes(_mm_setr_epi8(2, 2, 2, 2, 11, 11, 11, 11, 3, 3, 3, 3, 10, 10, 10, 10));
	const __m256i four = _mm256_set1_epi8(4);
	__m256i		words = _mm256_packs_epi32(signs_halves(x, f), signs_halves(x + 8, f));
	__m256i		bytes = plus_minus(words, SPHX_TABLE_BIAS / 2);

	_mm256_storeu_si256((__m256i *) table,
						_mm256_add_epi8(_mm256_shuffle_epi8(bytes, low),
										_mm256_shuffle_epi8(bytes, high)));
	_mm256_storeu_si256((__m256i *) (table + 32),
						_mm256_add_epi8(_mm256_shuffle_epi8(bytes, _mm256_add_epi8(low, four)),
										_mm256_shuffle_epi8(bytes, _mm256_add_epi8(high, four))));
}

static AVX2 float
table_signs_avx2(const float *x, size_t D, float amax, uint8_t *table)
{
	float		f = table_factor(SPHX_RANGE_SIGNS, amax);
	__m256		vf = _mm256_set1_ps(f);
	size_t		i = 0;

	assert(D % 4 == 0);
	if (D < 16 || f == 0.0f)
		return sphx_kernels_scalar_table.table_signs(x, D, amax, table);
	for (; i + 16 <= D; i += 16)
		signs_step(x + i, vf, table + 4 * i);
	if (i < D)
		signs_step(x + D - 16, vf, table + 4 * (D - 16));
	return amax / SPHX_RANGE_SIGNS;
}

/* 4 pieces: 0, 1 from the lower lane, 2, 3 from the upper one */
static AVX2_INLINE void
lloyd_step(const float *x, __m256 lower, __m256 upper, uint8_t *table)
{
	/* bytes of a lane: 4 lower levels, 4 upper levels, then their negatives */
	const __m256i low = both_lanes(_mm_setr_epi8(12, 8, 0, 4, 12, 8, 0, 4, 12, 8, 0, 4, 12, 8, 0, 4));
	const __m256i high = both_lanes(_mm_setr_epi8(13, 13, 13, 13, 9, 9, 9, 9, 1, 1, 1, 1, 5, 5, 5, 5));
	const __m256i two = _mm256_set1_epi8(2);
	__m256		v = _mm256_loadu_ps(x);
	__m256i		words = _mm256_packs_epi32(scaled(v, lower), scaled(v, upper));
	__m256i		bytes = plus_minus(words, SPHX_TABLE_BIAS / 2);
	__m256i		even = _mm256_add_epi8(_mm256_shuffle_epi8(bytes, low),
									   _mm256_shuffle_epi8(bytes, high));
	__m256i		odd = _mm256_add_epi8(_mm256_shuffle_epi8(bytes, _mm256_add_epi8(low, two)),
									  _mm256_shuffle_epi8(bytes, _mm256_add_epi8(high, two)));
	__m128i    *out = (__m128i *) table;

	_mm_storeu_si128(out, _mm256_castsi256_si128(even));
	_mm_storeu_si128(out + 1, _mm256_castsi256_si128(odd));
	_mm_storeu_si128(out + 2, _mm256_extracti128_si256(even, 1));
	_mm_storeu_si128(out + 3, _mm256_extracti128_si256(odd, 1));
}

static AVX2 float
table_lloyd_avx2(const float *x, size_t D, float amax, uint8_t *table)
{
	float		f = table_factor(SPHX_RANGE_LLOYD, amax);
	__m256		upper = _mm256_set1_ps(f);
	__m256		lower = _mm256_set1_ps(f * SPHX_LLOYD_RATIO);
	size_t		i = 0;

	assert(D % 2 == 0);
	if (D < 8 || f == 0.0f)
		return sphx_kernels_scalar_table.table_lloyd(x, D, amax, table);
	for (; i + 8 <= D; i += 8)
		lloyd_step(x + i, lower, upper, table + 8 * i);
	if (i < D)
		lloyd_step(x + D - 8, lower, upper, table + 8 * (D - 8));
	return amax * (SPHX_LLOYD_TOP / SPHX_RANGE_LLOYD);
}

/*
 * Sums of bytes in 16 bits.  `both` adds whole words: even bytes + 256 * odd
 * bytes, modulo 2^16; `odd` adds odd bytes.  The even sum is the difference,
 * exact as long as neither sum reaches 2^16: 257 bytes.
 */
typedef struct ByteSums
{
	__m256i		both;
	__m256i		odd;
} ByteSums;

/* pieces of one chunk: two lanes of at most 257 */
#define CHUNK_PIECES	512

static AVX2_INLINE void
byte_sums_add(ByteSums *sums, __m256i bytes)
{
	sums->both = _mm256_add_epi16(sums->both, bytes);
	sums->odd = _mm256_add_epi16(sums->odd, _mm256_srli_epi16(bytes, 8));
}

/* add the sums of a lane's bytes 0..7 to total[0], of 8..15 to total[1] */
static AVX2_INLINE void
byte_sums_flush(const ByteSums *bytes, __m256i *total)
{
	__m256i		even = _mm256_sub_epi16(bytes->both, _mm256_slli_epi16(bytes->odd, 8));
	__m256i		lower = _mm256_unpacklo_epi16(even, bytes->odd);
	__m256i		upper = _mm256_unpackhi_epi16(even, bytes->odd);

	total[0] = _mm256_add_epi32(total[0], _mm256_cvtepu16_epi32(_mm256_castsi256_si128(lower)));
	total[0] = _mm256_add_epi32(total[0], _mm256_cvtepu16_epi32(_mm256_extracti128_si256(lower, 1)));
	total[1] = _mm256_add_epi32(total[1], _mm256_cvtepu16_epi32(_mm256_castsi256_si128(upper)));
	total[1] = _mm256_add_epi32(total[1], _mm256_cvtepu16_epi32(_mm256_extracti128_si256(upper, 1)));
}

/* look up the nibbles of two pieces, one a lane */
static AVX2_INLINE void
look_up(__m256i codes, __m256i table, ByteSums *low, ByteSums *high)
{
	const __m256i nibble = _mm256_set1_epi8(15);

	byte_sums_add(low, _mm256_shuffle_epi8(table, _mm256_and_si256(codes, nibble)));
	codes = _mm256_and_si256(_mm256_srli_epi16(codes, 4), nibble);
	byte_sums_add(high, _mm256_shuffle_epi8(table, codes));
}

/* the codes of two pieces that are `half` bytes apart, 16 bytes each */
static AVX2_INLINE __m256i
load_two_pieces(const uint8_t *codes, size_t half)
{
	__m128i		first;
	__m128i		second;

	if (half == 16)
		return _mm256_loadu_si256((const __m256i *) codes);
	first = _mm_loadu_si128((const __m128i *) codes);
	second = _mm_loadu_si128((const __m128i *) (codes + half));
	return _mm256_inserti128_si256(_mm256_castsi128_si256(first), second, 1);
}

/* add pieces to total[0..1], the sums of the low nibbles, and total[2..3], of the high ones */
static AVX2_INLINE void
code_sums_chunk(const uint8_t *codes, size_t pieces, size_t half, const uint8_t *table,
				__m256i *total)
{
	__m256i		zero = _mm256_setzero_si256();
	ByteSums	low = {zero, zero};
	ByteSums	high = {zero, zero};
	size_t		i = 0;

	assert(pieces <= CHUNK_PIECES);
	for (; i + 4 <= pieces; i += 4)
	{
		look_up(load_two_pieces(codes, half),
				_mm256_loadu_si256((const __m256i *) table), &low, &high);
		look_up(load_two_pieces(codes + 2 * half, half),
				_mm256_loadu_si256((const __m256i *) (table + 32)), &low, &high);
		codes += 4 * half;
		table += 64;
	}
	if (i + 2 <= pieces)
	{
		look_up(load_two_pieces(codes, half),
				_mm256_loadu_si256((const __m256i *) table), &low, &high);
		codes += 2 * half;
		table += 32;
		i += 2;
	}
	if (i < pieces)
	{
		/* a table of zeros in the upper lane adds nothing */
		__m128i		c = _mm_loadu_si128((const __m128i *) codes);
		__m128i		t = _mm_loadu_si128((const __m128i *) table);

		look_up(_mm256_inserti128_si256(zero, c, 0), _mm256_inserti128_si256(zero, t, 0),
				&low, &high);
	}
	byte_sums_flush(&low, total);
	byte_sums_flush(&high, total + 2);
}

static AVX2_INLINE void
code_sums(const uint8_t *codes, size_t pieces, size_t half, const uint8_t *table, int32_t *sums)
{
	__m256i		bias = _mm256_set1_epi32(-SPHX_TABLE_BIAS * (int) pieces);
	__m256i		total[4] = {bias, bias, bias, bias};

	for (; pieces > CHUNK_PIECES; pieces -= CHUNK_PIECES)
	{
		code_sums_chunk(codes, CHUNK_PIECES, half, table, total);
		codes += CHUNK_PIECES * half;
		table += CHUNK_PIECES * 16;
	}
	code_sums_chunk(codes, pieces, half, table, total);
	/* the high sums overwrite what the low ones leave beyond `half` */
	_mm256_storeu_si256((__m256i *) sums, total[0]);
	_mm256_storeu_si256((__m256i *) (sums + 8), total[1]);
	_mm256_storeu_si256((__m256i *) (sums + half), total[2]);
	_mm256_storeu_si256((__m256i *) (sums + half + 8), total[3]);
}

static AVX2 void
code_sums_avx2(const uint8_t *codes, size_t pieces, int width, const uint8_t *table,
			   int32_t *sums)
{
	assert(width >= 2 && width <= SPHX_CODE_BLOCK && width % 2 == 0);
	if (width == 32)
		code_sums(codes, pieces, 16, table, sums);
	else
		code_sums(codes, pieces, (size_t) width / 2, table, sums);
}

static AVX2_INLINE SPHX_NO_CONTRACT void
estimate_8(const int32_t *sums, const uint8_t *length, const uint8_t *gain, __m256i base,
		   __m256 r2, __m256 unit2, float *est)
{
	__m256i		c = _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *) length));
	__m256i		g = _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *) gain));
	__m256i		bits = _mm256_add_epi32(base, _mm256_slli_epi32(c, SPHX_LENGTH_SHIFT));
	__m256		e = _mm256_castsi256_ps(bits);
	__m256		t = _mm256_mul_ps(_mm256_set1_ps(SPHX_GAIN_STEP), _mm256_cvtepi32_ps(g));
	__m256		s = _mm256_add_ps(r2, _mm256_mul_ps(e, e));

	t = _mm256_mul_ps(e, _mm256_add_ps(_mm256_set1_ps(SPHX_GAIN_MIN), t));
	t = _mm256_mul_ps(t, unit2);
	t = _mm256_mul_ps(t, _mm256_cvtepi32_ps(_mm256_loadu_si256((const __m256i *) sums)));
	_mm256_storeu_ps(est, _mm256_sub_ps(s, t));
}

/* the last n % 8 are done as the last 8, as in residual() */
static AVX2 SPHX_NO_CONTRACT void
estimate_avx2(const int32_t *sums, const uint8_t *length, const uint8_t *gain,
			  uint32_t length_base, float r2, float unit2, int n, float *est)
{
	__m256i		base = _mm256_set1_epi32((int) length_base);
	__m256		vr2 = _mm256_set1_ps(r2);
	__m256		vunit2 = _mm256_set1_ps(unit2);
	int			j = 0;

	assert(n >= 0 && n <= SPHX_CODE_BLOCK);
	if (n < 8)
	{
		sphx_kernels_scalar_table.estimate(sums, length, gain, length_base, r2, unit2, n, est);
		return;
	}
	for (; j + 8 <= n; j += 8)
		estimate_8(sums + j, length + j, gain + j, base, vr2, vunit2, est + j);
	if (j < n)
	{
		j = n - 8;
		estimate_8(sums + j, length + j, gain + j, base, vr2, vunit2, est + j);
	}
}

const SphxKernels *
sphx_kernels_avx2(void)
{
	static const SphxKernels table = {
		.level = SPHX_SIMD_AVX2,
		.name = "avx2",
		.dot_f32 = dot_f32_avx2,
		.l2sq_f32 = l2sq_f32_avx2,
		.l1_f32 = l1_f32_avx2,
		.dot3_f32 = dot3_f32_avx2,
		.residual_i16 = residual_i16_avx2,
		.residual_i8 = residual_i8_avx2,
		.dot_i16 = dot_i16_avx2,
		.dot_i8 = dot_i8_avx2,
		.decode_i16 = decode_i16_avx2,
		.decode_i8 = decode_i8_avx2,
		.mul_f32 = mul_f32_avx2,
		.butterfly_f32 = butterfly_f32_avx2,
		.hadamard_f32 = hadamard_f32_avx2,
		.table_orthoplex = table_orthoplex_avx2,
		.table_signs = table_signs_avx2,
		.table_lloyd = table_lloyd_avx2,
		.code_sums = code_sums_avx2,
		.estimate = estimate_avx2,
	};

	return &table;
}

#else

const SphxKernels *
sphx_kernels_avx2(void)
{
	return NULL;
}

#endif
