/*-------------------------------------------------------------------------
 *
 * calibrate.h
 *	  Measuring which recall an index reaches by the width of the search.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_CALIBRATE_H
#define SPHX_CALIBRATE_H

#include "page/meta.h"
#include "server/memory.h"

/*
 * Measure, for rows of the index drawn at random that the searches do not see;
 * false where there are too few rows for it to make sense.  BLAS must have been
 * loaded.  On entry and return no page is locked; `memory` bytes are enough, and
 * env's tick() is told how much of the index has been read.
 */
extern bool SphxMeasureRecall(SphxPages *pages, SphxServerEnv *env, Size memory,
							  SphxCalibration *calibration);

#endif							/* SPHX_CALIBRATE_H */
