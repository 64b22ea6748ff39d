/*-------------------------------------------------------------------------
 *
 * progress.c
 *	  Phases of a build, in pg_stat_progress_create_index.
 *
 *-------------------------------------------------------------------------
 */
#include "am/create/progress.h"

#include "commands/progress.h"
#include "pgstat.h"

#include "am/create/build_state.h"

void
SphxBuildPhase(SphxBuild *build, int phase, uint64 done, uint64 total)
{
	const int	params[] = {
		PROGRESS_CREATEIDX_SUBPHASE, PROGRESS_CREATEIDX_TUPLES_TOTAL, PROGRESS_CREATEIDX_TUPLES_DONE
	};
	const int64 values[] = {phase, (int64) total, (int64) done};

	Assert(phase >= SPHX_PHASE_LOAD && phase <= SPHX_PHASE_CALIBRATE && done <= total);
	pgstat_progress_update_multi_param(3, params, values);
}

char *
sphxbuildphasename(int64 phase)
{
	static const char *const names[] = {
		[PROGRESS_CREATEIDX_SUBPHASE_INITIALIZE] = "initializing",
		[SPHX_PHASE_LOAD] = "loading tuples",
		[SPHX_PHASE_TRAIN] = "training centroids",
		[SPHX_PHASE_ASSIGN] = "assigning tuples to cells",
		[SPHX_PHASE_WRITE] = "writing nodes",
		[SPHX_PHASE_NEIGHBOURS] = "finding neighbours",
		[SPHX_PHASE_LINK] = "writing edges",
		[SPHX_PHASE_CALIBRATE] = "measuring recall"
	};

	if (phase < PROGRESS_CREATEIDX_SUBPHASE_INITIALIZE || phase >= (int64) lengthof(names))
		return NULL;
	return pstrdup(names[phase]);
}
