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

#endif							/* SPHX_SCAN_H */
