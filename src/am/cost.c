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

/* nodes read by a search, in units of ef_search */
#define READS_PER_EF		2

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

/* Is the distance that rows are ordered by also compared with something for equality? */
static bool
distance_equated(const IndexPath *path)
{
	PathKey    *key = linitial_node(PathKey, path->path.pathkeys);
	int			members = 0;
	ListCell   *cell;

	foreach(cell, key->pk_eclass->ec_members)
	{
		if (!lfirst_node(EquivalenceMember, cell)->em_is_child)
			members++;
	}
	return members > 1;
}

/*
 * Rows that the scan finds late may be nearer than those before them
 * (src/README, "Scan").  Readers of sorted rows get them late; but grouping
 * would find a group twice, and a merge join lose rows.
 */
static bool
order_suffices(const PlannerInfo *root, const IndexPath *path)
{
	return path->path.pathkeys == NIL ||
		(root->group_pathkeys == NIL && root->distinct_pathkeys == NIL &&
		 SphxSetopPathkeys(root) == NIL && !distance_equated(path));
}

void
sphxcostestimate(PlannerInfo *root, IndexPath *path, double loop_count, Cost *startup_cost,
				 Cost *total_cost, Selectivity *selectivity, double *correlation, double *pages)
{
	IndexOptInfo *index = path->indexinfo;
	double		tuples = Max(index->tuples, 1.0);
	double		reads = Min(READS_PER_EF * sphx_ef_search + DESCENT_READS, Max(index->pages, 1));
	double		cpu = cpu_index_tuple_cost + cpu_operator_cost;
	Cost		per_page = page_cost(index);

	*selectivity = 1.0;
	*correlation = 0.0;
	*pages = index->pages;
	if (path->indexorderbys == NIL || !order_suffices(root, path))
	{
		/*
		 * not to be used: for rows in no order a sequential scan is never
		 * worse
		 */
		*startup_cost = *total_cost = get_float8_infinity();
		SphxDisablePath(path);
		return;
	}

	/* the first rows cost a search, all the others reading every cell */
	*startup_cost = reads * per_page + Min(32.0 * reads, tuples) * cpu;
	*total_cost = *startup_cost + index->pages * per_page + tuples * cpu;
}
