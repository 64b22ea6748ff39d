/*-------------------------------------------------------------------------
 *
 * scan.h
 *	  Index scans.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_SCAN_H
#define SPHX_SCAN_H

#include "server/compat.h"

#include "access/genam.h"
#include "access/relscan.h"

/* callbacks of the access method; between two calls no page of the index is locked or pinned (L5) */
extern IndexScanDesc sphxbeginscan(Relation index, int nkeys, int norderbys);
extern void sphxrescan(IndexScanDesc scan, ScanKey keys, int nkeys, ScanKey orderbys,
					   int norderbys);
extern bool sphxgettuple(IndexScanDesc scan, ScanDirection direction);
extern void sphxendscan(IndexScanDesc scan);

/* What a scan did; counts of one query, from its first row to its end. */
typedef struct SphxScanCounts
{
	Oid			index;			/* InvalidOid: there was none */
	uint64		nodes_read;		/* vectors whose distance was computed in the
								 * index */
	uint32		cells_read;		/* cells read whole */
	int			widenings;		/* of the beam */
	int			ef_search;		/* the setting, or what was chosen for it */
	uint64		nodes_late;		/* found after farther ones had been passed on */
	uint64		rows_returned;
	uint64		rows_rechecked; /* of them, those whose distance the executor
								 * had to compute */
	bool		table_read;		/* the table was read in place of the index */
	uint64		requests;		/* blocks of index and table asked for before
								 * they were read */
} SphxScanCounts;

/* Sums over the scan's queries so far. */
extern SphxScanCounts SphxScanTotals(IndexScanDesc scan);

/* Have EXPLAIN print them, where the server lets a module do so. */
extern void SphxInitExplain(void);

/* Those of the scan of this backend that ended last. */
extern const SphxScanCounts *SphxLastScan(void);
extern void SphxForgetScan(void);

#endif							/* SPHX_SCAN_H */
