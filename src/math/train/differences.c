/*-------------------------------------------------------------------------
 *
 * differences.c
 *	  Differences between near rows of a sample.
 *
 * Neighbours are found by matrix products, among rows less their mean, since an
 * offset that all share would leave nothing of small differences in single
 * precision.  Differences are made of the rows themselves each time a block of
 * them is needed: all of them would take more memory than the sample.
 *
 *-------------------------------------------------------------------------
 */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "math/base/blas.h"
#include "math/kernels/kernels.h"
#include "math/train/spectrum_private.h"

/* one row in 8 is an anchor, within these limits */
#define ROWS_AN_ANCHOR	8
#define LEAST_ANCHORS	256
#define MOST_ANCHORS	1024

/*
 * Parts that rows are searched for neighbours in: items of a run, so that lists are
 * the same whoever takes which.
 */
#define NEAR_PARTS		8

/*
 * Squared distances below this share of the squares they are the difference of are
 * rounding.  Of so many neighbours an anchor has the rows themselves are looked at.
 */
#define NOISE			1e-6f
#define MOST_DOUBTS		64


/* Neighbours */

static const float *
sample_row(const SphxNearSearch *search, int i)
{
	return search->sample + (size_t) i * (size_t) search->D;
}

/* (w - v) times the scale, and its squared length */
static float
difference(const SphxNearSearch *search, int v, int w, float *out)
{
	const float *from = sample_row(search, v);
	const float *to = sample_row(search, w);

	for (int j = 0; j < search->D; j++)
		out[j] = (to[j] * search->scale) - (from[j] * search->scale);
	return sphx_kernels->dot_f32(out, out, (size_t) search->D);
}

/* A power of two, so that rows times it are exact and their squares in range. */
static void
find_scale(SphxNearSearch *search)
{
	float		largest = 0.0f;
	int			exponent;

	for (int i = 0; i < search->n; i++)
	{
		float		amax = sphx_kernels->amax_f32(sample_row(search, i), (size_t) search->D);

		if (isfinite(amax) && amax > largest)
			largest = amax;
	}
	(void) frexpf(largest, &exponent);
	if (exponent < -120)
		exponent = -120;
	search->scale = ldexpf(1.0f, -exponent);
}

/* Anchors are spread over the sample, which may be sorted, one from each part of it. */
static void
choose_anchors(SphxNearSearch *search)
{
	int			count = search->n / ROWS_AN_ANCHOR;

	count = count < LEAST_ANCHORS ? LEAST_ANCHORS : count;
	count = count > MOST_ANCHORS ? MOST_ANCHORS : count;
	search->anchor_count = count < search->n ? count : search->n;
	search->anchors = sphx_share(search->env, sizeof(SphxAnchor) * ((size_t) search->anchor_count + 1));
	for (int a = 0; a < search->anchor_count; a++)
	{
		uint64_t	from = (uint64_t) a * (uint64_t) search->n / (uint64_t) search->anchor_count;
		uint64_t	to = (uint64_t) (a + 1) * (uint64_t) search->n / (uint64_t) search->anchor_count;

		memset(&search->anchors[a], 0, sizeof(SphxAnchor));
		search->anchors[a].row = (int) (from + sphx_random_below(&search->random, to - from));
	}
}

/* a row less the mean, scaled; rows that are not finite come out as NaN or infinite */
static float
center_row(const SphxNearSearch *search, int i, const double *mean, float *out)
{
	const float *row = sample_row(search, i);

	for (int j = 0; j < search->D; j++)
		out[j] = (float) ((double) (row[j] * search->scale) - mean[j]);
	return sphx_kernels->dot_f32(out, out, (size_t) search->D);
}

void
sphx_near_mean(const SphxNearSearch *search, double *mean)
{
	int			rows = 0;

	memset(mean, 0, sizeof(double) * (size_t) search->D);
	for (int i = 0; i < search->n; i++)
	{
		const float *row = sample_row(search, i);

		if (!isfinite(sphx_kernels->l1_f32(row, row, (size_t) search->D)))
			continue;
		for (int j = 0; j < search->D; j++)
			mean[j] += (double) (row[j] * search->scale);
		rows++;
	}
	for (int j = 0; j < search->D; j++)
		mean[j] /= rows > 0 ? rows : 1;
}

/* Keep the nearest, in order. */
static void
offer(SphxAnchor *anchor, int id, float square)
{
	int			k = anchor->count;

	if (k == SPHX_NEIGHBOURS && !(square < anchor->squares[k - 1]))
		return;
	if (k < SPHX_NEIGHBOURS)
		anchor->count++;
	else
		k--;
	for (; k > 0 && anchor->squares[k - 1] > square; k--)
	{
		anchor->squares[k] = anchor->squares[k - 1];
		anchor->ids[k] = anchor->ids[k - 1];
	}
	anchor->squares[k] = square;
	anchor->ids[k] = id;
}

/* `noise`: what the square may be off by */
static void
see_row(const SphxNearSearch *search, SphxAnchor *anchor, int id, float square, float noise, float *scratch)
{
	if (id == anchor->row || !(square < INFINITY) || !(noise < INFINITY))
		return;
	if (anchor->count == SPHX_NEIGHBOURS && !(square < anchor->squares[SPHX_NEIGHBOURS - 1]))
		return;
	if (square <= noise)
	{
		if (anchor->doubts++ >= MOST_DOUBTS)
			return;
		square = difference(search, anchor->row, id, scratch);
		if (!(square > 0.0f))
			return;
	}
	offer(anchor, id, square);
}

/* What all participants know of the search for neighbours; the arrays are shared. */
typedef struct NearState
{
	SphxNearSearch search;
	const double *mean;			/* D */
	SphxAnchor *found;			/* NEAR_PARTS * anchors: in each part */
} NearState;

/* memory of a participant */
typedef struct Block
{
	float	   *anchors;		/* anchors x D: without the mean */
	float	   *anchor_squares; /* anchors */
	float	   *rows;			/* SPHX_NEAR_BLOCK x D */
	float	   *squares;		/* SPHX_NEAR_BLOCK */
	float	   *products;		/* SPHX_NEAR_BLOCK x anchors */
	float	   *scratch;		/* D */
} Block;

static void
allocate_block(const SphxNearSearch *search, Block *block)
{
	size_t		D = (size_t) search->D;
	size_t		anchors = (size_t) search->anchor_count;

	block->anchors = search->env->alloc(search->env, sizeof(float) *
										((anchors + SPHX_NEAR_BLOCK + 1) * D + anchors +
										 SPHX_NEAR_BLOCK + anchors * SPHX_NEAR_BLOCK));
	block->rows = block->anchors + anchors * D;
	block->scratch = block->rows + SPHX_NEAR_BLOCK * D;
	block->anchor_squares = block->scratch + D;
	block->squares = block->anchor_squares + anchors;
	block->products = block->squares + SPHX_NEAR_BLOCK;
}

static void
see_block(const NearState *state, const Block *block, int first, int rows, SphxAnchor *found)
{
	const SphxNearSearch *search = &state->search;
	int			anchors = search->anchor_count;

	for (int i = 0; i < rows; i++)
		block->squares[i] = center_row(search, first + i, state->mean,
									   block->rows + (size_t) i * (size_t) search->D);
	sphx_gemm_nt((size_t) rows, (size_t) anchors, (size_t) search->D, block->rows,
				 block->anchors, block->products);
	for (int i = 0; i < rows; i++)
		for (int a = 0; a < anchors; a++)
		{
			float		squares = block->squares[i] + block->anchor_squares[a];
			float		product = block->products[(size_t) i * (size_t) anchors + (size_t) a];

			see_row(search, &found[a], first + i, squares - 2.0f * product, NOISE * squares,
					block->scratch);
		}
}

/* Find the nearest of some parts of the rows. */
static void
search_parts(SphxEnv *env, void *arg, SphxItems *items)
{
	NearState  *state = arg;
	SphxNearSearch *search = &state->search;
	uint64_t	n = (uint64_t) search->n;
	uint64_t	part;
	Block		block;

	search->env = env;
	allocate_block(search, &block);
	for (int a = 0; a < search->anchor_count; a++)
		block.anchor_squares[a] = center_row(search, search->anchors[a].row, state->mean,
											 block.anchors + (size_t) a * (size_t) search->D);
	while (items->next(items, &part))
	{
		SphxAnchor *found = state->found + part * (uint64_t) search->anchor_count;
		int			end = (int) (n * (part + 1) / items->count);

		memcpy(found, search->anchors, sizeof(SphxAnchor) * (size_t) search->anchor_count);
		for (int first = (int) (n * part / items->count); first < end; first += SPHX_NEAR_BLOCK)
		{
			int			rows = end - first;

			see_block(state, &block, first, rows < SPHX_NEAR_BLOCK ? rows : SPHX_NEAR_BLOCK, found);
			env->tick(env, (uint64_t) first, n);
		}
	}
	env->release(env, block.anchors);
}

static const size_t near_pointers[] = {
	offsetof(NearState, search.sample), offsetof(NearState, search.anchors),
	offsetof(NearState, mean), offsetof(NearState, found)
};

const SphxTask sphx_spectrum_near_task = SPHX_TASK(search_parts, NearState, near_pointers);

static void
find_neighbours(const SphxNearSearch *search)
{
	SphxEnv    *env = search->env;
	size_t		anchors = (size_t) search->anchor_count;
	double	   *mean = sphx_share(env, sizeof(double) * (size_t) search->D);
	SphxAnchor *found = sphx_share(env, sizeof(SphxAnchor) * anchors * NEAR_PARTS);
	NearState	state = {.search = *search,.mean = mean,.found = found};

	sphx_near_mean(search, mean);
	sphx_run(env, &sphx_spectrum_near_task, &state, NEAR_PARTS);
	for (size_t i = 0; i < anchors * NEAR_PARTS; i++)
		for (int k = 0; k < found[i].count; k++)
			offer(&search->anchors[i % anchors], found[i].ids[k], found[i].squares[k]);
	sphx_unshare(env, found);
	sphx_unshare(env, mean);
}


/* All of it */

/* Note the rows that the trained half sees. */
static void
mark_seen(SphxNearSearch *search)
{
	search->seen = search->env->alloc(search->env, (size_t) search->n + 1);
	memset(search->seen, 0, (size_t) search->n + 1);
	for (int a = 0; a < search->anchor_count; a += 2)
	{
		search->seen[search->anchors[a].row] = true;
		for (int k = 0; k < search->anchors[a].count; k++)
			search->seen[search->anchors[a].ids[k]] = true;
	}
}

int
sphx_near_count(const SphxNearSearch *search)
{
	int			edges = 0;

	for (int a = 0; a < search->anchor_count; a++)
		edges += search->anchors[a].count;
	return edges;
}

void
sphx_near_start(SphxNearSearch *search, uint64_t seed)
{
	assert(search->n >= 0 && search->D >= 1);
	sphx_random_seed(&search->random, seed);
	find_scale(search);
	choose_anchors(search);
	if (search->n > 0)
		find_neighbours(search);
	mark_seen(search);
}

void
sphx_near_end(const SphxNearSearch *search)
{
	search->env->release(search->env, search->seen);
	sphx_unshare(search->env, search->anchors);
}


/* Differences in blocks */

bool
sphx_next_differences(const SphxNearSearch *search, SphxDifferences *edges)
{
	size_t		D = (size_t) search->D;

	edges->count = 0;
	while (edges->count < SPHX_NEAR_BLOCK && edges->anchor < edges->end)
	{
		const SphxAnchor *anchor = &search->anchors[edges->anchor];
		float	   *row = edges->rows + (size_t) edges->count * D;
		float		length;
		int			id;

		if (anchor->count <= edges->neighbour)
		{
			edges->anchor += 2;
			edges->neighbour = 0;
			continue;
		}
		id = anchor->ids[edges->neighbour++];
		if (!edges->all && search->seen[id])
			continue;
		length = sqrtf(difference(search, anchor->row, id, row));
		if (!(length > 0.0f && length < INFINITY))
			continue;
		for (size_t j = 0; j < D; j++)
			row[j] /= length;
		edges->count++;
	}
	search->env->tick(search->env, (uint64_t) edges->anchor / 2,
					  (uint64_t) search->anchor_count / 2 + 2);
	return edges->count > 0;
}

void
sphx_first_differences(const SphxNearSearch *search, SphxHalf half, bool all, int part, int parts,
					   SphxDifferences *edges)
{
	int			pairs = (search->anchor_count + 1) / 2;
	int			end = 2 * (pairs * (part + 1) / parts);

	edges->all = all;
	edges->anchor = 2 * (pairs * part / parts) + (half == SPHX_TRAINED ? 0 : 1);
	edges->neighbour = 0;
	edges->end = end < search->anchor_count ? end : search->anchor_count;
}
