/*-------------------------------------------------------------------------
 *
 * meta.h
 *	  The metapage, the directory of cells, and an index's description as
 *	  backends keep it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_META_H
#define SPHX_META_H

#include "math/record.h"
#include "page/page.h"

#define SPHX_META_BLOCK		0
#define SPHX_META_MAGIC		0x53504858	/* "SPHX" */
#define SPHX_FORMAT_VERSION 1
#define SPHX_MAX_LAYERS		8
#define SPHX_MAX_LISTS		65536	/* cells */
#define SPHX_ROTATION_SEED	1	/* all indexes have the same rotation */

#define SPHX_MIN_EF_CONSTRUCTION 4
#define SPHX_MAX_EF_CONSTRUCTION 1000

/* the top layer is read whole, so it has at most this many records */
#define SPHX_TOP_RECORDS	64

/* records of an upper layer, densely: record i is node start * per_page + i */
typedef struct SphxLayerData
{
	BlockNumber start;			/* first block */
	uint32		count;			/* records */
} SphxLayerData;

/* figures of a training, as in SphxTrainReport; NaN where they are not known */
typedef struct SphxTrainingData
{
	float8		separation;
	float8		nearest_mean;
	float8		nearest_p5;
	float8		error;
	float8		imbalance;
} SphxTrainingData;

/*
 * Contents of block 0.  Written by the build, after which only max_norm
 * changes; everything but the figures at the end is needed to read the index.
 */
typedef struct SphxMetaPageData
{
	uint32		magic;			/* SPHX_META_MAGIC */
	uint32		version;		/* SPHX_FORMAT_VERSION */
	uint64		rotation_seed;
	uint64		training_seed;

	/* layout of records */
	uint16		metric;			/* SphxMetric */
	uint16		storage;		/* SphxStorage */
	uint16		book;			/* SphxCodebook */
	uint16		m;
	uint32		dims;
	uint32		payload_bytes;
	uint32		record_size;
	uint32		per_page;		/* records */

	/* layout of the index */
	uint32		cells;			/* the directory has one entry more: the
								 * overflow chain */
	uint32		cells_per_page;
	BlockNumber directory;		/* first block */
	uint32		layer_count;	/* upper layers, at least 1 */
	SphxLayerData layers[SPHX_MAX_LAYERS];	/* [0] = centroids of cells, layer
											 * 1 */

	/* parameters of inserts */
	uint32		ef_construction;
	float4		max_norm;		/* inner product: largest norm, by the build
								 * or the last vacuum, raised by inserts */

	/* figures of the build, for sphx_index_stats */
	float8		gap_weight;		/* NaN: centroids were trained elsewhere */
	float8		built_tuples;	/* rows indexed by the build */
	float8		mean_a;			/* mean of A over the edges */
	SphxTrainingData training;	/* what was reached */
	SphxTrainingData kmeans;	/* k-means beside it */

	uint32		checksum;		/* CRC-32C of what is before it; 0 in indexes
								 * older than it is */
	uint32		unused;			/* 0 */
} SphxMetaPageData;

StaticAssertDecl(sizeof(SphxMetaPageData) == 248, "the metapage is part of the format");
StaticAssertDecl(offsetof(SphxMetaPageData, checksum) == 240, "the metapage is part of the format");

/*
 * One cell.  count is right after a build and after a vacuum; inserts do not
 * touch the directory but when they extend a chain or give an empty cell its
 * entry.
 */
typedef struct SphxCellData
{
	BlockNumber first;			/* of the chain; InvalidBlockNumber before the
								 * first insert */
	BlockNumber insert;			/* no page before it has a free slot; as first */
	uint32		entry;			/* node to start a search of the cell at, or
								 * SPHX_INVALID_NODE */
	uint32		count;			/* nodes */
	float4		radius;			/* largest distance to the centroid at build
								 * time */
} SphxCellData;

StaticAssertDecl(sizeof(SphxCellData) == 20, "cells are part of the format");

#define SPHX_CELLS_PER_PAGE ((uint32) (SPHX_PAGE_ROOM / sizeof(SphxCellData)))

/* number of the directory's entry for the chain of overflow pages */
#define SphxOverflowCell(meta) ((meta)->cells)

typedef struct SphxIndexInfo
{
	SphxMetaPageData meta;
	SphxLayout	layout;
} SphxIndexInfo;

/* The index's description, cached with the relation; callers keep a copy. */
extern void SphxGetInfo(SphxPages *pages, SphxIndexInfo *info);

/*
 * The centroids of the top layer, where every search starts: at most
 * SPHX_TOP_RECORDS rows of D floats, and the payload of each (SphxHitBelow).
 */
typedef struct SphxTopLayer
{
	uint32		count;
	uint32		below[SPHX_TOP_RECORDS];
	float		centroids[FLEXIBLE_ARRAY_MEMBER];
} SphxTopLayer;

/*
 * They never change.  The backend keeps those of the indexes used last
 * (SphxKeep); valid until the next call for another index, or of anything that
 * may process invalidations.
 */
extern const SphxTopLayer *SphxGetTopLayer(SphxPages *pages, const SphxIndexInfo *info);

/*
 * The same from the metapage itself, with checks of everything that later code
 * relies on.
 */
extern void SphxReadInfo(SphxPages *pages, SphxIndexInfo *info);

/* To be called when the contents of a metapage are complete. */
extern void SphxSealMeta(SphxMetaPageData *meta);

/*
 * Inner product: another largest norm, in the metapage and in *info; where
 * somebody else has changed it since *info was read, the larger one.
 */
extern void SphxSetMaxNorm(SphxPages *pages, SphxIndexInfo *info, float max_norm);

/* The block behind those of the directory and the upper layers. */
extern BlockNumber SphxFirstNodeBlock(const SphxMetaPageData *meta);

/*
 * SphxReadAnyPage, and an error when the page is of a kind, or of a cell, that
 * cannot be there according to the metapage.
 */
extern Buffer SphxReadPlannedPage(SphxPages *pages, const SphxIndexInfo *info, BlockNumber block,
								  int lock, SphxPageKind *kind);

/* Layout and derived fields of info from meta's parameters. */
extern void SphxDeriveInfo(SphxIndexInfo *info);

/* Cells: a copy of one, and the place of one on its (locked) page. */
extern void SphxReadCell(SphxPages *pages, const SphxMetaPageData *meta, uint32 cell,
						 SphxCellData *data);
extern Buffer SphxLockCell(SphxPages *pages, const SphxMetaPageData *meta, uint32 cell, int lock);
extern SphxCellData *SphxPageCell(Page page, const SphxMetaPageData *meta, uint32 cell);

/* Where a node is. */
static inline BlockNumber
SphxNodeBlock(const SphxIndexInfo *info, uint32 id)
{
	return id / info->meta.per_page;
}

static inline uint32
SphxNodeId(const SphxIndexInfo *info, BlockNumber block, uint32 slot)
{
	return block * info->meta.per_page + slot;
}

static inline SphxRecord *
SphxPageRecord(const SphxIndexInfo *info, Page page, uint32 slot)
{
	Assert(slot < info->meta.per_page);
	return (SphxRecord *) (PageGetContents(page) + (Size) slot * info->layout.size);
}

static inline SphxRecord *
SphxNodeRecord(const SphxIndexInfo *info, Page page, uint32 id)
{
	return SphxPageRecord(info, page, id % info->meta.per_page);
}

/* Payload of nodes: heap TIDs. */
static inline int
SphxPayloadRoom(const SphxIndexInfo *info)
{
	return info->layout.payload_bytes / (int) sizeof(ItemPointerData);
}

/* The payload of an overflow record takes the whole rest of it. */
static inline int
SphxOverflowRoom(const SphxIndexInfo *info)
{
	int			room = (info->layout.size - info->layout.payload) / (int) sizeof(ItemPointerData);

	return Min(room, UINT8_MAX);
}

/*
 * Rows of a node have the same stored vector, but not always the same vector.
 * An overflow record, which stores none, has a hash of its rows' vectors in
 * place of the scale; 0 where that is not known (format of sphx 0.2).
 */
static inline uint32
SphxOverflowHash(const SphxRecord *r)
{
	uint32		hash;

	memcpy(&hash, &r->scale, sizeof(hash));
	return hash;
}

static inline void
SphxSetOverflowHash(SphxRecord *r, uint32 hash)
{
	memcpy(&r->scale, &hash, sizeof(hash));
}

static inline ItemPointerData *
SphxRecordTids(const SphxIndexInfo *info, const SphxRecord *r)
{
	return (ItemPointerData *) sphx_record_payload(&info->layout, r);
}

/* Payload of centroids: the cell (layer 1) or the node below. */
static inline uint32
SphxHitBelow(const uint8 *payload)
{
	uint32		below;

	memcpy(&below, payload, sizeof(below));
	return below;
}

#endif							/* SPHX_META_H */
