/*-------------------------------------------------------------------------
 *
 * vector.c
 *	  Text and binary input and output of the type vector, and its type
 *	  modifier.
 *
 *-------------------------------------------------------------------------
 */
#include "server/compat.h"

#include <math.h>

#include "libpq/pqformat.h"

#include "type/vector.h"
#include "type/vector_text.h"

PG_FUNCTION_INFO_V1(sphx_vector_in);
PG_FUNCTION_INFO_V1(sphx_vector_out);
PG_FUNCTION_INFO_V1(sphx_vector_recv);
PG_FUNCTION_INFO_V1(sphx_vector_send);
PG_FUNCTION_INFO_V1(sphx_vector_typmod_in);
PG_FUNCTION_INFO_V1(sphx_vector_coerce);

bool
SphxCheckDimOf(const char *type, int dim, struct Node *escontext)
{
	if (unlikely(dim < 1))
		ereturn(escontext, false,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("%s must have at least 1 dimension", type)));
	if (unlikely(dim > SPHX_VECTOR_MAX_DIM))
		ereturn(escontext, false,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("%s cannot have more than %d dimensions",
						type, SPHX_VECTOR_MAX_DIM)));
	return true;
}

bool
SphxCheckTypmod(int32 typmod, int dim, struct Node *escontext)
{
	if (unlikely(typmod != -1 && typmod != dim))
		ereturn(escontext, false,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("expected %d dimensions, not %d", typmod, dim)));
	return true;
}

bool
SphxCheckElementOf(const char *type, float x, struct Node *escontext)
{
	if (unlikely(isnan(x)))
		ereturn(escontext, false,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("NaN not allowed in %s", type)));
	if (unlikely(isinf(x)))
		ereturn(escontext, false,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("infinite value not allowed in %s", type)));
	return true;
}

void
SphxDimMismatchOf(const char *type, int a, int b)
{
	Assert(a != b);
	ereport(ERROR,
			(errcode(ERRCODE_DATA_EXCEPTION),
			 errmsg("different %s dimensions %d and %d", type, a, b)));
}

Vector *
SphxVectorNew(int dim)
{
	Vector	   *v;

	SphxCheckDim(dim, NULL);
	v = (Vector *) palloc0(SPHX_VECTOR_SIZE(dim));
	SET_VARSIZE(v, SPHX_VECTOR_SIZE(dim));
	v->dim = (int16) dim;
	return v;
}

double
SphxVectorNorm(const float *x, int dim)
{
	double		sum = 0.0;

	for (int i = 0; i < dim; i++)
		sum += (double) x[i] * (double) x[i];
	return sqrt(sum);
}

/* vector_in(cstring, oid, integer) */
Datum
sphx_vector_in(PG_FUNCTION_ARGS)
{
	float		x[SPHX_VECTOR_MAX_DIM];
	int			dim;
	Vector	   *v;

	dim = SphxParseVector("vector", PG_GETARG_CSTRING(0), INFINITY, x, fcinfo->context);
	if (dim == 0 || !SphxCheckTypmod(PG_GETARG_INT32(2), dim, fcinfo->context))
		PG_RETURN_NULL();
	v = SphxVectorNew(dim);
	memcpy(v->x, x, sizeof(float) * (Size) dim);
	PG_RETURN_VECTOR_P(v);
}

Datum
sphx_vector_out(PG_FUNCTION_ARGS)
{
	Vector	   *v = PG_GETARG_VECTOR_P(0);
	char	   *result = SphxFormatVector(v->x, v->dim);

	PG_FREE_IF_COPY(v, 0);
	PG_RETURN_CSTRING(result);
}

/* vector_recv(internal, oid, integer): int16 dim, int16 0, float4 x[dim] */
Datum
sphx_vector_recv(PG_FUNCTION_ARGS)
{
	StringInfo	buf = (StringInfo) PG_GETARG_POINTER(0);
	int			dim = (int16) pq_getmsgint(buf, sizeof(int16));
	int			unused = (int16) pq_getmsgint(buf, sizeof(int16));
	Vector	   *v;

	SphxCheckDim(dim, NULL);
	SphxCheckTypmod(PG_GETARG_INT32(2), dim, NULL);
	if (unused != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("expected unused to be 0, not %d", unused)));

	v = SphxVectorNew(dim);
	for (int i = 0; i < dim; i++)
	{
		v->x[i] = pq_getmsgfloat4(buf);
		SphxCheckElement(v->x[i], NULL);
	}
	PG_RETURN_VECTOR_P(v);
}

Datum
sphx_vector_send(PG_FUNCTION_ARGS)
{
	Vector	   *v = PG_GETARG_VECTOR_P(0);
	StringInfoData buf;

	pq_begintypsend(&buf);
	enlargeStringInfo(&buf, (int) SPHX_VECTOR_SIZE(v->dim));
	pq_sendint16(&buf, (uint16) v->dim);
	pq_sendint16(&buf, (uint16) v->unused);
	for (int i = 0; i < v->dim; i++)
		pq_sendfloat4(&buf, v->x[i]);

	PG_FREE_IF_COPY(v, 0);
	PG_RETURN_BYTEA_P(pq_endtypsend(&buf));
}

Datum
sphx_vector_typmod_in(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(SphxDimensionTypmod("vector", PG_GETARG_ARRAYTYPE_P(0)));
}

/* vector(vector, integer, boolean): length coercion, which only ever checks */
Datum
sphx_vector_coerce(PG_FUNCTION_ARGS)
{
	Vector	   *v = PG_GETARG_VECTOR_P(0);

	SphxCheckTypmod(PG_GETARG_INT32(1), v->dim, NULL);
	PG_RETURN_VECTOR_P(v);
}
