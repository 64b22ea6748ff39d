/*-------------------------------------------------------------------------
 *
 * separation.c
 *	  Separation of point sets: nearest pairs and their soft minimum.
 *
 *-------------------------------------------------------------------------
 */
#include <assert.h>
#include <float.h>
#include <math.h>

#include "math/base/blas.h"
#include "math/base/random.h"
#include "math/codes/point_set.h"
#include "math/graph/construct.h"
#include "math/train/assign.h"
#include "math/train/train.h"

#define BLOCK			512		/* rows of a block of the matrix product */
#define SMALL_WORK		3e7		/* multiplications that are not worth loading
								 * a library */
#define TICK_WORK		1000000 /* multiplications between two ticks */
#define NEIGHBOURS		8
#define PROBES			8
#define TRAINING_ROWS	65536
#define ROWS_A_CELL		256

static double
pair_square(const SphxPointSet *set, size_t i, size_t j)
{
	const float *a = set->rows + i * (size_t) set->d;
	const float *b = set->rows + j * (size_t) set->d;
	double		sum = 0.0;

	for (int k = 0; k < set->d; k++)
	{
		double		difference = (double) a[k] - (double) b[k];

		sum += difference * difference;
	}
	return sum;
}

/* keep the nearer; pairs are compared by their squared distance until the end */
static void
offer(const SphxPointSet *set, size_t i, size_t j, SphxPointPair *pair)
{
	double		square = pair_square(set, i, j);

	if (square < pair->distance)
	{
		pair->distance = square;
		pair->i = i < j ? i : j;
		pair->j = i < j ? j : i;
	}
}

static void
nearest_by_loops(SphxEnv *env, const SphxPointSet *set, SphxPointPair *pair)
{
	size_t		work = 0;

	for (size_t i = 0; i + 1 < set->n; i++)
	{
		for (size_t j = i + 1; j < set->n; j++)
			offer(set, i, j, pair);
		work += (set->n - i) * (size_t) set->d;
		if (work > TICK_WORK)
		{
			env->tick(env, i, set->n);
			work = 0;
		}
	}
}

/*
 * Blocks of squared distances |a|^2 + |b|^2 - 2 <a, b> in single precision
 * tell which pairs may be nearer than the nearest so far, allowing for the
 * rounding of d products and sums; those are computed properly.
 */
static void
nearest_by_products(SphxEnv *env, const SphxPointSet *set, SphxPointPair *pair)
{
	size_t		d = (size_t) set->d;
	float	   *product = env->alloc(env, BLOCK * BLOCK * sizeof(float));
	double	   *square = env->alloc(env, set->n * sizeof(double));
	double		largest = 0.0;
	double		slack;

	for (size_t i = 0; i < set->n; i++)
	{
		square[i] = 0.0;
		for (size_t k = 0; k < d; k++)
			square[i] += (double) set->rows[i * d + k] * (double) set->rows[i * d + k];
		largest = fmax(largest, square[i]);
	}
	slack = 2.0 * ((double) d + 4.0) * FLT_EPSILON * largest;

	for (size_t i = 0; i < set->n; i += BLOCK)
	{
		size_t		rows_i = set->n - i < BLOCK ? set->n - i : BLOCK;

		for (size_t j = i; j < set->n; j += BLOCK)
		{
			size_t		rows_j = set->n - j < BLOCK ? set->n - j : BLOCK;

			sphx_gemm_nt(rows_i, rows_j, d, set->rows + i * d, set->rows + j * d, product);
			for (size_t a = 0; a < rows_i; a++)
			{
				for (size_t b = i == j ? a + 1 : 0; b < rows_j; b++)
				{
					double		about = square[i + a] + square[j + b] -
					2.0 * (double) product[a * rows_j + b];

					if (about < pair->distance + slack)
						offer(set, i + a, j + b, pair);
				}
			}
			env->tick(env, i, set->n);
		}
	}
	env->release(env, square);
	env->release(env, product);
}

static SphxPointPair
no_pair(void)
{
	SphxPointPair pair = {0, 1, HUGE_VAL};

	return pair;
}

SphxPointPair
sphx_nearest_pair(SphxEnv *env, const SphxPointSet *set)
{
	SphxPointPair pair = no_pair();
	double		work = (double) set->n * (double) set->n / 2.0 * set->d;
	const char *why;

	assert(set->n >= 2);
	if (work > SMALL_WORK && sphx_blas_load(&why))
		nearest_by_products(env, set, &pair);
	else
		nearest_by_loops(env, set, &pair);
	pair.distance = sqrt(pair.distance);
	return pair;
}

SphxPointPair
sphx_sampled_pair(SphxEnv *env, const SphxPointSet *set, int64_t pairs, uint64_t seed)
{
	SphxPointPair pair = no_pair();
	SphxRandom	random;

	assert(set->n >= 2 && pairs >= 1);
	sphx_random_seed(&random, seed);
	for (int64_t done = 0; done < pairs; done++)
	{
		size_t		i = (size_t) sphx_random_below(&random, set->n);
		size_t		j = (size_t) sphx_random_below(&random, set->n - 1);

		offer(set, i, j >= i ? j + 1 : j, &pair);
		if (done % 1024 == 0)
			env->tick(env, (uint64_t) done, (uint64_t) pairs);
	}
	pair.distance = sqrt(pair.distance);
	return pair;
}

/* centroids of a sample, and the cells that every row is near to */
static uint32_t *
assign_cells(SphxEnv *env, const SphxPointSet *set, uint64_t seed, int *cells, int *probes)
{
	size_t		d = (size_t) set->d;
	size_t		wanted = set->n / ROWS_A_CELL;
	size_t		rows = set->n < TRAINING_ROWS ? set->n : TRAINING_ROWS;
	SphxTrainParams params = {0};
	SphxTrainReport report[2];
	float	   *centroids;
	uint32_t   *ids;

	params.k = wanted < 1 ? 1 : wanted > 1024 ? 1024 : (int) wanted;
	params.iterations = 5;
	params.seed = seed;
	centroids = env->alloc(env, (size_t) params.k * d * sizeof(float));

	/* rows of a random order would be better; those of a table will do */
	*cells = sphx_train(env, &params, rows, set->d, set->rows, centroids, report);
	*probes = *cells < PROBES ? *cells : PROBES;
	ids = env->alloc(env, set->n * (size_t) *probes * sizeof(uint32_t));
	sphx_assign(env, set->n, set->d, set->rows, *cells, centroids, *probes, ids, NULL);
	env->release(env, centroids);
	return ids;
}

SphxPointPair
sphx_neighbour_pair(SphxEnv *env, const SphxPointSet *set, uint64_t seed)
{
	SphxPointPair pair = no_pair();
	SphxBuildInput input;
	uint32_t   *cells;
	SphxNeighbour *knn;
	int			k = set->n <= NEIGHBOURS ? (int) set->n - 1 : NEIGHBOURS;
	const char *why;

	assert(set->n >= 2 && set->n < UINT32_MAX);
	if (!sphx_blas_load(&why))
		return sphx_nearest_pair(env, set);
	cells = assign_cells(env, set, seed, &input.cell_count, &input.probes);
	input.n = (uint32_t) set->n;
	input.d = input.near_d = set->d;
	input.rows = set->rows;
	input.cells = cells;
	knn = sphx_build_knn(env, &input, k);
	for (size_t i = 0; i < set->n; i++)
	{
		for (int j = 0; j < k; j++)
		{
			uint32_t	id = knn[i * (size_t) k + (size_t) j].id;

			if (id != UINT32_MAX && id != i)
				offer(set, i, id, &pair);
		}
	}
	sphx_unshare(env, knn);
	env->release(env, cells);
	pair.distance = sqrt(pair.distance);
	return pair;
}

double
sphx_softmin_separation(SphxEnv *env, const SphxPointSet *set, double tau)
{
	double		least = sphx_nearest_pair(env, set).distance;
	double		sum = 0.0;
	size_t		work = 0;

	assert(tau > 0.0);
	for (size_t i = 0; i + 1 < set->n; i++)
	{
		for (size_t j = i + 1; j < set->n; j++)
			sum += exp((least - sqrt(pair_square(set, i, j))) / tau);
		work += (set->n - i) * (size_t) (set->d + 20);
		if (work > TICK_WORK)
		{
			env->tick(env, i, set->n);
			work = 0;
		}
	}
	return least - tau * log(sum);
}
