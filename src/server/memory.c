/*-------------------------------------------------------------------------
 *
 * memory.c
 *	  The math layer's environment inside the server.
 *
 *-------------------------------------------------------------------------
 */
#include "server/memory.h"

#include "miscadmin.h"
#include "pgstat.h"
#include "utils/memutils.h"

#include "math/base/blas.h"

/* vectors that start at a cache line are faster to read; palloc aligns to 8 bytes */
#define ENV_ALIGN			64

/* The chunk's own address is kept in front of the aligned one. */
static void *
context_alloc(SphxEnv *env, size_t size)
{
	char	   *chunk = MemoryContextAllocHuge(((SphxServerEnv *) env)->context,
											   size + sizeof(void *) + ENV_ALIGN);
	void	  **aligned = (void **) TYPEALIGN(ENV_ALIGN, chunk + sizeof(void *));

	aligned[-1] = chunk;
	return aligned;
}

static void
context_release(SphxEnv *env, void *ptr)
{
	pfree(((void **) ptr)[-1]);
}

void *
SphxEnlarge(MemoryContext context, void *array, int *room, int more, Size size)
{
	*room = 2 * *room + more;
	if (array == NULL)
		return MemoryContextAllocHuge(context, size * (Size) *room);
	return repalloc_huge(array, size * (Size) *room);
}

/* the first call only takes the time, so that short tasks report nothing */
static void
report_task(SphxServerEnv *env, uint64_t done, uint64_t total)
{
	TimestampTz now = GetCurrentTimestamp();

	if (env->reported != 0 && now - env->reported < USECS_PER_SEC)
		return;
	if (env->reported != 0 && total > 0)
		ereport(DEBUG1,
				(errmsg_internal("%s: step " UINT64_FORMAT " of " UINT64_FORMAT, env->task,
								 (uint64) done, (uint64) total)));
	else if (env->reported != 0)
		ereport(DEBUG1,
				(errmsg_internal("%s: step " UINT64_FORMAT, env->task, (uint64) done)));
	env->reported = now;
}

static void
check_interrupts(SphxEnv *env, uint64_t done, uint64_t total)
{
	SphxServerEnv *server = (SphxServerEnv *) env;

	CHECK_FOR_INTERRUPTS();
	if (unlikely(server->progress >= 0) && total > 0)
		pgstat_progress_update_param(server->progress, (int64) (server->progress_from +
																(double) server->progress_count *
																(double) done / (double) total));
	if (unlikely(server->task != NULL))
		report_task(server, done, total);
}

void
SphxInitEnv(SphxServerEnv *env, MemoryContext context)
{
	env->task = NULL;
	env->reported = 0;
	env->base.alloc = context_alloc;
	env->base.release = context_release;
	env->base.tick = check_interrupts;
	env->base.scratch = SPHX_DEFAULT_SCRATCH;
	env->base.workers = NULL;
	env->context = context;
	env->progress = -1;
}

void
SphxCountProgress(SphxServerEnv *env, int param, uint64 from, uint64 count)
{
	env->progress = param;
	env->progress_from = from;
	env->progress_count = count;
}

void
SphxLoadBlas(void)
{
	const char *why;

	if (!sphx_blas_load(&why))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FILE),
				 errmsg("could not load a BLAS library: %s", why),
				 errhint("Install one, such as the package libopenblas0.")));
}

void
SphxInitTask(SphxServerEnv *env, const char *task)
{
	SphxInitEnv(env, CurrentMemoryContext);
	env->task = task;
}
