#include "sphx.h"
#include <float.h>
#include <math.h>
#include "am/bounds.h"
#include "math/kernels.h"
typedef struct BoundIn { SphxMetric metric; int D; double norm; } BoundIn;
/* Bounds */

/*
 * What single-precision arithmetic may add or take away, as a fraction of the
 * lengths of the two vectors: the rotation, the rounding of the residual.
 */
#define ROUNDING			4e-6

/* Differences below this vanish when squared in single precision. */
#define UNDERFLOW			1e-18

/*
 * Bounds of the Euclidean distance between the original vectors, from the
 * squared one between query and stored vector.
 */
static void
bound_euclidean(const BoundIn *so, const SphxHit *hit, double *lower, double *upper)
{
	double		d = sqrt(Max(hit->distance, 0.0f));
	double		lengths = 2.0 * so->norm + d;	/* at least |q| + |v| */
	double		relative = SPHX_KERNEL_ERROR(so->D);
	double		slack = 1.0001 * hit->error + ROUNDING * lengths + relative * d + UNDERFLOW;

	*lower = Max(d - slack, 0.0);
	*upper = d + slack;
	if (!(hit->distance <= FLT_MAX))
	{
		/* the square was too large; elements are not (geometry.c) */
		*lower = UNDERFLOW / FLT_EPSILON;
		*upper = INFINITY;
	}
	/* elements may have been cut off, which only brought vectors together */
	if (lengths > 1e17)
		*upper = INFINITY;
}

/*
 * Cosine distance is half the square of the distance of unit vectors.  The
 * operator rounds a cosine near 1, so its error is absolute.
 */
static void
bound_cosine(const BoundIn *so, const SphxHit *hit, double *lower, double *upper)
{
	double		slack = 2.0 * SPHX_KERNEL_ERROR(so->D);

	bound_euclidean(so, hit, lower, upper);
	*lower = Max(*lower * *lower / 2.0 - slack, 0.0);
	*upper = *upper * *upper / 2.0 + slack;
}

/* Minus the inner product. */
static void
bound_product(const BoundIn *so, const SphxHit *hit, double *lower, double *upper)
{
	double		length = hit->norm;
	double		relative = 2.0 * SPHX_KERNEL_ERROR(so->D) + 2.0 * ROUNDING;
	double		slack = so->norm * (1.0001 * hit->error + relative * length) + 1e-37;

	*lower = hit->distance - slack;
	*upper = hit->distance + slack;
	if (!isfinite(hit->distance) || so->norm > 1e17 || length > 1e17 ||
		so->norm * length > 1e37)
	{
		*lower = -INFINITY;
		*upper = INFINITY;
	}
}

void
SphxBoundHit(SphxMetric metric, int D, double norm, const SphxHit *hit, double *lower, double *upper)
{
	BoundIn in = {metric, D, norm}, *so = &in;

	switch (so->metric)
	{
		case SPHX_METRIC_L2:
			bound_euclidean(so, hit, lower, upper);
			break;
		case SPHX_METRIC_COSINE:
			bound_cosine(so, hit, lower, upper);
			break;
		case SPHX_METRIC_IP:
			bound_product(so, hit, lower, upper);
			break;
	}
	Assert(*lower <= *upper);	/* I7 */
}


