/*-------------------------------------------------------------------------
 *
 * activity.h
 *	  What the scans of each index did, all together.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_ACTIVITY_H
#define SPHX_ACTIVITY_H

#include "am/scan/counts.h"

/* Figures of an index, in the order of the columns of sphx_scan_figures. */
typedef enum SphxFigure
{
	SPHX_FIGURE_SCANS,
	SPHX_FIGURE_NODES_READ,
	SPHX_FIGURE_CELLS_READ,
	SPHX_FIGURE_WIDENINGS,
	SPHX_FIGURE_NODES_LATE,
	SPHX_FIGURE_ROWS_RETURNED,
	SPHX_FIGURE_ROWS_RECHECKED,
	SPHX_FIGURE_TABLE_READS,
	SPHX_FIGURES
} SphxFigure;

/* Have room set aside where only the start of the server can do that. */
extern void SphxInitActivity(void);

/* Add a scan that has ended. */
extern void SphxCountScan(const SphxScanCounts *counts);

/* The figures of an index of this database. */
extern void SphxGetActivity(Oid index, uint64 figures[SPHX_FIGURES]);

/* Make those of all indexes of this database 0. */
extern void SphxResetActivity(void);

#endif							/* SPHX_ACTIVITY_H */
