/*-------------------------------------------------------------------------
 *
 * halfvec.c
 *	  Text and binary input and output of the type halfvec, its type
 *	  modifier and casts.
 *
 *-------------------------------------------------------------------------
 */
#include "type/halfvec.h"

#include <math.h>

#include "common/shortest_dec.h"
#include "libpq/pqformat.h"

#include "math/kernels/kernels.h"
#include "type/vector_array.h"
#include "type/vector_text.h"

PG_FUNCTION_INFO_V1(sphx_halfvec_in);
PG_FUNCTION_INFO_V1(sphx_halfvec_out);
PG_FUNCTION_INFO_V1(sphx_halfvec_recv);
PG_FUNCTION_INFO_V1(sphx_halfvec_send);
PG_FUNCTION_INFO_V1(sphx_halfvec_typmod_in);
PG_FUNCTION_INFO_V1(sphx_halfvec_coerce);
PG_FUNCTION_INFO_V1(sphx_halfvec_to_vector);
PG_FUNCTION_INFO_V1(sphx_vector_to_halfvec);
PG_FUNCTION_INFO_V1(sphx_array_to_halfvec);

HalfVector *
SphxHalfVectorNew(int dim)
{
	HalfVector *half;

	SphxCheckDimOf("halfvec", dim, NULL);
	half = (HalfVector *) palloc0(SPHX_HALFVEC_SIZE(dim));
	SET_VARSIZE(half, SPHX_HALFVEC_SIZE(dim));
	half->dim = (int16) dim;
	return half;
}

Vector *
SphxHalfVectorWiden(const HalfVector *half)
{
	Vector	   *v = SphxVectorNew(half->dim);

	Assert(VARSIZE(half) == SPHX_HALFVEC_SIZE(half->dim));
	sphx_kernels->half_to_f32(half->x, v->x, (size_t) half->dim);
	return v;
}

HalfVector *
SphxHalfVectorNarrow(const float *x, int dim)
{
	HalfVector *half = SphxHalfVectorNew(dim);

	sphx_kernels->f32_to_half(x, half->x, (size_t) dim);
	return half;
}

HalfVector *
SphxHalfVectorFrom(const float *x, int dim)
{
	HalfVector *half = SphxHalfVectorNarrow(x, dim);

	for (int i = 0; i < dim; i++)
	{
		if (unlikely(fabsf(x[i]) >= SPHX_HALF_OVERFLOW && !isinf(x[i])))
		{
			char		number[FLOAT_SHORTEST_DECIMAL_LEN];

			float_to_shortest_decimal_buf(x[i], number);
			ereport(ERROR,
					(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					 errmsg("\"%s\" is out of range for type halfvec", number)));
		}
		SphxCheckElementOf("halfvec", x[i], NULL);
	}
	return half;
}

/* halfvec_in(cstring, oid, integer) */
Datum
sphx_halfvec_in(PG_FUNCTION_ARGS)
{
	float		x[SPHX_VECTOR_MAX_DIM];
	int			dim = SphxParseVector("halfvec", PG_GETARG_CSTRING(0), SPHX_HALF_OVERFLOW, x,
									  fcinfo->context);

	if (dim == 0 || !SphxCheckTypmod(PG_GETARG_INT32(2), dim, fcinfo->context))
		PG_RETURN_NULL();
	PG_RETURN_HALFVEC_P(SphxHalfVectorNarrow(x, dim));
}

Datum
sphx_halfvec_out(PG_FUNCTION_ARGS)
{
	Vector	   *v = SphxHalfVectorWiden(PG_GETARG_HALFVEC_P(0));
	char	   *result = SphxFormatVector(v->x, v->dim);

	pfree(v);
	PG_RETURN_CSTRING(result);
}

/* halfvec_recv(internal, oid, integer): int16 dim, int16 0, float2 x[dim] */
Datum
sphx_halfvec_recv(PG_FUNCTION_ARGS)
{
	StringInfo	buf = (StringInfo) PG_GETARG_POINTER(0);
	int			dim = (int16) pq_getmsgint(buf, sizeof(int16));
	int			unused = (int16) pq_getmsgint(buf, sizeof(int16));
	HalfVector *half;
	Vector	   *v;

	SphxCheckDimOf("halfvec", dim, NULL);
	SphxCheckTypmod(PG_GETARG_INT32(2), dim, NULL);
	if (unused != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("expected unused to be 0, not %d", unused)));

	half = SphxHalfVectorNew(dim);
	for (int i = 0; i < dim; i++)
		half->x[i] = (uint16) pq_getmsgint(buf, sizeof(uint16));
	v = SphxHalfVectorWiden(half);
	for (int i = 0; i < dim; i++)
		SphxCheckElementOf("halfvec", v->x[i], NULL);
	pfree(v);
	PG_RETURN_HALFVEC_P(half);
}

Datum
sphx_halfvec_send(PG_FUNCTION_ARGS)
{
	HalfVector *half = PG_GETARG_HALFVEC_P(0);
	StringInfoData buf;

	pq_begintypsend(&buf);
	enlargeStringInfo(&buf, (int) SPHX_HALFVEC_SIZE(half->dim));
	pq_sendint16(&buf, (uint16) half->dim);
	pq_sendint16(&buf, (uint16) half->unused);
	for (int i = 0; i < half->dim; i++)
		pq_sendint16(&buf, half->x[i]);
	PG_RETURN_BYTEA_P(pq_endtypsend(&buf));
}

Datum
sphx_halfvec_typmod_in(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(SphxDimensionTypmod("halfvec", PG_GETARG_ARRAYTYPE_P(0)));
}

/* halfvec(halfvec, integer, boolean): length coercion, which only ever checks */
Datum
sphx_halfvec_coerce(PG_FUNCTION_ARGS)
{
	HalfVector *half = PG_GETARG_HALFVEC_P(0);

	SphxCheckTypmod(PG_GETARG_INT32(1), half->dim, NULL);
	PG_RETURN_HALFVEC_P(half);
}

Datum
sphx_halfvec_to_vector(PG_FUNCTION_ARGS)
{
	HalfVector *half = PG_GETARG_HALFVEC_P(0);

	SphxCheckTypmod(PG_GETARG_INT32(1), half->dim, NULL);
	PG_RETURN_VECTOR_P(SphxHalfVectorWiden(half));
}

Datum
sphx_vector_to_halfvec(PG_FUNCTION_ARGS)
{
	Vector	   *v = PG_GETARG_VECTOR_P(0);

	SphxCheckTypmod(PG_GETARG_INT32(1), v->dim, NULL);
	PG_RETURN_HALFVEC_P(SphxHalfVectorFrom(v->x, v->dim));
}

/* array_to_halfvec(anynumber[], integer typmod, boolean) */
Datum
sphx_array_to_halfvec(PG_FUNCTION_ARGS)
{
	Vector	   *v = SphxArrayVector("halfvec", PG_GETARG_ARRAYTYPE_P(0), PG_GETARG_INT32(1));

	PG_RETURN_HALFVEC_P(SphxHalfVectorFrom(v->x, v->dim));
}
