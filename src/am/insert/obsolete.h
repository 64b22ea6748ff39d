/*-------------------------------------------------------------------------
 *
 * obsolete.h
 *	  Heap TIDs whose rows the server has pruned.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_OBSOLETE_H
#define SPHX_OBSOLETE_H

#include "server/compat.h"

#include "page/meta.h"

/*
 * Remove the TIDs of the node's own record whose rows are gone for everybody
 * (obsolete.c).  Its page is exclusively locked on entry and return, while pages
 * of the table are locked one at a time: nobody who has one of those locked waits
 * for a page of an index.  The node may be left without a TID: the caller adds one
 * before the page is unlocked (I4).
 */
extern void SphxDropObsolete(SphxPages *pages, const SphxIndexInfo *info, Relation heap,
							 Buffer buffer, uint32 id);

#endif							/* SPHX_OBSOLETE_H */
