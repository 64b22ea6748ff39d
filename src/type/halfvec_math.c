/*-------------------------------------------------------------------------
 *
 * halfvec_math.c
 *	  Distances, order, arithmetic and aggregates of the type halfvec.
 *
 * Elements are widened, which is exact, and the functions of vector do the
 * rest in single precision.  Where the answer is a halfvec, it is rounded once
 * more; for the sum and the product of two halves that is as if it had been
 * rounded only once, since 24 bits are at least 2 * 11 + 2.
 *
 *-------------------------------------------------------------------------
 */
#include "type/halfvec.h"

#include <math.h>

#include "utils/array.h"
#include "utils/float.h"

/* The functions of vector that are called here. */
extern Datum sphx_l2_distance(PG_FUNCTION_ARGS);
extern Datum sphx_l1_distance(PG_FUNCTION_ARGS);
extern Datum sphx_inner_product(PG_FUNCTION_ARGS);
extern Datum sphx_negative_inner_product(PG_FUNCTION_ARGS);
extern Datum sphx_cosine_distance(PG_FUNCTION_ARGS);
extern Datum sphx_vector_norm(PG_FUNCTION_ARGS);
extern Datum sphx_vector_to_float4(PG_FUNCTION_ARGS);
extern Datum sphx_vector_accum(PG_FUNCTION_ARGS);
extern Datum sphx_vector_avg(PG_FUNCTION_ARGS);
extern Datum sphx_l2_normalize(PG_FUNCTION_ARGS);
extern Datum sphx_vector_add(PG_FUNCTION_ARGS);
extern Datum sphx_vector_sub(PG_FUNCTION_ARGS);
extern Datum sphx_vector_mul(PG_FUNCTION_ARGS);
extern Datum sphx_vector_cmp(PG_FUNCTION_ARGS);

PG_FUNCTION_INFO_V1(sphx_halfvec_dims);
PG_FUNCTION_INFO_V1(sphx_halfvec_norm);
PG_FUNCTION_INFO_V1(sphx_halfvec_to_float4);
PG_FUNCTION_INFO_V1(sphx_halfvec_accum);
PG_FUNCTION_INFO_V1(sphx_halfvec_avg);
PG_FUNCTION_INFO_V1(sphx_halfvec_l2_normalize);
PG_FUNCTION_INFO_V1(sphx_halfvec_subvector);
PG_FUNCTION_INFO_V1(sphx_halfvec_concat);

static Vector *
widened_arg(FunctionCallInfo fcinfo, int n)
{
	HalfVector *half = PG_GETARG_HALFVEC_P(n);
	Vector	   *v = SphxHalfVectorWiden(half);

	PG_FREE_IF_COPY(half, n);
	return v;
}

/* A function of two vectors of the same dimensions, or of any for an order. */
static Datum
call_binary(FunctionCallInfo fcinfo, PGFunction function, bool same_dim)
{
	Vector	   *a = widened_arg(fcinfo, 0);
	Vector	   *b = widened_arg(fcinfo, 1);
	Datum		result;

	if (same_dim && a->dim != b->dim)
		SphxDimMismatchOf("halfvec", a->dim, b->dim);
	result = DirectFunctionCall2(function, VectorPGetDatum(a), VectorPGetDatum(b));
	pfree(a);
	pfree(b);
	return result;
}

#define DISTANCE(name, function) \
PG_FUNCTION_INFO_V1(name); \
Datum \
name(PG_FUNCTION_ARGS) \
{ \
	return call_binary(fcinfo, function, true); \
}

DISTANCE(sphx_halfvec_l2_distance, sphx_l2_distance)
DISTANCE(sphx_halfvec_l1_distance, sphx_l1_distance)
DISTANCE(sphx_halfvec_inner_product, sphx_inner_product)
DISTANCE(sphx_halfvec_negative_inner_product, sphx_negative_inner_product)
DISTANCE(sphx_halfvec_cosine_distance, sphx_cosine_distance)

#define COMPARISON(name, test) \
PG_FUNCTION_INFO_V1(name); \
Datum \
name(PG_FUNCTION_ARGS) \
{ \
	PG_RETURN_BOOL(DatumGetInt32(call_binary(fcinfo, sphx_vector_cmp, false)) test 0); \
}

COMPARISON(sphx_halfvec_lt, <)
COMPARISON(sphx_halfvec_le, <=)
COMPARISON(sphx_halfvec_eq, ==)
COMPARISON(sphx_halfvec_ne, !=)
COMPARISON(sphx_halfvec_ge, >=)
COMPARISON(sphx_halfvec_gt, >)

PG_FUNCTION_INFO_V1(sphx_halfvec_cmp);
Datum
sphx_halfvec_cmp(PG_FUNCTION_ARGS)
{
	return call_binary(fcinfo, sphx_vector_cmp, false);
}

/* The result of an operation, whose operands are all finite. */
static HalfVector *
rounded(Datum vector)
{
	Vector	   *v = DatumGetVectorP(vector);
	HalfVector *half = SphxHalfVectorNarrow(v->x, v->dim);

	for (int i = 0; i < v->dim; i++)
	{
		if (unlikely(fabsf(v->x[i]) >= SPHX_HALF_OVERFLOW))
			float_overflow_error();
	}
	pfree(v);
	return half;
}

#define ARITHMETIC(name, function) \
PG_FUNCTION_INFO_V1(name); \
Datum \
name(PG_FUNCTION_ARGS) \
{ \
	PG_RETURN_HALFVEC_P(rounded(call_binary(fcinfo, function, true))); \
}

ARITHMETIC(sphx_halfvec_add, sphx_vector_add)
ARITHMETIC(sphx_halfvec_sub, sphx_vector_sub)

PG_FUNCTION_INFO_V1(sphx_halfvec_mul);
Datum
sphx_halfvec_mul(PG_FUNCTION_ARGS)
{
	HalfVector *a = PG_GETARG_HALFVEC_P(0);
	HalfVector *b = PG_GETARG_HALFVEC_P(1);
	HalfVector *half = rounded(call_binary(fcinfo, sphx_vector_mul, true));

	for (int i = 0; i < half->dim; i++)
	{
		if (unlikely((half->x[i] & 0x7fff) == 0 && (a->x[i] & 0x7fff) != 0 && (b->x[i] & 0x7fff) != 0))
			float_underflow_error();
	}
	PG_RETURN_HALFVEC_P(half);
}

Datum
sphx_halfvec_dims(PG_FUNCTION_ARGS)
{
	HalfVector *half = PG_GETARG_HALFVEC_P(0);

	PG_RETURN_INT32(half->dim);
}

Datum
sphx_halfvec_norm(PG_FUNCTION_ARGS)
{
	return DirectFunctionCall1(sphx_vector_norm, VectorPGetDatum(widened_arg(fcinfo, 0)));
}

Datum
sphx_halfvec_to_float4(PG_FUNCTION_ARGS)
{
	return DirectFunctionCall1(sphx_vector_to_float4, VectorPGetDatum(widened_arg(fcinfo, 0)));
}

Datum
sphx_halfvec_l2_normalize(PG_FUNCTION_ARGS)
{
	PG_RETURN_HALFVEC_P(rounded(DirectFunctionCall1(sphx_l2_normalize,
													VectorPGetDatum(widened_arg(fcinfo, 0)))));
}

/*
 * subvector(v, start, count): elements start .. start+count-1, counted from
 * 1, as far as they exist.
 */
Datum
sphx_halfvec_subvector(PG_FUNCTION_ARGS)
{
	HalfVector *half = PG_GETARG_HALFVEC_P(0);
	int64		start = PG_GETARG_INT32(1);
	int64		end = start + PG_GETARG_INT32(2);	/* the first not wanted */
	HalfVector *result;

	start = Max(start, 1);
	end = Min(end, (int64) half->dim + 1);
	result = SphxHalfVectorNew(end > start ? (int) (end - start) : 0);
	memcpy(result->x, half->x + start - 1, result->dim * sizeof(uint16));
	PG_RETURN_HALFVEC_P(result);
}

Datum
sphx_halfvec_concat(PG_FUNCTION_ARGS)
{
	HalfVector *a = PG_GETARG_HALFVEC_P(0);
	HalfVector *b = PG_GETARG_HALFVEC_P(1);
	HalfVector *result = SphxHalfVectorNew(a->dim + b->dim);

	memcpy(result->x, a->x, a->dim * sizeof(uint16));
	memcpy(result->x + a->dim, b->x, b->dim * sizeof(uint16));
	PG_RETURN_HALFVEC_P(result);
}

/* halfvec_accum(state, halfvec), as part of the same aggregate as the caller */
Datum
sphx_halfvec_accum(PG_FUNCTION_ARGS)
{
	LOCAL_FCINFO(call, 2);

	InitFunctionCallInfoData(*call, fcinfo->flinfo, 2, fcinfo->fncollation,
							 fcinfo->context, fcinfo->resultinfo);
	call->args[0] = fcinfo->args[0];
	call->args[1].value = VectorPGetDatum(widened_arg(fcinfo, 1));
	call->args[1].isnull = false;
	return sphx_vector_accum(call);
}

/* halfvec_avg(state): NULL when there were no vectors */
Datum
sphx_halfvec_avg(PG_FUNCTION_ARGS)
{
	ArrayType  *state = PG_GETARG_ARRAYTYPE_P(0);
	Datum		mean;
	Vector	   *v;

	/* a state that somebody made by hand */
	if (ARR_NDIM(state) == 1 && ARR_DIMS(state)[0] > 1)
		SphxCheckDimOf("halfvec", ARR_DIMS(state)[0] - 1, NULL);
	mean = sphx_vector_avg(fcinfo);
	if (fcinfo->isnull)
		return mean;
	v = DatumGetVectorP(mean);
	PG_RETURN_HALFVEC_P(SphxHalfVectorFrom(v->x, v->dim));
}
