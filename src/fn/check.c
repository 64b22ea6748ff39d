/*-------------------------------------------------------------------------
 *
 * check.c
 *	  sphx_check: do the invariants of src/README hold over a whole index?
 *
 * The table is locked as by VACUUM, so that no vacuum runs: only a vacuum
 * deletes nodes and frees slots.  Inserts and scans go on; what they may add
 * meanwhile the passes allow for (check_links.c).  During recovery no lock
 * keeps the replay of a vacuum away, so replay has to be paused.
 *
 *-------------------------------------------------------------------------
 */
#include "fn/check_state.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xlog.h"
#include SPHX_RECOVERY_HEADER
#include "catalog/index.h"
#include "catalog/pg_class.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"

#include "am/definition/layout.h"
#include "am/definition/opclass.h"
#include "fn/inspect.h"

PG_FUNCTION_INFO_V1(sphx_check);

#define CHECK_COLUMNS		9

/* An index and its table, opened to be checked. */
typedef struct CheckedIndex
{
	Relation	heap;
	Relation	index;
	LOCKMODE	lock;			/* of the table */
	Oid			user;			/* to go back to */
	int			security;
	int			nest_level;
} CheckedIndex;

static void
require_paused_recovery(void)
{
	if (RecoveryInProgress() && GetRecoveryPauseState() != RECOVERY_PAUSED)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("cannot check an index while recovery replays changes of it"),
				 errhint("Pause it with pg_wal_replay_pause() meanwhile.")));
}

/*
 * Open index and table.  From here on code runs as the table's owner, for the
 * sake of functions in the index's expressions.
 */
static void
open_index(Oid oid, CheckedIndex *opened)
{
	Oid			table;

	SphxRequireIndex(oid);
	table = IndexGetRelation(oid, true);
	if (OidIsValid(table) && !SphxOwnsRelation(table, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_TABLE, get_rel_name(table));
	require_paused_recovery();
	opened->lock = RecoveryInProgress() ? AccessShareLock : ShareUpdateExclusiveLock;

	/* the table first, as everybody does */
	opened->heap = OidIsValid(table) ? table_open(table, opened->lock) : NULL;
	opened->index = SphxOpenIndex(oid);
	if (opened->heap == NULL || opened->index->rd_index->indrelid != table)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("could not open the table of index \"%s\"",
						RelationGetRelationName(opened->index))));
	SphxRequirePages(opened->index);
	GetUserIdAndSecContext(&opened->user, &opened->security);
	SetUserIdAndSecContext(opened->heap->rd_rel->relowner,
						   opened->security | SECURITY_RESTRICTED_OPERATION);
	opened->nest_level = NewGUCNestLevel();
	RestrictSearchPath();
}

static void
close_index(CheckedIndex *opened)
{
	AtEOXact_GUC(false, opened->nest_level);
	SetUserIdAndSecContext(opened->user, opened->security);
	index_close(opened->index, AccessShareLock);
	table_close(opened->heap, opened->lock);
}

/* The metapage is that of an index with this definition. */
static void
check_definition(SphxCheck *check)
{
	const SphxMetaPageData *meta = &check->info.meta;

	if ((SphxMetric) meta->metric != SphxIndexMetric(check->pages.index))
		SphxCheckFailed(check, SPHX_META_BLOCK, SPHX_I8_BLOCKS,
						"the metric is not that of the operator class");
	if ((SphxOperand) meta->operand != SphxIndexOperand(check->pages.index))
		SphxCheckFailed(check, SPHX_META_BLOCK, SPHX_I8_BLOCKS,
						"the type of vectors is not that of the operator class");
	if ((int) meta->dims != SphxTypmodDims(check->pages.index))
		SphxCheckFailed(check, SPHX_META_BLOCK, SPHX_I8_BLOCKS,
						"there are %u dimensions, but the column has %d", meta->dims,
						SphxTypmodDims(check->pages.index));
}

/* The whole check; returns the number of rows compared. */
static int64
run_check(SphxCheck *check, const CheckedIndex *opened, bool rows)
{
	Snapshot	snapshot = NULL;
	int64		row_count = 0;

	/* first of all: what it sees has been put into pages that exist now */
	if (rows)
	{
		snapshot = RegisterSnapshot(GetLatestSnapshot());
		SphxStartRows(check);
	}
	SphxOpenPages(&check->pages, opened->index);
	check->pages.strategy = GetAccessStrategy(BAS_BULKREAD);
	check->nblocks = RelationGetNumberOfBlocks(opened->index);
	check->heap = opened->heap;
	SphxReadInfo(&check->pages, &check->info);
	check_definition(check);
	SphxCheckPages(check);
	SphxCheckDirectory(check);
	SphxCheckRecords(check);
	SphxCountUnreachable(check);
	if (rows)
	{
		row_count = SphxCheckRows(check, snapshot);
		UnregisterSnapshot(snapshot);
	}
	FreeAccessStrategy(check->pages.strategy);
	return row_count;
}

/*
 * sphx_check(index, heap): raises an error at the first invariant that does
 * not hold; otherwise one row of counts.
 */
Datum
sphx_check(PG_FUNCTION_ARGS)
{
	bool		rows = PG_GETARG_BOOL(1);
	CheckedIndex opened;
	SphxCheck	check = {0};
	Datum		values[CHECK_COLUMNS];
	bool		nulls[CHECK_COLUMNS] = {false};
	TupleDesc	desc;
	int64		row_count;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE ||
		desc->natts != CHECK_COLUMNS)
		elog(ERROR, "return type must be a row of %d columns", CHECK_COLUMNS);

	open_index(PG_GETARG_OID(0), &opened);
	row_count = run_check(&check, &opened, rows);
	close_index(&opened);

	values[0] = Int64GetDatum((int64) check.nblocks);
	values[1] = Int64GetDatum(check.unwritten);
	values[2] = Int64GetDatum(check.nodes);
	values[3] = Int64GetDatum(check.deleted);
	values[4] = Int64GetDatum(check.overflow);
	values[5] = Int64GetDatum(check.edges);
	values[6] = Int64GetDatum(check.unreachable);
	values[7] = Int64GetDatum(check.tid_count);
	values[8] = Int64GetDatum(row_count);
	nulls[8] = !rows;
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}
