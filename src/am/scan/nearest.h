/*-------------------------------------------------------------------------
 *
 * nearest.h
 *	  The nearest rows of a table, by reading all of it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_AM_NEAREST_H
#define SPHX_AM_NEAREST_H

#include "am/scan/qualify.h"

/* a row and what the operator says of it */
typedef struct SphxNearestRow
{
	double		distance;
	ItemPointerData tid;
} SphxNearestRow;

/* Can this scan's table be read that way? */
extern bool SphxCanReadTable(const SphxQualifier *qualifier);

/*
 * The `wanted` nearest rows that a scan of the whole index would return and
 * that satisfy the conditions of its node, in order, in palloc'd memory.
 * Distances that are NaN are left out, as they are of the index, if skip_nan.
 * On entry and return no page is locked; conditions may do anything.
 */
extern SphxNearestRow *SphxReadTable(SphxQualifier *qualifier, uint64 wanted, bool skip_nan,
									 uint64 *count);

#endif							/* SPHX_AM_NEAREST_H */
