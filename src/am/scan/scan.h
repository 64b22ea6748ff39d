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

#include "am/scan/counts.h"

/* callbacks of the access method; between two calls no page of the index is locked or pinned (L5) */
extern IndexScanDesc sphxbeginscan(Relation index, int nkeys, int norderbys);
extern void sphxrescan(IndexScanDesc scan, ScanKey keys, int nkeys, ScanKey orderbys,
					   int norderbys);
extern bool sphxgettuple(IndexScanDesc scan, ScanDirection direction);
extern void sphxendscan(IndexScanDesc scan);

/* Sums over the scan's queries so far. */
extern SphxScanCounts SphxScanTotals(IndexScanDesc scan);

/* Have EXPLAIN print them, where the server lets a module do so. */
extern void SphxInitExplain(void);

/* Those of the scan of this backend that ended last. */
extern const SphxScanCounts *SphxLastScan(void);
extern void SphxForgetScan(void);

#endif							/* SPHX_SCAN_H */
