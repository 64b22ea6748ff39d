/*-------------------------------------------------------------------------
 *
 * golay.h
 *	  The extended binary Golay code, from which the Leech lattice is made.
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
} SphxGolay;

extern void sphx_golay_init(SphxGolay *golay);

#endif							/* SPHX_GOLAY_H */
