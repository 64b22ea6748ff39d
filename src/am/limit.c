/*-------------------------------------------------------------------------
 *
 * limit.c
 *	  How many rows of an index scan the query's LIMIT asks for.
 *
 * The executor does not tell an access method.  So the library remembers which
 * query is being executed (ExecutorRun_hook), and a scan that begins looks for
 * itself in that query's tree of nodes, below a limit.  There the value of the
 * limit is known, also where it is a parameter.
 *
 * It is advice only: a scan goes on for as long as rows are wanted.
 *
 *-------------------------------------------------------------------------
 */
#include "am/am.h"

#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"

static ExecutorRun_hook_type previous_hook = NULL;

/* the query being executed, the innermost one; NULL when there is none, or it is not known */
static QueryDesc *running = NULL;

static void
run_query(SPHX_EXECUTOR_RUN_PARAMETERS)
{
	QueryDesc  *outer = running;

	running = query;
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
 * Do the rows of the scan reach the node whose child this is without a
 * condition on the way?  As in the server's ExecSetTupleBound, which does not
 * go on below LockRows: that may leave out a row, but only one that another
 * transaction holds or has changed, and then the scan simply goes on.
 */
static bool
feeds(PlanState *child, IndexScanDesc scan)
{
	PlanState **children = NULL;
	int			count = 0;
	bool		found = false;

	if (child == NULL || child->qual != NULL)
		return false;
	check_stack_depth();
	if (IsA(child, IndexScanState))
		return ((IndexScanState *) child)->iss_ScanDesc == scan;
	if (IsA(child, SubqueryScanState))
		return feeds(((SubqueryScanState *) child)->subplan, scan);
	if (IsA(child, ResultState) || IsA(child, LockRowsState))
		return feeds(outerPlanState(child), scan);
	if (IsA(child, AppendState))
	{
		children = ((AppendState *) child)->appendplans;
		count = ((AppendState *) child)->as_nplans;
	}
	else if (IsA(child, MergeAppendState))
	{
		children = ((MergeAppendState *) child)->mergeplans;
		count = ((MergeAppendState *) child)->ms_nplans;
	}
	for (int i = 0; i < count && !found; i++)
		found = feeds(children[i], scan);
	return found;
}

typedef struct LimitSearch
{
	IndexScanDesc scan;
	LimitState *limit;			/* the one above the scan, when found */
} LimitSearch;

static bool
find_limit(PlanState *state, void *context)
{
	LimitSearch *search = context;

	if (IsA(state, LimitState) && feeds(outerPlanState(state), search->scan))
	{
		search->limit = (LimitState *) state;
		return true;
	}
	return planstate_tree_walker(state, find_limit, context);
}

struct LimitState *
SphxFindLimit(IndexScanDesc scan)
{
	LimitSearch search = {scan, NULL};

	if (running != NULL && running->planstate != NULL)
		(void) find_limit(running->planstate, &search);
	return search.limit;
}

int
SphxLimitRows(const struct LimitState *limit)
{
	if (limit == NULL || limit->noCount || limit->limitOption != LIMIT_OPTION_COUNT ||
		limit->count > INT_MAX || limit->offset > INT_MAX - limit->count)
		return 0;
	return (int) (limit->count + limit->offset);
}
