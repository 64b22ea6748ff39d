/*-------------------------------------------------------------------------
 *
 * nodes.c
 *	  Nodes and edges of the rows of one shard, in memory.
 *
 *-------------------------------------------------------------------------
 */
#include "am/create/workers.h"

#include <math.h>

#include "commands/progress.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "utils/memutils.h"

#include "am/definition/geometry.h"
#include "math/kernels/kernels.h"
#include "page/chain.h"

/* the candidates kept for each row while the graph is built, in units of m at least */
#define CANDIDATES		4

/* nodes whose edges are written as one item */
#define EDGES_BLOCK		128

static int
candidate_count(const SphxBuild *build)
{
	return Max(CANDIDATES * build->info.layout.m, build->options.ef_construction);
}

/*
 * Memory for a row whose graph is built: its vector, which is there twice
 * while rows are grouped, candidates, and edges in both directions.
 */
Size
SphxBuildRowMemory(const SphxBuild *build)
{
	Size		vector = sizeof(SphxBuildRow) + sizeof(float) * (Size) build->d;
	Size		lists = sizeof(SphxNeighbour) *
	(Size) (candidate_count(build) + 3 * build->info.layout.m);
	Size		pools = SPHX_BUILD_PROBES * (2 * sizeof(uint32) + 1) + 4 * sizeof(uint32);

	return vector + Max(vector + SphxGroupMemory(), lists + pools);
}

/* Room for `count` rows, all of them the shard's own so far. */
void
SphxOpenShard(SphxBuild *build, SphxShard *shard, uint32 count)
{
	memset(shard, 0, sizeof(*shard));
	shard->context = AllocSetContextCreate(build->context, "sphx shard", ALLOCSET_DEFAULT_SIZES);
	SphxInitEnv(&shard->env, shard->context);
	shard->env.base.scratch = build->env.base.scratch;
	shard->env.base.workers = build->env.base.workers;
	shard->own = shard->count = count;
	shard->rows = MemoryContextAllocHuge(shard->context,
										 sizeof(SphxBuildRow) * ((Size) count + 1));
	shard->x = sphx_share(&shard->env.base,
						  sizeof(float) * (Size) build->d * ((Size) count + 1));
}

void
SphxCloseShard(SphxShard *shard)
{
	sphx_unshare(&shard->env.base, shard->x);
	MemoryContextDelete(shard->context);
}

/* The node pages of one cell while they are written. */
typedef struct CellWriter
{
	SphxBuild  *build;
	SphxCellData data;
	uint32		cell;
	Buffer		buffer;			/* exclusively locked, or invalid */
	uint32		slot;			/* next free one */
	float		entry_distance;
} CellWriter;

static void
begin_cell(CellWriter *writer, uint32 cell)
{
	SphxBuild  *build = writer->build;

	Assert(cell < (uint32) build->cells && !BufferIsValid(writer->buffer));
	SphxReadCell(&build->pages, &build->info.meta, cell, &writer->data);
	writer->cell = cell;
	writer->buffer = InvalidBuffer;
	writer->entry_distance = INFINITY;
}

/* The cell's last page is unlocked, and the directory says what the cell has become. */
static void
end_cell(CellWriter *writer)
{
	SphxBuild  *build = writer->build;
	Buffer		buffer;

	if (BufferIsValid(writer->buffer))
		UnlockReleaseBuffer(writer->buffer);
	writer->buffer = InvalidBuffer;
	/* I9, I10: a cell that was begun has got a node */
	Assert(writer->data.first != InvalidBlockNumber && writer->data.insert != InvalidBlockNumber);
	Assert(writer->data.entry != SPHX_INVALID_NODE && writer->data.count > 0);
	buffer = SphxLockCell(&build->pages, &build->info.meta, writer->cell, BUFFER_LOCK_EXCLUSIVE);
	*SphxPageCell(BufferGetPage(buffer), &build->info.meta, writer->cell) = writer->data;
	MarkBufferDirty(buffer);
	UnlockReleaseBuffer(buffer);
}

/* Go to a new page at the end of the cell's chain; on return it is exclusively locked. */
static void
next_cell_page(CellWriter *writer)
{
	SphxBuild  *build = writer->build;
	BlockNumber last = writer->data.insert;
	BlockNumber block;

	Assert(!BufferIsValid(writer->buffer) || writer->slot == build->info.meta.per_page);
	if (BufferIsValid(writer->buffer))
		UnlockReleaseBuffer(writer->buffer);
	writer->buffer = InvalidBuffer;
	CHECK_FOR_INTERRUPTS();
	writer->buffer = SphxExtend(&build->pages);
	block = BufferGetBlockNumber(writer->buffer);
	SphxInitPage(BufferGetPage(writer->buffer), SPHX_PAGE_NODE, writer->cell,
				 (int) build->info.meta.per_page);
	MarkBufferDirty(writer->buffer);
	writer->slot = 0;
	if (last == InvalidBlockNumber)
		writer->data.first = block;
	else
	{
		Buffer		before = SphxReadPage(&build->pages, last, SPHX_PAGE_NODE,
										  BUFFER_LOCK_EXCLUSIVE);

		SphxPageGetOpaque(BufferGetPage(before))->next = block;
		MarkBufferDirty(before);
		UnlockReleaseBuffer(before);
	}
	writer->data.insert = block;
}

/* equal rows written between two moments at which the build can be cancelled */
#define TIDS_UNPAUSED	1024

/*
 * Write the node that rows first..end-1, which are equal, share; returns its id.
 * On return its page is exclusively locked, for the nodes to come.
 */
static uint32
write_node(CellWriter *writer, SphxShard *shard, uint32 first, uint32 end)
{
	SphxBuild  *build = writer->build;
	const SphxIndexInfo *info = &build->info;
	const float *x = shard->x + (Size) first * build->d;
	const float *centroid = build->centroids + (Size) writer->cell * info->layout.D;
	float		distance = sphx_kernels->l2sq_f32(x, centroid, (size_t) info->layout.D);
	int			inline_tids = (int) Min(end - first, (uint32) SphxPayloadRoom(info));
	SphxRecord *r;
	uint32		id;

	Assert(first < end && end <= shard->own);
	if (!BufferIsValid(writer->buffer) || writer->slot == info->meta.per_page)
		next_cell_page(writer);
	Assert(SphxHoldsExclusive(writer->buffer) && writer->slot < info->meta.per_page);
	r = SphxPageRecord(info, BufferGetPage(writer->buffer), writer->slot);
	id = SphxNodeId(info, BufferGetBlockNumber(writer->buffer), writer->slot);
	sphx_record_start(r);
	r->payload_count = (uint8) inline_tids;
	for (int i = 0; i < inline_tids; i++)
		SphxRecordTids(info, r)[i] = shard->rows[first + (uint32) i].tid;
	SphxPageGetOpaque(BufferGetPage(writer->buffer))->free--;
	for (uint32 i = first + (uint32) inline_tids; i < end; i++)
	{
		SphxAddTid(&build->pages, info, writer->buffer, id, &shard->rows[i].tid,
				   shard->rows[i].hash);
		if (i % TIDS_UNPAUSED == 0)
			SphxPauseLock(writer->buffer, BUFFER_LOCK_EXCLUSIVE);
	}

	writer->slot++;
	Assert(SphxPageGetOpaque(BufferGetPage(writer->buffer))->free ==
		   info->meta.per_page - writer->slot); /* I5 */
	writer->data.count++;
	writer->data.radius = Max(writer->data.radius, sqrtf(distance));
	if (distance < writer->entry_distance)
	{
		writer->entry_distance = distance;
		writer->data.entry = id;
	}
	return id;
}

/* Inner product: the coordinate with which all rows are on one sphere. */
static void
extend_rows(SphxBuild *build, SphxShard *shard)
{
	int			D = build->info.layout.D;

	if (build->d == D)
		return;
	for (uint32 i = 0; i < shard->count; i++)
	{
		float	   *x = shard->x + (Size) i * build->d;

		x[D] = SphxExtraCoordinate(&build->info, x);
	}
}

void
SphxWriteNodes(SphxBuild *build, SphxShard *shard, uint64 before)
{
	Size		row_bytes = sizeof(float) * (Size) build->d;
	CellWriter	writer = {.build = build};
	uint32		nodes = 0;
	uint32		end;

	Assert(shard->count == shard->own);
	SphxGroupRows(build, shard);
	extend_rows(build, shard);
	for (uint32 first = 0; first < shard->own; first = end)
	{
		uint32		cell = shard->rows[first].cells[0];
		float	   *x = shard->x + (Size) first * build->d;

		if (first == 0 || cell != writer.cell)
		{
			if (first > 0)
				end_cell(&writer);
			begin_cell(&writer, cell);
			pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_DONE, (int64) (before + first));
		}
		for (end = first + 1; end < shard->own; end++)
			if (shard->rows[end].cells[0] != cell ||
				memcmp(x, shard->x + (Size) end * build->d, row_bytes) != 0)
				break;
		Assert(nodes <= first); /* written over are rows that have a node */
		shard->rows[nodes] = shard->rows[first];
		shard->rows[nodes].id = write_node(&writer, shard, first, end);
		memmove(shard->x + (Size) nodes * build->d, x, row_bytes);
		nodes++;
	}
	if (shard->own > 0)
		end_cell(&writer);
	shard->own = shard->count = nodes;
}

/* Probes of all rows as the graph wants them. */
static uint32 *
gather_cells(SphxShard *shard, int probes)
{
	SphxEnv    *env = &shard->env.base;
	uint32	   *cells = sphx_share(env, sizeof(uint32) * (Size) shard->count * (Size) probes);

	for (uint32 i = 0; i < shard->count; i++)
		memcpy(cells + (Size) i * (Size) probes, shard->rows[i].cells,
			   sizeof(uint32) * (Size) probes);
	return cells;
}

/* Edges of a shard's nodes on their way into the records. */
typedef struct EdgesState
{
	SphxIndexInfo info;
	SphxPages  *pages;			/* the leader's */
	int			d;
	uint32		count;
	const uint32 *ids;			/* of the nodes */
	const float *x;
	const SphxNeighbour *graph;
	double	   *gains;			/* of each item: their sum and number */
} EdgesState;

/* Room of a participant to put together the edges of one record. */
typedef struct EdgeRoom
{
	float	   *vector;			/* D: as the record stores it */
	SphxEdges  *edges;
	SphxEdgeWork *work;
} EdgeRoom;

/*
 * Give a record the edges of row i.  One that has edges already, from the
 * graph of another shard, keeps the best of both.  Its page is exclusively locked.
 */
static void
link_node(const EdgesState *state, uint32 i, SphxRecord *r, EdgeRoom *room, double *gains)
{
	const SphxLayout *layout = &state->info.layout;
	const SphxNeighbour *neighbours = state->graph + (Size) i * (Size) layout->m;
	SphxEdges  *edges = room->edges;

	Assert(SphxMayChange(r) && (r->flags & SPHX_NODE_USED));
	/* a record gets its vector, too, when its edges come first */
	if (r->neighbours == 0)
		sphx_record_store(layout, r, state->x + (Size) i * (Size) state->d);
	sphx_record_vector(layout, r, room->vector);
	sphx_edges_start(edges, room->vector);
	for (int j = 0; j < layout->m && neighbours[j].id != SPHX_INVALID_NODE; j++)
		sphx_edges_add(edges, state->ids[neighbours[j].id],
					   state->x + (Size) neighbours[j].id * state->d);
	if (r->neighbours > 0)
	{
		(void) sphx_record_offer_edges(layout, r, edges->n, edges->ids, edges->differences,
									   room->work);
		return;
	}
	sphx_record_set_edges(layout, r, edges);
	gains[0] += sphx_record_accuracies(layout, r);
	gains[1] += edges->n;
}

#ifdef USE_ASSERT_CHECKING
/* I2, of the up to m neighbours of row i: other rows of the shard, none of them twice. */
static bool
are_edges(const SphxNeighbour *neighbours, int m, uint32 i, uint32 count)
{
	for (int j = 0; j < m && neighbours[j].id != SPHX_INVALID_NODE; j++)
	{
		if (neighbours[j].id >= count || neighbours[j].id == i)
			return false;
		for (int k = 0; k < j; k++)
			if (neighbours[k].id == neighbours[j].id)
				return false;
	}
	return true;
}
#endif

/*
 * Write the edges of nodes first..end-1; ids ascend over long stretches, in which
 * a page is locked once.
 */
static void
link_nodes(const EdgesState *state, SphxPages *pages, uint32 first, uint32 end, EdgeRoom *room,
		   double *gains)
{
	const SphxIndexInfo *info = &state->info;
	Buffer		buffer = InvalidBuffer;

	for (uint32 i = first; i < end; i++)
	{
		uint32		id = state->ids[i];
		BlockNumber block = SphxNodeBlock(info, id);

		Assert(are_edges(state->graph + (Size) i * (Size) info->layout.m, info->layout.m, i,
						 state->count));
		if (!BufferIsValid(buffer) || BufferGetBlockNumber(buffer) != block)
		{
			if (BufferIsValid(buffer))
				UnlockReleaseBuffer(buffer);
			CHECK_FOR_INTERRUPTS();
			buffer = SphxReadPage(pages, block, SPHX_PAGE_NODE, BUFFER_LOCK_EXCLUSIVE);
			MarkBufferDirty(buffer);
		}
		link_node(state, i, SphxNodeRecord(info, BufferGetPage(buffer), id), room, gains);
	}
	if (BufferIsValid(buffer))
		UnlockReleaseBuffer(buffer);
}

/* Two participants may be at nodes of the same page: they change different records. */
static void
write_edges(SphxEnv *env, void *arg, SphxItems *items)
{
	const EdgesState *state = arg;
	SphxPages  *pages = SphxRunPages(state->pages);
	EdgeRoom	room = {
		.vector = env->alloc(env, sizeof(float) * (Size) state->info.layout.D),
		.edges = sphx_edges_create(env, &state->info.layout),
		.work = sphx_edge_work_create(env, &state->info.layout)
	};
	uint64		first;
	uint64		end;

	while (sphx_next_block(items, state->count, EDGES_BLOCK, &first, &end))
		link_nodes(state, pages, (uint32) first, (uint32) end, &room,
				   state->gains + first / EDGES_BLOCK * 2);
}

static const size_t edges_pointers[] = {
	offsetof(EdgesState, ids), offsetof(EdgesState, x), offsetof(EdgesState, graph),
	offsetof(EdgesState, gains)
};

const SphxTask sphx_edges_task = SPHX_TASK(write_edges, EdgesState, edges_pointers);

/* Write the edges of a shard's nodes. */
static void
link_shard(SphxBuild *build, SphxShard *shard, const SphxNeighbour *graph)
{
	SphxEnv    *env = &shard->env.base;
	uint64		blocks = sphx_blocks(shard->count, EDGES_BLOCK);
	uint32	   *ids = sphx_share(env, sizeof(uint32) * (Size) shard->count);
	EdgesState	state = {
		.info = build->info,
		.pages = &build->pages,
		.d = build->d,
		.count = shard->count,
		.ids = ids,
		.x = shard->x,
		.graph = graph,
		.gains = sphx_share(env, sizeof(double) * 2 * blocks)
	};

	for (uint32 i = 0; i < shard->count; i++)
		ids[i] = shard->rows[i].id;
	memset(state.gains, 0, sizeof(double) * 2 * blocks);
	sphx_run(env, &sphx_edges_task, &state, blocks);
	for (uint64 i = 0; i < blocks; i++)
	{
		build->gain_sum += state.gains[2 * i];
		build->gain_count += state.gains[2 * i + 1];
	}
	sphx_unshare(env, state.gains);
	sphx_unshare(env, ids);
}

void
SphxLinkNodes(SphxBuild *build, SphxShard *shard, uint64 before, uint64 total)
{
	SphxEnv    *env = &shard->env.base;
	int			k = candidate_count(build);
	SphxBuildInput input = {
		.n = shard->count,
		.d = build->d,
		.near_d = build->near_d,
		.rows = shard->x,
		.cell_count = build->cells
	};
	uint32	   *cells;
	SphxNeighbour *knn;
	SphxNeighbour *graph;

	Assert(shard->own <= shard->count);
	if (shard->own == 0)
		return;
	input.probes = shard->rows[0].probes;
	input.cells = cells = gather_cells(shard, input.probes);
	SphxBuildPhase(build, SPHX_PHASE_NEIGHBOURS, before, total);
	SphxCountProgress(&shard->env, PROGRESS_CREATEIDX_TUPLES_DONE, before, shard->own);
	knn = sphx_build_knn(env, &input, k);
	SphxBuildPhase(build, SPHX_PHASE_LINK, before, total);
	graph = sphx_build_graph(env, &input, knn, k, build->info.layout.m);
	sphx_unshare(env, knn);
	sphx_unshare(env, cells);
	link_shard(build, shard, graph);
	sphx_unshare(env, graph);
}
