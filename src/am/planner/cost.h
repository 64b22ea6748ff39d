/*-------------------------------------------------------------------------
 *
 * cost.h
 *	  Cost of index scans.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_COST_H
#define SPHX_COST_H

#include "server/compat.h"

#include "nodes/pathnodes.h"

/* callback of the access method */
extern void sphxcostestimate(PlannerInfo *root, IndexPath *path, double loop_count,
							 Cost *startup_cost, Cost *total_cost, Selectivity *selectivity,
							 double *correlation, double *pages);

#endif							/* SPHX_COST_H */
