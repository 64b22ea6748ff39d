/*-------------------------------------------------------------------------
 *
 * halfvec.h
 *	  The type halfvec: vectors of IEEE half precision.
 *
 * Text, binary and on-disk representation are those of pgvector's type of
 * the same name, and so are the messages and codes of errors.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_HALFVEC_H
#define SPHX_HALFVEC_H

#include "type/vector.h"

typedef struct HalfVector
{
	int32		vl_len_;		/* varlena header, not to be touched directly */
	int16		dim;			/* elements, 1..SPHX_VECTOR_MAX_DIM */
	int16		unused;			/* always 0 */
	uint16		x[FLEXIBLE_ARRAY_MEMBER];
} HalfVector;

StaticAssertDecl(offsetof(HalfVector, x) == 8, "the datum's header has 8 bytes");

#define SPHX_HALFVEC_SIZE(dim) (offsetof(HalfVector, x) + sizeof(uint16) * (Size) (dim))

/* the least number that rounds to infinity */
#define SPHX_HALF_OVERFLOW	65520.0f

#define DatumGetHalfVectorP(datum)	((HalfVector *) PG_DETOAST_DATUM(datum))
#define PG_GETARG_HALFVEC_P(n)	DatumGetHalfVectorP(PG_GETARG_DATUM(n))
#define PG_RETURN_HALFVEC_P(v)	return PointerGetDatum(v)

/* A halfvec of zeros, in the current memory context; an error for a bad dim. */
extern HalfVector *SphxHalfVectorNew(int dim);

/* The same numbers in single precision, and those nearest to these in half. */
extern Vector *SphxHalfVectorWiden(const HalfVector *half);
extern HalfVector *SphxHalfVectorNarrow(const float *x, int dim);

/* The same, or an error that names the first element out of range. */
extern HalfVector *SphxHalfVectorFrom(const float *x, int dim);

#endif							/* SPHX_HALFVEC_H */
