/*-------------------------------------------------------------------------
 *
 * check_report.c
 *	  What sphx_check reports.
 *
 *-------------------------------------------------------------------------
 */
#include "fn/check_state.h"

#include "catalog/index.h"
#include "utils/rel.h"

static const char *const invariants[] = {
	[SPHX_I1_EDGES_USED] = "an edge of a living node leads to a node in use",
	[SPHX_I2_EDGES_DISTINCT] = "edges lead to different records of the same layer",
	[SPHX_I3_DEGREE] = "a record has at most m edges",
	[SPHX_I4_TIDS] = "a living node has heap TIDs, a deleted one has none",
	[SPHX_I5_FREE] = "a page counts its free slots right",
	[SPHX_I6_CELL] = "a page's cell is the one whose chain it is in",
	[SPHX_I7_VECTORS] = "a stored vector is as near to those of its rows as the record says",
	[SPHX_I8_BLOCKS] = "pages and records are what the metapage plans",
	[SPHX_I9_CHAINS] = "every page of nodes or overflow records is in one chain, once",
	[SPHX_I10_ENTRY] = "a cell's entry is a node on a page of the cell",
	[SPHX_I11_OVERFLOW] = "an overflow record has heap TIDs and belongs to one node",
	[SPHX_I12_LAYERS] = "centroids are dense, one a cell, and lead to the layer below",
	[SPHX_I13_ROWS] = "every row to be indexed is in the index once"
};

void
SphxCheckFailed(SphxCheck *check, BlockNumber block, SphxInvariant invariant,
				const char *format,...)
{
	char		reason[256];
	va_list		args;

	va_start(args, format);
	vsnprintf(reason, sizeof(reason), format, args);
	va_end(args);
	ereport(ERROR,
			(errcode(ERRCODE_INDEX_CORRUPTED),
			 errmsg("index \"%s\" is corrupted at block %u: %s",
					RelationGetRelationName(check->pages.index), block, reason),
			 errdetail("Invariant I%d does not hold: %s.", (int) invariant, invariants[invariant]),
			 errhint("Please REINDEX it.")));
}

void
SphxRowsFailed(SphxCheck *check, SphxInvariant invariant, const char *problem, int64 tid)
{
	ItemPointerData decoded;

	itemptr_decode(&decoded, tid);
	ereport(ERROR,
			(errcode(ERRCODE_INDEX_CORRUPTED),
			 errmsg("index \"%s\" does not agree with its table: %s: (%u,%u)",
					RelationGetRelationName(check->pages.index), problem,
					ItemPointerGetBlockNumber(&decoded), ItemPointerGetOffsetNumber(&decoded)),
			 errdetail("Invariant I%d does not hold: %s.", (int) invariant, invariants[invariant]),
			 errhint("Please REINDEX it.")));
}
