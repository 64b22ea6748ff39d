/*-------------------------------------------------------------------------
 *
 * points_query.c
 *	  The vectors of a query as a set of points, or a random sample of them.
 *
 *-------------------------------------------------------------------------
 */
#include "server/compat.h"

#include <limits.h>
#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "fn/points.h"
#include "math/base/random.h"
#include "type/vector_query.h"

#define TICK_ROWS		4096

/* All rows of a query, or a random sample of them (Vitter's algorithm R). */
typedef struct Reservoir
{
	SphxEnv    *env;
	int64		sample;			/* rows to keep, 0 = all */
	SphxCheckFirst check;
	void	   *arg;			/* of check */
	SphxPoints *points;
	MemoryContext context;
	int64		seen;
	SphxRandom	random;
} Reservoir;

static void
check_room(double rows, int dim)
{
	double		size = sizeof(float) * (double) dim;

	if (rows * size > SPHX_SET_BYTES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("rows to train on would take more than %.0f bytes", SPHX_SET_BYTES),
				 errhint("Train on a random sample of at most %.0f rows, with the argument sample.",
						 floor(SPHX_SET_BYTES / size))));
}

static void
add_row(void *arg, const Vector *v)
{
	Reservoir  *reservoir = arg;
	SphxPointSet *set = &reservoir->points->set;
	int64		sample = reservoir->sample;

	if (v == NULL)
		return;
	if (reservoir->seen == 0)
	{
		if (reservoir->check != NULL)
			reservoir->check(reservoir->arg, v->dim);
		check_room((double) sample, v->dim);
	}
	if (sample == 0 || set->n < (size_t) sample)
	{
		check_room((double) set->n + 1.0, v->dim);
		SphxPointsAdd(reservoir->points, v, reservoir->context);
	}
	else
	{
		uint64		place = sphx_random_below(&reservoir->random, (uint64) reservoir->seen + 1);

		if (v->dim != set->d)
			SphxDimMismatch(set->d, v->dim);
		if (place < (uint64) sample)
			memcpy(unconstify(float *, set->rows) + place * (size_t) set->d, v->x,
				   sizeof(float) * (size_t) set->d);
	}
	reservoir->seen++;
	if (reservoir->seen % TICK_ROWS == 0)
		reservoir->env->tick(reservoir->env, (uint64_t) reservoir->seen, 0);
}

/* The type vector beside the function that is running. */
static Oid
vector_type(FunctionCallInfo fcinfo)
{
	Oid			schema = get_func_namespace(fcinfo->flinfo->fn_oid);
	Oid			type = GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid, CStringGetDatum("vector"),
									   ObjectIdGetDatum(schema));

	if (!OidIsValid(type))
		elog(ERROR, "type vector is missing in the schema of the extension");
	return type;
}

SphxPoints *
SphxPointsFromQuery(FunctionCallInfo fcinfo, SphxServerEnv *env, int64 sample, uint64 seed,
					SphxCheckFirst check, void *arg)
{
	Reservoir	reservoir = {
		.env = &env->base,
		.sample = sample,
		.check = check,
		.arg = arg,
		.context = CurrentMemoryContext
	};

	reservoir.points = palloc0(sizeof(SphxPoints));
	sphx_random_seed(&reservoir.random, seed);
	SphxReadVectors(text_to_cstring(PG_GETARG_TEXT_PP(0)), vector_type(fcinfo), SPHX_OPERAND_VECTOR,
					add_row, &reservoir);
	if (reservoir.points->set.n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("query returned no vectors to train on")));
	return reservoir.points;
}

void
SphxCheckRange(const char *name, int64 value, int64 least, int64 most)
{
	if (value < least || value > most)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be between " INT64_FORMAT " and " INT64_FORMAT ", not " INT64_FORMAT,
						name, least, most, value)));
}

SphxPoints *
SphxPointsToTrain(FunctionCallInfo fcinfo, bool query, SphxServerEnv *env, const char *task)
{
	SphxPoints *points;

	SphxInitTask(env, query ? "rows to train on" : task);
	if (query)
	{
		int64		sample = PG_GETARG_INT64(3);

		SphxCheckRange("sample", sample, 0, PG_INT64_MAX);
		points = SphxPointsFromQuery(fcinfo, env, sample, (uint64) PG_GETARG_INT64(2), NULL, NULL);
	}
	else
		points = SphxPointsFromArray(PG_GETARG_ARRAYTYPE_P(0), 1);
	env->task = task;
	if (points->set.n > INT_MAX)
		SphxCheckBytes(SPHX_SET_BYTES + 1.0);
	SphxLoadBlas();
	return points;
}
