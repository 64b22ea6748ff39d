/*-------------------------------------------------------------------------
 *
 * budget.c
 *	  How a build divides maintenance_work_mem.
 *
 * A sixteenth is left to the allocator, which does not give back all that was
 * released, an eighth is for blocks of rows and products, of up to four
 * participants, or more where a part of it is as much as is of use, and an eighth
 * for sorting rows where they do not fit; centroids have a sixteenth at most; the
 * rest is for the rows of one shard and what its graph takes.  What a participant
 * has does not depend on their number, nor does anything else here: so the index
 * does not either.  Training comes
 * before there is a graph: it has the centroids up to four times (a quarter of
 * the memory) and a sample of the rows (a quarter), with another quarter of it
 * in a copy for seeding.
 *
 *-------------------------------------------------------------------------
 */
#include "am/create/build_state.h"

#include "miscadmin.h"

/* a graph is built over at least so many rows at a time, whatever the memory */
#define SMALLEST_SHARD		500

/* and at most, so that edges can be counted in 32 bits */
#define LARGEST_SHARD		40000000

/* for the BLAS library's buffers and the server's caches */
#define RESERVED			((Size) 1024 * 1024)

/* blocks larger than the upper bound would be of no use, smaller than the lower slow */
#define LEAST_SCRATCH		((Size) 256 * 1024)
#define MOST_SCRATCH		((Size) 16 * 1024 * 1024)

/* that share the blocks, whatever the memory */
#define PARTICIPANTS		4

static Size
memory(void)
{
	return (Size) maintenance_work_mem * 1024;
}

/* What all participants may take for blocks. */
Size
SphxBuildBlocks(void)
{
	return Max(memory() / 8, LEAST_SCRATCH);
}

/* What one of them may take. */
Size
SphxBuildScratch(void)
{
	return Max(Min(SphxBuildBlocks() / PARTICIPANTS, MOST_SCRATCH), LEAST_SCRATCH);
}

int
SphxBuildMostParticipants(void)
{
	return (int) (SphxBuildBlocks() / SphxBuildScratch());
}

/* What a sort of rows may take, in kB as the sort wants it. */
int
SphxBuildSortMemory(void)
{
	return Max(maintenance_work_mem / 8, 64);
}

/* The most floats of a sample of the rows. */
uint64
SphxBuildSampleFloats(void)
{
	return memory() / 4 / sizeof(float);
}

/* The most cells that are chosen without being asked for. */
int
SphxBuildMostCells(const SphxBuild *build)
{
	Assert(build->info.layout.D > 0);
	return (int) Min(memory() / 16 / (sizeof(float) * (Size) build->info.layout.D), SPHX_MAX_LISTS);
}

/*
 * How many rows a graph can be built over at a time, beside the centroids that
 * there are and, when the rows do not all fit, their sort.
 */
uint64
SphxBuildMostRows(const SphxBuild *build, bool sorted)
{
	Size		cells = (Size) Max(build->cells, build->options.lists);
	Size		others = RESERVED + memory() / 16 + SphxBuildBlocks() + cells * sizeof(float) * (Size) build->info.layout.D +
	(sorted ? (Size) SphxBuildSortMemory() * 1024 : 0);
	uint64		rows = memory() > others ? (memory() - others) / SphxBuildRowMemory(build) : 0;

	Assert(build->d >= build->info.layout.D);
	return Min(Max(rows, SMALLEST_SHARD), LARGEST_SHARD);
}
