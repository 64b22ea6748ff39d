/*-------------------------------------------------------------------------
 *
 * check_links.c
 *	  sphx_check: what leads from page to page: chains, entries, edges,
 *	  overflow records.
 *
 * Inserts go on meanwhile, but no vacuum (check.c).  So records and pages are
 * only added: what was in use stays in use, a page stays in its chain, and a
 * chain grows at its end only.  What is not found in use in the memory of the
 * first pass is looked at again.
 *
 *-------------------------------------------------------------------------
 */
#include "fn/check_state.h"

#include "miscadmin.h"

/* What a slot holds now. */
typedef struct SlotState
{
	SphxPageKind kind;			/* of its page; 0 when there is none */
	uint8		flags;
} SlotState;

static SlotState
read_slot(SphxCheck *check, uint32 id)
{
	const SphxIndexInfo *info = &check->info;
	SlotState	state = {0};
	Buffer		buffer;

	if (!SphxBlockExists(&check->pages, SphxNodeBlock(info, id)))
		return state;
	buffer = SphxReadAnyPage(&check->pages, SphxNodeBlock(info, id), BUFFER_LOCK_SHARE,
							 &state.kind);
	if (state.kind == SPHX_PAGE_NODE)
		state.flags = SphxNodeRecord(info, BufferGetPage(buffer), id)->flags;
	UnlockReleaseBuffer(buffer);
	return state;
}

/* Is the node in use, as far as is remembered? */
static bool
known_used(const SphxCheck *check, uint32 id)
{
	return SphxIsChecked(check, id) && SphxTestBit(check->used, id) &&
		check->page[SphxNodeBlock(&check->info, id)].kind == SPHX_PAGE_NODE;
}


/* Chains and the directory */

/* Follow one cell's chain.  `from` is the block that led to where we are. */
static void
check_chain(SphxCheck *check, uint32 cell, BlockNumber from, BlockNumber block)
{
	SphxPageKind kind = cell == SphxOverflowCell(&check->info.meta) ?
	SPHX_PAGE_OVERFLOW : SPHX_PAGE_NODE;

	while (block != InvalidBlockNumber && block < check->nblocks)
	{
		CheckedPage *page = &check->page[block];

		if (page->kind == 0)
			(void) SphxCheckPage(check, block); /* linked since the first pass */
		if (page->kind != kind)
			SphxCheckFailed(check, from, SPHX_I9_CHAINS,
							"chain of cell %u leads to block %u, which is of another kind", cell,
							block);
		if (page->cell != cell)
			SphxCheckFailed(check, block, SPHX_I6_CELL, "page of cell %u is in the chain of cell %u",
							page->cell, cell);
		if (page->chained)
			SphxCheckFailed(check, block, SPHX_I9_CHAINS,
							"page is met a second time, in the chain of cell %u", cell);
		page->chained = true;
		if (page->next == InvalidBlockNumber)
			(void) SphxCheckPage(check, block); /* extended since? */
		from = block;
		block = page->next;
	}
	if (block != InvalidBlockNumber && !SphxBlockExists(&check->pages, block))
		SphxCheckFailed(check, from, SPHX_I9_CHAINS,
						"chain of cell %u leads to block %u, which does not exist", cell, block);
}

static void
check_insert_block(SphxCheck *check, uint32 cell, BlockNumber directory, const SphxCellData *data)
{
	BlockNumber insert = data->insert;

	if ((data->first == InvalidBlockNumber) != (insert == InvalidBlockNumber))
		SphxCheckFailed(check, directory, SPHX_I9_CHAINS,
						"cell %u has first block %u and insert block %u", cell, data->first, insert);
	if (insert == InvalidBlockNumber)
		return;
	if (insert < check->nblocks ?
		!check->page[insert].chained || check->page[insert].cell != cell :
		!SphxBlockExists(&check->pages, insert))
		SphxCheckFailed(check, directory, SPHX_I9_CHAINS,
						"insert block %u of cell %u is not in its chain", insert, cell);
}

/* I10; an entry is where the search for reachable nodes begins. */
static void
check_entry(SphxCheck *check, uint32 cell, BlockNumber directory, uint32 entry)
{
	if (entry == SPHX_INVALID_NODE)
		return;
	if (cell == SphxOverflowCell(&check->info.meta))
		SphxCheckFailed(check, directory, SPHX_I10_ENTRY, "the chain of overflow pages has an entry");
	if (!known_used(check, entry) && !(read_slot(check, entry).flags & SPHX_NODE_USED))
		SphxCheckFailed(check, directory, SPHX_I10_ENTRY, "entry %u of cell %u is not a node",
						entry, cell);
	if (SphxIsChecked(check, entry))
		SphxSetBit(check->reached, entry);
}

/* Second pass: all cells of the directory. */
void
SphxCheckDirectory(SphxCheck *check)
{
	const SphxMetaPageData *meta = &check->info.meta;

	for (uint32 cell = 0; cell <= meta->cells; cell++)
	{
		BlockNumber directory = meta->directory + cell / meta->cells_per_page;
		SphxCellData data;

		CHECK_FOR_INTERRUPTS();
		SphxReadCell(&check->pages, meta, cell, &data);
		check_chain(check, cell, directory, data.first);
		check_insert_block(check, cell, directory, &data);
		check_entry(check, cell, directory, data.entry);
	}
	for (BlockNumber block = check->first; block < check->nblocks; block++)
	{
		SphxPageKind kind = (SphxPageKind) check->page[block].kind;

		if (kind == 0)
			check->unwritten++;
		else if ((kind == SPHX_PAGE_NODE || kind == SPHX_PAGE_OVERFLOW) &&
				 !check->page[block].chained)
			SphxCheckFailed(check, block, SPHX_I9_CHAINS, "page is in no chain");
	}
}


/* Records */

/* The ids that a record on check->copy names, each another one, none its own: I2. */
static void
check_distinct(SphxCheck *check, uint32 id, const SphxRecord *r)
{
	const uint32 *ids = sphx_record_ids(&check->info.layout, r);

	for (int i = 0; i < r->neighbours; i++)
	{
		bool		distinct = ids[i] != id;

		for (int j = 0; j < i && distinct; j++)
			distinct = ids[j] != ids[i];
		if (!distinct)
			SphxCheckFailed(check, SphxNodeBlock(&check->info, id), SPHX_I2_EDGES_DISTINCT,
							"edge %d of node %u leads to node %u, as another does, or to itself", i,
							id, ids[i]);
	}
}

/*
 * A centroid above layer 1 repeats the vector of the one below that it leads
 * to.
 */
static void
check_repeated(SphxCheck *check, BlockNumber block, uint32 id, const SphxRecord *r)
{
	const SphxIndexInfo *info = &check->info;
	uint32		below = SphxHitBelow(sphx_record_payload(&info->layout, r));
	Buffer		buffer = SphxReadPage(&check->pages, SphxNodeBlock(info, below),
									  SPHX_PAGE_CENTROID, BUFFER_LOCK_SHARE);
	bool		same = sphx_record_same_vector(&info->layout, r,
											   SphxNodeRecord(info, BufferGetPage(buffer), below));

	UnlockReleaseBuffer(buffer);
	if (!same)
		SphxCheckFailed(check, block, SPHX_I12_LAYERS,
						"centroid %u has another vector than %u, to which it leads", id, below);
}

static void
check_centroid_edges(SphxCheck *check, BlockNumber block)
{
	const SphxIndexInfo *info = &check->info;
	const SphxLayerData *layer = info->meta.layers;

	while (block >= layer->start + (layer->count + info->meta.per_page - 1) / info->meta.per_page)
		layer++;
	for (uint32 slot = 0; slot < info->meta.per_page; slot++)
	{
		const SphxRecord *r = SphxPageRecord(info, check->copy.data, slot);
		uint32		id = SphxNodeId(info, block, slot);
		uint32		first = SphxNodeId(info, layer->start, 0);

		if (id - first >= layer->count)
			break;
		if (layer != info->meta.layers)
			check_repeated(check, block, id, r);
		check_distinct(check, id, r);
		for (int i = 0; i < r->neighbours; i++)
		{
			uint32		far = sphx_record_ids(&info->layout, r)[i];

			if (far < first || far - first >= layer->count)
				SphxCheckFailed(check, block, SPHX_I2_EDGES_DISTINCT,
								"edge %d of centroid %u leads to %u, which is not in its layer", i,
								id, far);
		}
	}
}

/*
 * Edges of a node.  Those of a deleted one may lead to slots that the vacuum
 * which did not finish has freed (I1).
 */
static void
check_edges(SphxCheck *check, uint32 id, const SphxRecord *r)
{
	const SphxIndexInfo *info = &check->info;
	BlockNumber block = SphxNodeBlock(info, id);

	check_distinct(check, id, r);
	for (int i = 0; i < r->neighbours; i++)
	{
		uint32		far = sphx_record_ids(&info->layout, r)[i];
		SlotState	state;

		if (known_used(check, far))
			continue;
		state = read_slot(check, far);
		if (state.kind != SPHX_PAGE_NODE)
			SphxCheckFailed(check, block, SPHX_I2_EDGES_DISTINCT,
							"edge %d of node %u leads to %u, which is not a node", i, id, far);
		if (!(state.flags & SPHX_NODE_USED) && !(r->flags & SPHX_NODE_DELETED))
			SphxCheckFailed(check, block, SPHX_I1_EDGES_USED,
							"edge %d of node %u leads to the free slot %u", i, id, far);
	}
}

/* Copy an overflow record that `from` leads to. */
static void
read_overflow(SphxCheck *check, uint32 from, uint32 id, SphxRecord *copy)
{
	const SphxIndexInfo *info = &check->info;
	BlockNumber block = SphxNodeBlock(info, id);
	SphxPageKind kind = 0;

	if (SphxBlockExists(&check->pages, block))
	{
		Buffer		buffer = SphxReadAnyPage(&check->pages, block, BUFFER_LOCK_SHARE, &kind);

		if (kind == SPHX_PAGE_OVERFLOW)
			memcpy(copy, SphxNodeRecord(info, BufferGetPage(buffer), id), (Size) info->layout.size);
		UnlockReleaseBuffer(buffer);
	}
	if (kind != SPHX_PAGE_OVERFLOW || copy->flags != (SPHX_NODE_USED | SPHX_NODE_OVERFLOW) ||
		copy->payload_count > SphxOverflowRoom(info))
		SphxCheckFailed(check, SphxNodeBlock(info, from), SPHX_I11_OVERFLOW,
						"record %u leads to %u, which is not an overflow record", from, id);
}

/* Heap TIDs of a node on check->copy and in its overflow chain. */
static void
check_payload(SphxCheck *check, uint32 id, const SphxRecord *r)
{
	const SphxIndexInfo *info = &check->info;
	PGAlignedBlock room;
	SphxRecord *copy = (SphxRecord *) room.data;
	uint32		from = id;

	SphxFoundTids(check, id, r, SphxRecordTids(info, r), r->payload_count);
	for (uint32 next = r->next; next != SPHX_INVALID_NODE; next = copy->next)
	{
		CHECK_FOR_INTERRUPTS();
		read_overflow(check, from, next, copy);
		if (SphxIsChecked(check, next))
		{
			if (SphxTestBit(check->reached, next))
				SphxCheckFailed(check, SphxNodeBlock(info, next), SPHX_I11_OVERFLOW,
								"overflow record %u is met a second time, in the chain of node %u",
								next, id);
			SphxSetBit(check->reached, next);
		}
		check->overflow++;
		SphxFoundTids(check, id, r, SphxRecordTids(info, copy), copy->payload_count);
		from = next;
	}
}

static void
check_nodes(SphxCheck *check, BlockNumber block)
{
	SphxRecordWalk walk = SphxWalkRecords(&check->pages, &check->info, check->copy.data, block);

	while (SphxNextRecord(&walk))
	{
		uint32		id = walk.id;
		const SphxRecord *r = walk.record;

		check_edges(check, id, r);
		check_payload(check, id, r);
		if ((r->flags & SPHX_NODE_DELETED) ||
			(r->payload_count == 0 && r->next == SPHX_INVALID_NODE))
			check->deleted++;
		else
		{
			SphxSetBit(check->living, id);
			check->nodes++;
			check->edges += r->neighbours;
		}
	}
}

/* I11: nothing is left over when all chains of nodes have been followed. */
static void
check_overflow_owned(SphxCheck *check, BlockNumber block)
{
	const SphxIndexInfo *info = &check->info;

	for (uint32 slot = 0; slot < info->meta.per_page; slot++)
	{
		uint32		id = SphxNodeId(info, block, slot);

		if (SphxTestBit(check->used, id) && !SphxTestBit(check->reached, id))
			SphxCheckFailed(check, block, SPHX_I11_OVERFLOW,
							"overflow record %u belongs to no node", id);
	}
}

/*
 * Third pass: all records.  Overflow pages are not read a second time: records
 * added since the first pass belong to nodes that may have been met before.
 */
void
SphxCheckRecords(SphxCheck *check)
{
	for (BlockNumber block = 0; block < check->nblocks; block++)
	{
		uint8		kind = check->page[block].kind;

		if (kind != SPHX_PAGE_CENTROID && kind != SPHX_PAGE_NODE)
			continue;
		(void) SphxCheckPage(check, block);
		if (kind == SPHX_PAGE_CENTROID)
			check_centroid_edges(check, block);
		else
			check_nodes(check, block);
	}
	for (BlockNumber block = check->first; block < check->nblocks; block++)
		if (check->page[block].kind == SPHX_PAGE_OVERFLOW)
			check_overflow_owned(check, block);
}


/* Reachability */

/* A node of the block that is reached, and whose neighbours are not yet; or none. */
static uint32
next_to_expand(const SphxCheck *check, BlockNumber block)
{
	const SphxIndexInfo *info = &check->info;

	for (uint32 slot = 0; slot < info->meta.per_page; slot++)
	{
		uint32		id = SphxNodeId(info, block, slot);

		if (SphxTestBit(check->reached, id) && !SphxTestBit(check->expanded, id))
			return id;
	}
	return SPHX_INVALID_NODE;
}

/* Mark what the block's reached nodes lead to; true when that is before the block. */
static bool
expand_block(SphxCheck *check, BlockNumber block)
{
	const SphxIndexInfo *info = &check->info;
	uint32		id = next_to_expand(check, block);
	bool		back = false;

	if (id == SPHX_INVALID_NODE)
		return false;
	(void) SphxCheckPage(check, block);
	for (; id != SPHX_INVALID_NODE; id = next_to_expand(check, block))
	{
		const SphxRecord *r = SphxNodeRecord(info, check->copy.data, id);
		int			n = (r->flags & SPHX_NODE_USED) ? r->neighbours : 0;

		SphxSetBit(check->expanded, id);
		for (int i = 0; i < n; i++)
		{
			uint32		far = sphx_record_ids(&info->layout, r)[i];

			if (!SphxIsChecked(check, far) || SphxTestBit(check->reached, far))
				continue;
			SphxSetBit(check->reached, far);
			back |= SphxNodeBlock(info, far) < block;
		}
	}
	return back;
}

/*
 * Living nodes that no path of edges leads to from an entry.  Not an error: a
 * scan reaches them through their cells.  Pages are read in the order of
 * blocks, as often as there is something new, rather than node by node.
 */
void
SphxCountUnreachable(SphxCheck *check)
{
	const SphxIndexInfo *info = &check->info;
	bool		again = true;

	while (again)
	{
		again = false;
		for (BlockNumber block = check->first; block < check->nblocks; block++)
			if (check->page[block].kind == SPHX_PAGE_NODE && expand_block(check, block))
				again = true;
	}
	for (BlockNumber block = check->first; block < check->nblocks; block++)
		for (uint32 slot = 0; slot < info->meta.per_page; slot++)
		{
			uint32		id = SphxNodeId(info, block, slot);

			if (SphxTestBit(check->living, id) && !SphxTestBit(check->reached, id))
				check->unreachable++;
		}
}
