/*-------------------------------------------------------------------------
 *
 * progress.h
 *	  Phases of a build, in pg_stat_progress_create_index.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_PROGRESS_H
#define SPHX_PROGRESS_H

#include "server/compat.h"

/* callback of the access method */
extern char *sphxbuildphasename(int64 phase);

#endif							/* SPHX_PROGRESS_H */
