/*-------------------------------------------------------------------------
 *
 * am.h
 *	  What the files of the access method share.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_AM_H
#define SPHX_AM_H

#include "sphx.h"

#include "access/amapi.h"
#include "access/genam.h"
#include "nodes/execnodes.h"

#include "page/memory.h"
#include "page/meta.h"
#include "page/store.h"
#include "type/vector.h"

/* numbers in operator classes */
#define SPHX_DISTANCE_STRATEGY	1	/* the ordering operator */
#define SPHX_DISTANCE_PROC		1	/* its function */
#define SPHX_METRIC_PROC		2	/* SphxMetric, a function without
									 * arguments */

/* WITH (...), see options.c */
typedef struct SphxOptions
{
	int32		vl_len_;		/* varlena header */
	int			m;				/* 0 = chosen */
	int			ef_construction;
	int			lists;			/* 0 = chosen */
	double		gap_weight;
	double		code_bits;		/* 0 = chosen, .5, 1 or 2 */
	int			storage;		/* SphxStorage, or SPHX_STORAGE_AUTO */
	int			centroids;		/* offset of a name from the start of what the
								 * relation cache holds; 0 = none */
} SphxOptions;

#define SPHX_STORAGE_AUTO		(-1)
#define SPHX_DEFAULT_EF_CONSTRUCTION 100
#define SPHX_DEFAULT_GAP_WEIGHT 2.0

extern void SphxInitOptions(void);

/* Have plans looked at, see plan.c. */
extern void SphxInitPlanning(void);

extern SphxOptions SphxGetOptions(Relation index);

/* The name of the relation with the index's centroids, in palloc'd memory, or NULL. */
extern char *SphxCentroidsOption(Relation index);

/*
 * Fill metric, layout, ef_construction and gap_weight of info->meta for
 * vectors of this many dimensions, and info->layout; an error when a record
 * cannot fit a page.
 */
extern void SphxChooseLayout(Relation index, int dims, SphxIndexInfo *info);

/* dimensions from the column's type modifier, or -1 */
extern int	SphxTypmodDims(Relation index);

/*
 * The vector as the index sees it: normalised (cosine), padded and rotated, D
 * floats.  False for a vector without a direction under cosine.  An error for
 * another number of dimensions.
 */
extern bool SphxTransform(SphxPages *pages, const SphxIndexInfo *info, const Vector *v,
						  float *x);

/* Inner product: the norm of a vector of D floats, for SphxSetMaxNorm. */
extern float SphxNorm(const SphxIndexInfo *info, const float *x);

/*
 * Inner product: the coordinate that makes nearest by Euclidean distance
 * largest by inner product, for a vector of D floats.
 */
extern float SphxExtraCoordinate(const SphxIndexInfo *info, const float *x);

/* One search through the upper layers and into cells; see descend.c */
typedef struct SphxDescent
{
	SphxPageStore *store;
	const SphxIndexInfo *info;
	SphxSearch *search;
	SphxMetric	metric;
	const float *q;				/* transformed */
} SphxDescent;

/* The up to n nearest cells, nearest first; returns how many, at least 1. */
extern int	SphxNearestCells(SphxDescent *descent, int n, uint32 *cells);

/* All cells, nearest first, in palloc'd memory. */
extern uint32 *SphxOrderCells(SphxDescent *descent);

/*
 * Start a search of layer 0 at the entries of these cells (or, when they are
 * all empty, of any cell); false when the index is empty.
 */
extern bool SphxSeedCells(SphxDescent *descent, int n, const uint32 *cells, bool keep_vectors);

/* One upper layer of a skeleton; see skeleton.c */
typedef struct SphxSkeletonLayer
{
	uint32		count;
	const float *centroids;		/* count * D, rotated */
	const uint32 *edges;		/* count * m positions in this layer,
								 * SPHX_INVALID_NODE behind the last; or NULL */
	const uint32 *below;		/* position in the layer below that this
								 * centroid repeats; NULL in layer 1, where
								 * position i is cell i */
} SphxSkeletonLayer;

/*
 * Write metapage, directory and upper layers of an index without rows to the
 * empty fork; fills the fields of info->meta that describe the layout of the
 * index.  No WAL: the caller logs all pages at the end.
 */
extern void SphxWriteSkeleton(SphxPages *pages, SphxIndexInfo *info, int layer_count,
							  const SphxSkeletonLayer *layers);

/* Insertion of rows into one index, for the length of a command. */
typedef struct SphxInserter SphxInserter;

/* In a context of its own under `parent`; the pages must have been opened. */
extern SphxInserter *SphxCreateInserter(SphxPages *pages, MemoryContext parent);

/*
 * Remove the TIDs of the node's own record whose rows are gone for everybody
 * (obsolete.c).  Its page is locked exclusively.  The node may be left without
 * a TID: the caller adds one.
 */
extern void SphxDropObsolete(SphxPages *pages, const SphxIndexInfo *info, Relation heap,
							 Buffer buffer, uint32 id);

/*
 * False when the vector is not indexed (zero under cosine).  `updated` is the
 * table when the row is a new version of one with the same vector, or NULL.
 */
extern bool SphxInsertVector(SphxInserter *inserter, SphxPages *pages, const Vector *v,
							 ItemPointer tid, Relation updated);

/* callbacks of the access method */
extern IndexBuildResult *sphxbuild(Relation heap, Relation index, IndexInfo *index_info);
extern void sphxbuildempty(Relation index);
extern char *sphxbuildphasename(int64 phase);
extern bool sphxinsert(Relation index, Datum *values, bool *isnull, ItemPointer tid,
					   Relation heap, IndexUniqueCheck unique, bool unchanged,
					   IndexInfo *index_info);
extern IndexBulkDeleteResult *sphxbulkdelete(IndexVacuumInfo *info, IndexBulkDeleteResult *stats,
											 IndexBulkDeleteCallback callback, void *state);
extern IndexBulkDeleteResult *sphxvacuumcleanup(IndexVacuumInfo *info,
												IndexBulkDeleteResult *stats);
extern void sphxcostestimate(struct PlannerInfo *root, struct IndexPath *path, double loop_count,
							 Cost *startup_cost, Cost *total_cost, Selectivity *selectivity,
							 double *correlation, double *pages);
extern bytea *sphxoptions(Datum reloptions, bool validate);
extern bool sphxvalidate(Oid opclass);
extern IndexScanDesc sphxbeginscan(Relation index, int nkeys, int norderbys);
extern void sphxrescan(IndexScanDesc scan, ScanKey keys, int nkeys, ScanKey orderbys,
					   int norderbys);
extern bool sphxgettuple(IndexScanDesc scan, ScanDirection direction);
extern void sphxendscan(IndexScanDesc scan);

/* the metric of an index, from its operator class */
extern SphxMetric SphxIndexMetric(Relation index);

#endif							/* SPHX_AM_H */
