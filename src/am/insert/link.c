/*-------------------------------------------------------------------------
 *
 * link.c
 *	  The edges that lead back to a node.
 *
 * Neighbours decide one page at a time, under a share lock.  What they become is
 * written for up to SPHX_CHANGE_PAGES pages at a time, where those that have
 * changed since decide anew (src/README, "Insert").
 *
 *-------------------------------------------------------------------------
 */
#include "am/insert/inserter.h"

#include "miscadmin.h"
#include "storage/lmgr.h"

#include "page/node.h"

/* dimensions below which rows are linked as by inner product */
#define WIDELY_BELOW		32

#ifdef USE_ASSERT_CHECKING
bool
SphxKeepsNodes(SphxPages *pages)
{
	return SphxHoldsPageLock(pages->index, SPHX_META_BLOCK, ShareLock) ||
		SphxExcludesVacuum(pages->index);
}
#endif

/*
 * Do full lists of neighbours take the edge back also to fill up with what is near,
 * not only as one of the diverse?  Without that, indexes of inner products find
 * too few rows that are longer than those before, and those of few dimensions that
 * were filled from empty have nodes that no edge leads to.
 */
static bool
links_widely(const SphxInserter *inserter)
{
	return inserter->info.meta.metric == SPHX_METRIC_IP || inserter->info.layout.D < WIDELY_BELOW;
}

/*
 * SphxOffer a neighbour, whose page is locked, the edge back to the node.  False when it
 * is no longer what the search saw, or prefers the edges it has.  With `spare` it
 * first drops the edge that this names, for room.
 */
static bool
decide_offer(SphxInserter *inserter, SphxPages *pages, Page page, SphxOffer *offer, uint32 id,
			 SphxSpareEdge spare, void *arg)
{
	const SphxLayout *layout = &inserter->info.layout;
	const SphxCandidate *candidate = offer->candidate;
	const SphxRecord *r = SphxCheckNode(pages, &inserter->info, page, candidate->id);
	SphxEdges  *edges = inserter->edges;
	SphxRecord *copy = offer->changed;

	Assert(candidate->id != id);	/* I2 */
	Assert(SphxKeepsNodes(pages));	/* L4: both ends of an edge stay what they
									 * are */
	if (r == NULL || r->version != candidate->version || (r->flags & SPHX_NODE_DELETED))
		return false;
	memcpy(offer->seen, r, (Size) layout->size);
	memcpy(copy, r, (Size) layout->size);
	if (spare != NULL && copy->neighbours == layout->m)
		sphx_record_drop_edge(layout, copy,
							  spare(arg, sphx_record_ids(layout, copy), copy->neighbours));
	sphx_edges_start(edges, candidate->vector);
	sphx_edges_add(edges, id, inserter->stored);
	if (links_widely(inserter))
		return sphx_record_offer_edges(layout, copy, 1, &id, edges->differences, inserter->work);
	return sphx_record_offer_edge(layout, copy, id, edges->differences, inserter->work);
}

/*
 * SphxOffer the edge to neighbours that are on one page: positions in candidates[].  Those
 * that take it are added to offers[].  On entry and return no page is locked.
 */
static void
offer_page(SphxInserter *inserter, SphxPages *pages, int count, const int *places, uint32 id,
		   SphxSpareEdge spare, void *arg)
{
	BlockNumber block = SphxNodeBlock(&inserter->info, inserter->candidates[places[0]].id);
	Buffer		buffer = SphxReadPage(pages, block, SPHX_PAGE_NODE, BUFFER_LOCK_SHARE);

	for (int i = 0; i < count; i++)
	{
		SphxOffer  *offer = &inserter->offers[inserter->offer_count];

		Assert(inserter->offer_count < inserter->info.layout.m);
		offer->candidate = &inserter->candidates[places[i]];
		Assert(SphxNodeBlock(&inserter->info, offer->candidate->id) == block);
		if (decide_offer(inserter, pages, BufferGetPage(buffer), offer, id, spare, arg))
			inserter->offer_count++;
	}
	UnlockReleaseBuffer(buffer);
}

/*
 * Is the neighbour, whose page is exclusively locked, what it was when it took the
 * edge, or takes it still?
 */
static bool
stands(SphxInserter *inserter, SphxPages *pages, Page page, SphxOffer *offer, uint32 id,
	   SphxSpareEdge spare, void *arg)
{
	const SphxIndexInfo *info = &inserter->info;

	return memcmp(SphxNodeRecord(info, page, offer->candidate->id), offer->seen,
				  (Size) info->layout.size) == 0 ||
		decide_offer(inserter, pages, page, offer, id, spare, arg);
}

/*
 * Write what is in offers[], of up to SPHX_CHANGE_PAGES pages in ascending order, in one
 * WAL record, and empty it.  How many neighbours have the edge now.  On entry and
 * return no page is locked; in between all of them are (L1), for no longer than it
 * takes to copy and to log.
 */
static int
write_offers(SphxInserter *inserter, SphxPages *pages, uint32 id, SphxSpareEdge spare, void *arg)
{
	const SphxIndexInfo *info = &inserter->info;
	Buffer		buffers[SPHX_CHANGE_PAGES];
	int			locked = 0;
	int			linked = 0;
	SphxChange	change;

	Assert(!SphxHoldsPage());	/* L1 */
	SphxChangeBegin(&change, pages);
	for (int i = 0; i < inserter->offer_count; i++)
	{
		SphxOffer  *offer = &inserter->offers[i];
		uint32		neighbour = offer->candidate->id;
		BlockNumber block = SphxNodeBlock(info, neighbour);

		if (locked == 0 || BufferGetBlockNumber(buffers[locked - 1]) != block)
		{
			Assert(locked < SPHX_CHANGE_PAGES);
			buffers[locked++] = SphxReadPage(pages, block, SPHX_PAGE_NODE, BUFFER_LOCK_EXCLUSIVE);
		}
		if (!stands(inserter, pages, BufferGetPage(buffers[locked - 1]), offer, id, spare, arg))
			continue;
		Assert(offer->changed->neighbours <= info->layout.m);	/* I3 */
		memcpy(SphxNodeRecord(info, SphxChangePage(&change, buffers[locked - 1]), neighbour),
			   offer->changed, (Size) info->layout.size);
		linked++;
	}
	if (linked > 0)
		SphxChangeFinish(&change);
	while (locked > 0)
		UnlockReleaseBuffer(buffers[--locked]);
	inserter->offer_count = 0;
	return linked;
}

static int
compare_ids(const void *a, const void *b, void *arg)
{
	const SphxInserter *inserter = arg;
	uint32		x = inserter->candidates[*(const int *) a].id;
	uint32		y = inserter->candidates[*(const int *) b].id;

	return (x > y) - (x < y);
}

int
SphxLinkBack(SphxInserter *inserter, SphxPages *pages, int count, uint32 id)
{
	const SphxIndexInfo *info = &inserter->info;
	int		   *chosen = inserter->chosen;
	int			page_count = 0;
	int			linked = 0;

	Assert(count <= info->layout.m && inserter->offer_count == 0);
	Assert(!SphxHoldsPage());	/* L1 */
	qsort_arg(chosen, (size_t) count, sizeof(int), compare_ids, inserter);
	for (int start = 0, end = 0; start < count; start = end)
	{
		BlockNumber block = SphxNodeBlock(info, inserter->candidates[chosen[start]].id);
		int			before = inserter->offer_count;

		CHECK_FOR_INTERRUPTS();
		while (end < count &&
			   SphxNodeBlock(info, inserter->candidates[chosen[end]].id) == block)
			end++;
		offer_page(inserter, pages, end - start, chosen + start, id, NULL, NULL);
		page_count += inserter->offer_count > before;
		if (page_count == SPHX_CHANGE_PAGES)
		{
			linked += write_offers(inserter, pages, id, NULL, NULL);
			page_count = 0;
		}
	}
	return linked + write_offers(inserter, pages, id, NULL, NULL);
}

void
SphxForceLink(SphxInserter *inserter, SphxPages *pages, int place, uint32 id,
			  SphxSpareEdge spare, void *arg)
{
	Assert(inserter->offer_count == 0);
	offer_page(inserter, pages, 1, &place, id, spare, arg);
	(void) write_offers(inserter, pages, id, spare, arg);
}
