/*-------------------------------------------------------------------------
 *
 * node.h
 *	  Records on pages: where they are, what their payload is.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_NODE_H
#define SPHX_NODE_H

#include "page/meta.h"

/* Where a node is. */
static inline BlockNumber
SphxNodeBlock(const SphxIndexInfo *info, uint32 id)
{
	return id / info->meta.per_page;
}

static inline uint32
SphxNodeId(const SphxIndexInfo *info, BlockNumber block, uint32 slot)
{
	return block * info->meta.per_page + slot;
}

/* A record on a page that is locked, or a copy; to be changed only with an exclusive lock. */
static inline SphxRecord *
SphxPageRecord(const SphxIndexInfo *info, Page page, uint32 slot)
{
	Assert(slot < info->meta.per_page);
	Assert(SphxMayRead(page));
	return (SphxRecord *) (PageGetContents(page) + (Size) slot * info->layout.size);
}

static inline SphxRecord *
SphxNodeRecord(const SphxIndexInfo *info, Page page, uint32 id)
{
	return SphxPageRecord(info, page, id % info->meta.per_page);
}

/* Payload of nodes: heap TIDs. */
static inline int
SphxPayloadRoom(const SphxIndexInfo *info)
{
	return info->layout.payload_bytes / (int) sizeof(ItemPointerData);
}

/* The payload of an overflow record takes the whole rest of it. */
static inline int
SphxOverflowRoom(const SphxIndexInfo *info)
{
	int			room = (info->layout.size - info->layout.payload) / (int) sizeof(ItemPointerData);

	return Min(room, UINT8_MAX);
}

/*
 * Rows of a node have the same stored vector, but not always the same vector.
 * An overflow record, which stores none, has a hash of its rows' vectors in
 * place of the scale; 0 where that is not known (format of sphx 0.2).
 */
static inline uint32
SphxOverflowHash(const SphxRecord *r)
{
	uint32		hash;

	Assert(r->flags & SPHX_NODE_OVERFLOW);
	memcpy(&hash, &r->scale, sizeof(hash));
	return hash;
}

static inline void
SphxSetOverflowHash(SphxRecord *r, uint32 hash)
{
	Assert(SphxMayChange(r) && (r->flags & SPHX_NODE_OVERFLOW));
	memcpy(&r->scale, &hash, sizeof(hash));
}

static inline ItemPointerData *
SphxRecordTids(const SphxIndexInfo *info, const SphxRecord *r)
{
	return (ItemPointerData *) sphx_record_payload(&info->layout, r);
}

/* Payload of centroids: the cell (layer 1) or the node below. */
static inline uint32
SphxHitBelow(const uint8 *payload)
{
	uint32		below;

	memcpy(&below, payload, sizeof(below));
	return below;
}

/*
 * The record of a node, or NULL when the slot holds no node (any more).  Checks
 * what a reader of the record relies on.  On entry the page is locked, or a
 * copy; the record is good until it is unlocked.
 */
extern SphxRecord *SphxCheckNode(SphxPages *pages, const SphxIndexInfo *info, Page page,
								 uint32 id);

/*
 * A walk over the records on a locked page of nodes or overflow records, or on
 * a copy of one:
 *
 *		SphxRecordWalk walk = SphxWalkRecords(pages, info, page, block);
 *
 *		while (SphxNextRecord(&walk))
 *			... walk.id, walk.record
 *
 * A step looks at the page as it is then: between two of them the lock may be
 * given up and taken again, and at each the page is locked, or a copy.
 */
typedef struct SphxRecordWalk
{
	SphxPages  *pages;
	const SphxIndexInfo *info;
	Page		page;
	uint32		next;			/* id of the next slot */
	uint32		end;
	uint32		id;
	SphxRecord *record;
} SphxRecordWalk;

static inline SphxRecordWalk
SphxWalkRecords(SphxPages *pages, const SphxIndexInfo *info, Page page, BlockNumber block)
{
	SphxRecordWalk walk = {.pages = pages,.info = info,.page = page};

	walk.next = SphxNodeId(info, block, 0);
	walk.end = walk.next + info->meta.per_page;
	return walk;
}

/* Go to the next slot in use. */
static inline bool
SphxNextRecord(SphxRecordWalk *walk)
{
	while (walk->next < walk->end)
	{
		walk->id = walk->next++;
		walk->record = SphxNodeRecord(walk->info, walk->page, walk->id);
		if (walk->record->flags & SPHX_NODE_USED)
			return true;
	}
	return false;
}

/* Go to the next node of a page of nodes, checked by SphxCheckNode. */
static inline bool
SphxNextNode(SphxRecordWalk *walk)
{
	while (walk->next < walk->end)
	{
		walk->id = walk->next++;
		walk->record = SphxCheckNode(walk->pages, walk->info, walk->page, walk->id);
		if (walk->record != NULL)
			return true;
	}
	return false;
}

/* The same, past those that are deleted. */
static inline bool
SphxNextLiving(SphxRecordWalk *walk)
{
	while (SphxNextNode(walk))
		if (!(walk->record->flags & SPHX_NODE_DELETED))
			return true;
	return false;
}

#endif							/* SPHX_NODE_H */
