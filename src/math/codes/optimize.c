/*-------------------------------------------------------------------------
 *
 * optimize.c
 *	  Spherical codes found by numerical optimisation.
 *
 * Annealed Adam on a soft minimum of distances, with projection to the
 * tangent spaces and normalisation (Mathews, sections 6.3 and 7.1), from
 * many random starts, each of which is polished (optimize_polish.c) as long
 * as it may become the best.  Covering looks at holes instead of pairs
 * (optimize_holes.c).
 *
 * Annealing is chaotic: a difference in the last bit can end in another
 * basin.  So that a seed means the same everywhere, only operations that IEEE
 * arithmetic defines to the last bit are used on the way, and exp and log are
 * our own.
 *
 *-------------------------------------------------------------------------
 */
#include <assert.h>
#include <float.h>
#include <math.h>
#include <string.h>

#include "math/base/portable.h"
#include "math/codes/optimize_private.h"

#define PI					3.14159265358979323846

/*
 * Annealing: temperature and step, in multiples of the spacing, first and
 * last.  A hot start finds the widest basins nearly every time (24 points in
 * 4 dimensions).  A cold one is still far from rest at its end, so that the
 * polish may take it to basins which a hot one never finds (13 points in 3).
 * Starts take turns; without the polish all are hot.
 */
#define TAU_HOT				0.3
#define TAU_COLD			0.02
#define TAU_HOLES			0.1
#define TAU_END				0.01
#define RATE_START			0.3
#define RATE_END			0.002
#define BETA_FIRST			0.9
#define BETA_SECOND			0.99
#define FAR					25.0	/* exp(-FAR) does not count */
#define MAX_EXPONENT		200.0	/* no sum of exp of this overflows, nor
									 * its square */

/* defaults and what they may cost */
#define ITERATIONS			300
#define MAX_RESTARTS		128
#define MAX_HOLE_RESTARTS	64
#define WORK_BUDGET			7e9 /* multiplications, all starts together */
#define PAIR_WORK			4.0 /* of a pair in annealing, a dimension */
#define POLISH_WORK			60.0	/* of a polish, in cubes of the size */

#define BETTER				1e-9	/* a cosine by which another start wins */
#define FINAL_SAMPLES		400 /* directions, in multiples of d, for the
								 * report */
#define ANNEAL_SAMPLES		4	/* new directions an iteration */
#define ANNEAL_START_SAMPLES 32 /* in multiples of d */
#define MAX_BOUND			(0.999 * PI / 2.0)
#define HOLE_PENALTY		4.0
#define HOLE_PENALTY_MAX	1e4
#define BOUND_TOLERANCE		1e-8

/* state of annealing, and the best code so far */
typedef struct Search
{
	SphxCodeProblem *problem;
	int			iterations;
	double	   *x;
	double	   *gradient;
	double	   *first;			/* Adam's moments */
	double	   *second;
	double	   *best;
	double		nearest;		/* distance of the nearest pair in the last
								 * iteration */
	double		best_value;
} Search;

/* known optima */

/* n <= d + 1 points with pairwise cosine -1 / (n - 1) */
static void
put_simplex(int n, int d, double *x)
{
	memset(x, 0, (size_t) n * d * sizeof(double));
	for (int c = 0; c < n - 1; c++)
	{
		/*
		 * the simplex of n - c points left: the first on the axis, the others
		 * below it
		 */
		double		left = n - 1 - c;
		double		scale = sqrt((double) n * left / ((n - 1.0) * (left + 1.0)));

		x[(size_t) c * d + c] = scale;
		for (int i = c + 1; i < n; i++)
			x[(size_t) i * d + c] = -scale / left;
	}
	if (n == 1)
		x[0] = 1.0;
	for (int i = 0; i < n; i++)
		sphx_code_unit(x + (size_t) i * d, d);
}

/*
 * d + 2 to 2 d points: e_1, -e_1, e_2, ... of the first n - d - 1 axes, and a
 * simplex in the rest of the space.  Of more than d + 1 points some two are at
 * most 90 degrees apart (Rankin, "The closest packing of spherical caps in n
 * dimensions", 1955).
 */
static void
put_pairs(int n, int d, double *x)
{
	int			pairs = n - d - 1;
	double	   *rest = x + (size_t) 2 * pairs * d;

	memset(x, 0, (size_t) 2 * pairs * d * sizeof(double));
	for (int i = 0; i < 2 * pairs; i++)
		x[(size_t) i * d + i / 2] = i % 2 == 0 ? 1.0 : -1.0;
	put_simplex(n - 2 * pairs, d, rest);
	for (int i = 0; i < n - 2 * pairs; i++)
	{
		double	   *row = rest + (size_t) i * d;

		memmove(row + pairs, row, (size_t) (d - pairs) * sizeof(double));
		memset(row, 0, (size_t) pairs * sizeof(double));
	}
}

static void
put_polygon(int n, double *x)
{
	for (int i = 0; i < n; i++)
	{
		x[2 * i] = sphx_portable_cos(2.0 * PI * i / n);
		x[2 * i + 1] = sphx_portable_sin(2.0 * PI * i / n);
	}
}

/*
 * Put down the code when the optimum is known, and report it.  A simplex of
 * fewer than d + 1 points leaves the direction at right angles to it
 * uncovered by 90 degrees, and nothing does better.
 */
static bool
known_optimum(const SphxOptimizeParams *params, double *points, SphxOptimizeReport *report)
{
	int			n = params->n;
	int			d = params->dim;

	if (n <= d + 1 && d != 2)
	{
		put_simplex(n, d, points);
		report->min_angle = n > 1 ? sphx_portable_acos(-1.0 / (n - 1)) : 0.0;
		report->covering_radius = n == 1 ? PI : n <= d ? PI / 2.0 : sphx_portable_acos(1.0 / d);
		if (d == 1)
			report->covering_radius = n == 1 ? PI : 0.0;
	}
	else if (d == 2)
	{
		put_polygon(n, points);
		report->min_angle = n > 1 ? 2.0 * PI / n : 0.0;
		report->covering_radius = PI / n;
	}
	else if (n <= 2 * d && params->objective == SPHX_OBJECTIVE_PACKING)
	{
		put_pairs(n, d, points);
		report->min_angle = PI / 2.0;
	}
	else
		return false;
	if (params->objective == SPHX_OBJECTIVE_PACKING)
		report->covering_radius = 0.0;
	if (params->objective == SPHX_OBJECTIVE_BOUNDED)
		report->covering_bound = report->covering_radius;
	report->polished = true;
	return true;
}

static bool
is_known(const SphxOptimizeParams *params)
{
	if (params->dim == 2 || params->n - 1 <= params->dim)
		return true;
	return params->n <= 2 * (int64_t) params->dim &&
		params->objective == SPHX_OBJECTIVE_PACKING;
}

/* memory that sphx_optimize takes, its result included */
static double
bytes_needed(const SphxOptimizeParams *params)
{
	double		code = (double) params->n * params->dim * sizeof(double);
	double		bytes = code;

	if (is_known(params))
		return bytes;
	bytes += 5.0 * code;
	if (bytes < (double) SPHX_OPTIMIZE_MAX_BYTES)
		bytes += (double) sphx_polish_bytes(params->n, params->dim);
	if (params->objective != SPHX_OBJECTIVE_PACKING)
		bytes += (double) sphx_holes_bytes(params->dim);
	return bytes;
}

SphxOptimizeCheck
sphx_optimize_check(const SphxOptimizeParams *params)
{
	if (params->n < 1)
		return SPHX_OPTIMIZE_NO_POINTS;
	if (params->dim < 1)
		return SPHX_OPTIMIZE_NO_DIMENSIONS;
	if (params->dim == 1 && params->n > 2)
		return SPHX_OPTIMIZE_TOO_FEW_PLACES;
	if (params->restarts < 0)
		return SPHX_OPTIMIZE_BAD_RESTARTS;
	if (params->iterations < 0)
		return SPHX_OPTIMIZE_BAD_ITERATIONS;
	if (!(params->slack >= 0.0 && params->slack <= DBL_MAX))
		return SPHX_OPTIMIZE_BAD_SLACK;
	if (params->objective != SPHX_OBJECTIVE_PACKING && !is_known(params) &&
		params->dim > SPHX_OPTIMIZE_MAX_COVERING_DIM)
		return SPHX_OPTIMIZE_TOO_MANY_DIMENSIONS;
	if (bytes_needed(params) > (double) SPHX_OPTIMIZE_MAX_BYTES)
		return SPHX_OPTIMIZE_TOO_LARGE;
	return SPHX_OPTIMIZE_OK;
}

static double
largest_cosine(SphxCodeProblem *p, const double *x)
{
	double		largest = -1.0;

	for (int i = 1; i < p->n; i++)
	{
		for (int j = 0; j < i; j++)
			largest = fmax(largest, sphx_code_dot(x + (size_t) i * p->d, x + (size_t) j * p->d,
												  p->d));
		sphx_code_work(p, (uint64_t) i * p->d);
	}
	return largest;
}

/* cosine of the deepest hole; -1 when a half-sphere is open */
static double
hole_cosine(SphxCodeProblem *p, const double *x, int samples)
{
	if (!sphx_holes_refresh(p->holes, x))
		return -1.0;
	sphx_code_work(p, (uint64_t) samples * p->d * p->d * (2 * p->d * p->d + p->n));
	if (!sphx_holes_explore(p->holes, x, &p->random, samples * p->d) || p->holes->count == 0)
		return -1.0;
	return sphx_holes_deepest(p->holes);
}

/*
 * Gradient of minus the soft minimum of distances at temperature tau,
 * -tau log sum exp(-distance / tau), up to a positive factor, which Adam does
 * not feel.  Exponents are relative to the nearest pair one iteration ago.
 */
static void
pair_gradient(Search *s, double tau)
{
	SphxCodeProblem *p = s->problem;
	double		reference = s->nearest;
	double		reach = reference + FAR * tau;
	double		nearest = 4.0;

	for (int i = 1; i < p->n; i++)
	{
		const double *xi = s->x + (size_t) i * p->d;
		double	   *gi = s->gradient + (size_t) i * p->d;

		for (int j = 0; j < i; j++)
		{
			const double *xj = s->x + (size_t) j * p->d;
			double		square = 2.0 - 2.0 * sphx_code_dot(xi, xj, p->d);
			double		distance;
			double		weight;

			if (square > reach * reach)
				continue;
			distance = sqrt(fmax(square, 1e-24));
			nearest = fmin(nearest, distance);
			weight = sphx_portable_exp(fmin((reference - distance) / tau, MAX_EXPONENT)) /
				distance;
			for (int c = 0; c < p->d; c++)
			{
				gi[c] += weight * xj[c];
				s->gradient[(size_t) j * p->d + c] += weight * xi[c];
			}
		}
		sphx_code_work(p, (uint64_t) i * p->d);
	}
	s->nearest = nearest;
}

/* the same for holes: gradient of a soft maximum of -cosine */
static void
hole_gradient(Search *s, double tau)
{
	SphxCodeProblem *p = s->problem;
	SphxHoles  *h = p->holes;
	double		deepest = sphx_holes_deepest(h);

	for (int f = 0; f < h->count; f++)
	{
		const double *centre = h->centre + (size_t) f * p->d;
		double		weight;

		if (h->cosine[f] - deepest > FAR * tau)
			continue;
		weight = sphx_portable_exp((deepest - h->cosine[f]) / tau);
		for (int i = 0; i < p->d; i++)
		{
			double		share = weight * h->weight[(size_t) f * p->d + i];
			double	   *g = s->gradient + (size_t) h->corner[(size_t) f * p->d + i] * p->d;

			for (int c = 0; c < p->d; c++)
				g[c] -= share * centre[c];
		}
	}
	sphx_code_work(p, (uint64_t) h->count * (2 * p->d * p->d + p->n) * p->d);
}

/* one step of Adam on the sphere: the gradient is projected, the points normalised */
static void
adam_step(Search *s, double rate, double first_bias, double second_bias)
{
	SphxCodeProblem *p = s->problem;

	for (int i = 0; i < p->n; i++)
	{
		size_t		at = (size_t) i * p->d;
		double		along = sphx_code_dot(s->x + at, s->gradient + at, p->d);

		for (size_t c = at; c < at + p->d; c++)
		{
			double		g = s->gradient[c] - along * s->x[c];

			s->first[c] = BETA_FIRST * s->first[c] + (1.0 - BETA_FIRST) * g;
			s->second[c] = BETA_SECOND * s->second[c] + (1.0 - BETA_SECOND) * g * g;
			s->x[c] -= rate * (s->first[c] / first_bias) /
				(sqrt(s->second[c] / second_bias) + 1e-12);
		}
		sphx_code_unit(s->x + at, p->d);
	}
}

/*
 * Anneal s->x for pairs or for holes: temperature and step fall
 * geometrically.  false when the holes' sphere opened.
 */
static bool
anneal(Search *s, bool holes, double tau_start)
{
	SphxCodeProblem *p = s->problem;
	int			iterations = s->iterations;
	double		tau = tau_start * p->spacing;
	double		rate = RATE_START * p->spacing;
	double		cool = sphx_portable_exp(sphx_portable_log(TAU_END / tau_start) / iterations);
	double		slow = sphx_portable_exp(sphx_portable_log(RATE_END / RATE_START) / iterations);
	double		first = 1.0;
	double		second = 1.0;

	memset(s->first, 0, p->size * sizeof(double));
	memset(s->second, 0, p->size * sizeof(double));
	s->nearest = p->spacing;
	if (holes && hole_cosine(p, s->x, ANNEAL_START_SAMPLES) <= 0.0)
		return false;
	for (int t = 0; t < iterations; t++)
	{
		memset(s->gradient, 0, p->size * sizeof(double));
		if (holes)
		{
			if (!sphx_holes_refresh(p->holes, s->x) ||
				!sphx_holes_explore(p->holes, s->x, &p->random, ANNEAL_SAMPLES))
				return false;
			hole_gradient(s, tau * p->spacing);
		}
		else
			pair_gradient(s, tau);
		first *= BETA_FIRST;
		second *= BETA_SECOND;
		adam_step(s, rate, 1.0 - first, 1.0 - second);
		p->done++;
		tau *= cool;
		rate *= slow;
	}
	return true;
}

/* what is minimised, exactly; a code that breaks the bound is worse than any that does not */
static double
exact_value(SphxCodeProblem *p, const double *x)
{
	double		depth;

	if (p->hole_weight == 0.0)
		return largest_cosine(p, x);
	depth = p->bound - hole_cosine(p, x, FINAL_SAMPLES / 4);
	if (!p->bounded)
		return depth;
	return largest_cosine(p, x) + (depth > BOUND_TOLERANCE ? 2.0 + depth : 0.0);
}

/* the sharpness at which the polish takes over where annealing ended */
static double
polish_start(const SphxCodeProblem *p)
{
	return 0.5 / (TAU_END * p->spacing * p->spacing);
}

/*
 * Polish, when that is affordable; false when it would not beat the best.
 * Under a bound the penalty is raised until the bound holds.
 */
static bool
polish_code(SphxCodeProblem *p, double *x, double best)
{
	if (p->size > SPHX_POLISH_MAX_SIZE)
		return true;
	if (!p->bounded)
		return sphx_polish(p, x, polish_start(p), best);
	(void) sphx_polish(p, x, polish_start(p) / 16.0, HUGE_VAL);
	for (; p->hole_weight < HOLE_PENALTY_MAX; p->hole_weight *= 8.0)
	{
		if (p->bound - hole_cosine(p, x, FINAL_SAMPLES / 4) <= BOUND_TOLERANCE)
			break;
		(void) sphx_polish(p, x, polish_start(p), HUGE_VAL);
	}
	p->hole_weight = HOLE_PENALTY;
	return true;
}

/* finish the start in s->x and keep it when it is the best */
static void
judge_start(Search *s)
{
	SphxCodeProblem *p = s->problem;
	double		value;

	if (!polish_code(p, s->x, s->best_value))
		return;
	value = exact_value(p, s->x);
	if (value < s->best_value - BETTER)
	{
		s->best_value = value;
		memcpy(s->best, s->x, p->size * sizeof(double));
	}
}

/* iterations of a start, at most: it is annealed once for pairs, and once for holes */
static uint64_t
start_iterations(const Search *s)
{
	return (uint64_t) s->iterations * (s->problem->holes != NULL ? 2 : 1);
}

static void
search_starts(Search *s, int restarts)
{
	SphxCodeProblem *p = s->problem;

	for (int start = 0; start < restarts; start++)
	{
		bool		cold = start % 2 == 1 && p->size <= SPHX_POLISH_MAX_SIZE;
		bool		good = true;
		uint64_t	end = p->done + start_iterations(s);

		for (int i = 0; i < p->n; i++)
			sphx_code_random_direction(&p->random, s->x + (size_t) i * p->d, p->d);
		if (p->holes != NULL)
			p->holes->count = 0;
		(void) anneal(s, false, cold ? TAU_COLD : TAU_HOT);
		if (p->hole_weight > 0.0 && !p->bounded)
			good = anneal(s, true, TAU_HOLES);
		if (good || (start == restarts - 1 && s->best_value == HUGE_VAL))
			judge_start(s);
		p->done = end;
		p->env->tick(p->env, p->done, p->total);
	}
}

static void
search_init(Search *s, SphxCodeProblem *p, const SphxOptimizeParams *params)
{
	SphxEnv    *env = p->env;
	size_t		bytes = p->size * sizeof(double);

	s->problem = p;
	s->iterations = params->iterations > 0 ? params->iterations : ITERATIONS;
	s->x = env->alloc(env, bytes);
	s->gradient = env->alloc(env, bytes);
	s->first = env->alloc(env, bytes);
	s->second = env->alloc(env, bytes);
	s->best = env->alloc(env, bytes);
	s->best_value = HUGE_VAL;
}

static void
search_release(Search *s)
{
	SphxEnv    *env = s->problem->env;

	env->release(env, s->best);
	env->release(env, s->second);
	env->release(env, s->first);
	env->release(env, s->gradient);
	env->release(env, s->x);
}

/*
 * Roughly the distance of neighbours in a good code: the area of the sphere
 * shared out, calibrated on the orthoplex.
 */
static double
typical_spacing(int n, int d)
{
	double		per_axis = sphx_portable_log((double) n / (2.0 * d)) / (d - 1);

	return fmin(1.4, 1.4 * sphx_portable_exp(-per_axis));
}

static int
default_restarts(const SphxCodeProblem *p, int iterations)
{
	double		size = (double) p->size;
	double		work = PAIR_WORK * 0.5 * p->n * p->n * (p->d + 4.0) * iterations;
	double		affordable;

	if (p->size <= SPHX_POLISH_MAX_SIZE)
		work += POLISH_WORK * size * size * size;
	affordable = WORK_BUDGET / work;
	if (p->holes == NULL)
		return (int) fmax(1.0, fmin(MAX_RESTARTS, affordable));
	return (int) fmax(1.0, fmin(MAX_HOLE_RESTARTS, affordable / p->d));
}

/*
 * Covering first, which sets the bound; then, under the bound, from the
 * covering code, which keeps it, and as many starts again.
 */
static void
search_bounded(Search *s, const SphxOptimizeParams *params, int restarts)
{
	SphxCodeProblem *p = s->problem;
	double		radius;

	p->pair_weight = 0.0;
	search_starts(s, restarts);
	radius = sphx_portable_acos(hole_cosine(p, s->best, FINAL_SAMPLES));
	p->pair_weight = 1.0;
	p->bounded = true;
	p->bound = sphx_portable_cos(fmin(radius * (1.0 + params->slack), fmax(radius, MAX_BOUND)));
	memcpy(s->x, s->best, p->size * sizeof(double));
	s->best_value = exact_value(p, s->x);
	judge_start(s);
	search_starts(s, restarts);
}

static void
fill_report(Search *s, SphxOptimizeReport *report)
{
	SphxCodeProblem *p = s->problem;

	report->min_angle = sphx_portable_acos(fmax(-1.0, fmin(1.0, largest_cosine(p, s->best))));
	if (p->holes != NULL)
	{
		p->holes->count = 0;
		report->covering_radius = sphx_portable_acos(hole_cosine(p, s->best, FINAL_SAMPLES));
	}
	if (p->bounded)
		report->covering_bound = sphx_portable_acos(p->bound);
	report->polished = p->size <= SPHX_POLISH_MAX_SIZE;
}

void
sphx_optimize(SphxEnv *env, const SphxOptimizeParams *params, double *points,
			  SphxOptimizeReport *report)
{
	SphxCodeProblem p;
	Search		s;
	int			restarts;

	assert(sphx_optimize_check(params) == SPHX_OPTIMIZE_OK);
	memset(report, 0, sizeof(SphxOptimizeReport));
	if (known_optimum(params, points, report))
		return;
	memset(&p, 0, sizeof(p));
	p.env = env;
	p.n = params->n;
	p.d = params->dim;
	p.size = (size_t) p.n * p.d;
	p.spacing = typical_spacing(p.n, p.d);
	p.pair_weight = params->objective == SPHX_OBJECTIVE_COVERING ? 0.0 : 1.0;
	p.hole_weight = params->objective == SPHX_OBJECTIVE_PACKING ? 0.0 : 1.0;
	if (p.hole_weight > 0.0)
		p.holes = sphx_holes_create(env, p.n, p.d);
	sphx_random_seed(&p.random, params->seed);
	search_init(&s, &p, params);
	restarts = params->restarts > 0 ? params->restarts : default_restarts(&p, s.iterations);
	p.total = (uint64_t) restarts * start_iterations(&s) *
		(params->objective == SPHX_OBJECTIVE_BOUNDED ? 2 : 1);

	if (params->objective == SPHX_OBJECTIVE_BOUNDED)
		search_bounded(&s, params, restarts);
	else
		search_starts(&s, restarts);
	memcpy(points, s.best, p.size * sizeof(double));
	report->restarts = restarts;
	fill_report(&s, report);
	search_release(&s);
	if (p.holes != NULL)
		sphx_holes_release(p.holes);
}
