/*-------------------------------------------------------------------------
 *
 * bounds.h
 *	  What the operator will say of a row, from what the index knows of it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_AM_BOUNDS_H
#define SPHX_AM_BOUNDS_H

#include "server/compat.h"

#include "math/graph/search.h"
#include "page/meta.h"

/*
 * Bounds of the operator's value for the rows of a node (I7), given the norm
 * of the query (SphxQueryNorm).
 */
extern void SphxBoundHit(const SphxIndexInfo *info, double norm, const SphxHit *hit,
						 double *lower, double *upper);

#endif							/* SPHX_AM_BOUNDS_H */
