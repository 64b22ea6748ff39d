/*-------------------------------------------------------------------------
 *
 * kernels_avx2.c
 *	  Kernels for x86-64 with AVX2 and FMA: the table of them, distances,
 *	  stored vectors and the rotation; those of codes are in
 *	  kernels_avx2_codes.c.
 *
 * Functions whose bits are fixed (kernels_scalar.c) are compiled for AVX2
 * without FMA, which keeps a compiler from fusing what is written apart.
 *
 * Short loops over registers are unrolled by a pragma: rolled, which -O2 leaves
 * them, they would keep their registers in memory.
 *
 *-------------------------------------------------------------------------
 */
#include "math/kernels/kernels_x86.h"

#if defined(__x86_64__) && defined(__GNUC__)

#include <assert.h>
#include <immintrin.h>

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

static AVX2_F16C void
half_to_f32_avx2(const uint16_t *half, float *x, size_t n)
{
	size_t		i = 0;

	for (; i + 8 <= n; i += 8)
		_mm256_storeu_ps(x + i, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *) (half + i))));
	for (; i < n; i++)
		x[i] = _cvtsh_ss(half[i]);
}

static AVX2_F16C void
f32_to_half_avx2(const float *x, uint16_t *half, size_t n)
{
	size_t		i = 0;

	for (; i + 8 <= n; i += 8)
		_mm_storeu_si128((__m128i *) (half + i),
						 _mm256_cvtps_ph(_mm256_loadu_ps(x + i), _MM_FROUND_TO_NEAREST_INT));
	for (; i < n; i++)
		half[i] = (uint16_t) _cvtss_sh(x[i], _MM_FROUND_TO_NEAREST_INT);
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

AVX2 void
sphx_butterfly_f32_avx2(float *a, float *b, size_t n)
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

AVX2 void
sphx_hadamard_f32_avx2(float *x, size_t n)
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
			sphx_butterfly_f32_avx2(x + i, x + i + stride, stride);
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
		.half_to_f32 = half_to_f32_avx2,
		.f32_to_half = f32_to_half_avx2,
		.mul_f32 = mul_f32_avx2,
		.butterfly_f32 = sphx_butterfly_f32_avx2,
		.hadamard_f32 = sphx_hadamard_f32_avx2,
		.table_orthoplex = sphx_table_orthoplex_avx2,
		.table_signs = sphx_table_signs_avx2,
		.table_lloyd = sphx_table_lloyd_avx2,
		.table_levels = sphx_table_levels_avx2,
		.axpy4_f32 = sphx_axpy4_f32_avx2,
		.amax_f32 = sphx_amax_f32_avx2,
		.subtract_f32 = sphx_subtract_f32_avx2,
		.decode_i6 = sphx_decode_i6_avx2,
		.decode_i4 = sphx_decode_i4_avx2,
		.decode_i2 = sphx_decode_i2_avx2,
		.step_error = sphx_step_error_avx2,
		.code_sums = sphx_code_sums_avx2,
		.grouped_sums = sphx_grouped_sums_avx2,
		.estimate = sphx_estimate_avx2,
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
