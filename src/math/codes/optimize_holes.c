/*-------------------------------------------------------------------------
 *
 * optimize_holes.c
 *	  The holes of a spherical code: where the sphere is farthest from it.
 *
 * With the origin inside the points' convex hull, the set of all w with
 * <w, x_j> <= 1 for all j is a bounded polytope, its vertices are the facets
 * of the hull, and 1 / |w| is the cosine of a hole's radius.  A hole that is
 * deeper than those around it is a local maximum of |w|, found from any
 * direction by walking along edges of the polytope as the simplex method
 * does.  So nothing depends on the number of facets, which explodes with the
 * dimension; only certainty does: what is found are the holes that the
 * sampled directions lead to.
 *
 *-------------------------------------------------------------------------
 */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "math/codes/optimize_private.h"

#define MAX_HOLES			4096
#define MAX_DUAL_ELEMENTS	((size_t) 1 << 21)	/* room * d * d */
#define EMPTY_SLACK			1e-10	/* of <w, x_j> over 1 */
#define SINGULAR_PIVOT		1e-7
#define NO_DIRECTION		1e-12
#define NEGATIVE_WEIGHT		(-1e-10)
#define MAX_WALK			32	/* pivots, in multiples of d */

static int
holes_room(int d)
{
	size_t		room = MAX_DUAL_ELEMENTS / ((size_t) d * d);

	return room < MAX_HOLES ? (int) room : MAX_HOLES;
}

size_t
sphx_holes_bytes(int d)
{
	size_t		room = (size_t) holes_room(d);

	return room * (2 * d * sizeof(int) + (d * d + 3 * d + 1) * sizeof(double));
}

SphxHoles *
sphx_holes_create(SphxEnv *env, int n, int d)
{
	SphxHoles  *h = env->alloc(env, sizeof(SphxHoles));
	size_t		room = (size_t) holes_room(d);
	size_t		width = (size_t) d;

	assert(d >= 2 && n > d);
	h->env = env;
	h->n = n;
	h->d = d;
	h->count = 0;
	h->saved_count = 0;
	h->room = (int) room;
	h->corner = env->alloc(env, room * width * sizeof(int));
	h->centre = env->alloc(env, room * width * sizeof(double));
	h->cosine = env->alloc(env, room * sizeof(double));
	h->weight = env->alloc(env, room * width * sizeof(double));
	h->dual = env->alloc(env, room * width * width * sizeof(double));
	h->walk_corner = env->alloc(env, width * sizeof(int));
	h->walk_point = env->alloc(env, width * sizeof(double));
	h->walk_step = env->alloc(env, width * sizeof(double));
	h->walk_dual = env->alloc(env, width * width * sizeof(double));
	h->walk_weight = env->alloc(env, width * sizeof(double));
	h->basis = env->alloc(env, width * 2 * width * sizeof(double));
	h->saved_corner = env->alloc(env, room * width * sizeof(int));
	h->saved_centre = env->alloc(env, room * width * sizeof(double));
	return h;
}

void
sphx_holes_release(SphxHoles *h)
{
	SphxEnv    *env = h->env;

	env->release(env, h->saved_centre);
	env->release(env, h->saved_corner);
	env->release(env, h->basis);
	env->release(env, h->walk_weight);
	env->release(env, h->walk_dual);
	env->release(env, h->walk_step);
	env->release(env, h->walk_point);
	env->release(env, h->walk_corner);
	env->release(env, h->dual);
	env->release(env, h->weight);
	env->release(env, h->cosine);
	env->release(env, h->centre);
	env->release(env, h->corner);
	env->release(env, h);
}

/* subtract a multiple of one row of the system from another */
static void
eliminate(double *row, const double *pivot_row, double factor, int width)
{
	for (int j = 0; j < width; j++)
		row[j] -= factor * pivot_row[j];
}

static void
swap_rows(double *a, double *b, int width)
{
	for (int j = 0; j < width && a != b; j++)
	{
		double		t = a[j];

		a[j] = b[j];
		b[j] = t;
	}
}

/*
 * Gauss-Jordan elimination of the system [corners | unit matrix] in basis.
 * Afterwards its right half is the inverse.  false when the corners are
 * nearly dependent.
 */
static bool
invert_corners(SphxHoles *h)
{
	int			d = h->d;
	int			width = 2 * d;

	for (int c = 0; c < d; c++)
	{
		double	   *top = h->basis + (size_t) c * width;
		int			best = c;
		double		pivot;

		for (int i = c + 1; i < d; i++)
		{
			if (fabs(h->basis[(size_t) i * width + c]) > fabs(h->basis[(size_t) best * width + c]))
				best = i;
		}
		swap_rows(top, h->basis + (size_t) best * width, width);
		pivot = top[c];
		if (fabs(pivot) < SINGULAR_PIVOT)
			return false;
		for (int j = 0; j < width; j++)
			top[j] /= pivot;
		for (int i = 0; i < d; i++)
		{
			double	   *row = h->basis + (size_t) i * width;

			if (i != c && row[c] != 0.0)
				eliminate(row, top, row[c], width);
		}
	}
	return true;
}

/*
 * Fill walk_dual, walk_point and walk_weight for walk_corner.  false when the
 * corners do not determine a point.
 */
static bool
solve_vertex(SphxHoles *h, const double *x)
{
	int			d = h->d;
	double		square;

	for (int i = 0; i < d; i++)
	{
		double	   *row = h->basis + (size_t) i * 2 * d;

		memcpy(row, x + (size_t) h->walk_corner[i] * d, (size_t) d * sizeof(double));
		for (int j = 0; j < d; j++)
			row[d + j] = i == j;
	}
	if (!invert_corners(h))
		return false;
	for (int j = 0; j < d; j++)
		h->walk_point[j] = 0.0;
	for (int i = 0; i < d; i++)
	{
		for (int j = 0; j < d; j++)
		{
			h->walk_dual[i * d + j] = h->basis[(size_t) j * 2 * d + d + i];
			h->walk_point[j] += h->walk_dual[i * d + j];
		}
	}
	square = sphx_code_dot(h->walk_point, h->walk_point, d);
	for (int i = 0; i < d; i++)
		h->walk_weight[i] = sphx_code_dot(h->walk_point, h->walk_dual + i * d, d) / square;
	return true;
}

static bool
is_corner(const SphxHoles *h, int corners, int j)
{
	for (int i = 0; i < corners; i++)
	{
		if (h->walk_corner[i] == j)
			return true;
	}
	return false;
}

/*
 * Go from walk_point along walk_step to the first constraint in the way.
 * Returns that point of the code, or -1 when there is none.
 */
static int
walk_to_wall(SphxHoles *h, const double *x, int corners)
{
	int			d = h->d;
	int			wall = -1;
	double		length = 0.0;

	for (int j = 0; j < h->n; j++)
	{
		const double *row = x + (size_t) j * d;
		double		speed = sphx_code_dot(h->walk_step, row, d);
		double		t;

		if (speed < NO_DIRECTION || is_corner(h, corners, j))
			continue;
		t = (1.0 - sphx_code_dot(h->walk_point, row, d)) / speed;
		if (t < 0.0)
			t = 0.0;
		if (wall < 0 || t < length)
		{
			wall = j;
			length = t;
		}
	}
	for (int i = 0; i < d && wall >= 0; i++)
		h->walk_point[i] += length * h->walk_step[i];
	return wall;
}

/* out = what is left of v outside the span of the first `rows` rows of basis; returns its square */
static double
residual(const SphxHoles *h, int rows, const double *v, double *out)
{
	int			d = h->d;

	if (out != v)
		memcpy(out, v, (size_t) d * sizeof(double));
	for (int pass = 0; pass < 2; pass++)	/* twice is enough against
											 * rounding */
	{
		for (int i = 0; i < rows; i++)
			eliminate(out, h->basis + (size_t) i * d,
					  sphx_code_dot(out, h->basis + (size_t) i * d, d), d);
	}
	return sphx_code_dot(out, out, d);
}

/*
 * The direction in which |w| grows fastest along the walls reached so far;
 * any direction along them when w stands at right angles to it.
 */
static void
choose_step(SphxHoles *h, int corners)
{
	int			d = h->d;
	double		best = 0.0;
	double	   *axis = h->walk_weight;	/* scratch */

	if (residual(h, corners, h->walk_point, h->walk_step) > 1e-12)
		return;
	for (int j = 0; j < d; j++)
	{
		double		square;

		memset(axis, 0, (size_t) d * sizeof(double));
		axis[j] = 1.0;
		square = residual(h, corners, axis, axis);
		if (square > best)
		{
			best = square;
			memcpy(h->walk_step, axis, (size_t) d * sizeof(double));
		}
	}
}

/*
 * From a direction to a vertex: walls are added one by one.  false when a
 * half-sphere is open.
 */
static bool
walk_to_vertex(SphxHoles *h, const double *x, const double *direction)
{
	int			d = h->d;
	double		nearest = 0.0;

	for (int j = 0; j < h->n; j++)
	{
		double		cosine = sphx_code_dot(direction, x + (size_t) j * d, d);

		if (cosine > nearest)
		{
			nearest = cosine;
			h->walk_corner[0] = j;
		}
	}
	if (nearest < 1e-6)
		return false;
	for (int i = 0; i < d; i++)
		h->walk_point[i] = direction[i] / nearest;
	for (int corners = 1; corners < d; corners++)
	{
		double	   *row = h->basis + (size_t) (corners - 1) * d;
		int			wall;

		(void) residual(h, corners - 1, x + (size_t) h->walk_corner[corners - 1] * d, row);
		sphx_code_unit(row, d);
		choose_step(h, corners);
		wall = walk_to_wall(h, x, corners);
		if (wall < 0)
			return false;
		h->walk_corner[corners] = wall;
	}
	return true;
}

/* keep the corners in ascending order: that makes equal facets equal lists */
static void
sort_corners(int *corner, int d)
{
	for (int i = 1; i < d; i++)
	{
		int			c = corner[i];
		int			j = i;

		for (; j > 0 && corner[j - 1] > c; j--)
			corner[j] = corner[j - 1];
		corner[j] = c;
	}
}

/* enter the solved vertex at position `at`, unless one before it is the same */
static bool
keep_vertex(SphxHoles *h, int at)
{
	size_t		d = (size_t) h->d;
	double		length;

	assert(at < h->room);
	for (int i = 0; i < at; i++)
	{
		if (memcmp(h->corner + i * d, h->walk_corner, d * sizeof(int)) == 0)
			return false;
	}
	length = sqrt(sphx_code_dot(h->walk_point, h->walk_point, h->d));
	memcpy(h->corner + at * d, h->walk_corner, d * sizeof(int));
	memcpy(h->weight + at * d, h->walk_weight, d * sizeof(double));
	memcpy(h->dual + at * d * d, h->walk_dual, d * d * sizeof(double));
	for (size_t i = 0; i < d; i++)
		h->centre[at * d + i] = h->walk_point[i] / length;
	h->cosine[at] = 1.0 / length;
	return true;
}

/*
 * From a direction to the deepest hole around it, solved.  false when a
 * half-sphere is open, or when degenerate corners are in the way.
 */
static bool
walk_to_hole(SphxHoles *h, const double *x, const double *direction, bool *open)
{
	int			d = h->d;

	*open = !walk_to_vertex(h, x, direction);
	if (*open)
		return false;
	for (int step = 0; step < MAX_WALK * d; step++)
	{
		int			leave = 0;
		int			wall;

		sort_corners(h->walk_corner, d);
		if (!solve_vertex(h, x))
			return false;
		for (int i = 1; i < d; i++)
		{
			if (h->walk_weight[i] < h->walk_weight[leave])
				leave = i;
		}
		if (h->walk_weight[leave] > NEGATIVE_WEIGHT)
			return true;
		for (int j = 0; j < d; j++)
			h->walk_step[j] = -h->walk_dual[leave * d + j];
		wall = walk_to_wall(h, x, d);
		*open = wall < 0;
		if (*open)
			return false;
		h->walk_corner[leave] = wall;
	}
	return solve_vertex(h, x);
}

/* no point of the code is inside the hole that was solved */
static bool
is_empty(const SphxHoles *h, const double *x)
{
	for (int j = 0; j < h->n; j++)
	{
		if (sphx_code_dot(h->walk_point, x + (size_t) j * h->d, h->d) > 1.0 + EMPTY_SLACK &&
			!is_corner(h, h->d, j))
			return false;
	}
	return true;
}

bool
sphx_holes_refresh(SphxHoles *h, const double *x)
{
	size_t		d = (size_t) h->d;
	int			kept = 0;

	for (int i = 0; i < h->count; i++)
	{
		bool		open;

		memcpy(h->walk_corner, h->corner + i * d, d * sizeof(int));
		if ((!solve_vertex(h, x) || !is_empty(h, x)) &&
			!walk_to_hole(h, x, h->centre + i * d, &open))
		{
			if (open)
				return false;
			continue;			/* degenerate corners: other facets stand for
								 * it */
		}
		if (keep_vertex(h, kept))
			kept++;
	}
	h->count = kept;
	return true;
}

/* position of the shallowest hole, to be given up for a deeper one */
static int
shallowest(const SphxHoles *h)
{
	int			worst = 0;

	for (int i = 1; i < h->count; i++)
	{
		if (h->cosine[i] > h->cosine[worst])
			worst = i;
	}
	return worst;
}

/* make room for a hole of the solved vertex's depth; false when it is not worth it */
static bool
make_room(SphxHoles *h)
{
	size_t		d = (size_t) h->d;
	int			worst;
	size_t		last;

	if (h->count < h->room)
		return true;
	worst = shallowest(h);
	if (h->cosine[worst] * sqrt(sphx_code_dot(h->walk_point, h->walk_point, h->d)) < 1.0)
		return false;
	last = (size_t) --h->count;
	memcpy(h->corner + worst * d, h->corner + last * d, d * sizeof(int));
	memcpy(h->centre + worst * d, h->centre + last * d, d * sizeof(double));
	memcpy(h->weight + worst * d, h->weight + last * d, d * sizeof(double));
	memcpy(h->dual + worst * d * d, h->dual + last * d * d, d * d * sizeof(double));
	h->cosine[worst] = h->cosine[last];
	return true;
}

bool
sphx_holes_explore(SphxHoles *h, const double *x, SphxRandom *random, int samples)
{
	for (int s = 0; s < samples; s++)
	{
		bool		open;

		sphx_code_random_direction(random, h->walk_dual, h->d);
		if (walk_to_hole(h, x, h->walk_dual, &open))
		{
			if (make_room(h) && keep_vertex(h, h->count))
				h->count++;
		}
		else if (open)
			return false;
	}
	return true;
}

void
sphx_holes_save(SphxHoles *h)
{
	size_t		entries = (size_t) h->count * h->d;

	h->saved_count = h->count;
	memcpy(h->saved_corner, h->corner, entries * sizeof(int));
	memcpy(h->saved_centre, h->centre, entries * sizeof(double));
}

/* the list only: refresh brings the rest */
void
sphx_holes_restore(SphxHoles *h)
{
	size_t		entries = (size_t) h->saved_count * h->d;

	h->count = h->saved_count;
	memcpy(h->corner, h->saved_corner, entries * sizeof(int));
	memcpy(h->centre, h->saved_centre, entries * sizeof(double));
}

double
sphx_holes_deepest(const SphxHoles *h)
{
	double		deepest = 1.0;

	for (int i = 0; i < h->count; i++)
	{
		if (h->cosine[i] < deepest)
			deepest = h->cosine[i];
	}
	return deepest;
}
