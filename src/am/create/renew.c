/*-------------------------------------------------------------------------
 *
 * renew.c
 *	  New cells for an index that has outgrown those it has.
 *
 * See "Cells made anew" in src/README for the protocol.
 *
 *-------------------------------------------------------------------------
 */
#include "am/create/build.h"

#include "access/xloginsert.h"
#include "commands/vacuum.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/memutils.h"

#include "am/create/build_state.h"
#include "math/base/blas.h"
#include "math/base/random.h"
#include "math/train/assign.h"
#include "page/node.h"
#include "server/stop_point.h"

/* cells are looked at when there are so many times the rows of the last time, or one in so many */
#define LOOK_FACTOR			2.0

/* how many times its share a cell may have, and how many cells, one in so many, may be empty */
#define MOST_SHARES			4.0
#define EMPTY_PART			4

/* nodes of the sample a cell, and at least; as many a cell as tell that one is empty */
#define SAMPLE_PER_CELL		64
#define SAMPLE_SMALLEST		16384
#define SAMPLE_TELLING		16

/* new centroids that an old one may be given the number of, nearest first */
#define NUMBER_PROBES		8

#define RENEWAL_SEED		1

typedef struct Renewal
{
	SphxBuild	build;			/* of which only what concerns cells is used */
	double		nodes;			/* of the index, by the sample */

	/* the sample */
	uint64		count;
	float	   *sample;			/* count * D */
	uint32	   *ids;			/* count */
	uint32	   *nearest;		/* count: the cell whose centroid is nearest */
	float	   *distances;		/* count: squared */

	/* the present cells */
	int			old_cells;
	float	   *old_centroids;	/* old_cells * D */
} Renewal;

/* Have rows come or gone since the cells were made or looked at last? */
static bool
is_due(const Renewal *renewal, double rows)
{
	const SphxMetaPageData *meta = &renewal->build.info.meta;
	double		seen = meta->rows_seen > 0 ? meta->rows_seen : meta->built_tuples;

	if (meta->version == 1 || SphxCentroidsOption(renewal->build.index) != NULL)
		return false;
	return SphxSuitableCells(rows) >= MOST_SHARES &&
		(rows >= LOOK_FACTOR * seen || rows <= seen / LOOK_FACTOR);
}

/* The cells that a build would make for so many nodes. */
static int
suitable_cells(const SphxBuild *build, double nodes)
{
	double		cells = Min(SphxSuitableCells(nodes), SphxBuildMostCells(build));

	if (build->options.lists > 0)
		cells = Min(build->options.lists, nodes);
	return (int) Max(Min(cells, SPHX_MAX_LISTS), 1);
}


/* The sample */

/* Add the living nodes of the block. */
static void
sample_page(Renewal *renewal, BlockNumber block)
{
	const SphxIndexInfo *info = &renewal->build.info;
	SphxPages  *pages = &renewal->build.pages;
	SphxPageKind kind;
	Buffer		buffer;
	SphxRecordWalk walk;

	Assert(!SphxHoldsPage());	/* nobody waits for one who sleeps */
	SphxVacuumDelay();
	buffer = SphxReadPlannedPage(pages, info, block, BUFFER_LOCK_SHARE, &kind);
	walk = SphxWalkRecords(pages, info, BufferGetPage(buffer), block);
	while (kind == SPHX_PAGE_NODE && SphxNextLiving(&walk))
	{
		renewal->ids[renewal->count] = walk.id;
		sphx_record_vector(&info->layout, walk.record,
						   renewal->sample + renewal->count++ * (Size) info->layout.D);
	}
	UnlockReleaseBuffer(buffer);
}

/* Draw blocks at random, as many as hold a sample of the right size. */
static void
draw_sample(Renewal *renewal, double rows)
{
	SphxBuild  *build = &renewal->build;
	SphxEnv    *env = &build->env.base;
	Size		D = (Size) build->info.layout.D;
	uint32		per_page = build->info.meta.per_page;
	BlockNumber first = SphxFirstNodeBlock(&build->info.meta);
	BlockNumber blocks = RelationGetNumberOfBlocks(build->index) - first;
	uint64		wanted = Max((uint64) suitable_cells(build, rows) * SAMPLE_PER_CELL, SAMPLE_SMALLEST);
	BlockNumber chosen;
	BlockNumber taken = 0;
	SphxRandom	random;

	wanted = Min(wanted, SphxBuildSampleFloats() / D);
	chosen = (BlockNumber) Min(blocks, (wanted + per_page - 1) / per_page);
	renewal->sample = sphx_share(env, sizeof(float) * D * chosen * per_page);
	renewal->ids = env->alloc(env, sizeof(uint32) * chosen * per_page);
	renewal->nearest = env->alloc(env, sizeof(uint32) * chosen * per_page);
	renewal->distances = env->alloc(env, sizeof(float) * chosen * per_page);
	sphx_random_seed(&random, RENEWAL_SEED);
	for (BlockNumber i = 0; i < blocks && taken < chosen; i++)
		if (sphx_random_below(&random, blocks - i) < chosen - taken)
		{
			sample_page(renewal, first + i);
			taken++;
		}
	renewal->nodes = chosen > 0 ? (double) renewal->count * blocks / chosen : 0.0;
}


/* The present cells */

/* Their centroids, in the order of cells. */
static void
read_centroids(Renewal *renewal)
{
	SphxBuild  *build = &renewal->build;
	const SphxIndexInfo *info = &build->info;
	SphxEnv    *env = &build->env.base;
	const SphxLayerData *layer = &info->meta.layers[0];
	Size		D = (Size) info->layout.D;

	renewal->old_cells = (int) layer->count;
	renewal->old_centroids = sphx_share(env, sizeof(float) * D * layer->count);
	for (uint32 cell = 0; cell < layer->count;)
	{
		BlockNumber block = layer->start + cell / info->meta.per_page;
		Buffer		buffer = SphxReadPage(&build->pages, block, SPHX_PAGE_CENTROID,
										  BUFFER_LOCK_SHARE);

		for (uint32 slot = 0; slot < info->meta.per_page && cell < layer->count; slot++, cell++)
		{
			const SphxRecord *r = SphxCheckNode(&build->pages, info, BufferGetPage(buffer),
												SphxNodeId(info, block, slot));

			if (r == NULL)
				SphxCorrupted(build->index, block, "a centroid is missing");
			sphx_record_vector(&info->layout, r, renewal->old_centroids + cell * D);
		}
		UnlockReleaseBuffer(buffer);
		CHECK_FOR_INTERRUPTS();
	}
}

/* Has a cell far more than its share, or are many cells empty? */
static bool
is_outgrown(Renewal *renewal)
{
	SphxBuild  *build = &renewal->build;
	SphxEnv    *env = &build->env.base;
	int			cells = renewal->old_cells;
	double		share = (double) renewal->count / suitable_cells(build, renewal->nodes);
	uint32	   *members = env->alloc(env, sizeof(uint32) * (Size) cells);
	uint32		largest = 0;
	int			empty = 0;

	memset(members, 0, sizeof(uint32) * (Size) cells);
	sphx_assign(env, renewal->count, build->info.layout.D, renewal->sample, cells,
				renewal->old_centroids, 1, renewal->nearest, NULL);
	for (uint64 i = 0; i < renewal->count; i++)
		largest = Max(largest, ++members[renewal->nearest[i]]);
	for (int i = 0; i < cells; i++)
		empty += members[i] == 0 ? 1 : 0;
	env->release(env, members);
	return largest >= MOST_SHARES * share ||
		(empty > cells / EMPTY_PART && renewal->count >= (uint64) cells * SAMPLE_TELLING);
}


/* The new ones */

/*
 * Train them; false when there are too few different nodes for as many cells as there
 * are chains.
 */
static bool
train_cells(Renewal *renewal)
{
	SphxBuild  *build = &renewal->build;
	SphxMetaPageData *meta = &build->info.meta;
	SphxTrainReport report[2];
	SphxTrainParams params = {
		.k = Max(suitable_cells(build, renewal->nodes), renewal->old_cells),
		.gap_weight = build->options.gap_weight,
		.spherical = meta->metric == SPHX_METRIC_COSINE && !meta->centered,
		.seed = RENEWAL_SEED
	};

	if ((uint64) params.k > renewal->count)
		return false;
	build->centroids = sphx_share(&build->env.base, sizeof(float) * (Size) params.k *
								  (Size) build->info.layout.D);
	build->cells = sphx_train(&build->env.base, &params, renewal->count, build->info.layout.D,
							  renewal->sample, build->centroids, report);
	meta->gap_weight = params.gap_weight;
	meta->training = SphxTrainingFigures(&report[0]);
	meta->kmeans = SphxTrainingFigures(&report[1]);
	return build->cells >= renewal->old_cells;
}

/*
 * A cell that has a chain keeps its number, and gets a new centroid near the one it
 * had: the others come behind them.
 */
static void
number_cells(Renewal *renewal)
{
	SphxBuild  *build = &renewal->build;
	SphxEnv    *env = &build->env.base;
	Size		D = (Size) build->info.layout.D;
	Size		cells = (Size) build->cells;
	int			probes = Min(build->cells, NUMBER_PROBES);
	uint32	   *near = env->alloc(env, sizeof(uint32) * (Size) renewal->old_cells * (Size) probes);
	float	   *ordered = sphx_share(env, sizeof(float) * cells * D);
	bool	   *taken = palloc0(cells);
	Size		lowest = 0;		/* none below it is free */

	sphx_assign(env, (Size) renewal->old_cells, (int) D, renewal->old_centroids, build->cells,
				build->centroids, probes, near, NULL);
	for (Size cell = 0; cell < cells; cell++)
	{
		Size		number = cells;

		for (int j = 0; j < probes && cell < (Size) renewal->old_cells && number == cells; j++)
			if (!taken[near[cell * (Size) probes + (Size) j]])
				number = near[cell * (Size) probes + (Size) j];
		while (number == cells && taken[lowest])
			lowest++;
		if (number == cells)
			number = lowest;
		Assert(number < cells);
		taken[number] = true;
		memcpy(ordered + cell * D, build->centroids + number * D, sizeof(float) * D);
	}
	pfree(taken);
	env->release(env, near);
	sphx_unshare(env, build->centroids);
	build->centroids = ordered;
}

/*
 * The directory's entries as they will be, but for chains: each cell is entered at the
 * node of the sample nearest to its centroid.
 */
static SphxCellData *
find_entries(Renewal *renewal)
{
	SphxBuild  *build = &renewal->build;
	SphxEnv    *env = &build->env.base;
	Size		count = (Size) build->cells + 1;
	SphxCellData *cells = env->alloc(env, sizeof(SphxCellData) * count);
	float	   *least = env->alloc(env, sizeof(float) * count);
	const SphxCellData empty = {
		.first = InvalidBlockNumber,
		.insert = InvalidBlockNumber,
		.entry = SPHX_INVALID_NODE
	};

	for (Size i = 0; i < count; i++)
		cells[i] = empty;
	sphx_assign(env, renewal->count, build->info.layout.D, renewal->sample, build->cells,
				build->centroids, 1, renewal->nearest, renewal->distances);
	for (uint64 i = 0; i < renewal->count; i++)
	{
		uint32		cell = renewal->nearest[i];

		if (cells[cell].entry != SPHX_INVALID_NODE && renewal->distances[i] >= least[cell])
			continue;
		least[cell] = renewal->distances[i];
		cells[cell].entry = renewal->ids[i];
	}
	env->release(env, least);
	return cells;
}

/* The chains of the present directory, which nobody changes while L4's lock is held. */
static void
take_chains(Renewal *renewal, SphxCellData *cells)
{
	SphxBuild  *build = &renewal->build;
	const SphxMetaPageData *meta = &build->info.meta;

	Assert(SphxHoldsPageLock(build->index, SPHX_META_BLOCK, ExclusiveLock));	/* L4 */
	for (uint32 i = 0; i <= meta->cells; i++)
	{
		SphxCellData *cell = &cells[i < meta->cells ? i : (uint32) build->cells];
		uint32		entry = cell->entry;

		SphxReadCell(&build->pages, meta, i, cell);
		if (entry != SPHX_INVALID_NODE)
			cell->entry = entry;
	}
}

/*
 * Write directory and layers behind all there is, and lead to them.  Inserts have to
 * wait, as they change the directory and extend the file; scans do not.
 */
static void
move_cells(Renewal *renewal, SphxCellData *cells, int layer_count, SphxSkeletonLayer *layers)
{
	SphxBuild  *build = &renewal->build;

	LockPage(build->index, SPHX_META_BLOCK, ExclusiveLock);
	take_chains(renewal, cells);
	build->pages.building = true;
	SphxWriteCells(&build->pages, &build->info, cells, layer_count, layers);
	SphxSealPages(&build->pages, build->info.meta.directory);
	build->pages.building = false;
	if (RelationNeedsWAL(build->index))
		log_newpage_range(build->index, MAIN_FORKNUM, build->info.meta.directory,
						  SphxSkeletonEnd(&build->info.meta), true);
	SphxStopPoint("cells-written");
	SphxMoveCells(&build->pages, &build->info);
	UnlockPage(build->index, SPHX_META_BLOCK, ExclusiveLock);
}

static void
renew_cells(Renewal *renewal)
{
	SphxSkeletonLayer layers[SPHX_MAX_LAYERS];
	SphxCellData *cells;
	int			count;

	number_cells(renewal);
	cells = find_entries(renewal);
	count = SphxMakeLayers(&renewal->build, layers);
	move_cells(renewal, cells, count, layers);
	ereport(DEBUG1,
			(errmsg_internal("index \"%s\" has %d cells in place of %d",
							 RelationGetRelationName(renewal->build.index), renewal->build.cells,
							 renewal->old_cells)));
}

void
SphxRenewCells(Relation index, double rows)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "sphx cells",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	Renewal		renewal = {.build = {.index = index,.context = context}};
	SphxBuild  *build = &renewal.build;
	const char *why;

	Assert(SphxExcludesVacuum(index));	/* the sample's nodes stay */
	SphxOpenPages(&build->pages, index);
	SphxGetInfo(&build->pages, &build->info);
	build->options = SphxGetOptions(index);
	/* a vacuum has more to do than this, and must not fail for it */
	if (is_due(&renewal, rows) && sphx_blas_load(&why))
	{
		SphxInitEnv(&build->env, context);
		build->env.base.scratch = SphxBuildScratch();
		build->info.meta.rows_seen = (uint32) Min(rows, PG_UINT32_MAX);
		draw_sample(&renewal, rows);
		read_centroids(&renewal);
		if (renewal.count > 0 && is_outgrown(&renewal) && train_cells(&renewal))
			renew_cells(&renewal);
		else
			SphxSetRowsSeen(&build->pages, build->info.meta.rows_seen);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}
