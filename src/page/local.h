/*-------------------------------------------------------------------------
 *
 * local.h
 *	  What a backend remembers of indexes from one call to the next.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_LOCAL_H
#define SPHX_LOCAL_H

#include "server/compat.h"

#include "utils/rel.h"

#include "math/base/rotate.h"
#include "page/hints.h"

/*
 * Of one index.  Lives until a transaction ends in which the backend learns
 * that there is no such index any more.
 */
typedef struct SphxLocalState
{
	Oid			index;			/* hash key */
	bool		doubtful;		/* is there still such an index? */
	SphxRelLocator locator;		/* the storage that the rest is about */
	BlockNumber nblocks;		/* blocks of the main fork known to exist */
	BlockNumber heap_blocks;	/* of the table, the same */
	SphxHintRegion hints;		/* never of a temporary index, whose buffers
								 * are not the shared ones */
	void	   *kept;			/* SphxKeep; or NULL */
	Size		kept_size;
	dlist_node	kept_node;		/* among those that keep something */
} SphxLocalState;

/*
 * The state of an index: a new one, or what is known of its present storage.
 * The pointer is good for the length of the call of the access method.
 */
extern SphxLocalState *SphxFindLocal(Relation index);

/* Forget everything about the index's storage. */
extern void SphxForgetLocal(SphxLocalState *local);

/*
 * Keep a copy of `size` bytes with the index's storage; local->kept from now
 * on, until others that are kept need the room.  SphxUseKept says that it is
 * still of use.
 */
extern void SphxKeep(SphxLocalState *local, const void *data, Size size);
extern void SphxUseKept(SphxLocalState *local);

/*
 * The transform of D dimensions and this seed, which is the same for all
 * indexes.  Good until the next call.
 */
extern const SphxRotation *SphxGetRotation(int D, uint64 seed);

#endif							/* SPHX_LOCAL_H */
