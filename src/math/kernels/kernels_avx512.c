/*-------------------------------------------------------------------------
 *
 * kernels_avx512.c
 *	  Kernels for x86-64 with AVX-512: the table of them, distances, stored
 *	  vectors and the rotation; those of codes are in kernels_avx512_codes.c.
 *
 * The level is AVX-512 F, BW, DQ, VL, VBMI and VNNI: Intel since Ice Lake, AMD
 * since Zen 4.  Older processors with less of it also run slower while they
 * use it, and AVX2 serves them.
 *
 * What is left over by whole registers is loaded and stored under a mask, so
 * that nothing outside the arrays is touched.
 *
 * Short loops over registers are unrolled by a pragma: rolled, which -O2 leaves
 * them, they would keep their registers in memory.
 *
 *-------------------------------------------------------------------------
 */
#include "math/kernels/kernels_x86.h"

#ifdef SPHX_HAVE_AVX512

#include <assert.h>
#include <immintrin.h>

/* the distances that differ only in their term */
typedef enum Term
{
	TERM_PRODUCT,
	TERM_SQUARE,
	TERM_MAGNITUDE
} Term;

/* the first `count` of 16 lanes, count < 16 */
static inline __mmask16
first_lanes(size_t count)
{
	assert(count < 16);
	return (__mmask16) ((1u << count) - 1);
}

static AVX512_INLINE __m512
add_term(__m512 sum, __m512 a, __m512 b, Term term)
{
	__m512		difference;

	if (term == TERM_PRODUCT)
		return _mm512_fmadd_ps(a, b, sum);
	difference = _mm512_sub_ps(a, b);
	if (term == TERM_SQUARE)
		return _mm512_fmadd_ps(difference, difference, sum);
	return _mm512_add_ps(sum, _mm512_abs_ps(difference));
}

static AVX512_INLINE __m512
add_term_at(__m512 sum, const float *a, const float *b, Term term)
{
	return add_term(sum, _mm512_loadu_ps(a), _mm512_loadu_ps(b), term);
}

static AVX512_INLINE float
sum_of_four(const __m512 *s)
{
	return _mm512_reduce_add_ps(_mm512_add_ps(_mm512_add_ps(s[0], s[1]),
											  _mm512_add_ps(s[2], s[3])));
}

/* one body for the distances; `term` is a constant at every call */
static AVX512_INLINE float
sum_terms(const float *a, const float *b, size_t n, Term term)
{
	__m512		s[4];
	size_t		i = 0;

#pragma GCC unroll 4
	for (int k = 0; k < 4; k++)
		s[k] = _mm512_setzero_ps();
	for (; i + 64 <= n; i += 64)
#pragma GCC unroll 4
		for (size_t k = 0; k < 4; k++)
			s[k] = add_term_at(s[k], a + i + 16 * k, b + i + 16 * k, term);
	if (i + 32 <= n)
	{
		s[0] = add_term_at(s[0], a + i, b + i, term);
		s[1] = add_term_at(s[1], a + i + 16, b + i + 16, term);
		i += 32;
	}
	if (i + 16 <= n)
	{
		s[2] = add_term_at(s[2], a + i, b + i, term);
		i += 16;
	}
	if (i < n)
	{
		__mmask16	mask = first_lanes(n - i);

		s[3] = add_term(s[3], _mm512_maskz_loadu_ps(mask, a + i),
						_mm512_maskz_loadu_ps(mask, b + i), term);
	}
	return sum_of_four(s);
}

static AVX512 float
dot_f32_avx512(const float *a, const float *b, size_t n)
{
	return sum_terms(a, b, n, TERM_PRODUCT);
}

static AVX512 float
l2sq_f32_avx512(const float *a, const float *b, size_t n)
{
	return sum_terms(a, b, n, TERM_SQUARE);
}

static AVX512 float
l1_f32_avx512(const float *a, const float *b, size_t n)
{
	return sum_terms(a, b, n, TERM_MAGNITUDE);
}

/* a.b, a.a, b.b */
static AVX512_INLINE void
add_products(__m512 *s, __m512 a, __m512 b)
{
	s[0] = _mm512_fmadd_ps(a, b, s[0]);
	s[1] = _mm512_fmadd_ps(a, a, s[1]);
	s[2] = _mm512_fmadd_ps(b, b, s[2]);
}

static AVX512 void
dot3_f32_avx512(const float *a, const float *b, size_t n, float *ab, float *aa, float *bb)
{
	/* two sets of sums hide the latency of the additions */
	__m512		s[3];
	__m512		t[3];
	size_t		i = 0;

#pragma GCC unroll 4
	for (int k = 0; k < 3; k++)
		s[k] = t[k] = _mm512_setzero_ps();
	for (; i + 32 <= n; i += 32)
	{
		add_products(s, _mm512_loadu_ps(a + i), _mm512_loadu_ps(b + i));
		add_products(t, _mm512_loadu_ps(a + i + 16), _mm512_loadu_ps(b + i + 16));
	}
	if (i + 16 <= n)
	{
		add_products(s, _mm512_loadu_ps(a + i), _mm512_loadu_ps(b + i));
		i += 16;
	}
	if (i < n)
	{
		__mmask16	mask = first_lanes(n - i);

		add_products(t, _mm512_maskz_loadu_ps(mask, a + i), _mm512_maskz_loadu_ps(mask, b + i));
	}
	*ab = _mm512_reduce_add_ps(_mm512_add_ps(s[0], t[0]));
	*aa = _mm512_reduce_add_ps(_mm512_add_ps(s[1], t[1]));
	*bb = _mm512_reduce_add_ps(_mm512_add_ps(s[2], t[2]));
}

/* 16 stored elements, int16 when `wide`, else int8, as floats */
static AVX512_INLINE __m512
load_stored(const void *v, size_t i, bool wide)
{
	__m512i		integers;

	if (wide)
		integers = _mm512_cvtepi16_epi32(_mm256_loadu_si256((const __m256i *) ((const int16_t *) v + i)));
	else
		integers = _mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *) ((const int8_t *) v + i)));
	return _mm512_cvtepi32_ps(integers);
}

/* those under the mask, else zeros */
static AVX512_INLINE __m512
load_stored_masked(__mmask16 mask, const void *v, size_t i, bool wide)
{
	__m512i		integers;

	if (wide)
		integers = _mm512_cvtepi16_epi32(_mm256_maskz_loadu_epi16(mask, (const int16_t *) v + i));
	else
		integers = _mm512_cvtepi8_epi32(_mm_maskz_loadu_epi8(mask, (const int8_t *) v + i));
	return _mm512_cvtepi32_ps(integers);
}

/* of a range operation: the larger of two magnitudes */
#define LARGER_MAGNITUDE	0x0b

/* the sum of squares and the largest magnitude of a residual */
typedef struct Extent
{
	__m512		square;
	__m512		largest;
} Extent;

static AVX512_INLINE void
extent_add(Extent *extent, __m512 x)
{
	extent->square = _mm512_fmadd_ps(x, x, extent->square);
	extent->largest = _mm512_range_ps(extent->largest, x, LARGER_MAGNITUDE);
}

static AVX512_INLINE void
residual_step(const float *q, const void *v, bool wide, __m512 scale, float *x, size_t i,
			  Extent *extent)
{
	__m512		y = _mm512_fnmadd_ps(scale, load_stored(v, i, wide), _mm512_loadu_ps(q + i));

	_mm512_storeu_ps(x + i, y);
	extent_add(extent, y);
}

static AVX512_INLINE float
residual(const float *q, const void *v, bool wide, float scale, float *x, size_t n, float *amax)
{
	__m512		vscale = _mm512_set1_ps(scale);
	Extent		e[2];
	size_t		i = 0;

#pragma GCC unroll 2
	for (int k = 0; k < 2; k++)
		e[k].square = e[k].largest = _mm512_setzero_ps();
	for (; i + 32 <= n; i += 32)
#pragma GCC unroll 2
		for (size_t k = 0; k < 2; k++)
			residual_step(q, v, wide, vscale, x, i + 16 * k, &e[k]);
	if (i + 16 <= n)
	{
		residual_step(q, v, wide, vscale, x, i, &e[0]);
		i += 16;
	}
	if (i < n)
	{
		__mmask16	mask = first_lanes(n - i);
		__m512		y = _mm512_fnmadd_ps(vscale, load_stored_masked(mask, v, i, wide),
										 _mm512_maskz_loadu_ps(mask, q + i));

		_mm512_mask_storeu_ps(x + i, mask, y);
		extent_add(&e[1], y);
	}
	*amax = _mm512_reduce_max_ps(_mm512_max_ps(e[0].largest, e[1].largest));
	return _mm512_reduce_add_ps(_mm512_add_ps(e[0].square, e[1].square));
}

static AVX512 float
residual_i16_avx512(const float *q, const int16_t *v, float scale, float *x, size_t n,
					float *amax)
{
	return residual(q, v, true, scale, x, n, amax);
}

static AVX512 float
residual_i8_avx512(const float *q, const int8_t *v, float scale, float *x, size_t n, float *amax)
{
	return residual(q, v, false, scale, x, n, amax);
}

static AVX512_INLINE __m512
dot_stored_step(__m512 sum, const float *q, const void *v, bool wide, size_t i)
{
	return _mm512_fmadd_ps(_mm512_loadu_ps(q + i), load_stored(v, i, wide), sum);
}

static AVX512_INLINE float
dot_stored(const float *q, const void *v, bool wide, float scale, size_t n)
{
	__m512		s[4];
	size_t		i = 0;

#pragma GCC unroll 4
	for (int k = 0; k < 4; k++)
		s[k] = _mm512_setzero_ps();
	for (; i + 64 <= n; i += 64)
#pragma GCC unroll 4
		for (size_t k = 0; k < 4; k++)
			s[k] = dot_stored_step(s[k], q, v, wide, i + 16 * k);
	if (i + 32 <= n)
	{
		s[0] = dot_stored_step(s[0], q, v, wide, i);
		s[1] = dot_stored_step(s[1], q, v, wide, i + 16);
		i += 32;
	}
	if (i + 16 <= n)
	{
		s[2] = dot_stored_step(s[2], q, v, wide, i);
		i += 16;
	}
	if (i < n)
	{
		__mmask16	mask = first_lanes(n - i);

		s[3] = _mm512_fmadd_ps(_mm512_maskz_loadu_ps(mask, q + i),
							   load_stored_masked(mask, v, i, wide), s[3]);
	}
	return scale * sum_of_four(s);
}

static AVX512 float
dot_i16_avx512(const float *q, const int16_t *v, float scale, size_t n)
{
	return dot_stored(q, v, true, scale, n);
}

static AVX512 float
dot_i8_avx512(const float *q, const int8_t *v, float scale, size_t n)
{
	return dot_stored(q, v, false, scale, n);
}

static AVX512_INLINE void
decode(const void *v, bool wide, float scale, float *x, size_t n)
{
	__m512		vscale = _mm512_set1_ps(scale);
	size_t		i = 0;

	for (; i + 16 <= n; i += 16)
		_mm512_storeu_ps(x + i, _mm512_mul_ps(vscale, load_stored(v, i, wide)));
	if (i < n)
	{
		__mmask16	mask = first_lanes(n - i);

		_mm512_mask_storeu_ps(x + i, mask,
							  _mm512_mul_ps(vscale, load_stored_masked(mask, v, i, wide)));
	}
}

static AVX512 void
decode_i16_avx512(const int16_t *v, float scale, float *x, size_t n)
{
	decode(v, true, scale, x, n);
}

static AVX512 void
decode_i8_avx512(const int8_t *v, float scale, float *x, size_t n)
{
	decode(v, false, scale, x, n);
}

/* products and sums are rounded one by one, as their bits are fixed */
static AVX512 SPHX_NO_CONTRACT void
axpy4_f32_avx512(float *x, const float *rows, size_t stride, const float a[4], size_t n)
{
	const float *r[4] = {rows, rows + stride, rows + 2 * stride, rows + 3 * stride};
	__m512		a0 = _mm512_set1_ps(a[0]);
	__m512		a1 = _mm512_set1_ps(a[1]);
	__m512		a2 = _mm512_set1_ps(a[2]);
	__m512		a3 = _mm512_set1_ps(a[3]);
	size_t		i = 0;

	for (; i + 16 <= n; i += 16)
	{
		__m512		sum = _mm512_loadu_ps(x + i);

		sum = _mm512_add_ps(sum, _mm512_mul_ps(a0, _mm512_loadu_ps(r[0] + i)));
		sum = _mm512_add_ps(sum, _mm512_mul_ps(a1, _mm512_loadu_ps(r[1] + i)));
		sum = _mm512_add_ps(sum, _mm512_mul_ps(a2, _mm512_loadu_ps(r[2] + i)));
		sum = _mm512_add_ps(sum, _mm512_mul_ps(a3, _mm512_loadu_ps(r[3] + i)));
		_mm512_storeu_ps(x + i, sum);
	}
	if (i < n)
		sphx_axpy4_f32_avx2(x + i, rows + i, stride, a, n - i);
}

static AVX512 void
half_to_f32_avx512(const uint16_t *half, float *x, size_t n)
{
	size_t		i = 0;

	for (; i + 16 <= n; i += 16)
		_mm512_storeu_ps(x + i, _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *) (half + i))));
	if (i < n)
	{
		__mmask16	mask = first_lanes(n - i);

		_mm512_mask_storeu_ps(x + i, mask,
							  _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(mask, half + i)));
	}
}

static AVX512 void
f32_to_half_avx512(const float *x, uint16_t *half, size_t n)
{
	size_t		i = 0;

	for (; i + 16 <= n; i += 16)
		_mm256_storeu_si256((__m256i *) (half + i),
							_mm512_cvtps_ph(_mm512_loadu_ps(x + i), _MM_FROUND_TO_NEAREST_INT));
	if (i < n)
	{
		__mmask16	mask = first_lanes(n - i);

		_mm256_mask_storeu_epi16(half + i, mask,
								 _mm512_cvtps_ph(_mm512_maskz_loadu_ps(mask, x + i),
												 _MM_FROUND_TO_NEAREST_INT));
	}
}

static AVX512 void
mul_f32_avx512(float *x, const float *f, size_t n)
{
	size_t		i = 0;

	for (; i + 16 <= n; i += 16)
		_mm512_storeu_ps(x + i, _mm512_mul_ps(_mm512_loadu_ps(x + i), _mm512_loadu_ps(f + i)));
	if (i < n)
	{
		__mmask16	mask = first_lanes(n - i);

		_mm512_mask_storeu_ps(x + i, mask,
							  _mm512_mul_ps(_mm512_maskz_loadu_ps(mask, x + i),
											_mm512_maskz_loadu_ps(mask, f + i)));
	}
}

/* (a, b) = (a + b, a - b) */
static AVX512_INLINE void
butterfly(__m512 *a, __m512 *b)
{
	__m512		sum = _mm512_add_ps(*a, *b);

	*b = _mm512_sub_ps(*a, *b);
	*a = sum;
}

/*
 * One stride within a register: the partner of every lane is brought to it,
 * and the upper lane of a pair (those in the mask) is subtracted.
 */
static AVX512_INLINE __m512
hadamard_stride(__m512 v, __m512 partner, __mmask16 upper)
{
	return _mm512_mask_sub_ps(_mm512_add_ps(partner, v), upper, partner, v);
}

static AVX512_INLINE __m512
hadamard_16(__m512 v)
{
	v = hadamard_stride(v, _mm512_permute_ps(v, 0xb1), 0xaaaa);
	v = hadamard_stride(v, _mm512_permute_ps(v, 0x4e), 0xcccc);
	v = hadamard_stride(v, _mm512_shuffle_f32x4(v, v, 0xb1), 0xf0f0);
	return hadamard_stride(v, _mm512_shuffle_f32x4(v, v, 0x4e), 0xff00);
}

/* 16 * count entries in `count` registers, at most 16; a constant at every call */
static AVX512_INLINE void
hadamard_registers(float *x, size_t count)
{
	__m512		v[16];

#pragma GCC unroll 16
	for (size_t i = 0; i < count; i++)
		v[i] = hadamard_16(_mm512_loadu_ps(x + 16 * i));
#pragma GCC unroll 16
	for (size_t stride = 1; stride < count; stride *= 2)
#pragma GCC unroll 16
		for (size_t i = 0; i < count; i++)
			if ((i & stride) == 0)
				butterfly(&v[i], &v[i + stride]);
#pragma GCC unroll 16
	for (size_t i = 0; i < count; i++)
		_mm512_storeu_ps(x + 16 * i, v[i]);
}

/* strides s and 2s over one block of 4s entries in one pass through memory */
static AVX512_INLINE void
hadamard_radix_4(float *x, size_t s)
{
	for (size_t i = 0; i < s; i += 16)
	{
		__m512		v[4];

#pragma GCC unroll 4
		for (size_t k = 0; k < 4; k++)
			v[k] = _mm512_loadu_ps(x + i + k * s);
		butterfly(&v[0], &v[1]);
		butterfly(&v[2], &v[3]);
		butterfly(&v[0], &v[2]);
		butterfly(&v[1], &v[3]);
#pragma GCC unroll 4
		for (size_t k = 0; k < 4; k++)
			_mm512_storeu_ps(x + i + k * s, v[k]);
	}
}

/* stride s over one block of 2s entries; s is a multiple of 16 */
static AVX512_INLINE void
hadamard_radix_2(float *x, size_t s)
{
	for (size_t i = 0; i < s; i += 16)
	{
		__m512		a = _mm512_loadu_ps(x + i);
		__m512		b = _mm512_loadu_ps(x + i + s);

		butterfly(&a, &b);
		_mm512_storeu_ps(x + i, a);
		_mm512_storeu_ps(x + i + s, b);
	}
}

static AVX512 void
hadamard_f32_avx512(float *x, size_t n)
{
	size_t		stride = 256;

	assert(n > 0 && (n & (n - 1)) == 0);
	if (n < 16)
		sphx_hadamard_f32_avx2(x, n);
	else if (n == 16)
		hadamard_registers(x, 1);
	else if (n == 32)
		hadamard_registers(x, 2);
	else if (n == 64)
		hadamard_registers(x, 4);
	else if (n == 128)
		hadamard_registers(x, 8);
	else
		for (size_t i = 0; i < n; i += 256)
			hadamard_registers(x + i, 16);
	for (; stride * 4 <= n; stride *= 4)
		for (size_t i = 0; i < n; i += 4 * stride)
			hadamard_radix_4(x + i, stride);
	for (; stride < n; stride *= 2)
		for (size_t i = 0; i < n; i += 2 * stride)
			hadamard_radix_2(x + i, stride);
}

const SphxKernels *
sphx_kernels_avx512(void)
{
	static const SphxKernels table = {
		.level = SPHX_SIMD_AVX512,
		.name = "avx512",
		.dot_f32 = dot_f32_avx512,
		.l2sq_f32 = l2sq_f32_avx512,
		.l1_f32 = l1_f32_avx512,
		.dot3_f32 = dot3_f32_avx512,
		.residual_i16 = residual_i16_avx512,
		.residual_i8 = residual_i8_avx512,
		.dot_i16 = dot_i16_avx512,
		.dot_i8 = dot_i8_avx512,
		.decode_i16 = decode_i16_avx512,
		.decode_i8 = decode_i8_avx512,
		.half_to_f32 = half_to_f32_avx512,
		.f32_to_half = f32_to_half_avx512,
		.mul_f32 = mul_f32_avx512,
		/* its halves are seldom aligned, where 64 bytes are slower than 32 */
		.butterfly_f32 = sphx_butterfly_f32_avx2,
		.hadamard_f32 = hadamard_f32_avx512,
		.table_orthoplex = sphx_table_orthoplex_avx512,
		.table_signs = sphx_table_signs_avx512,
		.table_lloyd = sphx_table_lloyd_avx512,
		.table_levels = sphx_table_levels_avx2,
		.axpy4_f32 = axpy4_f32_avx512,
		.amax_f32 = sphx_amax_f32_avx2,
		.subtract_f32 = sphx_subtract_f32_avx2,
		.decode_i6 = sphx_decode_i6_avx2,
		.decode_i4 = sphx_decode_i4_avx2,
		.decode_i2 = sphx_decode_i2_avx2,
		.step_error = sphx_step_error_avx2,
		.code_sums = sphx_code_sums_avx512,
		.grouped_sums = sphx_grouped_sums_avx512,
		.estimate = sphx_estimate_avx512,
	};

	return &table;
}

#else

const SphxKernels *
sphx_kernels_avx512(void)
{
	return NULL;
}

#endif
