/*-------------------------------------------------------------------------
 *
 * stream.c
 *	  The nodes of an index in the order of their distance from a query.
 *
 * See "Scan" in src/README.
 *
 *-------------------------------------------------------------------------
 */
#include "am/scan/stream.h"

#include <limits.h>
#include <math.h>

#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/tuplesort.h"

#include "am/scan/bounds.h"
#include "am/search/descend.h"
#include "page/chain.h"
#include "page/store.h"
#include "server/memory.h"
#include "server/settings.h"
#include "server/tuning.h"

/* cells whose entries start the search */
#define ENTRY_CELLS			3

/*
 * An index of up to so many nodes, in units of ef_search, is read whole: page by
 * page that takes no longer than to go through a graph.
 */
#define WHOLE_FACTOR		16

/*
 * Nodes read by the graph search before cells are read whole: so many, in
 * units of ef_search, or if that is more a part of all nodes, up to what a beam
 * can reasonably hold.
 */
#define GRAPH_FACTOR		24
#define GRAPH_PART			32
#define GRAPH_READS			20000

/*
 * Of the nodes read in the nearest cells, one in so many is passed on.  When
 * more than a part of all has been read that way the rest is read as well.
 */
#define CELLS_FACTOR		8
#define CELLS_PART			8

/* records of cells read at a time where order does not matter */
#define CELL_BATCH			1024

/* items found at a time */
typedef struct SphxItemChunk
{
	struct SphxItemChunk *next;
	SphxItem	items[FLEXIBLE_ARRAY_MEMBER];
} SphxItemChunk;


/* Items in order, beyond what memory holds */

/* all of an item but its place in the heap */
#define ITEM_BYTES	(sizeof(SphxItem) - offsetof(SphxItem, lower))

typedef struct SphxItemSort
{
	Tuplesortstate *sort;
	TupleTableSlot *in;			/* lower bound, item */
	TupleTableSlot *out;
	bool		waiting;		/* out holds the next item */
} SphxItemSort;

static SphxItemSort *
begin_item_sort(void)
{
	SphxItemSort *sort = palloc0(sizeof(SphxItemSort));
	TupleDesc	description = CreateTemplateTupleDesc(2);
	AttrNumber	key = 1;
	Oid			less = Float8LessOperator;
	Oid			collation = InvalidOid;
	bool		nulls_first = false;

	TupleDescInitEntry(description, 1, "lower", FLOAT8OID, -1, 0);
	TupleDescInitEntry(description, 2, "item", BYTEAOID, -1, 0);
	SphxFinishDescription(description);
	sort->in = MakeSingleTupleTableSlot(description, &TTSOpsVirtual);
	sort->out = MakeSingleTupleTableSlot(description, &TTSOpsMinimalTuple);
	sort->sort = tuplesort_begin_heap(description, 1, &key, &less, &collation, &nulls_first,
									  work_mem, NULL, 0);
	return sort;
}

static void
sort_item(SphxItemSort *sort, const SphxItem *item)
{
	union
	{
		bytea		value;
		char		bytes[VARHDRSZ + ITEM_BYTES];
	}			room;

	SET_VARSIZE(&room.value, sizeof(room.bytes));
	memcpy(VARDATA(&room.value), &item->lower, ITEM_BYTES);
	ExecClearTuple(sort->in);
	sort->in->tts_values[0] = Float8GetDatum(item->lower);
	sort->in->tts_values[1] = PointerGetDatum(&room);
	sort->in->tts_isnull[0] = sort->in->tts_isnull[1] = false;
	ExecStoreVirtualTuple(sort->in);
	tuplesort_puttupleslot(sort->sort, sort->in);
}

/* have the next item in the slot; false when there is none */
static bool
fetch_sorted(SphxItemSort *sort)
{
	if (!sort->waiting)
		sort->waiting = tuplesort_gettupleslot(sort->sort, true, false, sort->out, NULL);
	return sort->waiting;
}

static double
sorted_lower(SphxItemSort *sort)
{
	bool		isnull;

	Assert(sort->waiting);
	return DatumGetFloat8(slot_getattr(sort->out, 1, &isnull));
}

static void
take_sorted(SphxItemSort *sort, SphxItem *item)
{
	bool		isnull;
	char	   *value = DatumGetPointer(slot_getattr(sort->out, 2, &isnull));

	Assert(sort->waiting);
	memcpy(&item->lower, VARDATA_ANY(value), ITEM_BYTES);
	sort->waiting = false;
}

static void
end_item_sort(SphxItemSort *sort)
{
	ExecDropSingleTupleTableSlot(sort->in);
	ExecDropSingleTupleTableSlot(sort->out);
	tuplesort_end(sort->sort);
	pfree(sort);
}


/* What has been found */

/* pairing heaps put the greatest first */
static int
compare_items(const pairingheap_node *a, const pairingheap_node *b, void *arg)
{
	double		x = pairingheap_const_container(SphxItem, node, a)->lower;
	double		y = pairingheap_const_container(SphxItem, node, b)->lower;

	return (x < y) - (x > y);
}

/* memory for up to `count` items, until the stream is reset */
static SphxItem *
allocate_items(SphxStream *stream, int count)
{
	Size		bytes = offsetof(SphxItemChunk, items) + sizeof(SphxItem) * (Size) count;
	SphxItemChunk *chunk = MemoryContextAllocExtended(stream->context, bytes, MCXT_ALLOC_HUGE);

	chunk->next = stream->chunks;
	stream->chunks = chunk;
	stream->item_bytes += bytes;
	return chunk->items;
}

static void
release_items(SphxStream *stream)
{
	pairingheap_reset(stream->found);
	while (stream->chunks != NULL)
	{
		SphxItemChunk *next = stream->chunks->next;

		pfree(stream->chunks);
		stream->chunks = next;
	}
	stream->item_bytes = 0;
}

static void
add_late(SphxStream *stream, const SphxItem *item)
{
	Assert(item->lower < stream->frontier);
	if (stream->late_count == stream->late_room)
		stream->late = SphxEnlarge(stream->context, stream->late, &stream->late_room, 16,
								   sizeof(SphxItem));
	stream->late[stream->late_count++] = *item;
	stream->lates++;
}

static void
fill_item(const SphxStream *stream, const SphxHit *hit, SphxItem *item)
{
	SphxBoundHit(&stream->info, stream->norm, hit, &item->lower, &item->upper);
	item->id = hit->id;
	item->next = hit->next;
	item->tids = hit->payload_count;
	item->version = hit->version;
	item->measured = false;
	memcpy(&item->tid, hit->payload, sizeof(ItemPointerData));
}

/* Was this node passed on before the stream was suspended? */
static bool
is_tie(const SphxStream *stream, const SphxItem *item)
{
	if (item->lower != stream->frontier)
		return false;
	for (int i = 0; i < stream->tie_count; i++)
		if (stream->ties[i] == item->id)
			return true;
	return false;
}

/*
 * A new item, found in time or late.  A stream that began anew after it was
 * suspended finds everything again: what is below the frontier was passed on,
 * or is late, and nobody asks for that any more.
 */
static void
enter_item(SphxStream *stream, SphxItem *item)
{
	if (item->lower < stream->frontier && !stream->relaxed && !stream->unordered)
	{
		if (!stream->suspended)
			add_late(stream, item);
	}
	else if (stream->suspended && is_tie(stream, item))
		return;
	else if (stream->sort != NULL)
		sort_item(stream->sort, item);
	else
		pairingheap_add(stream->found, &item->node);
}

/* Make items of the search's new hits. */
static void
take_hits(SphxStream *stream)
{
	const SphxHit *hits;
	int			count = sphx_search_take_unsorted(stream->search, &hits);
	SphxItem   *items;

	Assert(stream->search != NULL && stream->stage != SPHX_STAGE_START);
	if (count == 0)
		return;
	if (stream->sort != NULL)
	{
		SphxItem	item;

		for (int i = 0; i < count; i++)
		{
			fill_item(stream, &hits[i], &item);
			enter_item(stream, &item);
		}
		return;
	}
	items = allocate_items(stream, count);
	for (int i = 0; i < count; i++)
	{
		fill_item(stream, &hits[i], &items[i]);
		enter_item(stream, &items[i]);
	}
}


/* The graph */

static void
init_descent(SphxStream *stream, SphxDescent *descent, SphxPageStore *store, SphxPages *pages)
{
	SphxInitStore(store, pages, &stream->info);
	store->hidden = stream->hidden;
	descent->store = store;
	descent->info = &stream->info;
	descent->search = stream->search;
	descent->metric = (SphxMetric) stream->info.meta.metric;
	descent->q = stream->q;
}

/* nodes that the index has room for */
static uint64
node_room(const SphxStream *stream)
{
	return (uint64) RelationGetNumberOfBlocks(stream->index) * stream->info.meta.per_page;
}

bool
SphxStreamSmall(const SphxStream *stream, int ef)
{
	return node_room(stream) <= (uint64) ef * WHOLE_FACTOR;
}

/* From the upper layers to where the graph search begins. */
static void
start_graph(SphxStream *stream, SphxPages *pages)
{
	SphxPageStore store;
	SphxDescent descent;
	uint32		cells[ENTRY_CELLS];
	int			count;

	Assert(stream->stage == SPHX_STAGE_START && stream->widenings == 0);
	Assert(pairingheap_is_empty(stream->found) && stream->sort == NULL);
	if (stream->loan == NULL)
		stream->loan = SphxBorrowSearch(&stream->info.layout, stream->context);
	else if (stream->search == NULL)
		SphxBorrowAgain(stream->loan, &stream->info.layout);
	stream->search = SphxLoanSearch(stream->loan);
	init_descent(stream, &descent, &store, pages);
	stream->small = SphxStreamSmall(stream, stream->ef);
	if (stream->unordered || stream->whole || stream->small)
	{
		sphx_search_start(stream->search, descent.metric, stream->q, false);
		stream->stage = stream->unordered || stream->small ? SPHX_STAGE_CELLS : SPHX_STAGE_REST;
		return;
	}
	count = SphxNearestCells(&descent, ENTRY_CELLS, cells);
	stream->stage = SphxSeedCells(&descent, count, cells, false) ?
		SPHX_STAGE_GRAPH : SPHX_STAGE_CELLS;
}

/*
 * How many of the nearest are enough; for inner product only where the largest
 * norm is known, which one built on nothing is not.
 */
static void
set_enough(SphxStream *stream, double enough)
{
	const SphxMetaPageData *meta = &stream->info.meta;
	double		origin = 0.0;

	Assert(enough >= 1.0);
	if (meta->metric == SPHX_METRIC_IP)
	{
		if (meta->max_norm == 0.0f)
			return;
		origin = -stream->norm * meta->max_norm;
	}
	sphx_search_set_enough(stream->search, (int) Min(enough, INT_MAX / 2),
						   SPHX_ENOUGH_MARGIN * stream->doubt, (float) origin);
}

/*
 * How much more widely to search where the codes of the nodes read tell so much
 * less of their edges than codes did on average when the index was built.
 */
static float
doubt(const SphxStream *stream)
{
	float		less = (float) stream->info.meta.mean_a * sphx_search_gain(stream->search);

	return less < SPHX_DOUBT_FROM ? 1.0f : Min(less * less * less, SPHX_DOUBT_MOST);
}

/* Run the search, a second time where the first found that there is reason to doubt its estimates. */
static void
run_search(SphxStream *stream, SphxStore *store, double width, double enough)
{
	float		doubted = stream->doubt;

	set_enough(stream, enough);
	sphx_search_run(stream->search, store, (int) Min(width * doubted, INT_MAX / 4));
	stream->doubt = Max(doubt(stream), doubted);
	if (stream->doubt == doubted)
		return;
	set_enough(stream, enough);
	sphx_search_run(stream->search, store, (int) Min(width * stream->doubt, INT_MAX / 4));
}

static bool
graph_searched_enough(const SphxStream *stream)
{
	uint64		reads = sphx_search_reads(stream->search);

	return sphx_search_exhausted(stream->search) ||
		(reads >= (uint64) stream->ef * GRAPH_FACTOR &&
		 reads >= Min(node_room(stream) / GRAPH_PART, GRAPH_READS));
}

/* Run the graph search, from the second time on with a beam wider than before. */
static void
widen_graph(SphxStream *stream, SphxPages *pages)
{
	SphxPageStore store;
	double		first = Max(stream->ef * SPHX_ENOUGH_FACTOR, SPHX_ENOUGH_LEAST);
	int			step = (int) floor(log2(first / SPHX_ENOUGH_LEAST)) + stream->widenings++;
	double		enough = Max(first, ldexp(SPHX_ENOUGH_LEAST, step));
	double		width = Max(stream->ef * SPHX_BEAM_FACTOR * (enough / first), enough);

	Assert(stream->stage == SPHX_STAGE_GRAPH && width >= enough);
	SphxInitStore(&store, pages, &stream->info);
	store.hidden = stream->hidden;
	run_search(stream, &store.base, width, enough);
	take_hits(stream);
	stream->settled = Max((uint64) ldexp(SPHX_ENOUGH_LEAST * SPHX_SETTLED_PART, step),
						  SPHX_SETTLED_LEAST);
	if (graph_searched_enough(stream))
		stream->stage = SPHX_STAGE_CELLS;
}


/* Cells */

/* The order in which cells are read.  No page is locked on entry or return. */
static void
order_cells(SphxStream *stream, SphxPages *pages)
{
	SphxPageStore store;
	SphxDescent descent;
	MemoryContext old = MemoryContextSwitchTo(stream->context);

	Assert(stream->cells == NULL);
	/* another search: ours remembers what has been read */
	if (stream->order_loan == NULL)
		stream->order_loan = SphxBorrowSearch(&stream->info.layout, stream->context);
	else
		SphxBorrowAgain(stream->order_loan, &stream->info.layout);
	init_descent(stream, &descent, &store, pages);
	descent.search = SphxLoanSearch(stream->order_loan);
	stream->cells = SphxOrderCells(&descent);
	SphxReturnSearch(stream->order_loan);
	stream->cell_next = 0;
	stream->cell_block = InvalidBlockNumber;
	MemoryContextSwitchTo(old);
}

/*
 * Evaluate the records of one page of a cell; how many had not been read before.
 * On entry and return no page is locked; the page's lock is kept while distances
 * are computed, which is little work, and spares a copy of the page.
 */
static uint64
visit_page(SphxStream *stream, SphxPages *pages, uint32 cell, BlockNumber *block)
{
	Buffer		buffer = SphxReadPage(pages, *block, SPHX_PAGE_NODE, BUFFER_LOCK_SHARE);
	Page		page = BufferGetPage(buffer);
	SphxRecordWalk walk = SphxWalkRecords(pages, &stream->info, page, *block);
	uint64		visited = 0;

	if (SphxPageGetOpaque(page)->cell != cell)	/* I6 */
		SphxCorrupted(pages->index, *block, "page is in the chain of another cell");
	while (SphxNextNode(&walk))
		if (walk.id != stream->hidden &&
			sphx_search_visit(stream->search, walk.id, walk.record))
			visited++;
	*block = SphxPageGetOpaque(page)->next;
	UnlockReleaseBuffer(buffer);
	return visited;
}

/*
 * Read cells on from where this ended, at least `count` nodes; false when all have
 * been read.  On entry and return no page is locked.
 */
static bool
read_cells(SphxStream *stream, SphxPages *pages, uint64 count)
{
	uint64		visited = 0;

	if (stream->cells == NULL)
		order_cells(stream, pages);
	while (visited < count && stream->cell_next < stream->info.meta.cells)
	{
		uint32		cell = stream->cells[stream->cell_next];

		Assert(cell < stream->info.meta.cells);
		Assert(!SphxHoldsPage());	/* L1, and for CHECK_FOR_INTERRUPTS */
		if (stream->cell_block == InvalidBlockNumber)
		{
			SphxCellData data;

			SphxReadCell(pages, &stream->info.meta, cell, &data);
			stream->cell_block = data.first;
			stream->cell_steps = 0;
		}
		while (visited < count && stream->cell_block != InvalidBlockNumber)
		{
			CHECK_FOR_INTERRUPTS();
			SphxCheckChain(pages, stream->cell_block, stream->cell_steps++, 1);
			visited += visit_page(stream, pages, cell, &stream->cell_block);
		}
		if (stream->cell_block == InvalidBlockNumber)
			stream->cell_next++;
	}
	take_hits(stream);
	return stream->cell_next < stream->info.meta.cells;
}

/* Read as many nodes in cells as have been read before, or all of a small index. */
static void
widen_cells(SphxStream *stream, SphxPages *pages)
{
	uint64		reads = sphx_search_reads(stream->search);
	uint64		count = stream->unordered ? CELL_BATCH : Max(reads, CELL_BATCH);
	bool		more = read_cells(stream, pages, stream->small ? PG_UINT64_MAX : count);

	Assert(stream->stage == SPHX_STAGE_CELLS && stream->sort == NULL);
	Assert(more || stream->cell_next == stream->info.meta.cells);
	reads = sphx_search_reads(stream->search);
	if (!more || stream->unordered)
		stream->settled = PG_UINT64_MAX;
	else
		stream->settled = Max(stream->settled, reads / CELLS_FACTOR);
	if (!more)
		stream->stage = SPHX_STAGE_DONE;
	else if (!stream->unordered &&
			 (reads > node_room(stream) / CELLS_PART ||
			  stream->item_bytes > (Size) work_mem * 1024))
		stream->stage = SPHX_STAGE_REST;
}

/* Read the rest, and put all that was not passed on into a sort. */
static void
read_rest(SphxStream *stream, SphxPages *pages)
{
	MemoryContext old = MemoryContextSwitchTo(stream->context);

	Assert(stream->stage == SPHX_STAGE_REST && stream->sort == NULL);
	stream->sort = begin_item_sort();
	MemoryContextSwitchTo(old);
	while (!pairingheap_is_empty(stream->found))
		sort_item(stream->sort, pairingheap_container(SphxItem, node,
													  pairingheap_remove_first(stream->found)));
	release_items(stream);
	while (read_cells(stream, pages, CELL_BATCH))
		;
	tuplesort_performsort(stream->sort->sort);
	stream->settled = PG_UINT64_MAX;
	stream->stage = SPHX_STAGE_DONE;
}

/* Search more widely.  On entry and return no page is locked. */
static void
widen(SphxStream *stream, SphxPages *pages)
{
	Assert(!SphxHoldsPage());	/* L1: a search locks node pages */
	switch (stream->stage)
	{
		case SPHX_STAGE_START:
			start_graph(stream, pages);
			break;
		case SPHX_STAGE_GRAPH:
			widen_graph(stream, pages);
			break;
		case SPHX_STAGE_CELLS:
			widen_cells(stream, pages);
			break;
		case SPHX_STAGE_REST:
			read_rest(stream, pages);
			break;
		case SPHX_STAGE_DONE:
			break;
	}
}


/* The stream */

void
SphxInitStream(SphxStream *stream, MemoryContext context, SphxPages *pages)
{
	MemoryContext old = MemoryContextSwitchTo(context);

	memset(stream, 0, sizeof(*stream));
	stream->context = context;
	stream->index = pages->index;
	stream->ef = sphx_ef_search;
	stream->hidden = SPHX_INVALID_NODE;
	stream->doubt = 1.0f;
	SphxGetInfo(pages, &stream->info);
	SphxRefreshInfo(pages, &stream->info);	/* its snapshot is older */
	stream->q = palloc(sizeof(float) * (Size) stream->info.layout.D);
	stream->found = pairingheap_allocate(compare_items, NULL);
	MemoryContextSwitchTo(old);
}

void
SphxResetStream(SphxStream *stream)
{
	release_items(stream);
	if (stream->sort != NULL)
		end_item_sort(stream->sort);
	if (stream->cells != NULL)
		pfree(stream->cells);
	stream->sort = NULL;
	stream->cells = NULL;
	stream->stage = SPHX_STAGE_START;
	stream->widenings = 0;
	stream->doubt = 1.0f;
	stream->passed = stream->settled = 0;
	stream->frontier = -INFINITY;
	stream->puts = 0;
	stream->late_count = 0;
	stream->reads = stream->lates = 0;
	stream->suspended = false;
	stream->tie_count = 0;
}

void
SphxEndStream(SphxStream *stream)
{
	if (stream->search != NULL)
		SphxReturnSearch(stream->loan);
	stream->loan = NULL;
	stream->search = NULL;
	if (stream->sort != NULL)
		end_item_sort(stream->sort);
	stream->sort = NULL;
}

/* Of the heap and the sort, is the next item in the sort? */
static bool
next_is_sorted(const SphxStream *stream)
{
	return stream->sort != NULL && fetch_sorted(stream->sort) &&
		(pairingheap_is_empty(stream->found) ||
		 sorted_lower(stream->sort) <
		 pairingheap_container(SphxItem, node, pairingheap_first(stream->found))->lower);
}

/* Remember which nodes are at the frontier, should the stream have to begin anew. */
static void
note_passed(SphxStream *stream, const SphxItem *item)
{
	/* what is late does not get here; bounds of what was put back are exact */
	Assert(item->lower >= stream->frontier || item->measured || stream->relaxed ||
		   stream->unordered);
	if (item->lower > stream->frontier)
	{
		stream->frontier = item->lower;
		stream->tie_count = 0;
	}
	if (stream->tie_count == stream->tie_room)
		stream->ties = SphxEnlarge(stream->context, stream->ties, &stream->tie_room, 4,
								   sizeof(uint32));
	stream->ties[stream->tie_count++] = item->id;
	stream->passed++;
}

bool
SphxStreamNext(SphxStream *stream, SphxPages *pages, SphxItem *item)
{
	for (;;)
	{
		bool		sorted = next_is_sorted(stream);

		if (sorted || (!pairingheap_is_empty(stream->found) &&
					   stream->passed < stream->settled))
		{
			if (sorted)
				take_sorted(stream->sort, item);
			else
				*item = *pairingheap_container(SphxItem, node,
											   pairingheap_remove_first(stream->found));
			Assert(stream->puts >= (item->measured ? 1 : 0));
			if (item->measured)
				stream->puts--;
			note_passed(stream, item);
			Assert(!SphxHoldsPage());	/* L5 */
			return true;
		}
		if (stream->stage == SPHX_STAGE_DONE)
			return false;
		widen(stream, pages);
	}
}

uint64
SphxStreamReads(const SphxStream *stream)
{
	/* before it starts, the search has the count of another query */
	if (stream->search == NULL || stream->stage == SPHX_STAGE_START)
		return stream->reads;
	return stream->reads + sphx_search_reads(stream->search);
}

double
SphxStreamPeek(const SphxStream *stream)
{
	if (stream->suspended && stream->stage == SPHX_STAGE_START)
		return stream->next_lower;
	if (next_is_sorted(stream))
		return sorted_lower(stream->sort);
	if (pairingheap_is_empty(stream->found))
		return INFINITY;
	return pairingheap_container(SphxItem, node, pairingheap_first(stream->found))->lower;
}

bool
SphxStreamStrained(const SphxStream *stream, double nodes)
{
	return stream->stage > SPHX_STAGE_GRAPH && stream->passed >= stream->settled &&
		nodes * CELLS_FACTOR > (double) node_room(stream) / CELLS_PART;
}

void
SphxStreamPut(SphxStream *stream, const SphxItem *item)
{
	SphxItem   *copy = allocate_items(stream, 1);

	Assert(item->lower == item->upper || isnan(item->lower));
	*copy = *item;
	copy->measured = true;
	stream->puts++;
	pairingheap_add(stream->found, &copy->node);
}

void
SphxStreamRaise(SphxStream *stream, double distance)
{
	if (distance > stream->frontier)
	{
		stream->frontier = distance;
		stream->tie_count = 0;
	}
}

int
SphxStreamLate(SphxStream *stream, SphxItem **late)
{
	int			count = stream->late_count;

	*late = stream->late;
	stream->late_count = 0;
	return count;
}

void
SphxSuspendStream(SphxStream *stream)
{
	double		next_lower = SphxStreamPeek(stream);
	bool		done = stream->stage == SPHX_STAGE_DONE;

	if (stream->search == NULL ||
		(!done && (stream->relaxed || stream->unordered || stream->sort != NULL ||
				   stream->puts > 0)))
		return;
	stream->reads = SphxStreamReads(stream);
	SphxReturnSearch(stream->loan);
	stream->search = NULL;
	/* it has found everything: there is nothing to begin anew */
	if (done)
		return;
	release_items(stream);
	if (stream->cells != NULL)
		pfree(stream->cells);
	stream->cells = NULL;
	stream->stage = SPHX_STAGE_START;
	stream->widenings = 0;
	stream->settled = 0;
	stream->late_count = 0;
	stream->next_lower = next_lower;
	stream->suspended = true;
}
