/*-------------------------------------------------------------------------
 *
 * bounds.c
 *	  What the operator will say of a row, from what the index knows of it.
 *
 * The index has vectors that were rotated, rounded and, where they are beyond
 * all measure, cut off; the operator computes in single precision with the
 * original ones.  Both are within these bounds of the true value.
 *
 *-------------------------------------------------------------------------
 */
#include "am/scan/bounds.h"

#include <float.h>
#include <math.h>

#include "math/kernels/kernels.h"

/*
 * What single-precision arithmetic may add or take away, as a fraction of the
 * lengths of the two vectors: the rotation, the learned one (at most 2e-6), the
 * rounding of the residual.
 */
#define ROUNDING			6e-6

/* Differences below this vanish when squared in single precision. */
#define UNDERFLOW			1e-18

/*
 * The same where numbers are so small that their rounding is no fraction of
 * them: a few times the least of them for every coordinate and each of the
 * rotation's steps.
 */
#define DENORMAL			1e-43

/* Is what the operator returns a square, and exact? */
static bool
is_hamming(const SphxIndexInfo *info)
{
	return info->meta.operand == SPHX_OPERAND_BIT && info->meta.metric == SPHX_METRIC_L2;
}

/*
 * How far sums of the operator are off at most, as a fraction of the sum of
 * their absolute terms.  Ours are those of the kernels.  How pgvector is
 * compiled is not known: it may add term after term.  Bits are counted.
 */
static double
operator_error(const SphxIndexInfo *info)
{
	if (is_hamming(info))
		return 0.0;
	if (info->meta.operand == SPHX_OPERAND_VECTOR)
		return SPHX_KERNEL_ERROR(info->layout.D);
	return SPHX_SERIAL_ERROR(info->layout.dims);
}

/*
 * Bounds of the Euclidean distance between the original vectors, from the
 * squared one between query and stored vector.  The root halves the errors of
 * both squares.
 */
static void
bound_euclidean(const SphxIndexInfo *info, double norm, const SphxHit *hit,
				double *lower, double *upper)
{
	double		d = sqrt(Max(hit->distance, 0.0f));
	double		lengths = 2.0 * norm + d;	/* at least |q| + |v| */
	double		relative = (SPHX_KERNEL_ERROR(info->layout.D) + operator_error(info)) / 2.0;
	double		slack = (1.0001 + relative) * hit->error + ROUNDING * lengths + relative * d +
	UNDERFLOW;

	Assert(slack >= 0.0);		/* |q|, and the record's error, are no less */
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
 * Hamming distance is the square of that of vectors of zeros and ones, and an
 * integer: bounds round to it where they are narrow enough.
 */
static void
bound_hamming(const SphxIndexInfo *info, double norm, const SphxHit *hit,
			  double *lower, double *upper)
{
	bound_euclidean(info, norm, hit, lower, upper);
	*lower = ceil(*lower * *lower);
	*upper = Max(floor(*upper * *upper), *lower);
}

/*
 * Cosine distance is half the square of the distance of unit vectors.  The
 * operator rounds a cosine near 1, so its error is absolute.
 */
static void
bound_cosine(const SphxIndexInfo *info, double norm, const SphxHit *hit,
			 double *lower, double *upper)
{
	double		slack = 2.0 * operator_error(info);

	bound_euclidean(info, norm, hit, lower, upper);
	Assert(*lower >= 0.0);		/* or squares would not keep the order */
	*lower = Max(*lower * *lower / 2.0 - slack, 0.0);
	*upper = *upper * *upper / 2.0 + slack;
}

/* Minus the inner product. */
static void
bound_product(const SphxIndexInfo *info, double norm, const SphxHit *hit,
			  double *lower, double *upper)
{
	int			D = info->layout.D;
	double		length = hit->norm + hit->error;	/* at least |v| */
	double		relative = SPHX_KERNEL_ERROR(D) + operator_error(info) + 2.0 * ROUNDING;
	double		tiny = DENORMAL * sqrt(D);
	double		slack = norm * (1.0001 * hit->error + relative * length) +
	tiny * (norm + length + 1.0);

	Assert(!(slack < 0.0));
	*lower = hit->distance - slack;
	*upper = hit->distance + slack;
	if (!isfinite(hit->distance) || norm > 1e17 || length > 1e17 || norm * length > 1e37)
	{
		*lower = -INFINITY;
		*upper = INFINITY;
	}
}

void
SphxBoundHit(const SphxIndexInfo *info, double norm, const SphxHit *hit,
			 double *lower, double *upper)
{
	switch ((SphxMetric) info->meta.metric)
	{
		case SPHX_METRIC_L2:
			if (is_hamming(info))
				bound_hamming(info, norm, hit, lower, upper);
			else
				bound_euclidean(info, norm, hit, lower, upper);
			break;
		case SPHX_METRIC_COSINE:
			bound_cosine(info, norm, hit, lower, upper);
			break;
		case SPHX_METRIC_IP:
			bound_product(info, norm, hit, lower, upper);
			break;
	}
	Assert(*lower <= *upper);	/* I7 */
}
