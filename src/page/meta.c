/*-------------------------------------------------------------------------
 *
 * meta.c
 *	  Reading the metapage and the directory of cells.
 *
 *-------------------------------------------------------------------------
 */
#include "page/meta.h"

#include "utils/memutils.h"

#include "page/store.h"
#include "type/vector.h"

void
SphxDeriveInfo(SphxIndexInfo *info)
{
	SphxMetaPageData *meta = &info->meta;
	SphxLayout *layout = &info->layout;

	memset(layout, 0, sizeof(*layout));
	layout->dims = (int) meta->dims;
	layout->m = meta->m;
	layout->book = (SphxCodebook) meta->book;
	layout->storage = (SphxStorage) meta->storage;
	layout->payload_bytes = (int) meta->payload_bytes;
	sphx_layout_init(layout);
}

/* Are the parameters such that a layout can be made of them at all? */
static bool
sane_parameters(const SphxMetaPageData *meta)
{
	return meta->metric <= SPHX_METRIC_IP &&
		meta->storage <= SPHX_STORAGE_INT8 &&
		meta->book <= SPHX_CODE_LLOYD &&
		meta->m >= SPHX_MIN_M && meta->m <= SPHX_MAX_M && meta->m % 2 == 0 &&
		meta->dims >= 1 && meta->dims <= SPHX_VECTOR_MAX_DIM &&
		meta->payload_bytes >= sizeof(ItemPointerData) &&
		meta->payload_bytes <= UINT8_MAX * sizeof(ItemPointerData) &&
		meta->cells >= 1 && meta->cells_per_page == SPHX_CELLS_PER_PAGE &&
		meta->layer_count >= 1 && meta->layer_count <= SPHX_MAX_LAYERS &&
		meta->layers[meta->layer_count - 1].count <= SPHX_TOP_RECORDS;
}

void
SphxReadInfo(SphxPages *pages, SphxIndexInfo *info)
{
	Relation	index = pages->index;
	Buffer		buffer = SphxReadPage(pages, SPHX_META_BLOCK, SPHX_PAGE_META, BUFFER_LOCK_SHARE);
	SphxMetaPageData *meta = &info->meta;

	memcpy(meta, PageGetContents(BufferGetPage(buffer)), sizeof(*meta));
	UnlockReleaseBuffer(buffer);

	if (meta->magic != SPHX_META_MAGIC)
		SphxCorrupted(index, SPHX_META_BLOCK, "this is not a metapage");
	if (meta->version != SPHX_FORMAT_VERSION)
		ereport(ERROR,
				(errcode(ERRCODE_INDEX_CORRUPTED),
				 errmsg("index \"%s\" has format version %u, but this version of sphx reads version %d",
						RelationGetRelationName(index), meta->version, SPHX_FORMAT_VERSION),
				 errhint("Please REINDEX it.")));
	if (!sane_parameters(meta))
		SphxCorrupted(index, SPHX_META_BLOCK, "parameters are out of range");
	SphxDeriveInfo(info);
	if ((uint32) info->layout.size != meta->record_size ||
		meta->per_page == 0 || meta->per_page != SPHX_PAGE_ROOM / meta->record_size)
		SphxCorrupted(index, SPHX_META_BLOCK, "sizes of records do not agree");
}

void
SphxGetInfo(SphxPages *pages, SphxIndexInfo *info)
{
	Relation	index = pages->index;

	if (unlikely(index->rd_amcache == NULL))
	{
		SphxIndexInfo read;
		void	   *cached;

		/* not before all is read: an error leaves nothing behind */
		SphxReadInfo(pages, &read);
		cached = MemoryContextAlloc(index->rd_indexcxt, sizeof(SphxIndexInfo));
		index->rd_amcache = memcpy(cached, &read, sizeof(SphxIndexInfo));
	}
	memcpy(info, index->rd_amcache, sizeof(SphxIndexInfo));
}

/* Read the layer's records into *top, which has room for them. */
static void
read_top_layer(SphxPages *pages, const SphxIndexInfo *info, SphxTopLayer *top)
{
	const SphxLayerData *layer = &info->meta.layers[info->meta.layer_count - 1];
	Size		D = (Size) info->layout.D;
	Buffer		buffer = InvalidBuffer;

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
		sphx_record_vector(&info->layout, r, top->centroids + i * D);
	}
	if (BufferIsValid(buffer))
		UnlockReleaseBuffer(buffer);
}

const SphxTopLayer *
SphxGetTopLayer(SphxPages *pages, const SphxIndexInfo *info)
{
	SphxLocalState *local = pages->local;

	if (likely(local->kept != NULL))
		SphxUseKept(local);
	else
	{
		uint32		count = info->meta.layers[info->meta.layer_count - 1].count;
		Size		size = offsetof(SphxTopLayer, centroids) +
		sizeof(float) * (Size) info->layout.D * count;
		SphxTopLayer *top = palloc0(size);

		read_top_layer(pages, info, top);
		SphxKeep(local, top, size);
		pfree(top);
	}
	return local->kept;
}

Buffer
SphxLockCell(SphxPages *pages, const SphxMetaPageData *meta, uint32 cell, int lock)
{
	Assert(cell <= meta->cells);
	return SphxReadPage(pages, meta->directory + cell / meta->cells_per_page,
						SPHX_PAGE_DIRECTORY, lock);
}

SphxCellData *
SphxPageCell(Page page, const SphxMetaPageData *meta, uint32 cell)
{
	return (SphxCellData *) PageGetContents(page) + cell % meta->cells_per_page;
}

void
SphxReadCell(SphxPages *pages, const SphxMetaPageData *meta, uint32 cell, SphxCellData *data)
{
	Buffer		buffer = SphxLockCell(pages, meta, cell, BUFFER_LOCK_SHARE);

	*data = *SphxPageCell(BufferGetPage(buffer), meta, cell);
	UnlockReleaseBuffer(buffer);
}
