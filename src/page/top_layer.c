/*-------------------------------------------------------------------------
 *
 * top_layer.c
 *	  The top layer of centroids.
 *
 *-------------------------------------------------------------------------
 */
#include "page/top_layer.h"

#include "page/node.h"

/*
 * Read the layer's records into *top, which has room for them.  On entry and
 * return no page is locked.
 */
static void
read_top_layer(SphxPages *pages, const SphxIndexInfo *info, SphxTopLayer *top)
{
	const SphxLayerData *layer = &info->meta.layers[info->meta.layer_count - 1];
	Size		D = (Size) info->layout.D;
	Buffer		buffer = InvalidBuffer;

	Assert(layer->count > 0 && layer->count <= SPHX_TOP_RECORDS);
	Assert(!SphxHoldsPage());	/* L1 */
	top->start = layer->start;
	top->count = layer->count;
	for (uint32 i = 0; i < layer->count; i++)
	{
		BlockNumber block = layer->start + i / info->meta.per_page;
		uint32		id = SphxNodeId(info, block, i % info->meta.per_page);
		const SphxRecord *r;

		if (i % info->meta.per_page == 0)
		{
			if (BufferIsValid(buffer))
				UnlockReleaseBuffer(buffer);
			buffer = SphxReadPage(pages, block, SPHX_PAGE_CENTROID, BUFFER_LOCK_SHARE);
		}
		r = SphxCheckNode(pages, info, BufferGetPage(buffer), id);
		if (r == NULL)
			SphxCorrupted(pages->index, block, "a centroid is missing");
		top->below[i] = SphxHitBelow(sphx_record_payload(&info->layout, r));
		if (info->meta.layer_count == 1 && top->below[i] != i)	/* I12 */
			SphxCorrupted(pages->index, block, "a centroid refers to another cell than its own");
		sphx_record_vector(&info->layout, r, top->centroids + i * D);
	}
	if (BufferIsValid(buffer))
		UnlockReleaseBuffer(buffer);
}

const SphxTopLayer *
SphxGetTopLayer(SphxPages *pages, const SphxIndexInfo *info)
{
	const SphxLayerData *layer = &info->meta.layers[info->meta.layer_count - 1];
	SphxTopLayer *top = SphxFindKept(pages->local, SPHX_KEPT_TOP_LAYER);

	if (unlikely(top == NULL || top->start != layer->start))
	{
		MemoryContext context = SphxCreateKeptContext();

		top = MemoryContextAlloc(context, offsetof(SphxTopLayer, centroids) +
								 sizeof(float) * (Size) info->layout.D * layer->count);
		read_top_layer(pages, info, top);
		SphxKeep(pages->local, SPHX_KEPT_TOP_LAYER, top, context);
	}
	Assert(top->count == layer->count);
	return top;
}
