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
#include "math/graph/distance.h"
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

/* rows of a pool that its mean is taken of, at most */
#define MEAN_ROWS		512

/* rows of one item of other tasks */
#define ROW_BLOCK		256

/* neighbours of this many neighbours are tried, and as many of each */
#define JOIN_WIDTH		20
#define JOIN_ROUNDS		2

/* how the time goes to pools, exact distances and each join: for progress */
#define POOLS_PART		6
#define EXACT_PART		1
#define JOIN_PART		1
#define ALL_PARTS		(POOLS_PART + EXACT_PART + JOIN_ROUNDS * JOIN_PART)

/* keeps the k smallest of a stream: a buffer of up to 3k entries, cut back to k when nearly full */
typedef struct Smallest
{
	SphxNeighbour *items;
	int			count;
	int			k;
	float		bound;			/* nothing at or above enters */
} Smallest;

typedef struct KnnState
{
	SphxEnv    *env;			/* the participant's */
	SphxBuildInput input;
	int			k;
	SphxNeighbour *knn;
	SphxPools	pools;			/* of the cells */
	uint8_t		rank;			/* rows ask in the pools of this one of their
								 * nearest cells */
	uint32_t   *near;			/* n * JOIN_WIDTH: the nearest of every row
								 * before a join */
	int			round;			/* of joins */
} KnnState;

static uint32_t
smaller(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static int
asked_pools(const SphxBuildInput *input)
{
	return input->probes < ASKED_POOLS ? 1 : ASKED_POOLS;
}

static uint32_t
count_asking(const SphxPool *pool)
{
	uint32_t	count = 0;

	for (uint32_t i = 0; i < pool->count; i++)
		count += pool->asks[i];
	return count;
}

static float
middle_of(float a, float b, float c)
{
	float		low = a < b ? a : b;
	float		high = a < b ? b : a;

	return c < low ? low : c > high ? high : c;
}

/*
 * Divide items by whether they are below a pivot, or with `equal` not above it;
 * returns how many come first.  Each is written to both sides, and counted on one:
 * which one it is nobody can foresee.
 */
static int
divide_items(SphxNeighbour *items, int count, float pivot, bool equal, SphxNeighbour *room)
{
	int			first = 0;

	for (int i = 0; i < count; i++)
	{
		SphxNeighbour item = items[i];
		bool		below = equal ? item.distance <= pivot : item.distance < pivot;

		items[first] = item;
		room[i - first] = item;
		first += below;
	}
	memcpy(items + first, room, (size_t) (count - first) * sizeof(SphxNeighbour));
	return first;
}

/* have the k smallest of `count` items come first, in any order (Hoare's selection) */
static void
select_items(SphxNeighbour *items, int count, int k, SphxNeighbour *room)
{
	while (count > k)
	{
		float		pivot = middle_of(items[0].distance, items[count / 2].distance,
									  items[count - 1].distance);
		int			first = divide_items(items, count, pivot, false, room);

		if (first == 0)
		{
			first = divide_items(items, count, pivot, true, room);
			if (first >= k)
				return;
		}
		if (first >= k)
			count = first;
		else
		{
			items += first;
			count -= first;
			k -= first;
		}
	}
}

/* the largest distance of `count` items; 0 when there are none */
static float
largest_distance(const SphxNeighbour *items, int count)
{
	float		largest = 0.0f;

	for (int i = 0; i < count; i++)
		largest = items[i].distance > largest ? items[i].distance : largest;
	return largest;
}

/* room: for as many items as there are */
static void
smallest_cut(Smallest *s, SphxNeighbour *room)
{
	if (s->count > s->k)
	{
		select_items(s->items, s->count, s->k, room);
		s->count = s->k;
	}
	if (s->count == s->k)
	{
		float		bound = largest_distance(s->items, s->k);

		s->bound = bound < s->bound ? bound : s->bound;
	}
}

static int
list_count(const SphxNeighbour *list, int k)
{
	int			count = 0;

	while (count < k && list[count].id != SPHX_INVALID_NODE)
		count++;
	return count;
}

/* Take away items that the list has; known[]: a bit for every row, all 0 on entry and return. */
static int
drop_known(SphxNeighbour *items, int count, const SphxNeighbour *list, int length, uint64_t *known)
{
	int			kept = 0;

	for (int i = 0; i < length; i++)
		known[list[i].id / 64] |= UINT64_C(1) << list[i].id % 64;
	for (int i = 0; i < count; i++)
	{
		bool		is_known = known[items[i].id / 64] >> items[i].id % 64 & 1;

		items[kept] = items[i];
		kept += !is_known;
	}
	for (int i = 0; i < length; i++)
		known[list[i].id / 64] = 0;
	return kept;
}

/* merge the stream's result into a row's list, each id once; the list is in no order */
static void
smallest_merge(Smallest *s, SphxNeighbour *list, uint64_t *known, SphxNeighbour *room)
{
	int			length = list_count(list, s->k);

	smallest_cut(s, room);
	if (length > 0)
		s->count = drop_known(s->items, s->count, list, length, known);
	if (s->count == 0)
		return;
	memcpy(s->items + s->count, list, (size_t) length * sizeof(SphxNeighbour));
	s->count += length;
	smallest_cut(s, room);
	memcpy(list, s->items, (size_t) s->count * sizeof(SphxNeighbour));
}

/* room for the work on one pool */
typedef struct PoolWork
{
	SphxRandom	random;			/* for the division of a large pool */
	float	   *mean;
	uint32_t	pool_block;		/* rows of one matrix product, */
	uint32_t	ask_block;		/* asking ones of one, */
	uint32_t	most_asking;	/* and of those gathered for several */
	float	   *pool;			/* pool_block rows of the pool, minus its mean */
	float	   *pool_norms;		/* their squares */
	float	   *products;		/* ask_block * pool_block */
	uint32_t	room;			/* asking rows that there is memory for */
	float	   *asking;			/* room rows */
	SphxNeighbour *buffers;		/* room * 3k */
	Smallest   *smallest;		/* room */
	uint32_t   *asking_rows;	/* room */
	float	   *asking_norms;	/* room */
	SphxNeighbour *cut;			/* 3k: room to cut one back */
	uint64_t   *known;			/* a bit for every row, 0 */
} PoolWork;

/*
 * Without a mean of the pool, |x|^2 + |y|^2 - 2<x,y> keeps its digits however far
 * from the origin the data lie.  The mean of some rows does as well as that of all.
 */
static void
find_mean(const KnnState *state, PoolWork *work, const SphxPool *pool)
{
	size_t		d = (size_t) state->input.d;
	size_t		near_d = (size_t) state->input.near_d;
	uint32_t	step = (pool->count + MEAN_ROWS - 1) / MEAN_ROWS;
	uint32_t	count = (pool->count + step - 1) / step;

	memset(work->mean, 0, near_d * sizeof(float));
	for (uint32_t i = 0; i < count; i++)
		for (size_t c = 0; c < near_d; c++)
			work->mean[c] += state->input.rows[pool->rows[i * step] * d + c] / (float) count;
}

/* copy a row, minus the mean; returns its squared norm */
static float
gather_row(const KnnState *state, const PoolWork *work, uint32_t id, float *row)
{
	size_t		near_d = (size_t) state->input.near_d;

	memcpy(row, work->mean, near_d * sizeof(float));
	sphx_kernels->subtract_f32(state->input.rows + id * (size_t) state->input.d, row, near_d);
	return sphx_kernels->dot_f32(row, row, near_d);
}

/* copy rows of the pool together */
static void
gather_rows(const KnnState *state, PoolWork *work, const uint32_t *rows, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		work->pool_norms[i] = gather_row(state, work, rows[i],
										 work->pool + i * (size_t) state->input.near_d);
}

static void
release_room(const KnnState *state, PoolWork *work)
{
	SphxEnv    *env = state->env;

	if (work->room == 0)
		return;
	env->release(env, work->asking);
	env->release(env, work->buffers);
	env->release(env, work->smallest);
	env->release(env, work->asking_rows);
	env->release(env, work->asking_norms);
}

/* room for so many asking rows of a pool as there may be, or be at a time */
static void
make_room(const KnnState *state, PoolWork *work, uint32_t count)
{
	SphxEnv    *env = state->env;
	size_t		room;

	if (count <= work->room || work->room == work->most_asking)
		return;
	release_room(state, work);
	room = count + count / 4;
	if (room > work->most_asking)
		room = work->most_asking;
	work->room = (uint32_t) room;
	work->asking = env->alloc(env, room * (size_t) state->input.near_d * sizeof(float));
	work->buffers = env->alloc(env, room * 3 * (size_t) state->k * sizeof(SphxNeighbour));
	work->smallest = env->alloc(env, room * sizeof(Smallest));
	work->asking_rows = env->alloc(env, room * sizeof(uint32_t));
	work->asking_norms = env->alloc(env, room * sizeof(float));
}

/* a part of the work, after others, is so far */
static void
report_part(const KnnState *state, int before, int part, uint64_t done, uint64_t total)
{
	uint64_t	n = state->input.n;

	state->env->tick(state->env, (uint64_t) before * n + (uint64_t) part * n * done / total,
					 ALL_PARTS * n);
}

/* the passes over all pools are so far: in one, pools are searched in their order */
static void
report_pools(const KnnState *state, const SphxPool *pool)
{
	uint64_t	rows = state->pools.start[state->pools.count];
	uint64_t	before = (uint64_t) (pool->rows - state->pools.rows);
	int			ranks = asked_pools(&state->input);

	report_part(state, 0, POOLS_PART, state->rank * rows + before, (uint64_t) ranks * rows);
}

/* nothing as far as this enters a row's list any more */
static float
farthest(const KnnState *state, uint32_t row)
{
	const SphxNeighbour *list = state->knn + row * (size_t) state->k;

	if (list[state->k - 1].id == SPHX_INVALID_NODE)
		return INFINITY;
	return largest_distance(list, state->k);
}

/* offer rows of a pool that have been gathered, `block` of them, to an asking row */
static void
offer_block(PoolWork *work, uint32_t asking, const float *products, const uint32_t *rows,
			uint32_t block)
{
	uint32_t	self = work->asking_rows[asking];
	float		norm = work->asking_norms[asking];
	Smallest   *s = &work->smallest[asking];
	uint32_t	end;

	for (uint32_t i = 0; i < block;)
	{
		float		bound = s->bound;
		int			count = s->count;

		/* all may enter; each is written, and counted if it does */
		end = smaller(block, i + (uint32_t) (3 * s->k - count));
		for (; i < end; i++)
		{
			float		distance = norm + work->pool_norms[i] - 2.0f * products[i];

			s->items[count].distance = distance > 0.0f ? distance : 0.0f;
			s->items[count].id = rows[i];
			count += (distance < bound) & (rows[i] != self);
		}
		s->count = count;
		if (count > 2 * s->k)
			smallest_cut(s, work->cut);
	}
}

/* compare `asking` gathered rows with the whole pool and merge what was found */
static void
ask_pool(KnnState *state, PoolWork *work, uint32_t asking, const SphxPool *pool)
{
	size_t		near_d = (size_t) state->input.near_d;

	for (uint32_t a = 0; a < asking; a++)
	{
		work->smallest[a].items = work->buffers + (size_t) a * 3 * (size_t) state->k;
		work->smallest[a].count = 0;
		work->smallest[a].k = state->k;
		work->smallest[a].bound = farthest(state, work->asking_rows[a]);
	}
	for (uint32_t start = 0; start < pool->count; start += work->pool_block)
	{
		const uint32_t *rows = pool->rows + start;
		uint32_t	block = smaller(pool->count - start, work->pool_block);

		gather_rows(state, work, rows, block);
		for (uint32_t first = 0; first < asking; first += work->ask_block)
		{
			uint32_t	count = smaller(asking - first, work->ask_block);

			sphx_gemm_nt(count, block, near_d, work->asking + first * near_d, work->pool, work->products);
			for (uint32_t a = 0; a < count; a++)
				offer_block(work, first + a, work->products + (size_t) a * block, rows, block);
			state->env->tick(state->env, 0, 0);
		}
	}
	for (uint32_t a = 0; a < asking; a++)
		smallest_merge(&work->smallest[a],
					   state->knn + (size_t) work->asking_rows[a] * (size_t) state->k,
					   work->known, work->cut);
}

/*
 * Have the rows that ask come first.  Mostly they are of one cell, and each other's
 * nearest: what they find among themselves bounds what may enter after it.
 */
static uint32_t
put_asking_first(const SphxPool *pool)
{
	uint32_t	asking = 0;

	for (uint32_t i = 0; i < pool->count; i++)
	{
		uint32_t	row = pool->rows[i];

		if (!pool->asks[i])
			continue;
		pool->rows[i] = pool->rows[asking];
		pool->asks[i] = pool->asks[asking];
		pool->rows[asking] = row;
		pool->asks[asking++] = true;
	}
	return asking;
}

/* find neighbours of those rows of a pool that ask */
static void
compare_pool(KnnState *state, PoolWork *work, const SphxPool *pool)
{
	size_t		near_d = (size_t) state->input.near_d;
	uint32_t	total = put_asking_first(pool);
	uint32_t	asking;

	if (total == 0)
		return;
	make_room(state, work, total);
	find_mean(state, work, pool);
	for (uint32_t first = 0; first < total; first += asking)
	{
		asking = smaller(total - first, work->room);
		for (uint32_t i = 0; i < asking; i++)
		{
			work->asking_rows[i] = pool->rows[first + i];
			work->asking_norms[i] = gather_row(state, work, work->asking_rows[i],
											   work->asking + i * near_d);
		}
		ask_pool(state, work, asking, pool);
	}
}

/*
 * Is it too much work to compare all that ask with the whole pool?  Where few
 * ask it is no more than to divide the pool.
 */
static bool
is_large(const SphxPool *pool)
{
	return pool->count > MOST_POOL_ROWS && count_asking(pool) > sphx_pool_parts(pool->count);
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
	sphx_pool_halve(state->env, &state->input, part, &work->random);
	search_part(state, work, &near);
	search_part(state, work, &far);
}

/*
 * Find neighbours in the pool of a cell, or else in parts of it.  The
 * parts of another pool are made around other pivots: so they are not the
 * same even where the pools are, as are those of a ball of rows that is small
 * beside the distances of the centroids.
 */
static void
search_pool(KnnState *state, PoolWork *work, const SphxPool *pool)
{
	SphxPools	parts;

	if (!is_large(pool))
		compare_pool(state, work, pool);
	else if (!sphx_pools_divide(state->env, &state->input, pool,
								ASKED_PARTS / asked_pools(&state->input), &work->random, &parts))
		search_part(state, work, pool);
	else
	{
		for (int i = 0; i < parts.count; i++)
		{
			SphxPool	part = sphx_pools_get(&parts, i);

			search_part(state, work, &part);
		}
		sphx_pools_release(state->env, &parts);
	}
}

static uint32_t
clamp_block(size_t wanted, size_t most)
{
	return (uint32_t) (wanted < LEAST_BLOCK ? LEAST_BLOCK : wanted > most ? most : wanted);
}

/*
 * A quarter of what there is for blocks goes to rows of the pool, a quarter to
 * products, half to those who ask.
 */
static void
begin_work(const KnnState *state, PoolWork *work)
{
	SphxEnv    *env = state->env;
	size_t		d = (size_t) state->input.near_d;
	size_t		quarter = env->scratch / 4;
	size_t		row = (d + 1) * sizeof(float);
	size_t		ask = row + 3 * (size_t) state->k * sizeof(SphxNeighbour) + sizeof(Smallest) +
	sizeof(uint32_t);
	size_t		known = ((size_t) state->input.n / 64 + 1) * sizeof(uint64_t);

	memset(work, 0, sizeof(*work));
	work->pool_block = clamp_block(quarter / row, POOL_BLOCK);
	work->ask_block = clamp_block(quarter / (work->pool_block * sizeof(float)), ASK_BLOCK);
	work->most_asking = clamp_block(2 * quarter / ask, UINT32_MAX);
	work->mean = env->alloc(env, d * sizeof(float));
	work->pool = env->alloc(env, work->pool_block * d * sizeof(float));
	work->pool_norms = env->alloc(env, work->pool_block * sizeof(float));
	work->products = env->alloc(env, (size_t) work->ask_block * work->pool_block * sizeof(float));
	work->cut = env->alloc(env, 3 * (size_t) state->k * sizeof(SphxNeighbour));
	work->known = env->alloc(env, known);
	memset(work->known, 0, known);
}

static void
end_work(const KnnState *state, PoolWork *work)
{
	SphxEnv    *env = state->env;

	env->release(env, work->mean);
	env->release(env, work->pool);
	env->release(env, work->pool_norms);
	env->release(env, work->products);
	env->release(env, work->cut);
	env->release(env, work->known);
	release_room(state, work);
}

/* empty the lists of the rows that ask in a pool */
static void
begin_lists(const KnnState *state, const SphxPool *pool)
{
	for (uint32_t i = 0; i < pool->count; i++)
	{
		SphxNeighbour *list = state->knn + pool->rows[i] * (size_t) state->k;

		for (int j = 0; pool->asks[i] && j < state->k; j++)
			list[j] = (SphxNeighbour)
		{
			INFINITY, SPHX_INVALID_NODE
		};
	}
}

/* an item is a pool, in which rows of one rank ask: so every row asks in one pool only */
static void
search_pools(SphxEnv *env, void *arg, SphxItems *items)
{
	KnnState   *state = arg;
	PoolWork	work;
	uint64_t	item;

	state->env = env;
	begin_work(state, &work);
	while (items->next(items, &item))
	{
		SphxPool	pool = sphx_pools_get(&state->pools, (int) item);

		if (state->rank == 0)
			begin_lists(state, &pool);
		sphx_random_seed(&work.random, 1 + item * ASKED_POOLS + state->rank);
		search_pool(state, &work, &pool);
		report_pools(state, &pool);
	}
	end_work(state, &work);
}

/* exact distances in place of those from the products, and every list in order */
static void
make_exact(SphxEnv *env, void *arg, SphxItems *items)
{
	KnnState   *state = arg;
	size_t		d = (size_t) state->input.d;
	size_t		k = (size_t) state->k;
	SphxNeighbour *room = env->alloc(env, k * sizeof(SphxNeighbour));
	uint64_t	row;
	uint64_t	end;

	state->env = env;
	while (sphx_next_block(items, state->input.n, ROW_BLOCK, &row, &end))
	{
		report_part(state, POOLS_PART, EXACT_PART, row, state->input.n);
		for (; row < end; row++)
		{
			SphxNeighbour *list = state->knn + row * k;
			size_t		count = 0;

			for (; count < k && list[count].id != SPHX_INVALID_NODE; count++)
				list[count].distance = sphx_whole_l2sq(state->input.rows + row * d,
													   state->input.rows + list[count].id * d, d);
			sort_entries(list, count, room);
		}
	}
	env->release(env, room);
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
	size_t		d = (size_t) state->input.d;
	size_t		k = (size_t) state->k;
	const float *x = state->input.rows + row * d;
	SphxNeighbour *list = state->knn + row * k;
	const uint32_t *near = state->near + row * (size_t) JOIN_WIDTH;

	stamps[row] = stamp;
	for (size_t i = 0; i < k && list[i].id != SPHX_INVALID_NODE; i++)
		stamps[list[i].id] = stamp;
	for (int i = 0; i < JOIN_WIDTH && near[i] != SPHX_INVALID_NODE; i++)
	{
		const uint32_t *theirs = state->near + near[i] * (size_t) JOIN_WIDTH;

		for (int j = 0; j < JOIN_WIDTH && theirs[j] != SPHX_INVALID_NODE; j++)
		{
			float		distance;

			if (stamps[theirs[j]] == stamp)
				continue;
			stamps[theirs[j]] = stamp;
			distance = sphx_bounded_l2sq(x, state->input.rows + theirs[j] * d, d,
										 list[k - 1].distance);
			if (distance < list[k - 1].distance)
				list_insert(list, state->k, distance, theirs[j]);
		}
	}
}

static void
join_rows(SphxEnv *env, void *arg, SphxItems *items)
{
	KnnState   *state = arg;
	uint32_t	n = state->input.n;
	uint32_t   *stamps = env->alloc(env, n * sizeof(uint32_t));
	uint64_t	row;
	uint64_t	end;

	state->env = env;
	memset(stamps, 0, n * sizeof(uint32_t));
	while (sphx_next_block(items, n, ROW_BLOCK, &row, &end))
	{
		report_part(state, POOLS_PART + EXACT_PART + state->round * JOIN_PART, JOIN_PART, row, n);
		for (; row < end; row++)
			join_row(state, (uint32_t) row, stamps, (uint32_t) row + 1);
	}
	env->release(env, stamps);
}

#define KNN_POINTERS \
	offsetof(KnnState, input.rows), offsetof(KnnState, knn)

static const size_t knn_pointers[] = {KNN_POINTERS};
static const size_t pool_pointers[] = {
	KNN_POINTERS, offsetof(KnnState, pools.start), offsetof(KnnState, pools.rows),
	offsetof(KnnState, pools.asks)
};
static const size_t join_pointers[] = {KNN_POINTERS, offsetof(KnnState, near)};

const SphxTask sphx_pools_task = SPHX_TASK(search_pools, KnnState, pool_pointers);
const SphxTask sphx_exact_task = SPHX_TASK(make_exact, KnnState, knn_pointers);
const SphxTask sphx_join_task = SPHX_TASK(join_rows, KnnState, join_pointers);

/*
 * What rows have found in their nearest cell and in the second nearest is merged
 * in this order, whoever does it.
 */
static void
ask_in_pools(KnnState *state)
{
	const SphxBuildInput *input = &state->input;

	for (int rank = 0; rank < asked_pools(input); rank++)
	{
		state->rank = (uint8_t) rank;
		sphx_pools_group(state->env, input, NULL, input->cell_count, input->probes, input->cells,
						 rank, rank + 1, &state->pools);
		sphx_run(state->env, &sphx_pools_task, state, (uint64_t) state->pools.count);
		sphx_pools_release(state->env, &state->pools);
	}
}

/*
 * A join goes by neighbours that were known before it: which rows are first does
 * not matter.
 */
static void
join_neighbours(KnnState *state)
{
	SphxEnv    *env = state->env;
	uint32_t	n = state->input.n;
	size_t		k = (size_t) state->k;

	state->near = sphx_share(env, n * (size_t) JOIN_WIDTH * sizeof(uint32_t));
	for (state->round = 0; state->round < JOIN_ROUNDS; state->round++)
	{
		for (uint32_t row = 0; row < n; row++)
			for (size_t i = 0; i < JOIN_WIDTH; i++)
				state->near[row * (size_t) JOIN_WIDTH + i] =
					i < k ? state->knn[row * k + i].id : SPHX_INVALID_NODE;
		sphx_run(env, &sphx_join_task, state, sphx_blocks(n, ROW_BLOCK));
	}
	sphx_unshare(env, state->near);
}

SphxNeighbour *
sphx_build_knn(SphxEnv *env, const SphxBuildInput *input, int k)
{
	KnnState	state;

	assert(input->probes >= 1 && input->probes <= 255);
	assert(input->near_d >= 1 && input->near_d <= input->d);
	memset(&state, 0, sizeof(state));
	state.env = env;
	state.input = *input;
	state.k = k;
	state.knn = sphx_share(env, (size_t) input->n * (size_t) k * sizeof(SphxNeighbour));
	ask_in_pools(&state);
	sphx_run(env, &sphx_exact_task, &state, sphx_blocks(input->n, ROW_BLOCK));
	join_neighbours(&state);
	return state.knn;
}
