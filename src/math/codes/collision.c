/*-------------------------------------------------------------------------
 *
 * collision.c
 *	  Collision probabilities and query exponents of hashing with spherical
 *	  codes (Laarhoven).
 *
 * The orthant probability of Theorem 8 is the probability that two Gaussian
 * vectors with correlation cos(theta) fall into the same cell.  It is taken
 * apart like this.  The plane that the two vectors span is uniformly random;
 * within it their directions are random up to a rotation, at an angle beta
 * whose distribution is known.  Cells are convex cones, so that the plane's
 * unit circle is cut into arcs of lengths f_1, f_2, ..., one a cell, and
 *
 *		p1 = E sum_i H(f_i),	H(f) = E max(0, f - beta) / (2 pi).
 *
 * H is tabulated.  What is left is the mean over planes of a continuous
 * function, with little variance, since every circle meets many cells.
 *
 * The mean is taken with a lattice rule: points n (sqrt 2, sqrt 3, sqrt 5,
 * ...) mod 1 (Richtmyer), folded (Hlawka's baker's transformation), made
 * normal by Box and Muller's formula.  It is repeated with random shifts,
 * whose results give the error bound.
 *
 *-------------------------------------------------------------------------
 */
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "math/base/compare.h"
#include "math/base/random.h"
#include "math/codes/collision.h"
#include "math/codes/sine.h"

#define PI			3.14159265358979323846
#define SHIFTS		16
#define T_QUANTILE	2.947		/* of Student's t, 15 degrees of freedom, 99
								 * %, two-sided */
#define WORK		2e8			/* multiplications that the default number of
								 * samples aims at */
#define H_CELLS		256
#define MAX_ARCS	1000000		/* of one circle; only rounding could make
								 * them more */
#define TICK_WORK	1000000		/* multiplications between two ticks */

/* a lattice rule in `dims` dimensions, one shift of it */
typedef struct Lattice
{
	int			dims;
	double	   *step;			/* [dims] fractional parts of square roots of
								 * primes */
	double	   *place;			/* [dims] */
} Lattice;

typedef struct HTable
{
	double		value[H_CELLS + 1]; /* at i pi / H_CELLS */
	double		slope[H_CELLS + 1]; /* per cell of the table */
} HTable;

typedef struct Integration
{
	SphxEnv    *env;
	SphxSpherical *code;
	int			k;
	uint64_t	points;			/* of one shift */
	uint64_t	done;			/* of all shifts */
	double		decoding;		/* multiplications of one decoding */
	double		work;			/* ... and since the last tick */
	Lattice		lattice;
	double	   *along;			/* [k] each: where the walk round the circle
								 * is, ... */
	double	   *ahead;			/* ... a quarter further, ... */
	double	   *between;
	double	   *own;			/* ... the codeword of the cell it is in, ... */
	double	   *other;			/* ... and of one that it may get to */
	double	   *arcs;			/* [SHIFTS][count] mean lengths, unless
								 * isogonal */
	double		p1[SHIFTS];
	double		p2[SHIFTS];		/* derivative of p2, see frequencies() */
	HTable		h;				/* for theta, and ... */
	HTable		right;			/* ... for pi / 2, the control */
	double		cross;			/* sums over planes: products of both, ... */
	double		square;			/* ... squares of the control, ... */
	double		sum;			/* ... and their sums */
	double		control_sum;
	double		control[SHIFTS];
} Integration;


/* The lattice rule */

static int
next_prime(int n)
{
	for (;;)
	{
		bool		prime = true;

		n++;
		for (int i = 2; i * i <= n && prime; i++)
			prime = n % i != 0;
		if (prime)
			return n;
	}
}

static void
lattice_init(SphxEnv *env, Lattice *lattice, int dims)
{
	int			prime = 1;

	lattice->dims = dims;
	lattice->step = env->alloc(env, (size_t) dims * sizeof(double));
	lattice->place = env->alloc(env, (size_t) dims * sizeof(double));
	for (int i = 0; i < dims; i++)
	{
		double		root;

		prime = next_prime(prime);
		root = sqrt(prime);
		lattice->step[i] = root - floor(root);
	}
}

static void
lattice_shift(Lattice *lattice, SphxRandom *random)
{
	for (int i = 0; i < lattice->dims; i++)
		lattice->place[i] = sphx_random_uniform(random);
}

/* the next point, as normal numbers: first those of u, then those of w */
static void
lattice_next(Lattice *lattice, int k, double *u, double *w)
{
	for (int i = 0; i < lattice->dims; i += 2)
	{
		double		folded[2];
		double		radius;

		for (int j = 0; j < 2; j++)
		{
			double		x = lattice->place[i + j] + lattice->step[i + j];

			x -= x >= 1.0;
			lattice->place[i + j] = x;
			folded[j] = fabs(2.0 * x - 1.0);
		}
		radius = sqrt(-2.0 * log(fmax(folded[0], 1e-300)));
		for (int j = 0; j < 2; j++)
		{
			double		normal = radius * (j == 0 ? cos(2.0 * PI * folded[1]) :
										   sin(2.0 * PI * folded[1]));

			if (i + j < k)
				u[i + j] = normal;
			else
				w[i + j - k] = normal;
		}
	}
}


/* The integrand */

/* count the multiplications of a decoding, and tick when they are many */
static void
count_decoding(Integration *integration)
{
	integration->work += integration->decoding;
	if (integration->work > TICK_WORK)
	{
		integration->env->tick(integration->env, integration->done,
							   integration->points * SHIFTS);
		integration->work = 0.0;
	}
}

static double
dot(const double *a, const double *b, int n)
{
	double		sum = 0.0;

	for (int i = 0; i < n; i++)
		sum += a[i] * b[i];
	return sum;
}

static void
make_orthonormal(double *a, double *b, int n)
{
	double		norm = sqrt(dot(a, a, n));
	double		projection;

	for (int i = 0; i < n; i++)
		a[i] /= norm;
	projection = dot(a, b, n);
	for (int i = 0; i < n; i++)
		b[i] -= projection * a[i];
	norm = sqrt(dot(b, b, n));
	for (int i = 0; i < n; i++)
		b[i] /= norm;
}

/*
 * P(beta <= t), 0 < t < pi.  Of the two vectors one has the direction of a
 * unit vector u, the other that of u + s w, where s = tan(theta) times the
 * ratio of the norms of two Gaussian vectors, and w is uniform.  With psi the
 * angle between u and w, beta <= t if psi <= t, and otherwise if s <= sin(t) /
 * sin(psi - t).
 */
static double
angle_cdf(const SphxSine *radial, const SphxSine *uniform, double cotangent, double t)
{
	double		sum = 0.0;
	double		before = sphx_sine_cdf(uniform, t);
	double		result = before;

	for (int i = 0; i < H_CELLS; i++)
	{
		double		middle = t + (PI - t) * (i + 0.5) / H_CELLS;
		double		after = sphx_sine_cdf(uniform, t + (PI - t) * (i + 1.0) / H_CELLS);
		double		ratio = cotangent * sin(t) / sin(middle - t);

		sum += (after - before) * sphx_sine_cdf(radial, 2.0 * atan(ratio));
		before = after;
	}
	return result + sum;
}

/* H by Simpson's rule from its slope, the distribution function over 2 pi */
static void
tabulate_h(SphxEnv *env, int k, double theta, HTable *h)
{
	SphxSine   *radial = sphx_sine_create(env, k - 1);
	SphxSine   *uniform = sphx_sine_create(env, k - 2);
	double		cotangent = cos(theta) / sin(theta);
	double		step = PI / H_CELLS;
	double		unit = step / (2.0 * PI);

	h->value[0] = 0.0;
	h->slope[0] = 0.0;
	for (int i = 1; i <= H_CELLS; i++)
	{
		double		middle = unit * angle_cdf(radial, uniform, cotangent, (i - 0.5) * step);

		h->slope[i] = unit * (i == H_CELLS ? 1.0 :
							  angle_cdf(radial, uniform, cotangent, i * step));
		h->value[i] = h->value[i - 1] +
			(h->slope[i - 1] + 4.0 * middle + h->slope[i]) / 6.0;
		env->tick(env, (uint64_t) i, H_CELLS);
	}
	env->release(env, uniform);
	env->release(env, radial);
}

/* Hermite's cubic */
static double
look_up(const HTable *h, double arc)
{
	double		place = fmin(arc / PI, 1.0) * H_CELLS;
	int			i = place < H_CELLS ? (int) place : H_CELLS - 1;
	double		t = place - i;
	double		rest = 1.0 - t;

	return rest * rest * ((1.0 + 2.0 * t) * h->value[i] + t * h->slope[i]) +
		t * t * ((1.0 + 2.0 * rest) * h->value[i + 1] - rest * h->slope[i + 1]);
}

/* what a plane adds up to, for theta and for the control */
typedef struct CircleSum
{
	double		value;
	double		control;
} CircleSum;

static void
add_arc(const Integration *integration, double arc, CircleSum *sum)
{
	if (arc <= 0.0)
		return;
	sum->value += look_up(&integration->h, arc);
	sum->control += look_up(&integration->right, arc);
}

/*
 * From `along` in cell *cell (whose codeword is `own`) to the next cell, or by
 * a quarter of the circle when that is nearer.  Returns the angle walked;
 * *cell changes when a border was reached.
 *
 * Towards `ahead` the distance by which another codeword wins is convex in s,
 * the position being along + s ahead.  Newton's method from far ahead comes
 * to its zero in finitely many steps, each of them to a smaller s: decode,
 * go back to where that codeword ties, decode again.
 */
static double
walk_to_border(Integration *integration, uint64_t *cell)
{
	int			k = integration->k;
	double		along_own = dot(integration->along, integration->own, k);
	double		ahead_own = dot(integration->ahead, integration->own, k);
	double		s = HUGE_VAL;
	uint64_t	next = *cell;
	uint64_t	beyond = sphx_spherical_decode(integration->code, integration->ahead, NULL);

	while (beyond != *cell)
	{
		double		lead;
		double		slope;
		double		product;

		sphx_spherical_word(integration->code, beyond, integration->other);
		lead = along_own - dot(integration->along, integration->other, k);
		slope = dot(integration->ahead, integration->other, k) - ahead_own;
		if (!(slope > 0.0) || !(fmax(lead, 0.0) / slope < s))
			break;				/* a tie, but for rounding */
		s = fmax(lead, 0.0) / slope;
		next = beyond;
		for (int i = 0; i < k; i++)
			integration->between[i] = integration->along[i] + s * integration->ahead[i];
		beyond = sphx_spherical_decode(integration->code, integration->between, &product);
		count_decoding(integration);
		if (product <= along_own + s * ahead_own + 1e-13 * (1.0 + s))
			break;
	}
	*cell = next;
	return atan(s);
}

/* turn `along` and `ahead` by an angle */
static void
turn(Integration *integration, double angle)
{
	double		c = cos(angle);
	double		s = sin(angle);

	for (int i = 0; i < integration->k; i++)
	{
		double		along = integration->along[i];
		double		ahead = integration->ahead[i];

		integration->along[i] = c * along + s * ahead;
		integration->ahead[i] = c * ahead - s * along;
	}
}

/* once round the circle, adding up H over its arcs */
static CircleSum
walk_circle(Integration *integration, double *arcs)
{
	uint64_t	first = sphx_spherical_decode(integration->code, integration->along, NULL);
	uint64_t	cell = first;
	double		first_arc = 0.0;	/* from the start to the first border */
	bool		first_left = false;
	double		arc = 0.0;
	double		left = 2.0 * PI;
	CircleSum	sum = {0.0, 0.0};

	sphx_spherical_word(integration->code, cell, integration->own);
	for (int i = 0; i < MAX_ARCS; i++)
	{
		uint64_t	before = cell;
		double		angle = fmin(walk_to_border(integration, &cell), left);

		count_decoding(integration);
		left -= angle;
		arc += angle;
		if (arcs != NULL)
			arcs[before] += angle;
		if (left <= 0.0)
		{
			cell = before;
			break;
		}
		turn(integration, angle);
		if (cell == before)
			continue;
		if (first_left)
			add_arc(integration, arc, &sum);
		else
			first_arc = arc;
		first_left = true;
		arc = 0.0;
		sphx_spherical_word(integration->code, cell, integration->own);
	}

	/* but for rounding the walk ends in the cell that it began in */
	if (cell == first)
		arc += first_arc;
	else
		add_arc(integration, first_arc, &sum);
	add_arc(integration, arc, &sum);
	return sum;
}


/* Integration */

static void
integrate(Integration *integration, uint64_t seed)
{
	size_t		count = integration->arcs != NULL ?
	(size_t) sphx_spherical_count(integration->code) : 0;
	SphxRandom	random;

	integration->done = 0;
	integration->work = 0.0;
	sphx_random_seed(&random, seed);
	for (uint64_t shift = 0; shift < SHIFTS; shift++)
	{
		double	   *arcs = count > 0 ? integration->arcs + shift * count : NULL;
		CircleSum	total = {0.0, 0.0};

		lattice_shift(&integration->lattice, &random);
		for (uint64_t i = 0; i < integration->points; i++)
		{
			CircleSum	one;

			lattice_next(&integration->lattice, integration->k, integration->along,
						 integration->ahead);
			make_orthonormal(integration->along, integration->ahead, integration->k);
			one = walk_circle(integration, arcs);
			total.value += one.value;
			total.control += one.control;
			integration->cross += one.value * one.control;
			integration->square += one.control * one.control;
			integration->done++;
			count_decoding(integration);
		}
		integration->p1[shift] = total.value / (double) integration->points;
		integration->control[shift] = total.control / (double) integration->points;
		integration->sum += total.value;
		integration->control_sum += total.control;
	}
}

static double
mean(const double *x, int n)
{
	double		sum = 0.0;

	for (int i = 0; i < n; i++)
		sum += x[i];
	return sum / n;
}

/* half the width of the confidence interval of the mean of the shifts' results */
static double
mean_error(const double *x)
{
	double		centre = mean(x, SHIFTS);
	double		square = 0.0;

	for (int i = 0; i < SHIFTS; i++)
		square += (x[i] - centre) * (x[i] - centre);
	return T_QUANTILE * sqrt(square / (SHIFTS - 1.0) / SHIFTS);
}

/*
 * p2 = sum of squared shares f_i of the cells in all circles.  What a shift
 * contributes to its error is, to first order, 2 sum f_i f_i(shift).
 */
static void
frequencies(Integration *integration, SphxCollision *result)
{
	size_t		count = (size_t) sphx_spherical_count(integration->code);
	double		circle = 2.0 * PI * (double) integration->points;
	double		sum = 0.0;

	memset(integration->p2, 0, sizeof(integration->p2));
	for (size_t i = 0; i < count; i++)
	{
		double		f = 0.0;

		for (size_t shift = 0; shift < SHIFTS; shift++)
			f += integration->arcs[shift * count + i] / circle / SHIFTS;
		sum += f * f;
		for (size_t shift = 0; shift < SHIFTS; shift++)
			integration->p2[shift] += 2.0 * f *
				integration->arcs[shift * count + i] / circle;
	}
	result->p2 = sum;
	result->p2_error = mean_error(integration->p2);
}

/*
 * For theta = pi / 2 the collision probability is p2, which is known when the
 * code is isogonal, and otherwise much better than the mean of the control.
 * So the error that the control makes is known, and the part of p1's error
 * that goes with it (linear regression over planes) is taken off.  Returns
 * the factor with which an error of p2 enters p1.
 */
static double
apply_control(Integration *integration, double p2)
{
	double		n = (double) integration->points * SHIFTS;
	double		variance = integration->square / n -
	pow(integration->control_sum / n, 2.0);
	double		covariance = integration->cross / n -
	integration->sum / n * (integration->control_sum / n);

	if (!(variance > 0.0))
		return 0.0;
	for (int i = 0; i < SHIFTS; i++)
		integration->p1[i] -= covariance / variance * (integration->control[i] - p2);
	return fabs(covariance / variance);
}

static uint64_t
default_samples(const SphxSpherical *code)
{
	/* some forty decodings a circle, and the normal numbers */
	double		cost = 40.0 * sphx_spherical_cost(code) + 80.0 * sphx_spherical_dim(code);
	double		samples = WORK / cost;

	return samples > 65536.0 ? 65536 : samples < 2048.0 ? 2048 : (uint64_t) samples;
}

static void
integrate_code(SphxEnv *env, SphxSpherical *code, const SphxCollisionParams *params,
			   SphxCollision *result)
{
	int			k = sphx_spherical_dim(code);
	size_t		bytes = (size_t) k * sizeof(double);
	size_t		count = (size_t) sphx_spherical_count(code);
	double	   *room = env->alloc(env, 5 * bytes);
	uint64_t	samples = params->samples > 0 ? (uint64_t) params->samples :
	default_samples(code);
	Integration integration;
	double		factor;

	integration.env = env;
	integration.code = code;
	integration.k = k;
	integration.points = (samples + SHIFTS - 1) / SHIFTS;
	integration.along = room;
	integration.ahead = room + k;
	integration.between = room + 2 * k;
	integration.own = room + 3 * k;
	integration.other = room + 4 * k;
	integration.decoding = sphx_spherical_cost(code) + 4.0 * k;
	integration.arcs = NULL;
	if (!sphx_spherical_isogonal(code))
	{
		integration.arcs = env->alloc(env, SHIFTS * count * sizeof(double));
		memset(integration.arcs, 0, SHIFTS * count * sizeof(double));
	}
	lattice_init(env, &integration.lattice, 2 * k);
	tabulate_h(env, k, params->theta, &integration.h);
	tabulate_h(env, k, PI / 2.0, &integration.right);
	integration.cross = integration.square = 0.0;
	integration.sum = integration.control_sum = 0.0;

	integrate(&integration, params->seed);
	result->exact = false;
	result->p2 = 1.0 / (double) sphx_spherical_count(code);
	result->p2_error = 0.0;
	if (integration.arcs != NULL)
	{
		frequencies(&integration, result);
		env->release(env, integration.arcs);
	}
	factor = apply_control(&integration, result->p2);
	result->p1 = mean(integration.p1, SHIFTS);
	result->p1_error = mean_error(integration.p1) + factor * result->p2_error;
	env->release(env, integration.lattice.place);
	env->release(env, integration.lattice.step);
	env->release(env, room);
}


/* Closed forms */

static void
closed_form(SphxCollision *result, double p1, double p2)
{
	result->exact = true;
	result->p1 = p1;
	result->p2 = p2;
	result->p1_error = 0.0;
	result->p2_error = 0.0;
}

/*
 * Two dimensions (Eq. 37): what a cell with the share f <= 1/2 of the circle
 * adds to p1, f^2 + a^2 - b^2 with a = (pi - theta) / 2 pi and b = arccos(-c g)
 * / 2 pi, where c = cos theta, g = cos 2 pi f.  a - b is taken from its sine
 * and cosine, so that nothing is lost where f is tiny.
 */
static double
plane_cell(double theta, double f)
{
	double		c = cos(theta);
	double		s = sin(theta);
	double		g = cos(2.0 * PI * f);
	double		h = sin(2.0 * PI * f);
	double		root = sqrt(1.0 - c * c * g * g);
	double		sine = g < 0.0 ? c * (root - g * s) : c * h * h / (root + g * s);
	double		a = (PI - theta) / (2.0 * PI);
	double		difference = atan2(sine, c * c * g + s * root) / (2.0 * PI);

	return f * f + difference * (2.0 * a - difference);
}

/*
 * Two dimensions, at least three codewords: p1 is a sum over cells, p2 = sum
 * of f^2.  The cells of an isogonal code are equal, so that none is listed.
 */
static void
plane_code(SphxEnv *env, SphxSpherical *code, double theta, SphxCollision *result)
{
	size_t		n = (size_t) sphx_spherical_count(code);
	size_t		kept = 0;
	double	   *angle;
	double		p1 = 0.0;
	double		p2 = 0.0;

	if (sphx_spherical_isogonal(code))
	{
		closed_form(result, (double) n * plane_cell(theta, 1.0 / (double) n),
					1.0 / (double) n);
		return;
	}
	angle = env->alloc(env, n * sizeof(double));
	for (size_t i = 0; i < n; i++)
	{
		double		word[2];

		sphx_spherical_word(code, i, word);
		angle[i] = atan2(word[1], word[0]);
		if (i % 4096 == 0)
			env->tick(env, i, n);
	}
	qsort(angle, n, sizeof(double), sphx_compare_doubles);
	for (size_t i = 0; i < n; i++)	/* equal ones have one cell between them */
	{
		if (kept == 0 || angle[i] - angle[kept - 1] > 1e-12)
			angle[kept++] = angle[i];
	}
	for (size_t i = 0; i < kept; i++)
	{
		double		before = i > 0 ? angle[i - 1] : angle[kept - 1] - 2.0 * PI;
		double		after = i + 1 < kept ? angle[i + 1] : angle[0] + 2.0 * PI;
		double		f = (after - before) / (4.0 * PI);

		p1 += kept == 1 ? 1.0 : plane_cell(theta, f);
		p2 += kept == 1 ? 1.0 : f * f;
		if (i % 4096 == 0)
			env->tick(env, i, kept);
	}
	closed_form(result, p1, p2);
	env->release(env, angle);
}

/* false: there is none */
static bool
try_closed_form(SphxEnv *env, SphxSpherical *code, double theta, SphxCollision *result)
{
	int			planes = sphx_spherical_hyperplanes(code);

	if (sphx_spherical_count(code) == 1 || theta <= 0.0)
		closed_form(result, 1.0, 1.0 / (double) sphx_spherical_count(code));
	else if (planes > 0)
		closed_form(result, pow(1.0 - theta / PI, planes), pow(0.5, planes));
	else if (sphx_spherical_dim(code) == 2)
		plane_code(env, code, theta, result);
	else
		return false;
	return true;
}


static void
one_level(SphxEnv *env, SphxSpherical *code, const SphxCollisionParams *params,
		  SphxCollision *result)
{
	/* for theta = 0 p2 still may need integration */
	if (!(params->theta <= 0.0 && !sphx_spherical_isogonal(code)) &&
		try_closed_form(env, code, params->theta, result))
		return;
	if (params->theta > 0.0)
		integrate_code(env, code, params, result);
	else
	{
		SphxCollisionParams right = *params;

		right.theta = PI / 2.0;
		if (!try_closed_form(env, code, right.theta, result))
			integrate_code(env, code, &right, result);
		result->p1 = 1.0;
		result->p1_error = 0.0;
	}
}

double
sphx_collision_bytes(double codewords)
{
	return codewords * SHIFTS * sizeof(double);
}

/* product codes: vectors collide when they do at every level, independently */
static void
all_levels(SphxEnv *env, SphxSpherical *code, const SphxCollisionParams *params,
		   SphxCollision *result)
{
	int			m;
	int			levels;
	const double *points = sphx_spherical_points(code, &m, &levels);
	int			width = sphx_spherical_dim(code) / levels;
	double		p1_relative = 0.0;
	double		p2_relative = 0.0;

	closed_form(result, 1.0, 1.0);
	for (int l = 0; l < levels; l++)
	{
		SphxSpherical *level = sphx_spherical_from_points(env, m, width,
														  points + (size_t) l * (size_t) m * (size_t) width);
		SphxCollision part;

		one_level(env, level, params, &part);
		sphx_spherical_release(level);
		result->exact &= part.exact;
		result->p1 *= part.p1;
		result->p2 *= part.p2;
		p1_relative += part.p1_error / part.p1;
		p2_relative += part.p2_error / part.p2;
	}
	result->p1_error = p1_relative * result->p1;
	result->p2_error = p2_relative * result->p2;
}

void
sphx_collision(SphxEnv *env, SphxSpherical *code, const SphxCollisionParams *params,
			   SphxCollision *result)
{
	int			m;
	int			levels = 1;

	assert(params->theta >= 0.0 && params->theta <= PI / 2.0 + 1e-9);
	if (sphx_spherical_points(code, &m, &levels) != NULL && levels > 1)
		all_levels(env, code, params, result);
	else
		one_level(env, code, params, result);

	/* of a quotient of logarithms */
	result->rho = log(result->p1) / log(result->p2);
	result->rho_error = (result->p1_error / result->p1 +
						 fabs(result->rho) * result->p2_error / result->p2) /
		fabs(log(result->p2));
	if (sphx_spherical_count(code) == 1)
		result->rho = NAN;
}
