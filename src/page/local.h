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

/* What is kept of an index's storage. */
typedef enum SphxKeptKind
{
	SPHX_KEPT_TOP_LAYER,		/* SphxTopLayer */
	SPHX_KEPT_BASIS,			/* SphxBasis */
	SPHX_KEPT_KINDS
} SphxKeptKind;

typedef struct SphxKept
{
	void	   *data;			/* NULL: nothing */
	MemoryContext context;		/* that it is in */
	Size		size;
	dlist_node	node;			/* among all that is kept */
} SphxKept;

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
	int			absences;		/* > 0: pages were missing from shared buffers
								 * of late, so others may be (page.c) */
	int			row_absences;	/* the same of the table's */
	SphxHintRegion hints;		/* never of a temporary index, whose buffers
								 * are not the shared ones */
	SphxKept	kept[SPHX_KEPT_KINDS];
} SphxLocalState;

/*
 * The state of an index: a new one, or what is known of its present storage.
 * The pointer is good for the length of the call of the access method.
 */
extern SphxLocalState *SphxFindLocal(Relation index);

/* Forget everything about the index's storage. */
extern void SphxForgetLocal(SphxLocalState *local);

/*
 * What is kept of this kind with the index's storage, or NULL.  SphxKeep makes
 * it `data`, which is in a context of its own made by SphxCreateKeptContext: it
 * stays until others that are kept need the room, so that the pointer is good
 * until the next call of one of these for another index, or of anything that
 * may process invalidations.
 */
extern void *SphxFindKept(SphxLocalState *local, SphxKeptKind kind);
extern MemoryContext SphxCreateKeptContext(void);
extern void SphxKeep(SphxLocalState *local, SphxKeptKind kind, void *data, MemoryContext context);

/*
 * The transform of D dimensions and this seed, which is the same for all
 * indexes.  Good until the next call.
 */
extern const SphxRotation *SphxGetRotation(int D, uint64 seed);

#endif							/* SPHX_LOCAL_H */
