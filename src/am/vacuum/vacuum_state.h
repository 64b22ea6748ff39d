/*-------------------------------------------------------------------------
 *
 * vacuum_state.h
 *	  What the files of vacuum share.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_VACUUM_STATE_H
#define SPHX_VACUUM_STATE_H

#include "server/compat.h"

#include "access/genam.h"

#include "am/definition/norms.h"
#include "page/node.h"

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

	BlockNumber nblocks;		/* of the index, when the command began */
	float	   *x;				/* D: a node's vector */
	SphxNorms	norms;			/* of the living nodes read so far (inner
								 * product) */

	struct EdgeBalance *balance;	/* balance.c; NULL: no memory for it, or
									 * several windows */
	struct RepairState *repair;
} VacuumState;

static inline bool
SphxIsDeleted(const VacuumState *vacuum, uint32 id)
{
	uint32		per_page = vacuum->info.meta.per_page;
	BlockNumber block = id / per_page;
	uint64		bit;

	Assert(vacuum->deleted != NULL);

	if (block < vacuum->first || block >= vacuum->end)
		return false;
	bit = (uint64) id - (uint64) vacuum->first * per_page;
	return (vacuum->deleted[bit / 8] >> (bit % 8)) & 1;
}

/*
 * How many edges lead to each node, so that repairs can give to those that few
 * lead to (balance.c).  SphxCreateBalance wants `slots` places for nodes to be
 * counted within `limit` bytes, and returns NULL when there is no room.
 */
extern struct EdgeBalance *SphxCreateBalance(const SphxIndexInfo *info, uint64 slots,
											 uint64 limit);

/* Count the edges that lead from the living nodes of a page, which is locked. */
extern void SphxCountPageEdges(VacuumState *vacuum, Page page, BlockNumber block);

/* An edge to the node more (1) or less (-1). */
extern void SphxCountEdge(VacuumState *vacuum, uint32 id, int change);

/* Do fewer edges lead to the node than should?  No when nobody counts. */
extern bool SphxIsWeak(const VacuumState *vacuum, uint32 id);

/* How many lead to it, UINT8_MAX at most, and where nobody counts. */
extern uint8 SphxEdgeCount(const VacuumState *vacuum, uint32 id);

/*
 * Let the weak nodes ask their neighbours for edges; all edges have been counted.
 * Here and below no page is locked on entry or return.
 */
extern void SphxRequestEdges(VacuumState *vacuum);

/* The nodes that ask this one for an edge: SPHX_REQUESTS, some of them SPHX_INVALID_NODE; or NULL. */
#define SPHX_REQUESTS		4

extern const uint32 *SphxEdgeRequests(const VacuumState *vacuum, uint32 id);

/*
 * Drop all edges to the window's deleted nodes, and choose the neighbours of
 * the nodes that lose some anew (repair.c).  Counts nodes and room by cell on the
 * way.  Inserts that may know a deleted node have been waited for (L4): nobody
 * adds an edge to one any more.
 */
extern void SphxDropEdges(VacuumState *vacuum);

/*
 * Link the living nodes that no edge leads to, when edges were counted (relink.c).
 * On entry and return no page is locked.
 */
extern void SphxLinkIsolated(VacuumState *vacuum);

#endif							/* SPHX_VACUUM_STATE_H */
