/*-------------------------------------------------------------------------
 *
 * stop_point.c
 *	  Places where a test may stop this backend.
 *
 *-------------------------------------------------------------------------
 */
#include "server/stop_point.h"

#ifdef USE_ASSERT_CHECKING
#include "utils/fmgrprotos.h"
#include "utils/guc.h"

/* sphx.stop_point: name of the place to stop at, or empty */
static char *stop_point_setting = NULL;

#define STOP_POINT_LOCK		1	/* advisory lock, as pg_advisory_lock(1) takes
								 * it */
#define SLOW_POINT_PASSES	8	/* one of so many passes takes */
#define SLOW_POINT_US		4000	/* so long */

void
SphxDefineStopPoint(void)
{
	DefineCustomStringVariable("sphx.stop_point",
							   "Place in the access method where this session waits for advisory lock 1, or is slow.",
							   NULL,
							   &stop_point_setting, "",
							   PGC_USERSET, GUC_NOT_IN_SAMPLE,
							   NULL, NULL, NULL);
}

/*
 * Wait here for whoever holds the advisory lock, when the setting names this
 * place.  The caller holds no content lock.
 */
void
SphxStopPoint(const char *name)
{
	Datum		lock = Int64GetDatum(STOP_POINT_LOCK);

	if (stop_point_setting == NULL || strcmp(stop_point_setting, name) != 0)
		return;
	(void) DirectFunctionCall1(pg_advisory_lock_int8, lock);
	(void) DirectFunctionCall1(pg_advisory_unlock_int8, lock);
}

/*
 * Take a while here now and then, when the setting names this place.  The
 * caller may hold content locks, under which nobody can be cancelled.  Not
 * every time: those who want the locks exclusively would starve.
 */
void
SphxSlowPoint(const char *name)
{
	static int	passes = 0;

	if (stop_point_setting == NULL || strcmp(stop_point_setting, name) != 0)
		return;
	if (passes++ % SLOW_POINT_PASSES == 0)
		pg_usleep(SLOW_POINT_US);
}
#endif
