/*-------------------------------------------------------------------------
 *
 * heap.h
 *	  What the access method has to know of the table's pages.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_HEAP_H
#define SPHX_HEAP_H

#include "server/compat.h"

#include "executor/tuptable.h"
#include "utils/rel.h"

#include "page/page.h"

/* Is the table one of the server's own heaps, whose pages this file reads? */
extern bool SphxIsHeap(Relation table);

/*
 * The TID under which indexes know the tuple in the slot, which came from a
 * scan of a heap: that of the first member of its HOT chain.  The slot's page
 * is pinned on entry and return; its lock is taken and released.  No page of the
 * index is locked.
 */
extern void SphxRootTid(Relation heap, TupleTableSlot *slot, ItemPointer tid);

/*
 * As SphxRequestPage, for a block that such a table has; pages->requests counts
 * it as well.
 */
extern void SphxRequestRow(SphxPages *pages, Relation heap, BlockNumber block);

#endif							/* SPHX_HEAP_H */
