/*-------------------------------------------------------------------------
 *
 * code_bytes.h
 *	  What the bytes of an edge code stand for: codewords, length and gain.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_CODE_BYTES_H
#define SPHX_CODE_BYTES_H

#include <stdint.h>

/*
 * The product codebooks of edge codes (src/README, "Edge codes").  A piece is
 * one nibble: 16 codewords in piece_dim dimensions.
 */
typedef enum SphxCodebook
{
	SPHX_CODE_ORTHOPLEX,		/* 0.5 bit/dim: +-e_i in 8 dimensions; nibble
								 * = i, +8 for - */
	SPHX_CODE_SIGNS,			/* 1 bit/dim: (+-1)^4; bit i set = dimension i
								 * is negative */
	SPHX_CODE_LLOYD,			/* 2 bits/dim: two 4-level scalars; low 2 bits
								 * = first dimension, high 2 = second; level
								 * 0..3 = -10, -3, +3, +10 (times
								 * SPHX_LLOYD_UNIT of a standard deviation) */
	SPHX_CODE_LEVELS			/* 4 bits/dim: level 0..15 = -15, -13, ... +15
								 * (times SPHX_LEVELS_UNIT of a standard
								 * deviation) */
} SphxCodebook;

/* levels .4528 and 1.510 (Lloyd-Max for a normal variable) as 3 and 10 units */
#define SPHX_LLOYD_UNIT		0.1510f
#define SPHX_LLOYD_THRESHOLD 0.9816f

/* half the step of the best quantiser with 16 even steps (Max 1960) for a normal variable */
#define SPHX_LEVELS_UNIT	0.1676f

/*
 * Factors from x to table entries are RANGE / amax.  An orthoplex entry is one
 * rounded number of up to 127.  The others are sums of two rounded halves of
 * up to 63 each, and a half is up to 2 amax (signs) or amax (Lloyd, in terms
 * of the upper level).  A levels entry is 15 times one of up to 127 / 15.
 */
#define SPHX_RANGE_ORTHOPLEX	127.0f
#define SPHX_RANGE_SIGNS		31.5f
#define SPHX_RANGE_LLOYD		63.0f
#define SPHX_RANGE_LEVELS		127.0f

/* the lower Lloyd level in terms of the upper: 3 units of 10 */
#define SPHX_LLOYD_RATIO	0.3f
#define SPHX_LLOYD_TOP		(10.0f * SPHX_LLOYD_UNIT)

#define SPHX_LEVELS_TOP		(15.0f * SPHX_LEVELS_UNIT)

/*
 * Length code: a float with 3 bits of exponent and 5 of mantissa below a base
 * that the whole record shares.  Code c stands for the float with bit pattern
 * length_base + (c << 18); length_base is a multiple of 1 << 18.  The
 * shortest length is 2^-8 of the longest; code 0 stands for that and for all
 * below.
 */
#define SPHX_LENGTH_SHIFT	18

static inline float
sphx_length_decode(uint32_t length_base, uint8_t c)
{
	union
	{
		uint32_t	i;
		float		f;
	}			u;

	u.i = length_base + ((uint32_t) c << SPHX_LENGTH_SHIFT);
	return u.f;
}

/* Gain code: 1/A linearly from .75 */
#define SPHX_GAIN_MIN		0.75f
#define SPHX_GAIN_STEP		(1.0f / 128.0f)

static inline float
sphx_gain_decode(uint8_t c)
{
	return SPHX_GAIN_MIN + SPHX_GAIN_STEP * (float) c;
}

#endif							/* SPHX_CODE_BYTES_H */
