/*-------------------------------------------------------------------------
 *
 * codebook.c
 *	  SQL functions that train codebooks: k-means, gap regularisation, product
 *	  quantisation.
 *
 * Each function has two forms, over a vector[] and over a query; they differ
 * only in where the rows come from.
 *
 *-------------------------------------------------------------------------
 */
#include "server/compat.h"

#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

#include "fn/points.h"
#include "math/train/train.h"
#include "server/memory.h"

PG_FUNCTION_INFO_V1(sphx_kmeans_array);
PG_FUNCTION_INFO_V1(sphx_kmeans_query);
PG_FUNCTION_INFO_V1(sphx_train_codebook_array);
PG_FUNCTION_INFO_V1(sphx_train_codebook_query);
PG_FUNCTION_INFO_V1(sphx_train_report_array);
PG_FUNCTION_INFO_V1(sphx_train_report_query);

#define MAX_GAP_WEIGHT	100.0	/* as that of an index */
#define REPORT_COLUMNS	17

/* One call. */
typedef struct Codebook
{
	SphxServerEnv env;			/* first: it is what steps are reported with */
	SphxTrainParams params;
	int			subspaces;
	int64		sample;			/* rows of a query to take, 0 = all */
	int			subspace;		/* being trained, from 1 */
} Codebook;

/* what becomes of a subspace's centroids, report[0].k of them */
typedef void (*Emit) (FunctionCallInfo fcinfo, Codebook *book, const SphxPointSet *rows,
					  const float *centroids, const SphxTrainReport report[2]);


/* Arguments */

static void
check_least(const char *name, int64 value, int64 least)
{
	if (value < least)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be at least " INT64_FORMAT ", not " INT64_FORMAT, name, least,
						value)));
}

static void
check_params(const Codebook *book)
{
	const SphxTrainParams *params = &book->params;

	check_least("k", params->k, 1);
	check_least("number of iterations", params->iterations, 0);
	check_least("number of subspaces", book->subspaces, 1);
	check_least("sample", book->sample, 0);
	if (!(params->gap_weight >= 0.0 && params->gap_weight <= MAX_GAP_WEIGHT))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("gap_weight must be between 0 and %g, not %g", MAX_GAP_WEIGHT,
						params->gap_weight)));
	if (params->method != SPHX_TRAIN_SOFTMIN)
		return;
	if (!params->spherical || book->subspaces > 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("method \"softmin\" trains spherical codebooks of one subspace only"),
				 errhint("Use spherical => true, subspaces => 1, or the method \"push\".")));
	if (params->k > SPHX_SOFTMIN_MAX_K)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("method \"softmin\" trains at most %d centroids, not %d",
						SPHX_SOFTMIN_MAX_K, params->k)));
}

static void
check_division(const Codebook *book, int d)
{
	if (d % book->subspaces != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%d dimensions cannot be divided into %d subspaces", d, book->subspaces),
				 errhint("The number of subspaces must divide that of dimensions.")));
}

static SphxTrainMethod
parse_method(const char *name)
{
	if (pg_strcasecmp(name, "push") == 0)
		return SPHX_TRAIN_PUSH;
	if (pg_strcasecmp(name, "softmin") == 0)
		return SPHX_TRAIN_SOFTMIN;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown training method \"%s\"", name),
			 errhint("Methods are \"push\" and \"softmin\".")));
	return SPHX_TRAIN_PUSH;		/* keep the compiler quiet */
}

static void
report_step(SphxEnv *env, const char *stage, int iteration, double error)
{
	Codebook   *book = (Codebook *) env;

	book->env.task = "training";
	ereport(DEBUG1,
			(errmsg_internal("subspace %d, %s, iteration %d: error %g",
							 book->subspace, stage, iteration, error)));
}

static void
init_codebook(Codebook *book)
{
	memset(book, 0, sizeof(*book));
	SphxInitTask(&book->env, "rows to train on");
	book->params.step = report_step;
	book->subspaces = 1;
}

/* (points or query, k, spherical, iterations, seed[, sample]) */
static void
kmeans_arguments(FunctionCallInfo fcinfo, Codebook *book)
{
	init_codebook(book);
	book->params.k = PG_GETARG_INT32(1);
	book->params.spherical = PG_GETARG_BOOL(2);
	book->params.iterations = PG_GETARG_INT32(3);
	book->params.seed = (uint64) PG_GETARG_INT64(4);
	if (PG_NARGS() > 5)
		book->sample = PG_GETARG_INT64(5);
	check_params(book);
}

/* (points or query, k, gap_weight, spherical, subspaces, iterations, seed, method[, sample]) */
static void
codebook_arguments(FunctionCallInfo fcinfo, Codebook *book)
{
	init_codebook(book);
	book->params.k = PG_GETARG_INT32(1);
	book->params.gap_weight = PG_GETARG_FLOAT8(2);
	book->params.spherical = PG_GETARG_BOOL(3);
	book->subspaces = PG_GETARG_INT32(4);
	book->params.iterations = PG_GETARG_INT32(5);
	book->params.seed = (uint64) PG_GETARG_INT64(6);
	book->params.method = parse_method(text_to_cstring(PG_GETARG_TEXT_PP(7)));
	if (PG_NARGS() > 8)
		book->sample = PG_GETARG_INT64(8);
	check_params(book);
}


/* Rows */

static void
check_first(void *arg, int d)
{
	check_division(arg, d);
}

static SphxPoints *
query_rows(FunctionCallInfo fcinfo, Codebook *book)
{
	return SphxPointsFromQuery(fcinfo, &book->env, book->sample, book->params.seed, check_first,
							   book);
}


/* Training */

/* The rows of one subspace: a share of the dimensions. */
static SphxPointSet
subspace_rows(const Codebook *book, const SphxPointSet *all)
{
	SphxPointSet part = {.n = all->n,.d = all->d / book->subspaces};
	size_t		d = (size_t) part.d;
	const float *from = all->rows + (size_t) (book->subspace - 1) * d;
	float	   *rows;

	if (book->subspaces == 1)
		return *all;
	rows = MemoryContextAllocHuge(CurrentMemoryContext, all->n * d * sizeof(float));
	for (size_t i = 0; i < all->n; i++)
		memcpy(rows + i * d, from + i * (size_t) all->d, d * sizeof(float));
	part.rows = rows;
	return part;
}

static void
train_subspace(FunctionCallInfo fcinfo, Codebook *book, const SphxPointSet *rows, Emit emit)
{
	SphxTrainParams params = book->params;
	SphxTrainReport report[2];
	float	   *centroids;

	if ((size_t) params.k > rows->n)
		params.k = (int) rows->n;

	/* parts of unit vectors are not unit vectors */
	params.spherical = params.spherical && book->subspaces == 1;
	params.seed += (uint64) book->subspace - 1;
	book->env.task = "k-means++";
	centroids = MemoryContextAllocHuge(CurrentMemoryContext,
									   sizeof(float) * (Size) params.k * (Size) rows->d);
	params.k = sphx_train(&book->env.base, &params, rows->n, rows->d, rows->rows, centroids,
						  report);
	if (params.k < book->params.k)
		ereport(NOTICE,
				(errmsg("found %d centroids instead of %d", params.k, book->params.k),
				 errdetail("There are no more different rows in subspace %d.", book->subspace)));
	emit(fcinfo, book, rows, centroids, report);
	pfree(centroids);
}

static void
train(FunctionCallInfo fcinfo, Codebook *book, SphxPoints *points, Emit emit)
{
	SphxPointSet *set = &points->set;

	check_division(book, set->d);
	SphxLoadBlas();
	if (book->params.spherical)
		SphxPointsNormalize(points);
	for (book->subspace = 1; book->subspace <= book->subspaces; book->subspace++)
	{
		SphxPointSet rows = subspace_rows(book, set);

		train_subspace(fcinfo, book, &rows, emit);
		if (rows.rows != set->rows)
			pfree(unconstify(float *, rows.rows));
	}
}


/* Results */

static void
put_row(FunctionCallInfo fcinfo, Datum *values, bool *nulls)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;

	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/* (id, centroid), or (subspace, id, centroid) */
static void
emit_centroids(FunctionCallInfo fcinfo, Codebook *book, const SphxPointSet *rows,
			   const float *centroids, const SphxTrainReport report[2])
{
	int			natts = ((ReturnSetInfo *) fcinfo->resultinfo)->setDesc->natts;
	Vector	   *v = SphxVectorNew(rows->d);

	for (int i = 0; i < report[0].k; i++)
	{
		Datum		values[3];
		bool		nulls[3] = {false, false, false};

		CHECK_FOR_INTERRUPTS();
		memcpy(v->x, centroids + (size_t) i * (size_t) rows->d, sizeof(float) * (size_t) rows->d);
		values[0] = Int32GetDatum(book->subspace);
		values[1] = Int32GetDatum(i + 1);
		values[2] = VectorPGetDatum(v);
		put_row(fcinfo, values + 3 - natts, nulls);
	}
	pfree(v);
}

static int
add_figures(Datum *values, const SphxTrainReport *report)
{
	values[0] = Int32GetDatum(report->k);
	values[1] = Float8GetDatum(report->separation);
	values[2] = Float8GetDatum(report->nearest_mean);
	values[3] = Float8GetDatum(report->nearest_p5);
	values[4] = Float8GetDatum(report->error);
	values[5] = Float8GetDatum(report->imbalance);
	values[6] = Int32GetDatum(report->iterations);
	return 7;
}

/* (subspace, dimensions, vectors, the figures, k-means' figures) */
static void
emit_report(FunctionCallInfo fcinfo, Codebook *book, const SphxPointSet *rows,
			const float *centroids, const SphxTrainReport report[2])
{
	Datum		values[REPORT_COLUMNS];
	bool		nulls[REPORT_COLUMNS] = {false};
	int			count = 0;

	values[count++] = Int32GetDatum(book->subspace);
	values[count++] = Int32GetDatum(rows->d);
	values[count++] = Int64GetDatum((int64) rows->n);
	count += add_figures(values + count, &report[0]);
	count += add_figures(values + count, &report[1]);
	Assert(count == REPORT_COLUMNS);
	put_row(fcinfo, values, nulls);
}


/* The functions */

typedef void (*Arguments) (FunctionCallInfo fcinfo, Codebook *book);
typedef SphxPoints *(*Rows) (FunctionCallInfo fcinfo, Codebook *book);

static SphxPoints *
array_rows(FunctionCallInfo fcinfo, Codebook *book)
{
	return SphxPointsFromArray(PG_GETARG_ARRAYTYPE_P(0), 1);
}

static Datum
train_codebook(FunctionCallInfo fcinfo, Arguments arguments, Rows rows, Emit emit)
{
	Codebook	book;

	arguments(fcinfo, &book);
	InitMaterializedSRF(fcinfo, 0);
	train(fcinfo, &book, rows(fcinfo, &book), emit);
	return (Datum) 0;
}

Datum
sphx_kmeans_array(PG_FUNCTION_ARGS)
{
	return train_codebook(fcinfo, kmeans_arguments, array_rows, emit_centroids);
}

Datum
sphx_kmeans_query(PG_FUNCTION_ARGS)
{
	return train_codebook(fcinfo, kmeans_arguments, query_rows, emit_centroids);
}

Datum
sphx_train_codebook_array(PG_FUNCTION_ARGS)
{
	return train_codebook(fcinfo, codebook_arguments, array_rows, emit_centroids);
}

Datum
sphx_train_codebook_query(PG_FUNCTION_ARGS)
{
	return train_codebook(fcinfo, codebook_arguments, query_rows, emit_centroids);
}

Datum
sphx_train_report_array(PG_FUNCTION_ARGS)
{
	return train_codebook(fcinfo, codebook_arguments, array_rows, emit_report);
}

Datum
sphx_train_report_query(PG_FUNCTION_ARGS)
{
	return train_codebook(fcinfo, codebook_arguments, query_rows, emit_report);
}
