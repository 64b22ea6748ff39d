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

#include "math/graph/record.h"
#include "page/calibration.h"
#include "page/page.h"
#include "type/operand.h"

#define SPHX_META_MAGIC		0x53504858	/* "SPHX" */
#define SPHX_FORMAT_VERSION 2	/* of indexes that are built */
#define SPHX_OLDEST_VERSION 1	/* that is read and changed */
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
 * What a build found out about the vectors (am/create/learn.c): of differences
 * between near ones and of the vectors themselves.
 */
typedef struct SphxShapeData
{
	float4		anisotropy;		/* arithmetic mean of the differences'
								 * variances by their geometric mean; 0: not
								 * known */
	float4		head;			/* part of the differences' square that is in
								 * the first eighth of the dimensions */
	float4		intrinsic;		/* local intrinsic dimension */
	float4		noise;			/* predicted, of an edge's estimate, by |x|
								 * |e| */
} SphxShapeData;

/*
 * Contents of block 0.  Written by the build, after which only max_norm and
 * long_norm change, and, when a vacuum makes the cells anew, what is about these;
 * a calibration is behind it (calibration.h).  Everything but the figures at the
 * end is needed to read the index.
 */
typedef struct SphxMetaPageData
{
	uint32		magic;			/* SPHX_META_MAGIC */
	uint32		version;		/* SPHX_OLDEST_VERSION to SPHX_FORMAT_VERSION */
	uint64		rotation_seed;
	uint64		training_seed;

	/* layout of records */
	uint16		metric;			/* SphxMetric */
	uint16		storage;		/* version 1: SphxStorage, else 0 */
	uint16		book;			/* version 1: SphxCodebook, else 0 */
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
	uint32		operand;		/* SphxOperand */
	float4		long_norm;		/* inner product: the radius of the space that
								 * edges are chosen in; 0 in older indexes:
								 * max_norm */
	uint32		rows_seen;		/* heap TIDs when a vacuum last looked at the
								 * cells; 0: none did since the build */

	/* from version 2 on; in an index of version 1 all is 0 */
	uint32		D;				/* coordinates of a vector in the index */
	uint32		band_count;
	SphxBand	bands[SPHX_MAX_BANDS];	/* codes of edges */
	uint32		stored_count;
	SphxStoredBand stored[SPHX_STORED_BANDS];	/* bits of coordinates */
	BlockNumber basis;			/* first block of the basis, if there is one */
	uint32		basis_vectors;	/* learned directions */
	uint32		centered;		/* vectors are moved */
	float4		center_norm;	/* by how much */
	SphxShapeData shape;
} SphxMetaPageData;

StaticAssertDecl(sizeof(SphxMetaPageData) == 496, "the metapage is part of the format");
StaticAssertDecl(offsetof(SphxMetaPageData, checksum) == 240, "the metapage is part of the format");
StaticAssertDecl(sizeof(SphxMetaPageData) <= SPHX_CALIBRATION_OFFSET,
				 "a calibration has a place on the metapage");

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

/*
 * Number of the directory's entry for the chain of overflow pages.  These name what
 * it was when they were made.
 */
#define SphxOverflowCell(meta) ((meta)->cells)

typedef struct SphxIndexInfo
{
	SphxMetaPageData meta;
	SphxLayout	layout;
	SphxCalibration calibration;
} SphxIndexInfo;

/*
 * The index's description, cached with the relation; callers keep a copy.  On
 * entry no page is locked (L3); nor is any on return, here and below, but where
 * it says so.
 */
extern void SphxGetInfo(SphxPages *pages, SphxIndexInfo *info);

/*
 * The same from the metapage itself, with checks of everything that later code
 * relies on.  On entry and return no page is locked.
 */
extern void SphxReadInfo(SphxPages *pages, SphxIndexInfo *info);

/*
 * Read the description again if the cells have been made anew since; a lock and a
 * look at the metapage if not.  Nodes that are written from then on may be in
 * cells that *info did not know.
 */
extern void SphxRefreshInfo(SphxPages *pages, SphxIndexInfo *info);

/*
 * To be called when the contents of a metapage are complete.  On entry it is
 * exclusively locked, or a copy.
 */
extern void SphxSealMeta(SphxMetaPageData *meta);

/*
 * Inner product: other norms, in the metapage and in *info.  Where somebody else
 * has changed them since *info was read, the larger one of max_norm, and his
 * long_norm.  On entry no page is locked (L3).
 */
extern void SphxSetNorms(SphxPages *pages, SphxIndexInfo *info, float max_norm, float long_norm);

/* Bytes of the index's basis, and the blocks they take. */
extern Size SphxBasisBytes(const SphxMetaPageData *meta);
extern BlockNumber SphxBasisBlocks(const SphxMetaPageData *meta);

/*
 * Let the directory and the layers be those that *info names, which are on disk and
 * in the WAL.  The lock of L4 is held exclusively: nobody inserts by the former ones.
 * On entry no page is locked (L3).
 */
extern void SphxMoveCells(SphxPages *pages, const SphxIndexInfo *info);

/* A vacuum has looked at the cells when there were so many rows.  On entry no page is locked (L3). */
extern void SphxSetRowsSeen(SphxPages *pages, uint32 rows);

/* The block behind those of the directory and the upper layers. */
extern BlockNumber SphxSkeletonEnd(const SphxMetaPageData *meta);

/*
 * The first block that can be of nodes: behind the skeleton, or behind the basis
 * when the cells were made anew.  Among those that follow are the skeleton then, and
 * former ones.
 */
extern BlockNumber SphxFirstNodeBlock(const SphxMetaPageData *meta);

/* The kind that the metapage says the block has; 0 where there are nodes. */
extern SphxPageKind SphxPlannedKind(const SphxMetaPageData *meta, BlockNumber block);

/*
 * SphxReadAnyPage, and an error when the page is of a kind, or of a cell, that
 * cannot be there according to the metapage.  On return: pinned and locked as
 * asked.
 */
extern Buffer SphxReadPlannedPage(SphxPages *pages, const SphxIndexInfo *info, BlockNumber block,
								  int lock, SphxPageKind *kind);

/*
 * Cells.  SphxReadCell gives a copy, good as long as nobody inserts; SphxLockCell
 * returns the directory's page pinned and locked as asked; SphxPageCell is the
 * place of a cell there.  On entry node and overflow pages may be locked, which
 * come before the directory (L2).
 */
extern void SphxReadCell(SphxPages *pages, const SphxMetaPageData *meta, uint32 cell,
						 SphxCellData *data);
extern Buffer SphxLockCell(SphxPages *pages, const SphxMetaPageData *meta, uint32 cell, int lock);
extern SphxCellData *SphxPageCell(Page page, const SphxMetaPageData *meta, uint32 cell);

#endif							/* SPHX_META_H */
