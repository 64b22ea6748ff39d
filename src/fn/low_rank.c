/*-------------------------------------------------------------------------
 *
 * low_rank.c
 *	  The type sphx_lrsq, a model of low-rank spherical quantisation: training,
 *	  input and output, and its codes.
 *
 * The body of its binary form (fn/model.h): float4 energy, and the center of heads,
 * `rank` numbers; int16 reflectors (math/base/reflect.h).
 *
 * A code is a bytea: the CRC-32C of the model's checksum and what follows, big-
 * endian; then what math/codes/lrsq.c makes.  It tells a code of another model, or
 * a damaged one, for which no bound would hold.
 *
 *-------------------------------------------------------------------------
 */
#include "server/compat.h"

#include <math.h>

#include "libpq/pqformat.h"
#include "port/pg_bswap.h"
#include "port/pg_crc32c.h"
#include "utils/memutils.h"

#include "fn/model.h"
#include "fn/points.h"
#include "math/codes/lrsq.h"

PG_FUNCTION_INFO_V1(sphx_lrsq_in);
PG_FUNCTION_INFO_V1(sphx_lrsq_out);
PG_FUNCTION_INFO_V1(sphx_lrsq_recv);
PG_FUNCTION_INFO_V1(sphx_lrsq_send);
PG_FUNCTION_INFO_V1(sphx_lrsq_train_array);
PG_FUNCTION_INFO_V1(sphx_lrsq_train_query);
PG_FUNCTION_INFO_V1(sphx_lrsq_encode_vector);
PG_FUNCTION_INFO_V1(sphx_lrsq_decode_code);
PG_FUNCTION_INFO_V1(sphx_lrsq_cosine_code);
PG_FUNCTION_INFO_V1(sphx_lrsq_error_code);
PG_FUNCTION_INFO_V1(sphx_lrsq_dims);
PG_FUNCTION_INFO_V1(sphx_lrsq_rank);
PG_FUNCTION_INFO_V1(sphx_lrsq_energy);

#define CHECKSUM_BYTES	4		/* of a code */

typedef struct Model
{
	int32		vl_len_;		/* varlena header, not to be touched directly */
	uint16		dims;			/* 1..SPHX_VECTOR_MAX_DIM */
	uint16		rank;			/* 1..dims */
	uint32		checksum;		/* of the binary form's body */
	float		energy;			/* 0..1 */
	float		center[FLEXIBLE_ARRAY_MEMBER];	/* rank; then the reflectors */
} Model;

#define PG_GETARG_MODEL_P(n)	((Model *) PG_DETOAST_DATUM(PG_GETARG_DATUM(n)))

static double
body_size(int dims, int rank)
{
	return sizeof(float) * ((double) rank + 1.0) + sizeof(int16) * (double) dims * rank;
}

static const SphxModelType model_type = {"sphx_lrsq", "sphx_lrsq_train", 1, 1, body_size};

static int16 *
reflectors_of(Model *model)
{
	return (int16 *) (model->center + model->rank);
}

static Model *
new_model(int dims, int rank)
{
	Size		size = offsetof(Model, center) + sizeof(float) * (Size) rank +
	sphx_reflectors_bytes(dims, rank);
	Model	   *model;

	SphxCheckBytes((double) size);
	model = palloc0(size);
	SET_VARSIZE(model, size);
	model->dims = (uint16) dims;
	model->rank = (uint16) rank;
	return model;
}


/* Input and output */

static void
make_body(Model *model, StringInfo body)
{
	int			entries = model->dims * model->rank;

	initStringInfo(body);
	pq_sendfloat4(body, model->energy);
	for (int i = 0; i < model->rank; i++)
		pq_sendfloat4(body, model->center[i]);
	for (int i = 0; i < entries; i++)
		pq_sendint16(body, (uint16) reflectors_of(model)[i]);
}

static bytea *
make_bytes(Model *model)
{
	StringInfoData body;

	make_body(model, &body);
	return SphxWriteModel(&model_type, model->dims, model->rank, &body);
}

/* The binary form; `code` is what errors have. */
static Model *
read_bytes(StringInfo buf, int code)
{
	SphxModelHeader header = SphxReadModel(&model_type, buf, code);
	double		square = 0.0;
	Model	   *model;

	if (header.directions < 1)
		SphxBadModel(&model_type, code, "Its rank is 0.");
	model = new_model(header.dims, header.directions);
	model->checksum = header.checksum;
	model->energy = pq_getmsgfloat4(buf);
	if (!(model->energy >= 0.0f && model->energy <= 1.0f))
		SphxBadModel(&model_type, code, "Its energy is not between 0 and 1.");
	for (int i = 0; i < model->rank; i++)
	{
		model->center[i] = pq_getmsgfloat4(buf);
		square += (double) model->center[i] * (double) model->center[i];
	}
	/* the mean of unit vectors */
	if (!(square < 1.01))
		SphxBadModel(&model_type, code, "Its center is impossible.");
	for (int i = 0; i < model->dims * model->rank; i++)
		reflectors_of(model)[i] = (int16) pq_getmsgint(buf, sizeof(int16));
	return model;
}

Datum
sphx_lrsq_in(PG_FUNCTION_ARGS)
{
	StringInfo	buf = SphxModelFromText(&model_type, PG_GETARG_CSTRING(0));

	PG_RETURN_POINTER(read_bytes(buf, ERRCODE_INVALID_TEXT_REPRESENTATION));
}

Datum
sphx_lrsq_out(PG_FUNCTION_ARGS)
{
	PG_RETURN_CSTRING(SphxModelToText(make_bytes(PG_GETARG_MODEL_P(0))));
}

Datum
sphx_lrsq_recv(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(read_bytes((StringInfo) PG_GETARG_POINTER(0),
								 ERRCODE_INVALID_BINARY_REPRESENTATION));
}

Datum
sphx_lrsq_send(PG_FUNCTION_ARGS)
{
	PG_RETURN_BYTEA_P(make_bytes(PG_GETARG_MODEL_P(0)));
}


/* Training */

static Datum
train_model(FunctionCallInfo fcinfo, bool query)
{
	int			rank = PG_GETARG_INT32(1);
	SphxServerEnv env;
	SphxPoints *points;
	SphxLrsq   *lrsq;
	Model	   *model;
	StringInfoData body;

	SphxCheckRange("rank", rank, 1, SPHX_VECTOR_MAX_DIM);
	points = SphxPointsToTrain(fcinfo, query, &env, "sphx_lrsq_train");
	SphxCheckRange("rank", rank, 1, points->set.d);
	model = new_model(points->set.d, rank);
	lrsq = sphx_lrsq_train(&env.base, (int) points->set.n, points->set.rows, points->set.d, rank,
						   (uint64) PG_GETARG_INT64(2));
	model->energy = (float) lrsq->energy;
	memcpy(model->center, lrsq->center, sizeof(float) * (Size) rank);
	sphx_reflectors_write(lrsq->reflectors, reflectors_of(model));
	make_body(model, &body);
	model->checksum = SphxModelChecksum(&body);
	PG_RETURN_POINTER(model);
}

Datum
sphx_lrsq_train_array(PG_FUNCTION_ARGS)
{
	return train_model(fcinfo, false);
}

Datum
sphx_lrsq_train_query(PG_FUNCTION_ARGS)
{
	return train_model(fcinfo, true);
}


/* Use */

/* What a call of a query keeps: the model that it saw last, and the vector compared with codes. */
typedef struct Kept
{
	MemoryContext context;		/* of the model, */
	MemoryContext query_context;	/* and of the vector */
	Model	   *model;
	SphxLrsq   *lrsq;
	double	   *scratch;		/* dims */
	Vector	   *v;				/* NULL when there is none yet */
	SphxLrsqQuery *query;
} Kept;

static void *
copy_datum(MemoryContext context, const void *datum)
{
	void	   *copy = MemoryContextAllocHuge(context, VARSIZE(datum));

	memcpy(copy, datum, VARSIZE(datum));
	return copy;
}

static bool
same_datum(const void *a, const void *b)
{
	return a != NULL && VARSIZE(a) == VARSIZE(b) && memcmp(a, b, VARSIZE(a)) == 0;
}

static Kept *
keep_model(FunctionCallInfo fcinfo, const Model *model)
{
	Kept	   *kept = fcinfo->flinfo->fn_extra;
	SphxServerEnv env;

	if (kept == NULL)
	{
		kept = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(Kept));
		kept->context = AllocSetContextCreate(fcinfo->flinfo->fn_mcxt, "sphx LRSQ model",
											  ALLOCSET_DEFAULT_SIZES);
		kept->query_context = AllocSetContextCreate(fcinfo->flinfo->fn_mcxt, "sphx LRSQ query",
													ALLOCSET_DEFAULT_SIZES);
		fcinfo->flinfo->fn_extra = kept;
	}
	if (same_datum(kept->model, model))
		return kept;
	kept->model = NULL;
	kept->v = NULL;
	MemoryContextReset(kept->context);
	SphxInitEnv(&env, kept->context);
	kept->scratch = MemoryContextAllocHuge(kept->context, sizeof(double) * model->dims);
	kept->model = copy_datum(kept->context, model);
	kept->lrsq = sphx_lrsq_create(&env.base, model->dims, model->rank, kept->model->center,
								  reflectors_of(kept->model), (double) model->energy);
	return kept;
}

static void
check_dims(const Model *model, const Vector *v)
{
	if (v->dim != model->dims)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("model of %d dimensions does not fit a vector of %d", model->dims, v->dim),
				 errhint("Train a model on vectors of the same dimensions.")));
}

/* of a code, without its own */
static uint32
code_checksum(const Model *model, const uint8 *code)
{
	uint32		salt = pg_hton32(model->checksum);
	pg_crc32c	crc;

	INIT_CRC32C(crc);
	COMP_CRC32C(crc, &salt, sizeof(salt));
	COMP_CRC32C(crc, code, sphx_lrsq_bytes(model->rank));
	FIN_CRC32C(crc);
	return crc;
}

static void
check_code(bool good, const char *detail)
{
	if (!good)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("not a code of this model"),
				 errdetail("%s", detail),
				 errhint("Use the model that made the code, or encode the vector again.")));
}

/* the bytes of a code that the model has made */
static const uint8 *
get_code(const Model *model, bytea *bytes)
{
	const uint8 *code = (const uint8 *) VARDATA_ANY(bytes);
	uint32		checksum;

	check_code(VARSIZE_ANY_EXHDR(bytes) == CHECKSUM_BYTES + sphx_lrsq_bytes(model->rank),
			   "Its length is wrong.");
	memcpy(&checksum, code, CHECKSUM_BYTES);
	code += CHECKSUM_BYTES;
	check_code(pg_ntoh32(checksum) == code_checksum(model, code) &&
			   sphx_lrsq_is_code(model->rank, code), "Its checksum is wrong.");
	return code;
}

/* (model, v) */
Datum
sphx_lrsq_encode_vector(PG_FUNCTION_ARGS)
{
	const Model *model = PG_GETARG_MODEL_P(0);
	const Vector *v = PG_GETARG_VECTOR_P(1);
	Size		size = VARHDRSZ + CHECKSUM_BYTES + sphx_lrsq_bytes(model->rank);
	bytea	   *result = palloc(size);
	uint8	   *code = (uint8 *) VARDATA(result) + CHECKSUM_BYTES;
	const Kept *kept;
	uint32		checksum;

	check_dims(model, v);
	kept = keep_model(fcinfo, model);
	sphx_lrsq_encode(kept->lrsq, v->x, kept->scratch, code);
	checksum = pg_hton32(code_checksum(model, code));
	memcpy(VARDATA(result), &checksum, CHECKSUM_BYTES);
	SET_VARSIZE(result, size);
	PG_RETURN_BYTEA_P(result);
}

/* (model, code) */
Datum
sphx_lrsq_decode_code(PG_FUNCTION_ARGS)
{
	const Model *model = PG_GETARG_MODEL_P(0);
	const uint8 *code = get_code(model, PG_GETARG_BYTEA_PP(1));
	const Kept *kept = keep_model(fcinfo, model);
	Vector	   *result = SphxVectorNew(model->dims);

	sphx_lrsq_decode(kept->lrsq, code, kept->scratch, result->x);
	PG_RETURN_VECTOR_P(result);
}

static void
keep_query(Kept *kept, const Vector *v)
{
	SphxServerEnv env;

	if (same_datum(kept->v, v))
		return;
	kept->v = NULL;
	MemoryContextReset(kept->query_context);
	SphxInitEnv(&env, kept->query_context);
	kept->query = sphx_lrsq_query(&env.base, kept->lrsq, v->x);
	kept->v = copy_datum(kept->query_context, v);
}

/* (model, code, v): estimate, lower, upper */
Datum
sphx_lrsq_cosine_code(PG_FUNCTION_ARGS)
{
	const Model *model = PG_GETARG_MODEL_P(0);
	const uint8 *code = get_code(model, PG_GETARG_BYTEA_PP(1));
	const Vector *v = PG_GETARG_VECTOR_P(2);
	SphxLrsqCosine cosine;
	Kept	   *kept;
	Datum		values[3];
	bool		nulls[3] = {false};

	check_dims(model, v);
	kept = keep_model(fcinfo, model);
	keep_query(kept, v);
	cosine = sphx_lrsq_cosine(kept->lrsq, code, kept->query);
	values[0] = Float8GetDatum(cosine.estimate);
	values[1] = Float8GetDatum(cosine.lower);
	values[2] = Float8GetDatum(cosine.upper);
	return SphxMakeRecord(fcinfo, values, nulls);
}

/* (model, code): predicted, bound, tail */
Datum
sphx_lrsq_error_code(PG_FUNCTION_ARGS)
{
	const Model *model = PG_GETARG_MODEL_P(0);
	const uint8 *code = get_code(model, PG_GETARG_BYTEA_PP(1));
	SphxLrsqError error = sphx_lrsq_error(model->rank, code);
	Datum		values[3];
	bool		nulls[3] = {false};

	values[0] = Float8GetDatum(error.predicted);
	values[1] = Float8GetDatum(error.bound);
	values[2] = Float8GetDatum(error.tail);
	return SphxMakeRecord(fcinfo, values, nulls);
}

Datum
sphx_lrsq_dims(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(PG_GETARG_MODEL_P(0)->dims);
}

Datum
sphx_lrsq_rank(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(PG_GETARG_MODEL_P(0)->rank);
}

Datum
sphx_lrsq_energy(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8((double) PG_GETARG_MODEL_P(0)->energy);
}
