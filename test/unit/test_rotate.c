/*-------------------------------------------------------------------------
 *
 * test_rotate.c
 *	  Unit tests of the orthogonal transform, at every level this machine has.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "math/base/random.h"
#include "math/base/rotate.h"
#include "math/kernels/kernels.h"
#include "helpers.h"
#include "tap.h"

#define SEED	UINT64_C(20240607)

static const int dims[] = {1, 2, 3, 4, 5, 7, 8, 15, 24, 63, 64, 96, 100, 127, 128, 300, 513, 1000, 1536};

#define N_DIMS	(sizeof(dims) / sizeof(dims[0]))

/* column i of the transform */
static void
column(const SphxRotation *rotation, int D, int i, float *x)
{
	memset(x, 0, (size_t) D * sizeof(float));
	x[i] = 1.0f;
	sphx_rotate(rotation, x);
}

/* columns have length 1, and 40 pairs of them are orthogonal (all pairs of a small D) */
static double
orthogonality_error(const SphxRotation *rotation, int D)
{
	float	   *a = malloc((size_t) D * sizeof(float));
	float	   *b = malloc((size_t) D * sizeof(float));
	int			step = D / 41 + 1;
	double		error = 0;

	for (int i = 0; i < D; i += step)
	{
		column(rotation, D, i, a);
		error = fmax(error, fabs(dot_floats(a, a, D) - 1));
		for (int j = i + 1; j < D; j += step)
		{
			column(rotation, D, j, b);
			error = fmax(error, fabs(dot_floats(a, b, D)));
		}
	}
	free(a);
	free(b);
	return error;
}

static double
round_trip_error(const SphxRotation *rotation, int D, SphxRandom *random)
{
	float	   *x = malloc((size_t) D * sizeof(float));
	float	   *y = malloc((size_t) D * sizeof(float));
	double		error = 0;
	double		norm;

	for (int i = 0; i < D; i++)
		x[i] = y[i] = (float) sphx_random_normal(random);
	norm = sqrt(dot_floats(x, x, D));
	sphx_rotate(rotation, y);
	error = fabs(sqrt(dot_floats(y, y, D)) / norm - 1);
	sphx_rotate_back(rotation, y);
	for (int i = 0; i < D; i++)
		error = fmax(error, fabs((double) x[i] - y[i]) / norm);
	free(x);
	free(y);
	return error;
}

static void
test_orthogonal(int D, SphxRandom *random)
{
	SphxEnv    *env = sphx_env_malloc();
	SphxRotation *rotation = sphx_rotation_create(env, D, SEED);
	double		columns = orthogonality_error(rotation, D);
	double		back = round_trip_error(rotation, D, random);

	ok(columns < 1e-5 && back < 1e-5, "%s: D = %d orthogonal to %.1e, and back to %.1e",
	   sphx_kernels->name, D, columns, back);
	env->release(env, rotation);
}

/*
 * How unevenly the columns are spread: the largest entry in units of
 * 1/sqrt(D), and the least and largest share of energy in a quarter of the
 * vector, over all columns.
 */
static void
test_spread(int D)
{
	SphxEnv    *env = sphx_env_malloc();
	SphxRotation *rotation = sphx_rotation_create(env, D, SEED);
	float	   *x = malloc((size_t) D * sizeof(float));
	double		largest = 0;
	double		least_share = 1;
	double		largest_share = 0;

	for (int i = 0; i < D; i++)
	{
		column(rotation, D, i, x);
		for (int j = 0; j < D; j++)
			largest = fmax(largest, fabs((double) x[j]) * sqrt(D));
		for (int quarter = 0; quarter < 4; quarter++)
		{
			int			start = D * quarter / 4;
			int			length = D * (quarter + 1) / 4 - start;
			double		share = dot_floats(x + start, x + start, length);

			least_share = fmin(least_share, share);
			largest_share = fmax(largest_share, share);
		}
	}
	ok(largest < 6 && least_share > .25 / 4 && largest_share < .25 * 2.5,
	   "%s: D = %d entries up to %.2f/sqrt(D), quarters hold %.2f to %.2f",
	   sphx_kernels->name, D, largest, least_share, largest_share);
	free(x);
	env->release(env, rotation);
}

/* FNV-1a over entries rounded to 1/1024 of the norm, hence the same on every machine */
static uint32_t
checksum(int D)
{
	SphxEnv    *env = sphx_env_malloc();
	SphxRotation *rotation = sphx_rotation_create(env, D, SEED);
	float	   *x = malloc((size_t) D * sizeof(float));
	uint32_t	hash = UINT32_C(2166136261);

	for (int i = 0; i < D; i++)
		x[i] = (float) ((i * 37 + 11) % 101 - 50) / 64.0f;
	sphx_rotate(rotation, x);
	for (int i = 0; i < D; i++)
	{
		hash ^= (uint32_t) (int32_t) floorf(x[i] * 1024.0f + 0.5f);
		hash *= UINT32_C(16777619);
	}
	free(x);
	env->release(env, rotation);
	return hash;
}

/* a change of these is a change of the on-disk format */
static void
test_golden(void)
{
	static const struct
	{
		int			D;
		uint32_t	hash;
	}			golden[] = {{3, 0x2b867217}, {100, 0x534fce4f}, {128, 0x7b7d07e3}, {1536, 0x8114e3a4}};

	for (size_t i = 0; i < sizeof(golden) / sizeof(golden[0]); i++)
	{
		uint32_t	hash = checksum(golden[i].D);

		ok(hash == golden[i].hash, "%s: D = %d has checksum %08x", sphx_kernels->name,
		   golden[i].D, (unsigned) hash);
	}
}

/* every level gives the same bits, and another seed gives another transform */
static void
test_deterministic(SphxSimd level)
{
	SphxEnv    *env = sphx_env_malloc();
	int			D = 1000;
	SphxRotation *rotation = sphx_rotation_create(env, D, SEED);
	SphxRotation *same = sphx_rotation_create(env, D, SEED);
	SphxRotation *other = sphx_rotation_create(env, D, SEED + 1);
	float		x[3][1000];

	for (int i = 0; i < D; i++)
		x[0][i] = x[1][i] = x[2][i] = (float) (i % 17) - 3.3f;
	sphx_rotate(rotation, x[0]);
	sphx_rotate(other, x[2]);
	(void) sphx_kernels_choose(SPHX_SIMD_SCALAR);
	sphx_rotate(same, x[1]);
	(void) sphx_kernels_choose(level);
	ok(memcmp(x[0], x[1], sizeof(x[0])) == 0, "%s: the same bits as scalar", sphx_kernels->name);
	ok(memcmp(x[0], x[2], sizeof(x[0])) != 0, "%s: another seed, another transform",
	   sphx_kernels->name);
	env->release(env, rotation);
	env->release(env, same);
	env->release(env, other);
}

int
main(void)
{
	static const int spread[] = {64, 100, 127, 128, 129, 300, 1000};
	SphxRandom	random;

	sphx_random_seed(&random, 1);
	for (int level = SPHX_SIMD_SCALAR; level < SPHX_SIMD_AUTO; level++)
	{
		if (!sphx_kernels_choose((SphxSimd) level))
			continue;
		for (size_t i = 0; i < N_DIMS; i++)
			test_orthogonal(dims[i], &random);
		test_deterministic((SphxSimd) level);
		test_golden();
	}
	for (size_t i = 0; i < sizeof(spread) / sizeof(spread[0]); i++)
		test_spread(spread[i]);
	return tap_done();
}
