/*-------------------------------------------------------------------------
 *
 * vacuum.h
 *	  What the files of vacuum share.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_AM_VACUUM_H
#define SPHX_AM_VACUUM_H

#include "am/am.h"
#include "page/chain.h"

/*
 * One ambulkdelete.  Works through windows of blocks, so that the bitmap of
 * deleted nodes stays within maintenance_work_mem; nearly always there is one
 * window.
 */
typedef struct VacuumState
{
	SphxPages	pages;
	SphxIndexInfo info;
	IndexBulkDeleteResult *stats;
	IndexBulkDeleteCallback callback;
	void	   *callback_state;

	/* deleted nodes of the window */
	BlockNumber first;
	BlockNumber end;
	uint8	   *deleted;		/* a bit for every slot of [first, end) */
	uint64		deleted_count;

	/* by cell, the overflow chain last: what a walk over all pages found */
	uint32	   *nodes;
	BlockNumber *first_free;	/* lowest block with room, or
								 * InvalidBlockNumber */

	/* edges of living nodes that lead to a node, by its id; or NULL */
	uint8	   *in_degree;
	uint32		in_degree_count;	/* ids counted for */

	/* nodes that want an edge from a node, by its id: REQUESTS each, or NULL */
	uint32	   *requests;

	struct RepairState *repair;
} VacuumState;

#define REQUESTS 4

static inline bool
SphxIsDeleted(const VacuumState *vacuum, uint32 id)
{
	uint32		per_page = vacuum->info.meta.per_page;
	BlockNumber block = id / per_page;
	uint64		bit;

	if (block < vacuum->first || block >= vacuum->end)
		return false;
	bit = (uint64) id - (uint64) vacuum->first * per_page;
	return (vacuum->deleted[bit / 8] >> (bit % 8)) & 1;
}

static inline uint32
SphxInDegree(const VacuumState *vacuum, uint32 id)
{
	return vacuum->in_degree == NULL || id >= vacuum->in_degree_count ?
		UINT8_MAX : vacuum->in_degree[id];
}

static inline void
SphxCountEdge(VacuumState *vacuum, uint32 id, int change)
{
	if (vacuum->in_degree == NULL || id >= vacuum->in_degree_count)
		return;
	/* a number that had no room in the byte stays there */
	if (vacuum->in_degree[id] != UINT8_MAX)
		vacuum->in_degree[id] = (uint8) (vacuum->in_degree[id] + change);
}

/*
 * Drop all edges to the window's deleted nodes, and repair the nodes that lose
 * many (repair.c).  Counts nodes and room by cell on the way.
 */
extern void SphxDropEdges(VacuumState *vacuum);

#endif							/* SPHX_AM_VACUUM_H */
