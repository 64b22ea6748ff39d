/*-------------------------------------------------------------------------
 *
 * pools.c
 *	  Pools of rows among which nearest neighbours are sought.
 *
 * The work on a pool is the product of its rows and those that ask, so a pool
 * must not grow with the number of rows.  But where most rows lie close
 * together, as seen from the centroids, or where there are few cells, it
 * does.  Such a pool is divided as the rows were divided into cells: around
 * pivots, with every row in the pools of several.
 *
 * Pivots are rows drawn at random, so that there are as many of them where
 * rows are dense as the rows deserve.  Centroids would go to the outliers,
 * whose errors are large, and leave the dense part as it is.
 *
 *-------------------------------------------------------------------------
 */
#include <stdlib.h>
#include <string.h>

#include "math/graph/pools.h"
#include "math/kernels/kernels.h"
#include "math/train/assign.h"
#include "math/train/train.h"

/* rows for a pivot, as a build has for a cell; and pivots whose parts a row is in */
#define ROWS_PER_PART		330
#define PART_PROBES			8

/* rows that are assigned to pivots in one go, at most and at least */
#define ASSIGN_ROWS			1024
#define LEAST_ROWS			32

void
sphx_pools_group(SphxEnv *env, const SphxBuildInput *input, const SphxPool *from, int count,
				 int probes, const uint32_t *cells, int asked_from, int asked_end,
				 SphxPools *pools)
{
	uint32_t	n = from != NULL ? from->count : input->n;
	size_t		pairs = (size_t) n * (size_t) probes;
	size_t		starts = (size_t) count + 1;
	uint32_t   *start = sphx_share(env, starts * sizeof(uint32_t));

	pools->count = count;
	pools->start = start;
	pools->rows = sphx_share(env, pairs * sizeof(uint32_t));
	pools->asks = sphx_share(env, pairs * sizeof(bool));
	memset(start, 0, starts * sizeof(uint32_t));
	for (size_t i = 0; i < pairs; i++)
		start[cells[i] + 1]++;
	for (size_t c = 1; c < starts; c++)
		start[c] += start[c - 1];

	/* filling moves each start to its end, which is the next one's start */
	for (size_t i = 0; i < pairs; i++)
	{
		uint32_t	place = start[cells[i]]++;
		uint32_t	row = (uint32_t) (i / (size_t) probes);
		int			rank = (int) (i % (size_t) probes);

		pools->rows[place] = from != NULL ? from->rows[row] : row;
		pools->asks[place] = rank >= asked_from && rank < asked_end &&
			(from == NULL || from->asks[row]);
	}
	for (size_t c = starts - 1; c > 0; c--)
		start[c] = start[c - 1];
	start[0] = 0;
}

SphxPool
sphx_pools_get(const SphxPools *pools, int number)
{
	uint32_t	first = pools->start[number];
	SphxPool	pool = {
		.count = pools->start[number + 1] - first,
		.rows = pools->rows + first,
		.asks = pools->asks + first
	};

	return pool;
}

void
sphx_pools_release(SphxEnv *env, SphxPools *pools)
{
	sphx_unshare(env, pools->start);
	sphx_unshare(env, pools->rows);
	sphx_unshare(env, pools->asks);
}

/* copy rows together */
static void
gather_rows(const SphxBuildInput *input, const uint32_t *rows, uint32_t count, float *x)
{
	size_t		d = (size_t) input->d;

	for (uint32_t i = 0; i < count; i++)
		memcpy(x + i * d, input->rows + rows[i] * d, d * sizeof(float));
}

uint32_t
sphx_pool_parts(uint32_t count)
{
	return count / ROWS_PER_PART;
}

/* rows of a pool, spread evenly over it and all different; returns their number */
static int
draw_pivots(SphxEnv *env, const SphxBuildInput *input, const SphxPool *pool, SphxRandom *random,
			float **pivots)
{
	size_t		d = (size_t) input->d;
	uint32_t	k = sphx_pool_parts(pool->count);
	uint32_t	step = pool->count / k;

	*pivots = env->alloc(env, k * d * sizeof(float));
	for (uint32_t i = 0; i < k; i++)
	{
		uint32_t	row = i * step + (uint32_t) sphx_random_below(random, step);

		gather_rows(input, pool->rows + row, 1, *pivots + i * d);
	}
	return (int) sphx_drop_equal_rows(env, k, input->d, *pivots);
}

/* An environment in which steps do not report how far they are: they are parts of another. */
typedef struct QuietEnv
{
	SphxEnv		env;			/* first, so that a pointer to it is one to
								 * this */
	SphxEnv    *outer;
} QuietEnv;

static void *
quiet_alloc(SphxEnv *env, size_t size)
{
	SphxEnv    *outer = ((QuietEnv *) env)->outer;

	return outer->alloc(outer, size);
}

static void
quiet_release(SphxEnv *env, void *ptr)
{
	SphxEnv    *outer = ((QuietEnv *) env)->outer;

	outer->release(outer, ptr);
}

static void
quiet_tick(SphxEnv *env, uint64_t done, uint64_t total)
{
	SphxEnv    *outer = ((QuietEnv *) env)->outer;

	(void) done;
	(void) total;
	outer->tick(outer, 0, 0);
}

/* find the nearest pivots of the rows of a pool, block by block */
static uint32_t *
assign_pool(SphxEnv *env, const SphxBuildInput *input, const SphxPool *pool, int k,
			const float *pivots, int probes)
{
	size_t		d = (size_t) input->d;
	QuietEnv	quiet = {{quiet_alloc, quiet_release, quiet_tick, env->scratch / 2, NULL}, env};
	size_t		fitting = env->scratch / 4 / (d * sizeof(float));
	uint32_t	block = fitting < LEAST_ROWS ? LEAST_ROWS :
	fitting > ASSIGN_ROWS ? ASSIGN_ROWS : (uint32_t) fitting;
	float	   *x = env->alloc(env, block * d * sizeof(float));
	uint32_t   *cells = env->alloc(env, (size_t) pool->count * (size_t) probes * sizeof(uint32_t));

	for (uint32_t first = 0; first < pool->count; first += block)
	{
		uint32_t	count = pool->count - first < block ? pool->count - first : block;

		gather_rows(input, pool->rows + first, count, x);
		sphx_assign(&quiet.env, count, input->d, x, k, pivots, probes,
					cells + first * (size_t) probes, NULL);
	}
	env->release(env, x);
	return cells;
}

bool
sphx_pools_divide(SphxEnv *env, const SphxBuildInput *input, const SphxPool *pool, int asked,
				  SphxRandom *random, SphxPools *pools)
{
	float	   *pivots;
	int			k = draw_pivots(env, input, pool, random, &pivots);

	if (k > PART_PROBES)
	{
		uint32_t   *cells = assign_pool(env, input, pool, k, pivots, PART_PROBES);

		sphx_pools_group(env, input, pool, k, PART_PROBES, cells, 0, asked, pools);
		env->release(env, cells);
	}
	env->release(env, pivots);
	return k > PART_PROBES;
}

/* a row's place along a line */
typedef struct Projected
{
	float		place;
	uint32_t	row;
	bool		asks;
} Projected;

#define ORDER_TYPE	Projected
#define ORDER_KEY	place
#define ORDER_ID	row
#include "math/graph/order.h"

void
sphx_pool_halve(SphxEnv *env, const SphxBuildInput *input, const SphxPool *pool, SphxRandom *random)
{
	size_t		d = (size_t) input->d;
	const float *a = input->rows + pool->rows[sphx_random_below(random, pool->count)] * d;
	const float *b = input->rows + pool->rows[sphx_random_below(random, pool->count)] * d;
	float	   *line = env->alloc(env, d * sizeof(float));
	Projected  *projected = env->alloc(env, pool->count * sizeof(Projected));

	for (size_t c = 0; c < d; c++)
		line[c] = a[c] - b[c];
	for (uint32_t i = 0; i < pool->count; i++)
	{
		const float *x = input->rows + pool->rows[i] * d;

		projected[i] = (Projected)
		{
			sphx_kernels->dot_f32(x, line, d), pool->rows[i], pool->asks[i]
		};
		if (i % 1024 == 0)
			env->tick(env, 0, 0);
	}
	qsort(projected, pool->count, sizeof(Projected), compare_entries);
	for (uint32_t i = 0; i < pool->count; i++)
	{
		pool->rows[i] = projected[i].row;
		pool->asks[i] = projected[i].asks;
	}
	env->release(env, projected);
	env->release(env, line);
}
