/*-------------------------------------------------------------------------
 *
 * cells.c
 *	  Cells of a new index: sample, train, and the layers of centroids above.
 *
 *-------------------------------------------------------------------------
 */
#include "am/create/build_state.h"

#include <math.h>

#include "commands/progress.h"
#include "miscadmin.h"

#include "math/base/random.h"
#include "math/kernels/kernels.h"
#include "math/train/assign.h"

/*
 * A cell for about so many rows, and at most so many times the root of their
 * number (and what the memory allows).
 */
#define ROWS_PER_CELL		330
#define CELLS_PER_ROOT		4.0

/* rows of the sample a cell, and at least: for k-means, and for what is learned beside it */
#define SAMPLE_PER_CELL		64
#define TRAINING_SMALLEST	4096
#define SAMPLE_SMALLEST		16384

/* centroids of a layer for one of the layer above */
#define LAYER_RATIO			32

/* cells of the layer above in which the neighbours of a centroid are sought */
#define LAYER_PROBES		4

#define TRAINING_SEED		1

double
SphxSuitableCells(double rows)
{
	return Min(rows / ROWS_PER_CELL, CELLS_PER_ROOT * sqrt(rows));
}

static int
choose_cell_count(const SphxBuild *build)
{
	double		n = (double) SphxCountRows(build->rows);
	double		cells = SphxSuitableCells(n);

	if (build->options.lists > 0)
		return (int) Max(Min(build->options.lists, n), 1);
	return (int) Max(Min(cells, SphxBuildMostCells(build)), 1);
}

/*
 * A random sample of the rows, as large as the memory allows: each row is
 * taken with the probability that leaves the sample the right size (Knuth's
 * algorithm S).  The floats beyond D are left out.
 */
static uint64
draw_sample(SphxBuild *build, int cells, float **sample)
{
	Size		D = (Size) build->info.layout.D;
	uint64		n = SphxCountRows(build->rows);
	uint64		memory = SphxBuildSampleFloats() / D;
	uint64		wanted = Max((uint64) cells * SAMPLE_PER_CELL, SAMPLE_SMALLEST);
	uint64		taken = 0;
	SphxBuildRow row;
	float	   *x = palloc(sizeof(float) * (Size) build->d);
	SphxRandom	random;

	wanted = Min(wanted, n);
	wanted = Max(Min(wanted, memory), Min((uint64) cells, n));
	*sample = sphx_share(&build->env.base, sizeof(float) * D * wanted);
	sphx_random_seed(&random, TRAINING_SEED);
	SphxRewindRows(build->rows);
	for (uint64 i = 0; i < n && taken < wanted; i++)
	{
		if (!SphxNextRow(build->rows, &row, x))
			break;
		if (sphx_random_below(&random, n - i) < wanted - taken)
			memcpy(*sample + D * taken++, x, sizeof(float) * D);
		if (i % 4096 == 0)
			CHECK_FOR_INTERRUPTS();
	}
	pfree(x);
	Assert(taken == wanted);	/* as the algorithm promises */
	return taken;
}

SphxTrainingData
SphxTrainingFigures(const SphxTrainReport *report)
{
	SphxTrainingData data = {
		.separation = report->separation,
		.nearest_mean = report->nearest_mean,
		.nearest_p5 = report->nearest_p5,
		.error = report->error,
		.imbalance = report->imbalance
	};

	return data;
}

static void
train_cells(SphxBuild *build, uint64 n, const float *sample)
{
	SphxEnv    *env = &build->env.base;
	SphxMetaPageData *meta = &build->info.meta;
	SphxTrainReport report[2];
	SphxTrainParams params = {
		.k = build->cells,
		.gap_weight = build->options.gap_weight,
		.spherical = meta->metric == SPHX_METRIC_COSINE,
		.seed = TRAINING_SEED
	};

	build->centroids = sphx_share(env, sizeof(float) * (Size) params.k *
								  (Size) build->info.layout.D);
	SphxBuildPhase(build, SPHX_PHASE_TRAIN, 0, n);
	SphxCountProgress(&build->env, PROGRESS_CREATEIDX_TUPLES_DONE, 0, n);
	build->cells = sphx_train(env, &params, n, build->info.layout.D, sample, build->centroids,
							  report);
	Assert(build->cells >= 1 && build->cells <= params.k);
	SphxCountProgress(&build->env, -1, 0, 0);
	meta->training = SphxTrainingFigures(&report[0]);
	meta->kmeans = SphxTrainingFigures(&report[1]);
}

/* Figures of centroids that were trained elsewhere; there is no k-means beside them. */
static void
measure_cells(SphxBuild *build, uint64 n, const float *sample)
{
	static const SphxTrainingData unknown = {NAN, NAN, NAN, NAN, NAN};
	SphxEnv    *env = &build->env.base;
	SphxMetaPageData *meta = &build->info.meta;
	SphxTrainReport report;

	Assert(build->centroids != NULL);
	sphx_train_measure(env, n, build->info.layout.D, sample, build->cells, build->centroids,
					   &report);
	meta->training = SphxTrainingFigures(&report);
	meta->kmeans = unknown;
	meta->gap_weight = NAN;
}

/* Neighbours of centroids within their layer, pooled by the centroids of the layer above. */
static uint32 *
layer_edges(SphxBuild *build, uint32 count, const float *centroids, uint32 above_count,
			const float *above)
{
	SphxEnv    *env = &build->env.base;
	const SphxLayout *layout = &build->info.layout;
	int			probes = (int) Min(above_count, LAYER_PROBES);
	int			k = 2 * layout->m;
	uint32	   *cells = env->alloc(env, sizeof(uint32) * (Size) count * (Size) probes);
	uint32	   *edges = palloc_extended(sizeof(uint32) * (Size) count * (Size) layout->m,
										MCXT_ALLOC_HUGE);
	SphxBuildInput input = {
		.n = count,
		.d = layout->D,
		.near_d = layout->D,
		.rows = centroids,
		.cell_count = (int) above_count,
		.probes = probes,
		.cells = cells
	};
	SphxNeighbour *knn;
	SphxNeighbour *graph;

	sphx_assign(env, count, layout->D, centroids, (int) above_count, above, probes, cells, NULL);
	knn = sphx_build_knn(env, &input, k);
	graph = sphx_build_graph(env, &input, knn, k, layout->m);
	for (Size i = 0; i < (Size) count * (Size) layout->m; i++)
	{
		Assert(graph[i].id < count || graph[i].id == SPHX_INVALID_NODE);	/* I2 */
		edges[i] = graph[i].id;
	}
	sphx_unshare(env, graph);
	sphx_unshare(env, knn);
	env->release(env, cells);
	return edges;
}

/*
 * The layer above: centroids of centroids, each moved to the nearest centroid
 * that no other has taken.
 */
static void
make_layer_above(SphxBuild *build, const SphxSkeletonLayer *layer, SphxSkeletonLayer *above)
{
	SphxEnv    *env = &build->env.base;
	int			D = build->info.layout.D;
	SphxTrainReport report[2];
	SphxTrainParams params = {
		.k = (int) ((layer->count + LAYER_RATIO - 1) / LAYER_RATIO),
		.spherical = build->info.meta.metric == SPHX_METRIC_COSINE && !build->info.meta.centered,
		.seed = TRAINING_SEED
	};
	float	   *means = palloc_extended(sizeof(float) * (Size) params.k * (Size) D, MCXT_ALLOC_HUGE);
	uint32	   *below = palloc(sizeof(uint32) * (Size) params.k);
	bool	   *taken = palloc0(layer->count);
	int			k = sphx_train(env, &params, layer->count, D, layer->centroids, means, report);

	for (int i = 0; i < k; i++)
	{
		float		best = INFINITY;

		below[i] = 0;
		for (uint32 j = 0; j < layer->count; j++)
		{
			float		distance = sphx_kernels->l2sq_f32(means + (Size) i * D,
														  layer->centroids + (Size) j * D, (Size) D);

			if (!taken[j] && distance < best)
			{
				best = distance;
				below[i] = j;
			}
		}
		taken[below[i]] = true;
		CHECK_FOR_INTERRUPTS();
	}
	for (int i = 0; i < k; i++)
		memcpy(means + (Size) i * D, layer->centroids + (Size) below[i] * D, sizeof(float) * D);
	pfree(taken);
	Assert(k >= 1 && (uint32) k < layer->count);	/* layers come to an end */
	above->count = (uint32) k;
	above->centroids = means;
	above->below = below;
}

/* Cells of as much of the sample as they need, or the figures of those that are given. */
static void
make_cells(SphxBuild *build, bool given, uint64 n, const float *sample)
{
	uint64		wanted = Max((uint64) build->cells * SAMPLE_PER_CELL, TRAINING_SMALLEST);
	uint64		count = Min(n, wanted);
	float	   *some = SphxSpreadRows(build, n, sample, count);

	if (given)
		measure_cells(build, count, some);
	else
		train_cells(build, count, some);
	sphx_unshare(&build->env.base, some);
}

/* Cells, and the coordinates that they and all rows are seen in from now on. */
static void
learn_geometry(SphxBuild *build)
{
	SphxEnv    *env = &build->env.base;
	bool		given = build->cells > 0;
	float	   *sample;
	uint64		n;

	if (!given)
		build->cells = choose_cell_count(build);
	n = draw_sample(build, build->cells, &sample);
	make_cells(build, given, n, sample);
	SphxLearnBasis(build, n, sample);
	SphxSeeRows(build, (uint64) build->cells, build->info.layout.D, build->centroids);
	sphx_unshare(env, sample);
}

int
SphxMakeLayers(SphxBuild *build, SphxSkeletonLayer *layers)
{
	int			top = 0;

	Assert(build->cells >= 1 && build->cells <= SPHX_MAX_LISTS);
	memset(layers, 0, sizeof(SphxSkeletonLayer) * SPHX_MAX_LAYERS);
	layers[0].count = (uint32) build->cells;
	layers[0].centroids = build->centroids;
	while (layers[top].count > SPHX_TOP_RECORDS && top + 1 < SPHX_MAX_LAYERS)
	{
		make_layer_above(build, &layers[top], &layers[top + 1]);
		layers[top].edges = layer_edges(build, layers[top].count, layers[top].centroids,
										layers[top + 1].count, layers[top + 1].centroids);
		top++;
	}
	return top + 1;
}

void
SphxReleaseLayers(int count, SphxSkeletonLayer *layers)
{
	for (int i = 0; i < count; i++)
	{
		if (layers[i].edges != NULL)
			pfree(unconstify(uint32 *, layers[i].edges));
		if (i > 0)
		{
			pfree(unconstify(float *, layers[i].centroids));
			pfree(unconstify(uint32 *, layers[i].below));
		}
	}
}

void
SphxTrainCells(SphxBuild *build)
{
	SphxSkeletonLayer layers[SPHX_MAX_LAYERS];
	int			count;

	learn_geometry(build);
	count = SphxMakeLayers(build, layers);
	SphxWriteSkeleton(&build->pages, &build->info, build->basis, count, layers);
	SphxReleaseLayers(count, layers);
}
