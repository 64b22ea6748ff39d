/*-------------------------------------------------------------------------
 *
 * repair.c
 *	  Vacuum's phase 3: edges to deleted nodes go, and nodes that lose many
 *	  get others in their place.
 *
 * The neighbours of a deleted neighbour are the natural candidates: the
 * deleted record is still there and has their codes, so that only the best of
 * them need to be read.
 *
 *-------------------------------------------------------------------------
 */
#include "am/vacuum.h"

#include "commands/vacuum.h"

#include "math/kernels.h"

/* a node with less than this fraction of its edges left is repaired */
#define REPAIR_KEPT_BELOW(before) ((before) / 2 + 1)

/* candidates read for one node, in units of m */
#define REPAIR_READS		2

/* A node that may take the place of a deleted neighbour. */
typedef struct RepairCandidate
{
	float		distance;		/* squared; estimated, then exact */
	uint32		id;
} RepairCandidate;

typedef struct RepairState
{
	SphxServerEnv env;
	SphxPageStore store;
	SphxEdgeWork *work;
	SphxRecord *record;			/* copy of the record being changed */
	uint32	   *dropped;		/* per_page * m: ids that the page's records
								 * lost */
	int		   *dropped_count;	/* per_page */
	bool	   *weak;			/* per_page: to be repaired */
	float	   *center;			/* D: the node's vector */
	float	   *x;				/* D */
	uint8	   *table;			/* 16 * pieces */
	float	   *estimates;
	RepairCandidate *candidates;	/* m * m */
	float	   *vectors;		/* REPAIR_READS * m vectors of D */
	const float **pointers;
	float	   *distances;
	int		   *chosen;
} RepairState;

static RepairState *
create_repair(VacuumState *vacuum)
{
	const SphxLayout *layout = &vacuum->info.layout;
	Size		D = (Size) layout->D;
	Size		m = (Size) layout->m;
	Size		per_page = vacuum->info.meta.per_page;
	RepairState *repair = palloc0(sizeof(RepairState));

	SphxInitEnv(&repair->env, CurrentMemoryContext);
	SphxInitStore(&repair->store, &vacuum->pages, &vacuum->info);
	repair->work = sphx_edge_work_create(&repair->env.base, layout);
	repair->record = palloc((Size) layout->size);
	repair->dropped = palloc(sizeof(uint32) * per_page * m);
	repair->dropped_count = palloc(sizeof(int) * per_page);
	repair->weak = palloc(sizeof(bool) * per_page);
	repair->center = palloc(sizeof(float) * D);
	repair->x = palloc(sizeof(float) * D);
	repair->table = palloc(16 * (Size) layout->pieces);
	repair->estimates = palloc(sizeof(float) * (m + SPHX_CODE_BLOCK));
	repair->candidates = palloc(sizeof(RepairCandidate) * m * m);
	repair->vectors = palloc(sizeof(float) * REPAIR_READS * m * D);
	repair->pointers = palloc(sizeof(float *) * REPAIR_READS * m);
	repair->distances = palloc(sizeof(float) * REPAIR_READS * m);
	repair->chosen = palloc(sizeof(int) * m);
	return repair;
}

/* Count the page's nodes and room for the directory. */
static void
count_page(VacuumState *vacuum, Page page, BlockNumber block)
{
	const SphxIndexInfo *info = &vacuum->info;
	uint32		cell = SphxPageGetOpaque(page)->cell;
	bool		room = SphxPageGetOpaque(page)->free > 0;

	for (uint32 slot = 0; slot < info->meta.per_page; slot++)
	{
		uint8		flags = SphxPageRecord(info, page, slot)->flags;

		if (!(flags & SPHX_NODE_USED))
			continue;
		if (SphxIsDeleted(vacuum, SphxNodeId(info, block, slot)))
			room = true;
		else
			vacuum->nodes[cell]++;
	}
	if (room)
		vacuum->first_free[cell] = Min(vacuum->first_free[cell], block);
}

static bool
has_deleted_neighbour(VacuumState *vacuum, const SphxRecord *r)
{
	const uint32 *ids = sphx_record_ids(&vacuum->info.layout, r);

	for (int j = 0; j < r->neighbours; j++)
		if (SphxIsDeleted(vacuum, ids[j]))
			return true;
	return false;
}

static bool
page_has_edges(VacuumState *vacuum, Page page, BlockNumber block)
{
	const SphxIndexInfo *info = &vacuum->info;

	for (uint32 slot = 0; slot < info->meta.per_page; slot++)
	{
		const SphxRecord *r = SphxCheckNode(&vacuum->pages, info, page,
											SphxNodeId(info, block, slot));

		if (r != NULL && !(r->flags & SPHX_NODE_DELETED) && has_deleted_neighbour(vacuum, r))
			return true;
	}
	return false;
}

/* Drop a record's edges to deleted nodes and note their ids; how many. */
static int
drop_from_record(VacuumState *vacuum, SphxRecord *r, uint32 *dropped)
{
	const SphxLayout *layout = &vacuum->info.layout;
	const uint32 *ids = sphx_record_ids(layout, r);
	int			count = 0;

	for (int j = r->neighbours - 1; j >= 0; j--)
		if (SphxIsDeleted(vacuum, ids[j]))
		{
			dropped[count++] = ids[j];
			sphx_record_drop_edge(layout, r, j);
		}
	return count;
}

/* Drop the edges of all records of an exclusively locked page, in one change. */
static void
drop_from_page(VacuumState *vacuum, Buffer buffer)
{
	const SphxIndexInfo *info = &vacuum->info;
	RepairState *repair = vacuum->repair;
	SphxChange	change;
	Page		page;

	SphxChangeBegin(&change, &vacuum->pages);
	page = SphxChangePage(&change, buffer);
	for (uint32 slot = 0; slot < info->meta.per_page; slot++)
	{
		SphxRecord *r = SphxPageRecord(info, page, slot);
		int			before = r->neighbours;

		repair->weak[slot] = false;
		if ((r->flags & (SPHX_NODE_USED | SPHX_NODE_DELETED)) != SPHX_NODE_USED)
			continue;
		repair->dropped_count[slot] =
			drop_from_record(vacuum, r, repair->dropped + slot * info->layout.m);
		repair->weak[slot] = repair->dropped_count[slot] > 0 &&
			r->neighbours < REPAIR_KEPT_BELOW(before);
	}
	SphxChangeFinish(&change);
}

/* Estimate the distances of a deleted node's neighbours to the node being repaired. */
static int
add_candidates(VacuumState *vacuum, uint32 deleted, uint32 self, int count)
{
	const SphxLayout *layout = &vacuum->info.layout;
	RepairState *repair = vacuum->repair;
	SphxStore  *store = &repair->store.base;
	const SphxRecord *r = store->read(store, deleted);
	const uint32 *ids;
	float		square = 0.0f;

	if (r == NULL)
		return count;
	sphx_record_vector(layout, r, repair->x);
	for (int d = 0; d < layout->D; d++)
	{
		repair->x[d] = repair->center[d] - repair->x[d];
		square += repair->x[d] * repair->x[d];
	}
	sphx_record_estimate(layout, r, repair->x, square, repair->table, repair->estimates);
	ids = sphx_record_ids(layout, r);
	for (int j = 0; j < r->neighbours; j++)
	{
		if (ids[j] == self || SphxIsDeleted(vacuum, ids[j]))
			continue;
		repair->candidates[count].id = ids[j];
		repair->candidates[count++].distance = repair->estimates[j];
	}
	store->done(store);
	return count;
}

static int
compare_candidate_ids(const void *a, const void *b)
{
	uint32		x = ((const RepairCandidate *) a)->id;
	uint32		y = ((const RepairCandidate *) b)->id;

	return (x > y) - (x < y);
}

static int
compare_candidates(const void *a, const void *b)
{
	float		x = ((const RepairCandidate *) a)->distance;
	float		y = ((const RepairCandidate *) b)->distance;

	return (x > y) - (x < y);
}

/* Each candidate once, best first. */
static int
order_candidates(RepairCandidate *candidates, int count)
{
	int			kept = 0;

	qsort(candidates, (size_t) count, sizeof(RepairCandidate), compare_candidate_ids);
	for (int i = 0; i < count; i++)
		if (kept == 0 || candidates[kept - 1].id != candidates[i].id)
			candidates[kept++] = candidates[i];
	qsort(candidates, (size_t) kept, sizeof(RepairCandidate), compare_candidates);
	return kept;
}

/*
 * Read the first candidates: their vectors and exact distances, those that
 * are no longer living left out.  Afterwards vector i belongs to candidate i
 * only through pointers[].
 */
static int
read_candidates(VacuumState *vacuum, int count)
{
	const SphxLayout *layout = &vacuum->info.layout;
	RepairState *repair = vacuum->repair;
	SphxStore  *store = &repair->store.base;
	int			kept = 0;

	count = Min(count, REPAIR_READS * layout->m);
	for (int i = 0; i < count; i++)
	{
		float	   *vector = repair->vectors + (Size) kept * layout->D;
		const SphxRecord *r;

		if (i + 1 < count)
			store->prefetch(store, repair->candidates[i + 1].id);
		r = store->read(store, repair->candidates[i].id);
		if (r == NULL)
			continue;
		if (!(r->flags & SPHX_NODE_DELETED))
		{
			int			place = kept++;
			RepairCandidate candidate = {.id = repair->candidates[i].id};

			sphx_record_vector(layout, r, vector);
			candidate.distance = sphx_kernels->l2sq_f32(repair->center, vector,
														(size_t) layout->D);
			/* insert in order: they come in nearly that of their estimates */
			for (; place > 0 && repair->distances[place - 1] > candidate.distance; place--)
			{
				repair->candidates[place] = repair->candidates[place - 1];
				repair->distances[place] = repair->distances[place - 1];
				repair->pointers[place] = repair->pointers[place - 1];
			}
			repair->candidates[place] = candidate;
			repair->distances[place] = candidate.distance;
			repair->pointers[place] = vector;
		}
		store->done(store);
	}
	return kept;
}

/* Offer the chosen candidates to the node, while it has room. */
static void
offer_candidates(VacuumState *vacuum, uint32 id, uint8 version, int count)
{
	const SphxIndexInfo *info = &vacuum->info;
	const SphxLayout *layout = &info->layout;
	RepairState *repair = vacuum->repair;
	Buffer		buffer = SphxReadPage(&vacuum->pages, SphxNodeBlock(info, id), SPHX_PAGE_NODE,
									  BUFFER_LOCK_EXCLUSIVE);
	SphxRecord *r = SphxCheckNode(&vacuum->pages, info, BufferGetPage(buffer), id);
	bool		changed = false;

	if (r != NULL && r->version == version)
	{
		memcpy(repair->record, r, (Size) layout->size);
		for (int i = 0; i < count && repair->record->neighbours < layout->m; i++)
		{
			const float *vector = repair->pointers[repair->chosen[i]];

			for (int d = 0; d < layout->D; d++)
				repair->x[d] = vector[d] - repair->center[d];
			changed |= sphx_record_offer_edges(layout, repair->record, 1,
											   &repair->candidates[repair->chosen[i]].id,
											   repair->x, repair->work);
		}
	}
	if (changed)
	{
		SphxChange	change;

		SphxChangeBegin(&change, &vacuum->pages);
		memcpy(SphxNodeRecord(info, SphxChangePage(&change, buffer), id), repair->record,
			   (Size) layout->size);
		SphxChangeFinish(&change);
	}
	UnlockReleaseBuffer(buffer);
}

/* Find other neighbours for a node that lost those in dropped[]. */
static void
repair_node(VacuumState *vacuum, uint32 id, const uint32 *dropped, int dropped_count)
{
	const SphxLayout *layout = &vacuum->info.layout;
	RepairState *repair = vacuum->repair;
	SphxStore  *store = &repair->store.base;
	const SphxRecord *r = store->read(store, id);
	uint8		version;
	int			count = 0;

	if (r == NULL)
		return;
	version = r->version;
	sphx_record_vector(layout, r, repair->center);
	store->done(store);

	for (int i = 0; i < dropped_count; i++)
		count = add_candidates(vacuum, dropped[i], id, count);
	count = order_candidates(repair->candidates, count);
	count = read_candidates(vacuum, count);
	count = sphx_select_neighbours(layout->D, count, repair->pointers, repair->distances,
								   layout->m, repair->chosen);
	if (count > 0)
		offer_candidates(vacuum, id, version, count);
}

static void
process_page(VacuumState *vacuum, BlockNumber block)
{
	const SphxIndexInfo *info = &vacuum->info;
	RepairState *repair = vacuum->repair;
	SphxPageKind kind;
	Buffer		buffer = SphxReadPlannedPage(&vacuum->pages, info, block, BUFFER_LOCK_SHARE, &kind);
	Page		page = BufferGetPage(buffer);
	bool		work;

	if (kind == SPHX_PAGE_NODE || kind == SPHX_PAGE_OVERFLOW)
		count_page(vacuum, page, block);
	work = kind == SPHX_PAGE_NODE && vacuum->deleted_count > 0 &&
		page_has_edges(vacuum, page, block);
	if (work)
	{
		SphxUpgradeLock(buffer);
		drop_from_page(vacuum, buffer);
	}
	UnlockReleaseBuffer(buffer);
	for (uint32 slot = 0; work && slot < info->meta.per_page; slot++)
		if (repair->weak[slot])
			repair_node(vacuum, SphxNodeId(info, block, slot),
						repair->dropped + slot * info->layout.m, repair->dropped_count[slot]);
}

void
SphxDropEdges(VacuumState *vacuum)
{
	/* pages added since the command began may have edges to deleted nodes */
	BlockNumber nblocks = RelationGetNumberOfBlocks(vacuum->pages.index);

	if (vacuum->repair == NULL)
		vacuum->repair = create_repair(vacuum);
	for (BlockNumber block = 0; block < nblocks; block++)
	{
		SphxVacuumDelay();
		process_page(vacuum, block);
	}
}
