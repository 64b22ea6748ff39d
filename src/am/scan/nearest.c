/*-------------------------------------------------------------------------
 *
 * nearest.c
 *	  The nearest rows of a table, by reading all of it.
 *
 * Where next to no row satisfies a query's conditions, or only rows far away
 * do, an index ordered by distance is of no use, and the planner cannot always
 * know.  A scan that has found too few rows after a good part of the index
 * does what a sequential scan and a sort would have done: most rows fail the
 * conditions before their vector is looked at.
 *
 *-------------------------------------------------------------------------
 */
#include "am/scan/nearest.h"

#include <math.h>

#include "access/tableam.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/snapmgr.h"

#include "page/heap.h"
#include "page/locks.h"

/* rows collected before all but the nearest are dropped: as many more as are wanted, and these */
#define SPARE_ROWS			1024

/* One reading of a table. */
typedef struct TableRead
{
	SphxQualifier *qualifier;
	ExprState  *predicate;		/* of a partial index, or NULL */
	bool		skip_nan;
	uint64		wanted;
	SphxNearestRow *rows;
	uint64		count;
	uint64		room;
	double		bound;			/* farther rows are not wanted */
} TableRead;

bool
SphxCanReadTable(const SphxQualifier *qualifier)
{
	return qualifier->state != NULL && qualifier->state->iss_NumOrderByKeys == 1 &&
		IsMVCCSnapshot(qualifier->scan->xs_snapshot) &&
		SphxIsHeap(qualifier->scan->heapRelation);
}

/* by distance, and by place: another reading gives the same order */
static int
compare_nearest(const void *a, const void *b)
{
	const SphxNearestRow *x = a;
	const SphxNearestRow *y = b;

	if (x->distance != y->distance)
		return (isnan(x->distance) || x->distance > y->distance) -
			(isnan(y->distance) || x->distance < y->distance);
	return ItemPointerCompare(unconstify(ItemPointerData *, &x->tid),
							  unconstify(ItemPointerData *, &y->tid));
}

/* Drop all rows but the nearest. */
static void
cut_rows(TableRead *read)
{
	Assert(read->count <= read->room && read->wanted < read->room);
	qsort(read->rows, (size_t) read->count, sizeof(SphxNearestRow), compare_nearest);
	if (read->count < read->wanted)
		return;
	read->count = read->wanted;
	read->bound = read->rows[read->count - 1].distance;
}

/* The distance of the row in the qualifier's slot, as the executor computes it. */
static double
row_distance(const TableRead *read, bool *isnull)
{
	ExprState  *distance = linitial(read->qualifier->state->indexorderbyorig);

	return DatumGetFloat8(ExecEvalExprSwitchContext(distance, SphxQualifierContext(read->qualifier),
													isnull));
}

static void
offer_row(TableRead *read)
{
	SphxNearestRow *row;
	bool		isnull;
	double		distance;

	if (read->predicate != NULL &&
		!ExecQual(read->predicate, SphxQualifierContext(read->qualifier)))
		return;
	distance = row_distance(read, &isnull);
	if (isnull || (isnan(distance) && read->skip_nan) || distance > read->bound)
		return;
	Assert(read->count < read->room);
	row = &read->rows[read->count++];
	row->distance = distance;
	SphxRootTid(read->qualifier->scan->heapRelation, read->qualifier->slot, &row->tid);
	if (read->count == read->room)
		cut_rows(read);
}

SphxNearestRow *
SphxReadTable(SphxQualifier *qualifier, uint64 wanted, bool skip_nan, uint64 *count)
{
	IndexScanDesc scan = qualifier->scan;
	List	   *predicate = RelationGetIndexPredicate(scan->indexRelation);
	TableScanDesc table;
	TableRead	read = {
		.qualifier = qualifier,
		.skip_nan = skip_nan,
		.wanted = wanted,
		.room = 2 * wanted + SPARE_ROWS,
		.bound = INFINITY
	};

	Assert(wanted > 0 && SphxCanReadTable(qualifier));
	Assert(!SphxHoldsPage());
	SphxPrepareQualifier(qualifier);
	if (predicate != NIL)
		read.predicate = ExecPrepareQual(predicate, qualifier->state->ss.ps.state);
	read.rows = palloc_extended(sizeof(SphxNearestRow) * (Size) read.room, MCXT_ALLOC_HUGE);
	table = table_beginscan_strat(scan->heapRelation, scan->xs_snapshot, 0, NULL, true, false);
	while (table_scan_getnextslot(table, ForwardScanDirection, qualifier->slot))
	{
		CHECK_FOR_INTERRUPTS();
		if (SphxSlotQualifies(qualifier))
			offer_row(&read);
	}
	table_endscan(table);
	ExecClearTuple(qualifier->slot);
	cut_rows(&read);
	*count = read.count;
	return read.rows;
}
