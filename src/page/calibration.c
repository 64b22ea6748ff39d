/*-------------------------------------------------------------------------
 *
 * calibration.c
 *	  Which recall an index was seen to reach, by the width of the search.
 *
 *-------------------------------------------------------------------------
 */
#include "page/calibration.h"

#include <math.h>

#include "port/pg_crc32c.h"
#include "utils/inval.h"

/*
 * Between two widths the part that is missed is taken for a power of the width,
 * unless it changes by more than this factor: then something else has changed,
 * such as that all of the index is read.
 */
#define STEEPEST			8.0

/* widths up to this are taken as they are */
#define NARROW				10

/* of sphx.ef_search */
#define MOST_WIDTH			10000

const int	sphx_calibration_limits[SPHX_CALIBRATION_LIMITS] = {1, 10, 100};

/* Never 0: that means that there is none. */
static uint32
compute_checksum(const SphxCalibration *calibration)
{
	Size		from = offsetof(SphxCalibration, width_count);
	pg_crc32c	crc;

	INIT_CRC32C(crc);
	COMP_CRC32C(crc, (const char *) calibration + from, sizeof(SphxCalibration) - from);
	FIN_CRC32C(crc);
	return crc != 0 ? crc : 1;
}

static bool
is_sane(const SphxCalibration *calibration)
{
	return calibration->width_count >= 1 &&
		calibration->width_count <= SPHX_CALIBRATION_WIDTHS &&
		calibration->limit_count >= 1 &&
		calibration->limit_count <= SPHX_CALIBRATION_LIMITS &&
		calibration->widths[0] >= 1;
}

bool
SphxTakeCalibration(Relation index, Page page, SphxCalibration *calibration)
{
	memcpy(calibration, PageGetContents(page) + SPHX_CALIBRATION_OFFSET, sizeof(*calibration));
	if (calibration->checksum == 0)
	{
		memset(calibration, 0, sizeof(*calibration));
		return false;
	}
	if (calibration->checksum != compute_checksum(calibration) || !is_sane(calibration))
		SphxCorrupted(index, SPHX_META_BLOCK, "its calibration is damaged");
	return true;
}

void
SphxStoreCalibration(SphxPages *pages, SphxCalibration *calibration)
{
	Relation	index = pages->index;
	Buffer		buffer = SphxReadPage(pages, SPHX_META_BLOCK, SPHX_PAGE_META,
									  BUFFER_LOCK_EXCLUSIVE);
	SphxChange	change;

	Assert(is_sane(calibration));
	calibration->checksum = compute_checksum(calibration);
	SphxChangeBegin(&change, pages);
	memcpy(PageGetContents(SphxChangePage(&change, buffer)) + SPHX_CALIBRATION_OFFSET, calibration,
		   sizeof(*calibration));
	SphxChangeFinish(&change);
	UnlockReleaseBuffer(buffer);
	if (index->rd_amcache != NULL)
		pfree(index->rd_amcache);
	index->rd_amcache = NULL;
	CacheInvalidateRelcache(index);
}

/* What is missed at this width; not 0, which has no logarithm. */
static double
missed(const SphxCalibration *calibration, int limit, int width)
{
	double		least = 0.5 / ((double) calibration->queries * sphx_calibration_limits[limit] + 1.0);

	return Max(1.0 - (double) calibration->recall[limit][width], least);
}

/* The width for one of the limits, or the largest when it does not reach the target. */
static double
width_at(const SphxCalibration *calibration, int limit, double target)
{
	const uint16 *widths = calibration->widths;
	int			i = 0;
	double		before;
	double		here;

	while (i < calibration->width_count - 1 && calibration->recall[limit][i] < target)
		i++;
	if (i == 0 || calibration->recall[limit][i] < target)
		return widths[i];

	/*
	 * a search so narrow costs little, and what is enough at least (tuning.h)
	 * spoils the power
	 */
	if (widths[i] <= NARROW)
		return widths[i];

	/*
	 * where recall fell, as it does where another widening comes in, the
	 * width before stands in
	 */
	if (i >= 2 && calibration->recall[limit][i - 1] <= calibration->recall[limit][i - 2])
		return widths[i];
	before = missed(calibration, limit, i - 1);
	here = missed(calibration, limit, i);
	if (calibration->recall[limit][i - 1] == 0.0f || before > STEEPEST * here || before <= here ||
		target >= 1.0)
		return widths[i];
	return widths[i - 1] * pow((double) widths[i] / widths[i - 1],
							   log(before / (1.0 - target)) / log(before / here));
}

/* The two limits around this one, and how far it is between them on a logarithmic scale. */
static double
place_limit(const SphxCalibration *calibration, uint64 limit, int *below, int *above)
{
	int			last = calibration->limit_count - 1;

	*below = *above = 0;
	while (*above < last && (uint64) sphx_calibration_limits[*above] < limit)
		*below = (*above)++;
	if (*below == *above || limit >= (uint64) sphx_calibration_limits[*above])
	{
		*below = *above;
		return 0.0;
	}
	return log((double) limit / sphx_calibration_limits[*below]) /
		log((double) sphx_calibration_limits[*above] / sphx_calibration_limits[*below]);
}

int
SphxCalibratedWidth(const SphxCalibration *calibration, double target, uint64 limit,
					double *reached)
{
	int			last = calibration->width_count - 1;
	int			below = 0;
	int			above = calibration->limit_count - 1;
	double		part;
	double		width;

	Assert(calibration->checksum != 0);
	if (limit == 0)
	{
		/* enough for any number of rows */
		width = 0.0;
		*reached = 1.0;
		for (int i = 0; i <= above; i++)
		{
			width = Max(width, width_at(calibration, i, target));
			*reached = Min(*reached, (double) calibration->recall[i][last]);
		}
		return (int) ceil(width);
	}
	part = place_limit(calibration, limit, &below, &above);
	width = width_at(calibration, below, target);
	width *= pow(width_at(calibration, above, target) / width, part);
	width = Max(width, (double) Min(SphxWorthwhileWidth(limit), MOST_WIDTH));
	*reached = (1.0 - part) * (double) calibration->recall[below][last] +
		part * (double) calibration->recall[above][last];
	return (int) ceil(width);
}
