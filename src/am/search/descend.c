/*-------------------------------------------------------------------------
 *
 * descend.c
 *	  From the top layer of centroids down to cells and their entry nodes.
 *
 *-------------------------------------------------------------------------
 */
#include "am/search/descend.h"

#include "miscadmin.h"

#include "math/kernels/kernels.h"
#include "page/top_layer.h"

/* centroids that lead from one layer to the next, and the least beam that finds them */
#define DESCENT_WIDTH		4

/*
 * Evaluate all records of a layer; they become hits of the search.  On entry and
 * return no page is locked, as with all functions here.
 */
static void
visit_layer(SphxDescent *descent, const SphxLayerData *layer)
{
	const SphxIndexInfo *info = descent->info;
	SphxPages  *pages = descent->store->pages;
	BlockNumber block = layer->start;
	uint32		left = layer->count;

	Assert(!SphxHoldsPage());	/* L1 */
	while (left > 0)
	{
		Buffer		buffer = SphxReadPage(pages, block, SPHX_PAGE_CENTROID, BUFFER_LOCK_SHARE);
		uint32		count = Min(left, info->meta.per_page);

		for (uint32 slot = 0; slot < count; slot++)
		{
			uint32		id = SphxNodeId(info, block, slot);
			const SphxRecord *r = SphxCheckNode(pages, info, BufferGetPage(buffer), id);

			if (r == NULL)
				SphxCorrupted(pages->index, block, "a centroid is missing");
			sphx_search_visit(descent->search, id, r);
		}
		UnlockReleaseBuffer(buffer);
		CHECK_FOR_INTERRUPTS();
		left -= count;
		block++;
	}
}

/*
 * The up to n nearest records of the top layer, nearest first: where they lead
 * to.
 */
static int
search_top(SphxDescent *descent, int n, uint32 *below)
{
	const SphxTopLayer *top = SphxGetTopLayer(descent->store->pages, descent->info);
	Size		D = (Size) descent->info->layout.D;
	float		distances[SPHX_TOP_RECORDS];
	int			count = 0;

	Assert(n >= 1 && top->count <= SPHX_TOP_RECORDS);
	n = Min(n, SPHX_TOP_RECORDS);
	for (uint32 i = 0; i < top->count; i++)
	{
		const float *centroid = top->centroids + i * D;
		float		distance = descent->metric == SPHX_METRIC_IP ?
		-sphx_kernels->dot_f32(descent->q, centroid, D) :
		sphx_kernels->l2sq_f32(descent->q, centroid, D);
		int			place = count;

		if (count == n && !(distance < distances[n - 1]))
			continue;
		if (count == n)
			place--;
		else
			count++;
		for (; place > 0 && distance < distances[place - 1]; place--)
		{
			distances[place] = distances[place - 1];
			below[place] = below[place - 1];
		}
		distances[place] = distance;
		below[place] = top->below[i];
	}
	Assert(count >= 1 && count <= n);
	return count;
}

/* Search one layer from these nodes of it. */
static int
search_layer(SphxDescent *descent, int ef, int count, const uint32 *seeds, SphxHit **hits)
{
	Assert(!SphxHoldsPage());	/* L1 */
	Assert(descent->store->kind == SPHX_PAGE_CENTROID && count <= SPHX_TOP_RECORDS);
	sphx_search_start(descent->search, descent->metric, descent->q, false);
	for (int i = 0; i < count; i++)
		sphx_search_seed(descent->search, seeds[i]);
	sphx_search_run(descent->search, &descent->store->base, ef);
	return sphx_search_take(descent->search, hits);
}

/* The cell that a centroid of layer 1, a hit of the search, stands for. */
static uint32
hit_cell(SphxDescent *descent, const SphxHit *hit)
{
	const SphxIndexInfo *info = descent->info;
	uint32		cell = SphxHitBelow(hit->payload);

	/* I12: two centroids of one cell would hide another cell's rows */
	if (cell != hit->id - SphxNodeId(info, info->meta.layers[0].start, 0))
		SphxCorrupted(descent->store->pages->index, SphxNodeBlock(info, hit->id),
					  "a centroid refers to another cell than its own");
	return cell;
}

int
SphxNearestCells(SphxDescent *descent, int n, uint32 *cells)
{
	const SphxMetaPageData *meta = &descent->info->meta;
	int			layer = (int) meta->layer_count - 1;
	uint32		below[SPHX_TOP_RECORDS];
	int			count = search_top(descent, layer == 0 ? n : DESCENT_WIDTH, below);

	Assert(n >= 1 && layer >= 0);
	descent->store->kind = SPHX_PAGE_CENTROID;
	while (layer-- > 0)
	{
		SphxHit    *hits;
		int			want = layer == 0 ? n : DESCENT_WIDTH;

		count = search_layer(descent, Max(DESCENT_WIDTH, want), count, below, &hits);
		count = Min(count, Min(want, SPHX_TOP_RECORDS));
		for (int i = 0; i < count; i++)
			below[i] = layer == 0 ? hit_cell(descent, &hits[i]) : SphxHitBelow(hits[i].payload);
	}
	descent->store->kind = SPHX_PAGE_NODE;

	if (count == 0)
		SphxCorrupted(descent->store->pages->index, meta->layers[0].start,
					  "centroids cannot be reached");
	memcpy(cells, below, sizeof(uint32) * (Size) count);
	return count;
}

uint32 *
SphxOrderCells(SphxDescent *descent)
{
	const SphxMetaPageData *meta = &descent->info->meta;
	uint32	   *cells = palloc(sizeof(uint32) * meta->cells);
	SphxHit    *hits;
	int			count;

	descent->store->kind = SPHX_PAGE_CENTROID;
	sphx_search_start(descent->search, descent->metric, descent->q, false);
	visit_layer(descent, &meta->layers[0]);
	count = sphx_search_take(descent->search, &hits);
	descent->store->kind = SPHX_PAGE_NODE;
	if ((uint32) count != meta->cells)
		SphxCorrupted(descent->store->pages->index, meta->layers[0].start,
					  "there is not one centroid a cell");
	for (int i = 0; i < count; i++)
		cells[i] = hit_cell(descent, &hits[i]);
	return cells;
}

/* An entry node of any cell, when the near ones have none. */
static uint32
any_entry(SphxPages *pages, const SphxMetaPageData *meta)
{
	uint32		entry = SPHX_INVALID_NODE;

	for (uint32 cell = 0; cell < meta->cells && entry == SPHX_INVALID_NODE;
		 cell += meta->cells_per_page)
	{
		Buffer		buffer = SphxLockCell(pages, meta, cell, BUFFER_LOCK_SHARE);
		const SphxCellData *data = SphxPageCell(BufferGetPage(buffer), meta, cell);
		uint32		count = Min(meta->cells_per_page, meta->cells - cell);

		for (uint32 i = 0; i < count && entry == SPHX_INVALID_NODE; i++)
			entry = data[i].entry;
		UnlockReleaseBuffer(buffer);
		CHECK_FOR_INTERRUPTS();
	}
	return entry;
}

bool
SphxSeedCells(SphxDescent *descent, int n, const uint32 *cells, bool keep_vectors)
{
	SphxPages  *pages = descent->store->pages;
	const SphxMetaPageData *meta = &descent->info->meta;
	bool		seeded = false;
	uint32		entry;

	Assert(n >= 1 && descent->store->kind == SPHX_PAGE_NODE);
	Assert(!SphxHoldsPage());	/* L1: the search that follows locks node
								 * pages */
	sphx_search_start(descent->search, descent->metric, descent->q, keep_vectors);
	for (int i = 0; i < n; i++)
	{
		SphxCellData data;

		SphxReadCell(pages, meta, cells[i], &data);
		if (data.entry == SPHX_INVALID_NODE)
			continue;
		sphx_search_seed(descent->search, data.entry);
		seeded = true;
	}
	if (seeded)
		return true;
	entry = any_entry(pages, meta);
	if (entry == SPHX_INVALID_NODE)
		return false;
	sphx_search_seed(descent->search, entry);
	return true;
}
