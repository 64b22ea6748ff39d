/*-------------------------------------------------------------------------
 *
 * handler.c
 *	  The access method's handler.
 *
 *-------------------------------------------------------------------------
 */
#include "server/compat.h"

#include "access/amapi.h"
#include "commands/vacuum.h"

#include "am/create/build.h"
#include "am/create/progress.h"
#include "am/definition/opclass.h"
#include "am/definition/options.h"
#include "am/insert/insert.h"
#include "am/planner/cost.h"
#include "am/scan/scan.h"
#include "am/vacuum/vacuum.h"

PG_FUNCTION_INFO_V1(sphx_handler);

/* Vacuum leaves to CREATE INDEX what is learned of the rows. */
static IndexBulkDeleteResult *
vacuum_cleanup(IndexVacuumInfo *info, IndexBulkDeleteResult *stats)
{
	stats = sphxvacuumcleanup(info, stats);
	if (!info->analyze_only)
	{
		SphxRenewCells(info->index, stats->num_index_tuples);
		stats->num_pages = RelationGetNumberOfBlocks(info->index);
	}
	return stats;
}

Datum
sphx_handler(PG_FUNCTION_ARGS)
{
	static const IndexAmRoutine am = {
		.type = T_IndexAmRoutine,
		.amstrategies = SPHX_DISTANCE_STRATEGY,
		.amsupport = SPHX_OPERAND_PROC,
		.amcanorderbyop = true,
		.amoptionalkey = true,
		.amusemaintenanceworkmem = true,
		.amparallelvacuumoptions = VACUUM_OPTION_PARALLEL_BULKDEL,
		.amkeytype = InvalidOid,

		.ambuild = sphxbuild,
		.ambuildempty = sphxbuildempty,
		.aminsert = sphxinsert,
		.ambulkdelete = sphxbulkdelete,
		.amvacuumcleanup = vacuum_cleanup,
		.amcostestimate = sphxcostestimate,
		.amoptions = sphxoptions,
		.ambuildphasename = sphxbuildphasename,
		.amvalidate = sphxvalidate,
		.ambeginscan = sphxbeginscan,
		.amrescan = sphxrescan,
		.amgettuple = sphxgettuple,
		.amendscan = sphxendscan
	};

	SPHX_RETURN_ROUTINE(&am);
}
