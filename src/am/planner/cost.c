/*-------------------------------------------------------------------------
 *
 * cost.c
 *	  Cost of index scans.
 *
 *-------------------------------------------------------------------------
 */
#include "am/planner/cost.h"

#include <math.h>

#include "access/genam.h"
#include "nodes/pathnodes.h"
#include "optimizer/clauses.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "storage/lmgr.h"
#include "utils/float.h"
#include "utils/spccache.h"

#include "am/definition/opclass.h"
#include "page/meta.h"
#include "server/settings.h"
#include "server/tuning.h"
#include "type/vector_cost.h"

/* pages read on the way down, and by the entries of cells */
#define DESCENT_READS		16

/* part of a random page's cost that one in the cache costs */
#define CACHED				0.1

/* edges of a node, whose far ends are estimated */
#define EDGES				32

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
	return random_cost * (CACHED + (1.0 - CACHED) * Min(uncached, 1.0));
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
 * Is this the search for an aggregate's row, which min(distance) becomes?  An
 * index scan returns the nearest rows with a high probability, and who asks
 * for a minimum means the exact one.  (build_minmax_path calls its only column
 * so.)
 */
static bool
is_minmax(const PlannerInfo *root)
{
	const TargetEntry *column;

	if (root->parent_root == NULL || !root->parent_root->parse->hasAggs ||
		list_length(root->parse->targetList) == 0)
		return false;
	column = linitial_node(TargetEntry, root->parse->targetList);
	return column->resname != NULL && strcmp(column->resname, "agg_target") == 0;
}

/*
 * A scan returns rows in order, but may miss some (src/README, "Scan").  Who
 * asks for the nearest knows that; a group, a distinct value, a row of a union
 * or of a join on the distance is to be there for certain.
 */
static bool
nearness_suffices(const PlannerInfo *root, const IndexPath *path)
{
	return path->path.pathkeys == NIL ||
		(root->group_pathkeys == NIL && root->distinct_pathkeys == NIL &&
		 SphxSetopPathkeys(root) == NIL && !distance_equated(path) && !is_minmax(root));
}

/* The column whose vectors the index has, or has something of; NULL if there is none. */
static const Var *
indexed_column(const IndexPath *path)
{
	List	   *columns = pull_var_clause(linitial(path->indexorderbys), PVC_RECURSE_AGGREGATES |
										  PVC_RECURSE_WINDOWFUNCS | PVC_RECURSE_PLACEHOLDERS);
	ListCell   *lc;

	foreach(lc, columns)
	{
		const Var  *column = lfirst_node(Var, lc);

		if (column->varno == (int) path->indexinfo->rel->relid && column->varlevelsup == 0)
			return column;
	}
	return NULL;
}

/* What the planner takes for the cost of reading and sorting the table. */
static Cost
table_cost(const PlannerInfo *root, const RelOptInfo *table)
{
	double		random_cost;
	double		seq_cost;
	double		kept = root->limit_tuples > 0.0 ? Min(2.0 * root->limit_tuples, table->tuples) :
	table->tuples;

	get_tablespace_page_costs(table->reltablespace, &random_cost, &seq_cost);
	return seq_cost * table->pages + table->tuples *
		(cpu_tuple_cost + cpu_operator_cost + 2.0 * cpu_operator_cost * log2(Max(kept, 2.0)));
}

/* Bytes of the column's vectors; an expression over another type is mostly one over vectors. */
static double
column_bytes(const IndexOptInfo *index, const Var *column, SphxOperand operand)
{
	double		dims = column->vartypmod;

	Assert(dims > 0.0);
	if (column->vartype != index->opcintype[0] || operand == SPHX_OPERAND_PGVECTOR)
		return dims * (double) sizeof(float);
	return operand == SPHX_OPERAND_BIT ? dims / BITS_PER_BYTE : dims * (double) sizeof(uint16);
}

/*
 * pgvector's distances do not tell the planner what it costs to fetch vectors
 * that are out of line (vector_cost.c), so it takes reading the table for too
 * cheap.  The index is made cheaper by the same factor.
 */
static double
scale_to_table(PlannerInfo *root, const IndexPath *path)
{
	const IndexOptInfo *index = path->indexinfo;
	SphxOperand operand = SphxFamilyOperand(index->opfamily[0], index->opcintype[0]);
	const Var  *column;
	Cost		known;
	Cost		fetches;

	if (operand == SPHX_OPERAND_VECTOR)
		return 1.0;
	column = indexed_column(path);
	if (column == NULL || column->vartypmod <= 0)
		return 1.0;
	known = table_cost(root, index->rel);
	fetches = index->rel->tuples *
		SphxFetchCost(root, column, column_bytes(index, column, operand));
	Assert(known >= 0.0 && fetches >= 0.0);
	return known > 0.0 ? known / (known + fetches) : 1.0;
}

/* How widely the scan will search, as far as that is known now. */
static int
search_width(const PlannerInfo *root, const IndexOptInfo *info)
{
	Relation	index;
	SphxPages	pages;
	SphxIndexInfo described;
	double		reached;

	if (sphx_target_recall == 0.0 || info->hypothetical)
		return sphx_ef_search;
	/* locked by the planner */
	index = index_open(info->indexoid, NoLock);
	Assert(CheckRelationLockedByMe(index, AccessShareLock, true));
	SphxOpenPages(&pages, index);
	SphxGetInfo(&pages, &described);
	index_close(index, NoLock);
	if (described.calibration.checksum == 0)
		return sphx_ef_search;
	return SphxCalibratedWidth(&described.calibration, sphx_target_recall,
							   root->limit_tuples > 0.0 ? (uint64) root->limit_tuples : 0, &reached);
}

void
sphxcostestimate(PlannerInfo *root, IndexPath *path, double loop_count, Cost *startup_cost,
				 Cost *total_cost, Selectivity *selectivity, double *correlation, double *pages)
{
	IndexOptInfo *index = path->indexinfo;
	double		tuples = Max(index->tuples, 1.0);
	double		reads = Min(SPHX_READS_PER_EF * search_width(root, index) + DESCENT_READS,
							Max(index->pages, 1));
	double		cpu = cpu_index_tuple_cost + cpu_operator_cost;
	double		scale;
	Cost		per_read = page_cost(index) + EDGES * cpu;

	*selectivity = 1.0;
	*correlation = 0.0;
	*pages = index->pages;
	if (path->indexorderbys == NIL || !nearness_suffices(root, path))
	{
		/*
		 * not to be used: for rows in no order a sequential scan is never
		 * worse
		 */
		*startup_cost = *total_cost = get_float8_infinity();
		SphxDisablePath(path);
		return;
	}

	/*
	 * The server looks at a table's columns and conditions when it decides
	 * what parallel workers may do, but not at what its index orders by: a
	 * vector of an outer query (LATERAL) is not known to them.
	 */
	if (!is_parallel_safe(root, (Node *) path->indexorderbys))
		path->path.parallel_safe = false;

	/*
	 * The first rows cost a search.  From then on each row that is passed on
	 * takes so many reads more, whether it is wanted or a condition removes
	 * it.
	 */
	scale = scale_to_table(root, path);
	*startup_cost = scale * (reads * page_cost(index) + Min(EDGES * reads, tuples) * cpu);
	*total_cost = *startup_cost + scale * tuples * SPHX_READS_PER_ROW * per_read;
	Assert(*startup_cost >= 0.0 && *total_cost >= *startup_cost);
}
