/*-------------------------------------------------------------------------
 *
 * layout.h
 *	  The layout of records of an index.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_LAYOUT_H
#define SPHX_LAYOUT_H

#include "server/compat.h"

#include "page/meta.h"

/*
 * Fill metric, layout, ef_construction and gap_weight of info->meta for
 * vectors of this many dimensions, and info->layout; an error when a record
 * cannot fit a page.
 */
extern void SphxChooseLayout(Relation index, int dims, SphxIndexInfo *info);

/* dimensions from the column's type modifier, or -1 */
extern int	SphxTypmodDims(Relation index);

#endif							/* SPHX_LAYOUT_H */
