/*-------------------------------------------------------------------------
 *
 * vector_array.h
 *	  Vectors from arrays of numbers.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_VECTOR_ARRAY_H
#define SPHX_VECTOR_ARRAY_H

#include "type/vector.h"

#include "utils/array.h"

/*
 * The array's numbers in single precision, for a type with this name in
 * messages.  NaN, infinity and numbers that become infinity are the caller's to
 * refuse.
 */
extern Vector *SphxArrayVector(const char *type, ArrayType *array, int32 typmod);

#endif							/* SPHX_VECTOR_ARRAY_H */
