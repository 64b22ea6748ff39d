/*-------------------------------------------------------------------------
 *
 * knn.c
 *	  Approximate nearest neighbours of every row: pools around centroids,
 *	  then neighbours of neighbours.
 *
 * A pool is the set of all rows that have one cell among their probes.  The
 * rows whose nearest (or second nearest) cell it is are compared with the
 * whole pool by a matrix product, or with a part of it where it is large
 * (pools.c).  Neighbours of neighbours (the join step of
 * NN-Descent, Dong, Charikar and Li) mend what the cell borders cut.
 *
 *-------------------------------------------------------------------------
 */
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "math/base/blas.h"
#include "math/graph/construct.h"
#include "math/graph/pools.h"
#include "math/graph/record.h"
#include "math/kernels/kernels.h"

#define ORDER_TYPE	SphxNeighbour
#define ORDER_KEY	distance
#define ORDER_ID	id
#include "math/graph/order.h"

/* a row asks in the pools of this many of its nearest cells */
#define ASKED_POOLS		2

/* and where these are large in this many parts of them, altogether */
#define ASKED_PARTS		4

/*
 * Rows of a pool that is not divided.  The cells that a build chooses have
 * pools of about a third of it.
 */
#define MOST_POOL_ROWS		8192

/* rows of one matrix product, and pool rows of one, at most; and at least, whatever the memory */
#define ASK_BLOCK		256
#define POOL_BLOCK		1024
#define LEAST_BLOCK		32

/* neighbours of each of this many neighbours are tried, and as many of theirs */
#define JOIN_WIDTH		20
#define JOIN_ROUNDS		2

/* how the time goes to pools, exact distances and each join: for progress */
#define POOLS_PART		6
#define EXACT_PART		1
#define JOIN_PART		1
#define ALL_PARTS		(POOLS_PART + EXACT_PART + JOIN_ROUNDS * JOIN_PART)

/* keeps the k smallest of a stream: a buffer of up to 3k entries, cut back to k when full */
typedef struct Smallest
{
	SphxNeighbour *items;
	int			count;
	int			k;
	float		bound;			/* nothing at or above enters */
} Smallest;

typedef struct KnnState
{
	SphxEnv    *env;
	const SphxBuildInput *input;
	int			k;
	SphxNeighbour *knn;
	SphxRandom	random;			/* for the division of large pools */
	uint64_t	done;			/* rows of the pools that are done, */
	uint64_t	total;			/* of so many */
} KnnState;

static void
smallest_cut(Smallest *s)
{
	if (s->count > s->k)
	{
		select_entries(s->items, (size_t) s->count, (size_t) s->k - 1);
		s->count = s->k;
	}
	if (s->count == s->k)
	{
		float		bound = -INFINITY;

		for (int i = 0; i < s->k; i++)
			bound = fmaxf(bound, s->items[i].distance);
		s->bound = bound;
	}
}

static inline void
smallest_offer(Smallest *s, float distance, uint32_t id)
{
	if (distance < s->bound)
	{
		s->items[s->count].distance = distance;
		s->items[s->count].id = id;
		if (++s->count == 3 * s->k)
			smallest_cut(s);
	}
}

static int
compare_ids(const void *a, const void *b)
{
	uint32_t	x = ((const SphxNeighbour *) a)->id;
	uint32_t	y = ((const SphxNeighbour *) b)->id;

	return x < y ? -1 : x > y;
}

/* merge the stream's result into a row's list, each id once; the list is in no order */
static void
smallest_merge(Smallest *s, SphxNeighbour *list)
{
	SphxNeighbour *items = s->items;
	int			unique = 0;

	smallest_cut(s);
	for (int i = 0; i < s->k && list[i].id != SPHX_INVALID_NODE; i++)
		items[s->count++] = list[i];
	qsort(items, (size_t) s->count, sizeof(SphxNeighbour), compare_ids);
	for (int i = 0; i < s->count; i++)
		if (i == 0 || items[i].id != items[i - 1].id)
			items[unique++] = items[i];
	s->count = unique;
	smallest_cut(s);
	memcpy(list, items, (size_t) s->count * sizeof(SphxNeighbour));
}

/* room for the work on one pool */
typedef struct PoolWork
{
	float	   *pool;			/* rows of the pool, gathered, minus their
								 * mean */
	float	   *pool_norms;		/* their squares */
	float	   *mean;
	uint32_t	room;			/* rows that fit */
	uint32_t	most_room;		/* rows that may ever fit */
	uint32_t	pool_block;		/* of one matrix product */
	int			ask_block;
	float	   *asking;			/* ask_block rows */
	uint32_t	asking_rows[ASK_BLOCK];
	float		asking_norms[ASK_BLOCK];
	float	   *products;		/* ask_block * pool_block */
	SphxNeighbour *buffers;		/* ask_block * 3k */
	bool		in_parts;		/* rows have asked in other parts of the pool */
	Smallest	smallest[ASK_BLOCK];
} PoolWork;

/*
 * Without the pool's mean, |x|^2 + |y|^2 - 2<x,y> keeps its digits however far
 * from the origin the data lie.
 */
static void
find_mean(const KnnState *state, PoolWork *work, const uint32_t *rows, uint32_t count)
{
	size_t		d = (size_t) state->input->d;

	memset(work->mean, 0, d * sizeof(float));
	for (uint32_t i = 0; i < count; i++)
		for (size_t c = 0; c < d; c++)
			work->mean[c] += state->input->rows[rows[i] * d + c] / (float) count;
}

/* copy a row, minus the mean; returns its squared norm */
static float
gather_row(const KnnState *state, const PoolWork *work, uint32_t id, float *row)
{
	size_t		d = (size_t) state->input->d;
	const float *x = state->input->rows + id * d;

	for (size_t c = 0; c < d; c++)
		row[c] = x[c] - work->mean[c];
	return sphx_kernels->dot_f32(row, row, d);
}

/* copy rows of the pool together */
static void
gather_rows(const KnnState *state, PoolWork *work, const uint32_t *rows, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		work->pool_norms[i] = gather_row(state, work, rows[i],
										 work->pool + i * (size_t) state->input->d);
}

/* get ready for a pool of `count` rows; all are gathered now if there is room */
static void
begin_pool(KnnState *state, PoolWork *work, const uint32_t *rows, uint32_t count)
{
	SphxEnv    *env = state->env;
	size_t		d = (size_t) state->input->d;

	if (count > work->room && work->room < work->most_room)
	{
		if (work->pool != NULL)
		{
			env->release(env, work->pool);
			env->release(env, work->pool_norms);
		}
		work->room = count + count / 4;
		if (work->room > work->most_room)
			work->room = work->most_room;
		work->pool = env->alloc(env, work->room * d * sizeof(float));
		work->pool_norms = env->alloc(env, work->room * sizeof(float));
	}
	find_mean(state, work, rows, count);
	if (count <= work->room)
		gather_rows(state, work, rows, count);
}

/* a part of the work, after others, is so far */
static void
report_part(const KnnState *state, int before, int part, uint64_t done, uint64_t total)
{
	uint64_t	n = state->input->n;

	state->env->tick(state->env, (uint64_t) before * n + (uint64_t) part * n * done / total,
					 ALL_PARTS * n);
}

/* nothing as far as this enters a row's list any more */
static float
farthest(const KnnState *state, uint32_t row)
{
	const SphxNeighbour *list = state->knn + row * (size_t) state->k;
	float		distance = 0.0f;

	if (list[state->k - 1].id == SPHX_INVALID_NODE)
		return INFINITY;
	for (int i = 0; i < state->k; i++)
		distance = fmaxf(distance, list[i].distance);
	return distance;
}

/* compare `asking` gathered rows with the whole pool and merge what was found */
static void
ask_pool(KnnState *state, PoolWork *work, int asking, const uint32_t *pool_rows, uint32_t count)
{
	size_t		d = (size_t) state->input->d;

	for (int a = 0; a < asking; a++)
	{
		work->smallest[a].items = work->buffers + (size_t) a * 3 * (size_t) state->k;
		work->smallest[a].count = 0;
		work->smallest[a].k = state->k;
		work->smallest[a].bound = work->in_parts ?
			farthest(state, work->asking_rows[a]) : INFINITY;
	}
	for (uint32_t start = 0; start < count; start += work->pool_block)
	{
		uint32_t	block = count - start < work->pool_block ? count - start : work->pool_block;
		uint32_t	place = start;

		if (count > work->room)
		{
			place = 0;
			gather_rows(state, work, pool_rows + start, block);
		}
		sphx_gemm_nt((size_t) asking, block, d, work->asking, work->pool + place * d,
					 work->products);
		for (int a = 0; a < asking; a++)
		{
			uint32_t	self = work->asking_rows[a];
			float		norm = work->asking_norms[a];
			const float *products = work->products + (size_t) a * block;
			Smallest   *s = &work->smallest[a];

			for (uint32_t i = 0; i < block; i++)
			{
				float		distance = norm + work->pool_norms[place + i] - 2.0f * products[i];

				if (distance < s->bound && pool_rows[start + i] != self)
					smallest_offer(s, fmaxf(distance, 0.0f), pool_rows[start + i]);
			}
		}
	}
	for (int a = 0; a < asking; a++)
		smallest_merge(&work->smallest[a],
					   state->knn + (size_t) work->asking_rows[a] * (size_t) state->k);
}

/* find neighbours of those rows of a pool that ask */
static void
compare_pool(KnnState *state, PoolWork *work, const SphxPool *pool)
{
	size_t		d = (size_t) state->input->d;
	int			asking = 0;

	begin_pool(state, work, pool->rows, pool->count);
	for (uint32_t i = 0; i < pool->count; i++)
	{
		if (pool->asks[i])
		{
			work->asking_norms[asking] = gather_row(state, work, pool->rows[i],
													work->asking + (size_t) asking * d);
			work->asking_rows[asking++] = pool->rows[i];
		}
		if (asking == work->ask_block || (i + 1 == pool->count && asking > 0))
		{
			ask_pool(state, work, asking, pool->rows, pool->count);
			report_part(state, 0, POOLS_PART, state->done, state->total);
			asking = 0;
		}
	}
}

/*
 * Is it too much work to compare all that ask with the whole pool?  Where few
 * ask it is no more than to divide the pool.
 */
static bool
is_large(const SphxPool *pool)
{
	uint32_t	asking = 0;

	if (pool->count <= MOST_POOL_ROWS)
		return false;
	for (uint32_t i = 0; i < pool->count; i++)
		asking += pool->asks[i];
	return asking > sphx_pool_parts(pool->count);
}

/*
 * Find neighbours in a pool that is a part of a larger one.  It is halved until
 * it is small enough, whatever that cuts, so that the work is bounded: in the
 * parts that are made by pivots a row is more than once, and would be ever more
 * often.
 */
static void
search_part(KnnState *state, PoolWork *work, const SphxPool *part)
{
	uint32_t	half = part->count / 2;
	SphxPool	near = {half, part->rows, part->asks};
	SphxPool	far = {part->count - half, part->rows + half, part->asks + half};

	if (!is_large(part))
	{
		compare_pool(state, work, part);
		return;
	}
	sphx_pool_halve(state->env, state->input, part, &state->random);
	search_part(state, work, &near);
	search_part(state, work, &far);
}

/*
 * Find neighbours in the pool of a cell, or else in parts of it.  The
 * parts of the next pool are made around other pivots: so they are not the
 * same even where the pools are, as are those of a ball of rows that is small
 * beside the distances of the centroids.
 */
static void
search_pool(KnnState *state, PoolWork *work, const SphxPool *pool)
{
	int			pools = state->input->probes < ASKED_POOLS ? 1 : ASKED_POOLS;
	uint64_t	before = state->done;
	SphxPools	parts;

	if (!is_large(pool))
		compare_pool(state, work, pool);
	else if (!sphx_pools_divide(state->env, state->input, pool, ASKED_PARTS / pools, &state->random,
								&parts))
		search_part(state, work, pool);
	else
	{
		for (int i = 0; i < parts.count; i++)
		{
			SphxPool	part = sphx_pools_get(&parts, i);

			state->done = before + (uint64_t) pool->count * (uint64_t) i / (uint64_t) parts.count;
			work->in_parts = true;
			search_part(state, work, &part);
		}
		work->in_parts = false;
		sphx_pools_release(state->env, &parts);
	}
	state->done = before + pool->count;
}

static size_t
clamp_block(size_t wanted, size_t most)
{
	return wanted < LEAST_BLOCK ? LEAST_BLOCK : wanted > most ? most : wanted;
}

/* half of what there is for blocks goes to the pool, half to those who ask */
static void
choose_blocks(const KnnState *state, PoolWork *work)
{
	size_t		half = state->env->scratch / 2;
	size_t		row = ((size_t) state->input->d + 1) * sizeof(float);
	size_t		ask;

	work->most_room = (uint32_t) clamp_block(half / row, UINT32_MAX);
	work->pool_block = (uint32_t) clamp_block(work->most_room, POOL_BLOCK);
	ask = row + work->pool_block * sizeof(float) + 3 * (size_t) state->k * sizeof(SphxNeighbour);
	work->ask_block = (int) clamp_block(half / ask, ASK_BLOCK);
}

static void
search_pools(KnnState *state, const SphxPools *pools)
{
	SphxEnv    *env = state->env;
	size_t		d = (size_t) state->input->d;
	size_t		ask;
	PoolWork	work;

	memset(&work, 0, sizeof(work));
	choose_blocks(state, &work);
	ask = (size_t) work.ask_block;
	work.mean = env->alloc(env, d * sizeof(float));
	work.asking = env->alloc(env, ask * d * sizeof(float));
	work.products = env->alloc(env, ask * work.pool_block * sizeof(float));
	work.buffers = env->alloc(env, ask * 3 * (size_t) state->k * sizeof(SphxNeighbour));
	for (int i = 0; i < pools->count; i++)
	{
		SphxPool	pool = sphx_pools_get(pools, i);

		search_pool(state, &work, &pool);
	}
	env->release(env, work.mean);
	env->release(env, work.asking);
	env->release(env, work.products);
	env->release(env, work.buffers);
	if (work.pool != NULL)
	{
		env->release(env, work.pool);
		env->release(env, work.pool_norms);
	}
}

/* exact distances in place of those from the products, and every list in order */
static void
exact_lists(KnnState *state)
{
	size_t		d = (size_t) state->input->d;
	size_t		k = (size_t) state->k;

	for (uint32_t row = 0; row < state->input->n; row++)
	{
		SphxNeighbour *list = state->knn + row * k;
		size_t		count = 0;

		for (; count < k && list[count].id != SPHX_INVALID_NODE; count++)
			list[count].distance = sphx_kernels->l2sq_f32(state->input->rows + row * d,
														  state->input->rows + list[count].id * d, d);
		qsort(list, count, sizeof(SphxNeighbour), compare_entries);
		if (row % 1024 == 0)
			report_part(state, POOLS_PART, EXACT_PART, row, state->input->n);
	}
}

/* put (distance, id) into an ascending list of k; the last one drops out */
static void
list_insert(SphxNeighbour *list, int k, float distance, uint32_t id)
{
	int			place = k - 1;

	while (place > 0 && list[place - 1].distance > distance)
	{
		list[place] = list[place - 1];
		place--;
	}
	list[place].distance = distance;
	list[place].id = id;
}

/* try the neighbours of row's neighbours; stamps[] says who was tried already */
static void
join_row(KnnState *state, uint32_t row, uint32_t *stamps, uint32_t stamp)
{
	size_t		d = (size_t) state->input->d;
	size_t		k = (size_t) state->k;
	int			width = JOIN_WIDTH < state->k ? JOIN_WIDTH : state->k;
	const float *x = state->input->rows + row * d;
	SphxNeighbour *list = state->knn + row * k;
	uint32_t	near[JOIN_WIDTH];
	int			near_count = 0;

	stamps[row] = stamp;
	for (size_t i = 0; i < k && list[i].id != SPHX_INVALID_NODE; i++)
		stamps[list[i].id] = stamp;
	while (near_count < width && list[near_count].id != SPHX_INVALID_NODE)
	{
		near[near_count] = list[near_count].id;
		near_count++;
	}
	for (int i = 0; i < near_count; i++)
	{
		const SphxNeighbour *theirs = state->knn + near[i] * k;

		for (int j = 0; j < width && theirs[j].id != SPHX_INVALID_NODE; j++)
		{
			float		distance;

			if (stamps[theirs[j].id] == stamp)
				continue;
			stamps[theirs[j].id] = stamp;
			distance = sphx_kernels->l2sq_f32(x, state->input->rows + theirs[j].id * d, d);
			if (distance < list[k - 1].distance)
				list_insert(list, state->k, distance, theirs[j].id);
		}
	}
}

static void
join_neighbours(KnnState *state)
{
	SphxEnv    *env = state->env;
	uint32_t	n = state->input->n;
	uint32_t   *stamps = env->alloc(env, n * sizeof(uint32_t));

	for (int round = 0; round < JOIN_ROUNDS; round++)
	{
		memset(stamps, 0, n * sizeof(uint32_t));
		for (uint32_t row = 0; row < n; row++)
		{
			join_row(state, row, stamps, row + 1);
			if (row % 256 == 0)
				report_part(state, POOLS_PART + EXACT_PART + round * JOIN_PART, JOIN_PART, row, n);
		}
	}
	env->release(env, stamps);
}

SphxNeighbour *
sphx_build_knn(SphxEnv *env, const SphxBuildInput *input, int k)
{
	size_t		entries = (size_t) input->n * (size_t) k;
	KnnState	state;
	SphxPools	pools;

	assert(input->probes >= 1 && input->probes <= 255);
	memset(&state, 0, sizeof(state));
	state.env = env;
	state.input = input;
	state.k = k;
	state.knn = env->alloc(env, entries * sizeof(SphxNeighbour));
	for (size_t i = 0; i < entries; i++)
	{
		state.knn[i].distance = INFINITY;
		state.knn[i].id = SPHX_INVALID_NODE;
	}
	state.total = input->n * (uint64_t) input->probes;
	sphx_random_seed(&state.random, 1);
	sphx_pools_group(env, input, NULL, input->cell_count, input->probes, input->cells, ASKED_POOLS,
					 &pools);
	search_pools(&state, &pools);
	sphx_pools_release(env, &pools);
	exact_lists(&state);
	join_neighbours(&state);
	return state.knn;
}
