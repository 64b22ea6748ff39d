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
#include "math/train/eigen.h"
#include "math/train/spectrum.h"
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
	double		doubles;		/* of Q x in double precision against single */
	double		doubles_back;	/* of Q^T Q x in double precision */
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

/* Q x and Q^T Q x in double precision; y is Q x in single precision */
static void
see_doubles(const SphxReflectors *r, int D, const float *x, const float *y, Errors *errors)
{
	double	   *z = malloc(sizeof(double) * (size_t) D);
	double		square = dot_floats(x, x, D);
	double		error = 0.0;

	for (int j = 0; j < D; j++)
		z[j] = (double) x[j];
	sphx_reflect_f64(r, z);
	errors->doubles = fmax(errors->doubles, distance(y, z, D) / sqrt(square));
	sphx_reflect_back_f64(r, z);
	for (int j = 0; j < D; j++)
		error += ((double) x[j] - z[j]) * ((double) x[j] - z[j]);
	errors->doubles_back = fmax(errors->doubles_back, sqrt(error / square));
	free(z);
}

static void
see_vector(const SphxReflectors *r, int D, int count, const float *vectors, const int16_t *bytes,
		   const float *x, Errors *errors)
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
	see_doubles(r, D, x, y, errors);
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
	int16_t    *bytes = malloc(sphx_reflectors_bytes(D, count) + 1);

	sphx_reflectors_write(r, bytes);
	for (int i = 0; i < TRIED; i++)
		see_vector(r, D, count, vectors, bytes, x + (size_t) i * (size_t) D, &errors);
	free(x);
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
	ok(errors.rounding < 2e-6 && errors.back < 4e-6,
	   "... rounded by %.1e, there and back by %.1e", errors.rounding, errors.back);
	ok(errors.doubles < 2e-6 && errors.doubles_back < 6e-16 * (count + 1.0) * (D + 12.0),
	   "... in double precision %.1e from that, there and back by %.1e", errors.doubles,
	   errors.doubles_back);
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

/* rows together come out as each alone */
static void
test_rows(int D, int count, int n)
{
	size_t		stride = (size_t) D + 3;
	float	   *vectors = random_basis(D, count);
	SphxReflectors *r = sphx_reflectors_create(&counting.env, D, count, vectors);
	float	   *x = floats(stride * (size_t) n);
	float	   *alone = floats(stride * (size_t) n);
	float	   *scratch = floats(SPHX_REFLECT_ROWS * (size_t) count);

	for (size_t i = 0; i < stride * (size_t) n; i++)
		x[i] = alone[i] = (float) sphx_random_normal(&generator);
	for (int i = 0; i < n; i++)
		sphx_reflect(r, alone + (size_t) i * stride, scratch);
	sphx_reflect_rows(r, (size_t) n, x, stride, scratch);
	ok(memcmp(x, alone, sizeof(float) * stride * (size_t) n) == 0, "%d rows of %d reflectors, %d dimensions: %s",
	   n, count, D, sphx_kernels->name);
	counting.env.release(&counting.env, r);
	free(vectors);
	free(x);
	free(alone);
	free(scratch);
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



/* Eigenvectors */

static void
test_eigen(void)
{
	enum
	{
		N = 60
	};
	double		a[N * N];
	double		copy[N * N];
	double		vectors[N * N];
	double		values[N];
	double		error = 0.0;
	bool		sorted = true;

	for (int i = 0; i < N; i++)
		for (int k = 0; k <= i; k++)
			a[i * N + k] = a[k * N + i] = sphx_random_normal(&generator);
	memcpy(copy, a, sizeof(a));
	sphx_eigen(&counting.env, N, a, vectors, values);
	for (int i = 0; i < N; i++)
		for (int k = 0; k < N; k++)
		{
			double		product = dot_doubles(copy + k * N, vectors + i * N, N);

			error = fmax(error, fabs(product - values[i] * vectors[i * N + k]));
			error = fmax(error, fabs(dot_doubles(vectors + i * N, vectors + k * N, N) - (i == k)));
			sorted = sorted && (i == 0 || values[i] <= values[i - 1]);
		}
	ok(error < 1e-12 && sorted, "eigenvectors of a %d x %d matrix to %.1e", N, N, error);
	memset(a, 0, sizeof(a));
	sphx_eigen(&counting.env, N, a, vectors, values);
	ok(values[0] == 0.0 && values[N - 1] == 0.0 && vectors[0] == 1.0, "... and of zero");
}


/* Spectra */

/* rows normal with standard deviations sigma in a random basis, around an offset */
static float *
shaped_rows(int n, int D, const double *sigma, const float *basis, float offset)
{
	float	   *rows = floats((size_t) n * (size_t) D);

	for (int i = 0; i < n; i++)
	{
		float	   *row = rows + (size_t) i * (size_t) D;

		for (int j = 0; j < D; j++)
			row[j] = offset;
		for (int k = 0; k < D; k++)
		{
			float		x = (float) (sigma[k] * sphx_random_normal(&generator));

			for (int j = 0; j < D; j++)
				row[j] += x * basis[(size_t) k * (size_t) D + (size_t) j];
		}
	}
	return rows;
}

/* what must hold of every spectrum */
static bool
is_spectrum(const SphxSpectrum *s, int D, int most)
{
	double		sum = (double) s->rest * (D - s->count);
	double		error = 0.0;
	bool		good = s->D == D && s->count >= 0 && s->count <= most && s->rest >= 0.0f &&
	isfinite(s->rest) && isfinite(s->intrinsic) && isfinite(s->length) && s->length > 0.0f;

	for (int i = 0; i < s->count; i++)
	{
		sum += (double) s->variances[i];
		good = good && s->variances[i] >= 0.0f && (i == 0 || s->variances[i] <= s->variances[i - 1]);
		for (int k = 0; k <= i; k++)
			error = fmax(error, fabs(dot_floats(s->vectors + (size_t) i * (size_t) D,
												s->vectors + (size_t) k * (size_t) D, D) - (i == k)));
	}
	return good && fabs(sum - 1.0) < 1e-4 && error < 1e-5;
}

/* energy of the leading directions, and how much of them lies in the first rows of the basis */
static void
test_planted(int D, int planted, int n, int most, float offset)
{
	double	   *sigma = malloc(sizeof(double) * (size_t) D);
	float	   *basis = random_basis(D, D);
	double		total = 0.0;
	double		head = 0.0;
	double		found = 0.0;
	double		inside = 0.0;
	SphxSpectrum *s;
	float	   *rows;

	for (int k = 0; k < D; k++)
		sigma[k] = k < planted ? 1.0 : 0.1;
	for (int k = 0; k < D; k++)
		total += sigma[k] * sigma[k];
	head = planted / total;
	rows = shaped_rows(n, D, sigma, basis, offset);
	s = sphx_spectrum_train(&counting.env, n, rows, D, most, 1);
	for (int i = 0; i < planted; i++)
	{
		found += (double) s->variances[i];
		for (int k = 0; k < planted; k++)
		{
			double		product = dot_floats(s->vectors + (size_t) i * (size_t) D,
											 basis + (size_t) k * (size_t) D, D);

			inside += product * product / planted;
		}
	}
	/* near neighbours differ less where rows do most, and more in the rest */
	ok(is_spectrum(s, D, most) && s->count == most && inside > 0.99 && found < head + .01 &&
	   found > 0.5 * head,
	   "%d of %d dimensions, offset %g: %.4f of their space, energy %.3f of %.3f", planted, D,
	   (double) offset, inside, found, head);
	counting.env.release(&counting.env, s);
	free(rows);
	free(sigma);
	free(basis);
}

/* no overfitting: along chosen directions of isotropic rows differences are not longer */
static void
test_isotropic(int n, int D, int most)
{
	float	   *rows = random_floats((size_t) n * (size_t) D);
	SphxSpectrum *s = sphx_spectrum_train(&counting.env, n, rows, D, most, 1);
	double		mean = 0.0;

	for (int i = 0; i < s->count; i++)
		mean += (double) s->variances[i] * D / s->count;
	ok(is_spectrum(s, D, most) && mean > 0.9 && mean < 1.1,
	   "isotropic: %d directions of %d have %.3f of the mean variance", s->count, D, mean);
	counting.env.release(&counting.env, s);
	free(rows);
}

typedef enum Strange
{
	EQUAL, ZERO, CONSTANT_COLUMNS, PAIRS, NOT_FINITE, HUGE_ROWS, TINY_ROWS, LINE,
				STRANGE_KINDS
} Strange;

static const char *const strange_names[] = {
	"equal rows", "zero rows", "constant columns", "each row 20 times", "rows that are not finite",
	"huge rows", "tiny rows", "rows on a line"
};

static float *
strange_rows(Strange kind, int n, int D)
{
	float	   *rows = random_floats((size_t) n * (size_t) D);

	for (int i = 0; i < n; i++)
		for (int j = 0; j < D; j++)
		{
			float	   *x = rows + (size_t) i * (size_t) D + j;

			if (kind == EQUAL || (kind == CONSTANT_COLUMNS && j % 2 == 0))
				*x = 3.25f * (float) (j + 1);
			else if (kind == ZERO)
				*x = 0.0f;
			else if (kind == PAIRS)
				*x = rows[(size_t) (i / 20 * 20) * (size_t) D + (size_t) j];
			else if (kind == NOT_FINITE && i % 7 == 3)
				*x = j % 2 == 0 ? NAN : -INFINITY;
			else if (kind == HUGE_ROWS)
				*x *= 3e37f;
			else if (kind == TINY_ROWS)
				*x *= 1e-38f;
			else if (kind == LINE)
				*x = (float) (i * (j + 1));
		}
	return rows;
}

static void
test_strange(void)
{
	static const int sizes[][2] = {{0, 5}, {1, 5}, {2, 5}, {3, 1}, {30, 100}, {400, 24}, {1000, 1}};

	for (int kind = 0; kind < STRANGE_KINDS; kind++)
	{
		bool		good = true;
		int			found = 0;

		for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		{
			int			n = sizes[i][0];
			int			D = sizes[i][1];
			float	   *rows = strange_rows((Strange) kind, n, D);
			SphxSpectrum *s = sphx_spectrum_train(&counting.env, n, rows, D, 24, 7);

			good = good && is_spectrum(s, D, 24);
			found = s->count > found ? s->count : found;
			counting.env.release(&counting.env, s);
			free(rows);
		}
		ok(good && (found == 0) == (kind == EQUAL || kind == ZERO), "%s: up to %d directions",
		   strange_names[kind], found);
	}
}

/* columns that are the same in all rows: the mean is along the last direction of theirs */
static void
test_constant(int D, int n, int most)
{
	float	   *rows = random_floats((size_t) n * (size_t) D);
	float	   *mean = floats((size_t) D);
	double		square = 0.0;
	double		other = 0.0;
	double		last;
	SphxSpectrum *s;

	for (int j = 0; j < D; j++)
	{
		mean[j] = j % 3 == 0 ? 0.0f : (float) (j + 1);
		square += (double) mean[j] * (double) mean[j];
		for (int i = 0; i < n && j % 3 != 0; i++)
			rows[(size_t) i * (size_t) D + (size_t) j] = mean[j];
	}
	s = sphx_spectrum_train(&counting.env, n, rows, D, most, 1);
	for (int i = 0; i < s->count - 1; i++)
		other = fmax(other, fabs(dot_floats(mean, s->vectors + (size_t) i * (size_t) D, D)));
	last = dot_floats(mean, s->vectors + (size_t) (s->count - 1) * (size_t) D, D);
	ok(is_spectrum(s, D, most) && s->count == most && other < 1e-3 * sqrt(square) &&
	   (most < D || last > 0.999 * sqrt(square)),
	   "%d of %d directions, constant columns: %.1e of the mean along the others, %.3f along the last",
	   most, D, other / sqrt(square), last / sqrt(square));
	counting.env.release(&counting.env, s);
	free(rows);
	free(mean);
}

/* of a spectrum's own directions, of a basis, and of too few differences */
static void
test_measure(void)
{
	enum
	{
		D = 40, N = 2000
	};
	float	   *rows = random_floats(N * D);
	float	   *basis = random_basis(D, D);
	float		variances[D];
	double		sum = 0.0;
	double		error = 0.0;
	SphxSpectrum *s;

	for (int i = 0; i < N * D; i += D)
		rows[i] *= 3.0f;
	s = sphx_spectrum_train(&counting.env, N, rows, D, 10, 3);
	sphx_spectrum_measure(&counting.env, N, rows, D, 3, 10, s->vectors, variances);
	for (int i = 0; i < 10; i++)
		error = fmax(error, fabs((double) variances[i] - (double) s->variances[i]));
	sphx_spectrum_measure(&counting.env, N, rows, D, 3, D, basis, variances);
	for (int i = 0; i < D; i++)
		sum += (double) variances[i];
	ok(error == 0.0 && fabs(sum - 1.0) < 1e-4,
	   "variances along given directions: the spectrum's own to %.1e, those of a basis add up to %.4f",
	   error, sum);
	sphx_spectrum_measure(&counting.env, 1, rows, D, 3, D, basis, variances);
	ok(variances[0] == 1.0f / D && variances[D - 1] == 1.0f / D, "... and of one row");
	counting.env.release(&counting.env, s);
	free(rows);
	free(basis);
}

static void
test_seed(void)
{
	float	   *rows = random_floats(2000 * 40);
	SphxSpectrum *a = sphx_spectrum_train(&counting.env, 2000, rows, 40, 10, 3);
	SphxSpectrum *b = sphx_spectrum_train(&counting.env, 2000, rows, 40, 10, 3);

	ok(a->count == b->count && memcmp(a->vectors, b->vectors, sizeof(float) * 400) == 0 &&
	   memcmp(a->variances, b->variances, sizeof(float) * 10) == 0 && a->rest == b->rest,
	   "the same seed, the same spectrum");
	counting.env.release(&counting.env, a);
	counting.env.release(&counting.env, b);
	free(rows);
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
		test_rows(100, 37, 11);
		test_rows(64, 64, 3);
		test_damaged();
		test_bad_vectors();
	}
	test_count();
	test_eigen();
	test_planted(64, 8, 3000, 16, 0.0f);
	test_planted(64, 8, 3000, 64, 0.0f);
	test_planted(200, 20, 3000, 30, 0.0f);
	test_planted(64, 8, 3000, 16, 300.0f);
	test_isotropic(2000, 64, 16);
	test_isotropic(1000, 300, 128);
	test_strange();
	test_constant(24, 500, 24);
	test_constant(150, 600, 150);
	test_constant(150, 600, 90);
	test_measure();
	test_seed();
	ok(counting.live == 0 && counting.progress_sane, "nothing leaks");
	return tap_done();
}
