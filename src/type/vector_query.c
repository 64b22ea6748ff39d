/*-------------------------------------------------------------------------
 *
 * vector_query.c
 *	  The vectors that a query returns.
 *
 *-------------------------------------------------------------------------
 */
#include "type/vector_query.h"

#include "executor/spi.h"
#include "miscadmin.h"
#include "parser/parse_coerce.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/plancache.h"

/* rows fetched at a time */
#define FETCH_ROWS	256

/* Is it one statement that only reads? */
static bool
is_select(List *sources)
{
	CachedPlanSource *source;
	Query	   *query;

	if (list_length(sources) != 1)
		return false;
	source = linitial(sources);
	if (list_length(source->query_list) != 1)
		return false;
	query = linitial_node(Query, source->query_list);
	return query->commandType == CMD_SELECT && !query->hasModifyingCTE && query->rowMarks == NIL;
}

static void
check_plan(SPIPlanPtr plan, Oid vector_type)
{
	List	   *sources = SPI_plan_get_plan_sources(plan);
	TupleDesc	desc;
	Oid			type;

	if (!is_select(sources))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("query must be a single SELECT that changes nothing")));
	desc = ((CachedPlanSource *) linitial(sources))->resultDesc;
	if (desc == NULL || desc->natts != 1)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("query must return one column, not %d", desc == NULL ? 0 : desc->natts),
				 errhint("Select the column of vectors only.")));
	type = TupleDescAttr(desc, 0)->atttypid;
	if (!IsBinaryCoercible(type, vector_type))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("query must return a column of type %s, not %s",
						format_type_be(vector_type), format_type_be(type)),
				 errhint("An array of numbers can be cast to it.")));
}

/* Hand the rows just fetched to the sink. */
static void
pass_rows(SphxOperand operand, SphxVectorSink sink, void *arg, MemoryContext scratch)
{
	MemoryContext old = MemoryContextSwitchTo(scratch);

	for (uint64 i = 0; i < SPI_processed; i++)
	{
		bool		isnull;
		Datum		datum = SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull);

		sink(arg, isnull ? NULL : SphxDatumVector(operand, datum));
	}
	MemoryContextSwitchTo(old);
	MemoryContextReset(scratch);
}

void
SphxReadVectors(const char *query, Oid type, SphxOperand operand, SphxVectorSink sink, void *arg)
{
	SPIPlanPtr	plan;
	Portal		portal;
	MemoryContext scratch;
	int			nest_level = NewGUCNestLevel();

	/* a scan that begins where another one is gives the rows in another order */
	(void) set_config_option("synchronize_seqscans", "off", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to the server programming interface");
	plan = SPI_prepare(query, 0, NULL);
	if (plan == NULL)
		elog(ERROR, "could not prepare a query: %s", SPI_result_code_string(SPI_result));
	check_plan(plan, type);

	scratch = AllocSetContextCreate(CurrentMemoryContext, "sphx rows of a query",
									ALLOCSET_DEFAULT_SIZES);
	portal = SPI_cursor_open(NULL, plan, NULL, NULL, true);
	for (;;)
	{
		CHECK_FOR_INTERRUPTS();
		SPI_cursor_fetch(portal, true, FETCH_ROWS);
		if (SPI_processed == 0)
			break;
		pass_rows(operand, sink, arg, scratch);
		SPI_freetuptable(SPI_tuptable);
	}
	SPI_cursor_close(portal);
	SPI_finish();
	AtEOXact_GUC(false, nest_level);
}
