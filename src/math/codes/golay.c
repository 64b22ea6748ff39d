/*-------------------------------------------------------------------------
 *
 * golay.c
 *	  The extended binary Golay code, from which the Leech lattice is made,
 *	  and the two parts of spherical codes that its words give.
 *
 * The cyclic code of length 23 with generator polynomial x^11 + x^10 + x^6 +
 * x^5 + x^4 + x^2 + 1, extended by a parity bit (Conway and Sloane, Sphere
 * Packings, Lattices and Groups, chapter 3).
 *
 *-------------------------------------------------------------------------
 */
#include <assert.h>
#include <math.h>
#include <stdbool.h>

#include "math/codes/golay.h"

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


/* OCTADS: number of the octad times 128, plus the signs of its first seven places */

void
sphx_octads_word(const SphxGolay *golay, uint64_t index, double *word)
{
	uint32_t	octad = golay->octad[index >> 7];
	uint32_t	signs = (uint32_t) (index & 127);
	bool		odd = false;
	int			bit = 0;

	for (int i = 0; i < 24; i++)
	{
		bool		minus;

		word[i] = 0.0;
		if (!(octad >> i & 1))
			continue;
		minus = bit < 7 ? signs >> bit & 1 : odd;
		odd ^= minus;
		bit++;
		word[i] = minus ? -2.0 : 2.0;
	}
}

/*
 * Sums and minima over the 24 places of a word are put together from those
 * over its three bytes.  For every byte and each of its 256 values, table 0
 * has the sum and table 1 the minimum of zero[i] over bits that are 0 and of
 * one[i] over bits that are 1.
 */
static void
tabulate_bytes(const double *zero, const double *one, SphxGolay *golay)
{
	for (int byte = 0; byte < 3; byte++)
	{
		for (unsigned value = 0; value < 256; value++)
		{
			double		sum = 0.0;
			double		least = HUGE_VAL;

			for (int bit = 0; bit < 8; bit++)
			{
				double		v = value >> bit & 1 ? one[8 * byte + bit] : zero[8 * byte + bit];

				/* infinite: the place counts for nothing */
				sum += v < HUGE_VAL ? v : 0.0;
				least = v < least ? v : least;
			}
			golay->bytes[byte][0][value] = sum;
			golay->bytes[byte][1][value] = least;
		}
	}
}

static double
byte_sum(const SphxGolay *golay, uint32_t word)
{
	return golay->bytes[0][0][word & 255] + golay->bytes[1][0][word >> 8 & 255] +
		golay->bytes[2][0][word >> 16];
}

static double
byte_least(const SphxGolay *golay, uint32_t word)
{
	double		a = golay->bytes[0][1][word & 255];
	double		b = golay->bytes[1][1][word >> 8 & 255];
	double		c = golay->bytes[2][1][word >> 16];

	a = b < a ? b : a;
	return c < a ? c : a;
}

static bool
odd_bits(uint32_t x)
{
	x ^= x >> 16;
	x ^= x >> 8;
	x ^= x >> 4;
	return 0x6996u >> (x & 15) & 1;
}

/* signs of x on the octad with the smallest one flipped when they are odd */
static uint64_t
octad_signs(uint32_t octad, const double *x)
{
	uint32_t	signs = 0;
	double		least = HUGE_VAL;
	int			least_bit = 0;
	bool		odd = false;
	int			bit = 0;

	for (int i = 0; i < 24; i++)
	{
		if (!(octad >> i & 1))
			continue;
		if (fabs(x[i]) < least)
		{
			least = fabs(x[i]);
			least_bit = bit;
		}
		if (x[i] < 0.0)
		{
			signs |= UINT32_C(1) << bit;
			odd = !odd;
		}
		bit++;
	}
	if (odd)
		signs ^= UINT32_C(1) << least_bit;
	return signs & 127;
}

double
sphx_octads_best(SphxGolay *golay, const double *x, uint64_t *index)
{
	double		size[24];
	double		nothing[24];
	uint32_t	minus = 0;
	double		best = -HUGE_VAL;
	int			best_octad = 0;

	for (int i = 0; i < 24; i++)
	{
		size[i] = fabs(x[i]);
		nothing[i] = HUGE_VAL;
		minus |= (uint32_t) (x[i] < 0.0) << i;
	}
	tabulate_bytes(nothing, size, golay);
	for (int k = 0; k < SPHX_GOLAY_OCTADS; k++)
	{
		uint32_t	octad = golay->octad[k];
		double		sum = byte_sum(golay, octad);

		if (odd_bits(octad & minus))
			sum -= 2.0 * byte_least(golay, octad);
		if (sum > best)
		{
			best = sum;
			best_octad = k;
		}
	}
	*index = (uint64_t) best_octad << 7 | octad_signs(golay->octad[best_octad], x);
	return 2.0 * best;
}


/* GOLAY: number of the word times 24, plus the place of the 3 */

void
sphx_golay_word(const SphxGolay *golay, uint64_t index, double *word)
{
	uint32_t	signs = golay->word[index / 24];

	for (int i = 0; i < 24; i++)
	{
		word[i] = signs >> i & 1 ? -1.0 : 1.0;
		if (i == (int) (index % 24))
			word[i] *= -3.0;
	}
}

double
sphx_golay_best(SphxGolay *golay, const double *x, uint64_t *index)
{
	double		negative[24];
	double		best = -HUGE_VAL;
	uint32_t	best_word = 0;
	int			place = 0;

	for (int i = 0; i < 24; i++)
		negative[i] = -x[i];
	tabulate_bytes(x, negative, golay);
	for (uint32_t k = 0; k < SPHX_GOLAY_WORDS; k++)
	{
		uint32_t	word = golay->word[k];

		/* the smallest number changes from once to -3 times */
		double		sum = byte_sum(golay, word) - 4.0 * byte_least(golay, word);

		if (sum > best)
		{
			best = sum;
			best_word = k;
		}
	}
	for (int i = 1; i < 24; i++)
	{
		uint32_t	signs = golay->word[best_word];
		double		v = signs >> i & 1 ? -x[i] : x[i];

		if (v < (signs >> place & 1 ? -x[place] : x[place]))
			place = i;
	}
	*index = (uint64_t) best_word * 24 + (uint64_t) place;
	return best;
}
