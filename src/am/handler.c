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

Datum
sphx_handler(PG_FUNCTION_ARGS)
{
	IndexAmRoutine *am = makeNode(IndexAmRoutine);

	am->amstrategies = SPHX_DISTANCE_STRATEGY;
	am->amsupport = SPHX_OPERAND_PROC;
	am->amcanorderbyop = true;
	am->amoptionalkey = true;
	am->amusemaintenanceworkmem = true;
	am->amparallelvacuumoptions = VACUUM_OPTION_PARALLEL_BULKDEL;
	am->amkeytype = InvalidOid;

	am->ambuild = sphxbuild;
	am->ambuildempty = sphxbuildempty;
	am->aminsert = sphxinsert;
	am->ambulkdelete = sphxbulkdelete;
	am->amvacuumcleanup = sphxvacuumcleanup;
	am->amcostestimate = sphxcostestimate;
	am->amoptions = sphxoptions;
	am->ambuildphasename = sphxbuildphasename;
	am->amvalidate = sphxvalidate;
	am->ambeginscan = sphxbeginscan;
	am->amrescan = sphxrescan;
	am->amgettuple = sphxgettuple;
	am->amendscan = sphxendscan;

	PG_RETURN_POINTER(am);
}
