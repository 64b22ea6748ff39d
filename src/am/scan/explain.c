/*-------------------------------------------------------------------------
 *
 * explain.c
 *	  What a scan did, in EXPLAIN (ANALYZE, VERBOSE).
 *
 * Only where the server lets a module print there.  The figures are those of
 * all loops, as those that the server prints beside them; of this process, so
 * nothing is printed of a scan that only parallel workers ran.
 *
 *-------------------------------------------------------------------------
 */
#include "am/scan/scan.h"

#ifdef SPHX_EXPLAINS_NODES
#include "access/amapi.h"
#include "commands/explain.h"
#include "commands/explain_format.h"
#include "commands/explain_state.h"
#include "nodes/execnodes.h"
#include "utils/rel.h"

static explain_per_node_hook_type previous_hook = NULL;

static void
print_counts(const SphxScanCounts *counts, ExplainState *es)
{
	ExplainPropertyUInteger("Nodes Read", NULL, counts->nodes_read, es);
	ExplainPropertyUInteger("Cells Read", NULL, counts->cells_read, es);
	ExplainPropertyInteger("Widenings", NULL, counts->widenings, es);
	ExplainPropertyUInteger("Nodes Late", NULL, counts->nodes_late, es);
	ExplainPropertyUInteger("Rows Rechecked", NULL, counts->rows_rechecked, es);
	if (counts->table_read || es->format != EXPLAIN_FORMAT_TEXT)
		ExplainPropertyBool("Table Read", counts->table_read, es);
}

static void
explain_node(PlanState *state, List *ancestors, const char *relationship, const char *plan_name,
			 ExplainState *es)
{
	IndexScanDesc scan = IsA(state, IndexScanState) ? ((IndexScanState *) state)->iss_ScanDesc : NULL;

	if (previous_hook != NULL)
		previous_hook(state, ancestors, relationship, plan_name, es);
	if (es->analyze && es->verbose && scan != NULL &&
		scan->indexRelation->rd_indam->amgettuple == sphxgettuple)
	{
		SphxScanCounts counts = SphxScanTotals(scan);

		print_counts(&counts, es);
	}
}

void
SphxInitExplain(void)
{
	previous_hook = explain_per_node_hook;
	explain_per_node_hook = explain_node;
}
#else
void
SphxInitExplain(void)
{
}
#endif
