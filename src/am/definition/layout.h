/*-------------------------------------------------------------------------
 *
 * layout.h
 *	  The layout of records of an index.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_LAYOUT_H
#define SPHX_LAYOUT_H

#include "server/compat.h"

#include "page/meta.h"

/*
 * What is known of the vectors in the coordinates of the index, whose number is
 * that of SphxChooseLayout's layout.
 */
typedef struct SphxShape
{
	const float *variances;		/* of unit differences between near ones; sum
								 * 1 */
	const float *moments;		/* second moments of the vectors */
	float		intrinsic;		/* local intrinsic dimension */
	float		edge;			/* length of such differences, by the root of
								 * the sum of moments */
} SphxShape;

/*
 * Fill version, metric, layout, ef_construction, gap_weight and the predicted
 * noise of info->meta for vectors of this many dimensions, and info->layout; an
 * error when a record cannot fit a page.  Without a shape vectors are taken to
 * be spread evenly.
 */
extern void SphxChooseLayout(Relation index, int dims, const SphxShape *shape,
							 SphxIndexInfo *info);

/* The noise of as many nibbles as the layout has, for edges with these variances. */
extern double SphxLeastNoise(const SphxIndexInfo *info, const float *variances);

/* dimensions from the column's type modifier, or -1 */
extern int	SphxTypmodDims(Relation index);

#endif							/* SPHX_LAYOUT_H */
