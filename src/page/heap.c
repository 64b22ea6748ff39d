/*-------------------------------------------------------------------------
 *
 * heap.c
 *	  What the access method has to know of the table's pages.
 *
 *-------------------------------------------------------------------------
 */
#include "page/heap.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/tableam.h"
#include "storage/bufmgr.h"

#include "page/locks.h"

bool
SphxIsHeap(Relation table)
{
	return table->rd_tableam == GetHeapamTableAmRoutine();
}

void
SphxRootTid(Relation heap, TupleTableSlot *slot, ItemPointer tid)
{
	BufferHeapTupleTableSlot *heap_slot = (BufferHeapTupleTableSlot *) slot;
	OffsetNumber roots[MaxHeapTuplesPerPage];
	OffsetNumber offset = ItemPointerGetOffsetNumber(&slot->tts_tid);

	Assert(TTS_IS_BUFFERTUPLE(slot) && BufferIsValid(heap_slot->buffer));
	Assert(offset >= FirstOffsetNumber && offset <= MaxHeapTuplesPerPage);
	Assert(!SphxHoldsPage());
	*tid = slot->tts_tid;
	if (!HeapTupleIsHeapOnly(heap_slot->base.tuple))
		return;
	LockBuffer(heap_slot->buffer, BUFFER_LOCK_SHARE);
	heap_get_root_tuples(BufferGetPage(heap_slot->buffer), roots);
	LockBuffer(heap_slot->buffer, BUFFER_LOCK_UNLOCK);
	if (OffsetNumberIsValid(roots[offset - 1]))
		ItemPointerSetOffsetNumber(tid, roots[offset - 1]);
}

void
SphxRequestRow(SphxPages *pages, Relation heap, BlockNumber block)
{
	PrefetchBufferResult result;

	Assert(SphxIsHeap(heap));
	result = PrefetchBuffer(heap, MAIN_FORKNUM, block);
	if (result.initiated_io)
		pages->requests++;
	if (BufferIsValid(result.recent_buffer) && pages->local->row_absences > 0)
		pages->local->row_absences--;
}
