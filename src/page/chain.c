/*-------------------------------------------------------------------------
 *
 * chain.c
 *	  Chains of pages: finding room for a record, and heap TIDs beyond those
 *	  that fit a node's record.
 *
 *-------------------------------------------------------------------------
 */
#include "page/chain.h"

#include "common/hashfn.h"
#include "miscadmin.h"

#include "page/node.h"
#include "server/memory.h"
#include "server/stop_point.h"

static SphxPageKind
chain_kind(const SphxIndexInfo *info, uint32 cell)
{
	Assert(cell <= SphxOverflowCell(&info->meta));
	return cell == SphxOverflowCell(&info->meta) ? SPHX_PAGE_OVERFLOW : SPHX_PAGE_NODE;
}

/*
 * Give the cell its first page.  Returns the cell's insert block, which may be
 * somebody else's first page.  Only the lock on the directory makes sure that it
 * gets one and not two; on return no page is locked but what was on entry.
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

/*
 * Append a page behind the chain's last one, which is exclusively locked on entry
 * and on return: whoever else comes to the end waits, and finds the new page.
 */
static BlockNumber
extend_chain(SphxPages *pages, const SphxIndexInfo *info, uint32 cell, Buffer last)
{
	Buffer		buffer = SphxExtend(pages);
	BlockNumber block = BufferGetBlockNumber(buffer);
	SphxChange	change;

	Assert(SphxHoldsExclusive(last));
	Assert(SphxPageGetOpaque(BufferGetPage(last))->next == InvalidBlockNumber);
	SphxChangeBegin(&change, pages);
	SphxPageGetOpaque(SphxChangePage(&change, last))->next = block;
	SphxInitPage(SphxChangeNewPage(&change, buffer), chain_kind(info, cell), cell,
				 (int) info->meta.per_page);
	SphxChangeFinish(&change);
	UnlockReleaseBuffer(buffer);
	return block;
}

/*
 * Let later inserts start at this block; only a hint, whoever comes last wins.
 * The block's page may be locked: the directory comes after it (L2).
 */
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

/* The first free slot of a page that has one, and is exclusively locked. */
static uint32
free_slot(SphxPages *pages, const SphxIndexInfo *info, Buffer buffer)
{
	Assert(SphxHoldsExclusive(buffer) && SphxPageGetOpaque(BufferGetPage(buffer))->free > 0);
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

	Assert(kind == SPHX_PAGE_OVERFLOW || !SphxHoldsPage()); /* L1 */
	SphxReadCell(pages, &info->meta, cell, &data);
	block = data.insert;
	if (block == InvalidBlockNumber)
		data.insert = block = start_chain(pages, info, cell);
	for (uint64 step = 0;; step++)
	{
		BlockNumber next;

		SphxCheckChain(pages, block, step, 1);
		buffer = SphxReadPage(pages, block, kind, BUFFER_LOCK_EXCLUSIVE);
		if (kind == SPHX_PAGE_NODE && SphxPageGetOpaque(BufferGetPage(buffer))->cell != cell)	/* I6 */
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
	/* it has been locked since its free slots were counted */
	*slot = free_slot(pages, info, buffer);
	return buffer;
}

SphxRecord *
SphxFillSlot(const SphxIndexInfo *info, Page page, uint32 slot, const SphxRecord *record)
{
	SphxRecord *place = SphxPageRecord(info, page, slot);
	uint8		version = place->version;

	Assert(SphxMayChange(place));
	Assert(place->flags == 0 && SphxPageGetOpaque(page)->free > 0); /* I1, I5 */
	Assert(record->flags & SPHX_NODE_USED);
	Assert(record->payload_count > 0);	/* I4, I11 */
	Assert(((record->flags & SPHX_NODE_OVERFLOW) != 0) ==
		   (SphxPageGetOpaque(page)->kind == SPHX_PAGE_OVERFLOW));	/* I9 */
	memcpy(place, record, (Size) info->layout.size);
	place->version = version;
	SphxPageGetOpaque(page)->free--;
	return place;
}

void
SphxFreeSlot(const SphxIndexInfo *info, Page page, uint32 slot)
{
	SphxRecord *place = SphxPageRecord(info, page, slot);

	Assert(SphxMayChange(place));
	Assert(place->flags & SPHX_NODE_USED);

	/*
	 * a living node has edges to it (I1), and is DELETED while vacuum drops
	 * them
	 */
	Assert(place->flags & (SPHX_NODE_DELETED | SPHX_NODE_OVERFLOW));
	place->flags = 0;
	place->version++;
	SphxPageGetOpaque(page)->free++;
}

void
SphxOfferEntry(SphxPages *pages, const SphxIndexInfo *info, uint32 cell, uint32 id)
{
	SphxCellData data;
	Buffer		directory;

	Assert(cell < info->meta.cells && id != SPHX_INVALID_NODE); /* I10 */
	/* nearly always there is one, which a share lock tells */
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

	Assert(!SphxHoldsPage());	/* L1 */
	while (block != InvalidBlockNumber && found == SPHX_INVALID_NODE)
	{
		Buffer		buffer = SphxReadPage(pages, block, SPHX_PAGE_NODE, BUFFER_LOCK_SHARE);
		Page		page = BufferGetPage(buffer);
		SphxRecordWalk walk = SphxWalkRecords(pages, info, page, block);

		SphxCheckChain(pages, block, step++, 1);
		if (SphxNextLiving(&walk))
			found = walk.id;
		block = SphxPageGetOpaque(page)->next;
		UnlockReleaseBuffer(buffer);
		CHECK_FOR_INTERRUPTS();
	}
	return found;
}


/* Heap TIDs */

/* The record has room, and is on a page given by SphxChangePage or on none. */
static void
append_tid(const SphxIndexInfo *info, SphxRecord *r, ItemPointer tid)
{
	Assert(SphxMayChange(r));
	Assert(ItemPointerIsValid(tid));
	Assert(r->payload_count < (r->flags & SPHX_NODE_OVERFLOW ? SphxOverflowRoom(info) :
							   SphxPayloadRoom(info)));
	SphxRecordTids(info, r)[r->payload_count++] = *tid;
}

uint32
SphxHashVector(const float *x, int dims)
{
	uint32		hash = hash_bytes((const unsigned char *) x, (int) sizeof(float) * dims);

	return hash == 0 ? 1 : hash;
}

/*
 * Append to the first record of the node's overflow chain; false when it is
 * full.  The node's page is exclusively locked on entry and on return; it changes
 * when the row's vector is not that of the others.
 */
static bool
append_overflow(SphxPages *pages, const SphxIndexInfo *info, Buffer node_buffer, uint32 node_id,
				ItemPointer tid, uint32 hash)
{
	const SphxRecord *node = SphxNodeRecord(info, BufferGetPage(node_buffer), node_id);
	uint32		id = node->next;
	Buffer		buffer = SphxReadPage(pages, SphxNodeBlock(info, id), SPHX_PAGE_OVERFLOW,
									  BUFFER_LOCK_EXCLUSIVE);
	SphxRecord *r = SphxOverflowRecord(pages, info, BufferGetPage(buffer), id);
	bool		room = r->payload_count < SphxOverflowRoom(info);
	bool		mixed = SphxOverflowHash(r) != hash && !(node->flags & SPHX_NODE_MIXED);

	Assert(SphxHoldsExclusive(node_buffer));
	if (room)
	{
		SphxChange	change;

		SphxChangeBegin(&change, pages);
		if (mixed)
			SphxNodeRecord(info, SphxChangePage(&change, node_buffer), node_id)->flags |=
				SPHX_NODE_MIXED;
		append_tid(info, SphxNodeRecord(info, SphxChangePage(&change, buffer), id), tid);
		SphxChangeFinish(&change);
	}
	UnlockReleaseBuffer(buffer);
	return room;
}

/*
 * Is the hash of the first record of the node's overflow chain another one?  The
 * node's page is locked, in any mode: nobody can free the record.
 */
static bool
head_differs(SphxPages *pages, const SphxIndexInfo *info, uint32 head, uint32 hash)
{
	Buffer		buffer;
	bool		differs;

	if (head == SPHX_INVALID_NODE)
		return false;
	buffer = SphxReadPage(pages, SphxNodeBlock(info, head), SPHX_PAGE_OVERFLOW,
						  BUFFER_LOCK_SHARE);
	differs = SphxOverflowHash(SphxOverflowRecord(pages, info, BufferGetPage(buffer), head)) != hash;
	UnlockReleaseBuffer(buffer);
	return differs;
}

/*
 * Put a new record with this TID at the head of the node's overflow chain, so
 * that the next one is found in the first place looked at.  The node's page is
 * exclusively locked on entry and on return.
 */
static void
push_overflow(SphxPages *pages, const SphxIndexInfo *info, Buffer buffer, uint32 id,
			  ItemPointer tid, uint32 hash)
{
	SphxRecord *record = palloc0((Size) info->layout.size);
	SphxRecord *node = SphxNodeRecord(info, BufferGetPage(buffer), id);
	bool		mixed = head_differs(pages, info, node->next, hash);
	SphxChange	change;
	uint32		slot;
	Buffer		overflow;

	Assert(SphxHoldsExclusive(buffer));
	Assert(node->payload_count == SphxPayloadRoom(info));
	record->flags = SPHX_NODE_USED | SPHX_NODE_OVERFLOW;
	record->next = node->next;
	SphxSetOverflowHash(record, hash);
	append_tid(info, record, tid);
	overflow = SphxFindSlot(pages, info, SphxOverflowCell(&info->meta), &slot);

	/* the node's page first: replay locks in this order, as readers do (L1) */
	SphxChangeBegin(&change, pages);
	node = SphxNodeRecord(info, SphxChangePage(&change, buffer), id);
	node->next = SphxNodeId(info, BufferGetBlockNumber(overflow), slot);
	if (mixed)
		node->flags |= SPHX_NODE_MIXED;
	SphxFillSlot(info, SphxChangePage(&change, overflow), slot, record);
	SphxChangeFinish(&change);
	UnlockReleaseBuffer(overflow);
	pfree(record);
}

void
SphxAddTid(SphxPages *pages, const SphxIndexInfo *info, Buffer buffer, uint32 id,
		   ItemPointer tid, uint32 hash)
{
	SphxRecord *r = SphxNodeRecord(info, BufferGetPage(buffer), id);

	Assert(SphxHoldsExclusive(buffer));
	Assert((r->flags & (SPHX_NODE_USED | SPHX_NODE_DELETED | SPHX_NODE_OVERFLOW)) ==
		   SPHX_NODE_USED);		/* I4 */
	if (r->payload_count < SphxPayloadRoom(info))
	{
		SphxChange	change;

		SphxChangeBegin(&change, pages);
		append_tid(info, SphxNodeRecord(info, SphxChangePage(&change, buffer), id), tid);
		SphxChangeFinish(&change);
	}
	else if (r->next == SPHX_INVALID_NODE ||
			 !append_overflow(pages, info, buffer, id, tid, hash))
		push_overflow(pages, info, buffer, id, tid, hash);
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

void
SphxBeginTids(SphxTidCursor *cursor, uint32 id, uint8 version)
{
	Assert(id != SPHX_INVALID_NODE);
	cursor->id = id;
	cursor->version = version;
	cursor->begun = cursor->own = false;
	cursor->uniform = false;
	cursor->visits = NULL;
	cursor->visit_count = cursor->visit_room = 0;
}

void
SphxEndTids(SphxTidCursor *cursor)
{
	if (cursor->visits != NULL)
		pfree(cursor->visits);
	cursor->visits = NULL;
}

static void
remember_visit(SphxTidCursor *cursor, uint32 id, uint8 version)
{
	if (cursor->visit_count == cursor->visit_room)
		cursor->visits = SphxEnlarge(CurrentMemoryContext, cursor->visits, &cursor->visit_room, 8,
									 sizeof(SphxVisit));
	cursor->visits[cursor->visit_count].id = id;
	cursor->visits[cursor->visit_count++].version = version;
}

/*
 * Where the chain goes on behind a record visited before; false when that has
 * been freed.  The node's page is locked: so is the chain, if the record is in it.
 */
static bool
behind_visit(SphxPages *pages, const SphxIndexInfo *info, SphxVisit visit, uint32 *next)
{
	Buffer		buffer = SphxReadPage(pages, SphxNodeBlock(info, visit.id), SPHX_PAGE_OVERFLOW,
									  BUFFER_LOCK_SHARE);
	const SphxRecord *r = SphxNodeRecord(info, BufferGetPage(buffer), visit.id);
	bool		same = r->flags == (SPHX_NODE_USED | SPHX_NODE_OVERFLOW) &&
	r->version == visit.version;

	if (same)
		*next = r->next;
	UnlockReleaseBuffer(buffer);
	return same;
}

/*
 * The record after those visited, of a node whose page is share-locked, which
 * keeps the whole chain as it is.  Since the last step a vacuum may have taken
 * records out of the chain, and inserts may have put some at its head.
 */
static uint32
next_in_chain(SphxPages *pages, const SphxIndexInfo *info, SphxTidCursor *cursor, uint32 head)
{
	uint32		next;

	while (cursor->visit_count > 0)
	{
		if (behind_visit(pages, info, cursor->visits[cursor->visit_count - 1], &next))
			return next;
		cursor->visit_count--;
	}
	return head;
}

/* Take the TIDs of the overflow record `next`, of a node whose page is share-locked. */
static int
visit_overflow(SphxPages *pages, const SphxIndexInfo *info, SphxTidCursor *cursor, uint32 next)
{
	Buffer		buffer;
	const SphxRecord *r;
	int			count;

	Assert(next != SPHX_INVALID_NODE && cursor->begun && !cursor->own);
	SphxSlowPoint("scan-chain");
	buffer = SphxReadPage(pages, SphxNodeBlock(info, next), SPHX_PAGE_OVERFLOW,
						  BUFFER_LOCK_SHARE);
	r = SphxOverflowRecord(pages, info, BufferGetPage(buffer), next);
	count = r->payload_count;
	SphxCheckChain(pages, SphxNodeBlock(info, next), (uint64) cursor->visit_count,
				   info->meta.per_page);
	memcpy(cursor->tids, SphxRecordTids(info, r), sizeof(ItemPointerData) * (Size) count);
	remember_visit(cursor, next, r->version);
	UnlockReleaseBuffer(buffer);
	return count;
}

/*
 * The first step: the TIDs of the node's own record, and whether its chain is
 * uniform.  The record's page is share-locked.
 */
static int
visit_node(SphxPages *pages, const SphxIndexInfo *info, SphxTidCursor *cursor, const SphxRecord *r)
{
	int			count = r->payload_count;

	Assert(SphxMayRead(r) && !cursor->begun && cursor->visit_count == 0);
	cursor->begun = true;
	if (r->next != SPHX_INVALID_NODE)
		SphxSlowPoint("scan-chain");
	cursor->uniform = r->next != SPHX_INVALID_NODE && !(r->flags & SPHX_NODE_MIXED) &&
		head_differs(pages, info, r->next, 0);
	memcpy(cursor->tids, SphxRecordTids(info, r), sizeof(ItemPointerData) * (Size) count);
	return count;
}

int
SphxNextTids(SphxPages *pages, const SphxIndexInfo *info, SphxTidCursor *cursor)
{
	Buffer		buffer = SphxReadPage(pages, SphxNodeBlock(info, cursor->id), SPHX_PAGE_NODE,
									  BUFFER_LOCK_SHARE);
	const SphxRecord *r = SphxCheckNode(pages, info, BufferGetPage(buffer), cursor->id);
	int			count = 0;

	if (r != NULL && r->version == cursor->version)
	{
		uint32		next;

		cursor->own = !cursor->begun;
		if (!cursor->begun)
			count = visit_node(pages, info, cursor, r);
		if (count == 0)
			cursor->own = false;
		while (count == 0 &&
			   (next = next_in_chain(pages, info, cursor, r->next)) != SPHX_INVALID_NODE)
			count = visit_overflow(pages, info, cursor, next);
	}
	UnlockReleaseBuffer(buffer);
	Assert(!SphxHoldsPage());	/* L5 */
	return count;
}
