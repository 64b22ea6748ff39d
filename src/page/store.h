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
#include "page/meta.h"

typedef struct SphxPageStore
{
	SphxStore	base;			/* first, so that a pointer to it is one to
								 * this */
	SphxPages  *pages;
	const SphxIndexInfo *info;
	SphxPageKind kind;			/* SPHX_PAGE_NODE, or SPHX_PAGE_CENTROID for
								 * an upper layer */
	Buffer		buffer;			/* share-locked between read and done, else
								 * InvalidBuffer */
} SphxPageStore;

extern void SphxInitStore(SphxPageStore *store, SphxPages *pages, const SphxIndexInfo *info);

/*
 * The record of a node on its locked page, or NULL when the slot holds no
 * node (any more).  Checks what a reader of the record relies on.
 */
extern SphxRecord *SphxCheckNode(SphxPages *pages, const SphxIndexInfo *info, Page page,
								 uint32 id);

#endif							/* SPHX_STORE_H */
