/*-------------------------------------------------------------------------
 *
 * skeleton.c
 *	  Writing an index without rows: metapage, directory of cells and the
 *	  upper layers of centroids.
 *
 *-------------------------------------------------------------------------
 */
#include "am/create/build_state.h"

#include "page/node.h"

/* An index, or new cells of one, on the way to disk, block after block. */
typedef struct Skeleton
{
	SphxPages  *pages;
	SphxIndexInfo *info;
	const SphxSkeletonLayer *layers;
	SphxServerEnv env;
	SphxEdges  *edges;			/* of the centroid being written */
} Skeleton;

/* Decide where directory and layers go, from this block on. */
static void
plan_cells(SphxMetaPageData *meta, BlockNumber next, int layer_count,
		   const SphxSkeletonLayer *layers)
{
	meta->cells = layers[0].count;
	meta->cells_per_page = SPHX_CELLS_PER_PAGE;
	meta->directory = next;
	next += meta->cells / meta->cells_per_page + 1; /* one entry more than
													 * cells */
	meta->layer_count = (uint32) layer_count;
	for (int i = 0; i < layer_count; i++)
	{
		meta->layers[i].start = next;
		meta->layers[i].count = layers[i].count;
		next += (layers[i].count + meta->per_page - 1) / meta->per_page;
	}
}

/* Decide where everything goes. */
static void
plan_blocks(SphxMetaPageData *meta, int layer_count, const SphxSkeletonLayer *layers)
{
	meta->magic = SPHX_META_MAGIC;
	meta->version = SPHX_FORMAT_VERSION;
	meta->basis = SPHX_META_BLOCK + 1;
	plan_cells(meta, meta->basis + SphxBasisBlocks(meta), layer_count, layers);
}

/*
 * The next block, which must be the planned one (I8), as a page of this kind; on
 * return pinned and exclusively locked.
 */
static Buffer
next_page(Skeleton *skeleton, SphxPageKind kind, BlockNumber planned)
{
	Buffer		buffer = SphxExtend(skeleton->pages);

	if (BufferGetBlockNumber(buffer) != planned)
		elog(ERROR, "somebody else extends index \"%s\"",
			 RelationGetRelationName(skeleton->pages->index));
	SphxInitPage(BufferGetPage(buffer), kind, 0, 0);
	MarkBufferDirty(buffer);
	return buffer;
}

/* On entry and return no page is locked, as with all functions below. */
static void
write_meta(Skeleton *skeleton)
{
	Buffer		buffer = next_page(skeleton, SPHX_PAGE_META, SPHX_META_BLOCK);

	SphxSealMeta(&skeleton->info->meta);
	memcpy(PageGetContents(BufferGetPage(buffer)), &skeleton->info->meta,
		   sizeof(SphxMetaPageData));
	UnlockReleaseBuffer(buffer);
}

/* The bytes of the basis, page after page. */
static void
write_basis(Skeleton *skeleton, const SphxBasis *basis)
{
	const SphxMetaPageData *meta = &skeleton->info->meta;
	Size		size = SphxBasisBytes(meta);
	char	   *bytes;

	if (size == 0)
		return;
	bytes = palloc_extended(size, MCXT_ALLOC_HUGE);
	sphx_basis_write(basis, bytes);
	for (Size done = 0; done < size; done += SPHX_PAGE_ROOM)
	{
		Buffer		buffer = next_page(skeleton, SPHX_PAGE_BASIS,
									   meta->basis + (BlockNumber) (done / SPHX_PAGE_ROOM));

		memcpy(PageGetContents(BufferGetPage(buffer)), bytes + done,
			   Min(size - done, SPHX_PAGE_ROOM));
		UnlockReleaseBuffer(buffer);
	}
	pfree(bytes);
}

/* The entries of all cells and of the overflow chain, or NULL: empty ones. */
static void
write_directory(Skeleton *skeleton, const SphxCellData *cells)
{
	const SphxMetaPageData *meta = &skeleton->info->meta;
	const SphxCellData empty = {
		.first = InvalidBlockNumber,
		.insert = InvalidBlockNumber,
		.entry = SPHX_INVALID_NODE
	};
	BlockNumber block = meta->directory;
	uint32		cell = 0;

	while (cell <= meta->cells)
	{
		Buffer		buffer = next_page(skeleton, SPHX_PAGE_DIRECTORY, block++);
		SphxCellData *data = (SphxCellData *) PageGetContents(BufferGetPage(buffer));

		for (uint32 i = 0; i < meta->cells_per_page && cell <= meta->cells; i++, cell++)
			data[i] = cells != NULL ? cells[cell] : empty;
		UnlockReleaseBuffer(buffer);
	}
}

/* What a centroid's payload holds: its cell, or the node it repeats. */
static uint32
centroid_below(const Skeleton *skeleton, int layer, uint32 i)
{
	const SphxIndexInfo *info = skeleton->info;

	if (layer == 0)
		return i;
	Assert(skeleton->layers[layer].below[i] < skeleton->layers[layer - 1].count);	/* I12 */
	return SphxNodeId(info, info->meta.layers[layer - 1].start, skeleton->layers[layer].below[i]);
}

/* The record of centroid i: vector, payload and edges within its layer. */
static void
fill_centroid(Skeleton *skeleton, int layer, uint32 i, SphxRecord *r)
{
	const SphxIndexInfo *info = skeleton->info;
	const SphxLayout *layout = &info->layout;
	const SphxSkeletonLayer *in = &skeleton->layers[layer];
	const float *x = in->centroids + (Size) i * layout->D;
	uint32		below = centroid_below(skeleton, layer, i);

	Assert(i < in->count && (in->below == NULL) == (layer == 0));
	sphx_record_init(layout, r, x);
	r->payload_count = 1;
	memcpy(sphx_record_payload(layout, r), &below, sizeof(below));
	sphx_edges_start(skeleton->edges, x);
	for (int j = 0; in->edges != NULL && j < layout->m; j++)
	{
		uint32		far = in->edges[(Size) i * layout->m + j];

		if (far == SPHX_INVALID_NODE)
			break;
		Assert(far < in->count && far != i);	/* I2 */
		sphx_edges_add(skeleton->edges, SphxNodeId(info, info->meta.layers[layer].start, far),
					   in->centroids + (Size) far * layout->D);
	}
	sphx_record_set_edges(layout, r, skeleton->edges);
}

static void
write_layer(Skeleton *skeleton, int layer)
{
	const SphxIndexInfo *info = skeleton->info;
	BlockNumber block = info->meta.layers[layer].start;
	uint32		count = info->meta.layers[layer].count;
	uint32		i = 0;

	while (i < count)
	{
		Buffer		buffer = next_page(skeleton, SPHX_PAGE_CENTROID, block++);
		Page		page = BufferGetPage(buffer);

		for (uint32 slot = 0; slot < info->meta.per_page && i < count; slot++, i++)
			fill_centroid(skeleton, layer, i, SphxPageRecord(info, page, slot));
		UnlockReleaseBuffer(buffer);
		skeleton->env.base.tick(&skeleton->env.base, i, count);
	}
}

/* Write directory and layers where they are planned, which is up to the end of the fork. */
static void
write_cells(Skeleton *skeleton, const SphxCellData *cells)
{
	const SphxMetaPageData *meta = &skeleton->info->meta;
	SphxEnv    *env = &skeleton->env.base;

	Assert(skeleton->pages->building);
	Assert(meta->layer_count >= 1 && meta->layer_count <= SPHX_MAX_LAYERS);
	Assert(meta->layers[meta->layer_count - 1].count <= SPHX_TOP_RECORDS);
	SphxInitEnv(&skeleton->env, CurrentMemoryContext);
	skeleton->edges = sphx_edges_create(env, &skeleton->info->layout);
	write_directory(skeleton, cells);
	for (uint32 i = 0; i < meta->layer_count; i++)
		write_layer(skeleton, (int) i);
	Assert(RelationGetNumberOfBlocksInFork(skeleton->pages->index, skeleton->pages->fork) ==
		   SphxSkeletonEnd(meta));	/* I8 */
	env->release(env, skeleton->edges);
}

void
SphxWriteCells(SphxPages *pages, SphxIndexInfo *info, const SphxCellData *cells,
			   int layer_count, const SphxSkeletonLayer *layers)
{
	Skeleton	skeleton = {.pages = pages,.info = info,.layers = layers};

	plan_cells(&info->meta, RelationGetNumberOfBlocks(pages->index), layer_count, layers);
	write_cells(&skeleton, cells);
}

void
SphxWriteSkeleton(SphxPages *pages, SphxIndexInfo *info, const SphxBasis *basis,
				  int layer_count, const SphxSkeletonLayer *layers)
{
	Skeleton	skeleton = {.pages = pages,.info = info,.layers = layers};

	plan_blocks(&info->meta, layer_count, layers);
	write_meta(&skeleton);
	write_basis(&skeleton, basis);
	write_cells(&skeleton, NULL);
	Assert(SphxFirstNodeBlock(&info->meta) == SphxSkeletonEnd(&info->meta));	/* I8 */
}
