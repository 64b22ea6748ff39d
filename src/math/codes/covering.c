/*-------------------------------------------------------------------------
 *
 * covering.c
 *	  Covering radius: the deepest hole that a set of unit vectors leaves.
 *
 * With the origin inside the points' convex hull, all w with <w, x_j> <= 1
 * for every point form a bounded polytope.  Its vertices are the centres of
 * holes, and 1 / |w| is the cosine of a hole's radius.  From a random
 * direction a walk over faces of ever lower dimension, always outwards, ends
 * in a vertex.
 *
 *-------------------------------------------------------------------------
 */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "math/base/random.h"
#include "math/codes/point_set.h"

#define TINY			1e-9
#define HULL_STEPS		10000
#define TICK_ROWS		4096
#define SQRT2			1.4142135623730950488

typedef struct Walk
{
	SphxEnv    *env;
	uint64_t	done;			/* samples, for ticks */
	uint64_t	samples;
	const SphxPointSet *set;
	double	   *w;				/* [d] */
	double	   *step;			/* [d] */
	double	   *basis;			/* [basis_rows][d] orthonormal, of the points
								 * that w touches */
	int			touched;
	SphxRandom	random;
} Walk;

/* w touches no more points than there are, and one more is tried */
static size_t
basis_rows(const SphxPointSet *set)
{
	return set->n < (size_t) set->d ? set->n + 1 : (size_t) set->d;
}

double
sphx_covering_bytes(const SphxPointSet *set)
{
	return (double) basis_rows(set) * set->d * (double) sizeof(double);
}

static double
dot(const double *a, const double *b, int d)
{
	double		sum = 0.0;

	for (int k = 0; k < d; k++)
		sum += a[k] * b[k];
	return sum;
}

static double
dot_row(const SphxPointSet *set, size_t j, const double *x)
{
	const float *row = set->rows + j * (size_t) set->d;
	double		sum = 0.0;

	for (int k = 0; k < set->d; k++)
		sum += (double) row[k] * x[k];
	return sum;
}

static double
largest_cosine(const SphxPointSet *set, const double *x)
{
	double		largest = -HUGE_VAL;

	for (size_t j = 0; j < set->n; j++)
		largest = fmax(largest, dot_row(set, j, x));
	return largest;
}

/* distance of the unit vector x from the nearest point */
static double
chord(const SphxPointSet *set, const double *x)
{
	double		square = 2.0 - 2.0 * largest_cosine(set, x);

	return square <= 0.0 ? 0.0 : square >= 4.0 ? 2.0 : sqrt(square);
}

/* the part of x orthogonal to the basis; returns its norm */
static double
project_out(const Walk *walk, double *x)
{
	int			d = walk->set->d;

	for (int pass = 0; pass < 2; pass++)
	{
		for (int i = 0; i < walk->touched; i++)
		{
			const double *b = walk->basis + (size_t) i * (size_t) d;
			double		product = dot(b, x, d);

			for (int k = 0; k < d; k++)
				x[k] -= product * b[k];
		}
	}
	return sqrt(dot(x, x, d));
}

static void
random_direction(Walk *walk, double *x)
{
	for (int k = 0; k < walk->set->d; k++)
		x[k] = sphx_random_normal(&walk->random);
}

/* walk->step: outwards within the face that w is on, or any direction if w is its nearest point */
static void
choose_step(Walk *walk)
{
	int			d = walk->set->d;

	memcpy(walk->step, walk->w, (size_t) d * sizeof(double));
	if (project_out(walk, walk->step) > TINY * sqrt(dot(walk->w, walk->w, d)))
		return;
	do
		random_direction(walk, walk->step);
	while (project_out(walk, walk->step) < TINY);
}

/* the point met first on the way; n when there is none; ticks often also in a large set */
static size_t
first_met(const Walk *walk, double *how_far)
{
	const SphxPointSet *set = walk->set;
	double		norm = sqrt(dot(walk->step, walk->step, set->d));
	size_t		met = set->n;

	*how_far = HUGE_VAL;
	for (size_t j = 0; j < set->n; j++)
	{
		double		speed = dot_row(set, j, walk->step);

		if (j % TICK_ROWS == 0)
			walk->env->tick(walk->env, walk->done, walk->samples);
		if (speed > TINY * norm)
		{
			double		s = fmax(1.0 - dot_row(set, j, walk->w), 0.0) / speed;

			if (s < *how_far)
			{
				*how_far = s;
				met = j;
			}
		}
	}
	return met;
}

/* w now touches point j */
static void
touch(Walk *walk, size_t j)
{
	int			d = walk->set->d;
	double	   *b = walk->basis + (size_t) walk->touched * (size_t) d;
	double		norm;

	for (int k = 0; k < d; k++)
		b[k] = (double) walk->set->rows[j * (size_t) d + (size_t) k];
	norm = project_out(walk, b);
	if (norm < TINY)
		return;
	for (int k = 0; k < d; k++)
		b[k] /= norm;
	walk->touched++;
}

/* from a random direction to a vertex; false: nothing is in the way, the hull is open */
static bool
walk_to_hole(Walk *walk)
{
	int			d = walk->set->d;

	memset(walk->w, 0, (size_t) d * sizeof(double));
	walk->touched = 0;
	random_direction(walk, walk->step);
	while (walk->touched < d)
	{
		double		how_far;
		int			before = walk->touched;
		size_t		met = first_met(walk, &how_far);

		if (met == walk->set->n)
			return false;
		for (int k = 0; k < d; k++)
			walk->w[k] += how_far * walk->step[k];
		touch(walk, met);
		if (walk->touched == before)
			return true;		/* only rounding keeps it from being a vertex */
		if (walk->touched < d)
			choose_step(walk);
	}
	return true;
}

/*
 * The origin is not inside the hull.  Then there is one hole, opposite to the
 * hull's point nearest to the origin (Gilbert's algorithm), with a radius of
 * a right angle or more.
 */
static double
open_hull(SphxEnv *env, const SphxPointSet *set, double *hole)
{
	double	   *p = hole;
	double		norm;

	for (int k = 0; k < set->d; k++)
		p[k] = (double) set->rows[k];
	for (int step = 0; step < HULL_STEPS; step++)
	{
		size_t		low = 0;
		double		lowest = HUGE_VAL;
		double		square = dot(p, p, set->d);
		double		difference = 0.0;
		double		t;

		for (size_t j = 0; j < set->n; j++)
		{
			double		product = dot_row(set, j, p);

			if (product < lowest)
			{
				lowest = product;
				low = j;
			}
		}
		if (square - lowest < 1e-12)
			break;
		for (int k = 0; k < set->d; k++)
		{
			double		c = (double) set->rows[low * (size_t) set->d + (size_t) k] - p[k];

			difference += c * c;
		}
		t = fmin((square - lowest) / difference, 1.0);
		for (int k = 0; k < set->d; k++)
			p[k] += t * ((double) set->rows[low * (size_t) set->d + (size_t) k] - p[k]);
		env->tick(env, (uint64_t) step, HULL_STEPS);
	}

	norm = sqrt(dot(p, p, set->d));
	if (norm < 1e-4)
		return SQRT2;			/* the hull has the origin on its boundary */
	for (int k = 0; k < set->d; k++)
		p[k] /= -norm;
	return chord(set, p);
}

double
sphx_covering_radius(SphxEnv *env, const SphxPointSet *set, int64_t samples, uint64_t seed,
					 double *hole)
{
	size_t		d = (size_t) set->d;
	double		longest = 0.0;
	bool		open = false;
	Walk		walk;

	assert(set->n >= 1 && samples >= 1);
	walk.env = env;
	walk.samples = (uint64_t) samples;
	walk.set = set;
	walk.w = env->alloc(env, d * sizeof(double));
	walk.step = env->alloc(env, d * sizeof(double));
	walk.basis = env->alloc(env, basis_rows(set) * d * sizeof(double));
	sphx_random_seed(&walk.random, seed);

	for (int64_t i = 0; i < samples && !open; i++)
	{
		double		square;

		walk.done = (uint64_t) i;
		open = !walk_to_hole(&walk);
		square = dot(walk.w, walk.w, set->d);
		if (!open && square > longest)
		{
			longest = square;
			for (int k = 0; k < set->d; k++)
				hole[k] = walk.w[k] / sqrt(square);
		}
	}
	env->release(env, walk.basis);
	env->release(env, walk.step);
	env->release(env, walk.w);

	if (open)
		return open_hull(env, set, hole);

	/*
	 * what the hole's centre itself says is right whatever the rounding of
	 * the walk
	 */
	return chord(set, hole);
}
