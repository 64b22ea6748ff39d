/*-------------------------------------------------------------------------
 *
 * build_state.h
 *	  What the parts of CREATE INDEX share.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_BUILD_STATE_H
#define SPHX_BUILD_STATE_H

#include "server/compat.h"

#include "am/definition/layout.h"
#include "am/definition/norms.h"
#include "am/definition/options.h"
#include "math/base/basis.h"
#include "math/graph/construct.h"
#include "math/train/train.h"
#include "server/memory.h"

/* nearest cells known of a row: the pools it is compared in */
#define SPHX_BUILD_PROBES	8

/* phases in pg_stat_progress_create_index, after the server's own first one */
#define SPHX_PHASE_LOAD		2
#define SPHX_PHASE_TRAIN	3
#define SPHX_PHASE_ASSIGN	4
#define SPHX_PHASE_WRITE	5
#define SPHX_PHASE_NEIGHBOURS 6
#define SPHX_PHASE_LINK		7
#define SPHX_PHASE_CALIBRATE 8

/* What goes with a transformed vector while the index is built. */
typedef struct SphxBuildRow
{
	uint32		id;				/* node, once it has been written */
	uint32		hash;			/* of the original vector */
	ItemPointerData tid;
	uint16		probes;			/* nearest cells in cells[] */
	uint32		cells[SPHX_BUILD_PROBES];	/* nearest first */
} SphxBuildRow;

/*
 * Rows of a build: in chunks of memory as long as they fit, then all in a
 * temporary file.  Written first, then read from the start any number of
 * times, in the order of writing.
 */
typedef struct SphxRows SphxRows;

/* d floats a row; at most memory_rows stay in memory */
extern SphxRows *SphxCreateRows(MemoryContext context, int d, uint64 memory_rows);
extern void SphxAppendRow(SphxRows *rows, const SphxBuildRow *row, const float *x);
extern void SphxRewindRows(SphxRows *rows);
extern bool SphxNextRow(SphxRows *rows, SphxBuildRow *row, float *x);
extern uint64 SphxCountRows(const SphxRows *rows);
extern bool SphxRowsInMemory(const SphxRows *rows);
extern void SphxReleaseRows(SphxRows *rows);

/*
 * Rows in ascending order of a key (below 2^63), in memory or in a temporary
 * file: entered in any order, sorted, then taken one after the other.
 */
typedef struct SphxRowSort SphxRowSort;

/* d floats a row */
extern SphxRowSort *SphxBeginSort(MemoryContext context, int d);
extern void SphxSortRow(SphxRowSort *sort, uint64 key, const SphxBuildRow *row, const float *x);
extern void SphxPerformSort(SphxRowSort *sort);

/* the next row if its key is below `end`; otherwise it waits */
extern bool SphxNextSorted(SphxRowSort *sort, uint64 end, SphxBuildRow *row, float *x);
extern void SphxEndSort(SphxRowSort *sort);

/* One CREATE INDEX. */
typedef struct SphxBuild
{
	Relation	index;
	SphxPages	pages;
	SphxIndexInfo info;
	SphxOptions options;
	SphxServerEnv env;			/* memory for the length of the build */
	MemoryContext context;

	int			d;				/* floats a row: D, and one more for inner
								 * product */
	SphxRows   *rows;			/* all rows, rotated */
	SphxNorms	norms;			/* of the rows (inner product) */

	int			cells;			/* set before the rows are read when centroids
								 * were trained elsewhere */
	float	   *centroids;		/* cells * D */
	SphxBasis  *basis;			/* that rows, which are only rotated, are seen
								 * in; NULL when that is all */
	int			near_d;			/* the first coordinates, which tell which
								 * rows may be near each other */

	double		gain_sum;		/* over the edges, for the mean of A */
	double		gain_count;
} SphxBuild;

/* centroids.c: take the centroids from elsewhere when the index's options say so */
extern void SphxLoadCentroids(SphxBuild *build);

/*
 * learn.c: learn from n rows of D floats which coordinates and which layout the
 * index shall have; from then on build->info has them.
 */
extern void SphxLearnBasis(SphxBuild *build, uint64 n, const float *sample);

/* a copy, shared, of `count` of n rows of D floats, spread over all: they are in the table's order */
extern float *SphxSpreadRows(SphxBuild *build, uint64 n, const float *rows, uint64 count);

/*
 * see.c: bring rows of `stride` floats to these coordinates, each with the bits that
 * an insert would give it: equal vectors get the same.
 */
extern void SphxSeeRows(SphxBuild *build, uint64 n, int stride, float *rows);

/* cells.c: train the cells unless they are there, build the layers above and write the skeleton */
extern void SphxTrainCells(SphxBuild *build);

/* how many cells are good for so many rows, as far as neither option nor memory say otherwise */
extern double SphxSuitableCells(double rows);

/* what was reached, as the metapage has it */
extern SphxTrainingData SphxTrainingFigures(const SphxTrainReport *report);

/* skeleton.c: one upper layer of an index without rows */
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

/* cells.c: build->centroids as a layer, and as many above it as it takes; how many all are */
extern int	SphxMakeLayers(SphxBuild *build, SphxSkeletonLayer *layers);
extern void SphxReleaseLayers(int count, SphxSkeletonLayer *layers);

/*
 * Write metapage, basis (or NULL), directory and upper layers of an index without rows to the
 * empty fork; fills the fields of info->meta that describe the layout of the
 * index.  No WAL: the caller logs all pages at the end.  Here and below no page
 * is locked on entry or return; nobody else knows the index, and locks are there
 * for the checkpointer and the server's own rules about pages.
 */
extern void SphxWriteSkeleton(SphxPages *pages, SphxIndexInfo *info, const SphxBasis *basis,
							  int layer_count, const SphxSkeletonLayer *layers);

/*
 * The same for directory and layers alone, behind all blocks there are, with these
 * entries of the cells and of the overflow chain.  Nobody else extends the index
 * meanwhile (L4), and nobody is led there before the caller has logged it.
 */
extern void SphxWriteCells(SphxPages *pages, SphxIndexInfo *info, const SphxCellData *cells,
						   int layer_count, const SphxSkeletonLayer *layers);

/*
 * budget.c: bytes for blocks, of one participant and of all, participants, kB for
 * a sort of rows, floats of a sample, cells when nobody asked for a number, rows
 * whose graph is built at a time (sorted: when they are not all that there are).
 */
extern Size SphxBuildScratch(void);
extern Size SphxBuildBlocks(void);
extern int	SphxBuildMostParticipants(void);
extern int	SphxBuildSortMemory(void);
extern uint64 SphxBuildSampleFloats(void);
extern int	SphxBuildMostCells(const SphxBuild *build);
extern uint64 SphxBuildMostRows(const SphxBuild *build, bool sorted);

/* shard.c: write all rows' nodes with their edges */
extern void SphxBuildShards(SphxBuild *build);

/* Rows that are in memory together: some of the index, or all of them. */
typedef struct SphxShard
{
	MemoryContext context;
	SphxServerEnv env;
	uint32		own;			/* rows that belong here; then come those of
								 * the overlap */
	uint32		count;
	SphxBuildRow *rows;
	float	   *x;				/* count * build->d */
} SphxShard;

/* nodes.c: bytes that a row takes while its graph is built */
extern Size SphxBuildRowMemory(const SphxBuild *build);

/* room for `count` rows, all the shard's own so far; the caller fills it */
extern void SphxOpenShard(SphxBuild *build, SphxShard *shard, uint32 count);
extern void SphxCloseShard(SphxShard *shard);

/* group.c: sort the shard's rows by cell, place and content; and bytes that a row takes meanwhile */
extern void SphxGroupRows(SphxBuild *build, SphxShard *shard);
extern Size SphxGroupMemory(void);

/*
 * Write the nodes of a shard without overlap, one for all equal vectors, but for
 * their vectors, and leave in the shard one row a node, in the order of ids.
 * `before` rows are in the shards before it.
 */
extern void SphxWriteNodes(SphxBuild *build, SphxShard *shard, uint64 before);

/*
 * Build the graph over a shard's nodes and add its edges, and vectors where there
 * are none yet, to the records; of `total` nodes, `before` are those of the shards
 * before it.
 */
extern void SphxLinkNodes(SphxBuild *build, SphxShard *shard, uint64 before, uint64 total);

/*
 * calibrate.c: measure which recall the index reaches, which is complete and has
 * no WAL yet, and keep it in the metapage
 */
extern void SphxCalibrateBuild(SphxBuild *build);

/* progress.c: a phase begins, or goes on with other rows, and of `total` rows so many are done */
extern void SphxBuildPhase(SphxBuild *build, int phase, uint64 done, uint64 total);

#endif							/* SPHX_BUILD_STATE_H */
