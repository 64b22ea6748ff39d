/*-------------------------------------------------------------------------
 *
 * page.h
 *	  The one gate to an index's pages: reading with checks, extending, and
 *	  changing them with or without WAL.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_PAGE_H
#define SPHX_PAGE_H

#include "server/compat.h"

#include "access/generic_xlog.h"
#include "storage/bufmgr.h"
#include "utils/rel.h"

#include "page/local.h"
#include "page/locks.h"

#define SPHX_PAGE_ID		0xFF5B	/* the last two bytes of every page */

#define SPHX_META_BLOCK		0

typedef enum SphxPageKind
{
	SPHX_PAGE_META = 1,			/* SPHX_META_BLOCK */
	SPHX_PAGE_NODE,				/* records of layer 0 */
	SPHX_PAGE_CENTROID,			/* records of an upper layer */
	SPHX_PAGE_DIRECTORY,		/* array of SphxCellData */
	SPHX_PAGE_OVERFLOW,			/* records that continue a node's payload */
	SPHX_PAGE_BASIS				/* bytes of the index's basis */
} SphxPageKind;

#define SPHX_PAGE_LAST		SPHX_PAGE_BASIS

/*
 * Special area of every page.
 *
 * field	bytes	meaning
 * next		0..3	next block of the chain, or InvalidBlockNumber
 * cell		4..7	cell whose chain it is (node and overflow pages), else 0
 * free		8..9	slots without a record (node and overflow pages), else 0
 * kind		10..11	SphxPageKind
 * checksum	12..13	of the page (see page.c); 0: none, as in pages that only sphx 0.1
 *					wrote, and in an index that is being built
 * page_id	14..15	SPHX_PAGE_ID
 */
typedef struct SphxPageOpaqueData
{
	BlockNumber next;
	uint32		cell;
	uint16		free;
	uint16		kind;
	uint16		checksum;
	uint16		page_id;
} SphxPageOpaqueData;

typedef SphxPageOpaqueData *SphxPageOpaque;

StaticAssertDecl(sizeof(SphxPageOpaqueData) == 16, "the special area is part of the format");

/* where it always is: pd_special may be damaged after the page was checked */
#define SphxPageGetOpaque(page) \
	((SphxPageOpaque) ((char *) (page) + BLCKSZ - MAXALIGN(sizeof(SphxPageOpaqueData))))

/* bytes of a page that hold data */
#define SPHX_PAGE_ROOM \
	(BLCKSZ - MAXALIGN(SizeOfPageHeaderData) - MAXALIGN(sizeof(SphxPageOpaqueData)))

/* An index opened by this layer; cheap to set up, for the length of one call. */
typedef struct SphxPages
{
	Relation	index;
	ForkNumber	fork;
	SphxLocalState *local;
	BufferAccessStrategy strategy;	/* or NULL */
	bool		building;		/* nobody else sees the index: no WAL, the
								 * builder logs it whole */
	uint64		requests;		/* reads begun by SphxRequestPage */
} SphxPages;

extern void SphxOpenPages(SphxPages *pages, Relation index);

/* The initialisation fork of an unlogged index, to be built. */
extern void SphxOpenInitFork(SphxPages *pages, Relation index);

/* Forget everything about the index's storage (it is built anew). */
extern void SphxForgetPages(Relation index);

/* Does the block exist?  No lock is needed or taken. */
extern bool SphxBlockExists(SphxPages *pages, BlockNumber block);

/*
 * The block, checked to be a page of this kind; else an error that names index
 * and block.  On return: pinned and locked as asked (BUFFER_LOCK_SHARE or
 * _EXCLUSIVE).  What the caller has locked already must be of a kind that comes
 * before this one (L1 to L3).  Its checksum is verified when this backend sees
 * it for the first time (where it has room to remember that, see hints.h) and
 * whenever it reads it from disk.
 */
extern Buffer SphxReadPage(SphxPages *pages, BlockNumber block, SphxPageKind kind, int lock);

/*
 * The same for a walk over all blocks, with the checksum: any kind is fine; 0 stands for a page
 * that was never written (a crash after extending leaves such).
 */
extern Buffer SphxReadAnyPage(SphxPages *pages, BlockNumber block, int lock, SphxPageKind *kind);

/*
 * The same as SphxReadPage when the block exists and its page is of this kind; else
 * InvalidBuffer, and nothing is locked.
 */
extern Buffer SphxTryPage(SphxPages *pages, BlockNumber block, SphxPageKind kind, int lock);

/*
 * Give the pages of the fork from this block on their checksums, at the end of a
 * build, which changes pages directly.  Locks one page at a time; on entry none is locked.
 */
extern void SphxSealPages(SphxPages *pages, BlockNumber first);

/*
 * Make the share lock on a page, on entry the only one held, an exclusive one.
 * The page stays pinned but is unlocked for a moment: whatever was seen on it,
 * apart from its kind, may no longer be so, and must be looked at again.
 */
extern void SphxUpgradeLock(Buffer buffer);

/*
 * Unlock a page that vacuum or a build has locked for long, keeping its pin,
 * and lock it again so (BUFFER_LOCK_SHARE or _EXCLUSIVE): others can have it
 * meanwhile, and the command can be cancelled.  On entry no other page is
 * locked: who sleeps must not keep anybody waiting.
 */
extern void SphxPauseLock(Buffer buffer, int lock);

/*
 * For walks along chains, which are endless in a corrupted index: an error
 * when a walk has come to `block` in more steps than the index has places,
 * `per_block` of them in each of its blocks.
 */
extern void SphxCheckChain(SphxPages *pages, BlockNumber block, uint64 step, uint32 per_block);

/*
 * Have the block, which will soon be read, brought from disk meanwhile if it is
 * not in shared buffers (PrefetchBuffer): not waited for, nor pinned, nor
 * locked.  Does nothing where effective_io_concurrency is 0.
 */
extern void SphxRequestPage(SphxPages *pages, BlockNumber block);

/* Blocks of the relation that may be asked for at a time; 0 where effective_io_concurrency is 0. */
extern int	SphxRequestDepth(Relation relation);

/*
 * After a page was missing from shared buffers the presence of those to come is
 * looked up, until so many have been there.  (A search that finds everything
 * there has no use for it.)
 */
#define SPHX_ABSENCES		256

/* Blocks that this backend has read from disk so far. */
extern int64 SphxBlocksLoaded(void);

/*
 * `bytes` at `offset` within the block's data will soon be read; never waits,
 * pins or locks.  Where pages were absent of late (SphxLocalState) the caller
 * has asked for it.
 */
extern void SphxPrefetchPage(SphxPages *pages, BlockNumber block, Size offset, Size bytes);

/*
 * One block more at the end of the file, zeroed; on return pinned and
 * exclusively locked.  Nobody else knows it, so the caller may hold any lock.
 */
extern Buffer SphxExtend(SphxPages *pages);

/* Make a page of this kind of it; on entry exclusively locked, or a copy (SphxChangeNewPage). */
extern void SphxInitPage(Page page, SphxPageKind kind, uint32 cell, int free);

/*
 * A heap TID read from this block of the index, about to be followed: an error
 * when it is none, or leads beyond the table.  The size of the table is asked
 * for only when the TID is beyond the one known.
 */
extern void SphxCheckFarTid(SphxPages *pages, Relation heap, const ItemPointerData *tid,
							BlockNumber block);

static inline void
SphxCheckTid(SphxPages *pages, Relation heap, const ItemPointerData *tid, BlockNumber block)
{
	OffsetNumber offset = ItemPointerGetOffsetNumberNoCheck(tid);

	if (unlikely(offset < FirstOffsetNumber || offset > MaxOffsetNumber ||
				 ItemPointerGetBlockNumberNoCheck(tid) >= pages->local->heap_blocks))
		SphxCheckFarTid(pages, heap, tid, block);
}

/* ERRCODE_INDEX_CORRUPTED with the index's name, the block and the reason */
pg_noreturn extern void SphxCorrupted(Relation index, BlockNumber block, const char *reason);

/*
 * A change of up to SPHX_CHANGE_PAGES pages, atomic in the WAL.  On entry each
 * is exclusively locked, and stays so until the change is finished; callers
 * change the pages that SphxChangePage returns, which may be copies; an error
 * when the frame of one is damaged.  Pages are given in the order of locks, for
 * replay locks them in that order.  Finishing makes the change but leaves locks
 * and pins alone.
 */
#define SPHX_CHANGE_PAGES	MAX_GENERIC_XLOG_PAGES

typedef struct SphxChange
{
	SphxPages  *pages;
	int			count;			/* pages registered */
	Buffer		buffer[SPHX_CHANGE_PAGES];
	Page		page[SPHX_CHANGE_PAGES];	/* to be changed: an image, or
											 * while building the page itself */
	bool		full[SPHX_CHANGE_PAGES];	/* to be logged whole */
#ifdef USE_ASSERT_CHECKING
	SphxLockRank rank;			/* of the page registered last */
#endif
} SphxChange;

extern void SphxChangeBegin(SphxChange *change, SphxPages *pages);
extern Page SphxChangePage(SphxChange *change, Buffer buffer);
extern Page SphxChangeNewPage(SphxChange *change, Buffer buffer);	/* of SphxExtend */
extern void SphxChangeFinish(SphxChange *change);

#endif							/* SPHX_PAGE_H */
