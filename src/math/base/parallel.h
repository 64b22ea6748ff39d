/*-------------------------------------------------------------------------
 *
 * parallel.h
 *	  Work that is divided into items, for one process or several.
 *
 * A task is run for items 0 .. count - 1.  Every participant calls its work()
 * once, which takes items until there are none left.  The result must not
 * depend on who takes which: an item writes to places of its own, and reads
 * nothing that another item of the same run writes.
 *
 * Without workers (SphxEnv.workers) the caller is the only participant.  With
 * workers, processes that share no memory but what sphx_share has returned, a
 * participant gets a copy of the state in which the pointers that the task names
 * lead to the same arrays as the caller's.  A run in which one of them leads
 * elsewhere is left to the caller alone.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_PARALLEL_H
#define SPHX_PARALLEL_H

#include <stdbool.h>

#include "math/base/env.h"

/* Hands out the items of one run. */
typedef struct SphxItems
{
	/* the next item; false when there is none */
	bool		(*next) (struct SphxItems *items, uint64_t *item);
	uint64_t	count;
	uint64_t	taken;
} SphxItems;

typedef struct SphxTask
{
	/*
	 * state: *state of sphx_run in the caller, else a copy; env: the
	 * participant's
	 */
	void		(*work) (SphxEnv *env, void *state, SphxItems *items);
	size_t		size;			/* of the state */
	int			pointer_count;
	const size_t *pointers;		/* offsets, in the state, of pointers to
								 * shared arrays, which may be NULL */
} SphxTask;

#define SPHX_TASK(function, type, offsets) \
	{(function), sizeof(type), (int) (sizeof(offsets) / sizeof((offsets)[0])), (offsets)}

/* Those who may take part, beside the caller. */
struct SphxWorkers
{
	void	   *(*share) (SphxWorkers *workers, SphxEnv *env, size_t size);
	void		(*unshare) (SphxWorkers *workers, SphxEnv *env, void *ptr);
	void		(*run) (SphxWorkers *workers, SphxEnv *env, const SphxTask *task, void *state,
						uint64_t count);
};

/* memory that all participants see, aligned and released as that of SphxEnv */
extern void *sphx_share(SphxEnv *env, size_t size);
extern void sphx_unshare(SphxEnv *env, void *ptr);

/* returns when all items are done */
extern void sphx_run(SphxEnv *env, const SphxTask *task, void *state, uint64_t count);

/* the same without workers */
extern void sphx_run_alone(SphxEnv *env, const SphxTask *task, void *state, uint64_t count);

/* items of `block` rows each that make up n rows; the rows of one: first .. end - 1 */
static inline uint64_t
sphx_blocks(uint64_t n, uint64_t block)
{
	return (n + block - 1) / block;
}

static inline bool
sphx_next_block(SphxItems *items, uint64_t n, uint64_t block, uint64_t *first, uint64_t *end)
{
	uint64_t	item;

	if (!items->next(items, &item))
		return false;
	*first = item * block;
	*end = n - *first < block ? n : *first + block;
	return true;
}

#endif							/* SPHX_PARALLEL_H */
