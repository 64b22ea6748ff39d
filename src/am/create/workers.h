/*-------------------------------------------------------------------------
 *
 * workers.h
 *	  Parallel workers of CREATE INDEX.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_BUILD_WORKERS_H
#define SPHX_BUILD_WORKERS_H

#include "am/create/build_state.h"
#include "math/base/parallel.h"

/*
 * Start as many workers as the settings and the size of the rows, which have
 * been read, allow; then build->env has them.  Until they are ended the leader
 * is in parallel mode.  BLAS must have been loaded.
 */
extern void SphxBeginWorkers(SphxBuild *build, Relation heap);
extern void SphxEndWorkers(SphxBuild *build);

/* The index as this process has opened it, which in the leader is `own`. */
extern SphxPages *SphxRunPages(SphxPages *own);

/* The tasks of the files in this folder, for workers. */
extern const SphxTask sphx_see_task;	/* see.c */
extern const SphxTask sphx_group_task;	/* group.c */
extern const SphxTask sphx_edges_task;	/* nodes.c */
extern const SphxTask sphx_nearest_task;	/* calibrate.c */
extern const SphxTask sphx_bounds_task;
extern const SphxTask sphx_width_task;

#endif							/* SPHX_BUILD_WORKERS_H */
