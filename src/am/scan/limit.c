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

static ExecutorRun_hook_type previous_run_hook = NULL;
static ExecutorFinish_hook_type previous_finish_hook = NULL;

/* how often the plan of a WITH query is looked at, at most */
#define MOST_VISITS			8

/* A query being executed. */
typedef struct RunningQuery
{
	QueryDesc  *desc;			/* NULL: there is none, or it is not known */
	bool		to_end;			/* all of its rows are fetched now */
	bool		searched;		/* places are known */
	bool		rechecks;		/* of plans that check changed rows again, too */
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
		if (previous_run_hook != NULL)
			previous_run_hook(SPHX_EXECUTOR_RUN_ARGUMENTS);
		else
			standard_ExecutorRun(SPHX_EXECUTOR_RUN_ARGUMENTS);
	}
	PG_FINALLY();
	{
		running = outer;
	}
	PG_END_TRY();
}

/* WITH queries that change tables are read to their end here, if they were not before. */
static void
finish_query(QueryDesc *query)
{
	RunningQuery outer = running;

	running = (RunningQuery)
	{
		.desc = query
	};
	PG_TRY();
	{
		if (previous_finish_hook != NULL)
			previous_finish_hook(query);
		else
			standard_ExecutorFinish(query);
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
	previous_run_hook = ExecutorRun_hook;
	ExecutorRun_hook = run_query;
	previous_finish_hook = ExecutorFinish_hook;
	ExecutorFinish_hook = finish_query;
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

/*
 * Does the node end before its outer child does, with no row missing for that?
 * Whether a LIMIT does is known when it runs: limits_passed.
 */
static bool
ends_early(PlanState *state)
{
	return IsA(state, WindowAggState) && SphxEndsEarly((WindowAggState *) state);
}

/* Is a row of the node's outer child kept or dropped by whether its inner child has a certain row? */
static bool
tests_inner(PlanState *state)
{
	return IsA(state, NestLoopState) && (((NestLoopState *) state)->js.single_match ||
										 ((NestLoopState *) state)->js.jointype == JOIN_ANTI);
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

/* The plan of a WITH query. */
typedef struct ReadQuery
{
	PlanState  *plan;
	int			visits;			/* MOST_VISITS: known to be read to its end */
} ReadQuery;

/* What is known of a node's surroundings on the way down. */
typedef struct PlanContext
{
	PlanState  *parent;			/* or NULL */
	LimitState *limit;			/* that all rows of the parent reach, or the
								 * parent itself; or NULL */
	bool		unordered;		/* as in SphxScanPlace, of the parent's rows */
	bool		to_end;			/* are all rows of the parent needed? */
	List	   *passed;			/* provided that these limits are none */
	List	  **ctes;			/* ReadQuery of each WITH query met so far */
} PlanContext;

/*
 * Are all rows of this node needed?  It is a child of the parent, or its subquery
 * `sub`.  Of a subquery they are also where it is read no further than to a
 * certain row: a comparison with what it lacks would have the wrong result.  A
 * WITH query is read by others, except where it changes a table.
 */
static bool
needs_all(PlanState *state, const SubPlanState *sub, const PlanContext *context)
{
	PlanState  *parent = context->parent;

	if (sub != NULL)
		return sub->subplan->subLinkType != CTE_SUBLINK || IsA(state, ModifyTableState);
	if (parent == NULL)
		return context->to_end;
	if (state == outerPlanState(parent))
		return gathers_first(parent) || (context->to_end && !ends_early(parent));
	if (state == innerPlanState(parent) && tests_inner(parent))
		return true;
	return context->to_end;
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
 * The limits that must turn out to be none for all rows of the node to be needed.
 * What they are is known when the scan runs, and may change when it runs again.
 */
static List *
limits_passed(PlanState *state, const SubPlanState *sub, const PlanContext *context)
{
	PlanState  *parent = context->parent;

	if (parent == NULL)
		return context->passed;
	if (sub != NULL || (state == outerPlanState(parent) && gathers_first(parent)) ||
		(state == innerPlanState(parent) && tests_inner(parent)))
		return NIL;
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

static bool find_places(PlanState *state, void *arg);

/*
 * All rows of a WITH query are needed by one of its readers, provided that these
 * limits are none.  Another may need them without condition, or under other
 * limits; after many of these it is taken to need them.
 */
static void
find_query_places(PlanState *plan, const List *passed, List **ctes)
{
	PlanContext top = {.to_end = true,.ctes = ctes};
	ReadQuery  *query = NULL;
	ListCell   *lc;

	foreach(lc, *ctes)
	{
		if (((ReadQuery *) lfirst(lc))->plan == plan)
			query = lfirst(lc);
	}
	if (query == NULL)
	{
		query = palloc0(sizeof(ReadQuery));
		query->plan = plan;
		*ctes = lappend(*ctes, query);
	}
	if (query->visits == MOST_VISITS)
		return;
	query->visits = passed == NIL ? MOST_VISITS : query->visits + 1;
	if (query->visits < MOST_VISITS)
		top.passed = unconstify(List *, passed);
	(void) find_places(plan, &top);
}

/*
 * The plan that checks again a row which another transaction has changed, while
 * there is one; or NULL.  Its own scan has that row only, but not its subqueries.
 */
static PlanState *
recheck_plan(PlanState *state)
{
	switch ((int) nodeTag(state))
	{
		case T_ModifyTableState:
			return ((ModifyTableState *) state)->mt_epqstate.recheckplanstate;
		case T_LockRowsState:
			return ((LockRowsState *) state)->lr_epqstate.recheckplanstate;
		default:
			return NULL;
	}
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
	context.to_end = needs_all(state, sub, above);
	context.passed = limits_passed(state, sub, above);
	if (sub == NULL)
	{
		context.limit = limit_above(above);
		context.unordered = above->unordered && (parent == NULL || hands_on(parent, false));
	}
	if (IsA(state, IndexScanState))
		add_place((IndexScanState *) state, &context);
	if (IsA(state, CteScanState) && context.to_end)
		find_query_places(((CteScanState *) state)->cteplanstate, context.passed, above->ctes);
	if (running.rechecks && recheck_plan(state) != NULL)
	{
		PlanContext top = {.to_end = true,.ctes = above->ctes};

		(void) find_places(recheck_plan(state), &top);
	}
	return planstate_tree_walker(state, find_places, &context);
}

static void
search_plan(void)
{
	List	   *ctes = NIL;
	PlanContext top = {.unordered = true,.to_end = running.to_end,.ctes = &ctes};

	Assert(running.places == NIL);
	(void) find_places(running.desc->planstate, &top);
	list_free_deep(ctes);
}

/* Once for all scans of the query, and all their rescans. */
static void
search_plan_once(void)
{
	MemoryContext old = MemoryContextSwitchTo(running.desc->estate->es_query_cxt);

	if (!running.searched)
		search_plan();
	running.searched = true;
	MemoryContextSwitchTo(old);
}

/* Is each of these limits none at present, or beyond `most` rows? */
static bool
limits_pass(const List *limits, uint64 most)
{
	ListCell   *lc;

	foreach(lc, limits)
	{
		uint64		rows = SphxLimitRows(lfirst(lc));

		if (rows > 0 && rows <= most)
			return false;
	}
	return true;
}

/* Join what is known of the scan's places. */
static void
join_places(IndexScanDesc scan, uint64 most, SphxScanPlace *place)
{
	ListCell   *lc;

	foreach(lc, running.places)
	{
		const SphxScanPlace *found = lfirst(lc);

		if (found->state->iss_ScanDesc != scan)
			continue;
		place->state = found->state;
		if (found->limit != NULL && SphxLimitRows(found->limit) <= most)
			place->limit = found->limit;
		place->unordered |= found->unordered;
		place->exhausted |= found->exhausted && limits_pass(found->passed, most);
	}
}

/* Plans that check rows again come and go: what was found of them is not kept. */
static void
find_rechecking_scan(IndexScanDesc scan, uint64 most, SphxScanPlace *place)
{
	List	   *places = running.places;
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "sphx places",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);

	running.places = NIL;
	running.rechecks = true;
	search_plan();
	join_places(scan, most, place);
	running.rechecks = false;
	running.places = places;
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

void
SphxFindScan(IndexScanDesc scan, uint64 most, SphxScanPlace *place)
{
	memset(place, 0, sizeof(*place));
	if (running.desc == NULL || running.desc->planstate == NULL)
		return;
	search_plan_once();
	join_places(scan, most, place);
	if (place->state == NULL)
		find_rechecking_scan(scan, most, place);
	if (SphxLimitRows(place->limit) > 0)
		place->exhausted = false;
	place->passed = NIL;
}

uint64
SphxLimitRows(const LimitState *limit)
{
	if (limit == NULL || limit->noCount)
		return 0;
	Assert(limit->count >= 0 && limit->offset >= 0);
	return (uint64) limit->count + (uint64) limit->offset;
}
