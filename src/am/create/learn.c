/*-------------------------------------------------------------------------
 *
 * learn.c
 *	  The coordinates of a new index, and its layout.
 *
 * Rows are only rotated at first, pseudo-randomly.  Of a sample of them it is
 * found out where they are and how differences between near ones are spread:
 * then vectors are moved to their mean, and turned so that the directions in
 * which near ones differ most come first, as far as that pays.
 *
 *-------------------------------------------------------------------------
 */
#include "am/create/build_state.h"

#include <math.h>

#include "math/train/spectrum.h"

#define SPECTRUM_SEED		1

/* rows that differences are taken from, at most; and the fewest that say something */
#define SPECTRUM_ROWS		16384
#define LEAST_ROWS			200

/* rows that their mean and second moments are taken from, at most */
#define MOMENT_ROWS			4096

/* what a learned rotation has to lower the predicted noise to, and a center the square of vectors */
#define WORTH_TURNING		0.9
#define WORTH_MOVING		0.9

/*
 * Coordinates that have so much of the variance of differences tell which rows may
 * be near; products are of a multiple of so many.  Of the 32 nearest of a row as many
 * are found with .7 of it as with all, to within .001 for images, texts and sift; of the
 * 128 nearest .04 to .06 fewer.
 */
#define NEAR_SHARE			0.7
#define NEAR_UNIT			16

/* What has been found out of the sample. */
typedef struct Findings
{
	SphxSpectrum *spectrum;		/* of differences between near rows */
	float	   *center;			/* D */
	double		center_norm;
	bool		centered;		/* moving vectors there is worth it */
	float	   *even;			/* D: variances of differences that have no
								 * favourite directions, */
	float	   *learned;		/* and along those of the spectrum */
	float	   *moments;		/* D: of the rows where the index has them */
} Findings;

/*
 * The mean of the rows, and whether to move them there.  Inner products would
 * not survive it.
 */
static void
find_center(const SphxBuild *build, uint64 n, const float *rows, Findings *findings)
{
	int			D = build->info.layout.D;
	double	   *sum = palloc0(sizeof(double) * (Size) D);
	double		square = 0.0;
	double		center = 0.0;

	for (uint64 i = 0; i < n; i++)
		for (int j = 0; j < D; j++)
		{
			double		x = (double) rows[i * (uint64) D + (uint64) j];

			sum[j] += x / (double) n;
			square += x * x / (double) n;
		}
	for (int j = 0; j < D; j++)
	{
		findings->center[j] = (float) sum[j];
		center += sum[j] * sum[j];
	}
	findings->center_norm = sqrt(center);
	findings->centered = build->info.meta.metric != SPHX_METRIC_IP &&
		square < 1e30 && square - center < WORTH_MOVING * square;
	pfree(sum);
}

/* Second moments of rows that are where the index has them. */
static void
find_moments(int D, uint64 n, const float *rows, float *moments)
{
	double	   *sum = palloc0(sizeof(double) * (Size) D);

	for (uint64 i = 0; i < n; i++)
		for (int j = 0; j < D; j++)
		{
			double		x = (double) rows[i * (uint64) D + (uint64) j];

			sum[j] += x * x / (double) n;
		}
	for (int j = 0; j < D; j++)
		moments[j] = (float) Min(sum[j], 1e30);
	pfree(sum);
}

/* The moments that the rows have without learned directions: a random rotation spreads them. */
static void
even_out(int D, float *moments)
{
	double		mean = 0.0;

	for (int i = 0; i < D; i++)
		mean += (double) moments[i] / D;
	for (int i = 0; i < D; i++)
		moments[i] = (float) mean;
}

/* Variances of the spectrum's directions, and of all others the same. */
static void
find_variances(int D, Findings *findings)
{
	const SphxSpectrum *spectrum = findings->spectrum;

	for (int i = 0; i < D; i++)
	{
		findings->even[i] = 1.0f / (float) D;
		findings->learned[i] = i < spectrum->count ? spectrum->variances[i] : spectrum->rest;
	}
}

/* How uneven the differences are, for sphx_index_stats. */
static void
describe_spectrum(int D, const Findings *findings, SphxShapeData *data)
{
	double		logarithms = 0.0;
	double		head = 0.0;

	for (int i = 0; i < D; i++)
	{
		double		variance = Max((double) findings->learned[i], 1e-9 / D);

		logarithms += log(variance * D) / D;
		if (i < (D + 7) / 8)
			head += variance;
	}
	data->anisotropy = (float) exp(-logarithms);
	data->head = (float) head;
	data->intrinsic = findings->spectrum->intrinsic;
}

/* Rows with these variances of differences, as the choice of a layout wants to know them. */
static SphxShape
describe_shape(int D, const Findings *findings, const float *variances)
{
	double		square = 0.0;
	SphxShape	shape = {
		.variances = variances,
		.moments = findings->moments,
		.intrinsic = findings->spectrum->intrinsic
	};

	for (int i = 0; i < D; i++)
		square += (double) findings->moments[i];
	shape.edge = (float) Min(Max(findings->spectrum->length / sqrt(Max(square, 1e-30)), 0.05), 2.0);
	return shape;
}

/* Choose the layout for the shape that the basis leaves. */
static void
choose_layout(SphxBuild *build, const Findings *findings, const float *variances)
{
	SphxIndexInfo *info = &build->info;
	SphxShape	shape = describe_shape(info->layout.D, findings, variances);

	SphxChooseLayout(build->index, info->layout.dims, &shape, info);
	Assert(build->d >= info->layout.D && build->d <= info->layout.D + 1);	/* as rows are kept */
}

/*
 * How many of the learned coordinates, which come in the order of what near rows
 * differ by along them, tell which rows are near?
 */
static void
find_near_coordinates(SphxBuild *build, const Findings *findings)
{
	int			D = build->info.layout.D;
	double		share = 0.0;
	int			near_d = 0;

	if (build->d > D)
		return;					/* the last coordinate counts as well */
	while (near_d < D && share < NEAR_SHARE)
		share += (double) findings->learned[near_d++];
	build->near_d = Min((near_d + NEAR_UNIT - 1) / NEAR_UNIT * NEAR_UNIT, D);
}

/*
 * May directions be learned?  For inner product only when told so: there the
 * query, whose spread nobody knows, is compared with differences.
 */
static bool
may_turn(const SphxBuild *build)
{
	if (build->options.rotation == SPHX_ROTATION_AUTO)
		return build->info.meta.metric != SPHX_METRIC_IP;
	return build->options.rotation == SPHX_ROTATION_LEARNED;
}

/* Is the noise that the learned directions leave, with as many bits, worth the rotation? */
static bool
worth_turning(const SphxBuild *build, const Findings *findings)
{
	return build->options.rotation == SPHX_ROTATION_LEARNED ||
		SphxLeastNoise(&build->info, findings->learned) <
		WORTH_TURNING * SphxLeastNoise(&build->info, findings->even);
}

static void
use_basis(SphxBuild *build, const Findings *findings, int count)
{
	SphxMetaPageData *meta = &build->info.meta;

	meta->basis_vectors = (uint32) count;
	meta->centered = findings->centered ? 1 : 0;
	meta->center_norm = findings->centered ? (float4) findings->center_norm : 0.0f;
	if (build->basis != NULL)
		sphx_basis_release(&build->env.base, build->basis);
	build->basis = NULL;
	if (count > 0 || findings->centered)
		build->basis = sphx_basis_create(&build->env.base, build->info.layout.D, count,
										 findings->spectrum->vectors,
										 findings->centered ? findings->center : NULL);
}

float *
SphxSpreadRows(SphxBuild *build, uint64 n, const float *rows, uint64 count)
{
	Size		D = (Size) build->info.layout.D;
	float	   *some = sphx_share(&build->env.base, sizeof(float) * D * count);

	Assert(count <= n);
	for (uint64 i = 0; i < count; i++)
		memcpy(some + i * D, rows + i * n / count * D, sizeof(float) * D);
	return some;
}

/* The spectrum of some of the sample. */
static SphxSpectrum *
find_spectrum(SphxBuild *build, uint64 n, const float *sample)
{
	SphxEnv    *env = &build->env.base;
	Size		D = (Size) build->info.layout.D;
	uint64		rows = Min(Min(n, SPECTRUM_ROWS), Max(SphxBuildSampleFloats() / D / 2, LEAST_ROWS));
	int			most = may_turn(build) ? sphx_reflectors_count((int) D) : 0;
	float	   *some = SphxSpreadRows(build, n, sample, rows);
	SphxSpectrum *spectrum;

	spectrum = sphx_spectrum_train(env, (int) rows, some, (int) D, most, SPECTRUM_SEED);
	sphx_unshare(env, some);
	return spectrum;
}

void
SphxLearnBasis(SphxBuild *build, uint64 n, const float *sample)
{
	int			D = build->info.layout.D;
	uint64		count = Min(n, MOMENT_ROWS);
	Findings	findings = {0};
	float	   *rows;

	Assert(build->basis == NULL);
	if (n < LEAST_ROWS)
		return;
	findings.spectrum = find_spectrum(build, n, sample);
	findings.center = palloc(sizeof(float) * (Size) D * 4);
	findings.even = findings.center + D;
	findings.learned = findings.even + D;
	findings.moments = findings.learned + D;
	rows = SphxSpreadRows(build, n, sample, count);
	find_center(build, count, rows, &findings);
	find_variances(D, &findings);

	use_basis(build, &findings, findings.spectrum->count);
	SphxSeeRows(build, count, D, rows);
	find_moments(D, count, rows, findings.moments);
	sphx_unshare(&build->env.base, rows);
	choose_layout(build, &findings, findings.learned);
	describe_spectrum(D, &findings, &build->info.meta.shape);
	if (findings.spectrum->count > 0 && !worth_turning(build, &findings))
	{
		use_basis(build, &findings, 0);
		even_out(D, findings.moments);
		choose_layout(build, &findings, findings.even);
	}
	else if (build->basis != NULL && build->info.meta.basis_vectors > 0)
		find_near_coordinates(build, &findings);
	pfree(findings.center);
	build->env.base.release(&build->env.base, findings.spectrum);
}
