/*-------------------------------------------------------------------------
 *
 * vacuum.c
 *	  Removal of dead rows.
 *
 * See "Vacuum" in src/README for the phases and why they are safe.
 *
 *-------------------------------------------------------------------------
 */
#include "am/vacuum/vacuum.h"

#include <math.h>

#include "commands/vacuum.h"
#include "miscadmin.h"
#include "postmaster/autovacuum.h"
#include "storage/lmgr.h"
#include "utils/memutils.h"

#include "am/definition/geometry.h"
#include "am/vacuum/vacuum_state.h"
#include "page/chain.h"
#include "server/stop_point.h"

/* how far the norms that the metapage names may be off, as a part of them */
#define MAX_NORM_TOLERANCE	0.01f
#define LONG_NORM_TOLERANCE	0.15f	/* it is known to one step of SphxNorms
									 * only */


/* Phase 1: dead TIDs, and nodes left without any */

static void
remember_deleted(VacuumState *vacuum, uint32 id)
{
	uint64		bit = (uint64) id - (uint64) vacuum->first * vacuum->info.meta.per_page;

	Assert(SphxNodeBlock(&vacuum->info, id) >= vacuum->first &&
		   SphxNodeBlock(&vacuum->info, id) < vacuum->end);
	Assert(!SphxIsDeleted(vacuum, id)); /* or the count would be wrong */
	vacuum->deleted[bit / 8] |= (uint8) (1 << (bit % 8));
	vacuum->deleted_count++;
}

static bool
is_dead(VacuumState *vacuum, ItemPointer tid)
{
	return vacuum->callback(tid, vacuum->callback_state);
}

/* The record's page is locked, in any mode. */
static int
count_dead(VacuumState *vacuum, const SphxRecord *r)
{
	ItemPointerData *tids = SphxRecordTids(&vacuum->info, r);
	int			dead = 0;

	Assert(SphxMayRead(r));
	for (int i = 0; i < r->payload_count; i++)
		dead += is_dead(vacuum, &tids[i]) ? 1 : 0;
	return dead;
}

/* Keep the living TIDs of a record on a page given by SphxChangePage. */
static void
remove_dead(VacuumState *vacuum, SphxRecord *r)
{
	ItemPointerData *tids = SphxRecordTids(&vacuum->info, r);
	int			kept = 0;

	Assert(SphxMayChange(r));
	for (int i = 0; i < r->payload_count; i++)
		if (!is_dead(vacuum, &tids[i]))
			tids[kept++] = tids[i];
	r->payload_count = (uint8) kept;
}

/*
 * Records of a chain that are read or cleaned under one lock of the node's
 * page.  In a pause inserts may put records at the heads of its chains, but
 * nobody except vacuum takes one out.
 */
#define CHAIN_STEPS 256

/*
 * Does vacuum have anything to do with this node?  Counts its living TIDs.  Its
 * page is share-locked on entry and return, but not all of the time in between:
 * nothing that was read of it before holds after a pause.
 */
static bool
needs_work(VacuumState *vacuum, Buffer node_buffer, const SphxRecord *r, double *living)
{
	const SphxIndexInfo *info = &vacuum->info;
	int			dead = count_dead(vacuum, r);
	uint32		next = r->next;
	uint64		step = 0;

	Assert(SphxHoldsLock(node_buffer));
	if (r->flags & SPHX_NODE_DELETED)
		return true;			/* left over from a vacuum that did not finish */
	*living += r->payload_count - dead;
	if (r->payload_count == 0 && next == SPHX_INVALID_NODE)
		return true;
	while (next != SPHX_INVALID_NODE)
	{
		Buffer		buffer;
		const SphxRecord *overflow;
		int			dead_here;

		if (step % CHAIN_STEPS == CHAIN_STEPS - 1)
			SphxPauseLock(node_buffer, BUFFER_LOCK_SHARE);
		buffer = SphxReadPage(&vacuum->pages, SphxNodeBlock(info, next), SPHX_PAGE_OVERFLOW,
							  BUFFER_LOCK_SHARE);
		overflow = SphxOverflowRecord(&vacuum->pages, info, BufferGetPage(buffer), next);
		dead_here = count_dead(vacuum, overflow);
		SphxCheckChain(&vacuum->pages, SphxNodeBlock(info, next), step++, info->meta.per_page);
		dead += dead_here;
		*living += overflow->payload_count - dead_here;
		next = overflow->next;
		UnlockReleaseBuffer(buffer);
	}
	return dead > 0;
}

/* A step along a node's overflow chain: a record on a page locked exclusively. */
typedef struct ChainStep
{
	Buffer		buffer;
	uint32		id;
} ChainStep;

/*
 * Take the empty record at `step` out of the chain behind `before`, and free
 * it.  The node's page is part of the change even where nothing changes on it,
 * and comes first: so that replay on a standby waits for those who are reading
 * the chain, as this process had to (L1).
 */
static void
unlink_overflow(VacuumState *vacuum, Buffer node_buffer, ChainStep before, ChainStep step)
{
	const SphxIndexInfo *info = &vacuum->info;
	BlockNumber block = BufferGetBlockNumber(step.buffer);
	BlockNumber *first_free = &vacuum->first_free[SphxOverflowCell(&info->meta)];
	SphxChange	change;
	Page		before_page;
	Page		page;

	Assert(SphxNodeRecord(info, BufferGetPage(before.buffer), before.id)->next == step.id); /* I11 */
	SphxChangeBegin(&change, &vacuum->pages);
	(void) SphxChangePage(&change, node_buffer);
	before_page = SphxChangePage(&change, before.buffer);
	page = SphxChangePage(&change, step.buffer);
	SphxNodeRecord(info, before_page, before.id)->next = SphxNodeRecord(info, page, step.id)->next;
	SphxFreeSlot(info, page, step.id % info->meta.per_page);
	SphxChangeFinish(&change);
	*first_free = Min(*first_free, block);
}

/*
 * Let others in, lock the chain again, and return what comes behind `before` by
 * now.  On entry and return the pages of the node and of `before` are exclusively
 * locked; in between none is.
 */
static uint32
resume_chain(VacuumState *vacuum, Buffer node_buffer, ChainStep *before)
{
	const SphxIndexInfo *info = &vacuum->info;
	bool		is_node = before->buffer == node_buffer;

	if (!is_node)
		UnlockReleaseBuffer(before->buffer);
	SphxPauseLock(node_buffer, BUFFER_LOCK_EXCLUSIVE);
	if (!is_node)
		before->buffer = SphxReadPage(&vacuum->pages, SphxNodeBlock(info, before->id),
									  SPHX_PAGE_OVERFLOW, BUFFER_LOCK_EXCLUSIVE);
	/* nobody else takes a record out of a chain, or frees a slot */
	Assert(SphxNodeRecord(info, BufferGetPage(before->buffer), before->id)->flags & SPHX_NODE_USED);
	return SphxNodeRecord(info, BufferGetPage(before->buffer), before->id)->next;
}

/*
 * Remove dead TIDs from the overflow chain of a node, whose page is exclusively
 * locked on entry and return, and no other; in a long chain not all of the time
 * in between.  Two overflow pages may be locked at a time: nobody else locks a
 * second one, so nobody can wait for us in a circle.
 */
static void
clean_chain(VacuumState *vacuum, Buffer node_buffer, uint32 id)
{
	const SphxIndexInfo *info = &vacuum->info;
	ChainStep	before = {node_buffer, id};
	uint32		next = SphxNodeRecord(info, BufferGetPage(node_buffer), id)->next;

	Assert(SphxHoldsExclusive(node_buffer));
	for (uint64 steps = 1; next != SPHX_INVALID_NODE; steps++)
	{
		BlockNumber block = SphxNodeBlock(info, next);
		bool		same_page = block == BufferGetBlockNumber(before.buffer);
		ChainStep	step = {before.buffer, next};
		SphxRecord *r;
		int			dead;
		bool		empty;

		if (!same_page)
			step.buffer = SphxReadPage(&vacuum->pages, block, SPHX_PAGE_OVERFLOW,
									   BUFFER_LOCK_EXCLUSIVE);
		Assert(SphxHoldsExclusive(step.buffer) && SphxHoldsExclusive(node_buffer)); /* L1 */
		r = SphxOverflowRecord(&vacuum->pages, info, BufferGetPage(step.buffer), next);
		next = r->next;
		dead = count_dead(vacuum, r);
		Assert(dead <= r->payload_count);
		empty = dead == r->payload_count;
		vacuum->stats->tuples_removed += dead;
		if (empty)
			unlink_overflow(vacuum, node_buffer, before, step);
		else if (dead > 0)
		{
			SphxChange	change;

			SphxChangeBegin(&change, &vacuum->pages);
			remove_dead(vacuum, SphxNodeRecord(info, SphxChangePage(&change, step.buffer),
											   step.id));
			SphxChangeFinish(&change);
		}

		/* keep locked what the next step may have to change */
		if (empty && !same_page)
			UnlockReleaseBuffer(step.buffer);
		else if (!empty)
		{
			if (!same_page && before.buffer != node_buffer)
				UnlockReleaseBuffer(before.buffer);
			before = step;
		}
		if (steps % CHAIN_STEPS == 0)
			next = resume_chain(vacuum, node_buffer, &before);
	}
	if (before.buffer != node_buffer)
		UnlockReleaseBuffer(before.buffer);
	Assert(SphxHoldsExclusive(node_buffer));
}

static bool
has_no_tids(const SphxRecord *r)
{
	return r->payload_count == 0 && r->next == SPHX_INVALID_NODE;
}

/*
 * Remove the dead TIDs from the records of a page's nodes, in one change; those
 * left without any are deleted (I4).  The page is exclusively locked on entry and
 * return, and the nodes' chains have been cleaned.  An insert that gives one of
 * them a TID locks the page, too, so it comes before or finds the node DELETED.
 */
static void
clean_nodes(VacuumState *vacuum, Buffer buffer)
{
	const SphxIndexInfo *info = &vacuum->info;
	BlockNumber block = BufferGetBlockNumber(buffer);
	SphxRecordWalk walk = SphxWalkRecords(&vacuum->pages, info, BufferGetPage(buffer), block);
	bool		work = false;
	SphxChange	change;

	Assert(SphxHoldsExclusive(buffer));
	while (!work && SphxNextLiving(&walk))
		work = has_no_tids(walk.record) || count_dead(vacuum, walk.record) > 0;
	if (!work)
		return;
	SphxChangeBegin(&change, &vacuum->pages);
	walk = SphxWalkRecords(&vacuum->pages, info, SphxChangePage(&change, buffer), block);
	while (SphxNextLiving(&walk))
	{
		vacuum->stats->tuples_removed += walk.record->payload_count;
		remove_dead(vacuum, walk.record);
		vacuum->stats->tuples_removed -= walk.record->payload_count;
		if (has_no_tids(walk.record))
			walk.record->flags |= SPHX_NODE_DELETED;
	}
	SphxChangeFinish(&change);
}

/*
 * Clean a page of nodes and note the deleted ones.  It is exclusively locked on
 * entry and return; while a long chain is cleaned it is unlocked now and then, so
 * the nodes themselves come last, in one go.
 */
static void
clean_locked_page(VacuumState *vacuum, Buffer buffer)
{
	SphxRecordWalk walk = SphxWalkRecords(&vacuum->pages, &vacuum->info, BufferGetPage(buffer),
										  BufferGetBlockNumber(buffer));
	SphxRecordWalk again = walk;

	Assert(SphxHoldsExclusive(buffer));
	while (SphxNextLiving(&walk))
		clean_chain(vacuum, buffer, walk.id);
	clean_nodes(vacuum, buffer);
	while (SphxNextNode(&again))
		if (again.record->flags & SPHX_NODE_DELETED)
			remember_deleted(vacuum, again.id);
}

/* Inner product: the norms of the living nodes of a page, which is locked. */
static void
measure_norms(VacuumState *vacuum, Page page, BlockNumber block)
{
	const SphxIndexInfo *info = &vacuum->info;
	SphxRecordWalk walk = SphxWalkRecords(&vacuum->pages, info, page, block);

	while (SphxNextLiving(&walk))
	{
		sphx_record_vector(&info->layout, walk.record, vacuum->x);
		SphxCountNorm(&vacuum->norms, SphxNorm(info, vacuum->x));
	}
}

/*
 * Edges are chosen, and searches end, by the norms of today.  On entry and return
 * no page is locked.
 */
static void
update_norms(VacuumState *vacuum)
{
	const SphxMetaPageData *meta = &vacuum->info.meta;
	float		max_norm = vacuum->norms.largest;
	float		long_norm = SphxLongNorm(&vacuum->norms);

	Assert(!SphxHoldsPage());	/* L3 */
	if (fabsf(max_norm - meta->max_norm) > MAX_NORM_TOLERANCE * meta->max_norm ||
		fabsf(long_norm - meta->long_norm) > LONG_NORM_TOLERANCE * meta->long_norm)
		SphxSetNorms(&vacuum->pages, &vacuum->info, max_norm, long_norm);
}

/*
 * The first phase for one page.  On entry and return no page is locked.  A share
 * lock will do for most pages, and lets scans and inserts' searches go on.
 */
static void
clean_page(VacuumState *vacuum, BlockNumber block)
{
	const SphxIndexInfo *info = &vacuum->info;
	SphxPageKind kind;
	Buffer		buffer = SphxReadPlannedPage(&vacuum->pages, info, block, BUFFER_LOCK_SHARE, &kind);
	Page		page = BufferGetPage(buffer);
	SphxRecordWalk walk = SphxWalkRecords(&vacuum->pages, info, page, block);
	bool		work = false;

	Assert(block >= vacuum->first && block < vacuum->end);
	while (kind == SPHX_PAGE_NODE && SphxNextNode(&walk))
		if (needs_work(vacuum, buffer, walk.record, &vacuum->stats->num_index_tuples))
			work = true;
	if (work)
	{
		/* what was seen is only that there is work: all of it is read again */
		SphxUpgradeLock(buffer);
		clean_locked_page(vacuum, buffer);
	}
	if (kind == SPHX_PAGE_NODE)
		SphxCountPageEdges(vacuum, page, block);
	if (kind == SPHX_PAGE_NODE && info->meta.metric == SPHX_METRIC_IP)
		measure_norms(vacuum, page, block);
	UnlockReleaseBuffer(buffer);
}


/* Phase 4: entries of cells, free slots, the directory */

/*
 * A living neighbour of a deleted node, which is near it, in whatever cell.  On
 * entry and return no page is locked; only vacuum could delete it meanwhile.
 */
static uint32
find_neighbour(VacuumState *vacuum, uint32 id)
{
	const SphxIndexInfo *info = &vacuum->info;
	uint32		ids[SPHX_MAX_M];
	int			count = 0;
	Buffer		buffer = SphxReadPage(&vacuum->pages, SphxNodeBlock(info, id), SPHX_PAGE_NODE,
									  BUFFER_LOCK_SHARE);
	const SphxRecord *r = SphxCheckNode(&vacuum->pages, info, BufferGetPage(buffer), id);

	if (r != NULL)
	{
		count = r->neighbours;
		Assert(count <= SPHX_MAX_M);	/* I3 */
		memcpy(ids, sphx_record_ids(&info->layout, r), sizeof(uint32) * (Size) count);
	}
	UnlockReleaseBuffer(buffer);
	for (int i = 0; i < count; i++)
	{
		bool		good;

		buffer = SphxReadPage(&vacuum->pages, SphxNodeBlock(info, ids[i]), SPHX_PAGE_NODE,
							  BUFFER_LOCK_SHARE);
		r = SphxCheckNode(&vacuum->pages, info, BufferGetPage(buffer), ids[i]);
		good = r != NULL && !(r->flags & SPHX_NODE_DELETED);
		UnlockReleaseBuffer(buffer);
		if (good)
			return ids[i];
	}
	return SPHX_INVALID_NODE;
}

/* On entry and return no page is locked. */
static void
set_entry(VacuumState *vacuum, uint32 cell, uint32 entry)
{
	const SphxMetaPageData *meta = &vacuum->info.meta;
	Buffer		buffer = SphxLockCell(&vacuum->pages, meta, cell, BUFFER_LOCK_EXCLUSIVE);
	SphxChange	change;

	Assert(cell < meta->cells);
	Assert(entry == SPHX_INVALID_NODE || !SphxIsDeleted(vacuum, entry));	/* I10 */
	SphxChangeBegin(&change, &vacuum->pages);
	SphxPageCell(SphxChangePage(&change, buffer), meta, cell)->entry = entry;
	SphxChangeFinish(&change);
	UnlockReleaseBuffer(buffer);
}

/*
 * Give another entry to the cells whose entry is deleted.  Nobody else
 * replaces an entry; inserts set one only where there is none.  So the directory
 * need not stay locked while another one is looked for.
 */
static void
replace_entries(VacuumState *vacuum)
{
	const SphxMetaPageData *meta = &vacuum->info.meta;

	for (uint32 cell = 0; cell < meta->cells; cell++)
	{
		SphxCellData data;
		uint32		entry;

		SphxReadCell(&vacuum->pages, meta, cell, &data);
		if (data.entry == SPHX_INVALID_NODE || !SphxIsDeleted(vacuum, data.entry))
			continue;
		entry = find_neighbour(vacuum, data.entry);
		if (entry == SPHX_INVALID_NODE)
			entry = SphxFindLiving(&vacuum->pages, &vacuum->info, data.first);
		set_entry(vacuum, cell, entry);
		if (entry == SPHX_INVALID_NODE)
		{
			/*
			 * an insert that came between saw an entry and did not set its
			 * own
			 */
			entry = SphxFindLiving(&vacuum->pages, &vacuum->info, data.first);
			if (entry != SPHX_INVALID_NODE)
				SphxOfferEntry(&vacuum->pages, &vacuum->info, cell, entry);
		}
	}
}

/*
 * Free the block's deleted nodes.  No edges lead to them, and no insert that is
 * under way knows one (L4); a scan that does finds the slot free, or another
 * version.  On entry and return no page is locked.
 */
static void
free_slots(VacuumState *vacuum, BlockNumber block)
{
	const SphxIndexInfo *info = &vacuum->info;
	Buffer		buffer;
	SphxChange	change;
	SphxRecordWalk walk;
	bool		any = false;

	for (uint32 slot = 0; slot < info->meta.per_page; slot++)
		any |= SphxIsDeleted(vacuum, SphxNodeId(info, block, slot));
	if (!any)
		return;
	buffer = SphxReadPage(&vacuum->pages, block, SPHX_PAGE_NODE, BUFFER_LOCK_EXCLUSIVE);
	SphxChangeBegin(&change, &vacuum->pages);
	walk = SphxWalkRecords(&vacuum->pages, info, SphxChangePage(&change, buffer), block);
	while (SphxNextNode(&walk))
		if (SphxIsDeleted(vacuum, walk.id))
		{
			Assert(walk.record->flags & SPHX_NODE_DELETED);
			SphxFreeSlot(info, walk.page, walk.id % info->meta.per_page);
		}
	SphxChangeFinish(&change);
	UnlockReleaseBuffer(buffer);
}

/* What the directory should say of a cell; false when it already does. */
static bool
update_cell(const VacuumState *vacuum, SphxCellData *data, uint32 cell)
{
	BlockNumber insert = data->insert;

	Assert(SphxMayChange(data) && cell <= SphxOverflowCell(&vacuum->info.meta));
	if (vacuum->first_free[cell] != InvalidBlockNumber && insert != InvalidBlockNumber)
		insert = Min(insert, vacuum->first_free[cell]);
	if (data->insert == insert && data->count == vacuum->nodes[cell])
		return false;
	data->insert = insert;
	data->count = vacuum->nodes[cell];
	return true;
}

/* Pages of the directory are locked one at a time; on entry and return none is. */
static void
update_directory(VacuumState *vacuum)
{
	const SphxMetaPageData *meta = &vacuum->info.meta;

	for (uint32 cell = 0; cell <= meta->cells; cell += meta->cells_per_page)
	{
		uint32		count = Min(meta->cells_per_page, meta->cells + 1 - cell);
		Buffer		buffer = SphxLockCell(&vacuum->pages, meta, cell, BUFFER_LOCK_EXCLUSIVE);
		const SphxCellData *data = SphxPageCell(BufferGetPage(buffer), meta, cell);
		bool		changed = false;

		for (uint32 i = 0; i < count; i++)
		{
			SphxCellData copy = data[i];

			changed |= update_cell(vacuum, &copy, cell + i);
		}
		if (changed)
		{
			SphxChange	change;
			SphxCellData *target;

			SphxChangeBegin(&change, &vacuum->pages);
			target = SphxPageCell(SphxChangePage(&change, buffer), meta, cell);
			for (uint32 i = 0; i < count; i++)
				(void) update_cell(vacuum, &target[i], cell + i);
			SphxChangeFinish(&change);
		}
		UnlockReleaseBuffer(buffer);
		Assert(!SphxHoldsPage());	/* nobody waits for one who sleeps */
		SphxVacuumDelay();
	}
}


/* The whole */

/*
 * Inserts that began before the marks may link to marked nodes: wait for them.
 * The lock is not kept: those that begin later see the marks.
 */
static void
wait_for_inserts(VacuumState *vacuum)
{
	Assert(!SphxHoldsPage());	/* L4 */
	Assert(SphxExcludesVacuum(vacuum->pages.index));	/* nobody else frees
														 * slots */
	LockPage(vacuum->pages.index, SPHX_META_BLOCK, ExclusiveLock);
	UnlockPage(vacuum->pages.index, SPHX_META_BLOCK, ExclusiveLock);
}

/* All phases of the window.  On entry and return no page is locked, nor, heavyweight, block 0. */
static void
vacuum_window(VacuumState *vacuum)
{
	bool		overflow_freed;

	for (BlockNumber block = vacuum->first; block < vacuum->end; block++)
	{
		Assert(!SphxHoldsPage());	/* nobody waits for one who sleeps */
		SphxVacuumDelay();
		clean_page(vacuum, block);
	}
	overflow_freed = vacuum->first_free[SphxOverflowCell(&vacuum->info.meta)] != InvalidBlockNumber;
	if (vacuum->deleted_count == 0 && !overflow_freed)
		return;
	if (vacuum->info.meta.metric == SPHX_METRIC_IP && vacuum->end == vacuum->nblocks)
		update_norms(vacuum);
	SphxStopPoint("vacuum-marked");
	wait_for_inserts(vacuum);
	SphxDropEdges(vacuum);
	SphxStopPoint("vacuum-dropped");
	if (vacuum->deleted_count > 0)
		replace_entries(vacuum);
	for (BlockNumber block = vacuum->first; block < vacuum->end; block++)
	{
		Assert(!SphxHoldsPage());	/* nobody waits for one who sleeps */
		SphxVacuumDelay();
		free_slots(vacuum, block);
	}
	update_directory(vacuum);
	if (vacuum->deleted_count > 0)
		SphxLinkIsolated(vacuum);
}

static uint64
memory_limit(void)
{
	int			limit_kb = AmAutoVacuumWorkerProcess() && autovacuum_work_mem != -1 ?
	autovacuum_work_mem : maintenance_work_mem;

	return (uint64) limit_kb * 1024;
}

/* How many blocks' deleted nodes a bitmap within the memory limit can hold. */
static BlockNumber
window_blocks(const VacuumState *vacuum, BlockNumber nblocks)
{
	uint64		blocks = memory_limit() * 8 / vacuum->info.meta.per_page;

	return (BlockNumber) Min((uint64) nblocks, Max(blocks, 1));
}

/* The bitmap, and what there is room for beside it. */
static void
allocate_window(VacuumState *vacuum, BlockNumber window, BlockNumber nblocks)
{
	uint64		slots = (uint64) window * vacuum->info.meta.per_page;
	uint64		bitmap = (slots + 7) / 8;

	vacuum->deleted = palloc_extended(bitmap, MCXT_ALLOC_HUGE);
	/* edges are counted over the whole index or not at all */
	if (window == nblocks && bitmap <= memory_limit())
		vacuum->balance = SphxCreateBalance(&vacuum->info, slots, memory_limit() - bitmap);
}

static void
init_vacuum(VacuumState *vacuum, IndexVacuumInfo *info)
{
	Size		cells;

	memset(vacuum, 0, sizeof(*vacuum));
	SphxOpenPages(&vacuum->pages, info->index);
	SphxGetInfo(&vacuum->pages, &vacuum->info);
	vacuum->pages.strategy = info->strategy;
	cells = (Size) vacuum->info.meta.cells + 1;
	vacuum->nodes = palloc(sizeof(uint32) * cells);
	vacuum->x = palloc(sizeof(float) * (Size) vacuum->info.layout.D);
	vacuum->first_free = palloc(sizeof(BlockNumber) * cells);
}

/* Start a window at this block. */
static void
reset_window(VacuumState *vacuum, BlockNumber first, BlockNumber end)
{
	Assert(first < end && end <= vacuum->nblocks);
	vacuum->first = first;
	vacuum->end = end;
	vacuum->deleted_count = 0;
	memset(vacuum->deleted, 0, ((uint64) (end - first) * vacuum->info.meta.per_page + 7) / 8);
	for (uint32 cell = 0; cell <= vacuum->info.meta.cells; cell++)
	{
		vacuum->nodes[cell] = 0;
		vacuum->first_free[cell] = InvalidBlockNumber;
	}
}

IndexBulkDeleteResult *
sphxbulkdelete(IndexVacuumInfo *info, IndexBulkDeleteResult *stats,
			   IndexBulkDeleteCallback callback, void *state)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "sphx vacuum",
												  ALLOCSET_DEFAULT_SIZES);
	BlockNumber nblocks = RelationGetNumberOfBlocks(info->index);
	MemoryContext old;
	VacuumState vacuum;
	BlockNumber window;

	if (stats == NULL)
		stats = palloc0(sizeof(IndexBulkDeleteResult));
	old = MemoryContextSwitchTo(context);
	init_vacuum(&vacuum, info);
	vacuum.stats = stats;
	vacuum.callback = callback;
	vacuum.callback_state = state;

	stats->num_index_tuples = 0;
	vacuum.nblocks = nblocks;
	window = window_blocks(&vacuum, nblocks);
	Assert(window > 0 || nblocks == 0);
	allocate_window(&vacuum, window, nblocks);
	for (BlockNumber first = 0; first < nblocks; first += window)
	{
		reset_window(&vacuum, first, Min(nblocks, first + window));
		vacuum_window(&vacuum);
	}
	stats->num_pages = nblocks;
	stats->estimated_count = false;

	Assert(!SphxHoldsPage());
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return stats;
}

IndexBulkDeleteResult *
sphxvacuumcleanup(IndexVacuumInfo *info, IndexBulkDeleteResult *stats)
{
	if (info->analyze_only)
		return stats;
	if (stats == NULL)
	{
		/* nothing was dead, so nothing was counted */
		stats = palloc0(sizeof(IndexBulkDeleteResult));
		stats->num_index_tuples = info->num_heap_tuples;
		stats->estimated_count = true;
	}
	stats->num_pages = RelationGetNumberOfBlocks(info->index);
	return stats;
}
