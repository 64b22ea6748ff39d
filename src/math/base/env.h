/*-------------------------------------------------------------------------
 *
 * env.h
 *	  What the math layer asks of whoever runs it: memory, and a place to be
 *	  interrupted.
 *
 * The math layer includes no server header.  It allocates only through
 * SphxEnv, so that inside the server its memory belongs to a memory context:
 * tick() may leave by longjmp (a cancelled query), and then nothing leaks.
 * Math functions therefore hold no resource other than this memory.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_ENV_H
#define SPHX_ENV_H

#include <stddef.h>
#include <stdint.h>

typedef struct SphxEnv SphxEnv;
typedef struct SphxWorkers SphxWorkers;

/* what there is for blocks unless somebody asked for less */
#define SPHX_DEFAULT_SCRATCH	((size_t) 64 * 1024 * 1024)

struct SphxEnv
{
	/* size bytes aligned for any type (at least 16); never returns NULL */
	void	   *(*alloc) (SphxEnv *env, size_t size);
	void		(*release) (SphxEnv *env, void *ptr);

	/*
	 * Called often enough (at most some ten milliseconds of work apart) to
	 * cancel; reports progress of the current step, of a total that may be
	 * unknown (0).  May not return.
	 */
	void		(*tick) (SphxEnv *env, uint64_t done, uint64_t total);

	/*
	 * Bytes that work in blocks may take for them, beside its input and
	 * results; results do not depend on it but for rounding.
	 */
	size_t		scratch;

	/* other processes that take part in runs (parallel.h), or NULL */
	SphxWorkers *workers;
};

/* an environment over malloc, for programs without a server; aborts when out of memory */
extern SphxEnv *sphx_env_malloc(void);

#endif							/* SPHX_ENV_H */
