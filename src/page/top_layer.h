/*-------------------------------------------------------------------------
 *
 * top_layer.h
 *	  The top layer of centroids, where every search starts.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_TOP_LAYER_H
#define SPHX_TOP_LAYER_H

#include "page/meta.h"

/*
 * The centroids of the top layer, where every search starts: at most
 * SPHX_TOP_RECORDS rows of D floats, and the payload of each (SphxHitBelow).
 */
typedef struct SphxTopLayer
{
	BlockNumber start;			/* of the layer: when the cells are made anew
								 * there is another one */
	uint32		count;
	uint32		below[SPHX_TOP_RECORDS];
	float		centroids[FLEXIBLE_ARRAY_MEMBER];
} SphxTopLayer;

/*
 * A layer never changes.  The backend keeps those of the indexes used last
 * (SphxKeep); valid until the next call for another index, or of anything that
 * may process invalidations.  On entry no page is locked: those of the layer may
 * have to be read.
 */
extern const SphxTopLayer *SphxGetTopLayer(SphxPages *pages, const SphxIndexInfo *info);

#endif							/* SPHX_TOP_LAYER_H */
