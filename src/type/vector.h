/*-------------------------------------------------------------------------
 *
 * vector.h
 *	  The type vector: its datum, and checks that everybody shares.
 *
 * Text, binary and on-disk representation are those of pgvector's type of
 * the same name, and so are the messages and codes of errors.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_VECTOR_H
#define SPHX_VECTOR_H

#include "server/compat.h"

#define SPHX_VECTOR_MAX_DIM 16000

typedef struct Vector
{
	int32		vl_len_;		/* varlena header, not to be touched directly */
	int16		dim;			/* elements, 1..SPHX_VECTOR_MAX_DIM */
	int16		unused;			/* always 0 */
	float		x[FLEXIBLE_ARRAY_MEMBER];
} Vector;

StaticAssertDecl(offsetof(Vector, x) == 8, "the datum's header has 8 bytes");
StaticAssertDecl(sizeof(float) == 4, "float must be IEEE single precision");

#define SPHX_VECTOR_SIZE(dim) (offsetof(Vector, x) + sizeof(float) * (Size) (dim))

/* Detoasted, with an aligned four-byte header; a copy only when it has to be. */
#define DatumGetVectorP(datum)	((Vector *) PG_DETOAST_DATUM(datum))
#define VectorPGetDatum(v)		PointerGetDatum(v)
#define PG_GETARG_VECTOR_P(n)	DatumGetVectorP(PG_GETARG_DATUM(n))
#define PG_RETURN_VECTOR_P(v)	return VectorPGetDatum(v)

/* A vector of zeros, in the current memory context; an error for a bad dim. */
extern Vector *SphxVectorNew(int dim);

/*
 * The checks of a number of dimensions, of dimensions against a type
 * modifier (-1 = any), and of an element.  They throw, or, when escontext is
 * an ErrorSaveContext, note the error there and return false.
 */
extern bool SphxCheckDimOf(const char *type, int dim, struct Node *escontext);
extern bool SphxCheckTypmod(int32 typmod, int dim, struct Node *escontext);
extern bool SphxCheckElementOf(const char *type, float x, struct Node *escontext);

/* the same for the type vector */
static inline bool
SphxCheckDim(int dim, struct Node *escontext)
{
	return SphxCheckDimOf("vector", dim, escontext);
}

static inline bool
SphxCheckElement(float x, struct Node *escontext)
{
	return SphxCheckElementOf("vector", x, escontext);
}

/* The Euclidean norm; in double precision, which the square of no element exceeds. */
extern double SphxVectorNorm(const float *x, int dim);

/* throws "different ... dimensions" */
extern void SphxDimMismatchOf(const char *type, int a, int b);

/* the same of bit strings (bit.c) */
extern void SphxBitLengthMismatch(int a, int b);

static inline void
SphxDimMismatch(int a, int b)
{
	SphxDimMismatchOf("vector", a, b);
}

/* Both have the same number of dimensions, or an error that names the two. */
static inline void
SphxCheckSameDim(const Vector *a, const Vector *b)
{
	if (unlikely(a->dim != b->dim))
		SphxDimMismatch(a->dim, b->dim);
}

#endif							/* SPHX_VECTOR_H */
