/*-------------------------------------------------------------------------
 *
 * test_spherical.c
 *	  Unit tests of spherical codes: constructions, decoders, measures,
 *	  collision probabilities.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "math/base/random.h"
#include "math/codes/collision.h"
#include "math/codes/point_set.h"
#include "math/codes/sine.h"
#include "math/codes/spherical.h"
#include "helpers.h"
#include "tap.h"

#define PI	3.14159265358979323846

static SphxEnv *env;

static SphxSpherical *
make_code(const char *name, int dim, SphxSphericalSpec *spec)
{
	SphxSphericalStatus status = sphx_spherical_parse(name, dim, spec);

	if (status != SPHX_SPHERICAL_OK)
	{
		ok(false, "%s(%d) can be had (status %d)", name, dim, (int) status);
		exit(1);
	}
	return sphx_spherical_create(env, spec);
}

/* all codewords, n x dim */
static double *
list_code(SphxSpherical *code)
{
	size_t		n = (size_t) sphx_spherical_count(code);
	size_t		d = (size_t) sphx_spherical_dim(code);
	double	   *words = malloc(n * d * sizeof(double));

	for (size_t i = 0; i < n; i++)
		sphx_spherical_word(code, i, words + i * d);
	return words;
}

static void
random_vector(SphxRandom *random, double *x, int d)
{
	for (int k = 0; k < d; k++)
		x[k] = sphx_random_normal(random);
}

/* every codeword decodes to itself, and random vectors to the best of the list */
static bool
decodes(SphxSpherical *code, const double *words)
{
	size_t		n = (size_t) sphx_spherical_count(code);
	int			d = sphx_spherical_dim(code);
	double		x[64];
	SphxRandom	random;

	for (size_t i = 0; i < n; i++)
	{
		if (sphx_spherical_decode(code, words + i * (size_t) d, NULL) != i)
			return false;
	}
	sphx_random_seed(&random, 7);
	for (int t = 0; t < 500; t++)
	{
		double		product;
		double		best = -HUGE_VAL;
		size_t		best_word = 0;

		random_vector(&random, x, d);
		for (size_t i = 0; i < n; i++)
		{
			double		p = dot_doubles(words + i * (size_t) d, x, d);

			if (p > best)
			{
				best = p;
				best_word = i;
			}
		}
		if (sphx_spherical_decode(code, x, &product) != best_word ||
			fabs(product - best) > 1e-12)
			return false;
	}
	return true;
}

static void
test_code(const char *name, int dim, size_t size)
{
	SphxSphericalSpec spec;
	SphxSpherical *code = make_code(name, dim, &spec);
	double	   *words = list_code(code);
	size_t		n = (size_t) sphx_spherical_count(code);
	double		largest = -1.0;
	double		norm_error = 0.0;
	double		centre[64] = {0};
	double		off = 0.0;

	for (size_t i = 0; i < n; i++)
	{
		const double *a = words + i * (size_t) dim;

		norm_error = fmax(norm_error, fabs(dot_doubles(a, a, dim) - 1.0));
		for (int k = 0; k < dim; k++)
			centre[k] += a[k] / (double) n;
		for (size_t j = 0; j < i; j++)
			largest = fmax(largest, dot_doubles(a, words + j * (size_t) dim, dim));
	}
	for (int k = 0; k < dim; k++)
		off = fmax(off, fabs(centre[k]));

	ok(n == size && sphx_spherical_size(&spec) == size, "%s(%d) has %zu codewords", name, dim, size);
	ok(norm_error < 1e-14 && off < 1e-14, "%s(%d): norm 1, centred", name, dim);
	if (spec.family->isogonal)
		ok(fabs(acos(largest) - sphx_spherical_min_angle(&spec)) < 1e-7,
		   "%s(%d): minimum angle %.4f degrees", name, dim, acos(largest) * 180.0 / PI);
	ok(decodes(code, words), "%s(%d): decoding", name, dim);
	free(words);
	sphx_spherical_release(code);
}

static void
test_constructions(void)
{
	for (int k = 1; k <= 7; k++)
	{
		test_code("simplex", k, (size_t) k + 1);
		test_code("orthoplex", k, 2 * (size_t) k);
		test_code("hypercube", k, (size_t) 1 << k);
		test_code("A", k, (size_t) (k * (k + 1)));
		if (k >= 2)
			test_code("D", k, (size_t) (2 * k * (k - 1)));
		if (k >= 3)
			test_code("demicube", k, (size_t) 1 << (k - 1));
	}
	test_code("m-max(3)", 3, 8);
	test_code("m-max(3)", 6, 160);
	test_code("m-max(4)", 7, 560);
	test_code("polygon(2)", 2, 2);
	test_code("polygon(5)", 2, 5);
	test_code("polygon(12)", 2, 12);
	test_code("icosahedron", 3, 12);
	test_code("dodecahedron", 3, 20);
	test_code("cuboctahedron", 3, 12);
	test_code("24-cell", 4, 24);
	test_code("600-cell", 4, 120);
	test_code("120-cell", 4, 600);
	test_code("1_21", 5, 16);
	test_code("1_31", 6, 32);
	test_code("2_21", 6, 27);
	test_code("3_21", 7, 56);
	test_code("E6", 6, 72);
	test_code("E7", 7, 126);
	test_code("E8", 8, 240);
	test_code("antipodal(8)", 3, 8);
	test_code("S_sym(6, 2, 5)", 6, 36);
	test_code("cross-polytopes(10, 2, 3)", 8, 100);
	test_code("cross-polytopes(16)", 8, 16);
}

/* distances from one minimal vector: 1, 4600, 47104, 93150, 47104, 4600, 1 */
static void
test_leech(void)
{
	static const int products[] = {4, 2, 1, 0, -1, -2, -4};
	static const int expected[] = {1, 4600, 47104, 93150, 47104, 4600, 1};
	SphxSphericalSpec spec;
	SphxSpherical *code = make_code("Leech", 24, &spec);
	size_t		n = (size_t) sphx_spherical_count(code);
	double	   *words = list_code(code);
	SphxRandom	random;
	bool		right = true;
	bool		itself = true;

	ok(n == 196560, "the Leech lattice has 196,560 minimal vectors");
	/* one of each shape */
	for (int shape = 0; shape < 3; shape++)
	{
		const double *x = words + 24 * (size_t) (shape == 0 ? 5 : shape == 1 ? 50000 : 150001);
		int			count[7] = {0};
		int			other = 0;

		for (size_t i = 0; i < n; i++)
		{
			double		p = 4.0 * dot_doubles(x, words + 24 * i, 24);
			int			j = 0;

			while (j < 7 && fabs(p - products[j]) > 1e-9)
				j++;
			if (j < 7)
				count[j]++;
			else
				other++;
		}
		right &= other == 0 && memcmp(count, expected, sizeof(count)) == 0;
	}
	ok(right, "inner products are those of the kissing configuration");
	for (size_t i = 0; i < n; i += 997)
		itself &= sphx_spherical_decode(code, words + 24 * i, NULL) == i;
	ok(itself, "minimal vectors decode to themselves");
	sphx_random_seed(&random, 3);
	right = true;
	for (int t = 0; t < 20; t++)
	{
		double		x[24];
		double		best = -HUGE_VAL;
		double		product;

		random_vector(&random, x, 24);
		for (size_t i = 0; i < n; i++)
			best = fmax(best, dot_doubles(x, words + 24 * i, 24));
		sphx_spherical_decode(code, x, &product);
		right &= fabs(product - best) < 1e-12;
	}
	ok(right, "random vectors decode to the best of all");
	free(words);
	sphx_spherical_release(code);
}

static void
test_parsing(void)
{
	SphxSphericalSpec spec;

	ok(sphx_spherical_parse("Rectified_Orthoplex", 4, &spec) == SPHX_SPHERICAL_OK &&
	   sphx_spherical_size(&spec) == 24, "aliases, whatever the case");
	ok(sphx_spherical_parse("nothing", 3, &spec) == SPHX_SPHERICAL_UNKNOWN, "unknown family");
	ok(sphx_spherical_parse("", 3, &spec) == SPHX_SPHERICAL_UNKNOWN, "no name");
	ok(sphx_spherical_parse("E8", 7, &spec) == SPHX_SPHERICAL_DIM, "wrong dimension");
	ok(sphx_spherical_parse("E8(1)", 8, &spec) == SPHX_SPHERICAL_PARAMS, "too many parameters");
	ok(sphx_spherical_parse("polygon", 2, &spec) == SPHX_SPHERICAL_PARAMS, "too few parameters");
	ok(sphx_spherical_parse("polygon(1)", 2, &spec) == SPHX_SPHERICAL_VALUE, "polygon of one point");
	ok(sphx_spherical_parse("polygon(x)", 2, &spec) == SPHX_SPHERICAL_SYNTAX, "not a number");
	ok(sphx_spherical_parse("antipodal(2, 1, 9223372036854775808)", 2, &spec) == SPHX_SPHERICAL_SYNTAX,
	   "too large a number");
	ok(sphx_spherical_parse("polygon(5", 2, &spec) == SPHX_SPHERICAL_SYNTAX, "no end");
	ok(sphx_spherical_parse("polygon(5) x", 2, &spec) == SPHX_SPHERICAL_SYNTAX, "more behind it");
	ok(sphx_spherical_parse("antipodal(7)", 4, &spec) == SPHX_SPHERICAL_VALUE, "odd antipodal code");
	ok(sphx_spherical_parse("antipodal(8, 3)", 4, &spec) == SPHX_SPHERICAL_VALUE,
	   "levels that do not divide");
	ok(sphx_spherical_parse("m-max(4)", 3, &spec) == SPHX_SPHERICAL_VALUE, "m above k");
	ok(sphx_spherical_parse("antipodal(256, 16)", 128, &spec) == SPHX_SPHERICAL_OK &&
	   sphx_spherical_size(&spec) == UINT64_MAX, "too many codewords to count");
}

static void
test_sine(void)
{
	SphxSine   *flat = sphx_sine_create(env, 0);
	SphxSine   *cosine = sphx_sine_create(env, 1);
	SphxSine   *steep = sphx_sine_create(env, 6);
	double		x = 1.234567;
	double		worst;

	worst = fmax(fabs(sphx_sine_cdf(flat, x) - x / PI),
				 fabs(sphx_sine_cdf(cosine, x) - (1.0 - cos(x)) / 2.0));
	/* the integral of sin^6 */
	worst = fmax(worst, fabs(sphx_sine_cdf(steep, x) -
							 (x - (15.0 * sin(2.0 * x) - 3.0 * sin(4.0 * x) + sin(6.0 * x) / 3.0) / 20.0) / PI));
	ok(worst < 1e-12, "integral of sin^p (off by %.2g)", worst);
	ok(sphx_sine_cdf(steep, -1.0) == 0.0 && sphx_sine_cdf(steep, 4.0) == 1.0, "outside");
	env->release(env, flat);
	env->release(env, cosine);
	env->release(env, steep);
}

static SphxCollision
collide(const char *name, int dim, double theta, int64_t samples)
{
	SphxSphericalSpec spec;
	SphxSpherical *code = make_code(name, dim, &spec);
	SphxCollisionParams params = {theta, samples, 1};
	SphxCollision result;

	sphx_collision(env, code, &params, &result);
	sphx_spherical_release(code);
	return result;
}

/* the same by brute force: hash pairs of Gaussian vectors */
static double
simulate(SphxSpherical *code, double theta, int n)
{
	int			d = sphx_spherical_dim(code);
	SphxRandom	random;
	int			hits = 0;

	sphx_random_seed(&random, 99);
	for (int t = 0; t < n; t++)
	{
		double		a[16];
		double		b[16];

		random_vector(&random, a, d);
		random_vector(&random, b, d);
		for (int k = 0; k < d; k++)
			b[k] = cos(theta) * a[k] + sin(theta) * b[k];
		hits += sphx_spherical_decode(code, a, NULL) == sphx_spherical_decode(code, b, NULL);
	}
	return (double) hits / n;
}

/* rows of Table 1 of Laarhoven: theta = pi/12 .. 5 pi/12 */
static const struct
{
	const char *name;
	int			dim;
	double		tolerance;
	double		rho[5];
}			table1[] = {
	{"orthoplex", 1, 1e-4, {0.1255, 0.2630, 0.4150, 0.5850, 0.7776}},
	{"simplex", 2, 1e-4, {0.1194, 0.2518, 0.4005, 0.5700, 0.7666}},
	{"orthoplex", 2, 1e-4, {0.1255, 0.2630, 0.4150, 0.5850, 0.7776}},
	{"polygon(5)", 2, 1e-4, {0.1343, 0.2788, 0.4346, 0.6040, 0.7905}},
	{"A", 2, 1e-4, {0.1438, 0.2954, 0.4544, 0.6222, 0.8022}},
	{"simplex", 3, 2e-3, {0.1155, 0.2445, 0.3910, 0.5600, 0.7592}},
	{"orthoplex", 3, 2e-3, {0.1159, 0.2465, 0.3952, 0.5661, 0.7649}},
	{"hypercube", 3, 1e-4, {0.1255, 0.2630, 0.4150, 0.5850, 0.7776}},
	{"icosahedron", 3, 2e-3, {0.1255, 0.2678, 0.4255, 0.5983, 0.7883}},
	{"cuboctahedron", 3, 2e-3, {0.1294, 0.2728, 0.4301, 0.6017, 0.7900}},
	{"dodecahedron", 3, 2e-3, {0.1509, 0.3077, 0.4692, 0.6360, 0.8112}},
	{"simplex", 4, 2e-3, {0.1126, 0.2392, 0.3840, 0.5527, 0.7537}},
	{"orthoplex", 4, 2e-3, {0.1107, 0.2368, 0.3822, 0.5528, 0.7553}},
	{"hypercube", 4, 1e-4, {0.1255, 0.2630, 0.4150, 0.5850, 0.7776}},
	{"A", 4, 2e-3, {0.1216, 0.2586, 0.4128, 0.5855, 0.7795}},
	{"D", 4, 2e-3, {0.1202, 0.2577, 0.4140, 0.5877, 0.7823}},
	{"24-cell", 4, 2e-3, {0.1202, 0.2577, 0.4140, 0.5877, 0.7823}},
	{"simplex", 5, 2e-3, {0.1105, 0.2354, 0.3785, 0.5469, 0.7493}},
	{"orthoplex", 5, 2e-3, {0.1076, 0.2299, 0.3733, 0.5433, 0.7483}},
	{"1_21", 5, 2e-3, {0.1080, 0.2330, 0.3794, 0.5516, 0.7554}},
	{"A", 5, 2e-3, {0.1167, 0.2494, 0.4007, 0.5735, 0.7713}},
	{"hypercube", 5, 1e-4, {0.1255, 0.2630, 0.4150, 0.5850, 0.7776}},
	{"D", 5, 2e-3, {0.1139, 0.2471, 0.4009, 0.5757, 0.7739}},
	{"simplex", 6, 2e-3, {0.1089, 0.2319, 0.3742, 0.5422, 0.7458}},
	{"orthoplex", 6, 2e-3, {0.1065, 0.2260, 0.3670, 0.5361, 0.7431}},
	{"2_21", 6, 2e-3, {0.1038, 0.2258, 0.3712, 0.5442, 0.7510}},
	{"1_31", 6, 2e-3, {0.1062, 0.2314, 0.3788, 0.5520, 0.7564}},
	{"A", 6, 2e-3, {0.1133, 0.2427, 0.3917, 0.5642, 0.7647}},
	{"D", 6, 2e-3, {0.1107, 0.2404, 0.3915, 0.5661, 0.7673}},
	{"hypercube", 6, 1e-4, {0.1255, 0.2630, 0.4150, 0.5850, 0.7776}}
};

static void
test_table1(void)
{
	for (size_t i = 0; i < sizeof(table1) / sizeof(table1[0]); i++)
	{
		double		worst = 0.0;
		double		bound = 0.0;

		for (int t = 0; t < 5; t++)
		{
			SphxCollision c = collide(table1[i].name, table1[i].dim, (t + 1) * PI / 12.0, 4096);

			worst = fmax(worst, fabs(c.rho - table1[i].rho[t]));
			bound = fmax(bound, c.rho_error);
		}
		ok(worst <= table1[i].tolerance, "Table 1, %s(%d): off by at most %.5f (integration: %.5f)",
		   table1[i].name, table1[i].dim, worst, bound);
	}
}

static void
test_closed_forms(void)
{
	SphxSphericalSpec spec;
	SphxSpherical *code;
	SphxCollision c;
	double		by_hand;

	/*
	 * the integral against closed forms: D_2 and the square are the same, but
	 * via points
	 */
	c = collide("icosahedron", 3, PI / 2.0, 1024);
	ok(fabs(c.p1 - 1.0 / 12.0) < 1e-9, "p1 = p2 at a right angle");
	c = collide("simplex", 3, 0.0, 1024);
	ok(c.p1 == 1.0 && c.p2 == 0.25, "p1 = 1 at angle 0");

	/* in two dimensions the same cells one by one, and as many as can be */
	code = make_code("polygon(7)", 2, &spec);
	{
		double	   *words = list_code(code);
		SphxSpherical *points = sphx_spherical_from_points(env, 7, 2, words);
		SphxCollisionParams params = {0.3, 0, 1};
		SphxCollision same;

		sphx_collision(env, points, &params, &c);
		sphx_collision(env, code, &params, &same);
		ok(c.exact && same.exact && fabs(c.p1 - same.p1) < 1e-14 && fabs(c.p2 - same.p2) < 1e-14,
		   "a polygon and its points: %.15f, %.15f", c.p1, same.p1);
		sphx_spherical_release(points);
		free(words);
	}
	sphx_spherical_release(code);
	/* n p1 -> 1 + (pi - theta) cot theta */
	c = collide("polygon(1000000000)", 2, PI / 3.0, 0);
	by_hand = 1.0 + 2.0 * PI / 3.0 / sqrt(3.0);
	ok(c.exact && fabs(c.p1 * 1e9 - by_hand) < 1e-9, "a large polygon: %.12f, %.12f", c.p1 * 1e9, by_hand);
}

static void
test_integral(void)
{
	SphxSphericalSpec spec;
	SphxSpherical *code;
	SphxCollision c;

	/* hypercubes as mere points, so that the integral is taken */
	code = make_code("hypercube", 3, &spec);
	{
		double	   *words = list_code(code);
		SphxSpherical *points = sphx_spherical_from_points(env, 8, 3, words);
		SphxCollisionParams params = {PI / 3.0, 16384, 1};

		sphx_collision(env, points, &params, &c);
		ok(!c.exact && fabs(c.p1 - 8.0 / 27.0) < c.p1_error + 1e-6 && c.p1_error < 5e-4,
		   "the integral agrees with a closed form: %.6f +- %.6f, %.6f", c.p1, c.p1_error, 8.0 / 27.0);
		ok(fabs(c.p2 - 0.125) < c.p2_error + 1e-6, "and so do the cells: %.6f +- %.6f", c.p2, c.p2_error);
		sphx_spherical_release(points);
		free(words);
	}
	sphx_spherical_release(code);
}

static void
test_simulations(void)
{
	SphxSphericalSpec spec;
	SphxSpherical *code;
	SphxCollision c;
	double		by_hand;

	/* a code without symmetry, and one of several levels */
	code = make_code("gaussian(9)", 4, &spec);
	{
		SphxCollisionParams params = {PI / 4.0, 8192, 1};

		by_hand = simulate(code, PI / 4.0, 400000);
		sphx_collision(env, code, &params, &c);
		ok(fabs(c.p1 - by_hand) < 0.003, "random points: %.4f, simulated %.4f", c.p1, by_hand);
		by_hand = simulate(code, PI / 2.0, 400000);
		ok(fabs(c.p2 - by_hand) < 0.003, "p2: %.4f, simulated %.4f", c.p2, by_hand);
	}
	sphx_spherical_release(code);
	code = make_code("antipodal(4, 2)", 6, &spec);
	{
		SphxCollisionParams params = {PI / 4.0, 8192, 1};

		by_hand = simulate(code, PI / 4.0, 400000);
		sphx_collision(env, code, &params, &c);
		ok(fabs(c.p1 - by_hand) < 0.003, "product code: %.4f, simulated %.4f", c.p1, by_hand);
	}
	sphx_spherical_release(code);
	c = collide("antipodal(2, 2)", 4, 1.0, 0);
	ok(c.exact && fabs(c.p1 - pow(1.0 - 1.0 / PI, 2.0)) < 1e-12, "two hyperplanes have a closed form");
}

/* a code as single precision rows */
static SphxPointSet
point_set(const char *name, int dim)
{
	SphxSphericalSpec spec;
	SphxSpherical *code = make_code(name, dim, &spec);
	double	   *words = list_code(code);
	size_t		numbers = (size_t) sphx_spherical_count(code) * (size_t) dim;
	float	   *rows = malloc(numbers * sizeof(float));
	SphxPointSet set = {(size_t) sphx_spherical_count(code), dim, rows};

	for (size_t i = 0; i < numbers; i++)
		rows[i] = (float) words[i];
	free(words);
	sphx_spherical_release(code);
	return set;
}

static void
check_covering(const char *name, int dim, double degrees)
{
	SphxPointSet set = point_set(name, dim);
	double		hole[64];
	double		radius = sphx_covering_radius(env, &set, 200, 1, hole);
	double		angle = 2.0 * asin(radius / 2.0) * 180.0 / PI;

	ok(fabs(angle - degrees) < 1e-3, "%s(%d): covering radius %.4f degrees, expected %.4f", name, dim,
	   angle, degrees);
	free((void *) set.rows);
}

static void
check_covering_bytes(size_t n, int d, double bytes)
{
	const SphxPointSet set = {.n = n,.d = d};

	ok(sphx_covering_bytes(&set) == bytes, "covering radius of %zu points in %d dimensions: %g bytes",
	   n, d, bytes);
}

static uint64_t ticks;
static uint64_t ticks_wrong;

static void
count_tick(SphxEnv *e, uint64_t done, uint64_t total)
{
	(void) e;
	ticks++;
	ticks_wrong += done >= total;
}

/* one sample is long enough to be interrupted: a tick at every step, and at every few rows */
static void
check_ticks(void)
{
	SphxEnv		counting = *env;
	SphxPointSet few = point_set("orthoplex", 30);
	SphxPointSet many = point_set("gaussian(20000)", 4);
	double		hole[30];

	counting.tick = count_tick;
	(void) sphx_covering_radius(&counting, &few, 1, 1, hole);
	ok(ticks == 30 && ticks_wrong == 0, "covering radius, 30 dimensions: %d ticks", (int) ticks);
	ticks = 0;
	(void) sphx_covering_radius(&counting, &many, 1, 1, hole);
	ok(ticks == 4 * 5 && ticks_wrong == 0, "covering radius, 20,000 points: %d ticks", (int) ticks);
	free((void *) few.rows);
	free((void *) many.rows);
}

static void
test_covering(void)
{
	check_covering("simplex", 3, 70.5288);
	check_covering("orthoplex", 3, 54.7356);
	check_covering("icosahedron", 3, 37.3774);
	check_covering("orthoplex", 8, acos(1.0 / sqrt(8.0)) * 180.0 / PI);
	check_covering("24-cell", 4, 45.0);
	check_covering("E8", 8, 45.0);
	check_covering("polygon(5)", 2, 36.0);
	check_covering("orthoplex", 1, 0.0);
	check_covering("gaussian(1)", 3, 180.0);
	check_covering("antipodal(2)", 3, 90.0);
	check_covering("antipodal(2)", 1, 0.0);
	check_covering_bytes(1, 16000, 2.0 * 16000.0 * 8.0);
	check_covering_bytes(5, 5, 5.0 * 5.0 * 8.0);
	check_covering_bytes(16000, 16000, 16000.0 * 16000.0 * 8.0);
	check_ticks();
}

/*
 * J(S) has a seed.  Two opposite points in 3 dimensions: the reference cosine
 * |u| is uniform on 0 .. 1, J is 1/2.
 */
static void
test_reference_seeds(void)
{
	static const float poles[] = {0.0f, 0.0f, 1.0f, 0.0f, 0.0f, -1.0f};
	const SphxPointSet set = {.n = 2,.d = 3,.rows = poles};
	SphxReferenceCosine first;
	SphxReferenceCosine again;
	SphxReferenceCosine other;

	for (uint64_t seed = 0; seed < 8; seed++)
	{
		sphx_reference_cosine(env, &set, 1, 20000, seed, &first);
		sphx_reference_cosine(env, &set, 1, 20000, seed, &again);
		sphx_reference_cosine(env, &set, 1, 20000, ~seed, &other);
		ok(fabs(first.estimate - 0.5) < 0.01 && fabs(other.estimate - 0.5) < 0.01 &&
		   first.error < 0.01, "J of two poles: %.4f and %.4f", first.estimate, other.estimate);
		ok(first.estimate == again.estimate && first.error == again.error, "the same seed again");
		ok(first.estimate != other.estimate && first.random == other.random, "another seed");
	}
}

static void
test_measures(void)
{
	SphxPointSet e8 = point_set("E8", 8);
	SphxPointSet many = point_set("gaussian(3000)", 16);
	SphxReferenceCosine j;
	double		tau = 0.05;
	SphxPointPair exact;
	SphxPointPair other;
	double		worst = HUGE_VAL;

	exact = sphx_nearest_pair(env, &e8);
	ok(fabs(exact.distance - 1.0) < 1e-6, "E8: nearest distance 1");
	ok(sphx_softmin_separation(env, &e8, tau) < exact.distance &&
	   sphx_softmin_separation(env, &e8, tau) > exact.distance - tau * log(240.0 * 239.0 / 2.0),
	   "soft-min is below the minimum by at most tau log pairs");
	ok(fabs(sphx_softmin_separation(env, &e8, 1e-4) - 1.0 + 1e-4 * log(240.0 * 56.0 / 2.0)) < 1e-5,
	   "for small tau by tau log of the number of nearest pairs");

	for (size_t i = 0; i < many.n; i++)
	{
		for (size_t k = 0; k < i; k++)
		{
			double		sum = 0.0;

			for (int c = 0; c < 16; c++)
				sum += pow((double) many.rows[i * 16 + (size_t) c] -
						   (double) many.rows[k * 16 + (size_t) c], 2.0);
			worst = fmin(worst, sqrt(sum));
		}
	}
	exact = sphx_nearest_pair(env, &many);
	ok(fabs(exact.distance - worst) < 1e-12, "nearest pair of 3,000 points");
	other = sphx_neighbour_pair(env, &many, 1);
	ok(other.i == exact.i && other.j == exact.j, "found through neighbours as well");
	other = sphx_sampled_pair(env, &many, 1000, 1);
	ok(other.distance >= exact.distance, "random pairs give an upper bound");

	/*
	 * J of random points is what Lemma B.1 says, of antipodal ones it is
	 * above
	 */
	sphx_reference_cosine(env, &many, 4, 2000, 1, &j);
	ok(fabs(j.estimate - j.random) < j.error + 0.01, "J of random points: %.4f +- %.4f, Lemma B.1 %.4f",
	   j.estimate, j.error, j.random);
	/* one point: E of a cosine is 0; two random ones in 3 dimensions: 1/3 */
	ok(fabs(sphx_random_reference_cosine(env, 1, 1, 5)) < 1e-9, "Lemma B.1, one point");
	ok(fabs(sphx_random_reference_cosine(env, 2, 1, 3) - 1.0 / 3.0) < 1e-9, "Lemma B.1, two points");
	ok(fabs(sphx_random_reference_cosine(env, 3, 1, 1) - 0.75) < 1e-12, "Lemma B.1, one dimension");
	sphx_reference_cosine(env, &e8, 1, 20000, 1, &j);
	ok(j.estimate > j.random, "J of E8 %.4f is above that of random points %.4f", j.estimate, j.random);
	free((void *) e8.rows);
	free((void *) many.rows);
}

int
main(void)
{
	env = sphx_env_malloc();
	test_parsing();
	test_constructions();
	test_leech();
	test_sine();
	test_table1();
	test_closed_forms();
	test_integral();
	test_simulations();
	test_covering();
	test_measures();
	test_reference_seeds();
	ok(sphx_kissing(8)->lower == 240 && sphx_kissing(24)->upper == 196560, "kissing numbers");
	return tap_done();
}
