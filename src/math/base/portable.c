/*-------------------------------------------------------------------------
 *
 * portable.c
 *	  Arithmetic that gives the same bits on every machine.
 *
 * Only +, -, *, / and square root of IEEE arithmetic, in an order that the
 * source fixes.  A compiler may do operations on different elements side by
 * side, which changes nothing.
 *
 *-------------------------------------------------------------------------
 */
#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "math/base/portable.h"

#define PI					3.14159265358979323846
/* log(2) in two parts, the first with zeros at its end: k times it is exact */
#define LOG2_HIGH			0x1.62e42fefa38p-1
#define LOG2_LOW			0x1.ef35793c7673p-45
/* pi / 2 in two parts, likewise */
#define HALF_PI_HIGH		0x1.921fb544p+0
#define HALF_PI_LOW			0x1.0b4611a626331p-34

/* of single precision, relative */
#define ROUNDING			0x1p-24

typedef float Vector4 __attribute__((vector_size(16)));

static Vector4
load4(const float *x)
{
	Vector4		v;

	memcpy(&v, x, sizeof(v));
	return v;
}

/* 16 partial sums, which 4 registers of any processor hold */
float
sphx_portable_l2sq(const float *a, const float *b, size_t d)
{
	Vector4		s[4] = {{0}};
	Vector4		sum;
	float		rest = 0.0f;
	size_t		j = 0;

	for (; j + 16 <= d; j += 16)
	{
		Vector4		x0 = load4(a + j) - load4(b + j);
		Vector4		x1 = load4(a + j + 4) - load4(b + j + 4);
		Vector4		x2 = load4(a + j + 8) - load4(b + j + 8);
		Vector4		x3 = load4(a + j + 12) - load4(b + j + 12);

		s[0] += x0 * x0;
		s[1] += x1 * x1;
		s[2] += x2 * x2;
		s[3] += x3 * x3;
	}
	for (; j + 4 <= d; j += 4)
	{
		Vector4		x = load4(a + j) - load4(b + j);

		s[0] += x * x;
	}
	for (; j < d; j++)
		rest += (a[j] - b[j]) * (a[j] - b[j]);
	sum = (s[0] + s[2]) + (s[1] + s[3]);
	return ((sum[0] + sum[2]) + (sum[1] + sum[3])) + rest;
}

double
sphx_portable_square(const float *x, size_t d)
{
	double		s[4] = {0.0, 0.0, 0.0, 0.0};
	size_t		j = 0;

	for (; j + 4 <= d; j += 4)
	{
		s[0] += (double) x[j] * (double) x[j];
		s[1] += (double) x[j + 1] * (double) x[j + 1];
		s[2] += (double) x[j + 2] * (double) x[j + 2];
		s[3] += (double) x[j + 3] * (double) x[j + 3];
	}
	for (; j < d; j++)
		s[0] += (double) x[j] * (double) x[j];
	return (s[0] + s[2]) + (s[1] + s[3]);
}

/* exp by reduction to |r| <= log(2) / 2 and its power series */
double
sphx_portable_exp(double x)
{
	static const double inverse_factorial[] = {
		1.0, 1.0, 1.0 / 2, 1.0 / 6, 1.0 / 24, 1.0 / 120, 1.0 / 720, 1.0 / 5040, 1.0 / 40320,
		1.0 / 362880, 1.0 / 3628800, 1.0 / 39916800, 1.0 / 479001600
	};
	double		k;
	double		r;
	double		sum = 0.0;
	uint64_t	bits;
	double		power;

	if (x < -700.0)
		return 0.0;
	assert(x < 700.0);
	k = (double) (int) (x * 1.44269504088896340736 + (x < 0.0 ? -0.5 : 0.5));
	r = (x - k * LOG2_HIGH) - k * LOG2_LOW;
	for (int i = 12; i >= 0; i--)
		sum = sum * r + inverse_factorial[i];
	bits = (uint64_t) (1023 + (int) k) << 52;	/* 2^k */
	memcpy(&power, &bits, sizeof(power));
	return sum * power;
}

/* log by reduction to [sqrt(1/2), sqrt(2)) and the series of atanh */
double
sphx_portable_log(double x)
{
	int			exponent;
	double		m;
	double		t;
	double		sum = 0.0;

	assert(x > 0.0);
	m = frexp(x, &exponent);
	if (m < 0.70710678118654752440)
	{
		m *= 2.0;
		exponent--;
	}
	t = (m - 1.0) / (m + 1.0);
	for (int i = 21; i > 0; i -= 2)
		sum = sum * t * t + 1.0 / i;
	return exponent * 0.69314718055994530942 + 2.0 * t * sum;
}

double
sphx_portable_pow(double x, double y)
{
	return sphx_portable_exp(y * sphx_portable_log(x));
}

/*
 * sin(x + turns pi / 2), by reduction to |r| <= pi / 4 and one of two power
 * series
 */
static double
sine(double x, int turns)
{
	double		k = floor(x / (PI / 2.0) + 0.5);
	double		r = (x - k * HALF_PI_HIGH) - k * HALF_PI_LOW;
	double		square = r * r;
	double		sum = 1.0;
	int			quadrant = (int) ((int64_t) k + turns) & 3;
	int			first = quadrant % 2 == 0 ? 19 : 18;

	/* 1 - r^2 / (n (n - 1)) (1 - r^2 / ((n - 2) (n - 3)) ( ... */
	for (int n = first; n > 1; n -= 2)
		sum = 1.0 - square / (n * (n - 1.0)) * sum;
	if (quadrant % 2 == 0)
		sum *= r;
	return quadrant < 2 ? sum : -sum;
}

double
sphx_portable_sin(double x)
{
	return sine(x, 0);
}

double
sphx_portable_cos(double x)
{
	return sine(x, 1);
}

/*
 * Newton's method on the half-angle h, tan h = sqrt((1 - x) / (1 + x)): with
 * s and c the sine and cosine of the true one, sin(h - true) = c sin h - s cos
 * h, which does not cancel, so that two or three steps suffice from anywhere.
 */
double
sphx_portable_acos(double x)
{
	double		s = sqrt(fmax(0.0, 1.0 - x) / 2.0);
	double		c = sqrt(fmax(0.0, 1.0 + x) / 2.0);
	double		h = PI / 4.0;

	for (int step = 0; step < 8; step++)
	{
		double		off = c * sphx_portable_sin(h) - s * sphx_portable_cos(h);

		/* asin(off), as far as it matters near the end */
		h -= off + off * off * off / 6.0;
	}
	return 2.0 * h;
}

double
sphx_product_slack(size_t d)
{
	return (1.25 * (double) d + 32.0) * ROUNDING;
}
