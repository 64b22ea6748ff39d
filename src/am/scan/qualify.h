/*-------------------------------------------------------------------------
 *
 * qualify.h
 *	  A scan's own look at the rows of the table.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_AM_QUALIFY_H
#define SPHX_AM_QUALIFY_H

#include "server/compat.h"

#include "access/genam.h"
#include "access/relscan.h"
#include "nodes/execnodes.h"

/* What it takes to look at rows; set up when the first one is looked at. */
typedef struct SphxQualifier
{
	IndexScanDesc scan;
	IndexScanState *state;		/* its node, with the conditions; or NULL */
	struct IndexFetchTableData *fetch;
	TupleTableSlot *slot;
	MemoryContext memory;		/* of a distance, reset after it */
	bool		cutoff_known;	/* has been looked for */
	ExprState  *cutoff;			/* see SphxCutoff; NULL: there is none */
	Buffer		visibility;		/* page of the visibility map, pinned, or
								 * invalid */
} SphxQualifier;

extern void SphxInitQualifier(SphxQualifier *qualifier, IndexScanDesc scan);

/* Have the room that looking at rows takes. */
extern void SphxPrepareQualifier(SphxQualifier *qualifier);

/*
 * May the conditions of the scan's node be evaluated here as well as by the
 * executor?  Not those that give another answer the second time.
 */
extern bool SphxCanQualify(const IndexScanState *state);

/*
 * Will the executor return the row?  That is: is a tuple of the TID visible
 * to the scan's snapshot, and does it satisfy the conditions of the scan's
 * node?  Here and below no page of the index is locked: conditions and operators
 * may do anything, scan the index itself for one.  Pages of the table stay pinned
 * until SphxReleaseQualifier.
 */
extern bool SphxRowQualifies(SphxQualifier *qualifier, ItemPointer tid);

/*
 * What the node's expressions are evaluated in: its own context, which the
 * executor uses for the rows that it is given, and leaves alone while the access
 * method looks for the next one.  Its memory is good until the next call.
 */
extern ExprContext *SphxQualifierContext(SphxQualifier *qualifier);

/* The same of the tuple in the qualifier's slot, which is visible. */
extern bool SphxSlotQualifies(SphxQualifier *qualifier);

/*
 * What the operator says of the row.  False when no tuple of the TID is
 * visible.  Only for an index on a column (SphxCanMeasure).
 */
extern bool SphxCanMeasure(IndexScanDesc scan);
extern bool SphxMeasureRow(SphxQualifier *qualifier, ItemPointer tid, double *distance);

/*
 * Where a condition of the scan's node ends it: a number that the distance of
 * every row that satisfies it is less than, or equal to; infinity when there is
 * none.
 */
extern double SphxCutoff(SphxQualifier *qualifier);

/* Let go of pins; the next row may be looked at all the same. */
extern void SphxReleaseQualifier(SphxQualifier *qualifier);
extern void SphxEndQualifier(SphxQualifier *qualifier);

#endif							/* SPHX_AM_QUALIFY_H */
