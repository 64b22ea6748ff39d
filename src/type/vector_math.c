/*-------------------------------------------------------------------------
 *
 * vector_math.c
 *	  Distances, arithmetic and other functions of vectors.
 *
 *-------------------------------------------------------------------------
 */
#include "server/compat.h"

#include <float.h>
#include <math.h>

#include "utils/float.h"

#include "math/kernels/kernels.h"
#include "type/vector.h"

PG_FUNCTION_INFO_V1(sphx_l2_distance);
PG_FUNCTION_INFO_V1(sphx_l1_distance);
PG_FUNCTION_INFO_V1(sphx_inner_product);
PG_FUNCTION_INFO_V1(sphx_negative_inner_product);
PG_FUNCTION_INFO_V1(sphx_cosine_distance);
PG_FUNCTION_INFO_V1(sphx_vector_dims);
PG_FUNCTION_INFO_V1(sphx_vector_norm);
PG_FUNCTION_INFO_V1(sphx_l2_normalize);
PG_FUNCTION_INFO_V1(sphx_subvector);
PG_FUNCTION_INFO_V1(sphx_vector_add);
PG_FUNCTION_INFO_V1(sphx_vector_sub);
PG_FUNCTION_INFO_V1(sphx_vector_mul);
PG_FUNCTION_INFO_V1(sphx_vector_concat);

/* Both arguments of a function that wants equal dimensions. */
#define GET_TWO_VECTORS(a, b) \
	Vector	   *a = PG_GETARG_VECTOR_P(0); \
	Vector	   *b = PG_GETARG_VECTOR_P(1); \
	SphxCheckSameDim(a, b)

Datum
sphx_l2_distance(PG_FUNCTION_ARGS)
{
	GET_TWO_VECTORS(a, b);

	PG_RETURN_FLOAT8(sqrt((double) sphx_kernels->l2sq_f32(a->x, b->x, a->dim)));
}

Datum
sphx_l1_distance(PG_FUNCTION_ARGS)
{
	GET_TWO_VECTORS(a, b);

	PG_RETURN_FLOAT8(sphx_kernels->l1_f32(a->x, b->x, a->dim));
}

Datum
sphx_inner_product(PG_FUNCTION_ARGS)
{
	GET_TWO_VECTORS(a, b);

	PG_RETURN_FLOAT8(sphx_kernels->dot_f32(a->x, b->x, a->dim));
}

/* An index scan is ascending, so that the operator <#> has the sign turned. */
Datum
sphx_negative_inner_product(PG_FUNCTION_ARGS)
{
	GET_TWO_VECTORS(a, b);

	PG_RETURN_FLOAT8(-(double) sphx_kernels->dot_f32(a->x, b->x, a->dim));
}

/*
 * Is a sum of squares so near to the ends of single precision that it has lost
 * digits, or is none?
 */
static inline bool
square_is_inexact(float square)
{
	return !(square >= 1e-30f && square <= FLT_MAX);
}

/* The cosine of the angle in double precision, for vectors of any length. */
static double
exact_cosine(const Vector *a, const Vector *b)
{
	double		ab = 0.0;
	double		aa = 0.0;
	double		bb = 0.0;

	Assert(a->dim == b->dim);
	for (int i = 0; i < a->dim; i++)
	{
		ab += (double) a->x[i] * (double) b->x[i];
		aa += (double) a->x[i] * (double) a->x[i];
		bb += (double) b->x[i] * (double) b->x[i];
	}
	/* the product of the squares could vanish where that of the norms cannot */
	return ab / (sqrt(aa) * sqrt(bb));
}

/* One minus the cosine of the angle: 0 to 2, and NaN for a zero vector. */
Datum
sphx_cosine_distance(PG_FUNCTION_ARGS)
{
	float		ab;
	float		aa;
	float		bb;
	double		cosine;

	GET_TWO_VECTORS(a, b);

	sphx_kernels->dot3_f32(a->x, b->x, a->dim, &ab, &aa, &bb);
	if (unlikely(square_is_inexact(aa) || square_is_inexact(bb)))
		cosine = exact_cosine(a, b);
	else
		cosine = (double) ab / sqrt((double) aa * (double) bb);

	/* rounding may leave the interval; NaN passes both tests */
	if (cosine > 1.0)
		cosine = 1.0;
	else if (cosine < -1.0)
		cosine = -1.0;
	PG_RETURN_FLOAT8(1.0 - cosine);
}

Datum
sphx_vector_dims(PG_FUNCTION_ARGS)
{
	Vector	   *v = PG_GETARG_VECTOR_P(0);

	PG_RETURN_INT32(v->dim);
}

Datum
sphx_vector_norm(PG_FUNCTION_ARGS)
{
	Vector	   *v = PG_GETARG_VECTOR_P(0);

	PG_RETURN_FLOAT8(SphxVectorNorm(v->x, v->dim));
}

/* Result of an operation, whose operands are all finite. */
static void
check_overflow(const Vector *v)
{
	for (int i = 0; i < v->dim; i++)
	{
		if (unlikely(isinf(v->x[i])))
			float_overflow_error();
	}
}

/* A zero vector stays one. */
Datum
sphx_l2_normalize(PG_FUNCTION_ARGS)
{
	Vector	   *v = PG_GETARG_VECTOR_P(0);
	Vector	   *result = SphxVectorNew(v->dim);
	double		norm = SphxVectorNorm(v->x, v->dim);

	if (norm > 0.0)
	{
		for (int i = 0; i < v->dim; i++)
			result->x[i] = (float) (v->x[i] / norm);
		check_overflow(result);
	}
	PG_RETURN_VECTOR_P(result);
}

/*
 * subvector(v, start, count): elements start .. start+count-1, counted from
 * 1, as far as they exist.
 */
Datum
sphx_subvector(PG_FUNCTION_ARGS)
{
	Vector	   *v = PG_GETARG_VECTOR_P(0);
	int64		start = PG_GETARG_INT32(1);
	int64		end = start + PG_GETARG_INT32(2);	/* the first not wanted */
	Vector	   *result;

	start = Max(start, 1);
	end = Min(end, (int64) v->dim + 1);
	SphxCheckDim(end > start ? (int) (end - start) : 0, NULL);

	result = SphxVectorNew((int) (end - start));
	memcpy(result->x, v->x + start - 1, result->dim * sizeof(float));
	PG_RETURN_VECTOR_P(result);
}

Datum
sphx_vector_add(PG_FUNCTION_ARGS)
{
	Vector	   *result;

	GET_TWO_VECTORS(a, b);

	result = SphxVectorNew(a->dim);
	for (int i = 0; i < a->dim; i++)
		result->x[i] = a->x[i] + b->x[i];
	check_overflow(result);
	PG_RETURN_VECTOR_P(result);
}

Datum
sphx_vector_sub(PG_FUNCTION_ARGS)
{
	Vector	   *result;

	GET_TWO_VECTORS(a, b);

	result = SphxVectorNew(a->dim);
	for (int i = 0; i < a->dim; i++)
		result->x[i] = a->x[i] - b->x[i];
	check_overflow(result);
	PG_RETURN_VECTOR_P(result);
}

Datum
sphx_vector_mul(PG_FUNCTION_ARGS)
{
	Vector	   *result;

	GET_TWO_VECTORS(a, b);

	result = SphxVectorNew(a->dim);
	for (int i = 0; i < a->dim; i++)
		result->x[i] = a->x[i] * b->x[i];

	check_overflow(result);
	for (int i = 0; i < a->dim; i++)
	{
		if (unlikely(result->x[i] == 0.0f && a->x[i] != 0.0f && b->x[i] != 0.0f))
			float_underflow_error();
	}
	PG_RETURN_VECTOR_P(result);
}

Datum
sphx_vector_concat(PG_FUNCTION_ARGS)
{
	Vector	   *a = PG_GETARG_VECTOR_P(0);
	Vector	   *b = PG_GETARG_VECTOR_P(1);
	Vector	   *result = SphxVectorNew(a->dim + b->dim);

	memcpy(result->x, a->x, a->dim * sizeof(float));
	memcpy(result->x + a->dim, b->x, b->dim * sizeof(float));
	PG_RETURN_VECTOR_P(result);
}
