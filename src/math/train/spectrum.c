/*-------------------------------------------------------------------------
 *
 * spectrum.c
 *	  How differences between near rows are spread over directions.
 *
 * Neighbours are found by matrix products, among rows less their mean, since an
 * offset that all share would leave nothing of small differences in single
 * precision.  Differences are made of the rows themselves each time a block of
 * them is needed: all of them would take more memory than the sample.
 *
 * Directions: randomised subspace iteration (Halko, Martinsson and Tropp), whose
 * products are with the differences E, V <- V E^T E; at its end the eigenvectors
 * of the small matrix V E^T E V^T turn V (Rayleigh and Ritz).  No matrix is D x D.
 *
 * Variances along directions that were fitted to the same few differences would
 * be too large, the more so the more directions there are.  So directions come
 * from the even anchors and variances from the odd ones, less those differences
 * that lead to a row which the even ones have seen: in many dimensions few rows
 * are neighbours of many.
 *
 *-------------------------------------------------------------------------
 */
#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "math/base/blas.h"
#include "math/base/random.h"
#include "math/kernels/kernels.h"
#include "math/train/eigen.h"
#include "math/train/spectrum.h"

#define NEIGHBOURS		16

/* one row in 8 is an anchor, within these limits */
#define ROWS_AN_ANCHOR	8
#define LEAST_ANCHORS	256
#define MOST_ANCHORS	1024

/* differences of which one direction is made at least */
#define EDGES_A_VECTOR	8

#define ITERATIONS		3

/*
 * Parts that rows are searched for neighbours in, and that differences are multiplied
 * in: items of a run, so that sums are the same whoever takes which.
 */
#define NEAR_PARTS		8
#define IMAGE_PARTS		4

/* rows of a matrix product */
#define BLOCK			256

/*
 * Squared distances below this share of the squares they are the difference of are
 * rounding.  Of so many neighbours an anchor has the rows themselves are looked at.
 */
#define NOISE			1e-6f
#define MOST_DOUBTS		64

/* a row that shrinks to less than this was a combination of those before it */
#define DEPENDENT		1e-4

/* directions with less than this of the mean variance have none */
#define NO_VARIANCE		1e-4

typedef struct Anchor
{
	int			row;
	int			count;			/* of neighbours */
	int			doubts;			/* neighbours whose distance was not clear */
	int			ids[NEIGHBOURS];
	float		squares[NEIGHBOURS];	/* of distances, ascending */
} Anchor;

typedef struct Search
{
	SphxEnv    *env;
	int			n;
	int			D;
	const float *sample;
	float		scale;			/* makes the largest entry about 1 */
	int			anchor_count;
	Anchor	   *anchors;
	bool	   *seen;			/* n: ends of differences of the trained half */
	SphxRandom	random;
} Search;

/* an anchor's half */
typedef enum Half
{
	TRAINED,
	HELD_OUT
} Half;

/* some differences as unit vectors, one a row */
typedef struct Edges
{
	bool		all;			/* those that lead to seen rows, too */
	int			anchor;			/* the next one, */
	int			neighbour;		/* and its neighbour */
	int			end;			/* of the anchors */
	int			count;			/* rows */
	float	   *rows;			/* BLOCK x D */
} Edges;


/* Neighbours */

static const float *
sample_row(const Search *search, int i)
{
	return search->sample + (size_t) i * (size_t) search->D;
}

/* (w - v) times the scale, and its squared length */
static float
difference(const Search *search, int v, int w, float *out)
{
	const float *from = sample_row(search, v);
	const float *to = sample_row(search, w);

	for (int j = 0; j < search->D; j++)
		out[j] = (to[j] * search->scale) - (from[j] * search->scale);
	return sphx_kernels->dot_f32(out, out, (size_t) search->D);
}

/* A power of two, so that rows times it are exact and their squares in range. */
static void
find_scale(Search *search)
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
choose_anchors(Search *search)
{
	int			count = search->n / ROWS_AN_ANCHOR;

	count = count < LEAST_ANCHORS ? LEAST_ANCHORS : count;
	count = count > MOST_ANCHORS ? MOST_ANCHORS : count;
	search->anchor_count = count < search->n ? count : search->n;
	search->anchors = sphx_share(search->env, sizeof(Anchor) * ((size_t) search->anchor_count + 1));
	for (int a = 0; a < search->anchor_count; a++)
	{
		uint64_t	from = (uint64_t) a * (uint64_t) search->n / (uint64_t) search->anchor_count;
		uint64_t	to = (uint64_t) (a + 1) * (uint64_t) search->n / (uint64_t) search->anchor_count;

		memset(&search->anchors[a], 0, sizeof(Anchor));
		search->anchors[a].row = (int) (from + sphx_random_below(&search->random, to - from));
	}
}

/* a row less the mean, scaled; rows that are not finite come out as NaN or infinite */
static float
center_row(const Search *search, int i, const double *mean, float *out)
{
	const float *row = sample_row(search, i);

	for (int j = 0; j < search->D; j++)
		out[j] = (float) ((double) (row[j] * search->scale) - mean[j]);
	return sphx_kernels->dot_f32(out, out, (size_t) search->D);
}

static void
find_mean(const Search *search, double *mean)
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
offer(Anchor *anchor, int id, float square)
{
	int			k = anchor->count;

	if (k == NEIGHBOURS && !(square < anchor->squares[k - 1]))
		return;
	if (k < NEIGHBOURS)
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
see_row(const Search *search, Anchor *anchor, int id, float square, float noise, float *scratch)
{
	if (id == anchor->row || !(square < INFINITY) || !(noise < INFINITY))
		return;
	if (anchor->count == NEIGHBOURS && !(square < anchor->squares[NEIGHBOURS - 1]))
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
	Search		search;
	const double *mean;			/* D */
	Anchor	   *found;			/* NEAR_PARTS * anchors: in each part */
} NearState;

/* memory of a participant */
typedef struct Block
{
	float	   *anchors;		/* anchors x D: without the mean */
	float	   *anchor_squares; /* anchors */
	float	   *rows;			/* BLOCK x D */
	float	   *squares;		/* BLOCK */
	float	   *products;		/* BLOCK x anchors */
	float	   *scratch;		/* D */
} Block;

static void
allocate_block(const Search *search, Block *block)
{
	size_t		D = (size_t) search->D;
	size_t		anchors = (size_t) search->anchor_count;

	block->anchors = search->env->alloc(search->env, sizeof(float) *
										((anchors + BLOCK + 1) * D + anchors + BLOCK +
										 anchors * BLOCK));
	block->rows = block->anchors + anchors * D;
	block->scratch = block->rows + BLOCK * D;
	block->anchor_squares = block->scratch + D;
	block->squares = block->anchor_squares + anchors;
	block->products = block->squares + BLOCK;
}

static void
see_block(const NearState *state, const Block *block, int first, int rows, Anchor *found)
{
	const Search *search = &state->search;
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
	Search	   *search = &state->search;
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
		Anchor	   *found = state->found + part * (uint64_t) search->anchor_count;
		int			end = (int) (n * (part + 1) / items->count);

		memcpy(found, search->anchors, sizeof(Anchor) * (size_t) search->anchor_count);
		for (int first = (int) (n * part / items->count); first < end; first += BLOCK)
		{
			see_block(state, &block, first, end - first < BLOCK ? end - first : BLOCK, found);
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
find_neighbours(const Search *search)
{
	SphxEnv    *env = search->env;
	size_t		anchors = (size_t) search->anchor_count;
	double	   *mean = sphx_share(env, sizeof(double) * (size_t) search->D);
	Anchor	   *found = sphx_share(env, sizeof(Anchor) * anchors * NEAR_PARTS);
	NearState	state = {.search = *search,.mean = mean,.found = found};

	find_mean(search, mean);
	sphx_run(env, &sphx_spectrum_near_task, &state, NEAR_PARTS);
	for (size_t i = 0; i < anchors * NEAR_PARTS; i++)
		for (int k = 0; k < found[i].count; k++)
			offer(&search->anchors[i % anchors], found[i].ids[k], found[i].squares[k]);
	sphx_unshare(env, found);
	sphx_unshare(env, mean);
}


/* Differences in blocks */

/* Make the next block; false when there are no more. */
static bool
next_edges(const Search *search, Edges *edges)
{
	size_t		D = (size_t) search->D;

	edges->count = 0;
	while (edges->count < BLOCK && edges->anchor < edges->end)
	{
		const Anchor *anchor = &search->anchors[edges->anchor];
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

/* part number `part` of `parts` of the differences of one half */
static void
first_edges(const Search *search, Half half, bool all, int part, int parts, Edges *edges)
{
	int			pairs = (search->anchor_count + 1) / 2;
	int			end = 2 * (pairs * (part + 1) / parts);

	edges->all = all;
	edges->anchor = 2 * (pairs * part / parts) + (half == TRAINED ? 0 : 1);
	edges->neighbour = 0;
	edges->end = end < search->anchor_count ? end : search->anchor_count;
}

/* where the memory of a spectrum's work is */
typedef struct Work
{
	int			count;			/* directions */
	float	   *vectors;		/* count x D, rounded up to groups of 4;
								 * shared */
	float	   *image;			/* the same: V E^T E */
	float	   *parts;			/* IMAGE_PARTS x count x D: those of parts of
								 * the differences; shared */
	float	   *products;		/* count x BLOCK */
	Edges		edges;
} Work;

static void
allocate_work(const Search *search, Work *work)
{
	size_t		D = (size_t) search->D;
	size_t		count = (size_t) work->count;
	size_t		matrix = (count + 3) / 4 * 4 * D;
	float	   *memory = search->env->alloc(search->env, sizeof(float) *
											(matrix + BLOCK * D + count * BLOCK + 1));

	work->vectors = sphx_share(search->env, sizeof(float) * (matrix + 1));
	work->parts = sphx_share(search->env, sizeof(float) * (IMAGE_PARTS * count * D + 1));
	work->image = memory;
	work->edges.rows = work->image + matrix;
	work->products = work->edges.rows + BLOCK * D;
	memset(work->vectors, 0, sizeof(float) * matrix);
}

static void
release_work(const Search *search, const Work *work)
{
	search->env->release(search->env, work->image);
	sphx_unshare(search->env, work->parts);
	sphx_unshare(search->env, work->vectors);
}

/* What all participants know of a product with the differences; the arrays are shared. */
typedef struct ImageState
{
	Search		search;
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
	float	   *image = env->alloc(env, sizeof(float) * (count * D + BLOCK * (D + count)));
	float	   *products = image + count * D;
	Edges		edges = {.rows = products + BLOCK * count};
	uint64_t	part;

	state->search.env = env;
	while (items->next(items, &part))
	{
		float	   *sum = state->parts + part * count * D;

		memset(sum, 0, sizeof(float) * count * D);
		first_edges(&state->search, TRAINED, true, (int) part, (int) items->count, &edges);
		while (next_edges(&state->search, &edges))
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
multiply_edges(const Search *search, Work *work)
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


/* Directions */

static void
random_row(Search *search, float *row)
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
orthonormalize(Search *search, Work *work)
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
turn_vectors(const Search *search, Work *work)
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

static void
find_vectors(Search *search, Work *work)
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


/* Results */

/*
 * Mean squares of the held-out differences along the vectors; returns how many
 * there were.
 */
static int
measure_variances(const Search *search, Work *work, bool all, double *variances)
{
	size_t		count = (size_t) work->count;
	int			seen = 0;

	for (size_t i = 0; i < count; i++)
		variances[i] = 0.0;
	first_edges(search, HELD_OUT, all, 0, 1, &work->edges);
	while (next_edges(search, &work->edges))
	{
		size_t		edges = (size_t) work->edges.count;

		sphx_gemm_nt(count, edges, (size_t) search->D, work->vectors, work->edges.rows,
					 work->products);
		for (size_t i = 0; i < count; i++)
			for (size_t k = 0; k < edges; k++)
			{
				double		x = (double) work->products[i * edges + k];

				variances[i] += x * x;
			}
		seen += work->edges.count;
	}
	for (size_t i = 0; i < count && seen > 0; i++)
		variances[i] /= seen;
	return seen;
}

/* Intrinsic dimension and length, of all anchors. */
static void
describe_neighbours(const Search *search, SphxSpectrum *spectrum)
{
	double		dimension = 0.0;
	double		length = 0.0;
	int			anchors = 0;
	int			edges = 0;

	for (int i = 0; i < search->anchor_count; i++)
	{
		const Anchor *anchor = &search->anchors[i];
		double		sum = 0.0;

		for (int k = 0; k < anchor->count; k++)
		{
			double		last = (double) anchor->squares[anchor->count - 1];

			length += sqrt((double) anchor->squares[k]);
			sum += 0.5 * log((double) anchor->squares[k] / last);
		}
		edges += anchor->count;
		if (anchor->count > 2 && sum < 0.0)
		{
			dimension -= (anchor->count - 1) / sum;
			anchors++;
		}
	}
	spectrum->intrinsic = anchors > 0 ? (float) (dimension / anchors) : 25.0f;
	spectrum->length = edges > 0 ? (float) fmin(length / edges / (double) search->scale, 3e38) : 1.0f;
}

static SphxSpectrum *
allocate_spectrum(SphxEnv *env, int D, int count)
{
	size_t		floats = (size_t) count * ((size_t) D + 1);
	SphxSpectrum *spectrum = env->alloc(env, sizeof(SphxSpectrum) + sizeof(float) * floats);

	spectrum->D = D;
	spectrum->count = count;
	spectrum->vectors = (float *) (spectrum + 1);
	spectrum->variances = spectrum->vectors + (size_t) count * (size_t) D;
	return spectrum;
}

/* The directions in the order of their variances, which add up to 1 with the rest. */
static void
put_results(const Search *search, const Work *work, double *variances, SphxSpectrum *spectrum)
{
	size_t		D = (size_t) search->D;
	int			others = search->D - work->count;
	double		sum = 0.0;

	for (int i = 0; i < work->count; i++)
		sum += variances[i];
	for (int i = 0; i < work->count; i++)
	{
		int			best = 0;

		for (int k = 1; k < work->count; k++)
			if (variances[k] > variances[best])
				best = k;
		memcpy(spectrum->vectors + (size_t) i * D, work->vectors + (size_t) best * D,
			   sizeof(float) * D);
		/* differences have length 1 but for rounding */
		spectrum->variances[i] = (float) (others > 0 && sum < 1.0 ? variances[best] :
										  variances[best] / sum);
		variances[best] = -1.0;
	}
	spectrum->rest = others > 0 ? (float) (fmax(1.0 - sum, 0.0) / others) : 0.0f;
}

/* Reflect the directions from `first` on among themselves, by w. */
static void
reflect_rows(SphxSpectrum *spectrum, int first, const double *w, double *sum)
{
	size_t		D = (size_t) spectrum->D;
	double		square = 0.0;

	memset(sum, 0, sizeof(double) * D);
	for (int i = first; i < spectrum->count; i++)
	{
		const float *v = spectrum->vectors + (size_t) i * D;

		square += w[i] * w[i];
		for (size_t j = 0; j < D; j++)
			sum[j] += w[i] * (double) v[j];
	}
	if (!(square > 0.0))
		return;
	for (int i = first; i < spectrum->count; i++)
	{
		float	   *v = spectrum->vectors + (size_t) i * D;

		for (size_t j = 0; j < D; j++)
			v[j] = (float) ((double) v[j] - 2.0 * w[i] / square * sum[j]);
	}
}

/*
 * Turn the directions along which nothing differs, any basis of theirs being as
 * good as another, so that the mean of the rows has all of what it has there along
 * the last: I - 2 w w^T / |w|^2 over them, with w = m - |m| e_last for the mean's
 * coordinates m.  By inner product a query is as far from the origin as rows are;
 * where its large coordinates meet codes of nothing, these drown what others tell.
 */
static void
gather_mean(const Search *search, SphxSpectrum *spectrum)
{
	size_t		D = (size_t) search->D;
	int			first = spectrum->count;
	double	   *mean = search->env->alloc(search->env, sizeof(double) * (D + D + (size_t) first + 1));
	double	   *sum = mean + D;
	double	   *w = sum + D;
	double		square = 0.0;

	while (first > 0 && (double) spectrum->variances[first - 1] * search->D < NO_VARIANCE)
		first--;
	if (first < spectrum->count)
		find_mean(search, mean);
	for (int i = first; i < spectrum->count; i++)
	{
		w[i] = 0.0;
		for (size_t j = 0; j < D; j++)
			w[i] += (double) spectrum->vectors[(size_t) i * D + j] * mean[j];
		square += w[i] * w[i];
	}
	if (square > 0.0)
	{
		w[spectrum->count - 1] -= sqrt(square);
		reflect_rows(spectrum, first, w, sum);
	}
	search->env->release(search->env, mean);
}

/* Note the rows that the trained half sees. */
static void
mark_seen(Search *search)
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

static int
count_edges(const Search *search)
{
	int			edges = 0;

	for (int a = 0; a < search->anchor_count; a++)
		edges += search->anchors[a].count;
	return edges;
}

/* Find the anchors and their neighbours. */
static void
start_search(Search *search, uint64_t seed)
{
	assert(search->n >= 0 && search->D >= 1);
	sphx_random_seed(&search->random, seed);
	find_scale(search);
	choose_anchors(search);
	if (search->n > 0)
		find_neighbours(search);
	mark_seen(search);
}

static void
end_search(const Search *search, const Work *work, double *variances)
{
	search->env->release(search->env, variances);
	release_work(search, work);
	search->env->release(search->env, search->seen);
	sphx_unshare(search->env, search->anchors);
}

/* Variances along the vectors: without any to hold out, as if all directions were alike. */
static void
find_variances(const Search *search, Work *work, double *variances)
{
	if (measure_variances(search, work, false, variances) < work->count &&
		measure_variances(search, work, true, variances) == 0)
		for (int i = 0; i < work->count; i++)
			variances[i] = 1.0 / search->D;
}

SphxSpectrum *
sphx_spectrum_train(SphxEnv *env, int n, const float *sample, int D, int most, uint64_t seed)
{
	Search		search = {.env = env,.n = n,.D = D,.sample = sample};
	Work		work = {0};
	SphxSpectrum *spectrum;
	double	   *variances;

	start_search(&search, seed);
	work.count = count_edges(&search) / EDGES_A_VECTOR;
	work.count = work.count < most ? work.count : most;
	work.count = work.count < D ? work.count : D;
	spectrum = allocate_spectrum(env, D, work.count);
	allocate_work(&search, &work);
	variances = env->alloc(env, sizeof(double) * ((size_t) work.count + 1));
	if (work.count > 0)
	{
		find_vectors(&search, &work);
		find_variances(&search, &work, variances);
	}
	put_results(&search, &work, variances, spectrum);
	gather_mean(&search, spectrum);
	describe_neighbours(&search, spectrum);
	end_search(&search, &work, variances);
	return spectrum;
}

void
sphx_spectrum_measure(SphxEnv *env, int n, const float *sample, int D, uint64_t seed, int count,
					  const float *vectors, float *variances)
{
	Search		search = {.env = env,.n = n,.D = D,.sample = sample};
	Work		work = {.count = count};
	double	   *sums;

	start_search(&search, seed);
	allocate_work(&search, &work);
	sums = env->alloc(env, sizeof(double) * ((size_t) count + 1));
	memcpy(work.vectors, vectors, sizeof(float) * (size_t) count * (size_t) D);
	find_variances(&search, &work, sums);
	for (int i = 0; i < count; i++)
		variances[i] = (float) sums[i];
	end_search(&search, &work, sums);
}
