/*-------------------------------------------------------------------------
 *
 * rotation.c
 *	  The type sphx_rotation, a learned rotation: training, input and output,
 *	  and its use.
 *
 * The binary form, and in hexadecimal digits the text form: uint16 version,
 * dimensions, directions and 0; the CRC-32C of what follows; float4 mean variance
 * along a direction of the complement, and the variances along the learned
 * directions; int16 reflectors (math/base/reflect.h).  Any reflectors are some
 * rotation: without a checksum nobody would notice that they are not the learned
 * ones.
 *
 *-------------------------------------------------------------------------
 */
#include "server/compat.h"

#include <limits.h>
#include <math.h>

#include "lib/stringinfo.h"
#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "port/pg_crc32c.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "fn/points.h"
#include "math/base/reflect.h"
#include "math/train/spectrum.h"
#include "server/memory.h"

PG_FUNCTION_INFO_V1(sphx_rotation_in);
PG_FUNCTION_INFO_V1(sphx_rotation_out);
PG_FUNCTION_INFO_V1(sphx_rotation_recv);
PG_FUNCTION_INFO_V1(sphx_rotation_send);
PG_FUNCTION_INFO_V1(sphx_train_rotation_array);
PG_FUNCTION_INFO_V1(sphx_train_rotation_query);
PG_FUNCTION_INFO_V1(sphx_rotate_vector);
PG_FUNCTION_INFO_V1(sphx_rotate_vector_back);
PG_FUNCTION_INFO_V1(sphx_rotation_energy);
PG_FUNCTION_INFO_V1(sphx_rotation_dims);
PG_FUNCTION_INFO_V1(sphx_rotation_directions);

#define ROTATION_VERSION	1
#define HEADER_BYTES		12	/* of the binary form, the checksum included */

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

static Size
reflector_bytes(int dims, int directions)
{
	return sphx_reflectors_bytes(dims, directions);
}

static int16 *
reflectors_of(Rotation *rotation)
{
	return (int16 *) (rotation->variances + rotation->directions);
}

static Rotation *
new_rotation(int dims, int directions)
{
	Size		size = offsetof(Rotation, variances) + sizeof(float) * (Size) directions +
	reflector_bytes(dims, directions);
	Rotation   *rotation;

	SphxCheckBytes((double) size);
	rotation = palloc0(size);
	SET_VARSIZE(rotation, size);
	rotation->dims = (uint16) dims;
	rotation->directions = (uint16) directions;
	return rotation;
}


/* Input and output */

static uint32
checksum(const char *data, int size)
{
	pg_crc32c	crc;

	INIT_CRC32C(crc);
	COMP_CRC32C(crc, data, (size_t) size);
	FIN_CRC32C(crc);
	return crc;
}

static bytea *
make_bytes(Rotation *rotation)
{
	StringInfoData body;
	StringInfoData buf;
	int			entries = rotation->dims * rotation->directions;

	initStringInfo(&body);
	pq_sendfloat4(&body, rotation->rest);
	for (int i = 0; i < rotation->directions; i++)
		pq_sendfloat4(&body, rotation->variances[i]);
	for (int i = 0; i < entries; i++)
		pq_sendint16(&body, (uint16) reflectors_of(rotation)[i]);

	pq_begintypsend(&buf);
	pq_sendint16(&buf, ROTATION_VERSION);
	pq_sendint16(&buf, rotation->dims);
	pq_sendint16(&buf, rotation->directions);
	pq_sendint16(&buf, 0);
	pq_sendint32(&buf, checksum(body.data, body.len));
	pq_sendbytes(&buf, body.data, body.len);
	pfree(body.data);
	return pq_endtypsend(&buf);
}

static void
bad_rotation(int code, const char *detail)
{
	ereport(ERROR,
			(errcode(code),
			 errmsg("invalid value of type sphx_rotation"),
			 errdetail("%s", detail),
			 errhint("Copy the whole of what sphx_train_rotation has made, or train again.")));
}

/* the body behind the header, its length and checksum being right */
static Rotation *
read_body(StringInfo buf, int dims, int directions, int code)
{
	Rotation   *rotation = new_rotation(dims, directions);
	double		sum;

	rotation->rest = pq_getmsgfloat4(buf);
	sum = (double) rotation->rest * (dims - directions);
	for (int i = 0; i < directions; i++)
	{
		rotation->variances[i] = pq_getmsgfloat4(buf);
		if (!(rotation->variances[i] >= 0.0f) ||
			(i > 0 && rotation->variances[i] > rotation->variances[i - 1]))
			bad_rotation(code, "Its variances are not descending.");
		sum += (double) rotation->variances[i];
	}
	if (!(rotation->rest >= 0.0f && fabs(sum - 1.0) < 0.01))
		bad_rotation(code, "Its variances do not add up to 1.");
	for (int i = 0; i < dims * directions; i++)
		reflectors_of(rotation)[i] = (int16) pq_getmsgint(buf, sizeof(int16));
	return rotation;
}

/* The binary form; `code` is what errors have. */
static Rotation *
read_bytes(StringInfo buf, int code)
{
	int			version;
	int			dims;
	int			directions;
	int			unused;
	uint32		crc;
	double		size;

	if (buf->len - buf->cursor < HEADER_BYTES)
		bad_rotation(code, "It is too short.");
	version = (int) pq_getmsgint(buf, sizeof(int16));
	dims = (int) pq_getmsgint(buf, sizeof(int16));
	directions = (int) pq_getmsgint(buf, sizeof(int16));
	unused = (int) pq_getmsgint(buf, sizeof(int16));
	crc = pq_getmsgint(buf, sizeof(int32));
	if (version != ROTATION_VERSION || unused != 0)
		bad_rotation(code, "It has another version.");
	if (dims < 1 || dims > SPHX_VECTOR_MAX_DIM || directions > dims)
		bad_rotation(code, "Its numbers of dimensions and directions are impossible.");
	size = sizeof(float) * ((double) directions + 1.0) + sizeof(int16) * (double) dims * directions;
	if ((double) (buf->len - buf->cursor) != size)
		bad_rotation(code, "Its length is wrong.");
	if (checksum(buf->data + buf->cursor, buf->len - buf->cursor) != crc)
		bad_rotation(code, "Its checksum is wrong.");
	return read_body(buf, dims, directions, code);
}

Datum
sphx_rotation_in(PG_FUNCTION_ARGS)
{
	const char *input = PG_GETARG_CSTRING(0);
	size_t		digits = strlen(input);
	StringInfoData buf;

	if (digits % 2 != 0 || strspn(input, "0123456789abcdefABCDEF") != digits)
		bad_rotation(ERRCODE_INVALID_TEXT_REPRESENTATION, "It is not made of hexadecimal digits.");
	initStringInfo(&buf);
	enlargeStringInfo(&buf, (int) (digits / 2));
	buf.len = (int) hex_decode(input, digits, buf.data);
	PG_RETURN_POINTER(read_bytes(&buf, ERRCODE_INVALID_TEXT_REPRESENTATION));
}

Datum
sphx_rotation_out(PG_FUNCTION_ARGS)
{
	bytea	   *bytes = make_bytes(PG_GETARG_ROTATION_P(0));
	Size		size = VARSIZE_ANY_EXHDR(bytes);
	char	   *digits = palloc(2 * size + 1);

	digits[hex_encode(VARDATA_ANY(bytes), size, digits)] = '\0';
	PG_RETURN_CSTRING(digits);
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

static void
check_range(const char *name, int64 value, int64 least, int64 most)
{
	if (value < least || value > most)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be between " INT64_FORMAT " and " INT64_FORMAT ", not " INT64_FORMAT,
						name, least, most, value)));
}

static Rotation *
train_rotation(SphxServerEnv *env, const SphxPointSet *set, int directions, uint64 seed)
{
	int			most = directions > 0 ? Min(directions, set->d) : sphx_reflectors_count(set->d);
	SphxSpectrum *spectrum;
	SphxReflectors *reflectors;
	Rotation   *rotation;

	if (set->n > INT_MAX)
		SphxCheckBytes(SPHX_SET_BYTES + 1.0);
	SphxLoadBlas();
	spectrum = sphx_spectrum_train(&env->base, (int) set->n, set->rows, set->d, most, seed);
	reflectors = sphx_reflectors_create(&env->base, set->d, spectrum->count, spectrum->vectors);
	rotation = new_rotation(set->d, spectrum->count);
	rotation->rest = spectrum->rest;
	memcpy(rotation->variances, spectrum->variances, sizeof(float) * (Size) spectrum->count);
	sphx_reflectors_write(reflectors, reflectors_of(rotation));
	return rotation;
}

/* (points, directions, seed) */
Datum
sphx_train_rotation_array(PG_FUNCTION_ARGS)
{
	int			directions = PG_GETARG_INT32(1);
	SphxServerEnv env;
	SphxPoints *points;

	check_range("number of directions", directions, 0, SPHX_VECTOR_MAX_DIM);
	SphxInitTask(&env, "sphx_train_rotation");
	points = SphxPointsFromArray(PG_GETARG_ARRAYTYPE_P(0), 1);
	PG_RETURN_POINTER(train_rotation(&env, &points->set, directions, (uint64) PG_GETARG_INT64(2)));
}

/* (query, directions, seed, sample) */
Datum
sphx_train_rotation_query(PG_FUNCTION_ARGS)
{
	int			directions = PG_GETARG_INT32(1);
	uint64		seed = (uint64) PG_GETARG_INT64(2);
	int64		sample = PG_GETARG_INT64(3);
	SphxServerEnv env;
	SphxPoints *points;

	check_range("number of directions", directions, 0, SPHX_VECTOR_MAX_DIM);
	check_range("sample", sample, 0, PG_INT64_MAX);
	SphxInitTask(&env, "rows to train on");
	points = SphxPointsFromQuery(fcinfo, &env, sample, seed, NULL, NULL);
	env.task = "sphx_train_rotation";
	PG_RETURN_POINTER(train_rotation(&env, &points->set, directions, seed));
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

	check_range("number of dimensions", leading, 0, rotation->dims);
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
