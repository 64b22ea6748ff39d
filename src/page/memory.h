/*-------------------------------------------------------------------------
 *
 * memory.h
 *	  The math layer's environment inside the server: memory from a memory
 *	  context, interrupts and progress.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_MEMORY_H
#define SPHX_MEMORY_H

#include "sphx.h"

#include "math/env.h"

typedef struct SphxServerEnv
{
	SphxEnv		base;			/* first, so that a pointer to it is one to
								 * this */
	MemoryContext context;
	int			progress;		/* parameter of the command's progress that
								 * tick() sets, or -1 */
} SphxServerEnv;

/* All memory comes from this context; no progress is reported. */
extern void SphxInitEnv(SphxServerEnv *env, MemoryContext context);

/* Load the BLAS library, or an error that says what is missing. */
extern void SphxLoadBlas(void);

#endif							/* SPHX_MEMORY_H */
