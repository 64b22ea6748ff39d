/*-------------------------------------------------------------------------
 *
 * check_rows.c
 *	  sphx_check: is every row of the table in the index, once, and with its
 *	  vector?
 *
 * The TIDs of the index and those of the rows are sorted, each within half of
 * maintenance_work_mem, and compared.  Rows are those of a snapshot that was
 * taken before the index was read: what it sees had been put into the index.
 *
 * With each TID goes a digest of the vector: as stored, and as a record made
 * of the row would store it.  They agree unless something is wrong, or the
 * record was made by another version or machine that rounds otherwise; so
 * where they differ the row is read again, and the vectors are compared as far
 * as I7 asks for it.
 *
 *-------------------------------------------------------------------------
 */
#include "fn/check_state.h"

#include <math.h>

#include "access/tableam.h"
#include "catalog/index.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/tuplesort.h"

#include "am/definition/geometry.h"

/* what the scan adds to a record's error for the rotation's rounding, as a part of the length */
#define ROUNDING			6e-6

/* A TID with what is known of its vector. */
typedef struct RowEntry
{
	int64		tid;
	uint64		digest;			/* of the stored vector */
	uint32		id;				/* node; SPHX_INVALID_NODE for a row */
	uint8		error;			/* as in SphxRecord */
} RowEntry;

#define ENTRY_COLUMNS		4

/* RowEntry, ascending by TID. */
typedef struct SphxRowSort
{
	Tuplesortstate *state;
	TupleTableSlot *slot;		/* of the entry being put or got */
} SphxRowSort;

static SphxRowSort *
begin_sort(void)
{
	static const Oid types[ENTRY_COLUMNS] = {INT8OID, INT8OID, INT8OID, INT2OID};
	SphxRowSort *sort = palloc(sizeof(SphxRowSort));
	TupleDesc	desc = CreateTemplateTupleDesc(ENTRY_COLUMNS);
	AttrNumber	column = 1;
	Oid			operator = Int8LessOperator;
	Oid			collation = InvalidOid;
	bool		nulls_first = false;

	for (int i = 0; i < ENTRY_COLUMNS; i++)
		TupleDescInitEntry(desc, (AttrNumber) (i + 1), NULL, types[i], -1, 0);
	SphxFinishDescription(desc);
	sort->state = tuplesort_begin_heap(desc, 1, &column, &operator, &collation, &nulls_first,
									   Max(maintenance_work_mem / 2, 64), NULL, 0);
	sort->slot = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);
	return sort;
}

static void
end_sort(SphxRowSort *sort)
{
	ExecDropSingleTupleTableSlot(sort->slot);
	tuplesort_end(sort->state);
	pfree(sort);
}

static void
put_entry(SphxRowSort *sort, const RowEntry *entry)
{
	TupleTableSlot *slot = sort->slot;

	ExecClearTuple(slot);
	memset(slot->tts_isnull, 0, sizeof(bool) * ENTRY_COLUMNS);
	slot->tts_values[0] = Int64GetDatum(entry->tid);
	slot->tts_values[1] = Int64GetDatum((int64) entry->digest);
	slot->tts_values[2] = Int64GetDatum((int64) entry->id);
	slot->tts_values[3] = Int16GetDatum((int16) entry->error);
	ExecStoreVirtualTuple(slot);
	tuplesort_puttupleslot(sort->state, slot);
}

static bool
next_entry(SphxRowSort *sort, RowEntry *entry)
{
	TupleTableSlot *slot = sort->slot;

	CHECK_FOR_INTERRUPTS();
	if (!tuplesort_gettupleslot(sort->state, true, false, slot, NULL))
		return false;
	slot_getallattrs(slot);
	entry->tid = DatumGetInt64(slot->tts_values[0]);
	entry->digest = (uint64) DatumGetInt64(slot->tts_values[1]);
	entry->id = (uint32) DatumGetInt64(slot->tts_values[2]);
	entry->error = (uint8) DatumGetInt16(slot->tts_values[3]);
	return true;
}

/* The digest of a record's vector; its error. */
static void
describe_vector(const SphxIndexInfo *info, const SphxRecord *r, RowEntry *entry)
{
	const SphxLayout *layout = &info->layout;
	uint32		scale;

	memcpy(&scale, &r->scale, sizeof(scale));
	entry->digest = hash_bytes_extended((const unsigned char *) r + layout->vector,
										layout->codes - layout->vector, scale);
	entry->error = r->error;
}

void
SphxStartRows(SphxCheck *check)
{
	check->rows = begin_sort();
}

void
SphxFoundTids(SphxCheck *check, uint32 id, const SphxRecord *node, const ItemPointerData *tids,
			  int count)
{
	RowEntry	entry = {.id = id};

	check->tid_count += count;
	if (check->rows == NULL || count == 0)
		return;
	describe_vector(&check->info, node, &entry);
	for (int i = 0; i < count; i++)
	{
		ItemPointerData tid = tids[i];

		entry.tid = itemptr_encode(&tid);
		put_entry(check->rows, &entry);
	}
}

/* The table's rows on their way into a sort. */
typedef struct RowScan
{
	SphxCheck  *check;
	SphxRowSort *rows;
	MemoryContext context;		/* reset after every row */
	float	   *x;				/* D + 1 */
	SphxRecord *record;			/* as a row would be stored */
	IndexInfo  *index_info;

	/* to read single rows again; NULL until there is one */
	IndexFetchTableData *fetch;
	TupleTableSlot *slot;
	EState	   *estate;
	Snapshot	snapshot;
} RowScan;

static void
note_row(Relation index, ItemPointer tid, Datum *values, bool *isnull, bool alive, void *arg)
{
	RowScan    *scan = arg;
	SphxCheck  *check = scan->check;
	RowEntry	entry = {.tid = itemptr_encode(tid),.id = SPHX_INVALID_NODE};
	MemoryContext old;
	bool		indexed;

	CHECK_FOR_INTERRUPTS();
	if (isnull[0])
		return;
	old = MemoryContextSwitchTo(scan->context);
	/* false: a vector without a direction under cosine */
	indexed = SphxTransform(&check->pages, &check->info, SphxIndexedVector(&check->info, values[0]), scan->x);
	MemoryContextSwitchTo(old);
	MemoryContextReset(scan->context);
	if (!indexed)
		return;
	sphx_record_init(&check->info.layout, scan->record, scan->x);
	describe_vector(&check->info, scan->record, &entry);
	put_entry(scan->rows, &entry);
}

/* Read the row again, and transform its vector; false when it is not found. */
static bool
fetch_row(RowScan *scan, int64 encoded)
{
	SphxCheck  *check = scan->check;
	ItemPointerData tid;
	Datum		values[INDEX_MAX_KEYS];
	bool		isnull[INDEX_MAX_KEYS];
	bool		again = false;
	MemoryContext old;
	bool		found;

	if (scan->fetch == NULL)
	{
		scan->fetch = SphxBeginFetch(check->heap);
		scan->slot = table_slot_create(check->heap, NULL);
		scan->estate = CreateExecutorState();
		GetPerTupleExprContext(scan->estate)->ecxt_scantuple = scan->slot;
	}
	itemptr_decode(&tid, encoded);
	if (!table_index_fetch_tuple(scan->fetch, &tid, scan->snapshot, scan->slot, &again, NULL))
		return false;
	old = MemoryContextSwitchTo(GetPerTupleMemoryContext(scan->estate));
	FormIndexDatum(scan->index_info, scan->slot, scan->estate, values, isnull);
	found = !isnull[0] &&
		SphxTransform(&check->pages, &check->info, SphxIndexedVector(&check->info, values[0]), scan->x);
	MemoryContextSwitchTo(old);
	ResetPerTupleExprContext(scan->estate);
	return found;
}

/* Is the node's vector within the record's error of scan->x, as scan.c assumes? */
static bool
is_near(const RowScan *scan, uint32 id)
{
	SphxCheck  *check = scan->check;
	const SphxLayout *layout = &check->info.layout;
	float	   *stored = palloc(sizeof(float) * (Size) layout->D);
	double		square = 0.0;
	double		norm = 0.0;
	double		error;
	Buffer		buffer = SphxReadPage(&check->pages, SphxNodeBlock(&check->info, id),
									  SPHX_PAGE_NODE, BUFFER_LOCK_SHARE);
	const SphxRecord *r = SphxNodeRecord(&check->info, BufferGetPage(buffer), id);

	sphx_record_vector(layout, r, stored);
	error = (double) sphx_record_error(layout, r);
	UnlockReleaseBuffer(buffer);
	for (int i = 0; i < layout->D; i++)
	{
		double		difference = (double) scan->x[i] - (double) stored[i];

		square += difference * difference;
		norm += (double) scan->x[i] * (double) scan->x[i];
	}
	pfree(stored);
	return sqrt(square) <= 1.0001 * error + ROUNDING * (sqrt(norm) + check->info.meta.center_norm);
}

/* I7: the entry of the index is that of the row's vector. */
static void
compare_vectors(RowScan *scan, const RowEntry *entry, const RowEntry *row)
{
	SphxCheck  *check = scan->check;

	/* an error of 0 is one that was not measured: the largest */
	if (entry->digest == row->digest && (entry->error == 0 || entry->error >= row->error))
		return;
	if (fetch_row(scan, row->tid) && !is_near(scan, entry->id))
		SphxRowsFailed(check, SPHX_I7_VECTORS, "the index has another vector for a row", row->tid);
}

/* The next TID of the index, which must not be the one before. */
static bool
next_index_entry(SphxCheck *check, RowEntry *entry)
{
	int64		before = entry->tid;

	if (!next_entry(check->rows, entry))
		return false;
	if (entry->tid == before)
		SphxRowsFailed(check, SPHX_I13_ROWS, "heap TID is in the index more than once", before);
	return true;
}

/* Both sorted: every row must be among the TIDs.  Others are of dead rows. */
static int64
compare_rows(RowScan *scan)
{
	SphxCheck  *check = scan->check;
	RowEntry	entry = {.tid = -1};
	RowEntry	found;
	RowEntry	row;
	int64		count = 0;
	bool		more = next_index_entry(check, &entry);

	while (next_entry(scan->rows, &row))
	{
		while (more && entry.tid < row.tid)
			more = next_index_entry(check, &entry);
		if (!more || entry.tid != row.tid)
			SphxRowsFailed(check, SPHX_I13_ROWS, "a row of the table is not in the index", row.tid);
		/* of a TID that is there twice one node has another vector */
		found = entry;
		more = next_index_entry(check, &entry);
		compare_vectors(scan, &found, &row);
		count++;
	}
	while (more)
		more = next_index_entry(check, &entry);
	return count;
}

static void
end_scan(RowScan *scan)
{
	if (scan->fetch != NULL)
	{
		table_index_fetch_end(scan->fetch);
		ExecDropSingleTupleTableSlot(scan->slot);
		FreeExecutorState(scan->estate);
	}
	end_sort(scan->rows);
	MemoryContextDelete(scan->context);
}

int64
SphxCheckRows(SphxCheck *check, Snapshot snapshot)
{
	RowScan		scan = {.check = check,.snapshot = snapshot};
	TableScanDesc table_scan = table_beginscan_strat(check->heap, snapshot, 0, NULL, true, true);
	int64		count;

	scan.index_info = BuildIndexInfo(check->pages.index);
	scan.rows = begin_sort();
	scan.context = AllocSetContextCreate(CurrentMemoryContext, "sphx check row",
										 ALLOCSET_DEFAULT_SIZES);
	scan.x = palloc(sizeof(float) * ((Size) check->info.layout.D + 1));
	scan.record = palloc0((Size) check->info.layout.size);

	/* the scan has a snapshot of its own; nothing is to be said of uniqueness */
	scan.index_info->ii_Concurrent = true;
	scan.index_info->ii_Unique = false;
	table_index_build_scan(check->heap, check->pages.index, scan.index_info, true, false, note_row,
						   &scan, table_scan);

	tuplesort_performsort(check->rows->state);
	tuplesort_performsort(scan.rows->state);
	count = compare_rows(&scan);
	end_scan(&scan);
	end_sort(check->rows);
	return count;
}
