/*-------------------------------------------------------------------------
 *
 * optimize_polish.c
 *	  The optimum of a basin, to about ten digits: Newton's method on ever
 *	  sharper soft maxima.
 *
 * At the optimum many angles are equal, and the objective has an edge there.
 * The soft maximum of sharpness k is smooth and at most log(terms) / k above
 * the maximum, so its minimum leads to the optimum as k grows, and from one
 * k to the next a few Newton steps suffice.  Steps are damped as Levenberg
 * and Marquardt do.  Derivatives are those on the product of spheres: a
 * gradient is projected to the tangent space, a second derivative as well,
 * less <x_i, gradient_i> times the projection, for the sphere curves away
 * below the tangent.
 *
 *-------------------------------------------------------------------------
 */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "math/base/portable.h"
#include "math/codes/optimize_private.h"

/* softmax weights below this do not count */
#define TINY_WEIGHT	1e-14

#define K_GROWTH			4.0
#define K_END				1e9
#define K_FORESEE			1e4 /* from here on foresee() is right to about
								 * 1e-6 */
#define NO_GAIN				1e-6
#define STEPS_A_STAGE		40
#define STEPS_AT_END		80
#define MAX_MOVE			0.2 /* of the spacing, in one step of one point */
#define DAMPING_START		1e-2
#define DAMPING_END			1e12
#define EXPLORE_A_STAGE		32	/* directions, in multiples of d */

typedef struct Polish
{
	SphxCodeProblem *problem;
	double		k;
	double	   *hessian;		/* [size][size] */
	double	   *factor;			/* [size][size] lower triangle */
	double	   *gradient;		/* [size] */
	double	   *group;			/* [size] gradient of one soft maximum */
	double	   *term;			/* [d][d] projected gradients of one term */
	double	   *term_dual;		/* [d][d] projected duals of one hole */
	double	   *curvature;		/* [n] <x_i, gradient_i> before the projection */
	double	   *step;			/* [size] */
	double	   *trial;			/* [size] */
	double	   *previous;		/* [size] x at the end of the stage before */
	double	   *cosine;			/* [n][n], j < i, of the last evaluation */
	double		pair_max;		/* of the last evaluation: largest term, and */
	double		pair_sum;		/* sum exp(k (term - largest)) */
	double		hole_max;
	double		hole_sum;
} Polish;

size_t
sphx_polish_bytes(int n, int d)
{
	size_t		size = (size_t) n * d;

	if (size > SPHX_POLISH_MAX_SIZE)
		return 0;
	return (2 * size * size + 5 * size + 2 * (size_t) d * d + n + (size_t) n * n) * sizeof(double);
}

static void
polish_init(Polish *s, SphxCodeProblem *p)
{
	SphxEnv    *env = p->env;
	size_t		bytes = p->size * sizeof(double);
	size_t		square = (size_t) p->d * p->d * sizeof(double);

	s->problem = p;
	s->hessian = env->alloc(env, p->size * bytes);
	s->factor = env->alloc(env, p->size * bytes);
	s->gradient = env->alloc(env, bytes);
	s->group = env->alloc(env, bytes);
	s->term = env->alloc(env, square);
	s->term_dual = env->alloc(env, square);
	s->curvature = env->alloc(env, (size_t) p->n * sizeof(double));
	s->step = env->alloc(env, bytes);
	s->trial = env->alloc(env, bytes);
	s->previous = env->alloc(env, bytes);
	s->cosine = env->alloc(env, (size_t) p->n * p->n * sizeof(double));
}

static void
polish_release(Polish *s)
{
	SphxEnv    *env = s->problem->env;

	env->release(env, s->cosine);
	env->release(env, s->previous);
	env->release(env, s->trial);
	env->release(env, s->step);
	env->release(env, s->curvature);
	env->release(env, s->term_dual);
	env->release(env, s->term);
	env->release(env, s->group);
	env->release(env, s->gradient);
	env->release(env, s->factor);
	env->release(env, s->hessian);
}

/* soft maximum of the pairs' cosines */
static double
evaluate_pairs(Polish *s, const double *x)
{
	SphxCodeProblem *p = s->problem;

	s->pair_max = -1.0;
	s->pair_sum = 0.0;
	for (int i = 1; i < p->n; i++)
	{
		for (int j = 0; j < i; j++)
		{
			double		c = sphx_code_dot(x + (size_t) i * p->d, x + (size_t) j * p->d, p->d);

			s->cosine[(size_t) i * p->n + j] = c;
			if (c > s->pair_max)
				s->pair_max = c;
		}
	}
	for (int i = 1; i < p->n; i++)
	{
		for (int j = 0; j < i; j++)
			s->pair_sum += sphx_portable_exp(s->k * (s->cosine[(size_t) i * p->n + j] - s->pair_max));
	}
	sphx_code_work(p, (uint64_t) p->n * p->n * (p->d + 10) / 2);
	return s->pair_max + sphx_portable_log(s->pair_sum) / s->k;
}

/* soft maximum of what the holes are too deep; infinite when the sphere is open */
static double
evaluate_holes(Polish *s, const double *x)
{
	SphxCodeProblem *p = s->problem;
	SphxHoles  *h = p->holes;

	if (!sphx_holes_refresh(h, x) || h->count == 0)
		return HUGE_VAL;
	sphx_code_work(p, (uint64_t) h->count * (p->d * p->d * 2 + p->n) * p->d);
	s->hole_max = p->bound - sphx_holes_deepest(h);
	if (p->bounded && s->hole_max < 0.0)
		s->hole_max = 0.0;
	s->hole_sum = p->bounded ? sphx_portable_exp(-s->k * s->hole_max) : 0.0;
	for (int f = 0; f < h->count; f++)
		s->hole_sum += sphx_portable_exp(s->k * (p->bound - h->cosine[f] - s->hole_max));
	return s->hole_max + sphx_portable_log(s->hole_sum) / s->k;
}

static double
evaluate(Polish *s, const double *x)
{
	SphxCodeProblem *p = s->problem;
	double		value = 0.0;

	if (p->pair_weight > 0.0)
		value += p->pair_weight * evaluate_pairs(s, x);
	if (p->hole_weight > 0.0)
		value += p->hole_weight * evaluate_holes(s, x);
	return value;
}

/* hessian block (i, j) += scale * a b^T */
static void
add_outer(Polish *s, int i, int j, double scale, const double *a, const double *b)
{
	int			d = s->problem->d;
	size_t		size = s->problem->size;

	for (int r = 0; r < d; r++)
	{
		double	   *row = s->hessian + ((size_t) i * d + r) * size + (size_t) j * d;
		double		factor = scale * a[r];

		for (int c = 0; c < d; c++)
			row[c] += factor * b[c];
	}
}

static void
add_unit(Polish *s, int i, int j, double scale)
{
	int			d = s->problem->d;

	for (int r = 0; r < d; r++)
		s->hessian[((size_t) i * d + r) * s->problem->size + (size_t) j * d + r] += scale;
}

static void
add_scaled(double *out, double scale, const double *a, int d)
{
	for (int r = 0; r < d; r++)
		out[r] += scale * a[r];
}

/* out = the part of a at right angles to the unit vector x */
static void
project(double *out, const double *a, const double *x, int d)
{
	double		along = sphx_code_dot(a, x, d);

	for (int r = 0; r < d; r++)
		out[r] = a[r] - along * x[r];
}

/* one pair's share of the group's gradient and of the second derivative */
static void
add_pair(Polish *s, const double *x, int i, int j, double weight)
{
	int			d = s->problem->d;
	double		c = s->cosine[(size_t) i * s->problem->n + j];
	double		sharp = weight * s->k;
	const double *xi = x + (size_t) i * d;
	const double *xj = x + (size_t) j * d;
	double	   *gi = s->term;
	double	   *gj = s->term + d;

	project(gi, xj, xi, d);
	project(gj, xi, xj, d);
	add_scaled(s->group + (size_t) i * d, weight, gi, d);
	add_scaled(s->group + (size_t) j * d, weight, gj, d);
	s->curvature[i] += weight * c;
	s->curvature[j] += weight * c;
	add_outer(s, i, i, sharp, gi, gi);
	add_outer(s, j, j, sharp, gj, gj);
	add_outer(s, i, j, sharp, gi, gj);
	/* the mixed second derivative: the product of the two projections */
	add_unit(s, i, j, weight);
	add_outer(s, i, j, -weight, xi, xi);
	add_outer(s, i, j, -weight, xj, xj);
	add_outer(s, i, j, weight * c, xi, xj);
}

/*
 * One hole's share.  Its cosine r depends on its corners c_i alone.  With
 * s_i = <v, dc_i>, D = sum l_i dc_i and A the matrix of columns a_i:
 *
 *		dr = sum l_i s_i
 *		d2r = -2 <D, A s> - r |A s|^2 + (3 / r) dr^2
 *
 * The term of the soft maximum is -r.
 */
static void
add_hole(Polish *s, const double *x, int f, double weight)
{
	SphxHoles  *h = s->problem->holes;
	int			d = h->d;
	const int  *corner = h->corner + (size_t) f * d;
	const double *v = h->centre + (size_t) f * d;
	const double *l = h->weight + (size_t) f * d;
	const double *dual = h->dual + (size_t) f * d * d;
	double		r = h->cosine[f];

	for (int i = 0; i < d; i++)
	{
		project(s->term + i * d, v, x + (size_t) corner[i] * d, d);
		add_scaled(s->group + (size_t) corner[i] * d, -weight * l[i], s->term + i * d, d);
		s->curvature[corner[i]] -= weight * l[i] * r;
	}
	for (int i = 0; i < d; i++)
	{
		for (int j = 0; j < d; j++)
		{
			double		both = l[i] * l[j];
			double		scale = weight * (s->k * both + r * sphx_code_dot(dual + i * d, dual + j * d, d) -
										  3.0 / r * both);
			double	   *a = s->term_dual;

			add_outer(s, corner[i], corner[j], scale, s->term + i * d, s->term + j * d);
			project(a, dual + j * d, x + (size_t) corner[i] * d, d);
			add_outer(s, corner[i], corner[j], weight * l[i], a, s->term + j * d);
			project(a, dual + i * d, x + (size_t) corner[j] * d, d);
			add_outer(s, corner[i], corner[j], weight * l[j], s->term + i * d, a);
		}
	}
}

/*
 * Add the gradient of a finished group, and what it takes from the second
 * derivative.  The group's weight is in both factors of the product.
 */
static void
close_group(Polish *s, double group_weight)
{
	size_t		size = s->problem->size;

	for (size_t a = 0; a < size; a++)
	{
		double		factor = s->k / group_weight * s->group[a];

		s->gradient[a] += s->group[a];
		for (size_t b = 0; b <= a; b++)
			s->hessian[a * size + b] -= factor * s->group[b];
	}
	memset(s->group, 0, size * sizeof(double));
}

static void
assemble_pairs(Polish *s, const double *x)
{
	SphxCodeProblem *p = s->problem;

	for (int i = 1; i < p->n; i++)
	{
		for (int j = 0; j < i; j++)
		{
			double		z = s->cosine[(size_t) i * p->n + j] - s->pair_max;
			double		weight = sphx_portable_exp(s->k * z) / s->pair_sum;

			if (weight > TINY_WEIGHT)
				add_pair(s, x, i, j, p->pair_weight * weight);
		}
	}
}

/* gradient and the lower triangle of the second derivative at x, just evaluated */
static void
assemble(Polish *s, const double *x)
{
	SphxCodeProblem *p = s->problem;
	size_t		size = p->size;

	memset(s->hessian, 0, size * size * sizeof(double));
	memset(s->gradient, 0, size * sizeof(double));
	memset(s->group, 0, size * sizeof(double));
	memset(s->curvature, 0, (size_t) p->n * sizeof(double));
	if (p->pair_weight > 0.0)
	{
		assemble_pairs(s, x);
		close_group(s, p->pair_weight);
	}
	if (p->hole_weight > 0.0)
	{
		for (int f = 0; f < p->holes->count; f++)
		{
			double		z = p->bound - p->holes->cosine[f] - s->hole_max;
			double		weight = sphx_portable_exp(s->k * z) / s->hole_sum;

			if (weight > TINY_WEIGHT)
				add_hole(s, x, f, p->hole_weight * weight);
		}
		close_group(s, p->hole_weight);
	}
	for (int i = 0; i < p->n; i++)
	{
		const double *xi = x + (size_t) i * p->d;

		/* the radial direction, empty so far, gets the value 1 */
		add_unit(s, i, i, -s->curvature[i]);
		add_outer(s, i, i, s->curvature[i] + 1.0, xi, xi);
	}
}

/* Cholesky's factor of hessian + damping; false when that is not positive definite */
static bool
factorise(Polish *s, double damping)
{
	size_t		size = s->problem->size;

	for (size_t a = 0; a < size; a++)
	{
		double	   *row = s->factor + a * size;
		double		pivot;

		for (size_t b = 0; b < a; b++)
		{
			const double *other = s->factor + b * size;

			row[b] = (s->hessian[a * size + b] - sphx_code_dot(row, other, (int) b)) / other[b];
		}
		pivot = s->hessian[a * size + a] + damping - sphx_code_dot(row, row, (int) a);
		if (!(pivot > 0.0))
			return false;
		row[a] = sqrt(pivot);
	}
	sphx_code_work(s->problem, (uint64_t) size * size * size / 6);
	return true;
}

/* step = -(factor factor^T)^-1 gradient; returns the decrease of the linear part */
static double
solve_step(Polish *s)
{
	size_t		size = s->problem->size;

	for (size_t a = 0; a < size; a++)
		s->step[a] = (-s->gradient[a] - sphx_code_dot(s->factor + a * size, s->step, (int) a)) /
			s->factor[a * size + a];
	for (size_t a = size; a-- > 0;)
	{
		s->step[a] /= s->factor[a * size + a];
		for (size_t b = 0; b < a; b++)
			s->step[b] -= s->factor[a * size + b] * s->step[a];
	}
	return -sphx_code_dot(s->step, s->gradient, (int) size);
}

/* trial = x moved by step, shortened where a point would move too far */
static void
move_points(Polish *s, const double *x)
{
	SphxCodeProblem *p = s->problem;
	double		longest = 0.0;
	double		scale = 1.0;

	for (int i = 0; i < p->n; i++)
	{
		const double *u = s->step + (size_t) i * p->d;
		double		length = sphx_code_dot(u, u, p->d);

		if (length > longest)
			longest = length;
	}
	longest = sqrt(longest);
	if (longest > MAX_MOVE * p->spacing)
		scale = MAX_MOVE * p->spacing / longest;
	for (size_t a = 0; a < p->size; a++)
		s->trial[a] = x[a] + scale * s->step[a];
	for (int i = 0; i < p->n; i++)
		sphx_code_unit(s->trial + (size_t) i * p->d, p->d);
}

/*
 * One damped step from x, whose value is *value.  Both are replaced when the
 * value got smaller; the damping follows.  false when no step makes it
 * smaller.
 */
static bool
newton_step(Polish *s, double *x, double *value, double *damping)
{
	SphxCodeProblem *p = s->problem;

	assemble(s, x);
	for (; *damping < DAMPING_END * s->k; *damping *= 8.0)
	{
		double		gain;
		double		trial_value;

		if (!factorise(s, *damping))
			continue;
		gain = solve_step(s);
		if (gain < 1e-15)
			return false;
		move_points(s, x);
		if (p->holes != NULL)
			sphx_holes_save(p->holes);
		trial_value = evaluate(s, s->trial);
		if (trial_value < *value)
		{
			memcpy(x, s->trial, p->size * sizeof(double));
			*value = trial_value;
			*damping = fmax(*damping / 8.0, 1e-5 + 1e-15 * s->k);
			return true;
		}
		if (p->holes != NULL)
			sphx_holes_restore(p->holes);
	}
	return false;
}

/*
 * What the value will be when k has grown without end, to second order in
 * 1 / k: the mean of the terms under the soft maximum's weights.
 */
static double
foresee(Polish *s)
{
	SphxCodeProblem *p = s->problem;
	double		pairs = 0.0;
	double		holes = 0.0;

	for (int i = 1; i < p->n && p->pair_weight > 0.0; i++)
	{
		for (int j = 0; j < i; j++)
		{
			double		z = s->cosine[(size_t) i * p->n + j] - s->pair_max;

			pairs += z * sphx_portable_exp(s->k * z);
		}
	}
	for (int f = 0; p->hole_weight > 0.0 && f < p->holes->count; f++)
	{
		double		z = p->bound - p->holes->cosine[f] - s->hole_max;

		holes += z * sphx_portable_exp(s->k * z);
	}
	if (p->pair_weight > 0.0)
		pairs = p->pair_weight * (s->pair_max + pairs / s->pair_sum);
	if (p->hole_weight > 0.0)
		holes = p->hole_weight * (s->hole_max + holes / s->hole_sum);
	return pairs + holes;
}

/*
 * The optimum moves about linearly in 1 / k: go on as far as the next stage
 * should take it, when that is better.  Keeps x for the next time.
 */
static void
predict(Polish *s, double *x, double *value)
{
	SphxCodeProblem *p = s->problem;
	double		trial_value;

	for (size_t a = 0; a < p->size; a++)
		s->step[a] = (x[a] - s->previous[a]) / K_GROWTH;
	memcpy(s->previous, x, p->size * sizeof(double));
	move_points(s, x);
	trial_value = evaluate(s, s->trial);
	if (trial_value < *value)
	{
		memcpy(x, s->trial, p->size * sizeof(double));
		*value = trial_value;
	}
	else
		*value = evaluate(s, x);
}

bool
sphx_polish(SphxCodeProblem *p, double *x, double k_start, double to_beat)
{
	Polish		s;
	double		damping = DAMPING_START;
	int			stage = 0;
	bool		promising = true;

	assert(p->size <= SPHX_POLISH_MAX_SIZE);
	polish_init(&s, p);
	for (s.k = k_start; promising; s.k = fmin(s.k * K_GROWTH, K_END))
	{
		int			steps = s.k < K_END ? STEPS_A_STAGE : STEPS_AT_END;
		double		value;

		if (p->holes != NULL &&
			!sphx_holes_explore(p->holes, x, &p->random, EXPLORE_A_STAGE * p->d))
			break;
		value = evaluate(&s, x);
		if (stage++ > 1)
			predict(&s, x, &value);
		else
			memcpy(s.previous, x, p->size * sizeof(double));
		while (steps-- > 0 && newton_step(&s, x, &value, &damping))
			;
		if (s.k >= K_END)
			break;
		damping = fmin(damping, 1.0);
		if (s.k >= K_FORESEE && to_beat < HUGE_VAL)
		{
			(void) evaluate(&s, x); /* the last trial may have been elsewhere */
			promising = foresee(&s) < to_beat - NO_GAIN;
		}
	}
	polish_release(&s);
	return promising;
}
