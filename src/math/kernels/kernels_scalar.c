/*-------------------------------------------------------------------------
 *
 * kernels_scalar.c
 *	  Kernels in plain C: the oracle of all others, and the fallback.
 *
 * Tables, code sums and estimates have the same bits on every instruction
 * set.  What fixes them:
 *
 * Orthoplex: f = 127 / amax; entry of +-x[i] = 128 +- round(x[i] * f); unit =
 * amax / 127.
 *
 * Signs: f = 31.5 / amax; s = round((x0 + x1) * f), d = round((x0 - x1) * f),
 * the same of x2, x3; an entry is 128 plus one of {s, -d, d, -s} of each
 * half; unit = amax / 31.5.
 *
 * Lloyd: f = 63 / amax, g = f * .3; an entry is 128 plus one of {-round(x f),
 * -round(x g), round(x g), round(x f)} of each half; unit = amax * (10
 * SPHX_LLOYD_UNIT / 63).
 *
 * round is to the nearest integer, ties to even; every operation is rounded
 * to single precision, none is fused.  When amax is 0, or so small that f is
 * not finite, or above FLT_MAX / 4, all entries are 128 and unit is 0.
 *
 * The scale comes from amax and not from the largest entry, which would cost a
 * pass over x: the noise of rounding (.4 units an entry) is below 1/10 of the
 * noise of the estimate either way.
 *
 *-------------------------------------------------------------------------
 */
#include <assert.h>
#include <string.h>

#include "math/kernels/kernels.h"
#include "math/kernels/kernels_generic.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

/* partial sums: fewer roundings in a row, and what a vectoriser wants */
#define LANES	8

static float
lanes_sum(const float *s)
{
	return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));
}

static float
dot_f32_scalar(const float *a, const float *b, size_t n)
{
	float		s[LANES] = {0};
	size_t		i = 0;

	for (; i + LANES <= n; i += LANES)
		for (size_t k = 0; k < LANES; k++)
			s[k] += a[i + k] * b[i + k];
	for (; i < n; i++)
		s[i % LANES] += a[i] * b[i];
	return lanes_sum(s);
}

static float
l2sq_f32_scalar(const float *a, const float *b, size_t n)
{
	float		s[LANES] = {0};
	size_t		i = 0;

	for (; i + LANES <= n; i += LANES)
		for (size_t k = 0; k < LANES; k++)
			s[k] += (a[i + k] - b[i + k]) * (a[i + k] - b[i + k]);
	for (; i < n; i++)
		s[i % LANES] += (a[i] - b[i]) * (a[i] - b[i]);
	return lanes_sum(s);
}

static float
l1_f32_scalar(const float *a, const float *b, size_t n)
{
	float		s[LANES] = {0};
	size_t		i = 0;

	for (; i + LANES <= n; i += LANES)
		for (size_t k = 0; k < LANES; k++)
			s[k] += fabsf(a[i + k] - b[i + k]);
	for (; i < n; i++)
		s[i % LANES] += fabsf(a[i] - b[i]);
	return lanes_sum(s);
}

static void
dot3_f32_scalar(const float *a, const float *b, size_t n, float *ab, float *aa, float *bb)
{
	*ab = dot_f32_scalar(a, b, n);
	*aa = dot_f32_scalar(a, a, n);
	*bb = dot_f32_scalar(b, b, n);
}

static float
residual_i16_scalar(const float *q, const int16_t *v, float scale, float *x, size_t n, float *amax)
{
	float		largest = 0.0f;

	for (size_t i = 0; i < n; i++)
	{
		x[i] = q[i] - scale * (float) v[i];
		largest = larger(largest, fabsf(x[i]));
	}
	*amax = largest;
	return dot_f32_scalar(x, x, n);
}

static float
residual_i8_scalar(const float *q, const int8_t *v, float scale, float *x, size_t n, float *amax)
{
	float		largest = 0.0f;

	for (size_t i = 0; i < n; i++)
	{
		x[i] = q[i] - scale * (float) v[i];
		largest = larger(largest, fabsf(x[i]));
	}
	*amax = largest;
	return dot_f32_scalar(x, x, n);
}

static float
dot_i16_scalar(const float *q, const int16_t *v, float scale, size_t n)
{
	float		s[LANES] = {0};

	for (size_t i = 0; i < n; i++)
		s[i % LANES] += q[i] * (float) v[i];
	return scale * lanes_sum(s);
}

static float
dot_i8_scalar(const float *q, const int8_t *v, float scale, size_t n)
{
	float		s[LANES] = {0};

	for (size_t i = 0; i < n; i++)
		s[i % LANES] += q[i] * (float) v[i];
	return scale * lanes_sum(s);
}

static void
decode_i16_scalar(const int16_t *v, float scale, float *x, size_t n)
{
	for (size_t i = 0; i < n; i++)
		x[i] = scale * (float) v[i];
}

static void
decode_i8_scalar(const int8_t *v, float scale, float *x, size_t n)
{
	for (size_t i = 0; i < n; i++)
		x[i] = scale * (float) v[i];
}

/*
 * Exponent and mantissa move into place, and the product puts the exponent's
 * bias right, which makes numbers of half precision's subnormals too.
 */
static float
widen(uint16_t half)
{
	uint32_t	magnitude = (uint32_t) (half & 0x7fff) << 13;
	uint32_t	sign = (uint32_t) (half & 0x8000) << 16;
	float		x;

	if (magnitude >= UINT32_C(0x7c00) << 13)
		magnitude |= UINT32_C(0x7f800000);	/* infinity and NaN */
	memcpy(&x, &magnitude, sizeof(x));
	x *= 5192296858534827628530496329220096.0f; /* 2^112 */
	memcpy(&magnitude, &x, sizeof(x));
	magnitude |= sign;
	memcpy(&x, &magnitude, sizeof(x));
	return x;
}

static void
half_to_f32_scalar(const uint16_t *half, float *x, size_t n)
{
	for (size_t i = 0; i < n; i++)
		x[i] = widen(half[i]);
}

/*
 * Below half precision's normal numbers its unit is 2^-24, to which adding 1/2
 * rounds; among them half a unit is added, less a bit where that would round
 * a tie to an odd number.
 */
static uint16_t
narrow(float x)
{
	uint32_t	bits;
	uint32_t	magnitude;
	uint16_t	sign;

	memcpy(&bits, &x, sizeof(bits));
	sign = (uint16_t) (bits >> 16 & 0x8000);
	magnitude = bits & 0x7fffffff;
	if (magnitude > 0x7f800000)
		return (uint16_t) (sign | 0x7e00);
	if (magnitude >= 0x477ff000)	/* 65520 */
		return (uint16_t) (sign | 0x7c00);
	if (magnitude < 0x38800000) /* 2^-14 */
	{
		x = fabsf(x) + 0.5f;
		memcpy(&magnitude, &x, sizeof(magnitude));
		return (uint16_t) (sign | (magnitude - 0x3f000000));
	}
	magnitude += 0xfff + (magnitude >> 13 & 1);
	return (uint16_t) (sign | (magnitude - (UINT32_C(112) << 23)) >> 13);
}

static void
f32_to_half_scalar(const float *x, uint16_t *half, size_t n)
{
	for (size_t i = 0; i < n; i++)
		half[i] = narrow(x[i]);
}

static void
mul_f32_scalar(float *x, const float *f, size_t n)
{
	for (size_t i = 0; i < n; i++)
		x[i] *= f[i];
}

static void
butterfly_f32_scalar(float *a, float *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
	{
		float		sum = a[i] + b[i];

		b[i] = a[i] - b[i];
		a[i] = sum;
	}
}

static void
hadamard_f32_scalar(float *x, size_t n)
{
	assert(n > 0 && (n & (n - 1)) == 0);
	for (size_t stride = 1; stride < n; stride *= 2)
		for (size_t i = 0; i < n; i += 2 * stride)
			butterfly_f32_scalar(x + i, x + i + stride, stride);
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

static float
table_orthoplex_scalar(const float *x, size_t D, float amax, uint8_t *table)
{
	float		f = table_factor(SPHX_RANGE_ORTHOPLEX, amax);

	assert(D % 8 == 0);
	if (f == 0.0f)
	{
		memset(table, SPHX_TABLE_BIAS, D * 2);
		return 0.0f;
	}
	for (size_t i = 0; i < D; i += 8)
		table_piece_orthoplex(x + i, f, table + 2 * i);
	return amax / SPHX_RANGE_ORTHOPLEX;
}

static float
table_signs_scalar(const float *x, size_t D, float amax, uint8_t *table)
{
	float		f = table_factor(SPHX_RANGE_SIGNS, amax);

	assert(D % 4 == 0);
	if (f == 0.0f)
	{
		memset(table, SPHX_TABLE_BIAS, D * 4);
		return 0.0f;
	}
	for (size_t i = 0; i < D; i += 4)
		table_piece_signs(x + i, f, table + 4 * i);
	return amax / SPHX_RANGE_SIGNS;
}

static float
table_lloyd_scalar(const float *x, size_t D, float amax, uint8_t *table)
{
	float		f = table_factor(SPHX_RANGE_LLOYD, amax);

	assert(D % 2 == 0);
	if (f == 0.0f)
	{
		memset(table, SPHX_TABLE_BIAS, D * 8);
		return 0.0f;
	}
	for (size_t i = 0; i < D; i += 2)
		table_piece_lloyd(x + i, f, table + 8 * i);
	return amax * (SPHX_LLOYD_TOP / SPHX_RANGE_LLOYD);
}

SPHX_GENERIC_KERNELS(scalar)

static void
code_sums_scalar(const uint8_t *codes, size_t pieces, int width, const uint8_t *table,
				 int32_t *sums)
{
	int32_t		low[SPHX_CODE_BLOCK / 2] = {0};
	int32_t		high[SPHX_CODE_BLOCK / 2] = {0};
	int			half = width / 2;
	int32_t		bias = SPHX_TABLE_BIAS * (int32_t) pieces;

	assert(width >= 2 && width <= SPHX_CODE_BLOCK && width % 2 == 0);
	for (size_t l = 0; l < pieces; l++, codes += half, table += 16)
		for (int i = 0; i < half; i++)
		{
			low[i] += table[codes[i] & 15];
			high[i] += table[codes[i] >> 4];
		}
	memset(sums, 0, SPHX_CODE_BLOCK * sizeof(int32_t));
	for (int i = 0; i < half; i++)
	{
		sums[i] = low[i] - bias;
		sums[i + half] = high[i] - bias;
	}
}

/* one group, or a last one of fewer pieces */
static void
add_group(const uint8_t *codes, size_t pieces, int width, const uint8_t *table, int32_t *sums)
{
	size_t		bytes = (pieces + 1) / 2;

	for (int j = 0; j < width; j++)
		for (size_t i = 0; i < bytes; i++, codes++)
		{
			sums[j] += table[16 * i + (*codes & 15)];
			if (bytes + i < pieces)
				sums[j] += table[16 * (bytes + i) + (*codes >> 4)];
		}
}

static void
grouped_sums_scalar(const uint8_t *codes, size_t pieces, int width, const uint8_t *table,
					int32_t *sums)
{
	int32_t		bias = SPHX_TABLE_BIAS * (int32_t) pieces;

	assert(width >= 2 && width <= SPHX_CODE_BLOCK && width % 2 == 0);
	for (int j = 0; j < SPHX_CODE_BLOCK; j++)
		sums[j] = -bias;
	for (; pieces >= SPHX_CODE_GROUP; pieces -= SPHX_CODE_GROUP)
	{
		add_group(codes, SPHX_CODE_GROUP, width, table, sums);
		codes += SPHX_CODE_GROUP / 2 * width;
		table += 16 * SPHX_CODE_GROUP;
	}
	add_group(codes, pieces, width, table, sums);
}

static void SPHX_NO_CONTRACT
estimate_scalar(const int32_t *sums, const uint8_t *length, const uint8_t *gain,
				uint32_t length_base, float r2, float unit2, int n, float *est)
{
	assert(n >= 0 && n <= SPHX_CODE_BLOCK);
	for (int j = 0; j < n; j++)
	{
		float		e = sphx_length_decode(length_base, length[j]);
		float		t = e * sphx_gain_decode(gain[j]);
		float		s = e * e;

		t = t * unit2;
		t = t * (float) sums[j];
		s = r2 + s;
		est[j] = s - t;
	}
}

const SphxKernels sphx_kernels_scalar_table = {
	.level = SPHX_SIMD_SCALAR,
	.name = "scalar",
	.dot_f32 = dot_f32_scalar,
	.l2sq_f32 = l2sq_f32_scalar,
	.l1_f32 = l1_f32_scalar,
	.dot3_f32 = dot3_f32_scalar,
	.residual_i16 = residual_i16_scalar,
	.residual_i8 = residual_i8_scalar,
	.dot_i16 = dot_i16_scalar,
	.dot_i8 = dot_i8_scalar,
	.decode_i16 = decode_i16_scalar,
	.decode_i8 = decode_i8_scalar,
	.half_to_f32 = half_to_f32_scalar,
	.f32_to_half = f32_to_half_scalar,
	.mul_f32 = mul_f32_scalar,
	.butterfly_f32 = butterfly_f32_scalar,
	.hadamard_f32 = hadamard_f32_scalar,
	.table_orthoplex = table_orthoplex_scalar,
	.table_signs = table_signs_scalar,
	.table_lloyd = table_lloyd_scalar,
	.table_levels = table_levels_scalar,
	.axpy4_f32 = axpy4_f32_scalar,
	.amax_f32 = amax_f32_scalar,
	.subtract_f32 = subtract_f32_scalar,
	.decode_i6 = decode_i6_scalar,
	.decode_i4 = decode_i4_scalar,
	.decode_i2 = decode_i2_scalar,
	.step_error = step_error_scalar,
	.code_sums = code_sums_scalar,
	.grouped_sums = grouped_sums_scalar,
	.estimate = estimate_scalar,
};

const SphxKernels *
sphx_kernels_scalar(void)
{
	return &sphx_kernels_scalar_table;
}
