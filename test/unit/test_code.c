/*-------------------------------------------------------------------------
 *
 * test_code.c
 *	  Unit tests of edge codes: their parts, their place in a record, and the
 *	  distances estimated from them.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "math/base/random.h"
#include "math/graph/record.h"
#include "math/kernels/kernels.h"
#include "helpers.h"
#include "tap.h"

#define MAX_D	512

static const char *const book_names[] = {"orthoplex", "signs", "lloyd"};

static void
random_vector(SphxRandom *random, int D, double length, float *x)
{
	double		sum = 0;

	for (int i = 0; i < D; i++)
	{
		x[i] = (float) sphx_random_normal(random);
		sum += (double) x[i] * x[i];
	}
	for (int i = 0; i < D; i++)
		x[i] = (float) (x[i] * length / sqrt(sum));
}

/*
 * Steps are 1/32 of a power of two, so that a length is off by 1/64 of itself
 * at most; the longest is never shortened below what it is less half a step.
 */
static void
test_lengths(SphxRandom *random)
{
	double		worst = 0;
	bool		top = true;
	bool		low = true;

	for (int i = 0; i < 2000; i++)
	{
		float		longest = (float) pow(10, 40 * sphx_random_uniform(random) - 20);
		float		length = longest * (float) pow(2, -7.9 * sphx_random_uniform(random));
		uint32_t	base = sphx_length_base(longest);
		float		decoded = sphx_length_decode(base, sphx_length_encode(base, length));
		float		highest = sphx_length_decode(base, 255);

		worst = fmax(worst, fabs((double) decoded - length) / length);
		top = top && highest >= longest && highest <= longest * (1 + 1.01f / 32);
		low = low && sphx_length_encode(base, longest / 300) == 0 &&
			sphx_length_encode(base, longest * 2) == 255;
	}
	ok(worst <= 1.001 / 64, "lengths are off by %.4f of themselves at most", worst);
	ok(top, "the highest code is the lowest that covers the longest");
	ok(low, "what is shorter or longer gets the first or last code");
	ok(sphx_length_base(0.0f) == 0 && sphx_length_encode(0, 0.0f) == 0 &&
	   sphx_length_decode(0, 0) == 0.0f, "zero is zero");
}

static void
test_gains(void)
{
	double		worst = 0;

	for (int i = 0; i <= 1000; i++)
	{
		float		gain = 0.75f + 1.99f * (float) i / 1000;

		worst = fmax(worst, fabs((double) sphx_gain_decode(sphx_gain_encode(gain)) - gain));
	}
	ok(worst <= 1.001 / 256, "gains are off by %.5f at most", worst);
	ok(sphx_gain_encode(0.0f) == 0 && sphx_gain_encode(1e30f) == 255, "gains are cut off");
}

/* is there no codeword nearer in direction for piece l than the one chosen? */
static bool
piece_is_best(SphxCodebook book, const float *e, float norm, int D, int l, const uint8_t *nibbles)
{
	int			dim = sphx_code_piece_dim(book);
	float		unit = book == SPHX_CODE_LLOYD ? norm / sqrtf((float) D) : 1.0f;
	double		scores[16];

	for (int word = 0; word < 16; word++)
	{
		uint8_t		nibble = (uint8_t) word;
		float		u[8];

		sphx_code_decode(book, &nibble, dim, u);
		scores[word] = 0;
		/* a Lloyd scalar is the nearest level, other words have equal norms */
		for (int i = 0; i < dim; i++)
			scores[word] += book == SPHX_CODE_LLOYD ?
				-pow(e[l * dim + i] / unit - u[i], 2) : (double) e[l * dim + i] * u[i];
	}
	for (int word = 0; word < 16; word++)
		if (scores[word] > scores[nibbles[l]] + 2e-3)
			return false;
	return true;
}

static void
test_encode(SphxCodebook book, int D, double expected, SphxRandom *random)
{
	float		e[MAX_D];
	float		u[MAX_D];
	uint8_t		nibbles[MAX_D];
	double		sum = 0;
	bool		best = true;
	double		worst = 0;

	for (int i = 0; i < 2000; i++)
	{
		double		length = pow(10, 20 * sphx_random_uniform(random) - 10);
		float		a;

		random_vector(random, D, i % 2 ? 1.0 : length, e);
		a = sphx_code_encode(book, e, D, (float) sqrt(dot_floats(e, e, D)), nibbles);
		sphx_code_decode(book, nibbles, D, u);
		worst = fmax(worst, fabs(dot_floats(e, u, D) / (sqrt(dot_floats(e, e, D)) * sphx_code_norm(book, D)) - a));
		for (int l = 0; i % 2 && l < sphx_code_pieces(book, D); l += 5)
			best = best && piece_is_best(book, e, 1.0f, D, l, nibbles);
		sum += a;
	}
	ok(fabs(sum / 2000 - expected) < .005, "%s: mean A is %.4f", book_names[book], sum / 2000);
	ok(worst < 1e-5, "%s: A is the cosine of the decoded code to %.1e", book_names[book], worst);
	ok(best, "%s: every piece has its nearest codeword", book_names[book]);

	memset(e, 0, sizeof(e));
	memset(nibbles, 7, sizeof(nibbles));
	ok(sphx_code_encode(book, e, D, 0.0f, nibbles) == 0.0f && nibbles[0] == 0 &&
	   nibbles[sphx_code_pieces(book, D) - 1] == 0, "%s: a zero vector", book_names[book]);
}

/* put, get and move of the nibbles of m neighbours touch nobody else's */
static bool
places_are_right(int m, SphxRandom *random)
{
	enum
	{
		PIECES = 7
	};
	uint8_t		codes[PIECES * SPHX_MAX_M / 2 + 1];
	uint8_t		expected[SPHX_MAX_M][PIECES];
	uint8_t		got[PIECES];
	size_t		bytes = sphx_code_bytes(PIECES, m);
	bool		right = bytes == (size_t) PIECES * (size_t) m / 2;

	memset(codes, 0xa5, sizeof(codes));
	for (int step = 0; step < 6 * m; step++)
	{
		int			j = step < m ? step : (int) sphx_random_below(random, (uint64_t) m);
		int			from = (int) sphx_random_below(random, (uint64_t) m);

		if (step >= m && step % 2)
		{
			sphx_code_move(codes, PIECES, m, from, j);
			memcpy(expected[j], expected[from], PIECES);
			continue;
		}
		for (int l = 0; l < PIECES; l++)
			expected[j][l] = (uint8_t) sphx_random_below(random, 16);
		sphx_code_put(codes, PIECES, m, j, expected[j]);
	}
	for (int j = 0; j < m; j++)
	{
		sphx_code_get(codes, PIECES, m, j, got);
		right = right && memcmp(got, expected[j], PIECES) == 0;
	}
	return right && codes[bytes] == 0xa5;
}

static void
test_places(SphxRandom *random)
{
	bool		right = true;

	for (int m = SPHX_MIN_M; m <= SPHX_MAX_M; m += 2)
		right = right && places_are_right(m, random);
	ok(right, "codes of every even number of neighbours keep their places");
}

/* sums over estimates of |x - e|^2, each in units of |x| |e| */
typedef struct ErrorSums
{
	int			n;
	double		error;
	double		square;
	double		predicted;		/* square of the design's formula */
} ErrorSums;

/* one record: m edges of all lengths against one x */
static void
add_errors(const SphxLayout *layout, SphxRecord *r, SphxRandom *random, ErrorSums *sums)
{
	int			D = layout->D;
	int			m = layout->m;
	float	   *e = malloc((size_t) m * (size_t) D * sizeof(float));
	uint32_t	ids[SPHX_MAX_M];
	uint8_t		nibbles[MAX_D];
	uint8_t		table[16 * MAX_D];
	float		estimates[SPHX_MAX_M + SPHX_CODE_BLOCK];
	float		x[MAX_D];
	SphxEdges	edges = {.D = D,.n = m,.ids = ids,.differences = e,.nibbles = nibbles};

	random_vector(random, D, 1.0, x);
	sphx_record_init(layout, r, x);
	for (int j = 0; j < m; j++)
	{
		ids[j] = (uint32_t) j;
		random_vector(random, D, .5 + sphx_random_uniform(random), e + j * D);
	}
	sphx_record_set_edges(layout, r, &edges);
	random_vector(random, D, .5 + sphx_random_uniform(random), x);
	sphx_record_estimate(layout, r, x, (float) dot_floats(x, x, D), table, estimates);
	for (int j = 0; j < m; j++)
	{
		const float *edge = e + j * D;
		double		product = sqrt(dot_floats(x, x, D) * dot_floats(edge, edge, D));
		double		exact = dot_floats(x, x, D) + dot_floats(edge, edge, D) - 2 * dot_floats(x, edge, D);
		double		error = (estimates[j] - exact) / product;
		double		a = sphx_code_encode(layout->book, edge, D,
										 (float) sqrt(dot_floats(edge, edge, D)), nibbles);

		sums->n++;
		sums->error += error;
		sums->square += error * error;
		sums->predicted += 4 * (1 / (a * a) - 1) / (D - 1);
	}
	free(e);
}

/* unbiased, and with the noise that the design predicts: 2 |x| |e| tan(psi) / sqrt(D - 1) */
static void
test_estimates(SphxCodebook book, int D, SphxRandom *random)
{
	SphxLayout	layout = {.dims = D,.m = 40,.book = book,.storage = SPHX_STORAGE_INT16,.payload_bytes = 12};
	ErrorSums	sums = {0};
	SphxRecord *r;
	double		mean;
	double		rms;
	double		predicted;

	sphx_layout_init(&layout);
	r = calloc(1, (size_t) layout.size);
	while (sums.n < 2000)
		add_errors(&layout, r, random, &sums);
	free(r);
	mean = sums.error / sums.n;
	rms = sqrt(sums.square / sums.n);
	predicted = sqrt(sums.predicted / sums.n);
	ok(fabs(mean) < 3 * rms / sqrt(sums.n), "%s, %s, D = %d: mean error %.5f of estimates, %.2f standard errors",
	   sphx_kernels->name, book_names[book], D, mean, mean / (rms / sqrt(sums.n)));
	ok(rms < 1.25 * predicted && rms > predicted / 1.25,
	   "%s, %s, D = %d: rms error %.4f, predicted %.4f", sphx_kernels->name, book_names[book], D,
	   rms, predicted);
}

/* vectors in records: off by no more than the stated bound, scaled to any size */
static void
test_vectors(SphxStorage storage, SphxRandom *random)
{
	SphxLayout	layout = {.dims = 99,.m = 8,.book = SPHX_CODE_SIGNS,.storage = storage,.payload_bytes = 6};
	SphxRecord *r;
	SphxRecord *same;
	float		x[100];
	float		y[100];
	double		worst = 0;

	sphx_layout_init(&layout);
	r = calloc(1, (size_t) layout.size);
	same = calloc(1, (size_t) layout.size);
	for (int i = 0; i < 400; i++)
	{
		double		square = 0;

		random_vector(random, 100, pow(10, 50 * sphx_random_uniform(random) - 30), x);
		sphx_record_init(&layout, r, x);
		sphx_record_vector(&layout, r, y);
		for (int j = 0; j < 100; j++)
			square += pow((double) x[j] - y[j], 2);
		worst = fmax(worst, sqrt(square) / sphx_record_error(&layout, r));
	}
	ok(layout.D == 100 && worst <= 1 && worst > .2, "%s: vectors are off by %.2f of the bound at most",
	   storage == SPHX_STORAGE_INT16 ? "int16" : "int8", worst);

	sphx_record_init(&layout, same, x);
	ok(sphx_record_same_vector(&layout, r, same), "the same vector is the same");
	x[99] = -x[99];
	sphx_record_init(&layout, same, x);
	ok(!sphx_record_same_vector(&layout, r, same), "another is not");
	memset(x, 0, sizeof(x));
	sphx_record_init(&layout, r, x);
	sphx_record_vector(&layout, r, y);
	ok(memcmp(x, y, sizeof(x)) == 0 && sphx_record_error(&layout, r) < 1e-30, "zero stays zero");
	free(r);
	free(same);
}

int
main(void)
{
	SphxRandom	random;

	sphx_random_seed(&random, 20240608);
	test_lengths(&random);
	test_gains();
	test_encode(SPHX_CODE_ORTHOPLEX, 512, .63, &random);
	test_encode(SPHX_CODE_SIGNS, 512, .80, &random);
	test_encode(SPHX_CODE_LLOYD, 128, .94, &random);
	test_places(&random);
	for (int level = SPHX_SIMD_SCALAR; level < SPHX_SIMD_AUTO; level++)
	{
		if (!sphx_kernels_choose((SphxSimd) level))
			continue;
		test_estimates(SPHX_CODE_ORTHOPLEX, 512, &random);
		test_estimates(SPHX_CODE_SIGNS, 512, &random);
		test_estimates(SPHX_CODE_LLOYD, 128, &random);
		test_estimates(SPHX_CODE_LLOYD, 24, &random);
		test_vectors(SPHX_STORAGE_INT16, &random);
		test_vectors(SPHX_STORAGE_INT8, &random);
	}
	return tap_done();
}
