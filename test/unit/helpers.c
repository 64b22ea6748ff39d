/*-------------------------------------------------------------------------
 *
 * helpers.c
 *	  What unit tests share beside tap.h.
 *
 *-------------------------------------------------------------------------
 */
#include <stdlib.h>
#include <string.h>

#include "helpers.h"

static void *
counting_alloc(SphxEnv *env, size_t size)
{
	CountingEnv *c = (CountingEnv *) env;
	void	   *ptr = malloc(size > 0 ? size : 1);

	if (ptr == NULL)
		abort();
	memset(ptr, 0xa5, size);
	c->live++;
	c->allocations++;
	return ptr;
}

static void
counting_release(SphxEnv *env, void *ptr)
{
	((CountingEnv *) env)->live--;
	free(ptr);
}

static void
counting_tick(SphxEnv *env, uint64_t done, uint64_t total)
{
	CountingEnv *c = (CountingEnv *) env;

	c->ticks++;
	if (total > 0 && done > total)
		c->progress_sane = false;
}

CountingEnv counting = {{counting_alloc, counting_release, counting_tick,
SPHX_DEFAULT_SCRATCH, NULL}, 0, 0, 0, true};

double
dot_floats(const float *a, const float *b, int d)
{
	double		sum = 0.0;

	for (int i = 0; i < d; i++)
		sum += (double) a[i] * b[i];
	return sum;
}

double
dot_doubles(const double *a, const double *b, int d)
{
	double		sum = 0.0;

	for (int i = 0; i < d; i++)
		sum += a[i] * b[i];
	return sum;
}
