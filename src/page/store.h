/*-------------------------------------------------------------------------
 *
 * store.h
 *	  The graph search's view of records on pages.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_STORE_H
#define SPHX_STORE_H

#include "math/graph/search.h"
#include "page/node.h"

/* blocks that a search remembers to have asked for */
#define SPHX_BLOCKS_ASKED		128

typedef struct SphxPageStore
{
	SphxStore	base;			/* first, so that a pointer to it is one to
								 * this */
	SphxPages  *pages;
	const SphxIndexInfo *info;
	SphxPageKind kind;			/* SPHX_PAGE_NODE, or SPHX_PAGE_CENTROID for
								 * an upper layer */
	Buffer		buffer;			/* pinned and share-locked between read and
								 * done, else InvalidBuffer */
	uint32		hidden;			/* a node that is read as if it were none, or
								 * SPHX_INVALID_NODE */
	BlockNumber requested[SPHX_BLOCKS_ASKED];	/* blocks asked for by this
												 * search, each in place block
												 * % SPHX_BLOCKS_ASKED */
} SphxPageStore;

/*
 * Nothing is locked yet.  A search that uses the store locks one page at a time
 * (L1), so on entry to it none is locked.
 */
extern void SphxInitStore(SphxPageStore *store, SphxPages *pages, const SphxIndexInfo *info);

#endif							/* SPHX_STORE_H */
