/*-------------------------------------------------------------------------
 *
 * insert.h
 *	  Insertion of rows.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_INSERT_H
#define SPHX_INSERT_H

#include "server/compat.h"

#include "access/genam.h"
#include "nodes/execnodes.h"

#include "page/page.h"

/* Insertion of rows into one index, for the length of a command. */
typedef struct SphxInserter SphxInserter;

/*
 * In a context of its own under `parent`; the pages must have been opened.  On
 * entry no page is locked (L3).
 */
extern SphxInserter *SphxCreateInserter(SphxPages *pages, MemoryContext parent);

/* Which of a node's edges can best be spared?  A position in ids[]. */
typedef int (*SphxSpareEdge) (void *arg, const uint32 *ids, int count);

/*
 * Search for a node that is in the index as if it were new, and have those that
 * would be its neighbours lead to it: the nearest of them in place of the edge
 * that it can spare, if they prefer those they have.  One without edges gets
 * some as well.  No page is locked on entry or return.  Only vacuum may call it:
 * nobody else can rely on the node to stay while L4's lock is not held.
 */
extern void SphxLinkNode(SphxInserter *inserter, SphxPages *pages, uint32 id,
						 SphxSpareEdge spare, void *arg);

/* callback of the access method */
extern bool sphxinsert(Relation index, Datum *values, bool *isnull, ItemPointer tid,
					   Relation heap, IndexUniqueCheck unique, bool unchanged,
					   IndexInfo *index_info);

#endif							/* SPHX_INSERT_H */
