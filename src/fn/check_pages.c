/*-------------------------------------------------------------------------
 *
 * check_pages.c
 *	  sphx_check: what every page shows by itself.
 *
 * A page is copied under its share lock and checked without it, so that no
 * other page is ever read with a lock held (L1).
 *
 *-------------------------------------------------------------------------
 */
#include "fn/check_state.h"

#include <math.h>

#include "access/xlog.h"
#include SPHX_RECOVERY_HEADER
#include "miscadmin.h"

static const char *
kind_name(SphxPageKind kind)
{
	static const char *const names[] = {
		"unwritten", "META", "NODE", "CENTROID", "DIRECTORY", "OVERFLOW", "BASIS"
	};

	Assert((int) kind < (int) lengthof(names));
	return names[kind];
}

static void
check_kind(SphxCheck *check, BlockNumber block, SphxPageKind kind)
{
	SphxPageKind planned = SphxPlannedKind(&check->info.meta, block);

	if (planned != 0 && kind != planned)
		SphxCheckFailed(check, block, SPHX_I8_BLOCKS, "page is %s, not %s",
						kind_name(kind), kind_name(planned));
	if (planned == 0 && (kind == SPHX_PAGE_META || kind == SPHX_PAGE_BASIS))
		SphxCheckFailed(check, block, SPHX_I8_BLOCKS, "page is %s, not NODE or OVERFLOW",
						kind_name(kind));
}

/* A page of a skeleton that was left behind when the cells were made anew. */
static bool
is_left_behind(const SphxCheck *check, BlockNumber block, SphxPageKind kind)
{
	return (kind == SPHX_PAGE_DIRECTORY || kind == SPHX_PAGE_CENTROID) &&
		SphxPlannedKind(&check->info.meta, block) == 0;
}

/* What the server keeps in a page's header and the access method does not read. */
static void
check_header(SphxCheck *check, BlockNumber block)
{
	XLogRecPtr	end = RecoveryInProgress() ? GetXLogReplayRecPtr(NULL) : GetXLogInsertRecPtr();

	/* after a crash, changes of such a page would not be replayed */
	if (PageGetLSN(check->copy.data) > end)
		SphxCheckFailed(check, block, SPHX_I8_BLOCKS,
						"page has LSN %X/%X, which is beyond the end of the WAL",
						LSN_FORMAT_ARGS(PageGetLSN(check->copy.data)));
}

/* Special area of a page that belongs to no chain. */
static void
check_unchained(SphxCheck *check, BlockNumber block, const SphxPageOpaqueData *opaque)
{
	if (opaque->next != InvalidBlockNumber || opaque->cell != 0 || opaque->free != 0)
		SphxCheckFailed(check, block, SPHX_I8_BLOCKS,
						"page of no chain has next block %u, cell %u, %u free slots",
						opaque->next, opaque->cell, opaque->free);
}

/* What every record in use must satisfy for its readers. */
static void
check_common(SphxCheck *check, BlockNumber block, uint32 slot, const SphxRecord *r)
{
	if (r->neighbours > check->info.layout.m)
		SphxCheckFailed(check, block, SPHX_I3_DEGREE, "record %u has %u edges", slot,
						r->neighbours);
	if (!isfinite(r->scale) || r->scale < 0.0f)
		SphxCheckFailed(check, block, SPHX_I8_BLOCKS, "the scale of record %u is %g", slot,
						(double) r->scale);
}

static void
check_tids(SphxCheck *check, BlockNumber block, uint32 slot, const SphxRecord *r)
{
	ItemPointerData *tids = SphxRecordTids(&check->info, r);

	for (int i = 0; i < r->payload_count; i++)
	{
		OffsetNumber offset = ItemPointerGetOffsetNumberNoCheck(&tids[i]);
		BlockNumber heap_block = ItemPointerGetBlockNumberNoCheck(&tids[i]);

		/* of the rows that come meanwhile some are on new blocks */
		if (heap_block >= check->heap_blocks)
			check->heap_blocks = RelationGetNumberOfBlocks(check->heap);
		if (offset < FirstOffsetNumber || offset > MaxOffsetNumber ||
			heap_block >= check->heap_blocks)
			SphxCheckFailed(check, block, SPHX_I4_TIDS, "heap TID %d of record %u is not valid",
							i, slot);
	}
}

static void
check_node(SphxCheck *check, BlockNumber block, uint32 slot, const SphxRecord *r)
{
	bool		deleted = (r->flags & SPHX_NODE_DELETED) != 0;

	if (r->flags & ~(SPHX_NODE_USED | SPHX_NODE_DELETED | SPHX_NODE_MIXED) ||
		!(r->flags & SPHX_NODE_USED))
		SphxCheckFailed(check, block, SPHX_I8_BLOCKS, "record %u has flags 0x%02x", slot, r->flags);
	check_common(check, block, slot, r);
	if (r->payload_count > SphxPayloadRoom(&check->info))
		SphxCheckFailed(check, block, SPHX_I4_TIDS, "record %u has %u heap TIDs, but room for %d",
						slot, r->payload_count, SphxPayloadRoom(&check->info));
	if (deleted && (r->payload_count > 0 || r->next != SPHX_INVALID_NODE))
		SphxCheckFailed(check, block, SPHX_I4_TIDS, "record %u is deleted and has heap TIDs", slot);
	check_tids(check, block, slot, r);
}

static void
check_overflow(SphxCheck *check, BlockNumber block, uint32 slot, const SphxRecord *r)
{
	if (r->flags != (SPHX_NODE_USED | SPHX_NODE_OVERFLOW))
		SphxCheckFailed(check, block, SPHX_I8_BLOCKS, "record %u has flags 0x%02x", slot, r->flags);
	if (r->payload_count == 0 || r->payload_count > SphxOverflowRoom(&check->info))
		SphxCheckFailed(check, block, SPHX_I11_OVERFLOW,
						"record %u has %u heap TIDs, but room for %d", slot, r->payload_count,
						SphxOverflowRoom(&check->info));
	check_tids(check, block, slot, r);
}

/* A page of a chain: its records, and I5 and I6 as far as the page tells. */
static void
check_chained(SphxCheck *check, BlockNumber block, SphxPageKind kind)
{
	Page		page = check->copy.data;
	const SphxPageOpaqueData *opaque = SphxPageGetOpaque(page);
	uint32		cells = check->info.meta.cells;
	uint32		free = 0;

	if (opaque->cell >= cells + (kind == SPHX_PAGE_OVERFLOW ? 1 : 0))
		SphxCheckFailed(check, block, SPHX_I6_CELL, "page is of cell %u, but there are %u",
						opaque->cell, cells);
	for (uint32 slot = 0; slot < check->info.meta.per_page; slot++)
	{
		const SphxRecord *r = SphxPageRecord(&check->info, page, slot);

		if (r->flags == 0)
		{
			free++;
			continue;
		}
		if (kind == SPHX_PAGE_NODE)
			check_node(check, block, slot, r);
		else
			check_overflow(check, block, slot, r);
		SphxSetBit(check->used, SphxNodeId(&check->info, block, slot));
	}
	if (opaque->free != free)
		SphxCheckFailed(check, block, SPHX_I5_FREE, "%u slots are free, but the page counts %u",
						free, opaque->free);
}

/* The layer whose block it is. */
static int
block_layer(const SphxCheck *check, BlockNumber block)
{
	int			layer = 0;

	while (layer + 1 < (int) check->info.meta.layer_count &&
		   block >= check->info.meta.layers[layer + 1].start)
		layer++;
	return layer;
}

/* I12: what a centroid's payload names. */
static void
check_below(SphxCheck *check, BlockNumber block, uint32 slot, int layer, const SphxRecord *r)
{
	const SphxMetaPageData *meta = &check->info.meta;
	uint32		below = SphxHitBelow(sphx_record_payload(&check->info.layout, r));
	uint32		first;

	if (layer == 0)
	{
		uint32		cell = (block - meta->layers[0].start) * meta->per_page + slot;

		if (below != cell)
			SphxCheckFailed(check, block, SPHX_I12_LAYERS,
							"record %u is the centroid of cell %u, not %u", slot, below, cell);
		return;
	}
	first = SphxNodeId(&check->info, meta->layers[layer - 1].start, 0);
	if (below < first || below - first >= meta->layers[layer - 1].count)
		SphxCheckFailed(check, block, SPHX_I12_LAYERS,
						"record %u leads to node %u, which is not in the layer below", slot, below);
}

static void
check_centroids(SphxCheck *check, BlockNumber block)
{
	const SphxMetaPageData *meta = &check->info.meta;
	int			layer = block_layer(check, block);
	uint32		before = (block - meta->layers[layer].start) * meta->per_page;
	uint32		count = Min(meta->layers[layer].count - before, meta->per_page);

	check_unchained(check, block, SphxPageGetOpaque(check->copy.data));
	for (uint32 slot = 0; slot < meta->per_page; slot++)
	{
		const SphxRecord *r = SphxPageRecord(&check->info, check->copy.data, slot);

		if (slot >= count && r->flags != 0)
			SphxCheckFailed(check, block, SPHX_I12_LAYERS, "record %u is behind the layer's last",
							slot);
		if (slot >= count)
			continue;
		if (r->flags != SPHX_NODE_USED || r->payload_count != 1)
			SphxCheckFailed(check, block, SPHX_I12_LAYERS, "record %u is not a centroid", slot);
		check_common(check, block, slot, r);
		check_below(check, block, slot, layer, r);
		SphxSetBit(check->used, SphxNodeId(&check->info, block, slot));
	}
}

SphxPageKind
SphxCheckPage(SphxCheck *check, BlockNumber block)
{
	CheckedPage *page = &check->page[block];
	SphxPageKind kind;
	Buffer		buffer;

	Assert(block < check->nblocks);
	CHECK_FOR_INTERRUPTS();
	buffer = SphxReadAnyPage(&check->pages, block, BUFFER_LOCK_SHARE, &kind);
	memcpy(check->copy.data, BufferGetPage(buffer), BLCKSZ);
	UnlockReleaseBuffer(buffer);

	check_kind(check, block, kind);
	check_header(check, block);
	if (is_left_behind(check, block, kind))
		kind = 0;				/* nothing leads there any more */
	page->kind = (uint8) kind;
	if (kind == 0)
		return kind;
	page->next = SphxPageGetOpaque(check->copy.data)->next;
	page->cell = kind == SPHX_PAGE_OVERFLOW ? SphxOverflowCell(&check->info.meta) :
		SphxPageGetOpaque(check->copy.data)->cell;
	if (kind == SPHX_PAGE_NODE || kind == SPHX_PAGE_OVERFLOW)
		check_chained(check, block, kind);
	else if (kind == SPHX_PAGE_CENTROID)
		check_centroids(check, block);
	else
		check_unchained(check, block, SphxPageGetOpaque(check->copy.data));
	return kind;
}

/* First pass: all pages, in the order of blocks. */
void
SphxCheckPages(SphxCheck *check)
{
	Size		bytes = ((uint64) check->nblocks * check->info.meta.per_page + 7) / 8;

	check->first = SphxFirstNodeBlock(&check->info.meta);
	check->page = palloc_extended(sizeof(CheckedPage) * check->nblocks,
								  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	check->used = palloc_extended(bytes, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	check->living = palloc_extended(bytes, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	check->reached = palloc_extended(bytes, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	check->expanded = palloc_extended(bytes, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	for (BlockNumber block = 0; block < check->nblocks; block++)
		(void) SphxCheckPage(check, block);
}
