/*-------------------------------------------------------------------------
 *
 * product.c
 *	  Random product codes (Lu, Xiao and Ishikawa, Algorithms 1 to 3).
 *
 *-------------------------------------------------------------------------
 */
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "math/base/random.h"
#include "math/codes/product.h"

/* points that configurations of Algorithm 2 are compared on */
#define TRIAL_POINTS	1024

/* so that a code and something else made from the same seed are independent */
#define STREAM			UINT64_C(0x636f6465)

static double
dot(const double *a, const double *b, size_t n)
{
	double		sum = 0.0;

	for (size_t i = 0; i < n; i++)
		sum += a[i] * b[i];
	return sum;
}

/* uniform on the sphere of the given radius */
static void
random_point(SphxRandom *random, size_t width, double radius, double *x)
{
	double		square;

	do
	{
		square = 0.0;
		for (size_t i = 0; i < width; i++)
		{
			x[i] = sphx_random_normal(random);
			square += x[i] * x[i];
		}
	} while (!(square > 0.0));
	for (size_t i = 0; i < width; i++)
		x[i] *= radius / sqrt(square);
}

/*
 * A random orthogonal matrix, rows of Gaussian numbers made orthonormal.  The
 * projections are taken off twice, which is enough for double precision.
 */
static void
random_rotation(SphxEnv *env, SphxRandom *random, size_t width, double *rows)
{
	for (size_t i = 0; i < width; i++)
	{
		double	   *row = rows + i * width;

		random_point(random, width, 1.0, row);
		for (int pass = 0; pass < 2; pass++)
		{
			double		square;

			for (size_t k = 0; k < i; k++)
			{
				const double *other = rows + k * width;
				double		projection = dot(row, other, width);

				for (size_t j = 0; j < width; j++)
					row[j] -= projection * other[j];
			}
			square = dot(row, row, width);
			for (size_t j = 0; j < width; j++)
				row[j] /= sqrt(square);
		}
		env->tick(env, i, width);
	}
}

void
sphx_product_gaussian(SphxEnv *env, const SphxProductParams *p, double *points)
{
	size_t		width = (size_t) (p->dim / p->levels);
	size_t		n = (size_t) p->levels * (size_t) p->m;
	SphxRandom	random;

	sphx_random_seed(&random, p->seed ^ STREAM);
	for (size_t i = 0; i < n; i++)
	{
		random_point(&random, width, 1.0 / sqrt(p->levels), points + i * width);
		if (i % 64 == 0)
			env->tick(env, i, n);
	}
}

void
sphx_product_antipodal(SphxEnv *env, const SphxProductParams *p, double *points)
{
	size_t		width = (size_t) (p->dim / p->levels);
	size_t		n = (size_t) p->levels * (size_t) p->m;
	SphxRandom	random;

	assert(p->m % 2 == 0);
	sphx_random_seed(&random, p->seed ^ STREAM);
	for (size_t i = 0; i < n; i += 2)
	{
		double	   *x = points + i * width;

		random_point(&random, width, 1.0 / sqrt(p->levels), x);
		for (size_t j = 0; j < width; j++)
			x[width + j] = -x[j];
		if (i % 64 == 0)
			env->tick(env, i, n);
	}
}

/* one level: m unit vectors from the axes of random rotations */
static void
random_polytopes(SphxEnv *env, SphxRandom *random, int m, size_t width, double *points)
{
	double	   *rows = env->alloc(env, width * width * sizeof(double));
	size_t	   *order = env->alloc(env, width * sizeof(size_t));
	size_t		pairs = (size_t) m / 2;

	for (size_t done = 0; done < pairs;)
	{
		size_t		take = pairs - done < width ? pairs - done : width;

		random_rotation(env, random, width, rows);
		for (size_t i = 0; i < width; i++)
			order[i] = i;
		for (size_t i = 0; i < take; i++, done++)
		{
			size_t		pick = i + (size_t) sphx_random_below(random, width - i);
			size_t		row = order[pick];

			order[pick] = order[i];
			for (size_t j = 0; j < width; j++)
			{
				points[2 * done * width + j] = rows[row * width + j];
				points[(2 * done + 1) * width + j] = -rows[row * width + j];
			}
		}
	}
	env->release(env, order);
	env->release(env, rows);
}

/* J~(S, N): mean over the trial points of the largest inner product with m unit vectors */
static double
mean_reference_cosine(SphxEnv *env, const double *trial, int m, size_t width,
					  const double *points)
{
	double		sum = 0.0;

	for (size_t t = 0; t < TRIAL_POINTS; t++)
	{
		double		best = 0.0;

		/* the points are antipodal pairs */
		for (size_t i = 0; i < (size_t) m; i += 2)
			best = fmax(best, fabs(dot(points + i * width, trial + t * width, width)));
		sum += best;
		if (t % 16 == 0)
			env->tick(env, t, TRIAL_POINTS);
	}
	return sum / TRIAL_POINTS;
}

/* the best of several configurations, into best */
static void
choose_polytopes(SphxEnv *env, const SphxProductParams *p, SphxRandom *random, double *best)
{
	size_t		width = (size_t) (p->dim / p->levels);
	size_t		bytes = (size_t) p->m * width * sizeof(double);
	double	   *trial;
	double	   *points;
	double		best_mean;

	random_polytopes(env, random, p->m, width, best);
	if (p->rounds <= 1)
		return;

	trial = env->alloc(env, TRIAL_POINTS * width * sizeof(double));
	points = env->alloc(env, bytes);
	for (size_t t = 0; t < TRIAL_POINTS; t++)
		random_point(random, width, 1.0, trial + t * width);
	best_mean = mean_reference_cosine(env, trial, p->m, width, best);
	for (int r = 1; r < p->rounds; r++)
	{
		double		mean;

		random_polytopes(env, random, p->m, width, points);
		mean = mean_reference_cosine(env, trial, p->m, width, points);
		if (mean > best_mean)
		{
			best_mean = mean;
			memcpy(best, points, bytes);
		}
	}
	env->release(env, points);
	env->release(env, trial);
}

void
sphx_product_polytopes(SphxEnv *env, const SphxProductParams *p, double *points)
{
	size_t		width = (size_t) (p->dim / p->levels);
	double	   *best = env->alloc(env, (size_t) p->m * width * sizeof(double));
	double	   *rows = env->alloc(env, width * width * sizeof(double));
	double		radius = 1.0 / sqrt(p->levels);
	SphxRandom	random;

	assert(p->m % 2 == 0);
	sphx_random_seed(&random, p->seed ^ STREAM);
	choose_polytopes(env, p, &random, best);
	for (int l = 0; l < p->levels; l++)
	{
		random_rotation(env, &random, width, rows);
		for (size_t i = 0; i < (size_t) p->m; i++)
		{
			for (size_t j = 0; j < width; j++)
				*points++ = radius * dot(rows + j * width, best + i * width, width);
		}
	}
	env->release(env, rows);
	env->release(env, best);
}
