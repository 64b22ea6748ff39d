/*-------------------------------------------------------------------------
 *
 * locks.c
 *	  Which pages this backend has locked, in builds with assertions.
 *
 * Pages are unlocked in many ways, by errors as well.  So what is noted here is
 * only who was locked; whether they still are the server is asked.
 *
 *-------------------------------------------------------------------------
 */
#include "page/locks.h"

#ifdef USE_ASSERT_CHECKING

#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/lock.h"
#include "utils/rel.h"

/*
 * up to four nodes (an insert's links), or one, two overflow pages (vacuum), the
 * directory and a new page; and some that no longer are
 */
#define NOTES	8

typedef struct LockNote
{
	Buffer		buffer;
	SphxLockRank rank;
} LockNote;

static LockNote notes[NOTES];
static int	note_count = 0;

static bool
is_locked(Buffer buffer)
{
	return SphxBufferLocked(buffer);
}

/* Forget those that are no longer locked, and `buffer`. */
static void
drop_notes(Buffer buffer)
{
	int			kept = 0;

	for (int i = 0; i < note_count; i++)
		if (notes[i].buffer != buffer && is_locked(notes[i].buffer))
			notes[kept++] = notes[i];
	note_count = kept;
}

/* May a page of rank `next` be locked in `buffer` by one who has that of the note locked? */
static bool
may_follow(const LockNote *held, Buffer buffer, SphxLockRank next)
{
	if (held->rank == SPHX_RANK_META || next == SPHX_RANK_META)
		return false;			/* L3 */
	if (next == SPHX_RANK_OVERFLOW)
		return held->rank <= next;	/* L1; that only vacuum has two is not
									 * known here */
	if (next == SPHX_RANK_NODE && held->rank == SPHX_RANK_NODE)
		return BufferGetBlockNumber(held->buffer) < BufferGetBlockNumber(buffer);	/* L1 */
	return held->rank < next;	/* L1, L2 */
}

void
SphxNoteLock(Buffer buffer, SphxLockRank rank)
{
	int			overflow = 0;
	int			nodes = 0;

	if (BufferIsLocal(buffer))
		return;					/* nobody else's: LockBuffer does nothing */
	drop_notes(buffer);
	for (int i = 0; i < note_count; i++)
	{
		Assert(may_follow(&notes[i], buffer, rank));
		overflow += notes[i].rank == SPHX_RANK_OVERFLOW;
		nodes += notes[i].rank == SPHX_RANK_NODE;
	}
	Assert(nodes <= 1 || rank == SPHX_RANK_NODE);	/* L1 */
	Assert(rank != SPHX_RANK_OVERFLOW || overflow <= 1);	/* L1 */
	Assert(note_count < NOTES);
	notes[note_count].buffer = buffer;
	notes[note_count++].rank = rank;
}

bool
SphxHoldsPage(void)
{
	drop_notes(InvalidBuffer);
	return note_count > 0;
}

bool
SphxHoldsLock(Buffer buffer)
{
	return BufferIsLocal(buffer) || is_locked(buffer);
}

bool
SphxHoldsExclusive(Buffer buffer)
{
	return BufferIsLocal(buffer) || SphxBufferLockedExclusive(buffer);
}

/* The shared buffer that the place is in, or InvalidBuffer. */
static Buffer
buffer_of(const void *place)
{
	uintptr_t	start = (uintptr_t) BufferBlocks;
	uintptr_t	at = (uintptr_t) place;

	if (at < start || at >= start + (uintptr_t) NBuffers * BLCKSZ)
		return InvalidBuffer;
	return (Buffer) ((at - start) / BLCKSZ) + 1;
}

bool
SphxMayRead(const void *place)
{
	Buffer		buffer = buffer_of(place);

	return !BufferIsValid(buffer) || is_locked(buffer);
}

bool
SphxMayChange(const void *place)
{
	Buffer		buffer = buffer_of(place);

	return !BufferIsValid(buffer) || SphxHoldsExclusive(buffer);
}

bool
SphxHoldsPageLock(Relation index, BlockNumber block, LOCKMODE mode)
{
	LockRelId	id = index->rd_lockInfo.lockRelId;
	LOCKTAG		tag;

	SET_LOCKTAG_PAGE(tag, id.dbId, id.relId, block);
	return SphxHoldsHeavyweight(&tag, mode);
}

bool
SphxExcludesVacuum(Relation index)
{
	LOCKTAG		tag;

	/* an index is in the database of its table */
	SET_LOCKTAG_RELATION(tag, index->rd_lockInfo.lockRelId.dbId, index->rd_index->indrelid);
	return SphxHoldsHeavyweight(&tag, ShareUpdateExclusiveLock);
}

#endif							/* USE_ASSERT_CHECKING */
