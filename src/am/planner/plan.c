/*-------------------------------------------------------------------------
 *
 * plan.c
 *	  Plans do not compute distances that nobody reads.
 *
 * The planner has every expression of ORDER BY computed by the node that
 * returns rows in that order, for the case that a node above wants to compare
 * them.  Where the rows leave the query in this order already, nobody does,
 * and the column is dropped at the end.  With distances it is not cheap to
 * compute: vectors of more than about 500 dimensions are fetched from the
 * TOAST table for it, one by one.
 *
 * So in such plans the column is made NULL after planning.  An index scan
 * whose order is checked by the executor (xs_recheckorderby) has its own copy
 * of the expression for that.
 *
 *-------------------------------------------------------------------------
 */
#include "am/planner/plan.h"

#include "access/htup_details.h"
#include "catalog/pg_class.h"
#include "commands/defrem.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/plannodes.h"
#include "optimizer/planner.h"
#include "optimizer/tlist.h"
#include "utils/syscache.h"

static planner_hook_type previous_hook = NULL;

static bool
is_sphx_index(Oid index)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(index));
	char	   *name;

	if (!HeapTupleIsValid(tuple))
		return false;
	name = get_am_name(((Form_pg_class) GETSTRUCT(tuple))->relam);
	ReleaseSysCache(tuple);
	return name != NULL && strcmp(name, "sphx") == 0;
}

/* Make NULL those columns of the scan that are only there to be ordered by. */
static void
blank_order_columns(IndexScan *scan)
{
	ListCell   *cell;

	if (scan->indexorderbyorig == NIL || !is_sphx_index(scan->indexid))
		return;
	/* the executor computes its own copies of what is made NULL here */
	Assert(list_length(scan->indexorderby) == list_length(scan->indexorderbyorig));
	foreach(cell, scan->scan.plan.targetlist)
	{
		TargetEntry *column = lfirst_node(TargetEntry, cell);
		Node	   *expr = (Node *) column->expr;

		if (!column->resjunk || !list_member(scan->indexorderbyorig, expr))
			continue;
		/* the entry may belong to other lists as well */
		column = flatCopyTargetEntry(column);
		column->expr = (Expr *) makeNullConst(exprType(expr), exprTypmod(expr),
											  exprCollation(expr));
		lfirst(cell) = column;
	}
}

/*
 * Look for such scans below this node.  unread: what is junk in the node's
 * rows is read by no node above it.
 */
static void
visit_plan(Plan *plan, bool unread)
{
	List	   *children = NIL;
	ListCell   *cell;

	if (plan == NULL)
		return;
	check_stack_depth();
	if (IsA(plan, IndexScan) && unread)
		blank_order_columns((IndexScan *) plan);
	else if (IsA(plan, SubqueryScan))
	{
		/* a query sees no junk of another */
		visit_plan(((SubqueryScan *) plan)->subplan, true);
	}
	else if (IsA(plan, Append))
		children = ((Append *) plan)->appendplans;
	else if (IsA(plan, MergeAppend))
		children = ((MergeAppend *) plan)->mergeplans;
	/* so what is unread below it does not matter for them */
	Assert(children == NIL || (outerPlan(plan) == NULL && innerPlan(plan) == NULL));

	/*
	 * A limit is the last step of a query, and compares rows only for WITH
	 * TIES.  LockRows reads no junk but its own.
	 */
	if (IsA(plan, Limit))
		unread = ((Limit *) plan)->limitOption == LIMIT_OPTION_COUNT;
	else if (!IsA(plan, LockRows))
		unread = false;
	visit_plan(outerPlan(plan), unread);
	visit_plan(innerPlan(plan), false);
	foreach(cell, children)
		visit_plan(lfirst(cell), false);
}

static PlannedStmt *
plan_query(SPHX_PLANNER_PARAMETERS)
{
	planner_hook_type plan = previous_hook ? previous_hook : standard_planner;
	PlannedStmt *planned = plan(SPHX_PLANNER_ARGUMENTS);
	ListCell   *cell;

	visit_plan(planned->planTree, true);
	foreach(cell, planned->subplans)
		visit_plan(lfirst(cell), true);
	return planned;
}

void
SphxInitPlanning(void)
{
	Assert(planner_hook != plan_query);
	previous_hook = planner_hook;
	planner_hook = plan_query;
}
