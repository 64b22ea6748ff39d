/*-------------------------------------------------------------------------
 *
 * recall.c
 *	  sphx_recall: the recall of an index on the user's own data.
 *
 * The exact answers are found by reading the table once, with the operator, and
 * comparing each row with all queries.  Then the index is asked by the queries
 * that use it.  All are run with the caller's rights and on one snapshot.
 *
 *-------------------------------------------------------------------------
 */
#include "server/compat.h"

#include <math.h>

#include "access/genam.h"
#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "am/definition/geometry.h"
#include "am/definition/opclass.h"
#include "am/scan/scan.h"
#include "fn/inspect.h"
#include "fn/points.h"
#include "math/base/compare.h"
#include "math/base/random.h"
#include "page/meta.h"
#include "server/memory.h"
#include "type/vector.h"

PG_FUNCTION_INFO_V1(sphx_recall_sample);
PG_FUNCTION_INFO_V1(sphx_recall_query);
PG_FUNCTION_INFO_V1(sphx_recall_array);

#define COLUMNS				7
#define MOST_ROWS			10000	/* k */
#define FETCH_ROWS			1000	/* of a cursor at a time */

/* 97.5 % of the normal distribution are below it: an interval of 95 % */
#define NORMAL_QUANTILE		1.959963984540054

typedef struct RecallQuery
{
	Datum		vector;
	ItemPointerData own;		/* the row that it is, or invalid */
	double	   *nearest;		/* 2 k: distances of the nearest rows so far */
	int			count;			/* of them */
	double		bound;			/* farther ones are not wanted */
} RecallQuery;

typedef struct Recall
{
	Oid			index;
	char	   *name;			/* of the index */
	int			k;
	MemoryContext context;		/* of the queries */
	SphxServerEnv env;
	SphxIndexInfo info;

	/* parts of statements */
	char	   *table;
	char	   *expression;
	char	   *condition;		/* of a partial index: "true" without */
	char	   *operator;
	Oid			type;			/* that the operator takes */
	FmgrInfo	distance;

	RecallQuery *queries;
	int			count;
	int			room;

	/* the answers of the index */
	double		sum;			/* of the recall of each query */
	double		squares;
	double		reads;			/* of nodes */
	int			ef_search;		/* the largest */
} Recall;


/* The index */

static void
set_operator(Recall *recall, Relation index)
{
	Oid			type = index->rd_opcintype[0];
	Oid			oid = get_opfamily_member(index->rd_opfamily[0], type, type, SPHX_DISTANCE_STRATEGY);
	HeapTuple	tuple = SearchSysCache1(OPEROID, ObjectIdGetDatum(oid));
	Form_pg_operator operator;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for operator %u", oid);
	operator = (Form_pg_operator) GETSTRUCT(tuple);
	recall->type = type;
	recall->operator = psprintf("OPERATOR(%s.%s)",
								quote_identifier(get_namespace_name(operator->oprnamespace)),
								NameStr(operator->oprname));
	fmgr_info(operator->oprcode, &recall->distance);
	ReleaseSysCache(tuple);
}

/* Take from the catalogs what the statements need. */
static void
describe_index(Recall *recall, Oid oid)
{
	Relation	index;
	SphxPages	pages;
	Datum		number = Int32GetDatum(1);
	HeapTuple	tuple;
	Datum		predicate;
	bool		isnull;
	Oid			table;

	index = SphxOpenReadable(oid);
	SphxOpenPages(&pages, index);
	SphxGetInfo(&pages, &recall->info);
	set_operator(recall, index);
	recall->index = oid;
	recall->name = pstrdup(RelationGetRelationName(index));
	table = index->rd_index->indrelid;
	recall->table = psprintf("%s.%s", quote_identifier(get_namespace_name(get_rel_namespace(table))),
							 quote_identifier(get_rel_name(table)));
	recall->expression = TextDatumGetCString(DirectFunctionCall3(pg_get_indexdef_ext,
																 ObjectIdGetDatum(oid), number,
																 BoolGetDatum(false)));
	recall->condition = pstrdup("true");
	tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(oid));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for index %u", oid);
	predicate = SysCacheGetAttr(INDEXRELID, tuple, Anum_pg_index_indpred, &isnull);
	if (!isnull)
		recall->condition = TextDatumGetCString(DirectFunctionCall2(pg_get_expr, predicate,
																	ObjectIdGetDatum(table)));
	ReleaseSysCache(tuple);
	index_close(index, NoLock);
}


/* Queries */

/* The value, without TOAST and checked to be of the index's dimensions, in the queries' memory. */
static Datum
take_vector(Recall *recall, Datum value)
{
	MemoryContext old = MemoryContextSwitchTo(recall->context);
	Datum		copy = PointerGetDatum(PG_DETOAST_DATUM_COPY(value));
	Vector	   *v = SphxIndexedVector(&recall->info, copy);

	if (v->dim != (int) recall->info.meta.dims)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("a query has %d dimensions, but index \"%s\" has %u", v->dim, recall->name,
						recall->info.meta.dims),
				 errhint("Give queries of the type %s(%u).", format_type_be(recall->type),
						 recall->info.meta.dims)));
	if (v != (Vector *) DatumGetPointer(copy))
		pfree(v);
	MemoryContextSwitchTo(old);
	return copy;
}

static void
set_query(Recall *recall, int i, Datum value, const ItemPointerData *own)
{
	RecallQuery *query = &recall->queries[i];

	query->vector = take_vector(recall, value);
	if (own != NULL)
		query->own = *own;
	else
		ItemPointerSetInvalid(&query->own);
	query->bound = INFINITY;
}

static void
add_query(Recall *recall, Datum value, const ItemPointerData *own)
{
	if (recall->room == 0)
	{
		recall->room = 256;
		recall->queries = MemoryContextAllocZero(recall->context,
												 sizeof(RecallQuery) * (Size) recall->room);
	}
	else if (recall->count == recall->room)
	{
		recall->queries = SphxEnlarge(recall->context, recall->queries, &recall->room, 0,
									  sizeof(RecallQuery));
		memset(recall->queries + recall->count, 0,
			   sizeof(RecallQuery) * (Size) (recall->room - recall->count));
	}
	SphxCheckBytes(((double) recall->count + 1.0) *
				   (2.0 * recall->k * sizeof(double) + VARSIZE_ANY(DatumGetPointer(value))));
	set_query(recall, recall->count++, value, own);
}

/* For each row of a statement. */
typedef void (*RowFunction) (Recall *recall, HeapTuple tuple, TupleDesc desc, uint64 number,
							 void *arg);

/* How many there were; each is forgotten before the next are fetched. */
static uint64
read_rows(Recall *recall, const char *statement, RowFunction function, void *arg)
{
	Portal		portal = SPI_cursor_open_with_args(NULL, statement, 0, NULL, NULL, NULL, true, 0);
	MemoryContext rows = AllocSetContextCreate(CurrentMemoryContext, "sphx recall rows",
											   ALLOCSET_DEFAULT_SIZES);
	uint64		number = 0;

	for (;;)
	{
		SPITupleTable *table;
		uint64		count;

		SPI_cursor_fetch(portal, true, FETCH_ROWS);
		table = SPI_tuptable;
		count = SPI_processed;
		if (count == 0)
			break;
		for (uint64 i = 0; i < count; i++)
		{
			MemoryContext old = MemoryContextSwitchTo(rows);

			recall->env.base.tick(&recall->env.base, number, 0);
			function(recall, table->vals[i], table->tupdesc, number++, arg);
			MemoryContextSwitchTo(old);
			MemoryContextReset(rows);
		}
		SPI_freetuptable(table);
	}
	SPI_cursor_close(portal);
	MemoryContextDelete(rows);
	return number;
}

/* All rows that the index has, as this user sees them. */
static char *
table_statement(const Recall *recall)
{
	return psprintf("SELECT ctid, %s FROM ONLY %s WHERE (%s) AND (%s) IS NOT NULL",
					recall->expression, recall->table, recall->condition, recall->expression);
}

static ItemPointer
get_tid(HeapTuple tuple, TupleDesc desc)
{
	bool		isnull;

	return (ItemPointer) DatumGetPointer(SPI_getbinval(tuple, desc, 1, &isnull));
}

/* Is the row the query itself? */
static bool
is_own(const RecallQuery *query, ItemPointer tid)
{
	ItemPointerData own = query->own;

	return ItemPointerIsValid(&own) && ItemPointerEquals(&own, tid);
}

typedef struct Sample
{
	int			wanted;
	SphxRandom	random;
} Sample;

/* Reservoir sampling: each row has the same chance. */
static void
sample_row(Recall *recall, HeapTuple tuple, TupleDesc desc, uint64 number, void *arg)
{
	Sample	   *sample = arg;
	bool		isnull;
	ItemPointer own = get_tid(tuple, desc);
	Datum		value = SPI_getbinval(tuple, desc, 2, &isnull);

	if (recall->count < sample->wanted)
		add_query(recall, value, own);
	else
	{
		uint64		place = sphx_random_below(&sample->random, number + 1);

		if (place >= (uint64) sample->wanted)
			return;
		pfree(DatumGetPointer(recall->queries[place].vector));
		set_query(recall, (int) place, value, own);
	}
}

static void
query_row(Recall *recall, HeapTuple tuple, TupleDesc desc, uint64 number, void *arg)
{
	bool		isnull;
	Datum		value = SPI_getbinval(tuple, desc, 1, &isnull);

	if (isnull)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("queries must not be null")));
	add_query(recall, value, NULL);
}


/* Exact answers */

/* Forget all distances but the k least. */
static void
cut(RecallQuery *query, int k)
{
	qsort(query->nearest, (size_t) query->count, sizeof(double), sphx_compare_doubles);
	if (query->count < k)
		return;
	query->count = k;
	query->bound = query->nearest[k - 1];
}

static void
compare_row(Recall *recall, HeapTuple tuple, TupleDesc desc, uint64 number, void *arg)
{
	bool		isnull;
	ItemPointer tid = get_tid(tuple, desc);
	Datum		row = PointerGetDatum(PG_DETOAST_DATUM(SPI_getbinval(tuple, desc, 2, &isnull)));

	for (int i = 0; i < recall->count; i++)
	{
		RecallQuery *query = &recall->queries[i];
		double		distance;

		if (is_own(query, tid))
			continue;
		distance = DatumGetFloat8(FunctionCall2(&recall->distance, row, query->vector));
		if (isnan(distance) || distance > query->bound)
			continue;
		query->nearest[query->count++] = distance;
		if (query->count == 2 * recall->k)
			cut(query, recall->k);
	}
	CHECK_FOR_INTERRUPTS();
}

static void
find_exact(Recall *recall)
{
	for (int i = 0; i < recall->count; i++)
		recall->queries[i].nearest = MemoryContextAlloc(recall->context,
														2 * sizeof(double) * (Size) recall->k);
	(void) read_rows(recall, table_statement(recall), compare_row, NULL);
	for (int i = 0; i < recall->count; i++)
	{
		RecallQuery *query = &recall->queries[i];

		cut(query, recall->k);
		if (query->count < recall->k)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("k is %d, but a query has only %d rows to find in index \"%s\"",
							recall->k, query->count, recall->name),
					 ItemPointerIsValid(&query->own) ?
					 errdetail("A row that is a query itself is not counted.") : 0,
					 query->count > 0 ? errhint("Choose a smaller k.") : errhint("Fill the table.")));
	}
}


/* Answers of the index */

static SPIPlanPtr
prepare_search(const Recall *recall, bool own)
{
	char	   *distance = psprintf("(%s) %s $1", recall->expression, recall->operator);
	char	   *statement = psprintf("SELECT ctid, %s FROM ONLY %s WHERE (%s) ORDER BY %s LIMIT %d",
									 distance, recall->table, recall->condition, distance,
									 recall->k + (own ? 1 : 0));
	Oid			type = recall->type;
	SPIPlanPtr	plan = SPI_prepare(statement, 1, &type);

	if (plan == NULL)
		elog(ERROR, "SPI_prepare failed: %s", SPI_result_code_string(SPI_result));
	return plan;
}

/* Of the first k rows but the query's own, how many are as near as the exact ones? */
static int
count_right(const Recall *recall, const RecallQuery *query)
{
	int			right = 0;
	int			seen = 0;

	for (uint64 i = 0; i < SPI_processed && seen < recall->k; i++)
	{
		HeapTuple	tuple = SPI_tuptable->vals[i];
		bool		isnull;
		ItemPointer tid = get_tid(tuple, SPI_tuptable->tupdesc);

		if (is_own(query, tid))
			continue;
		seen++;
		if (DatumGetFloat8(SPI_getbinval(tuple, SPI_tuptable->tupdesc, 2, &isnull)) <= query->bound)
			right++;
	}
	return right;
}

static void
ask_index(Recall *recall, SPIPlanPtr plan, const RecallQuery *query)
{
	Datum		value = query->vector;
	const SphxScanCounts *scan = SphxLastScan();
	double		part;
	int			result;

	SphxForgetScan();
	result = SPI_execute_plan(plan, &value, NULL, true, 0);
	if (result != SPI_OK_SELECT)
		elog(ERROR, "SPI_execute_plan failed: %s", SPI_result_code_string(result));
	if (scan->index != recall->index)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the planner does not use index \"%s\"", recall->name),
				 errdetail("Another index has the same order, or this one is not valid."),
				 errhint("Drop the other index in a transaction, call sphx_recall, and roll back.")));
	part = (double) count_right(recall, query) / recall->k;
	recall->sum += part;
	recall->squares += part * part;
	recall->reads += (double) scan->nodes_read;
	recall->ef_search = Max(recall->ef_search, scan->ef_search);
	SPI_freetuptable(SPI_tuptable);
}

/* Have the planner take an index, and do so in this process. */
static void
set_planner(void)
{
	static const char *const settings[][2] = {
		{"enable_seqscan", "off"}, {"enable_bitmapscan", "off"}, {"enable_sort", "off"},
		{"enable_indexscan", "on"}, {"max_parallel_workers_per_gather", "0"}
	};

	for (int i = 0; i < lengthof(settings); i++)
		(void) set_config_option(settings[i][0], settings[i][1], PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_SAVE, true, 0, false);
}

static void
find_by_index(Recall *recall)
{
	int			nest_level = NewGUCNestLevel();
	SPIPlanPtr	plan;

	set_planner();
	plan = prepare_search(recall, ItemPointerIsValid(&recall->queries[0].own));
	for (int i = 0; i < recall->count; i++)
	{
		recall->env.base.tick(&recall->env.base, (uint64_t) i, (uint64_t) recall->count);
		ask_index(recall, plan, &recall->queries[i]);
	}
	SPI_freeplan(plan);
	AtEOXact_GUC(true, nest_level);
}


/* The function */

/*
 * Wilson's interval ("Probable inference, the law of succession, and statistical
 * inference", 1927) for a share p of as many independent trials as have the
 * variance of the mean over queries (Kish, "Survey sampling", 1965: effective
 * sample size): rows of one query are found or missed together.
 */
static void
set_interval(const Recall *recall, double *lower, double *upper)
{
	double		n = recall->count;
	double		p = recall->sum / n;
	double		variance = n > 1.0 ? Max(recall->squares / n - p * p, 0.0) / (n - 1.0) : 0.0;
	double		trials = variance > 0.0 ? Min(p * (1.0 - p) / variance, n * recall->k) : n;
	double		z = NORMAL_QUANTILE;
	double		centre = (p + z * z / (2.0 * trials)) / (1.0 + z * z / trials);
	double		half = z / (1.0 + z * z / trials) *
	sqrt(p * (1.0 - p) / trials + z * z / (4.0 * trials * trials));

	/* p is in it, but for rounding */
	*lower = Max(Min(centre - half, p), 0.0);
	*upper = Min(Max(centre + half, p), 1.0);
}

static Datum
form_result(FunctionCallInfo fcinfo, const Recall *recall)
{
	TupleDesc	desc;
	Datum		values[COLUMNS];
	bool		nulls[COLUMNS] = {false};
	double		lower;
	double		upper;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE || desc->natts != COLUMNS)
		elog(ERROR, "return type must be a row of %d columns", COLUMNS);
	set_interval(recall, &lower, &upper);
	values[0] = Float8GetDatum(recall->sum / recall->count);
	values[1] = Float8GetDatum(lower);
	values[2] = Float8GetDatum(upper);
	values[3] = Int32GetDatum(recall->count);
	values[4] = Int32GetDatum(recall->k);
	values[5] = Int32GetDatum(recall->ef_search);
	values[6] = Float8GetDatum(recall->reads / recall->count);
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls));
}

static void
begin_recall(Recall *recall, FunctionCallInfo fcinfo)
{
	int			k = PG_GETARG_INT32(1);

	memset(recall, 0, sizeof(*recall));
	if (k < 1 || k > MOST_ROWS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("k must be from 1 to %d, not %d", MOST_ROWS, k),
				 errhint("k is the LIMIT of the queries whose recall is to be measured.")));
	recall->k = k;
	recall->context = CurrentMemoryContext;
	SphxInitTask(&recall->env, "recall");
	describe_index(recall, PG_GETARG_OID(0));
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
}

static Datum
finish_recall(Recall *recall, FunctionCallInfo fcinfo)
{
	if (recall->count == 0)
		ereport(ERROR,
				(errcode(ERRCODE_NO_DATA),
				 errmsg("there are no queries to measure the recall of index \"%s\" with", recall->name),
				 errhint("Fill the table, or give queries that return rows.")));
	find_exact(recall);
	find_by_index(recall);
	SPI_finish();
	return form_result(fcinfo, recall);
}

Datum
sphx_recall_sample(PG_FUNCTION_ARGS)
{
	Recall		recall;
	Sample		sample = {.wanted = PG_GETARG_INT32(2)};

	if (sample.wanted < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("sample must be at least 1, not %d", sample.wanted),
				 errhint("It is the number of rows that are taken as queries.")));
	begin_recall(&recall, fcinfo);
	sphx_random_seed(&sample.random, 1);
	(void) read_rows(&recall, table_statement(&recall), sample_row, &sample);
	PG_RETURN_DATUM(finish_recall(&recall, fcinfo));
}

Datum
sphx_recall_query(PG_FUNCTION_ARGS)
{
	Recall		recall;
	char	   *statement = text_to_cstring(PG_GETARG_TEXT_PP(2));

	begin_recall(&recall, fcinfo);
	/* bit is bit(1) unless it is said that it has no modifier */
	(void) read_rows(&recall, psprintf("SELECT (q.v)::%s FROM (%s) q (v)",
									   format_type_extended(recall.type, -1, FORMAT_TYPE_TYPEMOD_GIVEN |
															FORMAT_TYPE_FORCE_QUALIFY), statement),
					 query_row, NULL);
	PG_RETURN_DATUM(finish_recall(&recall, fcinfo));
}

Datum
sphx_recall_array(PG_FUNCTION_ARGS)
{
	Recall		recall;
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(2);
	Datum	   *values;
	bool	   *nulls;
	int			count;

	begin_recall(&recall, fcinfo);
	if (recall.info.meta.operand >= SPHX_OPERAND_HALFVEC)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("index \"%s\" is over %s, and the queries are an array of vector", recall.name,
						SphxOperandName((SphxOperand) recall.info.meta.operand)),
				 errhint("Give a query, such as 'SELECT unnest(...)', in place of the array.")));
	deconstruct_array(array, ARR_ELEMTYPE(array), -1, false, TYPALIGN_INT, &values, &nulls, &count);
	for (int i = 0; i < count; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("queries must not be null")));
		add_query(&recall, values[i], NULL);
	}
	PG_RETURN_DATUM(finish_recall(&recall, fcinfo));
}
