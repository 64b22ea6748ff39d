/*-------------------------------------------------------------------------
 *
 * plan.h
 *	  Plans with index scans, looked at after planning.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_PLAN_H
#define SPHX_PLAN_H

#include "server/compat.h"

/* Have plans looked at, see plan.c. */
extern void SphxInitPlanning(void);

#endif							/* SPHX_PLAN_H */
