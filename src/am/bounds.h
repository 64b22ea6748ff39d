#ifndef SPHX_AM_BOUNDS_H
#define SPHX_AM_BOUNDS_H
#include "math/search.h"
extern void SphxBoundHit(SphxMetric metric, int D, double norm, const SphxHit *hit,
						 double *lower, double *upper);
#endif
