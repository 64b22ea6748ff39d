/*-------------------------------------------------------------------------
 *
 * calibration.h
 *	  Which recall an index was seen to reach, by the width of the search.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_CALIBRATION_H
#define SPHX_CALIBRATION_H

#include "page/page.h"

#define SPHX_CALIBRATION_WIDTHS 16
#define SPHX_CALIBRATION_LIMITS 3

/* rows wanted of a search: 1, 10, 100 */
extern const int sphx_calibration_limits[SPHX_CALIBRATION_LIMITS];

/*
 * A first beam (of twice ef_search) that does not hold the rows wanted is not worth
 * while: it is widened again and again, and reads more than a wide one.
 */
#define SphxWorthwhileWidth(limit) ((limit) / 2)

/*
 * At the very end of the metapage's data, where indexes older than it have
 * zeros: an index without a calibration.
 */
typedef struct SphxCalibration
{
	uint32		checksum;		/* CRC-32C of what is behind it; 0: none */
	uint16		width_count;	/* widths in use, at least 1 */
	uint16		limit_count;	/* limits in use: not those of as many rows as
								 * the index had */
	uint32		queries;		/* rows that were searched for */
	uint32		nodes;			/* in the index then */
	uint16		widths[SPHX_CALIBRATION_WIDTHS];	/* ef_search, ascending */
	float4		recall[SPHX_CALIBRATION_LIMITS][SPHX_CALIBRATION_WIDTHS];	/* not descending; 0
																			 * where the width is
																			 * not worth while */
} SphxCalibration;

StaticAssertDecl(sizeof(SphxCalibration) == 240, "calibrations are part of the format");

#define SPHX_CALIBRATION_OFFSET	(SPHX_PAGE_ROOM - sizeof(SphxCalibration))

StaticAssertDecl(SPHX_CALIBRATION_OFFSET % sizeof(uint32) == 0, "a calibration is aligned");

/*
 * The calibration on a metapage that is locked, or a copy.  False, with all of it
 * 0, when there is none; an error when it is damaged.
 */
extern bool SphxTakeCalibration(Relation index, Page page, SphxCalibration *calibration);

/*
 * Write it to the metapage, with a new checksum, and have all backends know of
 * it.  On entry and return no page is locked (L3).
 */
extern void SphxStoreCalibration(SphxPages *pages, SphxCalibration *calibration);

/*
 * The least ef_search that reaches this recall for so many rows, 0: a number that
 * is not known.  Where none does, the largest, and *reached is what it reaches;
 * else *reached is not less than the target.
 */
extern int	SphxCalibratedWidth(const SphxCalibration *calibration, double target, uint64 limit,
								double *reached);

#endif							/* SPHX_CALIBRATION_H */
