/*-------------------------------------------------------------------------
 *
 * vector_cast.c
 *	  Casts between vector and arrays of numbers.
 *
 *-------------------------------------------------------------------------
 */
#include "server/compat.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "type/vector_array.h"

PG_FUNCTION_INFO_V1(sphx_array_to_vector);
PG_FUNCTION_INFO_V1(sphx_vector_to_float4);
PG_FUNCTION_INFO_V1(sphx_vector_to_float8);
PG_FUNCTION_INFO_V1(sphx_vector_to_int4);
PG_FUNCTION_INFO_V1(sphx_vector_to_numeric);

/* Elements of an array without NULLs; numbers beyond float4 become infinite. */
static void
copy_elements(ArrayType *array, float *x, int n)
{
	void	   *data = ARR_DATA_PTR(array);
	Datum	   *numerics;

	switch (ARR_ELEMTYPE(array))
	{
		case INT4OID:
			for (int i = 0; i < n; i++)
				x[i] = (float) ((int32 *) data)[i];
			break;
		case FLOAT4OID:
			memcpy(x, data, n * sizeof(float4));
			break;
		case FLOAT8OID:
			for (int i = 0; i < n; i++)
				x[i] = (float) ((float8 *) data)[i];
			break;
		case NUMERICOID:
			deconstruct_array(array, NUMERICOID, -1, false, TYPALIGN_INT,
							  &numerics, NULL, &n);
			for (int i = 0; i < n; i++)
				x[i] = DatumGetFloat4(DirectFunctionCall1(numeric_float4,
														  numerics[i]));
			pfree(numerics);
			break;
		default:
			ereport(ERROR,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 errmsg("unsupported array type")));
	}
}

Vector *
SphxArrayVector(const char *type, ArrayType *array, int32 typmod)
{
	int			n;
	Vector	   *v;

	if (ARR_NDIM(array) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("array must be 1-D")));
	if (array_contains_nulls(array))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("array must not contain nulls")));

	n = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	SphxCheckDimOf(type, n, NULL);
	SphxCheckTypmod(typmod, n, NULL);

	v = SphxVectorNew(n);
	copy_elements(array, v->x, n);
	return v;
}

/* array_to_vector(anynumber[], integer typmod, boolean) */
Datum
sphx_array_to_vector(PG_FUNCTION_ARGS)
{
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(0);
	Vector	   *v = SphxArrayVector("vector", array, PG_GETARG_INT32(1));

	for (int i = 0; i < v->dim; i++)
		SphxCheckElement(v->x[i], NULL);

	PG_FREE_IF_COPY(array, 0);
	PG_RETURN_VECTOR_P(v);
}

/*
 * The elements of a vector as Datums of float4, each passed through convert
 * unless that is NULL.
 */
static Datum *
element_datums(const Vector *v, PGFunction convert)
{
	Datum	   *datums = palloc(sizeof(Datum) * v->dim);

	for (int i = 0; i < v->dim; i++)
	{
		datums[i] = Float4GetDatum(v->x[i]);
		if (convert != NULL)
			datums[i] = DirectFunctionCall1(convert, datums[i]);
	}
	return datums;
}

Datum
sphx_vector_to_float4(PG_FUNCTION_ARGS)
{
	Vector	   *v = PG_GETARG_VECTOR_P(0);

	PG_RETURN_ARRAYTYPE_P(construct_array(element_datums(v, NULL), v->dim,
										  FLOAT4OID, sizeof(float4), true,
										  TYPALIGN_INT));
}

Datum
sphx_vector_to_float8(PG_FUNCTION_ARGS)
{
	Vector	   *v = PG_GETARG_VECTOR_P(0);

	PG_RETURN_ARRAYTYPE_P(construct_array(element_datums(v, ftod), v->dim,
										  FLOAT8OID, sizeof(float8),
										  FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

/* Rounds as real to integer does, and refuses what does not fit. */
Datum
sphx_vector_to_int4(PG_FUNCTION_ARGS)
{
	Vector	   *v = PG_GETARG_VECTOR_P(0);

	PG_RETURN_ARRAYTYPE_P(construct_array(element_datums(v, ftoi4), v->dim,
										  INT4OID, sizeof(int32), true,
										  TYPALIGN_INT));
}

Datum
sphx_vector_to_numeric(PG_FUNCTION_ARGS)
{
	Vector	   *v = PG_GETARG_VECTOR_P(0);

	PG_RETURN_ARRAYTYPE_P(construct_array(element_datums(v, float4_numeric), v->dim,
										  NUMERICOID, -1, false, TYPALIGN_INT));
}
