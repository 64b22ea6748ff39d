/*-------------------------------------------------------------------------
 *
 * test_basis.c
 *	  Unit tests of learned orthogonal transforms and of the spectra that they
 *	  are learned from.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "math/base/blas.h"
#include "math/base/random.h"
#include "math/base/reflect.h"
#include "math/kernels/kernels.h"
#include "helpers.h"
#include "tap.h"

static SphxRandom generator;

static float *
floats(size_t n)
{
	float	   *x = malloc(sizeof(float) * (n + 1));

	if (x == NULL)
		abort();
	return x;
}

static float *
random_floats(size_t n)
{
	float	   *x = floats(n);

	for (size_t i = 0; i < n; i++)
		x[i] = (float) sphx_random_normal(&generator);
	return x;
}

/* Gram-Schmidt in double precision, twice */
static float *
random_basis(int D, int count)
{
	float	   *rows = random_floats((size_t) D * (size_t) count);
	double	   *v = malloc(sizeof(double) * (size_t) D);

	for (int i = 0; i < 2 * count; i++)
	{
		float	   *row = rows + (size_t) (i / 2) * (size_t) D;
		double		norm;

		for (int j = 0; j < D; j++)
			v[j] = (double) row[j];
		for (int k = 0; k < i / 2; k++)
		{
			const float *other = rows + (size_t) k * (size_t) D;
			double		product = 0.0;

			for (int j = 0; j < D; j++)
				product += v[j] * (double) other[j];
			for (int j = 0; j < D; j++)
				v[j] -= product * (double) other[j];
		}
		norm = sqrt(dot_doubles(v, v, D));
		for (int j = 0; j < D; j++)
			row[j] = (float) (v[j] / norm);
	}
	free(v);
	return rows;
}

/* max |Q Q^T - I| over all rows, or a part of them when there are many */
static double
orthogonality_error(const SphxReflectors *r, int D, int count)
{
	int			step = D / 200 + 1;
	int			n = (D + step - 1) / step;
	float	   *columns = floats((size_t) n * (size_t) D);
	float	   *scratch = floats((size_t) count);
	double		error = 0.0;

	for (int i = 0; i < n; i++)
	{
		float	   *x = columns + (size_t) i * (size_t) D;

		memset(x, 0, sizeof(float) * (size_t) D);
		x[i * step] = 1.0f;
		sphx_reflect(r, x, scratch);
		for (int k = 0; k <= i; k++)
			error = fmax(error, fabs(dot_floats(x, columns + (size_t) k * (size_t) D, D) -
									 (k == i ? 1.0 : 0.0)));
	}
	free(columns);
	free(scratch);
	return error;
}

/* Q x one reflector after the other in double precision, from the stored form */
static void
reflect_exactly(int D, int count, const int16_t *bytes, double *x)
{
	for (int i = 0; i < count; i++)
	{
		const int16_t *v = bytes + (size_t) i * (size_t) D;
		double		square = 0.0;
		double		product = 0.0;

		for (int j = i; j < D; j++)
		{
			square += (double) v[j] * v[j];
			product += (double) v[j] * x[j];
		}
		for (int j = i; j < D && square > 0.0; j++)
			x[j] -= 2.0 * product / square * v[j];
	}
}

/* errors relative to |x| */
typedef struct Errors
{
	double		rounding;
	double		back;			/* of Q^T Q x */
	double		coordinates;	/* against products with the vectors */
	double		rows;			/* sphx_reflect_rows against exact arithmetic */
} Errors;

#define TRIED	40

static double
distance(const float *x, const double *y, int D)
{
	double		square = 0.0;

	for (int j = 0; j < D; j++)
		square += ((double) x[j] - y[j]) * ((double) x[j] - y[j]);
	return sqrt(square);
}

static void
see_vector(const SphxReflectors *r, int D, int count, const float *vectors, const int16_t *bytes,
		   const float *x, const float *row, Errors *errors)
{
	float	   *y = floats((size_t) D);
	double	   *exact = malloc(sizeof(double) * (size_t) D);
	float	   *scratch = floats((size_t) count);
	double		norm = sqrt(dot_floats(x, x, D));

	for (int j = 0; j < D; j++)
		exact[j] = (double) x[j];
	reflect_exactly(D, count, bytes, exact);
	memcpy(y, x, sizeof(float) * (size_t) D);
	sphx_reflect(r, y, scratch);
	errors->rounding = fmax(errors->rounding, distance(y, exact, D) / norm);
	errors->rows = fmax(errors->rows, distance(row, exact, D) / norm);
	for (int i = 0; i < count; i++)
		errors->coordinates = fmax(errors->coordinates,
								   fabs(dot_floats(x, vectors + (size_t) i * (size_t) D, D) -
										(double) y[i]) / norm);
	sphx_reflect_back(r, y, scratch);
	for (int j = 0; j < D; j++)
		exact[j] = (double) x[j];
	errors->back = fmax(errors->back, distance(y, exact, D) / norm);
	free(y);
	free(exact);
	free(scratch);
}

static Errors
measure_errors(const SphxReflectors *r, int D, int count, const float *vectors)
{
	Errors		errors = {0};
	float	   *x = random_floats((size_t) D * TRIED);
	float	   *rows = floats((size_t) D * TRIED);
	int16_t    *bytes = malloc(sphx_reflectors_bytes(D, count) + 1);

	sphx_reflectors_write(r, bytes);
	memcpy(rows, x, sizeof(float) * (size_t) D * TRIED);
	sphx_reflect_rows(r, &counting.env, TRIED, rows);
	for (int i = 0; i < TRIED; i++)
		see_vector(r, D, count, vectors, bytes, x + (size_t) i * (size_t) D,
				   rows + (size_t) i * (size_t) D, &errors);
	free(x);
	free(rows);
	free(bytes);
	return errors;
}

/* written, read, written: the same bytes and the same bits of Q x */
static bool
same_when_read(const SphxReflectors *r, int D, int count)
{
	size_t		size = sphx_reflectors_bytes(D, count);
	char	   *bytes = malloc(2 * size + 1);
	float	   *x = random_floats((size_t) D);
	float	   *y = floats((size_t) D);
	float	   *scratch = floats((size_t) count);
	SphxReflectors *other;
	bool		same;

	memcpy(y, x, sizeof(float) * (size_t) D);
	sphx_reflectors_write(r, bytes);
	other = sphx_reflectors_read(&counting.env, D, count, bytes);
	sphx_reflectors_write(other, bytes + size);
	sphx_reflect(r, x, scratch);
	sphx_reflect(other, y, scratch);
	same = memcmp(bytes, bytes + size, size) == 0 &&
		memcmp(x, y, sizeof(float) * (size_t) D) == 0;
	counting.env.release(&counting.env, other);
	free(bytes);
	free(x);
	free(y);
	free(scratch);
	return same;
}

static void
test_reflectors(int D, int count, const float *vectors, const char *what)
{
	SphxReflectors *r = sphx_reflectors_create(&counting.env, D, count, vectors);
	double		error = orthogonality_error(r, D, count);
	Errors		errors = measure_errors(r, D, count, vectors);

	ok(error < 1e-5, "%s: %d %s vectors of %d dimensions: orthogonal to %.1e",
	   sphx_kernels->name, count, what, D, error);
	ok(errors.rounding < 2e-6 && errors.back < 4e-6 && errors.rows < 2e-6,
	   "... rounded by %.1e, there and back by %.1e, rows at once by %.1e", errors.rounding,
	   errors.back, errors.rows);
	ok(errors.coordinates < 6e-5, "... products with the vectors to %.1e",
	   errors.coordinates);
	ok(same_when_read(r, D, count), "... the same when written and read");
	counting.env.release(&counting.env, r);
}

static void
test_random_vectors(void)
{
	static const int shapes[][2] = {
		{1, 0}, {1, 1}, {2, 1}, {3, 3}, {7, 5}, {16, 16}, {100, 37}, {128, 128}, {256, 256},
		{300, 9}, {512, 128}, {1536, 40}
	};

	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
	{
		float	   *vectors = random_basis(shapes[i][0], shapes[i][1]);

		test_reflectors(shapes[i][0], shapes[i][1], vectors, "random");
		free(vectors);
	}
}

/* unit vectors in place (nothing to do), negated, exchanged, and next to their place */
static void
test_unit_vectors(void)
{
	enum
	{
		D = 24
	};
	float	   *vectors = floats(D * D);

	for (int kind = 0; kind < 4; kind++)
	{
		static const char *names[] = {"identity", "negated", "exchanged", "nearly identity"};

		memset(vectors, 0, sizeof(float) * D * D);
		for (int i = 0; i < D; i++)
			vectors[i * D + (kind == 2 ? D - 1 - i : i)] = kind == 1 ? -1.0f : 1.0f;
		if (kind == 3)
		{
			vectors[1] = 1e-5f;
			vectors[D] = -1e-5f;
		}
		test_reflectors(D, D, vectors, names[kind]);
	}
	free(vectors);
}

/* whatever is read is orthogonal */
static void
test_damaged(void)
{
	enum
	{
		D = 67, COUNT = 31
	};
	size_t		size = sphx_reflectors_bytes(D, COUNT);
	unsigned char *bytes = malloc(size);
	double		error = 0.0;

	for (int kind = 0; kind < 40; kind++)
	{
		SphxReflectors *r;

		for (size_t i = 0; i < size; i++)
			bytes[i] = (unsigned char) (kind == 0 ? 0 : kind == 1 ? 0xff : kind == 2 ?
										i % 2 * 0x80 : sphx_random_u64(&generator));
		if (kind > 20)
			memset(bytes + size / 3, 0, size / 3);
		r = sphx_reflectors_read(&counting.env, D, COUNT, bytes);
		error = fmax(error, orthogonality_error(r, D, COUNT));
		counting.env.release(&counting.env, r);
	}
	ok(error < 1e-5, "%s: any bytes are a transform, orthogonal to %.1e", sphx_kernels->name, error);
	free(bytes);
}

/* vectors that are not orthonormal, not finite or zero give an orthogonal transform as well */
static void
test_bad_vectors(void)
{
	enum
	{
		D = 20, COUNT = 6
	};
	static const float values[] = {0.0f, NAN, INFINITY, 1e38f, 1e-38f, 1.0f};
	double		error = 0.0;

	for (size_t kind = 0; kind < sizeof(values) / sizeof(values[0]); kind++)
	{
		float		vectors[D * COUNT];
		SphxReflectors *r;

		for (int i = 0; i < D * COUNT; i++)
			vectors[i] = values[kind];
		r = sphx_reflectors_create(&counting.env, D, COUNT, vectors);
		error = fmax(error, orthogonality_error(r, D, COUNT));
		counting.env.release(&counting.env, r);
	}
	ok(error < 1e-5, "%s: any vectors give a transform, orthogonal to %.1e", sphx_kernels->name,
	   error);
}

static void
test_count(void)
{
	bool		good = true;

	for (int D = 1; D <= 16000; D++)
		good = good && sphx_reflectors_count(D) >= 1 && sphx_reflectors_count(D) <= D;
	ok(good && sphx_reflectors_count(256) == 256, "counts of reflectors are within the dimensions");
}

int
main(void)
{
	const char *why;

	sphx_random_seed(&generator, 1);
	if (!sphx_blas_load(&why))
		return ok(false, "BLAS: %s", why), tap_done();
	for (int level = SPHX_SIMD_SCALAR; level < SPHX_SIMD_AUTO; level++)
	{
		if (!sphx_kernels_choose((SphxSimd) level))
			continue;
		test_random_vectors();
		test_unit_vectors();
		test_damaged();
		test_bad_vectors();
	}
	test_count();
	ok(counting.live == 0 && counting.progress_sane, "nothing leaks");
	return tap_done();
}
