/*-------------------------------------------------------------------------
 *
 * balance.c
 *	  How many edges lead to each node, for vacuum's repairs.
 *
 * A search finds a node through the edges that lead to it.  In data with hubs
 * a new node is refused by most of those it offers an edge, and deletions take
 * edges from everybody; the build sees to it that every row has its share
 * (math/graph/graph.c), and so does vacuum while it chooses edges anyway.
 *
 * The counts are of the moment that vacuum read a page, and inserts go on:
 * they decide between edges that only fill up a list, and nothing relies on
 * them.
 *
 *-------------------------------------------------------------------------
 */
#include "am/vacuum/vacuum_state.h"

#include "commands/vacuum.h"

/* edges that should lead to every node, as in the build (math/graph/graph.c) */
#define LEAST_IN_DEGREE(m)	((uint8) ((m) * 2 / 3))

typedef struct EdgeBalance
{
	uint64		slots;			/* ids from 0 that are counted */
	uint8		least;
	uint8	   *count;			/* slots: edges that lead to the node, at most
								 * UINT8_MAX */
	uint32	   *requests;		/* SPHX_REQUESTS * slots, or NULL */
} EdgeBalance;

EdgeBalance *
SphxCreateBalance(const SphxIndexInfo *info, uint64 slots, uint64 limit)
{
	uint64		requests = SPHX_REQUESTS * sizeof(uint32) * slots;
	EdgeBalance *balance;

	if (slots > limit)
		return NULL;
	balance = palloc0(sizeof(EdgeBalance));
	balance->slots = slots;
	balance->least = LEAST_IN_DEGREE(info->layout.m);
	balance->count = palloc_extended(slots, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	if (requests <= limit - slots)
		balance->requests = palloc_extended(requests, MCXT_ALLOC_HUGE);
	return balance;
}

void
SphxCountEdge(VacuumState *vacuum, uint32 id, int change)
{
	EdgeBalance *balance = vacuum->balance;

	Assert(change == 1 || change == -1);
	/* what a byte could not hold is many, and stays so */
	if (balance == NULL || id >= balance->slots || balance->count[id] == UINT8_MAX)
		return;
	if (change > 0 || balance->count[id] > 0)
		balance->count[id] = (uint8) (balance->count[id] + change);
}

void
SphxCountPageEdges(VacuumState *vacuum, Page page, BlockNumber block)
{
	const SphxIndexInfo *info = &vacuum->info;
	SphxRecordWalk walk = SphxWalkRecords(&vacuum->pages, info, page, block);

	while (SphxNextLiving(&walk))
	{
		const uint32 *ids = sphx_record_ids(&info->layout, walk.record);

		for (int j = 0; j < walk.record->neighbours; j++)
			SphxCountEdge(vacuum, ids[j], 1);
	}
}

uint8
SphxEdgeCount(const VacuumState *vacuum, uint32 id)
{
	const EdgeBalance *balance = vacuum->balance;

	return balance != NULL && id < balance->slots ? balance->count[id] : UINT8_MAX;
}

bool
SphxIsWeak(const VacuumState *vacuum, uint32 id)
{
	return vacuum->balance != NULL && SphxEdgeCount(vacuum, id) < vacuum->balance->least;
}

const uint32 *
SphxEdgeRequests(const VacuumState *vacuum, uint32 id)
{
	const EdgeBalance *balance = vacuum->balance;

	if (balance == NULL || balance->requests == NULL || id >= balance->slots)
		return NULL;
	return balance->requests + (Size) id * SPHX_REQUESTS;
}

/* Let a weak node ask a neighbour, in place of a stronger one where there is no room. */
static void
request_edge(EdgeBalance *balance, uint32 weak, uint32 neighbour)
{
	uint32	   *places;
	uint32	   *strongest = NULL;
	uint8		most = balance->count[weak];

	Assert(weak < balance->slots && most < balance->least);
	if (neighbour >= balance->slots)
		return;
	places = balance->requests + (Size) neighbour * SPHX_REQUESTS;
	for (int i = 0; i < SPHX_REQUESTS; i++)
	{
		if (places[i] == SPHX_INVALID_NODE)
		{
			places[i] = weak;
			return;
		}
		Assert(places[i] < balance->slots);
		if (balance->count[places[i]] > most)
		{
			most = balance->count[places[i]];
			strongest = &places[i];
		}
	}
	if (strongest != NULL)
		*strongest = weak;
}

/* Let the weak nodes of a page, which is locked, ask their neighbours. */
static void
request_for_page(VacuumState *vacuum, Page page, BlockNumber block)
{
	const SphxIndexInfo *info = &vacuum->info;
	SphxRecordWalk walk = SphxWalkRecords(&vacuum->pages, info, page, block);

	while (SphxNextLiving(&walk))
	{
		const uint32 *ids = sphx_record_ids(&info->layout, walk.record);

		if (!SphxIsWeak(vacuum, walk.id))
			continue;
		for (int j = 0; j < walk.record->neighbours; j++)
			request_edge(vacuum->balance, walk.id, ids[j]);
	}
}

void
SphxRequestEdges(VacuumState *vacuum)
{
	EdgeBalance *balance = vacuum->balance;
	BlockNumber nblocks;

	if (balance == NULL || balance->requests == NULL)
		return;
	memset(balance->requests, 0xff, SPHX_REQUESTS * sizeof(uint32) * balance->slots);
	Assert(balance->slots % vacuum->info.meta.per_page == 0);
	nblocks = (BlockNumber) (balance->slots / vacuum->info.meta.per_page);
	for (BlockNumber block = 0; block < nblocks; block++)
	{
		SphxPageKind kind;
		Buffer		buffer;

		Assert(!SphxHoldsPage());	/* nobody waits for one who sleeps */
		SphxVacuumDelay();
		buffer = SphxReadAnyPage(&vacuum->pages, block, BUFFER_LOCK_SHARE, &kind);
		if (kind == SPHX_PAGE_NODE)
			request_for_page(vacuum, BufferGetPage(buffer), block);
		UnlockReleaseBuffer(buffer);
	}
}
