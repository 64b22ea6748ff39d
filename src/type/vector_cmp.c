/*-------------------------------------------------------------------------
 *
 * vector_cmp.c
 *	  Order of vectors: by the elements from the first on, a prefix before
 *	  what it is a prefix of.
 *
 * The functions release detoasted copies, for a btree calls them many times
 * in one memory context.
 *
 *-------------------------------------------------------------------------
 */
#include "server/compat.h"

#include "type/vector.h"

PG_FUNCTION_INFO_V1(sphx_vector_lt);
PG_FUNCTION_INFO_V1(sphx_vector_le);
PG_FUNCTION_INFO_V1(sphx_vector_eq);
PG_FUNCTION_INFO_V1(sphx_vector_ne);
PG_FUNCTION_INFO_V1(sphx_vector_ge);
PG_FUNCTION_INFO_V1(sphx_vector_gt);
PG_FUNCTION_INFO_V1(sphx_vector_cmp);

static int
compare_vectors(const Vector *a, const Vector *b)
{
	int			n = Min(a->dim, b->dim);

	for (int i = 0; i < n; i++)
	{
		if (a->x[i] < b->x[i])
			return -1;
		if (a->x[i] > b->x[i])
			return 1;
	}
	return (a->dim > b->dim) - (a->dim < b->dim);
}

/* -1, 0 or 1 for the two arguments of an SQL function */
static int
compare_args(FunctionCallInfo fcinfo)
{
	Vector	   *a = PG_GETARG_VECTOR_P(0);
	Vector	   *b = PG_GETARG_VECTOR_P(1);
	int			result = compare_vectors(a, b);

	PG_FREE_IF_COPY(a, 0);
	PG_FREE_IF_COPY(b, 1);
	return result;
}

Datum
sphx_vector_lt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_args(fcinfo) < 0);
}

Datum
sphx_vector_le(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_args(fcinfo) <= 0);
}

Datum
sphx_vector_eq(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_args(fcinfo) == 0);
}

Datum
sphx_vector_ne(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_args(fcinfo) != 0);
}

Datum
sphx_vector_ge(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_args(fcinfo) >= 0);
}

Datum
sphx_vector_gt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_args(fcinfo) > 0);
}

Datum
sphx_vector_cmp(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(compare_args(fcinfo));
}
