/*-------------------------------------------------------------------------
 *
 * points.c
 *	  Sets of vectors as arguments of SQL functions.
 *
 *-------------------------------------------------------------------------
 */
#include "fn/points.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#define FIRST_ROOM	16

PG_FUNCTION_INFO_V1(sphx_points_accum);
PG_FUNCTION_INFO_V1(sphx_points_accum_seeded);

void
SphxCheckBytes(double bytes)
{
	if (bytes > SPHX_SET_BYTES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("set of vectors would take %.3g bytes", bytes),
				 errdetail("The limit is %.0f bytes.", SPHX_SET_BYTES)));
}

static void
check_least(size_t n, int least)
{
	if (n < (size_t) least)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("at least %d %s needed, not %zu", least,
						least == 1 ? "point is" : "points are", n)));
}

void
SphxPointsAdd(SphxPoints *points, const Vector *v, MemoryContext context)
{
	SphxPointSet *set = &points->set;
	size_t		size = sizeof(float) * (size_t) v->dim;

	if (set->n == 0)
		set->d = v->dim;
	else if (set->d != v->dim)
		SphxDimMismatch(set->d, v->dim);

	SphxCheckBytes(((double) set->n + 1.0) * (double) size);
	if (set->n == points->room)
	{
		size_t		room = points->room == 0 ? FIRST_ROOM : 2 * points->room;

		room = Min(room, (size_t) (SPHX_SET_BYTES / (double) size));
		if (points->room == 0)
			set->rows = MemoryContextAllocHuge(context, room * size);
		else
			set->rows = repalloc_huge(unconstify(float *, set->rows), room * size);
		points->room = room;
	}
	memcpy(unconstify(float *, set->rows) + set->n * (size_t) set->d, v->x, size);
	set->n++;
}

SphxPoints *
SphxPointsFromArray(ArrayType *array, int least)
{
	SphxPoints *points = palloc0(sizeof(SphxPoints));
	Datum	   *datums;
	bool	   *nulls;
	int			n;

	if (ARR_NDIM(array) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("array of vectors must be 1-D")));
	deconstruct_array(array, ARR_ELEMTYPE(array), -1, false, TYPALIGN_INT,
					  &datums, &nulls, &n);
	check_least((size_t) n, least);
	for (int i = 0; i < n; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("array of vectors must not contain nulls")));
		SphxPointsAdd(points, DatumGetVectorP(datums[i]), CurrentMemoryContext);
	}
	return points;
}

SphxPoints *
SphxPointsOfAggregate(FunctionCallInfo fcinfo, int least)
{
	SphxPoints *state = PG_ARGISNULL(0) ? NULL : (SphxPoints *) PG_GETARG_POINTER(0);

	if (state == NULL || state->set.n == 0)
		return NULL;
	check_least(state->set.n, least);
	return state;
}

static double
row_norm(const SphxPointSet *set, size_t i)
{
	return SphxVectorNorm(set->rows + i * (size_t) set->d, set->d);
}

void
SphxPointsCheckUnit(const SphxPoints *points)
{
	for (size_t i = 0; i < points->set.n; i++)
	{
		double		norm = row_norm(&points->set, i);

		if (!(fabs(norm - 1.0) <= SPHX_UNIT_TOLERANCE))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("point %zu has norm %g, but unit vectors are needed", i + 1, norm),
					 errhint("Use l2_normalize() on vectors that are not zero.")));
	}
}

void
SphxPointsNormalize(SphxPoints *points)
{
	SphxPointSet *set = &points->set;
	float	   *rows = unconstify(float *, set->rows);

	for (size_t i = 0; i < set->n; i++)
	{
		double		norm = row_norm(set, i);

		if (!(norm > 0.0))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("point %zu is zero and has no direction", i + 1)));
		if (i % 4096 == 0)
			CHECK_FOR_INTERRUPTS();
		for (int k = 0; k < set->d; k++)
		{
			float	   *x = &rows[i * (size_t) set->d + k];

			*x = (float) ((double) *x / norm);
		}
	}
}

double *
SphxPointsUnitDoubles(const SphxPoints *points)
{
	const SphxPointSet *set = &points->set;
	size_t		n = set->n * (size_t) set->d;
	double	   *copy = MemoryContextAllocHuge(CurrentMemoryContext, n * sizeof(double));

	for (size_t i = 0; i < set->n; i++)
	{
		double		norm = row_norm(set, i);

		for (size_t k = i * set->d; k < (i + 1) * set->d; k++)
			copy[k] = set->rows[k] / norm;
	}
	return copy;
}

static void
check_same(bool same)
{
	if (!same)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parameters of the aggregate must be the same in every row")));
}

/* An option of an aggregate, which must be the same in all rows. */
static void
keep_option(SphxPoints *state, int i, double value)
{
	if (i == state->options)
		state->option[state->options++] = value;
	else
		check_same(state->option[i] == value || (isnan(state->option[i]) && isnan(value)));
}

/* Likewise its seed, of which every bit counts. */
static void
keep_seed(SphxPoints *state, int64 seed)
{
	check_same(!state->seeded || state->seed == (uint64_t) seed);
	state->seed = (uint64_t) seed;
	state->seeded = true;
}

static void
check_given(FunctionCallInfo fcinfo, int i)
{
	if (PG_ARGISNULL(i))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("parameters of the aggregate must not be null")));
}

static double
option_value(FunctionCallInfo fcinfo, int i)
{
	check_given(fcinfo, i);
	switch (get_fn_expr_argtype(fcinfo->flinfo, i))
	{
		case FLOAT8OID:
			return PG_GETARG_FLOAT8(i);
		case INT8OID:
			return (double) PG_GETARG_INT64(i);
		case INT4OID:
			return (double) PG_GETARG_INT32(i);
		case BOOLOID:
			return PG_GETARG_BOOL(i) ? 1.0 : 0.0;
		default:
			elog(ERROR, "unexpected type of an option");
			return 0.0;
	}
}

SphxPoints *
SphxPointsOfArguments(FunctionCallInfo fcinfo, int least, bool seeded)
{
	SphxPoints *points = SphxPointsFromArray(PG_GETARG_ARRAYTYPE_P(0), least);
	int			end = PG_NARGS() - (seeded ? 1 : 0);

	for (int i = 1; i < end; i++)
		keep_option(points, i - 1, option_value(fcinfo, i));
	points->seed = seeded ? (uint64_t) PG_GETARG_INT64(end) : 1;
	return points;
}

/* Collect the points that are not NULL; arguments behind them are options, the last may be a seed. */
static Datum
accumulate(FunctionCallInfo fcinfo, bool seeded)
{
	int			end = PG_NARGS() - (seeded ? 1 : 0);
	MemoryContext context;
	SphxPoints *state;

	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "sphx_points_accum called outside of an aggregate");
	if (PG_ARGISNULL(0))
	{
		state = MemoryContextAllocZero(context, sizeof(SphxPoints));
		state->seed = 1;
	}
	else
		state = (SphxPoints *) PG_GETARG_POINTER(0);
	if (PG_ARGISNULL(1))
		PG_RETURN_POINTER(state);

	SphxPointsAdd(state, PG_GETARG_VECTOR_P(1), context);
	for (int i = 2; i < end; i++)
		keep_option(state, i - 2, option_value(fcinfo, i));
	if (seeded)
	{
		check_given(fcinfo, end);
		keep_seed(state, PG_GETARG_INT64(end));
	}
	PG_RETURN_POINTER(state);
}

/* sphx_points_accum(internal, vector, options...) */
Datum
sphx_points_accum(PG_FUNCTION_ARGS)
{
	return accumulate(fcinfo, false);
}

/* sphx_points_accum_seeded(internal, vector, options..., seed bigint) */
Datum
sphx_points_accum_seeded(PG_FUNCTION_ARGS)
{
	return accumulate(fcinfo, true);
}

Datum
SphxMakeRecord(FunctionCallInfo fcinfo, Datum *values, bool *nulls)
{
	TupleDesc	desc;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls));
}
