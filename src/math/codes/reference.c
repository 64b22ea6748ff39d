/*-------------------------------------------------------------------------
 *
 * reference.c
 *	  Mean cosine of the reference angle, J(S) (Lu, Xiao and Ishikawa), and
 *	  known kissing numbers.
 *
 *-------------------------------------------------------------------------
 */
#include <assert.h>
#include <math.h>

#include "math/base/random.h"
#include "math/codes/point_set.h"
#include "math/codes/sine.h"

#define PI			3.14159265358979323846
#define NODES		20000
#define BATCHES		16
#define STREAM		UINT64_C(0x7265666572)	/* other numbers than a code drawn
											 * from the same seed */
#define T_QUANTILE	2.947		/* of Student's t, 15 degrees of freedom, 99
								 * %, two-sided */

/* E T(d, L), Eq. 33: how far norms that differ between levels spoil the cosine */
static double
level_factor(int levels, int d_level)
{
	double		part = d_level / 2.0;
	double		whole = part * levels;

	return sqrt(levels) * exp(lgamma(part + 0.5) + lgamma(whole) -
							  lgamma(part) - lgamma(whole + 0.5));
}

/*
 * E max of m cosines, Eq. 40, by parts: 1 - integral of F(y)^m over -1 .. 1,
 * with y = -cos(angle) and Simpson's rule.
 */
static double
mean_largest_cosine(SphxEnv *env, int64_t m, int d_level)
{
	SphxSine   *sine;
	double		sum = 0.0;

	if (d_level == 1)			/* cosines are -1 or 1 */
		return 1.0 - 2.0 * pow(0.5, (double) m);
	sine = sphx_sine_create(env, d_level - 2);
	for (int i = 0; i <= NODES; i++)
	{
		double		angle = PI * i / NODES;
		double		weight = i == 0 || i == NODES ? 1.0 : i % 2 == 1 ? 4.0 : 2.0;

		sum += weight * sin(angle) * pow(sphx_sine_cdf(sine, angle), (double) m);
	}
	env->release(env, sine);
	return 1.0 - sum * PI / NODES / 3.0;
}

double
sphx_random_reference_cosine(SphxEnv *env, int64_t m, int levels, int d_level)
{
	return level_factor(levels, d_level) * mean_largest_cosine(env, m, d_level);
}

/* largest cosine between a random direction and a point */
static double
sample_cosine(const SphxPointSet *set, SphxRandom *random, double *v)
{
	double		square = 0.0;
	double		best = -HUGE_VAL;

	for (int k = 0; k < set->d; k++)
	{
		v[k] = sphx_random_normal(random);
		square += v[k] * v[k];
	}
	for (size_t i = 0; i < set->n; i++)
	{
		const float *row = set->rows + i * (size_t) set->d;
		double		sum = 0.0;

		for (int k = 0; k < set->d; k++)
			sum += (double) row[k] * v[k];
		best = fmax(best, sum);
	}
	return best / sqrt(square);
}

void
sphx_reference_cosine(SphxEnv *env, const SphxPointSet *set, int levels, int64_t samples,
					  uint64_t seed, SphxReferenceCosine *result)
{
	double		factor = level_factor(levels, set->d);
	double	   *v = env->alloc(env, (size_t) set->d * sizeof(double));
	double		batch[BATCHES];
	double		sum = 0.0;
	double		square = 0.0;
	int64_t		each = (samples + BATCHES - 1) / BATCHES;
	SphxRandom	random;

	assert(set->n >= 1 && levels >= 1 && samples >= 1);
	sphx_random_seed(&random, seed ^ STREAM);
	for (int b = 0; b < BATCHES; b++)
	{
		batch[b] = 0.0;
		for (int64_t i = 0; i < each; i++)
		{
			batch[b] += sample_cosine(set, &random, v) / (double) each;
			env->tick(env, (uint64_t) (b * each + i), (uint64_t) (BATCHES * each));
		}
		sum += batch[b] / BATCHES;
	}
	for (int b = 0; b < BATCHES; b++)
		square += (batch[b] - sum) * (batch[b] - sum);
	result->estimate = factor * sum;
	result->error = factor * T_QUANTILE * sqrt(square / (BATCHES - 1.0) / BATCHES);
	result->random = sphx_random_reference_cosine(env, (int64_t) set->n, levels, set->d);
	env->release(env, v);
}


/*
 * Kissing numbers, as listed in August 2026 by Cohn's table of kissing
 * number bounds (https://hdl.handle.net/1721.1/153312).  The upper bounds of
 * Leijenhorst and de Laat are numerical results of high precision.
 */

#define ELEMENTARY	"elementary"
#define SPLAG		"Conway and Sloane, Sphere Packings, Lattices and Groups"
#define GANZHINOV	"Ganzhinov 2022, Highly symmetric lines"
#define ZINOVIEV	"Zinoviev and Ericson 1999, New lower bounds for contact numbers in small dimensions"
#define COHN_LI		"Cohn and Li 2024, Improved kissing numbers in seventeen through twenty-one dimensions"
#define LEVENSHTEIN	"Levenshtein 1979; Odlyzko and Sloane 1979"
#define MITTELMANN	"Mittelmann and Vallentin 2010, High-accuracy semidefinite programming bounds"
#define MACHADO		"Machado and de Oliveira Filho 2018, Improving the semidefinite programming bound"
#define LAAT		"Leijenhorst and de Laat 2022, Solving clustered low-rank semidefinite programs arising from polynomial optimization (numerical)"

static const SphxKissing kissing[] = {
	{2, 2, ELEMENTARY, ELEMENTARY},
	{6, 6, ELEMENTARY, ELEMENTARY},
	{12, 12, ELEMENTARY, "Schuette and van der Waerden 1953"},
	{24, 24, SPLAG, "Musin 2008, The kissing number in four dimensions"},
	{40, 44, SPLAG, MITTELMANN},
	{72, 77, SPLAG, "de Laat, Leijenhorst and de Muinck Keizer 2024, Optimality and uniqueness of the D4 root system"},
	{126, 134, SPLAG, MITTELMANN},
	{240, 240, SPLAG, LEVENSHTEIN},
	{306, 363, SPLAG, MACHADO},
	{510, 553, GANZHINOV, MACHADO},
	{604, 868, "Bianchi, Kwon, Pappu and Zou 2026, Harnessing the collective intelligence of AI agents in the wild", LAAT},
	{841, 1355, "Takhanov, Assylbekov and Yun 2026, A kissing configuration in 12 dimensions with 841 spheres", LAAT},
	{1154, 2064, ZINOVIEV, LAAT},
	{1932, 3174, GANZHINOV, LAAT},
	{2564, 4853, SPLAG, LAAT},
	{4320, 7320, SPLAG, LAAT},
	{5730, 10978, COHN_LI, LAAT},
	{7654, 16406, COHN_LI, LAAT},
	{11948, 24417, "Ho 2026, A new lower bound for the kissing number in 19 dimensions", LAAT},
	{19448, 36195, COHN_LI, LAAT},
	{29768, 53524, COHN_LI, LAAT},
	{49896, 80810, SPLAG, LAAT},
	{93150, 122351, SPLAG, LAAT},
	{196560, 196560, SPLAG, LEVENSHTEIN}
};

const SphxKissing *
sphx_kissing(int dim)
{
	_Static_assert(sizeof(kissing) / sizeof(kissing[0]) == SPHX_KISSING_MAX_DIM, "dimensions");
	assert(dim >= 1 && dim <= SPHX_KISSING_MAX_DIM);
	return &kissing[dim - 1];
}
