/*-------------------------------------------------------------------------
 *
 * search_pool.c
 *	  Search states that a backend keeps from one scan to the next.
 *
 * A search over a hundred nodes touches some hundred kilobytes of its own: the
 * map of nodes seen, the beam, the hits.  Allocating and growing them anew
 * would cost a short query a tenth of its time.
 *
 *-------------------------------------------------------------------------
 */
#include "server/search_pool.h"

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

/* states on loan now */
static int	loans_out = 0;

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

	if (loan->pooled == NULL)
		return;
	loans_out--;
	MemoryContextDelete(loan->pooled->context);
	loan->pooled = NULL;
}

/*
 * Can the state serve indexes of this layout?  What it has allocated depends
 * on two of the sizes only; the rest it reads from the layout.
 */
static bool
fits(const Pooled *pooled, const SphxLayout *layout)
{
	return pooled->layout.D == layout->D && pooled->layout.pieces == layout->pieces;
}

static void
take_state(SphxSearchLoan *loan, const SphxLayout *layout)
{
	Assert(loan->pooled == NULL);
	if (idle != NULL && fits(idle, layout))
	{
		loan->pooled = idle;
		loan->pooled->layout = *layout;
		idle = NULL;
		loans_out++;
		return;
	}
	loan->pooled = create_pooled(layout);
	loans_out++;
	loan->pooled->search = sphx_search_create(&loan->pooled->env.base, &loan->pooled->layout);
}

SphxSearchLoan *
SphxBorrowSearch(const SphxLayout *layout, MemoryContext context)
{
	SphxSearchLoan *loan = MemoryContextAllocZero(context, sizeof(SphxSearchLoan));

	loan->callback.func = end_loan;
	loan->callback.arg = loan;
	MemoryContextRegisterResetCallback(context, &loan->callback);
	take_state(loan, layout);
	return loan;
}

void
SphxBorrowAgain(SphxSearchLoan *loan, const SphxLayout *layout)
{
	take_state(loan, layout);
}

SphxSearch *
SphxLoanSearch(SphxSearchLoan *loan)
{
	Assert(loan->pooled != NULL);
	return loan->pooled->search;
}

int
SphxLoansOut(void)
{
	return loans_out;
}

void
SphxReturnSearch(SphxSearchLoan *loan)
{
	Pooled	   *other = loan->pooled;

	Assert(other != NULL && loans_out > 0);
	loan->pooled = NULL;
	loans_out--;
	if (MemoryContextMemAllocated(other->context, true) <= KEEP_BYTES)
	{
		Pooled	   *kept = other;

		other = idle;
		idle = kept;
	}
	if (other != NULL)
		MemoryContextDelete(other->context);
}
