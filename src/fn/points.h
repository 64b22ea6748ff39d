/*-------------------------------------------------------------------------
 *
 * points.h
 *	  Sets of vectors as arguments of SQL functions, and results with more
 *	  than one column.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_POINTS_H
#define SPHX_POINTS_H

#include "server/compat.h"

#include "utils/array.h"

#include "math/codes/point_set.h"
#include "server/memory.h"
#include "type/vector.h"

/* what a set, a code or a result may take; sizes are checked before work begins */
#define SPHX_SET_BYTES		((double) (1024 * 1024) * 1024.0)

/* how far from 1 a norm may be where unit vectors are needed */
#define SPHX_UNIT_TOLERANCE	1e-4

/* options of a measure, as numbers */
#define SPHX_MAX_OPTIONS	3

/* a set of points, and the options that an aggregate was given */
typedef struct SphxPoints
{
	SphxPointSet set;
	size_t		room;			/* points that rows has room for */
	int			options;
	double		option[SPHX_MAX_OPTIONS];
	uint64_t	seed;			/* of random choices: 1 where none is taken */
	bool		seeded;			/* an aggregate was given the seed */
} SphxPoints;

/* The points of a vector[]: at least `least`, all of one dimension, none NULL, none NaN. */
extern SphxPoints *SphxPointsFromArray(ArrayType *array, int least);

/* may throw: the dimensions of the first vector of a query are known */
typedef void (*SphxCheckFirst) (void *arg, int d);

/*
 * The vectors of the query that is the function's first argument, at least one:
 * all, or when `sample` is not 0 a random sample of so many.  check may be NULL.
 */
extern SphxPoints *SphxPointsFromQuery(FunctionCallInfo fcinfo, SphxServerEnv *env, int64 sample,
									   uint64 seed, SphxCheckFirst check, void *arg);

/*
 * The same of a function's first argument, with the options that follow it;
 * where it is `seeded`, the last one is the seed.
 */
extern SphxPoints *SphxPointsOfArguments(FunctionCallInfo fcinfo, int least, bool seeded);

/*
 * What a model is trained on, at least one row: the first argument of a function of
 * (points, number, seed), or of (query, number, seed, sample).  The environment is
 * that of the task; a BLAS library has been loaded.
 */
extern SphxPoints *SphxPointsToTrain(FunctionCallInfo fcinfo, bool query, SphxServerEnv *env,
									 const char *task);

/*
 * The points that an aggregate has collected, at least `least`, for its final
 * function; NULL when there are none at all.  They may be asked for again: what
 * changes them works on a copy.
 */
extern SphxPoints *SphxPointsOfAggregate(FunctionCallInfo fcinfo, int least);

/* Add a point; rows lives in context. */
extern void SphxPointsAdd(SphxPoints *points, const Vector *v, MemoryContext context);

/* All have norm 1, or an error that names the first that has not. */
extern void SphxPointsCheckUnit(const SphxPoints *points);

/* None is zero; rows are scaled to norm 1. */
extern void SphxPointsNormalize(SphxPoints *points);

/* A copy in double precision, of norm 1 to its last digits; points must be unit. */
extern double *SphxPointsUnitDoubles(const SphxPoints *points);

/* "size of result ..." when bytes are more than SPHX_SET_BYTES */
extern void SphxCheckBytes(double bytes);

/* "... must be between ... and ..." */
extern void SphxCheckRange(const char *name, int64 value, int64 least, int64 most);

/* The function's result type as a tuple of these values. */
extern Datum SphxMakeRecord(FunctionCallInfo fcinfo, Datum *values, bool *nulls);

#endif							/* SPHX_POINTS_H */
