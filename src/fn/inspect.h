/*-------------------------------------------------------------------------
 *
 * inspect.h
 *	  What the functions that look into an index share.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_INSPECT_H
#define SPHX_INSPECT_H

#include "sphx.h"

#include "utils/rel.h"

/* An error when the oid is that of a relation that is no index. */
extern void SphxRequireIndex(Oid oid);

/* An error unless it is an sphx index with pages that this session can read. */
extern void SphxRequirePages(Relation index);

#endif							/* SPHX_INSPECT_H */
