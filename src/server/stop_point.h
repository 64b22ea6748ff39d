/*-------------------------------------------------------------------------
 *
 * stop_point.h
 *	  Places where a test may stop this backend, or slow it down where it holds
 *	  content locks.  Only in builds with assertions.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_STOP_POINT_H
#define SPHX_STOP_POINT_H

#include "server/compat.h"

#ifdef USE_ASSERT_CHECKING
/* Define the setting that names the place. */
extern void SphxDefineStopPoint(void);

extern void SphxStopPoint(const char *name);
extern void SphxSlowPoint(const char *name);
#else
#define SphxDefineStopPoint() ((void) 0)
#define SphxStopPoint(name) ((void) 0)
#define SphxSlowPoint(name) ((void) 0)
#endif

#endif							/* SPHX_STOP_POINT_H */
