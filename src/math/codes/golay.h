/*-------------------------------------------------------------------------
 *
 * golay.h
 *	  The extended binary Golay code, from which the Leech lattice is made,
 *	  and the two parts of spherical codes that its words give.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_GOLAY_H
#define SPHX_GOLAY_H

#include <stdint.h>

#define SPHX_GOLAY_WORDS	4096
#define SPHX_GOLAY_OCTADS	759

typedef struct SphxGolay
{
	uint32_t	word[SPHX_GOLAY_WORDS]; /* 24 bits each */
	uint32_t	octad[SPHX_GOLAY_OCTADS];	/* the words of weight 8 */
	double		bytes[3][2][256];	/* scratch of the decoders */
} SphxGolay;

extern void sphx_golay_init(SphxGolay *golay);

/*
 * SPHX_PART_OCTADS and SPHX_PART_GOLAY (parts.h) in 24 dimensions: codeword
 * `index`, and the codeword with the largest inner product with x, which is
 * returned.
 */
extern void sphx_octads_word(const SphxGolay *golay, uint64_t index, double *word);
extern double sphx_octads_best(SphxGolay *golay, const double *x, uint64_t *index);
extern void sphx_golay_word(const SphxGolay *golay, uint64_t index, double *word);
extern double sphx_golay_best(SphxGolay *golay, const double *x, uint64_t *index);

#endif							/* SPHX_GOLAY_H */
