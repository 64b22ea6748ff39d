/*-------------------------------------------------------------------------
 *
 * test_optimize.c
 *	  Unit tests of the code optimiser: known optima of packing and covering,
 *	  bounds, seeds, memory, derivatives by their effect (ten digits).
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "math/base/portable.h"
#include "math/codes/optimize_private.h"

#include "helpers.h"
#include "tap.h"

#define DEGREE		(3.14159265358979323846 / 180.0)
#define MAX_SIZE	8192

static double points[MAX_SIZE];

static SphxOptimizeReport
optimize(int n, int dim, SphxObjective objective, int restarts, uint64_t seed)
{
	SphxOptimizeParams params = {n, dim, objective, restarts, 0, seed, 0.05};
	SphxOptimizeReport report;

	if (sphx_optimize_check(&params) != SPHX_OPTIMIZE_OK || n * dim > MAX_SIZE)
		abort();
	sphx_optimize(&counting.env, &params, points, &report);
	return report;
}

/* smallest angle between two of the points, and whether all are unit vectors */
static double
measured_angle(int n, int dim, bool *unit)
{
	double		largest = -1.0;

	*unit = true;
	for (int i = 0; i < n; i++)
	{
		if (fabs(sphx_code_dot(points + i * dim, points + i * dim, dim) - 1.0) > 1e-14)
			*unit = false;
		for (int j = 0; j < i; j++)
			largest = fmax(largest, sphx_code_dot(points + i * dim, points + j * dim, dim));
	}
	return n > 1 ? acos(fmin(largest, 1.0)) : 0.0;
}

static void
expect_packing(int n, int dim, double degrees, double tolerance)
{
	SphxOptimizeReport report = optimize(n, dim, SPHX_OBJECTIVE_PACKING, 20, 1);
	bool		unit;
	double		angle = measured_angle(n, dim, &unit) / DEGREE;

	ok(unit && fabs(angle - degrees) <= tolerance && fabs(angle - report.min_angle / DEGREE) < 1e-6,
	   "packing of %d in %d dimensions: %.7f degrees, known %.7f", n, dim, angle, degrees);
}

/*
 * Tabulated optima (Sloane's tables, as cited by the issue), and closed forms
 * to ten digits: they prove the polish.
 */
static void
test_packing(void)
{
	expect_packing(7, 3, 77.8695, 0.0001);
	expect_packing(8, 3, 74.8585, 0.0001);
	expect_packing(9, 3, acos(1.0 / 3.0) / DEGREE, 1e-6);
	expect_packing(10, 3, 66.1468, 0.0001);
	expect_packing(11, 3, acos(1.0 / sqrt(5.0)) / DEGREE, 1e-6);
	expect_packing(12, 3, acos(1.0 / sqrt(5.0)) / DEGREE, 1e-6);
	expect_packing(13, 3, 57.1367, 0.0001);
	expect_packing(16, 3, 52.2444, 0.0001);
	expect_packing(20, 3, 47.4310, 0.0001);
	expect_packing(9, 4, 80.676, 0.0005);
	expect_packing(10, 4, acos(1.0 / 6.0) / DEGREE, 1e-6);
	expect_packing(11, 4, 76.679, 0.0005);
	expect_packing(12, 4, acos(1.0 / 4.0) / DEGREE, 1e-5);
	expect_packing(13, 4, 72.104, 0.0005);
	/* all of the list, with default arguments: make reproduce */
}

static void
expect_covering(int n, int dim, double degrees)
{
	SphxOptimizeReport report = optimize(n, dim, SPHX_OBJECTIVE_COVERING, n < 12 ? 8 : 16, 1);
	double		radius = report.covering_radius / DEGREE;

	ok(fabs(radius - degrees) <= 0.0001, "covering with %d in %d dimensions: %.7f degrees, known %.4f",
	   n, dim, radius, degrees);
}

/* no direction is farther from the points than the report says */
static void
test_radius_is_bound(void)
{
	SphxOptimizeReport report = optimize(10, 4, SPHX_OBJECTIVE_COVERING, 2, 3);
	SphxRandom	random;
	double		farthest = 1.0;
	double		x[4];

	sphx_random_seed(&random, 7);
	for (int s = 0; s < 20000; s++)
	{
		double		nearest = -1.0;

		sphx_code_random_direction(&random, x, 4);
		for (int i = 0; i < 10; i++)
			nearest = fmax(nearest, sphx_code_dot(x, points + 4 * i, 4));
		farthest = fmin(farthest, nearest);
	}
	ok(acos(farthest) <= report.covering_radius + 1e-9 &&
	   acos(farthest) > report.covering_radius - 0.1,
	   "20000 directions: at most %.4f degrees away, reported %.4f", acos(farthest) / DEGREE,
	   report.covering_radius / DEGREE);
}

static void
test_covering(void)
{
	expect_covering(4, 3, 70.5288);
	expect_covering(5, 3, 63.4349);
	expect_covering(6, 3, 54.7356);
	expect_covering(7, 3, 51.0266);
	expect_covering(8, 3, 48.1395);
	expect_covering(10, 3, 42.3078);
	expect_covering(12, 3, 37.3774);
	expect_covering(14, 3, 34.9379);
	expect_covering(8, 4, 60.0);
	expect_covering(3, 5, 90.0);
	test_radius_is_bound();
}

static void
test_bounded(void)
{
	SphxOptimizeReport covering = optimize(13, 3, SPHX_OBJECTIVE_COVERING, 16, 1);
	SphxOptimizeReport bounded = optimize(13, 3, SPHX_OBJECTIVE_BOUNDED, 16, 1);

	ok(fabs(bounded.covering_bound - 1.05 * covering.covering_radius) < 1e-6,
	   "the bound is 5 %% above the covering radius");
	ok(bounded.covering_radius <= bounded.covering_bound + 1e-7, "the bound is kept");
	ok(bounded.min_angle > covering.min_angle + 5.0 * DEGREE &&
	   bounded.min_angle < 57.1368 * DEGREE,
	   "separation %.4f degrees is between that of the covering (%.4f) and of the packing",
	   bounded.min_angle / DEGREE, covering.min_angle / DEGREE);
	bounded = optimize(12, 3, SPHX_OBJECTIVE_BOUNDED, 8, 1);
	ok(fabs(bounded.min_angle - acos(1.0 / sqrt(5.0))) < 1e-7,
	   "12 points: packing, covering and both are the icosahedron");
}

static void
expect_exact(int n, int dim, double angle)
{
	SphxOptimizeReport report = optimize(n, dim, SPHX_OBJECTIVE_PACKING, 0, 1);
	bool		unit;
	double		measured = measured_angle(n, dim, &unit);

	ok(unit && report.restarts == 0 && fabs(measured - angle) < 1e-7 &&
	   fabs(report.min_angle - angle) < 1e-7,
	   "known optimum of %d in %d dimensions", n, dim);
}

static void
test_known(void)
{
	expect_exact(1, 1, 0.0);
	expect_exact(2, 1, 180.0 * DEGREE);
	expect_exact(1, 2, 0.0);
	expect_exact(2, 2, 180.0 * DEGREE);
	expect_exact(5, 2, 72.0 * DEGREE);
	expect_exact(1, 7, 0.0);
	expect_exact(3, 3, 120.0 * DEGREE);
	expect_exact(4, 3, acos(-1.0 / 3.0));
	expect_exact(5, 3, 90.0 * DEGREE);
	expect_exact(6, 3, 90.0 * DEGREE);
	expect_exact(6, 4, 90.0 * DEGREE);
	expect_exact(7, 4, 90.0 * DEGREE);
	expect_exact(65, 64, acos(-1.0 / 64.0));
	expect_exact(60, 40, 90.0 * DEGREE);
}

static void
expect_check(SphxOptimizeParams params, SphxOptimizeCheck expected, const char *what)
{
	ok(sphx_optimize_check(&params) == expected, "check: %s", what);
}

static void
test_check(void)
{
	SphxOptimizeParams good = {7, 3, SPHX_OBJECTIVE_PACKING, 0, 0, 1, 0.05};
	SphxOptimizeParams p;

	expect_check(good, SPHX_OPTIMIZE_OK, "good parameters");
	p = good, p.n = 0;
	expect_check(p, SPHX_OPTIMIZE_NO_POINTS, "no points");
	p = good, p.dim = 0;
	expect_check(p, SPHX_OPTIMIZE_NO_DIMENSIONS, "no dimensions");
	p = good, p.dim = 1;
	expect_check(p, SPHX_OPTIMIZE_TOO_FEW_PLACES, "7 points in 1 dimension");
	p = good, p.restarts = -1;
	expect_check(p, SPHX_OPTIMIZE_BAD_RESTARTS, "negative restarts");
	p = good, p.iterations = -1;
	expect_check(p, SPHX_OPTIMIZE_BAD_ITERATIONS, "negative iterations");
	p = good, p.slack = NAN;
	expect_check(p, SPHX_OPTIMIZE_BAD_SLACK, "slack not a number");
	p = good, p.n = INT32_MAX;
	expect_check(p, SPHX_OPTIMIZE_TOO_LARGE, "2^31 - 1 points");
	p = good, p.n = INT32_MAX, p.dim = INT32_MAX;
	expect_check(p, SPHX_OPTIMIZE_TOO_LARGE, "as many dimensions as well");
	p = good, p.n = 100, p.dim = 33, p.objective = SPHX_OBJECTIVE_COVERING;
	expect_check(p, SPHX_OPTIMIZE_TOO_MANY_DIMENSIONS, "covering in 33 dimensions");
	p.n = 34;
	expect_check(p, SPHX_OPTIMIZE_OK, "but for a simplex");
}

static uint64_t
fingerprint(int size)
{
	uint64_t	hash = UINT64_C(1469598103934665603);

	for (int i = 0; i < size; i++)
	{
		uint64_t	bits;

		memcpy(&bits, points + i, sizeof(bits));
		hash = (hash ^ bits) * UINT64_C(1099511628211);
	}
	return hash;
}

static void
test_seed(void)
{
	uint64_t	first;

	optimize(9, 4, SPHX_OBJECTIVE_PACKING, 3, 5);
	first = fingerprint(36);
	printf("# fingerprint of packing %016llx\n", (unsigned long long) first);
	optimize(9, 4, SPHX_OBJECTIVE_PACKING, 3, 5);
	ok(fingerprint(36) == first, "the same seed, the same bits");
	optimize(9, 4, SPHX_OBJECTIVE_PACKING, 3, 6);
	ok(fingerprint(36) != first, "another seed, other points");
	optimize(9, 3, SPHX_OBJECTIVE_COVERING, 2, 5);
	first = fingerprint(27);
	printf("# fingerprint of covering %016llx\n", (unsigned long long) first);
	optimize(9, 3, SPHX_OBJECTIVE_COVERING, 2, 5);
	ok(fingerprint(27) == first, "the same for covering");
}

static void
test_elementary(void)
{
	double		worst_exp = 0.0;
	double		worst_log = 0.0;

	for (double x = -690.0; x < 690.0; x += 0.37)
	{
		worst_exp = fmax(worst_exp, fabs(sphx_portable_exp(x) / exp(x) - 1.0));
		if (fabs(x) > 0.1)
			worst_log = fmax(worst_log, fabs(sphx_portable_log(exp(x)) / x - 1.0));
	}
	ok(worst_exp < 1e-14, "exp: relative error %.2g", worst_exp);
	ok(worst_log < 1e-14, "log: relative error %.2g", worst_log);
	ok(sphx_portable_exp(-1000.0) == 0.0 && sphx_portable_exp(0.0) == 1.0, "exp: limits");
}

/* too large for a polish: annealing alone still has to separate well */
static void
test_unpolished(void)
{
	SphxOptimizeReport report = optimize(128, 16, SPHX_OBJECTIVE_PACKING, 1, 1);

	ok(!report.polished && report.min_angle > 70.0 * DEGREE,
	   "128 in 16 dimensions, annealed: %.3f degrees", report.min_angle / DEGREE);
}

int
main(void)
{
	test_elementary();
	test_check();
	test_known();
	test_packing();
	test_covering();
	test_bounded();
	test_seed();
	test_unpolished();
	ok(counting.live == 0, "all memory was released");
	ok(counting.ticks > 100 && counting.progress_sane, "%ld ticks, progress within its total",
	   counting.ticks);
	return tap_done();
}
