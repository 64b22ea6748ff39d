/*-------------------------------------------------------------------------
 *
 * optimize_private.h
 *	  What the files of the code optimiser share.
 *
 * A code is n rows of d doubles, unit vectors.  The objective to be minimised
 * is made of two soft maxima of cosines,
 *
 *		pair_weight * softmax_{i<j} <x_i, x_j>
 *		+ hole_weight * softmax_f (bound - cos of the radius of hole f)
 *
 * with softmax_t z_t = log(sum exp(k z_t)) / k, which tends to the maximum as
 * k grows.  With `bounded` the second has one more term, 0: holes above the
 * bound then cost nothing.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_OPTIMIZE_PRIVATE_H
#define SPHX_OPTIMIZE_PRIVATE_H

#include "math/base/random.h"
#include "math/codes/optimize.h"

/*
 * Holes of a code: facets of the convex hull of its points, each with d
 * points (corners).  The centre v of a hole is at the same angle from its
 * corners, and no point is nearer.
 */
typedef struct SphxHoles
{
	SphxEnv    *env;
	int			n;
	int			d;
	int			count;
	int			room;
	int		   *corner;			/* [room][d] row numbers, ascending */
	double	   *centre;			/* [room][d] v */
	double	   *cosine;			/* [room] <v, corner> */
	double	   *weight;			/* [room][d] l: cosine * v = sum l_i corner_i,
								 * sum l = 1 */
	double	   *dual;			/* [room][d][d] a_i: <a_i, corner_j> = (i = j) */

	/* the walk from one facet to the next */
	int		   *walk_corner;	/* [d] */
	double	   *walk_point;		/* [d] w: <w, x_j> <= 1 for all j, = 1 for the
								 * corners */
	double	   *walk_step;		/* [d] */
	double	   *walk_dual;		/* [d][d] */
	double	   *walk_weight;	/* [d] */
	double	   *basis;			/* [d][2 d] orthonormal rows, or the system to
								 * be inverted */

	/* a copy of the list, for steps that are taken back */
	int			saved_count;
	int		   *saved_corner;
	double	   *saved_centre;
} SphxHoles;

typedef struct SphxCodeProblem
{
	SphxEnv    *env;
	int			n;
	int			d;
	size_t		size;			/* n * d */
	double		spacing;		/* roughly the distance of neighbouring points */
	double		pair_weight;
	double		hole_weight;
	double		bound;
	bool		bounded;
	SphxHoles  *holes;			/* NULL when hole_weight is 0 */
	SphxRandom	random;
	uint64_t	work;			/* since the last tick, in multiplications */
	uint64_t	done;			/* iterations of annealing, of */
	uint64_t	total;
} SphxCodeProblem;

/* optimize_points.c */
extern void sphx_code_work(SphxCodeProblem *p, uint64_t operations);
extern double sphx_code_dot(const double *a, const double *b, int d);
extern void sphx_code_unit(double *x, int d);
extern void sphx_code_random_direction(SphxRandom *random, double *x, int d);

/* optimize_holes.c */
extern size_t sphx_holes_bytes(int d);
extern SphxHoles *sphx_holes_create(SphxEnv *env, int n, int d);
extern void sphx_holes_release(SphxHoles *h);

/*
 * Both return false when the points leave a half-sphere uncovered.  refresh
 * follows the holes of the list to where they are for the points x now;
 * explore adds those found from random directions.
 */
extern bool sphx_holes_refresh(SphxHoles *h, const double *x);
extern bool sphx_holes_explore(SphxHoles *h, const double *x, SphxRandom *random, int samples);
extern void sphx_holes_save(SphxHoles *h);
extern void sphx_holes_restore(SphxHoles *h);
extern double sphx_holes_deepest(const SphxHoles *h);	/* smallest cosine */

/* optimize_polish.c */
#define SPHX_POLISH_MAX_SIZE	((size_t) 480)	/* n * d */

extern size_t sphx_polish_bytes(int n, int d);

/*
 * Bring x to the optimum of its basin; k_start is the sharpness to begin
 * with.  Gives up, and returns false, as soon as the optimum is seen not to
 * be below to_beat.
 */
extern bool sphx_polish(SphxCodeProblem *p, double *x, double k_start, double to_beat);

#endif							/* SPHX_OPTIMIZE_PRIVATE_H */
