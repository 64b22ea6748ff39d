/*-------------------------------------------------------------------------
 *
 * geometry.h
 *	  From a vector of the table to one of the index.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_GEOMETRY_H
#define SPHX_GEOMETRY_H

#include "server/compat.h"

#include "page/meta.h"

/* A row or query of the index as a vector, as SphxDatumVector makes it. */
extern Vector *SphxIndexedVector(const SphxIndexInfo *info, Datum datum);

/*
 * The vector as the index sees it: normalised (cosine), padded, rotated and in the
 * basis, whose pages may have to be read: on entry none is locked (L1).  D floats.
 * False for a vector that has no direction under cosine, or so
 * large or small a norm that pgvector's operator finds none.  An error for
 * another number of dimensions.
 */
extern bool SphxTransform(SphxPages *pages, const SphxIndexInfo *info, const Vector *v,
						  float *x);

/* The norm of a transformed query, or more: at least what it was before it was moved. */
extern double SphxQueryNorm(const SphxIndexInfo *info, const float *q);

/* Inner product: the norm of a vector of D floats, for SphxCountNorm. */
extern float SphxNorm(const SphxIndexInfo *info, const float *x);

/* Inner product: a vector's coordinate in the extended space (math/graph/construct.h). */
extern float SphxExtraCoordinate(const SphxIndexInfo *info, const float *x);

#endif							/* SPHX_GEOMETRY_H */
