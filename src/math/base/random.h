/*-------------------------------------------------------------------------
 *
 * random.h
 *	  Seeded random numbers, the same sequence on every machine.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_RANDOM_H
#define SPHX_RANDOM_H

#include <stdint.h>

typedef struct SphxRandom
{
	uint64_t	s[4];			/* state of xoshiro256++ (Blackman and Vigna) */
} SphxRandom;

extern void sphx_random_seed(SphxRandom *r, uint64_t seed); /* any seed, zero too */
extern uint64_t sphx_random_u64(SphxRandom *r);
extern double sphx_random_uniform(SphxRandom *r);	/* [0, 1) */
extern double sphx_random_normal(SphxRandom *r);	/* mean 0, variance 1 */
extern uint64_t sphx_random_below(SphxRandom *r, uint64_t n);	/* 0 .. n-1, without
																 * bias; n >= 1 */

#endif							/* SPHX_RANDOM_H */
