/*-------------------------------------------------------------------------
 *
 * golay.c
 *	  The extended binary Golay code, from which the Leech lattice is made.
 *
 * The cyclic code of length 23 with generator polynomial x^11 + x^10 + x^6 +
 * x^5 + x^4 + x^2 + 1, extended by a parity bit (Conway and Sloane, Sphere
 * Packings, Lattices and Groups, chapter 3).
 *
 *-------------------------------------------------------------------------
 */
#include <assert.h>

#include "golay.h"

#define GENERATOR	0xC75u
#define MESSAGE_BITS 12

static int
weight(uint32_t x)
{
	int			n = 0;

	for (; x != 0; x &= x - 1)
		n++;
	return n;
}

void
sphx_golay_init(SphxGolay *golay)
{
	int			octads = 0;

	for (uint32_t message = 0; message < SPHX_GOLAY_WORDS; message++)
	{
		uint32_t	word = 0;

		for (int bit = 0; bit < MESSAGE_BITS; bit++)
		{
			if (message >> bit & 1)
				word ^= GENERATOR << bit;
		}
		if (weight(word) % 2 != 0)
			word |= UINT32_C(1) << 23;
		golay->word[message] = word;
		if (weight(word) == 8)
		{
			assert(octads < SPHX_GOLAY_OCTADS);
			golay->octad[octads++] = word;
		}
	}
	assert(octads == SPHX_GOLAY_OCTADS);
}
