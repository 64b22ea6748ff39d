/*-------------------------------------------------------------------------
 *
 * assign.c
 *	  Nearest centroids of many rows by blocked matrix products.
 *
 * With x and c relative to a common centre, |x-c|^2 = |x|^2 - 2 (<x,c> -
 * |c|^2 / 2), so the nearest centroid is the one with the largest score
 * <x,c> - |c|^2 / 2.  The second term comes out of the matrix product too:
 * rows get one more element 1, centroids one more element -|c|^2 / 2.  The
 * centre (the mean of the centroids) keeps the terms small beside the
 * distances when the data lie far from the origin.
 *
 * Products are rounded as the BLAS library pleases, so scores only tell which
 * centroids may be among the nearest.  Which are, and how far, is decided by
 * distances that have the same bits on every machine; they are computed from
 * the differences, and so are exactly 0 for equal vectors.
 *
 * A score is off by at most e = slack (|x|^2 + |c|^2) (sphx_product_slack).
 * slack |c|^2 is added to the element -|c|^2 / 2: then what a score may be at
 * most is the score itself, but for slack |x|^2, which all scores of a row
 * share; and at least it is, on the same scale, 2 e less.  A centroid whose
 * score is below that least of `probes` others is not among the nearest.
 * Nearly all scores are, so that hardly any distances are computed for
 * nothing.
 *
 *-------------------------------------------------------------------------
 */
#include <assert.h>
#include <float.h>
#include <math.h>
#include <string.h>

#include "math/base/blas.h"
#include "math/base/portable.h"
#include "math/train/assign.h"

/* products in a tile: half of a common L2 cache of 1 MB */
#define TILE_PRODUCTS		((size_t) 128 * 1024)
#define TILE_CENTROIDS		((size_t) 256)
#define TILE_MIN_ROWS		((size_t) 64)

/* elements of a block of rows, unless it has but TILE_MIN_ROWS */
#define BLOCK_ELEMENTS		((size_t) 1 << 18)

/* multiply-adds in one call of the BLAS: a few milliseconds, between two ticks */
#define TILE_WORK			((size_t) 1 << 27)

/* candidates of one block of rows: 2 MB */
#define BLOCK_CANDIDATES	((size_t) 1 << 17)

/* scores that are looked at together (any_reaches) */
#define CHUNK				((size_t) 16)

/* multiply-adds that are worth handing out: about a millisecond */
#define SHARED_WORK			((double) (1 << 25))

/* up to these squared norms no score overflows */
#define SQUARE_MOST			(FLT_MAX / 16.0f)

/* candidates of a row beside the best `probes`, before distances decide */
#define ROOM_BESIDE			((size_t) 8)

typedef float Vector4 __attribute__((vector_size(16)));
typedef int32_t Mask4 __attribute__((vector_size(16)));

typedef struct Candidate
{
	float		least;			/* bounds of the score */
	float		most;
	float		distance;		/* squared, once decide_row has been here */
	uint32_t	id;
} Candidate;

typedef struct Assigner
{
	SphxEnv    *env;
	uint64_t	done;			/* rows, of */
	uint64_t	total;
	size_t		d;				/* of the caller's vectors; packed ones have
								 * one more */
	size_t		k;
	size_t		probes;
	size_t		block_rows;
	size_t		tile_centroids;
	float		slack;			/* sphx_product_slack */
	float	   *centre;			/* [d] */
	float	   *centroids;		/* [k][d + 1], packed */
	float	   *centroid_square;	/* [k] squared norms */
	float	   *rows;			/* [block_rows][d + 1], packed */
	float	   *row_square;		/* [block_rows] */
	bool		overflow;		/* a centroid is too large for scores */
	float	   *products;		/* [block_rows][tile_centroids] */
	Candidate  *best;			/* [block_rows][probes + ROOM_BESIDE], first a
								 * heap: the worst first */
	size_t	   *beside;			/* [block_rows] candidates behind the heap */
	Candidate  *nearest;		/* [probes] scratch */
} Assigner;

/* What all participants know; the arrays are shared. */
typedef struct AssignState
{
	size_t		n;
	size_t		d;
	size_t		k;
	size_t		probes;
	size_t		block_rows;
	const float *rows;
	const float *centroids;
	uint32_t   *ids;
	float	   *distances;		/* or NULL */
} AssignState;

static size_t
min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

static size_t
max_size(size_t a, size_t b)
{
	return a > b ? a : b;
}

void
sphx_mean_row(size_t n, size_t d, const float *rows, double *sum, float *mean)
{
	assert(n > 0);
	memset(sum, 0, d * sizeof(double));
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < d; j++)
			sum[j] += (double) rows[i * d + j];
	for (size_t j = 0; j < d; j++)
		mean[j] = (float) (sum[j] / (double) n);
}

void
sphx_subtract_row(size_t n, size_t d, const float *rows, const float *restrict centre,
				  float *out, size_t stride)
{
	for (size_t i = 0; i < n; i++)
	{
		const float *restrict x = rows + i * d;
		float	   *restrict y = out + i * stride;

		for (size_t j = 0; j < d; j++)
			y[j] = x[j] - centre[j];
	}
}

static void
pack_rows(const Assigner *a, size_t n, const float *rows)
{
	sphx_subtract_row(n, a->d, rows, a->centre, a->rows, a->d + 1);
	for (size_t i = 0; i < n; i++)
	{
		float	   *x = a->rows + i * (a->d + 1);

		x[a->d] = 1.0f;
		a->row_square[i] = (float) sphx_portable_square(x, a->d);
	}
}

static void
pack_centroids(Assigner *a, const float *centroids)
{
	sphx_subtract_row(a->k, a->d, centroids, a->centre, a->centroids, a->d + 1);
	for (size_t i = 0; i < a->k; i++)
	{
		float	   *c = a->centroids + i * (a->d + 1);

		a->centroid_square[i] = (float) sphx_portable_square(c, a->d);
		if (!(a->centroid_square[i] <= SQUARE_MOST))
			a->overflow = true;
		c[a->d] = (a->slack - 0.5f) * a->centroid_square[i];
	}
}

/* products of a tile */
static size_t
tile_cells(size_t d)
{
	return min_size(TILE_PRODUCTS, TILE_WORK / (d + 1));
}

static size_t
choose_tile(size_t d, size_t k)
{
	return min_size(k, min_size(TILE_CENTROIDS, tile_cells(d) / TILE_MIN_ROWS));
}

/* rows of a block */
static size_t
choose_block(const SphxEnv *env, const AssignState *state)
{
	size_t		tile = choose_tile(state->d, state->k);
	size_t		candidates = state->probes + ROOM_BESIDE;
	size_t		row = (state->d + 2 + tile) * sizeof(float) + sizeof(size_t) +
	candidates * sizeof(Candidate);
	size_t		block = min_size(tile_cells(state->d) / tile,
								 max_size(TILE_MIN_ROWS, BLOCK_ELEMENTS / (state->d + 1)));

	block = min_size(min_size(block, state->n), max_size(1, BLOCK_CANDIDATES / candidates));
	return min_size(block, max_size(1, env->scratch / row));
}

static void
assigner_init(Assigner *a, const float *centroids)
{
	SphxEnv    *env = a->env;
	double	   *sum;

	a->tile_centroids = choose_tile(a->d, a->k);
	a->slack = (float) sphx_product_slack(a->d);
	a->centre = env->alloc(env, a->d * sizeof(float));
	a->centroid_square = env->alloc(env, a->k * sizeof(float));
	a->centroids = env->alloc(env, a->k * (a->d + 1) * sizeof(float));
	a->rows = env->alloc(env, a->block_rows * (a->d + 1) * sizeof(float));
	a->row_square = env->alloc(env, a->block_rows * sizeof(float));
	a->products = env->alloc(env, a->block_rows * a->tile_centroids * sizeof(float));
	a->best = env->alloc(env, a->block_rows * (a->probes + ROOM_BESIDE) * sizeof(Candidate));
	a->beside = env->alloc(env, a->block_rows * sizeof(size_t));
	a->nearest = env->alloc(env, a->probes * sizeof(Candidate));

	sum = env->alloc(env, a->d * sizeof(double));
	sphx_mean_row(a->k, a->d, centroids, sum, a->centre);
	env->release(env, sum);
	pack_centroids(a, centroids);
}

static void
assigner_release(Assigner *a)
{
	SphxEnv    *env = a->env;

	env->release(env, a->nearest);
	env->release(env, a->beside);
	env->release(env, a->best);
	env->release(env, a->products);
	env->release(env, a->row_square);
	env->release(env, a->rows);
	env->release(env, a->centroids);
	env->release(env, a->centroid_square);
	env->release(env, a->centre);
}

/* restore the heap of n candidates below position i, which was replaced */
static void
sift_down(Candidate *heap, size_t i, size_t n)
{
	Candidate	moved = heap[i];

	for (;;)
	{
		size_t		child = 2 * i + 1;

		if (child >= n)
			break;
		if (child + 1 < n && heap[child + 1].least < heap[child].least)
			child++;
		if (!(heap[child].least < moved.least))
			break;
		heap[i] = heap[child];
		i = child;
	}
	heap[i] = moved;
}

static Vector4
load4(const float *x)
{
	Vector4		v;

	memcpy(&v, x, sizeof(v));
	return v;
}

/* does any of CHUNK scores reach the bound? */
static bool
any_reaches(const float *scores, float bound)
{
	Vector4		bounds = {bound, bound, bound, bound};
	Mask4		reached = (load4(scores) >= bounds) | (load4(scores + 4) >= bounds) |
	(load4(scores + 8) >= bounds) | (load4(scores + 12) >= bounds);
	uint64_t	bits[2];

	_Static_assert(CHUNK == 16, "four vectors");
	memcpy(bits, &reached, sizeof(bits));
	return (bits[0] | bits[1]) != 0;
}

/* the candidates of a row: `probes` in the heap, and those beside */
static Candidate *
row_candidates(const Assigner *a, size_t row)
{
	return a->best + row * (a->probes + ROOM_BESIDE);
}

/* ties go to the lower id */
static bool
is_farther(const Candidate *a, const Candidate *b)
{
	return a->distance > b->distance || (a->distance == b->distance && a->id > b->id);
}

/*
 * Enter a candidate among the `count` nearest so far, `probes` at most, in
 * order of distance.  What is not a number counts as infinite.
 */
static size_t
enter_distance(const Assigner *a, size_t row, Candidate c, size_t count)
{
	Candidate  *list = a->nearest;
	size_t		p;

	c.distance = sphx_portable_l2sq(a->rows + row * (a->d + 1),
									a->centroids + (size_t) c.id * (a->d + 1), a->d);
	if (!(c.distance <= FLT_MAX))
		c.distance = INFINITY;
	if (count == a->probes && !is_farther(&list[count - 1], &c))
		return count;
	p = count < a->probes ? count++ : count - 1;
	for (; p > 0 && is_farther(&list[p - 1], &c); p--)
		list[p] = list[p - 1];
	list[p] = c;
	return count;
}

/* are scores of this row of no use, so that all centroids are candidates? */
static bool
row_overflows(const Assigner *a, size_t row)
{
	return a->overflow || !(a->row_square[row] <= SQUARE_MOST);
}

/* let distances decide which of a row's candidates are the nearest `probes` */
static void
decide_row(const Assigner *a, size_t row)
{
	const Candidate *best = row_candidates(a, row);
	size_t		count = 0;

	if (row_overflows(a, row))
	{
		for (size_t i = 0; i < a->k; i++)
		{
			Candidate	c = {.id = (uint32_t) i};

			count = enter_distance(a, row, c, count);
		}
		return;
	}
	for (size_t i = 0; i < a->probes + a->beside[row]; i++)
		if (best[i].most >= best[0].least)
			count = enter_distance(a, row, best[i], count);
	assert(count == a->probes);
}

/* make room beside the heap: those go that are surely, or at last, not among the nearest */
static void
make_room(const Assigner *a, size_t row)
{
	Candidate  *best = row_candidates(a, row);
	Candidate  *beside = best + a->probes;
	size_t		kept = 0;

	for (size_t i = 0; i < ROOM_BESIDE; i++)
		if (beside[i].most >= best[0].least)
			beside[kept++] = beside[i];
	a->beside[row] = kept;
	if (kept < ROOM_BESIDE)
		return;
	decide_row(a, row);
	memcpy(best, a->nearest, a->probes * sizeof(Candidate));
	for (size_t i = a->probes / 2; i-- > 0;)
		sift_down(best, i, a->probes);
	a->beside[row] = 0;
}

/* a centroid whose score may be among the best `probes` of a row */
static void
offer_score(const Assigner *a, size_t row, float score, size_t id)
{
	Candidate  *best = row_candidates(a, row);

	/* FLT_MIN for what underflows */
	float		off = a->slack * (a->row_square[row] + a->centroid_square[id]) + FLT_MIN;
	Candidate	c = {score - 2.0f * off, score, 0.0f, (uint32_t) id};

	if (c.least > best[0].least)
	{
		Candidate	displaced = best[0];

		best[0] = c;
		sift_down(best, 0, a->probes);
		c = displaced;
	}
	/* the heap is being filled, or the candidate is surely not among the best */
	if (c.id == UINT32_MAX || !(c.most >= best[0].least))
		return;
	if (a->beside[row] == ROOM_BESIDE)
		make_room(a, row);
	best[a->probes + a->beside[row]++] = c;
}

/*
 * Offer the centroids first, first + 1, ... with these scores to one row.
 * After the first few, hardly a score may be among the best: the time goes
 * into passing over the others.
 */
static void
offer_scores(const Assigner *a, size_t row, const float *scores, size_t n, size_t first)
{
	const Candidate *best = row_candidates(a, row);
	size_t		j = 0;

	while (j < n)
	{
		size_t		end = min_size(j + CHUNK, n);

		if (end - j == CHUNK && !any_reaches(scores + j, best[0].least))
			j = end;
		for (; j < end; j++)
			if (scores[j] >= best[0].least)
				offer_score(a, row, scores[j], first + j);
	}
}

static void
search_block(const Assigner *a, size_t n)
{
	for (size_t i = 0; i < n; i++)
	{
		Candidate  *best = row_candidates(a, i);

		a->beside[i] = 0;
		for (size_t p = 0; p < a->probes; p++)
		{
			best[p].least = -INFINITY;
			best[p].id = UINT32_MAX;
		}
	}
	for (size_t first = 0; first < a->k; first += a->tile_centroids)
	{
		size_t		width = min_size(a->tile_centroids, a->k - first);

		sphx_gemm_nt(n, width, a->d + 1, a->rows, a->centroids + first * (a->d + 1),
					 a->products);
		for (size_t i = 0; i < n; i++)
			if (!row_overflows(a, i))
				offer_scores(a, i, a->products + i * width, width, first);
		a->env->tick(a->env, a->done, a->total);
	}
}

static void
write_block(const Assigner *a, size_t n, uint32_t *ids, float *distances)
{
	for (size_t i = 0; i < n; i++)
	{
		decide_row(a, i);
		if (row_overflows(a, i))
			a->env->tick(a->env, a->done, a->total);
		for (size_t p = 0; p < a->probes; p++)
		{
			ids[i * a->probes + p] = a->nearest[p].id;
			if (distances != NULL)
				distances[i * a->probes + p] = a->nearest[p].distance;
		}
	}
}

static void
assign_blocks(SphxEnv *env, void *arg, SphxItems *items)
{
	const AssignState *state = arg;
	uint64_t	row;
	uint64_t	end;
	Assigner	a;

	memset(&a, 0, sizeof(a));
	a.env = env;
	a.total = state->n;
	a.d = state->d;
	a.k = state->k;
	a.probes = state->probes;
	a.block_rows = state->block_rows;
	assigner_init(&a, state->centroids);
	while (sphx_next_block(items, state->n, a.block_rows, &row, &end))
	{
		size_t		count = (size_t) (end - row);

		a.done = row;
		pack_rows(&a, count, state->rows + row * a.d);
		search_block(&a, count);
		write_block(&a, count, state->ids + row * a.probes,
					state->distances ? state->distances + row * a.probes : NULL);
	}
	assigner_release(&a);
}

static const size_t assign_pointers[] = {
	offsetof(AssignState, rows), offsetof(AssignState, centroids), offsetof(AssignState, ids),
	offsetof(AssignState, distances)
};

const SphxTask sphx_assign_task = SPHX_TASK(assign_blocks, AssignState, assign_pointers);

void
sphx_assign(SphxEnv *env, size_t n, int d, const float *rows, int k,
			const float *centroids, int probes, uint32_t *ids, float *distances)
{
	AssignState state = {
		.n = n,
		.d = (size_t) d,
		.k = (size_t) k,
		.probes = (size_t) probes,
		.rows = rows,
		.centroids = centroids,
		.ids = ids,
		.distances = distances
	};
	uint64_t	blocks;

	assert(d >= 1 && k >= 1 && probes >= 1 && probes <= k);
	if (n == 0)
		return;
	state.block_rows = choose_block(env, &state);
	blocks = sphx_blocks(n, state.block_rows);
	if ((double) n * d * k < SHARED_WORK)
		sphx_run_alone(env, &sphx_assign_task, &state, blocks);
	else
		sphx_run(env, &sphx_assign_task, &state, blocks);
	env->tick(env, n, n);
}
