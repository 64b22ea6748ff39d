/*-------------------------------------------------------------------------
 *
 * shard.c
 *	  Shards of a new index: rows that are in memory together.
 *
 * A shard is a set of neighbouring cells whose rows, with their candidate
 * lists, fit in maintenance_work_mem; usually there is one for all.  Nodes
 * are written shard by shard first, which gives them their ids; then each
 * shard's graph is built and its edges are written into the records.  Rows
 * near the border of a shard take part in the graph of another one as well
 * (the overlap), and have edges from both, so that edges cross the borders.
 *
 * Rows go from one shard to the next through sorts: by cell for the nodes, by
 * shard, with those of the overlap behind its own, for the edges.
 *
 *-------------------------------------------------------------------------
 */
#include "am/create/build_state.h"

#include "commands/progress.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "utils/memutils.h"

#include "math/train/assign.h"

/* the part of the memory that a shard's own rows may fill; the rest is for its overlap */
#define OWN_PART			0.5

/* other shards that a row takes part in at most */
#define OVERLAPS			1

/* rows assigned to cells in one go where they are not all in memory, at most */
#define ASSIGN_BATCH		4096

/* of the rows of a cell that spans shards, one in so many joins the next shard, too */
#define SPLIT_OVERLAP		4

/* a part of the cells too small to be split off, as one in so many */
#define LOPSIDED			16

/* Own rows of one shard: an interval of keys. */
typedef struct ShardPlan
{
	uint64		end;			/* of its keys; it begins where the one before
								 * ends */
	uint32		rows;
	uint32		nodes;			/* once they are written */
	uint64		overlap;		/* rows of others that want to take part */
} ShardPlan;

/* All shards. */
typedef struct ShardSet
{
	SphxBuild  *build;
	int		   *cells;			/* cells in an order in which near ones are
								 * close to each other */
	int		   *place;			/* of each cell in that order */
	int		   *depth;			/* how deep the order was split in front of
								 * the place */
	uint32	   *cell_rows;		/* rows of each cell */
	int		   *cell_shard;		/* of each cell: its (first) shard, */
	int		   *cell_parts;		/* and over how many a large one is spread */
	ShardPlan  *plans;
	int			count;
	int			room;
} ShardSet;

/* the key by which rows are sorted into cells: place of the cell, number in it */
static uint64
cell_key(int place, uint32 number)
{
	Assert(place >= 0);
	return (uint64) place << 32 | number;
}

/*
 * The key by which nodes are sorted into the shards whose graph they are in.
 * rank: 0 for the shard's own, else the lower the more the node belongs there.
 */
#define RANKS				16

static uint64
shard_key(int shard, int rank, uint32 number)
{
	Assert(rank < RANKS);
	return ((uint64) shard * RANKS + (uint64) rank) << 32 | number;
}

/* Rows that are assigned in one go. */
static uint32
batch_rows(const SphxBuild *build)
{
	Size		row = sizeof(SphxBuildRow) + sizeof(uint32) * SPHX_BUILD_PROBES +
	sizeof(float) * (Size) (build->d + build->info.layout.D);

	return (uint32) Max(Min(build->env.base.scratch / row, ASSIGN_BATCH), 16);
}

/* The rows without the coordinate beyond D: a copy of them if there is one. */
static float *
plain_rows(SphxBuild *build, uint32 count, float *x)
{
	Size		D = (Size) build->info.layout.D;
	float	   *plain;

	if ((Size) build->d == D)
		return x;
	plain = sphx_share(&build->env.base, sizeof(float) * D * ((Size) count + 1));
	for (uint32 i = 0; i < count; i++)
		memcpy(plain + i * D, x + (Size) i * build->d, sizeof(float) * D);
	return plain;
}

/* Bring some rows to the coordinates of the index, and find their nearest cells. */
static void
place_rows(SphxBuild *build, uint32 count, SphxBuildRow *rows, float *x)
{
	SphxEnv    *env = &build->env.base;
	int			probes = Min(build->cells, SPHX_BUILD_PROBES);
	uint32	   *cells = sphx_share(env, sizeof(uint32) * ((Size) count * (Size) probes + 1));
	float	   *plain;

	Assert(probes >= 1 && build->centroids != NULL);
	SphxSeeRows(build, count, build->d, x);
	plain = plain_rows(build, count, x);
	sphx_assign(env, count, build->info.layout.D, plain, build->cells, build->centroids, probes,
				cells, NULL);
	for (uint32 i = 0; i < count; i++)
	{
		Assert(cells[(Size) i * (Size) probes] < (uint32) build->cells);
		rows[i].probes = (uint16) probes;
		memcpy(rows[i].cells, cells + (Size) i * (Size) probes, sizeof(uint32) * (Size) probes);
	}
	if (plain != x)
		sphx_unshare(env, plain);
	sphx_unshare(env, cells);
}

/* Take up to `room` rows from the build's. */
static uint32
next_rows(SphxBuild *build, uint32 room, SphxBuildRow *rows, float *x)
{
	uint32		count = 0;

	while (count < room && SphxNextRow(build->rows, &rows[count], x + (Size) count * build->d))
	{
		if (++count % 1024 == 0)
			CHECK_FOR_INTERRUPTS();
	}
	return count;
}

static void
drop_rows(SphxBuild *build)
{
	SphxReleaseRows(build->rows);
	build->rows = NULL;
}

/* One shard for everything, without temporary files. */
static void
build_single(SphxBuild *build)
{
	uint32		total = (uint32) SphxCountRows(build->rows);
	SphxShard	shard;

	Assert(total == SphxCountRows(build->rows));	/* LARGEST_SHARD is below
													 * 2^32 */
	SphxOpenShard(build, &shard, total);
	if (next_rows(build, total, shard.rows, shard.x) != total)
		elog(ERROR, "rows of an index build are missing");
	drop_rows(build);
	SphxCountProgress(&build->env, PROGRESS_CREATEIDX_TUPLES_DONE, 0, total);
	place_rows(build, total, shard.rows, shard.x);
	SphxCountProgress(&build->env, -1, 0, 0);
	SphxBuildPhase(build, SPHX_PHASE_WRITE, 0, total);
	SphxWriteNodes(build, &shard, 0);
	SphxLinkNodes(build, &shard, 0, shard.own);
	SphxCloseShard(&shard);
}

/* Sort all rows by their nearest cell, and count them. */
static SphxRowSort *
sort_by_cell(ShardSet *set)
{
	SphxBuild  *build = set->build;
	SphxEnv    *env = &build->env.base;
	uint32		room = batch_rows(build);
	SphxBuildRow *rows = env->alloc(env, sizeof(SphxBuildRow) * room);
	float	   *x = sphx_share(env, sizeof(float) * room * (Size) build->d);
	SphxRowSort *sort = SphxBeginSort(build->context, build->d);
	uint64		done = 0;
	uint32		count;

	while ((count = next_rows(build, room, rows, x)) > 0)
	{
		place_rows(build, count, rows, x);
		for (uint32 i = 0; i < count; i++)
		{
			uint32		cell = rows[i].cells[0];

			SphxSortRow(sort, cell_key(set->place[cell], set->cell_rows[cell]++), &rows[i],
						x + (Size) i * build->d);
		}
		done += count;
		pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_DONE, (int64) done);
	}
	sphx_unshare(env, x);
	env->release(env, rows);
	Assert(done == SphxCountRows(build->rows));
	drop_rows(build);
	SphxPerformSort(sort);
	return sort;
}

/*
 * Split cells into two groups around two means; returns how many come first.
 * Where outliers alone would be split off it is half of them, so that the
 * splits do not nest deep.
 */
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

	Assert(count >= 2);
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
	return left > count / LOPSIDED && left < count - count / LOPSIDED ? left : count / 2;
}

/* Put cells first..end-1 of the order in order, by splitting them again and again. */
static void
order_range(ShardSet *set, int first, int end, int depth)
{
	int			middle;

	if (end - first < 2)
		return;
	check_stack_depth();
	middle = first + split_cells(set->build, end - first, set->cells + first);
	Assert(middle > first && middle < end); /* or it would never end */
	set->depth[middle] = depth;
	order_range(set, first, middle, depth + 1);
	order_range(set, middle, end, depth + 1);
}

static void
order_cells(ShardSet *set)
{
	int			cells = set->build->cells;

	for (int i = 0; i < cells; i++)
		set->cells[i] = i;
	order_range(set, 0, cells, 0);
	for (int i = 0; i < cells; i++)
		set->place[set->cells[i]] = i;
}

static void
add_shard(ShardSet *set, uint64 end, uint32 rows)
{
	if (set->count == set->room)
	{
		set->room *= 2;
		set->plans = repalloc(set->plans, sizeof(ShardPlan) * (Size) set->room);
	}
	set->plans[set->count++] = (ShardPlan)
	{
		.end = end,.rows = rows
	};
}

/* Spread a single cell that is too large over several shards. */
static void
add_parts(ShardSet *set, int place, uint32 limit)
{
	int			cell = set->cells[place];
	uint64		rows = set->cell_rows[cell];
	int			parts = (int) ((rows + limit - 1) / limit);

	set->cell_shard[cell] = set->count;
	set->cell_parts[cell] = parts;
	for (int i = 0; i < parts; i++)
	{
		uint64		first = rows * (uint64) i / (uint64) parts;
		uint64		end = rows * ((uint64) i + 1) / (uint64) parts;

		add_shard(set, cell_key(place, (uint32) end), (uint32) (end - first));
	}
}

/*
 * Make shards of at most `limit` rows of the cells first..end-1 of the order,
 * divided where the order was split first.
 */
static void
plan_range(ShardSet *set, int first, int end, uint32 limit)
{
	int			middle = first + 1;
	uint64		rows = 0;

	Assert(first < end && limit > 0);
	for (int i = first; i < end; i++)
		rows += set->cell_rows[set->cells[i]];
	if (rows <= limit)
	{
		for (int i = first; i < end; i++)
			set->cell_shard[set->cells[i]] = set->count;
		add_shard(set, cell_key(end, 0), (uint32) rows);
		return;
	}
	if (end - first == 1)
	{
		add_parts(set, first, limit);
		return;
	}
	check_stack_depth();
	for (int i = middle + 1; i < end; i++)
		if (set->depth[i] < set->depth[middle])
			middle = i;
	plan_range(set, first, middle, limit);
	plan_range(set, middle, end, limit);
}

/*
 * The shards beside its own that a node takes part in, the one it belongs to
 * most first; returns their number.  A large cell's parts are each other's
 * next.
 */
static int
other_shards(const ShardSet *set, const SphxBuildRow *row, int own, uint32 number,
			 int others[OVERLAPS], int ranks[OVERLAPS])
{
	uint32		cell = row->cells[0];
	int			parts = set->cell_parts[cell];
	int			count = 0;

	if (parts > 1)
	{
		int			first = set->cell_shard[cell];

		others[0] = first + (own - first + 1) % parts;
		ranks[0] = 1;
		return number % SPLIT_OVERLAP == 0 ? 1 : 0;
	}
	for (int i = 1; i < row->probes && count < OVERLAPS; i++)
	{
		uint32		near = row->cells[i];
		int			shard = set->cell_shard[near] +
		(int) (number % (uint32) set->cell_parts[near]);
		bool		known = shard == own;

		Assert(shard >= 0 && shard < set->count);
		for (int j = 0; j < count; j++)
			known = known || shard == others[j];
		if (known)
			continue;
		others[count] = shard;
		ranks[count++] = i;
	}
	return count;
}

/* Hand the nodes of a shard on to those whose graph they are in. */
static void
sort_nodes(ShardSet *set, int number, const SphxShard *shard, SphxRowSort *sort)
{
	Size		d = (Size) set->build->d;

	StaticAssertStmt(SPHX_BUILD_PROBES <= RANKS, "a rank for every probe");
	for (uint32 i = 0; i < shard->own; i++)
	{
		int			others[OVERLAPS];
		int			ranks[OVERLAPS];
		int			count = other_shards(set, &shard->rows[i], number, i, others, ranks);

		SphxSortRow(sort, shard_key(number, 0, i), &shard->rows[i], shard->x + i * d);
		for (int j = 0; j < count; j++)
		{
			SphxSortRow(sort, shard_key(others[j], ranks[j], shard->rows[i].id), &shard->rows[i],
						shard->x + i * d);
			set->plans[others[j]].overlap++;
		}
		if (i % 1024 == 0)
			CHECK_FOR_INTERRUPTS();
	}
	Assert(shard->own <= set->plans[number].rows);	/* equal rows share a node */
	set->plans[number].nodes = shard->own;
}

/* Fill a shard with the next rows of a sort, which end before this key. */
static void
fill_shard(SphxBuild *build, SphxShard *shard, SphxRowSort *sort, uint64 end)
{
	for (uint32 i = 0; i < shard->count; i++)
	{
		if (!SphxNextSorted(sort, end, &shard->rows[i], shard->x + (Size) i * build->d))
			elog(ERROR, "rows of an index build are missing");
		if (i % 1024 == 0)
			CHECK_FOR_INTERRUPTS();
	}
}

/* Write all nodes, and sort them for the graphs. */
static SphxRowSort *
write_shards(ShardSet *set, SphxRowSort *rows, uint64 total)
{
	SphxBuild  *build = set->build;
	SphxRowSort *nodes = SphxBeginSort(build->context, build->d);
	uint64		before = 0;

	SphxBuildPhase(build, SPHX_PHASE_WRITE, 0, total);
	for (int i = 0; i < set->count; i++)
	{
		SphxShard	shard;

		SphxOpenShard(build, &shard, set->plans[i].rows);
		fill_shard(build, &shard, rows, set->plans[i].end);
		SphxWriteNodes(build, &shard, before);
		sort_nodes(set, i, &shard, nodes);
		SphxCloseShard(&shard);
		before += set->plans[i].rows;
	}
	Assert(before == total);
	SphxEndSort(rows);
	SphxPerformSort(nodes);
	return nodes;
}

/* Pass over the rows that a shard has no room for. */
static void
skip_rows(SphxBuild *build, SphxRowSort *sort, uint64 end)
{
	SphxBuildRow row;
	float	   *x = palloc(sizeof(float) * (Size) build->d);

	while (SphxNextSorted(sort, end, &row, x))
		CHECK_FOR_INTERRUPTS();
	pfree(x);
}

static void
link_shards(ShardSet *set, SphxRowSort *nodes, uint64 fitting)
{
	SphxBuild  *build = set->build;
	uint64		total = 0;
	uint64		before = 0;

	for (int i = 0; i < set->count; i++)
		total += set->plans[i].nodes;
	for (int i = 0; i < set->count; i++)
	{
		const ShardPlan *plan = &set->plans[i];
		uint64		end = shard_key(i + 1, 0, 0);
		SphxShard	shard;

		SphxOpenShard(build, &shard,
					  (uint32) Min(plan->nodes + plan->overlap, Max(fitting, plan->nodes)));
		shard.own = plan->nodes;
		fill_shard(build, &shard, nodes, end);
		skip_rows(build, nodes, end);
		SphxLinkNodes(build, &shard, before, total);
		SphxCloseShard(&shard);
		before += plan->nodes;
	}
	Assert(before == total);
	SphxEndSort(nodes);
}

static void
build_many(SphxBuild *build)
{
	ShardSet	set = {.build = build,.room = 64};
	Size		cells = (Size) build->cells;
	uint64		total = SphxCountRows(build->rows);
	uint64		fitting = SphxBuildMostRows(build, true);
	SphxRowSort *rows;

	set.cells = palloc(sizeof(int) * cells);
	set.place = palloc(sizeof(int) * cells);
	set.depth = palloc0(sizeof(int) * cells);
	set.cell_rows = palloc0(sizeof(uint32) * cells);
	set.cell_shard = palloc(sizeof(int) * cells);
	set.cell_parts = palloc(sizeof(int) * cells);
	set.plans = palloc(sizeof(ShardPlan) * (Size) set.room);
	for (Size i = 0; i < cells; i++)
		set.cell_parts[i] = 1;
	order_cells(&set);
	rows = sort_by_cell(&set);
	plan_range(&set, 0, build->cells, (uint32) (OWN_PART * (double) fitting));
	link_shards(&set, write_shards(&set, rows, total), fitting);
}

void
SphxBuildShards(SphxBuild *build)
{
	SphxBuildPhase(build, SPHX_PHASE_ASSIGN, 0, SphxCountRows(build->rows));
	SphxRewindRows(build->rows);
	if (SphxRowsInMemory(build->rows))
		build_single(build);
	else
		build_many(build);
}
