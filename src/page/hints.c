/*-------------------------------------------------------------------------
 *
 * hints.c
 *	  Room for hints: one table a backend, cut into regions.
 *
 * Regions are handed out from the front on.  What is given back stays unused,
 * with what is in it, until the table is started anew: before it would grow
 * though a good part of it is such waste.  All hints are lost then; they are
 * found again one by one.
 *
 * While everything fits, no two blocks share a place.  When the regions in use
 * do not fit into the largest table there may be, further ones go on at the
 * front: a place then belongs to whichever of its blocks was seen last.  That
 * costs the others a look-up, but nothing is moved, cleared or allocated, in
 * whatever turns indexes are used; and readers check the kind of pages again
 * (sphx_hints.shared).
 *
 *-------------------------------------------------------------------------
 */
#include "page/hints.h"

#include "port/pg_bitutils.h"
#include "utils/memutils.h"

#include "server/settings.h"

/* entries of the smallest table, and of the largest, whatever the setting */
#define LEAST_ENTRIES		((uint64) 1024)
#define MOST_ENTRIES		((uint64) 1 << 31)

/* a table of which a part of 1 / this is waste is started anew before it grows */
#define WASTE_PART			4

SphxHintTable sphx_hints;

static dlist_head regions = DLIST_STATIC_INIT(regions);
static uint64 handed_out = 0;	/* entries from the front on */
static uint64 in_use = 0;		/* those of them that are some region's */
static MemoryContext hint_context = NULL;	/* the table alone */

static uint64
table_entries(void)
{
	return sphx_hints.entries == NULL ? 0 : (uint64) sphx_hints.mask + 1;
}

/* Entries that the setting allows: a power of two, or 0. */
static uint64
most_entries(void)
{
	uint64		entries = (uint64) sphx_hints.setting * 1024 / sizeof(uint32);

	if (entries == 0)
		return 0;
	return Min((uint64) 1 << pg_leftmost_one_pos64(entries), MOST_ENTRIES);
}

void
SphxForgetHints(void)
{
	dlist_mutable_iter i;

	dlist_foreach_modify(i, &regions)
	{
		dlist_container(SphxHintRegion, node, i.cur)->room = 0;
		dlist_delete(i.cur);
	}
	if (hint_context != NULL)
		MemoryContextReset(hint_context);
	sphx_hints.entries = NULL;
	sphx_hints.mask = 0;
	sphx_hints.shared = false;
	sphx_hints.setting = sphx_hint_memory;
	handed_out = in_use = 0;
}

/* Make the table one of at least this many entries, or as large as it may be. */
static void
grow_table(uint64 needed)
{
	uint64		old = table_entries();
	uint64		most = most_entries();
	uint64		entries = Max(old, Min(LEAST_ENTRIES, most));
	uint32	   *grown;

	while (entries < needed && entries < most)
		entries *= 2;
	if (entries == old)
		return;
	if (hint_context == NULL)
		hint_context = AllocSetContextCreate(TopMemoryContext, "sphx hints",
											 ALLOCSET_SMALL_SIZES);
	if (old == 0)
		grown = MemoryContextAllocHuge(hint_context, entries * sizeof(uint32));
	else
		grown = repalloc_huge(sphx_hints.entries, entries * sizeof(uint32));
	memset(grown + old, 0, (entries - old) * sizeof(uint32));
	Assert((entries & (entries - 1)) == 0); /* so that the mask is one */
	sphx_hints.entries = grown;
	sphx_hints.mask = (uint32) (entries - 1);
}

/* The region is the last one: its places end where others may begin. */
static bool
is_last(const SphxHintRegion *region)
{
	return region->room > 0 && !sphx_hints.shared &&
		(uint64) region->base + region->room == handed_out;
}

/* A new place for the region, after all others; what is known goes there, too. */
static void
move_region(SphxHintRegion *region, BlockNumber room)
{
	SphxHintRegion moved = {.base = (uint32) handed_out,.room = room};

	Assert(room > region->room);
	for (BlockNumber block = 0; block < region->room; block++)
		*SphxHintPlace(&moved, block) = *SphxHintPlace(region, block);
	if (region->room == 0)
		dlist_push_tail(&regions, &region->node);
	region->base = moved.base;
	handed_out += room;
}

void
SphxReserveHints(SphxHintRegion *region, BlockNumber nblocks)
{
	/* some more, so that an index that grows need not come often */
	uint64		room = Min((uint64) nblocks + nblocks / 8 + 8, MaxBlockNumber);
	uint64		waste = handed_out - in_use;

	Assert(in_use <= handed_out && region->room <= in_use);
	if (nblocks <= region->room || most_entries() == 0)
		return;
	if (!sphx_hints.shared && handed_out + room > table_entries() &&
		waste * WASTE_PART > table_entries())
		SphxForgetHints();
	grow_table(handed_out + room - (is_last(region) ? region->room : 0));
	in_use += room - region->room;
	if (is_last(region))
		handed_out += room - region->room;
	else
		move_region(region, (BlockNumber) room);
	region->room = (BlockNumber) room;
	if (handed_out > table_entries())
		sphx_hints.shared = true;
}

void
SphxReleaseHints(SphxHintRegion *region)
{
	if (region->room == 0)
		return;
	Assert(region->room <= in_use);
	dlist_delete(&region->node);
	in_use -= region->room;
	region->room = 0;
	/* without this one there may be a place for each block again */
	if (in_use == 0 || (sphx_hints.shared && in_use <= most_entries() / 2))
		SphxForgetHints();
}
