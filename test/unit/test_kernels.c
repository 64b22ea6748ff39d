/*-------------------------------------------------------------------------
 *
 * test_kernels.c
 *	  Unit tests of the kernels, at every level this machine has.
 *
 *-------------------------------------------------------------------------
 */
#define _DEFAULT_SOURCE			/* MAP_ANONYMOUS */

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "math/base/random.h"
#include "math/graph/code.h"
#include "math/kernels/kernels.h"
#include "tap.h"

#define MAX_N		4096
#define MAX_PIECES	1100
#define MAX_D		(8 * MAX_PIECES)

/*
 * Memory that ends at a page nobody may touch, so that an array placed right
 * before its end catches every read past it.
 */
typedef struct Fenced
{
	char	   *end;
} Fenced;

static Fenced
fenced_create(size_t size)
{
	size_t		page = (size_t) sysconf(_SC_PAGESIZE);
	size_t		usable = (size + page - 1) / page * page;
	char	   *start = mmap(NULL, usable + page, PROT_READ | PROT_WRITE,
							 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	Fenced		result;

	if (start == MAP_FAILED || mprotect(start + usable, page, PROT_NONE) != 0)
	{
		perror("mmap");
		exit(2);
	}
	result.end = start + usable;
	return result;
}

/* room for `size` bytes that end `gap` bytes before the fence */
static void *
fenced_at(Fenced fenced, size_t size, size_t gap)
{
	return fenced.end - gap - size;
}

typedef struct Bench
{
	SphxRandom	random;
	Fenced		a;
	Fenced		b;
	Fenced		stored;
	Fenced		x;
} Bench;

static void
fill_floats(SphxRandom *random, float *x, size_t n)
{
	for (size_t i = 0; i < n; i++)
		x[i] = (float) (sphx_random_normal(random) + .3);
}

static void
fill_bytes(SphxRandom *random, void *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		((uint8_t *) bytes)[i] = (uint8_t) sphx_random_below(random, 256);
}

/* |value - reference| within the documented bound on `terms`, the sum of absolute terms */
static bool
within(double value, double reference, double terms, size_t n)
{
	return fabs(value - reference) <= SPHX_KERNEL_ERROR(n) * terms + 1e-37;
}

static bool
check_distances(const SphxKernels *k, const float *a, const float *b, size_t n)
{
	double		dot = 0;
	double		magnitude = 0;
	double		l2 = 0;
	double		l1 = 0;
	double		aa = 0;
	double		bb = 0;
	float		got[3];

	for (size_t i = 0; i < n; i++)
	{
		double		u = a[i];
		double		v = b[i];

		dot += u * v;
		magnitude += fabs(u * v);
		l2 += (u - v) * (u - v);
		l1 += fabs(u - v);
		aa += u * u;
		bb += v * v;
	}
	k->dot3_f32(a, b, n, &got[0], &got[1], &got[2]);
	return within(k->dot_f32(a, b, n), dot, magnitude, n) &&
		within(k->l2sq_f32(a, b, n), l2, l2, n) &&
		within(k->l1_f32(a, b, n), l1, l1, n) &&
		within(got[0], dot, magnitude, n) &&
		within(got[1], aa, aa, n) &&
		within(got[2], bb, bb, n);
}

typedef struct Stored
{
	const int16_t *i16;			/* one of the two is NULL */
	const int8_t *i8;
	float		scale;
} Stored;

static double
stored_value(const Stored *v, size_t i)
{
	return (double) v->scale * (v->i16 ? v->i16[i] : v->i8[i]);
}

static bool
check_stored(const SphxKernels *k, const float *q, const Stored *v, float *x, size_t n)
{
	double		dot = 0;
	double		dot_terms = 0;
	double		square = 0;
	double		square_terms = 0;
	double		largest = 0;
	float		got;
	float		amax = -1;
	bool		good = true;

	got = v->i16 ? k->residual_i16(q, v->i16, v->scale, x, n, &amax) :
		k->residual_i8(q, v->i8, v->scale, x, n, &amax);
	for (size_t i = 0; i < n; i++)
	{
		double		w = stored_value(v, i);
		double		terms = fabs((double) q[i]) + fabs(w);

		good &= fabs(x[i] - (q[i] - w)) <= 2 * FLT_EPSILON * terms;
		dot += q[i] * w;
		dot_terms += fabs(q[i] * w);
		square += (q[i] - w) * (q[i] - w);
		square_terms += terms * terms;
		largest = fmax(largest, fabs((double) x[i]));
	}
	good &= within(got, square, square_terms, n) && amax == (float) largest;
	got = v->i16 ? k->dot_i16(q, v->i16, v->scale, n) : k->dot_i8(q, v->i8, v->scale, n);
	good &= within(got, dot, dot_terms, n);
	if (v->i16)
		k->decode_i16(v->i16, v->scale, x, n);
	else
		k->decode_i8(v->i8, v->scale, x, n);
	for (size_t i = 0; i < n; i++)
		good &= fabs(x[i] - stored_value(v, i)) <= FLT_EPSILON * fabs(stored_value(v, i));
	return good;
}

/* one length with every alignment; the last byte of the arrays is `gap` floats before the fence */
static bool
check_length(Bench *bench, const SphxKernels *k, size_t n)
{
	bool		good = true;

	for (size_t gap = 0; gap < 4; gap++)
	{
		size_t		bytes = n * sizeof(float);
		float	   *a = fenced_at(bench->a, bytes, gap * sizeof(float));
		float	   *b = fenced_at(bench->b, bytes, 0);
		float	   *x = fenced_at(bench->x, bytes, (3 - gap) * sizeof(float));
		Stored		v = {NULL, NULL, .37e-3f};

		fill_floats(&bench->random, a, n);
		fill_floats(&bench->random, b, n);
		good &= check_distances(k, a, b, n);
		good &= check_distances(k, b, a, n);

		v.i16 = fenced_at(bench->stored, n * sizeof(int16_t), gap * sizeof(int16_t));
		fill_bytes(&bench->random, fenced_at(bench->stored, n * 2, gap * 2), n * 2);
		good &= check_stored(k, a, &v, x, n);

		v.i16 = NULL;
		v.i8 = fenced_at(bench->stored, n, gap);
		v.scale = .011f;
		good &= check_stored(k, a, &v, x, n);
	}
	return good;
}

static void
test_floats(Bench *bench, const SphxKernels *k)
{
	static const size_t longer[] = {100, 128, 1000, 1536, MAX_N};
	bool		good = true;

	for (size_t n = 0; n <= 67; n++)
		if (!check_length(bench, k, n))
			good = ok(false, "%s: float kernels, length %zu", k->name, n);
	if (good)
		ok(true, "%s: float kernels within the bound, lengths 0..67, unaligned, fenced", k->name);
	for (size_t i = 0; i < sizeof(longer) / sizeof(longer[0]); i++)
		ok(check_length(bench, k, longer[i]), "%s: float kernels, length %zu", k->name, longer[i]);
}

/* sums of four rows have the bits of the oracle */
static void
test_axpy4(Bench *bench, const SphxKernels *k)
{
	const SphxKernels *oracle = sphx_kernels_scalar();
	bool		good = true;

	for (size_t n = 0; n <= 67; n++)
	{
		float		expected[67];
		float		rows[3 * 70 + 67];
		float		factors[4];
		float	   *x = fenced_at(bench->a, n * sizeof(float), 0);

		fill_floats(&bench->random, x, n);
		fill_floats(&bench->random, rows, 3 * 70 + n);
		fill_floats(&bench->random, factors, 4);
		memcpy(expected, x, n * sizeof(float));
		k->axpy4_f32(x, rows, 70, factors, n);
		oracle->axpy4_f32(expected, rows, 70, factors, n);
		good &= memcmp(x, expected, n * sizeof(float)) == 0;
	}
	ok(good, "%s: axpy4 equal to the oracle, lengths 0..67", k->name);
}

/* the steps of the rotation have the bits of the oracle */
static void
test_rotation_steps(Bench *bench, const SphxKernels *k)
{
	const SphxKernels *oracle = sphx_kernels_scalar();
	bool		good = true;

	for (size_t n = 0; n <= 67; n++)
	{
		float		f[67];
		float		expected[67];
		float	   *a = fenced_at(bench->a, n * sizeof(float), 0);
		float	   *b = fenced_at(bench->b, n * sizeof(float), 0);
		float		e[67];

		fill_floats(&bench->random, a, n);
		fill_floats(&bench->random, b, n);
		fill_floats(&bench->random, f, n);
		memcpy(expected, a, n * sizeof(float));
		memcpy(e, b, n * sizeof(float));
		k->mul_f32(a, f, n);
		oracle->mul_f32(expected, f, n);
		k->butterfly_f32(a, b, n);
		oracle->butterfly_f32(expected, e, n);
		good &= memcmp(a, expected, n * sizeof(float)) == 0 && memcmp(b, e, n * sizeof(float)) == 0;
	}
	ok(good, "%s: mul and butterfly equal to the oracle, lengths 0..67", k->name);

	good = true;
	for (size_t n = 1; n <= MAX_N; n *= 2)
	{
		float	   *a = fenced_at(bench->a, n * sizeof(float), 0);
		float	   *b = fenced_at(bench->b, n * sizeof(float), 0);

		fill_floats(&bench->random, a, n);
		memcpy(b, a, n * sizeof(float));
		k->hadamard_f32(a, n);
		oracle->hadamard_f32(b, n);
		good &= memcmp(a, b, n * sizeof(float)) == 0;
	}
	ok(good, "%s: hadamard equal to the oracle, lengths 1..%d", k->name, MAX_N);
}

/* the codebooks, spelled out again from kernels.h */
static int
piece_dim(SphxCodebook book)
{
	static const int dims[] = {8, 4, 2, 1};

	return dims[book];
}

static double
true_product(SphxCodebook book, const float *x, int nibble)
{
	static const double level[4] = {-10, -3, 3, 10};
	double		sum = 0;

	if (book == SPHX_CODE_ORTHOPLEX)
		return nibble < 8 ? x[nibble] : -(double) x[nibble - 8];
	if (book == SPHX_CODE_LEVELS)
		return (double) x[0] * (2 * nibble - 15) * (double) SPHX_LEVELS_UNIT;
	if (book == SPHX_CODE_LLOYD)
		return (x[0] * level[nibble & 3] + x[1] * level[nibble >> 2]) * (double) SPHX_LLOYD_UNIT;
	for (int i = 0; i < 4; i++)
		sum += (nibble >> i & 1) ? -(double) x[i] : x[i];
	return sum;
}

static float
largest_magnitude(const float *x, size_t n)
{
	float		largest = 0;

	for (size_t i = 0; i < n; i++)
		largest = fmaxf(largest, fabsf(x[i]));
	return largest;
}

static float
make_table(const SphxKernels *k, SphxCodebook book, const float *x, size_t D, uint8_t *table)
{
	float		amax = largest_magnitude(x, D);

	if (book == SPHX_CODE_ORTHOPLEX)
		return k->table_orthoplex(x, D, amax, table);
	if (book == SPHX_CODE_SIGNS)
		return k->table_signs(x, D, amax, table);
	if (book == SPHX_CODE_LEVELS)
		return k->table_levels(x, D, amax, table);
	return k->table_lloyd(x, D, amax, table);
}

/* largest |entry - 128 - <x,codeword>/unit| */
static double
table_error(SphxCodebook book, const float *x, size_t D, const uint8_t *table, float unit)
{
	int			dim = piece_dim(book);
	double		error = 0;

	for (size_t l = 0; l < D / (size_t) dim; l++)
		for (int nibble = 0; nibble < 16; nibble++)
		{
			int			entry = table[16 * l + (size_t) nibble] - 128;

			error = fmax(error, fabs(entry - true_product(book, x + l * (size_t) dim, nibble) / unit));
		}
	return error;
}

static const char *const book_name[] = {"orthoplex", "signs", "lloyd", "levels"};

/* the unit of a table as a multiple of amax: what the scale of kernels_scalar.c amounts to */
static const float unit_of_amax[] = {
	1 / 127.0f, 1 / 31.5f, 10 * SPHX_LLOYD_UNIT / 63, 15 * SPHX_LEVELS_UNIT / 127
};

static void
test_tables(Bench *bench, const SphxKernels *k, SphxCodebook book)
{
	static uint8_t table[16 * 300 + 1];
	static uint8_t expected[16 * 300];
	bool		equal = true;
	bool		fine = true;
	double		worst = 0;

	for (size_t pieces = 1; pieces <= 300; pieces++)
	{
		size_t		D = pieces * (size_t) piece_dim(book);
		float	   *x = fenced_at(bench->a, D * sizeof(float), 4 * (pieces % 3));
		float		unit;

		fill_floats(&bench->random, x, D);
		if (pieces % 7 == 0)
			for (size_t i = 0; i < D; i++)
				x[i] *= 1e-18f;
		table[16 * pieces] = 77;
		unit = make_table(k, book, x, D, table);
		equal &= unit == make_table(sphx_kernels_scalar(), book, x, D, expected);
		equal &= memcmp(table, expected, 16 * pieces) == 0 && table[16 * pieces] == 77;
		fine &= unit <= 1.0001f * unit_of_amax[book] * largest_magnitude(x, D);
		worst = fmax(worst, table_error(book, x, D, table, unit));
	}
	ok(equal, "%s: %s tables equal to the oracle's", k->name, book_name[book]);
	ok(worst <= (book == SPHX_CODE_ORTHOPLEX || book == SPHX_CODE_LEVELS ? .501 : 1.001),
	   "%s: %s tables off by %.3f units at most", k->name, book_name[book], worst);
	ok(fine, "%s: %s tables use the range", k->name, book_name[book]);
}

/* zero, denormal, huge and infinite input: entries of 128, unit 0 */
static void
test_table_extremes(const SphxKernels *k, SphxCodebook book)
{
	static const float value[] = {0.0f, 1e-42f, 3e38f, INFINITY};
	float		x[64];
	uint8_t		table[64 * 16];
	uint8_t		expected[64 * 16];
	bool		good = true;

	for (size_t v = 0; v < sizeof(value) / sizeof(value[0]); v++)
	{
		float		unit;

		for (size_t i = 0; i < 64; i++)
			x[i] = i % 3 ? value[v] : -value[v];
		memset(table, 0, sizeof(table));
		memset(expected, 0, sizeof(expected));
		unit = make_table(k, book, x, 64, table);
		good &= unit == make_table(sphx_kernels_scalar(), book, x, 64, expected);
		good &= memcmp(table, expected, sizeof(table)) == 0;
		good &= unit == 0 && table[0] == 128 && table[64 * 16 / piece_dim(book) - 1] == 128;
	}
	ok(good, "%s: %s tables of zero, denormal, huge and infinite input", k->name, book_name[book]);
}

/* sums straight from their definition in kernels.h */
/* the nibble of piece l of neighbour j, in the order of code_sums or of grouped_sums */
static uint8_t
nibble_of(const uint8_t *codes, size_t pieces, size_t width, bool grouped, size_t l, size_t j)
{
	size_t		group = l / 8;
	size_t		rest = pieces - 8 * group < 8 ? pieces - 8 * group : 8;
	size_t		bytes = (rest + 1) / 2;
	size_t		place = l % 8;
	uint8_t		byte;

	if (!grouped)
	{
		byte = codes[l * width / 2 + j % (width / 2)];
		return j < width / 2 ? byte & 15 : byte >> 4;
	}
	byte = codes[4 * group * width + bytes * j + place % bytes];
	return place < bytes ? byte & 15 : byte >> 4;
}

static bool
sums_right(const uint8_t *codes, size_t pieces, int width, bool grouped, const uint8_t *table,
		   const int32_t *sums)
{
	for (size_t j = 0; j < (size_t) width; j++)
	{
		int32_t		sum = 0;

		for (size_t l = 0; l < pieces; l++)
			sum += table[16 * l + nibble_of(codes, pieces, (size_t) width, grouped, l, j)] - 128;
		if (sum != sums[j])
			return false;
	}
	return true;
}

static bool
check_order_sums(Bench *bench, const SphxKernels *k, size_t pieces, int width, bool grouped,
				 bool extreme)
{
	const SphxKernels *oracle = sphx_kernels_scalar();
	size_t		bytes = grouped ? (pieces + 1) / 2 * (size_t) width : pieces * (size_t) width / 2;
	uint8_t    *codes = fenced_at(bench->a, bytes, SPHX_CODE_OVERREAD);
	uint8_t    *table = fenced_at(bench->b, pieces * 16, 0);
	int32_t		sums[33];
	int32_t		expected[33];

	fill_bytes(&bench->random, codes, bytes + SPHX_CODE_OVERREAD);
	fill_bytes(&bench->random, table, pieces * 16);
	if (extreme)
		memset(table, 255, pieces * 16);
	sums[32] = 42;
	(grouped ? k->grouped_sums : k->code_sums) (codes, pieces, width, table, sums);
	(grouped ? oracle->grouped_sums : oracle->code_sums) (codes, pieces, width, table, expected);
	return sums[32] == 42 && sums_right(codes, pieces, width, grouped, table, sums) &&
		memcmp(sums, expected, (size_t) width * sizeof(int32_t)) == 0;
}

static bool
check_sums(Bench *bench, const SphxKernels *k, size_t pieces, int width, bool extreme)
{
	return check_order_sums(bench, k, pieces, width, false, extreme) &&
		check_order_sums(bench, k, pieces, width, true, extreme);
}

static void
test_sums(Bench *bench, const SphxKernels *k)
{
	static const size_t longer[] = {511, 512, 513, 514, 515, 1024, 1025, MAX_PIECES};
	bool		good = true;

	for (int width = 2; width <= 32; width += 2)
		for (size_t pieces = 0; pieces <= 300; pieces++)
			if (!check_sums(bench, k, pieces, width, false) ||
				!check_sums(bench, k, pieces, width, true))
				good = ok(false, "%s: code sums, %zu pieces, width %d", k->name, pieces, width);
	for (int width = 2; width <= 32; width += 2)
		for (size_t i = 0; i < sizeof(longer) / sizeof(longer[0]); i++)
			if (!check_sums(bench, k, longer[i], width, false) ||
				!check_sums(bench, k, longer[i], width, true))
				good = ok(false, "%s: code sums, %zu pieces, width %d", k->name, longer[i], width);
	if (good)
		ok(true, "%s: code sums equal to naive sums and the oracle", k->name);
}

static void
test_estimates(Bench *bench, const SphxKernels *k)
{
	bool		equal = true;
	bool		close = true;

	for (int n = 0; n <= SPHX_CODE_BLOCK; n++)
		for (int round = 0; round < 50; round++)
		{
			uint8_t    *length = fenced_at(bench->a, (size_t) n, 0);
			uint8_t    *gain = fenced_at(bench->b, (size_t) n, 0);
			int32_t		sums[32];
			float		est[33];
			float		expected[33];
			float		r2 = (float) sphx_random_uniform(&bench->random) * 3;
			float		unit2 = (float) sphx_random_uniform(&bench->random) * .01f;
			uint32_t	base = (uint32_t) (90 + sphx_random_below(&bench->random, 30)) << 23;

			fill_bytes(&bench->random, length, (size_t) n);
			fill_bytes(&bench->random, gain, (size_t) n);
			for (int j = 0; j < 32; j++)
				sums[j] = (int32_t) sphx_random_below(&bench->random, 20001) - 10000;
			est[32] = 42;
			k->estimate(sums, length, gain, base, r2, unit2, n, est);
			sphx_kernels_scalar()->estimate(sums, length, gain, base, r2, unit2, n, expected);
			equal &= est[32] == 42 && memcmp(est, expected, (size_t) n * sizeof(float)) == 0;
			for (int j = 0; j < n; j++)
			{
				double		e = sphx_length_decode(base, length[j]);
				double		t = e * sphx_gain_decode(gain[j]) * unit2 * sums[j];

				close &= fabs(est[j] - (r2 + e * e - t)) <= 4e-7 * (r2 + e * e + fabs(t));
			}
		}
	ok(equal, "%s: estimates equal to the oracle's, n = 0..32", k->name);
	ok(close, "%s: estimates close to the formula", k->name);
}

/* every half has the float that its definition says, NaN apart */
static void
test_halves(Bench *bench, const SphxKernels *k)
{
	bool		good = true;

	for (size_t first = 0; first < 65536; first += 29)
	{
		size_t		n = 29 + first % 39;
		uint16_t   *half = fenced_at(bench->stored, n * sizeof(uint16_t), 0);
		float	   *x = fenced_at(bench->x, n * sizeof(float), 0);

		for (size_t i = 0; i < n; i++)
			half[i] = (uint16_t) (first + i);
		k->half_to_f32(half, x, n);
		for (size_t i = 0; i < n; i++)
		{
			int			exponent = half[i] >> 10 & 31;
			double		mantissa = (half[i] & 1023) / 1024.0;
			double		value = exponent == 31 ? (mantissa > 0 ? NAN : INFINITY) :
			exponent == 0 ? ldexp(mantissa, -14) : ldexp(1.0 + mantissa, exponent - 15);

			good &= isnan(value) ? isnan(x[i]) :
				x[i] == (half[i] & 0x8000 ? -value : value) &&
				!signbit(x[i]) == !(half[i] & 0x8000);
		}
	}
	ok(good, "%s: all half precision numbers, lengths 29..67", k->name);
}

/*
 * Halves, and the middles between them with the floats about these, rounded:
 * to the nearest, where the even one of two is that with an even last bit.
 */
static void
test_narrowing(Bench *bench, const SphxKernels *k)
{
	bool		good = true;

	for (uint32_t h = 0; h < 0x7c00; h++)
	{
		uint16_t	pair[2] = {(uint16_t) h, (uint16_t) (h + 1)};
		float		value[2];
		size_t		n = 8 + h % 39;
		float	   *x = fenced_at(bench->x, n * sizeof(float), 0);
		uint16_t   *half = fenced_at(bench->stored, n * sizeof(uint16_t), 0);
		float		middle;

		sphx_kernels_scalar()->half_to_f32(pair, value, 2);
		middle = h == 0x7bff ? 65520.0f : value[0] + (value[1] - value[0]) / 2;
		for (size_t i = 0; i < n; i++)
			x[i] = (i & 1 ? -1.0f : 1.0f) * (i % 8 < 2 ? value[0] :
											 i % 8 < 4 ? nextafterf(middle, 0.0f) :
											 i % 8 < 6 ? middle : nextafterf(middle, INFINITY));
		k->f32_to_half(x, half, n);
		for (size_t i = 0; i < n; i++)
			good &= half[i] == ((i & 1 ? 0x8000 : 0) |
								(h + (i % 8 < 4 ? 0 : i % 8 < 6 ? h & 1 : 1)));
	}
	ok(good, "%s: to half precision, to the nearest and ties to even", k->name);
}

static void
test_narrowing_ends(const SphxKernels *k)
{
	const float x[6] = {INFINITY, -INFINITY, 1e30f, -1e-30f, NAN, 1e-45f};
	uint16_t	half[6];

	k->f32_to_half(x, half, 6);
	ok(half[0] == 0x7c00 && half[1] == 0xfc00 && half[2] == 0x7c00 && half[3] == 0x8000 &&
	   (half[4] & 0x7fff) > 0x7c00 && half[5] == 0, "%s: to half precision, the ends", k->name);
}

static const char *const level_name[] = {
	[SPHX_SIMD_SCALAR] = "scalar",
	[SPHX_SIMD_AVX2] = "avx2",
	[SPHX_SIMD_AVX512] = "avx512",
	[SPHX_SIMD_NEON] = "neon",
};

/* decoding of 6, 4 and 2 bits by its definition, and the largest magnitude: equal bits */
static void
test_narrow(Bench *bench, const SphxKernels *k)
{
	bool		equal = true;
	bool		largest = true;

	for (size_t n = 4; n <= 300; n += 4)
	{
		uint8_t    *v = fenced_at(bench->stored, n * 6 / 8, 0);
		float	   *x = fenced_at(bench->x, n * sizeof(float), 0);
		const float scale = 0.37f;

		fill_bytes(&bench->random, v, n * 6 / 8);
		k->decode_i6(v, scale, x, n);
		for (size_t i = 0; i < n; i++)
		{
			int			low = i < n / 2 ? v[i] & 15 : v[i - n / 2] >> 4;
			int			high = v[n / 2 + i % (n / 4)] >> (2 * (i / (n / 4))) & 3;

			equal = equal && x[i] == scale * (float) (low + 16 * high - 32);
		}
		largest = largest && k->amax_f32(x, n) == largest_magnitude(x, n);
		v = fenced_at(bench->stored, n / 2, 0);
		k->decode_i4(v, scale, x, n);
		for (size_t i = 0; i < n; i++)
			equal = equal && x[i] == scale * (float) ((i < n / 2 ? v[i] & 15 : v[i - n / 2] >> 4) - 8);
		v = fenced_at(bench->stored, n / 4, 0);
		k->decode_i2(v, scale, x, n);
		for (size_t i = 0; i < n; i++)
			equal = equal &&
				x[i] == scale * ((float) (v[i % (n / 4)] >> (2 * (i / (n / 4))) & 3) - 1.5f);
	}
	ok(equal, "%s: 6, 4 and 2 bits decoded, lengths 4..300", k->name);
	ok(largest && k->amax_f32(NULL, 0) == 0.0f, "%s: largest magnitudes", k->name);
}

/* errors of steps: about right, and with the oracle's bits; differences from q */
static void
test_steps(Bench *bench, const SphxKernels *k)
{
	static const float limits[] = {32767.0f, 31.0f, 7.0f, 1.5f};
	const SphxKernels *oracle = sphx_kernels_scalar();
	bool		equal = true;
	bool		right = true;

	for (size_t n = 0; n <= 300; n++)
	{
		float		limit = limits[n % 4];
		float		offset = limit == 1.5f ? .5f : 0.0f;
		float	   *q = fenced_at(bench->x, n * sizeof(float), 0);
		float	   *x = fenced_at(bench->stored, n * sizeof(float), 0);
		float		expected[300];
		double		square = 0;
		float		error;

		for (size_t i = 0; i < n; i++)
		{
			double		y;

			q[i] = (float) sphx_random_normal(&bench->random);
			x[i] = (float) sphx_random_normal(&bench->random) * limit;
			expected[i] = q[i] - x[i];
			y = (double) x[i] / (double) .7f;
			square += pow(y - fmax(-limit, fmin(limit, rint(y - offset) + offset)), 2);
		}
		error = k->step_error(x, n, .7f, limit, offset);
		right = right && fabs(error - square) <= 1e-3 * square;
		equal = equal && error == oracle->step_error(x, n, .7f, limit, offset);
		k->subtract_f32(q, x, n);
		equal = equal && memcmp(x, expected, n * sizeof(float)) == 0;
	}
	ok(equal, "%s: errors of steps equal to the oracle's, differences exact", k->name);
	ok(right, "%s: errors of steps by definition", k->name);
}

static void
test_level(Bench *bench, SphxSimd level)
{
	const SphxKernels *k;

	if (!ok(sphx_kernels_choose(level) && sphx_kernels->level == level &&
			strcmp(sphx_kernels->name, level_name[level]) == 0, "%s chosen", level_name[level]))
		return;
	k = sphx_kernels;
	test_floats(bench, k);
	test_axpy4(bench, k);
	test_rotation_steps(bench, k);
	test_halves(bench, k);
	test_narrow(bench, k);
	test_steps(bench, k);
	test_narrowing(bench, k);
	test_narrowing_ends(k);
	for (int book = SPHX_CODE_ORTHOPLEX; book <= SPHX_CODE_LEVELS; book++)
	{
		test_tables(bench, k, (SphxCodebook) book);
		test_table_extremes(k, (SphxCodebook) book);
	}
	test_sums(bench, k);
	test_estimates(bench, k);
}

int
main(void)
{
	static Bench bench;

	sphx_random_seed(&bench.random, 1);
	bench.a = fenced_create(MAX_D * sizeof(float));
	bench.b = fenced_create(MAX_D * sizeof(float));
	bench.stored = fenced_create(MAX_D * sizeof(float));
	bench.x = fenced_create(MAX_D * sizeof(float));

	ok(sphx_kernels == sphx_kernels_scalar(), "scalar before the choice");
	for (int level = SPHX_SIMD_SCALAR; level < SPHX_SIMD_AUTO; level++)
		if (sphx_kernels_available((SphxSimd) level))
			test_level(&bench, (SphxSimd) level);
		else
			ok(!sphx_kernels_choose((SphxSimd) level), "%s refused # SKIP not on this machine",
			   level_name[level]);
	ok(sphx_kernels_choose(SPHX_SIMD_AUTO), "automatic choice: %s", sphx_kernels->name);
	return tap_done();
}
