/*-------------------------------------------------------------------------
 *
 * test_portable.c
 *	  The same seed gives the same bits: on every instruction set, with every
 *	  BLAS library and whatever variant of its functions libm has chosen.
 *
 * What is drawn, trained and optimised is reduced to a checksum of its bits,
 * and that is a constant: whoever changes an algorithm changes it here, too.
 * Levels of kernels take turns in this process; other kernels of OpenBLAS,
 * other functions of libm and another order of summation (blas/backwards.c)
 * need a new process each: this program again, with the argument --print and
 * another environment.
 *
 *-------------------------------------------------------------------------
 */
#define _GNU_SOURCE				/* popen under -std=c11 */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "math/base/blas.h"
#include "math/base/portable.h"
#include "math/base/random.h"
#include "math/codes/haar.h"
#include "math/codes/optimize.h"
#include "math/codes/point_set.h"
#include "math/codes/product.h"
#include "math/kernels/kernels.h"
#include "math/train/kmeans.h"
#include "math/train/train.h"

#include "math/train/assign.h"
#include "tap.h"

typedef struct Checksum
{
	const char *name;
	uint64_t	expected;
	uint64_t	(*compute) (void);
	bool		needs_blas;
} Checksum;

static uint64_t
hash_bytes(uint64_t hash, const void *bytes, size_t n)
{
	const unsigned char *b = bytes;

	for (size_t i = 0; i < n; i++)
		hash = (hash ^ b[i]) * UINT64_C(0x100000001b3);
	return hash;
}

static uint64_t
hash_floats(const float *x, size_t n)
{
	return hash_bytes(UINT64_C(0xcbf29ce484222325), x, n * sizeof(float));
}

static uint64_t
hash_doubles(const double *x, size_t n)
{
	return hash_bytes(UINT64_C(0xcbf29ce484222325), x, n * sizeof(double));
}

static void *
new_array(size_t n, size_t size)
{
	void	   *x = malloc(n * size);

	if (x == NULL)
		abort();
	return x;
}

/* n rows around a third as many places as there are centroids, or on a grid with many ties */
static float *
make_rows(size_t n, size_t d, size_t places, bool spherical, bool grid)
{
	float	   *rows = new_array(n * d, sizeof(float));
	float	   *middle = new_array(places * d, sizeof(float));
	SphxRandom	random;

	sphx_random_seed(&random, n + d);
	for (size_t i = 0; i < places * d; i++)
		middle[i] = (float) sphx_random_normal(&random);
	for (size_t i = 0; i < n; i++)
	{
		const float *at = middle + sphx_random_below(&random, places) * d;
		double		square = 0.0;

		for (size_t j = 0; j < d; j++)
		{
			double		x = (double) at[j] + 0.7 * sphx_random_normal(&random);

			if (grid)
				x = floor(x);
			rows[i * d + j] = (float) x;
			square += x * x;
		}
		for (size_t j = 0; j < d && spherical; j++)
			rows[i * d + j] = (float) ((double) rows[i * d + j] / sqrt(square));
	}
	free(middle);
	return rows;
}

/* centroids and both reports of a training */
static uint64_t
train(const SphxTrainParams *params, size_t n, int d, bool grid)
{
	float	   *rows = make_rows(n, (size_t) d, (size_t) params->k / 3 + 1, params->spherical, grid);
	float	   *centroids = new_array((size_t) params->k * (size_t) d, sizeof(float));
	SphxTrainReport report[2];
	uint64_t	hash;
	int			k = sphx_train(sphx_env_malloc(), params, n, d, rows, centroids, report);

	hash = hash_floats(centroids, (size_t) k * (size_t) d);
	for (int i = 0; i < 2; i++)
	{
		const double figures[] = {
			report[i].separation, report[i].nearest_mean, report[i].nearest_p5,
			report[i].error, report[i].imbalance, report[i].k, report[i].iterations
		};

		hash = hash_bytes(hash, figures, sizeof(figures));
	}
	free(centroids);
	free(rows);
	return hash;
}

static uint64_t
sum_kmeans(void)
{
	const SphxTrainParams params = {.k = 64,.iterations = 30,.seed = 3};

	return train(&params, 4000, 20, false);
}

static uint64_t
sum_kmeans_sphere(void)
{
	const SphxTrainParams params = {.k = 300,.iterations = 6,.seed = 4,.spherical = true};

	return train(&params, 1500, 101, false);
}

/* many equal distances, and empty cells */
static uint64_t
sum_kmeans_ties(void)
{
	const SphxTrainParams params = {.k = 200,.iterations = 10,.seed = 5};

	return train(&params, 2000, 4, true);
}

static uint64_t
sum_gap(void)
{
	const SphxTrainParams params = {.k = 48,.iterations = 30,.seed = 6,.gap_weight = 2.0};

	return train(&params, 3000, 20, false);
}

/* more centroids than a tile of pairs has */
static uint64_t
sum_gap_sphere(void)
{
	const SphxTrainParams params = {
		.k = 150,.iterations = 30,.seed = 7,.gap_weight = 5.0,.spherical = true
	};

	return train(&params, 2000, 19, false);
}

static uint64_t
sum_softmin(void)
{
	const SphxTrainParams params = {
		.k = 16,.iterations = 1500,.seed = 8,.gap_weight = 2.0,.spherical = true,
		.method = SPHX_TRAIN_SOFTMIN
	};

	return train(&params, 701, 12, false);
}

/* lists of several probes, with their distances */
static uint64_t
sum_assign(void)
{
	enum
	{
	n = 800, d = 33, k = 600, probes = 7};
	float	   *rows = make_rows(n, d, 40, false, false);
	float	   *centroids = make_rows(k, d, 40, false, true);
	uint32_t   *ids = new_array((size_t) n * probes, sizeof(uint32_t));
	float	   *distances = new_array((size_t) n * probes, sizeof(float));
	uint64_t	hash;

	sphx_assign(sphx_env_malloc(), n, d, rows, k, centroids, probes, ids, distances);
	hash = hash_bytes(hash_floats(distances, (size_t) n * probes), ids,
					  (size_t) n * probes * sizeof(uint32_t));
	free(distances);
	free(ids);
	free(centroids);
	free(rows);
	return hash;
}

static uint64_t
sum_nearest_pairs(void)
{
	enum
	{
	n = 3000, d = 16};
	float	   *rows = make_rows(n, d, 30, false, false);
	SphxPointSet set = {.n = n,.d = d,.rows = rows};
	const SphxPointPair pairs[2] = {
		sphx_nearest_pair(sphx_env_malloc(), &set),
		sphx_sampled_pair(sphx_env_malloc(), &set, 100000, 9)
	};
	double		found[6];

	for (int i = 0; i < 2; i++)
	{
		found[3 * i] = (double) pairs[i].i;
		found[3 * i + 1] = (double) pairs[i].j;
		found[3 * i + 2] = pairs[i].distance;
	}
	free(rows);
	return hash_doubles(found, 6);
}

static uint64_t
optimize(int n, int dim, SphxObjective objective)
{
	const SphxOptimizeParams params = {n, dim, objective, 2, 0, 10, 0.05};
	double	   *points = new_array((size_t) (n * dim), sizeof(double));
	SphxOptimizeReport report;
	uint64_t	hash;

	sphx_optimize(sphx_env_malloc(), &params, points, &report);
	hash = hash_doubles(points, (size_t) (n * dim));
	hash = hash_bytes(hash, &report.min_angle, sizeof(double));
	hash = hash_bytes(hash, &report.covering_radius, sizeof(double));
	free(points);
	return hash;
}

static uint64_t
sum_packing(void)
{
	return optimize(20, 4, SPHX_OBJECTIVE_PACKING);
}

static uint64_t
sum_covering(void)
{
	return optimize(9, 3, SPHX_OBJECTIVE_COVERING);
}

static uint64_t
sum_bounded(void)
{
	return optimize(9, 3, SPHX_OBJECTIVE_BOUNDED);
}

/* too large for the polish: annealed only */
static uint64_t
sum_annealing(void)
{
	return optimize(60, 10, SPHX_OBJECTIVE_PACKING);
}

static uint64_t
sum_polygon(void)
{
	return optimize(17, 2, SPHX_OBJECTIVE_PACKING);
}

static uint64_t
sum_covering_radius(void)
{
	enum
	{
	n = 60, d = 5};
	float	   *rows = make_rows(n, d, n, true, false);
	SphxPointSet set = {.n = n,.d = d,.rows = rows};
	double		found[d + 1];

	found[d] = sphx_covering_radius(sphx_env_malloc(), &set, 500, 11, found);
	free(rows);
	return hash_doubles(found, d + 1);
}

static uint64_t
sum_normal(void)
{
	double		x[10000];
	SphxRandom	random;

	sphx_random_seed(&random, 12);
	for (int i = 0; i < 10000; i++)
		x[i] = sphx_random_normal(&random);
	return hash_doubles(x, 10000);
}

static uint64_t
sum_product_codes(void)
{
	const SphxProductParams params = {.dim = 24,.m = 32,.levels = 2,.rounds = 5,.seed = 13};
	double		points[3][2 * 32 * 12];

	sphx_product_gaussian(sphx_env_malloc(), &params, points[0]);
	sphx_product_antipodal(sphx_env_malloc(), &params, points[1]);
	sphx_product_polytopes(sphx_env_malloc(), &params, points[2]);
	return hash_doubles(points[0], 3 * 2 * 32 * 12);
}

static uint64_t
sum_rotation(void)
{
	SphxHaar   *haar = sphx_haar_create(sphx_env_malloc(), 40, 14);
	double		x[40];

	for (int i = 0; i < 40; i++)
		x[i] = i;
	sphx_haar_apply(haar, x);
	sphx_haar_release(haar);
	return hash_doubles(x, 40);
}

static uint64_t
sum_functions(void)
{
	double		x[5 * 1000];

	for (int i = 0; i < 1000; i++)
	{
		double		t = 0.01 * (i + 1);

		x[5 * i] = sphx_portable_exp(t - 5.0);
		x[5 * i + 1] = sphx_portable_log(t);
		x[5 * i + 2] = sphx_portable_pow(t, 0.2);
		x[5 * i + 3] = sphx_portable_cos(t);
		x[5 * i + 4] = sphx_portable_acos(t / 5.0 - 1.0);
	}
	return hash_doubles(x, 5 * 1000);
}

static const Checksum checksums[] = {
	{"functions", UINT64_C(0x4e80e6fc365e5da0), sum_functions, false},
	{"normal numbers", UINT64_C(0x7ea4735f07f68c6b), sum_normal, false},
	{"random product codes", UINT64_C(0x3b7cfbe4d9f96dd3), sum_product_codes, false},
	{"random rotation", UINT64_C(0x2632171cafa9c0a1), sum_rotation, false},
	{"covering radius", UINT64_C(0xf1e63e100cdd705d), sum_covering_radius, false},
	{"polygon", UINT64_C(0x5e3e8f4dd3a2ded6), sum_polygon, false},
	{"packing", UINT64_C(0xf0cc922c6377b13b), sum_packing, false},
	{"packing, annealed only", UINT64_C(0xf2c26ade49ba23e7), sum_annealing, false},
	{"covering", UINT64_C(0x6d0ba55c3a7c2aad), sum_covering, false},
	{"separation under a covering bound", UINT64_C(0x3b92270d6eed9a0a), sum_bounded, false},
	{"nearest pairs", UINT64_C(0x423f4d859fd0eaed), sum_nearest_pairs, true},
	{"assignment", UINT64_C(0xa42e974deb4f547c), sum_assign, true},
	{"k-means", UINT64_C(0xbe23016b3aa0e544), sum_kmeans, true},
	{"k-means on the sphere", UINT64_C(0x5a566e9fd7271897), sum_kmeans_sphere, true},
	{"k-means with ties", UINT64_C(0x9985cb8c77891840), sum_kmeans_ties, true},
	{"gap training", UINT64_C(0x5aea13f185ac53f6), sum_gap, true},
	{"gap training on the sphere", UINT64_C(0x821646bd1452bdf6), sum_gap_sphere, true},
	{"soft minimum", UINT64_C(0x1179f0965729a272), sum_softmin, true}
};

#define CHECKSUMS	(sizeof(checksums) / sizeof(checksums[0]))

static bool have_blas;

static int
print_checksums(void)
{
	for (size_t i = 0; i < CHECKSUMS; i++)
		if (have_blas || !checksums[i].needs_blas)
			printf("%016llx %s\n", (unsigned long long) checksums[i].compute(), checksums[i].name);
	return 0;
}

/* the functions against libm's */
static void
test_accuracy(void)
{
	double		worst = 0.0;

	for (int i = -3000; i <= 3000; i++)
	{
		double		x = 0.0123 * i;
		double		y = sphx_portable_exp(x);

		worst = fmax(worst, fabs(y / exp(x) - 1.0));
		worst = fmax(worst, fabs(sphx_portable_log(y) - log(y)) / (1.0 + fabs(x)));
		worst = fmax(worst, fabs(sphx_portable_pow(y, 0.2) / pow(y, 0.2) - 1.0));
		worst = fmax(worst, fabs(sphx_portable_sin(100.0 * x) - sin(100.0 * x)));
		worst = fmax(worst, fabs(sphx_portable_cos(x) - cos(x)));
		worst = fmax(worst, fabs(sphx_portable_acos(i / 3000.0) - acos(i / 3000.0)));
		worst = fmax(worst, fabs(sphx_portable_acos(1.0 - exp(-0.01 * abs(i))) -
								 acos(1.0 - exp(-0.01 * abs(i)))));
	}
	ok(worst < 4e-15, "functions agree with those of libm (off by %.1e)", worst);
	ok(sphx_portable_acos(1.0) < 1e-16 && sphx_portable_exp(-1000.0) == 0.0 &&
	   sphx_portable_exp(0.0) == 1.0 && sphx_portable_cos(0.0) == 1.0, "and at the ends");
}

static void
test_distances(void)
{
	float	   *a = make_rows(1, 300, 1, false, false);
	float	   *b = make_rows(1, 301, 1, false, false);
	double		worst = 0.0;

	for (size_t d = 0; d <= 299; d++)
	{
		double		square = 0.0;
		double		norm = 0.0;

		for (size_t j = 0; j < d; j++)
		{
			double		difference = (double) a[j + 1] - (double) b[j];

			square += difference * difference;
			norm += (double) b[j] * (double) b[j];
		}
		worst = fmax(worst, fabs((double) sphx_portable_l2sq(a + 1, b, d) - square) /
					 (square + 1e-30) / (d / 16.0 + 8.0));
		worst = fmax(worst, fabs(sphx_portable_square(b, d) - norm) / (norm + 1e-30));
	}
	ok(worst < 6e-8, "distances and squares (off by %.1e)", worst);
	free(a);
	free(b);
}

typedef struct Listed
{
	float		distance;
	uint32_t	id;
} Listed;

static int
compare_listed(const void *a, const void *b)
{
	const Listed *x = a;
	const Listed *y = b;

	if (x->distance != y->distance)
		return x->distance < y->distance ? -1 : 1;
	return (x->id > y->id) - (x->id < y->id);
}

/* lists of an assignment are those of all portable distances, ties and all */
static void
check_assignment(const char *name, size_t n, size_t d, size_t k, size_t probes, float *rows,
				 float *centroids)
{
	uint32_t   *ids = new_array(n * probes, sizeof(uint32_t));
	float	   *distances = new_array(n * probes, sizeof(float));
	double	   *sum = new_array(d, sizeof(double));
	float	   *centre = new_array(d, sizeof(float));
	Listed	   *list = new_array(k, sizeof(Listed));
	size_t		wrong = 0;

	sphx_assign(sphx_env_malloc(), n, (int) d, rows, (int) k, centroids, (int) probes, ids,
				distances);
	sphx_mean_row(k, d, centroids, sum, centre);
	sphx_subtract_row(n, d, rows, centre, rows, d);
	sphx_subtract_row(k, d, centroids, centre, centroids, d);
	for (size_t i = 0; i < n; i++)
	{
		for (size_t c = 0; c < k; c++)
		{
			list[c].id = (uint32_t) c;
			list[c].distance = sphx_portable_l2sq(rows + i * d, centroids + c * d, d);
			if (!(list[c].distance <= FLT_MAX))
				list[c].distance = INFINITY;
		}
		qsort(list, k, sizeof(Listed), compare_listed);
		for (size_t p = 0; p < probes; p++)
			if (ids[i * probes + p] != list[p].id || distances[i * probes + p] != list[p].distance)
				wrong++;
	}
	ok(wrong == 0, "assignment, %s, %zu x %zu, %zu centroids, %zu probes: %zu wrong", name, n, d,
	   k, probes, wrong);
	free(list);
	free(centre);
	free(sum);
	free(distances);
	free(ids);
	free(centroids);
	free(rows);
}

static float *
scaled(float *x, size_t n, float factor, float offset)
{
	for (size_t i = 0; i < n; i++)
		x[i] = x[i] * factor + offset;
	return x;
}

static void
test_assignment(void)
{
	static const size_t probes[] = {1, 2, 7, 40};
	float	   *outlying;

	if (!have_blas)
		return;
	for (size_t i = 0; i < sizeof(probes) / sizeof(probes[0]); i++)
	{
		check_assignment("scattered", 300, 37, 500, probes[i], make_rows(300, 37, 50, false, false),
						 make_rows(500, 37, 50, false, false));
		/* many more equal distances than there is room for */
		check_assignment("ties", 300, 2, 500, probes[i], make_rows(300, 2, 5, false, true),
						 make_rows(500, 2, 5, false, true));
		check_assignment("more ties", 100, 24, 700, probes[i], make_rows(100, 24, 1, false, true),
						 make_rows(700, 24, 1, false, true));
		/* differences in the last bits only */
		check_assignment("close", 100, 8, 300, probes[i],
						 scaled(make_rows(100, 8, 5, false, false), 800, 2e-5f, 100.0f),
						 scaled(make_rows(300, 8, 5, false, false), 2400, 2e-5f, 100.0f));
		check_assignment("tiny", 100, 8, 300, probes[i],
						 scaled(make_rows(100, 8, 5, false, false), 800, 1e-22f, 0.0f),
						 scaled(make_rows(300, 8, 5, false, false), 2400, 1e-22f, 0.0f));
		check_assignment("huge", 50, 8, 100, probes[i],
						 scaled(make_rows(50, 8, 5, false, false), 400, 5e18f, 0.0f),
						 scaled(make_rows(100, 8, 5, false, false), 800, 5e18f, 0.0f));
		outlying = make_rows(300, 16, 5, false, false);
		scaled(outlying + 99 * 16, 16, 1e6f, 0.0f);
		check_assignment("an outlier", 200, 16, 300, probes[i],
						 make_rows(200, 16, 5, false, false), outlying);
	}
	check_assignment("long", 20, 3000, 300, 3, make_rows(20, 3000, 5, false, false),
					 make_rows(300, 3000, 5, false, false));
	check_assignment("one element", 1000, 1, 64, 5, make_rows(1000, 1, 5, false, false),
					 make_rows(64, 1, 5, false, false));
}

static void
test_levels(void)
{
	for (SphxSimd level = SPHX_SIMD_SCALAR; level < SPHX_SIMD_AUTO; level++)
	{
		if (!sphx_kernels_choose(level))
			continue;
		for (size_t i = 0; i < CHECKSUMS; i++)
		{
			uint64_t	found;

			if (!have_blas && checksums[i].needs_blas)
				continue;
			found = checksums[i].compute();
			ok(found == checksums[i].expected, "%s, %s: %016llx", sphx_kernels->name,
			   checksums[i].name, (unsigned long long) found);
		}
	}
}

/*
 * This program again in another environment: how many of its checksums are
 * right?  -1 when it prints none, because it cannot be run (a program for
 * another processor, under an emulator).
 */
static int
right_checksums(const char *program, const char *environment)
{
	char		command[1024];
	char		line[256];
	FILE	   *output;
	int			right = 0;
	size_t		lines = 0;

	snprintf(command, sizeof(command), "env %s '%s' --print 2>/dev/null", environment, program);
	output = popen(command, "r");
	if (output == NULL)
		return -1;
	for (; fgets(line, sizeof(line), output) != NULL; lines++)
	{
		if (lines < CHECKSUMS && strtoull(line, NULL, 16) == checksums[lines].expected)
			right++;
		else
			printf("# %s: %s", environment, line);
	}
	if (pclose(output) != 0)
		return lines == 0 ? -1 : 0;
	return right;
}

static void
test_environment(const char *program, bool possible, const char *environment)
{
	if (possible)
		ok(right_checksums(program, environment) == CHECKSUMS, "the same with %s", environment);
	else
		ok(true, "%s # SKIP not on this processor", environment);
}

/* kernels of OpenBLAS and functions of libm that this processor can run */
static void
test_environments(const char *program)
{
	char		backwards[600];
	const char *end = strrchr(program, '/');
	int			length = end == NULL ? 1 : (int) (end - program);

	if (right_checksums(program, "") < 0)
	{
		ok(true, "other environments # SKIP this program cannot run itself");
		return;
	}
	snprintf(backwards, sizeof(backwards), "LD_LIBRARY_PATH='%.*s/blas'", length,
			 end == NULL ? "." : program);
	test_environment(program, true, backwards);
#ifdef __x86_64__
	__builtin_cpu_init();
	test_environment(program, __builtin_cpu_supports("sse3"), "OPENBLAS_CORETYPE=Prescott");
	test_environment(program, __builtin_cpu_supports("sse4.2"), "OPENBLAS_CORETYPE=Nehalem");
	test_environment(program, __builtin_cpu_supports("avx"), "OPENBLAS_CORETYPE=Sandybridge");
	test_environment(program, __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"),
					 "OPENBLAS_CORETYPE=Haswell");
	test_environment(program, __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"),
					 "OPENBLAS_CORETYPE=Zen");
	test_environment(program, __builtin_cpu_supports("avx512f") &&
					 __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
					 __builtin_cpu_supports("avx512vl"), "OPENBLAS_CORETYPE=SkylakeX");
	/* the names of features lost their ending with glibc 2.33 */
	test_environment(program, true,
					 "GLIBC_TUNABLES=glibc.cpu.hwcaps=-AVX2_Usable,-FMA_Usable,-FMA4_Usable");
	test_environment(program, true, "GLIBC_TUNABLES=glibc.cpu.hwcaps=-AVX2,-FMA,-FMA4,-AVX512F");
#endif
}

int
main(int argc, char **argv)
{
	const char *why = NULL;

	have_blas = sphx_blas_load(&why);
	sphx_kernels_choose(SPHX_SIMD_AUTO);
	if (argc > 1 && strcmp(argv[1], "--print") == 0)
		return print_checksums();
	ok(have_blas, "BLAS loads (%s)", why ? why : "no complaint");
	test_accuracy();
	test_distances();
	test_assignment();
	test_levels();
	test_environments(argv[0]);
	return tap_done();
}
