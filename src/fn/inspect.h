/*-------------------------------------------------------------------------
 *
 * inspect.h
 *	  What the functions that look into an index share.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_INSPECT_H
#define SPHX_INSPECT_H

#include "server/compat.h"

#include "utils/rel.h"

/* An error unless the oid is that of an index. */
extern void SphxRequireIndex(Oid oid);

/* The index, in AccessShareLock; an error when it is no longer there. */
extern Relation SphxOpenIndex(Oid oid);

/* An error unless it is an sphx index with pages that this session can read. */
extern void SphxRequirePages(Relation index);

/*
 * The index, in AccessShareLock; an error unless it is an sphx index, of a table
 * that the user may read.
 */
extern Relation SphxOpenReadable(Oid oid);

#endif							/* SPHX_INSPECT_H */
