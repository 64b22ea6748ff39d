/*-------------------------------------------------------------------------
 *
 * limit.c
 *	  What a scan can learn of the plan that it is part of.
 *
 * The executor does not tell an access method what becomes of its rows.  So
 * the library remembers which query is being executed (ExecutorRun_hook), and
 * a scan that begins looks for itself in that query's tree of nodes: for the
 * conditions on its rows, for the limit above it (whose value is known there,
 * also when it is a parameter), and whether somebody relies on their order.
 *
 * A scan that does not find itself returns its rows in order, for as long as
 * they are wanted.
 *
 *-------------------------------------------------------------------------
 */
#include "am/scan/limit.h"

#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"

static ExecutorRun_hook_type previous_hook = NULL;

/*
 * The query being executed, the innermost one; NULL when there is none, or it
 * is not known.  And whether all of its rows are fetched now.
 */
static QueryDesc *running = NULL;
static bool running_to_end = false;

static void
run_query(SPHX_EXECUTOR_RUN_PARAMETERS)
{
	QueryDesc  *outer = running;
	bool		outer_to_end = running_to_end;

	running = query;
	running_to_end = count == 0;
	PG_TRY();
	{
		if (previous_hook != NULL)
			previous_hook(SPHX_EXECUTOR_RUN_ARGUMENTS);
		else
			standard_ExecutorRun(SPHX_EXECUTOR_RUN_ARGUMENTS);
	}
	PG_FINALLY();
	{
		running = outer;
		running_to_end = outer_to_end;
	}
	PG_END_TRY();
}

void
SphxInitLimits(void)
{
	previous_hook = ExecutorRun_hook;
	ExecutorRun_hook = run_query;
}

/*
 * The children of a node that hands on their rows as they are, in their order
 * if that is asked for; returns how many, 0 for any other node.  As in the
 * server's ExecSetTupleBound, which does not go on below LockRows: that may
 * leave out a row, but only one that another transaction holds or has changed,
 * and then the scan simply goes on.
 */
static int
passed_on(PlanState *state, bool ordered, PlanState ***children)
{
	if (IsA(state, AppendState))
	{
		*children = ((AppendState *) state)->appendplans;
		return ((AppendState *) state)->as_nplans;
	}
	if (IsA(state, MergeAppendState) && ordered)
	{
		*children = ((MergeAppendState *) state)->mergeplans;
		return ((MergeAppendState *) state)->ms_nplans;
	}
	if (IsA(state, SubqueryScanState))
	{
		*children = &((SubqueryScanState *) state)->subplan;
		return 1;
	}
	if (IsA(state, ResultState) || IsA(state, LockRowsState) ||
		(IsA(state, IncrementalSortState) && ordered) ||
		(IsA(state, LimitState) && !ordered &&
		 ((LimitState *) state)->limitOption == LIMIT_OPTION_COUNT))
	{
		*children = &state->lefttree;
		return *children[0] != NULL ? 1 : 0;
	}
	return 0;
}

/*
 * The scan's node, when its rows reach the one whose child this is without a
 * condition on the way but for the scan's own.
 */
static IndexScanState *
feeding(PlanState *child, IndexScanDesc scan, bool ordered)
{
	PlanState **children = NULL;
	IndexScanState *found = NULL;
	int			count;

	if (child == NULL)
		return NULL;
	check_stack_depth();
	if (IsA(child, IndexScanState))
		return ((IndexScanState *) child)->iss_ScanDesc == scan ? (IndexScanState *) child : NULL;
	if (child->qual != NULL && ordered)
		return NULL;
	count = passed_on(child, ordered, &children);
	for (int i = 0; i < count && found == NULL; i++)
		found = feeding(children[i], scan, ordered);
	return found;
}

/* Does the node read its outer child to the end before it returns a row? */
static bool
gathers_first(PlanState *state)
{
	switch ((int) nodeTag(state))
	{
		case T_SortState:
		case T_HashState:
			return true;
		case T_AggState:
			return ((AggState *) state)->aggstrategy != AGG_SORTED;
		case T_SetOpState:
			return ((SetOp *) state->plan)->strategy == SETOP_HASHED;
		default:
			return false;
	}
}

/* Does the node read its outer child to the end, if it is read to the end itself? */
static bool
exhausts_outer(PlanState *state)
{
	switch ((int) nodeTag(state))
	{
		case T_WindowAggState:
			return !SphxEndsEarly((WindowAggState *) state);
		case T_LimitState:
			/* OFFSET alone, LIMIT NULL */
			return ((LimitState *) state)->noCount;
		case T_AggState:
		case T_GroupState:
		case T_UniqueState:
		case T_SetOpState:
		case T_IncrementalSortState:
		case T_MaterialState:
		case T_MemoizeState:
		case T_LockRowsState:
		case T_ResultState:
		case T_ProjectSetState:
		case T_ModifyTableState:
		case T_NestLoopState:
		case T_HashJoinState:
			return true;
		default:
			return false;
	}
}

/* The same of the inner child: a nested loop that does not stop at the first match. */
static bool
exhausts_inner(PlanState *state)
{
	return IsA(state, NestLoopState) && !((NestLoopState *) state)->js.single_match &&
		(((NestLoopState *) state)->js.jointype == JOIN_INNER ||
		 ((NestLoopState *) state)->js.jointype == JOIN_LEFT);
}

/* Is this the plan of a subquery, of these, whose rows are all read at once? */
static bool
is_gathered(List *subplans, PlanState *state)
{
	ListCell   *lc;

	foreach(lc, subplans)
	{
		SubPlanState *sub = lfirst_node(SubPlanState, lc);

		if (sub->planstate == state)
			return sub->subplan->subLinkType == ARRAY_SUBLINK || sub->subplan->useHashTable;
	}
	return false;
}

typedef struct EndSearch
{
	IndexScanDesc scan;
	PlanState  *parent;			/* or NULL */
	bool		to_end;			/* are all rows of the parent read? */
} EndSearch;

/* Are all rows of this child read? */
static bool
read_to_end(PlanState *state, const EndSearch *search)
{
	PlanState  *parent = search->parent;

	if (parent == NULL || IsA(parent, SubqueryScanState) || IsA(parent, AppendState) ||
		IsA(parent, MergeAppendState))
		return search->to_end;
	if (state == outerPlanState(parent))
		return gathers_first(parent) || (search->to_end && exhausts_outer(parent));
	if (state == innerPlanState(parent))
		return search->to_end && exhausts_inner(parent);
	return is_gathered(parent->initPlan, state) || is_gathered(parent->subPlan, state);
}

/* Look for the scan; true when it is found and all of its rows are read. */
static bool
find_exhausted(PlanState *state, void *context)
{
	const EndSearch *search = context;
	EndSearch	below = {search->scan, state, read_to_end(state, search)};

	check_stack_depth();
	if (IsA(state, IndexScanState))
		return ((IndexScanState *) state)->iss_ScanDesc == search->scan && below.to_end;
	if (IsA(state, CteScanState) && below.to_end)
	{
		/* one of its readers is enough to have a WITH query read to its end */
		EndSearch	query = {search->scan, NULL, true};

		return find_exhausted(((CteScanState *) state)->cteplanstate, &query);
	}
	return planstate_tree_walker(state, find_exhausted, &below);
}

typedef struct ScanSearch
{
	IndexScanDesc scan;
	SphxScanPlace *place;
} ScanSearch;

/* look for the scan below a limit, and failing that by itself */
static bool
find_scan(PlanState *state, void *context)
{
	ScanSearch *search = context;
	SphxScanPlace *place = search->place;

	if (IsA(state, LimitState))
	{
		place->state = feeding(outerPlanState(state), search->scan, true);
		if (place->state != NULL)
			place->limit = (LimitState *) state;
	}
	else if (IsA(state, IndexScanState) &&
			 ((IndexScanState *) state)->iss_ScanDesc == search->scan)
		place->state = (IndexScanState *) state;
	return place->state != NULL || planstate_tree_walker(state, find_scan, context);
}

void
SphxFindScan(IndexScanDesc scan, SphxScanPlace *place)
{
	ScanSearch	search = {scan, place};
	EndSearch	whole = {scan, NULL, running_to_end};

	memset(place, 0, sizeof(*place));
	if (running == NULL || running->planstate == NULL)
		return;
	(void) find_scan(running->planstate, &search);
	place->unordered = feeding(running->planstate, scan, false) != NULL;
	place->exhausted = SphxLimitRows(place->limit) == 0 &&
		find_exhausted(running->planstate, &whole);
}

uint64
SphxLimitRows(const LimitState *limit)
{
	if (limit == NULL || limit->noCount)
		return 0;
	return (uint64) limit->count + (uint64) limit->offset;
}
