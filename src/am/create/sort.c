/*-------------------------------------------------------------------------
 *
 * sort.c
 *	  Rows of a build in the order of a key, by the server's own sort.
 *
 *-------------------------------------------------------------------------
 */
#include "am/create/build_state.h"

#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "executor/tuptable.h"
#include "utils/memutils.h"
#include "utils/tuplesort.h"

struct SphxRowSort
{
	MemoryContext context;
	Tuplesortstate *sort;
	TupleTableSlot *in;			/* key, row */
	TupleTableSlot *out;
	bytea	   *room;			/* the row being entered: SphxBuildRow and the
								 * floats */
	Size		row_bytes;
	bool		waiting;		/* out holds a row that was not taken yet */
};

static TupleDesc
make_description(void)
{
	TupleDesc	description = CreateTemplateTupleDesc(2);

	TupleDescInitEntry(description, 1, "key", INT8OID, -1, 0);
	TupleDescInitEntry(description, 2, "row", BYTEAOID, -1, 0);
	SphxFinishDescription(description);
	return description;
}

SphxRowSort *
SphxBeginSort(MemoryContext context, int d)
{
	MemoryContext own = AllocSetContextCreate(context, "sphx row sort", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(own);
	SphxRowSort *sort = palloc0(sizeof(SphxRowSort));
	TupleDesc	description = make_description();
	AttrNumber	key = 1;
	Oid			less = Int8LessOperator;
	Oid			collation = InvalidOid;
	bool		nulls_first = false;

	sort->context = own;
	sort->row_bytes = sizeof(SphxBuildRow) + sizeof(float) * (Size) d;
	sort->room = palloc(VARHDRSZ + sort->row_bytes);
	SET_VARSIZE(sort->room, VARHDRSZ + sort->row_bytes);
	sort->in = MakeSingleTupleTableSlot(description, &TTSOpsVirtual);
	sort->out = MakeSingleTupleTableSlot(description, &TTSOpsMinimalTuple);
	sort->sort = tuplesort_begin_heap(description, 1, &key, &less, &collation, &nulls_first,
									  SphxBuildSortMemory(), NULL, 0);
	MemoryContextSwitchTo(old);
	return sort;
}

void
SphxSortRow(SphxRowSort *sort, uint64 key, const SphxBuildRow *row, const float *x)
{
	char	   *place = VARDATA(sort->room);

	Assert(key <= PG_INT64_MAX);	/* it is sorted as a signed number */
	memcpy(place, row, sizeof(SphxBuildRow));
	memcpy(place + sizeof(SphxBuildRow), x, sort->row_bytes - sizeof(SphxBuildRow));
	ExecClearTuple(sort->in);
	sort->in->tts_values[0] = Int64GetDatum((int64) key);
	sort->in->tts_values[1] = PointerGetDatum(sort->room);
	sort->in->tts_isnull[0] = sort->in->tts_isnull[1] = false;
	ExecStoreVirtualTuple(sort->in);
	tuplesort_puttupleslot(sort->sort, sort->in);
}

void
SphxPerformSort(SphxRowSort *sort)
{
	tuplesort_performsort(sort->sort);
}

bool
SphxNextSorted(SphxRowSort *sort, uint64 end, SphxBuildRow *row, float *x)
{
	bool		isnull;
	struct varlena *value;

	if (!sort->waiting)
		sort->waiting = tuplesort_gettupleslot(sort->sort, true, false, sort->out, NULL);
	if (!sort->waiting || (uint64) DatumGetInt64(slot_getattr(sort->out, 1, &isnull)) >= end)
		return false;
	value = (struct varlena *) DatumGetPointer(slot_getattr(sort->out, 2, &isnull));
	Assert(VARSIZE_ANY_EXHDR(value) == sort->row_bytes);
	Assert(!isnull);
	memcpy(row, VARDATA_ANY(value), sizeof(SphxBuildRow));
	memcpy(x, VARDATA_ANY(value) + sizeof(SphxBuildRow), sort->row_bytes - sizeof(SphxBuildRow));
	sort->waiting = false;
	return true;
}

void
SphxEndSort(SphxRowSort *sort)
{
	ExecDropSingleTupleTableSlot(sort->in);
	ExecDropSingleTupleTableSlot(sort->out);
	tuplesort_end(sort->sort);
	MemoryContextDelete(sort->context);
}
