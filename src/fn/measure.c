/*-------------------------------------------------------------------------
 *
 * measure.c
 *	  SQL functions and aggregates that measure sets of points.
 *
 * A measure is written once, over a set and its options as numbers; the
 * function over vector[] and the aggregate are two ways to call it.
 *
 *-------------------------------------------------------------------------
 */
#include "server/compat.h"

#include <float.h>
#include <math.h>

#include "utils/builtins.h"

#include "fn/points.h"
#include "math/base/blas.h"
#include "server/memory.h"

PG_FUNCTION_INFO_V1(sphx_min_angle_array);
PG_FUNCTION_INFO_V1(sphx_min_angle_final);
PG_FUNCTION_INFO_V1(sphx_packing_radius_array);
PG_FUNCTION_INFO_V1(sphx_packing_radius_final);
PG_FUNCTION_INFO_V1(sphx_gap_array);
PG_FUNCTION_INFO_V1(sphx_gap_final);
PG_FUNCTION_INFO_V1(sphx_softmin_separation_array);
PG_FUNCTION_INFO_V1(sphx_softmin_separation_final);
PG_FUNCTION_INFO_V1(sphx_covering_radius_array);
PG_FUNCTION_INFO_V1(sphx_covering_radius_final);
PG_FUNCTION_INFO_V1(sphx_reference_cosine_array);
PG_FUNCTION_INFO_V1(sphx_reference_cosine_final);
PG_FUNCTION_INFO_V1(sphx_certify);
PG_FUNCTION_INFO_V1(sphx_certify_final);
PG_FUNCTION_INFO_V1(sphx_kissing_number);

/* of so few points all pairs cost about as much as their nearest neighbours */
#define FEW_POINTS	32768

typedef double (*Measure) (SphxPoints *points);

static void
check_positive(const char *name, double value)
{
	if (!(value > 0.0) || isinf(value))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be positive, not %g", name, value)));
}

static double
min_angle(SphxPoints *points)
{
	SphxServerEnv env;
	SphxPointPair pair;

	SphxPointsNormalize(points);
	SphxInitTask(&env, "sphx_min_angle");
	pair = sphx_nearest_pair(&env.base, &points->set);
	return 2.0 * asin(fmin(pair.distance / 2.0, 1.0));
}

static double
packing_radius(SphxPoints *points)
{
	SphxServerEnv env;

	SphxInitTask(&env, "sphx_packing_radius");
	return sphx_nearest_pair(&env.base, &points->set).distance / 2.0;
}

/* options: radius, pairs, neighbours; those from pairs on may be missing */
static double
gap(SphxPoints *points)
{
	double		radius = points->option[0];
	double		pairs = points->option[1];
	const char *why;
	SphxServerEnv env;
	SphxPointPair pair;

	check_positive("radius", radius);
	if (pairs < 0.0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("number of pairs must not be negative")));
	if (pairs > 0.0 && points->option[2] != 0.0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("pairs and neighbours exclude each other")));

	SphxInitTask(&env, "sphx_gap");
	if (pairs > 0.0)
		pair = sphx_sampled_pair(&env.base, &points->set,
								 pairs < (double) PG_INT64_MAX ? (int64) pairs : PG_INT64_MAX,
								 points->seed);
	else if (points->option[2] != 0.0 && points->set.n > FEW_POINTS &&
			 points->set.n < UINT32_MAX && sphx_blas_load(&why))
		pair = sphx_neighbour_pair(&env.base, &points->set, points->seed);
	else
		pair = sphx_nearest_pair(&env.base, &points->set);
	return pair.distance - 2.0 * radius;
}

/* options: tau, corrected */
static double
softmin_separation(SphxPoints *points)
{
	double		tau = points->option[0];
	double		pairs = (double) points->set.n * ((double) points->set.n - 1.0) / 2.0;
	SphxServerEnv env;
	double		result;

	check_positive("tau", tau);
	SphxInitTask(&env, "sphx_softmin_separation");
	result = sphx_softmin_separation(&env.base, &points->set, tau);
	return points->option[1] != 0.0 ? result + tau * log(pairs) : result;
}

/* options: samples */
static double
covering_radius(SphxPoints *points)
{
	SphxServerEnv env;
	double	   *hole;

	check_positive("number of samples", points->option[0]);
	SphxCheckBytes(sphx_covering_bytes(&points->set));
	SphxPointsCheckUnit(points);
	SphxInitTask(&env, "sphx_covering_radius");
	hole = palloc(sizeof(double) * points->set.d);
	return sphx_covering_radius(&env.base, &points->set, (int64) points->option[0], points->seed,
								hole);
}

/* the function over an array, with options, and a seed where it makes random choices */
static Datum
measure_array(FunctionCallInfo fcinfo, int least, Measure measure, bool seeded)
{
	PG_RETURN_FLOAT8(measure(SphxPointsOfArguments(fcinfo, least, seeded)));
}

/* the aggregate's final function: NULL over no rows, as aggregates are */
static Datum
measure_state(FunctionCallInfo fcinfo, int least, Measure measure)
{
	SphxPoints *state = SphxPointsOfAggregate(fcinfo, least);
	SphxPoints	copy;
	size_t		bytes;
	float	   *rows;

	if (state == NULL)
		PG_RETURN_NULL();
	copy = *state;
	if (measure == min_angle)
	{
		bytes = copy.set.n * copy.set.d * sizeof(float);
		rows = MemoryContextAllocHuge(CurrentMemoryContext, bytes);
		memcpy(rows, copy.set.rows, bytes);
		copy.set.rows = rows;
	}
	PG_RETURN_FLOAT8(measure(&copy));
}

Datum
sphx_min_angle_array(PG_FUNCTION_ARGS)
{
	return measure_array(fcinfo, 2, min_angle, false);
}

Datum
sphx_min_angle_final(PG_FUNCTION_ARGS)
{
	return measure_state(fcinfo, 2, min_angle);
}

Datum
sphx_packing_radius_array(PG_FUNCTION_ARGS)
{
	return measure_array(fcinfo, 2, packing_radius, false);
}

Datum
sphx_packing_radius_final(PG_FUNCTION_ARGS)
{
	return measure_state(fcinfo, 2, packing_radius);
}

/* sphx_gap(vector[], radius, pairs, neighbours, seed) */
Datum
sphx_gap_array(PG_FUNCTION_ARGS)
{
	return measure_array(fcinfo, 2, gap, true);
}

Datum
sphx_gap_final(PG_FUNCTION_ARGS)
{
	return measure_state(fcinfo, 2, gap);
}

/* sphx_softmin_separation(vector[], tau, corrected) */
Datum
sphx_softmin_separation_array(PG_FUNCTION_ARGS)
{
	return measure_array(fcinfo, 2, softmin_separation, false);
}

Datum
sphx_softmin_separation_final(PG_FUNCTION_ARGS)
{
	return measure_state(fcinfo, 2, softmin_separation);
}

/* sphx_covering_radius(vector[], samples, seed) */
Datum
sphx_covering_radius_array(PG_FUNCTION_ARGS)
{
	return measure_array(fcinfo, 1, covering_radius, true);
}

Datum
sphx_covering_radius_final(PG_FUNCTION_ARGS)
{
	return measure_state(fcinfo, 1, covering_radius);
}

/* options: levels, samples; (estimate, error_bound, lemma_b1) */
static Datum
reference_cosine(FunctionCallInfo fcinfo, SphxPoints *points)
{
	SphxReferenceCosine result;
	SphxServerEnv env;
	Datum		values[3];
	bool		nulls[3] = {false, false, false};

	check_positive("number of levels", points->option[0]);
	check_positive("number of samples", points->option[1]);
	SphxPointsCheckUnit(points);
	SphxInitTask(&env, "sphx_reference_cosine");
	sphx_reference_cosine(&env.base, &points->set, (int) points->option[0],
						  (int64) points->option[1], points->seed, &result);
	values[0] = Float8GetDatum(result.estimate);
	values[1] = Float8GetDatum(result.error);
	values[2] = Float8GetDatum(result.random);
	return SphxMakeRecord(fcinfo, values, nulls);
}

/* sphx_reference_cosine(vector[], levels, samples, seed); in 0.1.0 it had no seed */
Datum
sphx_reference_cosine_array(PG_FUNCTION_ARGS)
{
	return reference_cosine(fcinfo, SphxPointsOfArguments(fcinfo, 1, PG_NARGS() > 3));
}

Datum
sphx_reference_cosine_final(PG_FUNCTION_ARGS)
{
	SphxPoints *points = SphxPointsOfAggregate(fcinfo, 1);

	if (points == NULL)
		PG_RETURN_NULL();
	return reference_cosine(fcinfo, points);
}

/* the largest difference between a norm and the radius that all points should have */
static double
worst_norm(const SphxPointSet *set, double radius)
{
	double		worst = 0.0;

	for (size_t i = 0; i < set->n; i++)
	{
		double		norm = SphxVectorNorm(set->rows + i * (size_t) set->d, set->d);

		worst = fmax(worst, fabs(norm - radius));
	}
	return worst;
}

/*
 * options: radius, tolerance; (certified, gap, norm_error, i, j)
 *
 * The distances are those of the points as stored.  Rounding in double
 * precision makes an error of at most a few times dim * 1.1e-16 of a distance
 * of at most 4 radius; it is counted against the certificate.
 */
static Datum
certify(FunctionCallInfo fcinfo, SphxPoints *points)
{
	double		radius = points->option[0];
	double		tolerance = points->option[1];
	double		rounding = 4.0 * radius * (points->set.d + 8.0) * DBL_EPSILON;
	double		norm_error;
	double		found;
	SphxServerEnv env;
	SphxPointPair pair;
	Datum		values[5];
	bool		nulls[5] = {false, false, false, false, false};

	check_positive("radius", radius);
	if (!(tolerance >= 0.0) || isinf(tolerance))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("tolerance must be a finite number that is not negative")));
	SphxInitTask(&env, "sphx_certify");
	pair = sphx_nearest_pair(&env.base, &points->set);
	found = pair.distance - 2.0 * radius;
	norm_error = worst_norm(&points->set, 2.0 * radius);
	values[0] = BoolGetDatum(found - rounding >= -tolerance &&
							 norm_error + rounding <= tolerance);
	values[1] = Float8GetDatum(found);
	values[2] = Float8GetDatum(norm_error);
	values[3] = Int32GetDatum((int32) pair.i + 1);
	values[4] = Int32GetDatum((int32) pair.j + 1);
	return SphxMakeRecord(fcinfo, values, nulls);
}

/* sphx_certify(vector[], radius, tolerance) */
Datum
sphx_certify(PG_FUNCTION_ARGS)
{
	return certify(fcinfo, SphxPointsOfArguments(fcinfo, 2, false));
}

Datum
sphx_certify_final(PG_FUNCTION_ARGS)
{
	SphxPoints *points = SphxPointsOfAggregate(fcinfo, 2);

	if (points == NULL)
		PG_RETURN_NULL();
	return certify(fcinfo, points);
}

/* sphx_kissing_number(dim): (lower, upper, lower_source, upper_source) */
Datum
sphx_kissing_number(PG_FUNCTION_ARGS)
{
	int			dim = PG_GETARG_INT32(0);
	const SphxKissing *kissing;
	Datum		values[4];
	bool		nulls[4] = {false, false, false, false};

	if (dim < 1 || dim > SPHX_KISSING_MAX_DIM)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("kissing numbers are tabulated for 1 to %d dimensions, not %d",
						SPHX_KISSING_MAX_DIM, dim)));
	kissing = sphx_kissing(dim);
	values[0] = Int32GetDatum(kissing->lower);
	values[1] = Int32GetDatum(kissing->upper);
	values[2] = CStringGetTextDatum(kissing->lower_source);
	values[3] = CStringGetTextDatum(kissing->upper_source);
	return SphxMakeRecord(fcinfo, values, nulls);
}
