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
#include "common/hashfn.h"
#include "utils/guc.h"

#include "math/kernels.h"

static int
KNOB(const char *name, int standard)
{
	const char *v = GetConfigOption(name, true, false);

	return v ? atoi(v) : standard;
}

/* candidates read for one node beside the edges it has, as a part of m */
#define REPAIR_READS(m)		(m)

/* A node that may take the place of a deleted neighbour. */
typedef struct RepairCandidate
{
	float		distance;		/* squared; estimated, then exact */
	uint32		id;
} RepairCandidate;

/* An id that is among the candidates of the node whose repair has this stamp. */
typedef struct RepairSeen
{
	uint32		id;
	uint32		stamp;
} RepairSeen;

typedef struct RepairState
{
	SphxServerEnv env;
	SphxPageStore store;
	bool		extend;			/* inner product: edges are chosen in the
								 * extended space */
	PGAlignedBlock before;		/* the page's records as they were read */
	PGAlignedBlock after;		/* as they should be */
	float	   *center;			/* D + 1: the node's vector */
	float	   *x;				/* D */
	uint8	   *table;			/* 16 * pieces */
	uint8	   *scratch;		/* pieces */
	float	   *estimates;
	uint32	   *dropped;		/* m */
	RepairSeen *seen;			/* open addressing */
	uint32		seen_mask;
	uint32		stamp;
	RepairCandidate *candidates;	/* m + m * m */
	int			room;			/* candidates read: */
	float	   *vectors;		/* room vectors of D + 1 */
	const float **pointers;
	float	   *distances;
	int		   *chosen;
	uint32	   *ids;			/* m */
	float	   *edges;			/* m * D */
} RepairState;

static RepairState *
create_repair(VacuumState *vacuum)
{
	const SphxLayout *layout = &vacuum->info.layout;
	Size		D = (Size) layout->D;
	Size		m = (Size) layout->m;
	RepairState *repair = palloc0(sizeof(RepairState));
	uint32		seen = 1;

	SphxInitEnv(&repair->env, CurrentMemoryContext);
	SphxInitStore(&repair->store, &vacuum->pages, &vacuum->info);
	repair->extend = vacuum->info.meta.metric == SPHX_METRIC_IP;
	repair->room = layout->m + KNOB("churn.reads", REPAIR_READS(layout->m));
	repair->center = palloc(sizeof(float) * (D + 1));
	repair->x = palloc(sizeof(float) * D);
	repair->table = palloc(16 * (Size) layout->pieces);
	repair->scratch = palloc((Size) layout->pieces);
	repair->estimates = palloc(sizeof(float) * (m + SPHX_CODE_BLOCK));
	repair->dropped = palloc(sizeof(uint32) * m);
	repair->candidates = palloc(sizeof(RepairCandidate) * (REQUESTS + m + m * m));
	while (seen < 2 * (m + m * m))
		seen *= 2;
	repair->seen = palloc0(sizeof(RepairSeen) * seen);
	repair->seen_mask = seen - 1;
	repair->vectors = palloc(sizeof(float) * (Size) repair->room * (D + 1));
	repair->pointers = palloc(sizeof(float *) * (Size) repair->room);
	repair->distances = palloc(sizeof(float) * (Size) repair->room);
	repair->chosen = palloc(sizeof(int) * m);
	repair->ids = palloc(sizeof(uint32) * m);
	repair->edges = palloc(sizeof(float) * m * D);
	return repair;
}

/* Count the page's nodes and room for the directory. */
static void
count_page(VacuumState *vacuum, Page page, BlockNumber block)
{
	const SphxIndexInfo *info = &vacuum->info;
	uint32		cell = SphxPageGetOpaque(page)->cell;
	bool		room = SphxPageGetOpaque(page)->free > 0;

	if (cell > info->meta.cells)
		SphxCorrupted(vacuum->pages.index, block, "page is in the chain of no cell");
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

/* Note the id as seen; false when it was. */
static bool
first_seen(RepairState *repair, uint32 id)
{
	uint32		i = murmurhash32(id) & repair->seen_mask;

	while (repair->seen[i].stamp == repair->stamp)
	{
		if (repair->seen[i].id == id)
			return false;
		i = (i + 1) & repair->seen_mask;
	}
	repair->seen[i].id = id;
	repair->seen[i].stamp = repair->stamp;
	return true;
}

/* A record's vector, in the space that edges are chosen in. */
static void
get_vector(const VacuumState *vacuum, const SphxRecord *r, float *x)
{
	const SphxLayout *layout = &vacuum->info.layout;

	sphx_record_vector(layout, r, x);
	if (vacuum->repair->extend)
		x[layout->D] = SphxExtraCoordinate(&vacuum->info, x);
}

static int
space_dims(const VacuumState *vacuum)
{
	return vacuum->info.layout.D + (vacuum->repair->extend ? 1 : 0);
}

/* The neighbours that the node has left are candidates like others. */
static int
add_present(VacuumState *vacuum, const SphxRecord *r)
{
	RepairState *repair = vacuum->repair;
	const uint32 *ids = sphx_record_ids(&vacuum->info.layout, r);

	for (int j = 0; j < r->neighbours; j++)
	{
		(void) first_seen(repair, ids[j]);
		repair->candidates[j].id = ids[j];
		repair->candidates[j].distance = 0;
	}
	return r->neighbours;
}

/* Estimate the distances of a deleted node's neighbours to the node being repaired. */
static int
add_candidates(VacuumState *vacuum, uint32 deleted, int count)
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
	int best = -1;
	for (int j = 0; j < r->neighbours; j++)
	{
		if (SphxIsDeleted(vacuum, ids[j]) || !first_seen(repair, ids[j]))
			continue;
		if (best < 0 || repair->estimates[j] < repair->candidates[best].distance)
			best = count;
		repair->candidates[count].id = ids[j];
		repair->candidates[count++].distance = repair->estimates[j];
	}
	if (best >= 0 && KNOB("churn.far", 1))
		repair->candidates[best].distance = -1;
	store->done(store);
	return count;
}

static int
compare_candidates(const void *a, const void *b)
{
	float		x = ((const RepairCandidate *) a)->distance;
	float		y = ((const RepairCandidate *) b)->distance;

	return (x > y) - (x < y);
}

/*
 * Read the first candidates: their vectors and exact distances, those that
 * are no longer living left out.  Afterwards vector i belongs to candidate i
 * only through pointers[].
 */
static int
read_candidates(VacuumState *vacuum, int count)
{
	RepairState *repair = vacuum->repair;
	SphxStore  *store = &repair->store.base;
	int			dims = space_dims(vacuum);
	int			kept = 0;

	for (int i = 0; i < count; i++)
	{
		float	   *vector = repair->vectors + (Size) kept * (Size) (vacuum->info.layout.D + 1);
		RepairCandidate candidate = {.id = repair->candidates[i].id};
		const SphxRecord *r;
		int			place;

		if (i + 1 < count)
			store->prefetch(store, repair->candidates[i + 1].id);
		r = store->read(store, candidate.id);
		if (r == NULL)
			continue;
		if (r->flags & SPHX_NODE_DELETED)
		{
			store->done(store);
			continue;
		}
		get_vector(vacuum, r, vector);
		store->done(store);
		candidate.distance = sphx_kernels->l2sq_f32(repair->center, vector, (size_t) dims);
		place = kept++;
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
	return kept;
}

/* Give a record the chosen candidates as neighbours. */
static void
set_edges(VacuumState *vacuum, SphxRecord *r, int count)
{
	const SphxLayout *layout = &vacuum->info.layout;
	RepairState *repair = vacuum->repair;

	for (int i = 0; i < count; i++)
	{
		const float *vector = repair->pointers[repair->chosen[i]];

		repair->ids[i] = repair->candidates[repair->chosen[i]].id;
		for (int d = 0; d < layout->D; d++)
			repair->edges[(Size) i * (Size) layout->D + d] = vector[d] - repair->center[d];
	}
	sphx_record_set_edges(layout, r, count, repair->ids, repair->edges, repair->scratch);
}

/* fill up: weak first */
static int
select_neighbours(VacuumState *vacuum, int n)
{
	RepairState *repair = vacuum->repair;
	int m = vacuum->info.layout.m;
	Size dims = (Size) space_dims(vacuum);
	uint32 least = (uint32) (m * KNOB("churn.least", 66) / 100);
	int count = 0;
	bool taken[4 * SPHX_MAX_M] = {0};

	for (int i = 0; i < n && count < m; i++)
	{
		bool occluded = false;
		for (int c = 0; c < count && !occluded; c++)
			occluded = sphx_kernels->l2sq_f32(repair->pointers[i], repair->pointers[repair->chosen[c]], dims) < repair->distances[i];
		if (!occluded)
		{
			repair->chosen[count++] = i;
			taken[i] = true;
		}
	}
	if (KNOB("churn.weak", 1))
	for (int i = 0; i < n && count < m; i++)
		if (!taken[i] && SphxInDegree(vacuum, repair->candidates[i].id) < least)
		{
			repair->chosen[count++] = i;
			taken[i] = true;
		}
	for (int i = 0; i < n && count < m; i++)
		if (!taken[i])
			repair->chosen[count++] = i;
	return count;
}

/*
 * Choose the neighbours of a record anew, a copy that has lost those in
 * dropped[]: among those it has left and neighbours of the deleted.
 */
static void
repair_record(VacuumState *vacuum, uint32 id, SphxRecord *r, int dropped_count)
{
	const SphxLayout *layout = &vacuum->info.layout;
	RepairState *repair = vacuum->repair;
	int			present;
	int			count;

	repair->stamp++;
	(void) first_seen(repair, id);
	get_vector(vacuum, r, repair->center);
	present = count = add_present(vacuum, r);
	for (int j = 0; j < present; j++)
		SphxCountEdge(vacuum, repair->candidates[j].id, -1);
	for (int i = 0; i < dropped_count; i++)
		count = add_candidates(vacuum, repair->dropped[i], count);
	if (KNOB("churn.requests", 1) && id < vacuum->in_degree_count)
		for (int i = 0; i < REQUESTS; i++)
		{
			uint32 v = vacuum->requests[(Size) id * REQUESTS + i];
			if (v != SPHX_INVALID_NODE && first_seen(repair, v))
			{
				repair->candidates[count].id = v;
				repair->candidates[count++].distance = -1;
			}
		}
	qsort(repair->candidates + present, (size_t) (count - present), sizeof(RepairCandidate),
		  compare_candidates);
	count = read_candidates(vacuum, Min(count, present + repair->room - layout->m));
	count = select_neighbours(vacuum, count);
	set_edges(vacuum, r, count);
	for (int j = 0; j < count; j++)
		SphxCountEdge(vacuum, repair->ids[j], 1);
}

/*
 * Drop and repair edges of a copy of the page; false when there is nothing to
 * do.  No lock is held.
 */
static bool
repair_copy(VacuumState *vacuum, BlockNumber block)
{
	const SphxIndexInfo *info = &vacuum->info;
	RepairState *repair = vacuum->repair;

	for (uint32 slot = 0; slot < info->meta.per_page; slot++)
	{
		SphxRecord *r = SphxPageRecord(info, repair->after.data, slot);
		int			dropped;

		if ((r->flags & (SPHX_NODE_USED | SPHX_NODE_DELETED)) != SPHX_NODE_USED)
			continue;
		dropped = drop_from_record(vacuum, r, repair->dropped);
		if (dropped >= KNOB("churn.lost", 1))
			repair_record(vacuum, SphxNodeId(info, block, slot), r, dropped);
	}
	return true;
}

static bool
same_edges(const SphxLayout *layout, const SphxRecord *a, const SphxRecord *b)
{
	return a->flags == b->flags && a->version == b->version && a->neighbours == b->neighbours &&
		a->length_base == b->length_base &&
		memcmp((const char *) a + layout->codes, (const char *) b + layout->codes,
			   (Size) (layout->size - layout->codes)) == 0;
}

static void
copy_edges(const SphxLayout *layout, SphxRecord *to, const SphxRecord *from)
{
	to->neighbours = from->neighbours;
	to->length_base = from->length_base;
	memcpy((char *) to + layout->codes, (const char *) from + layout->codes,
		   (Size) (layout->size - layout->codes));
}

/*
 * Make the page what its copy has become, in one change.  Records whose edges
 * an insert changed meanwhile only lose those to deleted nodes.
 */
static void
write_page(VacuumState *vacuum, BlockNumber block)
{
	const SphxIndexInfo *info = &vacuum->info;
	RepairState *repair = vacuum->repair;
	Buffer		buffer = SphxReadPage(&vacuum->pages, block, SPHX_PAGE_NODE,
									  BUFFER_LOCK_EXCLUSIVE);
	SphxChange	change;
	Page		page;

	SphxChangeBegin(&change, &vacuum->pages);
	page = SphxChangePage(&change, buffer);
	for (uint32 slot = 0; slot < info->meta.per_page; slot++)
	{
		SphxRecord *r = SphxPageRecord(info, page, slot);

		if ((r->flags & (SPHX_NODE_USED | SPHX_NODE_DELETED)) != SPHX_NODE_USED)
			continue;
		if (same_edges(&info->layout, r, SphxPageRecord(info, repair->before.data, slot)))
			copy_edges(&info->layout, r, SphxPageRecord(info, repair->after.data, slot));
		else
			(void) drop_from_record(vacuum, r, repair->dropped);
	}
	SphxChangeFinish(&change);
	UnlockReleaseBuffer(buffer);
}

static void
process_page(VacuumState *vacuum, BlockNumber block)
{
	RepairState *repair = vacuum->repair;
	SphxPageKind kind;
	Buffer		buffer = SphxReadAnyPage(&vacuum->pages, block, BUFFER_LOCK_SHARE, &kind);
	Page		page = BufferGetPage(buffer);
	bool		work;

	if (kind == SPHX_PAGE_NODE || kind == SPHX_PAGE_OVERFLOW)
		count_page(vacuum, page, block);
	work = kind == SPHX_PAGE_NODE && vacuum->deleted_count > 0 &&
		page_has_edges(vacuum, page, block);
	if (work)
	{
		memcpy(repair->before.data, page, BLCKSZ);
		memcpy(repair->after.data, page, BLCKSZ);
	}
	UnlockReleaseBuffer(buffer);
	if (work && repair_copy(vacuum, block))
		write_page(vacuum, block);
}

/* ask w for an edge to v */
static void
request_edge(VacuumState *vacuum, uint32 v, uint32 w)
{
	uint32	   *places = vacuum->requests + (Size) w * REQUESTS;
	int			strongest = -1;
	uint32		most = SphxInDegree(vacuum, v);

	for (int i = 0; i < REQUESTS; i++)
	{
		if (places[i] == SPHX_INVALID_NODE)
		{
			places[i] = v;
			return;
		}
		if (SphxInDegree(vacuum, places[i]) > most)
		{
			most = SphxInDegree(vacuum, places[i]);
			strongest = i;
		}
	}
	if (strongest >= 0)
		places[strongest] = v;
}

static void
request_edges(VacuumState *vacuum)
{
	const SphxIndexInfo *info = &vacuum->info;
	int			m = info->layout.m;
	uint32		least = (uint32) (m * KNOB("churn.least", 66) / 100);

	memset(vacuum->requests, 0xff, vacuum->in_degree_count * (Size) REQUESTS * sizeof(uint32));
	for (BlockNumber block = 0; block < vacuum->in_degree_count / info->meta.per_page; block++)
	{
		SphxPageKind kind;
		Buffer		buffer = SphxReadAnyPage(&vacuum->pages, block, BUFFER_LOCK_SHARE, &kind);

		for (uint32 slot = 0; kind == SPHX_PAGE_NODE && slot < info->meta.per_page; slot++)
		{
			uint32 id = SphxNodeId(info, block, slot);
			SphxRecord *r = SphxPageRecord(info, BufferGetPage(buffer), slot);
			const uint32 *ids = sphx_record_ids(&info->layout, r);

			if (r->flags != SPHX_NODE_USED || SphxInDegree(vacuum, id) >= least)
				continue;
			for (int j = 0; j < r->neighbours; j++)
				if (ids[j] < vacuum->in_degree_count && !SphxIsDeleted(vacuum, ids[j]))
					request_edge(vacuum, id, ids[j]);
		}
		UnlockReleaseBuffer(buffer);
	}
}

static void
histogram(VacuumState *vacuum, const char *when)
{
	int h[11] = {0}, o[11]={0};
	BlockNumber nblocks = RelationGetNumberOfBlocks(vacuum->pages.index);
	for (BlockNumber block = 0; block < nblocks; block++)
	{
		SphxPageKind kind;
		Buffer		buffer = SphxReadAnyPage(&vacuum->pages, block, BUFFER_LOCK_SHARE, &kind);
		if (kind == SPHX_PAGE_NODE)
		for (uint32 slot = 0; slot < vacuum->info.meta.per_page; slot++)
		{
			SphxRecord *r = SphxPageRecord(&vacuum->info, BufferGetPage(buffer), slot);
			if (r->flags == SPHX_NODE_USED)
			{ h[Min(10,(SphxInDegree(vacuum, SphxNodeId(&vacuum->info, block, slot))+3)/4)]++; o[(r->neighbours+3)/4]++; }
		}
		UnlockReleaseBuffer(buffer);
	}
	elog(WARNING, "%s in: %d | %d %d %d %d %d %d %d %d %d %d, out %d %d %d %d %d %d %d %d %d",when,h[0],h[1],h[2],h[3],h[4],h[5],h[6],h[7],h[8],h[9],h[10],o[0],o[1],o[2],o[3],o[4],o[5],o[6],o[7],o[8]);
}

void
SphxDropEdges(VacuumState *vacuum)
{
	/* pages added since the command began may have edges to deleted nodes */
	BlockNumber nblocks = RelationGetNumberOfBlocks(vacuum->pages.index);

	if (vacuum->repair == NULL)
		vacuum->repair = create_repair(vacuum);
	histogram(vacuum,"before");
	if (KNOB("churn.requests", 1)) request_edges(vacuum);
	for (BlockNumber block = 0; block < nblocks; block++)
	{
		SphxVacuumDelay();
		process_page(vacuum, block);
	}
	histogram(vacuum,"after");
}
