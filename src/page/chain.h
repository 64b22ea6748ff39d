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
 * A page of the cell's chain with a free slot, and the slot.  Takes node or
 * overflow pages, according to the cell.  On entry no page is locked, but a node's
 * when the cell is that of overflow pages (L1); on return the page is pinned and
 * exclusively locked, so that nobody else takes the slot.
 */
extern Buffer SphxFindSlot(SphxPages *pages, const SphxIndexInfo *info, uint32 cell,
						   uint32 *slot);

/*
 * Put a record into the free slot of a page given by SphxChangePage, whose
 * buffer is exclusively locked since the slot was found.  The slot keeps its
 * version.  Returns the place.
 */
extern SphxRecord *SphxFillSlot(const SphxIndexInfo *info, Page page, uint32 slot,
								const SphxRecord *record);

/*
 * Give the slot free, on a page given by SphxChangePage: no edge leads to it any
 * more, or it is out of its overflow chain.
 */
extern void SphxFreeSlot(const SphxIndexInfo *info, Page page, uint32 slot);

/* Make the node the cell's entry when it has none.  On entry and return no page is locked. */
extern void SphxOfferEntry(SphxPages *pages, const SphxIndexInfo *info, uint32 cell, uint32 id);

/*
 * A living node of the chain that begins at this block (or is empty, when it
 * is InvalidBlockNumber).  On entry and return no page is locked: by then it may
 * be deleted.
 */
extern uint32 SphxFindLiving(SphxPages *pages, const SphxIndexInfo *info, BlockNumber block);

/* What tells the vectors of a node's rows apart: a hash of the original one, never 0. */
extern uint32 SphxHashVector(const float *x, int dims);

/*
 * Add the heap TID of a row, with the hash of its vector, to node `id`.  On entry
 * its page is exclusively locked in `buffer`, and no other; so on return.
 */
extern void SphxAddTid(SphxPages *pages, const SphxIndexInfo *info, Buffer buffer, uint32 id,
					   ItemPointer tid, uint32 hash);

/*
 * The overflow record of this id; an error when there is none.  On entry its page
 * is locked, and so is the node's, which keeps the record in the chain (L1).
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
 * from the current context, the same for all steps.  On entry and return no page
 * is locked or pinned: who follows the TIDs may take his time (L5).
 */
extern int	SphxNextTids(SphxPages *pages, const SphxIndexInfo *info, SphxTidCursor *cursor);
extern void SphxEndTids(SphxTidCursor *cursor);

#endif							/* SPHX_CHAIN_H */
