/*-------------------------------------------------------------------------
 *
 * vacuum.h
 *	  Removal of dead rows.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_VACUUM_H
#define SPHX_VACUUM_H

#include "server/compat.h"

#include "access/genam.h"

/* callbacks of the access method; no page is locked on entry or return */
extern IndexBulkDeleteResult *sphxbulkdelete(IndexVacuumInfo *info, IndexBulkDeleteResult *stats,
											 IndexBulkDeleteCallback callback, void *state);
extern IndexBulkDeleteResult *sphxvacuumcleanup(IndexVacuumInfo *info,
												IndexBulkDeleteResult *stats);

#endif							/* SPHX_VACUUM_H */
