/*-------------------------------------------------------------------------
 *
 * descend.h
 *	  The way from the top layer down into cells.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_DESCEND_H
#define SPHX_DESCEND_H

#include "server/compat.h"

#include "page/store.h"

/*
 * One search through the upper layers and into cells; see descend.c.  On entry to
 * the functions below no page is locked, nor is any on return.
 */
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

#endif							/* SPHX_DESCEND_H */
