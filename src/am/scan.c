/*-------------------------------------------------------------------------
 *
 * scan.c
 *	  Index scans in order of distance.
 *
 * See "Scan" in src/README.
 *
 *-------------------------------------------------------------------------
 */
#include "am/am.h"

#include <float.h>
#include <math.h>

#include "access/relscan.h"
#include "catalog/pg_type.h"
#include "lib/pairingheap.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "utils/memutils.h"

#include "math/kernels.h"
#include "page/chain.h"
#include "page/pool.h"

/* cells whose entries start the search */
#define ENTRY_CELLS			3

/*
 * The width of the first beam, and how many of the nearest are enough (see
 * sphx_search_set_enough), in units of ef_search.
 */
#define BEAM_FACTOR			2
#define ENOUGH_FACTOR		0.5

/* nodes read by the graph search, in units of ef_search, before cells are read whole */
#define SPHX_SWITCH_FACTOR	24

/* records of cells that are sorted together */
#define CELL_BATCH			1024

typedef enum ScanStage
{
	SCAN_START,					/* nothing done yet */
	SCAN_GRAPH,					/* widening the beam */
	SCAN_CELLS,					/* reading cells whole */
	SCAN_DONE
} ScanStage;

/* A node found, with bounds of what the operator will say about its rows. */
typedef struct ScanItem
{
	pairingheap_node node;		/* in the batch's heap */
	double		lower;
	double		upper;
	uint32		id;
	uint32		next;
	uint8		tids;			/* in the node's own record */
	uint8		version;
	ItemPointerData tid;		/* the first */
} ScanItem;

typedef struct ScanOpaque
{
	MemoryContext context;		/* of everything here */
	SphxIndexInfo info;
	SphxSearchLoan *loan;		/* of search, from the first row on */
	SphxSearch *search;
	ScanStage	stage;
	float	   *q;				/* transformed query, D floats */
	double		norm;			/* of q */
	bool		unordered;		/* query is NULL: any order will do */
	struct LimitState *limit;	/* of the scan's rows, or NULL */
	int			ef;				/* of the next widening */

	ScanItem   *items;			/* room of the present batch */
	int			item_room;
	pairingheap *batch;			/* what is left of it; the least lower bound
								 * is first */
	double		largest_upper;	/* of all items returned so far */

	ItemPointerData *tids;		/* of the present item when it has several, or
								 * NULL */
	int			tid_count;
	int			tid_next;
	ScanItem	item;			/* the present item */
	bool		recheck;		/* its distance is not certain enough */

	uint32	   *cells;			/* all, nearest first, or NULL */
	uint32		cell_next;		/* position in cells[] of the cell being read */
	BlockNumber cell_block;		/* its next block, or InvalidBlockNumber to
								 * begin it */
	uint64		cell_steps;		/* its blocks so far */
	int64		returned;

	/* what is known of the row's distances, from each of the queries */
	IndexOrderByDistance *distances;
	Oid		   *distance_types; /* all of them float8 */
} ScanOpaque;


/* Bounds */

/*
 * What single-precision arithmetic may add or take away, as a fraction of the
 * lengths of the two vectors: the rotation, the rounding of the residual.
 */
#define ROUNDING			4e-6

/* Differences below this vanish when squared in single precision. */
#define UNDERFLOW			1e-18

/*
 * Bounds of the Euclidean distance between the original vectors, from the
 * squared one between query and stored vector.
 */
static void
bound_euclidean(const ScanOpaque *so, const SphxHit *hit, double *lower, double *upper)
{
	double		d = sqrt(Max(hit->distance, 0.0f));
	double		lengths = 2.0 * so->norm + d;	/* at least |q| + |v| */
	double		relative = SPHX_KERNEL_ERROR(so->info.layout.D);
	double		slack = 1.0001 * hit->error + ROUNDING * lengths + relative * d + UNDERFLOW;

	*lower = Max(d - slack, 0.0);
	*upper = d + slack;
	if (!(hit->distance <= FLT_MAX))
	{
		/* the square was too large; elements are not (geometry.c) */
		*lower = UNDERFLOW / FLT_EPSILON;
		*upper = INFINITY;
	}
	/* elements may have been cut off, which only brought vectors together */
	if (lengths > 1e17)
		*upper = INFINITY;
}

/*
 * Cosine distance is half the square of the distance of unit vectors.  The
 * operator rounds a cosine near 1, so its error is absolute.
 */
static void
bound_cosine(const ScanOpaque *so, const SphxHit *hit, double *lower, double *upper)
{
	double		slack = 2.0 * SPHX_KERNEL_ERROR(so->info.layout.D);

	bound_euclidean(so, hit, lower, upper);
	*lower = Max(*lower * *lower / 2.0 - slack, 0.0);
	*upper = *upper * *upper / 2.0 + slack;
}

/* Minus the inner product. */
static void
bound_product(const ScanOpaque *so, const SphxHit *hit, double *lower, double *upper)
{
	double		length = hit->norm;
	double		relative = 2.0 * SPHX_KERNEL_ERROR(so->info.layout.D) + 2.0 * ROUNDING;
	double		slack = so->norm * (1.0001 * hit->error + relative * length) + 1e-37;

	*lower = hit->distance - slack;
	*upper = hit->distance + slack;
	if (!isfinite(hit->distance) || so->norm > 1e17 || length > 1e17 ||
		so->norm * length > 1e37)
	{
		*lower = -INFINITY;
		*upper = INFINITY;
	}
}

static void
bound_hit(const ScanOpaque *so, const SphxHit *hit, double *lower, double *upper)
{
	switch ((SphxMetric) so->info.meta.metric)
	{
		case SPHX_METRIC_L2:
			bound_euclidean(so, hit, lower, upper);
			break;
		case SPHX_METRIC_COSINE:
			bound_cosine(so, hit, lower, upper);
			break;
		case SPHX_METRIC_IP:
			bound_product(so, hit, lower, upper);
			break;
	}
	Assert(*lower <= *upper);	/* I7 */
}


/* Batches */

/* pairing heaps put the greatest first */
static int
compare_items(const pairingheap_node *a, const pairingheap_node *b, void *arg)
{
	double		x = pairingheap_const_container(ScanItem, node, a)->lower;
	double		y = pairingheap_const_container(ScanItem, node, b)->lower;

	return (x < y) - (x > y);
}

/* Make the search's new hits the present batch. */
static void
take_batch(ScanOpaque *so)
{
	const SphxHit *hits;
	int			count = sphx_search_take_unsorted(so->search, &hits);

	Assert(pairingheap_is_empty(so->batch));
	if (count > so->item_room)
	{
		if (so->items != NULL)
			pfree(so->items);
		so->items = palloc_extended(sizeof(ScanItem) * (Size) count, MCXT_ALLOC_HUGE);
		so->item_room = count;
	}
	for (int i = 0; i < count; i++)
	{
		ScanItem   *item = &so->items[i];

		bound_hit(so, &hits[i], &item->lower, &item->upper);
		item->id = hits[i].id;
		item->next = hits[i].next;
		item->tids = hits[i].payload_count;
		item->version = hits[i].version;
		memcpy(&item->tid, hits[i].payload, sizeof(ItemPointerData));
		pairingheap_add(so->batch, &item->node);
	}
}

static void
init_descent(ScanOpaque *so, SphxDescent *descent, SphxPageStore *store, SphxPages *pages)
{
	SphxInitStore(store, pages, &so->info);
	descent->store = store;
	descent->info = &so->info;
	descent->search = so->search;
	descent->metric = (SphxMetric) so->info.meta.metric;
	descent->q = so->q;
}

/*
 * How widely the first search goes.  Where the query's limit is known it may
 * end early, but not before there are as many rows: they are all in the first
 * batch, and so in order.
 */
static void
set_width(ScanOpaque *so)
{
	const SphxMetaPageData *meta = &so->info.meta;
	int			rows = Min(SphxLimitRows(so->limit), sphx_ef_search * SPHX_SWITCH_FACTOR);
	int			enough = Max((int) (sphx_ef_search * ENOUGH_FACTOR), rows);
	double		origin = 0.0;

	so->ef = Max(sphx_ef_search * BEAM_FACTOR, rows);
	if (meta->metric == SPHX_METRIC_IP)
	{
		/* an index built on nothing does not know the largest norm */
		if (meta->max_norm == 0.0f)
			return;
		origin = -so->norm * meta->max_norm;
	}
	if (rows > 0)
		sphx_search_set_enough(so->search, enough, (float) origin);
}

/* First batch: from the upper layers into the graph. */
static void
start_graph(ScanOpaque *so, SphxPages *pages)
{
	SphxPageStore store;
	SphxDescent descent;
	uint32		cells[ENTRY_CELLS];
	int			count;

	if (so->loan == NULL)
	{
		so->loan = SphxBorrowSearch(&so->info.layout, so->context);
		so->search = SphxLoanSearch(so->loan);
	}
	init_descent(so, &descent, &store, pages);
	if (so->unordered)
	{
		sphx_search_start(so->search, descent.metric, so->q, false);
		so->stage = SCAN_CELLS;
		return;
	}
	count = SphxNearestCells(&descent, ENTRY_CELLS, cells);
	so->stage = SphxSeedCells(&descent, count, cells, false) ? SCAN_GRAPH : SCAN_CELLS;
	set_width(so);
}

/* Run the graph search; from the second time on with a beam twice as wide as before. */
static void
widen_graph(ScanOpaque *so, SphxPages *pages)
{
	SphxPageStore store;

	SphxInitStore(&store, pages, &so->info);
	sphx_search_run(so->search, &store.base, so->ef);
	take_batch(so);
	so->ef *= 2;
	sphx_search_set_enough(so->search, 0, 0.0f);
	if (sphx_search_exhausted(so->search) ||
		sphx_search_reads(so->search) >= (uint64) sphx_ef_search * SPHX_SWITCH_FACTOR)
		so->stage = SCAN_CELLS;
}

/* The order in which cells are read. */
static void
order_cells(ScanOpaque *so, SphxPages *pages)
{
	SphxPageStore store;
	SphxDescent descent;
	SphxSearchLoan *loan;

	/* another search: ours remembers what has been read */
	loan = SphxBorrowSearch(&so->info.layout, so->context);
	init_descent(so, &descent, &store, pages);
	descent.search = SphxLoanSearch(loan);
	so->cells = SphxOrderCells(&descent);
	SphxReturnSearch(loan);
	so->cell_next = 0;
	so->cell_block = InvalidBlockNumber;
}

/* Evaluate the records of one page of a cell; how many had not been read before. */
static int
visit_page(ScanOpaque *so, SphxPages *pages, uint32 cell, BlockNumber *block)
{
	Buffer		buffer = SphxReadPage(pages, *block, SPHX_PAGE_NODE, BUFFER_LOCK_SHARE);
	Page		page = BufferGetPage(buffer);
	int			visited = 0;

	if (SphxPageGetOpaque(page)->cell != cell)	/* I6 */
		SphxCorrupted(pages->index, *block, "page is in the chain of another cell");
	for (uint32 slot = 0; slot < so->info.meta.per_page; slot++)
	{
		uint32		id = SphxNodeId(&so->info, *block, slot);
		const SphxRecord *r = SphxCheckNode(pages, &so->info, page, id);

		if (r != NULL && sphx_search_visit(so->search, id, r))
			visited++;
	}
	*block = SphxPageGetOpaque(page)->next;
	UnlockReleaseBuffer(buffer);
	return visited;
}

/* Read cells on from where the last batch ended. */
static void
read_cells(ScanOpaque *so, SphxPages *pages)
{
	int			visited = 0;

	if (so->cells == NULL)
		order_cells(so, pages);
	while (visited < CELL_BATCH && so->cell_next < so->info.meta.cells)
	{
		uint32		cell = so->cells[so->cell_next];

		if (so->cell_block == InvalidBlockNumber)
		{
			SphxCellData data;

			SphxReadCell(pages, &so->info.meta, cell, &data);
			so->cell_block = data.first;
			so->cell_steps = 0;
		}
		while (visited < CELL_BATCH && so->cell_block != InvalidBlockNumber)
		{
			CHECK_FOR_INTERRUPTS();
			SphxChainStep(pages, so->cell_block, so->cell_steps++, 1);
			visited += visit_page(so, pages, cell, &so->cell_block);
		}
		if (so->cell_block == InvalidBlockNumber)
			so->cell_next++;
	}
	take_batch(so);
	if (so->cell_next == so->info.meta.cells)
		so->stage = SCAN_DONE;
}

/* See that the batch has items; false when there are no more. */
static bool
fill_batch(ScanOpaque *so, SphxPages *pages)
{
	while (pairingheap_is_empty(so->batch))
	{
		switch (so->stage)
		{
			case SCAN_START:
				start_graph(so, pages);
				break;
			case SCAN_GRAPH:
				widen_graph(so, pages);
				break;
			case SCAN_CELLS:
				read_cells(so, pages);
				break;
			case SCAN_DONE:
				return false;
		}
	}
	return true;
}

/*
 * Must the executor look at the heap tuples of the present item?  One whose
 * interval meets no other's is in its place, unless it has several rows.
 */
static bool
needs_recheck(const ScanOpaque *so, const ScanItem *item)
{
	bool		meets = item->lower < so->largest_upper;

	if (!meets && !pairingheap_is_empty(so->batch))
		meets = pairingheap_container(ScanItem, node, pairingheap_first(so->batch))->lower <
			item->upper;
	return meets || item->tids != 1 || item->next != SPHX_INVALID_NODE;
}

/* Make the next item the present one: its TIDs are tids[], or its own only one. */
static void
next_item(ScanOpaque *so, SphxPages *pages)
{
	pairingheap_node *first = pairingheap_remove_first(so->batch);

	so->item = *pairingheap_container(ScanItem, node, first);
	so->recheck = needs_recheck(so, &so->item);
	so->largest_upper = Max(so->largest_upper, so->item.upper);
	if (so->tids != NULL)
		pfree(so->tids);
	so->tids = NULL;
	so->tid_next = 0;
	so->tid_count = 1;
	if (so->item.tids != 1 || so->item.next != SPHX_INVALID_NODE)
		so->tids = SphxNodeTids(pages, &so->info, so->item.id, so->item.version, &so->tid_count);
}


/* Callbacks */

/*
 * Room for the distances of a row.  Only the first query directs the search;
 * of the others, which order rows at equal distances from the first, nothing
 * is known.
 */
static void
init_distances(IndexScanDesc scan, ScanOpaque *so, int count)
{
	if (count == 0)
		return;
	scan->xs_orderbyvals = palloc0(sizeof(Datum) * (Size) count);
	scan->xs_orderbynulls = palloc(sizeof(bool) * (Size) count);
	so->distances = MemoryContextAlloc(so->context, sizeof(IndexOrderByDistance) * (Size) count);
	so->distance_types = MemoryContextAlloc(so->context, sizeof(Oid) * (Size) count);
	for (int i = 0; i < count; i++)
	{
		scan->xs_orderbynulls[i] = true;
		so->distances[i].value = -INFINITY;
		so->distances[i].isnull = false;
		so->distance_types[i] = FLOAT8OID;
	}
}

IndexScanDesc
sphxbeginscan(Relation index, int nkeys, int norderbys)
{
	IndexScanDesc scan = RelationGetIndexScan(index, nkeys, norderbys);
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "sphx scan",
												  ALLOCSET_DEFAULT_SIZES);
	ScanOpaque *so = MemoryContextAllocZero(context, sizeof(ScanOpaque));
	MemoryContext old = MemoryContextSwitchTo(context);
	SphxPages	pages;

	so->context = context;
	so->batch = pairingheap_allocate(compare_items, NULL);
	MemoryContextSwitchTo(old);
	SphxOpenPages(&pages, index);
	SphxGetInfo(&pages, &so->info);
	so->q = MemoryContextAlloc(context, sizeof(float) * (Size) so->info.layout.D);
	init_distances(scan, so, norderbys);
	scan->opaque = so;
	return scan;
}

void
sphxrescan(IndexScanDesc scan, ScanKey keys, int nkeys, ScanKey orderbys, int norderbys)
{
	ScanOpaque *so = scan->opaque;

	if (orderbys != NULL && scan->numberOfOrderBys > 0)
		memmove(scan->orderByData, orderbys, sizeof(ScanKeyData) * (Size) scan->numberOfOrderBys);
	if (so->tids != NULL)
		pfree(so->tids);
	if (so->cells != NULL)
		pfree(so->cells);
	so->tids = NULL;
	so->cells = NULL;
	so->stage = SCAN_START;
	pairingheap_reset(so->batch);
	so->tid_count = so->tid_next = 0;
	so->largest_upper = -INFINITY;
	so->returned = 0;
}

/* Take the query from the scan's key. */
static void
transform_query(IndexScanDesc scan, ScanOpaque *so, SphxPages *pages)
{
	ScanKey		key = &scan->orderByData[0];
	Size		size = sizeof(float) * (Size) so->info.layout.D;
	Vector	   *v;

	so->unordered = (key->sk_flags & SK_ISNULL) != 0;
	if (so->unordered)
	{
		memset(so->q, 0, size);
		return;
	}
	v = DatumGetVectorP(key->sk_argument);
	if (v->dim != (int) so->info.meta.dims)
		SphxDimMismatch((int) so->info.meta.dims, v->dim);
	if (!SphxTransform(pages, &so->info, v, so->q))
		memset(so->q, 0, size); /* no direction: all distances are NaN */
	so->norm = sqrt((double) sphx_kernels->dot_f32(so->q, so->q, (size_t) so->info.layout.D));
	if (v != (Vector *) DatumGetPointer(key->sk_argument))
		pfree(v);
}

static void
start_scan(IndexScanDesc scan, ScanOpaque *so, SphxPages *pages)
{
	/* the planner has no reason to want this: see sphxcostestimate */
	if (scan->numberOfOrderBys < 1 || scan->numberOfKeys != 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("index \"%s\" can only be scanned in the order of a distance",
						RelationGetRelationName(scan->indexRelation))));
	pgstat_count_index_scan(scan->indexRelation);
	SphxCountSearch(scan);
	if (so->limit == NULL)
		so->limit = SphxFindLimit(scan);
	transform_query(scan, so, pages);
}

/*
 * Hand the row and its distance to the executor.  Where it orders by several
 * distances it finds the order itself: those but the first keep the bound that
 * holds for every row.
 */
static void
return_row(IndexScanDesc scan, ScanOpaque *so, SphxPages *pages)
{
	bool		recheck = scan->numberOfOrderBys > 1 || (so->recheck && !so->unordered);

	so->distances[0].value = so->item.lower;
	so->distances[0].isnull = so->unordered;
	scan->xs_heaptid = so->tids != NULL ? so->tids[so->tid_next] : so->item.tid;
	SphxCheckTid(pages, scan->heapRelation, &scan->xs_heaptid,
				 SphxNodeBlock(&so->info, so->item.id));
	scan->xs_recheck = false;
	index_store_float8_orderby_distances(scan, so->distance_types, so->distances, recheck);
	so->tid_next++;
	so->returned++;
}

bool
sphxgettuple(IndexScanDesc scan, ScanDirection direction)
{
	ScanOpaque *so = scan->opaque;
	MemoryContext old = MemoryContextSwitchTo(so->context);
	SphxPages	pages;
	bool		found = true;

	Assert(ScanDirectionIsForward(direction));
	SphxOpenPages(&pages, scan->indexRelation);
	if (so->stage == SCAN_START)
		start_scan(scan, so, &pages);
	while (found && so->tid_next >= so->tid_count)
	{
		found = fill_batch(so, &pages);
		if (found)
			next_item(so, &pages);
	}
	if (sphx_max_scan_tuples > 0 && so->returned >= sphx_max_scan_tuples)
		found = false;
	if (found)
		return_row(scan, so, &pages);
	MemoryContextSwitchTo(old);
	return found;
}

void
sphxendscan(IndexScanDesc scan)
{
	ScanOpaque *so = scan->opaque;

	if (so->loan != NULL)
		SphxReturnSearch(so->loan);
	MemoryContextDelete(so->context);
	scan->opaque = NULL;
}
