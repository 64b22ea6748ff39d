/*-------------------------------------------------------------------------
 *
 * repair.c
 *	  Vacuum's phase 3: edges to deleted nodes go, and the nodes that lose some
 *	  choose their neighbours anew.
 *
 * The neighbours of a deleted neighbour are the natural candidates: the
 * deleted record is still there and has their codes, so that only the best of
 * them need to be read.  To fill the gaps only, and only in lists that lost
 * many, is not enough: recall then falls from vacuum to vacuum.  A list is
 * chosen as the build does it, among all candidates, and places that are only
 * filled up go to nodes that few edges lead to (balance.c).
 *
 *-------------------------------------------------------------------------
 */
#include "am/vacuum/vacuum_state.h"

#include "commands/vacuum.h"
#include "common/hashfn.h"

#include "am/definition/geometry.h"
#include "math/graph/select.h"
#include "math/kernels/kernels.h"
#include "page/store.h"
#include "server/memory.h"

/* candidates read for one node beside the edges it has left and samples */
#define REPAIR_READS(m)		(2 * (m))

/* A node that may become a neighbour of the one being repaired. */
typedef struct RepairCandidate
{
	float		distance;		/* squared; estimated, then exact, in the
								 * space that edges are chosen in */
	uint32		id;
	const float *vector;		/* D + 1 floats, once it has been read */
	bool		chosen;
} RepairCandidate;

#define ST_SORT sort_candidates
#define ST_ELEMENT_TYPE RepairCandidate
#define ST_COMPARE(a, b) \
	(((a)->distance > (b)->distance) - ((a)->distance < (b)->distance))
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

/* An id that is among the candidates of the repair with this number. */
typedef struct RepairSeen
{
	uint32		id;
	uint32		number;
} RepairSeen;

typedef struct RepairState
{
	SphxServerEnv env;
	SphxPageStore store;
	bool		extend;			/* inner product: edges are chosen in the
								 * extended space */
	PGAlignedBlock before;		/* the page as it was read */
	PGAlignedBlock after;		/* with the edges it should have */
	uint32	   *dropped;		/* m: ids that a record lost */

	/* the record being repaired */
	uint32		number;			/* of the repair, never 0 */
	float	   *center;			/* D + 1: its vector */
	RepairCandidate *candidates;
	int			count;			/* of them */
	int			samples;		/* of those */
	RepairSeen *seen;			/* their ids: a hash table, open addressing */
	uint32		seen_mask;
	float	   *vectors;		/* of those read: D + 1 floats each */
	int		   *chosen;			/* m: positions in candidates[] */

	/* work space */
	float	   *x;				/* D */
	uint8	   *table;			/* 16 * pieces */
	float	   *estimates;
	SphxEdges  *edges;
} RepairState;

static RepairState *
create_repair(VacuumState *vacuum)
{
	const SphxLayout *layout = &vacuum->info.layout;
	Size		D = (Size) layout->D;
	Size		m = (Size) layout->m;
	Size		most = 2 * m + m * m + SPHX_REQUESTS;
	RepairState *repair = palloc0(sizeof(RepairState));
	uint32		seen = 1;

	SphxInitEnv(&repair->env, CurrentMemoryContext);
	SphxInitStore(&repair->store, &vacuum->pages, &vacuum->info);
	repair->extend = vacuum->info.meta.metric == SPHX_METRIC_IP;
	repair->dropped = palloc(sizeof(uint32) * m);
	repair->center = palloc(sizeof(float) * (D + 1));
	repair->candidates = palloc(sizeof(RepairCandidate) * most);
	while (seen < 2 * (most + 1))
		seen *= 2;
	repair->seen = palloc0(sizeof(RepairSeen) * seen);
	repair->seen_mask = seen - 1;
	repair->vectors = palloc(sizeof(float) * (2 * m + REPAIR_READS(m)) * (D + 1));
	repair->chosen = palloc(sizeof(int) * m);
	repair->x = palloc(sizeof(float) * D);
	repair->table = palloc(16 * (Size) layout->pieces);
	repair->estimates = palloc(sizeof(float) * (m + SPHX_CODE_BLOCK));
	repair->edges = sphx_edges_create(&repair->env.base, layout);
	return repair;
}

/* Count the nodes of a page, which is locked, and room on it for the directory. */
static void
count_page(VacuumState *vacuum, Page page, BlockNumber block)
{
	const SphxIndexInfo *info = &vacuum->info;
	uint32		cell = SphxPageGetOpaque(page)->kind == SPHX_PAGE_OVERFLOW ?
	SphxOverflowCell(&info->meta) : SphxPageGetOpaque(page)->cell;
	bool		room = SphxPageGetOpaque(page)->free > 0;
	SphxRecordWalk walk = SphxWalkRecords(&vacuum->pages, info, page, block);

	Assert(cell <= SphxOverflowCell(&info->meta));	/* I6 */
	while (SphxNextRecord(&walk))
	{
		if (SphxIsDeleted(vacuum, walk.id))
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

/* Has a page, which is locked, edges to deleted nodes? */
static bool
page_has_edges(VacuumState *vacuum, Page page, BlockNumber block)
{
	SphxRecordWalk walk = SphxWalkRecords(&vacuum->pages, &vacuum->info, page, block);

	while (SphxNextLiving(&walk))
		if (has_deleted_neighbour(vacuum, walk.record))
			return true;
	return false;
}


/* Candidates */

/* Add a candidate, unless it is there. */
static void
add_candidate(RepairState *repair, uint32 id, float distance)
{
	uint32		i = murmurhash32(id) & repair->seen_mask;

	Assert(repair->number != 0 && (uint32) repair->count < repair->seen_mask);
	for (; repair->seen[i].number == repair->number; i = (i + 1) & repair->seen_mask)
		if (repair->seen[i].id == id)
			return;
	repair->seen[i] = (RepairSeen)
	{
		.id = id,.number = repair->number
	};
	repair->candidates[repair->count++] = (RepairCandidate)
	{
		.id = id,.distance = distance
	};
}

/* The node in the space that edges are chosen in: D or D + 1 floats. */
static void
get_vector(const VacuumState *vacuum, const SphxRecord *r, float *x)
{
	const SphxLayout *layout = &vacuum->info.layout;

	sphx_record_vector(layout, r, x);
	if (vacuum->repair->extend)
		x[layout->D] = SphxExtraCoordinate(&vacuum->info, x);
}

static size_t
space_dims(const VacuumState *vacuum)
{
	return (size_t) vacuum->info.layout.D + (vacuum->repair->extend ? 1 : 0);
}

/*
 * The neighbours of a deleted node, with estimates of their distances.  The
 * nearest one will be read in any case: it stands in for the deleted one,
 * which may have been the way to somewhere far.  Its page is locked meanwhile, and
 * no other.
 */
static void
add_neighbours_of(VacuumState *vacuum, uint32 deleted)
{
	const SphxLayout *layout = &vacuum->info.layout;
	RepairState *repair = vacuum->repair;
	SphxStore  *store = &repair->store.base;
	const SphxRecord *r = store->read(store, deleted);
	const uint32 *ids;
	int			first = repair->count;
	int			nearest = first;
	float		square = 0.0f;

	Assert(SphxIsDeleted(vacuum, deleted));
	if (r == NULL)
		return;
	sphx_record_vector(layout, r, repair->x);
	for (int d = 0; d < layout->D; d++)
	{
		repair->x[d] = repair->center[d] - repair->x[d];
		square += repair->x[d] * repair->x[d];
	}
	sphx_record_estimate(layout, r, repair->x, square, repair->table, repair->estimates);
	ids = sphx_record_ids(layout, r);
	for (int j = 0; j < r->neighbours; j++)
		if (!SphxIsDeleted(vacuum, ids[j]))
			add_candidate(repair, ids[j], repair->estimates[j]);
	store->done(store);
	for (int i = first + 1; i < repair->count; i++)
		if (repair->candidates[i].distance < repair->candidates[nearest].distance)
			nearest = i;
	if (first < repair->count)
		repair->candidates[nearest].distance = -1.0f;
}

/*
 * Inner product: a node from the page, and so from the cell, of every
 * neighbour.  A query's answers are long vectors, wherever they are, and the
 * neighbours of short ones are short: a way from these to the others is
 * among the nodes that the build and inserts sample, and would be lost with
 * the far end it leads to.
 */
static void
add_samples(VacuumState *vacuum, uint32 id, const SphxRecord *r)
{
	const SphxIndexInfo *info = &vacuum->info;
	RepairState *repair = vacuum->repair;
	const uint32 *ids = sphx_record_ids(&info->layout, r);
	int			before = repair->count;

	for (int j = 0; j < r->neighbours; j++)
	{
		uint32		slot = murmurhash32(id ^ ids[j]) % info->meta.per_page;
		uint32		sample = SphxNodeId(info, SphxNodeBlock(info, ids[j]), slot);

		if (!SphxIsDeleted(vacuum, sample))
			add_candidate(repair, sample, -1.0f);
	}
	repair->samples = repair->count - before;
}

/*
 * All candidates of a record that has lost those in dropped[]: the neighbours
 * it has left, nodes that ask for an edge and sampled ones, which will be
 * read, and neighbours of the deleted.
 */
static void
gather_candidates(VacuumState *vacuum, uint32 id, const SphxRecord *r, int dropped_count)
{
	RepairState *repair = vacuum->repair;
	const uint32 *ids = sphx_record_ids(&vacuum->info.layout, r);
	const uint32 *requests = SphxEdgeRequests(vacuum, id);

	/*
	 * a new number makes all of seen[] free; then the node is not its own
	 * candidate (I2)
	 */
	Assert(dropped_count > 0 && dropped_count + r->neighbours <= vacuum->info.layout.m);
	repair->number++;
	repair->count = 0;
	add_candidate(repair, id, 0.0f);
	repair->count = 0;
	for (int j = 0; j < r->neighbours; j++)
		add_candidate(repair, ids[j], -2.0f);
	for (int i = 0; requests != NULL && i < SPHX_REQUESTS; i++)
		if (requests[i] != SPHX_INVALID_NODE)
			add_candidate(repair, requests[i], -1.0f);
	repair->samples = 0;
	if (repair->extend)
		add_samples(vacuum, id, r);
	for (int i = 0; i < dropped_count; i++)
		add_neighbours_of(vacuum, repair->dropped[i]);
}

/*
 * Read the best candidates, nearest first afterwards; those that are no longer
 * living, or were not read, are left out.  On entry and return no page is locked.
 */
static void
read_candidates(VacuumState *vacuum, int wanted)
{
	RepairState *repair = vacuum->repair;
	SphxStore  *store = &repair->store.base;
	RepairCandidate *candidates = repair->candidates;
	float	   *vector = repair->vectors;
	int			kept = 0;

	Assert(!SphxHoldsPage());	/* L1 */
	sort_candidates(candidates, (size_t) repair->count);
	wanted = Min(wanted, repair->count);
	/* there is room for so many vectors */
	Assert(wanted <= 2 * vacuum->info.layout.m + REPAIR_READS(vacuum->info.layout.m));
	for (int i = 0; i < wanted; i++)
	{
		const SphxRecord *r;

		if (i + 1 < wanted)
			store->prefetch(store, candidates[i + 1].id);
		r = store->read(store, candidates[i].id);
		if (r == NULL)
			continue;
		if (!(r->flags & SPHX_NODE_DELETED))
		{
			get_vector(vacuum, r, vector);
			candidates[kept].id = candidates[i].id;
			candidates[kept].vector = vector;
			candidates[kept++].distance = sphx_kernels->l2sq_f32(repair->center, vector,
																 space_dims(vacuum));
			vector += vacuum->info.layout.D + 1;
		}
		store->done(store);
	}
	sort_candidates(candidates, (size_t) kept);
	repair->count = kept;
}


/* Choice */

/* of candidate i from the node being repaired */
static inline float
node_distance(const void *arg, int i)
{
	const VacuumState *vacuum = arg;

	return vacuum->repair->candidates[i].distance;
}

/* between candidates i and j */
static inline float
pair_distance(const void *arg, int i, int j)
{
	const VacuumState *vacuum = arg;
	const RepairCandidate *candidates = vacuum->repair->candidates;

	return sphx_kernels->l2sq_f32(candidates[i].vector, candidates[j].vector, space_dims(vacuum));
}

/*
 * Choose neighbours among the candidates: the diverse ones, then the nearest of those that few edges lead to, then the nearest of all.
 */
static int
choose_neighbours(VacuumState *vacuum)
{
	RepairState *repair = vacuum->repair;
	int			m = vacuum->info.layout.m;
	int			count = sphx_select_diverse(repair->count, m, node_distance, pair_distance, vacuum,
											repair->chosen);

	for (int i = 0; i < repair->count; i++)
		repair->candidates[i].chosen = false;
	for (int c = 0; c < count; c++)
		repair->candidates[repair->chosen[c]].chosen = true;
	for (int any = 0; any <= 1; any++)
		for (int i = 0; i < repair->count && count < m; i++)
		{
			RepairCandidate *candidate = &repair->candidates[i];

			if (!candidate->chosen && (any || SphxIsWeak(vacuum, candidate->id)))
			{
				candidate->chosen = true;
				repair->chosen[count++] = i;
			}
		}
	return count;
}

static void
set_edges(VacuumState *vacuum, SphxRecord *r, int count)
{
	RepairState *repair = vacuum->repair;

	Assert(count >= 0 && count <= vacuum->info.layout.m);	/* I3 */
	sphx_edges_start(repair->edges, repair->center);
	for (int i = 0; i < count; i++)
	{
		const RepairCandidate *candidate = &repair->candidates[repair->chosen[i]];

		Assert(!SphxIsDeleted(vacuum, candidate->id));	/* I1 */
		SphxCountEdge(vacuum, candidate->id, 1);
		sphx_edges_add(repair->edges, candidate->id, candidate->vector);
	}
	sphx_record_set_edges(&vacuum->info.layout, r, repair->edges);
}

/* Choose the neighbours of a record anew, a copy that has lost those in dropped[]. */
static void
repair_record(VacuumState *vacuum, uint32 id, SphxRecord *r, int dropped_count)
{
	const uint32 *ids = sphx_record_ids(&vacuum->info.layout, r);

	get_vector(vacuum, r, vacuum->repair->center);
	gather_candidates(vacuum, id, r, dropped_count);
	for (int j = 0; j < r->neighbours; j++)
		SphxCountEdge(vacuum, ids[j], -1);
	read_candidates(vacuum, r->neighbours + vacuum->repair->samples +
					REPAIR_READS(vacuum->info.layout.m));
	set_edges(vacuum, r, choose_neighbours(vacuum));
}


/* Pages */

/* Drop a record's edges to deleted nodes and note their ids; how many. */
static int
drop_from_record(VacuumState *vacuum, SphxRecord *r, uint32 *dropped)
{
	const SphxLayout *layout = &vacuum->info.layout;
	const uint32 *ids = sphx_record_ids(layout, r);
	int			count = 0;

	Assert(SphxMayChange(r) && r->neighbours <= layout->m);
	for (int j = r->neighbours - 1; j >= 0; j--)
		if (SphxIsDeleted(vacuum, ids[j]))
		{
			dropped[count++] = ids[j];
			sphx_record_drop_edge(layout, r, j);
		}
	return count;
}

/* Drop and repair the edges of the page's copy; no lock is held. */
static void
repair_copy(VacuumState *vacuum, BlockNumber block)
{
	RepairState *repair = vacuum->repair;
	SphxRecordWalk walk = SphxWalkRecords(&vacuum->pages, &vacuum->info, repair->after.data, block);

	Assert(!SphxHoldsPage());	/* L1: candidates' pages are locked */
	memcpy(repair->after.data, repair->before.data, BLCKSZ);
	while (SphxNextLiving(&walk))
	{
		int			dropped = drop_from_record(vacuum, walk.record, repair->dropped);

		if (dropped > 0)
			repair_record(vacuum, walk.id, walk.record, dropped);
	}
}

static bool
same_edges(const SphxLayout *layout, const SphxRecord *a, const SphxRecord *b)
{
	return a->flags == b->flags && a->version == b->version && a->neighbours == b->neighbours &&
		a->length_base == b->length_base &&
		memcmp((const char *) a + layout->codes, (const char *) b + layout->codes,
			   (Size) (layout->size - layout->codes)) == 0;
}

/*
 * Make the page what its copy has become, in one change.  Records whose edges
 * an insert changed meanwhile only lose those to deleted nodes.  On entry and
 * return no page is locked.
 */
static void
write_page(VacuumState *vacuum, BlockNumber block)
{
	const SphxIndexInfo *info = &vacuum->info;
	RepairState *repair = vacuum->repair;
	Buffer		buffer = SphxReadPage(&vacuum->pages, block, SPHX_PAGE_NODE,
									  BUFFER_LOCK_EXCLUSIVE);
	SphxChange	change;
	SphxRecordWalk walk;

	SphxChangeBegin(&change, &vacuum->pages);
	walk = SphxWalkRecords(&vacuum->pages, info, SphxChangePage(&change, buffer), block);
	while (SphxNextLiving(&walk))
	{
		if (same_edges(&info->layout, walk.record, SphxNodeRecord(info, repair->before.data, walk.id)))
			sphx_record_copy_edges(&info->layout, walk.record,
								   SphxNodeRecord(info, repair->after.data, walk.id));
		else
			(void) drop_from_record(vacuum, walk.record, repair->dropped);
	}
	SphxChangeFinish(&change);
	UnlockReleaseBuffer(buffer);
}

/* The phase for one page; on entry and return none is locked. */
static void
process_page(VacuumState *vacuum, BlockNumber block)
{
	SphxPageKind kind;
	Buffer		buffer = SphxReadPlannedPage(&vacuum->pages, &vacuum->info, block,
											 BUFFER_LOCK_SHARE, &kind);
	Page		page = BufferGetPage(buffer);
	bool		work;

	if (kind == SPHX_PAGE_NODE || kind == SPHX_PAGE_OVERFLOW)
		count_page(vacuum, page, block);
	work = kind == SPHX_PAGE_NODE && vacuum->deleted_count > 0 &&
		page_has_edges(vacuum, page, block);
	if (work)
		memcpy(vacuum->repair->before.data, page, BLCKSZ);
	UnlockReleaseBuffer(buffer);
	if (work)
	{
		/*
		 * candidates are read page by page, so this page cannot stay locked
		 * (L1)
		 */
		repair_copy(vacuum, block);
		write_page(vacuum, block);
	}
}

void
SphxDropEdges(VacuumState *vacuum)
{
	/* pages added since the command began may have edges to deleted nodes */
	BlockNumber nblocks = RelationGetNumberOfBlocks(vacuum->pages.index);

	Assert(nblocks >= vacuum->nblocks); /* an index only grows */
	if (vacuum->repair == NULL)
		vacuum->repair = create_repair(vacuum);
	if (vacuum->deleted_count > 0)
		SphxRequestEdges(vacuum);
	for (BlockNumber block = 0; block < nblocks; block++)
	{
		Assert(!SphxHoldsPage());	/* nobody waits for one who sleeps */
		SphxVacuumDelay();
		process_page(vacuum, block);
	}
}
