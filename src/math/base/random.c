/*-------------------------------------------------------------------------
 *
 * random.c
 *	  Seeded random numbers, the same sequence on every machine.
 *
 * xoshiro256++ seeded through splitmix64, both by Blackman and Vigna
 * (https://prng.di.unimi.it), written from their description.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>

#include "math/base/portable.h"
#include "math/base/random.h"

static uint64_t
rotate_left(uint64_t x, int k)
{
	return (x << k) | (x >> (64 - k));
}

void
sphx_random_seed(SphxRandom *r, uint64_t seed)
{
	for (int i = 0; i < 4; i++)
	{
		uint64_t	z = (seed += UINT64_C(0x9e3779b97f4a7c15));

		z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
		z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
		r->s[i] = z ^ (z >> 31);
	}
}

uint64_t
sphx_random_u64(SphxRandom *r)
{
	uint64_t	result = rotate_left(r->s[0] + r->s[3], 23) + r->s[0];
	uint64_t	t = r->s[1] << 17;

	r->s[2] ^= r->s[0];
	r->s[3] ^= r->s[1];
	r->s[1] ^= r->s[2];
	r->s[0] ^= r->s[3];
	r->s[2] ^= t;
	r->s[3] = rotate_left(r->s[3], 45);
	return result;
}

double
sphx_random_uniform(SphxRandom *r)
{
	return (double) (sphx_random_u64(r) >> 11) * (1.0 / 9007199254740992.0);	/* 2^-53 */
}

/* Marsaglia's polar method; the second variate is thrown away to keep the state small */
double
sphx_random_normal(SphxRandom *r)
{
	for (;;)
	{
		double		x = 2.0 * sphx_random_uniform(r) - 1.0;
		double		y = 2.0 * sphx_random_uniform(r) - 1.0;
		double		s = x * x + y * y;

		if (s > 0.0 && s < 1.0)
			return x * sqrt(-2.0 * sphx_portable_log(s) / s);
	}
}

uint64_t
sphx_random_below(SphxRandom *r, uint64_t n)
{
	uint64_t	reject = (0 - n) % n;	/* 2^64 mod n */
	uint64_t	x;

	do
		x = sphx_random_u64(r);
	while (x < reject);
	return x % n;
}
