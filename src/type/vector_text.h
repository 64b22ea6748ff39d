/*-------------------------------------------------------------------------
 *
 * vector_text.h
 *	  Text of vectors, of whatever precision, and the modifier of their types.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_VECTOR_TEXT_H
#define SPHX_VECTOR_TEXT_H

#include "server/compat.h"

#include "utils/array.h"

/*
 * Elements of the text "[e, e, ...]" of a type into x, which has room for
 * SPHX_VECTOR_MAX_DIM.  A magnitude of too_large or more is an error.  Returns
 * the number of elements, or 0 after an error noted in escontext.
 */
extern int	SphxParseVector(const char *type, const char *input, float too_large, float *x,
							struct Node *escontext);

/* The text, each element in the shortest form that reads back as the same float. */
extern char *SphxFormatVector(const float *x, int dim);

/* The modifier of type(n), which is n itself. */
extern int32 SphxDimensionTypmod(const char *type, ArrayType *array);

#endif							/* SPHX_VECTOR_TEXT_H */
