/*-------------------------------------------------------------------------
 *
 * softmin.c
 *	  Joint optimisation of error and separation by annealed Adam.
 *
 * The algorithm of seed 000 (Mathews, "Spherical Codes and k-Nearest Neighbor
 * Search", section 7.3 and appendices A and B), to the letter where the text
 * is one: random centroids on the sphere; soft assignments of the rows by
 * their squared distances at a temperature tau; a penalty for a soft minimum
 * of the distances between centroids (its section 6.3) below .9 times the
 * separation that k-means reached; Adam on the tangent component of the
 * gradient; normalisation.  The soft minimum is below the minimum by up to
 * tau log(pairs), so that the target asked for is higher than it looks.
 *
 * Between unit vectors |x-c|^2 = 2 - 2 <x,c>, and what is parallel to a
 * centroid in its gradient goes with the tangent projection.  So all that is
 * needed of the rows are two matrix products: centroids and rows give the
 * soft assignments, these and the rows give the gradient.
 *
 *-------------------------------------------------------------------------
 */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "blas.h"
#include "kernels.h"
#include "kmeans.h"

#define TAU_FIRST			0.5
#define TAU_DECAY			0.9995
#define TAU_LAST			0.01
#define TARGET_FACTOR		0.9 /* of k-means' separation */
#define LEARNING_RATE		0.01
#define MOMENT_DECAY		0.9 /* of Adam: first and second moment */
#define SQUARE_DECAY		0.999
#define SQUARE_FLOOR		1e-8

#define BLOCK_ROWS			((size_t) 1024)

/* weights below exp() of this are taken for 0 */
#define LOG_WEIGHT_LEAST	(-25.0f)

/* squared distance of a pair, at least: equal centroids have no direction */
#define SQUARE_LEAST		1e-12

typedef struct Softmin
{
	SphxTrainer *t;
	float	   *columns;		/* the rows, transposed block by block: [d]
								 * [rows of the block] */
	float	   *weights;		/* [k][BLOCK_ROWS] products, then soft
								 * assignments */
	float	   *best;			/* [BLOCK_ROWS] largest product of each row */
	float	   *total;			/* [BLOCK_ROWS] sum of its weights */
	float	   *part;			/* [k][d] a block's share of the gradient */
	float	   *pairs;			/* [k][k] products of centroids, then weights
								 * of pairs */
	float	   *transposed;		/* [d][k] centroids */
	float	   *gradient;		/* [k][d] */
	float	   *moment;			/* [k][d] Adam's means of the gradient and of
								 * its square */
	float	   *square;
} Softmin;

static size_t
block_size(const SphxTrainer *t, size_t first)
{
	return t->n - first < BLOCK_ROWS ? t->n - first : BLOCK_ROWS;
}

static void
transpose(size_t n, size_t d, const float *rows, float *columns)
{
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < d; j++)
			columns[j * n + i] = rows[i * d + j];
}

static void
softmin_init(Softmin *s, SphxTrainer *t, float *centroids)
{
	SphxEnv    *env = &t->env;
	size_t		size = t->k * t->d;

	s->t = t;
	s->columns = env->alloc(env, t->n * t->d * sizeof(float));
	s->weights = env->alloc(env, t->k * BLOCK_ROWS * sizeof(float));
	s->best = env->alloc(env, BLOCK_ROWS * sizeof(float));
	s->total = env->alloc(env, BLOCK_ROWS * sizeof(float));
	s->part = env->alloc(env, size * sizeof(float));
	s->pairs = env->alloc(env, t->k * t->k * sizeof(float));
	s->transposed = env->alloc(env, size * sizeof(float));
	s->gradient = env->alloc(env, size * sizeof(float));
	s->moment = env->alloc(env, size * sizeof(float));
	s->square = env->alloc(env, size * sizeof(float));
	memset(s->moment, 0, size * sizeof(float));
	memset(s->square, 0, size * sizeof(float));
	for (size_t first = 0; first < t->n; first += BLOCK_ROWS)
	{
		transpose(block_size(t, first), t->d, t->rows + first * t->d,
				  s->columns + first * t->d);
		sphx_trainer_work(t, BLOCK_ROWS * t->d);
	}
	for (size_t i = 0; i < size; i++)
		centroids[i] = (float) sphx_random_normal(&t->random);
	for (size_t c = 0; c < t->k; c++)
		sphx_unit_row(centroids + c * t->d, t->d);
}

static void
softmin_release(Softmin *s)
{
	SphxEnv    *env = &s->t->env;

	env->release(env, s->square);
	env->release(env, s->moment);
	env->release(env, s->gradient);
	env->release(env, s->transposed);
	env->release(env, s->pairs);
	env->release(env, s->part);
	env->release(env, s->total);
	env->release(env, s->best);
	env->release(env, s->weights);
	env->release(env, s->columns);
}

/*
 * Turn products of all centroids with a block of n rows into soft
 * assignments: softmax of -|x-c|^2 / tau over the centroids.  Returns the sum
 * over the rows of the soft error.
 */
static double
soften_block(Softmin *s, size_t n, double tau)
{
	size_t		k = s->t->k;
	float		scale = (float) (2.0 / tau);
	double		error = 0.0;

	memcpy(s->best, s->weights, n * sizeof(float));
	memset(s->total, 0, n * sizeof(float));
	for (size_t c = 1; c < k; c++)
		for (size_t i = 0; i < n; i++)
			s->best[i] = fmaxf(s->best[i], s->weights[c * n + i]);
	for (size_t c = 0; c < k; c++)
		for (size_t i = 0; i < n; i++)
		{
			float		product = s->weights[c * n + i];
			float		log_weight = scale * (product - s->best[i]);
			float		weight = log_weight > LOG_WEIGHT_LEAST ? expf(log_weight) : 0.0f;

			s->weights[c * n + i] = weight;
			s->total[i] += weight;
		}
	for (size_t i = 0; i < n; i++)
	{
		s->total[i] = 1.0f / s->total[i];
		error += 2.0 - 2.0 * (double) s->best[i];
	}
	for (size_t c = 0; c < k; c++)
		for (size_t i = 0; i < n; i++)
			s->weights[c * n + i] *= s->total[i];
	return error;
}

/*
 * The gradient of the soft error but for its parallel part:
 * -2/n sum w x for each centroid.  Returns the error of the rows' nearest
 * centroids.
 */
static double
error_gradient(Softmin *s, const float *centroids, double tau)
{
	SphxTrainer *t = s->t;
	float		factor = (float) (-2.0 / (double) t->n);
	double		error = 0.0;

	memset(s->gradient, 0, t->k * t->d * sizeof(float));
	for (size_t first = 0; first < t->n; first += BLOCK_ROWS)
	{
		size_t		n = block_size(t, first);

		sphx_gemm_nt(t->k, n, t->d, centroids, t->rows + first * t->d, s->weights);
		error += soften_block(s, n, tau);
		sphx_gemm_nt(t->k, t->d, n, s->weights, s->columns + first * t->d, s->part);
		for (size_t i = 0; i < t->k * t->d; i++)
			s->gradient[i] += factor * s->part[i];
		sphx_trainer_work(t, t->k * n * (t->d / 8 + 1));
	}
	t->done += t->n;
	return error / (double) t->n;
}

/*
 * The soft minimum of the distances between centroids,
 * -tau log sum exp(-distance / tau).  Leaves its weights over distances in
 * pairs, 0 on the diagonal.
 */
static double
soft_minimum(Softmin *s, const float *centroids, double tau)
{
	size_t		k = s->t->k;
	float		least = INFINITY;
	double		total = 0.0;

	sphx_gemm_nt(k, k, s->t->d, centroids, centroids, s->pairs);
	for (size_t i = 0; i < k; i++)
		for (size_t j = 0; j < k; j++)
		{
			double		square = 2.0 - 2.0 * (double) s->pairs[i * k + j];

			s->pairs[i * k + j] = (float) sqrt(fmax(square, SQUARE_LEAST));
			if (i != j)
				least = fminf(least, s->pairs[i * k + j]);
		}
	for (size_t i = 0; i < k; i++)
	{
		for (size_t j = 0; j < k; j++)
		{
			double		distance = (double) s->pairs[i * k + j];
			double		weight = i == j ? 0.0 : exp(((double) least - distance) / tau);

			s->pairs[i * k + j] = (float) (weight / distance);
			total += 0.5 * weight;	/* both orders of a pair come by */
		}
		sphx_trainer_work(s->t, k * 16);
	}
	for (size_t i = 0; i < k * k; i++)
		s->pairs[i] = (float) ((double) s->pairs[i] / total);
	return (double) least - tau * log(total);
}

/* add the gradient of gap_weight * max(0, target - soft minimum), but for its parallel part */
static void
add_gap_gradient(Softmin *s, const float *centroids, double tau, double gap_weight,
				 double target)
{
	SphxTrainer *t = s->t;

	if (!(soft_minimum(s, centroids, tau) < target))
		return;
	transpose(t->k, t->d, centroids, s->transposed);
	sphx_gemm_nt(t->k, t->d, t->k, s->pairs, s->transposed, s->part);
	for (size_t i = 0; i < t->k * t->d; i++)
		s->gradient[i] += (float) gap_weight * s->part[i];
}

/* one step of Adam (Kingma and Ba, 2015) along the tangent of the sphere */
static void
adam_step(Softmin *s, float *centroids, int step)
{
	size_t		d = s->t->d;
	double		moment_scale = 1.0 / (1.0 - pow(MOMENT_DECAY, step));
	double		square_scale = 1.0 / (1.0 - pow(SQUARE_DECAY, step));

	for (size_t c = 0; c < s->t->k; c++)
	{
		float	   *x = centroids + c * d;
		float	   *g = s->gradient + c * d;
		float		along = sphx_kernels->dot_f32(g, x, d);

		for (size_t j = 0; j < d; j++)
		{
			float	   *moment = &s->moment[c * d + j];
			float	   *square = &s->square[c * d + j];

			g[j] -= along * x[j];
			*moment = (float) (MOMENT_DECAY * (double) *moment +
							   (1.0 - MOMENT_DECAY) * (double) g[j]);
			*square = (float) (SQUARE_DECAY * (double) *square +
							   (1.0 - SQUARE_DECAY) * (double) g[j] * (double) g[j]);
			x[j] -= (float) (LEARNING_RATE * moment_scale * (double) *moment /
							 (sqrt(square_scale * (double) *square) + SQUARE_FLOOR));
		}
		sphx_unit_row(x, d);
	}
	sphx_trainer_work(s->t, 8 * s->t->k * d);
}

/*
 * Train t->k > 1 centroids from random ones; rows are unit vectors.
 * separation is what k-means reached.  Takes memory for k * k floats and for
 * a copy of the rows.
 */
void
sphx_softmin_train(SphxTrainer *t, float *centroids, int steps, double gap_weight,
				   double separation)
{
	Softmin		s;
	double		tau = TAU_FIRST;

	assert(t->spherical && t->k > 1 && t->k <= SPHX_SOFTMIN_MAX_K && steps >= 1 && gap_weight > 0.0);
	softmin_init(&s, t, centroids);
	for (int step = 1; step <= steps; step++)
	{
		double		error = error_gradient(&s, centroids, tau);

		add_gap_gradient(&s, centroids, tau, gap_weight, TARGET_FACTOR * separation);
		adam_step(&s, centroids, step);
		sphx_trainer_step(t, "soft minimum", step, error);
		tau = fmax(TAU_LAST, tau * TAU_DECAY);
	}
	softmin_release(&s);
}
