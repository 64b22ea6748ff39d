/*-------------------------------------------------------------------------
 *
 * scan.c
 *	  Index scans in order of distance.
 *
 * See "Scan" in src/README.
 *
 *-------------------------------------------------------------------------
 */
#include "am/scan/scan.h"

#include <math.h>

#include "access/relscan.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "utils/memutils.h"

#include "am/definition/geometry.h"
#include "am/scan/activity.h"
#include "am/scan/bounds.h"
#include "am/scan/limit.h"
#include "am/scan/nearest.h"
#include "am/scan/qualify.h"
#include "am/scan/stream.h"
#include "page/chain.h"
#include "page/heap.h"
#include "server/memory.h"
#include "server/settings.h"
#include "type/vector.h"

/*
 * When more search states than this are in use, as with a partition each, a
 * scan that holds as many rows as are wanted gives its own back: most such
 * scans are never asked for more.
 */
#define SEARCHES_OPEN		8

/* A row to be returned, with bounds of what the operator will say about it. */
typedef struct ScanRow
{
	double		lower;
	double		upper;
	uint32		id;				/* its node */
	ItemPointerData tid;
} ScanRow;

typedef struct ScanOpaque
{
	MemoryContext context;		/* of everything here */
	SphxStream	stream;
	SphxScanPlace place;
	SphxQualifier qualifier;
	bool		started;
	int64		taken;			/* rows from the stream so far */
	double		cutoff;			/* no row farther than this is wanted */

	/* rows of the node that the stream passed on last */
	SphxItem	item;
	SphxTidCursor *cursor;		/* NULL: only item.tid */
	int			tid_count;		/* of the cursor's present record */
	int			tid_next;

	/* rows that are known to be the next to return, in order */
	ScanRow    *rows;
	int			row_room;
	int			row_count;
	int			row_next;
	int			rows_requested; /* those whose blocks were asked for */
	int64		loaded;			/* blocks read from disk when the last row was
								 * returned */
	double		largest_upper;	/* of all rows returned so far */
	SphxScanCounts counts;		/* those that the stream does not keep */
	SphxScanCounts totals;		/* of the queries before */
	uint64		table_wanted;	/* rows are as many of the table, which was
								 * read; or 0 */

	/* what is known of the row's distances, from each of the queries */
	IndexOrderByDistance *distances;
	Oid		   *distance_types; /* all of them float8 */
} ScanOpaque;

static SphxScanCounts last_scan;


/* Rows of nodes */

static bool
has_one_row(const SphxItem *item)
{
	return item->tids == 1 && item->next == SPHX_INVALID_NODE;
}

static void
end_item(ScanOpaque *so)
{
	if (so->cursor != NULL)
	{
		SphxEndTids(so->cursor);
		pfree(so->cursor);
	}
	so->cursor = NULL;
	so->tid_count = so->tid_next = 0;
}

/* I13: the table has a block that the row of node `id` may be in. */
static inline void
check_tid(ScanOpaque *so, SphxPages *pages, uint32 id, const ItemPointerData *tid)
{
	SphxCheckTid(pages, so->qualifier.scan->heapRelation, tid,
				 SphxNodeBlock(&so->stream.info, id));
}

/* Go to the next record of the node; false when it has no more.  No page is locked before or after. */
static bool
next_record(ScanOpaque *so, SphxPages *pages)
{
	if (so->cursor == NULL)
		return false;
	so->tid_next = 0;
	so->tid_count = SphxNextTids(pages, &so->stream.info, so->cursor);
	return so->tid_count > 0;
}

/*
 * Many rows of one distance: the executor would want to see all of them before
 * it returns the first, lest one be nearer.  Where they have the same vector it
 * is enough to measure one of them, and those in the node's own record, of
 * which nothing is known.  They become items of their own.
 */
static void
measure_item(ScanOpaque *so, SphxPages *pages)
{
	SphxItem	measured = so->item;
	bool		found = false;

	Assert(so->cursor->uniform && !so->item.measured);
	measured.tids = 1;
	measured.next = SPHX_INVALID_NODE;
	for (int i = 0; so->cursor->own && i < so->tid_count; i++)
	{
		measured.tid = so->cursor->tids[i];
		check_tid(so, pages, so->item.id, &measured.tid);
		if (SphxMeasureRow(&so->qualifier, &measured.tid, &measured.lower))
		{
			measured.upper = measured.lower;
			SphxStreamPut(&so->stream, &measured);
		}
	}
	if (so->cursor->own)
		(void) next_record(so, pages);
	while (!found && (so->tid_next < so->tid_count || next_record(so, pages)))
	{
		ItemPointer tid = &so->cursor->tids[so->tid_next++];

		CHECK_FOR_INTERRUPTS();
		check_tid(so, pages, so->item.id, tid);
		found = SphxMeasureRow(&so->qualifier, tid, &measured.lower);
	}
	if (found)
	{
		measured.upper = measured.lower;
		measured.next = so->item.next;
		SphxStreamPut(&so->stream, &measured);
	}
	end_item(so);
	SphxReleaseQualifier(&so->qualifier);
}

/* Begin with the rows of so->item. */
static void
begin_item(ScanOpaque *so, SphxPages *pages)
{
	end_item(so);
	if (has_one_row(&so->item))
	{
		so->tid_count = 1;
		return;
	}
	so->cursor = palloc(sizeof(SphxTidCursor));
	SphxBeginTids(so->cursor, so->item.id, so->item.version);
	if (so->item.measured)
	{
		/* the rows of the node's own record are items of their own */
		(void) next_record(so, pages);
		if (so->cursor->own)
			(void) next_record(so, pages);
	}
	else if (next_record(so, pages) && so->cursor->uniform && !so->stream.unordered &&
			 isfinite(so->item.lower) && isfinite(so->item.upper) &&
			 SphxCanMeasure(so->qualifier.scan))
		measure_item(so, pages);
}

/* The next row of the stream; false when there is none. */
static bool
next_row(ScanOpaque *so, SphxPages *pages, ScanRow *row)
{
	if (sphx_max_scan_tuples > 0 && so->taken >= sphx_max_scan_tuples)
		return false;
	while (so->tid_next >= so->tid_count && !next_record(so, pages))
	{
		if (!SphxStreamNext(&so->stream, pages, &so->item))
			return false;
		begin_item(so, pages);
	}
	if (so->item.lower > so->cutoff)
		return false;
	Assert(so->tid_next < (so->cursor == NULL ? 1 : so->tid_count));
	row->lower = so->item.lower;
	row->upper = so->item.upper;
	row->id = so->item.id;
	row->tid = so->cursor != NULL ? so->cursor->tids[so->tid_next] : so->item.tid;
	check_tid(so, pages, row->id, &row->tid);
	so->tid_next++;
	so->taken++;
	return true;
}


/* Rows to be returned */

static void
add_row(ScanOpaque *so, const ScanRow *row)
{
	if (so->row_count == so->row_room)
		so->rows = SphxEnlarge(CurrentMemoryContext, so->rows, &so->row_room, 16,
							   sizeof(ScanRow));
	Assert(!(row->lower > row->upper)); /* I7; NaN, in a row of the table, is
										 * both */
	so->rows[so->row_count++] = *row;
}

static int
compare_rows(const void *a, const void *b)
{
	double		x = ((const ScanRow *) a)->lower;
	double		y = ((const ScanRow *) b)->lower;

	return (x > y) - (x < y);
}

/*
 * Add the qualifying rows of a node found late.  Where those in its chain are of
 * one vector, `wanted` of them will do.
 */
static void
add_late_item(ScanOpaque *so, SphxPages *pages, const SphxItem *item, uint64 wanted)
{
	SphxTidCursor *cursor = palloc(sizeof(SphxTidCursor));
	uint64		added = 0;
	int			tids;

	SphxBeginTids(cursor, item->id, item->version);
	while (!(added >= wanted && cursor->uniform) &&
		   (tids = SphxNextTids(pages, &so->stream.info, cursor)) > 0)
		for (int j = 0; j < tids; j++)
		{
			ScanRow		row = {item->lower, item->upper, item->id, cursor->tids[j]};

			CHECK_FOR_INTERRUPTS();
			check_tid(so, pages, row.id, &row.tid);
			if (!SphxRowQualifies(&so->qualifier, &row.tid))
				continue;
			add_row(so, &row);
			added += cursor->own ? 0 : 1;
		}
	SphxEndTids(cursor);
	pfree(cursor);
}

/* Add the rows that were found late, and put all in order. */
static void
add_late_rows(ScanOpaque *so, SphxPages *pages, uint64 wanted)
{
	SphxItem   *late;
	int			count = SphxStreamLate(&so->stream, &late);

	for (int i = 0; i < count; i++)
		add_late_item(so, pages, &late[i], wanted);
	if (count > 0)
		qsort(so->rows, (size_t) so->row_count, sizeof(ScanRow), compare_rows);
}

/* Take the nearest rows from the table itself, those first that were returned already. */
static void
read_table(ScanOpaque *so, uint64 wanted)
{
	bool		skip_nan = so->stream.info.meta.metric == SPHX_METRIC_COSINE &&
	so->stream.norm > 0.0 && isfinite(so->stream.norm);
	uint64		count;
	SphxNearestRow *rows = SphxReadTable(&so->qualifier, wanted, skip_nan, &count);

	so->row_count = so->rows_requested = 0;
	for (uint64 i = 0; i < count; i++)
	{
		ScanRow		row = {rows[i].distance, rows[i].distance, SPHX_INVALID_NODE, rows[i].tid};

		add_row(so, &row);
	}
	pfree(rows);
	so->table_wanted = wanted;
	so->counts.table_read = true;
	end_item(so);
}

/*
 * Is it of no use to search on?  When so few of the rows so far qualify that
 * finding as many as wanted takes most of the index.
 */
static bool
hopeless(const ScanOpaque *so, uint64 wanted)
{
	double		rows_each = (double) so->taken / Max(so->row_count, 1);

	return so->place.state->ss.ps.qual != NULL && SphxCanReadTable(&so->qualifier) &&
		SphxStreamStrained(&so->stream, rows_each * (double) wanted);
}

/*
 * Hold rows back until as many qualify as are wanted.  What was found late then
 * comes in its place: one node passed on too early would otherwise keep out a
 * whole cluster of nearer ones.
 */
static void
hold_rows(ScanOpaque *so, SphxPages *pages, uint64 wanted)
{
	ScanRow		row;
	bool		more = true;

	Assert(wanted > 0 && so->place.state != NULL);
	Assert(so->row_count == 0 && so->taken == 0);
	while (so->row_count < wanted && !hopeless(so, wanted) &&
		   (more = next_row(so, pages, &row)))
	{
		CHECK_FOR_INTERRUPTS();
		if (SphxRowQualifies(&so->qualifier, &row.tid))
			add_row(so, &row);
	}
	if (more && so->row_count < wanted)
		read_table(so, wanted);
	else
		add_late_rows(so, pages, wanted);
	SphxReleaseQualifier(&so->qualifier);
	if (SphxLoansOut() > SEARCHES_OPEN)
		SphxSuspendStream(&so->stream);
}

/* How many rows to hold back; 0: none. */
static uint64
rows_to_hold(const ScanOpaque *so)
{
	if (so->stream.unordered || so->stream.relaxed || so->place.state == NULL ||
		!SphxCanQualify(so->place.state))
		return 0;
	return SphxLimitRows(so->place.limit);
}

/* The lower bound of the row after the present one, as far as that is known. */
static double
next_lower(const ScanOpaque *so)
{
	if (so->row_next < so->row_count)
		return so->rows[so->row_next].lower;
	/* a cursor may have more records than the present one */
	if (so->cursor != NULL)
		return so->item.lower;
	return SphxStreamPeek(&so->stream);
}

/* Make the next row the present one; false when there is none. */
static bool
advance(ScanOpaque *so, SphxPages *pages)
{
	if (so->row_next >= so->row_count && so->table_wanted > 0)
	{
		/* the table had no more, or somebody takes more rows than he said */
		if (so->row_count < so->table_wanted)
			return false;
		read_table(so, 2 * so->table_wanted);
		SphxReleaseQualifier(&so->qualifier);
		if (so->row_next >= so->row_count)
			return false;
	}
	else if (so->row_next >= so->row_count)
	{
		ScanRow		row;

		if (!next_row(so, pages, &row))
			return false;
		so->row_count = so->row_next = so->rows_requested = 0;
		add_row(so, &row);
	}
	so->row_next++;
	Assert(so->row_next <= so->row_count);
	return true;
}

/*
 * Have the table's blocks of the rows to be returned next brought from disk
 * together, if they seem not to be in shared buffers: blocks of the index were
 * not, or the executor had to wait for one of the table since it was given the
 * row before.  Only rows that were held back are known so early.
 */
static void
request_rows(ScanOpaque *so, SphxPages *pages, Relation heap)
{
	int			end;

	if (so->row_next > 0 && SphxBlocksLoaded() != so->loaded)
		pages->local->row_absences = SPHX_ABSENCES;
	if (so->row_count - so->row_next < 2 || !SphxIsHeap(heap) ||
		(pages->local->absences == 0 && pages->local->row_absences == 0))
		return;
	end = Min(so->row_count, so->row_next + SphxRequestDepth(heap));
	for (; so->rows_requested < end; so->rows_requested++)
	{
		ItemPointer tid = &so->rows[so->rows_requested].tid;

		SphxRequestRow(pages, heap, ItemPointerGetBlockNumber(tid));
	}
}

/*
 * Must the executor look at the tuple of the row?  One whose interval meets no
 * other's is in its place.  Where it orders by several distances it finds the
 * order itself.
 */
static bool
needs_recheck(const IndexScanDesc scan, const ScanOpaque *so, const ScanRow *row)
{
	if (so->stream.unordered)
		return scan->numberOfOrderBys > 1;
	return scan->numberOfOrderBys > 1 || row->lower < so->largest_upper ||
		next_lower(so) < row->upper;
}

#ifdef USE_ASSERT_CHECKING
/* I7, against what the operator says (sphx.check_bounds). */
static void
check_bounds(ScanOpaque *so, const ScanRow *row)
{
	ItemPointerData tid = row->tid;
	double		distance;

	if (!sphx_check_bounds || so->stream.unordered || !SphxCanMeasure(so->qualifier.scan) ||
		!SphxMeasureRow(&so->qualifier, &tid, &distance) || isnan(distance))
		return;
	SphxReleaseQualifier(&so->qualifier);
	if (distance < row->lower || distance > row->upper)
		elog(ERROR, "distance %g is not between %g and %g", distance, row->lower, row->upper);
}
#endif

/*
 * Hand the present row and its distance to the executor.  Of distances but the
 * first the bound is kept that holds for every row.
 */
static void
return_row(IndexScanDesc scan, ScanOpaque *so)
{
	const ScanRow *row = &so->rows[so->row_next - 1];
	bool		recheck = needs_recheck(scan, so, row);

	Assert(so->row_next > 0 && so->row_next <= so->row_count);
	Assert(ItemPointerIsValid(&row->tid));
#ifdef USE_ASSERT_CHECKING
	check_bounds(so, row);
#endif
	so->counts.rows_returned++;
	so->counts.rows_rechecked += recheck ? 1 : 0;
	so->largest_upper = Max(so->largest_upper, row->upper);
	if (!recheck)
		SphxStreamRaise(&so->stream, row->upper);
	so->distances[0].value = row->lower;
	so->distances[0].isnull = so->stream.unordered;
	scan->xs_heaptid = row->tid;
	scan->xs_recheck = false;
	index_store_float8_orderby_distances(scan, so->distance_types, so->distances, recheck);
}


/* Callbacks */

/*
 * Room for the distances of a row.  Only the first query directs the search;
 * of the others, which order rows at equal distances from the first, nothing
 * is known.
 */
static void
init_distances(IndexScanDesc scan, ScanOpaque *so, int count)
{
	if (count == 0)
		return;
	scan->xs_orderbyvals = palloc0(sizeof(Datum) * (Size) count);
	scan->xs_orderbynulls = palloc(sizeof(bool) * (Size) count);
	so->distances = MemoryContextAlloc(so->context, sizeof(IndexOrderByDistance) * (Size) count);
	so->distance_types = MemoryContextAlloc(so->context, sizeof(Oid) * (Size) count);
	for (int i = 0; i < count; i++)
	{
		scan->xs_orderbynulls[i] = true;
		so->distances[i].value = -INFINITY;
		so->distances[i].isnull = false;
		so->distance_types[i] = FLOAT8OID;
	}
}

IndexScanDesc
sphxbeginscan(Relation index, int nkeys, int norderbys)
{
	IndexScanDesc scan = RelationGetIndexScan(index, nkeys, norderbys);

	/* small blocks: what a suspended stream releases, others can have */
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "sphx scan",
												  ALLOCSET_SMALL_SIZES);
	ScanOpaque *so = MemoryContextAllocZero(context, sizeof(ScanOpaque));
	SphxPages	pages;

	so->context = context;
	SphxOpenPages(&pages, index);
	SphxInitStream(&so->stream, context, &pages);
	SphxInitQualifier(&so->qualifier, scan);
	init_distances(scan, so, norderbys);
	scan->opaque = so;
	return scan;
}

/* Counts of the scan's present query. */
static SphxScanCounts
present_counts(IndexScanDesc scan)
{
	ScanOpaque *so = scan->opaque;
	SphxScanCounts counts = so->counts;

	counts.index = RelationGetRelid(scan->indexRelation);
	counts.nodes_read = SphxStreamReads(&so->stream);
	counts.cells_read = so->stream.cell_next;
	counts.widenings = so->stream.widenings;
	counts.ef_search = so->stream.ef;
	counts.nodes_late = so->stream.lates;
	return counts;
}

SphxScanCounts
SphxScanTotals(IndexScanDesc scan)
{
	ScanOpaque *so = scan->opaque;
	SphxScanCounts totals = so->totals;
	SphxScanCounts present;

	if (!so->started)
		return totals;
	present = present_counts(scan);
	totals.index = present.index;
	totals.nodes_read += present.nodes_read;
	totals.cells_read += present.cells_read;
	totals.widenings += present.widenings;
	totals.ef_search = present.ef_search;
	totals.nodes_late += present.nodes_late;
	totals.rows_returned += present.rows_returned;
	totals.rows_rechecked += present.rows_rechecked;
	totals.table_read |= present.table_read;
	totals.requests += present.requests;
	return totals;
}

/* The scan's query is at its end. */
static void
note_counts(IndexScanDesc scan)
{
	ScanOpaque *so = scan->opaque;

	if (!so->started)
		return;
	so->totals = SphxScanTotals(scan);
	last_scan = present_counts(scan);
	SphxCountScan(&last_scan);
	memset(&so->counts, 0, sizeof(so->counts));
}

const SphxScanCounts *
SphxLastScan(void)
{
	return &last_scan;
}

void
SphxForgetScan(void)
{
	memset(&last_scan, 0, sizeof(last_scan));
}

void
sphxrescan(IndexScanDesc scan, ScanKey keys, int nkeys, ScanKey orderbys, int norderbys)
{
	ScanOpaque *so = scan->opaque;

	if (orderbys != NULL && scan->numberOfOrderBys > 0)
		memmove(scan->orderByData, orderbys, sizeof(ScanKeyData) * (Size) scan->numberOfOrderBys);
	note_counts(scan);
	SphxResetStream(&so->stream);
	end_item(so);
	so->row_count = so->row_next = so->rows_requested = 0;
	so->largest_upper = -INFINITY;
	so->started = false;
	so->taken = 0;
	so->table_wanted = 0;
}

/* Take the query from the scan's key. */
static void
transform_query(IndexScanDesc scan, SphxStream *stream, SphxPages *pages)
{
	ScanKey		key = &scan->orderByData[0];
	Size		size = sizeof(float) * (Size) stream->info.layout.D;
	Vector	   *v;

	stream->unordered = (key->sk_flags & SK_ISNULL) != 0;
	if (stream->unordered)
	{
		memset(stream->q, 0, size);
		return;
	}
	v = SphxIndexedVector(&stream->info, key->sk_argument);
	if (v->dim != (int) stream->info.meta.dims)
		SphxOperandMismatch((SphxOperand) stream->info.meta.operand,
							(int) stream->info.meta.dims, v->dim);
	if (SphxTransform(pages, &stream->info, v, stream->q))
		stream->norm = SphxQueryNorm(&stream->info, stream->q);
	else
	{
		/*
		 * no direction: all distances are NaN, or with pgvector's operator
		 * anything, and an infinite norm makes bounds that hold for all
		 */
		memset(stream->q, 0, size);
		stream->norm = stream->info.meta.operand == SPHX_OPERAND_PGVECTOR ? INFINITY : 0.0;
	}
	if (v != (Vector *) DatumGetPointer(key->sk_argument))
		pfree(v);
}

/* Tell that the target cannot be met, once a statement of the client. */
static void
warn_of_target(Relation index, double reached, int width)
{
	static TimestampTz warned = 0;
	const char *name = RelationGetRelationName(index);

	if (warned == GetCurrentStatementStartTimestamp())
		return;
	warned = GetCurrentStatementStartTimestamp();
	if (reached < 0.0)
		ereport(WARNING,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("index \"%s\" has no calibration for \"sphx.target_recall\"", name),
				 errdetail("It is searched as \"sphx.ef_search\" says."),
				 errhint("Call sphx_calibrate('%s').", name)));
	else
		ereport(WARNING,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("index \"%s\" does not reach \"sphx.target_recall\"", name),
				 errdetail("Its calibration has a recall of %.4f in place of %g.", reached, sphx_target_recall),
				 errhint("Set \"sphx.target_recall\" to 0 and \"sphx.ef_search\" to more than %d, or build the index again with a larger m or ef_construction.",
						 width)));
}

/* How widely to search for the scan's rows; the stream does so on its own for an index read whole. */
static int
choose_width(IndexScanDesc scan, ScanOpaque *so)
{
	const SphxCalibration *calibration = &so->stream.info.calibration;
	double		reached = -1.0;
	int			width = sphx_ef_search;

	if (sphx_target_recall == 0.0 || so->stream.unordered || so->stream.whole)
		return width;
	if (calibration->checksum != 0)
		width = SphxCalibratedWidth(calibration, sphx_target_recall,
									SphxLimitRows(so->place.limit), &reached);
	if (reached < sphx_target_recall && !SphxStreamSmall(&so->stream, width))
		warn_of_target(scan->indexRelation, reached, width);
	return width;
}

static void
start_scan(IndexScanDesc scan, ScanOpaque *so, SphxPages *pages)
{
	uint64		wanted;

	Assert(so->stream.stage == SPHX_STAGE_START && so->row_count == 0 && so->taken == 0);
	/* the planner has no reason to want this: see sphxcostestimate */
	if (scan->numberOfOrderBys < 1 || scan->numberOfKeys != 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("index \"%s\" can only be scanned in the order of a distance",
						RelationGetRelationName(scan->indexRelation))));
	pgstat_count_index_scan(scan->indexRelation);
	SphxCountSearch(scan);
	SphxFindScan(scan, (uint64) work_mem * 1024 / sizeof(ScanRow), &so->place);
	so->qualifier.state = so->place.state;
	so->stream.relaxed = sphx_order == SPHX_ORDER_RELAXED && so->place.unordered;
	so->stream.whole = so->place.exhausted;
	transform_query(scan, &so->stream, pages);
	so->stream.ef = choose_width(scan, so);
	so->cutoff = so->stream.unordered ? INFINITY : SphxCutoff(&so->qualifier);
	so->started = true;
	wanted = rows_to_hold(so);
	if (wanted > 0)
		hold_rows(so, pages, wanted);
}

bool
sphxgettuple(IndexScanDesc scan, ScanDirection direction)
{
	ScanOpaque *so = scan->opaque;
	MemoryContext old = MemoryContextSwitchTo(so->context);
	SphxPages	pages;
	bool		found;

	Assert(ScanDirectionIsForward(direction));
	Assert(!SphxHoldsPage());	/* L5 */
	SphxOpenPages(&pages, scan->indexRelation);
	if (!so->started)
		start_scan(scan, so, &pages);
	request_rows(so, &pages, scan->heapRelation);
	found = advance(so, &pages);
	if (found)
		return_row(scan, so);
	so->counts.requests += pages.requests;
	so->loaded = SphxBlocksLoaded();
	Assert(!SphxHoldsPage());	/* L5 */
	MemoryContextSwitchTo(old);
	return found;
}

void
sphxendscan(IndexScanDesc scan)
{
	ScanOpaque *so = scan->opaque;

	note_counts(scan);
	SphxEndStream(&so->stream);
	SphxEndQualifier(&so->qualifier);
	MemoryContextDelete(so->context);
	scan->opaque = NULL;
}
