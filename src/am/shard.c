/*-------------------------------------------------------------------------
 *
 * shard.c
 *	  Nodes and edges of a new index, one shard of the rows at a time.
 *
 * A shard is a set of neighbouring cells whose rows, with their candidate
 * lists, fit in maintenance_work_mem; usually there is one for all.  Nodes
 * are written shard by shard first, which gives them their ids; then each
 * shard's graph is built and its edges are written into the records.  Rows
 * near the border of a shard take part in the graph of the next one as well
 * (the overlap), so that edges cross the borders.
 *
 *-------------------------------------------------------------------------
 */
#include "am/build.h"

#include <math.h>

#include "commands/progress.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "utils/memutils.h"

#include "math/kernels.h"
#include "page/chain.h"

/* the part of the memory that a shard's own rows may fill; the rest is for its overlap */
#define OWN_PART			0.6

/* rows assigned to cells in one go */
#define ASSIGN_BATCH		4096

/* of the rows of a cell that spans shards, one in so many joins the next shard, too */
#define SPLIT_OVERLAP		4

/* rows of one shard in memory */
typedef struct Shard
{
	MemoryContext context;
	SphxServerEnv env;
	uint32		own;			/* rows that are written; then come those of
								 * the overlap */
	uint32		count;
	SphxBuildRow *rows;
	float	   *x;				/* count * build->d */
} Shard;

/* all shards */
typedef struct ShardSet
{
	SphxBuild  *build;
	int			count;
	int		   *cell_shard;		/* of each cell: its (first) shard */
	int		   *cell_parts;		/* over how many shards a large cell is spread */
	SphxRows  **own;			/* of each shard: rows, then unique nodes with
								 * ids */
	SphxRows  **overlap;
} ShardSet;

/* the candidates kept for each row while the graph is built, in units of m at least */
#define CANDIDATES		4

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

	return vector + Max(vector, lists + pools);
}

static void
assign_batch(SphxBuild *build, int count, SphxBuildRow *rows, const float *x, uint32 *cells)
{
	int			probes = Min(build->cells, SPHX_BUILD_PROBES);

	sphx_assign(&build->env.base, (size_t) count, build->info.layout.D, x, build->cells,
				build->centroids, probes, cells, NULL);
	for (int i = 0; i < count; i++)
	{
		rows[i].probes = (uint16) probes;
		memcpy(rows[i].cells, cells + (Size) i * (Size) probes, sizeof(uint32) * (Size) probes);
	}
}

/*
 * The shard that a row goes to, and in *overlap another one that it takes
 * part in, or -1.  The rows of a cell that spans shards are dealt out by
 * number.
 */
static int
row_shard(const ShardSet *set, const SphxBuildRow *row, uint64 number, int *overlap)
{
	uint32		cell = row->cells[0];
	int			parts = set->cell_parts[cell];
	int			shard = set->cell_shard[cell] + (int) (number % (uint64) parts);

	*overlap = -1;
	if (parts > 1)
	{
		if ((number / (uint64) parts) % SPLIT_OVERLAP == 0)
			*overlap = set->cell_shard[cell] + (int) ((number + 1) % (uint64) parts);
		return shard;
	}
	for (int i = 1; i < row->probes && *overlap < 0; i++)
		if (set->cell_shard[row->cells[i]] != shard)
			*overlap = set->cell_shard[row->cells[i]];
	return shard;
}

/*
 * Find every row's nearest cells, and hand the row on to its shard; the
 * source is used up.
 */
static void
distribute_rows(ShardSet *set)
{
	SphxBuild  *build = set->build;
	int			D = build->info.layout.D;
	SphxBuildRow *rows = palloc(sizeof(SphxBuildRow) * ASSIGN_BATCH);
	float	   *full = palloc_extended(sizeof(float) * ASSIGN_BATCH * (Size) build->d,
									   MCXT_ALLOC_HUGE);
	float	   *plain = palloc_extended(sizeof(float) * ASSIGN_BATCH * (Size) D, MCXT_ALLOC_HUGE);
	uint32	   *cells = palloc(sizeof(uint32) * ASSIGN_BATCH * SPHX_BUILD_PROBES);
	uint64		number = 0;
	int			count;

	SphxBuildPhase(build, SPHX_PHASE_ASSIGN, 0, SphxCountRows(build->rows));
	SphxRewindRows(build->rows);
	do
	{
		for (count = 0; count < ASSIGN_BATCH; count++)
		{
			float	   *x = full + (Size) count * build->d;

			if (!SphxNextRow(build->rows, &rows[count], x))
				break;
			memcpy(plain + (Size) count * D, x, sizeof(float) * (Size) D);
		}
		assign_batch(build, count, rows, plain, cells);
		for (int i = 0; i < count; i++, number++)
		{
			int			overlap;
			int			shard = row_shard(set, &rows[i], number, &overlap);

			SphxAppendRow(set->own[shard], &rows[i], full + (Size) i * build->d);
		}
		pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_DONE, (int64) number);
	} while (count == ASSIGN_BATCH);

	pfree(rows);
	pfree(cells);
	pfree(plain);
	pfree(full);
	SphxReleaseRows(build->rows);
	build->rows = NULL;
}

/*
 * Load a shard's own rows, and those of the overlap, when there is one, as
 * far as the memory goes.
 */
static void
load_shard(SphxBuild *build, Shard *shard, SphxRows *own, SphxRows *overlap)
{
	Size		row_bytes = sizeof(float) * (Size) build->d;
	uint64		extra = overlap == NULL ? 0 : SphxCountRows(overlap);

	memset(shard, 0, sizeof(*shard));
	shard->context = AllocSetContextCreate(build->context, "sphx shard", ALLOCSET_DEFAULT_SIZES);
	SphxInitEnv(&shard->env, shard->context);
	shard->own = (uint32) SphxCountRows(own);
	if (shard->own + extra > build->memory_rows)
		extra = build->memory_rows > shard->own ? build->memory_rows - shard->own : 0;
	shard->count = shard->own + (uint32) extra;
	shard->rows = MemoryContextAllocHuge(shard->context,
										 sizeof(SphxBuildRow) * ((Size) shard->count + 1));
	shard->x = shard->env.base.alloc(&shard->env.base, row_bytes * ((Size) shard->count + 1));

	SphxRewindRows(own);
	if (overlap != NULL)
		SphxRewindRows(overlap);
	for (uint32 i = 0; i < shard->count; i++)
	{
		if (!SphxNextRow(i < shard->own ? own : overlap, &shard->rows[i],
						 shard->x + (Size) i * build->d))
			elog(ERROR, "a temporary file of an index build ended early");
		if (i % 4096 == 0)
			CHECK_FOR_INTERRUPTS();
	}
}

/* A row's place in a grouped shard: by cell, equal rows side by side. */
typedef struct RowOrder
{
	uint32		cell;
	uint32		hash;
	uint32		row;
} RowOrder;

static int
compare_order(const void *a, const void *b)
{
	const RowOrder *x = a;
	const RowOrder *y = b;

	if (x->cell != y->cell)
		return x->cell < y->cell ? -1 : 1;
	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	return x->row < y->row ? -1 : x->row > y->row;
}

/* Sort the shard's rows by cell and content. */
static void
group_shard(SphxBuild *build, Shard *shard)
{
	Size		row_bytes = sizeof(float) * (Size) build->d;
	SphxEnv    *env = &shard->env.base;
	RowOrder   *order = env->alloc(env, sizeof(RowOrder) * ((Size) shard->count + 1));
	SphxBuildRow *rows = MemoryContextAllocHuge(shard->context,
												sizeof(SphxBuildRow) * ((Size) shard->count + 1));
	float	   *x = env->alloc(env, row_bytes * ((Size) shard->count + 1));

	Assert(shard->count == shard->own);
	for (uint32 i = 0; i < shard->count; i++)
	{
		order[i].cell = shard->rows[i].cells[0];
		order[i].hash = hash_bytes((unsigned char *) (shard->x + (Size) i * build->d),
								   (int) row_bytes);
		order[i].row = i;
	}
	qsort(order, shard->count, sizeof(RowOrder), compare_order);
	for (uint32 i = 0; i < shard->count; i++)
	{
		rows[i] = shard->rows[order[i].row];
		memcpy(x + (Size) i * build->d, shard->x + (Size) order[i].row * build->d, row_bytes);
	}
	env->release(env, order);
	env->release(env, shard->x);
	pfree(shard->rows);
	shard->rows = rows;
	shard->x = x;
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

	SphxReadCell(&build->pages, &build->info.meta, cell, &writer->data);
	writer->cell = cell;
	writer->buffer = InvalidBuffer;
	writer->entry_distance = INFINITY;
}

static void
end_cell(CellWriter *writer)
{
	SphxBuild  *build = writer->build;
	Buffer		buffer;

	if (BufferIsValid(writer->buffer))
		UnlockReleaseBuffer(writer->buffer);
	writer->buffer = InvalidBuffer;
	buffer = SphxLockCell(&build->pages, &build->info.meta, writer->cell, BUFFER_LOCK_EXCLUSIVE);
	*SphxPageCell(BufferGetPage(buffer), &build->info.meta, writer->cell) = writer->data;
	MarkBufferDirty(buffer);
	UnlockReleaseBuffer(buffer);
}

/* Go to a new page at the end of the cell's chain. */
static void
next_cell_page(CellWriter *writer)
{
	SphxBuild  *build = writer->build;
	BlockNumber last = writer->data.insert;
	BlockNumber block;

	if (BufferIsValid(writer->buffer))
		UnlockReleaseBuffer(writer->buffer);
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

/* Write the node that rows first..end-1, which are equal, share; returns its id. */
static uint32
write_node(CellWriter *writer, Shard *shard, uint32 first, uint32 end)
{
	SphxBuild  *build = writer->build;
	const SphxIndexInfo *info = &build->info;
	const float *x = shard->x + (Size) first * build->d;
	const float *centroid = build->centroids + (Size) writer->cell * info->layout.D;
	float		distance = sphx_kernels->l2sq_f32(x, centroid, (size_t) info->layout.D);
	int			inline_tids = (int) Min(end - first, (uint32) SphxPayloadRoom(info));
	SphxRecord *r;
	uint32		id;

	if (!BufferIsValid(writer->buffer) || writer->slot == info->meta.per_page)
		next_cell_page(writer);
	r = SphxPageRecord(info, BufferGetPage(writer->buffer), writer->slot);
	id = SphxNodeId(info, BufferGetBlockNumber(writer->buffer), writer->slot);
	sphx_record_init(&info->layout, r, x);
	r->payload_count = (uint8) inline_tids;
	for (int i = 0; i < inline_tids; i++)
		SphxRecordTids(info, r)[i] = shard->rows[first + (uint32) i].tid;
	SphxPageGetOpaque(BufferGetPage(writer->buffer))->free--;
	for (uint32 i = first + (uint32) inline_tids; i < end; i++)
		SphxAddTid(&build->pages, info, writer->buffer, id, &shard->rows[i].tid);

	writer->slot++;
	writer->data.count++;
	writer->data.radius = Max(writer->data.radius, sqrtf(distance));
	if (distance < writer->entry_distance)
	{
		writer->entry_distance = distance;
		writer->data.entry = id;
	}
	return id;
}

/*
 * Write the nodes of a grouped shard, one for all equal vectors, and leave in
 * the shard one row a node.  before: rows of the shards before it.
 */
static void
write_nodes(SphxBuild *build, Shard *shard, uint64 before)
{
	Size		row_bytes = sizeof(float) * (Size) build->d;
	CellWriter	writer = {.build = build};
	uint32		nodes = 0;
	uint32		end;

	for (uint32 first = 0; first < shard->own; first = end)
	{
		uint32		cell = shard->rows[first].cells[0];
		float	   *x = shard->x + (Size) first * build->d;

		if (first == 0 || cell != writer.cell)
		{
			if (first > 0)
				end_cell(&writer);
			begin_cell(&writer, cell);
			CHECK_FOR_INTERRUPTS();
			pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_DONE, (int64) (before + first));
		}
		for (end = first + 1; end < shard->own; end++)
			if (shard->rows[end].cells[0] != cell ||
				memcmp(x, shard->x + (Size) end * build->d, row_bytes) != 0)
				break;
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
gather_cells(Shard *shard, int probes)
{
	SphxEnv    *env = &shard->env.base;
	uint32	   *cells = env->alloc(env, sizeof(uint32) * (Size) shard->count * (Size) probes);

	for (uint32 i = 0; i < shard->count; i++)
		memcpy(cells + (Size) i * (Size) probes, shard->rows[i].cells,
			   sizeof(uint32) * (Size) probes);
	return cells;
}

/* Room to put together the edges of one record. */
typedef struct EdgeRoom
{
	float	   *vector;			/* D: as the record stores it */
	float	   *edges;			/* m * D */
	uint32	   *ids;			/* m */
	uint8	   *scratch;		/* pieces */
} EdgeRoom;

static void
link_node(SphxBuild *build, Shard *shard, SphxRecord *r, const SphxNeighbour *neighbours,
		  EdgeRoom *room)
{
	const SphxLayout *layout = &build->info.layout;
	int			n = 0;

	sphx_record_vector(layout, r, room->vector);
	for (; n < layout->m && neighbours[n].id != SPHX_INVALID_NODE; n++)
	{
		const float *y = shard->x + (Size) neighbours[n].id * build->d;

		room->ids[n] = shard->rows[neighbours[n].id].id;
		for (int i = 0; i < layout->D; i++)
			room->edges[(Size) n * layout->D + i] = y[i] - room->vector[i];
	}
	sphx_record_set_edges(layout, r, n, room->ids, room->edges, room->scratch);
	for (int j = 0; j < n; j++)
		build->gain_sum += 1.0 / sphx_gain_decode(((const uint8 *) r)[layout->gains + j]);
	build->gain_count += n;
}

/* Write the edges of a shard's own nodes; ids ascend, so a page is locked once. */
static void
write_edges(SphxBuild *build, Shard *shard, const SphxNeighbour *graph)
{
	const SphxIndexInfo *info = &build->info;
	const SphxLayout *layout = &info->layout;
	Buffer		buffer = InvalidBuffer;
	EdgeRoom	room = {
		.vector = palloc(sizeof(float) * (Size) layout->D),
		.edges = palloc(sizeof(float) * (Size) layout->m * (Size) layout->D),
		.ids = palloc(sizeof(uint32) * (Size) layout->m),
		.scratch = palloc((Size) layout->pieces)
	};

	for (uint32 i = 0; i < shard->own; i++)
	{
		uint32		id = shard->rows[i].id;
		BlockNumber block = SphxNodeBlock(info, id);

		if (!BufferIsValid(buffer) || BufferGetBlockNumber(buffer) != block)
		{
			if (BufferIsValid(buffer))
				UnlockReleaseBuffer(buffer);
			CHECK_FOR_INTERRUPTS();
			buffer = SphxReadPage(&build->pages, block, SPHX_PAGE_NODE, BUFFER_LOCK_EXCLUSIVE);
			MarkBufferDirty(buffer);
		}
		link_node(build, shard, SphxNodeRecord(info, BufferGetPage(buffer), id),
				  graph + (Size) i * (Size) layout->m, &room);
	}
	if (BufferIsValid(buffer))
		UnlockReleaseBuffer(buffer);
	pfree(room.vector);
	pfree(room.edges);
	pfree(room.ids);
	pfree(room.scratch);
}

/*
 * Build the graph of a shard and write it into the nodes; of `total` nodes,
 * `before` are those of the shards before it.
 */
static void
link_shard(SphxBuild *build, Shard *shard, uint64 before, uint64 total)
{
	SphxEnv    *env = &shard->env.base;
	int			k = candidate_count(build);
	SphxBuildInput input = {
		.n = shard->count,
		.d = build->d,
		.rows = shard->x,
		.cell_count = build->cells
	};
	uint32	   *cells;
	SphxNeighbour *knn;
	SphxNeighbour *graph;

	if (shard->own == 0)
		return;
	input.probes = shard->rows[0].probes;
	input.cells = cells = gather_cells(shard, input.probes);
	SphxBuildPhase(build, SPHX_PHASE_NEIGHBOURS, before, total);
	SphxCountProgress(&shard->env, PROGRESS_CREATEIDX_TUPLES_DONE, before, shard->own);
	knn = sphx_build_knn(env, &input, k);
	SphxBuildPhase(build, SPHX_PHASE_LINK, before, total);
	graph = sphx_build_graph(env, &input, knn, k, build->info.layout.m);
	env->release(env, knn);
	env->release(env, cells);
	write_edges(build, shard, graph);
	env->release(env, graph);
}

/* Inner product: the coordinate with which all rows are on one sphere. */
static void
extend_rows(SphxBuild *build, Shard *shard)
{
	int			D = build->info.layout.D;

	if (build->d == D)
		return;
	for (uint32 i = 0; i < shard->count; i++)
	{
		float	   *x = shard->x + (Size) i * build->d;
		float		square = sphx_kernels->dot_f32(x, x, (size_t) D);

		x[D] = sqrtf(Max(0.0f, build->max_norm * build->max_norm - square));
	}
}

/* Write one shard's nodes, keep them with their ids, and hand those of the overlap on. */
static void
write_shard(ShardSet *set, int number, uint64 before)
{
	SphxBuild  *build = set->build;
	Shard		shard;

	load_shard(build, &shard, set->own[number], NULL);
	SphxReleaseRows(set->own[number]);
	group_shard(build, &shard);
	extend_rows(build, &shard);
	write_nodes(build, &shard, before);
	set->own[number] = SphxCreateRows(build->context, build->d, 0);
	for (uint32 i = 0; i < shard.own; i++)
	{
		const float *x = shard.x + (Size) i * build->d;
		int			overlap;

		(void) row_shard(set, &shard.rows[i], i, &overlap);
		SphxAppendRow(set->own[number], &shard.rows[i], x);
		if (overlap >= 0 && overlap != number)
			SphxAppendRow(set->overlap[overlap], &shard.rows[i], x);
	}
	MemoryContextDelete(shard.context);
}

/* One shard for everything, without temporary files. */
static void
build_single(ShardSet *set)
{
	SphxBuild  *build = set->build;
	Shard		shard;

	load_shard(build, &shard, set->own[0], NULL);
	SphxReleaseRows(set->own[0]);
	group_shard(build, &shard);
	extend_rows(build, &shard);
	SphxBuildPhase(build, SPHX_PHASE_WRITE, 0, shard.own);
	write_nodes(build, &shard, 0);
	link_shard(build, &shard, 0, shard.own);
	MemoryContextDelete(shard.context);
}

/* rows of all shards, but for the overlap */
static uint64
count_own(const ShardSet *set)
{
	uint64		count = 0;

	for (int i = 0; i < set->count; i++)
		count += SphxCountRows(set->own[i]);
	return count;
}

static void
build_many(ShardSet *set)
{
	SphxBuild  *build = set->build;
	uint64		total = count_own(set);
	uint64		before = 0;

	set->overlap = palloc(sizeof(SphxRows *) * (Size) set->count);
	for (int i = 0; i < set->count; i++)
		set->overlap[i] = SphxCreateRows(build->context, build->d, 0);
	SphxBuildPhase(build, SPHX_PHASE_WRITE, 0, total);
	for (int i = 0; i < set->count; i++)
	{
		uint64		rows = SphxCountRows(set->own[i]);

		write_shard(set, i, before);
		before += rows;
	}
	total = count_own(set);
	before = 0;
	for (int i = 0; i < set->count; i++)
	{
		Shard		shard;

		load_shard(build, &shard, set->own[i], set->overlap[i]);
		SphxReleaseRows(set->own[i]);
		SphxReleaseRows(set->overlap[i]);
		link_shard(build, &shard, before, total);
		before += shard.own;
		MemoryContextDelete(shard.context);
	}
}

/* Split cells into two groups around two means; returns how many come first. */
static int
split_cells(SphxBuild *build, int count, int *cells)
{
	SphxEnv    *env = &build->env.base;
	Size		D = (Size) build->info.layout.D;
	SphxTrainParams params = {.k = 2,.seed = 1};
	SphxTrainReport report[2];
	float	   *points = env->alloc(env, sizeof(float) * D * (Size) count);
	float	   *means = env->alloc(env, sizeof(float) * D * 2);
	uint32	   *sides = env->alloc(env, sizeof(uint32) * (Size) count);
	int			left = 0;
	int			k;

	for (int i = 0; i < count; i++)
		memcpy(points + D * (Size) i, build->centroids + D * (Size) cells[i], sizeof(float) * D);
	k = sphx_train(env, &params, (size_t) count, (int) D, points, means, report);
	sphx_assign(env, (size_t) count, (int) D, points, k, means, 1, sides, NULL);
	for (int i = 0; i < count; i++)
	{
		if (sides[i] == 0)
		{
			int			cell = cells[i];

			cells[i] = cells[left];
			cells[left++] = cell;
		}
	}
	env->release(env, points);
	env->release(env, means);
	env->release(env, sides);
	return left > 0 && left < count ? left : count / 2;
}

/*
 * Give these cells to new shards, none with more than `limit` of all rows:
 * by halves, and a single cell that is too large by dealing out its rows.
 */
static void
divide_cells(ShardSet *set, int count, int *cells, double limit)
{
	double		share = 0.0;
	int			left;

	for (int i = 0; i < count; i++)
		share += set->build->cell_share[cells[i]];
	if (share <= limit || count == 1)
	{
		int			parts = Max((int) ceil(share / limit), 1);

		for (int i = 0; i < count; i++)
		{
			set->cell_shard[cells[i]] = set->count;
			set->cell_parts[cells[i]] = parts;
		}
		set->count += parts;
		return;
	}
	left = split_cells(set->build, count, cells);
	divide_cells(set, left, cells, limit);
	divide_cells(set, count - left, cells + left, limit);
}

static void
plan_shards(ShardSet *set)
{
	SphxBuild  *build = set->build;
	double		limit = OWN_PART * (double) build->memory_rows / (double) SphxCountRows(build->rows);
	int		   *cells = palloc(sizeof(int) * (Size) build->cells);

	set->cell_shard = palloc0(sizeof(int) * (Size) build->cells);
	set->cell_parts = palloc(sizeof(int) * (Size) build->cells);
	for (int i = 0; i < build->cells; i++)
		cells[i] = i;
	if (SphxRowsInMemory(build->rows))
		limit = 2.0;
	divide_cells(set, build->cells, cells, limit);
	pfree(cells);
}

void
SphxBuildShards(SphxBuild *build)
{
	ShardSet	set = {.build = build};

	plan_shards(&set);
	set.own = palloc(sizeof(SphxRows *) * (Size) set.count);
	for (int i = 0; i < set.count; i++)
		set.own[i] = SphxCreateRows(build->context, build->d,
									set.count == 1 ? build->memory_rows : 0);
	distribute_rows(&set);
	if (set.count == 1)
		build_single(&set);
	else
		build_many(&set);
}
