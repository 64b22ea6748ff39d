/*-------------------------------------------------------------------------
 *
 * kernels_avx2_codes.c
 *	  Kernels of edge codes for x86-64 with AVX2: look-up tables, sums and
 *	  estimates.
 *
 * The bits of all of them are fixed (kernels_scalar.c): they are compiled
 * without FMA, which keeps a compiler from fusing what is written apart.
 *
 *-------------------------------------------------------------------------
 */
#include "math/kernels/kernels_x86.h"

#if defined(__x86_64__) && defined(__GNUC__)

#include <assert.h>
#include <immintrin.h>

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
AVX2 float
sphx_table_orthoplex_avx2(const float *x, size_t D, float amax, uint8_t *table)
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

AVX2 float
sphx_table_signs_avx2(const float *x, size_t D, float amax, uint8_t *table)
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

/* 4 pieces: 0, 2 from the lower lane, 1, 3 from the upper one */
static AVX2_INLINE void
lloyd_step(const float *x, __m256 lower, __m256 upper, uint8_t *table)
{
	/* bytes of a lane: 4 lower levels, 4 upper levels, then their negatives */
	const __m256i low = both_lanes(_mm_setr_epi8(12, 8, 0, 4, 12, 8, 0, 4, 12, 8, 0, 4, 12, 8, 0, 4));
	const __m256i high = both_lanes(_mm_setr_epi8(13, 13, 13, 13, 9, 9, 9, 9, 1, 1, 1, 1, 5, 5, 5, 5));
	const __m256i two = _mm256_set1_epi8(2);
	__m256		v = _mm256_castpd_ps(_mm256_permute4x64_pd(_mm256_castps_pd(_mm256_loadu_ps(x)), 0xd8));
	__m256i		words = _mm256_packs_epi32(scaled(v, lower), scaled(v, upper));
	__m256i		bytes = plus_minus(words, SPHX_TABLE_BIAS / 2);

	_mm256_storeu_si256((__m256i *) table,
						_mm256_add_epi8(_mm256_shuffle_epi8(bytes, low),
										_mm256_shuffle_epi8(bytes, high)));
	_mm256_storeu_si256((__m256i *) (table + 32),
						_mm256_add_epi8(_mm256_shuffle_epi8(bytes, _mm256_add_epi8(low, two)),
										_mm256_shuffle_epi8(bytes, _mm256_add_epi8(high, two))));
}

AVX2 float
sphx_table_lloyd_avx2(const float *x, size_t D, float amax, uint8_t *table)
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

/* pieces of one chunk, half of them in either lane of the sums */
#define CHUNK_PIECES	256

static AVX2_INLINE void
byte_sums_add(ByteSums *sums, __m256i bytes)
{
	sums->both = _mm256_add_epi16(sums->both, bytes);
	sums->odd = _mm256_add_epi16(sums->odd, _mm256_srli_epi16(bytes, 8));
}

/* the sum of the two lanes of low, and behind it that of the two lanes of high */
static AVX2_INLINE __m256i
add_lanes(__m256i low, __m256i high)
{
	return _mm256_add_epi16(_mm256_permute2x128_si256(low, high, 0x20),
							_mm256_permute2x128_si256(low, high, 0x31));
}

/* add 16 sums of the low nibbles to total[0..1], of the high ones to total[2..3] */
static AVX2_INLINE void
byte_sums_flush(const ByteSums *low, const ByteSums *high, __m256i *total)
{
	__m256i		odd = add_lanes(low->odd, high->odd);
	__m256i		even = _mm256_sub_epi16(add_lanes(low->both, high->both), _mm256_slli_epi16(odd, 8));
	__m256i		first = _mm256_unpacklo_epi16(even, odd);
	__m256i		second = _mm256_unpackhi_epi16(even, odd);

	total[0] = _mm256_add_epi32(total[0], _mm256_cvtepu16_epi32(_mm256_castsi256_si128(first)));
	total[1] = _mm256_add_epi32(total[1], _mm256_cvtepu16_epi32(_mm256_castsi256_si128(second)));
	total[2] = _mm256_add_epi32(total[2], _mm256_cvtepu16_epi32(_mm256_extracti128_si256(first, 1)));
	total[3] = _mm256_add_epi32(total[3], _mm256_cvtepu16_epi32(_mm256_extracti128_si256(second, 1)));
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
	byte_sums_flush(&low, &high, total);
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

AVX2 void
sphx_code_sums_avx2(const uint8_t *codes, size_t pieces, int width, const uint8_t *table,
					int32_t *sums)
{
	assert(width >= 2 && width <= SPHX_CODE_BLOCK && width % 2 == 0);
	if (width == 32)
		code_sums(codes, pieces, 16, table, sums);
	else
		code_sums(codes, pieces, (size_t) width / 2, table, sums);
}

/*
 * Grouped sums.  A lane of a load has the bytes of 4 neighbours, `bytes` of each.
 * Four loads, of 32 neighbours, are turned into planes, one for each byte of a
 * neighbour: dword k of a lane is from the same lane of load k.
 */
static AVX2_INLINE __m256i
load_neighbours(const uint8_t *codes, size_t bytes)
{
	/* byte 4 * i + n: byte i of neighbour n, zero where there is none */
	static const int8_t orders[4][16] = {
		{0, 1, 2, 3, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1},
		{0, 2, 4, 6, 1, 3, 5, 7, -1, -1, -1, -1, -1, -1, -1, -1},
		{0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11, -1, -1, -1, -1},
		{0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15}
	};
	__m128i		first = _mm_loadu_si128((const __m128i *) codes);
	__m128i		second = _mm_loadu_si128((const __m128i *) (codes + 4 * bytes));
	__m256i		order = both_lanes(_mm_loadu_si128((const __m128i *) orders[bytes - 1]));

	return _mm256_shuffle_epi8(_mm256_inserti128_si256(_mm256_castsi128_si256(first), second, 1),
							   order);
}

/* of so many loads, what is behind them being zeros */
static AVX2_INLINE void
load_planes(const uint8_t *codes, size_t bytes, int loads, __m256i *planes)
{
	__m256i		zero = _mm256_setzero_si256();
	__m256i		a = load_neighbours(codes, bytes);
	__m256i		b = loads > 1 ? load_neighbours(codes + 8 * bytes, bytes) : zero;
	__m256i		c = loads > 2 ? load_neighbours(codes + 16 * bytes, bytes) : zero;
	__m256i		d = loads > 3 ? load_neighbours(codes + 24 * bytes, bytes) : zero;
	__m256i		ab = _mm256_unpacklo_epi32(a, b);
	__m256i		cd = _mm256_unpacklo_epi32(c, d);

	planes[0] = _mm256_unpacklo_epi64(ab, cd);
	planes[1] = _mm256_unpackhi_epi64(ab, cd);
	ab = _mm256_unpackhi_epi32(a, b);
	cd = _mm256_unpackhi_epi32(c, d);
	planes[2] = _mm256_unpacklo_epi64(ab, cd);
	planes[3] = _mm256_unpackhi_epi64(ab, cd);
}

/* add a group's entries, `bytes` pieces in low nibbles and `high` in high ones */
static AVX2_INLINE void
add_group(const uint8_t *codes, size_t bytes, size_t high, int loads, const uint8_t *table,
		  ByteSums *sums)
{
	const __m256i nibble = _mm256_set1_epi8(15);
	__m256i		planes[4];

	load_planes(codes, bytes, loads, planes);
#pragma GCC unroll 4
	for (size_t i = 0; i < bytes; i++)
	{
		__m256i		t = both_lanes(_mm_loadu_si128((const __m128i *) (table + 16 * i)));

		byte_sums_add(sums, _mm256_shuffle_epi8(t, _mm256_and_si256(planes[i], nibble)));
		if (i >= high)
			continue;
		t = both_lanes(_mm_loadu_si128((const __m128i *) (table + 16 * (bytes + i))));
		byte_sums_add(sums, _mm256_shuffle_epi8(t, _mm256_and_si256(_mm256_srli_epi16(planes[i], 4),
																	nibble)));
	}
}

/* a last group of 1 to 7 pieces */
static AVX2_INLINE void
add_last_group(const uint8_t *codes, size_t pieces, int loads, const uint8_t *table,
			   ByteSums *sums)
{
	switch (pieces)
	{
		case 1:
		case 2:
			add_group(codes, 1, pieces - 1, loads, table, sums);
			break;
		case 3:
		case 4:
			add_group(codes, 2, pieces - 2, loads, table, sums);
			break;
		case 5:
		case 6:
			add_group(codes, 3, pieces - 3, loads, table, sums);
			break;
		default:
			add_group(codes, 4, pieces - 4, loads, table, sums);
			break;
	}
}

/* add 32 sums to total[0..3], 8 neighbours each */
static AVX2_INLINE void
grouped_sums_flush(const ByteSums *sums, __m256i *total)
{
	__m256i		zero = _mm256_setzero_si256();
	__m256i		even = _mm256_sub_epi16(sums->both, _mm256_slli_epi16(sums->odd, 8));
	__m256i		first = _mm256_unpacklo_epi16(even, sums->odd);
	__m256i		second = _mm256_unpackhi_epi16(even, sums->odd);

	/* the lower lane's first 4 are followed by the upper lane's */
	total[0] = _mm256_add_epi32(total[0], _mm256_unpacklo_epi16(first, zero));
	total[1] = _mm256_add_epi32(total[1], _mm256_unpackhi_epi16(first, zero));
	total[2] = _mm256_add_epi32(total[2], _mm256_unpacklo_epi16(second, zero));
	total[3] = _mm256_add_epi32(total[3], _mm256_unpackhi_epi16(second, zero));
}

/* all of a neighbour's pieces are added to one sum of 16 bits */
#define GROUPED_CHUNK	256

static AVX2_INLINE void
grouped_sums(const uint8_t *codes, size_t pieces, int width, int loads, const uint8_t *table,
			 int32_t *sums)
{
	const size_t group = SPHX_CODE_GROUP;
	__m256i		zero = _mm256_setzero_si256();
	__m256i		bias = _mm256_set1_epi32(-SPHX_TABLE_BIAS * (int) pieces);
	__m256i		total[4] = {bias, bias, bias, bias};

	do
	{
		size_t		chunk = pieces < GROUPED_CHUNK ? pieces : GROUPED_CHUNK;
		ByteSums	chunk_sums = {zero, zero};

		pieces -= chunk;
		for (; chunk >= group; chunk -= group)
		{
			add_group(codes, 4, 4, loads, table, &chunk_sums);
			codes += 4 * width;
			table += 16 * group;
		}
		if (chunk > 0)
			add_last_group(codes, chunk, loads, table, &chunk_sums);
		grouped_sums_flush(&chunk_sums, total);
	} while (pieces > 0);
	for (int i = 0; i < 4; i++)
		_mm256_storeu_si256((__m256i *) (sums + 8 * i), total[i]);
}

AVX2 void
sphx_grouped_sums_avx2(const uint8_t *codes, size_t pieces, int width, const uint8_t *table,
					   int32_t *sums)
{
	assert(width >= 2 && width <= SPHX_CODE_BLOCK && width % 2 == 0);
	if (width > 24)
		grouped_sums(codes, pieces, width, 4, table, sums);
	else if (width > 16)
		grouped_sums(codes, pieces, width, 3, table, sums);
	else if (width > 8)
		grouped_sums(codes, pieces, width, 2, table, sums);
	else
		grouped_sums(codes, pieces, width, 1, table, sums);
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
AVX2		SPHX_NO_CONTRACT void
sphx_estimate_avx2(const int32_t *sums, const uint8_t *length, const uint8_t *gain,
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

#endif
