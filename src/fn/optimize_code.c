/*-------------------------------------------------------------------------
 *
 * optimize_code.c
 *	  SQL functions that optimise spherical codes.
 *
 *-------------------------------------------------------------------------
 */
#include "server/compat.h"

#include <math.h>

#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

#include "math/codes/optimize.h"
#include "server/memory.h"
#include "type/vector.h"

PG_FUNCTION_INFO_V1(sphx_optimize_code);
PG_FUNCTION_INFO_V1(sphx_class_prototypes);

#define DEGREES(radians) ((radians) * (180.0 / 3.14159265358979323846))

static const struct
{
	const char *name;
	SphxObjective objective;
}			objectives[] =

{
	{"packing", SPHX_OBJECTIVE_PACKING},
	{"covering", SPHX_OBJECTIVE_COVERING},
	{"separation under a covering bound", SPHX_OBJECTIVE_BOUNDED},
};

static SphxObjective
parse_objective(const char *name)
{
	for (int i = 0; i < lengthof(objectives); i++)
	{
		if (pg_strcasecmp(name, objectives[i].name) == 0)
			return objectives[i].objective;
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown objective \"%s\"", name),
			 errhint("Objectives are \"%s\", \"%s\" and \"%s\".", objectives[0].name,
					 objectives[1].name, objectives[2].name)));
	return SPHX_OBJECTIVE_PACKING;	/* keep the compiler quiet */
}

static void
report_minimum(const char *what, int minimum, int value)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("%s must be at least %d, not %d", what, minimum, value)));
}

/* All errors come before any work. */
static void
check_params(const SphxOptimizeParams *params)
{
	switch (sphx_optimize_check(params))
	{
		case SPHX_OPTIMIZE_OK:
			break;
		case SPHX_OPTIMIZE_NO_POINTS:
			report_minimum("number of points", 1, params->n);
			break;
		case SPHX_OPTIMIZE_NO_DIMENSIONS:
			report_minimum("number of dimensions", 1, params->dim);
			break;
		case SPHX_OPTIMIZE_BAD_RESTARTS:
			report_minimum("number of restarts", 0, params->restarts);
			break;
		case SPHX_OPTIMIZE_BAD_ITERATIONS:
			report_minimum("number of iterations", 0, params->iterations);
			break;
		case SPHX_OPTIMIZE_BAD_SLACK:
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("slack must be a finite number that is not negative")));
			break;
		case SPHX_OPTIMIZE_TOO_FEW_PLACES:
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("there are only 2 unit vectors in 1 dimension, not %d", params->n)));
			break;
		case SPHX_OPTIMIZE_TOO_MANY_DIMENSIONS:
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("covering radii of %d points are optimised in up to %d dimensions, not %d",
							params->n, SPHX_OPTIMIZE_MAX_COVERING_DIM, params->dim),
					 errhint("In any dimension a code of at most dim + 1 points is possible.")));
			break;
		case SPHX_OPTIMIZE_TOO_LARGE:
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("optimising %d points of %d dimensions would take more than " UINT64_FORMAT " bytes",
							params->n, params->dim, (uint64) SPHX_OPTIMIZE_MAX_BYTES)));
			break;
	}
	if (params->dim > SPHX_VECTOR_MAX_DIM)
		(void) SphxCheckDim(params->dim, NULL);
}

/* Optimise and return the rows (id integer, point vector). */
static void
return_code(FunctionCallInfo fcinfo, const SphxOptimizeParams *params)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	SphxServerEnv env;
	SphxOptimizeReport report;
	double	   *points;
	Vector	   *point;

	check_params(params);
	InitMaterializedSRF(fcinfo, 0);
	SphxInitTask(&env, "optimised code");
	points = MemoryContextAllocHuge(CurrentMemoryContext,
									sizeof(double) * (Size) params->n * params->dim);
	sphx_optimize(&env.base, params, points, &report);
	ereport(DEBUG1,
			(errmsg_internal("optimised code: minimum angle %.6f degrees, covering radius %.6f degrees, bound %.6f degrees, %d starts%s",
							 DEGREES(report.min_angle), DEGREES(report.covering_radius),
							 DEGREES(report.covering_bound), report.restarts,
							 report.polished ? "" : ", not polished")));

	point = SphxVectorNew(params->dim);
	for (int i = 0; i < params->n; i++)
	{
		Datum		values[2];
		bool		nulls[2] = {false, false};

		CHECK_FOR_INTERRUPTS();
		for (int k = 0; k < params->dim; k++)
			point->x[k] = (float) points[(Size) i * params->dim + k];
		values[0] = Int32GetDatum(i + 1);
		values[1] = VectorPGetDatum(point);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
}

/* sphx_optimize_code(n, dim, objective, restarts, iterations, seed, slack): (id, point) */
Datum
sphx_optimize_code(PG_FUNCTION_ARGS)
{
	SphxOptimizeParams params;

	params.n = PG_GETARG_INT32(0);
	params.dim = PG_GETARG_INT32(1);
	params.objective = parse_objective(text_to_cstring(PG_GETARG_TEXT_PP(2)));
	params.restarts = PG_GETARG_INT32(3);
	params.iterations = PG_GETARG_INT32(4);
	params.seed = (uint64) PG_GETARG_INT64(5);
	params.slack = PG_GETARG_FLOAT8(6);
	return_code(fcinfo, &params);
	return (Datum) 0;
}

/* sphx_class_prototypes(n, dim, seed): (id, point); a packing */
Datum
sphx_class_prototypes(PG_FUNCTION_ARGS)
{
	SphxOptimizeParams params = {0};

	params.n = PG_GETARG_INT32(0);
	params.dim = PG_GETARG_INT32(1);
	params.objective = SPHX_OBJECTIVE_PACKING;
	params.seed = (uint64) PG_GETARG_INT64(2);
	return_code(fcinfo, &params);
	return (Datum) 0;
}
