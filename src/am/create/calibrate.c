/*-------------------------------------------------------------------------
 *
 * calibrate.c
 *	  Measuring which recall an index reaches by the width of the search.
 *
 * Rows of the index, drawn at random, are the queries.  The node of such a row
 * is hidden from its search: its edges lead to just what is looked for, and a
 * query has no such node.  What is right is found by comparing the queries with
 * all nodes by matrix products, block by block.
 *
 *-------------------------------------------------------------------------
 */
#include "am/create/calibrate.h"

#include <math.h>

#include "commands/progress.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "am/create/workers.h"
#include "am/definition/geometry.h"
#include "am/scan/bounds.h"
#include "am/scan/stream.h"
#include "math/base/blas.h"
#include "math/base/compare.h"
#include "math/base/random.h"
#include "page/node.h"

/*
 * Queries: one of so many nodes, within these limits, and no more than take so
 * many multiplications.  The recall of one row is either 0 or 1, so a thousand
 * queries tell one of .95 to within .007 (a standard error).
 */
#define NODES_A_QUERY		40
#define LEAST_QUERIES		200
#define MOST_QUERIES		1000
#define MOST_PRODUCTS		4e10

/* an index of fewer nodes is read whole at the default of ef_search, or nearly so */
#define LEAST_NODES			1280

/* nodes compared at a time, with so many queries at most */
#define BLOCK_NODES			256
#define NEAREST_QUERIES		512

/* queries searched for as one item */
#define SEARCHED_QUERIES	8

/*
 * The nearest nodes of a query that are kept: those of the largest limit, and some
 * more, since matrix products put some in another order than the search does.
 */
#define KEPT				108

/* the recall of more rows than this hardly differs from query to query: fewer will do */
#define SPREAD_LIMIT		10

/* with this recall for every limit there is no reason to search more widely */
#define PERFECT				0.9995

/*
 * A hidden node leaves a hole: edges that the heuristic left out for the sake of
 * those to it are missing.  Queries from outside the index missed less than hidden
 * rows did at the same width: of 10 rows, with a recall of .9 to .98, .70 to .80
 * of it for sift, .76 to .78 for text, .86 to .92 for words.  By inner product the
 * nearest of a row are elsewhere, and as much is missed.
 */
#define MISSED_OUTSIDE		0.9

/* from here on wider searches are tried with fewer queries, so that each width takes as long */
#define FULL_WIDTH			80

/* ef_search: each 1.4 times the one before.  Below 5 all are alike (stream.c). */
static const uint16 widths[SPHX_CALIBRATION_WIDTHS] = {
	5, 7, 10, 14, 20, 28, 40, 57, 80, 113, 160, 226, 320, 453, 640, 905
};

typedef struct Near
{
	float		key;
	uint32		id;
} Near;

/* What all participants know. */
typedef struct Measure
{
	SphxPages  *pages;			/* the leader's */
	SphxServerEnv *env;			/* the leader's */
	SphxIndexInfo info;
	int			count;			/* queries */
	float	   *q;				/* count * D */
	uint32	   *ids;			/* their nodes */
	Near	   *near;			/* count * KEPT: a heap each, the farthest
								 * first */
	int		   *kept;			/* in the heaps */
	double	   *bounds;			/* count * limits: of the last row that is
								 * right */
	int		   *missed;			/* count * limits: at the width searched last */
	uint32	   *nodes;			/* living ones in the index, as each
								 * comparison has found */

	/* the searches of one width */
	int			ef;
	int			limits;
	int			queries;		/* that are searched for */
} Measure;

/* A block of nodes to compare with the queries first .. end - 1. */
typedef struct NodeBlock
{
	Measure    *measure;
	SphxPages  *pages;
	int			first;
	int			end;
	int			count;			/* nodes */
	uint32		nodes;			/* of all blocks so far */
	float	   *x;				/* BLOCK_NODES * D */
	float	   *squares;
	uint32	   *ids;
	float	   *products;		/* (end - first) * BLOCK_NODES */
} NodeBlock;


/* Queries */

static uint64
node_slots(const Measure *measure)
{
	BlockNumber nblocks = RelationGetNumberOfBlocks(measure->pages->index);
	BlockNumber first = SphxFirstNodeBlock(&measure->info.meta);

	return nblocks <= first ? 0 : (uint64) (nblocks - first) * measure->info.meta.per_page;
}

static int
count_queries(const Measure *measure, uint64 nodes, Size memory)
{
	Size		D = (Size) measure->info.layout.D;
	Size		each = sizeof(float) * (D + BLOCK_NODES) + sizeof(Near) * KEPT + 64;
	Size		block = BLOCK_NODES * D * sizeof(float);
	double		count = Min(Max(nodes / NODES_A_QUERY, LEAST_QUERIES), MOST_QUERIES);

	count = Min(count, Max(MOST_PRODUCTS / ((double) nodes * (double) D), LEAST_QUERIES));
	if (memory < block + each * (Size) count)
		count = memory > block ? (double) ((memory - block) / each) : 0.0;
	return (int) count;
}

static void
allocate(Measure *measure, int count)
{
	SphxEnv    *env = &measure->env->base;
	Size		limits = (Size) count * SPHX_CALIBRATION_LIMITS;

	measure->q = sphx_share(env, sizeof(float) * (Size) count * (Size) measure->info.layout.D);
	measure->ids = sphx_share(env, sizeof(uint32) * (Size) count);
	measure->near = sphx_share(env, sizeof(Near) * (Size) count * KEPT);
	measure->kept = sphx_share(env, sizeof(int) * (Size) count);
	measure->bounds = sphx_share(env, sizeof(double) * limits);
	measure->missed = sphx_share(env, sizeof(int) * limits);
	measure->nodes = sphx_share(env, sizeof(uint32) * (Size) sphx_blocks((uint64) count, NEAREST_QUERIES));
	memset(measure->kept, 0, sizeof(int) * (Size) count);
	memset(measure->missed, 0, sizeof(int) * limits);
}

static void
release(Measure *measure)
{
	SphxEnv    *env = &measure->env->base;

	sphx_unshare(env, measure->q);
	sphx_unshare(env, measure->ids);
	sphx_unshare(env, measure->near);
	sphx_unshare(env, measure->kept);
	sphx_unshare(env, measure->bounds);
	sphx_unshare(env, measure->missed);
	sphx_unshare(env, measure->nodes);
}

/* Make a query of this node, if it is one.  On entry and return no page is locked. */
static bool
take_query(Measure *measure, uint32 id)
{
	const SphxIndexInfo *info = &measure->info;
	SphxPageKind kind;
	Buffer		buffer = SphxReadPlannedPage(measure->pages, info, SphxNodeBlock(info, id),
											 BUFFER_LOCK_SHARE, &kind);
	bool		taken = false;

	if (kind == SPHX_PAGE_NODE)
	{
		const SphxRecord *r = SphxCheckNode(measure->pages, info, BufferGetPage(buffer), id);

		if (r != NULL && !(r->flags & SPHX_NODE_DELETED))
		{
			sphx_record_vector(&info->layout, r,
							   measure->q + (Size) measure->count * info->layout.D);
			measure->ids[measure->count++] = id;
			taken = true;
		}
	}
	UnlockReleaseBuffer(buffer);
	return taken;
}

/* Draw up to `wanted` nodes. */
static void
draw_queries(Measure *measure, int wanted)
{
	uint64		slots = node_slots(measure);
	uint32		first = SphxNodeId(&measure->info, SphxFirstNodeBlock(&measure->info.meta), 0);
	SphxRandom	random;

	sphx_random_seed(&random, 1);
	for (int tries = 0; measure->count < wanted && tries < 20 * wanted; tries++)
	{
		CHECK_FOR_INTERRUPTS();
		(void) take_query(measure, first + (uint32) sphx_random_below(&random, slots));
	}
}


/* What is right */

/* Put a node in the place of the farthest one of a full heap. */
static void
replace_farthest(Near *heap, Near node)
{
	int			i = 0;

	for (;;)
	{
		int			child = 2 * i + 1;

		if (child >= KEPT)
			break;
		if (child + 1 < KEPT && heap[child + 1].key > heap[child].key)
			child++;
		if (heap[child].key <= node.key)
			break;
		heap[i] = heap[child];
		i = child;
	}
	heap[i] = node;
}

static int
compare_far(const void *a, const void *b)
{
	float		x = ((const Near *) a)->key;
	float		y = ((const Near *) b)->key;

	return (x < y) - (x > y);
}

/* Offer a node to a query. */
static void
offer(Measure *measure, int query, float key, uint32 id)
{
	Near	   *heap = measure->near + (Size) query * KEPT;
	Near		node = {key, id};

	if (id == measure->ids[query])
		return;
	if (measure->kept[query] == KEPT)
	{
		replace_farthest(heap, node);
		return;
	}
	heap[measure->kept[query]++] = node;
	/* descending order is a heap */
	if (measure->kept[query] == KEPT)
		qsort(heap, KEPT, sizeof(Near), compare_far);
}

/* Compare the block's nodes with the queries. */
static void
compare_block(NodeBlock *block)
{
	Measure    *measure = block->measure;
	Size		D = (Size) measure->info.layout.D;
	bool		product = measure->info.meta.metric == SPHX_METRIC_IP;
	int			n = block->count;

	if (n == 0)
		return;
	sphx_gemm_nt((size_t) (block->end - block->first), (size_t) n, D,
				 measure->q + D * (Size) block->first, block->x, block->products);
	for (int i = block->first; i < block->end; i++)
	{
		const float *products = block->products + (Size) (i - block->first) * n;
		const Near *heap = measure->near + (Size) i * KEPT;

		for (int j = 0; j < n; j++)
		{
			float		key = product ? -products[j] : block->squares[j] - 2.0f * products[j];

			if (measure->kept[i] < KEPT || key < heap[0].key)
				offer(measure, i, key, block->ids[j]);
		}
	}
	block->count = 0;
}

/* Add the living nodes of a page, which is share-locked, to the block. */
static void
read_nodes(NodeBlock *block, Page page, BlockNumber number)
{
	const SphxIndexInfo *info = &block->measure->info;
	SphxRecordWalk walk = SphxWalkRecords(block->pages, info, page, number);

	while (SphxNextLiving(&walk))
	{
		int			n = block->count++;
		float	   *x = block->x + (Size) n * info->layout.D;
		double		square = 0.0;

		Assert(n < BLOCK_NODES);
		sphx_record_vector(&info->layout, walk.record, x);
		for (int i = 0; i < info->layout.D; i++)
			square += (double) x[i] * (double) x[i];
		block->squares[n] = (float) square;
		block->ids[n] = walk.id;
		block->nodes++;
	}
}

/*
 * Compare all nodes of the index with some queries: number `item` of so many parts
 * of them.  On entry and return no page is locked.
 */
static void
compare_nodes(SphxEnv *env, NodeBlock *block, uint64 item, uint64 items)
{
	const SphxIndexInfo *info = &block->measure->info;
	BlockNumber nblocks = RelationGetNumberOfBlocks(block->pages->index);
	BlockNumber first = SphxFirstNodeBlock(&info->meta);

	block->nodes = 0;
	for (BlockNumber number = first; number < nblocks; number++)
	{
		SphxPageKind kind;
		Buffer		buffer;

		if (block->count + info->meta.per_page > BLOCK_NODES)
			compare_block(block);
		env->tick(env, item * (nblocks - first) + number - first, items * (nblocks - first));
		buffer = SphxReadPlannedPage(block->pages, info, number, BUFFER_LOCK_SHARE, &kind);
		if (kind == SPHX_PAGE_NODE)
			read_nodes(block, BufferGetPage(buffer), number);
		UnlockReleaseBuffer(buffer);
	}
	compare_block(block);
}

static void
find_nearest(SphxEnv *env, void *arg, SphxItems *items)
{
	Measure    *measure = arg;
	Size		D = (Size) measure->info.layout.D;
	NodeBlock	block = {
		.measure = measure,
		.pages = SphxRunPages(measure->pages),
		.x = palloc(sizeof(float) * BLOCK_NODES * D),
		.squares = palloc(sizeof(float) * BLOCK_NODES),
		.ids = palloc(sizeof(uint32) * BLOCK_NODES),
		.products = palloc(sizeof(float) * Min(measure->count, NEAREST_QUERIES) * BLOCK_NODES)
	};
	uint64		first;
	uint64		end;

	while (sphx_next_block(items, (uint64) measure->count, NEAREST_QUERIES, &first, &end))
	{
		uint64		item = first / NEAREST_QUERIES;

		block.first = (int) first;
		block.end = (int) end;
		compare_nodes(env, &block, item, items->count);
		measure->nodes[item] = block.nodes;
	}
}

/* What the search says of a query's nearest nodes: rows as near as the last are right as well. */
static void
set_bounds(Measure *measure, SphxPages *pages, SphxSearch *search, int query)
{
	const SphxIndexInfo *info = &measure->info;
	const float *q = measure->q + (Size) query * info->layout.D;
	double		norm = SphxQueryNorm(info, q);
	double		lower[KEPT];
	double		upper;
	SphxHit    *hits;
	int			count;

	sphx_search_start(search, (SphxMetric) info->meta.metric, q, false);
	for (int i = 0; i < measure->kept[query]; i++)
	{
		uint32		id = measure->near[(Size) query * KEPT + i].id;
		Buffer		buffer = SphxReadPage(pages, SphxNodeBlock(info, id), SPHX_PAGE_NODE,
										  BUFFER_LOCK_SHARE);
		const SphxRecord *r = SphxCheckNode(pages, info, BufferGetPage(buffer), id);

		if (r != NULL)
			(void) sphx_search_visit(search, id, r);
		UnlockReleaseBuffer(buffer);
	}
	count = sphx_search_take(search, &hits);
	for (int i = 0; i < count; i++)
		SphxBoundHit(info, norm, &hits[i], &lower[i], &upper);
	qsort(lower, (size_t) count, sizeof(double), sphx_compare_doubles);
	for (int i = 0; i < SPHX_CALIBRATION_LIMITS; i++)
	{
		int			last = Min(sphx_calibration_limits[i], count);

		measure->bounds[query * SPHX_CALIBRATION_LIMITS + i] = last > 0 ? lower[last - 1] : -INFINITY;
	}
}

static void
set_all_bounds(SphxEnv *env, void *arg, SphxItems *items)
{
	Measure    *measure = arg;
	SphxPages  *pages = SphxRunPages(measure->pages);
	SphxSearchLoan *loan = SphxBorrowSearch(&measure->info.layout, CurrentMemoryContext);
	uint64		query;
	uint64		end;

	while (sphx_next_block(items, (uint64) measure->count, SEARCHED_QUERIES, &query, &end))
	{
		for (; query < end; query++)
		{
			CHECK_FOR_INTERRUPTS();
			set_bounds(measure, pages, SphxLoanSearch(loan), (int) query);
		}
	}
	SphxReturnSearch(loan);
}


/* What is found */

/* Of `limit` rows as near as the bound, how many are not among these? */
static int
count_missed(const double *lower, int count, double bound, int limit)
{
	int			found = 0;

	for (int i = 0; i < count; i++)
		found += lower[i] <= bound ? 1 : 0;
	return limit - Min(found, limit);
}

/* How many of the limits are there reason to measure at this width?  The others come after them. */
static int
limits_at(const SphxCalibration *calibration, int width)
{
	int			count = 0;

	while (count < calibration->limit_count &&
		   SphxWorthwhileWidth(sphx_calibration_limits[count]) <= width)
		count++;
	return count;
}

/* Search as a scan with each of the limits does; how many rows it misses. */
static void
search_query(Measure *measure, SphxPages *pages, SphxStream *stream, int query, int limits,
			 int *missed)
{
	const double *bounds = measure->bounds + query * SPHX_CALIBRATION_LIMITS;
	int			room = 256;
	double	   *lower = palloc(sizeof(double) * (Size) room);
	int			count = 0;
	int			passed = 0;
	SphxItem	item;
	SphxItem   *late;

	SphxResetStream(stream);
	memcpy(stream->q, measure->q + (Size) query * measure->info.layout.D,
		   sizeof(float) * (Size) measure->info.layout.D);
	stream->norm = SphxQueryNorm(&measure->info, stream->q);
	stream->hidden = measure->ids[query];
	for (int i = 0; i < limits; i++)
	{
		int			lates;

		while (passed < sphx_calibration_limits[i] && SphxStreamNext(stream, pages, &item))
		{
			lower[count++] = item.lower;
			passed++;
		}
		lates = SphxStreamLate(stream, &late);
		while (count + lates + sphx_calibration_limits[limits - 1] > room)
			lower = SphxEnlarge(CurrentMemoryContext, lower, &room, 0, sizeof(double));
		for (int j = 0; j < lates; j++)
			lower[count++] = late[j].lower;
		missed[i] = count_missed(lower, count, bounds[i], sphx_calibration_limits[i]);
	}
	pfree(lower);
}

/* How many of `queries` are asked for the rows of this limit? */
static int
queries_for(int limit, int queries)
{
	return sphx_calibration_limits[limit] > SPREAD_LIMIT ? Min(queries, LEAST_QUERIES) : queries;
}

/* With how many of `limits` limits is a query searched for? */
static int
limits_for(uint64 query, int limits, int queries)
{
	while (query >= (uint64) queries_for(limits - 1, queries))
		limits--;
	return limits;
}

static void
search_width(SphxEnv *env, void *arg, SphxItems *items)
{
	Measure    *measure = arg;
	SphxPages  *pages = SphxRunPages(measure->pages);
	uint64		query;
	uint64		end;
	SphxStream	stream;

	SphxInitStream(&stream, CurrentMemoryContext, pages);
	stream.ef = measure->ef;
	while (sphx_next_block(items, (uint64) measure->queries, SEARCHED_QUERIES, &query, &end))
	{
		for (; query < end; query++)
		{
			CHECK_FOR_INTERRUPTS();
			search_query(measure, pages, &stream, (int) query,
						 limits_for(query, measure->limits, measure->queries),
						 measure->missed + query * SPHX_CALIBRATION_LIMITS);
		}
	}
	SphxEndStream(&stream);
}

#define MEASURE_POINTERS \
	offsetof(Measure, q), offsetof(Measure, ids)

static const size_t nearest_pointers[] = {
	MEASURE_POINTERS, offsetof(Measure, near), offsetof(Measure, kept), offsetof(Measure, nodes)
};
static const size_t bounds_pointers[] = {
	MEASURE_POINTERS, offsetof(Measure, near), offsetof(Measure, kept), offsetof(Measure, bounds)
};
static const size_t width_pointers[] = {
	MEASURE_POINTERS, offsetof(Measure, bounds), offsetof(Measure, missed)
};

const SphxTask sphx_nearest_task = SPHX_TASK(find_nearest, Measure, nearest_pointers);
const SphxTask sphx_bounds_task = SPHX_TASK(set_all_bounds, Measure, bounds_pointers);
const SphxTask sphx_width_task = SPHX_TASK(search_width, Measure, width_pointers);

/* Rows missed of each limit by the queries that the searches of a width are for. */
static void
add_missed(const Measure *measure, double *sums)
{
	for (int i = 0; i < measure->queries; i++)
		for (int j = 0; j < limits_for((uint64) i, measure->limits, measure->queries); j++)
			sums[j] += measure->missed[i * SPHX_CALIBRATION_LIMITS + j];
}

/*
 * Recall at one more width, of `queries` of them.  Where these are not all, what is
 * missed of all is as much less than at the width before as it is of these.
 */
static void
measure_width(Measure *measure, SphxCalibration *calibration, int queries)
{
	int			width = calibration->width_count++;
	double		before[SPHX_CALIBRATION_LIMITS] = {0};
	double		now[SPHX_CALIBRATION_LIMITS] = {0};
	double		outside = measure->info.meta.metric == SPHX_METRIC_IP ? 1.0 : MISSED_OUTSIDE;

	calibration->widths[width] = widths[width];
	measure->ef = widths[width];
	measure->limits = limits_at(calibration, widths[width]);
	measure->queries = queries;
	add_missed(measure, before);
	sphx_run(&measure->env->base, &sphx_width_task, measure,
			 sphx_blocks((uint64) queries, SEARCHED_QUERIES));
	add_missed(measure, now);
	for (int j = 0; j < measure->limits; j++)
	{
		float	   *recall = calibration->recall[j] + width;
		int			asked = queries_for(j, queries);
		double		part = outside * now[j] / ((double) asked * sphx_calibration_limits[j]);

		if (asked < queries_for(j, measure->count))
			part = before[j] > 0.0 ? (1.0 - (double) recall[-1]) * now[j] / before[j] : 0.0;
		*recall = (float) (1.0 - part);
		if (width > 0)
			*recall = Max(*recall, recall[-1]);
	}
}

static bool
is_perfect(const SphxCalibration *calibration)
{
	for (int i = 0; i < calibration->limit_count; i++)
		if (calibration->recall[i][calibration->width_count - 1] < PERFECT)
			return false;
	return true;
}

/* At this width all of the index is read, and no row is missed. */
static void
note_whole(SphxCalibration *calibration, int ef)
{
	int			width = calibration->width_count++;
	int			limits = limits_at(calibration, ef);

	calibration->widths[width] = (uint16) ef;
	for (int i = 0; i < limits; i++)
		calibration->recall[i][width] = 1.0f;
}

static void
measure_widths(Measure *measure, SphxCalibration *calibration)
{
	SphxStream	stream;

	SphxInitStream(&stream, CurrentMemoryContext, measure->pages);
	do
	{
		int			width = widths[calibration->width_count];
		int			queries = measure->count;

		if (width > FULL_WIDTH)
			queries = Max(queries * FULL_WIDTH / width, Min(queries, LEAST_QUERIES));
		if (SphxStreamSmall(&stream, width))
			note_whole(calibration, width);
		else
			measure_width(measure, calibration, queries);
	} while (!is_perfect(calibration) && calibration->width_count < SPHX_CALIBRATION_WIDTHS);
	SphxEndStream(&stream);
}

/* What is right for the queries that have been drawn; and how many nodes there are. */
static void
find_right(Measure *measure, SphxCalibration *calibration)
{
	SphxEnv    *env = &measure->env->base;
	uint64		queries = (uint64) measure->count;

	sphx_run(env, &sphx_nearest_task, measure, sphx_blocks(queries, NEAREST_QUERIES));
	sphx_run(env, &sphx_bounds_task, measure, sphx_blocks(queries, SEARCHED_QUERIES));
	calibration->queries = (uint32) queries;
	calibration->nodes = measure->nodes[0];
	for (int i = 0; i < SPHX_CALIBRATION_LIMITS; i++)
		calibration->limit_count += (uint32) sphx_calibration_limits[i] < calibration->nodes ? 1 : 0;
}

bool
SphxMeasureRecall(SphxPages *pages, SphxServerEnv *env, Size memory, SphxCalibration *calibration)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "sphx calibration",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	Measure		measure = {.pages = pages,.env = env};
	int			wanted = 0;

	Assert(!SphxHoldsPage());
	memset(calibration, 0, sizeof(*calibration));
	SphxGetInfo(pages, &measure.info);
	if (node_slots(&measure) > LEAST_NODES)
		wanted = count_queries(&measure, node_slots(&measure), memory);
	if (wanted > 0)
	{
		allocate(&measure, wanted);
		draw_queries(&measure, wanted);
		if (measure.count > 0)
			find_right(&measure, calibration);
		if (calibration->limit_count > 0)
			measure_widths(&measure, calibration);
		release(&measure);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return calibration->limit_count > 0;
}

void
SphxCalibrateBuild(SphxBuild *build)
{
	uint64		rows = (uint64) build->info.meta.built_tuples;	/* they have been
																 * released */
	SphxCalibration calibration;

	SphxBuildPhase(build, SPHX_PHASE_CALIBRATE, 0, rows);
	SphxCountProgress(&build->env, PROGRESS_CREATEIDX_TUPLES_DONE, 0, rows);
	if (SphxMeasureRecall(&build->pages, &build->env, SphxBuildBlocks(), &calibration))
		SphxStoreCalibration(&build->pages, &calibration);
}
