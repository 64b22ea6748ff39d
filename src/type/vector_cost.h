/*-------------------------------------------------------------------------
 *
 * vector_cost.h
 *	  What having a vector at hand costs, for the planner.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_VECTOR_COST_H
#define SPHX_VECTOR_COST_H

#include "server/compat.h"

#include "nodes/pathnodes.h"

/* Cost of fetching a column's value of so many bytes: 0 when it is in the row. */
extern Cost SphxFetchCost(PlannerInfo *root, const Var *column, double bytes);

#endif							/* SPHX_VECTOR_COST_H */
