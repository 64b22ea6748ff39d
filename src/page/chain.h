/*-------------------------------------------------------------------------
 *
 * chain.h
 *	  Chains of pages: finding room for a record, and heap TIDs beyond those
 *	  that fit a node's record.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_CHAIN_H
#define SPHX_CHAIN_H

#include "page/node.h"

/*
 * A page of the cell's chain with a free slot, exclusively locked, and the
 * slot.  Takes node or overflow pages, according to the cell.  The caller may
 * hold the lock of a node page only when the cell is that of overflow pages.
 */
extern Buffer SphxFindSlot(SphxPages *pages, const SphxIndexInfo *info, uint32 cell,
						   uint32 *slot);

/*
 * Put a record into the free slot of a page given by SphxChangePage.  The slot
 * keeps its version.  Returns the place.
 */
extern SphxRecord *SphxFillSlot(const SphxIndexInfo *info, Page page, uint32 slot,
								const SphxRecord *record);

/* Give the slot free: no edge leads to it any more. */
extern void SphxFreeSlot(const SphxIndexInfo *info, Page page, uint32 slot);

/* Make the node the cell's entry when it has none. */
extern void SphxOfferEntry(SphxPages *pages, const SphxIndexInfo *info, uint32 cell, uint32 id);

/*
 * A living node of the chain that begins at this block (or is empty, when it
 * is InvalidBlockNumber).
 */
extern uint32 SphxFindLiving(SphxPages *pages, const SphxIndexInfo *info, BlockNumber block);

/* What tells the vectors of a node's rows apart: a hash of the original one, never 0. */
extern uint32 SphxHashVector(const float *x, int dims);

/*
 * Add the heap TID of a row, with the hash of its vector, to node `id`, whose
 * page the caller holds exclusively locked in `buffer`.
 */
extern void SphxAddTid(SphxPages *pages, const SphxIndexInfo *info, Buffer buffer, uint32 id,
					   ItemPointer tid, uint32 hash);

/*
 * The overflow record of this id on its locked page; an error when there is
 * none.
 */
extern SphxRecord *SphxOverflowRecord(SphxPages *pages, const SphxIndexInfo *info, Page page,
									  uint32 id);

/* A record that a cursor has come by; what it is then is told by its version. */
typedef struct SphxVisit
{
	uint32		id;
	uint8		version;
} SphxVisit;

/*
 * A walk over the heap TIDs of a node, one record at a time: first its own,
 * then those of its overflow records.  Nothing is locked or pinned between two
 * steps.  Every TID that was there at the first step, and that no vacuum has
 * removed, comes exactly once; one added since may come.
 */
typedef struct SphxTidCursor
{
	uint32		id;
	uint8		version;
	bool		begun;
	bool		own;			/* the present record is the node's */
	bool		uniform;		/* all rows in overflow records have the same
								 * vector; known after the first step */
	SphxVisit  *visits;			/* overflow records so far, or NULL */
	int			visit_count;
	int			visit_room;
	ItemPointerData tids[UINT8_MAX];	/* of the present record */
} SphxTidCursor;

/* Begin with node `id` if it is still the one of this version; no memory is taken yet. */
extern void SphxBeginTids(SphxTidCursor *cursor, uint32 id, uint8 version);

/*
 * Go to the next record that has TIDs; how many, 0 at the end.  Memory comes
 * from the current context, the same for all steps.
 */
extern int	SphxNextTids(SphxPages *pages, const SphxIndexInfo *info, SphxTidCursor *cursor);
extern void SphxEndTids(SphxTidCursor *cursor);

#endif							/* SPHX_CHAIN_H */
