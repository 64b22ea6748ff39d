/*-------------------------------------------------------------------------
 *
 * check_state.h
 *	  What the files of sphx_check share.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_CHECK_STATE_H
#define SPHX_CHECK_STATE_H

#include "server/compat.h"

#include "nodes/execnodes.h"

#include "page/chain.h"
#include "page/meta.h"
#include "page/store.h"

/* Numbers of invariants, as in src/README. */
typedef enum SphxInvariant
{
	SPHX_I1_EDGES_USED = 1,
	SPHX_I2_EDGES_DISTINCT,
	SPHX_I3_DEGREE,
	SPHX_I4_TIDS,
	SPHX_I5_FREE,
	SPHX_I6_CELL,
	SPHX_I7_VECTORS,
	SPHX_I8_BLOCKS,
	SPHX_I9_CHAINS,
	SPHX_I10_ENTRY,
	SPHX_I11_OVERFLOW,
	SPHX_I12_LAYERS,
	SPHX_I13_ROWS
} SphxInvariant;

/* What is remembered of a page. */
typedef struct CheckedPage
{
	BlockNumber next;
	uint32		cell;
	uint8		kind;			/* SphxPageKind, or 0 when never written */
	bool		chained;		/* met in a chain */
} CheckedPage;

typedef struct SphxCheck
{
	SphxPages	pages;
	SphxIndexInfo info;
	Relation	heap;			/* the table */
	BlockNumber heap_blocks;	/* it has at least */
	BlockNumber nblocks;		/* when the check began; what is added later
								 * is not checked */
	BlockNumber first;			/* block behind the layers */
	CheckedPage *page;			/* nblocks */

	/* a bit for every slot of those blocks */
	uint8	   *used;
	uint8	   *living;			/* nodes: used and not DELETED */
	uint8	   *reached;		/* nodes: reached from an entry; overflow
								 * records: in a chain */
	uint8	   *expanded;		/* nodes: their neighbours are reached */

	PGAlignedBlock copy;		/* of the page that is being checked */
	struct SphxRowSort *rows;	/* heap TIDs found, or NULL */

	int64		nodes;			/* living */
	int64		deleted;		/* left by a vacuum that did not finish */
	int64		overflow;
	int64		edges;			/* of living nodes */
	int64		tid_count;
	int64		unreachable;
	int64		unwritten;		/* pages */
} SphxCheck;

static inline bool
SphxTestBit(const uint8 *bits, uint64 bit)
{
	return (bits[bit / 8] >> (bit % 8)) & 1;
}

static inline void
SphxSetBit(uint8 *bits, uint64 bit)
{
	bits[bit / 8] |= (uint8) (1 << (bit % 8));
}

/* Is the id that of a slot of the blocks that are checked? */
static inline bool
SphxIsChecked(const SphxCheck *check, uint32 id)
{
	return SphxNodeBlock(&check->info, id) < check->nblocks;
}

/* check_report.c: the index is not as the invariant says, an error with block and reason */
pg_noreturn extern void SphxCheckFailed(SphxCheck *check, BlockNumber block,
										SphxInvariant invariant,
										const char *format,...) pg_attribute_printf(4, 5);
pg_noreturn extern void SphxRowsFailed(SphxCheck *check, SphxInvariant invariant,
									   const char *problem, int64 tid);

/* check_pages.c: every page by itself */

/*
 * Copy the block to check->copy, check what can be seen from it alone, and
 * remember its frame and the records in use.  Returns its kind.
 */
extern SphxPageKind SphxCheckPage(SphxCheck *check, BlockNumber block);
extern void SphxCheckPages(SphxCheck *check);

/* check_links.c: what leads from page to page */
extern void SphxCheckDirectory(SphxCheck *check);
extern void SphxCheckRecords(SphxCheck *check);
extern void SphxCountUnreachable(SphxCheck *check);

/* check_rows.c: the table's rows */
extern void SphxStartRows(SphxCheck *check);

/* TIDs of a node, from its own record or one of its overflow chain. */
extern void SphxFoundTids(SphxCheck *check, uint32 id, const SphxRecord *node,
						  const ItemPointerData *tids, int count);

/* Returns the number of rows that had to be, and are, in the index. */
extern int64 SphxCheckRows(SphxCheck *check, Snapshot snapshot);

#endif							/* SPHX_CHECK_STATE_H */
