/*-------------------------------------------------------------------------
 *
 * vector_agg.c
 *	  The aggregate avg(vector).
 *
 * Its state is an array of double precision: the number of vectors, then the
 * sums of the elements.  {0}, with no sums yet, is the state of no vectors.
 *
 *-------------------------------------------------------------------------
 */
#include "server/compat.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/float.h"

#include "type/vector.h"

PG_FUNCTION_INFO_V1(sphx_vector_accum);
PG_FUNCTION_INFO_V1(sphx_vector_combine);
PG_FUNCTION_INFO_V1(sphx_vector_avg);

/* The numbers of a state, and how many dimensions it sums. */
static float8 *
state_values(ArrayType *state, const char *caller, int *dim)
{
	if (ARR_NDIM(state) != 1 || ARR_DIMS(state)[0] < 1 || ARR_HASNULL(state) ||
		ARR_ELEMTYPE(state) != FLOAT8OID)
		elog(ERROR, "%s: expected state array", caller);
	*dim = ARR_DIMS(state)[0] - 1;
	return (float8 *) ARR_DATA_PTR(state);
}

/* A state of zeros. */
static ArrayType *
new_state(int dim)
{
	Size		size = ARR_OVERHEAD_NONULLS(1) + sizeof(float8) * (Size) (dim + 1);
	ArrayType  *state = (ArrayType *) palloc0(size);

	SET_VARSIZE(state, size);
	state->ndim = 1;
	state->elemtype = FLOAT8OID;
	ARR_DIMS(state)[0] = dim + 1;
	ARR_LBOUND(state)[0] = 1;
	return state;
}

/*
 * A state to add to that starts out as the given one: itself when an
 * aggregate owns it, a copy when somebody called the function by hand.
 */
static ArrayType *
writable_state(FunctionCallInfo fcinfo, ArrayType *state)
{
	ArrayType  *copy;

	if (AggCheckCallContext(fcinfo, NULL))
		return state;
	copy = (ArrayType *) palloc(VARSIZE(state));
	memcpy(copy, state, VARSIZE(state));
	return copy;
}

static void
check_sums(const float8 *sums, int dim)
{
	for (int i = 0; i < dim; i++)
	{
		if (unlikely(isinf(sums[i])))
			float_overflow_error();
	}
}

/* vector_accum(state, vector) */
Datum
sphx_vector_accum(PG_FUNCTION_ARGS)
{
	ArrayType  *state = PG_GETARG_ARRAYTYPE_P(0);
	Vector	   *v = PG_GETARG_VECTOR_P(1);
	ArrayType  *result;
	float8	   *values;
	int			dim;

	values = state_values(state, "vector_accum", &dim);
	if (dim == 0)
	{
		result = new_state(v->dim);
		*(float8 *) ARR_DATA_PTR(result) = values[0];
	}
	else
	{
		SphxCheckTypmod(dim, v->dim, NULL);
		result = writable_state(fcinfo, state);
	}

	values = (float8 *) ARR_DATA_PTR(result);
	values[0] += 1.0;
	for (int i = 0; i < v->dim; i++)
		values[i + 1] += (double) v->x[i];
	check_sums(values + 1, v->dim);
	PG_RETURN_ARRAYTYPE_P(result);
}

/* vector_combine(state, state) */
Datum
sphx_vector_combine(PG_FUNCTION_ARGS)
{
	ArrayType  *a = PG_GETARG_ARRAYTYPE_P(0);
	ArrayType  *b = PG_GETARG_ARRAYTYPE_P(1);
	float8	   *a_values;
	float8	   *b_values;
	int			a_dim;
	int			b_dim;

	a_values = state_values(a, "vector_combine", &a_dim);
	b_values = state_values(b, "vector_combine", &b_dim);

	/* a state without vectors may be {0} and adds nothing */
	if (a_values[0] == 0.0 || b_values[0] == 0.0)
	{
		bool		take_b = a_values[0] == 0.0;
		int			dim = take_b ? b_dim : a_dim;

		if (dim > 0)
			SphxCheckDim(dim, NULL);
		PG_RETURN_ARRAYTYPE_P(take_b ? b : a);
	}

	SphxCheckTypmod(a_dim, b_dim, NULL);
	SphxCheckDim(a_dim, NULL);
	a = writable_state(fcinfo, a);
	a_values = (float8 *) ARR_DATA_PTR(a);
	for (int i = 0; i <= a_dim; i++)
		a_values[i] += b_values[i];
	check_sums(a_values + 1, a_dim);
	PG_RETURN_ARRAYTYPE_P(a);
}

/* vector_avg(state): NULL when there were no vectors */
Datum
sphx_vector_avg(PG_FUNCTION_ARGS)
{
	ArrayType  *state = PG_GETARG_ARRAYTYPE_P(0);
	int			dim;
	float8	   *values = state_values(state, "vector_avg", &dim);
	Vector	   *result;

	if (values[0] == 0.0)
		PG_RETURN_NULL();

	result = SphxVectorNew(dim);
	for (int i = 0; i < dim; i++)
	{
		result->x[i] = (float) (values[i + 1] / values[0]);
		SphxCheckElement(result->x[i], NULL);
	}
	PG_RETURN_VECTOR_P(result);
}
