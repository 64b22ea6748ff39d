/*-------------------------------------------------------------------------
 *
 * limit.h
 *	  What a scan can learn of the plan that it is part of.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_AM_LIMIT_H
#define SPHX_AM_LIMIT_H

#include "server/compat.h"

#include "access/genam.h"
#include "access/relscan.h"
#include "nodes/execnodes.h"

/* Watch, from now on, which query is executed. */
extern void SphxInitLimits(void);

/* A scan's place in the tree of the query that executes it. */
typedef struct SphxScanPlace
{
	IndexScanState *state;		/* the node that scans, or NULL: not known */
	LimitState *limit;			/* the node that limits its rows, or NULL */
	bool		unordered;		/* no node above relies on the order of its
								 * rows */
	bool		exhausted;		/* the query needs all of them */
	List	   *passed;			/* to the search of the plan: limits that must
								 * be none for that */
} SphxScanPlace;

/* A limit of more than `most` rows counts as none. */
extern void SphxFindScan(IndexScanDesc scan, uint64 most, SphxScanPlace *place);

/* How many rows the limit asks for now; 0 when that is not known. */
extern uint64 SphxLimitRows(const LimitState *limit);

#endif							/* SPHX_AM_LIMIT_H */
