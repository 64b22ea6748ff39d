/*-------------------------------------------------------------------------
 *
 * pool.c
 *	  Search states that a backend keeps from one scan to the next.
 *
 * A search over a hundred nodes touches some hundred kilobytes of its own: the
 * map of nodes seen, the beam, the hits.  Allocating and growing them anew
 * would cost a short query a tenth of its time.
 *
 *-------------------------------------------------------------------------
 */
#include "page/pool.h"

#include "utils/memutils.h"

/* a state that has grown beyond this is not kept */
#define KEEP_BYTES		((Size) 8 * 1024 * 1024)

/* a search state, alone in its memory context */
typedef struct Pooled
{
	MemoryContext context;
	SphxServerEnv env;
	SphxLayout	layout;
	SphxSearch *search;
} Pooled;

struct SphxSearchLoan
{
	MemoryContextCallback callback;
	Pooled	   *pooled;			/* NULL once given back */
};

/* the one that waits for the next scan, or NULL */
static Pooled *idle = NULL;

static Pooled *
create_pooled(const SphxLayout *layout)
{
	MemoryContext context = AllocSetContextCreate(TopMemoryContext, "sphx search",
												  ALLOCSET_DEFAULT_SIZES);
	Pooled	   *pooled = MemoryContextAlloc(context, sizeof(Pooled));

	pooled->context = context;
	pooled->layout = *layout;
	pooled->search = NULL;
	SphxInitEnv(&pooled->env, context);
	return pooled;
}

/* The borrower's memory goes: after an error nobody knows what state the search is in. */
static void
end_loan(void *arg)
{
	SphxSearchLoan *loan = arg;

	if (loan->pooled != NULL)
		MemoryContextDelete(loan->pooled->context);
	loan->pooled = NULL;
}

SphxSearchLoan *
SphxBorrowSearch(const SphxLayout *layout, MemoryContext context)
{
	SphxSearchLoan *loan = MemoryContextAllocZero(context, sizeof(SphxSearchLoan));

	loan->callback.func = end_loan;
	loan->callback.arg = loan;
	MemoryContextRegisterResetCallback(context, &loan->callback);
	if (idle != NULL && memcmp(&idle->layout, layout, sizeof(SphxLayout)) == 0)
	{
		loan->pooled = idle;
		idle = NULL;
		return loan;
	}
	loan->pooled = create_pooled(layout);
	loan->pooled->search = sphx_search_create(&loan->pooled->env.base, &loan->pooled->layout);
	return loan;
}

SphxSearch *
SphxLoanSearch(SphxSearchLoan *loan)
{
	Assert(loan->pooled != NULL);
	return loan->pooled->search;
}

void
SphxReturnSearch(SphxSearchLoan *loan)
{
	Pooled	   *other = loan->pooled;

	Assert(other != NULL);
	loan->pooled = NULL;
	if (MemoryContextMemAllocated(other->context, true) <= KEEP_BYTES)
	{
		Pooled	   *kept = other;

		other = idle;
		idle = kept;
	}
	if (other != NULL)
		MemoryContextDelete(other->context);
}
