/*-------------------------------------------------------------------------
 *
 * inserter.h
 *	  An insertion from within: the new row, what may become its neighbours, and
 *	  how these are led to it.
 *
 * Included only by insert.c and link.c.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_INSERTER_H
#define SPHX_INSERTER_H

#include "am/insert/insert.h"
#include "math/graph/search.h"
#include "page/meta.h"
#include "server/memory.h"

/* cells whose nodes are sampled, as in the build */
#define SAMPLED_CELLS		8

/* A node that may become a neighbour. */
typedef struct SphxCandidate
{
	float		distance;		/* squared, in the space that edges are chosen
								 * in */
	uint32		id;
	uint8		version;
	const float *vector;		/* as stored, D floats */
	const float *extended;		/* inner product: D + 1 floats; else vector */
} SphxCandidate;

/* A neighbour that takes the edge back. */
typedef struct SphxOffer
{
	const SphxCandidate *candidate;
	SphxRecord *seen;			/* its record, as it was when that was decided */
	SphxRecord *changed;		/* what it becomes */
} SphxOffer;

struct SphxInserter
{
	SphxIndexInfo info;
	SphxServerEnv env;
	MemoryContext row_context;	/* reset for every row */
	SphxSearch *search;
	SphxEdgeWork *work;

	/* the new row */
	float	   *x;				/* D + 1, transformed; the last one as
								 * extended */
	SphxRecord *record;
	float	   *stored;			/* D, the vector as the record stores it */
	uint32		hash;			/* of the original vector */
	Relation	updated;		/* the table, when the row is a new version of
								 * one with the same vector; or NULL */

	/* cells around it that are still to be sampled; none after search_cell */
	uint32		cells[SAMPLED_CELLS];
	int			cell_count;

	/* its neighbours */
	SphxCandidate *candidates;	/* room for ef_construction */
	float	   *extended;		/* inner product: room for the extended
								 * vectors */
	int		   *chosen;			/* m */
	SphxEdges  *edges;			/* to them; then the one back, of each */
	SphxOffer  *offers;			/* m: those that take it, until they are
								 * written */
	int			offer_count;
};

#ifdef USE_ASSERT_CHECKING
/* L4: what searches find is not freed, by an insert's lock or by being the only vacuum. */
extern bool SphxKeepsNodes(SphxPages *pages);
#endif

/*
 * Have the chosen neighbours lead to the node; how many do.  On entry and return no
 * page is locked.  chosen[] is put into the order of ids.
 */
extern int	SphxLinkBack(SphxInserter *inserter, SphxPages *pages, int count, uint32 id);

/*
 * Have the candidate at this place lead to the node if it is still there, which drops
 * the edge that `spare` names for it when it has no room.  On entry and return no page
 * is locked.
 */
extern void SphxForceLink(SphxInserter *inserter, SphxPages *pages, int place, uint32 id,
						  SphxSpareEdge spare, void *arg);

#endif							/* SPHX_INSERTER_H */
