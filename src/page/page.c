/*-------------------------------------------------------------------------
 *
 * page.c
 *	  The one gate to an index's pages.
 *
 * A search reads some hundred pages in no order, so the way to a page counts.
 * Looking a block up in the shared buffer table costs more than everything
 * else; therefore every backend keeps, for each index, an array from block to
 * the buffer where it was last seen, which ReadRecentBuffer verifies.  It also
 * gives an address to prefetch.  A hint is
 *
 *		buffer << 3 | kind
 *
 * with 0 for none.  The kind is 0 until this backend has checked the page; it
 * never changes, so a buffer that still holds the block needs no second look
 * at the special area (another cache line, far from the rest).
 * Temporary indexes have no hints: their buffers are the backend's own.
 *
 *-------------------------------------------------------------------------
 */
#include "page/page.h"

#include "miscadmin.h"
#include "storage/buf_internals.h"
#include "storage/lmgr.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "page/memory.h"

#define HINT_KIND_BITS		3
#define HINT_KIND			((1U << HINT_KIND_BITS) - 1)
#define HINT_MAX_BUFFER		(PG_UINT32_MAX >> HINT_KIND_BITS)
#define CACHE_LINE			64

static HTAB *local_states = NULL;
static MemoryContext local_context = NULL;

static SphxLocalState *
local_state(Oid index)
{
	bool		found;
	SphxLocalState *local;

	if (local_states == NULL)
	{
		HASHCTL		control = {0};

		local_context = AllocSetContextCreate(TopMemoryContext, "sphx", ALLOCSET_DEFAULT_SIZES);
		control.keysize = sizeof(Oid);
		control.entrysize = sizeof(SphxLocalState);
		control.hcxt = local_context;
		local_states = hash_create("sphx indexes", 16, &control,
								   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	local = hash_search(local_states, &index, HASH_ENTER, &found);
	if (!found)
	{
		memset(local, 0, sizeof(*local));
		local->index = index;
	}
	return local;
}

static void
forget_storage(SphxLocalState *local)
{
	if (local->hints != NULL)
		pfree(local->hints);
	local->hints = NULL;
	local->hint_room = 0;
	local->nblocks = 0;
	local->heap_blocks = 0;
}

void
SphxOpenPages(SphxPages *pages, Relation index)
{
	SphxLocalState *local = local_state(RelationGetRelid(index));

	/* new storage (REINDEX, TRUNCATE): what was known is of the old one */
	if (memcmp(&local->locator, &SphxRelationLocator(index), sizeof(SphxRelLocator)) != 0)
	{
		forget_storage(local);
		local->locator = SphxRelationLocator(index);
	}
	pages->index = index;
	pages->fork = MAIN_FORKNUM;
	pages->local = local;
	pages->strategy = NULL;
	pages->building = false;
}

void
SphxForgetPages(Relation index)
{
	forget_storage(local_state(RelationGetRelid(index)));
	if (index->rd_amcache != NULL)
		pfree(index->rd_amcache);
	index->rd_amcache = NULL;
}

const SphxRotation *
SphxGetRotation(SphxPages *pages, int D, uint64 seed)
{
	static SphxServerEnv env;
	SphxLocalState *local = pages->local;

	if (local->rotation == NULL || local->rotation_dims != D || local->rotation_seed != seed)
	{
		SphxRotation *old = local->rotation;

		SphxInitEnv(&env, local_context);
		local->rotation = NULL;
		if (old != NULL)
			env.base.release(&env.base, old);
		local->rotation = sphx_rotation_create(&env.base, D, seed);
		local->rotation_dims = D;
		local->rotation_seed = seed;
	}
	return local->rotation;
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

static inline uint32
make_hint(Buffer buffer, SphxPageKind kind)
{
	Assert((uint32) kind <= HINT_KIND);
	return (uint32) buffer <= HINT_MAX_BUFFER ? (uint32) buffer << HINT_KIND_BITS | kind : 0;
}

/* Room for a hint of every block below nblocks. */
static void
reserve_hints(SphxLocalState *local, BlockNumber nblocks)
{
	BlockNumber room = nblocks + nblocks / 8 + 64;
	uint32	   *hints;

	if (nblocks <= local->hint_room)
		return;
	hints = MemoryContextAllocExtended(local_context, sizeof(uint32) * (Size) room,
									   MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	if (local->hints != NULL)
	{
		memcpy(hints, local->hints, sizeof(uint32) * (Size) local->hint_room);
		pfree(local->hints);
	}
	local->hints = hints;
	local->hint_room = room;
}

bool
SphxBlockExists(SphxPages *pages, BlockNumber block)
{
	SphxLocalState *local = pages->local;

	/* indexes only grow, so the server is asked only about unknown blocks */
	if (unlikely(block >= local->nblocks))
	{
		BlockNumber nblocks = RelationGetNumberOfBlocksInFork(pages->index, pages->fork);

		if (!RelationUsesLocalBuffers(pages->index))
			reserve_hints(local, nblocks);
		local->nblocks = nblocks;
	}
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
 * What the page lacks to be one of ours, or NULL when nothing.  The hole must
 * be empty: generic WAL fills what is between pd_lower and pd_upper with zeros.
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
		header->pd_lower != header->pd_special || header->pd_upper != header->pd_special)
		return "page header is not that of this kind of index";
	opaque = SphxPageGetOpaque(page);
	if (opaque->page_id != SPHX_PAGE_ID ||
		opaque->kind < SPHX_PAGE_META || opaque->kind > SPHX_PAGE_OVERFLOW)
		return "page is not one of this kind of index";
	return NULL;
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

/*
 * The slow way to a page: through the buffer table.  Pinned and locked on
 * return.
 */
static Buffer
read_checked(SphxPages *pages, BlockNumber block, SphxPageKind kind, int lock)
{
	SphxLocalState *local = pages->local;
	const char *defect;
	Buffer		buffer;
	Page		page;

	if (!SphxBlockExists(pages, block))
		SphxCorrupted(pages->index, block, "there is a reference to it, but the index is shorter");
	buffer = read_block(pages, block);

	/* who holds a page of one kind may be led to it as one of another: L1 */
	if (!BufferIsLocal(buffer) &&
		LWLockHeldByMe(BufferDescriptorGetContentLock(GetBufferDescriptor(buffer - 1))))
		SphxCorrupted(pages->index, block, "page refers to itself");
	LockBuffer(buffer, lock);
	page = BufferGetPage(buffer);
	defect = page_defect(page);
	if (defect == NULL && SphxPageGetOpaque(page)->kind != kind)
		defect = "page is of another kind than the reference to it";
	if (defect != NULL)
		SphxCorrupted(pages->index, block, defect);
	if (local->hints != NULL && pages->fork == MAIN_FORKNUM && !BufferIsLocal(buffer))
		local->hints[block] = make_hint(buffer, kind);
	return buffer;
}

Buffer
SphxReadPage(SphxPages *pages, BlockNumber block, SphxPageKind kind, int lock)
{
	SphxLocalState *local = pages->local;

	Assert(lock == BUFFER_LOCK_SHARE || lock == BUFFER_LOCK_EXCLUSIVE);
	if (likely(block < local->nblocks && local->hints != NULL && pages->fork == MAIN_FORKNUM))
	{
		uint32		hint = local->hints[block];
		Buffer		buffer = (Buffer) (hint >> HINT_KIND_BITS);

		if ((hint & HINT_KIND) == (uint32) kind &&
			ReadRecentBuffer(local->locator, MAIN_FORKNUM, block, buffer))
		{
			LockBuffer(buffer, lock);
			return buffer;
		}
	}
	return read_checked(pages, block, kind, lock);
}

void
SphxChainStep(SphxPages *pages, BlockNumber block, uint64 step, uint32 per_block)
{
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

	LockBuffer(buffer, lock);
	*kind = 0;
	if (PageIsNew(page))
		return buffer;
	defect = page_defect(page);
	if (defect != NULL)
		SphxCorrupted(pages->index, block, defect);
	*kind = (SphxPageKind) SphxPageGetOpaque(page)->kind;
	return buffer;
}

void
SphxUpgradeLock(Buffer buffer)
{
	/* the server has no upgrade; two that waited for each other would hang */
	LockBuffer(buffer, BUFFER_LOCK_UNLOCK);
	LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
}

void
SphxPrefetchPage(SphxPages *pages, BlockNumber block, Size offset, Size bytes)
{
	SphxLocalState *local = pages->local;
	uint32		hint;
	Buffer		buffer;

	if (local->hints == NULL || block >= local->nblocks)
		return;
	hint = local->hints[block];
	if (hint == 0)
	{
		/*
		 * never seen by this backend: when it is in shared buffers, remember
		 * where
		 */
		hint = make_hint(PrefetchBuffer(pages->index, MAIN_FORKNUM, block).recent_buffer, 0);
		local->hints[block] = hint;
	}
	buffer = (Buffer) (hint >> HINT_KIND_BITS);
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
	Assert(PageIsNew(BufferGetPage(buffer)));
	return buffer;
}

void
SphxInitPage(Page page, SphxPageKind kind, uint32 cell, int free)
{
	SphxPageOpaque opaque;
	PageHeader	header = (PageHeader) page;

	PageInit(page, BLCKSZ, sizeof(SphxPageOpaqueData));
	opaque = SphxPageGetOpaque(page);
	opaque->next = InvalidBlockNumber;
	opaque->cell = cell;
	opaque->free = (uint16) free;
	opaque->kind = (uint16) kind;
	opaque->unused = 0;
	opaque->page_id = SPHX_PAGE_ID;

	/* no hole: for generic WAL and full-page images all of the page is data */
	header->pd_lower = header->pd_upper = header->pd_special;
}

void
SphxChangeBegin(SphxChange *change, SphxPages *pages)
{
	change->pages = pages;
	change->wal = pages->building ? NULL : GenericXLogStart(pages->index);
}

Page
SphxChangePage(SphxChange *change, Buffer buffer)
{
	/* the page may have come back from disk since this backend first saw it */
	const char *defect = page_defect(BufferGetPage(buffer));

	if (defect != NULL)
		SphxCorrupted(change->pages->index, BufferGetBlockNumber(buffer), defect);
	if (change->wal != NULL)
		return GenericXLogRegisterBuffer(change->wal, buffer, 0);
	MarkBufferDirty(buffer);
	return BufferGetPage(buffer);
}

Page
SphxChangeNewPage(SphxChange *change, Buffer buffer)
{
	if (change->wal != NULL)
		return GenericXLogRegisterBuffer(change->wal, buffer, GENERIC_XLOG_FULL_IMAGE);
	MarkBufferDirty(buffer);
	return BufferGetPage(buffer);
}

void
SphxChangeFinish(SphxChange *change)
{
	if (change->wal != NULL)
		GenericXLogFinish(change->wal);
}
