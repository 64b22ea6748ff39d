/*-------------------------------------------------------------------------
 *
 * codes.h
 *	  Spherical codes as arguments of SQL functions.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_CODES_H
#define SPHX_CODES_H

#include "server/compat.h"

#include "math/codes/spherical.h"
#include "server/memory.h"

/* The family and its parameters, or an error that says what there is. */
extern void SphxParseFamily(const char *name, int dim, SphxSphericalSpec *spec);

/*
 * A code made ready, kept from call to call of one expression.  The first
 * member of a struct with what else is kept for this code; all of that lives
 * in context, and is forgotten (zeroed) when the code changes.
 */
typedef struct SphxCodeCache
{
	Size		size;			/* of the whole struct */
	MemoryContext context;
	SphxServerEnv env;
	char	   *family;
	int			dim;
	SphxSpherical *code;
} SphxCodeCache;

/* The cache of this expression, a struct of this size, with this code in it. */
extern SphxCodeCache *SphxCacheCode(FunctionCallInfo fcinfo, Size size, text *family, int dim);

/* Progress over the cache's env is reported under this name from now on, or (NULL) not. */
extern void SphxCacheTask(SphxCodeCache *cache, const char *task);

#endif							/* SPHX_CODES_H */
