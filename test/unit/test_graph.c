/*-------------------------------------------------------------------------
 *
 * test_graph.c
 *	  Unit tests of graph construction, of the edges of a record, and of the
 *	  search, over records in memory.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "math/base/blas.h"
#include "math/base/compare.h"
#include "math/base/random.h"
#include "math/graph/construct.h"
#include "math/graph/search.h"
#include "math/graph/select.h"
#include "math/kernels/kernels.h"
#include "math/train/assign.h"
#include "math/train/train.h"
#include "tap.h"

#define ROWS		2000
#define DIMS		24
#define CLUSTERS	40
#define CELLS		20
#define PROBES		3
#define M			16
#define KNN			32
#define QUERIES		100
#define K			10

/* a graph in memory, and what was asked of it */
typedef struct MemoryStore
{
	SphxStore	base;			/* first, so that a pointer to it is one to
								 * this */
	SphxLayout	layout;
	char	   *records;
	uint32_t	entries[CELLS]; /* the row nearest to each centroid */
	float		centroids[CELLS * DIMS];
	int			open;			/* records read and not yet done with */
	bool		misused;
	uint32_t	missing;		/* this id holds no node */
	bool		named[ROWS];	/* by expect() or read() */
	int			names;			/* how many of them */
} MemoryStore;

static SphxRecord *
store_record(MemoryStore *store, uint32_t id)
{
	return (SphxRecord *) (store->records + (size_t) id * (size_t) store->layout.size);
}

static void
store_expect(SphxStore *base, uint32_t id)
{
	MemoryStore *store = (MemoryStore *) base;

	if (id >= ROWS)
		store->misused = true;
	else if (!store->named[id])
	{
		store->named[id] = true;
		store->names++;
	}
}

static const SphxRecord *
store_read(SphxStore *base, uint32_t id)
{
	MemoryStore *store = (MemoryStore *) base;

	if (store->open != 0 || id >= ROWS)
		store->misused = true;
	store_expect(base, id);
	if (id == store->missing)
		return NULL;
	store->open++;
	return store_record(store, id);
}

static void
store_done(SphxStore *base)
{
	((MemoryStore *) base)->open--;
}

static void
store_prefetch(SphxStore *base, uint32_t id)
{
	if (id >= ROWS)
		((MemoryStore *) base)->misused = true;
}

static float
square_distance(const float *a, const float *b, int d)
{
	return sphx_kernels->l2sq_f32(a, b, (size_t) d);
}

/* n rows from a mixture of Gaussians with these centres */
static void
draw_rows(SphxRandom *random, const float *centres, int n, float *rows)
{
	for (int i = 0; i < n; i++)
	{
		const float *centre = centres + sphx_random_below(random, CLUSTERS) * DIMS;

		for (int j = 0; j < DIMS; j++)
			rows[i * DIMS + j] = centre[j] + .4f * (float) sphx_random_normal(random);
	}
}

static void
draw_data(SphxRandom *random, float *rows, float *queries)
{
	float		centres[CLUSTERS * DIMS];

	for (int i = 0; i < CLUSTERS * DIMS; i++)
		centres[i] = (float) sphx_random_normal(random);
	draw_rows(random, centres, ROWS, rows);
	draw_rows(random, centres, QUERIES, queries);
}

/* what a step reports of its progress: up to everything, and never back */
typedef struct Watched
{
	SphxEnv		env;
	double		last;
	bool		sound;
} Watched;

static void
watch_tick(SphxEnv *env, uint64_t done, uint64_t total)
{
	Watched    *watched = (Watched *) env;
	double		part = total > 0 ? (double) done / (double) total : watched->last;

	if (part < watched->last || part > 1.0)
		watched->sound = false;
	watched->last = part;
}

/* the step that was watched is over, having got so far at least; the next one begins */
static void
watch_end(Watched *watched, double least, const char *step)
{
	ok(watched->sound && watched->last >= least, "progress of %s, %g in the end", step, watched->last);
	watched->last = 0.0;
	watched->sound = true;
}

/* with little room pools are gathered piece by piece, which must not change what is found */
static void
test_small_blocks(SphxEnv *env, const SphxBuildInput *input, const SphxNeighbour *knn)
{
	SphxNeighbour *found;
	uint32_t	other = 0;

	env->scratch = 30000;
	found = sphx_build_knn(env, input, KNN);
	env->scratch = SPHX_DEFAULT_SCRATCH;
	/* products are rounded in another order */
	for (uint32_t i = 0; i < ROWS * KNN; i++)
		if (found[i].id != knn[i].id)
			other++;
	ok(other <= ROWS * KNN / 1000, "small blocks find the same neighbours, but for %u of %u", other,
	   (uint32_t) (ROWS * KNN));
	env->release(env, found);
}

/* centroids of the rows, their cells, and the graph over rows of d >= DIMS floats */
static SphxNeighbour *
build(MemoryStore *store, const float *rows, const float *edge_rows, int d)
{
	Watched		watched = {*sphx_env_malloc(), 0.0, true};
	SphxEnv    *env = &watched.env;
	SphxTrainParams params = {.k = CELLS,.seed = 3};
	SphxTrainReport report[2];
	uint32_t   *cells = malloc(ROWS * PROBES * sizeof(uint32_t));
	SphxBuildInput input = {.n = ROWS,.d = d,.near_d = d,.rows = edge_rows,.cell_count = CELLS,.probes = PROBES,.cells = cells};
	SphxNeighbour *knn;
	SphxNeighbour *edges;
	float		nearest[CELLS];

	watched.env.tick = watch_tick;
	if (!ok(sphx_train(env, &params, ROWS, DIMS, rows, store->centroids, report) == CELLS,
			"%d centroids", CELLS))
		exit(tap_done());
	/* it ends when the centroids no longer move */
	watch_end(&watched, 0.5, "training");
	sphx_assign(env, ROWS, DIMS, rows, CELLS, store->centroids, PROBES, cells, NULL);
	watch_end(&watched, 0.9, "assignment");
	for (int c = 0; c < CELLS; c++)
		nearest[c] = INFINITY;
	for (uint32_t row = 0; row < ROWS; row++)
	{
		uint32_t	c = cells[row * PROBES];
		float		distance = square_distance(rows + row * DIMS, store->centroids + c * DIMS, DIMS);

		if (distance < nearest[c])
		{
			nearest[c] = distance;
			store->entries[c] = row;
		}
	}
	knn = sphx_build_knn(env, &input, KNN);
	watch_end(&watched, 0.9, "neighbours");
	test_small_blocks(env, &input, knn);
	watch_end(&watched, 0.9, "neighbours with small blocks");
	edges = sphx_build_graph(env, &input, knn, KNN, M);
	watch_end(&watched, 0.9, "the graph");
	env->release(env, knn);
	free(cells);
	return edges;
}

static void
make_records(MemoryStore *store, const float *rows, const SphxNeighbour *edges)
{
	SphxLayout	layout = {.dims = DIMS,.m = M,.payload_bytes = 6};
	SphxEdges  *list;

	sphx_layout_uniform(&layout, SPHX_CODE_LLOYD, SPHX_STORAGE_INT16);
	store->base.layout = &store->layout;
	store->base.nodes = ROWS;
	store->base.read = store_read;
	store->base.done = store_done;
	store->base.prefetch = store_prefetch;
	store->base.ahead = 0;
	store->base.expect = store_expect;
	store->layout = layout;
	store->records = calloc(ROWS, (size_t) layout.size);
	store->missing = SPHX_INVALID_NODE;
	list = sphx_edges_create(sphx_env_malloc(), &layout);
	for (uint32_t row = 0; row < ROWS; row++)
	{
		SphxRecord *r = store_record(store, row);
		const SphxNeighbour *near = edges + row * M;

		sphx_record_init(&layout, r, rows + row * DIMS);
		sphx_edges_start(list, rows + row * DIMS);
		for (int j = 0; j < M && near[j].id != SPHX_INVALID_NODE; j++)
			sphx_edges_add(list, near[j].id, rows + near[j].id * DIMS);
		sphx_record_set_edges(&layout, r, list);
	}
	sphx_env_malloc()->release(sphx_env_malloc(), list);
}

/* every list names others, each once, in all their places; and enough edges lead to every row */
static void
test_edges(const SphxNeighbour *edges)
{
	static uint32_t in_degree[ROWS];
	bool		sane = true;
	int			few = 0;
	uint32_t	least = UINT32_MAX;

	memset(in_degree, 0, sizeof(in_degree));
	for (uint32_t row = 0; row < ROWS; row++)
	{
		const SphxNeighbour *list = edges + row * M;

		for (int i = 0; i < M; i++)
		{
			sane = sane && list[i].id < ROWS && list[i].id != row && list[i].distance < INFINITY;
			for (int j = 0; j < i; j++)
				sane = sane && list[i].id != list[j].id;
			if (sane)
				in_degree[list[i].id]++;
		}
	}
	for (uint32_t row = 0; row < ROWS; row++)
	{
		few += in_degree[row] < M / 3;
		least = in_degree[row] < least ? in_degree[row] : least;
	}
	ok(sane, "all lists are full, without repetition or the row itself");
	ok(few <= ROWS / 100 && least >= 1, "at least %u edges lead to every row, less than %d to %d rows",
	   (unsigned) least, M / 3, few);
}

static float
true_distance(SphxMetric metric, const float *q, const float *row)
{
	return metric == SPHX_METRIC_IP ? -sphx_kernels->dot_f32(q, row, DIMS) :
		square_distance(q, row, DIMS);
}

/* start a query from the entries of the four nearest cells */
static void
start(MemoryStore *store, SphxSearch *search, SphxMetric metric, const float *q, bool keep)
{
	bool		used[CELLS] = {false};

	sphx_search_start(search, metric, q, keep);
	for (int i = 0; i < 4; i++)
	{
		int			best = -1;
		float		nearest = INFINITY;

		for (int c = 0; c < CELLS; c++)
		{
			const float *centroid = store->centroids + c * DIMS;
			float		distance = true_distance(metric, q, centroid);

			if (!used[c] && distance < nearest)
			{
				nearest = distance;
				best = c;
			}
		}
		used[best] = true;
		sphx_search_seed(search, store->entries[best]);
	}
}

/* how many of the first K hits are no farther than the true Kth nearest */
static int
found(SphxMetric metric, const float *rows, const float *q, const SphxHit *hits, int count)
{
	static float distances[ROWS];
	int			good = 0;

	for (int row = 0; row < ROWS; row++)
		distances[row] = true_distance(metric, q, rows + row * DIMS);
	qsort(distances, ROWS, sizeof(float), sphx_compare_floats);
	for (int i = 0; i < count && i < K; i++)
		good += true_distance(metric, q, rows + hits[i].id * DIMS) <= distances[K - 1];
	return good;
}

/* recall, and whether hits say the truth: ascending, with the distance of the stored vector */
static void
test_recall(MemoryStore *store, SphxMetric metric, const float *rows, const float *queries,
			double least)
{
	SphxSearch *search = sphx_search_create(sphx_env_malloc(), &store->layout);
	const char *name = metric == SPHX_METRIC_IP ? "inner product" : "l2";
	bool		truthful = true;
	int			good = 0;
	double		reads = 0;

	for (int i = 0; i < QUERIES; i++)
	{
		const float *q = queries + i * DIMS;
		SphxHit    *hits;
		int			count;

		start(store, search, metric, q, false);
		sphx_search_run(search, &store->base, 64);
		count = sphx_search_take(search, &hits);
		good += found(metric, rows, q, hits, count);
		reads += (double) sphx_search_reads(search);
		for (int h = 0; h < count; h++)
		{
			float		distance = true_distance(metric, q, rows + hits[h].id * DIMS);

			truthful = truthful && fabsf(hits[h].distance - distance) < 1e-2f &&
				(h == 0 || hits[h].distance >= hits[h - 1].distance);
		}
	}
	ok(good >= least * QUERIES * K, "%s: recall %.3f with %.0f reads a query", name,
	   good / (double) (QUERIES * K), reads / QUERIES);
	ok(truthful, "%s: hits are in order and have their exact distance", name);
	ok(!store->misused && store->open == 0, "%s: one record is read at a time", name);
	sphx_search_release(search);
}

static void
count_hits(SphxSearch *search, int *times)
{
	SphxHit    *hits;
	int			count = sphx_search_take(search, &hits);

	for (int i = 0; i < count; i++)
		times[hits[i].id]++;
}

/* a wider and wider beam reads all rows that can be reached; the rest can be visited */
static void
test_streaming(MemoryStore *store, const float *q)
{
	SphxSearch *search = sphx_search_create(sphx_env_malloc(), &store->layout);
	static int	times[ROWS];
	int			reached = 0;
	bool		consistent = true;
	bool		once = true;

	memset(times, 0, sizeof(times));
	start(store, search, SPHX_METRIC_L2, q, false);
	for (int ef = 10; ef < 4 * ROWS; ef *= 2)
	{
		sphx_search_run(search, &store->base, ef);
		count_hits(search, times);
		if (sphx_search_exhausted(search))
			break;
	}
	ok(sphx_search_exhausted(search), "a search is exhausted at last");
	for (int row = 0; row < ROWS; row++)
		reached += times[row];
	ok(reached >= ROWS * 99 / 100 && sphx_search_reads(search) == (uint64_t) reached,
	   "the graph leads to %d of %d rows", reached, ROWS);
	for (uint32_t row = 0; row < ROWS; row++)
		consistent = consistent &&
			sphx_search_visit(search, row, store_record(store, row)) == (times[row] == 0);
	count_hits(search, times);
	for (int row = 0; row < ROWS; row++)
		once = once && times[row] == 1;
	ok(consistent && once, "with those visited outside of the graph every row comes once");
	sphx_search_release(search);
}

/*
 * A search that may end when the nearest K have been read reads less, has
 * found them, and goes on where it ended.
 */
static void
test_enough(MemoryStore *store, SphxMetric metric, const float *rows, const float *queries)
{
	SphxSearch *search = sphx_search_create(sphx_env_malloc(), &store->layout);
	const char *name = metric == SPHX_METRIC_IP ? "inner product" : "l2";
	static int	times[ROWS];
	uint64_t	less = 0;
	uint64_t	all = 0;
	int			good = 0;
	bool		once = true;

	for (int i = 0; i < QUERIES; i++)
	{
		const float *q = queries + i * DIMS;
		float		norm2 = sphx_kernels->dot_f32(q, q, DIMS);
		SphxHit    *hits;
		int			count;

		memset(times, 0, sizeof(times));
		start(store, search, metric, q, false);
		sphx_search_set_enough(search, K, 0.1f, metric == SPHX_METRIC_IP ? -norm2 : 0.0f);
		sphx_search_run(search, &store->base, 128);
		less += sphx_search_reads(search);
		count = sphx_search_take(search, &hits);
		good += found(metric, rows, q, hits, count);
		for (int h = 0; h < count; h++)
			times[hits[h].id]++;
		sphx_search_set_enough(search, 0, 0.0f, 0.0f);
		sphx_search_run(search, &store->base, 128);
		all += sphx_search_reads(search);
		count_hits(search, times);
		for (int row = 0; row < ROWS; row++)
			once = once && times[row] <= 1;
	}
	ok(less < all * 9 / 10 && less >= QUERIES * K,
	   "%s: %.0f reads a query where %d rows are enough, %.0f for the whole beam", name,
	   (double) less / QUERIES, K, (double) all / QUERIES);
	ok(good >= .9 * QUERIES * K, "%s: with a recall of %.3f", name, good / (double) (QUERIES * K));
	ok(once, "%s: no row is found twice when the search goes on", name);
	sphx_search_release(search);
}

/* one query; the ids of its hits, in the order in which they were read, and how many ids were named */
static int
read_order(MemoryStore *store, SphxSearch *search, const float *q, int ahead, uint32_t *ids, int *names)
{
	const SphxHit *hits;
	int			count;

	memset(store->named, 0, sizeof(store->named));
	store->names = 0;
	store->base.ahead = ahead;
	start(store, search, SPHX_METRIC_L2, q, false);
	sphx_search_set_enough(search, 2 * K, 0.1f, 0.0f);
	sphx_search_run(search, &store->base, 64);
	count = sphx_search_take_unsorted(search, &hits);
	for (int i = 0; i < count; i++)
		ids[i] = hits[i].id;
	*names += store->names;
	store->base.ahead = 0;
	return count;
}

/* a search that names candidates before it chooses them reads the same nodes, and names few others */
static void
test_ahead(MemoryStore *store, const float *queries)
{
	SphxSearch *search = sphx_search_create(sphx_env_malloc(), &store->layout);
	static uint32_t ids[2][ROWS];
	int			names[2] = {0, 0};
	bool		same = true;

	for (int i = 0; i < QUERIES; i++)
	{
		const float *q = queries + i * DIMS;
		int			count = read_order(store, search, q, 0, ids[0], &names[0]);

		same = same && count == read_order(store, search, q, 8, ids[1], &names[1]) &&
			memcmp(ids[0], ids[1], sizeof(uint32_t) * (size_t) count) == 0;
	}
	ok(same, "a search that looks ahead reads the same nodes in the same order");
	ok(names[1] > names[0] && names[1] < 1.2 * names[0],
	   "it names %.3f times as many as it reads", (double) names[1] / names[0]);
	sphx_search_release(search);
}

/* deleted nodes and empty slots are passed; kept vectors are those of their hits */
static void
test_gaps(MemoryStore *store, const float *rows, const float *q)
{
	SphxSearch *search = sphx_search_create(sphx_env_malloc(), &store->layout);
	SphxHit    *hits;
	int			count;
	bool		gone = true;
	bool		kept = true;
	uint32_t	deleted;

	start(store, search, SPHX_METRIC_L2, q, false);
	sphx_search_run(search, &store->base, 64);
	(void) sphx_search_take(search, &hits);
	deleted = hits[0].id;
	store->missing = hits[1].id;
	store_record(store, deleted)->flags |= SPHX_NODE_DELETED;

	start(store, search, SPHX_METRIC_L2, q, true);
	sphx_search_run(search, &store->base, 64);
	count = sphx_search_take(search, &hits);
	for (int i = 0; i < count; i++)
	{
		const float *x = sphx_search_vector(search, i);

		gone = gone && hits[i].id != deleted && hits[i].id != store->missing;
		kept = kept && square_distance(x, rows + hits[i].id * DIMS, DIMS) < 1e-5f;
	}
	ok(count >= K && gone && store->open == 0, "deleted nodes and empty slots are not among the hits");
	ok(kept, "kept vectors are those of their hits");
	store_record(store, deleted)->flags &= (uint8_t) ~SPHX_NODE_DELETED;
	store->missing = SPHX_INVALID_NODE;
	sphx_search_release(search);
}

/* nothing to start from, and the same state used for another query */
static void
test_empty(MemoryStore *store, const float *q)
{
	SphxSearch *search = sphx_search_create(sphx_env_malloc(), &store->layout);
	SphxHit    *hits;

	sphx_search_start(search, SPHX_METRIC_L2, q, false);
	ok(sphx_search_run(search, &store->base, 10) == 0 && sphx_search_exhausted(search) &&
	   sphx_search_take(search, &hits) == 0, "a search without seeds finds nothing");
	start(store, search, SPHX_METRIC_L2, q, false);
	sphx_search_run(search, &store->base, 10);
	ok(sphx_search_take(search, &hits) >= K, "and the next one does");
	sphx_search_release(search);
}

/* edges of one record: no repetition, never more than m, and what `expected` says */
static bool
edges_sane(const SphxLayout *layout, const SphxRecord *r, int expected)
{
	const uint32_t *ids = sphx_record_ids(layout, r);

	if (r->neighbours != expected || expected > layout->m)
		return false;
	for (int i = 0; i < expected; i++)
		for (int j = 0; j < i; j++)
			if (ids[i] == ids[j])
				return false;
	return true;
}

static int
edge_place(const SphxLayout *layout, const SphxRecord *r, uint32_t id)
{
	for (int j = 0; j < r->neighbours; j++)
		if (sphx_record_ids(layout, r)[j] == id)
			return j;
	return -1;
}

/* largest error of the estimates for x, in units of |x| |e|; row `id` is the far end of edge id */
static double
estimate_error(const SphxLayout *layout, const SphxRecord *r, const float *rows, const float *x)
{
	uint8_t		table[16 * DIMS];
	float		estimates[M + SPHX_CODE_BLOCK];
	float		square = sphx_kernels->dot_f32(x, x, DIMS);
	double		worst = 0;

	sphx_record_estimate(layout, r, x, square, table, estimates);
	for (int j = 0; j < r->neighbours; j++)
	{
		const float *e = rows + sphx_record_ids(layout, r)[j] * DIMS;
		float		exact = square_distance(x, e, DIMS);
		float		length = sqrtf(sphx_kernels->dot_f32(e, e, DIMS));

		worst = fmax(worst, fabsf(estimates[j] - exact) / (length * sqrtf(square)));
	}
	return worst;
}

static float
row_length(const float *rows, uint32_t id)
{
	return sqrtf(sphx_kernels->dot_f32(rows + id * DIMS, rows + id * DIMS, DIMS));
}

/* single edges offered to a full list, of which 9999 is by far the shortest */
static void
test_single_offers(const SphxLayout *layout, SphxRecord *r, const float *rows, SphxEdgeWork *work)
{
	float		e[DIMS];
	uint32_t	id = 20000;
	uint32_t	shortest = 9999;
	float		longest = 0.0f;

	for (int j = 0; j < r->neighbours; j++)
	{
		uint32_t	present = sphx_record_ids(layout, r)[j];

		if (present == 9999)
			continue;
		longest = fmaxf(longest, row_length(rows, present));
		if (shortest == 9999 || row_length(rows, present) < row_length(rows, shortest))
			shortest = present;
	}
	for (int i = 0; i < DIMS; i++)
		e[i] = rows[shortest * DIMS + (uint32_t) i] * .98f * longest / row_length(rows, shortest);
	ok(!sphx_record_offer_edge(layout, r, id, e, work) && edge_place(layout, r, id) < 0,
	   "a long edge that a shorter one makes needless is refused");
	for (int i = 0; i < DIMS; i++)
		e[i] = rows[i] * .02f;
	ok(sphx_record_offer_edge(layout, r, id, e, work) && edge_place(layout, r, id) >= 0,
	   "one of the shortest is not");
	id++;
	for (int i = 0; i < DIMS; i++)
		e[i] = rows[i] * -.02f;
	ok(sphx_record_offer_edge(layout, r, id, e, work) && edges_sane(layout, r, M) &&
	   edge_place(layout, r, id) >= 0 && edge_place(layout, r, 9999) >= 0,
	   "one to the other side takes another one's place");
	ok(!sphx_record_offer_edge(layout, r, id, e, work), "and only once");
}

/* offers from nearer and nearer, some of them twice: rows are taken as difference vectors */
static void
test_offers(const SphxLayout *layout, const float *rows)
{
	SphxEnv    *env = sphx_env_malloc();
	SphxEdgeWork *work = sphx_edge_work_create(env, layout);
	SphxRecord *r = calloc(1, (size_t) layout->size);
	float		zero[DIMS] = {0};
	float		e[DIMS];
	uint32_t	nearest = 9999;
	uint32_t	farthest = 10000;
	int			count = 0;
	bool		sane = true;
	bool		repeated = false;

	sphx_record_init(layout, r, zero);
	for (uint32_t id = 0; id < 600; id++)
	{
		bool		changed = sphx_record_offer_edges(layout, r, 1, &id, rows + id * DIMS, work);

		count = count < M ? count + 1 : M;
		sane = sane && edges_sane(layout, r, count) && (id >= M || changed) &&
			changed == (edge_place(layout, r, id) >= 0);
		if (changed)
			repeated = repeated || sphx_record_offer_edges(layout, r, 1, &id, rows + id * DIMS, work);
	}
	ok(sane, "offered edges enter until the list is full, and then take others' places");
	ok(!repeated, "an edge that is there is not entered again");
	ok(estimate_error(layout, r, rows, rows + 700 * DIMS) < .5,
	   "and their codes are right (%.2f)", estimate_error(layout, r, rows, rows + 700 * DIMS));

	for (int i = 0; i < DIMS; i++)
		e[i] = rows[i] * .01f;
	ok(sphx_record_offer_edges(layout, r, 1, &nearest, e, work) && edges_sane(layout, r, M),
	   "the nearest of all enters a full list");
	for (int i = 0; i < DIMS; i++)
		e[i] = rows[i] * 100.0f;
	(void) sphx_record_offer_edges(layout, r, 1, &farthest, e, work);
	ok(edges_sane(layout, r, M), "one from very far leaves the list sane");
	test_single_offers(layout, r, rows, work);
	free(r);
	env->release(env, work);
}

/*
 * Whole lists offered: rows 0..M-1, then others, all longer but for one
 */
static void
test_list_offers(const SphxLayout *layout, const float *rows)
{
	SphxEnv    *env = sphx_env_malloc();
	SphxEdgeWork *work = sphx_edge_work_create(env, layout);
	SphxRecord *r = calloc(1, (size_t) layout->size);
	float		zero[DIMS] = {0};
	float		e[M * DIMS];
	uint32_t	ids[M];

	sphx_record_init(layout, r, zero);
	for (uint32_t i = 0; i < M; i++)
		ids[i] = i;
	ok(sphx_record_offer_edges(layout, r, M - 1, ids, rows, work) && edges_sane(layout, r, M - 1),
	   "a list enters an empty one as a whole");
	ok(!sphx_record_offer_edges(layout, r, M - 1, ids, rows, work), "and only once");
	ok(sphx_record_offer_edges(layout, r, M, ids, rows, work) && edges_sane(layout, r, M),
	   "of a list that is there but for one, this one enters");
	for (int i = 0; i < M * DIMS; i++)
		e[i] = rows[i] * (i / DIMS == 1 ? .01f : 50.0f);
	for (uint32_t i = 1; i < M; i++)
		ids[i] = 1000 + i;
	ok(sphx_record_offer_edges(layout, r, M, ids, e, work) && edges_sane(layout, r, M) &&
	   edge_place(layout, r, 1001) >= 0,
	   "of two lists the nearest stays");
	free(r);
	env->release(env, work);
}

static void
test_drops(const SphxLayout *layout, const float *rows)
{
	SphxEnv    *env = sphx_env_malloc();
	SphxRecord *r = calloc(1, (size_t) layout->size);
	SphxEdges  *edges = sphx_edges_create(env, layout);
	float		zero[DIMS] = {0};
	bool		right = true;

	sphx_record_init(layout, r, zero);
	sphx_edges_start(edges, zero);
	for (uint32_t i = 0; i < M; i++)
		sphx_edges_add(edges, i, rows + i * DIMS);
	sphx_record_set_edges(layout, r, edges);
	ok(edges_sane(layout, r, M) && estimate_error(layout, r, rows, rows + 700 * DIMS) < .5,
	   "a list is set");
	for (int left = M; left > 0; left--)
	{
		int			j = 7 % left;
		uint32_t	id = sphx_record_ids(layout, r)[j];

		sphx_record_drop_edge(layout, r, j);
		right = right && edges_sane(layout, r, left - 1) && edge_place(layout, r, id) < 0 &&
			estimate_error(layout, r, rows, rows + 700 * DIMS) < .5;
	}
	ok(right, "edges are dropped one by one, the others keep their codes");
	edges->n = 3;
	sphx_record_set_edges(layout, r, edges);
	ok(edges_sane(layout, r, 3) && r->flags == SPHX_NODE_USED, "a shorter list is set");
	free(r);
	env->release(env, edges);
}

/* squared, of points on a line from 0 and from each other */
static float
point_square(const void *points, int i)
{
	const float *x = points;

	return x[i] * x[i];
}

static float
point_pair(const void *points, int i, int j)
{
	const float *x = points;

	return (x[i] - x[j]) * (x[i] - x[j]);
}

static int
select_points(int n, const float *points, int m, int *chosen)
{
	int			diverse = sphx_select_diverse(n, m, point_square, point_pair, points, chosen);

	return sphx_select_nearest(n, m, diverse, chosen);
}

/* 1 hides 1.5, which comes back when there is room */
static void
test_selection(void)
{
	static const float points[] = {1.0f, 1.5f, -2.0f, 2.5f};
	int			chosen[4];

	ok(select_points(4, points, 2, chosen) == 2 &&
	   chosen[0] == 0 && chosen[1] == 2, "neighbours on both sides are chosen first");
	ok(select_points(4, points, 3, chosen) == 3 &&
	   chosen[0] == 0 && chosen[1] == 2 && chosen[2] == 1, "then the nearest of the others");
	ok(select_points(4, points, 9, chosen) == 4 && chosen[3] == 3,
	   "all, when there is room");
	ok(select_points(0, points, 9, chosen) == 0, "none of none");
}

/* the space in which nearest is largest by inner product: one coordinate more */
static float *
extend_rows(const float *rows)
{
	float	   *extended = malloc(ROWS * (DIMS + 1) * sizeof(float));
	float		largest = 0;

	for (int row = 0; row < ROWS; row++)
		largest = fmaxf(largest, sphx_kernels->dot_f32(rows + row * DIMS, rows + row * DIMS, DIMS));
	for (int row = 0; row < ROWS; row++)
	{
		float	   *x = extended + row * (DIMS + 1);

		memcpy(x, rows + row * DIMS, DIMS * sizeof(float));
		x[DIMS] = sphx_extra_coordinate(x, DIMS, sqrtf(largest));
	}
	return extended;
}

/*
 * The last of a full beam is estimated again, and others have its key.
 * Assertions watch the beam, whose candidates are known by their keys.
 */
static void
test_ties(MemoryStore *store, const float *queries)
{
	SphxSearch *search = sphx_search_create(sphx_env_malloc(), &store->layout);
	bool		once = true;

	for (int i = 0; i < QUERIES; i++)
		for (int ef = 2; ef <= 32; ef++)
		{
			int			times[ROWS] = {0};

			start(store, search, SPHX_METRIC_L2, queries + i * DIMS, false);
			sphx_search_run(search, &store->base, ef);
			count_hits(search, times);
			for (int row = 0; row < ROWS; row++)
				once = once && times[row] <= 1;
		}
	ok(once, "narrow beams find no row twice");
	sphx_search_release(search);
}

static void
test_metric(SphxMetric metric, const float *rows, const float *queries)
{
	static MemoryStore store;
	SphxEnv    *env = sphx_env_malloc();
	float	   *extended = extend_rows(rows);
	bool		ip = metric == SPHX_METRIC_IP;
	SphxNeighbour *edges = build(&store, rows, ip ? extended : rows, ip ? DIMS + 1 : DIMS);

	test_edges(edges);
	make_records(&store, rows, edges);
	env->release(env, edges);
	free(extended);
	test_recall(&store, metric, rows, queries, .95);
	test_enough(&store, metric, rows, queries);
	if (!ip)
	{
		test_ahead(&store, queries);
		test_streaming(&store, queries);
		test_ties(&store, queries);
		test_gaps(&store, rows, queries);
		test_empty(&store, queries);
		test_offers(&store.layout, rows);
		test_list_offers(&store.layout, rows);
		test_drops(&store.layout, rows);
	}
	free(store.records);
}

int
main(void)
{
	static float rows[ROWS * DIMS];
	static float queries[QUERIES * DIMS];
	SphxRandom	random;
	const char *why = NULL;

	if (!ok(sphx_blas_load(&why), "BLAS loads (%s)", why ? why : "no complaint"))
		return tap_done();
	sphx_random_seed(&random, 20240609);
	draw_data(&random, rows, queries);
	test_selection();
	for (int level = SPHX_SIMD_SCALAR; level < SPHX_SIMD_AUTO; level++)
	{
		if (!sphx_kernels_choose((SphxSimd) level))
			continue;
		test_metric(SPHX_METRIC_L2, rows, queries);
		test_metric(SPHX_METRIC_IP, rows, queries);
	}
	return tap_done();
}
