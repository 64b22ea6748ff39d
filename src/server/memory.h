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

#include "server/compat.h"

#include "utils/timestamp.h"

#include "math/base/env.h"

typedef struct SphxServerEnv
{
	SphxEnv		base;			/* first, so that a pointer to it is one to
								 * this */
	MemoryContext context;
	int			progress;		/* parameter of the command's progress that
								 * tick() sets, or -1 */
	uint64		progress_from;	/* what it is when nothing is done, */
	uint64		progress_count; /* and by how much it has grown in the end */
	const char *task;			/* what tick() reports at DEBUG1, once a
								 * second, or NULL */
	TimestampTz reported;		/* when the last report was, or 0 */
} SphxServerEnv;

/* All memory comes from this context; no progress is reported. */
extern void SphxInitEnv(SphxServerEnv *env, MemoryContext context);

/*
 * From now on tick() counts from `from` up by `count` in this parameter of the
 * command's progress; -1: in none.
 */
extern void SphxCountProgress(SphxServerEnv *env, int param, uint64 from, uint64 count);

/*
 * A full array of *room elements with twice the room and `more`, which *room is
 * then; NULL and 0 at first, when it comes from `context`.
 */
extern void *SphxEnlarge(MemoryContext context, void *array, int *room, int more, Size size);

/* Load the BLAS library, or an error that says what is missing. */
extern void SphxLoadBlas(void);

/* The current context; progress of the task is reported at DEBUG1. */
extern void SphxInitTask(SphxServerEnv *env, const char *task);

#endif							/* SPHX_MEMORY_H */
