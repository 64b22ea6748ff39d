/*-------------------------------------------------------------------------
 *
 * page.c
 *	  The one gate to an index's pages.
 *
 * A search reads some hundred pages in no order, so the way to a page counts.
 * Looking a block up in the shared buffer table costs more than everything
 * else; therefore every backend remembers the buffer where a block was last
 * seen (hints.h), which ReadRecentBuffer verifies.  It also gives an address to
 * prefetch.  Temporary indexes have no hints: their buffers are the backend's
 * own.
 *
 *-------------------------------------------------------------------------
 */
#include "page/wal.h"

#include "commands/vacuum.h"
#include "executor/instrument.h"
#include "miscadmin.h"
#include "port/pg_crc32c.h"
#include "storage/buf_internals.h"
#include "storage/lmgr.h"
#include "utils/spccache.h"

#define CACHE_LINE			64

/*
 * Blocks asked for at a time.  The least is for effective_io_concurrency = 1,
 * the default before PostgreSQL 18, with which a search would wait for every
 * page.
 */
#define LEAST_DEPTH			8
#define MOST_DEPTH			64

void
SphxOpenPages(SphxPages *pages, Relation index)
{
	pages->index = index;
	pages->fork = MAIN_FORKNUM;
	pages->local = SphxFindLocal(index);
	pages->strategy = NULL;
	pages->building = false;
	pages->requests = 0;
}

void
SphxOpenInitFork(SphxPages *pages, Relation index)
{
	/* nothing is remembered of this fork; there is one at a time, briefly */
	static SphxLocalState local;

	memset(&local, 0, sizeof(local));
	pages->index = index;
	pages->fork = INIT_FORKNUM;
	pages->local = &local;
	pages->strategy = NULL;
	pages->building = true;
	pages->requests = 0;
}

void
SphxForgetPages(Relation index)
{
	SphxForgetLocal(SphxFindLocal(index));
	if (index->rd_amcache != NULL)
		pfree(index->rd_amcache);
	index->rd_amcache = NULL;
}

void
SphxCorrupted(Relation index, BlockNumber block, const char *reason)
{
	ereport(ERROR,
			(errcode(ERRCODE_INDEX_CORRUPTED),
			 errmsg("index \"%s\" is corrupted at block %u: %s",
					RelationGetRelationName(index), block, reason),
			 errhint("Please REINDEX it.")));
}

bool
SphxBlockExists(SphxPages *pages, BlockNumber block)
{
	SphxLocalState *local = pages->local;

	/* indexes only grow, so the server is asked only about unknown blocks */
	if (unlikely(block >= local->nblocks))
		local->nblocks = RelationGetNumberOfBlocksInFork(pages->index, pages->fork);
	return block < local->nblocks;
}

void
SphxCheckFarTid(SphxPages *pages, Relation heap, const ItemPointerData *tid, BlockNumber block)
{
	SphxLocalState *local = pages->local;
	BlockNumber heap_block = ItemPointerGetBlockNumberNoCheck(tid);
	OffsetNumber offset = ItemPointerGetOffsetNumberNoCheck(tid);

	if (offset < FirstOffsetNumber || offset > MaxOffsetNumber || heap_block == InvalidBlockNumber)
		SphxCorrupted(pages->index, block, "a heap TID is not valid");

	/*
	 * A table that has become shorter since has lost only blocks that no
	 * index leads to, so the largest size seen will do.
	 */
	if (heap != NULL && heap_block >= local->heap_blocks)
		local->heap_blocks = Max(local->heap_blocks, RelationGetNumberOfBlocks(heap));
	if (heap != NULL && heap_block >= local->heap_blocks)
		SphxCorrupted(pages->index, block, "a heap TID is beyond the end of the table");
}

/*
 * Is all between the header and the special area data?  Else, on a page that
 * nothing was put on since it was added to the file, all is a hole of zeros.
 */
static bool
is_full(Page page)
{
	return ((PageHeader) page)->pd_lower == ((PageHeader) page)->pd_special;
}

static void
set_full(Page page, bool full)
{
	PageHeader	header = (PageHeader) page;

	header->pd_lower = full ? header->pd_special : (LocationIndex) SizeOfPageHeaderData;
	header->pd_upper = header->pd_special;
}

/*
 * What the page lacks to be one of ours, or NULL when nothing.  There must be no
 * hole in data: replay fills what is between pd_lower and pd_upper with zeros.
 */
static const char *
page_defect(Page page)
{
	PageHeader	header = (PageHeader) page;
	SphxPageOpaque opaque;

	if (PageIsNew(page))
		return "page was never written";
	if (header->pd_pagesize_version != (BLCKSZ | PG_PAGE_LAYOUT_VERSION) ||
		header->pd_special != BLCKSZ - MAXALIGN(sizeof(SphxPageOpaqueData)) ||
		(!is_full(page) && header->pd_lower != SizeOfPageHeaderData) ||
		header->pd_upper != header->pd_special)
		return "page header is not that of this kind of index";
	opaque = SphxPageGetOpaque(page);
	if (opaque->page_id != SPHX_PAGE_ID ||
		opaque->kind < SPHX_PAGE_META || opaque->kind > SPHX_PAGE_LAST)
		return "page is not one of this kind of index";
	return NULL;
}

/*
 * CRC-32C of all but the server's header, which page_defect checks, and the
 * checksum itself; of the block's number, too, since a page may be written to a
 * wrong place.  Never 0.  Half of its bits are kept: there is no room for more.
 */
static uint16
page_checksum(Page page, BlockNumber block)
{
	const char *contents = PageGetContents(page);
	SphxPageOpaque opaque = SphxPageGetOpaque(page);
	pg_crc32c	crc;
	uint16		folded;

	INIT_CRC32C(crc);
	COMP_CRC32C(crc, contents, (const char *) &opaque->checksum - contents);
	COMP_CRC32C(crc, &block, sizeof(block));
	FIN_CRC32C(crc);
	folded = (uint16) (crc ^ crc >> 16);
	return folded != 0 ? folded : 1;
}

/* An error when the page, which has passed page_defect, is not as it was written. */
static void
verify_checksum(const SphxPages *pages, BlockNumber block, Page page)
{
	uint16		checksum = SphxPageGetOpaque(page)->checksum;

	Assert(SphxMayRead(page));
	if (checksum != 0 && checksum != page_checksum(page, block))
		SphxCorrupted(pages->index, block, "the checksum of the page is wrong");
}

void
SphxSealPages(SphxPages *pages, BlockNumber first)
{
	BlockNumber nblocks = RelationGetNumberOfBlocksInFork(pages->index, pages->fork);

	Assert(pages->building);
	for (BlockNumber block = first; block < nblocks; block++)
	{
		Buffer		buffer;
		Page		page;

		CHECK_FOR_INTERRUPTS();
		buffer = ReadBufferExtended(pages->index, pages->fork, block, RBM_NORMAL, pages->strategy);
		page = BufferGetPage(buffer);
		LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
		SphxPageGetOpaque(page)->checksum = page_checksum(page, block);
		MarkBufferDirty(buffer);
		UnlockReleaseBuffer(buffer);
	}
}

#ifdef USE_ASSERT_CHECKING
/* The place of a page in the order of locks. */
static SphxLockRank
page_rank(Page page)
{
	switch (SphxPageGetOpaque(page)->kind)
	{
		case SPHX_PAGE_META:
			return SPHX_RANK_META;
		case SPHX_PAGE_OVERFLOW:
			return SPHX_RANK_OVERFLOW;
		case SPHX_PAGE_DIRECTORY:
			return SPHX_RANK_DIRECTORY;
		default:
			return SPHX_RANK_NODE;
	}
}
#endif

/* A page of ours has been locked.  (A build has the index to itself.) */
static inline void
note_lock(const SphxPages *pages, Buffer buffer)
{
#ifdef USE_ASSERT_CHECKING
	if (!pages->building)
		SphxNoteLock(buffer, page_rank(BufferGetPage(buffer)));
#endif
}

/*
 * Read a block and pin it.  The server checks headers itself, and says that
 * data are corrupted; that it is an index, and can be built anew, is worth
 * saying.
 */
static Buffer
read_block(SphxPages *pages, BlockNumber block)
{
	MemoryContext context = CurrentMemoryContext;
	ErrorData  *volatile error = NULL;
	volatile Buffer buffer = InvalidBuffer;

	PG_TRY();
	{
		buffer = ReadBufferExtended(pages->index, pages->fork, block, RBM_NORMAL,
									pages->strategy);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		if (error->sqlerrcode != ERRCODE_DATA_CORRUPTED)
			PG_RE_THROW();
		FlushErrorState();
	}
	PG_END_TRY();
	if (error != NULL)
		SphxCorrupted(pages->index, block, error->message);
	return buffer;
}

/* An error unless this is a page of this kind. */
static void
check_kind(const SphxPages *pages, BlockNumber block, Page page, SphxPageKind kind)
{
	const char *defect = page_defect(page);

	Assert(SphxMayRead(page));
	if (defect == NULL && SphxPageGetOpaque(page)->kind != kind)
		defect = "page is of another kind than the reference to it";
	if (defect != NULL)
		SphxCorrupted(pages->index, block, defect);
}

/* The place for a hint where the block is, or NULL when there is none. */
static uint32 *
find_place(SphxPages *pages, BlockNumber block, Buffer buffer)
{
	SphxLocalState *local = pages->local;

	Assert(block < local->nblocks); /* a reader has asked whether it exists */
	if (pages->fork != MAIN_FORKNUM || BufferIsLocal(buffer))
		return NULL;
	if (unlikely(block >= local->hints.room))
		SphxReserveHints(&local->hints, local->nblocks);
	return block < local->hints.room ? SphxHintPlace(&local->hints, block) : NULL;
}

int64
SphxBlocksLoaded(void)
{
	return pgBufferUsage.shared_blks_read + pgBufferUsage.local_blks_read;
}

/*
 * The slow way to a page: through the buffer table.  Pinned and locked on
 * return.
 */
static Buffer
read_checked(SphxPages *pages, BlockNumber block, SphxPageKind kind, int lock)
{
	int64		loaded = SphxBlocksLoaded();
	bool		absent;
	Buffer		buffer;
	uint32	   *place;

	if (!SphxBlockExists(pages, block))
		SphxCorrupted(pages->index, block, "there is a reference to it, but the index is shorter");
	buffer = read_block(pages, block);
	absent = SphxBlocksLoaded() != loaded;
	if (absent)
		pages->local->absences = SPHX_ABSENCES;

	/* who holds a page of one kind may be led to it as one of another: L1 */
	if (!BufferIsLocal(buffer) && SphxBufferLocked(buffer))
		SphxCorrupted(pages->index, block, "page refers to itself");
	LockBuffer(buffer, lock);
	check_kind(pages, block, BufferGetPage(buffer), kind);

	/*
	 * a place of its own that has no hint: never seen, or gone from there
	 * since
	 */
	place = find_place(pages, block, buffer);
	if (absent || (place != NULL && !sphx_hints.shared))
		verify_checksum(pages, block, BufferGetPage(buffer));
	if (place != NULL)
		*place = SphxMakeHint(buffer, (uint32) kind);
	note_lock(pages, buffer);
	return buffer;
}

Buffer
SphxReadPage(SphxPages *pages, BlockNumber block, SphxPageKind kind, int lock)
{
	const SphxLocalState *local = pages->local;

	Assert(lock == BUFFER_LOCK_SHARE || lock == BUFFER_LOCK_EXCLUSIVE);
	if (likely(block < local->hints.room))	/* so it is the main fork */
	{
		uint32		hint = *SphxHintPlace(&local->hints, block);
		Buffer		buffer = SphxHintBuffer(hint);

		Assert(pages->fork == MAIN_FORKNUM);
		if ((hint & HINT_KIND) == (uint32) kind &&
			ReadRecentBuffer(local->locator, MAIN_FORKNUM, block, buffer))
		{
			LockBuffer(buffer, lock);
			/* the kind may be that of another block, which was there before */
			if (unlikely(sphx_hints.shared))
				check_kind(pages, block, BufferGetPage(buffer), kind);
#ifdef USE_ASSERT_CHECKING
			/* nobody has changed it but through SphxChangeFinish */
			verify_checksum(pages, block, BufferGetPage(buffer));
#endif
			note_lock(pages, buffer);
			return buffer;
		}
	}
	return read_checked(pages, block, kind, lock);
}

Buffer
SphxTryPage(SphxPages *pages, BlockNumber block, SphxPageKind kind, int lock)
{
	uint32	   *place = NULL;
	Buffer		buffer;
	SphxPageKind found;

	if (!SphxBlockExists(pages, block))
		return InvalidBuffer;
	if (block < pages->local->hints.room)
	{
		place = SphxHintPlace(&pages->local->hints, block);
		if ((*place & HINT_KIND) == (uint32) kind && !sphx_hints.shared)
			return SphxReadPage(pages, block, kind, lock);
	}
	buffer = SphxReadAnyPage(pages, block, lock, &found);
	if (found == kind)
	{
		if (place != NULL && !BufferIsLocal(buffer))
			*place = SphxMakeHint(buffer, (uint32) kind);
		return buffer;
	}
	UnlockReleaseBuffer(buffer);
	return InvalidBuffer;
}

void
SphxCheckChain(SphxPages *pages, BlockNumber block, uint64 step, uint32 per_block)
{
	Assert(per_block > 0);
	/* every block on the way has been found to exist */
	if (unlikely(step > (uint64) pages->local->nblocks * per_block))
		SphxCorrupted(pages->index, block, "a chain that leads here goes in a circle");
}

Buffer
SphxReadAnyPage(SphxPages *pages, BlockNumber block, int lock, SphxPageKind *kind)
{
	Buffer		buffer = read_block(pages, block);
	Page		page = BufferGetPage(buffer);
	const char *defect;

	Assert(lock == BUFFER_LOCK_SHARE || lock == BUFFER_LOCK_EXCLUSIVE);
	LockBuffer(buffer, lock);
	*kind = 0;
	if (PageIsNew(page))
		return buffer;
	defect = page_defect(page);
	if (defect != NULL)
		SphxCorrupted(pages->index, block, defect);
	verify_checksum(pages, block, page);
	*kind = (SphxPageKind) SphxPageGetOpaque(page)->kind;
	note_lock(pages, buffer);
	return buffer;
}

void
SphxUpgradeLock(Buffer buffer)
{
	Assert(SphxHoldsLock(buffer));
	/* the server has no upgrade; two that waited for each other would hang */
	LockBuffer(buffer, BUFFER_LOCK_UNLOCK);
	Assert(!SphxHoldsPage());	/* L1: a node page is waited for */
	LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
	SphxNoteLock(buffer, page_rank(BufferGetPage(buffer)));
}

void
SphxPauseLock(Buffer buffer, int lock)
{
	Assert(SphxHoldsLock(buffer));
	LockBuffer(buffer, BUFFER_LOCK_UNLOCK);
	Assert(!SphxHoldsPage());	/* nobody waits for one who sleeps */
	SphxVacuumDelay();
	LockBuffer(buffer, lock);
	SphxNoteLock(buffer, page_rank(BufferGetPage(buffer)));
}

int
SphxRequestDepth(Relation relation)
{
	int			concurrency = get_tablespace_io_concurrency(relation->rd_rel->reltablespace);

	return concurrency == 0 ? 0 : Min(Max(concurrency, LEAST_DEPTH), MOST_DEPTH);
}

void
SphxRequestPage(SphxPages *pages, BlockNumber block)
{
	SphxLocalState *local = pages->local;
	PrefetchBufferResult result;
	uint32	   *place;

	if (block >= local->nblocks || SphxRequestDepth(pages->index) == 0)
		return;
	result = PrefetchBuffer(pages->index, pages->fork, block);
	if (result.initiated_io)
		pages->requests++;
	if (!BufferIsValid(result.recent_buffer))
		return;
	if (local->absences > 0)
		local->absences--;
	/* it is there, but perhaps not where this backend saw it */
	place = find_place(pages, block, result.recent_buffer);
	if (place != NULL && SphxHintBuffer(*place) != result.recent_buffer)
		*place = SphxMakeHint(result.recent_buffer, 0);
}

void
SphxPrefetchPage(SphxPages *pages, BlockNumber block, Size offset, Size bytes)
{
	const SphxLocalState *local = pages->local;
	uint32		hint;
	Buffer		buffer;

	Assert(offset + bytes <= SPHX_PAGE_ROOM);
	if (block >= local->hints.room || block >= local->nblocks)
		return;
	hint = *SphxHintPlace(&local->hints, block);
	if (hint == 0 && local->absences == 0)
	{
		/*
		 * never seen by this backend, and not asked for: when it is in shared
		 * buffers, remember where
		 */
		SphxRequestPage(pages, block);
		hint = *SphxHintPlace(&local->hints, block);
	}
	buffer = SphxHintBuffer(hint);
	if (BufferIsValid(buffer))
	{
		/* The buffer may hold something else by now: only an address is used. */
		char	   *data = PageGetContents(BufferGetPage(buffer)) + offset;

		__builtin_prefetch(GetBufferDescriptor(buffer - 1), 1);
		for (Size i = 0; i < bytes; i += CACHE_LINE)
			__builtin_prefetch(data + i);
	}
}

Buffer
SphxExtend(SphxPages *pages)
{
	Buffer		buffer;
	bool		shared = !pages->building && !RELATION_IS_LOCAL(pages->index);

	if (shared)
		LockRelationForExtension(pages->index, ExclusiveLock);
	buffer = ReadBufferExtended(pages->index, pages->fork, P_NEW, RBM_NORMAL, pages->strategy);
	if (shared)
		UnlockRelationForExtension(pages->index, ExclusiveLock);
	LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
	if (!pages->building)
		SphxNoteLock(buffer, SPHX_RANK_NEW);
	Assert(PageIsNew(BufferGetPage(buffer)));
	/* an index only grows: SphxBlockExists relies on it */
	Assert(BufferGetBlockNumber(buffer) >= pages->local->nblocks);
	return buffer;
}

void
SphxInitPage(Page page, SphxPageKind kind, uint32 cell, int free)
{
	SphxPageOpaque opaque;

	Assert(SphxMayChange(page));
	Assert(kind == SPHX_PAGE_NODE || kind == SPHX_PAGE_OVERFLOW || (cell == 0 && free == 0));
	Assert(free >= 0 && free <= PG_UINT16_MAX);
	PageInit(page, BLCKSZ, sizeof(SphxPageOpaqueData));
	opaque = SphxPageGetOpaque(page);
	opaque->next = InvalidBlockNumber;
	opaque->cell = cell;
	opaque->free = (uint16) free;
	opaque->kind = (uint16) kind;
	opaque->checksum = 0;
	opaque->page_id = SPHX_PAGE_ID;

	set_full(page, true);
}

void
SphxChangeBegin(SphxChange *change, SphxPages *pages)
{
	/* the fork that WAL is written for */
	Assert(pages->building || pages->fork == MAIN_FORKNUM);
	change->pages = pages;
	change->count = 0;
#ifdef USE_ASSERT_CHECKING
	change->rank = SPHX_RANK_META;
#endif
}

#ifdef USE_ASSERT_CHECKING
/*
 * Replay locks pages in the order of registration, which must be that of L1
 * and L2.
 */
static void
check_order(SphxChange *change, SphxLockRank rank)
{
	Assert(rank >= change->rank);
	change->rank = rank;
}

/* Is it a page of the index that is changed? */
static bool
is_own_buffer(const SphxPages *pages, Buffer buffer)
{
	SphxRelLocator locator;
	ForkNumber	fork;
	BlockNumber block;

	BufferGetTag(buffer, &locator, &fork, &block);
	return memcmp(&locator, &SphxRelationLocator(pages->index), sizeof(locator)) == 0 &&
		fork == pages->fork;
}
#endif

/* Take a page into the change. */
static Page
register_page(SphxChange *change, Buffer buffer, bool full)
{
	/* one change at a time: its images need no memory of their own */
	static PGAlignedBlock images[SPHX_CHANGE_PAGES];
	int			i = 0;

	/* a page may be given twice, as what it is in two ways */
	while (i < change->count && change->buffer[i] != buffer)
		i++;
	if (i < change->count)
		return change->page[i];
	Assert(i < SPHX_CHANGE_PAGES);
	change->count++;
	Assert(is_own_buffer(change->pages, buffer));
	Assert(SphxHoldsExclusive(buffer));
	change->buffer[i] = buffer;
	change->full[i] = full;
	change->page[i] = BufferGetPage(buffer);
	if (change->pages->building)
		MarkBufferDirty(buffer);
	else
		change->page[i] = memcpy(images[i].data, BufferGetPage(buffer), BLCKSZ);
	return change->page[i];
}

Page
SphxChangePage(SphxChange *change, Buffer buffer)
{
	/* the page may have come back from disk since this backend first saw it */
	const char *defect = page_defect(BufferGetPage(buffer));
	Page		page;

	if (defect != NULL)
		SphxCorrupted(change->pages->index, BufferGetBlockNumber(buffer), defect);
#ifdef USE_ASSERT_CHECKING
	check_order(change, page_rank(BufferGetPage(buffer)));
#endif
	page = register_page(change, buffer, false);
	if (unlikely(!is_full(page)))
		set_full(page, true);
	return page;
}

Page
SphxChangeNewPage(SphxChange *change, Buffer buffer)
{
#ifdef USE_ASSERT_CHECKING
	check_order(change, SPHX_RANK_NEW);
#endif
	Assert(PageIsNew(BufferGetPage(buffer)));
	return register_page(change, buffer, true);
}

void
SphxChangeFinish(SphxChange *change)
{
	Assert(change->count > 0);
	if (change->pages->building)
		return;					/* SphxSealPages comes later */
	for (int i = 0; i < change->count; i++)
	{
		/*
		 * R1 on a standby is no more than what is held here until the record
		 * is complete
		 */
		Assert(SphxHoldsExclusive(change->buffer[i]));

		/*
		 * checked when it was registered; what has been done to it since is
		 * ours
		 */
		Assert(page_defect(change->page[i]) == NULL);

		/*
		 * the image of a new page, which is still empty, is logged without a
		 * hole
		 */
		if (change->full[i])
			set_full(change->page[i], false);
		SphxPageGetOpaque(change->page[i])->checksum =
			page_checksum(change->page[i], BufferGetBlockNumber(change->buffer[i]));
	}
	SphxWriteChange(change);
}
