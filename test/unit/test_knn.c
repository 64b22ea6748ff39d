/*-------------------------------------------------------------------------
 *
 * test_knn.c
 *	  Unit tests of the search for all rows' neighbours: the work, counted,
 *	  and what is found, where cells do not divide the rows.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "math/base/blas.h"
#include "math/base/compare.h"
#include "math/base/random.h"
#include "math/kernels/kernels.h"
#include "math/train/assign.h"
#include "math/train/train.h"
#include "tap.h"

/* distances that come out of matrix products */
static double products = 0;

static void
counted_gemm_nt(size_t rows_a, size_t rows_b, size_t d, const float *a, const float *b, float *c)
{
	products += (double) rows_a * (double) rows_b;
	sphx_gemm_nt(rows_a, rows_b, d, a, b, c);
}

#define sphx_gemm_nt counted_gemm_nt
#define sphx_build_knn counted_build_knn
#define sphx_pools_task counted_pools_task
#define sphx_exact_task counted_exact_task
#define sphx_join_task counted_join_task
#include "math/graph/knn.c"

#define DIMS		16
#define ROWS		40000
#define ROWS_PER_CELL 330
#define PROBES		8
#define KNN			32
#define K			10
#define ASKED_ROWS	100

typedef enum Shape
{
	UNIFORM,
	BALL,						/* nine of ten rows close together */
	EQUAL,						/* nine of ten rows the same */
	HEAD						/* rows differ in the first half of
								 * coordinates most */
} Shape;

static void
draw_rows(Shape shape, uint32_t n, float *rows)
{
	SphxRandom	random;

	sphx_random_seed(&random, 5);
	for (uint32_t i = 0; i < n; i++)
	{
		float		scale = i % 10 == 0 || shape == UNIFORM || shape == HEAD ? 1.0f : shape == BALL ? .001f : 0.0f;

		for (int j = 0; j < DIMS; j++)
			rows[i * DIMS + (uint32_t) j] = (shape == HEAD && j >= DIMS / 2 ? .3f : scale) *
				(float) sphx_random_normal(&random);
	}
}

/* neighbours of rows by so many coordinates, with so many cells; the products it took, a row, are left in *work */
static SphxNeighbour *
find_neighbours(uint32_t n, const float *rows, int near_d, int cells, double *work)
{
	SphxEnv    *env = sphx_env_malloc();
	SphxTrainParams params = {.k = cells,.seed = 3};
	SphxTrainReport report[2];
	float	   *centroids = malloc((size_t) cells * DIMS * sizeof(float));
	int			k = sphx_train(env, &params, n, DIMS, rows, centroids, report);
	int			probes = k < PROBES ? k : PROBES;
	uint32_t   *nearest = malloc(n * (size_t) probes * sizeof(uint32_t));
	SphxBuildInput input = {.n = n,.d = DIMS,.near_d = near_d,.rows = rows,.cell_count = k,.probes = probes,.cells = nearest};
	SphxNeighbour *knn;

	sphx_assign(env, n, DIMS, rows, k, centroids, probes, nearest, NULL);
	products = 0;
	knn = sphx_build_knn(env, &input, KNN);
	*work = products / n;
	free(nearest);
	free(centroids);
	return knn;
}

/* the part of the true K nearest, of some rows, that has been found */
static double
recall(uint32_t n, const float *rows, const SphxNeighbour *knn)
{
	float	   *distances = malloc(n * sizeof(float));
	int			good = 0;

	for (uint32_t i = 0; i < ASKED_ROWS; i++)
	{
		uint32_t	row = i * (n / ASKED_ROWS) + i % 10;

		for (uint32_t other = 0; other < n; other++)
			distances[other] = other == row ? INFINITY :
				sphx_kernels->l2sq_f32(rows + row * DIMS, rows + other * DIMS, DIMS);
		qsort(distances, n, sizeof(float), sphx_compare_floats);
		for (uint32_t j = 0; j < K; j++)
			good += knn[row * KNN + j].distance <= distances[K - 1];
	}
	free(distances);
	return good / (double) (ASKED_ROWS * K);
}

/* each row's list is full, ascending, and names others, each once */
static bool
lists_sane(uint32_t n, const SphxNeighbour *knn)
{
	for (uint32_t row = 0; row < n; row++)
	{
		const SphxNeighbour *list = knn + row * KNN;

		for (int i = 0; i < KNN; i++)
		{
			if (list[i].id >= n || list[i].id == row ||
				(i > 0 && list[i].distance < list[i - 1].distance))
				return false;
			for (int j = 0; j < i; j++)
				if (list[i].id == list[j].id)
					return false;
		}
	}
	return true;
}

/* the work on a row does not depend on how many there are, and what is near is found */
static void
test_shape(Shape shape, int cells, double least, const char *name)
{
	float	   *rows = malloc((size_t) ROWS * DIMS * sizeof(float));
	SphxNeighbour *knn;
	double		work;
	double		part;

	draw_rows(shape, ROWS, rows);
	knn = find_neighbours(ROWS, rows, shape == HEAD ? DIMS / 2 : DIMS, cells, &work);
	part = recall(ROWS, rows, knn);
	ok(lists_sane(ROWS, knn), "%s: lists are full and in order", name);
	ok(part >= least, "%s: recall %.3f", name, part);
	ok(work < 2.5 * MOST_POOL_ROWS, "%s: %.0f products a row", name, work);
	sphx_env_malloc()->release(sphx_env_malloc(), knn);
	free(rows);
}

int
main(void)
{
	const char *why = NULL;

	if (!ok(sphx_blas_load(&why), "BLAS loads (%s)", why ? why : "no complaint"))
		return tap_done();
	test_shape(UNIFORM, 1, .95, "one cell");
	test_shape(HEAD, ROWS / ROWS_PER_CELL, .95, "half of the coordinates");
	test_shape(BALL, ROWS / ROWS_PER_CELL, .95, "a ball");
	test_shape(EQUAL, ROWS / ROWS_PER_CELL, .95, "equal rows");
	/* hardly a pivot is another, so the rows are halved */
	test_shape(EQUAL, 1, .9, "equal rows in one cell");
	return tap_done();
}
