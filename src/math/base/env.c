/*-------------------------------------------------------------------------
 *
 * env.c
 *	  The environment of programs without a server: malloc, never interrupted.
 *
 *-------------------------------------------------------------------------
 */
#include <stdio.h>
#include <stdlib.h>

#include "math/base/env.h"

static void *
malloc_alloc(SphxEnv *env, size_t size)
{
	void	   *ptr = malloc(size ? size : 1);

	(void) env;
	if (ptr == NULL)
	{
		fprintf(stderr, "out of memory\n");
		abort();
	}
	return ptr;
}

static void
malloc_release(SphxEnv *env, void *ptr)
{
	(void) env;
	free(ptr);
}

static void
never_interrupted(SphxEnv *env, uint64_t done, uint64_t total)
{
	(void) env;
	(void) done;
	(void) total;
}

SphxEnv *
sphx_env_malloc(void)
{
	static SphxEnv env = {malloc_alloc, malloc_release, never_interrupted,
	SPHX_DEFAULT_SCRATCH, NULL};

	return &env;
}
