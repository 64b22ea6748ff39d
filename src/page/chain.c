/*-------------------------------------------------------------------------
 *
 * chain.c
 *	  Chains of pages: finding room for a record, and heap TIDs beyond those
 *	  that fit a node's record.
 *
 *-------------------------------------------------------------------------
 */
#include "page/chain.h"

#include "miscadmin.h"

#include "page/store.h"

static SphxPageKind
chain_kind(const SphxIndexInfo *info, uint32 cell)
{
	return cell == SphxOverflowCell(&info->meta) ? SPHX_PAGE_OVERFLOW : SPHX_PAGE_NODE;
}

/*
 * Give the cell its first page.  Returns the cell's insert block, which may be
 * somebody else's first page.
 */
static BlockNumber
start_chain(SphxPages *pages, const SphxIndexInfo *info, uint32 cell)
{
	Buffer		directory = SphxLockCell(pages, &info->meta, cell, BUFFER_LOCK_EXCLUSIVE);
	BlockNumber block = SphxPageCell(BufferGetPage(directory), &info->meta, cell)->insert;

	if (block == InvalidBlockNumber)
	{
		/* nobody can wait for our lock with this page locked: nobody knows it */
		Buffer		buffer = SphxExtend(pages);
		SphxChange	change;
		SphxCellData *data;

		block = BufferGetBlockNumber(buffer);
		SphxChangeBegin(&change, pages);
		data = SphxPageCell(SphxChangePage(&change, directory), &info->meta, cell);
		data->first = block;
		data->insert = block;
		SphxInitPage(SphxChangeNewPage(&change, buffer), chain_kind(info, cell), cell,
					 (int) info->meta.per_page);
		SphxChangeFinish(&change);
		UnlockReleaseBuffer(buffer);
	}
	UnlockReleaseBuffer(directory);
	return block;
}

/* Append a page behind the chain's last one, which the caller holds exclusively locked. */
static BlockNumber
extend_chain(SphxPages *pages, const SphxIndexInfo *info, uint32 cell, Buffer last)
{
	Buffer		buffer = SphxExtend(pages);
	BlockNumber block = BufferGetBlockNumber(buffer);
	SphxChange	change;

	SphxChangeBegin(&change, pages);
	SphxPageGetOpaque(SphxChangePage(&change, last))->next = block;
	SphxInitPage(SphxChangeNewPage(&change, buffer), chain_kind(info, cell), cell,
				 (int) info->meta.per_page);
	SphxChangeFinish(&change);
	UnlockReleaseBuffer(buffer);
	return block;
}

/* Let later inserts start at this block; only a hint, whoever comes last wins. */
static void
move_insert_block(SphxPages *pages, const SphxIndexInfo *info, uint32 cell, BlockNumber block)
{
	Buffer		directory = SphxLockCell(pages, &info->meta, cell, BUFFER_LOCK_EXCLUSIVE);
	SphxChange	change;

	SphxChangeBegin(&change, pages);
	SphxPageCell(SphxChangePage(&change, directory), &info->meta, cell)->insert = block;
	SphxChangeFinish(&change);
	UnlockReleaseBuffer(directory);
}

static uint32
free_slot(SphxPages *pages, const SphxIndexInfo *info, Buffer buffer)
{
	for (uint32 slot = 0; slot < info->meta.per_page; slot++)
		if (SphxPageRecord(info, BufferGetPage(buffer), slot)->flags == 0)
			return slot;
	SphxCorrupted(pages->index, BufferGetBlockNumber(buffer), "number of free slots is wrong");
}

Buffer
SphxFindSlot(SphxPages *pages, const SphxIndexInfo *info, uint32 cell, uint32 *slot)
{
	SphxPageKind kind = chain_kind(info, cell);
	SphxCellData data;
	BlockNumber block;
	Buffer		buffer;

	SphxReadCell(pages, &info->meta, cell, &data);
	block = data.insert;
	if (block == InvalidBlockNumber)
		data.insert = block = start_chain(pages, info, cell);
	for (uint64 step = 0;; step++)
	{
		BlockNumber next;

		SphxChainStep(pages, block, step, 1);
		buffer = SphxReadPage(pages, block, kind, BUFFER_LOCK_EXCLUSIVE);
		if (SphxPageGetOpaque(BufferGetPage(buffer))->cell != cell) /* I6 */
			SphxCorrupted(pages->index, block, "page is in the chain of another cell");
		if (SphxPageGetOpaque(BufferGetPage(buffer))->free > 0)
			break;
		next = SphxPageGetOpaque(BufferGetPage(buffer))->next;
		if (next == InvalidBlockNumber)
			next = extend_chain(pages, info, cell, buffer);
		UnlockReleaseBuffer(buffer);
		block = next;
	}
	if (block != data.insert)
		move_insert_block(pages, info, cell, block);
	*slot = free_slot(pages, info, buffer);
	return buffer;
}

SphxRecord *
SphxFillSlot(const SphxIndexInfo *info, Page page, uint32 slot, const SphxRecord *record)
{
	SphxRecord *place = SphxPageRecord(info, page, slot);
	uint8		version = place->version;

	Assert(place->flags == 0 && SphxPageGetOpaque(page)->free > 0); /* I5 */
	memcpy(place, record, (Size) info->layout.size);
	place->version = version;
	SphxPageGetOpaque(page)->free--;
	return place;
}

void
SphxFreeSlot(const SphxIndexInfo *info, Page page, uint32 slot)
{
	SphxRecord *place = SphxPageRecord(info, page, slot);

	Assert(place->flags & SPHX_NODE_USED);
	place->flags = 0;
	place->version++;
	SphxPageGetOpaque(page)->free++;
}

void
SphxOfferEntry(SphxPages *pages, const SphxIndexInfo *info, uint32 cell, uint32 id)
{
	SphxCellData data;
	Buffer		directory;

	SphxReadCell(pages, &info->meta, cell, &data);
	if (data.entry != SPHX_INVALID_NODE)
		return;
	directory = SphxLockCell(pages, &info->meta, cell, BUFFER_LOCK_EXCLUSIVE);
	if (SphxPageCell(BufferGetPage(directory), &info->meta, cell)->entry == SPHX_INVALID_NODE)
	{
		SphxChange	change;

		SphxChangeBegin(&change, pages);
		SphxPageCell(SphxChangePage(&change, directory), &info->meta, cell)->entry = id;
		SphxChangeFinish(&change);
	}
	UnlockReleaseBuffer(directory);
}

uint32
SphxFindLiving(SphxPages *pages, const SphxIndexInfo *info, BlockNumber block)
{
	uint32		found = SPHX_INVALID_NODE;
	uint64		step = 0;

	while (block != InvalidBlockNumber && found == SPHX_INVALID_NODE)
	{
		Buffer		buffer = SphxReadPage(pages, block, SPHX_PAGE_NODE, BUFFER_LOCK_SHARE);
		Page		page = BufferGetPage(buffer);

		SphxChainStep(pages, block, step++, 1);
		for (uint32 slot = 0; slot < info->meta.per_page && found == SPHX_INVALID_NODE; slot++)
			if (SphxPageRecord(info, page, slot)->flags == SPHX_NODE_USED)
				found = SphxNodeId(info, block, slot);
		block = SphxPageGetOpaque(page)->next;
		UnlockReleaseBuffer(buffer);
		CHECK_FOR_INTERRUPTS();
	}
	return found;
}


/* Heap TIDs */

static void
append_tid(const SphxIndexInfo *info, SphxRecord *r, ItemPointer tid)
{
	SphxRecordTids(info, r)[r->payload_count++] = *tid;
}

/* Append to the first record of the node's overflow chain; false when it is full. */
static bool
append_overflow(SphxPages *pages, const SphxIndexInfo *info, uint32 id, ItemPointer tid)
{
	Buffer		buffer = SphxReadPage(pages, SphxNodeBlock(info, id), SPHX_PAGE_OVERFLOW,
									  BUFFER_LOCK_EXCLUSIVE);
	SphxRecord *r = SphxOverflowRecord(pages, info, BufferGetPage(buffer), id);
	bool		room = r->payload_count < SphxOverflowRoom(info);

	if (room)
	{
		SphxChange	change;

		SphxChangeBegin(&change, pages);
		append_tid(info, SphxNodeRecord(info, SphxChangePage(&change, buffer), id), tid);
		SphxChangeFinish(&change);
	}
	UnlockReleaseBuffer(buffer);
	return room;
}

/*
 * Put a new record with this TID at the head of the node's overflow chain, so
 * that the next one is found in the first place looked at.
 */
static void
push_overflow(SphxPages *pages, const SphxIndexInfo *info, Buffer buffer, uint32 id,
			  ItemPointer tid)
{
	SphxRecord *record = palloc0((Size) info->layout.size);
	SphxRecord *node = SphxNodeRecord(info, BufferGetPage(buffer), id);
	SphxChange	change;
	uint32		slot;
	Buffer		overflow;

	record->flags = SPHX_NODE_USED | SPHX_NODE_OVERFLOW;
	record->next = node->next;
	append_tid(info, record, tid);

	overflow = SphxFindSlot(pages, info, SphxOverflowCell(&info->meta), &slot);

	/* the node's page first: replay locks in this order, as readers do (L1) */
	SphxChangeBegin(&change, pages);
	SphxNodeRecord(info, SphxChangePage(&change, buffer), id)->next =
		SphxNodeId(info, BufferGetBlockNumber(overflow), slot);
	SphxFillSlot(info, SphxChangePage(&change, overflow), slot, record);
	SphxChangeFinish(&change);
	UnlockReleaseBuffer(overflow);
	pfree(record);
}

void
SphxAddTid(SphxPages *pages, const SphxIndexInfo *info, Buffer buffer, uint32 id,
		   ItemPointer tid)
{
	SphxRecord *r = SphxNodeRecord(info, BufferGetPage(buffer), id);

	Assert((r->flags & (SPHX_NODE_USED | SPHX_NODE_DELETED)) == SPHX_NODE_USED);
	if (r->payload_count < SphxPayloadRoom(info))
	{
		SphxChange	change;

		SphxChangeBegin(&change, pages);
		append_tid(info, SphxNodeRecord(info, SphxChangePage(&change, buffer), id), tid);
		SphxChangeFinish(&change);
	}
	else if (r->next == SPHX_INVALID_NODE || !append_overflow(pages, info, r->next, tid))
		push_overflow(pages, info, buffer, id, tid);
}

SphxRecord *
SphxOverflowRecord(SphxPages *pages, const SphxIndexInfo *info, Page page, uint32 id)
{
	SphxRecord *r = SphxNodeRecord(info, page, id);

	if (r->flags != (SPHX_NODE_USED | SPHX_NODE_OVERFLOW) ||
		r->payload_count > SphxOverflowRoom(info))
		SphxCorrupted(pages->index, SphxNodeBlock(info, id),
					  "an overflow chain leads to what is not an overflow record");
	return r;
}

/* A list of TIDs that grows. */
typedef struct TidList
{
	ItemPointerData *tids;
	int			count;
	int			room;
} TidList;

static void
list_append(TidList *list, const ItemPointerData *tids, int count)
{
	if (list->count + count > list->room)
	{
		list->room = 2 * (list->count + count) + 16;
		list->tids = list->tids == NULL ?
			palloc(sizeof(ItemPointerData) * (Size) list->room) :
			repalloc_huge(list->tids, sizeof(ItemPointerData) * (Size) list->room);
	}
	memcpy(list->tids + list->count, tids, sizeof(ItemPointerData) * (Size) count);
	list->count += count;
}

ItemPointerData *
SphxNodeTids(SphxPages *pages, const SphxIndexInfo *info, uint32 id, uint8 version, int *count)
{
	TidList		list = {0};
	Buffer		buffer = SphxReadPage(pages, SphxNodeBlock(info, id), SPHX_PAGE_NODE,
									  BUFFER_LOCK_SHARE);
	SphxRecord *r = SphxCheckNode(pages, info, BufferGetPage(buffer), id);

	if (r != NULL && r->version == version)
	{
		uint32		next = r->next;
		uint64		step = 0;

		list_append(&list, SphxRecordTids(info, r), r->payload_count);

		/* the lock of the node's page keeps the whole chain as it is */
		while (next != SPHX_INVALID_NODE)
		{
			Buffer		overflow = SphxReadPage(pages, SphxNodeBlock(info, next),
												SPHX_PAGE_OVERFLOW, BUFFER_LOCK_SHARE);

			SphxChainStep(pages, SphxNodeBlock(info, next), step++, info->meta.per_page);
			r = SphxOverflowRecord(pages, info, BufferGetPage(overflow), next);
			list_append(&list, SphxRecordTids(info, r), r->payload_count);
			next = r->next;
			UnlockReleaseBuffer(overflow);
		}
	}
	UnlockReleaseBuffer(buffer);
	*count = list.count;
	return list.tids;
}
