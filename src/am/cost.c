/*-------------------------------------------------------------------------
 *
 * cost.c
 *	  Cost of index scans.
 *
 *-------------------------------------------------------------------------
 */
#include "am/am.h"

#include "nodes/pathnodes.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "utils/float.h"
#include "utils/spccache.h"

/* pages read on the way down, and by the entries of cells */
#define DESCENT_READS		16

/*
 * Cost of reading one of the index's pages.  A search goes to the same upper
 * layers and well-connected nodes again and again, so an index that fits the
 * cache mostly is in it.
 */
static double
page_cost(const IndexOptInfo *index)
{
	double		random_cost;
	double		uncached = (double) index->pages / Max(effective_cache_size, 1);

	get_tablespace_page_costs(index->reltablespace, &random_cost, NULL);
	return random_cost * (0.25 + 0.75 * Min(uncached, 1.0));
}

void
sphxcostestimate(PlannerInfo *root, IndexPath *path, double loop_count, Cost *startup_cost,
				 Cost *total_cost, Selectivity *selectivity, double *correlation, double *pages)
{
	IndexOptInfo *index = path->indexinfo;
	double		tuples = Max(index->tuples, 1.0);
	double		reads = Min(sphx_ef_search + DESCENT_READS, Max(index->pages, 1));
	double		cpu = cpu_index_tuple_cost + cpu_operator_cost;
	Cost		per_page = page_cost(index);

	*selectivity = 1.0;
	*correlation = 0.0;
	*pages = index->pages;
	if (path->indexorderbys == NIL)
	{
		/*
		 * rows in no order: nothing that a sequential scan could not do
		 * better
		 */
		*startup_cost = *total_cost = get_float8_infinity();
		SphxDisablePath(path);
		return;
	}

	/* the first rows cost a search, all the others reading every cell */
	*startup_cost = reads * per_page + Min(32.0 * reads, tuples) * cpu;
	*total_cost = *startup_cost + index->pages * per_page + tuples * cpu;
}
