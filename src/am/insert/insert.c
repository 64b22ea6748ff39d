/*-------------------------------------------------------------------------
 *
 * insert.c
 *	  Insertion of one row.
 *
 * See "Insert" in src/README for the protocol.
 *
 *-------------------------------------------------------------------------
 */
#include "am/insert/inserter.h"

#include <math.h>

#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/memutils.h"

#include "am/definition/geometry.h"
#include "am/insert/obsolete.h"
#include "am/search/descend.h"
#include "math/base/random.h"
#include "math/graph/select.h"
#include "math/kernels/kernels.h"
#include "page/chain.h"
#include "page/store.h"
#include "server/memory.h"
#include "server/stop_point.h"

/* cells whose entries start the search */
#define INSERT_CELLS		4

/* nodes sampled of a cell at most */
#define CELL_SAMPLES		8

/* hits that may hold the same vector, nearest first */
#define DUPLICATE_HITS		8

/* Hits that are looked at when neighbours are chosen. */
static int
most_candidates(const SphxInserter *inserter)
{
	return 2 * (int) inserter->info.meta.ef_construction + SAMPLED_CELLS * CELL_SAMPLES;
}

/* Room for everything whose size the layout tells. */
static void
allocate_room(SphxInserter *inserter)
{
	const SphxLayout *layout = &inserter->info.layout;
	Size		D = (Size) layout->D;
	Size		m = (Size) layout->m;
	Size		ef = (Size) most_candidates(inserter);

	inserter->x = palloc(sizeof(float) * (D + 1));
	inserter->record = palloc0((Size) layout->size);
	inserter->stored = palloc(sizeof(float) * D);
	inserter->candidates = palloc(sizeof(SphxCandidate) * ef);
	if (inserter->info.meta.metric == SPHX_METRIC_IP)
		inserter->extended = palloc_extended(sizeof(float) * ef * (D + 1), MCXT_ALLOC_HUGE);
	inserter->chosen = palloc(sizeof(int) * m);
	inserter->edges = sphx_edges_create(&inserter->env.base, layout);
	inserter->offers = palloc(sizeof(SphxOffer) * m);
	for (int j = 0; j < layout->m; j++)
	{
		inserter->offers[j].seen = palloc((Size) layout->size);
		inserter->offers[j].changed = palloc((Size) layout->size);
	}
}

SphxInserter *
SphxCreateInserter(SphxPages *pages, MemoryContext parent)
{
	MemoryContext context = AllocSetContextCreate(parent, "sphx insert", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	SphxInserter *inserter = palloc0(sizeof(SphxInserter));

	SphxGetInfo(pages, &inserter->info);
	SphxInitEnv(&inserter->env, context);
	inserter->row_context = AllocSetContextCreate(context, "sphx insert row",
												  ALLOCSET_SMALL_SIZES);
	inserter->search = sphx_search_create(&inserter->env.base, &inserter->info.layout);
	inserter->work = sphx_edge_work_create(&inserter->env.base, &inserter->info.layout);
	allocate_room(inserter);
	MemoryContextSwitchTo(old);
	return inserter;
}

/*
 * A page of the cell: one of those that the build left side by side, or the
 * one that inserts fill.  On entry no page is locked; on return this one is, in
 * share mode, and pinned.
 */
static Buffer
read_some_page(SphxInserter *inserter, SphxPages *pages, const SphxCellData *data, uint32 cell,
			   SphxRandom *random)
{
	uint32		per_page = inserter->info.meta.per_page;
	uint64		count = Max(1, (data->count + per_page - 1) / per_page);
	BlockNumber block = data->first + (BlockNumber) sphx_random_below(random, count);
	Buffer		buffer;

	Assert(data->first != InvalidBlockNumber && data->insert != InvalidBlockNumber);
	buffer = SphxTryPage(pages, block, SPHX_PAGE_NODE, BUFFER_LOCK_SHARE);
	if (BufferIsValid(buffer))
	{
		if (SphxPageGetOpaque(BufferGetPage(buffer))->cell == cell)
			return buffer;
		UnlockReleaseBuffer(buffer);
	}
	return SphxReadPage(pages, data->insert, SPHX_PAGE_NODE, BUFFER_LOCK_SHARE);
}

/*
 * Nodes sampled from the cells around the new vector become hits as well.  The
 * nearest alone leave it without a way to what is far, which the heuristic
 * keeps where no neighbour is nearer to it (as in the build).  All hits, nearest
 * first.  Pages are locked one at a time; on entry and return none is.
 */
static int
sample_cells(SphxInserter *inserter, SphxPages *pages, SphxHit **hits)
{
	const SphxIndexInfo *info = &inserter->info;
	SphxRandom	random;

	Assert(inserter->cell_count >= 0 && inserter->cell_count <= SAMPLED_CELLS);
	Assert(!SphxHoldsPage());	/* L1 */
	sphx_random_seed(&random, inserter->hash);
	for (int i = 0; i < inserter->cell_count; i++)
	{
		SphxCellData data;
		Buffer		buffer;
		uint32		slot;

		SphxReadCell(pages, &info->meta, inserter->cells[i], &data);
		if (data.first == InvalidBlockNumber)
			continue;
		buffer = read_some_page(inserter, pages, &data, inserter->cells[i], &random);
		slot = (uint32) sphx_random_below(&random, info->meta.per_page);
		for (uint32 n = Min(CELL_SAMPLES, info->meta.per_page); n > 0; n--)
		{
			uint32		id = SphxNodeId(info, BufferGetBlockNumber(buffer), slot);
			const SphxRecord *r = SphxCheckNode(pages, info, BufferGetPage(buffer), id);

			if (r != NULL)
				(void) sphx_search_visit(inserter->search, id, r);
			slot = (slot + 1) % info->meta.per_page;
		}
		UnlockReleaseBuffer(buffer);
	}
	inserter->cell_count = 0;
	return sphx_search_peek(inserter->search, hits);
}

/*
 * Search for the new vector; the hits, nearest first, and the cell it belongs
 * to.  Cells are sampled when there is no other hit; else that is left to those
 * who need neighbours, which a row does not whose vector is there.  By Euclidean distance, which finds nodes of the same vector; also under
 * inner product nearest neighbours in the plain space are good candidates for
 * those in the extended one, but for those of a long row (search_long).
 * On entry and return no page is locked: what the hits say of nodes may have
 * changed by the time they are used, and is held against their versions.
 */
static int
search_hits(SphxInserter *inserter, SphxPages *pages, SphxMetric metric, SphxHit **hits,
			uint32 *cell)
{
	SphxPageStore store;
	SphxDescent descent = {
		.store = &store,
		.info = &inserter->info,
		.search = inserter->search,
		.metric = metric,
		.q = inserter->x
	};
	int			count;

	Assert(!SphxHoldsPage());	/* L1 */
	Assert(SphxKeepsNodes(pages));	/* L4: before the first id is read */
	SphxInitStore(&store, pages, &inserter->info);
	inserter->cell_count = SphxNearestCells(&descent, SAMPLED_CELLS, inserter->cells);
	*cell = inserter->cells[0];
	if (!SphxSeedCells(&descent, Min(inserter->cell_count, INSERT_CELLS), inserter->cells, true))
	{
		inserter->cell_count = 0;
		return 0;
	}
	sphx_search_run(inserter->search, &store.base, (int) inserter->info.meta.ef_construction);
	count = sphx_search_peek(inserter->search, hits);
	return count > 0 ? count : sample_cells(inserter, pages, hits);
}

/*
 * The same, but from any living node of the cell, whatever the entries lead
 * to.  The heavyweight lock of the directory's first block is held: a node that
 * another insert is about to make the first would not be found.
 */
static int
search_cell(SphxInserter *inserter, SphxPages *pages, uint32 cell, SphxHit **hits)
{
	SphxPageStore store;
	SphxCellData data;
	uint32		living;

	Assert(!SphxHoldsPage());	/* L1 */
	Assert(SphxHoldsPageLock(pages->index, inserter->info.meta.directory, ExclusiveLock));	/* L4 */
	inserter->cell_count = 0;
	SphxReadCell(pages, &inserter->info.meta, cell, &data);
	living = SphxFindLiving(pages, &inserter->info, data.first);
	if (living == SPHX_INVALID_NODE)
		return 0;
	SphxInitStore(&store, pages, &inserter->info);
	sphx_search_start(inserter->search, SPHX_METRIC_L2, inserter->x, true);
	sphx_search_seed(inserter->search, living);
	sphx_search_run(inserter->search, &store.base, (int) inserter->info.meta.ef_construction);
	return sphx_search_peek(inserter->search, hits);
}

/*
 * What neighbours are chosen from: the hits of a search from the cells' entries,
 * and nodes sampled there.  Inner product: a row on the rim of the extended space,
 * where the others are that are long, has these for neighbours.  Near it in the
 * plain space there are short ones only; the long ones are found as a query's
 * answers are, in place of those hits.  On entry and return no page is locked.
 */
static int
gather_hits(SphxInserter *inserter, SphxPages *pages, SphxHit **hits)
{
	uint32		cell;

	if (inserter->info.meta.metric == SPHX_METRIC_IP &&
		SphxExtraCoordinate(&inserter->info, inserter->x) <= 0.0f &&
		search_hits(inserter, pages, SPHX_METRIC_IP, hits, &cell) == 0)
		return 0;
	return sample_cells(inserter, pages, hits);
}

/*
 * The node is about to stand for the new row as well, whose vector may be further
 * from the one stored.  Its page is exclusively locked on entry and return: the
 * wider bound comes before the TID that needs it, and no reader in between (I7).
 */
static void
widen_error(SphxInserter *inserter, SphxPages *pages, Buffer buffer, uint32 id)
{
	const SphxIndexInfo *info = &inserter->info;
	uint8		error = SphxNodeRecord(info, BufferGetPage(buffer), id)->error;
	SphxChange	change;

	Assert(SphxHoldsExclusive(buffer));
	if (error == 0 || error >= inserter->record->error)
		return;
	SphxChangeBegin(&change, pages);
	SphxNodeRecord(info, SphxChangePage(&change, buffer), id)->error = inserter->record->error;
	SphxChangeFinish(&change);
}

/*
 * I13: the node is about to get this TID, so it does not have it yet.  The server
 * uses a TID again only after a vacuum has removed it from all indexes, also
 * when the row that had it was rolled back: it is an error of a damaged page,
 * and no assertion.  Only the node's own record, which is at hand, is looked at.
 * Its page is locked on entry and return.
 */
static void
check_new_tid(SphxPages *pages, const SphxIndexInfo *info, uint32 id, const SphxRecord *r,
			  ItemPointer tid)
{
	for (int i = 0; i < r->payload_count; i++)
		if (ItemPointerEquals(&SphxRecordTids(info, r)[i], tid))
			SphxCorrupted(pages->index, SphxNodeBlock(info, id),
						  "the heap TID of a new row is in the index already");
}

/*
 * When a node stores exactly the same vector, let it have the TID.  The node
 * may have changed since the search read it.  On entry and return no page is
 * locked.
 */
static bool
join_duplicate(SphxInserter *inserter, SphxPages *pages, const SphxHit *hits, int count,
			   ItemPointer tid)
{
	const SphxIndexInfo *info = &inserter->info;
	float		error = 1.1f * sphx_record_error(&info->layout, inserter->record);

	for (int i = 0; i < Min(count, DUPLICATE_HITS) && hits[i].distance <= error * error; i++)
	{
		uint32		id = hits[i].id;
		Buffer		buffer = SphxReadPage(pages, SphxNodeBlock(info, id), SPHX_PAGE_NODE,
										  BUFFER_LOCK_EXCLUSIVE);
		SphxRecord *r = SphxCheckNode(pages, info, BufferGetPage(buffer), id);
		bool		same = r != NULL && r->version == hits[i].version &&
		!(r->flags & SPHX_NODE_DELETED) &&
		sphx_record_same_vector(&info->layout, r, inserter->record);

		Assert(i == 0 || hits[i - 1].distance <= hits[i].distance);
		if (same)
		{
			check_new_tid(pages, info, id, r, tid);
			widen_error(inserter, pages, buffer, id);
			if (inserter->updated != NULL && r->payload_count >= SphxPayloadRoom(info))
				SphxDropObsolete(pages, info, inserter->updated, buffer, id);
			SphxAddTid(pages, info, buffer, id, tid, inserter->hash);
		}
		UnlockReleaseBuffer(buffer);
		if (same)
			return true;
	}
	return false;
}

static int
compare_candidates(const void *a, const void *b)
{
	float		x = ((const SphxCandidate *) a)->distance;
	float		y = ((const SphxCandidate *) b)->distance;

	return (x > y) - (x < y);
}

/* Inner product: move the candidates into the extended space. */
static void
extend_candidates(SphxInserter *inserter, int count)
{
	Size		D = (Size) inserter->info.layout.D;

	Assert(count <= most_candidates(inserter) && inserter->extended != NULL);
	inserter->x[D] = SphxExtraCoordinate(&inserter->info, inserter->x);
	for (int i = 0; i < count; i++)
	{
		SphxCandidate *candidate = &inserter->candidates[i];
		float	   *y = inserter->extended + (Size) i * (D + 1);

		memcpy(y, candidate->vector, sizeof(float) * D);
		y[D] = SphxExtraCoordinate(&inserter->info, y);
		candidate->extended = y;
		candidate->distance = sphx_kernels->l2sq_f32(inserter->x, y, D + 1);
	}
	qsort(inserter->candidates, (size_t) count, sizeof(SphxCandidate), compare_candidates);
}

/* of candidate i from the new row */
static inline float
row_distance(const void *arg, int i)
{
	const SphxInserter *inserter = arg;

	return inserter->candidates[i].distance;
}

/* between candidates i and j */
static inline float
pair_distance(const void *arg, int i, int j)
{
	const SphxInserter *inserter = arg;
	bool		extend = inserter->info.meta.metric == SPHX_METRIC_IP;

	return sphx_kernels->l2sq_f32(inserter->candidates[i].extended,
								  inserter->candidates[j].extended,
								  (size_t) inserter->info.layout.D + (extend ? 1 : 0));
}

/*
 * Choose a node's neighbours among the hits, without itself where it is in the
 * index (`self`): chosen[] holds positions in candidates[].
 */
static int
choose_neighbours(SphxInserter *inserter, const SphxHit *hits, int hit_count, uint32 self)
{
	int			m = inserter->info.layout.m;
	int			count = 0;
	int			diverse;

	for (int i = 0; i < hit_count && count < most_candidates(inserter); i++)
	{
		SphxCandidate *candidate = &inserter->candidates[count];

		if (hits[i].id == self)
			continue;
		count++;
		candidate->distance = hits[i].distance;
		candidate->id = hits[i].id;
		candidate->version = hits[i].version;
		candidate->vector = candidate->extended = sphx_search_vector(inserter->search, i);
	}
	if (inserter->info.meta.metric == SPHX_METRIC_IP)
		extend_candidates(inserter, count);
	diverse = sphx_select_diverse(count, m, row_distance, pair_distance, inserter,
								  inserter->chosen);
	return sphx_select_nearest(count, m, diverse, inserter->chosen);
}

/* Give the new record its edges. */
static void
set_edges(SphxInserter *inserter, int count)
{
	const SphxLayout *layout = &inserter->info.layout;

	Assert(count >= 0 && count <= layout->m);	/* I3 */
	sphx_record_vector(layout, inserter->record, inserter->stored);
	sphx_edges_start(inserter->edges, inserter->stored);
	for (int j = 0; j < count; j++)
	{
		const SphxCandidate *candidate = &inserter->candidates[inserter->chosen[j]];

		sphx_edges_add(inserter->edges, candidate->id, candidate->vector);
	}
	sphx_record_set_edges(layout, inserter->record, inserter->edges);
}

/*
 * Write the new record to its cell; returns its id.  On entry and return no page
 * is locked: from then on searches may find the node, and vacuum may delete it.
 */
static uint32
write_node(SphxInserter *inserter, SphxPages *pages, uint32 cell)
{
	const SphxIndexInfo *info = &inserter->info;
	SphxChange	change;
	uint32		slot;
	uint32		id;
	Buffer		buffer = SphxFindSlot(pages, info, cell, &slot);

	Assert(inserter->record->payload_count == 1);	/* I4, I13 */
	Assert(ItemPointerIsValid(SphxRecordTids(info, inserter->record)));
	Assert(SphxPageGetOpaque(BufferGetPage(buffer))->cell == cell); /* I6 */
	SphxChangeBegin(&change, pages);
	SphxFillSlot(info, SphxChangePage(&change, buffer), slot, inserter->record);
	SphxChangeFinish(&change);
	id = SphxNodeId(info, BufferGetBlockNumber(buffer), slot);
	UnlockReleaseBuffer(buffer);
	return id;
}

/*
 * Put the row into the index, given what the search for it found, from the cells'
 * entries or from one node.  The heavyweight lock of block 0 is held since before
 * that (L4): no slot that the hits name is freed meanwhile.  On entry and return no
 * page is locked.
 */
static void
add_row(SphxInserter *inserter, SphxPages *pages, SphxHit *hits, int count, uint32 cell,
		ItemPointer tid)
{
	const SphxIndexInfo *info = &inserter->info;
	uint32		id;

	Assert(!SphxHoldsPage());	/* L1 */
	Assert(SphxHoldsPageLock(pages->index, SPHX_META_BLOCK, ShareLock));	/* L4 */
	memset(inserter->record, 0, (Size) info->layout.size);
	sphx_record_init(&info->layout, inserter->record, inserter->x);
	if (join_duplicate(inserter, pages, hits, count, tid))
		return;

	/* else there are none but those that are known */
	if (inserter->cell_count > 0)
		count = gather_hits(inserter, pages, &hits);
	inserter->record->payload_count = 1;
	*SphxRecordTids(info, inserter->record) = *tid;
	count = choose_neighbours(inserter, hits, count, SPHX_INVALID_NODE);
	set_edges(inserter, count);
	SphxStopPoint("insert-chosen");
	id = write_node(inserter, pages, cell);
	SphxOfferEntry(pages, info, cell, id);
	SphxStopPoint("insert-written");
	(void) SphxLinkBack(inserter, pages, count, id);
}

/* The search, and the row's way into the index, under the heavyweight lock of block 0. */
static void
insert_transformed(SphxInserter *inserter, SphxPages *pages, ItemPointer tid)
{
	BlockNumber directory = inserter->info.meta.directory;
	SphxHit    *hits = NULL;
	uint32		cell;
	int			count = search_hits(inserter, pages, SPHX_METRIC_L2, &hits, &cell);

	if (count > 0)
	{
		add_row(inserter, pages, hits, count, cell, tid);
		return;
	}

	/*
	 * The index is empty, or its nodes around here are deleted.  One insert
	 * at a time begins a graph, or none of them would know of another.
	 */
	Assert(!SphxHoldsPage());	/* L4 */
	LockPage(pages->index, directory, ExclusiveLock);
	count = search_cell(inserter, pages, cell, &hits);
	add_row(inserter, pages, hits, count, cell, tid);
	UnlockPage(pages->index, directory, ExclusiveLock);
}

/*
 * Inner product: the row may be the longest so far.  Somewhat more than its
 * norm is noted, so that rows that come in that order do not change the
 * metapage each time.  On entry and return no page is locked (L3).
 */
static void
raise_max_norm(SphxInserter *inserter, SphxPages *pages)
{
	float		norm = SphxNorm(&inserter->info, inserter->x);

	Assert(!SphxHoldsPage());	/* L3 */
	if (norm > inserter->info.meta.max_norm)
		SphxSetNorms(pages, &inserter->info, 1.05f * norm, inserter->info.meta.long_norm);
}

/*
 * False when the vector is not indexed (zero under cosine).  `updated` is the
 * table when the row is a new version of one with the same vector, or NULL.  On
 * entry and return no page is locked, nor, heavyweight, block 0.
 */
static bool
insert_vector(SphxInserter *inserter, SphxPages *pages, const Vector *v, ItemPointer tid,
			  Relation updated)
{
	if (!SphxTransform(pages, &inserter->info, v, inserter->x))
		return false;

	inserter->hash = SphxHashVector(v->x, v->dim);
	inserter->offer_count = 0;	/* an error may have left some */
	inserter->updated = updated;
	if (inserter->info.meta.metric == SPHX_METRIC_IP)
		raise_max_norm(inserter, pages);

	/* L4: vacuum waits for inserts that may know nodes it has marked */
	Assert(!SphxHoldsPage() && !pages->building);	/* L4 */
	LockPage(pages->index, SPHX_META_BLOCK, ShareLock);
	SphxRefreshInfo(pages, &inserter->info);
	insert_transformed(inserter, pages, tid);
	UnlockPage(pages->index, SPHX_META_BLOCK, ShareLock);
	return true;
}

/*
 * Copy the living node's record and vector to where a new row's would be; false
 * when it is none.  On entry and return no page is locked.
 */
static bool
load_node(SphxInserter *inserter, SphxPages *pages, uint32 id)
{
	const SphxIndexInfo *info = &inserter->info;
	Buffer		buffer = SphxReadPage(pages, SphxNodeBlock(info, id), SPHX_PAGE_NODE,
									  BUFFER_LOCK_SHARE);
	const SphxRecord *r = SphxCheckNode(pages, info, BufferGetPage(buffer), id);
	bool		living = r != NULL && !(r->flags & SPHX_NODE_DELETED);

	if (living)
	{
		memcpy(inserter->record, r, (Size) info->layout.size);
		sphx_record_vector(&info->layout, r, inserter->x);
		memcpy(inserter->stored, inserter->x, sizeof(float) * (Size) info->layout.D);
	}
	UnlockReleaseBuffer(buffer);
	return living;
}

/*
 * The node has no edges: give it those of the record made for it, unless an
 * insert has given it one since.  On entry and return no page is locked.
 */
static void
write_edges(SphxInserter *inserter, SphxPages *pages, uint32 id)
{
	const SphxIndexInfo *info = &inserter->info;
	Buffer		buffer = SphxReadPage(pages, SphxNodeBlock(info, id), SPHX_PAGE_NODE,
									  BUFFER_LOCK_EXCLUSIVE);
	const SphxRecord *r = SphxCheckNode(pages, info, BufferGetPage(buffer), id);

	Assert(inserter->record->neighbours > 0 && inserter->record->neighbours <= info->layout.m);
	if (r != NULL && r->version == inserter->record->version && r->neighbours == 0)
	{
		SphxChange	change;

		SphxChangeBegin(&change, pages);
		sphx_record_copy_edges(&info->layout,
							   SphxNodeRecord(info, SphxChangePage(&change, buffer), id),
							   inserter->record);
		SphxChangeFinish(&change);
	}
	UnlockReleaseBuffer(buffer);
}

void
SphxLinkNode(SphxInserter *inserter, SphxPages *pages, uint32 id, SphxSpareEdge spare, void *arg)
{
	SphxHit    *hits = NULL;
	uint32		cell;
	int			count;
	int			nearest;

	Assert(id != SPHX_INVALID_NODE && spare != NULL);
	Assert(!SphxHoldsPage());	/* L1 */
	Assert(SphxExcludesVacuum(pages->index));	/* L4 */
	if (!load_node(inserter, pages, id))
		return;
	if (search_hits(inserter, pages, SPHX_METRIC_L2, &hits, &cell) == 0)
		return;
	count = gather_hits(inserter, pages, &hits);
	count = choose_neighbours(inserter, hits, count, id);
	if (count == 0)
		return;
	if (inserter->record->neighbours == 0)
	{
		set_edges(inserter, count);
		write_edges(inserter, pages, id);
	}
	nearest = inserter->chosen[0];
	if (SphxLinkBack(inserter, pages, count, id) == 0)
		SphxForceLink(inserter, pages, nearest, id, spare, arg);
}

bool
sphxinsert(Relation index, Datum *values, bool *isnull, ItemPointer tid, Relation heap,
		   IndexUniqueCheck unique, bool unchanged, IndexInfo *index_info)
{
	SphxInserter *inserter = index_info->ii_AmCache;
	SphxPages	pages;
	MemoryContext old;

	if (isnull[0])
		return false;
	SphxOpenPages(&pages, index);
	if (inserter == NULL)
		index_info->ii_AmCache = inserter = SphxCreateInserter(&pages, index_info->ii_Context);

	old = MemoryContextSwitchTo(inserter->row_context);
	insert_vector(inserter, &pages, SphxIndexedVector(&inserter->info, values[0]), tid,
				  unchanged ? heap : NULL);
	MemoryContextSwitchTo(old);
	MemoryContextReset(inserter->row_context);
	Assert(!SphxHoldsPage());	/* the executor goes on with other rows and
								 * tables */
	return false;
}
