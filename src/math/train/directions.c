/*-------------------------------------------------------------------------
 *
 * directions.c
 *	  Directions along which near rows differ most.
 *
 * Randomised subspace iteration (Halko, Martinsson and Tropp), whose products are
 * with the differences E, V <- V E^T E; at its end the eigenvectors of the small
 * matrix V E^T E V^T turn V (Rayleigh and Ritz).  No matrix is D x D.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>
#include <string.h>

#include "math/base/blas.h"
#include "math/kernels/kernels.h"
#include "math/train/eigen.h"
#include "math/train/spectrum_private.h"

#define ITERATIONS		3

/*
 * Parts that differences are multiplied in: items of a run, so that sums are the
 * same whoever takes which.
 */
#define IMAGE_PARTS		4

/* a row that shrinks to less than this was a combination of those before it */
#define DEPENDENT		1e-4

void
sphx_directions_allocate(const SphxNearSearch *search, SphxDirections *work)
{
	size_t		D = (size_t) search->D;
	size_t		count = (size_t) work->count;
	size_t		matrix = (count + 3) / 4 * 4 * D;
	float	   *memory = search->env->alloc(search->env, sizeof(float) *
											(matrix + SPHX_NEAR_BLOCK * (D + count) + 1));

	work->vectors = sphx_share(search->env, sizeof(float) * (matrix + 1));
	work->parts = sphx_share(search->env, sizeof(float) * (IMAGE_PARTS * count * D + 1));
	work->image = memory;
	work->edges.rows = work->image + matrix;
	work->products = work->edges.rows + SPHX_NEAR_BLOCK * D;
	memset(work->vectors, 0, sizeof(float) * matrix);
}

void
sphx_directions_release(const SphxNearSearch *search, const SphxDirections *work)
{
	search->env->release(search->env, work->image);
	sphx_unshare(search->env, work->parts);
	sphx_unshare(search->env, work->vectors);
}

/* What all participants know of a product with the differences; the arrays are shared. */
typedef struct ImageState
{
	SphxNearSearch search;
	int			count;
	const float *vectors;
	float	   *parts;
} ImageState;

/* Images of the vectors under some parts of the trained half of the differences. */
static void
multiply_parts(SphxEnv *env, void *arg, SphxItems *items)
{
	ImageState *state = arg;
	size_t		D = (size_t) state->search.D;
	size_t		count = (size_t) state->count;
	float	   *image = env->alloc(env, sizeof(float) * (count * D + SPHX_NEAR_BLOCK * (D + count)));
	float	   *products = image + count * D;
	SphxDifferences edges = {.rows = products + SPHX_NEAR_BLOCK * count};
	uint64_t	part;

	state->search.env = env;
	while (items->next(items, &part))
	{
		float	   *sum = state->parts + part * count * D;

		memset(sum, 0, sizeof(float) * count * D);
		sphx_first_differences(&state->search, SPHX_TRAINED, true, (int) part, (int) items->count, &edges);
		while (sphx_next_differences(&state->search, &edges))
		{
			sphx_gemm_nt(count, (size_t) edges.count, D, state->vectors, edges.rows, products);
			sphx_gemm_nn(count, D, (size_t) edges.count, products, edges.rows, image);
			for (size_t i = 0; i < count * D; i++)
				sum[i] += image[i];
		}
	}
	env->release(env, image);
}

static const size_t image_pointers[] = {
	offsetof(ImageState, search.sample), offsetof(ImageState, search.anchors),
	offsetof(ImageState, vectors), offsetof(ImageState, parts)
};

const SphxTask sphx_spectrum_image_task = SPHX_TASK(multiply_parts, ImageState, image_pointers);

/* image = V E^T E over the trained half */
static void
multiply_edges(const SphxNearSearch *search, SphxDirections *work)
{
	size_t		size = (size_t) work->count * (size_t) search->D;
	ImageState	state = {
		.search = *search,
		.count = work->count,
		.vectors = work->vectors,
		.parts = work->parts
	};

	sphx_run(search->env, &sphx_spectrum_image_task, &state, IMAGE_PARTS);
	memcpy(work->image, work->parts, sizeof(float) * size);
	for (size_t part = 1; part < IMAGE_PARTS; part++)
		for (size_t i = 0; i < size; i++)
			work->image[i] += work->parts[part * size + i];
}

static void
random_row(SphxNearSearch *search, float *row)
{
	for (int j = 0; j < search->D; j++)
		row[j] = (float) (sphx_random_uniform(&search->random) - 0.5);
}

static double
norm_of(const float *row, int D)
{
	return sqrt((double) sphx_kernels->dot_f32(row, row, (size_t) D));
}

/* Take away what rows before i have of row i, whose products with them go to scratch. */
static void
project_out(float *rows, int i, int D, float *products)
{
	float	   *row = rows + (size_t) i * (size_t) D;

	for (int k = 0; k < i; k++)
		products[k] = -sphx_kernels->dot_f32(rows + (size_t) k * (size_t) D, row, (size_t) D);
	for (int k = 0; k < i; k += 4)
	{
		float		a[4] = {0.0f};
		int			group = i - k < 4 ? i - k : 4;

		memcpy(a, products + k, sizeof(float) * (size_t) group);
		/* rows from i on are read, but times zero; all are finite */
		sphx_kernels->axpy4_f32(row, rows + (size_t) k * (size_t) D, (size_t) D, a, (size_t) D);
	}
}

/*
 * Make the rows of `vectors` orthonormal, in order.  One that is a combination of
 * those before it gives way to a random one: vectors of data of low rank.
 */
static void
orthonormalize(SphxNearSearch *search, SphxDirections *work)
{
	int			D = search->D;

	for (int i = 0; i < work->count; i++)
	{
		float	   *row = work->vectors + (size_t) i * (size_t) D;
		double		norm = 0.0;

		for (int tries = 0; tries < 20; tries++)
		{
			double		before = norm_of(row, D);
			float		unit = before > 0.0 ? (float) (1.0 / before) : 0.0f;

			for (int j = 0; j < D; j++)
				row[j] *= unit;
			project_out(work->vectors, i, D, work->products);
			norm = norm_of(row, D);
			if (norm > DEPENDENT && tries > 0)
				break;
			if (norm <= DEPENDENT)
				random_row(search, row);
		}
		for (int j = 0; j < D; j++)
			row[j] = (float) ((double) row[j] / norm);
		if (i % 16 == 0)
			search->env->tick(search->env, (uint64_t) i, (uint64_t) work->count);
	}
}

/* Turn V by the eigenvectors of V E^T E V^T; image is V E^T E. */
static void
turn_vectors(const SphxNearSearch *search, SphxDirections *work)
{
	size_t		D = (size_t) search->D;
	size_t		count = (size_t) work->count;
	double	   *matrix = search->env->alloc(search->env, sizeof(double) * (2 * count + 1) * count);
	double	   *turns = matrix + count * count;

	sphx_gemm_nt(count, count, D, work->vectors, work->image, work->parts);
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < count; k++)
			matrix[i * count + k] = ((double) work->parts[i * count + k] +
									 (double) work->parts[k * count + i]) / 2.0;
	sphx_eigen(search->env, work->count, matrix, turns, turns + count * count);
	memset(work->image, 0, sizeof(float) * count * D);
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < count; k += 4)
		{
			float		a[4] = {0.0f};

			for (size_t l = 0; l < 4 && k + l < count; l++)
				a[l] = (float) turns[i * count + k + l];
			sphx_kernels->axpy4_f32(work->image + i * D, work->vectors + k * D, D, a, D);
		}
	memcpy(work->vectors, work->image, sizeof(float) * count * D);
	search->env->release(search->env, matrix);
}

void
sphx_directions_find(SphxNearSearch *search, SphxDirections *work)
{
	for (int i = 0; i < work->count; i++)
		random_row(search, work->vectors + (size_t) i * (size_t) search->D);
	orthonormalize(search, work);

	/* all directions span the same space from the beginning */
	for (int i = work->count < search->D ? 0 : ITERATIONS; i < ITERATIONS; i++)
	{
		multiply_edges(search, work);
		memcpy(work->vectors, work->image,
			   sizeof(float) * (size_t) work->count * (size_t) search->D);
		orthonormalize(search, work);
	}
	multiply_edges(search, work);
	turn_vectors(search, work);
	orthonormalize(search, work);
}
