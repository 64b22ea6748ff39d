/*-------------------------------------------------------------------------
 *
 * sphx.c
 *	  Module entry.
 *
 *-------------------------------------------------------------------------
 */
#include "server/compat.h"

#include "utils/guc.h"

#include "am/definition/options.h"
#include "am/planner/plan.h"
#include "am/scan/activity.h"
#include "am/scan/limit.h"
#include "am/scan/scan.h"
#include "server/settings.h"
#include "server/stop_point.h"

SPHX_MODULE_MAGIC;

PGDLLEXPORT void _PG_init(void);

void
_PG_init(void)
{
	SphxDefineSettings();
	SphxDefineStopPoint();
	SphxInitOptions();
	SphxInitPlanning();
	SphxInitLimits();
	SphxInitExplain();
	SphxInitActivity();

	/* last: from here on other names under the prefix are refused */
	MarkGUCPrefixReserved("sphx");
}
