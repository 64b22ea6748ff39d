/*-------------------------------------------------------------------------
 *
 * vector_cost.c
 *	  What a distance costs, for the planner.
 *
 * A vector of more than some 500 dimensions is kept out of line, and fetching
 * it costs far more than the distance.  The server knows nothing of that, and
 * so takes reading a whole table, which fetches all of them, for cheap.
 *
 *-------------------------------------------------------------------------
 */
#include "type/vector_cost.h"

#include <math.h>

#include "access/heaptoast.h"
#include "nodes/nodeFuncs.h"
#include "nodes/supportnodes.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "utils/lsyscache.h"
#include "utils/spccache.h"

#include "type/vector.h"

PG_FUNCTION_INFO_V1(sphx_distance_support);

/* part of a page's cost that one in the cache costs; fetches go to the same index again and again */
#define CACHED				0.1

/* dimensions whose arithmetic costs as much as an operator */
#define DIMS_PER_OPERATOR	256

/* Where there are statistics they know how many bytes are in the row. */
Cost
SphxFetchCost(PlannerInfo *root, const Var *column, double bytes)
{
	const RangeTblEntry *rte = planner_rt_fetch(column->varno, root);
	double		chunks = ceil(bytes / TOAST_MAX_CHUNK_SIZE);
	double		random_cost;
	double		seq_cost;
	int32		width;

	if (rte->rtekind != RTE_RELATION || bytes < TOAST_TUPLE_TARGET)
		return 0.0;
	width = get_attavgwidth(rte->relid, column->varattno);
	if (width > bytes / 2)
		return 0.0;				/* stored plain */
	get_tablespace_page_costs(InvalidOid, &random_cost, &seq_cost);
	return CACHED * (random_cost + chunks * seq_cost) + chunks * cpu_index_tuple_cost;
}

/* Cost of having the argument at hand, and of what is computed of its dimensions. */
static Cost
argument_cost(PlannerInfo *root, Node *argument)
{
	int			dims = exprTypmod(argument);
	Cost		cost;

	if (dims <= 0)
		return 0.0;
	cost = cpu_operator_cost * dims / DIMS_PER_OPERATOR;
	if (root != NULL && IsA(argument, Var) && ((Var *) argument)->varlevelsup == 0)
		cost += SphxFetchCost(root, (Var *) argument, (double) SPHX_VECTOR_SIZE(dims));
	return cost;
}

/*
 * sphx_distance_support(internal) -> internal: the support function of
 * distances, which answers how much a call costs.
 */
Datum
sphx_distance_support(PG_FUNCTION_ARGS)
{
	Node	   *request = (Node *) PG_GETARG_POINTER(0);
	SupportRequestCost *cost = (SupportRequestCost *) request;
	List	   *args = NIL;
	ListCell   *lc;

	if (!IsA(request, SupportRequestCost) || cost->node == NULL)
		PG_RETURN_POINTER(NULL);
	if (IsA(cost->node, OpExpr))
		args = ((OpExpr *) cost->node)->args;
	else if (IsA(cost->node, FuncExpr))
		args = ((FuncExpr *) cost->node)->args;
	cost->startup = 0.0;
	cost->per_tuple = cpu_operator_cost;
	foreach(lc, args)
		cost->per_tuple += argument_cost(cost->root, lfirst(lc));
	PG_RETURN_POINTER(request);
}
