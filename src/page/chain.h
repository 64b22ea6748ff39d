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

#include "page/meta.h"

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

/*
 * Add a heap TID to node `id`, whose page the caller holds exclusively locked
 * in `buffer`.
 */
extern void SphxAddTid(SphxPages *pages, const SphxIndexInfo *info, Buffer buffer, uint32 id,
					   ItemPointer tid);

/*
 * The overflow record of this id on its locked page; an error when there is
 * none.
 */
extern SphxRecord *SphxOverflowRecord(SphxPages *pages, const SphxIndexInfo *info, Page page,
									  uint32 id);

/*
 * All heap TIDs of a node, in palloc'd memory; none when the node is not the
 * one of this version any more.
 */
extern ItemPointerData *SphxNodeTids(SphxPages *pages, const SphxIndexInfo *info, uint32 id,
									 uint8 version, int *count);

#endif							/* SPHX_CHAIN_H */
