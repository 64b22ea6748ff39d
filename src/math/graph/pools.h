/*-------------------------------------------------------------------------
 *
 * pools.h
 *	  Pools of rows among which nearest neighbours are sought (knn.c).
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_POOLS_H
#define SPHX_POOLS_H

#include "math/base/parallel.h"
#include "math/base/random.h"
#include "math/graph/construct.h"

/* Rows to compare: of those that ask the neighbours are sought, among all. */
typedef struct SphxPool
{
	uint32_t	count;
	uint32_t   *rows;
	bool	   *asks;
} SphxPool;

/* Several pools: pool p is what lies from start[p] to start[p + 1]. */
typedef struct SphxPools
{
	int			count;
	uint32_t   *start;			/* count + 1 */
	uint32_t   *rows;
	bool	   *asks;
} SphxPools;

/*
 * One pool for each of `count` cells, of the rows in `from` (NULL: all rows of
 * the input, which all ask) that have it among their `probes`, in their order.
 * cells: as in SphxBuildInput, for the rows of `from`.  A row that asks does so
 * in the pools of its nearest cells number asked_from .. asked_end - 1.  The
 * arrays are shared.
 */
extern void sphx_pools_group(SphxEnv *env, const SphxBuildInput *input, const SphxPool *from,
							 int count, int probes, const uint32_t *cells, int asked_from,
							 int asked_end, SphxPools *pools);

/* how many pools sphx_pools_divide would like to make of `count` rows */
extern uint32_t sphx_pool_parts(uint32_t count);

/*
 * Make smaller pools of a large one.  Returns false, and makes none, where its
 * rows are too much alike.
 */
extern bool sphx_pools_divide(SphxEnv *env, const SphxBuildInput *input, const SphxPool *pool,
							  int asked, SphxRandom *random, SphxPools *pools);

extern SphxPool sphx_pools_get(const SphxPools *pools, int number);
extern void sphx_pools_release(SphxEnv *env, SphxPools *pools);

/*
 * Put the rows of a pool in another order, so that each half of them lies on
 * one side of a plane.
 */
extern void sphx_pool_halve(SphxEnv *env, const SphxBuildInput *input, const SphxPool *pool,
							SphxRandom *random);

#endif							/* SPHX_POOLS_H */
