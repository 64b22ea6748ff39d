/*-------------------------------------------------------------------------
 *
 * build.h
 *	  CREATE INDEX.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_BUILD_H
#define SPHX_BUILD_H

#include "server/compat.h"

#include "access/genam.h"
#include "nodes/execnodes.h"

/* callbacks of the access method; no page is locked on entry or return */
extern IndexBuildResult *sphxbuild(Relation heap, Relation index, IndexInfo *index_info);
extern void sphxbuildempty(Relation index);

#endif							/* SPHX_BUILD_H */
