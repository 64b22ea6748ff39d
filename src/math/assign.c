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
 * Scores only choose.  The distances that leave this file are computed again
 * from the differences, and so are exactly 0 for equal vectors.
 *
 *-------------------------------------------------------------------------
 */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "blas.h"
#include "kernels.h"
#include "kmeans.h"
#include "train.h"

/* products in a tile: half of a common L2 cache of 1 MB */
#define TILE_PRODUCTS		((size_t) 128 * 1024)
#define TILE_CENTROIDS		((size_t) 256)
#define TILE_MIN_ROWS		((size_t) 64)

/* elements of a block of rows, unless it has but TILE_MIN_ROWS */
#define BLOCK_ELEMENTS		((size_t) 1 << 18)

/* multiply-adds in one call of the BLAS: a few milliseconds, between two ticks */
#define TILE_WORK			((size_t) 1 << 27)

/* heap entries of one block of rows */
#define BLOCK_PROBES		((size_t) 1 << 18)

/* scores that are looked at together (any_above) */
#define CHUNK				((size_t) 16)

typedef float Vector4 __attribute__((vector_size(16)));
typedef int32_t Mask4 __attribute__((vector_size(16)));

typedef struct Candidate
{
	float		score;
	uint32_t	id;
} Candidate;

typedef struct Assigner
{
	size_t		d;				/* of the caller's vectors; packed ones have
								 * one more */
	size_t		k;
	size_t		probes;
	size_t		block_rows;
	size_t		tile_centroids;
	float	   *centre;			/* [d] */
	float	   *centroids;		/* [k][d + 1], packed */
	float	   *rows;			/* [block_rows][d + 1], packed */
	float	   *products;		/* [block_rows][tile_centroids] */
	Candidate  *best;			/* [block_rows][probes], each a heap: the
								 * worst first */
} Assigner;

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
		a->rows[i * (a->d + 1) + a->d] = 1.0f;
}

static void
pack_centroids(const Assigner *a, const float *centroids)
{
	sphx_subtract_row(a->k, a->d, centroids, a->centre, a->centroids, a->d + 1);
	for (size_t i = 0; i < a->k; i++)
	{
		float	   *c = a->centroids + i * (a->d + 1);

		c[a->d] = -0.5f * sphx_kernels->dot_f32(c, c, a->d);
	}
}

static void
assigner_init(Assigner *a, SphxEnv *env, size_t n, const float *centroids)
{
	size_t		cells = min_size(TILE_PRODUCTS, TILE_WORK / (a->d + 1));
	double	   *sum;

	a->tile_centroids = min_size(a->k, min_size(TILE_CENTROIDS, cells / TILE_MIN_ROWS));
	a->block_rows = min_size(cells / a->tile_centroids,
							 max_size(TILE_MIN_ROWS, BLOCK_ELEMENTS / (a->d + 1)));
	a->block_rows = max_size(1, min_size(a->block_rows, min_size(n, BLOCK_PROBES / a->probes)));
	a->centre = env->alloc(env, a->d * sizeof(float));
	a->centroids = env->alloc(env, a->k * (a->d + 1) * sizeof(float));
	a->rows = env->alloc(env, a->block_rows * (a->d + 1) * sizeof(float));
	a->products = env->alloc(env, a->block_rows * a->tile_centroids * sizeof(float));
	a->best = env->alloc(env, a->block_rows * a->probes * sizeof(Candidate));

	sum = env->alloc(env, a->d * sizeof(double));
	sphx_mean_row(a->k, a->d, centroids, sum, a->centre);
	env->release(env, sum);
	pack_centroids(a, centroids);
}

static void
assigner_release(Assigner *a, SphxEnv *env)
{
	env->release(env, a->best);
	env->release(env, a->products);
	env->release(env, a->rows);
	env->release(env, a->centroids);
	env->release(env, a->centre);
}

/* ties go to the lower id */
static bool
is_worse(Candidate a, Candidate b)
{
	return a.score < b.score || (a.score == b.score && a.id > b.id);
}

/* restore the heap of n candidates below its root, which was replaced */
static void
sift_down(Candidate *heap, size_t n)
{
	Candidate	moved = heap[0];
	size_t		i = 0;

	for (;;)
	{
		size_t		child = 2 * i + 1;

		if (child >= n)
			break;
		if (child + 1 < n && is_worse(heap[child + 1], heap[child]))
			child++;
		if (!is_worse(heap[child], moved))
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

/* is any of CHUNK scores above the bound? */
static bool
any_above(const float *scores, float bound)
{
	Vector4		bounds = {bound, bound, bound, bound};
	Mask4		above = (load4(scores) > bounds) | (load4(scores + 4) > bounds) |
	(load4(scores + 8) > bounds) | (load4(scores + 12) > bounds);
	uint64_t	bits[2];

	_Static_assert(CHUNK == 16, "four vectors");
	memcpy(bits, &above, sizeof(bits));
	return (bits[0] | bits[1]) != 0;
}

/*
 * Offer the centroids first, first + 1, ... with these scores to one row's
 * heap.  They come in ascending order of id, so that an equal score never
 * replaces one that is there.  After the first few, hardly a score enters: the
 * time goes into passing over the others.
 */
static void
offer_scores(Candidate *heap, size_t probes, const float *scores, size_t n, size_t first)
{
	size_t		j = 0;

	while (j < n)
	{
		size_t		end = min_size(j + CHUNK, n);

		if (end - j == CHUNK && !any_above(scores + j, heap[0].score))
			j = end;
		for (; j < end; j++)
		{
			if (!(scores[j] > heap[0].score))
				continue;
			heap[0].score = scores[j];
			heap[0].id = (uint32_t) (first + j);
			if (probes > 1)
				sift_down(heap, probes);
		}
	}
}

/* the heap as a list, the best first */
static void
sort_heap(Candidate *heap, size_t n)
{
	for (size_t left = n; left > 1; left--)
	{
		Candidate	worst = heap[0];

		heap[0] = heap[left - 1];
		sift_down(heap, left - 1);
		heap[left - 1] = worst;
	}
}

static void
search_block(const Assigner *a, SphxEnv *env, size_t n, uint64_t done, uint64_t total)
{
	for (size_t i = 0; i < n * a->probes; i++)
	{
		a->best[i].score = -INFINITY;
		a->best[i].id = UINT32_MAX;
	}
	for (size_t first = 0; first < a->k; first += a->tile_centroids)
	{
		size_t		width = min_size(a->tile_centroids, a->k - first);

		sphx_gemm_nt(n, width, a->d + 1, a->rows, a->centroids + first * (a->d + 1),
					 a->products);
		for (size_t i = 0; i < n; i++)
			offer_scores(a->best + i * a->probes, a->probes, a->products + i * width,
						 width, first);
		env->tick(env, done, total);
	}
}

/*
 * The lists of one block, with distances from the differences.  Scores are
 * rounded, so the order of distances may differ from theirs: insertion sort,
 * of what is nearly sorted.
 */
static void
write_block(const Assigner *a, size_t n, uint32_t *ids, float *distances)
{
	for (size_t i = 0; i < n; i++)
	{
		Candidate  *best = a->best + i * a->probes;
		const float *x = a->rows + i * (a->d + 1);

		sort_heap(best, a->probes);
		for (size_t p = 0; p < a->probes; p++)
		{
			Candidate	c = best[p];
			size_t		q;

			/* where every score is infinite or NaN the heap was never filled */
			if (c.id == UINT32_MAX)
				c.id = (uint32_t) p;
			c.score = -sphx_kernels->l2sq_f32(x, a->centroids + c.id * (a->d + 1), a->d);
			for (q = p; q > 0 && is_worse(best[q - 1], c); q--)
				best[q] = best[q - 1];
			best[q] = c;
		}
		for (size_t p = 0; p < a->probes; p++)
		{
			ids[i * a->probes + p] = best[p].id;
			if (distances != NULL)
				distances[i * a->probes + p] = 0.0f - best[p].score;
		}
	}
}

void
sphx_assign(SphxEnv *env, size_t n, int d, const float *rows, int k,
			const float *centroids, int probes, uint32_t *ids, float *distances)
{
	Assigner	a;

	assert(d >= 1 && k >= 1 && probes >= 1 && probes <= k);
	if (n == 0)
		return;
	memset(&a, 0, sizeof(a));
	a.d = (size_t) d;
	a.k = (size_t) k;
	a.probes = (size_t) probes;
	assigner_init(&a, env, n, centroids);

	for (size_t row = 0; row < n; row += a.block_rows)
	{
		size_t		count = min_size(a.block_rows, n - row);

		pack_rows(&a, count, rows + row * a.d);
		search_block(&a, env, count, row, n);
		write_block(&a, count, ids + row * a.probes,
					distances ? distances + row * a.probes : NULL);
	}
	env->tick(env, n, n);
	assigner_release(&a, env);
}
