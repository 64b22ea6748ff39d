/*-------------------------------------------------------------------------
 *
 * memory.c
 *	  The math layer's environment inside the server.
 *
 *-------------------------------------------------------------------------
 */
#include "page/memory.h"

#include "miscadmin.h"
#include "pgstat.h"
#include "utils/memutils.h"

#include "math/blas.h"

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

static void
check_interrupts(SphxEnv *env, uint64_t done, uint64_t total)
{
	CHECK_FOR_INTERRUPTS();
	if (unlikely(((SphxServerEnv *) env)->progress >= 0))
		pgstat_progress_update_param(((SphxServerEnv *) env)->progress, (int64) done);
}

void
SphxInitEnv(SphxServerEnv *env, MemoryContext context)
{
	env->base.alloc = context_alloc;
	env->base.release = context_release;
	env->base.tick = check_interrupts;
	env->context = context;
	env->progress = -1;
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
