/*-------------------------------------------------------------------------
 *
 * geometry.c
 *	  From a vector of the table to one of the index.
 *
 *-------------------------------------------------------------------------
 */
#include "am/definition/geometry.h"

#include <math.h>

#include "math/graph/construct.h"
#include "math/kernels/kernels.h"
#include "page/basis_pages.h"
#include "page/locks.h"

/*
 * Elements are cut off here, so that no square of one overflows in single
 * precision.  Cutting off brings vectors nearer to each other, never farther
 * away, and lower bounds of distances stay lower bounds (see bounds.c).
 */
#define ELEMENT_LIMIT		1e18f

/* norms are cut off here, so that their squares do not overflow */
#define LARGEST_NORM		1e19f

/*
 * pgvector's cosine distance squares norms in single precision.  Beyond these
 * what it says of vectors has little to do with their angle.
 */
static bool
has_direction(const SphxIndexInfo *info, double norm)
{
	if (info->meta.operand == SPHX_OPERAND_PGVECTOR)
		return norm >= 1e-15 && norm <= 1.8e19;
	return norm > 0.0;
}

Vector *
SphxIndexedVector(const SphxIndexInfo *info, Datum datum)
{
	Assert(info->meta.operand <= SPHX_OPERAND_BIT);
	return SphxDatumVector((SphxOperand) info->meta.operand, datum);
}

bool
SphxTransform(SphxPages *pages, const SphxIndexInfo *info, const Vector *v, float *x)
{
	const SphxMetaPageData *meta = &info->meta;
	const SphxRotation *rotation;
	const SphxBasis *basis;

	Assert(!SphxHoldsPage());	/* L1: the basis may have to be read */
	Assert(meta->dims <= (uint32) info->layout.D);
	if (v->dim != (int) meta->dims)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("expected %u dimensions, not %d", meta->dims, v->dim)));
	if (meta->metric == SPHX_METRIC_COSINE)
	{
		double		norm = SphxVectorNorm(v->x, v->dim);

		if (!has_direction(info, norm))
			return false;
		for (int i = 0; i < v->dim; i++)
			x[i] = (float) (v->x[i] / norm);
	}
	else
	{
		for (int i = 0; i < v->dim; i++)
			x[i] = Max(-ELEMENT_LIMIT, Min(ELEMENT_LIMIT, v->x[i]));
	}
	for (int i = v->dim; i < info->layout.D; i++)
		x[i] = 0.0f;
	/* the first of them may read pages */
	basis = SphxGetBasis(pages, info);
	rotation = SphxGetRotation(info->layout.D, meta->rotation_seed);
	sphx_rotate(rotation, x);
	if (basis != NULL)
		sphx_basis_apply(basis, x);
	return true;
}

double
SphxQueryNorm(const SphxIndexInfo *info, const float *q)
{
	Assert(info->meta.metric != SPHX_METRIC_IP || !info->meta.centered);
	return SphxVectorNorm(q, info->layout.D) + info->meta.center_norm;
}

float
SphxNorm(const SphxIndexInfo *info, const float *x)
{
	float		square = sphx_kernels->dot_f32(x, x, (size_t) info->layout.D);

	Assert(info->meta.metric == SPHX_METRIC_IP);
	return Min(sqrtf(square), LARGEST_NORM);
}

float
SphxExtraCoordinate(const SphxIndexInfo *info, const float *x)
{
	const SphxMetaPageData *meta = &info->meta;

	Assert(meta->metric == SPHX_METRIC_IP && meta->max_norm >= 0.0f && meta->long_norm >= 0.0f);
	return sphx_extra_coordinate(x, info->layout.D,
								 meta->long_norm > 0.0f ? meta->long_norm : meta->max_norm);
}
