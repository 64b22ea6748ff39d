/*-------------------------------------------------------------------------
 *
 * search_pool.h
 *	  Search states that a backend keeps from one scan to the next.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_SEARCH_POOL_H
#define SPHX_SEARCH_POOL_H

#include "math/graph/search.h"
#include "server/memory.h"

/* A search state on loan to a scan. */
typedef struct SphxSearchLoan SphxSearchLoan;

/*
 * Borrow a search state for indexes of this layout: one that an earlier scan
 * gave back, or a new one.  The loan lives in `context`; when that goes before
 * the state was given back (after an error) the state goes, too.
 */
extern SphxSearchLoan *SphxBorrowSearch(const SphxLayout *layout, MemoryContext context);
extern SphxSearch *SphxLoanSearch(SphxSearchLoan *loan);

/* Give the state back; it must not be in the middle of anything. */
extern void SphxReturnSearch(SphxSearchLoan *loan);

/*
 * Borrow a state for a loan whose state was given back: whatever the number of
 * times, it takes no more of the loan's context.
 */
extern void SphxBorrowAgain(SphxSearchLoan *loan, const SphxLayout *layout);

/* States on loan now, to all scans of the backend. */
extern int	SphxLoansOut(void);

#endif							/* SPHX_SEARCH_POOL_H */
