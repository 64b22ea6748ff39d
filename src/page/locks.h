/*-------------------------------------------------------------------------
 *
 * locks.h
 *	  Builds with assertions know which pages this backend has locked, and
 *	  hold it to the rules of locks (L1 to L5 in src/README).
 *
 * In other builds the questions below do not exist: they are for Assert() only.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_LOCKS_H
#define SPHX_LOCKS_H

#include "server/compat.h"

#include "storage/block.h"
#include "storage/buf.h"
#include "storage/lockdefs.h"
#include "utils/relcache.h"

/* Kinds of pages in the order in which they may be locked; the metapage alone. */
typedef enum SphxLockRank
{
	SPHX_RANK_META,
	SPHX_RANK_NODE,				/* and records of upper layers */
	SPHX_RANK_OVERFLOW,
	SPHX_RANK_DIRECTORY,
	SPHX_RANK_NEW				/* just added to the file */
} SphxLockRank;

#ifdef USE_ASSERT_CHECKING

/*
 * To be called with a page of this rank just locked: asserts that those locked
 * before allow it.
 */
extern void SphxNoteLock(Buffer buffer, SphxLockRank rank);

/* Has this backend a page locked?  (Those of an index that it builds do not count.) */
extern bool SphxHoldsPage(void);

/* Has it this one locked, in any mode or exclusively?  Local buffers have no locks: yes. */
extern bool SphxHoldsLock(Buffer buffer);
extern bool SphxHoldsExclusive(Buffer buffer);

/*
 * May this place be read, or changed?  If it is in a shared buffer, only with
 * the page locked, or exclusively locked; anything else is this backend's own.
 */
extern bool SphxMayRead(const void *place);
extern bool SphxMayChange(const void *place);

/* Has this backend the heavyweight lock of the block's page, in just this mode (L4)? */
extern bool SphxHoldsPageLock(Relation index, BlockNumber block, LOCKMODE mode);

/* Is this backend in a command that keeps (other) vacuums away from the index's table? */
extern bool SphxExcludesVacuum(Relation index);

#else
#define SphxNoteLock(buffer, rank)	((void) 0)	/* arguments are not evaluated */
#endif

#endif							/* SPHX_LOCKS_H */
