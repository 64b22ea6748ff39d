/*-------------------------------------------------------------------------
 *
 * test_lrsq.c
 *	  Unit tests of principal directions and of low-rank spherical quantisation.
 *
 * SPHX_LRSQ_TRIALS: how many cosines are held against their bounds, in place of
 * 200,000.
 *
 *-------------------------------------------------------------------------
 */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "math/base/blas.h"
#include "math/base/random.h"
#include "math/codes/lrsq.h"
#include "math/kernels/kernels.h"
#include "math/train/eigen.h"
#include "math/train/principal.h"
#include "helpers.h"
#include "tap.h"

static SphxRandom generator;

static void *
allocate(size_t size)
{
	void	   *x = malloc(size + 1);

	if (x == NULL)
		abort();
	return x;
}

/* n rows of D independent normal numbers, of deviation `fall`^j in column j, times a size, and an offset */
static float *
make_rows(int n, int D, double fall, double size, double offset)
{
	float	   *rows = allocate(sizeof(float) * (size_t) n * (size_t) D);

	for (int i = 0; i < n; i++)
		for (int j = 0; j < D; j++)
			rows[(size_t) i * (size_t) D + (size_t) j] =
				(float) (size * (offset + sphx_random_normal(&generator) * pow(fall, j)));
	return rows;
}


/* Principal directions */

/* the share of the trace in the leading directions, by Jacobi's method on the whole matrix */
static double
exact_share(int n, int D, const float *rows, SphxMoments moments, int count)
{
	double	   *matrix = allocate(sizeof(double) * (size_t) D * (size_t) (2 * D + 2));
	double	   *vectors = matrix + (size_t) D * (size_t) D;
	double	   *values = vectors + (size_t) D * (size_t) D;
	double	   *mean = values + D;
	double		sum = 0.0;
	double		share = 0.0;

	memset(matrix, 0, sizeof(double) * (size_t) D * (size_t) (2 * D + 2));
	for (int i = 0; i < n && moments == SPHX_MOMENTS_COVARIANCE; i++)
		for (int j = 0; j < D; j++)
			mean[j] += (double) rows[i * D + j] / n;
	for (int i = 0; i < n; i++)
	{
		double		unit = moments == SPHX_MOMENTS_UNIT ?
		sqrt(dot_floats(rows + i * D, rows + i * D, D)) : 1.0;

		for (int j = 0; j < D; j++)
			for (int k = 0; k < D; k++)
				matrix[j * D + k] += ((double) rows[i * D + j] - mean[j]) / unit *
					((double) rows[i * D + k] - mean[k]) / unit;
	}
	sphx_eigen(&counting.env, D, matrix, vectors, values);
	for (int i = 0; i < D; i++)
	{
		sum += values[i];
		share += i < count ? values[i] : 0.0;
	}
	free(matrix);
	return share / sum;
}

/* how far from orthonormal */
static double
orthonormality(const SphxPrincipal *p)
{
	double		error = 0.0;

	for (int i = 0; i < p->count; i++)
		for (int k = 0; k <= i; k++)
			error = fmax(error, fabs(dot_floats(p->vectors + (size_t) i * (size_t) p->D,
												p->vectors + (size_t) k * (size_t) p->D, p->D) -
									 (i == k)));
	return error;
}

static void
test_principal(int n, int D, int most, double fall, double offset, SphxMoments moments)
{
	float	   *rows = make_rows(n, D, fall, 1.0, offset);
	SphxPrincipal *p = sphx_principal_train(&counting.env, n, rows, D, most, moments, 1);
	double		exact = exact_share(n, D, rows, moments, most);
	double		share = 0.0;
	bool		sorted = true;

	for (int i = 0; i < p->count; i++)
	{
		share += p->shares[i];
		sorted = sorted && (i == 0 || p->shares[i] <= p->shares[i - 1]);
	}
	ok(p->count == most && sorted && orthonormality(p) < 1e-6 && share <= exact + 1e-12 &&
	   share > exact * 0.999,
	   "%d of %d directions, fall %g, offset %g: %.6f of the trace, of %.6f", most, D, fall,
	   offset, share, exact);
	counting.env.release(&counting.env, p);
	free(rows);
}

/* as many directions as the rows have */
static void
test_few_directions(void)
{
	static const struct
	{
		int			n;
		int			D;
		int			rank;		/* of the rows */
		int			covariance; /* directions found of each kind */
		int			unit;
	}			cases[] = {
		{0, 7, 7, 0, 0}, {1, 7, 7, 0, 1}, {4, 7, 7, 3, 4}, {50, 7, 0, 0, 0}, {50, 40, 3, 3, 3},
		{50, 1, 1, 1, 1}
	};
	static const double sizes[] = {1.0, 1e-44, 1e38};

	for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++)
	{
		bool		good = true;

		for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++)
		{
			int			D = cases[c].D;
			float	   *rows = make_rows(cases[c].n, D, 1.0, 1.0, 0.0);

			for (int i = 0; i < cases[c].n; i++)
				for (int j = 0; j < D; j++)
					rows[i * D + j] = j < cases[c].rank ? (float) (ceil((double) rows[i * D + j] * 100) * sizes[s] / 1000.0) : 0.0f;
			for (int kind = 0; kind < 2 && (sizes[s] >= 1.0 || kind == 1); kind++)
			{
				SphxPrincipal *p = sphx_principal_train(&counting.env, cases[c].n, rows, D, D,
														kind == 0 ? SPHX_MOMENTS_COVARIANCE :
														SPHX_MOMENTS_UNIT, 1);

				good = good && orthonormality(p) < 1e-6 &&
					(sizes[s] < 1.0 || p->count == (kind == 0 ? cases[c].covariance : cases[c].unit));
				counting.env.release(&counting.env, p);
			}
			free(rows);
		}
		ok(good, "%d rows of rank %d in %d dimensions", cases[c].n, cases[c].rank, cases[c].D);
	}
}


/* Vectors of all kinds */

typedef enum Kind
{
	ROW,						/* like those trained on */
	OTHER,						/* not like them */
	HUGE_VECTOR,
	TINY_VECTOR,
	MIXED_SIZES,
	ONE_COORDINATE,
	HEAD,						/* nothing behind the head, up to rounding */
	TAIL,						/* nothing but that */
	CONSTANT_VECTOR,
	EDGES,						/* every element halfway between two steps */
	CENTER,						/* the center of the model */
	KINDS
} Kind;

/* Q^T y in single precision, of the size of 1 */
static void
from_coordinates(const SphxLrsq *lrsq, double *y, float *x)
{
	sphx_reflect_back_f64(lrsq->reflectors, y);
	for (int j = 0; j < lrsq->D; j++)
		x[j] = (float) y[j];
}

/* coordinates of the head and the tail */
static void
make_coordinates(const SphxLrsq *lrsq, Kind kind, double *y)
{
	double		step = 0.25 / 127.0 / sqrt(lrsq->D);

	for (int j = 0; j < lrsq->D; j++)
	{
		bool		head = j < lrsq->rank;

		y[j] = (kind == HEAD) == head ? sphx_random_normal(&generator) : 0.0;
		if (kind == EDGES && head)
			y[j] = (double) lrsq->center[j] + (j % 16 == 0 ? 127.0 :
											   (double) sphx_random_below(&generator, 250) - 124.5) * step;
		else if (kind == CENTER)
			y[j] = head ? (double) lrsq->center[j] : 0.0;
	}
}

static void
make_vector(const SphxLrsq *lrsq, Kind kind, const float *rows, int n, float *x)
{
	int			D = lrsq->D;
	double		y[512];

	memcpy(x, rows + sphx_random_below(&generator, (uint64_t) n) * (uint64_t) D,
		   sizeof(float) * (size_t) D);
	if (kind >= HEAD && kind != CONSTANT_VECTOR)
	{
		make_coordinates(lrsq, kind, y);
		from_coordinates(lrsq, y, x);
		return;
	}
	for (int j = 0; j < D && kind != ROW; j++)
	{
		double		normal = sphx_random_normal(&generator);

		x[j] = (float) (kind == HUGE_VECTOR ? (normal > 0.0 ? 1.0 : -1.0) * (double) FLT_MAX :
						kind == TINY_VECTOR ? ceil(normal * 2.0) * 1.5e-45 :
						kind == MIXED_SIZES ? normal * pow(10.0, (double) sphx_random_below(&generator, 80) - 43.0) :
						kind == CONSTANT_VECTOR ? -7.0 : normal);
	}
	if (kind == ONE_COORDINATE)
	{
		memset(x, 0, sizeof(float) * (size_t) D);
		x[sphx_random_below(&generator, (uint64_t) D)] = -3e-39f;
	}
}

static double
exact_cosine(const float *x, const float *y, int D)
{
	double		cosine = dot_floats(x, y, D) / (sqrt(dot_floats(x, x, D)) * sqrt(dot_floats(y, y, D)));

	return isnan(cosine) ? cosine : fmax(fmin(cosine, 1.0), -1.0);
}

/* what the operator <=> makes of it, where it trusts single precision */
static double
rounded_cosine(const float *x, const float *y, int D)
{
	float		xy;
	float		xx;
	float		yy;

	sphx_kernels->dot3_f32(x, y, (size_t) D, &xy, &xx, &yy);
	if (!(xx > 1e-30f && xx < 1e30f && yy > 1e-30f && yy < 1e30f))
		return exact_cosine(x, y, D);
	return fmax(fmin((double) xy / sqrt((double) xx * (double) yy), 1.0), -1.0);
}

typedef struct Trials
{
	long		done;
	long		violations;
	double		most;			/* largest error, in parts of the bound's */
	double		width;			/* sum of upper - lower */
} Trials;

static void
try_pair(const SphxLrsq *lrsq, const float *x, const float *y, const SphxLrsqQuery *query,
		 const uint8_t *code, Trials *trials)
{
	SphxLrsqCosine cosine = sphx_lrsq_cosine(lrsq, code, query);
	double		exact = exact_cosine(x, y, lrsq->D);
	double		rounded = rounded_cosine(x, y, lrsq->D);
	double		width = cosine.upper - cosine.lower;

	trials->done++;
	if (isnan(exact))
		trials->violations += !isnan(cosine.estimate) || !isnan(cosine.lower) || !isnan(cosine.upper);
	else
	{
		trials->violations += !(cosine.lower <= exact && exact <= cosine.upper &&
								cosine.lower <= rounded && rounded <= cosine.upper &&
								cosine.lower <= cosine.estimate && cosine.estimate <= cosine.upper &&
								cosine.lower >= -1.0 && cosine.upper <= 1.0);
		/* what rounding leaves without any error of the code says nothing */
		if (width > 1e-4)
			trials->most = fmax(trials->most, fabs(exact - cosine.estimate) /
								fmax(cosine.upper - cosine.estimate,
									 cosine.estimate - cosine.lower));
		trials->width += width;
	}
}

/* decoded, it is as near to the vector as the code tells */
static bool
decodes(const SphxLrsq *lrsq, const float *x, const uint8_t *code)
{
	SphxLrsqError error = sphx_lrsq_error(lrsq->rank, code);
	double		norm = sqrt(dot_floats(x, x, lrsq->D));
	double		square = 0.0;
	double		scratch[512];
	float		y[512];

	sphx_lrsq_decode(lrsq, code, scratch, y);
	for (int j = 0; j < lrsq->D; j++)
		square += ((double) x[j] - (double) y[j]) * ((double) x[j] - (double) y[j]);
	return sphx_lrsq_is_code(lrsq->rank, code) &&
		sqrt(square) <= norm * (sqrt(error.bound * error.bound + error.tail * error.tail) + 1e-6) +
		2e-45 * sqrt(lrsq->D);
}

/* All kinds of vectors with all kinds of queries. */
static void
test_bounds(int n, int D, int rank, double fall, double offset, long wanted)
{
	float	   *rows = make_rows(n, D, fall, 1.0, offset);
	SphxLrsq   *lrsq = sphx_lrsq_train(&counting.env, n, rows, D, rank, 1);
	uint8_t    *code = allocate(sphx_lrsq_bytes(rank));
	Trials		trials = {0};
	bool		decoded = true;
	double		scratch[512];
	float		x[512];
	float		y[512];

	while (trials.done < wanted)
	{
		Kind		kind = (Kind) sphx_random_below(&generator, KINDS);
		SphxLrsqQuery *query;

		make_vector(lrsq, kind, rows, n, y);
		query = sphx_lrsq_query(&counting.env, lrsq, y);
		for (int other = 0; other < KINDS + 2; other++)
		{
			if (other < KINDS)
				make_vector(lrsq, (Kind) other, rows, n, x);
			else
				for (int j = 0; j < D; j++)
					x[j] = other == KINDS ? y[j] : -y[j];
			sphx_lrsq_encode(lrsq, x, scratch, code);
			decoded = decoded && decodes(lrsq, x, code);
			try_pair(lrsq, x, y, query, code, &trials);
		}
		counting.env.release(&counting.env, query);
	}
	ok(trials.violations == 0 && decoded,
	   "%d of %d dimensions: %ld cosines within their bounds, mean width %.3f, errors to %.2f of it",
	   rank, D, trials.done, trials.width / (double) trials.done, trials.most);
	free(code);
	free(rows);
	counting.env.release(&counting.env, lrsq->reflectors);
	counting.env.release(&counting.env, lrsq);
}

/*
 * Proposition 1: the error is the root of the sum of the blocks' squared errors.  As
 * it comes out in decoded vectors, and in cosines with queries that know nothing
 * of it.
 */
static void
test_proposition(int D, double fall, double offset)
{
	enum
	{
		N = 2000
	};
	float	   *rows = make_rows(N, D, fall, 1.0, offset);
	float	   *queries = make_rows(N, D, 1.0, 1.0, 0.0);
	SphxLrsq   *lrsq = sphx_lrsq_train(&counting.env, N, rows, D, D, 1);
	uint8_t    *code = allocate(sphx_lrsq_bytes(D));
	double		predicted = 0.0;
	double		bound = 0.0;
	double		decoded = 0.0;
	double		cosines = 0.0;
	double		scratch[512];
	float		y[512];

	for (int i = 0; i < N; i++)
	{
		const float *x = rows + i * D;
		SphxLrsqQuery *query = sphx_lrsq_query(&counting.env, lrsq, queries + i * D);
		SphxLrsqError error;
		double		difference;

		sphx_lrsq_encode(lrsq, x, scratch, code);
		error = sphx_lrsq_error(lrsq->rank, code);
		predicted += error.predicted * error.predicted / N;
		bound += error.bound * error.bound / N;
		sphx_lrsq_decode(lrsq, code, scratch, y);
		for (int j = 0; j < D; j++)
			decoded += ((double) x[j] - (double) y[j]) * ((double) x[j] - (double) y[j]) /
				dot_floats(x, x, D) / N;
		difference = sphx_lrsq_cosine(lrsq, code, query).estimate - exact_cosine(x, queries + i * D, D);
		cosines += difference * difference / N;
		counting.env.release(&counting.env, query);
	}
	/* a random direction has 1 / D of the square of anything */
	ok(decoded / predicted > 0.9 && decoded / predicted < 1.05 && bound / decoded > 1.0 &&
	   bound / decoded < 1.03 && cosines * D / predicted > 0.85 && cosines * D / predicted < 1.15,
	   "%d dimensions, fall %g: decoded vectors are off by %.3f of the prediction, cosines by %.3f, the bound by %.3f",
	   D, fall, sqrt(decoded / predicted), sqrt(cosines * D / predicted), sqrt(bound / predicted));
	free(code);
	free(queries);
	free(rows);
	counting.env.release(&counting.env, lrsq->reflectors);
	counting.env.release(&counting.env, lrsq);
}

/* written and read, a model gives the same codes; what is no code is told, what may be one is used */
static void
test_bytes(void)
{
	enum
	{
		N = 60, D = 37, RANK = 20
	};
	float	   *rows = make_rows(N, D, 0.9, 1.0, 0.5);
	SphxLrsq   *lrsq = sphx_lrsq_train(&counting.env, N, rows, D, RANK, 1);
	size_t		size = sphx_lrsq_bytes(RANK);
	uint8_t    *codes = allocate(2 * size);
	void	   *bytes = allocate(sphx_reflectors_bytes(D, RANK));
	SphxLrsqQuery *query;
	SphxLrsq   *other;
	double		scratch[D];
	float		x[D];
	bool		same = true;
	int			good = 0;

	sphx_reflectors_write(lrsq->reflectors, bytes);
	other = sphx_lrsq_create(&counting.env, D, RANK, lrsq->center, bytes, lrsq->energy);
	for (int i = 0; i < N; i++)
	{
		sphx_lrsq_encode(lrsq, rows + i * D, scratch, codes);
		sphx_lrsq_encode(other, rows + i * D, scratch, codes + size);
		same = same && memcmp(codes, codes + size, size) == 0;
	}
	ok(same && size == 10 + 2 * 3 + RANK, "the same codes of a model written and read");
	query = sphx_lrsq_query(&counting.env, lrsq, rows);
	for (int i = 0; i < 20000; i++)
	{
		for (size_t k = 0; k < size; k++)
			codes[k] = k > 1 || i % 2 == 0 ? (uint8_t) sphx_random_u64(&generator) : 0x3f;
		for (size_t k = 8; k < 16 && i % 4 == 1; k++)
			codes[k] = k % 3 == 1 ? codes[k] : codes[k] & 0x17;
		if (!sphx_lrsq_is_code(RANK, codes))
			continue;
		good++;
		sphx_lrsq_decode(lrsq, codes, scratch, x);
		for (int j = 0; j < D; j++)
			same = same && isfinite(x[j]);
		same = same && sphx_lrsq_cosine(lrsq, codes, query).lower >= -1.0 &&
			sphx_lrsq_error(lrsq->rank, codes).bound < 10.0;
	}
	ok(same && good > 100, "%d of 20000 random codes are usable", good);
	counting.env.release(&counting.env, query);
	counting.env.release(&counting.env, other->reflectors);
	counting.env.release(&counting.env, other);
	counting.env.release(&counting.env, lrsq->reflectors);
	counting.env.release(&counting.env, lrsq);
	free(bytes);
	free(codes);
	free(rows);
}

static void
test_zero(void)
{
	float		rows[6] = {0.0f};
	double		scratch[3];
	float		x[3] = {1.0f, 1.0f, 1.0f};
	SphxLrsq   *lrsq = sphx_lrsq_train(&counting.env, 2, rows, 3, 2, 1);
	uint8_t    *code = allocate(sphx_lrsq_bytes(2));
	SphxLrsqQuery *query = sphx_lrsq_query(&counting.env, lrsq, rows);

	sphx_lrsq_encode(lrsq, rows, scratch, code);
	sphx_lrsq_decode(lrsq, code, scratch, x);
	ok(x[0] == 0.0f && x[1] == 0.0f && x[2] == 0.0f && lrsq->energy == 0.0 &&
	   isnan(sphx_lrsq_cosine(lrsq, code, query).lower), "zero has a code, but no cosine");
	counting.env.release(&counting.env, query);
	counting.env.release(&counting.env, lrsq->reflectors);
	counting.env.release(&counting.env, lrsq);
	free(code);
}

int
main(void)
{
	const char *trials = getenv("SPHX_LRSQ_TRIALS");
	long		wanted = trials != NULL ? atol(trials) : 200000;
	const char *why;

	sphx_random_seed(&generator, 1);
	if (!sphx_blas_load(&why))
		return ok(false, "BLAS: %s", why), tap_done();
	sphx_kernels_choose(SPHX_SIMD_AUTO);
	test_principal(500, 40, 10, 0.9, 0.0, SPHX_MOMENTS_COVARIANCE);
	test_principal(500, 40, 40, 0.9, 5.0, SPHX_MOMENTS_COVARIANCE);
	test_principal(500, 40, 10, 0.9, 0.5, SPHX_MOMENTS_UNIT);
	test_principal(1000, 120, 30, 0.99, 0.0, SPHX_MOMENTS_COVARIANCE);
	test_principal(1000, 120, 30, 1.0, 0.0, SPHX_MOMENTS_UNIT);
	test_few_directions();
	test_bounds(400, 64, 24, 0.95, 0.0, wanted / 4);
	test_bounds(400, 64, 64, 1.0, 0.0, wanted / 8);
	test_bounds(400, 100, 33, 0.97, 0.3, wanted / 4);
	test_bounds(3, 40, 20, 1.0, 0.0, wanted / 8);
	test_bounds(400, 2, 1, 1.0, 0.0, wanted / 16);
	test_bounds(10, 1, 1, 1.0, 0.0, wanted / 16);
	test_bounds(100, 300, 40, 0.99, 1.0, wanted / 8);
	test_proposition(64, 1.0, 0.0);
	test_proposition(200, 0.99, 0.3);
	test_proposition(33, 0.9, 0.0);
	test_bytes();
	test_zero();
	ok(counting.live == 0 && counting.progress_sane, "nothing leaks");
	return tap_done();
}
