/*-------------------------------------------------------------------------
 *
 * rotate.c
 *	  A fixed pseudo-random orthogonal transform in O(d log d).
 *
 * Four rounds.  A round multiplies every entry by a seeded random sign, cuts
 * the vector into blocks whose lengths are the powers of two of D's binary
 * representation and puts a Walsh-Hadamard transform over each block.  The
 * longest block is at the front in even rounds and at the back in odd ones.
 *
 * When D is no power of two a round goes on with other random signs and a
 * rotation by pi/4 (a reflection, to be exact) of each pair (i, i + D/2),
 * which carries what the short blocks hold into the long one of the next
 * round.  Of an odd D the entry left alone is the last one in even rounds, the
 * first in odd rounds.  Without those signs the pairs would undo the last step
 * of a block whose length is D - 1.
 *
 * The norming factors are multiplied into the signs: all else is additions
 * and subtractions in a fixed order, so that the result has the same bits on
 * every machine.
 *
 *-------------------------------------------------------------------------
 */
#include <assert.h>
#include <math.h>
#include <stdbool.h>

#include "math/base/random.h"
#include "math/base/rotate.h"
#include "math/kernels/kernels.h"

#define ROUNDS	4

/*
 * factors: of each round D for the blocks, (+-) block length^-1/2; when
 * mixed, another D for the pairs, (+-) 2^-1/2, or (+-) 1 for the entry that
 * has no partner.
 */
struct SphxRotation
{
	int			D;
	bool		mixed;			/* D is no power of two: rounds end with pairs */
	float		factors[];
};

/* a block of 2^k entries, and what lies outside of it and its predecessors */
typedef struct Block
{
	int			start;
	int			length;			/* 0 before the first */
	int			rest;			/* entries not yet in a block */
} Block;

static int
floor_power_of_2(int n)
{
	int			p = 1;

	assert(n >= 1);
	while (p <= n / 2)
		p *= 2;
	return p;
}

/* go on to the round's next block, the longest first; false after the last one */
static bool
next_block(int D, int round, Block *block)
{
	if (block->length == 0)
		block->rest = D;
	if (block->rest == 0)
		return false;
	block->length = floor_power_of_2(block->rest);
	/* even rounds cut blocks off at the front, odd ones at the back */
	block->start = round % 2 == 0 ? D - block->rest : block->rest - block->length;
	block->rest -= block->length;
	return true;
}

/* the first entry that has a partner: only of an odd D is it ever not 0 */
static int
first_pair(int D, int round)
{
	return D % 2 != 0 && round % 2 != 0 ? 1 : 0;
}

static float
random_sign(SphxRandom *random, double factor)
{
	return (float) (sphx_random_u64(random) >> 63 ? -factor : factor);
}

static const float *
block_factors(const SphxRotation *rotation, int round)
{
	int			arrays = rotation->mixed ? 2 * round : round;

	assert(round >= 0 && round < ROUNDS);
	return rotation->factors + (size_t) arrays * (size_t) rotation->D;
}

static const float *
pair_factors(const SphxRotation *rotation, int round)
{
	assert(rotation->mixed);
	return block_factors(rotation, round) + rotation->D;
}

SphxRotation *
sphx_rotation_create(SphxEnv *env, int D, uint64_t seed)
{
	SphxRotation *rotation;
	SphxRandom	random;
	bool		mixed = floor_power_of_2(D) != D;
	size_t		count = (size_t) D * (mixed ? 2 : 1) * ROUNDS;
	float	   *out;

	assert(D >= 1);
	rotation = env->alloc(env, sizeof(SphxRotation) + count * sizeof(float));
	rotation->D = D;
	rotation->mixed = mixed;
	sphx_random_seed(&random, seed);

	out = rotation->factors;
	for (int round = 0; round < ROUNDS; round++)
	{
		Block		block = {0};
		int			first = first_pair(D, round);
		int			last = first + D / 2 * 2 - 1;

		while (next_block(D, round, &block))
			for (int i = 0; i < block.length; i++)
				out[block.start + i] = random_sign(&random, sqrt(1.0 / block.length));
		out += D;
		if (!mixed)
			continue;
		for (int i = 0; i < D; i++)
			out[i] = random_sign(&random, i < first || i > last ? 1.0 : sqrt(.5));
		out += D;
	}
	assert(out == rotation->factors + count);
	return rotation;
}

static void
transform_blocks(int D, int round, float *x)
{
	Block		block = {0};

	while (next_block(D, round, &block))
		sphx_kernels->hadamard_f32(x + block.start, (size_t) block.length);
}

static void
transform_pairs(int D, int round, float *x)
{
	int			half = D / 2;
	float	   *first = x + first_pair(D, round);

	sphx_kernels->butterfly_f32(first, first + half, (size_t) half);
}

void
sphx_rotate(const SphxRotation *rotation, float *x)
{
	int			D = rotation->D;

	for (int round = 0; round < ROUNDS; round++)
	{
		sphx_kernels->mul_f32(x, block_factors(rotation, round), (size_t) D);
		transform_blocks(D, round, x);
		if (!rotation->mixed)
			continue;
		sphx_kernels->mul_f32(x, pair_factors(rotation, round), (size_t) D);
		transform_pairs(D, round, x);
	}
}

/* every step is its own transpose, so they are taken in reverse */
void
sphx_rotate_back(const SphxRotation *rotation, float *x)
{
	int			D = rotation->D;

	for (int round = ROUNDS - 1; round >= 0; round--)
	{
		if (rotation->mixed)
		{
			transform_pairs(D, round, x);
			sphx_kernels->mul_f32(x, pair_factors(rotation, round), (size_t) D);
		}
		transform_blocks(D, round, x);
		sphx_kernels->mul_f32(x, block_factors(rotation, round), (size_t) D);
	}
}
