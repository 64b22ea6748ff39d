/*-------------------------------------------------------------------------
 *
 * softmin.c
 *	  Joint optimisation of error and separation by annealed Adam.
 *
 * The algorithm of Mathews (section 7.3 and appendices A and B), to the letter
 * where the text is one: random centroids on the sphere; soft assignments of
 * the rows by their squared distances at a temperature tau; a penalty for a
 * soft minimum of the distances between centroids (section 6.3) below .9 times
 * the separation that k-means reached; Adam on the tangent component of the
 * gradient; normalisation.  The soft minimum is below the minimum by up to
 * tau log(pairs), so that the target asked for is higher than it looks.
 *
 * Between unit vectors |x-c|^2 = 2 - 2 <x,c>, and what is parallel to a
 * centroid in its gradient goes with the tangent projection.  So all that is
 * needed of the rows are two matrix products: centroids and rows give the
 * soft assignments, these and the rows give the gradient.
 *
 * Thousands of steps make of a difference in the last bit another answer.  So
 * what is multiplied is rounded to a grid first, so coarse that sums of
 * products have no more than the 53 bits of double precision: they are exact,
 * however a BLAS library orders them (as in Ozaki and others, Error-free
 * transformations of matrix multiplication by using fast routines of matrix
 * multiplication and its applications, 2012).  All else is done in a fixed
 * order, and exp is our own.
 *
 *-------------------------------------------------------------------------
 */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "math/base/blas.h"
#include "math/base/portable.h"
#include "math/train/kmeans.h"

#define TAU_FIRST			0.5
#define TAU_DECAY			0.9995
#define TAU_LAST			0.01
#define TARGET_FACTOR		0.9 /* of k-means' separation */
#define LEARNING_RATE		0.01
#define MOMENT_DECAY		0.9 /* of Adam: first and second moment */
#define SQUARE_DECAY		0.999
#define SQUARE_FLOOR		1e-8

#define BLOCK_ROWS			((size_t) 512)

/*
 * Grids: multiples of these.  The rows' and centroids' elements are at most 1,
 * and so are weights.  Partial sums, in units of the grid's products: of
 * centroids with rows at most 2^48, with centroids 2^52, of weights with
 * BLOCK_ROWS rows 2^52; for each a little more by rounding.
 */
#define ROW_GRID			0x1p-22
#define CENTROID_GRID		0x1p-26
#define WEIGHT_GRID			0x1p-21

/* what is added to these is rounded to the nearest integer, in the last bits of the sum */
#define DOUBLE_SHIFT		0x1.8p52
#define FLOAT_SHIFT			0x1.8p23f

/* weights below exp() of this are taken for 0 */
#define LOG_WEIGHT_LEAST	(-25.0f)

/* log(2) in two parts, the first with zeros at its end: k times it is exact */
#define LOG2_HIGH			0x1.62e4p-1f
#define LOG2_LOW			0x1.7f7d1cp-20f

/* squared distance of a pair, at least: equal centroids have no direction */
#define SQUARE_LEAST		1e-12

typedef float Vector4 __attribute__((vector_size(16)));
typedef uint32_t Bits4 __attribute__((vector_size(16)));
typedef double Double4 __attribute__((vector_size(32)));

typedef struct Softmin
{
	SphxTrainer *t;
	size_t		n;				/* rows, and zeros up to a multiple of 4 */
	double	   *rows;			/* [n][d] on their grid */
	double	   *centroids;		/* [k][d] on theirs */
	double	   *weights;		/* [k][BLOCK_ROWS] products, then soft
								 * assignments */
	double	   *best;			/* [BLOCK_ROWS] largest product of each row */
	float	   *total;			/* [BLOCK_ROWS] sum of its weights */
	double	   *part;			/* [k][d] a block's share of the gradient */
	double	   *pairs;			/* [k][k] products of centroids, then weights
								 * of pairs */
	double	   *gradient;		/* [k][d] */
	float	   *moment;			/* [k][d] Adam's means of the gradient and of
								 * its square */
	float	   *square;
	double		moment_left;	/* MOMENT_DECAY and SQUARE_DECAY to the power
								 * of the step */
	double		square_left;
} Softmin;

static size_t
block_size(const Softmin *s, size_t first)
{
	return s->n - first < BLOCK_ROWS ? s->n - first : BLOCK_ROWS;
}

/* the multiple of a grid, a power of 2, nearest to x, which is below 2^50 grids */
static double
to_grid(double x, double grid)
{
	double		shift = grid * DOUBLE_SHIFT;

	return (x + shift) - shift;
}

static void
round_floats(size_t n, const float *x, double grid, double *out)
{
	for (size_t i = 0; i < n; i++)
		out[i] = to_grid((double) x[i], grid);
}

static void
softmin_init(Softmin *s, SphxTrainer *t, float *centroids)
{
	SphxEnv    *env = &t->env;
	size_t		size = t->k * t->d;

	s->t = t;
	s->n = (t->n + 3) / 4 * 4;
	s->moment_left = 1.0;
	s->square_left = 1.0;
	s->rows = env->alloc(env, s->n * t->d * sizeof(double));
	s->centroids = env->alloc(env, size * sizeof(double));
	s->weights = env->alloc(env, t->k * BLOCK_ROWS * sizeof(double));
	s->best = env->alloc(env, BLOCK_ROWS * sizeof(double));
	s->total = env->alloc(env, BLOCK_ROWS * sizeof(float));
	s->part = env->alloc(env, size * sizeof(double));
	s->pairs = env->alloc(env, t->k * t->k * sizeof(double));
	s->gradient = env->alloc(env, size * sizeof(double));
	s->moment = env->alloc(env, size * sizeof(float));
	s->square = env->alloc(env, size * sizeof(float));
	memset(s->moment, 0, size * sizeof(float));
	memset(s->square, 0, size * sizeof(float));
	for (size_t i = 0; i < t->n; i++)
	{
		round_floats(t->d, t->rows + i * t->d, ROW_GRID, s->rows + i * t->d);
		sphx_trainer_work(t, t->d);
	}
	memset(s->rows + t->n * t->d, 0, (s->n - t->n) * t->d * sizeof(double));
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
	env->release(env, s->pairs);
	env->release(env, s->part);
	env->release(env, s->total);
	env->release(env, s->best);
	env->release(env, s->weights);
	env->release(env, s->centroids);
	env->release(env, s->rows);
}

/*
 * exp of four numbers from LOG_WEIGHT_LEAST to 0 at a time, 0 for lower ones:
 * reduction to |r| <= log(2) / 2 and the power series, to 1e-7.
 */
static Vector4
weight4(Vector4 x)
{
	Vector4		shifted = x * 1.44269504f + FLOAT_SHIFT;
	Vector4		k = shifted - FLOAT_SHIFT;
	Vector4		r = (x - k * LOG2_HIGH) - k * LOG2_LOW;
	Vector4		sum = r * (1.0f / 5040) + 1.0f / 720;
	Bits4		power = ((Bits4) shifted << 23) + 0x3f800000;	/* 2^k */

	sum = sum * r + 1.0f / 120;
	sum = sum * r + 1.0f / 24;
	sum = sum * r + 1.0f / 6;
	sum = sum * r + 0.5f;
	sum = sum * r + 1.0f;
	sum = sum * r + 1.0f;
	return (Vector4) ((Bits4) (sum * (Vector4) power) & (Bits4) (x > LOG_WEIGHT_LEAST));
}

/* weights of one centroid for n rows, a multiple of 4, from products; adds them to total */
static void
weigh_rows(size_t n, double scale, const double *best, double *weights, float *total)
{
	for (size_t i = 0; i < n; i += 4)
	{
		Double4		product;
		Double4		largest;
		Vector4		sum;
		Vector4		weight;

		memcpy(&product, weights + i, sizeof(product));
		memcpy(&largest, best + i, sizeof(largest));
		memcpy(&sum, total + i, sizeof(sum));
		weight = weight4(__builtin_convertvector((product - largest) * scale, Vector4));
		sum += weight;
		product = __builtin_convertvector(weight, Double4);
		memcpy(weights + i, &product, sizeof(product));
		memcpy(total + i, &sum, sizeof(sum));
	}
}

/*
 * Turn products of all centroids with a block of n rows into soft
 * assignments, on their grid: softmax of -|x-c|^2 / tau over the centroids.
 */
static void
soften_block(Softmin *s, size_t n, double tau)
{
	size_t		k = s->t->k;

	memcpy(s->best, s->weights, n * sizeof(double));
	memset(s->total, 0, n * sizeof(float));
	for (size_t c = 1; c < k; c++)
		for (size_t i = 0; i < n; i++)
		{
			double		product = s->weights[c * n + i];

			s->best[i] = product > s->best[i] ? product : s->best[i];
		}
	for (size_t c = 0; c < k; c++)
		weigh_rows(n, 2.0 / tau, s->best, s->weights + c * n, s->total);
	for (size_t i = 0; i < n; i++)
		s->total[i] = 1.0f / s->total[i];
	for (size_t c = 0; c < k; c++)
		for (size_t i = 0; i < n; i++)
			s->weights[c * n + i] = to_grid(s->weights[c * n + i] * (double) s->total[i],
											WEIGHT_GRID);
}

/*
 * The gradient of the soft error but for its parallel part:
 * -2/n sum w x for each centroid.  Returns the error of the rows' nearest
 * centroids.
 */
static double
error_gradient(Softmin *s, double tau)
{
	SphxTrainer *t = s->t;
	double		factor = -2.0 / (double) t->n;
	double		error = 0.0;

	memset(s->gradient, 0, t->k * t->d * sizeof(double));
	for (size_t first = 0; first < s->n; first += BLOCK_ROWS)
	{
		const double *rows = s->rows + first * t->d;
		size_t		n = block_size(s, first);

		sphx_dgemm_nt(t->k, n, t->d, s->centroids, rows, s->weights);
		soften_block(s, n, tau);
		for (size_t i = first; i < first + n && i < t->n; i++)
			error += 2.0 - 2.0 * s->best[i - first];
		sphx_dgemm_nn(t->k, t->d, n, s->weights, rows, s->part);
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
soft_minimum(Softmin *s, double tau)
{
	size_t		k = s->t->k;
	double		least = HUGE_VAL;
	double		total = 0.0;

	sphx_dgemm_nt(k, k, s->t->d, s->centroids, s->centroids, s->pairs);
	for (size_t i = 0; i < k; i++)
		for (size_t j = 0; j < k; j++)
		{
			double		distance = sqrt(fmax(2.0 - 2.0 * s->pairs[i * k + j], SQUARE_LEAST));

			s->pairs[i * k + j] = distance;
			if (i != j)
				least = fmin(least, distance);
		}
	for (size_t i = 0; i < k; i++)
	{
		for (size_t j = 0; j < k; j++)
		{
			double		distance = s->pairs[i * k + j];
			double		weight = i == j ? 0.0 : sphx_portable_exp((least - distance) / tau);

			s->pairs[i * k + j] = weight / distance;
			total += 0.5 * weight;	/* both orders of a pair come by */
		}
		sphx_trainer_work(s->t, k * 16);
	}
	for (size_t i = 0; i < k * k; i++)
		s->pairs[i] /= total;
	return least - tau * sphx_portable_log(total);
}

/* to a grid on which k of them, times centroids, add up exactly */
static void
round_pairs(Softmin *s)
{
	size_t		k = s->t->k;
	double		largest = 0.0;
	int			exponent;
	double		grid;

	for (size_t i = 0; i < k; i++)
	{
		double		sum = 0.0;

		for (size_t j = 0; j < k; j++)
			sum += s->pairs[i * k + j];
		largest = fmax(largest, sum);
	}
	(void) frexp(largest, &exponent);	/* largest < 2^exponent */
	grid = ldexp(CENTROID_GRID, exponent);
	for (size_t i = 0; i < k * k; i++)
		s->pairs[i] = to_grid(s->pairs[i], grid);
}

/* add the gradient of gap_weight * max(0, target - soft minimum), but for its parallel part */
static void
add_gap_gradient(Softmin *s, double tau, double gap_weight, double target)
{
	SphxTrainer *t = s->t;

	if (!(soft_minimum(s, tau) < target))
		return;
	round_pairs(s);
	sphx_dgemm_nn(t->k, t->d, t->k, s->pairs, s->centroids, s->part);
	for (size_t i = 0; i < t->k * t->d; i++)
		s->gradient[i] += gap_weight * s->part[i];
}

/* one step of Adam (Kingma and Ba, 2015) along the tangent of the sphere */
static void
adam_step(Softmin *s, float *centroids)
{
	size_t		d = s->t->d;
	double		moment_scale;
	double		square_scale;

	s->moment_left *= MOMENT_DECAY;
	s->square_left *= SQUARE_DECAY;
	moment_scale = 1.0 / (1.0 - s->moment_left);
	square_scale = 1.0 / (1.0 - s->square_left);
	for (size_t c = 0; c < s->t->k; c++)
	{
		float	   *x = centroids + c * d;
		double	   *gradient = s->gradient + c * d;
		double		along = 0.0;

		for (size_t j = 0; j < d; j++)
			along += gradient[j] * (double) x[j];
		for (size_t j = 0; j < d; j++)
		{
			float	   *moment = &s->moment[c * d + j];
			float	   *square = &s->square[c * d + j];
			double		g = gradient[j] - along * (double) x[j];

			*moment = (float) (MOMENT_DECAY * (double) *moment + (1.0 - MOMENT_DECAY) * g);
			*square = (float) (SQUARE_DECAY * (double) *square + (1.0 - SQUARE_DECAY) * g * g);
			x[j] -= (float) (LEARNING_RATE * moment_scale * (double) *moment /
							 (sqrt(square_scale * (double) *square) + SQUARE_FLOOR));
		}
		sphx_unit_row(x, d);
	}
	sphx_trainer_work(s->t, 8 * s->t->k * d);
}

/*
 * Train t->k > 1 centroids from random ones; rows are unit vectors.
 * separation is what k-means reached.  Takes memory for k * k numbers and for
 * a copy of the rows, in double precision.
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
		double		error;

		round_floats(t->k * t->d, centroids, CENTROID_GRID, s.centroids);
		error = error_gradient(&s, tau);
		add_gap_gradient(&s, tau, gap_weight, TARGET_FACTOR * separation);
		adam_step(&s, centroids);
		sphx_trainer_step(t, "soft minimum", step, error);
		tau = fmax(TAU_LAST, tau * TAU_DECAY);
	}
	softmin_release(&s);
}
