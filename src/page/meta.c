/*-------------------------------------------------------------------------
 *
 * meta.c
 *	  Reading the metapage and the directory of cells.
 *
 *-------------------------------------------------------------------------
 */
#include "page/meta.h"

#include <math.h>

#include "access/parallel.h"
#include "miscadmin.h"
#include "port/pg_crc32c.h"
#include "storage/sinval.h"
#include "utils/inval.h"
#include "utils/memutils.h"

#include "math/base/basis.h"

/* Layout and derived fields of info from meta's parameters. */
static void
derive_info(SphxIndexInfo *info)
{
	SphxMetaPageData *meta = &info->meta;
	SphxLayout *layout = &info->layout;

	memset(layout, 0, sizeof(*layout));
	layout->dims = (int) meta->dims;
	layout->m = meta->m;
	layout->payload_bytes = (int) meta->payload_bytes;
	layout->by_piece = meta->version == 1;
	if (meta->version == 1)
		sphx_layout_uniform(layout, (SphxCodebook) meta->book, (SphxStorage) meta->storage);
	else
	{
		layout->D = (int) meta->D;
		layout->code.count = (int) meta->band_count;
		memcpy(layout->code.bands, meta->bands, sizeof(layout->code.bands));
		layout->stored_count = (int) meta->stored_count;
		memcpy(layout->stored, meta->stored, sizeof(layout->stored));
		sphx_layout_init(layout);
	}
}

/* Are the bands of stored vectors such that a layout can be made of them? */
static bool
sane_stored(const SphxMetaPageData *meta)
{
	uint32		dims = 0;

	if (meta->stored_count == 0 || meta->stored_count > SPHX_STORED_BANDS)
		return false;
	for (uint32 i = 0; i < meta->stored_count; i++)
	{
		const SphxStoredBand *band = &meta->stored[i];

		if (band->storage >= SPHX_WIDTHS || band->dims == 0 ||
			band->dims % (i + 1 < meta->stored_count ? 8 : 4) != 0 ||
			!(band->weight >= SPHX_LEAST_WEIGHT && band->weight <= 1.0f) ||
			(i > 0 && band->storage < meta->stored[i - 1].storage))
			return false;
		dims += band->dims;
	}
	return dims == meta->D;
}

/* Are codes and stored vectors of version 2 such that a layout can be made of them? */
static bool
sane_geometry(const SphxMetaPageData *meta)
{
	uint32		coded = 0;

	if (meta->D < meta->dims || meta->D > SPHX_VECTOR_MAX_DIM + 8 || meta->D % 4 != 0 ||
		meta->band_count > SPHX_MAX_BANDS || meta->basis_vectors > meta->D ||
		meta->centered > 1 || !isfinite(meta->center_norm) || meta->center_norm < 0.0f)
		return false;
	for (uint32 i = 0; i < meta->band_count; i++)
	{
		const SphxBand *band = &meta->bands[i];

		if (band->book > SPHX_CODE_LEVELS || band->dims == 0 ||
			band->dims % sphx_code_piece_dim((SphxCodebook) band->book) != 0 ||
			!(band->weight > 1e-9f && band->weight < 1e9f))
			return false;
		coded += band->dims;
	}
	return coded > 0 && coded <= meta->D && sane_stored(meta);
}

/* And those of version 1?  It has no basis. */
static bool
sane_uniform(const SphxMetaPageData *meta)
{
	return meta->storage <= SPHX_STORAGE_INT8 && meta->book <= SPHX_CODE_LLOYD &&
		meta->D == 0 && meta->basis_vectors == 0 && meta->centered == 0;
}

/* Are the parameters such that a layout can be made of them at all? */
static bool
sane_parameters(const SphxMetaPageData *meta)
{
	return meta->metric <= SPHX_METRIC_IP &&
		(meta->version == 1 ? sane_uniform(meta) : sane_geometry(meta)) &&
		meta->m >= SPHX_MIN_M && meta->m <= SPHX_MAX_M && meta->m % 2 == 0 &&
		meta->dims >= 1 && meta->dims <= SPHX_VECTOR_MAX_DIM &&
		meta->payload_bytes >= sizeof(ItemPointerData) &&
		meta->payload_bytes <= UINT8_MAX * sizeof(ItemPointerData) &&
		meta->rotation_seed == SPHX_ROTATION_SEED &&
		meta->cells >= 1 && meta->cells <= SPHX_MAX_LISTS &&
		meta->cells_per_page == SPHX_CELLS_PER_PAGE &&
		meta->layer_count >= 1 && meta->layer_count <= SPHX_MAX_LAYERS &&
		meta->layers[meta->layer_count - 1].count <= SPHX_TOP_RECORDS &&
		meta->ef_construction >= SPHX_MIN_EF_CONSTRUCTION &&
		meta->ef_construction <= SPHX_MAX_EF_CONSTRUCTION &&
		meta->operand <= SPHX_OPERAND_BIT &&
		isfinite(meta->max_norm) && meta->max_norm >= 0.0f &&
		isfinite(meta->long_norm) && meta->long_norm >= 0.0f;
}

static uint32
blocks_for(uint32 count, uint32 per_block)
{
	return count / per_block + (count % per_block != 0 ? 1 : 0);
}

Size
SphxBasisBytes(const SphxMetaPageData *meta)
{
	return sphx_basis_bytes((int) meta->D, (int) meta->basis_vectors, meta->centered != 0);
}

BlockNumber
SphxBasisBlocks(const SphxMetaPageData *meta)
{
	return (BlockNumber) ((SphxBasisBytes(meta) + SPHX_PAGE_ROOM - 1) / SPHX_PAGE_ROOM);
}

BlockNumber
SphxSkeletonEnd(const SphxMetaPageData *meta)
{
	const SphxLayerData *top = &meta->layers[meta->layer_count - 1];

	return top->start + blocks_for(top->count, meta->per_page);
}

/* What is behind metapage and basis: the directory, or nodes where it has moved. */
static BlockNumber
behind_basis(const SphxMetaPageData *meta)
{
	return SPHX_META_BLOCK + 1 + SphxBasisBlocks(meta);
}

BlockNumber
SphxFirstNodeBlock(const SphxMetaPageData *meta)
{
	return meta->directory == behind_basis(meta) ? SphxSkeletonEnd(meta) : behind_basis(meta);
}

SphxPageKind
SphxPlannedKind(const SphxMetaPageData *meta, BlockNumber block)
{
	if (block == SPHX_META_BLOCK)
		return SPHX_PAGE_META;
	if (block <= SPHX_META_BLOCK + SphxBasisBlocks(meta))
		return SPHX_PAGE_BASIS;
	if (block < meta->directory || block >= SphxSkeletonEnd(meta))
		return 0;
	return block < meta->layers[0].start ? SPHX_PAGE_DIRECTORY : SPHX_PAGE_CENTROID;
}

/*
 * Do the directory and layers follow each other (I8), behind the metapage and the
 * basis and within the index's size, and has every cell one centroid (I12)?
 */
static bool
sane_plan(SphxPages *pages, const SphxMetaPageData *meta)
{
	uint64		next = behind_basis(meta);

	if (SphxBasisBlocks(meta) > 0 && meta->basis != SPHX_META_BLOCK + 1)
		return false;
	if (meta->version > 1)
		next = Max(next, meta->directory);
	if (meta->directory != next || meta->layers[0].count != meta->cells)
		return false;
	next += blocks_for(meta->cells + 1, meta->cells_per_page);
	for (uint32 i = 0; i < meta->layer_count; i++)
	{
		uint32		count = meta->layers[i].count;

		if (meta->layers[i].start != next || count == 0 ||
			(i > 0 && count > meta->layers[i - 1].count))
			return false;
		next += blocks_for(count, meta->per_page);
	}
	return SphxBlockExists(pages, (BlockNumber) (next - 1));
}

/* Never 0: that is in indexes from before there was one. */
static uint32
compute_checksum(const SphxMetaPageData *meta)
{
	pg_crc32c	crc;

	INIT_CRC32C(crc);
	COMP_CRC32C(crc, meta, offsetof(SphxMetaPageData, checksum));
	FIN_CRC32C(crc);
	return crc != 0 ? crc : 1;
}

void
SphxSealMeta(SphxMetaPageData *meta)
{
	Assert(SphxMayChange(meta));
	meta->checksum = compute_checksum(meta);
}

void
SphxReadInfo(SphxPages *pages, SphxIndexInfo *info)
{
	Relation	index = pages->index;
	Buffer		buffer = SphxReadPage(pages, SPHX_META_BLOCK, SPHX_PAGE_META, BUFFER_LOCK_SHARE);
	SphxMetaPageData *meta = &info->meta;
	PGAlignedBlock page;

	memcpy(page.data, BufferGetPage(buffer), BLCKSZ);
	UnlockReleaseBuffer(buffer);
	memcpy(meta, PageGetContents(page.data), sizeof(*meta));

	if (meta->magic != SPHX_META_MAGIC)
		SphxCorrupted(index, SPHX_META_BLOCK, "this is not a metapage");
	if (meta->version < SPHX_OLDEST_VERSION || meta->version > SPHX_FORMAT_VERSION)
		ereport(ERROR,
				(errcode(ERRCODE_INDEX_CORRUPTED),
				 errmsg("index \"%s\" has format version %u, but this version of sphx reads versions %d to %d",
						RelationGetRelationName(index), meta->version, SPHX_OLDEST_VERSION,
						SPHX_FORMAT_VERSION),
				 errhint("Please REINDEX it.")));
	if (!sane_parameters(meta))
		SphxCorrupted(index, SPHX_META_BLOCK, "parameters are out of range");
	derive_info(info);
	if ((uint32) info->layout.size != meta->record_size ||
		meta->per_page == 0 || meta->per_page != SPHX_PAGE_ROOM / meta->record_size)
		SphxCorrupted(index, SPHX_META_BLOCK, "sizes of records do not agree");
	if (!sane_plan(pages, meta))
		SphxCorrupted(index, SPHX_META_BLOCK, "directory and layers are not where they belong");
	if (meta->checksum != 0 && meta->checksum != compute_checksum(meta))
		SphxCorrupted(index, SPHX_META_BLOCK, "its checksum is wrong");
	(void) SphxTakeCalibration(index, page.data, &info->calibration);
}

/*
 * May a page of this kind, and cell, be at this block?  Skeletons are left behind when
 * the cells are made anew, also by a vacuum that did not get to the end of it.
 */
static bool
is_planned(const SphxMetaPageData *meta, BlockNumber block, SphxPageKind kind, uint32 cell)
{
	SphxPageKind planned = SphxPlannedKind(meta, block);

	if (planned != 0)
		return kind == planned;
	if (kind == SPHX_PAGE_NODE)
		return cell < meta->cells;	/* I6 */
	return kind != SPHX_PAGE_META && kind != SPHX_PAGE_BASIS;
}

Buffer
SphxReadPlannedPage(SphxPages *pages, const SphxIndexInfo *info, BlockNumber block, int lock,
					SphxPageKind *kind)
{
	Buffer		buffer = SphxReadAnyPage(pages, block, lock, kind);

	if (!is_planned(&info->meta, block, *kind, SphxPageGetOpaque(BufferGetPage(buffer))->cell))
		SphxCorrupted(pages->index, block, "page is of a kind or cell that cannot be there");
	return buffer;
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

/*
 * Have all sessions read the metapage anew.  A parallel worker of vacuum has no
 * command at whose end they could be told, so it tells them at once.
 */
static void
invalidate_info(Relation index)
{
	SharedInvalidationMessage message = {
		.rc = {
			.id = SHAREDINVALRELCACHE_ID,.dbId = MyDatabaseId,.relId = RelationGetRelid(index)
		}
	};

	if (IsParallelWorker())
		SendSharedInvalidMessages(&message, 1);
	else
		CacheInvalidateRelcache(index);
}

void
SphxSetNorms(SphxPages *pages, SphxIndexInfo *info, float max_norm, float long_norm)
{
	Buffer		buffer = SphxReadPage(pages, SPHX_META_BLOCK, SPHX_PAGE_META,
									  BUFFER_LOCK_EXCLUSIVE);
	SphxChange	change;
	SphxMetaPageData *meta;

	Assert(info->meta.metric == SPHX_METRIC_IP);
	/* or nobody could read the index */
	Assert(isfinite(max_norm) && max_norm >= 0.0f);
	Assert(isfinite(long_norm) && long_norm >= 0.0f);
	SphxChangeBegin(&change, pages);
	meta = (SphxMetaPageData *) PageGetContents(SphxChangePage(&change, buffer));
	if (meta->max_norm != info->meta.max_norm)
		max_norm = Max(max_norm, meta->max_norm);
	if (meta->long_norm != info->meta.long_norm)
		long_norm = meta->long_norm;
	info->meta.max_norm = meta->max_norm = max_norm;
	info->meta.long_norm = meta->long_norm = long_norm;
	SphxSealMeta(meta);
	SphxChangeFinish(&change);
	UnlockReleaseBuffer(buffer);
	invalidate_info(pages->index);
}

void
SphxRefreshInfo(SphxPages *pages, SphxIndexInfo *info)
{
	Relation	index = pages->index;
	Buffer		buffer = SphxReadPage(pages, SPHX_META_BLOCK, SPHX_PAGE_META, BUFFER_LOCK_SHARE);
	BlockNumber directory =
	((SphxMetaPageData *) PageGetContents(BufferGetPage(buffer)))->directory;

	UnlockReleaseBuffer(buffer);
	if (likely(directory == info->meta.directory))
		return;
	if (index->rd_amcache != NULL)
		pfree(index->rd_amcache);
	index->rd_amcache = NULL;
	SphxGetInfo(pages, info);
}

void
SphxMoveCells(SphxPages *pages, const SphxIndexInfo *info)
{
	Buffer		buffer;
	SphxChange	change;
	SphxMetaPageData *meta;

	Assert(SphxHoldsPageLock(pages->index, SPHX_META_BLOCK, ExclusiveLock));	/* L4 */
	Assert(!SphxHoldsPage());	/* L3 */
	buffer = SphxReadPage(pages, SPHX_META_BLOCK, SPHX_PAGE_META, BUFFER_LOCK_EXCLUSIVE);
	SphxChangeBegin(&change, pages);
	meta = (SphxMetaPageData *) PageGetContents(SphxChangePage(&change, buffer));
	Assert(meta->cells <= info->meta.cells && meta->version > 1);
	meta->cells = info->meta.cells;
	meta->directory = info->meta.directory;
	meta->layer_count = info->meta.layer_count;
	memcpy(meta->layers, info->meta.layers, sizeof(meta->layers));
	meta->gap_weight = info->meta.gap_weight;
	meta->training = info->meta.training;
	meta->kmeans = info->meta.kmeans;
	meta->rows_seen = info->meta.rows_seen;
	SphxSealMeta(meta);
	SphxChangeFinish(&change);
	UnlockReleaseBuffer(buffer);
	invalidate_info(pages->index);
}

void
SphxSetRowsSeen(SphxPages *pages, uint32 rows)
{
	Buffer		buffer = SphxReadPage(pages, SPHX_META_BLOCK, SPHX_PAGE_META,
									  BUFFER_LOCK_EXCLUSIVE);
	SphxChange	change;

	SphxChangeBegin(&change, pages);
	((SphxMetaPageData *) PageGetContents(SphxChangePage(&change, buffer)))->rows_seen = rows;
	SphxChangeFinish(&change);
	UnlockReleaseBuffer(buffer);
	invalidate_info(pages->index);
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
	Assert(cell <= meta->cells);
	Assert(SphxMayRead(page));
	return (SphxCellData *) PageGetContents(page) + cell % meta->cells_per_page;
}

void
SphxReadCell(SphxPages *pages, const SphxMetaPageData *meta, uint32 cell, SphxCellData *data)
{
	Buffer		buffer = SphxLockCell(pages, meta, cell, BUFFER_LOCK_SHARE);

	*data = *SphxPageCell(BufferGetPage(buffer), meta, cell);
	UnlockReleaseBuffer(buffer);
	if ((data->first == InvalidBlockNumber) != (data->insert == InvalidBlockNumber))	/* I9 */
		SphxCorrupted(pages->index, meta->directory + cell / meta->cells_per_page,
					  "a cell has a first page or a page for inserts, but not both");
}
