/*-------------------------------------------------------------------------
 *
 * norms.h
 *	  How long the rows of an index by inner product are.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_NORMS_H
#define SPHX_NORMS_H

#include "server/compat.h"

/* steps of an octave, and octaves: all that single precision has */
#define SPHX_NORM_STEPS		8
#define SPHX_NORM_OCTAVES	280

/* Rows counted by their norms; all zero before the first one. */
typedef struct SphxNorms
{
	float		largest;
	uint64		rows;
	uint64		counts[SPHX_NORM_OCTAVES * SPHX_NORM_STEPS];
} SphxNorms;

extern void SphxCountNorm(SphxNorms *norms, float norm);

/* The norm that one row in SPHX_LONG_PART exceeds, to one step; 0 of no rows. */
#define SPHX_LONG_PART		50
extern float SphxLongNorm(const SphxNorms *norms);

#endif							/* SPHX_NORMS_H */
