/*-------------------------------------------------------------------------
 *
 * norms.c
 *	  How long the rows of an index by inner product are.
 *
 * See "Geometry" in src/README for what it is for.
 *
 *-------------------------------------------------------------------------
 */
#include "am/definition/norms.h"

#include <float.h>
#include <math.h>

/* binary exponent of the first octave, of the smallest numbers there are */
#define FIRST_EXPONENT		(-149)

StaticAssertDecl(FLT_MAX_EXP - FIRST_EXPONENT < SPHX_NORM_OCTAVES, "there is a norm without an octave");

void
SphxCountNorm(SphxNorms *norms, float norm)
{
	int			exponent;
	float		fraction = frexpf(norm, &exponent); /* 0, or .5 to 1 */
	int			step = 0;

	Assert(isfinite(norm) && norm >= 0.0f);
	if (norm > 0.0f)
		step = (exponent - FIRST_EXPONENT) * SPHX_NORM_STEPS +
			(int) ((fraction - 0.5f) * 2.0f * SPHX_NORM_STEPS);
	Assert(step >= 0 && step < SPHX_NORM_OCTAVES * SPHX_NORM_STEPS);
	norms->counts[step]++;
	norms->rows++;
	norms->largest = Max(norms->largest, norm);
}

float
SphxLongNorm(const SphxNorms *norms)
{
	int			step = SPHX_NORM_OCTAVES * SPHX_NORM_STEPS;
	uint64		longer = 0;
	float		end;

	if (norms->rows == 0)
		return 0.0f;
	while (longer <= norms->rows / SPHX_LONG_PART)
		longer += norms->counts[--step];
	Assert(step >= 0 && longer <= norms->rows);
	/* where the step ends */
	end = ldexpf(0.5f + 0.5f * (float) (step % SPHX_NORM_STEPS + 1) / SPHX_NORM_STEPS,
				 step / SPHX_NORM_STEPS + FIRST_EXPONENT);
	return Min(end, norms->largest);
}
