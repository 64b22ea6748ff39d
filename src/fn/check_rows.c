/*-------------------------------------------------------------------------
 *
 * check_rows.c
 *	  sphx_check: is every row of the table in the index, and once?
 *
 * The TIDs of the index and those of the rows are sorted, each within half of
 * maintenance_work_mem, and compared.  Rows are those of a snapshot that was
 * taken before the index was read: what it sees had been put into the index.
 *
 *-------------------------------------------------------------------------
 */
#include "fn/check.h"

#include "access/tableam.h"
#include "catalog/index.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "am/am.h"

static Tuplesortstate *
begin_sort(void)
{
	return tuplesort_begin_datum(INT8OID, Int8LessOperator, InvalidOid, false,
								 Max(maintenance_work_mem / 2, 64), NULL, 0);
}

static bool
next_tid(Tuplesortstate *sort, int64 *tid)
{
	Datum		value;
	bool		isnull;

	CHECK_FOR_INTERRUPTS();
	if (!SphxSortedDatum(sort, &value, &isnull))
		return false;
	*tid = DatumGetInt64(value);
	return true;
}

void
SphxStartRows(SphxCheck *check)
{
	check->tids = begin_sort();
}

void
SphxFoundTids(SphxCheck *check, const ItemPointerData *tids, int count)
{
	check->tid_count += count;
	for (int i = 0; check->tids != NULL && i < count; i++)
	{
		ItemPointerData tid = tids[i];

		tuplesort_putdatum(check->tids, Int64GetDatum(itemptr_encode(&tid)), false);
	}
}

typedef struct RowScan
{
	SphxCheck  *check;
	Tuplesortstate *rows;
	MemoryContext context;		/* reset after every row */
	float	   *x;
} RowScan;

static void
note_row(Relation index, ItemPointer tid, Datum *values, bool *isnull, bool alive, void *arg)
{
	RowScan    *scan = arg;
	SphxCheck  *check = scan->check;
	MemoryContext old;
	bool		indexed;

	CHECK_FOR_INTERRUPTS();
	if (isnull[0])
		return;
	old = MemoryContextSwitchTo(scan->context);
	/* false: a vector without a direction under cosine */
	indexed = SphxTransform(&check->pages, &check->info, DatumGetVectorP(values[0]), scan->x);
	MemoryContextSwitchTo(old);
	MemoryContextReset(scan->context);
	if (indexed)
		tuplesort_putdatum(scan->rows, Int64GetDatum(itemptr_encode(tid)), false);
}

/* The next TID of the index, which must not be the one before, nor beyond the table. */
static bool
next_index_tid(SphxCheck *check, BlockNumber heap_blocks, int64 *tid)
{
	int64		before = *tid;
	ItemPointerData decoded;

	if (!next_tid(check->tids, tid))
		return false;
	if (*tid == before)
		SphxRowsFailed(check, "heap TID is in the index more than once", *tid);
	itemptr_decode(&decoded, *tid);
	if (ItemPointerGetBlockNumber(&decoded) >= heap_blocks)
		SphxRowsFailed(check, "heap TID is beyond the end of the table", *tid);
	return true;
}

/* Both sorted: every row must be among the TIDs.  Others are of dead rows. */
static int64
compare_tids(SphxCheck *check, Tuplesortstate *rows, BlockNumber heap_blocks)
{
	int64		tid = -1;
	int64		row;
	int64		count = 0;
	bool		more = next_index_tid(check, heap_blocks, &tid);

	while (next_tid(rows, &row))
	{
		while (more && tid < row)
			more = next_index_tid(check, heap_blocks, &tid);
		if (!more || tid != row)
			SphxRowsFailed(check, "a row of the table is not in the index", row);
		count++;
	}
	while (more)
		more = next_index_tid(check, heap_blocks, &tid);
	return count;
}

int64
SphxCheckRows(SphxCheck *check, Relation heap, Snapshot snapshot)
{
	IndexInfo  *index_info = BuildIndexInfo(check->pages.index);
	RowScan		scan = {.check = check};
	TableScanDesc table_scan = table_beginscan_strat(heap, snapshot, 0, NULL, true, true);
	int64		count;

	scan.rows = begin_sort();
	scan.context = AllocSetContextCreate(CurrentMemoryContext, "sphx check row",
										 ALLOCSET_DEFAULT_SIZES);
	scan.x = palloc(sizeof(float) * ((Size) check->info.layout.D + 1));

	/* the scan has a snapshot of its own; nothing is to be said of uniqueness */
	index_info->ii_Concurrent = true;
	index_info->ii_Unique = false;
	table_index_build_scan(heap, check->pages.index, index_info, true, false, note_row, &scan,
						   table_scan);

	tuplesort_performsort(check->tids);
	tuplesort_performsort(scan.rows);
	count = compare_tids(check, scan.rows, RelationGetNumberOfBlocks(heap));
	tuplesort_end(scan.rows);
	tuplesort_end(check->tids);
	MemoryContextDelete(scan.context);
	return count;
}
