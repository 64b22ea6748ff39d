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

/* A query being executed. */
typedef struct RunningQuery
{
	QueryDesc  *desc;			/* NULL: there is none, or it is not known */
	bool		to_end;			/* all of its rows are fetched now */
	bool		searched;		/* places are known */
	List	   *places;			/* SphxScanPlace of each of its index scans,
								 * some twice; in the query's memory */
} RunningQuery;

/* the innermost one */
static RunningQuery running;

static void
run_query(SPHX_EXECUTOR_RUN_PARAMETERS)
{
	RunningQuery outer = running;

	running = (RunningQuery)
	{
		.desc = query,.to_end = count == 0
	};
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
 * Does the node hand on the rows of its children as they are, and if that is
 * asked for in their order?  As in the server's ExecSetTupleBound, which does
 * not go on below LockRows: that may leave out a row, but only one that another
 * transaction holds or has changed, and then the scan simply goes on.
 */
static bool
hands_on(const PlanState *state, bool ordered)
{
	switch ((int) nodeTag(state))
	{
		case T_AppendState:
		case T_SubqueryScanState:
		case T_ResultState:
		case T_LockRowsState:
			return true;
		case T_MergeAppendState:
		case T_IncrementalSortState:
			return ordered;
		case T_LimitState:
			return !ordered && ((const LimitState *) state)->limitOption == LIMIT_OPTION_COUNT;
		default:
			return false;
	}
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

			/*
			 * if it turns out to be OFFSET alone, or LIMIT NULL:
			 * limits_passed
			 */
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

/* The subquery of these whose plan this is, or NULL. */
static const SubPlanState *
find_subplan(List *subplans, const PlanState *state)
{
	ListCell   *lc;

	foreach(lc, subplans)
	{
		const SubPlanState *sub = lfirst_node(SubPlanState, lc);

		if (sub->planstate == state)
			return sub;
	}
	return NULL;
}

/* What is known of a node's surroundings on the way down. */
typedef struct PlanContext
{
	PlanState  *parent;			/* or NULL */
	LimitState *limit;			/* that all rows of the parent reach, or the
								 * parent itself; or NULL */
	bool		unordered;		/* as in SphxScanPlace, of the parent's rows */
	bool		to_end;			/* are all rows of the parent read? */
	List	   *passed;			/* provided that these limits are none */
	List	  **ctes;			/* plans of WITH queries known to be read to
								 * their end */
} PlanContext;

/* Are all rows of this node read?  It is a child of the parent, or its subquery `sub`. */
static bool
read_to_end(PlanState *state, const SubPlanState *sub, const PlanContext *context)
{
	PlanState  *parent = context->parent;

	if (sub != NULL)
		return sub->subplan->subLinkType == ARRAY_SUBLINK || sub->subplan->useHashTable;
	if (parent == NULL || IsA(parent, SubqueryScanState) || IsA(parent, AppendState) ||
		IsA(parent, MergeAppendState))
		return context->to_end;
	if (state == outerPlanState(parent))
		return gathers_first(parent) || (context->to_end && exhausts_outer(parent));
	return state == innerPlanState(parent) && context->to_end && exhausts_inner(parent);
}

/* The limit that the node's rows reach without a condition on the way. */
static LimitState *
limit_above(const PlanContext *context)
{
	PlanState  *parent = context->parent;

	if (parent != NULL && IsA(parent, LimitState))
		return (LimitState *) parent;
	if (parent == NULL || parent->qual != NULL || !hands_on(parent, true))
		return NULL;
	return context->limit;
}

/*
 * The limits that must turn out to be none for the node to be read to its end.
 * What they are is known when the scan runs, and may change when it runs again.
 */
static List *
limits_passed(PlanState *state, const SubPlanState *sub, const PlanContext *context)
{
	PlanState  *parent = context->parent;

	if (parent == NULL || sub != NULL || (state == outerPlanState(parent) && gathers_first(parent)))
		return parent == NULL ? context->passed : NIL;
	if (IsA(parent, LimitState) && ((LimitState *) parent)->limitCount != NULL)
		return lappend(list_copy(context->passed), parent);
	return context->passed;
}

static void
add_place(IndexScanState *state, const PlanContext *context)
{
	SphxScanPlace *place = palloc(sizeof(SphxScanPlace));

	Assert(running.desc != NULL);
	place->state = state;
	place->limit = context->limit;
	place->unordered = context->unordered;
	place->exhausted = context->to_end;
	place->passed = context->passed;
	running.places = lappend(running.places, place);
}

/* Note the places of all index scans from here on down. */
static bool
find_places(PlanState *state, void *arg)
{
	const PlanContext *above = arg;
	PlanState  *parent = above->parent;
	const SubPlanState *sub = NULL;
	PlanContext context = {.parent = state,.ctes = above->ctes};

	check_stack_depth();
	if (parent != NULL)
	{
		sub = find_subplan(parent->initPlan, state);
		if (sub == NULL)
			sub = find_subplan(parent->subPlan, state);
	}
	context.to_end = read_to_end(state, sub, above);
	context.passed = limits_passed(state, sub, above);
	if (sub == NULL)
	{
		context.limit = limit_above(above);
		context.unordered = above->unordered && (parent == NULL || hands_on(parent, false));
	}
	if (IsA(state, IndexScanState))
		add_place((IndexScanState *) state, &context);
	if (IsA(state, CteScanState) && context.to_end)
	{
		/* one of its readers is enough to have a WITH query read to its end */
		PlanState  *query = ((CteScanState *) state)->cteplanstate;
		PlanContext top = {.to_end = true,.passed = context.passed,.ctes = above->ctes};

		if (!list_member_ptr(*above->ctes, query))
		{
			*above->ctes = lappend(*above->ctes, query);
			(void) find_places(query, &top);
		}
	}
	return planstate_tree_walker(state, find_places, &context);
}

/* Once for all scans of the query, and all their rescans. */
static void
search_plan(void)
{
	MemoryContext old = MemoryContextSwitchTo(running.desc->estate->es_query_cxt);
	List	   *ctes = NIL;
	PlanContext top = {.unordered = true,.to_end = running.to_end,.ctes = &ctes};

	Assert(!running.searched && running.places == NIL);
	(void) find_places(running.desc->planstate, &top);
	list_free(ctes);
	running.searched = true;
	MemoryContextSwitchTo(old);
}

/* Is each of these limits none at present? */
static bool
limits_pass(const List *limits)
{
	ListCell   *lc;

	foreach(lc, limits)
	{
		if (!((const LimitState *) lfirst(lc))->noCount)
			return false;
	}
	return true;
}

void
SphxFindScan(IndexScanDesc scan, SphxScanPlace *place)
{
	ListCell   *lc;

	memset(place, 0, sizeof(*place));
	if (running.desc == NULL || running.desc->planstate == NULL)
		return;
	if (!running.searched)
		search_plan();
	foreach(lc, running.places)
	{
		const SphxScanPlace *found = lfirst(lc);

		if (found->state->iss_ScanDesc != scan)
			continue;
		place->state = found->state;
		if (found->limit != NULL)
			place->limit = found->limit;
		place->unordered |= found->unordered;
		place->exhausted |= found->exhausted && limits_pass(found->passed);
	}
	if (SphxLimitRows(place->limit) > 0)
		place->exhausted = false;
}

uint64
SphxLimitRows(const LimitState *limit)
{
	if (limit == NULL || limit->noCount)
		return 0;
	Assert(limit->count >= 0 && limit->offset >= 0);
	return (uint64) limit->count + (uint64) limit->offset;
}
