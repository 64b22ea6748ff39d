/*-------------------------------------------------------------------------
 *
 * spectrum_private.h
 *	  What the files of the spectrum (differences.c, directions.c, spectrum.c) share.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_SPECTRUM_PRIVATE_H
#define SPHX_SPECTRUM_PRIVATE_H

#include <stdbool.h>

#include "math/base/random.h"
#include "math/train/spectrum.h"

#define SPHX_NEIGHBOURS		16

/* differences in a block, and rows of a matrix product */
#define SPHX_NEAR_BLOCK	256

/* A row whose nearest rows are looked for; half of them train, the others are held out. */
typedef struct SphxAnchor
{
	int			row;
	int			count;			/* of neighbours */
	int			doubts;			/* neighbours whose distance was not clear */
	int			ids[SPHX_NEIGHBOURS];
	float		squares[SPHX_NEIGHBOURS];	/* of distances, ascending */
} SphxAnchor;

typedef struct SphxNearSearch
{
	SphxEnv    *env;
	int			n;
	int			D;
	const float *sample;
	float		scale;			/* makes the largest entry about 1 */
	int			anchor_count;
	SphxAnchor *anchors;
	bool	   *seen;			/* n: ends of differences of the trained half */
	SphxRandom	random;
} SphxNearSearch;

/* an anchor's half */
typedef enum SphxHalf
{
	SPHX_TRAINED,
	SPHX_HELD_OUT
} SphxHalf;

/* some differences as unit vectors, one a row */
typedef struct SphxDifferences
{
	bool		all;			/* those that lead to seen rows, too */
	int			anchor;			/* the next one, */
	int			neighbour;		/* and its neighbour */
	int			end;			/* of the anchors */
	int			count;			/* rows */
	float	   *rows;			/* SPHX_NEAR_BLOCK x D */
} SphxDifferences;

/*
 * differences.c: choose the anchors and find their neighbours; *search has env, n, D and
 * sample.  And release what that takes.
 */
extern void sphx_near_start(SphxNearSearch *search, uint64_t seed);
extern void sphx_near_end(const SphxNearSearch *search);

/* neighbours found */
extern int	sphx_near_count(const SphxNearSearch *search);

/* the mean of the rows that are finite, scaled: D numbers */
extern void sphx_near_mean(const SphxNearSearch *search, double *mean);

/* part number `part` of `parts` of the differences of one half; all: also to seen rows */
extern void sphx_first_differences(const SphxNearSearch *search, SphxHalf half, bool all, int part,
								   int parts, SphxDifferences *edges);

/* Make the next block; false when there are no more. */
extern bool sphx_next_differences(const SphxNearSearch *search, SphxDifferences *edges);

/* where the memory of a spectrum's work is */
typedef struct SphxDirections
{
	int			count;			/* directions */
	float	   *vectors;		/* count x D, rounded up to groups of 4;
								 * shared */
	float	   *image;			/* the same: V E^T E */
	float	   *parts;			/* IMAGE_PARTS x count x D: those of parts of
								 * the differences; shared */
	float	   *products;		/* count x SPHX_NEAR_BLOCK */
	SphxDifferences edges;
} SphxDirections;

/* directions.c: room for work->count directions */
extern void sphx_directions_allocate(const SphxNearSearch *search, SphxDirections *work);
extern void sphx_directions_release(const SphxNearSearch *search, const SphxDirections *work);

/* Find those along which the trained half differs most, orthonormal, at least one. */
extern void sphx_directions_find(SphxNearSearch *search, SphxDirections *work);

#endif							/* SPHX_SPECTRUM_PRIVATE_H */
