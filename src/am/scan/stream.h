/*-------------------------------------------------------------------------
 *
 * stream.h
 *	  The nodes of an index in the order of their distance from a query.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_AM_STREAM_H
#define SPHX_AM_STREAM_H

#include "server/compat.h"

#include "lib/pairingheap.h"

#include "page/meta.h"
#include "server/search_pool.h"

/* A node found, with bounds of what the operator will say about its rows. */
typedef struct SphxItem
{
	pairingheap_node node;		/* among those found */
	double		lower;
	double		upper;
	uint32		id;
	uint32		next;			/* of its overflow records */
	uint8		tids;			/* in the node's own record */
	uint8		version;
	bool		measured;		/* put back with exact bounds: of the first
								 * row, or of those in overflow records */
	ItemPointerData tid;		/* the first */
} SphxItem;

typedef enum SphxStage
{
	SPHX_STAGE_START,			/* nothing done yet */
	SPHX_STAGE_GRAPH,			/* widening the beam */
	SPHX_STAGE_CELLS,			/* reading cells, the nearest first */
	SPHX_STAGE_REST,			/* reading all other cells */
	SPHX_STAGE_DONE				/* all nodes are found */
} SphxStage;

/*
 * Nodes found and not yet passed on are in a heap, or after stage REST in a
 * sort.  Only the nearest `settled` of all nodes are passed on: the search has
 * gone far enough around them.  What is found later and should have come
 * earlier is late.
 */
typedef struct SphxStream
{
	MemoryContext context;		/* of everything here */
	Relation	index;
	SphxIndexInfo info;
	float	   *q;				/* transformed query, D floats */
	double		norm;			/* of q, and of what it was moved by: at least
								 * that of the query */
	bool		unordered;		/* there is no query: any order will do */
	bool		relaxed;		/* what is late is passed on all the same */
	bool		whole;			/* all nodes will be wanted */
	bool		small;			/* all are read at once */
	int			ef;				/* how widely to search: sphx.ef_search, or
								 * what sphx.target_recall asks for */
	uint32		hidden;			/* a node that is not to be found, or
								 * SPHX_INVALID_NODE */

	SphxSearchLoan *loan;		/* of search, or NULL */
	SphxSearch *search;			/* NULL while it is given back */
	SphxSearchLoan *order_loan; /* of the search that puts cells in order, or
								 * NULL */
	SphxStage	stage;
	int			widenings;		/* of the beam so far */
	float		doubt;			/* so many times as widely do searches go as
								 * where estimates are sound */

	pairingheap *found;			/* the least lower bound is first */
	struct SphxItemChunk *chunks;	/* the memory of the items */
	Size		item_bytes;
	struct SphxItemSort *sort;	/* what stage REST found, or NULL */
	uint64		passed;			/* nodes passed on */
	uint64		settled;		/* as many may be */
	double		frontier;		/* a node below it is late */
	int			puts;			/* items put back and not passed on again */

	SphxItem   *late;			/* strict: those found so far */
	int			late_count;
	int			late_room;

	uint64		reads;			/* nodes read by searches that were given back */
	uint64		lates;			/* nodes found late in all */

	bool		suspended;		/* the search state was given back */
	double		next_lower;		/* then: of the first node not passed on */
	uint32	   *ties;			/* ids passed on whose lower bound is the
								 * frontier */
	int			tie_count;
	int			tie_room;

	uint32	   *cells;			/* all, nearest first, or NULL */
	uint32		cell_next;		/* position in cells[] of the cell being read */
	BlockNumber cell_block;		/* its next block, or InvalidBlockNumber to
								 * begin it */
	uint64		cell_steps;		/* its blocks so far */
} SphxStream;

/* Set up the stream of an index, in memory of `context`. */
extern void SphxInitStream(SphxStream *stream, MemoryContext context, SphxPages *pages);

/* Forget everything about the query before; stream->q and the fields after it are to be set next. */
extern void SphxResetStream(SphxStream *stream);

/* Give back what the memory context does not. */
extern void SphxEndStream(SphxStream *stream);

/*
 * The next node in ascending order of lower bounds; false when there is none.
 * On entry and return no page is locked or pinned (L5).
 */
extern bool SphxStreamNext(SphxStream *stream, SphxPages *pages, SphxItem *item);

/* Is the index so small that a search of this width reads all of it? */
extern bool SphxStreamSmall(const SphxStream *stream, int ef);

/* Nodes read for the query so far. */
extern uint64 SphxStreamReads(const SphxStream *stream);

/* The lower bound of the next node as far as that is known; infinity when there is none yet. */
extern double SphxStreamPeek(const SphxStream *stream);

/*
 * Has the stream left the graph, and would passing on so many nodes take the
 * whole index?
 */
extern bool SphxStreamStrained(const SphxStream *stream, double nodes);

/* Put an item back, with bounds that are now exact and not below the frontier of before. */
extern void SphxStreamPut(SphxStream *stream, const SphxItem *item);

/* A row with a distance of up to this was returned: what is nearer is late from now on. */
extern void SphxStreamRaise(SphxStream *stream, double distance);

/* What was late, once, in no order; valid until the stream goes on. */
extern int	SphxStreamLate(SphxStream *stream, SphxItem **late);

/*
 * Give the search state back, if that can be, until the stream goes on, which
 * then has to begin anew: worth while when many scans are open and most will not go on.
 */
extern void SphxSuspendStream(SphxStream *stream);

#endif							/* SPHX_AM_STREAM_H */
