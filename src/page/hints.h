/*-------------------------------------------------------------------------
 *
 * hints.h
 *	  Where the pages of indexes were last seen in shared buffers.
 *
 * One table for all indexes of the backend, bounded by sphx.hint_memory.  Each
 * index has a region of it, one place a block; see hints.c.  A hint is
 *
 *		buffer << 3 | kind
 *
 * with 0 for none.  The kind is 0 until this backend has checked the page; it
 * never changes, so a buffer that still holds the block needs no second look
 * at the special area (another cache line, far from the rest) - unless the
 * place is shared with other blocks, of which one may have left the kind.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_HINTS_H
#define SPHX_HINTS_H

#include "server/compat.h"

#include "lib/ilist.h"
#include "storage/block.h"
#include "storage/buf.h"

#define HINT_KIND_BITS		3
#define HINT_KIND			((1U << HINT_KIND_BITS) - 1)
#define HINT_MAX_BUFFER		(PG_UINT32_MAX >> HINT_KIND_BITS)

typedef struct SphxHintTable
{
	uint32	   *entries;
	uint32		mask;			/* their number less 1; it is a power of two */
	bool		shared;			/* two blocks may have one place */
	int			setting;		/* sphx.hint_memory that it is bounded by, kB */
} SphxHintTable;

/* An index's part of the table. */
typedef struct SphxHintRegion
{
	uint32		base;			/* place of block 0, modulo the table's size */
	BlockNumber room;			/* blocks; 0: there is no region */
	dlist_node	node;			/* in the list of all regions, when there is
								 * one */
} SphxHintRegion;

extern SphxHintTable sphx_hints;

/*
 * Give the region places for the blocks below nblocks, and some more.  It has
 * none where the setting is 0.  Other regions may have none afterwards.
 */
extern void SphxReserveHints(SphxHintRegion *region, BlockNumber nblocks);

/* Give all of the region back. */
extern void SphxReleaseHints(SphxHintRegion *region);

/* Forget all hints, and start again within what the setting allows now. */
extern void SphxForgetHints(void);

/* The place of a block below the region's room. */
static inline uint32 *
SphxHintPlace(const SphxHintRegion *region, BlockNumber block)
{
	Assert(block < region->room);
	return &sphx_hints.entries[(region->base + block) & sphx_hints.mask];
}

static inline Buffer
SphxHintBuffer(uint32 hint)
{
	return (Buffer) (hint >> HINT_KIND_BITS);
}

static inline uint32
SphxMakeHint(Buffer buffer, uint32 kind)
{
	Assert(kind <= HINT_KIND && !BufferIsLocal(buffer));
	return (uint32) buffer <= HINT_MAX_BUFFER ? (uint32) buffer << HINT_KIND_BITS | kind : 0;
}

#endif							/* SPHX_HINTS_H */
