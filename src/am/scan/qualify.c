/*-------------------------------------------------------------------------
 *
 * qualify.c
 *	  A scan's own look at the rows of the table.
 *
 * An access method returns rows, and the executor then finds out whether they
 * are visible and satisfy the conditions.  In a scan ordered by distance that
 * is too late: when k rows are wanted, which k there are decides how far the
 * search must go before the first of them is returned.  So a scan below a
 * limit looks for itself.  The executor looks again at those rows that it is
 * given, never at others, and finds their pages in the cache.
 *
 *-------------------------------------------------------------------------
 */
#include "am/scan/qualify.h"

#include <math.h>

#include "access/tableam.h"
#include "access/visibilitymap.h"
#include "executor/executor.h"
#include "executor/instrument.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "storage/bufmgr.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "page/locks.h"

void
SphxInitQualifier(SphxQualifier *qualifier, IndexScanDesc scan)
{
	memset(qualifier, 0, sizeof(*qualifier));
	qualifier->scan = scan;
	qualifier->visibility = InvalidBuffer;
}

bool
SphxCanQualify(const IndexScanState *state)
{
	return state->ss.ps.qual == NULL ||
		!contain_volatile_functions((Node *) state->ss.ps.plan->qual);
}

void
SphxPrepareQualifier(SphxQualifier *qualifier)
{
	Relation	heap = qualifier->scan->heapRelation;

	if (qualifier->fetch != NULL)
		return;
	qualifier->fetch = SphxBeginFetch(heap);
	qualifier->slot = table_slot_create(heap, NULL);
}

/* Have the visible tuple of the TID in the slot, whose page is then pinned. */
static bool
fetch_row(SphxQualifier *qualifier, ItemPointer tid)
{
	ItemPointerData copy = *tid;	/* set to the member of a HOT chain */
	bool		call_again = false;

	Assert(ItemPointerIsValid(tid));	/* SphxCheckTid */
	Assert(!SphxHoldsPage());
	SphxPrepareQualifier(qualifier);
	return table_index_fetch_tuple(qualifier->fetch, &copy, qualifier->scan->xs_snapshot,
								   qualifier->slot, &call_again, NULL);
}

ExprContext *
SphxQualifierContext(SphxQualifier *qualifier)
{
	ExprContext *context = qualifier->state->ss.ps.ps_ExprContext;

	context->ecxt_scantuple = qualifier->slot;
	ResetExprContext(context);
	return context;
}

bool
SphxSlotQualifies(SphxQualifier *qualifier)
{
	IndexScanState *state = qualifier->state;
	bool		satisfied;

	Assert(state != NULL && !TupIsNull(qualifier->slot));
	Assert(!SphxHoldsPage());
	satisfied = ExecQual(state->ss.ps.qual, SphxQualifierContext(qualifier));
	if (!satisfied)
		InstrCountFiltered1(state, 1);
	return satisfied;
}

bool
SphxRowQualifies(SphxQualifier *qualifier, ItemPointer tid)
{
	bool		conditions = qualifier->state != NULL && qualifier->state->ss.ps.qual != NULL;
	bool		qualifies;

	if (!conditions && VM_ALL_VISIBLE(qualifier->scan->heapRelation,
									  ItemPointerGetBlockNumber(tid), &qualifier->visibility))
		return true;
	qualifies = fetch_row(qualifier, tid) && (!conditions || SphxSlotQualifies(qualifier));
	ExecClearTuple(qualifier->slot);
	return qualifies;
}

bool
SphxCanMeasure(IndexScanDesc scan)
{
	return scan->indexRelation->rd_index->indkey.values[0] > 0;
}

/* Few scans need it; a thousand open at a time should not have it. */
static MemoryContext
switch_to_memory(SphxQualifier *qualifier)
{
	if (qualifier->memory == NULL)
		qualifier->memory = AllocSetContextCreate(CurrentMemoryContext, "sphx rows",
												  ALLOCSET_SMALL_SIZES);
	return MemoryContextSwitchTo(qualifier->memory);
}

bool
SphxMeasureRow(SphxQualifier *qualifier, ItemPointer tid, double *distance)
{
	IndexScanDesc scan = qualifier->scan;
	ScanKey		key = &scan->orderByData[0];
	bool		visible = fetch_row(qualifier, tid);

	Assert(SphxCanMeasure(scan) && !(key->sk_flags & SK_ISNULL));
	if (visible)
	{
		MemoryContext old = switch_to_memory(qualifier);
		bool		isnull;
		Datum		value = slot_getattr(qualifier->slot,
										 scan->indexRelation->rd_index->indkey.values[0], &isnull);

		/* a row that is in the index has a value, unless the index is damaged */
		*distance = isnull ? 0.0 :
			DatumGetFloat8(FunctionCall2Coll(&key->sk_func, key->sk_collation, value,
											 key->sk_argument));
		visible = !isnull;
		MemoryContextSwitchTo(old);
		MemoryContextReset(qualifier->memory);
	}
	ExecClearTuple(qualifier->slot);
	return visible;
}

/* What the clause says that the distance is less than, if it says so; or NULL. */
static Expr *
upper_side(const Expr *clause, const Node *distance)
{
	const OpExpr *comparison = (const OpExpr *) clause;
	Expr	   *side = NULL;

	if (!IsA(clause, OpExpr) || list_length(comparison->args) != 2)
		return NULL;
	if (comparison->opfuncid == F_FLOAT8LT || comparison->opfuncid == F_FLOAT8LE)
		side = equal(linitial(comparison->args), distance) ? lsecond(comparison->args) : NULL;
	if (comparison->opfuncid == F_FLOAT8GT || comparison->opfuncid == F_FLOAT8GE)
		side = equal(lsecond(comparison->args), distance) ? linitial(comparison->args) : NULL;
	if (side == NULL || contain_var_clause((Node *) side) || contain_subplans((Node *) side) ||
		contain_volatile_functions((Node *) side))
		return NULL;
	return side;
}

/* The first such side among the conditions of the scan's node; it may depend on parameters. */
static Expr *
find_cutoff(IndexScanState *state)
{
	const IndexScan *plan = (const IndexScan *) state->ss.ps.plan;
	Expr	   *side = NULL;
	ListCell   *lc;

	Assert(IsA(plan, IndexScan) && plan->indexorderbyorig != NIL);
	foreach(lc, plan->scan.plan.qual)
	{
		side = upper_side(lfirst(lc), linitial(plan->indexorderbyorig));
		if (side != NULL)
			break;
	}
	return side;
}

double
SphxCutoff(SphxQualifier *qualifier)
{
	IndexScanState *state = qualifier->state;
	Datum		value;
	bool		isnull;

	if (state == NULL)
		return INFINITY;
	if (!qualifier->cutoff_known)
	{
		Expr	   *side = find_cutoff(state);

		if (side != NULL)
			qualifier->cutoff = ExecInitExpr(side, &state->ss.ps);
		qualifier->cutoff_known = true;
	}
	if (qualifier->cutoff == NULL)
		return INFINITY;
	value = ExecEvalExprSwitchContext(qualifier->cutoff, SphxQualifierContext(qualifier), &isnull);
	/* no row's comparison with NULL is true, nor is any distance above NaN */
	if (isnull)
		return -INFINITY;
	return isnan(DatumGetFloat8(value)) ? INFINITY : DatumGetFloat8(value);
}

void
SphxReleaseQualifier(SphxQualifier *qualifier)
{
	if (BufferIsValid(qualifier->visibility))
		ReleaseBuffer(qualifier->visibility);
	qualifier->visibility = InvalidBuffer;
	if (qualifier->fetch != NULL)
		table_index_fetch_reset(qualifier->fetch);
}

void
SphxEndQualifier(SphxQualifier *qualifier)
{
	SphxReleaseQualifier(qualifier);
	if (qualifier->fetch != NULL)
	{
		table_index_fetch_end(qualifier->fetch);
		ExecDropSingleTupleTableSlot(qualifier->slot);
	}
	qualifier->fetch = NULL;
}
