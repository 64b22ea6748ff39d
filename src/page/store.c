/*-------------------------------------------------------------------------
 *
 * store.c
 *	  The graph search's view of records on pages.
 *
 *-------------------------------------------------------------------------
 */
#include "page/store.h"

#include "miscadmin.h"

/* On return the record's page is share-locked in store->buffer, unless there is none. */
static const SphxRecord *
store_read(SphxStore *base, uint32_t id)
{
	SphxPageStore *store = (SphxPageStore *) base;
	SphxRecord *r;

	Assert(!BufferIsValid(store->buffer));	/* L1: one at a time */
	Assert(store->kind == SPHX_PAGE_NODE || store->kind == SPHX_PAGE_CENTROID);
	CHECK_FOR_INTERRUPTS();
	if (id == store->hidden && store->kind == SPHX_PAGE_NODE)
		return NULL;
	store->buffer = SphxReadPage(store->pages, SphxNodeBlock(store->info, id), store->kind,
								 BUFFER_LOCK_SHARE);
	r = SphxCheckNode(store->pages, store->info, BufferGetPage(store->buffer), id);
	if (r == NULL)
	{
		UnlockReleaseBuffer(store->buffer);
		store->buffer = InvalidBuffer;
	}
	Assert(r == NULL || SphxHoldsLock(store->buffer));
	return r;
}

/* Let go of the node's page: its lock and pin. */
static void
store_done(SphxStore *base)
{
	SphxPageStore *store = (SphxPageStore *) base;

	Assert(BufferIsValid(store->buffer) && SphxHoldsLock(store->buffer));
	UnlockReleaseBuffer(store->buffer);
	store->buffer = InvalidBuffer;
}

/*
 * Have the node's page read from disk where it is not in shared buffers.  Each
 * is asked for once, unless two have the same place.
 */
static void
store_expect(SphxStore *base, uint32_t id)
{
	SphxPageStore *store = (SphxPageStore *) base;
	BlockNumber block = SphxNodeBlock(store->info, id);
	BlockNumber *place = &store->requested[block % SPHX_BLOCKS_ASKED];

	if (*place == block)
		return;
	*place = block;
	SphxRequestPage(store->pages, block);
}

/* the first lines of a record; the processor's own prefetching follows from there */
#define PREFETCH_BYTES		2048

static void
store_prefetch(SphxStore *base, uint32_t id)
{
	SphxPageStore *store = (SphxPageStore *) base;
	const SphxIndexInfo *info = store->info;
	Size		size = (Size) info->layout.size;

	if (unlikely(store->pages->local->absences > 0))
	{
		base->ahead = SphxRequestDepth(store->pages->index);
		store_expect(base, id);
	}
	SphxPrefetchPage(store->pages, SphxNodeBlock(info, id), (id % info->meta.per_page) * size,
					 Min(size, PREFETCH_BYTES));
}

void
SphxInitStore(SphxPageStore *store, SphxPages *pages, const SphxIndexInfo *info)
{
	store->base.layout = &info->layout;
	store->base.nodes = (size_t) pages->local->nblocks * info->meta.per_page;
	store->base.read = store_read;
	store->base.done = store_done;
	store->base.prefetch = store_prefetch;
	store->base.ahead = 0;
	store->base.expect = store_expect;
	store->pages = pages;
	store->info = info;
	store->kind = SPHX_PAGE_NODE;
	store->buffer = InvalidBuffer;
	store->hidden = SPHX_INVALID_NODE;
	memset(store->requested, 0xff, sizeof(store->requested));	/* InvalidBlockNumber */
}
