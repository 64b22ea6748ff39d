/*-------------------------------------------------------------------------
 *
 * principal.c
 *	  Principal directions: those along which rows, or their directions, vary most.
 *
 * Randomised subspace iteration (Halko, Martinsson and Tropp) as in spectrum.c,
 * but in double precision and over the rows themselves: V <- V X^T X with X the
 * centered or the normalised rows, in blocks, so that no matrix is D x D; then the
 * eigenvectors of the small matrix V X^T X V^T turn V.  Some directions more than
 * asked for are iterated, which converges faster.
 *
 *-------------------------------------------------------------------------
 */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "math/base/blas.h"
#include "math/base/random.h"
#include "math/train/eigen.h"
#include "math/train/principal.h"

/* rows of a matrix product */
#define BLOCK			256

/* directions beyond those asked for */
#define MORE			16

#define MOST_ITERATIONS	24

/* by what part the trace in the directions grows when an iteration is the last */
#define CONVERGED		1e-6

/* a row that shrinks to less than this was a combination of those before it */
#define DEPENDENT		1e-9

/* eigenvalues below this part of the trace are rounding */
#define NOTHING			1e-13

typedef struct Work
{
	SphxEnv    *env;
	int			n;
	int			D;
	const float *rows;
	SphxMoments moments;
	int			count;			/* directions that are iterated */
	double		trace;			/* of the moments, times n */
	double	   *mean;			/* D */
	double	   *block;			/* BLOCK x D */
	double	   *vectors;		/* count x D */
	double	   *image;			/* the same: V X^T X */
	double	   *part;			/* the same: that of one block */
	double	   *products;		/* count x BLOCK, or count x count */
	SphxRandom	random;
} Work;


/* Rows */

static double
square_f32(const float *x, int D)
{
	double		square = 0.0;

	for (int j = 0; j < D; j++)
		square += (double) x[j] * (double) x[j];
	return square;
}

/* row i as a unit vector, or as it is; false when it has no direction */
static bool
put_row(const Work *work, int i, double *out)
{
	const float *row = work->rows + (size_t) i * (size_t) work->D;
	double		unit = 1.0;

	if (work->moments == SPHX_MOMENTS_UNIT)
	{
		unit = sqrt(square_f32(row, work->D));
		if (!(unit > 0.0))
			return false;
	}
	for (int j = 0; j < work->D; j++)
		out[j] = (double) row[j] / unit;
	return true;
}

/* The next rows, from *next on, as X has them; returns how many. */
static int
next_block(Work *work, int *next)
{
	int			count = 0;

	for (; *next < work->n && count < BLOCK; (*next)++)
	{
		double	   *out = work->block + (size_t) count * (size_t) work->D;

		if (!put_row(work, *next, out))
			continue;
		if (work->moments == SPHX_MOMENTS_COVARIANCE)
			for (int j = 0; j < work->D; j++)
				out[j] -= work->mean[j];
		count++;
	}
	work->env->tick(work->env, (uint64_t) *next, (uint64_t) work->n);
	return count;
}

static void
find_mean(Work *work)
{
	int			count = 0;

	memset(work->mean, 0, sizeof(double) * (size_t) work->D);
	for (int i = 0; i < work->n; i++)
	{
		if (!put_row(work, i, work->block))
			continue;
		for (int j = 0; j < work->D; j++)
			work->mean[j] += work->block[j];
		if (count++ % BLOCK == 0)
			work->env->tick(work->env, (uint64_t) i, (uint64_t) work->n);
	}
	for (int j = 0; j < work->D && count > 0; j++)
		work->mean[j] /= count;
}

static void
find_trace(Work *work)
{
	int			next = 0;
	int			rows;

	work->trace = 0.0;
	while ((rows = next_block(work, &next)) > 0)
		for (size_t i = 0; i < (size_t) rows * (size_t) work->D; i++)
			work->trace += work->block[i] * work->block[i];
}

/* image = V X^T X */
static void
multiply(Work *work)
{
	size_t		D = (size_t) work->D;
	size_t		count = (size_t) work->count;
	int			next = 0;
	int			rows;

	memset(work->image, 0, sizeof(double) * count * D);
	while ((rows = next_block(work, &next)) > 0)
	{
		sphx_dgemm_nt(count, (size_t) rows, D, work->vectors, work->block, work->products);
		sphx_dgemm_nn(count, D, (size_t) rows, work->products, work->block, work->part);
		for (size_t i = 0; i < count * D; i++)
			work->image[i] += work->part[i];
	}
}


/* Directions */

static double
dot(const double *a, const double *b, int D)
{
	double		sums[4] = {0.0};
	int			j = 0;

	for (; j + 4 <= D; j += 4)
		for (int k = 0; k < 4; k++)
			sums[k] += a[j + k] * b[j + k];
	for (; j < D; j++)
		sums[0] += a[j] * b[j];
	return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

static double *
direction(const Work *work, int i)
{
	return work->vectors + (size_t) i * (size_t) work->D;
}

static void
random_direction(Work *work, int i)
{
	for (int j = 0; j < work->D; j++)
		direction(work, i)[j] = sphx_random_uniform(&work->random) - 0.5;
}

/* Take away what directions before i have of direction i; returns what is left of it. */
static double
project_out(const Work *work, int i)
{
	double	   *v = direction(work, i);
	double		before = sqrt(dot(v, v, work->D));

	if (!(before > 0.0))
		return 0.0;
	for (int j = 0; j < work->D; j++)
		v[j] /= before;
	for (int k = 0; k < i; k++)
	{
		const double *other = direction(work, k);
		double		product = dot(v, other, work->D);

		for (int j = 0; j < work->D; j++)
			v[j] -= product * other[j];
	}
	return sqrt(dot(v, v, work->D));
}

/*
 * Make the directions orthonormal, in order.  One that is a combination of those
 * before it gives way to a random one.
 */
static void
orthonormalize(Work *work)
{
	for (int i = 0; i < work->count; i++)
	{
		double		left = 0.0;

		for (int tries = 0; tries < 20; tries++)
		{
			left = project_out(work, i);
			/* once more: the first time what is left may be mostly rounding */
			if (left > 0.5 && tries > 0)
				break;
			if (left <= DEPENDENT)
				random_direction(work, i);
		}
		for (int j = 0; j < work->D; j++)
			direction(work, i)[j] /= left;
		work->env->tick(work->env, (uint64_t) i, (uint64_t) work->count);
	}
}

/* the part of the trace in the directions, when image is V X^T X */
static double
trace_of_image(const Work *work)
{
	return dot(work->vectors, work->image, work->count * work->D);
}

static void
iterate(Work *work)
{
	double		before = 0.0;

	for (int i = 0; i < work->count; i++)
		random_direction(work, i);
	orthonormalize(work);
	for (int i = 0; i < MOST_ITERATIONS; i++)
	{
		double		trace;

		multiply(work);
		trace = trace_of_image(work);
		/* all directions span the same space from the beginning */
		if (work->count == work->D || !(trace - before > CONVERGED * trace))
			return;
		before = trace;
		memcpy(work->vectors, work->image,
			   sizeof(double) * (size_t) work->count * (size_t) work->D);
		orthonormalize(work);
	}
	multiply(work);
}


/* Results */

static SphxPrincipal *
allocate_result(SphxEnv *env, int D, int most)
{
	size_t		doubles = (size_t) D + (size_t) most;
	size_t		floats = (size_t) D * (size_t) most;
	SphxPrincipal *principal = env->alloc(env, sizeof(SphxPrincipal) + sizeof(double) * doubles +
										  sizeof(float) * floats);

	principal->D = D;
	principal->count = 0;
	principal->mean = (double *) (principal + 1);
	principal->shares = principal->mean + D;
	principal->vectors = (float *) (principal->shares + most);
	return principal;
}

/* direction i of the result: the combination of V that the eigenvector is */
static void
put_direction(const Work *work, const double *turn, float *out)
{
	double	   *sum = work->block;

	memset(sum, 0, sizeof(double) * (size_t) work->D);
	for (int k = 0; k < work->count; k++)
		for (int j = 0; j < work->D; j++)
			sum[j] += turn[k] * direction(work, k)[j];
	for (int j = 0; j < work->D; j++)
		out[j] = (float) sum[j];
}

/* Turn V by the eigenvectors of V X^T X V^T; image is V X^T X. */
static void
put_results(Work *work, int most, SphxPrincipal *principal)
{
	size_t		count = (size_t) work->count;
	double	   *matrix = work->env->alloc(work->env, sizeof(double) * (2 * count + 1) * count);
	double	   *turns = matrix + count * count;
	double	   *values = turns + count * count;

	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k <= i; k++)
			matrix[i * count + k] = matrix[k * count + i] =
				dot(direction(work, (int) i), work->image + k * (size_t) work->D, work->D);
	sphx_eigen(work->env, work->count, matrix, turns, values);
	for (int i = 0; i < most && i < work->count && values[i] > NOTHING * work->trace; i++)
	{
		put_direction(work, turns + (size_t) i * count,
					  principal->vectors + (size_t) i * (size_t) work->D);
		principal->shares[i] = values[i] / work->trace;
		principal->count++;
	}
	work->env->release(work->env, matrix);
}

static void
allocate_work(Work *work)
{
	size_t		D = (size_t) work->D;
	size_t		count = (size_t) work->count;

	work->block = work->env->alloc(work->env, sizeof(double) *
								   (BLOCK * D + 3 * count * D + count * BLOCK));
	work->vectors = work->block + BLOCK * D;
	work->image = work->vectors + count * D;
	work->part = work->image + count * D;
	work->products = work->part + count * D;
}

SphxPrincipal *
sphx_principal_train(SphxEnv *env, int n, const float *rows, int D, int most,
					 SphxMoments moments, uint64_t seed)
{
	Work		work = {.env = env,.n = n,.D = D,.rows = rows,.moments = moments};
	SphxPrincipal *principal;

	assert(n >= 0 && D >= 1 && most >= 0);
	sphx_random_seed(&work.random, seed);
	/* n rows span no more than n directions */
	most = most < D ? most : D;
	most = most < n ? most : n;
	work.count = most < D - MORE ? most + MORE : D;
	principal = allocate_result(env, D, most);
	work.mean = principal->mean;
	allocate_work(&work);
	find_mean(&work);
	find_trace(&work);
	if (most > 0 && work.trace > 0.0)
	{
		iterate(&work);
		put_results(&work, most, principal);
	}
	env->release(env, work.block);
	return principal;
}
