/*-------------------------------------------------------------------------
 *
 * sine.c
 *	  Distribution on [0, pi] with density proportional to sin^p.
 *
 * A table of the integral (Simpson's rule on every cell), interpolated with
 * cubics that have the right slope: errors below 1e-9 for p up to some 1,000,
 * and below 1e-5 for any p that a vector type allows.
 *
 *-------------------------------------------------------------------------
 */
#include <assert.h>
#include <math.h>

#include "math/codes/sine.h"

#define PI		3.14159265358979323846
#define CELLS	4096

struct SphxSine
{
	double		cdf[CELLS + 1];
	double		density[CELLS + 1]; /* per cell */
};

static double
sine_power(double x, int p)
{
	double		s = sin(x);

	if (p == 0)
		return 1.0;
	return s > 0.0 ? exp(p * log(s)) : 0.0;
}

SphxSine *
sphx_sine_create(SphxEnv *env, int p)
{
	SphxSine   *sine = env->alloc(env, sizeof(SphxSine));
	double		h = PI / CELLS;
	double		sum = 0.0;

	assert(p >= 0);
	for (int i = 0; i <= CELLS; i++)
		sine->density[i] = sine_power(i * h, p);
	sine->cdf[0] = 0.0;
	for (int i = 0; i < CELLS; i++)
	{
		sum += (sine->density[i] + 4.0 * sine_power((i + 0.5) * h, p) +
				sine->density[i + 1]) / 6.0;
		sine->cdf[i + 1] = sum;
	}
	for (int i = 0; i <= CELLS; i++)
	{
		sine->cdf[i] /= sum;
		sine->density[i] /= sum;
	}
	return sine;
}

double
sphx_sine_cdf(const SphxSine *sine, double x)
{
	double		place = x / PI * CELLS;
	int			i = (int) place;
	double		t = place - i;
	double		rest = 1.0 - t;

	if (!(x > 0.0))
		return 0.0;
	if (x >= PI)
		return 1.0;
	if (i >= CELLS)
		i = CELLS - 1;
	/* Hermite's cubic */
	return rest * rest * ((1.0 + 2.0 * t) * sine->cdf[i] + t * sine->density[i]) +
		t * t * ((1.0 + 2.0 * rest) * sine->cdf[i + 1] - rest * sine->density[i + 1]);
}
