/*-------------------------------------------------------------------------
 *
 * kmeans.c
 *	  k-means++ seeding and Lloyd steps.
 *
 * Seeding draws centroids in batches, so that the distances of all rows to
 * them are matrix products, and is k-means++ nonetheless: a row drawn in
 * proportion to its squared distance D to the centroids before the batch is
 * accepted with probability D' / D, where D' also regards those that the
 * batch has accepted so far.  What is accepted is distributed in proportion
 * to D' (rejection sampling).
 *
 * Draws, means and all sums are taken in a fixed order from portable
 * distances (portable.h): a seed gives the same bits everywhere.
 *
 *-------------------------------------------------------------------------
 */
#include <assert.h>
#include <float.h>
#include <math.h>
#include <string.h>

#include "math/base/portable.h"
#include "math/train/assign.h"
#include "math/train/kmeans.h"

#define SEED_BATCH			((size_t) 256)	/* centroids a batch at most */
#define SUM_BLOCK			((size_t) 1024) /* weights with one partial sum */
#define TICK_WORK			((size_t) 1 << 21)	/* elements touched between
												 * two ticks */

static size_t
min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

void
sphx_unit_row(float *x, size_t d)
{
	double		norm = sqrt(sphx_portable_square(x, d));

	if (norm > 0.0)
		for (size_t i = 0; i < d; i++)
			x[i] = (float) ((double) x[i] / norm);
}

/* count work that no assignment counts, and tick when it is time */
void
sphx_trainer_work(SphxTrainer *t, size_t elements)
{
	t->work += elements;
	if (t->work >= TICK_WORK)
	{
		t->work = 0;
		t->env.tick(&t->env, 0, t->n);
	}
}

/* tell the caller what the iteration just done has come to */
void
sphx_trainer_step(SphxTrainer *t, const char *stage, int iteration, double error)
{
	if (t->step != NULL)
		t->step(t->outer, stage, iteration, error);
}

/* sums of blocks of weights, and their total */
static double
sum_weights(const float *weight, size_t n, double *block_sum)
{
	double		total = 0.0;

	for (size_t first = 0; first < n; first += SUM_BLOCK)
	{
		size_t		end = min_size(n, first + SUM_BLOCK);
		double		sum = 0.0;

		for (size_t i = first; i < end; i++)
			sum += (double) weight[i];
		block_sum[first / SUM_BLOCK] = sum;
		total += sum;
	}
	return total;
}

/* a row with probability proportional to its weight; total > 0 is sum_weights' result */
static size_t
draw_row(SphxRandom *random, const float *weight, size_t n, const double *block_sum,
		 double total)
{
	double		left = sphx_random_uniform(random) * total;
	size_t		row = 0;
	size_t		last;

	while (row + SUM_BLOCK < n && left >= block_sum[row / SUM_BLOCK])
	{
		left -= block_sum[row / SUM_BLOCK];
		row += SUM_BLOCK;
	}

	/*
	 * rounding may leave us behind the last row of any weight: then take that
	 * one
	 */
	for (last = row; row < n; row++)
	{
		if (!(weight[row] > 0.0f))
			continue;
		last = row;
		if (left < (double) weight[row])
			break;
		left -= (double) weight[row];
	}
	return last;
}

/*
 * Is a row of this weight, drawn now, to become a centroid beside those that
 * the batch has accepted already?
 */
static bool
accept_row(SphxTrainer *t, const float *x, float weight, const float *accepted, size_t count)
{
	float		nearest = weight;

	for (size_t i = 0; i < count; i++)
	{
		float		d2 = sphx_portable_l2sq(x, accepted + i * t->d, t->d);

		if (d2 < nearest)
			nearest = d2;
	}
	return nearest > 0.0f &&
		sphx_random_uniform(&t->random) * (double) weight < (double) nearest;
}

/* draw `wanted` rows, write those accepted to centroids; returns their number */
static size_t
draw_batch(SphxTrainer *t, size_t wanted, const double *block_sum, double total,
		   float *centroids)
{
	size_t		count = 0;

	for (size_t i = 0; i < wanted; i++)
	{
		size_t		row = draw_row(&t->random, t->distance, t->n, block_sum, total);
		const float *x = t->rows + row * t->d;

		if (!accept_row(t, x, t->distance[row], centroids, count))
			continue;
		memcpy(centroids + count * t->d, x, t->d * sizeof(float));
		count++;
	}
	return count;
}

/*
 * Choose k rows as centroids by k-means++, fewer when there are not so many
 * different ones.  Returns their number.
 */
size_t
sphx_kmeans_seed(SphxTrainer *t, size_t k, float *centroids)
{
	SphxEnv    *env = &t->env;
	float	   *nearest = sphx_share(env, t->n * sizeof(float));
	double	   *block_sum = env->alloc(env, (t->n / SUM_BLOCK + 1) * sizeof(double));
	size_t		chosen = 0;

	for (size_t i = 0; i < t->n; i++)
		t->distance[i] = 1.0f;	/* the first centroid is any row */

	while (chosen < k)
	{
		size_t		wanted = min_size(min_size(k - chosen, SEED_BATCH), chosen / 4 + 1);
		double		total = sum_weights(t->distance, t->n, block_sum);
		float	   *batch = centroids + chosen * t->d;
		size_t		count;

		sphx_trainer_work(t, 2 * t->n);
		if (!(total > 0.0))
			break;				/* every row equals a centroid */
		count = draw_batch(t, wanted, block_sum, total, batch);
		if (count == 0)
			continue;			/* only by rounding: the first row drawn is
								 * accepted */
		sphx_assign(env, t->n, (int) t->d, t->rows, (int) count, batch, 1, t->cell, nearest);
		for (size_t i = 0; i < t->n; i++)
		{
			/* FLT_MAX where the square overflows, so that sums stay finite */
			if (chosen == 0)
				t->distance[i] = FLT_MAX;
			if (nearest[i] < t->distance[i])
				t->distance[i] = nearest[i];
		}
		chosen += count;
		t->k = chosen;			/* for ticks */
	}
	env->release(env, block_sum);
	sphx_unshare(env, nearest);
	return chosen;
}

/* assign every row; sets all that the trainer tells about an assignment but order */
void
sphx_kmeans_evaluate(SphxTrainer *t, const float *centroids)
{
	double		squares = 0.0;
	double		error = 0.0;

	sphx_assign(&t->env, t->n, (int) t->d, t->rows, (int) t->k, centroids, 1, t->cell,
				t->distance);
	t->done += t->n;

	memset(t->start, 0, (t->k + 1) * sizeof(size_t));
	memset(t->cell_error, 0, t->k * sizeof(double));
	for (size_t i = 0; i < t->n; i++)
	{
		t->start[t->cell[i] + 1]++;
		t->cell_error[t->cell[i]] += (double) t->distance[i];
	}
	for (size_t c = 0; c < t->k; c++)
	{
		squares += (double) t->start[c + 1] * (double) t->start[c + 1];
		error += t->cell_error[c];
		t->start[c + 1] += t->start[c];
	}
	assert(t->start[t->k] == t->n);
	t->error = error / (double) t->n;
	t->imbalance = (double) t->k * squares / ((double) t->n * (double) t->n);
}

/* rows sorted by cell; a counting sort that leaves start as it was */
static void
sort_rows(SphxTrainer *t)
{
	for (size_t i = 0; i < t->n; i++)
		t->order[t->start[t->cell[i]]++] = (uint32_t) i;
	for (size_t c = t->k; c > 0; c--)
		t->start[c] = t->start[c - 1];
	t->start[0] = 0;
	assert(t->start[t->k] == t->n);
}

/* one centroid becomes the mean of its cell, which is not empty */
static void
move_to_mean(SphxTrainer *t, size_t c, float *centroid)
{
	size_t		count = t->start[c + 1] - t->start[c];
	size_t		d = t->d;
	bool		zero = true;

	memset(t->sum, 0, t->d * sizeof(double));
	for (size_t i = t->start[c]; i < t->start[c + 1]; i++)
	{
		const float *restrict x = t->rows + (size_t) t->order[i] * t->d;
		double	   *restrict sum = t->sum;

		for (size_t j = 0; j < d; j++)
			sum[j] += (double) x[j];
		sphx_trainer_work(t, t->d);
	}
	for (size_t j = 0; j < t->d; j++)
		if (t->sum[j] != 0.0)
			zero = false;
	if (t->spherical && zero)
		return;					/* no direction: stays where it was */
	for (size_t j = 0; j < t->d; j++)
		centroid[j] = (float) (t->sum[j] / (double) count);
	if (t->spherical)
		sphx_unit_row(centroid, t->d);
}

/*
 * Give a centroid without rows a row of the cell with the largest error, drawn
 * by squared distance.  That cell counts for half after it, so that the next
 * empty one may go elsewhere.  Without any error every row has a centroid of
 * its own, and the idle one stays.
 */
static void
reseed_empty(SphxTrainer *t, float *centroid)
{
	size_t		donor = 0;
	size_t		row = SIZE_MAX;
	double		left;

	for (size_t c = 1; c < t->k; c++)
		if (t->cell_error[c] > t->cell_error[donor])
			donor = c;
	sphx_trainer_work(t, t->k + t->start[donor + 1] - t->start[donor]);
	left = sphx_random_uniform(&t->random) * t->cell_error[donor];
	for (size_t i = t->start[donor]; i < t->start[donor + 1]; i++)
	{
		if (!(t->distance[t->order[i]] > 0.0f))
			continue;
		row = t->order[i];
		left -= (double) t->distance[row];
		if (left < 0.0)
			break;
	}
	t->cell_error[donor] *= 0.5;
	if (row == SIZE_MAX)
		return;
	t->distance[row] = 0.0f;	/* not to be taken twice */
	memcpy(centroid, t->rows + row * t->d, t->d * sizeof(float));
}

/* a Lloyd step from the last assignment; the arrays then describe the past */
void
sphx_kmeans_update(SphxTrainer *t, float *centroids)
{
	sort_rows(t);
	for (size_t c = 0; c < t->k; c++)
	{
		if (t->start[c] < t->start[c + 1])
			move_to_mean(t, c, centroids + c * t->d);
		else
			reseed_empty(t, centroids + c * t->d);
	}
}

/*
 * Lloyd steps from evaluated centroids, until one improves the error by less
 * than tolerance times the error.  Returns their number; the result is
 * evaluated.
 */
int
sphx_kmeans_run(SphxTrainer *t, float *centroids, int steps, double tolerance)
{
	for (int step = 1; step <= steps; step++)
	{
		double		before = t->error;

		sphx_kmeans_update(t, centroids);
		sphx_kmeans_evaluate(t, centroids);
		sphx_trainer_step(t, "k-means", step, t->error);
		if (!(before - t->error > tolerance * before))
			return step;
	}
	return steps;
}
