/*-------------------------------------------------------------------------
 *
 * test_code.c
 *	  Unit tests of edge codes: their parts, their place in a record, and the
 *	  distances estimated from them.
 *
 *-------------------------------------------------------------------------
 */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "math/base/random.h"
#include "math/graph/allot.h"
#include "math/graph/record.h"
#include "math/kernels/kernels.h"
#include "helpers.h"
#include "tap.h"

#define MAX_D	512

static const char *const book_names[] = {"orthoplex", "signs", "lloyd", "levels"};

/* all D dimensions in one codebook */
static SphxCode
uniform_code(SphxCodebook book, int D)
{
	SphxCode	code = {.D = D,.count = 1};

	code.bands[0] = (SphxBand)
	{
		.dims = (uint16_t) D,.book = (uint8_t) book,.weight = 1.0f
	};
	return code;
}

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
	bool		scalar = book == SPHX_CODE_LLOYD || book == SPHX_CODE_LEVELS;
	float		unit = scalar ? norm / sqrtf((float) D) : 1.0f;
	SphxCode	piece = uniform_code(book, dim);
	double		scores[16];

	for (int word = 0; word < 16; word++)
	{
		uint8_t		nibble = (uint8_t) word;
		float		u[8];

		sphx_code_decode(&piece, &nibble, u);
		scores[word] = 0;
		/* a scalar is the nearest level, other words have equal norms */
		for (int i = 0; i < dim; i++)
			scores[word] += scalar ?
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
	SphxCode	code = uniform_code(book, D);
	int			pieces = sphx_code_pieces(&code);
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
		a = sphx_code_encode(&code, e, (float) sqrt(dot_floats(e, e, D)), nibbles);
		sphx_code_decode(&code, nibbles, u);
		worst = fmax(worst, fabs(dot_floats(e, u, D) / (sqrt(dot_floats(e, e, D)) * sphx_code_norm(&code)) - a));
		for (int l = 0; i % 2 && l < pieces; l += 5)
			best = best && piece_is_best(book, e, 1.0f, D, l, nibbles);
		sum += a;
	}
	ok(fabs(sum / 2000 - expected) < .005, "%s: mean A is %.4f", book_names[book], sum / 2000);
	ok(worst < 1e-5, "%s: A is the cosine of the decoded code to %.1e", book_names[book], worst);
	ok(best, "%s: every piece has its nearest codeword", book_names[book]);

	memset(e, 0, sizeof(e));
	memset(nibbles, 7, sizeof(nibbles));
	ok(sphx_code_encode(&code, e, 0.0f, nibbles) == 0.0f && nibbles[0] == 0 &&
	   nibbles[pieces - 1] == 0, "%s: a zero vector", book_names[book]);
}

/* put, get and move of the nibbles of m neighbours touch nobody else's */
static bool
places_are_right(int pieces, int m, bool by_piece, SphxRandom *random)
{
	enum
	{
		PIECES = 19
	};
	const SphxCodeArea area = {.pieces = pieces,.m = m,.by_piece = by_piece};
	uint8_t		codes[(PIECES + 1) * SPHX_MAX_M / 2 + 1];
	uint8_t		expected[SPHX_MAX_M][PIECES];
	uint8_t		got[PIECES];
	size_t		bytes = sphx_code_bytes(&area, m);
	size_t		nibbles = (size_t) (by_piece ? pieces : pieces + pieces % 2);
	bool		right = bytes == nibbles * (size_t) m / 2;

	memset(codes, 0xa5, sizeof(codes));
	for (int step = 0; step < 6 * m; step++)
	{
		int			j = step < m ? step : (int) sphx_random_below(random, (uint64_t) m);
		int			from = (int) sphx_random_below(random, (uint64_t) m);

		if (step >= m && step % 2)
		{
			sphx_code_move(&area, codes, from, j);
			memcpy(expected[j], expected[from], (size_t) pieces);
			continue;
		}
		for (int l = 0; l < pieces; l++)
			expected[j][l] = (uint8_t) sphx_random_below(random, 16);
		sphx_code_put(&area, codes, j, expected[j]);
	}
	for (int j = 0; j < m; j++)
	{
		sphx_code_get(&area, codes, j, got);
		right = right && memcmp(got, expected[j], (size_t) pieces) == 0;
	}
	return right && codes[bytes] == 0xa5;
}

static void
test_places(SphxRandom *random)
{
	bool		right = true;

	for (int m = SPHX_MIN_M; m <= SPHX_MAX_M; m += 2)
		for (int pieces = 1; pieces <= 19; pieces++)
			right = right && places_are_right(pieces, m, false, random) &&
				places_are_right(pieces, m, true, random);
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
		double		a = sphx_code_encode(&layout->code, edge,
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
	SphxLayout	layout = {.dims = D,.m = 40,.payload_bytes = 12};
	ErrorSums	sums = {0};
	SphxRecord *r;
	double		mean;
	double		rms;
	double		predicted;

	sphx_layout_uniform(&layout, book, SPHX_STORAGE_INT16);
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

static const char *const width_names[] = {"int16", "int8", "int6", "int4", "int2"};

/* vectors in records: off by no more than the stated bound, scaled to any size */
static void
test_vectors(SphxStorage storage, SphxRandom *random)
{
	SphxLayout	layout = {.dims = 99,.m = 8,.payload_bytes = 6};
	SphxRecord *r;
	SphxRecord *same;
	float		x[100];
	float		y[100];
	double		worst = 0;

	sphx_layout_uniform(&layout, SPHX_CODE_SIGNS, storage);
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
	   width_names[storage], worst);

	sphx_record_init(&layout, same, x);
	ok(sphx_record_same_vector(&layout, r, same), "the same vector is the same");
	/* all of them: a single one may be stored as 0 */
	for (int j = 0; j < 100; j++)
		x[j] = -x[j];
	sphx_record_init(&layout, same, x);
	ok(!sphx_record_same_vector(&layout, r, same), "another is not");
	memset(x, 0, sizeof(x));
	sphx_record_init(&layout, r, x);
	sphx_record_vector(&layout, r, y);
	ok(memcmp(x, y, sizeof(x)) == 0 && sphx_record_error(&layout, r) < 1e-30, "zero stays zero");
	free(r);
	free(same);
}

/* variances that fall by half every `half` dimensions, of sum 1 */
static void
falling_variances(int D, double half, float *variances)
{
	double		sum = 0;

	for (int i = 0; i < D; i++)
		sum += pow(2, -i / half);
	for (int i = 0; i < D; i++)
		variances[i] = (float) (pow(2, -i / half) / sum);
}

/* a normal vector of such variances, of any length */
static void
uneven_vector(SphxRandom *random, int D, const float *variances, float *x)
{
	for (int i = 0; i < D; i++)
		x[i] = (float) (sphx_random_normal(random) * sqrt(variances[i]));
}

/* more bits less noise; bands in order and within their nibbles; bits where the variance is */
static void
test_allotment(SphxRandom *random)
{
	static const int dims[] = {4, 12, 128, 1536, 16000};
	SphxEnv    *env = sphx_env_malloc();

	for (int i = 0; i < 5; i++)
	{
		int			D = dims[i];
		float	   *variances = malloc(sizeof(float) * (size_t) D);
		float	   *noise = malloc(sizeof(float) * ((size_t) D + 1));
		bool		falls = true;
		bool		sound = true;

		falling_variances(D, D / 6.0, variances);
		sphx_noise_curve(env, D, variances, D, noise);
		for (int p = 1; p <= D; p++)
			falls = falls && noise[p] <= noise[p - 1] * 1.0001f;
		for (int trial = 0; trial < 50; trial++)
		{
			int			least = sphx_least_nibbles(D);
			int			nibbles = least + (int) sphx_random_below(random, (uint64_t) (D - least + 1));
			SphxCode	code;
			int			coded = 0;

			sphx_allot_bands(env, D, variances, nibbles, &code);
			sound = sound && code.count >= 1 && code.count <= SPHX_MAX_BANDS &&
				sphx_code_pieces(&code) <= nibbles && sphx_code_pieces(&code) > 0;
			for (int b = 0; b < code.count; b++)
			{
				coded += code.bands[b].dims;
				sound = sound && code.bands[b].weight > 0.0f && code.bands[b].dims > 0 &&
					(b == 0 || code.bands[b].book <= code.bands[b - 1].book);
			}
			sound = sound && coded <= D;
		}
		ok(falls, "D = %d: more bits, less noise: %.4f with all", D, noise[D]);
		ok(sound, "D = %d: bands are within their nibbles, finer ones first", D);
		free(variances);
		free(noise);
	}
}

/* uneven codes: unbiased, with the noise that the curve predicts for edges and x spread alike */
static void
test_bands(SphxRandom *random)
{
	enum
	{
		D = 256, M = 32, ROUNDS = 200
	};
	SphxEnv    *env = sphx_env_malloc();
	SphxLayout	layout = {.dims = D,.D = D,.m = M,.payload_bytes = 12};
	float		variances[D];
	float		noise[D + 1];
	float	   *e = malloc(sizeof(float) * D * M);
	uint32_t	ids[M];
	uint8_t		nibbles[D];
	uint8_t		table[16 * D];
	float		estimates[M + SPHX_CODE_BLOCK];
	float		x[D];
	SphxEdges	edges = {.D = D,.n = M,.ids = ids,.differences = e,.nibbles = nibbles};
	SphxRecord *r;
	double		error = 0;
	double		square = 0;

	falling_variances(D, 30, variances);
	sphx_noise_curve(env, D, variances, 48, noise);
	sphx_allot_bands(env, D, variances, 48, &layout.code);
	sphx_layout_store(&layout, SPHX_STORAGE_INT8);
	sphx_layout_init(&layout);
	r = calloc(1, (size_t) layout.size);
	for (int round = 0; round < ROUNDS; round++)
	{
		double		length;

		uneven_vector(random, D, variances, x);
		sphx_record_init(&layout, r, x);
		for (int j = 0; j < M; j++)
		{
			ids[j] = (uint32_t) j;
			uneven_vector(random, D, variances, e + j * D);
		}
		sphx_record_set_edges(&layout, r, &edges);
		uneven_vector(random, D, variances, x);
		length = sqrt(dot_floats(x, x, D));
		sphx_record_estimate(&layout, r, x, (float) dot_floats(x, x, D), table, estimates);
		for (int j = 0; j < M; j++)
		{
			const float *edge = e + j * D;
			double		norm = sqrt(dot_floats(edge, edge, D));
			double		exact = dot_floats(x, x, D) + norm * norm - 2 * dot_floats(x, edge, D);
			double		off = (estimates[j] - exact) / (2 * length * norm);

			error += off / (ROUNDS * M);
			square += off * off / (ROUNDS * M);
		}
	}
	for (int i = 0; i < D; i++)
		x[i] = i % 2 ? INFINITY : 1e38f;
	ok(sphx_record_table(&layout, x, INFINITY, table) == 0.0f && table[0] == 128 && table[16] == 128,
	   "%s: no table for what is infinite", sphx_kernels->name);
	ok(layout.code.count > 2 && layout.code.bands[0].book == SPHX_CODE_LEVELS,
	   "%s: %d bands, from 4 bits a dimension on", sphx_kernels->name, layout.code.count);
	ok(fabs(error) < 4 * sqrt(square / ROUNDS), "%s: estimates by bands are off by %.5f on average",
	   sphx_kernels->name, error);
	ok(sqrt(square) < 1.35 * noise[48] && sqrt(square) > noise[48] / 1.35,
	   "%s: noise of estimates by bands %.4f, predicted %.4f", sphx_kernels->name, sqrt(square), noise[48]);
	free(r);
	free(e);
}

/* a coordinate of any size, or none, or as large as there is */
static float
any_float(SphxRandom *random)
{
	double		x = sphx_random_normal(random) * pow(10, 84 * sphx_random_uniform(random) - 46);

	if (sphx_random_below(random, 8) == 0)
		return 0.0f;
	return (float) fmax(-FLT_MAX, fmin(FLT_MAX, x));
}

/* vectors that are hard to store: alike, of any sizes, nearly empty, or with one huge coordinate */
static void
hard_vector(SphxRandom *random, int kind, int D, float *x)
{
	float		size = any_float(random);

	for (int i = 0; i < D; i++)
	{
		double		y = sphx_random_normal(random);

		if (kind == 0)
			x[i] = (float) (y * pow(.9, i));
		else if (kind == 1)
			x[i] = any_float(random);
		else if (kind == 2)
			x[i] = y < 1.5 ? 0.0f : size;
		else
			x[i] = y < 0 ? -size : size;
	}
	if (kind > 0 && sphx_random_below(random, 4) == 0)
		x[sphx_random_below(random, (uint64_t) D)] = any_float(random);
	if (kind > 0 && sphx_random_below(random, 4) == 0)
		x[sphx_random_below(random, (uint64_t) D)] = FLT_MAX;
}

#define MIXED_D		64
#define MIXED_TRIALS	40000

/* up to eight bands of any widths, with weights from 10^-digits on; every fourth time one */
static void
draw_widths(SphxRandom *random, double digits, SphxLayout *layout)
{
	int			left = MIXED_D;
	int			width = 0;
	int			count = 0;

	if (sphx_random_below(random, 4) == 0)
	{
		sphx_layout_store(layout, (SphxStorage) sphx_random_below(random, SPHX_WIDTHS));
		left = 0;
	}
	for (; left > 0; count++)
	{
		int			dims = 8 * (1 + (int) sphx_random_below(random, (uint64_t) left / 8));

		width += (int) sphx_random_below(random, (uint64_t) (SPHX_WIDTHS - width));
		layout->stored[count] = (SphxStoredBand)
		{
			.dims = (uint16_t) dims,.storage = (uint8_t) width,
				.weight = (float) pow(10, -digits * sphx_random_uniform(random))
		};
		layout->stored_count = count + 1;
		left -= dims;
	}
	sphx_layout_init(layout);
}

/* Widths allotted for an error leave about as much as they say they will, and not more than asked for. */
static void
test_widths(SphxRandom *random)
{
	enum
	{
		D = 128, ROUNDS = 400
	};
	static const double errors[] = {0.0095, 0.02, 0.033, 0.115, 0.35};
	SphxLayout	layout = {.dims = D,.D = D,.m = 8,.payload_bytes = 6};
	float		moments[D];
	float		x[D];
	float		y[D];
	int			bytes = 2 * D;

	falling_variances(D, 30, moments);
	sphx_layout_uniform(&layout, SPHX_CODE_SIGNS, SPHX_STORAGE_INT16);
	for (int i = 0; i < 5; i++)
	{
		double		error = errors[i];
		int			before = bytes;
		double		square = 0;
		double		norm = 0;
		SphxRecord *r;

		bytes = sphx_allot_widths(D, moments, &error, &layout);
		sphx_layout_init(&layout);
		r = calloc(1, (size_t) layout.size);
		for (int round = 0; round < ROUNDS; round++)
		{
			uneven_vector(random, D, moments, x);
			sphx_record_init(&layout, r, x);
			sphx_record_vector(&layout, r, y);
			norm += dot_floats(x, x, D);
			for (int d = 0; d < D; d++)
				square += ((double) x[d] - y[d]) * ((double) x[d] - y[d]);
		}
		ok(error <= errors[i] && bytes < before && layout.codes - layout.vector == bytes,
		   "widths for an error of %g: %d bytes in %d bands", errors[i], bytes, layout.stored_count);
		/* less where 8 bits reach further than most vectors need */
		ok(sqrt(square / norm) < 1.1 * error && sqrt(square / norm) > error / 1.6, "their error is %.4f, predicted %.4f",
		   sqrt(square / norm), error);
		free(r);
	}
}

/* are squared distance and inner product those to the stored vector y? */
static bool
distances_agree(const SphxLayout *layout, const SphxRecord *r, const float *y, SphxRandom *random)
{
	float		q[MIXED_D];
	float		x[MIXED_D];
	double		square = 0;
	double		dot = 0;
	double		terms = 0;
	double		largest = 0;
	float		amax;
	bool		agree;

	for (int i = 0; i < MIXED_D; i++)
	{
		q[i] = (float) sphx_random_normal(random);
		square += ((double) q[i] - y[i]) * ((double) q[i] - y[i]);
		largest = fmax(largest, fabs((double) q[i] - y[i]));
		dot += (double) q[i] * y[i];
		terms += fabs((double) q[i] * y[i]);
	}
	/* single precision has no square of it */
	if (largest > 1e17)
		return true;
	agree = fabs(sphx_record_residual(layout, r, q, x, &amax) - square) <= 1e-5 * square;
	for (int i = 0; i < MIXED_D; i++)
		agree = agree && fabs(x[i] - ((double) q[i] - y[i])) <= 1e-6 * (fabsf(q[i]) + fabsf(y[i]));
	return agree && fabs(amax - largest) <= 1e-6 * largest &&
		fabs(sphx_record_dot(layout, r, q, x) - dot) <= 1e-5 * terms + 1e-37;
}

/*
 * Widths in all mixtures: the stored vector is never further from the original
 * than the record says, and squared distance and inner product are those to it.
 */
static void
test_mixed_widths(SphxRandom *random)
{
	SphxLayout	layout = {.dims = MIXED_D,.D = MIXED_D,.m = 8,.payload_bytes = 6};
	bool		bounded = true;
	bool		agree = true;
	double		worst = 0;
	SphxRecord *r;

	sphx_layout_uniform(&layout, SPHX_CODE_SIGNS, SPHX_STORAGE_INT16);
	r = calloc(1, (size_t) layout.size);
	for (int trial = 0; trial < MIXED_TRIALS; trial++)
	{
		int			kind = (int) sphx_random_below(random, 4);
		float		x[MIXED_D];
		float		y[MIXED_D];
		double		square = 0;
		double		norm = 0;
		double		bound;

		draw_widths(random, kind == 0 ? .5 : 5, &layout);
		hard_vector(random, kind, MIXED_D, x);
		sphx_record_init(&layout, r, x);
		sphx_record_vector(&layout, r, y);
		for (int i = 0; i < MIXED_D; i++)
		{
			square += ((double) x[i] - y[i]) * ((double) x[i] - y[i]);
			norm += (double) y[i] * y[i];
		}
		bound = sphx_record_error(&layout, r);
		bounded = bounded && sqrt(square) <= bound && sqrt(norm) <= sphx_record_norm(&layout, r);
		if (kind == 0)
			worst = fmax(worst, bound / sqrt(square));
		agree = agree && distances_agree(&layout, r, y, random);
	}
	ok(bounded, "%s: mixed widths: vectors and norms are within their bounds", sphx_kernels->name);
	ok(worst < 1.2, "%s: mixed widths: bounds are at most %.2f times the error", sphx_kernels->name, worst);
	ok(agree, "%s: mixed widths: distances are those to the stored vector", sphx_kernels->name);
	free(r);
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
	test_encode(SPHX_CODE_LEVELS, 128, .994, &random);
	test_allotment(&random);
	test_places(&random);
	test_widths(&random);
	for (int level = SPHX_SIMD_SCALAR; level < SPHX_SIMD_AUTO; level++)
	{
		if (!sphx_kernels_choose((SphxSimd) level))
			continue;
		test_estimates(SPHX_CODE_ORTHOPLEX, 512, &random);
		test_estimates(SPHX_CODE_SIGNS, 512, &random);
		test_estimates(SPHX_CODE_LLOYD, 128, &random);
		test_estimates(SPHX_CODE_LLOYD, 24, &random);
		test_bands(&random);
		for (int width = 0; width < SPHX_WIDTHS; width++)
			test_vectors((SphxStorage) width, &random);
		test_mixed_widths(&random);
	}
	return tap_done();
}
