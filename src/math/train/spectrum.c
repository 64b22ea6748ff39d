/*-------------------------------------------------------------------------
 *
 * spectrum.c
 *	  How differences between near rows are spread over directions.
 *
 * Variances along directions that were fitted to the same few differences would
 * be too large, the more so the more directions there are.  So directions come
 * from the even anchors and variances from the odd ones, less those differences
 * that lead to a row which the even ones have seen: in many dimensions few rows
 * are neighbours of many.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>
#include <string.h>

#include "math/base/blas.h"
#include "math/train/spectrum_private.h"

/* differences of which one direction is made at least */
#define EDGES_A_VECTOR	8

/* directions with less than this of the mean variance have none */
#define NO_VARIANCE		1e-4

/*
 * Mean squares of the held-out differences along the vectors; returns how many
 * there were.
 */
static int
measure_variances(const SphxNearSearch *search, SphxDirections *work, bool all, double *variances)
{
	size_t		count = (size_t) work->count;
	int			seen = 0;

	for (size_t i = 0; i < count; i++)
		variances[i] = 0.0;
	sphx_first_differences(search, SPHX_HELD_OUT, all, 0, 1, &work->edges);
	while (sphx_next_differences(search, &work->edges))
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
describe_neighbours(const SphxNearSearch *search, SphxSpectrum *spectrum)
{
	double		dimension = 0.0;
	double		length = 0.0;
	int			anchors = 0;
	int			edges = 0;

	for (int i = 0; i < search->anchor_count; i++)
	{
		const SphxAnchor *anchor = &search->anchors[i];
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
put_results(const SphxNearSearch *search, const SphxDirections *work, double *variances, SphxSpectrum *spectrum)
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
gather_mean(const SphxNearSearch *search, SphxSpectrum *spectrum)
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
		sphx_near_mean(search, mean);
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

static void
end_search(const SphxNearSearch *search, const SphxDirections *work, double *variances)
{
	search->env->release(search->env, variances);
	sphx_directions_release(search, work);
	sphx_near_end(search);
}

/* Variances along the vectors: without any to hold out, as if all directions were alike. */
static void
find_variances(const SphxNearSearch *search, SphxDirections *work, double *variances)
{
	if (measure_variances(search, work, false, variances) < work->count &&
		measure_variances(search, work, true, variances) == 0)
		for (int i = 0; i < work->count; i++)
			variances[i] = 1.0 / search->D;
}

SphxSpectrum *
sphx_spectrum_train(SphxEnv *env, int n, const float *sample, int D, int most, uint64_t seed)
{
	SphxNearSearch search = {.env = env,.n = n,.D = D,.sample = sample};
	SphxDirections work = {0};
	SphxSpectrum *spectrum;
	double	   *variances;

	sphx_near_start(&search, seed);
	work.count = sphx_near_count(&search) / EDGES_A_VECTOR;
	work.count = work.count < most ? work.count : most;
	work.count = work.count < D ? work.count : D;
	spectrum = allocate_spectrum(env, D, work.count);
	sphx_directions_allocate(&search, &work);
	variances = env->alloc(env, sizeof(double) * ((size_t) work.count + 1));
	if (work.count > 0)
	{
		sphx_directions_find(&search, &work);
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
	SphxNearSearch search = {.env = env,.n = n,.D = D,.sample = sample};
	SphxDirections work = {.count = count};
	double	   *sums;

	sphx_near_start(&search, seed);
	sphx_directions_allocate(&search, &work);
	sums = env->alloc(env, sizeof(double) * ((size_t) count + 1));
	memcpy(work.vectors, vectors, sizeof(float) * (size_t) count * (size_t) D);
	find_variances(&search, &work, sums);
	for (int i = 0; i < count; i++)
		variances[i] = (float) sums[i];
	end_search(&search, &work, sums);
}
