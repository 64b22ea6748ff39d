/*-------------------------------------------------------------------------
 *
 * kernels_avx512_codes.c
 *	  Kernels of edge codes for x86-64 with AVX-512: look-up tables, sums and
 *	  estimates.
 *
 * The bits of all of them are fixed (kernels_scalar.c).
 *
 *-------------------------------------------------------------------------
 */
#include "math/kernels/kernels_x86.h"

#ifdef SPHX_HAVE_AVX512

#include <assert.h>
#include <immintrin.h>

/* round(x[0..16) * f) as integers */
static AVX512_INLINE __m512i
scaled(__m512 x, __m512 f)
{
	return _mm512_cvtps_epi32(_mm512_mul_ps(x, f));
}

/* bias + w and bias - w of 32 words as bytes, a lane's 8 of the one before its 8 of the other */
static AVX512_INLINE __m512i
plus_minus(__m512i words, int bias)
{
	__m512i		b = _mm512_set1_epi16((short) bias);

	return _mm512_packus_epi16(_mm512_add_epi16(b, words), _mm512_sub_epi16(b, words));
}

/*
 * Entries that are sums of two halves: where the bytes of the halves of each
 * entry are, for 4 pieces; those of the next 4 are `next` bytes further on.
 */
typedef struct HalvesIndex
{
	uint8_t		low[64];
	uint8_t		high[64];
	uint8_t		next;
} HalvesIndex;

/* lane k: s01 d01 s23 d23 of pieces k and 4 + k, then negatives */
static const HalvesIndex signs_index = {
	{
		0, 9, 1, 8, 0, 9, 1, 8, 0, 9, 1, 8, 0, 9, 1, 8,
		16, 25, 17, 24, 16, 25, 17, 24, 16, 25, 17, 24, 16, 25, 17, 24,
		32, 41, 33, 40, 32, 41, 33, 40, 32, 41, 33, 40, 32, 41, 33, 40,
		48, 57, 49, 56, 48, 57, 49, 56, 48, 57, 49, 56, 48, 57, 49, 56
	},
	{
		2, 2, 2, 2, 11, 11, 11, 11, 3, 3, 3, 3, 10, 10, 10, 10,
		18, 18, 18, 18, 27, 27, 27, 27, 19, 19, 19, 19, 26, 26, 26, 26,
		34, 34, 34, 34, 43, 43, 43, 43, 35, 35, 35, 35, 42, 42, 42, 42,
		50, 50, 50, 50, 59, 59, 59, 59, 51, 51, 51, 51, 58, 58, 58, 58
	},
	4
};

/* lane k: 4 lower levels, of pieces 2k and 2k + 1, 4 upper levels, then negatives */
static const HalvesIndex lloyd_index = {
	{
		12, 8, 0, 4, 12, 8, 0, 4, 12, 8, 0, 4, 12, 8, 0, 4,
		14, 10, 2, 6, 14, 10, 2, 6, 14, 10, 2, 6, 14, 10, 2, 6,
		28, 24, 16, 20, 28, 24, 16, 20, 28, 24, 16, 20, 28, 24, 16, 20,
		30, 26, 18, 22, 30, 26, 18, 22, 30, 26, 18, 22, 30, 26, 18, 22
	},
	{
		13, 13, 13, 13, 9, 9, 9, 9, 1, 1, 1, 1, 5, 5, 5, 5,
		15, 15, 15, 15, 11, 11, 11, 11, 3, 3, 3, 3, 7, 7, 7, 7,
		29, 29, 29, 29, 25, 25, 25, 25, 17, 17, 17, 17, 21, 21, 21, 21,
		31, 31, 31, 31, 27, 27, 27, 27, 19, 19, 19, 19, 23, 23, 23, 23
	},
	32
};

/* the tables of 8 pieces from their 32 halves and the negatives of these, 64 words */
static AVX512_INLINE void
store_sums(uint8_t *table, __m512i words, const HalvesIndex *index)
{
	__m512i		bytes = plus_minus(words, SPHX_TABLE_BIAS / 2);
	__m512i		next = _mm512_set1_epi8((char) index->next);
	__m512i		low = _mm512_loadu_si512(index->low);
	__m512i		high = _mm512_loadu_si512(index->high);

	_mm512_storeu_si512(table, _mm512_add_epi8(_mm512_permutexvar_epi8(low, bytes),
											   _mm512_permutexvar_epi8(high, bytes)));
	low = _mm512_add_epi8(low, next);
	high = _mm512_add_epi8(high, next);
	_mm512_storeu_si512(table + 64, _mm512_add_epi8(_mm512_permutexvar_epi8(low, bytes),
													_mm512_permutexvar_epi8(high, bytes)));
}

/* the start of the step at i: the last step ends at D, and writes some entries a second time */
static inline size_t
step_start(size_t i, size_t step, size_t D)
{
	return i + step <= D ? i : D - step;
}

/* 4 pieces */
static AVX512_INLINE void
orthoplex_step(const float *x, __m512 f, uint8_t *table)
{
	/*
	 * lane k: a[4k..4k+4) b[4k..4k+4) and their negatives, a = x[0..16), b =
	 * x[16..32)
	 */
	const __m512i order = _mm512_setr_epi32(0, 4, 2, 6, 8, 12, 10, 14,
											1, 5, 3, 7, 9, 13, 11, 15);
	__m512i		words = _mm512_packs_epi32(scaled(_mm512_loadu_ps(x), f),
										   scaled(_mm512_loadu_ps(x + 16), f));

	_mm512_storeu_si512(table, _mm512_permutexvar_epi32(order, plus_minus(words, SPHX_TABLE_BIAS)));
}

AVX512 float
sphx_table_orthoplex_avx512(const float *x, size_t D, float amax, uint8_t *table)
{
	float		f = table_factor(SPHX_RANGE_ORTHOPLEX, amax);
	__m512		vf = _mm512_set1_ps(f);

	assert(D % 8 == 0);
	if (D < 32 || f == 0.0f)
		return sphx_table_orthoplex_avx2(x, D, amax, table);
	for (size_t i = 0; i < D; i += 32)
	{
		size_t		start = step_start(i, 32, D);

		orthoplex_step(x + start, vf, table + 2 * start);
	}
	return amax / SPHX_RANGE_ORTHOPLEX;
}

/* of 4 pieces: s and d of both halves, one piece a lane */
static AVX512_INLINE __m512i
signs_halves(const float *x, __m512 f)
{
	const __m512 odd = _mm512_castsi512_ps(_mm512_set1_epi64((long long) 0x8000000000000000));
	__m512		v = _mm512_loadu_ps(x);

	return scaled(_mm512_add_ps(_mm512_permute_ps(v, 0xb1), _mm512_xor_ps(v, odd)), f);
}

AVX512 float
sphx_table_signs_avx512(const float *x, size_t D, float amax, uint8_t *table)
{
	float		f = table_factor(SPHX_RANGE_SIGNS, amax);
	__m512		vf = _mm512_set1_ps(f);

	assert(D % 4 == 0);
	if (D < 32 || f == 0.0f)
		return sphx_table_signs_avx2(x, D, amax, table);
	for (size_t i = 0; i < D; i += 32)
	{
		size_t		start = step_start(i, 32, D);

		store_sums(table + 4 * start,
				   _mm512_packs_epi32(signs_halves(x + start, vf),
									  signs_halves(x + start + 16, vf)), &signs_index);
	}
	return amax / SPHX_RANGE_SIGNS;
}

AVX512 float
sphx_table_lloyd_avx512(const float *x, size_t D, float amax, uint8_t *table)
{
	float		f = table_factor(SPHX_RANGE_LLOYD, amax);
	__m512		upper = _mm512_set1_ps(f);
	__m512		lower = _mm512_set1_ps(f * SPHX_LLOYD_RATIO);

	assert(D % 2 == 0);
	if (D < 16 || f == 0.0f)
		return sphx_table_lloyd_avx2(x, D, amax, table);
	for (size_t i = 0; i < D; i += 16)
	{
		size_t		start = step_start(i, 16, D);
		__m512		v = _mm512_loadu_ps(x + start);

		store_sums(table + 8 * start,
				   _mm512_packs_epi32(scaled(v, lower), scaled(v, upper)), &lloyd_index);
	}
	return amax * (SPHX_LLOYD_TOP / SPHX_RANGE_LLOYD);
}

/*
 * Code sums, four pieces a step.  The bytes of codes are brought into the
 * order of neighbours, those of one neighbour side by side; an entry is then
 * looked up in the 64 bytes of four tables with 16 * piece + nibble, and a
 * product with ones adds the four entries to the neighbour's sum of 32 bits.
 */
typedef struct CodeOrder
{
	__m512i		gather;			/* byte 4 * neighbour + piece: where its codes
								 * are */
	__m512i		piece;			/* 16 * piece there */
	__m512i		nibble;			/* 15 everywhere */
	__m512i		ones;
} CodeOrder;

/* of a ternary operation: (a & b) | c */
#define AND_OR	0xea

/* a compiler that no longer knows where a value is from does not load it again at every use */
#define KEEP_IN_REGISTER(v)	__asm__("" : "+v" (v))

static AVX512_INLINE void
look_up(__m512i codes, __m512i table, const CodeOrder *order, __m512i *low, __m512i *high)
{
	__m512i		c = _mm512_permutexvar_epi8(order->gather, codes);
	__m512i		index = _mm512_ternarylogic_epi32(c, order->nibble, order->piece, AND_OR);

	KEEP_IN_REGISTER(table);
	*low = _mm512_dpbusd_epi32(*low, _mm512_permutexvar_epi8(index, table), order->ones);
	index = _mm512_ternarylogic_epi32(_mm512_srli_epi16(c, 4), order->nibble, order->piece, AND_OR);
	*high = _mm512_dpbusd_epi32(*high, _mm512_permutexvar_epi8(index, table), order->ones);
}

static AVX512_INLINE CodeOrder
code_order(size_t half)
{
	const __m512i neighbour = _mm512_setr_epi32(0x00000000, 0x01010101, 0x02020202, 0x03030303,
												0x04040404, 0x05050505, 0x06060606, 0x07070707,
												0x08080808, 0x09090909, 0x0a0a0a0a, 0x0b0b0b0b,
												0x0c0c0c0c, 0x0d0d0d0d, 0x0e0e0e0e, 0x0f0f0f0f);
	CodeOrder	order;

	order.gather = _mm512_add_epi8(neighbour, _mm512_set1_epi32((int) half * 0x03020100));
	order.piece = _mm512_set1_epi32(0x30201000);
	order.nibble = _mm512_set1_epi8(15);
	order.ones = _mm512_set1_epi8(1);
	return order;
}

/* the first `count` of 64 bytes, count 1..64 */
static AVX512_INLINE __m512i
load_bytes(const uint8_t *bytes, size_t count)
{
	return _mm512_maskz_loadu_epi8(UINT64_MAX >> (64 - count), bytes);
}

static AVX512_INLINE __m512i
load_four_pieces(const uint8_t *codes, size_t half)
{
	return half == 16 ? _mm512_loadu_si512(codes) : load_bytes(codes, 4 * half);
}

static AVX512_INLINE void
code_sums(const uint8_t *codes, size_t pieces, size_t half, const uint8_t *table, int32_t *sums)
{
	const CodeOrder order = code_order(half);
	__m512i		bias = _mm512_set1_epi32(-SPHX_TABLE_BIAS * (int) pieces);
	__m512i		low[2] = {bias, _mm512_setzero_si512()};
	__m512i		high[2] = {bias, _mm512_setzero_si512()};

	for (; pieces >= 8; pieces -= 8)
	{
		look_up(load_four_pieces(codes, half), _mm512_loadu_si512(table), &order,
				&low[0], &high[0]);
		look_up(load_four_pieces(codes + 4 * half, half), _mm512_loadu_si512(table + 64), &order,
				&low[1], &high[1]);
		codes += 8 * half;
		table += 128;
	}
	if (pieces >= 4)
	{
		look_up(load_four_pieces(codes, half), _mm512_loadu_si512(table), &order,
				&low[0], &high[0]);
		codes += 4 * half;
		table += 64;
		pieces -= 4;
	}
	/* missing tables are zeros, which add nothing */
	if (pieces > 0)
		look_up(load_bytes(codes, pieces * half), load_bytes(table, pieces * 16), &order,
				&low[1], &high[1]);
	/* the high sums overwrite what the low ones leave beyond `half` */
	_mm512_storeu_si512(sums, _mm512_add_epi32(low[0], low[1]));
	_mm512_storeu_si512(sums + half, _mm512_add_epi32(high[0], high[1]));
}

AVX512 void
sphx_code_sums_avx512(const uint8_t *codes, size_t pieces, int width, const uint8_t *table,
					  int32_t *sums)
{
	assert(width >= 2 && width <= SPHX_CODE_BLOCK && width % 2 == 0);
	if (width == 32)
		code_sums(codes, pieces, 16, table, sums);
	else
		code_sums(codes, pieces, (size_t) width / 2, table, sums);
}

/*
 * Grouped sums.  The bytes of a neighbour are side by side as they are; where
 * there are fewer than 4 of each they are moved apart, and what gets between
 * them is looked up where tables are zeros.
 */
static AVX512_INLINE void
add_group(__m512i codes, __m512i low_table, __m512i high_table, const CodeOrder *order,
		  __m512i *low, __m512i *high)
{
	__m512i		index = _mm512_ternarylogic_epi32(codes, order->nibble, order->piece, AND_OR);

	*low = _mm512_dpbusd_epi32(*low, _mm512_permutexvar_epi8(index, low_table), order->ones);
	index = _mm512_ternarylogic_epi32(_mm512_srli_epi16(codes, 4), order->nibble, order->piece,
									  AND_OR);
	*high = _mm512_dpbusd_epi32(*high, _mm512_permutexvar_epi8(index, high_table), order->ones);
}

/* of a last group, the neighbours from codes on, whose `size` bytes are `bytes` of each */
static AVX512_INLINE __m512i
load_last_group(const uint8_t *codes, size_t size, int bytes)
{
	const __m512i neighbour = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
	__m512i		gather = _mm512_mullo_epi32(neighbour, _mm512_set1_epi32(bytes * 0x01010101));

	gather = _mm512_add_epi8(gather, _mm512_set1_epi32(0x03020100));
	return _mm512_permutexvar_epi8(gather, load_bytes(codes, size));
}

/* neighbours of a block in a register: the first 16, and the others */
typedef struct BlockSums
{
	__m512i		low[2];
	__m512i		high[2];
} BlockSums;

static AVX512_INLINE void
add_last_group_sums(const uint8_t *codes, size_t pieces, size_t first, size_t second,
					const uint8_t *table, const CodeOrder *order, BlockSums *sums)
{
	size_t		bytes = (pieces + 1) / 2;
	__m512i		low = load_bytes(table, 16 * bytes);
	__m512i		high = pieces > 1 ? load_bytes(table + 16 * bytes, 16 * (pieces - bytes)) :
	_mm512_setzero_si512();

	add_group(load_last_group(codes, bytes * first, (int) bytes), low, high, order,
			  &sums->low[0], &sums->high[0]);
	if (second > 0)
		add_group(load_last_group(codes + bytes * first, bytes * second, (int) bytes), low, high,
				  order, &sums->low[1], &sums->high[1]);
}

static AVX512_INLINE void
grouped_sums(const uint8_t *codes, size_t pieces, size_t first, size_t second,
			 const uint8_t *table, int32_t *sums)
{
	const CodeOrder order = code_order(0);
	__m512i		bias = _mm512_set1_epi32(-SPHX_TABLE_BIAS * (int) pieces);
	__m512i		zero = _mm512_setzero_si512();
	BlockSums	block = {{bias, bias}, {zero, zero}};

	for (; pieces >= SPHX_CODE_GROUP; pieces -= SPHX_CODE_GROUP)
	{
		__m512i		low = _mm512_loadu_si512(table);
		__m512i		high = _mm512_loadu_si512(table + 64);

		add_group(load_bytes(codes, 4 * first), low, high, &order, &block.low[0], &block.high[0]);
		if (second > 0)
			add_group(load_bytes(codes + 4 * first, 4 * second), low, high, &order,
					  &block.low[1], &block.high[1]);
		codes += 4 * (first + second);
		table += 16 * SPHX_CODE_GROUP;
	}
	if (pieces > 0)
		add_last_group_sums(codes, pieces, first, second, table, &order, &block);
	_mm512_storeu_si512(sums, _mm512_add_epi32(block.low[0], block.high[0]));
	_mm512_storeu_si512(sums + 16, _mm512_add_epi32(block.low[1], block.high[1]));
}

AVX512 void
sphx_grouped_sums_avx512(const uint8_t *codes, size_t pieces, int width, const uint8_t *table,
						 int32_t *sums)
{
	assert(width >= 2 && width <= SPHX_CODE_BLOCK && width % 2 == 0);
	if (width == 32)
		grouped_sums(codes, pieces, 16, 16, table, sums);
	else if (width > 16)
		grouped_sums(codes, pieces, 16, (size_t) width - 16, table, sums);
	else
		grouped_sums(codes, pieces, (size_t) width, 0, table, sums);
}

static AVX512_INLINE SPHX_NO_CONTRACT void
estimate_16(const int32_t *sums, const uint8_t *length, const uint8_t *gain, __mmask16 lanes,
			__m512i base, __m512 r2, __m512 unit2, float *est)
{
	__m512i		c = _mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(lanes, length));
	__m512i		g = _mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(lanes, gain));
	__m512i		bits = _mm512_add_epi32(base, _mm512_slli_epi32(c, SPHX_LENGTH_SHIFT));
	__m512		e = _mm512_castsi512_ps(bits);
	__m512		t = _mm512_mul_ps(_mm512_set1_ps(SPHX_GAIN_STEP), _mm512_cvtepi32_ps(g));
	__m512		s = _mm512_add_ps(r2, _mm512_mul_ps(e, e));

	t = _mm512_mul_ps(e, _mm512_add_ps(_mm512_set1_ps(SPHX_GAIN_MIN), t));
	t = _mm512_mul_ps(t, unit2);
	t = _mm512_mul_ps(t, _mm512_cvtepi32_ps(_mm512_loadu_si512(sums)));
	_mm512_storeu_ps(est, _mm512_sub_ps(s, t));
}

/* all of sums[0..32) is read and of est[0..32) written; of length and gain only what is there */
AVX512		SPHX_NO_CONTRACT void
sphx_estimate_avx512(const int32_t *sums, const uint8_t *length, const uint8_t *gain,
					 uint32_t length_base, float r2, float unit2, int n, float *est)
{
	__m512i		base = _mm512_set1_epi32((int) length_base);
	__m512		vr2 = _mm512_set1_ps(r2);
	__m512		vunit2 = _mm512_set1_ps(unit2);
	uint32_t	lanes = n > 0 ? UINT32_MAX >> (32 - n) : 0;

	assert(n >= 0 && n <= SPHX_CODE_BLOCK);
	estimate_16(sums, length, gain, (__mmask16) lanes, base, vr2, vunit2, est);
	estimate_16(sums + 16, length + 16, gain + 16, (__mmask16) (lanes >> 16), base, vr2, vunit2,
				est + 16);
}

#endif
