/*-------------------------------------------------------------------------
 *
 * build.c
 *	  CREATE INDEX: reading the table, and the order of the steps.
 *
 *-------------------------------------------------------------------------
 */
#include "am/create/build.h"

#include "access/tableam.h"
#include "access/xloginsert.h"
#include "catalog/pg_type.h"
#include "commands/progress.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "am/create/workers.h"
#include "am/definition/geometry.h"
#include "am/definition/opclass.h"
#include "page/chain.h"

/* An index with one cell, whose centroid is the origin. */
static void
write_empty(SphxPages *pages, int dims)
{
	SphxIndexInfo info = {0};
	SphxSkeletonLayer origin = {.count = 1};

	SphxChooseLayout(pages->index, dims, NULL, &info);
	info.meta.rotation_seed = SPHX_ROTATION_SEED;
	info.meta.training_seed = 1;
	origin.centroids = palloc0(sizeof(float) * (Size) info.layout.D);
	SphxWriteSkeleton(pages, &info, NULL, 1, &origin);
}

/*
 * The dimensions that the column is declared with.  Rows could tell them, too,
 * but not when the index is built again (TRUNCATE, VACUUM FULL, a restore)
 * and there are none.
 */
static int
declared_dims(Relation index, const IndexInfo *index_info)
{
	int			dims = SphxTypmodDims(index);
	const char *type = SphxOperandName(SphxIndexOperand(index));

	/*
	 * it is taken for bit wherever that is asked for, but its rows differ in
	 * length
	 */
	if (getBaseType(TupleDescAttr(RelationGetDescr(index), 0)->atttypid) == VARBITOID)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("type %s not supported for sphx index", format_type_be(VARBITOID)),
				 errhint("Index an expression that casts it to a type with dimensions, such as bit(3).")));
	if (dims > SPHX_VECTOR_MAX_DIM)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("column cannot have more than %d dimensions for sphx index",
						SPHX_VECTOR_MAX_DIM)));
	if (dims <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TABLE_DEFINITION),
				 errmsg("column does not have dimensions"),
				 index_info->ii_IndexAttrNumbers[0] != 0 ?
				 errhint("Declare the column with dimensions, such as %s(3).", type) :
				 errhint("Cast the expression to a type with dimensions, such as %s(3).", type)));
	return dims;
}

/* From now on rows can be appended. */
static void
begin_rows(SphxBuild *build, int dims)
{
	SphxMetaPageData *meta = &build->info.meta;

	SphxChooseLayout(build->index, dims, NULL, &build->info);
	meta->rotation_seed = SPHX_ROTATION_SEED;
	meta->training_seed = 1;
	build->d = build->info.layout.D + (meta->metric == SPHX_METRIC_IP ? 1 : 0);
	build->near_d = build->d;
	build->rows = SphxCreateRows(build->context, build->d, SphxBuildMostRows(build, false));
}

typedef struct LoadState
{
	SphxBuild  *build;
	MemoryContext row_context;	/* reset after every row */
	float	   *x;
} LoadState;

static void
load_row(Relation index, ItemPointer tid, Datum *values, bool *isnull, bool alive, void *arg)
{
	LoadState  *state = arg;
	SphxBuild  *build = state->build;
	MemoryContext old;
	Vector	   *v;

	Assert(ItemPointerIsValid(tid));
	if (isnull[0])
		return;
	old = MemoryContextSwitchTo(state->row_context);
	v = SphxIndexedVector(&build->info, values[0]);
	if (SphxTransform(&build->pages, &build->info, v, state->x))
	{
		SphxBuildRow row = {.tid = *tid,.hash = SphxHashVector(v->x, v->dim)};

		if (build->d > build->info.layout.D)
			SphxCountNorm(&build->norms, SphxNorm(&build->info, state->x));
		SphxAppendRow(build->rows, &row, state->x);
		pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_DONE,
									 (int64) SphxCountRows(build->rows));
	}
	MemoryContextSwitchTo(old);
	MemoryContextReset(state->row_context);
}

static double
load_rows(SphxBuild *build, Relation heap, IndexInfo *index_info)
{
	LoadState	state = {.build = build};

	state.row_context = AllocSetContextCreate(build->context, "sphx build row",
											  ALLOCSET_DEFAULT_SIZES);
	state.x = palloc0(sizeof(float) * (Size) build->d);
	SphxBuildPhase(build, SPHX_PHASE_LOAD, 0, heap->rd_rel->reltuples > 0 ?
				   (uint64) heap->rd_rel->reltuples : 0);
	return table_index_build_scan(heap, build->index, index_info, true, true, load_row, &state,
								  NULL);
}

/*
 * Write the figures that were not known when the metapage was.  No page is locked
 * on entry or return (L3).
 */
static void
finish_meta(SphxBuild *build)
{
	Buffer		buffer = SphxReadPage(&build->pages, SPHX_META_BLOCK, SPHX_PAGE_META,
									  BUFFER_LOCK_EXCLUSIVE);
	SphxMetaPageData *meta = (SphxMetaPageData *) PageGetContents(BufferGetPage(buffer));

	Assert(build->pages.building && meta->magic == SPHX_META_MAGIC);
	Assert(meta->cells == (uint32) build->cells);
	meta->mean_a = build->gain_count > 0 ? build->gain_sum / build->gain_count : 0.0;
	SphxSealMeta(meta);
	MarkBufferDirty(buffer);
	UnlockReleaseBuffer(buffer);
}

#ifdef USE_ASSERT_CHECKING
/* Heap TIDs in the index, which nobody else has seen yet.  No page is locked on entry or return. */
static uint64
count_tids(SphxBuild *build)
{
	BlockNumber nblocks = RelationGetNumberOfBlocks(build->index);
	uint64		count = 0;

	for (BlockNumber block = SphxFirstNodeBlock(&build->info.meta); block < nblocks; block++)
	{
		SphxPageKind kind;
		Buffer		buffer = SphxReadPlannedPage(&build->pages, &build->info, block,
												 BUFFER_LOCK_SHARE, &kind);
		SphxRecordWalk walk = SphxWalkRecords(&build->pages, &build->info, BufferGetPage(buffer),
											  block);

		CHECK_FOR_INTERRUPTS();
		while (kind != 0 && SphxNextRecord(&walk))
			count += walk.record->payload_count;
		UnlockReleaseBuffer(buffer);
	}
	return count;
}
#endif

/* Centroids that were read before there were workers. */
static void
share_centroids(SphxBuild *build)
{
	SphxEnv    *env = &build->env.base;
	Size		bytes = sizeof(float) * (Size) build->cells * (Size) build->info.layout.D;
	float	   *centroids = build->centroids;

	if (centroids == NULL)
		return;
	build->centroids = sphx_share(env, bytes);
	memcpy(build->centroids, centroids, bytes);
	env->release(env, centroids);
}

static void
build_graph(SphxBuild *build, Relation heap)
{
	SphxLoadBlas();
	SphxBeginWorkers(build, heap);
	share_centroids(build);
	build->info.meta.built_tuples = (double) SphxCountRows(build->rows);
	build->info.meta.max_norm = build->norms.largest;
	build->info.meta.long_norm = SphxLongNorm(&build->norms);
	SphxBuildPhase(build, SPHX_PHASE_TRAIN, 0, 0);
	SphxTrainCells(build);
	if (SphxCountRows(build->rows) > 0)
		SphxBuildShards(build);
	Assert((double) count_tids(build) == build->info.meta.built_tuples);	/* I13 */
	finish_meta(build);
	SphxCalibrateBuild(build);
	SphxEndWorkers(build);
}

IndexBuildResult *
sphxbuild(Relation heap, Relation index, IndexInfo *index_info)
{
	IndexBuildResult *result = palloc0(sizeof(IndexBuildResult));
	SphxBuild	build = {.index = index};
	int			dims = declared_dims(index, index_info);
	MemoryContext old;

	if (RelationGetNumberOfBlocks(index) != 0)
		elog(ERROR, "index \"%s\" already contains data", RelationGetRelationName(index));
	build.context = AllocSetContextCreate(CurrentMemoryContext, "sphx build",
										  ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(build.context);
	SphxInitEnv(&build.env, build.context);
	build.env.base.scratch = SphxBuildScratch();
	SphxForgetPages(index);
	SphxOpenPages(&build.pages, index);
	build.pages.building = true;
	build.options = SphxGetOptions(index);
	begin_rows(&build, dims);
	SphxLoadCentroids(&build);

	result->heap_tuples = load_rows(&build, heap, index_info);
	result->index_tuples = (double) SphxCountRows(build.rows);
	if (result->index_tuples > 0 || build.cells > 0)
		build_graph(&build, heap);
	else
		write_empty(&build.pages, dims);
	SphxSealPages(&build.pages, 0);
	if (RelationNeedsWAL(index))
		log_newpage_range(index, MAIN_FORKNUM, 0, RelationGetNumberOfBlocks(index), true);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(build.context);
	Assert(!SphxHoldsPage());
	return result;
}

/*
 * The initialisation fork of an unlogged index.  Dimensions are those of the
 * main fork, which has just been built.
 */
void
sphxbuildempty(Relation index)
{
	SphxPages	pages;
	SphxIndexInfo info;

	SphxOpenPages(&pages, index);
	SphxGetInfo(&pages, &info);
	SphxOpenInitFork(&pages, index);
	Assert(pages.fork == INIT_FORKNUM && pages.building);
	write_empty(&pages, (int) info.meta.dims);
	SphxSealPages(&pages, 0);
	log_newpage_range(index, INIT_FORKNUM, 0,
					  RelationGetNumberOfBlocksInFork(index, INIT_FORKNUM), true);
}
