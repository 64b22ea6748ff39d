/*-------------------------------------------------------------------------
 *
 * relink.c
 *	  Vacuum's last phase: nodes that no edge leads to.
 *
 * When the rows around a node have been deleted there is nobody left whose
 * repair could choose it, nor anybody it could choose itself.  Such a node is
 * searched for and linked as if it were new.
 *
 *-------------------------------------------------------------------------
 */
#include "am/vacuum/vacuum_state.h"

#include "commands/vacuum.h"

#include "am/insert/insert.h"

/*
 * Ids of the block's living nodes that no edge leads to; how many.  On entry and
 * return no page is locked: only vacuum deletes one, but its edges may change.
 */
static int
find_isolated(VacuumState *vacuum, BlockNumber block, uint32 *ids)
{
	const SphxIndexInfo *info = &vacuum->info;
	SphxPageKind kind;
	Buffer		buffer;
	int			count = 0;
	int			found = 0;

	Assert(vacuum->balance != NULL);	/* or no node would seem to be
										 * isolated */
	for (uint32 slot = 0; slot < info->meta.per_page; slot++)
	{
		uint32		id = SphxNodeId(info, block, slot);

		if (SphxEdgeCount(vacuum, id) == 0 && !SphxIsDeleted(vacuum, id))
			ids[count++] = id;
	}
	if (count == 0)
		return 0;
	buffer = SphxReadPlannedPage(&vacuum->pages, info, block, BUFFER_LOCK_SHARE, &kind);
	for (int i = 0; i < count && kind == SPHX_PAGE_NODE; i++)
	{
		const SphxRecord *r = SphxCheckNode(&vacuum->pages, info, BufferGetPage(buffer), ids[i]);

		if (r != NULL && !(r->flags & SPHX_NODE_DELETED))
			ids[found++] = ids[i];
	}
	UnlockReleaseBuffer(buffer);
	return found;
}

/* The edge to the node that most edges lead to; `arg` is the vacuum. */
static int
find_spare_edge(void *arg, const uint32 *ids, int count)
{
	int			spare = 0;

	Assert(count > 0);
	for (int j = 1; j < count; j++)
		if (SphxEdgeCount(arg, ids[j]) > SphxEdgeCount(arg, ids[spare]))
			spare = j;
	SphxCountEdge(arg, ids[spare], -1);
	return spare;
}

void
SphxLinkIsolated(VacuumState *vacuum)
{
	uint32	   *ids;
	SphxInserter *inserter = NULL;

	if (vacuum->balance == NULL)
		return;
	Assert(vacuum->first == 0 && vacuum->end == vacuum->nblocks);	/* edges were counted */
	ids = palloc(sizeof(uint32) * vacuum->info.meta.per_page);
	for (BlockNumber block = SphxFirstNodeBlock(&vacuum->info.meta); block < vacuum->end; block++)
	{
		int			count = find_isolated(vacuum, block, ids);

		for (int i = 0; i < count; i++)
		{
			Assert(!SphxHoldsPage());	/* nobody waits for one who sleeps */
			SphxVacuumDelay();
			if (inserter == NULL)
				inserter = SphxCreateInserter(&vacuum->pages, CurrentMemoryContext);
			SphxLinkNode(inserter, &vacuum->pages, ids[i], find_spare_edge, vacuum);
		}
	}
	pfree(ids);
}
