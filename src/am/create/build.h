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

/*
 * renew.c: make the cells of an index anew when it has outgrown them, as far as may be
 * told of `rows` heap TIDs and a sample of its nodes.  To be called by a vacuum, when
 * it has removed what is dead; no page is locked on entry or return.
 */
extern void SphxRenewCells(Relation index, double rows);

/* callbacks of the access method; no page is locked on entry or return */
extern IndexBuildResult *sphxbuild(Relation heap, Relation index, IndexInfo *index_info);
extern void sphxbuildempty(Relation index);

#endif							/* SPHX_BUILD_H */
