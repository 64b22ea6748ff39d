/*-------------------------------------------------------------------------
 *
 * kernels_avx2_narrow.c
 *	  Kernels of narrow stored vectors, of codes with 16 levels and of learned
 *	  rotations, for x86-64 with AVX2; those with AVX-512 are the same.
 *
 * They have the bits of kernels_generic.h.
 *
 *-------------------------------------------------------------------------
 */
#include "math/kernels/kernels_generic.h"
#include "math/kernels/kernels_x86.h"

#if defined(__x86_64__) && defined(__GNUC__)

#include <assert.h>
#include <immintrin.h>

/* 8 bytes as 32-bit integers */
static AVX2_INLINE __m256i
load_bytes(const uint8_t *v)
{
	return _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *) v));
}

/* `bits` bits from `shift` on */
static AVX2_INLINE __m256i
take_bits(__m256i v, int shift, int mask)
{
	return _mm256_and_si256(_mm256_srl_epi32(v, _mm_cvtsi32_si128(shift)),
							_mm256_set1_epi32(mask));
}

static AVX2_INLINE void
store_scaled(float *x, __m256i v, __m256 scale)
{
	_mm256_storeu_ps(x, _mm256_mul_ps(scale, _mm256_cvtepi32_ps(v)));
}

AVX2 void
sphx_decode_i6_avx2(const uint8_t *v, float scale, float *x, size_t n)
{
	size_t		quarter = n / 4;
	const uint8_t *high = v + n / 2;
	__m256		factor = _mm256_set1_ps(scale);

	assert(n % 4 == 0);
	for (int k = 0; k < 4; k++, x += quarter)
	{
		const uint8_t *low = v + (k % 2 == 0 ? 0 : quarter);
		int			shift = k < 2 ? 0 : 4;
		size_t		i = 0;

		for (; i + 8 <= quarter; i += 8)
		{
			__m256i		top = _mm256_slli_epi32(take_bits(load_bytes(high + i), 2 * k, 3), 4);
			__m256i		value = _mm256_or_si256(take_bits(load_bytes(low + i), shift, 15), top);

			store_scaled(x + i, _mm256_sub_epi32(value, _mm256_set1_epi32(32)), factor);
		}
		for (; i < quarter; i++)
			x[i] = scale * (float) ((low[i] >> shift & 15) + 16 * (high[i] >> 2 * k & 3) - 32);
	}
}

AVX2 void
sphx_decode_i4_avx2(const uint8_t *v, float scale, float *x, size_t n)
{
	size_t		half = n / 2;
	__m256		factor = _mm256_set1_ps(scale);

	assert(n % 2 == 0);
	for (int shift = 0; shift <= 4; shift += 4, x += half)
	{
		size_t		i = 0;

		for (; i + 8 <= half; i += 8)
			store_scaled(x + i, _mm256_sub_epi32(take_bits(load_bytes(v + i), shift, 15),
												 _mm256_set1_epi32(8)), factor);
		for (; i < half; i++)
			x[i] = scale * (float) ((v[i] >> shift & 15) - 8);
	}
}

AVX2 void
sphx_decode_i2_avx2(const uint8_t *v, float scale, float *x, size_t n)
{
	size_t		quarter = n / 4;
	__m256		factor = _mm256_set1_ps(scale);

	assert(n % 4 == 0);
	for (int shift = 0; shift <= 6; shift += 2, x += quarter)
	{
		size_t		i = 0;

		for (; i + 8 <= quarter; i += 8)
		{
			__m256		value = _mm256_cvtepi32_ps(take_bits(load_bytes(v + i), shift, 3));

			_mm256_storeu_ps(x + i, _mm256_mul_ps(factor, _mm256_sub_ps(value, _mm256_set1_ps(1.5f))));
		}
		for (; i < quarter; i++)
			x[i] = scale * ((float) (v[i] >> shift & 3) - 1.5f);
	}
}

AVX2		SPHX_NO_CONTRACT float
sphx_step_error_avx2(const float *x, size_t n, float scale, float limit, float offset)
{
	return generic_step_error(x, n, scale, limit, offset);
}

AVX2 float
sphx_amax_f32_avx2(const float *x, size_t n)
{
	const __m256 sign = _mm256_set1_ps(-0.0f);
	__m256		largest = _mm256_setzero_ps();
	__m256		second = largest;
	__m256		third = largest;
	__m256		fourth = largest;
	float		lanes[8];
	float		amax;
	size_t		i = 0;

	/*
	 * four at a time hide the latency of each; none is NaN, which comes first
	 * and is left out
	 */
	for (; i + 32 <= n; i += 32)
	{
		largest = _mm256_max_ps(_mm256_andnot_ps(sign, _mm256_loadu_ps(x + i)), largest);
		second = _mm256_max_ps(_mm256_andnot_ps(sign, _mm256_loadu_ps(x + i + 8)), second);
		third = _mm256_max_ps(_mm256_andnot_ps(sign, _mm256_loadu_ps(x + i + 16)), third);
		fourth = _mm256_max_ps(_mm256_andnot_ps(sign, _mm256_loadu_ps(x + i + 24)), fourth);
	}
	largest = _mm256_max_ps(_mm256_max_ps(largest, second), _mm256_max_ps(third, fourth));
	for (; i + 8 <= n; i += 8)
		largest = _mm256_max_ps(_mm256_andnot_ps(sign, _mm256_loadu_ps(x + i)), largest);
	_mm256_storeu_ps(lanes, largest);
	amax = generic_amax(x + i, n - i);
	for (int k = 0; k < 8; k++)
		amax = larger(lanes[k], amax);
	return amax;
}

AVX2		SPHX_NO_CONTRACT float
sphx_table_levels_avx2(const float *x, size_t D, float amax, uint8_t *table)
{
	float		f = table_factor(SPHX_RANGE_LEVELS, amax) / 15.0f;
	const __m256 low = _mm256_setr_ps(-15, -13, -11, -9, -7, -5, -3, -1);
	const __m256 high = _mm256_setr_ps(1, 3, 5, 7, 9, 11, 13, 15);
	const __m128i bias = _mm_set1_epi8((char) SPHX_TABLE_BIAS);

	if (f == 0.0f)
		return generic_table_levels(x, D, amax, table);
	for (size_t i = 0; i < D; i++)
	{
		__m256		step = _mm256_set1_ps(x[i] * f);
		__m256i		a = _mm256_cvtps_epi32(_mm256_mul_ps(low, step));
		__m256i		b = _mm256_cvtps_epi32(_mm256_mul_ps(high, step));
		__m256i		words = _mm256_permute4x64_epi64(_mm256_packs_epi32(a, b), 0xd8);
		__m128i		bytes = _mm_packs_epi16(_mm256_castsi256_si128(words),
											_mm256_extracti128_si256(words, 1));

		_mm_storeu_si128((__m128i *) (table + 16 * i), _mm_add_epi8(bytes, bias));
	}
	return amax * (SPHX_LEVELS_TOP / SPHX_RANGE_LEVELS);
}

/* products and sums are rounded one by one, as their bits are fixed */
AVX2		SPHX_NO_CONTRACT void
sphx_axpy4_f32_avx2(float *x, const float *rows, size_t stride, const float a[4], size_t n)
{
	const float *r[4] = {rows, rows + stride, rows + 2 * stride, rows + 3 * stride};
	__m256		a0 = _mm256_set1_ps(a[0]);
	__m256		a1 = _mm256_set1_ps(a[1]);
	__m256		a2 = _mm256_set1_ps(a[2]);
	__m256		a3 = _mm256_set1_ps(a[3]);
	size_t		i = 0;

	for (; i + 8 <= n; i += 8)
	{
		__m256		sum = _mm256_loadu_ps(x + i);

		sum = _mm256_add_ps(sum, _mm256_mul_ps(a0, _mm256_loadu_ps(r[0] + i)));
		sum = _mm256_add_ps(sum, _mm256_mul_ps(a1, _mm256_loadu_ps(r[1] + i)));
		sum = _mm256_add_ps(sum, _mm256_mul_ps(a2, _mm256_loadu_ps(r[2] + i)));
		sum = _mm256_add_ps(sum, _mm256_mul_ps(a3, _mm256_loadu_ps(r[3] + i)));
		_mm256_storeu_ps(x + i, sum);
	}
	if (i < n)
		generic_axpy4(x + i, rows + i, stride, a, n - i);
}

/* x = q - x */
AVX2 void
sphx_subtract_f32_avx2(const float *q, float *x, size_t n)
{
	size_t		i = 0;

	for (; i + 8 <= n; i += 8)
		_mm256_storeu_ps(x + i, _mm256_sub_ps(_mm256_loadu_ps(q + i), _mm256_loadu_ps(x + i)));
	for (; i < n; i++)
		x[i] = q[i] - x[i];
}

#endif
