/*-------------------------------------------------------------------------
 *
 * test_angle.c
 *	  Unit tests of angle testing (Lu, Xiao and Ishikawa): the kernel functions
 *	  by their definitions, and the statements about their distributions by
 *	  simulation with fixed seeds.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "math/base/compare.h"
#include "math/base/random.h"
#include "math/codes/haar.h"
#include "math/codes/reference_angle.h"
#include "helpers.h"
#include "tap.h"

#define PI		3.14159265358979323846
#define MAX_D	64

static SphxEnv *env;

static SphxSpherical *
make_code(const char *name, int dim)
{
	SphxSphericalSpec spec;
	SphxSphericalStatus status = sphx_spherical_parse(name, dim, &spec);

	if (status != SPHX_SPHERICAL_OK)
	{
		ok(false, "%s(%d) can be had (status %d)", name, dim, (int) status);
		exit(1);
	}
	return sphx_spherical_create(env, &spec);
}

static void
random_unit(SphxRandom *random, int d, double *x)
{
	double		norm;

	for (int k = 0; k < d; k++)
		x[k] = sphx_random_normal(random);
	norm = sqrt(dot_doubles(x, x, d));
	for (int k = 0; k < d; k++)
		x[k] /= norm;
}

/* two unit vectors at the angle phi */
static void
unit_pair(SphxRandom *random, int d, double phi, double *q, double *v)
{
	double		product;

	random_unit(random, d, q);
	random_unit(random, d, v);
	product = dot_doubles(q, v, d);
	for (int k = 0; k < d; k++)
		v[k] -= product * q[k];
	product = sqrt(dot_doubles(v, v, d));
	for (int k = 0; k < d; k++)
		v[k] = cos(phi) * q[k] + sin(phi) * v[k] / product;
}


/* Rotations */

static double
determinant(double *a, int d)
{
	double		result = 1.0;

	for (int i = 0; i < d; i++)
	{
		int			pivot = i;

		for (int j = i + 1; j < d; j++)
		{
			if (fabs(a[j * d + i]) > fabs(a[pivot * d + i]))
				pivot = j;
		}
		for (int k = 0; k < d && pivot != i; k++)
		{
			double		swap = a[i * d + k];

			a[i * d + k] = a[pivot * d + k];
			a[pivot * d + k] = swap;
		}
		result *= pivot == i ? a[i * d + i] : -a[i * d + i];
		for (int j = i + 1; j < d; j++)
		{
			double		factor = a[j * d + i] / a[i * d + i];

			for (int k = i; k < d; k++)
				a[j * d + k] -= factor * a[i * d + k];
		}
	}
	return result;
}

/* rows are the images of the axes, so that this is the transpose of H */
static void
list_rotation(const SphxHaar *haar, int d, double *rows)
{
	memset(rows, 0, (size_t) (d * d) * sizeof(double));
	for (int i = 0; i < d; i++)
	{
		rows[i * d + i] = 1.0;
		sphx_haar_apply(haar, rows + i * d);
	}
}

static void
test_rotation(int d)
{
	double	   *rows = malloc((size_t) (d * d) * sizeof(double));
	double	   *x = malloc((size_t) d * sizeof(double));
	SphxHaar   *haar = sphx_haar_create(env, d, 5);
	double		off = 0.0;
	double		back = 0.0;

	list_rotation(haar, d, rows);
	for (int i = 0; i < d; i++)
	{
		for (int j = 0; j <= i; j++)
			off = fmax(off, fabs(dot_doubles(rows + i * d, rows + j * d, d) - (i == j)));
		memcpy(x, rows + i * d, (size_t) d * sizeof(double));
		sphx_haar_apply_inverse(haar, x);
		for (int k = 0; k < d; k++)
			back = fmax(back, fabs(x[k] - (i == k)));
	}
	ok(off < 1e-13, "%d dimensions: orthogonal", d);
	ok(back < 1e-13, "%d dimensions: the inverse undoes it", d);
	ok(fabs(determinant(rows, d) - 1.0) < 1e-12, "%d dimensions: determinant 1", d);
	sphx_haar_release(haar);
	free(x);
	free(rows);
}

/*
 * The trace of a uniform rotation of more than 4 dimensions has the moments 0,
 * 1, 0 and 3 (Diaconis and Shahshahani, On the eigenvalues of random
 * matrices, 1994).
 */
static void
test_trace(void)
{
	const int	n = 20000;
	const int	d = 6;
	double		rows[36];
	double		moment[4] = {0};
	bool		near_expected;

	for (int seed = 0; seed < n; seed++)
	{
		SphxHaar   *haar = sphx_haar_create(env, d, (uint64_t) seed);
		double		trace = 0.0;

		list_rotation(haar, d, rows);
		for (int i = 0; i < d; i++)
			trace += rows[i * d + i];
		for (int p = 0; p < 4; p++)
			moment[p] += pow(trace, p + 1) / n;
		sphx_haar_release(haar);
	}
	/* three standard errors: of trace^p it is about sqrt(E trace^2p / n) */
	near_expected = fabs(moment[0]) < 3 * sqrt(1.0 / n) && fabs(moment[1] - 1.0) < 3 * sqrt(2.0 / n) &&
		fabs(moment[2]) < 3 * sqrt(15.0 / n) && fabs(moment[3] - 3.0) < 3 * sqrt(96.0 / n);
	ok(near_expected, "moments of the trace %.3f %.3f %.3f %.3f, of a uniform rotation 0 1 0 3",
	   moment[0], moment[1], moment[2], moment[3]);
}


/* Definitions */

/* KS1 by Eq. 2, from the list of all of HS */
static double
ks1_by_list(SphxSpherical *code, const SphxHaar *haar, const double *q, const double *v)
{
	int			d = sphx_spherical_dim(code);
	double		u[MAX_D];
	double		best = -HUGE_VAL;
	double		result = NAN;

	for (uint64_t i = 0; i < sphx_spherical_count(code); i++)
	{
		sphx_spherical_word(code, i, u);
		sphx_haar_apply_inverse(haar, u);
		if (dot_doubles(u, q, d) > best)
		{
			best = dot_doubles(u, q, d);
			result = dot_doubles(u, v, d);
		}
	}
	return result;
}

/* KS2 by Eq. 3, from the list of all of S */
static double
ks2_by_list(SphxSpherical *code, const SphxHaar *haar, const double *q, const double *v)
{
	int			d = sphx_spherical_dim(code);
	double		hq[MAX_D];
	double		hv[MAX_D];
	double		u[MAX_D];
	double		best = -HUGE_VAL;
	double		product = NAN;

	memcpy(hq, q, (size_t) d * sizeof(double));
	memcpy(hv, v, (size_t) d * sizeof(double));
	sphx_haar_apply(haar, hq);
	sphx_haar_apply(haar, hv);
	for (uint64_t i = 0; i < sphx_spherical_count(code); i++)
	{
		sphx_spherical_word(code, i, u);
		if (dot_doubles(u, hv, d) > best)
		{
			best = dot_doubles(u, hv, d);
			product = dot_doubles(u, hq, d);
		}
	}
	return product / best;
}

static double
ks2(SphxAngle *angle, int d, const double *q, const double *v, double *cosine)
{
	double		rotated[MAX_D];

	memcpy(rotated, q, (size_t) d * sizeof(double));
	sphx_ks2_rotate(angle, rotated);
	return sphx_ks2_estimate(angle, rotated, v, cosine);
}

static void
test_definition(const char *name, int d)
{
	SphxSpherical *code = make_code(name, d);
	double		q[MAX_D];
	double		v[MAX_D];
	double		reference[MAX_D];
	double		off1 = 0.0;
	double		off2 = 0.0;
	double		off_cosine = 0.0;
	SphxRandom	random;

	sphx_random_seed(&random, 11);
	for (uint64_t seed = 0; seed < 40; seed++)
	{
		SphxAngle  *angle = sphx_angle_create(env, code, seed);
		SphxHaar   *haar = sphx_haar_create(env, d, seed);
		double		cosine1;
		double		cosine2;

		random_unit(&random, d, q);
		random_unit(&random, d, v);
		cosine1 = sphx_ks1_reference(angle, q, reference);
		off1 = fmax(off1, fabs(dot_doubles(reference, v, d) - ks1_by_list(code, haar, q, v)));
		off_cosine = fmax(off_cosine, fabs(cosine1 - dot_doubles(reference, q, d)));
		off2 = fmax(off2, fabs(ks2(angle, d, q, v, &cosine2) - ks2_by_list(code, haar, q, v)) * cosine2);
		cosine1 = sphx_ks1_reference(angle, v, reference);
		off_cosine = fmax(off_cosine, fabs(cosine1 - cosine2));
		sphx_haar_release(haar);
		sphx_angle_release(angle);
	}
	ok(off1 < 1e-12, "%s(%d): KS1 is as defined", name, d);
	ok(off2 < 1e-12, "%s(%d): KS2 is as defined", name, d);
	ok(off_cosine < 1e-12, "%s(%d): KS1(v, v) is the reference angle's cosine in both", name, d);
	sphx_spherical_release(code);
}

/* a reference angle of 0 gives the exact inner product */
static void
test_exact(void)
{
	SphxSpherical *code = make_code("E8", 8);
	SphxAngle  *angle = sphx_angle_create(env, code, 3);
	SphxHaar   *haar = sphx_haar_create(env, 8, 3);
	double		q[8];
	double		v[8];
	double		reference[8];
	double		cosine;
	SphxRandom	random;

	sphx_random_seed(&random, 12);
	random_unit(&random, 8, q);
	sphx_spherical_word(code, 100, v);
	sphx_haar_apply_inverse(haar, v);
	ok(fabs(ks2(angle, 8, q, v, &cosine) - dot_doubles(q, v, 8)) < 1e-12 && fabs(cosine - 1.0) < 1e-12,
	   "KS2 is exact when Hv is a codeword");
	sphx_ks1_reference(angle, v, reference);
	ok(fabs(dot_doubles(reference, q, 8) - dot_doubles(q, v, 8)) < 1e-12, "KS1 is exact when q is in HS");
	sphx_haar_release(haar);
	sphx_angle_release(angle);
	sphx_spherical_release(code);
}

/* codewords too many to be numbered: the parts of every level's own maximum */
static void
test_many_levels(void)
{
	SphxSpherical *code = make_code("antipodal(64, 16)", 64);
	const double *point;
	int			m;
	int			levels;
	double		x[64];
	double		word[64];
	double		product;
	double		by_level = 0.0;
	SphxRandom	random;

	sphx_random_seed(&random, 13);
	random_unit(&random, 64, x);
	product = sphx_spherical_nearest(code, x, word);
	point = sphx_spherical_points(code, &m, &levels);
	for (int l = 0; l < levels; l++)
	{
		double		best = -HUGE_VAL;

		for (int i = 0; i < m; i++, point += 4)
			best = fmax(best, dot_doubles(point, x + 4 * l, 4));
		by_level += best;
	}
	ok(sphx_spherical_count(code) == UINT64_MAX && fabs(product - by_level) < 1e-12 &&
	   fabs(product - dot_doubles(x, word, 64)) < 1e-12 && fabs(dot_doubles(word, word, 64) - 1.0) < 1e-12,
	   "the reference vector among 64^16");
	sphx_spherical_release(code);
}


/* Distributions */

/* of the inner product of directions of d - 1 dimensions, made once for every d */
static const SphxSine *
inner(int d)
{
	static SphxSine *tables[MAX_D + 1];

	if (tables[d] == NULL)
		tables[d] = sphx_sine_create(env, d - 3);
	return tables[d];
}

static void
test_beta(void)
{
	double		off[3] = {0};

	/* phi = psi = a right angle: KS1 is W itself, t = (1 + x) / 2 */
	for (double x = -0.95; x < 1.0; x += 0.1)
	{
		double		t = (1.0 + x) / 2.0;

		off[0] = fmax(off[0], fabs(sphx_ks1_distribution(inner(3), PI / 2, PI / 2, x) - 2.0 / PI * asin(sqrt(t))));
		off[1] = fmax(off[1], fabs(sphx_ks1_distribution(inner(4), PI / 2, PI / 2, x) - t));
		off[2] = fmax(off[2], fabs(sphx_ks1_distribution(inner(6), PI / 2, PI / 2, x) - t * t * (3 - 2 * t)));
	}
	ok(off[0] < 1e-9 && off[1] < 1e-9 && off[2] < 1e-9, "I_t(a, a) for a = 1/2, 1, 2");
	ok(sphx_ks1_distribution(inner(5), 1.0, 0.5, cos(1.5) - 0.01) == 0.0 &&
	   sphx_ks1_distribution(inner(5), 1.0, 0.5, cos(0.5) + 0.01) == 1.0, "nothing outside cos(phi +- psi)");
	ok(fabs(sphx_ks2_exceedance(inner(9), 1.0, 0.5, 1.0) - 0.5) < 1e-12, "KS2 is symmetric around cos phi");
}

/* the largest distance of an empirical distribution from the uniform one on [0, 1] */
static double
distance_from_uniform(double *values, int n)
{
	double		worst = 0.0;

	qsort(values, (size_t) n, sizeof(double), sphx_compare_doubles);
	for (int i = 0; i < n; i++)
	{
		double		below = values[i] - (double) i / n;
		double		above = (i + 1.0) / n - values[i];

		/* not fmax: GCC 12 for AArch64 breaks down over the reduction */
		if (below > worst)
			worst = below;
		if (above > worst)
			worst = above;
	}
	return worst;
}

/*
 * Lemma 4.2: whatever the reference angle, the distribution function takes KS1
 * to a uniform number (Kolmogorov's test, 1 % level).
 */
static void
test_lemma_4_2(const char *name, int d, double phi)
{
	enum
	{
		n = 4000
	};
	static double uniform[n];
	SphxSpherical *code = make_code(name, d);
	double		q[MAX_D];
	double		v[MAX_D];
	double		reference[MAX_D];
	double		distance;
	SphxRandom	random;

	sphx_random_seed(&random, 14);
	unit_pair(&random, d, phi, q, v);
	for (int i = 0; i < n; i++)
	{
		SphxAngle  *angle = sphx_angle_create(env, code, (uint64_t) i);
		double		psi = acos(sphx_ks1_reference(angle, q, reference));

		uniform[i] = sphx_ks1_distribution(inner(d), phi, psi, dot_doubles(reference, v, d));
		sphx_angle_release(angle);
	}
	distance = distance_from_uniform(uniform, n);
	ok(distance < 1.63 / sqrt(n), "Lemma 4.2, %s(%d), phi %.2f: off by %.4f", name, d, phi, distance);
	sphx_spherical_release(code);
}

/* how often KS1 tells the nearer of two vectors */
static double
comparison_rate(const char *name, int d, int n)
{
	SphxSpherical *code = make_code(name, d);
	double		q[MAX_D];
	double		v[2][MAX_D];
	double		reference[MAX_D];
	int			right = 0;
	SphxRandom	random;

	sphx_random_seed(&random, 15);
	for (int i = 0; i < n; i++)
	{
		SphxAngle  *angle = sphx_angle_create(env, code, (uint64_t) i);

		random_unit(&random, d, q);
		random_unit(&random, d, v[0]);
		random_unit(&random, d, v[1]);
		sphx_ks1_reference(angle, q, reference);
		right += (dot_doubles(q, v[0], d) > dot_doubles(q, v[1], d)) ==
			(dot_doubles(reference, v[0], d) > dot_doubles(reference, v[1], d));
		sphx_angle_release(angle);
	}
	sphx_spherical_release(code);
	return (double) right / n;
}

/* Lemma 4.2 (2): better than a guess, and the better the smaller the reference angle */
static void
test_comparison(void)
{
	double		two = comparison_rate("antipodal(2)", 16, 10000);
	double		some = comparison_rate("antipodal(32)", 16, 10000);
	double		product = comparison_rate("antipodal(32, 4)", 16, 10000);

	ok(two > 0.53 && some > two + 0.05 && product > some + 0.05,
	   "comparison: right in %.3f, %.3f, %.3f of the cases with 2, 32, 32^4 vectors", two, some, product);
}

/*
 * KS2 is unbiased with variance sin^2 phi tan^2 psi / (d - 1), and exceeds cos
 * theta as often as Lemma 4.3 says.
 */
static void
test_lemma_4_3(const char *name, int d, double phi, double theta)
{
	const int	n = 4000;
	SphxSpherical *code = make_code(name, d);
	double		q[MAX_D];
	double		v[MAX_D];
	double		sum = 0.0;
	double		square = 0.0;
	double		variance = 0.0;
	double		above = 0.0;
	double		expected = 0.0;
	SphxRandom	random;

	sphx_random_seed(&random, 16);
	unit_pair(&random, d, phi, q, v);
	for (int i = 0; i < n; i++)
	{
		SphxAngle  *angle = sphx_angle_create(env, code, (uint64_t) i);
		double		cosine;
		double		error = ks2(angle, d, q, v, &cosine) - cos(phi);

		sum += error / n;
		square += error * error / n;
		variance += pow(sin(phi) * tan(acos(cosine)), 2.0) / (d - 1) / n;
		above += (error + cos(phi) >= cos(theta)) / (double) n;
		expected += sphx_ks2_exceedance(inner(d), phi, acos(cosine), theta) / n;
		sphx_angle_release(angle);
	}
	ok(fabs(sum) < 3.0 * sqrt(variance / n), "KS2, %s(%d): bias %.4f", name, d, sum);
	ok(fabs(square / variance - 1.0) < 0.1, "KS2, %s(%d): variance %.5f, expected %.5f",
	   name, d, square, variance);
	ok(fabs(above - expected) < 3.0 * sqrt(0.25 / n) &&
	   (phi <= theta ? expected >= 0.5 - 1e-9 : expected < 0.5),
	   "Lemma 4.3, %s(%d), phi %.2f, theta %.2f: probability %.4f, expected %.4f",
	   name, d, phi, theta, above, expected);
	sphx_spherical_release(code);
}

/* Definition 4.1: the probability beyond the threshold falls with the angle, and with psi */
static void
test_sensitive(void)
{
	bool		falls = true;
	double		last = 1.0;

	for (double phi = 0.8; phi < 3.1; phi += 0.1)
	{
		double		p = sphx_ks2_exceedance(inner(32), phi, 0.9, 0.75);

		falls = falls && p < 0.5 && (p < last || p == 0.0) &&
			p <= sphx_ks2_exceedance(inner(32), phi, 1.0, 0.75);
		last = p;
	}
	ok(falls, "KS2 is angle-sensitive");
	ok(sphx_ks2_exceedance(inner(32), 1.0, 0.9, 1.0 + 1e-9) >= 0.5, "epsilon_1 = 1/2");
}

int
main(void)
{
	env = sphx_env_malloc();
	for (int d = 1; d <= 7; d++)
		test_rotation(d);
	test_rotation(101);
	test_trace();
	test_definition("E8", 8);
	test_definition("simplex", 5);
	test_definition("polygon(5)", 2);
	test_definition("antipodal(6, 3)", 12);
	test_definition("cross-polytopes(20)", 8);
	test_definition("gaussian(50, 2)", 8);
	test_definition("orthoplex", 1);
	test_exact();
	test_many_levels();
	test_beta();
	test_lemma_4_2("antipodal(16)", 12, 1.0);
	test_lemma_4_2("cross-polytopes(64, 4)", 32, 0.6);
	test_lemma_4_2("simplex", 3, 2.0);
	test_lemma_4_2("gaussian(8)", 20, 1.4);
	test_comparison();
	test_lemma_4_3("antipodal(16)", 12, 1.0, 1.1);
	test_lemma_4_3("antipodal(64, 4)", 32, 1.2, 1.1);
	test_lemma_4_3("E8", 8, 2.0, 1.9);
	test_sensitive();
	return tap_done();
}
