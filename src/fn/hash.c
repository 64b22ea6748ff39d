/*-------------------------------------------------------------------------
 *
 * hash.c
 *	  SQL functions of hashing with spherical codes (Laarhoven).
 *
 *-------------------------------------------------------------------------
 */
#include "server/compat.h"

#include <math.h>

#include "utils/builtins.h"

#include "fn/codes.h"
#include "fn/points.h"
#include "math/base/random.h"
#include "math/codes/collision.h"
#include "server/memory.h"

PG_FUNCTION_INFO_V1(sphx_nearest_codeword);
PG_FUNCTION_INFO_V1(sphx_hash);
PG_FUNCTION_INFO_V1(sphx_collision_probability);
PG_FUNCTION_INFO_V1(sphx_collision_probability_points);
PG_FUNCTION_INFO_V1(sphx_collision_probability_final);
PG_FUNCTION_INFO_V1(sphx_query_exponent);
PG_FUNCTION_INFO_V1(sphx_query_exponent_points);
PG_FUNCTION_INFO_V1(sphx_query_exponent_final);

/* a code made ready, and a projection */
typedef struct HashCache
{
	SphxCodeCache base;
	int64		seed;
	int			dim;			/* of vectors that the projection takes */
	double	   *projection;		/* base.dim x dim, or NULL */
	double	   *projected;		/* [base.dim] */
} HashCache;

/* the code of this name and dimension, whose codewords have numbers */
static HashCache *
cache_code(FunctionCallInfo fcinfo, text *family, int k)
{
	HashCache  *cache = (HashCache *) SphxCacheCode(fcinfo, sizeof(HashCache), family, k);

	if (sphx_spherical_count(cache->base.code) > PG_INT64_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("codewords of \"%s\" in %d dimensions are too many to be numbered",
						cache->base.family, k)));
	if (cache->projected == NULL)
		cache->projected = MemoryContextAlloc(cache->base.context, sizeof(double) * k);
	return cache;
}

/* a k x dim matrix of standard normal numbers, in the cache */
static void
cache_projection(HashCache *cache, int64 seed, int dim)
{
	size_t		n = (size_t) cache->base.dim * (size_t) dim;
	SphxRandom	random;

	if (cache->projection != NULL && cache->seed == seed && cache->dim == dim)
		return;
	SphxCheckBytes((double) n * sizeof(double));
	if (cache->projection != NULL)
		pfree(cache->projection);
	cache->projection = NULL;
	cache->dim = 0;				/* not ready, should this be cancelled */
	cache->projection = MemoryContextAllocHuge(cache->base.context, n * sizeof(double));
	sphx_random_seed(&random, (uint64_t) seed);
	SphxCacheTask(&cache->base, "random projection");
	for (size_t i = 0; i < n; i++)
	{
		if (i % 65536 == 0)
			cache->base.env.base.tick(&cache->base.env.base, i, n);
		cache->projection[i] = sphx_random_normal(&random);
	}
	SphxCacheTask(&cache->base, NULL);
	cache->seed = seed;
	cache->dim = dim;
}

static void
check_direction(const Vector *x)
{
	for (int i = 0; i < x->dim; i++)
	{
		if (x->x[i] != 0.0f)
			return;
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("the zero vector has no direction and no nearest codeword")));
}

/* sphx_nearest_codeword(family text, x vector): the id of sphx_code() */
Datum
sphx_nearest_codeword(PG_FUNCTION_ARGS)
{
	Vector	   *x = PG_GETARG_VECTOR_P(1);
	HashCache  *cache;

	check_direction(x);
	cache = cache_code(fcinfo, PG_GETARG_TEXT_PP(0), x->dim);
	for (int i = 0; i < x->dim; i++)
		cache->projected[i] = x->x[i];
	PG_RETURN_INT64((int64) sphx_spherical_decode(cache->base.code, cache->projected, NULL) + 1);
}

/* sphx_hash(family text, k integer, seed bigint, x vector) */
Datum
sphx_hash(PG_FUNCTION_ARGS)
{
	int			k = PG_GETARG_INT32(1);
	Vector	   *x = PG_GETARG_VECTOR_P(3);
	HashCache  *cache;
	const double *row;

	check_direction(x);
	cache = cache_code(fcinfo, PG_GETARG_TEXT_PP(0), k);
	cache_projection(cache, PG_GETARG_INT64(2), x->dim);
	row = cache->projection;
	for (int i = 0; i < k; i++, row += x->dim)
	{
		double		sum = 0.0;

		for (int j = 0; j < x->dim; j++)
			sum += row[j] * x->x[j];
		cache->projected[i] = sum;
	}
	PG_RETURN_INT64((int64) sphx_spherical_decode(cache->base.code, cache->projected, NULL) + 1);
}


/* Probabilities */

static SphxCollisionParams
collision_params(double theta, int samples, uint64_t seed)
{
	SphxCollisionParams params = {.theta = theta,.samples = samples,.seed = seed};

	if (!(params.theta >= 0.0 && params.theta <= M_PI_2 + 1e-9))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("angle must be between 0 and pi/2, not %g", params.theta),
				 errhint("Angles are in radians; see radians().")));
	if (params.samples < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("number of samples must not be negative")));
	return params;
}

/* of (family text, dim integer, theta, samples, seed) */
static bool
family_collision(FunctionCallInfo fcinfo, SphxCollision *result)
{
	SphxCollisionParams params = collision_params(PG_GETARG_FLOAT8(2), PG_GETARG_INT32(3),
												  (uint64_t) PG_GETARG_INT64(4));
	SphxSphericalSpec spec;
	SphxServerEnv env;

	SphxParseFamily(text_to_cstring(PG_GETARG_TEXT_PP(0)), PG_GETARG_INT32(1), &spec);
	if (!spec.family->isogonal)
		SphxCheckBytes(sphx_collision_bytes(sphx_spherical_level_size(&spec)));
	SphxInitTask(&env, "collision probability");
	sphx_collision(&env.base, sphx_spherical_create(&env.base, &spec), &params, result);
	return true;
}

/* options: theta, samples */
static void
points_collision(const SphxPoints *points, SphxCollision *result)
{
	SphxCollisionParams params = collision_params(points->option[0], (int) points->option[1],
												  points->seed);
	SphxServerEnv env;
	SphxSpherical *code;

	SphxCheckBytes(sphx_collision_bytes((double) points->set.n));
	SphxPointsCheckUnit(points);
	SphxInitTask(&env, "collision probability");
	code = sphx_spherical_from_points(&env.base, (int) points->set.n, points->set.d,
									  SphxPointsUnitDoubles(points));
	sphx_collision(&env.base, code, &params, result);
}

/* of (points vector[], theta, samples, seed) */
static bool
array_collision(FunctionCallInfo fcinfo, SphxCollision *result)
{
	points_collision(SphxPointsOfArguments(fcinfo, 1, true), result);
	return true;
}

/* of an aggregate's state; false over no rows */
static bool
state_collision(FunctionCallInfo fcinfo, SphxCollision *result)
{
	SphxPoints *points = SphxPointsOfAggregate(fcinfo, 1);

	if (points == NULL)
		return false;
	points_collision(points, result);
	return true;
}

/* (probability, error_bound, exact) */
static Datum
probability_record(FunctionCallInfo fcinfo, const SphxCollision *collision)
{
	Datum		values[3];
	bool		nulls[3] = {false, false, false};

	values[0] = Float8GetDatum(collision->p1);
	values[1] = Float8GetDatum(collision->p1_error);
	values[2] = BoolGetDatum(collision->exact);
	return SphxMakeRecord(fcinfo, values, nulls);
}

/* (rho, error_bound, p1, p2) */
static Datum
exponent_record(FunctionCallInfo fcinfo, const SphxCollision *collision)
{
	Datum		values[4];
	bool		nulls[4] = {false, false, false, false};

	if (isnan(collision->rho))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a code of one point has no query exponent")));
	values[0] = Float8GetDatum(collision->rho);
	values[1] = Float8GetDatum(collision->rho_error);
	values[2] = Float8GetDatum(collision->p1);
	values[3] = Float8GetDatum(collision->p2);
	return SphxMakeRecord(fcinfo, values, nulls);
}

typedef bool (*Collision) (FunctionCallInfo fcinfo, SphxCollision *result);
typedef Datum (*Answer) (FunctionCallInfo fcinfo, const SphxCollision *collision);

static Datum
answer_collision(FunctionCallInfo fcinfo, Collision get, Answer answer)
{
	SphxCollision collision;

	if (!get(fcinfo, &collision))
		PG_RETURN_NULL();
	return answer(fcinfo, &collision);
}

Datum
sphx_collision_probability(PG_FUNCTION_ARGS)
{
	return answer_collision(fcinfo, family_collision, probability_record);
}

Datum
sphx_collision_probability_points(PG_FUNCTION_ARGS)
{
	return answer_collision(fcinfo, array_collision, probability_record);
}

Datum
sphx_collision_probability_final(PG_FUNCTION_ARGS)
{
	return answer_collision(fcinfo, state_collision, probability_record);
}

Datum
sphx_query_exponent(PG_FUNCTION_ARGS)
{
	return answer_collision(fcinfo, family_collision, exponent_record);
}

Datum
sphx_query_exponent_points(PG_FUNCTION_ARGS)
{
	return answer_collision(fcinfo, array_collision, exponent_record);
}

Datum
sphx_query_exponent_final(PG_FUNCTION_ARGS)
{
	return answer_collision(fcinfo, state_collision, exponent_record);
}
