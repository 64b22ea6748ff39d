/*-------------------------------------------------------------------------
 *
 * codes.c
 *	  SQL functions that construct and list spherical codes.
 *
 *-------------------------------------------------------------------------
 */
#include "fn/codes.h"

#include <limits.h>
#include <math.h>

#include "funcapi.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

#include "fn/points.h"

PG_FUNCTION_INFO_V1(sphx_code);
PG_FUNCTION_INFO_V1(sphx_code_levels);
PG_FUNCTION_INFO_V1(sphx_code_families);

/* what a row of a result takes besides its vector */
#define ROW_OVERHEAD	48.0

static void
check_dim(int dim)
{
	if (dim < 1 || dim > SPHX_FAMILY_MAX_DIM)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("number of dimensions must be between 1 and %d, not %d",
						SPHX_FAMILY_MAX_DIM, dim)));
}

/* Names of the families of a dimension, or of all. */
static char *
family_names(int dim)
{
	StringInfoData names;

	initStringInfo(&names);
	for (int i = 0; i < sphx_family_count; i++)
	{
		const SphxFamily *family = &sphx_families[i];

		if (dim == 0 || sphx_family_exists(family, dim))
			appendStringInfo(&names, "%s%s%s", names.len > 0 ? ", " : "", family->name,
							 family->required > 0 ? "(...)" : "");
	}
	return names.data;
}

static void
report_dim(const SphxFamily *family, int dim)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("family \"%s\" does not exist in %d dimensions", family->name, dim),
			 family->min_dim == family->max_dim ?
			 errdetail("It exists in %d dimensions only.", family->min_dim) :
			 errdetail("It exists in %d to %d dimensions.", family->min_dim, family->max_dim),
			 errhint("Families of %d dimensions: %s.", dim, family_names(dim))));
}

static void
report_params(const char *name, const SphxFamily *family)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("wrong number of parameters of spherical code \"%s\"", name),
			 family->allowed == 0 ?
			 errdetail("Family \"%s\" has no parameters.", family->name) :
			 errdetail("Its form is %s(%s).", family->name, family->parameters)));
}

static void
report_value(const char *name, const SphxFamily *family, int dim)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("impossible parameter of spherical code \"%s\" in %d dimensions", name, dim),
			 errdetail("Its form is %s(%s).", family->name, family->parameters),
			 errhint("A polygon has at least 2 vertices, m-max at most as many nonzero coordinates as "
					 "there are dimensions (61 at most), a code of opposite points an even number of "
					 "points, and levels divide the dimensions. All numbers but seeds are at least 1, "
					 "points at most 1,000,000,000, rounds at most 1,000,000.")));
}

void
SphxParseFamily(const char *name, int dim, SphxSphericalSpec *spec)
{
	check_dim(dim);
	switch (sphx_spherical_parse(name, dim, spec))
	{
		case SPHX_SPHERICAL_OK:
			SphxCheckBytes(sphx_spherical_memory(spec));
			return;
		case SPHX_SPHERICAL_UNKNOWN:
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("unknown family of spherical codes \"%s\"", name),
					 errhint("Families are: %s.", family_names(0))));
			break;
		case SPHX_SPHERICAL_SYNTAX:
			ereport(ERROR,
					(errcode(ERRCODE_SYNTAX_ERROR),
					 errmsg("syntax error in spherical code \"%s\"", name),
					 errhint("Write a name, or a name and whole numbers: polygon(5).")));
			break;
		case SPHX_SPHERICAL_PARAMS:
			report_params(name, spec->family);
			break;
		case SPHX_SPHERICAL_VALUE:
			report_value(name, spec->family, dim);
			break;
		case SPHX_SPHERICAL_DIM:
			report_dim(spec->family, dim);
			break;
	}
}

static SphxCodeCache *
get_cache(FunctionCallInfo fcinfo, Size size)
{
	SphxCodeCache *cache = fcinfo->flinfo->fn_extra;

	if (cache == NULL)
	{
		cache = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, size);
		cache->size = size;
		cache->context = AllocSetContextCreate(fcinfo->flinfo->fn_mcxt, "spherical code",
											   ALLOCSET_DEFAULT_SIZES);
		fcinfo->flinfo->fn_extra = cache;
	}
	Assert(cache->size == size);
	return cache;
}

void
SphxCacheTask(SphxCodeCache *cache, const char *task)
{
	SphxInitEnv(&cache->env, cache->context);
	cache->env.task = task;
}

SphxCodeCache *
SphxCacheCode(FunctionCallInfo fcinfo, Size size, text *family, int dim)
{
	SphxCodeCache *cache = get_cache(fcinfo, size);
	SphxSphericalSpec spec;

	if (cache->code != NULL && cache->dim == dim &&
		strlen(cache->family) == VARSIZE_ANY_EXHDR(family) &&
		memcmp(cache->family, VARDATA_ANY(family), VARSIZE_ANY_EXHDR(family)) == 0)
		return cache;

	/* an error on the way leaves an empty cache */
	cache->code = NULL;
	memset((char *) cache + sizeof(SphxCodeCache), 0, size - sizeof(SphxCodeCache));
	MemoryContextReset(cache->context);
	cache->dim = dim;
	cache->family = MemoryContextStrdup(cache->context, text_to_cstring(family));
	SphxParseFamily(cache->family, dim, &spec);
	SphxCacheTask(cache, "spherical code");
	cache->code = sphx_spherical_create(&cache->env.base, &spec);
	SphxCacheTask(cache, NULL);
	return cache;
}

/* sphx_code(family text, dim integer): (id integer, point vector) */
Datum
sphx_code(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	int			dim = PG_GETARG_INT32(1);
	SphxSphericalSpec spec;
	SphxServerEnv env;
	SphxSpherical *code;
	uint64_t	size;
	double	   *word;
	Vector	   *point;

	SphxParseFamily(name, dim, &spec);
	size = sphx_spherical_size(&spec);
	SphxCheckBytes((double) size * (ROW_OVERHEAD + sizeof(float) * dim));
	Assert(size <= INT_MAX);

	InitMaterializedSRF(fcinfo, 0);
	SphxInitTask(&env, "spherical code");
	code = sphx_spherical_create(&env.base, &spec);
	word = palloc(sizeof(double) * dim);
	point = SphxVectorNew(dim);
	for (uint64_t i = 0; i < size; i++)
	{
		Datum		values[2];
		bool		nulls[2] = {false, false};

		env.base.tick(&env.base, i, size);
		sphx_spherical_word(code, i, word);
		for (int k = 0; k < dim; k++)
			point->x[k] = (float) word[k];
		values[0] = Int32GetDatum((int32) i + 1);
		values[1] = VectorPGetDatum(point);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	sphx_spherical_release(code);
	return (Datum) 0;
}

/* sphx_code_levels(family text, dim integer): (level integer, id integer, point vector) */
Datum
sphx_code_levels(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	int			dim = PG_GETARG_INT32(1);
	SphxSphericalSpec spec;
	SphxServerEnv env;
	SphxSpherical *code;
	const double *points;
	int			m;
	int			levels;
	Vector	   *point;

	SphxParseFamily(name, dim, &spec);
	if (!isnan(sphx_spherical_min_angle(&spec)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("spherical code \"%s\" is not a product code", name),
				 errhint("Product codes are antipodal(...), cross-polytopes(...) and gaussian(...).")));

	InitMaterializedSRF(fcinfo, 0);
	SphxInitTask(&env, "spherical code");
	code = sphx_spherical_create(&env.base, &spec);
	points = sphx_spherical_points(code, &m, &levels);
	point = SphxVectorNew(dim / levels);
	for (int i = 0; i < m * levels; i++)
	{
		Datum		values[3];
		bool		nulls[3] = {false, false, false};

		env.base.tick(&env.base, (uint64_t) i, (uint64_t) m * levels);
		for (int k = 0; k < point->dim; k++)
			point->x[k] = (float) *points++;
		values[0] = Int32GetDatum(i / m + 1);
		values[1] = Int32GetDatum(i % m + 1);
		values[2] = VectorPGetDatum(point);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	sphx_spherical_release(code);
	return (Datum) 0;
}

/* Size and minimum angle where they are certain. */
static void
fill_figures(const SphxFamily *family, int dim, Datum *values, bool *nulls)
{
	SphxSphericalSpec spec;
	uint64_t	size;

	if (dim == 0 && family->min_dim == family->max_dim)
		dim = family->min_dim;
	nulls[0] = true;
	nulls[1] = true;
	if (dim == 0 || sphx_spherical_parse(family->name, dim, &spec) != SPHX_SPHERICAL_OK)
		return;
	size = sphx_spherical_size(&spec);
	if (size <= PG_INT64_MAX)
	{
		values[0] = Int64GetDatum((int64) size);
		nulls[0] = false;
	}
	values[1] = Float8GetDatum(sphx_spherical_min_angle(&spec));
	nulls[1] = false;
}

/* sphx_code_families(dim integer): what there is, in a dimension or (NULL) at all */
Datum
sphx_code_families(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	int			dim = PG_ARGISNULL(0) ? 0 : PG_GETARG_INT32(0);

	if (!PG_ARGISNULL(0))
		check_dim(dim);
	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; i < sphx_family_count; i++)
	{
		const SphxFamily *family = &sphx_families[i];
		Datum		values[8];
		bool		nulls[8] = {false};

		if (dim != 0 && !sphx_family_exists(family, dim))
			continue;
		values[0] = CStringGetTextDatum(family->name);
		nulls[1] = family->alias == NULL;
		values[1] = nulls[1] ? (Datum) 0 : CStringGetTextDatum(family->alias);
		values[2] = CStringGetTextDatum(family->parameters);
		if (family->min_dim == family->max_dim)
			values[3] = CStringGetTextDatum(psprintf("%d", family->min_dim));
		else
			values[3] = CStringGetTextDatum(psprintf("%d..%d", family->min_dim, family->max_dim));
		values[4] = CStringGetTextDatum(family->size);
		nulls[5] = family->cosine[0] == '\0';
		values[5] = CStringGetTextDatum(family->cosine);
		fill_figures(family, dim, values + 6, nulls + 6);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}
