/*-------------------------------------------------------------------------
 *
 * rotation.c
 *	  The type sphx_rotation, a learned rotation: training, input and output,
 *	  and its use.
 *
 * The body of its binary form (fn/model.h): float4 mean variance along a direction
 * of the complement, and the variances along the learned directions; int16
 * reflectors (math/base/reflect.h), any of which are some rotation.
 *
 *-------------------------------------------------------------------------
 */
#include "server/compat.h"

#include <math.h>

#include "funcapi.h"
#include "libpq/pqformat.h"
#include "utils/memutils.h"

#include "fn/model.h"
#include "fn/points.h"
#include "math/base/reflect.h"
#include "math/train/principal.h"
#include "math/train/spectrum.h"
#include "server/memory.h"

PG_FUNCTION_INFO_V1(sphx_rotation_in);
PG_FUNCTION_INFO_V1(sphx_rotation_out);
PG_FUNCTION_INFO_V1(sphx_rotation_recv);
PG_FUNCTION_INFO_V1(sphx_rotation_send);
PG_FUNCTION_INFO_V1(sphx_train_rotation_array);
PG_FUNCTION_INFO_V1(sphx_train_rotation_query);
PG_FUNCTION_INFO_V1(sphx_rotation_report_array);
PG_FUNCTION_INFO_V1(sphx_rotation_report_query);
PG_FUNCTION_INFO_V1(sphx_rotate_vector);
PG_FUNCTION_INFO_V1(sphx_rotate_vector_back);
PG_FUNCTION_INFO_V1(sphx_rotation_energy);
PG_FUNCTION_INFO_V1(sphx_rotation_dims);
PG_FUNCTION_INFO_V1(sphx_rotation_directions);

typedef struct Rotation
{
	int32		vl_len_;		/* varlena header, not to be touched directly */
	uint16		dims;			/* 1..SPHX_VECTOR_MAX_DIM */
	uint16		directions;		/* 0..dims */
	float		rest;			/* mean variance along other directions */
	float		variances[FLEXIBLE_ARRAY_MEMBER];	/* descending; then the
													 * reflectors */
} Rotation;

#define PG_GETARG_ROTATION_P(n)	((Rotation *) PG_DETOAST_DATUM(PG_GETARG_DATUM(n)))

static double
body_size(int dims, int directions)
{
	return sizeof(float) * ((double) directions + 1.0) +
		sizeof(int16) * (double) dims * directions;
}

static const SphxModelType rotation_type = {"sphx_rotation", "sphx_train_rotation", 0, 1, body_size};

static int16 *
reflectors_of(Rotation *rotation)
{
	return (int16 *) (rotation->variances + rotation->directions);
}

static Rotation *
new_rotation(int dims, int directions)
{
	Size		size = offsetof(Rotation, variances) + sizeof(float) * (Size) directions +
	sphx_reflectors_bytes(dims, directions);
	Rotation   *rotation;

	SphxCheckBytes((double) size);
	rotation = palloc0(size);
	SET_VARSIZE(rotation, size);
	rotation->dims = (uint16) dims;
	rotation->directions = (uint16) directions;
	return rotation;
}


/* Input and output */

static bytea *
make_bytes(Rotation *rotation)
{
	StringInfoData body;
	int			entries = rotation->dims * rotation->directions;

	initStringInfo(&body);
	pq_sendfloat4(&body, rotation->rest);
	for (int i = 0; i < rotation->directions; i++)
		pq_sendfloat4(&body, rotation->variances[i]);
	for (int i = 0; i < entries; i++)
		pq_sendint16(&body, (uint16) reflectors_of(rotation)[i]);
	return SphxWriteModel(&rotation_type, rotation->dims, rotation->directions, &body);
}

/* The binary form; `code` is what errors have. */
static Rotation *
read_bytes(StringInfo buf, int code)
{
	SphxModelHeader header = SphxReadModel(&rotation_type, buf, code);
	int			dims = header.dims;
	int			directions = header.directions;
	Rotation   *rotation = new_rotation(dims, directions);
	double		sum;

	rotation->rest = pq_getmsgfloat4(buf);
	sum = (double) rotation->rest * (dims - directions);
	for (int i = 0; i < directions; i++)
	{
		rotation->variances[i] = pq_getmsgfloat4(buf);
		if (!(rotation->variances[i] >= 0.0f) ||
			(i > 0 && rotation->variances[i] > rotation->variances[i - 1]))
			SphxBadModel(&rotation_type, code, "Its variances are not descending.");
		sum += (double) rotation->variances[i];
	}
	if (!(rotation->rest >= 0.0f && fabs(sum - 1.0) < 0.01))
		SphxBadModel(&rotation_type, code, "Its variances do not add up to 1.");
	for (int i = 0; i < dims * directions; i++)
		reflectors_of(rotation)[i] = (int16) pq_getmsgint(buf, sizeof(int16));
	return rotation;
}

Datum
sphx_rotation_in(PG_FUNCTION_ARGS)
{
	StringInfo	buf = SphxModelFromText(&rotation_type, PG_GETARG_CSTRING(0));

	PG_RETURN_POINTER(read_bytes(buf, ERRCODE_INVALID_TEXT_REPRESENTATION));
}

Datum
sphx_rotation_out(PG_FUNCTION_ARGS)
{
	PG_RETURN_CSTRING(SphxModelToText(make_bytes(PG_GETARG_ROTATION_P(0))));
}

Datum
sphx_rotation_recv(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(read_bytes((StringInfo) PG_GETARG_POINTER(0),
								 ERRCODE_INVALID_BINARY_REPRESENTATION));
}

Datum
sphx_rotation_send(PG_FUNCTION_ARGS)
{
	PG_RETURN_BYTEA_P(make_bytes(PG_GETARG_ROTATION_P(0)));
}


/* Training */

/* What a function of (points, directions, seed) or (query, directions, seed, sample) was given. */
typedef struct Training
{
	SphxServerEnv env;
	const SphxPointSet *set;
	int			most;			/* directions */
	uint64		seed;
} Training;

static void
get_training(FunctionCallInfo fcinfo, bool query, const char *task, Training *training)
{
	int			directions = PG_GETARG_INT32(1);
	SphxPoints *points;

	SphxCheckRange("number of directions", directions, 0, SPHX_VECTOR_MAX_DIM);
	training->seed = (uint64) PG_GETARG_INT64(2);
	points = SphxPointsToTrain(fcinfo, query, &training->env, task);
	training->set = &points->set;
	training->most = directions > 0 ? Min(directions, points->set.d) :
		sphx_reflectors_count(points->set.d);
}

static SphxSpectrum *
train_spectrum(Training *training)
{
	const SphxPointSet *set = training->set;

	return sphx_spectrum_train(&training->env.base, (int) set->n, set->rows, set->d,
							   training->most, training->seed);
}

static Datum
train_rotation(FunctionCallInfo fcinfo, bool query)
{
	Training	training;
	SphxSpectrum *spectrum;
	SphxReflectors *reflectors;
	Rotation   *rotation;

	get_training(fcinfo, query, "sphx_train_rotation", &training);
	spectrum = train_spectrum(&training);
	reflectors = sphx_reflectors_create(&training.env.base, spectrum->D, spectrum->count,
										spectrum->vectors);
	rotation = new_rotation(spectrum->D, spectrum->count);
	rotation->rest = spectrum->rest;
	memcpy(rotation->variances, spectrum->variances, sizeof(float) * (Size) spectrum->count);
	sphx_reflectors_write(reflectors, reflectors_of(rotation));
	PG_RETURN_POINTER(rotation);
}

Datum
sphx_train_rotation_array(PG_FUNCTION_ARGS)
{
	return train_rotation(fcinfo, false);
}

Datum
sphx_train_rotation_query(PG_FUNCTION_ARGS)
{
	return train_rotation(fcinfo, true);
}


/* Energy beside that of other rotations */

/* Variances of the differences along the principal directions of the data, and along any other. */
static float *
measure_principal(Training *training, int *count, float *rest)
{
	const SphxPointSet *set = training->set;
	SphxPrincipal *principal = sphx_principal_train(&training->env.base, (int) set->n, set->rows,
													set->d, training->most,
													SPHX_MOMENTS_COVARIANCE, training->seed);
	float	   *variances = palloc(sizeof(float) * ((Size) principal->count + 1));
	double		left = 1.0;

	*count = principal->count;
	sphx_spectrum_measure(&training->env.base, (int) set->n, set->rows, set->d, training->seed,
						  principal->count, principal->vectors, variances);
	for (int i = 0; i < *count; i++)
		left -= (double) variances[i];
	*rest = *count < set->d ? (float) (Max(left, 0.0) / (set->d - *count)) : 0.0f;
	return variances;
}

/* a row for each number of leading dimensions: that, learned, random, pca */
static Datum
report_rotation(FunctionCallInfo fcinfo, bool query)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Training	training;
	SphxSpectrum *spectrum;
	float	   *principal;
	float		rest;
	int			count;
	double		learned = 0.0;
	double		pca = 0.0;

	InitMaterializedSRF(fcinfo, 0);
	get_training(fcinfo, query, "sphx_rotation_report", &training);
	spectrum = train_spectrum(&training);
	principal = measure_principal(&training, &count, &rest);
	for (int i = 0; i < spectrum->D; i++)
	{
		Datum		values[4];
		bool		nulls[4] = {false};

		learned += (double) (i < spectrum->count ? spectrum->variances[i] : spectrum->rest);
		pca += (double) (i < count ? principal[i] : rest);
		values[0] = Int32GetDatum(i + 1);
		values[1] = Float8GetDatum(Min(learned, 1.0));
		values[2] = Float8GetDatum((i + 1.0) / spectrum->D);
		values[3] = Float8GetDatum(Min(pca, 1.0));
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}

Datum
sphx_rotation_report_array(PG_FUNCTION_ARGS)
{
	return report_rotation(fcinfo, false);
}

Datum
sphx_rotation_report_query(PG_FUNCTION_ARGS)
{
	return report_rotation(fcinfo, true);
}


/* Use */

/* What a call of a query keeps: the reflectors of the rotation that it saw last. */
typedef struct Kept
{
	MemoryContext context;
	Rotation   *rotation;
	SphxReflectors *reflectors;
	float	   *scratch;
} Kept;

static const Kept *
keep_rotation(FunctionCallInfo fcinfo, const Rotation *rotation)
{
	Kept	   *kept = fcinfo->flinfo->fn_extra;
	SphxServerEnv env;

	if (kept == NULL)
	{
		kept = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(Kept));
		kept->context = AllocSetContextCreate(fcinfo->flinfo->fn_mcxt, "sphx rotation",
											  ALLOCSET_DEFAULT_SIZES);
		fcinfo->flinfo->fn_extra = kept;
	}
	if (kept->rotation != NULL && VARSIZE(kept->rotation) == VARSIZE(rotation) &&
		memcmp(kept->rotation, rotation, VARSIZE(rotation)) == 0)
		return kept;
	kept->rotation = NULL;
	MemoryContextReset(kept->context);
	SphxInitEnv(&env, kept->context);
	kept->scratch = MemoryContextAlloc(kept->context,
									   sizeof(float) * ((Size) rotation->directions + 1));
	kept->rotation = MemoryContextAllocHuge(kept->context, VARSIZE(rotation));
	memcpy(kept->rotation, rotation, VARSIZE(rotation));
	kept->reflectors = sphx_reflectors_read(&env.base, rotation->dims, rotation->directions,
											reflectors_of(kept->rotation));
	return kept;
}

static Datum
rotate(FunctionCallInfo fcinfo, void (*turn) (const SphxReflectors *, float *, float *))
{
	const Rotation *rotation = PG_GETARG_ROTATION_P(0);
	const Vector *v = PG_GETARG_VECTOR_P(1);
	Vector	   *result = SphxVectorNew(v->dim);
	const Kept *kept;

	if (v->dim != rotation->dims)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("rotation of %d dimensions cannot turn a vector of %d", rotation->dims,
						v->dim),
				 errhint("Train a rotation on vectors of the same dimensions.")));
	kept = keep_rotation(fcinfo, rotation);
	memcpy(result->x, v->x, sizeof(float) * (Size) v->dim);
	turn(kept->reflectors, result->x, kept->scratch);
	for (int i = 0; i < v->dim; i++)
		if (!isfinite(result->x[i]))
			ereport(ERROR,
					(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					 errmsg("value out of range: overflow")));
	PG_RETURN_VECTOR_P(result);
}

Datum
sphx_rotate_vector(PG_FUNCTION_ARGS)
{
	return rotate(fcinfo, sphx_reflect);
}

Datum
sphx_rotate_vector_back(PG_FUNCTION_ARGS)
{
	return rotate(fcinfo, sphx_reflect_back);
}

/* (rotation, leading dimensions): their share of the variance of differences */
Datum
sphx_rotation_energy(PG_FUNCTION_ARGS)
{
	const Rotation *rotation = PG_GETARG_ROTATION_P(0);
	int			leading = PG_GETARG_INT32(1);
	double		energy = 0.0;

	SphxCheckRange("number of dimensions", leading, 0, rotation->dims);
	for (int i = 0; i < leading; i++)
		energy += (double) (i < rotation->directions ? rotation->variances[i] : rotation->rest);
	PG_RETURN_FLOAT8(Min(energy, 1.0));
}

Datum
sphx_rotation_dims(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(PG_GETARG_ROTATION_P(0)->dims);
}

Datum
sphx_rotation_directions(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(PG_GETARG_ROTATION_P(0)->directions);
}
