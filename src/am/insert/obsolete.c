/*-------------------------------------------------------------------------
 *
 * obsolete.c
 *	  Row versions that updates have left behind.
 *
 * An update that leaves the vector alone still inserts a TID, next to that of
 * the version before.  Before such TIDs make a node grow beyond its record,
 * those go whose rows the server has already pruned: their places serve the
 * versions to come, and the index stays as it is (nbtree's bottom-up deletion
 * has the same purpose).
 *
 * Only what is safe without a word to standbys: where removing a TID might
 * conflict with a query there, which a generic WAL record cannot say, it stays
 * for vacuum.  A pruned row has told them itself.
 *
 *-------------------------------------------------------------------------
 */
#include "am/insert/obsolete.h"

#include "access/tableam.h"
#include "access/xlog.h"

#include "page/chain.h"

#ifdef SPHX_TELLS_OBSOLETE

/* Is the row gone for everybody, on standbys too? */
static bool
is_obsolete(SphxPages *pages, Relation heap, BlockNumber block, ItemPointer tid)
{
	TM_IndexDelete one = {.tid = *tid};
	TM_IndexStatus status = {.promising = true,.freespace = sizeof(ItemPointerData)};
	TM_IndexDeleteOp delete = {.irel = pages->index,.iblknum = block,.bottomup = true,
	.bottomupfreespace = sizeof(ItemPointerData),.ndeltids = 1,.deltids = &one,.status = &status};
	TransactionId horizon = table_index_delete_tuples(heap, &delete);

	return delete.ndeltids == 1 && status.knowndeletable &&
		(!TransactionIdIsValid(horizon) || !XLogStandbyInfoActive() ||
		 !RelationNeedsWAL(pages->index));
}

void
SphxDropObsolete(SphxPages *pages, const SphxIndexInfo *info, Relation heap, Buffer buffer,
				 uint32 id)
{
	BlockNumber block = SphxNodeBlock(info, id);
	SphxRecord *r = SphxNodeRecord(info, BufferGetPage(buffer), id);
	ItemPointerData kept[UINT8_MAX];
	int			count = 0;
	SphxChange	change;

	Assert(SphxHoldsExclusive(buffer));
	Assert((r->flags & (SPHX_NODE_USED | SPHX_NODE_DELETED | SPHX_NODE_OVERFLOW)) ==
		   SPHX_NODE_USED);
	for (int i = 0; i < r->payload_count; i++)
	{
		ItemPointer tid = &SphxRecordTids(info, r)[i];

		SphxCheckTid(pages, heap, tid, block);
		if (!is_obsolete(pages, heap, block, tid))
			kept[count++] = *tid;
	}
	if (count == r->payload_count)
		return;
	Assert(count < r->payload_count);
	SphxChangeBegin(&change, pages);
	r = SphxNodeRecord(info, SphxChangePage(&change, buffer), id);
	memcpy(SphxRecordTids(info, r), kept, sizeof(ItemPointerData) * (Size) count);
	r->payload_count = (uint8) count;
	SphxChangeFinish(&change);
}

#else

void
SphxDropObsolete(SphxPages *pages, const SphxIndexInfo *info, Relation heap, Buffer buffer,
				 uint32 id)
{
}

#endif
