/*-------------------------------------------------------------------------
 *
 * train.c
 *	  A training run: k-means, gap regularisation, and what they reached.
 *
 *-------------------------------------------------------------------------
 */
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "math/base/compare.h"
#include "math/train/assign.h"
#include "math/train/kmeans.h"

#define SEED_ROWS			16	/* a centroid, in the sample that seeding
								 * draws from */
#define DEFAULT_ITERATIONS	10
#define GAP_ROUNDS			5	/* at most half of the iterations */
#define SOFTMIN_STEPS		5000	/* Mathews, appendix B */
#define SOFTMIN_KMEANS_STEPS 100	/* of the k-means that sets its target,
									 * appendix A */
#define TOLERANCE			1e-4	/* relative improvement of the error worth
									 * a Lloyd step */

static void
trainer_tick(SphxEnv *env, uint64_t done, uint64_t total)
{
	SphxTrainer *t = (SphxTrainer *) env;
	uint64_t	all = t->done + (total == t->n ? done : 0);

	if (t->total == 0)
		t->outer->tick(t->outer, t->k, 0);	/* seeding */
	else
		t->outer->tick(t->outer, all < t->total ? all : t->total, t->total);
}

static void *
trainer_alloc(SphxEnv *env, size_t size)
{
	SphxTrainer *t = (SphxTrainer *) env;

	return t->outer->alloc(t->outer, size);
}

static void
trainer_release(SphxEnv *env, void *ptr)
{
	SphxTrainer *t = (SphxTrainer *) env;

	t->outer->release(t->outer, ptr);
}

static void
trainer_init(SphxTrainer *t, SphxEnv *outer, const SphxTrainParams *params, size_t n, int d,
			 const float *rows)
{
	size_t		k = (size_t) params->k;

	memset(t, 0, sizeof(*t));
	t->env.alloc = trainer_alloc;
	t->env.release = trainer_release;
	t->env.tick = trainer_tick;
	t->env.scratch = outer->scratch;
	t->env.workers = outer->workers;
	t->outer = outer;
	t->n = n;
	t->d = (size_t) d;
	t->rows = rows;
	t->spherical = params->spherical;
	t->step = params->step;
	sphx_random_seed(&t->random, params->seed);

	t->cell = sphx_share(outer, n * sizeof(uint32_t));
	t->distance = sphx_share(outer, n * sizeof(float));
	t->order = outer->alloc(outer, n * sizeof(uint32_t));
	t->start = outer->alloc(outer, (k + 1) * sizeof(size_t));
	t->cell_error = outer->alloc(outer, k * sizeof(double));
	t->sum = outer->alloc(outer, t->d * sizeof(double));
}

static void
trainer_free(SphxTrainer *t)
{
	SphxEnv    *env = t->outer;

	env->release(env, t->sum);
	env->release(env, t->cell_error);
	env->release(env, t->start);
	env->release(env, t->order);
	sphx_unshare(env, t->distance);
	sphx_unshare(env, t->cell);
}

/* distances between centroids; all 0 when there is but one */
static void
report_spacing(SphxTrainer *t, const float *centroids, SphxTrainReport *report)
{
	SphxEnv    *env = &t->env;
	int			k = (int) t->k;
	uint32_t   *ids;
	float	   *squares;
	float	   *nearest;
	double		sum = 0.0;

	if (k < 2)
		return;
	ids = env->alloc(env, 2 * t->k * sizeof(uint32_t));
	squares = env->alloc(env, 2 * t->k * sizeof(float));
	nearest = env->alloc(env, t->k * sizeof(float));
	sphx_assign(env, t->k, (int) t->d, centroids, k, centroids, 2, ids, squares);
	for (size_t c = 0; c < t->k; c++)
	{
		/* one of the two is the centroid itself, at distance 0 */
		nearest[c] = sqrtf(ids[2 * c] == c ? squares[2 * c + 1] : squares[2 * c]);
		sum += (double) nearest[c];
	}
	qsort(nearest, t->k, sizeof(float), sphx_compare_floats);
	report->separation = (double) nearest[0];
	report->nearest_mean = sum / (double) t->k;
	report->nearest_p5 = (double) nearest[(t->k - 1) / 20];
	env->release(env, nearest);
	env->release(env, squares);
	env->release(env, ids);
}

/* one row of each group of `step` rows, so that sorted input is sampled evenly, too */
static float *
sample_rows(SphxTrainer *t, size_t step, size_t count)
{
	float	   *sample = sphx_share(t->outer, count * t->d * sizeof(float));

	for (size_t i = 0; i < count; i++)
	{
		size_t		row = i * step + (size_t) sphx_random_below(&t->random, step);

		memcpy(sample + i * t->d, t->rows + row * t->d, t->d * sizeof(float));
		sphx_trainer_work(t, t->d);
	}
	return sample;
}

/*
 * Seed on a sample where rows are many.  A sample with fewer different rows
 * than centroids wanted is given up.
 */
static void
start_centroids(SphxTrainer *t, size_t k, float *centroids)
{
	const float *rows = t->rows;
	size_t		n = t->n;
	size_t		step = n / (SEED_ROWS * k);
	float	   *sample;

	if (step >= 2)
	{
		t->n = n / step;
		sample = sample_rows(t, step, t->n);
		t->rows = sample;
		t->k = sphx_kmeans_seed(t, k, centroids);
		sphx_unshare(t->outer, sample);
		t->rows = rows;
		t->n = n;
	}
	if (t->k < k)
		t->k = sphx_kmeans_seed(t, k, centroids);
	sphx_kmeans_evaluate(t, centroids);
}

static uint64_t
hash_row(const float *x, size_t d)
{
	uint64_t	hash = UINT64_C(0xcbf29ce484222325);

	for (size_t j = 0; j < d; j++)
	{
		float		value = x[j] + 0.0f;	/* -0 becomes 0 */
		uint32_t	bits;

		memcpy(&bits, &value, sizeof(bits));
		hash = (hash ^ bits) * UINT64_C(0x9e3779b97f4a7c15);
		hash ^= hash >> 32;
	}
	return hash;
}

static bool
rows_equal(const float *a, const float *b, size_t d)
{
	for (size_t j = 0; j < d; j++)
		if (a[j] != b[j])
			return false;
	return true;
}

size_t
sphx_drop_equal_rows(SphxEnv *env, size_t n, int d, float *rows)
{
	size_t		slots = 2 * n + 1;
	size_t	   *table = env->alloc(env, slots * sizeof(size_t));
	size_t		width = (size_t) d;
	size_t		kept = 0;

	for (size_t i = 0; i < slots; i++)
		table[i] = SIZE_MAX;
	for (size_t i = 0; i < n; i++)
	{
		const float *x = rows + i * width;
		size_t		slot = (size_t) (hash_row(x, width) % slots);

		while (table[slot] != SIZE_MAX && !rows_equal(rows + table[slot] * width, x, width))
			slot = (slot + 1) % slots;
		if (i % 64 == 63)
			env->tick(env, 0, 0);
		if (table[slot] != SIZE_MAX)
			continue;
		table[slot] = kept;
		memmove(rows + kept * width, x, width * sizeof(float));
		kept++;
	}
	env->release(env, table);
	return kept;
}

/* the figures of centroids just evaluated */
static void
fill_report(SphxTrainer *t, const float *centroids, int iterations, SphxTrainReport *report)
{
	memset(report, 0, sizeof(*report));
	report->error = t->error;
	report->imbalance = t->imbalance;
	report->k = (int) t->k;
	report->iterations = iterations;
	report_spacing(t, centroids, report);
}

/*
 * The figures of centroids just evaluated, once equal ones are dropped: an
 * empty cell's new centroid may be one that is there already.
 */
static void
finish_centroids(SphxTrainer *t, float *centroids, int iterations, SphxTrainReport *report)
{
	size_t		k = sphx_drop_equal_rows(&t->env, t->k, (int) t->d, centroids);

	if (k < t->k)
	{
		t->k = k;
		sphx_kmeans_evaluate(t, centroids);
	}
	fill_report(t, centroids, iterations, report);
}

/*
 * The k-means run and, from a copy of where it was `rounds` steps before its
 * end, the regularised one, so that both take the same number of Lloyd steps
 * (but for the rounds in which regularisation looks for its strength).
 */
static void
train_both(SphxTrainer *t, float *centroids, int iterations, int rounds, double gap_weight,
		   SphxTrainReport report[2])
{
	size_t		size = t->k * t->d * sizeof(float);
	float	   *fork = sphx_share(&t->env, size);
	int			begun = sphx_kmeans_run(t, centroids, iterations - rounds, TOLERANCE);
	int			done;

	sphx_kmeans_update(t, centroids);
	memcpy(fork, centroids, size);
	sphx_kmeans_evaluate(t, centroids);
	done = begun + 1 + sphx_kmeans_run(t, centroids, rounds - 1, 0.0);
	finish_centroids(t, centroids, done, &report[1]);
	report[0] = report[1];

	/* when equal centroids were dropped there is nothing to space out */
	if (t->k > 1 && size == t->k * t->d * sizeof(float))
	{
		done = sphx_gap_train(t, fork, rounds, gap_weight, &report[1]);
		if (done > 0)
		{
			memcpy(centroids, fork, size);
			finish_centroids(t, centroids, begun + done, &report[0]);
		}
	}
	sphx_unshare(&t->env, fork);
}

/*
 * The method of Mathews, section 7.3, beside k-means run until it moves no
 * more.
 */
static void
train_softmin(SphxTrainer *t, float *centroids, const SphxTrainParams *params,
			  SphxTrainReport report[2])
{
	int			steps = params->iterations > 0 ? params->iterations : SOFTMIN_STEPS;
	int			done;

	t->total = t->done + (uint64_t) (SOFTMIN_KMEANS_STEPS + steps) * t->n;
	done = sphx_kmeans_run(t, centroids, SOFTMIN_KMEANS_STEPS, TOLERANCE);
	finish_centroids(t, centroids, done, &report[1]);
	report[0] = report[1];
	if (t->k < 2)
		return;
	sphx_softmin_train(t, centroids, steps, params->gap_weight, report[1].separation);
	sphx_kmeans_evaluate(t, centroids);
	finish_centroids(t, centroids, steps, &report[0]);
}

int
sphx_train(SphxEnv *env, const SphxTrainParams *params, size_t n, int d, const float *rows,
		   float *centroids, SphxTrainReport report[2])
{
	SphxTrainer t;
	int			iterations = params->iterations > 0 ? params->iterations : DEFAULT_ITERATIONS;
	int			rounds = 0;

	assert(n >= 1 && n <= UINT32_MAX && d >= 1 && params->k >= 1);
	trainer_init(&t, env, params, n, d, rows);
	start_centroids(&t, (size_t) params->k, centroids);

	if (params->gap_weight > 0.0 && t.k > 1 && params->method == SPHX_TRAIN_SOFTMIN)
	{
		assert(params->spherical);
		train_softmin(&t, centroids, params, report);
		trainer_free(&t);
		return report[0].k;
	}
	if (params->gap_weight > 0.0 && t.k > 1)
		rounds = iterations < 2 * GAP_ROUNDS ? (iterations + 1) / 2 : GAP_ROUNDS;
	t.total = t.done + (uint64_t) (iterations + rounds) * n;
	if (rounds > 0)
		train_both(&t, centroids, iterations, rounds, params->gap_weight, report);
	else
	{
		int			done = sphx_kmeans_run(&t, centroids, iterations, TOLERANCE);

		finish_centroids(&t, centroids, done, &report[1]);
		report[0] = report[1];
	}
	trainer_free(&t);
	assert(report[0].k >= 1 && report[0].k <= params->k);
	return report[0].k;
}

void
sphx_train_measure(SphxEnv *env, size_t n, int d, const float *rows, int k,
				   const float *centroids, SphxTrainReport *report)
{
	SphxTrainParams params = {.k = k};
	SphxTrainer t;

	assert(n <= UINT32_MAX && d >= 1 && k >= 1);
	trainer_init(&t, env, &params, n, d, rows);
	t.k = (size_t) k;
	t.total = n;
	sphx_kmeans_evaluate(&t, centroids);
	fill_report(&t, centroids, 0, report);
	trainer_free(&t);
}
