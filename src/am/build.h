/*-------------------------------------------------------------------------
 *
 * build.h
 *	  What the parts of CREATE INDEX share.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_AM_BUILD_H
#define SPHX_AM_BUILD_H

#include "am/am.h"

#include "math/build.h"
#include "math/train.h"
#include "storage/buffile.h"

/* nearest cells known of a row: the pools it is compared in */
#define SPHX_BUILD_PROBES	8

/* phases in pg_stat_progress_create_index, after the server's own first one */
#define SPHX_PHASE_LOAD		2
#define SPHX_PHASE_TRAIN	3
#define SPHX_PHASE_ASSIGN	4
#define SPHX_PHASE_WRITE	5
#define SPHX_PHASE_NEIGHBOURS 6
#define SPHX_PHASE_LINK		7

/* What goes with a transformed vector while the index is built. */
typedef struct SphxBuildRow
{
	uint32		id;				/* node, once it has been written */
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

/* d floats a row; at most memory_rows stay in memory (0: a file from the start) */
extern SphxRows *SphxCreateRows(MemoryContext context, int d, uint64 memory_rows);
extern void SphxAppendRow(SphxRows *rows, const SphxBuildRow *row, const float *x);
extern void SphxRewindRows(SphxRows *rows);
extern bool SphxNextRow(SphxRows *rows, SphxBuildRow *row, float *x);
extern uint64 SphxCountRows(const SphxRows *rows);
extern bool SphxRowsInMemory(const SphxRows *rows);
extern void SphxReleaseRows(SphxRows *rows);

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
	uint64		memory_rows;	/* rows whose graph fits in
								 * maintenance_work_mem */
	SphxRows   *rows;			/* all rows, transformed */
	float		max_norm;		/* largest norm of a row (inner product) */

	int			cells;			/* set before the rows are read when centroids
								 * were trained elsewhere */
	float	   *centroids;		/* cells * D */
	double	   *cell_share;		/* expected share of the rows, by the training
								 * sample */

	double		gain_sum;		/* over the edges, for the mean of A */
	double		gain_count;
} SphxBuild;

/* centroids.c: take the centroids from elsewhere when the index's options say so */
extern void SphxLoadCentroids(SphxBuild *build);

/* train.c: train the cells unless they are there, build the layers above and write the skeleton */
extern void SphxTrainCells(SphxBuild *build);

/* shard.c: memory for a row while its graph is built; write all rows' nodes with their edges */
extern Size SphxBuildRowMemory(const SphxBuild *build);
extern void SphxBuildShards(SphxBuild *build);

/* progress: a phase begins, or goes on with other rows, and of `total` rows so many are done */
extern void SphxBuildPhase(SphxBuild *build, int phase, uint64 done, uint64 total);

#endif							/* SPHX_AM_BUILD_H */
