/*-------------------------------------------------------------------------
 *
 * angle.c
 *	  SQL functions of angle testing (Lu, Xiao and Ishikawa).
 *
 *-------------------------------------------------------------------------
 */
#include "server/compat.h"

#include <math.h>

#include "fn/codes.h"
#include "fn/points.h"
#include "math/codes/reference_angle.h"

PG_FUNCTION_INFO_V1(sphx_ks1);
PG_FUNCTION_INFO_V1(sphx_ks2);
PG_FUNCTION_INFO_V1(sphx_ks1_cdf);
PG_FUNCTION_INFO_V1(sphx_ks2_probability);

/* a code and a rotation made ready, and what follows from the last q */
typedef struct AngleCache
{
	SphxCodeCache base;
	int64		seed;
	SphxAngle  *angle;
	bool		has_q;
	float	   *q;				/* [dim] */
	double	   *prepared;		/* [dim] KS1: Z_HS(q); KS2: Hq */
	double	   *v;				/* [dim] scratch */
} AngleCache;

/* v in double precision, of norm 1 to its last digits; an error when it is not a unit vector */
static void
unit_vector(const char *name, const Vector *v, double *unit)
{
	double		norm = SphxVectorNorm(v->x, v->dim);

	if (!(fabs(norm - 1.0) <= SPHX_UNIT_TOLERANCE))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s has norm %g, but a unit vector is needed", name, norm),
				 errhint("Use l2_normalize() on vectors that are not zero.")));
	for (int k = 0; k < v->dim; k++)
		unit[k] = v->x[k] / norm;
}

/* the cache with the code and the rotation of arguments (q, v, family, seed) */
static AngleCache *
get_angle(FunctionCallInfo fcinfo)
{
	int			dim = PG_GETARG_VECTOR_P(0)->dim;
	int64		seed = PG_GETARG_INT64(3);
	AngleCache *cache;
	MemoryContext context;

	SphxCheckBytes(sphx_angle_memory(dim));
	cache = (AngleCache *) SphxCacheCode(fcinfo, sizeof(AngleCache), PG_GETARG_TEXT_PP(2), dim);
	if (cache->angle != NULL && cache->seed == seed)
		return cache;

	context = cache->base.context;
	if (cache->angle != NULL)
		sphx_angle_release(cache->angle);
	cache->angle = NULL;
	cache->has_q = false;
	if (cache->q == NULL)
		cache->q = MemoryContextAlloc(context, sizeof(float) * dim);
	if (cache->prepared == NULL)
		cache->prepared = MemoryContextAlloc(context, sizeof(double) * dim);
	if (cache->v == NULL)
		cache->v = MemoryContextAlloc(context, sizeof(double) * dim);
	SphxCacheTask(&cache->base, "random rotation");
	cache->angle = sphx_angle_create(&cache->base.env.base, cache->base.code, (uint64_t) seed);
	SphxCacheTask(&cache->base, NULL);
	cache->seed = seed;
	return cache;
}

/* Is q the one that the cache is prepared for?  If not it is now, but for `prepared`. */
static bool
same_q(AngleCache *cache, const Vector *q)
{
	size_t		bytes = sizeof(float) * q->dim;

	if (cache->has_q && memcmp(cache->q, q->x, bytes) == 0)
		return true;
	cache->has_q = false;
	unit_vector("q", q, cache->v);
	memcpy(cache->q, q->x, bytes);
	return false;
}

/*
 * sphx_ks1(q vector, v vector, family text, seed bigint): <v, Z_HS(q)>, q a
 * unit vector (Eq. 2; any v by Eq. 8, which means the norm of v once, as
 * Algorithm 4 does)
 */
Datum
sphx_ks1(PG_FUNCTION_ARGS)
{
	Vector	   *q = PG_GETARG_VECTOR_P(0);
	Vector	   *v = PG_GETARG_VECTOR_P(1);
	AngleCache *cache;
	double		sum = 0.0;

	SphxCheckSameDim(q, v);
	cache = get_angle(fcinfo);
	if (!same_q(cache, q))
	{
		sphx_ks1_reference(cache->angle, cache->v, cache->prepared);
		cache->has_q = true;
	}
	for (int k = 0; k < v->dim; k++)
		sum += v->x[k] * cache->prepared[k];
	PG_RETURN_FLOAT8(sum);
}

/* sphx_ks2(q vector, v vector, family text, seed bigint): <Hq, Z_S(Hv)> / A_S(Hv) (Eq. 3) */
Datum
sphx_ks2(PG_FUNCTION_ARGS)
{
	Vector	   *q = PG_GETARG_VECTOR_P(0);
	Vector	   *v = PG_GETARG_VECTOR_P(1);
	AngleCache *cache;
	double		cosine;
	double		result;

	SphxCheckSameDim(q, v);
	cache = get_angle(fcinfo);
	if (!same_q(cache, q))
	{
		memcpy(cache->prepared, cache->v, sizeof(double) * q->dim);
		sphx_ks2_rotate(cache->angle, cache->prepared);
		cache->has_q = true;
	}
	unit_vector("v", v, cache->v);
	result = sphx_ks2_estimate(cache->angle, cache->prepared, cache->v, &cosine);
	if (isnan(result))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("no codeword of \"%s\" is at an acute angle to v", cache->base.family),
				 errdetail("The cosine of its reference angle is %g.", cosine),
				 errhint("Use a code with more points, or one of antipodal points.")));
	PG_RETURN_FLOAT8(result);
}

/* the angle of that argument, in (0, limit) */
static double
angle_argument(FunctionCallInfo fcinfo, int i, const char *name, double limit)
{
	double		value = PG_GETARG_FLOAT8(i);

	if (!(value > 0.0 && value < limit))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be between 0 and %s, not %g", name,
						limit < M_PI ? "pi/2" : "pi", value),
				 errhint("Angles are in radians; see radians().")));
	return value;
}

/* the distribution of inner products in that many dimensions, kept from call to call */
typedef struct InnerCache
{
	SphxServerEnv env;
	int			dim;
	SphxSine   *inner;
} InnerCache;

static const SphxSine *
get_inner(FunctionCallInfo fcinfo, int dim)
{
	InnerCache *cache = fcinfo->flinfo->fn_extra;

	if (dim < 3 || dim > SPHX_FAMILY_MAX_DIM)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("number of dimensions must be between 3 and %d, not %d",
						SPHX_FAMILY_MAX_DIM, dim)));
	if (cache == NULL)
	{
		cache = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(InnerCache));
		SphxInitEnv(&cache->env, fcinfo->flinfo->fn_mcxt);
		fcinfo->flinfo->fn_extra = cache;
	}
	if (cache->inner == NULL || cache->dim != dim)
	{
		if (cache->inner != NULL)
			cache->env.base.release(&cache->env.base, cache->inner);
		cache->inner = NULL;
		cache->inner = sphx_sine_create(&cache->env.base, dim - 3);
		cache->dim = dim;
	}
	return cache->inner;
}

/* sphx_ks1_cdf(x, phi, psi, dim): Lemma 4.2 */
Datum
sphx_ks1_cdf(PG_FUNCTION_ARGS)
{
	double		x = PG_GETARG_FLOAT8(0);
	double		phi = angle_argument(fcinfo, 1, "phi", M_PI);
	double		psi = angle_argument(fcinfo, 2, "psi", M_PI);

	if (isnan(x))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("x must be a number")));
	PG_RETURN_FLOAT8(sphx_ks1_distribution(get_inner(fcinfo, PG_GETARG_INT32(3)), phi, psi, x));
}

/* sphx_ks2_probability(theta, phi, psi, dim): Lemma 4.3 */
Datum
sphx_ks2_probability(PG_FUNCTION_ARGS)
{
	double		theta = angle_argument(fcinfo, 0, "theta", M_PI);
	double		phi = angle_argument(fcinfo, 1, "phi", M_PI);
	double		psi = angle_argument(fcinfo, 2, "psi", M_PI_2);

	PG_RETURN_FLOAT8(sphx_ks2_exceedance(get_inner(fcinfo, PG_GETARG_INT32(3)), phi, psi, theta));
}
