/*-------------------------------------------------------------------------
 *
 * helpers.h
 *	  What unit tests share beside tap.h.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_HELPERS_H
#define SPHX_HELPERS_H

#include <stdbool.h>

#include "math/base/env.h"

/* an environment that counts what is allocated and released, and fills it with garbage */
typedef struct CountingEnv
{
	SphxEnv		env;
	long		live;
	long		allocations;
	long		ticks;
	bool		progress_sane;	/* done never above a total that is known */
} CountingEnv;

extern CountingEnv counting;

extern double dot_floats(const float *a, const float *b, int d);
extern double dot_doubles(const double *a, const double *b, int d);

#endif							/* SPHX_HELPERS_H */
